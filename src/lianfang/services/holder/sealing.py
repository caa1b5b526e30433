"""What a lock says (a reason that somebody typed, tokens) is sealed in the node's ledger under the event's key.

The purge destroys the key: entry and proofs stay, what they stood for falls silent, also in the log.
"""

from __future__ import annotations

import os

import sqlalchemy as sa
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from lianfang.foundation.errors import Fault, NotFound
from lianfang.services.holder import tables

_NONCE = 12


class EventSealer:
    """The ledger's sealer over the node's own keys, one an event."""

    def seal(
        self, conn: sa.Connection, event_id: str, subject_id: str | None, row: str, data: bytes, /
    ) -> bytes:
        """Seal under the event's key, which is made when it is first needed."""
        nonce = os.urandom(_NONCE)
        held = self._key(conn, event_id)
        if held is None:
            held = AESGCM.generate_key(256)
            conn.execute(sa.insert(tables.key).values(event_id=event_id, key=held))
        return nonce + AESGCM(held).encrypt(nonce, data, _place(event_id, row))

    def unseal(
        self, conn: sa.Connection, event_id: str, subject_id: str | None, row: str, sealed: bytes, /
    ) -> bytes:
        """Open what :meth:`seal` closed; NotFound once the event was purged."""
        held = self._key(conn, event_id)
        if held is None:
            raise NotFound("The event was purged.")
        try:
            return AESGCM(held).decrypt(sealed[:_NONCE], sealed[_NONCE:], _place(event_id, row))
        except InvalidTag:
            raise Fault("A sealed ledger payload does not open.", code="ledger_tampered") from None

    def _key(self, conn: sa.Connection, event_id: str) -> bytes | None:
        found = conn.execute(sa.select(tables.key.c.key).where(tables.key.c.event_id == event_id)).scalar()
        return bytes(found) if found is not None else None


def _place(event_id: str, row: str) -> bytes:
    return f"lianfang/holder-ledger/1\x00{event_id}\x00{row}".encode()
