"""The demonstration: a fictional city, a centre, a holder's node as a second process, and the five minutes.

``--serve`` opens it in the browser; ``--no-serve`` plays the same acts as a transcript and leaves a report.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess  # the holder's node is another process; its command line is ours alone  # nosec B404
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from lianfang.foundation.progress import Progress
    from lianfang.services.installation import Installation
    from lianfang.services.tour import Story
    from lianfang.world import Answer, City

HOLDER = "linjiang"
SYMPTOM_CODES = {"发热": "fever", "咳嗽": "cough", "呼吸困难": "dyspnoea", "乏力": "fatigue"}
MORNING_HOUR_UTC = 0.5  # 08:30 in Shanghai
#: Days from a positive result to its genome, as the simulated laboratory works.
SEQUENCING_DAYS = 2


@click.command()
@click.option("--folder", default="var/demo", show_default=True, help="Where it lives. 演示目录。")
@click.option("--persons", default=100_000, show_default=True, help="Persons of the city. 人口。")
@click.option("--serve/--no-serve", default=None, help="Browser or transcript (env SERVE). 网页或文字。")
@click.option("--port", type=int, default=None, help="Port of the server (env PORT). 端口。")
@click.option(
    "--report", default="report.html", show_default=True, help="Report of the transcript. 报告文件。"
)
@click.option("--end", is_flag=True, help="Also close the event and end its data. 并终止事件、销毁数据。")
def demo(folder: str, persons: int, serve: bool | None, port: int | None, report: str, end: bool) -> None:
    """Play the five minutes on a fictional city. 虚构城市的五分钟演示。"""
    from lianfang.foundation.progress import terminal

    wanted = os.environ.get("SERVE", "1") != "0" if serve is None else serve
    at = port or int(os.environ.get("PORT") or 8000)
    base = Path(folder).absolute()
    with terminal() as progress:
        prepare(base, persons=persons, port=at, progress=progress)
    if wanted:
        serve_demo(base, at)
    else:
        transcript(base, Path(report), end=end)


def prepare(base: Path, *, persons: int, port: int, progress: Progress | None = None) -> date:
    """Make the demonstration up to the morning of its alarm, or find it made; returns that day.

    What is begun in ``base`` and was not finished is made anew, so a stop in the middle leaves nothing behind
    that a second start would trip over.
    """
    marker = base / "demo.json"
    if marker.is_file():
        return date.fromisoformat(json.loads(marker.read_text(encoding="utf-8"))["morning"])
    from lianfang.foundation.errors import Conflict
    from lianfang.world import build

    if base.exists() and any(base.iterdir()) and not (base / "unfinished").exists():
        raise Conflict(f"{base} holds something else.", hint="Choose another folder: --folder.")
    shutil.rmtree(base, ignore_errors=True)
    base.mkdir(parents=True)
    (base / "unfinished").touch()
    city = build(base / "city", persons=persons, progress=progress)
    morning = _to_the_alarm(base, city, port, progress)
    _set_clocks(base, morning)
    marker.write_text(
        json.dumps({"morning": morning.isoformat(), "persons": persons}) + "\n", encoding="utf-8"
    )
    (base / "unfinished").unlink()
    return morning


def _to_the_alarm(base: Path, city: City, port: int, progress: Progress | None) -> date:
    """Make the centre, register the holder, and run day after day until a cluster alarms."""
    from lianfang.foundation.clock import SetClock
    from lianfang.records import Alert
    from lianfang.services import accounts, daily
    from lianfang.services.installation import SYSTEM, create
    from lianfang.store import tally

    clock = SetClock(_morning(city.start))
    inst = create(base / "centre", settings=_settings(city, port), clock=clock, progress=progress)
    try:
        accounts.add_demonstration(inst)
        _divisions(inst, city)
        make_holder(inst, city.holder)
        last = city.start + timedelta(days=int(city.manifest["days"]) - 1)
        day = city.start
        while day <= last:
            clock.at = _morning(day)
            deliver(inst, city, day)
            daily.run(inst, SYSTEM, day, progress=progress)
            with inst.store.read() as connection:
                if tally(connection, Alert, method="cluster", status="new", attribute="workplace"):
                    return day
            day += timedelta(days=1)
    finally:
        inst.close()
    return last


def _settings(city: City, port: int) -> dict[str, Any]:
    name = city.manifest["name"]
    return {
        "authority_id": "linjiang-cdc",
        "authority_name_zh": f"{name['zh']}疾病预防控制中心（虚构）",
        "authority_name_en": "Linjiang CDC (fictional)",
        "adcode": city.manifest["adcode"],
        "demonstration": True,
        "port": port,
        "public_url": f"http://localhost:{port}",
    }


def _morning(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(hours=MORNING_HOUR_UTC)


def _divisions(inst: Installation, city: City) -> None:
    from lianfang.records import Division
    from lianfang.store import put_rows

    name = city.manifest["name"]
    rows: list[dict[str, Any]] = [
        {
            "adcode": city.manifest["adcode"],
            "level": "prefecture",
            "name_zh": name["zh"],
            "name_en": name["en"],
        }
    ]
    rows += [
        {
            "adcode": one["adcode"],
            "level": "county",
            "name_zh": one["zh"],
            "name_en": one["en"],
            "parent": city.manifest["adcode"],
            "lat": one["lat"],
            "lon": one["lon"],
            "population": one["population"],
        }
        for one in city.manifest["districts"]
    ]
    with inst.store.begin() as connection:
        put_rows(connection, Division, rows)


def deliver(inst: Installation, city: City, day: date) -> None:
    """The sources' files of a day arrive at the centre's desk."""
    source = city.inbox(day)
    if source.is_dir():
        target = inst.inbox / day.isoformat()
        shutil.copytree(source, target, dirs_exist_ok=True)
        _sequenced(city, day, target)


def _sequenced(city: City, day: date, target: Path) -> None:
    """The laboratory's genomes of the samples that tested positive some days before, simulated."""
    from lianfang.foundation.errors import BadInput
    from lianfang.world.genomes import fasta

    try:
        text = fasta(city.path, day - timedelta(days=SEQUENCING_DAYS))
    except BadInput:
        return  # a day before the city's first
    if ">" in text:
        (target / "genomes.fasta").write_text(text, encoding="utf-8")


