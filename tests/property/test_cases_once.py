"""Cases as of a day, and each person once, against the plain reading of everything that they replaced."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from lianfang.records import (
    CLASSIFICATIONS,
    Batch,
    CaseAttachment,
    CaseReport,
    SubjectLink,
    SubjectLinkPast,
)
from lianfang.services import cases, curves
from lianfang.store import Store, metadata, put_rows, sqlite_url, table

START = date(2026, 1, 1)
NOW = datetime(2026, 1, 9, tzinfo=UTC)
EVENTS = ["", "routine", "e1", "e2"]
Row = dict[str, Any]


def plain_as_of(connection: sa.Connection, day: date) -> list[Row]:
    """Every case's last version until the day, from all versions of all cases as they stood on it."""
    reports, batches, attached = table(CaseReport), table(Batch), table(CaseAttachment)
    same = sa.and_(
        attached.c.case_id == reports.c.case_id,
        attached.c.date_reporting == reports.c.date_reporting,
        attached.c.day > day,
    )
    changed = {
        "event_id": sa.case((attached.c.day.is_not(None), ""), else_=reports.c.event_id).label("event_id"),
        "subject_id": sa.func.coalesce(attached.c.subject_before, reports.c.subject_id).label("subject_id"),
    }
    known = (
        sa.select(*(changed.get(column.name, column) for column in reports.c))
        .select_from(reports.outerjoin(attached, same))
        .where(
            reports.c.date_reporting <= day,
            reports.c.batch_id.not_in(sa.select(batches.c.batch_id).where(batches.c.day > day)),
        )
    ).subquery()
    spans = (
        sa.select(
            known.c.case_id,
            sa.func.max(known.c.date_reporting).label("last"),
            sa.func.min(known.c.date_reporting).label("first_reported"),
        )
        .group_by(known.c.case_id)
        .subquery()
    )
    last = sa.and_(known.c.case_id == spans.c.case_id, known.c.date_reporting == spans.c.last)
    statement = sa.select(known, spans.c.first_reported).join(spans, last)
    found = connection.execute(statement.order_by(spans.c.first_reported, known.c.case_id)).mappings()
    return [dict(row) for row in found]


def plain_links(connection: sa.Connection, day: date, event: str | None = None) -> dict[str, str]:
    """Subject -> person: the links of now, and over them what was before each change after the day."""
    found: dict[str, str] = {}
    present, past = table(SubjectLink), table(SubjectLinkPast)
    for record, order in ((present, present.c.id), (past, past.c.until.desc())):
        for row in connection.execute(sa.select(record).order_by(order)).mappings():
            if event in (None, row["event_id"]) and (record is present or row["until"] > day):
                found[row["subject_id"]] = row["person_id"]
    return found


def plain_once(connection: sa.Connection, found: Sequence[Row], day: date) -> list[Row]:
    """Each person once, card by card."""
    person = plain_links(connection, day)
    grouped: dict[tuple[str, str], list[Row]] = {}
    for row in found:
        if row["classification"] != "no_case":
            subject = str(row["subject_id"])
            key = (str(row["event_id"]), str(person.get(subject, subject)))
            grouped.setdefault(key, []).append(row)
    once = []
    for cards in grouped.values():
        best = dict(max(cards, key=lambda row: (cases._WEIGHT[row["classification"]], row["case_id"])))
        best["first_reported"] = min(row["first_reported"] for row in cards)
        best["unexplained"] = any(row["unexplained"] for row in cards)
        onsets = [row["date_onset"] for row in cards if row["date_onset"]]
        best["date_onset"] = min(onsets) if onsets else None
        for name in ("workplace", "school", "household"):
            best[name] = next((row[name] for row in (best, *cards) if row[name]), "")
        once.append(best)
    return sorted(once, key=lambda row: (row["first_reported"], row["case_id"]))


def plain_curve(once: Sequence[Row], as_of: date) -> Row:
    def counted(values: list[Any]) -> dict[str, int]:
        return {str(value): values.count(value) for value in sorted(set(values))}

    onsets = [row["date_onset"] for row in once if row["date_onset"] and row["date_onset"] <= as_of]
    return {
        "cases": len(once),
        "by_report": counted([row["first_reported"] for row in once]),
        "by_onset": counted(onsets),
        "classes": counted([row["classification"] for row in once]),
    }


days = st.integers(0, 5).map(lambda n: START + timedelta(days=n))
cards = st.fixed_dictionaries(
    {
        "case_id": st.integers(0, 9).map("c{}".format),
        "date_reporting": days,
        "batch_id": st.sampled_from(["", "b0", "b1", "b2"]),
        "event_id": st.sampled_from(["e1", "e1", *EVENTS]),
        # few persons, so that most have several cards
        "subject_id": st.integers(0, 3).map("s{}".format),
        "classification": st.sampled_from(CLASSIFICATIONS),
        "date_onset": st.none() | days,
        "unexplained": st.booleans(),
        "workplace": st.sampled_from(["", "", "市场", "学校"]),
        "household": st.sampled_from(["", "h1", "h2"]),
        "symptoms": st.lists(st.sampled_from(["fever", "cough"]), max_size=2),
        "age": st.none() | st.integers(0, 99),
        "card_no": st.just("1"),
        "reporter": st.just("h"),
    }
)
batches = st.lists(st.none() | days, min_size=3, max_size=3)
#: Subject -> person; a subject stands under one event's keys, so it is linked once.
links = st.dictionaries(
    st.integers(0, 3).map("s{}".format),
    st.tuples(st.sampled_from(EVENTS), st.integers(0, 1).map("p{}".format)),
)

