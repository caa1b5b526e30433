"""Contacts and acts: the ranked tokens, locking, the second approval, naming."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import Response

from lianfang.api.security import Actor, Costly, Inst, Reader
from lianfang.api.view import file, go, language, page
from lianfang.foundation.errors import Refused
from lianfang.services import accounts, contacts, people
from lianfang.services.gate import ACTS, require

router = APIRouter(tags=["contacts"])
Text = Annotated[str, Form(max_length=2000)]


@router.get("/events/{event_id}/contacts", summary="Ranked contacts as tokens with evidence")
def listing(
    request: Request,
    inst: Inst,
    who: Reader,
    event_id: str,
    page_number: Annotated[int, Query(ge=1, alias="page")] = 1,
) -> Response:
    size = 100
    found = contacts.page(inst, who, event_id, number=page_number, size=size)
    return page(
        request,
        "contacts.html",
        event=found["event"],
        contacts=found["contacts"],
        total=found["total"],
        page_number=page_number,
        pages=max(1, -(-found["total"] // size)),
        reasons=contacts.reasons_in_words(found["contacts"], language(request)),
        workers=people.workers(inst),
        observed=contacts.observed(inst, who, event_id),
        may_release=who.role in ACTS["observation.end"],
        approved=found["decided"] > 0,
    )


@router.get(
    "/events/{event_id}/contacts.csv",
    dependencies=[Costly],
    summary="The approved contacts as a table of tokens",
)
def table(request: Request, inst: Inst, who: Reader, event_id: str) -> Response:
    return file(contacts.export(inst, who, event_id, lang=language(request)), f"contacts-{event_id}.csv")


@router.post("/events/{event_id}/lock", summary="Lock contacts at risk")
def lock(
    request: Request,
    inst: Inst,
    who: Actor,
    event_id: str,
    reason: Text,
    worker: Text,
    contact: Annotated[list[str] | None, Form()] = None,
) -> Response:
    contacts.lock(inst, who, event_id, contact or [], reason=reason, worker=worker)
    return go("/act", "locked")


@router.get("/act", summary="Locks that wait for approval or naming")
def act(request: Request, inst: Inst, who: Reader) -> Response:
    return page(request, "act.html", locks=contacts.locks(inst, who))


@router.post("/locks/{lock_id}/verdict", summary="Approve or refuse a lock as the second person")
def verdict(
    request: Request, inst: Inst, who: Actor, lock_id: str, verdict: Text, note: Text = ""
) -> Response:
    status = contacts.approve(inst, who, lock_id, verdict=verdict, note=note)
    return go("/act", "approved" if status == "approved" else "refused")


@router.post("/locks/{lock_id}/withdraw", summary="Withdraw one's own lock")
def withdraw(request: Request, inst: Inst, who: Actor, lock_id: str) -> Response:
    contacts.withdraw(inst, who, lock_id)
    return go("/act", "withdrawn")


@router.post("/locks/{lock_id}/demonstration", summary="Approve as the demonstration's second person")
def demonstration(request: Request, inst: Inst, who: Actor, lock_id: str) -> Response:
    """The labelled button of the demonstration: the data-protection officer's approval, by her own account."""
    if not inst.settings.demonstration:
        raise Refused("This is no demonstration installation.", code="no_demonstration")
    require(who, "contact.lock")
    second = accounts.person(inst, "chen.ren")
    contacts.approve(inst, second, lock_id, note="demonstration button")
    return go("/act", "approved")


@router.post("/locks/{lock_id}/name", summary="Have exactly the locked contacts named to the worker")
def name(request: Request, inst: Inst, who: Actor, lock_id: str) -> Response:
    contacts.name(inst, who, lock_id)
    return go("/act", "named")
