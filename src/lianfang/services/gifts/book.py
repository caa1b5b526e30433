"""The book of gifts: every quantity stands in exactly one holding, and moves from one to another by signed steps.

A holding is (gift, state, place, item). A step takes from holdings what they have, never more, and gives the same to
others, so that what came in from outside equals what all states hold: goods are conserved by how they are booked.
Nothing is overwritten: a wrong step is undone by another that names it.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from lianfang.foundation.canonical import plain
from lianfang.foundation.errors import BadInput, Conflict, NotFound, Refused
from lianfang.services.gate import record, within
from lianfang.services.installation import Installation, Who

if TYPE_CHECKING:
    import sqlalchemy as sa

    from lianfang.store import Row

OUTSIDE = "outside"
#: Step -> the states from which to which it may move; a correction moves back what another step moved.
FLOW: dict[str, frozenset[tuple[str, str]]] = {
    "pledge": frozenset({(OUTSIDE, "pledged")}),
    "withdraw": frozenset({("pledged", "withdrawn")}),
    "receive": frozenset({("pledged", "received"), (OUTSIDE, "received")}),
    "inspect": frozenset(
        (source, target)
        for source in ("received", "quarantined")
        for target in ("accepted", "rejected", "quarantined")
        if source != target
    ),
    "store": frozenset({("accepted", "stored")}),
    "answer": frozenset(),
    "allocate": frozenset({("stored", "allocated")}),
    "cancel": frozenset({("allocated", "stored")}),
    "dispatch": frozenset({("allocated", "in_transit")}),
    "deliver": frozenset({("in_transit", "delivered")}),
    "use": frozenset({("delivered", "used")}),
    "give_back": frozenset({("delivered", "received"), ("in_transit", "received")}),
    "lose": frozenset(
        (source, "lost")
        for source in (
            "received", "quarantined", "rejected", "accepted", "stored", "allocated", "in_transit", "delivered",
        )
    ),
    "dispose": frozenset(
        (source, target)
        for source in ("quarantined", "rejected", "accepted", "stored", "delivered")
        for target in ("returned", "destroyed")
    ),
    "confirm": frozenset({("received", "stored")}),
    "purchase": frozenset({("stored", "spent")}),
    "refund": frozenset({("stored", "returned"), ("received", "returned")}),
}  # fmt: skip
#: States in the order in which a gift passes them; the last ones are ends.
STATES = (
    "pledged", "received", "quarantined", "rejected", "accepted", "stored", "allocated", "in_transit", "delivered",
    "used", "spent", "returned", "destroyed", "lost", "withdrawn",
)  # fmt: skip
MOST = 10**12
MOST_CHARACTERS = 400


@dataclass(frozen=True)
class Holding:
    """Where a quantity of a gift is: its state, the depot, lot, allocation, account or purchase, and as what item."""

    state: str
    at: str = ""
    item: str = ""


@dataclass(frozen=True)
class Move:
    """``quantity`` from one holding to another; more than nothing."""

    source: Holding
    target: Holding
    quantity: int


def new_id(kind: str) -> str:
    """A random id; ``kind`` is its first letter."""
    return f"{kind}{secrets.token_hex(8)}"


def hold(connection: sa.Connection, inst: Installation, who: Who, gift_id: str) -> Row:
    """The gift's row, taken until the transaction ends: its holdings are one writer's at a time.

    Raises:
        NotFound: no such gift. Refused: another area's.
    """
    import sqlalchemy as sa

    from lianfang.records import Gift
    from lianfang.store import table

    rows = table(Gift)
    found = (
        connection.execute(sa.select(rows).where(rows.c.gift_id == gift_id).with_for_update())
        .mappings()
        .first()
    )
    if found is None:
        raise NotFound("There is no such gift.")
    within(who, str(event_row(connection, found["event_id"])["adcode"]))
    return dict(found)


def event_row(connection: sa.Connection, event_id: str) -> Row:
    """The event to which a gift belongs."""
    from lianfang.records import Event
    from lianfang.store import one

    return one(connection, Event, event_id=event_id)


def balances(connection: sa.Connection, gift_id: str) -> Counter[Holding]:
    """What each holding of a gift has now; empty ones are left out, ``outside`` counts what came in (negative)."""
    from lianfang.records import GiftMove
    from lianfang.store import rows

    held: Counter[Holding] = Counter()
    for row in rows(connection, GiftMove, gift_id=gift_id):
        held[Holding(row["source"], row["source_at"], row["source_item"])] -= row["quantity"]
        held[Holding(row["target"], row["target_at"], row["target_item"])] += row["quantity"]
    return Counter({where: quantity for where, quantity in held.items() if quantity})


def whole(quantity: object, what: str = "quantity", least: int = 1) -> int:
    """A whole number of units from ``least`` to 10^12; BadInput otherwise."""
    if not isinstance(quantity, int) or isinstance(quantity, bool) or not least <= quantity <= MOST:
        raise BadInput(f"The {what} is a whole number from {least} to {MOST}.")
    return quantity


def said(text: object, what: str = "note", *, needed: bool = False) -> str:
    """A short text that names nobody, trimmed.

    Raises:
        BadInput: not one line of at most 400 characters, or missing. Refused: it points to a person.
    """
    from lianfang.guard.redaction import find

    spoken = text.strip() if isinstance(text, str) else ""
    if not isinstance(text, str) or len(spoken) > MOST_CHARACTERS or not spoken.isprintable():
        raise BadInput(f"The {what} is one line of at most {MOST_CHARACTERS} characters.")
    if needed and not spoken:
        raise BadInput(f"Give the {what}.")
    if found := find(spoken, point="block"):
        places = ", ".join(f"{one.kind} {one.start + 1}-{one.end}" for one in found[:5])
        raise Refused(
            f"The {what} points to a person: {places}.",
            hint="Say it without names, numbers and addresses.",
            code="names_somebody",
        )
    return spoken


def done_by(connection: sa.Connection, gift_id: str, *kinds: str) -> set[str]:
    """Accounts that did such a step of the gift which was not undone."""
    from lianfang.records import GiftStep
    from lianfang.store import rows

    found = rows(connection, GiftStep, gift_id=gift_id)
    undone = {row["reverses"] for row in found if row["reverses"]}
    return {row["by"] for row in found if row["kind"] in kinds and row["step_id"] not in undone}


def other_than(who: Who, accounts: Iterable[str], rule: str) -> None:
    """Refuse who did the step before: two people see every gift."""
    if who.account in set(accounts):
        raise Refused(
            f"Another person does this: {rule}.",
            reasons=("gift:same",),
            hint="Ask a colleague whose role it is.",
            code="same_person",
        )


def enter(
    inst: Installation,
    connection: sa.Connection,
    who: Who,
    gift: Mapping[str, Any],
    kind: str,
    moves: Sequence[Move],
    content: Mapping[str, Any] | None = None,
    *,
    reverses: str = "",
) -> str:
    """Book a step of a gift that the transaction holds: signed, kept, in the ledger, all or nothing; gives its id.

    Raises:
        Conflict: a holding has less than what is to leave it.
    """
    from lianfang.guard.signing import sign
    from lianfang.records import GiftMove, GiftStep
    from lianfang.store import put_rows, tally

    _allow(connection, gift["gift_id"], kind, moves)
    number = tally(connection, GiftStep, gift_id=gift["gift_id"]) + 1
    step_id, now = new_id("s"), inst.now()
    body = plain(
        {
            "gift_id": gift["gift_id"],
            "step_id": step_id,
            "number": number,
            "kind": kind,
            "at": now,
            "by": who.account,
            "role": who.role,
            "reverses": reverses,
            "moves": [_told(move) for move in moves],
            **(content or {}),
        }
    )
    signed = sign(inst.signer, body)
    index = record(
        inst, connection, f"gift_{kind}", who=who, purpose="donation", ref=gift["gift_id"], payload=body
    )
    step = {
        "step_id": step_id,
        "gift_id": gift["gift_id"],
        "number": number,
        "kind": kind,
        "at": now,
        "by": who.account,
        "role": who.role,
        "reverses": reverses,
        "content": body,
        "signature": signed["signature"],
        "key_id": signed["signer"],
        "log_index": index,
    }
    put_rows(connection, GiftStep, [step])
    put_rows(
        connection, GiftMove, [_row(step_id, at, gift["gift_id"], move, now) for at, move in enumerate(moves)]
    )
    return step_id


def _allow(connection: sa.Connection, gift_id: str, kind: str, moves: Sequence[Move]) -> None:
    leaving: Counter[Holding] = Counter()
    for move in moves:
        whole(move.quantity)
        if kind != "reverse" and (move.source.state, move.target.state) not in FLOW[kind]:
            raise Conflict(
                f"A gift does not go from {move.source.state} to {move.target.state} by this step."
            )
        if move.source.state != OUTSIDE:
            leaving[move.source] += move.quantity
    held = balances(connection, gift_id) if leaving else Counter()
    for source, quantity in leaving.items():
        if held[source] < quantity:
            raise Conflict(
                f"There are {held[source]} of it {source.state}, not {quantity}.",
                hint="Nothing was changed. Look at the gift as it is now.",
            )


def _told(move: Move) -> dict[str, Any]:
    return {
        "from": [move.source.state, move.source.at, move.source.item],
        "to": [move.target.state, move.target.at, move.target.item],
        "quantity": move.quantity,
    }


def _row(step_id: str, number: int, gift_id: str, move: Move, now: datetime) -> dict[str, Any]:
    return {
        "step_id": step_id,
        "number": number,
        "gift_id": gift_id,
        "quantity": move.quantity,
        "source": move.source.state,
        "source_at": move.source.at,
        "source_item": move.source.item,
        "target": move.target.state,
        "target_at": move.target.at,
        "target_item": move.target.item,
        "at": now,
    }
