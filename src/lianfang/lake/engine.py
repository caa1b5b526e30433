"""The narrow door to the lake's SQL: register tables, ask, get Arrow.

SQL is the subset that DuckDB and Spark both speak: no trigonometry, no float-to-integer casts, single-quoted
literals without a backslash, names in double quotes where they must be, ``STRING`` for text, ``||`` to join,
``:name`` parameters (bound, never pasted). What comes out is alike as well: :func:`common` gives both engines'
answers the same Arrow types.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from lianfang.foundation.errors import BadInput, Fault

if TYPE_CHECKING:
    import pyarrow as pa

Value = str | int | float | bool | date | datetime | None
_NAME = re.compile(r"^[a-z][a-z0-9_]{0,60}\Z")
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


def common(table: pa.Table) -> pa.Table:
    """The same Arrow types whichever engine answered.

    Whole numbers are int64 (DuckDB sums to 128 bits, Spark to 64), other numbers float64, text is string,
    moments are microseconds in UTC. Raises Fault when a sum does not fit in 64 bits.
    """
    import pyarrow as pa

    def alike(given: pa.DataType) -> pa.DataType:
        kinds = pa.types
        if kinds.is_decimal(given):
            return pa.int64() if given.scale == 0 else pa.float64()
        if kinds.is_integer(given):
            return pa.int64()
        if kinds.is_floating(given):
            return pa.float64()
        if kinds.is_large_string(given) or kinds.is_string_view(given):
            return pa.string()
        if kinds.is_timestamp(given):
            return pa.timestamp("us", tz="UTC")
        return given

    wanted = pa.schema([pa.field(field.name, alike(field.type)) for field in table.schema])
    try:
        return table.cast(wanted)
    except pa.ArrowInvalid as error:
        raise Fault("A number of the lake's answer does not fit in 64 bits.") from error


def bound(query: str, parameters: Mapping[str, Value] | None) -> dict[str, Value]:
    """The parameters that ``query`` names; a naive moment is UTC. Fault when one is not given."""
    given = parameters or {}
    found: dict[str, Value] = {}
    for match in _PARAMETER.finditer(query):
        name = match.group(1)
        if name not in given:
            raise Fault(f"A query of the lake lacks its parameter {name}.")
        value = given[name]
        if isinstance(value, datetime):
            value = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        found[name] = value
    return found


class DuckEngine:
    """DuckDB in this process, with bounded memory and no way to the outside.

    ``folders``: all of the file system that it may read; with none it sees Arrow tables only. ``scratch``:
    where it may put what does not fit in memory. Nothing of this can be changed afterwards: the database's
    settings are locked, extensions are neither installed nor loaded, and only a query is ever run.
    """

    name = "duckdb"

    def __init__(
        self,
        *,
        memory_mb: int = 1500,
        threads: int = 2,
        scratch: Path | None = None,
        folders: Sequence[Path] = (),
    ) -> None:
        import duckdb

        self._db = duckdb.connect(":memory:")
        readable = ", ".join(f"'{_quoted(str(path.absolute()))}'" for path in folders)
        spill = _quoted(str(scratch.absolute())) if scratch is not None else ""
        for setting in (
            "autoinstall_known_extensions = false",
            "autoload_known_extensions = false",
            "python_enable_replacements = false",  # a name in SQL is never a variable of the program
            f"memory_limit = '{int(memory_mb)}MB'",
            f"threads = {int(threads)}",
            "TimeZone = 'UTC'",
            "default_null_order = 'nulls_first_on_asc_last_on_desc'",  # as Spark orders
            f"temp_directory = '{spill}'",
            f"allowed_directories = [{readable}]",
            "enable_external_access = false",
            "lock_configuration = true",
        ):
            self._db.execute(f"SET {setting}")

    def register(self, name: str, source: Sequence[Path] | pa.Table) -> None:
        import pyarrow as pa

        checked(name)
        if isinstance(source, pa.Table):
            self._db.register(name, source)
            return
        if not source:
            raise Fault(f"No files to register as {name}.")
        files = ", ".join(f"'{_quoted(str(path.absolute()))}'" for path in source)
        # the name is checked above, the paths are our own and quoted: DuckDB binds no parameters in a view
        view = f"SELECT * FROM read_parquet([{files}], hive_partitioning = false, union_by_name = true)"  # nosec B608
        self._db.execute(f"CREATE OR REPLACE VIEW {name} AS {view}")

    def sql(self, query: str, parameters: Mapping[str, Value] | None = None) -> pa.Table:
        import duckdb

        values = bound(query, parameters)
        text = _PARAMETER.sub(r"$\1", query)
        statements = self._db.extract_statements(text)
        if [one.type for one in statements] != [duckdb.StatementType.SELECT]:
            raise Fault("The lake answers one query at a time and takes no orders.")
        return common(self._db.sql(text, params=values or None).to_arrow_table())

    def close(self) -> None:
        self._db.close()


def _quoted(text: str) -> str:
    return text.replace("'", "''")
