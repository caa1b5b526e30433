"""Forms of files, whereabouts, wide tables, symptoms, mappings, the command line, the demonstration city."""

from __future__ import annotations

import csv
import gzip
import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

import importkit
from importkit import CARD, EPI, card, write
from lianfang import world
from lianfang.cli import cli
from lianfang.foundation.errors import BadInput, NotFound, UsageError
from lianfang.records import CaseReport, ClinicCount, DailyCount, LocationPing, SearchCount, TripLeg
from lianfang.services import accounts, terminals
from lianfang.services.importing import delivered, import_day, import_files, mappings, read_rows
from lianfang.services.importing.complete import position
from lianfang.services.importing.mapping import parse_mapping
from lianfang.services.importing.symptoms import codes
from lianfang.services.importing.values import Wrong, parse_date, parse_text
from lianfang.services.installation import Installation
from lianfang.store import rows


@pytest.fixture
def inst(tmp_path: Path) -> Iterator[Installation]:
    made = importkit.make(tmp_path / "home")
    yield made
    made.close()


def test_every_form_gives_the_same_rows(tmp_path: Path) -> None:
    cards = [card(n) for n in range(1, 30)]
    names = CARD.split(",")
    text = write(tmp_path / "a.csv", CARD, cards).read_text("utf-8")
    (tmp_path / "a.tsv").write_text(text.replace(",", "\t"), "utf-8")
    (tmp_path / "crlf.csv").write_text(text.replace("\n", "\r\n") + "\r\n\r\n", "utf-8", newline="")
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(text.encode("gb18030")))
    frame = pl.DataFrame(cards, schema=names, orient="row")
    typed = frame.with_columns(
        pl.col("发病日期", "出生日期").str.to_date(), pl.col("就诊日期").str.to_datetime()
    )
    typed.write_parquet(tmp_path / "a.parquet", row_group_size=7)
    (tmp_path / "a.parquet.gz").write_bytes(gzip.compress((tmp_path / "a.parquet").read_bytes()))
    typed.write_excel(tmp_path / "a.xlsx")
    read = {
        path.name: [r for chunk in read_rows(path, kind="case_report") for r in chunk]
        for path in sorted(tmp_path.glob("*.*"))
    }
    assert len(read) == 7 and len(read["a.csv"]) == 29
    for name, got in read.items():
        assert got == read["a.csv"], name


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("43831", date(2020, 1, 1)), ("2020/1/20", date(2020, 1, 20)), ("20200120", date(2020, 1, 20)),
        ("2020年1月20日", date(2020, 1, 20)), ("２０２０年１月２０号", date(2020, 1, 20)), ("36526", date(2000, 1, 1)),
        ("1月20日", "date_without_year"), ("20/1/2020", "date_ambiguous"), ("1/2/20", "date_ambiguous"),
        ("2020-02-30", "date_range"), ("99999", "date_range"), ("18990101", "date_range"), ("soon", "date_format"),
        ("2020-1/20", "date_format"), ("=TODAY()", "date_format"),
    ],
)  # fmt: skip
def test_dates(text: str, expected: date | str) -> None:
    found = parse_date(text)
    assert (found.reason if isinstance(found, Wrong) else found) == expected


@pytest.mark.parametrize(
    "text", ["4.29901197003111E+17", "429901197003110000", "42990119700311000.0", "1.54E+10"]
)
def test_a_number_that_a_spreadsheet_rounded_is_no_identifier(text: str) -> None:
    found = parse_text(text, exact=True)
    assert isinstance(found, Wrong) and found.reason == "number_lost_digits"
    assert parse_text(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("发热、干咳", ["cough", "fever"]),
        ("不明原因肺炎", ["pneumonia_unexplained"]),
        ("发热，不明原因的病毒性肺炎；呼吸困难", ["dyspnoea", "fever", "pneumonia_unexplained"]),
        ("否认发热、咳嗽，有乏力", ["fatigue"]),
        ("无发热但咳嗽", ["cough"]),
        ("四肢无力 头痛", ["fatigue", "headache"]),
        ("无症状", ["none"]),
        ("Fever and dry cough; no diarrhea", ["cough", "fever"]),
        ("Unexplained pneumonia", ["pneumonia_unexplained"]),
        ("pneumonia", ["pneumonia"]),
        ("coughdrop nofever", []),
        ("", []),
    ],
)
def test_symptoms(text: str, expected: list[str]) -> None:
    assert codes(text) == expected


