"""Structures, pair probabilities and open sites of the sequences of a file."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from lianfang.foundation.errors import BadInput, UsageError
from lianfang.foundation.progress import Progress, silent
from lianfang.treat.folding.sequences import MOST_BYTES

if TYPE_CHECKING:
    import polars as pl

    from lianfang.treat.folding import Ensemble, Fold, Openness
    from lianfang.treat.genome.oligos import OligoPlace

#: Structures there are: of least energy; most expected; of pairs likelier than not; of likely ones, crossing allowed.
KINDS = ("mfe", "mea", "centroid", "threshknot")
FORMS = ("dot-bracket", "ct", "bpseq")
Record = tuple[str, str]
_SITE = re.compile(r"([1-9]\d{0,6})-([1-9]\d{0,6})")


def records(raw: bytes, most: int = MOST_BYTES) -> list[Record]:
    """(name, sequence) of FASTA, gzip or not, or of a bare sequence; a name that is there twice is numbered.

    ``most``: bytes, unpacked.

    Raises:
        BadInput: no sequence; what ``treat.folding.fasta`` refuses.
    """
    from lianfang.treat import folding

    found: dict[str, str] = {}
    for name, sequence in folding.fasta(raw, most):
        unique, number = name, 2
        while unique in found:
            unique, number = f"{name}_{number}", number + 1
        found[unique] = sequence
    if not found:
        raise BadInput("The file holds no sequence.", hint="Give FASTA or one bare sequence.")
    return list(found.items())


def structures(
    given: Sequence[Record],
    *,
    kind: str = "mfe",
    beam: int = 100,
    constraint: str | None = None,
    gamma: float = 1.0,
    workers: int | None = None,
    progress: Progress | None = None,
) -> list[Fold]:
    """Each sequence with its structure of a kind without crossing pairs, on all cores.

    Raises:
        UsageError: a constraint for several sequences, or for another kind than the least energy.
        BadInput: as ``treat.folding.fold``.
    """
    from lianfang.treat import folding

    if constraint and (len(given) > 1 or kind != "mfe"):
        raise UsageError("A constraint is for one sequence and its structure of least energy.")
    if constraint:
        name, sequence = given[0]
        return [folding.fold(sequence, beam=beam, constraint=constraint, name=name)]
    if kind == "mfe":
        return folding.fold_many(given, beam=beam, workers=workers, progress=progress)

    def expected(record: Record) -> Fold:
        name, sequence = record
        if kind == "centroid":
            return folding.centroid(sequence, beam=beam, name=name)
        return folding.mea(sequence, gamma=gamma, beam=beam, name=name)

    return _each(expected, given, workers, progress)


def crossing(
    given: Sequence[Record],
    *,
    theta: float = 0.3,
    beam: int = 100,
    workers: int | None = None,
    progress: Progress | None = None,
) -> list[dict[str, str]]:
    """Each sequence with likely pairs that may cross, for which the energy model has no figure: name, sequence,
    structure."""
    from lianfang.treat import folding
    from lianfang.treat.folding.sequences import clean

    def one(record: Record) -> dict[str, str]:
        name, sequence = record
        structure = folding.threshknot(sequence, theta=theta, beam=beam)
        return {"name": name, "sequence": clean(sequence), "structure": structure}

    return _each(one, given, workers, progress)


def _each(
    made: Callable[[Record], Any], given: Sequence[Record], workers: int | None, progress: Progress | None
) -> list[Any]:
    """``made`` of each record, several at once, as the compiled loops let go of the interpreter."""
    import os
    from concurrent.futures import ThreadPoolExecutor

    from lianfang.treat import folding

    report, found = progress or silent, []
    if len(given) > 1:
        folding.ensemble_energy("GGGAAACCC")  # compiled once, before the threads ask for it
    with ThreadPoolExecutor(max_workers=max(1, workers or os.cpu_count() or 1)) as threads:
        for done, one in enumerate(threads.map(made, given), start=1):
            found.append(one)
            report("folding", done, len(given))
    return found


def written(fold: Fold, form: str) -> str:
    """A fold in one of FORMS."""
    from lianfang.treat.folding import formats

    write = {"dot-bracket": formats.dot_bracket, "ct": formats.ct, "bpseq": formats.bpseq}
    return write[form](fold)


def pairs(given: Sequence[Record], *, beam: int = 100, least: float = 0.01) -> list[tuple[str, pl.DataFrame]]:
    """(name, frame i, j, probability) of each sequence, pairs below ``least`` left out."""
    from lianfang.treat import folding

    if not 0 <= least <= 1:
        raise UsageError("The least probability is a number from 0 to 1.")
    return [(name, folding.base_pairs(sequence, beam=beam, least=least)) for name, sequence in given]


def open_sites(
    given: Sequence[Record],
    *,
    length: int = 20,
    top: int = 20,
    start: int = 1,
    end: int | None = None,
    beam: int = 100,
) -> list[tuple[str, pl.DataFrame]]:
    """(name, the ``top`` most open windows that begin at ``start`` .. ``end``); all of them for 0."""
    from lianfang.treat import folding

    return [
        (name, best_windows(folding.ensemble(sequence, beam=beam), length, top, start, end))
        for name, sequence in given
    ]


def best_windows(
    found: Ensemble, length: int, top: int, start: int = 1, end: int | None = None
) -> pl.DataFrame:
    """The windows of an ensemble, the most open first."""
    import polars as pl

    from lianfang.treat import folding

    frame = folding.accessible(found, length=length)
    frame = frame.filter((pl.col("start") >= start) & (pl.col("start") <= (end or len(found.sequence))))
    frame = frame.sort(["unpaired", "start"], descending=[True, False])
    return frame.head(top) if top > 0 else frame


@dataclass(frozen=True)
class Site:
    """How open a site is; ``oligo`` the published oligo that binds there, or None for a place that was given."""

    open: Openness
    oligo: OligoPlace | None = None

    @property
    def label(self) -> str:
        return self.oligo.oligo if self.oligo else f"{self.open.start}-{self.open.end}"

    def row(self) -> dict[str, Any]:
        """Its figures under plain names."""
        made = {"site": self.label, **asdict(self.open)}
        made["best"] = dict(zip(("start", "end", "unpaired"), self.open.best, strict=True))
        return {**made, "mismatches": self.oligo.mismatches if self.oligo else None}


def sites(
    found: Ensemble, wanted: Sequence[str], *, within: int = 50, dataset: str = "sars-cov-2"
) -> list[Site]:
    """How open the sites named in ``wanted`` are, and whether moving them by up to ``within`` bases would help.

    Args:
        found: the sequence's ensemble.
        wanted: each ``FIRST-LAST`` (from 1), an oligo of the data set by its name, or ``oligos``: all that bind.
        within: bases to either side.
        dataset: whose oligos; they are looked for in the sequence, which need not be whole.

    Raises:
        BadInput: a site that the sequence does not have, an oligo that is unknown or binds nowhere in it.
    """
    from lianfang.treat import folding

    places: list[tuple[int, int, OligoPlace | None]] = []
    for one in wanted:
        if match := _SITE.fullmatch(one.strip()):
            places.append((int(match[1]), int(match[2]), None))
        else:
            bound = oligo_places(found.sequence, dataset, one.strip())
            places += [(place.start, place.end, place) for place in bound]
    opened = folding.around(found, [(start, end) for start, end, _ in places], within=within)
    return [Site(how, place) for how, (_, _, place) in zip(opened, places, strict=True)]


def oligo_places(sequence: str, dataset: str = "sars-cov-2", name: str = "oligos") -> list[OligoPlace]:
    """Where the oligos of a data set, or the one of this name, bind in a sequence.

    Raises:
        BadInput: an oligo asked for by name that is unknown, or does not bind.
    """
    from lianfang.treat import genome
    from lianfang.treat.genome import oligos

    known = genome.load(dataset).oligos
    if name == "oligos":
        return oligos.places(sequence, known)
    chosen = [one for one in known if one.name == name]
    if not chosen:
        raise BadInput(
            "One of the sites is neither two positions nor a known oligo.",
            hint="Give FIRST-LAST, from 1, or a name that lianfang treat oligos --all prints, or the word oligos.",
        )
    bound = oligos.places(sequence, chosen)
    if not bound:
        raise BadInput("One of the oligos binds nowhere in this sequence.")
    return bound
