"""JSON routes of gifts: the staff's under the session, the public's for everybody."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import Field

from lianfang.api.fields import only_known_query
from lianfang.api.rest.routes import Body, Name
from lianfang.api.security import Actor, Inst, Reader, public_form
from lianfang.foundation.canonical import plain
from lianfang.services import gifts

router = APIRouter(tags=["api"], dependencies=[Depends(only_known_query)])
Amount = Annotated[int, Field(ge=0, le=10**12)]
Text = Annotated[str, Field(max_length=400)]


class Line(Body):
    item: Name
    quantity: Amount
    directed_to: Name = ""
    provenance: Name = ""
    purpose: Text = ""


class PledgeBody(Body):
    lines: Annotated[list[Line], Field(max_length=200)]
    name: Text = ""
    phone: Text = ""
    show: bool = False


class ReceiveBody(Body):
    place: Name
    quantity: Amount


class ReasonBody(Body):
    quantity: Amount
    reason: Text


class InspectBody(Body):
    depot: Name
    accepted: Amount = 0
    rejected: Amount = 0
    quarantined: Amount = 0
    item: Name = ""
    mark: Name = ""
    lot_no: Name = ""
    expires_on: date | None = None
    reason: Name = ""
    note: Text = ""
    source: Name = "received"


class StoreBody(Body):
    quantity: Amount
    shelf: Name = ""


class AllocateBody(Body):
    body_id: Name
    quantity: Amount
    need_id: Name = ""
    reason: Text


class OnwardBody(Body):
    quantity: Amount
    note: Text = ""


class BackBody(Body):
    quantity: Amount
    depot: Name
    reason: Text
    source: Name = "delivered"


class EndBody(Body):
    state: Name
    at: Name
    quantity: Amount
    reason: Text
    note: Text = ""


class DisposeBody(EndBody):
    end: Name


class AnswerBody(Body):
    body_id: Name
    agrees: bool
    how: Text


class WishBody(Body):
    show: bool


class WhyBody(Body):
    reason: Text


class MoneyBody(Body):
    account_id: Name
    quantity: Amount


class RefundBody(MoneyBody):
    reason: Text
    source: Name = "stored"


class PurchaseBody(Body):
    draws: Annotated[dict[str, int], Field(max_length=200)]
    account_id: Name
    supplier: Text
    item: Name
    quantity: Amount


class NeedBody(Body):
    body_id: Name
    item: Name
    quantity: Amount
    until: date
    stock: Amount = 0
    daily_use: Amount = 0


class AccountBody(Body):
    name_zh: Text
    name_en: Text
    channel: Name
    number: Text
    bank: Text = ""
    valid_from: date
    valid_to: date | None = None


class VerifyBody(Body):
    evidence: Text


class CheckBody(Body):
    number: Annotated[str, Field(max_length=200)]
    name: Annotated[str, Field(max_length=200)] = ""


class SupplyBodyBody(Body):
    body_id: Name
    kind: Name
    name_zh: Text
    name_en: Text
    adcode: Name = ""


def _step(step_id: str) -> dict[str, str]:
    return {"step_id": step_id}


@router.get("/gifts", summary="Gifts and what they hold")
def listing(
    inst: Inst,
    who: Reader,
    event: Annotated[str, Query(max_length=80)] = "",
    state: Annotated[str, Query(max_length=40)] = "",
    before: Annotated[str, Query(max_length=80)] = "",
) -> Any:
    return plain(gifts.listing(inst, who, event_id=event, state=state, before=before))


@router.get("/gifts/needs", summary="Open needs beside what was given for them")
def needs(inst: Inst, who: Reader) -> Any:
    return plain(gifts.needs(inst, who))


@router.get("/gifts/proposal", summary="What could be allocated now, by need")
def proposal(inst: Inst, who: Reader, item: Annotated[str, Query(max_length=80)] = "") -> Any:
    return plain(gifts.propose(inst, who, item))


@router.get("/gifts/audit", summary="The book of gifts checked from its first step")
def audit(inst: Inst, who: Reader) -> Any:
    return gifts.audit(inst, who)


@router.get("/gifts/register", summary="The register of accounts, with what waits")
def register(inst: Inst, who: Reader) -> Any:
    return plain(gifts.registered(inst, who))


@router.get("/gifts/{gift_id}", summary="A gift: its holdings and its steps")
def show(inst: Inst, who: Reader, gift_id: Name) -> Any:
    return plain(gifts.show(inst, who, gift_id))


@router.get("/gifts/{gift_id}/steps", summary="A gift's steps with their entries in the ledger")
def steps(inst: Inst, who: Reader, gift_id: Name) -> Any:
    return plain(gifts.steps(inst, who, gift_id))


@router.post("/events/{event_id}/gifts", status_code=201, summary="Somebody promises gifts")
def pledge(inst: Inst, who: Actor, event_id: Name, body: PledgeBody) -> Any:
    lines = [line.model_dump() for line in body.lines]
    return gifts.pledge(inst, who, event_id, lines, name=body.name, phone=body.phone, show=body.show)


@router.post("/gifts/{gift_id}/receive", summary="A gift has arrived")
def receive(inst: Inst, who: Actor, gift_id: Name, body: ReceiveBody) -> Any:
    return _step(gifts.receive(inst, who, gift_id, body.place, body.quantity))


@router.post("/gifts/{gift_id}/withdraw", summary="What was promised does not come")
def withdraw(inst: Inst, who: Actor, gift_id: Name, body: ReasonBody) -> Any:
    return _step(gifts.withdraw(inst, who, gift_id, body.quantity, reason=body.reason))


@router.post("/gifts/{gift_id}/inspect", summary="Judge goods against the standard")
def inspect(inst: Inst, who: Actor, gift_id: Name, body: InspectBody) -> Any:
    given = body.model_dump()
    return gifts.inspect(inst, who, gift_id, given.pop("depot"), **given)


@router.post("/gifts/lots/{lot_id}/store", summary="Put accepted goods on the shelf")
def store(inst: Inst, who: Actor, lot_id: Name, body: StoreBody) -> Any:
    return _step(gifts.store(inst, who, lot_id, body.quantity, shelf=body.shelf))


@router.post("/gifts/lots/{lot_id}/allocate", status_code=201, summary="Give a quantity of a lot to a body")
def allocate(inst: Inst, who: Actor, lot_id: Name, body: AllocateBody) -> Any:
    return gifts.allocate(
        inst, who, lot_id, body.body_id, body.quantity, need_id=body.need_id, reason=body.reason
    )


@router.post("/gifts/allocations/{allocation_id}/cancel", summary="Take an allocation back")
def cancel(inst: Inst, who: Actor, allocation_id: Name, body: ReasonBody) -> Any:
    return _step(gifts.cancel(inst, who, allocation_id, body.quantity, reason=body.reason))


@router.post("/gifts/allocations/{allocation_id}/dispatch", summary="Allocated goods leave the depot")
def dispatch(inst: Inst, who: Actor, allocation_id: Name, body: OnwardBody) -> Any:
    return _step(gifts.dispatch(inst, who, allocation_id, body.quantity, waybill=body.note))


@router.post("/gifts/allocations/{allocation_id}/deliver", summary="The body confirms what arrived")
def deliver(inst: Inst, who: Actor, allocation_id: Name, body: OnwardBody) -> Any:
    return _step(gifts.deliver(inst, who, allocation_id, body.quantity, note=body.note))


@router.post("/gifts/allocations/{allocation_id}/use", summary="Delivered goods were used; note: the ward")
def use(inst: Inst, who: Actor, allocation_id: Name, body: OnwardBody) -> Any:
    return _step(gifts.use(inst, who, allocation_id, body.quantity, ward=body.note))


@router.post("/gifts/allocations/{allocation_id}/back", summary="Goods come back to a depot")
def give_back(inst: Inst, who: Actor, allocation_id: Name, body: BackBody) -> Any:
    given = body.model_dump()
    return _step(gifts.give_back(inst, who, allocation_id, given.pop("quantity"), **given))


@router.post("/gifts/{gift_id}/lose", summary="A quantity is gone")
def lose(inst: Inst, who: Actor, gift_id: Name, body: EndBody) -> Any:
    return _step(
        gifts.lose(inst, who, gift_id, body.state, body.at, body.quantity, reason=body.reason, note=body.note)
    )


@router.post("/gifts/{gift_id}/dispose", summary="Goods go back to the donor or are destroyed")
def dispose(inst: Inst, who: Actor, gift_id: Name, body: DisposeBody) -> Any:
    how = {"end": body.end, "reason": body.reason, "note": body.note}
    return _step(gifts.dispose(inst, who, gift_id, body.state, body.at, body.quantity, **how))


@router.post("/gifts/{gift_id}/answer", summary="The donor's answer: may it go to another body?")
def answer(inst: Inst, who: Actor, gift_id: Name, body: AnswerBody) -> Any:
    return _step(gifts.answer(inst, who, gift_id, body.body_id, agrees=body.agrees, how=body.how))


@router.post("/gifts/steps/{step_id}/reverse", summary="Undo a step by one that names it")
def reverse(inst: Inst, who: Actor, step_id: Name, body: WhyBody) -> Any:
    return _step(gifts.reverse(inst, who, step_id, reason=body.reason))


@router.post("/gifts/{gift_id}/donor", summary="Read who gave; the reading is recorded")
def donor(inst: Inst, who: Actor, gift_id: Name) -> Any:
    return gifts.donor(inst, who, gift_id)


@router.post("/gifts/{gift_id}/wish", summary="Record whether the donor wants to be named")
def wish(inst: Inst, who: Actor, gift_id: Name, body: WishBody) -> Any:
    gifts.wish(inst, who, gift_id, body.show)
    return {"show": body.show}


@router.post("/gifts/{gift_id}/code", summary="Another receipt code; the old one ends")
def new_code(inst: Inst, who: Actor, gift_id: Name) -> Any:
    return {"code": gifts.new_code(inst, who, gift_id)}


@router.post("/gifts/{gift_id}/confirm", summary="The money is on the account, seen by a second person")
def confirm(inst: Inst, who: Actor, gift_id: Name, body: MoneyBody) -> Any:
    return _step(gifts.confirm(inst, who, gift_id, body.account_id, body.quantity))


@router.post("/gifts/{gift_id}/refund", summary="Money goes back to the donor")
def refund(inst: Inst, who: Actor, gift_id: Name, body: RefundBody) -> Any:
    how = {"reason": body.reason, "source": body.source}
    return _step(gifts.refund(inst, who, gift_id, body.account_id, body.quantity, **how))


@router.post("/events/{event_id}/purchases", status_code=201, summary="Money becomes goods")
def purchase(inst: Inst, who: Actor, event_id: Name, body: PurchaseBody) -> Any:
    given = body.model_dump()
    return gifts.purchase(inst, who, event_id, given.pop("draws"), **given)


@router.post("/events/{event_id}/needs", status_code=201, summary="A body asks for goods")
def ask(inst: Inst, who: Actor, event_id: Name, body: NeedBody) -> Any:
    made = gifts.ask(
        inst, who, event_id, body.body_id, body.item, body.quantity, until=body.until, stock=body.stock,
        daily_use=body.daily_use,
    )  # fmt: skip
    return {"need_id": made}


@router.post("/gifts/needs/{need_id}/withdraw", summary="A need is over")
def withdraw_need(inst: Inst, who: Actor, need_id: Name) -> Any:
    gifts.withdraw_need(inst, who, need_id)
    return {"need_id": need_id}


@router.post("/gifts/bodies", status_code=201, summary="Enter a depot, a hospital or another body")
def add_body(inst: Inst, who: Actor, body: SupplyBodyBody) -> Any:
    given = body.model_dump()
    return {"body_id": gifts.add_body(inst, who, given.pop("body_id"), **given)}


@router.post("/gifts/items", status_code=201, summary="Add an item with its standard to the catalogue")
def add_item(inst: Inst, who: Actor, body: dict[str, Any]) -> Any:
    return {"item_id": gifts.add_item(inst, who, body)}


@router.post("/gifts/register", status_code=201, summary="Enter an account or a collection point")
def enter_account(inst: Inst, who: Actor, body: AccountBody) -> Any:
    return {"account_id": gifts.enter_account(inst, who, **body.model_dump())}


@router.post("/gifts/register/{account_id}/verify", summary="Verify an entry as the second person")
def verify_account(inst: Inst, who: Actor, account_id: Name, body: VerifyBody) -> Any:
    gifts.verify_account(inst, who, account_id, evidence=body.evidence)
    return {"account_id": account_id}


@router.post("/gifts/register/{account_id}/end", summary="An account is no longer to be used")
def end_account(inst: Inst, who: Actor, account_id: Name, body: WhyBody) -> Any:
    gifts.end_account(inst, who, account_id, reason=body.reason)
    return {"account_id": account_id}


@router.get("/public/gifts", summary="What was given, where it is, what is missing (public)")
def overview(inst: Inst) -> Any:
    return plain(gifts.overview(inst))


@router.get("/public/gifts/{code}", summary="One's own gift by the code of the receipt (public)")
def follow(inst: Inst, code: Name) -> Any:
    return plain(gifts.follow(inst, code))


@router.get("/public/items", summary="The catalogue of items with their standards (public)")
def items(inst: Inst) -> Any:
    return plain({"items": gifts.items(inst), "bodies": gifts.bodies(inst)})


@router.get("/public/accounts", summary="The real accounts and collection points (public)")
def accounts(inst: Inst) -> Any:
    return plain(gifts.registered(inst))


@router.post("/public/accounts", dependencies=[Depends(public_form)], summary="Is it a real one? (public)")
def check(inst: Inst, body: CheckBody) -> Any:
    return plain(gifts.check_account(inst, body.number, body.name))
