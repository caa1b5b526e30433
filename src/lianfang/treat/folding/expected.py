"""Structures from pair probabilities: the pairs most expected, rather than the one structure of least energy."""

from __future__ import annotations

from lianfang.foundation.errors import BadInput
from lianfang.treat.folding.engine import Fold, evaluate
from lianfang.treat.folding.probabilities import Ensemble, ensemble
from lianfang.treat.folding.sequences import brackets, clean

#: Bases of the longest sequence for ``mea``, whose table grows with their square: 4 bytes each.
MOST_MEA = 8_000
#: Brackets of nested sets of pairs; a set that crosses all before it takes the next.
LEVELS = (("(", ")"), ("[", "]"), ("{", "}"), ("<", ">"), ("A", "a"), ("B", "b"), ("C", "c"), ("D", "d"))


def mea(sequence: str | Ensemble, *, gamma: float = 1.0, beam: int = 100, name: str = "") -> Fold:
    """The structure of maximum expected accuracy, without crossing pairs.

    Do et al. 2006 (Bioinformatics 22:e90), eq. 5: the nested structure with the greatest sum of 2 gamma p(i, j) over
    its pairs and q(i) over its unpaired bases. A larger ``gamma`` gives more pairs.

    Args:
        sequence: as for ``fold``, at most MOST_MEA bases; or its ensemble.
        gamma: weight of pairs, 0.01 to 100.
        beam: pieces kept in the partition function.

    Returns:
        The structure with its energy (kcal/mol), which is not the least.

    Raises:
        BadInput: as ``fold``, for a longer sequence and a ``gamma`` out of bounds.
    """
    import numpy as np

    text = sequence.sequence if isinstance(sequence, Ensemble) else clean(sequence)
    if len(text) > MOST_MEA:
        raise BadInput(
            f"Expected accuracy is for at most {MOST_MEA:,} bases; this sequence has {len(text):,}.",
            hint="For longer ones take threshknot, which takes any length that fold takes.",
        )
    if isinstance(gamma, bool) or not isinstance(gamma, int | float) or not 0.01 <= gamma <= 100:
        raise BadInput("The weight of pairs, gamma, is a number from 0.01 to 100.")
    from lianfang.treat.folding import _expected

    found = ensemble(sequence, beam=beam)
    starts = np.searchsorted(found.last, np.arange(len(text) + 1))
    partner = _expected.most_accurate(starts, found.first, found.probability, found.alone, gamma)
    structure = brackets(partner)
    return Fold(text, structure, evaluate(text, structure), name)


def threshknot(sequence: str | Ensemble, *, theta: float = 0.3, beam: int = 100) -> str:
    """Pairs that are each other's most probable partner, at probability ``theta`` or more; they may cross.

    ThreshKnot (Zhang et al. 2020, arXiv:1912.12796), with its default 0.3: linear in the length, and able to show
    pseudoknots. Crossing pairs take ``[]``, ``{}``, ``<>`` and then letters; the energy model has no figure for them.

    Raises:
        BadInput: as ``fold``, and for a ``theta`` that is no probability above 0.
    """
    import numpy as np

    if isinstance(theta, bool) or not isinstance(theta, int | float) or not 0 < theta <= 1:
        raise BadInput("The threshold, theta, is a probability above 0.")
    found = ensemble(sequence, beam=beam)
    first, last, probability = found.first, found.last, found.probability
    best = np.zeros(len(found.sequence))
    np.maximum.at(best, first, probability)
    np.maximum.at(best, last, probability)
    kept = (probability >= theta) & (probability == best[first]) & (probability == best[last])
    return bracketed(len(best), list(zip(first[kept].tolist(), last[kept].tolist(), strict=True)))


def centroid(sequence: str | Ensemble, *, beam: int = 100, name: str = "") -> Fold:
    """The pairs that are more probable than not: the structure with the fewest pairs expected to be wrong or missed.

    Ding, Chan and Lawrence 2005 (RNA 11:1157). Two pairs that cross, or share a base, cannot both exceed one half, so
    it is nested. Of the structures offered here it came nearest to known ones.

    Raises:
        BadInput: as ``fold``.
    """
    import numpy as np

    found = ensemble(sequence, beam=beam)
    text, kept = found.sequence, found.probability > 0.5
    partner = np.full(len(text), -1, np.int32)
    partner[found.first[kept]], partner[found.last[kept]] = found.last[kept], found.first[kept]
    structure = brackets(partner)
    return Fold(text, structure, evaluate(text, structure), name)


def bracketed(bases: int, pairs: list[tuple[int, int]]) -> str:
    """Pairs (i < j, from 0, each base in one at most) as extended dot-bracket: each pair on the first level it fits.

    Pairs beyond the last level, which no known RNA needs, stay dots.
    """
    signs = ["."] * bases
    levels: list[list[tuple[int, int]]] = [[] for _ in LEVELS]
    for i, j in sorted(pairs):
        for level, (opening, closing) in zip(levels, LEVELS, strict=True):
            while level and level[-1][1] < i:  # pairs that ended before this one can cross nothing more
                level.pop()
            if not level or j < level[-1][1]:
                level.append((i, j))
                signs[i], signs[j] = opening, closing
                break
    return "".join(signs)
