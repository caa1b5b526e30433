"""The work of an event: orders to holders, contacts, locks, approvals, visits, samples, observation."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, ClassVar, Literal

from lianfang.records.cases import EventId
from lianfang.records.declare import P0, P1, P2, P4, About, Record

_TRACE = frozenset({"close_contact_tracing", "epidemiological_investigation"})
_REACH = frozenset({"reach_person", "contact_key_person", "close_contact_tracing"})

ContactStatus = Literal[
    "candidate", "locked", "named", "reached", "observed", "released", "refused", "case", "dismissed"
]


class HolderOrder(Record):
    """An order to a holder as signed and sent (按需调取)."""

    about: ClassVar[About] = About(
        "holder_order", "调取令", "order to a holder", "store", ("order_id",), _TRACE
    )
    order_id: Annotated[str, P0("令号", "order id", indexed=True)]
    event_id: EventId
    holder: Annotated[str, P0("持有方", "holder")]
    issued_at: Annotated[datetime, P0("签发时间", "issued at")]
    issued_by: Annotated[str, P0("签发人", "by account")]
    responsible: Annotated[str, P0("负责人", "responsible account")]
    basis: Annotated[list[str], P0("依据", "legal basis")]
    sources: Annotated[list[str], P0("数据源", "sources asked")]
    period_start: Annotated[datetime, P0("起", "period start")]
    period_end: Annotated[datetime, P0("止", "period end")]
    rule: Annotated[dict[str, Any], P0("规则", "tracing rule")]
    row_cap: Annotated[int, P0("返回上限", "most rows that may be answered")]
    expires_at: Annotated[datetime, P0("失效时间", "expires at")]
    index_count: Annotated[int, P1("指示病例数", "index cases")]
    index_cases: Annotated[
        list[dict[str, Any]], P4("指示病例", "index tokens and their cases", kind="pseudonym")
    ]
    document: Annotated[str, P0("令文", "signed note without index tokens")]
    status: Annotated[
        Literal["draft", "sent", "answered", "refused", "expired"], P0("状态", "status", indexed=True)
    ]


class OrderAnswer(Record):
    """A holder's answer: how much he searched, returned and withheld."""

    about: ClassVar[About] = About(
        "order_answer", "调取答复", "answer to an order", "store", ("order_id",), _TRACE
    )
    order_id: Annotated[str, P0("令号", "order id")]
    event_id: EventId
    answered_at: Annotated[datetime, P0("答复时间", "answered at")]
    rows_searched: Annotated[int, P1("检索行数", "rows searched at the holder's")]
    matched: Annotated[int, P1("匹配指示病例", "index persons matched")]
    candidates: Annotated[int, P1("候选数", "candidate tokens returned")]
    withheld: Annotated[int, P1("未返回数", "rows withheld")]
    refusal: Annotated[str, P0("拒绝理由", "why it was refused")] = ""
    document: Annotated[str, P0("账目", "signed account")]


class Contact(Record):
    """An exposed token with its evidence; who it is stays unreadable until locked and approved."""

    about: ClassVar[About] = About(
        "contact",
        "密切接触者",
        "contact",
        "store",
        ("event_id", "token"),
        _TRACE,
        indexes=(("event_id", "rank"), ("event_id", "status", "level")),
    )
    contact_id: Annotated[str, P0("接触者编号", "contact id", indexed=True)]
    event_id: EventId
    order_id: Annotated[str, P0("令号", "order id", indexed=True)]
    token: Annotated[str, P4("标记", "token", kind="pseudonym", indexed=True)]
    rank: Annotated[int, P4("名次", "rank", kind="pseudonym")]
    score: Annotated[float, P4("分值", "score 0..1", kind="pseudonym")]
    level: Annotated[Literal["high", "medium", "low"], P4("风险", "risk level", kind="pseudonym")]
    reasons: Annotated[list[str], P4("理由", "reason codes with figures", kind="trajectory_generalised")]
    index_tokens: Annotated[list[str], P4("指示病例", "index tokens", kind="pseudonym")]
    last_exposure: Annotated[date | None, P4("末次接触", "last exposure", kind="trajectory_generalised")] = (
        None
    )
    status: Annotated[ContactStatus, P4("状态", "status", kind="pseudonym", indexed=True)] = "candidate"
    lock_id: Annotated[str, P0("锁定编号", "lock id", indexed=True)] = ""
    worker: Annotated[str, P0("责任人", "worker account", indexed=True)] = ""
    subject_id: Annotated[str, P4("主体", "subject, once named", kind="pseudonym", indexed=True)] = ""
    case_id: Annotated[str, P4("病例", "case, once confirmed", kind="pseudonym")] = ""
    updated_at: Annotated[datetime, P0("更新时间", "updated at")]


class RiskLock(Record):
    """A locked risk object: exactly these contacts, for this reason, until this moment."""

    about: ClassVar[About] = About(
        "risk_lock",
        "风险锁定",
        "risk lock",
        "store",
        ("lock_id",),
        frozenset({"risk_target_reidentification"}),
    )
    lock_id: Annotated[str, P0("锁定编号", "lock id")]
    event_id: EventId
    order_id: Annotated[str, P0("令号", "order id")]
    contact_ids: Annotated[list[str], P0("接触者编号", "contact ids, exactly")]
    reason: Annotated[str, P0("理由", "reason")]
    locked_by: Annotated[str, P0("锁定人", "by account")]
    locked_role: Annotated[str, P0("角色", "role")]
    locked_at: Annotated[datetime, P0("锁定时间", "locked at")]
    not_after: Annotated[datetime, P0("有效期", "valid until")]
    worker: Annotated[str, P0("责任人", "worker account")]
    status: Annotated[
        Literal["locked", "approved", "named", "withdrawn", "expired"], P0("状态", "status", indexed=True)
    ]


