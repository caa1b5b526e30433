"""What all gifts hold, in one reading of the book: by state, place and item; how old it is; what is overdue."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from lianfang.services.gifts.book import OUTSIDE, Holding
from lianfang.services.gifts.catalogue import MONEY

if TYPE_CHECKING:
    import sqlalchemy as sa

    from lianfang.store import Row

#: What has waited longer is overdue: for its inspection, and in store for an allocation.
INSPECT_WITHIN = timedelta(hours=48)
ALLOCATE_WITHIN = timedelta(days=7)
#: Ages of goods in store: bounds in days.
AGES = (1, 3, 7)
GIVEN_OUT = ("allocated", "in_transit", "delivered", "used")


@dataclass(frozen=True)
class Held:
    """A holding with its gift and quantity."""

    gift_id: str
    where: Holding
    quantity: int


def held(
    connection: sa.Connection, states: Iterable[str] = (), gifts: Sequence[str] | None = None
) -> list[Held]:
    """Every holding that is not empty, of some states or gifts only where they are named; not what came in.

    ``gifts``: at most a page of them, as each is a value of the query.
    """
    import sqlalchemy as sa

    from lianfang.records import GiftMove
    from lianfang.store import table

    moves = table(GiftMove).c
    wanted = list(states)

    def side(state: Any, at: Any, item: Any, sign: int) -> Any:
        query = sa.select(
            moves.gift_id.label("gift_id"),
            state.label("state"),
            at.label("at"),
            item.label("item"),
            (moves.quantity * sign).label("quantity"),
        ).where(state != OUTSIDE)
        if wanted:
            query = query.where(state.in_(wanted))
        return query if gifts is None else query.where(moves.gift_id.in_(gifts))

    both = sa.union_all(
        side(moves.target, moves.target_at, moves.target_item, 1),
        side(moves.source, moves.source_at, moves.source_item, -1),
    ).subquery()
    total = sa.func.sum(both.c.quantity)
    keys = (both.c.gift_id, both.c.state, both.c.at, both.c.item)
    query = sa.select(*keys, total).group_by(*keys).having(total != 0).order_by(*keys)
    return [
        Held(gift, Holding(state, at, item), int(quantity))
        for gift, state, at, item, quantity in connection.execute(query).all()
    ]


def by_item(found: Iterable[Held]) -> dict[str, Counter[str]]:
    """Item -> state -> quantity."""
    made: dict[str, Counter[str]] = defaultdict(Counter)
    for one in found:
        made[one.where.item][one.where.state] += one.quantity
    return dict(made)


def lots(connection: sa.Connection) -> dict[str, Row]:
    """Every lot by id."""
    from lianfang.records import GiftLot
    from lianfang.store import rows

    return {row["lot_id"]: row for row in rows(connection, GiftLot)}


def arrived(connection: sa.Connection, found: Iterable[Held]) -> dict[Held, datetime]:
    """Since when the oldest piece of each holding is there, where the first that came is the first that left."""
    import sqlalchemy as sa

    from lianfang.records import GiftMove
    from lianfang.store import table

    wanted = list(found)
    if not wanted:
        return {}
    moves, states = table(GiftMove).c, sorted({one.where.state for one in wanted})
    columns = (moves.gift_id, moves.target, moves.target_at, moves.target_item, moves.at, moves.quantity)
    query = sa.select(*columns).where(moves.target.in_(states)).order_by(moves.at)
    came: dict[tuple[str, str, str, str], list[tuple[datetime, int]]] = defaultdict(list)
    for gift, target, place, item, at, quantity in connection.execute(query).all():
        came[gift, target, place, item].append((at, quantity))
    since = {}
    for one in wanted:
        left = one.quantity
        for at, quantity in reversed(came[one.gift_id, one.where.state, one.where.at, one.where.item]):
            since[one] = at
            left -= quantity
            if left <= 0:
                break
    return since


def waiting(connection: sa.Connection, now: datetime, found: Iterable[Held]) -> dict[str, Any]:
    """``ages``: item -> quantities in store by age (:data:`AGES`); ``uninspected``, ``unallocated``: overdue.

    Overdue ones have ``gift_id``, ``item``, ``quantity``, ``at`` and ``hours``.
    """
    kept = [one for one in found if one.where.state in ("received", "stored")]
    since = arrived(connection, kept)
    ages: dict[str, list[int]] = {}
    late: dict[str, list[dict[str, Any]]] = {"uninspected": [], "unallocated": []}
    for one in kept:
        age = now - since[one]
        if one.where.state == "stored":
            at = sum(age >= timedelta(days=bound) for bound in AGES)
            ages.setdefault(one.where.item, [0] * (len(AGES) + 1))[at] += one.quantity
        limit, name = (
            (INSPECT_WITHIN, "uninspected")
            if one.where.state == "received"
            else (ALLOCATE_WITHIN, "unallocated")
        )
        if age > limit and one.where.item != MONEY:
            late[name].append(
                {
                    "gift_id": one.gift_id,
                    "item": one.where.item,
                    "quantity": one.quantity,
                    "at": one.where.at,
                    "hours": int(age.total_seconds() // 3600),
                }
            )
    return {"ages": ages, **late}


def allocated(connection: sa.Connection, found: Iterable[Held]) -> dict[str, Counter[str]]:
    """Need -> state -> quantity of what was given for it; ``""`` holds what was given without a need."""
    from lianfang.records import GiftAllocation
    from lianfang.store import rows

    needs: Mapping[str, str] = {
        row["allocation_id"]: row["need_id"] for row in rows(connection, GiftAllocation)
    }
    made: dict[str, Counter[str]] = defaultdict(Counter)
    for one in found:
        if one.where.state in GIVEN_OUT:
            made[needs.get(one.where.at, "")][one.where.state] += one.quantity
    return made
