"""Who owes what in the exchange (REQ-P-45 to 47): each duty has an owner, and names the act that discharges it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

#: Who may own a duty: the authority that wrote a message, each that has a copy, the Commission, the processor.
OWNERS = {
    "author": ("发送机关", "the authority that wrote the message"),
    "authority": ("每一机关", "each authority"),
    "commission": ("委员会", "the Commission"),
    "processor": ("处理者", "the processor"),
}


@dataclass(frozen=True)
class Duty:
    """``by``: the service that discharges it, ``module:function``."""

    duty: str
    owner: str
    requirement: str
    zh: str
    en: str
    by: str


_HOME = "lianfang.services.exchange"
DUTIES = (
    Duty("inform", "author", "REQ-P-46", "告知并登记数据集", "inform, register the data set", f"{_HOME}.channel:alert"),
    Duty("minimise", "author", "REQ-P-35", "只发送追踪所需", "send what tracing needs", f"{_HOME}.messages:send"),
    Duty("rectify", "author", "REQ-P-42", "更正并通知各方", "rectify, tell the recipients", f"{_HOME}.changes:correct"),
    Duty("erase", "author", "REQ-P-42", "删除并通知各方", "erase, tell the recipients", f"{_HOME}.changes:delete"),
    Duty("answer", "authority", "REQ-P-43", "答复当事人请求", "answer a person's request", f"{_HOME}.cases:answer"),
    Duty("report", "authority", "REQ-P-47", "通报违法处理", "tell of unlawful processing",
         f"{_HOME}.changes:report_unlawful"),
    Duty("purge", "authority", "REQ-P-44", "到期清除", "purge at the deadline", f"{_HOME}.ending:purge"),
    Duty("justify", "commission", "REQ-P-41", "限时并说明理由方可查看", "look only under a justified grant that ends",
         f"{_HOME}.coordinating:look"),
    Duty("store_little", "commission", "REQ-P-46", "不留存查看内容", "keep nothing of what it looked at",
         f"{_HOME}.coordinating:look"),
    Duty("run", "processor", "REQ-P-45", "只按机关指示运行", "run the exchange as the authorities say",
         f"{_HOME}.serving:serve"),
)  # fmt: skip


def unowned(duties: Sequence[Duty] = DUTIES) -> list[str]:
    """Duties without an owner that is known, or without an act that discharges them."""
    return [one.duty for one in duties if one.owner not in OWNERS or ":" not in one.by]
