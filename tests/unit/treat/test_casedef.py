"""The case definition: the editions' own tables, three-valued logic against every completion, broken files."""

from __future__ import annotations

import itertools
import json
from datetime import date
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from lianfang.cli import cli
from lianfang.foundation.errors import BadInput, NotFound, UsageError
from lianfang.treat import casedef
from lianfang.treat.casedef import tables
from lianfang.treat.casedef.logic import Criteria

SIGNS = {"fever": True, "pneumonia_imaging": True, "lymphocytes_low": True}
NO_HISTORY = dict.fromkeys(("travel_area", "contact_positive", "contact_symptomatic", "cluster"), False)
NO_LAB = {
    "pcr_positive": False, "sequence_homologous": False, "igm_positive": False, "igg_positive": False,
    "igg_rise": False, "in_hubei": False,
}  # fmt: skip


def classed(edition: str, **findings: Any) -> str:
    return casedef.classify(findings, edition=edition).classification


@pytest.mark.parametrize(
    ("edition", "findings", "wanted"),
    [
        # A history and two signs; all three signs without one; one sign is not enough.
        ("cn-6", {**NO_LAB, "cluster": True, "fever": True, "pneumonia_imaging": True, "lymphocytes_low": False,
                  "wbc_normal_or_low": False}, "suspected"),
        ("cn-6", {**NO_LAB, **NO_HISTORY, **SIGNS}, "suspected"),
        ("cn-6", {**NO_LAB, **NO_HISTORY, "fever": True, "pneumonia_imaging": True, "lymphocytes_low": False,
                  "wbc_normal_or_low": False}, "none"),
        ("cn-6", {**NO_LAB, "cluster": True, "fever": True, "respiratory_symptoms": True, "pneumonia_imaging": False,
                  "lymphocytes_low": False, "wbc_normal_or_low": False}, "none"),
        ("cn-6", {**SIGNS, "contact_positive": True, "pcr_positive": True}, "confirmed"),
        # A positive test alone makes no case of the plan: it is an infection without symptoms, reported apart.
        ("cn-6", {**NO_HISTORY, "fever": False, "respiratory_symptoms": False, "pneumonia_imaging": False,
                  "lymphocytes_low": False, "wbc_normal_or_low": False, "pcr_positive": True}, "none"),
        # Hubei under edition 5, revised: two signs without imaging suffice, imaging makes it a clinical diagnosis.
        ("cn-5r", {**NO_LAB, **NO_HISTORY, **SIGNS, "in_hubei": True}, "clinical"),
        ("cn-5r", {**NO_LAB, **NO_HISTORY, **SIGNS, "in_hubei": True, "pneumonia_imaging": False}, "suspected"),
        ("cn-5r", {**NO_LAB, **NO_HISTORY, **SIGNS, "in_hubei": False}, "suspected"),
        ("cn-5r", {**NO_LAB, **NO_HISTORY, **SIGNS, "in_hubei": False, "pneumonia_imaging": False}, "none"),
        # Edition 6 ended the clinical diagnosis.
        ("cn-6", {**NO_LAB, **NO_HISTORY, **SIGNS, "in_hubei": True}, "suspected"),
        # Serum counts from edition 7 on.
        ("cn-6", {**NO_LAB, **NO_HISTORY, **SIGNS, "igm_positive": True, "igg_positive": True}, "suspected"),
        ("cn-7", {**NO_LAB, **NO_HISTORY, **SIGNS, "igm_positive": True, "igg_positive": True}, "confirmed"),
        ("cn-7", {**NO_LAB, **NO_HISTORY, **SIGNS, "igm_positive": True}, "suspected"),
        # Edition 9: IgM beside two signs, but not in the recently vaccinated; serum confirms the unvaccinated only.
        ("cn-9", {**NO_LAB, **NO_HISTORY, "fever": True, "pneumonia_imaging": True, "wbc_normal_or_low": False,
                  "lymphocytes_normal_or_low": False, "igm_positive": True, "vaccinated_recently": False}, "suspected"),
        ("cn-9", {**NO_LAB, **NO_HISTORY, "fever": True, "pneumonia_imaging": True, "wbc_normal_or_low": False,
                  "lymphocytes_normal_or_low": False, "igm_positive": True, "vaccinated_recently": True}, "none"),
        ("cn-9", {**NO_LAB, **SIGNS, "cluster": True, "igm_positive": True, "igg_positive": True,
                  "vaccinated": True}, "suspected"),
        ("cn-9", {**NO_LAB, **SIGNS, "cluster": True, "igm_positive": True, "igg_positive": True,
                  "vaccinated": False}, "confirmed"),
        # Edition 10 knows no suspected cases; an antigen test counts.
        ("cn-10", {"related_symptoms": True, "antigen_positive": True}, "confirmed"),
        ("cn-10", {"related_symptoms": True, "antigen_positive": False, "pcr_positive": False,
                   "culture_positive": False, "igg_fourfold": False}, "none"),
        # WHO: confirmed irrespective of signs; lost smell is probable.
        ("who-2020-12", {"pcr_positive": True}, "confirmed"),
        ("who-2020-12", {"pcr_positive": False, "antigen_positive": False, "loss_smell_taste": True}, "probable"),
        ("who-2020-12", {"pcr_positive": False, "antigen_positive": False, "loss_smell_taste": False,
                         "acute_onset": True, "fever": True, "cough": True, "community_transmission": True,
                         "contact_case": False, "imaging_suggestive": False}, "suspected"),
    ],
)  # fmt: skip
def test_the_editions_own_rows(edition: str, findings: dict[str, Any], wanted: str) -> None:
    assert classed(edition, **findings) == wanted


