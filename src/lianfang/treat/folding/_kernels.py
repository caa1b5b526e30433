"""The minimum free energy by beam search from 5' to 3' (Huang et al. 2019, Bioinformatics 35:i295), in linear time.

Column by column, for the last base q of a piece, the energies of pieces p..q of four kinds are found::

    P(p,q)   p and q pair:  hairpin(p,q)
                            min over i,j  P(i,j) + interior(p,q,i,j)         i-p-1 + q-j-1 <= 30
                            min over i,j  M2(i,j) + closing(p,q)             i-p-1 <= 30
    M2(p,q)  two branches or more, q paired:  min over i  M(p,i-1) + P(i,q) + branch(i,q)
    M(p,q)   one branch or more:  P(p,q) + branch(p,q),  M2(p,q),  M(p,q-1)
    C(q)     everything up to q:  C(q-1),  min over i  C(i-1) + P(i,q) + exterior(i,q)

and of each kind only the ``beam`` best are kept, ranked by their energy + C(p-1), the best that can stand before them.
That is the published search, with the same pruning (hairpins and open multiloops are pruned likewise). What differs is
how P is found, where two thirds of its time went:

* A column *pulls* from the 31 columns before it into rows of energies by p, instead of pushing into later columns: for
  a state (i,j), all p of one q are neighbours in memory, 32 numbers which the processor handles together.
* The energy of a large loop is a sum: a term of its two sizes (a row of a table), one of the inner pair (added when the
  inner pair was stored) and one of the outer pair (added once for each p when the column is read). There is a row for
  each of the three ways to split: generic, one by n, bulge. The nine small loops are looked up one by one.
* A beam is a stretch of two integer arrays. No trace is stored; the way back finds again what made an energy.
"""

# mypy: disable-error-code="assignment, call-overload"
# (Numba tells signed from unsigned and 32 from 64 bits by itself; a loop variable may be both)
from __future__ import annotations

import numpy as np
from numba import njit

from lianfang.treat.folding._energy import (
    ASYMMETRY,
    BULGE,
    END,
    FORBIDDEN,
    INTERNAL,
    MISMATCH_INTERNAL,
    MISMATCH_INTERNAL_1N,
    MOST_ASYMMETRY,
    PAIR,
    branch_energy,
    closing_energy,
    exterior_energy,
    hairpin_energy,
    loop_energy,
)
from lianfang.treat.folding._room import Beams, Inner, Opened, Pool, Rows, Tables, Waits

FAR = np.int32(1_000_000_000)  # no such piece; twice this still fits
BONUS = 20_000  # for a pair that is wanted: dearer than any loop, and 50,000 of them fit
PAD = 32  # rows begin this far before base 0, so that no window leaves them
WIDTH = np.uint64(32)
BLOCK = 32
SHORTEST = 3  # bases in a hairpin
PAIRED, TWO, SOME = 0, 1, 2  # the kinds P, M2, M
SMALL_OUT = np.array([0, 0, 1, 1, 1, 2, 2, 2, 3], dtype=np.int64)  # the nine small loops: i-p-1
SMALL_IN = np.array([0, 1, 0, 1, 2, 1, 2, 3, 2], dtype=np.int64)  # and q-j-1


@njit(cache=True, nogil=True)
def loop_rows():  # type: ignore[no-untyped-def]
    """The size terms: rows [q-j-1, 31-(i-p-1)] of generic and 1xn loops and of bulges with bases on the p side."""
    generic = np.full((31, 32), FAR, np.int32)
    one = np.full((1, 32), FAR, np.int32)
    bulge = np.full((1, 32), FAR, np.int32)
    for l1 in range(31):
        x = 31 - l1
        if 2 <= l1 <= 29:
            bulge[0, x] = BULGE[l1]
        if 3 <= l1 <= 29:
            one[0, x] = INTERNAL[l1 + 1] + min(MOST_ASYMMETRY, ASYMMETRY * (l1 - 1))
        for l2 in range(2, 31 - l1):
            if l1 >= 2 and l1 + l2 > 5:
                generic[l2, x] = INTERNAL[l1 + l2] + min(MOST_ASYMMETRY, ASYMMETRY * abs(l1 - l2))
    return generic, one, bulge


@njit(cache=True, nogil=True)
def next_pairs(c):  # type: ignore[no-untyped-def]
    """[base, j]: the first column after j that can pair with such a base, n when there is none."""
    n = c.size
    following = np.full((5, n), n, np.int32)
    for base in range(1, 5):
        for j in range(n - 2, -1, -1):
            following[base, j] = j + 1 if PAIR[base, c[j + 1]] >= 0 else following[base, j + 1]
    return following


