"""What the genomes of an event's samples say."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from lianfang.api.security import Inst, Reader
from lianfang.api.view import page
from lianfang.services import genomes
from lianfang.treat.genome import REASONS

router = APIRouter(tags=["laboratory"])


@router.get("/genomes/{event_id}", summary="An event's genomes: clusters, links, primers that no longer fit")
def view(request: Request, inst: Inst, who: Reader, event_id: str) -> Response:
    found = genomes.view(inst, who, event_id)
    return page(request, "genomes.html", traced=found.pop("links"), **found, reasons=REASONS)
