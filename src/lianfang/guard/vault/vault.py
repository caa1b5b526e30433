"""The vault's acts. Every one takes an open connection; the caller owns the transaction."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from operator import itemgetter

from sqlalchemy import Connection, RowMapping, insert, select, update

from lianfang.foundation.errors import BadInput, Conflict, LianfangError, Refused
from lianfang.foundation.progress import Progress, silent
from lianfang.guard.vault import crypto, normal, sealing, tables
from lianfang.guard.vault.erasing import Erasing
from lianfang.guard.vault.grants import Grant
from lianfang.guard.vault.inside import CHUNK
from lianfang.guard.vault.keyed import Tokens
from lianfang.guard.vault.keyring import utc_text
from lianfang.guard.vault.own import Own
from lianfang.guard.vault.rotating import Rotating
from lianfang.guard.vault.sealing import INDEXED, Clean, ReadyKeys


class Vault(Tokens, Own, Rotating, Erasing):
    """Direct identifiers at rest, keyed tokens, and the one door through which a name leaves."""

    # events -----------------------------------------------------------------------------------------------

    def open_event(self, conn: Connection, event_id: str) -> None:
        """Give the event its keys. Again: nothing changes. After its destruction: refused."""
        keys = self._ring.open_event(event_id)
        row = conn.execute(select(tables.event).where(tables.event.c.event_id == event_id)).first()
        if row is not None and row.destroyed_at is not None:
            raise Refused(f"Event {event_id} was destroyed.", code="event_destroyed")
        if row is None:
            conn.execute(
                insert(tables.event).values(
                    event_id=event_id,
                    authority=self.authority,
                    key_id=keys.key_id,
                    opened_at=utc_text(self._clock.now()),
                )
            )

    # identities in ----------------------------------------------------------------------------------------

    def put_many(
        self, conn: Connection, event_id: str, rows: Sequence[Mapping[str, str | None]], *, kind: str
    ) -> list[str]:
        """Take direct identifiers in; give a subject id for each row, in order.

        ``rows``: field name -> value (``name``, ``resident_id``, ``phone``, ``address`` ...); empty values
        are left out. Two rows of one event with the same set of identifiers, however spelt
        (:func:`normalise`), get the same subject id; a row without any identifier is a subject of its own.
        ``kind`` says what delivered them (``case_report``). Raises BadInput that names the row and field,
        never the value.
        """
        crypto.check_name("The kind", kind, 40)
        clean = [Clean(row, at) for at, row in enumerate(rows)]
        self._hold(conn, event_id)
        event = self._event(event_id)
        prints = [one.identity(event) for one in clean]
        known = self._known(conn, event_id, prints)
        fresh: dict[bytes, Clean] = {}
        for identity, one in zip(prints, clean, strict=True):
            if identity not in known:
                fresh.setdefault(identity, one)
        if fresh:
            ids = sealing.subject_ids(len(fresh))
            now = utc_text(self._clock.now())
            batch = list(sealing.seal_rows(event, kind, now, ids, fresh))
            batch.sort(key=itemgetter("subject_id"))  # the order on disk says nothing of the order of arrival
            conn.execute(insert(tables.subject), batch)
            known.update(zip(fresh, ids, strict=True))
        return [known[identity] for identity in prints]

    def amend(
        self, conn: Connection, event_id: str, subject_id: str, fields: Mapping[str, str | None]
    ) -> None:
        """Correct a subject's identifiers (rectification).

        The named fields are replaced, an empty one removed.
        """
        given = Clean(fields, 0)
        self._hold(conn, event_id)
        event = self._event(event_id)
        row = self._row(conn, event_id, subject_id)
        cipher = sealing.data_key(event, row)
        held = {k: v for k, v in sealing.open_fields(cipher, row).items() if k not in fields}
        whole = Clean({**held, **given.fields}, 0)
        identity = whole.identity(event)
        other = self._known(conn, event_id, [identity]).get(identity)
        if other not in (None, subject_id):
            raise Conflict(
                "Another subject of the event has exactly these identifiers.", hint="Link the two."
            )
        nonces = os.urandom(crypto.NONCE * len(whole.fields))
        conn.execute(
            update(tables.subject)
            .where(tables.subject.c.subject_id == subject_id)
            .values(**sealing.seal_fields(event, cipher, subject_id, whole, nonces), identity=identity)
        )

    def copy_subjects(
        self, conn: Connection, from_event: str, to_event: str, subject_ids: Iterable[str]
    ) -> dict[str, str]:
        """Put subjects under another event's keys as well; old subject id -> the one there.

        The plaintext is read and sealed again in here. The originals stay until they are destroyed, so a
        crash between the two loses nobody. Subjects that are erased or of another event are left out.
        """
        event = self._event(from_event)
        held = {
            row["subject_id"]: (row["kind"], sealing.open_fields(sealing.data_key(event, row), row))
            for row in self._rows(conn, from_event, subject_ids)
        }
        moved: dict[str, str] = {}
        for kind in sorted({kind for kind, _ in held.values()}):
            part = [subject for subject, (of, _) in held.items() if of == kind]
            fresh = self.put_many(conn, to_event, [held[subject][1] for subject in part], kind=kind)
            moved.update(zip(part, fresh, strict=True))
        return moved

    # looking up and names out -------------------------------------------------------------------------------

    def find(self, conn: Connection, event_id: str, kind: str, value: str) -> list[str]:
        """Subjects of the event that have this ``resident_id``, ``phone`` or ``name``, by blind index."""
        if kind not in INDEXED:
            raise BadInput(f"The vault cannot look up by {kind!r}.", hint=f"One of: {', '.join(INDEXED)}.")
        spelt = normal.normalise(kind, value)
        if not spelt:
            return []
        table = tables.subject
        found = conn.execute(
            select(table.c.subject_id)
            .where(table.c.event_id == event_id)
            .where(table.c[f"ix_{kind}"] == self._event(event_id).blind(kind, spelt))
            .order_by(table.c.created_at, table.c.subject_id)
        )
        return list(found.scalars())

    def reveal(
        self, conn: Connection, event_id: str, grant: Grant, *, reader: str, now: datetime | None = None
    ) -> dict[str, dict[str, str]]:
        """The granted fields of exactly the granted subjects, for the assigned reader, while the grant runs.

        Refused: another event or reader, an expired grant, no reason, fewer than two approvals by different
        people in different roles, an approval by the reader himself, a subject that is not of this event.
        A subject erased since then is left out of the answer.
        """
        grant.require(event_id=event_id, reader=reader, now=now or self._clock.now())
        event = self._event(event_id)
        rows = list(self._rows(conn, event_id, grant.subjects, erased=True))
        if len(rows) != len(grant.subjects):
            raise Refused(
                f"{len(grant.subjects) - len(rows)} of the granted subjects are not in event {event_id}.",
                reasons=("the grant names a subject of another event",),
                basis=("REQ-P-64",),
                code="reveal_refused",
            )
        return {
            row["subject_id"]: self._fields(event, row, grant.fields)
            for row in rows
            if row["wrapped_key"] is not None and not self._ring.is_erased(f"s:{row['subject_id']}")
        }

    def seal(self, conn: Connection, event_id: str, subject_id: str | None, row: str, data: bytes) -> bytes:
        """Seal other data under the event's key, or a subject's.

        Erasing either silences it (ledger payloads).
        """
        return self._aside(conn, event_id, subject_id).seal(
            os.urandom(crypto.NONCE),
            data,
            crypto.place("aside", subject_id or "", f"{event_id}/{row}"),
        )

    def unseal(
        self, conn: Connection, event_id: str, subject_id: str | None, row: str, sealed: bytes
    ) -> bytes:
        """Open what :meth:`seal` closed for the same event, subject and row."""
        place = crypto.place("aside", subject_id or "", f"{event_id}/{row}")
        return self._aside(conn, event_id, subject_id).unseal(sealed, place)

    def sealer(self, conn: Connection) -> BoundSealer:
        """Seal and unseal on this connection, for a ledger that stands in another database."""
        return BoundSealer(self, conn)

    def check(
        self, conn: Connection, *, most: int | None = None, progress: Progress | None = None
    ) -> tuple[int, int, list[str]]:
        """Open every subject in its place, or ``most`` of them, and forget it.

        Gives how many there are, how many were opened, and the ids of those that do not open. Also those count
        that cannot be found again: a blind index or identity that is not that of the fields. Which ``most`` are
        opened is drawn anew each time, by the system's random source: nobody can know which to spare.
        """
        report, table = progress or silent, tables.subject
        ids = conn.execute(
            select(table.c.event_id, table.c.subject_id).where(table.c.wrapped_key.is_not(None))
        ).all()
        total = len(ids)
        if most is not None and total > most:
            ids = secrets.SystemRandom().sample(ids, most)
        broken = []
        for at in range(0, len(ids), CHUNK):
            part = {subject_id for _, subject_id in ids[at : at + CHUNK]}
            rows = conn.execute(select(table).where(table.c.subject_id.in_(part))).mappings()
            broken += [row["subject_id"] for row in rows if not self._sound(row)]
            report("identities", min(at + CHUNK, len(ids)), len(ids))
        return total, len(ids), sorted(broken)

    def _sound(self, row: RowMapping) -> bool:
        if self._ring.is_erased(f"s:{row['subject_id']}") or self._ring.is_erased(f"e:{row['event_id']}"):
            return True  # nothing to open any more; apply_erasures removes what is left
        try:
            event = self._event(row["event_id"])
            clean = Clean(sealing.open_fields(sealing.data_key(event, row), row), 0)
        except LianfangError:
            return False
        blind = {
            kind: event.blind(kind, clean.spelt[kind]) if kind in clean.spelt else None for kind in INDEXED
        }
        same = not clean.spelt or clean.identity(event) == row["identity"]
        return same and all(row[f"ix_{kind}"] == value for kind, value in blind.items())

    # inside -----------------------------------------------------------------------------------------------

    def _known(self, conn: Connection, event_id: str, prints: Sequence[bytes]) -> dict[bytes, str]:
        table = tables.subject
        wanted = list(dict.fromkeys(prints))
        found: dict[bytes, str] = {}
        for at in range(0, len(wanted), CHUNK):
            rows = conn.execute(
                select(table.c.identity, table.c.subject_id).where(
                    table.c.event_id == event_id, table.c.identity.in_(wanted[at : at + CHUNK])
                )
            )
            found.update((bytes(identity), subject_id) for identity, subject_id in rows)
        dead = self._ring.erased_among(found.values())
        if dead:  # a crash kept their rows from being emptied; who comes again is a subject of his own
            self._erase(conn, event_id, sorted(dead))
        return {identity: subject_id for identity, subject_id in found.items() if subject_id not in dead}

    def _fields(self, event: ReadyKeys, row: RowMapping, wanted: Iterable[str]) -> dict[str, str]:
        return sealing.open_fields(sealing.data_key(event, row), row, frozenset(wanted))

    def _aside(self, conn: Connection, event_id: str, subject_id: str | None) -> crypto.Cipher:
        event = self._event(event_id)
        if subject_id is None:
            return crypto.Cipher(event.derive("aside"), self._suite)
        return sealing.data_key(event, self._row(conn, event_id, subject_id))


class BoundSealer:
    """The vault's :meth:`Vault.seal` and :meth:`Vault.unseal` on a connection of its own."""

    def __init__(self, vault: Vault, conn: Connection) -> None:
        self._vault, self._conn = vault, conn

    def seal(self, _conn: Connection, event_id: str, subject_id: str | None, row: str, data: bytes) -> bytes:
        """As :meth:`Vault.seal`."""
        return self._vault.seal(self._conn, event_id, subject_id, row, data)

    def unseal(
        self, _conn: Connection, event_id: str, subject_id: str | None, row: str, sealed: bytes
    ) -> bytes:
        """As :meth:`Vault.unseal`."""
        return self._vault.unseal(self._conn, event_id, subject_id, row, sealed)
