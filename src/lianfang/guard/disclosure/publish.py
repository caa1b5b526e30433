"""From a candidate to a release: fields, texts, areas, small cells, earlier releases. Fails closed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from lianfang.foundation.errors import BadInput
from lianfang.guard.disclosure import candidate as form
from lianfang.guard.disclosure.candidate import Draft
from lianfang.guard.disclosure.cells import Key
from lianfang.guard.disclosure.columns import LEVELS, SEXES, is_age_band
from lianfang.guard.disclosure.desk import Desk, found_in
from lianfang.guard.disclosure.protect import protect, seen
from lianfang.guard.disclosure.release import Refusal, Release, Table
from lianfang.guard.policy import get

_ADCODE = re.compile(r"\d{2,12}")


def _clean_event(desk: Desk, event: Any) -> Any:
    if event is None or isinstance(event, bool | int):
        return event
    if isinstance(event, str):
        return desk.scan(event[: form.MAX_VALUE], "event")
    if isinstance(event, Mapping) and len(event) <= 20:
        return {str(key)[:80]: _clean_event(desk, value) for key, value in event.items()}
    raise BadInput("event: a name, a number or a mapping of names expected.")


def _value(desk: Desk, draft: Draft, column: str, value: Any) -> str | None:
    """One cell of an allowed dimension as it may leave; None withholds it."""
    role, name = draft.columns[column]
    where = f"{draft.name}.{name}"
    if value is None or (isinstance(value, float) and value != value):
        return None
    text = str(value).strip()
    if len(text) > form.MAX_VALUE:
        raise BadInput(f"table {draft.name}: a value longer than {form.MAX_VALUE} characters in {name}.")
    if role == "time":
        found = form.day(value)
        if found is None:
            raise BadInput(f"table {draft.name}: {name} is not a date.")
        return found
    if name == "sex":
        if text.lower() not in SEXES:
            raise BadInput(f"table {draft.name}: sex is male, female or unknown (男, 女, 未知).")
        return SEXES[text.lower()]
    if name == "age_group":
        if not is_age_band(text):
            desk.forbid("age", where, "never")
            return None
        return text
    if role == "area" and _ADCODE.fullmatch(text):
        digits = {"province": 2, "prefecture": 4, "district": 6, "street": 9}.get(desk.level, 12)
        if len(text) > digits:
            desk.note("area", where, "area")
        return text[:digits]
    return desk.scan(text, where, area=role == "area")


def _dimensions(desk: Desk, draft: Draft, *, listing: bool) -> list[str]:
    """The columns that may stay; the others are summed over, and counted where they are forbidden."""
    kept: list[str] = []
    for column, (role, name) in draft.columns.items():
        filled = sum(row.get(column) not in (None, "") for row in draft.rows)
        if role == "never":
            desk.forbid(name, f"{draft.name}.{name}", "never", max(filled, 1))
        elif role == "area" and name == "building":
            desk.forbid("address", f"{draft.name}.{name}", "never", max(filled, 1))
        elif role == "area" and LEVELS.index(name) > LEVELS.index(desk.level):
            desk.note("area", f"{draft.name}.{name}", "area")
        elif name == "age_group" and listing:
            desk.forbid("age", f"{draft.name}.{name}", "never", max(filled, 1))
        elif role != "value":
            kept.append(column)
    return kept


def _count(draft: Draft, column: str, value: Any) -> int:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 10**10:
        raise BadInput(f"table {draft.name}: {column} holds whole numbers from 0.")
    return value


def _listing(desk: Desk, draft: Draft) -> Table:
    """Cases one by one: only sex, date, symptom and an area shared by enough of them."""
    kept = _dimensions(desk, draft, listing=True)
    rows = [{draft.columns[c][1]: _value(desk, draft, c, row.get(c)) for c in kept} for row in draft.rows]
    areas = [draft.columns[c][1] for c in kept if draft.columns[c][0] == "area"]
    for area in areas:
        sizes: dict[str | None, int] = {}
        for row in rows:
            sizes[row[area]] = sizes.get(row[area], 0) + 1
        for row in rows:
            if row[area] is not None and sizes[row[area]] < desk.minimum:
                row[area] = None
                desk.note("small_cell", f"{draft.name}.{area}", "small_cell")
    # order must not tell who is who
    rows.sort(key=lambda row: tuple(str(value) for value in row.values()))
    names = tuple(dict.fromkeys(draft.columns[c][1] for c in kept))
    return Table(draft.name, names, tuple(rows), listing=True)


def _counted(desk: Desk, draft: Draft, values: list[str]) -> list[Table]:
    """Tables of counts, one for each value column."""
    kept = _dimensions(desk, draft, listing=False)
    dimensions = tuple(draft.columns[c][1] for c in kept)
    if len(set(dimensions)) != len(dimensions):
        raise BadInput(f"table {draft.name}: two columns mean the same.")
    roles = {draft.columns[c][1]: draft.columns[c][0] for c in kept}
    tables = []
    keys: list[Key | None] = []
    for row in draft.rows:
        parts = tuple(_value(desk, draft, c, row.get(c)) or "unknown" for c in kept)
        # totals that came along are left aside: we add up ourselves
        keys.append(None if any(part.lower() in form.TOTALS for part in parts) else parts)
    for column in values:
        cells: dict[Key, int] = {}
        for key, row in zip(keys, draft.rows, strict=True):
            if key is not None:
                cells[key] = cells.get(key, 0) + _count(draft, column, row.get(column))
        name = draft.name if len(values) == 1 else f"{draft.name}.{draft.columns[column][1]}"
        if cells:
            tables.append(protect(desk, name, dimensions, roles, cells, draft.cumulative))
    return tables


def _values(draft: Draft) -> list[str]:
    """The draft's columns of counts; a listing of cases has none."""
    return [column for column, (role, _) in draft.columns.items() if role == "value"]


