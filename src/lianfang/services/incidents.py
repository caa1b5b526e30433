"""Incidents with personal data (REQ-P-68): anybody here reports one; officers keep its clocks and close it.

What people write is looked through before it is kept: a text that points to a person is refused with the places.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from lianfang.foundation.errors import BadInput, Conflict, NotFound, Refused
from lianfang.services.gate import reaches, record, require, within
from lianfang.services.installation import Installation, Who

if TYPE_CHECKING:
    import sqlalchemy as sa

    from lianfang.store import Row

MOST_CHARACTERS = 2000
MOST_PERSONS = 10**9
#: Steps that an officer may add. ``no_notice``: why nobody needs to be told; it stops the clocks too.
STEPS = ("note", "contained", "notified_authority", "notified_persons", "no_notice")
_STOPS = ("notified_authority", "no_notice")
_PLACES_SHOWN = 10


@dataclass(frozen=True)
class Clock:
    """A duty to notify: within ``hours`` of knowing (0: at once).

    ``verified``: article and hours were both read in the text of the law.
    """

    name: str
    hours: int
    zh: str
    en: str
    verified: bool


#: The Regulation's art. 11 was read as the plan for incidents; its hours were not, nor whether PIPL art. 57 names any.
CLOCKS = (
    Clock(
        "pipl",
        0,
        "《个人信息保护法》第57条：立即通知",
        "PIPL art. 57: notify at once",
        False,
    ),
    Clock(
        "ndsr",
        24,
        "《网络数据安全管理条例》（2025）：24小时内报告",
        "Network Data Security Regulation (2025): report within 24 hours",
        False,
    ),
    Clock("gdpr", 72, "GDPR 第33条：72小时内报告", "GDPR art. 33: report within 72 hours", True),
)


def report(
    inst: Installation,
    who: Who,
    *,
    what: str,
    kinds: Sequence[str] = (),
    event_id: str = "",
    cause: str = "",
    harm: str = "",
    persons: int | None = None,
) -> str:
    """Report that something went wrong; returns the incident's id. The clocks run from now.

    ``kinds``: the policy's words for the data concerned. ``persons``: how many, where it is known.

    Raises:
        BadInput: no text, too long, an unknown kind, no count. NotFound: no such event. Refused: nobody's role,
        or a text that points to a person (with the places, never the words).
    """
    require(who, "incident.report")
    said = {"what": _words("what", what), "cause": _words("cause", cause), "harm": _words("harm", harm)}
    if not said["what"]:
        raise BadInput("Say what happened.")
    if event_id:
        from lianfang.services import events

        events.get(inst, event_id)
    fields = {
        **said,
        "kinds": _kinds(kinds),
        "event_id": event_id,
        "persons": _count(persons),
        "source": "person",
    }
    with inst.store.begin() as connection:
        return open_incident(inst, connection, who, f"i{secrets.token_hex(6)}", "reported", fields)


def open_incident(
    inst: Installation,
    connection: sa.Connection,
    who: Who,
    incident_id: str,
    step_kind: str,
    fields: dict[str, Any],
) -> str:
    """Write an incident with its first step and its entry in the ledger, in the caller's transaction."""
    from lianfang.foundation.canonical import digest
    from lianfang.records import Incident
    from lianfang.store import insert_new

    made = Incident.model_validate(
        {
            **fields,
            "incident_id": incident_id,
            "reported_at": inst.now(),
            "reported_by": who.account,
            "status": "open",
        }
    )
    insert_new(connection, made)
    _add(inst, connection, who, incident_id, step_kind, "")
    payload = {"source": made.source, "kinds": made.kinds, "text": digest(made.what)}
    record(
        inst,
        connection,
        "incident_opened",
        who=who,
        purpose="maintenance",
        ref=incident_id,
        payload=payload,
    )
    return incident_id


def listing(inst: Installation, who: Who) -> list[Row]:
    """Incidents with their ``clocks``, the open ones first, the newest of them on top."""
    from lianfang.records import Incident
    from lianfang.store import rows

    require(who, "incident.manage")
    with inst.store.read() as connection:
        found = [
            row
            for row in rows(connection, Incident, order_by=["reported_at"])
            if reaches(who, _area(inst, connection, row))
        ]
        stopped = _stopped(connection)
    now = inst.now()
    for row in found:
        row["clocks"] = _clocks(row, stopped.get(row["incident_id"]), now)
    newest = found[::-1]
    return sorted(newest, key=lambda row: row["status"] != "open")


