"""A bulletin's figures that rest on acts of this house, counted from the ledger's entries."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlalchemy as sa

    from lianfang.guard.ledger import Entry


def until(connection: sa.Connection, event_id: str, before: int) -> dict[str, dict[int, int]]:
    """Figure -> index in the ledger of each act before an entry -> persons that the act counts.

    Contacts identified are those whom a naming named to a worker; contacts released those whose observation was
    ended.
    """
    from lianfang.foundation.errors import LianfangError
    from lianfang.guard import ledger
    from lianfang.records import RiskLock
    from lianfang.store import rows

    log = ledger.Log.only(connection)
    locks = {row["lock_id"] for row in rows(connection, RiskLock, event_id=event_id)}
    named, released = dict[int, int](), dict[int, int]()
    for one in _every(connection, "contacts_named", before):
        if one.ref in locks:
            try:
                opened = ledger.verify_opening(
                    log.entry(connection, one.index), ledger.opening(connection, one.index, log=log)
                )
                named[one.index] = int(opened.get("named", 0))
            except (LianfangError, ValueError):
                continue
    for one in _every(connection, "observation_released", before):
        if one.event == event_id:
            released[one.index] = 1
    return {"contacts_identified": named, "contacts_released": released} if locks else {}


def _every(connection: sa.Connection, kind: str, before: int) -> Iterator[Entry]:
    """All entries of a kind before an index, newest first."""
    from lianfang.guard import ledger

    while found := ledger.entries(connection, type=kind, before=before, limit=10_000):
        yield from found
        before = found[-1].index
