"""What hospitals ask for, what they were given, and a proposal by need that a person decides about.

The proposal is simple on purpose and explains itself: directed gifts go to their body; then those whose stock ends
first; among needs of one urgency each gets the same share of what it still lacks.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from lianfang.foundation.errors import BadInput, Conflict, NotFound, Refused
from lianfang.services import events
from lianfang.services.gate import record, require, within
from lianfang.services.gifts import catalogue, totals
from lianfang.services.gifts.book import new_id, whole
from lianfang.services.installation import Installation, Who

if TYPE_CHECKING:
    import sqlalchemy as sa

    from lianfang.store import Row

#: Bounds of urgency, in days that the stock lasts.
URGENCY = (1, 3, 7)


def ask(
    inst: Installation,
    who: Who,
    event_id: str,
    body_id: str,
    item: str,
    quantity: int,
    *,
    until: date,
    stock: int = 0,
    daily_use: int = 0,
) -> str:
    """A body needs ``quantity`` of an item until a day; it has ``stock`` and uses ``daily_use`` a day. Returns the id.

    Raises:
        BadInput: no such body or item, money, no whole number, a day that is past. Conflict: the event is not open.
    """
    from lianfang.records import SupplyNeed
    from lianfang.store import insert_new

    require(who, "gift.need")
    event = events.get(inst, event_id)
    within(who, str(event["adcode"]))
    if event["status"] != "open":
        raise Conflict("Goods are asked for in an open event only.")
    if until < inst.today():
        raise BadInput("Goods are needed until today or a later day.")
    amounts = {
        "quantity": whole(quantity),
        "stock": whole(stock, "stock", least=0),
        "daily_use": whole(daily_use, "use a day", least=0),
    }
    with inst.store.begin() as connection:
        body = catalogue.body(connection, body_id)
        within(who, str(body["adcode"]))
        row = catalogue.item(connection, item)
        if row["item_id"] == catalogue.MONEY:
            raise BadInput("Bodies ask for goods.")
        need_id = new_id("n")
        told = {"event_id": event_id, "body_id": body_id, "item_id": item, "until": until, **amounts}
        index = record(inst, connection, "gift_need", who=who, purpose="donation", ref=need_id, payload=told)
        made = {**told, "need_id": need_id, "at": inst.now(), "by": who.account, "log_index": index}
        insert_new(connection, SupplyNeed.model_validate(made))
    return need_id


def withdraw_need(inst: Installation, who: Who, need_id: str) -> None:
    """The need is over, or was asked by mistake; what was given for it stays given."""
    from lianfang.records import SupplyNeed
    from lianfang.store import change, one

    require(who, "gift.need")
    with inst.store.begin() as connection:
        need = one(connection, SupplyNeed, need_id=need_id)
        within(who, str(catalogue.body(connection, need["body_id"])["adcode"]))
        if need["status"] != "open":
            raise Conflict("This need was withdrawn already.")
        change(connection, SupplyNeed, need["id"], status="withdrawn")
        record(inst, connection, "gift_need_over", who=who, purpose="donation", ref=need_id, payload={})


def needs(inst: Installation, who: Who) -> list[dict[str, Any]]:
    """Open needs in the area of one's rights, most urgent first, each beside what was given for it."""
    require(who, "gift.read")
    with inst.store.read() as connection:
        found = listed(connection, inst.today())
    return [one for one in found if _reaches(who, one["body"]["adcode"])]


def _reaches(who: Who, adcode: str) -> bool:
    try:
        within(who, adcode)
    except Refused:
        return False
    return True


def listed(
    connection: sa.Connection, today: date, found: Sequence[totals.Held] | None = None
) -> list[dict[str, Any]]:
    """Open needs whose day is not past, with ``body``, ``item``, ``days`` of stock, ``given``, ``missing``."""
    from lianfang.records import SupplyBody, SupplyNeed
    from lianfang.store import rows, table

    bodies = {row["body_id"]: row for row in rows(connection, SupplyBody)}
    items = catalogue.known(connection)
    given = totals.allocated(
        connection, totals.held(connection, totals.GIVEN_OUT) if found is None else found
    )
    told = []
    for row in rows(connection, SupplyNeed, table(SupplyNeed).c.until >= today, status="open"):
        out = given.get(row["need_id"], Counter())
        days = round(row["stock"] / row["daily_use"], 1) if row["daily_use"] else None
        told.append(
            {
                **row,
                "body": bodies[row["body_id"]],
                "item": items[row["item_id"]],
                "days": days,
                "given": sum(out.values()),
                "delivered": sum(out.get(state, 0) for state in ("delivered", "used")),
                "missing": max(0, row["quantity"] - sum(out.values())),
            }
        )
    return sorted(told, key=lambda one: (_group(one["days"]), one["days"] or 0, one["at"], one["need_id"]))


def _group(days: float | None) -> int:
    """How urgent: 0 under one day, 1 under three, 2 under seven, 3 the rest and those that did not say."""
    return len(URGENCY) if days is None else sum(days >= bound for bound in URGENCY)