@pytest.mark.parametrize(
    ("more", "wanted"),
    [
        ({}, "moderate"),
        ({"respiratory_rate": 30}, "severe"), ({"respiratory_rate": 29}, "moderate"),
        ({"oxygen_saturation": 93}, "severe"), ({"oxygen_saturation": 94}, "moderate"),
        ({"pao2_fio2": 300}, "severe"), ({"pao2_fio2": 301}, "moderate"),
        ({"lesion_growth": 50}, "moderate"), ({"lesion_growth": 51}, "severe"),
        ({"shock": True, "respiratory_rate": 40}, "critical"), ({"mechanical_ventilation": True}, "critical"),
        ({"organ_failure_icu": True}, "critical"),
    ],
)  # fmt: skip
def test_severity_at_its_limits(more: dict[str, Any], wanted: str) -> None:
    found = casedef.classify({**SIGNS, "cluster": True, **more}, edition="cn-6")
    assert found.severity == wanted
    assert set(found.severity_reasons) >= {
        name for name in more if wanted != "moderate" and name != "respiratory_rate"
    }
    slight = casedef.classify(
        {"cluster": True, "fever": True, "lymphocytes_low": True, "pneumonia_imaging": False}, edition="cn-6"
    )
    assert slight.severity == "mild"
    assert casedef.classify({"fever": False}, edition="cn-6").severity == ""


def test_what_is_unknown_is_said_and_what_would_decide() -> None:
    found = casedef.classify({"cluster": True, "fever": True, "pneumonia_imaging": True}, edition="cn-6")
    assert (found.classification, found.possible) == ("suspected", ("confirmed",))
    assert found.missing == ("pcr_positive", "sequence_homologous")
    assert found.reasons == ("cluster", "fever", "pneumonia_imaging")
    empty = casedef.classify({}, edition="cn-7")
    assert (empty.classification, empty.possible, empty.reasons) == (
        "undetermined",
        ("confirmed", "suspected"),
        (),
    )


