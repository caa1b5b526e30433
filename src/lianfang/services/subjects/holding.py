"""What stands about a person outside the vault: rows, decisions, readings, orders; from his subject ids alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lianfang.services.installation import ROUTINE, Installation
from lianfang.services.subjects.finding import Place

if TYPE_CHECKING:
    import sqlalchemy as sa

    from lianfang.records import Record
    from lianfang.services.granting import Granted
    from lianfang.store import Row

#: Rows of one kind shown; how many more there are is said.
MOST_ROWS = 500
_CHUNK = 400
#: The house's own tokens, and other persons' ids: none of them is the person's.
_INNER = frozenset({"token", "index_tokens", "household", "batch_id", "event_id", "subject_id"})


@dataclass
class Refs:
    """Ids by which the house speaks of the person: ``own`` of him alone, ``shared`` of him among others."""

    subjects: set[str] = field(default_factory=set)
    cases: set[str] = field(default_factory=set)
    cards: set[str] = field(default_factory=set)
    contacts: set[str] = field(default_factory=set)
    samples: set[str] = field(default_factory=set)
    persons: set[str] = field(default_factory=set)
    shared: set[str] = field(default_factory=set)

    @property
    def own(self) -> set[str]:
        return self.subjects | self.cases | self.cards | self.contacts | self.samples


def collect(inst: Installation, places: Iterable[Place]) -> tuple[Refs, dict[str, dict[str, list[Row]]]]:
    """The ids, and event id -> record type -> rows about him."""
    from lianfang.records import (
        REGISTRY,
        CaseTransition,
        ClinicalVisit,
        Genome,
        LabResult,
        Person,
        SubjectLink,
    )

    refs = Refs()
    found: dict[str, dict[str, list[Row]]] = {}
    with inst.store.read() as connection:
        for place in places:
            refs.subjects.update(place.subjects)
            refs.shared.add(place.event_id)
            sets = found.setdefault(place.event_id, {})
            here = Refs(subjects=set(place.subjects))
            for record in REGISTRY.values():
                if record.about.home == "store" and (record.has_subject() or "subject_id" in record.fields):
                    _take(sets, connection, record, "subject_id", here.subjects)
            here.cases = _values(sets, "case_report", "case_id")
            here.cards = _values(sets, "case_report", "card_no")
            for name in ("case_report", "returnee"):
                # what is reported stands under surveillance first, and came in a file with others
                batches = _values(sets, name, "batch_id")
                refs.shared.update(batches | ({ROUTINE} if name in sets else set()))
            here.contacts = _values(sets, "contact", "contact_id")
            here.persons = _values(sets, SubjectLink.about.name, "person_id")
            for record in (CaseTransition, ClinicalVisit):
                _take(sets, connection, record, "case_id", here.cases)
            if place.event is not None:
                _take(sets, connection, Person, "person_id", here.persons, event_id=place.event_id)
            for name in ("follow_up", "observation_order"):
                _take(sets, connection, REGISTRY[name], "contact_id", here.contacts)
            _take(sets, connection, REGISTRY["sample"], "contact_id", here.contacts)
            _take(sets, connection, REGISTRY["sample"], "case_id", here.cases)
            here.samples = _values(sets, "sample", "sample_no")
            _take(sets, connection, LabResult, "sample_no", here.samples)
            _take(sets, connection, LabResult, "card_no", here.cards)
            _take(sets, connection, Genome, "sample_no", here.samples)
            _take(sets, connection, Genome, "case_id", here.cases)
            for name in ("cases", "cards", "contacts", "samples", "persons"):
                getattr(refs, name).update(getattr(here, name))
    return refs, found


def _values(sets: dict[str, list[Row]], name: str, column: str) -> set[str]:
    return {str(row[column]) for row in sets.get(name, ()) if row[column]}


def _take(
    sets: dict[str, list[Row]],
    connection: sa.Connection,
    record: type[Record],
    column: str,
    wanted: Iterable[str],
    **equal: Any,
) -> None:
    new = list(_among(connection, record, column, wanted, **equal))
    if new:
        known = {row["id"] for row in sets.get(record.about.name, ())}
        sets.setdefault(record.about.name, []).extend(row for row in new if row["id"] not in known)


def _among(
    connection: sa.Connection, record: type[Record], column: str, wanted: Iterable[str], **equal: Any
) -> Iterator[Row]:
    """Rows whose column is one of the values, in portions that any database takes."""
    from lianfang.store import rows, table

    values = sorted(wanted)
    for at in range(0, len(values), _CHUNK):
        yield from rows(connection, record, table(record).c[column].in_(values[at : at + _CHUNK]), **equal)


def orders(inst: Installation, places: Iterable[Place], refs: Refs) -> list[dict[str, Any]]:
    """Orders to holders in which he was an index case, or from whose answer he came as a contact."""
    from lianfang.records import Contact, HolderOrder
    from lianfang.store import rows

    told = []
    with inst.store.read() as connection:
        through = {row["order_id"] for row in _among(connection, Contact, "contact_id", refs.contacts)}
        for place in places:
            for row in rows(connection, HolderOrder, event_id=place.event_id, order_by=["issued_at"]):
                index = any(one.get("case_id") in refs.cases for one in row["index_cases"])
                if not index and row["order_id"] not in through:
                    continue
                refs.shared.add(str(row["order_id"]))
                told.append(
                    {
                        "order_id": row["order_id"],
                        "event_id": row["event_id"],
                        "as": "index_case" if index else "contact",
                        "holder": row["holder"],
                        "issued_at": row["issued_at"],
                        "issued_by": row["issued_by"],
                        "status": row["status"],
                        "sources": row["sources"],
                        "basis": row["basis"],
                    }
                )
    return told


def readings(inst: Installation, refs: Refs) -> list[dict[str, Any]]:
    """Who read his particulars, when, which, and by which decision."""
    from lianfang.records import Reading

    with inst.store.read() as connection:
        found = sorted(_among(connection, Reading, "contact_id", refs.contacts), key=lambda row: row["at"])
    wanted = ("at", "account", "event_id", "fields_read", "decision_id", "lock_id")
    return [{name: row[name] for name in wanted} for row in found]


def decisions(inst: Installation, places: list[Place], refs: Refs) -> tuple[list[Row], list[Row]]:
    """Every decision about him alone, each; and those that he was in among others, by kind with first and last."""
    import sqlalchemy as sa

    from lianfang.records import Alert, DecisionEntry, RiskLock
    from lianfang.store import rows, table

    entries = table(DecisionEntry)
    with inst.store.read() as connection:
        for place in places:
            locks = rows(connection, RiskLock, event_id=place.event_id)
            refs.shared.update(row["lock_id"] for row in locks if refs.contacts & set(row["contact_ids"]))
        if refs.cases:
            refs.shared.update(
                row["alert_id"]
                for row in rows(connection, Alert)
                if refs.cases & set(row["evidence"].get("case_ids", ()))
            )
        wanted = (
            "decision_id", "at", "account", "actor", "phase", "purpose", "data", "event_id",
            "permit", "basis", "reasons", "log_index",
        )  # fmt: skip
        mine = sorted(
            (
                {name: row[name] for name in wanted}
                for row in _among(connection, DecisionEntry, "ref", refs.own)
            ),
            key=lambda row: (row["at"], row["log_index"] or 0),
        )
        shared: list[Row] = []
        columns = (entries.c.event_id, entries.c.account, entries.c.actor, entries.c.phase, entries.c.purpose)
        refs_shared = sorted(refs.shared - refs.own)
        for at in range(0, len(refs_shared), _CHUNK):
            statement = (
                sa.select(
                    *columns,
                    entries.c.permit,
                    sa.func.count().label("times"),
                    sa.func.min(entries.c.at).label("first"),
                    sa.func.max(entries.c.at).label("last"),
                    sa.func.max(entries.c.log_index).label("log_index"),
                )
                .where(entries.c.ref.in_(refs_shared[at : at + _CHUNK]))
                .group_by(*columns, entries.c.permit)
            )
            groups = [dict(row) for row in connection.execute(statement).mappings()]
            last = {
                row["log_index"]: row for row in _at_indexes(connection, [row["log_index"] for row in groups])
            }
            shared += [{**row, "basis": last[row["log_index"]]["basis"]} for row in groups]
    return mine, sorted(shared, key=lambda row: row["first"])


def _at_indexes(connection: sa.Connection, wanted: list[int]) -> Iterator[Row]:
    """Decisions at these places of the ledger."""
    from lianfang.records import DecisionEntry
    from lianfang.store import rows, table

    for at in range(0, len(wanted), _CHUNK):
        column = table(DecisionEntry).c.log_index
        yield from rows(connection, DecisionEntry, column.in_(wanted[at : at + _CHUNK]))


def data_sets(granted: Granted, place: Place, sets: dict[str, list[Row]]) -> list[dict[str, Any]]:
    """Each kind of record held of him there: what for, until when, and the rows without the house's tokens."""
    from lianfang.records import REGISTRY

    told = []
    for name, held in sorted(sets.items()):
        record = REGISTRY[name]
        shown = [info.name for info in record.stored_fields() if info.name not in _INNER]
        told.append(
            {
                "record": name,
                "zh": record.about.zh,
                "en": record.about.en,
                "purposes": sorted(record.about.purposes),
                "until": place.event["retention_until"] if place.event else None,
                "count": len(held),
                "left_out": max(0, len(held) - MOST_ROWS),
                "rows": [
                    {column: row[column] for column in shown if row.get(column) not in (None, "", [])}
                    for row in granted.project(held[:MOST_ROWS], record)
                ],
            }
        )
    return told
