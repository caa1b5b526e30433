"""An event as its page shows it: figures, curve, cases without names, orders, acts, needs."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from lianfang.services import cases, contacts, curves, events, plan
from lianfang.services import today as morning
from lianfang.services.gate import ask, require, within
from lianfang.services.installation import Installation, Who

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl
    import sqlalchemy as sa

    from lianfang.store import Row

#: Who sees an event's cases one by one, and what of them; figures and acts are for every role that may read.
LINE_LIST = ("epidemiologist", "manager", "data_protection_officer")
#: Most cases that are listed one by one, the last reported; figures and curve count all.
LISTED = 200
SHOWN = ("case_id", "date_onset", "first_reported", "gender", "classification", "severity", "symptoms")


def view(inst: Installation, who: Who, event_id: str) -> dict[str, Any]:
    """Everything that the event's page shows; cases appear by their number, never by a name.

    The purpose of a closed event has ended: its figures and acts stay, its cases are listed no more.
    """
    import sqlalchemy as sa

    from lianfang.records import (
        Bulletin,
        CaseReport,
        Certificate,
        DayResult,
        HolderEntry,
        HolderOrder,
        ObservationOrder,
        OrderAnswer,
    )
    from lianfang.store import rows, table, tally

    require(who, "event.read")
    event = events.get(inst, event_id)
    day = inst.today()
    with inst.store.read() as connection:
        known = cases.persons(connection, day, event_id=event_id)
        counts = contacts.by_status(connection, event_id)
        orders = rows(connection, HolderOrder, event_id=event_id)
        answers = {row["order_id"]: row for row in rows(connection, OrderAnswer, event_id=event_id)}
        observed = tally(connection, ObservationOrder, event_id=event_id, status="active")
        bulletins = rows(connection, Bulletin, event_id=event_id, order_by=["number"])
        held = rows(connection, Certificate, event_id=event_id)
        holders = rows(connection, HolderEntry, active=True)
        latest = sa.desc(table(DayResult).c.as_of)
        estimated = rows(connection, DayResult, step="reproduction", order_by=[latest], limit=1)
        shown = event["status"] == "open" and who.role in LINE_LIST
        listed = _listed(connection, day, known.tail(LISTED)) if shown else []
    within(who, event["adcode"])
    if shown:
        granted = ask(
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
        listed = granted.project(listed, CaseReport, first_reported="diagnosis")
    for order in orders:
        order.pop("index_cases")  # match tokens are between the order and its holder
    reproduction = estimated[0]["outcome"].get(event_id) if estimated else None
    acts = events.acts(inst, who, event_id)
    return {
        "event": event,
        "as_of": day,
        "cases": listed,
        "case_count": known.height,
        "by_onset": curves.by_day(known["date_onset"].fill_null(known["first_reported"])),
        "breaks": breaks(event, acts, day),
        "contact_count": sum(counts.values()),
        "contact_counts": counts,
        "orders": sorted(orders, key=lambda row: row["issued_at"], reverse=True),
        "answers": answers,
        "observed": observed,
        "bulletins": bulletins,
        "certificate": held[0]["content"] if held else None,
        "holders": holders,
        "reproduction": reproduction if reproduction and reproduction.get("estimated") else None,
        "plan": plan.judged(inst, event, plan.facts(inst, event, known))
        if event["status"] == "open"
        else None,
        "tasks": plan.tasks(inst, event) if event["status"] == "open" else [],
        "acts": acts,
        "needs": morning.needs(inst, event) if event["status"] == "open" else [],
        "data_due": event["status"] == "closed" and not held and event["retention_until"] <= day,
    }


def breaks(event: Row, acts: Sequence[Row], until: date) -> list[dict[str, Any]]:
    """The days from which the event's curve counts something else: ``day``, ``edition``, ``why`` (Chinese, English).

    Changes of the case definition by a signed act and, of an event counted by the national plan, the known breaks in
    its area.
    """
    from lianfang.treat import casedef

    found = [
        {
            "day": act["at"].date(),
            "edition": act["content"]["after"],
            "why": (
                f"病例定义由 {act['content']['before']} 改为 {act['content']['after']}",
                f"case definition {act['content']['before']} became {act['content']['after']}",
            ),
        }
        for act in acts
        if act["act"] == "definition"
    ]
    if event["case_definition"].startswith("cn-"):
        known = casedef.breaks(date(2019, 12, 1), until, str(event["adcode"]))
        found += [{"day": one.day, "edition": one.edition, "why": one.why} for one in known]
    return sorted(found, key=lambda one: one["day"])


def _listed(connection: sa.Connection, day: date, known: pl.DataFrame) -> list[Row]:
    """These persons as they are listed: the card that stands for each is read whole, and no other."""
    more = [name for name in SHOWN if name not in known.columns]
    read = cases.as_of(connection, day, case_ids=known["case_id"], columns=["case_id", *more])
    cards = {row["case_id"]: row for row in read}
    return [
        {name: row[name] if name in row else cards[row["case_id"]][name] for name in SHOWN}
        for row in known.to_dicts()
    ]
