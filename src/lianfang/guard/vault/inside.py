"""What every act of the vault rests on: the keys of an event, its rows, one writer at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, select, update

from lianfang.foundation.clock import Clock, SystemClock
from lianfang.foundation.errors import NotFound
from lianfang.guard.vault import tables
from lianfang.guard.vault.crypto import AES_256_GCM
from lianfang.guard.vault.entries import EventKeys
from lianfang.guard.vault.keyring import Keyring, utc_text
from lianfang.guard.vault.scrubbing import secure_delete
from lianfang.guard.vault.sealing import INDEXED, ReadyKeys

CHUNK = 500


class Inside:
    """The keyring, and rows as they are at rest. ``suite``: in which sealed values are written."""

    def __init__(self, keyring: Keyring, clock: Clock | None = None, *, suite: int = AES_256_GCM) -> None:
        self._ring = keyring
        self._clock = clock or SystemClock()
        self._suite = suite
        self._ready: dict[str, ReadyKeys] = {}

    def __repr__(self) -> str:
        return f"<Vault of {self._ring.authority}>"

    @property
    def authority(self) -> str:
        return self._ring.authority

    def _event(self, event_id: str) -> ReadyKeys:
        return self._prepare(self._ring.event(event_id))

    def _prepare(self, keys: EventKeys) -> ReadyKeys:
        ready = self._ready.get(keys.event_id)
        if ready is None or ready.source is not keys:
            ready = self._ready[keys.event_id] = ReadyKeys(
                keys, self._suite, lambda: self._ring.event(keys.event_id)
            )
        return ready

    def _hold(self, conn: Connection, event_id: str) -> None:
        """One writer an event at a time: its row is taken first, and its keys are read after that."""
        same = {"event_id": event_id}
        if not conn.execute(
            update(tables.event).where(tables.event.c.event_id == event_id).values(same)
        ).rowcount:
            raise NotFound(f"The vault has no event {event_id}.", hint="Open the event first.")

    def _rows(
        self, conn: Connection, event_id: str, subject_ids: Iterable[str], *, erased: bool = False
    ) -> Iterator[RowMapping]:
        table = tables.subject
        wanted = list(dict.fromkeys(subject_ids))
        for at in range(0, len(wanted), CHUNK):
            # by the primary key alone: a planner that also sees the event may walk the whole event instead
            query = select(table).where(table.c.subject_id.in_(wanted[at : at + CHUNK]))
            for row in conn.execute(query).mappings():
                if row["event_id"] != event_id:
                    continue
                if erased or (
                    row["wrapped_key"] is not None and not self._ring.is_erased(f"s:{row['subject_id']}")
                ):
                    yield row

    def _row(self, conn: Connection, event_id: str, subject_id: str) -> RowMapping:
        for row in self._rows(conn, event_id, [subject_id]):
            return row
        raise NotFound(f"Event {event_id} has no subject with that id, or it was erased.")

    def _erase(self, conn: Connection, event_id: str, subject_ids: Sequence[str]) -> dict[str, Any]:
        secure_delete(conn)
        known = self._ring.erased_among(subject_ids)
        self._ring.erase([f"s:{s}" for s in subject_ids if s not in known])
        now = utc_text(self._clock.now())
        table = tables.subject
        empty: dict[str, Any] = dict.fromkeys(
            ["wrapped_key", "key_version", "fields", "identity", *(f"ix_{kind}" for kind in INDEXED)]
        )
        listed = set()
        for at in range(0, len(subject_ids), CHUNK):
            part = list(subject_ids[at : at + CHUNK])
            conn.execute(update(table).where(table.c.subject_id.in_(part)).values(**empty, destroyed_at=now))
            keys = [f"s:{s}" for s in part]
            listed |= set(
                conn.execute(
                    select(tables.erasure.c.key_id).where(tables.erasure.c.key_id.in_(keys))
                ).scalars()
            )
        fresh = [f"s:{s}" for s in subject_ids if f"s:{s}" not in listed]
        if fresh:
            conn.execute(
                insert(tables.erasure), [{"key_id": k, "event_id": event_id, "at": now} for k in fresh]
            )
        return {
            "event": event_id,
            "subjects": len(subject_ids),
            "key_ids": [f"s:{s}" for s in subject_ids],
            "destroyed_at": now,
            "method": "data key, fields and indexes overwritten with nothing under secure_delete",
        }
