"""An order is sent and its answer kept. Stopped anywhere and called again, it ends the same."""

from __future__ import annotations

import hashlib
import json
import time
from typing import TYPE_CHECKING, Any

from lianfang.foundation.errors import BadInput, Conflict, Fault, Refused
from lianfang.foundation.progress import Progress, silent
from lianfang.services import events
from lianfang.services.gate import ask, record, require, within
from lianfang.services.installation import Installation, Who
from lianfang.services.orders.holders import entry, keys_of
from lianfang.services.orders.wire import call, sealed_in

if TYPE_CHECKING:
    from lianfang.services.holder.documents import AnswerNote, Candidate
    from lianfang.store import Row

#: How long a centre waits for a search, and how often it asks: more seldom the longer it takes.
PATIENCE = 300.0
PAUSE, LONGEST_PAUSE = 0.3, 2.0


def send(
    inst: Installation,
    who: Who,
    order_id: str,
    *,
    progress: Progress | None = None,
    patience: float = PATIENCE,
) -> Row:
    """Send an order to its holder, wait for the answer, keep it with its contacts in one transaction.

    The order's id makes it safe to call again: the holder answers an order once. An order that was answered
    gives the answer that is there.

    Raises:
        Refused: the policy or the holder refuses (the holder's reasons are kept). Conflict: expired, event
        closed. Fault: the holder cannot be reached, or its answer does not hold; nothing is kept of it.
    """
    from lianfang.records import HolderOrder, OrderAnswer
    from lianfang.store import change, one, rows

    require(who, "order.send")
    with inst.store.read() as connection:
        order = one(connection, HolderOrder, order_id=order_id)
        answers = rows(connection, OrderAnswer, order_id=order_id)
    event = events.get(inst, order["event_id"])
    within(who, str(event["adcode"]))
    if answers:
        return _given(answers[0])
    if event["status"] != "open":
        raise Conflict("The event is not open.")
    register = entry(inst, order["holder"])
    if order["status"] == "draft":
        _check_expiry(inst, order)
        ask(
            inst,
            who,
            phase="send",
            purpose="close_contact_tracing",
            data=["pseudonym"],
            context={"recipient": register["kind"], "deidentified": True},
            event=event,
            ref=order_id,
            rows=int(order["index_count"]),
            going=("sealed_to_holder", "registered_holder", "order_on_record"),
        )
        with inst.store.begin() as connection:
            change(connection, HolderOrder, order["id"], status="sent")
            told = {"holder": order["holder"], "document_sha256": _sha256(order["document"])}
            record(
                inst,
                connection,
                "order_sent",
                who=who,
                purpose="close_contact_tracing",
                ref=order_id,
                payload=told,
            )
    try:
        sealed = _exchange(inst, order, register, progress or silent, patience)
    except Refused as refusal:
        _keep_refusal(inst, who, order, refusal)
        raise
    note, contacts, document = _open(inst, order, register, sealed)
    return _keep(inst, who, order, note, contacts, document)


def _given(answer: Row) -> Row:
    if answer["refusal"]:
        raise Refused(str(answer["refusal"]), basis=("REQ-P-62",), code="order_refused")
    return answer


def _check_expiry(inst: Installation, order: Row) -> None:
    from lianfang.records import HolderOrder
    from lianfang.store import change

    if inst.now() > order["expires_at"]:
        with inst.store.begin() as connection:
            change(connection, HolderOrder, order["id"], status="expired")
        raise Conflict("The order has expired.", hint="Draw up a new one.")


def _exchange(inst: Installation, order: Row, register: Row, report: Progress, patience: float) -> bytes:
    """Post the order, then ask until the node has answered."""
    from lianfang.services.holder import documents

    index = [
        documents.IndexCase.model_validate({k: v for k, v in case.items() if k != "case_id"})
        for case in order["index_cases"]
    ]
    request = documents.OrderRequest(
        note=json.loads(order["document"]),
        match_key=inst.vault.match_key(order["event_id"], order["order_id"]),
        index=index,
    )
    report("sending", 0, 1)
    state = call(register["url"], "/orders", documents.to_holder(keys_of(register), "order", request))
    report("sending", 1, 1)
    begun = time.monotonic()
    while state.get("state") in ("received", "searching"):
        waited = time.monotonic() - begun
        if waited > patience:
            raise Fault(
                "The holder is still searching.",
                hint="Ask again later; the order stands.",
                code="holder_slow",
            )
        time.sleep(min(max(PAUSE, waited / 20), LONGEST_PAUSE))
        state = call(register["url"], f"/orders/{order['order_id']}")
        stage = "".join(c for c in str(state.get("stage") or "searching") if c.isprintable())[:60]
        report(f"holder: {stage}", _count(state.get("done")), _count(state.get("total")))
    if state.get("state") != "answered":
        raise Fault("The holder's search failed.", hint="Send the order again.", code="holder_failed")
    return sealed_in(state)


def _count(value: Any) -> int:
    return value if isinstance(value, int) and 0 <= value < 1 << 53 else 0


