"""JSON routes of inspection."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import Response

from lianfang.api.security import Actor, Costly, Inst, Reader
from lianfang.services import assessment, inspection

router = APIRouter(tags=["api"])
Days = Annotated[int, Query(ge=1, le=366)]


@router.get("/inspect", dependencies=[Costly], summary="The report of an inspection")
def inspect(inst: Inst, who: Reader, days: Days = 30) -> dict[str, Any]:
    return inspection.report(inst, who, days=days)


@router.post(
    "/inspect", dependencies=[Costly], summary="The report as a signed file, whose every byte counts"
)
def signed(inst: Inst, who: Actor, days: Days = 30) -> Response:
    return Response(inspection.document(inst, who, days=days)[0], media_type="application/json")


@router.get("/inspect/assessment", dependencies=[Costly], summary="The impact assessment")
def assess(inst: Inst, who: Reader, event: Annotated[str, Query(max_length=80)] = "") -> dict[str, Any]:
    return assessment.assessment(inst, who, event_id=event)
