"""REQ-P-48 (and 31, 33): paper has serial numbers and a log of issue, return, destruction; unreturned paper alerts."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from click.testing import CliRunner
from fastapi.testclient import TestClient

from lianfang.api.app import create_app
from lianfang.api.security import COOKIE, form_token
from lianfang.cli import cli
from lianfang.foundation.errors import BadInput, Conflict, LianfangError, NotFound, Refused
from lianfang.guard import custody, ledger
from lianfang.services import accounts, closing, inspection, paper
from lianfang.services import today as morning
from lianfang.services.installation import Installation, Who
from lianfang.store import rows

EPI, MANAGER, DPO = "epidemiologist", "manager", "data_protection_officer"


@pytest.fixture
def batch(inst: Installation, event_id: str, staff: dict[str, Who]) -> str:
    made = paper.issue(inst, staff[EPI], event_id, "returnee", 20, to="li.she", days=3)
    return str(made["batch_id"])


def needs(inst: Installation, staff: dict[str, Who]) -> dict[str, tuple[str, int]]:
    (event,) = [row for row in morning.today(inst, staff[MANAGER])["events"] if row["status"] == "open"]
    return {one["kind"]: (one["role"], one["count"]) for one in event["needs"]}


def test_a_batch_is_numbered_and_carries_the_policys_obligations(
    inst: Installation, batch: str, staff: dict[str, Who]
) -> None:
    shown = paper.show(inst, staff[EPI], batch)
    assert {"custody_log", "no_copy", "no_photo", "unified_return"} <= set(shown["obligations"])
    assert shown["basis"] and shown["states"] == {"issued": 20, "returned": 0, "destroyed": 0, "lost": 0}
    serials = {custody.serial(batch, n) for n in range(1, 21)}
    assert len(serials) == 20 and shown["first"] in serials and shown["last"] in serials


def test_the_way_of_paper_from_issue_to_destruction(
    inst: Installation, batch: str, staff: dict[str, Who]
) -> None:
    epi, manager, dpo = staff[EPI], staff[MANAGER], staff[DPO]
    assert paper.take_back(inst, epi, batch, "1-18")["spans"]["issued"] == "19-20"
    with pytest.raises(Conflict, match="returned"):
        paper.take_back(inst, epi, batch, "3")
    with pytest.raises(Conflict, match="issued"):
        paper.destroy(inst, epi, batch, "19")  # first it comes back
    move = paper.destroy(inst, epi, batch, "1-10")["move_id"]
    assert paper.show(inst, epi, batch)["states"]["destroyed"] == 0  # nobody has seen it yet
    with pytest.raises(Conflict, match="witness"):
        paper.destroy(inst, manager, batch, "10")
    with pytest.raises(Refused, match="another person"):
        paper.witness(inst, epi, move)
    done = paper.witness(inst, dpo, move)
    assert done["states"] == {"issued": 2, "returned": 8, "destroyed": 10, "lost": 0}
    with pytest.raises(Conflict, match="already"):
        paper.witness(inst, manager, move)
    for act in (paper.take_back, paper.destroy):
        with pytest.raises(Conflict, match="destroyed"):
            act(inst, epi, batch, "1")
    with inst.store.read() as connection:
        made = [one.type for one in ledger.entries(connection, limit=20) if one.ref == batch]
    assert made == ["paper_destroyed", "paper_destroy", "paper_return", "paper_issued"]


def test_unreturned_and_lost_paper_alerts(inst: Installation, batch: str, staff: dict[str, Who]) -> None:
    assert not {kind for kind in needs(inst, staff) if kind.startswith("paper")}
    inst.clock.move(timedelta(days=3, hours=1))  # type: ignore[attr-defined]
    assert needs(inst, staff)["paper_overdue"] == (EPI, 20)
    paper.take_back(inst, staff[EPI], batch, "1-19")
    assert needs(inst, staff)["paper_overdue"] == (EPI, 1)
    paper.lost(inst, staff["community_worker"], batch, "20", "stolen")
    found = needs(inst, staff)
    assert found["paper_lost"] == (DPO, 1) and "paper_overdue" not in found
    report = inspection.report(inst, staff["auditor"])
    assert report["paper"] == {"overdue": 0, "lost": 1, "witness": 0}
    assert "paper_lost" in {one["code"] for one in report["findings"]}
    paper.take_back(inst, staff[EPI], batch, custody.serial(batch, 20))  # it was found
    assert not {kind for kind in needs(inst, staff) if kind.startswith("paper")}


def test_a_sheet_is_printed_once(inst: Installation, batch: str, staff: dict[str, Who]) -> None:
    first = paper.sheets(inst, staff[EPI], batch, "1-5")
    assert first["serials"] == [custody.serial(batch, n) for n in range(1, 6)]
    assert "name" in {one["name"] for one in first["questions"]}
    with pytest.raises(Conflict, match="once"):
        paper.sheets(inst, staff[EPI], batch, "5-6")
    paper.lost(inst, staff[EPI], batch, "7", "damaged")
    with pytest.raises(Conflict, match="once"):
        paper.sheets(inst, staff[EPI], batch, "7")
    with pytest.raises(Refused):
        paper.sheets(inst, staff["community_worker"], batch, "8")
    assert paper.show(inst, staff[EPI], batch)["not_printed"] == "6, 8-20"


def test_who_may_not(inst: Installation, event_id: str, batch: str, staff: dict[str, Who]) -> None:
    for role in set(staff) - {EPI, MANAGER}:
        with pytest.raises(Refused):
            paper.issue(inst, staff[role], event_id, "returnee", 1, to="li.she")
    with pytest.raises(Refused):
        paper.listing(inst, staff["laboratory"])
    with pytest.raises(Refused):
        paper.take_back(inst, staff["community_worker"], batch, "1")
    own = paper.issue(inst, staff[MANAGER], event_id, "case_report", 3, to="wang.yi")["batch_id"]
    with pytest.raises(Refused, match="does not receive"):
        paper.take_back(inst, staff[EPI], own, "all")  # who had it does not count it back
    with pytest.raises(NotFound):
        paper.show(inst, staff["community_worker"], own)  # another keeper's
    accounts.add(inst, None, "lu.yuan", role="epidemiologist", area="110000")
    far = accounts.person(inst, "lu.yuan")
    assert paper.listing(inst, far) == []
    with pytest.raises(LianfangError):
        paper.issue(inst, far, event_id, "returnee", 1, to="li.she")


def test_req_p_33_the_policy_decides_what_a_body_may_ask_on_paper(
    inst: Installation, event_id: str, staff: dict[str, Who]
) -> None:
    """The community may register returnees by the plan's delegation; it may not fill in clinical case forms."""
    from lianfang.records import DecisionEntry, PaperBatch

    with pytest.raises(Refused, match="policy"):
        paper.issue(inst, staff[EPI], event_id, "case_report", 5, to="li.she")
    with inst.store.read() as connection:
        assert rows(connection, PaperBatch) == []
        last = rows(connection, DecisionEntry, order_by=["log_index"])[-1]
    assert (last["account"], last["actor"], last["permit"]) == ("wang.yi", "grassroots_worker", False)
    inst.clock.move(timedelta(days=200))  # type: ignore[attr-defined]  # the delegation is over
    with pytest.raises(Refused, match="policy"):
        paper.issue(inst, staff[EPI], event_id, "returnee", 5, to="li.she")


