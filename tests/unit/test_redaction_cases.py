"""Redaction on cases of our own. ``[KIND:text]`` marks what must be found; all persons and numbers are invented."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from lianfang.foundation.errors import BadInput
from lianfang.guard.redaction import find, mask, replace

_MARK = re.compile(r"\[([A-Z_]+):([^\]]+)\]")

# one case a line; what is to be found is marked, a line without a mark must be left alone
CASES = [
    json.loads(line)["marked"]
    for line in Path(__file__).with_name("redaction_cases.jsonl").read_text(encoding="utf-8").splitlines()
]
POSITIVE = [case for case in CASES if _MARK.search(case)]
NEGATIVE = [case for case in CASES if not _MARK.search(case)]


def _parse(marked: str) -> tuple[str, set[tuple[str, int, int]]]:
    text = ""
    spans: set[tuple[str, int, int]] = set()
    at = 0
    for found in _MARK.finditer(marked):
        text += marked[at : found.start()]
        spans.add((found.group(1), len(text), len(text) + len(found.group(2))))
        text += found.group(2)
        at = found.end()
    return text + marked[at:], spans


def _found(text: str) -> set[tuple[str, int, int]]:
    return {(f.kind, f.start, f.end) for f in find(text)}


@pytest.mark.parametrize("marked", POSITIVE)
def test_what_points_to_a_person_is_found_exactly(marked: str) -> None:
    text, spans = _parse(marked)
    assert _found(text) == spans
    hidden = mask(text) if "PERSON" not in marked else replace(text, find(text))
    for found in _MARK.finditer(marked):
        if len(found.group(2)) > 2:
            assert found.group(2) not in hidden


@pytest.mark.parametrize("text", NEGATIVE)
def test_what_points_to_nobody_is_left_alone(text: str) -> None:
    assert _found(text) == set()


def test_all_cases_in_one_text_keep_their_places() -> None:
    parts = [_parse(marked) for marked in POSITIVE]
    text, spans, at = "", set(), 0
    for part, found in parts:
        text += part + "\n"
        spans |= {(kind, start + at, end + at) for kind, start, end in found}
        at = len(text)
    missed = spans - _found(text)
    assert len(missed) <= 0.03 * len(spans), missed


def test_the_repr_of_a_finding_hides_the_text() -> None:
    finding = find("电话15400001234")[0]
    assert repr(finding) == "Finding(MOBILE, 2, 13)"


def test_names_can_be_left_out_and_the_mask_point_is_stricter() -> None:
    text = "患者覃晓舟，电话15400001234"
    assert {f.kind for f in find(text, names=False)} == {"MOBILE"}
    assert {f.kind for f in find(text)} == {"PERSON", "MOBILE"}
    for_release, in_place = (find("请万象新于明日来院", point=p, tagger=False) for p in ("block", "mask"))
    assert len(in_place) < len(for_release)


@pytest.mark.parametrize("broken", [7, None, b"text", "x" * 2_000_001])
def test_bad_input(broken: object) -> None:
    with pytest.raises(BadInput):
        find(broken)  # type: ignore[arg-type]
    with pytest.raises(BadInput):
        find("text", point="maybe")


@pytest.mark.parametrize(
    "hostile", ["1" * 200_000, "1 " * 100_000, "患者" * 100_000, "住" * 200_000, "号" * 200_000, "城南路" * 60_000,
                "A" * 200_000, "A b " * 50_000, "a@" * 100_000, "1.1." * 50_000, "a:" * 100_000, "某·" * 100_000,
                "12号" * 60_000, "\u200b" * 200_000, "一" * 200_000, "+1" * 100_000, "Aa Bb " * 30_000,
                "QQ" + " " * 100_000, "微信" + "\t" * 100_000, "生日" + "\n" * 100_000, "car" + " " * 100_000,
                "1岁、2岁、3岁。" * 20_000, "_Abc_Def" * 20_000, "姓名," * 10_000 + "\n" + "王芳," * 10_000]
)  # fmt: skip
def test_hostile_texts_end(hostile: str) -> None:
    # a quadratic rule would not come back here within the suite's patience
    find(hostile)
