"""Pair probabilities by a beam search in both directions (Zhang et al. 2020, Bioinformatics 36:i258; McCaskill 1990).

The pieces and recurrences are those of ``_kernels``, with sums of exp(-energy / kT) in place of least energies. A sum
over the structures of 30,000 bases is near e^14000, which no float holds. So each piece p..q is kept divided by
Z(q) / Z(p-1), where Z(q) is the sum over all structures of the bases up to q: its share of what it could stand among.
Shares are near 1 or less however long the sequence, they need no logarithms, and they are the rank to prune by.
``lz[k]`` is the logarithm of Z over the first k bases; a share moves on to column q by ``exp(lz[then] - lz[now])``.

Backwards, the outside of a piece times Z(q) / Z(p-1), divided by Z of all, is propagated likewise; the probability of a
pair is the product of the two.
"""

# mypy: disable-error-code="assignment, call-overload"
# (Numba tells signed from unsigned and 32 from 64 bits by itself; a loop variable may be both)
from __future__ import annotations

import math

import numpy as np
from numba import njit

from lianfang.treat.folding._energy import (
    BULGE,
    END,
    FORBIDDEN,
    MISMATCH_INTERNAL,
    MISMATCH_INTERNAL_1N,
    PAIR,
    branch_energy,
    closing_energy,
    exterior_energy,
    hairpin_energy,
    loop_energy,
)
from lianfang.treat.folding._kernels import (
    BLOCK,
    PAD,
    PAIRED,
    SHORTEST,
    SMALL_IN,
    SMALL_OUT,
    SOME,
    TWO,
    WIDTH,
    _nth,
    loop_rows,
    next_pairs,
)
from lianfang.treat.folding._room import Inner, OpenedSums, Rows, SharePool, Shares, Sums, Tables, Waits

OPEN = 3  # beside P, M2, M: the open multiloops kept at a column where they could close
KT = 1.98717 * (37.0 + 273.15) / 10.0  # in hundredths of a kcal/mol, as the energies
GROUND = 200.0  # when lz has grown by this since the open multiloops were last scaled, they are scaled anew


@njit(cache=True, nogil=True, inline="always")
def weight(energy):  # type: ignore[no-untyped-def]
    """exp(-energy / kT)."""
    return math.exp(-energy / KT)


@njit(cache=True, nogil=True)
def _weights(energies):  # type: ignore[no-untyped-def]
    """exp(-energy / kT) of a table; 0 for what is forbidden."""
    found = np.zeros(energies.shape, np.float64)
    for k in range(energies.shape[0]):
        for x in range(energies.shape[1]):
            if energies[k, x] < FORBIDDEN:
                found[k, x] = math.exp(-energies[k, x] / KT)
    return found


@njit(cache=True, nogil=True)
def size_weights(s):  # type: ignore[no-untyped-def]
    """The tables of the least energies' search, as weights."""
    generic, one, bulge = loop_rows()
    return Tables(_weights(generic), _weights(one), _weights(bulge), next_pairs(s))


@njit(cache=True, nogil=True)
def _keep_best(pool, count, beam):  # type: ignore[no-untyped-def]
    """The ``beam`` largest shares above nothing, in their order: (how many, the least when some were dropped)."""
    at, share, scratch = pool.at, pool.share, pool.scratch
    limit = 0.0
    if count > beam:
        for k in range(count):
            scratch[k] = -share[k]
        limit = -_nth(scratch, count, beam - 1)
    kept = 0
    for k in range(count):
        if share[k] >= limit and share[k] > 0.0 and kept < beam:
            at[kept], share[kept] = at[k], share[k]
            kept += 1
    return kept, limit


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def _spread(row, start, sizes, k, near, i, share, skip):  # type: ignore[no-untyped-def]
    """row[start + x] += share * sizes[k, x] * near[i, x] for the places x = skip..31 before i."""
    for x in range(skip, WIDTH):
        row[start + x] += share * sizes[k, x] * near[i, x]


