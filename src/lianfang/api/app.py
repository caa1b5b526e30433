"""The server: pages for people, JSON for programs; both call the same services."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles

from lianfang import __version__
from lianfang.api.security import BodyLimit, Headers
from lianfang.api.view import page
from lianfang.foundation.errors import LianfangError, NotSignedIn, Refused
from lianfang.services.installation import Installation
from lianfang.services.jobs import Desk

HERE = Path(__file__).parent


@asynccontextmanager
async def _working(app: FastAPI) -> AsyncIterator[None]:
    """The job desk works while the server does."""
    desk = app.state.desk
    desk.start()
    sweeper = asyncio.create_task(_sweep(desk))
    try:
        yield
    finally:
        sweeper.cancel()
        desk.stop()


async def _sweep(desk: Desk) -> None:
    while True:
        await asyncio.sleep(30)
        await asyncio.to_thread(desk.sweep)


def create_app(inst: Installation) -> FastAPI:
    """The application over an open installation."""
    from lianfang.api.pages import contacts, events, public, signin, today, work
    from lianfang.api.rest import routes

    app = FastAPI(
        title="Lianfang 联防",
        version=__version__,
        summary="An outbreak worked from signal to the right person reached.",
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
        lifespan=_working,
    )
    app.state.installation = inst
    app.state.desk = Desk(inst)
    app.add_middleware(BodyLimit)
    app.add_middleware(Headers)
    for module in (signin, today, events, contacts, work, public):
        app.include_router(module.router)
    app.include_router(routes.router, prefix="/api/v1")
    app.mount("/static", StaticFiles(directory=HERE / "static"), name="static")
    app.add_exception_handler(LianfangError, _ours)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Exception, _unforeseen)
    return app


def _wants_json(request: Request) -> bool:
    return request.url.path.startswith("/api/")


async def _ours(request: Request, error: Any) -> Response:
    reasons = list(error.reasons) if isinstance(error, Refused) else []
    basis = list(error.basis) if isinstance(error, Refused) else []
    if _wants_json(request):
        body = {
            "code": error.code,
            "message": error.message,
            "hint": error.hint,
            "reasons": reasons,
            "basis": basis,
        }
        return JSONResponse({"error": body}, status_code=error.http_status)
    if isinstance(error, NotSignedIn) and request.method == "GET":
        return RedirectResponse("/signin", status_code=303)
    return page(request, "error.html", status=error.http_status, error=error, reasons=reasons, basis=basis)


async def _http(request: Request, error: Any) -> Response:
    return await _ours(request, _as_ours(error.status_code, str(error.detail)))


async def _invalid(request: Request, error: Any) -> Response:
    where = ", ".join(sorted({".".join(str(part) for part in one["loc"][1:]) for one in error.errors()}))
    return await _ours(request, _as_ours(422, f"The request's field is missing or wrong: {where}."))


async def _unforeseen(request: Request, error: Exception) -> Response:
    return await _ours(
        request, _as_ours(500, "Something failed on our side. Nothing was changed by this request.")
    )


def _as_ours(status: int, message: str) -> LianfangError:
    made = LianfangError(message)
    made.http_status = status
    made.code = {404: "not_found", 405: "method", 413: "too_large", 422: "bad_input"}.get(status, "fault")
    return made
