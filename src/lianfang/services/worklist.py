"""The worker's list: the contacts named to him with what is to be done today, and one of them with its record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lianfang.foundation.errors import NotFound, Refused
from lianfang.services import events
from lianfang.services.gate import ask, require
from lianfang.services.installation import Installation, Who

if TYPE_CHECKING:
    from lianfang.store import Row

#: What of a contact is not the worker's: whom he met, under which tokens, and what stands for him in the house.
_INNER = ("token", "index_tokens", "score", "subject_id")
#: States of a contact who is followed: neither found ill nor released, and named to a worker.
FOLLOWED = ("named", "reached", "observed", "refused")


def tasks(inst: Installation, who: Who) -> list[Row]:
    """The worker's contacts with what is to be done today; ids and states only.

    Contacts of an event whose plan gives the worker no power (any more), or that has ended, are left out.
    """
    import sqlalchemy as sa

    from lianfang.records import Contact, FollowUp, ObservationOrder
    from lianfang.store import rows, table

    require(who, "contact.visit")
    contact, follow, order = table(Contact), table(FollowUp), table(ObservationOrder)
    own = sa.select(contact.c.contact_id).where(contact.c.worker == who.account)
    with inst.store.read() as connection:
        mine = rows(connection, Contact, worker=who.account, order_by=["rank"])
        visited = rows(connection, FollowUp, follow.c.contact_id.in_(own), day=inst.today())
        active = rows(connection, ObservationOrder, order.c.contact_id.in_(own), status="active")
    done = {row["contact_id"] for row in visited}
    watched = {row["contact_id"]: row["until"] for row in active}
    for row in mine:
        row["visited_today"] = row["contact_id"] in done
        row["observed_until"] = watched.get(row["contact_id"])
        refused = row["status"] == "refused"  # due until a later visit reaches him
        row["due"] = refused or (row["status"] in FOLLOWED and not row["visited_today"])
    return _of_open_events(inst, who, mine)


def _of_open_events(inst: Installation, who: Who, mine: list[Row]) -> list[Row]:
    """Of the worker's contacts what the gate gives him: asked for each event, a refusal leaves the event out."""
    from lianfang.records import Contact

    served = Contact.serving("close_contact_tracing")
    declared = {name: datum for name, datum in served.items() if name not in _INNER}
    shown: list[Row] = []
    for event_id in dict.fromkeys(str(row["event_id"]) for row in mine):
        own = [row for row in mine if row["event_id"] == event_id]
        try:
            granted = ask(
                inst,
                who,
                phase="use",
                purpose="close_contact_tracing",
                data=["pseudonym"],
                context={"assigned_person": True, "subject": "close_contact", "list_scope": "own"},
                event=events.get(inst, event_id),
                ref=event_id,
                rows=len(own),
            )
        except Refused:
            continue
        # what is to be done is the worker's own day; until when he goes belongs to the token
        day = {"visited_today": "", "due": "", "observed_until": "pseudonym"}
        shown += granted.project(own, declared, **day)
    return shown


def task(inst: Installation, who: Who, contact_id: str) -> Row:
    """One contact of the worker's list, with his follow-ups and samples; :class:`NotFound` for another's."""
    from lianfang.records import FollowUp, LabResult, Sample
    from lianfang.store import rows

    found = next((row for row in tasks(inst, who) if row["contact_id"] == contact_id), None)
    if found is None:
        raise NotFound("There is no such contact on your list.")
    with inst.store.read() as connection:
        follow_ups = rows(connection, FollowUp, contact_id=contact_id, order_by=["day"])
        samples = rows(connection, Sample, contact_id=contact_id)
        for sample in samples:
            held = rows(connection, LabResult, sample_no=sample["sample_no"])
            sample["result"] = held[0]["result"] if held else ""
    found |= {"follow_ups": [], "samples": []}
    if follow_ups or samples:
        granted = ask(
            inst,
            who,
            phase="use",
            purpose="close_contact_tracing",
            data=["pseudonym", "symptom"],
            context={"assigned_person": True, "subject": "close_contact", "list_scope": "own"},
            event=events.get(inst, found["event_id"]),
            ref=contact_id,
            rows=1,
        )
        found["follow_ups"] = granted.project(follow_ups, FollowUp)
        found["samples"] = granted.project(samples, Sample, result="diagnosis")
    return found
