"""The house's own books: decisions of the gate, jobs, imported files, workers' terminals."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, ClassVar, Literal

from lianfang.records.declare import P0, P2, P4, About, Record

_HOUSE = frozenset({"maintenance"})


class DecisionEntry(Record):
    """A decision of the policy at a crossing: who, why, on what, with what outcome; never whose data."""

    about: ClassVar[About] = About(
        "decision",
        "决定记录",
        "decision",
        "store",
        ("decision_id",),
        _HOUSE,
        retention="keep",
        indexes=(("event_id", "log_index"),),
    )
    decision_id: Annotated[str, P0("决定编号", "decision id")]
    at: Annotated[datetime, P0("时间", "time", indexed=True)]
    account: Annotated[str, P0("账户", "account", indexed=True)]
    actor: Annotated[str, P0("主体类别", "actor kind")]
    phase: Annotated[str, P0("环节", "phase")]
    purpose: Annotated[str, P0("目的", "purpose")]
    data: Annotated[list[str], P0("数据项", "kinds of data")]
    event_id: Annotated[str, P0("事件", "event", indexed=True)] = ""
    ref: Annotated[str, P2("对象", "what it was about (id)", kind="pseudonym", indexed=True)] = ""
    rows: Annotated[int, P0("行数", "rows")] = 0
    permit: Annotated[bool, P0("是否允许", "permitted", indexed=True)]
    basis: Annotated[list[str], P0("依据", "articles")]
    obligations: Annotated[list[str], P0("义务", "obligations")]
    reasons: Annotated[list[str], P0("理由", "reasons")]
    pack: Annotated[str, P0("规则包", "policy pack")]
    log_index: Annotated[int | None, P0("日志序号", "index in the ledger", indexed=True)] = None
    terminal: Annotated[str, P0("终端", "terminal (command line; otherwise a session's)")] = ""
    os_account: Annotated[str, P0("系统账户", "operating-system account, on the command line")] = ""


class Batch(Record):
    """One imported file; the same bytes twice change nothing."""

    about: ClassVar[About] = About("batch", "导入批次", "import batch", "store", ("kind", "sha256"), _HOUSE)
    batch_id: Annotated[str, P0("批次", "batch id", indexed=True)]
    kind: Annotated[str, P0("类别", "record type")]
    sha256: Annotated[str, P0("摘要", "SHA-256 of the file and its mapping")]
    day: Annotated[date | None, P0("日期", "day of delivery", indexed=True)] = None
    rows: Annotated[int, P0("行数", "rows read")] = 0
    accepted: Annotated[int, P0("接受", "rows accepted")] = 0
    changed: Annotated[int, P0("变更", "rows new or changed")] = 0
    rejected: Annotated[int, P0("拒绝", "rows rejected")] = 0
    status: Annotated[Literal["staged", "done"], P0("状态", "status")]
    at: Annotated[datetime, P0("时间", "time")]
    by: Annotated[str, P0("操作人", "by account")] = ""


class Job(Record):
    """Long work: this row is the truth, the executor is told its id only."""

    about: ClassVar[About] = About("job", "任务", "job", "store", ("job_id",), _HOUSE, retention="keep")
    job_id: Annotated[str, P0("任务编号", "job id")]
    kind: Annotated[str, P0("类别", "kind", indexed=True)]
    arguments: Annotated[dict[str, Any], P0("参数", "arguments (ids, dates; no personal data)")]
    idempotency_key: Annotated[str, P0("幂等键", "idempotency key", indexed=True)]
    status: Annotated[
        Literal["queued", "running", "done", "failed", "cancelled"], P0("状态", "status", indexed=True)
    ]
    stage: Annotated[str, P0("阶段", "stage")] = ""
    done: Annotated[int, P0("完成", "units done")] = 0
    total: Annotated[int, P0("总数", "units in all")] = 0
    attempts: Annotated[int, P0("尝试", "attempts")] = 0
    cancel_asked: Annotated[bool, P0("请求取消", "cancel was asked for")] = False
    leased_until: Annotated[datetime | None, P0("租约", "lease ends")] = None
    lease: Annotated[str, P0("执行者", "lease holder")] = ""
    created_at: Annotated[datetime, P0("建立", "created at")]
    created_by: Annotated[str, P0("建立人", "by account")] = ""
    finished_at: Annotated[datetime | None, P0("结束", "finished at")] = None
    result: Annotated[dict[str, Any], P0("结果", "result (ids, counts)")] = {}
    error: Annotated[str, P0("错误", "error code and message")] = ""


class Backup(Record):
    """An encrypted backup that was made: of the data without keys, or of the keys alone."""

    about: ClassVar[About] = About(
        "backup", "备份", "backup", "store", ("backup_id",), _HOUSE, retention="keep"
    )
    backup_id: Annotated[str, P0("备份编号", "backup id")]
    kind: Annotated[Literal["data", "keys"], P0("类别", "kind")]
    made_at: Annotated[datetime, P0("时间", "time")]
    made_by: Annotated[str, P0("操作人", "by account")] = ""
    file: Annotated[str, P0("文件", "name of the file")]
    sha256: Annotated[str, P0("摘要", "SHA-256 of the file")]
    size: Annotated[int, P0("字节数", "bytes")]
    files: Annotated[int, P0("文件数", "files in it")]
    recipients: Annotated[list[str], P0("接收公钥", "public keys that open it")] = []
    expires_on: Annotated[date, P0("保留至", "kept until")]
    drilled_at: Annotated[datetime | None, P0("演练时间", "last restore drill")] = None
    drill: Annotated[Literal["", "passed", "failed"], P0("演练结果", "its outcome")] = ""
    removed_at: Annotated[datetime | None, P0("删除时间", "removed at")] = None


class Division(Record):
    """A division that the installation adds to the table of GB/T 2260 (a fictional city, a new district)."""

    about: ClassVar[About] = About(
        "division", "区划", "division", "store", ("adcode",), _HOUSE, retention="keep"
    )
    adcode: Annotated[str, P0("代码", "adcode")]
    level: Annotated[Literal["province", "prefecture", "county"], P0("级别", "level")]
    name_zh: Annotated[str, P0("中文名", "name (zh)")]
    name_en: Annotated[str, P0("英文名", "name (en)")]
    parent: Annotated[str, P0("上级", "parent")] = ""
    lat: Annotated[float | None, P0("纬度", "latitude")] = None
    lon: Annotated[float | None, P0("经度", "longitude")] = None
    population: Annotated[int | None, P0("人口", "population")] = None


class HolderEntry(Record):
    """The register of holders: who may be asked, where, with which keys (REQ-P-13)."""

    about: ClassVar[About] = About(
        "holder", "持有方登记", "holder", "store", ("holder",), _HOUSE, retention="keep"
    )
    holder: Annotated[str, P0("持有方", "holder id")]
    kind: Annotated[str, P0("类别", "kind (actor of the policy)")]
    name_zh: Annotated[str, P0("中文名", "name (zh)")]
    name_en: Annotated[str, P0("英文名", "name (en)")]
    url: Annotated[str, P0("地址", "address of the node")]
    sources: Annotated[list[str], P0("数据源", "sources")]
    sign_key: Annotated[str, P0("验签公钥", "signing public key")]
    seal_key: Annotated[str, P0("加密公钥", "sealing public key")]
    active: Annotated[bool, P0("有效", "active")] = True


class Reading(Record):
    """A reading of identities: which worker read which contact's particulars, when, under which lock."""

    about: ClassVar[About] = About(
        "reading",
        "查阅记录",
        "reading",
        "store",
        ("reading_id",),
        _HOUSE,
        retention="keep",
        indexes=(("event_id", "at"),),
    )
    reading_id: Annotated[str, P0("查阅编号", "reading id")]
    at: Annotated[datetime, P0("时间", "time", indexed=True)]
    account: Annotated[str, P0("账户", "account", indexed=True)]
    event_id: Annotated[str, P0("事件", "event", indexed=True)]
    contact_id: Annotated[str, P4("接触者编号", "contact id", kind="pseudonym", indexed=True)]
    lock_id: Annotated[str, P0("锁定编号", "lock id")]
    fields_read: Annotated[list[str], P0("字段", "fields shown")]
    decision_id: Annotated[str, P0("决定编号", "decision id")]
