"""What every act of the node stands on: folder, keys, clock, database, ledger, and whom it answers."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections import deque
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from lianfang.foundation.canonical import plain
from lianfang.foundation.clock import Clock, SystemClock
from lianfang.foundation.errors import Fault, LianfangError, Refused
from lianfang.services.holder import documents, folder, tables
from lianfang.services.holder.sealing import EventSealer

if TYPE_CHECKING:
    from lianfang.guard.signing import PublicKeys

BASIS = ("REQ-P-62",)
_ACTOR = "node"
UNREADABLE_AN_HOUR = 200


class Base:
    """A holder's folder, opened."""

    def __init__(self, base: Path | str, *, clock: Clock | None = None) -> None:
        from lianfang.guard import ledger
        from lianfang.services.installation import offset
        from lianfang.store import Store, sqlite_url

        self.folder = Path(base)
        self.about = folder.read_about(self.folder)
        self.limits = folder.read_limits(self.folder)
        self.keys = folder.read_keys(self.folder)
        if self.keys.name != self.about.id:
            raise Fault("The node's keys are those of another holder.")
        self.clock = clock or SystemClock(offset(self.limits.clock))
        path = self.folder / folder.NODE / "node.db"
        if not path.exists():
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        self.store = Store(sqlite_url(path))
        for metadata in (tables.metadata, ledger.metadata):
            metadata.create_all(self.store.engine)
        self.log = ledger.Log(self.keys.name)
        self.sealer = EventSealer()
        with self.store.begin() as connection:
            if not connection.execute(sa.text("SELECT 1 FROM ledger_log")).first():
                ledger.Log.create(connection, self.keys.name, authority=self.about.id, now=self.now())
        self._pool: ThreadPoolExecutor | None = None
        self._running: set[str] = set()
        self._guard = threading.Lock()
        self._stopping = threading.Event()
        self._told = 0.0
        self._unreadable: deque[float] = deque(maxlen=UNREADABLE_AN_HOUR)

    def __repr__(self) -> str:
        return f"<HolderNode {self.about.id}>"

    def now(self) -> datetime:
        """The present moment, UTC."""
        return self.clock.now()

    def close(self) -> None:
        """Stop searching and let go of the database; unfinished orders go on at the next start."""
        self._stopping.set()
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
        self.store.close()

    def identity(self) -> dict[str, Any]:
        """What a centre needs to register this holder: public keys, kind, sources, limits."""
        about = self.about
        return {
            "format": "lianfang-holder/1",
            "keys": self.keys.public.to_json(),
            "fingerprint": folder.fingerprint(self.keys.public),
            "holder": about.id,
            "kind": about.kind,
            "name": {"zh": about.name_zh, "en": about.name_en},
            "sources": list(about.sources),
            "limits": {
                "row_cap": self.limits.row_cap,
                "period_days": self.limits.period_days,
                "index_cases": self.limits.index_cases,
            },
            "fictional": about.fictional,
        }

    # inside -----------------------------------------------------------------------------------------------

    def _signed(
        self, signed: Mapping[str, Any], model: type[documents.M], what: str
    ) -> tuple[documents.M, PublicKeys]:
        """The document in a note signed by a centre that this node answers, and that centre's keys."""
        signer = signed.get("signer")
        known = folder.centres(self.folder)
        if not isinstance(signer, str) or signer not in known:
            raise Refused(
                "The order is not of a centre that this holder answers.", basis=BASIS, code="unknown_centre"
            )
        note = documents.opened(known[signer], signed, model, what)
        if getattr(note, "centre", signer) != signer:
            raise Refused("The order names another centre than its signer.", basis=BASIS, code="bad_signer")
        return note, known[signer]

    def _order(self, order_id: str) -> dict[str, Any] | None:
        with self.store.read() as connection:
            row = (
                connection.execute(sa.select(tables.order).where(tables.order.c.order_id == order_id))
                .mappings()
                .first()
            )
        return dict(row) if row is not None else None

    def _purged(self, centre: str, event_id: str) -> str | None:
        table = tables.purge
        with self.store.read() as connection:
            found = connection.execute(
                sa.select(table.c.receipt).where(table.c.centre == centre, table.c.event_id == event_id)
            ).scalar()
        return str(found) if found is not None else None

    def _scrub(self) -> None:
        """Give the freed pages back, so that no deleted byte stays in the database's files."""
        self.store.vacuum()
        with self.store.begin() as connection:
            connection.execute(sa.update(tables.purge).values(scrubbed=1))

    def _record(
        self,
        connection: sa.Connection,
        what: str,
        purpose: str,
        ref: str,
        payload: Mapping[str, Any],
        *,
        event: str | None = None,
    ) -> int:
        from lianfang.guard import ledger

        return ledger.record(
            connection,
            type=what,
            time=self.now(),
            actor=_ACTOR,
            purpose=purpose,
            ref=ref,
            payload=plain(dict(payload)),
            event=event,
            sealer=self.sealer if event else None,
            log=self.log,
        )

    def _log_unreadable(self, what: str, raw: bytes, error: LianfangError) -> None:
        """A message that is no order of a known centre: its digest and the reason, never its content.

        Anyone can send such messages, so only so many an hour are logged: the ledger must not fill up.
        """
        at = time.monotonic()
        with self._guard:
            full = len(self._unreadable) == UNREADABLE_AN_HOUR
            if full and at - self._unreadable[0] < 3600:
                return
            self._unreadable.append(at)
        with self.store.begin() as connection:
            told = {"sha256": hashlib.sha256(raw).hexdigest(), "bytes": len(raw), "code": error.code}
            self._record(connection, what, "close_contact_tracing", "-", told)


def refused(what: str, problems: list[str], *, basis: tuple[str, ...] = BASIS) -> Refused:
    return Refused(what + " ".join(problems), reasons=tuple(problems), basis=basis, code="order_refused")
