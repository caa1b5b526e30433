"""Journey B: reports are committed on receipt; a late, a changed and an omitted one are each named."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

import journeykit
from lianfang.foundation.clock import SetClock
from lianfang.foundation.errors import BadInput, Conflict, NotFound, Refused
from lianfang.guard import ledger
from lianfang.records import Bulletin, CaseReport, ReceivedReport, ReportLine, ReportOrigin, RiskLock
from lianfang.services import accounts, bulletin, closing, importing, integrity, reports
from lianfang.services.installation import SYSTEM, Installation, open_installation
from lianfang.services.reports import lines, receipt
from lianfang.store import rows, table, tally


@pytest.fixture
def base(played: Path, tmp_path: Path) -> Path:
    return journeykit.stage(played, tmp_path / "base")


@pytest.fixture
def inst(base: Path) -> Iterator[Installation]:
    with open_installation(base / "centre") as opened:
        yield opened


@pytest.fixture
def event_id(inst: Installation) -> str:
    return journeykit.event_of(inst)


def _reconcile(inst: Installation, event_id: str, number: int = 1, **more: Any) -> dict[str, Any]:
    return reports.reconcile(inst, accounts.person(inst, "zhou.zhuren"), event_id, number, **more)


def _kinds(found: dict[str, Any]) -> set[str]:
    return {one["kind"] for one in found["findings"]}


def test_every_case_report_has_a_line_and_an_entry_that_commits_to_it(inst: Installation) -> None:
    with inst.store.read() as connection:
        cards, held = rows(connection, CaseReport), rows(connection, ReportLine)
        latest = {row["row"]: row for row in held}
        assert len(cards) > 100 and {card["id"] for card in cards} == set(latest)
        log = ledger.Log.only(connection)
        for row in held:
            opened = ledger.opening(connection, row["log_index"])
            said = ledger.verify_opening(log.entry(connection, row["log_index"]), opened)
            assert said == {"line": lines.line_commitment(row)}
        for card in cards:
            line = latest[card["id"]]
            assert receipt.row_commit(line["salt"], card) == line["digest"]


def test_a_bulletin_rests_on_its_reports(inst: Installation, event_id: str) -> None:
    found = _reconcile(inst, event_id)
    by_name = {one["figure"]: one for one in found["figures"]}
    for name in ("cases", "confirmed", "deaths"):
        assert by_name[name]["recounted"] == by_name[name]["published"]
        assert len(by_name[name]["reports"]) == by_name[name]["recounted"]
    assert by_name["cases"]["recounted"] > by_name["confirmed"]["recounted"] > 0
    districts = [one for name, one in by_name.items() if name.startswith("district ")]
    assert sum(one["recounted"] for one in districts) == by_name["cases"]["recounted"]
    assert found["agrees"] and not found["findings"]
    assert sum(one["reports"] for one in found["reporters"]) >= 3


def test_figures_of_contacts_rest_on_the_acts_in_the_ledger(inst: Installation, event_id: str) -> None:
    """Named and released contacts are counted from the ledger's entries, and a figure that says more is told."""
    found = _reconcile(inst, event_id)
    by_name = {one["figure"]: one for one in found["figures"]}
    named = by_name["contacts_identified"]
    assert named["recounted"] == named["published"] > 0 and named["acts"]
    with inst.store.read() as connection:
        kinds = {one.index: one.type for one in ledger.entries(connection, type="contacts_named", limit=1000)}
        locks = {row["lock_id"] for row in rows(connection, RiskLock, event_id=event_id)}
    assert set(named["acts"]) <= set(kinds) and locks
    assert max(named["acts"]) < found["log_index"]
    assert by_name["contacts_released"]["recounted"] == by_name["contacts_released"]["published"]
    assert by_name["contacts_observed"]["recounted"] is None
    with inst.store.begin() as connection:
        held = rows(connection, Bulletin, event_id=event_id, number=1)[0]
        content = json.loads(json.dumps(held["content"]))
        for row in content["tables"][0]["rows"]:
            row["count"] = row["count"] + 5 if row["indicator"] == "contacts_identified" else row["count"]
        connection.execute(
            table(Bulletin).update().where(table(Bulletin).c.id == held["id"]).values(content=content)
        )
    told = [one for one in _reconcile(inst, event_id)["findings"] if one["kind"] == "unfounded"]
    assert len(told) == 1 and "acts in the ledger" in told[0]["en"]


