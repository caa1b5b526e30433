"""Axes: round ticks for numbers, days and categories."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from lianfang.foundation.errors import BadInput

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
DAY_STEPS = (1, 2, 3, 7, 14, 28, 56, 91, 182, 365, 730, 1825, 3650)


def round_ticks(low: float, high: float, wanted: int = 5) -> list[float]:
    """About ``wanted`` round numbers that cover [low, high] (steps of 1, 2, 2.5 or 5 times a power of
    ten)."""
    if not (math.isfinite(low) and math.isfinite(high)):
        raise BadInput("A chart's values must be finite.")
    if high <= low:
        high = low + 1.0
    raw = (high - low) / max(wanted - 1, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * m for m in (1, 2, 2.5, 5, 10) if power * m >= raw * 0.999999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(k * step, 12) for k in range(first, last + 1)]


def number_label(value: float) -> str:
    """Thousands grouped, no needless decimals."""
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:.4g}"


def day_label(day: date, lang: str, year: bool = False) -> str:
    """``20 Jan`` or ``1月20日``, with the year where asked."""
    if lang.startswith("zh"):
        return f"{day.year}年{day.month}月{day.day}日" if year else f"{day.month}月{day.day}日"
    short = f"{day.day} {MONTHS[day.month - 1]}"
    return f"{short} {day.year}" if year else short


@dataclass(frozen=True)
class Across:
    """The horizontal axis: a position from 0 to 1 for each x, and the ticks that fit."""

    places: tuple[float, ...]
    ticks: tuple[tuple[float, str], ...]
    slot: float  # share of the axis that one step takes


def across(x: Sequence[date] | Sequence[float] | Sequence[str], lang: str, most: int) -> Across:
    """Axis for days (placed by time), numbers, or anything else (placed in order)."""
    if len(x) == 0:
        raise BadInput("A chart needs at least one point.")
    if all(isinstance(value, date) for value in x):
        return _days([value for value in x if isinstance(value, date)], lang, most)
    if all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in x):
        return _numbers([float(value) for value in x], most)  # type: ignore[arg-type]
    every = max(1, math.ceil(len(x) / most))
    slot = 1.0 / len(x)
    places = tuple((i + 0.5) * slot for i in range(len(x)))
    return Across(places, tuple((places[i], str(x[i])) for i in range(0, len(x), every)), slot)


def _days(days: Sequence[date], lang: str, most: int) -> Across:
    first, last = min(days), max(days)
    span = (last - first).days + 1
    step = next((s for s in DAY_STEPS if span / s <= most), DAY_STEPS[-1])
    marks = [first + timedelta(days=k) for k in range(0, span, step)]
    gaps = sorted({(b - a).days for a, b in zip(sorted(set(days)), sorted(set(days))[1:], strict=False)})
    unit = gaps[0] if gaps else 1  # weekly series get weekly slots
    whole = span - 1 + unit
    place = {day: ((day - first).days + unit / 2) / whole for day in {*days, *marks}}
    long = span > 400
    return Across(
        tuple(place[day] for day in days),
        tuple((place[day], day_label(day, lang, year=long)) for day in marks),
        unit / whole,
    )


def _numbers(values: Sequence[float], most: int) -> Across:
    low, high = min(values), max(values)
    span = (high - low) or 1.0
    unit = span / max(len(values) - 1, 1)
    whole = span + unit
    ticks = [t for t in round_ticks(low, high, most) if low <= t <= high]
    return Across(
        tuple((v - low + unit / 2) / whole for v in values),
        tuple(((t - low + unit / 2) / whole, number_label(t)) for t in ticks),
        unit / whole,
    )
