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
    from collections.abc import Iterable

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


@dataclass(frozen=True)
class _Laid:
    """All oligos base by base in the direction of the reference: site, wanted code, whether the reference pairs."""

    sites: np.ndarray
    wanted: np.ndarray
    expected: np.ndarray
    tail: np.ndarray
    bounds: tuple[int, ...]


@lru_cache(maxsize=8)
def _laid(oligos: tuple[Oligo, ...], reference: bytes) -> _Laid:
    """The oligos of a dataset, laid out once."""
    import numpy as np

    theirs = np.frombuffer(reference, np.uint8)
    sites, wanted, tail, bounds = [], [], [], [0]
    for one in oligos:
        start, end = one.site
        codes = _codes.encode(one.sequence)
        last = np.arange(end - start) < LAST
        sites.append(np.arange(start, end))
        wanted.append(_codes.reverse_complement(codes) if one.strand == "-" else codes)
        tail.append(last if one.strand == "-" else last[::-1])
        bounds.append(bounds[-1] + end - start)
    places = np.concatenate([np.zeros(0, np.int64), *sites])
    needed = np.concatenate([np.zeros(0, np.uint8), *wanted])
    expected = (theirs[places] & needed) == 0
    return _Laid(places, needed, expected, np.concatenate([np.zeros(0, bool), *tail]), tuple(bounds))


def match(alignment: Alignment, dataset: Dataset) -> list[OligoMatch]:
    """Each oligo of the dataset in one genome."""
    laid = _laid(dataset.oligos, dataset.index.codes.tobytes())
    mine = alignment.codes[laid.sites]
    # N is not seen at all; a base that could be the wanted one is not known to differ.
    unseen = (laid.sites < alignment.start) | (laid.sites >= alignment.end) | (mine == _codes.ANY)
    differs = ~unseen & ((mine & laid.wanted) == 0)
    found = []
    for one, begin, end in zip(dataset.oligos, laid.bounds, laid.bounds[1:], strict=False):
        part = slice(begin, end)
        found.append(_judged(one, alignment, laid, part, differs[part], int(unseen[part].sum())))
    return found


def _judged(
    oligo: Oligo, alignment: Alignment, laid: _Laid, part: slice, differs: np.ndarray, unseen: int
) -> OligoMatch:
    start, end = oligo.site
    expected = tuple((laid.sites[part][laid.expected[part]] + 1).tolist())
    inserted = sum(len(bases) for at, bases in alignment.insertions if start < at < end)
    places, near = (), 0
    if differs.any():
        places = tuple((laid.sites[part][differs] + 1).tolist())
        near = int((differs & ~laid.expected[part] & laid.tail[part]).sum())
    new = len(set(places) - set(expected)) + inserted
    probe = oligo.name.rstrip("0123456789").endswith("_P")
    verdict = "unseen" if unseen else "fits"
    if new:
        verdict = "doubtful" if new >= MANY or (near and not probe) else "weak"
    return OligoMatch(
        oligo.name, oligo.institute, oligo.target, verdict, places, expected, near, inserted, unseen
    )


@dataclass(frozen=True)
class OligoPlace:
    """Where an oligo binds in a sequence: first and last base, from 1; ``mismatches`` bases of it do not pair there."""

    oligo: str
    institute: str
    target: str
    strand: str
    start: int
    end: int
    mismatches: int


def places(sequence: str, oligos: Iterable[Oligo]) -> list[OligoPlace]:
    """Where each oligo fits best in any sequence, without gaps; one with more than a fifth mismatches is not there.

    Unlike ``match`` it needs no alignment, so it serves parts of a genome too. A base that was not read pairs with
    nothing here, as a run of N would take every oligo.
    """
    import numpy as np

    theirs = _codes.encode(sequence)
    theirs = np.where((theirs == _codes.ANY) | (theirs == 255), _codes.GAP, theirs).astype(np.uint8)
    found = []
    for one in oligos:
        codes = _codes.encode(one.sequence)
        wanted = _codes.reverse_complement(codes) if one.strand == "-" else codes
        starts = theirs.size - wanted.size + 1
        if starts < 1:
            continue
        apart = np.zeros(starts, np.int16)
        for k, code in enumerate(wanted.tolist()):
            apart += (theirs[k : k + starts] & code) == 0
        at = int(np.argmin(apart))
        if apart[at] * 5 <= wanted.size:
            end = at + wanted.size
            found.append(
                OligoPlace(one.name, one.institute, one.target, one.strand, at + 1, end, int(apart[at]))
            )
    return sorted(found, key=lambda place: (place.start, place.oligo))
