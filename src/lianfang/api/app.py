"""The server: pages for people, JSON for programs; both call the same services."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles

from lianfang import __version__
from lianfang.api.pace import Pace
from lianfang.api.security import Bounds, Headers, headers_for
from lianfang.api.view import language, page, spoken
from lianfang.foundation import words
from lianfang.foundation.errors import LianfangError, NotSignedIn, Refused, TooMany
from lianfang.guard.redaction.exits import masked, watch_logs
from lianfang.services import trail
from lianfang.services.folding.desk import Desk as FoldingDesk
from lianfang.services.installation import Installation
from lianfang.services.jobs import Desk
from lianfang.services.ledger import sequencer as appending
from lianfang.services.ledger import submitters

HERE = Path(__file__).parent
LOGGER = logging.getLogger("lianfang.ledger")


@asynccontextmanager
async def _working(app: FastAPI) -> AsyncIterator[None]:
    """While the server works so do the job desk and the log's writer, and the head is signed."""
    desk, sequencer = app.state.desk, app.state.sequencer
    desk.start()
    sequencer.start()
    tasks = [asyncio.create_task(_sweep(desk)), asyncio.create_task(_heads(app.state.installation))]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.to_thread(sequencer.close)
        app.state.folding.stop()
        desk.stop()


async def _sweep(desk: Desk) -> None:
    while True:
        await asyncio.sleep(30)
        await asyncio.to_thread(desk.sweep)


async def _heads(inst: Installation) -> None:
    """The log's head is signed and taken to the witnesses; what fails now is tried again at the next turn."""
    from lianfang.services.ledger import heads

    told: dict[str, str] = {}
    while True:
        await asyncio.sleep(heads.INTERVAL)
        with suppress(Exception):  # a database that is away for a moment, too
            said = (await asyncio.to_thread(heads.keep, inst))["witnesses"]
            for name, what in said.items():
                if what not in (heads.COSIGNED, told.get(name)):  # a refusal is said once
                    LOGGER.warning("ledger: witness %s: %s", name, what)
            told = said


def create_app(inst: Installation) -> FastAPI:
    """The application over an open installation."""
    watch_logs()
    from lianfang.api import ledger as ledger_routes
    from lianfang.api.pages import (
        account,
        contacts,
        events,
        exchange,
        folding,
        genomes,
        gifts,
        giving,
        incidents,
        inspection,
        paper,
        public,
        receipts,
        signin,
        staff,
        subjects,
        today,
        treat,
        work,
    )
    from lianfang.api.rest import accounts, persons, routes
    from lianfang.api.rest import exchange as exchange_routes
    from lianfang.api.rest import gifts as gift_routes
    from lianfang.api.rest import inspection as inspection_routes
    from lianfang.api.rest import paper as paper_routes

    app = FastAPI(
        title="Lianfang 联防",
        version=__version__,
        summary="An outbreak worked from signal to the right person reached.",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,  # rest/routes answers it, to who has signed in
        lifespan=_working,
    )
    app.state.installation = inst
    app.state.desk = Desk(inst)
    app.state.sequencer, app.state.tokens = appending.sequencer(inst), submitters.Tokens(inst)
    app.state.answers = ledger_routes.Answers()
    app.state.pace = Pace()
    app.state.folding = FoldingDesk()
    app.add_middleware(Bounds)
    app.add_middleware(Headers)
    # first: routes are tried in turn, and machines ask here most often
    app.include_router(ledger_routes.router)
    daily_pages = (
        today,
        events,
        contacts,
        work,
        folding,
        exchange,
        subjects,
        incidents,
        inspection,
        paper,
        gifts,
        genomes,
        treat,
    )
    # the gifts' public pages go before the bulletins', whose addresses would take theirs
    for module in (signin, account, staff, *daily_pages, giving, receipts, public):
        app.include_router(module.router)
    for rest in (routes, accounts, persons, exchange_routes, inspection_routes, paper_routes, gift_routes):
        app.include_router(rest.router, prefix="/api/v1")
    app.mount("/static", StaticFiles(directory=HERE / "static"), name="static")
    app.add_exception_handler(LianfangError, _ours)
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Exception, _unforeseen)
    return app


def _wants_json(request: Request) -> bool:
    return request.url.path.startswith(("/api/", "/ledger/"))


async def _refused(request: Request, error: Any) -> Response:
    """A refusal leaves its trace; that the trace cannot be written lets nobody in."""
    who = getattr(request.state, "who", None)
    if who is not None:
        route = request.scope.get("route")
        under = (
            "/api/v1" if request.url.path.startswith("/api/") else ""
        )  # a route knows its own part of the path only
        where = f"{request.method} {under}{getattr(route, 'path', '-')}"
        await run_in_threadpool(trail.refused, request.app.state.installation, who, where, error)
    return await _ours(request, error)


async def _ours(request: Request, error: Any, fields: Sequence[tuple[str, str]] = ()) -> Response:
    """An error's page or JSON, in the reader's language; ``message_en`` and ``code`` are always the same."""
    json = _wants_json(request)
    lang = spoken(request) if json else language(request)
    told = {
        "code": error.code,
        "message": masked(words.say(error.message, lang)),
        "hint": masked(words.say(error.hint, lang)) if error.hint else None,
        "reasons": [masked(words.reason(one, lang)) for one in getattr(error, "reasons", ())],
        "basis": [words.article(one, lang) for one in getattr(error, "basis", ())],
        "fields": [
            {"field": field, "message": masked(words.say(message, lang))} for field, message in fields
        ],
    }
    if json:
        body = {**told, "message_en": masked(error.message)}
        return JSONResponse({"error": body}, status_code=error.http_status, headers=_more(error))
    if isinstance(error, NotSignedIn) and request.method == "GET":
        return RedirectResponse("/signin", status_code=303)
    if error.code == "second_factor" and request.method == "GET":
        return RedirectResponse("/second", status_code=303)
    back = request.url.path if request.method == "GET" else _came_from(request)
    answer = page(request, "error.html", status=error.http_status, error=told, back=back)
    answer.headers.update(_more(error))
    return answer


def _more(error: LianfangError) -> dict[str, str]:
    return {"Retry-After": str(error.seconds)} if isinstance(error, TooMany) else {}


def _came_from(request: Request) -> str:
    """The path of the page whose form was sent, to lead back to it; its own check keeps it on this site."""
    return urlsplit(request.headers.get("referer", "")).path or "/today"


async def _http(request: Request, error: Any) -> Response:
    if error.status_code == 400:  # a body that is no JSON or no form, or is nested too deeply to be read
        return await _ours(request, _as_ours(422, "The body cannot be read."))
    return await _ours(request, _as_ours(error.status_code, str(error.detail)))


async def _invalid(request: Request, error: Any) -> Response:
    # the first thing wrong with each field; what was given is never repeated
    found: dict[str, str] = {}
    for one in error.errors():
        found.setdefault(".".join(str(part) for part in one["loc"][1:]), str(one["msg"]))
    made = _as_ours(422, f"The request's field is missing or wrong: {', '.join(sorted(found))}.")
    return await _ours(request, made, sorted(found.items()))


async def _unforeseen(request: Request, error: Exception) -> Response:
    answer = await _ours(
        request, _as_ours(500, "Something failed on our side. Nothing was changed by this request.")
    )
    # this answer is made outside of every middleware
    answer.headers.update(headers_for(request.url.path))
    return answer


def _as_ours(status: int, message: str) -> LianfangError:
    made = LianfangError(message)
    made.http_status = status
    made.code = {404: "not_found", 405: "method", 413: "too_large", 422: "bad_input"}.get(status, "fault")
    return made
