"""Cases under an event: their identities move from the standing keys to the event's own, and nothing stays behind.

Every step is committed by itself, so a crash may leave a copy too many, never one too few; :func:`settle` ends
what is left of one event (every act upon an event that needs its cases asks for it), :func:`sweep` what is left
anywhere (the daily cycle does it, whether or not an event is open).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING

from lianfang.foundation.errors import NotFound
from lianfang.services.gate import ask
from lianfang.services.installation import ROUTINE, Installation, Who

if TYPE_CHECKING:
    import sqlalchemy as sa

    from lianfang.store import Row

_CHUNK = 500
#: Kinds of identities that rows of the store point to by their subject.
_POINTED = ("case_report", "returnee", "contact")
#: A naming that was begun may still be writing for this long after its lock's last moment.
_NAMING = timedelta(days=1)


def attach_cases(
    inst: Installation, who: Who, event_id: str, case_ids: Iterable[str], *, day: date | None = None
) -> int:
    """Put cases under an event from ``day`` on (default: today); returns how many were asked for.

    Copies first, then points the rows at the copies and keeps what they pointed to before, so that an earlier
    day can be asked again, then destroys the originals: a crash in between leaves every case readable, and the
    same call again, or :func:`settle`, ends the work. No import writes meanwhile.
    """
    import sqlalchemy as sa

    from lianfang.records import CaseReport, Event
    from lianfang.services.importing.staging import importing
    from lianfang.store import one, table

    with inst.store.read() as connection:
        event = one(connection, Event, event_id=event_id)
    wanted = sorted(set(case_ids))
    cases = table(CaseReport)
    mine = sa.and_(cases.c.case_id.in_(wanted), cases.c.event_id.in_(["", ROUTINE, event_id]))
    with inst.store.read() as connection:
        found = connection.execute(sa.select(cases.c.subject_id).where(mine)).scalars()
        subjects = sorted({str(one) for one in found})
    if not subjects:
        return 0
    ask(
        inst,
        who,
        phase="use",
        purpose="epidemiological_investigation",
        data=["pseudonym"],
        context={"deidentified": True},
        event=event,
        ref=event_id,
        rows=len(subjects),
    )
    with importing(inst):
        # a card that was sent again brought its identities under the standing keys once more
        subjects = _standing(inst, subjects)
        if not subjects:
            return 0
        with inst.vault_store.begin() as vault:
            moved = inst.vault.copy_subjects(vault, ROUTINE, event_id, subjects)
        with inst.store.begin() as connection:
            _point(connection, mine, moved, event_id, day or inst.today())
        _destroy(inst, [(ROUTINE, subject) for subject in moved])
    return len(wanted)


def _point(
    connection: sa.Connection, mine: sa.ColumnElement[bool], moved: dict[str, str], event_id: str, day: date
) -> None:
    """Point the cards' rows at the copies; what a row was before is kept beside it, once."""
    import sqlalchemy as sa

    from lianfang.records import CaseAttachment, CaseReport
    from lianfang.store import put_rows, table

    cases, kept = table(CaseReport), table(CaseAttachment)
    columns = (cases.c.id, cases.c.case_id, cases.c.date_reporting, cases.c.subject_id, cases.c.event_id)
    earlier = sa.select(kept.c.case_id, kept.c.date_reporting).where(kept.c.event_id == event_id)
    held = {(row.case_id, row.date_reporting) for row in connection.execute(earlier)}
    new = []
    for row in connection.execute(sa.select(*columns).where(mine)).all():
        if row.subject_id not in moved:
            continue
        if row.event_id != event_id and (row.case_id, row.date_reporting) not in held:
            before = {"event_id": event_id, "day": day, "subject_before": row.subject_id}
            new.append({"case_id": row.case_id, "date_reporting": row.date_reporting, **before})
        connection.execute(
            sa.update(cases)
            .where(cases.c.id == row.id)
            .values(subject_id=moved[row.subject_id], event_id=event_id)
        )
    put_rows(connection, CaseAttachment, new)


def _standing(inst: Installation, subjects: list[str]) -> list[str]:
    """Which of the subjects can be read under the standing keys."""
    with inst.vault_store.read() as vault:
        return sorted(inst.vault.linkage_features(vault, ROUTINE, subjects)["subject"].to_list())


