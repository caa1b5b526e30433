"""The ledger: a transparency log in the open formats of C2SP, and the trail of every crossing.

Merkle tree of RFC 6962, signed notes, tiles, offline proofs. Verifying needs no installation and no database.
See docs/explanation/ledger.md.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lianfang.guard.ledger.audit import Finding as Finding
    from lianfang.guard.ledger.audit import check as check
    from lianfang.guard.ledger.commit import verify_opening as verify_opening
    from lianfang.guard.ledger.evidence import Evidence as Evidence
    from lianfang.guard.ledger.log import Log as Log
    from lianfang.guard.ledger.merkle import leaf_hash as leaf_hash
    from lianfang.guard.ledger.merkle import verify_consistency as verify_consistency
    from lianfang.guard.ledger.merkle import verify_inclusion as verify_inclusion
    from lianfang.guard.ledger.note import Note as Note
    from lianfang.guard.ledger.note import Signer as Signer
    from lianfang.guard.ledger.note import Verifier as Verifier
    from lianfang.guard.ledger.note import sign_note as sign_note
    from lianfang.guard.ledger.note import verify_note as verify_note
    from lianfang.guard.ledger.proof import Checkpoint as Checkpoint
    from lianfang.guard.ledger.proof import Proof as Proof
    from lianfang.guard.ledger.proof import verify_checkpoint as verify_checkpoint
    from lianfang.guard.ledger.proof import verify_proof as verify_proof
    from lianfang.guard.ledger.quorum import Quorum as Quorum
    from lianfang.guard.ledger.records import Entry as Entry
    from lianfang.guard.ledger.records import Item as Item
    from lianfang.guard.ledger.records import entries as entries
    from lianfang.guard.ledger.records import opening as opening
    from lianfang.guard.ledger.records import record as record
    from lianfang.guard.ledger.records import record_many as record_many
    from lianfang.guard.ledger.tables import metadata as metadata

_EXPORTS = {
    "Checkpoint": "proof",
    "Entry": "records",
    "Evidence": "evidence",
    "Finding": "audit",
    "check": "audit",
    "Item": "records",
    "Log": "log",
    "Note": "note",
    "Proof": "proof",
    "Quorum": "quorum",
    "Signer": "note",
    "Verifier": "note",
    "entries": "records",
    "leaf_hash": "merkle",
    "metadata": "tables",
    "opening": "records",
    "record": "records",
    "record_many": "records",
    "sign_note": "note",
    "verify_checkpoint": "proof",
    "verify_consistency": "merkle",
    "verify_inclusion": "merkle",
    "verify_note": "note",
    "verify_opening": "commit",
    "verify_proof": "proof",
}

__all__ = [
    "Checkpoint",
    "Entry",
    "Evidence",
    "Finding",
    "Item",
    "Log",
    "Note",
    "Proof",
    "Quorum",
    "Signer",
    "Verifier",
    "check",
    "entries",
    "leaf_hash",
    "metadata",
    "opening",
    "record",
    "record_many",
    "sign_note",
    "verify_checkpoint",
    "verify_consistency",
    "verify_inclusion",
    "verify_note",
    "verify_opening",
    "verify_proof",
]


def __getattr__(name: str) -> Any:
    if name in _EXPORTS:
        return getattr(importlib.import_module(f"{__name__}.{_EXPORTS[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
