"""Record types: what the declaration refuses and what comes from it."""

from __future__ import annotations

from datetime import date
from typing import Annotated, ClassVar

import pytest
from pydantic import ValidationError

from lianfang.foundation.errors import NotFound
from lianfang.records import REGISTRY, CaseReport, Privacy, Record, form, json_schema, record_type, row_id
from lianfang.records.declare import P2, P3, About, Declared

ABOUT = About("test_undeclared", "无", "none", "store", (), frozenset())
IDENTIFIER_KINDS = {
    "name",
    "resident_id",
    "mobile",
    "phone",
    "home_address",
    "address",
    "train_seat",
    "seat",
    "device_id",
}


def test_a_field_without_privacy_class_is_refused() -> None:
    with pytest.raises(TypeError, match="exactly one privacy class"):

        class Careless(Record):
            about: ClassVar[About] = ABOUT
            name: str

    assert "test_undeclared" not in REGISTRY


def test_a_sensitive_field_must_name_its_harm() -> None:
    with pytest.raises(TypeError, match="harm"):

        class Harmless(Record):
            about: ClassVar[About] = ABOUT
            name: Annotated[str, Declared(Privacy.SPECIAL, "症状", "symptom")]


def test_a_record_type_is_declared_once() -> None:
    with pytest.raises(TypeError, match="twice"):

        class Again(Record):
            about: ClassVar[About] = About("event", "事件", "event", "store", (), frozenset())


@pytest.mark.parametrize("record", REGISTRY.values(), ids=lambda r: r.about.name)
def test_every_field_is_named_in_both_languages_and_every_key_is_free_of_identifiers(
    record: type[Record],
) -> None:
    assert record.about.zh and record.about.en and record.__doc__
    assert record.about.purposes
    for info in record.fields.values():
        assert info.declared.zh and info.declared.en
        if info.declared.kind in IDENTIFIER_KINDS:
            assert info.in_vault, f"{record.about.name}.{info.name} is an identifier outside the vault"
        if info.in_vault:
            assert info.declared.disclosure == "never"
            assert info.name not in record.about.key


def test_unknown_fields_and_endless_text_are_refused() -> None:
    good = {"card_no": "A1", "reporter": "h", "date_reporting": date(2026, 1, 2)}
    CaseReport.model_validate(good)
    with pytest.raises(ValidationError):
        CaseReport.model_validate({**good, "nickname": "x"})
    with pytest.raises(ValidationError):
        CaseReport.model_validate({**good, "occupation": "x" * 4001})


def test_row_id_tells_keys_apart() -> None:
    one = {"case_id": "ab", "date_reporting": date(2026, 1, 2)}
    assert row_id(CaseReport, one) == row_id(CaseReport, dict(one))
    assert row_id(CaseReport, one) != row_id(CaseReport, {**one, "case_id": "ac"})


def test_asking_for_an_unknown_type_names_the_known_ones() -> None:
    with pytest.raises(NotFound, match="case_report"):
        record_type("case_reports")


def test_identifiers_have_no_stored_field() -> None:
    assert set(CaseReport.vault_fields()) >= {"name", "resident_id", "phone", "address"}
    assert not {info.name for info in CaseReport.stored_fields()} & set(CaseReport.vault_fields())
    assert P2("a", "b").privacy is Privacy.QUASI and P3("a", "b").harm


@pytest.mark.parametrize("record", REGISTRY.values(), ids=lambda r: r.about.name)
def test_schema_and_form_come_from_the_declaration(record: type[Record]) -> None:
    schema = json_schema(record)
    assert set(schema["properties"]) == set(record.fields)
    for name, info in record.fields.items():
        told = schema["properties"][name]
        assert told["x-privacy"] == f"P{int(info.declared.privacy)}" and told["x-vault"] == info.in_vault
    assert {one["name"] for one in form(record)} <= set(record.fields)
    assert schema["additionalProperties"] is False