def make_holder(inst: Installation, folder: Path) -> None:
    """Make the holder's node of its folder of data and let it trust this centre."""
    from lianfang.services import holder

    holder.init(folder)
    holder.trust(folder, inst.signer.public.to_json())


def _set_clocks(base: Path, morning: date) -> None:
    """From now on the centre's and the holder's clocks run from that morning."""
    import re

    shift = _morning(morning) - datetime.now(UTC)
    minutes = round(abs(shift.total_seconds()) / 60)
    text = f"{'+' if shift > timedelta(0) else '-'}{minutes // 1440}d{minutes % 1440 // 60}h{minutes % 60}m"
    for file in (
        base / "centre" / "lianfang.toml",
        base / "city" / "holders" / HOLDER / "node" / "node.toml",
    ):
        lines = [
            line for line in file.read_text(encoding="utf-8").splitlines() if not re.match(r"clock\s*=", line)
        ]
        file.write_text("\n".join([*lines, f'clock = "{text}"']) + "\n", encoding="utf-8")


#: Longest that the holder's node may take to start (s): a machine under load is slow, not broken.
START = 120.0


@contextmanager
def holder_process(base: Path) -> Iterator[str]:
    """The holder's node as a process of its own, on a free port of this machine; stopped at the end."""
    from lianfang.services import accounts, orders
    from lianfang.services.installation import open_installation

    folder, told = base / "city" / "holders" / HOLDER, base / "holder.log"
    command = [sys.executable, "-m", "lianfang", "holder", "serve", str(folder), "--port", "0"]
    with told.open("ab") as log:
        begin = log.tell()
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and arguments  # nosec B603
            command,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
    try:
        url = _address(process, told, begin)
        with open_installation(base / "centre") as inst:
            orders.register(inst, accounts.person(inst, "wang.yi"), url, replace=True)
        yield url
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(60)  # it lets running requests end and empties its databases' logs
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _address(process: subprocess.Popen[bytes], told: Path, begin: int) -> str:
    """The address that the node says in its log, once it answers there."""
    import re

    import httpx

    from lianfang.foundation.errors import Fault

    deadline = time.monotonic() + START
    while process.poll() is None and time.monotonic() < deadline:
        with told.open("rb") as log:
            log.seek(begin)
            found = re.search(rb"listens on (http://[0-9.]+:[0-9]+)\s", log.read())
        if found:
            url = found[1].decode()
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(f"{url}/identity", timeout=10).status_code == 200:
                    return url
        time.sleep(0.1)
    raise Fault("The holder's node did not start.", hint=f"See {told}.")


