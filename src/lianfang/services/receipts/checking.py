"""Checking files that somebody holds: bulletins, ``.tlog-proof`` files, signed heads. No installation, no network.

Several files are also compared with each other: which bulletin corrects which, and whether a log showed two faces.
``api/static/verify-core.js`` is this module in JavaScript; what changes here changes there.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from lianfang.foundation.errors import BadInput, LianfangError, Refused

if TYPE_CHECKING:
    from lianfang.guard.ledger import Checkpoint, Quorum, Verifier

MOST_FILES = 50
#: Parts of a bulletin that are told on.
_TOLD = ("authority", "event_id", "number", "published_at", "corrects", "content")


@dataclass(frozen=True)
class Trust:
    """Whom the reader believes: keys, or a policy in their place. Empty: nobody yet."""

    keys: tuple[Verifier, ...] = ()
    quorum: Quorum | None = None

    @classmethod
    def parse(cls, text: str) -> Trust:
        """Keys one a line, or a policy file; nothing but blank lines and comments is nobody.

        Raises:
            BadInput: it is neither.
        """
        from lianfang.guard.ledger import Quorum
        from lianfang.guard.ledger.offline import read_keys

        lines = [line.strip() for line in text.splitlines()]
        said = [line for line in lines if line and not line.startswith("#")]
        if not said:
            return cls()
        if any(line.split()[0] in ("log", "witness", "group", "quorum") for line in said):
            quorum = Quorum.parse(text)
            return cls(tuple(quorum.verifiers), quorum)
        return cls(tuple(read_keys([text])))


@dataclass(frozen=True)
class Checked:
    """What was found about one file. ``kind``: bulletin, proof, checkpoint or unknown.

    ``trusted``: verified by a key of the reader's, not by the one in the file. ``witnesses``: names and POSIX seconds
    of the cosignatures that hold. ``paper``: the code that the entry has on paper (:func:`paper_code`).
    ``corrected_by``: number of the bulletin, among the files, that corrects this one.
    """

    valid: bool
    kind: str
    code: str = ""
    reason: str = ""
    trusted: bool = False
    origin: str = ""
    size: int | None = None
    root: str = ""
    index: int | None = None
    paper: str = ""
    entry: dict[str, Any] | None = None
    bulletin: dict[str, Any] | None = field(default=None, repr=False)
    witnesses: tuple[tuple[str, int], ...] = ()
    corrected_by: int | None = None


def check(files: Sequence[bytes], trust: Trust | None = None) -> list[Checked]:
    """Check each file by its content, then compare them; a file that is refused says why and raises nothing.

    Raises:
        BadInput: more than :data:`MOST_FILES` files.
    """
    if len(files) > MOST_FILES:
        raise BadInput(f"Check at most {MOST_FILES} files at once.")
    given = trust or Trust()
    return _compared([_one(raw, given) for raw in files])


def paper_code(index: int, leaf: bytes) -> str:
    """An entry's code on paper: its index and its whole leaf hash in base64url."""
    return f"{index}-{base64.urlsafe_b64encode(leaf).decode().rstrip('=')}"


def _one(raw: bytes, trust: Trust) -> Checked:
    from lianfang.guard.ledger.proof import HEADER

    kind = "unknown"
    try:
        if raw[:1] == b"{":
            kind = "bulletin"
            return _bulletin(raw, trust)
        try:
            text = raw.decode()
        except UnicodeDecodeError:
            raise BadInput("This is no text in UTF-8.") from None
        kind = "proof" if text.startswith(HEADER) else "checkpoint"
        if not trust.keys:
            raise BadInput("Give the authority's key or its policy to check this file by.", code="no_key")
        return _proof(text, trust) if kind == "proof" else _checkpoint(text, trust)
    except LianfangError as error:
        return Checked(False, kind, error.code, str(error))


def _bulletin(raw: bytes, trust: Trust) -> Checked:
    from lianfang.guard.ledger.note import ED25519
    from lianfang.services import bulletin

    logs = [str(one) for one in trust.keys if one.algorithm == ED25519]
    keys: list[str | None] = [*logs] if trust.keys else [None]
    found = None
    for key in keys:
        try:
            found = bulletin.verify(raw, key=key)
            break
        except Refused as error:
            if error.code != "other_key":
                raise
    if found is None:
        raise Refused("The file is of another key.", code="other_key")
    return Checked(
        True,
        "bulletin",
        trusted=bool(found["trusted"]),
        origin=found["key"].partition("+")[0],
        size=found["log_size"],
        root=found["log_root"],
        index=found["log_index"],
        paper=found["log_code"],
        bulletin={name: found[name] for name in _TOLD} | {"key": found["key"]},
    )


