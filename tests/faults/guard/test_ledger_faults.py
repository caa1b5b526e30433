"""The ledger under attack: a changed byte anywhere, a rewritten past, a rollback, a stop half way."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, Engine, create_engine, delete, select, text, update

from lianfang.guard import ledger
from lianfang.guard import vault as vaults
from lianfang.guard.ledger import Item, Log, Signer, tables
from lianfang.guard.vault import Vault
from vaultkit import EVENT, people, vault

NOW = datetime(2026, 1, 29, 8, 0, tzinfo=UTC)
ORIGIN = "ledger.example/linjiang-cdc"
KEY = Signer(ORIGIN, Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
KEYS = [KEY.verifier]
WITNESS = Signer("witness.example/w", Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33))))


def _filled(tmp_path: Path, count: int = 30) -> tuple[Engine, Vault]:
    engine = create_engine(f"sqlite:///{tmp_path / 'db.sqlite'}")
    ledger.metadata.create_all(engine)
    vaults.metadata.create_all(engine)
    v = vault(tmp_path / "keys")
    with engine.begin() as conn:
        log = Log.create(conn, ORIGIN, authority="linjiang-cdc", now=NOW)
        v.open_event(conn, EVENT)
        (who,) = v.put_many(conn, EVENT, people(1), kind="case_report")
        items = [
            Item(
                "reveal.read", NOW, "li", "reach_person", f"g-{at}", {"n": at}, EVENT, who if at % 2 else None
            )
            for at in range(count)
        ]
        ledger.record_many(conn, items, sealer=v)
        log.checkpoint(conn, KEY, now=NOW)
        head = log.latest(conn)
        line = WITNESS.cosign_line(head.rsplit("\n\n", 1)[0] + "\n", 1_769_700_000)
        assert log.keep_cosignatures(conn, count, line, [WITNESS.cosigner]) == 1
    return engine, v


def test_one_changed_byte_anywhere_is_found(tmp_path: Path, count: Callable[[int, int], int]) -> None:
    engine, v = _filled(tmp_path)
    rng = random.Random(3)
    uncovered = {("ledger_log", "created_at"), ("ledger_checkpoint", "at")}  # say when, prove nothing
    cells = [
        (table, column, dict(row))
        for table in ledger.metadata.sorted_tables
        for row in engine.connect().execute(select(table)).mappings().all()
        for column in table.c
        if (table.name, column.name) not in uncovered and row[column.name] is not None
    ]
    assert len({(t.name, c.name) for t, c, _ in cells}) >= 22
    by_column = {(t.name, c.name): (t, c, row) for t, c, row in cells}
    chosen = [*by_column.values(), *rng.sample(cells, count(60, min(1000, len(cells))))]
    with engine.connect() as conn:
        assert ledger.check(conn, verifiers=KEYS, sealer=v) == []
        for table, column, row in chosen:
            old = row[column.name]
            if isinstance(old, int):
                new: object = old ^ (1 << rng.randrange(5))
            else:
                raw = bytearray(old if isinstance(old, bytes) else old.encode())
                raw[rng.randrange(len(raw))] ^= 1 << rng.randrange(5)
                new = bytes(raw) if isinstance(old, bytes) else raw.decode(errors="replace")
            place = [c == row[c.name] for c in table.primary_key.columns]
            with conn.begin_nested() as undo:
                try:
                    conn.execute(update(table).where(*place).values({column.name: new}))
                except Exception:  # two rows of one key: the database itself refuses
                    undo.rollback()
                    continue
                try:
                    found = bool(ledger.check(conn, Log(ORIGIN), verifiers=KEYS, sealer=v))
                except Exception as error:
                    found = type(error).__module__.startswith("lianfang")
                assert found, (table.name, column.name)
                undo.rollback()
        assert ledger.check(conn, verifiers=KEYS, sealer=v) == []


@pytest.mark.parametrize(
    "attack",
    [
        "DELETE FROM ledger_entry WHERE idx = 12",
        "DELETE FROM ledger_entry WHERE idx = 29",
        "DELETE FROM ledger_record WHERE idx = 12",
        "DELETE FROM ledger_tile",
        "DELETE FROM ledger_entry WHERE idx >= 20; DELETE FROM ledger_record WHERE idx >= 20",
        "UPDATE ledger_entry SET idx = CASE idx WHEN 3 THEN -1 ELSE 3 END WHERE idx IN (3, 4);"
        "UPDATE ledger_entry SET idx = 4 WHERE idx = -1",
        "UPDATE ledger_record SET body = (SELECT body FROM ledger_record WHERE idx = 2) WHERE idx = 4",
        "UPDATE ledger_record SET actor = 'someone'",
        "UPDATE ledger_checkpoint SET size = 29",
        "UPDATE ledger_cosignature SET size = 29",
        "UPDATE ledger_cosignature SET line = line || line",
    ],
)
def test_deleted_reordered_swapped(tmp_path: Path, attack: str) -> None:
    engine, v = _filled(tmp_path)
    with engine.begin() as conn:
        for statement in attack.split(";"):
            conn.execute(text(statement))
        assert ledger.check(conn, verifiers=KEYS, sealer=v)


def _rewritten(conn: Connection, items: list[Item]) -> None:
    """What somebody with the whole database and without the key can do: a new, consistent log."""
    for table in (tables.log, tables.entry, tables.tile, tables.record, tables.checkpoint):
        conn.execute(delete(table))
    Log.create(conn, ORIGIN, authority="linjiang-cdc", now=NOW)
    ledger.record_many(conn, items)


def test_a_rewritten_past_and_a_rollback_against_a_head_held_elsewhere(tmp_path: Path) -> None:
    engine = create_engine("sqlite://")
    ledger.metadata.create_all(engine)
    items = [Item("a.b", NOW, "li", "p", f"r-{at}", {"n": at}, public=True) for at in range(40)]
    with engine.begin() as conn:
        _rewritten(conn, items)
        head = Log(ORIGIN).checkpoint(conn, KEY, now=NOW)
        assert ledger.check(conn, verifiers=KEYS, heads=[head]) == []
        ledger.record_many(conn, items[:5])
        assert ledger.check(conn, verifiers=KEYS, heads=[head]) == []  # growing is no attack
        _rewritten(conn, [*items[:7], Item("a.b", NOW, "li", "p", "r-7", {"n": 0}, public=True), *items[8:]])
        assert "another past" in ledger.check(conn, verifiers=KEYS, heads=[head])[0].what
        _rewritten(conn, items[:39])
        assert "rolled back" in ledger.check(conn, verifiers=KEYS, heads=[head])[0].what


def test_an_undone_transaction_leaves_the_log_as_it_was(tmp_path: Path) -> None:
    engine, v = _filled(tmp_path)
    with engine.connect() as conn:
        root = Log(ORIGIN).root(conn)
    more = [Item("a.b", NOW, "li", "p", f"r-{at}", {"n": at}, public=True) for at in range(600)]
    with pytest.raises(RuntimeError), engine.begin() as conn:
        ledger.record_many(conn, more)
        raise RuntimeError
    with engine.begin() as conn:
        assert Log(ORIGIN).root(conn) == root and ledger.check(conn, verifiers=KEYS, sealer=v) == []
        assert ledger.record_many(conn, more)[0] == 30
        assert ledger.check(conn, verifiers=KEYS, sealer=v) == []


def test_after_the_event_is_destroyed_every_proof_still_holds(tmp_path: Path) -> None:
    engine, v = _filled(tmp_path)
    with engine.begin() as conn:
        proofs = [Log(ORIGIN).proof(conn, at).text() for at in range(30)]
        v.destroy_event(conn, EVENT)
    with engine.begin() as conn:
        assert ledger.check(conn, verifiers=KEYS, sealer=v) == []
        assert all(e.payload is None and e.actor == "li" for e in ledger.entries(conn, sealer=v))
        assert [ledger.verify_proof(p, KEYS).index for p in proofs] == list(range(30))
