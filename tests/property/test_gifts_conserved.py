"""Goods are conserved under every order of steps: whatever is tried, all states together hold what came in."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
from hypothesis import HealthCheck, given, settings
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from giftkit import DEPOT, EAST, KN95, MARKS, N95, WEST, Desk, desk
from lianfang.foundation.clock import SetClock
from lianfang.foundation.errors import Conflict
from lianfang.services import accounts, gifts
from lianfang.services.gifts import asking, book
from lianfang.services.installation import create, open_installation
from loop import MORNING

UNITS = st.integers(1, 5)
#: (from, to) that steps really moved, over all runs.
REACHED: Counter[tuple[str, str]] = Counter()
_MADE: list[tuple[Path, str]] = []


def _template() -> tuple[Path, str]:
    """An installation with an event and bodies, made once for all runs and copied."""
    if not _MADE:
        from lianfang.services import events
        from loop import put_cases

        home = Path(tempfile.mkdtemp(prefix="lianfang-gifts-")) / "home"
        values = {"adcode": "429900", "demonstration": True, "authority_id": "linjiang-cdc"}
        inst = create(home, settings=values, clock=SetClock(MORNING))
        accounts.add_demonstration(inst)
        put_cases(inst)
        epi = accounts.person(inst, "wang.yi")
        event_id = events.open_event(inst, epi, events.propose(inst, epi, "alarm"))
        staff = {role: accounts.person(inst, name) for name, _, role in accounts.DEMONSTRATION}
        desk(inst, staff, event_id)
        inst.close()
        _MADE.append((home, event_id))
    return _MADE[0]


class Flow(RuleBasedStateMachine):
    """Random steps by the people who may do them, beside a plain count of what every state should hold."""

    gifts_ = Bundle("gifts")
    lots = Bundle("lots")
    allocations = Bundle("allocations")
    steps = Bundle("steps")

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="lianfang-flow-"))

    @initialize(target=allocations)
    def start(self) -> Any:
        """A gift that is on its way already, so that the runs see the later states too."""
        home, event_id = _template()
        shutil.copytree(home, self.folder / "home")
        self.inst = open_installation(self.folder / "home", clock=SetClock(MORNING))
        staff = {role: accounts.person(self.inst, name) for name, _, role in accounts.DEMONSTRATION}
        self.desk = Desk(self.inst, staff, event_id)
        self.model: dict[str, Counter[str]] = {}  # gift -> state -> quantity
        self.done: dict[str, list[tuple[str, str, int]]] = {}  # step -> its moves
        self.gift_of: dict[str, str] = {}
        gift_id = self.pledge_one(40, N95)
        self.receive_one(gift_id, 38)
        lot = self.inspect_one(gift_id, 30, 4, 4, N95, "received")
        self.store_one(lot, 26)
        made = self.allocate_one(lot, 20, WEST)
        self.onward_one(made, 14, "dispatch")
        self.onward_one(made, 8, "deliver")
        return made

    def teardown(self) -> None:
        if hasattr(self, "inst"):
            checked = gifts.audit(self.inst, self.desk.supply)
            self.inst.close()
            assert checked["valid"], checked["findings"]
        shutil.rmtree(self.folder, ignore_errors=True)

    def step(self, gift_id: str, act: Any, *moves: tuple[str, str, int]) -> Any:
        """Do it; when it is refused nothing has changed, and it was refused because a holding had too little."""
        before = self.desk.balance(gift_id)
        try:
            made = act()
        except Conflict:
            assert self.desk.balance(gift_id) == before
            return None
        held = self.model[gift_id]
        for source, target, quantity in moves:
            REACHED[source, target] += quantity > 0
            held[source] -= quantity
            held[target] += quantity
        step_id = made["step_id"] if isinstance(made, dict) else made
        self.done[step_id] = list(moves)
        self.gift_of[step_id] = gift_id
        return made

    @rule(target=gifts_, quantity=st.integers(5, 40), item=st.sampled_from([N95, KN95]))
    def pledge(self, quantity: int, item: str) -> str:
        return self.pledge_one(quantity, item)

    def pledge_one(self, quantity: int, item: str) -> str:
        gift_id = self.desk.pledge(item, quantity)
        self.model[gift_id] = Counter({"outside": -quantity, "pledged": quantity})
        return gift_id

    @rule(target=steps, gift_id=gifts_, quantity=st.integers(5, 30))
    def receive(self, gift_id: str, quantity: int) -> Any:
        return self.receive_one(gift_id, quantity) or multiple()

    def receive_one(self, gift_id: str, quantity: int) -> Any:
        promised = min(quantity, self.model[gift_id]["pledged"])
        moves = [("pledged", "received", promised), ("outside", "received", quantity - promised)]
        return self.step(gift_id, lambda: self.desk.receive(gift_id, quantity), *moves)

    @rule(target=steps, gift_id=gifts_, quantity=UNITS)
    def withdraw(self, gift_id: str, quantity: int) -> Any:
        return self.step(
            gift_id,
            lambda: gifts.withdraw(self.inst, self.desk.supply, gift_id, quantity, reason="not sent"),
            ("pledged", "withdrawn", quantity),
        ) or multiple()  # fmt: skip

    @rule(
        target=lots, gift_id=gifts_, accepted=st.integers(0, 8), rejected=st.integers(0, 3),
        quarantined=st.integers(0, 3), found=st.sampled_from([N95, KN95]),
        source=st.sampled_from(["received", "received", "quarantined"]),
    )  # fmt: skip
    def inspect(
        self, gift_id: str, accepted: int, rejected: int, quarantined: int, found: str, source: str
    ) -> Any:
        if source == "quarantined":
            quarantined = 0
        if not accepted + rejected + quarantined:
            return multiple()
        return self.inspect_one(gift_id, accepted, rejected, quarantined, found, source) or multiple()

    def inspect_one(
        self, gift_id: str, accepted: int, rejected: int, quarantined: int, found: str, source: str
    ) -> Any:
        made = self.step(
            gift_id,
            lambda: gifts.inspect(
                self.inst, self.desk.laboratory, gift_id, DEPOT, accepted=accepted, rejected=rejected,
                quarantined=quarantined, item=found, mark=MARKS[found], lot_no="L1", expires_on=self.desk.expiry,
                reason="damaged", source=source,
            ),
            (source, "accepted", accepted), (source, "rejected", rejected), (source, "quarantined", quarantined),
        )  # fmt: skip
        return (gift_id, made["lot_id"]) if made and made["lot_id"] else None

    @rule(target=steps, lot=lots, quantity=UNITS)
    def store(self, lot: tuple[str, str], quantity: int) -> Any:
        return self.store_one(lot, quantity) or multiple()

    def store_one(self, lot: tuple[str, str], quantity: int) -> Any:
        return self.step(
            lot[0], lambda: gifts.store(self.inst, self.desk.supply, lot[1], quantity),
            ("accepted", "stored", quantity),
        )  # fmt: skip

    @rule(target=allocations, lot=lots, quantity=UNITS, body=st.sampled_from([WEST, EAST]))
    def allocate(self, lot: tuple[str, str], quantity: int, body: str) -> Any:
        return self.allocate_one(lot, quantity, body) or multiple()

    def allocate_one(self, lot: tuple[str, str], quantity: int, body: str) -> Any:
        made = self.step(
            lot[0],
            lambda: gifts.allocate(self.inst, self.desk.manager, lot[1], body, quantity, reason="urgent"),
            ("stored", "allocated", quantity),
        )
        return (lot[0], made["allocation_id"]) if made else None

    @rule(
        target=steps,
        one=allocations,
        quantity=UNITS,
        act=st.sampled_from(["cancel", "dispatch", "deliver", "use"]),
    )
    def onward(self, one: tuple[str, str], quantity: int, act: str) -> Any:
        return self.onward_one(one, quantity, act) or multiple()

    def onward_one(self, one: tuple[str, str], quantity: int, act: str) -> Any:
        inst, by = self.inst, self.desk
        calls: dict[str, tuple[Any, tuple[str, str]]] = {
            "cancel": (
                lambda: gifts.cancel(inst, by.manager, one[1], quantity, reason="x"),
                ("allocated", "stored"),
            ),
            "dispatch": (
                lambda: gifts.dispatch(inst, by.supply, one[1], quantity),
                ("allocated", "in_transit"),
            ),
            "deliver": (
                lambda: gifts.deliver(inst, by.clinician, one[1], quantity),
                ("in_transit", "delivered"),
            ),
            "use": (
                lambda: gifts.use(inst, by.clinician, one[1], quantity, ward="ICU"),
                ("delivered", "used"),
            ),
        }
        call, way = calls[act]
        return self.step(one[0], call, (*way, quantity))

    @rule(target=steps, one=allocations, quantity=UNITS, source=st.sampled_from(["delivered", "in_transit"]))
    def give_back(self, one: tuple[str, str], quantity: int, source: str) -> Any:
        return self.step(
            one[0],
            lambda: gifts.give_back(
                self.inst, self.desk.supply, one[1], quantity, depot=DEPOT, reason="x", source=source
            ),
            (source, "received", quantity),
        ) or multiple()  # fmt: skip

    @rule(
        target=steps,
        one=allocations,
        quantity=UNITS,
        state=st.sampled_from(["allocated", "in_transit", "delivered"]),
    )
    def lose(self, one: tuple[str, str], quantity: int, state: str) -> Any:
        return self.step(
            one[0],
            lambda: gifts.lose(self.inst, self.desk.manager, one[0], state, one[1], quantity, reason="missing"),
            (state, "lost", quantity),
        ) or multiple()  # fmt: skip

    @rule(target=steps, one=allocations, quantity=UNITS, end=st.sampled_from(["returned", "destroyed"]))
    def dispose(self, one: tuple[str, str], quantity: int, end: str) -> Any:
        return self.step(
            one[0],
            lambda: gifts.dispose(
                self.inst, self.desk.supply, one[0], "rejected", DEPOT, quantity, end=end, reason="x"
            ),
            ("rejected", end, quantity),
        ) or multiple()  # fmt: skip

    @rule(step_id=consumes(steps))
    def reverse(self, step_id: str) -> None:
        back = [(target, source, quantity) for source, target, quantity in self.done[step_id]]
        self.step(
            self.gift_of[step_id],
            lambda: gifts.reverse(self.inst, self.desk.manager, step_id, reason="wrong"),
            *back,
        )

    @invariant()
    def conserved(self) -> None:
        for gift_id, wanted in getattr(self, "model", {}).items():
            held: Counter[str] = Counter()
            for where, quantity in self.desk.balance(gift_id).items():
                assert quantity > 0 or where.state == book.OUTSIDE, (where, quantity)
                held[where.state] += quantity
            assert sum(held.values()) == 0
            assert held == Counter({state: n for state, n in wanted.items() if n})


def test_goods_are_conserved() -> None:
    REACHED.clear()
    deep = settings.default.max_examples > 100
    run_state_machine_as_test(
        Flow,
        settings=settings(
            max_examples=150 if deep else 12, stateful_step_count=45, suppress_health_check=list(HealthCheck)
        ),
    )
    # the runs went far enough to say something
    assert {state for _, state in REACHED} >= set(book.STATES) - {"spent"}
    assert sum(REACHED.values()) > 150


@given(pool=st.integers(0, 10**12), lacks=st.lists(st.integers(1, 10**9), max_size=30))
def test_shares_are_whole_fair_and_never_more_than_is_lacking(pool: int, lacks: list[int]) -> None:
    parts = asking.shares(pool, lacks)
    total = sum(lacks)
    assert sum(parts) == min(pool, total)
    for part, lack in zip(parts, lacks, strict=True):
        assert 0 <= part <= lack
        if pool < total:
            assert abs(part * total - pool * lack) < total  # within one unit of the exact share
