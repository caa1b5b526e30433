"""Co-location of 100 index persons in a synthetic day of ten million pings, against DuckDB's self-join.

    PYTHONPATH=src python benchmarks/tracing.py [--persons N] [--index K] [--days D] [--parts N]

Both read the same Parquet file of the same run and must give the same pairs. DuckDB has two queries: the plain
self-join on the slot with the haversine in SQL, held to index rows (``plain``), and the one a specialist
writes, with grid cells computed in the query (``cells``). The peak is the resident set of a process of its own.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

START = datetime(2026, 1, 5, tzinfo=UTC)
SLOTS = 144


def city(persons: int, path: Path, days: int = 1, seed: int = 7) -> None:
    """One ping a person and 10 minutes: night at homes of three, day at Zipf workplaces, evening at venues."""
    rng = np.random.default_rng(seed)
    side = 0.0025 * np.sqrt(persons)  # constant density: a city of 70,000 spans some 70 km
    homes = rng.uniform(0, side, (persons // 3 + 1, 2))[np.arange(persons) // 3]
    zipf = 1.0 / np.arange(1, persons // 20 + 2) ** 0.7
    works = rng.uniform(0, side, (len(zipf), 2))[rng.choice(len(zipf), persons, p=zipf / zipf.sum())]
    venues = rng.uniform(0, side, (persons // 50 + 1, 2))
    parts = []
    for slot in range(SLOTS * days):
        hour = slot % SLOTS / 6
        if hour < 8 or hour >= 21:
            at = homes
        elif hour < 18:
            at = works
        else:
            out = rng.random(persons) < 0.4
            at = np.where(out[:, None], venues[(np.arange(persons) * 31 + int(hour)) % len(venues)], homes)
        noise = rng.normal(0, 8.0, (persons, 2)) / 111_195
        parts.append(
            pl.DataFrame(
                {
                    "token": np.arange(persons, dtype=np.int32),
                    "time": slot * 600 + rng.integers(0, 600, persons),
                    "lat": 30.0 + at[:, 0] + noise[:, 0],
                    "lon": 114.0 + at[:, 1] + noise[:, 1] / np.cos(np.radians(30)),
                }
            )
        )
    frame = pl.concat(parts).with_columns(
        pl.format("t{}", pl.col("token").cast(pl.String).str.zfill(8)).alias("token"),
        (pl.lit(START) + pl.duration(seconds="time")).alias("time"),
    )
    frame.sample(fraction=1.0, shuffle=True, seed=seed).write_parquet(path)


HAVERSINE = """2 * 6371008.8 * asin(sqrt(least(1.0, pow(sin(radians(p.lat - q.lat) / 2), 2)
  + cos(radians(p.lat)) * cos(radians(q.lat)) * pow(sin(radians(p.lon - q.lon) / 2), 2))))"""

CELLS = """
WITH p AS (SELECT token, epoch(time)::BIGINT // 600 AS slot, lat, lon,
    floor(lat * 111195 / 51)::BIGINT AS y, floor(lon * 96000 / 51)::BIGINT AS x FROM '{path}'),
q0 AS (SELECT * FROM p WHERE token IN (SELECT unnest({index}))),
q AS (SELECT token, slot, lat, lon, y + dy AS y, x + dx AS x FROM q0,
      (SELECT unnest([-1, 0, 1]) AS dy), (SELECT unnest([-1, 0, 1]) AS dx))
