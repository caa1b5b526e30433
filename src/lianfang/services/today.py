"""The first page of the morning: signals to judge, and what each open event needs from whom."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from lianfang.services import events, incidents, paper, plan
from lianfang.services.gate import ask, reaches, require, within
from lianfang.services.installation import Installation, Who

if TYPE_CHECKING:
    from lianfang.store import Row


def today(inst: Installation, who: Who, as_of: date | None = None) -> dict[str, Any]:
    """``as_of``, ``alerts`` to decide, ``events`` with ``needs``, the last day's ``steps`` and ``findings``.

    ``incidents``: for the officers who keep their clocks; None for others.
    """
    import sqlalchemy as sa

    from lianfang.records import Alert, DayResult, QualityFinding
    from lianfang.store import rows, table

    require(who, "event.read")
    day = as_of or inst.today()
    with inst.store.read() as connection:
        days = table(DayResult).c.as_of
        last = connection.execute(sa.select(sa.func.max(days)).where(days <= day)).scalar_one()
        done = rows(connection, DayResult, as_of=last) if last else []
        steps = {row["step"]: row["outcome"] for row in done}
        # an alert and a finding are of no area but the house's own
        whole = reaches(who, inst.settings.adcode)
        waiting = [row for row in rows(connection, Alert, status="new") if whole and row["as_of"] <= day]
        findings = rows(connection, QualityFinding, as_of=last) if last and whole else []
    waiting.sort(key=lambda row: (not row["method"].startswith("cluster"), -row["observed"]))
    listed = [row for row in events.listing(inst, who) if row["status"] in ("open", "closed")]
    return {
        "as_of": day,
        "last_cycle": last,
        "alerts": [without_cases(row) for row in waiting],
        "events": [{**row, "needs": needs(inst, row) if row["status"] == "open" else []} for row in listed],
        "steps": steps,
        "findings": findings,
        "incidents": incidents.overdue(inst, who),
    }


def needs(inst: Installation, event: Row) -> list[dict[str, Any]]:
    """What an open event needs today: ``kind``, ``count`` and the ``role`` whose turn it is."""
    import sqlalchemy as sa

    from lianfang.records import (
        Bulletin,
        Contact,
        FollowUp,
        HolderOrder,
        ObservationOrder,
        RiskLock,
        Sample,
    )
    from lianfang.store import table, tally

    event_id, day = event["event_id"], inst.today()
    contact, follow, observed = table(Contact), table(FollowUp), table(ObservationOrder)
    order = table(HolderOrder)
    with inst.store.read() as connection:
        seen = sa.select(follow.c.contact_id).where(follow.c.event_id == event_id, follow.c.day == day)
        live = contact.c.status.in_(["named", "reached", "observed"])
        found = [
            ("order", "epidemiologist", 0 if tally(connection, HolderOrder, event_id=event_id) else 1),
            ("send", "epidemiologist", tally(connection, HolderOrder, event_id=event_id, status="draft")),
            (
                "lock",
                "epidemiologist",
                tally(connection, Contact, event_id=event_id, status="candidate", level="high"),
            ),
            (
                "approve",
                "data_protection_officer",
                tally(connection, RiskLock, event_id=event_id, status="locked"),
            ),
            ("name", "epidemiologist", tally(connection, RiskLock, event_id=event_id, status="approved")),
            (
                "visit",
                "community_worker",
                tally(connection, Contact, live, contact.c.contact_id.not_in(seen), event_id=event_id),
            ),
            ("result", "laboratory", tally(connection, Sample, event_id=event_id, status="ordered")),
            (
                "release",
                "epidemiologist",
                tally(
                    connection, ObservationOrder, observed.c.until <= day, event_id=event_id, status="active"
                ),
            ),
            (
                "overdue",
                "epidemiologist",
                tally(
                    connection, HolderOrder, order.c.expires_at < inst.now(), event_id=event_id, status="sent"
                ),
            ),
            ("publish", "manager", 0 if tally(connection, Bulletin, event_id=event_id, as_of=day) else 1),
        ]
    listed = [{"kind": kind, "role": role, "count": count} for kind, role, count in found if count]
    sheets = paper.outstanding(inst, event_id)
    listed += [
        {"kind": f"paper_{kind}", "role": role, "count": sheets[kind]}
        for kind, role in (
            ("overdue", "epidemiologist"),
            ("lost", "data_protection_officer"),
            ("witness", "manager"),
        )
        if sheets[kind]
    ]
    late: dict[str, int] = {}
    for task in plan.tasks(inst, event):
        if task["overdue"]:
            late[task["role"]] = late.get(task["role"], 0) + 1
    return listed + [{"kind": "task", "role": role, "count": count} for role, count in sorted(late.items())]


def alert(inst: Installation, who: Who, alert_id: str) -> Row:
    """An alert with its cases' dates, classes and places: no names."""
    from lianfang.records import Alert, CaseReport
    from lianfang.services import cases
    from lianfang.services.situation import LINE_LIST, SHOWN
    from lianfang.store import one

    require(who, "event.read")
    within(who, inst.settings.adcode)
    with inst.store.read() as connection:
        found = one(connection, Alert, alert_id=alert_id)
        case_ids = found["evidence"].get("case_ids", [])
        columns = [name for name in SHOWN if name != "first_reported"]
        known = (
            cases.as_of(connection, found["as_of"], case_ids=case_ids, columns=columns) if case_ids else []
        )
    found["cases"] = []
    if known and who.role in LINE_LIST:
        granted = ask(
            inst,
            who,
            phase="use",
            purpose="epidemiological_investigation",
            data=["pseudonym", "sex", "symptom", "diagnosis"],
            context={"deidentified": True},
            ref=alert_id,
            rows=len(known),
        )
        listed = [{name: row[name] for name in SHOWN} for row in known]
        found["cases"] = granted.project(listed, CaseReport, first_reported="diagnosis")
    else:
        found = without_cases(found)
    return found


def without_cases(alert: Row) -> Row:
    """An alert without the ids of the cases that it rests on: how many there are stays."""
    evidence = {name: value for name, value in alert["evidence"].items() if name != "case_ids"}
    return {**alert, "evidence": evidence}