def _proof(text: str, trust: Trust) -> Checked:
    from lianfang.guard import ledger

    given = ledger.Proof.parse(text)
    proven = ledger.verify_proof(given, trust.keys, quorum=trust.quorum)
    try:
        entry = json.loads(proven.entry)
    except (ValueError, RecursionError):
        entry = None
    found = _headed("proof", proven.checkpoint, given.checkpoint, proven.signed_by)
    paper = paper_code(proven.index, ledger.leaf_hash(proven.entry))
    return replace(found, index=proven.index, paper=paper, entry=entry if isinstance(entry, dict) else None)


def _checkpoint(text: str, trust: Trust) -> Checked:
    from lianfang.guard import ledger

    if trust.quorum is not None:
        head, signed_by = trust.quorum.verify(text)
    else:
        head, signed_by = ledger.verify_checkpoint(text, trust.keys)
    return _headed("checkpoint", head, text, signed_by)


def _headed(kind: str, head: Checkpoint, note: str, signed_by: Sequence[Verifier]) -> Checked:
    from lianfang.guard.ledger.note import COSIGNATURE, cosigned_at, split_note

    at: dict[tuple[str, bytes], int] = {}
    for name, ident, signature, _ in split_note(note)[1]:
        at.setdefault((name, ident), cosigned_at(signature) if len(signature) >= 8 else 0)
    return Checked(
        True,
        kind,
        trusted=True,
        origin=head.origin,
        size=head.size,
        root=base64.b64encode(head.root).decode(),
        witnesses=tuple((one.name, at[one.mark]) for one in signed_by if one.algorithm == COSIGNATURE),
    )


def _compared(found: list[Checked]) -> list[Checked]:
    """Heads of one size with two roots, two bulletins of one number, and corrections that do not follow."""
    roots: dict[tuple[str, int], set[str]] = {}
    numbers: dict[tuple[str, str, int], Checked] = {}
    twice: set[tuple[str, str, int]] = set()
    for one in found:
        if one.valid and one.size is not None:
            roots.setdefault((one.origin, one.size), set()).add(one.root)
        if one.valid and one.bulletin:
            place = _place(one.bulletin, one.bulletin["number"])
            first = numbers.setdefault(place, one)
            if first.index != one.index or first.bulletin != one.bulletin:
                twice.add(place)
    return [_beside(one, roots, numbers, twice) for one in found]


def _beside(
    one: Checked,
    roots: dict[tuple[str, int], set[str]],
    numbers: dict[tuple[str, str, int], Checked],
    twice: set[tuple[str, str, int]],
) -> Checked:
    """One file's verdict beside the others."""
    if not one.valid:
        return one
    if one.size is not None and len(roots[one.origin, one.size]) > 1:
        split = Refused(
            "The log signed two different heads of one size: it showed different people different records.",
            hint="Keep all the files and tell who supervises the authority.",
            code="split_view",
        )
        return _broken(one, split)
    if one.bulletin is None:
        return one
    own = one.bulletin
    if _place(own, own["number"]) in twice:
        two = Refused(
            "The authority signed two different bulletins of this number.",
            hint="Keep all the files and tell who supervises the authority.",
            code="two_versions",
        )
        return _broken(one, two)
    old = numbers.get(_place(own, own["corrects"]))
    if old is not None and (own["corrects"] >= own["number"] or (old.index or 0) >= (one.index or 0)):
        chain = Refused(
            "The bulletin says that it corrects one that came after it in the log.",
            hint="Keep all the files and tell who supervises the authority.",
            code="broken_chain",
        )
        return _broken(one, chain)
    later = [
        other.bulletin["number"]
        for place, other in numbers.items()
        if other.bulletin
        and place == _place(own, other.bulletin["number"])
        and other.bulletin["corrects"] == own["number"]
        and other.bulletin["number"] > own["number"]
    ]
    return replace(one, corrected_by=max(later, default=None))


def _place(bulletin: dict[str, Any], number: int) -> tuple[str, str, int]:
    return bulletin["key"], bulletin["event_id"], number


def _broken(one: Checked, why: Refused) -> Checked:
    return replace(one, valid=False, code=why.code, reason=str(why))
