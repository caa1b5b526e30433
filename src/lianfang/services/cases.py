"""Cases: versions of report cards, the case as of a day, each person once, reclassification."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any

from lianfang.foundation.errors import BadInput, NotFound
from lianfang.services.installation import Installation, Who

if TYPE_CHECKING:
    import polars as pl
    import sqlalchemy as sa

    from lianfang.records import CaseReport
    from lianfang.store import Row


def case_id(reporter: str, card_no: str) -> str:
    """Id of a case: a digest of the reporting unit and its card's number."""
    return hashlib.sha256(f"case\x1f{reporter}\x1f{card_no}".encode()).hexdigest()[:24]


def is_past(inst: Installation, day: date) -> bool:
    """Whether a later day was worked already, so that this one is only looked at again."""
    from lianfang.records import DayResult
    from lianfang.store import table, tally

    with inst.store.read() as connection:
        return bool(tally(connection, DayResult, table(DayResult).c.as_of > day))


def known(connection: sa.Connection, day: date) -> sa.FromClause:
    """The cards' table as it stood on ``day``: what came under an event later is under none, with its own subject.

    On a day after the last attachment that is the table itself.
    """
    import sqlalchemy as sa

    from lianfang.records import CaseAttachment, CaseReport
    from lianfang.store import table

    cases, attached = table(CaseReport), table(CaseAttachment)
    if not connection.execute(sa.select(attached.c.id).where(attached.c.day > day).limit(1)).first():
        return cases
    later = sa.and_(
        attached.c.case_id == cases.c.case_id,
        attached.c.date_reporting == cases.c.date_reporting,
        attached.c.day > day,
    )
    changed = {
        "event_id": sa.case((attached.c.day.is_not(None), ""), else_=cases.c.event_id),
        "subject_id": sa.func.coalesce(attached.c.subject_before, cases.c.subject_id),
    }
    columns = [changed[c.name].label(c.name) if c.name in changed else c for c in cases.c]
    return sa.select(*columns).select_from(cases.outerjoin(attached, later)).subquery("known")


def linked_persons(connection: sa.Connection, day: date, event_id: str) -> dict[str, str]:
    """Subject -> person by an event's links as they were on ``day``."""
    import sqlalchemy as sa

    from lianfang.records import SubjectLink, SubjectLinkPast
    from lianfang.store import table

    links, past = table(SubjectLink), table(SubjectLinkPast)
    present = sa.select(links.c.subject_id, links.c.person_id).where(links.c.event_id == event_id)
    # the earliest change after the day says what held on it: written last
    former = (
        sa.select(past.c.subject_id, past.c.person_id)
        .where(past.c.event_id == event_id, past.c.until > day)
        .order_by(past.c.until.desc())
    )
    found: dict[str, str] = {}
    for statement in (present, former):
        found.update((row.subject_id, row.person_id) for row in connection.execute(statement))
    return found


def as_of(
    connection: sa.Connection,
    day: date,
    *,
    event_id: str | None = None,
    case_ids: Iterable[str] | None = None,
    classifications: Sequence[str] | None = None,
    where: Mapping[str, Sequence[str]] | None = None,
    columns: Sequence[str] | None = None,
) -> list[Row]:
    """Each case as known on ``day``: its last version reported until then, with ``first_reported``.

    A card that was delivered later is not known, whatever date it bears. ``event_id``, ``classifications`` and
    ``where`` (field -> the values it may have) are about the last version; ``columns``: the fields to read (all).
    """
    from lianfang.records import CaseReport

    wanted = {**(where or {}), **({} if event_id is None else {"event_id": [event_id]})}
    if classifications is not None:
        wanted["classification"] = classifications
    _declared([*(columns or CaseReport.fields), *wanted])
    cases = known(connection, day)
    read = cases.c if columns is None else [cases.c[name] for name in columns]
    statement = _versions(cases, day, wanted, case_ids, read=read)
    return [dict(row) for row in connection.execute(statement).mappings()]


