"""The worker's side: his contacts, their particulars while he may read them, visits, tests, observation."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lianfang.foundation.errors import BadInput, Conflict, NotFound, Refused
from lianfang.services import cases, events
from lianfang.services.gate import ask, record, require, within
from lianfang.services.installation import Installation, Who
from lianfang.services.worklist import FOLLOWED, task, tasks

__all__ = [
    "FEVER", "FOLLOWED", "PARTICULARS", "SYMPTOMS", "event_of", "is_ill", "order_sample", "particulars",
    "record_result", "record_visit", "release", "task", "tasks",
]  # fmt: skip

if TYPE_CHECKING:
    import sqlalchemy as sa

    from lianfang.store import Row

#: Fever by axillary thermometer (NHC diagnosis and treatment plan, trial edition 7: fever from 37.3 degrees).
FEVER = 37.3
SYMPTOMS = (
    "fever",
    "cough",
    "dyspnoea",
    "sore_throat",
    "fatigue",
    "myalgia",
    "headache",
    "diarrhoea",
    "loss_of_smell",
)
#: What a worker may read of a person he has to reach, and no more.
PARTICULARS = ("name", "phone", "address")


def event_of(inst: Installation, contact_id: str) -> str:
    """The event of a contact."""
    return str(_contact(inst, contact_id)[1]["event_id"])


def particulars(inst: Installation, who: Who, contact_id: str, *, terminal: str) -> dict[str, str]:
    """Name, phone and address of one contact, for his assigned worker, on a registered terminal.

    Every reading is asked for at the gate and leaves a row; a second reader is refused (REQ-P-60).
    ``terminal``: what the house's own machinery reads on; of a session the gate knows by its registration
    whether the device counts (REQ-P-49), whatever is said here.

    Raises:
        Refused: not the assigned worker, the policy, a contact no longer followed, a lock not named or over.
    """
    from lianfang.guard.vault import Approval as Given
    from lianfang.guard.vault import Grant
    from lianfang.records import Approval, Reading, RiskLock, identifiers
    from lianfang.store import insert_new, rows

    require(who, "contact.visit")
    contact, event = _contact(inst, contact_id)
    assigned = contact["worker"] == who.account and bool(contact["subject_id"])
    with inst.store.read() as connection:
        lock = next(iter(rows(connection, RiskLock, lock_id=contact["lock_id"])), None)
        given = rows(connection, Approval, lock_id=contact["lock_id"], verdict="approve")
    open_lock = _opens(inst, lock, contact_id)
    two = any(a["account"] != b["account"] and a["role"] != b["role"] for a in given for b in given)
    granted = ask(
        inst,
        who,
        phase="read",
        purpose="reach_person",
        data=["name", "mobile", "home_address"],
        context={
            "assigned_person": assigned,
            "terminal": "designated" if terminal else "",
            "subject": "close_contact",
            "list_scope": "own",
            "shared_account": False,
            "risk_locked": open_lock,
            "second_approval": two,
        },
        event=event,
        ref=contact_id,
        rows=1,
    )
    if not assigned:
        raise Refused("Only the assigned worker may read this.", basis=("REQ-P-60",), code="not_assigned")
    if contact["status"] not in FOLLOWED:
        raise Refused("This contact is no longer followed.", basis=("REQ-P-60",), code="not_followed")
    if lock is None or not open_lock or not two:
        raise Refused("No lock opens this contact now.", basis=("REQ-P-64",), code="lock")
    with inst.store.begin() as connection:
        insert_new(
            connection,
            Reading.model_validate(
                {
                    "reading_id": f"r{secrets.token_hex(8)}",
                    "at": inst.now(),
                    "account": who.account,
                    "event_id": event["event_id"],
                    "contact_id": contact_id,
                    "lock_id": contact["lock_id"],
                    "fields_read": list(PARTICULARS),
                    "decision_id": granted.decision_id,
                }
            ),
        )
        payload = {"contact_id": contact_id, "fields": list(PARTICULARS)}
        record(
            inst,
            connection,
            "identity_read",
            who=who,
            purpose="reach_person",
            ref=contact_id,
            payload=payload,
        )
    grant = Grant(
        event_id=event["event_id"],
        subjects=[contact["subject_id"]],
        fields=PARTICULARS,
        reason=lock["reason"],
        approvals=[Given(row["account"], row["role"], row["at"]) for row in given],
        reader=lock["worker"],
        not_after=lock["not_after"],
    )
    with inst.vault_store.read() as vault:
        shown = inst.vault.reveal(vault, event["event_id"], grant, reader=who.account, now=inst.now())
    return granted.project(shown.get(contact["subject_id"], {}), identifiers())


def record_visit(
    inst: Installation,
    who: Who,
    contact_id: str,
    *,
    reached: bool,
    temperature: float | None = None,
    symptoms: Sequence[str] = (),
    refused: bool = False,
    medium: str = "visit",
) -> dict[str, Any]:
    """Note the result of a visit or call; the first one begins medical observation.

    A second result on one day replaces the first. Returns ``test_advised``, ``observed_until``, ``status``.

    Raises:
        Conflict: the contact is a case, released or not named, so that nobody visits him.
    """
    from lianfang.records import Contact, FollowUp, ObservationOrder
    from lianfang.store import change, one, put, rows

    require(who, "contact.visit")
    if temperature is not None and not 30.0 <= temperature <= 45.0:
        raise BadInput("A temperature lies between 30.0 and 45.0 degrees.")
    if unknown := [word for word in symptoms if word not in SYMPTOMS]:
        raise BadInput(
            f"{len(unknown)} of the symptoms are not in the list.", hint=f"Known: {', '.join(SYMPTOMS)}."
        )
    contact, event = _contact(inst, contact_id)
    _own_open(who, contact, event)
    ask(
        inst,
        who,
        phase="collect",
        purpose="close_contact_tracing",
        data=["symptom"],
        context={
            "assigned_person": True,
            "subject": "close_contact",
        },
        event=event,
        ref=contact_id,
        rows=1,
    )
    today = inst.today()
    until = events.due_until(contact["last_exposure"], today)
    with inst.store.begin() as connection:
        contact = one(connection, Contact, contact_id=contact_id)  # as it is now: a result may have come
        if contact["status"] not in FOLLOWED:
            raise Conflict(f"This contact is not followed: {contact['status']}.")
        status = "refused" if refused else ("observed" if reached else contact["status"])
        put(
            connection,
            FollowUp.model_validate(
                {
                    "event_id": event["event_id"],
                    "contact_id": contact_id,
                    "day": today,
                    "at": inst.now(),
                    "by": who.account,
                    "medium": medium,
                    "reached": reached,
                    "temperature": temperature,
                    "symptoms": list(symptoms),
                    "refused": refused,
                }
            ),
        )
        active = rows(connection, ObservationOrder, contact_id=contact_id, status="active")
        if (reached or refused) and not active:
            put(
                connection,
                ObservationOrder.model_validate(
                    {
                        "event_id": event["event_id"],
                        "contact_id": contact_id,
                        "start": today,
                        "until": max(until, today),
                        "status": "refused" if refused else "active",
                        "ordered_by": who.account,
                    }
                ),
            )
        change(connection, Contact, contact["id"], status=status, updated_at=inst.now())
    ill = is_ill({"temperature": temperature, "symptoms": symptoms})
    return {"test_advised": ill and not refused, "observed_until": until, "status": status}


def is_ill(row: Mapping[str, Any]) -> bool:
    """Whether a follow-up found a fever or a symptom, so that a test is advised."""
    return bool(row["symptoms"]) or (row["temperature"] or 0.0) >= FEVER


def order_sample(inst: Installation, who: Who, contact_id: str) -> str:
    """Order a test for a contact; returns the sample's number. One open sample a contact."""
    from lianfang.records import Sample
    from lianfang.store import insert_new, rows

    require(who, "sample.order")
    contact, event = _contact(inst, contact_id)
    if who.role == "community_worker":
        _own_open(who, contact, event)
    within(who, event["adcode"])
    context: dict[str, Any] = {"subject": "close_contact"}
    if who.actor == "grassroots_worker":
        context["assigned_person"] = True
    ask(
        inst,
        who,
        # a clinic's test is part of its treatment; the others act on what a visit has found
        phase="collect" if who.actor == "medical_institution" else "use",
        purpose="treatment" if who.actor == "medical_institution" else "close_contact_tracing",
        data=["symptom"],
        context=context,
        event=event,
        ref=contact_id,
        rows=1,
    )
    with inst.store.begin() as connection:
        waiting = [
            row
            for row in rows(connection, Sample, contact_id=contact_id)
            if row["status"] in ("ordered", "collected")
        ]
        if waiting:
            return str(waiting[0]["sample_no"])
        number = f"S{inst.today():%y%m%d}{secrets.token_hex(3).upper()}"
        insert_new(
            connection,
            Sample.model_validate(
                {
                    "sample_no": number,
                    "event_id": event["event_id"],
                    "contact_id": contact_id,
                    "source": "human",
                    "collected_on": inst.today(),
                    "ordered_by": who.account,
                    "status": "ordered",
                }
            ),
        )
        record(
            inst,
            connection,
            "sample_ordered",
            who=who,
            purpose="treatment",
            ref=number,
            payload={"sample": number},
        )
    return number


