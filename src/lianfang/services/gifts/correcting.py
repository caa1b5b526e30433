"""A wrong booking is undone by another that names it; nothing is overwritten and nothing is taken out of the book."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lianfang.foundation.errors import Conflict, NotFound
from lianfang.services.gate import require
from lianfang.services.gifts.book import Holding, Move, enter, hold, said
from lianfang.services.installation import Installation, Who

if TYPE_CHECKING:
    import sqlalchemy as sa

    from lianfang.store import Row


def reverse(inst: Installation, who: Who, step_id: str, *, reason: str) -> str:
    """Move back what a step moved; returns the new step's id. What should have been booked is then booked anew.

    A purchase is undone on every gift of money it drew from, with the goods it bought: all or nothing.

    Raises:
        NotFound: no such step. Conflict: it was undone already, is a correction itself, or what it moved has moved
        on: undo the later steps first.
    """
    from lianfang.records import GiftStep
    from lianfang.services.gifts.money import parts
    from lianfang.store import rows

    require(who, "gift.correct")
    why = said(reason, "reason", needed=True)
    with inst.store.begin() as connection:
        found = rows(connection, GiftStep, step_id=step_id)
        if not found:
            raise NotFound("There is no such step.")
        together = parts(connection, found[0])
        for gift_id in sorted({step["gift_id"] for step in together}):
            hold(connection, inst, who, gift_id)
        made = ""
        for step in together:
            new = _undo(inst, connection, who, step, why)
            made = new if step["step_id"] == step_id else made
        return made


def _undo(inst: Installation, connection: sa.Connection, who: Who, step: Row, why: str) -> str:
    from lianfang.records import GiftMove, GiftStep
    from lianfang.store import rows, tally

    gift = {"gift_id": step["gift_id"]}
    if step["kind"] == "reverse":
        raise Conflict("A correction is not undone: book the act again.")
    if tally(connection, GiftStep, reverses=step["step_id"]):
        raise Conflict("This step was undone already.")
    moves = [
        Move(
            Holding(row["target"], row["target_at"], row["target_item"]),
            Holding(row["source"], row["source_at"], row["source_item"]),
            row["quantity"],
        )
        for row in rows(connection, GiftMove, step_id=step["step_id"], order_by=["number"])
    ]
    told = {"reason": why, "undoes": step["kind"]}
    return enter(inst, connection, who, gift, "reverse", moves, told, reverses=step["step_id"])
