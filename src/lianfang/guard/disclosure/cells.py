"""Small cells: which cells of a table to withhold so that its margins do not give a small count away.

A table and all its margins form a cube of cells with linear relations. Cells of 1 to ``minimum - 1`` are
withheld (primary). What an attacker can still infer about a withheld cell is the interval between its
minimum and its maximum over all tables that agree with everything published: two linear programmes (the
audit). While an interval is narrower than ``minimum - 1``, the cheapest further cells are withheld
(complementary suppression), found by an integer programme with two counter-tables for one cell at a time,
the heuristic of Kelly, Golden and Assad, "Cell suppression: disclosure protection for sensitive tabular
data", Networks 22 (1992) 397-417.

A reader knows more than the margins: what was published before of a cumulative count, and that a cell withheld as
small lies between 1 and ``minimum - 1``. With either in hand he must be left in doubt about every withheld cell.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

ALL = "*"
MAX_CELLS = 1_500
MAX_ROUNDS = 60
MAX_CATEGORIES = 400

Key = tuple[str, ...]
Known = dict[int, tuple[float, float | None]]


@dataclass(frozen=True)
class Cube:
    """All cells of a table with its margins; ``*`` stands for a dimension that was summed over."""

    dimensions: tuple[str, ...]
    keys: tuple[Key, ...]
    values: tuple[int, ...]
    index: dict[Key, int]

    @classmethod
    def of(cls, dimensions: tuple[str, ...], cells: Mapping[Key, int]) -> Cube | None:
        """Build the cube; None when it would have more than ``MAX_CELLS`` cells."""
        categories = [sorted({key[axis] for key in cells}) for axis in range(len(dimensions))]
        size = 1
        for found in categories:
            size *= len(found) + 1
        if size > MAX_CELLS or any(len(found) > MAX_CATEGORIES for found in categories):
            return None
        totals: dict[Key, int] = dict.fromkeys(itertools.product(*([*found, ALL] for found in categories)), 0)
        for key, value in cells.items():
            for summed in itertools.product(*((part, ALL) for part in key)):
                totals[summed] += value
        keys = tuple(totals)
        return cls(dimensions, keys, tuple(totals.values()), {key: i for i, key in enumerate(keys)})

    def relations(self) -> list[tuple[int, list[int]]]:
        """(margin, parts) for every dimension of every cell that was summed over it."""
        groups: dict[tuple[int, Key], list[int]] = {}
        for i, key in enumerate(self.keys):
            for axis, part in enumerate(key):
                if part != ALL:
                    groups.setdefault((axis, (*key[:axis], ALL, *key[axis + 1 :])), []).append(i)
        return [(self.index[margin], parts) for (_, margin), parts in groups.items()]


def _matrix(cube: Cube) -> Any:
    from scipy.sparse import coo_matrix

    rows: list[int] = []
    columns: list[int] = []
    signs: list[float] = []
    relations = cube.relations()
    for row, (margin, parts) in enumerate(relations):
        rows += [row] * (len(parts) + 1)
        columns += [margin, *parts]
        signs += [-1.0, *([1.0] * len(parts))]
    return coo_matrix((signs, (rows, columns)), shape=(len(relations), len(cube.keys))).tocsc()


class Audit:
    """What can be inferred about withheld cells from those published."""

    def __init__(self, cube: Cube) -> None:
        self.cube = cube
        self.matrix = _matrix(cube)

    def interval(self, target: int, hidden: set[int], known: Known | None = None) -> tuple[float, float]:
        """Smallest and largest value of one cell in all tables that agree with the published cells.

        ``known``: bounds on single cells that the reader has from elsewhere.
        """
        from scipy.optimize import linprog

        # equations that touch no hidden cell are satisfied by what is published
        unknown = sorted(hidden)
        place = {cell: i for i, cell in enumerate(unknown)}
        part = self.matrix[:, unknown]
        published = [0.0 if i in hidden else float(v) for i, v in enumerate(self.cube.values)]
        right = -(self.matrix @ published)
        touched = part.getnnz(axis=1) > 0
        bounds = [(known or {}).get(cell, (0, None)) for cell in unknown]
        ends: list[float] = []
        for sign in (1.0, -1.0):
            cost = [0.0] * len(unknown)
            cost[place[target]] = sign
            found = linprog(cost, A_eq=part[touched], b_eq=right[touched], bounds=bounds, method="highs")
            if found.status == 3:
                ends.append(float("inf"))
            elif found.status != 0:
                # no table agrees: what the reader knows contradicts the data, so nothing is certain to be safe
                return float(self.cube.values[target]), float(self.cube.values[target])
            else:
                ends.append(sign * float(found.fun))
        return ends[0], ends[1]


def _widen(
    audit: Audit, target: int, hidden: set[int], fixed: set[int], width: float, known: Known
) -> set[int] | None:
    """The cheapest further cells to withhold so that the target's interval is at least ``width`` wide."""
    import numpy as np
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import block_array, csc_array, eye_array

    cube = audit.cube
    n = len(cube.keys)
    values = np.asarray(cube.values, dtype=float)
    big = float(max(values.max(), width) + width)
    # variables: y (n, withhold?), up (n), down (n): two counter-tables as differences from the true one
    matrix = csc_array(audit.matrix)
    none = csc_array(matrix.shape)
    unit = eye_array(n, format="csc")
    zero = csc_array((n, n))
    relations = block_array([[none, matrix, none], [none, none, matrix]], format="csc")
    reach = block_array(
        [
            [-big * unit, unit, zero],
            [-big * unit, -unit, zero],
            [-big * unit, zero, unit],
            [-big * unit, zero, -unit],
        ],
        format="csc",
    )
    cost = np.zeros(3 * n)
    cost[:n] = 1.0 + np.log1p(values) / 20.0
    least, most = -values.copy(), np.full(n, big)
    for i, (low, high) in known.items():
        least[i] = low - values[i]
        if high is not None:
            most[i] = high - values[i]
    lower = np.concatenate([np.zeros(n), least, least])
    upper = np.concatenate([np.ones(n), most, most])
    for i in hidden:
        lower[i], cost[i] = 1.0, 0.0
    for i in fixed:
        upper[i] = 0.0
    spread = np.zeros(3 * n)
    spread[n + target], spread[2 * n + target] = 1.0, -1.0
    found = milp(
        cost,
        constraints=[
            LinearConstraint(relations, 0.0, 0.0),
            LinearConstraint(reach, -np.inf, 0.0),
            LinearConstraint(spread[None, :], width, np.inf),
        ],
        integrality=np.concatenate([np.ones(n), np.zeros(2 * n)]),
        bounds=Bounds(lower, upper),
        options={"time_limit": 5.0, "mip_rel_gap": 0.02},
    )
    if found.x is None:
        return None
    return {i for i in range(n) if found.x[i] > 0.5 and i not in hidden}


