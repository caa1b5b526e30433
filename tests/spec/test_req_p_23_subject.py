"""REQ-P-23, 34, 42: a person's report lists each decision about him with basis, actor, time; correction; erasure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from fastapi.testclient import TestClient

from lianfang.api.app import create_app
from lianfang.api.security import COOKIE, form_token
from lianfang.api.subject_tables import text
from lianfang.cli import cli
from lianfang.foundation.errors import BadInput, Conflict, LianfangError, NotFound, Refused
from lianfang.guard.vault.tables import subject as vault_subject
from lianfang.records import DecisionEntry, HolderOrder, LabResult, Returnee
from lianfang.services import accounts, closing, contacts, subjects, visits
from lianfang.services.installation import ROUTINE, Installation, Who
from lianfang.store import insert_new, put_rows, rows
from loop import CONTACTS, DAY, NAMES, identifiers

ID = "429960199001011236"
#: The first contact: he is named, read, visited and sampled below.
CONTACT = identifiers(CONTACTS[0], 100)
CASE = identifiers(NAMES[0], 0)


def _who(person: dict[str, str]) -> subjects.Identity:
    return subjects.identity({"name": person["name"], "phone": person["phone"]})


@pytest.fixture
def worked(inst: Installation, staff: dict[str, Who], event_id: str) -> str:
    """The event with one contact named, read, visited and sampled, and an order about the first case."""
    epi, worker = staff["epidemiologist"], staff["community_worker"]
    lock = contacts.lock(inst, epi, event_id, ["c0"], reason="高风险", worker=worker.account)
    contacts.approve(inst, staff["manager"], lock)
    contacts.name(inst, epi, lock)
    visits.particulars(inst, worker, "c0", terminal="t1")
    visits.record_visit(inst, worker, "c0", reached=True, temperature=36.6, symptoms=[], medium="visit")
    number = visits.order_sample(inst, worker, "c0")
    with inst.store.begin() as connection:
        result = LabResult(
            sample_no=number, event_id=event_id, tested_on=DAY, test="rt-pcr", result="negative"
        )
        insert_new(connection, result)
        put_rows(connection, HolderOrder, [_order(inst, event_id)])
    return event_id


def _order(inst: Installation, event_id: str) -> dict[str, Any]:
    from lianfang.records import CaseReport

    with inst.store.read() as connection:
        case = rows(connection, CaseReport, card_no="C0")[0]
    now = inst.now()
    return {
        "order_id": "o9", "event_id": event_id, "holder": "linjiang", "issued_at": now, "issued_by": "wang.yi",
        "responsible": "wang.yi", "basis": ["x"], "sources": ["pings"], "period_start": now, "period_end": now,
        "rule": {}, "row_cap": 5, "expires_at": now, "index_count": 1, "document": "{}", "status": "sent",
        "index_cases": [{"number": 0, "case_id": case["case_id"]}],
    }  # fmt: skip


def _report(inst: Installation, staff: dict[str, Who], person: dict[str, str]) -> dict[str, Any]:
    return subjects.report(inst, staff["data_protection_officer"], _who(person), identity_verified=True)


def test_req_p_23_every_decision_about_him_with_basis_actor_and_time(
    inst: Installation, staff: dict[str, Who], worked: str
) -> None:
    found = _report(inst, staff, CONTACT)
    with inst.store.read() as connection:
        about = rows(connection, DecisionEntry, ref="c0")
    listed = {one["decision_id"] for one in found["decisions"]}
    assert {row["decision_id"] for row in about} <= listed and len(about) >= 3
    for one in found["decisions"]:
        assert one["at"] and one["actor"] and one["account"] and one["basis"]
    assert {one["phase"] for one in found["decisions"]} >= {"collect", "read", "use"}
    # what was decided about him among others: the lock, with his among its contacts
    assert any(one["phase"] == "reidentify" for one in found["shared_decisions"])
    for one in found["shared_decisions"]:
        assert one["times"] >= 1 and one["first"] and one["last"] and one["account"]
    # his own request is one of the decisions, in his name, through the officer
    last = found["decisions"][-1]
    assert (last["actor"], last["account"], last["phase"]) == ("data_subject", "chen.ren", "read")


def test_req_p_23_rows_readings_orders_and_data_sets(
    inst: Installation, staff: dict[str, Who], worked: str
) -> None:
    found = _report(inst, staff, CONTACT)
    (event,) = found["events"]
    assert event["event_id"] == worked and event["identifiers"][0]["fields"] == CONTACT
    sets = {one["record"]: one for one in event["data_sets"]}
    assert {"contact", "follow_up", "observation_order", "sample", "lab_result"} <= set(sets)
    assert all(one["until"] == event["until"] and one["purposes"] for one in sets.values())
    assert sets["lab_result"]["rows"][0]["result"] == "negative"
    assert [one["account"] for one in found["readings"]] == ["li.she"]
    assert {"recipient": "li.she", "kind": "worker"} in event["recipients"]
    assert found["orders"] == []
    # tokens of the house and other persons' ids are none of his data
    assert "token" not in sets["contact"]["rows"][0] and "index_tokens" not in sets["contact"]["rows"][0]
    case = _report(inst, staff, CASE)
    # what was decided when his case came under the event, with others
    assert any(one["event_id"] == worked and one["phase"] == "use" for one in case["shared_decisions"])
    assert [(one["order_id"], one["as"]) for one in case["orders"]] == [("o9", "index_case")]
    assert {"recipient": "linjiang", "kind": "holder"} in case["events"][0]["recipients"]
    assert case["readings"] == []


def test_req_p_23_nothing_of_anybody_else(inst: Installation, staff: dict[str, Who], worked: str) -> None:
    body = json.dumps(_report(inst, staff, CONTACT), default=str, ensure_ascii=False)
    for name in [*NAMES, *CONTACTS[1:]]:
        assert name not in body
    assert "1540000000" not in body.replace(CONTACT["phone"], "")


def test_req_p_23_remedies_come_with_their_articles_and_what_was_not_read_says_so(
    inst: Installation, staff: dict[str, Who], worked: str
) -> None:
    told = {one["kind"]: one for one in _report(inst, staff, CONTACT)["remedies"]}
    assert set(told) == {"correction", "erasure", "reconsideration", "suit"}
    assert "art. 12(2)" in told["suit"]["article"] and told["suit"]["verified"]
    from lianfang.services.subjects.remedies import remedies

    for one in remedies("cn-current", date(2026, 3, 1)):
        assert one["verified"] or "unverified" in one["article"]
        assert one["verified"] or not any(
            digit in one["article"].split("[")[0].split(")")[-1] for digit in "0123456789"
        )
    assert {one["kind"] for one in remedies("eu-2371", date(2026, 3, 1))} >= {"complaint", "suit"}


def test_req_p_23_found_by_id_number_and_not_with_another_persons_number(
    inst: Installation, staff: dict[str, Who], worked: str
) -> None:
    dpo = staff["data_protection_officer"]
    with inst.vault_store.begin() as vault:
        (mine,) = inst.vault.put_many(
            vault,
            ROUTINE,
            [{"name": "邢观甲", "phone": CONTACT["phone"], "resident_id": ID}],
            kind="returnee",
        )
    with inst.store.begin() as connection:
        put_rows(
            connection,
            Returnee,
            [{"registered_on": DAY, "subject_id": mine, "from_adcode": "110100", "adcode": "429901"}],
        )
    whole = subjects.identity(
        {**{k: CONTACT[k] for k in ("name", "phone")}, "resident_id": f" {ID[:6]} {ID[6:]}"}
    )
    found = subjects.report(inst, dpo, whole, identity_verified=True)
    assert {one["event_id"] for one in found["events"]} == {ROUTINE, worked}
    routine = next(one for one in found["events"] if one["event_id"] == ROUTINE)
    assert routine["until"] is None and routine["data_sets"][0]["rows"][0]["from_adcode"] == "110100"
    other = subjects.identity(
        {**{k: CONTACT[k] for k in ("name", "phone")}, "resident_id": "429960199001011244"}
    )
    seen = subjects.report(inst, dpo, other, identity_verified=True)
    assert [one["event_id"] for one in seen["events"]] == [worked]  # the set with another number is not his
    alone = subjects.report(inst, dpo, subjects.identity({"resident_id": ID}), identity_verified=True)
    assert [one["event_id"] for one in alone["events"]] == [ROUTINE]


def test_nothing_is_held_and_it_is_said(inst: Installation, staff: dict[str, Who], worked: str) -> None:
    found = _report(inst, staff, {"name": "查无此人", "phone": "15499999999"})
    assert not found["found"] and found["events"] == [] and len(found["remedies"]) == 4
    assert "未保存您的任何信息" in text(found, "zh", "Asia/Shanghai")
    assert "Nothing is held about you" in text(found, "en", "Asia/Shanghai")


def test_only_the_officer_answers_and_only_a_person_whose_identity_was_seen(
    inst: Installation, staff: dict[str, Who], worked: str
) -> None:
    for role, who in staff.items():
        if role != "data_protection_officer":
            with pytest.raises(Refused):
                subjects.report(inst, who, _who(CONTACT), identity_verified=True)
    with pytest.raises(Refused) as refused:
        subjects.report(inst, staff["data_protection_officer"], _who(CONTACT), identity_verified=False)
    assert CONTACT["name"] not in str(refused.value.__dict__)
    with inst.store.read() as connection:
        denied = rows(connection, DecisionEntry, actor="data_subject", permit=False)
    assert len(denied) == 1


@pytest.mark.parametrize(
    "raw",
    [
        {},
        {"name": "邢观甲"},
        {"phone": "15400000100"},
        {"name": "x" * 121, "phone": "1"},
        {"resident_id": "\x00"},
        {"resident_id": 7},
        {"resident_id": ["a"]},
        {"nickname": "x", "resident_id": ID},
        "429960",
    ],
)
def test_hostile_identities_are_refused_without_their_values(raw: Any) -> None:
    with pytest.raises(BadInput) as refused:
        subjects.identity(raw)
    assert "邢观" not in str(refused.value) and "xxx" not in str(refused.value)
    assert repr(subjects.identity({"resident_id": ID})) == "<Identity>"


@pytest.mark.parametrize("value", ["' OR 1=1 --", "%", "*", "\u202e", "<script>", "𠀀" * 100])
def test_what_looks_like_a_query_finds_nobody(
    inst: Installation, staff: dict[str, Who], worked: str, value: str
) -> None:
    found = subjects.report(
        inst,
        staff["data_protection_officer"],
        subjects.identity({"resident_id": value}),
        identity_verified=True,
    )
    assert not found["found"]


def test_another_areas_event_is_not_looked_at(inst: Installation, staff: dict[str, Who], worked: str) -> None:
    from dataclasses import replace

    far = replace(staff["data_protection_officer"], areas=("110100",))
    found = subjects.report(inst, far, _who(CONTACT), identity_verified=True)
    assert found["events"] == [] and found["not_searched"] == 1


# correction


def test_req_p_42_a_correction_is_made_in_the_vault_and_recorded(
    inst: Installation, staff: dict[str, Who], worked: str
) -> None:
    dpo = staff["data_protection_officer"]
    done = subjects.correct(
        inst, dpo, _who(CONTACT), {"phone": "15400009999"}, reason="号码写错", identity_verified=True
    )
    assert done["corrected"] == 1 and done["fields"] == ["phone"]
    assert not _report(inst, staff, CONTACT)["found"]  # not by the wrong number any more
    now = _report(inst, staff, {**CONTACT, "phone": "15400009999"})
    assert now["events"][0]["identifiers"][0]["fields"]["address"] == CONTACT["address"]
    assert any(one["phase"] == "rectify" and one["permit"] for one in now["decisions"])
    assert visits.particulars(inst, staff["community_worker"], "c0", terminal="t1")["phone"] == "15400009999"
    # again: nothing to change, nothing breaks
    again = {**CONTACT, "phone": "15400009999"}
    same = subjects.correct(
        inst, dpo, _who(again), {"phone": "15400009999"}, reason="x", identity_verified=True
    )
    assert same["corrected"] == 0


def test_a_correction_into_another_person_changes_nothing(
    inst: Installation, staff: dict[str, Who], event_id: str
) -> None:
    dpo = staff["data_protection_officer"]
    with pytest.raises(Conflict):
        subjects.correct(inst, dpo, _who(CASE), identifiers(NAMES[1], 1), reason="x", identity_verified=True)
    assert _report(inst, staff, CASE)["found"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [({}, "x"), ({"sex": "male"}, "x"), ({"name": 3}, "x"), ({"name": "y" * 401}, "x"), ({"name": "y"}, " "),
     ({"name": "y"}, "x" * 401), ({"name": "\x00"}, "x"), ("name", "x")],
)  # fmt: skip
def test_hostile_corrections_are_refused(
    inst: Installation, staff: dict[str, Who], event_id: str, changes: Any, reason: str
) -> None:
    with pytest.raises(BadInput):
        subjects.correct(
            inst, staff["data_protection_officer"], _who(CASE), changes, reason=reason, identity_verified=True
        )


def test_a_correction_killed_in_the_middle_ends_when_it_is_asked_again(
    inst: Installation, staff: dict[str, Who], worked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lianfang.services.subjects import answering

    dpo = staff["data_protection_officer"]

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    whole = inst.vault.amend
    monkeypatch.setattr(inst.vault, "amend", killed)
    with pytest.raises(KeyboardInterrupt):
        subjects.correct(inst, dpo, _who(CASE), {"name": "甄改名"}, reason="x", identity_verified=True)
    assert _report(inst, staff, CASE)["found"]
    monkeypatch.setattr(inst.vault, "amend", whole)
    monkeypatch.setattr(answering, "_note", killed)
    with pytest.raises(KeyboardInterrupt):
        subjects.correct(inst, dpo, _who(CASE), {"name": "甄改名"}, reason="x", identity_verified=True)
    monkeypatch.undo()
    renamed = {**CASE, "name": "甄改名"}
    done = subjects.correct(inst, dpo, _who(renamed), {"name": "甄改名"}, reason="x", identity_verified=True)
    assert done["corrected"] == 0 and _report(inst, staff, renamed)["found"]


# erasure


def _erase(inst: Installation, staff: dict[str, Who], person: dict[str, str], **more: Any) -> dict[str, Any]:
    wanted = {"ground": "unnecessary", "reason": "结束", "identity_verified": True, **more}
    return subjects.erase(inst, staff["data_protection_officer"], _who(person), **wanted)


def test_req_p_42_what_an_open_event_needs_is_not_erased_and_what_is_not_needed_is(
    inst: Installation, staff: dict[str, Who], worked: str
) -> None:
    with pytest.raises(Refused):
        _erase(inst, staff, CONTACT)
    assert _report(inst, staff, CONTACT)["found"]
    visits.release(inst, staff["epidemiologist"], "c0", reason="期满")
    closing.close(inst, staff["manager"], worked, "结束")
    done = _erase(inst, staff, CONTACT)
    assert done["erased"] == 1
    assert not _report(inst, staff, CONTACT)["found"]
    with inst.vault_store.read() as vault:
        left = (
            vault.execute(vault_subject.select().where(vault_subject.c.wrapped_key.is_(None)))
            .mappings()
            .all()
        )
    left = [row for row in left if row["event_id"] == worked]  # others were moved from the standing keys
    assert len(left) == 1 and left[0]["fields"] is None and left[0]["ix_name"] is None
    with pytest.raises(NotFound):
        _erase(inst, staff, CONTACT)
    with inst.store.read() as connection:
        entries = rows(connection, DecisionEntry, phase="delete", purpose="erasure", permit=True)
    assert any(row["ref"] == left[0]["subject_id"] for row in entries)


def test_wrong_data_are_erased_in_an_open_event(
    inst: Installation, staff: dict[str, Who], worked: str
) -> None:
    with pytest.raises(BadInput):
        _erase(inst, staff, CONTACT, ground="because")
    with pytest.raises(NotFound):
        _erase(inst, staff, CONTACT, ground="inaccurate", event_id=ROUTINE)
    assert _erase(inst, staff, CONTACT, ground="inaccurate", event_id=worked)["erased"] == 1


# doors


@pytest.fixture
def client(inst: Installation, worked: str) -> Iterator[TestClient]:
    yield TestClient(create_app(inst), base_url="https://testserver", follow_redirects=False)


def _enter(client: TestClient, inst: Installation, name: str) -> str:
    client.cookies.clear()
    client.post("/enter", data={"link": accounts.link(inst, name)})
    return form_token(client.cookies[COOKIE])


def test_the_page_shows_the_report_once_and_only_in_the_answer_to_a_form(
    inst: Installation, client: TestClient, staff: dict[str, Who]
) -> None:
    token = _enter(client, inst, "chen.ren")
    form = {"name": CONTACT["name"], "phone": CONTACT["phone"], "verified": "yes", "token": token}
    for lang, words in (("zh", "针对您本人的决定"), ("en", "Decisions about you")):
        answer = client.post("/subjects/report", data=form, headers={"accept-language": lang})
        assert answer.status_code == 200 and words in answer.text and CONTACT["address"] in answer.text
        assert answer.headers["cache-control"] == "no-store"
    assert client.get("/subjects/report").status_code == 405
    assert CONTACT["name"] not in client.get("/subjects").text
    bare = {key: value for key, value in form.items() if key != "verified"}
    refused = client.post("/subjects/report", data=bare)
    assert refused.status_code == 403 and CONTACT["name"] not in refused.text
    long = client.post("/subjects/report", data={**form, "name": "长" * 500})
    assert long.status_code == 422 and "长长" not in long.text
    assert client.post("/subjects/report", data={**form, "token": "0" * 40}).status_code == 403
    token = _enter(client, inst, "wang.yi")
    assert client.post("/subjects/report", data={**form, "token": token}).status_code == 403
    assert client.get("/subjects").status_code == 403


def test_the_json_routes_call_the_same_service(inst: Installation, client: TestClient) -> None:
    token = _enter(client, inst, "chen.ren")
    headers = {"x-lianfang-token": token}
    who = {"name": CONTACT["name"], "phone": CONTACT["phone"]}
    body: dict[str, Any] = {"identity": who, "identity_verified": True}
    answer = client.post("/api/v1/subjects/report", json=body, headers=headers)
    assert answer.status_code == 200 and answer.json()["found"]
    changed = client.post(
        "/api/v1/subjects/correct",
        json={**body, "changes": {"address": "新址"}, "reason": "x"},
        headers=headers,
    )
    assert changed.json()["corrected"] == 1
    refused = client.post(
        "/api/v1/subjects/erase",
        json={**body, "ground": "unnecessary", "reason": "x"},
        headers=headers,
    )
    assert refused.status_code == 403 and CONTACT["name"] not in refused.text
    odd = client.post("/api/v1/subjects/report", json={**body, "more": CONTACT["name"]}, headers=headers)
    assert odd.status_code == 422 and CONTACT["name"] not in odd.text


def test_the_command_takes_the_identity_from_standard_input_or_a_private_file(
    inst: Installation, worked: str, tmp_path: Path
) -> None:
    given = json.dumps(
        {"identity": {"name": CONTACT["name"], "phone": CONTACT["phone"]}, "identity_verified": True}
    )
    base = ["guard", "subject", "report", "--home", str(inst.home), "--as", "chen.ren"]
    clock = ["--clock", _offset(inst)]
    done = CliRunner().invoke(cli, [*base, *clock, "--file", "-", "--json"], input=given)
    assert done.exit_code == 0, done.output
    assert json.loads(done.output)["found"]
    file = tmp_path / "request.json"
    file.write_text(given, encoding="utf-8")
    file.chmod(0o644)
    open_to_all = CliRunner().invoke(cli, [*base, *clock, "--file", str(file)])
    assert isinstance(open_to_all.exception, Refused)
    (tmp_path / "link").symlink_to(file)
    for odd in (tmp_path / "link", tmp_path / "missing", tmp_path):
        refused = CliRunner().invoke(cli, [*base, *clock, "--file", str(odd)])
        assert isinstance(refused.exception, LianfangError), odd
    file.chmod(0o600)
    done = CliRunner().invoke(cli, [*base, *clock, "--file", str(file)])
    assert done.exit_code == 0 and CONTACT["address"] in done.output
    for bad in ("", "[]", "{", json.dumps({"identity": {}, "x": 1}), " " * 30_000, "[" * 10_000):
        refused = CliRunner().invoke(cli, [*base, *clock, "--file", "-"], input=bad)
        assert isinstance(refused.exception, BadInput), bad[:20]


def _offset(inst: Installation) -> str:
    from datetime import UTC, datetime

    behind = datetime.now(UTC) - inst.now()
    return f"-{behind.days}d"


def test_no_identity_reaches_the_ledger_the_decisions_or_the_jobs(
    inst: Installation, staff: dict[str, Who], worked: str
) -> None:
    _report(inst, staff, CONTACT)
    subjects.correct(
        inst,
        staff["data_protection_officer"],
        _who(CONTACT),
        {"address": "临江市新街9号"},
        reason="搬家",
        identity_verified=True,
    )
    inst.store.vacuum()
    inst.store.close()
    raw = b"".join(path.read_bytes() for path in inst.home.glob("lianfang.db*"))
    for value in (CONTACT["name"], CONTACT["phone"], "新街9号", "搬家"):
        assert value.encode() not in raw