def serve_demo(base: Path, port: int) -> None:
    """Holder and server until Ctrl-C; prints the one address to open."""
    import uvicorn

    from lianfang.api.app import create_app
    from lianfang.api.serving import config
    from lianfang.services import accounts
    from lianfang.services.installation import open_installation

    class _Telling(uvicorn.Server):
        """Prints the address once the server listens, so that who opens it at once is answered."""

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets=sockets)
            if self.started:
                click.echo(
                    "\n联防 Lianfang: 打开此一次性链接，扮演演示中的每个人 / open this one-time link:\n"
                )
                click.echo(f"    {address}\n")
                click.echo("Ctrl-C 停止 / stops.")

    with holder_process(base), open_installation(base / "centre") as inst:
        address = f"http://localhost:{port}/enter?link={accounts.link(inst, 'wang.yi')}"
        app = create_app(inst)
        _Telling(config(app, "127.0.0.1", port)).run()


class World:
    """The simulator at the door and in the laboratory, answering from the city's truth. It says that it is one."""

    def __init__(self, city: Path, day: date) -> None:
        self.city = city
        self.day = day

    def visit(self, phone: str) -> tuple[float, list[str]]:
        found = self._ask(phone)
        return found.temperature, [SYMPTOM_CODES[word] for word in found.symptoms if word in SYMPTOM_CODES]

    def sample(self, phone: str) -> str:
        return self._ask(phone).test

    def _ask(self, phone: str) -> Answer:
        import polars as pl

        from lianfang import world

        persons = pl.scan_parquet(self.city / "truth" / "persons.parquet")
        found = persons.filter(pl.col("phone") == phone).select("person").collect()
        return world.answers(self.city, int(found["person"][0]), self.day)


def _stage(base: Path) -> Path:
    """A copy of that morning to play on, so that the browser finds its own untouched.

    The holder's data are not written to: its files are linked where the file system can, its node is copied.
    """
    stage = base / "transcript"
    shutil.rmtree(stage, ignore_errors=True)
    shutil.copytree(base / "centre", stage / "centre")
    source, target = base / "city" / "holders" / HOLDER, stage / "city" / "holders" / HOLDER
    shutil.copytree(source, target, copy_function=_link, ignore=shutil.ignore_patterns("node"))
    shutil.copytree(source / "node", target / "node")
    return stage


def _link(source: str, target: str) -> str:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
    return target


def transcript(base: Path, report: Path, *, end: bool = False) -> Story:
    """Play the five minutes in the terminal and write the report."""
    from rich.console import Console

    from lianfang.api.report import write_report
    from lianfang.services import tour
    from lianfang.services.installation import open_installation

    console = Console()
    started = time.monotonic()

    def say(step: str, zh: str, en: str) -> None:
        console.print(f"[bold cyan]{step:<12}[/] {zh}")
        console.print(f"{'':<12} [dim]{en}[/]")

    stage = _stage(base)
    with holder_process(stage), open_installation(stage / "centre") as inst:
        story = tour.play(inst, World(base / "city", inst.today()), say=say, holder=HOLDER)
        write_report(inst, story, report)
        if end:
            tour.end(inst, story, say=say)
    console.print(f"\n{report} · {time.monotonic() - started:.0f} s")
    return story