def test_req_p_31_no_code_of_a_place_is_asked_of_a_person() -> None:
    assert "adcode" not in {one["name"] for one in paper.questions("returnee")}
    for strange in ("contact", "", "../returnee"):
        with pytest.raises(BadInput):
            paper.questions(strange)


@pytest.mark.parametrize(("count", "days"), [(0, 3), (-1, 3), (2001, 3), (1, 0), (1, 31)])
def test_numbers_out_of_bounds(
    inst: Installation, event_id: str, staff: dict[str, Who], count: int, days: int
) -> None:
    with pytest.raises(BadInput):
        paper.issue(inst, staff[EPI], event_id, "returnee", count, to="li.she", days=days)


def test_a_large_batch_and_a_closed_event(inst: Installation, event_id: str, staff: dict[str, Who]) -> None:
    made = paper.issue(inst, staff[EPI], event_id, "returnee", 2000, to="li.she")
    assert paper.take_back(inst, staff[EPI], made["batch_id"], "all")["states"]["returned"] == 2000
    with pytest.raises(BadInput, match="100"):
        paper.sheets(inst, staff[EPI], made["batch_id"], "all")
    with pytest.raises(BadInput, match="collects"):
        paper.issue(inst, staff[EPI], event_id, "returnee", 1, to="sun.shen")
    closing.close(inst, staff[MANAGER], event_id, "ended")
    with pytest.raises(Conflict, match="open"):
        paper.issue(inst, staff[EPI], event_id, "returnee", 1, to="li.she")