#: Number of a report -> day of its attachment and the subject before.
attachments = st.dictionaries(
    st.integers(0, 15), st.tuples(days, st.integers(0, 4).map("s{}".format)), min_size=2
)
#: (subject, day until which it was another person) -> that person.
changes = st.dictionaries(
    st.tuples(st.integers(0, 3).map("s{}".format), days),
    st.integers(0, 1).map("p{}".format),
    min_size=8,
    max_size=16,
)
_ALL = (Batch, CaseReport, CaseAttachment, SubjectLink, SubjectLinkPast)
world = st.fixed_dictionaries(
    {
        "reports": st.lists(cards, min_size=6, max_size=16),
        "delivered": batches,
        "linked": links,
        "attached": attachments,
        "changed": changes,
    }
)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    folder: Path = tmp_path_factory.mktemp("cases")
    store = Store(sqlite_url(folder / "store.db"))
    metadata.create_all(store.engine, [table(one) for one in _ALL])
    yield store
    store.close()


def fill(
    store: Store,
    reports: list[Row],
    delivered: list[date | None],
    linked: dict[str, Any],
    attached: dict[Any, Any],
    changed: dict[Any, str],
) -> None:
    with store.begin() as connection:
        for record in _ALL:
            connection.execute(sa.delete(table(record)))
        about = {"kind": "case_report", "status": "done", "at": NOW}
        made = [
            {**about, "batch_id": f"b{n}", "sha256": str(n), "day": day} for n, day in enumerate(delivered)
        ]
        put_rows(connection, Batch, made)
        put_rows(connection, CaseReport, reports)
        joined = [
            {"event_id": event, "subject_id": subject, "person_id": person, "rule": "-", "linked_at": NOW}
            for subject, (event, person) in linked.items()
        ]
        put_rows(connection, SubjectLink, joined)
        moved = [
            {
                "case_id": reports[n]["case_id"],
                "date_reporting": reports[n]["date_reporting"],
                "event_id": "e1",
                "day": on,
                "subject_before": before,
            }
            for n, (on, before) in attached.items()
            if n < len(reports)
        ]
        put_rows(connection, CaseAttachment, moved)
        former = [
            {"event_id": linked.get(one, ("e1",))[0], "subject_id": one, "until": until, "person_id": person}
            for (one, until), person in changed.items()
        ]
        put_rows(connection, SubjectLinkPast, former)


@given(world, days)
def test_a_day_is_told_as_by_reading_everything(filled: Store, held: dict[str, Any], day: date) -> None:
    fill(filled, **held)
    with filled.read() as connection:
        plain = plain_as_of(connection, day)
        assert cases.as_of(connection, day) == plain
        for event in EVENTS:
            mine = [row for row in plain if row["event_id"] == event]
            assert cases.as_of(connection, day, event_id=event) == mine
            narrow = cases.as_of(connection, day, event_id=event, columns=["case_id", "symptoms"])
            assert narrow == [
                {name: row[name] for name in ("case_id", "symptoms", "first_reported")} for row in mine
            ]
            few = cases.as_of(connection, day, event_id=event, classifications=["suspect", "confirmed"])
            assert few == [row for row in mine if row["classification"] in ("suspect", "confirmed")]
        some = cases.as_of(connection, day, case_ids=["c1", "c2", "c2", "c99"])
        assert some == [row for row in plain if row["case_id"] in ("c1", "c2")]
        there = cases.as_of(connection, day, where={"workplace": ["市场"], "event_id": ["", "routine"]})
        assert there == [
            row for row in plain if row["workplace"] == "市场" and row["event_id"] in ("", "routine")
        ]


@given(world, days, st.integers(1, 5))
def test_each_person_is_once_as_by_going_over_the_cards(
    filled: Store, held: dict[str, Any], day: date, part: int
) -> None:
    fill(filled, **held)
    more = (*cases.SHARED, "symptoms", "age")
    with filled.read() as connection, pytest.MonkeyPatch.context() as patch:
        patch.setattr(cases, "_PART", part)
        for event in EVENTS:
            assert cases.linked_persons(connection, day, event) == plain_links(connection, day, event)
        plain = plain_once(connection, plain_as_of(connection, day), day)
        for event in (None, *EVENTS):
            mine = [row for row in plain if event in (None, row["event_id"])]
            once = cases.persons(connection, day, event_id=event, columns=more)
            assert once.to_dicts() == [{name: row[name] for name in once.columns} for row in mine]
            assert {*more, "case_id", "subject_id", "first_reported", "unexplained"} <= set(once.columns)
            assert curves.curve(once, day) == plain_curve(mine, day)
