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


# Circles of presence, from the tightest. Order and gaps follow the definitions of close contacts: living
# together and sharing a room first, then seats within two rows (WHO, Tuberculosis and air travel, 3rd ed.,
# 2008, and its later use for coronaviruses), then the carriage, then rooms and places merely shared.
PRESENCE: dict[str, float] = {
    "same_household": 1.0,
    "same_room": 1.0,
    "same_row": 0.9,
    "near_row": 0.8,
    "same_carriage": 0.45,
    "same_place": 0.5,
    "same_floor": 0.35,
    "same_vehicle": 0.2,
    "same_hotel": 0.15,
}

# How far each kind of observation is believed when they are joined (see ranking.rank). Sensors see faces;
# rooms and seats are registered; positions and visits may be metres or walls apart.
FAMILY: dict[str, float] = {
    "sensor": 1.0,
    "room": 1.0,
    "seat": 1.0,
    "stated": 1.0,
    "position": 0.9,
    "place": 0.9,
    "chain": 0.8,
}

# Families that see the same meeting twice (a check-in and the position at it): the stronger counts.
SAME_MEETING: dict[str, str] = {"place": "whereabouts", "position": "whereabouts"}

HIGH, MEDIUM = 0.6, 0.3


def sensor_score(minutes: pl.Expr) -> pl.Expr:
    """Face to face within about 1.5 m: time alone, 15 minutes (the definitions' threshold) give one half."""
    return minutes / (minutes + 15.0)
