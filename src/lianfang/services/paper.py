"""Paper forms under custody (REQ-P-48): numbered, printed once, returned to the centre, destroyed before a witness.

What is written on a sheet enters the house by import only; here are numbers, accounts and times.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from lianfang.foundation.errors import BadInput, Conflict, NotFound, Refused
from lianfang.guard import custody
from lianfang.services import events
from lianfang.services.gate import ask, reaches, record, require, within
from lianfang.services.installation import Installation, Who

if TYPE_CHECKING:
    import sqlalchemy as sa

    from lianfang.store import Row

#: Forms that exist on paper -> the purpose for which they collect.
FORMS = {"returnee": "returnee_registration", "case_report": "epidemiological_investigation"}
#: Roles into whose custody paper is given.
KEEPERS = ("community_worker", "clinician", "epidemiologist")
MOST_DAYS = 30
#: Sheets printed at a time.
MOST_PRINTED = 100
CAUSES = ("mislaid", "stolen", "damaged")


def questions(form: str) -> list[dict[str, Any]]:
    """What a form asks on paper: its record's columns but the codes of places, which the centre fills in.

    Raises:
        BadInput: there is no such form on paper.
    """
    from lianfang import records

    if form not in FORMS:
        raise BadInput("There is no such form on paper.", hint=f"Known: {', '.join(FORMS)}.")
    record_type = records.record_type(form)
    return [
        one
        for one in records.form(record_type)
        if record_type.fields[one["name"]].declared.kind != "region_index"
    ]


def _kinds(form: str) -> list[str]:
    """The policy's words for what the form asks."""
    from lianfang import records
    from lianfang.guard.policy.vocabulary import DATA

    fields = records.record_type(form).fields
    asked = {fields[one["name"]].declared.kind for one in questions(form)}
    return sorted(asked & set(DATA))


def issue(
    inst: Installation, who: Who, event_id: str, form: str, count: int, *, to: str, days: int = 3
) -> dict[str, Any]:
    """Give ``count`` numbered sheets of a form into the custody of the account ``to``, to be back in ``days`` days.

    The policy is asked whether the keeper's body may collect this on paper; its obligations are kept with the
    batch. Returns the batch as :func:`show` does.

    Raises:
        BadInput: no such form, a number out of 1 to 2000 or 30 days, an account that keeps no paper.
        Conflict: the event is not open. Refused: the role, the area, or the policy.
    """
    from lianfang.records import DecisionEntry, PaperBatch
    from lianfang.services.accounts import person
    from lianfang.store import insert_new, one

    require(who, "paper.issue")
    questions(form)
    if not 1 <= count <= custody.MOST_SHEETS:
        raise BadInput(f"A batch has 1 to {custody.MOST_SHEETS} sheets.")
    if not 1 <= days <= MOST_DAYS:
        raise BadInput(f"Paper comes back within 1 to {MOST_DAYS} days.")
    keeper = person(inst, to)
    if keeper.role not in KEEPERS:
        raise BadInput("Paper is given to who collects: community workers, clinicians, epidemiologists.")
    event = events.get(inst, event_id)
    within(who, event["adcode"])
    if event["status"] != "open":
        raise Conflict("Paper is issued in an open event only.")
    granted = ask(
        inst,
        replace(who, actor=keeper.actor),  # the issuer asks, for the body that will collect
        phase="collect",
        purpose=FORMS[form],
        data=_kinds(form),
        context={"medium": "paper"},
        event=event,
        ref=event_id,
        rows=count,
        going=("numbered_sheets", "notice_no_copy", "notice_no_photo", "called_back"),
    )
    now = inst.now()
    with inst.store.begin() as connection:
        decision = one(connection, DecisionEntry, decision_id=granted.decision_id)
        stem = f"{inst.today():%y%m%d}"
        batches = sum(row["batch_id"].startswith(stem) for row in _batches(connection))
        if batches >= 999:
            raise Conflict("Today's batch numbers are used up.")
        batch_id = f"{stem}{batches + 1:03d}"
        insert_new(
            connection,
            PaperBatch(
                batch_id=batch_id,
                event_id=event_id,
                form=form,
                sheets=count,
                purpose=FORMS[form],
                decision_id=granted.decision_id,
                basis=decision["basis"],
                obligations=decision["obligations"],
                issued_to=keeper.account,
                issued_by=who.account,
                issued_at=now,
                due_at=now + timedelta(days=days),
            ),
        )
        told = {"form": form, "sheets": count, "issued_to": keeper.account, "days": days}
        _enter(inst, connection, who, "paper_issued", batch_id, told)
    return show(inst, who, batch_id)


def _batches(connection: sa.Connection, **equal: Any) -> list[Row]:
    from lianfang.records import PaperBatch
    from lianfang.store import rows

    return rows(connection, PaperBatch, order_by=["batch_id"], **equal)


