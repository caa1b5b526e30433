"""A gift of the tour: simulated, and brought from its donor to the ward by the same services as a real one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from lianfang.services import accounts, gifts
from lianfang.services.installation import Installation

#: The purpose that marks the tour's gift, so that a tour that was killed finds it again.
MARK = "演示：模拟捐赠 simulated gift"
DEPOT, HOSPITAL, ITEM, QUANTITY = "depot-demo", "hospital-demo", "mask-yy0469", 2_000
_BODIES = (
    (DEPOT, "depot", "临江市物资仓库（虚构）", "Linjiang depot (fictional)"),
    (HOSPITAL, "hospital", "临江市第一医院（虚构）", "Linjiang First Hospital (fictional)"),
)


def bring(inst: Installation, event_id: str) -> dict[str, Any]:
    """Bring the tour's gift to the ward, from wherever it stands; gives it as :func:`gifts.show` does."""
    supply, doctor = accounts.person(inst, "qian.wu"), accounts.person(inst, "lin.yi")
    known = {row["body_id"] for row in gifts.bodies(inst)}
    for body_id, kind, zh, en in _BODIES:
        if body_id not in known:
            gifts.add_body(inst, supply, body_id, kind=kind, name_zh=zh, name_en=en)
    if not [one for one in gifts.needs(inst, supply) if one["body_id"] == HOSPITAL]:
        gifts.ask(
            inst, doctor, event_id, HOSPITAL, ITEM, QUANTITY, until=inst.today() + timedelta(days=7), stock=300,
            daily_use=600,
        )  # fmt: skip
    mine = [one for one in gifts.listing(inst, supply, event_id=event_id) if one["purpose"] == MARK]
    if mine:
        gift_id = str(mine[0]["gift_id"])
    else:
        line = {"item": ITEM, "quantity": QUANTITY, "purpose": MARK}
        gift_id = str(gifts.pledge(inst, supply, event_id, [line])["gifts"][0])
    one: dict[str, Any] = gifts.show(inst, supply, gift_id)
    while one["holds"] != {"used": QUANTITY}:
        _step(inst, one)
        one = gifts.show(inst, supply, gift_id)
    return one


def _step(inst: Installation, one: dict[str, Any]) -> None:
    """The one next step of the whole gift."""
    supply, doctor = accounts.person(inst, "qian.wu"), accounts.person(inst, "lin.yi")
    (held,) = one["holdings"]
    gift_id, at, state = one["gift_id"], held["at"], held["state"]
    if state == "pledged":
        gifts.receive(inst, supply, gift_id, DEPOT, QUANTITY)
    elif state == "received":
        gifts.inspect(
            inst, accounts.person(inst, "zhao.jian"), gift_id, DEPOT, accepted=QUANTITY, mark="YY 0469-2011",
            lot_no="SIM-01", expires_on=inst.today() + timedelta(days=700),
        )  # fmt: skip
    elif state == "accepted":
        gifts.store(inst, supply, at, QUANTITY)
    elif state == "stored":
        manager = accounts.person(inst, "zhou.zhuren")
        need = next(row["need_id"] for row in gifts.needs(inst, manager) if row["body_id"] == HOSPITAL)
        gifts.allocate(inst, manager, at, HOSPITAL, QUANTITY, need_id=need, reason="库存不足1天")
    elif state == "allocated":
        gifts.dispatch(inst, supply, at, QUANTITY)
    elif state == "in_transit":
        gifts.deliver(inst, doctor, at, QUANTITY)
    else:
        gifts.use(inst, doctor, at, QUANTITY, ward="呼吸内科")
