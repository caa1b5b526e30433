"""The laboratory's desk: samples that wait, and their results."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lianfang.foundation.errors import Refused
from lianfang.services import events, visits
from lianfang.services.gate import ask, reaches, require
from lianfang.services.installation import Installation, Who

if TYPE_CHECKING:
    from lianfang.store import Row


def waiting(inst: Installation, who: Who) -> list[Row]:
    """Samples without a final result, then those of today; numbers only, no names.

    Samples of an event that has ended are left out: its data wait for deletion only.
    """
    import sqlalchemy as sa

    from lianfang.records import Event, LabResult, Sample
    from lianfang.store import rows, table

    require(who, "sample.result")
    sample, result = table(Sample), table(LabResult)
    numbers = sa.select(sample.c.sample_no).where(sample.c.event_id != "")
    # delivered results, which are of no event, may be many: only those of the desk's own samples are read
    statement = sa.select(result.c.sample_no, result.c.result).where(
        result.c.sample_no.in_(numbers), result.c.event_id != ""
    )
    with inst.store.read() as connection:
        own = {row["event_id"] for row in rows(connection, Event) if reaches(who, row["adcode"])}
        samples = [
            row
            for row in rows(connection, Sample, sample.c.event_id != "", order_by=["sample_no"])
            if row["event_id"] in own
        ]
        results = dict(connection.execute(statement.order_by(result.c.id)).all())
    for row in samples:
        row["result"] = results.get(row["sample_no"], "")
    shown: list[Row] = []
    for event_id in dict.fromkeys(str(row["event_id"]) for row in samples):
        here = [row for row in samples if row["event_id"] == event_id]
        try:
            granted = ask(
                inst,
                who,
                phase="use",
                purpose="epidemiological_investigation",
                data=["pseudonym", "symptom", "diagnosis"],
                context={"deidentified": True},
                event=events.get(inst, event_id),
                ref=event_id,
                rows=len(here),
            )
        except Refused:
            continue
        shown += granted.project(here, Sample, result="diagnosis")
    return sorted(shown, key=lambda row: (row["status"] == "tested", row["sample_no"]))


def report(inst: Installation, who: Who, sample_no: str, *, result: str) -> dict[str, Any]:
    """Enter a result; a positive one makes the contact a case."""
    return visits.record_result(inst, who, sample_no, result=result, laboratory=who.account)
