"""Processes killed in the middle (SIGKILL): what was acknowledged stays, what was not is whole or absent."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa

import lianfang
from lianfang.guard import ledger
from lianfang.guard import vault as vaults
from lianfang.guard.vault import tables
from lianfang.store import Store, sqlite_url
from vaultkit import EVENT, NOW, grant, vault

PROGRAM = """
import sys
from pathlib import Path
from vaultkit import EVENT, NOW, people, vault
from lianfang.guard import ledger
from lianfang.guard.ledger import Item
from lianfang.store import Store, sqlite_url

home, seed = Path(sys.argv[1]), int(sys.argv[2])
v, store = vault(home / "keys"), Store(sqlite_url(home / "all.db"))
for at in range(10_000):
    rows = people(20, seed=seed * 10_000 + at)
    with store.begin() as conn:
        ids = v.put_many(conn, EVENT, rows, kind="case_report")
        items = [Item("report.taken", NOW, "system", "case_report", s, {"n": at}, EVENT, s) for s in ids]
        last = ledger.record_many(conn, items, sealer=v)[-1]
    print(ids[0], rows[0]["phone"], last, flush=True)
    if at % 3 == 2:
        with store.begin() as conn:
            v.rotate(conn, EVENT, limit=50)
    if at % 5 == 4:
        v.open_event(conn_ := store.engine.connect(), f"other-{seed}-{at}")
        conn_.rollback()
        conn_.close()
"""


def test_kill_while_writing(tmp_path: Path, count: Callable[[int, int], int]) -> None:
    store = Store(sqlite_url(tmp_path / "all.db"))
    for part in (vaults.metadata, ledger.metadata):
        part.create_all(store.engine)
    v = vault(tmp_path / "keys")
    with store.begin() as conn:
        v.open_event(conn, EVENT)
        ledger.Log.create(conn, "ledger.example/a", authority="a", now=NOW)
    rng = random.Random(11)
    paths = f"{Path(lianfang.__file__).parents[1]}:{Path(__file__).parents[2]}"
    acknowledged: dict[str, tuple[str, int]] = {}
    for seed in range(count(4, 200)):
        worker = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(tmp_path), str(seed)],
            stdout=subprocess.PIPE,
            env={"PYTHONPATH": paths},
            text=True,
        )
        assert worker.stdout is not None
        worker.stdout.readline()
        time.sleep(rng.random() * 0.25)
        worker.send_signal(signal.SIGKILL)
        lines = worker.stdout.read().splitlines()
        worker.wait()
        assert worker.returncode == -signal.SIGKILL
        for line in lines:
            subject, phone, index = line.split(" ")
            acknowledged[subject] = (phone, int(index))
    assert acknowledged
    again = vault(tmp_path / "keys")
    after, done = None, False
    while not done:
        with store.begin() as conn:
            part = again.rotate(conn, EVENT, after=after)
        after, done = part.after, part.done
    with store.begin() as conn:
        again.retire(conn, EVENT)
    with store.begin() as conn:
        shown = again.reveal(conn, EVENT, grant(list(acknowledged)), reader="li")
        assert {s: f["phone"] for s, f in shown.items()} == {s: p for s, (p, _) in acknowledged.items()}
        assert ledger.check(conn, sealer=again) == []
        entries = ledger.Log.only(conn).size(conn)
        assert entries > max(index for _, index in acknowledged.values())
        held = conn.execute(sa.select(sa.func.count()).select_from(tables.subject)).scalar_one()
        assert held == entries  # a person and the entry about it came together, each time
