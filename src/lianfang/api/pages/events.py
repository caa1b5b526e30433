"""An event's page: situation, level, orders to holders, bulletin, closing."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from lianfang.api import charts
from lianfang.api.security import Actor, Costly, Inst, Reader
from lianfang.api.view import file, go, language, page
from lianfang.foundation.errors import NotFound
from lianfang.services import attack as attacking
from lianfang.services import bulletin, closing, events, gate, jobs, orders, plan, recount, reports, situation
from lianfang.services.orders import holders
from lianfang.treat import casedef

router = APIRouter(tags=["event"])
Text = Annotated[str, Form(max_length=2000)]


@router.get("/events/{event_id}", summary="An event: situation, acts, orders, needs")
def event(request: Request, inst: Inst, who: Reader, event_id: str) -> Response:
    found = situation.view(inst, who, event_id)
    lang = language(request)
    chart = charts.curve(found["by_onset"], found["as_of"], lang, found["breaks"])
    return page(request, "event.html", **found, chart=chart, editions=casedef.all_editions().values())


@router.get("/events/{event_id}/curve.{kind}", summary="The epidemic curve as a table (csv) or a chart (svg)")
def curve(request: Request, inst: Inst, who: Reader, event_id: str, kind: str) -> Response:
    found = situation.view(inst, who, event_id)
    lang = language(request)
    chart = charts.curve(found["by_onset"], found["as_of"], lang, found["breaks"])
    if chart is None or kind not in ("csv", "svg"):
        raise NotFound("There is no such file.", hint="A curve needs cases; its files are csv and svg.")
    text = chart["svg"].file() if kind == "svg" else charts.table(chart["days"], lang)
    return file(text, f"curve-{event_id}.{kind}")


@router.post("/events/{event_id}/level", summary="Change the response level")
def level(request: Request, inst: Inst, who: Actor, event_id: str, level: Text, reason: Text) -> Response:
    events.change_level(inst, who, event_id, level, reason)
    return go(f"/events/{event_id}", "level")


@router.post("/events/{event_id}/definition", summary="Change the case definition")
def definition(
    request: Request, inst: Inst, who: Actor, event_id: str, edition: Text, reason: Text
) -> Response:
    events.change_definition(inst, who, event_id, edition.strip(), reason)
    return go(f"/events/{event_id}", "definition")


@router.get(
    "/events/{event_id}/recount",
    summary="The event's cases by an edition of the case definition",
)
def recounted(request: Request, inst: Inst, who: Reader, event_id: str, edition: str = "") -> Response:
    found = recount.by_edition(inst, who, event_id, edition[:60])
    return page(
        request, "recount.html", **found, editions=casedef.all_editions().values(), classes=casedef.CLASSES,
        findings=casedef.findings(),
    )  # fmt: skip


@router.post("/events/{event_id}/tasks/{task}", summary="Tick off a task of the plan")
def tick(request: Request, inst: Inst, who: Actor, event_id: str, task: str, note: Text = "") -> Response:
    plan.done(inst, who, event_id, task, note)
    return go(f"/events/{event_id}", "ticked")


@router.post("/events/{event_id}/orders", summary="Draw up an order to a holder")
def draw(request: Request, inst: Inst, who: Actor, event_id: str, holder: Text) -> Response:
    row = orders.draft(inst, who, event_id, holder=holder)
    return go(f"/orders/{row['order_id']}", "drawn")


@router.get("/orders/{order_id}", summary="An order as it will be sent, and its answer")
def order(request: Request, inst: Inst, who: Reader, order_id: str) -> Response:
    job = jobs.latest(inst, "order.send", order_id)
    shown = orders.show(inst, who, order_id)
    holder = holders.entry(inst, str(shown["order"]["holder"]))
    name = holder["name_zh" if language(request) == "zh" else "name_en"]
    return page(request, "order.html", **shown, job=job, holder_name=name)


@router.post("/orders/{order_id}/send", summary="Send an order to its holder")
def send(request: Request, inst: Inst, who: Actor, order_id: str) -> Response:
    gate.require(who, "order.send")
    orders.show(inst, who, order_id)  # refused here already, and not by the job, outside one's area
    request.app.state.desk.submit(who, "order.send", {"order_id": order_id}, key=order_id)
    return go(f"/orders/{order_id}")


@router.get("/events/{event_id}/bulletin", summary="Today's bulletin beside what is withheld")
def draft(request: Request, inst: Inst, who: Reader, event_id: str) -> Response:
    return page(request, "bulletin_draft.html", **bulletin.draft(inst, who, event_id))


@router.post("/events/{event_id}/bulletin", summary="Sign, log and publish today's bulletin")
def publish(request: Request, inst: Inst, who: Actor, event_id: str) -> Response:
    row = bulletin.publish(inst, who, event_id)
    return go(f"/public/{event_id}/{row['number']}", "published")


@router.post(
    "/events/{event_id}/attack", dependencies=[Costly], summary="What all bulletins together give away"
)
def attack(request: Request, inst: Inst, who: Actor, event_id: str) -> Response:
    return page(request, "attack.html", **attacking.attack(inst, who, event_id))


@router.post("/events/{event_id}/bulletins/{number}/reports", summary="A bulletin against its reports")
def reconcile(request: Request, inst: Inst, who: Actor, event_id: str, number: int) -> Response:
    return page(request, "reconcile.html", **reports.reconcile(inst, who, event_id, number))


@router.post("/events/{event_id}/close", summary="Close an event")
def close(request: Request, inst: Inst, who: Actor, event_id: str, reason: Text) -> Response:
    closing.close(inst, who, event_id, reason)
    return go(f"/events/{event_id}", "closed")


@router.post("/events/{event_id}/expire", summary="End the data of a closed event whose deadline has come")
def expire(request: Request, inst: Inst, who: Actor, event_id: str) -> Response:
    closing.expire(inst, who, event_id)
    return go(f"/events/{event_id}", "expired")
