"""Amino-acid changes per coding sequence: substitutions, deletions, insertions, frame shifts, stops.

The rules are Nextclade's (docs, "Translation" and "Frame shift detection"): where the genome has gaps or insertions
in a coding sequence, its gaps are dropped, the bases inside a frame shift are unknown (their residues are no
biology), the rest is translated and the protein is aligned against the reference's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from lianfang.treat.genome import _codes

if TYPE_CHECKING:
    import numpy as np

    from lianfang.treat.genome.align import Alignment
    from lianfang.treat.genome.dataset import Coding, Dataset

#: What a gap costs in a protein: Nextclade's penaltyGapOpen.
GAP_COST = 6


@dataclass
class Proteins:
    """Substitutions "S:D614G", deletions "S:H69-", insertions "ORF1b:2639:F".

    ``frame_shifts``: (coding sequence, first codon, last codon + 1), from 0; ``stops``: (coding sequence, codon from
    0) before the end.
    """

    substitutions: list[str] = field(default_factory=list)
    deletions: list[str] = field(default_factory=list)
    insertions: list[str] = field(default_factory=list)
    frame_shifts: list[tuple[str, int, int]] = field(default_factory=list)
    stops: list[tuple[str, int]] = field(default_factory=list)


@lru_cache(maxsize=1)
def _triplets() -> Any:
    return _codes.triplets()


def _residues(codes: np.ndarray) -> np.ndarray:
    """Codes, three by three, to residues (ASCII); an incomplete codon at the end is dropped."""
    threes = codes[: len(codes) - len(codes) % 3].reshape(-1, 3)
    found: np.ndarray = _triplets()[threes[:, 0], threes[:, 1], threes[:, 2]]
    return found


def translate(codes: np.ndarray, coding: Coding) -> str:
    """The protein of a coding sequence in codes that stand in the reference's coordinates."""
    import numpy as np

    return (
        _residues(np.concatenate([codes[start:end] for start, end in coding.parts])).tobytes().decode("ascii")
    )


def proteins(alignment: Alignment, dataset: Dataset) -> Proteins:
    """The changes of all coding sequences that the genome covers."""
    import numpy as np

    out = Proteins()
    reference = dataset.index.codes
    inside = np.zeros(len(reference), bool)
    inside[alignment.start : alignment.end] = True
    for coding in dataset.coding:
        mine = np.concatenate([alignment.codes[start:end] for start, end in coding.parts])
        seen = np.concatenate([inside[start:end] for start, end in coding.parts])
        inserted = [
            (at, bases)
            for at, bases in alignment.insertions
            if any(start < at < end for start, end in coding.parts)
        ]
        if not mine.any():
            continue
        if inserted or not mine[seen].all():
            _shifted(out, coding, mine, seen, inserted, dataset)
        else:
            theirs = np.frombuffer(dataset.proteins[coding.name].encode("ascii"), np.uint8)
            _compare(out, coding, _residues(mine), theirs, seen)
    return out


def _compare(out: Proteins, coding: Coding, mine: np.ndarray, theirs: np.ndarray, seen: np.ndarray) -> None:
    """Note where two proteins of one length differ, within the codons that were sequenced whole."""
    import numpy as np

    whole = seen[: 3 * len(theirs)].reshape(-1, 3).any(axis=1)
    differs = np.flatnonzero(whole & (mine != theirs) & (mine != ord("X")) & (theirs != ord("X"))).tolist()
    for at in differs:
        before, after = chr(theirs[at]), chr(mine[at])
        (out.deletions if after == "-" else out.substitutions).append(
            f"{coding.name}:{before}{at + 1}{after}"
        )
    out.stops += [(coding.name, at) for at in np.flatnonzero(mine[:-1] == ord("*")).tolist()]


def _with_insertions(
    coding: Coding, mine: np.ndarray, inserted: list[tuple[int, np.ndarray]]
) -> tuple[np.ndarray, np.ndarray]:
    """The coding sequence as aligned: (genome with gaps, for each column the base of the reference or -1)."""
    import numpy as np

    genome, columns, behind = mine.copy(), np.arange(len(mine)), 0
    for start, end in reversed(coding.parts):
        behind += end - start
        for at, bases in sorted(inserted, key=lambda one: -one[0]):
            if start < at < end:
                place = len(mine) - behind + at - start
                genome = np.insert(genome, place, bases)
                columns = np.insert(columns, place, np.full(len(bases), -1))
    return genome, columns