class Hospital:
    """A hospital's node and the file that it sends: cards of people who become cases of the event."""

    def __init__(self, base: Path, inst: Installation, event_id: str) -> None:
        self.inst, self.event_id, self.day = inst, event_id, inst.today()
        self.folder = base / "hospital"
        self.out = base / "out"
        self.out.mkdir()
        made = reports.init(self.folder, "reports.example/hospital-9")
        self.key = made["key"]
        manager = accounts.person(inst, "zhou.zhuren")
        reports.register(inst, manager, self.key, name="第九医院", level="hospital")

    def file(self, name: str, cards: list[int], **cells: Any) -> Path:
        path = self.out / name
        people = journeykit.planted()
        for card in cards:
            journeykit._card(path, self.day, card, {**people[card], "name": f"甲{card}"})
        text = path.read_text(encoding="utf-8").replace("临江市第一医院", "第九医院")
        for old, new in cells.items():
            text = text.replace(old, str(new))
        path.write_text(text, encoding="utf-8")
        return path

    def commit(self, path: Path, *, at: timedelta = timedelta(), **more: Any) -> receipt.Receipt:
        with reports.ReportNode(self.folder, clock=SetClock(self.inst.now() + at)) as node:
            return node.commit(path, kind="city-case-report", **more)

    def book(self) -> bytes:
        with reports.ReportNode(self.folder, clock=SetClock(self.inst.now())) as node:
            return node.book().encode()

    def deliver(self, path: Path, **more: Any) -> importing.ImportReport:
        (made,) = importing.import_files(
            self.inst, SYSTEM, "city-case-report", [path], day=self.day, event_id=self.event_id, **more
        )
        return made

    def publish(self) -> int:
        manager = accounts.person(self.inst, "zhou.zhuren")
        return int(bulletin.publish(self.inst, manager, self.event_id, corrects=1)["number"])


@pytest.fixture
def hospital(tmp_path: Path, inst: Installation, event_id: str) -> Hospital:
    return Hospital(tmp_path, inst, event_id)


def _chain(inst: Installation) -> list[dict[str, Any]]:
    with inst.store.read() as connection:
        return rows(connection, ReportOrigin, order_by=["received_at", "position"])


def test_what_a_hospital_committed_to_is_compared_row_by_row(
    hospital: Hospital, inst: Installation, event_id: str
) -> None:
    path = hospital.file("病例报告_第九医院.csv", [901, 902, 903])
    made = hospital.commit(path, at=timedelta(minutes=-5))
    assert hospital.commit(path).links[0].opening == made.links[0].opening, "the same file, its first time"
    assert hospital.deliver(path).accepted == 3
    (link,) = _chain(inst)
    assert (link["status"], link["rows"], link["same"], link["changed"], link["omitted"]) == (
        "verified",
        3,
        3,
        0,
        0,
    )
    with inst.store.read() as connection:
        held = [row for row in rows(connection, ReportLine) if row["reporter"] == "第九医院"]
    assert [row["committed"] for row in held] == ["same"] * 3
    assert all(row["committed_at"] < row["received_at"] for row in held)
    number = hospital.publish()
    found = _reconcile(inst, event_id, number, books=[hospital.book()])
    assert found["agrees"], found["findings"]
    figure = next(one for one in found["figures"] if one["figure"] == "cases")
    assert figure["by_reporter"]["第九医院"] == 3 and figure["recounted"] == figure["published"]
    told = next(one for one in found["reporters"] if one["reporter"] == "第九医院")
    assert (told["reports"], told["committed_at_source"], told["in_time"]) == (3, 3, 3)
    assert 0 < told["median_hours_on_the_way"] < 1