def _enter(
    inst: Installation, connection: sa.Connection, who: Who, what: str, batch_id: str, told: Mapping[str, Any]
) -> None:
    record(inst, connection, what, who=who, purpose="maintenance", ref=batch_id, payload=told)


def _told(inst: Installation, connection: sa.Connection, batch: Row) -> dict[str, Any]:
    """A batch with the state of its sheets."""
    from lianfang.records import PaperMove
    from lianfang.store import rows

    moves = rows(connection, PaperMove, batch_id=batch["batch_id"], order_by=["number"])
    held = custody.states(batch["sheets"], moves)
    by_state = {state: [n for n, now in held.items() if now == state] for state in custody.STATES}
    printed = {n for move in moves if move["kind"] == "print" for n in move["sheets"]}
    return {
        **batch,
        "moves": moves,
        "states": {state: len(numbers) for state, numbers in by_state.items()},
        "spans": {state: custody.spans(numbers) for state, numbers in by_state.items()},
        "printed": len(printed),
        "not_printed": custody.spans(n for n in by_state["issued"] if n not in printed),
        "first": custody.serial(batch["batch_id"], 1),
        "last": custody.serial(batch["batch_id"], batch["sheets"]),
        "overdue": bool(by_state["issued"]) and batch["due_at"] < inst.now(),
    }


def listing(inst: Installation, who: Who, *, event_id: str = "") -> list[dict[str, Any]]:
    """Batches in the area of one's rights, the newest first; who collects sees the own ones only."""
    from lianfang.records import Event
    from lianfang.store import rows

    require(who, "paper.read")
    own = {} if who.role not in KEEPERS or who.role == "epidemiologist" else {"issued_to": who.account}
    with inst.store.read() as connection:
        places = {row["event_id"]: row["adcode"] for row in rows(connection, Event)}
        found = _batches(connection, **own, **({"event_id": event_id} if event_id else {}))
        return [_told(inst, connection, one) for one in found[::-1] if reaches(who, places[one["event_id"]])]


def show(inst: Installation, who: Who, batch_id: str) -> dict[str, Any]:
    """One batch; :class:`NotFound` as well when it is another worker's."""
    found = [one for one in listing(inst, who) if one["batch_id"] == batch_id]
    if not found:
        raise NotFound("There is no such batch of paper.")
    return found[0]


def sheets(inst: Installation, who: Who, batch_id: str, which: str) -> dict[str, Any]:
    """Sheets to print, each once: ``batch``, ``event``, ``questions``, ``serials``. That they were printed is recorded.

    Raises:
        BadInput: more than 100 at a time. Conflict: printed before, or no longer issued: a spoilt sheet is
        reported as lost and another batch issued.
    """
    require(who, "paper.issue")
    batch = show(inst, who, batch_id)
    wanted = custody.read_sheets(which, batch_id, batch["sheets"])
    if len(wanted) > MOST_PRINTED:
        raise BadInput(f"At most {MOST_PRINTED} sheets are printed at a time.")
    with inst.store.begin() as connection:
        now = _told(inst, connection, _row(connection, batch_id))
        before = {n for move in now["moves"] if move["kind"] == "print" for n in move["sheets"]}
        held = custody.states(now["sheets"], now["moves"])
        if before & set(wanted) or any(held[n] != "issued" for n in wanted):
            raise Conflict(
                "A sheet is printed once, while it is issued.",
                hint="Report a spoilt sheet as lost and issue another.",
            )
        _move(inst, connection, who, now, "print", wanted)
    return {
        "batch": batch,
        "event": events.get(inst, batch["event_id"]),
        "questions": questions(batch["form"]),
        "serials": [custody.serial(batch_id, n) for n in wanted],
    }


def _row(connection: sa.Connection, batch_id: str) -> Row:
    from lianfang.records import PaperBatch
    from lianfang.store import one

    return one(connection, PaperBatch, batch_id=batch_id)


def _move(
    inst: Installation,
    connection: sa.Connection,
    who: Who,
    batch: Row,
    kind: str,
    numbers: list[int],
    cause: str = "",
) -> str:
    from lianfang.records import PaperMove
    from lianfang.store import insert_new

    move_id = f"m{secrets.token_hex(6)}"
    insert_new(
        connection,
        PaperMove.model_validate(
            {
                "move_id": move_id,
                "batch_id": batch["batch_id"],
                "event_id": batch["event_id"],
                "number": len(batch["moves"]) + 1,
                "kind": kind,
                "sheets": numbers,
                "at": inst.now(),
                "by": who.account,
                "cause": cause,
            }
        ),
    )
    told = {"move_id": move_id, "sheets": custody.spans(numbers), "cause": cause}
    _enter(inst, connection, who, f"paper_{kind}", batch["batch_id"], told)
    return move_id


