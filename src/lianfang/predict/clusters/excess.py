"""A prospective scan over attributes: which value has more recent cases than the earlier ones lead one to
expect?

For every attribute the earlier cases say how cases usually spread over its values. Given how many recent
cases there are, the number that share one value then follows a beta-binomial distribution (the predictive
distribution of a multinomial with Jeffreys' prior of 1/2 for each value; Gelman et al., Bayesian Data Analysis,
section 3.4). A common rise of all cases, a season or a change of reporting, so raises no alarm; sharing does.
Looking only at windows that end today is Kulldorff's prospective scan (J R Stat Soc A 2001, 164:61-72);
conditioning on the totals is that of his space-time permutation (PLoS Med 2005, 2:e59). The p-value is multiplied
by the number of values and windows looked at (Bonferroni), so that it speaks for the whole search.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from lianfang.foundation.errors import BadInput

if TYPE_CHECKING:
    import polars as pl

PRIOR = 0.5
CELLS = (0.01, 0.02)  # degrees: about 1 and 2 km
AREA = "lat,lon"


def scan(
    cases: Any,
    *,
    attributes: Sequence[str],
    as_of: date,
    windows: Sequence[int] = (3, 7, 14),
    baseline_days: int = 365,
    min_cases: int = 2,
    reasons: bool = False,
) -> pl.DataFrame:
    """Values with more recent cases than expected, the least probable first.

    ``cases``: token, onset, and the columns named in ``attributes``; ``lat`` and ``lon`` together are
    scanned in cells of 0.01 and 0.02 degrees (attribute ``lat,lon``). ``windows`` are lengths in days, all
    ending on ``as_of``; the baseline is the ``baseline_days`` days before the longest window. Later onsets
    are not read.

    Returns ``attribute, value, cases, expected, p_value, first, last, tokens``: of each value its least
    probable window. ``p_value`` bounds the chance that anything so improbable turns up in the whole search
    when cases spread as before; values without an excess or with fewer than ``min_cases`` recent cases are
    not listed. ``reasons=True`` adds ``window_days, recent, earlier, earlier_all, searched, reason``.
    """
    import polars as pl

    from lianfang.predict.clusters import _cases

    lengths = _lengths(windows)
    if baseline_days < 1 or min_cases < 1:
        raise BadInput("baseline_days and min_cases must be at least 1.")
    table, names = _areas(_cases.read(cases, attributes, as_of), attributes)
    begin = as_of - timedelta(days=lengths[-1])
    recent = table.filter(pl.col("onset") > begin)
    oldest = begin - timedelta(days=baseline_days)
    earlier = table.filter((pl.col("onset") <= begin) & (pl.col("onset") > oldest))
    found: list[dict[str, Any]] = []
    searched = 0
    for name in names:
        before = _counted(earlier, name)
        values = set(before) | set(recent[name].drop_nulls().to_list())
        searched += len(values) * len(lengths)
        found += _attribute(recent, before, len(values), name, as_of, lengths, min_cases)
    return _frame(found, searched, reasons)


def _lengths(windows: Sequence[int]) -> list[int]:
    lengths = sorted(set(windows))
    if not lengths or any(isinstance(w, bool) or int(w) != w or not 1 <= w <= 366 for w in lengths):
        raise BadInput("windows must be whole numbers of days from 1 to 366.")
    return [int(w) for w in lengths]


def _areas(table: pl.DataFrame, attributes: Sequence[str]) -> tuple[pl.DataFrame, list[str]]:
    """Cells of lat and lon as attributes of their own."""
    import polars as pl

    names = [name for name in dict.fromkeys(attributes) if name not in ("lat", "lon")]
    if "lat" not in attributes:
        return table, names
    for size in CELLS:
        column = f"{AREA}:{size}"
        middle = [((pl.col(c) / size).floor() * size + size / 2).round(3) for c in ("lat", "lon")]
        text = [part.cast(pl.String) for part in middle]
        cell = pl.concat_str([*text, pl.lit(f"±{size / 2:g}°")], separator=" ")
        table = table.with_columns(cell.alias(column))
        names.append(column)
    return table, names


def _counted(table: pl.DataFrame, name: str) -> dict[str, int]:
    counts = table[name].drop_nulls().value_counts(name="cases found")
    return dict(zip(counts[name].to_list(), counts["cases found"].to_list(), strict=True))


def _attribute(
    recent: pl.DataFrame,
    before: dict[str, int],
    kinds: int,
    name: str,
    as_of: date,
    lengths: list[int],
    min_cases: int,
) -> list[dict[str, Any]]:
    """Every value of one attribute that shows an excess, in its least probable window."""
    import polars as pl

    earlier_all = sum(before.values())
    best: dict[str, dict[str, Any]] = {}
    for days in lengths:
        inside = recent.filter(pl.col("onset") > as_of - timedelta(days=days)).drop_nulls(name)
        for value, cases in _counted(inside, name).items():
            a = before.get(value, 0) + PRIOR
            b = earlier_all - before.get(value, 0) + PRIOR * (kinds - 1)
            expected = inside.height * a / (a + b)
            if cases < min_cases or cases <= expected:
                continue
            single = exceedance(cases, inside.height, a, b)
            if value in best and best[value]["single"] <= single:
                continue
            best[value] = {
                "attribute": AREA if name.startswith(AREA + ":") else name,
                "value": value,
                "cases": cases,
                "expected": expected,
                "single": single,
                "window_days": days,
                "recent": inside.height,
                "earlier": before.get(value, 0),
                "earlier_all": earlier_all,
            }
    for value, row in best.items():
        since = as_of - timedelta(days=row["window_days"])
        own = recent.filter((pl.col(name) == value) & (pl.col("onset") > since))
        row |= {
            "first": own["onset"].min(),
            "last": own["onset"].max(),
            "tokens": sorted(own["token"].to_list()),
        }
    return list(best.values())


def exceedance(cases: int, trials: int, a: float, b: float) -> float:
    """P(X >= ``cases``) of a beta-binomial of ``trials`` with parameters ``a``, ``b``; exact far into the
    tail.

    The terms are summed upwards from the first, never as 1 minus the lower tail, so that 1e-30 is no 0.
    ``b`` = 0 (one value only is known) makes sharing certain.
    """
    if cases <= 0 or (b <= 0 and cases <= trials):
        return 1.0
    if cases > trials:
        return 0.0
    log_first = _log_choose(trials, cases) + _log_beta(cases + a, trials - cases + b) - _log_beta(a, b)
    total = term = 1.0
    for j in range(cases, trials):
        term *= (trials - j) * (j + a) / ((j + 1) * (trials - j - 1 + b))
        total += term
        if term < 1e-17 * total:
            break
    return min(1.0, math.exp(log_first + math.log(total)))


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def _frame(found: list[dict[str, Any]], searched: int, reasons: bool) -> pl.DataFrame:
    import polars as pl

    for row in found:
        row["p_value"] = min(1.0, row["single"] * searched)
        row["searched"] = searched
        row["reason"] = (
            f"{row['cases']} of {row['recent']} cases of the last {row['window_days']} days share "
            f"{row['attribute']} {row['value']}, {row['expected']:.2g} expected "
            f"({row['earlier']} of {row['earlier_all']} earlier cases); "
            f"p = {row['p_value']:.2g} for {searched} values and windows searched"
        )
    schema: dict[str, Any] = {
        "attribute": pl.String,
        "value": pl.String,
        "cases": pl.Int64,
        "expected": pl.Float64,
        "p_value": pl.Float64,
        "first": pl.Date,
        "last": pl.Date,
        "tokens": pl.List(pl.String),
    }
    if reasons:
        schema |= dict.fromkeys(("window_days", "recent", "earlier", "earlier_all", "searched"), pl.Int64)
        schema["reason"] = pl.String
    order = sorted(found, key=lambda row: (row["p_value"], row["single"], row["attribute"], row["value"]))
    return pl.DataFrame([{name: row[name] for name in schema} for row in order], schema=schema)
