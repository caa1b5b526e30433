"""A genome laid against the reference: blocks of equal bases as a frame, exact alignment where they leave off.

A virus genome differs from its reference in a few places. Seeds of 16 bases that the reference holds once grow to
blocks of equal bases; the heaviest set in order is the frame (as in MUMmer, Kurtz et al. 2004, and minimap2, Li
2018). Where two blocks lie on one diagonal with few differences between, the bases stand as they are; where the
diagonal changes, the differences crowd, or an end is open, the stretch with a margin is aligned exactly
(``_kernels.align_window``).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

from lianfang.treat.genome import _codes

if TYPE_CHECKING:
    import numpy as np

#: Bases of the blocks on both sides that a window takes in: no gap of an outbreak's genome moves farther.
MARGIN = 60
#: Differences within CROWD bases from which two gaps could score better than they: then the stretch is aligned.
CROWD, CROWDED = 60, 4
#: A window of more cells than this is searched in a band only, and of more than the second is not aligned.
FULL, MOST_CELLS = 2_000_000, 40_000_000
#: Share of the known bases that blocks have to cover, or the sequence is of something else (Nextclade: minSeedCover).
LEAST_COVER = 0.1


@dataclass(frozen=True)
class Alignment:
    """A genome in the reference's coordinates.

    ``codes`` [L]: the genome's base at each base of the reference, 0 for none; ``start``, ``end``: what it covers,
    from 0, half open; ``insertions``: (bases of the reference before it, codes).
    """

    codes: np.ndarray
    start: int
    end: int
    insertions: list[tuple[int, np.ndarray]] = field(default_factory=list)
    reversed: bool = False


class Unaligned(Exception):
    """The sequence cannot be laid against the reference; its text says why, as a word of ``report.REASONS``."""


@dataclass(frozen=True)
class Index:
    """The reference ready for alignment. ``opening`` [L + 1]: what a gap costs that starts before each base."""

    codes: np.ndarray
    words: np.ndarray
    places: np.ndarray
    opening: np.ndarray


def index(
    reference: str, coding: list[list[tuple[int, int]]], costs: tuple[int, int, int] = (6, 7, 8)
) -> Index:
    """Words that the reference holds once, sorted, and the cost of a gap at each base.

    ``coding``: for each coding sequence its parts (start, end), from 0, half open; ``costs``: outside of genes, at
    the start of a codon, inside one (Nextclade's defaults).
    """
    import numpy as np

    from lianfang.treat.genome import _kernels

    codes = _codes.encode(reference)
    words = _kernels.words(codes)
    found, first, counts = np.unique(words, return_index=True, return_counts=True)
    once = (counts == 1) & (found >= 0)
    opening = np.full(len(codes) + 1, costs[0], np.int64)
    for parts in coding:
        behind = 0
        for start, end in parts:
            place = (np.arange(end - start) + behind) % 3
            opening[start:end] = np.where(place == 0, costs[1], costs[2])
            behind += end - start
    return Index(codes, found[once], first[once].astype(np.int64), opening)


def align(codes: np.ndarray, reference: Index) -> Alignment:
    """The genome against the reference, on whichever strand fits; Unaligned when neither does."""

    known = int(_codes.plain(codes).sum())
    frame = _frame(codes, reference)
    turned = False
    if _covered(frame) < max(LEAST_COVER * known, 50):
        other = _codes.reverse_complement(codes)
        there = _frame(other, reference)
        if _covered(there) > _covered(frame):
            codes, frame, turned = other, there, True
    if _covered(frame) < max(LEAST_COVER * known, 50):
        raise Unaligned("wrong_organism")
    return _fill(codes, reference, frame, turned)


def _frame(codes: np.ndarray, reference: Index) -> np.ndarray:
    """The chained blocks, [count, 3] of start in the genome, start in the reference, length; without overlaps."""
    from lianfang.treat.genome import _kernels

    found = _kernels.blocks(codes, reference.codes, reference.words, reference.places, _kernels.words(codes))
    picked = found[_kernels.chain(found)]
    for at in range(1, len(picked)):
        before, here = picked[at - 1], picked[at]
        overlap = max(before[1] + before[2] - here[1], before[0] + before[2] - here[0])
        if overlap > 0:
            here += (overlap, overlap, -overlap)
    kept: np.ndarray = picked[picked[:, 2] > 0]
    return kept


def _covered(frame: np.ndarray) -> int:
    return int(frame[:, 2].sum()) if len(frame) else 0


def _fill(codes: np.ndarray, reference: Index, frame: np.ndarray, turned: bool) -> Alignment:
    """Copy what stands on the frame, align what does not."""
    import numpy as np

    out = np.zeros(len(reference.codes), np.uint8)
    insertions: list[tuple[int, np.ndarray]] = []
    for query_start, start, length in frame.tolist():
        out[start : start + length] = codes[query_start : query_start + length]
    for window in _windows(codes, reference, frame):
        _realign(codes, reference, window, out, insertions)
    covered = np.flatnonzero(out)
    start, end = int(covered[0]), int(covered[-1]) + 1
    return Alignment(out, start, end, sorted(insertions, key=lambda one: one[0]), turned)


@dataclass
class _Window:
    """A stretch [q0, q1) of the genome against [r0, r1) of the reference; which of its ends are open."""

    q0: int
    q1: int
    r0: int
    r1: int
    left: bool = False
    right: bool = False


def _windows(codes: np.ndarray, reference: Index, frame: np.ndarray) -> list[_Window]:
    """The stretches to align, in order and apart. Straight stretches between blocks get copied on the way out."""
    n, m = len(codes), len(reference.codes)
    rows = frame.tolist()
    windows: list[_Window] = []
    first, last = rows[0], rows[-1]
    if first[0] > 0:
        reach = max(0, first[1] - first[0] - MARGIN)
        windows.append(_Window(0, first[0] + MARGIN, reach, first[1] + MARGIN, left=True))
    for before, here in pairwise(rows):
        end_q, end_r = before[0] + before[2], before[1] + before[2]
        straight = here[0] - end_q == here[1] - end_r
        if straight and not _crowded(codes, reference, end_q, end_r, here[0]):
            windows.append(_Window(end_q, here[0], end_r, here[1]))
        else:
            windows.append(_Window(end_q - MARGIN, here[0] + MARGIN, end_r - MARGIN, here[1] + MARGIN))
    end_q, end_r = last[0] + last[2], last[1] + last[2]
    if end_q < n:
        reach = min(m, end_r + (n - end_q) + MARGIN)
        windows.append(_Window(end_q - MARGIN, n, end_r - MARGIN, reach, right=True))
    return _apart(windows, n, m)


def _crowded(codes: np.ndarray, reference: Index, q: int, r: int, end: int) -> bool:
    """Whether CROWDED or more of the bases in some CROWD around a straight stretch differ."""
    import numpy as np

    before = max(0, min(CROWD, q, r))
    after = min(CROWD, len(codes) - end, len(reference.codes) - (r + end - q))
    mine = codes[q - before : end + after]
    differs = (mine & reference.codes[r - before : r - before + len(mine)]) == 0
    sums = np.concatenate(([0], np.cumsum(differs)))
    return bool((sums[CROWD:] - sums[:-CROWD]).max(initial=0) >= CROWDED) if len(sums) > CROWD else False


def _apart(windows: list[_Window], n: int, m: int) -> list[_Window]:
    """Those that meet or overlap become one; each stays within both sequences."""
    out: list[_Window] = []
    for one in windows:
        one.q0, one.r0, one.q1, one.r1 = max(0, one.q0), max(0, one.r0), min(n, one.q1), min(m, one.r1)
        if out and (one.q0 < out[-1].q1 or one.r0 < out[-1].r1):
            last = out[-1]
            last.q1, last.r1 = max(last.q1, one.q1), max(last.r1, one.r1)
            last.q0, last.r0 = min(last.q0, one.q0), min(last.r0, one.r0)
            last.right = last.right or one.right
        else:
            out.append(one)
    return out


def _realign(
    codes: np.ndarray,
    reference: Index,
    window: _Window,
    out: np.ndarray,
    insertions: list[tuple[int, np.ndarray]],
) -> None:
    """One stretch, written into ``out`` and ``insertions``."""
    import numpy as np

    from lianfang.treat.genome import _kernels

    mine, theirs = codes[window.q0 : window.q1], reference.codes[window.r0 : window.r1]
    n, m = len(mine), len(theirs)
    if n == m and not (window.left or window.right) and n < 1_000_000:
        straight = (mine & theirs) == 0
        if straight.sum() < CROWDED:
            out[window.r0 : window.r1] = mine
            return
    low, high = _band(n, m, window)
    if int((high - low + 1).max()) * (m + 1) > MOST_CELLS:
        raise Unaligned("too_different")
    opening = reference.opening[window.r0 : window.r1 + 1]
    free = (1 | (2 if window.r0 == 0 else 0)) if window.left else 0
    free |= (4 | (8 if window.r1 == len(reference.codes) else 0)) if window.right else 0
    moves, _ = _kernels.align_window(mine, theirs, opening, low, high, free)
    i, j = np.cumsum(moves != 2), np.cumsum(moves != 4)
    out[window.r0 : window.r1] = 0
    pairs = moves == 1
    out[window.r0 + i[pairs] - 1] = mine[j[pairs] - 1]
    inserted = np.flatnonzero(moves == 2)
    for run in np.split(inserted, np.flatnonzero(np.diff(inserted) > 1) + 1):
        if len(run):
            insertions.append((window.r0 + int(i[run[0]]), mine[j[run] - 1]))


def _band(n: int, m: int, window: _Window) -> tuple[np.ndarray, np.ndarray]:
    """The columns of each row: all where the window is small, else a band about its diagonals."""
    import numpy as np

    rows = np.arange(m + 1)
    if (n + 1) * (m + 1) <= FULL:
        return np.zeros(m + 1, np.int64), np.full(m + 1, n, np.int64)
    half = 200 + abs(n - m) // 2
    middle = rows + (n - m) // 2 if window.left or window.right else rows * n // max(m, 1)
    low, high = np.clip(middle - half, 0, n), np.clip(middle + half, 0, n)
    low[0], high[-1] = 0, n
    return np.maximum.accumulate(low).astype(np.int64), np.maximum.accumulate(high).astype(np.int64)