@njit(cache=True, nogil=True)
def outer_terms(s, q, terms):  # type: ignore[no-untyped-def]
    """Weights that an outer pair p, q adds to each way of loop, by the bases p and p+1; 0 where they cannot pair."""
    for a in range(5):
        kind = PAIR[a, s[q]]
        for b in range(5):
            x = a * 5 + b
            if kind < 0:
                terms[0, x] = terms[1, x] = terms[2, x] = terms[3, x] = 0.0
            else:
                terms[0, x] = weight(MISMATCH_INTERNAL[kind, b, s[q - 1]])
                terms[1, x] = weight(MISMATCH_INTERNAL_1N[kind, b, s[q - 1]])
                terms[2, x] = weight(END if kind > 1 else 0)
                terms[3, x] = 1.0


@njit(cache=True, nogil=True)
def inner_terms(s, i, j):  # type: ignore[no-untyped-def]
    """Weights that the inner pair i, j adds to a generic loop, to one by n, to a bulge."""
    kind = PAIR[s[j], s[i]]
    return (
        weight(MISMATCH_INTERNAL[kind, s[j + 1], s[i - 1]]),
        weight(MISMATCH_INTERNAL_1N[kind, s[j + 1], s[i - 1]]),
        weight(END if kind > 1 else 0),
    )


@njit(cache=True, nogil=True)
def _pull(tables, rows, shares, inner, sums, q):  # type: ignore[no-untyped-def]
    """Interior loops of more than a few bases, closed by any p and q: from the pairs i..j of the 31 columns before."""
    generic, one, bulge = tables.generic, tables.one, tables.bulge
    row_generic, row_one, row_bulge, stamp = rows.generic, rows.one, rows.bulge, rows.stamp
    starts, piece_p = shares.starts, shares.p
    in_generic, in_one, in_bulge = inner.generic, inner.one, inner.bulge
    lz, near = sums.lz, sums.near
    for l2 in range(min(31, q)):
        j = q - 1 - l2
        slot, first, size = j & 31, starts[PAIRED, j], np.uint64(l2)
        moved = math.exp(lz[j + 1] - lz[q])
        beside = weight(BULGE[l2]) * moved
        # where q-j-1 >= 15 only 16 places of the window are near enough
        skip = np.uint64(0) if l2 < 15 else np.uint64(16)
        for t in range(starts[PAIRED, j + 1] - first):
            i = np.uint64(piece_p[PAIRED, first + t])  # p = i-32 .. i-1, where the rows hold them
            stamp[i >> np.uint64(5)] = q
            stamp[(i + np.uint64(31)) >> np.uint64(5)] = q
            if l2 >= 2:
                _spread(row_generic, i, generic, size, near, i, moved * in_generic[slot, t], skip)
                row_bulge[i + np.uint64(31)] += beside * in_bulge[slot, t] * near[i, 31]
                if 3 <= l2 <= 29:
                    share = moved * in_one[slot, t] * one[0, 31 - l2]
                    row_one[i + np.uint64(30)] += share * near[i, 30]
            elif l2 == 1:
                _spread(row_one, i, one, np.uint64(0), near, i, moved * in_one[slot, t], skip)
            else:
                _spread(row_bulge, i, bulge, np.uint64(0), near, i, moved * in_bulge[slot, t], skip)


@njit(cache=True, nogil=True)
def _small_loops(s, rows, shares, sums, q):  # type: ignore[no-untyped-def]
    """The nine small loops, each with its own energy: stack, bulge of one, 1x1, 1x2, 2x2, 2x3."""
    row_whole, lz, near = rows.whole, sums.lz, sums.near
    starts, piece_p, piece_w = shares.starts, shares.p, shares.w
    for k in range(9):
        j = q - 1 - SMALL_IN[k]
        if j < 0:
            continue
        moved = math.exp(lz[j + 1] - lz[q])
        for t in range(starts[PAIRED, j], starts[PAIRED, j + 1]):
            i = np.int64(piece_p[PAIRED, t])
            p = i - 1 - SMALL_OUT[k]
            if p >= 0 and PAIR[s[p], s[q]] >= 0:
                w = piece_w[PAIRED, t] * moved * near[i, 32 + p - i]
                row_whole[p + PAD] += w * weight(small_loop(s, p, q, i, j, k))


