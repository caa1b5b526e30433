"""Data and their purposes: what a job reads is declared, what a decision says is recorded, a change is stated."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from lianfang.foundation.errors import Refused
from lianfang.guard import ledger
from lianfang.guard.policy import decide
from lianfang.guard.policy.vocabulary import ACTORS, CLASSES, DATA
from lianfang.services import cases, contacts, daily, duties, events, reading
from lianfang.services.gate import ask
from lianfang.services.holder import checks
from lianfang.services.holder.documents import SOURCES
from lianfang.services.holder.folder import About, Limits
from lianfang.services.installation import Installation, Who

GDPR = {"pack": "eu-gdpr", "purpose": "close_contact_tracing", "phase": "use"}


# ---- 01


def test_req_p_01_every_step_of_the_daily_cycle_declares_what_it_reads() -> None:
    assert set(reading.READS) == set(daily.STEPS)
    for name, data in reading.READS.items():
        assert data <= set(DATA) or (name == "import" and data == {"*"})


def test_req_p_01_a_job_that_reads_an_undeclared_field_is_refused(
    inst: Installation, staff: dict[str, Who], event_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def reads_ages(inst: Installation, who: Who, as_of: Any, known: Any) -> dict[str, Any]:
        with inst.store.read() as connection:
            return {"cases": len(cases.as_of(connection, as_of, columns=["case_id", "age"]))}

    monkeypatch.setattr(daily, "STEPS", {"curves": reads_ages})
    with pytest.raises(Refused, match="age") as refused:
        daily.run(inst, staff["epidemiologist"], inst.today())
    assert refused.value.code == "undeclared_data" and "REQ-P-01" in refused.value.basis
    monkeypatch.setitem(reading.READS, "curves", reading.READS["curves"] | {"age"})
    assert daily.run(inst, staff["epidemiologist"], inst.today()).steps["curves"]["cases"] == 3
    monkeypatch.setattr(daily, "STEPS", {"new_analysis": reads_ages})
    with pytest.raises(Refused, match="new_analysis"):
        daily.run(inst, staff["epidemiologist"], inst.today())


def test_req_p_01_the_table_of_all_cases_and_the_gate_ask_too(
    inst: Installation, staff: dict[str, Who], event_id: str
) -> None:
    known = cases.Everybody(inst, inst.today())
    with reading.job("alerts"):
        assert known.persons.height == 3
    with reading.job("counts"), pytest.raises(Refused, match="counts"):
        _ = known.persons  # read before by another job, and not this one's for that
    with reading.job("counts"), pytest.raises(Refused, match="pseudonym"):
        contacts.ranked(inst, staff["epidemiologist"], event_id)
    assert contacts.ranked(inst, staff["epidemiologist"], event_id)


# ---- 03


def test_req_p_03_a_decisions_record_states_purpose_necessity_and_class(
    inst: Installation, staff: dict[str, Who], event_id: str
) -> None:
    contacts.ranked(inst, staff["epidemiologist"], event_id)
    with inst.store.read() as connection:
        entry = ledger.entries(connection, type="decision", limit=1)[0]
    assert entry.payload is not None
    assert entry.payload["purpose"] == "close_contact_tracing" and entry.payload["basis"]
    assert "investigate" in entry.payload["necessity"][0]
    assert entry.payload["classes"] == {"pseudonym": "P2", "trajectory_generalised": "P2"}
    assert len(CLASSES) >= 4 and list(CLASSES) == sorted(CLASSES)


# ---- 10, 29, 30: the European regulation as a pack


@pytest.mark.parametrize("actor", ACTORS)
@pytest.mark.parametrize("field", ["symptom", "diagnosis", "ct_image", "selective_message"])
def test_req_p_10_health_data_are_refused_by_default(actor: str, field: str) -> None:
    for purpose in ("close_contact_tracing", "case_report", "treatment"):
        for phase in ("collect", "use", "read", "share", "export", "disclose"):
            request = {
                **GDPR,
                "actor": actor,
                "purpose": purpose,
                "phase": phase,
                "data": [field],
                "context": {},
            }
            assert not decide(request).permit


def test_req_p_10_categories_that_the_house_knows_no_field_for_cannot_be_asked() -> None:
    from lianfang.foundation.errors import BadInput

    for field in (
        "race",
        "ethnic_origin",
        "political_opinion",
        "religion",
        "union_membership",
        "genetic",
        "biometric",
    ):
        with pytest.raises(BadInput):
            decide({**GDPR, "actor": "cdc", "data": [field], "context": {"justification": "art6e art9i"}})


#: Ground -> the bodies that may rely on it.
GROUNDS = {
    "art6c": {
        "cdc", "medical_institution", "health_admin", "local_education_department", "telecom_operator",
        "internet_company",
    },
    "art6d": {"cdc", "medical_institution"},
    "art6e": {"cdc", "health_admin", "government", "eu_competent_authority", "grassroots_worker", "public_security"},
}  # fmt: skip


@pytest.mark.parametrize("ground", GROUNDS)
def test_req_p_29_each_ground_is_accepted_for_its_bodies_only(ground: str) -> None:
    for actor in ACTORS:
        request = {**GDPR, "actor": actor, "data": ["name", "mobile"]}
        assert decide({**request, "context": {"justification": ground}}).permit is (actor in GROUNDS[ground])
        assert not decide({**request, "context": {}}).permit
        assert not decide({**request, "context": {"justification": ground}, "purpose": "marketing"}).permit


@pytest.mark.parametrize("ground", GROUNDS)
def test_req_p_30_a_ground_of_article_6_alone_opens_no_health_data(ground: str) -> None:
    for actor in GROUNDS[ground]:
        request = {**GDPR, "actor": actor, "data": ["diagnosis"]}
        alone = decide({**request, "context": {"justification": ground}})
        assert not alone.permit and "special_category" in alone.reasons[0]
        both = decide({**request, "context": {"justification": f"{ground} art9i"}})
        assert both.permit and any("art. 6(1)" in article for article in both.basis)
        assert not decide({**request, "context": {"justification": "art9i"}}).permit


# ---- 16


def test_req_p_16_a_change_of_purpose_states_old_and_new_purpose_and_basis(
    inst: Installation, event_id: str
) -> None:
    event = events.get(inst, event_id)
    delegation = {
        "body": "public_security", "powers": ["read"], "area": "429900", "start": "2026-01-29", "end": "2026-04-29",
    }  # fmt: skip
    given = {**event, "plan": {**event["plan"], "delegations": [delegation]}}
    police = Who("police.one", "system", "public_security")
    asked: dict[str, Any] = {
        "phase": "read", "purpose": "close_contact_tracing", "data": ["name", "train_seat"], "event": given,
    }  # fmt: skip
    with pytest.raises(Refused, match="purpose_binding"):
        ask(inst, police, context={"change_of_purpose": True}, **asked)
    ask(inst, police, context={"change_of_purpose": True, "source": "real-name tickets"}, **asked)
    with inst.store.read() as connection:
        entry = ledger.entries(connection, type="decision", limit=1)[0]
    assert entry.payload is not None and entry.payload["basis"]
    assert entry.payload["original_purpose"] == "real-name tickets"
    assert entry.payload["new_purpose"] == "close_contact_tracing"
    with pytest.raises(Refused):  # without a basis: no delegation
        ask(
            inst,
            police,
            context={"change_of_purpose": True, "source": "tickets"},
            **{**asked, "event": event},
        )


def test_req_p_16_a_holder_that_cannot_say_what_it_collected_for_answers_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert set(checks.COLLECTED_FOR) == set(SOURCES)
    about = About("tele", "telecom_operator", "电信", "Telecom", ("pings",))
    from datetime import UTC, datetime

    def answer() -> Any:
        return checks.decide(
            about, Limits(), phase="share", purpose="close_contact_tracing",
            data=["pseudonym"], ref="o1", day=datetime(2026, 1, 29, tzinfo=UTC),
        )  # fmt: skip

    assert answer().permit
    monkeypatch.setattr(checks, "COLLECTED_FOR", {})
    assert not answer().permit and "purpose_binding" in answer().reasons[0]
    monkeypatch.undo()
    monkeypatch.setattr(checks, "GOING", checks.GOING[1:])
    assert "encrypt_in_transit" in answer().reasons[0]
    assert duties.WAYS[checks.GOING[0]].duty == "verify_recipient"


# ---- 20


@pytest.mark.parametrize("actor", ["cdc", "medical_institution"])
@pytest.mark.parametrize("purpose", ["case_report", "epidemiological_investigation", "close_contact_tracing"])
def test_req_p_20_disease_control_and_hospitals_collect_without_consent_while_an_event_is_open(
    actor: str, purpose: str
) -> None:
    for pack in ("cn-seed-2020", "cn-current"):
        request = {
            "actor": actor, "purpose": purpose, "phase": "collect", "pack": pack,
            "data": ["name", "resident_id", "mobile", "home_address", "symptom", "travel_history"],
        }  # fmt: skip
        assert decide({**request, "context": {"event_open": True}}).permit
        assert not decide({**request, "context": {"event_open": False, "ended_days": 3}}).permit
        assert not decide({**request, "context": {}}).permit
        assert not decide({**request, "context": {"event_open": True}, "actor": "internet_company"}).permit


def test_req_p_20_surveillance_of_notifiable_disease_is_a_standing_event(
    inst: Installation, staff: dict[str, Who]
) -> None:
    who = staff["epidemiologist"]
    asked = {"phase": "collect", "purpose": "case_report", "data": ["name", "symptom"]}
    assert ask(inst, who, **asked).decision.permit  # type: ignore[arg-type]
    inst.clock.move(timedelta(days=400))  # type: ignore[attr-defined]
    assert ask(inst, who, **asked).decision.permit  # type: ignore[arg-type]


def test_these_tests_are_found_by_their_numbers() -> None:
    import sys

    sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))
    import docs_hooks

    found = docs_hooks.tests_of_requirements()
    for number in ("01", "03", "10", "16", "20", "29", "30", "32", "59", "72", "73"):
        assert found.get(f"REQ-P-{number}"), number
