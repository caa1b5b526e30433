"""All releases at once: one system of equations and bounds over every cell that was ever shown or withheld.

Unknown are the withheld cells, and the cells of tables that were shown coarser than at other times. Known are
the published counts, that margins are sums, that a cumulative count does not fall, that two tables of one
release with the same total count the same persons, that a category which is listed has a case (unless a zero is
shown somewhere), and by which rule a cell was withheld where the release tells it. The publisher asks this
system before a release leaves; ``lianfang guard attack`` asks it afterwards.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from lianfang.guard.disclosure.cells import ALL, Key
from lianfang.guard.disclosure.shown import TIMES, History, Shown

MAX_IMPLIED = 200  # cells of a coarse table that are told apart by what finer tables of other days list


@dataclass(frozen=True)
class Target:
    """A cell that was not told: withheld as such, or (``implied``) summed over in a coarser table."""

    release: int
    as_of: str
    table: str
    dimensions: tuple[str, ...]
    key: Key
    variable: int
    implied: bool = False


@dataclass
class _Group:
    """Tables of one name with their finest dimensions; per release the cells' variables."""

    dimensions: tuple[str, ...]
    tables: list[Shown]
    cells: list[dict[Key, int]] = field(default_factory=list)
    implied: list[set[Key]] = field(default_factory=list)


