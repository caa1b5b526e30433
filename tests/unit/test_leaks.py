"""The search for planted values finds a leak in each kind of place, or the tests that use it prove nothing."""

from __future__ import annotations

import gzip
import sqlite3
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from leaks import search

SECRET = "甄临一"


def _xlsx(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/sharedStrings.xml", f"<t>{SECRET}</t>")


def _database(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE t (a TEXT, b BLOB)")
        connection.execute("INSERT INTO t VALUES (?, ?)", ("x", SECRET.encode("gb18030")))
    connection.close()


SEEDS = {
    "utf8.log": lambda path: path.write_text(f"x {SECRET}", encoding="utf-8"),
    "gb.csv": lambda path: path.write_bytes(SECRET.encode("gb18030")),
    "wide.txt": lambda path: path.write_bytes(SECRET.encode("utf-16-le")),
    "escaped.json": lambda path: path.write_text(ascii(SECRET), encoding="utf-8"),
    "packed.gz": lambda path: path.write_bytes(gzip.compress(SECRET.encode())),
    "sheet.xlsx": _xlsx,
    "rows.parquet": lambda path: pq.write_table(pa.table({"a": [SECRET] * 50}), path, compression="zstd"),
    "store.db": _database,
    f"{SECRET}.txt": lambda path: path.write_text("nothing"),
}


@pytest.mark.parametrize("name", SEEDS)
def test_a_seeded_leak_is_found(tmp_path: Path, name: str) -> None:
    (tmp_path / "clean.txt").write_text("甄临 一", encoding="utf-8")
    assert search(tmp_path, [SECRET]) == []
    SEEDS[name](tmp_path / name)
    assert search(tmp_path, [SECRET])
    assert search(tmp_path, [SECRET], allow=[name]) == []
