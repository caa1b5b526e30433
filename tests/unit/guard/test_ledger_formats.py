"""C2SP tlog-tiles, tlog-policy, tlog-cosignature and tlog-proof: what is read, and what is refused."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine

from lianfang.foundation.errors import BadInput, NotFound, Refused
from lianfang.guard import ledger
from lianfang.guard.ledger import Checkpoint, Log, Quorum, Signer, Verifier, tiles, verify_note, verify_proof
from lianfang.guard.ledger.note import MAX_TIME
from lianfang.guard.ledger.proof import verify_checkpoint

NOW = datetime(2026, 1, 29, tzinfo=UTC)


def signer(name: str, seed: int) -> Signer:
    return Signer(name, Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32))


LOG = signer("ledger.example/a", 1)
WITNESSES = [signer(f"witness.example/{one}", 10 + at) for at, one in enumerate("XYZ")]
HEAD = Checkpoint(LOG.name, 7, bytes(range(32)))


# tiles ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("index", "width", "path"),
    [
        (0, 256, "000"),
        (7, 256, "007"),
        (1_234_067, 256, "x001/x234/067"),
        (273, 112, "273.p/112"),
        (999, 1, "999.p/1"),
        (1000, 255, "x001/000.p/255"),
    ],
)
def test_tile_paths(index: int, width: int, path: str) -> None:
    assert tiles.tile_path(index, width) == path
    assert tiles.parse_tile_path(path) == (index, width)


@pytest.mark.parametrize(
    "bad",
    [
        "", "0", "00", "0000", "x000/001", "x001", "001/002", "x01/002", "000.p/0", "000.p/01", "000.p/256",
        "000.p/257", "000.p", "000.p/", "-01", "٠٠١", "000/", "/000", "000.P/1", "x001/x234/067/", "000\n",
        "x999/" * 7 + "999",
    ],
)  # fmt: skip
def test_paths_that_are_none(bad: str) -> None:
    with pytest.raises(BadInput):
        tiles.parse_tile_path(bad)


@given(st.integers(0, 2**54), st.integers(1, 256))
def test_a_path_has_one_spelling(index: int, width: int) -> None:
    assert tiles.parse_tile_path(tiles.tile_path(index, width)) == (index, width)


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=20))
def test_bundles_there_and_back(entries: list[bytes]) -> None:
    raw = tiles.bundle_bytes(entries)
    assert tiles.split_bundle(raw, len(entries)) == entries
    for bad, width in (
        (raw + b"\0", len(entries)),
        (raw[:-1], len(entries)),
        (raw, len(entries) + 1),
        (raw, len(entries) - 1),
    ):
        with pytest.raises(BadInput):
            tiles.split_bundle(bad, width)


def test_which_tiles_a_tree_has() -> None:
    """The example of tlog-tiles: 70,000 entries."""
    assert list(tiles.bundles(70_000))[-1] == (273, 112) and len(list(tiles.bundles(70_000))) == 274
    assert tiles.in_tree(70_000, 0, 273, 112) and not tiles.in_tree(70_000, 0, 273, 113)
    assert tiles.in_tree(70_000, 1, 0, 256) and tiles.in_tree(70_000, 1, 1, 17)
    assert not tiles.in_tree(70_000, 1, 1, 18) and tiles.in_tree(70_000, 2, 0, 1)
    assert not tiles.in_tree(70_000, 2, 0, 2) and not tiles.in_tree(70_000, 3, 0, 1)
    assert tiles.in_tree(256, 0, 0, 256) and tiles.in_tree(256, 1, 0, 1) and not tiles.in_tree(0, 0, 0, 1)


# cosignatures -----------------------------------------------------------------------------------------------


def cosigned(*witnesses: Signer, text: str = HEAD.text(), at: int = 1_769_700_000) -> str:
    return ledger.sign_note(text, [LOG]) + "".join(one.cosign_line(text, at) for one in witnesses)


def test_a_cosignature_says_when_and_is_no_signature_of_the_log() -> None:
    note = cosigned(WITNESSES[0])
    keys = [LOG.verifier, WITNESSES[0].cosigner]
    assert verify_note(note, keys).signed_by == tuple(keys)
    assert str(WITNESSES[0].cosigner).split("+")[2].startswith("B")  # type byte 0x04
    # a witness that bears the log's name is not the log
    impostor = signer(LOG.name, 99)
    alone = note[: note.index("\n\n") + 2] + impostor.cosign_line(HEAD.text(), 5)
    with pytest.raises(Refused, match="not signed by its own log"):
        verify_checkpoint(alone, [impostor.cosigner])
    with pytest.raises(BadInput):
        WITNESSES[0].cosign_line(HEAD.text(), MAX_TIME + 1)
    with pytest.raises(BadInput):
        WITNESSES[0].cosign_line(HEAD.text(), 0)


def test_each_bit_of_a_cosignature_counts() -> None:
    import base64

    line = WITNESSES[0].cosign_line(HEAD.text(), 1_769_700_000)
    raw = bytearray(base64.b64decode(line.split(" ")[2]))
    rng = random.Random(1)
    for at in range(4, len(raw)):
        bad = raw.copy()
        bad[at] ^= 1 << rng.randrange(8)
        changed = f"— {WITNESSES[0].name} {base64.b64encode(bytes(bad)).decode()}\n"
        with pytest.raises(Refused):
            verify_note(cosigned() + changed, [WITNESSES[0].cosigner])


# policies ---------------------------------------------------------------------------------------------------

POLICY = f"""# two of three, and the first \t
log {LOG.verifier} https://ledger.example/a

