"""Gifts when many claim at once, and when the process is killed between and within steps, on both databases."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import lianfang
from databases import new_postgres
from giftkit import DEPOT, EAST, MARKS, N95, WEST, Desk, desk
from lianfang.foundation.clock import SetClock
from lianfang.foundation.errors import Conflict
from lianfang.services import accounts, events, gifts
from lianfang.services.installation import Installation, create
from loop import MORNING, put_cases


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def at(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    """The small installation on either database, with an event and a depot."""
    values: dict[str, object] = {"adcode": "429900", "demonstration": True, "authority_id": "linjiang-cdc"}
    if request.param == "postgresql":
        server = request.getfixturevalue("postgres_server")
        values |= {name: new_postgres(server) for name in ("database_url", "vault_url")}
    inst = create(tmp_path / "home", settings=values, clock=SetClock(MORNING))
    accounts.add_demonstration(inst)
    put_cases(inst)
    epi = accounts.person(inst, "wang.yi")
    event_id = events.open_event(inst, epi, events.propose(inst, epi, "alarm"))
    yield desk(inst, staff(inst), event_id)
    inst.close()


def staff(inst: Installation) -> dict[str, accounts.Who]:
    return {role: accounts.person(inst, name) for name, _, role in accounts.DEMONSTRATION}


def test_fifty_claims_on_ten_items(at: Desk) -> None:
    """Exactly ten succeed, forty are told why not, and nothing else has changed."""
    gift_id, lot = at.stored(quantity=10)
    told: Counter[str] = Counter()
    start = threading.Barrier(50)

    def claim(number: int) -> None:
        start.wait()
        try:
            at.allocate(lot, 1, (WEST, EAST)[number % 2])
            told["done"] += 1
        except Conflict:
            told["conflict"] += 1
        except BaseException as error:
            told[repr(error)] += 1

    threads = [threading.Thread(target=claim, args=(number,)) for number in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told == {"done": 10, "conflict": 40}
    assert at.holds(gift_id) == {"allocated": 10}
    assert gifts.audit(at.inst, at.supply)["valid"]


def test_claims_on_several_lots_wait_for_each_other_and_never_lock(at: Desk) -> None:
    """Purchases take their gifts of money in one order, so that two that want the same do not wait for ever."""
    account = at.account()
    money = []
    for _ in range(3):
        gift_id = at.pledge("money", 10)
        at.receive(gift_id, 10, account)
        gifts.confirm(at.inst, at.manager, gift_id, account, 10)
        money.append(gift_id)
    told: Counter[str] = Counter()

    def buy(number: int) -> None:
        draws = dict.fromkeys(money if number % 2 else money[::-1], 1)
        try:
            gifts.purchase(
                at.inst, at.supply, at.event_id, draws, account_id=account, supplier="x", item=N95, quantity=1
            )
            told["done"] += 1
        except Conflict:
            told["conflict"] += 1
        except BaseException as error:
            told[repr(error)] += 1

    threads = [threading.Thread(target=buy, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert told == {"done": 10, "conflict": 6}
    assert [at.holds(gift_id) for gift_id in money] == [{"spent": 10}] * 3


PROGRAM = """
import os, signal, sys
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from lianfang.foundation.clock import SetClock
from lianfang.services import gifts
from lianfang.services.installation import open_installation
from lianfang.store import Store
from giftkit import Desk
from loop import MORNING
from faults.test_gifts_faults import play, staff

home, event_id, left = Path(sys.argv[1]), sys.argv[2], [int(sys.argv[3])]
begin = Store.begin


def point():
    left[0] -= 1
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)


@contextmanager
def watched(self):
    with begin(self) as connection:
        yield connection
        point()
    point()


with open_installation(home, clock=SetClock(MORNING)) as inst:
    Store.begin = watched
    play(Desk(inst, staff(inst), event_id))
"""


def play(at: Desk) -> None:
    """One gift and one purchase all the way, each step acknowledged on the output once it is done."""

    def done(step: str) -> None:
        print(step, flush=True)

    inst = at.inst
    made = gifts.pledge(
        inst,
        at.supply,
        at.event_id,
        [{"item": N95, "quantity": 10}],
        name="邢捐赠",
        phone="15400009911",
        show=True,
    )
    (gift_id,) = made["gifts"]
    done(f"pledge {gift_id}")
    done(at.receive(gift_id, 12))
    lot = gifts.inspect(
        inst, at.laboratory, gift_id, DEPOT, accepted=9, rejected=1, quarantined=2, mark=MARKS[N95], lot_no="1",
        expires_on=at.expiry, reason="damaged",
    )  # fmt: skip
    done(lot["step_id"])
    done(gifts.store(inst, at.supply, lot["lot_id"], 9))
    allocation = gifts.allocate(inst, at.manager, lot["lot_id"], WEST, 5, reason="x")
    done(allocation["step_id"])
    done(gifts.dispatch(inst, at.supply, allocation["allocation_id"], 5))
    done(gifts.deliver(inst, at.clinician, allocation["allocation_id"], 4))
    done(gifts.use(inst, at.clinician, allocation["allocation_id"], 3, ward="ICU"))
    done(gifts.lose(inst, at.supply, gift_id, "in_transit", allocation["allocation_id"], 1, reason="missing"))


def test_killed_at_each_point_of_each_step(
    at: Desk, tmp_path: Path, count: Callable[[int, int], int]
) -> None:
    """What was acknowledged is there, what was not is whole or absent; the book, signatures and ledger agree."""
    paths = [str(Path(lianfang.__file__).parents[1]), str(Path(__file__).parents[1])]
    killed = 0
    for point in range(1, 100, count(3, 1)):
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, str(at.inst.home), at.event_id, str(point)],
            capture_output=True, text=True, check=False,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        )  # fmt: skip
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL, done.stderr
        killed += 1
        checked = gifts.audit(at.inst, at.supply)
        assert checked["valid"], checked["findings"]
        acknowledged = [line for line in done.stdout.splitlines() if line.startswith("s")]
        known = {
            step["step_id"]
            for gift in gifts.listing(at.inst, at.supply)
            for step in gifts.steps(at.inst, at.supply, gift["gift_id"])
        }
        assert set(acknowledged) <= known
        for gift in gifts.listing(at.inst, at.supply):
            came = 10 + (
                2
                if any(s["kind"] == "receive" for s in gifts.steps(at.inst, at.supply, gift["gift_id"]))
                else 0
            )
            assert sum(gift["holds"].values()) == came
    assert killed >= count(5, 15)
