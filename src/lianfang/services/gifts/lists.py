"""Lists of gifts in and out: a table that donors' desks keep, imported whole or not at all; tables to keep."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lianfang.foundation.errors import BadInput, Conflict, LianfangError, NotFound
from lianfang.services import events
from lianfang.services.gate import fresh, require, within
from lianfang.services.gifts import catalogue, donors, giving, public, tracing
from lianfang.services.gifts.book import MOST
from lianfang.services.importing.report import Problem
from lianfang.services.installation import Installation, Who

if TYPE_CHECKING:
    import sqlalchemy as sa


MOST_ROWS = 5_000
_SHOWN = 20
#: Column -> its other names. ``item`` and ``quantity`` must be there; rows of one ``donor`` mark share a code.
COLUMNS: dict[str, tuple[str, ...]] = {
    "item": ("物资", "物资编号"),
    "quantity": ("数量",),
    "directed_to": ("定向单位",),
    "provenance": ("来源方式",),
    "purpose": ("用途",),
    "name": ("姓名", "捐赠人"),
    "phone": ("电话", "联系电话"),
    "show": ("署名",),
}
_YES, _NO = ("yes", "y", "1", "true", "是"), ("", "no", "n", "0", "false", "否")
EXPORTS = ("gifts", "items", "needs")


def import_list(
    inst: Installation, who: Who, event_id: str, path: Path | str, *, dry_run: bool = False
) -> dict[str, Any]:
    """Import a list of pledges (CSV or .xlsx), one gift a row: all rows or none.

    Columns: ``item``, ``quantity`` [, ``directed_to``, ``provenance``, ``purpose``, ``name``, ``phone``, ``show``], or
    their Chinese names. Returns ``rows`` and ``gifts``: row, gift id and the receipt code, told once.

    Raises:
        BadInput: the file or rows of it; names each row and column, never a value. Refused: role, area, law.
    """
    require(who, "gift.pledge")
    event = events.get(inst, event_id)
    within(who, str(event["adcode"]))
    if event["status"] != "open":
        raise Conflict("Gifts are taken in an open event only.")
    file, raw = _read(path)
    problems: list[Problem] = []
    checked = []
    with inst.store.read() as connection:
        known = _Known(connection)
        for number, row in raw:
            try:
                values = known.values(row)
                checked.append((number, giving.line(connection, values["line"]), values))
            except _Wrong as wrong:
                problems.append(Problem(file, number, wrong.column, wrong.reason))
            except LianfangError:  # a purpose that names somebody, or is no line
                problems.append(Problem(file, number, "purpose", "invalid"))
    if problems:
        told = " ".join(map(str, problems[:_SHOWN]))
        raise BadInput(f"{len(problems)} rows are wrong, and none was imported: {told}")
    if dry_run:
        return {"rows": len(checked), "gifts": []}
    return {"rows": len(checked), "gifts": _write(inst, who, event, checked)}


class _Wrong(Exception):
    """A value that can't be used: in which column, and why, by a code of the importer's reasons."""

    def __init__(self, column: str, reason: str) -> None:
        super().__init__(reason)
        self.column, self.reason = column, reason


class _Known:
    """What a list may name: read once."""

    def __init__(self, connection: sa.Connection) -> None:
        from lianfang.records import SupplyBody
        from lianfang.store import rows

        self.items = set(catalogue.known(connection))
        self.bodies = {row["body_id"] for row in rows(connection, SupplyBody)}

    def values(self, row: dict[str, str]) -> dict[str, Any]:
        """A row's line and donor, or :class:`_Wrong`."""
        for column in ("item", "quantity"):
            if not row[column]:
                raise _Wrong(column, "missing")
        quantity = row["quantity"].replace(",", "")
        if not (quantity.isascii() and quantity.isdigit()):
            raise _Wrong("quantity", "number")
        if len(quantity) > 13 or not 1 <= int(quantity) <= MOST:
            raise _Wrong("quantity", "out_of_range")
        directed, provenance = row.get("directed_to", ""), row.get("provenance", "")
        if row["item"] not in self.items:
            raise _Wrong("item", "not_allowed")
        if directed and directed not in self.bodies:
            raise _Wrong("directed_to", "not_allowed")
        if provenance and (provenance not in giving.PROVENANCE or (provenance == "open") == bool(directed)):
            raise _Wrong("provenance", "not_allowed")
        shown = row.get("show", "").casefold()
        if shown not in (*_YES, *_NO):
            raise _Wrong("show", "not_allowed")
        name, phone = row.get("name", ""), row.get("phone", "")
        for column, text in (("name", name), ("phone", phone)):
            if len(text) > donors.MOST_CHARACTERS:
                raise _Wrong(column, "too_long")
            if not text.isprintable():
                raise _Wrong(column, "control_character")
        if shown in _YES and not name:
            raise _Wrong("name", "missing")
        line = {"item": row["item"], "quantity": int(quantity), "directed_to": directed}
        line |= {"provenance": provenance, "purpose": row.get("purpose", "")}
        return {"line": line, "name": name, "phone": phone, "show": shown in _YES}


