"""Serial intervals: from a mean and a spread to a probability a step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lianfang.foundation.errors import BadInput

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def discrete_serial_interval(steps: int, mean: float, sd: float) -> NDArray[np.float64]:
    """Probability that the serial interval is k = 0 .. ``steps`` - 1 steps; the first is 0.

    A gamma distribution shifted by one step and averaged over the day of infection: Cori et al. 2013 (Am J
    Epidemiol 178:1505-1512), web appendix 11, as ``discr_si`` of EpiEstim. ``mean`` > 1 and ``sd`` > 0 in
    steps; otherwise :class:`BadInput`. The sum is 1 when ``steps`` reaches past the tail; it is not forced
    to 1.
    """
    import numpy as np
    from scipy.special import gammainc

    if not np.isfinite(mean) or mean <= 1:
        raise BadInput(f"The serial interval's mean is {mean}; it must be more than 1 step.")
    if not np.isfinite(sd) or sd <= 0:
        raise BadInput(f"The serial interval's standard deviation is {sd}; it must be more than 0.")
    shape = ((mean - 1.0) / sd) ** 2
    scale = sd**2 / (mean - 1.0)
    # cumulative gamma at k, k - 1 and k - 2; negative arguments count as 0
    k = np.arange(-2, steps, dtype=np.float64)
    x = np.maximum(k, 0.0) / scale
    lower = gammainc(shape, x)
    higher = gammainc(shape + 1.0, x)
    k = k[2:]
    w = k * lower[2:] + (k - 2.0) * lower[:-2] - 2.0 * (k - 1.0) * lower[1:-1]
    w += shape * scale * (2.0 * higher[1:-1] - higher[:-2] - higher[2:])
    return np.asarray(np.maximum(w, 0.0), dtype=np.float64)


def checked(weights: Any) -> NDArray[np.float64]:
    """``weights`` as a serial interval w[0..]: w[0] = 0, none negative, sum within 0.01 of 1."""
    import numpy as np

    from lianfang.predict._counts import series

    w = series(weights, "serial_interval", least=2)
    if w[0] != 0.0:
        raise BadInput(
            "serial_interval: w[0] is not 0.",
            hint="The first value is the probability of an interval of 0 steps; begin with 0.",
        )
    total = float(np.sum(w))
    if abs(total - 1.0) > 0.01:
        raise BadInput(f"serial_interval sums to {total:.6g}, not to 1.", hint="Give probabilities.")
    return w


def mean_of(w: NDArray[np.float64]) -> float:
    """Mean of a discrete serial interval in steps."""
    import numpy as np

    return float(np.dot(w, np.arange(w.size)))
