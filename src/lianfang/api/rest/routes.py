"""JSON routes under /api/v1: strict bodies, the session's cookie, and for writes its token in a header."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from lianfang import records
from lianfang.api.security import Actor, Costly, Inst, Reader
from lianfang.foundation.canonical import plain
from lianfang.services import attack as attacking
from lianfang.services import (
    bulletin,
    closing,
    contacts,
    events,
    genomes,
    jobs,
    laboratory,
    notices,
    orders,
    plan,
    recount,
    reports,
    situation,
    trail,
    visits,
)
from lianfang.services import today as morning

router = APIRouter(tags=["api"])
Note = Annotated[str, Field(max_length=2000)]
Name = Annotated[str, Field(max_length=80)]


#: Levels of lists and objects in a body; the deepest of ours, a plan, has six.
DEPTH = 20


class Body(BaseModel):
    """Base of every body: an unknown field is refused, and so are a NUL character and deep nesting."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    @model_validator(mode="before")
    @classmethod
    def _bounded(cls, value: Any) -> Any:
        waiting = [(value, 0)]
        while waiting:
            one, depth = waiting.pop()
            if depth > DEPTH:
                raise PydanticCustomError("depth", "The body is nested too deeply.")
            if isinstance(one, str) and "\x00" in one:
                raise PydanticCustomError("nul", "A text holds a NUL character.")
            inner = [*one, *one.values()] if isinstance(one, dict) else one if isinstance(one, list) else ()
            waiting += [(part, depth + 1) for part in inner]
        return value


class OpenBody(Body):
    title: Note
    level: Name
    case_definition: Name
    retention_until: date


class ReasonBody(Body):
    reason: Note


class PlanBody(Body):
    plan: dict[str, Any]
    reason: Note


class NoteBody(Body):
    note: Note = ""
    day: date | None = None


class LevelBody(Body):
    level: Name
    reason: Note


class DefinitionBody(Body):
    edition: Name
    reason: Note


class OrderBody(Body):
    holder: Name


class LockBody(Body):
    contact_ids: Annotated[list[Name], Field(max_length=500)]
    reason: Note
    worker: Name


class VerdictBody(Body):
    verdict: Name
    note: Note = ""


class VisitBody(Body):
    reached: bool
    temperature: float | None = None
    symptoms: Annotated[list[Name], Field(max_length=40)] = []
    refused: bool = False
    medium: Name = "visit"


class NoticeBody(Body):
    kind: Name


class ResultBody(Body):
    result: Name


@router.get("/openapi.json", include_in_schema=False)
def document(request: Request, who: Reader) -> Any:
    """Every route and its bodies, for who writes a program; nobody else learns what there is."""
    return request.app.openapi()


@router.get("/me", summary="Who I am, and the token that writes carry in X-Lianfang-Token")
def me(request: Request, who: Reader) -> dict[str, Any]:
    return {
        "account": who.account,
        "role": who.role,
        "areas": list(who.areas),
        "token": request.state.form_token,
    }


@router.get("/records", summary="Record types")
def record_types(who: Reader) -> list[dict[str, str]]:
    return [
        {"name": one.about.name, "zh": one.about.zh, "en": one.about.en, "home": one.about.home}
        for one in records.REGISTRY.values()
    ]


@router.get("/records/{name}", summary="JSON Schema of a record type, with privacy classes")
def record_schema(who: Reader, name: Name) -> dict[str, Any]:
    return records.json_schema(records.record_type(name))


@router.get("/jobs/{job_id}", summary="A job's status and progress")
def job(inst: Inst, who: Reader, job_id: Name) -> Any:
    return plain(jobs.show(inst, who, job_id))


@router.post("/jobs/{job_id}/cancel", status_code=204, summary="Ask a job to stop")
def cancel(inst: Inst, who: Actor, job_id: Name) -> None:
    jobs.cancel(inst, who, job_id)


@router.get("/today", summary="Alerts and what each event needs")
def today(inst: Inst, who: Reader) -> Any:
    return plain(morning.today(inst, who))


