"""The vault's speed as ratios: pseudonyms against a loop of hmac, ingest against the AES limit, one run.

python benchmarks/vault.py [--rows 100000]
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import create_engine, event

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from lianfang.guard.vault.tables import metadata
from vaultkit import EVENT, people, vault


def clock(work: Callable[[], object]) -> tuple[float, float]:
    """Wall and CPU seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def line(name: str, rows: int, wall: float, cpu: float, note: str = "") -> None:
    print(f"{name:<54}{rows / wall:>12,.0f}{rows / cpu:>12,.0f}  {note}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=100_000)
    rows = parser.parse_args().rows
    print(f"{rows:,} rows; load {os.getloadavg()[0]:.1f}")
    print(f"{'':<54}{'rows/s':>12}{'rows/cpu-s':>12}")
    given = people(rows)
    fields = [value.encode() for row in given for value in row.values()]
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        engine = create_engine(f"sqlite:///{home / 'vault.db'}")

        @event.listens_for(engine, "connect")
        def pragmas(raw: object, _: object) -> None:
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON"):
                raw.execute(f"PRAGMA {pragma}")  # type: ignore[attr-defined]

        metadata.create_all(engine)
        box = vault(home / "keys")
        with engine.begin() as conn:
            box.open_event(conn, EVENT)

        def limit() -> None:  # what the same fields cost in AES-256-GCM and keys alone
            for at in range(0, len(fields), 4):
                cipher = AESGCM(os.urandom(32))
                for value in fields[at : at + 4]:
                    cipher.encrypt(os.urandom(12), value, b"vault_subject\x00fields\x00")
                cipher.encrypt(os.urandom(12), b"k" * 32, b"wrap")

        wall, cpu = clock(limit)
        line("AES limit: data key, 4 fields, wrap", rows, wall, cpu)
        bar = cpu
        ids: list[str] = []

        def ingest() -> None:
            for at in range(0, rows, 10_000):
                with engine.begin() as conn:
                    ids.extend(box.put_many(conn, EVENT, given[at : at + 10_000], kind="case_report"))

        wall, cpu = clock(ingest)
        line(
            "put_many, 4 fields, batches of 10,000, WAL FULL",
            rows,
            wall,
            cpu,
            f"{bar / cpu:.2f} of the AES limit",
        )

        def again() -> None:
            with engine.begin() as conn:
                for at in range(0, rows, 10_000):
                    box.put_many(conn, EVENT, given[at : at + 10_000], kind="case_report")

        line("put_many of the same people again", rows, *clock(again))

        key = box._pseudonym_key(EVENT, "linkage_analysis").encode()

        def loop() -> list[str]:
            return [hmac.digest(key, one.encode(), hashlib.sha256).hex()[:32] for one in ids]

        wall, cpu = clock(loop)
        line("hmac.digest in a loop", rows, wall, cpu)
        bar = wall
        import polars as pl

        series = pl.Series("subject", ids)
        box.pseudonyms(EVENT, "linkage_analysis", series[:10])
        wall, cpu = clock(lambda: box.pseudonyms(EVENT, "linkage_analysis", series))
        line("pseudonyms of a Series", rows, wall, cpu, f"{bar / wall:.1f} times the loop")
        wall, cpu = clock(lambda: box.pseudonyms(EVENT, "linkage_analysis", ids))
        line("pseudonyms of a list", rows, wall, cpu, f"{bar / wall:.1f} times the loop")
        assert box.pseudonyms(EVENT, "linkage_analysis", ids) == loop()

        phones = [row["phone"] for row in given]
        line("match_tokens", rows, *clock(lambda: box.match_tokens(EVENT, "order-1", "phone", phones)))
        with engine.begin() as conn:
            line("linkage_features", rows, *clock(lambda: box.linkage_features(conn, EVENT, ids)))

        def rotate() -> None:
            left = 1
            while left:
                with engine.begin() as conn:
                    left = box.rotate(conn, EVENT).remaining
            with engine.begin() as conn:
                box.retire(conn, EVENT)

        wall, cpu = clock(rotate)
        line("rotate, batches of 20,000, WAL FULL", rows, wall, cpu, f"10^6 in {1e6 / rows * wall:.0f} s")
        with engine.begin() as conn:
            line("destroy_event", rows, *clock(lambda: box.destroy_event(conn, EVENT)))


if __name__ == "__main__":
    main()
