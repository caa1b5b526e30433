"""Today: what to judge and what each event needs; the alert's page; who looked."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from lianfang.api import charts
from lianfang.api.security import Actor, Inst, Reader
from lianfang.api.view import go, language, page
from lianfang.foundation.errors import BadInput
from lianfang.services import events, trail
from lianfang.services import today as morning

router = APIRouter(tags=["today"])
Text = Annotated[str, Form(max_length=2000)]


@router.get("/today", summary="Today: alerts and what each event needs")
def today(request: Request, inst: Inst, who: Reader) -> Response:
    found = morning.today(inst, who)
    lang = language(request)
    curve = found["steps"].get("curves", {}).get("unexplained", {})
    chart = charts.curve(curve.get("by_onset", {}), found["as_of"], lang)
    return page(request, "today.html", today=found, chart=chart)


@router.get("/alerts/{alert_id}", summary="An alert and what opening an event would say")
def alert(request: Request, inst: Inst, who: Reader, alert_id: str) -> Response:
    proposal = events.propose(inst, who, alert_id)
    return page(request, "alert.html", alert=morning.alert(inst, who, alert_id), proposal=proposal)


@router.post("/alerts/{alert_id}/open", summary="Open an event for an alert")
def open_event(
    request: Request,
    inst: Inst,
    who: Actor,
    alert_id: str,
    title: Text,
    level: Text,
    case_definition: Text,
    retention_until: Text,
) -> Response:
    proposal = events.propose(inst, who, alert_id)
    try:
        until = date.fromisoformat(retention_until)
    except ValueError as error:
        raise BadInput("The retention date is written like 2027-01-31.") from error
    changed = {"title": title, "level": level, "case_definition": case_definition, "retention_until": until}
    event_id = events.open_event(inst, who, {**proposal, **changed})
    return go(f"/events/{event_id}", "opened")


@router.post("/alerts/{alert_id}/dismiss", summary="Dismiss an alert with a reason")
def dismiss(request: Request, inst: Inst, who: Actor, alert_id: str, reason: Text) -> Response:
    events.dismiss_alert(inst, who, alert_id, reason)
    return go("/today", "dismissed")


@router.get("/log", summary="Who looked, why, on what basis")
def log(request: Request, inst: Inst, who: Reader, event: str = "", before: int | None = None) -> Response:
    return page(request, "log.html", **trail.recent(inst, who, event_id=event[:80], before=before))