@router.get("/alerts/{alert_id}/proposal", summary="What opening an event for an alert would say")
def proposal(inst: Inst, who: Reader, alert_id: Name) -> Any:
    return plain(events.propose(inst, who, alert_id))


@router.post("/alerts/{alert_id}/open", status_code=201, summary="Open an event")
def open_event(inst: Inst, who: Actor, alert_id: Name, body: OpenBody) -> dict[str, str]:
    fields = {**events.propose(inst, who, alert_id), **body.model_dump()}
    return {"event_id": events.open_event(inst, who, fields)}


@router.post("/alerts/{alert_id}/dismiss", status_code=204, summary="Dismiss an alert")
def dismiss(inst: Inst, who: Actor, alert_id: Name, body: ReasonBody) -> None:
    events.dismiss_alert(inst, who, alert_id, body.reason)


@router.get("/events", summary="Events")
def listing(inst: Inst, who: Reader) -> Any:
    return plain(events.listing(inst, who))


@router.get("/events/{event_id}", summary="An event's situation")
def event(inst: Inst, who: Reader, event_id: Name) -> Any:
    return plain(situation.view(inst, who, event_id))


@router.get("/events/{event_id}/genomes", summary="An event's genomes: clusters, links, misfits")
def event_genomes(inst: Inst, who: Reader, event_id: Name) -> Any:
    return plain(genomes.view(inst, who, event_id))


@router.get(
    "/events/{event_id}/recount",
    summary="An event's cases by an edition of the case definition",
)
def recounted(
    inst: Inst, who: Reader, event_id: Name, edition: Annotated[str, Query(max_length=60)] = ""
) -> Any:
    return plain(recount.by_edition(inst, who, event_id, edition))


@router.post("/events/{event_id}/level", status_code=204, summary="Change the response level")
def level(inst: Inst, who: Actor, event_id: Name, body: LevelBody) -> None:
    events.change_level(inst, who, event_id, body.level, body.reason)


@router.post("/events/{event_id}/definition", status_code=204, summary="Change the case definition")
def definition(inst: Inst, who: Actor, event_id: Name, body: DefinitionBody) -> None:
    events.change_definition(inst, who, event_id, body.edition, body.reason)


@router.post("/events/{event_id}/orders", status_code=201, summary="Draw up an order to a holder")
def draw(inst: Inst, who: Actor, event_id: Name, body: OrderBody) -> Any:
    return plain(orders.draft(inst, who, event_id, holder=body.holder))


@router.post("/orders/{order_id}/send", summary="Send an order")
def send(inst: Inst, who: Actor, order_id: Name) -> Any:
    return plain(orders.send(inst, who, order_id))


@router.get("/events/{event_id}/contacts", summary="Ranked contacts as tokens")
def ranked(inst: Inst, who: Reader, event_id: Name) -> Any:
    return plain(contacts.ranked(inst, who, event_id))


@router.post("/events/{event_id}/locks", status_code=201, summary="Lock contacts at risk")
def lock(inst: Inst, who: Actor, event_id: Name, body: LockBody) -> dict[str, str]:
    made = contacts.lock(inst, who, event_id, body.contact_ids, reason=body.reason, worker=body.worker)
    return {"lock_id": made}


@router.post("/locks/{lock_id}/verdict", summary="Approve or refuse a lock")
def verdict(inst: Inst, who: Actor, lock_id: Name, body: VerdictBody) -> dict[str, str]:
    return {"status": contacts.approve(inst, who, lock_id, verdict=body.verdict, note=body.note)}


@router.post("/locks/{lock_id}/name", summary="Have the locked contacts named to the worker")
def name(inst: Inst, who: Actor, lock_id: Name) -> dict[str, int]:
    return {"named": contacts.name(inst, who, lock_id)}


@router.post("/events/{event_id}/notices", status_code=201, summary="A signed notice with a code to check it")
def notice(inst: Inst, who: Actor, event_id: Name, body: NoticeBody) -> Any:
    return plain(notices.issue(inst, who, event_id, body.kind))


@router.get("/my/tasks", summary="The worker's contacts")
def tasks(inst: Inst, who: Reader) -> Any:
    return plain(visits.tasks(inst, who))


