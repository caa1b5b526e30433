"""Rt and growth: against plain reference implementations, and what they refuse."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import optimize, stats

from lianfang.foundation.errors import BadInput
from lianfang.predict import reproduction
from lianfang.predict.reproduction import UncertainSI, discrete_serial_interval, estimate, from_growth, growth

W = [0.0, 0.2, 0.5, 0.2, 0.1]
WAVE = [3, 2, 4, 6, 5, 9, 12, 0, 20, 26, 24, 30, 41, 38, 29, 22, 17]


def plain_cori(cases, w, window, imported=None, prior=(5.0, 5.0)):
    """Cori et al. 2013 as it stands in the paper, one loop a sum."""
    a, b = (prior[0] / prior[1]) ** 2, prior[1] ** 2 / prior[0]
    imported = imported or [0] * len(cases)
    mean_si = sum(k * p for k, p in enumerate(w))
    rows = []
    for start in range(2, len(cases) - window + 2):
        end = start + window - 1
        if end <= mean_si:
            rows.append(None)
            continue
        seen = sum(cases[t - 1] - imported[t - 1] for t in range(start, end + 1))
        pressure = 0.0
        for t in range(start, end + 1):
            pressure += sum(cases[t - 1 - s] * w[s] for s in range(1, min(t, len(w))))
        posterior = stats.gamma(a + seen, scale=1 / (1 / b + pressure))
        rows.append((posterior.mean(), posterior.std(), posterior.ppf(0.025), posterior.ppf(0.5)))
    return rows


@pytest.mark.parametrize("window", [1, 3, 7])
@pytest.mark.parametrize("imported", [None, [3, 1, 0, 2, 0, 0, 4, 0, 5, 0, 0, 0, 1, 0, 0, 0, 2]])
def test_equals_the_plain_sums(window, imported):
    ours = estimate(WAVE, serial_interval=W, window=window, imported=imported)
    plain = plain_cori(WAVE, W, window, imported)
    assert ours.height == len(plain)
    for row, wanted in zip(ours.select("mean", "sd", "q025", "median").iter_rows(), plain, strict=True):
        if wanted is None:
            assert row == (None,) * 4
        else:
            assert row == pytest.approx(wanted, rel=1e-10)


def test_discrete_interval_equals_the_integral_of_its_definition():
    mean, sd = 4.7, 2.9
    gamma = stats.gamma(((mean - 1) / sd) ** 2, loc=1, scale=sd**2 / (mean - 1))
    w = discrete_serial_interval(60, mean, sd)
    from scipy.integrate import quad

    for k in (1, 2, 5, 9):  # triangle of width two around k: uniform days of infection and of onset
        integral = quad(
            lambda u, k=k: (1 - abs(u - k)) * gamma.pdf(u), k - 1, k + 1, points=[k, max(1, k - 1)]
        )[0]
        assert w[k] == pytest.approx(integral, abs=1e-7)
    assert w[0] == 0
    assert w.sum() == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("kind", [list, np.array, pd.Series, pl.Series, lambda x: pl.Series(x).to_arrow()])
def test_any_series_will_do(kind):
    assert estimate(kind(WAVE), serial_interval=W).equals(estimate(WAVE, serial_interval=W))


def test_uncertain_interval_is_repeatable_and_wider():
    si = UncertainSI(2.6, 0.5, 1.2, 4.2, 1.5, 0.5, 0.5, 2.5, n1=60, n2=40, seed=3)
    once, again = (estimate(WAVE, serial_interval=si) for _ in range(2))
    assert once.equals(again)
    known = estimate(WAVE, serial_interval=(2.6, 1.5))
    assert (once["sd"] > known["sd"]).all()


@pytest.mark.parametrize(
    ("kwargs", "words"),
    [
        ({"incidence": [1, 2, -3, 4, 5, 6, 7, 8, 9]}, "step 3"),
        ({"incidence": [1, None, 3, 4, 5, 6, 7, 8, 9]}, "step 2"),
        ({"incidence": [1, 2, 3]}, "at least 8"),
        ({"incidence": ["a"] * 9}, "not a number"),
        ({"incidence": np.ones((9, 2))}, "dimensions"),
        ({"serial_interval": [0.5, 0.5]}, r"w\[0\]"),
        ({"serial_interval": [0.0, 0.5]}, "sums to"),
        ({"serial_interval": (0.9, 1.0)}, "more than 1"),
        ({"serial_interval": (3.0, 0.0)}, "more than 0"),
        ({"window": 0}, "window"),
        ({"prior": (0, 1)}, "prior"),
        ({"imported": [99] * len(WAVE)}, "step 1"),
        ({"imported": [0]}, "must be equal"),
    ],
)
def test_refusals_name_the_input(kwargs, words):
    call = {"incidence": WAVE, "serial_interval": W, **kwargs}
    with pytest.raises(BadInput, match=words):
        estimate(call.pop("incidence"), **call)


def test_growth_equals_the_likelihood_maximum():
    window = 7
    ours = growth(WAVE, window=window)
    t = np.arange(window)
    for i, row in enumerate(ours.iter_rows(named=True)):
        y = np.array(WAVE[i : i + window], dtype=float)

        def loss(p, y=y):
            return float(np.sum(np.exp(p[0] + p[1] * t) - y * (p[0] + p[1] * t)))

        best = optimize.minimize(
            loss, [np.log(y.mean()), 0.0], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-12}
        )
        assert row["rate"] == pytest.approx(best.x[1], abs=1e-6)
        assert row["doubling_time"] == pytest.approx(math.log(2) / best.x[1], rel=1e-4)
        assert row["q025"] < row["rate"] < row["q975"]


def test_growth_of_a_pure_exponential_and_of_nothing():
    rate = 0.13
    cases = 1000 * np.exp(rate * np.arange(20))
    assert growth(cases)["rate"].to_numpy() == pytest.approx(rate, abs=1e-10)
    assert growth([0] * 10)["rate"].null_count() == 4
    assert growth([0] * 9 + [5])["rate"].null_count() == 4
    with pytest.raises(BadInput, match="at least 3"):
        growth(cases, window=2)


def test_r_from_growth_gives_back_the_r_that_made_the_growth():
    w, r = np.array(W), 1.8
    rate = optimize.brentq(lambda g: r * np.sum(w * np.exp(-g * np.arange(w.size))) - 1, -1, 2)
    assert from_growth(rate, serial_interval=W) == pytest.approx(r, rel=1e-9)
    assert from_growth(0.0, serial_interval=(4.7, 2.9)) == pytest.approx(1, abs=1e-9)
    assert reproduction.__all__ == sorted(reproduction.__all__)
