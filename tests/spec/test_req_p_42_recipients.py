"""REQ-P-42: four grounds, and whoever received the data is told and answers: worker, other authority, holder's node."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from fastapi.testclient import TestClient

import orderkit
from exchangekit import OTHER, PERSON, carry
from exchangekit import staff as member
from lianfang.api.app import create_app
from lianfang.api.security import COOKIE, form_token
from lianfang.cli import cli
from lianfang.foundation.clock import SetClock
from lianfang.foundation.errors import BadInput, Conflict, NotFound, Refused
from lianfang.records import Contact, DecisionEntry, ExchangeCase, SubjectNotice, SubjectRequest
from lianfang.services import accounts, closing, contacts, holder, jobs, orders, subjects, visits
from lianfang.services.exchange import cases
from lianfang.services.holder import tables
from lianfang.services.installation import ROUTINE, SYSTEM, Installation, Who
from lianfang.services.subjects import telling
from lianfang.store import change, one, rows
from loop import CONTACTS, identifiers

CONTACT = identifiers(CONTACTS[0], 100)
GROUNDS = ("inaccurate", "outdated", "unnecessary", "unlawful")


def _who(person: dict[str, str]) -> subjects.Identity:
    return subjects.identity({"name": person["name"], "phone": person.get("phone") or person["mobile"]})


@pytest.fixture
def worked(inst: Installation, staff: dict[str, Who], event_id: str) -> str:
    """The first contact is named to a worker, who has read who he is."""
    epi, worker = staff["epidemiologist"], staff["community_worker"]
    lock = contacts.lock(inst, epi, event_id, ["c0"], reason="高风险", worker=worker.account)
    contacts.approve(inst, staff["manager"], lock)
    contacts.name(inst, epi, lock)
    visits.particulars(inst, worker, "c0", terminal="t1")
    return event_id


def _correct(inst: Installation, who: Who, changes: dict[str, str], **more: Any) -> dict[str, Any]:
    wanted = {"reason": "写错", "identity_verified": True, **more}
    return subjects.correct(inst, who, _who(CONTACT), changes, **wanted)


def _erase(inst: Installation, who: Who, person: dict[str, str], **more: Any) -> dict[str, Any]:
    wanted = {"ground": "inaccurate", "reason": "写错", "identity_verified": True, **more}
    return subjects.erase(inst, who, _who(person), **wanted)


def _notices(inst: Installation, **equal: Any) -> list[dict[str, Any]]:
    with inst.store.read() as connection:
        return rows(connection, SubjectNotice, **equal)


# the grounds


def test_req_p_42_four_grounds_for_a_correction_and_taking_away_puts_nothing_in_its_place(
    inst: Installation, staff: dict[str, Who], worked: str
) -> None:
    dpo = staff["data_protection_officer"]
    for at, ground in enumerate(("inaccurate", "outdated")):
        assert _correct(inst, dpo, {"address": f"新址{at}"}, ground=ground)["corrected"] == 1
    for ground in ("unnecessary", "unlawful"):
        with pytest.raises(BadInput):
            _correct(inst, dpo, {"address": "新址"}, ground=ground)
    with pytest.raises(Refused):  # an open event needs where he lives
        _correct(inst, dpo, {"address": ""}, ground="unnecessary")
    assert _correct(inst, dpo, {"address": ""}, ground="unlawful")["corrected"] == 1
    with pytest.raises(BadInput):
        _correct(inst, dpo, {"address": ""}, ground="because")
    with inst.store.read() as connection:
        taken = rows(connection, DecisionEntry, actor="data_subject", phase="delete", permit=True)
    assert taken and all(row["purpose"] == "erasure" for row in taken)


@pytest.mark.parametrize("ground", GROUNDS)
def test_req_p_42_four_grounds_for_an_erasure(
    inst: Installation, staff: dict[str, Who], worked: str, ground: str
) -> None:
    dpo = staff["data_protection_officer"]
    if ground == "unnecessary":
        with pytest.raises(Refused):
            _erase(inst, dpo, CONTACT, ground=ground)
        assert [row["state"] for row in _notices(inst)] == []  # refused before anything was written
        closing.close(inst, staff["manager"], worked, "结束")
    done = _erase(inst, dpo, CONTACT, ground=ground)
    assert done["erased"] == 1 and done["recipients"] == ["li.she"]
    told = subjects.show(inst, dpo, done["request_id"])
    assert (told["request"], told["ground"], told["state"]) == ("erasure", ground, "done")


# the worker


def test_req_p_42_the_worker_finds_it_on_his_list_and_his_answer_is_in_the_persons_request(
    inst: Installation, staff: dict[str, Who], worked: str
) -> None:
    dpo, worker = staff["data_protection_officer"], staff["community_worker"]
    done = _correct(inst, dpo, {"phone": "15400009999"}, ground="outdated")
    assert done["recipients"] == [worker.account] and subjects.mine(inst, worker) == []
    (job,) = jobs.waiting(inst)  # queued with the act, for the desk
    assert jobs.execute(inst, job) == "done"
    (notice,) = subjects.mine(inst, worker)
    assert (notice["ref"], notice["request"], notice["ground"]) == ("c0", "rectification", "outdated")
    assert notice["fields"] == ["phone"] and "15400009999" not in str(notice)
    with pytest.raises(NotFound):
        subjects.answer(
            inst, Who("other", "community_worker", "grassroots_worker"), notice["notice_id"], "erased"
        )
    with pytest.raises(BadInput):
        subjects.answer(inst, worker, notice["notice_id"], "noted")
    for stranger in ("epidemiologist", "data_protection_officer"):
        with pytest.raises(Refused):
            subjects.answer(inst, staff[stranger], notice["notice_id"], "corrected")
    subjects.answer(inst, worker, notice["notice_id"], "corrected")
    with pytest.raises(Conflict):
        subjects.answer(inst, worker, notice["notice_id"], "erased")
    (shown,) = subjects.show(inst, dpo, done["request_id"])["notices"]
    assert (shown["state"], shown["outcome"], shown["answered_by"]) == ("answered", "corrected", "li.she")
    assert subjects.mine(inst, worker) == []
    with pytest.raises(Refused):
        subjects.listing(inst, staff["manager"])
    with pytest.raises(NotFound):
        subjects.show(inst, dpo, "s0")


def test_who_does_not_answer_in_time_is_shown_as_late(
    inst: Installation, staff: dict[str, Who], worked: str
) -> None:
    dpo = staff["data_protection_officer"]
    done = _correct(inst, dpo, {"phone": "15400009999"})
    subjects.deliver(inst, dpo)
    assert isinstance(inst.clock, SetClock)
    inst.clock.move(timedelta(days=31))
    (shown,) = subjects.show(inst, dpo, done["request_id"])["notices"]
    assert shown["late"] and shown["state"] == "told"


def test_nothing_changed_tells_nobody(inst: Installation, staff: dict[str, Who], worked: str) -> None:
    done = _correct(inst, staff["data_protection_officer"], {"phone": CONTACT["phone"]})
    assert done["corrected"] == 0 and done["recipients"] == []
    assert {row["state"] for row in _notices(inst)} == {"void"} and jobs.waiting(inst) == []


def test_a_conflict_in_the_vault_tells_nobody(
    inst: Installation, staff: dict[str, Who], worked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def conflict(*_: object, **__: object) -> None:
        raise Conflict("Another subject of the event has exactly these identifiers.")

    monkeypatch.setattr(inst.vault, "amend", conflict)
    with pytest.raises(Conflict):
        _correct(inst, staff["data_protection_officer"], {"phone": "15400009999"})
    assert {row["state"] for row in _notices(inst)} == {"void"}


@pytest.mark.parametrize("moment", ["before", "after"])
def test_killed_between_the_notice_and_the_erasure_it_is_settled_by_what_the_vault_holds(
    inst: Installation, staff: dict[str, Who], worked: str, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    dpo = staff["data_protection_officer"]

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    if moment == "before":
        monkeypatch.setattr(inst.vault, "destroy_subject", killed)
    else:
        monkeypatch.setattr(telling, "release", killed)
    with pytest.raises(KeyboardInterrupt):
        _erase(inst, dpo, CONTACT)
    monkeypatch.undo()
    assert {row["state"] for row in _notices(inst)} == {"held"}
    assert subjects.deliver(inst, dpo)["told"] == 0  # it may still be going on
    assert isinstance(inst.clock, SetClock)
    inst.clock.move(timedelta(minutes=6))
    telling.wake(inst)
    (job,) = jobs.waiting(inst)
    jobs.execute(inst, job)
    assert {row["state"] for row in _notices(inst)} == {"void" if moment == "before" else "told"}
    with inst.store.read() as connection:
        assert all(row["subjects"] == [] for row in rows(connection, SubjectRequest))
    with inst.vault_store.read() as vault:
        held = inst.vault.own(vault, worked, {"name": CONTACT["name"], "phone": CONTACT["phone"]})
    assert bool(held) is (moment == "before")


# other authorities


def test_req_p_42_other_authorities_are_told_by_a_case_and_their_answers_are_seen(
    three: dict[str, Installation], sent: str
) -> None:
    a, b = three["linjiang"], three["yuanshan"]
    dpo = member(a, "data_protection_officer")
    mine = {"name": PERSON["name"], "phone": PERSON["mobile"]}
    with a.vault_store.begin() as vault:
        a.vault.put_many(vault, ROUTINE, [mine], kind="returnee")
    report = subjects.report(a, dpo, _who(PERSON), identity_verified=True)
    assert report["messages"] == [{"message_id": sent, "event_id": "", "authorities": ["yuanshan"]}]
    done = subjects.correct(
        a, dpo, _who(PERSON), {"phone": "15400009911"}, reason="写错", identity_verified=True
    )
    assert done["recipients"] == ["yuanshan"]
    assert subjects.deliver(a, SYSTEM) == {"told": 1, "answered": 0, "waiting": 0}
    assert subjects.deliver(a, SYSTEM) == {"told": 0, "answered": 0, "waiting": 0}
    assert carry(*three.values())["delivered"] == 1
    with b.store.read() as connection:
        (case,) = rows(connection, ExchangeCase)
    assert (case["request"], case["message_id"], case["opened_by"]) == ("rectification", sent, "linjiang")
    said = cases.read(b, member(b, "data_protection_officer"), case["case_id"])["text"]
    assert "person 1" in said and "phone" in said
    assert PERSON["name"] not in said and "15400009911" not in said
    (shown,) = subjects.show(a, dpo, done["request_id"])["notices"]
    assert (shown["state"], shown["case_id"]) == ("told", case["case_id"])
    cases.answer(b, member(b, "data_protection_officer"), case["case_id"], "corrected")
    carry(*three.values())
    (shown,) = subjects.show(a, dpo, done["request_id"])["notices"]
    assert (shown["state"], shown["outcome"]) == ("answered", "corrected")
    # the letters hold no identity outside their seal
    a.store.vacuum()
    raw = b"".join(path.read_bytes() for path in a.home.glob("lianfang.db*"))
    assert PERSON["name"].encode() not in raw and b"15400009911" not in raw


def test_two_workers_at_once_open_one_case(
    three: dict[str, Installation], sent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    a = three["linjiang"]
    _erase(a, member(a, "data_protection_officer"), PERSON)
    whole, ran = cases.notify, list[dict[str, int]]()

    def other_first(*given: Any, **named: Any) -> str:
        monkeypatch.setattr(cases, "notify", whole)
        ran.append(subjects.deliver(a, SYSTEM))
        return whole(*given, **named)

    monkeypatch.setattr(cases, "notify", other_first)
    assert subjects.deliver(a, SYSTEM)["waiting"] == 0 and ran == [{"told": 1, "answered": 0, "waiting": 0}]
    with a.store.read() as connection:
        assert len(rows(connection, ExchangeCase)) == 1
    assert [row["error"] for row in _notices(a)] == [""]


def test_a_person_known_from_a_message_alone_can_have_it_erased_and_nobody_elses_message_is_touched(
    three: dict[str, Installation], sent: str
) -> None:
    b = three["yuanshan"]
    dpo = member(b, "data_protection_officer")
    with pytest.raises(NotFound):
        _erase(b, dpo, {"name": OTHER["name"], "phone": "15411111111"})
    done = _erase(b, dpo, OTHER, ground="unlawful")
    assert (done["erased"], done["recipients"]) == (0, ["linjiang"])
    subjects.deliver(b, SYSTEM)
    carry(*three.values())
    with three["linjiang"].store.read() as connection:
        (case,) = rows(connection, ExchangeCase)
    assert case["request"] == "erasure"
    with three["haibin"].store.read() as connection:
        assert rows(connection, ExchangeCase) == []  # it has no copy


def test_a_message_that_ended_needs_no_notice(three: dict[str, Installation], sent: str) -> None:
    a = three["linjiang"]
    dpo = member(a, "data_protection_officer")
    done = _erase(a, dpo, PERSON)
    assert isinstance(a.clock, SetClock)
    a.clock.move(timedelta(days=20))
    assert subjects.deliver(a, SYSTEM)["waiting"] == 1
    (shown,) = subjects.show(a, dpo, done["request_id"])["notices"]
    assert shown["state"] == "queued" and "ended" in shown["error"]
    assert subjects.report(a, dpo, _who(PERSON), identity_verified=True)["messages"] == []


# holders


PEOPLE = orderkit.people()


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[Installation]:
    with orderkit.installation(tmp_path / "centre") as made:
        orderkit.open_event(made, PEOPLE)
        yield made


@pytest.fixture
def node_folder(tmp_path: Path) -> Path:
    return orderkit.node_folder(tmp_path / "linjiang", PEOPLE)


def _tokens(folder: Path) -> set[str]:
    node = holder.HolderNode(folder, clock=SetClock(orderkit.NOW))
    with node.store.read() as connection:
        found = set(connection.execute(sa.select(tables.contact.c.token)).scalars())
    node.close()
    return found


def test_req_p_42_a_holders_node_forgets_the_person_and_its_signed_receipt_is_the_answer(
    centre: Installation, node_folder: Path
) -> None:
    holder.trust(node_folder, centre.signer.public.to_json())
    with orderkit.serving(node_folder) as served:
        orders.register(centre, orderkit.EPI, served.url)
        order = orders.draft(centre, orderkit.EPI, orderkit.EVENT, holder="linjiang")
        orders.send(centre, orderkit.EPI, order["order_id"])
        with centre.store.read() as connection:
            ranked = rows(connection, Contact, event_id=orderkit.EVENT, order_by=["rank"])
        contacts.name(centre, orderkit.EPI, orderkit.locked(centre, ranked[:2])["lock_id"])
        with centre.store.read() as connection:
            first = one(connection, Contact, contact_id=ranked[0]["contact_id"])
        with centre.vault_store.read() as vault:
            (held,) = centre.vault._opened(vault, orderkit.EVENT, [first["subject_id"]])
        before = _tokens(node_folder)
        assert first["token"] in before
        done = _erase(centre, orderkit.DPO, dict(held.fields), ground="unlawful")
        assert done["recipients"] == ["li.she", "linjiang"]
        # the node is away: the notice waits and says why, and goes when it is back
        with centre.store.begin() as connection:
            from lianfang.records import HolderEntry

            entry = one(connection, HolderEntry, holder="linjiang")
            change(connection, HolderEntry, entry["id"], url="http://127.0.0.1:1")
        assert subjects.deliver(centre, SYSTEM) == {"told": 1, "answered": 0, "waiting": 1}
        waits = next(n for n in _notices(centre, kind="holder"))
        assert waits["state"] == "queued" and "cannot be reached" in waits["error"] and waits["places"]
        assert subjects.deliver(centre, SYSTEM) == {"told": 0, "answered": 0, "waiting": 1}
        with centre.store.begin() as connection:
            change(connection, HolderEntry, entry["id"], url=served.url)
        assert subjects.deliver(centre, SYSTEM, force=True) == {"told": 0, "answered": 1, "waiting": 0}
        answered = next(n for n in _notices(centre, kind="holder"))
        assert (answered["state"], answered["outcome"], answered["places"]) == ("answered", "erased", [])
        # an answer lost on the way: the same notice gives the same receipt
        from lianfang.services.orders import ending

        again = ending.notify(centre, SYSTEM, {**waits}, "erased", "unlawful")
        assert (again.outcome, again.tokens) == ("erased", 1)
        with pytest.raises(Conflict):
            ending.notify(centre, SYSTEM, {**waits}, "corrected", "unlawful")
        with pytest.raises(NotFound):
            ending.notify(
                centre,
                SYSTEM,
                {**waits, "notice_id": "n1", "ref": "o-none", "places": []},
                "erased",
                "unlawful",
            )
    assert before - _tokens(node_folder) == {first["token"]}
    raw = b"".join(path.read_bytes() for path in (node_folder / "node").iterdir() if path.is_file())
    assert first["token"].encode() not in raw


def test_an_index_case_is_forgotten_by_the_node_too_and_a_stranger_changes_nothing(
    centre: Installation, node_folder: Path, tmp_path: Path
) -> None:
    from lianfang.services.holder import documents

    holder.trust(node_folder, centre.signer.public.to_json())
    node = holder.HolderNode(node_folder, clock=SetClock(orderkit.NOW))
    raw = orderkit.order_message(
        centre.signer, node.keys.public, PEOPLE, order_id="o20260129-000000000000000a"
    )
    node.receive(raw)
    orderkit.wait(node, "o20260129-000000000000000a")
    stranger = orderkit.keys(tmp_path / "stranger", "elsewhere")

    def note(keys: Any, **changes: Any) -> bytes:
        made = documents.NoticeNote.model_validate(
            {
                "notice_id": "n1", "order_id": "o20260129-000000000000000a", "event_id": orderkit.EVENT,
                "centre": keys.name, "holder": "linjiang", "change": "erased", "ground": "unlawful",
                "tokens": [], "index": [0], "at": orderkit.NOW, **changes,
            }
        )  # fmt: skip
        signed = documents.SignedRequest(note=documents.signed(keys, made))
        return documents.to_holder(node.keys.public, "notice", signed)

    with pytest.raises(Refused):
        node.notice(note(stranger))
    with pytest.raises(Refused):
        node.notice(note(centre.signer, holder="other"))
    for odd in (b"", b"{}", b"[" * 50, b"\xff"):
        with pytest.raises(BadInput):
            node.notice(odd)
    assert node._order("o20260129-000000000000000a")["message"]  # type: ignore[index]
    receipt = node.notice(note(centre.signer))
    assert receipt["payload"]["outcome"] == "erased" and node.notice(note(centre.signer)) == receipt
    assert node._order("o20260129-000000000000000a")["message"] is None  # type: ignore[index]
    noted = node.notice(note(centre.signer, notice_id="n2", change="corrected"))
    assert noted["payload"]["outcome"] == "noted"
    node.close()


# doors


@pytest.fixture
def client(inst: Installation, worked: str) -> Iterator[TestClient]:
    yield TestClient(create_app(inst), base_url="https://testserver", follow_redirects=False)


def _enter(client: TestClient, inst: Installation, name: str) -> str:
    client.cookies.clear()
    client.post("/enter", data={"link": accounts.link(inst, name)})
    return form_token(client.cookies[COOKIE])


def test_the_pages_show_notice_and_answer(inst: Installation, client: TestClient) -> None:
    token = _enter(client, inst, "chen.ren")
    form = {"name": CONTACT["name"], "phone": CONTACT["phone"], "verified": "yes", "token": token}
    change = {**form, "field": "phone", "value": "15400009999", "reason": "x", "ground": "outdated"}
    answer = client.post("/subjects/correct", data=change)
    assert answer.status_code == 200 and "li.she" in answer.text and "15400009999" not in answer.text
    assert client.post("/subjects/notify", data={"token": token}).status_code == 303
    (request,) = client.get("/api/v1/subjects/requests").json()
    page = client.get(f"/subjects/requests/{request['request_id']}", headers={"accept-language": "en"})
    assert "outdated" in page.text and "li.she" in page.text and CONTACT["name"] not in page.text
    assert client.get("/subjects/requests/s0").status_code == 404
    token = _enter(client, inst, "li.she")
    assert client.get("/subjects/requests/" + request["request_id"]).status_code == 403
    assert "请处理您手中的记录" in client.get("/my", headers={"accept-language": "zh"}).text
    (notice,) = client.get("/api/v1/subjects/notices").json()
    sent = client.post(f"/my/notices/{notice['notice_id']}", data={"token": token, "outcome": "corrected"})
    assert sent.status_code == 303
    assert "see to your own notes" not in client.get("/my", headers={"accept-language": "en"}).text
    gone = client.post(
        f"/api/v1/subjects/notices/{notice['notice_id']}",
        json={"outcome": "corrected"},
        headers={"x-lianfang-token": token},
    )
    assert gone.status_code == 409
    _enter(client, inst, "chen.ren")
    (shown,) = client.get(f"/api/v1/subjects/requests/{request['request_id']}").json()["notices"]
    assert shown["outcome"] == "corrected"


def test_the_commands_show_tell_and_answer(inst: Installation, staff: dict[str, Who], worked: str) -> None:
    from datetime import UTC, datetime

    done = _correct(inst, staff["data_protection_officer"], {"phone": "15400009999"}, ground="outdated")
    clock = f"-{(datetime.now(UTC) - inst.now()).days}d"

    def run(*words: str, account: str = "chen.ren") -> Any:
        base = ["guard", "subject", *words, "--home", str(inst.home), "--as", account, "--clock", clock]
        return CliRunner().invoke(cli, base)

    assert "told 已告知 1" in run("notify").output
    shown = run("requests", done["request_id"]).output
    assert "li.she" in shown and "outdated" in shown
    waits = run("notices", account="li.she").output
    notice = waits.split()[0]
    assert run("answer", notice, "erased", account="li.she").exit_code == 0
    assert "erased" in run("requests").output
    assert "none" in run("notices", account="li.she").output
