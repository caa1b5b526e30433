"""The ledger from outside: record, the trail, heads, offline proofs, the whole log read again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, create_engine

from lianfang.foundation.errors import BadInput, Conflict, NotFound, Refused
from lianfang.guard import ledger
from lianfang.guard import vault as vaults
from lianfang.guard.ledger import Item, Log, Signer, Verifier
from lianfang.guard.signing import create_keys
from vaultkit import EVENT, people, sqlite, vault

NOW = datetime(2026, 1, 29, 8, 0, tzinfo=UTC)
ORIGIN = "ledger.example/linjiang-cdc"
KEY = Signer(ORIGIN, Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
WITNESS = Signer("witness.example/red-cross", Ed25519PrivateKey.from_private_bytes(bytes(32)))


@pytest.fixture
def conn() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    ledger.metadata.create_all(engine)
    vaults.metadata.create_all(engine)
    with engine.begin() as connection:
        Log.create(connection, ORIGIN, authority="linjiang-cdc", now=NOW)
        yield connection


def _public(conn: Connection, count: int) -> list[int]:
    items = [
        Item("bulletin.published", NOW, "chen", "public_bulletin", f"b-{at}", {"cases": at}, public=True)
        for at in range(count)
    ]
    return ledger.record_many(conn, items)


def test_entry_is_a_commitment_and_the_trail_shows_it(conn: Connection, tmp_path: Path) -> None:
    v = vault(tmp_path / "keys")
    v.open_event(conn, EVENT)
    (subject,) = v.put_many(conn, EVENT, people(1), kind="case_report")
    at = ledger.record(
        conn,
        type="lock.approved",
        time=NOW,
        actor="chen",
        purpose="contact_key_person",
        ref="lock-7",
        payload={"reason": "王芳 to be reached"},
        event=EVENT,
        subject=subject,
        sealer=v,
    )
    log = Log.only(conn)
    leaf = log.entry(conn, at)
    assert set(json.loads(leaf)) == {"type", "time", "authority", "purpose", "ref", "commit", "by"}
    assert "王芳".encode() not in leaf and b"chen" not in leaf and subject.encode() not in leaf
    (line,) = ledger.entries(conn, event=EVENT)
    assert (line.index, line.actor, line.subject, line.payload) == (at, "chen", subject, None)
    (line,) = ledger.entries(conn, subject=subject, sealer=v)
    assert line.payload == {"reason": "王芳 to be reached"} and line.time == NOW
    assert "王芳" not in repr(line)
    given = ledger.opening(conn, at, sealer=v)
    assert ledger.verify_opening(leaf, given) == {"reason": "王芳 to be reached"}
    with pytest.raises(Refused):
        ledger.verify_opening(leaf, {**given, "payload": {"reason": "nothing"}})
    assert ledger.check(conn, sealer=v) == []
    v.destroy_subject(conn, EVENT, subject)
    (line,) = ledger.entries(conn, event=EVENT, sealer=v)
    assert line.payload is None and line.actor == "chen"
    with pytest.raises(NotFound):
        ledger.opening(conn, at, sealer=v)
    assert ledger.check(conn, sealer=v) == []


def test_ledger_and_vault_in_two_databases(conn: Connection, tmp_path: Path) -> None:
    v, other = vault(tmp_path / "keys"), sqlite()
    with other.begin() as there:
        v.open_event(there, EVENT)
        (who,) = v.put_many(there, EVENT, people(1), kind="case_report")
        sealer = v.sealer(there)
        for subject in (None, who):
            item = Item("a.b", NOW, "li", "p", "r", {"n": 1}, EVENT, subject)
            (at,) = ledger.record_many(conn, [item], sealer=sealer)
            assert ledger.opening(conn, at, sealer=sealer)["payload"] == {"n": 1}
        assert ledger.check(conn, sealer=sealer) == []


def test_a_log_made_from_keys_signs_by_itself(conn: Connection, tmp_path: Path) -> None:
    keys = create_keys(tmp_path / "k" / "a.json", "centre")
    log = Log.create(conn, keys, authority="centre", now=NOW)
    log.append(conn, [b"x"])
    head = log.checkpoint(conn, now=NOW)
    assert ledger.verify_checkpoint(head, [Verifier.of(keys.public)])[0].size == 1
    with pytest.raises(BadInput):
        Log("centre").checkpoint(conn, now=NOW)


def test_trail_filters_and_pages(conn: Connection) -> None:
    _public(conn, 25)
    ledger.record(
        conn, type="reveal.read", time=NOW, actor="li", purpose="reach_person", ref="g-1", payload={}
    )
    assert [e.index for e in ledger.entries(conn, limit=3)] == [25, 24, 23]
    assert [e.index for e in ledger.entries(conn, limit=2, before=23)] == [22, 21]
    assert [e.index for e in ledger.entries(conn, actor="li")] == [25]
    assert [e.index for e in ledger.entries(conn, type="reveal.")] == [25]
    assert ledger.entries(conn, type="reveal") == []
    assert ledger.entries(conn, limit=1, before=25)[0].payload == {"cases": 24}


def test_what_may_not_be_logged(conn: Connection) -> None:
    def put(**changes: object) -> int:
        values = {"type": "a.b", "time": NOW, "actor": "li", "purpose": "p", "ref": "r", "payload": {}}
        return ledger.record(conn, **{**values, **changes})  # type: ignore[arg-type]

    for bad in (
        {"type": "A"},
        {"type": ""},
        {"actor": "王芳"},
        {"purpose": "a b"},
        {"ref": "x" * 201},
        {"ref": "a\nb"},
        {"event": EVENT},  # about an event, but nobody to seal it
        {"subject": "s"},
        {"payload": {"x": float("inf")}},
    ):
        with pytest.raises(BadInput):
            put(**bad)
    assert Log.only(conn).size(conn) in (0, 1)
    with pytest.raises(BadInput):
        Log.only(conn).append(conn, [bytes(70_000)])


def test_heads_proofs_and_witnesses(conn: Connection) -> None:
    log = Log.only(conn)
    _public(conn, 300)
    with pytest.raises(NotFound):
        log.latest(conn)
    old = log.checkpoint(conn, KEY, now=NOW)
    assert log.checkpoint(conn, KEY, now=NOW) == old == log.latest(conn)
    _public(conn, 40)
    with pytest.raises(Conflict):
        log.proof(conn, 320)
    head = log.checkpoint(conn, KEY, now=NOW)
    one, two = (ledger.verify_checkpoint(n, [KEY.verifier])[0] for n in (old, head))
    assert (one.size, two.size) == (300, 340)
    way = log.prove_consistency(conn, 300, 340)
    assert ledger.verify_consistency(300, 340, one.root, two.root, way)
    file = log.proof(conn, 7).text()
    proven = ledger.verify_proof(file, [str(KEY.verifier)], origin=ORIGIN)
    assert proven.index == 7 and json.loads(proven.entry)["ref"] == "b-7"
    bare = log.proof(conn, 7, with_entry=False)
    assert ledger.verify_proof(bare.text(), [KEY.verifier], entry=log.entry(conn, 7)).index == 7
    with pytest.raises(BadInput):
        ledger.verify_proof(bare.text(), [KEY.verifier])
    text = ledger.verify_note(head, [KEY.verifier]).text
    both = head + WITNESS.cosign_line(text, 1769673600)
    cosigner = Verifier(WITNESS.name, WITNESS.verifier.key, 4)
    assert len(ledger.verify_checkpoint(both, [KEY.verifier, str(cosigner)])[1]) == 2
    with pytest.raises(Refused):  # a witness alone is not the log
        ledger.verify_checkpoint(both, [cosigner])
    with pytest.raises(Refused):
        ledger.verify_checkpoint(both, [KEY.verifier], origin="ledger.example/other")


def test_every_change_of_a_proof_is_refused(conn: Connection) -> None:
    log = Log.only(conn)
    _public(conn, 20)
    log.checkpoint(conn, KEY, now=NOW)
    file = log.proof(conn, 11)
    wrong = [
        replace(file, index=12),
        replace(file, path=file.path[:-1]),
        replace(file, path=(*file.path[1:], file.path[0])),
        replace(file, extra=log.entry(conn, 12)),
        replace(file, extra=(file.extra or b"").replace(b"b-11", b"b-12")),
        replace(file, checkpoint=file.checkpoint.replace("\n20\n", "\n21\n")),
    ]
    for bad in wrong:
        with pytest.raises(Refused):
            ledger.verify_proof(bad.text(), [KEY.verifier])


def test_one_log_unless_named(conn: Connection) -> None:
    Log.create(conn, "ledger.example/other", authority="other", now=NOW)
    with pytest.raises(NotFound):
        Log.only(conn)
    with pytest.raises(Conflict):
        Log.create(conn, ORIGIN, authority="x", now=NOW)
    with pytest.raises(BadInput):
        Log("with space")
    named = Log("ledger.example/other")
    at = ledger.record(
        conn, type="a", time=NOW, actor="a", purpose="p", ref="r", payload={}, log=named, public=True
    )
    assert at == 0 and named.size(conn) == 1 and Log(ORIGIN).size(conn) == 0
    with pytest.raises(NotFound):
        Log("ledger.example/none").size(conn)
    for make in (lambda: named.tile(conn, 0, 0), lambda: named.bundle(conn, 0), lambda: named.entry(conn, 1)):
        with pytest.raises(NotFound):
            make()
    assert named.tile(conn, 0, 0, 1) and named.bundle(conn, 0, 1)