@router.post("/my/tasks/{contact_id}/particulars", summary="How to reach one assigned contact (recorded)")
def particulars(inst: Inst, who: Actor, contact_id: Name) -> dict[str, str]:
    return visits.particulars(inst, who, contact_id, terminal="api")


@router.post("/my/tasks/{contact_id}/visit", summary="The result of a visit or call")
def visit(inst: Inst, who: Actor, contact_id: Name, body: VisitBody) -> Any:
    return plain(visits.record_visit(inst, who, contact_id, **body.model_dump()))


@router.post("/my/tasks/{contact_id}/sample", status_code=201, summary="Order a test")
def sample(inst: Inst, who: Actor, contact_id: Name) -> dict[str, str]:
    return {"sample_no": visits.order_sample(inst, who, contact_id)}


@router.get("/samples", summary="Samples that wait for a result")
def samples(inst: Inst, who: Reader) -> Any:
    return plain(laboratory.waiting(inst, who))


@router.post("/samples/{sample_no}/result", summary="A sample's result")
def result(inst: Inst, who: Actor, sample_no: Name, body: ResultBody) -> Any:
    return plain(laboratory.report(inst, who, sample_no, result=body.result))


@router.post("/contacts/{contact_id}/release", status_code=204, summary="End a contact's observation")
def release(inst: Inst, who: Actor, contact_id: Name, body: ReasonBody) -> None:
    visits.release(inst, who, contact_id, reason=body.reason)


@router.get("/events/{event_id}/bulletin", summary="Today's bulletin and what is withheld")
def draft(inst: Inst, who: Reader, event_id: Name) -> Any:
    return plain(bulletin.draft(inst, who, event_id))


@router.post("/events/{event_id}/bulletin", status_code=201, summary="Publish today's bulletin")
def publish(inst: Inst, who: Actor, event_id: Name) -> dict[str, Any]:
    row = bulletin.publish(inst, who, event_id)
    return {"event_id": event_id, "number": row["number"], "log_index": row["log_index"]}


@router.get("/events/{event_id}/plan", summary="The plan as it stands: conditions, delegations, tasks")
def event_plan(inst: Inst, who: Reader, event_id: Name) -> Any:
    return plain(plan.view(inst, who, event_id))


@router.put(
    "/events/{event_id}/plan", status_code=204, summary="Put another emergency plan in place: a signed act"
)
def replace_plan(inst: Inst, who: Actor, event_id: Name, body: PlanBody) -> None:
    plan.replace(inst, who, event_id, body.plan, body.reason)


@router.post("/events/{event_id}/tasks/{task}", status_code=204, summary="Tick off a task of the plan")
def tick(inst: Inst, who: Actor, event_id: Name, task: Name, body: NoteBody) -> None:
    plan.done(inst, who, event_id, task, body.note, day=body.day)


@router.post(
    "/events/{event_id}/attack", dependencies=[Costly], summary="What all bulletins together give away"
)
def attack(inst: Inst, who: Actor, event_id: Name) -> Any:
    found = attacking.attack(inst, who, event_id)
    return plain({"event_id": event_id, "draft": found["draft"], **found["report"].to_dict()})


@router.post("/events/{event_id}/bulletins/{number}/reports", summary="A bulletin against its reports")
def reconcile(inst: Inst, who: Actor, event_id: Name, number: int) -> Any:
    return plain(reports.reconcile(inst, who, event_id, number))


@router.post("/events/{event_id}/close", summary="Close an event")
def close(inst: Inst, who: Actor, event_id: Name, body: ReasonBody) -> dict[str, str]:
    return {"retention_until": closing.close(inst, who, event_id, body.reason).isoformat()}


@router.post("/events/{event_id}/expire", summary="End a closed event's data at its deadline")
def expire(inst: Inst, who: Actor, event_id: Name) -> Any:
    return closing.expire(inst, who, event_id)


@router.get("/log", summary="Decisions and readings")
def log(
    inst: Inst, who: Reader, event: Annotated[str, Query(max_length=80)] = "", before: int | None = None
) -> Any:
    return plain(trail.recent(inst, who, event_id=event, before=before))
