"""Differencing and bounds: every table of every release at once, and the differences between releases."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from lianfang.foundation.errors import BadInput
from lianfang.guard.attack.linkage import Linked
from lianfang.guard.disclosure.cells import ALL, Key
from lianfang.guard.disclosure.columns import kind_of
from lianfang.guard.disclosure.inference import Contradiction, Inference, TooLarge, infer
from lianfang.guard.disclosure.shown import History, Shown, shown


@dataclass(frozen=True)
class CellFound:
    """A cell that was not told, and what all releases together say about it.

    ``low``, ``high``: least and greatest value (None: no upper end). ``recovered``: its value follows exactly.
    ``implied``: it was not withheld as a cell; its table was shown coarser that day.
    """

    as_of: str
    table: str
    cell: dict[str, str]
    low: int
    high: int | None
    recovered: bool
    implied: bool


@dataclass(frozen=True)
class Difference:
    """Two releases whose difference is a small count."""

    table: str
    cell: dict[str, str]
    first: str
    second: str


@dataclass(frozen=True)
class Report:
    """What the attacks found. ``certain`` cells were recovered exactly; nobody should be."""

    releases: int
    tables: int
    minimum: int
    cells: tuple[CellFound, ...]
    differences: tuple[Difference, ...]
    linked: Linked | None = None

    @property
    def certain(self) -> tuple[CellFound, ...]:
        return tuple(cell for cell in self.cells if cell.recovered)

    @property
    def recovered(self) -> int:
        """How many withheld values, small differences and persons the attacks recover."""
        return len(self.certain) + len(self.differences) + (self.linked.recovered if self.linked else 0)

    @property
    def narrowest(self) -> int | None:
        """The narrowest interval of a withheld cell that was not recovered."""
        widths = [
            cell.high - cell.low
            for cell in self.cells
            if not cell.recovered and not cell.implied and cell.high is not None
        ]
        return min(widths, default=None)

    @property
    def below_rule(self) -> int:
        """Withheld cells whose interval, given all releases, is narrower than the rule asks within one."""
        return sum(
            cell.high is not None and cell.high - cell.low < self.minimum - 1
            for cell in self.cells
            if not cell.recovered and not cell.implied
        )

    def to_dict(self) -> dict[str, Any]:
        return {
            "releases": self.releases,
            "tables": self.tables,
            "minimum": self.minimum,
            "withheld": sum(not cell.implied for cell in self.cells),
            "recovered": self.recovered,
            "narrowest": self.narrowest,
            "below_rule": self.below_rule,
            "cells": [asdict(cell) for cell in self.cells],
            "differences": [asdict(one) for one in self.differences],
            "linked": self.linked.to_dict() if self.linked else None,
        }


def attack(
    releases: Iterable[Mapping[str, Any]],
    *,
    minimum: int = 5,
    register: list[dict[str, str]] | None = None,
) -> Report:
    """Try to recover what releases withhold: bounds over all of them jointly, differencing, linkage.

    Args:
        releases: payloads of ``lianfang-bulletin/1``, of one event, in any order.
        minimum: the smallest count that is published (the pack's ``min_cell``).
        register: rows about persons from elsewhere, to be linked with listings of single cases.

    Raises:
        BadInput: not releases, counts that don't add up, or more unknowns than are worked out.
    """
    from lianfang.guard.attack.linkage import linkage

    releases = list(releases)
    history = shown(releases)
    try:
        made, found = infer(history, minimum=minimum)
        cells = _cells(made, {one.target.variable for one in found if not one.target.implied},
                       {(one.target.variable, one.target.key) for one in found})  # fmt: skip
    except Contradiction:
        raise BadInput("The published counts contradict each other: margins are not the sums.") from None
    except TooLarge:
        raise BadInput("The releases withhold more cells together than are worked out.") from None
    return Report(
        releases=history.releases,
        tables=len(history.tables),
        minimum=minimum,
        cells=cells,
        differences=tuple(_differences(history, minimum)),
        linked=None if register is None else linkage(releases, register),
    )


def _cells(made: Inference, certain: set[int], told: set[tuple[int, Key]]) -> tuple[CellFound, ...]:
    targets = made.joint.targets()
    ends = made.intervals({target.variable for target in targets})
    return tuple(
        CellFound(
            as_of=target.as_of,
            table=target.table,
            cell={d: part for d, part in zip(target.dimensions, target.key, strict=True) if part != ALL},
            low=ends[target.variable][0],
            high=ends[target.variable][1],
            recovered=(target.variable, target.key) in told if target.implied else target.variable in certain,
            implied=target.implied,
        )
        for target in targets
    )


def _differences(history: History, minimum: int) -> Iterable[Difference]:
    """Cells of cumulative tables that were published twice, with a small count of cases in between.

    The overall total, its course and its classes are told whatever their size, and so is a single category.
    """
    values: dict[tuple[str, tuple[str, ...], Key], dict[int, str]] = defaultdict(dict)
    for table in history.tables:
        if table.cumulative:
            always = [
                kind_of(d)[0] in ("time", "status") or _only(table, i) for i, d in enumerate(table.dimensions)
            ]
            for key, value in table.cells.items():
                if value is not None and not all(p == ALL or always[i] for i, p in enumerate(key)):
                    values[table.name, table.dimensions, key].setdefault(value, table.as_of)
    for (name, dimensions, key), found in values.items():
        ordered = sorted(found)
        for low, high in itertools.pairwise(ordered):
            if high - low < minimum:
                cell = {d: part for d, part in zip(dimensions, key, strict=True) if part != ALL}
                yield Difference(name, cell, found[low], found[high])


def _only(table: Shown, axis: int) -> bool:
    return len({key[axis] for key in table.cells} - {ALL}) <= 1
