"""Reports committed on receipt (不得隐瞒、缓报、谎报): each case report's line, and who committed to it before us."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, ClassVar, Literal

from pydantic import StringConstraints

from lianfang.records.declare import P0, P2, P4, About, Record

_REPORTS = frozenset({"case_report", "situation_monitoring", "public_bulletin"})
Level = Literal["hospital", "laboratory", "community", "district", "city"]


class ReportLine(Record):
    """What one case report said when it came; never overwritten, and committed to in the ledger.

    The entry of the ledger commits to this line with ``salt``. The line ends with its event; the entry stays
    and says nothing more.
    """

    about: ClassVar[About] = About(
        "report_line", "报告行", "line of a report", "store", ("log_index",), _REPORTS,
        indexes=(("case_id", "log_index"),),
    )  # fmt: skip
    log_index: Annotated[int, P0("日志序号", "index in the ledger")]
    batch_id: Annotated[str, P0("批次", "import batch", indexed=True)] = ""
    row: Annotated[str, P2("行标识", "which row it is (a digest of its key)", kind="pseudonym")]
    case_id: Annotated[str, P2("病例", "case", kind="pseudonym")]
    reporter: Annotated[str, P0("报告单位", "reporting unit", indexed=True)]
    date_reporting: Annotated[date, P2("报告日期", "date of report", kind="diagnosis")]
    received_at: Annotated[datetime, P0("接收时间", "received at")]
    told: Annotated[
        dict[str, Any],
        P4("所报内容", "what bulletins count of it: class, dates, division, sex, symptoms", kind="diagnosis"),
    ]
    digest: Annotated[str, P2("行摘要", "salted digest of the whole row", kind="pseudonym")]
    salt: Annotated[str, P2("盐", "salt of the commitment", kind="pseudonym")]
    committed: Annotated[
        Literal["same", "changed", "none"], P0("源头承诺", "whether its source committed to the same")
    ] = "none"
    committed_at: Annotated[datetime | None, P0("源头承诺时间", "committed at its source")] = None


class ReportOrigin(Record):
    """A link of a delivered file's receipt: a node that committed to the file before it came here."""

    about: ClassVar[About] = About(
        "report_origin", "报告来源承诺", "commitment at a report's source", "store",
        ("file_sha256", "position"), _REPORTS, retention="keep",
    )  # fmt: skip
    file_sha256: Annotated[str, P0("文件摘要", "SHA-256 of the delivered file", indexed=True)]
    position: Annotated[int, P0("序", "place in the chain, the source first")]
    origin: Annotated[str, P0("节点", "the node's log", indexed=True)]
    source_sha256: Annotated[str, P0("原文件摘要", "SHA-256 of the file that it committed to")]
    status: Annotated[
        Literal["verified", "unknown_key", "broken"], P0("核验", "whether the commitment was verified")
    ]
    log_index: Annotated[int, P0("其日志序号", "index in its log")] = -1
    committed_at: Annotated[datetime | None, P0("承诺时间", "committed at")] = None
    size: Annotated[int, P0("检查点大小", "size of its log then")] = 0
    root: Annotated[str, P0("检查点根", "root of its log then")] = ""
    rows: Annotated[int, P0("行数", "rows that it committed to")] = 0
    same: Annotated[int, P0("一致", "of them that came as they were")] = 0
    changed: Annotated[int, P0("有改动", "that came changed")] = 0
    omitted: Annotated[int, P0("缺失", "that did not come with this file")] = 0
    received_at: Annotated[datetime, P0("接收时间", "received here at")]


class Reporter(Record):
    """A node that commits to its reports, by its log's public key (通报单位登记)."""

    about: ClassVar[About] = About(
        "reporter", "报告单位", "reporter", "store", ("origin",), _REPORTS, retention="keep"
    )
    origin: Annotated[str, P0("节点", "its log")]
    name: Annotated[str, P0("名称", "name of the reporting unit, as its reports bear it", indexed=True)]
    level: Annotated[Level, P0("层级", "level")]
    key: Annotated[str, StringConstraints(max_length=400), P0("公钥", "verifier key of its log")]
    registered_at: Annotated[datetime, P0("登记时间", "registered at")]
    registered_by: Annotated[str, P0("登记人", "by account")]
    until: Annotated[datetime | None, P0("停用", "no longer accepted from")] = None
