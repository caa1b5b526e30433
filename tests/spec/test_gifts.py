"""Gifts: from donor to ward by signed steps; the standard decides, nothing is lost, nothing is overwritten."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from giftkit import DEPOT, DONOR, EAST, KN95, MARKS, MEDICAL, N95, PHONE, SURGICAL, WEST, Desk, desk
from lianfang.foundation.errors import BadInput, Conflict, NotFound, Refused
from lianfang.guard import ledger
from lianfang.services import accounts, gifts
from lianfang.services.installation import Installation, Who


@pytest.fixture
def at(inst: Installation, staff: dict[str, Who], event_id: str) -> Desk:
    return desk(inst, staff, event_id)


def test_a_gift_goes_from_donor_to_ward_and_its_donor_follows_it(at: Desk) -> None:
    lines = [{"item": N95, "quantity": 100, "directed_to": WEST}]
    made = gifts.pledge(at.inst, at.supply, at.event_id, lines, name=DONOR, phone=PHONE, show=True)
    (gift_id,) = made["gifts"]
    at.receive(gift_id, 100)
    lot = at.inspect(gift_id, N95, 100)
    gifts.store(at.inst, at.supply, lot, 100, shelf="A-3")
    allocation = at.delivered(lot, 60)
    gifts.use(at.inst, at.clinician, allocation, 50, ward="呼吸科")
    assert at.holds(gift_id) == {"stored": 40, "delivered": 10, "used": 50}
    seen = gifts.follow(at.inst, made["code"].lower().replace("-", " "))
    assert seen["donor"] == DONOR
    (gift,) = seen["gifts"]
    kinds = ["pledge", "receive", "inspect", "store", "allocate", "dispatch", "deliver", "use"]
    assert [step["kind"] for step in gift["steps"]] == kinds
    assert [step["number"] for step in gift["steps"]] == list(range(1, 9))
    assert gift["steps"][-1]["said"]["ward"] == "呼吸科"
    assert gift["steps"][-1]["body"]["name_en"] == "West hospital"
    assert gift["steps"][1]["moves"][0]["place"]["name_zh"] == "城北仓库"
    # staff and shelves are nobody's business outside
    told = str(seen)
    assert not any(who.account in told or who.name in told for who in at.staff.values())
    assert "A-3" not in told and PHONE not in told


def test_each_step_is_signed_and_in_the_ledger(at: Desk) -> None:
    gift_id, lot = at.stored()
    at.delivered(lot, 10)
    steps = gifts.steps(at.inst, at.supply, gift_id)
    with at.inst.store.read() as connection:
        for step in steps:
            opened = ledger.opening(connection, step["log_index"])
            assert opened["payload"] == step["content"]
            assert step["content"]["by"] == step["by"]
    checked = gifts.audit(at.inst, at.supply)
    assert checked == {"valid": True, "gifts": 1, "steps": 7, "findings": []}


def test_the_check_finds_what_was_changed_behind_the_book(at: Desk) -> None:
    import sqlalchemy as sa

    from lianfang.records import GiftMove, GiftStep
    from lianfang.store import table

    gift_id, _ = at.stored()
    moves, steps = table(GiftMove), table(GiftStep)
    with at.inst.store.begin() as connection:
        connection.execute(
            sa.update(moves)
            .where(moves.c.gift_id == gift_id, moves.c.target == "stored")
            .values(quantity=130)
        )
    found = gifts.audit(at.inst, at.supply)["findings"]
    assert any("not those that were signed" in one for one in found)
    assert any("less than nothing" in one for one in found)
    with at.inst.store.begin() as connection:
        first = steps.c.number == 1
        connection.execute(sa.update(steps).where(first).values(signature="AAAA"))
    assert any("signature" in one for one in gifts.audit(at.inst, at.supply)["findings"])


@pytest.mark.parametrize(
    ("booked", "mark"),
    [(N95, KN95), (MEDICAL, KN95), (SURGICAL, KN95), (KN95, N95), (MEDICAL, N95), (SURGICAL, "")],
)
def test_goods_are_booked_as_what_their_mark_says(at: Desk, booked: str, mark: str) -> None:
    gift_id = at.pledge(booked, 36_000)
    at.receive(gift_id, 36_000)
    with pytest.raises(BadInput):
        gifts.inspect(
            at.inst, at.laboratory, gift_id, DEPOT, accepted=36_000, mark=MARKS.get(mark, ""), lot_no="1",
            expires_on=at.expiry,
        )  # fmt: skip
    assert at.holds(gift_id) == {"received": 36_000}


def test_declared_n95_that_is_kn95_is_kn95_from_then_on(at: Desk) -> None:
    """Record 14 of the first list of Hubei: "N95 36,000", which were KN95."""
    gift_id = at.pledge(N95, 36_000)
    at.receive(gift_id, 36_000)
    lot = at.inspect(gift_id, KN95, 36_000)
    gifts.store(at.inst, at.supply, lot, 36_000)
    (row,) = gifts.overview(at.inst)["items"]
    assert (row["item"]["item_id"], row["states"]) == (KN95, {"stored": 36_000})
    assert [one["item_id"] for one in gifts.overview(at.inst)["recent"][0]["found"]] == [KN95]
    need = at.need(10, item=N95)
    with pytest.raises(BadInput, match="does not serve"):
        at.allocate(lot, 10, need_id=need)
    # 16,000 + 16,000 of 36,000: what was given out and what is left add up, or nothing is booked
    at.allocate(lot, 16_000), at.allocate(lot, 16_000, EAST)
    with pytest.raises(Conflict, match="4000"):
        at.allocate(lot, 18_000)
    assert at.holds(gift_id) == {"stored": 4_000, "allocated": 32_000}


def test_rejected_and_quarantined_goods(at: Desk) -> None:
    gift_id = at.pledge(N95, 100)
    at.receive(gift_id, 100)
    with pytest.raises(BadInput, match="reason"):
        gifts.inspect(at.inst, at.laboratory, gift_id, DEPOT, rejected=5)
    made = gifts.inspect(
        at.inst, at.laboratory, gift_id, DEPOT, accepted=80, rejected=5, quarantined=15, mark="niosh n95",
        lot_no="L1", expires_on=at.expiry, reason="damaged",
    )  # fmt: skip
    assert at.holds(gift_id) == {"quarantined": 15, "rejected": 5, "accepted": 80}
    gifts.inspect(
        at.inst, at.laboratory, gift_id, DEPOT, rejected=15, reason="counterfeit", source="quarantined"
    )
    gifts.dispose(
        at.inst, at.supply, gift_id, "rejected", DEPOT, 20, end="destroyed", reason="counterfeit goods"
    )
    gifts.lose(at.inst, at.supply, gift_id, "accepted", made["lot_id"], 1, reason="damaged")
    assert at.holds(gift_id) == {"accepted": 79, "destroyed": 20, "lost": 1}
    with pytest.raises(Conflict):
        gifts.lose(at.inst, at.supply, gift_id, "accepted", made["lot_id"], 80, reason="stolen")
    with pytest.raises(BadInput, match="one of"):
        gifts.lose(at.inst, at.supply, gift_id, "accepted", made["lot_id"], 1, reason="eaten")


def test_expired_goods_are_not_accepted_and_not_given(at: Desk) -> None:
    gift_id = at.pledge(N95, 10)
    at.receive(gift_id, 10)
    with pytest.raises(Conflict, match="expired"):
        gifts.inspect(
            at.inst, at.laboratory, gift_id, DEPOT, accepted=10, mark=MARKS[N95], lot_no="1",
            expires_on=at.inst.today(),
        )  # fmt: skip
    with pytest.raises(BadInput, match="expiry"):
        gifts.inspect(at.inst, at.laboratory, gift_id, DEPOT, accepted=10, mark=MARKS[N95])
    lot = at.inspect(gift_id, N95, 10)
    gifts.store(at.inst, at.supply, lot, 10)
    at.inst.clock.move(timedelta(days=401))  # type: ignore[attr-defined]
    with pytest.raises(Conflict, match="expired"):
        at.allocate(lot, 1)


def test_more_and_less_than_promised(at: Desk) -> None:
    gift_id = at.pledge(N95, 100)
    at.receive(gift_id, 30)
    gifts.withdraw(at.inst, at.supply, gift_id, 10, reason="the factory is closed")
    at.receive(gift_id, 90)
    assert at.holds(gift_id) == {"received": 120, "withdrawn": 10}
    assert gifts.overview(at.inst)["items"][0]["given"] == 130


def test_a_directed_gift_stays_directed_unless_its_donor_agrees(at: Desk) -> None:
    gift_id, lot = at.stored(directed_to=WEST)
    with pytest.raises(Refused, match="directed"):
        at.allocate(lot, 10, EAST)
    gifts.answer(at.inst, at.supply, gift_id, EAST, agrees=False, how="by telephone")
    with pytest.raises(Refused, match="directed"):
        at.allocate(lot, 10, EAST)
    gifts.answer(at.inst, at.supply, gift_id, EAST, agrees=True, how="by telephone")
    with pytest.raises(Refused, match="Another person"):
        gifts.allocate(at.inst, at.supply, lot, EAST, 10, reason="urgent")  # who recorded the answer
    at.allocate(lot, 10, EAST)
    at.allocate(lot, 10, WEST)
    answers = [step for step in gifts.steps(at.inst, at.supply, gift_id) if step["kind"] == "answer"]
    gifts.reverse(at.inst, at.manager, answers[-1]["step_id"], reason="he was asked about another gift")
    with pytest.raises(Refused, match="directed"):
        at.allocate(lot, 10, EAST)
    with pytest.raises(BadInput, match="directed"):
        gifts.answer(at.inst, at.supply, gift_id, WEST, agrees=True, how="by letter")


def test_a_self_delivered_gift_says_so(at: Desk) -> None:
    gift_id = at.pledge(N95, 50, directed_to=WEST, provenance="self_delivered")
    at.receive(gift_id, 50, WEST)
    at.inspect(gift_id, N95, 50, WEST)
    assert gifts.overview(at.inst)["recent"][0]["provenance"] == "self_delivered"
    for wrong in (
        {"provenance": "self_delivered"},
        {"provenance": "open", "directed_to": WEST},
        {"provenance": "x"},
    ):
        with pytest.raises(BadInput):
            at.pledge(N95, 1, **wrong)


def test_two_people_see_every_gift(at: Desk, staff: dict[str, Who]) -> None:
    inst = at.inst
    gift_id = at.pledge(N95, 20)
    at.receive(gift_id, 20)
    with pytest.raises(Refused, match="Another person"):
        gifts.inspect(inst, at.supply, gift_id, DEPOT, rejected=1, reason="damaged")
    lot = at.inspect(gift_id, N95, 20)
    gifts.store(inst, at.supply, lot, 20)
    need = gifts.ask(inst, at.supply, at.event_id, WEST, N95, 5, until=inst.today())
    with pytest.raises(Refused, match="Another person"):
        gifts.allocate(inst, at.supply, lot, WEST, 5, need_id=need, reason="urgent")
    allocation = at.allocate(lot, 5, need_id=need)
    gifts.dispatch(inst, at.supply, allocation, 5)
    with pytest.raises(Refused, match="Another person"):
        gifts.deliver(inst, at.supply, allocation, 5)


#: Act -> the roles that may do it; each other role is refused before anything is looked at.
RIGHTS = {
    "pledge": {"supply_officer", "manager"},
    "receive": {"supply_officer"},
    "inspect": {"supply_officer", "laboratory"},
    "allocate": {"supply_officer", "manager"},
    "use": {"clinician"},
    "reverse": {"supply_officer", "manager"},
    "donor": {"supply_officer", "data_protection_officer"},
    "listing": {
        "supply_officer", "manager", "epidemiologist", "clinician", "laboratory", "auditor", "data_protection_officer",
        "security_officer",
    },
}  # fmt: skip


@pytest.mark.parametrize("act", RIGHTS)
def test_each_act_has_its_roles(at: Desk, staff: dict[str, Who], act: str) -> None:
    call = {
        "pledge": lambda who: gifts.pledge(at.inst, who, at.event_id, [{"item": N95, "quantity": 1}]),
        "receive": lambda who: gifts.receive(at.inst, who, "none", DEPOT, 1),
        "inspect": lambda who: gifts.inspect(at.inst, who, "none", DEPOT, rejected=1, reason="damaged"),
        "allocate": lambda who: gifts.allocate(at.inst, who, "none", WEST, 1, reason="x"),
        "use": lambda who: gifts.use(at.inst, who, "none", 1, ward="x"),
        "reverse": lambda who: gifts.reverse(at.inst, who, "none", reason="x"),
        "donor": lambda who: gifts.donor(at.inst, who, "none"),
        "listing": lambda who: gifts.listing(at.inst, who),
    }[act]
    allowed = set()
    for role, who in staff.items():
        try:
            call(who)
        except Refused as refused:
            assert refused.code == "role"
        except NotFound:
            allowed.add(role)
        else:
            allowed.add(role)
    assert allowed == RIGHTS[act]


def test_an_account_of_another_area_reaches_no_gift(at: Desk) -> None:
    gift_id, lot = at.stored()
    accounts.add(at.inst, None, "far.away", role="supply_officer", area="110000")
    far = accounts.person(at.inst, "far.away")
    assert gifts.listing(at.inst, far) == [] and gifts.needs(at.inst, far) == []
    for call in (
        lambda: gifts.show(at.inst, far, gift_id),
        lambda: gifts.donor(at.inst, far, gift_id),
        lambda: gifts.receive(at.inst, far, gift_id, DEPOT, 1),
        lambda: gifts.allocate(at.inst, far, lot, WEST, 1, reason="x"),
        lambda: gifts.pledge(at.inst, far, at.event_id, [{"item": N95, "quantity": 1}]),
        lambda: gifts.add_body(at.inst, far, "x-1", kind="depot", name_zh="x", name_en="x"),
    ):
        with pytest.raises(Refused):
            call()


def test_a_wrong_booking_is_undone_by_another_that_names_it(at: Desk) -> None:
    gift_id, lot = at.stored()
    allocation = at.delivered(lot, 30)
    steps = {step["kind"]: step["step_id"] for step in gifts.steps(at.inst, at.supply, gift_id)}
    with pytest.raises(Conflict):  # the goods have moved on
        gifts.reverse(at.inst, at.manager, steps["dispatch"], reason="wrong van")
    gifts.use(at.inst, at.clinician, allocation, 30, ward="ICU")
    used = gifts.steps(at.inst, at.supply, gift_id)[-1]["step_id"]
    gifts.reverse(at.inst, at.manager, used, reason="booked for the wrong ward")
    with pytest.raises(Conflict, match="already"):
        gifts.reverse(at.inst, at.manager, used, reason="again")
    for kind in ("deliver", "dispatch", "allocate"):
        gifts.reverse(at.inst, at.manager, steps[kind], reason="the wrong hospital")
    assert at.holds(gift_id) == {"stored": 100}
    told = gifts.steps(at.inst, at.supply, gift_id)
    assert told[-1]["reverses"] == steps["allocate"]
    assert [one["undone"] for one in told if one["kind"] in ("allocate", "dispatch", "deliver")] == [True] * 3
    with pytest.raises(Conflict, match="correction"):
        gifts.reverse(at.inst, at.manager, told[-1]["step_id"], reason="x")
    assert gifts.audit(at.inst, at.supply)["valid"]


def test_goods_that_come_back_are_inspected_again(at: Desk) -> None:
    gift_id, lot = at.stored()
    allocation = at.delivered(lot, 30)
    gifts.give_back(at.inst, at.supply, allocation, 10, depot=DEPOT, reason="the wrong size")
    assert at.holds(gift_id) == {"received": 10, "stored": 70, "delivered": 20}
    second = at.inspect(gift_id, N95, 10)
    gifts.store(at.inst, at.supply, second, 10)
    assert at.holds(gift_id) == {"stored": 80, "delivered": 20}
    other = at.allocate(second, 10)
    gifts.cancel(at.inst, at.manager, other, 4, reason="too many")
    assert at.holds(gift_id) == {"stored": 74, "allocated": 6, "delivered": 20}


def test_needs_stand_beside_what_was_given(at: Desk) -> None:
    _, lot = at.stored(quantity=100)
    first = at.need(80, WEST, stock=10, daily_use=40)
    at.need(80, EAST, stock=100, daily_use=40)
    at.need(40, EAST, item=MEDICAL)
    at.delivered(lot, 30, WEST, first)
    west, east, medical = gifts.needs(at.inst, at.supply)
    assert (west["days"], west["given"], west["delivered"], west["missing"]) == (0.2, 30, 30, 50)
    assert (east["days"], east["missing"], medical["days"]) == (2.5, 80, None)
    assert [row["missing"] for row in gifts.overview(at.inst)["needs"]] == [50, 80, 40]
    gifts.withdraw_need(at.inst, at.clinician, first)
    assert len(gifts.needs(at.inst, at.supply)) == 2
    with pytest.raises(Conflict):
        gifts.withdraw_need(at.inst, at.clinician, first)
    for wrong in (
        {"item": "money"}, {"item": "none"}, {"body_id": "none"}, {"quantity": 0}, {"quantity": -1},
        {"until": date(2020, 1, 1)}, {"stock": -1}, {"daily_use": 1.5},
    ):  # fmt: skip
        asked = {"body_id": WEST, "item": N95, "quantity": 1, "until": at.inst.today(), **wrong}
        with pytest.raises(BadInput):
            gifts.ask(at.inst, at.clinician, at.event_id, **asked)


def test_the_proposal_is_by_need_and_explains_itself(at: Desk) -> None:
    _, open_lot = at.stored(quantity=90)
    _, directed = at.stored(quantity=20, directed_to=EAST)
    at.need(100, WEST, stock=10, daily_use=40)  # 0.2 days
    at.need(40, EAST, stock=0, daily_use=10)  # nothing
    lines = gifts.propose(at.inst, at.manager)
    told = [(one["lot_id"], one["body_id"], one["quantity"], one["rule"]) for one in lines]
    # the directed twenty to their body; ninety among 100 and 20 that are lacking: 75 and 15
    assert told[0] == (directed, EAST, 20, "directed")
    assert sorted(told[1:]) == sorted([(open_lot, WEST, 75, "need"), (open_lot, EAST, 15, "need")])
    assert {one["pool"] for one in lines if one["rule"] == "need"} == {90}
    assert {one["asked"] for one in lines if one["rule"] == "need"} == {120}
    assert sum(gifts.overview(at.inst)["items"][0]["states"].values()) == 110  # nothing was written
    for one in lines:
        at.allocate(one["lot_id"], one["quantity"], one["body_id"], one["need_id"])
    assert gifts.propose(at.inst, at.manager) == []
    with pytest.raises(NotFound):
        gifts.propose(at.inst, at.manager, "none")


def test_the_most_urgent_are_served_first_and_better_goods_stand_in(at: Desk) -> None:
    _, better = at.stored(MEDICAL, 30)
    _, own = at.stored(SURGICAL, 10)
    at.need(25, WEST, item=SURGICAL, stock=100, daily_use=10)  # ten days
    at.need(25, EAST, item=SURGICAL, stock=5, daily_use=10)  # half a day
    told = [(one["lot_id"], one["body_id"], one["quantity"]) for one in gifts.propose(at.inst, at.manager)]
    assert told == [(own, EAST, 10), (better, EAST, 15), (better, WEST, 15)]


def test_money_becomes_goods_that_its_donor_follows(at: Desk) -> None:
    inst, account = at.inst, at.account()
    made = gifts.pledge(
        inst, at.supply, at.event_id, [{"item": "money", "quantity": 1_000_00, "purpose": "masks"}]
    )
    (gift_id,) = made["gifts"]
    with pytest.raises(Refused, match="register"):
        gifts.receive(inst, at.supply, gift_id, "6222000011112222", 1_000_00)
    at.receive(gift_id, 1_000_00, account)
    with pytest.raises(Refused):  # another role, and another person
        gifts.confirm(inst, at.supply, gift_id, account, 1_000_00)
    gifts.confirm(inst, at.manager, gift_id, account, 1_000_00)
    for end in ("returned", "destroyed"):  # no way round the refund by a second person
        with pytest.raises(BadInput, match="Money"):
            gifts.dispose(inst, at.supply, gift_id, "stored", account, 1, end=end, reason="x")
    with pytest.raises(BadInput, match="Money"):
        gifts.lose(inst, at.supply, gift_id, "stored", account, 1, reason="stolen")
    buy = {"account_id": account, "supplier": "临江医疗器械公司", "item": SURGICAL, "quantity": 900}
    with pytest.raises(Refused, match="Another person"):
        gifts.purchase(inst, at.manager, at.event_id, {gift_id: 900_00}, **buy)
    with pytest.raises(Conflict):
        gifts.purchase(inst, at.supply, at.event_id, {gift_id: 1_000_01}, **buy)
    bought = gifts.purchase(inst, at.supply, at.event_id, {gift_id: 900_00}, **buy)
    accounts.add(inst, None, "second.manager", role="manager")
    with pytest.raises(Refused, match="Another person"):
        gifts.refund(inst, at.supply, gift_id, account, 1, reason="not needed")
    gifts.refund(inst, at.manager, gift_id, account, 100_00, reason="what was left over")
    assert at.holds(gift_id) == {"spent": 900_00, "returned": 100_00}
    goods = bought["gift_id"]
    at.receive(goods, 900)
    lot = at.inspect(goods, SURGICAL, 900)
    gifts.store(inst, at.supply, lot, 900)
    at.delivered(lot, 900)
    (seen,) = gifts.follow(inst, made["code"])["gifts"]
    assert seen["bought"][0]["holds"] == {"delivered": 900}
    spent = next(step for step in seen["steps"] if step["kind"] == "purchase")
    assert (spent["said"]["price"], spent["said"]["bought"]) == (900_00, 900)
    assert gifts.audit(inst, at.supply)["valid"]
    with pytest.raises(BadInput, match="money"):
        gifts.new_code(inst, at.supply, goods)


def test_a_purchase_is_undone_on_all_its_gifts_or_on_none(at: Desk) -> None:
    inst, account = at.inst, at.account()
    money = []
    for amount in (500, 700):
        gift_id = at.pledge("money", amount)
        at.receive(gift_id, amount, account)
        gifts.confirm(inst, at.manager, gift_id, account, amount)
        money.append(gift_id)
    draws = dict(zip(money, (500, 600), strict=True))
    bought = gifts.purchase(
        inst, at.supply, at.event_id, draws, account_id=account, supplier="x", item=N95, quantity=10
    )
    at.receive(bought["gift_id"], 4)
    steps = {gift_id: gifts.steps(inst, at.supply, gift_id) for gift_id in (*money, bought["gift_id"])}
    with pytest.raises(Conflict):  # four have come
        gifts.reverse(inst, at.manager, steps[money[0]][-1]["step_id"], reason="wrong price")
    assert at.holds(money[0]) == {"spent": 500} and at.holds(money[1]) == {"stored": 100, "spent": 600}
    gifts.reverse(inst, at.manager, steps[bought["gift_id"]][-1]["step_id"], reason="they went back")
    undone = gifts.reverse(inst, at.manager, steps[bought["gift_id"]][0]["step_id"], reason="wrong price")
    assert at.holds(money[0]) == {"stored": 500} and at.holds(money[1]) == {"stored": 700}
    assert at.holds(bought["gift_id"]) == {}
    assert gifts.steps(inst, at.supply, bought["gift_id"])[-1]["step_id"] == undone
    directed = at.pledge("money", 5, directed_to=WEST)
    with pytest.raises(BadInput, match="directed"):
        gifts.purchase(
            inst, at.supply, at.event_id, {directed: 1, money[0]: 1}, account_id=account, supplier="x", item=N95,
            quantity=1,
        )  # fmt: skip


def test_what_waits_too_long_is_shown(at: Desk) -> None:
    gift_id = at.pledge(N95, 100)
    at.receive(gift_id, 60)
    at.inst.clock.move(timedelta(hours=47))  # type: ignore[attr-defined]
    at.receive(gift_id, 40)
    assert gifts.overview(at.inst)["uninspected"] == []
    at.inst.clock.move(timedelta(hours=2))  # type: ignore[attr-defined]
    (late,) = gifts.overview(at.inst)["uninspected"]
    assert (late["item"]["item_id"], late["quantity"], late["hours"]) == (N95, 100, 49)
    lot = at.inspect(gift_id, N95, 60)  # the first that came are looked at first
    assert gifts.overview(at.inst)["uninspected"] == []
    gifts.store(at.inst, at.supply, lot, 60)
    at.inst.clock.move(timedelta(days=7, hours=1))  # type: ignore[attr-defined]
    seen = gifts.overview(at.inst)
    assert seen["unallocated"][0]["quantity"] == 60 and seen["items"][0]["ages"] == [0, 0, 0, 60]


@pytest.mark.parametrize("quantity", [0, -1, 10**12 + 1, 1.0, True, None, "5"])
def test_a_quantity_is_a_whole_number(at: Desk, quantity: object) -> None:
    with pytest.raises(BadInput):
        at.pledge(N95, quantity)  # type: ignore[arg-type]


def test_bad_input_changes_nothing(at: Desk) -> None:
    for lines in ([], [{"item": "none", "quantity": 1}], [{"item": N95, "quantity": 1, "name": "x"}],
                  [{"item": N95, "quantity": 1}] * 201,
                  [{"item": N95, "quantity": 1}, {"item": N95, "quantity": 0}]):  # fmt: skip
        with pytest.raises(BadInput):
            gifts.pledge(at.inst, at.supply, at.event_id, lines)
    assert gifts.listing(at.inst, at.supply) == []
    gift_id = at.pledge()
    with pytest.raises(NotFound):
        at.receive(gift_id, 1, "nowhere")
    with pytest.raises(Refused, match="points to a person"):
        gifts.withdraw(at.inst, at.supply, gift_id, 1, reason=f"电话{PHONE}没人接")
    with pytest.raises(BadInput):
        gifts.withdraw(at.inst, at.supply, gift_id, 1, reason="two\nlines")
    with pytest.raises(NotFound):
        gifts.show(at.inst, at.supply, "none")
    assert at.holds(gift_id) == {"pledged": 100}


def test_a_closed_events_gifts_go_on_but_no_new_ones_come(at: Desk) -> None:
    from lianfang.services import closing

    made = gifts.pledge(
        at.inst, at.supply, at.event_id, [{"item": N95, "quantity": 10}], name=DONOR, phone=PHONE, show=True
    )
    closing.close(at.inst, at.manager, at.event_id, "over")
    with pytest.raises(Conflict, match="open event"):
        at.pledge()
    at.receive(made["gifts"][0], 10)
    at.inst.clock.move(timedelta(days=800))  # type: ignore[attr-defined]
    closing.expire(at.inst, at.staff["data_protection_officer"], at.event_id)
    # the donor's name is gone with the event's keys; the gift and its proof stay
    seen = gifts.follow(at.inst, made["code"])
    assert seen["donor"] == "" and seen["gifts"][0]["holds"] == {"received": 10}
    assert gifts.donor(at.inst, at.supply, made["gifts"][0])["name"] == ""
    assert gifts.audit(at.inst, at.supply)["valid"]
