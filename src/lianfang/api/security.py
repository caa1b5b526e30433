"""What every answer carries and every request must pass: headers, body limits, session, origin and token."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lianfang.api.fields import only_known, only_known_query
from lianfang.api.pace import asker, paced
from lianfang.foundation.errors import NotSignedIn, Refused
from lianfang.services import accounts
from lianfang.services.gate import proved
from lianfang.services.installation import Installation, Who

if TYPE_CHECKING:
    from lianfang.guard.accounts import Session

COOKIE = "__Host-lianfang"
#: The device's own token, by which a registered terminal is known; it signs nobody in.
TERMINAL = "__Host-lianfang-terminal"
LANGUAGE = "__Host-lianfang-lang"
#: No script but our own files, no frame, no form to elsewhere; styles from our own file only.
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Strict-Transport-Security": "max-age=31536000",
}
BODY_LIMIT = 1 << 20


def headers_for(path: str) -> dict[str, str]:
    """The headers of an answer: only our own static files are stored anywhere."""
    keep = path.startswith("/static/")
    return {**HEADERS, "Cache-Control": "public, max-age=3600" if keep else "no-store"}


class Headers:
    """Puts the headers on every answer; personal pages are stored nowhere."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = headers_for(str(scope["path"]))

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {name.lower() for name, _ in message["headers"]}
                message["headers"] = [
                    *message["headers"],
                    *(
                        (name.lower().encode(), value.encode())
                        for name, value in headers.items()
                        if name.lower().encode() not in present
                    ),
                ]
            await send(message)

        await self.app(scope, receive, with_headers)


class Bounds:
    """Refuses a body above the limit, whether it says its length or not, and an address with a NUL in it."""

    def __init__(self, app: ASGIApp, limit: int = BODY_LIMIT) -> None:
        self.app = app
        self.limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if "\x00" in str(scope["path"]) or b"%00" in scope["query_string"]:
            said = "The address holds a NUL character. 地址含有空字符。"
            await Response(said, 422, media_type="text/plain")(scope, receive, send)
            return
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if not declared.isdigit() or int(declared) > self.limit:
            said = "The body is too large. 请求内容过大。"  # no request is read yet: both languages
            await Response(said, 413, media_type="text/plain")(scope, receive, send)
            return
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self.limit:
                # of this family, FastAPI hands it on as it is; of ours, it would call it an error of parsing
                raise HTTPException(413, "The body is too large.")
            return message

        await self.app(scope, counted, send)


def installation(request: Request) -> Installation:
    """The installation that this server serves."""
    found: Installation = request.app.state.installation
    return found


def form_token(session_token: str) -> str:
    """Token that a form of this session carries (bound to the session, useless without its cookie)."""
    return hmac.new(session_token.encode(), b"lianfang form", hashlib.sha256).hexdigest()[:40]


def half_signed_in(request: Request) -> Who:
    """Who asks, by the session cookie, also with one factor or without a valid role: for the own account only."""
    token = request.cookies.get(COOKIE, "")
    if not token:
        raise NotSignedIn("Please sign in.")
    who, session = accounts.known(installation(request), token, request.cookies.get(TERMINAL, ""))
    request.state.who = who
    request.state.session = session
    request.state.form_token = form_token(token)
    request.app.state.pace.take("any", asker(request, COOKIE))
    only_known_query(request)
    return who


def signed_in(request: Request) -> Who:
    """Who asks, with two factors and a valid role; else :class:`NotSignedIn` or :class:`Refused`."""
    who = half_signed_in(request)
    proved(who)
    accounts.has_role(who)
    return who


async def acting(request: Request) -> Who:
    """Who acts: signed in, from our own page (origin), with the form's token or, for JSON, its header."""
    who = signed_in(request)
    await _from_own_page(request)
    return who


async def half_acting(request: Request) -> Who:
    """As :func:`acting`, on the own account: one factor is enough to show or enrol the second."""
    who = half_signed_in(request)
    await _from_own_page(request)
    return who


async def public_form(request: Request) -> None:
    """A form that anybody may send: from our own site, with the fields it has a place for."""
    same_origin(request)
    await only_known(request)


async def _from_own_page(request: Request) -> None:
    same_origin(request)
    expected = request.state.form_token
    given = request.headers.get("x-lianfang-token", "")
    if not given:
        form = await request.form()
        given = str(form.get("token", ""))
    if not hmac.compare_digest(given.encode(), expected.encode()):
        raise Refused("This form is not from your session.", hint="Reload the page.", code="form_token")
    await only_known(request)


def own_session(request: Request) -> Session:
    """The session that the dependency before it found."""
    found: Session = request.state.session
    return found


def with_session(answer: Response, token: str) -> Response:
    """The answer with the session's cookie: not for scripts, not for other sites, until the browser closes."""
    answer.set_cookie(COOKIE, token, path="/", secure=True, httponly=True, samesite="lax")
    return answer


def with_terminal(answer: Response, token: str) -> Response:
    """The answer with the device's cookie, which stays for a year."""
    answer.set_cookie(
        TERMINAL, token, path="/", secure=True, httponly=True, samesite="lax", max_age=31_536_000
    )
    return answer


def same_origin(request: Request) -> None:
    """Refuse a write that another site caused."""
    site = request.headers.get("sec-fetch-site")
    if site is not None and site not in ("same-origin", "none"):
        raise Refused("A write must come from this site's own page.", code="cross_site")
    origin = request.headers.get("origin")
    if origin is not None and origin != f"{request.url.scheme}://{request.headers.get('host', '')}":
        raise Refused("A write must come from this site's own page.", code="cross_site")


Inst = Annotated[Installation, Depends(installation)]
Reader = Annotated[Who, Depends(signed_in)]
Actor = Annotated[Who, Depends(acting)]
Self = Annotated[Who, Depends(half_signed_in)]
SelfActor = Annotated[Who, Depends(half_acting)]
#: Limits of a route: of one session for what costs much, of one address for what anybody may ask.
Costly = paced("costly", COOKIE)
FromAddress = paced("sign in")
Handler = Callable[[Request, Any], Awaitable[Response]]
