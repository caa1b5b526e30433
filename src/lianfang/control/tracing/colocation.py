"""Contacts from positions: who was within a radius of an index person in the same slots of time.

The definition is exact (see :func:`contacts`); the engine only avoids work that cannot change the answer.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from lianfang.control.tracing._frames import NEVER, Parts, is_table, moments, need, period, to_polars, tokens
from lianfang.foundation.errors import BadInput, UsageError

if TYPE_CHECKING:
    import polars as pl

    from lianfang.control.tracing._scan import Rule, Windows


def contacts(
    pings: Any,
    index: Any,
    *,
    start: datetime | date,
    end: datetime | date,
    radius_m: float = 50.0,
    slot_seconds: int = 600,
    minutes: float = 20,
    order: int = 1,
    max_pairs: int = 20_000_000,
) -> pl.DataFrame:
    """Contacts of the index persons by exact co-location. 时空伴随: 同一时段内相距不超过给定半径的人。

    A *slot* is ``floor(unix seconds / slot_seconds)``. A *hit* is a ping of the index person and one of
    another person in the same slot within ``radius_m`` (haversine, R = 6371008.8 m). ``minutes`` of a pair is
    its number of distinct hit slots times ``slot_seconds / 60``; a pair is kept from ``minutes`` on. Both
    pings lie in [start, end) and, where the index has one, in its own [infectious_from, infectious_to).

    Args:
        pings: token, time, lat, lon (degrees) in any order, repeats allowed. A pandas, Polars or Arrow table;
            or a list of such tables, or a function returning an iterable of them (read more than once, so
            that tens of millions of pings need not be in memory together).
        index: tokens; or a frame token [, infectious_from, infectious_to] (missing = unbounded).
        start, end: datetimes (naive = UTC) or dates (00:00 UTC); the period is half-open.
        radius_m: 0 to 100,000. slot_seconds: 1 to 86,400. minutes: least time together.
        order: 1, or 2 for contacts of contacts as well. A first contact counts as an index from the end of
            the slot in which it first met an index person: who it met earlier is not listed.
        max_pairs: refusal above so many pairs.

    Returns:
        Polars frame, one row a pair: index, contact, order, minutes, slots, min_distance_m, first (start of
        the first hit slot), last (end of the last), score in [0, 1], reason (codes for :func:`words`), via.
        In rows of order 2 ``via`` is the first contact and ``index`` the index person whom it met first;
        persons already listed at order 1, and the index persons, are not repeated there.

    Raises:
        BadInput: a column is missing, a coordinate or time is out of range (with its row number), or the
            answer would exceed ``max_pairs``. UsageError: an argument is out of range.
    """
    from lianfang.control.tracing._scan import Rule, search

    _check(radius_m, slot_seconds, minutes, order)
    low, high = period(start, end)
    rule = Rule(low, high, float(radius_m), int(slot_seconds), max_pairs)
    parts = Parts(pings, "pings")
    windows = index_windows(index, low, high)
    first = _keep(search(parts, windows, rule), rule, minutes)
    ring1 = _finish(first, rule, 1)
    if order == 1 or first.is_empty():
        return ring1
    seeds = _seeds(first, windows, rule)
    known = sorted(set(first["contact"].to_list()) | set(windows.token.to_list()), key=str)
    second = search(parts, _as_windows(seeds), rule, check=False, without=known)
    return _join_second(ring1, _keep(second, rule, minutes), seeds, rule)


def _check(radius_m: float, slot_seconds: int, minutes: float, order: int) -> None:
    if not (isinstance(radius_m, int | float) and 0 <= radius_m <= 100_000):
        raise UsageError("radius_m must lie between 0 and 100000 metres.")
    if isinstance(slot_seconds, bool) or int(slot_seconds) != slot_seconds or not 1 <= slot_seconds <= 86_400:
        raise UsageError("slot_seconds must be a whole number from 1 to 86400.")
    if not (math.isfinite(minutes) and minutes >= 0):
        raise UsageError("minutes must be a number of 0 or more.")
    if order not in (1, 2):
        raise UsageError("order must be 1 (contacts) or 2 (contacts of contacts as well).")


def index_windows(index: Any, low: int, high: int) -> Windows:
    """The index argument as tokens with windows; a missing bound is the period's."""
    import polars as pl

    from lianfang.control.tracing._scan import Windows

    if isinstance(index, str | bytes):
        raise UsageError("index must be a list of tokens or a frame.", hint="Write [token] for one person.")
    if is_table(index):
        frame = to_polars(index, "index")
        need(frame, ("token",), "index")
    elif isinstance(index, Iterable):
        members = sorted(set(index), key=str)
        if len({isinstance(token, str) for token in members}) > 1:
            raise BadInput("The index mixes tokens of text and numbers.", hint="Give them all as text.")
        frame = pl.DataFrame({"token": pl.Series(members, dtype=None if members else pl.String)})
    else:
        raise UsageError("index must be a list of tokens or a frame.")
    token = tokens(frame, "token", "index")
    bounds = []
    for column, default in (("infectious_from", low), ("infectious_to", high)):
        if column in frame.columns:
            series = moments(frame, column, "index", optional=True).fill_null(default)
            bounds.append(series.to_numpy())
        else:
            bounds.append(np.full(len(token), default, np.int64))
    return Windows(token, np.maximum(bounds[0], low), np.minimum(bounds[1], high))


