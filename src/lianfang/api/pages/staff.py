"""The administrator's page of accounts, and the page on which terminals are approved."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import Response

from lianfang.api.security import Actor, Inst, Reader
from lianfang.api.view import go, page
from lianfang.services import accounts, staff, terminals

router = APIRouter(tags=["staff"])
Short = Annotated[str, Form(max_length=200)]
Search = Annotated[str, Form(max_length=80)]
Number = Annotated[int, Query(ge=1, le=100_000)]
Day = Annotated[date, Form()]


@router.get("/accounts", summary="Accounts, a page of them: roles, training, factors, sessions")
def listing(request: Request, inst: Inst, who: Reader, number: Number = 1) -> Response:
    shown = staff.page(inst, who, number=number)
    return page(request, "accounts.html", shown=shown, link="", linked="")


@router.post("/accounts/search", summary="Accounts by name; a colleague's name stands in no address")
def search(
    request: Request,
    inst: Inst,
    who: Actor,
    search: Search = "",
    number: Annotated[int, Form(ge=1, le=100_000)] = 1,
) -> Response:
    shown = staff.page(inst, who, search=search, number=number)
    return page(request, "accounts.html", shown=shown, link="", linked="")


@router.post("/accounts", summary="Add a named account; its one-time link is shown once")
def add(
    request: Request,
    inst: Inst,
    who: Actor,
    name: Short,
    role: Short,
    until: Day,
    display: Short = "",
    area: Short = "",
    trained_until: Annotated[date | None, Form()] = None,
) -> Response:
    days = (until - inst.today()).days
    accounts.add(
        inst, who, name, role=role, display=display, area=area, days=days, trained_until=trained_until
    )
    return _with_link(request, inst, who, name)


@router.post("/accounts/{name}/link", summary="A one-time link for an account, shown once")
def link(request: Request, inst: Inst, who: Actor, name: str) -> Response:
    return _with_link(request, inst, who, name)


def _with_link(request: Request, inst: Inst, who: Actor, name: str) -> Response:
    made = f"{inst.settings.public_url}/enter?link={accounts.link(inst, name, who)}"
    shown = staff.page(inst, who, search=name)
    return page(request, "accounts.html", shown=shown, link=made, linked=name)


@router.post("/accounts/{name}/roles", summary="Give a role for an area and a time")
def give(
    request: Request, inst: Inst, who: Actor, name: str, role: Short, until: Day, area: Short = ""
) -> Response:
    staff.give_role(inst, who, name, role=role, area=area, until=until)
    return go("/accounts", "role_given")


@router.post("/accounts/{name}/roles/{role_id}/take", summary="Take a role back, at once")
def take(request: Request, inst: Inst, who: Actor, name: str, role_id: str) -> Response:
    staff.take_role(inst, who, name, role_id)
    return go("/accounts", "role_taken")


@router.post("/accounts/{name}/disable", summary="Disable an account, at once")
def disable(request: Request, inst: Inst, who: Actor, name: str) -> Response:
    staff.disable(inst, who, name)
    return go("/accounts", "disabled")


@router.post("/accounts/{name}/enable", summary="Enable an account again")
def enable(request: Request, inst: Inst, who: Actor, name: str) -> Response:
    staff.enable(inst, who, name)
    return go("/accounts", "enabled")


@router.post("/accounts/{name}/sessions/end", summary="End all sessions of an account")
def sessions_end(request: Request, inst: Inst, who: Actor, name: str) -> Response:
    staff.end_sessions(inst, who, name)
    return go("/accounts", "session_ended")


@router.post("/accounts/{name}/training", summary="Note until when a person's training counts")
def training(request: Request, inst: Inst, who: Actor, name: str, until: Day) -> Response:
    staff.note_training(inst, who, name, until)
    return go("/accounts", "trained")


@router.post("/accounts/{name}/reset", summary="Take a person's second factors away")
def reset(request: Request, inst: Inst, who: Actor, name: str) -> Response:
    staff.reset_factors(inst, who, name)
    return go("/accounts", "reset")


@router.get("/terminals", summary="Terminals: those that wait, those registered, those revoked")
def devices(request: Request, inst: Inst, who: Reader) -> Response:
    return page(request, "terminals.html", terminals=terminals.listing(inst, who))


@router.post("/terminals/{terminal_id}/approve", summary="Register a terminal that was asked for")
def approve(request: Request, inst: Inst, who: Actor, terminal_id: str) -> Response:
    terminals.approve(inst, who, terminal_id)
    return go("/terminals", "terminal_approved")


@router.post("/terminals/{terminal_id}/revoke", summary="Revoke a terminal")
def revoke(request: Request, inst: Inst, who: Actor, terminal_id: str) -> Response:
    terminals.revoke(inst, who, terminal_id)
    return go("/terminals", "terminal_revoked")