@njit(cache=True, nogil=True, inline="always")
def small_loop(s, p, q, i, j, k):  # type: ignore[no-untyped-def]
    """The energy of the small loop number ``k`` between the pairs p, q and i, j."""
    outer, inner = PAIR[s[p], s[q]], PAIR[s[j], s[i]]
    return loop_energy(outer, inner, SMALL_OUT[k], SMALL_IN[k], s[p + 1], s[q - 1], s[i - 1], s[j + 1])


@njit(cache=True, nogil=True)
def _hairpins(s, tables, rows, waits, pool, lz, beam, q):  # type: ignore[no-untyped-def]
    """Hairpins that may close at q; those that are kept wait for their next chance as well."""
    row_whole, stamp = rows.whole, rows.stamp
    first_waiting, after = waits.first, waits.after
    at, share = pool.at, pool.share
    count = 0
    i = first_waiting[q]
    while i >= 0:
        at[count] = i
        share[count] = math.exp(-hairpin_energy(s, i, q) / KT + lz[i] - lz[q])
        count += 1
        i = after[i]
    count, _ = _keep_best(pool, count, beam)
    for t in range(count):
        i = at[t]
        row_whole[i + PAD] += share[t]
        stamp[(i + PAD) >> 5] = q
        _wait(s, tables, waits, i, q)


@njit(cache=True, nogil=True)
def _wait(s, tables, waits, i, q):  # type: ignore[no-untyped-def]
    """A hairpin that opens at i waits for the first column after q that can close it."""
    j = tables.following[s[i], q]
    if j < s.size:
        waits.after[i] = waits.first[j]
        waits.first[j] = i


