"""The narrow door to the lake's SQL: register tables, ask, get Arrow.

SQL is the subset that DuckDB and Spark both speak: no trigonometry, no float-to-integer casts, single-quoted
literals, ``:name`` parameters (bound, never pasted).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from lianfang.foundation.errors import BadInput, Fault

if TYPE_CHECKING:
    import pyarrow as pa

Value = str | int | float | bool | date | datetime | None
_NAME = re.compile(r"^[a-z][a-z0-9_]{0,60}$")
_PARAMETER = re.compile(r"(?<![:\w]):([a-z][a-z0-9_]*)")


class Engine(Protocol):
    """What the project asks of an engine, and no more."""

    name: str

    def register(self, name: str, source: Sequence[Path] | pa.Table) -> None:
        """Make Parquet files or an Arrow table known under ``name``."""

    def sql(self, query: str, parameters: Mapping[str, Value] | None = None) -> pa.Table:
        """Rows of ``query`` as an Arrow table."""

    def close(self) -> None: ...


def checked(name: str) -> str:
    """``name`` when it may stand in SQL as a table's name."""
    if not _NAME.match(name):
        raise BadInput(f"{name!r} cannot be a table's name.")
    return name


class DuckEngine:
    """DuckDB in this process, with bounded memory and no way to the outside."""

    name = "duckdb"

    def __init__(self, *, memory_mb: int = 1500, threads: int = 2, scratch: Path | None = None) -> None:
        import duckdb

        self._db = duckdb.connect(":memory:")
        self._db.execute("SET autoinstall_known_extensions = false")
        self._db.execute("SET autoload_known_extensions = false")
        self._db.execute(f"SET memory_limit = '{int(memory_mb)}MB'")
        self._db.execute(f"SET threads = {int(threads)}")
        self._db.execute("SET TimeZone = 'UTC'")
        if scratch is not None:
            self._db.execute(f"SET temp_directory = '{_quoted(str(scratch))}'")

    def register(self, name: str, source: Sequence[Path] | pa.Table) -> None:
        import pyarrow as pa

        checked(name)
        if isinstance(source, pa.Table):
            self._db.register(name, source)
            return
        if not source:
            raise Fault(f"No files to register as {name}.")
        files = ", ".join(f"'{_quoted(str(path))}'" for path in source)
        # the name is checked above, the paths are our own and quoted: DuckDB binds no parameters in a view
        view = f"SELECT * FROM read_parquet([{files}], hive_partitioning = false, union_by_name = true)"  # nosec B608
        self._db.execute(f"CREATE OR REPLACE VIEW {name} AS {view}")

    def sql(self, query: str, parameters: Mapping[str, Value] | None = None) -> pa.Table:
        text = _PARAMETER.sub(r"$\1", query)
        used = {match.group(1) for match in _PARAMETER.finditer(query)}
        values = {name: value for name, value in (parameters or {}).items() if name in used}
        return self._db.sql(text, params=values or None).to_arrow_table()

    def close(self) -> None:
        self._db.close()


def _quoted(text: str) -> str:
    return text.replace("'", "''")
