"""Contacts of an event: the ranked tokens, the lock, two approvals, the naming to one worker.

A lock covers exactly the contacts it lists. The one who locks is the first of the two; the second is another
account in another role, and neither is the worker who will read the names.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from lianfang.foundation.errors import BadInput, Conflict, NotFound, Refused
from lianfang.services import events
from lianfang.services.gate import ask, fresh, reaches, record, require, within
from lianfang.services.installation import Installation, Who

if TYPE_CHECKING:
    import sqlalchemy as sa

    from lianfang.services.granting import Granted
    from lianfang.store import Row

#: How long the assigned worker may read under a lock.
LOCK_DAYS = 21
#: Most contacts that one lock may cover: a lock is a locked risk, not a list of the town.
LOCK_LIMIT = 200
#: Most contacts that a page may show, and the last page that may be asked for.
MOST_SHOWN, LAST_PAGE = 500, 1_000_000


def ranked(inst: Installation, who: Who, event_id: str) -> list[Row]:
    """The event's contacts as tokens with their evidence, the riskiest first. No identity is touched."""
    from lianfang.records import Contact
    from lianfang.store import rows

    require(who, "contact.read")
    event = events.get(inst, event_id)
    with inst.store.read() as connection:
        found = rows(connection, Contact, event_id=event_id, order_by=["rank"])
    return _ranked(inst, who, event, len(found)).project(found, _tokens())


def _tokens() -> dict[str, str]:
    """A contact's fields but the vault's id of those who were named: it is no field of this purpose."""
    from lianfang.records import Contact

    served = Contact.serving("close_contact_tracing")
    return {name: datum for name, datum in served.items() if name != "subject_id"}


def page(inst: Installation, who: Who, event_id: str, *, number: int = 1, size: int = 100) -> dict[str, Any]:
    """A page of what :func:`ranked` gives: ``event``, ``contacts``, ``total``, ``decided`` (not candidates, nor
    merely locked); the rows of other pages are not read."""
    from lianfang.records import Contact
    from lianfang.store import rows, table

    require(who, "contact.read")
    if not (1 <= number <= LAST_PAGE and 1 <= size <= MOST_SHOWN):
        raise BadInput(f"A page's number is 1 to {LAST_PAGE}, its size 1 to {MOST_SHOWN}.")
    event = events.get(inst, event_id)
    rank = table(Contact).c.rank
    with inst.store.read() as connection:
        counts = by_status(connection, event_id)
        # ranks of several orders' contacts may be equal, so a page is told by its place in the order
        found = rows(
            connection, Contact, event_id=event_id, order_by=[rank], limit=size, offset=(number - 1) * size
        )
    shown = _ranked(inst, who, event, len(found)).project(found, _tokens())
    total = sum(counts.values())
    undecided = counts.get("candidate", 0) + counts.get("locked", 0)
    return {"event": event, "contacts": shown, "total": total, "decided": total - undecided}


def _ranked(inst: Installation, who: Who, event: Row, count: int) -> Granted:
    """The permit to look at the event's tokens and at the evidence that ranks them."""
    return ask(
        inst,
        who,
        phase="use",
        purpose="close_contact_tracing",
        data=["pseudonym", "trajectory_generalised"],
        context={"deidentified": True},
        event=event,
        ref=str(event["event_id"]),
        rows=count,
    )


def by_status(connection: sa.Connection, event_id: str) -> dict[str, int]:
    """How many contacts the event has in each status."""
    import sqlalchemy as sa

    from lianfang.records import Contact
    from lianfang.store import table

    held = table(Contact)
    counted = sa.select(held.c.status, sa.func.count()).where(held.c.event_id == event_id)
    return dict(connection.execute(counted.group_by(held.c.status)).all())


def reasons_in_words(rows: Sequence[Row], lang: str) -> dict[str, list[str]]:
    """Each contact's reasons in words, by contact id; of rows that the gate gave without reasons, none."""
    from lianfang.control import tracing

    language: Any = "en" if lang == "en" else "zh"
    return {row["contact_id"]: tracing.words(row.get("reasons", []), language) for row in rows}


