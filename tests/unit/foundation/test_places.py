"""The table of divisions: complete, consistent, and found by the names people write."""

from __future__ import annotations

import csv
import subprocess
import sys
from collections import Counter

import pytest

from lianfang.foundation import places
from lianfang.foundation.errors import BadInput, NotFound
from lianfang.foundation.places import Division
from shared import shared_data


@pytest.fixture(autouse=True)
def _nothing_registered():
    yield
    places.forget()


def test_every_unit_has_a_parent_above_it_and_both_names():
    units = {unit.adcode: unit for unit in places.all_divisions()}
    for unit in units.values():
        assert unit.name_zh
        assert unit.name_en
        if unit.level == "province":
            assert unit.parent == ""
            assert (unit.lat, unit.lon) != (None, None)
        else:
            above = units[unit.parent]
            assert places.LEVELS.index(above.level) < places.LEVELS.index(unit.level)
            assert unit.adcode[:2] == above.adcode[:2]
        if unit.lat is not None:
            assert 3 < unit.lat < 54
            assert 73 < unit.lon < 136


def test_numbers_of_units_are_those_of_the_statistical_yearbook():
    # China Statistical Yearbook 2021: 34 units at province level (with Hong Kong, Macao, Taiwan), 333 prefectures.
    assert len(places.all_divisions("province")) == 34
    assert len(places.all_divisions("prefecture")) == 333
    assert 2800 < len(places.all_divisions("county")) < 2900
    assert len(places.children("420000")) == 13 + 4  # Hubei: prefectures, and counties under the province


def test_same_facts_as_the_table_assembled_from_other_sources():
    with shared_data("geo", "cn_divisions_2020.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 396
    for row in rows:
        unit = places.division(row["adcode"])
        assert unit.name_zh == row["name_zh"]
        assert unit.parent == row["parent"]
        if row["lat"]:
            assert unit.lat == pytest.approx(float(row["lat"]), abs=0.001)
            assert unit.lon == pytest.approx(float(row["lon"]), abs=0.001)
    here = {u.adcode for level in ("province", "prefecture") for u in places.all_divisions(level)}
    assert here == {row["adcode"] for row in rows if row["level"] != "direct"}


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("湖北省", "420000"),
        ("湖北", "420000"),
        ("hubei", "420000"),
        ("武汉", "420100"),
        ("武汉市", "420100"),
        ("Wuhan", "420100"),
        ("内蒙古", "150000"),
        ("新疆", "650000"),
        ("香港", "810000"),
        ("恩施", "422800"),
        ("恩施州", "422800"),
        ("神农架", "429021"),
        ("天门", "429006"),
        (" 420100 ", "420100"),
        ("西藏", "540000"),
        ("甘孜州", "513300"),
    ],
)
def test_a_name_as_people_write_it_finds_its_unit_first(written, code):
    assert places.find(written)[0].adcode == code


def test_a_name_that_several_bear_gives_all_of_them_and_within_chooses():
    assert [u.adcode for u in places.find("吉林")] == ["220000", "220200"]
    assert [u.adcode for u in places.find("吉林省")] == ["220000"]
    assert len(places.find("鼓楼区")) >= 4
    assert [u.adcode for u in places.find("鼓楼区", within="350000")] == ["350102"]
    assert places.find("没有这个地方") == []
    assert places.find("") == []


def test_units_above():
    assert [u.name_zh for u in places.lineage("420106")] == ["湖北省", "武汉市", "武昌区"]


@pytest.mark.parametrize("code", ["", "42", "42010a", "４２０１００", "420100\n", None])
def test_what_is_no_code_is_refused(code):
    with pytest.raises(BadInput):
        places.division(code)


def test_an_unknown_code_is_not_found():
    with pytest.raises(NotFound):
        places.division("999999")


def test_a_fictional_city_can_be_added_and_taken_away():
    city = Division("429900", "prefecture", "临江市", "Linjiang", "420000", 30.1, 113.2)
    district = Division("429901", "county", "城南区", "Chengnan", "429900")
    before = len(places.children("420000"))
    places.register([district, city])  # in any order
    assert places.find("临江", within="420000")[0] == city
    assert places.find("linjiang", within="420000") == [city]
    assert places.children("429900") == [district]
    assert len(places.children("420000")) == before + 1
    assert city in places.all_divisions("prefecture")
    places.forget(["429900", "429901"])
    with pytest.raises(NotFound):
        places.division("429900")


@pytest.mark.parametrize(
    "wrong",
    [
        Division("4299", "county", "城南区", "Chengnan", "420000"),
        Division("429901", "county", "城南区", "Chengnan", "429999"),
        Division("429901", "county", "城南区", "Chengnan", "420102"),
        Division("429901", "county", "城南区", "", "420000"),
        Division("429901", "county", "城南区", "Chengnan", "420000", 95.0, 10.0),
        Division("429901", "county", "城南区", "Chengnan", "420000", 30.0, None),
        Division("429901", "county", "城南区", "Chengnan"),
        Division("420106", "county", "武昌区", "Wuchang", "420106"),
    ],
)
def test_a_wrong_unit_registers_nothing(wrong):
    good = Division("429902", "county", "城北区", "Chengbei", "420000")
    with pytest.raises(BadInput):
        places.register([good, wrong])
    with pytest.raises(NotFound):
        places.division("429902")


def test_a_renamed_unit_is_no_longer_found_by_its_old_name():
    places.register([Division("420106", "county", "新昌区", "Xinchang", "420100")])
    assert "420106" not in {u.adcode for u in places.find("武昌区")}
    assert [u.adcode for u in places.find("新昌区")] == ["420106"]


def test_codes_are_unique_and_names_within_one_parent_too():
    units = places.all_divisions()
    assert max(Counter(u.adcode for u in units).values()) == 1
    assert max(Counter((u.parent, u.name_zh) for u in units).values()) == 1


def test_importing_reads_no_table_and_nothing_heavy():
    code = (
        "import sys; from lianfang.foundation import places; assert places._shipped.cache_info().currsize == 0;"
        "assert not {'polars', 'numpy', 'pandas', 'pydantic'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