class Approval(Record):
    """One person's approval or refusal of a lock; two by different people in different roles are needed."""

    about: ClassVar[About] = About(
        "approval",
        "审批",
        "approval",
        "store",
        ("lock_id", "account"),
        frozenset({"risk_target_reidentification"}),
    )
    lock_id: Annotated[str, P0("锁定编号", "lock id", indexed=True)]
    event_id: EventId
    account: Annotated[str, P0("审批人", "account")]
    role: Annotated[str, P0("角色", "role")]
    verdict: Annotated[Literal["approve", "refuse"], P0("意见", "verdict")]
    at: Annotated[datetime, P0("时间", "time")]
    note: Annotated[str, P0("说明", "note")] = ""


class FollowUp(Record):
    """One visit or call to a named contact."""

    about: ClassVar[About] = About("follow_up", "随访", "follow-up", "store", ("contact_id", "day"), _REACH)
    event_id: EventId
    contact_id: Annotated[str, P0("接触者编号", "contact id", indexed=True)]
    day: Annotated[date, P2("日期", "day", kind="symptom")]
    at: Annotated[datetime, P0("时间", "time")]
    by: Annotated[str, P0("随访人", "by account")]
    medium: Annotated[Literal["visit", "call"], P0("方式", "medium")]
    reached: Annotated[bool, P4("是否联系到", "reached", kind="symptom")]
    temperature: Annotated[float | None, P4("体温", "temperature (degrees C)", kind="symptom")] = None
    symptoms: Annotated[list[str], P4("症状", "symptoms", kind="symptom")] = []
    refused: Annotated[bool, P4("拒绝", "refused the measure", kind="symptom")] = False


class ObservationOrder(Record):
    """Medical observation of a contact: start, release, refusal."""

    about: ClassVar[About] = About(
        "observation_order",
        "医学观察",
        "observation order",
        "store",
        ("contact_id", "start"),
        frozenset({"enforce_quarantine", "close_contact_tracing"}),
    )
    event_id: EventId
    contact_id: Annotated[str, P0("接触者编号", "contact id", indexed=True)]
    start: Annotated[date, P4("开始", "start", kind="diagnosis", disclosure="stat")]
    until: Annotated[date, P4("预计解除", "planned release", kind="diagnosis")]
    place: Annotated[Literal["home", "centre", "hospital"], P4("地点", "kind of place", kind="location")] = (
        "home"
    )
    status: Annotated[
        Literal["active", "released", "refused", "case"],
        P4("状态", "status", kind="diagnosis", disclosure="stat", indexed=True),
    ]
    ordered_by: Annotated[str, P0("开具人", "by account")]
    ended_at: Annotated[datetime | None, P0("结束时间", "ended at")] = None
    reason: Annotated[str, P0("原因", "reason")] = ""


class Sample(Record):
    """A sample taken or ordered: of a human, of the environment, of an animal."""

    about: ClassVar[About] = About(
        "sample",
        "样本",
        "sample",
        "store",
        ("sample_no",),
        frozenset({"epidemiological_investigation", "close_contact_tracing", "treatment"}),
    )
    sample_no: Annotated[str, P2("样本编号", "sample number", kind="pseudonym", indexed=True)]
    event_id: Annotated[str, P0("事件", "event", indexed=True)] = ""
    contact_id: Annotated[str, P0("接触者编号", "contact id", indexed=True)] = ""
    case_id: Annotated[str, P4("病例", "case", kind="pseudonym", indexed=True)] = ""
    source: Annotated[Literal["human", "environment", "animal"], P0("样本来源", "source")]
    collected_on: Annotated[date | None, P4("采样日期", "collected on", kind="symptom")] = None
    ordered_by: Annotated[str, P0("开单人", "ordered by account")] = ""
    status: Annotated[
        Literal["ordered", "collected", "tested", "cancelled"], P0("状态", "status", indexed=True)
    ]


class LabResult(Record):
    """A laboratory's result for a sample."""

    about: ClassVar[About] = About(
        "lab_result",
        "检测结果",
        "laboratory result",
        "store",
        ("sample_no", "test"),
        frozenset({"epidemiological_investigation", "close_contact_tracing", "treatment", "case_report"}),
        importable=True,
    )
    sample_no: Annotated[str, P2("样本编号", "sample number", kind="pseudonym", indexed=True)]
    event_id: Annotated[str, P0("事件", "event", indexed=True)] = ""
    card_no: Annotated[str, P2("报告卡编号", "report card number", kind="pseudonym", indexed=True)] = ""
    source: Annotated[Literal["human", "environment", "animal"], P0("样本来源", "source")] = "human"
    collected_on: Annotated[date | None, P4("采样日期", "collected on", kind="symptom")] = None
    tested_on: Annotated[date, P4("检测日期", "tested on", kind="symptom", disclosure="stat", indexed=True)]
    test: Annotated[str, P0("检测项目", "test")]
    result: Annotated[
        Literal["positive", "negative", "pending", "invalid"],
        P4("结果", "result", kind="diagnosis", disclosure="stat"),
    ]
    laboratory: Annotated[str, P0("检测单位", "laboratory")] = ""
    batch_id: Annotated[str, P0("批次", "import batch")] = ""