def test_workers_symptoms_are_in_the_vocabulary() -> None:
    from lianfang.services.importing.symptoms import CODES
    from lianfang.services.visits import SYMPTOMS

    assert set(SYMPTOMS) <= CODES


PINGS = """format: lianfang-mapping/1
name: pings
record: location_ping
title_zh: 位置
title_en: Positions
identify: {phone: 号码, name: 姓名}
fields:
  time: 时间
  lat: {column: 纬度}
  lon: {column: 经度}
  source: 来源
"""


def test_positions_get_tokens_and_decimetres(inst: Installation, tmp_path: Path) -> None:
    mapping = parse_mapping(PINGS.encode(), "pings.yaml")
    lines = [
        ["15400000001", "王测", "2026-01-20 00:30:00", "30.0", "114.9", "gps"],
        ["15400000001", "王测", "2026-01-20T08:30:00+08:00", "30.001", "114.9", "gps"],
        ["15400000002", "李测", "2026/1/20 00:30:00", "30.0", "114.91", "gps"],
        ["15400000002", "李测", "2026-01-20 00:30:00", "99.0", "114.91", "gps"],
        ["", "", "2026-01-20 00:30:00", "30", "114.91", "gps"],
        ["15400000002", "李测", "2026-01-20", "30", "114.91", "gps"],
    ]
    path = write(tmp_path / "p.csv", "号码,姓名,时间,纬度,经度,来源", lines)
    (report,) = import_files(inst, EPI, "location_ping", [path], mapping=mapping)
    assert report.accepted == 2
    assert report.reasons == {"missing": 1, "moment_format": 2, "out_of_range": 1}
    pings = delivered(inst, LocationPing, as_of=date(2026, 2, 1)).sort("time")
    assert pings["time"].to_list() == [
        datetime(2026, 1, 19, 16, 30, tzinfo=UTC),
        datetime(2026, 1, 20, 0, 30, tzinfo=UTC),
    ]
    assert pings["day"].to_list() == [date(2026, 1, 20)] * 2  # the day in the installation's zone
    with inst.vault_store.read() as connection:
        (subject,) = inst.vault.find(connection, "routine", "phone", "15400000001")
    token = inst.vault.pseudonym("routine", "close_contact_tracing", subject)
    assert set(pings["token"]) == {token}
    assert pings["y_dm"][1] - pings["y_dm"][0] == pytest.approx(1112, abs=1)  # 0.001 degrees of latitude
    data = b"".join(p.read_bytes() for p in inst.lake.files(LocationPing))
    assert b"15400000001" not in data and "王测".encode() not in data


def test_projected_distances_are_those_of_the_sphere() -> None:
    """Within a city, against the haversine formula."""
    import math
    import random

    rng = random.Random(5)
    for _ in range(200):
        a = (30 + rng.uniform(-0.1, 0.1), 114.9 + rng.uniform(-0.1, 0.1))
        b = (a[0] + rng.uniform(-0.01, 0.01), a[1] + rng.uniform(-0.01, 0.01))
        (x1, y1), (x2, y2) = position(*a), position(*b)
        p1, p2 = math.radians(a[0]), math.radians(b[0])
        h = math.sin((p2 - p1) / 2) ** 2
        h += math.cos(p1) * math.cos(p2) * math.sin(math.radians(b[1] - a[1]) / 2) ** 2
        true = 2 * 6_371_008.8 * math.asin(math.sqrt(h))
        assert math.hypot(x2 - x1, y2 - y1) / 10 == pytest.approx(true, rel=0.02, abs=0.2)