def lock(
    inst: Installation, who: Who, event_id: str, contact_ids: Sequence[str], *, reason: str, worker: str
) -> str:
    """Lock these contacts as objects at risk; returns the lock's id. Naming waits for the second approval.

    Raises:
        BadInput: no contacts, too many, a reason that is missing or names somebody, one that is no candidate.
        Refused: wrong role.
    """
    from lianfang.guard.redaction import find
    from lianfang.records import Approval, Contact, RiskLock
    from lianfang.services.accounts import person
    from lianfang.store import change, insert_new, rows, table

    require(who, "contact.lock")
    wanted = sorted(set(contact_ids))
    if not wanted:
        raise BadInput("A lock names at least one contact.")
    if len(wanted) > LOCK_LIMIT:
        raise BadInput(f"A lock covers at most {LOCK_LIMIT} contacts.", hint="Lock the riskiest first.")
    if not reason.strip():
        raise BadInput("A lock needs a reason.")
    if find(reason, point="block"):
        raise BadInput("The reason of a lock goes to the holder: name nobody in it.")
    if worker == who.account:
        raise BadInput("The worker who will read the names cannot lock them.")
    event = _open_event(inst, who, event_id)
    if person(inst, worker).role != "community_worker":
        raise BadInput("Contacts are named to a community worker's account.")
    now = inst.now()
    lock_id = f"l{now:%Y%m%d}-{secrets.token_hex(4)}"
    contacts = table(Contact)
    with inst.store.begin() as connection:
        found = rows(connection, Contact, contacts.c.contact_id.in_(wanted), event_id=event["event_id"])
        if len(found) != len(wanted):
            raise NotFound("A contact of the list is not of this event.")
        if taken := [row for row in found if row["status"] != "candidate"]:
            raise Conflict(f"{len(taken)} of the contacts are locked or decided already.")
        orders = {str(row["order_id"]) for row in found}
        if len(orders) != 1:
            raise BadInput("One lock covers contacts of one order.", hint="Lock each order's contacts apart.")
        insert_new(
            connection,
            RiskLock.model_validate(
                {
                    "lock_id": lock_id,
                    "event_id": event_id,
                    "order_id": orders.pop(),
                    "contact_ids": wanted,
                    "reason": reason,
                    "locked_by": who.account,
                    "locked_role": who.role,
                    "locked_at": now,
                    "not_after": now + timedelta(days=LOCK_DAYS),
                    "worker": worker,
                    "status": "locked",
                }
            ),
        )
        first = {"account": who.account, "role": who.role, "verdict": "approve", "at": now, "note": reason}
        insert_new(connection, Approval.model_validate({"lock_id": lock_id, "event_id": event_id, **first}))
        for row in found:
            change(connection, Contact, row["id"], status="locked", lock_id=lock_id, updated_at=now)
        payload = {"contacts": len(wanted), "reason": reason, "worker": worker}
        record(
            inst,
            connection,
            "risk_locked",
            who=who,
            purpose="risk_target_reidentification",
            ref=lock_id,
            payload=payload,
            event=event_id,
        )
    return lock_id


def approve(inst: Installation, who: Who, lock_id: str, *, verdict: str = "approve", note: str = "") -> str:
    """The second person's verdict. ``approve`` opens the way to naming, ``refuse`` frees the contacts.

    A lock past its time cannot be approved: it ends and its contacts are candidates again.

    Raises:
        Refused: the same person or the same role as the one who locked, or the worker himself.
        Conflict: it is judged already, or its time is over.
    """
    from lianfang.records import Approval, Event, RiskLock
    from lianfang.store import change, insert_new, one, rows

    require(who, "contact.approve")
    fresh(who)
    if verdict not in ("approve", "refuse"):
        raise BadInput("A verdict is approve or refuse.")
    now = inst.now()
    with inst.store.read() as connection:
        row = one(connection, RiskLock, lock_id=lock_id)
        within(who, one(connection, Event, event_id=row["event_id"])["adcode"])
    if verdict == "approve" and _ended(inst, who, lock_id):
        raise Conflict("This lock has expired; its contacts are free again.")
    judged = ("locked",) if verdict == "approve" else ("locked", "expired")
    with inst.store.begin() as connection:
        row = one(connection, RiskLock, lock_id=lock_id)
        if row["status"] not in judged:
            raise Conflict(f"This lock is {row['status']} already.")
        given = rows(connection, Approval, lock_id=lock_id)
        if who.account == row["worker"] or any(
            who.account == old["account"] or who.role == old["role"] for old in given
        ):
            raise Refused(
                "Two approvals by different people in different roles are needed, neither the worker's.",
                reasons=("approval:same",),
                basis=("REQ-P-64",),
                code="approval",
            )
        entry = {"account": who.account, "role": who.role, "verdict": verdict, "at": now, "note": note}
        insert_new(
            connection, Approval.model_validate({"lock_id": lock_id, "event_id": row["event_id"], **entry})
        )
        status = "approved" if verdict == "approve" else "withdrawn"
        change(connection, RiskLock, row["id"], status=status)
        if verdict == "refuse":
            _free(connection, lock_id, now)
        record(
            inst,
            connection,
            f"lock_{status}",
            who=who,
            purpose="risk_target_reidentification",
            ref=lock_id,
            payload={"verdict": verdict, "note": note},
            event=str(row["event_id"]),
        )
    return status


