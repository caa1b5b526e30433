"""Messages between authorities, the assigned person, re-identification: REQ-P-37 to 42, 48, 49, 60, 61, 63 to 65."""

from __future__ import annotations

from typing import Any

import pytest

from lianfang.guard.policy import decide
from lianfang.guard.policy.decision import Decision

MESSAGE = "contact_tracing_message"


def ask(
    actor: str, phase: str, purpose: str, data: list[str], pack: str = "cn-seed-2020", **context: Any
) -> Decision:
    return decide(
        {"actor": actor, "phase": phase, "purpose": purpose, "data": data, "context": context, "pack": pack}
    )


@pytest.mark.parametrize("pack", ["cn-seed-2020", "eu-1082", "eu-2371"])
def test_req_p_38_39_and_40_personal_data_only_selectively_and_to_those_concerned(pack: str) -> None:
    what = ("eu_competent_authority", "send", MESSAGE, ["name", "mobile"], pack)
    sent = ask(*what, channel="selective", recipient="concerned_authority")
    assert sent.permit
    assert {"encrypt_in_transit", "verify_recipient", "purge_at_deadline"} <= sent.obligations
    for context in ({}, {"channel": "general"}, {"channel": "selective", "recipient": "not_concerned"},
                    {"channel": "selective", "recipient": "all_member_states"}):  # fmt: skip
        assert not ask(*what, **context).permit
    # REQ-P-35: outside the minimum set
    assert not ask(
        "eu_competent_authority", "send", MESSAGE, ["name", "location"], pack, channel="selective"
    ).permit


@pytest.mark.parametrize("actor", ["eu_commission", "ecdc"])
@pytest.mark.parametrize("pack", ["cn-seed-2020", "eu-1082", "eu-2371"])
def test_req_p_41_others_are_excluded_unless_coordination_is_recorded(actor: str, pack: str) -> None:
    what = (actor, "read", MESSAGE, ["name"], pack)
    permitted = ask(*what, channel="selective", coordination_needed=True, justification="J-7")
    assert permitted.permit
    assert "log_justification" in permitted.obligations
    for context in ({}, {"coordination_needed": True}, {"justification": "J-7"},
                    {"coordination_needed": False, "justification": "J-7"}):  # fmt: skip
        assert not ask(*what, channel="selective", **context).permit


def test_req_p_36_no_other_account_reads_a_message() -> None:
    for actor in ("cdc", "press_officer", "internet_company", "system_admin", "external_partner_company"):
        for pack in ("eu-1082", "eu-2371"):
            assert not ask(actor, "read", MESSAGE, ["selective_message"], pack, channel="selective").permit


def test_req_p_42_correction_and_deletion_reach_the_recipients() -> None:
    for actor in ("eu_competent_authority", "data_subject"):
        verified = {"identity_verified": True}
        rectified = ask(actor, "rectify", "rectification", ["name"], inaccurate=True, **verified)
        erased = ask(actor, "delete", "erasure", ["name"], no_longer_necessary=True, **verified)
        wrong = ask(actor, "delete", "erasure", ["name"], inaccurate=True, **verified)
        for decision in (rectified, erased, wrong):
            assert decision.permit
            assert "notify_recipients" in decision.obligations
    assert not ask("data_subject", "delete", "erasure", ["name"], no_longer_necessary=True).permit


def test_req_p_37_a_shared_account_reads_nothing_personal() -> None:
    what = ("cdc", "read", "epidemiological_investigation", ["name"])
    assert ask(*what, event_open=True, shared_account=False).permit
    assert not ask(*what, event_open=True, shared_account=True).permit


def test_req_p_48_and_49_paper_and_terminals() -> None:
    what = ("grassroots_worker", "collect", "returnee_registration", ["name", "mobile"])
    context = {"event_open": True, "emergency_plan_grants_power": True}
    paper = ask(*what, **context, medium="paper")
    assert {"no_photo", "no_copy", "unified_return", "custody_log"} <= paper.obligations
    electronic = ask(*what, **context, medium="electronic", terminal="designated")
    assert {"designated_terminal", "encrypt_at_rest", "named_person"} <= electronic.obligations
    assert not ask(*what, **context, medium="electronic", terminal="personal_phone").permit
    assert not ask(*what, **context, medium="photo").permit


def test_req_p_60_a_second_reader_is_denied() -> None:
    for actor in ("contact_desk", "grassroots_worker"):
        what = (actor, "read", "reach_person", ["name", "phone"])
        assert ask(*what, event_open=True, assigned_person="w1", reader="w1").permit
        assert ask(*what, event_open=True, assigned_person=True).permit
        for context in (
            {"assigned_person": "w1", "reader": "w2"},
            {"assigned_person": False},
            {"reader": "w2"},
            {},
        ):
            assert not ask(*what, event_open=True, **context).permit


def test_req_p_61_a_list_leaves_with_two_approvals_and_a_watermark() -> None:
    what = ("contact_desk", "export", "contact_key_person", ["name_list"])
    exported = ask(*what, event_open=True, second_approval=True)
    assert exported.permit
    assert "list_watermark" in exported.obligations
    assert not ask(*what, event_open=True).permit
    assert not ask(*what, event_open=True, second_approval=True, list_scope="all").permit


@pytest.mark.parametrize("identifier", ["name", "resident_id", "mobile", "home_address", "device_id", "seat"])
def test_req_p_63_linkage_takes_no_direct_identifier(identifier: str) -> None:
    context = {"event_open": True, "deidentified": True}
    for actor in ("cdc", "joint_analyst"):
        assert ask(actor, "link", "linkage_analysis", ["pseudonym", "trajectory"], **context).permit
        assert not ask(actor, "link", "linkage_analysis", ["pseudonym", identifier], **context).permit


@pytest.mark.parametrize("locked", [True, False, None])
@pytest.mark.parametrize("approved", [True, False, None])
def test_req_p_64_lock_and_second_approval(locked: bool | None, approved: bool | None) -> None:
    decision = ask(
        "cdc", "reidentify", "risk_target_reidentification", ["pseudonym"],
        event_open=True, risk_locked=locked, second_approval=approved,
    )  # fmt: skip
    assert decision.permit is (locked is True and approved is True)
    assert not decision.permit or "single_subject" in decision.obligations


def test_req_p_64_a_batch_is_never_reidentified() -> None:
    context = {"event_open": True, "risk_locked": True, "second_approval": True}
    assert not ask(
        "cdc", "reidentify", "risk_target_reidentification", ["pseudonym_batch_5000"], **context
    ).permit


def test_req_p_65_automatic_contact_is_denied() -> None:
    what = ("cdc", "contact", "reach_person", ["name", "mobile"])
    assert ask(*what, event_open=True, source="linkage_analysis", human_review=True).permit
    assert not ask(*what, event_open=True, source="linkage_analysis", human_review=False).permit
    assert not ask(*what, event_open=True, source="linkage_analysis", assigned_person=True).permit
