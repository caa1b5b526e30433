"""What an analytic job reads of persons: declared beforehand, and refused beyond (REQ-P-01).

A step of the daily cycle runs within :func:`job`; whatever reads cases one by one, and the gate itself, ask here
whether the job that runs has declared the data. Outside a job an account acts, and the gate alone decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from lianfang.foundation.errors import Refused

#: What the table of all cases holds (:class:`lianfang.services.cases.Everybody`).
_CASES: Final = frozenset({"pseudonym", "symptom", "diagnosis", "location"})
#: Step of the daily cycle -> the policy's words for what it reads of persons. ``*``: it takes in what is delivered.
READS: Final[dict[str, frozenset[str]]] = {
    "import": frozenset({"*"}),
    "quality": frozenset(),
    "attach": _CASES,
    "link": frozenset({"pseudonym", "age", "sex", "region_index"}),
    "genomes": frozenset({"pseudonym", "symptom", "diagnosis"}),
    "curves": _CASES,
    "counts": frozenset(),
    "reproduction": _CASES,
    "alerts": _CASES,
}
_RUNNING: ContextVar[tuple[str, frozenset[str]] | None] = ContextVar("job", default=None)


@contextmanager
def job(name: str) -> Iterator[None]:
    """The job that runs now; what it may read is what :data:`READS` says.

    Raises:
        Refused: it has declared nothing.
    """
    if name not in READS:
        raise Refused(
            f"The job {name} has not declared what it reads of persons.",
            basis=("REQ-P-01",),
            code="undeclared_job",
        )
    before = _RUNNING.set((name, READS[name]))
    try:
        yield
    finally:
        _RUNNING.reset(before)


def declared(data: Iterable[str]) -> None:
    """Refuse data that the job which runs has not declared; empty words are about nobody."""
    running = _RUNNING.get()
    if running is None or "*" in running[1]:
        return
    if beyond := sorted({one for one in data if one} - running[1]):
        raise Refused(
            f"The job {running[0]} has not declared that it reads {', '.join(beyond)}.",
            reasons=("undeclared_data",),
            basis=("REQ-P-01",),
            code="undeclared_data",
        )