def test_a_changed_row_and_an_omitted_one_are_named(
    hospital: Hospital, inst: Installation, event_id: str
) -> None:
    """Somebody on the way makes a mild case of a severe one and leaves a card out (谎报、瞒报)."""
    path = hospital.file("病例报告_第九医院.csv", [901, 902, 903], 轻型="重型")
    hospital.commit(path)
    lines_of = path.read_text(encoding="utf-8").splitlines()
    lines_of[1] = lines_of[1].replace("疑似病例", "临床诊断病例")
    path.write_text("\n".join([*lines_of[:2], lines_of[3], ""]), encoding="utf-8")
    assert hospital.deliver(path).accepted == 2
    (link,) = _chain(inst)
    # the receipt is genuine, the file beside it is not the one that it names
    assert (link["status"], link["rows"], link["same"], link["changed"], link["omitted"]) == (
        "broken",
        3,
        1,
        1,
        1,
    )
    found = _reconcile(inst, event_id, hospital.publish(), books=[hospital.book()])
    assert not found["agrees"]
    named = {(one["kind"], one["reporter"]) for one in found["findings"]}
    assert ("changed", "第九医院") in named
    assert ("missing", "reports.example/hospital-9") in named and (
        "broken",
        "reports.example/hospital-9",
    ) in named


def test_a_file_held_up_and_one_that_never_came_are_named(
    hospital: Hospital, inst: Installation, event_id: str
) -> None:
    """缓报 and 漏报: the hospital's own book says when it reported what."""
    path = hospital.file("病例报告_第九医院.csv", [901])
    hospital.commit(path, at=-timedelta(hours=31))
    kept_back = hospital.file("病例报告_第九医院_2.csv", [902, 903])
    hospital.commit(kept_back, at=-timedelta(hours=30))
    hospital.deliver(path)
    number = hospital.publish()
    without = _reconcile(inst, event_id, number)
    assert [(one["kind"], "31 hours" in one["en"]) for one in without["findings"]] == [("late", True)]
    found = _reconcile(inst, event_id, number, books=[hospital.book()])
    (missing,) = [one for one in found["findings"] if one["kind"] == "missing"]
    assert missing["reporter"] == "reports.example/hospital-9" and "漏报" in missing["zh"]


def test_a_node_that_shows_two_pasts_is_named(
    hospital: Hospital, inst: Installation, event_id: str, tmp_path: Path
) -> None:
    """The hospital makes its log anew without the report that it would rather not have made."""
    path = hospital.file("病例报告_第九医院.csv", [901])
    hospital.commit(path)
    hospital.deliver(path)
    number = hospital.publish()
    (hospital.folder / "node.db").unlink()
    hospital.commit(hospital.file("病例报告_第九医院_2.csv", [902]))
    found = _reconcile(inst, event_id, number, books=[hospital.book()])
    assert any(one["kind"] == "altered" and "split view" in one["en"] for one in found["findings"])


def test_a_chain_of_two_levels(hospital: Hospital, inst: Installation, event_id: str, tmp_path: Path) -> None:
    """The district commits to what it received before it passes it on; both links are kept."""
    path = hospital.file("病例报告_第九医院.csv", [901, 902])
    first = hospital.commit(path, at=-timedelta(hours=2))
    key = reports.init(tmp_path / "district", "reports.example/district-1")["key"]
    reports.register(inst, accounts.person(inst, "zhou.zhuren"), key, name="城南区疾控", level="district")
    with reports.ReportNode(tmp_path / "district", clock=SetClock(inst.now())) as node:
        both = node.commit(path, kind="city-case-report", previous=first)
        torn = first.model_copy(update={"rows": first.rows[:1]})
        with pytest.raises(Refused):
            node.commit(path, kind="city-case-report", previous=torn)
    assert [one.status for one in receipt.check(both, {})] == ["unknown_key"] * 2
    swapped = both.model_copy(update={"links": both.links[::-1]})
    assert "broken" in {one.status for one in receipt.check(swapped, {})}
    hospital.deliver(path)
    assert [(row["origin"], row["status"]) for row in _chain(inst)] == [
        ("reports.example/hospital-9", "verified"),
        ("reports.example/district-1", "verified"),
    ]
    assert _reconcile(inst, event_id, hospital.publish())["agrees"]


