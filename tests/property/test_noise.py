"""The two-sided geometric law, drawn exactly; budgets that are never overspent; averaging against kept answers."""

from __future__ import annotations

import math
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import pytest
from scipy.stats import chi2

from disclosurekit import EVENT, centre, city_cards, publish_days
from lianfang.foundation.errors import BadInput, NotFound, Refused
from lianfang.guard.attack import averaging
from lianfang.guard.disclosure.noise import bernoulli_exp, epsilon_of, geometric, noisy
from lianfang.services import accounts, noise
from lianfang.services.installation import Installation, Who

#: One in a million such runs would go beyond it.
RARE = 1e-6


def far(seen: Counter[int], law: dict[int, float]) -> float:
    """Probability of a chi-square as large as this one."""
    n = seen.total()
    kept = {z: p for z, p in law.items() if n * p >= 5}
    rest = n - sum(seen[z] for z in kept)
    expected = n * (1 - sum(kept.values()))
    x = sum((seen[z] - n * p) ** 2 / (n * p) for z, p in kept.items())
    x += (rest - expected) ** 2 / max(expected, 1e-9)
    return float(chi2.sf(x, len(kept)))


@pytest.mark.parametrize("epsilon", [Fraction(1, 3), Fraction(1), Fraction(5, 2)])
def test_the_sampler_draws_its_law(epsilon: Fraction, count: Callable[[int, int], int]) -> None:
    n = count(20_000, 400_000)
    a = math.exp(-float(epsilon))
    law = {z: (1 - a) / (1 + a) * a ** abs(z) for z in range(-60, 61)}
    seen = Counter(geometric(epsilon) for _ in range(n))
    assert far(seen, law) > RARE
    # the comparison is able to fail: the law of a tenth more noise does not fit
    b = math.exp(-float(epsilon) / 1.1)
    assert far(seen, {z: (1 - b) / (1 + b) * b ** abs(z) for z in range(-60, 61)}) < RARE or n < 50_000


@pytest.mark.parametrize("gamma", [Fraction(0), Fraction(1, 7), Fraction(1), Fraction(9, 4)])
def test_bernoulli_with_an_exponential_chance(gamma: Fraction) -> None:
    n, p = 20_000, math.exp(-float(gamma))
    hits = sum(bernoulli_exp(gamma) for _ in range(n))
    assert abs(hits - n * p) <= 5 * math.sqrt(max(n * p * (1 - p), 0)) + 1e-9


def test_the_mean_error_of_an_origin_destination_table() -> None:
    """epsilon 0.44: the mean absolute error is 2 a / (1 - a^2), a = exp(-0.44), about 2.2 a cell."""
    cells = {str(i): 7 for i in range(10_000)}
    made = noisy(cells, epsilon_of("0.44"))
    assert sum(abs(made[c] - 7) for c in cells) / len(cells) <= 2.3


@pytest.mark.parametrize("text", ["0", "-1", "1e-3", "nan", "21", "1/0", "", "0.0000001"])
def test_what_is_no_epsilon(text: str) -> None:
    with pytest.raises(BadInput):
        epsilon_of(text)


@pytest.fixture
def inst(tmp_path: Path) -> Iterator[Installation]:
    made = centre(tmp_path / "home")
    publish_days(made, city_cards(12), 11, 1)
    yield made
    made.close()


@pytest.fixture
def manager(inst: Installation) -> Who:
    return accounts.person(inst, "zhou.zhuren")


def test_the_same_question_is_answered_alike_and_costs_nothing_again(
    inst: Installation, manager: Who
) -> None:
    with pytest.raises(NotFound):
        noise.answer(inst, manager, EVENT, "confirmed", ["district"], "0.5")
    noise.grant(inst, manager, EVENT, "confirmed", "1", "weekly table for the neighbours")
    first = noise.answer(inst, manager, EVENT, "confirmed", ["sex", "district"], "0.5")
    again = [noise.answer(inst, manager, EVENT, "confirmed", ["district", "sex"], "1/4") for _ in range(5)]
    assert all(one == first for one in again)
    found = noise.budget(inst, manager, EVENT, "confirmed")
    assert (found["spent"], found["left"], len(found["answers"])) == ("1/2", "1/2", 1)
    report = averaging([first, *again])
    assert {cell.different for cell in report} == {1} and not any(cell.recovered for cell in report)
    # without keeping, the average of many fresh answers would tell the count
    fresh = [{"question": "q", "epsilon": 1.0, "cells": noisy({"all": 12}, Fraction(1))} for _ in range(400)]
    (told,) = averaging(fresh)
    assert told.recovered and round(told.mean) == 12


def test_a_spent_budget_refuses_and_leaves_everything_as_it_was(inst: Installation, manager: Who) -> None:
    noise.grant(inst, manager, EVENT, "cases", "0.5", "drill")
    noise.answer(inst, manager, EVENT, "cases", [], "0.4")
    with pytest.raises(Refused, match="budget"):
        noise.answer(inst, manager, EVENT, "cases", ["sex"], "0.2")
    assert noise.budget(inst, manager, EVENT, "cases")["spent"] == "2/5"
    with pytest.raises(BadInput):
        noise.grant(inst, manager, EVENT, "cases", "0.1", "less than is spent")
    with pytest.raises(BadInput, match="nobody"):
        noise.grant(inst, manager, EVENT, "cases", "2", "asked for on 154 0000 1234")
    for name in ("li.she", "sun.shen"):
        with pytest.raises(Refused):
            noise.answer(inst, accounts.person(inst, name), EVENT, "cases", [], "0.1")
    with pytest.raises(BadInput):
        noise.answer(inst, manager, EVENT, "cases", ["age"], "0.1")


def test_requests_at_the_same_time_never_overspend(
    inst: Installation, manager: Who, count: Callable[[int, int], int]
) -> None:
    """Questions of many days at once against a budget for ten of them."""
    import datetime as dt

    from lianfang.foundation.clock import SetClock

    noise.grant(inst, manager, EVENT, "cases", "1", "drill")
    assert isinstance(inst.clock, SetClock)
    outcomes: list[str] = []
    lock = threading.Lock()
    days = iter(range(count(32, 1000)))

    def work() -> None:
        for day in days:
            other = Installation(
                inst.home, inst.settings, SetClock(inst.clock.now() + dt.timedelta(days=day))
            )
            try:
                noise.answer(other, manager, EVENT, "cases", [], "0.1")
                said = "answered"
            except Refused:
                said = "refused"
            other.store.close()
            with lock:
                outcomes.append(said)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = noise.budget(inst, manager, EVENT, "cases")
    assert Counter(outcomes)["answered"] == 10 == len(found["answers"])
    assert found["left"] == "0" and len(outcomes) == count(32, 1000)
