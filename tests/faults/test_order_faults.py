"""What a hostile or broken other side may do: to the node, and to the centre."""

from __future__ import annotations

import base64
import http.server
import json
import random
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

import orderkit
from lianfang.foundation.clock import SetClock
from lianfang.foundation.errors import BadInput, Conflict, Fault, LianfangError, Refused
from lianfang.guard import ledger
from lianfang.records import Contact, HolderOrder, OrderAnswer
from lianfang.services import holder, orders
from lianfang.services.holder import documents
from lianfang.services.installation import Installation
from lianfang.services.orders import sending, wire
from lianfang.store import rows, tally
from orderkit import EPI, EVENT

PEOPLE = orderkit.people()
ORDER = "o20260129-0000000000000001"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return orderkit.write_folder(tmp_path_factory.mktemp("data") / "data", PEOPLE)


@pytest.fixture
def base(data: Path, tmp_path: Path) -> Path:
    made = tmp_path / "linjiang"
    shutil.copytree(data, made)
    holder.init(made)
    return made


@pytest.fixture
def node(base: Path) -> Iterator[Any]:
    made = holder.HolderNode(base, clock=SetClock(orderkit.NOW))
    yield made
    made.close()


@pytest.fixture
def centre(node: Any, tmp_path: Path) -> Any:
    keys = orderkit.keys(tmp_path / "keys")
    holder.trust(node.folder, keys.public.to_json())
    return keys


# to the node ----------------------------------------------------------------------------------------------


def test_a_tampered_order_is_refused_and_leaves_its_digest_only(node: Any, centre: Any) -> None:
    whole = json.loads(orderkit.order_message(centre, node.keys.public, PEOPLE))
    raw = bytearray(base64.b64decode(whole["sealed"]))
    rng = random.Random(1)
    for _ in range(20):
        torn = bytearray(raw)
        torn[rng.randrange(len(torn))] ^= 1 << rng.randrange(8)
        body = json.dumps({**whole, "sealed": base64.b64encode(torn).decode()}).encode()
        with pytest.raises(Refused) as caught:
            node.receive(body)
        assert caught.value.code == "sealed_for_another"
    with node.store.read() as connection:
        trail = ledger.entries(connection, type="order_unreadable", log=node.log)
    assert len(trail) == 20
    assert all(set(entry.payload or {}) == {"sha256", "bytes", "code"} for entry in trail)


def test_a_note_changed_under_its_signature_is_refused(node: Any, centre: Any) -> None:
    index = orderkit.index_cases(PEOPLE, orderkit.MATCH_KEY)
    from lianfang.guard.signing import sign

    signed = sign(centre, orderkit.note(centre, index, orderkit.MATCH_KEY))
    for change in ({"row_cap": 2000}, {"responsible": "nobody"}, {"expires_at": "2026-02-09T00:00:00Z"}):
        forged = {**signed, "payload": {**signed["payload"], **change}}
        body = {
            "note": forged,
            "match_key": orderkit.MATCH_KEY,
            "index": [documents.payload(c) for c in index],
        }
        with pytest.raises(Refused) as caught:
            node.receive(orderkit.message("order", node.keys.public, body))
        assert caught.value.code == "bad_signature"


def test_an_unknown_centre_is_refused(node: Any, centre: Any, tmp_path: Path) -> None:
    other = orderkit.keys(tmp_path / "x", "other-cdc")
    with pytest.raises(Refused) as caught:
        node.receive(orderkit.order_message(other, node.keys.public, PEOPLE))
    assert caught.value.code == "unknown_centre"
    same_name = orderkit.keys(tmp_path / "y", centre.name)
    with pytest.raises(Refused) as caught:
        node.receive(orderkit.order_message(same_name, node.keys.public, PEOPLE))
    assert caught.value.code == "bad_signature"


def test_a_message_for_another_or_for_another_use_does_not_open(
    node: Any, centre: Any, tmp_path: Path
) -> None:
    other = orderkit.keys(tmp_path / "z", "second-holder")
    with pytest.raises(BadInput) as wrong:
        node.receive(orderkit.order_message(centre, other.public, PEOPLE))
    assert wrong.value.code == "wrong_recipient"
    raw = orderkit.order_message(centre, node.keys.public, PEOPLE)
    for door in (node.reveal, node.purge):
        with pytest.raises(Refused) as caught:
            door(raw)
        assert caught.value.code == "sealed_for_another"


