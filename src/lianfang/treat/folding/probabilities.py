"""Pair probabilities and what follows from them: where a probe or a primer finds its site open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lianfang.foundation.errors import BadInput
from lianfang.treat.folding.sequences import check_beam, clean, encode

if TYPE_CHECKING:
    import numpy as np
    import polars as pl


def base_pairs(sequence: str, *, beam: int = 100, least: float = 1e-5) -> pl.DataFrame:
    """Probability of each pair in the ensemble at 37 °C, by partition function in linear time.

    The beam drops pieces of small share; with a beam that keeps all, the figures are those of McCaskill (1990).

    Args:
        sequence: as for ``fold``.
        beam: pieces kept for each last base and kind.
        least: pairs below this probability are left out.

    Returns:
        Frame ``i``, ``j`` (1-based, i < j), ``probability``, in the order of i, j.

    Raises:
        BadInput: as ``fold``.
    """
    import polars as pl

    first, last, probability, _ = _ensemble(sequence, beam)
    kept = probability >= least
    frame = pl.DataFrame(
        {"i": first[kept] + 1, "j": last[kept] + 1, "probability": probability[kept]},
        schema={"i": pl.Int64, "j": pl.Int64, "probability": pl.Float64},
    )
    return frame.sort("i", "j")


def ensemble_energy(sequence: str, *, beam: int = 100) -> float:
    """-kT ln Z in kcal/mol: the free energy of all structures together."""
    return _ensemble(sequence, beam)[3]


def accessible(sequence: str, *, length: int = 20, beam: int = 100) -> pl.DataFrame:
    """How open each window of ``length`` bases is: a track to choose sites for probes and primers by.

    Returns:
        Frame ``start``, ``end`` (1-based, inclusive), ``unpaired`` (mean probability of its bases to be unpaired) and
        ``least`` (that of its most paired base). Means of single bases, not the probability that all are open at once.
    """
    import numpy as np
    import polars as pl

    text = clean(sequence)
    if isinstance(length, bool) or not isinstance(length, int) or not 1 <= length <= len(text):
        raise BadInput(f"The length of a window is a whole number from 1 to {len(text):,}.")
    first, last, probability, _ = _ensemble(text, beam)
    windows = np.lib.stride_tricks.sliding_window_view(alone(len(text), first, last, probability), length)
    start = np.arange(1, len(windows) + 1)
    return pl.DataFrame(
        {
            "start": start,
            "end": start + length - 1,
            "unpaired": windows.mean(axis=1),
            "least": windows.min(axis=1),
        }
    )


def alone(bases: int, first: np.ndarray, last: np.ndarray, probability: np.ndarray) -> np.ndarray:
    """The probability of each base to be in no pair, [bases]."""
    import numpy as np

    found = np.ones(bases)
    np.subtract.at(found, first, probability)
    np.subtract.at(found, last, probability)
    return np.clip(found, 0.0, 1.0)


def _ensemble(sequence: str, beam: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """(first bases, last bases, probabilities of the pairs kept, ensemble energy)."""
    import numpy as np

    text = clean(sequence)
    check_beam(beam, len(text))
    from lianfang.treat.folding import _outside, _partition

    bases = encode(text)
    shares, sums = _partition.inside(bases, beam)
    probability = _outside.outside(bases, shares, sums)
    pairs = int(shares.starts[0, -1])
    last = np.repeat(np.arange(bases.size), np.diff(shares.starts[0]))
    return shares.p[0, :pairs].astype(np.int64), last, probability, -float(sums.lz[-1]) * _partition.KT / 100
