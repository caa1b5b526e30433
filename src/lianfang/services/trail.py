"""Who looked: decisions of the gate and readings of identities, the newest first; and who was turned away."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from lianfang.services.gate import reaches, record, require
from lianfang.services.installation import Installation, Who

if TYPE_CHECKING:
    from lianfang.foundation.errors import Refused

PAGE = 100
#: An account's refusals within a window that are kept: nobody fills the ledger by trying.
KEPT, WINDOW = 30, timedelta(minutes=15)
#: Refusals that ask for a step and deny nothing, and those that the gate has recorded as the policy's decision.
_NO_DENIAL = ("reauthenticate", "refused")


def refused(inst: Installation, who: Who, where: str, error: Refused) -> None:
    """Keep that an account was turned away: who, at which route or command, why, when (security list 56)."""
    from lianfang.guard.accounts import attempts

    if error.code in _NO_DENIAL:
        return
    with inst.store.begin() as connection:
        counted, now = attempts.whos("refused", who.account, "")[:1], inst.now()
        if attempts.too_many(connection, counted, now, attempts.Limits(window=WINDOW, per_account=KEPT)):
            return
        attempts.failed(connection, counted, now)
        payload = {"code": error.code, "reasons": list(error.reasons), "role": who.role}
        record(
            inst,
            connection,
            "access_refused",
            who=who,
            purpose="maintenance",
            ref=where[:200],
            payload=payload,
        )


def recent(inst: Installation, who: Who, *, event_id: str = "", before: int | None = None) -> dict[str, Any]:
    """``decisions`` (a page of them), ``readings``, ``totals`` and ``next`` for the following page."""
    import sqlalchemy as sa

    from lianfang.records import DecisionEntry, Event, Reading
    from lianfang.store import rows, table, tally

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
        said: list[sa.ColumnElement[bool]] = []
        read: list[sa.ColumnElement[bool]] = []
        if not reaches(who, inst.settings.adcode):  # of one's own events only
            own = [row["event_id"] for row in rows(connection, Event) if reaches(who, row["adcode"])]
            said, read = [entries.c.event_id.in_(own)], [readings.c.event_id.in_(own)]
        statement, seen = statement.where(*said), seen.where(*read)
        found = [dict(row) for row in connection.execute(statement).mappings()]
        looked = [dict(row) for row in connection.execute(seen).mappings()]
        totals = {
            "decisions": tally(connection, DecisionEntry, *said),
            "refused": tally(connection, DecisionEntry, *said, permit=False),
            "readings": tally(connection, Reading, *read),
            "readers": connection.execute(
                sa.select(sa.func.count(readings.c.account.distinct())).where(*read)
            ).scalar_one(),
        }
    following = found[-1]["log_index"] if len(found) == PAGE else None
    return {"decisions": found, "readings": looked, "totals": totals, "next": following, "event_id": event_id}
