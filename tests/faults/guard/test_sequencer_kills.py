"""The process that takes statements is killed (SIGKILL) under load: nothing acknowledged is lost, the log is whole."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import lianfang
from lianfang.guard import ledger
from lianfang.guard.ledger import Log, Signer
from lianfang.store import Store

NOW = datetime(2026, 1, 29, tzinfo=UTC)
KEY = Signer("ledger.example/a", Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
PROGRAM = """
import sys, threading
from datetime import UTC, datetime
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from lianfang.guard.ledger import Log, Signer
from lianfang.services.ledger.sequencer import Sequencer
from lianfang.store import Store

key = Signer("ledger.example/a", Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
one = Sequencer(Store(sys.argv[1]), Log(key.name), key, lambda: datetime(2026, 1, 29, tzinfo=UTC))
one.start()

def send(name):
    for at in range(100_000):
        entry = f"{sys.argv[2]}.{name}.{at}"
        index = one.append([entry.encode(), b"beside it"])
        sys.stdout.write(f"{index} {entry}\\n")
        sys.stdout.flush()

for name in range(8):
    threading.Thread(target=send, args=(name,)).start()
"""


def test_killed_under_load(database_url: str, count: Callable[[int, int], int]) -> None:
    store = Store(database_url)
    ledger.metadata.create_all(store.engine)
    with store.begin() as conn:
        log = Log.create(conn, KEY, authority="a", now=NOW)
    rng = random.Random(12)
    acknowledged: dict[int, str] = {}
    for run in range(count(3, 200)):
        worker = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, database_url, str(run)],
            stdout=subprocess.PIPE,
            env={"PYTHONPATH": str(Path(lianfang.__file__).parents[1])},
            text=True,
        )
        assert worker.stdout is not None
        lines = [worker.stdout.readline()]  # it works
        time.sleep(rng.random() * 0.3)
        worker.send_signal(signal.SIGKILL)
        lines += worker.stdout.read().splitlines(keepends=True)
        assert worker.wait() == -signal.SIGKILL
        for line in lines:
            if line.endswith("\n"):  # what was cut in the pipe was not read by anybody
                index, entry = line.split()
                assert int(index) not in acknowledged
                acknowledged[int(index)] = entry
    with store.begin() as conn:
        size = log.size(conn)
        held = log.entries(conn, 0, size)
        assert len(acknowledged) > 10 and size >= 2 * len(acknowledged)
        assert all(held[index].decode() == entry for index, entry in acknowledged.items())
        assert all(held[index + 1] == b"beside it" for index in acknowledged)
        assert size % 2 == 0  # what was sent together is there together
        log.checkpoint(conn, KEY, now=NOW)
        assert ledger.check(conn, log, verifiers=[KEY.verifier]) == []
    store.close()
