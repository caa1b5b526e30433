"""Exponential growth: rate, doubling time, and the R they imply."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lianfang.foundation.errors import BadInput

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

NORMAL_975 = 1.959963984540054
ROUNDS = 60


def growth(counts: Any, *, window: int = 7) -> pl.DataFrame:
    """Exponential growth rate of new cases in sliding windows.

    A quasi-Poisson log-linear regression log E[count] = a + r t in each window (McCullagh & Nelder 1989,
    chapter 6), so days without cases need no correction. ``counts`` are new cases a step, ``window`` at
    least 3 steps.

    Returns ``t_start, t_end`` (1-based, inclusive), ``rate`` per step with ``q025, q975`` (Wald, dispersion
    of at least 1), ``doubling_time`` = ln 2 / rate in steps: negative when halving, null when the rate is
    0. Windows with cases on fewer than two steps are null.
    """
    import numpy as np
    import polars as pl

    from lianfang.predict._counts import series

    if isinstance(window, bool) or int(window) != window or window < 3:
        raise BadInput(f"window is {window}; a growth rate needs a whole number of at least 3 steps.")
    values = series(counts, "counts", least=int(window))
    blocks = np.lib.stride_tricks.sliding_window_view(values, int(window))
    rate, error = _slopes(blocks)
    t_start = np.arange(1, blocks.shape[0] + 1)
    with np.errstate(divide="ignore"):
        doubling = np.where(rate == 0, np.nan, np.log(2.0) / rate)
    frame = pl.DataFrame(
        {
            "t_start": t_start,
            "t_end": t_start + int(window) - 1,
            "rate": rate,
            "q025": rate - NORMAL_975 * error,
            "q975": rate + NORMAL_975 * error,
            "doubling_time": doubling,
        }
    )
    return frame.with_columns(pl.col(["rate", "q025", "q975", "doubling_time"]).fill_nan(None))


def _slopes(blocks: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Slope and its standard error of each row, all rows at once.

    With the intercept profiled out the score of the slope is sum(t y) - sum(y) * weighted mean of t,
    monotone in r: Newton from the log-linear start, halved when it overshoots, cannot leave the root.
    """
    import numpy as np

    n = blocks.shape[1]
    t = np.arange(n) - (n - 1) / 2.0
    total = blocks.sum(axis=1)
    fit = (blocks > 0).sum(axis=1) >= 2
    rate = np.full(blocks.shape[0], np.nan)
    error = np.full(blocks.shape[0], np.nan)
    if not fit.any():
        return rate, error
    y, total = blocks[fit], total[fit]
    target = (y @ t) / total
    r = np.zeros(total.size)
    low, high = np.full(total.size, -50.0), np.full(total.size, 50.0)
    for _ in range(ROUNDS):
        centre, spread = _weighted(t, r)
        gap = target - centre
        low, high = np.where(gap > 0, r, low), np.where(gap > 0, high, r)
        step = r + gap / np.maximum(spread, 1e-12)
        step = np.where((step > low) & (step < high), step, (low + high) / 2.0)
        done = np.abs(step - r) <= 1e-13 * (1.0 + np.abs(r))
        r = step
        if done.all():
            break
    share = np.exp(np.outer(r, t))
    expected = total[:, None] * share / share.sum(axis=1, keepdims=True)
    _, spread = _weighted(t, r)
    pearson = ((y - expected) ** 2 / expected).sum(axis=1) / (n - 2)
    rate[fit] = r
    error[fit] = np.sqrt(np.maximum(pearson, 1.0) / (total * spread))
    return rate, error


def _weighted(
    t: NDArray[np.float64], r: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and variance of t under weights exp(r t)."""
    import numpy as np

    exponent = np.outer(r, t)
    weight = np.exp(exponent - exponent.max(axis=1, keepdims=True))
    weight /= weight.sum(axis=1, keepdims=True)
    centre = weight @ t
    return centre, np.maximum(weight @ t**2 - centre**2, 0.0)


def from_growth(rate: float, *, serial_interval: Any, steps: int = 200) -> float:
    """R implied by an exponential growth ``rate`` per step: 1 / sum of w[k] exp(-rate k).

    Wallinga & Lipsitch 2007 (Proc R Soc B 274:599-604), equation 2.7. ``serial_interval`` as in
    :func:`lianfang.predict.reproduction.estimate` (mean and sd, or w[k]).
    """
    import numpy as np

    from lianfang.predict.reproduction import serial_interval as intervals

    if not np.isfinite(rate):
        raise BadInput("rate must be a finite number per step.")
    if isinstance(serial_interval, tuple) and len(serial_interval) == 2:
        w = intervals.discrete_serial_interval(steps, *map(float, serial_interval))
    else:
        w = intervals.checked(serial_interval)
    used = w > 0
    return float(1.0 / np.sum(w[used] * np.exp(-rate * np.arange(w.size)[used])))
