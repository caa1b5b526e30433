"""JSON routes of accounts: one's own (also those that the passkey script calls), the administrator's, terminals."""

from __future__ import annotations

import json
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import Field
from starlette.responses import JSONResponse, Response

from lianfang.api.pages.account import address
from lianfang.api.pages.signin import home
from lianfang.api.rest.routes import Body, Name
from lianfang.api.security import (
    COOKIE,
    TERMINAL,
    Actor,
    FromAddress,
    Inst,
    Reader,
    Self,
    SelfActor,
    form_token,
    own_session,
    with_session,
    with_terminal,
)
from lianfang.foundation.canonical import plain
from lianfang.services import accounts, factors, staff, terminals

router = APIRouter(tags=["accounts"])
Secret = Annotated[str, Field(max_length=1000)]
Label = Annotated[str, Field(max_length=60)]
Number = Annotated[int, Query(ge=1, le=100_000)]
Size = Annotated[int, Query(ge=1, le=200)]


class ProveBody(Body):
    code: Name = ""
    password: Secret = ""


class CodeBody(Body):
    code: Name


class PasswordBody(Body):
    password: Secret


class CredentialBody(Body):
    credential: dict[str, Any]


class PasskeyBody(Body):
    credential: dict[str, Any]
    label: Label


class LabelBody(Body):
    label: Label


class SearchBody(Body):
    search: Annotated[str, Field(max_length=80)]
    number: Annotated[int, Field(ge=1, le=100_000)] = 1
    size: Annotated[int, Field(ge=1, le=200)] = 50


class RoleBody(Body):
    role: Name


class AddBody(Body):
    name: Name
    role: Name
    display: Name = ""
    area: Name = ""
    days: Annotated[int, Field(ge=1, le=366)] = 365
    trained_until: date | None = None


class GiveBody(Body):
    role: Name
    area: Name = ""
    until: date


class UntilBody(Body):
    until: date


def _risen(inst: Inst, token: str) -> Response:
    """The session goes on under this token; the form's token belongs to it."""
    return with_session(JSONResponse({"token": form_token(token), "next": home(inst, token)}), token)


@router.get("/account", summary="One's own account: factors, sessions, terminals, training")
def own_account(request: Request, inst: Inst, who: Self) -> Any:
    return plain(factors.overview(inst, who, own_session(request)))


@router.post(
    "/second",
    dependencies=[FromAddress],
    summary="The second factor, or a recent proof: a code or the password",
)
def second(request: Request, inst: Inst, who: SelfActor, body: ProveBody) -> Response:
    token = factors.prove(
        inst,
        who,
        own_session(request),
        request.cookies[COOKIE],
        code=body.code,
        password=body.password,
        address=address(request),
    )
    return _risen(inst, token)


@router.post("/second/passkey/options", summary="Options with which the browser shows a passkey")
def second_options(request: Request, inst: Inst, who: SelfActor) -> Any:
    return json.loads(factors.passkey_request(inst, own_session(request)))


@router.post("/second/passkey", summary="The second factor, or a recent proof: a passkey")
def second_passkey(request: Request, inst: Inst, who: SelfActor, body: CredentialBody) -> Response:
    session, token = own_session(request), request.cookies[COOKIE]
    risen = factors.prove_by_passkey(inst, who, session, token, body.credential, address=address(request))
    return _risen(inst, risen)


@router.post("/account/password", status_code=204, summary="A new password of one's own")
def password(request: Request, inst: Inst, who: SelfActor, body: PasswordBody) -> None:
    factors.set_password(inst, who, own_session(request), body.password)


@router.post("/account/totp", status_code=201, summary="A new seed for one-time passwords")
def totp(request: Request, inst: Inst, who: SelfActor) -> dict[str, str]:
    return factors.begin_totp(inst, who, own_session(request))


@router.post("/account/totp/confirm", summary="The first code: from now on it counts")
def totp_confirm(request: Request, inst: Inst, who: SelfActor, body: CodeBody) -> Response:
    return _risen(
        inst, factors.confirm_totp(inst, who, own_session(request), request.cookies[COOKIE], body.code)
    )


@router.post("/account/totp/remove", status_code=204, summary="Remove one-time passwords")
def totp_remove(request: Request, inst: Inst, who: SelfActor) -> None:
    factors.remove_totp(inst, who, own_session(request))


@router.post("/account/recovery", status_code=201, summary="Ten new recovery codes")
def recovery(request: Request, inst: Inst, who: SelfActor) -> dict[str, list[str]]:
    return {"codes": factors.recovery_codes(inst, who, own_session(request))}


@router.post("/account/passkeys/options", summary="Options with which the browser makes a passkey")
def passkey_options(request: Request, inst: Inst, who: SelfActor) -> Any:
    return json.loads(factors.passkey_registration(inst, who, own_session(request)))