class Joint:
    """The system: ``lower``/``upper`` per variable, sums, and chains along which values do not fall."""

    def __init__(self, history: History, *, minimum: int, rules: bool = True, chained: bool = True) -> None:
        self.history = history
        self.minimum = minimum
        self.parent: list[int] = []
        self.value: list[int | None] = []
        self.groups = [_Group(*found) for found in _grouped(history.tables)]
        for group in self.groups:
            self._enter(group)
        for group in self.groups:
            self._same_quantity(group)
        self._same_persons()
        self.sums = [
            (self.find(margin), [self.find(part) for part in parts])
            for group in self.groups
            for at in range(len(group.cells))
            for margin, parts in _relations(group.cells[at])
        ]
        self.chains = [c for group in self.groups for c in self._chains(group)] if chained else []
        self.bounds: dict[int, tuple[int, int | None]] = {}
        if rules:
            for group in self.groups:
                self._rules(group)

    # variables: each cell has one; cells that are the same quantity share it
    def _new(self, value: int | None) -> int:
        self.parent.append(len(self.parent))
        self.value.append(value)
        return len(self.parent) - 1

    def find(self, variable: int) -> int:
        """The variable that stands for this one."""
        while self.parent[variable] != variable:
            self.parent[variable] = self.parent[self.parent[variable]]
            variable = self.parent[variable]
        return variable

    def known(self, variable: int) -> int | None:
        return self.value[self.find(variable)]

    def _merge(self, pairs: Iterable[tuple[int, int]]) -> None:
        """Take pairs for the same quantities, unless what is published says that they are not."""
        pairs = list(pairs)
        for one, two in pairs:
            a, b = self.known(one), self.known(two)
            if a is not None and b is not None and a != b:
                return
        for one, two in pairs:
            a, b = self.find(one), self.find(two)
            if a != b:
                va, vb = self.value[a], self.value[b]
                if va is not None and vb is not None and va != vb:
                    continue
                self.parent[b] = a
                self.value[a] = va if va is not None else vb

    def _enter(self, group: _Group) -> None:
        categories: dict[str, set[str]] = defaultdict(set)
        for table in group.tables:
            for key in table.cells:
                for dimension, part in zip(table.dimensions, key, strict=True):
                    if part != ALL:
                        categories[dimension].add(part)
        cumulative = all(table.cumulative for table in group.tables)
        for table in group.tables:
            place = {d: i for i, d in enumerate(table.dimensions)}
            cells = {
                tuple(key[place[d]] if d in place else ALL for d in group.dimensions): self._new(value)
                for key, value in table.cells.items()
            }
            implied: set[Key] = set()
            if cumulative and len(table.dimensions) < len(group.dimensions):
                own = {d: {k[place[d]] for k in table.cells} - {ALL} for d in table.dimensions}
                axes = [[*sorted(own.get(d, categories[d])), ALL] for d in group.dimensions]
                size = 1
                for axis in axes:
                    size *= len(axis)
                if size <= MAX_IMPLIED:
                    implied = set(itertools.product(*axes)) - cells.keys()
                    cells |= {key: self._new(None) for key in sorted(implied)}
            group.cells.append(cells)
            group.implied.append(implied)

    def _same_quantity(self, group: _Group) -> None:
        """The same day told twice, or a past day told again: the same quantities while nothing differs."""
        times = [i for i, d in enumerate(group.dimensions) if d in TIMES]
        for at in range(1, len(group.tables)):
            before, now = group.cells[at - 1], group.cells[at]
            common = [key for key in now if key in before]
            if group.tables[at - 1].as_of == group.tables[at].as_of:
                self._merge((before[key], now[key]) for key in common)
            elif times and not group.tables[at].cumulative:
                for moment in {tuple(key[i] for i in times) for key in common}:
                    if ALL not in moment:
                        self._merge(
                            (before[key], now[key])
                            for key in common
                            if tuple(key[i] for i in times) == moment
                        )

    def _same_persons(self) -> None:
        """Tables of one release with the same total count the same persons; a listing counts them too."""
        here: dict[int, list[tuple[tuple[str, ...], dict[Key, int], int | None]]] = defaultdict(list)
        for group in self.groups:
            for table, cells in zip(group.tables, group.cells, strict=True):
                here[table.release].append((group.dimensions, cells, table.total))
        for table in self.history.tables:
            if table.listing and table.cells:
                cells = {key: self._new(value) for key, value in table.cells.items()}
                here[table.release].append((table.dimensions, cells, table.total))
        for tables in here.values():
            for (dims, cells, total), (others, twins, same) in itertools.combinations(tables, 2):
                if total is not None and total == same:
                    self._merge(_twins(dims, cells, others, twins))

    def _chains(self, group: _Group) -> list[list[int]]:
        """For each cell its variables in the order of days, cut where published counts fall."""
        if not all(table.cumulative for table in group.tables):
            return []
        order = list(range(len(group.tables)))
        # of a day told twice the later one counts
        order = [
            at for at in order if at + 1 == len(order) or group.tables[at].as_of != group.tables[at + 1].as_of
        ]
        latest: dict[Key, int] = {}
        running: dict[Key, list[int]] = {}
        chains: list[list[int]] = []
        for at in order:
            told = {key: self.known(v) for key, v in group.cells[at].items()}
            if any(value is not None and latest.get(key, 0) > value for key, value in told.items()):
                chains += running.values()
                running, latest = {}, {}
            for key, value in told.items():
                running.setdefault(key, []).append(self.find(group.cells[at][key]))
                if value is not None:
                    latest[key] = value
        return [chain for chain in (*chains, *running.values()) if len(chain) > 1]

    def _rules(self, group: _Group) -> None:
        """What the rules themselves tell about withheld cells."""
        single = [key for cells in group.cells for key in cells if sum(part != ALL for part in key) == 1]
        zeros = any(cells.get(key) is not None and self.known(cells[key]) == 0
                    for cells in group.cells for key in set(single))  # fmt: skip
        for at, table in enumerate(group.tables):
            hidden = {k for k in group.cells[at] if k not in group.implied[at]
                      and self.known(group.cells[at][k]) is None}  # fmt: skip
            if not zeros:
                for key in hidden:
                    if sum(part != ALL for part in key) == 1:
                        self._bound(group.cells[at][key], 1, None)
            kinds = table.kinds
            if not kinds or sum(kinds.values()) != len(table.withheld) or kinds["complementary_cell"]:
                continue
            for key in hidden:
                self._bound_by_rule(group, at, key, kinds)

    def _bound_by_rule(self, group: _Group, at: int, key: Key, kinds: Any) -> None:
        """A cell of a table none of whose cells was withheld for others' sake: small, or a small step."""
        variable, most = group.cells[at][key], self.minimum - 1
        if not kinds["difference"]:
            self._bound(variable, 1, most)
            return
        if not group.tables[at].cumulative or self._carried(group, at, key):
            return
        told = [self.known(group.cells[before][key]) for before in range(at) if key in group.cells[before]]
        base = max((value for value in told if value is not None), default=0)
        self._bound(variable, base + 1, base + most)

    def _carried(self, group: _Group, at: int, key: Key) -> bool:
        """Whether the cell may be withheld because it was before and nothing changed above it."""
        above = [(*key[:i], ALL, *key[i + 1 :]) for i in range(len(key)) if key[i] != ALL]
        for before in range(at):
            then = group.cells[before]
            if key in then and self.known(then[key]) is None:
                for up in above:
                    if up in then and up in group.cells[at]:
                        a, b = self.known(then[up]), self.known(group.cells[at][up])
                        if a is not None and a == b:
                            return True
        return False

    def _bound(self, variable: int, low: int, high: int | None) -> None:
        variable = self.find(variable)
        if self.value[variable] is not None:
            return
        before = self.bounds.get(variable, (0, None))
        ends = [end for end in (before[1], high) if end is not None]
        self.bounds[variable] = max(before[0], low), min(ends, default=None)

    def targets(self) -> list[Target]:
        """Every cell that was not told and is not told elsewhere."""
        found = []
        for group in self.groups:
            for at, table in enumerate(group.tables):
                for key, variable in group.cells[at].items():
                    implied = key in group.implied[at]
                    # a withheld cell whose twin is published stands among the targets: it is recovered
                    if implied or self._shown(group, at, key) is None:
                        found.append(
                            Target(table.release, table.as_of, table.name, group.dimensions, key,
                                   self.find(variable), implied)
                        )  # fmt: skip
        return found

    def _shown(self, group: _Group, at: int, key: Key) -> int | None:
        table = group.tables[at]
        place = {d: i for i, d in enumerate(group.dimensions)}
        return table.cells.get(tuple(key[place[d]] for d in table.dimensions))

    def published(self, table: str, dimensions: tuple[str, ...], key: Key) -> set[int]:
        """The counts that were ever published for a cell."""
        return {
            value
            for group in self.groups
            if group.dimensions == dimensions and any(t.name == table for t in group.tables)
            for at in range(len(group.tables))
            if key in group.cells[at] and (value := self._shown(group, at, key)) is not None
        }


