"""Pair probabilities and what follows from them: where a probe or a primer finds its site open."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from lianfang.foundation.errors import BadInput
from lianfang.treat.folding.sequences import check_beam, clean, encode

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

#: Bases on either side of a place, at most, in which an opener site is looked for.
MOST_WITHIN = 10_000


@dataclass(frozen=True, eq=False)
class Ensemble:
    """All structures of a sequence together: what probabilities, expected structures and open sites are read from.

    ``first``, ``last``: the bases of each pair kept, from 0, and its ``probability``; ``energy``: -kT ln Z, kcal/mol.
    """

    sequence: str
    first: np.ndarray
    last: np.ndarray
    probability: np.ndarray
    energy: float

    @cached_property
    def alone(self) -> np.ndarray:
        """The probability of each base to be in no pair, [bases]."""
        import numpy as np

        found = np.ones(len(self.sequence))
        np.subtract.at(found, self.first, self.probability)
        np.subtract.at(found, self.last, self.probability)
        return np.clip(found, 0.0, 1.0)


def ensemble(sequence: str | Ensemble, *, beam: int = 100) -> Ensemble:
    """The ensemble at 37 °C, by partition function in linear time; one that is there already is given back.

    Raises:
        BadInput: as ``fold``.
    """
    if isinstance(sequence, Ensemble):
        return sequence
    text = clean(sequence)
    check_beam(beam, len(text))
    import numpy as np

    from lianfang.treat.folding import _outside, _partition

    bases = encode(text)
    shares, sums = _partition.inside(bases, beam)
    probability = _outside.outside(bases, shares, sums)
    pairs = int(shares.starts[0, -1])
    last = np.repeat(np.arange(bases.size), np.diff(shares.starts[0]))
    first = shares.p[0, :pairs].astype(np.int64)
    return Ensemble(text, first, last, probability, -float(sums.lz[-1]) * _partition.KT / 100)


def base_pairs(sequence: str | Ensemble, *, beam: int = 100, least: float = 1e-5) -> pl.DataFrame:
    """Probability of each pair in the ensemble at 37 °C, by partition function in linear time.

    The beam drops pieces of small share; with a beam that keeps all, the figures are those of McCaskill (1990).

    Args:
        sequence: as for ``fold``, or its ensemble.
        beam: pieces kept for each last base and kind.
        least: pairs below this probability are left out.

    Returns:
        Frame ``i``, ``j`` (1-based, i < j), ``probability``, in the order of i, j.

    Raises:
        BadInput: as ``fold``.
    """
    import polars as pl

    found = ensemble(sequence, beam=beam)
    kept = found.probability >= least
    frame = pl.DataFrame(
        {"i": found.first[kept] + 1, "j": found.last[kept] + 1, "probability": found.probability[kept]},
        schema={"i": pl.Int64, "j": pl.Int64, "probability": pl.Float64},
    )
    return frame.sort("i", "j")


def ensemble_energy(sequence: str | Ensemble, *, beam: int = 100) -> float:
    """-kT ln Z in kcal/mol: the free energy of all structures together."""
    return ensemble(sequence, beam=beam).energy


def accessible(sequence: str | Ensemble, *, length: int = 20, beam: int = 100) -> pl.DataFrame:
    """How open each window of ``length`` bases is: a track to choose sites for probes and primers by.

    Returns:
        Frame ``start``, ``end`` (1-based, inclusive), ``unpaired`` (mean probability of its bases to be unpaired) and
        ``least`` (that of its most paired base). Means of single bases, not the probability that all are open at once.
    """
    import numpy as np
    import polars as pl

    bases = len(sequence.sequence if isinstance(sequence, Ensemble) else clean(sequence))
    if isinstance(length, bool) or not isinstance(length, int) or not 1 <= length <= bases:
        raise BadInput(f"The length of a window is a whole number from 1 to {bases:,}.")
    windows = np.lib.stride_tricks.sliding_window_view(ensemble(sequence, beam=beam).alone, length)
    start = np.arange(1, len(windows) + 1)
    return pl.DataFrame(
        {
            "start": start,
            "end": start + length - 1,
            "unpaired": windows.mean(axis=1),
            "least": windows.min(axis=1),
        }
    )


@dataclass(frozen=True)
class Openness:
    """How open the site ``start`` .. ``end`` (from 1) is, among all windows of its length, and the best one near by.

    ``unpaired``, ``least``: mean and least probability of its bases to be unpaired. ``opener``: the share of the
    sequence's windows that are more open. ``best``: start, end and mean of the most open window whose start lies
    within the distance asked for; the site itself where none is opener.
    """

    start: int
    end: int
    unpaired: float
    least: float
    opener: float
    best: tuple[int, int, float]


def around(
    sequence: str | Ensemble, places: Iterable[tuple[int, int]], *, within: int = 50, beam: int = 100
) -> list[Openness]:
    """How open given sites are, such as those of a published assay, and whether moving them would help.

    Args:
        sequence: as for ``fold``, or its ensemble.
        places: first and last base of each site, from 1.
        within: how many bases the site may be moved to either side.
        beam: pieces kept in the partition function.

    Raises:
        BadInput: as ``fold``; for a place that the sequence does not have.
    """
    import numpy as np

    found = ensemble(sequence, beam=beam)
    bases, wanted = len(found.sequence), list(places)
    if isinstance(within, bool) or not isinstance(within, int) or not 0 <= within <= MOST_WITHIN:
        raise BadInput(f"The distance is a whole number of bases from 0 to {MOST_WITHIN:,}.")
    for start, end in wanted:
        if not 1 <= start <= end <= bases:
            raise BadInput(f"There is no site {start}-{end} in a sequence of {bases:,} bases.")
    means: dict[int, np.ndarray] = {}
    made = []
    for start, end in wanted:
        length = end - start + 1
        if length not in means:
            sums = np.concatenate([[0.0], np.cumsum(found.alone)])
            means[length] = (sums[length:] - sums[:-length]) / length
        mean = means[length]
        mine, first = float(mean[start - 1]), max(0, start - 1 - within)
        at = first + int(np.argmax(mean[first : start + within]))
        best = at if mean[at] > mine else start - 1
        made.append(
            Openness(
                start,
                end,
                mine,
                float(found.alone[start - 1 : end].min()),
                float((mean > mine).mean()),
                (best + 1, best + length, float(mean[best])),
            )
        )
    return made
