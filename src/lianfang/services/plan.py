"""The emergency plan at work: proposed with an event, its conditions judged, its tasks opened and ticked off.

Facts on which conditions rest are counted from the event's own rows; a level is changed by a person's signed act only,
the plan says when it may be time.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from importlib import resources
from typing import TYPE_CHECKING, Any

from lianfang.foundation.clock import day_bounds
from lianfang.foundation.errors import BadInput, Conflict, NotFound, Refused
from lianfang.guard import plan as rules
from lianfang.services.gate import record, require, within
from lianfang.services.installation import Installation, Who

if TYPE_CHECKING:
    import polars as pl
    import sqlalchemy as sa

    from lianfang.store import Row

_SHIPPED = "respiratory.yaml"
#: Days for which a proposed plan gives the community its powers.
DELEGATED_DAYS = 90
#: Levels from the lowest response to the highest.
ORDER = ("IV", "III", "II", "I")


def shipped(inst: Installation) -> dict[str, Any]:
    """The installation's own plan (setting ``emergency_plan``), else the one that the house proposes.

    Raises:
        BadInput: the file cannot be read, is no plain YAML, or is no plan; says what and where.
    """
    from lianfang.foundation import plainyaml

    if inst.settings.emergency_plan:
        path = inst.home / inst.settings.emergency_plan
        try:
            with path.open("rb") as stream:
                raw = stream.read(plainyaml.MAX_BYTES + 1)
        except OSError as error:
            raise BadInput(f"The emergency plan {path.name} cannot be read: {error.strerror}.") from None
    else:
        raw = resources.files("lianfang.services").joinpath("data", "plans", _SHIPPED).read_bytes()
    return parse(raw)


def parse(raw: bytes) -> dict[str, Any]:
    """A plan's data from YAML, checked."""
    from lianfang.foundation import plainyaml

    try:
        document = plainyaml.load(raw)
    except plainyaml.NotPlain as error:
        raise BadInput(f"The emergency plan is no plain YAML: {error}.") from None
    if not isinstance(document, dict):
        raise BadInput("The emergency plan is a mapping with plan_id and levels.")
    return rules.read(document).model_dump(mode="json")


def propose(inst: Installation, attribute: str, value: str) -> dict[str, Any]:
    """The plan for a new event: the installation's, the shared place, visits delegated to the community."""
    today = inst.today()
    plan = shipped(inst)
    plan["case_rule"] = {"attribute": attribute, "value": value}
    plan["delegations"] = plan["delegations"] or [
        {
            "body": "grassroots_worker",
            "powers": ["collect", "read", "contact"],
            "area": inst.settings.adcode,
            "start": today.isoformat(),
            "end": (today + timedelta(days=DELEGATED_DAYS)).isoformat(),
        }
    ]
    return rules.read(plan).model_dump(mode="json")


def grants(event: Row, body: str, power: str, day: date) -> bool:
    """Whether the event's plan gives a body this power in the event's area on that day (REQ-P-25).

    A plan that cannot be read gives nobody anything.
    """
    try:
        plan = rules.read(event["plan"])
    except BadInput:
        return False
    return plan.grants(body, power, str(event["adcode"]), day) is not None


def facts(inst: Installation, event: Row, known: pl.DataFrame) -> dict[str, int | None]:
    """What the conditions speak of, as of today; ``known``: the event's cases, each person once."""
    from lianfang.records import ObservationOrder
    from lianfang.store import tally

    today = inst.today()
    days = known["date_onset"].fill_null(known["first_reported"]).to_list()
    with inst.store.read() as connection:
        observed = tally(connection, ObservationOrder, event_id=event["event_id"], status="active")
    return {
        "cases": known.height,
        "confirmed": int(known["classification"].is_in(["confirmed", "confirmed_no_symptoms"]).sum()),
        "cases_in_7_days": sum(0 <= (today - day).days < 7 for day in days),
        "days_since_last_case": (today - max(days)).days if days else None,
        "observed": observed,
    }


def judged(inst: Installation, event: Row, found: Mapping[str, int | None]) -> dict[str, Any]:
    """``stop``: the level's conditions to end, each with its fact; ``may_end``; ``raise_to``: a higher level due."""
    plan = rules.read(event["plan"])
    stop = plan.response(event["level"]).stop
    above = ORDER[ORDER.index(event["level"]) + 1 :]
    due = [level for level in above if rules.met(plan.response(level).start, found)]
    return {
        "facts": dict(found),
        "stop": [
            {"fact": one.condition.fact, "min": one.condition.min, "max": one.condition.max,
             "value": one.value, "holds": one.holds}
            for one in rules.judge(stop, found)
        ],
        "may_end": rules.met(stop, found),
        "raise_to": due[-1] if due else "",
    }  # fmt: skip


def open_tasks(inst: Installation, connection: sa.Connection, event: Row, day: date) -> int:
    """Open the tasks that the event's level asks for on ``day``; what is open or done already stays."""
    from lianfang.records import PlanTask
    from lianfang.store import insert_new, tally

    plan, opened = rules.read(event["plan"]), 0
    start = max(inst.now(), day_bounds(day, inst.settings.zone)[0])
    for task in plan.response(event["level"]).tasks:
        key = {"event_id": event["event_id"], "task": task.task}
        same = {**key, "day": day} if task.every == "day" else key
        if tally(connection, PlanTask, **same):
            continue
        insert_new(
            connection,
            PlanTask(
                **key,
                day=day,
                zh=task.zh,
                en=task.en,
                role=task.role,
                opened_at=start,
                due_at=start + timedelta(hours=task.hours),
            ),
        )
        opened += 1
    return opened


