"""What the public sees without signing in: bulletins with their proof."""

from __future__ import annotations

from contextlib import suppress

from fastapi import APIRouter, Depends, Request
from starlette.responses import PlainTextResponse, Response

from lianfang.api.pace import paced
from lianfang.api.security import Inst, signed_in
from lianfang.api.view import attachment, language, page
from lianfang.foundation.errors import LianfangError
from lianfang.services import bulletin, notices

router = APIRouter(tags=["public"])


def known(request: Request) -> None:
    """A signed-in reader keeps the page's head as on every other page; nobody has to be one."""
    with suppress(LianfangError):
        signed_in(request)


Known = [Depends(known)]
Paced = paced("public")


@router.get("/public", dependencies=Known, summary="All bulletins")
def all_bulletins(request: Request, inst: Inst) -> Response:
    return page(request, "bulletins.html", bulletins=bulletin.published(inst))


# before the bulletins, whose path would take it
@router.get(
    "/public/notices/{code}", dependencies=[Paced, *Known], summary="Whether a notice is the authority's"
)
def notice(request: Request, inst: Inst, code: str) -> Response:
    return page(request, "notice.html", told=notices.verify(inst, code))


@router.get("/public/{event_id}/{number}", dependencies=[Paced, *Known], summary="A bulletin with its proof")
def one(request: Request, inst: Inst, event_id: str, number: int) -> Response:
    shown = bulletin.show(inst, event_id, number, language(request))
    return page(request, "bulletin.html", **shown)


@router.get(
    "/public/{event_id}/{number}/proof",
    dependencies=[Paced],
    summary="The bulletin's signed file, to verify offline",
)
def proof(inst: Inst, event_id: str, number: int) -> Response:
    name = f"bulletin-{event_id}-{number}.lianfang.json"
    return PlainTextResponse(
        bulletin.document(inst, event_id, number),
        media_type="application/json",
        headers=attachment(name),
    )


@router.get("/public/key", summary="The authority's public key")
def key(inst: Inst) -> dict[str, str]:
    return inst.signer.public.to_json()
