"""Bases of mapped reads counted over the reference. Positions count from 0."""

from __future__ import annotations

import numpy as np
from numba import njit

#: Columns of the counts: the four bases, and a base that the read lacks.
DELETED, KINDS = 4, 5
#: Operations of a CIGAR (SAM 1.6, section 1.4) that consume the read, the reference, or both.
_MATCH, _INSERTION, _DELETION, _SKIP, _SOFT, _EQUAL, _DIFFERS = 0, 1, 2, 3, 4, 7, 8


@njit(cache=True, nogil=True)
def project(cigar, codes, quality, at, low, high, least, base, score):  # type: ignore[no-untyped-def]
    """Write a mapped read over the reference: ``base`` (0-3, 4 deleted) and ``score`` where it is better than before.

    cigar: (m, 2) int32 of (length, operation). codes: uint8, 0-3 or 255; quality: uint8, Phred; both of the mapped
    part, in the reference's direction. at: where it starts on the reference. low, high: what primer trimming left.
    A place whose quality is below ``least`` is not seen. ``score`` is 0 where no mate wrote yet; a deletion carries
    the quality of the base before it.
    """
    here = 0
    for row in range(len(cigar)):
        length, operation = cigar[row, 0], cigar[row, 1]
        if operation in (_MATCH, _EQUAL, _DIFFERS):
            for step in range(length):
                place = at + step
                value = quality[here + step]
                seen = codes[here + step] < 4 and value >= least
                if low <= place < high and seen and value + 1 > score[place]:
                    base[place], score[place] = codes[here + step], value + 1
            at += length
            here += length
        elif operation in (_INSERTION, _SOFT):
            here += length
        elif operation in (_DELETION, _SKIP):
            value = quality[max(here - 1, 0)]
            for place in range(max(at, low), min(at + length, high)):
                if operation == _DELETION and value >= least and value + 1 > score[place]:
                    base[place], score[place] = 4, value + 1
            at += length


@njit(cache=True, nogil=True)
def count(low, high, base, score, counts):  # type: ignore[no-untyped-def]
    """Add what the mates of one fragment show to the counts (n, 5), each place once, and clear it for the next."""
    for place in range(low, high):
        if score[place] > 0:
            counts[place, base[place]] += 1
            score[place] = 0


@njit(cache=True)
def called(counts, least, share):  # type: ignore[no-untyped-def]
    """The consensus of each place as a set of bases (A 1, C 2, G 4, T 8): 15 too shallow, 0 deleted.

    A place is deleted when more than half of what covers it lacks it; else every base with at least ``share`` of the
    bases is in the set, and the commonest if none has.
    """
    made = np.empty(len(counts), np.uint8)
    for place in range(len(counts)):
        row = counts[place]
        bases = row[0] + row[1] + row[2] + row[3]
        if bases + row[4] < least:
            made[place] = 15
        elif 2 * row[4] > bases + row[4]:
            made[place] = 0
        else:
            taken = 0
            for one in range(4):
                if row[one] >= share * bases and row[one] > 0:
                    taken |= 1 << one
            made[place] = taken if taken else 1 << np.argmax(row[:4])
    return made
