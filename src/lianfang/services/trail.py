"""Who looked: decisions of the gate and readings of identities, the newest first."""

from __future__ import annotations

from typing import Any

from lianfang.services.gate import require
from lianfang.services.installation import Installation, Who

PAGE = 100


def recent(inst: Installation, who: Who, *, event_id: str = "", before: int | None = None) -> dict[str, Any]:
    """``decisions`` (a page of them), ``readings``, ``totals`` and ``next`` for the following page."""
    import sqlalchemy as sa

    from lianfang.records import DecisionEntry, Reading
    from lianfang.store import table, tally

    require(who, "log.read")
    entries, readings = table(DecisionEntry), table(Reading)
    statement = sa.select(entries).order_by(entries.c.log_index.desc()).limit(PAGE)
    seen = sa.select(readings).order_by(readings.c.at.desc()).limit(PAGE)
    if event_id:
        statement = statement.where(entries.c.event_id == event_id)
        seen = seen.where(readings.c.event_id == event_id)
    if before is not None:
        statement = statement.where(entries.c.log_index < before)
    with inst.store.read() as connection:
        found = [dict(row) for row in connection.execute(statement).mappings()]
        looked = [dict(row) for row in connection.execute(seen).mappings()]
        totals = {
            "decisions": tally(connection, DecisionEntry),
            "refused": tally(connection, DecisionEntry, permit=False),
            "readings": tally(connection, Reading),
            "readers": connection.execute(
                sa.select(sa.func.count(readings.c.account.distinct()))
            ).scalar_one(),
        }
    following = found[-1]["log_index"] if len(found) == PAGE else None
    return {"decisions": found, "readings": looked, "totals": totals, "next": following, "event_id": event_id}
