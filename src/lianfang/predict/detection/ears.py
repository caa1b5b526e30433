"""EARS C1, C2 and C3: the early aberration reporting system's short-memory detectors.

Fricker, Hegler & Dunfee 2008 (Statistics in Medicine 27:3407-3429); Salmon, Schumacher & Hoehle 2016 (J Stat
Softw 70(10)), section 3.1, whose ``earsC`` in the R package ``surveillance`` these equal.

C1 compares a count with the mean and standard deviation of the ``baseline`` steps before it, C2 leaves two
steps between so that an outbreak's own beginning does not hide it, C3 adds up the excess of the last two
steps of C2. They need no history and so suit the first weeks of a new disease.

C3 has two definitions. ``definition="surveillance"`` (the default) is what version 1.20.3 of the R package
computes: bound = Y(t) + S(t) (z - excess of the last two steps), at least 0. The present count cancels out,
so that C3 tells of the two steps before. ``definition="published"`` puts the baseline's mean for Y(t), as
Salmon, Schumacher & Hoehle write it. Both decline where a baseline in use does not vary (give ``min_sigma``
to go on).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lianfang.foundation.errors import BadInput

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

GAP = {"ears_c1": 0, "ears_c2": 2, "ears_c3": 2}
CONTROL = ("baseline", "min_sigma", "alpha", "definition")


def bounds(
    observed: NDArray[np.float64],
    points: NDArray[np.int64],
    *,
    method: str,
    baseline: int = 7,
    min_sigma: float = 0.0,
    alpha: float | None = None,
    definition: str = "surveillance",
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Expected count and upper bound at the 1-based ``points``; NaN where the method declines."""
    import numpy as np
    from scipy.special import ndtri

    if isinstance(baseline, bool) or int(baseline) != baseline or not 3 <= baseline <= 1000:
        raise BadInput(f"baseline is {baseline}; it must be a whole number of steps from 3 to 1000.")
    if not 0 <= min_sigma < np.inf:
        raise BadInput("min_sigma must be 0 or more.")
    if definition not in ("surveillance", "published"):
        raise BadInput("definition must be 'surveillance' or 'published'.")
    alpha = alpha if alpha is not None else (0.025 if method == "ears_c3" else 0.001)
    if not 0 < alpha < 0.5:
        raise BadInput(f"alpha is {alpha}; it must lie between 0 and 0.5.")
    z = -float(ndtri(alpha))
    mean, sigma = _moments(observed, int(baseline), GAP[method], float(min_sigma))
    bound = mean + z * sigma
    if method == "ears_c3":
        with np.errstate(divide="ignore", invalid="ignore"):
            excess = np.maximum((observed - mean) / sigma - 1.0, 0.0)
            carried = np.full(observed.size, np.nan)
            carried[2:] = excess[1:-1] + excess[:-2]
            centre = observed if definition == "surveillance" else mean
            bound = np.maximum(centre + sigma * (z - carried), 0.0)
    return mean[points - 1], bound[points - 1]


def _moments(
    observed: NDArray[np.float64], baseline: int, gap: int, min_sigma: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and sample standard deviation of the ``baseline`` steps that end ``gap`` + 1 steps before each
    step."""
    import numpy as np

    mean = np.full(observed.size, np.nan)
    sigma = np.full(observed.size, np.nan)
    first = baseline + gap
    if observed.size > first:
        blocks = np.lib.stride_tricks.sliding_window_view(observed, baseline)[: observed.size - first]
        mean[first:] = blocks.mean(axis=1)
        sigma[first:] = np.maximum(blocks.std(axis=1, ddof=1), min_sigma)
    return mean, sigma
