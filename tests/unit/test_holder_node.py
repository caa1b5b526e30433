"""The holder's node alone: matching, search, tokens, refusals, purge; messages made by hand."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import orderkit
from lianfang.foundation.clock import SetClock
from lianfang.foundation.errors import BadInput, Conflict, NotFound
from lianfang.guard import ledger
from lianfang.services import holder
from lianfang.services.holder import documents, folder, search

ORDER = "o20260129-0000000000000001"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, str]]]:
    base = tmp_path_factory.mktemp("holder")
    people = orderkit.people()
    return orderkit.write_folder(base / "data", people), people


@pytest.fixture
def node(shared: tuple[Path, list[dict[str, str]]], tmp_path: Path) -> Iterator[Any]:
    import shutil

    base = tmp_path / "linjiang"
    shutil.copytree(shared[0], base)
    holder.init(base)
    made = holder.HolderNode(base, clock=SetClock(orderkit.NOW))
    yield made
    made.close()


@pytest.fixture
def centre(node: Any, tmp_path: Path) -> Any:
    keys = orderkit.keys(tmp_path / "keys")
    holder.trust(node.folder, keys.public.to_json())
    return keys


@pytest.fixture
def people(shared: tuple[Path, list[dict[str, str]]]) -> list[dict[str, str]]:
    return shared[1]


def answered(node: Any, centre: Any, people: list[dict[str, str]], **changes: Any) -> Any:
    node.receive(orderkit.order_message(centre, node.keys.public, people, **changes))
    state = orderkit.wait(node, changes.get("order_id", ORDER))
    assert state["state"] == "answered", state
    order_id = changes.get("order_id", ORDER)
    body = documents.at_centre(centre, "answer", order_id, base64.b64decode(state["sealed"]))
    answer = documents.parse(documents.Answer, body, "answer")
    note = documents.opened(node.keys.public, answer.note, documents.AnswerNote, "answer")
    assert note.contacts_sha256 == documents.contacts_digest(answer.contacts)
    return note, answer.contacts


def subscribers(node: Any, order_id: str = ORDER) -> dict[str, int]:
    import sqlalchemy as sa

    from lianfang.services.holder import tables

    with node.store.read() as connection:
        found = connection.execute(sa.select(tables.contact).where(tables.contact.c.order_id == order_id))
        return {row.token: row.subscriber for row in found}


def test_the_planned_meetings_and_nobody_else_are_answered(node: Any, centre: Any, people: Any) -> None:
    note, contacts = answered(node, centre, people)
    who = subscribers(node)
    assert {who[one.token] for one in contacts} == orderkit.MET
    kinds = {who[one.token]: {e.kind for e in one.evidence} for one in contacts}
    assert kinds[orderkit.NEAR[0]] == {"co_location"}
    assert kinds[orderkit.ROOM[0]] == {"same_room"}
    assert kinds[orderkit.SEAT[0]] == {"near_row"}
    assert kinds[orderkit.MARKET[0]] == {"same_place"}
    assert {who[one.token]: one.index for one in contacts}[orderkit.ROOM[0]] == [1]
    assert (note.index_given, note.index_matched, note.returned) == (3, 3, len(orderkit.MET))
    assert note.rows_by_source["subscribers"] == 200
    assert note.rows_by_source["pings"] == 7 * 200 * 36
    near = next(e for one in contacts for e in one.evidence if who[one.token] == orderkit.NEAR[0])
    assert near.minutes == 30 * 6  # half an hour on each day from the period's first to the last


def test_an_answer_holds_no_identifier_and_no_coordinate(node: Any, centre: Any, people: Any) -> None:
    _, contacts = answered(node, centre, people)
    text = json.dumps([documents.payload(one) for one in contacts], ensure_ascii=False)
    assert not any(value in text for one in people for value in one.values())
    fields = {name for one in contacts for e in one.evidence for name in documents.payload(e)}
    assert fields <= {
        "kind", "index", "order", "minutes", "slots", "min_distance_m", "first", "last", "venue"
    }  # fmt: skip
    assert not any(word in text for word in ('"lat', '"lon', "114.9", '"801', '"h1', '"m1', '"G1'))


def test_tokens_of_two_orders_cannot_be_joined(node: Any, centre: Any, people: Any) -> None:
    _, one = answered(node, centre, people)
    _, two = answered(node, centre, people, order_id="o20260129-0000000000000002")
    assert len(one) == len(two)
    assert not {c.token for c in one} & {c.token for c in two}


def test_the_cap_keeps_the_best_and_accounts_for_the_rest(node: Any, centre: Any, people: Any) -> None:
    note, contacts = answered(node, centre, people, row_cap=3)
    assert len(contacts) == note.returned == 3
    assert note.candidates == len(orderkit.MET)
    assert note.withheld == {"over_row_cap": len(orderkit.MET) - 3}
    assert [one.rank for one in contacts] == [1, 2, 3]
    assert set(subscribers(node)) == {one.token for one in contacts}  # the withheld have no token at all


def test_an_order_about_nobody_here_is_answered_with_nobody(node: Any, centre: Any, people: Any) -> None:
    stranger = orderkit.vaultkit.people(3, seed=99)
    for at, one in enumerate(stranger):
        one["phone"] = f"154999999{at:02d}"
        one["resident_id"] = f"42990119000101{at:03d}X"
    index = orderkit.index_cases(stranger, orderkit.MATCH_KEY)
    payload = [documents.payload(case) for case in index]
    note, contacts = answered(
        node, centre, people, index=payload, index_sha256=documents.commitment(orderkit.MATCH_KEY, index)
    )
    assert (note.index_matched, contacts) == (0, [])


def test_one_source_is_searched_when_one_was_asked_for(node: Any, centre: Any, people: Any) -> None:
    note, contacts = answered(node, centre, people, sources=["lodging"])
    assert set(note.rows_by_source) == {"subscribers", "lodging"}
    assert {e.kind for one in contacts for e in one.evidence} == {"same_room"}


def test_the_same_order_again_is_the_same_answer(node: Any, centre: Any, people: Any) -> None:
    answered(node, centre, people)
    first = node.status(ORDER)
    assert node.receive(orderkit.order_message(centre, node.keys.public, people)) == first
    with node.store.read() as connection:
        assert len(ledger.entries(connection, type="order_answered", log=node.log)) == 1


def test_one_id_for_two_orders_is_a_conflict(node: Any, centre: Any, people: Any) -> None:
    answered(node, centre, people)
    with pytest.raises(Conflict) as caught:
        node.receive(orderkit.order_message(centre, node.keys.public, people, row_cap=499))
    assert caught.value.code == "order_changed"


def test_every_order_is_in_the_holders_own_ledger(node: Any, centre: Any, people: Any) -> None:
    answered(node, centre, people)
    with node.store.read() as connection:
        trail = ledger.entries(connection, log=node.log)
    assert [entry.type for entry in trail] == ["order_answered", "order_received"]
    asked = trail[1].payload
    assert asked is not None
    assert asked["responsible"] == orderkit.EPI.account
    assert "match_key" not in json.dumps(asked)


def test_a_stopped_search_is_taken_up_at_the_next_start(node: Any, centre: Any, people: Any) -> None:
    node._stopping.set()  # the search stops at its first step, as when the node is stopped
    node.receive(orderkit.order_message(centre, node.keys.public, people))
    node.close()
    again = holder.HolderNode(node.folder, clock=node.clock)
    try:
        assert again.status(ORDER)["state"] in ("received", "searching")
        assert again.resume() == [ORDER]
        assert orderkit.wait(again, ORDER)["state"] == "answered"
    finally:
        again.close()


def test_a_broken_file_fails_the_order_and_sending_again_repairs_it(
    node: Any, centre: Any, people: Any
) -> None:
    file = node.folder / "lodging" / "part.parquet"
    whole = file.read_bytes()
    file.write_bytes(whole[:100])
    raw = orderkit.order_message(centre, node.keys.public, people)
    node.receive(raw)
    state = orderkit.wait(node, ORDER)
    assert state["state"] == "failed"
    assert "sealed" not in state
    file.write_bytes(whole)
    node.receive(raw)
    assert orderkit.wait(node, ORDER)["state"] == "answered"


def test_positions_are_read_by_day_around_the_period(shared: tuple[Path, Any]) -> None:
    files = search.ping_files(
        shared[0], orderkit.NOW - timedelta(days=2, hours=5), orderkit.NOW - timedelta(days=2)
    )
    assert [path.parent.name for path in files] == ["date=2026-01-25", "date=2026-01-26", "date=2026-01-27",
                                                    "date=2026-01-28"]  # fmt: skip


def test_a_folder_becomes_a_node_once(node: Any) -> None:
    with pytest.raises(Conflict):
        holder.init(node.folder)
    assert (node.folder / "node" / "keys.json").stat().st_mode & 0o077 == 0
    assert (node.folder / "node" / "node.db").stat().st_mode & 0o077 == 0
    assert node.identity()["holder"] == "linjiang"


def test_a_folder_without_subscribers_or_name_is_no_node(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        holder.init(tmp_path / "absent")
    with pytest.raises(BadInput):
        holder.init(tmp_path)
    (tmp_path / "subscribers.parquet").write_bytes(b"x")
    with pytest.raises(BadInput):
        holder.init(tmp_path)


@pytest.mark.parametrize(
    "line",
    [
        "row_cap = 'many'",
        "unknown = 1",
        "row_cap = -1",
        "row_cap = 0",
        "row_cap = true",
        "row_cap = [",
        "zone = 3",
    ],
)
def test_a_wrong_limit_is_named(node: Any, line: str) -> None:
    (node.folder / "node" / "node.toml").write_text(line + "\n")
    with pytest.raises(BadInput, match=r"node\.toml"):
        folder.read_limits(node.folder)


@pytest.mark.parametrize(
    "about",
    ["[]", "{", '{"id": "x"}',
     '{"id": "x", "kind": "florist", "name": {"zh": "", "en": ""}, "sources": ["pings"]}',
     '{"id": "x", "kind": "telecom_operator", "name": {"zh": "", "en": ""}, "sources": ["diaries"]}',
     '{"id": "x", "kind": "telecom_operator", "name": {"zh": "", "en": ""}, "sources": []}'],
)  # fmt: skip
def test_a_wrong_holder_json_is_named(node: Any, about: str) -> None:
    (node.folder / "holder.json").write_text(about)
    with pytest.raises(BadInput, match=r"holder\.json"):
        folder.read_about(node.folder)


def test_a_centre_is_not_replaced_by_another_of_its_name(node: Any, centre: Any, tmp_path: Path) -> None:
    other = orderkit.keys(tmp_path / "other", centre.name)
    with pytest.raises(Conflict):
        holder.trust(node.folder, other.public.to_json())
    holder.trust(node.folder, centre.public.to_json())
    assert folder.centres(node.folder) == {centre.name: centre.public}