def test_seats_and_vehicles_are_keyed(inst: Installation, tmp_path: Path) -> None:
    text = PINGS.replace("location_ping", "trip_leg").replace("name: pings", "name: trips")
    text = text.partition("fields:")[0] + (
        "fields:\n  vehicle: 车次\n  seat_row: 排\n  seat_column: {column: 座, parse: seat_column}\n"
        "  start: 上车\n  end: 下车\n"
    )
    lines = [["15400000001", "王测", "G1234", "12", "F", "2026-01-20 08:00", "2026-01-20 12:00"],
             ["15400000002", "李测", "G1234", "12", "D", "2026-01-20 08:00", "2026-01-20 07:00"]]  # fmt: skip
    path = write(tmp_path / "t.csv", "号码,姓名,车次,排,座,上车,下车", lines)
    (report,) = import_files(inst, EPI, "trip_leg", [path], mapping=parse_mapping(text.encode(), "t"))
    assert report.reasons == {"order": 1}
    leg = delivered(inst, TripLeg, as_of=date(2026, 2, 1)).row(0, named=True)
    assert (leg["seat_row"], leg["seat_column"]) == (12, 6)
    assert leg["vehicle"] != "G1234" and len(leg["vehicle"]) == 32


def test_a_wide_table(inst: Installation, tmp_path: Path) -> None:
    header = "Province/State,Country/Region,Lat,Long,1/22/20,1/23/20,1/24/20"
    lines = [
        ["Hubei", "China", "30.9", "112.2", "444", "444", "549"],
        ["", "Japan", "36", "138", "2", "", "x"],
    ]
    path = write(tmp_path / "time_series_covid19_confirmed_global.csv", header, lines)
    (report,) = import_files(inst, EPI, "jhu-confirmed", [path])
    assert (report.accepted, report.rejected) == (3, 1)
    assert str(report.problems[0]).endswith("row 3, column 1/24/20: not a number (number).")
    held = delivered(inst, DailyCount, as_of=date(2020, 1, 31))
    assert held.select("date", "place", "confirmed").rows() == [
        (date(2020, 1, 22), "China/Hubei", 444),
        (date(2020, 1, 23), "China/Hubei", 444),
        (date(2020, 1, 24), "China/Hubei", 549),
    ]


def test_linelist_tags(tmp_path: Path) -> None:
    path = write(
        tmp_path / "l.csv", "id,date_onset,gender,age", [["1", "2020-01-03", "f", "33"], ["2", "NA", "m", ""]]
    )
    with pytest.raises(BadInput, match="row 3, column date_reporting"):
        list(read_rows(path, kind="linelist"))
    path = write(tmp_path / "l.csv", "id,date_onset,gender,age", [["1", "2020-01-03", "f", "33"]])
    ((one,),) = read_rows(path, kind="linelist")
    assert (one["gender"], one["age"], one["date_reporting"]) == ("female", 33, date(2020, 1, 3))


