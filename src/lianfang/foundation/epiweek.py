"""Epidemiological weeks: ISO 8601 (Monday to Sunday) and CDC/MMWR (Sunday to Saturday). Thin on ``epiweeks``.

China's and Europe's weekly reports use ISO weeks, the United States' MMWR weeks. A week belongs to the year
that holds most of its days in both.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from lianfang.foundation.errors import BadInput

System = Literal["iso", "cdc"]
SYSTEMS: tuple[System, ...] = ("iso", "cdc")
LABEL = re.compile(r"(\d{4})-?W(\d{1,2})", re.ASCII)

__all__ = ["EpiWeek", "between", "of", "parse", "weeks_in"]


@dataclass(frozen=True, order=True)
class EpiWeek:
    """One week of one system. Built by :func:`of` or :func:`parse`; the fields are checked."""

    year: int
    week: int
    system: System = "iso"

    def __post_init__(self) -> None:
        _known(self.system)
        if not 1 <= self.week <= weeks_in(self.year, self.system):
            raise BadInput(
                f"Week {self.week} does not exist in {self.year} ({self.system}).",
                hint=f"That year has {weeks_in(self.year, self.system)} weeks.",
            )

    @property
    def start(self) -> date:
        """First day: Monday (iso) or Sunday (cdc)."""
        from epiweeks import Week

        first = Week(self.year, self.week, system=self.system).startdate()
        return date(first.year, first.month, first.day)

    @property
    def end(self) -> date:
        """Last day."""
        return self.start + timedelta(days=6)

    def __str__(self) -> str:
        return f"{self.year}-W{self.week:02d}"

    def __add__(self, weeks: int) -> EpiWeek:
        return of(self.start + timedelta(weeks=weeks), self.system)


def of(day: date, system: System = "iso") -> EpiWeek:
    """The week that ``day`` lies in."""
    from epiweeks import Week

    _known(system)
    week = Week.fromdate(day, system=system)
    return EpiWeek(int(week.year), int(week.week), system)


def parse(label: str, system: System = "iso") -> EpiWeek:
    """``2020-W05`` or ``2020W5`` as a week."""
    found = LABEL.fullmatch(label.strip()) if len(label) <= 20 else None
    if found is None:
        raise BadInput(f"{label[:20]!r} is no week.", hint="Write the year and the week, as in 2020-W05.")
    return EpiWeek(int(found[1]), int(found[2]), system)


def weeks_in(year: int, system: System = "iso") -> int:
    """Number of weeks, 52 or 53, in ``year``."""
    from epiweeks import Year

    _known(system)
    if not 1 <= year <= 9998:
        raise BadInput(f"The year {year} lies outside 1 to 9998.")
    return int(Year(year, system=system).totalweeks())


def between(first: date, last: date, system: System = "iso") -> Iterator[EpiWeek]:
    """Every week from the one of ``first`` to the one of ``last``."""
    week, end = of(first, system), of(last, system)
    while week <= end:
        yield week
        week = week + 1


def _known(system: str) -> None:
    if system not in SYSTEMS:
        raise BadInput(f"{system[:20]!r} is no week system.", hint="Choose iso or cdc.")
