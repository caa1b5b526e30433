"""From the shelf to the ward: stored, allocated, sent, delivered, used; and what came back, was lost or destroyed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lianfang.foundation.errors import BadInput, Conflict, NotFound, Refused
from lianfang.services.gate import require
from lianfang.services.gifts import catalogue, giving
from lianfang.services.gifts.book import (
    Holding,
    Move,
    enter,
    hold,
    new_id,
    other_than,
    said,
    whole,
)
from lianfang.services.installation import Installation, Who

if TYPE_CHECKING:
    import sqlalchemy as sa

    from lianfang.store import Row

LOSSES = ("damaged", "stolen", "missing", "expired", "miscounted", "other")
ENDS = ("returned", "destroyed")


def store(inst: Installation, who: Who, lot_id: str, quantity: int, *, shelf: str = "") -> str:
    """Put accepted goods of a lot on the shelf; from now on they can be allocated. Returns the step's id."""
    from lianfang.records import GiftLot
    from lianfang.store import change

    require(who, "gift.store")
    whole(quantity)
    where = said(shelf, "shelf")
    with inst.store.begin() as connection:
        lot = lot_row(connection, lot_id)
        gift = hold(connection, inst, who, lot["gift_id"])
        moves = _straight("accepted", "stored", lot_id, lot["item_id"], quantity)
        step = enter(
            inst, connection, who, gift, "store", moves, {"depot": lot["depot_id"], "lot_id": lot_id}
        )
        values: dict[str, Any] = {"shelf": where} if where else {}
        if lot["stored_at"] is None:
            values["stored_at"] = inst.now()
        if values:
            change(connection, GiftLot, lot["id"], **values)
        return step


def allocate(
    inst: Installation, who: Who, lot_id: str, body_id: str, quantity: int, *, need_id: str = "", reason: str
) -> dict[str, str]:
    """Give a quantity of a lot to a body, for a need where there is one; returns ``step_id``, ``allocation_id``.

    A directed gift goes to its body only, unless the donor agreed in an answer that another person recorded. Goods
    serve a need of their own item or of one that the catalogue says they may serve.

    Raises:
        BadInput: no such body, a need of another body or item. Conflict: less is there, or expired. Refused: the
        direction, or who asked for it or recorded the answer allocates.
    """
    from lianfang.records import GiftAllocation
    from lianfang.store import insert_new

    require(who, "gift.allocate")
    whole(quantity)
    why = said(reason, "reason", needed=True)
    with inst.store.begin() as connection:
        lot = lot_row(connection, lot_id)
        gift = hold(connection, inst, who, lot["gift_id"])
        catalogue.body(connection, body_id)
        _directed(connection, who, gift, body_id)
        if need_id:
            _need(connection, who, lot, body_id, need_id, gift["event_id"])
        if lot["expires_on"] is not None and lot["expires_on"] <= inst.today():
            raise Conflict("This lot has expired.")
        allocation_id = new_id("a")
        insert_new(
            connection,
            GiftAllocation(
                allocation_id=allocation_id,
                gift_id=gift["gift_id"],
                lot_id=lot_id,
                item_id=lot["item_id"],
                body_id=body_id,
                need_id=need_id,
            ),
        )
        item = lot["item_id"]
        move = Move(Holding("stored", lot_id, item), Holding("allocated", allocation_id, item), quantity)
        told = {
            "lot_id": lot_id,
            "allocation_id": allocation_id,
            "body_id": body_id,
            "need_id": need_id,
            "reason": why,
        }
        step = enter(inst, connection, who, gift, "allocate", [move], told)
        return {"step_id": step, "allocation_id": allocation_id}


def _directed(connection: sa.Connection, who: Who, gift: Row, body_id: str) -> None:
    open_to, recorder = giving.agreed(connection, gift, body_id)
    if not open_to:
        raise Refused(
            "This gift is directed to another body, and its donor has not agreed.",
            reasons=("gift:directed",),
            hint="Ask the donor and record the answer: lianfang gifts answer.",
            code="directed",
        )
    if recorder:
        other_than(who, [recorder], "who recorded the donor's answer does not allocate by it")