def test_a_bad_receipt_stops_no_report_and_proves_nothing(hospital: Hospital, inst: Installation) -> None:
    other = reports.init(hospital.out.parent / "other", "reports.example/hospital-9")["key"]
    assert other != hospital.key
    made = hospital.file("a_病例报告_第九医院.csv", [901])
    with reports.ReportNode(hospital.out.parent / "other") as node:  # the same name, another key
        node.commit(made, kind="city-case-report")
    torn = hospital.file("b_病例报告_第九医院.csv", [902])
    Path(f"{torn}{receipt.SUFFIX}").write_text('{"format": "lianfang-report-receipt/1"}')
    stranger = hospital.file("c_病例报告_第九医院.csv", [903])
    reports.init(hospital.out.parent / "stranger", "reports.example/stranger")
    with reports.ReportNode(hospital.out.parent / "stranger") as node:
        node.commit(stranger, kind="city-case-report")
    for path in (made, torn, stranger):
        assert hospital.deliver(path).accepted == 1
    assert sorted(row["status"] for row in _chain(inst)) == ["broken", "broken", "unknown_key"]
    with inst.store.read() as connection:
        held = rows(connection, ReportLine, reporter="第九医院")
    assert [row["committed"] for row in held] == ["none"] * 3


@pytest.mark.parametrize("raw", [b"", b"[]", b"{}", b"\xff\xfe", b'{"a":' * 100_000, b"1" * 5_000])
def test_what_is_no_receipt_and_no_book_is_refused(raw: bytes) -> None:
    from lianfang.services.reports.node import read_book

    with pytest.raises(BadInput):
        receipt.read(raw)
    with pytest.raises(BadInput):
        read_book(raw, {})


def test_a_report_that_was_late_one_that_came_after_and_one_rewritten(
    hospital: Hospital, inst: Installation, event_id: str
) -> None:
    late = hospital.file("a_病例报告_第九医院.csv", [901])
    old = (hospital.day - timedelta(days=5)).isoformat()
    text = late.read_text(encoding="utf-8").replace(f",{hospital.day},第九医院", f",{old},第九医院")
    late.write_text(text, encoding="utf-8")
    same = hospital.file("b_病例报告_第九医院.csv", [902])
    hospital.deliver(late)
    hospital.deliver(same)
    number = hospital.publish()
    named = [(one["kind"], one["reporter"]) for one in _reconcile(inst, event_id, number)["findings"]]
    assert named == [("late", "第九医院")]
    # what comes after: a case that the bulletin should have counted, and the card of the day told otherwise
    hospital.deliver(hospital.file("c_病例报告_第九医院.csv", [903]))
    same.write_text(same.read_text(encoding="utf-8").replace("疑似病例", "临床诊断病例"), encoding="utf-8")
    hospital.deliver(same)
    found = _reconcile(inst, event_id, number)
    kinds = sorted(one["kind"] for one in found["findings"])
    assert kinds == ["changed", "late", "missing"]
    (changed,) = [one for one in found["findings"] if one["kind"] == "changed"]
    assert "after publication" in changed["en"] and "classification" in changed["en"]
    cases = next(one for one in found["figures"] if one["figure"] == "cases")
    assert cases["published"] == cases["recounted"], (
        "what came after does not rewrite what the figure rested on"
    )


