"""Linking subjects to persons by equality features; reversible, and no identity is read.

Two subjects are one person when their ID numbers' digests are equal, or both phone's and name's are. The links
are written anew for an event as a whole, so a corrected identifier also undoes a link.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

from lianfang.services import cases
from lianfang.services.gate import ask
from lianfang.services.installation import ROUTINE, Installation, Who

if TYPE_CHECKING:
    from datetime import date

    import polars as pl
    import sqlalchemy as sa

    from lianfang.store import Row

#: Subjects that are asked for at a time.
_PART = 500


def link_event(
    inst: Installation, who: Who, event: Row | None, as_of: date, *, past: bool = False
) -> dict[str, int]:
    """Link the subjects of an event (None: the standing one); returns subjects, persons and joined.

    Only subjects known on ``as_of`` are looked at. ``past``: the day is looked at again after a later one, so it
    is counted by the links that were made by then, no features are read, and the present links stay.
    """
    from lianfang.records import Person, SubjectLink, SubjectLinkPast
    from lianfang.store import put_rows

    event_id = str(event["event_id"]) if event else ROUTINE
    keys = ["", ROUTINE] if event is None else [event_id]
    with inst.store.read() as connection:
        subjects = _subjects(connection, as_of, keys)
        before = cases.linked_persons(connection, as_of, event_id)
    held = {subject: before.get(subject, subject) for subject in subjects}
    if past or not subjects:
        return _outcome(held)
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
    # identities that came under an event on a later day are no more to be seen: what was linked of them holds
    held.update({subject: person for subject, (person, _) in persons.items()})
    if not changed:
        return _outcome(held)
    now = inst.now()
    with inst.store.begin() as connection:
        traits = _traits(connection, keys, as_of, list(changed))
        ended = [
            {"event_id": event_id, "subject_id": subject, "until": as_of, "person_id": before[subject]}
            for subject in changed
            if subject in before
        ]
        put_rows(connection, SubjectLinkPast, ended, keep=["person_id"])  # a day's first change says what was
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
        _drop_persons(connection, event_id, set(before.values()) - set(held.values()))
    return _outcome(held)


def _outcome(persons: dict[str, str]) -> dict[str, int]:
    """``persons``: subject -> person."""
    found = len(set(persons.values()))
    return {"subjects": len(persons), "persons": found, "joined": len(persons) - found}


def _subjects(connection: sa.Connection, as_of: date, keys: list[str]) -> set[str]:
    """Subjects of the events ``keys`` as known on the day: reported and delivered until then."""
    import sqlalchemy as sa

    from lianfang.records import Batch, Returnee
    from lianfang.store import table

    batches = table(Batch)
    later = sa.select(batches.c.batch_id).where(batches.c.day > as_of)
    subjects: set[str] = set()
    cards = cases.known(connection, as_of)
    for found, day in ((table(Returnee), "registered_on"), (cards, "date_reporting")):
        mine = (found.c.event_id.in_(keys), found.c[day] <= as_of, found.c.batch_id.not_in(later))
        subjects.update(connection.execute(sa.select(found.c.subject_id).where(*mine).distinct()).scalars())
    return subjects


def _drop_persons(connection: sa.Connection, event_id: str, gone: set[str]) -> None:
    import sqlalchemy as sa

    from lianfang.records import Person
    from lianfang.store import table

    people = table(Person)
    for person in gone:
        connection.execute(
            sa.delete(people).where(people.c.event_id == event_id, people.c.person_id == person)
        )


def _traits(connection: sa.Connection, keys: list[str], as_of: date, subjects: list[str]) -> dict[str, Row]:
    """What the last card until the day says of each subject: birth date, sex, division."""
    import sqlalchemy as sa

    cards = cases.known(connection, as_of)
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
