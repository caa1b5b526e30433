"""The engines of diagnosis at the desk: one genome, one person's findings; ``folding`` has one RNA. Nothing is kept."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import Response

from lianfang.api.security import Actor, Costly, Inst, Reader
from lianfang.api.view import page
from lianfang.services import treating
from lianfang.services.gate import require
from lianfang.treat import casedef
from lianfang.treat.genome import REASONS

router = APIRouter(tags=["treat"])
Sequence = Annotated[str, Form(max_length=80_000)]
Word = Annotated[str, Form(max_length=40)]
Marked = Annotated[list[Word], Form(max_length=60)]
Number = Annotated[float | None, Form(ge=0, le=2000)]


def _page(request: Request, edition: str = "", **found: Any) -> Response:
    known = casedef.all_editions()
    chosen = known.get(edition) or list(known.values())[-1]
    words = casedef.findings()
    found = {"case": None, "genome": None, "marked": None, **found}
    asked = [(name, words[name]) for name in words if name in chosen.asks]
    return page(
        request, "treat.html", editions=known.values(), edition=chosen, asked=asked, named=words, reasons=REASONS,
        classes=casedef.CLASSES, severities=casedef.SEVERITIES, reminder=casedef.NOTICE, **found,
    )  # fmt: skip


@router.get("/treat", summary="Read a genome, who counts as a case; the way to folding")
def treat(
    request: Request, inst: Inst, who: Reader, edition: Annotated[str, Query(max_length=40)] = ""
) -> Response:
    require(who, "treat.use")
    return _page(request, edition)


@router.post("/treat/genome", dependencies=[Costly], summary="Read one genome")
def genome(request: Request, inst: Inst, who: Actor, sequence: Sequence) -> Response:
    return _page(request, genome=treating.read_genome(inst, who, sequence))


@router.post("/treat/casedef", dependencies=[Costly], summary="Classify one person's findings")
def classify(
    request: Request,
    inst: Inst,
    who: Actor,
    edition: Word,
    yes: Marked = [],  # noqa: B006 (FastAPI copies it)
    no: Marked = [],  # noqa: B006
    respiratory_rate: Number = None,
    oxygen_saturation: Number = None,
    pao2_fio2: Number = None,
    lesion_growth: Number = None,
) -> Response:
    given = {
        "respiratory_rate": respiratory_rate,
        "oxygen_saturation": oxygen_saturation,
        "pao2_fio2": pao2_fio2,
        "lesion_growth": lesion_growth,
    }
    numbers = {name: value for name, value in given.items() if value is not None}
    found = treating.classify(inst, who, yes, no, numbers, edition)
    return _page(request, edition, case=found, marked={"yes": yes, "no": no, **numbers})
