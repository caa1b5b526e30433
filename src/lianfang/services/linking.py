"""Linking subjects to persons by equality features; reversible, and no identity is read.

Two subjects are one person when their ID numbers' digests are equal, or both phone's and name's are. The links
are written anew for an event as a whole, so a corrected identifier also undoes a link.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

from lianfang.services.gate import ask
from lianfang.services.installation import ROUTINE, Installation, Who

if TYPE_CHECKING:
    from datetime import date

    import polars as pl
    import sqlalchemy as sa

    from lianfang.store import Row

#: Subjects that are asked for at a time.
_PART = 500


def link_event(inst: Installation, who: Who, event: Row | None, as_of: date) -> dict[str, int]:
    """Link the subjects of an event (None: the standing one); returns subjects, persons and joined.

    Only subjects reported until ``as_of`` are looked at. Where later ones are there, a day of the past is
    looked at again: it is counted as it was, and the present links stay.
    """
    import sqlalchemy as sa

    from lianfang.records import CaseReport, Person, Returnee, SubjectLink
    from lianfang.store import put_rows, table

    event_id = str(event["event_id"]) if event else ROUTINE
    keys = ["", ROUTINE] if event is None else [event_id]
    subjects: set[str] = set()
    past = False
    with inst.store.read() as connection:
        for record, day in ((Returnee, "registered_on"), (CaseReport, "date_reporting")):
            found = table(record)
            mine = found.c.event_id.in_(keys)
            later = sa.select(found.c.id).where(mine, found.c[day] > as_of).limit(1)
            past = past or connection.execute(later).first() is not None
            statement = sa.select(found.c.subject_id).where(mine, found.c[day] <= as_of).distinct()
            subjects.update(connection.execute(statement).scalars())
        links = table(SubjectLink)
        before = {
            row.subject_id: row.person_id
            for row in connection.execute(
                sa.select(links.c.subject_id, links.c.person_id).where(links.c.event_id == event_id)
            )
        }
    if not subjects:
        return {"subjects": 0, "persons": 0, "joined": 0}
    ask(
        inst,
        who,
        phase="link",
        purpose="linkage_analysis",
        data=["pseudonym"],
        context={"deidentified": True},
        event=event,
        ref=event_id,
        rows=len(subjects),
    )
    with inst.vault_store.read() as vault:
        features = inst.vault.linkage_features(vault, event_id, sorted(subjects))
    persons = group(features)
    changed = {subject: person for subject, (person, _) in persons.items() if before.get(subject) != person}
    outcome = {
        "subjects": len(subjects),
        "persons": len({person for person, _ in persons.values()}),
        "joined": len(persons) - len({person for person, _ in persons.values()}),
    }
    if not changed or past:
        return outcome
    now = inst.now()
    with inst.store.begin() as connection:
        traits = _traits(connection, keys, as_of, list(changed))
        put_rows(
            connection,
            SubjectLink,
            [
                {
                    "event_id": event_id,
                    "subject_id": subject,
                    "person_id": person,
                    "rule": persons[subject][1],
                    "linked_at": now,
                }
                for subject, person in changed.items()
            ],
        )
        put_rows(
            connection,
            Person,
            [_person(event_id, person, traits.get(subject)) for subject, person in changed.items()],
        )
        gone = set(before.values()) - {person for person, _ in persons.values()}
        people = table(Person)
        for person in gone:
            connection.execute(
                sa.delete(people).where(people.c.event_id == event_id, people.c.person_id == person)
            )
    return outcome


def _traits(connection: sa.Connection, keys: list[str], as_of: date, subjects: list[str]) -> dict[str, Row]:
    """What the last card until the day says of each subject: birth date, sex, division."""
    import sqlalchemy as sa

    from lianfang.records import CaseReport
    from lianfang.store import table

    cards = table(CaseReport)
    columns = (cards.c.subject_id, cards.c.birth_date, cards.c.gender, cards.c.adcode)
    found: dict[str, Row] = {}
    for first in range(0, len(subjects), _PART):
        statement = (
            sa.select(*columns)
            .where(
                cards.c.subject_id.in_(subjects[first : first + _PART]),
                cards.c.event_id.in_(keys),
                cards.c.date_reporting <= as_of,
            )
            .order_by(cards.c.date_reporting, cards.c.id)
        )
        found.update({row["subject_id"]: dict(row) for row in connection.execute(statement).mappings()})
    return found


def _person(event_id: str, person: str, case: Row | None) -> Row:
    row: Row = {"event_id": event_id, "person_id": person}
    if case:
        born = case["birth_date"]
        row |= {"gender": case["gender"], "adcode": case["adcode"], "birth_year": born.year if born else None}
    return row


def group(features: pl.DataFrame) -> dict[str, tuple[str, str]]:
    """Subject -> (person, rule that joined it), the connected components of the equality features."""
    parent: dict[str, str] = {subject: subject for subject in features["subject"].to_list()}

    def root(subject: str) -> str:
        while parent[subject] != subject:
            parent[subject] = parent[parent[subject]]
            subject = parent[subject]
        return subject

    rules: dict[str, str] = {}
    for rule, columns in (("resident_id", ["resident_id"]), ("phone+name", ["phone", "name"])):
        for same in _equal(features, columns):
            first = root(same[0])
            for other in same[1:]:
                if root(other) != first:
                    parent[root(other)] = first
            for subject in same:
                rules.setdefault(subject, rule)
    members: dict[str, list[str]] = {}
    for subject in parent:
        members.setdefault(root(subject), []).append(subject)
    result: dict[str, tuple[str, str]] = {}
    for same in members.values():
        # named after the smallest member: the same set of subjects is the same person at every run
        person = hashlib.sha256(f"person\x1f{min(same)}".encode()).hexdigest()[:24]
        result.update({subject: (person, rules.get(subject, "alone")) for subject in same})
    return result


def _equal(features: pl.DataFrame, columns: list[str]) -> Iterable[list[str]]:
    import polars as pl

    known = features.drop_nulls(columns)
    groups = known.group_by(columns).agg(pl.col("subject").sort()).filter(pl.col("subject").list.len() > 1)
    return sorted(groups["subject"].to_list())
