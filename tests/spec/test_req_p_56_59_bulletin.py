"""What the public may know: REQ-P-56 to 59. All persons, numbers and addresses are invented."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from lianfang.foundation.errors import BadInput
from lianfang.guard.disclosure import Refusal, Release, bulletin

FORBIDDEN_FIELDS = {
    "姓名": "覃晓舟", "name": "Qin Xiaozhou", "age": 41, "年龄": 41, "证件号码": "429901198507124319",
    "resident_id": "429901198507124319", "phone": "15400001234", "联系电话": "15400001234",
    "现住址": "临江市城南路12号3栋2单元501室", "home_address": "临江市城南路2号", "building_unit": "3栋2单元",
    "座位": "G1024次05车12A", "device_id": "862012345678905", "birth_date": "1985-07-12", "学校": "城南小学",
    "token": "t-8841", "nickname": "舟舟",
}  # fmt: skip
FORBIDDEN_TEXTS = [
    "患者覃晓舟，女，1月27日确诊。",
    "病例，女，41岁，1月27日确诊。",
    "身份证号42990119850712431X已登记。",
    "联系电话154 0000 1234。",
    "病例居住在城南小区3号楼2单元501。",
    "患者乘坐G1024次05车12A返回。",
    "A 41-year-old woman tested positive.",
]


def candidate(audience: str = "public", **parts: Any) -> dict[str, Any]:
    return {"event": {"zh": "临江市不明原因肺炎"}, "as_of": "2026-01-30", "audience": audience, **parts}


def test_req_p_56_what_the_public_may_know_passes_unchanged() -> None:
    listing = [
        {"性别": "女", "确诊日期": "2026-01-27", "症状": "发热、咽痛"},
        {"性别": "男", "确诊日期": "2026年1月28日", "症状": "乏力"},
    ]
    flows = pl.DataFrame(
        {"from_place": ["429900", "420100"], "date": ["2026-01-27"] * 2, "count": [1200, 340]}
    )
    release = bulletin(
        candidate(
            tables={"cases": listing, "returnees": flows}, texts=["新增确诊2例，症状轻微，居住在城南区。"]
        )
    )
    assert isinstance(release, Release)
    assert release.withheld == ()
    assert release.tables[0].rows[0] == {
        "sex": "female",
        "confirm_date": "2026-01-27",
        "symptom": "发热、咽痛",
    }
    assert sum(row["count"] for row in release.tables[1].rows) == 1540
    assert len(release.digest) == 64


@pytest.mark.parametrize("field", FORBIDDEN_FIELDS)
@pytest.mark.parametrize("audience", ["public", "residents", "same_area"])
def test_req_p_57_59_each_forbidden_field_alone_blocks(field: str, audience: str) -> None:
    rows = [{"性别": "女", "确诊日期": "2026-01-27", field: FORBIDDEN_FIELDS[field]}]
    refusal = bulletin(candidate(audience, tables={"cases": rows}))
    assert isinstance(refusal, Refusal)
    told = {key: value for key, value in refusal.to_dict().items() if key != "pack_hash"}
    assert str(FORBIDDEN_FIELDS[field]) not in str(told)
    assert refusal.repair is not None
    repaired = bulletin(refusal.repair)
    assert isinstance(repaired, Release)
    assert repaired.tables[0].rows == ({"sex": "female", "confirm_date": "2026-01-27"},)


@pytest.mark.parametrize("text", FORBIDDEN_TEXTS)
@pytest.mark.parametrize("audience", ["public", "same_area"])
def test_req_p_57_59_each_identifier_in_a_text_blocks(text: str, audience: str) -> None:
    if "42990119850712431X" in text:
        text = text.replace("42990119850712431X", _resident_id("42990119850712431"))
    assert isinstance(bulletin(candidate(audience, texts=[text])), Refusal)
    rows = [{"sex": "female", "confirm_date": "2026-01-27", "symptom": text}]
    assert isinstance(bulletin(candidate(audience, tables={"cases": rows})), Refusal)
    assert isinstance(bulletin({**candidate(audience), "event": text}), Refusal)


def _resident_id(first: str) -> str:
    weights = [2 ** (17 - i) % 11 for i in range(17)]
    rest = sum(int(c) * w for c, w in zip(first, weights, strict=True)) % 11
    return first + "10X98765432"[rest]


def test_req_p_57_withheld_items_are_counted_and_never_shown() -> None:
    release = bulletin(
        candidate(
            withhold=True,
            tables={"cases": [{"性别": "女", "确诊日期": "2026-01-27", "年龄": age} for age in (31, 44, 58)]},
            texts=["病例居住在城南小区3号楼2单元501。"],
        )
    )
    assert isinstance(release, Release)
    assert release.summary() == "3 ages, 1 house number"
    assert release.summary("zh") == "3个年龄、1个门牌地址"
    told = str([release.texts, release.tables, release.withheld])
    assert "501" not in told
    assert "58" not in str(release.to_dict()["tables"])


def test_req_p_57_an_age_group_is_allowed_in_a_table_only() -> None:
    table = [
        {"age_group": "0-14", "count": 20},
        {"age_group": "15-64岁", "count": 30},
        {"age_group": "65+", "count": 9},
    ]
    assert isinstance(bulletin(candidate(tables={"ages": table})), Release)
    single = [{"age_group": "34", "count": 20}]
    assert isinstance(bulletin(candidate(tables={"ages": single})), Refusal)
    assert isinstance(bulletin(candidate(tables={"ages": [{"age_group": "34-36", "count": 20}]})), Refusal)
    assert isinstance(bulletin(candidate(tables={"cases": [{"sex": "男", "age_group": "0-14"}]})), Refusal)


def test_req_p_58_the_area_is_made_coarser_for_the_audience() -> None:
    rows = [
        {"district": "429901", "compound": name, "count": 30} for name in ("城南小区", "金桂园")
    ] + [{"district": "429902", "compound": "望江里", "count": 12}]  # fmt: skip
    public = bulletin(candidate(tables={"areas": rows}))
    assert isinstance(public, Release)
    assert public.tables[0].dimensions == ("district",)
    assert "城南小区" not in str(public.to_dict())
    assert "area" in {item.kind for item in public.withheld}
    near = bulletin(candidate("same_area", tables={"areas": rows}))
    assert isinstance(near, Release)
    assert near.tables[0].dimensions == ("district", "compound")
    finer = [{"compound": "城南小区", "building": "3号楼", "count": 12}]
    assert isinstance(bulletin(candidate("same_area", tables={"areas": finer})), Refusal)
    for place in ("和平里", "康桥里", "张园", "李家园", "金色家园", "安居苑"):  # made as names of persons are
        rows = [{"district": "429901", "compound": place, "count": 12}]
        assert isinstance(bulletin(candidate("same_area", tables={"areas": rows})), Release), place
    for person in ("王建国", "患者张晓园"):
        rows = [{"district": "429901", "compound": person, "count": 12}]
        assert isinstance(bulletin(candidate("same_area", tables={"areas": rows})), Refusal), person
    codes = bulletin(candidate(tables={"areas": [{"adcode": "429901003007", "count": 12}]}))
    assert isinstance(codes, Release)
    assert codes.tables[0].rows[0]["district"] == "429901"


@pytest.mark.parametrize(
    "broken",
    [
        {"as_of": "soon"}, {"audience": "press"}, {"tables": {"t": [{"sex": "女", "count": -1}]}},
        {"tables": {"t": [{"sex": "女", "count": 1.5}]}}, {"tables": {"t": [{"sex": "x", "count": 1}]}},
        {"tables": {"t": [{"sex": "女", "count": None}]}}, {"tables": {"t": "rows"}}, {"texts": [3]},
        {"tables": {"t": [{"date": "soon", "count": 9}]}}, {"moon": 1}, {"texts": ["x" * 60_000]},
    ],
)  # fmt: skip
def test_a_candidate_that_cannot_be_read_is_bad_input(broken: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        bulletin({**candidate(), **broken})


def test_the_digest_depends_on_every_published_value() -> None:
    digests = set()
    for count in (10, 11):
        release = bulletin(candidate(tables={"t": [{"district": "429901", "count": count}]}))
        assert isinstance(release, Release)
        digests.add(release.digest)
    assert len(digests) == 2