def name(inst: Installation, who: Who, lock_id: str) -> int:
    """Have exactly the locked contacts named to the worker: the holder reveals them, the vault keeps them.

    Nobody sees a name here. Doing it again changes nothing; after a crash it ends what was begun. Contacts whom
    the holder cannot name are candidates again.
    Returns how many contacts are named.
    """
    from lianfang.records import Contact, RiskLock
    from lianfang.services import orders
    from lianfang.store import change, one, rows

    if who.role not in ("epidemiologist", "manager", "data_protection_officer"):
        raise Refused("This role may not have contacts named.", code="role")
    fresh(who)
    with inst.store.read() as connection:
        row = one(connection, RiskLock, lock_id=lock_id)
        contacts = rows(connection, Contact, lock_id=lock_id)
    if row["status"] == "named":
        return len([c for c in contacts if c["subject_id"]])
    event = _open_event(inst, who, str(row["event_id"]))
    ask(
        inst,
        who,
        phase="reidentify",
        purpose="risk_target_reidentification",
        data=["name", "mobile", "home_address"],
        context={
            "risk_locked": True,
            "second_approval": row["status"] == "approved",
            "human_review": True,
            "list_scope": "locked",
            "assigned_person": True,
        },
        event=event,
        ref=lock_id,
        rows=len(contacts),
        going=("locked_list",),
    )
    if row["status"] != "approved":
        raise Refused("The lock is not approved by a second person.", basis=("REQ-P-64",), code="approval")
    if _ended(inst, who, lock_id):
        raise Refused("The lock has expired.", basis=("REQ-P-64",), code="expired")
    subjects = orders.reveal(inst, who, row)
    now = inst.now()
    with inst.store.begin() as connection:
        for contact in rows(connection, Contact, lock_id=lock_id):
            subject = subjects.get(contact["contact_id"])
            if subject:
                change(
                    connection,
                    Contact,
                    contact["id"],
                    status="named",
                    subject_id=subject,
                    worker=row["worker"],
                    updated_at=now,
                )
        _free(connection, lock_id, now)
        change(connection, RiskLock, row["id"], status="named")
        record(
            inst,
            connection,
            "contacts_named",
            who=who,
            purpose="risk_target_reidentification",
            ref=lock_id,
            payload={"named": len(subjects), "worker": row["worker"]},
        )
    return len(subjects)


def withdraw(inst: Installation, who: Who, lock_id: str, *, note: str = "") -> int:
    """Take back one's own lock before anybody else has judged it; returns how many contacts are free again.

    Raises:
        Refused: somebody else's lock. Conflict: it is approved, refused, expired or named already.
    """
    from lianfang.records import RiskLock
    from lianfang.store import change, one

    require(who, "contact.lock")
    with inst.store.begin() as connection:
        row = one(connection, RiskLock, lock_id=lock_id)
        if row["locked_by"] != who.account:
            raise Refused("A lock is withdrawn by the one who made it.", code="not_own_lock")
        if row["status"] != "locked":
            raise Conflict(f"This lock is {row['status']} already.")
        change(connection, RiskLock, row["id"], status="withdrawn")
        freed = _free(connection, lock_id, inst.now())
        record(
            inst,
            connection,
            "lock_withdrawn",
            who=who,
            purpose="risk_target_reidentification",
            ref=lock_id,
            payload={"contacts": freed, "note": note},
            event=str(row["event_id"]),
        )
    return freed


def _ended(inst: Installation, who: Who, lock_id: str) -> bool:
    """Whether the lock's time is over before it was named; then it ends here, in a transaction of its own."""
    from lianfang.records import RiskLock
    from lianfang.store import change, one

    now = inst.now()
    with inst.store.begin() as connection:
        row = one(connection, RiskLock, lock_id=lock_id)
        if row["status"] not in ("locked", "approved") or now <= row["not_after"]:
            return False
        change(connection, RiskLock, row["id"], status="expired")
        record(
            inst,
            connection,
            "lock_expired",
            who=who,
            purpose="risk_target_reidentification",
            ref=lock_id,
            payload={"contacts": _free(connection, lock_id, now)},
        )
    return True


