"""Tables of tracing from files: CSV (gz too) or Parquet. Tokens stay text, so ``007`` keeps its zeros."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from lianfang.foundation.errors import BadInput

if TYPE_CHECKING:
    import polars as pl

MAX_BYTES = 8 << 30
_TIMES = ("time", "start", "end", "onset", "infectious_from", "infectious_to", "first", "last", "t")
_REALS = ("lat", "lon", "weight", "score", "probability", "minutes", "accuracy_m")
_WHOLE = ("row", "floor", "order")
_FLAGS = ("imported",)


def read(source: str | Path | bytes) -> pl.DataFrame:
    """A CSV or Parquet file (or its bytes) with the columns of tracing in their types.

    Times are ISO 8601 (without a zone: UTC) or whole unix seconds. Columns that tracing does not know stay
    text.

    Raises:
        BadInput: not a table, too large, or a value that is not of its column's type (with row and column).
    """
    import polars as pl

    name = "standard input" if isinstance(source, bytes) else Path(source).name
    if not isinstance(source, bytes):
        path = Path(source)
        if not path.is_file():
            raise BadInput(f"There is no file {name}.")
        if path.stat().st_size > MAX_BYTES:
            raise BadInput(f"{name} is larger than 8 GiB.", hint="Give it in parts, by day.")
        with path.open("rb") as stream:
            head = stream.read(4)
    else:
        head = source[:4]
    try:
        if head == b"PAR1":
            return pl.read_parquet(io.BytesIO(source) if isinstance(source, bytes) else source)
        text = pl.read_csv(source, infer_schema=False, null_values=["", "NA"])
    except pl.exceptions.NoDataError:
        raise BadInput(f"{name} is empty.") from None
    except (pl.exceptions.PolarsError, UnicodeDecodeError, OSError):
        # the library's own words could quote a row
        raise BadInput(f"{name} is not a readable CSV or Parquet table.", hint="CSV must be UTF-8.") from None
    return text.with_columns(_typed(text[column], name) for column in text.columns)


def _typed(series: pl.Series, name: str) -> pl.Series:
    import polars as pl

    column = series.name
    if column in _TIMES:
        out = _times(series)
    elif column in _REALS:
        out = series.cast(pl.Float64, strict=False)
    elif column in _WHOLE:
        out = series.cast(pl.Int64, strict=False)
    elif column in _FLAGS:
        words = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
        out = series.str.to_lowercase().replace_strict(words, default=None, return_dtype=pl.Boolean)
    elif column == "reason":
        return series.str.split(" ")
    else:
        return series
    wrong = series.is_not_null() & out.is_null()
    if wrong.any():
        row = int(wrong.arg_true()[0]) + 1
        kind = "time" if column in _TIMES else "value"
        raise BadInput(
            f"{name}, row {row}, column {column}: not a {kind} that can be read.",
            hint="Times are ISO 8601, such as 2026-01-05T08:00:00Z; numbers have a point.",
        )
    return out


def _times(series: pl.Series) -> pl.Series:
    """ISO 8601 with or without zone, a date, or whole unix seconds; a null where it is none of these."""
    import polars as pl

    if series.str.contains(r"^\d{1,12}$").all():
        return series.cast(pl.Int64)
    us = pl.Datetime("us")
    zoned = series.str.contains(r"(Z|[+-]\d\d:?\d\d)$") & series.str.contains(r"^\d{4}-\d\d-\d\d[T ]")
    with_zone = series.set(~zoned, None).str.replace(r"Z$", "+00:00").str.replace(" ", "T", literal=True)
    plain = series.set(zoned, None).str.replace(" ", "T", literal=True)
    forms = [
        with_zone.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%#z", strict=False, time_unit="us", time_zone="UTC"),
        plain.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", strict=False, time_unit="us"),
        plain.str.to_datetime("%Y-%m-%dT%H:%M", strict=False, time_unit="us"),
        plain.str.to_date("%Y-%m-%d", strict=False).cast(us),
    ]
    frame = pl.DataFrame([one.dt.replace_time_zone(None).alias(str(k)) for k, one in enumerate(forms)])
    return frame.select(pl.coalesce(pl.all()).dt.replace_time_zone("UTC").alias(series.name)).to_series()
