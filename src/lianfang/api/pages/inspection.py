"""Inspection: the report on the live installation, to read, to print and to take along signed."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from lianfang.api.security import Actor, Costly, Inst, Reader
from lianfang.api.view import attachment, language, page
from lianfang.services import assessing, assessment, inspection

router = APIRouter(tags=["inspection"])
Days = Annotated[int, Query(ge=1, le=366)]


@router.get("/inspect", dependencies=[Costly], summary="The report of an inspection, findings first")
def inspect(request: Request, inst: Inst, who: Reader, days: Days = 30) -> Response:
    return page(request, "inspect.html", report=inspection.report(inst, who, days=days))


@router.post("/inspect", dependencies=[Costly], summary="The report as a signed file")
def signed(inst: Inst, who: Actor, days: Days = 30) -> Response:
    text, content = inspection.document(inst, who, days=days)
    name = f"inspection-{content['authority']}-{content['made_at'][:10]}.json"
    return Response(text, media_type="application/json", headers=attachment(name))


@router.get(
    "/inspect/assessment", dependencies=[Costly], summary="The impact assessment, as a text to fill in"
)
def assess(
    request: Request, inst: Inst, who: Reader, event: Annotated[str, Query(max_length=80)] = ""
) -> Response:
    content = assessment.assessment(inst, who, event_id=event)
    headers = attachment(f"assessment-{content['controller']['id']}.md")
    text = assessing.markdown(content, language(request))
    return Response(text, media_type="text/markdown; charset=utf-8", headers=headers)
