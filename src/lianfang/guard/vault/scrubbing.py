"""Deleted rows leave no bytes behind: what has to be said to the database for that."""

from __future__ import annotations

from sqlalchemy import Connection

from lianfang.guard.vault import tables


def scrub(conn: Connection) -> None:
    """Give freed pages back so that no deleted byte stays in the files; outside any transaction.

    SQLite: empty the write-ahead log and rebuild the file. PostgreSQL: rewrite the vault's tables. Use a
    connection with ``execution_options(isolation_level="AUTOCOMMIT")``.
    """
    if conn.dialect.name == "sqlite":
        conn.exec_driver_sql("VACUUM")
        conn.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    else:
        for table in (tables.subject, tables.event):
            conn.exec_driver_sql(f"VACUUM (FULL) {table.name}")


def secure_delete(conn: Connection) -> None:
    if conn.dialect.name == "sqlite":
        conn.exec_driver_sql("PRAGMA secure_delete = ON")
