"""What comes in and what goes out in an epidemic's name: unsafe files are refused, notices can be checked."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from lianfang.api.app import create_app
from lianfang.foundation.errors import BadInput, Conflict, NotFound, Refused
from lianfang.guard.signing import verify as verified
from lianfang.services import closing, importing, notices
from lianfang.services.installation import Installation, Who

CARDS = "card_no,reporter,date_reporting,name,classification\nC9,h1,2026-01-28,甄临九,suspect\n"


def workbook(*extra: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name in ("[Content_Types].xml", "xl/workbook.xml", "xl/worksheets/sheet1.xml", *extra):
            archive.writestr(name, "<x/>")
    return made.getvalue()


def deliver(inst: Installation, who: Who, path: Path) -> None:
    importing.import_files(inst, who, "case_report", [path])


# ---- 72


@pytest.mark.parametrize(
    "name",
    [
        "cases.xlsx.exe", "cases.docx.exe", "疫情通知.pdf.scr", "cases.csv.EXE", "cases.csv.exe ", "cases.csv.js.gz",
        "cases.xlsm", "cases.xlsb", "notice.lnk", "cases\u202evsc.exe", "cases.\u200bcsv",
    ],
)  # fmt: skip
def test_req_p_72_a_file_whose_ending_runs_or_is_hidden_is_refused(
    inst: Installation, staff: dict[str, Who], tmp_path: Path, name: str
) -> None:
    file = tmp_path / name
    file.write_text(CARDS, encoding="utf-8")
    with pytest.raises(BadInput) as refused:
        deliver(inst, staff["epidemiologist"], file)
    assert refused.value.code == "unsafe_file"


@pytest.mark.parametrize(
    "part",
    ["xl/vbaProject.bin", "xl/VBAPROJECT.bin", "xl/macrosheets/sheet1.xml", "xl/activeX/activeX1.bin",
     "xl/embeddings/oleObject1.bin", "xl/media/run.exe"],
)  # fmt: skip
def test_req_p_72_a_workbook_that_can_act_is_refused(
    inst: Installation, staff: dict[str, Who], tmp_path: Path, part: str
) -> None:
    file = tmp_path / "cases.xlsx"
    file.write_bytes(workbook(part))
    with pytest.raises(BadInput, match="macros or embedded programs"):
        deliver(inst, staff["epidemiologist"], file)


@pytest.mark.parametrize(
    "head", [b"MZ\x90\x00", b"\x7fELF\x02", b"#!/bin/sh\n", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"]
)
def test_req_p_72_a_program_is_no_table_whatever_its_name_says(
    inst: Installation, staff: dict[str, Who], tmp_path: Path, head: bytes
) -> None:
    file = tmp_path / "cases.csv"
    file.write_bytes(head + CARDS.encode())
    with pytest.raises(BadInput):
        deliver(inst, staff["epidemiologist"], file)


def test_req_p_72_an_honest_file_is_taken_dots_and_all(
    inst: Installation, staff: dict[str, Who], tmp_path: Path
) -> None:
    file = tmp_path / "h1.2026.01.28.cases.csv"
    file.write_text(CARDS, encoding="utf-8")
    deliver(inst, staff["epidemiologist"], file)


def test_req_p_72_a_delivered_folder_is_not_stopped_by_it(
    inst: Installation, staff: dict[str, Who], tmp_path: Path
) -> None:
    (tmp_path / "a.xlsx.exe").write_bytes(b"MZ")
    report = importing.import_day(inst, staff["epidemiologist"], tmp_path, inst.today())
    assert [one.status for one in report] == ["refused"]


# ---- 73


@pytest.mark.parametrize("kind", notices.KINDS)
def test_req_p_73_a_notice_is_signed_bears_a_code_and_asks_for_nothing(
    inst: Installation, staff: dict[str, Who], event_id: str, kind: str
) -> None:
    made = notices.issue(inst, staff["community_worker"], event_id, kind)
    payload = verified(inst.signer.public, made["signed"])
    for lang in ("zh", "en"):
        assert made["code"] in made[lang] and payload[lang] in made[lang]
        assert notices.checked(payload[lang]) == payload[lang]
    assert "绝不索要账号、密码" in made["zh"] and "never ask for an account" in made["en"]
    assert notices.verify(inst, made["code"].lower()) == {k: v for k, v in made.items() if k != "signed"}


@pytest.mark.parametrize(
    "text",
    ["请提供您的银行卡号", "请回复短信验证码", "请输入账号和密码", "请先转账保证金", "点击链接 http://x.example",
     "Please confirm your password", "send us your one-time code", "pay the deposit"],
)  # fmt: skip
def test_req_p_73_words_that_ask_for_a_secret_make_no_notice(text: str) -> None:
    with pytest.raises(Refused):
        notices.checked(text)


def test_req_p_73_a_code_that_was_not_issued_is_nobodys(
    inst: Installation, staff: dict[str, Who], event_id: str
) -> None:
    made = notices.issue(inst, staff["epidemiologist"], event_id, "visit")
    index, mark = made["code"].split("-")
    other = "0" if mark[0] != "0" else "1"
    wrong = [
        f"{index}-{other}{mark[1:]}",
        f"{int(index) - 1}-{mark}",
        "999999-0000000000",
        "",
        "x",
        "1" * 500,
        "①-0",
    ]
    for code in wrong:
        with pytest.raises(NotFound):
            notices.verify(inst, code)


def test_req_p_73_who_may_issue_and_when(inst: Installation, staff: dict[str, Who], event_id: str) -> None:
    with pytest.raises(Refused):
        notices.issue(inst, staff["auditor"], event_id, "visit")
    with pytest.raises(BadInput):
        notices.issue(inst, staff["epidemiologist"], event_id, "password")
    closing.close(inst, staff["manager"], event_id, "over")
    with pytest.raises(Conflict):
        notices.issue(inst, staff["epidemiologist"], event_id, "visit")


def test_req_p_73_anybody_checks_a_code_without_an_account(
    inst: Installation, staff: dict[str, Who], event_id: str
) -> None:
    made = notices.issue(inst, staff["community_worker"], event_id, "visit")
    with TestClient(create_app(inst), base_url="https://testserver") as client:
        found = client.get(f"/public/notices/{made['code']}")
        assert found.status_code == 200 and made["code"] in found.text
        assert client.get("/public/notices/1-0000000000").status_code == 404