@njit(cache=True, nogil=True, inline="always")
def _lower(row, start, sizes, k, energy, skip):  # type: ignore[no-untyped-def]
    """row[start + x] = min(row[start + x], energy + sizes[k, x]) for x = skip..31, many at once.

    Unsigned indices and a lower end that the compiler does not know keep it from unrolling the loop into single steps.
    """
    for x in range(skip, WIDTH):
        row[start + x] = min(row[start + x], np.int32(sizes[k, x] + energy))


@njit(cache=True, nogil=True)
def _nth(keys, count, nth):  # type: ignore[no-untyped-def]
    """The nth smallest (0-based) of keys[:count], which it disorders (Hoare's selection, median of three)."""
    low, high = 0, count - 1
    while low < high:
        a, b, c = keys[low], keys[(low + high) >> 1], keys[high]
        pivot = max(min(a, b), min(max(a, b), c))
        i, j = low, high
        while i <= j:
            while keys[i] < pivot:
                i += 1
            while keys[j] > pivot:
                j -= 1
            if i <= j:
                keys[i], keys[j] = keys[j], keys[i]
                i += 1
                j -= 1
        if nth <= j:
            high = j
        elif nth >= i:
            low = i
        else:
            break
    return keys[nth]


@njit(cache=True, nogil=True)
def _prune(pool, count, beam):  # type: ignore[no-untyped-def]
    """Keep the ``beam`` best by key and what ties with the last, in their order; (how many, the last's key)."""
    at, energy, keys, scratch = pool.at, pool.e, pool.key, pool.scratch
    if count <= beam:
        return count, FAR
    for k in range(count):
        scratch[k] = keys[k]
    limit = _nth(scratch, count, beam - 1)
    equals = 2 * beam  # room for what ties with the last
    for k in range(count):
        if keys[k] < limit:
            equals -= 1
    kept = 0
    for k in range(count):
        key = keys[k]
        if key < limit or (key == limit and equals > 0):
            if key == limit:
                equals -= 1
            at[kept], energy[kept], keys[kept] = at[k], energy[k], key
            kept += 1
    return kept, limit


@njit(cache=True, nogil=True)
def _pull(tables, rows, beams, inner, q):  # type: ignore[no-untyped-def]
    """Interior loops of more than a few bases, closed by any p and q: from the pairs i..j of the 31 columns before."""
    sizes_generic, sizes_one, sizes_bulge = tables.generic, tables.one, tables.bulge
    row_generic, row_one, row_bulge, stamp = rows.generic, rows.one, rows.bulge, rows.stamp
    starts, piece_p = beams.starts, beams.p
    in_generic, in_one, in_bulge = inner.generic, inner.one, inner.bulge
    for l2 in range(min(31, q)):
        j = q - 1 - l2
        slot = j & 31
        first = starts[PAIRED, j]
        size = np.uint64(l2)
        # where q-j-1 >= 15 only 16 places of the window are near enough
        skip = np.uint64(0) if l2 < 15 else np.uint64(16)
        for t in range(starts[PAIRED, j + 1] - first):
            i = np.int64(piece_p[PAIRED, first + t])
            window = np.uint64(i)  # p = i-32 .. i-1, where the rows hold them
            stamp[i >> 5] = q
            stamp[(i + 31) >> 5] = q
            if l2 >= 2:
                _lower(row_generic, window, sizes_generic, size, in_generic[slot, t], skip)
                x, e = i + 31, np.int32(in_bulge[slot, t] + BULGE[l2])  # no base between p and i
                row_bulge[x] = min(row_bulge[x], e)
                if 3 <= l2 <= 29:  # one base between them
                    x, e = i + 30, np.int32(in_one[slot, t] + sizes_one[0, 31 - l2])
                    row_one[x] = min(row_one[x], e)
            elif l2 == 1:
                _lower(row_one, window, sizes_one, np.uint64(0), in_one[slot, t], skip)
            else:
                _lower(row_bulge, window, sizes_bulge, np.uint64(0), in_bulge[slot, t], skip)


