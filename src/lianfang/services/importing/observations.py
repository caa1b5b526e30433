"""What the lake holds as it was known on a day: only files delivered by then, the later delivery winning."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from lianfang.records import Batch, Record

if TYPE_CHECKING:
    import polars as pl

    from lianfang.services.installation import Installation


def delivered(
    inst: Installation, record: type[Record], *, as_of: date, since: date | None = None
) -> pl.DataFrame:
    """Rows of a record type of the lake, as known on ``as_of``: one row for each key.

    A file counts when its batch is done and its day of delivery is not later than ``as_of``; a file imported
    without a day (a historical table) counts by the days of its rows. Of rows with the same key the one
    delivered last is given. ``since``: earliest day of a row.
    """
    import polars as pl

    from lianfang.lake import schema
    from lianfang.store import rows

    with inst.store.read() as connection:
        batches = rows(connection, Batch, kind=record.about.name, status="done")
    known = {
        row["batch_id"]: (row["day"] or date.min, row["at"])
        for row in batches
        if row["day"] is None or row["day"] <= as_of
    }
    found = []
    for path in inst.lake.files(record, since=since, until=as_of):
        batch, _, part = path.stem.partition("-")
        if batch in known:
            found.append((*known[batch], int(part or 0), path))
    empty = pl.DataFrame(schema(record).empty_table())
    if not found:
        return empty
    parts = [pl.read_parquet(path, hive_partitioning=False) for *_, path in sorted(found)]
    together = pl.concat([empty, *parts], how="vertical_relaxed")
    return together.unique(subset=list(record.about.key), keep="last", maintain_order=True).sort(
        list(record.about.key)
    )


def days_between(first: date, last: date) -> list[date]:
    """Every day from the first to the last."""
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]
