"""One database: SQLite (WAL, every commit on the disk, STRICT tables) or PostgreSQL, by its URL."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from lianfang.foundation.errors import Conflict, Fault, NotFound
from lianfang.records import Record, row_id
from lianfang.store.schema import table

_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA secure_delete=ON",
    "PRAGMA busy_timeout=15000",
    # 16 MiB of pages a connection: an event's rows lie scattered among a million others
    "PRAGMA cache_size=-16384",
)
_CHUNK = 5_000  # rows sent at a time

Row = dict[str, Any]


class Store:
    """A database and the few ways in which the house reads and writes it.

    A write transaction on SQLite takes the write lock at its start, so that two writers wait for each other
    instead of failing half-way.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.is_sqlite = url.startswith("sqlite")
        if self.is_sqlite:
            self.engine = sa.create_engine(
                url, connect_args={"check_same_thread": False, "timeout": 15}, hide_parameters=True
            )
            sa.event.listen(self.engine, "connect", _on_connect)
            sa.event.listen(self.engine, "begin", _on_begin)
        else:
            self.engine = sa.create_engine(url, pool_size=4, max_overflow=4, hide_parameters=True)
        self._reader = self.engine.execution_options(lianfang_reads=True)

    @contextmanager
    def begin(self) -> Iterator[sa.Connection]:
        """A transaction that may write: committed at the block's end, undone when it raises."""
        try:
            with self.engine.begin() as connection:
                yield connection
        except sa.exc.OperationalError as error:
            raise Fault(
                f"The database did not take the change ({error.__class__.__name__}).",
                hint="Nothing was changed. Is another process holding it, or is the disk full?",
            ) from error

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A snapshot to read from."""
        with self._reader.connect() as connection:
            yield connection

    def close(self) -> None:
        self.engine.dispose()

    def vacuum(self) -> None:
        """Give freed pages back and empty the write-ahead log, so that deleted rows leave no bytes.

        PostgreSQL: rewrite every table, and the planner's statistics, which quote values of the rows. Its
        write-ahead log and the copies made of it are the server's: docs/how-to/postgresql.md.
        """
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            if self.is_sqlite:
                connection.exec_driver_sql("VACUUM")
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
                return
            _forget_statistics(connection)
            connection.exec_driver_sql("ANALYZE")
            connection.exec_driver_sql("VACUUM (FULL)")
            with suppress(
                sa.exc.ProgrammingError
            ):  # needs pg_checkpoint; without it the server does it in time
                connection.exec_driver_sql("CHECKPOINT")


def _forget_statistics(connection: sa.Connection) -> None:
    """Drop the statistics of empty tables, which ANALYZE leaves as they were: naming its type anew drops a column's."""
    named = sa.text(
        "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute "
        "WHERE attrelid = CAST(:name AS regclass) AND attnum > 0 AND NOT attisdropped"
    )
    quote = connection.dialect.identifier_preparer.quote
    for name in sa.inspect(connection).get_table_names():
        target = sa.table(name)
        if connection.execute(sa.select(sa.literal(1)).select_from(target).limit(1)).first():
            continue
        columns = connection.execute(named, {"name": quote(name)}).all()
        changes = ", ".join(f"ALTER COLUMN {quote(column)} TYPE {kind}" for column, kind in columns)
        connection.exec_driver_sql(f"ALTER TABLE {quote(name)} {changes}")


def sqlite_url(path: Path) -> str:
    """URL of a SQLite file."""
    return f"sqlite:///{path}"


def _on_connect(connection: Any, record: Any) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves
    cursor = connection.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(pragma)
    cursor.close()


def _on_begin(connection: sa.Connection) -> None:
    options = connection.get_execution_options()
    if options.get("isolation_level") == "AUTOCOMMIT":
        return
    connection.exec_driver_sql("BEGIN" if options.get("lianfang_reads") else "BEGIN IMMEDIATE")


def put(connection: sa.Connection, *records: Record, subject_id: str | None = None) -> list[str]:
    """Write records (new, or over the row of the same key); returns their ids."""
    ids: list[str] = []
    for record in records:
        row = {info.name: getattr(record, info.name) for info in record.stored_fields()}
        if record.has_subject():
            if not subject_id:
                raise Fault(f"A {record.about.name} needs its subject.")
            row["subject_id"] = subject_id
        ids += put_rows(connection, type(record), [row])
    return ids


