"""The prediction engines on CSV text: what ``lianfang predict`` calls. Needs no installation."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from lianfang.foundation.errors import BadInput, UsageError

if TYPE_CHECKING:
    import polars as pl

MOST_BYTES = 64_000_000
MOST_ROWS = 1_000_000
NEW_CASES = ("cases", "count", "counts", "incidence", "new_confirmed", "observed", "I")
SHARED = ("workplace", "school", "place", "household")


@dataclass(frozen=True)
class Sheet:
    """A CSV file in memory: names of its columns and rows of text, all of one length."""

    names: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    lines: tuple[int, ...]  # the line of the file that each row ends on

    def text(self, name: str) -> list[str]:
        """One column's text, without blanks at its ends."""
        at = self.names.index(name)
        return [row[at].strip() for row in self.rows]

    def counts(self, name: str) -> list[float]:
        """One column as counts; the first that is none is named by line and column, never by its value."""
        values = []
        for line, text in zip(self.lines, self.text(name), strict=True):
            try:
                value = float(text)
            except ValueError:
                value = math.nan
            if not math.isfinite(value) or value < 0 or not text.isascii() or "_" in text:
                raise BadInput(
                    f"Line {line}, column {name}: not a count of 0 or more.",
                    hint="Mend the row; write 0 where nothing was reported.",
                )
            values.append(value)
        return values

    def days(self, name: str, *, blank: bool = False) -> list[date | None]:
        """One column as dates (2020-01-20); ``blank`` lets empty cells pass."""
        values: list[date | None] = []
        for line, text in zip(self.lines, self.text(name), strict=True):
            if not text and blank:
                values.append(None)
                continue
            try:
                values.append(date.fromisoformat(text))
            except ValueError:
                raise BadInput(
                    f"Line {line}, column {name}: no date.", hint="Write dates as 2020-01-20."
                ) from None
        return values


def sheet(raw: bytes) -> Sheet:
    """``raw`` as CSV: UTF-8 or GB18030, a first line of names, every row as long as it."""
    if len(raw) > MOST_BYTES:
        raise BadInput(f"The input is larger than {MOST_BYTES // 1_000_000} MB.", hint="Split it.")
    if b"\x00" in raw:
        raise BadInput("The input holds NUL bytes; it is no text.", hint="Save it as CSV, UTF-8.")
    reader = csv.reader(io.StringIO(_decoded(raw), newline=""), strict=True)
    rows: list[tuple[str, ...]] = []
    lines: list[int] = []
    try:
        names = tuple(name.strip() for name in next((row for row in reader if any(row)), ()))
        if not names or len(names) > 1000:
            raise BadInput("The input has no line of column names.", hint="Begin with one, as in date,cases.")
        if len(set(names)) < len(names):
            raise BadInput("Two columns have the same name.", hint="Name each column once.")
        for row in reader:
            if not any(row):
                continue
            if len(row) != len(names):
                raise BadInput(f"Line {reader.line_num}: {len(row)} cells, {len(names)} columns are named.")
            if len(rows) >= MOST_ROWS:
                raise BadInput(f"The input has more than {MOST_ROWS} rows.", hint="Split it.")
            rows.append(tuple(row))
            lines.append(reader.line_num)
    except csv.Error as error:
        raise BadInput(f"Line {reader.line_num}: broken CSV ({error}).") from None
    if not rows:
        raise BadInput("The input has a line of names and no rows.")
    return Sheet(names, tuple(rows), tuple(lines))


def _decoded(raw: bytes) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise BadInput("The input is neither UTF-8 nor GB18030.", hint="Save it as CSV, UTF-8.")


def reproduction_of(
    raw: bytes,
    *,
    serial_interval: tuple[float, float] | None = None,
    weights: Sequence[float] | None = None,
    window: int = 7,
    prior: tuple[float, float] = (5.0, 5.0),
    column: str | None = None,
) -> pl.DataFrame:
    """Rt of a CSV of new cases (``date`` and ``imported`` are used where they are columns)."""
    import polars as pl

    from lianfang.predict import reproduction

    if (serial_interval is None) == (weights is None):
        raise UsageError(
            "Give the serial interval as --serial-interval MEAN SD or as --weights, one of them."
        )
    table = sheet(raw)
    days = _even_days(table)
    counts = table.counts(_column(table, column))
    imported = table.counts("imported") if "imported" in table.names else None
    frame = reproduction.estimate(
        counts,
        serial_interval=tuple(serial_interval) if serial_interval else list(weights or ()),
        window=window,
        prior=prior,
        imported=imported,
    )
    if days is None:
        return frame
    ends = pl.Series("date", [days[t - 1] for t in frame["t_end"]], dtype=pl.Date)
    return frame.insert_column(0, ends)