def _shifted(
    out: Proteins, coding: Coding, mine: np.ndarray, seen: np.ndarray, inserted: list[tuple[int, np.ndarray]],
    dataset: Dataset,
) -> None:  # fmt: skip
    """A coding sequence with gaps or insertions: see the module."""
    import numpy as np

    from lianfang.treat.genome import _kernels

    genome, columns = _with_insertions(coding, mine, inserted)
    left_open, right_open = genome[0] == 0, genome[-1] == 0
    _protect_first(genome)
    shifts = frame_shifts(genome, columns)
    for begin, end in shifts:
        stretch = genome[begin:end]
        stretch[stretch != 0] = _codes.ANY
    theirs = np.frombuffer(dataset.proteins[coding.name].encode("ascii"), np.uint8)
    residues = _residues(genome[genome != 0])
    gaps = int((genome == 0).sum() + (columns < 0).sum())
    moves = _protein_moves(_kernels, residues, theirs, gaps // 3 + 8, bool(left_open), bool(right_open))
    i, j = np.cumsum(moves != 2), np.cumsum(moves != 4)
    laid = np.full(len(theirs), ord("-"), np.uint8)
    pairs = moves == 1
    laid[i[pairs] - 1] = residues[j[pairs] - 1]
    for begin, end in shifts:
        lead, first, last, trail = _codons(genome, columns, begin, end)
        laid[lead:first], laid[first:last], laid[last:trail] = ord("-"), ord("X"), ord("-")
        out.frame_shifts.append((coding.name, first, last))
    extra = np.flatnonzero(moves == 2)
    for run in np.split(extra, np.flatnonzero(np.diff(extra) > 1) + 1) if len(extra) else []:
        letters = residues[j[run] - 1].tobytes().decode("ascii")
        out.insertions.append(f"{coding.name}:{int(i[run[0]])}:{letters}")
    _compare(out, coding, laid, theirs, seen)


def _protect_first(genome: np.ndarray) -> None:
    """Gaps that begin the first codon with a base in it are unknown bases: else dropping them would shift the frame."""
    import numpy as np

    known = np.flatnonzero(genome)
    if len(known):
        codon = genome[known[0] - known[0] % 3 : known[0]]
        codon[:] = _codes.ANY


def _protein_moves(
    kernels: Any, mine: np.ndarray, theirs: np.ndarray, half: int, left: bool, right: bool
) -> np.ndarray:
    """The alignment of two proteins within ``half`` residues of the diagonal: as far as all gaps could lead."""
    import numpy as np

    n, m = len(mine), len(theirs)
    rows = np.arange(m + 1)
    low, high = np.clip(rows - half, 0, n), np.clip(rows + half, 0, n)
    costs = np.full(m + 1, GAP_COST, np.int64)
    free = (3 if left else 0) | (12 if right else 0)
    moves, _ = kernels.align_proteins(mine, theirs, costs, low.astype(np.int64), high.astype(np.int64), free)
    return np.asarray(moves)


def frame_shifts(genome: np.ndarray, columns: np.ndarray) -> list[tuple[int, int]]:
    """Columns (begin, end) between an indel that leaves the frame and the one that restores it, or the end.

    A shift begins at the first base after the run of indels that left the frame, and ends where the run begins that
    comes back to it.
    """
    import numpy as np

    moved = np.where(columns < 0, -1, (genome == 0).astype(np.int64))
    indels = np.flatnonzero(moved)
    found: list[tuple[int, int]] = []
    frame, begin = 0, -1
    for run in np.split(indels, np.flatnonzero(np.diff(indels) > 1) + 1) if len(indels) else []:
        frame = (frame + int(moved[run].sum())) % 3
        after = int(run[-1]) + 1
        if frame == 0 and begin >= 0 and after < len(genome):
            found.append((begin, int(run[0])))
            begin = -1
        elif frame != 0 and begin < 0 and after < len(genome):
            begin = after
    if begin >= 0:
        found.append((begin, len(genome)))
    return found


def _codons(genome: np.ndarray, columns: np.ndarray, begin: int, end: int) -> tuple[int, int, int, int]:
    """A frame shift in codons of the reference: first gap before it, its first, its last + 1, last gap after it + 1."""
    lead, trail = begin, end
    while lead > 0 and genome[lead - 1] == 0:
        lead -= 1
    while trail < len(genome) and genome[trail] == 0:
        trail += 1

    def codon(at: int) -> int:
        """The first codon of the reference that begins at or after this column."""
        return -(-int((columns[:at] >= 0).sum()) // 3)

    return codon(lead), codon(begin), codon(end), codon(trail)
