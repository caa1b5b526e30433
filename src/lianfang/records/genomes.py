"""Pathogen genomes of an event's samples: what was read from them, never the sequence beside a name."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, ClassVar

from lianfang.records.declare import P0, P1, P2, P4, About, Record


class Genome(Record):
    """What a sample's genome showed. The sequence stays with the laboratory; a later reading replaces this one."""

    about: ClassVar[About] = About(
        "genome",
        "病原体基因组",
        "pathogen genome",
        "store",
        ("sample_no",),
        frozenset({"epidemiological_investigation", "treatment"}),
    )
    sample_no: Annotated[str, P2("样本编号", "sample number", kind="pseudonym", indexed=True)]
    event_id: Annotated[str, P0("事件", "event", indexed=True)]
    case_id: Annotated[str, P4("病例", "case", kind="pseudonym", indexed=True)] = ""
    collected_on: Annotated[date | None, P4("采样日期", "collected on", kind="symptom")] = None
    received_at: Annotated[datetime, P0("接收时间", "received at")]
    received_by: Annotated[str, P0("接收人", "received by account")]
    status: Annotated[str, P0("状态", "status")]
    quality: Annotated[str, P0("质量", "quality")] = ""
    quality_score: Annotated[float | None, P1("质量分", "quality score")] = None
    clade: Annotated[str, P4("分支", "clade", kind="diagnosis", disclosure="stat")] = ""
    lineage: Annotated[str, P4("谱系", "lineage", kind="diagnosis", disclosure="stat")] = ""
    substitutions: Annotated[list[str], P4("碱基变异", "substitutions", kind="diagnosis")]
    deletions: Annotated[list[str], P4("缺失", "deletions", kind="diagnosis")]
    insertions: Annotated[list[str], P4("插入", "insertions", kind="diagnosis")]
    residues: Annotated[list[str], P4("氨基酸变异", "amino-acid changes", kind="diagnosis")]
    unseen: Annotated[list[str], P4("未测出区段", "ranges not seen", kind="diagnosis")]
    oligos: Annotated[list[str], P4("失配引物", "oligos that no longer fit", kind="diagnosis")]
    dataset: Annotated[str, P0("数据集", "dataset and version")]
    log_index: Annotated[int, P0("日志序号", "index in the ledger")]
