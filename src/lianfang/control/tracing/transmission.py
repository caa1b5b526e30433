"""Who infected whom: likely infectors of each case from onsets, a serial interval and contacts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lianfang.control.tracing._frames import cast, first_bad, moments, need, to_polars, tokens
from lianfang.foundation.errors import BadInput, UsageError

if TYPE_CHECKING:
    import polars as pl

DAY_US = 86_400_000_000
MAX_CASES = 200_000
MAX_ROWS = 20_000_000
_FROM = ("candidate", "from", "infector", "index", "i")
_TO = ("case", "to", "infectee", "contact", "j")


def who_infected_whom(
    cases: Any,
    contacts: Any = None,
    *,
    serial_interval: tuple[float, float] | Sequence[float] = (4.7, 2.9),
    background: float = 0.02,
) -> pl.DataFrame:
    """Probability of each earlier case to be the infector of a case. 传染来源推断 (代间距似然, 以接触加权)。

    Wallinga & Teunis 2004 (Am J Epidemiol 160:509, equation 1): the relative likelihood that j infected i is
    ``p_ij = w(t_i - t_j) / sum_k w(t_i - t_k)`` with w the serial interval. Here each term is multiplied by
    the weight of the contact between i and j, ``background`` where none is known, so the same formula holds
    with contacts as prior odds (as in Cauchemez et al. 2006, and outbreaker2's contact likelihood).

    Args:
        cases: case, onset (date or datetime) [, imported (true: infected elsewhere)]; any frame. A case
            without an onset can't be placed: it is listed with a null candidate and is no one's candidate.
        contacts: pairs that met, any frame: case, candidate [, weight > 0], or index, contact [, score], or
            i, j, or from, to. Taken in both directions, since who is the index is what is asked. Repeated
            pairs keep their largest weight.
        serial_interval: (mean, sd) in days of a gamma distribution cut into days; or w[k], k = 0, 1, ...
            (more than two values). Default 4.7, 2.9: SARS-CoV-2 early 2020, Nishiura, Linton & Akhmetzhanov
            2020 (Int J Infect Dis 93:284). State your own for another pathogen.
        background: weight of a pair with no known contact when contacts are given (0 to exclude it).

    Returns:
        Polars frame case, candidate, probability. Probabilities of a case add up to 1. A row with a null
        candidate and probability 1: imported, without an onset, or nobody in the list can have infected it.

    Raises:
        BadInput: missing columns, a case twice, more than 200,000 cases or 20,000,000 pairs.
    """
    import polars as pl

    weights = _interval(serial_interval)
    if not 0 <= background <= 1:
        raise UsageError("background must lie between 0 and 1.")
    frame = to_polars(cases, "cases")
    need(frame, ("case", "onset"), "cases")
    if frame.height > MAX_CASES:
        raise BadInput(f"More than {MAX_CASES} cases.", hint="Split them by event or by time.")
    case = tokens(frame, "case", "cases")
    first_bad(case.is_duplicated(), "cases", "case", "the case stands more than once")
    onset = moments(frame, "onset", "cases", optional=True)
    imported = pl.Series([False] * frame.height)
    if "imported" in frame.columns:
        imported = cast(frame["imported"], pl.Boolean, "cases", "true or false").fill_null(False)
    day = (
        (onset // DAY_US).to_numpy() if not onset.null_count() else (onset // DAY_US).fill_null(-1).to_numpy()
    )
    receiver, giver, likelihood = _likelihoods(day, ~imported.to_numpy(), weights)
    if contacts is not None:
        likelihood = likelihood * _contact_weights(contacts, case, receiver, giver, background)
    return _normalise(case, receiver, giver, likelihood)


def _interval(given: Any) -> Any:
    """w[k] by whole days from (mean, sd) or as given."""
    values = np.asarray(given, float)
    if values.ndim != 1 or len(values) < 2 or len(values) > 1000 or not np.isfinite(values).all():
        raise UsageError("serial_interval must be (mean, sd) or a list of up to 1000 probabilities.")
    if len(values) > 2:
        if (values < 0).any() or values.sum() <= 0:
            raise UsageError("serial_interval: probabilities must not be negative, and not all zero.")
        return values / values.sum()
    from scipy.stats import gamma

    mean, sd = values
    if not (0 < mean <= 200 and 0 < sd <= 200):
        raise UsageError("serial_interval: mean and sd must be days between 0 and 200.")
    shape, scale = (mean / sd) ** 2, sd**2 / mean
    edges = np.arange(int(min(999, np.ceil(mean + 10 * sd))) + 2) - 0.5
    out = np.diff(gamma.cdf(np.maximum(edges, 0.0), shape, scale=scale))
    out[0] = 0.0  # onset on the same day does not tell who was first
    return out / out.sum()


def _likelihoods(day: Any, may_receive: Any, weights: Any) -> tuple[Any, Any, Any]:
    """All (receiver, giver) positions whose onset difference has a likelihood above zero."""
    known = np.flatnonzero(day >= 0)
    order = known[np.argsort(day[known], kind="stable")]
    days = day[order]
    low = np.searchsorted(days, days - (len(weights) - 1), side="left")
    high = np.searchsorted(days, days, side="right")
    width = np.where(may_receive[order], high - low, 0)
    if width.sum() > MAX_ROWS:
        raise BadInput(
            f"More than {MAX_ROWS} pairs of cases lie within the serial interval.",
            hint="Split the cases by event, place or time.",
            code="too_many_pairs",
        )
    receiver = np.repeat(np.arange(len(order)), width)
    giver = np.arange(int(width.sum())) - np.repeat(np.cumsum(width) - width, width) + np.repeat(low, width)
    value = weights[days[receiver] - days[giver]]
    keep = (receiver != giver) & (value > 0)
    return order[receiver[keep]], order[giver[keep]], value[keep]


def _contact_weights(contacts: Any, case: pl.Series, receiver: Any, giver: Any, background: float) -> Any:
    """Weight of the contact of each pair of positions."""
    import polars as pl

    frame = to_polars(contacts, "contacts")
    a = next((name for name in _FROM if name in frame.columns), None)
    b = next((name for name in _TO if name in frame.columns), None)
    if a is None or b is None:
        raise BadInput(
            "The contacts lack the two columns of a pair.", hint="Give case and candidate, or i and j."
        )
    given = next((name for name in ("weight", "score", "probability") if name in frame.columns), None)
    weight = (
        cast(frame[given], pl.Float64, "contacts", "a number")
        if given
        else pl.Series([1.0] * frame.height, dtype=pl.Float64)
    )
    wrong = (weight.is_null() | weight.is_nan() | weight.is_infinite() | (weight < 0)).fill_null(True)
    first_bad(wrong, "contacts", given or "weight", "the weight is not a number of 0 or more")
    left, right = tokens(frame, a, "contacts"), tokens(frame, b, "contacts")
    if frame.height and (left.dtype != case.dtype or right.dtype != left.dtype):
        raise BadInput("The tokens of the contacts and the cases are of different kinds (text, numbers).")
    one = pl.DataFrame({"a": left, "b": right, "weight": weight})
    both = pl.concat([one, one.select(pl.col("b").alias("a"), pl.col("a").alias("b"), "weight")])
    best = both.cast({"a": case.dtype, "b": case.dtype}).group_by("a", "b").agg(pl.col("weight").max())
    pairs = pl.DataFrame({"a": case.gather(receiver), "b": case.gather(giver)})
    joined = pairs.join(best, on=["a", "b"], how="left", maintain_order="left")
    return joined["weight"].fill_null(background).to_numpy()


def _normalise(case: pl.Series, receiver: Any, giver: Any, likelihood: Any) -> pl.DataFrame:
    import polars as pl

    total = np.zeros(len(case))
    np.add.at(total, receiver, likelihood)
    keep = likelihood > 0
    receiver, giver, likelihood = receiver[keep], giver[keep], likelihood[keep]
    alone = np.flatnonzero(total <= 0)
    found = pl.DataFrame({
        "case": case.gather(receiver),
        "candidate": case.gather(giver),
        "probability": likelihood / total[receiver],
    })  # fmt: skip
    none = pl.DataFrame({
        "case": case.gather(alone),
        "candidate": pl.Series([None] * len(alone), dtype=case.dtype),
        "probability": np.ones(len(alone)),
    })  # fmt: skip
    return pl.concat([found, none]).sort("case", "probability", "candidate", descending=[False, True, False])
