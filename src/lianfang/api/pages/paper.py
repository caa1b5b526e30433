"""Paper forms: batches and their custody, and the sheets to print."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from lianfang.api.security import Actor, Inst, Reader
from lianfang.api.view import go, page
from lianfang.services import events, paper, people
from lianfang.services.gate import ACTS

router = APIRouter(tags=["paper"])
Text = Annotated[str, Form(max_length=8000)]
Name = Annotated[str, Form(max_length=80)]
Number = Annotated[int, Form(ge=1, le=100_000)]


@router.get("/paper", summary="Batches of paper forms and what became of their sheets")
def listing(request: Request, inst: Inst, who: Reader) -> Response:
    batches = paper.listing(inst, who)
    issues = who.role in ACTS["paper.issue"]
    return page(
        request,
        "paper.html",
        batches=batches,
        may={
            act: who.role in ACTS[f"paper.{act}"] for act in ("issue", "return", "lost", "destroy", "witness")
        },
        forms=list(paper.FORMS),
        causes=paper.CAUSES,
        open_events=[row for row in events.listing(inst, who) if row["status"] == "open"] if issues else [],
        keepers=[one for role in paper.KEEPERS for one in people.workers(inst, role)] if issues else [],
    )


@router.post("/paper", summary="Issue a batch of paper forms")
def issue(
    inst: Inst, who: Actor, event_id: Name, form: Name, count: Number, to: Name, days: Number = 3
) -> Response:
    paper.issue(inst, who, event_id, form, count, to=to, days=days)
    return go("/paper", "issued")


@router.post("/paper/{batch_id}/sheets", summary="Sheets to print, each once")
def sheets(request: Request, inst: Inst, who: Actor, batch_id: str, sheets: Text) -> Response:
    return page(request, "paper_sheets.html", **paper.sheets(inst, who, batch_id, sheets))


@router.post("/paper/{batch_id}/return", summary="Sheets are back")
def take_back(inst: Inst, who: Actor, batch_id: str, sheets: Text) -> Response:
    paper.take_back(inst, who, batch_id, sheets)
    return go("/paper", "back")


@router.post("/paper/{batch_id}/lost", summary="Sheets are missing or spoilt")
def lost(inst: Inst, who: Actor, batch_id: str, sheets: Text, cause: Name) -> Response:
    paper.lost(inst, who, batch_id, sheets, cause)
    return go("/paper", "missing")


@router.post("/paper/{batch_id}/destroy", summary="Returned sheets are being destroyed")
def destroy(inst: Inst, who: Actor, batch_id: str, sheets: Text) -> Response:
    paper.destroy(inst, who, batch_id, sheets)
    return go("/paper", "destroying")


@router.post("/paper/moves/{move_id}/witness", summary="Witness a destruction as the second person")
def witness(inst: Inst, who: Actor, move_id: str) -> Response:
    paper.witness(inst, who, move_id)
    return go("/paper", "destroyed")