def suppress(
    cube: Cube,
    *,
    minimum: int,
    exempt: Callable[[Key], bool],
    must_hide: Iterable[Key] = (),
    floors: Mapping[Key, int] | None = None,
) -> tuple[set[Key], set[Key]] | None:
    """Primary and complementary cells to withhold.

    Args:
        cube: the table.
        minimum: the smallest count that may be published (0 may be).
        exempt: cells that are always published, whatever their count (the overall total, for one).
        must_hide: further cells to withhold (earlier releases).
        floors: least values that a reader knows from earlier releases.

    Returns:
        The two sets of keys, or None when the table cannot be protected.
    """
    most = minimum - 1
    fixed = {i for i, key in enumerate(cube.keys) if exempt(key)}
    wanted = {cube.index[key] for key in must_hide if key in cube.index}
    small = {i for i, value in enumerate(cube.values) if 0 < value < minimum} - fixed
    primary = (small | wanted) - fixed
    hidden = set(primary)
    audit = Audit(cube)
    # readers to be left in doubt: what each knows beyond the margins, and how wide his interval must be
    readers: list[tuple[Known, float]] = [
        ({}, float(most)),
        ({cube.index[key]: (low, None) for key, low in (floors or {}).items()}, 1.0),
        (dict.fromkeys(small, (1, most)), 1.0),
    ]
    # withholding more only widens an interval: what is safe once stays safe
    safe: set[int] = set()
    for _ in range(MAX_ROUNDS):
        for target in sorted(hidden, key=lambda i: cube.values[i]):
            if target in safe:
                continue
            more = _lacking(audit, target, hidden, fixed, readers)
            if more is None:
                return None
            if more:
                hidden |= more
                break
            safe.add(target)
        else:
            break
    else:
        return None
    return {cube.keys[i] for i in primary}, {cube.keys[i] for i in hidden - primary}


def _lacking(
    audit: Audit, target: int, hidden: set[int], fixed: set[int], readers: list[tuple[Known, float]]
) -> set[int] | None:
    """Further cells to withhold for a target's sake: none when it is safe, None when nothing helps."""
    for place, (known, width) in enumerate(readers):
        if place and not known:
            continue
        low, high = audit.interval(target, hidden, known)
        if high - low < width - 1e-6:
            return _widen(audit, target, hidden, fixed, width, known) or None
    return set()
