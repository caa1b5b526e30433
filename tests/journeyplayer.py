"""``python journeyplayer.py BASE tour|end|DATE N``: play, and be killed at the N-th point (0: never).

A point lies before and after each commit: what was written is then about to last, or has just begun to.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

from lianfang.cli import demo
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
        if what == "tour":
            answers = demo.World(base / "city", inst.today())
            tour.play(inst, answers, say=lambda *_: None, holder=demo.HOLDER)
        elif what == "end":
            with inst.store.read() as connection:
                from lianfang.records import Event
                from lianfang.store import rows

                event_id = rows(connection, Event)[0]["event_id"]
            tour.end(inst, tour.Story(event_id), say=lambda *_: None)
            assert events.get(inst, event_id)["status"] == "closed"
        else:
            print(daily.run(inst, SYSTEM, date.fromisoformat(what)).digest)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
