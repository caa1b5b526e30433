"""What comes in: any dataframe becomes a Polars frame with checked columns; a bad row is named by number.

Messages give the row (the first is row 1) and the column, never a value.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from lianfang.foundation.errors import BadInput, UsageError

if TYPE_CHECKING:
    import polars as pl

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)
NEVER = (1 << 62) - 1


def micros(moment: datetime | date) -> int:
    """Microseconds since 1970, exactly; a naive time is UTC, a date its first instant in UTC."""
    if not isinstance(moment, date):
        raise UsageError(
            "A time must be a datetime or a date.", hint="Give start and end as datetimes in UTC."
        )
    if not isinstance(moment, datetime):
        moment = datetime(moment.year, moment.month, moment.day, tzinfo=UTC)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    delta = moment - EARLIEST
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


def period(start: datetime | date, end: datetime | date) -> tuple[int, int]:
    """The half-open period [start, end) in microseconds."""
    low, high = micros(start), micros(end)
    if low >= high:
        raise UsageError("The period is empty: end must be later than start.")
    return low, high


def to_polars(frame: Any, what: str) -> pl.DataFrame:
    """Any eager or lazy frame that narwhals knows (pandas, Polars, Arrow, DuckDB) as a Polars frame."""
    import polars as pl

    if isinstance(frame, pl.DataFrame):
        return frame
    if isinstance(frame, pl.LazyFrame):
        return frame.collect()
    import narwhals as nw

    try:
        wrapped: Any = nw.from_native(frame)
    except TypeError:
        raise BadInput(
            f"The {what} are not a dataframe.", hint="Give a pandas, Polars or Arrow table."
        ) from None
    try:
        if isinstance(wrapped, nw.LazyFrame):
            wrapped = wrapped.collect(backend="polars")
        out: pl.DataFrame = wrapped.to_polars()
    except (TypeError, ValueError, OverflowError, pl.exceptions.PolarsError):
        # the library's words would quote the value
        raise BadInput(
            f"The {what} have a column of mixed kinds.", hint="Give each column one kind of value."
        ) from None
    return out


def cast(series: pl.Series, kind: Any, what: str, meaning: str) -> pl.Series:
    """The column in another type; a value that has none there is named by its row."""
    import polars as pl

    try:
        out = series.cast(kind, strict=False)
    except pl.exceptions.PolarsError:
        raise BadInput(f"The {what}, column {series.name}: not {meaning}.") from None
    wrong = out.is_null() & series.is_not_null()
    if wrong.any():
        first_bad(wrong, what, series.name, f"not {meaning}")
    return out


def need(frame: pl.DataFrame, columns: Sequence[str], what: str) -> None:
    """Every column is there, or a message that names those that are not."""
    missing = [name for name in columns if name not in frame.columns]
    if missing:
        raise BadInput(
            f"The {what} lack the column{'s' if len(missing) > 1 else ''} {', '.join(missing)}.",
            hint=f"Needed: {', '.join(columns)}.",
        )


def first_bad(flags: pl.Series, what: str, column: str, reason: str, *, offset: int = 0) -> None:
    """Raises for the first row where ``flags`` is true."""
    number = int(flags.sum())
    if number:
        row = int(flags.arg_true()[0]) + 1 + offset
        more = f" ({number} such rows in this part)" if number > 1 else ""
        raise BadInput(
            f"The {what}, row {row}, column {column}: {reason}{more}.", hint="Mend or drop the row."
        )


def tokens(frame: pl.DataFrame, column: str, what: str, *, offset: int = 0) -> pl.Series:
    """A token column as text or whole numbers, without nulls."""
    import polars as pl

    series = frame[column]
    if isinstance(series.dtype, pl.Categorical | pl.Enum):
        series = series.cast(pl.String)
    if series.dtype == pl.Null:
        series = series.cast(pl.String)
    if series.dtype != pl.String and not series.dtype.is_integer():
        raise BadInput(f"The {what}, column {column}: tokens must be text or whole numbers.")
    if series.null_count():
        first_bad(series.is_null(), what, column, "the token is missing", offset=offset)
    return series if series.dtype == pl.String else series.cast(pl.Int64)


def moments(
    frame: pl.DataFrame, column: str, what: str, *, offset: int = 0, optional: bool = False
) -> pl.Series:
    """A time column as microseconds since 1970 (int64). Datetimes (naive = UTC), dates or unix seconds."""
    import polars as pl

    series = frame[column]
    kind = series.dtype
    if kind == pl.Null:
        series = series.cast(pl.Int64)
    elif kind == pl.Datetime or kind == pl.Date:
        series = series.cast(pl.Datetime("us")).to_physical()
    elif kind.is_integer():
        series = series.cast(pl.Int64)
        edge = (1 << 62) // 1_000_000
        first_bad((series > edge) | (series < -edge), what, column, "the time is out of range", offset=offset)
        series = series * 1_000_000
    else:
        raise BadInput(f"The {what}, column {column}: times must be datetimes, dates or whole unix seconds.")
    if series.null_count() and not optional:
        first_bad(series.is_null(), what, column, "the time is missing", offset=offset)
    low, high = series.min(), series.max()
    if low is not None and (low < micros(EARLIEST) or high >= micros(LATEST)):  # type: ignore[operator]
        wrong = (series < micros(EARLIEST)) | (series >= micros(LATEST))
        first_bad(wrong, what, column, "the time lies outside 1970 to 2199", offset=offset)
    return series


def degrees(frame: pl.DataFrame, column: str, limit: float, what: str, *, offset: int = 0) -> pl.Series:
    """A coordinate column as float64 in [-limit, limit]."""
    import polars as pl

    series = frame[column]
    if not (series.dtype.is_numeric() or series.dtype == pl.Null):
        raise BadInput(f"The {what}, column {column}: coordinates must be numbers (degrees).")
    series = series.cast(pl.Float64)
    low, high = series.min(), series.max()
    # Polars' minimum passes over NaN, so NaN is asked for by itself
    broken = series.null_count() or series.is_nan().any()
    if broken or (low is not None and (low < -limit or high > limit)):  # type: ignore[operator]
        wrong = (series.is_null() | series.is_nan() | (series.abs() > limit)).fill_null(True)
        first_bad(wrong, what, column, f"not a number from -{limit:g} to {limit:g}", offset=offset)
    return series


def is_table(source: Any) -> bool:
    kind = type(source)  # asked of the class: a lazy frame would resolve its schema to answer
    return any(hasattr(kind, name) for name in ("columns", "column_names", "select"))


class Parts:
    """Frames that can be read more than once: one table, several, or a function that opens them anew."""

    def __init__(self, source: Any, what: str) -> None:
        self.what = what
        self.source = source
        if isinstance(source, Iterator):
            raise UsageError(
                f"The {what} came as an iterator, which can be read only once.",
                hint="Give a list of frames, or a function that returns the frames anew.",
            )

    def __iter__(self) -> Iterator[pl.DataFrame]:
        source = self.source() if callable(self.source) else self.source
        if (
            not is_table(source)
            and isinstance(source, Iterable)
            and not isinstance(source, str | bytes | dict)
        ):
            for part in source:
                yield to_polars(part, self.what)
        else:
            yield to_polars(source, self.what)