def propose(inst: Installation, who: Who, item: str = "") -> list[dict[str, Any]]:
    """What could be allocated now; nothing is written. Each line: lot, need, quantity, and why.

    ``lot_id``, ``gift_id``, ``item_id``, ``need_id``, ``body_id``, ``quantity``; ``rule``: ``directed`` or ``need``;
    ``group`` of urgency, ``days`` of stock, ``missing``, and of the group ``pool`` (what there was) and ``asked``;
    ``own``: the reader asked for it himself and leaves it to another.
    """
    require(who, "gift.allocate")
    with inst.store.read() as connection:
        wanted = [one for one in listed(connection, inst.today()) if one["missing"]]
        items = catalogue.known(connection)
        if item and item not in items:
            raise NotFound("There is no such item in the catalogue.", hint="See: lianfang gifts items.")
        shelves = _shelves(connection, inst.today())
    wanted = [
        one for one in wanted if (not item or one["item_id"] == item) and _reaches(who, one["body"]["adcode"])
    ]
    plan = _Plan(shelves, items, who)
    plan.directed(wanted)
    groups: dict[tuple[int, str], list[dict[str, Any]]] = defaultdict(list)
    for one in wanted:
        groups[_group(one["days"]), one["item_id"]].append(one)
    for (_, needed), together in sorted(groups.items()):
        plan.share(needed, together)
    return plan.lines


def _shelves(connection: sa.Connection, today: date) -> list[dict[str, Any]]:
    """Lots in store that may be given, what expires first on top."""
    from lianfang.records import Gift
    from lianfang.store import rows, table

    stored = [one for one in totals.held(connection, ["stored"]) if one.where.item != catalogue.MONEY]
    known = totals.lots(connection)
    ids = sorted({one.gift_id for one in stored})
    gifts = {row["gift_id"]: row for row in rows(connection, Gift, table(Gift).c.gift_id.in_(ids))}
    shelves = [
        {
            "lot_id": one.where.at,
            "gift_id": one.gift_id,
            "item_id": one.where.item,
            "event_id": gifts[one.gift_id]["event_id"],
            "directed_to": gifts[one.gift_id]["directed_to"],
            "expires_on": known[one.where.at]["expires_on"],
            "left": one.quantity,
        }
        for one in stored
    ]
    good = [one for one in shelves if one["expires_on"] is None or one["expires_on"] > today]
    return sorted(good, key=lambda one: (one["expires_on"] or date.max, one["lot_id"]))


class _Plan:
    """The proposal as it grows: what is left on the shelves, what each need still lacks."""

    def __init__(self, shelves: list[dict[str, Any]], items: dict[str, Row], who: Who) -> None:
        self.shelves, self.items, self.who = shelves, items, who
        self.lines: list[dict[str, Any]] = []

    def directed(self, wanted: list[dict[str, Any]]) -> None:
        """Directed gifts to their bodies' needs, the most urgent first."""
        for need in wanted:
            lots = self._lots(need["item_id"], need["event_id"], need["body_id"])
            pool = sum(lot["left"] for lot in lots)
            self._take(need, min(pool, need["missing"]), lots, "directed", pool, need["missing"])

    def share(self, needed: str, together: list[dict[str, Any]]) -> None:
        """Open gifts among needs of one urgency: whole, or each the same share of what it lacks (largest remainder)."""
        for event_id in sorted({need["event_id"] for need in together}):
            mine = [need for need in together if need["event_id"] == event_id and need["missing"]]
            lots = self._lots(needed, event_id, "")
            pool, asked = sum(lot["left"] for lot in lots), sum(need["missing"] for need in mine)
            parts = shares(pool, [need["missing"] for need in mine])
            for need, part in zip(mine, parts, strict=True):
                self._take(need, part, lots, "need", pool, asked)

    def _lots(self, needed: str, event_id: str, directed_to: str) -> list[dict[str, Any]]:
        """Lots that may serve it: its own item first, then those that may stand in, least able first."""
        may = catalogue.serving(self.items, needed)
        found = [
            lot
            for lot in self.shelves
            if lot["item_id"] in may
            and lot["left"]
            and (lot["event_id"], lot["directed_to"]) == (event_id, directed_to)
        ]
        return sorted(
            found, key=lambda lot: (lot["item_id"] != needed, len(self.items[lot["item_id"]]["serves"]))
        )

    def _take(
        self,
        need: dict[str, Any],
        quantity: int,
        lots: list[dict[str, Any]],
        rule: str,
        pool: int,
        asked: int,
    ) -> None:
        lacked = need["missing"]
        for lot in lots:
            part = min(quantity, lot["left"])
            if not part:
                continue
            lot["left"] -= part
            quantity -= part
            need["missing"] -= part
            self.lines.append(
                {
                    "lot_id": lot["lot_id"],
                    "gift_id": lot["gift_id"],
                    "item_id": lot["item_id"],
                    "expires_on": lot["expires_on"],
                    "need_id": need["need_id"],
                    "body_id": need["body_id"],
                    "body": need["body"],
                    "quantity": part,
                    "rule": rule,
                    "group": _group(need["days"]),
                    "days": need["days"],
                    "missing": lacked,
                    "pool": pool,
                    "asked": asked,
                    "own": need["by"] == self.who.account,
                }
            )


def shares(pool: int, lacks: Sequence[int]) -> list[int]:
    """``pool`` whole units among ``lacks`` in proportion, none more than it lacks: the largest remainder (Hamilton)."""
    total = sum(lacks)
    if pool >= total:
        return list(lacks)
    parts = [pool * lack // total for lack in lacks]
    order = sorted(range(len(lacks)), key=lambda at: (-(pool * lacks[at] % total), at))
    for at in order[: pool - sum(parts)]:
        parts[at] += 1
    return parts