def _keep(pairs: pl.DataFrame, rule: Rule, minutes: float) -> pl.DataFrame:
    import polars as pl

    return pairs.filter(pl.col("slots") * rule.slot_seconds >= minutes * 60)


def _seeds(first: pl.DataFrame, windows: Windows, rule: Rule) -> pl.DataFrame:
    """Each first contact (not itself an index) with its earliest exposure: token, low, index."""
    import polars as pl

    return (
        first.filter(~pl.col("contact").is_in(windows.token.implode()))
        .sort("first_slot", "index")
        .group_by("contact", maintain_order=True)
        .agg(pl.col("first_slot").first(), pl.col("index").first())
        .select(
            pl.col("contact").alias("token"),
            ((pl.col("first_slot") + 1) * rule.slot_us).alias("low"),
            pl.col("index").alias("source"),
        )
    )


def _as_windows(seeds: pl.DataFrame) -> Windows:
    from lianfang.control.tracing._scan import Windows

    return Windows(seeds["token"], seeds["low"].to_numpy(), np.full(len(seeds), NEVER, np.int64))


def _finish(pairs: pl.DataFrame, rule: Rule, order: int) -> pl.DataFrame:
    """The public columns, best first within each index."""
    import polars as pl

    from lianfang.control.tracing.weights import co_location_score

    moment = pl.Datetime("us", "UTC")
    minutes = pl.col("slots") * rule.slot_seconds / 60
    code = pl.format(
        "co_location?minutes={}&metres={}",
        minutes.round(0).cast(pl.Int64),
        pl.col("min_distance_m").ceil().cast(pl.Int64),
    )
    out = pairs.select(
        "index",
        "contact",
        pl.lit(order, pl.Int64).alias("order"),
        minutes.cast(pl.Float64).alias("minutes"),
        "slots",
        "min_distance_m",
        (pl.col("first_slot") * rule.slot_us).cast(moment).alias("first"),
        ((pl.col("last_slot") + 1) * rule.slot_us).cast(moment).alias("last"),
        co_location_score(minutes, pl.col("min_distance_m"), rule.radius_m, order).alias("score"),
        (pl.concat_list(code) if order == 1 else pl.concat_list(code, pl.lit("second_order"))).alias(
            "reason"
        ),
        pl.lit(None, pairs["index"].dtype).alias("via"),
    )
    return out.sort("index", "score", "contact", descending=[False, True, False])


def _join_second(ring1: pl.DataFrame, second: pl.DataFrame, seeds: pl.DataFrame, rule: Rule) -> pl.DataFrame:
    """Appends the second ring: the pair (via, contact) under the index person who exposed ``via`` first."""
    import polars as pl

    ring2 = (
        _finish(second, rule, 2)
        .with_columns(pl.col("index").alias("via"))
        .join(seeds.select("token", "source"), left_on="via", right_on="token", how="left")
        .with_columns(pl.col("source").alias("index"))
        .select(ring1.columns)
    )
    return pl.concat([ring1, ring2]).sort(
        "order", "index", "score", "contact", "via", descending=[False, False, True, False, False]
    )
