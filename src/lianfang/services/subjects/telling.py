"""Whoever received a person's data is told of their correction or erasure, and answers (REQ-P-42).

The notices are written before the vault is changed and go out once it was: whatever stops in between is settled
by :func:`settle`. Another authority is told by a case of the exchange, whose letters are its outbox's; a holder's
node by a signed note; a worker on his list. A notice names nobody: it says which of those in a message, an order
or a list is meant.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from lianfang.foundation.errors import Conflict, LianfangError
from lianfang.foundation.progress import Progress, silent
from lianfang.services.exchange.cases import DUE
from lianfang.services.gate import record, require
from lianfang.services.installation import ROUTINE, SYSTEM, Installation, Who
from lianfang.services.subjects.finding import Place
from lianfang.services.subjects.holding import Refs

if TYPE_CHECKING:
    from lianfang.services.exchange.concerning import Mention
    from lianfang.store import Row

#: A request that is still begun after this was stopped in the middle.
STOPPED = timedelta(minutes=5)
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=30), timedelta(hours=1)
_PURPOSE = {"rectification": "rectification", "erasure": "erasure"}


def begin(
    inst: Installation,
    who: Who,
    request_id: str,
    *,
    request: str,
    ground: str,
    fields: Sequence[str],
    found: Sequence[Place],
    refs: Refs,
    orders: Iterable[Row],
    mentions: Iterable[Mention],
) -> list[str]:
    """Write the request, event by event, and a held notice to each recipient; returns the recipients' names."""
    from lianfang.records import SubjectNotice, SubjectRequest
    from lianfang.store import insert_new

    require(who, "subject.answer")
    now = inst.now()
    subjects = {place.event_id: place.subjects for place in found}
    mentions = list(mentions)
    notices = [*_of_holders(inst, refs, orders), *_of_workers(inst, refs)]
    notices += [
        ("authority", other, one.event_id or ROUTINE, one.message_id, [str(number) for number in one.numbers])
        for one in mentions
        for other in one.others
    ]
    with inst.store.begin() as connection:
        for event_id in sorted({*subjects, *(one[2] for one in notices), *_events(mentions)}):
            held = subjects.get(event_id, [])
            row = SubjectRequest.model_validate(
                {
                    "request_id": request_id, "event_id": event_id, "request": request, "ground": ground,
                    "changed": sorted(fields), "sets": len(held), "at": now, "by": who.account,
                    "state": "begun", "subjects": held,
                }
            )  # fmt: skip
            insert_new(connection, row)
        for kind, recipient, event_id, ref, places in notices:
            insert_new(
                connection,
                SubjectNotice.model_validate(
                    {
                        "notice_id": f"n{secrets.token_hex(8)}", "request_id": request_id, "kind": kind,
                        "recipient": recipient, "event_id": event_id, "ref": ref, "places": places,
                        "created_at": now, "next_at": now, "due_at": now + DUE, "state": "held",
                    }
                ),
            )  # fmt: skip
    return sorted({one[1] for one in notices})


def _events(mentions: Iterable[Mention]) -> set[str]:
    return {one.event_id or ROUTINE for one in mentions}


_Notice = tuple[str, str, str, str, list[str]]


def _of_holders(inst: Installation, refs: Refs, orders: Iterable[Row]) -> list[_Notice]:
    """By order: the tokens under which the holder named him, and his numbers among the index cases."""
    from lianfang.records import Contact, HolderOrder
    from lianfang.store import one, rows

    made: list[_Notice] = []
    with inst.store.read() as connection:
        for told in orders:
            if told["status"] == "draft":
                continue
            order = one(connection, HolderOrder, order_id=told["order_id"])
            numbers = [one["number"] for one in order["index_cases"] if one.get("case_id") in refs.cases]
            mine = rows(connection, Contact, order_id=told["order_id"])
            places = [f"token:{row['token']}" for row in mine if row["contact_id"] in refs.contacts]
            places += [f"index:{number}" for number in numbers]
            made.append(("holder", str(order["holder"]), order["event_id"], order["order_id"], places))
    return made


