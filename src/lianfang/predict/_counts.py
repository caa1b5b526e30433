"""Reading a series of counts from whatever the caller has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lianfang.foundation.errors import BadInput

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST_STEPS = 1_000_000


def series(values: Any, name: str, *, least: int = 1, missing: bool = False) -> NDArray[np.float64]:
    """``values`` as a 1-D float array of finite counts >= 0.

    Takes lists, NumPy arrays and pandas, Polars or Arrow series (through narwhals). ``missing=True`` lets
    nulls pass as NaN. Raises :class:`BadInput` with the 1-based position of the first value that is no count.
    """
    import narwhals as nw
    import numpy as np

    if not isinstance(values, (list, tuple, np.ndarray)):
        native = nw.from_native(values, series_only=True, pass_through=True)
        values = native.to_list() if isinstance(native, nw.Series) else list(values)
    if len(values) > MOST_STEPS:
        raise BadInput(f"{name} has {len(values)} steps, more than the {MOST_STEPS} allowed.")
    if not isinstance(values, np.ndarray):
        values = [np.nan if value is None else value for value in values]
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise BadInput(
            f"{name} holds something that is not a number.", hint="Give one count a step."
        ) from error
    if array.ndim != 1:
        raise BadInput(f"{name} has {array.ndim} dimensions; one count a step is wanted.")
    if array.size < least:
        raise BadInput(f"{name} has {array.size} steps; at least {least} are needed.")
    bad = ~np.isfinite(array) | (array < 0)
    if missing:
        bad &= ~np.isnan(array)
    if bad.any():
        at = int(np.argmax(bad)) + 1
        raise BadInput(
            f"{name}: step {at} is negative, missing or infinite.",
            hint="Counts are finite numbers of 0 or more; correct the step or leave the series out.",
        )
    return array
