"""Signing in and out, the one-time link, the language, and the demonstration's change of person."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import Response

from lianfang.api.security import COOKIE, LANGUAGE, Actor, Inst, same_origin
from lianfang.api.view import go, page
from lianfang.foundation.errors import NotSignedIn, Refused
from lianfang.services import accounts

router = APIRouter(tags=["sign in"])
Short = Annotated[str, Form(max_length=200)]


def _with_session(answer: Response, token: str) -> Response:
    answer.set_cookie(COOKIE, token, path="/", secure=True, httponly=True, samesite="lax")
    return answer


def _from(request: Request) -> dict[str, str]:
    client = request.client.host if request.client else ""
    return {"address": client, "agent": request.headers.get("user-agent", "")[:200]}


@router.get("/", include_in_schema=False)
def root() -> Response:
    return go("/today")


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
    return _with_session(go("/today"), token)


@router.get("/enter", summary="Page of a one-time link")
def enter(request: Request, inst: Inst, link: Annotated[str, Query(max_length=100)] = "") -> Response:
    return page(request, "enter.html", link=link)


@router.post("/enter", summary="Sign in with a one-time link")
def enter_do(request: Request, inst: Inst, link: Short) -> Response:
    same_origin(request)
    return _with_session(go("/today"), accounts.sign_in_by_link(inst, link, **_from(request)))


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
    home = {"community_worker": "/my", "laboratory": "/laboratory", "auditor": "/log"}
    role = next(role for name, _, role in accounts.DEMONSTRATION if name == account)
    return _with_session(go(home.get(role, "/today"), "switched"), token)
