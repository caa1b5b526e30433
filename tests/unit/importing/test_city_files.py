"""The city's files: split into vault and store, found again by kind, unchanged the second time."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
import xlsxwriter

import importkit
from importkit import CARD, EPI, card, write
from lianfang.foundation.errors import BadInput, Refused
from lianfang.records import Batch, CaseReport, ClinicCount, LabResult, ReceivedReport, Returnee, StockItem
from lianfang.services.importing import delivered, import_day, import_files
from lianfang.services.installation import Installation, Who
from lianfang.store import rows, tally


@pytest.fixture
def inst(tmp_path: Path) -> Iterator[Installation]:
    made = importkit.make(tmp_path / "home")
    yield made
    made.close()


def held(inst: Installation, record: type = CaseReport) -> list[dict]:
    with inst.store.read() as connection:
        return rows(connection, record)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_a_report_card_is_split(inst: Installation, tmp_path: Path, encoding: str) -> None:
    changes = {"症状": "发热、干咳，否认腹泻；不明原因肺炎", "职业": "医务人员", "发病日期": "2026年1月12日"}
    path = write(tmp_path / "病例报告_一.csv", CARD, [card(1, **changes), card(2)], encoding)
    (report,) = import_files(inst, EPI, "case_report", [path])
    assert (report.status, report.rows, report.accepted, report.changed, report.rejected) == (
        "imported", 2, 2, 2, 0,
    )  # fmt: skip
    assert report.encoding == encoding
    one = next(row for row in held(inst) if row["card_no"] == "K000001")
    assert one["symptoms"] == ["cough", "fever", "pneumonia_unexplained"] and one["unexplained"] is True
    assert (one["age"], one["hcw"], one["date_onset"]) == (55, True, date(2026, 1, 12))
    assert (one["severity"], one["classification"], one["workplace"]) == ("moderate", "suspect", "城南市场")
    assert not {"name", "resident_id", "phone", "address", "symptoms_note", "exposure_note"} & set(one)
    two = next(row for row in held(inst) if row["card_no"] == "K000002")
    assert one["household"] == two["household"] != ""  # both live at number 0
    with inst.vault_store.read() as connection:
        found = inst.vault.find(connection, "routine", "resident_id", "429901197003110001")
    assert found == [one["subject_id"]]


def test_no_identifier_is_in_any_byte_outside_the_vault(inst: Installation, tmp_path: Path) -> None:
    cards = [card(n) for n in range(1, 30)] + [card(31, 报告日期="1月20日")]
    path = write(tmp_path / "病例报告_一.csv", CARD, cards)
    import_files(inst, EPI, "case_report", [path])
    planted = [cell for row in cards for cell in row[3:9:3] + row[6:9] + [row[19]]]
    searched = 0
    for file in inst.home.rglob("*"):
        if not file.is_file() or file.is_relative_to(inst.home / "rejects"):
            continue
        data = file.read_bytes()
        searched += len(data)
        for cell in planted:
            if len(cell) > 2 and cell[0] not in "男女":
                for encoding in ("utf-8", "gb18030", "utf-16-le"):
                    assert cell.encode(encoding) not in data, (file, encoding)
    assert searched > 50_000


def test_the_same_file_again_changes_nothing(inst: Installation, tmp_path: Path) -> None:
    path = write(tmp_path / "病例报告_一.csv", CARD, [card(n) for n in range(1, 6)])
    first = import_files(inst, EPI, "case_report", [path])[0]
    before = held(inst)
    again = import_files(inst, EPI, "case_report", [path])[0]
    assert (first.status, again.status, again.changed) == ("imported", "unchanged", 0)
    renamed = write(tmp_path / "病例报告_二.csv", CARD, [card(n) for n in range(1, 6)])
    assert import_files(inst, EPI, "case_report", [renamed])[0].status == "unchanged"
    assert held(inst) == before and len(held(inst, Batch)) == 1 and len(held(inst, ReceivedReport)) == 1


def test_another_file_with_the_same_rows_counts_no_change(inst: Installation, tmp_path: Path) -> None:
    import_files(inst, EPI, "case_report", [write(tmp_path / "a.csv", CARD, [card(1), card(2)])])
    more = write(tmp_path / "b.csv", CARD, [card(2), card(3), card(1, 病例分类="确诊病例")])
    report = import_files(inst, EPI, "case_report", [more])[0]
    assert (report.accepted, report.changed) == (3, 2)
    assert {row["card_no"]: row["classification"] for row in held(inst)} == {
        "K000001": "confirmed", "K000002": "suspect", "K000003": "suspect",
    }  # fmt: skip


def test_a_later_card_is_another_version(inst: Installation, tmp_path: Path) -> None:
    later = card(1, 报告日期="2026-01-22", 病例分类="确诊病例")
    import_files(inst, EPI, "case_report", [write(tmp_path / "a.csv", CARD, [card(1), later])])
    found = held(inst)
    assert len(found) == 2 and len({row["case_id"] for row in found}) == 1
    assert len({row["subject_id"] for row in found}) == 1


def test_bad_rows_go_to_a_reject_file_that_is_mended_and_imported(inst: Installation, tmp_path: Path) -> None:
    bad = card(2, 报告日期="1月20日", 姓名="=cmd|' /C calc'!A0")
    path = write(tmp_path / "病例报告_一.csv", CARD, [card(1), bad, [*card(3), "more"]])
    report = import_files(inst, EPI, "case_report", [path])[0]
    assert report.reasons == {"columns": 1, "date_without_year": 1} and report.accepted == 1
    assert [str(p) for p in report.problems] == [
        "病例报告_一.csv, row 4: the row has another number of columns than the header (columns).",
        "病例报告_一.csv, row 3, column 报告日期: a date without its year (date_without_year).",
    ]
    rejects = Path(report.rejects)
    assert stat.S_IMODE(rejects.stat().st_mode) == 0o600
    assert stat.S_IMODE(rejects.parent.stat().st_mode) == 0o700
    text = rejects.read_text("utf-8-sig")
    lines = text.splitlines()
    assert lines[0] == CARD + ",_row,_reason"
    assert "'=cmd" in text  # quoted for the spreadsheet it is mended in
    mended = rejects
    keep = next(line for line in lines[1:] if line.endswith(",3,date_without_year"))
    mended.write_text(lines[0] + "\n" + keep.replace("1月20日", "2026-01-20") + "\n", "utf-8-sig")
    again = import_files(inst, EPI, "case_report", [mended])[0]
    assert (again.accepted, again.rejected) == (1, 0)
    assert list(rejects.parent.iterdir()) == []  # it held identifiers and is done with
    with inst.vault_store.read() as connection:
        assert len(inst.vault.find(connection, "routine", "name", "=cmd|' /C calc'!A0")) == 1


def test_rows_that_were_not_mended_are_never_lost(inst: Installation, tmp_path: Path) -> None:
    path = write(tmp_path / "病例报告_一.csv", CARD, [card(1), card(2, 报告日期="1月20日")])
    report = import_files(inst, EPI, "case_report", [path])[0]
    for _ in range(4):
        (rejects,) = (inst.home / "rejects").iterdir()
        assert "王测2" in rejects.read_text("utf-8-sig")
        import_files(inst, EPI, "case_report", [rejects])
    assert report.rejected == 1 and len(held(inst)) == 1


def test_strict_refuses_the_file(inst: Installation, tmp_path: Path) -> None:
    path = write(tmp_path / "病例报告_一.csv", CARD, [card(1), card(2, 出生日期="2026-13-01")])
    with pytest.raises(BadInput, match="row 3, column 出生日期") as caught:
        import_files(inst, EPI, "case_report", [path], strict=True)
    assert "2026-13-01" not in str(caught.value)
    assert held(inst) == [] and held(inst, Batch) == [] and not list((inst.home / "rejects").iterdir())
    with inst.vault_store.read() as connection:
        assert inst.vault.find(connection, "routine", "name", "王测1") == []


def test_a_dry_run_writes_nothing(inst: Installation, tmp_path: Path) -> None:
    path = write(tmp_path / "病例报告_一.csv", CARD, [card(1), card(2, 出生日期="?")])
    report = import_files(inst, EPI, "case_report", [path], dry_run=True)[0]
    assert (report.status, report.accepted, report.rejected) == ("checked", 1, 1)
    assert held(inst) == [] and held(inst, Batch) == []


def test_who_may_not_import(inst: Installation, tmp_path: Path) -> None:
    path = write(tmp_path / "病例报告_一.csv", CARD, [card(1)])
    with pytest.raises(Refused):
        import_files(inst, Who("a", "administrator", "system_admin"), "case_report", [path])


def test_a_day_of_the_city(inst: Installation, tmp_path: Path) -> None:
    day = tmp_path / "2026-01-20"
    day.mkdir()
    write(day / "病例报告_第一医院.csv", CARD, [card(n) for n in range(1, 5)])
    write(day / "病例报告_第二医院.csv", CARD, [card(n) for n in range(10, 13)], "gb18030")
    with xlsxwriter.Workbook(day / "病例报告_第三医院.xlsx") as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, CARD.split(","))
        sheet.write_row(1, 0, card(20))
        sheet.write_datetime(1, 13, __import__("datetime").datetime(2026, 1, 11), book.add_format())
    write(day / "发热门诊.csv", "日期,机构,区划,就诊人次,发热人次,流感样病例",
          [["2026-01-20", "第一医院", "429901", "120", "31", "12"]])  # fmt: skip
    write(day / "搜索指数.csv", "日期,区划,检索词,次数", [["2026-01-20", "429901", "发热", "310"]])
    write(day / "检测结果.csv", "样本编号,报告卡编号,采样日期,检测日期,样本来源,检测项目,结果,检测单位",
          [["S1", "K000001", "2026-01-19", "2026-01-20", "人", "核酸", "阳性", "疾控"],
           ["S2", "", "2026-01-19", "2026-01-20", "环境", "核酸", "阴性", "疾控"]])  # fmt: skip
    write(day / "返回人员.csv", "登记日期,姓名,证件号码,联系电话,现住址,现住区划,来自地区,返回日期,症状",
          [["2026-01-20", "李测", "429901198001010019", "15400000077", "城北区1号", "429902", "429901",
            "2026-01-19", "无"]])  # fmt: skip
    write(day / "库存.csv", "日期,机构,物资,规格,数量,单位,日消耗",
          [["2026-01-20", "第一医院", "口罩", "N95", "500", "只", "80.5"]])  # fmt: skip
    write(day / "人口迁移.csv", "日期,迁出地,迁入地,人次", [["2026-01-20", "429901", "429902", "1200"]])
    (day / "说明.txt").write_text("not a table of ours\n")
    reports = import_day(inst, EPI, day, date(2026, 1, 20))
    assert {r.file: r.status for r in reports if r.status != "imported"} == {"说明.txt": "refused"}
    assert sum(r.rejected for r in reports) == 0, [r.problems for r in reports]
    assert len(held(inst)) == 8 and len(held(inst, LabResult)) == 2
    assert len(held(inst, Returnee)) == 1 and held(inst, StockItem)[0]["daily_use"] == 80.5
    serial = next(row for row in held(inst) if row["card_no"] == "K000020")
    assert serial["date_onset"] == date(2026, 1, 11)
    clinics = delivered(inst, ClinicCount, as_of=date(2026, 1, 20))
    assert clinics.select("clinic", "visits").rows() == [("第一医院", 120)]
    assert delivered(inst, ClinicCount, as_of=date(2026, 1, 19)).is_empty()
    with inst.store.read() as connection:
        assert tally(connection, ReceivedReport) == 9
    again = import_day(inst, EPI, day, date(2026, 1, 20))
    assert {r.status for r in again} == {"unchanged", "refused"}


def test_both_databases(tmp_path: Path, database_url: str) -> None:
    """The same outcome on SQLite and PostgreSQL: what is held, what a later file changes, what stays."""
    inst = importkit.make(tmp_path / "home", database_url=database_url)
    first = write(tmp_path / "a.csv", CARD, [card(n) for n in range(1, 700)])
    second = write(
        tmp_path / "b.csv", CARD, [card(n) for n in range(1, 700)] + [card(1, 病例分类="排除"), card(800)]
    )
    reports = [import_files(inst, EPI, "case_report", [path])[0] for path in (first, second, first)]
    assert [(r.status, r.changed) for r in reports] == [("imported", 699), ("imported", 2), ("unchanged", 0)]
    found = {row["card_no"]: row for row in held(inst)}
    assert len(found) == 700 and found["K000001"]["classification"] == "no_case"
    assert found["K000800"]["symptoms"] == ["cough", "fever"]
    assert found["K000800"]["date_onset"] == date(2026, 1, 12)
    inst.close()
