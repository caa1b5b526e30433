"""One's own account: the second factor, factors, sessions, terminals, and which of the own roles one acts in."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import Response

from lianfang.api import charts
from lianfang.api.pages.signin import HOMES, home, safe_path
from lianfang.api.security import (
    COOKIE,
    TERMINAL,
    FromAddress,
    Inst,
    Self,
    SelfActor,
    form_token,
    own_session,
    with_session,
    with_terminal,
)
from lianfang.api.view import go, page
from lianfang.foundation.errors import NotSignedIn, Refused
from lianfang.services import accounts, factors, terminals
from lianfang.services.installation import Installation, Who

router = APIRouter(tags=["account"])
Short = Annotated[str, Form(max_length=200)]
Secret = Annotated[str, Form(max_length=1000)]


def address(request: Request) -> str:
    """Where the request comes from, for the count of failed tries."""
    return request.client.host if request.client else ""


@router.get("/second", summary="Show the second factor, or show again that it is you")
def second(
    request: Request, inst: Inst, who: Self, back: Annotated[str, Query(max_length=200)] = ""
) -> Response:
    session = own_session(request)
    own = factors.overview(inst, who, session)
    if not own["enrolled"] and own["level"] < 2:
        return go("/account")
    return page(request, "second.html", own=own, back=safe_path(back, ""), failed=False)


@router.post("/second", dependencies=[FromAddress], summary="Take a code, a recovery code or the password")
def second_do(
    request: Request,
    inst: Inst,
    who: SelfActor,
    code: Short = "",
    password: Annotated[str | None, Form(max_length=1000)] = None,
    back: Short = "",
) -> Response:
    session = own_session(request)
    try:
        token = factors.prove(
            inst,
            who,
            session,
            request.cookies[COOKIE],
            code=code,
            password=password or "",
            address=address(request),
        )
    except NotSignedIn:
        own = factors.overview(inst, who, session)
        return page(request, "second.html", status=401, own=own, back=safe_path(back, ""), failed=True)
    return with_session(go(safe_path(back, home(inst, token))), token)


@router.post("/second/demonstration", summary="The demonstration's labelled button instead of a factor")
def second_demonstration(request: Request, inst: Inst, who: SelfActor, back: Short = "") -> Response:
    factors.confirm_demonstration(inst, who, own_session(request))
    return go(safe_path(back, HOMES.get(who.role, "/today")))


@router.get("/account", summary="One's own account: factors, sessions, terminals, training")
def own_account(request: Request, inst: Inst, who: Self) -> Response:
    return _shown(request, inst, who)


def _shown(request: Request, inst: Installation, who: Who, **more: Any) -> Response:
    session = own_session(request)
    own = factors.overview(inst, who, session)
    pending = factors.pending_totp(inst, who, session) if own["pending"] and _may(own) else {}
    values: dict[str, Any] = {"codes": [], **more}
    qr = charts.qr(pending["uri"]) if pending else ""
    return page(request, "account.html", own=own, pending=pending, qr=qr, **values)


def _may(own: dict[str, Any]) -> bool:
    """A seed is shown again only as long as it could be enrolled: a session that rose must be recent."""
    return own["level"] < 2 or bool(own["fresh"])


@router.post("/account/password", summary="A new password of one's own")
def password(request: Request, inst: Inst, who: SelfActor, password: Secret, again: Secret) -> Response:
    if password != again:
        raise Refused("The two passwords differ.", code="password")
    factors.set_password(inst, who, own_session(request), password)
    return go("/signin", "password")


@router.post("/account/totp", summary="Begin to enrol one-time passwords")
def totp(request: Request, inst: Inst, who: SelfActor) -> Response:
    factors.begin_totp(inst, who, own_session(request))
    return go("/account")


@router.post("/account/totp/confirm", summary="The first code: from now on it counts; recovery codes once")
def totp_confirm(request: Request, inst: Inst, who: SelfActor, code: Short) -> Response:
    session = own_session(request)
    try:
        token = factors.confirm_totp(inst, who, session, request.cookies[COOKIE], code)
    except NotSignedIn as error:
        raise Refused(error.message, hint=error.hint, code="factor") from error
    risen, found = accounts.known(inst, token, request.cookies.get(TERMINAL, ""))
    request.state.who, request.state.session, request.state.form_token = risen, found, form_token(token)
    codes = factors.recovery_codes(inst, risen, found)
    return with_session(_shown(request, inst, risen, codes=codes), token)


@router.post("/account/totp/remove", summary="Remove one-time passwords")
def totp_remove(request: Request, inst: Inst, who: SelfActor) -> Response:
    factors.remove_totp(inst, who, own_session(request))
    return go("/account", "factor_removed")


@router.post("/account/recovery", summary="Ten new recovery codes, shown once")
def recovery(request: Request, inst: Inst, who: SelfActor) -> Response:
    return _shown(request, inst, who, codes=factors.recovery_codes(inst, who, own_session(request)))


@router.post("/account/passkeys/{passkey_id}/remove", summary="Remove a passkey")
def passkey_remove(request: Request, inst: Inst, who: SelfActor, passkey_id: str) -> Response:
    factors.remove_passkey(inst, who, own_session(request), passkey_id)
    return go("/account", "factor_removed")


@router.post("/account/sessions/{session_id}/end", summary="End one of one's own sessions")
def session_end(request: Request, inst: Inst, who: SelfActor, session_id: str) -> Response:
    factors.end_session(inst, who, own_session(request), session_id)
    return go("/account", "session_ended")


@router.post("/account/sessions/end", summary="End all one's other sessions")
def sessions_end(request: Request, inst: Inst, who: SelfActor) -> Response:
    factors.end_other_sessions(inst, who, own_session(request))
    return go("/account", "session_ended")


@router.post("/account/terminals", summary="Ask for this device to be registered")
def terminal_ask(request: Request, inst: Inst, who: SelfActor, label: Short) -> Response:
    token = request.cookies.get(TERMINAL, "") or terminals.device()
    terminals.ask(inst, who, own_session(request), token, label)
    return with_terminal(go("/account", "terminal_asked"), token)


@router.post("/account/terminals/{terminal_id}/revoke", summary="Revoke one of one's own terminals")
def terminal_revoke(request: Request, inst: Inst, who: SelfActor, terminal_id: str) -> Response:
    terminals.revoke(inst, who, terminal_id)
    return go("/account", "terminal_revoked")


@router.post("/account/role", summary="Act in another of one's own roles")
def role(request: Request, inst: Inst, who: SelfActor, role: Short) -> Response:
    accounts.act_as(inst, who, own_session(request), role)
    return go(HOMES.get(role, "/today"), "role")