def _need(connection: sa.Connection, who: Who, lot: Row, body_id: str, need_id: str, event_id: str) -> None:
    from lianfang.records import SupplyNeed
    from lianfang.store import one

    need = one(connection, SupplyNeed, need_id=need_id)
    if need["status"] != "open" or need["body_id"] != body_id or need["event_id"] != event_id:
        raise BadInput("This need is another body's or event's, or it was withdrawn.")
    if lot["item_id"] not in catalogue.serving(catalogue.known(connection), need["item_id"]):
        raise BadInput(
            f"{lot['item_id']} does not serve a need of {need['item_id']}.",
            hint="Goods serve their own item, and those that the catalogue names.",
            code="standard",
        )
    other_than(who, [need["by"]], "who asked for goods does not allocate them")


def cancel(inst: Installation, who: Who, allocation_id: str, quantity: int, *, reason: str) -> str:
    """Take back an allocation that was not sent: the goods are in store again. Returns the step's id."""
    require(who, "gift.allocate")
    why = said(reason, "reason", needed=True)
    with inst.store.begin() as connection:
        made, gift = _allocation(inst, connection, who, allocation_id)
        move = Move(
            Holding("allocated", allocation_id, made["item_id"]),
            Holding("stored", made["lot_id"], made["item_id"]),
            whole(quantity),
        )
        return enter(inst, connection, who, gift, "cancel", [move], _about(made, reason=why))


def dispatch(inst: Installation, who: Who, allocation_id: str, quantity: int, *, waybill: str = "") -> str:
    """Allocated goods leave the depot; returns the step's id. The waybill's number names nobody."""
    require(who, "gift.dispatch")
    paper = said(waybill, "waybill")
    with inst.store.begin() as connection:
        made, gift = _allocation(inst, connection, who, allocation_id)
        moves = _straight("allocated", "in_transit", allocation_id, made["item_id"], quantity)
        return enter(inst, connection, who, gift, "dispatch", moves, _about(made, waybill=paper))


def deliver(inst: Installation, who: Who, allocation_id: str, quantity: int, *, note: str = "") -> str:
    """The body confirms what arrived, by another person than who sent it; returns the step's id.

    What did not arrive stays in transit until it does, or is booked as lost.
    """
    from lianfang.services.gifts.book import done_by

    require(who, "gift.deliver")
    remark = said(note)
    with inst.store.begin() as connection:
        made, gift = _allocation(inst, connection, who, allocation_id)
        other_than(
            who, done_by(connection, gift["gift_id"], "dispatch"), "who sent goods does not confirm them"
        )
        moves = _straight("in_transit", "delivered", allocation_id, made["item_id"], quantity)
        return enter(inst, connection, who, gift, "deliver", moves, _about(made, note=remark))


def use(inst: Installation, who: Who, allocation_id: str, quantity: int, *, ward: str) -> str:
    """Delivered goods were used, or handed to a ward to be used; returns the step's id."""
    require(who, "gift.use")
    where = said(ward, "ward", needed=True)
    with inst.store.begin() as connection:
        made, gift = _allocation(inst, connection, who, allocation_id)
        moves = _straight("delivered", "used", allocation_id, made["item_id"], quantity)
        return enter(inst, connection, who, gift, "use", moves, _about(made, ward=where))


