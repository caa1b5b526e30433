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

from __future__ import annotations

import numpy as np
from numba import njit

from lianfang.treat.folding._energy import (
    FORBIDDEN,
    branch_energy,
    closing_energy,
    exterior_energy,
    hairpin_energy,
    interior_energy,
)

FAR = np.int32(1_000_000_000)  # no such piece; twice this still fits
BONUS = 20_000  # for a pair that is wanted: dearer than any loop, and 50,000 of them fit
PAD = 32  # rows begin this far before base 0, so that no window leaves them
WIDTH = np.uint64(32)
BLOCK = 32
SHORTEST = 3  # bases in a hairpin
SMALL_OUT = np.array([0, 0, 1, 1, 1, 2, 2, 2, 3], dtype=np.int64)  # the nine small loops: i-p-1
SMALL_IN = np.array([0, 1, 0, 1, 2, 1, 2, 3, 2], dtype=np.int64)  # and q-j-1


@njit(cache=True, nogil=True)
def loop_rows(m):  # type: ignore[no-untyped-def]
    """The size terms: rows [q-j-1, 31-(i-p-1)] of generic and 1xn loops and of bulges with bases on the p side."""
    generic = np.full((31, 32), FAR, np.int32)
    one = np.full(32, FAR, np.int32)
    bulge = np.full(32, FAR, np.int32)
    for l1 in range(31):
        x = 31 - l1
        if 2 <= l1 <= 29:
            bulge[x] = m.bulge[l1]
        if 3 <= l1 <= 29:
            one[x] = m.internal[l1 + 1] + min(m.most_asymmetry, m.asymmetry * (l1 - 1))
        for l2 in range(2, 31 - l1):
            if l1 >= 2 and l1 + l2 > 5:
                generic[l2, x] = m.internal[l1 + l2] + min(m.most_asymmetry, m.asymmetry * abs(l1 - l2))
    return generic, one, bulge


@njit(cache=True, nogil=True)
def next_pairs(m, c):  # type: ignore[no-untyped-def]
    """[base, j]: the first column after j that can pair with such a base, n when there is none."""
    n = c.size
    following = np.full((5, n), n, np.int32)
    for base in range(1, 5):
        for j in range(n - 2, -1, -1):
            following[base, j] = j + 1 if m.pair[base, c[j + 1]] >= 0 else following[base, j + 1]
    return following


@njit(cache=True, nogil=True)
def _lower(row, start, sizes, k, energy):  # type: ignore[no-untyped-def]
    """row[start + x] = min(row[start + x], energy + sizes[k, x]) for 32 neighbours."""
    for x in range(WIDTH):
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
def _prune(at, energy, key, count, beam, scratch):  # type: ignore[no-untyped-def]
    """Keep the ``beam`` best by key, and their equals up to as many again, in their order; (how many, the last's key)."""
    if count <= beam:
        return count, FAR
    for k in range(count):
        scratch[k] = key[k]
    limit = _nth(scratch, count, beam - 1)
    kept = 0
    for k in range(count):
        if key[k] <= limit and (key[k] < limit or kept < 2 * beam):
            at[kept], energy[kept], key[kept] = at[k], energy[k], key[k]
            kept += 1
    return min(kept, 2 * beam), limit


