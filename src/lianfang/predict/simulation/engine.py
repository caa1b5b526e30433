"""``run``: from a scenario to the kernel's arrays and back."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lianfang.foundation.errors import BadInput
from lianfang.predict.simulation.outcome import Outcome
from lianfang.predict.simulation.scenario import Scenario, Visits

HOME_LAYERS = frozenset({"household"})


def run(scenario: Scenario) -> Outcome:
    """Runs one epidemic; the same scenario gives the same outcome.

    Daily steps; an infectious agent meets members of his groups (every one, or a Poisson number drawn with
    replacement), and each susceptible met is infected with probability 1 - exp(-beta x infectiousness x
    susceptibility). Times of infection are continuous within the day.
    """
    from lianfang.predict.simulation import _kernels

    _check(scenario)
    size = scenario.population.size
    run = _kernels.Run(
        np.full((size, 10), np.nan),
        np.full(size, -1, np.int32),
        np.full(size, -1, np.int8),
        np.empty(size, np.int32),
        np.zeros(scenario.days, np.int64),
        np.ones(size, np.bool_),
    )
    seeds = sorted((float(time), int(agent)) for agent, time in scenario.seeds)
    _kernels.run_agents(
        scenario.days,
        np.uint64(scenario.seed),
        _kernels.Net(*_group_table(scenario)),
        _kernels.Meet(*_visit_table(scenario.visits, scenario)),
        _kernels.Ill(*_natural_history(scenario)),
        _kernels.Care(*_measures(scenario)),
        run,
        np.array([agent for _, agent in seeds], np.int32),
        np.array([time for time, _ in seeds], np.float64),
    )
    settings = _settings(scenario)
    columns = run.times[:, :7].T
    columns[:, ~(columns[0] < scenario.days)] = np.nan
    return Outcome(scenario.days, settings, run.infector, run.setting, *columns, run.tests)  # type: ignore[call-arg]


def _settings(scenario: Scenario) -> tuple[str, ...]:
    """Names of layers, then of visit settings."""
    visits = scenario.visits.settings if scenario.visits is not None else ()
    return (*(layer.name for layer in scenario.layers), *visits)


def _natural_history(scenario: Scenario) -> tuple[Any, ...]:
    disease = scenario.disease
    decade = np.minimum(scenario.population.age.astype(np.int64) // 10, 8)
    chance = np.stack([np.asarray(disease.symptomatic)[decade], np.asarray(disease.severe)[decade]], axis=1)
    parameters = np.array(
        [
            *disease.incubation,
            *disease.infectious,
            disease.lead,
            disease.latent_min,
            disease.stay_home,
            disease.stay_home_after,
            *disease.admission,
        ]
    )
    profile = np.asarray(disease.profile, np.float64)
    susceptibility = np.asarray(disease.susceptibility, np.float64)[decade]
    return (
        susceptibility,
        np.ascontiguousarray(chance),
        parameters,
        profile / profile.mean(),
        float(disease.asymptomatic_infectiousness),
    )


def _measures(scenario: Scenario) -> tuple[Any, ...]:
    """Tests, tracing and masks as the kernel takes them; what is absent never starts."""
    never = scenario.days + 1
    testing, tracing, masks = scenario.testing, scenario.tracing, scenario.masks
    names = _settings(scenario)
    rng = np.random.default_rng([scenario.seed, 77])
    size = scenario.population.size
    wears = rng.random(size) < masks.coverage if masks else np.zeros(size, bool)
    return (
        testing.start if testing else never,
        float(testing.symptomatic) if testing else 0.0,
        float(testing.asymptomatic) if testing else 0.0,
        float(testing.delay) if testing else 0.0,
        float(testing.sensitivity) if testing else 0.0,
        float(testing.household_factor) if testing else 1.0,
        float(tracing.start) if tracing else float("nan"),
        float(tracing.delay) if tracing else 0.0,
        float(tracing.days_back) if tracing else 0.0,
        float(tracing.quarantine) if tracing else 0.0,
        np.array([tracing.found.get(name, 0.0) if tracing else 0.0 for name in names]),
        masks.start if masks else never,
        1.0 - float(masks.outward) if masks else 1.0,
        1.0 - float(masks.inward) if masks else 1.0,
        np.array([masks is not None and name not in masks.not_in for name in names]),
        wears,
    )


def _check(scenario: Scenario) -> None:
    if scenario.kind != "agents":
        raise BadInput(f"Unknown kind of simulation {scenario.kind!r}.", hint="Known: agents.")
    if not 0 < scenario.days <= 3650:
        raise BadInput(f"A simulation runs 1 to 3650 days, not {scenario.days}.")
    for i, time in scenario.seeds:
        if not 0 <= i < scenario.population.size or not time >= 0:
            raise BadInput(
                f"Seed infection of agent {i} at {time} lies outside the population or before day 0."
            )
    if not scenario.layers:
        raise BadInput("A scenario needs at least one layer of contact.")
    if scenario.tracing and not scenario.testing:
        raise BadInput("Tracing starts from diagnosed cases: the scenario needs testing as well.")
    for layer in scenario.layers:
        if layer.contacts > 10_000:
            raise BadInput(f"Layer {layer.name!r} has {layer.contacts} contacts a day; at most 10,000.")
        if layer.groups and layer.groups not in scenario.population.groups:
            raise BadInput(f"Layer {layer.name!r} uses the group column {layer.groups!r}, which is missing.")
    named = set(scenario.scale)
    named |= set(scenario.tracing.found) if scenario.tracing else set()
    if unknown := sorted(named - set(_settings(scenario))):
        raise BadInput(f"The scenario names unknown settings: {', '.join(unknown)}.")


def _group_table(scenario: Scenario) -> tuple[NDArray[Any], ...]:
    """Members of every group of every layer, as one compressed table."""
    size = scenario.population.size
    columns, pointers, member_lists = [], [], []
    for layer in scenario.layers:
        column = (
            scenario.population.groups[layer.groups].astype(np.int32)
            if layer.groups
            else np.zeros(size, np.int32)
        )
        inside = np.flatnonzero(column >= 0)
        order = inside[np.argsort(column[inside], kind="stable")]
        number = int(column.max(initial=-1)) + 1
        counts = np.bincount(column[inside], minlength=number)
        columns.append(column)
        pointers.append(np.concatenate([[0], np.cumsum(counts)]).astype(np.int64))
        member_lists.append(order.astype(np.int32))
    ptr_at = np.cumsum([0, *[len(p) for p in pointers[:-1]]]).astype(np.int64)
    member_at = np.cumsum([0, *[len(m) for m in member_lists[:-1]]]).astype(np.int64)
    return (
        np.stack(columns),
        np.concatenate(pointers),
        ptr_at,
        np.concatenate(member_lists),
        member_at,
        np.array([layer.contacts for layer in scenario.layers], np.float64),
        _poisson_table([max(layer.contacts, 0.0) for layer in scenario.layers]),
        _betas(scenario),
        np.array([layer.name in HOME_LAYERS for layer in scenario.layers]),
    )


def _poisson_table(means: list[float]) -> NDArray[np.float64]:
    """Cumulative Poisson probabilities, one row a mean; the last entry is 1."""
    terms = int(max(means) + 12.0 * np.sqrt(max(means))) + 20
    k = np.arange(1, terms)
    table = np.ones((len(means), terms))
    for at, mean in enumerate(means):
        if mean > 0.0:
            logs = np.concatenate([[-mean], -mean + np.cumsum(np.log(mean / k))])
            table[at] = np.cumsum(np.exp(logs))
    table[:, -1] = 1.0
    return table


def _factor(scenario: Scenario, name: str) -> NDArray[np.float64]:
    given = np.asarray(scenario.scale.get(name, (1.0,)), np.float64)[: scenario.days]
    return np.concatenate([given, np.full(scenario.days - given.size, given[-1])])


def _betas(scenario: Scenario) -> NDArray[np.float64]:
    weekday = (np.arange(scenario.days) + scenario.first_weekday) % 7
    table = np.empty((scenario.days, len(scenario.layers)))
    for at, layer in enumerate(scenario.layers):
        table[:, at] = layer.beta * np.asarray(layer.weekdays, float)[weekday] * _factor(scenario, layer.name)
    return table


def _visit_table(visits: Visits | None, scenario: Scenario) -> tuple[NDArray[Any], ...]:
    """Rows sorted by day and group, bounds of days and groups, and the order by person within a day."""
    empty = np.zeros(0, np.int64)
    if visits is None or visits.day.size == 0:
        nothing = np.zeros(0, np.int32)
        small = np.zeros(0, np.int16)
        return (
            empty,
            nothing,
            empty,
            empty,
            small,
            small,
            np.zeros(0, np.int8),
            empty,
            np.zeros((1, 1)),
        )
    order = np.lexsort((visits.person, visits.group, visits.day))
    day, group, person = visits.day[order], visits.group[order], visits.person[order]
    rows = np.arange(day.size)
    change = np.concatenate([[True], (day[1:] != day[:-1]) | (group[1:] != group[:-1])])
    starts = np.flatnonzero(change)
    index = np.cumsum(change) - 1
    bounds = np.concatenate([starts, [day.size]])
    first = np.searchsorted(day, np.arange(scenario.days + 1)).astype(np.int64)
    by_person = np.lexsort((rows, person, day)).astype(np.int64)
    beta = np.stack(
        [
            rate * _factor(scenario, name)
            for name, rate in zip(visits.settings, visits.beta_hour, strict=True)
        ],
        axis=1,
    )
    return (
        first,
        person.astype(np.int32),
        bounds[index].astype(np.int64),
        bounds[index + 1].astype(np.int64),
        visits.start[order].astype(np.int16),
        visits.end[order].astype(np.int16),
        visits.setting[order].astype(np.int8),
        by_person,
        np.ascontiguousarray(beta),
    )
