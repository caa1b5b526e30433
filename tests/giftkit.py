"""A depot, two hospitals and a verified account in the small installation; a gift brought as far as a test wants it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta

from lianfang.services import gifts
from lianfang.services.gifts import book
from lianfang.services.installation import Installation, Who

DEPOT, WEST, EAST = "depot-north", "hospital-west", "hospital-east"
N95, KN95, MEDICAL, SURGICAL = "mask-n95", "mask-kn95", "mask-gb19083", "mask-yy0469"
MARKS = {
    N95: "NIOSH N95",
    KN95: "GB 2626-2019 KN95",
    MEDICAL: "GB 19083-2010",
    SURGICAL: "YY 0469-2011",
}
DONOR, PHONE = "邢捐赠", "15400009911"


@dataclass
class Desk:
    """Who does what, and where."""

    inst: Installation
    staff: dict[str, Who]
    event_id: str

    @property
    def supply(self) -> Who:
        return self.staff["supply_officer"]

    @property
    def laboratory(self) -> Who:
        return self.staff["laboratory"]

    @property
    def manager(self) -> Who:
        return self.staff["manager"]

    @property
    def clinician(self) -> Who:
        return self.staff["clinician"]

    @property
    def expiry(self) -> date:
        return self.inst.today() + timedelta(days=400)

    def pledge(self, item: str = N95, quantity: int = 100, **more: str) -> str:
        """An open gift by nobody in particular; gives its id."""
        line = {"item": item, "quantity": quantity, **more}
        return str(gifts.pledge(self.inst, self.supply, self.event_id, [line])["gifts"][0])

    def receive(self, gift_id: str, quantity: int, place: str = DEPOT) -> str:
        return str(gifts.receive(self.inst, self.supply, gift_id, place, quantity))

    def inspect(self, gift_id: str, item: str, accepted: int, place: str = DEPOT) -> str:
        """Accept goods as an item; gives the lot."""
        made = gifts.inspect(
            self.inst,
            self.laboratory,
            gift_id,
            place,
            accepted=accepted,
            item=item,
            mark=MARKS[item],
            lot_no="L1",
            expires_on=self.expiry,
        )
        return str(made["lot_id"])

    def stored(self, item: str = N95, quantity: int = 100, **more: str) -> tuple[str, str]:
        """A gift in store; gives its id and its lot."""
        gift_id = self.pledge(item, quantity, **more)
        self.receive(gift_id, quantity)
        lot = self.inspect(gift_id, item, quantity)
        gifts.store(self.inst, self.supply, lot, quantity)
        return gift_id, lot

    def allocate(self, lot: str, quantity: int, body: str = WEST, need_id: str = "") -> str:
        made = gifts.allocate(
            self.inst, self.manager, lot, body, quantity, need_id=need_id, reason="most urgent"
        )
        return str(made["allocation_id"])

    def delivered(self, lot: str, quantity: int, body: str = WEST, need_id: str = "") -> str:
        """Allocated, sent and confirmed; gives the allocation."""
        made = self.allocate(lot, quantity, body, need_id)
        gifts.dispatch(self.inst, self.supply, made, quantity)
        gifts.deliver(self.inst, self.clinician, made, quantity)
        return made

    def need(
        self, quantity: int, body: str = WEST, item: str = N95, stock: int = 0, daily_use: int = 0
    ) -> str:
        return gifts.ask(  # type: ignore[no-any-return]
            self.inst, self.clinician, self.event_id, body, item, quantity,
            until=self.inst.today() + timedelta(days=7), stock=stock, daily_use=daily_use,
        )  # fmt: skip

    def account(self) -> str:
        """A verified bank account of the register."""
        made = gifts.enter_account(
            self.inst, self.supply, name_zh="临江市慈善总会", name_en="Linjiang Charity Federation",
            channel="bank", bank="临江银行", number="4299 0000 1111 2222", valid_from=self.inst.today(),
        )  # fmt: skip
        gifts.verify_account(self.inst, self.manager, made, evidence="the federation's own notice")
        return str(made)

    def holds(self, gift_id: str) -> dict[str, int]:
        """State -> quantity."""
        return dict(gifts.show(self.inst, self.supply, gift_id)["holds"])

    def balance(self, gift_id: str) -> Counter[book.Holding]:
        with self.inst.store.read() as connection:
            return book.balances(connection, gift_id)


def desk(inst: Installation, staff: dict[str, Who], event_id: str) -> Desk:
    made = Desk(inst, staff, event_id)
    for body_id, kind, zh, en in (
        (DEPOT, "depot", "城北仓库", "North depot"),
        (WEST, "hospital", "城西医院", "West hospital"),
        (EAST, "hospital", "城东医院", "East hospital"),
    ):
        gifts.add_body(inst, made.supply, body_id, kind=kind, name_zh=zh, name_en=en)
    return made
