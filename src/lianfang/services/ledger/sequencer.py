"""One writer for all who append by HTTP: their statements are committed together and answered when they are on disk.

A commit costs the disk's flush whatever it holds, so statements that arrive while one is under way go into the next
(group commit). An answer is given after the durable commit (SQLite: WAL, synchronous=FULL; PostgreSQL) and never
before. The house's own acts are not sent through here: they are logged in the transaction of their data.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import TYPE_CHECKING

from lianfang.foundation.errors import Fault, LianfangError

if TYPE_CHECKING:
    from datetime import datetime

    from lianfang.guard.ledger import Log, Signer
    from lianfang.services.installation import Installation
    from lianfang.store import Store

#: Entries in one commit, at most, and how long (seconds) the first of them waits for others.
MOST = 1_000
LINGER = 0.002
#: Entries that may wait; beyond it a sender is asked to come back.
ROOM = 20_000
#: How often (seconds) the sequencer signs a head while it works.
SIGN_EVERY = 1.0

#: Called once, from the sequencer's thread, with the first index or with what went wrong.
Done = Callable[[int, LianfangError | None], None]


class Busy(Fault):
    """Too many statements are waiting; nothing was taken."""

    http_status = 503
    code = "busy"


class Sequencer:
    """Appends to a log from one thread. ``start`` it, ``close`` it: what waits is then committed first."""

    def __init__(self, store: Store, log: Log, signer: Signer, now: Callable[[], datetime]) -> None:
        self._store, self._log, self._signer, self._now = store, log, signer, now
        self._waiting: deque[tuple[Sequence[bytes], Done]] = deque()
        self._count = 0
        self._change = threading.Condition()
        self._closing = False
        self._thread: threading.Thread | None = None
        self._signed_at = 0.0
        self.commits = 0

    def start(self) -> None:
        """Begin to work; once more does nothing."""
        with self._change:
            if self._thread is None and not self._closing:
                self._thread = threading.Thread(target=self._work, name="sequencer", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """Commit what waits and stop."""
        with self._change:
            self._closing = True
            self._change.notify_all()
            thread = self._thread
        if thread is not None:
            thread.join()

    def put(self, entries: Sequence[bytes], done: Done) -> None:
        """Take entries; ``done`` is called when they are durable. Busy when there is no room, Fault when closed."""
        with self._change:
            if self._closing or self._thread is None:
                raise Fault("The log takes no statements now.", hint="Nothing was taken; send them again.")
            if self._count + len(entries) > ROOM:
                raise Busy("Too many statements are waiting.", hint="Nothing was taken; send them again.")
            self._waiting.append((entries, done))
            self._count += len(entries)
            self._change.notify()

    def append(self, entries: Sequence[bytes]) -> int:
        """Append and wait; the first index."""
        future: Future[int] = Future()

        def done(first: int, error: LianfangError | None) -> None:
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(first)

        self.put(entries, done)
        return future.result()

    def _work(self) -> None:
        while True:
            batch = self._gather()
            if not batch:
                return
            try:
                first = self._commit([entry for entries, _ in batch for entry in entries])
            except LianfangError as error:
                _tell_all(batch, error)
            except Exception:  # the database's own: nothing of it may reach a sender
                _tell_all(
                    batch, Fault("The log could not be written.", hint="Nothing was taken; send them again.")
                )
            else:
                self.commits += 1
                for entries, done in batch:
                    _tell(done, first, None)
                    first += len(entries)

    def _gather(self) -> list[tuple[Sequence[bytes], Done]]:
        """The next batch, in order; empty when closed and nothing waits."""
        with self._change:
            while not self._waiting and not self._closing:
                self._change.wait()
            until = time.monotonic() + LINGER
            while self._count < MOST and not self._closing and (left := until - time.monotonic()) > 0:
                self._change.wait(left)
            batch: list[tuple[Sequence[bytes], Done]] = []
            count = 0
            while self._waiting and (not batch or count + len(self._waiting[0][0]) <= MOST):
                batch.append(self._waiting.popleft())
                count += len(batch[-1][0])
            self._count -= count
            return batch

    def _commit(self, entries: list[bytes]) -> int:
        with self._store.begin() as connection:
            first = self._log.append(connection, entries).start
            sign = time.monotonic() - self._signed_at >= SIGN_EVERY
            if sign:
                self._log.checkpoint(connection, self._signer, now=self._now())
        if sign:
            self._signed_at = time.monotonic()
        return first


def sequencer(inst: Installation) -> Sequencer:
    """The sequencer of an installation's own log; not started."""
    from lianfang.guard.ledger import Log, Signer

    return Sequencer(inst.store, Log(inst.signer.name), Signer.of(inst.signer), inst.now)


def _tell_all(batch: Sequence[tuple[Sequence[bytes], Done]], error: LianfangError) -> None:
    for _, done in batch:
        _tell(done, -1, error)


def _tell(done: Done, first: int, error: LianfangError | None) -> None:
    with suppress(Exception):  # a sender that is gone (its loop closed) does not stop the writer
        done(first, error)
