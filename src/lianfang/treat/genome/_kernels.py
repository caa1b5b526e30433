"""The inner loops of the aligner. Codes are the bit sets of ``_codes``; positions count from 0.

Affine gaps after Gotoh (1982) with an opening cost that depends on the place in the reference, as Nextclade's
(Aksamentov et al. 2021, JOSS 6:3773): a gap that starts a codon is cheaper than one inside it. Written from the
descriptions; scores: match 3, unknown 2, mismatch -1, opening 6 to 8, extension 0.
"""

from __future__ import annotations

import numpy as np
from numba import njit

MATCH, UNKNOWN, MISMATCH = 3, 2, -1
K = 16
#: Directions of a cell: which state is best, and whether each gap goes on.
_DIAGONAL, _INSERT, _DELETE, _INSERT_ON, _DELETE_ON = 1, 2, 4, 8, 16
_NEVER = -1_000_000_000


@njit(cache=True, nogil=True)
def words(codes):  # type: ignore[no-untyped-def]
    """The 2-bit number of each stretch of K plain bases, -1 where one is none."""
    n = len(codes)
    out = np.full(max(n - K + 1, 0), -1, np.int64)
    number, plain = np.int64(0), 0
    mask = (np.int64(1) << (2 * K)) - 1
    for at in range(n):
        code = codes[at]
        if code == 1 or code == 2 or code == 4 or code == 8:
            digit = 0 if code == 1 else 1 if code == 2 else 2 if code == 4 else 3
            number = ((number << 2) | digit) & mask
            plain += 1
        else:
            plain = 0
        if plain >= K:
            out[at - K + 1] = number
    return out


@njit(cache=True, nogil=True)
def _find(sorted_words, word):  # type: ignore[no-untyped-def]
    low, high = 0, len(sorted_words)
    while low < high:
        middle = (low + high) >> 1
        if sorted_words[middle] < word:
            low = middle + 1
        else:
            high = middle
    return low if low < len(sorted_words) and sorted_words[low] == word else -1


@njit(cache=True, nogil=True)
def _plain(code):  # type: ignore[no-untyped-def]
    return code == 1 or code == 2 or code == 4 or code == 8


@njit(cache=True, nogil=True)
def blocks(query, reference, sorted_words, places, query_words):  # type: ignore[no-untyped-def]
    """Stretches of equal bases, [count, 3] of start in query, start in reference, length; by start in query.

    From a seed (K equal bases that the reference holds once) a block grows both ways until the bases differ. After a
    difference the same diagonal is tried on, past unknown bases, before seeds are looked for again.
    """
    out = np.empty((256, 3), np.int64)
    count, q, n, m = 0, 0, len(query), len(reference)
    while q <= n - K:
        word = query_words[q]
        found = _find(sorted_words, word) if word >= 0 else -1
        if found < 0:
            q += 1
            continue
        r = places[found]
        begin = q
        floor = out[count - 1, 0] + out[count - 1, 2] if count else 0
        while begin > floor and r > 0 and query[begin - 1] == reference[r - 1] and _plain(query[begin - 1]):
            begin, r = begin - 1, r - 1
        diagonal = r - begin
        while True:
            end = begin
            while (
                end < n
                and end + diagonal < m
                and query[end] == reference[end + diagonal]
                and _plain(query[end])
            ):
                end += 1
            if end - begin >= K:
                if count == len(out):
                    grown = np.empty((2 * count, 3), np.int64)
                    grown[:count] = out
                    out = grown
                out[count, 0], out[count, 1], out[count, 2] = begin, begin + diagonal, end - begin
                count += 1
                q = end
            # Go on along the diagonal: past unknown bases and up to a few differing ones.
            begin, tries = end, 0
            while begin < n and begin + diagonal < m and tries < 2 * K:
                if _plain(query[begin]):
                    if query[begin] == reference[begin + diagonal]:
                        run = begin
                        while (
                            run < n and run + diagonal < m and run - begin < K
                            and query[run] == reference[run + diagonal] and _plain(query[run])
                        ):  # fmt: skip
                            run += 1
                        if run - begin >= K:
                            break
                        tries += run - begin
                        begin = run
                        continue
                    tries += 1
                begin += 1
            else:
                break
    return out[:count]