def put_rows(
    connection: sa.Connection,
    record: type[Record],
    rows: Sequence[Mapping[str, Any]],
    *,
    keep: Sequence[str] = (),
) -> list[str]:
    """Write validated rows in bulk (``subject_id`` in place of identifiers); returns their ids.

    ``keep``: fields that a row which is there already keeps (an event that a delivery knows nothing of).
    """
    if not rows:
        return []
    target = table(record)
    names = [column.name for column in target.columns if column.name != "id"]
    fields = record.model_fields
    blank = {
        name: _plain(fields[name].get_default(call_default_factory=True)) if name in fields else None
        for name in names
    }
    allowed = {*names, "id"}
    complete: list[Row] = []
    for row in rows:
        if not row.keys() <= allowed:
            unknown = sorted(set(row) - allowed)
            raise Fault(f"{record.about.name} has no stored field {', '.join(unknown)}.")
        full = {**blank, **row}
        full["id"] = row_id(record, full)
        complete.append(full)
    dialect: Any = postgresql if connection.dialect.name == "postgresql" else sqlite
    # one statement, executed for each row: compiled once, and the last of equal keys wins
    statement = dialect.insert(target)
    statement = statement.on_conflict_do_update(
        index_elements=[target.c.id],
        set_={name: statement.excluded[name] for name in names if name not in keep},
    )
    for first in range(0, len(complete), _CHUNK):
        connection.execute(statement, complete[first : first + _CHUNK])
    return [str(row["id"]) for row in complete]


def _plain(value: Any) -> Any:
    from pydantic_core import PydanticUndefined

    return None if value is PydanticUndefined else value


def insert_new(connection: sa.Connection, record: Record, *, subject_id: str | None = None) -> str:
    """Write a record that must not exist yet; :class:`Conflict` when its key is taken."""
    values = {name: getattr(record, name) for name in record.fields}
    if subject_id:
        values["subject_id"] = subject_id
    identity = row_id(type(record), values)
    target = table(type(record))
    if connection.execute(sa.select(target.c.id).where(target.c.id == identity)).first():
        raise Conflict(f"This {record.about.en} exists already.")
    return put(connection, record, subject_id=subject_id)[0]


def rows(
    connection: sa.Connection,
    record: type[Record],
    *where: sa.ColumnElement[bool],
    order_by: Sequence[Any] = (),
    limit: int | None = None,
    offset: int = 0,
    **equal: Any,
) -> list[Row]:
    """Rows of a record type as dictionaries; ``offset``: how many of the order to leave out before the limit."""
    target = table(record)
    statement = sa.select(target).where(*where, *(target.c[name] == value for name, value in equal.items()))
    columns = [target.c[o] if isinstance(o, str) else o for o in order_by]
    statement = statement.order_by(*columns, target.c.id)
    if limit is not None:
        statement = statement.limit(limit).offset(offset)
    return [dict(row) for row in connection.execute(statement).mappings()]


def one(connection: sa.Connection, record: type[Record], **equal: Any) -> Row:
    """The one row with these values; :class:`NotFound` when there is none."""
    found = rows(connection, record, limit=1, **equal)
    if not found:
        raise NotFound(f"There is no such {record.about.en}.")
    return found[0]


def change(connection: sa.Connection, record: type[Record], identity: str, **values: Any) -> None:
    """Change fields of one row that are not part of its key."""
    if touched := set(values) & set(record.about.key):
        raise Fault(f"{record.about.name}: {', '.join(sorted(touched))} is part of the key.")
    target = table(record)
    result = connection.execute(sa.update(target).where(target.c.id == identity).values(**values))
    if result.rowcount != 1:
        raise NotFound(f"There is no such {record.about.en}.")


def tally(
    connection: sa.Connection, record: type[Record], *where: sa.ColumnElement[bool], **equal: Any
) -> int:
    """How many rows hold."""
    target = table(record)
    statement = sa.select(sa.func.count()).select_from(target)
    statement = statement.where(*where, *(target.c[name] == value for name, value in equal.items()))
    return int(connection.execute(statement).scalar_one())
