"""Do the published primers and probes still fit? Mismatches of each oligo in a genome, its 3' end weighed apart.

A polymerase starts at the primer's 3' end: mismatches there cost most (Stadhouders et al. 2010, J Mol Diagn 12:109),
so they are counted apart over the last five bases. An oligo's ambiguous letters (R, Y, W, S ...) fit every base they
stand for.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from lianfang.treat.genome import _codes

if TYPE_CHECKING:
    import numpy as np

    from lianfang.treat.genome.align import Alignment
    from lianfang.treat.genome.dataset import Dataset, Oligo

#: Bases at the 3' end of a primer in which a mismatch weighs most.
LAST = 5
#: Mismatches of a primer or probe from which an assay is doubted even where none is at the 3' end.
MANY = 3


@dataclass(frozen=True)
class OligoMatch:
    """``verdict``: fits, weak (mismatches), doubtful (at the 3' end of a primer, or MANY), unseen (part not sequenced).

    ``mismatches``: places in the reference, from 1, of bases that do not pair, a deleted base among them;
    ``expected`` are those that the reference has already; ``inserted`` bases within the site; ``near_3`` mismatches
    in the last five.
    """

    oligo: str
    institute: str
    target: str
    verdict: str
    mismatches: tuple[int, ...]
    expected: tuple[int, ...]
    near_3: int
    inserted: int
    unseen: int

    @property
    def new(self) -> tuple[int, ...]:
        """Mismatches that the reference does not have."""
        return tuple(at for at in self.mismatches if at not in self.expected)


@lru_cache(maxsize=1024)
def _on_site(oligo: Oligo) -> np.ndarray:
    """The oligo as codes in the direction of the reference."""
    codes = _codes.encode(oligo.sequence)
    return _codes.reverse_complement(codes) if oligo.strand == "-" else codes


def match(alignment: Alignment, dataset: Dataset) -> list[OligoMatch]:
    """Each oligo of the dataset in one genome."""
    return [_match(alignment, dataset.index.codes, one) for one in dataset.oligos]


def _match(alignment: Alignment, reference: np.ndarray, oligo: Oligo) -> OligoMatch:
    import numpy as np

    start, end = oligo.site
    wanted, mine, theirs = _on_site(oligo), alignment.codes[start:end], reference[start:end]
    places = np.arange(start, end)
    inside = (places >= alignment.start) & (places < alignment.end)
    # A base that could be the wanted one is not known to differ; N is not seen at all.
    unseen = ~inside | (mine == _codes.ANY)
    differs = ~unseen & ((mine & wanted) == 0)
    expected = (theirs & wanted) == 0
    tail = slice(0, LAST) if oligo.strand == "-" else slice(end - start - LAST, end - start)
    near = int((differs & ~expected)[tail].sum())
    inserted = sum(len(bases) for at, bases in alignment.insertions if start < at < end)
    new = int((differs & ~expected).sum()) + inserted
    probe = oligo.name.rstrip("0123456789").endswith("_P")
    verdict = "fits"
    if unseen.any():
        verdict = "unseen"
    if new:
        verdict = "doubtful" if new >= MANY or (near and not probe) else "weak"
    return OligoMatch(
        oligo.name, oligo.institute, oligo.target, verdict, tuple((np.flatnonzero(differs) + start + 1).tolist()),
        tuple((np.flatnonzero(expected) + start + 1).tolist()), near, inserted, int(unseen.sum()),
    )  # fmt: skip
