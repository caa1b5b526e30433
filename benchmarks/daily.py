"""The daily cycle, day by day to the alarm: seconds by step and peak memory.

    python benchmarks/daily.py [--persons N] [--days D] [--city FOLDER] [--after A] [--again] [--whole]

Without ``--city`` the centre's desk of a fictional city is written first (its holder's half, which the cycle
never reads, is left out); with it a built city is used. ``--after`` goes on for that many days past the alarm
with the event opened, ``--again`` runs the last day a second time. ``--whole`` plays the alarm through with the
holder's node as a process of its own over the city's positions: the event, an order, a lock, two approvals, naming,
visits, a test, a bulletin; after the last day a second order with all cases by then, and the end of the event's
data. Peaks are those of each process by then. The limits of the project: a morning on
100,000 persons under 60 s and 2 GB, on a million under 10 minutes and 8 GB.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent / "src"))

SEED, START = 24, date(2026, 1, 5)
STEPS = ("import", "quality", "attach", "link", "curves", "counts", "reproduction", "alerts")


def desk(folder: Path, persons: int, days: int) -> Any:
    """The centre's half of a city: the same bytes as ``world build`` writes there."""
    import numpy as np

    from lianfang.world import City, city, clinic, movement, people
    from lianfang.world.centre import write_centre
    from lianfang.world.epidemic import outbreak

    town = people.settle(persons, START, np.random.default_rng([SEED, 1]))
    planned = movement.presences(town, days, np.random.default_rng([SEED, 2]))
    event = outbreak(town, planned, days, SEED, START)
    cards = clinic.cards(town, event, days, START, SEED)
    write_centre(folder / "centre", town, event, cards, days, START, SEED, None)
    alarm = (START + timedelta(days=event.alarm)).isoformat() if event.alarm >= 0 else None
    manifest = city._manifest(town, persons, days, SEED, START) | {"story": {"alarm": alarm}, "files": {}}
    city._json(folder / "manifest.json", manifest)
    return City(folder, manifest)


def peak_mb() -> float:
    """Highest resident memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@contextmanager
def timed(seconds: dict[str, float]) -> Iterator[None]:
    """Adds up what each step of the cycle takes."""
    from lianfang.services import daily

    def around(name: str, step: Any) -> Any:
        def call(*given: Any) -> Any:
            started = time.monotonic()
            try:
                return step(*given)
            finally:
                seconds[name] = seconds.get(name, 0.0) + time.monotonic() - started

        return call

    kept = dict(daily.STEPS)
    daily.STEPS.update({name: around(name, step) for name, step in kept.items()})
    try:
        yield
    finally:
        daily.STEPS.update(kept)


class Parts:
    """A line for each part of the story: seconds, own processor time, the node's, and both peaks."""

    def __init__(self) -> None:
        print(f"{'part':<16}{'s':>8}{'cpu s':>8}{'node cpu s':>12}{'peak MB':>9}{'node MB':>9}")

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        started, cpu, (node, _) = time.monotonic(), time.process_time(), node_use()
        yield
        after, top = node_use()
        print(
            f"{name:<16}{time.monotonic() - started:>8.2f}{time.process_time() - cpu:>8.2f}{after - node:>12.2f}"
            f"{peak_mb():>9,.0f}{top:>9,.0f}",
            flush=True,
        )


def node_use() -> tuple[float, float]:
    """Processor seconds and peak resident MB of the holder's node, which is the only child; zeros without one."""
    import psutil

    for child in psutil.Process().children():
        used = child.cpu_times()
        peak = next(
            line for line in Path(f"/proc/{child.pid}/status").read_text().splitlines() if "VmHWM" in line
        )
        return used.user + used.system, int(peak.split()[1]) / 1024
    return 0.0, 0.0


def linked_holder(base: Path, city: Any) -> None:
    """The holder's data below ``base`` as links, so that the node's own files do not go into the city."""
    from lianfang.cli import demo

    target = base / "city" / "holders" / demo.HOLDER
    shutil.copytree(
        city.holder,
        target,
        copy_function=demo._link,
        ignore=shutil.ignore_patterns("node"),
        dirs_exist_ok=True,
    )


def play(base: Path, inst: Any, city: Any, day: date) -> Any:
    """The alarm's morning, step by step as the tour plays it; returns its story."""
    from lianfang.cli import demo
    from lianfang.services import tour

    linked_holder(base, city)
    demo.make_holder(inst, base / "city" / "holders" / demo.HOLDER)
    demo._set_clocks(base, day)
    story, answers, parts = tour.Story(), demo.World(city.path, day), Parts()
    with demo.holder_process(base):
        for name, step in tour.STEPS.items():
            with parts.part(name):
                step(inst, story, answers, lambda *_: None, demo.HOLDER)
    print(" ".join(f"{name}={value}" for name, value in story.figures.items() if not isinstance(value, str)))
    return story


