"""The worker's phone and the laboratory's desk."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from lianfang.api.security import Actor, Inst, Reader
from lianfang.api.view import go, page
from lianfang.foundation.errors import BadInput
from lianfang.services import genomes, laboratory, subjects, visits

router = APIRouter(tags=["work"])
Text = Annotated[str, Form(max_length=2000)]


@router.get("/my", summary="The worker's list of today")
def my(request: Request, inst: Inst, who: Reader) -> Response:
    return page(request, "my.html", tasks=visits.tasks(inst, who), notices=subjects.mine(inst, who))


@router.post("/my/notices/{notice_id}", summary="Say what became of one's copies of corrected or erased data")
def notice(request: Request, inst: Inst, who: Actor, notice_id: str, outcome: Text) -> Response:
    subjects.answer(inst, who, notice_id, outcome)
    return go("/my", "noticed")


@router.get("/my/{contact_id}", summary="One contact of the worker, particulars still closed")
def contact(request: Request, inst: Inst, who: Reader, contact_id: str) -> Response:
    return page(
        request,
        "visit.html",
        contact=visits.task(inst, who, contact_id),
        person=None,
        symptoms=visits.SYMPTOMS,
    )


@router.post("/my/{contact_id}/particulars", summary="Name, phone and address for the assigned worker")
def particulars(request: Request, inst: Inst, who: Actor, contact_id: str) -> Response:
    """Shown once, in this answer only; each reading is logged."""
    shown = visits.particulars(inst, who, contact_id, terminal="web-session")
    return page(
        request,
        "visit.html",
        contact=visits.task(inst, who, contact_id),
        person=shown,
        symptoms=visits.SYMPTOMS,
    )


@router.post("/my/{contact_id}/visit", summary="Note the result of a visit or call")
def visit(
    request: Request,
    inst: Inst,
    who: Actor,
    contact_id: str,
    outcome: Annotated[Literal["reached", "not_reached", "refused"], Form()],
    temperature: Text = "",
    symptom: Annotated[list[str] | None, Form()] = None,
    medium: Text = "visit",
) -> Response:
    try:
        degrees = float(temperature) if temperature.strip() else None
    except ValueError as error:
        raise BadInput("A temperature is a number like 36.8.") from error
    result = visits.record_visit(
        inst,
        who,
        contact_id,
        reached=outcome == "reached",
        temperature=degrees,
        symptoms=symptom or [],
        refused=outcome == "refused",
        medium=medium,
    )
    return go(f"/my/{contact_id}", "advised" if result["test_advised"] else "visited")


@router.post("/my/{contact_id}/sample", summary="Order a test for a contact")
def sample(request: Request, inst: Inst, who: Actor, contact_id: str) -> Response:
    visits.order_sample(inst, who, contact_id)
    return go(f"/my/{contact_id}", "ordered")


@router.post("/contacts/{contact_id}/release", summary="End a contact's observation")
def release(request: Request, inst: Inst, who: Actor, contact_id: str, reason: Text = "") -> Response:
    visits.release(inst, who, contact_id, reason=reason)
    return go(f"/events/{visits.event_of(inst, contact_id)}", "released")


@router.get("/laboratory", summary="Samples that wait for a result")
def desk(request: Request, inst: Inst, who: Reader) -> Response:
    samples = laboratory.waiting(inst, who)
    return page(request, "laboratory.html", samples=samples, alarms=genomes.alarms(inst, who))


@router.post("/laboratory/{sample_no}", summary="A sample's result")
def result(request: Request, inst: Inst, who: Actor, sample_no: str, result: Text) -> Response:
    laboratory.report(inst, who, sample_no, result=result)
    return go("/laboratory", "resulted")
