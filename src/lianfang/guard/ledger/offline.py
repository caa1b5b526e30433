"""Verifying files that somebody holds in his hand: notes, checkpoints, proofs. No installation, no
network."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lianfang.foundation.errors import BadInput, LianfangError, Refused
from lianfang.guard.ledger.commit import verify_opening
from lianfang.guard.ledger.evidence import Evidence
from lianfang.guard.ledger.note import Verifier, verify_note
from lianfang.guard.ledger.proof import HEADER, Checkpoint, verify_checkpoint, verify_proof
from lianfang.guard.ledger.quorum import Quorum


@dataclass(frozen=True)
class Verdict:
    """What was found about one file. ``kind``: proof, checkpoint, note or evidence; ``reason`` only when not valid.

    ``evidence``: what a log was caught at; ``proof``: whether the file proves it by itself.
    """

    valid: bool
    kind: str
    reason: str = ""
    origin: str = ""
    size: int | None = None
    root: str = ""
    index: int | None = None
    entry: dict[str, Any] | None = None
    payload: dict[str, Any] | None = field(default=None, repr=False)
    signed_by: tuple[str, ...] = ()
    evidence: str = ""
    proof: bool = False


def read_keys(texts: Sequence[str]) -> list[Verifier]:
    """Verifier keys, one a line; empty lines and lines that begin with # are passed over."""
    lines = [line.strip() for text in texts for line in text.splitlines()]
    keys = [Verifier.parse(line) for line in lines if line and not line.startswith("#")]
    if not keys:
        raise BadInput("There is no verifier key.", hint="Give the log's key: name+8 digits+base64.")
    return list(dict.fromkeys(keys))


def verify_file(
    text: str,
    keys: Sequence[Verifier],
    *,
    origin: str | None = None,
    entry: bytes | None = None,
    opening: Mapping[str, Any] | None = None,
    quorum: Quorum | None = None,
) -> Verdict:
    """Verify one file by its content: a ``.tlog-proof``, a checkpoint, any signed note, or an evidence file.

    ``entry``: the entry's bytes when the proof does not carry them; ``opening``: salt and payload that the
    entry should commit to; ``quorum``: a policy that proofs and checkpoints have to meet. BadInput when the
    file is none of the four.
    """
    if text.startswith(HEADER):
        return _proof(text, keys, origin, entry, opening, quorum)
    if text.startswith("{"):
        return _evidence(text, keys, origin)
    try:
        note = verify_note(text, keys)
    except Refused as error:
        return Verdict(False, "note", str(error))
    try:
        Checkpoint.parse(note.text)
    except BadInput:
        if origin is not None:
            return Verdict(False, "note", "The note is no checkpoint of a log.")
        return Verdict(True, "note", signed_by=tuple(str(v) for v in note.signed_by))
    try:
        head, signed_by = (
            quorum.verify(text, origin=origin) if quorum else verify_checkpoint(text, keys, origin=origin)
        )
    except Refused as error:
        return Verdict(False, "checkpoint", str(error))
    return Verdict(
        True,
        "checkpoint",
        origin=head.origin,
        size=head.size,
        root=base64.b64encode(head.root).decode(),
        signed_by=tuple(str(v) for v in signed_by),
    )


def split_views(verdicts: Sequence[Verdict]) -> list[str]:
    """Origins of which two valid heads of one size show different roots: proof that a log lied to
    somebody."""
    roots: dict[tuple[str, int], set[str]] = {}
    for one in verdicts:
        if one.valid and one.size is not None:
            roots.setdefault((one.origin, one.size), set()).add(one.root)
    return sorted({origin for (origin, _), seen in roots.items() if len(seen) > 1})


def _proof(
    text: str,
    keys: Sequence[Verifier],
    origin: str | None,
    entry: bytes | None,
    opening: Mapping[str, Any] | None,
    quorum: Quorum | None,
) -> Verdict:
    try:
        proven = verify_proof(text, list(keys), entry=entry, origin=origin, quorum=quorum)
        payload = verify_opening(proven.entry, opening) if opening is not None else None
    except Refused as error:
        return Verdict(False, "proof", str(error))
    head = proven.checkpoint
    return Verdict(
        True,
        "proof",
        origin=head.origin,
        size=head.size,
        root=base64.b64encode(head.root).decode(),
        index=proven.index,
        entry=_readable(proven.entry),
        payload=payload,
        signed_by=tuple(str(v) for v in proven.signed_by),
    )


def _evidence(text: str, keys: Sequence[Verifier], origin: str | None) -> Verdict:
    found = Evidence.parse(text)
    try:
        if origin not in (None, found.origin):
            raise Refused("The checkpoint is of another log.", code="other_log")
        found.verify(keys)
    except Refused as error:
        return Verdict(False, "evidence", str(error))
    signed_by = tuple(str(v) for v in keys if v.name == found.origin)
    return Verdict(
        True, "evidence", origin=found.origin, signed_by=signed_by, evidence=found.kind, proof=found.proves
    )


def _readable(entry: bytes) -> dict[str, Any] | None:
    try:
        said = json.loads(entry)
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) else None


def as_verdict(error: LianfangError) -> Verdict:
    """A file that cannot be read as any of the three."""
    return Verdict(False, "unknown", str(error))
