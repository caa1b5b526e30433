"""REQ-P-62 to 65: retrieval on demand, linkage without identity, lock before naming, a person decides.

The loop runs through a real second process; what a node refuses is asked of the node directly.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import orderkit
from lianfang.foundation.canonical import plain
from lianfang.foundation.clock import SetClock
from lianfang.foundation.errors import BadInput, Conflict, Fault, LianfangError, NotFound, Refused
from lianfang.guard import ledger
from lianfang.records import Contact, DecisionEntry, HolderOrder
from lianfang.services import contacts, holder, orders
from lianfang.services.holder import documents
from lianfang.services.installation import Installation, Who
from lianfang.store import rows, tally
from orderkit import DPO, EPI, EVENT, MANAGER

PEOPLE = orderkit.people()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return orderkit.write_folder(tmp_path_factory.mktemp("data") / "data", PEOPLE)


@pytest.fixture
def inst(tmp_path: Path) -> Iterator[Installation]:
    with orderkit.installation(tmp_path / "centre") as made:
        orderkit.open_event(made, PEOPLE)
        yield made


@pytest.fixture
def base(data: Path, tmp_path: Path) -> Path:
    made = tmp_path / "linjiang"
    shutil.copytree(data, made)
    holder.init(made)
    return made


@pytest.fixture
def served(inst: Installation, base: Path) -> Iterator[orderkit.Serving]:
    holder.trust(base, inst.signer.public.to_json())
    with orderkit.serving(base) as node:
        orders.register(inst, EPI, node.url)
        yield node


def found(inst: Installation) -> list[dict[str, Any]]:
    with inst.store.read() as connection:
        return rows(connection, Contact, event_id=EVENT, order_by=["rank"])


def every_byte(*folders: Path) -> bytes:
    return b"".join(path.read_bytes() for one in folders for path in sorted(one.rglob("*")) if path.is_file())


def planted(numbers: Any) -> list[bytes]:
    return [PEOPLE[n][field].encode() for n in numbers for field in ("name", "resident_id", "phone")]


def test_order_answer_lock_reveal_close_purge(
    inst: Installation, base: Path, served: orderkit.Serving
) -> None:
    order = orders.draft(inst, EPI, EVENT, holder="linjiang")
    assert order["index_count"] == 3
    assert order["responsible"] == EPI.account
    document = json.loads(order["document"])["payload"]
    assert document["row_cap"] == 500
    assert "index" not in document
    steps: list[tuple[str, int, int]] = []
    answer = orders.send(inst, EPI, order["order_id"], progress=lambda *step: steps.append(step))
    assert {stage for stage, *_ in steps} > {"sending"}
    assert (answer["matched"], answer["candidates"]) == (3, len(orderkit.MET))
    assert answer["rows_searched"] > 7 * 200 * 36
    ranked = found(inst)
    assert [row["rank"] for row in ranked] == list(range(1, len(ranked) + 1))
    assert {case for row in ranked for case in row["index_tokens"]} == {"case0", "case1", "case2"}
    assert all(row["status"] == "candidate" and not row["subject_id"] for row in ranked)
    assert orders.send(inst, EPI, order["order_id"]) == answer
    assert orders.show(inst, EPI, order["order_id"])["answer"] == answer

    # REQ-P-64: the locked are named, everybody else stays unreadable, in every byte of the centre
    locked = orderkit.locked(inst, ranked[:2])
    assert contacts.name(inst, EPI, locked["lock_id"]) == 2
    assert contacts.name(inst, EPI, locked["lock_id"]) == 2
    named = [row for row in found(inst) if row["subject_id"]]
    assert {row["contact_id"] for row in named} == set(locked["contact_ids"])
    assert orders.reveal(inst, EPI, locked) == {row["contact_id"]: row["subject_id"] for row in named}
    inst.store.vacuum()
    outside = every_byte(inst.home, base / "node")
    assert not [value for value in planted(range(200)) if value in outside]

    # the end: the holder forgets, the receipt holds, the ledger stays
    shows = holder.HolderNode(base, clock=inst.clock)
    tokens = [row["token"].encode() for row in ranked]
    assert all(token in every_byte(base / "node") for token in tokens)
    with pytest.raises(Conflict):
        orders.purge(inst, MANAGER, EVENT)
    _close(inst)
    receipts = orders.purge(inst, MANAGER, EVENT)
    receipt = documents.opened(shows.keys.public, receipts["linjiang"], documents.ReceiptNote, "receipt")
    assert (receipt.orders, receipt.contacts, receipt.reveals) == ([order["order_id"]], len(ranked), 1)
    assert orders.purge(inst, MANAGER, EVENT) == receipts
    left = every_byte(base / "node")
    assert not [token for token in tokens if token in left]
    assert shows.orders()[0]["state"] == "purged"
    with shows.store.read() as connection:
        trail = ledger.entries(connection, log=shows.log, sealer=shows.sealer)
    assert next(entry for entry in trail if entry.type == "persons_revealed").payload is None
    assert [entry.type for entry in trail] == [
        "event_purged",
        "reveal_repeated",
        "persons_revealed",
        "order_answered",
        "order_received",
    ]
    shows.close()
    assert served.stop() == 0


def _close(inst: Installation) -> None:
    from lianfang.records import Event
    from lianfang.store import change, one

    with inst.store.begin() as connection:
        event = one(connection, Event, event_id=EVENT)
        change(connection, Event, event["id"], status="closed", closed_at=inst.now(), closed_by="zhou.zhuren")


# REQ-P-62 -------------------------------------------------------------------------------------------------

BREACHES: dict[str, dict[str, Any]] = {
    "basis": {"basis": []},
    "responsible": {"responsible": "  "},
    "row_cap": {"row_cap": 0},
    "row_cap above": {"row_cap": 2001},
    "sources": {"sources": ["pings", "payments"]},
    "sources none": {"sources": []},
    "expired": {"issued_at": plain(orderkit.NOW - timedelta(days=3)),
                "expires_at": plain(orderkit.NOW - timedelta(days=2)),
                "period": {"start": plain(orderkit.NOW - timedelta(days=9)),
                           "end": plain(orderkit.NOW - timedelta(days=3))}},
    "issued_at": {"issued_at": plain(orderkit.NOW + timedelta(hours=1))},
    "expiry": {"expires_at": plain(orderkit.NOW + timedelta(days=30))},
    "period": {"period": {"start": plain(orderkit.NOW - timedelta(days=60)), "end": plain(orderkit.NOW)}},
    "period empty": {"period": {"start": plain(orderkit.NOW), "end": plain(orderkit.NOW)}},
    "period later": {"period": {"start": plain(orderkit.NOW), "end": plain(orderkit.NOW + timedelta(days=5))}},
    "rule": {"rule": {"radius_m": 400}},
    "scope": {"index": [], "index_count": 0, "index_sha256": documents.commitment(orderkit.MATCH_KEY, [])},
    "index": {"index_count": 4},
    "index swapped": {"match_key": "cd" * 32},
    "holder": {"holder": "elsewhere"},
}  # fmt: skip


@pytest.fixture
def node(base: Path) -> Iterator[Any]:
    made = holder.HolderNode(base, clock=SetClock(orderkit.NOW))
    yield made
    made.close()


@pytest.fixture
def centre(node: Any, tmp_path: Path) -> Any:
    keys = orderkit.keys(tmp_path / "keys")
    holder.trust(node.folder, keys.public.to_json())
    return keys


def test_req_p_62_each_missing_condition_is_refused_by_name_and_logged(node: Any, centre: Any) -> None:
    for at, (name, changes) in enumerate(BREACHES.items()):
        order_id = f"o20260129-{at:016x}"
        raw = orderkit.order_message(centre, node.keys.public, PEOPLE, order_id=order_id, **changes)
        with pytest.raises(Refused) as caught:
            node.receive(raw)
        assert any(reason.startswith(f"{name.split()[0]}:") for reason in caught.value.reasons), name
        assert "REQ-P-62" in caught.value.basis
        with pytest.raises(Refused):  # the same order again is refused again
            node.receive(raw)
        assert node.status(order_id)["state"] == "refused"
    with node.store.read() as connection:
        trail = ledger.entries(connection, type="order_refused", log=node.log, limit=100)
    assert len(trail) == len(BREACHES)
    assert all(entry.payload and entry.payload["reasons"] for entry in trail)
    assert not node._running


def test_req_p_62_an_order_without_event_is_no_order(node: Any, centre: Any) -> None:
    for changes in (
        {"event_id": ""},
        {"order_id": ""},
        {"scope": "all_subscribers"},
        {"purpose": "advertising"},
    ):
        with pytest.raises(BadInput):
            node.receive(orderkit.order_message(centre, node.keys.public, PEOPLE, **changes))


def test_req_p_62_bulk_push_has_no_door(node: Any) -> None:
    app = holder.create_app(node)
    doors = {(route.path, *sorted(route.methods)) for route in app.routes if hasattr(route, "methods")}
    assert doors == {
        ("/identity", "GET"),
        ("/orders", "POST"),
        ("/orders/{order_id}", "GET"),
        ("/reveal", "POST"),
        ("/notice", "POST"),
        ("/purge", "POST"),
    }


def test_req_p_62_the_law_is_asked_as_well(node: Any, centre: Any, base: Path) -> None:
    about = json.loads((base / "holder.json").read_text())
    about["kind"] = "local_education_department"  # a school board holds no telephone positions by law
    (base / "holder.json").write_text(json.dumps(about))
    other = holder.HolderNode(base, clock=SetClock(orderkit.NOW))
    try:
        with pytest.raises(Refused) as caught:
            other.receive(orderkit.order_message(centre, node.keys.public, PEOPLE))
        assert any(reason.startswith("policy: ") for reason in caught.value.reasons)
    finally:
        other.close()


def test_req_p_62_the_centre_asks_its_own_gate_first(inst: Installation) -> None:
    from lianfang.records import HolderEntry
    from lianfang.store import put

    with pytest.raises(Refused) as caught:
        orders.draft(inst, EPI, EVENT, holder="linjiang")
    assert caught.value.code == "unknown_holder"
    entry = {
        "holder": "linjiang", "kind": "telecom_operator", "name_zh": "", "name_en": "", "active": True,
        "url": "http://127.0.0.1:1", "sources": ["pings"], "sign_key": "A" * 43 + "=", "seal_key": "A" * 43 + "=",
    }  # fmt: skip
    with inst.store.begin() as connection:
        put(connection, HolderEntry.model_validate(entry))
    for who in (DPO, Who("li.she", "community_worker", "grassroots_worker"), Who("x", "", "cdc")):
        with pytest.raises(Refused):
            orders.draft(inst, who, EVENT, holder="linjiang")
    order = orders.draft(inst, EPI, EVENT, holder="linjiang")
    with inst.store.read() as connection:
        decision = rows(connection, DecisionEntry, ref=order["order_id"])
    assert [(row["phase"], row["permit"]) for row in decision] == [("share", True)]
    assert "on_request_only" in decision[0]["obligations"]
    _close(inst)
    for act in (
        lambda: orders.draft(inst, EPI, EVENT, holder="linjiang"),
        lambda: orders.send(inst, EPI, order["order_id"]),
    ):
        with pytest.raises(Conflict):
            act()


# REQ-P-63 -------------------------------------------------------------------------------------------------


def test_req_p_63_no_identifier_travels_to_the_holder(
    inst: Installation, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is sealed to the holder, opened: tokens only, and others in each order."""
    from lianfang.services.orders import sending

    holder.trust(base, inst.signer.public.to_json())
    node = holder.HolderNode(base, clock=inst.clock)
    taken: list[bytes] = []

    def call(url: str, path: str, body: bytes | None = None, **more: Any) -> dict[str, Any]:
        assert body is not None
        taken.append(body)
        raise Fault("down", code="holder_unreachable")

    monkeypatch.setattr(sending, "call", call)
    _registered(inst, node)
    for _ in range(2):
        order = orders.draft(inst, EPI, EVENT, holder="linjiang")
        with pytest.raises(Fault):
            orders.send(inst, EPI, order["order_id"])
    inside = [documents.from_centre(node.keys, "order", raw) for raw in taken]
    node.close()
    for body in inside:
        assert not [value for value in planted(orderkit.INDEX) if value in body]
    first, second = (json.loads(body)["index"] for body in inside)
    assert len(first) == 3
    one, two = (
        {case[kind] for case in index for kind in ("resident_id", "phone")} for index in (first, second)
    )
    assert (one & two) <= {None}