def _destroy(inst: Installation, subjects: Sequence[tuple[str, str]]) -> None:
    """Destroy those of the (event, subject) pairs that no row points to. Call it while no import writes."""
    with inst.store.read() as connection:
        pointed = _pointed(connection, [subject for _, subject in subjects])
    with inst.vault_store.begin() as vault:
        for event_id, subject in sorted(subjects):
            if subject not in pointed:
                with contextlib.suppress(NotFound):  # a run that was killed had emptied it already
                    inst.vault.destroy_subject(vault, event_id, subject)


def _pointed(connection: sa.Connection, subjects: Sequence[str] | None = None) -> set[str]:
    """Subjects that a row of the store points to (``subjects``: look for these only)."""
    import sqlalchemy as sa

    from lianfang.records import CaseReport, Contact, Returnee
    from lianfang.store import table

    found: set[str] = set()
    for record in (CaseReport, Returnee, Contact):
        column = table(record).c.subject_id
        if subjects is None:
            found.update(connection.execute(sa.select(column)).scalars())
            continue
        for at in range(0, len(subjects), _CHUNK):
            part = sa.select(column).where(column.in_(subjects[at : at + _CHUNK]))
            found.update(connection.execute(part).scalars())
    return found


def settle(inst: Installation, who: Who, event_id: str, *, day: date | None = None) -> None:
    """End what a crash left of opening an event or attaching cases to it; otherwise nothing happens.

    Cases of the opening alert come under the event, and standing copies of its cases are destroyed.
    """
    from lianfang.records import Alert
    from lianfang.store import rows

    with inst.store.read() as connection:
        opening = rows(connection, Alert, event_id=event_id, status="opened")
    wanted = {case for alert in opening for case in alert["evidence"].get("case_ids", [])}
    if wanted:
        attach_cases(inst, who, event_id, wanted, day=day)
    drop_copies(inst, event_id)


def drop_copies(inst: Installation, event_id: str) -> None:
    """Destroy the standing copies of an event's cases that a crash kept; otherwise nothing happens."""
    from lianfang.records import CaseAttachment
    from lianfang.services.importing.staging import importing
    from lianfang.store import rows

    with inst.store.read() as connection:
        before = sorted(
            {row["subject_before"] for row in rows(connection, CaseAttachment, event_id=event_id)}
        )
    if _alive(inst, before):
        with importing(inst):
            _destroy(inst, [(ROUTINE, subject) for subject in _alive(inst, before)])


def _alive(inst: Installation, subjects: Sequence[str]) -> list[str]:
    """Which of the subjects the vault still holds something of, be it readable or not."""
    import sqlalchemy as sa

    from lianfang.guard.vault.tables import subject

    found: list[str] = []
    with inst.vault_store.read() as vault:
        for at in range(0, len(subjects), _CHUNK):
            part = sa.select(subject.c.subject_id).where(
                subject.c.subject_id.in_(subjects[at : at + _CHUNK]), subject.c.wrapped_key.is_not(None)
            )
            found += vault.execute(part).scalars()
    return found


def sweep(inst: Installation) -> int:
    """Empty what the erasure list names, and destroy identities that no row points to; returns how many.

    The second are what a crash left of attaching or naming, and former identities of corrected cards.
    """
    from lianfang.services.importing.staging import importing

    with inst.vault_store.begin() as vault:
        gone = inst.vault.apply_erasures(vault)
    left = orphans(inst)
    if left:
        # imports and attaching write identities before their rows: look again while none is under way
        with importing(inst):
            left &= orphans(inst)
            _destroy(inst, sorted(left))
    return gone + len(left)


def orphans(inst: Installation) -> set[tuple[str, str]]:
    """Reported or named identities that no row points to, as (event, subject); none of a naming under way."""
    import sqlalchemy as sa

    from lianfang.guard.vault.tables import subject
    from lianfang.records import RiskLock
    from lianfang.store import rows

    with inst.vault_store.read() as vault:
        statement = sa.select(subject.c.subject_id, subject.c.event_id, subject.c.kind).where(
            subject.c.kind.in_(_POINTED), subject.c.wrapped_key.is_not(None)
        )
        held = {row.subject_id: (row.event_id, row.kind) for row in vault.execute(statement)}
    with inst.store.read() as connection:
        for pointed in _pointed(connection):
            held.pop(pointed, None)
        approved: list[Row] = rows(connection, RiskLock, status="approved") if held else []
    naming = {row["event_id"] for row in approved if inst.now() <= row["not_after"] + _NAMING}
    return {
        (event_id, one)
        for one, (event_id, kind) in held.items()
        if not (kind == "contact" and event_id in naming)
    }
