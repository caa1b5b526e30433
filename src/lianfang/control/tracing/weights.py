"""Scores of single pieces of evidence, in one place and in the open.

None of these numbers is a probability of infection. They order people for a visit and state why.

* Time: ``t / (t + 30)`` with t in minutes together. Fifteen minutes is the threshold of the definitions of a
  contact (WHO, *Contact tracing in the context of COVID-19*, 1 February 2021: face to face within 1 m for at
  least 15 minutes; ECDC, 2021: 15 minutes cumulated over 24 h); it gives one third, an hour two thirds.
* Distance: a position is not a distance between faces. The closest approach keeps between the full weight
  (same spot) and half of it (at the radius).
* Second order: half, since the person in between must have become infectious first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

HALF_TIME_MINUTES = 30.0
SECOND_ORDER = 0.5


def time_weight(minutes: pl.Expr) -> pl.Expr:
    """0 at no time together, one half at 30 minutes, towards 1."""
    return minutes / (minutes + HALF_TIME_MINUTES)


def co_location_score(minutes: pl.Expr, metres: pl.Expr, radius_m: float, order: int) -> pl.Expr:
    """Score of a pair from positions, in [0, 1]."""
    distance = 1.0 - 0.5 * metres / max(radius_m, 1.0)
    return time_weight(minutes) * distance.clip(0.5, 1.0) * (SECOND_ORDER if order == 2 else 1.0)
