"""The ledger's speed as ratios: appends against the SHA-256 limit (and pymerkle, if installed), in one run.

python benchmarks/ledger.py [--rows 100000] [--proofs 1000000]
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine, create_engine, event

from lianfang.guard.ledger import Item, Log, Signer, check, leaf_hash, record_many, verify_inclusion
from lianfang.guard.ledger.tables import metadata

NOW = datetime(2026, 1, 29, tzinfo=UTC)
KEY = Signer("ledger.example/bench", Ed25519PrivateKey.from_private_bytes(bytes(32)))


def clock(work: Callable[[], object]) -> tuple[float, float]:
    """Wall and CPU seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def line(name: str, rows: int, took: tuple[float, float], note: str = "") -> None:
    print(f"{name:<54}{rows / took[0]:>12,.0f}{rows / took[1]:>12,.0f}  {note}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument(
        "--proofs", type=int, default=1_000_000, help="entries of the log whose proofs are timed"
    )
    asked = parser.parse_args()
    rows = asked.rows
    print(f"{rows:,} entries of 200 bytes; load {os.getloadavg()[0]:.1f}")
    print(f"{'':<54}{'per second':>12}{'per cpu-s':>12}")
    entries = [random.randbytes(200) for _ in range(rows)]
    sha = hashlib.sha256

    def limit() -> None:
        for one in entries:
            sha(b"\x01" + sha(b"\x00" + one).digest() + b"r" * 32).digest()

    bar = clock(limit)
    line("SHA-256 limit: one leaf, one node", rows, bar)
    with tempfile.TemporaryDirectory() as folder:
        engine = create_engine(f"sqlite:///{Path(folder) / 'ledger.db'}")

        @event.listens_for(engine, "connect")
        def pragmas(raw: object, _: object) -> None:
            for pragma in ("journal_mode=WAL", "synchronous=FULL"):
                raw.execute(f"PRAGMA {pragma}")  # type: ignore[attr-defined]

        metadata.create_all(engine)
        for batch, total in ((1, 500), (10, 2_000), (100, 10_000), (1_000, rows)):
            origin = f"ledger.example/{batch}"
            log = Log(origin)
            signer = Signer(origin, KEY.key)
            with engine.begin() as conn:
                Log.create(conn, origin, authority="bench", now=NOW)

            def append(
                log: Log = log, batch: int = batch, total: int = total, signer: Signer = signer
            ) -> None:
                for at in range(0, total, batch):
                    with engine.begin() as conn:
                        log.append(conn, entries[at : at + batch])
                        log.checkpoint(conn, signer, now=NOW)

            took = clock(append)
            note = f"{bar[1] / rows / (took[1] / total):.2f} of the limit"
            line(f"append and sign, {batch:,} a commit, WAL FULL", total, took, note)
        with engine.begin() as conn:
            size, root = log.size(conn), log.root(conn)
            chosen = [random.randrange(size) for _ in range(500)]
            proofs: list[list[bytes]] = []
            line(
                "inclusion proof",
                500,
                clock(lambda: proofs.extend(log.prove_inclusion(conn, i) for i in chosen)),
            )

            def judge() -> None:
                for index, proof in zip(chosen, proofs, strict=True):
                    assert verify_inclusion(index, size, leaf_hash(entries[index]), proof, root)

            line("verify inclusion", 500, clock(judge))
            line("check of a whole log", rows, clock(lambda: check(conn, log)))
            Log.create(conn, "ledger.example/records", authority="bench", now=NOW)
            items = [Item("a.b", NOW, "li", "p", f"r{at}", {"n": at}, public=True) for at in range(20_000)]
            line(
                "record_many, 20,000 public payloads",
                20_000,
                clock(lambda: record_many(conn, items, log=Log("ledger.example/records"))),
            )
        peer(Path(folder), entries)
        large(engine, asked.proofs)


def large(engine: Engine, size: int) -> None:
    """Inclusion proofs from a large log: each by itself, on a connection of its own as a request has it."""
    log = Log("ledger.example/large")
    with engine.begin() as conn:
        Log.create(conn, log.origin, authority="bench", now=NOW)
        for at in range(0, size, 10_000):
            log.append(
                conn,
                [at.to_bytes(4, "big") + one.to_bytes(4, "big") for one in range(min(10_000, size - at))],
            )
    wall, cpu = [], []
    for _ in range(3_000):
        index = random.randrange(size)
        began, spent = time.perf_counter(), time.thread_time()
        with engine.connect() as conn:
            log.prove_inclusion(conn, index)
        wall.append(time.perf_counter() - began)
        cpu.append(time.thread_time() - spent)
    for name, took in (("wall", wall), ("cpu", cpu)):
        took.sort()
        p50, p99 = took[len(took) // 2] * 1e3, took[int(len(took) * 0.99)] * 1e3
        print(f"inclusion proof at {size:,} entries, {name:<5} p50 {p50:.2f} ms, p99 {p99:.2f} ms")
    print(f"load {os.getloadavg()[0]:.1f}")


def peer(folder: Path, entries: list[bytes]) -> None:
    """pymerkle 7 (GPL, for comparison only)."""
    try:
        from pymerkle import SqliteTree
    except ImportError:
        print("pymerkle is not installed")
        return
    tree = SqliteTree(str(folder / "peer.db"))
    line("pymerkle: bulk append to SQLite", len(entries), clock(lambda: tree.append_entries(entries)))
    some = random.sample(range(1, len(entries) + 1), 5)
    line("pymerkle: inclusion proof", 5, clock(lambda: [tree.prove_inclusion(i) for i in some]))
    tree.con.close()


if __name__ == "__main__":
    main()
