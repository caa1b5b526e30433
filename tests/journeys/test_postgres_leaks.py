"""A centre on PostgreSQL: a thousand planted persons are found nowhere, and what an event leaves is gone."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

import journeykit
import leaks
from databases import postgres_folder
from lianfang.cli import demo
from lianfang.records import CaseReport, Contact
from lianfang.services import integrity, tour
from lianfang.services.installation import open_installation
from lianfang.store import rows

pytestmark = pytest.mark.postgres


def test_nobody_is_found_in_the_server_and_an_ended_event_leaves_no_row(
    alarmed_postgres: Path, postgres_server: journeykit.Server, tmp_path: Path
) -> None:
    base = journeykit.stage_postgres(alarmed_postgres, tmp_path / "base", postgres_server)
    planted = journeykit.values(journeykit.planted())
    where = journeykit.urls(base / "centre")
    folders = {name: postgres_folder(postgres_server, url) for name, url in where.items()}
    with demo.holder_process(base), open_installation(base / "centre") as inst:
        journeykit.play(inst, base)
        event_id = journeykit.event_of(inst)
        named = journeykit.names_read(inst)
        persons = sorted({value for one in named.values() for value in one.values() if len(value) > 3})
        with inst.store.read() as connection:
            tokens = [row["token"] for row in rows(connection, Contact, event_id=event_id)]
            cards = [row["card_no"] for row in rows(connection, CaseReport, event_id=event_id)]
        with inst.store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("ANALYZE")  # as the server does by itself some time
        # the search finds what is there: tokens in the store's pages, tables and statistics
        _checkpoint(postgres_server)
        assert len(leaks.search(folders["database_url"], tokens)) >= len(tokens)
        found = leaks.search_postgres(where["database_url"], tokens)
        assert any("pg_statistic" in hit for hit in found) and any("public.contact" in hit for hit in found)
        _nobody(postgres_server, base, where, [*planted, *persons])

        tour.end(inst, tour.Story(event_id), say=lambda *_: None)
        assert integrity.check(inst)["valid"]
    _checkpoint(postgres_server)
    _nobody(postgres_server, base, where, [*planted, *persons])
    tested = [card for card in cards if card.startswith("S")]  # a sample's number stays in the log
    gone = [*tokens, *(card for card in cards if card not in tested)]
    assert len(gone) > len(tokens) and tested
    for name, url in where.items():
        assert leaks.search_postgres(url, gone) == []
        assert leaks.search(folders[name], gone) == []


def _checkpoint(server: journeykit.Server) -> None:
    with psycopg.connect(server[1], autocommit=True) as connection:
        connection.execute("CHECKPOINT")


def _nobody(server: journeykit.Server, base: Path, where: dict[str, str], values: list[str]) -> None:
    """In no page, write-ahead log or statistic of the server, in no column, in no file of the centre."""
    assert leaks.search(postgres_folder(server), values) == []
    for url in where.values():
        assert leaks.search_postgres(url, values) == []
    assert leaks.search(base / "centre", values, allow=["rejects/"]) == []
