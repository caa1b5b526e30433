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
    """Each case as known on ``day``: its last version reported until then, with ``first_reported``.

    A card that was delivered later is not known, whatever date it bears.
    """
    import sqlalchemy as sa

    from lianfang.records import Batch, CaseReport
    from lianfang.store import table

    cases, batches = table(CaseReport), table(Batch)
    later = sa.select(batches.c.batch_id).where(batches.c.day > day)
    spans = (
        sa.select(
            cases.c.case_id,
            sa.func.max(cases.c.date_reporting).label("last"),
            sa.func.min(cases.c.date_reporting).label("first_reported"),
        )
        .where(cases.c.date_reporting <= day, cases.c.batch_id.not_in(later))
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


#: How much a classification says; of a person's cards the one that says most stands for him.
_WEIGHT = {
    "no_case": 0,
    "not_classified": 1,
    "suspect": 2,
    "probable": 3,
    "confirmed_no_symptoms": 4,
    "confirmed": 5,
}


def one_per_person(connection: sa.Connection, found: Sequence[Row]) -> list[Row]:
    """Cases with each person once, by the links of the day: two hospitals' cards for one person are one case.

    The card that says most stands for the person, with his earliest report and onset and whatever workplace,
    school and household one of the cards knows. Discarded cards are left out.
    """
    import sqlalchemy as sa

    from lianfang.records import SubjectLink
    from lianfang.store import table

    links = table(SubjectLink)
    person = {
        row.subject_id: row.person_id
        for row in connection.execute(sa.select(links.c.subject_id, links.c.person_id))
    }
    grouped: dict[tuple[str, str], list[Row]] = {}
    for row in found:
        if row["classification"] != "no_case":
            subject = str(row["subject_id"])
            key = (str(row["event_id"]), str(person.get(subject, subject)))
            grouped.setdefault(key, []).append(row)
    once = []
    for cards in grouped.values():
        best = dict(max(cards, key=lambda row: (_WEIGHT[row["classification"]], row["case_id"])))
        best["first_reported"] = min(row["first_reported"] for row in cards)
        best["unexplained"] = any(row["unexplained"] for row in cards)
        onsets = [row["date_onset"] for row in cards if row["date_onset"]]
        best["date_onset"] = min(onsets) if onsets else None
        for name in ("workplace", "school", "household"):
            best[name] = next((row[name] for row in (best, *cards) if row[name]), "")
        once.append(best)
    return sorted(once, key=lambda row: (row["first_reported"], row["case_id"]))


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
