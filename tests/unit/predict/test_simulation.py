"""The agent-based epidemic against known results, and what its measures must do."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.optimize import brentq

from lianfang.foundation.errors import BadInput
from lianfang.predict import simulation
from lianfang.predict.simulation import Disease, Layer, Masks, Population, Scenario, Tracing, Visits

Swabs = simulation.Testing  # a name that pytest does not take for a test

# everybody alike, constant infectiousness: the textbook's well-mixed case
PLAIN = Disease(
    profile=(1.0,),
    symptomatic=(1.0,) * 9,
    severe=(0.0,) * 9,
    susceptibility=(1.0,) * 9,
    stay_home=0.0,
)


def mixed(
    size: int, reproduction: float, days: int, seed: int, seeds: int, disease: Disease = PLAIN
) -> Scenario:
    """Ten contacts a day with anybody; beta such that the mean number infected is ``reproduction``."""
    population = Population(np.full(size, 30, np.int16))
    # 1 - exp(-beta) a contact, ten contacts a day, seven infectious days on average
    beta = -np.log(1.0 - reproduction / (10.0 * disease.infectious[0]))
    layers = (Layer("community", "", 10.0, float(beta)),)
    return Scenario(population, layers, days, seed, [(i, 0.0) for i in range(seeds)], disease)


@pytest.mark.parametrize("reproduction", [1.5, 2.0, 3.0])
def test_final_size_of_the_well_mixed_epidemic(reproduction: float) -> None:
    """Kermack & McKendrick 1927: z = s0 (1 - exp(-R0 z)) + seeds, whatever the infectious period's shape."""
    size, seeds = 40_000, 100
    outcome = simulation.run(mixed(size, reproduction, 500, 5, seeds))
    start = seeds / size
    z = brentq(lambda z: z - start - (1 - start) * (1 - np.exp(-reproduction * z)), start + 1e-9, 1.0)
    # the sd of the final share is about 1.5 / sqrt(size) at R0 = 1.5 (von Bahr & Martin-Loef 1980), less
    # above
    assert outcome.ever_infected / size == pytest.approx(z, abs=4 * 1.5 / np.sqrt(size) + 0.002)


def generation(outcome: simulation.Outcome) -> tuple[np.ndarray, float]:
    """Generation intervals, and mean number infected, of those infected in the early, still unsaturated time."""
    order = np.flatnonzero(np.isfinite(outcome.infected))
    early = order[(outcome.infected[order] >= 1) & (outcome.infected[order] < 25)]
    child = order[np.isin(outcome.infector[order], early)]
    gaps = outcome.infected[child] - outcome.infected[outcome.infector[child]]
    return gaps, child.size / early.size


def test_growth_rate_and_reproduction_number_agree() -> None:
    """Wallinga & Lipsitch 2007 (Proc R Soc B 274:599, eq. 2.7): 1/R = integral of exp(-r a) g(a) da."""
    size = 400_000
    outcome = simulation.run(mixed(size, 2.0, 60, 11, 60))
    gaps, reproduction = generation(outcome)
    daily = outcome.daily()["infections"].to_numpy()
    days = np.arange(18, 38)
    assert daily[:38].sum() < 0.015 * size
    growth = np.polyfit(days, np.log(daily[days]), 1)[0]
    assert 1.0 / np.mean(np.exp(-growth * gaps)) == pytest.approx(reproduction, rel=0.05)
    assert reproduction == pytest.approx(2.0, rel=0.06)


def test_generation_interval_is_that_of_the_natural_history() -> None:
    """Constant infectiousness from T to T + L: mean = E[T] + E[L^2] / (2 E[L])."""
    disease = Disease(
        incubation=(5.0, 0.0),
        infectious=(6.0, 2.0),
        lead=2.0,
        profile=(1.0,),
        symptomatic=(1.0,) * 9,
        severe=(0.0,) * 9,
        susceptibility=(1.0,) * 9,
        stay_home=0.0,
    )
    outcome = simulation.run(mixed(300_000, 1.8, 80, 3, 200, disease))
    gaps, _ = generation(outcome)
    assert gaps.size > 2_000
    expected = 3.0 + (6.0**2 + 2.0**2) / (2 * 6.0)
    assert gaps.mean() == pytest.approx(expected, abs=0.2)
    assert gaps.min() >= 2.0  # nobody infects before T, but for the day's rounding