@njit(cache=True, nogil=True)
def _small_loops(s, c, rows, beams, q):  # type: ignore[no-untyped-def]
    """The nine small loops, each with its own energy: stack, bulge of one, 1x1, 1x2, 2x2, 2x3."""
    row_whole = rows.whole
    starts, piece_p, piece_e = beams.starts, beams.p, beams.e
    for k in range(9):
        j = q - 1 - SMALL_IN[k]
        if j < 0:
            continue
        for t in range(starts[PAIRED, j], starts[PAIRED, j + 1]):
            i = np.int64(piece_p[PAIRED, t])
            p = i - 1 - SMALL_OUT[k]
            if p >= 0 and PAIR[c[p], c[q]] >= 0:
                outer, inner = PAIR[c[p], c[q]], PAIR[s[j], s[i]]
                loop = loop_energy(
                    outer, inner, SMALL_OUT[k], SMALL_IN[k], s[p + 1], s[q - 1], s[i - 1], s[j + 1]
                )
                e = np.int32(piece_e[PAIRED, t] + loop)
                row_whole[p + PAD] = min(row_whole[p + PAD], e)


@njit(cache=True, nogil=True)
def _hairpins(s, c, tables, rows, waits, pool, best, beam, q):  # type: ignore[no-untyped-def]
    """Hairpins that may close at q; those that are kept wait for their next chance as well."""
    following = tables.following
    row_whole, stamp = rows.whole, rows.stamp
    first_waiting, after = waits.first, waits.after
    at, energy, keys = pool.at, pool.e, pool.key
    count = 0
    i = first_waiting[q]
    while i >= 0:
        at[count] = i
        energy[count] = hairpin_energy(s, i, q)
        keys[count] = energy[count] + best[i]
        count += 1
        i = after[i]
    count, _ = _prune(pool, count, beam + 1)
    for t in range(count):
        i = at[t]
        row_whole[i + PAD] = min(row_whole[i + PAD], energy[t])
        stamp[(i + PAD) >> 5] = q
        j = following[c[i], q]
        if j < c.size:
            after[i] = first_waiting[j]
            first_waiting[j] = i


