"""Progress of long work, told by a callback.

Engines and services take ``progress: Progress | None``. On a terminal the callback feeds ``rich`` bars, in a
job it writes the job's row, in tests it is a list.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol, TypeVar

T = TypeVar("T")


class Progress(Protocol):
    """Called with the stage's name, units done and units in all (0 when unknown)."""

    def __call__(self, stage: str, done: int, total: int) -> None: ...


def silent(stage: str, done: int, total: int) -> None:
    """The callback that tells nobody."""


def tracked(items: Iterable[T], progress: Progress | None, stage: str, total: int) -> Iterator[T]:
    """Yield ``items``, reporting after each one."""
    report = progress or silent
    report(stage, 0, total)
    for done, item in enumerate(items, start=1):
        yield item
        report(stage, done, total)


@contextmanager
def terminal(enabled: bool = True) -> Iterator[Progress]:
    """Bars on standard error while the block runs; one bar for each stage."""
    if not enabled:
        yield silent
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description:<38}"),
        BarColumn(bar_width=28),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Bars(*columns, console=console, transient=False, disable=not console.is_terminal) as bars:
        known: dict[str, int] = {}

        def report(stage: str, done: int, total: int) -> None:
            if stage not in known:
                known[stage] = int(bars.add_task(stage, total=total or None))
                if not console.is_terminal:
                    console.print(f"· {stage}", highlight=False)
            bars.update(known[stage], completed=done, total=total or None)  # type: ignore[arg-type]

        yield report
