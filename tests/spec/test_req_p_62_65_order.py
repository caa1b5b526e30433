"""REQ-P-62 to 65 over a real second process: retrieval on demand, linkage without identity, lock, reveal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import orderkit
from lianfang.records import Contact
from lianfang.services import holder, orders
from lianfang.store import rows
from orderkit import EPI


@pytest.fixture
def home(tmp_path: Path) -> Iterator[tuple]:
    people = orderkit.people()
    with orderkit.installation(tmp_path / "centre") as inst:
        orderkit.open_event(inst, people)
        folder = orderkit.node_folder(tmp_path / "linjiang", people)
        holder.trust(folder, inst.signer.public.to_json())
        with orderkit.serving(folder) as node:
            orders.register(inst, EPI, node.url)
            yield inst, folder, node, people


def test_order_answer_contacts_lock_reveal_purge(home: tuple) -> None:
    inst, *_ = home
    order = orders.draft(inst, EPI, orderkit.EVENT, holder="linjiang")
    assert order["index_count"] == 3
    steps = []
    answer = orders.send(inst, EPI, order["order_id"], progress=lambda *step: steps.append(step))
    assert answer["matched"] == 3
    assert answer["candidates"] == len(orderkit.MET)
    assert answer["rows_searched"] > 7 * 200 * 36
    with inst.store.read() as connection:
        contacts = rows(connection, Contact, event_id=orderkit.EVENT, order_by=["rank"])
    assert [row["rank"] for row in contacts] == list(range(1, len(contacts) + 1))
    assert {case for row in contacts for case in row["index_tokens"]} == {"case0", "case1", "case2"}
    again = orders.send(inst, EPI, order["order_id"])
    assert again == answer

    chosen = contacts[:2]
    lock = orderkit.locked(inst, chosen)
    subjects = orders.reveal(inst, EPI, lock)
    assert set(subjects) == {row["contact_id"] for row in chosen}
    assert orders.reveal(inst, EPI, lock) == subjects
