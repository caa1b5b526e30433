"""Inspection: what arrived is what its mark says, by the standard of the catalogue, and not what the list said."""

from __future__ import annotations

from datetime import date
from typing import Any

from lianfang.foundation.errors import BadInput, Conflict
from lianfang.services.gate import require
from lianfang.services.gifts import catalogue
from lianfang.services.gifts.book import (
    Holding,
    Move,
    done_by,
    enter,
    hold,
    new_id,
    other_than,
    said,
    whole,
)
from lianfang.services.installation import Installation, Who

#: Why a quantity was rejected or set aside.
REASONS = ("standard", "expired", "damaged", "no_certificate", "counterfeit", "dirty", "other")


def inspect(
    inst: Installation,
    who: Who,
    gift_id: str,
    depot: str,
    *,
    accepted: int = 0,
    rejected: int = 0,
    quarantined: int = 0,
    item: str = "",
    mark: str = "",
    lot_no: str = "",
    expires_on: date | None = None,
    reason: str = "",
    note: str = "",
    source: str = "received",
) -> dict[str, str]:
    """Judge goods that wait at a depot (``source``: ``received``, or ``quarantined`` to judge them again).

    What is accepted becomes a lot of the ``item`` whose standard the goods bear as their ``mark``: declared N95 that
    is marked KN95 is booked as KN95 or not at all. What is rejected or set aside needs a ``reason`` of
    :data:`REASONS`. Returns ``step_id`` and ``lot_id`` ("" when nothing was accepted).

    Raises:
        BadInput: nothing judged, a mark that is not the item's standard, no lot number or expiry where the item has
        one, expired goods, no reason. Conflict: less is there. Refused: by who received it.
    """
    require(who, "gift.inspect")
    for quantity, what in (
        (accepted, "accepted quantity"),
        (rejected, "rejected quantity"),
        (quarantined, "quarantined quantity"),
    ):
        whole(quantity, what, least=0)
    if not accepted + rejected + quarantined:
        raise BadInput("Say how many were accepted, rejected or set aside.")
    if source not in ("received", "quarantined") or (source == "quarantined" and quarantined):
        raise BadInput("What is inspected was received, or set aside before and not again.")
    if (rejected or quarantined) and reason not in REASONS:
        raise BadInput(f"What is not accepted has a reason: {', '.join(REASONS)}.")
    remark, number = said(note), said(lot_no, "lot number")
    with inst.store.begin() as connection:
        gift = hold(connection, inst, who, gift_id)
        if gift["item_id"] == catalogue.MONEY:
            raise BadInput("Money is confirmed, not inspected.")
        other_than(
            who,
            done_by(connection, gift_id, "receive", "give_back"),
            "who received a gift does not inspect it",
        )
        here = Holding(source, depot, gift["item_id"])
        lot_id, found = "", gift["item_id"]
        moves = [
            Move(here, Holding(state, depot, gift["item_id"]), quantity)
            for state, quantity in (("rejected", rejected), ("quarantined", quarantined))
            if quantity
        ]
        if accepted:
            row = catalogue.item(connection, item or gift["item_id"])
            _meets(row, mark, number, expires_on, inst.today())
            lot_id, found = new_id("l"), row["item_id"]
            moves.insert(0, Move(here, Holding("accepted", lot_id, found), accepted))
            _lot(connection, gift_id, lot_id, row, number, expires_on, depot)
        told: dict[str, Any] = (
            {"depot": depot, "lot_id": lot_id, "item": found, "mark": row["standard"]}
            if accepted
            else {"depot": depot}
        )
        told |= {"lot_no": number, "expires_on": expires_on, "reason": reason, "note": remark}
        return {"step_id": enter(inst, connection, who, gift, "inspect", moves, told), "lot_id": lot_id}


def _meets(row: Any, mark: str, lot_no: str, expires_on: date | None, today: date) -> None:
    if not mark.strip():
        raise BadInput("Say which standard the goods are marked with.")
    if row["item_id"] == catalogue.MONEY:
        raise BadInput("Goods are not booked as money.")
    if not catalogue.meets(row, mark):
        raise BadInput(
            f"Goods with this mark are no {row['item_id']}: it must bear {row['standard']}.",
            hint="Accept them as the item whose standard they bear, or reject them.",
            code="standard",
        )
    if row["expires"] and (not lot_no or expires_on is None):
        raise BadInput("This item has a lot number and an expiry date: give both.")
    if expires_on is not None and expires_on <= today:
        raise Conflict("These goods have expired: they can be rejected only.")


def _lot(
    connection: Any, gift_id: str, lot_id: str, row: Any, lot_no: str, expires_on: date | None, depot: str
) -> None:
    from lianfang.records import GiftLot
    from lianfang.store import insert_new

    insert_new(
        connection,
        GiftLot(
            lot_id=lot_id,
            gift_id=gift_id,
            item_id=row["item_id"],
            mark=row["standard"],
            lot_no=lot_no,
            expires_on=expires_on,
            depot_id=depot,
        ),
    )
