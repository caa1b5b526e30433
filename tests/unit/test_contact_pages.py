"""A page of the ranked contacts: the same rows in the same order, and only as many as are shown."""

from __future__ import annotations

import pytest

from lianfang.foundation.errors import BadInput, Refused
from lianfang.records import Contact, DecisionEntry
from lianfang.services import contacts, situation
from lianfang.services.installation import Installation, Who
from lianfang.store import change, rows
from loop import CONTACTS


def test_pages_laid_together_are_the_whole_list(
    inst: Installation, staff: dict[str, Who], event_id: str
) -> None:
    who = staff["epidemiologist"]
    whole = contacts.ranked(inst, who, event_id)
    parts = [contacts.page(inst, who, event_id, number=n, size=3) for n in (1, 2, 3, 4)]
    assert [row for part in parts for row in part["contacts"]] == whole and len(whole) == len(CONTACTS)
    assert {part["total"] for part in parts} == {len(CONTACTS)} and parts[3]["contacts"] == []
    with inst.store.read() as connection:
        told = [row["rows"] for row in rows(connection, DecisionEntry, order_by=["log_index"])]
    assert told[-4:] == [3, 3, 2, 0]  # what was shown is what the log says


def test_who_was_decided_is_counted(inst: Installation, staff: dict[str, Who], event_id: str) -> None:
    who = staff["epidemiologist"]
    assert contacts.page(inst, who, event_id)["decided"] == 0
    with inst.store.begin() as connection:
        held = rows(connection, Contact, event_id=event_id, order_by=["rank"])
        for row, status in zip(held, ("locked", "named", "released", "dismissed"), strict=False):
            change(connection, Contact, row["id"], status=status)
    assert contacts.page(inst, who, event_id)["decided"] == 3
    counted = situation.view(inst, who, event_id)
    assert counted["contact_count"] == len(CONTACTS)
    assert counted["contact_counts"] == {
        "candidate": len(CONTACTS) - 4,
        "locked": 1,
        "named": 1,
        "released": 1,
        "dismissed": 1,
    }


def test_a_page_has_bounds_and_readers(inst: Installation, staff: dict[str, Who], event_id: str) -> None:
    for number, size in ((0, 10), (-1, 10), (10**30, 10), (1, 0), (1, contacts.MOST_SHOWN + 1)):
        with pytest.raises(BadInput):
            contacts.page(inst, staff["manager"], event_id, number=number, size=size)
    with pytest.raises(Refused):
        contacts.page(inst, staff["community_worker"], event_id)
