"""``python journeyplayer.py``: play, and be killed at the N-th point (0: never).

Each line on its input is ``BASE<TAB>WHAT<TAB>N``; WHAT is ``tour``, ``tour:STEP`` (up to that step), ``end`` or a
date. It plays in a process of its own, forked from this one (which has loaded everything and opened nothing), and
the answer is its exit status. A point lies before and after each commit: what was written is then about to last,
or has just begun to.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

from lianfang import services
from lianfang.cli import demo
from lianfang.guard import disclosure
from lianfang.services import daily, events, tour
from lianfang.services.installation import SYSTEM, open_installation
from lianfang.store import Store


def die_at(number: int) -> None:
    left, begin = [number], Store.begin

    def point() -> None:
        left[0] -= 1
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)

    @contextmanager
    def watched(self: Store) -> Iterator[Any]:
        with begin(self) as connection:
            yield connection
            point()
        point()

    Store.begin = watched  # type: ignore[method-assign]


def main(base: Path, what: str, number: int) -> None:
    with open_installation(base / "centre") as inst:
        die_at(number)
        name, _, step = what.partition(":")
        if name == "tour":
            answers = demo.World(base / "city", inst.today())
            upto = {"upto": step} if step else {}
            tour.play(inst, answers, say=lambda *_: None, holder=demo.HOLDER, **upto)
        elif name == "end":
            with inst.store.read() as connection:
                from lianfang.records import Event
                from lianfang.store import rows

                event_id = rows(connection, Event)[0]["event_id"]
            tour.end(inst, tour.Story(event_id), say=lambda *_: None)
            assert events.get(inst, event_id)["status"] == "closed"
        else:
            daily.run(inst, SYSTEM, date.fromisoformat(what))


def serve() -> None:
    for part in pkgutil.walk_packages(services.__path__, "lianfang.services."):
        importlib.import_module(part.name)
    for name in ("duckdb", "httpx", "polars", "psycopg", "scipy.optimize", f"{disclosure.__name__}.publish"):
        importlib.import_module(name)
    for line in sys.stdin:
        base, what, number = line.rstrip("\n").split("\t")
        child = os.fork()
        if not child:
            status = 1
            try:
                main(Path(base), what, int(number))
                status = 0
            except BaseException:
                traceback.print_exc()
            sys.stderr.flush()
            os._exit(status)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    serve()
