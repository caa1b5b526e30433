"""What releases show: published tables as cells with their margins, in the order of publication.

Both the publisher, before a release leaves, and the attack suite read releases here, so the publisher can't
overlook what an attacker sees.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lianfang.foundation.errors import BadInput
from lianfang.guard.disclosure.cells import ALL, MAX_CELLS, Key

MAX_RELEASES = 3_000
MAX_TABLES = 1_600  # a candidate's 40 tables may have 40 columns of counts each
MAX_ROWS = 200_000
MAX_DIMENSIONS = 40
KINDS = ("small_cell", "difference", "complementary_cell")
TIMES = ("date", "week", "confirm_date")


@dataclass(frozen=True)
class Shown:
    """One table of one release.

    ``release``: its place in the order of publication. ``cells``: key -> count, None where withheld; absent
    keys say nothing. ``kinds``: how many withheld cells are of which kind (small_cell, difference,
    complementary_cell), None when the release does not tell for this table.
    """

    release: int
    as_of: str
    name: str
    dimensions: tuple[str, ...]
    cells: Mapping[Key, int | None]
    cumulative: bool = False
    listing: bool = False
    kinds: Mapping[str, int] | None = None

    @property
    def total(self) -> int | None:
        """The overall count, when it is shown."""
        return self.cells.get((ALL,) * len(self.dimensions))

    @property
    def withheld(self) -> list[Key]:
        return [key for key, value in self.cells.items() if value is None]


@dataclass
class History:
    """All tables of some releases, oldest first, and how many releases there are."""

    tables: list[Shown] = field(default_factory=list)
    releases: int = 0


def _count(value: Any, where: str) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 10**10:
        raise BadInput(f"{where}: a count is a whole number from 0, or null where it is withheld.")
    return value


def _items(table: Mapping[str, Any], name: str, where: str) -> list[Any]:
    found = table.get(name, ())
    if not isinstance(found, list | tuple) or len(found) > MAX_ROWS:
        raise BadInput(f"{where}: {name} is a list of at most {MAX_ROWS}.")
    return list(found)


def _rows(table: Mapping[str, Any], where: str) -> list[Mapping[str, Any]]:
    """Rows and margins, each an object."""
    rows = [*_items(table, "rows", where), *_items(table, "margins", where)]
    if not all(isinstance(row, Mapping) for row in rows):
        raise BadInput(f"{where}: rows are objects.")
    return rows


def _kinds(release: Mapping[str, Any], name: str, single: bool) -> dict[str, int] | None:
    """Withheld cells by kind: per table where the release says where, else its sums if it has one table."""
    reasons, counts = release.get("reasons"), release.get("withheld")
    if isinstance(reasons, list) and all(isinstance(item, Mapping) for item in reasons):
        here = [item for item in reasons if item.get("where") == name]
        found = [(item.get("kind"), item.get("count", 0)) for item in here]
    elif single and isinstance(counts, Mapping):
        found = list(counts.items())
    else:
        return None
    told = dict.fromkeys(KINDS, 0)
    for kind, count in found:
        if kind in told:
            told[kind] += _count(count, "withheld") or 0
    return told


def _counts(
    rows: Sequence[Mapping[str, Any]], dimensions: tuple[str, ...], where: str
) -> dict[Key, int | None]:
    return {tuple(str(row.get(d, ALL)) for d in dimensions): _count(row.get("count"), where) for row in rows}


def _listed(
    rows: Sequence[Mapping[str, Any]], columns: Sequence[str]
) -> tuple[tuple[str, ...], dict[Key, int]]:
    """A listing of cases as a table of counts over the columns in which no value is missing.

    Areas are left aside: one is shown beside a case only where several share it. Sums that would be too many
    are not made: then only single columns are counted.
    """
    from lianfang.guard.disclosure.columns import AREAS

    areas = set(AREAS.values())
    kept = tuple(c for c in columns if c not in areas and all(row.get(c) not in (None, "") for row in rows))
    size = 1
    for column in kept:
        size *= len({str(row[column]) for row in rows}) + 1
    cells: dict[Key, int] = {}
    for row in rows:
        parts = [str(row[c]) for c in kept]
        if size <= MAX_CELLS:
            keys: Iterable[Key] = itertools.product(*((part, ALL) for part in parts))
        else:
            blank = (ALL,) * len(kept)
            keys = [blank, *((*blank[:i], part, *blank[i + 1 :]) for i, part in enumerate(parts))]
        for key in keys:
            cells[key] = cells.get(key, 0) + 1
    return kept, cells


def _one(release: Mapping[str, Any], place: int, table: Mapping[str, Any], single: bool) -> Shown:
    name = str(table.get("name", ""))[:400]
    where = f"release {place + 1}, a table"
    dimensions = tuple(str(d) for d in _items(table, "dimensions", where))
    if len(dimensions) > MAX_DIMENSIONS or len(set(dimensions)) != len(dimensions):
        raise BadInput(f"{where}: at most {MAX_DIMENSIONS} dimensions, each once.")
    as_of = str(release.get("as_of", ""))[:40]
    rows = _rows(table, where)
    if table.get("listing"):
        kept, counts = _listed(rows, dimensions)
        return Shown(place, as_of, name, kept, counts, listing=True)
    cells = _counts(rows, dimensions, where)
    cumulative = bool(table.get("cumulative"))
    return Shown(place, as_of, name, dimensions, cells, cumulative, kinds=_kinds(release, name, single))


def shown(releases: Iterable[Mapping[str, Any]]) -> History:
    """Read releases (payloads of ``lianfang-bulletin/1``), in the order of their dates.

    Raises:
        BadInput: not of that form, or too many.
    """
    ordered = sorted(releases, key=lambda release: str(release.get("as_of", "")))
    if len(ordered) > MAX_RELEASES:
        raise BadInput(f"more than {MAX_RELEASES} releases.")
    history = History(releases=len(ordered))
    for place, release in enumerate(ordered):
        tables = release.get("tables", ())
        if not isinstance(tables, list | tuple) or len(tables) > MAX_TABLES:
            raise BadInput(f"release {place + 1}: at most {MAX_TABLES} tables.")
        if not all(isinstance(table, Mapping) for table in tables):
            raise BadInput(f"release {place + 1}: a table is an object.")
        withholding = [
            table
            for table in tables
            if any("count" in row and row["count"] is None for row in _rows(table, f"release {place + 1}"))
        ]
        history.tables += [_one(release, place, table, len(withholding) <= 1) for table in tables]
    return history
