"""Backwards through the pieces that ``_partition.inside`` kept: what stands outside each tells how probable pairs are.

Each function gives what one way of making a piece passes on to the parts it is made of: the transposed recurrences, in
the opposite order of columns. The outside of a piece is kept times Z(q) / Z(p-1), divided by Z of all.
"""

# mypy: disable-error-code="assignment, call-overload"
# (Numba tells signed from unsigned and 32 from 64 bits by itself; a loop variable may be both)
from __future__ import annotations

import math

import numpy as np
from numba import njit

from lianfang.treat.folding._energy import BULGE, branch_energy, closing_energy, exterior_energy
from lianfang.treat.folding._kernels import BLOCK, PAD, PAIRED, SMALL_IN, SMALL_OUT, SOME, TWO, WIDTH
from lianfang.treat.folding._partition import (
    GROUND,
    OPEN,
    inner_terms,
    outer_terms,
    size_weights,
    small_loop,
    weight,
)
from lianfang.treat.folding._room import Closable, Inner, Outsides, Rows


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def _collect(row, start, sizes, k, near, i, skip):  # type: ignore[no-untyped-def]
    """Sum of row[start + x] * sizes[k, x] * near[i, x] over the places x = skip..31 before i."""
    total = 0.0
    for x in range(skip, WIDTH):
        total += row[start + x] * sizes[k, x] * near[i, x]
    return total


@njit(cache=True, nogil=True)
def _exterior(s, shares, lz, outsides, q):  # type: ignore[no-untyped-def]
    """C(q), to C(q-1), to the pairs i..q and to C(i-1)."""
    starts, piece_p, piece_w = shares.starts, shares.p, shares.w
    out_p, out_c = outsides.p, outsides.c
    out_c[q] += out_c[q + 1] * math.exp(lz[q] - lz[q + 1])
    for t in range(starts[PAIRED, q], starts[PAIRED, q + 1]):
        i = np.int64(piece_p[PAIRED, t])
        w = out_c[q + 1] * weight(exterior_energy(s, i, q))
        out_p[t] += w
        out_c[i] += piece_w[PAIRED, t] * w


@njit(cache=True, nogil=True)
def _some_branches(s, tables, shares, sums, closable, outsides, dense, q):  # type: ignore[no-untyped-def]
    """M(p,q), to P(p,q), M2(p,q) and M(p,q-1); M2 gathers what the multiloops around it give as well."""
    starts, piece_p = shares.starts, shares.p
    out_p, out_two, out_some = outsides.p, outsides.two, outsides.some
    lz, near, opened, mark = sums.lz, sums.near, closable.w, closable.mark
    following = tables.following
    for u in range(starts[SOME, q], starts[SOME, q + 1]):
        dense[piece_p[SOME, u]] = out_some[u]
    for t in range(starts[PAIRED, q], starts[PAIRED, q + 1]):
        i = np.int64(piece_p[PAIRED, t])
        if i > 0:
            out_p[t] += dense[i] * weight(branch_energy(s, i, q))
    now = math.exp(lz[q + 1] - closable.ground[0])
    for u in range(starts[TWO, q], starts[TWO, q + 1]):
        i = np.int64(piece_p[TWO, u])
        total = 0.0
        for x in range(max(2, PAD - i), 32):
            if mark[i + x] == following[s[i + x - PAD], q]:
                total += opened[i + x] * near[i, x]
        out_two[u] += dense[i] + total * now
    if q > 0:
        step = math.exp(lz[q] - lz[q + 1])
        for u in range(starts[SOME, q - 1], starts[SOME, q]):
            out_some[u] += dense[piece_p[SOME, u]] * step
    for u in range(starts[SOME, q], starts[SOME, q + 1]):
        dense[piece_p[SOME, u]] = 0.0


