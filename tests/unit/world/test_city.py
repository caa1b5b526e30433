"""The demonstration city keeps its file contract."""

from __future__ import annotations

import csv
import hashlib
import json
import re
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from lianfang import world
from lianfang.foundation.errors import BadInput, Conflict, NotFound

CARD = (
    "报告卡编号,报告日期,报告单位,姓名,性别,出生日期,证件号码,联系电话,现住址,现住区划,"
    "职业,工作单位,学校,发病日期,就诊日期,"
    "入院日期,临床严重程度,病例分类,症状,暴露史,死亡日期"
)
HEADERS = {
    "发热门诊.csv": "日期,机构,区划,就诊人次,发热人次,流感样病例",
    "搜索指数.csv": "日期,区划,检索词,次数",
    "检测结果.csv": "样本编号,报告卡编号,采样日期,检测日期,样本来源,检测项目,结果,检测单位",
    "返回人员.csv": "登记日期,姓名,证件号码,联系电话,现住址,现住区划,来自地区,返回日期,症状",
    "库存.csv": "日期,机构,物资,规格,数量,单位,日消耗",
    "人口迁移.csv": "日期,迁出地,迁入地,人次",
}


def read_cards(path: Path) -> list[dict[str, str]]:
    if path.suffix == ".xlsx":
        import openpyxl

        rows = [
            ["" if v is None else str(v) for v in row] for row in openpyxl.load_workbook(path).active.values
        ]
    else:
        encoding = "gb18030" if "望江区中心医院" in path.name else "utf-8"
        rows = list(csv.reader(path.read_bytes().decode(encoding).splitlines()))
    assert ",".join(rows[0]) == CARD
    return [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]


def all_cards(city: world.City) -> list[dict[str, str]]:
    return [card for path in sorted((city.path / "centre").glob("*/病例报告_*")) for card in read_cards(path)]


def valid_id(number: str) -> bool:
    """GB 11643 by its own words: weights 2^(18-i) mod 11, the check value makes the sum 1."""
    if not re.fullmatch(r"4299\d{13}[\dX]", number):
        return False
    total = sum((10 if c == "X" else int(c)) * (2 ** (17 - i) % 11) for i, c in enumerate(number))
    return total % 11 == 1


def test_manifest_and_digests(small_city: world.City) -> None:
    manifest = json.loads((small_city.path / "manifest.json").read_text("utf-8"))
    assert manifest["format"] == "lianfang-city/1" and manifest["fictional"] is True
    assert manifest["adcode"] == "429900" and manifest["name"]["zh"] == "临江市"
    assert sum(d["population"] for d in manifest["districts"]) == manifest["persons"]
    present = {p.relative_to(small_city.path).as_posix() for p in small_city.path.rglob("*") if p.is_file()}
    assert set(manifest["files"]) == present - {"manifest.json"}
    for name, digest in manifest["files"].items():
        assert hashlib.sha256((small_city.path / name).read_bytes()).hexdigest() == digest


def test_every_day_has_every_file_with_its_header(small_city: world.City) -> None:
    for day in range(small_city.manifest["days"]):
        folder = small_city.inbox(small_city.start + timedelta(days=day))
        for name, header in HEADERS.items():
            text = (folder / name).read_bytes().decode("utf-8")
            assert text.splitlines()[0] == header
            assert "\r" not in text
        for path in folder.glob("病例报告_*"):
            for card in read_cards(path):
                assert card["报告日期"] == folder.name
                assert path.stem == f"病例报告_{card['报告单位']}"
    kinds = {path.suffix for path in (small_city.path / "centre").glob("*/病例报告_*")}
    assert kinds == {".csv", ".xlsx"}
    header = (small_city.path / "places.csv").read_text("utf-8").splitlines()[0]
    assert header == "place_id,kind,name_zh,name_en,adcode,lat,lon"