def record_result(
    inst: Installation,
    who: Who,
    sample_no: str,
    *,
    result: str,
    test: str = "SARS-CoV-2 RT-PCR",
    laboratory: str = "",
) -> dict[str, Any]:
    """A laboratory's result for an ordered sample; a positive one makes the contact a confirmed case."""
    from lianfang.records import Contact, LabResult, Sample
    from lianfang.store import change, one, put, rows

    require(who, "sample.result")
    if result not in ("positive", "negative", "pending", "invalid"):
        raise BadInput("A result is positive, negative, pending or invalid.")
    with inst.store.read() as connection:
        sample = one(connection, Sample, sample_no=sample_no)
    event = events.get(inst, sample["event_id"])
    ask(
        inst,
        who,
        phase="share",
        purpose="case_report",
        data=["diagnosis"],
        context={"own_patient": True, "recipient": "cdc", "subject": "close_contact"},
        event=event,
        ref=sample_no,
        rows=1,
        going=("kept_here", "this_house"),
    )
    today = inst.today()
    with inst.store.begin() as connection:
        held = rows(connection, LabResult, sample_no=sample_no, test=test)
        if held and held[0]["result"] in ("positive", "negative") and held[0]["result"] != result:
            raise Conflict("This sample has a final result.", hint="A correction is a new sample and result.")
        put(
            connection,
            LabResult.model_validate(
                {
                    "sample_no": sample_no,
                    "event_id": sample["event_id"],
                    "source": sample["source"],
                    "collected_on": sample["collected_on"],
                    "tested_on": today,
                    "test": test,
                    "result": result,
                    "laboratory": laboratory,
                }
            ),
        )
        change(connection, Sample, sample["id"], status="tested")
        case = ""
        if result == "positive" and sample["contact_id"]:
            contact = one(connection, Contact, contact_id=sample["contact_id"])
            case = contact["case_id"] or _make_case(inst, connection, contact, sample, who)
        payload = {"sample": sample_no, "case": case}
        record(
            inst,
            connection,
            "result_reported",
            who=who,
            purpose="case_report",
            ref=sample_no,
            payload=payload,
        )
    return {"sample_no": sample_no, "result": result, "case_id": case}


