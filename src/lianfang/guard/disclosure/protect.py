"""Protecting one table of counts: beside the other tables of its release, and against all earlier releases.

Whether a pattern of withheld cells holds is asked of the same system that the attack suite solves
(:mod:`.joint`): a release may not let any cell, of today or of an earlier day, be told exactly. If the cheapest
pattern does not hold, everything is withheld and given back cell by cell as far as it holds; if nothing can be
given back, the table is shown coarser.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from lianfang.guard.disclosure.cells import ALL, Cube, Key, suppress
from lianfang.guard.disclosure.desk import Desk
from lianfang.guard.disclosure.release import Table
from lianfang.guard.disclosure.shown import Shown, shown

Pattern = tuple[set[Key], set[Key]]
MAX_TRIES = 24  # cells that are tried to be given back, the largest counts first


def _history(desk: Desk, name: str, dimensions: tuple[str, ...]) -> list[dict[Key, int | None]]:
    """Cells of the same table in earlier releases, oldest first; those of finer or coarser ones where they fit."""
    found: list[dict[Key, int | None]] = []
    for table in desk.earlier.tables:
        if table.name == name and not table.listing:
            cells: dict[Key, int | None] = {}
            for key, value in table.cells.items():
                part = {d: p for d, p in zip(table.dimensions, key, strict=True) if p != ALL}
                if part.keys() <= set(dimensions):
                    cells[tuple(part.get(d, ALL) for d in dimensions)] = value
            found.append(cells)
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


def _linked(desk: Desk, cube: Cube) -> tuple[set[Key], set[Key]]:
    """Cells that other tables of this release show or withhold as well: those withheld there, those public there."""
    hidden: set[Key] = set()
    public: set[Key] = set()
    total = cube.values[cube.index[(ALL,) * len(cube.dimensions)]]
    others: list[tuple[tuple[str, ...], dict[Key, int], set[Key]]] = [
        (other.dimensions, dict(zip(other.keys, other.values, strict=True)), withheld)
        for other, withheld in desk.done
    ]
    for table in desk.today:
        if table.listing:
            counts = {key: value for key, value in table.cells.items() if value is not None}
            others.append((table.dimensions, counts, set()))
    for dimensions, counts, withheld in others:
        shared = set(cube.dimensions) & set(dimensions)
        if not shared or counts.get((ALL,) * len(dimensions)) != total:
            continue
        for key, value in zip(cube.keys, cube.values, strict=True):
            part = dict(zip(cube.dimensions, key, strict=True))
            if all(p == ALL or d in shared for d, p in part.items()):
                twin = tuple(part.get(d, ALL) for d in dimensions)
                if counts.get(twin) == value:
                    (hidden if twin in withheld else public).add(key)
    return hidden, public - hidden


def protect(
    desk: Desk,
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
            case = _Case(desk, name, cube, cumulative, plain)
            done = case.safe()
            if done is not None:
                desk.done.append((cube, done[0] | done[1]))
                table = case.table(done)
                desk.today += seen(desk, table, case.kinds(done))
                case.note(done)
                return table
        drop = max(range(len(dimensions)), key=lambda i: (not plain[i], len({key[i] for key in cells})))
        desk.note("table", f"{name} by {dimensions[drop]}", "table")
        merged: dict[Key, int] = {}
        for key, value in cells.items():
            rest = (*key[:drop], *key[drop + 1 :])
            merged[rest] = merged.get(rest, 0) + value
        cells, dimensions = merged, (*dimensions[:drop], *dimensions[drop + 1 :])
    return Table(name, (), ({"count": sum(cells.values())},), cumulative=cumulative)


def seen(desk: Desk, table: Table, kinds: dict[str, int] | None = None) -> list[Shown]:
    """A table of today as readers will see it, after all earlier releases."""
    reasons = [{"kind": kind, "count": n, "where": table.name} for kind, n in (kinds or {}).items()]
    payload = {"as_of": desk.found.as_of, "tables": [table.to_dict()], "reasons": reasons}
    return [replace(one, release=desk.earlier.releases) for one in shown([payload]).tables]


class _Case:
    """One table with given dimensions, to be protected."""

    def __init__(self, desk: Desk, name: str, cube: Cube, cumulative: bool, plain: list[bool]) -> None:
        self.desk, self.name, self.cube, self.cumulative = desk, name, cube, cumulative
        hide, self.floors = _compare(cube, _history(desk, name, cube.dimensions), desk.minimum, cumulative)
        also, public = _linked(desk, cube)
        self.must = hide | also
        self.always = public | {
            key for key in cube.keys if all(part == ALL or plain[i] for i, part in enumerate(key))
        }
        self.values = dict(zip(cube.keys, cube.values, strict=True))

    def safe(self) -> Pattern | None:
        """A pattern of withheld cells that holds, or None."""
        done = self.suppress(self.must)
        if done is None or self.holds(done):
            return done
        # nothing told but what is always told; then give back what may be given back
        hidden = set(self.cube.keys) - self.always
        if not self.holds(self.split(hidden)):
            return None
        shown_first = sorted(hidden - done[0] - done[1], key=lambda key: -self.values[key])
        given = False
        for key in shown_first[:MAX_TRIES]:
            trial = self.split(hidden - {key})
            if self.holds(trial) and self.suppress(self.must | trial[0] | trial[1]) == trial:
                hidden, given = hidden - {key}, True
        # with nothing given back a coarser table says the same
        return self.split(hidden) if given else None

    def suppress(self, must: set[Key]) -> Pattern | None:
        found = suppress(
            self.cube,
            minimum=self.desk.minimum,
            exempt=self.always.__contains__,
            must_hide=must,
            floors=self.floors,
        )
        return None if found is None else self.split(found[0] | found[1])

    def split(self, hidden: set[Key]) -> Pattern:
        """Withheld for its own sake, and for others' sake."""
        own = {key for key in hidden if 0 < self.values[key] < self.desk.minimum or key in self.must}
        return own, hidden - own

    def holds(self, pattern: Pattern) -> bool:
        """Whether no cell of any release could be told exactly once this pattern is published."""
        today = [*self.desk.today, *seen(self.desk, self.table(pattern), self.kinds(pattern))]
        told = self.desk.tells(today)
        return told is not None and (not told or told <= (self.desk.told or frozenset()))

    def told(self, key: Key) -> bool:
        """Neither indicators of different kinds nor a cumulative count of several days can be added up."""
        apart = {"indicator", "date", "confirm_date"} if self.cumulative else {"indicator"}
        return not any(d in apart and part == ALL for d, part in zip(self.cube.dimensions, key, strict=True))

    def kinds(self, pattern: Pattern) -> dict[str, int]:
        """How many cells are withheld for which reason."""
        counts = dict.fromkeys(("small_cell", "difference", "complementary_cell"), 0)
        for key in filter(self.told, pattern[0]):
            small = 0 < self.values[key] < self.desk.minimum
            counts["small_cell" if small else "difference"] += 1
        counts["complementary_cell"] = sum(map(self.told, pattern[1]))
        return counts

    def note(self, pattern: Pattern) -> None:
        for kind, count in self.kinds(pattern).items():
            if count:
                self.desk.note(kind, self.name, kind, count)

    def table(self, pattern: Pattern) -> Table:
        rows: list[dict[str, Any]] = []
        margins: list[dict[str, Any]] = []
        for key, value in self.values.items():
            if not self.told(key):
                continue
            cell: dict[str, Any] = {
                d: part for d, part in zip(self.cube.dimensions, key, strict=True) if part != ALL
            }
            hidden = key in pattern[0] or key in pattern[1]
            (margins if ALL in key else rows).append({**cell, "count": None if hidden else value})
        return Table(self.name, self.cube.dimensions, tuple(rows), tuple(margins), self.cumulative)