def _write(
    inst: Installation, who: Who, event: Any, checked: list[tuple[int, dict[str, Any], dict[str, Any]]]
) -> list[dict[str, Any]]:
    # identities first, each under the gate; then every gift in one transaction
    donated = [
        donors.collect(inst, who, event, values["name"], values["phone"], values["show"])
        for _, _, values in checked
    ]
    made = []
    with inst.store.begin() as connection:
        for (number, line, _), taken in zip(checked, donated, strict=True):
            code = donors.make_code()
            donors.keep(inst, connection, event["event_id"], taken)
            gift_id = giving.book_pledge(inst, connection, who, event["event_id"], line, taken.donor_id, code)
            made.append({"row": number, "gift_id": gift_id, "code": code})
    return made


def _read(path: Path | str) -> tuple[str, list[tuple[int, dict[str, str]]]]:
    """The file's name for messages, and its rows as column -> text with their number as a spreadsheet counts."""
    from lianfang.services.importing.source import opened
    from lianfang.services.importing.tables import read_table

    found: list[tuple[int, dict[str, str]]] = []
    with opened(path) as source:
        table = read_table(source)
        known = {alias: name for name, others in COLUMNS.items() for alias in (name, *others)}
        header = [known.get(name, "") for name in table.header]
        if unknown := [at + 1 for at, name in enumerate(header) if not name]:
            raise source.bad(
                f"has a column that a list of gifts has not (number {unknown[0]})",
                f"Columns: {', '.join(COLUMNS)}.",
            )
        if not {"item", "quantity"} <= set(header) or len(set(header)) < len(header):
            raise source.bad("needs the columns item and quantity, each once")
        for chunk in table.chunks:
            if chunk.misshapen:
                raise source.bad(f"has another number of columns in row {chunk.misshapen[0][0]}")
            for number, row in zip(chunk.numbers, chunk.rows, strict=True):
                if any(cell.strip() for cell in row):
                    found.append((number, dict(zip(header, (cell.strip() for cell in row), strict=True))))
            if len(found) > MOST_ROWS:
                raise source.bad(f"has more than {MOST_ROWS} rows")
        if not found:
            raise source.bad("has no rows")
        return source.name, found


def export(inst: Installation, who: Who, what: str, *, form: str = "csv") -> bytes:
    """A table to keep, as CSV (UTF-8 with its mark) or .xlsx: ``gifts``, ``items`` or ``needs``; no person is in it.

    Raises:
        NotFound: another table or form. Refused: the role, or a factor not shown just now.
    """
    require(who, "gift.read")
    fresh(who)
    if what not in EXPORTS or form not in ("csv", "xlsx"):
        raise NotFound(f"There are the tables {', '.join(EXPORTS)}, as csv or xlsx.")
    table = _TABLES[what](inst, who)
    return _csv(table) if form == "csv" else _xlsx(table, what)


def _gifts(inst: Installation, who: Who) -> list[list[Any]]:
    from lianfang.services.gifts.book import STATES

    columns = ("gift_id", "at", "item_id", "quantity", "provenance", "directed_to", "purchase_id")
    table: list[list[Any]] = [[*columns, *STATES]]
    last = ""
    while page := tracing.listing(inst, who, before=last, limit=1000):
        for one in page:
            table.append(
                [*(one[name] for name in columns), *(one["holds"].get(state, 0) for state in STATES)]
            )
        last = page[-1]["gift_id"]
    return table


def _items(inst: Installation, who: Who) -> list[list[Any]]:
    from lianfang.services.gifts.book import STATES

    table: list[list[Any]] = [["item_id", "name_zh", "name_en", "standard", "given", *STATES]]
    for one in public.overview(inst)["items"]:
        item = one["item"]
        states = [one["states"].get(state, 0) for state in STATES]
        table.append(
            [item["item_id"], item["name_zh"], item["name_en"], item["standard"], one["given"], *states]
        )
    return table


def _needs(inst: Installation, who: Who) -> list[list[Any]]:
    from lianfang.services.gifts.asking import needs

    columns = ("need_id", "body_id", "item_id", "quantity", "given", "delivered", "missing", "until", "stock",
               "daily_use", "days")  # fmt: skip
    return [list(columns), *([one[name] for name in columns] for one in needs(inst, who))]


_TABLES = {"gifts": _gifts, "items": _items, "needs": _needs}


def _texts(row: list[Any]) -> list[str]:
    from lianfang.services.importing.rows import escaped
    from lianfang.services.importing.tables import cell_text

    return escaped([cell_text(value) for value in row])


def _csv(table: list[list[Any]]) -> bytes:
    told = io.StringIO()
    csv.writer(told).writerows(_texts(row) for row in table)
    return ("\ufeff" + told.getvalue()).encode()


def _xlsx(table: list[list[Any]], title: str) -> bytes:
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    sheet = book.create_sheet(title)
    for row in table:
        texts = _texts(row)
        sheet.append(
            [value if isinstance(value, int) else text for value, text in zip(row, texts, strict=True)]
        )
    told = io.BytesIO()
    book.save(told)
    return told.getvalue()