RULES = st.recursive(
    st.sampled_from(["a", "b", "c", "d"]),
    lambda inner: st.one_of(
        st.builds(lambda part: {"not": part}, inner),
        st.builds(lambda parts: {"all": parts}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda parts: {"any": parts}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(
            lambda n, parts: {"at_least": n, "of": parts}, st.integers(1, 3), st.lists(inner, min_size=1, max_size=3)
        ),
    ),
    max_leaves=8,
)  # fmt: skip


def plainly(rule: Any, world: dict[str, bool]) -> bool:
    if isinstance(rule, str):
        return world[rule]
    if "not" in rule:
        return not plainly(rule["not"], world)
    if "all" in rule:
        return all(plainly(part, world) for part in rule["all"])
    if "any" in rule:
        return any(plainly(part, world) for part in rule["any"])
    return sum(plainly(part, world) for part in rule["of"]) >= rule["at_least"]


@settings(max_examples=300, deadline=None)
@given(RULES, st.dictionaries(st.sampled_from(["a", "b", "c", "d"]), st.booleans(), max_size=4))
def test_a_decided_value_holds_whatever_the_unknown_turn_out_to_be(rule: Any, known: dict[str, bool]) -> None:
    criteria = Criteria({}, frozenset("abcd"))
    value = criteria.value(rule, known)
    open_ = [name for name in "abcd" if name not in known]
    worlds = [
        {**known, **dict(zip(open_, more, strict=True))}
        for more in itertools.product((True, False), repeat=len(open_))
    ]
    answers = {plainly(rule, world) for world in worlds}
    if value is not None:
        assert answers == {value}
    if not open_:
        assert value is not None
    assert criteria.asked(rule) <= set("abcd")


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(["cn-5r", "cn-6", "cn-7", "cn-9", "cn-10", "who-2020-12"]), st.data())
def test_more_knowledge_never_undoes_a_class(edition: str, data: st.DataObject) -> None:
    """A class that holds is only ever replaced by one that was still possible."""
    asked = sorted(
        casedef.get(edition).asks - {"respiratory_rate", "oxygen_saturation", "pao2_fio2", "lesion_growth"}
    )
    known = data.draw(st.dictionaries(st.sampled_from(asked), st.booleans(), max_size=8))
    more = data.draw(st.dictionaries(st.sampled_from(asked), st.booleans(), max_size=4))
    try:
        before = casedef.classify(known, edition=edition)
        after = casedef.classify({**more, **known}, edition=edition)
    except BadInput:  # the two contradict each other, which is refused
        return
    if before.classification not in ("undetermined",):
        assert after.classification in (before.classification, *before.possible)


def test_contradictions_and_wrong_values_are_refused() -> None:
    for findings in (
        {"lymphocytes_low": True, "lymphocytes_normal_or_low": False},
        {"cough": True, "respiratory_symptoms": False},
        {"name": True},
        {"fever": "yes"},
        {"fever": 1},
        {"respiratory_rate": True},
        {"respiratory_rate": -1},
        {"respiratory_rate": 1e9},
        {"respiratory_rate": float("nan")},
    ):
        with pytest.raises(BadInput):
            casedef.classify(findings, edition="cn-6")
    with pytest.raises(NotFound):
        casedef.classify({}, edition="cn-99")


def test_editions_in_force_and_the_breaks() -> None:
    assert casedef.in_force(date(2020, 2, 12)).id == "cn-5r"
    assert casedef.in_force(date(2020, 2, 18)).id == "cn-6"
    assert casedef.in_force(date(2026, 1, 1)).id == "cn-10"
    assert casedef.in_force(date(2021, 1, 1), "who").id == "who-2020-12"
    with pytest.raises(BadInput):
        casedef.in_force(date(2019, 12, 1))
    february = date(2020, 2, 1), date(2020, 2, 29)
    assert [one.day for one in casedef.breaks(*february, adcode="420100")] == [
        date(2020, 2, 12),
        date(2020, 2, 19),
    ]
    assert [one.day for one in casedef.breaks(*february)] == [date(2020, 2, 12), date(2020, 2, 19)]
    assert casedef.breaks(*february, adcode="110000") == []
    for edition in casedef.all_editions().values():
        assert edition.checked["classes"] and edition.checked["severity"]