def give_back(
    inst: Installation,
    who: Who,
    allocation_id: str,
    quantity: int,
    *,
    depot: str,
    reason: str,
    source: str = "delivered",
) -> str:
    """Goods come back to a depot (``source``: ``delivered`` or ``in_transit``) and are inspected again."""
    require(who, "gift.receive")
    why = said(reason, "reason", needed=True)
    with inst.store.begin() as connection:
        made, gift = _allocation(inst, connection, who, allocation_id)
        catalogue.body(connection, depot)
        # what comes back is what was declared again, until somebody has looked
        move = Move(
            Holding(source, allocation_id, made["item_id"]),
            Holding("received", depot, gift["item_id"]),
            whole(quantity),
        )
        return enter(inst, connection, who, gift, "give_back", [move], _about(made, depot=depot, reason=why))


def lose(
    inst: Installation,
    who: Who,
    gift_id: str,
    state: str,
    at: str,
    quantity: int,
    *,
    reason: str,
    note: str = "",
) -> str:
    """A quantity of a holding (``state`` and depot, lot or allocation) is gone; returns the step's id.

    Raises:
        BadInput: a reason that is none of damaged, stolen, missing, expired, miscounted, other.
    """
    require(who, "gift.lose")
    if reason not in LOSSES:
        raise BadInput(f"Why goods are gone is one of: {', '.join(LOSSES)}.")
    return _end(inst, who, "lose", gift_id, state, at, quantity, "lost", reason, said(note))


def dispose(
    inst: Installation,
    who: Who,
    gift_id: str,
    state: str,
    at: str,
    quantity: int,
    *,
    end: str,
    reason: str,
    note: str = "",
) -> str:
    """Goods that can't be used go back to the donor (``end``: ``returned``) or are ``destroyed``; gives its id."""
    require(who, "gift.store")
    if end not in ENDS:
        raise BadInput(f"Goods that can't be used are: {', '.join(ENDS)}.")
    why = said(reason, "reason", needed=True)
    return _end(inst, who, "dispose", gift_id, state, at, quantity, end, why, said(note))


def _end(
    inst: Installation,
    who: Who,
    kind: str,
    gift_id: str,
    state: str,
    at: str,
    quantity: int,
    end: str,
    reason: str,
    note: str,
) -> str:
    with inst.store.begin() as connection:
        gift = hold(connection, inst, who, gift_id)
        if gift["item_id"] == catalogue.MONEY:
            raise BadInput("Money is spent or given back, not lost or destroyed.")
        item = _item_of(connection, gift, state, at)
        move = Move(Holding(state, at, item), Holding(end, at, item), whole(quantity))
        told = {"state": state, "at_place": at, "reason": reason, "note": note}
        return enter(inst, connection, who, gift, kind, [move], told)


def _item_of(connection: sa.Connection, gift: Row, state: str, at: str) -> str:
    """As what item a holding is booked: as found from its lot on, as declared before."""
    if state in ("accepted", "stored"):
        return str(lot_row(connection, at)["item_id"])
    if state in ("allocated", "in_transit", "delivered"):
        return str(_made(connection, at)["item_id"])
    return str(gift["item_id"])


def _straight(source: str, target: str, at: str, item: str, quantity: int) -> list[Move]:
    return [Move(Holding(source, at, item), Holding(target, at, item), whole(quantity))]


def lot_row(connection: sa.Connection, lot_id: str) -> Row:
    """One lot; :class:`NotFound` otherwise."""
    from lianfang.records import GiftLot
    from lianfang.store import one

    return one(connection, GiftLot, lot_id=lot_id)


def _made(connection: sa.Connection, allocation_id: str) -> Row:
    from lianfang.records import GiftAllocation
    from lianfang.store import rows

    found = rows(connection, GiftAllocation, allocation_id=allocation_id)
    if not found:
        raise NotFound("There is no such allocation.")
    return found[0]


def _allocation(
    inst: Installation, connection: sa.Connection, who: Who, allocation_id: str
) -> tuple[Row, Row]:
    made = _made(connection, allocation_id)
    return made, hold(connection, inst, who, made["gift_id"])


def _about(made: Row, **more: Any) -> dict[str, Any]:
    return {"allocation_id": made["allocation_id"], "body_id": made["body_id"], **more}
