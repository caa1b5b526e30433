"""Exchange between authorities (EWRS, table 1 of the white paper): peers, alerts, two channels, cases, proofs.

What a selective message says of a person has no column here in clear: ``sealed`` holds it under a key that the
vault made for this one version of this one message, and that is destroyed by correction, erasure and purge.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

from lianfang.records.declare import P0, P1, P4, About, Record

_MESSAGE = frozenset({"contact_tracing_message"})
_NEWS = frozenset({"situation_monitoring", "contact_tracing_message"})
_RIGHTS = frozenset({"rectification", "erasure"})
_HOUSE = frozenset({"maintenance"})

MemberKind = Literal["eu_competent_authority", "eu_commission", "ecdc"]
Authority = Annotated[str, P0("机关", "authority id")]
AlertId = Annotated[str, P0("警报编号", "alert id", indexed=True)]
MessageId = Annotated[str, P0("消息编号", "message id", indexed=True)]


class ExchangePeer(Record):
    """Another authority: where it is reached, and the certificate and keys by which it is known."""

    about: ClassVar[About] = About(
        "exchange_peer", "交换机关", "exchange peer", "store", ("authority",), _HOUSE, retention="keep"
    )
    authority: Authority
    kind: Annotated[MemberKind, P0("类别", "kind (actor of the policy)")]
    name_zh: Annotated[str, P0("中文名", "name (zh)")]
    name_en: Annotated[str, P0("英文名", "name (en)")]
    url: Annotated[str, P0("地址", "address of its exchange")]
    certificate: Annotated[str, P0("证书", "its TLS certificate (PEM)")]
    fingerprint: Annotated[str, P0("证书指纹", "SHA-256 of the certificate", indexed=True)]
    sign_key: Annotated[str, P0("验签公钥", "signing public key")]
    seal_key: Annotated[str, P0("加密公钥", "sealing public key")]
    active: Annotated[bool, P0("有效", "active")] = True
    added_at: Annotated[datetime, P0("登记时间", "added at")]
    added_by: Annotated[str, P0("登记人", "added by account")]


class ExchangeAlert(Record):
    """An alert between authorities: what it is about and whom its tracing concerns. No personal data."""

    about: ClassVar[About] = About(
        "exchange_alert", "交换警报", "exchange alert", "store", ("alert_id",), _NEWS, retention="keep"
    )
    alert_id: AlertId
    issuer: Annotated[str, P0("发布机关", "issuing authority")]
    title: Annotated[str, P0("标题", "title")]
    text: Annotated[str, P0("内容", "text")]
    concerned: Annotated[list[str], P0("所涉机关", "authorities concerned by the tracing")]
    local_event: Annotated[str, P0("本地事件", "event of this installation")] = ""
    issued_at: Annotated[datetime, P0("发布时间", "issued at")]
    issued_by: Annotated[str, P0("发布人", "issued by account")] = ""


class ExchangeAlertAct(Record):
    """The circle of an alert was widened: by whom, to whom, and why. No personal data."""

    about: ClassVar[About] = About(
        "exchange_alert_act",
        "警报范围变更",
        "widening of an alert",
        "store",
        ("alert_id", "number"),
        _NEWS,
        retention="keep",
    )
    alert_id: AlertId
    number: Annotated[int, P0("序号", "number")]
    authority: Annotated[str, P0("机关", "authority that widened it")]
    added: Annotated[list[str], P0("新增机关", "authorities added")]
    reason: Annotated[str, P0("理由", "reason")]
    at: Annotated[datetime, P0("时间", "time")]
    by: Annotated[str, P0("操作人", "by account")] = ""


class ExchangePost(Record):
    """A message of the general channel, which carries no personal data."""

    about: ClassVar[About] = About(
        "exchange_post", "普通渠道消息", "general message", "store", ("post_id",), _NEWS, retention="keep"
    )
    post_id: Annotated[str, P0("编号", "post id")]
    author: Annotated[str, P0("作者机关", "authority that wrote it")]
    title: Annotated[str, P0("标题", "title")]
    text: Annotated[str, P0("内容", "text")]
    posted_at: Annotated[datetime, P0("发布时间", "posted at", indexed=True)]
    posted_by: Annotated[str, P0("发布人", "posted by account")] = ""


class ExchangeMessage(Record):
    """This authority's copy of a selective message: its outside in clear, its inside sealed."""

    about: ClassVar[About] = About(
        "exchange_message",
        "选择性消息",
        "selective message",
        "store",
        ("message_id",),
        _MESSAGE,
        retention="pack",
    )
    message_id: MessageId
    alert_id: AlertId
    event_id: Annotated[str, P0("本地事件", "event of this installation", indexed=True)] = ""
    author: Annotated[str, P0("作者机关", "authority that wrote it")]
    recipients: Annotated[list[str], P0("接收机关", "receiving authorities")]
    version: Annotated[int, P0("版本", "version")]
    posted_at: Annotated[datetime, P0("发布时间", "posted at")]
    deadline: Annotated[datetime, P0("删除期限", "erased at the latest", indexed=True)]
    pack: Annotated[str, P0("规则包", "policy pack of the term")]
    data: Annotated[list[str], P0("数据项", "kinds of data in it")]
    persons: Annotated[int, P1("人数", "persons in it")]
    state: Annotated[
        Literal["held", "blocked", "erased", "purged"], P0("状态", "state of this copy", indexed=True)
    ]
    key: Annotated[str, P0("密钥名", "name of its key in the vault")] = ""
    sealed: Annotated[
        str | None, P4("密文", "what it says, sealed under its key (base64)", kind="selective_message")
    ] = None
    updated_at: Annotated[datetime, P0("更新时间", "updated at")]