def _grouped(tables: Sequence[Shown]) -> list[tuple[tuple[str, ...], list[Shown]]]:
    """Tables of counts by name; those whose dimensions are not among the finest ones stand by themselves."""
    named: dict[str, list[Shown]] = defaultdict(list)
    for table in tables:
        if not table.listing:
            named[table.name].append(table)
    found: list[tuple[tuple[str, ...], list[Shown]]] = []
    for same in named.values():
        rest = same
        while rest:
            finest = max((t.dimensions for t in rest), key=len)
            fitting = [t for t in rest if set(t.dimensions) <= set(finest)]
            found.append((finest, fitting))
            rest = [t for t in rest if not set(t.dimensions) <= set(finest)]
    return found


def _relations(cells: dict[Key, int]) -> list[tuple[int, list[int]]]:
    """(margin, parts) wherever a margin and all its parts are there."""
    if not cells:
        return []
    width = len(next(iter(cells)))
    sizes = [len({key[axis] for key in cells} - {ALL}) for axis in range(width)]
    groups: dict[tuple[int, Key], list[int]] = defaultdict(list)
    for key, variable in cells.items():
        for axis, part in enumerate(key):
            if part != ALL:
                groups[axis, (*key[:axis], ALL, *key[axis + 1 :])].append(variable)
    return [
        (cells[margin], parts)
        for (axis, margin), parts in groups.items()
        if margin in cells and len(parts) == sizes[axis]
    ]


def _twins(
    dims: tuple[str, ...], cells: dict[Key, int], others: tuple[str, ...], twins: dict[Key, int]
) -> list[tuple[int, int]]:
    """Cells of two tables that stand for the same persons, by the dimensions that both have."""
    shared = set(dims) & set(others)
    pairs = []
    for key, variable in cells.items():
        part = dict(zip(dims, key, strict=True))
        if all(p == ALL or d in shared for d, p in part.items()):
            twin = twins.get(tuple(part.get(d, ALL) for d in others))
            if twin is not None:
                pairs.append((variable, twin))
    return pairs