def _registered(inst: Installation, node: Any) -> None:
    import base64

    from lianfang.records import HolderEntry
    from lianfang.store import put

    keys = node.keys.public
    entry = {
        "holder": "linjiang", "kind": "telecom_operator", "name_zh": "", "name_en": "", "active": True,
        "url": "http://127.0.0.1:1", "sources": list(orderkit.SOURCES),
        "sign_key": base64.b64encode(keys.signing).decode(), "seal_key": base64.b64encode(keys.sealing).decode(),
    }  # fmt: skip
    with inst.store.begin() as connection:
        put(connection, HolderEntry.model_validate(entry))


# REQ-P-64 -------------------------------------------------------------------------------------------------


@pytest.fixture
def answered(node: Any, centre: Any) -> list[str]:
    """Tokens of an answered order at the node."""
    import sqlalchemy as sa

    from lianfang.services.holder import tables

    node.receive(orderkit.order_message(centre, node.keys.public, PEOPLE))
    orderkit.wait(node, "o20260129-0000000000000001")
    with node.store.read() as connection:
        return sorted(connection.execute(sa.select(tables.contact.c.token)).scalars())


def lock(centre: Any, listed: list[str], **changes: Any) -> dict[str, Any]:
    given = [{"account": who.account, "role": who.role, "at": plain(orderkit.NOW)} for who in (EPI, DPO)]
    made = {
        "format": "lianfang-lock/1", "lock_id": "l1", "event_id": EVENT,
        "order_id": "o20260129-0000000000000001", "centre": centre.name, "holder": "linjiang",
        "tokens": listed, "reason": "high risk", "approvals": given, "worker": "li.she",
        "not_after": plain(orderkit.NOW + timedelta(days=21)),
    }  # fmt: skip
    return {**made, **changes}


