"""What an epidemic is told: people and their groups, the disease, the layers of contact, measures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lianfang.foundation.errors import BadInput

ALL = -1.0
"""``Layer.contacts``: every other member of the group is met each day."""


@dataclass(frozen=True)
class Disease:
    """Natural history; times in days since infection, means and sds of lognormal distributions.

    Infectiousness starts ``lead`` days before the (virtual) onset of symptoms, not earlier than
    ``latent_min`` after infection, and lasts ``infectious``; ``profile`` is its relative height over equal
    parts of that time (scaled to mean 1). ``symptomatic`` and ``severe`` are probabilities by decade of
    age (0-9, ..., 80+); ``severe`` is conditional on symptoms. A person with symptoms stays at home from
    ``stay_home_after`` days after onset with probability ``stay_home``; the severe are admitted
    ``admission`` days after onset and meet nobody.
    """

    incubation: tuple[float, float] = (5.2, 2.6)
    infectious: tuple[float, float] = (7.0, 2.0)
    lead: float = 2.0
    latent_min: float = 1.0
    profile: tuple[float, ...] = (1.3, 1.8, 1.6, 1.2, 0.8, 0.6, 0.4, 0.3)
    symptomatic: tuple[float, ...] = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9)
    severe: tuple[float, ...] = (0.02, 0.03, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6)
    susceptibility: tuple[float, ...] = (0.5, 0.7, 1.0, 1.0, 1.0, 1.0, 1.1, 1.2, 1.2)
    asymptomatic_infectiousness: float = 0.5
    stay_home: float = 0.6
    stay_home_after: float = 2.0
    admission: tuple[float, float] = (5.5, 2.0)


@dataclass(frozen=True)
class Layer:
    """A kind of contact. ``groups`` names a column of the population ("" = the whole population mixes).

    ``contacts``: mean number of members met on an active day (Poisson), or ``ALL``. ``beta``: transmissions a
    contact-day at relative infectiousness 1 (probability 1 - exp(-beta)). ``weekdays``: days on which the
    layer is active, Monday first.
    """

    name: str
    groups: str
    contacts: float
    beta: float
    weekdays: tuple[bool, ...] = (True,) * 7


@dataclass(frozen=True)
class Visits:
    """Presences that change from day to day (markets, venues, trains): one row a presence.

    ``day`` (0-based), ``person``, ``group`` (those in one group on one day can meet), ``start``/``end``
    (minutes of the day), ``setting`` (index into ``settings``). Two of a group meet while their times
    overlap; ``beta_hour`` is the transmission rate an hour of overlap at relative infectiousness 1, by
    setting.
    """

    day: NDArray[np.int16]
    person: NDArray[np.int32]
    group: NDArray[np.int32]
    start: NDArray[np.int16]
    end: NDArray[np.int16]
    setting: NDArray[np.int8]
    settings: tuple[str, ...]
    beta_hour: tuple[float, ...]


@dataclass(frozen=True)
class Testing:
    """From day ``start`` on, each infected agent with symptoms is tested with a daily chance, one without with another.

    A result comes after ``delay`` days; a test finds an infected agent (from half a day before infectious to 21 days
    after infection) with ``sensitivity``; specificity is 1. The diagnosed meet nobody but their household, whose
    risk is multiplied by ``household_factor`` (0: isolated away from home).
    """

    start: int = 0
    symptomatic: float = 0.2
    asymptomatic: float = 0.0
    delay: float = 1.0
    sensitivity: float = 0.9
    household_factor: float = 0.3


@dataclass(frozen=True)
class Tracing:
    """``delay`` days after a diagnosis, contacts since two days before onset are found with a chance by setting.

    Those found are quarantined for ``quarantine`` days (as the diagnosed) and tested once. At most ``days_back``
    days are asked about; of visits, only presences of at least 15 minutes together count.
    """

    found: Mapping[str, float]
    start: int = 0
    delay: float = 1.0
    days_back: int = 14
    quarantine: float = 14.0


@dataclass(frozen=True)
class Masks:
    """A share ``coverage`` wears masks outside ``not_in``; efficacy ``outward`` (as source) and ``inward``."""

    start: int = 0
    coverage: float = 0.8
    outward: float = 0.5
    inward: float = 0.3
    not_in: tuple[str, ...] = ("household",)


@dataclass(frozen=True)
class Population:
    """Agents: ``age`` in years and one int32 array a kind of group (-1: belongs to none)."""

    age: NDArray[np.int16]
    groups: Mapping[str, NDArray[np.int32]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, column in self.groups.items():
            if column.shape != self.age.shape:
                raise BadInput(f"Group column {name!r} has {column.size} rows for {self.age.size} agents.")

    @property
    def size(self) -> int:
        return int(self.age.size)


@dataclass(frozen=True)
class Scenario:
    """One epidemic to run.

    ``seeds``: rows (agent, time in days) infected from outside. ``scale``: factor on each layer's and visit
    setting's beta by day, e.g. ``{"school": [1.0, 1.0, 0.0, ...]}`` (closures, masks); a short list
    repeats its last value. ``first_weekday``: weekday of day 0, Monday = 0.
    """

    population: Population
    layers: Sequence[Layer]
    days: int
    seed: int
    seeds: Sequence[tuple[int, float]]
    disease: Disease = field(default_factory=Disease)
    visits: Visits | None = None
    scale: Mapping[str, Sequence[float]] = field(default_factory=dict)
    testing: Testing | None = None
    tracing: Tracing | None = None
    masks: Masks | None = None
    first_weekday: int = 0
    kind: str = "agents"
