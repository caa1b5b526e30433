"""The laboratory's folding page: sequences folded one after another by a thread, held in memory and nowhere else.

A fold is no job of the ``job`` table on purpose. A job's row is kept, and a sequence may be a patient's sample: what is
pasted here is on no disk, is seen by the account that pasted it only, and is gone after an hour or with the server.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from lianfang.foundation.errors import BadInput, Fault, LianfangError, NotFound, TooMany
from lianfang.services.gate import require
from lianfang.services.installation import Who

if TYPE_CHECKING:
    from lianfang.foundation.svg import Drawing
    from lianfang.services.folding.files import Site
    from lianfang.treat.folding import Ensemble, Fold

#: Bases of a sequence on the page: the largest genome of an RNA virus of people is near 30,000.
MOST_BASES = 35_000
MOST_BYTES = 1 << 20  # of an upload, unpacked
#: Structures and beams that the page offers. A wider beam is for the command line: it takes minutes for a genome.
KINDS = ("mfe", "centroid", "mea")
BEAMS = (100, 200)
#: Folds held for an account and for all, those of them that wait, and for how many seconds.
MOST_EACH, MOST_HELD, MOST_WAITING = 5, 40, 8
LIFE = 3600.0


@dataclass(frozen=True, eq=False)
class Folded:
    """A sequence folded, with its ensemble and where the data set's oligos bind in it, as sites."""

    fold: Fold
    ensemble: Ensemble
    sites: tuple[Site, ...]

    @cached_property
    def helices(self) -> list[tuple[int, int, int]]:
        """(first, last, pairs) of each helix, from 0."""
        from lianfang.treat.folding import arcs

        return arcs.helices(self.fold.structure)

    def picture(self, start: int, end: int, lang: str) -> Drawing:
        """Bases ``start`` .. ``end`` (from 1): arcs, open bases, binding sites."""
        from lianfang.treat.folding.region import region

        marks = [(one.label, one.open.start, one.open.end) for one in self.sites]
        return region(self.fold, self.helices, start, end, alone=self.ensemble.alone, marks=marks, lang=lang)

    def lines(self, start: int, end: int, width: int = 60) -> list[tuple[int, str, str]]:
        """(first base, bases, brackets) of the lines that a region is printed in."""
        return [
            (
                at,
                self.fold.sequence[at - 1 : min(at + width - 1, end)],
                self.fold.structure[at - 1 : min(at + width - 1, end)],
            )
            for at in range(start, end + 1, width)
        ]

    def document(self) -> dict[str, Any]:
        """All of it under plain names: what the page's JSON file holds."""
        return {
            "name": self.fold.name,
            "sequence": self.fold.sequence,
            "structure": self.fold.structure,
            "energy": self.fold.energy,
            "ensemble_energy": round(self.ensemble.energy, 2),
            "unpaired": [round(float(one), 4) for one in self.ensemble.alone],
            "sites": [one.row() for one in self.sites],
        }


@dataclass
class Held:
    """A fold asked for: ``state`` waiting, working, done or failed; ``at``: when, by the desk's clock."""

    fold_id: str
    account: str
    name: str
    bases: int
    kind: str
    beam: int
    at: float
    state: str = "waiting"
    folded: Folded | None = None
    error: LianfangError | None = field(default=None)