@njit(cache=True, nogil=True)
def chain(found):  # type: ignore[no-untyped-def]
    """Which blocks belong together: the heaviest set that is in order in both sequences. Indices, in order.

    A block counts with its length; of two that overlap in the reference only what lies beyond the overlap counts.
    """
    count = len(found)
    best = np.zeros(count, np.int64)
    before = np.full(count, -1, np.int64)
    for i in range(count):
        best[i] = found[i, 2]
        for j in range(max(0, i - 64), i):
            overlap = max(0, found[j, 1] + found[j, 2] - found[i, 1])
            if found[i, 1] <= found[j, 1] or overlap > found[i, 2] - K // 2:
                continue
            shift = abs((found[i, 1] - found[i, 0]) - (found[j, 1] - found[j, 0]))
            score = best[j] + found[i, 2] - overlap - (min(8, shift) + shift // 100)
            if score > best[i]:
                best[i], before[i] = score, j
    picked = np.empty(count, np.int64)
    at, length = np.argmax(best) if count else -1, 0
    while at >= 0:
        picked[length] = at
        length, at = length + 1, before[at]
    return picked[:length][::-1].copy()


@njit(cache=True, nogil=True)
def _pair(a, b, residues):  # type: ignore[no-untyped-def]
    unknown = 88 if residues else 15  # the letter X, or any base
    if a == unknown or b == unknown:
        return UNKNOWN
    same = a == b if residues else (a & b) != 0
    return MATCH if same else MISMATCH


@njit(cache=True, nogil=True)
def _walk(moves, low, m, n):  # type: ignore[no-untyped-def]
    """The moves of the best alignment, from the start."""
    out = np.empty(m + n, np.uint8)
    i, j, length, state = m, n, 0, 0
    while i > 0 or j > 0:
        here = moves[i, j - low[i]]
        if state == 0:
            state = here & (_DIAGONAL | _INSERT | _DELETE)
        out[length] = state
        length += 1
        if state == _DIAGONAL:
            i, j, state = i - 1, j - 1, 0
        elif state == _INSERT:
            j -= 1
            state = state if here & _INSERT_ON else 0
        else:
            i -= 1
            state = state if here & _DELETE_ON else 0
    return out[:length][::-1].copy()


@njit(cache=True, nogil=True)
def _align(query, reference, opening, low, high, free, residues):  # type: ignore[no-untyped-def]
    """The best alignment, as a row of moves from the start: 1 pair, 2 insertion, 4 deletion; and its score.

    ``opening[i]`` is the cost of a gap that starts before reference base i, [m + 1]. Row i (i bases of the reference
    behind) holds the columns ``low[i] .. high[i]``. ``free`` are bits: 1 a deletion at the left end costs nothing, 2
    an insertion there, 4 and 8 the same at the right end. Ties go to the pair, so that a gap stands as far left as it
    can.
    """
    m, n = len(reference), len(query)
    width = 0
    for i in range(m + 1):
        width = max(width, high[i] - low[i] + 1)
    moves = np.zeros((m + 1, width), np.uint8)
    above = np.full(n + 1, _NEVER, np.int64)
    now = np.full(n + 1, _NEVER, np.int64)
    deleting = np.full(n + 1, _NEVER, np.int64)
    for j in range(low[0], high[0] + 1):
        now[j] = 0 if j == 0 or free & 2 else -opening[0]
        moves[0, j - low[0]] = _INSERT | (_INSERT_ON if j > 1 else 0)
    for i in range(1, m + 1):
        above, now = now, above
        for j in range(max(low[i] - 1, 0), high[i] + 1):
            now[j] = _NEVER
        inserting = np.int64(_NEVER)
        for j in range(low[i], high[i] + 1):
            inside = j <= high[i - 1] and j >= low[i - 1]
            if j == 0:
                now[0] = 0 if free & 1 else -opening[0]
                moves[i, 0] = _DELETE | (_DELETE_ON if i > 1 else 0)
                continue
            score, move, on = np.int64(_NEVER), 0, 0
            if j - 1 >= low[i - 1] and j - 1 <= high[i - 1]:
                score, move = above[j - 1] + _pair(query[j - 1], reference[i - 1], residues), _DIAGONAL
            if j > low[i]:
                begin = now[j - 1] - (0 if i == m and free & 8 else opening[i])
                if inserting >= begin:
                    on |= _INSERT_ON
                else:
                    inserting = begin
                if inserting > score:
                    score, move = inserting, _INSERT
            if inside:
                begin = above[j] - (0 if j == n and free & 4 else opening[i - 1])
                if deleting[j] >= begin:
                    on |= _DELETE_ON
                else:
                    deleting[j] = begin
                if deleting[j] > score:
                    score, move = deleting[j], _DELETE
            else:
                deleting[j] = _NEVER
            now[j] = score
            moves[i, j - low[i]] = move | on
    return _walk(moves, low, m, n), now[n]


@njit(cache=True, nogil=True)
def align_window(query, reference, opening, low, high, free):  # type: ignore[no-untyped-def]
    """The best alignment of two stretches of bases; see ``_align``."""
    return _align(query, reference, opening, low, high, free, False)


@njit(cache=True, nogil=True)
def align_proteins(query, reference, opening, low, high, free):  # type: ignore[no-untyped-def]
    """The best alignment of two proteins (ASCII); see ``_align``."""
    return _align(query, reference, opening, low, high, free, True)


@njit(cache=True, nogil=True)
def distances(states, total, starts, sites, bases, follows):  # type: ignore[no-untyped-def]
    """For each entry of a lineage table the changes that a genome has beyond it, and those of it that it lacks.

    ``states`` [L]: the genome's code, and 16 where it was seen, 32 where it differs from the reference; ``total``:
    how many of the last. See ``lineages``.
    """
    beyond = np.empty(len(starts) - 1, np.int64)
    lacking = np.empty(len(starts) - 1, np.int64)
    for entry in range(len(beyond)):
        more, less = total, 0
        for at in range(starts[entry], starts[entry + 1]):
            state = states[sites[at]]
            if state & 16:
                # A change at this site is the entry's own, or counts as one that the genome lacks.
                more -= state >> 5
                less += (state & 15) != bases[at] and not follows[at]
        beyond[entry], lacking[entry] = more, less
    return beyond, lacking