def test_cards_use_the_fields_words_and_fictional_identities(small_city: world.City) -> None:
    cards = all_cards(small_city)
    assert len(cards) > 30
    assert {c["病例分类"] for c in cards} <= {"疑似病例", "临床诊断病例", "确诊病例", "无症状感染者", "排除"}
    assert {c["临床严重程度"] for c in cards} <= {"轻型", "普通型", "重型", "危重型"}
    for card in cards:
        assert valid_id(card["证件号码"])
        assert re.fullmatch(r"154\d{8}", card["联系电话"])
        assert card["证件号码"][6:14] == card["出生日期"].replace("-", "")
        assert int(card["证件号码"][16]) % 2 == (card["性别"] == "男")
        for later in ("就诊日期", "报告日期"):
            if card["发病日期"]:
                assert card["发病日期"] <= card[later]


def test_a_card_number_is_one_persons_and_says_nothing_else(small_city: world.City) -> None:
    owner: dict[str, str] = {}
    for card in all_cards(small_city):
        assert re.fullmatch(r"LJ0[1-6]2026\d{4}\d{4}", card["报告卡编号"])
        assert owner.setdefault(card["报告卡编号"], card["证件号码"]) == card["证件号码"]
    infections = pl.read_parquet(small_city.path / "truth" / "infections.parquet")
    of_outbreak = set(infections["report_card"].drop_nulls())
    assert of_outbreak <= set(owner) and len(set(owner) - of_outbreak) > 10
    serials = [int(number[-4:]) for number in owner]
    assert max(serials) <= 12


def test_the_cluster_is_there_to_be_found_and_not_before(small_city: world.City) -> None:
    first: dict[str, dict[str, str]] = {}
    for card in all_cards(small_city):
        first.setdefault(card["报告卡编号"], card)
    unexplained = [
        (date.fromisoformat(c["报告日期"]), c["工作单位"])
        for c in first.values()
        if "不明原因肺炎" in c["症状"]
    ]

    def sounds(day: date) -> bool:
        window = [work for at, work in unexplained if day - timedelta(days=5) <= at <= day]
        return len(window) >= 4 and window.count("城南市场") >= 3

    assert small_city.alarm is not None
    assert 20 <= (small_city.alarm - small_city.start).days <= 28
    assert sounds(small_city.alarm)
    quiet = [
        small_city.start + timedelta(days=d) for d in range((small_city.alarm - small_city.start).days - 2)
    ]
    assert not any(sounds(day) for day in quiet)


def test_holder_keeps_what_the_contract_says(small_city: world.City) -> None:
    base = small_city.holder
    card = json.loads((base / "holder.json").read_text("utf-8"))
    assert card["id"] == "linjiang" and card["sources"] == ["pings", "lodging", "trips", "visits"]
    who = pl.read_parquet(base / "subscribers.parquet")
    assert who.columns == ["subscriber", "name", "resident_id", "phone", "adcode"]
    assert who["subscriber"].is_unique().all() and who["phone"].str.starts_with("154").all()
    assert all(valid_id(number) for number in who["resident_id"])
    days = sorted(base.glob("pings/date=*/part.parquet"))
    assert 14 <= len(days) <= 20
    for path in days:
        pings = pl.read_parquet(path, hive_partitioning=False)
        assert pings.columns == ["subscriber", "time", "lat", "lon", "accuracy_m", "source"]
        assert pings.select("subscriber", "time").equals(
            pings.select("subscriber", "time").sort("subscriber", "time")
        )
        local = pings["time"].dt.convert_time_zone("Asia/Shanghai").dt.date().unique().to_list()
        assert local == [date.fromisoformat(path.parent.name.removeprefix("date="))]
        assert set(pings["source"].cast(pl.String).unique()) == {"gps", "tower"}
        assert pings["lat"].is_between(29.8, 30.2).all() and pings["lon"].is_between(114.7, 115.1).all()
    columns = {
        "lodging": ["subscriber", "hotel", "room", "floor", "start", "end"],
        "trips": ["subscriber", "vehicle", "date", "row", "column", "start", "end"],
        "visits": ["subscriber", "place_id", "start", "end"],
    }
    for name, wanted in columns.items():
        frame = pl.read_parquet(base / name / "part.parquet")
        assert frame.columns == wanted
        assert frame.height > 0 and (frame["start"] < frame["end"]).all()