def _of_workers(inst: Installation, refs: Refs) -> list[_Notice]:
    """Whoever has him on the list, or has read who he is."""
    from lianfang.records import Contact, Reading
    from lianfang.store import one, rows

    made: dict[tuple[str, str], str] = {}
    with inst.store.read() as connection:
        for contact_id in sorted(refs.contacts):
            row = one(connection, Contact, contact_id=contact_id)
            if row["worker"]:
                made[row["worker"], contact_id] = row["event_id"]
            for row in rows(connection, Reading, contact_id=contact_id):
                made[row["account"], contact_id] = row["event_id"]
    return [("worker", account, event_id, ref, []) for (account, ref), event_id in sorted(made.items())]


def release(inst: Installation, who: Who, request_id: str, *, done: bool = True) -> None:
    """The act was done: its notices go; or it was not (``done`` false): they are void and nobody is told."""
    from lianfang.records import SubjectNotice, SubjectRequest
    from lianfang.services import jobs
    from lianfang.store import change, rows

    require(who, "subject.notify")
    with inst.store.begin() as connection:
        begun = rows(connection, SubjectRequest, request_id=request_id, state="begun")
        for row in begun:
            change(connection, SubjectRequest, row["id"], state="done" if done else "void", subjects=[])
        held = rows(connection, SubjectNotice, request_id=request_id, state="held")
        for row in held:
            rest: dict[str, Any] = {"state": "queued"} if done else {"state": "void", "places": []}
            change(connection, SubjectNotice, row["id"], **rest)
    if done and held:
        jobs.submit(inst, SYSTEM, "subject.notify", {}, key=request_id)


def settle(inst: Installation, who: Who) -> int:
    """Settle requests that were stopped in the middle; how many. An erasure counts if its keys are gone."""
    from lianfang.records import SubjectRequest
    from lianfang.store import rows

    require(who, "subject.notify")
    with inst.store.read() as connection:
        begun = rows(connection, SubjectRequest, state="begun")
    old = [row for row in begun if row["at"] <= inst.now() - STOPPED]
    for request_id in sorted({row["request_id"] for row in old}):
        mine = [row for row in old if row["request_id"] == request_id]
        # whoever is told of a correction that was not made looks again and finds what he had
        done = mine[0]["request"] == "rectification" or not _alive(inst, mine)
        release(inst, who, request_id, done=done)
    return len({row["request_id"] for row in old})


def _alive(inst: Installation, requests: list[Row]) -> bool:
    """Whether the keys of one of the subjects are still there."""
    with inst.vault_store.read() as vault:
        return any(inst.vault.alive(vault, row["event_id"], row["subjects"]) for row in requests)


def due(inst: Installation) -> list[Row]:
    """Notices whose next attempt has come, in order."""
    from lianfang.records import SubjectNotice
    from lianfang.store import rows

    with inst.store.read() as connection:
        found = rows(connection, SubjectNotice, state="queued", order_by=["created_at"])
    return [row for row in found if row["next_at"] <= inst.now()]


def wake(inst: Installation) -> None:
    """Queue a job where notices have come due or a request was stopped in the middle."""
    from lianfang.records import SubjectRequest
    from lianfang.services import jobs
    from lianfang.store import rows

    waiting = due(inst)
    with inst.store.read() as connection:
        begun = rows(connection, SubjectRequest, state="begun")
    stopped = [row for row in begun if row["at"] <= inst.now() - STOPPED]
    if waiting or stopped:
        first = (
            waiting[0]["notice_id"] + f"-{waiting[0]['attempts']}" if waiting else stopped[0]["request_id"]
        )
        jobs.submit(inst, SYSTEM, "subject.notify", {}, key=f"{first}-{len(waiting)}-{len(stopped)}")


def deliver(
    inst: Installation, who: Who, *, force: bool = False, progress: Progress | None = None
) -> dict[str, int]:
    """Tell each recipient that waits: ``told``, ``answered`` at once (nodes), ``waiting`` for a later attempt.

    ``force`` does not wait for the next attempt. Running twice does no harm: a node answers a notice once, a case
    of the exchange is opened in one transaction with the notice.
    """
    from lianfang.records import SubjectNotice
    from lianfang.store import rows

    require(who, "subject.notify")
    settle(inst, who)
    report, counts = progress or silent, {"told": 0, "answered": 0, "waiting": 0}
    with inst.store.read() as connection:
        found = rows(connection, SubjectNotice, state="queued", order_by=["created_at"])
    for at, notice in enumerate(found):
        report("notices", at, len(found))
        if notice["next_at"] > inst.now() and not force:
            counts["waiting"] += 1
            continue
        counts[_tell(inst, who, notice)] += 1
    report("notices", len(found), len(found))
    return counts


