"""Searching a folder for planted values: raw bytes in several encodings, and what decoding brings to light."""

from __future__ import annotations

import contextlib
import gzip
import io
import sqlite3
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

ENCODINGS = ("utf-8", "gb18030", "utf-16-le", "utf-16-be")


def _patterns(values: Sequence[str]) -> list[tuple[str, bytes]]:
    found = []
    for value in values:
        found += [(value, value.encode(encoding)) for encoding in ENCODINGS]
        found.append((value, value.encode("unicode_escape")))  # JSON's \uXXXX
    return found


def views(path: Path) -> Iterator[tuple[str, bytes]]:
    """The file's bytes, and every decoded form: members of archives, columns of tables, inflated streams."""
    raw = path.read_bytes()
    yield "raw", raw
    if raw[:2] == b"\x1f\x8b":
        yield "gzip", gzip.decompress(raw)
    if raw[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            for name in archive.namelist():
                yield f"member {name}", name.encode() + b"\n" + archive.read(name)
    if raw[:16] == b"SQLite format 3\x00":
        yield from _sqlite(path)
    if raw[:4] == b"PAR1":
        import pyarrow.parquet as pq

        for column in (table := pq.read_table(path)).column_names:
            yield f"column {column}", "\n".join(str(value) for value in table[column].to_pylist()).encode()


def _sqlite(path: Path) -> Iterator[tuple[str, bytes]]:
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for name in names:
            plain, inflated = [], []
            for row in connection.execute(f'SELECT * FROM "{name}"'):
                for value in row:
                    plain.append(value if isinstance(value, bytes) else str(value).encode())
                    if isinstance(value, bytes):
                        with contextlib.suppress(zlib.error):
                            inflated.append(zlib.decompress(value))
            yield f"table {name}", b"\n".join(plain)
            yield f"table {name} inflated", b"\n".join(inflated)


def postgres_views(url: str) -> Iterator[tuple[str, bytes]]:
    """Every table of a PostgreSQL database, those of the system too: all columns as text, byte strings inflated."""
    import sqlalchemy as sa

    engine = sa.create_engine(url)
    with engine.connect() as connection:
        names = connection.exec_driver_sql("SELECT schemaname, tablename FROM pg_tables ORDER BY 1, 2").all()
        for schema, name in names:
            plain, inflated = [], []
            for row in connection.exec_driver_sql(f'SELECT * FROM "{schema}"."{name}"'):
                for value in row:
                    raw = isinstance(value, bytes)
                    plain.append(value if raw else str(value).encode())
                    if raw:
                        with contextlib.suppress(zlib.error):
                            inflated.append(zlib.decompress(value))
            yield f"table {schema}.{name}", b"\n".join(plain)
            yield f"table {schema}.{name} inflated", b"\n".join(inflated)
    engine.dispose()


def search_postgres(url: str, values: Sequence[str]) -> list[str]:
    """Where a value was found in a PostgreSQL database's tables: ``view: value``."""
    finder = Finder(values)
    return sorted({f"{view}: {value}" for view, data in postgres_views(url) for value in finder(data)})


class Finder:
    """Which of many values occur in some bytes, in any of the encodings.

    Values of at least eight bytes are found by their last eight, looked up at every position at once; the
    few shorter ones one by one.
    """

    def __init__(self, values: Sequence[str]) -> None:
        patterns = _patterns(values)
        self.short = [(value, pattern) for value, pattern in patterns if len(pattern) < 8]
        self.by_tail: dict[int, list[tuple[str, bytes]]] = {}
        for value, pattern in patterns:
            if len(pattern) >= 8:
                self.by_tail.setdefault(int.from_bytes(pattern[-8:], "little"), []).append((value, pattern))
        self.tails = np.array(sorted(self.by_tail), dtype=np.uint64)

    def __call__(self, data: bytes) -> set[str]:
        found = {value for value, pattern in self.short if pattern in data}
        if not len(self.tails):
            return found
        for shift in range(min(8, len(data) - 7)):
            words = np.frombuffer(data, dtype="<u8", offset=shift, count=(len(data) - shift) // 8)
            at = np.minimum(np.searchsorted(self.tails, words), len(self.tails) - 1)
            for position in np.flatnonzero(self.tails[at] == words):
                end = shift + 8 * (int(position) + 1)
                for value, pattern in self.by_tail[int(words[position])]:
                    if data[max(0, end - len(pattern)) : end] == pattern:
                        found.add(value)
        return found


def search(folder: Path, values: Sequence[str], *, allow: Sequence[str] = ()) -> list[str]:
    """Where a value was found: ``file: view: value``; files whose relative path begins with ``allow`` are skipped."""
    finder = Finder(values)
    hits = []
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder).as_posix()
        if any(relative.startswith(prefix) for prefix in allow):
            continue
        hits += [f"name {relative}: {value}" for value in finder(path.name.encode())]
        if path.is_file():
            for view, data in views(path):
                hits += [f"{relative}: {view}: {value}" for value in finder(data)]
    return sorted(set(hits))
