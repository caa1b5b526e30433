"""A browser before the small installation of ``loop``, every route walked, and the databases compared."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from fastapi.testclient import TestClient

from lianfang.api.app import create_app
from lianfang.api.security import COOKIE, form_token
from lianfang.guard.accounts.rights import ROLES
from lianfang.services import accounts, bulletin, contacts
from lianfang.services.installation import Installation, Who
from spec.guard.test_role_routes import body_of, routes

HOLDERS = {role: name for name, _, role in accounts.DEMONSTRATION}
#: What a reading writes: that it happened, and that the session is in use.
#: And of whom it turned away, how often, so that nobody can fill the log.
TRACES = {"account_attempt", "decision", "ledger_entry", "ledger_log", "ledger_record", "ledger_tile"}


class House:
    """The server's application and one browser before it."""

    def __init__(self, inst: Installation, event_id: str) -> None:
        self.inst, self.event_id = inst, event_id
        self.app = create_app(inst)
        self.client = TestClient(
            self.app, base_url="https://testserver", follow_redirects=False, raise_server_exceptions=False
        )
        self.document: dict[str, Any] = self.app.openapi()
        self.boss = ""

    def enter(self, role: str) -> str:
        """Sign in as the person of the role; gives the form's token."""
        name = HOLDERS.get(role)
        if name is None:
            name = "person." + role.replace("_", "")[:12]
            if name not in self.boss:
                accounts.add(self.inst, None, name, role=role)
                self.boss += name
        self.client.cookies.clear()
        answer = self.client.post("/enter", data={"link": accounts.link(self.inst, name)})
        assert answer.status_code == 303, answer.text
        return self.token

    @property
    def token(self) -> str:
        return form_token(self.client.cookies.get(COOKIE, ""))

    def fill(self, path: str, **values: str) -> str:
        known = {"event_id": self.event_id, "number": "1", "contact_id": "c0", "alert_id": "alarm", **values}
        return re.sub(r"\{(\w+)\}", lambda one: known.get(one[1], "none"), path)

    def routes(self, *methods: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """(method, path with holes, what OpenAPI says) of each route."""
        for method, path, said in routes(self.document):
            if not methods or method in methods:
                yield method, path, said

    def body(self, said: dict[str, Any]) -> tuple[str, Any]:
        return body_of(said, self.document)

    def json(self, path: str, body: Any = None, method: str = "POST") -> Any:
        headers = {"x-lianfang-token": self.token}
        return self.client.request(method, f"/api/v1{path}", json=body, headers=headers)

    def post(self, path: str, **fields: Any) -> Any:
        return self.client.post(path, data={"token": self.token, **fields})


@pytest.fixture
def house(inst: Installation, event_id: str, staff: dict[str, Who]) -> House:
    """The event with two contacts named to the worker and one bulletin published."""
    lock = contacts.lock(inst, staff["epidemiologist"], event_id, ["c0", "c1"], reason="x", worker="li.she")
    contacts.approve(inst, staff["manager"], lock)
    contacts.name(inst, staff["epidemiologist"], lock)
    bulletin.publish(inst, staff["manager"], event_id)
    return House(inst, event_id)


def contents(inst: Installation) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of both databases, by table."""
    found: dict[str, list[tuple[Any, ...]]] = {}
    for name, store in (("", inst.store), ("vault.", inst.vault_store)):
        with store.read() as connection:
            tables = connection.exec_driver_sql(
                "SELECT name FROM sqlite_master WHERE type = 'table'"
            ).scalars()
            for table in tables.all():
                rows = connection.exec_driver_sql(f'SELECT * FROM "{table}"').all()
                found[name + table] = sorted((tuple(row) for row in rows), key=repr)
    return found


def changed(before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    """Tables that are not the same."""
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


@contextmanager
def served(inst: Installation) -> Iterator[int]:
    """The real server, as ``lianfang serve`` configures it, in a thread; gives its port."""
    import uvicorn

    from lianfang.api.serving import config

    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        bound.listen(64)
        port = int(bound.getsockname()[1])
        server = uvicorn.Server(config(create_app(inst), "127.0.0.1", port))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
        thread.start()
        until = time.monotonic() + 60
        while not server.started:
            assert thread.is_alive() and time.monotonic() < until, "the server did not start"
            time.sleep(0.02)
        try:
            yield port
        finally:
            server.should_exit = True
            thread.join(30)


def told(port: int, raw: bytes, seconds: float = 15.0, head: bool = False) -> bytes:
    """What the server says to raw bytes until it closes or is silent for so long.

    ``head``: the first head is enough, the line may stay open behind it.
    """
    said = b""
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as line:
        with suppress(OSError):  # it may close before all is sent
            line.sendall(raw)
        with suppress(OSError):
            while part := line.recv(65536):
                said += part
                if head and b"\r\n\r\n" in said:
                    break
    return said


__all__ = ["ROLES", "TRACES", "House", "changed", "contents", "house", "served", "told"]
