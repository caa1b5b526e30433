"""Authorities of an exchange for tests: installations that know each other, and their servers as processes.

``pair``: two competent authorities and the Commission in this process, each letter carried by the services'
own code through a real socket with mutual TLS.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Literal

import pytest

from databases import drop_postgres, new_postgres
from lianfang.foundation.clock import SetClock
from lianfang.records import ExchangeMessage
from lianfang.services import accounts
from lianfang.services.exchange import channel, messages, outbox, peers
from lianfang.services.installation import SYSTEM, Installation, Who, create
from lianfang.store import one
from ports import free_port

SRC = Path(__file__).parents[1] / "src"
PLAYER = Path(__file__).with_name("exchangeplayer.py")
START = datetime(2026, 1, 29, 1, 0, tzinfo=UTC)
#: Nobody: region 4299 and numbers from 154 are assigned to no one.
PERSON = {"name": "欧阳鱻龘", "mobile": "15400007788", "home_address": "临江市虚构路8号3单元909室"}
OTHER = {"name": "欧阳麤猋", "mobile": "15400007799", "seat": "07车12A"}
RIGHT = {**PERSON, "mobile": "15400009911"}
WORDS = "同乘G7421次列车，请协助追踪"
VALUES = sorted({*PERSON.values(), *OTHER.values(), *RIGHT.values(), WORDS} - {OTHER["seat"]})


def authority(
    folder: Path, name: str, *, kind: str = "eu_competent_authority", at: datetime = START, **settings: Any
) -> Installation:
    values = {
        "authority_id": name,
        "authority_name_zh": f"{name}疾控",
        "authority_name_en": f"{name} CDC",
        "adcode": "429900",
        "demonstration": True,
        "exchange_kind": kind,
        "exchange_url": f"https://127.0.0.1:{free_port()}",
        **settings,
    }
    made = create(folder, settings=values, clock=SetClock(at))
    accounts.add_demonstration(made)
    return made


def on_postgres(server: tuple[str, str]) -> dict[str, str]:
    """Settings of an authority whose two databases are new ones on the server, with every table."""
    return {
        f"{name}_url": new_postgres(server, template=_template(server, line))
        for name, line in (("database", "operational"), ("vault", "vault"))
    }


@cache
def _template(server: tuple[str, str], line: Literal["operational", "vault"]) -> str:
    """A migrated database to copy: once a run, as migrating takes longer than most tests."""
    import sqlalchemy as sa

    from lianfang.store import Store
    from lianfang.store.migrate import upgrade

    url = new_postgres(server)
    store = Store(url)
    upgrade(store, line)
    store.close()
    return str(sa.make_url(url).database)


def staff(inst: Installation, role: str) -> Who:
    name = next(name for name, _, held in accounts.DEMONSTRATION if held == role)
    return accounts.person(inst, name)


def acquaint(*members: Installation) -> None:
    """Each enters each other, comparing fingerprints."""
    for mine in members:
        for other in members:
            if mine is not other:
                document = peers.identity(other)
                mark = peers.fingerprint(document)
                peers.add(mine, staff(mine, "manager"), document, expected=mark)


@contextmanager
def listening(*members: Installation) -> Iterator[None]:
    """The servers of authorities in threads of this process, without their desks: the test says when letters go."""
    import uvicorn

    from lianfang.services.exchange import serving, tls

    servers = []
    for inst in members:
        port = int(inst.settings.exchange_url.rpartition(":")[2])
        config = uvicorn.Config(
            serving.create_app(inst),
            http=serving._protocol(),
            lifespan="off",
            log_level="critical",
            access_log=False,
        )
        config.load()
        config.ssl = tls.server_context(inst, [row["certificate"] for row in peers.listing(inst)])
        bound = socket.socket()
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(("127.0.0.1", port))
        bound.listen(64)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
        thread.start()
        servers.append((server, thread))
    try:
        yield
    finally:
        for server, thread in servers:
            server.should_exit = True
            thread.join(10)


def carry(*members: Installation) -> dict[str, int]:
    """Every letter of these authorities goes, until nothing moves."""
    total = {"delivered": 0, "waiting": 0, "refused": 0}
    while True:
        moved = 0
        for inst in members:
            counts = outbox.deliver(inst, SYSTEM, force=True)
            moved += counts["delivered"] + counts["refused"]
            total["delivered"] += counts["delivered"]
            total["refused"] += counts["refused"]
        if not moved:
            total["waiting"] = sum(len(outbox.waiting(inst)) for inst in members)
            return total


@contextmanager
def process(home: Path, *, kill: int = 0) -> Iterator[subprocess.Popen[str]]:
    """``lianfang exchange serve`` as a process that kills itself at its N-th commit point (0: never)."""
    command = [sys.executable, str(PLAYER), str(home), str(kill)]
    environment = {**os.environ, "PYTHONPATH": str(SRC), "PYTHONUNBUFFERED": "1"}
    started = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    )
    try:
        assert started.stdout is not None
        line = started.stdout.readline()
        assert "listens on" in line or kill, line + started.stdout.read()
        yield started
    finally:
        started.kill()  # a server may go without a word at any time
        started.wait()
        started.stdout.close()


@pytest.fixture
def three(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[dict[str, Installation]]:
    """Three authorities and the Commission; of the modules of :data:`ON_BOTH` on PostgreSQL too."""
    server = (
        request.getfixturevalue("postgres_server") if getattr(request, "param", "") == "postgresql" else None
    )
    made = {}
    for name in ("linjiang", "yuanshan", "haibin", "commission"):
        kind = "eu_commission" if name == "commission" else "eu_competent_authority"
        made[name] = authority(tmp_path / name, name, kind=kind, **(on_postgres(server) if server else {}))
    acquaint(*made.values())
    with listening(*made.values()):
        yield made
    for inst in made.values():
        inst.close()
        if server:
            drop_postgres(server, inst.settings.database_url)
            drop_postgres(server, inst.settings.vault_url)


#: Modules whose tests of several authorities run on SQLite and on a real PostgreSQL.
ON_BOTH = ("test_req_p_35_41_exchange", "test_req_p_42_47_exchange", "test_req_p_40_44_circle")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "three" in metafunc.fixturenames and metafunc.module.__name__.rpartition(".")[2] in ON_BOTH:
        databases = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]
        metafunc.parametrize("three", databases, indirect=True)


@pytest.fixture
def alert_id(three: dict[str, Installation]) -> str:
    """Concerns two of the three authorities; all have the alert."""
    a = three["linjiang"]
    made = channel.alert(
        a,
        staff(a, "epidemiologist"),
        "列车同乘者追踪",
        "临江市报告5例不明原因肺炎。",
        concerned=["yuanshan"],
    )
    assert carry(*three.values()) == {"delivered": 3, "waiting": 0, "refused": 0}
    return made


@pytest.fixture
def sent(three: dict[str, Installation], alert_id: str) -> str:
    a = three["linjiang"]
    made = messages.send(a, staff(a, "epidemiologist"), alert_id, [PERSON, OTHER], WORDS)
    assert carry(*three.values())["delivered"] == 1
    return made


def row(inst: Installation, message_id: str) -> dict[str, Any]:
    with inst.store.read() as connection:
        return one(connection, ExchangeMessage, message_id=message_id)


def read(inst: Installation, message_id: str) -> dict[str, Any]:
    return messages.read(inst, staff(inst, "epidemiologist"), message_id)


def move(three: dict[str, Installation], by: timedelta) -> None:
    for inst in three.values():
        assert isinstance(inst.clock, SetClock)
        inst.clock.move(by)