@pytest.mark.parametrize(
    "text", ["", "0", "21", "5-3", "1-99", "x", "1;2", "-1", "１", "1" * 9000, "260129999-0001-0", "9'--"]
)
def test_hostile_names_of_sheets(inst: Installation, batch: str, staff: dict[str, Who], text: str) -> None:
    with pytest.raises(BadInput):
        paper.take_back(inst, staff[EPI], batch, text)
    with pytest.raises(BadInput):
        paper.lost(inst, staff[EPI], batch, "1", text)


def test_a_wrong_digit_and_two_swapped_digits_are_found(batch: str) -> None:
    for sheet in (1, 7, 12, 20):
        good = custody.serial(batch, sheet)
        assert custody.read_sheets(good, batch, 20) == [sheet]
        digits = [n for n, c in enumerate(good) if c.isdigit()]
        others = {good[:at] + d + good[at + 1 :] for at in digits for d in "0123456789" if d != good[at]}
        for a, b in itertools.pairwise(digits):
            swapped = list(good)
            swapped[a], swapped[b] = swapped[b], swapped[a]
            others.add("".join(swapped))
        for other in others - {good}:
            with pytest.raises(BadInput, match="check digit"):
                custody.read_sheets(other, batch, 20)


@pytest.fixture
def client(inst: Installation, event_id: str) -> Iterator[TestClient]:
    yield TestClient(create_app(inst), base_url="https://testserver", follow_redirects=False)


def enter(inst: Installation, client: TestClient, name: str) -> str:
    client.cookies.clear()
    assert client.post("/enter", data={"link": accounts.link(inst, name)}).status_code == 303
    return form_token(client.cookies[COOKIE])


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_pages_issue_print_with_notice_and_take_back(
    inst: Installation, client: TestClient, event_id: str, lang: str
) -> None:
    token = enter(inst, client, "wang.yi")
    said = {"accept-language": lang}
    body = {
        "event_id": event_id,
        "form": "returnee",
        "count": "3",
        "to": "li.she",
        "days": "2",
        "token": token,
    }
    assert client.post("/paper", data=body).headers["location"] == "/paper?done=issued"
    (row,) = client.get("/api/v1/paper").json()
    batch = row["batch_id"]
    printed = client.post(f"/paper/{batch}/sheets", data={"sheets": "all", "token": token}, headers=said)
    assert printed.status_code == 200
    for number in (1, 2, 3):
        assert custody.serial(batch, number) in printed.text
    wanted = {
        "zh": ["不得拍照", "依据", "销毁", "更正", "疾病预防控制中心", "返乡登记"],
        "en": ["No photograph", "Basis", "destroyed", "correct or delete", "Centre for Disease Control"],
    }
    for words in wanted[lang]:
        assert words in printed.text, words
    again = client.post(f"/paper/{batch}/sheets", data={"sheets": "1", "token": token}, headers=said)
    assert again.status_code == 409
    client.post(f"/paper/{batch}/return", data={"sheets": "1-3", "token": token})
    client.post(f"/paper/{batch}/destroy", data={"sheets": "1-3", "token": token})
    move = client.get(f"/api/v1/paper/{batch}").json()["moves"][-1]["move_id"]
    assert client.post(f"/paper/moves/{move}/witness", data={"token": token}).status_code == 403
    token = enter(inst, client, "chen.ren")
    assert "/witness" in client.get("/paper", headers=said).text
    assert client.post(f"/paper/moves/{move}/witness", data={"token": token}).status_code == 303
    assert client.get(f"/api/v1/paper/{batch}").json()["states"]["destroyed"] == 3
    enter(inst, client, "li.she")
    page = client.get("/paper", headers=said)
    assert page.status_code == 200 and batch in page.text and "/destroy" not in page.text


