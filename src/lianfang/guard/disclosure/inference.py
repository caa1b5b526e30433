"""What can be inferred from a system of releases: the interval of each cell that was not told.

Bounds are first carried along sums and chains; what remains open falls into independent parts, and in each part
two linear programmes (HiGHS) per cell give the ends, rounded inwards to whole numbers. Where sums run over three
or more dimensions a short integer programme looks again at narrow intervals, since whole-number tables may allow
less than the linear bounds.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lianfang.guard.disclosure.joint import Joint, Target
from lianfang.guard.disclosure.shown import History

EPS = 1e-6
FAR = 1e9  # stands for no upper end in a linear programme
MAX_PART = 6_000
ROUNDS = 400
TRIALS = 6

Ends = tuple[int, int | None]
MAX_KEPT = 20_000
# (digest of a part, places asked for) -> places with one value; holds nothing but what releases show
_WORKED_OUT: dict[tuple[bytes, tuple[int, ...]], frozenset[int]] = {}


class TooLarge(Exception):
    """A part of the system has more unknowns than are worked out; nothing may be said about it."""


class Contradiction(Exception):
    """No table agrees with the assumptions; ``rules`` or ``chained`` must be given up."""


class Inference:
    """Bounds of every variable of a :class:`Joint` system."""

    def __init__(self, joint: Joint) -> None:
        self.joint = joint
        n = len(joint.parent)
        self.lower = np.zeros(n)
        self.upper = np.full(n, np.inf)
        for variable in range(n):
            if joint.find(variable) == variable and (value := joint.value[variable]) is not None:
                self.lower[variable] = self.upper[variable] = value
        for variable, (low, high) in joint.bounds.items():
            self.lower[variable] = max(self.lower[variable], low)
            if high is not None:
                self.upper[variable] = min(self.upper[variable], high)
        self.chains = [np.asarray(chain) for chain in joint.chains]
        none = np.zeros(0, np.int64)
        self.before = np.concatenate([none, *(chain[:-1] for chain in self.chains)])
        self.after = np.concatenate([none, *(chain[1:] for chain in self.chains)])
        rows, columns, signs = [], [], []
        for row, (margin, parts) in enumerate(joint.sums):
            rows += [row] * (len(parts) + 1)
            columns += [margin, *parts]
            signs += [-1.0, *([1.0] * len(parts))]
        self.rows = np.asarray(rows, dtype=np.int64)
        self.columns = np.asarray(columns, dtype=np.int64)
        self.signs = np.asarray(signs)
        self._propagate()

    def _propagate(self) -> None:
        """Carry bounds along chains and sums until nothing moves."""
        for _ in range(ROUNDS):
            before = self.lower.copy(), self.upper.copy()
            for chain in self.chains:
                self.lower[chain] = np.maximum.accumulate(self.lower[chain])
                self.upper[chain] = np.minimum.accumulate(self.upper[chain][::-1])[::-1]
            if len(self.rows):
                self._along_sums()
            if np.any(self.lower > self.upper + EPS):
                raise Contradiction
            if np.array_equal(before[0], self.lower) and np.array_equal(before[1], self.upper):
                break

    def _along_sums(self) -> None:
        rows, columns, signs = self.rows, self.columns, self.signs
        low = np.where(signs > 0, self.lower[columns], -self.upper[columns])
        high = np.where(signs > 0, self.upper[columns], -self.lower[columns])
        count = int(rows[-1]) + 1

        def others(end: NDArray[np.float64]) -> NDArray[np.float64]:
            """Sum over the row without the entry itself; infinite where another entry is."""
            open_ = ~np.isfinite(end)
            finite = np.where(open_, 0.0, end)
            total = np.bincount(rows, finite, count)[rows] - finite
            opened = np.bincount(rows, open_, count)[rows] - open_
            return np.where(opened > 0, np.inf, total)

        least, most = others(low), others(high)
        # sign * x = -(sum of the others)
        ceiling = np.where(np.isfinite(least), -least, np.inf)
        floor = np.where(np.isfinite(most), -most, -np.inf)
        up = np.where(signs > 0, ceiling, -floor)
        down = np.where(signs > 0, floor, -ceiling)
        np.maximum.at(self.lower, columns, np.ceil(down - EPS))
        np.minimum.at(self.upper, columns, np.floor(up + EPS))

    @cached_property
    def parts(self) -> NDArray[np.int64]:
        """Which independent part each variable belongs to; known ones belong to none (-1)."""
        from scipy.sparse import coo_matrix
        from scipy.sparse.csgraph import connected_components

        n = len(self.lower)
        free = self.upper - self.lower > EPS
        ones: list[NDArray[np.int64]] = []
        twos: list[NDArray[np.int64]] = []
        if len(self.rows):
            kept = free[self.columns]
            rows, columns = self.rows[kept], self.columns[kept]
            follows = rows[1:] == rows[:-1]
            ones.append(columns[:-1][follows])
            twos.append(columns[1:][follows])
        pair = free[self.before] & free[self.after]
        ones.append(self.before[pair])
        twos.append(self.after[pair])
        one, two = (np.concatenate([*x, np.zeros(0, np.int64)]).astype(np.int64) for x in (ones, twos))
        graph = coo_matrix((np.ones(len(one)), (one, two)), shape=(n, n))
        _, labels = connected_components(graph, directed=False)
        return np.where(free, labels, -1)

    def _programme(self, part: int) -> _Part:
        members = np.flatnonzero(self.parts == part)
        if len(members) > MAX_PART:
            raise TooLarge
        return _Part(self, members)

    def exact(self, variables: Iterable[int]) -> set[int]:
        """Those of the variables whose value follows without doubt (in the linear bounds, rounded inwards)."""
        wanted = set(variables)
        certain = {v for v in wanted if self.upper[v] - self.lower[v] <= EPS}
        open_ = wanted - certain
        for part in sorted({int(self.parts[v]) for v in open_}):
            here = sorted(v for v in open_ if self.parts[v] == part)
            certain |= self._programme(part).exact(here)
        return certain

    def intervals(self, variables: Iterable[int]) -> dict[int, Ends]:
        """Least and greatest whole number of each variable; None where there is no upper end."""
        wanted = set(variables)
        found: dict[int, Ends] = {}
        for v in wanted:
            if self.upper[v] - self.lower[v] <= EPS:
                found[v] = int(self.lower[v]), int(self.upper[v])
        for part in sorted({int(self.parts[v]) for v in wanted - found.keys()}):
            here = sorted(v for v in wanted if self.parts[v] == part)
            programme = self._programme(part)
            for v in here:
                found[v] = programme.ends(v)
        return found


class _Part:
    """One independent part as a linear programme."""

    def __init__(self, whole: Inference, members: NDArray[np.int64]) -> None:
        from scipy.sparse import csr_matrix

        self.place = {int(v): i for i, v in enumerate(members)}
        n = len(members)
        self.bounds = np.column_stack([whole.lower[members], np.minimum(whole.upper[members], FAR)])
        at = np.full(len(whole.lower), -1)
        at[members] = np.arange(n)
        inside = np.unique(whole.rows[at[whole.columns] >= 0]) if len(whole.rows) else np.zeros(0, np.int64)
        entries = np.isin(whole.rows, inside)
        rows = np.searchsorted(inside, whole.rows[entries])
        columns, signs = whole.columns[entries], whole.signs[entries]
        local = at[columns]
        known = local < 0
        self.right = -np.bincount(
            rows[known], signs[known] * whole.lower[columns[known]], minlength=len(inside)
        )
        self.sums = csr_matrix((signs[~known], (rows[~known], local[~known])), shape=(len(inside), n))
        before, after = at[whole.before], at[whole.after]
        pairs = (before >= 0) & (after >= 0) & (before != after)
        lower, upper = before[pairs], after[pairs]
        m = len(lower)
        self.steps = csr_matrix(
            (
                np.concatenate([np.ones(m), -np.ones(m)]),
                (np.tile(np.arange(m), 2), np.concatenate([lower, upper])),
            ),
            shape=(m, n),
        )
        # with sums over two dimensions at most the linear bounds are whole numbers
        self.plain = n == 0 or int(np.bincount(local[~known], minlength=n).max(initial=0)) <= 2

    def _solve(self, cost: NDArray[np.float64]) -> NDArray[np.float64]:
        from scipy.optimize import linprog

        found = linprog(
            cost,
            A_ub=self.steps if self.steps.shape[0] else None,
            b_ub=np.zeros(self.steps.shape[0]) if self.steps.shape[0] else None,
            A_eq=self.sums if self.sums.shape[0] else None,
            b_eq=self.right if self.sums.shape[0] else None,
            bounds=self.bounds,
            method="highs",
        )
        if found.status == 2:
            raise Contradiction
        if found.x is None:
            raise TooLarge
        result: NDArray[np.float64] = found.x
        return result

    @cached_property
    def mark(self) -> bytes:
        """A digest of the programme: the same part of the same history is worked out once."""
        digest = hashlib.sha256(self.bounds.tobytes())
        for matrix in (self.sums, self.steps):
            for array in (matrix.indptr, matrix.indices, matrix.data):
                digest.update(array.tobytes())
        digest.update(self.right.tobytes())
        return digest.digest()

    def exact(self, wanted: list[int]) -> set[int]:
        """Those of the wanted variables that have one value only."""
        places = [self.place[v] for v in wanted]
        key = (self.mark, tuple(places))
        if key not in _WORKED_OUT:
            if len(_WORKED_OUT) >= MAX_KEPT:
                _WORKED_OUT.clear()
            certain = self._exact(wanted)
            _WORKED_OUT[key] = frozenset(self.place[v] for v in certain)
        return {v for v in wanted if self.place[v] in _WORKED_OUT[key]}

    def _exact(self, wanted: list[int]) -> set[int]:
        # tables in random directions show that most cells may differ; only the rest is asked one by one
        rng = np.random.default_rng(len(wanted))
        places = np.asarray([self.place[v] for v in wanted])
        low, high = np.full(len(wanted), np.inf), np.full(len(wanted), -np.inf)
        still = np.ones(len(wanted), dtype=bool)
        for _ in range(TRIALS):
            cost = np.zeros(len(self.bounds))
            cost[places[still]] = rng.choice([-1.0, 1.0], size=int(still.sum())) * rng.uniform(0.5, 1.5)
            for sign in (1.0, -1.0):
                x = self._solve(sign * cost)[places]
                low, high = np.minimum(low, x), np.maximum(high, x)
            still = np.floor(high + EPS) - np.ceil(low - EPS) < 1
            if not still.any():
                return set()
        return {wanted[i] for i in np.flatnonzero(still) if _same(self.ends(wanted[i]))}

    def ends(self, variable: int) -> Ends:
        at = self.place[variable]
        cost = np.zeros(len(self.bounds))
        cost[at] = 1.0
        low = int(np.ceil(self._solve(cost)[at] - EPS))
        top = self._solve(-cost)[at]
        high = None if top >= FAR - 1 else int(np.floor(top + EPS))
        if high is not None and low < high <= low + 4 and not self.plain:
            low, high = self._whole(cost, low, high)
        return low, high

    def _whole(self, cost: NDArray[np.float64], low: int, high: int) -> tuple[int, int]:
        """The ends in whole-number tables, where a short search finds them; else the linear ones."""
        from scipy.optimize import Bounds, LinearConstraint, milp

        limits: list[Any] = []
        if self.sums.shape[0]:
            limits.append(LinearConstraint(self.sums, self.right, self.right))
        if self.steps.shape[0]:
            limits.append(LinearConstraint(self.steps, -np.inf, 0.0))
        ends = [low, high]
        for i, sign in enumerate((1.0, -1.0)):
            found = milp(
                sign * cost,
                constraints=limits,
                bounds=Bounds(self.bounds[:, 0], self.bounds[:, 1]),
                integrality=np.ones(len(cost)),
                options={"time_limit": 2.0},
            )
            if found.status == 0:
                ends[i] = round(sign * found.fun)
        return ends[0], ends[1]


def _same(ends: Ends) -> bool:
    return ends[1] is not None and ends[1] <= ends[0]


@dataclass(frozen=True)
class Recovered:
    """A cell that was not told and follows exactly."""

    target: Target
    value: int


def infer(history: History, *, minimum: int) -> tuple[Inference, list[Recovered]]:
    """The strongest consistent reading of the releases (with the rules, else without, else day by day), and the
    cells that it gives away.

    Raises:
        Contradiction: the published counts do not even add up. TooLarge: more unknowns than are worked out.
    """
    for rules, chained in ((True, True), (False, True), (False, False)):
        try:
            made = Inference(Joint(history, minimum=minimum, rules=rules, chained=chained))
            return made, _recovered(made, made.joint.targets())
        except Contradiction:
            continue
    raise Contradiction


def _recovered(made: Inference, targets: list[Target]) -> list[Recovered]:
    """The targets whose value follows exactly and tells something that was withheld.

    A cell that was withheld as such counts whatever its value; one that was only summed over in a coarser table
    counts where its value is neither zero nor one that was published for it on another day.
    """
    certain = made.exact({t.variable for t in targets})
    values = made.intervals(certain)
    found = []
    for target in targets:
        if target.variable in certain:
            value = values[target.variable][0]
            told = made.joint.published(target.table, target.dimensions, target.key)
            if not target.implied or (value > 0 and value not in told):
                found.append(Recovered(target, value))
    return found
