"""From a candidate to a release: fields, texts, areas, small cells, earlier releases. Fails closed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from lianfang.foundation.errors import BadInput
from lianfang.guard.disclosure import candidate as form
from lianfang.guard.disclosure.candidate import Candidate, Draft
from lianfang.guard.disclosure.cells import ALL, Cube, Key, suppress
from lianfang.guard.disclosure.columns import LEVELS, SEXES, is_age_band
from lianfang.guard.disclosure.release import Refusal, Release, Table, Withheld
from lianfang.guard.policy import Pack, get

if TYPE_CHECKING:
    from lianfang.guard.redaction import Finding

# labels of the text scan -> the kind under which a finding is counted
_COUNTED_AS = {
    "PERSON": "name", "AGE": "age", "DOB": "age", "RESIDENT_ID": "resident_id", "MOBILE": "phone",
    "LANDLINE": "phone", "ADDRESS": "address", "TRIP": "trip", "DEVICE_ID": "device", "IP_ADDR": "device",
    "EMAIL": "email", "PLATE": "plate", "PASSPORT": "passport", "HKMO_PERMIT": "passport",
    "TW_PERMIT": "passport", "FPR_ID": "passport", "HKID": "resident_id", "TW_ID": "resident_id",
}  # fmt: skip
_WHY = {
    "never": ("never published", "不得公开"),
    "text": ("found in a text", "文本中发现"),
    "small_cell": ("a count below the minimum can point to a person", "计数小于下限可能指向个人"),
    "complementary_cell": ("margins would give a small cell away", "可由合计推算小单元格"),
    "difference": (
        "comparison with an earlier release would give a small count away",
        "与前期发布相减可推算",
    ),
    "area": ("finer than this audience may know", "细于该受众可知的区域"),
    "table": ("no way to protect its small cells", "无法保护其中的小单元格"),
}
_ADCODE = re.compile(r"\d{2,12}")


def _found(text: str, *, area: bool) -> list[Finding]:
    """What points to a person; the name of a place in an area's column is no sentence for the tagger."""
    from lianfang.guard.redaction import find
    from lianfang.guard.redaction.address import place_name

    return find(text, point="block", tagger=not (area and place_name(text)))


class _Desk:
    """One candidate on its way: what was withheld, and whether anything forbidden was met."""

    def __init__(self, found: Candidate, pack: Pack) -> None:
        self.found = found
        self.pack = pack
        self.minimum = int(pack.disclosure.get("min_cell", 5))
        levels = pack.disclosure.get("area_level") or {}
        self.level = str(levels.get(found.audience, "district"))
        self.withheld: dict[tuple[str, str, str], int] = {}
        self.forbidden: list[str] = []
        # tables of this release that are already protected, with their withheld cells
        self.done: list[tuple[Cube, set[Key]]] = []

    def note(self, kind: str, where: str, why: str, count: int = 1) -> None:
        self.withheld[kind, where, why] = self.withheld.get((kind, where, why), 0) + count

    def forbid(self, kind: str, where: str, why: str, count: int = 1) -> None:
        self.note(kind, where, why, count)
        en, zh = _WHY[why]
        self.forbidden.append(f"{kind}: {where}, {en}. {where}：{zh}。")

    def items(self) -> tuple[Withheld, ...]:
        return tuple(Withheld(k, n, where, *_WHY[why]) for (k, where, why), n in self.withheld.items())

    def scan(self, text: str, where: str, *, area: bool = False) -> str:
        """The text without what must not leave; each finding is noted as forbidden."""
        from lianfang.guard import redaction

        findings = _found(text, area=area)
        for finding in findings:
            self.forbid(_COUNTED_AS.get(finding.kind, "number"), where, "text")
        return redaction.replace(text, findings) if findings else text


def _clean_event(desk: _Desk, event: Any) -> Any:
    if event is None or isinstance(event, bool | int):
        return event
    if isinstance(event, str):
        return desk.scan(event[: form.MAX_VALUE], "event")
    if isinstance(event, Mapping) and len(event) <= 20:
        return {str(key)[:80]: _clean_event(desk, value) for key, value in event.items()}
    raise BadInput("event: a name, a number or a mapping of names expected.")


def _value(desk: _Desk, draft: Draft, column: str, value: Any) -> str | None:
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


def _dimensions(desk: _Desk, draft: Draft, *, listing: bool) -> list[str]:
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


def _listing(desk: _Desk, draft: Draft) -> Table:
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


def _history(desk: _Desk, name: str, dimensions: tuple[str, ...]) -> list[dict[Key, int | None]]:
    """Cells of the same table in earlier releases, oldest first."""
    found: list[dict[Key, int | None]] = []
    for release in sorted(desk.found.earlier, key=lambda r: str(r.get("as_of", ""))):
        for table in release.get("tables", ()):
            if table.get("name") == name and tuple(table.get("dimensions", ())) == dimensions:
                cells = (*table.get("rows", ()), *table.get("margins", ()))
                found.append({tuple(str(c.get(d, ALL)) for d in dimensions): c.get("count") for c in cells})
    return found


