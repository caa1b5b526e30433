"""Something went wrong: the form for everybody, the list and the clocks for the officers."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from lianfang.api.security import Actor, Inst, Reader
from lianfang.api.view import go, page
from lianfang.foundation.errors import BadInput
from lianfang.services import incidents
from lianfang.services.gate import require

router = APIRouter(tags=["incidents"])
Text = Annotated[str, Form(max_length=4000)]
Kinds = Annotated[list[str] | None, Form(max_length=40)]
#: Kinds of data offered on the form; the command line and the API know them all.
OFFERED = ("name", "resident_id", "mobile", "home_address", "age", "diagnosis", "symptom", "travel_history",
           "trajectory", "location", "name_list")  # fmt: skip


def _persons(text: str) -> int | None:
    if not text.strip():
        return None
    if not (text.strip().isascii() and text.strip().isdigit() and len(text.strip()) <= 10):
        raise BadInput(f"The persons concerned are a whole number from 0 to {incidents.MOST_PERSONS}.")
    return int(text)


@router.get("/incidents", summary="Incidents with their clocks")
def listing(request: Request, inst: Inst, who: Reader) -> Response:
    return page(request, "incidents.html", incidents=incidents.listing(inst, who))


@router.get("/incidents/new", summary="The form: something went wrong")
def form(request: Request, inst: Inst, who: Reader) -> Response:
    require(who, "incident.report")
    return page(request, "incident_new.html", offered=OFFERED)


@router.post("/incidents", summary="Report that something went wrong")
def report(
    request: Request, inst: Inst, who: Actor, what: Text, kind: Kinds = None, event: Text = ""
) -> Response:
    incidents.report(inst, who, what=what, kinds=kind or [], event_id=event.strip())
    return go("/incidents/new", "reported")


@router.get("/incidents/{incident_id}", summary="An incident with its steps and clocks")
def incident(request: Request, inst: Inst, who: Reader, incident_id: str) -> Response:
    found = incidents.get(inst, who, incident_id)
    return page(request, "incident.html", one=found, steps=incidents.STEPS, offered=OFFERED)


@router.post("/incidents/{incident_id}/step", summary="Note a step about an incident")
def step(
    request: Request,
    inst: Inst,
    who: Actor,
    incident_id: str,
    step: Text,
    note: Text = "",
    cause: Text = "",
    harm: Text = "",
    persons: Text = "",
    kind: Kinds = None,
) -> Response:
    incidents.step(
        inst,
        who,
        incident_id,
        kind=step,
        note=note,
        cause=cause,
        harm=harm,
        persons=_persons(persons),
        kinds=kind or [],
    )
    return go(f"/incidents/{incident_id}", "stepped")


@router.post("/incidents/{incident_id}/close", summary="Close an incident with its remedy")
def close(
    request: Request, inst: Inst, who: Actor, incident_id: str, remedy: Text, contact: Text
) -> Response:
    incidents.close(inst, who, incident_id, remedy=remedy, contact=contact)
    return go(f"/incidents/{incident_id}", "settled")
