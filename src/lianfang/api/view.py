"""Rendering: Jinja templates in two languages, both always given side by side in the template."""

from __future__ import annotations

from collections.abc import Hashable
from datetime import UTC, date, datetime
from functools import cache, lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from fastapi import Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse, RedirectResponse, Response

from lianfang.api import words
from lianfang.api.security import LANGUAGE
from lianfang.foundation.words import article as say_article
from lianfang.foundation.words import reason as say_reason

HERE = Path(__file__).parent


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["words"] = words
    return made


def language(request: Request) -> str:
    """Language of the answer: the cookie's, else the browser's, else the installation's."""
    chosen = request.cookies.get(LANGUAGE, "")
    if chosen in ("zh", "en"):
        return chosen
    return accepted(request) or str(request.app.state.installation.settings.language)


def spoken(request: Request) -> str:
    """Language of an answer to a program: the cookie's or the header's, else English, which stays the same."""
    chosen = request.cookies.get(LANGUAGE, "")
    return chosen if chosen in ("zh", "en") else accepted(request) or "en"


def accepted(request: Request) -> str:
    """The language of ours that the browser's Accept-Language puts first; empty when it names neither."""
    best, found = 0.0, ""
    for part in request.headers.get("accept-language", "")[:400].lower().split(","):
        tag, _, weight = part.strip().partition(";q=")
        main = tag.partition("-")[0].strip()
        if main in ("zh", "en") and (value := _quality(weight)) > best:
            best, found = value, main
    return found


def _quality(text: str) -> float:
    """A weight of RFC 9110 (0 to 1, 1 when none is given); one that cannot be read counts nothing."""
    try:
        value = float(text) if text else 1.0
    except ValueError:
        return 0.0
    return value if 0 <= value <= 1 else 0.0


def page(request: Request, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """A page of the house."""
    lang = language(request)
    inst = request.app.state.installation
    zone = ZoneInfo(inst.settings.zone)

    def z(zh: str, en: str, **args: Any) -> str:
        text = zh if lang == "zh" else en
        return text.format(**args) if args else text

    def moment(value: datetime | None) -> str:
        if value is None:
            return "–"
        aware = value if value.tzinfo else value.replace(tzinfo=UTC)
        return aware.astimezone(zone).strftime("%Y-%m-%d %H:%M")

    @lru_cache(maxsize=None, typed=True)  # a list of thousands has few different words
    def label(kind: str, value: Hashable) -> str:
        if kind == "district":
            return str(inst.place(str(value), lang))
        return words.label(kind, value, lang)

    def safe(text: str) -> Markup:
        """Our own SVG, whose texts its writer escaped."""
        return Markup(text)  # noqa: S704  # nosec B704

    def said(text: str) -> str:
        """A sentence, reason or code of the services in the reader's language."""
        return say_reason(text, lang)

    who = getattr(request.state, "who", None)
    html = (
        _environment()
        .get_template(template)
        .render(
            lang=lang,
            z=z,
            moment=moment,
            label=label,
            said=said,
            article=lambda text: say_article(text, lang),
            safe_svg=safe,
            who=who,
            token=getattr(request.state, "form_token", ""),
            settings=inst.settings,
            people=_people(inst) if who and inst.settings.demonstration else [],
            path=request.url.path,
            notice=request.query_params.get("done", ""),
            today_date=inst.today(),
            isinstance_date=lambda value: isinstance(value, date),
            **values,
        )
    )
    return HTMLResponse(html, status_code=status, headers={"Content-Language": lang})


def _people(inst: Any) -> list[tuple[str, str, str]]:
    from lianfang.services.accounts import DEMONSTRATION

    return list(DEMONSTRATION)


def go(path: str, done: str = "") -> RedirectResponse:
    """After an act: to the page that shows it, with the notice's name."""
    return RedirectResponse(f"{path}?done={done}" if done else path, status_code=303)


def file(text: str, name: str) -> Response:
    """A table or a chart to keep: CSV with the mark that lets spreadsheets read Chinese, or SVG."""
    kind = "image/svg+xml" if name.endswith(".svg") else "text/csv"
    mark = "" if name.endswith(".svg") else "\ufeff"
    return Response(mark + text, media_type=f"{kind}; charset=utf-8", headers=attachment(name))


def attachment(name: str) -> dict[str, str]:
    """The header of a file to keep; a name may hold anything, and adds nothing to the header but itself."""
    return {"Content-Disposition": f'attachment; filename="{quote(name, safe="")}"'}
