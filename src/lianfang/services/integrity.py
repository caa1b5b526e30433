"""Is everything still as it was written? The log read again whole, and every sealed identity opened in place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lianfang.services.installation import Installation

if TYPE_CHECKING:
    from lianfang.foundation.progress import Progress


def check(
    inst: Installation,
    *,
    heads: Sequence[str] = (),
    most: int | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Recompute the ledger, and open every subject of the vault without showing it.

    ``heads``: signed checkpoints of this log that others kept; they show a rollback or a rewritten past.
    ``most``: open a random sample of so many identities where there are more. Returns ``valid``, ``entries``,
    ``subjects`` (how many there are), ``opened``, ``findings`` (what, and the entry's index where there is one).
    """
    from lianfang.guard import ledger

    with inst.vault_store.read() as vault, inst.store.read() as connection:
        log = ledger.Log.only(connection)
        key = ledger.Verifier(log.origin, inst.signer.public.signing)
        found = ledger.check(
            connection, log, verifiers=[key], heads=heads, sealer=inst.vault.sealer(vault), progress=progress
        )
        entries = log.size(connection)
        subjects, opened, broken = inst.vault.check(vault, most=most, progress=progress)
    findings = [{"what": one.what, "index": one.index} for one in found]
    findings += [{"what": f"the identity of subject {one} does not open", "index": None} for one in broken]
    return {
        "valid": not findings,
        "entries": entries,
        "subjects": subjects,
        "opened": opened,
        "findings": findings,
    }
