"""A gift as the staff sees it: its steps with their entries in the ledger, and where each piece is."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

from lianfang.foundation.errors import NotFound
from lianfang.services.gate import reaches, require, within
from lianfang.services.gifts import catalogue, totals
from lianfang.services.gifts.book import STATES
from lianfang.services.installation import Installation, Who

if TYPE_CHECKING:
    import sqlalchemy as sa

    from lianfang.store import Row

PAGE = 100


def listing(
    inst: Installation, who: Who, *, event_id: str = "", state: str = "", before: str = "", limit: int = PAGE
) -> list[dict[str, Any]]:
    """Gifts in the area of one's rights, the newest first, each with ``holds`` (state -> quantity).

    ``state``: only gifts that hold something in it. ``before``: go on after this gift.
    """
    from lianfang.records import Event, Gift
    from lianfang.store import rows, table

    require(who, "gift.read")
    gifts = table(Gift).c
    with inst.store.read() as connection:
        places = {row["event_id"]: row["adcode"] for row in rows(connection, Event)}
        mine = [one for one, adcode in places.items() if reaches(who, adcode)]
        where = [gifts.event_id.in_([event_id] if event_id in mine else [] if event_id else mine)]
        if state:
            held = {one.gift_id for one in totals.held(connection, [state])}
            where.append(gifts.gift_id.in_(sorted(held)))
        if before:
            last = _gift(connection, before)
            where.append((gifts.at < last["at"]) | ((gifts.at == last["at"]) & (gifts.gift_id < before)))
        found = rows(
            connection,
            Gift,
            *where,
            order_by=[gifts.at.desc(), gifts.gift_id.desc()],
            limit=max(1, min(limit, 1000)),
        )
        return told(connection, found)


def open_events(inst: Installation, who: Who) -> list[Row]:
    """Open events to which a gift of the reader's area can belong: id and title."""
    from lianfang.records import Event
    from lianfang.store import rows

    require(who, "gift.read")
    with inst.store.read() as connection:
        found = rows(connection, Event, status="open", order_by=["event_id"])
    return [
        {"event_id": row["event_id"], "title": row["title"]} for row in found if reaches(who, row["adcode"])
    ]


def told(connection: sa.Connection, found: list[Row], *, donors: bool = False) -> list[dict[str, Any]]:
    """Gifts with their ``item``, what they hold, and what was ``found`` to be another item.

    Without their code, and without the donor's id unless ``donors``.
    """
    hidden = {"code", "id"} if donors else {"code", "id", "donor_id"}
    items = catalogue.known(connection)
    holds: dict[str, Counter[str]] = defaultdict(Counter)
    booked: dict[str, set[str]] = defaultdict(set)
    for first in range(0, len(found), 500):
        part = [row["gift_id"] for row in found[first : first + 500]]
        for one in totals.held(connection, gifts=part):
            holds[one.gift_id][one.where.state] += one.quantity
            booked[one.gift_id].add(one.where.item)
    return [
        {
            **{name: value for name, value in row.items() if name not in hidden},
            "has_donor": bool(row["donor_id"]),
            "item": items[row["item_id"]],
            "found": [items[one] for one in sorted(booked[row["gift_id"]] - {row["item_id"]})],
            "holds": {
                state: holds[row["gift_id"]][state] for state in STATES if holds[row["gift_id"]][state]
            },
        }
        for row in found
    ]


def _gift(connection: sa.Connection, gift_id: str) -> Row:
    from lianfang.records import Gift
    from lianfang.store import rows

    found = rows(connection, Gift, gift_id=gift_id)
    if not found:
        raise NotFound("There is no such gift.")
    return found[0]


def show(inst: Installation, who: Who, gift_id: str) -> dict[str, Any]:
    """A gift with ``holdings`` (state, place, item, quantity; lot and allocation where there are) and ``steps``."""
    from lianfang.services.gifts.book import event_row

    require(who, "gift.read")
    with inst.store.read() as connection:
        gift = _gift(connection, gift_id)
        within(who, str(event_row(connection, gift["event_id"])["adcode"]))
        made = told(connection, [gift])[0]
        return {**made, "holdings": holdings(connection, gift_id), "steps": rows_of(connection, gift_id)}


def steps(inst: Installation, who: Who, gift_id: str) -> list[dict[str, Any]]:
    """The steps of a gift in order: ``step_id``, ``number``, ``kind``, ``at``, ``by``, ``role``, ``moves``,
    ``content`` (what was signed), ``signature``, ``key_id``, ``reverses``, ``undone`` and ``log_index``."""
    found: list[dict[str, Any]] = show(inst, who, gift_id)["steps"]
    return found


def holdings(connection: sa.Connection, gift_id: str) -> list[dict[str, Any]]:
    """Where each piece of a gift is now."""
    from lianfang.records import GiftAllocation
    from lianfang.store import rows

    lots = _lots(connection, gift_id)
    made = {row["allocation_id"]: row for row in rows(connection, GiftAllocation, gift_id=gift_id)}
    found = []
    for one in totals.held(connection, gifts=[gift_id]):
        allocation = made.get(one.where.at)
        lot = lots.get(allocation["lot_id"] if allocation else one.where.at)
        found.append(
            {
                "state": one.where.state,
                "at": one.where.at,
                "item_id": one.where.item,
                "quantity": one.quantity,
                "lot": lot,
                "allocation": allocation,
            }
        )
    return sorted(found, key=lambda row: (STATES.index(row["state"]), row["at"]))


def _lots(connection: sa.Connection, gift_id: str) -> dict[str, Row]:
    from lianfang.records import GiftLot
    from lianfang.store import rows

    return {row["lot_id"]: row for row in rows(connection, GiftLot, gift_id=gift_id)}


def rows_of(connection: sa.Connection, gift_id: str) -> list[dict[str, Any]]:
    """Steps with their moves, in order."""
    from lianfang.records import GiftMove, GiftStep
    from lianfang.store import rows

    moves = defaultdict(list)
    for row in rows(connection, GiftMove, gift_id=gift_id, order_by=["number"]):
        moves[row["step_id"]].append({k: v for k, v in row.items() if k not in ("id", "step_id", "gift_id")})
    found = rows(connection, GiftStep, gift_id=gift_id, order_by=["number"])
    undone = {row["reverses"] for row in found if row["reverses"]}
    return [
        {
            **{name: value for name, value in row.items() if name != "id"},
            "moves": moves[row["step_id"]],
            "undone": row["step_id"] in undone,
        }
        for row in found
    ]
