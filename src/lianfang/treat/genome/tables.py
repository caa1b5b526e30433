"""Reports as a table with Nextclade's column names, so that what reads its TSV reads ours, and columns of our own."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import Any

from lianfang.foundation.text import spreadsheet_safe
from lianfang.treat.genome.report import GenomeReport

#: Ours, after Nextclade's.
OWN = (
    "status",
    "lineageReason",
    "lineageRunnerUp",
    "lineageRunnerUpDistance",
    "oligosDoubtful",
    "oligosWeak",
    "dataset",
)


def row(report: GenomeReport) -> dict[str, Any]:
    """One report as a row; an empty text where there is nothing to say."""
    qc = report.qc
    made: dict[str, Any] = {
        "seqName": report.name,
        "clade": report.clade or "",
        "Nextclade_pango": report.lineage or "",
        "qc.overallScore": f"{qc.overall_score:.6f}" if qc else "",
        "qc.overallStatus": qc.status if qc else "",
        "totalSubstitutions": len(report.substitutions) if qc else "",
        "totalDeletions": sum(_length(one) for one in report.deletions) if qc else "",
        "totalInsertions": sum(len(one.partition(":")[2]) for one in report.insertions) if qc else "",
        "totalFrameShifts": len(report.frame_shifts) if qc else "",
        "totalAminoacidSubstitutions": len(report.aa_substitutions) if qc else "",
        "totalAminoacidDeletions": len(report.aa_deletions) if qc else "",
        "totalMissing": qc.missing_total if qc else "",
        "totalNonACGTNs": len(report.mixed) if qc else "",
        "substitutions": ",".join(report.substitutions),
        "deletions": ",".join(report.deletions),
        "insertions": ",".join(report.insertions),
        "frameShifts": ",".join(report.frame_shifts),
        "aaSubstitutions": ",".join(report.aa_substitutions),
        "aaDeletions": ",".join(report.aa_deletions),
        "aaInsertions": ",".join(report.aa_insertions),
        "missing": ",".join(report.missing),
        "nonACGTNs": ",".join(report.mixed),
        "alignmentStart": report.alignment_start if qc else "",
        "alignmentEnd": report.alignment_end if qc else "",
        "qc.missingData.totalMissing": qc.missing_total if qc else "",
        "qc.missingData.score": f"{qc.missing_score:.6f}" if qc else "",
        "qc.mixedSites.totalMixedSites": qc.mixed_total if qc else "",
        "qc.mixedSites.score": f"{qc.mixed_score:.6f}" if qc else "",
        "qc.privateMutations.total": f"{qc.private_total:g}" if qc else "",
        "qc.privateMutations.score": f"{qc.private_score:.6f}" if qc else "",
        "qc.snpClusters.score": f"{qc.snp_clusters_score:.6f}" if qc else "",
        "qc.frameShifts.totalFrameShifts": qc.frame_shifts if qc else "",
        "qc.frameShifts.score": f"{qc.frame_shifts_score:.6f}" if qc else "",
        "qc.stopCodons.totalStopCodons": qc.stop_codons if qc else "",
        "qc.stopCodons.score": f"{qc.stop_codons_score:.6f}" if qc else "",
        "isReverseComplement": str(report.status == "reversed").lower(),
        "errors": "" if qc else report.status,
        "status": report.status,
        "lineageReason": report.lineage_reason,
        "lineageRunnerUp": report.lineage_runner_up or "",
        "lineageRunnerUpDistance": ""
        if report.lineage_runner_up_distance is None
        else report.lineage_runner_up_distance,
        "oligosDoubtful": ",".join(one.oligo for one in report.oligos if one.verdict == "doubtful"),
        "oligosWeak": ",".join(one.oligo for one in report.oligos if one.verdict == "weak"),
        "dataset": report.dataset,
    }
    return made


def _length(told: str) -> int:
    low, _, high = told.partition("-")
    return int(high or low) - int(low) + 1


def tsv(reports: Iterable[GenomeReport]) -> str:
    """All reports, tab-separated. A cell that a spreadsheet would take for a formula is led by an apostrophe."""
    rows = [row(one) for one in reports]
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]) if rows else ["seqName"], delimiter="\t", lineterminator="\n")
    writer.writeheader()
    for one in rows:
        writer.writerow({key: spreadsheet_safe(value) for key, value in one.items()})
    return out.getvalue()
