"""An event as its page shows it: figures, curve, cases without names, orders, acts, needs."""

from __future__ import annotations

from typing import Any

from lianfang.services import cases, events, plan
from lianfang.services import today as morning
from lianfang.services.gate import ask, require, within
from lianfang.services.installation import Installation, Who

#: Who sees an event's cases one by one, and what of them; figures and acts are for every role that may read.
LINE_LIST = ("epidemiologist", "manager", "data_protection_officer")
#: Most cases that are listed one by one, the last reported; figures and curve count all.
LISTED = 200
SHOWN = ("case_id", "date_onset", "first_reported", "gender", "classification", "severity", "symptoms")


def view(inst: Installation, who: Who, event_id: str) -> dict[str, Any]:
    """Everything that the event's page shows; cases appear by their number, never by a name.

    The purpose of a closed event has ended: its figures and acts stay, its cases are listed no more.
    """
    from lianfang.records import (
        Bulletin,
        Certificate,
        Contact,
        DayResult,
        HolderEntry,
        HolderOrder,
        ObservationOrder,
        OrderAnswer,
    )
    from lianfang.store import rows

    require(who, "event.read")
    event = events.get(inst, event_id)
    day = inst.today()
    with inst.store.read() as connection:
        known = cases.one_per_person(connection, cases.as_of(connection, day, event_id=event_id))
        contacts = rows(connection, Contact, event_id=event_id, order_by=["rank"])
        orders = rows(connection, HolderOrder, event_id=event_id)
        answers = {row["order_id"]: row for row in rows(connection, OrderAnswer, event_id=event_id)}
        observed = rows(connection, ObservationOrder, event_id=event_id, status="active")
        bulletins = rows(connection, Bulletin, event_id=event_id, order_by=["number"])
        held = rows(connection, Certificate, event_id=event_id)
        holders = rows(connection, HolderEntry, active=True)
        estimated = rows(connection, DayResult, step="reproduction", order_by=["as_of"])
    within(who, event["adcode"])
    listed = []
    if event["status"] == "open" and who.role in LINE_LIST:
        listed = [{name: row[name] for name in SHOWN} for row in known[-LISTED:]]
        ask(
            inst,
            who,
            phase="use",
            purpose="epidemiological_investigation",
            data=["pseudonym", "sex", "symptom", "diagnosis"],
            context={"deidentified": True},
            event=event,
            ref=event_id,
            rows=len(listed),
        )
    by_onset: dict[str, int] = {}
    for row in known:
        moment = (row["date_onset"] or row["first_reported"]).isoformat()
        by_onset[moment] = by_onset.get(moment, 0) + 1
    for order in orders:
        order.pop("index_cases")  # match tokens are between the order and its holder
    counts: dict[str, int] = {}
    for contact in contacts:
        counts[contact["status"]] = counts.get(contact["status"], 0) + 1
    latest = estimated[-1]["outcome"].get(event_id) if estimated else None
    return {
        "event": event,
        "as_of": day,
        "cases": listed,
        "case_count": sum(by_onset.values()),
        "by_onset": dict(sorted(by_onset.items())),
        "contacts": contacts,
        "contact_counts": counts,
        "orders": sorted(orders, key=lambda row: row["issued_at"], reverse=True),
        "answers": answers,
        "observed": observed,
        "bulletins": bulletins,
        "certificate": held[0]["content"] if held else None,
        "holders": holders,
        "reproduction": latest if latest and latest.get("estimated") else None,
        "plan": plan.judged(inst, event, plan.facts(inst, event, known))
        if event["status"] == "open"
        else None,
        "tasks": plan.tasks(inst, event) if event["status"] == "open" else [],
        "acts": events.acts(inst, who, event_id),
        "needs": morning.needs(inst, event) if event["status"] == "open" else [],
        "data_due": event["status"] == "closed" and not held and event["retention_until"] <= day,
    }
