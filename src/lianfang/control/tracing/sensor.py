"""Proximity from wearable sensors or phones: records of one short interval each, summed per pair."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lianfang.control.tracing._frames import Parts, first_bad, moments, need, tokens
from lianfang.foundation.errors import UsageError

if TYPE_CHECKING:
    import polars as pl


def proximity(records: Any, *, min_minutes: float, interval_seconds: int = 20) -> pl.DataFrame:
    """Pairs whose sensors faced each other for at least ``min_minutes`` in all. 近距离传感接触。

    SocioPatterns form (Cattuto et al. 2010, doi:10.1371/journal.pone.0011596; Vanhems et al. 2013,
    doi:10.1371/journal.pone.0073970): one record (t, i, j) for every interval of ``interval_seconds`` in
    which i and j were within about 1.5 m face to face. The order of i and j does not matter and a repeated
    record counts once.

    Args:
        records: t (datetime or whole seconds), i, j; any frame, or a list of frames.
        min_minutes: least total time. interval_seconds: length of one interval, 1 to 86,400.

    Returns:
        Polars frame i, j (i before j), minutes, records, first, last (ends included), score, reason; the
        longest first.

    Raises:
        BadInput: a missing column or token, a time out of range, a pair of one token with itself.
    """
    import polars as pl

    from lianfang.control.tracing.weights import sensor_score

    if not (isinstance(min_minutes, int | float) and 0 <= min_minutes < 1e9):
        raise UsageError("min_minutes must be a number of 0 or more.")
    if int(interval_seconds) != interval_seconds or not 1 <= interval_seconds <= 86_400:
        raise UsageError("interval_seconds must be a whole number from 1 to 86400.")
    frames = []
    offset = 0
    for frame in Parts(records, "records"):
        need(frame, ("t", "i", "j"), "records")
        i, j = (tokens(frame, name, "records", offset=offset) for name in ("i", "j"))
        t = moments(frame, "t", "records", offset=offset)
        first_bad(i == j, "records", "j", "a token meets itself", offset=offset)
        frames.append(pl.DataFrame({"t": t.alias("t"), "i": i, "j": j}))
        offset += frame.height
    whole = (
        pl.concat(frames) if frames else pl.DataFrame(schema={"t": pl.Int64, "i": pl.String, "j": pl.String})
    )
    minutes = (pl.col("records") * interval_seconds / 60).cast(pl.Float64)
    moment = pl.Datetime("us", "UTC")
    return (
        whole.select("t", pl.min_horizontal("i", "j").alias("i"), pl.max_horizontal("i", "j").alias("j"))
        .unique()
        .group_by("i", "j")
        .agg(
            pl.len().cast(pl.Int64).alias("records"),
            pl.col("t").min().alias("a"),
            pl.col("t").max().alias("b"),
        )
        .filter(pl.col("records") * interval_seconds >= min_minutes * 60)
        .select(
            "i",
            "j",
            minutes.alias("minutes"),
            "records",
            pl.col("a").cast(moment).alias("first"),
            pl.col("b").cast(moment).alias("last"),
            sensor_score(minutes).alias("score"),
            pl.concat_list(pl.format("proximity?minutes={}", minutes.round(0).cast(pl.Int64))).alias(
                "reason"
            ),
        )
        .sort("minutes", "i", "j", descending=[True, False, False])
    )