def test_json_issues_and_refuses_unknown_fields(
    inst: Installation, client: TestClient, event_id: str
) -> None:
    headers = {"x-lianfang-token": enter(inst, client, "zhou.zhuren")}
    url, body = f"/api/v1/events/{event_id}/paper", {"form": "returnee", "count": 2, "to": "li.she"}
    made = client.post(url, json=body, headers=headers)
    assert made.status_code == 201
    assert client.post(url, json={**body, "x": 1}, headers=headers).status_code == 422
    at = f"/api/v1/paper/{made.json()['batch_id']}"
    assert (
        client.post(f"{at}/return", json={"sheets": "1"}, headers=headers).json()["states"]["returned"] == 1
    )
    lost = client.post(f"{at}/lost", json={"sheets": "2", "cause": "mislaid"}, headers=headers)
    assert lost.json()["states"]["lost"] == 1
    destroy = client.post(f"{at}/destroy", json={"sheets": "1"}, headers=headers).json()["move_id"]
    same = client.post(f"/api/v1/paper/moves/{destroy}/witness", headers=headers)
    assert same.status_code == 403 and same.json()["error"]["code"] == "custody"


def test_the_commands(inst: Installation, event_id: str) -> None:
    def run(*words: str, by: str = "wang.yi") -> Any:
        done = CliRunner().invoke(
            cli, ["paper", *words, "--home", str(inst.home), "--as", by], standalone_mode=False
        )
        assert done.exit_code == 0, done.exception
        return done.output

    # the commands' clock is the machine's, on which the community's delegation is over: paper for the centre's own
    made = run("issue", event_id, "returnee", "5", "--to", "wang.yi")
    batch = made.split()[0]
    assert custody.serial(batch, 5) in made
    assert "returned 4" in run("return", batch, "1-4", by="zhou.zhuren")
    assert "lost 1" in run("lost", batch, "5", "--cause", "mislaid")
    move = run("destroy", batch, "1-4", by="zhou.zhuren").split()[-1]
    assert "destroyed 4" in run("witness", move, by="chen.ren")
    assert batch in run("list")


def test_req_p_48_67_an_event_that_closes_with_paper_out_names_it_and_opens_an_incident(
    inst: Installation, batch: str, event_id: str, staff: dict[str, Who]
) -> None:
    from lianfang.records import EventAct
    from lianfang.services import incidents

    paper.sheets(inst, staff[EPI], batch, "1-5")  # printed: these exist
    paper.take_back(inst, staff[EPI], batch, "1-2")
    paper.lost(inst, staff[EPI], batch, "3", "mislaid")
    closing.close(inst, staff[MANAGER], event_id, "结束")
    with inst.store.read() as connection:
        (act,) = rows(connection, EventAct, event_id=event_id, act="close")
    assert act["content"]["paper_out"] == [{"batch_id": batch, "keeper": "li.she", "sheets": 2, "lost": 1}]
    (incident,) = incidents.listing(inst, staff[DPO])
    assert incident["source"] == "paper" and incident["event_id"] == event_id and batch in incident["what"]
    assert incident["clocks"] and incident["status"] == "open"
    # it came back after all: the certificate names what is out still
    paper.take_back(inst, staff[EPI], batch, "4-5")
    with inst.store.read() as connection:
        (left,) = paper.out(inst, connection, event_id)
    assert (left["sheets"], left["lost"]) == (0, 1)


def test_an_event_whose_paper_is_back_closes_without_an_incident(
    inst: Installation, batch: str, event_id: str, staff: dict[str, Who]
) -> None:
    from lianfang.records import EventAct
    from lianfang.services import incidents

    paper.sheets(inst, staff[EPI], batch, "1-2")
    paper.take_back(inst, staff[EPI], batch, "1-2")  # the rest was never printed: there is no sheet
    closing.close(inst, staff[MANAGER], event_id, "结束")
    with inst.store.read() as connection:
        (act,) = rows(connection, EventAct, event_id=event_id, act="close")
    assert "paper_out" not in act["content"] and incidents.listing(inst, staff[DPO]) == []
