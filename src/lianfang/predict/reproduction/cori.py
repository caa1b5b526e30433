"""Rt by the method of Cori et al. 2013, equal to EpiEstim."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lianfang.foundation.errors import BadInput

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

QUANTILES = {
    "q025": 0.025,
    "q05": 0.05,
    "q25": 0.25,
    "median": 0.5,
    "q75": 0.75,
    "q95": 0.95,
    "q975": 0.975,
}
MOST_DRAWS = 5_000_000
LEAST_MEAN = 1.0 + 1e-9  # the shifted gamma needs a mean above one step


@dataclass(frozen=True)
class UncertainSI:
    """A serial interval known only within limits (EpiEstim's ``uncertain_si``).

    Its mean is normal(mean, sd_mean) cut to [min_mean, max_mean], its standard deviation normal(sd, sd_sd)
    cut to [min_sd, max_sd], all in steps. ``n1`` pairs are drawn, ``n2`` values of R for each pair, from
    ``seed``.
    """

    mean: float
    sd_mean: float
    min_mean: float
    max_mean: float
    sd: float
    sd_sd: float
    min_sd: float
    max_sd: float
    n1: int = 200
    n2: int = 50
    seed: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.min_mean <= self.mean <= self.max_mean:
            raise BadInput("UncertainSI: wanted 1 <= min_mean <= mean <= max_mean.")
        if not 0 < self.min_sd <= self.sd <= self.max_sd:
            raise BadInput("UncertainSI: wanted 0 < min_sd <= sd <= max_sd.")
        if self.sd_mean <= 0 or self.sd_sd <= 0:
            raise BadInput("UncertainSI: sd_mean and sd_sd must be more than 0.")
        if not (1 <= self.n1 <= 100_000 and 1 <= self.n2 <= 100_000):
            raise BadInput("UncertainSI: n1 and n2 lie between 1 and 100000.")


def estimate(
    incidence: Any,
    *,
    serial_interval: Any,
    window: int = 7,
    prior: tuple[float, float] = (5.0, 5.0),
    imported: Any = None,
) -> pl.DataFrame:
    """Rt in sliding windows of ``window`` steps.

    ``incidence`` holds all new cases a step (imported ones included), ``imported`` those of them infected
    elsewhere: they infect others, but nobody here infected them. All cases of the first step count as
    imported. ``serial_interval`` is ``(mean, sd)`` in steps (discretised shifted gamma), an array ``w[k]``,
    k = 0.., with ``w[0] = 0``, or an :class:`UncertainSI`. ``prior`` is the gamma prior's mean and standard
    deviation.

    Returns ``t_start, t_end`` (1-based, both inside the window), ``mean, sd, q025, q05, q25, median, q75,
    q95, q975``. Windows that end before the mean serial interval has passed are null, as in EpiEstim.
    Posterior: Gamma(a + cases, 1 / (1/b + sum of infectiousness)), Cori et al. 2013 (Am J Epidemiol
    178:1505-1512), web appendix 1; imported cases as Thompson et al. 2019 (Epidemics 29:100356).

    Raises :class:`BadInput` for a series shorter than ``window`` + 1, for values that are no counts, or for
    a serial interval that is no distribution.
    """
    import numpy as np

    from lianfang.predict._counts import series
    from lianfang.predict.reproduction import serial_interval as intervals

    window = _window(window)
    total = series(incidence, "incidence", least=window + 1)
    local = total - _imported(imported, total)
    local[0] = 0.0  # nobody here can have infected the first
    shape0, scale0 = _prior(prior)
    if isinstance(serial_interval, UncertainSI):
        return _uncertain(total, local, serial_interval, window, shape0, scale0)
    if isinstance(serial_interval, tuple) and len(serial_interval) == 2:
        w = intervals.discrete_serial_interval(total.size, *map(float, serial_interval))
    else:
        w = intervals.checked(serial_interval)
    shape, scale = _posterior(local, infectiousness(total, w), w, window, shape0, scale0)
    columns = {"mean": shape * scale, "sd": np.sqrt(shape) * scale}
    columns |= _quantiles(shape, scale)
    return _frame(total.size, window, columns)


def infectiousness(total: NDArray[np.float64], w: NDArray[np.float64]) -> NDArray[np.float64]:
    """Lambda_t = sum over s of I_(t-s) w_s (Cori et al. 2013, equation 1); the first step has none (0)."""
    import numpy as np

    w = w[: total.size]
    used = int(np.flatnonzero(w)[-1]) + 1 if w.any() else 1
    pressure = np.convolve(total, w[:used])[: total.size]
    pressure[0] = 0.0
    return np.asarray(pressure, dtype=np.float64)


def _posterior(
    local: NDArray[np.float64],
    pressure: NDArray[np.float64],
    w: NDArray[np.float64],
    window: int,
    shape0: float,
    scale0: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Shape and scale of the gamma posterior of each window; NaN where EpiEstim declines."""
    import numpy as np

    from lianfang.predict.reproduction.serial_interval import mean_of

    ones = np.ones(window)
    shape = shape0 + np.convolve(local[1:], ones, mode="valid")
    # summed directly, not as a difference of cumulative sums: that would lose digits after large waves
    scale = 1.0 / (1.0 / scale0 + np.convolve(pressure[1:], ones, mode="valid"))
    t_end = np.arange(window + 1, local.size + 1)
    declined = t_end <= mean_of(w)
    shape[declined] = np.nan
    scale[declined] = np.nan
    return shape, scale


def _quantiles(shape: NDArray[np.float64], scale: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    from scipy.special import gammaincinv

    return {name: gammaincinv(shape, p) * scale for name, p in QUANTILES.items()}


def _uncertain(
    total: NDArray[np.float64],
    local: NDArray[np.float64],
    si: UncertainSI,
    window: int,
    shape0: float,
    scale0: float,
) -> pl.DataFrame:
    """R pooled over drawn serial intervals (Cori et al. 2013, web appendix 4)."""
    import numpy as np

    from lianfang.predict.reproduction.serial_interval import discrete_serial_interval

    periods = total.size - window
    if si.n1 * si.n2 * periods > 20 * MOST_DRAWS or si.n1 * si.n2 > MOST_DRAWS:
        raise BadInput("UncertainSI: n1 x n2 x windows is too large.", hint="Take smaller n1 or n2.")
    rng = np.random.default_rng(si.seed)
    means = _cut_normal(rng, si.mean, si.sd_mean, max(si.min_mean, LEAST_MEAN), si.max_mean, si.n1)
    sds = _cut_normal(rng, si.sd, si.sd_sd, si.min_sd, si.max_sd, si.n1)
    draws = np.full((si.n1, si.n2, periods), np.nan)
    for i in range(si.n1):
        w = discrete_serial_interval(total.size + 1, means[i], sds[i])
        shape, scale = _posterior(local, infectiousness(total, w), w, window, shape0, scale0)
        judged = ~np.isnan(shape)
        draws[i][:, judged] = rng.gamma(shape[judged], scale[judged], size=(si.n2, int(judged.sum())))
    flat = draws.reshape(-1, periods)
    columns = {name: np.full(periods, np.nan) for name in ("mean", "sd", *QUANTILES)}
    some = ~np.isnan(flat).all(axis=0)
    columns["mean"][some] = np.nanmean(flat[:, some], axis=0)
    columns["sd"][some] = np.nanstd(flat[:, some], axis=0, ddof=1)
    levels = np.nanquantile(flat[:, some], list(QUANTILES.values()), axis=0)
    for name, level in zip(QUANTILES, levels, strict=True):
        columns[name][some] = level
    return _frame(total.size, window, columns)


def _cut_normal(
    rng: np.random.Generator, mean: float, sd: float, low: float, high: float, size: int
) -> NDArray[np.float64]:
    """Normal draws cut to [low, high], by inversion: it can't loop for ever as rejection may."""
    import numpy as np
    from scipy.special import ndtr, ndtri

    a, b = ndtr((low - mean) / sd), ndtr((high - mean) / sd)
    drawn = mean + sd * ndtri(a + (b - a) * rng.random(size))
    return np.asarray(np.clip(drawn, low, high), dtype=np.float64)


def _window(window: int) -> int:
    if isinstance(window, bool) or int(window) != window or window < 1:
        raise BadInput(f"window is {window}; it must be a whole number of steps, 1 or more.")
    return int(window)


def _prior(prior: tuple[float, float]) -> tuple[float, float]:
    """Shape and scale of the gamma prior with the given mean and standard deviation."""
    try:
        mean, sd = (float(value) for value in prior)
    except (TypeError, ValueError) as error:
        raise BadInput("prior must be (mean, standard deviation) of R.") from error
    if not (0 < mean < float("inf") and 0 < sd < float("inf")):
        raise BadInput("prior: mean and standard deviation must be finite and more than 0.")
    return (mean / sd) ** 2, sd**2 / mean


def _imported(imported: Any, total: NDArray[np.float64]) -> NDArray[np.float64]:
    import numpy as np

    from lianfang.predict._counts import series

    if imported is None:
        return np.zeros_like(total)
    counts = series(imported, "imported")
    if counts.size != total.size:
        raise BadInput(f"imported has {counts.size} steps, incidence {total.size}; they must be equal.")
    over = counts > total
    if over.any():
        at = int(np.argmax(over)) + 1
        raise BadInput(
            f"imported: step {at} has more imported cases than cases.",
            hint="incidence holds all cases, imported those of them infected elsewhere.",
        )
    return counts


def _frame(steps: int, window: int, columns: dict[str, NDArray[np.float64]]) -> pl.DataFrame:
    import numpy as np
    import polars as pl

    t_start = np.arange(2, steps - window + 2)
    frame = pl.DataFrame({"t_start": t_start, "t_end": t_start + window - 1, **columns})
    return frame.with_columns(pl.col(["mean", "sd", *QUANTILES]).fill_nan(None))
