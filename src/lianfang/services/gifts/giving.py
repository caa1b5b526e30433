"""A gift begins: promised, arrived or not, and what its donor answered when it was asked for another body."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lianfang.foundation.errors import BadInput, Conflict, Refused
from lianfang.services import events
from lianfang.services.gate import require, within
from lianfang.services.gifts import catalogue, donors
from lianfang.services.gifts.book import OUTSIDE, Holding, Move, balances, enter, hold, new_id, said, whole
from lianfang.services.installation import Installation, Who

if TYPE_CHECKING:
    import sqlalchemy as sa

    from lianfang.store import Row

PROVENANCE = ("open", "directed", "self_delivered")
MOST_LINES = 200
_LINE = frozenset({"item", "quantity", "directed_to", "provenance", "purpose"})


def pledge(
    inst: Installation,
    who: Who,
    event_id: str,
    lines: Sequence[Mapping[str, Any]],
    *,
    name: str = "",
    phone: str = "",
    show: bool = False,
) -> dict[str, Any]:
    """Somebody promises gifts: ``lines`` of ``item``, ``quantity`` [, ``directed_to``, ``provenance``, ``purpose``].

    ``name``, ``phone``: into the vault, by the donor's consent; ``show``: whether he wants to be named in public.
    Returns ``code``, under which he follows them (told once), ``donor_id`` and ``gifts`` (ids in order). All or
    nothing.

    Raises:
        BadInput: no line, an unknown item or body, no whole quantity. Conflict: the event is not open. Refused:
        role, area, or law.
    """
    require(who, "gift.pledge")
    event = events.get(inst, event_id)
    within(who, str(event["adcode"]))
    if event["status"] != "open":
        raise Conflict("Gifts are taken in an open event only.")
    if not 1 <= len(lines) <= MOST_LINES:
        raise BadInput(f"A donor gives 1 to {MOST_LINES} items at a time.")
    with inst.store.read() as connection:
        checked = [line(connection, one) for one in lines]
    taken = donors.collect(inst, who, event, name, phone, show)
    code = donors.make_code()
    with inst.store.begin() as connection:
        donors.keep(inst, connection, event_id, taken)
        made = [book_pledge(inst, connection, who, event_id, one, taken.donor_id, code) for one in checked]
    return {"code": code, "donor_id": taken.donor_id, "gifts": made}


def line(connection: sa.Connection, raw: Mapping[str, Any]) -> dict[str, Any]:
    """One line of a pledge, checked: item, quantity, provenance, the body that it is directed to."""
    if not set(raw) <= _LINE:
        raise BadInput(f"A line has the fields {', '.join(sorted(_LINE))} and no others.")
    directed = str(raw.get("directed_to") or "")
    provenance = str(raw.get("provenance") or ("directed" if directed else "open"))
    if provenance not in PROVENANCE:
        raise BadInput(f"The provenance is one of: {', '.join(PROVENANCE)}.")
    if (provenance == "open") == bool(directed):
        raise BadInput("A gift that is directed or self-delivered names its body; an open one names none.")
    if directed:
        catalogue.body(connection, directed)
    return {
        "item_id": catalogue.item(connection, str(raw.get("item") or ""))["item_id"],
        "quantity": whole(raw.get("quantity")),
        "provenance": provenance,
        "directed_to": directed,
        "purpose": said(raw.get("purpose") or "", "purpose"),
    }


def book_pledge(
    inst: Installation,
    connection: sa.Connection,
    who: Who,
    event_id: str,
    one: Mapping[str, Any],
    donor_id: str,
    code: str,
) -> str:
    """Write a gift and its first step in the caller's transaction; gives its id."""
    from lianfang.records import Gift
    from lianfang.store import insert_new

    gift_id = new_id("g")
    gift = {
        **one,
        "gift_id": gift_id,
        "event_id": event_id,
        "donor_id": donor_id,
        "code": donors.digest(code),
        "at": inst.now(),
        "by": who.account,
    }
    insert_new(connection, Gift.model_validate(gift))
    item = one["item_id"]
    move = Move(Holding(OUTSIDE, "", item), Holding("pledged", "", item), one["quantity"])
    told = {name: one[name] for name in ("item_id", "provenance", "directed_to", "purpose")}
    enter(inst, connection, who, gift, "pledge", [move], told)
    return gift_id