class ExchangeAct(Record):
    """What was done to a message, by which authority and why: sent, corrected, erased, blocked, purged."""

    about: ClassVar[About] = About(
        "exchange_act",
        "消息操作",
        "act upon a message",
        "store",
        ("message_id", "number"),
        _RIGHTS,
        retention="keep",
    )
    message_id: MessageId
    number: Annotated[int, P0("序号", "number")]
    act: Annotated[
        Literal["sent", "received", "corrected", "erased", "unlawful", "purged"], P0("操作", "act")
    ]
    authority: Annotated[str, P0("机关", "authority")]
    reason: Annotated[str, P0("理由", "reason")] = ""
    version: Annotated[int, P0("版本", "version")]
    at: Annotated[datetime, P0("时间", "time")]
    by: Annotated[str, P0("操作人", "by account")] = ""


class ExchangeDelivery(Record):
    """A letter to another authority that has to arrive (outbox): written with the act that it tells of."""

    about: ClassVar[About] = About(
        "exchange_delivery", "投递", "delivery", "store", ("letter_id",), _HOUSE, retention="keep"
    )
    letter_id: Annotated[str, P0("信件编号", "letter id (idempotency key)")]
    number: Annotated[int, P0("序号", "order in which letters go", indexed=True)]
    kind: Annotated[str, P0("类别", "kind of letter")]
    recipient: Annotated[str, P0("接收机关", "receiving authority", indexed=True)]
    ref: Annotated[str, P0("对象", "what it is about (id)", indexed=True)]
    key: Annotated[str, P0("密钥名", "key under which its body waits")] = ""
    body: Annotated[
        str | None, P4("正文", "its body; sealed where it is personal", kind="selective_message")
    ] = None
    created_at: Annotated[datetime, P0("写入时间", "written at")]
    state: Annotated[
        Literal["queued", "delivered", "refused", "withdrawn", "undeliverable"],
        P0("状态", "state", indexed=True),
    ] = "queued"
    attempts: Annotated[int, P0("尝试", "attempts")] = 0
    next_at: Annotated[datetime, P0("下次尝试", "next attempt at")]
    delivered_at: Annotated[datetime | None, P0("送达时间", "delivered at")] = None
    acknowledgement: Annotated[dict[str, Any], P0("回执", "signed acknowledgement")] = {}
    error: Annotated[str, P0("错误", "why it waits or was refused")] = ""


class ExchangeReceipt(Record):
    """A letter that came in: once, whatever the sender repeats."""

    about: ClassVar[About] = About(
        "exchange_receipt", "收件", "letter received", "store", ("letter_id",), _HOUSE, retention="keep"
    )
    letter_id: Annotated[str, P0("信件编号", "letter id")]
    sender: Annotated[str, P0("发送机关", "sending authority")]
    kind: Annotated[str, P0("类别", "kind of letter")]
    ref: Annotated[str, P0("对象", "what it is about (id)")]
    digest: Annotated[str, P0("摘要", "SHA-256 of the signed letter")]
    received_at: Annotated[datetime, P0("收到时间", "received at")]
    acknowledgement: Annotated[dict[str, Any], P0("回执", "signed acknowledgement")]
    log_index: Annotated[int, P0("日志序号", "index in the ledger")]