def _free(connection: sa.Connection, lock_id: str, now: datetime) -> int:
    """The lock's contacts that are not named become candidates again; returns how many."""
    from lianfang.records import Contact
    from lianfang.store import change, rows

    held = rows(connection, Contact, lock_id=lock_id, status="locked")
    for contact in held:
        change(connection, Contact, contact["id"], status="candidate", lock_id="", updated_at=now)
    return len(held)


def observed(inst: Installation, who: Who, event_id: str) -> list[Row]:
    """Contacts under observation: ``contact_id``, ``token``, ``until``; the first due first."""
    import sqlalchemy as sa

    from lianfang.records import Contact, ObservationOrder
    from lianfang.store import table

    require(who, "contact.read")
    held, watched = table(Contact), table(ObservationOrder)
    statement = (
        sa.select(held.c.contact_id, held.c.token, watched.c.until)
        .join(held, held.c.contact_id == watched.c.contact_id)
        .where(watched.c.event_id == event_id, watched.c.status == "active", held.c.event_id == event_id)
        .order_by(watched.c.until, watched.c.id)
    )
    with inst.store.read() as connection:
        found = [dict(row) for row in connection.execute(statement).mappings()]
    if not found:
        return []
    granted = ask(
        inst,
        who,
        phase="use",
        purpose="close_contact_tracing",
        data=["pseudonym", "diagnosis"],
        context={"deidentified": True},
        event=events.get(inst, event_id),
        ref=event_id,
        rows=len(found),
    )
    return granted.project(found, {**Contact.serving("close_contact_tracing"), "until": "diagnosis"})


EXPORT_COLUMNS = ("rank", "token", "level", "score", "last_exposure", "status", "evidence", "watermark")


def export(inst: Installation, who: Who, event_id: str, *, lang: str = "zh") -> str:
    """The approved contacts as CSV: tokens and evidence, no identity, each row with its watermark.

    A list of contacts leaves the house only with two approvals (the policy's ``list_export``), so it holds the
    contacts of approved locks and no others. Cells are safe in a spreadsheet.

    Raises:
        Refused: the role or the policy; also while no lock of the event is approved.
    """
    import csv
    import io

    from lianfang.foundation.text import spreadsheet_safe
    from lianfang.guard.redaction.exits import cell as exported
    from lianfang.records import Contact, RiskLock
    from lianfang.store import rows, table

    require(who, "contact.read")
    fresh(who)
    event = events.get(inst, event_id)
    held, listed = table(RiskLock), table(Contact)
    with inst.store.read() as connection:
        approved = rows(connection, RiskLock, held.c.status.in_(["approved", "named"]), event_id=event_id)
        covered = listed.c.lock_id.in_([row["lock_id"] for row in approved])
        found = rows(connection, Contact, covered, event_id=event_id, order_by=["rank"])
    granted = ask(
        inst,
        who,
        phase="export",
        purpose="close_contact_tracing",
        data=["name_list"],
        context={"deidentified": True, "second_approval": bool(approved), "human_review": True},
        event=event,
        ref=event_id,
        rows=len(found),
        going=("marked_rows",),
    )
    said = reasons_in_words(found, lang)
    # the list is one datum: with it go its columns, and nothing else of a contact
    listed_rows = [{**row, "evidence": exported("; ".join(said[row["contact_id"]]))} for row in found]
    shown = granted.project(listed_rows, dict.fromkeys(EXPORT_COLUMNS[:-1], "name_list"))
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(EXPORT_COLUMNS)
    for row in granted.marked(shown):
        writer.writerow([spreadsheet_safe(row.get(name)) for name in EXPORT_COLUMNS])
    return out.getvalue()


def locks(inst: Installation, who: Who, event_id: str | None = None) -> list[Row]:
    """Locks, with their approvals, the newest first."""
    from lianfang.records import Approval, Event, RiskLock
    from lianfang.store import rows

    require(who, "contact.read")
    equal: dict[str, Any] = {"event_id": event_id} if event_id else {}
    with inst.store.read() as connection:
        own = {row["event_id"] for row in rows(connection, Event, **equal) if reaches(who, row["adcode"])}
        found = [row for row in rows(connection, RiskLock, **equal) if row["event_id"] in own]
        for row in found:
            row["approvals"] = rows(connection, Approval, lock_id=row["lock_id"], order_by=["at"])
    return sorted(found, key=lambda row: row["locked_at"], reverse=True)


def _open_event(inst: Installation, who: Who, event_id: str) -> Row:
    event = events.get(inst, event_id)
    within(who, event["adcode"])
    if event["status"] != "open":
        raise Conflict("The event is not open.")
    return event
