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
from lianfang.guard.ledger.merkle import EMPTY_ROOT, SIZE, roots_of
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
    found = roots_of(small.size, large.size, path)
    return found is not None and found[1] == large.root and found[0] != small.root
