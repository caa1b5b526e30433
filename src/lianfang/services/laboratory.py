"""The laboratory's desk: samples that wait, and their results."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lianfang.services import visits
from lianfang.services.gate import require
from lianfang.services.installation import Installation, Who

if TYPE_CHECKING:
    from lianfang.store import Row


def waiting(inst: Installation, who: Who) -> list[Row]:
    """Samples without a final result, then those of today; numbers only, no names."""
    from lianfang.records import LabResult, Sample
    from lianfang.store import rows

    require(who, "sample.result")
    with inst.store.read() as connection:
        samples = [row for row in rows(connection, Sample, order_by=["sample_no"]) if row["event_id"]]
        results = {row["sample_no"]: row["result"] for row in rows(connection, LabResult) if row["event_id"]}
    for row in samples:
        row["result"] = results.get(row["sample_no"], "")
    return sorted(samples, key=lambda row: (row["status"] == "tested", row["sample_no"]))


def report(inst: Installation, who: Who, sample_no: str, *, result: str) -> dict[str, Any]:
    """Enter a result; a positive one makes the contact a case."""
    return visits.record_result(inst, who, sample_no, result=result, laboratory=who.account)
