"""A log that cheats, with its own key in hand: one honest monitor finds it within two checkpoint intervals.

Split view, rollback, altered entry, altered time, deleted entry, reordered entries; signed anew or only served. Every
proof among the evidence is verified again from its file alone, with nothing but the log's key.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, create_engine

from lianfang.foundation.errors import BadInput, Fault, NotFound, Refused
from lianfang.guard import ledger
from lianfang.guard.ledger import Checkpoint, Evidence, Signer, merkle, monitor, sign_note, statements, tiles
from lianfang.guard.ledger.log import fold_root
from lianfang.guard.ledger.monitor import Monitor

NOW = datetime(2026, 1, 29, 8, 0, tzinfo=UTC)
KEY = Signer("ledger.example/a", Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
KEYS = [KEY.verifier]
KINDS = ("split_view", "rollback", "altered", "time", "deleted", "reordered")


class View:
    """A log as it is shown to somebody: its entries, and the head that is signed over them."""

    def __init__(self, entries: list[bytes], signer: Signer = KEY) -> None:
        self.rows, self.signer = list(entries), signer
        self.served = self.rows  # what bundles show, when it is something else
        self.note = ""
        self.closed = False

    def sign(self, size: int | None = None) -> str:
        count = len(self.rows) if size is None else size
        root = fold_root(merkle.leaf_hash(one) for one in self.rows[:count])
        self.note = sign_note(Checkpoint(self.signer.name, count, root).text(), [self.signer])
        return self.note

    def checkpoint(self) -> str:
        if not self.note:
            raise Fault("It cannot be reached.")
        return self.note

    def hashes(self, index: int, width: int) -> bytes:
        return b"".join(merkle.leaf_hash(one) for one in self._part(self.rows, index, width))

    def entries(self, index: int, width: int) -> list[bytes]:
        if self.closed:
            raise Refused("not public")
        return self._part(self.served, index, width)

    @staticmethod
    def _part(rows: list[bytes], index: int, width: int) -> list[bytes]:
        part = rows[index * 256 : index * 256 + width]
        if len(part) != width:
            raise NotFound("no such bundle")
        return part


def entry(rng: random.Random, number: int) -> bytes:
    when = NOW + timedelta(minutes=number)
    return statements.make(
        authority="hospital-1", type="report.sent", time=when, actor="n", purpose="case_report",
        ref=f"r-{number}", payload={"cases": rng.randrange(99)},
    )[0]  # fmt: skip


def database() -> Connection:
    engine = create_engine("sqlite://")
    for part in (ledger.metadata, monitor.metadata):
        part.create_all(engine)
    return engine.connect()


POOL = [entry(random.Random(5), at) for at in range(900)]


def changed(rng: random.Random, kind: str, rows: list[bytes], upto: int) -> list[bytes]:
    """The entries with one thing about the first ``upto`` of them not as it was."""
    rows, at = list(rows), rng.randrange(upto)
    if kind == "deleted":
        del rows[at]
    elif kind == "reordered":
        other = rng.choice([one for one in range(upto) if one != at])
        rows[at], rows[other] = rows[other], rows[at]
    elif kind == "time":
        text = rows[at].decode()
        place = text.index('"time":"') + 8
        rows[at] = (text[:place] + "2025" + text[place + 4 :]).encode()
    else:
        rows[at] = rows[at].replace(b'"commit":"', b'"commit":"' + (b"0" if rows[at][-70] != 48 else b"1"), 1)
    return rows


def attacked(rng: random.Random, kind: str) -> tuple[list[Evidence], int]:
    """One attack from start to detection: the evidence, and after how many intervals it was there."""
    conn, watcher = database(), Monitor(KEY.name, KEYS)
    size = rng.choice([rng.randint(2, 8), rng.randint(9, 300), rng.randint(256, 600)])
    honest = View(POOL[:size])
    for _ in range(rng.randint(1, 2)):
        honest.sign()
        assert watcher.look(conn, honest, now=NOW) == []
        honest.rows += POOL[len(honest.rows) : len(honest.rows) + rng.randint(1, 40)]
    seen = watcher.log.size(conn)
    evil, others = View(honest.rows), ""
    if kind == "split_view":  # we are shown one log, others another, of the same size or not
        fork = View(changed(rng, rng.choice(["altered", "reordered", "deleted"]), honest.rows, seen))
        others = fork.sign(rng.randint(max(2, seen // 2), len(fork.rows)))
        if fold_root(
            map(merkle.leaf_hash, evil.rows[: Checkpoint.parse(others.split("\n\n")[0] + "\n").size])
        ) in (Checkpoint.parse(others.split("\n\n")[0] + "\n").root,):
            others = fork.sign()  # the change lay beyond: show them all of it
    elif kind == "rollback":
        evil = View(honest.rows[: rng.randrange(seen)])
    elif rng.random() < 0.6:  # the past is written anew, and signed
        evil = View(changed(rng, kind, honest.rows, seen))
        if len(evil.rows) == seen and rng.random() < 0.5:
            evil.sign()
    else:  # what is signed stays; what is served is another thing
        evil.served = changed(rng, kind, honest.rows, seen)
    for interval in (1, 2):
        evil.sign()
        found = watcher.look(conn, evil, now=NOW)
        if others:
            found += watcher.compare(conn, others, now=NOW)
        if found:
            return found, interval
        if kind != "rollback":
            evil.rows += [POOL[-1]] * rng.randint(1, 30)
    return [], 0


def test_every_attack_is_found_within_two_intervals(count: Callable[[int, int], int]) -> None:
    rng = random.Random(29)
    kinds: dict[str, int] = {}
    for number in range(count(60, 1_000)):
        kind = KINDS[number % len(KINDS)]
        found, interval = attacked(rng, kind)
        assert found and 1 <= interval <= 2, (number, kind)
        for one in found:
            again = Evidence.parse(one.text())
            again.verify(KEYS)  # from the file alone
            kinds[again.kind] = kinds.get(again.kind, 0) + 1
    assert set(kinds) >= {"split_view", "rewritten", "rolled_back", "other_entries"}, kinds


def test_an_honest_log_is_never_accused(count: Callable[[int, int], int]) -> None:
    rng = random.Random(30)
    for _ in range(count(6, 60)):
        conn, watcher = database(), Monitor(KEY.name, KEYS)
        log, heads = View([]), []
        for _ in range(8):
            heads.append(log.sign())
            assert watcher.look(conn, log, now=NOW) == []
            late = rng.choice(heads)
            assert watcher.compare(conn, late, now=NOW) == []  # a peer that is behind
            log.rows += POOL[len(log.rows) : len(log.rows) + rng.choice([0, 1, 3, 255, 256, 40])]
            assert watcher.compare(conn, log.sign(), now=NOW) == []  # one that is ahead
        assert watcher.look(conn, log, now=NOW) == []
        assert watcher.head(conn) == log.note


def test_what_the_log_keeps_from_us_is_overdue_after_two_looks() -> None:
    conn, watcher = database(), Monitor(KEY.name, KEYS)
    old, new = View(POOL[:5]), View(POOL[:9])
    old.sign()
    assert watcher.look(conn, old, now=NOW) == [] and watcher.compare(conn, new.sign(), now=NOW) == []
    assert watcher.look(conn, old, now=NOW) == []
    (found,) = watcher.look(conn, old, now=NOW)
    assert found.kind == "withheld" and not found.proves
    assert watcher.look(conn, new, now=NOW) == []  # and then it fits


def test_a_log_that_is_silent_or_unsigned() -> None:
    conn, watcher = database(), Monitor(KEY.name, KEYS)
    assert [one.kind for one in watcher.look(conn, View([]), now=NOW)] == ["withheld"]
    forged = View(POOL[:3], Signer(KEY.name, Ed25519PrivateKey.from_private_bytes(bytes(32))))
    forged.sign()
    assert [one.kind for one in watcher.look(conn, forged, now=NOW)] == ["unsigned"]
    assert watcher.compare(conn, forged.note, now=NOW) == []  # a stranger's forgery accuses nobody
    assert watcher.compare(conn, "no note", now=NOW) == []


def test_entries_that_are_closed_are_watched_by_their_hashes() -> None:
    conn, watcher = database(), Monitor(KEY.name, KEYS)
    log = View(POOL[:300])
    log.closed = True
    log.sign()
    assert watcher.look(conn, log, now=NOW) == []
    log.rows[7] = b"another"
    log.sign()
    (found,) = watcher.look(conn, log, now=NOW)
    assert found.kind == "split_view" and found.verify(KEYS)


def test_a_mirror_that_was_stopped_half_way_goes_on() -> None:
    conn, watcher = database(), Monitor(KEY.name, KEYS)
    log = View(POOL[:700])
    log.sign()

    class Breaks(View):
        def hashes(self, index: int, width: int) -> bytes:
            if index == 2:
                raise Fault("the line is down")
            return super().hashes(index, width)

    breaks = Breaks(POOL[:700])
    breaks.sign()
    assert [one.kind for one in watcher.look(conn, breaks, now=NOW)] == ["withheld"]
    assert watcher.log.size(conn) == 0
    assert watcher.look(conn, log, now=NOW) == [] and watcher.log.size(conn) == 700
    assert ledger.check(conn, watcher.log, verifiers=KEYS) == []


@pytest.mark.parametrize("bad", ["", "{}", "[]", "null", "{" * 9_999, '{"format":"lianfang-evidence/1"}'])
def test_what_is_no_evidence(bad: str) -> None:
    with pytest.raises(BadInput):
        Evidence.parse(bad)


def test_evidence_with_one_thing_changed_accuses_nobody() -> None:
    """Each field that counts: with another key, another head, another path the file shows nothing."""
    one, other = View(POOL[:20]), View([*POOL[:5], b"x", *POOL[6:30]])
    conn, watcher = database(), Monitor(KEY.name, KEYS)
    one.sign()
    other.sign()
    assert watcher.look(conn, one, now=NOW) == []
    (found,) = watcher.look(conn, other, now=NOW)
    assert found.kind == "rewritten" and found.seen["changed"][0]["index"] == 5
    text = found.text()
    honest = View(POOL[:30])
    swaps = [
        text.replace(other.note.replace("\n", "\\n"), honest.sign().replace("\n", "\\n")),
        text.replace('"rewritten"', '"split_view"'),
        text.replace(ledger.monitor._b64(found.path[0]), ledger.monitor._b64(bytes(32))),
        text.replace(f'"origin": "{KEY.name}"', '"origin": "ledger.example/b"'),
    ]
    for bad in swaps:
        assert bad != text
        with pytest.raises((Refused, BadInput)):
            Evidence.parse(bad).verify(KEYS)
    with pytest.raises(Refused):
        Evidence.parse(text).verify(
            [Signer(KEY.name, Ed25519PrivateKey.from_private_bytes(bytes(32))).verifier]
        )
    assert tiles.WIDTH == 256