HOSTILE: list[Any] = [
    b"",
    b"\xff\xfe",
    b"null",
    b"[]",
    b"{}",
    b"[" * 100_000,
    b'{"to": "linjiang", "to": "linjiang", "sealed": "AA=="}',
    b'{"to": "linjiang", "sealed": NaN}',
    b'{"to": "linjiang", "sealed": "not base64!"}',
    b'{"to": "linjiang", "sealed": "AA==", "extra": 1}',
    b'{"to": ["linjiang"], "sealed": "AA=="}',
    b'{"to": "linjiang", "sealed": "AA=="}',
]


@pytest.mark.parametrize("raw", HOSTILE, ids=range(len(HOSTILE)))
def test_what_is_no_message_is_refused_without_a_change(node: Any, centre: Any, raw: bytes) -> None:
    for door in (node.receive, node.reveal, node.purge):
        with pytest.raises((BadInput, Refused)):
            door(raw)
    assert node.orders() == []


def test_the_ledger_cannot_be_filled_by_strangers(node: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(230):
        with pytest.raises(LianfangError):
            node.receive(b"{}")
    with node.store.read() as connection:
        assert node.log.size(connection) == 200


def test_too_many_waiting_orders_are_turned_away(base: Path, tmp_path: Path) -> None:
    limits = base / "node" / "node.toml"
    limits.write_text(limits.read_text().replace("waiting = 16", "waiting = 1"))
    node = holder.HolderNode(base, clock=SetClock(orderkit.NOW))
    node._stopping.set()  # nothing is searched: the first order stays waiting
    keys = orderkit.keys(tmp_path / "keys")
    holder.trust(base, keys.public.to_json())
    node.receive(orderkit.order_message(keys, node.keys.public, PEOPLE))
    with pytest.raises(Conflict) as caught:
        node.receive(orderkit.order_message(keys, node.keys.public, PEOPLE, order_id="o2"))
    assert caught.value.code == "busy"
    node.close()


def test_a_purged_event_takes_no_order_and_replays_give_the_receipt(node: Any, centre: Any) -> None:
    from lianfang.foundation.canonical import plain
    from lianfang.guard.signing import sign

    raw = orderkit.order_message(centre, node.keys.public, PEOPLE)
    node.receive(raw)
    orderkit.wait(node, ORDER)
    purge = {
        "format": "lianfang-purge/1", "event_id": EVENT, "centre": centre.name, "holder": "linjiang",
        "reason": "ended", "at": plain(orderkit.NOW),
    }  # fmt: skip
    body = orderkit.message("purge", node.keys.public, {"note": sign(centre, purge)})
    receipt = node.purge(body)
    assert node.purge(body) == receipt
    assert node.receive(raw)["state"] == "purged"  # the old order stays dead
    assert "sealed" not in node.status(ORDER)
    with pytest.raises(Refused) as caught:
        node.receive(orderkit.order_message(centre, node.keys.public, PEOPLE, order_id="o-later"))
    assert any(reason.startswith("event:") for reason in caught.value.reasons)


def test_a_purge_during_a_search_wins(node: Any, centre: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from lianfang.foundation.canonical import plain
    from lianfang.guard.signing import sign
    from lianfang.services.holder import search

    gate, real = threading.Event(), search.run

    def slow(*given: Any, **more: Any) -> Any:
        gate.wait(30)
        return real(*given, **more)

    monkeypatch.setattr(search, "run", slow)
    node.receive(orderkit.order_message(centre, node.keys.public, PEOPLE))
    purge = {
        "format": "lianfang-purge/1", "event_id": EVENT, "centre": centre.name, "holder": "linjiang",
        "reason": "ended", "at": plain(orderkit.NOW),
    }  # fmt: skip
    node.purge(orderkit.message("purge", node.keys.public, {"note": sign(centre, purge)}))
    gate.set()
    node._pool.shutdown(wait=True)
    assert node.status(ORDER)["state"] == "purged"
    assert node.orders()[0]["account"] is None


# over the wire --------------------------------------------------------------------------------------------


def test_huge_and_wrong_bodies_over_http(base: Path) -> None:
    with orderkit.serving(base) as served, httpx.Client(base_url=served.url, timeout=20) as client:
        kind = {"content-type": "application/json"}

        def endless() -> Iterator[bytes]:
            for _ in range(64):
                yield b"x" * 65_536

        big = client.post("/orders", content=b"x" * (documents.MAX_MESSAGE + 1), headers=kind)
        assert (big.status_code, big.json()["error"]["code"]) == (413, "too_large")
        try:
            streamed = client.post("/orders", content=endless(), headers=kind)
            assert streamed.status_code == 413
        except httpx.HTTPError:
            pass  # the node may close while we still send
        assert client.post("/orders", content=b"{}").json()["error"]["code"] == "media_type"
        assert client.post("/orders", content=b"{", headers=kind).json()["error"]["code"] == "bad_document"
        assert client.get("/orders/none").status_code == 404
        assert client.get("/orders/" + "x" * 5000).status_code == 404
        for path in ("/", "/docs", "/openapi.json", "/subscribers.parquet", "/orders", "/bulk"):
            assert client.get(path).status_code in (404, 405)
        assert client.get("/identity").headers["cache-control"] == "no-store"
        assert "data" not in client.get("/identity").text
        second = subprocess.run(
            [sys.executable, "-m", "lianfang", "holder", "serve", str(base), "--port", "0"],
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert second.returncode == 3
        assert "Another process" in second.stderr


def test_plain_http_to_other_machines_is_refused(base: Path) -> None:
    from lianfang.services.holder.serving import serve

    with pytest.raises(BadInput):
        serve(base, host="0.0.0.0", port=0)
    with pytest.raises(BadInput):
        serve(base, certificate="x")
    for url in ("http://holder.example:8100", "http://10.0.0.8", "ftp://localhost", "https://a@b", "https://h/?q=1",
                "file:///etc/passwd", "http://[::2]:80", "https://h:99999", "//localhost", "http://", ""):  # fmt: skip
        with pytest.raises(BadInput):
            wire.checked_url(url)
    for url in (
        "http://localhost:8100/",
        "http://127.0.0.1:1",
        "http://[::1]:8100",
        "https://holder.example",
    ):
        assert wire.checked_url(url) == url.rstrip("/")


# to the centre --------------------------------------------------------------------------------------------


@pytest.fixture
def inst(tmp_path: Path) -> Iterator[Installation]:
    with orderkit.installation(tmp_path / "centre") as made:
        orderkit.open_event(made, PEOPLE)
        yield made


@contextmanager
def imposter(answer: Callable[[str], tuple[int, dict[str, str], bytes]]) -> Iterator[str]:
    """A web server that answers as a test wants."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            self.rfile.read(length)
            status, headers, body = answer(self.path)
            self.send_response(status)
            for name, value in {"content-length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

        def log_message(self, *given: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def test_the_client_bounds_redirects_sizes_and_words(monkeypatch: pytest.MonkeyPatch) -> None:
    answers: dict[str, tuple[int, dict[str, str], bytes]] = {
        "/redirect": (302, {"location": "http://127.0.0.1:1/identity"}, b""),
        "/large": (200, {}, b"[" + b"1," * 100_000 + b"1]"),
        "/text": (200, {}, b"hello"),
        "/list": (200, {}, b"[]"),
        "/refused": (
            403,
            {},
            json.dumps({"error": {"message": "no\x1b[31m", "reasons": ["a\nb", 3]}}).encode(),
        ),
        "/odd": (500, {}, b"\xff"),
        "/conflict": (409, {}, b'{"error": {"message": "taken", "code": "busy"}}'),
    }
    with imposter(lambda path: answers[path]) as url:
        monkeypatch.setattr(wire, "_MOST", 100_000)
        for path, kind in (("/redirect", Fault), ("/large", Fault), ("/text", BadInput), ("/list", Fault),
                           ("/odd", Fault), ("/conflict", Conflict)):  # fmt: skip
            with pytest.raises(kind):
                wire.call(url, path)
        with pytest.raises(Refused) as caught:
            wire.call(url, "/refused")
        assert caught.value.message == "no[31m"
        assert caught.value.reasons == ("ab", "")
    with pytest.raises(Fault) as gone:
        wire.call(url, "/text", seconds=2)
    assert gone.value.code == "holder_unreachable"


def test_a_slow_holder_is_left_and_asked_again_later(inst: Installation) -> None:
    keys, url_order = _known_holder(inst)
    with imposter(
        lambda path: (200, {}, b'{"state": "searching", "stage": "x", "done": -4, "total": "y"}')
    ) as url:
        _at(inst, url)
        with pytest.raises(Fault) as caught:
            orders.send(inst, EPI, url_order, patience=0.5)
        assert caught.value.code == "holder_slow"
    with inst.store.read() as connection:
        assert rows(connection, HolderOrder)[0]["status"] == "sent"
        assert tally(connection, OrderAnswer) == 0
    assert keys is not None


def _known_holder(inst: Installation) -> tuple[Any, str]:
    """A holder of ours in the register, and an order to it."""
    from lianfang.records import HolderEntry
    from lianfang.store import put

    keys = orderkit.keys(inst.home / "h", "linjiang")
    entry = {
        "holder": "linjiang", "kind": "telecom_operator", "name_zh": "", "name_en": "", "active": True,
        "url": "http://127.0.0.1:1", "sources": ["pings"],
        "sign_key": base64.b64encode(keys.public.signing).decode(),
        "seal_key": base64.b64encode(keys.public.sealing).decode(),
    }  # fmt: skip
    with inst.store.begin() as connection:
        put(connection, HolderEntry.model_validate(entry))
    return keys, orders.draft(inst, EPI, EVENT, holder="linjiang")["order_id"]


def _at(inst: Installation, url: str) -> None:
    from lianfang.records import HolderEntry
    from lianfang.store import change, rows

    with inst.store.begin() as connection:
        change(connection, HolderEntry, rows(connection, HolderEntry)[0]["id"], url=url)


def _answer(
    inst: Installation, keys: Any, order_id: str, count: int, **changes: Any
) -> tuple[Any, list[Any]]:
    made = [
        documents.Candidate(
            token=f"{at:032x}", rank=at + 1, score=0.5, level="high", index=[0], first=orderkit.NOW,
            last=orderkit.NOW, reasons=["co_location?minutes=20&metres=3"], evidence=[],
        )
        for at in range(count)
    ]  # fmt: skip
    note = documents.AnswerNote.model_validate(
        {
            "order_id": order_id, "event_id": EVENT, "holder": "linjiang", "centre": inst.signer.name,
            "received_at": orderkit.NOW, "answered_at": orderkit.NOW, "rows_searched": 1,
            "rows_by_source": {"pings": 1}, "index_given": 3, "index_matched": 1, "candidates": count,
            "returned": count, "withheld": {}, "policy": "cn-seed-2020",
            "contacts_sha256": documents.contacts_digest(made), **changes,
        }
    )  # fmt: skip
    return note, made


def test_an_answer_that_does_not_hold_leaves_nothing(inst: Installation, tmp_path: Path) -> None:
    keys, order_id = _known_holder(inst)
    thief = orderkit.keys(tmp_path / "thief", "linjiang")
    good, contacts = _answer(inst, keys, order_id, 3)

    def body(signer: Any, note: Any, listed: list[Any], ref: str = order_id) -> bytes:
        answer = documents.Answer(note=documents.signed(signer, note), contacts=listed)
        sealed = documents.to_centre(inst.signer.public, "answer", ref, answer)
        return json.dumps({"state": "answered", "sealed": base64.b64encode(sealed).decode()}).encode()

    many, listed = _answer(inst, keys, order_id, 501)
    foreign = [one.model_copy(update={"index": [77]}) for one in contacts]
    cases = [
        body(thief, good, contacts),
        body(keys, _answer(inst, keys, "o-other", 3)[0], contacts),
        body(keys, _answer(inst, keys, order_id, 3, event_id="e-other")[0], contacts),
        body(keys, _answer(inst, keys, order_id, 3, holder="second")[0], contacts),
        body(keys, good, contacts[:2]),
        body(keys, good, contacts, ref="o-other"),
        body(keys, many, listed),
        body(keys, good.model_copy(update={"contacts_sha256": documents.contacts_digest(foreign)}), foreign),
        body(keys, _answer(inst, keys, order_id, 3, returned=2)[0], contacts),
        b'{"state": "answered"}',
        b'{"state": "answered", "sealed": "AAAA"}',
        b'{"state": "failed"}',
        b'{"state": 7}',
    ]
    turn: dict[str, bytes] = {}
    with imposter(lambda path: (200, {}, turn["body"])) as url:
        _at(inst, url)
        for at, one in enumerate(cases):
            turn["body"] = one
            with pytest.raises(Fault):
                orders.send(inst, EPI, order_id)
            with inst.store.read() as connection:
                assert tally(connection, Contact) == tally(connection, OrderAnswer) == 0, at
        turn["body"] = body(keys, good, contacts)
        assert orders.send(inst, EPI, order_id)["candidates"] == 3


def test_a_holders_refusal_is_kept_and_stays(inst: Installation) -> None:
    _, order_id = _known_holder(inst)
    told = {"error": {"code": "order_refused", "message": "no", "reasons": ["row_cap: too many"]}}
    with imposter(lambda path: (403, {}, json.dumps(told).encode())) as url:
        _at(inst, url)
        for _ in range(2):
            with pytest.raises(Refused):
                orders.send(inst, EPI, order_id)
    shown = orders.show(inst, EPI, order_id)
    assert shown["order"]["status"] == "refused"
    assert shown["answer"]["refusal"] == "row_cap: too many"


def test_a_half_kept_answer_is_no_answer(inst: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    """The transaction that keeps answer and contacts fails at its last step: nothing of it is there."""
    keys, order_id = _known_holder(inst)
    note, contacts = _answer(inst, keys, order_id, 3)
    sealed = documents.to_centre(
        inst.signer.public,
        "answer",
        order_id,
        documents.Answer(note=documents.signed(keys, note), contacts=contacts),
    )
    body = json.dumps({"state": "answered", "sealed": base64.b64encode(sealed).decode()}).encode()
    real = sending.record

    def failing(inst: Any, connection: Any, what: str, **more: Any) -> Any:
        if what == "order_answered":
            raise Fault("power cut")
        return real(inst, connection, what, **more)

    with imposter(lambda path: (200, {}, body)) as url:
        _at(inst, url)
        monkeypatch.setattr(sending, "record", failing)
        with pytest.raises(Fault):
            orders.send(inst, EPI, order_id)
        with inst.store.read() as connection:
            assert tally(connection, Contact) == tally(connection, OrderAnswer) == 0
        monkeypatch.setattr(sending, "record", real)
        orders.send(inst, EPI, order_id)
    with inst.store.read() as connection:
        assert (tally(connection, Contact), tally(connection, OrderAnswer)) == (3, 1)


def test_registration_compares_keys(inst: Installation, base: Path, tmp_path: Path) -> None:
    with orderkit.serving(base) as served:
        with pytest.raises(Refused):
            orders.register(inst, EPI, served.url, fingerprint="0000 " * 8)
        made = orders.register(inst, EPI, served.url)
        assert orders.register(inst, EPI, served.url, fingerprint=made["fingerprint"]) == made
    other = tmp_path / "other"
    shutil.copytree(base, other, ignore=shutil.ignore_patterns("node"))
    holder.init(other)
    with orderkit.serving(other) as served:
        with pytest.raises(Conflict):
            orders.register(inst, EPI, served.url)
        assert orders.register(inst, EPI, served.url, replace=True)["fingerprint"] != made["fingerprint"]
    with imposter(lambda path: (200, {}, b'{"format": "something"}')) as url, pytest.raises(BadInput):
        orders.register(inst, EPI, url)
