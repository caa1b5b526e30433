"""The vault's speed as ratios: pseudonyms against a loop of hmac, ingest against the AES limit, one run.

python benchmarks/vault.py [--rows 100000]                  everything
python benchmarks/vault.py --part pseudonyms --rows 1000000 a file of subject ids to a file of tokens
python benchmarks/vault.py --part ciphers                   the two suites beside each other
python benchmarks/vault.py --part rotation --rows 1000000   rotation while two processes read
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import os
import subprocess
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


def ciphers(rows: int) -> None:
    """One field of 300 bytes in each suite, and the ratio of the two."""
    from lianfang.guard.vault.crypto import SUITES, Cipher

    value, nonce, place = b"x" * 300, os.urandom(12), b"vault_subject\x00fields/name\x00id\x001"
    bars: dict[str, float] = {}
    for name, suite in SUITES.items():
        cipher = Cipher(os.urandom(32), suite)
        sealed = cipher.seal(nonce, value, place)
        for act, work in (
            ("seal", lambda c=cipher: c.seal(nonce, value, place)),
            ("open", lambda c=cipher, s=sealed: c.unseal(s, place)),
        ):
            wall, cpu = clock(lambda w=work: [w() for _ in range(rows)])
            bar = bars.setdefault(act, cpu)
            note = "" if bar == cpu else f"{bar / cpu:.2f} of AES-256-GCM"
            line(f"{name}: {act} a field of 300 bytes", rows, wall, cpu, note)


def bulk(rows: int) -> None:
    """Read a Parquet file of subject ids, put tokens for them by the vault's own call, write Parquet."""
    import polars as pl

    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        engine = create_engine(f"sqlite:///{home / 'vault.db'}")
        metadata.create_all(engine)
        box = vault(home / "keys")
        with engine.begin() as conn:
            box.open_event(conn, EVENT)
        text = os.urandom(16 * rows).hex()
        frame = pl.DataFrame(
            {
                "subject_id": [text[at : at + 32] for at in range(0, 32 * rows, 32)],
                "district": ["429901", "429902", "429903", "429904"] * (rows // 4) + ["429901"] * (rows % 4),
                "day": pl.Series(range(rows)) % 60,
                "x_dm": pl.Series(range(rows)) * 7 % 1_000_003,
                "y_dm": pl.Series(range(rows)) * 11 % 1_000_003,
            }
        )
        frame.write_parquet(home / "subjects.parquet")

        def whole() -> None:
            held = pl.read_parquet(home / "subjects.parquet")
            token = box.pseudonyms(EVENT, "linkage_analysis", held["subject_id"]).rename("token")
            held.drop("subject_id").insert_column(0, token).write_parquet(home / "tokens.parquet")

        def loop() -> list[str]:
            key = box._pseudonym_key(EVENT, "linkage_analysis").encode()
            return [hmac.digest(key, one.encode(), hashlib.sha256).hex()[:32] for one in frame["subject_id"]]

        made: list[list[str]] = []
        loop_wall, loop_cpu = clock(lambda: made.append(loop()))
        line("hmac.digest in a loop, nothing read or written", rows, loop_wall, loop_cpu)
        for _ in range(3):
            wall, cpu = clock(whole)
            line("read, pseudonyms, write Parquet", rows, wall, cpu, f"{loop_wall / wall:.1f} times the loop")
        assert pl.read_parquet(home / "tokens.parquet")["token"].to_list() == made[0]
        print("bit-equal to hmac in every row")


READER = """
import sys, time
from pathlib import Path
from lianfang.foundation.clock import SetClock
from lianfang.services.installation import open_installation
from vaultkit import EVENT, NOW, grant
home, number = Path(sys.argv[1]), int(sys.argv[2])
ids = (home / "ids.txt").read_text().split()
inst, done, failed, slowest = open_installation(home, clock=SetClock(NOW)), 0, 0, 0.0
print("ready", flush=True)
while not (home / "stop").exists():
    part = [ids[(number * 31 + done * 7919 + k) % len(ids)] for k in range(20)]
    start = time.perf_counter()
    try:
        with inst.vault_store.read() as conn:
            assert len(inst.vault.reveal(conn, EVENT, grant(part), reader="li")) == 20
    except Exception as error:
        failed += 1
        print(error, file=sys.stderr)
    slowest, done = max(slowest, time.perf_counter() - start), done + 1
print(done, failed, slowest, flush=True)
"""


def rotation(rows: int) -> None:
    """`guard keys rotate` of an event of so many persons while two other processes read without a pause."""
    from lianfang.foundation.clock import SetClock
    from lianfang.services import keys
    from lianfang.services.installation import SYSTEM, create
    from vaultkit import NOW

    tests = str(Path(__file__).resolve().parents[1] / "tests")
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        inst, ids = create(home, clock=SetClock(NOW)), []
        for at in range(0, rows, 20_000):
            with inst.vault_store.begin() as conn:
                inst.vault.open_event(conn, EVENT)
                given = [{"phone": f"154{n:08d}"} for n in range(at, min(at + 20_000, rows))]
                ids += inst.vault.put_many(conn, EVENT, given, kind="case_report")
        (home / "ids.txt").write_text("\n".join(ids))
        readers = [
            subprocess.Popen(
                [sys.executable, "-c", READER, str(home), str(number)],
                stdout=subprocess.PIPE,
                text=True,
                env={"PYTHONPATH": os.pathsep.join([*sys.path, tests])},
            )
            for number in range(2)
        ]
        for one in readers:
            one.stdout.readline()  # type: ignore[union-attr]
        wall, cpu = clock(lambda: keys.rotate(inst, SYSTEM, [EVENT]))
        (home / "stop").touch()
        said = [one.communicate()[0].split() for one in readers]
        counts = [(int(done), int(failed), float(slowest)) for done, failed, slowest in said]
        line("guard keys rotate, with its ten seconds' wait", rows, wall, cpu, f"{wall:.0f} s")
        print(
            f"meanwhile {sum(c[0] for c in counts):,} reads of 20 persons by two processes: "
            f"{sum(c[1] for c in counts)} failed, the slowest {max(c[2] for c in counts):.2f} s"
        )
        inst.close()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--part", choices=["ciphers", "pseudonyms", "rotation"])
    asked = parser.parse_args()
    rows = asked.rows
    print(f"{rows:,} rows; load {os.getloadavg()[0]:.1f}")
    print(f"{'':<54}{'rows/s':>12}{'rows/cpu-s':>12}")
    parts = {"ciphers": ciphers, "pseudonyms": bulk, "rotation": rotation}
    if asked.part:
        parts[asked.part](rows)
        return
    whole(rows)
    for part in parts.values():
        part(rows)


def whole(rows: int) -> None:
    """Every act of the vault, one after the other."""
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
            after, done = None, False
            while not done:
                with engine.begin() as conn:
                    part = box.rotate(conn, EVENT, after=after)
                after, done = part.after, part.done
            with engine.begin() as conn:
                box.retire(conn, EVENT)

        wall, cpu = clock(rotate)
        line("rotate, batches of 20,000, WAL FULL", rows, wall, cpu, f"10^6 in {1e6 / rows * wall:.0f} s")
        with engine.begin() as conn:
            line("destroy_event", rows, *clock(lambda: box.destroy_event(conn, EVENT)))


if __name__ == "__main__":
    main()