def ask(node: Any, centre: Any, document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    from lianfang.guard.signing import sign

    sealed = node.reveal(orderkit.message("reveal", node.keys.public, {"note": sign(centre, document)}))
    note = documents.at_centre(centre, "reveal", document["lock_id"], sealed)["note"]
    told = documents.opened(node.keys.public, note, documents.RevealNote, "answer")
    return {person.token: documents.payload(person) for person in told.persons}


EPI_GAVE = {"account": "wang.yi", "role": "epidemiologist", "at": plain(orderkit.NOW)}


@pytest.mark.parametrize(
    "breach",
    [
        {"approvals": []},
        {"approvals": [EPI_GAVE]},
        {"approvals": [EPI_GAVE, EPI_GAVE]},
        {"approvals": [EPI_GAVE, {**EPI_GAVE, "account": "other"}]},
        {"approvals": [EPI_GAVE, {**EPI_GAVE, "role": "manager"}]},
        {"approvals": [EPI_GAVE, {"account": "li.she", "role": "community_worker", "at": EPI_GAVE["at"]}]},
        {"approvals": [EPI_GAVE, {"account": "chen.ren", "role": "manager",
                                  "at": plain(orderkit.NOW + timedelta(days=1))}]},
        {"not_after": plain(orderkit.NOW - timedelta(minutes=1))},
        {"reason": " "},
        {"event_id": "e-other"},
        {"order_id": "o-other"},
        {"holder": "elsewhere"},
        {"tokens": ["0" * 32]},
    ],
)  # fmt: skip
def test_req_p_64_without_lock_and_two_approvals_nobody_is_named(
    node: Any, centre: Any, answered: list[str], breach: dict[str, Any]
) -> None:
    with pytest.raises(Refused) as caught:
        ask(node, centre, lock(centre, answered[:2], **breach))
    assert "REQ-P-64" in caught.value.basis
    with node.store.read() as connection:
        assert len(ledger.entries(connection, type="reveal_refused", log=node.log)) == 1


def test_req_p_64_exactly_the_locked_tokens_are_named(node: Any, centre: Any, answered: list[str]) -> None:
    told = ask(node, centre, lock(centre, answered[:2]))
    assert set(told) == set(answered[:2])
    by_phone = {one["phone"]: number for number, one in enumerate(PEOPLE)}
    who = {by_phone[one["phone"]] for one in told.values()}
    assert len(who) == 2
    assert who < orderkit.MET
    assert {one["name"] for one in told.values()} == {PEOPLE[number]["name"] for number in who}
    assert all(set(one) == {"token", "name", "phone"} for one in told.values())  # the law gives no ID number
    with node.store.read() as connection:
        (entry,) = ledger.entries(connection, type="persons_revealed", log=node.log, sealer=node.sealer)
    assert entry.payload is not None
    assert entry.payload["persons"] == 2
    assert entry.payload["lock"]["reason"] == "high risk"
    text = json.dumps(entry.payload, ensure_ascii=False)
    assert not [value for value in planted(who) if value.decode() in text]


def test_req_p_64_a_lock_is_answered_once_and_for_one_list(
    node: Any, centre: Any, answered: list[str]
) -> None:
    first = ask(node, centre, lock(centre, answered[:2]))
    assert ask(node, centre, lock(centre, answered[1::-1])) == first
    for changed in ({"tokens": answered[:3]}, {"tokens": answered[2:4]}, {"worker": "other"}):
        with pytest.raises(Refused) as caught:
            ask(node, centre, lock(centre, answered[:2], **changed))
        assert any(reason.startswith("changed:") for reason in caught.value.reasons)
    with node.store.read() as connection:
        assert len(ledger.entries(connection, type="persons_revealed", log=node.log)) == 1
        assert len(ledger.entries(connection, type="reveal_repeated", log=node.log)) == 1


def test_req_p_64_a_lock_that_ran_out_is_not_answered_again(
    node: Any, centre: Any, answered: list[str]
) -> None:
    asked = lock(centre, answered[:2])
    ask(node, centre, asked)
    node.clock.move(timedelta(days=400))
    with pytest.raises(Refused) as caught:
        ask(node, centre, asked)
    assert any(reason.startswith("expired:") for reason in caught.value.reasons)
    with node.store.read() as connection:
        assert len(ledger.entries(connection, type="reveal_refused", log=node.log)) == 1


def test_req_p_64_a_second_centre_cannot_name_the_first_ones_contacts(
    node: Any, centre: Any, answered: list[str], tmp_path: Path
) -> None:
    other = orderkit.keys(tmp_path / "second", "other-cdc")
    holder.trust(node.folder, other.public.to_json())
    with pytest.raises(Refused):
        ask(node, other, lock(other, answered[:2]))
    with pytest.raises(Refused):  # signed by one, speaking for the other
        ask(node, other, lock(centre, answered[:2]))


# REQ-P-65 -------------------------------------------------------------------------------------------------


def test_req_p_65_an_answer_contacts_nobody(inst: Installation, served: orderkit.Serving) -> None:
    """From linkage to a person there is a lock and two people; no code path sets a contact going by itself."""
    from lianfang.records import FollowUp, RiskLock

    order = orders.draft(inst, EPI, EVENT, holder="linjiang")
    orders.send(inst, EPI, order["order_id"])
    with inst.store.read() as connection:
        assert {row["status"] for row in rows(connection, Contact)} == {"candidate"}
        assert tally(connection, RiskLock) == tally(connection, FollowUp) == 0
        assert rows(connection, HolderOrder, order_id=order["order_id"])[0]["status"] == "answered"
    some = found(inst)[:2]
    for approvals in ((), (EPI,), (EPI, EPI)):
        given = orderkit.locked(
            inst, some, lock_id=f"l-{len(approvals)}-{id(approvals) % 97}", approvals=approvals
        )
        with pytest.raises(LianfangError) as caught:
            orders.reveal(inst, EPI, given)
        assert not isinstance(caught.value, NotFound)
    assert not [row for row in found(inst) if row["subject_id"]]
