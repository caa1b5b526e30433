"""JSON routes for a person's own requests, incidents and planted records. A person's identity is in bodies alone."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import Field

from lianfang.api.rest.routes import Body, Name, Note
from lianfang.api.security import Actor, Costly, Inst, Reader
from lianfang.foundation.canonical import plain
from lianfang.services import canaries, incidents, subjects
from lianfang.services.installation import Who

router = APIRouter(tags=["persons"])
Particular = Annotated[str, Field(max_length=120)]
Kinds = Annotated[list[Name], Field(max_length=40)]
Ground = Literal["inaccurate", "outdated", "unnecessary", "unlawful"]
Count = Annotated[int, Field(ge=0, le=incidents.MOST_PERSONS)]


class IdentityBody(Body):
    resident_id: Particular = ""
    name: Particular = ""
    phone: Particular = ""


class PersonBody(Body):
    identity: IdentityBody
    identity_verified: bool = False


class CorrectBody(PersonBody):
    changes: Annotated[dict[Name, Note], Field(max_length=8)]
    reason: Note
    ground: Ground = "inaccurate"


class EraseBody(PersonBody):
    ground: Ground
    reason: Note
    event_id: Name = ""


class IncidentBody(Body):
    what: Note
    kinds: Kinds = []
    event_id: Name = ""
    cause: Note = ""
    harm: Note = ""
    persons: Count | None = None


class StepBody(Body):
    kind: Name
    note: Note = ""
    cause: Note = ""
    harm: Note = ""
    persons: Count | None = None
    kinds: Kinds = []


class CloseBody(Body):
    remedy: Note
    contact: Note


class PlantBody(Body):
    count: int = 5


def _asked(who: Who, body: PersonBody) -> subjects.Identity:
    return subjects.asked(who, body.identity.model_dump())


@router.post(
    "/subjects/report",
    dependencies=[Costly],
    summary="What is held and was decided about a person, for himself",
)
def report(inst: Inst, who: Actor, body: PersonBody) -> Any:
    return plain(subjects.report(inst, who, _asked(who, body), identity_verified=body.identity_verified))


@router.post("/subjects/correct", summary="Correct a person's identifiers")
def correct(inst: Inst, who: Actor, body: CorrectBody) -> Any:
    verified = body.identity_verified
    return subjects.correct(
        inst,
        who,
        _asked(who, body),
        body.changes,
        reason=body.reason,
        ground=body.ground,
        identity_verified=verified,
    )


@router.post("/subjects/erase", summary="Erase a person's identifiers where the policy permits")
def erase(inst: Inst, who: Actor, body: EraseBody) -> Any:
    return subjects.erase(
        inst,
        who,
        _asked(who, body),
        ground=body.ground,
        reason=body.reason,
        identity_verified=body.identity_verified,
        event_id=body.event_id,
    )


@router.get("/subjects/requests", summary="Corrections and erasures, with who was told and has answered")
def requests(inst: Inst, who: Reader) -> Any:
    return plain(subjects.listing(inst, who))


@router.get(
    "/subjects/requests/{request_id}", summary="One correction or erasure with its notices and answers"
)
def one_request(inst: Inst, who: Reader, request_id: Name) -> Any:
    return plain(subjects.show(inst, who, request_id))


@router.post("/subjects/notify", summary="Tell recipients that wait, now")
def notify(inst: Inst, who: Actor) -> dict[str, int]:
    return subjects.deliver(inst, who, force=True)


@router.get("/subjects/notices", summary="Notices that wait for one's own answer")
def notices(inst: Inst, who: Reader) -> Any:
    return plain(subjects.mine(inst, who))


class NoticeBody(Body):
    outcome: Name


@router.post("/subjects/notices/{notice_id}", status_code=204, summary="Answer a notice on one's own list")
def answer_notice(inst: Inst, who: Actor, notice_id: Name, body: NoticeBody) -> None:
    subjects.answer(inst, who, notice_id, body.outcome)


@router.get("/incidents", summary="Incidents with their clocks")
def listing(inst: Inst, who: Reader) -> Any:
    return plain(incidents.listing(inst, who))


@router.post("/incidents", status_code=201, summary="Report that something went wrong")
def report_incident(inst: Inst, who: Actor, body: IncidentBody) -> dict[str, str]:
    return {"incident_id": incidents.report(inst, who, **body.model_dump())}


@router.get("/incidents/{incident_id}", summary="An incident with its steps and clocks")
def incident(inst: Inst, who: Reader, incident_id: Name) -> Any:
    return plain(incidents.get(inst, who, incident_id))


@router.post("/incidents/{incident_id}/step", status_code=201, summary="Note a step about an incident")
def step(inst: Inst, who: Actor, incident_id: Name, body: StepBody) -> dict[str, int]:
    return {"number": incidents.step(inst, who, incident_id, **body.model_dump())}


@router.post("/incidents/{incident_id}/close", status_code=204, summary="Close an incident with its remedy")
def close(inst: Inst, who: Actor, incident_id: Name, body: CloseBody) -> None:
    incidents.close(inst, who, incident_id, **body.model_dump())


@router.post("/events/{event_id}/canaries", summary="Plant invented records under an event's keys")
def plant(inst: Inst, who: Actor, event_id: Name, body: PlantBody) -> dict[str, int]:
    return canaries.plant(inst, who, event_id, count=body.count)