@router.post("/account/passkeys", summary="Keep the passkey that the browser made")
def passkey(request: Request, inst: Inst, who: SelfActor, body: PasskeyBody) -> Response:
    session, token = own_session(request), request.cookies[COOKIE]
    return _risen(inst, factors.register_passkey(inst, who, session, token, body.credential, body.label))


@router.post("/account/passkeys/{passkey_id}/remove", status_code=204, summary="Remove a passkey")
def passkey_remove(request: Request, inst: Inst, who: SelfActor, passkey_id: Name) -> None:
    factors.remove_passkey(inst, who, own_session(request), passkey_id)


@router.post("/account/sessions/{session_id}/end", status_code=204, summary="End one of one's own sessions")
def session_end(request: Request, inst: Inst, who: SelfActor, session_id: Name) -> None:
    factors.end_session(inst, who, own_session(request), session_id)


@router.post("/account/sessions/end", summary="End all one's other sessions")
def sessions_end(request: Request, inst: Inst, who: SelfActor) -> dict[str, int]:
    return {"ended": factors.end_other_sessions(inst, who, own_session(request))}


@router.post("/account/terminals", status_code=201, summary="Ask for this device to be registered")
def terminal_ask(request: Request, inst: Inst, who: SelfActor, body: LabelBody) -> Response:
    token = request.cookies.get(TERMINAL, "") or terminals.device()
    made = terminals.ask(inst, who, own_session(request), token, body.label)
    return with_terminal(JSONResponse({"terminal_id": made}, status_code=201), token)


@router.post("/account/role", status_code=204, summary="Act in another of one's own roles")
def role(request: Request, inst: Inst, who: SelfActor, body: RoleBody) -> None:
    accounts.act_as(inst, who, own_session(request), body.role)


@router.get("/accounts", summary="Accounts, a page of them: roles, training, factors, sessions")
def listing(inst: Inst, who: Reader, number: Number = 1, size: Size = 50) -> Any:
    return plain(staff.page(inst, who, number=number, size=size))


@router.post("/accounts/search", summary="Accounts by name; a colleague's name stands in no address")
def search(inst: Inst, who: Actor, body: SearchBody) -> Any:
    return plain(staff.page(inst, who, search=body.search, number=body.number, size=body.size))


@router.post("/accounts", status_code=201, summary="Add a named account")
def add(inst: Inst, who: Actor, body: AddBody) -> dict[str, str]:
    accounts.add(inst, who, **body.model_dump())
    return {"account": body.name}


@router.post("/accounts/{name}/link", status_code=201, summary="A one-time link for an account")
def link(inst: Inst, who: Actor, name: Name) -> dict[str, str]:
    return {"link": f"{inst.settings.public_url}/enter?link={accounts.link(inst, name, who)}"}


@router.post("/accounts/{name}/roles", status_code=201, summary="Give a role for an area and a time")
def give(inst: Inst, who: Actor, name: Name, body: GiveBody) -> dict[str, str]:
    return {"role_id": staff.give_role(inst, who, name, **body.model_dump())}


@router.post("/accounts/{name}/roles/{role_id}/take", status_code=204, summary="Take a role back, at once")
def take(inst: Inst, who: Actor, name: Name, role_id: Name) -> None:
    staff.take_role(inst, who, name, role_id)


@router.post("/accounts/{name}/disable", status_code=204, summary="Disable an account, at once")
def disable(inst: Inst, who: Actor, name: Name) -> None:
    staff.disable(inst, who, name)


@router.post("/accounts/{name}/enable", status_code=204, summary="Enable an account again")
def enable(inst: Inst, who: Actor, name: Name) -> None:
    staff.enable(inst, who, name)


@router.post("/accounts/{name}/sessions/end", summary="End all sessions of an account")
def all_end(inst: Inst, who: Actor, name: Name) -> dict[str, int]:
    return {"ended": staff.end_sessions(inst, who, name)}


@router.post("/accounts/{name}/training", status_code=204, summary="Note until when a training counts")
def training(inst: Inst, who: Actor, name: Name, body: UntilBody) -> None:
    staff.note_training(inst, who, name, body.until)


@router.post("/accounts/{name}/reset", status_code=204, summary="Take a person's second factors away")
def reset(inst: Inst, who: Actor, name: Name) -> None:
    staff.reset_factors(inst, who, name)


@router.get("/terminals", summary="Terminals: those that wait, those registered, those revoked")
def devices(inst: Inst, who: Reader) -> Any:
    return plain(terminals.listing(inst, who))


@router.post("/terminals/{terminal_id}/approve", status_code=204, summary="Register a terminal")
def approve(inst: Inst, who: Actor, terminal_id: Name) -> None:
    terminals.approve(inst, who, terminal_id)


@router.post("/terminals/{terminal_id}/revoke", status_code=204, summary="Revoke a terminal (also one's own)")
def revoke(inst: Inst, who: SelfActor, terminal_id: Name) -> None:
    terminals.revoke(inst, who, terminal_id)