@njit(cache=True, nogil=True)
def _multiloops(s, c, rows, opened, pool, best, beam, q):  # type: ignore[no-untyped-def]
    """Multiloops that may close at q; those that are not kept are forgotten."""
    row_whole, stamp = rows.whole, rows.stamp
    open_e, active = opened.e, opened.active
    at, energy, keys = pool.at, pool.e, pool.key
    count = 0
    for block in range(1, (q + PAD) // BLOCK + 1):
        if active[block] == 0:
            continue
        left = False
        for x in range(block * BLOCK, min(block * BLOCK + BLOCK, q + PAD)):
            if open_e[x] < FAR:
                p = x - PAD
                if PAIR[c[p], c[q]] >= 0:
                    at[count] = p
                    energy[count] = open_e[x]
                    keys[count] = open_e[x] + best[p]
                    count += 1
                    open_e[x] = FAR
                elif c[p] > 0:
                    left = True
                else:
                    open_e[x] = FAR
        if not left:
            active[block] = 0
    count, _ = _prune(pool, count, beam + 1)
    for t in range(count):
        p = np.int64(at[t])
        open_e[p + PAD] = energy[t]
        active[(p + PAD) >> 5] = 1
        e = np.int32(energy[t] + closing_energy(s, p, q))
        row_whole[p + PAD] = min(row_whole[p + PAD], e)
        stamp[(p + PAD) >> 5] = q


@njit(cache=True, nogil=True)
def _outer_terms(s, c, outer, q):  # type: ignore[no-untyped-def]
    """What the pair p, q adds to each way of loop, by the bases p and p+1: outer[way, 5 p + p1]."""
    inside = s[q - 1]
    for a in range(1, 5):
        kind = PAIR[a, c[q]]
        for b in range(5):
            x = a * 5 + b
            if kind < 0:
                outer[0, x] = outer[1, x] = outer[2, x] = outer[3, x] = FAR
            else:
                outer[0, x] = MISMATCH_INTERNAL[kind, b, inside]
                outer[1, x] = MISMATCH_INTERNAL_1N[kind, b, inside]
                outer[2, x] = END if kind > 1 else 0
                outer[3, x] = 0


@njit(cache=True, nogil=True)
def _read_rows(c2, outer, only, rows, pool, best, beam, q):  # type: ignore[no-untyped-def]
    """The pairs p..q, outer pair's terms added, the best of them in ``pool``; the rows are empty again."""
    row_generic, row_one, row_bulge, row_whole, stamp = (
        rows.generic,
        rows.one,
        rows.bulge,
        rows.whole,
        rows.stamp,
    )
    at, energy, keys = pool.at, pool.e, pool.key
    limit, count = FAR, 0
    for block in range((q + PAD) // BLOCK + 1):
        if stamp[block] != q:
            continue
        start = block * BLOCK
        for x in range(max(start, PAD), min(start + BLOCK, q - SHORTEST + PAD)):
            p = x - PAD
            o = c2[p]
            e = min(
                min(row_generic[x] + outer[0, o], row_one[x] + outer[1, o]),
                min(row_bulge[x] + outer[2, o], row_whole[x] + outer[3, o]),
            )
            if e + best[p] <= limit and e < FAR - FORBIDDEN:
                if only[q] >= 0 or only[p] >= 0:
                    if only[q] != p or only[p] != q:
                        continue
                    e -= BONUS
                at[count], energy[count], keys[count] = p, e, e + best[p]
                count += 1
                if count == 4 * beam + 8:
                    count, limit = _prune(pool, count, beam + 1)
        for x in range(np.uint64(start), np.uint64(start + BLOCK)):
            row_generic[x] = FAR
            row_one[x] = FAR
            row_bulge[x] = FAR
            row_whole[x] = FAR
    count, _ = _prune(pool, count, beam + 1)
    return count


@njit(cache=True, nogil=True)
def _keep(beams, kind, q, pool, count):  # type: ignore[no-untyped-def]
    """The first ``count`` of the pool become the column's pieces of this kind."""
    starts, piece_p, piece_e = beams.starts, beams.p, beams.e
    at, energy = pool.at, pool.e
    first = starts[kind, q]
    starts[kind, q + 1] = first + count
    for t in range(count):
        piece_p[kind, first + t] = at[t]
        piece_e[kind, first + t] = energy[t]


@njit(cache=True, nogil=True)
def _inner_terms(s, beams, inner, q):  # type: ignore[no-untyped-def]
    """Each pair's energy with what it adds as the inner pair of a loop, for the 31 columns to come."""
    starts, piece_p, piece_e = beams.starts, beams.p, beams.e
    in_generic, in_one, in_bulge = inner.generic, inner.one, inner.bulge
    slot, first = q & 31, starts[PAIRED, q]
    for t in range(starts[PAIRED, q + 1] - first):
        i = np.int64(piece_p[PAIRED, first + t])
        e = piece_e[PAIRED, first + t]
        if i > 0 and q < s.size - 1:
            kind = PAIR[s[q], s[i]]
            in_generic[slot, t] = e + MISMATCH_INTERNAL[kind, s[q + 1], s[i - 1]]
            in_one[slot, t] = e + MISMATCH_INTERNAL_1N[kind, s[q + 1], s[i - 1]]
            in_bulge[slot, t] = e + (END if kind > 1 else 0)
        else:
            in_generic[slot, t] = in_one[slot, t] = in_bulge[slot, t] = FAR


@njit(cache=True, nogil=True, inline="always")
def _offer(at, dense, found, p, e):  # type: ignore[no-untyped-def]
    """p..q at energy e, once for each p: the lowest counts."""
    if dense[p] == FAR:
        at[found] = p
        found += 1
    dense[p] = min(dense[p], e)
    return found


@njit(cache=True, nogil=True)
def _gather(pool, dense, found, best):  # type: ignore[no-untyped-def]
    """What was offered, with its energies and ranks; ``dense`` is empty again."""
    at, energy, keys = pool.at, pool.e, pool.key
    for t in range(found):
        p = at[t]
        energy[t] = dense[p]
        keys[t] = energy[t] + best[p]
        dense[p] = FAR


@njit(cache=True, nogil=True)
def _two_branches(s, beams, opened, pool, dense, best, beam, q):  # type: ignore[no-untyped-def]
    """M2(p,q): a branch i..q after one or more. Every p up to 31 before may open a multiloop around it."""
    starts, piece_p, piece_e = beams.starts, beams.p, beams.e
    open_e, active = opened.e, opened.active
    at, energy = pool.at, pool.e
    found = 0
    for t in range(starts[PAIRED, q], starts[PAIRED, q + 1]):
        i = np.int64(piece_p[PAIRED, t])
        if i >= 2:
            e = piece_e[PAIRED, t] + branch_energy(s, i, q)
            for u in range(starts[SOME, i - 1], starts[SOME, i]):
                p = piece_p[SOME, u]
                if dense[p] == FAR:
                    at[found] = p
                    found += 1
                dense[p] = min(dense[p], np.int32(piece_e[SOME, u] + e))
    _gather(pool, dense, found, best)
    found, _ = _prune(pool, found, beam)
    _keep(beams, TWO, q, pool, found)
    for t in range(found):
        i = np.int64(at[t])
        for x in range(np.uint64(i + 2), np.uint64(i + 32)):  # p = i-30 .. i-1
            open_e[x] = min(open_e[x], energy[t])
        active[(i + 2) >> 5] = 1
        active[(i + 31) >> 5] = 1


@njit(cache=True, nogil=True)
def _some_branches(s, beams, pool, dense, best, beam, q):  # type: ignore[no-untyped-def]
    """M(p,q): one branch, two or more, or what there was one base before."""
    starts, piece_p, piece_e = beams.starts, beams.p, beams.e
    at = pool.at
    found = 0
    for t in range(starts[TWO, q], starts[TWO, q + 1]):
        found = _offer(at, dense, found, piece_p[TWO, t], piece_e[TWO, t])
    for t in range(starts[PAIRED, q], starts[PAIRED, q + 1]):
        i = np.int64(piece_p[PAIRED, t])
        if i > 0:
            e = np.int32(piece_e[PAIRED, t] + branch_energy(s, i, q))
            found = _offer(at, dense, found, piece_p[PAIRED, t], e)
    if q > 0:
        for t in range(starts[SOME, q - 1], starts[SOME, q]):
            found = _offer(at, dense, found, piece_p[SOME, t], piece_e[SOME, t])
    _gather(pool, dense, found, best)
    found, _ = _prune(pool, found, beam + 1)
    _keep(beams, SOME, q, pool, found)


@njit(cache=True, nogil=True)
def search(s, c, only, beam):  # type: ignore[no-untyped-def]
    """All columns. s: bases; c: bases as far as they may pair (0: not); only[i]: -1, or the one partner i may have.

    Returns the pieces kept and C: best[q + 1] = C(q), best[0] = 0 for nothing.
    """
    n = s.size
    generic, one, bulge = loop_rows()
    tables = Tables(generic, one, bulge, next_pairs(c))
    room = 2 * (beam + 1)
    beams = Beams(
        np.zeros((3, n + 1), np.int64), np.empty((3, n * room), np.int32), np.empty((3, n * room), np.int32)
    )
    best = np.zeros(n + 1, np.int32)
    wide = n + 2 * PAD
    rows = Rows(
        np.full(wide, FAR, np.int32),
        np.full(wide, FAR, np.int32),
        np.full(wide, FAR, np.int32),
        np.full(wide, FAR, np.int32),
        np.full(wide // BLOCK + 1, -1, np.int32),
    )
    inner = Inner(
        np.empty((32, room), np.int32), np.empty((32, room), np.int32), np.empty((32, room), np.int32)
    )
    waits = Waits(np.full(n + 1, -1, np.int32), np.full(n, -1, np.int32))
    opened = Opened(np.full(wide, FAR, np.int32), np.zeros(wide // BLOCK + 1, np.uint8))
    most = max(wide, 4 * beam + 8)
    pool = Pool(
        np.empty(most, np.int32), np.empty(most, np.int32), np.empty(most, np.int32), np.empty(most, np.int32)
    )
    dense = np.full(n + 1, FAR, np.int32)
    outer = np.full((4, 25), FAR, np.int32)
    c2 = np.zeros(n, np.int64)  # two neighbours as one number
    for i in range(n - 1):
        c2[i] = c[i] * 5 + s[i + 1]

    for q in range(n):
        for kind in range(3):
            beams.starts[kind, q + 1] = beams.starts[kind, q]
        best[q + 1] = best[q]
        if q > SHORTEST and c[q] > 0:
            _pull(tables, rows, beams, inner, q)
            _small_loops(s, c, rows, beams, q)
            _hairpins(s, c, tables, rows, waits, pool, best, beam, q)
            _multiloops(s, c, rows, opened, pool, best, beam, q)
            _outer_terms(s, c, outer, q)
            count = _read_rows(c2, outer, only, rows, pool, best, beam, q)
            _keep(beams, PAIRED, q, pool, count)
            _inner_terms(s, beams, inner, q)
        if q < n - 1:
            _two_branches(s, beams, opened, pool, dense, best, beam, q)
            _some_branches(s, beams, pool, dense, best, beam, q)
        for t in range(beams.starts[PAIRED, q], beams.starts[PAIRED, q + 1]):
            i = np.int64(beams.p[PAIRED, t])
            e = np.int32(best[i] + beams.e[PAIRED, t] + exterior_energy(s, i, q))
            best[q + 1] = min(best[q + 1], e)
        if c[q] > 0 and q + SHORTEST < n:  # a hairpin may open here
            j = tables.following[c[q], q + SHORTEST]
            if j < n:
                waits.after[q] = waits.first[j]
                waits.first[j] = q
    return beams, best
