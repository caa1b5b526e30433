"""Gifts for everybody, without signing in: what was given and needed, one's own gift, the real accounts."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import RedirectResponse, Response

from lianfang.api.pages.public import Known
from lianfang.api.security import Inst, public_form
from lianfang.api.view import go, page
from lianfang.foundation.errors import NotFound
from lianfang.services import gifts, receipts
from lianfang.services.gifts.donors import digest

router = APIRouter(tags=["public"])
Code = Annotated[str, Form(max_length=80)]
Asked = Annotated[str, Form(max_length=200)]


@router.get("/public/gifts", dependencies=Known, summary="What was given, where it is, what is missing")
def overview(request: Request, inst: Inst) -> Response:
    return page(request, "public_gifts.html", seen=gifts.overview(inst))


@router.post("/public/gifts", dependencies=[*Known, Depends(public_form)], summary="To one's own gift")
def find(inst: Inst, code: Code) -> RedirectResponse:
    if not digest(code):  # what is no code goes into no address
        raise NotFound("No gift has this code.", hint="Look at the receipt: five groups of four letters.")
    return go(f"/public/gifts/{''.join(c for c in code.upper() if c.isalnum())}")


@router.get("/public/gifts/{code}", dependencies=Known, summary="One's own gift by the code of the receipt")
def one(request: Request, inst: Inst, code: str) -> Response:
    followed = gifts.follow(inst, code)
    kept = receipts.codes(inst, gifts.indices(followed["gifts"]))
    return page(request, "public_gift.html", code=code, receipts=kept, **followed)


@router.post(
    "/public/gifts/{code}/unname",
    dependencies=[*Known, Depends(public_form)],
    summary="The donor takes his name off the public page",
)
def unname(inst: Inst, code: str) -> RedirectResponse:
    gifts.unwish(inst, code)
    return go(f"/public/gifts/{code}", "gift_unnamed")


@router.get("/public/accounts", dependencies=Known, summary="The real accounts and collection points")
def accounts(request: Request, inst: Inst) -> Response:
    return page(request, "public_accounts.html", found=gifts.registered(inst), told=None)


@router.post(
    "/public/accounts", dependencies=[*Known, Depends(public_form)], summary="Is this the real account?"
)
def check(request: Request, inst: Inst, number: Asked, name: Asked = "") -> Response:
    told = gifts.check_account(inst, number, name)
    return page(request, "public_accounts.html", found=gifts.registered(inst), told=told)
