"""Rt of many series: ours against epyestim (a Python port of EpiEstim) and a plain NumPy/SciPy reference.

    PYTHONPATH=src python benchmarks/rt.py [--series N] [--days N]

All give mean and seven quantiles of the same windows and must agree to 1e-9. epyestim (0.1, on PyPI) is left out
with a line that says so when it can't be imported. CPU seconds of one process; the ratios are what counts.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy import stats

from lianfang.predict import reproduction

WINDOW, SHAPE, SCALE = 7, 1.0, 5.0  # prior of mean 5 and sd 5
LEVELS = (0.025, 0.05, 0.25, 0.5, 0.75, 0.95, 0.975)
COLUMNS = ["mean", "q025", "q05", "q25", "median", "q75", "q95", "q975"]


def ours(cases: np.ndarray, w: np.ndarray) -> np.ndarray:
    return reproduction.estimate(cases, serial_interval=w, window=WINDOW).select(COLUMNS).to_numpy()


def plain(cases: np.ndarray, w: np.ndarray) -> np.ndarray:
    """The paper's sums day by day, quantiles from scipy.stats: what one writes in a notebook."""
    days = len(cases)
    pressure = [sum(cases[t - s] * w[s] for s in range(1, min(t + 1, len(w)))) for t in range(days)]
    rows = []
    for end in range(WINDOW, days):
        inside = slice(end - WINDOW + 1, end + 1)
        if end + 1 <= float(np.dot(w, np.arange(len(w)))):
            rows.append([np.nan] * 8)
            continue
        posterior = stats.gamma(SHAPE + cases[inside].sum(), scale=1 / (1 / SCALE + sum(pressure[inside])))
        rows.append([posterior.mean(), *(posterior.ppf(p) for p in LEVELS)])
    return np.array(rows)


def epyestim() -> Callable[[np.ndarray, np.ndarray], np.ndarray] | None:
    try:
        from epyestim.estimate_r import estimate_r, gamma_quantiles
    except ImportError:
        return None

    def peer(cases: np.ndarray, w: np.ndarray) -> np.ndarray:
        index = pd.date_range("2020-01-01", periods=len(cases))
        fit = estimate_r(pd.Series(cases, index=index), w, SHAPE, SCALE, window_size=WINDOW)
        a, b = fit["a_posterior"].to_numpy()[1:], fit["b_posterior"].to_numpy()[1:]
        return np.column_stack([a * b, *(gamma_quantiles(p, a, b) for p in LEVELS)])

    return peer


def clock(
    run: Callable[[np.ndarray, np.ndarray], np.ndarray], series: list[np.ndarray], w: np.ndarray
) -> float:
    """CPU microseconds a window; the first call warms up outside the clock."""
    run(series[0], w)
    begin = time.process_time()
    windows = sum(len(run(cases, w)) for cases in series)
    return (time.process_time() - begin) / windows * 1e6


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--series", type=int, default=200)
    options.add_argument("--days", type=int, default=107)
    chosen = options.parse_args()
    rng = np.random.default_rng(5)
    w = reproduction.discrete_serial_interval(25, 8.4, 3.8)
    w /= w.sum()
    wave = 30 * np.exp(np.sin(np.arange(chosen.days) / 15) * 2)
    series = [rng.poisson(wave * rng.uniform(0.2, 5)).astype(float) for _ in range(chosen.series)]
    runs = {"plain NumPy/SciPy": plain, "epyestim": epyestim(), "lianfang": ours}
    for name, run in runs.items():
        if run is not None:
            known = ~np.isnan(ours(series[0], w)[:, 0])
            np.testing.assert_allclose(
                run(series[0], w)[known], ours(series[0], w)[known], rtol=1e-9, err_msg=name
            )
    print(f"{chosen.series} series of {chosen.days} days, window {WINDOW}, mean and 7 quantiles")
    mine = clock(ours, series, w)
    for name, run in runs.items():
        if run is None:
            print(f"{name:<20} not installed")
            continue
        cost = mine if run is ours else clock(run, series[: max(2, chosen.series // 10)], w)
        print(f"{name:<20} {cost:>9.2f} us CPU a window   {cost / mine:>7.1f} times ours")


if __name__ == "__main__":
    main()