@njit(cache=True, nogil=True)
def search(m, s, c, only, beam):  # type: ignore[no-untyped-def]
    """All columns. s: bases; c: bases as far as they may pair (0: not); only[i]: -1, or the one partner i may have.

    Returns the kept pieces, packed by column: starts[kind, q] .. starts[kind, q + 1] into (p, energy), and C.
    """
    n = s.size
    generic, one, bulge = loop_rows(m)
    one_row, bulge_row = one.reshape((1, 32)), bulge.reshape((1, 32))
    following = next_pairs(m, c)
    room = 2 * beam
    starts = np.zeros((3, n + 1), np.int64)
    piece_p = np.empty((3, n * room), np.int32)
    piece_e = np.empty((3, n * room), np.int32)
    best = np.zeros(n + 1, np.int32)  # best[q + 1] = C(q), best[0] = nothing there yet

    # the column being made, by p + PAD; only what `stamp` names is not FAR
    row_g, row_b = np.full(n + 64, FAR, np.int32), np.full(n + 64, FAR, np.int32)
    row_1, row_s = np.full(n + 64, FAR, np.int32), np.full(n + 64, FAR, np.int32)
    blocks = (n + 64) // BLOCK + 1
    stamp = np.full(blocks, -1, np.int32)
    # the last 32 columns' P with the inner pair's terms added
    ring_g, ring_b = np.empty((32, room), np.int32), np.empty((32, room), np.int32)
    ring_1 = np.empty((32, room), np.int32)
    # open hairpins: a list for the column where i may next pair; open multiloops: the best M2 inside, by p + PAD
    waiting, follower = np.full(n + 1, -1, np.int32), np.full(n, -1, np.int32)
    pending = np.full(n + 64, FAR, np.int32)
    active = np.zeros(blocks, np.uint8)
    # candidates
    size = max(4 * beam, 64)
    at, energy, key = np.empty(size, np.int32), np.empty(size, np.int32), np.empty(size, np.int32)
    many_at, many_e = np.empty(n + 64, np.int32), np.empty(n + 64, np.int32)
    many_key, scratch = np.empty(n + 64, np.int32), np.empty(max(n + 64, size), np.int32)
    dense = np.full(n + 1, FAR, np.int32)
    out_g, out_1 = np.empty(25, np.int32), np.empty(25, np.int32)
    out_b = np.empty(25, np.int32)
    pm = m.pair

    for q in range(n):
        base = c[q]
        starts[0, q + 1], starts[1, q + 1], starts[2, q + 1] = starts[0, q], starts[1, q], starts[2, q]
        count = 0
        if base > 0:
            # --- interior loops: pull from the columns before
            for l2 in range(min(31, q)):
                j = q - 1 - l2
                slot = j & 31
                first = starts[0, j]
                for t in range(starts[0, j + 1] - first):
                    i = np.int64(piece_p[0, first + t])
                    w = np.uint64(i)  # the window of p = i-32 .. i-1, as i - 32 + PAD
                    stamp[i >> 5] = q
                    stamp[(i + 31) >> 5] = q
                    if l2 >= 2:
                        _lower(row_g, w, generic, np.uint64(l2), ring_g[slot, t])
                        row_b[i + 31] = min(row_b[i + 31], np.int32(ring_b[slot, t] + m.bulge[l2]))
                        if 3 <= l2 <= 29:
                            row_1[i + 30] = min(row_1[i + 30], np.int32(ring_1[slot, t] + one[31 - l2]))
                    elif l2 == 0:
                        _lower(row_b, w, bulge_row, np.uint64(0), ring_b[slot, t])
                    else:
                        _lower(row_1, w, one_row, np.uint64(0), ring_1[slot, t])
            for k in range(9):
                j = q - 1 - SMALL_IN[k]
                if j < 0:
                    continue
                for t in range(starts[0, j], starts[0, j + 1]):
                    i = np.int64(piece_p[0, t])
                    p = i - 1 - SMALL_OUT[k]
                    if p >= 0 and pm[c[p], base] >= 0:
                        e = np.int32(piece_e[0, t] + interior_energy(m, s, p, q, i, j))
                        row_s[p + PAD] = min(row_s[p + PAD], e)

            # --- hairpins that may close here
            count = 0
            i = waiting[q]
            while i >= 0:
                many_at[count] = i
                many_e[count] = hairpin_energy(m, s, i, q)
                many_key[count] = many_e[count] + best[i]
                count += 1
                i = follower[i]
            count, _ = _prune(many_at, many_e, many_key, count, beam, scratch)
            for t in range(count):
                i = many_at[t]
                row_s[i + PAD] = min(row_s[i + PAD], many_e[t])
                stamp[(i + PAD) >> 5] = q
                j = following[c[i], q]
                if j < n:
                    follower[i] = waiting[j]
                    waiting[j] = i

            # --- multiloops that may close here
            count = 0
            for block in range(1, (q + PAD) // BLOCK + 1):
                if active[block] == 0:
                    continue
                left = False
                for x in range(block * BLOCK, min(block * BLOCK + BLOCK, q + PAD)):
                    if pending[x] < FAR:
                        p = x - PAD
                        if pm[c[p], base] >= 0:
                            many_at[count] = p
                            many_e[count] = pending[x]
                            many_key[count] = pending[x] + best[p]
                            pending[x] = FAR
                            count += 1
                        elif c[p] > 0:
                            left = True
                        else:
                            pending[x] = FAR
                if not left:
                    active[block] = 0
            count, _ = _prune(many_at, many_e, many_key, count, beam, scratch)
            for t in range(count):
                p = np.int64(many_at[t])
                pending[p + PAD] = many_e[t]
                active[(p + PAD) >> 5] = 1
                e = np.int32(many_e[t] + closing_energy(m, s, p, q))
                row_s[p + PAD] = min(row_s[p + PAD], e)
                stamp[(p + PAD) >> 5] = q

            # --- P: read the rows, add the outer pair's terms, keep the best
            inside = s[q - 1] if q > 0 else 0
            for a in range(1, 5):
                kind = pm[a, base]
                for b in range(5):
                    x = a * 5 + b
                    if kind < 0:
                        out_g[x], out_1[x], out_b[x] = FAR, FAR, FAR
                    else:
                        out_g[x] = m.mismatch_internal[kind, b, inside]
                        out_1[x] = m.mismatch_internal_1n[kind, b, inside]
                        out_b[x] = m.end if kind > 1 else 0
            wanted = only[q]
            limit = FAR
            count = 0
            for block in range((q + PAD) // BLOCK + 1):
                if stamp[block] != q:
                    continue
                for x in range(block * BLOCK, block * BLOCK + BLOCK):
                    p = x - PAD
                    if p >= 0 and p < q - SHORTEST and pm[c[p], base] >= 0:
                        o = s[p] * 5 + s[p + 1]
                        e = min(
                            min(row_g[x] + out_g[o], row_1[x] + out_1[o]), min(row_b[x] + out_b[o], row_s[x])
                        )
                        if wanted >= 0 or only[p] >= 0:
                            e = e - BONUS if wanted == p and only[p] == q else FAR
                        if e < FAR - FORBIDDEN and e + best[p] <= limit:
                            at[count], energy[count], key[count] = p, e, e + best[p]
                            count += 1
                            if count == size:
                                count, limit = _prune(at, energy, key, count, beam, scratch)
                    row_g[x], row_1[x], row_b[x], row_s[x] = FAR, FAR, FAR, FAR
            count, limit = _prune(at, energy, key, count, beam, scratch)
        first = starts[0, q]
        starts[0, q + 1] = first + count
        slot = q & 31
        for t in range(count):
            i = np.int64(at[t])
            e = energy[t]
            piece_p[0, first + t] = i
            piece_e[0, first + t] = e
            if i > 0 and q < n - 1:
                inner = pm[s[q], s[i]]
                ring_g[slot, t] = e + m.mismatch_internal[inner, s[q + 1], s[i - 1]]
                ring_1[slot, t] = e + m.mismatch_internal_1n[inner, s[q + 1], s[i - 1]]
                ring_b[slot, t] = e + (m.end if inner > 1 else 0)
            else:
                ring_g[slot, t], ring_1[slot, t], ring_b[slot, t] = FAR, FAR, FAR

        # --- M2: a branch at the end of one or more
        found = 0
        if q < n - 1:
            for t in range(count):
                i = np.int64(at[t])
                if i < 2:
                    continue
                e = energy[t] + branch_energy(m, s, i, q)
                for u in range(starts[2, i - 1], starts[2, i]):
                    p = piece_p[2, u]
                    if dense[p] == FAR:
                        many_at[found] = p
                        found += 1
                    dense[p] = min(dense[p], np.int32(piece_e[2, u] + e))
        for t in range(found):
            many_e[t] = dense[many_at[t]]
            many_key[t] = many_e[t] + best[many_at[t]]
            dense[many_at[t]] = FAR
        found, _ = _prune(many_at, many_e, many_key, found, beam - 1, scratch)
        first = starts[1, q]
        starts[1, q + 1] = first + found
        for t in range(found):
            i = many_at[t]
            piece_p[1, first + t] = i
            piece_e[1, first + t] = many_e[t]
            dense[i] = many_e[t]
            for x in range(np.uint64(i + 2), np.uint64(i + 32)):  # p = i-30 .. i-1
                pending[x] = min(pending[x], many_e[t])
            active[(i + 2) >> 5] = 1
            active[(i + 31) >> 5] = 1

        # --- M: the same pieces, one branch, or what there was one base before
        if q < n - 1:
            for t in range(count):
                i = np.int64(at[t])
                if i > 0:
                    if dense[i] == FAR:
                        many_at[found] = i
                        found += 1
                    dense[i] = min(dense[i], np.int32(energy[t] + branch_energy(m, s, i, q)))
        for u in range(starts[2, max(q - 1, 0)], starts[2, q]):
            i = piece_p[2, u]
            if dense[i] == FAR:
                many_at[found] = i
                found += 1
            dense[i] = min(dense[i], piece_e[2, u])
        for t in range(found):
            many_e[t] = dense[many_at[t]]
            many_key[t] = many_e[t] + best[many_at[t]]
            dense[many_at[t]] = FAR
        found, _ = _prune(many_at, many_e, many_key, found, beam, scratch)
        first = starts[2, q]
        starts[2, q + 1] = first + found
        for t in range(found):
            piece_p[2, first + t] = many_at[t]
            piece_e[2, first + t] = many_e[t]

        # --- C
        best[q + 1] = best[q]
        for t in range(count):
            i = np.int64(at[t])
            best[q + 1] = min(best[q + 1], np.int32(best[i] + energy[t] + exterior_energy(m, s, i, q)))

        # --- a hairpin opens here
        if base > 0 and q + SHORTEST < n:
            j = following[base, q + SHORTEST]
            if j < n:
                follower[q] = waiting[j]
                waiting[j] = q
    return starts, piece_p, piece_e, best


@njit(cache=True, nogil=True)
def _energy_of(starts, piece_p, piece_e, kind, p, q):  # type: ignore[no-untyped-def]
    """The kept energy of the piece p..q, FAR when it was not kept."""
    for t in range(starts[kind, q], starts[kind, q + 1]):
        if piece_p[kind, t] == p:
            return piece_e[kind, t]
    return FAR


@njit(cache=True, nogil=True)
def trace(m, s, only, starts, piece_p, piece_e, best):  # type: ignore[no-untyped-def]
    """The way back: the partner of each base (-1: none), by finding again what made each energy; -2 first: lost."""
    n = s.size
    partner = np.full(n, -1, np.int32)
    todo = np.empty((n + 8, 3), np.int64)  # kind 0 P, 1 M2, 2 M; p; q
    q, top = n - 1, 0
    while q >= 0:  # the exterior loop
        if best[q + 1] == best[q]:
            q -= 1
            continue
        for t in range(starts[0, q], starts[0, q + 1]):
            i = np.int64(piece_p[0, t])
            if best[q + 1] == best[i] + piece_e[0, t] + exterior_energy(m, s, i, q):
                todo[top, 0], todo[top, 1], todo[top, 2] = 0, i, q
                top += 1
                q = i - 1
                break
    while top > 0:
        top -= 1
        kind, p, q = todo[top, 0], todo[top, 1], todo[top, 2]
        e = _energy_of(starts, piece_p, piece_e, kind, p, q)
        found = False
        if kind == 0:
            partner[p], partner[q] = q, p
            if only[p] == q:
                e += BONUS
            if hairpin_energy(m, s, p, q) == e:
                continue
            for l2 in range(min(31, q - p - 1)):
                j = q - 1 - l2
                for t in range(starts[0, j], starts[0, j + 1]):
                    i = np.int64(piece_p[0, t])
                    if p < i <= p + 31 - l2 and piece_e[0, t] + interior_energy(m, s, p, q, i, j) == e:
                        todo[top, 0], todo[top, 1], todo[top, 2] = 0, i, j
                        found = True
                        break
                if found:
                    break
            j = q - 1
            e -= closing_energy(m, s, p, q)
            while not found and j > p:
                for t in range(starts[1, j], starts[1, j + 1]):
                    i = np.int64(piece_p[1, t])
                    if p < i <= p + 31 and piece_e[1, t] == e:
                        todo[top, 0], todo[top, 1], todo[top, 2] = 1, i, j
                        found = True
                        break
                j -= 1
        elif kind == 1:
            for t in range(starts[0, q], starts[0, q + 1]):
                i = np.int64(piece_p[0, t])
                if i < p + 2:
                    continue
                rest = e - piece_e[0, t] - branch_energy(m, s, i, q)
                if _energy_of(starts, piece_p, piece_e, 2, p, i - 1) == rest:
                    todo[top, 0], todo[top, 1], todo[top, 2] = 0, i, q
                    top += 1
                    todo[top, 0], todo[top, 1], todo[top, 2] = 2, p, i - 1
                    found = True
                    break
        elif _energy_of(starts, piece_p, piece_e, 2, p, q - 1) == e:
            todo[top, 0], todo[top, 1], todo[top, 2] = 2, p, q - 1
            found = True
        elif _energy_of(starts, piece_p, piece_e, 1, p, q) == e:
            todo[top, 0], todo[top, 1], todo[top, 2] = 1, p, q
            found = True
        elif _energy_of(starts, piece_p, piece_e, 0, p, q) + branch_energy(m, s, p, q) == e:
            todo[top, 0], todo[top, 1], todo[top, 2] = 0, p, q
            found = True
        if not found:
            partner[0] = -2
            return partner
        top += 1
    return partner
