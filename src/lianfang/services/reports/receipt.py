"""What goes with a delivered file: who committed to it, when, and to which rows.

A receipt is a chain. The first link is the unit that made the report, each further one a node that passed it
on; a link is an offline proof of that node's log and the opening of its entry. Rows are committed to one by
one, so that a file which was split, joined or mapped on the way can still be compared row by row.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lianfang.foundation.canonical import digest, moment, plain
from lianfang.foundation.errors import BadInput, LianfangError, Refused

FORMAT: Final = "lianfang-report-receipt/1"
SUFFIX = ".receipt.json"
#: Type of the entry by which a node commits to a file.
ENTRY = "report.committed"
MAX_BYTES = 64 << 20
MAX_LINKS = 8
#: What a row gets here, not from its source; such fields are no part of what a source can commit to.
OURS = frozenset({"id", "event_id", "subject_id", "batch_id", "household"})

_Hex = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class RowCommit(_Part):
    """Commitment to one row: which row, and the salt by which it is compared."""

    id: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    salt: _Hex
    commit: _Hex


class Payload(_Part):
    """What a link's entry commits to."""

    sha256: _Hex
    kind: Annotated[str, Field(max_length=64)]
    rows: Annotated[int, Field(ge=0, le=1_000_000)]
    rows_root: _Hex
    previous: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")]


class Opening(_Part):
    """Salt and payload of a link's entry."""

    salt: _Hex
    payload: Payload


class Link(_Part):
    """One node's commitment."""

    key: Annotated[str, Field(max_length=400)]
    proof: Annotated[str, Field(max_length=100_000)]
    opening: Opening


class Receipt(_Part):
    """The whole chain; ``rows`` are those that the first link committed to."""

    format: Literal["lianfang-report-receipt/1"]
    rows: Annotated[list[RowCommit], Field(max_length=1_000_000)]
    links: Annotated[list[Link], Field(min_length=1, max_length=MAX_LINKS)]

    @property
    def file(self) -> str:
        """SHA-256 of the file that the last node passed on."""
        return self.links[-1].opening.payload.sha256

    def text(self) -> str:
        """As it is written beside the file."""
        return json.dumps(self.model_dump(), ensure_ascii=False, indent=1, sort_keys=True) + "\n"


@dataclass(frozen=True)
class Checked:
    """A link that was looked at. ``status``: verified, unknown_key, broken (``problem`` says how)."""

    origin: str
    status: Literal["verified", "unknown_key", "broken"]
    sha256: str
    index: int = -1
    committed_at: datetime | None = None
    size: int = 0
    root: str = ""
    problem: str = ""


def read(raw: bytes) -> Receipt:
    """A receipt's text; BadInput when it is none."""
    if len(raw) > MAX_BYTES:
        raise BadInput("The receipt is too large.")
    try:
        return Receipt.model_validate(json.loads(raw))
    except (ValueError, RecursionError, ValidationError):
        raise BadInput("That is no receipt of a report.", hint="lianfang report commit writes one.") from None


def beside(path: Path | str) -> bytes | None:
    """The receipt that lies beside a delivered file (``NAME.receipt.json``), or None."""
    file = Path(f"{path}{SUFFIX}")
    if str(path) == "-" or not file.is_file() or file.is_symlink():
        return None
    with file.open("rb") as stream:
        return stream.read(MAX_BYTES + 1)


def row_commit(salt: str, row: Mapping[str, Any]) -> str:
    """SHA-256(0x02 || salt || canonical row without what is ours)."""
    from lianfang.guard.ledger.commit import commitment

    return commitment(bytes.fromhex(salt), plain(sent(row))).hex()


def sent(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as its source sent it: without what it gets here."""
    return {name: value for name, value in row.items() if name not in OURS}


def rows_root(commits: list[str]) -> str:
    """Merkle root (RFC 6962) over the rows' commitments, in the file's order."""
    return root_of([bytes.fromhex(one) for one in commits]).hex()


def root_of(entries: Sequence[bytes]) -> bytes:
    """Root of the tree (RFC 6962) of these entries."""
    from lianfang.guard.ledger import merkle

    leaves = [merkle.leaf_hash(one) for one in entries]
    return merkle.range_hash(
        0, len(leaves), lambda level, at: merkle.fold(leaves[at << level : (at + 1) << level])
    )


def link_digest(link: Link) -> str:
    """What the next link names its predecessor by."""
    return digest(link.model_dump())


def check(receipt: Receipt, keys: Mapping[str, str]) -> list[Checked]:
    """Look at every link; ``keys``: log -> its registered verifier key. Nothing is raised: a link says its status.

    A chain is only as good as its links: one that names another predecessor is broken, whoever signed it.
    """
    found: list[Checked] = []
    before = ""
    root = rows_root([row.commit for row in receipt.rows])
    for link in receipt.links:
        payload = link.opening.payload
        try:
            one = _checked(link, keys)
            if payload.previous != before:
                raise Refused("The link names another predecessor.", code="broken_chain")
            if not before and (payload.rows_root != root or payload.rows != len(receipt.rows)):
                raise Refused("The rows are not those that the source committed to.", code="broken_chain")
        except LianfangError as error:
            one = Checked(link.key.partition("+")[0][:255], "broken", payload.sha256, problem=error.code)
        found.append(one)
        before = link_digest(link)
    return found


def _checked(link: Link, keys: Mapping[str, str]) -> Checked:
    from lianfang.guard import ledger

    verifier = ledger.Verifier.parse(link.key)
    registered = keys.get(verifier.name)
    if registered is not None and registered != str(verifier):
        raise Refused("The link is signed by another key than the registered one.", code="other_key")
    proven = ledger.verify_proof(link.proof, [verifier], origin=verifier.name)
    ledger.verify_opening(proven.entry, link.opening.model_dump())
    entry = json.loads(proven.entry)
    if entry.get("type") != ENTRY:
        raise Refused("The entry is about something else.", code="other_entry")
    return Checked(
        verifier.name,
        "verified" if registered else "unknown_key",
        link.opening.payload.sha256,
        proven.index,
        moment(str(entry["time"])),
        proven.checkpoint.size,
        proven.checkpoint.root.hex(),
    )


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