def _tell(inst: Installation, who: Who, notice: Row) -> str:
    from lianfang.records import SubjectNotice, SubjectRequest
    from lianfang.store import change, one

    with inst.store.read() as connection:
        request = one(
            connection, SubjectRequest, request_id=notice["request_id"], event_id=notice["event_id"]
        )
    try:
        if notice["kind"] == "authority":
            return _tell_authority(inst, who, request, notice)
        if notice["kind"] == "holder":
            return _tell_holder(inst, who, request, notice)
        return _tell_worker(inst, who, request, notice)
    except LianfangError as error:
        attempts = int(notice["attempts"]) + 1
        wait = min(FIRST_WAIT * 2 ** min(attempts - 1, 10), LONGEST_WAIT)
        with inst.store.begin() as connection:
            if one(connection, SubjectNotice, notice_id=notice["notice_id"])["state"] != "queued":
                return "told"  # by another worker, meanwhile
            change(
                connection,
                SubjectNotice,
                notice["id"],
                attempts=attempts,
                next_at=inst.now() + wait,
                error=f"{error.code}: {error.message}"[:300],
            )
        return "waiting"


def _tell_worker(inst: Installation, who: Who, request: Row, notice: Row) -> str:
    """He finds it on his list from now on."""
    from lianfang.records import SubjectNotice
    from lianfang.store import change

    with inst.store.begin() as connection:
        change(connection, SubjectNotice, notice["id"], state="told", told_at=inst.now(), error="")
        _recorded(inst, connection, who, request, notice, "told")
    return "told"


def _tell_holder(inst: Installation, who: Who, request: Row, notice: Row) -> str:
    from lianfang.records import SubjectNotice
    from lianfang.services.orders import ending
    from lianfang.store import change

    change_ = "erased" if request["request"] == "erasure" else "corrected"
    receipt = ending.notify(inst, who, notice, change_, request["ground"])
    with inst.store.begin() as connection:
        change(
            connection,
            SubjectNotice,
            notice["id"],
            state="answered",
            told_at=inst.now(),
            answered_at=inst.now(),
            answered_by=notice["recipient"],
            outcome=receipt.outcome,
            places=[],
            error="",
        )
        _recorded(inst, connection, who, request, notice, receipt.outcome)
    return "answered"


def _tell_authority(inst: Installation, who: Who, request: Row, notice: Row) -> str:
    """Open the case for all authorities that have this message; one case for the whole request."""
    from lianfang.records import SubjectNotice
    from lianfang.services.exchange import cases
    from lianfang.store import change, one, rows

    with inst.store.read() as connection:
        if one(connection, SubjectNotice, notice_id=notice["notice_id"])["state"] != "queued":
            return "told"  # with another authority's notice of the same message
    numbers = ", ".join(notice["places"])
    fields = ", ".join(request["changed"])
    did = "删除 erased" if request["request"] == "erasure" else f"更正 corrected: {fields}"
    text = f"消息中第 {numbers} 人 (person {numbers} of the message): {did}; {request['ground']}."

    def noted(connection: Any, case_id: str) -> None:
        same = rows(
            connection,
            SubjectNotice,
            request_id=notice["request_id"],
            kind="authority",
            ref=notice["ref"],
            state="queued",
        )
        if not same:  # told meanwhile: this case is not opened
            raise Conflict("The notice was sent.")
        for row in same:
            values = {"state": "told", "told_at": inst.now(), "case_id": case_id, "places": [], "error": ""}
            change(connection, SubjectNotice, row["id"], **values)
            _recorded(inst, connection, who, request, row, "told")

    cases.notify(inst, who, notice["ref"], request["request"], text, then=noted)
    return "told"


def _recorded(inst: Installation, connection: Any, who: Who, request: Row, notice: Row, outcome: str) -> None:
    payload = {"request": request["request_id"], "kind": notice["kind"], "recipient": notice["recipient"]}
    record(
        inst,
        connection,
        "subject_notice",
        who=who,
        purpose=_PURPOSE[request["request"]],
        ref=notice["notice_id"],
        payload={**payload, "about": notice["ref"], "outcome": outcome},
    )