@njit(cache=True, nogil=True)
def _two_branches(s, shares, outsides, dense, q):  # type: ignore[no-untyped-def]
    """M2(p,q), to its last branch P(i,q) and to those before it, M(p,i-1)."""
    starts, piece_p, piece_w = shares.starts, shares.p, shares.w
    out_p, out_two, out_some = outsides.p, outsides.two, outsides.some
    for u in range(starts[TWO, q], starts[TWO, q + 1]):
        dense[piece_p[TWO, u]] = out_two[u]
    for t in range(starts[PAIRED, q], starts[PAIRED, q + 1]):
        i = np.int64(piece_p[PAIRED, t])
        if i < 2:
            continue
        w = weight(branch_energy(s, i, q))
        mine, total = piece_w[PAIRED, t] * w, 0.0
        for u in range(starts[SOME, i - 1], starts[SOME, i]):
            o = dense[piece_p[SOME, u]]
            total += o * piece_w[SOME, u]
            out_some[u] += o * mine
        out_p[t] += total * w
    for u in range(starts[TWO, q], starts[TWO, q + 1]):
        dense[piece_p[TWO, u]] = 0.0


@njit(cache=True, nogil=True)
def _reopen(s, tables, shares, closable, q):  # type: ignore[no-untyped-def]
    """The multiloops that were kept open at q; one that was not at the column after it closed for good there."""
    following = tables.following
    for t in range(shares.starts[OPEN, q], shares.starts[OPEN, q + 1]):
        p = np.int64(shares.p[OPEN, t])
        if closable.mark[p + PAD] != following[s[p], q]:
            closable.w[p + PAD] = 0.0
        closable.mark[p + PAD] = q


@njit(cache=True, nogil=True)
def _inner_columns(s, shares, inner, q):  # type: ignore[no-untyped-def]
    """What the pairs of the 31 columns before add as inner pairs; at each step down one column is new."""
    for j in range(max(q - 31, 0), q if q == s.size - 1 else q - 30):
        first, slot = shares.starts[PAIRED, j], j & 31
        for k in range(shares.starts[PAIRED, j + 1] - first):
            i = np.int64(shares.p[PAIRED, first + k])
            if i > 0:
                inner.generic[slot, k], inner.one[slot, k], inner.bulge[slot, k] = inner_terms(s, i, j)


@njit(cache=True, nogil=True)
def _set_rows(s, terms, rows, shares, closable, lz, out_p, q):  # type: ignore[no-untyped-def]
    """P(p,q), outer pair's terms multiplied, into the rows by way of loop, and to the multiloops it closes."""
    opened, mark, ground = closable.w, closable.mark, closable.ground
    if ground[0] - lz[q + 1] > GROUND:
        for x in range(PAD, opened.size):
            opened[x] *= math.exp(lz[q + 1] - ground[0])
        ground[0] = lz[q + 1]
    now = math.exp(ground[0] - lz[q + 1])
    for t in range(shares.starts[PAIRED, q], shares.starts[PAIRED, q + 1]):
        p = np.int64(shares.p[PAIRED, t])
        o, x = s[p] * 5 + s[p + 1], p + PAD
        rows.generic[x], rows.one[x] = out_p[t] * terms[0, o], out_p[t] * terms[1, o]
        rows.bulge[x], rows.whole[x] = out_p[t] * terms[2, o], out_p[t]
        rows.stamp[x >> 5] = q
        if mark[x] == q:
            opened[x] += out_p[t] * now * weight(closing_energy(s, p, q))


@njit(cache=True, nogil=True)
def _push(tables, rows, shares, inner, sums, out_p, q):  # type: ignore[no-untyped-def]
    """Interior loops of more than a few bases, closed by any p and q: to the pairs i..j of the 31 columns before."""
    generic, one, bulge = tables.generic, tables.one, tables.bulge
    row_generic, row_one, row_bulge, stamp = rows.generic, rows.one, rows.bulge, rows.stamp
    starts, piece_p = shares.starts, shares.p
    in_generic, in_one, in_bulge = inner.generic, inner.one, inner.bulge
    lz, near = sums.lz, sums.near
    for l2 in range(min(31, q)):
        j = q - 1 - l2
        moved, beside = math.exp(lz[j + 1] - lz[q + 1]), weight(BULGE[l2])
        slot, first, size = j & 31, starts[PAIRED, j], np.uint64(l2)
        skip = np.uint64(0) if l2 < 15 else np.uint64(16)
        for t in range(first, starts[PAIRED, j + 1]):
            i, k = np.uint64(piece_p[PAIRED, t]), t - first
            if i == 0 or (stamp[i >> np.uint64(5)] != q and stamp[(i + np.uint64(31)) >> np.uint64(5)] != q):
                continue
            if l2 >= 2:
                given = _collect(row_generic, i, generic, size, near, i, skip) * in_generic[slot, k]
                given += row_bulge[i + np.uint64(31)] * near[i, 31] * beside * in_bulge[slot, k]
                if 3 <= l2 <= 29:
                    given += row_one[i + np.uint64(30)] * near[i, 30] * one[0, 31 - l2] * in_one[slot, k]
            elif l2 == 1:
                given = _collect(row_one, i, one, np.uint64(0), near, i, skip) * in_one[slot, k]
            else:
                given = _collect(row_bulge, i, bulge, np.uint64(0), near, i, skip) * in_bulge[slot, k]
            out_p[t] += given * moved