def tasks(inst: Installation, event: Row) -> list[Row]:
    """The event's tasks that wait, and those of today; ``done`` tells what the house sees as done by itself."""
    from lianfang.records import PlanTask
    from lianfang.store import rows

    today, now = inst.today(), inst.now()
    with inst.store.read() as connection:
        found = rows(connection, PlanTask, event_id=event["event_id"], order_by=["due_at"])
        seen = _seen(inst, connection, event["event_id"])
    listed = []
    for row in found:
        done = row["done_at"] is not None or row["task"] in seen or (row["task"], row["day"]) in seen
        if row["day"] == today or not done:
            listed.append({**row, "done": done, "overdue": not done and row["due_at"] < now})
    return listed


def _seen(inst: Installation, connection: sa.Connection, event_id: str) -> set[str | tuple[str, date]]:
    """What the event's own rows show to be done: tasks as a whole, and daily ones with their day."""
    import sqlalchemy as sa

    from lianfang.records import Bulletin, Contact, FollowUp, HolderOrder
    from lianfang.store import table, tally

    orders, contact, bulletins, visits = (
        table(record) for record in (HolderOrder, Contact, Bulletin, FollowUp)
    )
    today = inst.today()
    seen: set[str | tuple[str, date]] = set()
    if tally(connection, HolderOrder, orders.c.status != "draft", event_id=event_id):
        seen.add("order_to_holder")
    told = sa.select(bulletins.c.as_of).where(bulletins.c.event_id == event_id)
    seen |= {("daily_bulletin", day) for day in connection.execute(told).scalars()}
    days = sa.select(visits.c.day).where(visits.c.event_id == event_id, visits.c.day != today).distinct()
    seen |= {("visit_contacts", day) for day in connection.execute(days).scalars()}
    visited = sa.select(visits.c.contact_id).where(visits.c.event_id == event_id, visits.c.day == today)
    live = contact.c.status.in_(["named", "reached", "observed"])
    if not tally(connection, Contact, live, contact.c.contact_id.not_in(visited), event_id=event_id):
        seen.add(("visit_contacts", today))
    return seen


def view(inst: Installation, who: Who, event_id: str) -> dict[str, Any]:
    """An event's plan as it stands: level, conditions with their facts, delegations, tasks."""
    from lianfang.services import cases, events

    require(who, "event.read")
    event = events.get(inst, event_id)
    within(who, event["adcode"])
    with inst.store.read() as connection:
        known = cases.persons(connection, inst.today(), event_id=event_id)
    return {
        "event_id": event_id,
        "level": event["level"],
        **judged(inst, event, facts(inst, event, known)),
        "delegations": event["plan"].get("delegations", []),
        "tasks": tasks(inst, event),
    }


def done(
    inst: Installation, who: Who, event_id: str, task: str, note: str = "", *, day: date | None = None
) -> None:
    """Tick off a task of the plan: by its role, with the moment and the account, entered in the ledger.

    Raises:
        NotFound: no such open task. Refused: another role's, another area's. Conflict: done before.
    """
    from lianfang.records import PlanTask
    from lianfang.services import events
    from lianfang.store import change, rows

    require(who, "plan.task")
    event = events.get(inst, event_id)
    within(who, event["adcode"])
    with inst.store.begin() as connection:
        same: dict[str, Any] = {"event_id": event_id, "task": task, **({"day": day} if day else {})}
        found = rows(connection, PlanTask, order_by=["day"], **same)
        if not found:
            raise NotFound("The plan has opened no such task.")
        row = next((one for one in found if one["done_at"] is None), None)
        if row is None:
            raise Conflict("This task is done already.")
        if who.role not in (row["role"], "manager"):
            raise Refused("This task is another role's.", reasons=(f"role:{row['role']}",), code="role")
        change(connection, PlanTask, row["id"], done_at=inst.now(), done_by=who.account, note=note.strip())
        record(
            inst,
            connection,
            "plan_task_done",
            who=who,
            purpose="situation_monitoring",
            ref=event_id,
            payload={"task": task, "day": row["day"], "note": note.strip()},
            event=event_id,
        )


def replace(inst: Installation, who: Who, event_id: str, raw: Mapping[str, Any], reason: str) -> None:
    """Put another plan in place of an open event's: a signed act. Powers that it no longer gives end at once.

    The rule by which cases belong to the event stays where the new plan names none.
    """
    from lianfang.records import Event
    from lianfang.services import events
    from lianfang.store import change, one

    require(who, "event.level")
    if not reason.strip():
        raise BadInput("A change of the plan needs a reason.")
    plan = rules.read(raw).model_dump(mode="json")
    with inst.store.begin() as connection:
        event = one(connection, Event, event_id=event_id)
        within(who, event["adcode"])
        if event["status"] != "open":
            raise Conflict("Only an open event has a plan to change.")
        plan["case_rule"] = plan["case_rule"] or event["plan"].get("case_rule")
        change(connection, Event, event["id"], plan=plan)
        open_tasks(inst, connection, {**event, "plan": plan}, inst.today())
        events.sign_act(inst, connection, who, event_id, "plan", {"plan": plan, "reason": reason})
