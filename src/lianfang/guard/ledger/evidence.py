"""What a log was caught at, in one file that anybody can check with nothing but the log's key.

``proof`` kinds need no trust in whoever wrote the file: two heads that the log itself signed contradict each other.
``observation`` kinds say what somebody was shown; they hold as far as he is believed.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from lianfang.foundation.canonical import from_base64, plain
from lianfang.foundation.errors import BadInput, Refused
from lianfang.guard.ledger.merkle import EMPTY_ROOT, SIZE, verify_consistency
from lianfang.guard.ledger.note import Verifier
from lianfang.guard.ledger.proof import Checkpoint, verify_checkpoint

FORMAT = "lianfang-evidence/1"
#: Two signed heads that cannot both be true: of one size, or of two.
PROOFS = ("split_view", "rewritten")
#: What was shown to the observer: an older head, other entries than were signed, nothing at all.
OBSERVATIONS = ("rolled_back", "other_entries", "withheld", "unsigned")
MAX_FILE = 4_000_000


@dataclass(frozen=True)
class Evidence:
    """``notes``: signed heads; ``path``: that the later one's tree begins otherwise; ``seen``: particulars."""

    kind: str
    origin: str
    notes: tuple[str, ...]
    found_at: str
    keys: tuple[str, ...] = ()
    path: tuple[bytes, ...] = ()
    seen: Mapping[str, Any] = field(default_factory=dict)

    @property
    def proves(self) -> bool:
        """Whether the file is a proof by itself."""
        return self.kind in PROOFS

    def text(self) -> str:
        """The evidence file."""
        body = {
            "format": FORMAT,
            "kind": self.kind,
            "origin": self.origin,
            "found_at": self.found_at,
            "keys": list(self.keys),
            "notes": list(self.notes),
            "path": [base64.b64encode(one).decode() for one in self.path],
            "seen": dict(self.seen),
        }
        return json.dumps(body, ensure_ascii=False, indent=1, sort_keys=True) + "\n"

    @classmethod
    def parse(cls, text: str) -> Evidence:
        """Read an evidence file; BadInput when it is none."""
        try:
            said = json.loads(text) if len(text) <= MAX_FILE else None
            if (
                not isinstance(said, dict)
                or said.get("format") != FORMAT
                or not isinstance(said["seen"], dict)
            ):
                raise ValueError
            texts = [said["kind"], said["origin"], said["found_at"], *said["keys"], *said["notes"]]
            path = tuple(from_base64(one) for one in said["path"])
            if not all(isinstance(one, str) for one in texts) or len(path) > 64 or len(said["notes"]) > 8:
                raise ValueError
            if any(len(one) != SIZE for one in path) or said["kind"] not in (*PROOFS, *OBSERVATIONS):
                raise ValueError
        except (ValueError, KeyError, TypeError, RecursionError):
            raise BadInput("That is no evidence file.", code="malformed_evidence") from None
        return cls(
            said["kind"],
            said["origin"],
            tuple(said["notes"]),
            said["found_at"],
            tuple(said["keys"]),
            path,
            said["seen"],
        )

    def verify(self, verifiers: Iterable[Verifier | str]) -> tuple[Checkpoint, ...]:
        """Its heads, if the log with one of these keys signed each and, for a proof, they contradict each other.

        Refused when they do not: then the file shows nothing against the log.
        """
        keys = list(verifiers)
        heads = tuple(verify_checkpoint(note, keys, origin=self.origin)[0] for note in self.notes)
        if self.proves and not _contradict(self.kind, heads, self.path):
            raise Refused("The heads of this file do not contradict each other.", code="no_evidence")
        return heads


def two_heads(
    one: str,
    other: str,
    path: Sequence[bytes] = (),
    *,
    keys: Iterable[Verifier],
    found_at: datetime,
    seen: Mapping[str, Any] | None = None,
) -> Evidence:
    """Evidence that two signed heads contradict each other; ``path`` leads through the larger one's tree."""
    known = list(keys)
    heads = [(verify_checkpoint(note, known)[0], note) for note in (one, other)]
    heads.sort(key=lambda pair: pair[0].size)
    kind = "split_view" if heads[0][0].size == heads[1][0].size else "rewritten"
    notes = tuple(note for _, note in heads)
    return Evidence(
        kind,
        heads[0][0].origin,
        notes,
        str(plain(found_at)),
        tuple(map(str, known)),
        tuple(path) if kind == "rewritten" else (),
        seen or {},
    )


def whole_path(first: int, first_root: bytes, path: Sequence[bytes]) -> list[bytes]:
    """A consistency path that begins with its own first hash (RFC 6962 leaves it out for a power of two)."""
    return [first_root, *path] if first and first & (first - 1) == 0 else list(path)


def _contradict(kind: str, heads: Sequence[Checkpoint], path: Sequence[bytes]) -> bool:
    if len(heads) != 2:
        return False
    small, large = heads
    if kind == "split_view":
        return small.size == large.size and small.root != large.root
    if not 0 < small.size < large.size:
        return small.size == 0 < large.size and small.root != EMPTY_ROOT
    began = other_beginning(small.size, large.size, large.root, path)
    return began is not None and began != small.root


def other_beginning(first: int, second: int, second_root: bytes, path: Sequence[bytes]) -> bytes | None:
    """The root of the first ``first`` entries in the tree of ``second`` with this root, as ``path`` shows it.

    ``path`` is :func:`whole_path` of a consistency path in that tree; None when it does not lead to its root.
    """
    if not path or any(len(one) != SIZE for one in path):
        return None
    power = first & (first - 1) == 0
    rest = path[1:] if power else path
    began = path[0] if power else _fold_old(first, second, path)
    if began is None or not verify_consistency(first, second, began, second_root, rest):
        return None
    return began


def _fold_old(first: int, second: int, path: Sequence[bytes]) -> bytes | None:
    """The old root that a consistency path computes (RFC 9162 section 2.1.4.2, its left half)."""
    from lianfang.guard.ledger.merkle import node_hash

    at, last = first - 1, second - 1
    while at & 1:
        at >>= 1
        last >>= 1
    old = path[0]
    for sibling in path[1:]:
        if last == 0:
            return None
        if at & 1 or at == last:
            old = node_hash(sibling, old)
            while not at & 1 and at:
                at >>= 1
                last >>= 1
        at >>= 1
        last >>= 1
    return old
