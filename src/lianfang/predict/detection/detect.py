"""One door to every detector; each returns the same frame."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from lianfang.foundation.errors import BadInput, UsageError

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

METHODS = ("ears_c1", "ears_c2", "ears_c3")
NAMED = (
    "farrington_flexible",
    "farrington",
    *METHODS,
    "rki",
    "bayes",
    "cusum",
    "glr_nb",
    "glr_pois",
    "lianfang",
)
LAST = 26


def detect(
    counts: Any,
    *,
    freq: int = 52,
    start: tuple[int, int] | None = None,
    dates: Sequence[date] | None = None,
    method: str = "farrington_flexible",
    points: Sequence[int] | None = None,
    population: Any = None,
    **control: Any,
) -> pl.DataFrame:
    """Judge ``points`` (1-based; the last 26 by default) of a series of ``counts``.

    Built methods: ``ears_c1``, ``ears_c2``, ``ears_c3`` (see :mod:`lianfang.predict.detection.ears`; control:
    ``baseline=7`` steps, ``min_sigma=0``, ``alpha=0.001``, for C3 ``0.025`` and
    ``definition="surveillance"`` or ``"published"``). They look back a few steps only, so ``freq``,
    ``start``, ``dates`` and ``population`` do not alter them. Any other method is a :class:`UsageError`
    that names those that are built.

    Returns ``t, observed, expected, bound, alarm``: an alarm is a count above its bound. ``bound`` is null
    and ``alarm`` false where the method declines (too few earlier steps, a missing count).
    """
    from lianfang.predict._counts import series

    if method not in METHODS:
        known = "is not built yet" if method in NAMED else "is unknown"
        raise UsageError(f"The method {method[:40]!r} {known}.", hint=f"Built: {', '.join(METHODS)}.")
    observed = series(counts, "counts", missing=True)
    judged = _points(points, observed.size)
    from lianfang.predict.detection import ears

    unknown = sorted(set(control) - set(ears.CONTROL))
    if unknown:
        raise UsageError(
            f"{method} has no control {unknown[0][:40]!r}.", hint=f"It has: {', '.join(ears.CONTROL)}."
        )
    expected, bound = ears.bounds(observed, judged, method=method, **control)
    return _frame(observed, judged, expected, bound)


def _points(points: Sequence[int] | None, size: int) -> NDArray[np.int64]:
    import numpy as np

    if points is None:
        return np.arange(max(1, size - LAST + 1), size + 1)
    try:
        chosen = np.asarray(points)
        whole = chosen.astype(np.int64)
        fits = chosen.ndim == 1 and bool(np.all(whole == chosen))
    except (TypeError, ValueError, OverflowError):
        fits = False
    if not fits:
        raise BadInput("points must be a list of whole numbers, the 1-based steps to judge.")
    outside = (whole < 1) | (whole > size)
    if outside.any():
        raise BadInput(f"points: step {int(whole[outside][0])} lies outside the series of {size} steps.")
    return whole


def _frame(
    observed: NDArray[np.float64],
    judged: NDArray[np.int64],
    expected: NDArray[np.float64],
    bound: NDArray[np.float64],
) -> pl.DataFrame:
    import polars as pl

    seen = observed[judged - 1]
    frame = pl.DataFrame({"t": judged, "observed": seen, "expected": expected, "bound": bound})
    frame = frame.with_columns(pl.col(["observed", "expected", "bound"]).fill_nan(None))
    return frame.with_columns(alarm=(pl.col("observed") > pl.col("bound")).fill_null(False))