witness  X1\t{WITNESSES[0].cosigner} https://x.example/
witness Y1 {WITNESSES[1].cosigner}
witness Ζ1 {WITNESSES[2].cosigner}
  group two 2 Y1 Ζ1
group both all X1 two
quorum both
"""


def test_a_policy_decides() -> None:
    policy = Quorum.parse(POLICY)
    assert (
        policy.logs[0].url == "https://ledger.example/a"
        and policy.witnesses["X1"].url == "https://x.example/"
    )
    assert policy.verify(cosigned(*WITNESSES))[0] == HEAD
    for some in ([], WITNESSES[:1], WITNESSES[1:], WITNESSES[:2]):
        with pytest.raises(Refused, match="Too few"):
            policy.verify(cosigned(*some))
    with pytest.raises(Refused):  # nobody who counts
        policy.verify(cosigned(signer("witness.example/other", 77)))
    with pytest.raises(Refused, match="another log"):
        policy.verify(cosigned(*WITNESSES), origin="ledger.example/b")
    assert Quorum.parse(policy.text().encode()) == policy
    assert Quorum.parse(f"log {LOG.verifier}\nquorum none").verify(cosigned())[0] == HEAD


def test_a_majority() -> None:
    from lianfang.guard.ledger.quorum import Party

    held = {one.name: Party(one.cosigner) for one in WITNESSES}
    policy = Quorum.parse(Quorum.majority([LOG.verifier], held).text())
    assert policy.verify(cosigned(*WITNESSES[1:])) and Quorum.majority([LOG.verifier], {}).reached(())
    with pytest.raises(Refused):
        policy.verify(cosigned(WITNESSES[0]))


X1 = f"witness X1 {WITNESSES[0].cosigner}"


@pytest.mark.parametrize(
    "bad",
    [
        "", "\n# nothing\n", f"log {LOG.verifier}\n", "quorum X1\n", f"{X1}\nquorum X2", "quorum none\nquorum none",
        "quorum", "quorum none none", "witness none " + str(WITNESSES[0].cosigner) + "\nquorum none",
        f"{X1}\n{X1}\nquorum X1", f"{X1}\nwitness X2 {WITNESSES[0].cosigner}\nquorum X1",
        f"witness X2 {Verifier('other.example', WITNESSES[0].cosigner.key, 4)}\n{X1}\nquorum X1",
        f"log {LOG.verifier}\nlog {LOG.verifier}\nquorum none",
        f"log {WITNESSES[0].cosigner}\nquorum none", f"witness X1 {WITNESSES[0].verifier}\nquorum X1",
        f"{X1}\ngroup g 0 X1\nquorum g", f"{X1}\ngroup g 2 X1\nquorum g", f"{X1}\ngroup g 01 X1\nquorum g",
        f"{X1}\ngroup g some X1\nquorum g", f"{X1}\ngroup g any\nquorum g", f"{X1}\ngroup g any X1 X1\nquorum g",
        f"{X1}\ngroup g any X1\ngroup h any X1\nquorum g", f"{X1}\ngroup g any none\nquorum g",
        f"group g any X1\n{X1}\nquorum g", f"{X1}\ngroup X1 any X1\nquorum X1", "shrub x\nquorum none",
        "log x+1+2\nquorum none", "quorum none\r\n", "quorum none\x00", "quorum none\x7f", "Quorum none",
        "quorum\u00a0none",
    ],
)  # fmt: skip
def test_policies_that_are_none(bad: str) -> None:
    with pytest.raises(BadInput):
        Quorum.parse(bad)


def test_limits_of_a_policy() -> None:
    many = [signer(f"w.example/{at}", at + 100) for at in range(64)]
    lines = [f"witness w{at} {one.cosigner}" for at, one in enumerate(many)]
    groups = [f"group g{at} any w{at}" for at in range(64)]
    text = "\n".join([*lines, *groups, "quorum g63", ""])
    assert Quorum.parse(text).reached([many[63].cosigner])
    with pytest.raises(BadInput):
        Quorum.parse(b"#" * 1_000_001)
    assert Quorum.parse(b"# \xff\xfe\nwitness \xff " + str(many[0].cosigner).encode() + b"\nquorum \xff\n")


# proofs with cosignatures -----------------------------------------------------------------------------------


def test_a_proof_carries_what_witnesses_signed() -> None:
    engine = create_engine("sqlite://")
    ledger.metadata.create_all(engine)
    with engine.begin() as conn:
        log = Log.create(conn, LOG, authority="a", now=NOW)
        log.append(conn, [b"one", b"two"])
        with pytest.raises(NotFound):
            log.keep_cosignatures(conn, 2, "", [])
        text = log.checkpoint(conn, now=NOW).rsplit("\n\n", 1)[0] + "\n"
        answer = "".join(one.cosign_line(text, 1_769_700_000) for one in WITNESSES)
        known = [one.cosigner for one in WITNESSES[:2]]
        assert log.keep_cosignatures(conn, 2, answer, known) == 2
        assert log.keep_cosignatures(conn, 2, answer, known) == 2  # asked again: the same
        with pytest.raises(Refused):  # a known witness's line over another head
            log.keep_cosignatures(conn, 2, WITNESSES[0].cosign_line(HEAD.text(), 5), known)
        with pytest.raises(Refused):
            log.keep_cosignatures(conn, 2, WITNESSES[2].cosign_line(text, 5), known)
        with pytest.raises(BadInput):
            log.keep_cosignatures(conn, 2, "no line\n", known)
        log.append(conn, [b"three"])
        log.checkpoint(conn, now=NOW)  # nobody has cosigned this one yet
        proof = log.proof(conn, 1).text()
        policy = Quorum.majority([LOG.verifier], {v.name: ledger.quorum.Party(v) for v in known})
        proven = verify_proof(proof, [], quorum=policy)
        assert proven.checkpoint.size == 2 and len(proven.signed_by) == 3 and proven.entry == b"two"
        with pytest.raises(Refused, match="Too few"):
            verify_proof(log.proof(conn, 2).text(), [], quorum=policy)
        assert verify_proof(log.proof(conn, 2), [LOG.verifier]).index == 2
