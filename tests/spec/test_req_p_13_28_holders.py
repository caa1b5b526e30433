"""Who may, on what basis: REQ-P-13 to 28, and the crossings of the loop."""

from __future__ import annotations

from typing import Any

import pytest

from lianfang.foundation.errors import BadInput, Refused
from lianfang.guard.policy import decide
from lianfang.guard.policy.decision import Decision
from lianfang.guard.policy.vocabulary import ACTORS, DATA, FOREIGN_PURPOSES, PERMITTED_PURPOSES, PHASES


def ask(actor: str, phase: str, purpose: str, data: list[str], **context: Any) -> Decision:
    return decide({"actor": actor, "phase": phase, "purpose": purpose, "data": data, "context": context})


ORDERED = {"request_record": "O-1", "scope": "contacts_of_index", "requested_by": "cdc", "recipient": "cdc"}
WORKER = {"assigned_person": "w1", "reader": "w1", "medium": "electronic", "terminal": "designated"}

# the crossings of the loop: actor, phase, purpose, data, context besides the open event, obligations
CROSSINGS: list[tuple[str, str, str, list[str], dict[str, Any], set[str]]] = [
    ("cdc", "collect", "case_report", ["name", "resident_id", "mobile", "address", "diagnosis", "sex"], {},
     {"audit", "named_person", "encrypt_at_rest"}),
    ("medical_institution", "share", "case_report", ["name", "diagnosis"], {"recipient": "cdc"},
     {"audit", "encrypt_in_transit", "verify_recipient"}),
    ("cdc", "use", "linkage_analysis", ["pseudonym", "trajectory"], {"deidentified": True}, {"audit"}),
    ("cdc", "link", "linkage_analysis", ["pseudonym", "trajectory"], {"deidentified": True}, {"audit"}),
    ("cdc", "share", "close_contact_tracing", ["pseudonym"], {"recipient": "telecom_operator"},
     {"audit", "encrypt_in_transit", "verify_recipient"}),
    ("telecom_operator", "share", "close_contact_tracing", ["pseudonym", "trajectory"], ORDERED,
     {"on_request_only", "verify_recipient", "encrypt_in_transit"}),
    ("telecom_operator", "use", "close_contact_tracing", ["pseudonym", "trajectory"], ORDERED, {"audit"}),
    ("cdc", "reidentify", "risk_target_reidentification", ["pseudonym"],
     {"risk_locked": True, "second_approval": True}, {"single_subject", "audit"}),
    ("cdc", "contact", "reach_person", ["name", "mobile"], {"assigned_person": True, "human_review": True},
     {"named_person", "single_subject"}),
    ("cdc", "share", "reach_person", ["name", "phone", "address"],
     {"recipient": "grassroots_worker", "assigned_person": "w1"}, {"encrypt_in_transit"}),
    ("grassroots_worker", "read", "reach_person", ["name", "phone", "address"], WORKER,
     {"named_person", "designated_terminal", "audit"}),
    ("grassroots_worker", "collect", "reach_person", ["symptom", "travel_history"],
     {"emergency_plan_grants_power": True}, {"audit", "named_person", "encrypt_at_rest"}),
    ("medical_institution", "collect", "treatment", ["name", "symptom", "diagnosis"], {}, {"audit"}),
    ("press_officer", "disclose", "public_bulletin", ["sex", "symptom", "confirm_date"],
     {"audience": "public"},
     {"sdc_check"}),
    ("cdc", "disclose", "public_bulletin", ["returnee_flow_statistics", "sex"], {"audience": "public"},
     {"sdc_check"}),
]  # fmt: skip


@pytest.mark.parametrize("crossing", CROSSINGS, ids=lambda c: f"{c[0]}-{c[1]}-{c[2]}")
def test_req_p_17_a_crossing_of_the_loop_needs_the_open_event(crossing: Any) -> None:
    actor, phase, purpose, data, context, duties = crossing
    permitted = ask(actor, phase, purpose, data, event_open=True, **context)
    assert permitted.permit, permitted.reasons
    assert duties <= permitted.obligations
    assert permitted.ttl > 0
    for closed in ({}, {"event_open": False}, {"event_open": False, "ended_days": 3}):
        assert not ask(actor, phase, purpose, data, **closed, **context).permit


