"""A person's request afterwards: who was told of it, who has answered what; and the worker's answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lianfang.foundation.errors import BadInput, Conflict, NotFound
from lianfang.services.gate import reaches, record, require
from lianfang.services.installation import Installation, Who

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from lianfang.store import Row

#: What a worker may answer: his notes and copies were put right, were destroyed, or there were none.
WORKER_OUTCOMES = ("corrected", "erased", "nothing_held")
MOST = 200


def listing(inst: Installation, who: Who) -> list[dict[str, Any]]:
    """The latest requests in the area of one's rights, the newest first; each as :func:`show` has it."""
    from lianfang.records import SubjectRequest
    from lianfang.store import rows, table

    require(who, "subject.answer")
    requests = table(SubjectRequest).c
    with inst.store.read() as connection:
        others = _of_other_areas(connection, who)
        latest = rows(
            connection,
            SubjectRequest,
            requests.event_id.not_in(others),
            order_by=[requests.at.desc()],
            limit=MOST,
        )
        ids = list(dict.fromkeys(row["request_id"] for row in latest))
        return [_request(inst, connection, one, others) for one in ids]


def show(inst: Installation, who: Who, request_id: str) -> dict[str, Any]:
    """One request: ``request``, ``ground``, ``fields``, ``at``, ``by``, ``events``, ``state``, and its ``notices``.

    A notice has ``recipient``, ``kind``, ``ref``, ``state``, ``told_at``, ``due_at``, ``late``, ``outcome``,
    ``answered_at``, ``case_id`` (of the exchange) and ``error`` (why it waits). Nobody is named. What was done in
    events of other areas is left out.

    Raises:
        NotFound: there is no such request, or it was of other areas alone.
    """
    require(who, "subject.answer")
    with inst.store.read() as connection:
        return _request(inst, connection, request_id, _of_other_areas(connection, who))


def _of_other_areas(connection: Connection, who: Who) -> set[str]:
    """Events that the account's rights do not reach; the standing surveillance is of no area."""
    from lianfang.records import Event
    from lianfang.store import rows

    return {row["event_id"] for row in rows(connection, Event) if not reaches(who, row["adcode"])}


def _request(inst: Installation, connection: Connection, request_id: str, others: set[str]) -> dict[str, Any]:
    """One request without what was done in ``others``."""
    from lianfang.records import SubjectNotice, SubjectRequest
    from lianfang.store import rows

    parts = rows(connection, SubjectRequest, request_id=request_id, order_by=["event_id"])
    parts = [row for row in parts if row["event_id"] not in others]
    if not parts:
        raise NotFound("There is no such request of a person.")
    first = parts[0]
    notices = rows(connection, SubjectNotice, request_id=request_id, order_by=["kind", "recipient", "ref"])
    notices = [row for row in notices if row["event_id"] not in others]
    told = [_notice(inst, connection, row) for row in notices]
    return {
        **{name: first[name] for name in ("request_id", "request", "ground", "at", "by", "state")},
        "fields": first["changed"],
        "events": [row["event_id"] for row in parts],
        "sets": sum(row["sets"] for row in parts),
        "notices": told,
        "open": sum(one["state"] not in ("answered", "void") for one in told),
    }


def _notice(inst: Installation, connection: Connection, row: Row) -> dict[str, Any]:
    from lianfang.records import ExchangeAnswer
    from lianfang.store import rows

    wanted = (
        "notice_id", "request_id", "event_id", "kind", "recipient", "ref", "state", "told_at", "due_at",
        "outcome", "answered_at", "answered_by", "case_id", "attempts", "error",
    )  # fmt: skip
    shown = {name: row[name] for name in wanted}
    if row["case_id"]:  # the answer is the exchange's
        for one in rows(connection, ExchangeAnswer, case_id=row["case_id"], authority=row["recipient"]):
            shown |= {"state": "answered", "outcome": one["outcome"], "answered_at": one["at"]}
            shown["answered_by"] = one["authority"]
    shown["late"] = shown["state"] in ("queued", "told") and inst.now() > row["due_at"]
    return shown


def mine(inst: Installation, who: Who) -> list[dict[str, Any]]:
    """Notices that wait for this worker's answer, with what was done and why."""
    from lianfang.records import SubjectNotice, SubjectRequest
    from lianfang.store import one, rows

    require(who, "contact.visit")
    with inst.store.read() as connection:
        found = rows(
            connection,
            SubjectNotice,
            kind="worker",
            recipient=who.account,
            state="told",
            order_by=["told_at"],
        )
        shown = []
        for row in found:
            request = one(connection, SubjectRequest, request_id=row["request_id"], event_id=row["event_id"])
            more = {"request": request["request"], "ground": request["ground"], "fields": request["changed"]}
            shown.append({**_notice(inst, connection, row), **more})
    return shown


def answer(inst: Installation, who: Who, notice_id: str, outcome: str) -> None:
    """A worker says what became of his own copies: corrected, erased or nothing_held.

    Raises:
        NotFound: no notice of his. Conflict: answered before.
    """
    from lianfang.records import SubjectNotice
    from lianfang.store import change, rows

    require(who, "contact.visit")
    if outcome not in WORKER_OUTCOMES:
        raise BadInput(f"The outcome is one of: {', '.join(WORKER_OUTCOMES)}.")
    with inst.store.begin() as connection:
        found = rows(connection, SubjectNotice, notice_id=notice_id, kind="worker", recipient=who.account)
        if not found or found[0]["state"] not in ("told", "answered"):
            raise NotFound("There is no such notice on your list.")
        if found[0]["state"] == "answered":
            raise Conflict("This notice was answered.")
        values = {"state": "answered", "outcome": outcome, "answered_by": who.account}
        change(connection, SubjectNotice, found[0]["id"], answered_at=inst.now(), **values)
        payload = {"request": found[0]["request_id"], "outcome": outcome, "about": found[0]["ref"]}
        record(
            inst,
            connection,
            "subject_notice_answered",
            who=who,
            purpose="rectification",
            ref=notice_id,
            payload=payload,
        )