def detection_of(
    raw: bytes, *, method: str, column: str | None = None, last: int = 26, **control: Any
) -> pl.DataFrame:
    """Alarms of a CSV of counts on its ``last`` steps (``date`` is used where it is a column)."""
    import polars as pl

    from lianfang.predict import detection

    table = sheet(raw)
    days = _even_days(table)
    counts = table.counts(_column(table, column))
    if last < 1:
        raise UsageError("--last must be at least 1.")
    points = range(max(1, len(counts) - last + 1), len(counts) + 1)
    frame = detection.detect(counts, method=method, points=points, **control)
    if days is None:
        return frame
    return frame.insert_column(0, pl.Series("date", [days[t - 1] for t in frame["t"]], dtype=pl.Date))


def clusters_of(
    raw: bytes,
    *,
    attributes: Sequence[str] = (),
    as_of: date | None = None,
    min_cases: int = 3,
    days: int = 14,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rule's alarms and the scan's findings of a CSV line list (token, onset, attributes)."""
    import polars as pl

    from lianfang.predict import clusters

    table = sheet(raw)
    for name in ("token", "onset", *attributes):
        if name not in table.names:
            raise BadInput(
                f"There is no column {name[:40]!r}.", hint=f"There are: {', '.join(table.names)[:200]}."
            )
    chosen = list(attributes) or [name for name in SHARED if name in table.names]
    if not chosen:
        raise UsageError("None of the columns is an attribute.", hint="Name one with --attribute.")
    onset = table.days("onset", blank=True)
    known = [day for day in onset if day is not None]
    if not known:
        raise BadInput("No row has an onset.")
    frame = pl.DataFrame(
        {
            "token": table.text("token"),
            "onset": pl.Series(onset, dtype=pl.Date),
            **{name: table.text(name) for name in chosen},
        }
    )
    if "unexplained" in table.names:
        frame = frame.with_columns(unexplained=pl.Series(_truths(table, "unexplained")))
    until = as_of or max(known)
    alarms = clusters.alarm(frame, attributes=chosen, as_of=until, min_cases=min_cases, days=days)
    return alarms, clusters.scan(frame, attributes=chosen, as_of=until, reasons=True)


def _truths(table: Sheet, name: str) -> list[bool]:
    words = {"true": True, "1": True, "yes": True, "是": True}
    words |= {"false": False, "0": False, "no": False, "否": False, "": False}
    values = []
    for line, text in zip(table.lines, table.text(name), strict=True):
        if text.lower() not in words:
            raise BadInput(f"Line {line}, column {name}: neither true nor false.")
        values.append(words[text.lower()])
    return values


def _column(table: Sheet, wanted: str | None) -> str:
    if wanted is not None:
        if wanted not in table.names:
            raise UsageError(
                f"There is no column {wanted[:40]!r}.", hint=f"There are: {', '.join(table.names)[:200]}."
            )
        return wanted
    rest = [name for name in table.names if name not in ("date", "imported", "t")]
    usual = [name for name in NEW_CASES if name in rest]
    if usual:
        return usual[0]
    if len(rest) == 1:
        return rest[0]
    raise UsageError("It is not clear which column holds the counts.", hint="Name it with --column.")


def _even_days(table: Sheet) -> list[date] | None:
    """The column ``date``, if there is one: evenly spaced, so that a missing row can't pass for a short one."""
    if "date" not in table.names:
        return None
    days = [day for day in table.days("date") if day is not None]
    step = days[1] - days[0] if len(days) > 1 else timedelta(days=1)
    for line, before, after in zip(table.lines[1:], days, days[1:], strict=False):
        if step <= timedelta(0) or after - before != step:
            raise BadInput(
                f"Line {line}, column date: {after} follows {before}; the steps before were {step.days} days.",
                hint="Sort the rows and write 0 for days without cases.",
            )
    return days