def test_req_p_19_every_permit_without_consent_names_statute_and_pack_date() -> None:
    for actor, phase, purpose, data, context, _ in CROSSINGS:
        decision = ask(actor, phase, purpose, data, event_open=True, **context)
        assert decision.basis
        assert all("[cn-seed-2020 2020-02-09]" in entry for entry in decision.basis)


@pytest.mark.parametrize(
    "dropped",
    [{"request_record": None}, {"request_record": False}, {"scope": None}, {"scope": "all_subscribers"},
     {"recipient": "newspaper"}],
)  # fmt: skip
def test_req_p_62_retrieval_without_order_scope_or_entitled_recipient_is_denied(
    dropped: dict[str, Any],
) -> None:
    context = {**ORDERED, **dropped, "event_open": True}
    assert not ask("telecom_operator", "share", "close_contact_tracing", ["trajectory"], **context).permit


def test_req_p_62_bulk_handover_is_denied() -> None:
    context = {**ORDERED, "event_open": True, "emergency_plan_grants_power": True, "consent": True}
    for data in DATA:
        assert not ask("telecom_operator", "share", "bulk_subscriber_handover", [data], **context).permit


def test_req_p_13_an_unregistered_holder_is_refused() -> None:
    with pytest.raises(BadInput) as caught:
        ask("property_company", "collect", "returnee_registration", ["name"], event_open=True)
    assert caught.value.code == "unknown_holder"


def test_req_p_14_the_nine_holder_kinds_are_known() -> None:
    assert {
        "local_education_department", "public_security", "grassroots_worker", "telecom_operator",
        "internet_company", "cdc", "medical_institution", "health_admin", "government",
    } <= set(ACTORS)  # fmt: skip


@pytest.mark.parametrize(
    "actor", ["local_education_department", "public_security", "telecom_operator", "internet_company"]
)
@pytest.mark.parametrize("data", ["name", "home_address", "trajectory", "symptom"])
def test_req_p_15_the_other_four_do_not_collect(actor: str, data: str) -> None:
    for purpose in PERMITTED_PURPOSES:
        for plan in (True, False):
            decision = ask(
                actor, "collect", purpose, [data], event_open=True, emergency_plan_grants_power=plan
            )
            assert not decision.permit


def test_req_p_15_grassroots_collects_only_under_the_plan() -> None:
    what = ("grassroots_worker", "collect", "returnee_registration", ["name", "address"])
    assert ask(*what, event_open=True, emergency_plan_grants_power=True).permit
    assert not ask(*what, event_open=True, emergency_plan_grants_power=False).permit
    assert not ask(*what, event_open=True).permit


@pytest.mark.parametrize("actor", ACTORS)
def test_req_p_17_without_any_context_no_actor_touches_an_identity(actor: str) -> None:
    for phase in PHASES:
        for purpose in PERMITTED_PURPOSES:
            assert not ask(actor, phase, purpose, ["name"]).permit


def test_req_p_18_consent_permits_and_its_withdrawal_denies() -> None:
    what = ("internet_company", "use", "close_contact_tracing", ["location"])
    assert ask(*what, event_open=True, consent=True).permit
    assert ask(*what, event_open=True, consent="given").permit
    for consent in (False, "withdrawn", None):
        assert not ask(*what, event_open=True, consent=consent).permit


@pytest.mark.parametrize("actor", ["cdc", "medical_institution"])
def test_req_p_21_statutory_power_covers_control_and_nothing_else(actor: str) -> None:
    for purpose in ("case_report", "epidemiological_investigation", "close_contact_tracing"):
        assert ask(actor, "use", purpose, ["name", "trajectory"], event_open=True).permit
    for purpose in FOREIGN_PURPOSES:
        for data in DATA:
            assert not ask(actor, "use", purpose, [data], event_open=True).permit


def test_req_p_22_identities_do_not_leave_to_others() -> None:
    for recipient in ("newspaper", "employer", "internet_company", "insurance"):
        for purpose in ("case_report", "close_contact_tracing", "epidemiological_investigation"):
            for phase in ("share", "send", "export", "disclose"):
                assert not ask("cdc", phase, purpose, ["name"], event_open=True, recipient=recipient).permit


