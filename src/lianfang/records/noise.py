"""Noisy statistics: the privacy budget of a data set, and every answer that was given from it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, ClassVar

from lianfang.records.cases import EventId
from lianfang.records.declare import P0, P1, About, Record

_PUBLIC = frozenset({"public_bulletin"})


class NoiseBudget(Record):
    """How much privacy loss (epsilon) the noisy answers about one data set of an event may add up to."""

    about: ClassVar[About] = About(
        "noise_budget", "隐私预算", "privacy budget", "store", ("event_id", "dataset"), _PUBLIC,
        retention="keep",
    )  # fmt: skip
    event_id: EventId
    dataset: Annotated[str, P0("数据集", "data set")]
    epsilon: Annotated[str, P0("预算", "budget, a fraction")]
    spent: Annotated[str, P0("已用", "spent, a fraction")] = "0"
    granted_at: Annotated[datetime, P0("授予时间", "granted at")]
    granted_by: Annotated[str, P0("授予人", "by account")]
    reason: Annotated[str, P0("理由", "reason")] = ""


class NoisyAnswer(Record):
    """An answer with noise, kept so that the same question gets the same answer and costs nothing again."""

    about: ClassVar[About] = About(
        "noisy_answer", "含噪答案", "noisy answer", "store", ("event_id", "dataset", "digest", "epsilon"),
        _PUBLIC, retention="keep",
    )  # fmt: skip
    event_id: EventId
    dataset: Annotated[str, P0("数据集", "data set")]
    digest: Annotated[str, P0("问题摘要", "SHA-256 of the question", indexed=True)]
    question: Annotated[dict[str, Any], P0("问题", "question")]
    as_of: Annotated[date, P0("日期", "as of")]
    epsilon: Annotated[str, P0("隐私损失", "privacy loss, a fraction")]
    cells: Annotated[dict[str, Any], P1("答案", "counts with noise")]
    given_at: Annotated[datetime, P0("时间", "given at")]
    given_by: Annotated[str, P0("提问人", "by account")]
    log_index: Annotated[int, P0("日志序号", "index in the ledger")]
