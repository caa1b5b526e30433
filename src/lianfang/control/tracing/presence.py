"""Contacts from presence at the same place: visits, lodging, seats. Equality joins, no distances."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from lianfang.control.tracing._frames import cast, first_bad, moments, need, period, to_polars, tokens
from lianfang.control.tracing.colocation import index_windows
from lianfang.control.tracing.weights import PRESENCE, time_weight
from lianfang.foundation.errors import BadInput, UsageError

if TYPE_CHECKING:
    import polars as pl

    from lianfang.control.tracing._scan import Windows

LODGING = frozenset({"lodging", "hotel"})
TRIP = frozenset({"trip", "train", "flight", "bus", "ship", "vehicle"})
HOUSEHOLD = frozenset({"household", "home"})
JOIN_ROWS = 1_000_000
#: Presences are compared within stretches of this time (microseconds), or of a 64th of a longer period.
STRETCH = 6 * 3_600_000_000
STRETCHES = 64
MEET = ["place", "kind", "stretch"]
_OPTIONAL = ("row", "column", "floor", "room", "carriage")


def co_presence(
    presences: Any,
    index: Any,
    *,
    start: datetime | date,
    end: datetime | date,
    seat_rows: int = 2,
    min_minutes: float = 0,
    max_pairs: int = 20_000_000,
) -> pl.DataFrame:
    """Contacts by the same place, room or seats at the same time. 同场所、同住宿、同车次的接触。

    Two presences meet when their ``place`` and ``kind`` are equal and their intervals overlap by more than
    nothing within [start, end) and the index person's infectious window. By kind:

    * lodging, hotel: ``same_room``, else ``same_floor``, else ``same_hotel``;
    * trip, train, flight, bus, ship, vehicle (``place`` is the vehicle on its day): ``same_row``,
      ``near_row`` up to ``seat_rows`` rows apart (2: WHO's guide for air travel), else ``same_carriage``;
      where a column ``carriage`` is given and differs, ``same_vehicle``;
    * household, home: ``same_household``; anything else: ``same_place``.

    A missing room, floor or row proves nothing and falls to the next wider circle.

    Args:
        presences: token, place, kind, start, end [, row, column, floor, room, carriage]; any frame.
        index: tokens, or a frame token [, infectious_from, infectious_to].
        seat_rows: rows in front and behind that count as near. min_minutes: least overlap in all.
        max_pairs: refusal above so many meetings.

    Returns:
        Polars frame, one row for each index, contact, place: index, contact, order (1), kind, place, minutes
        (overlapping intervals counted once), meetings, first, last, score, reason (codes).

    Raises:
        BadInput: missing column, time out of range, an end before its start (with the row). UsageError.
    """
    import polars as pl

    low, high = period(start, end)
    if int(seat_rows) != seat_rows or not 0 <= seat_rows <= 50:
        raise UsageError("seat_rows must be a whole number from 0 to 50.")
    if not 0 <= min_minutes < 1e9:
        raise UsageError("min_minutes must be a number of 0 or more.")
    windows = index_windows(index, low, high)
    everyone = _clean(to_polars(presences, "presences")).filter((pl.col("b") > low) & (pl.col("a") < high))
    cases = _index_side(everyone, windows)
    clock = (low, max(STRETCH, -(-(high - low) // STRETCHES)))
    cases = _spread(cases, clock)
    there = _spread(
        everyone.join(cases.select("place", "kind").unique(), on=["place", "kind"], how="semi"), clock
    )
    met = [_meetings(cases, part, seat_rows, clock) for part in _portions(there, cases)]
    total = sum(len(frame) for frame in met)
    if total > max_pairs:
        raise BadInput(
            f"More than {max_pairs} meetings: the question is too wide.",
            hint="Ask for a shorter period or fewer index persons.",
            code="too_many_pairs",
        )
    return _summary(pl.concat(met), min_minutes)


def _clean(frame: pl.DataFrame) -> pl.DataFrame:
    """Checked presences: token, place, kind, a, b (microseconds), row, column, floor, room, carriage."""
    import polars as pl

    what = "presences"
    need(frame, ("token", "place", "kind", "start", "end"), what)
    a, b = moments(frame, "start", what), moments(frame, "end", what)
    first_bad(b < a, what, "end", "the end lies before the start")
    token = tokens(frame, "token", what)
    columns: list[pl.Series] = [token.alias("token"), a.alias("a"), b.alias("b")]
    for name in ("place", "kind"):
        series = cast(frame[name], pl.String, what, "text")
        first_bad(series.is_null(), what, name, "missing")
        columns.append(series)
    for name in _OPTIONAL:
        if name in frame.columns:
            series = frame[name]
            if name in ("row", "floor"):
                series = cast(series, pl.Int64, what, "a whole number")
            else:
                series = cast(series, pl.String, what, "text")
                series = series.set(series == "", None)  # an empty room is an unknown room
        else:
            series = pl.Series(name, [None] * frame.height, dtype=_kind(name))
        columns.append(series.alias(name))
    return pl.DataFrame(columns).unique()


def _kind(name: str) -> Any:
    import polars as pl

    return pl.Int64 if name in ("row", "floor") else pl.String


def _index_side(everyone: pl.DataFrame, windows: Windows) -> pl.DataFrame:
    """The index persons' presences, cut to the time in which they count."""
    import polars as pl

    from lianfang.control.tracing._scan import match_kind

    side = pl.DataFrame({
        "token": match_kind(windows.token, everyone["token"]),
        "low": windows.low,
        "high": windows.high,
    })  # fmt: skip
    return (
        everyone.join(side, on="token", how="inner")
        .with_columns(pl.max_horizontal("a", "low").alias("a"), pl.min_horizontal("b", "high").alias("b"))
        .filter(pl.col("a") < pl.col("b"))
        .drop("low", "high")
    )


def _spread(stays: pl.DataFrame, clock: tuple[int, int]) -> pl.DataFrame:
    """Each presence once for every stretch of time that it touches, so that only those of one stretch are joined.

    ``clock``: the period's start and a stretch's length; the period ends within ``STRETCHES`` of them, and what a
    presence has outside of it meets nobody.
    """
    import polars as pl

    start, length = clock
    begin = pl.max_horizontal("a", pl.lit(start))
    end = pl.min_horizontal("b", pl.lit(start + STRETCHES * length)) - 1
    return (
        stays.filter(pl.col("a") < pl.col("b"))
        .with_columns(pl.int_ranges((begin - start) // length, (end - start) // length + 1).alias("stretch"))
        .explode("stretch")
    )


def _portions(there: pl.DataFrame, cases: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Presences at the index's places, in portions whose join stays below ``JOIN_ROWS`` rows or one row."""
    import polars as pl

    load = cases.group_by(MEET).agg(pl.len().alias("load"))
    there = there.join(load, on=MEET, how="inner").with_columns(
        (pl.col("load").cast(pl.Int64).cum_sum() // JOIN_ROWS).alias("portion")
    )
    parts = there.partition_by("portion", maintain_order=True) if len(there) else [there]
    for part in parts:
        yield part.drop("load", "portion")


def _meetings(
    cases: pl.DataFrame, part: pl.DataFrame, seat_rows: int, clock: tuple[int, int]
) -> pl.DataFrame:
    """Overlaps of the index's presences with a portion: index, contact, kind, place, a, b, circle, rows."""
    import polars as pl

    c = pl.col
    apart = (c("row") - c("row_right")).abs()
    carriage_known = c("carriage").is_not_null() & c("carriage_right").is_not_null()
    lodging, trip, home = (c("kind").is_in(sorted(kinds)) for kinds in (LODGING, TRIP, HOUSEHOLD))
    circle = (
        pl.when(home).then(pl.lit("same_household"))
        .when(lodging & (c("room") == c("room_right"))).then(pl.lit("same_room"))
        .when(lodging & (c("floor") == c("floor_right"))).then(pl.lit("same_floor"))
        .when(lodging).then(pl.lit("same_hotel"))
        .when(trip & carriage_known & (c("carriage") != c("carriage_right"))).then(pl.lit("same_vehicle"))
        .when(trip & (apart == 0)).then(pl.lit("same_row"))
        .when(trip & (apart <= seat_rows)).then(pl.lit("near_row"))
        .when(trip).then(pl.lit("same_carriage"))
        .otherwise(pl.lit("same_place"))
    )  # fmt: skip
    return (
        cases.join(part, on=MEET, how="inner")
        .filter(c("token") != c("token_right"))
        .with_columns(
            pl.max_horizontal("a", "a_right").alias("lo"),
            pl.min_horizontal("b", "b_right").alias("hi"),
        )
        # two that share several stretches meet in the one in which their overlap begins
        .filter((c("lo") < c("hi")) & ((c("lo") - clock[0]) // clock[1] == c("stretch")))
        .select(
            c("token").alias("index"),
            c("token_right").alias("contact"),
            "kind",
            "place",
            "lo",
            "hi",
            circle.alias("circle"),
            apart.alias("rows"),
        )
    )


def _summary(met: pl.DataFrame, min_minutes: float) -> pl.DataFrame:
    """One row a pair and place; overlapping intervals of one pair count once."""
    import polars as pl

    c = pl.col
    key = ["index", "contact", "kind", "place"]
    weight = c("circle").replace_strict(PRESENCE, default=0.0, return_dtype=pl.Float64)
    weight = weight - pl.when(c("circle") == "near_row").then(0.1 * (c("rows") - 1).clip(0, 5)).otherwise(0.0)
    before = c("hi").cum_max().shift(1).over(key, order_by="lo")
    gained = (c("hi") - pl.max_horizontal("lo", before.fill_null(c("lo")))).clip(lower_bound=0)
    moment = pl.Datetime("us", "UTC")
    minutes = c("us") / 60_000_000
    grouped = (
        met.with_columns(gained.alias("gained"), weight.alias("weight"))
        .sort(*key, "weight", "lo", descending=[False] * 4 + [True, False])
        .group_by(key, maintain_order=True)
        .agg(
            c("gained").sum().alias("us"), pl.struct("lo", "hi").n_unique().cast(pl.Int64).alias("meetings"),
            c("lo").min().alias("first"), c("hi").max().alias("last"),
            c("weight").first(), c("circle").first(), c("rows").first(),
        )
        .filter(c("us") >= min_minutes * 60_000_000)
    )  # fmt: skip
    whole = minutes.round(0).cast(pl.Int64)
    reason = (
        pl.when(c("circle") == "near_row")
        .then(pl.format("near_row?rows={}&minutes={}", c("rows").fill_null(0), whole))
        .otherwise(pl.format("{}?minutes={}", c("circle"), whole))
    )
    return grouped.select(
        "index",
        "contact",
        pl.lit(1, pl.Int64).alias("order"),
        "kind",
        "place",
        minutes.alias("minutes"),
        "meetings",
        c("first").cast(moment),
        c("last").cast(moment),
        (c("weight") * time_weight(minutes)).alias("score"),
        pl.concat_list(reason).alias("reason"),
    ).sort("index", "score", "contact", "place", descending=[False, True, False, False])
