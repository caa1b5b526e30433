"""A holder's search for one order, against a plain scan of the same files in the same run.

    PYTHONPATH=src python benchmarks/holder.py [--persons N] [--days D] [--cases K]

The city's writer makes the holder's files; the order goes through the node's own door (sealed, verified, searched,
ranked, signed, sealed). The limit is DuckDB counting the same positions within the period's bounds, which reads
the same columns and keeps nothing. The peak is the resident set of this process.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
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


def search(node: holder.HolderNode, raw: bytes, order_id: str) -> tuple[float, dict]:
    begun = time.perf_counter()
    node.receive(raw)
    while node.status(order_id)["state"] in ("received", "searching"):
        time.sleep(0.01)
    spent = time.perf_counter() - begun
    (row,) = [one for one in node.orders() if one["order_id"] == order_id]
    assert row["state"] == "answered", row["reasons"]
    return spent, row["account"]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--persons", type=int, default=30_000)
    parser.add_argument("--days", type=int, default=36)
    parser.add_argument("--cases", type=int, default=20)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
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
        spent, account = min(
            (search(node, message(node, keys, f"o{at}", cases, start, end), f"o{at}") for at in (1, 2, 3)),
            key=lambda one: one[0],
        )
        rows = account["rows_by_source"]
        print(f"{given.persons} persons, {given.cases} index cases, 14 days: {json.dumps(rows)}")
        print(f"matched {account['index_matched']}, candidates {account['candidates']}")
        print(
            f"whole order      {spent:6.2f} s  {account['rows_searched'] / spent / 1e6:6.2f} million rows/s"
        )
        plain = min(scan(folder, start, end) for _ in range(3))
        print(f"plain scan       {plain:6.2f} s  {rows['pings'] / plain / 1e6:6.2f} million positions/s")
        print(f"ratio {spent / plain:.1f}; peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB "
              "(the city's writer included)")  # fmt: skip
        node.close()


def _days(folder: Path) -> list:
    return [datetime.fromisoformat(path.name[5:]).date() for path in (folder / "pings").iterdir()]


def scan(folder: Path, start: datetime, end: datetime) -> float:
    """Seconds that DuckDB takes to read the same columns and count."""
    with duckdb.connect() as connection:
        connection.execute("SET threads = 2; SET TimeZone = 'UTC'")
        begun = time.perf_counter()
        connection.execute(
            f"SELECT count(*), min(subscriber), min(lat), min(lon) FROM read_parquet('{folder}/pings/*/*.parquet') "
            "WHERE time >= ? AND time < ?",
            [start, end],
        ).fetchall()
        return time.perf_counter() - begun


if __name__ == "__main__":
    main()