def finish(base: Path, inst: Any, story: Any, day: date) -> None:
    """One more order with the cases of the last day, then the event's end."""
    from lianfang.cli import demo
    from lianfang.services import accounts, orders, tour

    demo._set_clocks(base, day)
    wang, parts = accounts.person(inst, "wang.yi"), Parts()
    with demo.holder_process(base):
        with parts.part("second order"):
            row = orders.draft(inst, wang, story.event_id, holder=demo.HOLDER)
            answer = orders.send(inst, wang, row["order_id"])
        print(
            f"{row['index_count']} index cases, {answer['matched']} matched; {answer['rows_searched']:,} rows, "
            f"{answer['candidates'] + answer['withheld']:,} candidates, {answer['candidates']} returned"
        )
        with parts.part("end of the data"):
            tour.end(inst, story, say=lambda *_: None)


def measure(folder: Path, given: argparse.Namespace) -> None:
    """Day after day, a line for each."""
    from lianfang.cli import demo
    from lianfang.foundation.clock import SetClock
    from lianfang.records import Alert
    from lianfang.services import accounts, daily, events
    from lianfang.services.installation import SYSTEM, create
    from lianfang.store import rows
    from lianfang.world import City

    city = City.open(given.city) if given.city else desk(folder / "city", given.persons, given.days)
    clock = SetClock(demo._morning(city.start))
    inst = create(folder / "centre", settings=demo._settings(city, 8000), clock=clock)
    accounts.add_demonstration(inst)
    demo._divisions(inst, city)
    print(f"{city.manifest['persons']:,} persons; load {os.getloadavg()[0]:.1f}; start {peak_mb():,.0f} MB")
    print(
        f"{'day':<10}{'rows':>8}{'cases':>8}{'total s':>9}{'cpu s':>8}",
        *(f"{n[:9]:>9}" for n in STEPS),
        "  peak MB",
    )
    day, left, whole, whole_cpu, story = city.start, -1, 0.0, 0.0, None
    last = city.start + timedelta(days=int(city.manifest["days"]) - 1)

    def one(day: date) -> Any:
        nonlocal whole, whole_cpu
        seconds: dict[str, float] = {}
        started, cpu = time.monotonic(), time.process_time()
        with timed(seconds):
            done = daily.run(inst, SYSTEM, day)
        wall, busy = time.monotonic() - started, time.process_time() - cpu
        whole, whole_cpu = whole + wall, whole_cpu + busy
        print(
            f"{day!s:<10}{done.steps['import']['changed']:>8,}{done.steps['curves']['all']['cases']:>8,}"
            f"{wall:>9.2f}{busy:>8.2f}",
            *(f"{seconds[name]:>9.2f}" for name in STEPS),
            f"{peak_mb():>9,.0f}",
            flush=True,
        )
        return done

    while day <= last and left != 0:
        clock.at = demo._morning(day)
        demo.deliver(inst, city, day)
        done = one(day)
        left -= 1 if left > 0 else 0
        if left < 0:
            with inst.store.read() as connection:
                alarms = rows(connection, Alert, method="cluster", status="new", attribute="workplace")
            if alarms:
                print(
                    f"the alarm: {alarms[0]['observed']:.0f} cases; {whole:.1f} s, {whole_cpu:.1f} cpu-s so far"
                )
                left = given.after
                if given.whole:
                    clock.at += timedelta(minutes=1)  # the node's clock is set to the minute
                    story = play(folder, inst, city, day)
                elif left:
                    wang = accounts.person(inst, "wang.yi")
                    events.open_event(inst, wang, events.propose(inst, wang, alarms[0]["alert_id"]))
        day += timedelta(days=1)
    if given.again:
        before = done.digest
        assert one(day - timedelta(days=1)).digest == before, "the day came out otherwise"
    if story is not None:
        finish(folder, inst, story, day - timedelta(days=1))
    print(f"all days: {whole:.1f} s, {whole_cpu:.1f} cpu-s, peak {peak_mb():,.0f} MB")
    inst.close()


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--persons", type=int, default=100_000)
    options.add_argument("--days", type=int, default=60)
    options.add_argument("--city", type=Path)
    options.add_argument("--write-only", type=Path, help="write the desk to this folder and stop")
    options.add_argument("--after", type=int, default=0)
    options.add_argument("--again", action="store_true")
    options.add_argument("--whole", action="store_true", help="with the holder's node; needs --city")
    given = options.parse_args()
    if given.write_only:
        started = time.monotonic()
        given.write_only.mkdir(parents=True)
        desk(given.write_only, given.persons, given.days)
        print(f"desk of {given.persons:,} persons, {given.days} days: {time.monotonic() - started:.0f} s")
        return
    if given.whole and not given.city:
        options.error("--whole needs a built city: --city FOLDER")
    # links to the city's files need its file system
    beside = given.city.absolute().parent if given.whole else None
    with tempfile.TemporaryDirectory(prefix="lianfang-daily-", dir=beside) as name:
        measure(Path(name), given)


if __name__ == "__main__":
    main()
