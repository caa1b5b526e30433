"""An event's cases by an edition: what cards, results and links say, counted; what they are silent about stays open."""

from __future__ import annotations

import json
from collections import Counter
from datetime import date, timedelta
from typing import Any

import pytest
from click.testing import CliRunner

from deskkit import Desk
from lianfang.cli import cli
from lianfang.foundation.errors import Conflict, NotFound, Refused
from lianfang.records import CaseReport, Contact, Event, LabResult
from lianfang.services import accounts, closing, events, recount
from lianfang.services.installation import Installation, Who
from lianfang.store import change, one, put, rows
from loop import CONTACTS, NAMES

Staff = dict[str, Who]
NUCLEIC = "新型病原体核酸"


def cards(inst: Installation, event_id: str) -> list[Any]:
    with inst.store.read() as connection:
        return rows(connection, CaseReport, event_id=event_id, order_by=["card_no"])


def edit(inst: Installation, card: Any, **fields: Any) -> None:
    with inst.store.begin() as connection:
        change(connection, CaseReport, card["id"], **fields)


def result(inst: Installation, card: str, said: str, test: str = NUCLEIC) -> None:
    with inst.store.begin() as connection:
        put(connection, LabResult(sample_no=f"S{card}{said}", card_no=card, tested_on=date(2026, 1, 28), test=test,
                                  result=said))  # type: ignore[arg-type]  # fmt: skip


def counted(found: dict[str, Any]) -> Counter[str]:
    made: Counter[str] = Counter()
    for row in found["table"]:
        made[row["edition"]] += row["cases"]
    return made


def define(inst: Installation, event_id: str, edition: str) -> None:
    with inst.store.begin() as connection:
        change(connection, Event, one(connection, Event, event_id=event_id)["id"], case_definition=edition)


def test_cards_results_and_links_are_judged_by_the_edition(
    inst: Installation, staff: Staff, event_id: str
) -> None:
    first, second, third = cards(inst, event_id)
    rule = events.get(inst, event_id)["plan"]["case_rule"]
    shared = {rule["attribute"]: rule["value"]}
    edit(inst, first, symptoms=["fever", "cough"], unexplained=True, **shared)  # a cluster, imaging, fever
    edit(inst, second, symptoms=["fever"], unexplained=True, **shared)
    edit(inst, third, symptoms=["none"], unexplained=False, **{rule["attribute"]: "elsewhere"})
    result(inst, first["card_no"], "positive")
    result(inst, second["card_no"], "negative")
    result(inst, second["card_no"], "positive", "血型")  # of no nucleic acid
    found = recount.by_edition(inst, staff["epidemiologist"], event_id, "cn-7")
    assert counted(found) == {"confirmed": 1, "suspected": 1, "undetermined": 1}
    assert found["cases"] == 3 and found["edition"] == "cn-7"
    # the fifth edition, revised, asks for the blood count in Hubei, which no card holds
    for card in (first, second):
        edit(inst, card, adcode="420100")
    here = recount.by_edition(inst, staff["manager"], event_id, "cn-5r")
    assert counted(here)["undetermined"] == 2 and here["missing"]["wbc_normal_or_low"] == 2
    edit(inst, first, adcode="330100")
    away = counted(recount.by_edition(inst, staff["manager"], event_id, "cn-5r"))
    assert away["confirmed"] == 1 and away["undetermined"] == 1
    shown = json.dumps(found)
    for secret in (*NAMES, *CONTACTS, first["card_no"], first["case_id"]):
        assert secret not in shown


def test_what_a_card_is_silent_about_is_in_no_finding() -> None:
    bare = {
        "adcode": "",
        "symptoms": [],
        "unexplained": False,
        "workplace": "w",
        "school": "",
        "household": "",
    }
    assert recount.of_card(bare, None, False, {}) == {}
    assert recount.of_card(bare, False, False, {"attribute": "workplace", "value": "w"}) == {
        "pcr_positive": False, "cluster": True,
    }  # fmt: skip
    assert recount.of_card({**bare, "symptoms": ["none"]}, None, True, {}) == {
        "fever": False, "respiratory_symptoms": False, "contact_positive": True,
    }  # fmt: skip
    assert recount.of_card({**bare, "symptoms": ["fever", "rash"]}, None, False, {}) == {"fever": True}


