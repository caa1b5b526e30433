"""Rotation: every data key of an event wrapped anew under a new version of the event's key."""

from __future__ import annotations

import os
import weakref
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Integer, bindparam, func, literal_column, select, update

from lianfang.foundation.clock import Clock
from lianfang.foundation.errors import Conflict
from lianfang.guard.vault import crypto, sealing, tables
from lianfang.guard.vault.inside import Inside
from lianfang.guard.vault.keyring import Keyring


@dataclass(frozen=True)
class Rotation:
    """One part of a rotation: data keys wrapped anew, where to go on ``after``, and whether it was the last."""

    rewrapped: int
    after: Any
    done: bool


@dataclass(frozen=True)
class Wrapped:
    """Data keys of one event under one version of its key and one suite."""

    event_id: str
    version: int
    suite: int
    count: int


class Rotating(Inside):
    """The vault's acts that change keys and read no name."""

    def __init__(
        self, keyring: Keyring, clock: Clock | None = None, *, suite: int = crypto.AES_256_GCM
    ) -> None:
        super().__init__(keyring, clock, suite=suite)
        self._rotating: weakref.WeakSet[Any] = weakref.WeakSet()

    def rotate(self, conn: Connection, event_id: str, *, limit: int = 20_000, after: Any = None) -> Rotation:
        """Wrap up to ``limit`` data keys under a new version of the event's key; reads go on meanwhile.

        Commit, and call again with ``after`` of the answer until it is ``done``; then :meth:`retire` in a
        transaction of its own forgets the old version. Stopped anywhere, it goes on from the beginning and finds
        what is left. No identifier is decrypted, and no pseudonym changes.
        """
        self._hold(conn, event_id)
        event = self._prepare(self._ring.begin_rotation(event_id))
        self._rotating.add(conn.get_transaction())
        table = tables.subject
        # One walk however many parts it has. On SQLite in the order of the pages, so that each is written once: ids
        # are random, and in their order every part would touch nearly all of them. The event is compared in a form
        # that no index has, or the planner takes its index and sorts the whole event for every part.
        sqlite = conn.dialect.name == "sqlite"
        order: Any = literal_column("rowid", Integer) if sqlite else table.c.identity
        of_event = func.coalesce(table.c.event_id, "") if sqlite else table.c.event_id
        query = select(order, table.c.subject_id, table.c.wrapped_key, table.c.key_version).where(
            of_event == event_id, table.c.key_version < event.active, table.c.wrapped_key.is_not(None)
        )
        if after is not None:
            query = query.where(order > after)
        rows = conn.execute(query.order_by(order).limit(limit)).all()
        new = event.wrap(event.active)
        changes = [
            {
                "at": subject_id,
                "wrapped": new.seal(
                    os.urandom(crypto.NONCE),
                    event.wrap(version).unseal(wrapped, sealing.key_place(subject_id, version)),
                    sealing.key_place(subject_id, event.active),
                ),
                "version": event.active,
            }
            for _, subject_id, wrapped, version in rows
        ]
        if changes:
            conn.execute(
                update(table)
                .where(table.c.subject_id == bindparam("at"))
                .values(wrapped_key=bindparam("wrapped"), key_version=bindparam("version")),
                changes,
            )
        return Rotation(len(changes), rows[-1][0] if rows else after, len(rows) < limit)

    def retire(self, conn: Connection, event_id: str) -> None:
        """Forget the event's old key versions, after a rotation has been committed whole."""
        if conn.get_transaction() in self._rotating:
            raise Conflict(
                "This transaction holds part of the rotation.", hint="Commit it, then retire in a new one."
            )
        self._hold(conn, event_id)
        keys = self._ring.event(event_id)
        left = self._waiting(conn, event_id, keys.active)
        if left:
            raise Conflict(f"{left} data keys of event {event_id} still need the old key.", hint="Rotate on.")
        if len(keys.wraps) > 1:
            self._ring.finish_rotation(event_id)

    def waiting(self, conn: Connection, event_id: str) -> int:
        """Data keys that a rotation has still to wrap anew; all of them when none has begun."""
        keys = self._ring.event(event_id)
        return self._waiting(conn, event_id, keys.active + (len(keys.wraps) == 1))

    def wrapped(self, conn: Connection) -> list[Wrapped]:
        """How many data keys stand under which version and suite, by event."""
        table = tables.subject.c
        suite = func.substr(table.wrapped_key, 1, 1)
        found = conn.execute(
            select(table.event_id, table.key_version, suite, func.count())
            .where(table.wrapped_key.is_not(None))
            .group_by(table.event_id, table.key_version, suite)
            .order_by(table.event_id, table.key_version)
        )
        return [Wrapped(event_id, version, bytes(first)[0], n) for event_id, version, first, n in found]

    def _waiting(self, conn: Connection, event_id: str, below: int) -> int:
        table = tables.subject
        return int(
            conn.execute(
                select(func.count())
                .select_from(table)
                .where(table.c.event_id == event_id, table.c.key_version < below)
            ).scalar_one()
        )
