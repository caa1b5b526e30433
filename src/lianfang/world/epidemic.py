"""The outbreak: who meets whom in this town, seeded among the stallholders of 城南市场."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

import numpy as np
from numpy.typing import NDArray

from lianfang.foundation.errors import Fault
from lianfang.predict.simulation import Disease, Layer, Outcome, Population, Scenario, Visits, run
from lianfang.world.movement import SETTINGS, Presences
from lianfang.world.people import Town

WEEK = (True,) * 5 + (False,) * 2
EARLIEST, LATEST = 23, 25
MOST_AT_ALARM = 5  # unexplained pneumonias of six days when the alarm sounds: it sounds early
REPORT_WINDOW, CLUSTER, CLUSTER_AT_MARKET = 6, 4, 3
CLOSES_AFTER = 4  # days from the alarm to the closing of the market
MEASURES_AFTER = 8  # days from the alarm to masks, closed schools and less contact


@dataclass(frozen=True)
class Outbreak:
    """The epidemic; the day of each person's pneumonia report (-1: none); the alarm's day."""

    outcome: Outcome
    reported: NDArray[np.int64]
    alarm: int
    attempt: int


def outbreak(town: Town, there: Presences, days: int, seed: int, start: date) -> Outbreak:
    """Runs epidemics from different beginnings until one raises its cluster alarm, early, on day 23 to 25.

    The beginning is conditioned on, nothing afterwards: the accepted epidemic is then run over all days with
    the measures that follow the alarm.
    """
    probe = min(days, LATEST + 1)
    base = _scenario(town, there, probe, start)
    delay = np.random.default_rng([seed, 7]).integers(0, 2, size=town.persons)
    sellers = np.flatnonzero(town.hall >= 0)
    for attempt in range(400):
        rng = np.random.default_rng([seed, 11, attempt])
        first = rng.choice(sellers, size=int(rng.integers(2, 5)), replace=False)
        begun = [(int(i), float(rng.uniform(0, 3))) for i in first]
        trial = replace(base, seeds=begun, seed=seed * 1000 + attempt)
        alarm, cases = alarm_day(town, run(trial), delay, probe)
        if days <= LATEST or (EARLIEST <= alarm <= LATEST and cases <= MOST_AT_ALARM):
            break
    else:
        raise Fault("No epidemic of this city raised its alarm in the wanted days.", hint="Try another seed.")
    final = replace(_scenario(town, there, days, start), seeds=begun, seed=trial.seed)
    if alarm >= 0:
        final = replace(final, scale=_measures(alarm, days))
    outcome = run(final)
    return Outbreak(outcome, _reports(outcome, delay), alarm, attempt)


def _reports(outcome: Outcome, delay: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.where(
        np.isfinite(outcome.admitted), np.floor(np.nan_to_num(outcome.admitted)) + delay, -1
    ).astype(np.int64)


def alarm_day(town: Town, outcome: Outcome, delay: NDArray[np.int64], days: int) -> tuple[int, int]:
    """First day with four unexplained pneumonias in six days, three of the market's people, and their number.

    (-1, 0) when there is no such day.
    """
    reported = _reports(outcome, delay)
    everyone = np.bincount(reported[(reported >= 0) & (reported < days)], minlength=days)
    market = np.bincount(reported[(reported >= 0) & (reported < days) & (town.hall >= 0)], minlength=days)
    for day in range(days):
        span = slice(max(day - REPORT_WINDOW + 1, 0), day + 1)
        if everyone[span].sum() >= CLUSTER and market[span].sum() >= CLUSTER_AT_MARKET:
            return day, int(everyone[span].sum())
    return -1, 0


def _measures(alarm: int, days: int) -> dict[str, list[float]]:
    def steps(after_closing: float, after_measures: float) -> list[float]:
        closing, measures = alarm + CLOSES_AFTER, alarm + MEASURES_AFTER
        return [
            1.0 if d < closing else after_closing if d < measures else after_measures for d in range(days)
        ]

    return {
        "market": steps(0.0, 0.0),
        "hall": steps(0.0, 0.0),
        "shop": steps(0.9, 0.6),
        "venue": steps(0.9, 0.5),
        "train": steps(0.8, 0.5),
        "school": steps(1.0, 0.0),
        "work": steps(1.0, 0.7),
        "transport": steps(0.9, 0.6),
        "community": steps(0.9, 0.7),
    }


def _scenario(town: Town, there: Presences, days: int, start: date) -> Scenario:
    population = Population(
        town.age,
        {
            "household": town.household,
            "school": town.classroom,
            "work": np.where(town.hall >= 0, -1, town.team).astype(np.int32),
            "transport": town.ride,
            "hall": town.hall,
        },
    )
    layers = (
        Layer("household", "household", -1.0, 0.085),
        Layer("school", "school", 5.0, 0.04, WEEK),
        Layer("work", "work", 4.0, 0.045, WEEK),
        Layer("transport", "transport", 3.0, 0.012, WEEK),
        Layer("hall", "hall", 3.0, 0.015),
        Layer("community", "", 4.0, 0.01),
    )
    kept = there.where(there.day < days)
    visits = Visits(
        kept.day,
        kept.person,
        kept.group,
        kept.start,
        kept.end,
        kept.setting,
        SETTINGS,
        (0.0024, 0.006, 0.008, 0.006, 0.003),
    )
    return Scenario(population, layers, days, 0, (), Disease(), visits, first_weekday=start.weekday())
