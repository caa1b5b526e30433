"""Signing in and out, the one-time link, the language, and the demonstration's change of person."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import Response

from lianfang.api.pace import paced
from lianfang.api.security import (
    COOKIE,
    LANGUAGE,
    TERMINAL,
    Actor,
    FromAddress,
    Inst,
    Reader,
    SelfActor,
    same_origin,
    with_session,
    with_terminal,
)
from lianfang.api.view import go, page
from lianfang.foundation.errors import NotSignedIn, Refused
from lianfang.services import accounts, terminals
from lianfang.services.installation import Installation

router = APIRouter(tags=["sign in"])
Short = Annotated[str, Form(max_length=200, pattern=r"^[^\x00]*$")]
Secret = Annotated[str, Form(max_length=1000, pattern=r"^[^\x00]*$")]


def _from(request: Request) -> dict[str, str]:
    client = request.client.host if request.client else ""
    return {"address": client, "agent": request.headers.get("user-agent", "")[:200]}


#: Where a role's work begins; the others begin at Today.
HOMES = {
    "community_worker": "/my",
    "laboratory": "/laboratory",
    "administrator": "/accounts",
    "clinician": "/gifts/needs",
    "supply_officer": "/gifts",
    "holder": "/public",
}


def home(inst: Installation, token: str) -> str:
    """Where the one who has just signed in goes on: to the second factor, to his work, or to his account."""
    who, session = accounts.known(inst, token)
    if session.level < 2:
        return "/second"
    return HOMES.get(who.role, "/today") if who.role else "/account"


@router.get("/", summary="To the page where one's work begins")
def root(inst: Inst, who: Reader) -> Response:
    return go(HOMES.get(who.role, "/today"))


@router.get("/signin", summary="Sign-in page")
def signin(request: Request, inst: Inst) -> Response:
    return page(request, "signin.html", failed=False)


@router.post("/signin", dependencies=[FromAddress], summary="Sign in with name and password")
def signin_do(request: Request, inst: Inst, name: Short, password: Secret) -> Response:
    same_origin(request)
    try:
        token = accounts.sign_in(inst, name, password, **_from(request))
    except NotSignedIn:
        return page(request, "signin.html", status=401, failed=True)
    return with_session(go(home(inst, token)), token)


@router.get("/enter", summary="Page of a one-time link")
def enter(request: Request, inst: Inst, link: Annotated[str, Query(max_length=100)] = "") -> Response:
    return page(request, "enter.html", link=link)


@router.post("/enter", dependencies=[paced("public")], summary="Sign in with a one-time link")
def enter_do(request: Request, inst: Inst, link: Short) -> Response:
    same_origin(request)
    token = accounts.sign_in_by_link(inst, link, **_from(request))
    return _entered(request, inst, token, "")


def _entered(request: Request, inst: Installation, token: str, done: str) -> Response:
    """On to one's work; a demonstration's device is registered on the way, as the page says."""
    answer = with_session(go(home(inst, token), done), token)
    if not inst.settings.demonstration:
        return answer
    device = request.cookies.get(TERMINAL, "") or terminals.device()
    terminals.register_demonstration(inst, accounts.known(inst, token)[1].account_id, device)
    return with_terminal(answer, device)


@router.post("/signout", summary="Sign out")
def signout(request: Request, inst: Inst, who: SelfActor) -> Response:
    accounts.sign_out(inst, request.cookies[COOKIE])
    answer = go("/signin")
    answer.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="lax")
    answer.headers["Clear-Site-Data"] = (
        '"cache", "storage"'  # the terminal's cookie stays: it signs nobody in
    )
    return answer


@router.post("/language", summary="Choose the language")
def choose(request: Request, lang: Short, back: Short = "/today") -> Response:
    same_origin(request)
    answer = go(safe_path(back))
    chosen = "en" if lang == "en" else "zh"
    answer.set_cookie(
        LANGUAGE, chosen, path="/", secure=True, httponly=True, samesite="lax", max_age=31_536_000
    )
    return answer


def safe_path(back: str, otherwise: str = "/today") -> str:
    """A path of this site to go back to; anything that would lead elsewhere gives ``otherwise``."""
    # browsers read a backslash as a slash, and take tabulators and line breaks out before they read
    wrong = any(c == "\\" or ord(c) < 33 or ord(c) == 127 for c in back)
    return back if back.startswith("/") and not back.startswith("//") and not wrong else otherwise


@router.post("/demonstration/person", summary="Act as another person of the demonstration")
def person(request: Request, inst: Inst, who: Actor, account: Short, back: Short = "/today") -> Response:
    """Only in a demonstration installation, whose people are invented; the button says so."""
    if not inst.settings.demonstration or account not in {name for name, _, _ in accounts.DEMONSTRATION}:
        raise Refused("This is no demonstration installation.", code="no_demonstration")
    token = accounts.sign_in_by_link(inst, accounts.link(inst, account), **_from(request))
    accounts.sign_out(inst, request.cookies[COOKIE])
    return _entered(request, inst, token, "switched")
