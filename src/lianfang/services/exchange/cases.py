"""What a data subject asks of one authority is a case that all who have the message see and answer (REQ-P-43)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from lianfang.foundation.errors import BadInput, Conflict, NotFound, Refused
from lianfang.services.exchange import outbox
from lianfang.services.exchange.common import (
    case_key,
    member,
    message_row,
    new_id,
    open_keys,
    parties,
    seal,
    unseal,
    us,
)
from lianfang.services.gate import ask, record, require
from lianfang.services.installation import Installation, Who

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from lianfang.guard.exchange.shapes import AnswerBody, RequestBody
    from lianfang.store import Row

#: Within one month (GDPR art. 12(3)).
DUE = timedelta(days=30)
_QUESTION = {
    "rectification": ("rectify", "rectification", "inaccurate"),
    "erasure": ("delete", "erasure", "no_longer_necessary"),
}
OUTCOMES = ("disclosed", "corrected", "erased", "nothing_held", "refused")


def subject_request(
    inst: Installation, who: Who, message_id: str, request: str, text: str, *, identity_verified: bool = False
) -> str:
    """Open a case for a person who asked this authority; every authority with a copy gets it. Returns its id.

    ``request``: access, rectification or erasure; ``text``: what the person says, sealed here and on its way.

    Raises:
        Refused: the person's identity was not verified. Conflict: the message has ended.
    """
    require(who, "exchange.case")
    with inst.store.read() as connection:
        row = message_row(connection, message_id)
    if row["state"] == "purged" or inst.now() >= row["deadline"]:
        raise Conflict("The message has ended; nothing of it is held.")
    if not identity_verified:
        raise Refused(
            "First verify who asks.", hint="Say so with --identity-verified.", code="identity_not_verified"
        )
    if request in _QUESTION:
        phase, purpose, fact = _QUESTION[request]
        ask(
            inst,
            replace(who, actor="data_subject"),
            phase=phase,
            purpose=purpose,
            data=row["data"] or ["selective_message"],
            context={"identity_verified": True, fact: True},
            ref=message_id,
            pack=inst.settings.exchange_pack,
            going=("letters_to_recipients", "erasure_entry"),
        )
    return _open(inst, who, message_id, request, text)


def notify(
    inst: Installation,
    who: Who,
    message_id: str,
    request: str,
    text: str,
    *,
    then: Callable[[Connection, str], None],
) -> str:
    """Open a case because a person's data were corrected or erased here; its id.

    The policy was asked when the message was found; ``text`` names nobody. ``then`` gets the case's id within the
    transaction that queues its letters.

    Raises:
        Conflict: the message has ended.
    """
    require(who, "subject.notify")
    with inst.store.read() as connection:
        row = message_row(connection, message_id)
    if row["state"] not in ("held", "blocked") or inst.now() >= row["deadline"]:
        raise Conflict("The message has ended; nothing of it is held.")
    return _open(inst, who, message_id, request, text, then)


def _open(
    inst: Installation,
    who: Who,
    message_id: str,
    request: str,
    text: str,
    then: Callable[[Connection, str], None] | None = None,
) -> str:
    from lianfang.guard.exchange.shapes import RequestBody, parse

    now, case_id = inst.now(), new_id("q")
    body = parse(
        RequestBody,
        {
            "case_id": case_id,
            "message_id": message_id,
            "request": request,
            "text": text.strip(),
            "opened_at": now,
            "due_at": now + DUE,
        },
        "request",
    )
    open_keys(inst, case_key(case_id))
    with inst.store.begin() as connection:
        row = message_row(connection, message_id)
        case = keep_case(inst, connection, row, body, us(inst))
        others = [one for one in case["concerned"] if one != us(inst)]
        outbox.queue(inst, connection, "request", others, body, ref=case_id, key=case_key(case_id))
        record(
            inst,
            connection,
            "exchange_request_opened",
            who=who,
            purpose="rectification" if request != "erasure" else "erasure",
            ref=case_id,
            payload={"message": message_id, "request": request, "told": others},
        )
        if then is not None:
            then(connection, case_id)
    return case_id


def keep_case(inst: Installation, connection: Connection, row: Row, body: RequestBody, opened_by: str) -> Row:
    """Write a case; its key must be there."""
    from lianfang.records import ExchangeCase
    from lianfang.store import insert_new

    key = case_key(body.case_id)
    case = ExchangeCase(
        case_id=body.case_id,
        message_id=body.message_id,
        opened_by=opened_by,
        request=body.request,
        concerned=parties(row),
        opened_at=body.opened_at,
        due_at=body.due_at,
        key=key,
        sealed=seal(inst, key, body.case_id, body.text.encode()),
    )
    insert_new(connection, case)
    return case.model_dump()


def answer(inst: Installation, who: Who, case_id: str, outcome: str, text: str = "") -> str:
    """This authority's answer, told to all concerned; the case closes with the last one. Returns its state.

    ``outcome``: disclosed, corrected, erased, nothing_held or refused (then ``text`` says why). Correcting and
    erasing are acts of their own; the answer says that they were done.

    Raises:
        Conflict: answered before, or the case was closed.
    """
    from lianfang.guard.exchange.shapes import AnswerBody, parse
    from lianfang.records import ExchangeAnswer, ExchangeCase
    from lianfang.store import one, rows

    require(who, "exchange.case")
    if outcome not in OUTCOMES:
        raise BadInput(f"The outcome is one of: {', '.join(OUTCOMES)}.")
    if outcome == "refused" and not text.strip():
        raise BadInput("A refusal says why.")
    body = parse(
        AnswerBody,
        {"case_id": case_id, "outcome": outcome, "text": text.strip(), "at": inst.now()},
        "answer",
    )
    with inst.store.begin() as connection:
        case = one(connection, ExchangeCase, case_id=case_id)
        if rows(connection, ExchangeAnswer, case_id=case_id, authority=us(inst)):
            raise Conflict("This authority has answered.")
        if case["sealed"] is None:
            raise Conflict("The message of this request has ended.")
        state = keep_answer(inst, connection, case, body, us(inst), by=who.account)
        others = [name for name in case["concerned"] if name != us(inst)]
        outbox.queue(inst, connection, "answer", others, body, ref=case_id, key=case["key"])
        record(
            inst,
            connection,
            "exchange_request_answered",
            who=who,
            purpose="rectification",
            ref=case_id,
            payload={"outcome": outcome, "told": others, "state": state},
        )
    return state


def keep_answer(
    inst: Installation, connection: Connection, case: Row, body: AnswerBody, authority: str, *, by: str = ""
) -> str:
    """Write an answer; the case closes when every authority concerned has given its own. Returns its state."""
    from lianfang.records import ExchangeAnswer, ExchangeCase
    from lianfang.store import change, insert_new, rows

    place = f"{body.case_id}/{authority}"
    insert_new(
        connection,
        ExchangeAnswer(
            case_id=body.case_id,
            authority=authority,
            outcome=body.outcome,
            at=body.at,
            by=by,
            sealed=seal(inst, case["key"], place, body.text.encode()) if body.text else None,
        ),
    )
    given = {row["authority"] for row in rows(connection, ExchangeAnswer, case_id=body.case_id)}
    if not set(case["concerned"]) <= given:
        return "open"
    change(connection, ExchangeCase, case["id"], state="closed", closed_at=inst.now())
    return "closed"


def listing(inst: Installation, who: Who) -> list[dict[str, Any]]:
    """Cases, the open ones first, each with who has answered how and who has not; nothing of what persons say."""
    from lianfang.records import ExchangeAnswer, ExchangeCase
    from lianfang.store import rows

    require(who, "exchange.look")
    with inst.store.read() as connection:
        found = rows(connection, ExchangeCase, order_by=["opened_at"], limit=500)
        given = rows(connection, ExchangeAnswer)
    cases = []
    for case in sorted(found, key=lambda row: (row["state"] == "closed", row["due_at"])):
        answers = {one["authority"]: one["outcome"] for one in given if one["case_id"] == case["case_id"]}
        outside = {name: value for name, value in case.items() if name not in ("sealed", "key", "id")}
        missing = [name for name in case["concerned"] if name not in answers]
        late = case["state"] == "open" and inst.now() > case["due_at"]
        cases.append({**outside, "answers": answers, "missing": missing, "late": late})
    return cases


def show(inst: Installation, who: Who, case_id: str) -> dict[str, Any]:
    """One case as :func:`listing` has it; NotFound when there is none."""
    for case in listing(inst, who):
        if case["case_id"] == case_id:
            return case
    raise NotFound("There is no such data-subject request.")


def read(inst: Installation, who: Who, case_id: str) -> dict[str, Any]:
    """What the person asked and what each authority said; the reading is asked for and recorded.

    Raises:
        Conflict: the message has ended, and the request with it.
    """
    from lianfang.records import ExchangeAnswer, ExchangeCase, ExchangeMessage
    from lianfang.store import one, rows

    require(who, "exchange.case")
    with inst.store.read() as connection:
        case = one(connection, ExchangeCase, case_id=case_id)
        given = rows(connection, ExchangeAnswer, case_id=case_id, order_by=["at"])
        about = rows(connection, ExchangeMessage, message_id=case["message_id"])
    if case["sealed"] is None or (about and inst.now() >= about[0]["deadline"]):
        raise Conflict("The message of this request has ended.")
    concerned = us(inst) in case["concerned"]
    granted = ask(
        inst,
        member(inst, who),
        phase="read",
        purpose="contact_tracing_message",
        data=["selective_message"],
        context={"channel": "selective", "reader": "concerned" if concerned else "not_concerned"},
        ref=case_id,
        rows=1,
        pack=inst.settings.exchange_pack,
    )

    def said(row: Row, place: str) -> str:
        if not row["sealed"]:
            return ""
        words = unseal(inst, case["key"], place, row["sealed"]).decode()
        return str(granted.project({"text": words}, {"text": "selective_message"}).get("text", ""))

    return {
        "case_id": case_id,
        "request": case["request"],
        "text": said(case, case_id),
        "answers": [
            {
                "authority": row["authority"],
                "outcome": row["outcome"],
                "text": said(row, f"{case_id}/{row['authority']}"),
            }
            for row in given
        ],
    }
