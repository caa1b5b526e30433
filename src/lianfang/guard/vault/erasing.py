"""Erasure: one subject, a whole event, and again whatever a restored copy brought back."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from lianfang.foundation.errors import NotFound
from lianfang.guard.vault import tables
from lianfang.guard.vault.inside import CHUNK, Inside
from lianfang.guard.vault.keyring import utc_text
from lianfang.guard.vault.scrubbing import secure_delete


class Erasing(Inside):
    """The vault's acts that end data."""

    def destroy_subject(self, conn: Connection, event_id: str, subject_id: str) -> dict[str, Any]:
        """Erase one subject: data key, fields and indexes go, an empty row with the id stays.

        The erasure list is written first, so a crash before the commit leaves a row that nobody can read any
        more but that still holds its sealed fields: called again, this empties it. Gives the facts.
        """
        alive = [row for row in self._rows(conn, event_id, [subject_id], erased=True) if row["wrapped_key"]]
        if not alive:
            raise NotFound(f"Event {event_id} has no subject with that id, or it was erased.")
        return self._erase(conn, event_id, [subject_id])

    def destroy_event(self, conn: Connection, event_id: str) -> dict[str, Any]:
        """Destroy the event's keys and every subject's row. Gives the facts for the certificate.

        The keyring's entry goes first: from then on no copy of the database, backups included, can be read.
        Called again after a crash it finishes what is left.
        """
        row = conn.execute(select(tables.event).where(tables.event.c.event_id == event_id)).mappings().first()
        if row is None:
            raise NotFound(f"The vault has no event {event_id}.")
        self._hold(conn, event_id)
        secure_delete(conn)
        table = tables.subject
        counted = conn.execute(
            select(func.count(), func.count(table.c.wrapped_key)).where(table.c.event_id == event_id)
        ).one()
        now = utc_text(self._clock.now())
        self._ring.erase_event(event_id)
        self._ready.pop(event_id, None)
        conn.execute(delete(table).where(table.c.event_id == event_id))
        destroyed_at = row["destroyed_at"] or now
        if row["destroyed_at"] is None:
            conn.execute(
                update(tables.event).where(tables.event.c.event_id == event_id).values(destroyed_at=now)
            )
            conn.execute(insert(tables.erasure).values(key_id=row["key_id"], event_id=event_id, at=now))
        return {
            "event": event_id,
            "authority": row["authority"],
            "key_id": row["key_id"],
            "destroyed_at": destroyed_at,
            "subjects": int(counted[0]),
            "data_keys": int(counted[1]),
            "method": "event key erased from the keyring; rows deleted with secure_delete",
        }

    def apply_erasures(self, conn: Connection) -> int:
        """Delete whatever the erasure list names and is there: after a restore, or a crash in the middle.

        Gives the number of subjects.
        """
        secure_delete(conn)
        gone, table = 0, tables.subject
        for event_id, destroyed_at in conn.execute(
            select(tables.event.c.event_id, tables.event.c.destroyed_at)
        ).all():
            if destroyed_at is None and self._ring.is_erased(f"e:{event_id}"):
                gone += int(self.destroy_event(conn, event_id)["subjects"])
        listed = self._ring.erased_subjects()
        for at in range(0, len(listed), CHUNK):
            part = (table.c.subject_id.in_(listed[at : at + CHUNK]), table.c.wrapped_key.is_not(None))
            again: dict[str, list[str]] = {}
            for event_id, subject_id in conn.execute(
                select(table.c.event_id, table.c.subject_id).where(*part)
            ):
                again.setdefault(event_id, []).append(subject_id)
            for event_id, subjects in again.items():
                gone += int(self._erase(conn, event_id, subjects)["subjects"])
        return gone
