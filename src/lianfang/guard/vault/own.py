"""What the vault holds about one person: found by what he says of himself, and shown for that alone.

Whoever asks must already know the person's ID number, or his phone and name: nothing here lists persons. The
exception are planted records (canaries), which are nobody's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, and_, func, or_, select

from lianfang.foundation.errors import BadInput
from lianfang.guard.vault import normal, sealing, tables
from lianfang.guard.vault.inside import Inside

#: Kind of a planted record: an invented person that no analysis, link or count reads.
CANARY = "canary"
#: Kind of one who gave: named to who handles his gift, and in public by his own wish.
DONOR = "donor"
#: More subjects than this under one event's keys are no person's.
MOST = 1_000


@dataclass(frozen=True)
class Held:
    """One set of identifiers: what delivered it (``kind``), since when (UTC, ISO 8601), and the fields."""

    subject_id: str
    kind: str
    created_at: str
    fields: Mapping[str, str]

    def __repr__(self) -> str:
        return f"Held({self.subject_id}, {self.kind})"


class Own(Inside):
    """The vault's acts for a person about himself."""

    def live_events(self, conn: Connection) -> list[str]:
        """Events whose keys are there, in order."""
        held = tables.event.c
        return list(
            conn.execute(
                select(held.event_id).where(held.destroyed_at.is_(None)).order_by(held.event_id)
            ).scalars()
        )

    def own(self, conn: Connection, event_id: str, identity: Mapping[str, str]) -> list[Held]:
        """What the event's keys hold of the person with this ``resident_id``, or this ``phone`` and ``name``.

        A set that has another ID number than the one given is another person's, whatever else agrees.

        Raises:
            BadInput: neither an ID number nor both phone and name; or so many sets that it cannot be one person.
        """
        event, table = self._event(event_id), tables.subject.c
        spelt = {kind: normal.normalise(kind, identity.get(kind) or "") for kind in sealing.INDEXED}
        blind = {kind: event.blind(kind, value) for kind, value in spelt.items() if value}
        ways = []
        if "resident_id" in blind:
            ways.append(table.ix_resident_id == blind["resident_id"])
        if "phone" in blind and "name" in blind:
            both = and_(table.ix_phone == blind["phone"], table.ix_name == blind["name"])
            # without a number of his own no set is ruled out; with one, those of another number are
            ways.append(and_(both, table.ix_resident_id.is_(None)) if "resident_id" in blind else both)
        if not ways:
            raise BadInput("A person is found by his ID number, or by his phone and name together.")
        found = list(
            conn.execute(
                select(table.subject_id)
                .where(table.event_id == event_id, table.kind != CANARY, or_(*ways))
                .order_by(table.created_at, table.subject_id)
                .limit(MOST + 1)
            ).scalars()
        )
        if len(found) > MOST:
            raise BadInput("More sets of identifiers agree with this than one person can have.")
        return self._opened(conn, event_id, found)

    def alive(self, conn: Connection, event_id: str, subject_ids: Iterable[str]) -> set[str]:
        """Those of the subjects whose keys are still there."""
        table = tables.subject.c
        mine = table.subject_id.in_(list(subject_ids))
        live = select(table.subject_id).where(
            table.event_id == event_id, mine, table.wrapped_key.is_not(None)
        )
        return set(conn.execute(live).scalars())

    def planted(self, conn: Connection, event_id: str) -> list[Held]:
        """The event's planted records with their values."""
        table = tables.subject.c
        found = conn.execute(
            select(table.subject_id)
            .where(table.event_id == event_id, table.kind == CANARY, table.wrapped_key.is_not(None))
            .order_by(table.subject_id)
        )
        return self._opened(conn, event_id, list(found.scalars()))

    def donors(
        self, conn: Connection, event_id: str, subject_ids: Iterable[str]
    ) -> dict[str, Mapping[str, str]]:
        """What donors said of themselves, by subject id. Whoever is no donor is left out, and who was erased."""
        found = [row for row in self._rows(conn, event_id, subject_ids) if row["kind"] == DONOR]
        if not found:
            return {}
        event = self._event(event_id)
        return {
            str(row["subject_id"]): sealing.open_fields(sealing.data_key(event, row), row) for row in found
        }

    def persons(self, conn: Connection, event_ids: Iterable[str]) -> int:
        """How many sets of identifiers the events hold, planted ones left out."""
        table = tables.subject.c
        statement = select(func.count()).where(
            table.event_id.in_(list(event_ids)), table.kind != CANARY, table.wrapped_key.is_not(None)
        )
        return int(conn.execute(statement).scalar_one())

    def _opened(self, conn: Connection, event_id: str, subject_ids: list[str]) -> list[Held]:
        event = self._event(event_id)
        return [
            Held(
                row["subject_id"],
                row["kind"],
                row["created_at"],
                sealing.open_fields(sealing.data_key(event, row), row),
            )
            for row in self._rows(conn, event_id, subject_ids)
        ]
