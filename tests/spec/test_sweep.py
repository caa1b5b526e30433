"""What a crash left in the vault is found by the daily cycle, and what is being written is left alone."""

from __future__ import annotations

from datetime import timedelta

import pytest

from lianfang.foundation.clock import SetClock, day_bounds
from lianfang.foundation.errors import Fault
from lianfang.records import Certificate, Contact, RiskLock
from lianfang.services import attaching, closing, contacts, daily, events, orders
from lianfang.services.installation import ROUTINE, SYSTEM, Installation, Who
from lianfang.store import change, one, tally
from loop import DAY, NAMES, identifiers


def _identity(inst: Installation, event: str, number: int, kind: str) -> str:
    with inst.vault_store.begin() as vault:
        rows = [identifiers(f"尹遗{number}", 900 + number)]
        return inst.vault.put_many(vault, event, rows, kind=kind)[0]


def test_identities_that_no_row_points_to_go_with_the_next_day(
    inst: Installation, staff: dict[str, Who], event_id: str
) -> None:
    """Copied under the event, or left under the standing keys, by runs that were killed before their rows."""
    left = {
        (event_id, _identity(inst, event_id, 1, "case_report")),
        (ROUTINE, _identity(inst, ROUTINE, 2, "case_report")),
        (event_id, _identity(inst, event_id, 3, "contact")),
    }
    assert attaching.orphans(inst) == left
    closing.close(inst, staff["manager"], event_id, "结束")  # no event is open any more
    daily.run(inst, SYSTEM, DAY)
    assert attaching.orphans(inst) == set()
    with inst.vault_store.read() as vault:
        assert all(inst.vault.find(vault, event_id, "name", name) for name in NAMES)
        assert not inst.vault.find(vault, event_id, "name", "尹遗1")


def test_names_of_a_naming_under_way_are_left_alone(
    inst: Installation, staff: dict[str, Who], event_id: str
) -> None:
    epi = staff["epidemiologist"]
    lock_id = contacts.lock(inst, epi, event_id, ["c0"], reason="高风险", worker="li.she")
    contacts.approve(inst, staff["data_protection_officer"], lock_id)
    subject = _identity(inst, event_id, 1, "contact")
    assert attaching.sweep(inst) == 0 and attaching.orphans(inst) == set()
    inst.clock.move(timedelta(days=contacts.LOCK_DAYS + 2))  # type: ignore[attr-defined]
    assert attaching.orphans(inst) == {(event_id, subject)}
    with inst.store.begin() as connection:
        change(connection, RiskLock, one(connection, RiskLock, lock_id=lock_id)["id"], status="withdrawn")
    assert attaching.sweep(inst) == 1
    assert attaching.orphans(inst) == set()


def test_req_p_54_the_daily_cycle_ends_the_data_when_their_day_has_come(
    inst: Installation, staff: dict[str, Who], event_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody has to press a button; where a holder does not answer, the end waits for the next cycle."""
    until = events.get(inst, event_id)["retention_until"]
    closing.close(inst, staff["manager"], event_id, "28天无新发病例")
    inst.clock = SetClock(day_bounds(until, inst.settings.zone)[0] - timedelta(hours=1))
    assert daily.run(inst, SYSTEM, inst.today()).ended == []
    inst.clock = SetClock(day_bounds(until, inst.settings.zone)[0])

    def silent(*_: object) -> dict[str, object]:
        raise Fault("The holder does not answer.")

    with monkeypatch.context() as patch:
        patch.setattr(orders, "purge", silent)
        told = daily.run(inst, SYSTEM, inst.today())
        assert (told.ended, told.waiting) == ([], [event_id])
    told = daily.run(inst, SYSTEM, inst.today())
    assert (told.ended, told.waiting) == ([event_id], [])
    with inst.store.read() as connection:
        assert tally(connection, Contact) == 0 and tally(connection, Certificate, event_id=event_id) == 1
    assert daily.run(inst, SYSTEM, inst.today()).ended == []