SELECT q.token, p.token, count(DISTINCT p.slot) AS slots FROM q JOIN p USING (slot, y, x)
WHERE p.token <> q.token AND {haversine} <= 50 GROUP BY ALL HAVING count(DISTINCT p.slot) >= 2"""

PLAIN = """
WITH p AS (SELECT token, epoch(time)::BIGINT // 600 AS slot, lat, lon FROM '{path}'),
q AS (SELECT * FROM p WHERE token IN (SELECT unnest({index})))
SELECT q.token, p.token, count(DISTINCT p.slot) AS slots FROM q JOIN p USING (slot)
WHERE p.token <> q.token AND abs(p.lat - q.lat) < 0.0005 AND {haversine} <= 50
GROUP BY ALL HAVING count(DISTINCT p.slot) >= 2"""


def ask(engine: str, path: str, index: list[str], parts: int) -> dict[str, object]:
    """One engine's answer: seconds, peak, a fingerprint of its pairs."""
    if engine.startswith("duckdb"):
        import duckdb

        con = duckdb.connect()
        con.execute("SET threads = 2")
        sql = (CELLS if engine.endswith("cells") else PLAIN).format(
            path=path, index=index, haversine=HAVERSINE
        )
        begin, spent = time.perf_counter(), time.process_time()
        rows = con.execute(sql).fetchall()
    else:
        from lianfang.control.tracing import contacts

        order = 2 if engine.endswith("order2") else 1
        day = {"start": START, "end": START + timedelta(days=365)}
        columns = ["token", "time", "lat", "lon"]
        tiny = pl.read_parquet(path, columns=columns, n_rows=100)
        contacts(tiny, tiny["token"][:1].to_list(), **day)  # compiled code is loaded before the clock starts
        begin, spent = time.perf_counter(), time.process_time()
        if parts > 1:
            height = pl.scan_parquet(path).select(pl.len()).collect().item()
            step = -(-height // parts)

            def pings():
                return (
                    pl.read_parquet(path, columns=columns, n_rows=step, row_index_offset=0)
                    if k == 0
                    else pl.scan_parquet(path).select(columns).slice(k * step, step).collect()
                    for k in range(parts)
                )

            found = contacts(pings, index, order=order, **day)
        else:
            found = contacts(pl.read_parquet(path, columns=columns), index, order=order, **day)
        rows = found.filter(pl.col("order") == 1).select("index", "contact", "slots").rows()
    seconds, cpu = time.perf_counter() - begin, time.process_time() - spent
    peak = _peak()
    text = "\n".join(f"{a} {b} {c}" for a, b, c in sorted(rows))
    import hashlib

    return {
        "seconds": seconds, "cpu": cpu, "peak_gb": peak / 1e9, "pairs": len(rows), "slots": sum(r[2] for r in rows),
        "sha": hashlib.sha256(text.encode()).hexdigest()[:12],
    }  # fmt: skip


def _peak() -> int:
    """High-water mark of this program alone (ru_maxrss would carry over the parent's)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--persons", type=int, default=70_000)
    parser.add_argument("--index", type=int, default=100)
    parser.add_argument("--days", type=int, default=1)
    parser.add_argument("--parts", type=int, default=10)
    parser.add_argument(
        "--engines", default="duckdb-cells,duckdb-plain,lianfang,lianfang-parts,lianfang-order2"
    )
    parser.add_argument("--one", nargs=3, metavar=("ENGINE", "PATH", "INDEX"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        engine, path, index = args.one
        parts = args.parts if engine.endswith("parts") else 1
        print(json.dumps(ask(engine, path, json.loads(index), parts)))
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pings.parquet"
        city(args.persons, path, args.days)
        chosen = np.random.default_rng(1).choice(args.persons, args.index, replace=False)
        index = json.dumps([f"t{k:08d}" for k in sorted(chosen)])
        pings, size = args.persons * SLOTS * args.days, path.stat().st_size / 1e6
        print(f"{pings:,} pings, {args.index} index persons, {size:.0f} MB")
        print(
            f"{'engine':18}{'s':>8}{'ratio':>8}{'cpu s':>8}{'ratio':>8}"
            f"{'peak GB':>9}{'pairs':>9}{'pair-slots':>12}  answer"
        )
        base = None
        for engine in args.engines.split(","):
            call = [sys.executable, __file__, "--parts", str(args.parts), "--one", engine, str(path), index]
            done = subprocess.run(call, capture_output=True, text=True, check=False)
            if done.returncode:
                print(f"{engine:18}failed: {done.stderr.strip().splitlines()[-1][:80]}")
                continue
            r = json.loads(done.stdout)
            base = base or r
            print(
                f"{engine:18}{r['seconds']:8.2f}{r['seconds'] / base['seconds']:8.3f}{r['cpu']:8.2f}"
                f"{r['cpu'] / base['cpu']:8.3f}{r['peak_gb']:9.2f}"
                f"{r['pairs']:9,}{r['slots']:12,}  {r['sha']}"
            )


if __name__ == "__main__":
    main()
