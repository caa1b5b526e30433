"""One list out of many engines: each candidate once, with a score, a level and the reasons in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from lianfang.control.tracing import reasons as codes
from lianfang.control.tracing._frames import cast, first_bad, is_table, need, to_polars, tokens
from lianfang.control.tracing.weights import FAMILY, HIGH, MEDIUM, SAME_MEETING
from lianfang.foundation.errors import BadInput, UsageError

if TYPE_CHECKING:
    import polars as pl

MAX_REASONS = 8


def rank(
    evidence: Any,
    *,
    index: Iterable[Any] | None = None,
    weights: Mapping[str, float] | None = None,
    high: float = HIGH,
    medium: float = MEDIUM,
) -> pl.DataFrame:
    """Joins evidence of several engines into one ranked list of candidates. 综合证据, 排出需联系的人。

    Each row of evidence belongs to a family of observation (by its first reason code) and counts with that
    family's weight (``weights.FAMILY``). Of one candidate, index person and kind of meeting the strongest row
    counts (a check-in and the positions at it are one meeting); different kinds and different index persons
    are joined as independent chances: ``1 - prod(1 - weight * score)``. The score orders people; it is not a
    probability of infection.

    Args:
        evidence: a frame or several: those of :func:`contacts`, :func:`co_presence` (index, contact, score,
            reason), :func:`proximity` (i, j; give ``index`` to say which side is asked about) or
            :func:`who_infected_whom` (case, candidate, probability).
        index: index tokens; they are left out of the list. Default: those in the evidence's index column.
        weights: family -> weight in [0, 1], instead of those of the module.
        high, medium: least scores of the levels.

    Returns:
        Polars frame: candidate, score, level (high, medium, low), reasons (codes, strongest first, at most
        8), indexes (how many index persons), evidence (rows), order (smallest), first, last; best first.

    Raises:
        BadInput: columns missing, a score outside [0, 1], an unknown reason. UsageError: wrong weights.
    """
    import polars as pl

    belief = _belief(weights)
    if not 0 <= medium <= high <= 1:
        raise UsageError("The levels need 0 <= medium <= high <= 1.")
    members = list(index) if index is not None else None
    several = evidence if not is_table(evidence) else [evidence]
    rows = [_uniform(to_polars(one, "evidence"), members) for one in several]
    rows = [frame for frame in rows if len(frame)]
    if len({frame["candidate"].dtype for frame in rows}) > 1:
        raise BadInput("The evidence mixes tokens of text and numbers.", hint="Give them all as text.")
    whole = pl.concat(rows) if rows else _uniform(pl.DataFrame(schema=_EMPTY()), members)
    asked = (
        pl.Series(members, dtype=whole["index"].dtype) if members is not None else whole["index"].drop_nulls()
    )
    whole = whole.filter(~pl.col("candidate").is_in(asked.unique().implode()))
    return _join(_weigh(whole, belief), high, medium)


def _EMPTY() -> dict[str, Any]:  # noqa: N802
    import polars as pl

    return {"index": pl.String, "contact": pl.String, "score": pl.Float64, "reason": pl.List(pl.String)}


def _belief(weights: Mapping[str, float] | None) -> dict[str, float]:
    out = {**FAMILY, **(weights or {})}
    unknown = set(out) - set(FAMILY)
    if unknown or not all(0 <= value <= 1 for value in out.values()):
        raise UsageError(f"weights: families {', '.join(FAMILY)} with values from 0 to 1.")
    return out


def _uniform(frame: pl.DataFrame, index: list[Any] | None) -> pl.DataFrame:
    """Any engine's frame as index, candidate, score, reason, order, first, last."""
    import polars as pl

    what = "evidence"
    if "candidate" in frame.columns and "probability" in frame.columns:
        percent = (pl.col("probability") * 100).round(0).cast(pl.Int64)
        frame = frame.filter(pl.col("candidate").is_not_null()).select(
            pl.col("case").alias("index"),
            pl.col("candidate").alias("contact"),
            pl.col("probability").alias("score"),
            pl.concat_list(pl.format("serial_interval?percent={}", percent)).alias("reason"),
        )
    elif "i" in frame.columns and "j" in frame.columns:
        frame = _orient(frame, index)
    need(frame, ("index", "contact", "score", "reason"), what)
    score = cast(frame["score"], pl.Float64, what, "a number")
    wrong = score.is_null() | score.is_nan() | (score < 0) | (score > 1)
    first_bad(wrong.fill_null(True), what, "score", "not a number from 0 to 1")
    reason = frame["reason"]
    if reason.dtype == pl.String:
        reason = pl.select(pl.concat_list(pl.lit(reason))).to_series()
    order = pl.Series([1] * frame.height, dtype=pl.Int64)
    if "order" in frame.columns:
        order = cast(frame["order"], pl.Int64, what, "a whole number")
    moment = pl.Datetime("us", "UTC")
    times = [
        cast(frame[name], moment, what, "a time")
        if name in frame.columns
        else pl.Series(name, [None] * frame.height, dtype=moment)
        for name in ("first", "last")
    ]
    return pl.DataFrame({
        "index": tokens(frame, "index", what),
        "candidate": tokens(frame, "contact", what),
        "score": score,
        "reason": cast(reason, pl.List(pl.String), what, "a list of codes"),
        "order": order,
        "first": times[0],
        "last": times[1],
    })  # fmt: skip