class ExchangeCase(Record):
    """A data subject's request: every authority that has a copy sees the case and answers."""

    about: ClassVar[About] = About(
        "exchange_case",
        "当事人请求",
        "data-subject request",
        "store",
        ("case_id",),
        _RIGHTS,
        retention="keep",
    )
    case_id: Annotated[str, P0("请求编号", "request id")]
    message_id: MessageId
    opened_by: Annotated[str, P0("受理机关", "authority asked by the person")]
    request: Annotated[Literal["access", "rectification", "erasure"], P0("请求", "request")]
    concerned: Annotated[list[str], P0("所涉机关", "authorities that must answer")]
    opened_at: Annotated[datetime, P0("受理时间", "opened at")]
    due_at: Annotated[datetime, P0("答复期限", "answers due at")]
    state: Annotated[Literal["open", "closed"], P0("状态", "state", indexed=True)] = "open"
    closed_at: Annotated[datetime | None, P0("办结时间", "closed at")] = None
    key: Annotated[str, P0("密钥名", "name of its key in the vault")]
    sealed: Annotated[
        str | None, P4("请求内容", "what the person says, sealed (base64)", kind="selective_message")
    ] = None


class ExchangeAnswer(Record):
    """One authority's answer in a case."""

    about: ClassVar[About] = About(
        "exchange_answer",
        "请求答复",
        "answer to a request",
        "store",
        ("case_id", "authority"),
        _RIGHTS,
        retention="keep",
    )
    case_id: Annotated[str, P0("请求编号", "request id", indexed=True)]
    authority: Authority
    outcome: Annotated[
        Literal["disclosed", "corrected", "erased", "nothing_held", "refused"], P0("结果", "outcome")
    ]
    at: Annotated[datetime, P0("时间", "time")]
    by: Annotated[str, P0("操作人", "by account")] = ""
    sealed: Annotated[
        str | None, P4("答复内容", "what it says, sealed (base64)", kind="selective_message")
    ] = None


class ExchangeGrant(Record):
    """Access of a co-ordinating body to one message: justified, recorded, for hours."""

    about: ClassVar[About] = About(
        "exchange_grant",
        "协调访问",
        "co-ordination access",
        "store",
        ("grant_id",),
        _MESSAGE,
        retention="keep",
    )
    grant_id: Annotated[str, P0("编号", "grant id")]
    message_id: MessageId
    grantor: Annotated[str, P0("授权机关", "authority that grants it")]
    peer: Annotated[str, P0("被授权机关", "authority that may look")]
    justification: Annotated[str, P0("理由", "justification")]
    not_before: Annotated[datetime, P0("生效", "from")]
    not_after: Annotated[datetime, P0("失效", "until")]
    by: Annotated[str, P0("操作人", "by account")] = ""


class ExchangeDataSet(Record):
    """The register of data sets of the exchange: controller, joint controllers, processor of each."""

    about: ClassVar[About] = About(
        "exchange_data_set", "数据集登记", "data set", "store", ("data_set",), _HOUSE, retention="keep"
    )
    data_set: Annotated[str, P0("数据集", "data set")]
    title: Annotated[str, P0("名称", "title")]
    purpose: Annotated[str, P0("目的", "purpose")]
    controller: Annotated[str, P0("控制者", "controller")]
    joint_controllers: Annotated[list[str], P0("共同控制者", "joint controllers")]
    processor: Annotated[str, P0("处理者", "processor")]
    pack: Annotated[str, P0("规则包", "policy pack")]
    retention_days: Annotated[int, P0("保存天数", "days until it is erased; 0: no personal data")]
    registered_at: Annotated[datetime, P0("登记时间", "registered at")]


class ExchangeCertificate(Record):
    """What remains of a message at its deadline: that it was, and that its keys were destroyed."""

    about: ClassVar[About] = About(
        "exchange_certificate",
        "消息销毁证书",
        "certificate of a message's end",
        "store",
        ("message_id",),
        frozenset({"expiry"}),
        retention="keep",
    )
    message_id: MessageId
    issued_at: Annotated[datetime, P0("签发时间", "issued at")]
    content: Annotated[dict[str, Any], P0("内容", "content as signed")]
    signature: Annotated[str, P0("签名", "signed note")]
    log_index: Annotated[int, P0("日志序号", "index in the ledger")]
