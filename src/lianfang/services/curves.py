"""Epidemic curves: persons by day of onset and of first report."""

from __future__ import annotations

import math
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl


def by_day(days: pl.Series) -> dict[str, int]:
    """Day (ISO) -> how often it stands in the series, in order; nulls are left out."""
    found = days.drop_nulls().value_counts().sort(days.name)
    return {day.isoformat(): count for day, count in found.iter_rows()}


def curve(known: pl.DataFrame, as_of: date) -> dict[str, Any]:
    """``cases``, ``by_report``, ``by_onset`` (onsets until ``as_of``), ``classes`` of persons, each once."""
    onsets = known["date_onset"]
    classes = known["classification"].value_counts().sort("classification")
    return {
        "cases": known.height,
        "by_report": by_day(known["first_reported"]),
        "by_onset": by_day(onsets.filter((onsets <= as_of).fill_null(value=False))),
        "classes": dict(classes.iter_rows()),
    }


def incidence(by_onset: dict[str, int], until: date) -> tuple[list[int], date | None]:
    """Counts by day without gaps, from the first day until ``until``."""
    if not by_onset:
        return [], None
    first = date.fromisoformat(min(by_onset))
    days = max(0, (until - first).days + 1)
    return [by_onset.get((first + timedelta(days=n)).isoformat(), 0) for n in range(days)], first


def delay(known: pl.DataFrame) -> int:
    """Days from onset to first report within which nine in ten cases were reported (nearest rank)."""
    delays = (known["first_reported"] - known["date_onset"]).drop_nulls().dt.total_days().sort()
    return max(0, int(delays[math.ceil(0.9 * len(delays)) - 1])) if len(delays) else 0
