"""Appends over HTTP, as a hospital's node makes them: a server process, 64 clients, each answer after the disk's flush.

python benchmarks/ledger_http.py [--clients 64] [--seconds 5] [--url postgresql+psycopg://...]

Printed beside each figure: the load, and what this disk gives one durable commit, in the same run. The clients
are one process of raw sockets (asyncio), so that they take less of the two cores than the server.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

import psutil

from lianfang.guard.ledger import Log, statements
from lianfang.services import accounts
from lianfang.services.installation import create, open_installation
from lianfang.services.ledger import submitters

SERVER = """
import sys, uvicorn
from lianfang.api.app import create_app
from lianfang.services.installation import open_installation
uvicorn.run(create_app(open_installation(sys.argv[1])), port=int(sys.argv[2]), log_level="warning")
"""


def flushes(folder: Path, seconds: float = 1.0) -> float:
    """Durable 4 KiB writes a second."""
    with (folder / "probe").open("wb", buffering=0) as probe:
        began, count = time.perf_counter(), 0
        while time.perf_counter() - began < seconds:
            probe.write(bytes(4096))
            os.fdatasync(probe.fileno())
            count += 1
    return count / seconds


async def client(port: int, request: bytes, until: float, took: list[float]) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    done = 0
    while time.perf_counter() < until:
        began = time.perf_counter()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 201"):
            raise SystemExit(head.decode())
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
        took.append(time.perf_counter() - began)
        done += 1
    writer.close()
    return done


async def measure(port: int, requests: list[bytes], seconds: float) -> tuple[float, list[float]]:
    took: list[float] = []
    began = time.perf_counter()
    done = await asyncio.gather(*(client(port, one, began + seconds, took) for one in requests))
    return sum(done) / (time.perf_counter() - began), took


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--url", default="", help="operational database; default: SQLite")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings = {"authority_id": "bench", "demonstration": True, "database_url": asked.url}
        with create(folder / "home", settings=settings) as inst:
            accounts.add_demonstration(inst)
            token = submitters.add(inst, accounts.person(inst, "zhou.zhuren"), "hospital-1")
            now = inst.now()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        server = subprocess.Popen([sys.executable, "-c", SERVER, str(folder / "home"), str(port)])
        try:
            run(asked, folder, port, token, now, psutil.Process(server.pid))
        finally:
            server.terminate()
            server.wait()
        with open_installation(folder / "home") as inst, inst.store.read() as connection:
            print(f"entries in the log afterwards: {Log.only(connection).size(connection):,}")


def ready(port: int) -> None:
    for _ in range(600):
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port)).close()
            return
        time.sleep(0.1)
    raise SystemExit("the server did not start")


def spent(process: psutil.Process) -> float:
    """CPU seconds of the server, all its threads."""
    times = process.cpu_times()
    return times.user + times.system


def run(
    asked: argparse.Namespace, folder: Path, port: int, token: str, now: datetime, server: psutil.Process
) -> None:
    ready(port)

    def request(count: int, sender: int) -> bytes:
        lines = [
            statements.make(
                authority="hospital-1", type="report.sent", time=now, actor="node", purpose="case_report",
                ref=f"r-{sender}-{at}", payload={"n": at},
            )[0]
            for at in range(count)
        ]  # fmt: skip
        body = b"\n".join(lines)
        head = f"POST /ledger/append HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
        return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body

    print(
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; durable 4 KiB writes: {flushes(folder):,.0f}/s"
    )
    for title, clients, count in (
        (f"appends of one, {asked.clients} clients", asked.clients, 1),
        ("appends of 100, 8 clients", 8, 100),
        ("appends of 1,000, 4 clients", 4, 1_000),
    ):
        requests = [request(count, sender) for sender in range(clients)]
        before = spent(server)
        rate, took = asyncio.run(measure(port, requests, asked.seconds))
        cpu = spent(server) - before
        took.sort()
        p99 = took[int(len(took) * 0.99)] * 1e3
        print(
            f"{title:<32}{rate * count:>9,.0f} entries/s  {len(took) * count / cpu:>9,.0f} per cpu-s of the server"
            f"  p50 {statistics.median(took) * 1e3:.1f} ms, p99 {p99:.1f} ms   load {os.getloadavg()[0]:.1f}"
        )


if __name__ == "__main__":
    main()
