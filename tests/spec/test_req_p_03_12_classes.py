"""What is protected, and how the class rises with the situation: REQ-P-03 to 12."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from lianfang.foundation.errors import BadInput
from lianfang.guard.policy import classify, decide, get
from lianfang.guard.policy import load as load_pack
from lianfang.guard.policy import vocabulary as v
from lianfang.guard.policy.pack import FOLDER

RETURNEE = {"event_open": True, "subject": "returnee_from_epidemic_area"}


def test_req_p_02_03_every_field_has_one_of_five_ordered_classes() -> None:
    for name in ("cn-seed-2020", "cn-current", "eu-1082", "eu-2371", "eu-gdpr"):
        assert set(get(name).classes) == set(v.DATA)
        assert set(get(name).classes.values()) <= set(v.CLASSES)
    for field in ("name", "home_address", "resident_id", "mobile"):
        assert classify(field).level == "P3"
    assert classify("trajectory").level == "P4"


@pytest.fixture
def swapped(tmp_path: Path) -> Path:
    """A pack of one's own in which the class of a field differs."""
    text = (
        (FOLDER / "cn-seed-2020.yaml").read_text(encoding="utf-8").replace("id: cn-seed-2020", "id: own-pack")
    )
    text = text.replace("aliases: [seed-2020]\n", "")
    document = yaml.safe_load(text)
    document["classes"] = {"P2": {"en": "q", "zh": "准", "data": ["age", "sex", "confirm_date", "name", "mobile",
                           "rough_residential_area", "trajectory_generalised", "@tokens"]},
                           "P3": {"en": "i", "zh": "标", "data": ["resident_id", "phone", "home_address", "address",
                           "building_unit", "train_seat", "seat", "device_id", "student_no"]}}  # fmt: skip
    path = tmp_path / "own.yaml"
    path.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
    return path


def test_req_p_04_swapping_the_pack_changes_a_class_without_code(swapped: Path) -> None:
    pack = load_pack(swapped)
    assert classify("name", pack=pack).level == "P2"
    assert classify("name").level == "P3"
    request = {"actor": "cdc", "purpose": "case_report", "phase": "collect", "data": ["name"],
               "context": {"event_open": True}}  # fmt: skip
    assert decide(request, pack=pack).pack == "own-pack"


def test_req_p_05_sensitive_and_ordinary_are_distinct() -> None:
    assert not classify("mobile").sensitive
    assert classify("diagnosis").sensitive
    assert classify("resident_id").sensitive
    assert not classify("resident_id", pack="cn-current").sensitive


@pytest.mark.parametrize("field", ["name", "mobile", "home_address"])
def test_req_p_06_the_event_raises_the_class(field: str) -> None:
    assert not classify(field).sensitive
    assert not classify(field, {"event_open": False, "subject": "returnee_from_epidemic_area"}).sensitive
    assert not classify(field, {"event_open": True}).sensitive
    raised = classify(field, RETURNEE)
    assert raised.sensitive
    assert raised.level == "P4"
    assert raised.reasons


@pytest.mark.parametrize("holder", ["press_officer", "cdc"])
@pytest.mark.parametrize("purpose", ["maintenance", "close_contact_tracing"])
@pytest.mark.parametrize("mood", ["calm", "panic"])
def test_req_p_07_any_one_factor_raises_an_identifier(holder: str, purpose: str, mood: str) -> None:
    found = classify("name", {"holder": holder, "purpose": purpose, "public_mood": mood})
    assert found.sensitive is (holder == "cdc" or purpose == "close_contact_tracing" or mood == "panic")
    assert not classify("sex", {"holder": holder, "purpose": purpose, "public_mood": mood}).sensitive


def test_req_p_08_every_sensitive_class_names_a_harm() -> None:
    contexts: list[dict[str, Any]] = [{}, RETURNEE, {"place_kind": "clinic", "visits_a_week": 5}]
    for name in ("cn-seed-2020", "cn-current", "eu-1082", "eu-2371", "eu-gdpr"):
        for field in v.DATA:
            for context in contexts:
                found = classify(field, context, pack=name)
                assert bool(found.harm[0] and found.harm[1]) is found.sensitive


def test_req_p_08_a_pack_without_a_harm_does_not_load(tmp_path: Path) -> None:
    document = yaml.safe_load((FOLDER / "cn-seed-2020.yaml").read_text(encoding="utf-8"))
    document["classification"] = {"harms": {"health": {"en": "discrimination", "zh": "歧视"}}}
    path = tmp_path / "own.yaml"
    path.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
    with pytest.raises(BadInput, match="no harm named"):
        load_pack(path)


def test_req_p_09_closing_the_event_lowers_the_class() -> None:
    assert classify("mobile", {**RETURNEE}).level == "P4"
    assert classify("mobile", {**RETURNEE, "event_open": False, "ended_days": 1}).level == "P3"


@pytest.mark.parametrize(("visits", "special"), [(2, False), (3, True), (5, True)])
def test_req_p_11_repeated_visits_are_a_special_category(visits: int, special: bool) -> None:
    for place in ("place_of_worship", "clinic", "union_office"):
        found = classify("trajectory_generalised", {"place_kind": place, "visits_a_week": visits})
        assert (found.category == "inferred") is special
        assert (found.level == "P4") is special
    assert classify("trajectory_generalised", {"place_kind": "shop", "visits_a_week": 9}).level == "P2"


def test_req_p_12_under_the_european_packs_isolation_makes_health_data() -> None:
    for field in ("home_address", "resident_id"):
        found = classify(field, {**RETURNEE, "purpose": "enforce_quarantine"}, pack="eu-2371")
        assert found.category == "health"


@pytest.mark.parametrize(
    ("field", "context"),
    [
        ("nickname", {}),
        ("name", {"public_mood": "merry"}),
        ("name", {"visits_a_week": -1}),
        ("name", {"moon": 1}),
    ],
)
def test_words_outside_the_vocabularies_are_bad_input(field: str, context: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        classify(field, context)


@pytest.mark.parametrize(
    "damage",
    [
        "rules: [{id: x, effect: permit, basis: [nowhere]}]", "rules: [{id: x, effect: maybe}]", "surprise: 1",
        "facts: {event: {en: a, zh: b, any: [{moon: true}]}}",
        "facts: {e: {en: a, zh: b, any: [{min_cell: {min: x}}]}}",
        "includes: [../secret]", "includes: [cn-seed-2020, nowhere]", "valid_from: soon", "id: [", "a: &x [1]\nb: *x",
        "id: a\nid: b", "!!python/object/apply:os.system ['true']", "x" * 400_000, "[" * 50 + "]" * 50,
    ],
)  # fmt: skip
def test_a_damaged_pack_is_refused_with_its_name(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "own.yaml"
    head = (
        ""
        if damage[0] in "!x[" or damage.startswith("id:")
        else ("id: own\ntitle: {en: a, zh: b}\njurisdiction: cn\nvalid_from: 2020-01-01\n")
    )
    if damage.startswith("valid_from"):
        head = head.replace("valid_from: 2020-01-01\n", "")
    path.write_text(head + ("includes: [cn-rules]\n" if "includes" not in damage and head else "") + damage)
    with pytest.raises(BadInput, match=r"own\.yaml"):
        load_pack(path)
