"""A holder's search for one order, against a plain scan of the same files in the same run.

    PYTHONPATH=src python benchmarks/holder.py [--persons N] [--days D] [--cases K] [--city FOLDER] [--rounds R]

The city's writer makes the holder's files, or ``--city`` names a city that was built before; the order goes through the
node's own door (sealed, verified, searched, ranked, signed, sealed). The limit is DuckDB counting the same positions
within the period's bounds, which reads the same columns and keeps nothing. The least of the rounds counts, by
processor time, since the machine may be busy. The peak is the resident set of this process.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import shutil
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import polars as pl

from lianfang import world
from lianfang.foundation.clock import SetClock
from lianfang.guard.signing import create_keys
from lianfang.guard.vault import tokens
from lianfang.services import holder
from lianfang.services.holder import documents

KEY = "ab" * 32


def index_cases(folder: Path, count: int, start: datetime, end: datetime) -> list[documents.IndexCase]:
    people = pl.read_parquet(folder / "subscribers.parquet")
    chosen = people[sorted(random.Random(1).sample(range(people.height), count))]
    ids, phones = (tokens(KEY, kind, chosen[kind].to_list()) for kind in ("resident_id", "phone"))
    return [
        documents.IndexCase(number=at, resident_id=one, phone=two, start=start, end=end)
        for at, (one, two) in enumerate(zip(ids, phones, strict=True))
    ]


def message(
    node: holder.HolderNode, keys: object, order_id: str, cases: list, start: datetime, end: datetime
) -> bytes:
    note = documents.OrderNote(
        order_id=order_id,
        event_id="e1",
        centre="centre",
        holder=node.about.id,
        issued_at=end,
        issued_by="bench",
        responsible="bench",
        expires_at=end + timedelta(hours=24),
        basis=["benchmark"],
        sources=list(node.about.sources),
        period=documents.Period(start=start, end=end),
        rule=documents.Rule(),
        row_cap=2000,
        index_count=len(cases),
        index_sha256=documents.commitment(KEY, cases),
    )
    request = documents.OrderRequest(note=documents.signed(keys, note), match_key=KEY, index=cases)
    return documents.to_holder(node.keys.public, "order", request)


def search(node: holder.HolderNode, raw: bytes, order_id: str) -> tuple[float, float, dict]:
    begun, cpu = time.perf_counter(), time.process_time()
    node.receive(raw)
    while node.status(order_id)["state"] in ("received", "searching"):
        time.sleep(0.01)
    cpu, spent = time.process_time() - cpu, time.perf_counter() - begun
    (row,) = [one for one in node.orders() if one["order_id"] == order_id]
    assert row["state"] == "answered", row["reasons"]
    return cpu, spent, row["account"]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--persons", type=int, default=30_000)
    parser.add_argument("--days", type=int, default=36)
    parser.add_argument("--cases", type=int, default=20)
    parser.add_argument("--city", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    # links to a city's files need its file system
    with tempfile.TemporaryDirectory(dir=given.city.absolute().parent if given.city else None) as scratch:
        folder = Path(scratch) / "holder"
        if given.city:
            city = world.City.open(given.city)
            shutil.copytree(city.holder, folder, copy_function=os.link, ignore=shutil.ignore_patterns("node"))
        else:
            city = world.build(Path(scratch) / "city", persons=given.persons, days=given.days, seed=24)
            folder = city.holder
        end = datetime.combine(max(_days(folder)), datetime.min.time(), UTC) + timedelta(hours=16)
        start = end - timedelta(days=14)
        keys = create_keys(Path(scratch) / "keys" / "centre.json", "centre")
        holder.init(folder)
        holder.trust(folder, keys.public.to_json())
        node = holder.HolderNode(folder, clock=SetClock(end))
        cases = index_cases(folder, given.cases, start, end)
        search(node, message(node, keys, "o0", cases, start, end), "o0")  # compiles
        rounds = range(1, given.rounds + 1)
        cpu, spent, account = min(
            (search(node, message(node, keys, f"o{at}", cases, start, end), f"o{at}") for at in rounds),
            key=lambda one: one[0],
        )
        rows = account["rows_by_source"]
        persons = city.manifest["persons"]
        print(f"{persons:,} persons, {given.cases} index cases, 14 days; load {os.getloadavg()[0]:.1f}")
        print(json.dumps(rows))
        print(f"matched {account['index_matched']}, candidates {account['candidates']}")
        searched = account["rows_searched"] / 1e6
        print(f"whole order      {spent:7.2f} s {cpu:7.2f} cpu-s  {searched / cpu:6.2f} million rows/cpu-s")
        plain = min((scan(folder, start, end) for _ in rounds), key=lambda one: one[0])
        rate = rows["pings"] / 1e6 / plain[0]
        print(
            f"plain scan       {plain[1]:7.2f} s {plain[0]:7.2f} cpu-s  {rate:6.2f} million positions/cpu-s"
        )
        print(f"ratio {cpu / plain[0]:.1f}; peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB"
              f"{'' if given.city else ' (the writer of the city included)'}")  # fmt: skip
        node.close()


def _days(folder: Path) -> list:
    return [datetime.fromisoformat(path.name[5:]).date() for path in (folder / "pings").iterdir()]


def scan(folder: Path, start: datetime, end: datetime) -> tuple[float, float]:
    """Processor seconds and seconds that DuckDB takes to read the same columns and count."""
    with duckdb.connect() as connection:
        connection.execute("SET threads = 2; SET TimeZone = 'UTC'")
        begun, cpu = time.perf_counter(), time.process_time()
        connection.execute(
            f"SELECT count(*), min(subscriber), min(lat), min(lon) FROM read_parquet('{folder}/pings/*/*.parquet') "
            "WHERE time >= ? AND time < ?",
            [start, end],
        ).fetchall()
        return time.process_time() - cpu, time.perf_counter() - begun


if __name__ == "__main__":
    main()
