"""The lake's files: one folder a record type, one a day, one file a batch, complete or absent.

A batch's file carries the batch's id in its name, so importing the same file again replaces it by itself.
Columns are those of the declaration; a column that was not declared is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from lianfang.foundation.errors import BadInput, Fault
from lianfang.records import Record

if TYPE_CHECKING:
    import pyarrow as pa

    from lianfang.lake.engine import Engine

_BATCH = re.compile(r"^[a-z0-9-]{1,64}\Z")


def schema(record: type[Record]) -> pa.Schema:
    """Arrow schema of a record type that lives in the lake."""
    import pyarrow as pa

    types = {
        "text": pa.string(),
        "integer": pa.int64(),
        "real": pa.float64(),
        "boolean": pa.bool_(),
        "date": pa.date32(),
        "moment": pa.timestamp("us", tz="UTC"),
        "json": pa.string(),
    }
    fields = [pa.field(info.name, types[info.shape]) for info in record.stored_fields()]
    if record.has_subject() and "subject_id" not in record.fields:
        fields.append(pa.field("subject_id", pa.string()))
    return pa.schema(fields)


class Lake:
    """Observations at rest below one folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, record: type[Record], batch_id: str, table: pa.Table) -> list[Path]:
        """Write a batch, split by the record's day; each file appears whole or not at all."""
        import pyarrow as pa
        import pyarrow.compute as pc

        if record.about.home != "lake":
            raise Fault(f"{record.about.name} does not live in the lake.")
        if not _BATCH.match(batch_id):
            raise BadInput("A batch's id is made of a-z, 0-9 and -.")
        wanted = schema(record)
        if unknown := set(table.column_names) - set(wanted.names):
            raise Fault(
                f"{record.about.name} has no column {', '.join(sorted(unknown))}: it was not declared."
            )
        columns = [
            table[f.name].cast(f.type) if f.name in table.column_names else pa.nulls(table.num_rows, f.type)
            for f in wanted
        ]
        typed = pa.table(columns, schema=wanted)
        column = typed[record.about.partition]
        if column.null_count:
            raise BadInput(f"{column.null_count} rows of {record.about.name} have no day.")
        # sorted once and cut, not searched through for every day; the sort keeps the order within a day
        typed = typed.take(pc.sort_indices(column))
        sizes = {one["values"]: one["counts"] for one in pc.value_counts(column).to_pylist()}
        paths: list[Path] = []
        first = 0
        for day in sorted(sizes):
            path = self._path(record, day, batch_id)
            _write_whole(path, typed.slice(first, sizes[day]))
            first += sizes[day]
            paths.append(path)
        for path in set(self._batch(record, batch_id)) - set(paths):
            path.unlink()  # days that this batch had when it was written before
        return paths

    def _batch(self, record: type[Record], batch_id: str) -> Iterator[Path]:
        yield from (self.root / record.about.name).glob(f"day=????-??-??/{batch_id}.parquet")

    def _path(self, record: type[Record], day: date, batch_id: str) -> Path:
        return self.root / record.about.name / f"day={day.isoformat()}" / f"{batch_id}.parquet"

    def days(self, record: type[Record]) -> list[date]:
        """Days of which there is something, in order."""
        base = self.root / record.about.name
        found = (path for path in base.glob("day=????-??-??") if any(path.glob("*.parquet")))
        return sorted(date.fromisoformat(path.name[4:]) for path in found)

    def files(
        self, record: type[Record], *, since: date | None = None, until: date | None = None
    ) -> list[Path]:
        """The files of a span of days, both ends included."""
        return list(self._files(record, since, until))

    def _files(self, record: type[Record], since: date | None, until: date | None) -> Iterator[Path]:
        base = self.root / record.about.name
        for folder in sorted(base.glob("day=????-??-??")):
            day = date.fromisoformat(folder.name[4:])
            if (since is None or day >= since) and (until is None or day <= until):
                yield from sorted(folder.glob("*.parquet"))

    def open(
        self,
        engine: Engine,
        record: type[Record],
        *,
        since: date | None = None,
        until: date | None = None,
        name: str | None = None,
    ) -> None:
        """Register the record type with ``engine``; later days than ``until`` are not even opened."""
        found = self.files(record, since=since, until=until)
        engine.register(name or record.about.name, found or schema(record).empty_table())

    def remove_batch(self, record: type[Record], batch_id: str) -> int:
        """Remove a batch's files (an import that was undone); returns how many there were."""
        gone = 0
        if not _BATCH.match(batch_id):
            raise BadInput("A batch's id is made of a-z, 0-9 and -.")
        for path in list(self._batch(record, batch_id)):
            path.unlink()
            gone += 1
        return gone

    def remove_days(self, record: type[Record], *, until: date) -> int:
        """Remove everything of a record type up to a day; returns the number of files."""
        gone = 0
        for path in self.files(record, until=until):
            path.unlink()
            gone += 1
        return gone


def _write_whole(path: Path, table: pa.Table) -> None:
    """A file that appears when all of it is on the disk; what is written before bears another name."""
    import os

    import pyarrow.parquet as pq

    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".part")
    try:
        with draft.open("wb") as stream:
            pq.write_table(table, stream, compression="zstd", coerce_timestamps="us")
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