def test_the_break_of_february_2020() -> None:
    """People of Hubei with clinical signs and no test: cases by edition 5 revised, suspected by edition 6."""
    people = [{**NO_LAB, **NO_HISTORY, **SIGNS, "in_hubei": True}] * 7 + [
        {**SIGNS, "cluster": True, "pcr_positive": True}
    ]
    found = casedef.reclassify(people, "cn-5r", "cn-6")
    assert found.counts_before["clinical"] == 7 and "clinical" not in found.counts_after
    assert found.moved["clinical", "suspected"] == 7
    assert sum(found.counts_before.values()) == sum(found.counts_after.values()) == 8


def run(*args: str, text: str | bytes = "") -> Any:
    return CliRunner().invoke(cli, ["treat", "casedef", *args], input=text)


TABLE = "id,cluster,fever,pneumonia_imaging,pcr_positive,respiratory_rate\np1,yes,是,1,no,31\np2,no,否,,,\n"


def test_on_the_command_line() -> None:
    done = run("-", "--edition", "cn-6", text=TABLE)
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("p1\tcn-6\tsuspected\tsevere\t疑似病例 suspected\n")
    assert "p2\tcn-6\tundetermined" in done.stdout and "not a diagnosis" in done.stdout
    rows = json.loads(run("-", "--on", "2020-02-20", "--json", text=TABLE).stdout)["rows"]
    assert [(row["id"], row["edition"]) for row in rows] == [("p1", "cn-6"), ("p2", "cn-6")]
    compared = json.loads(run("-", "--edition", "cn-5r", "--compare", "cn-10", "--json", text=TABLE).stdout)
    assert compared["before"] == "cn-5r" and sum(one["count"] for one in compared["moved"]) == 2
    assert (
        "cn-5r\t2020-02-08" in run("--editions").stdout
        and "not the official text" in run("--editions").stdout
    )
    assert "respiratory_rate\t呼吸频率" in run("--findings").stdout
    as_json = run(
        "-",
        "--edition",
        "cn-6",
        "--json",
        text='[{"id": "x", "fever": true, "cluster": null, "shock": "no"}]',
    )
    assert json.loads(as_json.stdout)["rows"][0]["id"] == "x"


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("", "holds no row"),
        ("id,fever\n", "holds no row"),
        ("name,fever\n张三,yes\n", "'name' is no finding"),
        ("fever,fever\nyes,no\n", "twice"),
        ("fever\nmaybe\n", "row 2, column fever"),
        ("fever,respiratory_rate\nyes,fast\n", "row 2, column respiratory_rate"),
        ("fever,cluster\nyes\n", "row 2 has 1 cells"),
        ('fever\n"yes\n', "no CSV"),
        (b"\xff\xfe\x00", "UTF-8"),
        ("[1]", "row 1"),
        ("[" * 100_000, "nested too deeply"),
        ('[{"name": "x"}]', "no finding"),
        ('[{"fever": 3}]', "yes or no"),
    ],
)
def test_a_broken_file_is_refused_with_its_place(text: str | bytes, match: str) -> None:
    done = run("-", "--edition", "cn-6", text=text)
    assert isinstance(done.exception, BadInput) and match in str(done.exception), done.exception
    assert done.stdout == ""


def test_a_huge_file_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "MOST_ROWS", 3)
    with pytest.raises(BadInput, match="more than 3 rows"):
        tables.people_of(b"fever\n" + b"yes\n" * 5)
    monkeypatch.setattr(tables, "MOST_BYTES", 5)
    with pytest.raises(BadInput, match="larger"):
        tables.people_of(b"fever\nyes\n")


def test_bad_calls_are_refused() -> None:
    assert isinstance(run().exception, UsageError)
    assert isinstance(run("-", "--edition", "cn-99", text=TABLE).exception, NotFound)
