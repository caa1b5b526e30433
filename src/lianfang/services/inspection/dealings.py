"""What was done with people's data: events, decisions, readings of identities, locks, orders, tasks of the plan."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from lianfang.foundation.errors import LianfangError
from lianfang.services.inspection.findings import finding
from lianfang.services.inspection.house import shown
from lianfang.services.inspection.machine import Part
from lianfang.services.installation import ROUTINE, Installation


def events(inst: Installation) -> Part:
    """Open and closed events by id, what is due, and the certificates, each verified again. No title: it was typed."""
    from lianfang.guard.signing import verify
    from lianfang.records import Certificate, Event
    from lianfang.store import rows

    with inst.store.read() as connection:
        known = rows(connection, Event, order_by=["event_id"])
        issued = rows(connection, Certificate, order_by=["event_id"])
    ended = {row["event_id"] for row in issued}
    found = []
    listed = []
    for row in known:
        late = (
            row["status"] == "closed"
            and row["event_id"] not in ended
            and row["retention_until"] <= inst.today()
        )
        if late:
            found.append(finding("event_due", row["event_id"]))
        names = (
            "event_id",
            "status",
            "level",
            "adcode",
            "opened_at",
            "closed_at",
            "retention_until",
            "retention_pack",
        )
        listed.append({**{name: row[name] for name in names}, "ended": row["event_id"] in ended})
    certificates = []
    for row in issued:
        try:
            good = verify(inst.signer.public, json.loads(row["signature"])) == row["content"]
        except (LianfangError, ValueError, RecursionError):
            good = False
        if not good:
            found.append(finding("certificate_bad", row["event_id"]))
        certificates.append(
            {
                "event_id": row["event_id"],
                "issued_at": row["issued_at"],
                "log_index": row["log_index"],
                "signature_holds": good,
            }
        )
    return {"events": shown(listed), "certificates": shown(certificates)}, found


def decisions(inst: Installation, since: datetime) -> Part:
    """Decisions of the gate in the period: how many permitted and refused, by body, purpose and phase."""
    import sqlalchemy as sa

    from lianfang.records import DecisionEntry
    from lianfang.store import table

    made = table(DecisionEntry)
    columns = (made.c.actor, made.c.purpose, made.c.phase, made.c.permit)
    query = sa.select(*columns, sa.func.count().label("n")).where(made.c.at >= since).group_by(*columns)
    groups: dict[tuple[str, str, str], dict[str, Any]] = {}
    with inst.store.read() as connection:
        for row in connection.execute(query):
            key = (row.actor, row.purpose, row.phase)
            line = groups.setdefault(
                key, {"actor": key[0], "purpose": key[1], "phase": key[2], "permitted": 0, "refused": 0}
            )
            line["permitted" if row.permit else "refused"] += row.n
    lines = [groups[key] for key in sorted(groups)]
    totals = {name: sum(line[name] for line in lines) for name in ("permitted", "refused")}
    return {**totals, **shown(lines)}, []


def readings(inst: Installation, since: datetime) -> Part:
    """Readings of identities in the period by reader, each judged again from the lock and approvals that are kept.

    Lock and approvals end with their event; a reading under a certificate cannot be judged again and is counted.
    """
    from lianfang.records import Approval, Certificate, Reading, RiskLock
    from lianfang.store import rows, table

    with inst.store.read() as connection:
        made = rows(connection, Reading, table(Reading).c.at >= since)
        locks = {row["lock_id"]: row for row in rows(connection, RiskLock)}
        given = _by_lock(rows(connection, Approval, verdict="approve"))
        ended = {row["event_id"] for row in rows(connection, Certificate)}
    readers: dict[str, int] = {}
    bad: dict[str, int] = {}
    past = 0
    for row in made:
        readers[row["account"]] = readers.get(row["account"], 0) + 1
        if row["event_id"] in ended and row["lock_id"]:
            past += 1
        elif not _founded(row, locks.get(row["lock_id"]), given.get(row["lock_id"], [])):
            bad[row["account"]] = bad.get(row["account"], 0) + 1
    found = [finding("reading_without_lock", account, n=count) for account, count in sorted(bad.items())]
    lines = [{"reader": name, "readings": count} for name, count in sorted(readers.items())]
    part = {"readings": len(made), "without_lock": sum(bad.values()), "of_ended_events": past, **shown(lines)}
    return part, found


def _by_lock(given: Iterable[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    found: dict[str, list[Mapping[str, Any]]] = {}
    for row in given:
        found.setdefault(row["lock_id"], []).append(row)
    return found


def _two(given: Iterable[Mapping[str, Any]], worker: str) -> bool:
    """Two people in two roles, neither the worker who reads."""
    those = [one for one in given if one["account"] != worker]
    return any(a["account"] != b["account"] and a["role"] != b["role"] for a in those for b in those)


def _founded(
    reading: Mapping[str, Any], lock: Mapping[str, Any] | None, given: list[Mapping[str, Any]]
) -> bool:
    return (
        lock is not None
        and reading["contact_id"] in lock["contact_ids"]
        and reading["account"] == lock["worker"]
        and lock["locked_at"] <= reading["at"] <= lock["not_after"]
        and _two([one for one in given if one["at"] <= reading["at"]], lock["worker"])
    )


def locks(inst: Installation) -> Part:
    """Locks of the events that go on, by state; one that was opened needs two people in two roles."""
    from lianfang.records import Approval, RiskLock
    from lianfang.store import rows

    with inst.store.read() as connection:
        made = rows(connection, RiskLock, order_by=["locked_at"])
        given = _by_lock(rows(connection, Approval, verdict="approve"))
    states: dict[str, int] = {}
    found = []
    for row in made:
        states[row["status"]] = states.get(row["status"], 0) + 1
        opened = row["status"] in ("approved", "named")
        if opened and not _two(given.get(row["lock_id"], []), row["worker"]):
            found.append(finding("lock_without_two", row["lock_id"]))
    return {"locks": len(made), "by_state": states, "without_two_roles": len(found)}, found


def orders(inst: Installation) -> Part:
    """Orders to holders by state; one that was sent and not answered in its time is a finding."""
    from lianfang.records import HolderOrder
    from lianfang.store import rows

    with inst.store.read() as connection:
        made = rows(connection, HolderOrder, order_by=["issued_at"])
    states: dict[str, int] = {}
    found = []
    for row in made:
        states[row["status"]] = states.get(row["status"], 0) + 1
        if row["status"] == "sent" and row["expires_at"] < inst.now():
            found.append(finding("order_overdue", row["order_id"]))
    return {"orders": len(made), "by_state": states, "overdue": len(found)}, found


def tasks(inst: Installation) -> Part:
    """Tasks of open events' plans that nobody did in time, by the role that owes them."""
    from lianfang.records import Event
    from lianfang.services import plan
    from lianfang.store import rows, table

    with inst.store.read() as connection:
        live = rows(connection, Event, table(Event).c.event_id != ROUTINE, status="open")
    late: dict[str, int] = {}
    found = []
    for event in live:
        own = [row for row in plan.tasks(inst, event) if row["overdue"]]
        for row in own:
            late[row["role"]] = late.get(row["role"], 0) + 1
        if own:
            found.append(finding("task_overdue", event["event_id"], n=len(own)))
    return {"overdue": sum(late.values()), "by_role": late}, found


def paper_forms(inst: Installation) -> Part:
    """Sheets of paper that are overdue, lost, or whose destruction nobody has witnessed yet."""
    from lianfang.services import paper

    part = paper.outstanding(inst)
    found = [finding(f"paper_{kind}", n=part[kind]) for kind in ("lost", "overdue") if part[kind]]
    return dict(part), found
