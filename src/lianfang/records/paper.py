"""Paper forms: batches of numbered sheets and what became of each; serial numbers only, never what is written."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, ClassVar, Literal

from lianfang.records.cases import EventId
from lianfang.records.declare import P0, About, Record

_CUSTODY = frozenset({"returnee_registration", "epidemiological_investigation"})

PaperMoveKind = Literal["print", "return", "destroy", "lost"]


class PaperBatch(Record):
    """A batch of numbered sheets given into one person's custody (REQ-P-48)."""

    about: ClassVar[About] = About(
        "paper_batch",
        "纸质表批次",
        "batch of paper forms",
        "store",
        ("batch_id",),
        _CUSTODY,
        retention="keep",
    )
    batch_id: Annotated[str, P0("批号", "batch number (9 digits)")]
    event_id: EventId
    form: Annotated[str, P0("表单", "form (record type)")]
    sheets: Annotated[int, P0("张数", "number of sheets")]
    purpose: Annotated[str, P0("目的", "purpose")]
    decision_id: Annotated[str, P0("决定编号", "decision of the gate")]
    basis: Annotated[list[str], P0("依据", "articles")]
    obligations: Annotated[list[str], P0("义务", "obligations")]
    issued_to: Annotated[str, P0("保管人", "account that has custody", indexed=True)]
    issued_by: Annotated[str, P0("发放人", "by account")]
    issued_at: Annotated[datetime, P0("发放时间", "issued at")]
    due_at: Annotated[datetime, P0("回收时限", "to be returned by")]


class PaperMove(Record):
    """What happened to sheets of a batch: printed, returned, destroyed before a witness, lost."""

    about: ClassVar[About] = About(
        "paper_move",
        "纸质表流转",
        "move of paper forms",
        "store",
        ("batch_id", "number"),
        _CUSTODY,
        retention="keep",
    )
    move_id: Annotated[str, P0("流转编号", "move id", indexed=True)]
    batch_id: Annotated[str, P0("批号", "batch number", indexed=True)]
    event_id: EventId
    number: Annotated[int, P0("序号", "number within the batch")]
    kind: Annotated[PaperMoveKind, P0("类别", "kind")]
    sheets: Annotated[list[int], P0("张号", "numbers of the sheets")]
    at: Annotated[datetime, P0("时间", "time")]
    by: Annotated[str, P0("经办人", "by account")]
    cause: Annotated[Literal["", "mislaid", "stolen", "damaged"], P0("原因", "why a sheet is missing")] = ""
    witness: Annotated[str, P0("监销人", "account that witnessed the destruction")] = ""
    witnessed_at: Annotated[datetime | None, P0("监销时间", "witnessed at")] = None