def families(size: int, seed: int = 1) -> Population:
    rng = np.random.default_rng(seed)
    order = np.arange(size)
    return Population(
        rng.integers(1, 85, size).astype(np.int16),
        {"household": (order // 3).astype(np.int32), "work": rng.permutation(order // 12).astype(np.int32)},
    )


LAYERS = (
    Layer("household", "household", -1.0, 0.1),
    Layer("work", "work", 5.0, 0.05, (True,) * 5 + (False,) * 2),
    Layer("community", "", 4.0, 0.02),
)


def scenario(**more: object) -> Scenario:
    wanted: dict[str, object] = {"days": 60, "seed": 9, "seeds": [(i * 50, 0.0) for i in range(40)]}
    return Scenario(families(20_000), LAYERS, **(wanted | more))  # type: ignore[arg-type]


def test_same_seed_same_epidemic_and_another_seed_another() -> None:
    one, two, other = (
        simulation.run(scenario()),
        simulation.run(scenario()),
        simulation.run(scenario(seed=10)),
    )
    for name in ("infected", "infector", "setting", "onset", "admitted"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
    assert one.ever_infected != other.ever_infected


def test_who_infected_whom_obeys_time_and_groups() -> None:
    case = scenario(testing=Swabs(), tracing=Tracing({"household": 1.0, "work": 0.6}), masks=Masks(start=20))
    outcome = simulation.run(case)
    who = np.flatnonzero(outcome.infector >= 0)
    by = outcome.infector[who]
    assert who.size > 500
    day = np.floor(outcome.infected[who])
    assert (day + 0.5 >= outcome.infectious_from[by]).all()
    assert (day + 0.5 < outcome.infectious_to[by]).all()
    assert not (day + 0.5 >= outcome.admitted[by]).any()
    for at, layer in enumerate(case.layers):
        here = outcome.setting[who] == at
        assert here.any()
        if layer.groups:
            group = case.population.groups[layer.groups]
            assert (group[who[here]] == group[by[here]]).all()
    outside = outcome.setting[who] > 0
    assert not (day[outside] + 0.5 >= outcome.home_from[by[outside]]).any()
    assert not (day[outside] >= outcome.diagnosed[by[outside]]).any()
    at_work = outcome.setting[who] == 1
    assert set(day[at_work] % 7) <= {0, 1, 2, 3, 4}


def test_presymptomatic_and_asymptomatic_transmission_happen() -> None:
    outcome = simulation.run(scenario())
    who = np.flatnonzero(outcome.infector >= 0)
    onset = outcome.onset[outcome.infector[who]]
    assert 0.02 < np.isnan(onset).mean() < 0.5
    assert 0.1 < (outcome.infected[who] < onset).mean() < 0.8


def test_each_measure_lowers_the_epidemic_and_the_better_one_more() -> None:
    free = simulation.run(scenario()).ever_infected
    tested = simulation.run(scenario(testing=Swabs(symptomatic=0.3))).ever_infected
    tracing = Tracing({"household": 1.0, "work": 0.9, "community": 0.4}, delay=1)
    traced = simulation.run(scenario(testing=Swabs(symptomatic=0.3), tracing=tracing)).ever_infected
    masked = simulation.run(scenario(masks=Masks())).ever_infected
    closed = simulation.run(scenario(scale={"work": [1.0] * 10 + [0.0]})).ever_infected
    assert traced < 0.8 * tested < 0.8 * 0.9 * free
    assert masked < 0.8 * free and closed < 0.95 * free
    late = simulation.run(scenario(testing=Swabs(symptomatic=0.3, delay=6.0))).ever_infected
    blind = simulation.run(scenario(testing=Swabs(symptomatic=0.3, sensitivity=0.2))).ever_infected
    assert tested < late and tested < blind


def test_tests_find_their_share_after_their_delay() -> None:
    case = scenario(testing=Swabs(symptomatic=1.0, delay=2.0, sensitivity=0.7, household_factor=0.0), days=40)
    outcome = simulation.run(case)
    ill = np.isfinite(outcome.onset) & (outcome.onset < 25)
    wait = outcome.diagnosed[ill] - outcome.onset[ill]
    found = np.isfinite(wait)
    # tested every day while negative: nearly all are found, seven in ten of them at the first test
    assert found.mean() > 0.97
    assert (wait[found] <= 2.5).mean() == pytest.approx(0.7, abs=0.04)
    assert (wait[found] >= 1.0).all()
    assert outcome.tests.sum() > found.sum()


def test_traced_contacts_are_those_that_were_met() -> None:
    """With household tracing alone, at once and certain, the found households are kept apart from the rest."""
    tracing = Tracing({"household": 1.0}, delay=0.0)
    strict = scenario(testing=Swabs(symptomatic=1.0, delay=0.0, sensitivity=1.0), tracing=tracing)
    outcome = simulation.run(strict)
    home = strict.population.groups["household"]
    first_found = np.full(home.max() + 1, np.inf)
    np.fmin.at(first_found, home, np.where(np.isnan(outcome.diagnosed), np.inf, outcome.diagnosed))
    who = np.flatnonzero(outcome.setting > 0)
    kept = outcome.infected[who] >= first_found[home[who]] + 1
    soon = outcome.infected[who] < first_found[home[who]] + 13
    # a member found is kept 14 days; only infections outside the household could break it
    assert not (kept & soon).any()


def test_visits_infect_by_overlap_only() -> None:
    size = 400
    who = np.arange(size, dtype=np.int32)
    early = who % 2 == 0
    start = np.where(early, 600, 700).astype(np.int16)
    visits = Visits(
        np.tile(np.arange(20, dtype=np.int16), (size, 1)).T.ravel(),
        np.tile(who, 20),
        np.tile(who // 100, 20),
        np.tile(start, 20),
        np.tile((start + 90).astype(np.int16), 20),
        np.zeros(20 * size, np.int8),
        ("market",),
        (0.2,),
    )
    nobody = Layer("work", "work", 1.0, 0.0)
    population = Population(np.full(size, 40, np.int16), {"work": np.full(size, -1, np.int32)})
    case = Scenario(population, (nobody,), 20, 2, [(0, 0.0), (2, 0.0)], PLAIN, visits)
    outcome = simulation.run(case)
    infected = np.flatnonzero(np.isfinite(outcome.infected))
    assert infected.size > 20
    assert (infected % 2 == 0).all() and (infected < 100).all()
    later = outcome.infector[infected] >= 0
    moment = (outcome.infected[infected[later]] % 1) * 1440
    assert ((moment >= 600) & (moment < 690)).all()


def test_a_slow_plain_model_gives_the_same_mean(count: Callable[[int, int], int]) -> None:
    """The kernel against a model in plain Python with the same rules: mean outbreak after 25 days."""
    rounds = count(60, 400)
    size, days, beta = 60, 25, 0.06
    population = Population(np.full(size, 30, np.int16), {"work": (np.arange(size) // 6).astype(np.int32)})
    disease = Disease(
        incubation=(4.0, 0.0), infectious=(5.0, 0.0), profile=(1.0,), symptomatic=(0.0,) * 9,
        susceptibility=(1.0,) * 9, asymptomatic_infectiousness=1.0,
    )  # fmt: skip
    layers = (Layer("work", "work", -1.0, beta), Layer("community", "", 2.0, beta))

    def plain(rng: np.random.Generator) -> int:
        at = {0: 0.0}
        for day in range(days):
            for i, time in list(at.items()):
                if not time + 2.0 <= day + 0.5 < time + 7.0:
                    continue
                mates = [j for j in range(size) if j // 6 == i // 6]
                met = mates + rng.integers(0, size, rng.poisson(2.0)).tolist()
                for j in met:
                    if j not in at and rng.random() < 1 - np.exp(-beta):
                        at[j] = day + 0.35 + 0.4 * rng.random()
        return len(at)

    rng = np.random.default_rng(4)
    slow = np.array([plain(rng) for _ in range(rounds)])
    cases = [Scenario(population, layers, days, seed, [(0, 0.0)], disease) for seed in range(rounds * 4)]
    fast = np.array([simulation.run(case).ever_infected for case in cases])
    error = np.sqrt(slow.var() / slow.size + fast.var() / fast.size)
    assert abs(slow.mean() - fast.mean()) < 4 * error
    assert slow.mean() > 3


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "magic"},
        {"days": 0},
        {"seeds": [(10**6, 0.0)]},
        {"scale": {"moon": [1.0]}},
        {"tracing": Tracing({"household": 1.0})},
        {"testing": Swabs(), "tracing": Tracing({"moon": 1.0})},
        {"layers": ()},
    ],
)
def test_wrong_scenarios_are_refused(wrong: dict[str, object]) -> None:
    base: dict[str, object] = {"days": 10, "seed": 1, "seeds": [], "layers": LAYERS}
    given = base | wrong
    with pytest.raises(BadInput):
        simulation.run(Scenario(families(300), **given))  # type: ignore[arg-type]
    with pytest.raises(BadInput):
        Population(np.zeros(3, np.int16), {"household": np.zeros(2, np.int32)})
