"""JSON routes of the exchange under /api/v1/exchange; personal fields exist on the selective channel only."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field

from lianfang.api.rest.routes import Body
from lianfang.api.security import Actor, Inst, Reader
from lianfang.foundation.canonical import plain
from lianfang.services.exchange import (
    cases,
    changes,
    channel,
    coordinating,
    ending,
    messages,
    outbox,
    peers,
    widening,
)
from lianfang.services.exchange.common import WARNING_EN, WARNING_ZH

router = APIRouter(prefix="/exchange", tags=["api"])
Name = Annotated[str, Field(max_length=80)]
Line = Annotated[str, Field(max_length=200)]
Words = Annotated[str, Field(max_length=4000)]
Persons = Annotated[list[Any], Field(max_length=50)]  # the service says what is wrong with whom


class PeerBody(Body):
    identity: dict[str, Any]
    fingerprint: Line
    replace: bool = False


class PostBody(Body):
    title: Line
    text: Words


class AlertBody(Body):
    title: Line
    text: Words = ""
    concerned: Annotated[list[Name], Field(max_length=100)]
    event_id: Name = ""


class MessageBody(Body):
    persons: Persons
    text: Words = ""
    to: Annotated[list[Name], Field(max_length=100)] | None = None


class CorrectionBody(Body):
    persons: Persons
    text: Words = ""
    reason: Name


class ReasonBody(Body):
    reason: Line


class RequestBody(Body):
    request: Name
    text: Words = ""
    identity_verified: bool


class AnswerBody(Body):
    outcome: Name
    text: Words = ""


class GrantBody(Body):
    peer: Name
    justification: Line
    hours: int = 24


@router.get("", summary="The general channel and the alerts, with the warning")
def board(inst: Inst, who: Reader) -> Any:
    return {"warning": {"zh": WARNING_ZH, "en": WARNING_EN}, **plain(channel.board(inst, who))}


@router.get("/register", summary="Data sets: controllers and processor")
def register(inst: Inst, who: Reader) -> Any:
    return plain(channel.register(inst, who))


@router.post("/peers", status_code=201, summary="Enter another authority")
def add_peer(inst: Inst, who: Actor, body: PeerBody) -> Any:
    return plain(peers.add(inst, who, body.identity, expected=body.fingerprint, replace=body.replace))


@router.post("/peers/{authority}/remove", status_code=204, summary="Trust an authority no more")
def remove_peer(inst: Inst, who: Actor, authority: Name) -> None:
    peers.remove(inst, who, authority)


@router.post("/posts", status_code=201, summary="Say something on the general channel")
def post(inst: Inst, who: Actor, body: PostBody) -> dict[str, str]:
    return {"post_id": channel.post(inst, who, body.title, body.text)}


@router.post("/alerts", status_code=201, summary="Raise an alert")
def alert(inst: Inst, who: Actor, body: AlertBody) -> dict[str, str]:
    made = channel.alert(inst, who, body.title, body.text, concerned=body.concerned, event_id=body.event_id)
    return {"alert_id": made}


class WidenBody(Body):
    concerned: Annotated[list[Name], Field(min_length=1, max_length=100)]
    reason: Annotated[str, Field(max_length=200)]


@router.post("/alerts/{alert_id}/widen", summary="Let an alert concern further authorities")
def widen(inst: Inst, who: Actor, alert_id: Name, body: WidenBody) -> dict[str, list[str]]:
    return {"concerned": widening.widen(inst, who, alert_id, body.concerned, reason=body.reason)}


@router.get("/alerts/{alert_id}/acts", summary="How an alert was widened: by whom, to whom, why")
def alert_acts(inst: Inst, who: Reader, alert_id: Name) -> Any:
    return plain(widening.acts(inst, who, alert_id))


@router.get("/undeliverable", summary="Letters whose recipient is trusted no more")
def undeliverable(inst: Inst, who: Reader) -> Any:
    return plain(outbox.undeliverable(inst, who))


@router.get("/messages", summary="Selective messages from outside")
def inbox(inst: Inst, who: Reader) -> Any:
    return plain(messages.listing(inst, who))


@router.post("/alerts/{alert_id}/messages", status_code=201, summary="Send a selective message")
def send(inst: Inst, who: Actor, alert_id: Name, body: MessageBody) -> dict[str, str]:
    return {"message_id": messages.send(inst, who, alert_id, body.persons, body.text, to=body.to)}


@router.get("/messages/{message_id}", summary="Who has a message, and what was done to it")
def show(inst: Inst, who: Reader, message_id: Name) -> Any:
    return plain(messages.show(inst, who, message_id))


@router.post("/messages/{message_id}/read", summary="What a message says (recorded)")
def read(inst: Inst, who: Actor, message_id: Name) -> dict[str, Any]:
    return messages.read(inst, who, message_id)


@router.post("/messages/{message_id}/correct", summary="Correct a message in every copy")
def correct(inst: Inst, who: Actor, message_id: Name, body: CorrectionBody) -> dict[str, int]:
    version = changes.correct(inst, who, message_id, body.persons, body.text, reason=body.reason)
    return {"version": version}


@router.post("/messages/{message_id}/delete", status_code=204, summary="Erase a message in every copy")
def delete(inst: Inst, who: Actor, message_id: Name, body: ReasonBody) -> None:
    changes.delete(inst, who, message_id, reason=body.reason)


@router.post("/messages/{message_id}/report-unlawful", status_code=204, summary="Block a message, tell all")
def report_unlawful(inst: Inst, who: Actor, message_id: Name, body: ReasonBody) -> None:
    changes.report_unlawful(inst, who, message_id, reason=body.reason)


@router.post("/messages/{message_id}/requests", status_code=201, summary="Open a person's request")
def subject_request(inst: Inst, who: Actor, message_id: Name, body: RequestBody) -> dict[str, str]:
    made = cases.subject_request(
        inst, who, message_id, body.request, body.text, identity_verified=body.identity_verified
    )
    return {"case_id": made}


@router.post("/messages/{message_id}/coordinate", status_code=201, summary="Let a co-ordinating body look")
def coordinate(inst: Inst, who: Actor, message_id: Name, body: GrantBody) -> dict[str, str]:
    made = coordinating.coordinate(
        inst, who, message_id, peer=body.peer, justification=body.justification, hours=body.hours
    )
    return {"grant_id": made}


@router.get("/requests", summary="Requests of persons, and who has not answered")
def requests(inst: Inst, who: Reader) -> Any:
    return plain(cases.listing(inst, who))


@router.post("/requests/{case_id}/read", summary="What a person asked and what was answered (recorded)")
def read_request(inst: Inst, who: Actor, case_id: Name) -> dict[str, Any]:
    return cases.read(inst, who, case_id)


@router.post("/requests/{case_id}/answer", summary="Answer a person's request")
def answer(inst: Inst, who: Actor, case_id: Name, body: AnswerBody) -> dict[str, str]:
    return {"state": cases.answer(inst, who, case_id, body.outcome, body.text)}


@router.post("/grants/{grant_id}/look", summary="Look at a message under a grant")
def look(inst: Inst, who: Actor, grant_id: Name) -> dict[str, Any]:
    return coordinating.look(inst, who, grant_id)


@router.post("/deliver", summary="Deliver now what waits")
def deliver(inst: Inst, who: Actor) -> dict[str, int]:
    return outbox.deliver(inst, who, force=True)


@router.post("/purge", summary="End the messages whose deadline has come")
def purge(inst: Inst, who: Actor) -> Any:
    return ending.purge(inst, who)