def _versions(
    cases: sa.FromClause,
    day: date,
    where: Mapping[str, Sequence[str]],
    case_ids: Iterable[str] | None = None,
    *,
    read: Iterable[sa.ColumnElement[Any]],
) -> sa.Select[Any]:
    """Last versions as of a day, in order of their first report.

    A case whose last version meets the conditions has a version that meets them: only the versions of such
    cases are looked at, not those of everybody.
    """
    import sqlalchemy as sa

    from lianfang.records import Batch
    from lianfang.store import table

    batches = table(Batch)
    met = [cases.c[name].in_(list(values)) for name, values in where.items()]
    known = [
        cases.c.date_reporting <= day,
        cases.c.batch_id.not_in(sa.select(batches.c.batch_id).where(batches.c.day > day)),
    ]
    if case_ids is not None:
        known.append(cases.c.case_id.in_(sorted(set(case_ids))))
    if met:
        known.append(cases.c.case_id.in_(sa.select(cases.c.case_id).where(*met)))
    spans = (
        sa.select(
            cases.c.case_id,
            sa.func.max(cases.c.date_reporting).label("last"),
            sa.func.min(cases.c.date_reporting).label("first_reported"),
        )
        .where(*known)
        .group_by(cases.c.case_id)
        .subquery()
    )
    return (
        sa.select(*read, spans.c.first_reported)
        .join(spans, sa.and_(cases.c.case_id == spans.c.case_id, cases.c.date_reporting == spans.c.last))
        .where(*met)
        .order_by(spans.c.first_reported, cases.c.case_id)
    )


#: How much a classification says; of a person's cards the one that says most stands for him.
_WEIGHT = {
    "no_case": 0,
    "not_classified": 1,
    "suspect": 2,
    "probable": 3,
    "confirmed_no_symptoms": 4,
    "confirmed": 5,
}
#: Fields from which it is told who stands for a person; they are always read.
_CARD = ("case_id", "event_id", "subject_id", "classification", "date_onset", "unexplained")
#: Fields that any of a person's cards may know.
SHARED = ("workplace", "school", "household")
#: Rows that are taken from the database at a time.
_PART = 50_000


def persons(
    connection: sa.Connection, day: date, *, event_id: str | None = None, columns: Sequence[str] = ()
) -> pl.DataFrame:
    """Cases as of a day with each person once, by the links: two hospitals' cards for one person are one case.

    The card that says most stands for the person, with his earliest report and onset and whatever workplace,
    school and household one of the cards knows. Discarded cards are left out. ``columns``: fields to read
    besides those that decide it. One row a person, in order of the first report, with ``first_reported``.
    """
    import sqlalchemy as sa

    cases = known(connection, day)
    linked = _linked(connection, day, cases.c.subject_id).label("person_id")
    names = list(dict.fromkeys([*_CARD, *columns]))
    _declared(names)
    # lists stay text on the way: they are decoded at once, not row by row
    read = [
        sa.cast(cases.c[name], sa.Text).label(name) if _shape(name) == "json" else cases.c[name]
        for name in names
    ]
    where = {} if event_id is None else {"event_id": [event_id]}
    statement = _versions(cases, day, where, read=[*read, linked])
    return one_per_person(_frame(connection, statement, names))


def _linked(
    connection: sa.Connection, day: date, subject: sa.ColumnElement[str]
) -> sa.ColumnElement[str | None]:
    """The person that the subject belonged to on ``day``, or null."""
    import sqlalchemy as sa

    from lianfang.records import SubjectLink, SubjectLinkPast
    from lianfang.store import table

    links, past = table(SubjectLink), table(SubjectLinkPast)
    present = sa.select(sa.func.max(links.c.person_id)).where(links.c.subject_id == subject).scalar_subquery()
    if not connection.execute(sa.select(past.c.id).where(past.c.until > day).limit(1)).first():
        return present
    # the earliest change after the day says what held on it
    former = (
        sa.select(past.c.person_id)
        .where(past.c.subject_id == subject, past.c.until > day)
        .order_by(past.c.until, past.c.id)
        .limit(1)
        .scalar_subquery()
    )
    return sa.func.coalesce(former, present)


