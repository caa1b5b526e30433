"""The book of gifts checked from its first step: conserved, signed, and as the ledger has it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from lianfang.services.gate import require
from lianfang.services.gifts.book import OUTSIDE, STATES
from lianfang.services.installation import Installation, Who

if TYPE_CHECKING:
    import sqlalchemy as sa

    from lianfang.store import Row


def audit(inst: Installation, who: Who) -> dict[str, Any]:
    """Go through every step again: ``valid``, ``gifts``, ``steps``, ``findings`` (texts).

    Each gift's holdings are recomputed move by move and may never fall below nothing; each step's moves are those it
    signed, its signature is the authority's, and the ledger's entry of its index commits to the same content.
    """
    from lianfang.records import Gift, GiftMove, GiftStep
    from lianfang.store import rows

    require(who, "gift.read")
    findings: list[str] = []
    steps = 0
    with inst.store.read() as connection:
        gifts = rows(connection, Gift, order_by=["at"])
        for gift in gifts:
            made = rows(connection, GiftStep, gift_id=gift["gift_id"], order_by=["number"])
            moves: dict[str, list[Row]] = {}
            for row in rows(connection, GiftMove, gift_id=gift["gift_id"], order_by=["number"]):
                moves.setdefault(row["step_id"], []).append(row)
            steps += len(made)
            findings += _conserved(gift["gift_id"], made, moves)
            for step in made:
                findings += _proved(inst, connection, step)
    return {"valid": not findings, "gifts": len(gifts), "steps": steps, "findings": findings}


def _conserved(gift_id: str, steps: list[Row], moves: dict[str, list[Row]]) -> list[str]:
    held: Counter[tuple[str, str, str]] = Counter()
    found = []
    if [step["number"] for step in steps] != list(range(1, len(steps) + 1)):
        found.append(f"{gift_id}: its steps are not numbered without a gap.")
    if set(moves) - {step["step_id"] for step in steps}:
        found.append(f"{gift_id}: a move belongs to no step.")
    for step in steps:
        told = [
            {
                "from": [row["source"], row["source_at"], row["source_item"]],
                "to": [row["target"], row["target_at"], row["target_item"]],
                "quantity": row["quantity"],
            }
            for row in moves.get(step["step_id"], [])
        ]
        if told != step["content"]["moves"]:
            found.append(f"{gift_id}, step {step['number']}: its moves are not those that were signed.")
        for row in moves.get(step["step_id"], []):
            held[row["source"], row["source_at"], row["source_item"]] -= row["quantity"]
            held[row["target"], row["target_at"], row["target_item"]] += row["quantity"]
        if any(quantity < 0 for (state, _, _), quantity in held.items() if state != OUTSIDE):
            found.append(f"{gift_id}, step {step['number']}: a holding has less than nothing.")
    if unknown := {state for state, _, _ in held} - {*STATES, OUTSIDE}:
        found.append(f"{gift_id}: there is no state {', '.join(sorted(unknown))}.")
    return found


def _proved(inst: Installation, connection: sa.Connection, step: Row) -> list[str]:
    from lianfang.foundation.errors import LianfangError
    from lianfang.guard import ledger
    from lianfang.guard.signing import verify

    where = f"{step['gift_id']}, step {step['number']}"
    signed = {"payload": step["content"], "signer": step["key_id"], "signature": step["signature"]}
    try:
        verify(inst.signer.public, signed)
    except LianfangError:
        return [f"{where}: its signature is not the authority's."]
    try:
        kept = ledger.opening(connection, step["log_index"])
        same = ledger.verify_opening(ledger.Log.only(connection).entry(connection, step["log_index"]), kept)
    except LianfangError:
        return [f"{where}: the ledger has no such entry."]
    return [] if same == step["content"] else [f"{where}: the ledger's entry says something else."]
