"""JSON routes of paper forms."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field

from lianfang.api.rest.routes import Body, Name
from lianfang.api.security import Actor, Inst, Reader
from lianfang.foundation.canonical import plain
from lianfang.services import paper

router = APIRouter(tags=["api"])


class IssueBody(Body):
    form: Name
    count: Annotated[int, Field(ge=1, le=100_000)]
    to: Name
    days: Annotated[int, Field(ge=1, le=1000)] = 3


class SheetsBody(Body):
    sheets: Annotated[str, Field(max_length=8000)]


class LostBody(SheetsBody):
    cause: Name


@router.get("/paper", summary="Batches of paper forms")
def listing(inst: Inst, who: Reader, event: Annotated[str, Query(max_length=80)] = "") -> Any:
    return plain(paper.listing(inst, who, event_id=event))


@router.get("/paper/{batch_id}", summary="A batch and what became of its sheets")
def show(inst: Inst, who: Reader, batch_id: Name) -> Any:
    return plain(paper.show(inst, who, batch_id))


@router.post("/events/{event_id}/paper", status_code=201, summary="Issue a batch of paper forms")
def issue(inst: Inst, who: Actor, event_id: Name, body: IssueBody) -> Any:
    return plain(paper.issue(inst, who, event_id, body.form, body.count, to=body.to, days=body.days))


@router.post("/paper/{batch_id}/return", summary="Sheets are back")
def take_back(inst: Inst, who: Actor, batch_id: Name, body: SheetsBody) -> Any:
    return plain(paper.take_back(inst, who, batch_id, body.sheets))


@router.post("/paper/{batch_id}/lost", summary="Sheets are missing or spoilt")
def lost(inst: Inst, who: Actor, batch_id: Name, body: LostBody) -> Any:
    return plain(paper.lost(inst, who, batch_id, body.sheets, body.cause))


@router.post("/paper/{batch_id}/destroy", summary="Returned sheets are being destroyed")
def destroy(inst: Inst, who: Actor, batch_id: Name, body: SheetsBody) -> Any:
    return plain(paper.destroy(inst, who, batch_id, body.sheets))


@router.post("/paper/moves/{move_id}/witness", summary="Witness a destruction as the second person")
def witness(inst: Inst, who: Actor, move_id: Name) -> Any:
    return plain(paper.witness(inst, who, move_id))
