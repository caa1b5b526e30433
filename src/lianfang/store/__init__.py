"""Operational tables: SQLite here, PostgreSQL by changing one URL."""

from lianfang.store.database import (
    Row,
    Store,
    change,
    insert_new,
    one,
    put,
    put_rows,
    rows,
    sqlite_url,
    tally,
)
from lianfang.store.schema import metadata, table

__all__ = [
    "Row",
    "Store",
    "change",
    "insert_new",
    "metadata",
    "one",
    "put",
    "put_rows",
    "rows",
    "sqlite_url",
    "table",
    "tally",
]
