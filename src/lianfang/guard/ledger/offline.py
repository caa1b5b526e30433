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
from lianfang.guard.ledger.note import Verifier, verify_note
from lianfang.guard.ledger.proof import HEADER, Checkpoint, verify_checkpoint, verify_proof


@dataclass(frozen=True)
class Verdict:
    """What was found about one file. ``kind``: proof, checkpoint or note; ``reason`` only when not valid."""

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
) -> Verdict:
    """Verify one file by its content: a ``.tlog-proof``, a checkpoint, or any signed note.

    ``entry``: the entry's bytes when the proof does not carry them; ``opening``: salt and payload that the
    entry should commit to. BadInput when the file is none of the three.
    """
    if text.startswith(HEADER):
        return _proof(text, keys, origin, entry, opening)
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
        head, signed_by = verify_checkpoint(text, keys, origin=origin)
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
) -> Verdict:
    try:
        proven = verify_proof(text, list(keys), entry=entry, origin=origin)
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


def _readable(entry: bytes) -> dict[str, Any] | None:
    try:
        said = json.loads(entry)
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) else None


def as_verdict(error: LianfangError) -> Verdict:
    """A file that cannot be read as any of the three."""
    return Verdict(False, "unknown", str(error))
