"""Reports committed to at their source, and a bulletin against its reports: the command line, the page, the JSON."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from fastapi.testclient import TestClient

import journeykit
from lianfang.api.app import create_app
from lianfang.api.security import COOKIE, form_token
from lianfang.cli import cli
from lianfang.foundation.errors import BadInput, Refused
from lianfang.services import accounts, receipts
from lianfang.services.installation import Installation, open_installation


@pytest.fixture
def inst(played: Path, tmp_path: Path) -> Iterator[Installation]:
    with open_installation(journeykit.stage(played, tmp_path / "base") / "centre") as opened:
        yield opened


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


def test_the_command_line_from_the_hospital_to_the_reconciled_bulletin(
    inst: Installation, tmp_path: Path
) -> None:
    home, node = str(inst.home), str(tmp_path / "node")
    made = json.loads(_run("report", "init", node, "--name", "reports.example/h9", "--json").output)
    assert (
        _run(
            "report", "register", made["key"], "--name", "第九医院", "--level", "hospital", "--home", home
        ).exit_code
        == 0
    )
    assert "第九医院" in _run("report", "list", "--home", home).output
    path = tmp_path / "病例报告_第九医院.csv"
    journeykit._card(path, inst.today(), 901, journeykit.planted()[901])
    said = _run("report", "commit", node, str(path), "--kind", "city-case-report", "--proof")
    (checked,) = receipts.check([Path(f"{path}.tlog-proof").read_bytes()], receipts.Trust.parse(made["key"]))
    assert checked.valid and checked.entry and checked.entry["type"] == "report.committed"
    assert said.exit_code == 0 and "1 rows, entry 0 of reports.example/h9" in said.output
    receipt = Path(f"{path}.receipt.json")
    assert receipt.exists() and journeykit.planted()[901]["name"] not in receipt.read_text(encoding="utf-8")
    book = tmp_path / "book.json"
    assert _run("report", "book", node, "--out", str(book)).exit_code == 0
    assert _run("report", "withdraw", "reports.example/h9", "--home", home).exit_code == 0
    refused = _run(
        "ledger", "reconcile", f"{journeykit.event_of(inst)}/1", "--book", str(book), "--home", home
    )
    assert isinstance(refused.exception, Refused), "a withdrawn node's book counts no more"
    event = f"{journeykit.event_of(inst)}/1"
    agreed = _run("ledger", "reconcile", event, "--home", home)
    assert (
        agreed.exit_code == 0
        and "agrees 相符" in agreed.output
        and "confirmed: 2  = 2 reports" in agreed.output
    )
    told = json.loads(_run("ledger", "reconcile", event, "--home", home, "--json").output)
    assert told["agrees"] and told["figures"][0]["reports"]


@pytest.mark.parametrize("bulletin", ["e1", "/1", "e1/x", "e1/-1", "e1/²"])
def test_a_bulletin_is_named_event_and_number(inst: Installation, bulletin: str) -> None:
    assert isinstance(_run("ledger", "reconcile", bulletin, "--home", str(inst.home)).exception, BadInput)


def test_a_files_receipt_travels_with_the_day_s_delivery(inst: Installation, tmp_path: Path) -> None:
    """A receipt in the inbox is no data file, and none is missing because of it."""
    from lianfang.services import importing
    from lianfang.services.installation import SYSTEM

    inbox = tmp_path / "inbox"
    inbox.mkdir()
    path = inbox / "病例报告_第九医院.csv"
    journeykit._card(path, inst.today(), 901, journeykit.planted()[901])
    node = str(tmp_path / "node")
    _run("report", "init", node, "--name", "reports.example/h9")
    _run("report", "commit", node, str(path), "--kind", "city-case-report")
    (report,) = importing.import_day(inst, SYSTEM, inbox, inst.today())
    assert report.status == "imported"
    shutil.rmtree(inbox)


@pytest.mark.parametrize(("name", "status"), [("zhou.zhuren", 200), ("sun.shen", 200), ("li.she", 403)])
def test_the_page_and_the_json(inst: Installation, name: str, status: int) -> None:
    door = TestClient(create_app(inst), base_url="https://testserver", follow_redirects=False)
    assert door.post("/enter", data={"link": accounts.link(inst, name)}).status_code == 303
    token = form_token(door.cookies[COOKIE])
    event_id = journeykit.event_of(inst)
    shown = door.post(
        f"/events/{event_id}/bulletins/1/reports", data={"token": token}, headers={"accept-language": "en"}
    )
    answered = door.post(
        f"/api/v1/events/{event_id}/bulletins/1/reports", headers={"x-lianfang-token": token}
    )
    assert (shown.status_code, answered.status_code) == (status, status)
    if status == 200:
        assert "It agrees: nothing was late, changed or left out" in shown.text
        assert answered.json()["agrees"] is True
        assert all(one["name"] not in shown.text for one in journeykit.planted())
