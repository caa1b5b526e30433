"""The exchange as a process: one socket with mutual TLS, two doors (letters, look), and the desk that delivers."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from starlette.concurrency import run_in_threadpool

from lianfang.foundation.errors import BadInput, LianfangError, Refused
from lianfang.guard.exchange.shapes import MAX_LETTER
from lianfang.guard.redaction.exits import watch_logs
from lianfang.services.exchange import coordinating, peers, receiving, tls
from lianfang.services.installation import Installation

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

PEER = "lianfang.certificate"
#: Seconds between looks at the register and the outbox.
ROUND = 2.0


class TooLarge(BadInput):
    """A body above the limit."""

    http_status = 413
    code = "too_large"


def create_app(inst: Installation) -> FastAPI:
    """The doors for other authorities; who asks is known by the certificate of the connection."""
    watch_logs()
    app = FastAPI(title="Lianfang exchange", docs_url=None, redoc_url=None, openapi_url=None)

    @app.exception_handler(LianfangError)
    async def told(request: Request, error: LianfangError) -> Response:
        body: dict[str, Any] = {"code": error.code, "message": error.message}
        if isinstance(error, Refused):
            body |= {"reasons": list(error.reasons), "basis": list(error.basis)}
        return JSONResponse({"error": body}, error.http_status)

    @app.exception_handler(Exception)
    async def failed(request: Request, error: Exception) -> Response:
        return JSONResponse({"error": {"code": "fault", "message": "The exchange failed."}}, 500)

    @app.middleware("http")
    async def headers(request: Request, call_next: Any) -> Response:
        response: Response = await call_next(request)
        response.headers["Cache-Control"] = "no-store"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    @app.post("/letters")
    async def letters(request: Request) -> dict[str, Any]:
        raw = await _body(request)
        return await run_in_threadpool(receiving.receive, inst, raw, _certificate(request))

    @app.post("/look")
    async def look(request: Request) -> dict[str, Any]:
        raw = await _body(request)
        return await run_in_threadpool(coordinating.show, inst, raw, _certificate(request))

    return app


def _certificate(request: Request) -> str:
    mark = request.scope.get(PEER)
    if not isinstance(mark, str):
        raise Refused("No certificate was shown.", code="unknown_peer")
    return mark


async def _body(request: Request) -> bytes:
    """The request's body, never more than the limit in memory."""
    limit = 2 * MAX_LETTER
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise BadInput("A letter is application/json.", code="media_type")
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            raise TooLarge(f"A letter has at most {limit} bytes.")
        parts.append(part)
    return b"".join(parts)


def _protocol() -> type[asyncio.Protocol]:
    """uvicorn's HTTP/1.1, which tells the application whose certificate the connection showed."""
    import hashlib

    from uvicorn.protocols.http.h11_impl import H11Protocol

    class Known(H11Protocol):
        def connection_made(self, transport: Any) -> None:
            shown = transport.get_extra_info("ssl_object")
            raw = shown.getpeercert(binary_form=True) if shown is not None else None
            if raw:
                self.app = _known(self.app, hashlib.sha256(raw).hexdigest())
            super().connection_made(transport)

    return Known


def _known(app: Any, mark: str) -> ASGIApp:
    async def with_mark(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, PEER: mark}, receive, send)

    return with_mark


def serve(
    inst: Installation,
    *,
    host: str = "127.0.0.1",
    port: int | None = None,
    say: Callable[[str], object] = print,
) -> None:
    """Serve the exchange until it is stopped; says the address when it listens.

    ``port``: that of the address which the others know, unless given. Authorities that are entered while it runs
    are let in within seconds.
    """
    import uvicorn

    from lianfang.services.holder.serving import listening
    from lianfang.services.jobs import Desk

    address = urlsplit(tls.checked_url(inst.settings.exchange_url))
    bound = listening(host, port or address.port or 443)
    known = peers.listing(inst)
    context = tls.server_context(inst, [row["certificate"] for row in known])
    config = uvicorn.Config(
        create_app(inst),
        http=_protocol(),
        lifespan="off",
        log_level="critical",
        access_log=False,
        limit_concurrency=64,
        timeout_keep_alive=10,
        timeout_graceful_shutdown=5,
        server_header=False,
    )
    config.load()
    config.ssl = context
    desk = Desk(inst)
    stopped = threading.Event()
    loaded = {str(row["fingerprint"]) for row in known}
    rounds = threading.Thread(target=_rounds, args=(inst, context, loaded, desk, stopped), daemon=True)
    say(f"exchange of {inst.signer.name} listens on https://{host}:{bound.getsockname()[1]}")
    desk.start()
    rounds.start()
    try:
        with contextlib.suppress(KeyboardInterrupt):  # uvicorn has stopped and raises it again
            uvicorn.Server(config).run(sockets=[bound])
    finally:
        stopped.set()
        rounds.join(10)
        desk.stop()


def _rounds(
    inst: Installation, context: ssl.SSLContext, loaded: set[str], desk: Any, stopped: threading.Event
) -> None:
    """Let newly entered authorities in, and hand out letters that have come due, until told to stop."""
    while not stopped.wait(ROUND):
        with contextlib.suppress(LianfangError):  # a busy database: the next round does it
            for row in peers.listing(inst):
                if row["fingerprint"] not in loaded:
                    context.load_verify_locations(cadata=row["certificate"])
                    loaded.add(row["fingerprint"])
            desk.sweep()