def _compare(
    cube: Cube, history: list[dict[Key, int | None]], minimum: int, cumulative: bool
) -> tuple[set[Key], dict[Key, int]]:
    """Cells that earlier releases would give away now, and the least values they let a reader know."""
    hide: set[Key] = set()
    floors: dict[Key, int] = {}
    for cells in history:
        for key, before in cells.items():
            at = cube.index.get(key)
            if at is None:
                continue
            now = cube.values[at]
            if before is None:
                # withheld then: stays so while a margin above it shows that nothing changed beneath
                above = ((*key[:i], ALL, *key[i + 1 :]) for i in range(len(key)) if key[i] != ALL)
                if any(
                    cells.get(up) is not None and cells[up] == cube.values[cube.index[up]] for up in above
                ):
                    hide.add(key)
                continue
            if 0 < abs(now - before) < minimum:
                hide.add(key)
            if cumulative:
                floors[key] = min(now, max(before, floors.get(key, 0)))
    return hide, floors


def _linked(desk: _Desk, cube: Cube) -> tuple[set[Key], set[Key]]:
    """Margins shared with a table already protected: those withheld there, those public there."""
    hidden: set[Key] = set()
    public: set[Key] = set()
    top = (ALL,) * len(cube.dimensions)
    for other, withheld in desk.done:
        shared = [d for d in cube.dimensions if d in other.dimensions]
        if (
            not shared
            or other.values[other.index[(ALL,) * len(other.dimensions)]] != cube.values[cube.index[top]]
        ):
            continue
        for key, value in zip(cube.keys, cube.values, strict=True):
            part = dict(zip(cube.dimensions, key, strict=True))
            if all(p == ALL or d in shared for d, p in part.items()):
                twin = tuple(part.get(d, ALL) for d in other.dimensions)
                if twin in other.index and other.values[other.index[twin]] == value:
                    (hidden if twin in withheld else public).add(key)
    return hidden, public - hidden


def _protect(
    desk: _Desk,
    name: str,
    dimensions: tuple[str, ...],
    roles: dict[str, str],
    cells: dict[Key, int],
    cumulative: bool,
) -> Table:
    """Suppress; while that is impossible, sum over the dimension with the most categories."""
    while dimensions:
        cube = Cube.of(dimensions, cells)
        single = [len({key[i] for key in cells}) <= 1 for i in range(len(dimensions))]
        plain = [roles[d] in ("time", "status") or single[i] for i, d in enumerate(dimensions)]
        if cube is not None:
            hide, floors = _compare(cube, _history(desk, name, dimensions), desk.minimum, cumulative)
            also, public = _linked(desk, cube)
            always = public | {
                key for key in cube.keys if all(part == ALL or plain[i] for i, part in enumerate(key))
            }
            done = suppress(
                cube, minimum=desk.minimum, exempt=always.__contains__, must_hide=hide | also, floors=floors
            )
            if done is not None:
                desk.done.append((cube, done[0] | done[1]))
                return _published(desk, name, cube, *done, cumulative)
        drop = max(range(len(dimensions)), key=lambda i: (not plain[i], len({key[i] for key in cells})))
        desk.note("table", f"{name} by {dimensions[drop]}", "table")
        merged: dict[Key, int] = {}
        for key, value in cells.items():
            rest = (*key[:drop], *key[drop + 1 :])
            merged[rest] = merged.get(rest, 0) + value
        cells, dimensions = merged, (*dimensions[:drop], *dimensions[drop + 1 :])
    return Table(name, (), ({"count": sum(cells.values())},), cumulative=cumulative)


def _published(
    desk: _Desk, name: str, cube: Cube, primary: set[Key], further: set[Key], cumulative: bool
) -> Table:
    rows: list[dict[str, Any]] = []
    margins: list[dict[str, Any]] = []
    for key, value in zip(cube.keys, cube.values, strict=True):
        cell: dict[str, Any] = {d: part for d, part in zip(cube.dimensions, key, strict=True) if part != ALL}
        # neither indicators of different kinds nor a cumulative count of several days can be added up
        apart = {"indicator", "date", "confirm_date"} if cumulative else {"indicator"}
        if any(d in apart and d not in cell for d in cube.dimensions):
            continue
        hidden = key in primary or key in further
        if key in primary:
            kind = "small_cell" if 0 < value < desk.minimum else "difference"
            desk.note(kind, name, kind)
        elif key in further:
            desk.note("complementary_cell", name, "complementary_cell")
        (margins if ALL in key else rows).append({**cell, "count": None if hidden else value})
    return Table(name, cube.dimensions, tuple(rows), tuple(margins), cumulative)


def _counted(desk: _Desk, draft: Draft, values: list[str]) -> list[Table]:
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
            tables.append(_protect(desk, name, dimensions, roles, cells, draft.cumulative))
    return tables


def _repair(desk: _Desk, texts: dict[str, str]) -> dict[str, Any]:
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
    return any(_found(text, area=area) for text, area in texts if form.day(text) is None)


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
    desk = _Desk(found, get(found.pack) if found.pack else get())
    event = _clean_event(desk, found.event)
    texts = {
        desk.scan(name, "texts"): desk.scan(text, f"text {i}")
        for i, (name, text) in enumerate(found.texts.items(), 1)
    }
    made: dict[int, list[Table]] = {}
    # the finest table first: coarser ones of the same counts then follow what it withholds
    for place, draft in sorted(enumerate(found.drafts), key=lambda item: -len(item[1].columns)):
        draft.name = desk.scan(draft.name, "table name")
        values = [column for column, (role, _) in draft.columns.items() if role == "value"]
        if draft.rows:
            made[place] = _counted(desk, draft, values) if values else [_listing(desk, draft)]
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
