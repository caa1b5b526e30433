"""The emergency plan (突发事件应急预案) as something that runs: levels, conditions, tasks, delegations.

A plan is data. It says which facts start and end a response level, which tasks a level opens and whose they are,
and which bodies it gives which powers, where and until when (Regulation on Public Health Emergencies, 2003, arts
10-11; REQ-P-25 to 27). The gate asks it whether a body has a power; nobody else may say so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from lianfang.foundation.errors import BadInput

Level = Literal["I", "II", "III", "IV"]
#: Facts that a condition may speak of, each a whole number on the day that is asked about.
FACTS = ("cases", "confirmed", "cases_in_7_days", "days_since_last_case", "observed")
Fact = Literal["cases", "confirmed", "cases_in_7_days", "days_since_last_case", "observed"]
#: Bodies to which a plan may give powers (REQ-P-25, 26); all others act by their own power or not at all.
Body = Literal["grassroots_worker", "public_security", "local_education_department", "telecom_operator",
               "internet_company", "medical_institution", "health_admin"]  # fmt: skip
Power = Literal["collect", "use", "read", "share", "send", "contact", "link", "rectify"]
Role = Literal["epidemiologist", "manager", "community_worker", "clinician", "laboratory", "supply_officer",
               "data_protection_officer", "security_officer"]  # fmt: skip
Code = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z_]{1,39}$")]
Words = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
Area = Annotated[str, StringConstraints(pattern=r"^\d{6}$|^\d{9}$|^\d{12}$")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Condition(_Part):
    """``fact`` is at least ``min`` or at most ``max`` (or both)."""

    fact: Fact
    min: Annotated[int, Field(ge=0, le=10**9)] | None = None
    max: Annotated[int, Field(ge=0, le=10**9)] | None = None

    @model_validator(mode="after")
    def _bounded(self) -> Condition:
        if self.min is None and self.max is None:
            raise ValueError("a condition needs min or max")
        return self

    def holds(self, value: int | None) -> bool:
        """Whether the fact's value meets it; an unknown fact meets nothing."""
        if value is None:
            return False
        return (self.min is None or value >= self.min) and (self.max is None or value <= self.max)


class Task(_Part):
    """What a level opens: ``every`` day anew or once, due ``hours`` after it was opened, owed by a role."""

    task: Code
    zh: Words
    en: Words
    role: Role
    every: Literal["day", "once"] = "once"
    hours: Annotated[int, Field(ge=1, le=24 * 90)] = 24


class Response(_Part):
    """A response level: it starts when all of ``start`` hold and may end when all of ``stop`` do."""

    start: Annotated[tuple[Condition, ...], Field(max_length=20)] = ()
    stop: Annotated[tuple[Condition, ...], Field(max_length=20)] = ()
    tasks: Annotated[tuple[Task, ...], Field(max_length=50)] = ()

    @model_validator(mode="after")
    def _distinct(self) -> Response:
        if len({task.task for task in self.tasks}) != len(self.tasks):
            raise ValueError("a task is named twice")
        return self


class Delegation(_Part):
    """Powers given to a body in an area, first and last day included."""

    body: Body
    powers: Annotated[tuple[Power, ...], Field(min_length=1, max_length=8)]
    area: Area
    start: date
    end: date

    @model_validator(mode="after")
    def _in_order(self) -> Delegation:
        if self.end < self.start:
            raise ValueError("it ends before it begins")
        if (self.end - self.start).days > 366:
            raise ValueError("it lasts a year at most")
        return self

    def covers(self, area: str, day: date) -> bool:
        """Whether the area lies within, on a day within."""
        from lianfang.guard.accounts.rights import area_within

        return self.start <= day <= self.end and area_within(area, self.area)


class CaseRule(_Part):
    """Cases that share this belong to the event."""

    attribute: Literal["workplace", "school", "household", "place", "series"]
    value: Annotated[str, StringConstraints(min_length=1, max_length=200)]


class Plan(_Part):
    """An emergency plan. ``source`` says where it comes from; one that says nothing gives and asks nothing."""

    plan_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,80}$")] = "none"
    source: Annotated[str, StringConstraints(max_length=400)] = ""
    case_rule: CaseRule | None = None
    delegations: Annotated[tuple[Delegation, ...], Field(max_length=200)] = ()
    levels: dict[Level, Response] = Field(default_factory=dict)

    def response(self, level: str) -> Response:
        """The level's part; a level of which the plan says nothing has no conditions and no tasks."""
        return {**self.levels}.get(level, Response())  # type: ignore[call-overload,no-any-return]

    def grants(self, body: str, power: str, area: str, day: date) -> Delegation | None:
        """The delegation that gives ``body`` this power there on that day, or None (REQ-P-25)."""
        return next(
            (
                one
                for one in self.delegations
                if one.body == body and power in one.powers and one.covers(area, day)
            ),
            None,
        )


@dataclass(frozen=True)
class Judged:
    """A condition, what the fact was, and whether it holds."""

    condition: Condition
    value: int | None
    holds: bool


def read(raw: Mapping[str, Any]) -> Plan:
    """A plan from its data.

    Raises:
        BadInput: names the part that is wrong, never its value.
    """
    try:
        return Plan.model_validate(dict(raw))
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "plan"
        raise BadInput(f"The emergency plan's {where}: {first['msg']}.") from None


def judge(conditions: tuple[Condition, ...], facts: Mapping[str, int | None]) -> list[Judged]:
    """Each condition with the fact as it is."""
    return [Judged(one, facts.get(one.fact), one.holds(facts.get(one.fact))) for one in conditions]


def met(conditions: tuple[Condition, ...], facts: Mapping[str, int | None]) -> bool:
    """Whether there are conditions and all of them hold."""
    return bool(conditions) and all(one.holds for one in judge(conditions, facts))
