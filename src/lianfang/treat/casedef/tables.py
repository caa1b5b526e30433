"""People's findings as a table: one row a person, one column a finding; nothing in it names anybody."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

from lianfang.foundation.errors import BadInput
from lianfang.treat.casedef import editions

MOST_BYTES, MOST_ROWS, MOST_CELL = 32 * 1024 * 1024, 500_000, 200
YES = {"yes", "y", "1", "true", "是", "有", "阳性", "+"}
NO = {"no", "n", "0", "false", "否", "无", "阴性", "-"}
UNKNOWN = {"", "unknown", "na", "n/a", "?", "不详", "未查", "未知"}
#: The one column that is no finding: a number or code of the row's own.
ID = "id"


def people_of(raw: bytes, name: str = "the file") -> list[tuple[str, dict[str, Any]]]:
    """(id, findings) of each row of CSV or JSON (a list of objects); BadInput with row and column.

    A column that is no finding is refused, so that no name or number of a person comes along unread.
    """
    if len(raw) > MOST_BYTES:
        raise BadInput(f"{name} is larger than {MOST_BYTES // 1024**2} MiB.")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadInput(f"{name} is no text in UTF-8.") from None
    rows = _json(text, name) if text.lstrip()[:1] == "[" else _csv(text, name)
    if not rows:
        raise BadInput(
            f"{name} holds no row.", hint="The first row names findings; lianfang treat casedef --findings."
        )
    return rows


def _csv(text: str, name: str) -> list[tuple[str, dict[str, Any]]]:
    try:
        lines = list(csv.reader(io.StringIO(text), strict=True))
    except csv.Error:
        raise BadInput(f"{name} is no CSV: a quoted cell is not closed, or too long.") from None
    if len(lines) > MOST_ROWS + 1:
        raise BadInput(f"{name} has more than {MOST_ROWS:,} rows.")
    columns = [cell.strip() for cell in lines[0]] if lines else []
    _columns(columns, name)
    made = []
    for at, cells in enumerate(lines[1:], start=2):
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(columns):
            raise BadInput(f"{name}: row {at} has {len(cells)} cells, the first row {len(columns)}.")
        values = dict(zip(columns, cells, strict=True))
        key = values.pop(ID, "").strip()[:MOST_CELL] or str(at)
        made.append((key, {column: _cell(cell, column, at, name) for column, cell in values.items()}))
    return made


def _columns(columns: list[str], name: str) -> None:
    for column in columns:
        if column != ID and column not in editions.findings():
            raise BadInput(
                f"{name}: the column {column[:40]!r} is no finding.",
                hint="Only findings and a column id of the row's own code; lianfang treat casedef --findings.",
            )
    if len(set(columns)) != len(columns):
        raise BadInput(f"{name}: a column stands twice.")


def _cell(cell: str, column: str, row: int, name: str) -> bool | float | None:
    word = cell.strip().lower()
    if word in UNKNOWN:
        return None
    if len(editions.findings()[column]) == 3:
        try:
            number = float(word)
        except ValueError:
            number = -1.0
        if not 0 <= number <= 2000:
            raise BadInput(f"{name}: row {row}, column {column}: give a number from 0 to 2,000, or nothing.")
        return number
    if word in YES or word in NO:
        return word in YES
    raise BadInput(f"{name}: row {row}, column {column}: give yes, no, or nothing.")


def _json(text: str, name: str) -> list[tuple[str, dict[str, Any]]]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise BadInput(f"{name} is no JSON, or nested too deeply.") from None
    if len(found) > MOST_ROWS:
        raise BadInput(f"{name} has more than {MOST_ROWS:,} rows.")
    made = []
    for at, row in enumerate(found, start=1):
        if not isinstance(row, dict):
            raise BadInput(f"{name}: row {at} is no object of findings.")
        values = {str(key): value for key, value in row.items()}
        key = str(values.pop(ID, at))[:MOST_CELL]
        _columns(list(values), name)
        for column, value in values.items():
            if isinstance(value, str):
                values[column] = _cell(value, column, at, name)
        made.append((key, values))
    return made
