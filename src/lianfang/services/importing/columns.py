"""Parquet, in slices of bounded size."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lianfang.services.importing.source import Source
from lianfang.services.importing.tables import Cells, cell_text


def parquet_rows(source: Source) -> Iterator[Cells]:
    """The header, then rows; nested columns are refused, and row groups too large to hold."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with source.unpacked() as stream:
        try:
            file = pq.ParquetFile(stream, memory_map=False, page_checksum_verification=True)
            schema = file.schema_arrow
        except (pa.ArrowException, OSError, ValueError):
            raise source.bad("is not a readable Parquet file", "It may be cut short.") from None
        for column in schema:
            if pa.types.is_nested(column.type):
                raise source.bad("has a column of lists or structures", "Deliver plain columns.")
        if len(schema.names) > source.limits.columns:
            raise source.bad(f"has {len(schema.names)} columns; at most {source.limits.columns} are read")
        for at in range(file.num_row_groups):
            if file.metadata.row_group(at).total_byte_size > source.limits.row_group_bytes:
                raise source.bad("has a row group too large to hold", "Write it in smaller row groups.")
        yield list(schema.names)
        try:
            for batch in file.iter_batches(batch_size=source.limits.chunk_rows):
                columns = [_texts(column) for column in batch.columns]
                yield from map(list, zip(*columns, strict=True))
        except (pa.ArrowException, OSError, ValueError):
            raise source.bad("is damaged (Parquet)", "Have it delivered again.") from None
    source.unchanged()


def _texts(column: Any) -> list[str]:
    import pyarrow as pa

    if pa.types.is_timestamp(column.type):
        zone = "Z" if column.type.tz else ""
        return [
            "" if value is None else value.replace(tzinfo=None).isoformat() + zone
            for value in column.cast(pa.timestamp("us", tz="UTC" if zone else None)).to_pylist()
        ]
    return [cell_text(value) for value in column.to_pylist()]
