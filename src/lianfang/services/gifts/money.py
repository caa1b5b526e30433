"""Gifts of money, in fen: confirmed by a second person, spent on goods that go the way of gifts, or given back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lianfang.foundation.errors import BadInput, Conflict
from lianfang.services import events
from lianfang.services.gate import require, within
from lianfang.services.gifts import catalogue
from lianfang.services.gifts.book import (
    OUTSIDE,
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
from lianfang.services.gifts.catalogue import MONEY
from lianfang.services.installation import Installation, Who

if TYPE_CHECKING:
    import sqlalchemy as sa

    from lianfang.store import Row


def confirm(inst: Installation, who: Who, gift_id: str, account_id: str, quantity: int) -> str:
    """A second person has seen the money (fen) on the account: from now on it can be spent. Returns the step's id."""
    require(who, "gift.money")
    with inst.store.begin() as connection:
        gift = _money(hold(connection, inst, who, gift_id))
        other_than(who, done_by(connection, gift_id, "receive"), "who received money does not confirm it")
        move = Move(
            Holding("received", account_id, MONEY), Holding("stored", account_id, MONEY), whole(quantity)
        )
        return enter(inst, connection, who, gift, "confirm", [move], {"place": account_id})


def purchase(
    inst: Installation,
    who: Who,
    event_id: str,
    draws: Mapping[str, int],
    *,
    account_id: str,
    supplier: str,
    item: str,
    quantity: int,
) -> dict[str, str]:
    """Money becomes goods: ``draws`` fen from each gift of money on the account pay for ``quantity`` of ``item``.

    The goods are a gift of their own (``gift_id``), promised by the supplier, and go the whole way: received,
    inspected, stored. They are directed where the money was. Returns ``purchase_id`` and ``gift_id``.

    Raises:
        BadInput: nothing drawn, gifts directed to different bodies or of another event, no goods. Conflict: less
        money is there. Refused: by who confirmed it.
    """
    from lianfang.records import GiftPurchase
    from lianfang.store import insert_new

    require(who, "gift.money")
    seller = said(supplier, "supplier", needed=True)
    within(who, str(events.get(inst, event_id)["adcode"]))
    if not draws:
        raise BadInput("Say which gifts of money pay for it.")
    for part in draws.values():
        whole(part, "amount")
    with inst.store.begin() as connection:
        goods = catalogue.item(connection, item)
        if goods["item_id"] == MONEY:
            raise BadInput("Money is not bought.")
        gifts = [_money(hold(connection, inst, who, gift_id)) for gift_id in sorted(draws)]
        directed = {gift["directed_to"] for gift in gifts}
        if len(directed) > 1 or {gift["event_id"] for gift in gifts} != {event_id}:
            raise BadInput("The gifts of one purchase are of one event, and directed to one body or to none.")
        purchase_id, price = new_id("p"), sum(draws.values())
        told = {
            "purchase_id": purchase_id,
            "supplier": seller,
            "item_id": goods["item_id"],
            "bought": whole(quantity),
            "price": price,
        }
        for gift in gifts:
            confirmed = done_by(connection, gift["gift_id"], "confirm")
            other_than(who, confirmed, "who confirmed money does not spend it")
            source = Holding("stored", account_id, MONEY)
            move = Move(source, Holding("spent", purchase_id, MONEY), draws[gift["gift_id"]])
            enter(inst, connection, who, gift, "purchase", [move], told)
        gift_id = _goods(inst, connection, who, event_id, goods, quantity, next(iter(directed)), told)
        insert_new(
            connection,
            GiftPurchase(
                purchase_id=purchase_id,
                event_id=event_id,
                supplier=seller,
                item_id=goods["item_id"],
                quantity=quantity,
                price=price,
                gift_id=gift_id,
            ),
        )
        return {"purchase_id": purchase_id, "gift_id": gift_id}


def _goods(
    inst: Installation,
    connection: sa.Connection,
    who: Who,
    event_id: str,
    goods: Row,
    quantity: int,
    directed_to: str,
    told: Mapping[str, Any],
) -> str:
    """The goods that were bought, as a gift without a donor of its own: its donors are those of the money."""
    from lianfang.records import Gift
    from lianfang.store import insert_new

    gift_id = new_id("g")
    gift = {
        "gift_id": gift_id,
        "event_id": event_id,
        "donor_id": "",
        "code": "",
        "item_id": goods["item_id"],
        "quantity": quantity,
        "provenance": "purchase",
        "directed_to": directed_to,
        "purchase_id": told["purchase_id"],
        "at": inst.now(),
        "by": who.account,
    }
    insert_new(connection, Gift.model_validate(gift))
    move = Move(Holding(OUTSIDE, "", goods["item_id"]), Holding("pledged", "", goods["item_id"]), quantity)
    enter(inst, connection, who, gift, "pledge", [move], {**told, "provenance": "purchase"})
    return gift_id


def refund(
    inst: Installation,
    who: Who,
    gift_id: str,
    account_id: str,
    quantity: int,
    *,
    reason: str,
    source: str = "stored",
) -> str:
    """Give money back to the donor (``source``: ``stored``, or ``received`` when it was never confirmed)."""
    require(who, "gift.money")
    why = said(reason, "reason", needed=True)
    if source not in ("stored", "received"):
        raise BadInput("Money is given back from what is there.")
    with inst.store.begin() as connection:
        gift = _money(hold(connection, inst, who, gift_id))
        other_than(who, done_by(connection, gift_id, "receive"), "who received money does not give it back")
        move = Move(
            Holding(source, account_id, MONEY), Holding("returned", account_id, MONEY), whole(quantity)
        )
        return enter(inst, connection, who, gift, "refund", [move], {"place": account_id, "reason": why})


def parts(connection: sa.Connection, step: Row) -> list[Row]:
    """The steps that stand and fall together with this one: a purchase's on every gift, and its goods' first."""
    from lianfang.records import GiftMove, GiftPurchase, GiftStep
    from lianfang.store import one, rows, table

    purchase_id = str(step["content"].get("purchase_id", ""))
    if not purchase_id or step["kind"] not in ("purchase", "pledge"):
        return [step]
    bought = one(connection, GiftPurchase, purchase_id=purchase_id)
    moves, steps = table(GiftMove), table(GiftStep)
    drawn = {
        row["step_id"] for row in rows(connection, GiftMove, moves.c.target == "spent", target_at=purchase_id)
    }
    money = rows(connection, GiftStep, steps.c.step_id.in_(sorted(drawn)), kind="purchase")
    goods = rows(connection, GiftStep, gift_id=bought["gift_id"], kind="pledge")
    return [*goods, *money]


def _money(gift: Row) -> Row:
    if gift["item_id"] != MONEY:
        raise Conflict("This gift is no money.")
    return gift
