"""Reading a line list: token, onset and attributes, from any dataframe."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from lianfang.foundation.errors import BadInput, UsageError

if TYPE_CHECKING:
    import polars as pl

MOST_CASES = 5_000_000
MOST_ATTRIBUTES = 50


def read(cases: Any, attributes: Sequence[str], as_of: date, extra: Sequence[str] = ()) -> pl.DataFrame:
    """``cases`` with onset up to ``as_of``: token (text), onset (date), ``attributes`` (text; lat, lon
    numbers).

    Later rows, rows without an onset and repetitions of a token are left out; empty text counts as unknown.
    """
    import narwhals as nw
    import polars as pl

    names = _names(attributes)
    frame = nw.from_native(cases, eager_only=True, pass_through=True)
    if not isinstance(frame, nw.DataFrame):
        raise BadInput("cases must be a dataframe (Polars, pandas or Arrow) with a row for each case.")
    missing = [name for name in ("token", "onset", *names) if name not in frame.columns]
    if missing:
        raise BadInput(
            f"cases has no column {missing[0]!r}.", hint="It needs token, onset and every attribute named."
        )
    if len(frame) > MOST_CASES:
        raise BadInput(f"cases has {len(frame)} rows, more than the {MOST_CASES} allowed.")
    kept = [name for name in extra if name in frame.columns]
    table = frame.select("token", "onset", *names, *kept).to_polars()
    table = table.with_columns(token=pl.col("token").cast(pl.String), onset=_onset(table))
    for name in names:
        table = table.with_columns(_attribute(table, name))
    table = table.filter(pl.col("onset") <= _day(as_of))
    return table.unique("token", keep="first", maintain_order=True).sort("onset", maintain_order=True)


def _day(as_of: date) -> date:
    if isinstance(as_of, datetime):
        return as_of.date()
    if not isinstance(as_of, date):
        raise BadInput("as_of must be a date.")
    return as_of


def _names(attributes: Sequence[str]) -> list[str]:
    if isinstance(attributes, str):
        raise UsageError("attributes must be a list of column names.", hint=f"Write [{attributes[:40]!r}].")
    names = list(dict.fromkeys(attributes))
    if not names or len(names) > MOST_ATTRIBUTES or not all(isinstance(name, str) for name in names):
        raise UsageError(f"attributes must name 1 to {MOST_ATTRIBUTES} columns.")
    if {"token", "onset"} & set(names):
        raise UsageError("token and onset are no attributes.")
    if len({"lat", "lon"} & set(names)) == 1:
        raise UsageError("lat and lon go together.")
    return names


def _onset(table: pl.DataFrame) -> pl.Series:
    import polars as pl

    column = table["onset"]
    if column.dtype == pl.Null:
        return column.cast(pl.Date)
    if column.dtype in (pl.Date, pl.Datetime):
        return column.cast(pl.Date)
    if column.dtype == pl.Object:  # pandas keeps dates as Python objects
        return pl.Series(
            "onset", [_plain_day(value, row) for row, value in enumerate(column, 1)], dtype=pl.Date
        )
    if column.dtype != pl.String:
        raise BadInput(f"onset holds {column.dtype}, not dates.")
    text = column.str.strip_chars()
    days = text.str.to_date("%Y-%m-%d", strict=False)
    wrong = days.is_null() & text.is_not_null() & (text != "")
    if wrong.any():
        raise BadInput(f"Row {_first(wrong)}, column onset: no date.", hint="Write dates as 2020-01-20.")
    return days


def _plain_day(value: Any, row: int) -> date | None:
    if value is None:
        return None
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    raise BadInput(f"Row {row}, column onset: no date.", hint="Write dates as 2020-01-20.")


def _attribute(table: pl.DataFrame, name: str) -> pl.Series:
    import polars as pl

    column = table[name]
    if name not in ("lat", "lon"):
        text = column.cast(pl.String).str.strip_chars()
        return text.set(text == "", None)
    numbers = column.cast(pl.Float64, strict=False)
    limit = 90 if name == "lat" else 180
    wrong = ((numbers.abs() > limit) | numbers.is_nan() | numbers.is_null()) & column.is_not_null()
    if wrong.any():
        raise BadInput(f"Row {_first(wrong)}, column {name}: no coordinate in degrees.")
    return numbers


def _first(wrong: pl.Series) -> int:
    return int(wrong.arg_true()[0]) + 1