def _orient(frame: pl.DataFrame, index: list[Any] | None) -> pl.DataFrame:
    """Sensor pairs have no side: the index persons' partners are the contacts."""
    import polars as pl

    if index is None:
        raise UsageError("Sensor pairs (i, j) have no index person.", hint="Give index=[tokens].")
    wanted = pl.Series(index, dtype=frame["i"].dtype if not index else None)
    sides = []
    for mine, other in (("i", "j"), ("j", "i")):
        side = frame.filter(pl.col(mine).is_in(wanted.implode()))
        sides.append(
            side.rename({mine: "index", other: "contact"}).select(
                [*sorted({*side.columns} - {"i", "j"}), "index", "contact"]
            )
        )
    return pl.concat(sides)


def _weigh(whole: pl.DataFrame, belief: dict[str, float]) -> pl.DataFrame:
    """Adds the meeting's kind and the believed score, from each row's first reason."""
    import polars as pl

    leading = whole["reason"].list.first()
    first_bad(leading.is_null(), "evidence", "reason", "no reason is given")
    names = leading.str.extract(r"^([a-z_]+)", 1)
    for code in leading.unique().to_list()[:100_000]:
        codes.parse(code)
    of = {name: entry[0] for name, entry in codes.CODES.items()}
    family = names.replace_strict(of, default="modifier", return_dtype=pl.String)
    first_bad(family == "modifier", "evidence", "reason", "the first reason names no observation")
    return whole.with_columns(
        family.replace(SAME_MEETING).alias("meeting"),
        (pl.col("score") * family.replace_strict(belief, return_dtype=pl.Float64)).alias("believed"),
    )


def _join(whole: pl.DataFrame, high: float, medium: float) -> pl.DataFrame:
    import polars as pl

    c = pl.col
    strongest = (
        whole.sort("candidate", "believed", "index", "meeting", descending=[False, True, False, False])
        .group_by("candidate", "index", "meeting", maintain_order=True)
        .agg(
            c("believed").first(), c("reason").first(), pl.len().alias("rows"),
            c("order").min(), c("first").min(), c("last").max(),
        )
    )  # fmt: skip
    several = pl.format("several_index?cases={}", c("indexes"))
    joined = (
        strongest.group_by("candidate", maintain_order=True)
        .agg(
            (1.0 - (1.0 - c("believed")).product()).clip(0.0, 1.0).alias("score"),
            c("reason").explode().unique(maintain_order=True).head(MAX_REASONS - 1).alias("reasons"),
            c("index").n_unique().cast(pl.Int64).alias("indexes"),
            c("rows").sum().cast(pl.Int64).alias("evidence"),
            c("order").min(),
            c("first").min(),
            c("last").max(),
        )
    )  # fmt: skip
    level = pl.when(c("score") >= high).then(pl.lit("high")).when(c("score") >= medium).then(pl.lit("medium"))
    reasons = pl.when(c("indexes") > 1).then(pl.concat_list("reasons", several)).otherwise(c("reasons"))
    return joined.select(
        "candidate",
        "score",
        level.otherwise(pl.lit("low")).alias("level"),
        reasons.alias("reasons"),
        "indexes",
        "evidence",
        "order",
        "first",
        "last",
    ).sort("score", "order", "candidate", descending=[True, False, False])