@njit(cache=True, nogil=True)
def _small_loops(s, rows, shares, sums, out_p, q):  # type: ignore[no-untyped-def]
    """The nine small loops, each with its own energy, to the pairs inside."""
    starts, piece_p, row_whole = shares.starts, shares.p, rows.whole
    lz, near = sums.lz, sums.near
    for k in range(9):
        j = q - 1 - SMALL_IN[k]
        if j < 0:
            continue
        moved = math.exp(lz[j + 1] - lz[q + 1])
        for t in range(starts[PAIRED, j], starts[PAIRED, j + 1]):
            i = np.int64(piece_p[PAIRED, t])
            p = i - 1 - SMALL_OUT[k]
            if p >= 0 and row_whole[p + PAD] > 0.0:
                w = row_whole[p + PAD] * moved * near[i, 32 + p - i]
                out_p[t] += w * weight(small_loop(s, p, q, i, j, k))


@njit(cache=True, nogil=True)
def _empty_rows(rows, shares, q):  # type: ignore[no-untyped-def]
    """What this column set is taken out again."""
    for t in range(shares.starts[PAIRED, q], shares.starts[PAIRED, q + 1]):
        x = shares.p[PAIRED, t] + PAD
        rows.generic[x] = rows.one[x] = rows.bulge[x] = rows.whole[x] = 0.0


@njit(cache=True, nogil=True)
def outside(s, shares, sums):  # type: ignore[no-untyped-def]
    """Backwards, all columns: the probability of each pair kept, in the order of ``shares``."""
    n = s.size
    starts, lz = shares.starts, sums.lz
    wide = n + 2 * PAD
    tables = size_weights(s)
    outsides = Outsides(
        np.zeros(starts[PAIRED, n]), np.zeros(starts[TWO, n]), np.zeros(starts[SOME, n]), np.zeros(n + 1)
    )
    outsides.c[n] = 1.0
    stamp = np.full(wide // BLOCK + 1, -1, np.int32)
    rows = Rows(np.zeros(wide), np.zeros(wide), np.zeros(wide), np.zeros(wide), stamp)
    room = 0
    for q in range(n):
        room = max(room, starts[PAIRED, q + 1] - starts[PAIRED, q])
    inner = Inner(np.zeros((32, room)), np.zeros((32, room)), np.zeros((32, room)))
    closable = Closable(np.zeros(wide), np.full(wide, n, np.int32), np.full(1, lz[n]))
    dense, terms = np.zeros(n + 1), np.zeros((4, 25))
    for q in range(n - 1, -1, -1):
        _exterior(s, shares, lz, outsides, q)
        if q < n - 1:
            _some_branches(s, tables, shares, sums, closable, outsides, dense, q)
            _two_branches(s, shares, outsides, dense, q)
        _reopen(s, tables, shares, closable, q)
        _inner_columns(s, shares, inner, q)
        if starts[PAIRED, q] < starts[PAIRED, q + 1]:
            outer_terms(s, q, terms)
            _set_rows(s, terms, rows, shares, closable, lz, outsides.p, q)
            _push(tables, rows, shares, inner, sums, outsides.p, q)
            _small_loops(s, rows, shares, sums, outsides.p, q)
            _empty_rows(rows, shares, q)
    for t in range(starts[PAIRED, n]):
        outsides.p[t] = min(1.0, outsides.p[t] * shares.w[PAIRED, t])
    return outsides.p