def receive(inst: Installation, who: Who, gift_id: str, place: str, quantity: int, *, note: str = "") -> str:
    """A gift, or part of it, has arrived: goods at a depot (a body), money on an account of the register.

    More than was promised is booked too. Returns the step's id. Goods then wait for inspection, money for its
    confirmation, both by another person.

    Raises:
        BadInput: no such place, no whole quantity. Refused: money on an account that is not verified and valid.
    """
    require(who, "gift.receive")
    whole(quantity)
    remark = said(note)
    with inst.store.begin() as connection:
        gift = hold(connection, inst, who, gift_id)
        _place(connection, inst, gift, place)
        item = gift["item_id"]
        waiting = Holding("pledged", "", item)
        promised = min(quantity, balances(connection, gift_id)[waiting])
        there = Holding("received", place, item)
        moves = [
            Move(source, there, part)
            for source, part in ((waiting, promised), (Holding(OUTSIDE, "", item), quantity - promised))
            if part
        ]
        return enter(inst, connection, who, gift, "receive", moves, {"place": place, "note": remark})


def _place(connection: sa.Connection, inst: Installation, gift: Row, place: str) -> None:
    """Goods come to a body, money to a verified account: never to a number that somebody dictated."""
    from lianfang.services.gifts.register import valid

    if gift["item_id"] != catalogue.MONEY:
        catalogue.body(connection, place)
    elif not valid(connection, inst.today(), place):
        raise Refused(
            "Money is received on an account of the register only, verified and valid today.",
            reasons=("account",),
            hint="See: lianfang gifts accounts.",
            code="account",
        )


def withdraw(inst: Installation, who: Who, gift_id: str, quantity: int, *, reason: str) -> str:
    """What was promised does not come; returns the step's id. The reason is told to the donor."""
    require(who, "gift.receive")
    whole(quantity)
    why = said(reason, "reason", needed=True)
    with inst.store.begin() as connection:
        gift = hold(connection, inst, who, gift_id)
        move = Move(
            Holding("pledged", "", gift["item_id"]), Holding("withdrawn", "", gift["item_id"]), quantity
        )
        return enter(inst, connection, who, gift, "withdraw", [move], {"reason": why})


def answer(inst: Installation, who: Who, gift_id: str, body_id: str, *, agrees: bool, how: str) -> str:
    """The donor of a directed gift was asked whether it may go to another body, and answered; returns the step's id.

    ``how`` he was asked and answered (a call, a letter), naming nobody. The last answer for a body counts. Who
    records it does not allocate by it.

    Raises:
        BadInput: the gift is not directed, or to this body already; no such body.
    """
    require(who, "gift.answer")
    told = said(how, "way of asking", needed=True)
    with inst.store.begin() as connection:
        gift = hold(connection, inst, who, gift_id)
        catalogue.body(connection, body_id)
        if not gift["directed_to"] or gift["directed_to"] == body_id:
            raise BadInput("Only of a gift that is directed to another body the donor is asked.")
        content = {"body_id": body_id, "agrees": bool(agrees), "how": told}
        return enter(inst, connection, who, gift, "answer", [], content)


def agreed(connection: sa.Connection, gift: Row, body_id: str) -> tuple[bool, str]:
    """Whether a gift may go to the body, and the account that recorded the donor's answer where that opened it."""
    from lianfang.records import GiftStep
    from lianfang.store import rows

    if gift["directed_to"] in ("", body_id):
        return True, ""
    steps = rows(connection, GiftStep, gift_id=gift["gift_id"], order_by=["number"])
    undone = {row["reverses"] for row in steps if row["reverses"]}
    answers = [
        row
        for row in steps
        if row["kind"] == "answer" and row["step_id"] not in undone and row["content"]["body_id"] == body_id
    ]
    if answers and answers[-1]["content"]["agrees"]:
        return True, str(answers[-1]["by"])
    return False, ""
