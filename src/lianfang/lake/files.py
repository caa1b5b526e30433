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

_BATCH = re.compile(r"^[a-z0-9-]{1,64}$")


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
        import pyarrow.parquet as pq

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
        paths: list[Path] = []
        column = typed[record.about.partition]
        for day in sorted(value.as_py() for value in pc.unique(column)):
            part = typed.filter(pc.equal(column, pa.scalar(day, pa.date32())))
            path = self._path(record, day, batch_id)
            path.parent.mkdir(parents=True, exist_ok=True)
            draft = path.with_suffix(".part")
            pq.write_table(part, draft, compression="zstd", coerce_timestamps="us")
            draft.replace(path)
            paths.append(path)
        return paths

    def _path(self, record: type[Record], day: date, batch_id: str) -> Path:
        return self.root / record.about.name / f"day={day.isoformat()}" / f"{batch_id}.parquet"

    def days(self, record: type[Record]) -> list[date]:
        """Days of which there is something, in order."""
        base = self.root / record.about.name
        return sorted(
            date.fromisoformat(path.name[4:]) for path in base.glob("day=????-??-??") if any(path.iterdir())
        )

    def files(
        self, record: type[Record], *, since: date | None = None, until: date | None = None
    ) -> list[Path]:
        """The files of a span of days, both ends included."""
        return list(self._files(record, since, until))

    def _files(self, record: type[Record], since: date | None, until: date | None) -> Iterator[Path]:
        for day in self.days(record):
            if (since is None or day >= since) and (until is None or day <= until):
                yield from sorted(
                    (self.root / record.about.name / f"day={day.isoformat()}").glob("*.parquet")
                )

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
        for path in (self.root / record.about.name).glob(f"day=*/{batch_id}.parquet"):
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
