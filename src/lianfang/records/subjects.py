"""What a person asked to have corrected or erased, who was told of it and what they answered. Names nobody."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, ClassVar, Literal

from lianfang.records.cases import EventId
from lianfang.records.declare import P0, P1, P4, About, Record

_RIGHTS = frozenset({"rectification", "erasure"})

Ground = Literal["inaccurate", "outdated", "unnecessary", "unlawful"]
RequestId = Annotated[str, P0("请求编号", "request id", indexed=True)]


class SubjectRequest(Record):
    """A person's correction or erasure, as it was done in one event (REQ-P-42)."""

    about: ClassVar[About] = About(
        "subject_request",
        "本人请求",
        "a person's request",
        "store",
        ("request_id", "event_id"),
        _RIGHTS,
        retention="keep",
    )
    request_id: RequestId
    event_id: EventId
    request: Annotated[Literal["rectification", "erasure"], P0("请求", "request")]
    ground: Annotated[Ground, P0("理由类别", "ground")]
    changed: Annotated[list[str], P0("项目", "fields corrected or erased")]
    sets: Annotated[int, P1("身份信息条数", "sets of identifiers")]
    at: Annotated[datetime, P0("时间", "time", indexed=True)]
    by: Annotated[str, P0("操作人", "by account")]
    #: begun: written before the vault is changed; done: it was; void: it was not.
    state: Annotated[Literal["begun", "done", "void"], P0("状态", "state", indexed=True)]
    subjects: Annotated[list[str], P4("主体", "subjects, until the request is done", kind="pseudonym")] = []


class SubjectNotice(Record):
    """One recipient of a person's data who has to be told of a correction or erasure, and the answer."""

    about: ClassVar[About] = About(
        "subject_notice",
        "更正删除通知",
        "notice to a recipient",
        "store",
        ("notice_id",),
        _RIGHTS,
        retention="keep",
        indexes=(("kind", "recipient"),),
    )
    notice_id: Annotated[str, P0("通知编号", "notice id")]
    request_id: RequestId
    event_id: EventId
    kind: Annotated[Literal["authority", "holder", "worker"], P0("类别", "kind of recipient")]
    recipient: Annotated[str, P0("接收方", "recipient")]
    ref: Annotated[str, P0("对象", "message, order or contact (id)", indexed=True)]
    places: Annotated[
        list[str], P4("位置", "which of those in it he is, until answered", kind="pseudonym")
    ] = []
    created_at: Annotated[datetime, P0("写入时间", "written at")]
    due_at: Annotated[datetime, P0("答复期限", "answer due at")]
    #: held: the act is not done yet; queued: has to be told; told: waits for an answer.
    state: Annotated[Literal["held", "queued", "told", "answered", "void"], P0("状态", "state", indexed=True)]
    case_id: Annotated[str, P0("交换请求编号", "case of the exchange")] = ""
    attempts: Annotated[int, P0("尝试", "attempts")] = 0
    next_at: Annotated[datetime, P0("下次尝试", "next attempt at")]
    told_at: Annotated[datetime | None, P0("告知时间", "told at")] = None
    answered_at: Annotated[datetime | None, P0("答复时间", "answered at")] = None
    outcome: Annotated[
        Literal["", "corrected", "erased", "noted", "nothing_held", "refused"], P0("结果", "outcome")
    ] = ""
    answered_by: Annotated[str, P0("答复人", "answered by")] = ""
    error: Annotated[str, P0("错误", "why it waits")] = ""
