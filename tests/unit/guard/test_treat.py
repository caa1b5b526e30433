"""What a decision lets leave: show, mask, generalise, token, drop; of rows, one mapping, and frames alike."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from typing import Any

import polars as pl
import pytest

from lianfang.guard.policy import decide, treat
from lianfang.guard.policy.decision import Decision

DECLARED = {
    "name": "name", "phone": "mobile", "age": "age", "onset": "symptom", "token": "pseudonym", "day": "trajectory",
    "order": "",
}  # fmt: skip
ROW = {
    "name": "甄临一", "phone": "15400001234", "age": 47, "onset": date(2020, 1, 29), "token": "ab12",
    "day": datetime(2020, 1, 29, 8, 30), "order": "o1", "nickname": "小甄",
}  # fmt: skip


def decided(**fields: str) -> Decision:
    return Decision(True, "permit", ("a",), fields, frozenset(), (), 300, "p", "h")


def tokens(values: Any) -> list[str]:
    return [f"t-{one}" for one in values]


ALL = decided(
    name="mask",
    mobile="mask",
    age="generalise",
    symptom="generalise",
    pseudonym="token",
    trajectory="generalise",
)
TREATED = {
    "name": "甄**", "phone": "154****1234", "age": "40-49", "onset": "2020-W05", "token": "t-ab12",
    "day": date(2020, 1, 29), "order": "o1",
}  # fmt: skip


def test_rows_a_mapping_and_a_frame_are_treated_alike() -> None:
    assert treat.project(ALL, [ROW], DECLARED, tokens=tokens) == [TREATED]
    assert treat.project(ALL, ROW, DECLARED, tokens=tokens) == TREATED
    assert treat.project(ALL, pl.DataFrame([ROW, ROW]), DECLARED, tokens=tokens).to_dicts() == [
        TREATED,
        TREATED,
    ]


def test_an_undeclared_field_and_a_datum_not_asked_for_are_absent() -> None:
    assert treat.project(decided(name="show"), ROW, DECLARED) == {"name": "甄临一", "order": "o1"}
    assert treat.project(decided(name="drop"), ROW, DECLARED) == {"order": "o1"}
    assert treat.project(decided(name="show"), pl.DataFrame([ROW]), DECLARED).columns == ["name", "order"]
    assert treat.project(ALL, ROW, {}) == {}


def test_of_a_denial_nothing_leaves_not_even_how_many() -> None:
    denied = replace(decided(name="show"), permit=False)
    assert treat.project(denied, [ROW, ROW], DECLARED) == []
    assert treat.project(denied, ROW, DECLARED) == {}
    assert treat.project(denied, pl.DataFrame([ROW]), DECLARED).is_empty()


def test_a_token_without_anybody_who_makes_it_is_dropped() -> None:
    assert "token" not in treat.project(ALL, ROW, DECLARED)
    listed = treat.project(ALL, {"token": ["ab", None, "cd"]}, {"token": "pseudonym"}, tokens=tokens)
    assert listed == {"token": ["t-ab", None, "t-cd"]}
    calls: list[Any] = []

    def once(values: Any) -> list[str]:
        calls.append(list(values))
        return tokens(values)

    treat.project(ALL, [{"token": "b"}, {"token": "a"}, {"token": "b"}], {"token": "pseudonym"}, tokens=once)
    assert calls == [["a", "b"]]


@pytest.mark.parametrize(
    ("datum", "raw", "masked"),
    [
        ("name", "欧阳临二", "欧**"),
        ("name", "Ann Example", "A**"),
        ("mobile", "+86 154-0000-1234", "154****1234"),
        ("phone", "6655 1234", "****34"),
        ("resident_id", "429901199001011234", "4****************4"),
        ("student_no", "12", "****"),
        ("home_address", "湖北省临江市城南区虚构路9号2单元301室", "湖北省临江市城南区****"),
        ("home_address", "阳光小区3号楼2单元", "****"),
        ("diagnosis", "confirmed", "****"),
        ("age", 47, None),
        ("name", "", ""),
        ("name", None, None),
    ],
)
def test_masks_by_kind(datum: str, raw: Any, masked: Any) -> None:
    assert treat.value("mask", datum, raw) == masked


@pytest.mark.parametrize(
    ("datum", "raw", "coarse"),
    [
        ("age", 0, "0-9"),
        ("age", 104, "100+"),
        ("age", 1985, "1980-1989"),
        ("age", date(1985, 6, 1), "1980-1989"),
        ("age", True, None),
        ("age", "47", None),
        ("confirm_date", date(2019, 12, 30), "2020-W01"),
        ("symptom", ["fever"], [None]),
        ("trajectory", datetime(2020, 1, 2, 3, 4), date(2020, 1, 2)),
        ("location", 30.5987, 30.5),
        ("location", float("nan"), None),
        ("location", 3_456_789, 3_400_000),
        ("travel_history", "429901", "429900"),
        ("home_address", "临江市城南区虚构路9号", "临江市城南区"),
        ("home_address", "红旗路12号", None),
        ("rough_residential_area", "城南区幸福社区", "城南区"),
        ("name", "甄临一", None),
        ("resident_id", "429901199001011234", None),
    ],
)
def test_coarser_values_by_kind(datum: str, raw: Any, coarse: Any) -> None:
    assert treat.value("generalise", datum, raw) == coarse


def test_a_real_decision_of_the_pack_makes_tokens_of_pseudonyms() -> None:
    decision = decide(
        {
            "actor": "cdc", "purpose": "linkage_analysis", "phase": "link", "data": ["pseudonym", "trajectory"],
            "context": {"event_open": True, "deidentified": True},
        }
    )  # fmt: skip
    row = {"subject": "s1", "day": datetime(2020, 1, 29, 8), "name": "甄临一"}
    declared = {"subject": "pseudonym", "day": "trajectory", "name": "name"}
    assert treat.project(decision, row, declared, tokens=tokens) == {"subject": "t-s1", "day": row["day"]}


def test_a_million_rows_are_projected_by_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each different value is treated once, however many rows bear it."""
    count = 1_000_000
    frame = pl.DataFrame(
        {"case_id": pl.Series(range(count)).cast(pl.String), "age": pl.Series(range(count)) % 90}
    )
    declared = {"case_id": "pseudonym", "age": "age"}
    treated: list[Any] = []
    real = treat.value
    monkeypatch.setattr(treat, "value", lambda *args: treated.append(args) or real(*args))
    made = treat.project(decided(pseudonym="show", age="generalise"), frame, declared)
    assert made["age"][47] == "40-49" and made.height == count and made["age"].null_count() == 0
    assert len(treated) == 90