def test_rows_touched_behind_the_house_are_named(inst: Installation, event_id: str) -> None:
    cases, held = table(CaseReport), table(ReportLine)
    with inst.store.read() as connection:
        mine = rows(connection, CaseReport, event_id=event_id, order_by=["date_reporting"])
        before = {row["row"]: row for row in rows(connection, ReportLine)}
    card, line, gone = mine[0]["id"], before[mine[1]["id"]], before[mine[2]["id"]]
    with inst.store.begin() as connection:
        connection.execute(sa.update(cases).where(cases.c.id == card).values(date_onset=date(2026, 1, 1)))
        told = {**line["told"], "classification": "no_case"}
        connection.execute(sa.update(held).where(held.c.id == line["id"]).values(told=told))
        connection.execute(sa.delete(held).where(held.c.id == gone["id"]))
    found = _reconcile(inst, event_id)
    altered = [one for one in found["findings"] if one["kind"] == "altered"]
    assert {one["log_index"] for one in altered} == {before[card]["log_index"], line["log_index"], None}
    # the figure is more than its reports now bear out: one was made none, one has no line
    assert "unfounded" in _kinds(found)


def test_who_may_reconcile_and_register(inst: Installation, event_id: str) -> None:
    for name in ("li.she", "zhao.jian"):
        who = accounts.person(inst, name)
        with pytest.raises(Refused):
            reports.reconcile(inst, who, event_id, 1)
        with pytest.raises(Refused):
            reports.register(inst, who, "x", name="x", level="hospital")
    manager = accounts.person(inst, "zhou.zhuren")
    with pytest.raises(NotFound):
        reports.reconcile(inst, manager, event_id, 99)
    with pytest.raises(BadInput):
        reports.register(inst, manager, "no key", name="x", level="hospital")
    with pytest.raises(NotFound):
        reports.withdraw(inst, manager, "reports.example/nobody")


def test_a_key_is_withdrawn_before_another_takes_its_place(hospital: Hospital, inst: Installation) -> None:
    manager = accounts.person(inst, "zhou.zhuren")
    other = reports.init(hospital.out.parent / "other", "reports.example/hospital-9")["key"]
    with pytest.raises(Conflict):
        reports.register(inst, manager, other, name="第九医院", level="hospital")
    reports.withdraw(inst, manager, "reports.example/hospital-9")
    reports.register(inst, manager, other, name="第九医院", level="hospital")
    assert [row["key"] for row in reports.reporters(inst, manager)] == [other]


def test_daily_counts_are_committed_to_with_their_file(inst: Installation) -> None:
    with inst.store.read() as connection:
        counted = [row for row in rows(connection, ReceivedReport) if row["kind"] == "clinic_count"]
        assert len(counted) > 20
        for row in counted:
            said = ledger.opening(connection, row["log_index"])["payload"]
            assert len(said["rows_root"]) == 64 and said["rows"] == row["rows"]


def test_when_the_event_has_ended_the_lines_are_gone_and_the_entries_silent(
    inst: Installation, event_id: str
) -> None:
    document = bulletin.document(inst, event_id, 1)
    with inst.store.read() as connection:
        mine = {row["case_id"] for row in rows(connection, CaseReport, event_id=event_id)}
        indices = [row["log_index"] for row in rows(connection, ReportLine) if row["case_id"] in mine]
        assert indices
        others = tally(connection, ReportLine) - len(indices)
    assert closing.end_restored(inst, event_id)
    with inst.store.read() as connection:
        assert not {row["case_id"] for row in rows(connection, ReportLine)} & mine
        assert tally(connection, ReportLine) == others
        log = ledger.Log.only(connection)
        for index in indices:
            said = ledger.verify_opening(log.entry(connection, index), ledger.opening(connection, index))
            assert set(said) == {"line"} and len(said["line"]) == 64
    assert bulletin.verify(document)["valid"]
    assert integrity.check(inst)["valid"]


def test_a_copy_of_the_books_folder_is_no_other_node(hospital: Hospital) -> None:
    shutil.copytree(hospital.folder, hospital.out / "copy")
    with reports.ReportNode(hospital.out / "copy") as node:
        assert node.identity()["key"] == hospital.key
    with pytest.raises(Conflict):
        reports.init(hospital.folder, "reports.example/hospital-9")
    with pytest.raises(NotFound):
        reports.ReportNode(hospital.out)
    assert json.loads(hospital.book())["entries"] == []
