"""Reading a release candidate: frames, lists of rows and texts become plain, bounded values."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from lianfang.foundation.errors import BadInput
from lianfang.guard.disclosure.columns import kind_of

MAX_TABLES = 40
MAX_ROWS = 200_000
MAX_COLUMNS = 40
MAX_TEXTS = 200
MAX_TEXT = 50_000
MAX_VALUE = 400
TOTALS = frozenset({"*", "all", "total", "合计", "总计", "小计"})
KEYS = frozenset({"event", "as_of", "audience", "tables", "texts", "earlier", "pack", "withhold"})
_DATE = re.compile(r"(\d{4})[-/年.](\d{1,2})[-/月.](\d{1,2})日?(?:[T ].*)?")
_WEEK = re.compile(r"\d{4}-?W\d{2}")


@dataclass
class Draft:
    """A table of the candidate: its columns by role, its rows as they came."""

    name: str
    rows: list[dict[str, Any]]
    columns: dict[str, tuple[str, str]] = field(default_factory=dict)
    cumulative: bool = False


@dataclass
class Candidate:
    """A checked candidate."""

    event: Any
    as_of: str
    audience: str
    drafts: list[Draft]
    texts: dict[str, str]
    earlier: list[Mapping[str, Any]]
    pack: str | None
    withhold: bool


def _rows(name: str, raw: Any) -> list[dict[str, Any]]:
    if isinstance(raw, Mapping):
        columns = {str(key): list(values) for key, values in raw.items() if not isinstance(values, str)}
        if len(columns) != len(raw) or len({len(values) for values in columns.values()}) > 1:
            raise BadInput(f"table {name}: columns of equal length expected.")
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    if isinstance(raw, list | tuple):
        if not all(isinstance(row, Mapping) for row in raw):
            raise BadInput(f"table {name}: rows are mappings.")
        return [{str(key): value for key, value in row.items()} for row in raw]
    import narwhals as nw

    try:
        frame = nw.from_native(raw, eager_only=True)
    except TypeError:
        raise BadInput(f"table {name}: a frame or a list of rows expected.") from None
    if frame.shape[0] > MAX_ROWS:
        raise BadInput(f"table {name}: more than {MAX_ROWS} rows.")
    return [dict(row) for row in frame.iter_rows(named=True)]


def _draft(name: str, raw: Any) -> Draft:
    cumulative = False
    if isinstance(raw, Mapping) and "rows" in raw:
        name = str(raw.get("name", name))
        cumulative = bool(raw.get("cumulative", False))
        raw = raw["rows"]
    rows = _rows(name, raw)
    if len(rows) > MAX_ROWS:
        raise BadInput(f"table {name}: more than {MAX_ROWS} rows.")
    columns = list(dict.fromkeys(key for row in rows for key in row))
    if len(columns) > MAX_COLUMNS:
        raise BadInput(f"table {name}: more than {MAX_COLUMNS} columns.")
    return Draft(name, rows, {column: kind_of(column) for column in columns}, cumulative)


def _texts(raw: Any) -> dict[str, str]:
    if raw is None:
        return {}
    if isinstance(raw, str):
        raw = [raw]
    items: Iterable[tuple[Any, Any]]
    items = raw.items() if isinstance(raw, Mapping) else enumerate(raw, start=1)
    texts = {str(name): text for name, text in items}
    if len(texts) > MAX_TEXTS:
        raise BadInput(f"texts: more than {MAX_TEXTS}.")
    for name, text in texts.items():
        if not isinstance(text, str) or len(text) > MAX_TEXT or len(name) > MAX_VALUE:
            raise BadInput(f"texts: strings of at most {MAX_TEXT} characters expected.")
    return texts


def day(value: Any) -> str | None:
    """A day as ISO 8601 (a week as it is), or None when the value is neither."""
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    text = str(value).strip()[:40]
    if _WEEK.fullmatch(text):
        return text
    found = _DATE.fullmatch(text)
    if found is None:
        return None
    try:
        return date(*map(int, found.groups())).isoformat()
    except ValueError:
        return None


def read(raw: Mapping[str, Any]) -> Candidate:
    """Check the candidate's outer form.

    Raises:
        BadInput: a part is missing, unknown, of the wrong kind or too large.
    """
    if not isinstance(raw, Mapping):
        raise BadInput("a candidate is a mapping with event, as_of, audience, tables and texts.")
    unknown = [key for key in raw if key not in KEYS]
    if unknown:
        raise BadInput(f"a candidate has no such part; known: {', '.join(sorted(KEYS))}.")
    as_of = day(raw.get("as_of"))
    if as_of is None:
        raise BadInput("as_of: a date expected.")
    audience = raw.get("audience", "public")
    if audience not in ("public", "residents", "same_area"):
        raise BadInput("audience: one of public, residents, same_area expected.")
    tables = raw.get("tables") or []
    named = (
        tables.items()
        if isinstance(tables, Mapping)
        else ((f"table {i + 1}", t) for i, t in enumerate(tables))
    )
    drafts = [_draft(str(name), table) for name, table in named]
    if len(drafts) > MAX_TABLES or len({draft.name for draft in drafts}) != len(drafts):
        raise BadInput(f"tables: at most {MAX_TABLES}, each with a name of its own.")
    earlier = [item if isinstance(item, Mapping) else item.payload() for item in raw.get("earlier") or ()]
    pack = raw.get("pack")
    return Candidate(
        event=raw.get("event"),
        as_of=as_of,
        audience=audience,
        drafts=drafts,
        texts=_texts(raw.get("texts")),
        earlier=earlier,
        pack=None if pack is None else str(pack),
        withhold=bool(raw.get("withhold", False)),
    )