def test_kinds_that_do_not_fit(inst: Installation, tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", "a,b", [["1", "2"]])
    with pytest.raises(NotFound, match="no kind 'nothing'"):
        import_files(inst, EPI, "nothing", [path])
    with pytest.raises(BadInput, match="fits no mapping of case_report"):
        import_files(inst, EPI, "case_report", [path])
    with pytest.raises(BadInput, match="lacks the column"):
        import_files(inst, EPI, "city-stock", [path])


def test_ready_mappings_read_only_what_they_declare() -> None:
    for name, mapping in mappings().items():
        assert mapping.name == name and mapping.title_zh and mapping.title_en
        assert mapping.record_type.about.importable
        assert set(mapping.fields).isdisjoint(mapping.constants)


def test_a_later_delivery_wins_and_an_earlier_day_does_not_see_it(inst: Installation, tmp_path: Path) -> None:
    header = "日期,区划,检索词,次数"
    first, second = date(2026, 1, 10), date(2026, 1, 12)
    import_files(
        inst,
        EPI,
        "search_count",
        [write(tmp_path / "2.csv", header, [["2026-01-10", "429901", "发热", "9"]])],
        day=second,
    )
    import_files(
        inst,
        EPI,
        "search_count",
        [write(tmp_path / "1.csv", header, [["2026-01-10", "429901", "发热", "5"]])],
        day=first,
    )
    for as_of, expected in ((first, 5), (first + timedelta(days=1), 5), (second, 9)):
        assert delivered(inst, SearchCount, as_of=as_of)["count"].to_list() == [expected]


def test_the_demonstration_city(inst: Installation, small_city: world.City) -> None:
    """Ten days of the city: every row is accepted, and what is held is what a plain count of the files gives."""
    plain: Counter[str] = Counter()
    patients = set()
    for n in range(10):
        day = small_city.start + timedelta(days=n)
        folder = small_city.inbox(day)
        reports = import_day(inst, EPI, folder, day)
        assert {r.status for r in reports} == {"imported"} and not any(r.rejected for r in reports)
        assert len(reports) == len(list(folder.iterdir()))
        for r in reports:
            plain[r.record] += r.rows
        for path in folder.glob("病例报告_*.csv"):
            raw = path.read_bytes()
            try:
                text = raw.decode("utf-8-sig")
            except UnicodeDecodeError:
                text = raw.decode("gb18030")
            for row in csv.DictReader(text.splitlines()):
                patients.add((row["报告单位"], row["报告卡编号"]))
    with inst.store.read() as connection:
        held = rows(connection, CaseReport)
    assert len(held) == plain["case_report"] > 0
    assert patients <= {(r["reporter"], r["card_no"]) for r in held}
    assert all(r["symptoms"] for r in held if r["classification"] != "confirmed_no_symptoms")
    last = small_city.start + timedelta(days=9)
    assert len(delivered(inst, ClinicCount, as_of=last)) == plain["clinic_count"]
    assert all(import_day(inst, EPI, small_city.inbox(last), last)[k].status == "unchanged" for k in range(3))


def test_the_command(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with importkit.make(home) as inst:
        terminals.register_machine(inst, None)
        accounts.add(inst, None, "guan", role="administrator")
        accounts.add(
            inst,
            accounts.person(inst, "guan"),
            "li",
            role="epidemiologist",
            password="correct horse battery 9",
            trained_until=date(2099, 12, 31),
        )
    path = write(tmp_path / "病例报告_一.csv", CARD, [card(1), card(2, 发病日期="?")])
    run = CliRunner()
    listed = run.invoke(cli, ["import", "--list", "--json"], catch_exceptions=False, standalone_mode=False)
    assert {row["kind"] for row in json.loads(listed.output)} == set(mappings())
    with pytest.raises(UsageError):
        run.invoke(cli, ["import", "--home", str(home)], catch_exceptions=False, standalone_mode=False)
    with pytest.raises(UsageError, match="account"):
        run.invoke(
            cli, ["import", "case_report", str(path), "--home", str(home)],
            catch_exceptions=False, standalone_mode=False,
        )  # fmt: skip
    done = run.invoke(
        cli, ["import", "case_report", str(path), "--as", "li", "--home", str(home), "--json", "--day", "2026-01-20"],
        catch_exceptions=False, standalone_mode=False,
    )  # fmt: skip
    (report,) = json.loads(done.output)
    assert (report["accepted"], report["rejected"], report["status"]) == (1, 1, "imported")
    again = run.invoke(
        cli, ["import", "case_report", str(path), "--as", "li", "--home", str(home), "--day", "2026-01-20"],
        catch_exceptions=False, standalone_mode=False,
    )  # fmt: skip
    assert "nothing changed" in again.output and "无变化" in again.output
    with pytest.raises(BadInput, match="row 3, column 发病日期"):
        run.invoke(
            cli, ["import", "case_report", "-", "--strict", "--as", "li", "--home", str(home)],
            input=path.read_bytes() + b"\n", catch_exceptions=False, standalone_mode=False,
        )  # fmt: skip


def test_a_table_without_rows_is_a_report_of_nothing(inst: Installation, tmp_path: Path) -> None:
    path = write(
        tmp_path / "返回人员.csv",
        "登记日期,姓名,证件号码,联系电话,现住址,现住区划,来自地区,返回日期,症状",
        [],
    )
    report = import_files(inst, EPI, "returnee", [path])[0]
    assert (report.status, report.rows, report.notes) == ("imported", 0, {"zero_report": 1})