def get(inst: Installation, who: Who, incident_id: str) -> Row:
    """An incident with ``clocks`` and ``steps``; :class:`NotFound` otherwise."""
    from lianfang.records import Incident, IncidentStep
    from lianfang.store import one, rows

    require(who, "incident.manage")
    with inst.store.read() as connection:
        found = one(connection, Incident, incident_id=incident_id)
        within(who, _area(inst, connection, found))
        found["steps"] = rows(connection, IncidentStep, incident_id=incident_id, order_by=["number"])
        stopped = _stopped(connection)
    found["clocks"] = _clocks(found, stopped.get(incident_id), inst.now())
    return found


def step(
    inst: Installation,
    who: Who,
    incident_id: str,
    *,
    kind: str,
    note: str = "",
    cause: str = "",
    harm: str = "",
    persons: int | None = None,
    kinds: Sequence[str] = (),
) -> int:
    """Note a step, and what is known by now of cause, harm, persons and kinds; returns the step's number.

    An empty part leaves what is known. Why nobody needs to be told (``no_notice``) is a note that must be there.

    Raises:
        As :func:`report`; Conflict: the incident is closed.
    """
    require(who, "incident.manage")
    if kind not in STEPS:
        raise BadInput(f"A step is one of {', '.join(STEPS)}.")
    said = _words("note", note)
    if not said and kind in ("note", "no_notice"):
        raise BadInput("This step needs a note.")
    changes: dict[str, Any] = {
        name: text for name, raw in (("cause", cause), ("harm", harm)) if (text := _words(name, raw))
    }
    if persons is not None:
        changes["persons"] = _count(persons)
    if kinds:
        changes["kinds"] = _kinds(kinds)
    with inst.store.begin() as connection:
        row = _open(inst, connection, who, incident_id)
        if changes:
            _change(connection, row, changes)
        number = _add(inst, connection, who, incident_id, kind, said)
        _enter(inst, connection, who, "incident_step", incident_id, {"number": number, "kind": kind})
    return number


def close(inst: Installation, who: Who, incident_id: str, *, remedy: str, contact: str) -> None:
    """Close an incident with what was done about it and who answers questions.

    Raises:
        BadInput: no remedy, no contact, or kinds, cause or harm not known yet. Conflict: closed already, or nobody
        was told and it was not said why. Refused: role, or a text that points to a person.
    """
    require(who, "incident.manage")
    done = _words("remedy", remedy)
    # an office's line and mailbox are what a contact is; a person's name or mobile is not
    reach = _words("contact", contact, allowed=("LANDLINE", "EMAIL"))
    if not done or not reach:
        raise BadInput("An incident is closed with its remedy and a contact.")
    with inst.store.begin() as connection:
        row = _open(inst, connection, who, incident_id)
        missing = [name for name in ("kinds", "cause", "harm") if not row[name]]
        if missing:
            raise BadInput(f"Before it is closed, an incident says its {', '.join(missing)}.")
        if incident_id not in _stopped(connection):
            raise Conflict(
                "Nobody was notified of this incident, and it was not said why.",
                hint="Add the step notified_authority or no_notice.",
            )
        closed = {"status": "closed", "closed_at": inst.now(), "closed_by": who.account}
        _change(connection, row, {"remedy": done, "contact": reach, **closed})
        _add(inst, connection, who, incident_id, "closed", "")
        _enter(inst, connection, who, "incident_closed", incident_id, {"persons": row["persons"]})


def overdue(inst: Installation, who: Who) -> dict[str, int] | None:
    """For the officers: ``open`` incidents and ``overdue`` clocks; None for everybody else."""
    try:
        found = listing(inst, who)
    except Refused:
        return None
    return {
        "open": sum(row["status"] == "open" for row in found),
        "overdue": sum(clock["overdue"] for row in found for clock in row["clocks"]),
    }


