"""Pages of the exchange between authorities: the warning first, then two channels that do not look alike."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from lianfang.api.fields import numbered
from lianfang.api.security import Actor, Inst, Reader
from lianfang.api.view import go, page
from lianfang.foundation.errors import BadInput
from lianfang.guard.exchange import DUTIES, minimum
from lianfang.guard.exchange.duties import OWNERS
from lianfang.guard.exchange.shapes import MAX_PERSONS
from lianfang.services.exchange import (
    cases,
    changes,
    channel,
    coordinating,
    messages,
    outbox,
    peers,
    widening,
)
from lianfang.services.exchange.common import WARNING_EN, WARNING_ZH, us

router = APIRouter(tags=["exchange"])
Text = Annotated[str, Form(max_length=4000)]
Line = Annotated[str, Form(max_length=200)]
#: The tracing minimum in the order in which a form asks for it; what a pack does not permit is left out.
_ORDER = (
    *("name", "mobile", "phone", "home_address", "address", "train_seat", "seat"),
    *("travel_history", "confirm_date", "symptom", "diagnosis"),
)


def _sent(request: Request) -> None:
    """Hand the letters that an act wrote to the desk."""
    request.app.state.desk.sweep()


async def _persons(request: Request) -> list[dict[str, str]]:
    """The persons of a form: inputs named ``number.field``; empty ones are left out."""
    form = await request.form()
    found: dict[int, dict[str, str]] = {}
    for name, value in form.multi_items():
        number, dot, field = name.partition(".")
        if not dot or not isinstance(value, str) or not value.strip():
            continue
        if not number.isdigit() or int(number) >= MAX_PERSONS:
            raise BadInput(f"A message is about 1 to {MAX_PERSONS} persons.")
        found.setdefault(int(number), {})[field] = value.strip()
    return [found[number] for number in sorted(found)]


def _fields(inst: Inst) -> list[str]:
    allowed = minimum(inst.settings.exchange_pack)
    return [name for name in _ORDER if name in allowed]


@router.get("/exchange", summary="The exchange: general channel, selective messages, requests, authorities")
def overview(request: Request, inst: Inst, who: Reader) -> Response:
    return page(
        request,
        "exchange.html",
        **channel.board(inst, who),
        messages=messages.listing(inst, who),
        cases=cases.listing(inst, who),
        undeliverable=outbox.undeliverable(inst, who),
        grants=coordinating.granted(inst, who),
        register=channel.register(inst, who),
        duties=DUTIES,
        owners=OWNERS,
        warning=(WARNING_ZH, WARNING_EN),
    )


@router.post("/exchange/peers", summary="Enter another authority")
def add_peer(
    request: Request,
    inst: Inst,
    who: Actor,
    identity: Annotated[str, Form(max_length=20_000)],
    fingerprint: Line,
) -> Response:
    peers.add(inst, who, identity.encode(), expected=fingerprint)
    return go("/exchange", "peer")


@router.post("/exchange/posts", summary="Say something on the general channel")
def post(request: Request, inst: Inst, who: Actor, title: Line, text: Text) -> Response:
    channel.post(inst, who, title, text)
    _sent(request)
    return go("/exchange", "posted")


@router.post("/exchange/alerts", summary="Raise an alert")
def alert(
    request: Request,
    inst: Inst,
    who: Actor,
    title: Line,
    text: Text = "",
    concerned: Annotated[list[str] | None, Form()] = None,
) -> Response:
    channel.alert(inst, who, title, text, concerned=(concerned or [])[:100])
    _sent(request)
    return go("/exchange", "alerted")


@router.get("/exchange/alerts/{alert_id}", summary="An alert, and the form of a selective message")
def one_alert(request: Request, inst: Inst, who: Reader, alert_id: str) -> Response:
    found = channel.one_alert(inst, who, alert_id)
    return page(
        request,
        "exchange_alert.html",
        alert=found,
        fields=_fields(inst),
        us=us(inst),
        acts=widening.acts(inst, who, alert_id),
        peers=peers.shown(inst, who),
    )


@router.post("/exchange/alerts/{alert_id}/widen", summary="Let an alert concern further authorities")
def widen(
    request: Request,
    inst: Inst,
    who: Actor,
    alert_id: str,
    reason: Line,
    concerned: Annotated[list[str] | None, Form()] = None,
) -> Response:
    widening.widen(inst, who, alert_id, (concerned or [])[:100], reason=reason)
    _sent(request)
    return go(f"/exchange/alerts/{alert_id}", "widened")


@router.post("/exchange/alerts/{alert_id}/messages", summary="Send a selective message")
@numbered
async def send(request: Request, inst: Inst, who: Actor, alert_id: str, text: Text = "") -> Response:
    from starlette.concurrency import run_in_threadpool

    persons = await _persons(request)
    made = await run_in_threadpool(messages.send, inst, who, alert_id, persons, text)
    await run_in_threadpool(_sent, request)
    return go(f"/exchange/messages/{made}", "message")


def _in_order(content: dict[str, Any]) -> dict[str, Any]:
    """The persons' fields in the order of the form, name first."""
    persons = [{name: one[name] for name in _ORDER if name in one} for one in content["persons"]]
    return {**content, "persons": persons}


