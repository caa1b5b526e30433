"""Cases: versions of report cards, the case as of a day, reclassification."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from lianfang.foundation.errors import BadInput, NotFound
from lianfang.services.installation import Installation, Who

if TYPE_CHECKING:
    import sqlalchemy as sa

    from lianfang.store import Row


def case_id(reporter: str, card_no: str) -> str:
    """Id of a case: a digest of the reporting unit and its card's number."""
    return hashlib.sha256(f"case\x1f{reporter}\x1f{card_no}".encode()).hexdigest()[:24]


def as_of(
    connection: sa.Connection,
    day: date,
    *,
    event_id: str | None = None,
    case_ids: Iterable[str] | None = None,
    classifications: Sequence[str] | None = None,
) -> list[Row]:
    """Each case as known on ``day``: its last version reported until then, with ``first_reported``."""
    import sqlalchemy as sa

    from lianfang.records import CaseReport
    from lianfang.store import table

    cases = table(CaseReport)
    spans = (
        sa.select(
            cases.c.case_id,
            sa.func.max(cases.c.date_reporting).label("last"),
            sa.func.min(cases.c.date_reporting).label("first_reported"),
        )
        .where(cases.c.date_reporting <= day)
        .group_by(cases.c.case_id)
        .subquery()
    )
    statement = sa.select(cases, spans.c.first_reported).join(
        spans, sa.and_(cases.c.case_id == spans.c.case_id, cases.c.date_reporting == spans.c.last)
    )
    if event_id is not None:
        statement = statement.where(cases.c.event_id == event_id)
    if case_ids is not None:
        statement = statement.where(cases.c.case_id.in_(sorted(set(case_ids))))
    if classifications is not None:
        statement = statement.where(cases.c.classification.in_(list(classifications)))
    found = connection.execute(statement.order_by(spans.c.first_reported, cases.c.case_id)).mappings()
    return [dict(row) for row in found]


def current(connection: sa.Connection, identity: str, day: date) -> Row:
    """One case as of a day."""
    found = as_of(connection, day, case_ids=[identity])
    if not found:
        raise NotFound("There is no such case on that day.")
    return found[0]


def reclassify(
    inst: Installation,
    connection: sa.Connection,
    who: Who,
    identity: str,
    after: str,
    reason: str,
    **changes: Any,
) -> None:
    """A new version of a case with another classification, as of today, and the transition's record.

    Raises:
        BadInput: WHO's scheme knows no such transition.
    """
    from lianfang.records import TRANSITIONS, CaseReport, CaseTransition
    from lianfang.store import put, put_rows

    today = inst.today()
    row = current(connection, identity, today)
    before = str(row["classification"])
    if after != before:
        if after not in TRANSITIONS[before]:
            raise BadInput(f"A case cannot pass from {before} to {after}.")
        transition = CaseTransition.model_validate(
            {
                "case_id": identity,
                "before": before,
                "after": after,
                "at": inst.now(),
                "by": who.account,
                "reason": reason,
            }
        )
        put(connection, transition)
    version = {name: value for name, value in row.items() if name not in ("id", "first_reported")}
    version.update(changes, classification=after, date_reporting=today)
    put_rows(connection, CaseReport, [version])