def _repair(desk: Desk, texts: dict[str, str]) -> dict[str, Any]:
    """The candidate without what is forbidden; the tables keep only columns that may be published."""
    found = desk.found
    tables: dict[str, Any] = {}
    for draft in found.drafts:
        listing = all(role != "value" for role, _ in draft.columns.values())
        drop = {
            column for column, (role, name) in draft.columns.items()
            if role == "never" or name == "building" or (name == "age_group" and listing)
        }  # fmt: skip
        rows = [{key: value for key, value in row.items() if key not in drop} for row in draft.rows]
        tables[draft.name] = {"rows": rows, "cumulative": draft.cumulative}
    return {
        "event": found.event, "as_of": found.as_of, "audience": found.audience, "tables": tables,
        "texts": texts,
        "earlier": found.earlier, "withhold": True, **({"pack": found.pack} if found.pack else {}),
    }  # fmt: skip


def _strings(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _strings(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _strings(item)


def _leaks(release: Release) -> bool:
    """The last look: everything that would leave is scanned once more."""
    texts = {(text, False) for text in (*_strings(release.event), *release.texts.values())}
    for table in release.tables:
        texts.add((table.name, False))
        texts |= {(text, key in LEVELS) for row in table.rows for key in row for text in _strings(row[key])}
    return any(found_in(text, area=area) for text, area in texts if form.day(text) is None)


def bulletin(candidate: Mapping[str, Any]) -> Release | Refusal:
    """Check a release candidate and return what may leave (REQ-P-56 to 59).

    Args:
        candidate: mapping with ``event`` (a name or a mapping of names), ``as_of`` (date), ``audience``
            (public, residents, same_area), ``tables`` (name -> frame, list of rows, or ``{rows,
            cumulative}``; a table has columns for its dimensions and whole-number columns such as
            ``count``; without one it is a listing of cases) and ``texts`` (a string, a list or a mapping).
            Optional: ``earlier`` (releases or their payloads), ``withhold`` (true: leave forbidden items
            out and say so, instead of refusing), ``pack``.

    Returns:
        :class:`Release`, or :class:`Refusal` with reasons and a ``repair`` to look at. Counts of 1 to 4 (the
        pack's ``min_cell``) and the cells that would give them away are withheld in either case.

    Raises:
        BadInput: the candidate cannot be read.
    """
    found = form.read(candidate)
    desk = Desk(found, get(found.pack) if found.pack else get())
    event = _clean_event(desk, found.event)
    texts = {
        desk.scan(name, "texts"): desk.scan(text, f"text {i}")
        for i, (name, text) in enumerate(found.texts.items(), 1)
    }
    made: dict[int, list[Table]] = {}
    # listings first, then the finest table: what they show and withhold binds the coarser ones
    for place, draft in sorted(
        enumerate(found.drafts), key=lambda item: (_values(item[1]) != [], -len(item[1].columns))
    ):
        draft.name = desk.scan(draft.name, "table name")
        if values := _values(draft):
            made[place] = _counted(desk, draft, values) if draft.rows else []
        elif draft.rows:
            made[place] = [_listing(desk, draft)]
            desk.today += seen(desk, made[place][0])
    tables = [table for place in sorted(made) for table in made[place]]
    if desk.forbidden and not found.withhold:
        reasons = tuple(dict.fromkeys(desk.forbidden))
        return Refusal(reasons, desk.items(), _repair(desk, texts), desk.pack.id, desk.pack.hash)
    release = Release(
        event=event, as_of=found.as_of, audience=found.audience, tables=tuple(tables), texts=texts,
        withheld=desk.items(), pack=desk.pack.id, pack_hash=desk.pack.hash,
    )  # fmt: skip
    if _leaks(release):
        reason = "scan: something that must not leave is still there. 复查仍发现不得公开的内容。"
        return Refusal((reason,), desk.items(), None, desk.pack.id, desk.pack.hash)
    return release