def _make_case(inst: Installation, connection: sa.Connection, contact: Row, sample: Row, who: Who) -> str:
    """The contact becomes a confirmed case of the event, under the same subject; observation ends."""
    from lianfang.records import CaseReport, Contact, FollowUp, ObservationOrder
    from lianfang.store import change, rows

    today = inst.today()
    followed = rows(connection, FollowUp, contact_id=contact["contact_id"], order_by=["day"])
    ill = [row["day"] for row in followed if is_ill(row)]
    symptoms = sorted({word for row in followed for word in row["symptoms"]} | ({"fever"} if ill else set()))
    identity = cases.case_id("centre", sample["sample_no"])
    report = CaseReport.model_validate(
        {
            "case_id": identity,
            "event_id": contact["event_id"],
            "card_no": sample["sample_no"],
            "reporter": inst.settings.authority_id,
            "date_reporting": today,
            "adcode": inst.settings.adcode,
            "date_onset": ill[0] if ill else None,
            "date_confirmed": today,
            "symptoms": symptoms,
            "classification": "confirmed" if ill else "confirmed_no_symptoms",
        }
    )
    cases.add(inst, connection, who, report, subject_id=contact["subject_id"])
    change(connection, Contact, contact["id"], status="case", case_id=identity, updated_at=inst.now())
    for row in rows(connection, ObservationOrder, contact_id=contact["contact_id"], status="active"):
        change(
            connection, ObservationOrder, row["id"], status="case", ended_at=inst.now(), reason="confirmed"
        )
    return identity


def release(inst: Installation, who: Who, contact_id: str, *, reason: str = "") -> None:
    """End a contact's observation: on its last day, or earlier with a reason."""
    from lianfang.records import Contact, ObservationOrder
    from lianfang.store import change, rows

    require(who, "observation.end")
    contact, event = _contact(inst, contact_id)
    within(who, event["adcode"])
    ask(
        inst,
        who,
        phase="use",
        purpose="close_contact_tracing",
        data=["pseudonym"],
        context={"deidentified": True},
        event=event,
        ref=contact_id,
        rows=1,
    )
    today = inst.today()
    with inst.store.begin() as connection:
        active = rows(connection, ObservationOrder, contact_id=contact_id, status="active")
        if not active:
            raise Conflict("This contact is not under observation.")
        if today < active[0]["until"] and not reason.strip():
            raise BadInput(f"Observation runs until {active[0]['until']}; an earlier release needs a reason.")
        for row in active:
            change(
                connection,
                ObservationOrder,
                row["id"],
                status="released",
                ended_at=inst.now(),
                reason=reason or "due",
            )
        change(connection, Contact, contact["id"], status="released", updated_at=inst.now())
        record(
            inst,
            connection,
            "observation_released",
            who=who,
            purpose="close_contact_tracing",
            ref=contact_id,
            payload={"reason": reason or "due"},
            event=str(contact["event_id"]),
        )


def _contact(inst: Installation, contact_id: str) -> tuple[Row, Row]:
    from lianfang.records import Contact
    from lianfang.store import one

    with inst.store.read() as connection:
        contact = one(connection, Contact, contact_id=contact_id)
    return contact, events.get(inst, contact["event_id"])


def _opens(inst: Installation, lock: Row | None, contact_id: str) -> bool:
    """Whether this lock is named, not over, and covers the contact."""
    return (
        lock is not None
        and lock["status"] == "named"
        and inst.now() <= lock["not_after"]
        and contact_id in lock["contact_ids"]
    )


def _own_open(who: Who, contact: Row, event: Row) -> None:
    if contact["worker"] != who.account:
        raise NotFound("There is no such contact on your list.")
    if event["status"] != "open":
        raise Conflict("The event is not open.")
