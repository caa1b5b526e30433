"""A witness (C2SP tlog-witness): every answer of the table, what it keeps, and two askers at once."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import create_engine

from lianfang.foundation.errors import BadInput, NotFound, Refused
from lianfang.guard import ledger
from lianfang.guard.ledger import Checkpoint, Evidence, Log, Signer, merkle, sign_note, verify_note, witness
from lianfang.guard.ledger.witness import Request, Witness
from lianfang.store import Store

NOW = datetime(2026, 1, 29, 8, 0, tzinfo=UTC)
LOG = Signer("ledger.example/a", Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
OTHER = Signer("ledger.example/a", Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33))))
OURS = Witness(Signer("witness.example/w", Ed25519PrivateKey.from_private_bytes(bytes(range(2, 34)))))


class Tree:
    """A log in memory, whose heads and paths of every size are at hand."""

    def __init__(self, entries: list[bytes], signer: Signer = LOG) -> None:
        self.engine = create_engine("sqlite://")
        ledger.metadata.create_all(self.engine)
        self.conn = self.engine.connect()
        self.log, self.signer = Log.create(self.conn, signer, authority="a", now=NOW), signer
        self.log.append(self.conn, entries)

    def head(self, size: int) -> str:
        root = self.log.root(self.conn, size) if size else merkle.EMPTY_ROOT
        return sign_note(Checkpoint(self.log.origin, size, root).text(), [self.signer])

    def ask(self, old: int, size: int) -> Request:
        return Request(old, tuple(self.log.prove_consistency(self.conn, old, size)), self.head(size))


TREE = Tree([b"%d" % at for at in range(300)])
FORK = Tree([b"%d" % at if at != 5 else b"changed" for at in range(300)])


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    made = Store(database_url)
    witness.metadata.create_all(made.engine)
    with made.begin() as conn:
        witness.watch(conn, LOG.verifier, url="https://ledger.example/a", now=NOW)
    yield made
    made.close()


def add(store: Store, asked: Request | bytes) -> witness.Answer:
    with store.begin() as conn:
        return OURS.add_checkpoint(conn, asked if isinstance(asked, bytes) else asked.body(), now=NOW)


def test_grows_and_is_signed(store: Store) -> None:
    old = 0
    for size in (0, 0, 1, 3, 3, 256, 300):
        answer = add(store, asked := TREE.ask(old, size))
        assert answer.status == 200, answer
        held = verify_note(asked.note + answer.body, [LOG.verifier, OURS.signer.cosigner])
        assert len(held.signed_by) == 2
        stamp = base64.b64decode(answer.body.split(" ")[2])[4:12]
        assert int.from_bytes(stamp, "big") == int(NOW.timestamp())
        with store.read() as conn:
            assert witness.latest(conn, witness.origin_hash(LOG.name)) == asked.note + answer.body
        old = size


def test_every_refusal(store: Store) -> None:
    assert add(store, TREE.ask(0, 5)).status == 200
    stale = add(store, TREE.ask(3, 7))
    assert (stale.status, stale.body, stale.media) == (409, "5\n", "text/x.tlog.size")
    assert add(store, TREE.ask(0, 5)).status == 409
    assert add(store, Request(6, (), TREE.head(5))).status == 400
    assert add(store, Request(5, (), TREE.head(7))).status == 422  # no proof
    assert add(store, Request(5, (bytes(32),), TREE.head(5))).status == 422  # a proof too many
    split = Tree([b"other"] * 5)
    assert (seen := add(store, Request(5, (), split.head(5)))).status == 422 and seen.found is not None
    assert seen.found.kind == "split_view" and len(seen.found.verify([LOG.verifier])) == 2
    unknown = Tree([b"a"], Signer("ledger.example/b", LOG.key))
    assert add(store, unknown.ask(0, 1)).status == 404
    forged = Tree([b"a"] * 6, OTHER)
    assert add(store, Request(5, (), forged.head(6))).status == 403
    with store.read() as conn:
        assert "\n5\n" in witness.latest(conn, witness.origin_hash(LOG.name))  # nothing of it was kept
        with pytest.raises(NotFound):
            witness.latest(conn, witness.origin_hash("ledger.example/b"))


@pytest.mark.parametrize("size", [0, 1])
def test_a_head_of_no_entries_has_the_empty_root(store: Store, size: int) -> None:
    wrong = sign_note(Checkpoint(LOG.name, 0, bytes(32)).text(), [LOG])
    assert add(store, Request(0, (), wrong).body()).status == 422
    assert add(store, Request(0, (bytes(32),), TREE.head(size))).status == 422


def test_a_rewritten_past_is_kept_as_proof(store: Store) -> None:
    assert add(store, TREE.ask(0, 11)).status == 200
    answer = add(store, FORK.ask(11, 40))
    assert answer.status == 422 and answer.found is not None and answer.found.kind == "rewritten"
    again = Evidence.parse(answer.found.text())
    assert [one.size for one in again.verify([LOG.verifier])] == [11, 40] and again.proves
    # with an honest path in place of it the file shows nothing
    honest = ledger.evidence.two_heads(
        TREE.head(11), TREE.head(40), TREE.ask(11, 40).path, keys=[LOG.verifier], found_at=NOW
    )
    with pytest.raises(Refused, match="do not contradict"):
        honest.verify([LOG.verifier])
    # a path of anybody's making beside an honest head accuses nobody
    assert add(store, Request(11, (bytes(32),) * 4, TREE.head(40))).found is None


BODY = TREE.ask(3, 7).body().decode()


@pytest.mark.parametrize(
    "bad",
    [
        b"", b"\n", b"old 1\n", b"\xff\xfe", BODY.replace("old 3", "old 03").encode(),
        BODY.replace("old 3", "old  3").encode(), BODY.replace("old 3", "old -3").encode(),
        BODY.replace("old 3", "new 3").encode(), BODY.replace("old 3\n", "old 3\r\n").encode(),
        BODY.replace("old 3", "old ٣").encode(), BODY.replace("=\n", "\n", 1).encode(),
        ("old 0\n" + (base64.b64encode(bytes(32)).decode() + "\n") * 64 + "\n" + TREE.head(1)).encode(),
        ("old 0\n" + base64.b64encode(bytes(31)).decode() + "\n\n" + TREE.head(1)).encode(),
        b"old 0\n\n" + TREE.head(1)[:-1].encode(), b"old 0\n\nno checkpoint\n\n" + TREE.head(1).encode(),
        b"old 0\n\n" + sign_note("a\n01\nb\n", [LOG]).encode(), b"x" * 100_000,
    ],
)  # fmt: skip
def test_what_is_no_request(store: Store, bad: bytes) -> None:
    assert add(store, bad).status == 400
    if len(bad) < 50_000 and b"no checkpoint" not in bad and b"old 0\n\n" not in bad:
        with pytest.raises(BadInput):
            Request.parse(bad)


def test_two_askers_at_once_never_roll_it_back(store: Store) -> None:
    assert add(store, TREE.ask(0, 10)).status == 200
    answers: list[witness.Answer] = []

    def ask(asked: Request) -> None:
        answers.append(add(store, asked))

    askers = [threading.Thread(target=ask, args=(TREE.ask(10, size),)) for size in (20, 30, 40, 50)]
    for one in askers:
        one.start()
    for one in askers:
        one.join()
    assert sorted(one.status for one in answers) == [200, 409, 409, 409]
    with store.read() as conn:
        note = witness.latest(conn, witness.origin_hash(LOG.name))
    signed = next(one for one in answers if one.status == 200)
    assert note.endswith(signed.body)  # what is kept is what was signed


def test_keys_are_rotated_by_adding(store: Store) -> None:
    assert add(store, TREE.ask(0, 5)).status == 200
    moved = Tree([b"%d" % at for at in range(300)], OTHER)
    assert add(store, moved.ask(5, 6)).status == 403
    with store.begin() as conn:
        witness.watch(conn, OTHER.verifier, now=NOW)
        with pytest.raises(BadInput):
            witness.watch(conn, OURS.signer.cosigner, now=NOW)
    assert add(store, moved.ask(5, 6)).status == 200 and add(store, TREE.ask(6, 7)).status == 200
