"""The locked contacts' names are asked of the holder and put into the vault; nobody sees them here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lianfang.foundation.errors import BadInput, Fault, Refused
from lianfang.services import events
from lianfang.services.gate import ask, record, require
from lianfang.services.installation import Installation, Who
from lianfang.services.orders.holders import entry, keys_of
from lianfang.services.orders.wire import call, sealed_in

if TYPE_CHECKING:
    from lianfang.services.holder.documents import LockNote
    from lianfang.store import Row


def reveal(inst: Installation, who: Who, lock: Row) -> dict[str, str]:
    """Have the holder name exactly the lock's tokens, and keep the names in the vault under the event.

    Returns contact id -> subject id. Called again it gives the same; the holder answers a lock once.

    Raises:
        Refused: two approvals are missing, the policy or the holder refuses. Fault: the holder cannot be
        reached, or its answer does not hold.
    """
    from lianfang.records import Approval, Contact, HolderOrder
    from lianfang.services.holder import documents
    from lianfang.store import one, rows

    require(who, "contact.read")
    with inst.store.read() as connection:
        contacts = rows(connection, Contact, lock_id=lock["lock_id"])
        given = rows(connection, Approval, lock_id=lock["lock_id"], verdict="approve", order_by=["at"])
        order = one(connection, HolderOrder, order_id=lock["order_id"])
    if {row["contact_id"] for row in contacts} != set(lock["contact_ids"]):
        raise Fault("The lock and its contacts differ.", code="lock_changed")
    event = events.get(inst, lock["event_id"])
    register = entry(inst, order["holder"])
    ask(
        inst,
        who,
        phase="share",
        purpose="close_contact_tracing",
        data=["pseudonym"],
        context={"recipient": register["kind"], "risk_locked": True, "second_approval": len(given) > 1},
        event=event,
        ref=lock["lock_id"],
        rows=len(contacts),
        going=("sealed_to_holder", "registered_holder", "order_on_record"),
    )
    note = documents.parse(
        documents.LockNote,
        {
            "lock_id": lock["lock_id"],
            "event_id": lock["event_id"],
            "order_id": lock["order_id"],
            "centre": inst.signer.name,
            "holder": order["holder"],
            "tokens": sorted(row["token"] for row in contacts),
            "reason": lock["reason"],
            "approvals": [{"account": a["account"], "role": a["role"], "at": a["at"]} for a in given],
            "worker": lock["worker"],
            "not_after": lock["not_after"],
        },
        "lock",
    )
    request = documents.SignedRequest(note=documents.signed(inst.signer, note))
    answer = call(register["url"], "/reveal", documents.to_holder(keys_of(register), "reveal", request))
    persons = _open(inst, register, note, sealed_in(answer))
    return _keep(inst, who, lock, contacts, persons)


def _open(
    inst: Installation, register: Row, lock: LockNote, sealed: bytes
) -> dict[str, dict[str, str | None]]:
    """Token -> fields, for exactly the tokens of the lock."""
    from lianfang.services.holder import documents

    try:
        body = documents.parse(
            documents.SignedRequest,
            documents.at_centre(inst.signer, "reveal", lock.lock_id, sealed),
            "holder's answer",
        )
        note = documents.opened(keys_of(register), body.note, documents.RevealNote, "holder's answer")
    except (BadInput, Refused) as error:
        raise Fault(f"The holder's answer does not hold: {error.message}", code="holder_answer") from None
    tokens = [person.token for person in note.persons]
    if (note.lock_id, note.order_id, note.event_id) != (lock.lock_id, lock.order_id, lock.event_id):
        raise Fault("The holder answered another lock.", code="holder_answer")
    if len(set(tokens)) != len(tokens) or not set(tokens) <= set(lock.tokens):
        raise Fault("The holder named other tokens than the locked ones.", code="holder_answer")
    return {person.token: {"name": person.name, "phone": person.phone} for person in note.persons}


def _keep(
    inst: Installation,
    who: Who,
    lock: Row,
    contacts: list[Row],
    persons: dict[str, dict[str, str | None]],
) -> dict[str, str]:
    named = [row for row in contacts if any(persons.get(row["token"], {}).values())]
    with inst.vault_store.begin() as vault:
        subjects = inst.vault.put_many(
            vault, lock["event_id"], [persons[row["token"]] for row in named], kind="contact"
        )
    found = {str(row["contact_id"]): subject for row, subject in zip(named, subjects, strict=True)}
    with inst.store.begin() as connection:
        record(
            inst,
            connection,
            "identities_received",
            who=who,
            purpose="risk_target_reidentification",
            ref=lock["lock_id"],
            payload={"order_id": lock["order_id"], "asked": len(contacts), "received": len(found)},
        )
    return found