def _open(
    inst: Installation, order: Row, register: Row, sealed: bytes
) -> tuple[AnswerNote, list[Candidate], dict[str, Any]]:
    """The answer, if it is this holder's to this order, whole, and within the cap."""
    from lianfang.services.holder import documents

    try:
        body = documents.at_centre(inst.signer, "answer", order["order_id"], sealed)
        answer = documents.parse(documents.Answer, body, "answer")
        note = documents.opened(keys_of(register), answer.note, documents.AnswerNote, "answer")
    except (BadInput, Refused) as error:
        raise Fault(f"The holder's answer does not hold: {error.message}", code="holder_answer") from None
    numbers = {case["number"] for case in order["index_cases"]}
    wrong = []
    if (note.order_id, note.event_id, note.holder, note.centre) != (
        order["order_id"],
        order["event_id"],
        order["holder"],
        inst.signer.name,
    ):
        wrong.append("it answers another order")
    if note.contacts_sha256 != documents.contacts_digest(answer.contacts):
        wrong.append("its list is not the one that was signed")
    if len(answer.contacts) > order["row_cap"] or note.returned != len(answer.contacts):
        wrong.append("it holds more than was asked for")
    if len({one.token for one in answer.contacts}) != len(answer.contacts):
        wrong.append("a token stands twice")
    if any(set(one.index) - numbers for one in answer.contacts):
        wrong.append("it names index cases that were not asked about")
    if wrong:
        raise Fault(f"The holder's answer does not hold: {'; '.join(wrong)}.", code="holder_answer")
    return note, answer.contacts, answer.note


def _keep(
    inst: Installation,
    who: Who,
    order: Row,
    note: AnswerNote,
    contacts: list[Candidate],
    document: dict[str, Any],
) -> Row:
    """Answer, contacts, the order's state and the ledger's entry: all or nothing, once."""
    from lianfang.records import Contact, HolderOrder, OrderAnswer
    from lianfang.store import change, one, put, put_rows, rows

    case_of = {case["number"]: case["case_id"] for case in order["index_cases"]}
    now = inst.now()
    made = [
        {
            "contact_id": contact_id(order["order_id"], one.token),
            "event_id": order["event_id"],
            "order_id": order["order_id"],
            "token": one.token,
            "rank": one.rank,
            "score": one.score,
            "level": one.level,
            "reasons": list(one.reasons),
            "index_tokens": sorted({str(case_of[number]) for number in one.index}),
            "last_exposure": inst_day(inst, one.last),
            "updated_at": now,
        }
        for one in contacts
    ]
    with inst.store.begin() as connection:
        if held := rows(connection, OrderAnswer, order_id=order["order_id"]):
            return _given(held[0])
        put_rows(connection, Contact, made)
        put(
            connection,
            OrderAnswer.model_construct(
                order_id=order["order_id"],
                event_id=order["event_id"],
                answered_at=note.answered_at,
                rows_searched=note.rows_searched,
                matched=note.index_matched,
                candidates=note.returned,
                withheld=sum(note.withheld.values()),
                refusal="",
                document=json.dumps(document, ensure_ascii=False, indent=1),
            ),
        )
        change(connection, HolderOrder, order["id"], status="answered")
        told = {"rows_searched": note.rows_searched, "returned": note.returned, "withheld": note.withheld}
        record(
            inst,
            connection,
            "order_answered",
            who=who,
            purpose="close_contact_tracing",
            ref=order["order_id"],
            payload=told,
        )
        return one(connection, OrderAnswer, order_id=order["order_id"])


def _keep_refusal(inst: Installation, who: Who, order: Row, refusal: Refused) -> None:
    from lianfang.records import HolderOrder, OrderAnswer
    from lianfang.store import change, put, rows

    with inst.store.begin() as connection:
        if rows(connection, OrderAnswer, order_id=order["order_id"]):
            return
        reasons = list(refusal.reasons) or [refusal.message]
        put(
            connection,
            OrderAnswer.model_construct(
                order_id=order["order_id"],
                event_id=order["event_id"],
                answered_at=inst.now(),
                rows_searched=0,
                matched=0,
                candidates=0,
                withheld=0,
                refusal=" ".join(reasons)[:4000],
                document="",
            ),
        )
        change(connection, HolderOrder, order["id"], status="refused")
        record(
            inst,
            connection,
            "order_refused",
            who=who,
            purpose="close_contact_tracing",
            ref=order["order_id"],
            payload={"holder": order["holder"], "reasons": reasons},
        )


def contact_id(order_id: str, token: str) -> str:
    """Id of a contact in this house: a digest, so that the same answer makes the same rows."""
    return "c" + hashlib.sha256(f"contact\x1f{order_id}\x1f{token}".encode()).hexdigest()[:20]


def inst_day(inst: Installation, moment: Any) -> Any:
    """The local day of a moment, None without one."""
    from lianfang.foundation.clock import local_day

    return local_day(moment, inst.settings.zone) if moment is not None else None


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
