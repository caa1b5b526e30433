"""What went wrong with personal data, and what was done about it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, ClassVar, Literal

from lianfang.records.declare import NOBODYS, P0, P1, P2, About, Record

_DUTY = frozenset({"maintenance"})

IncidentStatus = Literal["open", "closed"]
StepKind = Literal[
    "reported", "found", "note", "contained", "notified_authority", "notified_persons", "no_notice", "closed"
]


class Incident(Record):
    """An incident with personal data (REQ-P-68). Its words name nobody: they were looked through first."""

    about: ClassVar[About] = About(
        "incident", "安全事件", "incident", "store", ("incident_id",), _DUTY, retention="keep"
    )
    incident_id: Annotated[str, P0("编号", "incident id")]
    event_id: Annotated[str, P0("事件", "event", indexed=True)] = ""
    source: Annotated[Literal["person", "canary", "paper"], P0("来源", "who noticed")]
    reported_at: Annotated[datetime, P0("报告时间", "reported at")]
    reported_by: Annotated[str, P0("报告人", "by account")]
    what: Annotated[str, P2("经过", "what happened", kind=NOBODYS, disclosure="never")]
    kinds: Annotated[list[str], P0("信息种类", "kinds of data")] = []
    cause: Annotated[str, P2("原因", "cause", kind=NOBODYS, disclosure="never")] = ""
    harm: Annotated[str, P2("可能的危害", "possible harm", kind=NOBODYS, disclosure="never")] = ""
    persons: Annotated[int | None, P1("涉及人数", "persons concerned")] = None
    remedy: Annotated[str, P2("补救措施", "remedy", kind=NOBODYS, disclosure="never")] = ""
    contact: Annotated[str, P0("联系方式", "contact point", disclosure="never")] = ""
    status: Annotated[IncidentStatus, P0("状态", "status", indexed=True)] = "open"
    closed_at: Annotated[datetime | None, P0("结束时间", "closed at")] = None
    closed_by: Annotated[str, P0("结束人", "closed by account")] = ""


class IncidentStep(Record):
    """One step taken about an incident: what, by whom, when. Steps are only ever added."""

    about: ClassVar[About] = About(
        "incident_step",
        "处置步骤",
        "step about an incident",
        "store",
        ("incident_id", "number"),
        _DUTY,
        retention="keep",
    )
    incident_id: Annotated[str, P0("编号", "incident id", indexed=True)]
    number: Annotated[int, P0("序号", "number")]
    kind: Annotated[StepKind, P0("类别", "kind")]
    at: Annotated[datetime, P0("时间", "time")]
    by: Annotated[str, P0("操作人", "by account")]
    note: Annotated[str, P2("说明", "note", kind=NOBODYS, disclosure="never")] = ""
