"""REQ-P-64: a lock covers exactly what two people approve; the first may take it back before the second has spoken,
and a list of contacts leaves the house only after both."""

from __future__ import annotations

import csv
import io

import pytest

from lianfang.foundation.errors import Conflict, Refused
from lianfang.services import contacts
from lianfang.services.installation import Installation, Who
from loop import CONTACTS


def states(inst: Installation, who: Who, event_id: str) -> dict[str, str]:
    return {row["contact_id"]: row["status"] for row in contacts.ranked(inst, who, event_id)}


def test_ones_own_lock_is_withdrawn_and_its_contacts_are_free(
    inst: Installation, event_id: str, staff: dict[str, Who]
) -> None:
    epi = staff["epidemiologist"]
    lock = contacts.lock(inst, epi, event_id, ["c0", "c1"], reason="x", worker="li.she")
    assert contacts.withdraw(inst, epi, lock) == 2
    assert set(states(inst, epi, event_id).values()) == {"candidate"}
    with pytest.raises(Conflict):
        contacts.approve(inst, staff["manager"], lock)
    with pytest.raises(Conflict):
        contacts.withdraw(inst, epi, lock)
    again = contacts.lock(inst, epi, event_id, ["c0", "c1"], reason="x", worker="li.she")
    assert contacts.approve(inst, staff["manager"], again) == "approved"


def test_nobody_elses_lock_and_none_that_is_approved(
    inst: Installation, event_id: str, staff: dict[str, Who]
) -> None:
    epi, manager = staff["epidemiologist"], staff["manager"]
    lock = contacts.lock(inst, epi, event_id, ["c0"], reason="x", worker="li.she")
    with pytest.raises(Refused):
        contacts.withdraw(inst, manager, lock)
    other = Who("other", epi.role, epi.actor, "other")
    with pytest.raises(Refused):
        contacts.withdraw(inst, other, lock)
    contacts.approve(inst, manager, lock)
    with pytest.raises(Conflict):
        contacts.withdraw(inst, epi, lock)
    assert states(inst, epi, event_id)["c0"] == "locked"


def test_the_list_leaves_as_tokens_after_two_approvals_only(
    inst: Installation, event_id: str, staff: dict[str, Who]
) -> None:
    epi = staff["epidemiologist"]
    lock = contacts.lock(inst, epi, event_id, ["c0", "c2"], reason="x", worker="li.she")
    with pytest.raises(Refused):
        contacts.export(inst, epi, event_id)
    contacts.approve(inst, staff["manager"], lock)
    contacts.name(inst, epi, lock)
    text = contacts.export(inst, epi, event_id)
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["token"] for row in rows] == [f"{0:032x}", f"{2:032x}"]
    assert all(event_id in row["watermark"] and epi.account in row["watermark"] for row in rows)
    for secret in [*CONTACTS, "1540000", "虚构路"]:
        assert secret not in text
    with pytest.raises(Refused):
        contacts.export(inst, staff["community_worker"], event_id)
