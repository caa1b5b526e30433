"""What everybody may see: what was given and where it is, what is missing, and a donor's own gift by its code.

No staff, no donor but who wishes it, no account number (the register shows those), no free text but reasons and wards.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lianfang.services.gifts import asking, catalogue, donors, totals
from lianfang.services.gifts import tracing as staff
from lianfang.services.gifts.book import OUTSIDE, STATES
from lianfang.services.gifts.catalogue import MONEY
from lianfang.services.installation import Installation

if TYPE_CHECKING:
    import sqlalchemy as sa

    from lianfang.store import Row

RECENT = 50
#: Parts of what was signed that are shown to everybody.
_SHOWN = ("mark", "expires_on", "lot_no", "reason", "ward", "supplier", "price", "bought", "agrees", "undoes")


def overview(inst: Installation) -> dict[str, Any]:
    """The public page: ``items`` with what became of each, ``needs`` that are not met, what waits too long, ``recent``.

    Of an item: ``given``, the quantity in each state, ``ages`` in store (:data:`totals.AGES` days).
    """
    from lianfang.records import Gift
    from lianfang.store import rows, table

    gifts = table(Gift).c
    with inst.store.read() as connection:
        found = totals.held(connection)
        states = totals.by_item(found)
        wait = totals.waiting(connection, inst.now(), found)
        items = catalogue.known(connection)
        missing = [one for one in asking.listed(connection, inst.today(), found) if one["missing"]]
        newest = rows(
            connection,
            Gift,
            gifts.donor_id != "",
            order_by=[gifts.at.desc(), gifts.gift_id.desc()],
            limit=RECENT,
        )
        bodies = _bodies(connection)
        recent = staff.told(connection, newest, donors=True)
    named = donors.names(inst, newest)
    return {
        "items": [
            {
                "item": items[item],
                "states": {state: states[item][state] for state in STATES if states[item][state]},
                "given": sum(states[item].values()),
                "ages": wait["ages"].get(item, []),
            }
            for item in sorted(states, key=lambda one: (one == MONEY, items[one]["category"], one))
        ],
        "needs": [_need(one) for one in missing],
        "uninspected": _late(wait["uninspected"], items),
        "unallocated": _late(wait["unallocated"], items),
        "recent": [
            {
                "at": one["at"],
                "item": one["item"],
                "found": one["found"],
                "quantity": one["quantity"],
                "directed_to": bodies.get(one["directed_to"]),
                "provenance": one["provenance"],
                "holds": one["holds"],
                "donor": named.get(one["donor_id"], ""),
            }
            for one in recent
        ],
        "as_of": inst.now(),
    }


def _need(one: dict[str, Any]) -> dict[str, Any]:
    shown = ("body", "item", "quantity", "given", "delivered", "missing", "until", "days")
    made = {name: one[name] for name in shown}
    made["body"] = _plain_body(one["body"])
    return made


def _late(found: list[dict[str, Any]], items: Mapping[str, Row]) -> list[dict[str, Any]]:
    """Overdue quantities by item, with the longest wait in hours; whose gift it is stays with the staff."""
    made: dict[str, dict[str, Any]] = {}
    for one in found:
        row = made.setdefault(one["item"], {"item": items[one["item"]], "quantity": 0, "hours": 0})
        row["quantity"] += one["quantity"]
        row["hours"] = max(row["hours"], one["hours"])
    return list(made.values())


def _bodies(connection: sa.Connection) -> dict[str, dict[str, str]]:
    from lianfang.records import SupplyBody
    from lianfang.store import rows

    return {row["body_id"]: _plain_body(row) for row in rows(connection, SupplyBody)}


def _plain_body(row: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(row[name]) for name in ("body_id", "kind", "name_zh", "name_en")}


def follow(inst: Installation, code: str) -> dict[str, Any]:
    """A donor's gifts by the receipt code: every step with date, quantity, place and its entry in the public log.

    ``gifts``: each with ``item``, ``holds``, ``steps``, and ``bought``: the goods that his money became, in the same
    form. ``donor``: his name where he wishes it shown, else "".

    Raises:
        NotFound: no gift has this code.
    """
    with inst.store.read() as connection:
        mine = donors.by_code(connection, code)
        bodies, items = _bodies(connection), catalogue.known(connection)
        gifts = [_followed(connection, row, bodies, items) for row in mine]
    named = donors.names(inst, mine)
    return {"gifts": gifts, "donor": named.get(mine[0]["donor_id"], "")}


def indices(followed: list[dict[str, Any]]) -> list[int]:
    """Log entries of every step of these gifts and of what their money bought."""
    return [
        index
        for gift in followed
        for index in [*(step["log_index"] for step in gift["steps"]), *indices(gift["bought"])]
    ]


def _followed(
    connection: sa.Connection, gift: Row, bodies: Mapping[str, dict[str, str]], items: Mapping[str, Row]
) -> dict[str, Any]:
    from lianfang.records import Gift, GiftAllocation, GiftLot, GiftPurchase
    from lianfang.store import rows, table

    gift_id = gift["gift_id"]
    lots = {row["lot_id"]: row["depot_id"] for row in rows(connection, GiftLot, gift_id=gift_id)}
    out = {row["allocation_id"]: row["body_id"] for row in rows(connection, GiftAllocation, gift_id=gift_id)}
    places = {at: bodies.get(body) for at, body in {**{b: b for b in bodies}, **lots, **out}.items()}
    raw, told = staff.rows_of(connection, gift_id), staff.told(connection, [gift], donors=True)[0]
    numbers = {one["step_id"]: one["number"] for one in raw}
    made = {
        "gift_id": gift_id,
        "item": items[gift["item_id"]],
        "quantity": gift["quantity"],
        "provenance": gift["provenance"],
        "purpose": gift["purpose"],
        "directed_to": bodies.get(gift["directed_to"]),
        **{name: told[name] for name in ("holds", "found")},
        "steps": [_step(one, places, items, numbers, bodies) for one in raw],
        "bought": [],
    }
    if gift["item_id"] == MONEY:
        ids = {move["target_at"] for one in raw for move in one["moves"] if move["target"] == "spent"}
        bought = [
            row["gift_id"]
            for row in rows(connection, GiftPurchase, table(GiftPurchase).c.purchase_id.in_(sorted(ids)))
        ]
        goods = rows(connection, Gift, table(Gift).c.gift_id.in_(sorted(bought)), order_by=["at"])
        made["bought"] = [_followed(connection, row, bodies, items) for row in goods]
    return made


def _step(
    one: dict[str, Any],
    places: Mapping[str, dict[str, str] | None],
    items: Mapping[str, Row],
    numbers: Mapping[str, int],
    bodies: Mapping[str, dict[str, str]],
) -> dict[str, Any]:
    content = one["content"]
    return {
        "step_id": one["step_id"],
        "number": one["number"],
        "kind": one["kind"],
        "at": one["at"],
        "role": one["role"],
        "log_index": one["log_index"],
        "undone": one["undone"],
        "reverses": numbers.get(one["reverses"]),
        "body": bodies.get(str(content.get("body_id", ""))),
        "moves": [
            {
                "quantity": move["quantity"],
                "from": move["source"] if move["source"] != OUTSIDE else "",
                "to": move["target"] if move["target"] != OUTSIDE else "",
                "place": places.get(move["target_at"]) or places.get(move["source_at"]),
                "item": items[move["target_item"]],
            }
            for move in one["moves"]
        ],
        "said": {name: content[name] for name in _SHOWN if content.get(name) not in (None, "")},
    }
