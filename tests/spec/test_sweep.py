"""What a crash left in the vault is found by the daily cycle, and what is being written is left alone."""

from __future__ import annotations

from datetime import timedelta

from lianfang.records import RiskLock
from lianfang.services import attaching, closing, contacts, daily
from lianfang.services.installation import ROUTINE, SYSTEM, Installation, Who
from lianfang.store import change, one
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