@njit(cache=True, nogil=True)
def _multiloops(s, rows, opened, shares, pool, lz, beam, q):  # type: ignore[no-untyped-def]
    """Multiloops that may close at q; those that are not kept are forgotten."""
    open_w, active = opened.w, opened.active
    at, share = pool.at, pool.share
    count = 0
    for block in range(1, (q + PAD) // BLOCK + 1):
        if active[block] == 0:
            continue
        left = False
        for x in range(block * BLOCK, min(block * BLOCK + BLOCK, q + PAD)):
            if open_w[x] > 0.0:
                if PAIR[s[x - PAD], s[q]] >= 0:
                    at[count], share[count] = x - PAD, open_w[x]
                    open_w[x] = 0.0
                    count += 1
                elif s[x - PAD] > 0:
                    left = True
                else:
                    open_w[x] = 0.0
        if not left:
            active[block] = 0
    count, _ = _keep_best(pool, count, beam)
    first, now = shares.starts[OPEN, q], math.exp(opened.ground[0] - lz[q])
    for t in range(count):
        p = np.int64(at[t])
        shares.p[OPEN, first + t] = p
        open_w[p + PAD] = share[t]
        active[(p + PAD) >> 5] = 1
        rows.stamp[(p + PAD) >> 5] = q
        rows.whole[p + PAD] += share[t] * now * weight(closing_energy(s, p, q))
    shares.starts[OPEN, q + 1] = first + count


@njit(cache=True, nogil=True)
def _read_rows(s, terms, rows, pool, beam, q):  # type: ignore[no-untyped-def]
    """The pairs p..q, outer pair's terms multiplied, the best of them in ``pool``; the rows are empty again."""
    generic, one, bulge, whole = rows.generic, rows.one, rows.bulge, rows.whole
    at, share = pool.at, pool.share
    count, limit = 0, 0.0
    for block in range((q + PAD) // BLOCK + 1):
        if rows.stamp[block] != q:
            continue
        start = block * BLOCK
        for x in range(max(start, PAD), min(start + BLOCK, q - SHORTEST + PAD)):
            p = x - PAD
            o = s[p] * 5 + s[p + 1]
            w = (
                generic[x] * terms[0, o]
                + one[x] * terms[1, o]
                + bulge[x] * terms[2, o]
                + whole[x] * terms[3, o]
            )
            if w > 0.0 and w >= limit:
                at[count], share[count] = p, w
                count += 1
                if count == 4 * beam + 8:
                    count, limit = _keep_best(pool, count, beam)
        for x in range(start, start + BLOCK):
            generic[x] = one[x] = bulge[x] = whole[x] = 0.0
    count, _ = _keep_best(pool, count, beam)
    return count


@njit(cache=True, nogil=True)
def _keep_pairs(s, shares, inner, pool, count, total, q):  # type: ignore[no-untyped-def]
    """P: the column's pairs, with what each adds as the inner pair of a loop, for the 31 columns to come."""
    at, share = pool.at, pool.share
    first, slot = shares.starts[PAIRED, q], q & 31
    shares.starts[PAIRED, q + 1] = first + count
    for t in range(count):
        i, w = np.int64(at[t]), share[t] / total
        shares.p[PAIRED, first + t], shares.w[PAIRED, first + t] = i, w
        a = b = c = 0.0
        if i > 0 and q < s.size - 1:
            a, b, c = inner_terms(s, i, q)
        inner.generic[slot, t], inner.one[slot, t], inner.bulge[slot, t] = w * a, w * b, w * c


@njit(cache=True, nogil=True, inline="always")
def _offer(at, dense, found, p, share):  # type: ignore[no-untyped-def]
    """A share of p..q, to be added to what else it has."""
    if dense[p] == 0.0:
        at[found] = p
        found += 1
    dense[p] += share
    return found


@njit(cache=True, nogil=True)
def _keep_offered(shares, kind, pool, found, beam, q):  # type: ignore[no-untyped-def]
    """The best of what was offered become the column's pieces of this kind; ``dense`` is empty again."""
    at, share, dense = pool.at, pool.share, pool.dense
    for t in range(found):
        share[t] = dense[at[t]]
        dense[at[t]] = 0.0
    found, _ = _keep_best(pool, found, beam)
    first = shares.starts[kind, q]
    shares.starts[kind, q + 1] = first + found
    for t in range(found):
        shares.p[kind, first + t], shares.w[kind, first + t] = at[t], share[t]


@njit(cache=True, nogil=True)
def _two_branches(s, shares, pool, beam, q):  # type: ignore[no-untyped-def]
    """M2(p,q): a branch i..q after one or more."""
    starts, piece_p, piece_w = shares.starts, shares.p, shares.w
    at, dense = pool.at, pool.dense
    found = 0
    for t in range(starts[PAIRED, q], starts[PAIRED, q + 1]):
        i = np.int64(piece_p[PAIRED, t])
        if i >= 2:
            w = piece_w[PAIRED, t] * weight(branch_energy(s, i, q))
            for u in range(starts[SOME, i - 1], starts[SOME, i]):
                found = _offer(at, dense, found, piece_p[SOME, u], piece_w[SOME, u] * w)
    _keep_offered(shares, TWO, pool, found, beam, q)


@njit(cache=True, nogil=True)
def _open_multiloops(shares, opened, sums, q):  # type: ignore[no-untyped-def]
    """Every p up to 31 before two branches may open a multiloop around them."""
    starts, piece_p, piece_w = shares.starts, shares.p, shares.w
    open_w, active, ground = opened.w, opened.active, opened.ground
    lz, near = sums.lz, sums.near
    if lz[q + 1] - ground[0] > GROUND:
        for x in range(PAD, q + PAD):
            open_w[x] *= math.exp(ground[0] - lz[q + 1])
        ground[0] = lz[q + 1]
    now = math.exp(lz[q + 1] - ground[0])
    for t in range(starts[TWO, q], starts[TWO, q + 1]):
        i = np.int64(piece_p[TWO, t])
        share = piece_w[TWO, t] * now
        for x in range(2, 32):
            open_w[i + x] += share * near[i, x]
        active[(i + 2) >> 5] = 1
        active[(i + 31) >> 5] = 1


@njit(cache=True, nogil=True)
def _some_branches(s, shares, pool, total, beam, q):  # type: ignore[no-untyped-def]
    """M(p,q): one branch, two or more, or what there was one base before."""
    starts, piece_p, piece_w = shares.starts, shares.p, shares.w
    at, dense = pool.at, pool.dense
    found = 0
    for t in range(starts[TWO, q], starts[TWO, q + 1]):
        found = _offer(at, dense, found, piece_p[TWO, t], piece_w[TWO, t])
    for t in range(starts[PAIRED, q], starts[PAIRED, q + 1]):
        i = np.int64(piece_p[PAIRED, t])
        if i > 0:
            found = _offer(at, dense, found, i, piece_w[PAIRED, t] * weight(branch_energy(s, i, q)))
    for t in range(starts[SOME, max(q - 1, 0)], starts[SOME, q]):
        found = _offer(at, dense, found, piece_p[SOME, t], piece_w[SOME, t] / total)
    _keep_offered(shares, SOME, pool, found, beam, q)


@njit(cache=True, nogil=True)
def inside(s, beam):  # type: ignore[no-untyped-def]
    """Forwards, all columns: (shares of the pieces kept, sums)."""
    n = s.size
    wide = n + 2 * PAD
    tables = size_weights(s)
    shares = Shares(
        np.zeros((4, n + 1), np.int64), np.empty((4, n * beam), np.int32), np.empty((3, n * beam), np.float64)
    )
    sums = Sums(np.zeros(n + 1, np.float64), np.zeros((n + 1, 32), np.float64))
    lz, near = sums.lz, sums.near
    stamp = np.full(wide // BLOCK + 1, -1, np.int32)
    rows = Rows(np.zeros(wide), np.zeros(wide), np.zeros(wide), np.zeros(wide), stamp)
    inner = Inner(np.zeros((32, beam)), np.zeros((32, beam)), np.zeros((32, beam)))
    waits = Waits(np.full(n + 1, -1, np.int32), np.full(n, -1, np.int32))
    opened = OpenedSums(np.zeros(wide), np.zeros(wide // BLOCK + 1, np.uint8), np.zeros(1))
    most = max(wide, 4 * beam + 8)
    pool = SharePool(np.empty(most, np.int32), np.empty(most), np.empty(most), np.zeros(n + 1))
    terms = np.zeros((4, 25))

    for q in range(n):
        for kind in range(4):
            shares.starts[kind, q + 1] = shares.starts[kind, q]
        for x in range(max(32 - q, 0), 32):
            near[q, x] = math.exp(lz[q - 32 + x] - lz[q])
        count = 0
        if q > SHORTEST and s[q] > 0:
            _pull(tables, rows, shares, inner, sums, q)
            _small_loops(s, rows, shares, sums, q)
            _hairpins(s, tables, rows, waits, pool, lz, beam, q)
            _multiloops(s, rows, opened, shares, pool, lz, beam, q)
            outer_terms(s, q, terms)
            count = _read_rows(s, terms, rows, pool, beam, q)
        total = 1.0  # C(q), divided by C(q-1)
        for t in range(count):
            total += pool.share[t] * weight(exterior_energy(s, np.int64(pool.at[t]), q))
        lz[q + 1] = lz[q] + math.log(total)
        _keep_pairs(s, shares, inner, pool, count, total, q)
        if q < n - 1:
            _two_branches(s, shares, pool, beam, q)
            _open_multiloops(shares, opened, sums, q)
            _some_branches(s, shares, pool, total, beam, q)
        if s[q] > 0 and q + SHORTEST < n:  # a hairpin may open here
            _wait(s, tables, waits, q, q + SHORTEST)
    return shares, sums
