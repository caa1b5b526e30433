"""The node's six doors over HTTP: identity, order, its status, reveal, notice, purge. There is no other."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from starlette.concurrency import run_in_threadpool

from lianfang.foundation.errors import BadInput, LianfangError, Refused
from lianfang.guard.redaction.exits import watch_logs
from lianfang.services.holder.documents import MAX_MESSAGE
from lianfang.services.holder.node import HolderNode


class TooLarge(BadInput):
    """A body above the limit."""

    http_status = 413
    code = "too_large"


def create_app(node: HolderNode) -> FastAPI:
    """The node's web application; unfinished orders are taken up when it starts."""

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        await run_in_threadpool(node.resume)
        yield

    watch_logs()
    app = FastAPI(
        title=f"Lianfang holder {node.about.id}",
        lifespan=life,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )

    @app.exception_handler(LianfangError)
    async def told(request: Request, error: LianfangError) -> Response:
        return _error(error)

    @app.exception_handler(Exception)
    async def failed(request: Request, error: Exception) -> Response:
        return JSONResponse({"error": {"code": "fault", "message": "The node failed."}}, 500)

    @app.middleware("http")
    async def headers(request: Request, call_next: Any) -> Response:
        response: Response = await call_next(request)
        response.headers["Cache-Control"] = "no-store"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    @app.get("/identity")
    def identity() -> dict[str, Any]:
        return node.identity()

    @app.post("/orders", status_code=202)
    async def order(request: Request) -> dict[str, Any]:
        return await run_in_threadpool(node.receive, await _body(request))

    @app.get("/orders/{order_id}")
    def status(order_id: str) -> dict[str, Any]:
        return node.status(order_id[:64])

    @app.post("/reveal")
    async def reveal(request: Request) -> dict[str, str]:
        sealed = await run_in_threadpool(node.reveal, await _body(request))
        return {"sealed": base64.b64encode(sealed).decode()}

    @app.post("/notice")
    async def notice(request: Request) -> dict[str, Any]:
        return await run_in_threadpool(node.notice, await _body(request))

    @app.post("/purge")
    async def purge(request: Request) -> dict[str, Any]:
        return await run_in_threadpool(node.purge, await _body(request))

    return app


async def _body(request: Request) -> bytes:
    """The request's body, never more than the limit in memory."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise BadInput("A message is application/json.", code="media_type")
    declared = request.headers.get("content-length", "0")
    if not declared.isdigit() or int(declared) > MAX_MESSAGE:
        raise TooLarge(f"A message has at most {MAX_MESSAGE} bytes.")
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > MAX_MESSAGE:
            raise TooLarge(f"A message has at most {MAX_MESSAGE} bytes.")
        parts.append(part)
    return b"".join(parts)


def _error(error: LianfangError) -> JSONResponse:
    body: dict[str, Any] = {"code": error.code, "message": error.message}
    if error.hint:
        body["hint"] = error.hint
    if isinstance(error, Refused):
        body["reasons"] = list(error.reasons)
        body["basis"] = list(error.basis)
    return JSONResponse({"error": body}, error.http_status)