def test_truth_is_consistent(small_city: world.City) -> None:
    persons = pl.read_parquet(small_city.path / "truth" / "persons.parquet")
    infections = pl.read_parquet(small_city.path / "truth" / "infections.parquet")
    assert persons.height == small_city.manifest["persons"]
    assert persons["resident_id"].is_unique().all() and persons["phone"].is_unique().all()
    assert all(valid_id(number) for number in persons["resident_id"])
    pairs = infections.filter(pl.col("infector").is_not_null()).join(
        infections, left_on="infector", right_on="person", suffix="_of_infector"
    )
    assert pairs.height == infections["infector"].count()
    assert (pairs["time"] > pairs["time_of_infector"]).all()
    seeds = infections.filter(pl.col("infector").is_null()).join(persons, on="person")
    places = pl.read_csv(small_city.path / "places.csv")
    market = places.filter(pl.col("name_zh") == "城南市场")["place_id"].to_list()
    assert seeds["workplace"].unique().to_list() == market


def test_the_simulator_answers_from_the_truth(small_city: world.City) -> None:
    infections = pl.read_parquet(small_city.path / "truth" / "infections.parquet")
    ill = infections.filter(pl.col("symptom_onset").is_not_null()).head(40)
    positive = 0
    for person, onset in ill.select("person", "symptom_onset").iter_rows():
        answer = world.answers(small_city.path, person, onset.date() + timedelta(days=2))
        assert answer.infected and answer.simulated and answer.temperature >= 37.5
        positive += answer.test == "positive"
        before = world.answers(small_city.path, person, date(2025, 12, 1))
        assert not before.infected
    assert positive >= 0.75 * ill.height
    with pytest.raises(NotFound):
        world.answers(small_city.path, "not an ID", date(2026, 1, 10))
    with pytest.raises(BadInput):
        world.answers(small_city.path / "centre", 1, date(2026, 1, 10))


def test_same_seed_same_bytes(tmp_path: Path, small_city: world.City) -> None:
    again = world.build(tmp_path / "again", persons=3_000, days=36, seed=24)
    assert again.manifest == small_city.manifest
    assert (tmp_path / "again" / "manifest.json").read_bytes() == (
        small_city.path / "manifest.json"
    ).read_bytes()
    other = world.build(tmp_path / "other", persons=3_000, days=3, seed=25)
    assert (
        other.manifest["files"]["truth/persons.parquet"] != again.manifest["files"]["truth/persons.parquet"]
    )


def test_a_folder_in_use_is_refused_and_a_crash_leaves_nothing(tmp_path: Path) -> None:
    used = tmp_path / "used"
    used.mkdir()
    (used / "mine.txt").write_text("keep")
    with pytest.raises(Conflict):
        world.build(used, persons=2_000, days=2)
    assert [p.name for p in used.iterdir()] == ["mine.txt"]

    class Stop(Exception):
        pass

    def stop(stage: str, done: int, total: int) -> None:
        if "positions" in stage and done:
            raise Stop

    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(Stop):
        world.build(empty, persons=2_000, days=2, progress=stop)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["empty", "used"]
    assert list(empty.iterdir()) == []
    for wrong in ({"persons": 3}, {"days": 0}, {"seed": -1}):
        with pytest.raises(BadInput):
            world.build(tmp_path / "no", **wrong)
    assert world.build(empty, persons=2_000, days=2).damaged() == []
    with pytest.raises(BadInput):
        world.City.open(tmp_path)