def _message(
    request: Request, inst: Inst, who: Any, message_id: str, content: dict[str, Any] | None = None
) -> Response:
    found = messages.show(inst, who, message_id)
    content = _in_order(content) if content else None
    return page(request, "exchange_message.html", **found, content=content)


@router.get("/exchange/messages/{message_id}", summary="A selective message from outside")
def message(request: Request, inst: Inst, who: Reader, message_id: str) -> Response:
    return _message(request, inst, who, message_id)


@router.post("/exchange/messages/{message_id}/read", summary="What a message says (recorded)")
def read(request: Request, inst: Inst, who: Actor, message_id: str) -> Response:
    """Shown in this answer only; each reading is recorded."""
    return _message(request, inst, who, message_id, messages.read(inst, who, message_id))


@router.post("/exchange/messages/{message_id}/correct", summary="Correct a message in every copy")
@numbered
async def correct(
    request: Request, inst: Inst, who: Actor, message_id: str, reason: Line, text: Text = ""
) -> Response:
    from starlette.concurrency import run_in_threadpool

    persons = await _persons(request)
    await run_in_threadpool(changes.correct, inst, who, message_id, persons, text, reason=reason)
    await run_in_threadpool(_sent, request)
    return go(f"/exchange/messages/{message_id}", "corrected")


@router.post("/exchange/messages/{message_id}/delete", summary="Erase a message in every copy")
def delete(request: Request, inst: Inst, who: Actor, message_id: str, reason: Line) -> Response:
    changes.delete(inst, who, message_id, reason=reason)
    _sent(request)
    return go(f"/exchange/messages/{message_id}", "erased")


@router.post("/exchange/messages/{message_id}/report-unlawful", summary="Block a message and tell all")
def report_unlawful(request: Request, inst: Inst, who: Actor, message_id: str, reason: Line) -> Response:
    changes.report_unlawful(inst, who, message_id, reason=reason)
    _sent(request)
    return go(f"/exchange/messages/{message_id}", "blocked")


@router.post("/exchange/messages/{message_id}/coordinate", summary="Let a co-ordinating body look")
def coordinate(
    request: Request,
    inst: Inst,
    who: Actor,
    message_id: str,
    peer: Line,
    justification: Line,
    hours: Annotated[int, Form()] = 24,
) -> Response:
    coordinating.coordinate(inst, who, message_id, peer=peer, justification=justification, hours=hours)
    _sent(request)
    return go(f"/exchange/messages/{message_id}", "granted")


@router.post("/exchange/messages/{message_id}/requests", summary="Open a person's request")
def subject_request(
    request: Request,
    inst: Inst,
    who: Actor,
    message_id: str,
    kind: Line,
    text: Text = "",
    identity_verified: Annotated[bool, Form()] = False,
) -> Response:
    made = cases.subject_request(inst, who, message_id, kind, text, identity_verified=identity_verified)
    _sent(request)
    return go(f"/exchange/requests/{made}", "requested")


@router.get("/exchange/requests/{case_id}", summary="A person's request: who has answered")
def case(request: Request, inst: Inst, who: Reader, case_id: str) -> Response:
    return page(request, "exchange_case.html", case=cases.show(inst, who, case_id), spoken=None, us=us(inst))


@router.post("/exchange/requests/{case_id}/read", summary="What a person asked (recorded)")
def read_case(request: Request, inst: Inst, who: Actor, case_id: str) -> Response:
    spoken = cases.read(inst, who, case_id)
    return page(
        request, "exchange_case.html", case=cases.show(inst, who, case_id), spoken=spoken, us=us(inst)
    )


@router.post("/exchange/requests/{case_id}/answer", summary="Answer a person's request")
def answer(
    request: Request, inst: Inst, who: Actor, case_id: str, outcome: Line, text: Text = ""
) -> Response:
    cases.answer(inst, who, case_id, outcome, text)
    _sent(request)
    return go(f"/exchange/requests/{case_id}", "answered_case")


@router.post("/exchange/grants/{grant_id}/look", summary="Look at a message under a grant")
def look(request: Request, inst: Inst, who: Actor, grant_id: str) -> Response:
    return page(request, "exchange_shown.html", content=_in_order(coordinating.look(inst, who, grant_id)))
