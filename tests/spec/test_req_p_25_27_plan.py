"""REQ-P-25 to 27: the emergency plan gives powers, opens tasks and says when a level may start and end."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from lianfang.cli import cli
from lianfang.foundation.clock import SetClock
from lianfang.foundation.errors import BadInput, Conflict, NotFound, Refused
from lianfang.guard import plan as rules
from lianfang.records import DecisionEntry, Event, HolderOrder, PlanTask
from lianfang.services import bulletin, contacts, daily, events, plan, situation, visits
from lianfang.services import today as morning
from lianfang.services.gate import ask
from lianfang.services.installation import SYSTEM, Installation, Who
from lianfang.store import change, one, put_rows, rows, tally
from loop import DAY, MORNING


def _plan(inst: Installation, event_id: str, **changes: Any) -> None:
    with inst.store.begin() as connection:
        event = one(connection, Event, event_id=event_id)
        change(connection, Event, event["id"], plan={**event["plan"], **changes})


def _named(inst: Installation, staff: dict[str, Who], event_id: str) -> str:
    lock = contacts.lock(
        inst,
        staff["epidemiologist"],
        event_id,
        ["c0"],
        reason="高风险",
        worker=staff["community_worker"].account,
    )
    contacts.approve(inst, staff["data_protection_officer"], lock)
    contacts.name(inst, staff["epidemiologist"], lock)
    return "c0"


def _delegation(**changes: Any) -> dict[str, Any]:
    return {
        "body": "grassroots_worker",
        "powers": ["collect", "read", "contact"],
        "area": "429900",
        "start": "2026-01-29",
        "end": "2026-04-29",
        **changes,
    }


def test_req_p_25_inside_permitted_outside_and_after_denied(
    inst: Installation, staff: dict[str, Who], event_id: str
) -> None:
    contact, worker = _named(inst, staff, event_id), staff["community_worker"]
    assert visits.particulars(inst, worker, contact, terminal="t1")["name"]
    for changed in (
        {"area": "110100"},  # another place
        {"start": "2026-01-30"},  # not yet
        {"start": "2026-01-01", "end": "2026-01-28"},  # over
        {"powers": ["collect", "contact"]},  # another power
        {"body": "public_security"},  # another body
    ):
        _plan(inst, event_id, delegations=[_delegation(**changed)])
        with pytest.raises(Refused):
            visits.particulars(inst, worker, contact, terminal="t1")
    _plan(inst, event_id, delegations=[])
    with pytest.raises(Refused):
        visits.particulars(inst, worker, contact, terminal="t1")
    _plan(inst, event_id, delegations=[_delegation(area="420000")])
    with pytest.raises(Refused):  # the fictional city lies in a district of its own, not in every area of 42
        _plan(inst, event_id, delegations=[_delegation(area="421100")])
        visits.particulars(inst, worker, contact, terminal="t1")
    _plan(inst, event_id, delegations=[_delegation()])
    assert visits.particulars(inst, worker, contact, terminal="t1")["name"]


def test_req_p_26_police_and_grassroots_with_a_delegation_and_not_without(
    inst: Installation, event_id: str
) -> None:
    asked: dict[str, Any] = {
        "phase": "share",
        "purpose": "close_contact_tracing",
        "data": ["name", "mobile"],
        "context": {
            "recipient": "cdc",
            "requested_by": "cdc",
            "request_record": "o1",
            "scope": "12",
            "change_of_purpose": True,
            "source": "real-name tickets",
            # what a caller claims counts for nothing: the plan is asked
            "emergency_plan_grants_power": True,
        },
    }
    event = events.get(inst, event_id)
    ways = ("kept_here", "this_house", "order_on_record", "called_back")
    for actor, body in (("public_security", "police"), ("grassroots_worker", "committee")):
        who = Who(body, "system", actor)
        with pytest.raises(Refused):
            ask(inst, who, event=event, **asked)
        given = {
            **event,
            "plan": {**event["plan"], "delegations": [_delegation(body=actor, powers=["share"])]},
        }
        assert ask(inst, who, event=given, going=ways, **asked)


def test_req_p_27_an_order_not_answered_in_time_is_escalated(
    inst: Installation, staff: dict[str, Who], event_id: str
) -> None:
    def overdue() -> int:
        needs = morning.needs(inst, events.get(inst, event_id))
        return sum(one["count"] for one in needs if one["kind"] == "overdue")

    with inst.store.begin() as connection:
        put_rows(
            connection,
            HolderOrder,
            [
                {
                    "order_id": "o1", "event_id": event_id, "holder": "h", "issued_at": MORNING,
                    "issued_by": "wang.yi", "responsible": "wang.yi", "basis": [], "sources": [],
                    "period_start": MORNING, "period_end": MORNING, "rule": {}, "row_cap": 1,
                    "expires_at": MORNING + timedelta(hours=24), "index_count": 1, "index_cases": [],
                    "document": "", "status": "sent",
                }
            ],
        )  # fmt: skip
    assert overdue() == 0
    inst.clock = SetClock(MORNING + timedelta(hours=25))
    assert overdue() == 1
    with inst.store.begin() as connection:
        change(connection, HolderOrder, one(connection, HolderOrder, order_id="o1")["id"], status="answered")
    assert overdue() == 0


def test_a_level_opens_its_tasks_once_and_daily_ones_each_day(
    inst: Installation, staff: dict[str, Who], event_id: str
) -> None:
    def waiting() -> dict[str, bool]:
        return {
            f"{row['task']} {row['day']}": row["done"] for row in plan.tasks(inst, events.get(inst, event_id))
        }

    first = waiting()
    assert set(first) == {
        f"{task} {DAY}"
        for task in ("report_to_superior", "order_to_holder", "visit_contacts", "daily_bulletin")
    }
    assert [name for name, done in first.items() if done] == [f"visit_contacts {DAY}"]  # nobody to visit yet
    bulletin.publish(inst, staff["manager"], event_id)
    assert waiting()[f"daily_bulletin {DAY}"]
    plan.done(inst, staff["manager"], event_id, "report_to_superior", "电话报告")
    assert waiting()[f"report_to_superior {DAY}"]
    events.change_level(inst, staff["manager"], event_id, "II", "蔓延")
    assert {name.split()[0] for name in waiting()} >= {"observation_centre"}
    inst.clock = SetClock(MORNING + timedelta(days=1))
    for _ in range(2):
        daily.run(inst, SYSTEM, DAY + timedelta(days=1))
    with inst.store.read() as connection:
        held = [(row["task"], row["day"]) for row in rows(connection, PlanTask)]
    assert len(held) == len(set(held))
    assert sum(task == "daily_bulletin" for task, _ in held) == 2
    assert sum(task == "report_to_superior" for task, _ in held) == 1
    inst.clock = SetClock(MORNING + timedelta(days=3))
    needs = {
        one["role"]: one["count"]
        for one in morning.needs(inst, events.get(inst, event_id))
        if one["kind"] == "task"
    }
    assert needs["manager"] == 2  # yesterday's bulletin, the observation centre
    assert needs["epidemiologist"] == 1  # the order


def test_a_task_is_its_roles_and_done_once(inst: Installation, staff: dict[str, Who], event_id: str) -> None:
    with pytest.raises(Refused):
        plan.done(inst, staff["community_worker"], event_id, "report_to_superior")
    with pytest.raises(Refused):
        plan.done(inst, staff["auditor"], event_id, "report_to_superior")
    with pytest.raises(NotFound):
        plan.done(inst, staff["manager"], event_id, "no_such_task")
    plan.done(inst, staff["epidemiologist"], event_id, "order_to_holder")
    with pytest.raises(Conflict):
        plan.done(inst, staff["epidemiologist"], event_id, "order_to_holder")


def test_conditions_follow_the_cases(inst: Installation, staff: dict[str, Who], event_id: str) -> None:
    found = plan.view(inst, staff["manager"], event_id)
    assert found["facts"] == {
        "cases": 3, "confirmed": 0, "cases_in_7_days": 2, "days_since_last_case": 5, "observed": 0,
    }  # fmt: skip
    assert not found["may_end"] and found["raise_to"] == ""
    inst.clock = SetClock(MORNING + timedelta(days=24))
    found = plan.view(inst, staff["manager"], event_id)
    assert found["may_end"] and all(one["holds"] for one in found["stop"])
    _plan(inst, event_id, levels={"I": {"start": [{"fact": "cases", "min": 3}], "stop": [], "tasks": []}})
    assert plan.view(inst, staff["manager"], event_id)["raise_to"] == "I"
    assert situation.view(inst, staff["manager"], event_id)["plan"]["raise_to"] == "I"


def test_another_plan_is_a_signed_act_and_ends_powers_at_once(
    inst: Installation, staff: dict[str, Who], event_id: str
) -> None:
    contact = _named(inst, staff, event_id)
    raw = plan.shipped(inst)
    with pytest.raises(Refused):
        plan.replace(inst, staff["epidemiologist"], event_id, raw, "x")
    with pytest.raises(BadInput):
        plan.replace(inst, staff["manager"], event_id, raw, " ")
    plan.replace(inst, staff["manager"], event_id, raw, "授权收回")
    with pytest.raises(Refused):
        visits.particulars(inst, staff["community_worker"], contact, terminal="t1")
    act = events.acts(inst, staff["manager"], event_id)[-1]
    assert act["act"] == "plan" and act["content"]["plan"]["delegations"] == []
    assert events.get(inst, event_id)["plan"]["case_rule"] == {"attribute": "workplace", "value": "城南市场"}
    with inst.store.read() as connection:
        assert tally(connection, DecisionEntry, permit=False) == 1


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"levels": {"V": {}}}, "levels.V"),
    ({"levels": {"I": {"tasks": [{"task": "x"}]}}}, "levels.I.tasks.0"),
    ({"levels": {"I": {"start": [{"fact": "cases"}]}}}, "min or max"),
    ({"levels": {"I": {"start": [{"fact": "phase_of_moon", "min": 1}]}}}, "fact"),
    ({"delegations": [_delegation(end="2026-01-01")]}, "ends before"),
    ({"delegations": [_delegation(end="2028-01-01")]}, "a year"),
    ({"delegations": [_delegation(powers=["advertise"])]}, "powers"),
    ({"delegations": [_delegation(body="press_officer")]}, "body"),
    ({"delegations": [_delegation(area="everywhere")]}, "area"),
    ({"plan_id": "a b"}, "plan_id"),
    ({"surprise": 1}, "surprise"),
]


@pytest.mark.parametrize(("change_", "said"), WRONG)
def test_a_wrong_plan_names_its_part_and_changes_nothing(
    inst: Installation, staff: dict[str, Who], event_id: str, change_: dict[str, Any], said: str
) -> None:
    before = events.get(inst, event_id)
    with pytest.raises(BadInput, match=said):
        plan.replace(inst, staff["manager"], event_id, {**plan.shipped(inst), **change_}, "x")
    assert events.get(inst, event_id) == before
    proposal = {**before, "alert_id": "", "plan": {**before["plan"], **change_}}
    with pytest.raises(BadInput, match=said):
        events.open_event(inst, staff["manager"], proposal)


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"- a", b"a: [", b"plan_id: x\nplan_id: y", b"\xff\xfe", b"x" * 400_000,
        b"a: &a [1]\nb: [*a, *a]", b"[" * 50 + b"]" * 50, b"!!python/object/apply:os.system [id]",
    ],
)  # fmt: skip
def test_a_hostile_plan_file_is_refused(raw: bytes) -> None:
    with pytest.raises(BadInput):
        plan.parse(raw)


def test_a_plan_of_ones_own_is_proposed(
    inst: Installation, staff: dict[str, Who], event_id: str, tmp_path: Path
) -> None:
    own = {"plan_id": "own", "levels": {"III": {"tasks": [
        {"task": "brief_mayor", "zh": "向市长汇报", "en": "Brief the mayor", "role": "manager"}]}}}  # fmt: skip
    (inst.home / "plan.yaml").write_text(yaml.safe_dump(own, allow_unicode=True), encoding="utf-8")
    inst.settings = inst.settings.model_copy(update={"emergency_plan": "plan.yaml"})
    assert plan.propose(inst, "workplace", "x")["plan_id"] == "own"
    inst.settings = inst.settings.model_copy(update={"emergency_plan": "none.yaml"})
    with pytest.raises(BadInput, match="cannot be read"):
        plan.propose(inst, "workplace", "x")


def test_on_the_command_line(
    inst: Installation, staff: dict[str, Who], event_id: str, tmp_path: Path
) -> None:
    run = CliRunner().invoke
    inst.close()
    shown = run(cli, ["event", "plan", event_id, "--home", str(inst.home)])
    assert shown.exit_code == 0 and "[!] report_to_superior" in shown.output  # long ago
    assert "days_since_last_case at least 28" in shown.output
    done = run(cli, ["event", "done", event_id, "report_to_superior", "--home", str(inst.home)])
    assert done.exit_code == 0, done.output
    file = tmp_path / "plan.yaml"
    file.write_text("plan_id: empty\nlevels: {}\n", encoding="utf-8")
    command = [
        "event",
        "plan",
        event_id,
        "--replace",
        str(file),
        "--reason",
        "简化",
        "--json",
        "--home",
        str(inst.home),
    ]
    changed = run(cli, command)
    assert changed.exit_code == 0 and json.loads(changed.output)["delegations"] == []


FACTS = st.fixed_dictionaries({name: st.none() | st.integers(0, 50) for name in rules.FACTS})
CONDITIONS = st.lists(
    st.builds(
        lambda fact, low, high: rules.Condition(fact=fact, min=low, max=high),
        st.sampled_from(rules.FACTS),
        st.integers(0, 50),
        st.none() | st.integers(0, 50),
    ),
    max_size=5,
)


@given(CONDITIONS, FACTS)
def test_conditions_hold_when_each_does(
    conditions: list[rules.Condition], facts: dict[str, int | None]
) -> None:
    def plain(one: rules.Condition) -> bool:
        value = facts[one.fact]
        return value is not None and value >= (one.min or 0) and (one.max is None or value <= one.max)

    assert rules.met(tuple(conditions), facts) == (bool(conditions) and all(map(plain, conditions)))
    assert [one.holds for one in rules.judge(tuple(conditions), facts)] == list(map(plain, conditions))


@given(st.dates(date(2026, 1, 1), date(2026, 12, 31)), st.integers(0, 300), st.integers(-40, 340))
def test_a_delegation_covers_its_days(start: date, length: int, at: int) -> None:
    one_ = rules.Delegation(
        body="grassroots_worker",
        powers=("read",),
        area="420100",
        start=start,
        end=start + timedelta(days=length),
    )
    day = start + timedelta(days=at)
    assert one_.covers("420103", day) == (0 <= at <= length)
    assert not one_.covers("110101", day) and not one_.covers("", day)
