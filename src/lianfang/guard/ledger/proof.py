"""Checkpoints (C2SP tlog-checkpoint) and offline proofs (C2SP tlog-proof); verified with nothing but keys."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lianfang.foundation.canonical import from_base64
from lianfang.foundation.errors import BadInput, Refused
from lianfang.guard.ledger.merkle import SIZE, leaf_hash, verify_inclusion
from lianfang.guard.ledger.note import ED25519, Verifier, split_note, valid_name, verify_note

if TYPE_CHECKING:
    from lianfang.guard.ledger.quorum import Quorum

HEADER = "c2sp.org/tlog-proof@v1"
_NUMBER = re.compile(r"(?:0|[1-9][0-9]{0,18})\Z")


@dataclass(frozen=True)
class Checkpoint:
    """A log's head: origin, size, root hash."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def text(self) -> str:
        """The note's text."""
        lines = [self.origin, str(self.size), base64.b64encode(self.root).decode(), *self.extensions]
        return "".join(f"{line}\n" for line in lines)

    @classmethod
    def parse(cls, text: str) -> Checkpoint:
        """Read a checkpoint's text; BadInput when it is none."""
        lines = text.split("\n")
        if (
            len(lines) < 4
            or lines.pop()
            or not all(lines)
            or not _NUMBER.match(lines[1])
            or int(lines[1]) >> 63
        ):
            raise BadInput("That note is no checkpoint of a log.", code="malformed_checkpoint")
        return cls(lines[0], int(lines[1]), _hash(lines[2], "The checkpoint's root"), tuple(lines[3:]))

    @classmethod
    def of(cls, note: str) -> Checkpoint:
        """What a signed note says, its signatures unverified: for heads of one's own log."""
        return cls.parse(split_note(note)[0])


def verify_checkpoint(
    note: str, verifiers: Iterable[Verifier | str], *, origin: str | None = None
) -> tuple[Checkpoint, tuple[Verifier, ...]]:
    """The checkpoint and the keys that signed it; the log itself must be one of them.

    ``origin``: the log that is meant; a checkpoint of another is refused.
    """
    opened = verify_note(note, verifiers)
    found = Checkpoint.parse(opened.text)
    if origin is not None and found.origin != origin:
        raise Refused("The checkpoint is of another log.", code="other_log")
    if not any(v.name == found.origin and v.algorithm == ED25519 for v in opened.signed_by):
        raise Refused(
            "The checkpoint is not signed by its own log's key.",
            hint="A witness's signature alone is no statement of the log.",
            code="unknown_signer",
        )
    return found, opened.signed_by


@dataclass(frozen=True)
class Proof:
    """That an entry is in a log: its index, the way to the root, the signed checkpoint.

    ``extra``: our receipts carry the entry itself here; it counts only because its hash leads to the root.
    """

    index: int
    path: tuple[bytes, ...]
    checkpoint: str
    extra: bytes | None = None

    def text(self) -> str:
        """The ``.tlog-proof`` file."""
        extra = [f"extra {base64.b64encode(self.extra).decode()}"] if self.extra is not None else []
        hashes = [base64.b64encode(h).decode() for h in self.path]
        return "\n".join([HEADER, *extra, f"index {self.index}", *hashes, "", self.checkpoint])

    @classmethod
    def parse(cls, text: str) -> Proof:
        """Read a ``.tlog-proof`` file; BadInput when it is none."""
        head, blank, checkpoint = text.partition("\n\n")
        lines = head.split("\n")
        if len(text) > 1_000_000 or not blank or lines[0] != HEADER or len(lines) > 70:
            raise BadInput(f"That is no proof: it does not begin with {HEADER}.", code="malformed_proof")
        lines.pop(0)
        extra = None
        if lines and lines[0].startswith("extra "):
            extra = _decode(lines.pop(0)[6:], "The proof's extra data")
        if not lines or not lines[0].startswith("index ") or not _NUMBER.match(lines[0][6:]):
            raise BadInput("The proof does not say which entry it is about.", code="malformed_proof")
        index = int(lines.pop(0)[6:])
        return cls(index, tuple(_hash(line, "A hash of the proof") for line in lines), checkpoint, extra)


@dataclass(frozen=True)
class Proven:
    """What a proof proved. ``signatures``: how many the checkpoint carries, those by unknown keys included."""

    entry: bytes
    index: int
    checkpoint: Checkpoint
    signed_by: tuple[Verifier, ...]
    signatures: int


def verify_proof(
    proof: str | Proof,
    verifiers: Sequence[Verifier | str],
    *,
    entry: bytes | None = None,
    origin: str | None = None,
    quorum: Quorum | None = None,
) -> Proven:
    """The entry, if the proof shows that a log with one of these keys holds it.

    ``entry``: the entry's bytes; by default those that the proof carries. ``quorum``: a policy whose logs and
    witnesses count in place of ``verifiers``. Refused when the entry is not in
    the tree that the checkpoint signs, BadInput when the file is no proof.
    """
    given = Proof.parse(proof) if isinstance(proof, str) else proof
    data = entry if entry is not None else given.extra
    if data is None:
        raise BadInput("The proof does not carry its entry.", hint="Give the entry's file beside it.")
    if quorum is not None:
        checkpoint, signed_by = quorum.verify(given.checkpoint, origin=origin)
    else:
        checkpoint, signed_by = verify_checkpoint(given.checkpoint, verifiers, origin=origin)
    leaf = leaf_hash(data)
    if not verify_inclusion(given.index, checkpoint.size, leaf, given.path, checkpoint.root):
        raise Refused(
            "The entry is not in the tree that the checkpoint signs.",
            hint="The entry or the proof was changed.",
            code="not_included",
        )
    return Proven(data, given.index, checkpoint, signed_by, len(split_note(given.checkpoint)[1]))


def _decode(text: str, what: str) -> bytes:
    try:
        return from_base64(text)
    except ValueError:
        raise BadInput(f"{what} is not base64.", code="malformed_proof") from None


def _hash(text: str, what: str) -> bytes:
    raw = _decode(text, what)
    if len(raw) != SIZE:
        raise BadInput(f"{what} has not {SIZE} bytes.", code="malformed_proof")
    return raw


def check_origin(origin: str) -> str:
    """An origin we may log under: a schema-less URL without spaces and plus signs."""
    if not valid_name(origin) or len(origin) > 255 or "\n" in origin:
        raise BadInput("A log's origin is a name like ledger.example/cdc, without spaces and plus signs.")
    return origin
