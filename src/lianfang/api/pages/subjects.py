"""A person asks: his report, shown once in the answer to the form; his correction; his erasure; who was told."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from lianfang.api import subject_tables
from lianfang.api.security import Actor, Costly, Inst, Reader
from lianfang.api.view import go, language, page
from lianfang.services import subjects
from lianfang.services.gate import require

router = APIRouter(tags=["subjects"])
Text = Annotated[str, Form(max_length=400)]


@router.get("/subjects", summary="Forms for what a person may ask about himself")
def forms(request: Request, inst: Inst, who: Reader) -> Response:
    require(who, "subject.answer")
    return page(request, "subjects.html", report=None, result=None, requests=subjects.listing(inst, who))


@router.get(
    "/subjects/requests/{request_id}", summary="A correction or erasure: who was told, who has answered"
)
def one_request(request: Request, inst: Inst, who: Reader, request_id: str) -> Response:
    return page(request, "subject_request.html", asked=subjects.show(inst, who, request_id))


@router.post("/subjects/notify", summary="Tell recipients that wait, now")
def notify(request: Request, inst: Inst, who: Actor) -> Response:
    subjects.deliver(inst, who, force=True)
    return go("/subjects", "told")


@router.post("/subjects/report", dependencies=[Costly], summary="The access report, shown once")
def report(
    request: Request,
    inst: Inst,
    who: Actor,
    resident_id: Text = "",
    name: Text = "",
    phone: Text = "",
    verified: Text = "",
) -> Response:
    asked = subjects.asked(who, {"resident_id": resident_id, "name": name, "phone": phone})
    found = subjects.report(inst, who, asked, identity_verified=verified == "yes")
    tables = subject_tables.tables(found, language(request), inst.settings.zone)
    return page(request, "subjects.html", report=found, tables=tables, result=None)


@router.post("/subjects/correct", summary="Correct one of a person's identifiers")
def correct(
    request: Request,
    inst: Inst,
    who: Actor,
    field: Text,
    reason: Text,
    ground: Text = "inaccurate",
    value: Text = "",
    resident_id: Text = "",
    name: Text = "",
    phone: Text = "",
    verified: Text = "",
) -> Response:
    asked = subjects.asked(who, {"resident_id": resident_id, "name": name, "phone": phone})
    result = subjects.correct(
        inst, who, asked, {field: value}, reason=reason, ground=ground, identity_verified=verified == "yes"
    )
    return page(request, "subjects.html", report=None, result=result, requests=subjects.listing(inst, who))


@router.post("/subjects/erase", summary="Erase a person's identifiers where the policy permits")
def erase(
    request: Request,
    inst: Inst,
    who: Actor,
    ground: Text,
    reason: Text,
    event: Text = "",
    resident_id: Text = "",
    name: Text = "",
    phone: Text = "",
    verified: Text = "",
) -> Response:
    asked = subjects.asked(who, {"resident_id": resident_id, "name": name, "phone": phone})
    result = subjects.erase(
        inst,
        who,
        asked,
        ground=ground,
        reason=reason,
        identity_verified=verified == "yes",
        event_id=event.strip(),
    )
    return page(request, "subjects.html", report=None, result=result, requests=subjects.listing(inst, who))