def _moved(
    inst: Installation, who: Who, batch_id: str, which: str, kind: str, cause: str = ""
) -> tuple[str, dict[str, Any]]:
    numbers = custody.read_sheets(which, batch_id, show(inst, who, batch_id)["sheets"])
    with inst.store.begin() as connection:
        batch = _told(inst, connection, _row(connection, batch_id))
        custody.allow(kind, numbers, custody.states(batch["sheets"], batch["moves"]))
        if kind == "return" and who.account == batch["issued_to"]:
            raise Refused(
                "Who had the paper does not receive it back.", reasons=("custody:same",), code="custody"
            )
        waiting = {
            n for m in batch["moves"] if m["kind"] == "destroy" and not m["witness"] for n in m["sheets"]
        }
        if waiting & set(numbers):
            raise Conflict("A destruction of these sheets waits for its witness.")
        move_id = _move(inst, connection, who, batch, kind, numbers, cause)
    return move_id, show(inst, who, batch_id)


def take_back(inst: Installation, who: Who, batch_id: str, which: str) -> dict[str, Any]:
    """Sheets are back at the centre: counted by another than who had them. A lost one that was found, too.

    ``which``: serials, numbers and ranges, or ``all``.

    Raises:
        BadInput: no such sheets. Conflict: returned already or destroyed. Refused: by who had them.
    """
    require(who, "paper.return")
    return _moved(inst, who, batch_id, which, "return")[1]


def lost(inst: Installation, who: Who, batch_id: str, which: str, cause: str) -> dict[str, Any]:
    """Sheets are missing or spoilt: a finding for the data-protection officer and each inspection until found.

    Raises:
        BadInput: a cause other than mislaid, stolen or damaged; no such sheets. Conflict: destroyed already.
    """
    require(who, "paper.lost")
    if cause not in CAUSES:
        raise BadInput(f"Why a sheet is missing is one of: {', '.join(CAUSES)}.")
    return _moved(inst, who, batch_id, which, "lost", cause)[1]


def destroy(inst: Installation, who: Who, batch_id: str, which: str) -> dict[str, Any]:
    """Returned sheets are being destroyed; it counts when a second account has witnessed it.

    Returns the batch with ``move_id``, by which the witness confirms.
    """
    require(who, "paper.destroy")
    move_id, batch = _moved(inst, who, batch_id, which, "destroy")
    return {**batch, "move_id": move_id}


def witness(inst: Installation, who: Who, move_id: str) -> dict[str, Any]:
    """The second person saw the sheets destroyed.

    Raises:
        NotFound: no such destruction. Conflict: witnessed already, or a sheet was reported lost meanwhile.
        Refused: the same account, or the one that had the paper in custody.
    """
    from lianfang.records import PaperMove
    from lianfang.store import change, rows

    require(who, "paper.witness")
    with inst.store.begin() as connection:
        found = rows(connection, PaperMove, move_id=move_id, kind="destroy")
        if not found:
            raise NotFound("There is no such destruction.")
        move = found[0]
        batch = _told(inst, connection, _row(connection, move["batch_id"]))
        within(who, events.get(inst, batch["event_id"])["adcode"])
        if move["witness"]:
            raise Conflict("This destruction is witnessed already.")
        if who.account in (move["by"], batch["issued_to"]):
            raise Refused(
                "The witness is another person than who destroys and who had custody.",
                reasons=("custody:same",),
                code="custody",
            )
        custody.allow("destroy", move["sheets"], custody.states(batch["sheets"], batch["moves"]))
        change(connection, PaperMove, move["id"], witness=who.account, witnessed_at=inst.now())
        told = {"move_id": move_id, "sheets": custody.spans(move["sheets"]), "destroyed_by": move["by"]}
        _enter(inst, connection, who, "paper_destroyed", batch["batch_id"], told)
    return show(inst, who, batch["batch_id"])


def out(inst: Installation, connection: sa.Connection, event_id: str) -> list[dict[str, Any]]:
    """Printed sheets of an event that are not back: ``batch_id``, ``keeper``, ``sheets`` out, ``lost``."""
    found = []
    for one in _batches(connection, event_id=event_id):
        told = _told(inst, connection, one)
        printed = {n for move in told["moves"] if move["kind"] == "print" for n in move["sheets"]}
        held = custody.states(one["sheets"], told["moves"])
        away = sum(held[number] == "issued" for number in printed)
        if away or told["states"]["lost"]:
            line = {"batch_id": one["batch_id"], "keeper": one["issued_to"], "sheets": away}
            found.append({**line, "lost": told["states"]["lost"]})
    return found


def outstanding(inst: Installation, event_id: str = "") -> dict[str, int]:
    """Sheets overdue, lost, and waiting for a witness; of one event or of all. Numbers only."""
    counts = {"overdue": 0, "lost": 0, "witness": 0}
    with inst.store.read() as connection:
        for one in _batches(connection, **({"event_id": event_id} if event_id else {})):
            told = _told(inst, connection, one)
            counts["overdue"] += told["states"]["issued"] if told["overdue"] else 0
            counts["lost"] += told["states"]["lost"]
            counts["witness"] += sum(m["kind"] == "destroy" and not m["witness"] for m in told["moves"])
    return counts