def test_a_contact_of_a_positive_case_has_a_history(inst: Installation, staff: Staff, event_id: str) -> None:
    first, second, _ = cards(inst, event_id)
    for card in (first, second):
        edit(inst, card, symptoms=["fever"], unexplained=True, workplace="", school="", household="")
    with inst.store.begin() as connection:
        contact = one(connection, Contact, contact_id="c0")
        change(connection, Contact, contact["id"], case_id=second["case_id"], index_tokens=[first["case_id"]])
    before = counted(recount.by_edition(inst, staff["epidemiologist"], event_id, "cn-7"))
    result(inst, first["card_no"], "positive")
    after = counted(recount.by_edition(inst, staff["epidemiologist"], event_id, "cn-7"))
    assert after["suspected"] == before["suspected"] + 1


def test_what_would_decide_is_told_and_the_own_edition_is_the_default(
    inst: Installation, staff: Staff, event_id: str
) -> None:
    for card in cards(inst, event_id):
        edit(inst, card, symptoms=["fever"], unexplained=True, workplace="", school="", household="")
    define(inst, event_id, "cn-7")
    found = recount.by_edition(inst, staff["epidemiologist"], event_id)
    assert found["edition"] == "cn-7" and counted(found) == {"undetermined": 3}
    assert found["missing"]["contact_positive"] == 3
    assert {row["possible"] for row in found["table"]} == {3}


def test_unknown_editions_roles_areas_and_ended_events_are_refused(
    inst: Installation, staff: Staff, event_id: str
) -> None:
    epi = staff["epidemiologist"]
    define(inst, event_id, "own-1")
    with pytest.raises(Conflict, match="own-1 is no edition"):
        recount.by_edition(inst, epi, event_id)
    with pytest.raises(NotFound):
        recount.by_edition(inst, epi, event_id, "cn-99")
    with pytest.raises(NotFound):
        recount.by_edition(inst, epi, "e20260101-none", "cn-7")
    for role in ("community_worker", "laboratory", "clinician"):
        with pytest.raises(Refused):
            recount.by_edition(inst, staff[role], event_id, "cn-7")
    far = Who("he.yi", "epidemiologist", "cdc", areas=("110000",))
    with pytest.raises(Refused, match="area"):
        recount.by_edition(inst, far, event_id, "cn-7")
    closing.close(inst, staff["manager"], event_id, "ended")
    inst.clock.move(timedelta(hours=1))  # type: ignore[attr-defined]
    with pytest.raises(Conflict, match="closed"):
        recount.by_edition(inst, epi, event_id, "cn-7")


def test_on_the_page_over_http_and_on_the_command_line(inst: Installation, event_id: str) -> None:
    define(inst, event_id, "cn-7")
    epi = Desk(inst, "wang.yi")
    assert f"/events/{event_id}/recount" in epi.get(f"/events/{event_id}").text
    page = epi.get(f"/events/{event_id}/recount?edition=cn-9")
    assert page.status_code == 200 and "第九版" in page.text and "不作否定" in page.text
    over = epi.get(f"/api/v1/events/{event_id}/recount?edition=cn-9")
    assert over.status_code == 200 and over.json()["cases"] == 3
    assert epi.get(f"/events/{event_id}/recount?edition=cn-99").status_code == 404
    name = next(name for name, _, role in accounts.DEMONSTRATION if role == "epidemiologist")
    common = ["--as", name, "--home", str(inst.home)]
    done = CliRunner().invoke(cli, ["event", "recount", event_id, "--edition", "cn-9", *common])
    assert done.exit_code == 0 and "cn-9\t3 cases" in done.stdout, done.output
