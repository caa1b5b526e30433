"""Gifts for the staff: what came, where each piece is, and the form of whichever step is next."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from lianfang.api.security import Actor, Inst, Reader
from lianfang.api.view import go, page
from lianfang.foundation.errors import BadInput
from lianfang.services import gifts
from lianfang.services.gate import ACTS, require
from lianfang.services.gifts import catalogue, inspecting, moving, register
from lianfang.services.gifts.book import STATES
from lianfang.services.installation import Installation, Who

router = APIRouter(tags=["gifts"])
Text = Annotated[str, Form(max_length=2000)]
Name = Annotated[str, Form(max_length=200)]
Amount = Annotated[int, Form(ge=0, le=10**12)]


def may(who: Who) -> dict[str, bool]:
    """Which of the acts the reader's role has, for the page's forms."""
    return {act[5:]: who.role in roles for act, roles in ACTS.items() if act.startswith("gift.")}


def day(text: str) -> date | None:
    """A day from a form; None when it is empty."""
    try:
        return date.fromisoformat(text) if text.strip() else None
    except ValueError:
        raise BadInput("A day is written like 2027-01-31.") from None


def _catalogue(inst: Installation) -> dict[str, Any]:
    return {
        "items": {row["item_id"]: row for row in gifts.items(inst)},
        "bodies": {row["body_id"]: row for row in gifts.bodies(inst)},
    }


@router.get("/gifts", summary="Gifts and where they are")
def listing(request: Request, inst: Inst, who: Reader, state: str = "", before: str = "") -> Response:
    found = gifts.listing(inst, who, state=state[:40], before=before[:40])
    return page(
        request,
        "gifts.html",
        found=found,
        seen=gifts.overview(inst),
        may=may(who),
        open_events=gifts.open_events(inst, who),
        states=STATES,
        state=state,
        **_catalogue(inst),
    )


@router.post("/gifts", summary="Somebody promises a gift; shows the receipt code once")
def pledge(
    request: Request,
    inst: Inst,
    who: Actor,
    event_id: Name,
    item: Name,
    quantity: Amount,
    directed_to: Name = "",
    self_delivered: Name = "",
    purpose: Text = "",
    name: Name = "",
    phone: Name = "",
    show: Name = "",
) -> Response:
    line = {"item": item, "quantity": quantity, "directed_to": directed_to, "purpose": purpose}
    if self_delivered:
        line["provenance"] = "self_delivered"
    made = gifts.pledge(inst, who, event_id, [line], name=name, phone=phone, show=bool(show))
    return page(request, "gift_code.html", code=made["code"], gift_id=made["gifts"][0])


@router.get("/gifts/needs", summary="What bodies need beside what they were given, and a proposal")
def needs(request: Request, inst: Inst, who: Reader) -> Response:
    found = gifts.needs(inst, who)
    return page(
        request,
        "gift_needs.html",
        found=found,
        lines=gifts.propose(inst, who) if may(who)["allocate"] else [],
        may=may(who),
        open_events=gifts.open_events(inst, who),
        **_catalogue(inst),
    )


@router.post("/gifts/needs", summary="A body asks for goods")
def ask(
    inst: Inst,
    who: Actor,
    event_id: Name,
    body_id: Name,
    item: Name,
    quantity: Amount,
    until: Name,
    stock: Amount = 0,
    daily_use: Amount = 0,
) -> RedirectResponse:
    require(who, "gift.need")
    last = day(until) or inst.today()
    gifts.ask(inst, who, event_id, body_id, item, quantity, until=last, stock=stock, daily_use=daily_use)
    return go("/gifts/needs", "gift_asked")


@router.post("/gifts/needs/{need_id}/withdraw", summary="A need is over")
def withdraw_need(inst: Inst, who: Actor, need_id: str) -> RedirectResponse:
    gifts.withdraw_need(inst, who, need_id)
    return go("/gifts/needs", "gift_done")


@router.get("/gifts/register", summary="The register of accounts, with what waits for verification")
def accounts(request: Request, inst: Inst, who: Reader) -> Response:
    return page(
        request,
        "gift_register.html",
        found=gifts.registered(inst, who),
        may=may(who),
        channels=register.CHANNELS,
    )


@router.post("/gifts/register", summary="Enter an account or a collection point")
def enter_account(
    inst: Inst,
    who: Actor,
    name_zh: Name,
    name_en: Name,
    channel: Name,
    number: Name,
    bank: Name = "",
    valid_from: Name = "",
    valid_to: Name = "",
) -> RedirectResponse:
    gifts.enter_account(
        inst,
        who,
        name_zh=name_zh,
        name_en=name_en,
        channel=channel,
        number=number,
        bank=bank,
        valid_from=day(valid_from) or inst.today(),
        valid_to=day(valid_to),
    )
    return go("/gifts/register", "gift_entered")


@router.post("/gifts/register/{account_id}/verify", summary="Verify an entry as the second person")
def verify_account(inst: Inst, who: Actor, account_id: str, evidence: Text) -> RedirectResponse:
    gifts.verify_account(inst, who, account_id, evidence=evidence)
    return go("/gifts/register", "gift_verified")


@router.post("/gifts/register/{account_id}/end", summary="An account is no longer to be used")
def end_account(inst: Inst, who: Actor, account_id: str, reason: Text) -> RedirectResponse:
    gifts.end_account(inst, who, account_id, reason=reason)
    return go("/gifts/register", "gift_done")


@router.get("/gifts/catalogue", summary="Items with their standards, and bodies")
def items(request: Request, inst: Inst, who: Reader) -> Response:
    gifts.listing(inst, who, limit=1)  # asks for the right to see gifts
    return page(request, "gift_catalogue.html", may=may(who), kinds=catalogue.BODY_KINDS, **_catalogue(inst))


@router.post("/gifts/bodies", summary="Enter a depot, a hospital or another body")
def add_body(
    inst: Inst, who: Actor, body_id: Name, kind: Name, name_zh: Name, name_en: Name, adcode: Name = ""
) -> RedirectResponse:
    gifts.add_body(inst, who, body_id, kind=kind, name_zh=name_zh, name_en=name_en, adcode=adcode)
    return go("/gifts/catalogue", "gift_entered")


@router.get("/gifts/export/{what}.{kind}", summary="A table to keep, as CSV or workbook")
def export(inst: Inst, who: Reader, what: str, kind: str) -> Response:
    raw = gifts.export(inst, who, what, form=kind)
    media = {
        "csv": "text/csv; charset=utf-8",
        "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    }[kind]
    headers = {"Content-Disposition": f'attachment; filename="gifts-{what}.{kind}"'}
    return Response(raw, media_type=media, headers=headers)


@router.get("/gifts/{gift_id}", summary="A gift: where each piece is, and its steps")
def gift(request: Request, inst: Inst, who: Reader, gift_id: str) -> Response:
    return _gift(request, inst, who, gift_id)


def _gift(request: Request, inst: Installation, who: Who, gift_id: str, donor: Any = None) -> Response:
    return page(
        request,
        "gift.html",
        one=gifts.show(inst, who, gift_id),
        may=may(who),
        donor=donor,
        reasons=inspecting.REASONS,
        losses=moving.LOSSES,
        accounts=[row for row in gifts.registered(inst) if row["state"] == "valid"],
        **_catalogue(inst),
    )


@router.post("/gifts/{gift_id}/donor", summary="Read who gave; the reading is recorded")
def donor(request: Request, inst: Inst, who: Actor, gift_id: str) -> Response:
    return _gift(request, inst, who, gift_id, gifts.donor(inst, who, gift_id))


@router.post("/gifts/{gift_id}/wish", summary="Record whether the donor wants to be named")
def wish(inst: Inst, who: Actor, gift_id: str, show: Name = "") -> RedirectResponse:
    gifts.wish(inst, who, gift_id, bool(show))
    return go(f"/gifts/{gift_id}", "gift_wish")


@router.post("/gifts/{gift_id}/code", summary="Another receipt code for a donor who lost his")
def new_code(request: Request, inst: Inst, who: Actor, gift_id: str) -> Response:
    return page(request, "gift_code.html", code=gifts.new_code(inst, who, gift_id), gift_id=gift_id)


@router.post("/gifts/{gift_id}/receive", summary="A gift has arrived")
def receive(inst: Inst, who: Actor, gift_id: str, place: Name, quantity: Amount) -> RedirectResponse:
    gifts.receive(inst, who, gift_id, place, quantity)
    return go(f"/gifts/{gift_id}", "gift_done")


@router.post("/gifts/{gift_id}/withdraw", summary="What was promised does not come")
def withdraw(inst: Inst, who: Actor, gift_id: str, quantity: Amount, reason: Text) -> RedirectResponse:
    gifts.withdraw(inst, who, gift_id, quantity, reason=reason)
    return go(f"/gifts/{gift_id}", "gift_done")


@router.post("/gifts/{gift_id}/inspect", summary="Judge goods against the standard")
def inspect(
    inst: Inst,
    who: Actor,
    gift_id: str,
    depot: Name,
    source: Name,
    accepted: Amount = 0,
    rejected: Amount = 0,
    quarantined: Amount = 0,
    item: Name = "",
    mark: Name = "",
    lot_no: Name = "",
    expires_on: Name = "",
    reason: Name = "",
) -> RedirectResponse:
    gifts.inspect(
        inst,
        who,
        gift_id,
        depot,
        source=source,
        accepted=accepted,
        rejected=rejected,
        quarantined=quarantined,
        item=item,
        mark=mark,
        lot_no=lot_no,
        expires_on=day(expires_on),
        reason=reason,
    )
    return go(f"/gifts/{gift_id}", "gift_done")


@router.post("/gifts/{gift_id}/confirm", summary="The money is on the account, seen by a second person")
def confirm(inst: Inst, who: Actor, gift_id: str, account_id: Name, quantity: Amount) -> RedirectResponse:
    gifts.confirm(inst, who, gift_id, account_id, quantity)
    return go(f"/gifts/{gift_id}", "gift_done")


@router.post("/gifts/{gift_id}/purchase", summary="Money becomes goods")
def purchase(
    inst: Inst,
    who: Actor,
    gift_id: str,
    account_id: Name,
    price: Amount,
    supplier: Name,
    item: Name,
    quantity: Amount,
) -> RedirectResponse:
    require(who, "gift.money")
    event_id = gifts.show(inst, who, gift_id)["event_id"]
    made = gifts.purchase(
        inst, who, event_id, {gift_id: price}, account_id=account_id, supplier=supplier, item=item,
        quantity=quantity,
    )  # fmt: skip
    return go(f"/gifts/{made['gift_id']}", "gift_done")


@router.post("/gifts/{gift_id}/refund", summary="Money goes back to the donor")
def refund(
    inst: Inst, who: Actor, gift_id: str, account_id: Name, quantity: Amount, reason: Text, source: Name
) -> RedirectResponse:
    gifts.refund(inst, who, gift_id, account_id, quantity, reason=reason, source=source)
    return go(f"/gifts/{gift_id}", "gift_done")


@router.post("/gifts/{gift_id}/answer", summary="The donor's answer: may it go to another body?")
def answer(
    inst: Inst, who: Actor, gift_id: str, body_id: Name, how: Text, agrees: Name = ""
) -> RedirectResponse:
    gifts.answer(inst, who, gift_id, body_id, agrees=bool(agrees), how=how)
    return go(f"/gifts/{gift_id}", "gift_done")


@router.post("/gifts/{gift_id}/lose", summary="A quantity is gone")
def lose(
    inst: Inst, who: Actor, gift_id: str, state: Name, place: Name, quantity: Amount, reason: Name
) -> RedirectResponse:
    gifts.lose(inst, who, gift_id, state, place, quantity, reason=reason)
    return go(f"/gifts/{gift_id}", "gift_done")


@router.post("/gifts/{gift_id}/dispose", summary="Goods go back to the donor or are destroyed")
def dispose(
    inst: Inst, who: Actor, gift_id: str, state: Name, place: Name, quantity: Amount, end: Name, reason: Text
) -> RedirectResponse:
    gifts.dispose(inst, who, gift_id, state, place, quantity, end=end, reason=reason)
    return go(f"/gifts/{gift_id}", "gift_done")


@router.post("/gifts/{gift_id}/lots/{lot_id}/store", summary="Put accepted goods on the shelf")
def store(
    inst: Inst, who: Actor, gift_id: str, lot_id: str, quantity: Amount, shelf: Name = ""
) -> RedirectResponse:
    gifts.store(inst, who, lot_id, quantity, shelf=shelf)
    return go(f"/gifts/{gift_id}", "gift_done")


@router.post("/gifts/{gift_id}/lots/{lot_id}/allocate", summary="Give a quantity of a lot to a body")
def allocate(
    inst: Inst,
    who: Actor,
    gift_id: str,
    lot_id: str,
    body_id: Name,
    quantity: Amount,
    reason: Text,
    need_id: Name = "",
    back: Name = "",
) -> RedirectResponse:
    gifts.allocate(inst, who, lot_id, body_id, quantity, need_id=need_id, reason=reason)
    return go("/gifts/needs" if back == "needs" else f"/gifts/{gift_id}", "gift_done")


@router.post("/gifts/{gift_id}/allocations/{allocation_id}/{act}", summary="Send, confirm, use, take back")
def onward(
    inst: Inst,
    who: Actor,
    gift_id: str,
    allocation_id: str,
    act: str,
    quantity: Amount,
    text: Text = "",
    depot: Name = "",
    source: Name = "delivered",
) -> RedirectResponse:
    if act == "dispatch":
        gifts.dispatch(inst, who, allocation_id, quantity, waybill=text)
    elif act == "deliver":
        gifts.deliver(inst, who, allocation_id, quantity)
    elif act == "use":
        gifts.use(inst, who, allocation_id, quantity, ward=text)
    elif act == "cancel":
        gifts.cancel(inst, who, allocation_id, quantity, reason=text)
    else:
        gifts.give_back(inst, who, allocation_id, quantity, depot=depot, reason=text, source=source)
    return go(f"/gifts/{gift_id}", "gift_done")


@router.post("/gifts/{gift_id}/steps/{step_id}/reverse", summary="Undo a step by one that names it")
def reverse(inst: Inst, who: Actor, gift_id: str, step_id: str, reason: Text) -> RedirectResponse:
    gifts.reverse(inst, who, step_id, reason=reason)
    return go(f"/gifts/{gift_id}", "gift_undone")
