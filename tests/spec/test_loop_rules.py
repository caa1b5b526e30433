"""Rules of the loop: who locks, who approves, who reads, what is left when it ends (REQ-P-60, 62, 64, 65, 67)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from lianfang.api import charts
from lianfang.foundation.errors import BadInput, Conflict, NotFound, Refused
from lianfang.records import Approval, Contact, DecisionEntry, ObservationOrder, Reading, RiskLock
from lianfang.services import accounts, cases, closing, contacts, events, orders, situation, visits
from lianfang.services.installation import SYSTEM, Installation, Who
from lianfang.store import change, one, rows, tally
from loop import CONTACTS, NAMES, put_cases

Staff = dict[str, Who]
REASON = "高风险"


def locked(inst: Installation, staff: Staff, event_id: str, ids: list[str] | None = None) -> str:
    chosen = ids or ["c0", "c1", "c2"]
    return contacts.lock(inst, staff["epidemiologist"], event_id, chosen, reason=REASON, worker="li.she")


def named(inst: Installation, staff: Staff, event_id: str) -> str:
    lock = locked(inst, staff, event_id)
    contacts.approve(inst, staff["data_protection_officer"], lock)
    assert contacts.name(inst, staff["epidemiologist"], lock) == 3
    return lock


def test_req_p_67_no_event_without_a_retention_plan_or_basis(inst: Installation, staff: Staff) -> None:
    put_cases(inst)
    epi = staff["epidemiologist"]
    proposal = events.propose(inst, epi, "alarm")
    for wrong in ({"retention_until": inst.today()}, {"legal_basis": []}, {"level": "V"}, {"title": None}):
        with pytest.raises(BadInput):
            events.open_event(inst, epi, {**proposal, **wrong})
    assert events.listing(inst, epi) == []
    events.open_event(inst, epi, proposal)
    with pytest.raises(Conflict):
        events.open_event(inst, epi, proposal)


def test_opening_moves_the_cases_under_the_events_own_keys(
    inst: Installation, staff: Staff, event_id: str
) -> None:
    with inst.store.read() as connection:
        mine = cases.as_of(connection, inst.today(), event_id=event_id)
    assert len(mine) == len(NAMES)
    with inst.vault_store.read() as vault:
        for row, name in zip(sorted(mine, key=lambda row: row["card_no"]), NAMES, strict=True):
            assert inst.vault.find(vault, event_id, "name", name) == [row["subject_id"]]
            assert inst.vault.find(vault, "routine", "name", name) == []


def test_acts_are_signed_and_in_order(inst: Installation, staff: Staff, event_id: str) -> None:
    from lianfang.guard.signing import verify

    events.change_level(inst, staff["manager"], event_id, "II", "扩散")
    with pytest.raises(Refused):
        events.change_level(inst, staff["epidemiologist"], event_id, "I", "越权")
    acts = events.acts(inst, staff["manager"], event_id)
    assert [act["act"] for act in acts] == ["open", "level"]
    for act in acts:
        document = {"payload": act["content"], "signer": act["key_id"], "signature": act["signature"]}
        assert verify(inst.signer.public, document) == act["content"]


def test_a_change_of_the_case_definition_is_signed_and_marks_the_curve(
    inst: Installation, staff: Staff, event_id: str
) -> None:
    before = events.get(inst, event_id)["case_definition"]
    events.change_definition(inst, staff["manager"], event_id, "cn-6", "第六版印发")
    with pytest.raises(Refused):
        events.change_definition(inst, staff["epidemiologist"], event_id, "cn-7", "越权")
    for edition, reason, error in (
        ("cn-6", "again", Conflict), ("cn-7", " ", BadInput), ("", "x", BadInput), ("张三 确诊", "x", BadInput),
        ("a" * 61, "x", BadInput),
    ):  # fmt: skip
        with pytest.raises(error):
            events.change_definition(inst, staff["manager"], event_id, edition, reason)
    assert events.get(inst, event_id)["case_definition"] == "cn-6"
    acts = events.acts(inst, staff["manager"], event_id)
    assert (acts[-1]["act"], acts[-1]["content"]["before"], acts[-1]["content"]["after"]) == (
        "definition", before, "cn-6",
    )  # fmt: skip
    seen = situation.view(inst, staff["manager"], event_id)
    marked = [one for one in seen["breaks"] if one["edition"] == "cn-6" and one["day"] == inst.today()]
    assert len(marked) == 1 and before in marked[0]["why"][1]
    chart = charts.curve({inst.today().isoformat(): 3}, inst.today(), "zh", seen["breaks"])
    assert chart is not None and chart["svg"].file().count("stroke-dasharray") == 1
    assert [one["day"] for one in chart["breaks"]] == [inst.today()]


def test_a_false_alarm_is_dismissed_with_its_reason(inst: Installation, staff: Staff) -> None:
    put_cases(inst)
    with pytest.raises(BadInput):
        events.dismiss_alert(inst, staff["epidemiologist"], "alarm", " ")
    events.dismiss_alert(inst, staff["epidemiologist"], "alarm", "流感聚集")
    with pytest.raises(Conflict):
        events.propose(inst, staff["epidemiologist"], "alarm")


@pytest.mark.parametrize(
    "role", ["community_worker", "laboratory", "auditor", "manager", "data_protection_officer"]
)
def test_only_an_epidemiologist_locks(inst: Installation, staff: Staff, event_id: str, role: str) -> None:
    with pytest.raises(Refused):
        contacts.lock(inst, staff[role], event_id, ["c0"], reason=REASON, worker="li.she")


def test_a_lock_is_refused_when_it_is_wrong(inst: Installation, staff: Staff, event_id: str) -> None:
    epi = staff["epidemiologist"]
    for ids, reason, worker, error in (
        ([], REASON, "li.she", BadInput),
        (["c0"], " ", "li.she", BadInput),
        (["c0"], REASON, "wang.yi", BadInput),
        (["c0"], REASON, "zhao.jian", BadInput),
        (["c0"], REASON, "nobody.here", NotFound),
        (["c99"], REASON, "li.she", NotFound),
        ([f"c{n}" for n in range(300)], REASON, "li.she", BadInput),
    ):
        with pytest.raises(error):
            contacts.lock(inst, epi, event_id, ids, reason=reason, worker=worker)
    locked(inst, staff, event_id)
    with pytest.raises(Conflict):
        locked(inst, staff, event_id, ["c2", "c3"])


def test_req_p_64_nothing_is_named_without_a_second_person_in_another_role(
    inst: Installation, staff: Staff, event_id: str
) -> None:
    lock = locked(inst, staff, event_id)
    with pytest.raises(Refused):
        contacts.name(inst, staff["epidemiologist"], lock)
    with pytest.raises(Refused):
        contacts.approve(inst, staff["epidemiologist"], lock)
    with pytest.raises(Refused):
        contacts.approve(inst, Who("wang.yi", "manager", "cdc"), lock)  # the same person in another role
    with pytest.raises(Refused):
        contacts.approve(inst, Who("li.she", "manager", "cdc"), lock)  # the worker himself
    with inst.vault_store.read() as vault:
        assert not any(inst.vault.find(vault, event_id, "name", name) for name in CONTACTS)
    assert contacts.approve(inst, staff["data_protection_officer"], lock) == "approved"
    with pytest.raises(Conflict):
        contacts.approve(inst, staff["manager"], lock)


def test_req_p_64_exactly_the_locked_are_revealed(inst: Installation, staff: Staff, event_id: str) -> None:
    named(inst, staff, event_id)
    with inst.vault_store.read() as vault:
        found = [bool(inst.vault.find(vault, event_id, "name", name)) for name in CONTACTS]
    assert found == [True] * 3 + [False] * (len(CONTACTS) - 3)
    with inst.store.read() as connection:
        assert tally(connection, Contact, status="named") == 3
        assert tally(connection, Contact, status="candidate") == len(CONTACTS) - 3


def test_rights_end_at_the_border_of_ones_area(inst: Installation, staff: Staff, event_id: str) -> None:
    accounts.add(inst, None, "he.yi", role="epidemiologist", area="420100")
    accounts.add(inst, None, "liu.yi", role="epidemiologist", area="429900")
    with pytest.raises(Refused, match="area"):
        contacts.ranked(inst, accounts.person(inst, "he.yi"), event_id)
    assert len(contacts.ranked(inst, accounts.person(inst, "liu.yi"), event_id)) == len(CONTACTS)


def test_a_refused_lock_frees_its_contacts(inst: Installation, staff: Staff, event_id: str) -> None:
    lock = locked(inst, staff, event_id)
    assert contacts.approve(inst, staff["manager"], lock, verdict="refuse", note="证据不足") == "withdrawn"
    with pytest.raises(Refused):
        contacts.name(inst, staff["epidemiologist"], lock)
    locked(inst, staff, event_id)


def test_an_expired_lock_opens_nothing(inst: Installation, staff: Staff, event_id: str) -> None:
    lock = locked(inst, staff, event_id)
    contacts.approve(inst, staff["manager"], lock)
    inst.clock.move(timedelta(days=contacts.LOCK_DAYS, minutes=1))  # type: ignore[attr-defined]
    with pytest.raises(Refused):
        contacts.name(inst, staff["epidemiologist"], lock)


def test_a_lock_that_ran_out_frees_its_contacts(inst: Installation, staff: Staff, event_id: str) -> None:
    lock = locked(inst, staff, event_id)
    approved = locked(inst, staff, event_id, ["c3"])
    contacts.approve(inst, staff["manager"], approved)
    inst.clock.move(timedelta(days=contacts.LOCK_DAYS, minutes=1))  # type: ignore[attr-defined]
    with pytest.raises(Conflict):
        contacts.approve(inst, staff["manager"], lock)
    with pytest.raises(Refused):
        contacts.name(inst, staff["epidemiologist"], approved)
    with inst.store.read() as connection:
        assert {row["status"] for row in rows(connection, RiskLock)} == {"expired"}
        assert tally(connection, Contact, status="candidate", lock_id="") == len(CONTACTS)
    again = locked(inst, staff, event_id)
    inst.clock.move(timedelta(days=contacts.LOCK_DAYS, minutes=1))  # type: ignore[attr-defined]
    assert contacts.approve(inst, staff["manager"], again, verdict="refuse") == "withdrawn"
    named(inst, staff, event_id)


def test_whom_the_holder_cannot_name_is_a_candidate_again(
    inst: Installation, staff: Staff, event_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = orders.reveal
    monkeypatch.setattr(
        orders, "reveal", lambda *given: {key: s for key, s in known(*given).items() if key != "c1"}
    )
    lock = locked(inst, staff, event_id)
    contacts.approve(inst, staff["manager"], lock)
    assert contacts.name(inst, staff["epidemiologist"], lock) == 2
    with inst.store.read() as connection:
        freed = one(connection, Contact, contact_id="c1")
    assert (freed["status"], freed["lock_id"]) == ("candidate", "")
    text = contacts.export(inst, staff["epidemiologist"], event_id)
    assert len(text.splitlines()) == 3 and freed["token"] not in text


def test_a_case_and_a_released_contact_are_not_visited_or_read(
    inst: Installation, staff: Staff, event_id: str
) -> None:
    named(inst, staff, event_id)
    worker = staff["community_worker"]
    for contact in ("c0", "c1"):
        visits.record_visit(inst, worker, contact, reached=True)
    sample = visits.order_sample(inst, worker, "c0")
    visits.record_result(inst, staff["laboratory"], sample, result="positive")
    visits.release(inst, staff["epidemiologist"], "c1", reason="迁出")
    for contact, status in (("c0", "case"), ("c1", "released")):
        with pytest.raises(Conflict):
            visits.record_visit(inst, worker, contact, reached=True)
        with pytest.raises(Refused):
            visits.particulars(inst, worker, contact, terminal="t1")
        with inst.store.read() as connection:
            assert one(connection, Contact, contact_id=contact)["status"] == status
            assert tally(connection, ObservationOrder, contact_id=contact, status="active") == 0


def test_who_refused_stays_due_until_he_is_reached(inst: Installation, staff: Staff, event_id: str) -> None:
    named(inst, staff, event_id)
    worker = staff["community_worker"]
    visits.record_visit(inst, worker, "c0", reached=False, refused=True)
    assert visits.task(inst, worker, "c0")["due"]
    inst.clock.move(timedelta(days=1))  # type: ignore[attr-defined]
    visits.record_visit(inst, worker, "c0", reached=False)
    assert visits.task(inst, worker, "c0")["due"]
    visits.record_visit(inst, worker, "c0", reached=True)
    assert not visits.task(inst, worker, "c0")["due"]


@pytest.mark.parametrize("change_of", ["lock", "approvals"])
def test_req_p_64_particulars_follow_the_lock_as_it_is(
    inst: Installation, staff: Staff, event_id: str, change_of: str
) -> None:
    lock = named(inst, staff, event_id)
    with inst.store.begin() as connection:
        if change_of == "lock":
            change(connection, RiskLock, one(connection, RiskLock, lock_id=lock)["id"], status="expired")
        else:
            for row in rows(connection, Approval, lock_id=lock)[1:]:
                change(connection, Approval, row["id"], verdict="refuse")
    with pytest.raises(Refused):
        visits.particulars(inst, staff["community_worker"], "c0", terminal="t1")
    with inst.store.read() as connection:
        assert tally(connection, Reading) == 0


def test_samples_and_releases_ask_the_gate_and_end_at_the_border(
    inst: Installation, staff: Staff, event_id: str
) -> None:
    named(inst, staff, event_id)
    visits.record_visit(inst, staff["community_worker"], "c0", reached=True)
    accounts.add(inst, None, "he.yi", role="epidemiologist", area="420100")
    accounts.add(inst, None, "gu.yi", role="clinician")
    far = accounts.person(inst, "he.yi")
    with pytest.raises(Refused, match="area"):
        visits.order_sample(inst, far, "c0")
    with pytest.raises(Refused, match="area"):
        visits.release(inst, far, "c0", reason="x")
    visits.order_sample(inst, staff["community_worker"], "c0")
    visits.order_sample(inst, accounts.person(inst, "gu.yi"), "c1")
    visits.release(inst, staff["epidemiologist"], "c0", reason="迁出")
    with inst.store.read() as connection:
        asked = rows(connection, DecisionEntry, permit=True)
    for account, phase, purpose in (
        ("li.she", "use", "close_contact_tracing"),
        ("gu.yi", "collect", "treatment"),
        ("wang.yi", "use", "close_contact_tracing"),
    ):
        wanted = (account, phase, purpose)
        assert [row for row in asked if (row["account"], row["phase"], row["purpose"]) == wanted]


def test_req_p_60_only_the_assigned_worker_reads_and_each_reading_is_kept(
    inst: Installation, staff: Staff, event_id: str
) -> None:
    named(inst, staff, event_id)
    worker = staff["community_worker"]
    shown = visits.particulars(inst, worker, "c0", terminal="t1")
    assert shown["name"] == CONTACTS[0] and shown["phone"] and shown["address"]
    accounts.add(inst, None, "ma.she", role="community_worker")
    for other in (accounts.person(inst, "ma.she"), staff["epidemiologist"], staff["manager"]):
        with pytest.raises(Refused):
            visits.particulars(inst, other, "c0", terminal="t1")
    with pytest.raises(Refused):
        visits.particulars(inst, worker, "c5", terminal="t1")  # not named to anybody
    with inst.store.read() as connection:
        assert tally(connection, Reading) == 1
        assert tally(connection, DecisionEntry, phase="read", permit=False) >= 2
    inst.clock.move(timedelta(days=contacts.LOCK_DAYS + 1))  # type: ignore[attr-defined]
    with pytest.raises(Refused):
        visits.particulars(inst, worker, "c0", terminal="t1")


def test_a_visit_begins_observation_and_a_positive_test_makes_a_case(
    inst: Installation, staff: Staff, event_id: str
) -> None:
    named(inst, staff, event_id)
    worker, lab = staff["community_worker"], staff["laboratory"]
    result = visits.record_visit(inst, worker, "c0", reached=True, temperature=38.1)
    assert result["test_advised"] and result["status"] == "observed"
    assert not visits.record_visit(inst, worker, "c1", reached=True, temperature=36.5)["test_advised"]
    sample = visits.order_sample(inst, worker, "c0")
    assert visits.order_sample(inst, worker, "c0") == sample
    outcome = visits.record_result(inst, lab, sample, result="positive")
    assert visits.record_result(inst, lab, sample, result="positive")["case_id"] == outcome["case_id"]
    with pytest.raises(Conflict):
        visits.record_result(inst, lab, sample, result="negative")
    with inst.store.read() as connection:
        case = cases.current(connection, outcome["case_id"], inst.today())
        contact = one(connection, Contact, contact_id="c0")
        ordered = rows(connection, ObservationOrder, contact_id="c0")
    assert case["classification"] == "confirmed" and case["subject_id"] == contact["subject_id"]
    assert contact["status"] == "case" and [row["status"] for row in ordered] == ["case"]


def test_wrong_results_of_a_visit_are_refused(inst: Installation, staff: Staff, event_id: str) -> None:
    named(inst, staff, event_id)
    worker = staff["community_worker"]
    with pytest.raises(BadInput):
        visits.record_visit(inst, worker, "c0", reached=True, temperature=381)
    with pytest.raises(BadInput):
        visits.record_visit(inst, worker, "c0", reached=True, symptoms=["<script>"])
    with pytest.raises(NotFound):
        visits.record_visit(inst, worker, "c7", reached=True)
    with pytest.raises(Refused):
        visits.record_visit(inst, staff["laboratory"], "c0", reached=True)


def test_observation_ends_on_its_day_or_with_a_reason(
    inst: Installation, staff: Staff, event_id: str
) -> None:
    named(inst, staff, event_id)
    visits.record_visit(inst, staff["community_worker"], "c0", reached=True, temperature=36.6)
    visits.record_visit(inst, staff["community_worker"], "c1", reached=False, refused=True)
    with pytest.raises(BadInput):
        visits.release(inst, staff["epidemiologist"], "c0")
    with pytest.raises(Conflict):
        closing.close(inst, staff["manager"], event_id, "结束")
    inst.clock.move(timedelta(days=14))  # type: ignore[attr-defined]
    visits.release(inst, staff["epidemiologist"], "c0")
    with pytest.raises(Conflict):
        visits.release(inst, staff["epidemiologist"], "c0")
    with inst.store.read() as connection:
        assert {row["status"] for row in rows(connection, ObservationOrder)} == {"released", "refused"}


def test_nothing_of_a_closed_event_goes_on(inst: Installation, staff: Staff, event_id: str) -> None:
    named(inst, staff, event_id)
    with pytest.raises(Refused):
        closing.close(inst, staff["epidemiologist"], event_id, "结束")
    until = closing.close(inst, staff["manager"], event_id, "28天无新发")
    assert until > inst.today()
    for act in (
        lambda: locked(inst, staff, event_id, ["c4"]),
        lambda: visits.record_visit(inst, staff["community_worker"], "c0", reached=True),
        lambda: closing.close(inst, staff["manager"], event_id, "再次"),
        lambda: closing.expire(inst, staff["manager"], event_id),
        lambda: events.change_level(inst, staff["manager"], event_id, "I", "x"),
    ):
        with pytest.raises((Conflict, Refused)):
            act()
    with pytest.raises(Refused):
        visits.particulars(inst, staff["community_worker"], "c0", terminal="t1")


def test_req_p_54_at_the_deadline_keys_and_rows_go_and_a_certificate_stays(
    inst: Installation, staff: Staff, event_id: str
) -> None:
    from leaks import search

    named(inst, staff, event_id)
    visits.particulars(inst, staff["community_worker"], "c0", terminal="t1")
    closing.close(inst, staff["manager"], event_id, "28天无新发")
    inst.clock.move(timedelta(days=400))  # type: ignore[attr-defined]
    content = closing.expire(inst, staff["manager"], event_id)
    assert content["deleted_rows"]["contact"] == len(CONTACTS) and content["deleted_rows"]["case_report"] == 3
    assert closing.expire(inst, staff["manager"], event_id) == content
    with pytest.raises(Refused), inst.vault_store.read() as vault:
        inst.vault.find(vault, event_id, "name", CONTACTS[0])
    inst.close()
    assert search(inst.home, [*NAMES, *CONTACTS, "15400000100", "虚构路"]) == []


def test_whereabouts_end_with_the_last_event(inst: Installation, staff: Staff, event_id: str) -> None:
    from datetime import UTC, date, datetime

    import pyarrow as pa

    from lianfang.records import LocationPing

    days = [date(2026, 1, 20), date(2026, 1, 28), date(2026, 3, 1)]
    noon = [datetime(day.year, day.month, day.day, 12, tzinfo=UTC) for day in days]
    zero = [0.0] * 3
    table = pa.table({"token": ["t"] * 3, "day": days, "time": noon, "lat": zero, "lon": zero})
    inst.lake.write(LocationPing, "b1", table)
    closing.close(inst, staff["manager"], event_id, "结束")
    inst.clock.move(timedelta(days=366))  # type: ignore[attr-defined]
    content = closing.expire(inst, SYSTEM, event_id)
    assert content["deleted_files"]["whereabouts_files"] == 2
    assert inst.lake.days(LocationPing) == [days[2]]  # what was seen after the event had ended is not its own


def test_an_ending_that_was_cut_off_is_finished_with_the_same_figures(
    inst: Installation, staff: Staff, event_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    named(inst, staff, event_id)
    closing.close(inst, staff["manager"], event_id, "结束")
    inst.clock.move(timedelta(days=366))  # type: ignore[attr-defined]
    for step in ("_delete_rejects", "_certify", "_vacuum"):
        whole = getattr(closing, step)

        def cut(*given: object, **more: object) -> None:
            raise RuntimeError("cut off")

        monkeypatch.setattr(closing, step, cut)
        with pytest.raises(RuntimeError):
            closing.expire(inst, SYSTEM, event_id)
        monkeypatch.setattr(closing, step, whole)
    content = closing.expire(inst, SYSTEM, event_id)
    assert content["deleted_rows"]["contact"] == len(CONTACTS)


def test_an_order_is_asked_for_before_a_case_is_read_or_a_token_made(
    inst: Installation, staff: Staff, event_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lianfang.services.orders import drafting

    touched: list[str] = []
    monkeypatch.setattr(drafting, "entry", lambda *_: {"kind": "telecom_operator", "sources": ["cells"]})
    monkeypatch.setattr(drafting, "_index", lambda *_: touched.append("cases"))
    accounts.add(inst, None, "he.yi", role="epidemiologist", area="420100")
    with pytest.raises(Refused, match="area"):
        drafting.draft(inst, accounts.person(inst, "he.yi"), event_id, holder="linjiang")
    assert touched == []
    with pytest.raises(TypeError):  # the rightful one comes as far as the cases, of which this has none
        drafting.draft(inst, staff["epidemiologist"], event_id, holder="linjiang")
    assert touched == ["cases"]


def test_only_an_admission_ends_the_infectious_time(inst: Installation) -> None:
    from datetime import date

    from lianfang.foundation.clock import day_bounds
    from lianfang.services.orders.drafting import infectious

    zone, onset = inst.settings.zone, date(2026, 1, 22)
    row = {"date_onset": onset, "first_reported": onset, "date_admission": None}
    visit, admitted = date(2026, 1, 23), date(2026, 1, 25)
    assert infectious(inst, {**row, "date_visit": visit})[1] == inst.now()
    held = infectious(inst, {**row, "date_visit": visit, "date_admission": admitted})
    assert held == (day_bounds(onset, zone)[0] - timedelta(days=2), day_bounds(admitted, zone)[1])
