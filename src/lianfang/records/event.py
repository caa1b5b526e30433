"""The event (突发公共卫生事件) and the acts upon it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, ClassVar, Literal

from pydantic import StringConstraints

from lianfang.records.cases import EventId
from lianfang.records.declare import NOBODYS, P0, P1, P2, P4, About, Record

_COMMAND = frozenset({"situation_monitoring", "epidemiological_investigation", "close_contact_tracing"})
Level = Literal["I", "II", "III", "IV"]
EventStatus = Literal["proposed", "open", "closed", "dismissed"]


class Event(Record):
    """An event: what is fought, where, under which law and plan, and when its data end."""

    about: ClassVar[About] = About(
        "event", "事件", "event", "store", ("event_id",), _COMMAND, retention="keep"
    )
    event_id: EventId
    title: Annotated[str, P0("名称", "title")]
    adcode: Annotated[str, P0("地点", "place (GB/T 2260)", kind="region_index")]
    disease: Annotated[str, P0("疾病", "disease")]
    case_definition: Annotated[str, P0("病例定义版本", "case-definition edition")]
    level: Annotated[Level, P0("响应级别", "response level")]
    start_conditions: Annotated[str, P0("启动条件", "start conditions")]
    stop_conditions: Annotated[str, P0("终止条件", "stop conditions")]
    legal_basis: Annotated[list[str], P0("法律依据", "legal basis")]
    plan: Annotated[dict[str, Any], P0("应急预案", "emergency plan with delegations")]
    retention_pack: Annotated[str, P0("留存规则包", "policy pack of the retention plan")]
    retention_until: Annotated[date, P0("留存截止", "data end on")]
    status: Annotated[EventStatus, P0("状态", "status", indexed=True)]
    opened_at: Annotated[datetime | None, P0("启动时间", "opened at")] = None
    opened_by: Annotated[str, P0("启动人", "opened by account")] = ""
    closed_at: Annotated[datetime | None, P0("终止时间", "closed at")] = None
    closed_by: Annotated[str, P0("终止人", "closed by account")] = ""


class EventAct(Record):
    """A signed act upon an event: opened, level changed, closed; kept as proof."""

    about: ClassVar[About] = About(
        "event_act",
        "事件操作",
        "act upon an event",
        "store",
        ("event_id", "number"),
        _COMMAND,
        retention="keep",
    )
    event_id: EventId
    number: Annotated[int, P0("序号", "number")]
    act: Annotated[Literal["open", "level", "plan", "definition", "close", "dismiss"], P0("操作", "act")]
    at: Annotated[datetime, P0("时间", "time")]
    by: Annotated[str, P0("操作人", "by account")]
    content: Annotated[dict[str, Any], P0("内容", "content as signed")]
    signature: Annotated[str, P0("签名", "Ed25519 signature (base64)")]
    key_id: Annotated[str, P0("公钥", "key id")]


class PlanTask(Record):
    """A task that the emergency plan opened at a level: whose it is, until when, and who did it."""

    about: ClassVar[About] = About(
        "plan_task",
        "预案任务",
        "task of the plan",
        "store",
        ("event_id", "task", "day"),
        _COMMAND,
    )
    event_id: EventId
    task: Annotated[str, P0("任务", "task")]
    day: Annotated[date, P0("日期", "day")]
    zh: Annotated[str, P0("说明（中文）", "in Chinese")]
    en: Annotated[str, P0("说明（英文）", "in English")]
    role: Annotated[str, P0("责任角色", "role that owes it")]
    opened_at: Annotated[datetime, P0("下达时间", "opened at")]
    due_at: Annotated[datetime, P0("时限", "due at")]
    done_at: Annotated[datetime | None, P0("完成时间", "done at")] = None
    done_by: Annotated[str, P0("完成人", "done by account")] = ""
    note: Annotated[str, P2("备注", "note", kind=NOBODYS, disclosure="never")] = ""


class Alert(Record):
    """What the daily cycle found and a person has to judge."""

    about: ClassVar[About] = About(
        "alert", "预警", "alert", "store", ("as_of", "method", "attribute", "value"), _COMMAND
    )
    alert_id: Annotated[str, P0("预警编号", "alert id", indexed=True)]
    event_id: Annotated[str, P0("事件", "event", indexed=True)] = ""
    as_of: Annotated[date, P0("日期", "as of", indexed=True)]
    method: Annotated[str, P0("方法", "method")]
    attribute: Annotated[str, P0("属性", "attribute")]
    value: Annotated[str, P4("值", "value (place, series)", kind="location")]
    adcode: Annotated[str, P0("区划", "division", kind="region_index")] = ""
    observed: Annotated[float, P1("观察值", "observed")]
    expected: Annotated[float | None, P1("期望值", "expected")] = None
    p_value: Annotated[float | None, P1("P值", "p value")] = None
    evidence: Annotated[
        dict[str, Any], P4("依据", "evidence: counts, dates, case ids", kind="pseudonym")
    ] = {}
    status: Annotated[
        Literal["new", "superseded", "dismissed", "opened"], P0("状态", "status", indexed=True)
    ] = "new"
    decided_by: Annotated[str, P0("处理人", "decided by account")] = ""
    decided_at: Annotated[datetime | None, P0("处理时间", "decided at")] = None
    reason: Annotated[str, P0("理由", "reason")] = ""


class DayResult(Record):
    """Outcome of one step of the daily cycle for one day; a re-run gives the same digest."""

    about: ClassVar[About] = About(
        "day_result", "每日结果", "result of a daily step", "store", ("as_of", "step"), _COMMAND
    )
    as_of: Annotated[date, P0("日期", "as of", indexed=True)]
    step: Annotated[str, P0("步骤", "step")]
    digest: Annotated[str, P0("摘要", "SHA-256 of the outcome")]
    outcome: Annotated[dict[str, Any], P1("结果", "outcome (aggregates)")]


class QualityFinding(Record):
    """What the quality step found in a source on a day: balance, jump, missing day, definition break."""

    about: ClassVar[About] = About(
        "quality_finding",
        "质量问题",
        "quality finding",
        "store",
        ("as_of", "check", "subject_of"),
        _COMMAND,
        retention="keep",
    )
    as_of: Annotated[date, P0("日期", "as of", indexed=True)]
    check: Annotated[str, P0("检查", "check")]
    subject_of: Annotated[str, P0("对象", "series, place or file")]
    severity: Annotated[Literal["info", "warning", "error"], P0("程度", "severity")]
    message_zh: Annotated[str, P0("说明（中文）", "message in Chinese")]
    message_en: Annotated[str, P0("说明（英文）", "message in English")]
    expected: Annotated[float | None, P1("期望", "expected")] = None
    found: Annotated[float | None, P1("实际", "found")] = None


class Bulletin(Record):
    """What was told to the public, what was withheld, and the proof."""

    about: ClassVar[About] = About(
        "bulletin",
        "通报",
        "bulletin",
        "store",
        ("event_id", "number"),
        frozenset({"public_bulletin"}),
        retention="keep",
    )
    event_id: EventId
    number: Annotated[int, P0("期号", "number")]
    as_of: Annotated[date, P0("日期", "as of")]
    audience: Annotated[Literal["public", "residents", "same_area"], P0("受众", "audience")]
    content: Annotated[dict[str, Any], P0("内容", "tables and texts as released")]
    withheld: Annotated[list[dict[str, Any]], P1("未公开项", "what was withheld and why (counts)")]
    # the note holds the whole bulletin, and a listing of many cases is long
    signature: Annotated[str, StringConstraints(max_length=1 << 20), P0("签名", "signed note")]
    log_index: Annotated[int, P0("日志序号", "index in the ledger")]
    corrects: Annotated[int | None, P0("更正期号", "number that it corrects")] = None
    published_at: Annotated[datetime, P0("发布时间", "published at")]
    published_by: Annotated[str, P0("发布人", "by account")]


class Certificate(Record):
    """What remains of a closed event: which data were destroyed, coarsened or kept, and on what basis."""

    about: ClassVar[About] = About(
        "certificate",
        "销毁证书",
        "certificate",
        "store",
        ("event_id",),
        frozenset({"expiry"}),
        retention="keep",
    )
    event_id: EventId
    issued_at: Annotated[datetime, P0("签发时间", "issued at")]
    content: Annotated[dict[str, Any], P0("内容", "content as signed")]
    signature: Annotated[str, P0("签名", "signed note")]
    log_index: Annotated[int, P0("日志序号", "index in the ledger")]


class ReceivedReport(Record):
    """A commitment to each report on receipt (不得隐瞒、缓报、谎报)."""

    about: ClassVar[About] = About(
        "received_report",
        "报告接收",
        "received report",
        "store",
        ("sha256",),
        frozenset({"situation_monitoring"}),
        retention="keep",
    )
    sha256: Annotated[str, P0("摘要", "SHA-256 of the file")]
    kind: Annotated[str, P0("类别", "record type")]
    rows: Annotated[int, P1("行数", "rows")]
    received_at: Annotated[datetime, P0("接收时间", "received at")]
    day: Annotated[date, P2("日期", "day of the report", kind=NOBODYS, disclosure="public")]
    log_index: Annotated[int, P0("日志序号", "index in the ledger")]