class Desk:
    """The thread and what it made. ``clock``: seconds that only grow."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._held: dict[str, Held] = {}
        self._thread: ThreadPoolExecutor | None = None

    def take(self, account: str, sequence: str, kind: str, beam: int) -> Held:
        """Queue a clean sequence; the account's oldest finished fold makes room for it.

        Raises:
            TooMany: all that the account may hold still waits, or too many wait in all.
        """
        name = f"rna-{hashlib.sha256(sequence.encode()).hexdigest()[:8]}"
        with self._lock:
            self._expire()
            mine = [one for one in self._held.values() if one.account == account]
            waiting = sum(one.state in ("waiting", "working") for one in self._held.values())
            if (
                waiting >= MOST_WAITING
                or sum(one.state in ("waiting", "working") for one in mine) >= MOST_EACH
            ):
                raise TooMany(
                    "Too many sequences wait to be folded.", hint="Try again in a minute.", seconds=60
                )
            finished = [one for one in mine if one.state in ("done", "failed")]
            if len(mine) >= MOST_EACH:
                del self._held[finished[0].fold_id]
            elif len(self._held) >= MOST_HELD:
                oldest = next(one for one in self._held.values() if one.state in ("done", "failed"))
                del self._held[oldest.fold_id]
            held = Held(secrets.token_urlsafe(9), account, name, len(sequence), kind, beam, self._clock())
            self._held[held.fold_id] = held
            if self._thread is None:
                self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="folding")
            self._thread.submit(self._work, held, sequence)
        return held

    def of(self, account: str) -> list[Held]:
        """What an account holds, the newest first."""
        with self._lock:
            self._expire()
            return [one for one in reversed(self._held.values()) if one.account == account]

    def one(self, account: str, fold_id: str) -> Held:
        """An account's own fold.

        Raises:
            NotFound: there is none, it is another's, or its hour is over.
        """
        for held in self.of(account):
            if held.fold_id == fold_id:
                return held
        raise NotFound(
            "There is no such fold, or it was forgotten.",
            hint="Folds are kept for an hour in the server's memory only; fold the sequence again.",
        )

    def drop(self, account: str, fold_id: str) -> None:
        """Forget one; what waits is not begun, what is being made is thrown away when it is ready."""
        held = self.one(account, fold_id)
        with self._lock:
            self._held.pop(held.fold_id, None)

    def stop(self) -> None:
        """Begin nothing more, and forget all."""
        with self._lock:
            self._held.clear()
            if self._thread is not None:
                self._thread.shutdown(wait=False, cancel_futures=True)
                self._thread = None

    def _expire(self) -> None:
        now = self._clock()
        for fold_id in [key for key, one in self._held.items() if now - one.at > LIFE]:
            del self._held[fold_id]

    def _work(self, held: Held, sequence: str) -> None:
        with self._lock:
            if held.fold_id not in self._held:
                return
            held.state = "working"
        try:
            held.folded = folded(sequence, held.kind, held.beam, name=held.name)
            held.state = "done"
        except LianfangError as error:
            held.error, held.state = error, "failed"
        except (
            Exception
        ) as error:  # the page must tell; the message may hold the sequence, so only the kind is kept
            held.error, held.state = Fault(f"Folding failed ({type(error).__name__})."), "failed"


def folded(sequence: str, kind: str, beam: int, *, name: str = "") -> Folded:
    """A sequence folded and its ensemble, from which expected structures are read as well."""
    from dataclasses import replace

    from lianfang.services.folding.files import sites
    from lianfang.treat import folding

    ensemble = folding.ensemble(sequence, beam=beam)
    if kind == "mfe":
        fold = folding.fold(sequence, beam=beam)
    else:
        fold = folding.mea(ensemble) if kind == "mea" else folding.centroid(ensemble)
    return Folded(replace(fold, name=name), ensemble, tuple(sites(ensemble, ["oligos"])))


def start(desk: Desk, who: Who, raw: bytes, *, kind: str = "mfe", beam: int = 100) -> str:
    """Queue the one sequence of a FASTA or of bare bases; returns the fold's id.

    A header line is not kept: it may say whose sample it is. The fold is named by a digest of its bases.

    Raises:
        BadInput: none or several sequences, one longer than MOST_BASES, a letter that is no base.
        TooMany: as ``Desk.take``.
    """
    from lianfang.services.folding.files import records
    from lianfang.treat.folding.expected import MOST_MEA
    from lianfang.treat.folding.sequences import clean

    require(who, "treat.use")
    if kind not in KINDS or beam not in BEAMS:
        raise BadInput("This kind of structure or this beam is not offered here.")
    found = records(raw, MOST_BYTES)
    if len(found) > 1:
        raise BadInput(
            f"One sequence at a time: these are {len(found):,}.",
            hint="lianfang treat folding takes whole files.",
        )
    text = clean(found[0][1])
    if len(text) > MOST_BASES:
        raise BadInput(
            f"On the page a sequence has at most {MOST_BASES:,} bases; this one has {len(text):,}.",
            hint="lianfang treat folding takes longer ones.",
        )
    if kind == "mea" and len(text) > MOST_MEA:
        raise BadInput(
            f"Expected accuracy is for at most {MOST_MEA:,} bases; this sequence has {len(text):,}.",
            hint="Take the least energy, or the pairs likelier than not.",
        )
    return desk.take(who.account, text, kind, beam).fold_id


def listing(desk: Desk, who: Who) -> list[Held]:
    """The account's folds, the newest first."""
    require(who, "treat.use")
    return desk.of(who.account)


def show(desk: Desk, who: Who, fold_id: str) -> Held:
    """One of the account's folds; NotFound for another's."""
    require(who, "treat.use")
    return desk.one(who.account, fold_id)


def forget(desk: Desk, who: Who, fold_id: str) -> None:
    """Forget one of the account's folds now."""
    require(who, "treat.use")
    desk.drop(who.account, fold_id)
