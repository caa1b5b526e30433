"""Signing in and out, the one-time link, the language, and the demonstration's change of person."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import Response

from lianfang.api.security import COOKIE, LANGUAGE, Actor, Inst, Reader, same_origin
from lianfang.api.view import go, page
from lianfang.foundation.errors import NotSignedIn, Refused
from lianfang.services import accounts
from lianfang.services.installation import Installation

router = APIRouter(tags=["sign in"])
Short = Annotated[str, Form(max_length=200)]


def _with_session(answer: Response, token: str) -> Response:
    answer.set_cookie(COOKIE, token, path="/", secure=True, httponly=True, samesite="lax")
    return answer


def _from(request: Request) -> dict[str, str]:
    client = request.client.host if request.client else ""
    return {"address": client, "agent": request.headers.get("user-agent", "")[:200]}


#: Where a role's work begins; the others begin at Today.
HOMES = {"community_worker": "/my", "laboratory": "/laboratory", "administrator": "/public"}


def _home(inst: Installation, token: str) -> str:
    who, _ = accounts.session(inst, token)
    return HOMES.get(who.role, "/today")


@router.get("/", summary="To the page where one's work begins")
def root(inst: Inst, who: Reader) -> Response:
    return go(HOMES.get(who.role, "/today"))


@router.get("/signin", summary="Sign-in page")
def signin(request: Request, inst: Inst) -> Response:
    return page(request, "signin.html", failed=False)


@router.post("/signin", summary="Sign in with name and password")
def signin_do(request: Request, inst: Inst, name: Short, password: Short) -> Response:
    same_origin(request)
    try:
        token = accounts.sign_in(inst, name, password, **_from(request))
    except NotSignedIn:
        return page(request, "signin.html", status=401, failed=True)
    return _with_session(go(_home(inst, token)), token)


@router.get("/enter", summary="Page of a one-time link")
def enter(request: Request, inst: Inst, link: Annotated[str, Query(max_length=100)] = "") -> Response:
    return page(request, "enter.html", link=link)


@router.post("/enter", summary="Sign in with a one-time link")
def enter_do(request: Request, inst: Inst, link: Short) -> Response:
    same_origin(request)
    token = accounts.sign_in_by_link(inst, link, **_from(request))
    return _with_session(go(_home(inst, token)), token)


@router.post("/signout", summary="Sign out")
def signout(request: Request, inst: Inst, who: Actor) -> Response:
    accounts.sign_out(inst, request.cookies[COOKIE])
    answer = go("/signin")
    answer.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="lax")
    return answer


@router.post("/language", summary="Choose the language")
def choose(request: Request, lang: Short, back: Short = "/today") -> Response:
    same_origin(request)
    safe = back if back.startswith("/") and not back.startswith(("//", "/\\")) else "/today"
    answer = go(safe)
    answer.set_cookie(LANGUAGE, "en" if lang == "en" else "zh", path="/", samesite="lax", max_age=31_536_000)
    return answer


@router.post("/demonstration/person", summary="Act as another person of the demonstration")
def person(request: Request, inst: Inst, who: Actor, account: Short, back: Short = "/today") -> Response:
    """Only in a demonstration installation, whose people are invented; the button says so."""
    if not inst.settings.demonstration or account not in {name for name, _, _ in accounts.DEMONSTRATION}:
        raise Refused("This is no demonstration installation.", code="no_demonstration")
    token = accounts.sign_in_by_link(inst, accounts.link(inst, account), **_from(request))
    accounts.sign_out(inst, request.cookies[COOKIE])
    return _with_session(go(_home(inst, token), "switched"), token)
