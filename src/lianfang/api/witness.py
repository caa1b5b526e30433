"""A witness by HTTP (C2SP tlog-witness): ``POST /add-checkpoint`` and ``GET /<origin hash>/checkpoint``, no login."""

from __future__ import annotations

import asyncio

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from lianfang.api.security import Bounds, Headers
from lianfang.foundation.clock import Clock, SystemClock
from lianfang.foundation.errors import LianfangError
from lianfang.guard.ledger.witness import MAX_BODY
from lianfang.services.ledger.watching import Watch


def create_witness(watch: Watch, clock: Clock | None = None) -> Starlette:
    """The application over an open watcher's folder."""
    time = clock or SystemClock()

    async def add(request: Request) -> Response:
        body = await request.body()
        answer = await asyncio.to_thread(watch.add_checkpoint, body, now=time.now())
        return Response(answer.body, answer.status, headers={"Content-Type": answer.media})

    async def head(request: Request) -> Response:
        found = await asyncio.to_thread(watch.head, request.path_params["hashed"])
        return PlainTextResponse(found, headers={"Cache-Control": "public, max-age=2"})

    async def key(request: Request) -> Response:
        return PlainTextResponse(f"{watch.signer.cosigner}\n")

    async def failed(request: Request, error: Exception) -> Response:
        status = error.http_status if isinstance(error, LianfangError) else 500
        said = str(error) if isinstance(error, LianfangError) else "Something failed on our side."
        return PlainTextResponse(f"{said}\n", status)

    return Starlette(
        routes=[
            Route("/add-checkpoint", add, methods=["POST"]),
            Route("/{hashed:str}/checkpoint", head, methods=["GET"]),
            Route("/key", key, methods=["GET"]),
        ],
        middleware=[Middleware(Headers), Middleware(Bounds, limit=MAX_BODY)],
        exception_handlers={LianfangError: failed, Exception: failed},
    )
