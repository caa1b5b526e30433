"""The laboratory's folding page: a sequence in, its structure, energy and open sites, one region of it at a time."""

from __future__ import annotations

import json
from copy import copy
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Query, Request, UploadFile
from pydantic import WithJsonSchema
from starlette.responses import Response

from lianfang.api.security import Actor, Costly, Inst, Reader
from lianfang.api.view import attachment, go, language, page
from lianfang.foundation.errors import Conflict, NotFound
from lianfang.services.folding import desk, files

router = APIRouter(tags=["treat"])
#: A position of a sequence, and the bases of a probe or primer.
At = Annotated[int, Query(ge=0, le=desk.MOST_BASES)]
Length = Annotated[int, Query(ge=8, le=60)]
Upload = Annotated[
    UploadFile, WithJsonSchema({"type": "string", "format": "binary", "maxLength": desk.MOST_BYTES})
]
ENDINGS = {"dot-bracket": "dbn", "ct": "ct", "bpseq": "bpseq", "json": "json", "svg": "svg"}
MOST_SHOWN = 600  # bases of a region that stand as letters on the page


@router.get("/treat/folding", summary="A form for a sequence, and the folds of the last hour")
def form(request: Request, inst: Inst, who: Reader) -> Response:
    held = desk.listing(request.app.state.folding, who)
    return page(request, "folding.html", held=held, kinds=desk.KINDS, beams=desk.BEAMS, most=desk.MOST_BASES)


@router.post("/treat/folding", dependencies=[Costly], summary="Fold a pasted or uploaded sequence")
def start(
    request: Request,
    inst: Inst,
    who: Actor,
    sequence: Annotated[str, Form(max_length=200_000)] = "",
    file: Annotated[Upload | None, File()] = None,
    kind: Annotated[str, Form(max_length=20)] = "mfe",
    beam: Annotated[int, Form()] = 100,
) -> Response:
    raw = file.file.read(desk.MOST_BYTES + 1) if file is not None and file.size else sequence.encode()
    fold_id = desk.start(request.app.state.folding, who, raw, kind=kind, beam=beam)
    return go(f"/treat/folding/{fold_id}")


@router.get("/treat/folding/{fold_id}", summary="One fold, or how far it is; a region of it")
def show(
    request: Request,
    inst: Inst,
    who: Reader,
    fold_id: str,
    start: Annotated[int, Query(alias="from", ge=0, le=desk.MOST_BASES)] = 0,
    to: At = 0,
    length: Length = 22,
) -> Response:
    # as it stands now: the fold may end while its page is being made
    held = copy(desk.show(request.app.state.folding, who, fold_id))
    seen, chart = {}, {}
    if held.folded is not None:
        first, last = _region(held.bases, start, to)
        seen = _seen(held.folded, first, last, length)
        chart = {"svg": str(held.folded.picture(first, last, language(request)))}
    return page(request, "folding_one.html", held=held, seen=seen, chart=chart)


@router.get(
    "/treat/folding/{fold_id}/files/{form}",
    summary="A fold as a file other programs read, or a region as SVG",
)
def download(
    request: Request,
    inst: Inst,
    who: Reader,
    fold_id: str,
    form: str,
    start: Annotated[int, Query(alias="from", ge=0, le=desk.MOST_BASES)] = 0,
    to: At = 0,
) -> Response:
    held = desk.show(request.app.state.folding, who, fold_id)
    if form not in ENDINGS:
        raise NotFound("There is no such form of a fold.", hint=f"There are {', '.join(ENDINGS)}.")
    if held.folded is None:
        raise Conflict("This fold is not ready.")
    fold, kind = held.folded.fold, "text/plain"
    if form == "svg":
        first, last = _region(len(fold.sequence), start, to)
        text, kind = held.folded.picture(first, last, language(request)).file(), "image/svg+xml"
    elif form == "json":
        text, kind = json.dumps(held.folded.document(), ensure_ascii=False), "application/json"
    else:
        text = files.written(fold, form)
    headers = attachment(f"{held.name}.{ENDINGS[form]}")
    return Response(text, media_type=f"{kind}; charset=utf-8", headers=headers)


@router.post("/treat/folding/{fold_id}/forget", summary="Forget a fold now")
def forget(request: Request, inst: Inst, who: Actor, fold_id: str) -> Response:
    desk.forget(request.app.state.folding, who, fold_id)
    return go("/treat/folding", "folding_forgotten")


def _region(bases: int, start: int, to: int) -> tuple[int, int]:
    """The region asked for as far as there is one: 0 is an end that was not given; at least 20 bases."""
    first = min(max(start, 1), bases)
    last = min(to or bases, bases)
    if last - first < 19:
        first = max(1, min(first, bases - 19))
        last = min(bases, first + 19)
    return first, last


def _seen(folded: desk.Folded, first: int, last: int, length: int) -> dict[str, Any]:
    """What the page shows of a region beside its picture."""
    bases = len(folded.fold.sequence)
    half, width = (last - first + 1) // 2, last - first + 1
    views = {
        "nearer": (first + width // 4, last - width // 4),
        "farther": (max(1, first - half), min(bases, last + half)),
        "left": (max(1, first - half), max(1, first - half) + width - 1),
        "right": (max(1, min(bases, last + half) - width + 1), min(bases, last + half)),
        "whole": (1, bases),
    }
    end = max(first, last - min(length, bases) + 1)
    return {
        "first": first,
        "last": last,
        "length": min(length, bases),
        "views": views,
        "letters": folded.lines(first, last) if width <= MOST_SHOWN else [],
        "open": files.best_windows(folded.ensemble, min(length, bases), 10, first, end).to_dicts(),
        "sites": [one for one in folded.sites if one.open.end >= first and one.open.start <= last],
        "most": MOST_SHOWN,
    }