def test_req_p_24_police_act_only_on_refusal_and_request() -> None:
    what = ("public_security", "use", "enforce_quarantine", ["name", "address"])
    assert ask(*what, event_open=True, refused_measure=True, requested_by="health_admin").permit
    assert not ask(*what, event_open=True, refused_measure=True).permit
    assert not ask(*what, event_open=True, requested_by="health_admin").permit
    assert not ask(*what, event_open=True, refused_measure=True, requested_by="employer").permit


@pytest.mark.parametrize(
    ("actor", "data"),
    [("public_security", ["name", "train_seat"]), ("grassroots_worker", ["name", "address"])],
)
def test_req_p_26_delegation_opens_and_its_absence_closes(actor: str, data: list[str]) -> None:
    for plan in (True, False):
        decision = ask(
            actor, "share", "close_contact_tracing", data,
            event_open=True, recipient="cdc", emergency_plan_grants_power=plan,
        )  # fmt: skip
        assert decision.permit is plan


def test_req_p_28_special_law_prevails_over_the_general_rule_of_consent() -> None:
    decision = ask("cdc", "collect", "epidemiological_investigation", ["name"], event_open=True)
    assert decision.permit
    assert decision.rules == ("investigate",)
    refused = ask("internet_company", "use", "close_contact_tracing", ["location"], event_open=True)
    assert "consent_required" in refused.rules


def test_req_p_51_the_receiver_must_be_entitled() -> None:
    what = ("public_security", "share", "close_contact_tracing", ["name", "train_seat"])
    context = {"event_open": True, "emergency_plan_grants_power": True}
    assert ask(*what, **context, recipient="cdc").permit
    assert not ask(*what, **context, recipient="residents_group").permit
    assert not ask(*what, **context).permit


def test_req_p_53_no_actor_uses_anything_for_another_purpose() -> None:
    generous = {
        "event_open": True, "emergency_plan_grants_power": True, "request_record": True, "scope": "one",
        "requested_by": "cdc", "recipient": "cdc", "aggregated": True, "risk_locked": True,
        "second_approval": True, "assigned_person": True, "identity_verified": True, "own_patient": True,
    }  # fmt: skip
    for actor in ACTORS:
        for purpose in FOREIGN_PURPOSES:
            for phase in PHASES:
                for data in DATA:
                    assert not ask(actor, phase, purpose, [data], **generous).permit


def test_req_p_55_disease_control_shares_with_itself_until_closure() -> None:
    what = ("cdc", "share", "close_contact_tracing", ["name", "mobile", "trajectory"])
    assert ask(*what, event_open=True, recipient="cdc").permit
    assert not ask(*what, event_open=False, ended_days=1, recipient="cdc").permit


def test_a_denial_can_be_raised_with_its_reasons() -> None:
    decision = ask("press_officer", "disclose", "public_bulletin", ["sex", "age"], event_open=True)
    with pytest.raises(Refused) as caught:
        decision.enforce()
    assert any(reason.startswith("never_public") for reason in caught.value.reasons)
    assert decision.fields == {"sex": "drop", "age": "drop"}


@pytest.mark.parametrize(
    "broken",
    [
        {"purpose": "curiosity"}, {"phase": "peek"}, {"data": ["nickname"]}, {"data": []}, {"data": "name"},
        {"context": {"moon": True}}, {"context": {"event_open": "yes"}}, {"context": {"min_cell": -1}},
        {"context": {"subject": "neighbour"}}, {"context": []}, {"at": "yesterday"}, {"pack": "cn-1066"},
        {"extra": 1}, {"actor": 7}, {"data": [["name"]]}, {"context": {"ended_days": True}},
    ],
)  # fmt: skip
def test_req_p_13_words_outside_the_vocabularies_are_bad_input(broken: dict[str, Any]) -> None:
    good = {"actor": "cdc", "purpose": "case_report", "phase": "collect", "data": ["name"],
            "context": {"event_open": True}}  # fmt: skip
    assert decide(good).permit
    with pytest.raises(BadInput):
        decide({**good, **broken})


def test_an_error_never_repeats_a_value_that_is_not_a_word_of_ours() -> None:
    with pytest.raises(BadInput) as caught:
        decide({"actor": "张三丰 154 0000 1234", "purpose": "x", "phase": "x", "data": ["x"]})
    assert "154" not in str(caught.value)
    assert "张" not in str(caught.value)