def _frame(connection: sa.Connection, statement: sa.Select[Any], names: Sequence[str]) -> pl.DataFrame:
    """The statement's rows as a table, taken part by part: a million rows are never a million objects."""
    import polars as pl

    kinds = {"integer": pl.Int64, "boolean": pl.Boolean, "date": pl.Date}
    schema = {
        **{name: kinds.get(_shape(name), pl.String) for name in names},
        "person_id": pl.String,
        "first_reported": pl.Date,
    }
    parts = [pl.DataFrame(schema=schema)]
    result = connection.execute(statement, execution_options={"yield_per": _PART})
    for part in result.partitions(_PART):
        columns = zip(*part, strict=True)
        parts.append(pl.DataFrame(dict(zip(schema, columns, strict=True)), schema=schema))
    lists = [pl.col(name).str.json_decode(pl.List(pl.String)) for name in names if _shape(name) == "json"]
    return pl.concat(parts).with_columns(lists)


def _declared(names: Iterable[str]) -> None:
    """Refuse columns that the job which runs has not declared; an account's act runs in no job."""
    from lianfang.records import CaseReport
    from lianfang.services import reading

    fields = CaseReport.fields
    stored = [name for name in names if name in fields and not fields[name].in_vault]
    reading.declared([fields[name].datum for name in stored])


def _shape(name: str) -> str:
    """Shape of a case's column."""
    from lianfang.records import CaseReport

    return "text" if name == "subject_id" else CaseReport.fields[name].shape


def one_per_person(cards: pl.DataFrame) -> pl.DataFrame:
    """What :func:`persons` says, of cards that are known: ``person_id`` is the linked person, or null."""
    import polars as pl

    key = ["event_id", "person"]
    cards = cards.filter(pl.col("classification") != "no_case").with_columns(
        pl.coalesce("person_id", "subject_id").alias("person"),
        pl.col("classification").replace_strict(_WEIGHT, return_dtype=pl.Int8).alias("weight"),
    )
    several = pl.len().over(key) > 1
    alone, shared = cards.filter(~several), cards.filter(several)
    attributes = [name for name in SHARED if name in cards.columns]
    decided = {"first_reported", "unexplained", "date_onset", *attributes, *key}
    best = [name for name in cards.columns if name not in decided]
    earliest = ["first_reported", "case_id"]
    merged = (
        shared.sort("weight", "case_id")
        .group_by(key, maintain_order=True)
        .agg(
            pl.col(best).last(),
            pl.col("first_reported", "date_onset").min(),
            pl.col("unexplained").any(),
            *(
                pl.when(pl.col(name).last() != "")
                .then(pl.col(name).last())
                .otherwise(
                    pl.col(name).sort_by(earliest).filter(pl.col(name).sort_by(earliest) != "").first()
                )
                .fill_null("")
                for name in attributes
            ),
        )
    )
    return (
        pl.concat([alone, merged.select(alone.columns)])
        .drop("person", "weight", "person_id")
        .sort("first_reported", "case_id")
    )


class Everybody:
    """All cases of a day with each person once, read at most once, when first asked for."""

    def __init__(self, inst: Installation, day: date) -> None:
        self._inst, self._day = inst, day

    @property
    def persons(self) -> pl.DataFrame:
        """What :func:`persons` gives for all events, with the places that cases may share."""
        _declared([*_CARD, *SHARED])
        return self._read

    @cached_property
    def _read(self) -> pl.DataFrame:
        with self._inst.store.read() as connection:
            return persons(connection, self._day, columns=SHARED)


def current(connection: sa.Connection, identity: str, day: date) -> Row:
    """One case as of a day."""
    found = as_of(connection, day, case_ids=[identity])
    if not found:
        raise NotFound("There is no such case on that day.")
    return found[0]


def add(
    inst: Installation, connection: sa.Connection, who: Who, report: CaseReport, *, subject_id: str
) -> None:
    """A case that the house itself reports, committed to in the ledger like those that are delivered."""
    from lianfang.services.reports import lines
    from lianfang.store import put

    put(connection, report, subject_id=subject_id)
    row = {info.name: getattr(report, info.name) for info in report.stored_fields()}
    lines.commit(inst, connection, [(row, "none")], batch_id="", at=inst.now(), who=who)


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
    from lianfang.services.reports import lines
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
    lines.commit(inst, connection, [(version, "none")], batch_id="", at=inst.now(), who=who)