def _area(inst: Installation, connection: sa.Connection, incident: Row) -> str:
    """Where it happened: its event's area; without an event it is the whole house's."""
    from lianfang.records import Event
    from lianfang.store import rows

    about = rows(connection, Event, event_id=incident["event_id"]) if incident["event_id"] else []
    return str(about[0]["adcode"]) if about else inst.settings.adcode


def _open(inst: Installation, connection: sa.Connection, who: Who, incident_id: str) -> Row:
    from lianfang.records import Incident
    from lianfang.store import rows

    found = rows(connection, Incident, incident_id=incident_id)
    if not found:
        raise NotFound("There is no such incident.")
    within(who, _area(inst, connection, found[0]))
    if found[0]["status"] != "open":
        raise Conflict("This incident is closed.")
    return found[0]


def _change(connection: sa.Connection, row: Row, values: dict[str, Any]) -> None:
    from lianfang.records import Incident
    from lianfang.store import change

    change(connection, Incident, row["id"], **values)


def _add(
    inst: Installation, connection: sa.Connection, who: Who, incident_id: str, kind: str, note: str
) -> int:
    from lianfang.records import IncidentStep
    from lianfang.store import insert_new, tally

    number = tally(connection, IncidentStep, incident_id=incident_id) + 1
    values = {"number": number, "kind": kind, "at": inst.now(), "by": who.account, "note": note}
    insert_new(connection, IncidentStep.model_validate({"incident_id": incident_id, **values}))
    return number


def _enter(
    inst: Installation,
    connection: sa.Connection,
    who: Who,
    what: str,
    incident_id: str,
    payload: dict[str, Any],
) -> None:
    record(inst, connection, what, who=who, purpose="maintenance", ref=incident_id, payload=payload)


def _stopped(connection: sa.Connection) -> dict[str, datetime]:
    """Incident -> when its clocks stopped: somebody was told, or it was said why nobody needs to be."""
    from lianfang.records import IncidentStep
    from lianfang.store import rows, table

    held = rows(connection, IncidentStep, table(IncidentStep).c.kind.in_(_STOPS), order_by=["at"])
    found: dict[str, datetime] = {}
    for row in held:
        found.setdefault(row["incident_id"], row["at"])
    return found


def _clocks(row: Row, stopped: datetime | None, now: datetime) -> list[dict[str, Any]]:
    told = []
    for clock in CLOCKS:
        due = row["reported_at"] + timedelta(hours=clock.hours)
        told.append(
            {
                "name": clock.name,
                "zh": clock.zh,
                "en": clock.en,
                "verified": clock.verified,
                "due_at": due,
                "stopped_at": stopped,
                "late": stopped is not None and clock.hours > 0 and stopped > due,
                "overdue": stopped is None and now > due,
            }
        )
    return told


def _words(part: str, text: str, *, allowed: Sequence[str] = ()) -> str:
    """A text that names nobody, trimmed; refused with the places otherwise."""
    from lianfang.guard.redaction import find

    said = text.strip() if isinstance(text, str) else ""
    if len(said) > MOST_CHARACTERS or not isinstance(text, str):
        raise BadInput(f"The part {part} is a text of at most {MOST_CHARACTERS} characters.")
    found = [one for one in find(said, point="block") if one.kind not in allowed]
    if found:
        places = ", ".join(f"{one.kind} {one.start + 1}-{one.end}" for one in found[:_PLACES_SHOWN])
        raise Refused(
            f"The part {part} points to a person at {len(found)} places: {places}.",
            basis=("REQ-P-68",),
            hint="Say it without names, numbers and addresses; the figures are characters from the start.",
            code="names_somebody",
        )
    return said


def _kinds(kinds: Sequence[str]) -> list[str]:
    from lianfang.guard.policy.vocabulary import DATA

    wanted = sorted(set(kinds))
    if not set(wanted) <= set(DATA):
        raise BadInput("One of the kinds of data is none that the policy knows.", hint=f"{', '.join(DATA)}.")
    return wanted


def _count(persons: int | None) -> int | None:
    if persons is not None and not (
        isinstance(persons, int) and not isinstance(persons, bool) and 0 <= persons <= MOST_PERSONS
    ):
        raise BadInput(f"The persons concerned are a whole number from 0 to {MOST_PERSONS}.")
    return persons
