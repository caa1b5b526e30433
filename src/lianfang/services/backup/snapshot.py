"""A database at one moment, as a SQLite file; and a SQLite file back into a database.

From SQLite the pages are copied online (SQLite's backup API); from PostgreSQL the rows of one snapshot are. Either
file opens on its own, so a backup taken on one kind of database can be restored to the other.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from lianfang.foundation.errors import Fault

if TYPE_CHECKING:
    import sqlalchemy as sa

    from lianfang.store import Store

Line = Literal["operational", "vault"]
_PAGES = 4096
_ROWS = 5_000
VERSION_TABLE = "alembic_version"


def take(store: Store, line: Line, target: Path) -> dict[str, int]:
    """Write the database as it is now to ``target``; gives the rows of each table."""
    from lianfang.store import Store, sqlite_url

    if store.is_sqlite:
        source = str(store.engine.url.database)
        with (
            closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True, timeout=60)) as live,
            closing(sqlite3.connect(target)) as copy,
        ):
            live.backup(copy, pages=_PAGES, sleep=0)
            copy.execute("PRAGMA journal_mode=DELETE")
    else:
        copied = Store(sqlite_url(target))
        try:
            with (
                store.engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection,
                copied.begin() as into,
            ):
                _copy(line, connection, into, create=True)
            with copied.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
                connection.exec_driver_sql("PRAGMA journal_mode=DELETE")
        finally:
            copied.close()
    target.chmod(0o600)
    return counts(target)


def counts(path: Path) -> dict[str, int]:
    """Rows of each table of a SQLite file."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        names = [
            str(row[0])
            for row in connection.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
            )
        ]
        return {
            name: int(connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0])  # nosec B608
            for name in names
        }


def put_back(source: Path, line: Line, store: Store) -> None:
    """Fill an empty database of another kind with a snapshot's rows, in one transaction.

    Raises:
        Fault: the database is not empty.
    """
    import sqlalchemy as sa

    from lianfang.store import Store, sqlite_url
    from lianfang.store.migrate import upgrade

    held = Store(sqlite_url(source))
    try:
        upgrade(held, line)
        upgrade(store, line)
        with held.read() as connection, store.begin() as into:
            known = _tables(line)
            for table in known:
                if into.execute(sa.select(sa.func.count()).select_from(table)).scalar_one():
                    raise Fault("The database to restore into is not empty.", hint="Name a new one.")
            _copy(line, connection, into, create=False)
            _sequences(known, into)
    finally:
        held.close()


def _tables(line: Line) -> list[sa.Table]:
    from lianfang.services.installation import metadata_of

    return list(metadata_of(line).sorted_tables)


def _copy(line: Line, source: sa.Connection, into: sa.Connection, *, create: bool) -> None:
    import sqlalchemy as sa

    for table in _tables(line):
        if create:
            table.create(into)
        found = source.execution_options(yield_per=_ROWS).execute(sa.select(table))
        for part in found.mappings().partitions(_ROWS):
            into.execute(table.insert(), [dict(row) for row in part])
    if create:
        version = source.exec_driver_sql(f"SELECT version_num FROM {VERSION_TABLE}").scalar_one()  # nosec B608
        into.exec_driver_sql(f"CREATE TABLE {VERSION_TABLE} (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
        into.execute(
            sa.text(f"INSERT INTO {VERSION_TABLE} (version_num) VALUES (:version)"),  # nosec B608
            {"version": version},
        )


def _sequences(tables: list[sa.Table], into: sa.Connection) -> None:
    """PostgreSQL counts numbered keys apart from the rows: it goes on after the last one."""
    import sqlalchemy as sa

    if into.dialect.name != "postgresql":
        return
    for table in tables:
        column = table.autoincrement_column
        if column is None or not isinstance(column.type, sa.Integer):
            continue
        name = sa.func.pg_get_serial_sequence(table.name, column.name)
        if into.execute(sa.select(name)).scalar() is not None:
            last = sa.select(sa.func.coalesce(sa.func.max(column), 0) + 1).scalar_subquery()
            into.execute(sa.select(sa.func.setval(name, last, False)))
