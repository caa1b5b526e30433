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
from typing import Any, NamedTuple

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

OPEN = 3  # beside P, M2, M: the open multiloops kept at a column where they could close
KT = 1.98717 * (37.0 + 273.15) / 10.0  # in hundredths of a kcal/mol, as the energies


class Shares(NamedTuple):
    """The pieces kept: of a kind, those that end at q lie at starts[kind, q] .. starts[kind, q + 1]."""

    starts: Any
    p: Any
    w: Any


@njit(cache=True, nogil=True, inline="always")
def _weight(energy):  # type: ignore[no-untyped-def]
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
def _keep_best(at, share, count, beam, scratch):  # type: ignore[no-untyped-def]
    """The ``beam`` largest shares above nothing, in their order; how many."""
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
    return kept


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def _spread(row, start, sizes, k, near, i, share):  # type: ignore[no-untyped-def]
    """row[start + x] += share * sizes[k, x] * near[i, x] for the 32 places before i."""
    for x in range(WIDTH):
        row[start + x] += share * sizes[k, x] * near[i, x]


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def _collect(row, start, sizes, k, near, i):  # type: ignore[no-untyped-def]
    """The same backwards: sum of row[start + x] * sizes[k, x] * near[i, x]."""
    total = 0.0
    for x in range(WIDTH):
        total += row[start + x] * sizes[k, x] * near[i, x]
    return total


@njit(cache=True, nogil=True)
def _terms(s, q, terms):  # type: ignore[no-untyped-def]
    """Weights that an outer pair p, q adds to each way of loop, by the bases p and p+1; 0 where they cannot pair."""
    for a in range(5):
        kind = PAIR[a, s[q]]
        for b in range(5):
            x = a * 5 + b
            if kind < 0:
                terms[0, x] = terms[1, x] = terms[2, x] = terms[3, x] = 0.0
            else:
                terms[0, x] = math.exp(-MISMATCH_INTERNAL[kind, b, s[q - 1]] / KT)
                terms[1, x] = math.exp(-MISMATCH_INTERNAL_1N[kind, b, s[q - 1]] / KT)
                terms[2, x] = math.exp(-(END if kind > 1 else 0) / KT)
                terms[3, x] = 1.0


@njit(cache=True, nogil=True)
def _inner(s, i, j):  # type: ignore[no-untyped-def]
    """Weights that the inner pair i, j adds to a generic loop, to one by n, to a bulge."""
    kind = PAIR[s[j], s[i]]
    return (
        math.exp(-MISMATCH_INTERNAL[kind, s[j + 1], s[i - 1]] / KT),
        math.exp(-MISMATCH_INTERNAL_1N[kind, s[j + 1], s[i - 1]] / KT),
        math.exp(-(END if kind > 1 else 0) / KT),
    )


@njit(cache=True, nogil=True)
def inside(s, beam):  # type: ignore[no-untyped-def]
    """Forwards: (shares of the pieces kept, lz, near). near[i, x] = exp(lz[i-32+x] - lz[i])."""
    n = s.size
    e_generic, e_one, e_bulge = loop_rows()
    generic, one, bulge = _weights(e_generic), _weights(e_one), _weights(e_bulge)
    following = next_pairs(s)
    starts = np.zeros((4, n + 1), np.int64)
    piece_p = np.empty((4, n * beam), np.int32)
    piece_w = np.empty((3, n * beam), np.float64)
    lz = np.zeros(n + 1, np.float64)
    near = np.zeros((n + 1, 32), np.float64)
    wide = n + 2 * PAD
    row_generic, row_one = np.zeros(wide), np.zeros(wide)
    row_bulge, row_whole = np.zeros(wide), np.zeros(wide)
    stamp = np.full(wide // 32 + 1, -1, np.int32)
    in_generic, in_one, in_bulge = np.zeros((32, beam)), np.zeros((32, beam)), np.zeros((32, beam))
    first_waiting, after = np.full(n + 1, -1, np.int32), np.full(n, -1, np.int32)
    opened, active = np.zeros(wide), np.zeros(wide // 32 + 1, np.uint8)
    ground = 0.0  # opened[p + PAD] is kept divided by exp(ground - lz[p])
    at, share, scratch = np.empty(wide, np.int32), np.empty(wide), np.empty(wide)
    dense = np.zeros(n + 1)
    terms = np.zeros((4, 25))

    for q in range(n):
        for kind in range(4):
            starts[kind, q + 1] = starts[kind, q]
        for x in range(32):
            if q - 32 + x >= 0:
                near[q, x] = math.exp(lz[q - 32 + x] - lz[q])
        count = 0
        if q > SHORTEST and s[q] > 0:
            for l2 in range(min(31, q)):
                j = q - 1 - l2
                moved = math.exp(lz[j + 1] - lz[q])
                for t in range(starts[PAIRED, j + 1] - starts[PAIRED, j]):
                    i = np.uint64(piece_p[PAIRED, starts[PAIRED, j] + t])
                    slot = j & 31
                    stamp[i >> np.uint64(5)] = q
                    stamp[(i + np.uint64(31)) >> np.uint64(5)] = q
                    if l2 >= 2:
                        _spread(row_generic, i, generic, np.uint64(l2), near, i, moved * in_generic[slot, t])
                        size = math.exp(-BULGE[l2] / KT)
                        row_bulge[i + np.uint64(31)] += moved * in_bulge[slot, t] * size * near[i, 31]
                        if 3 <= l2 <= 29:
                            size = one[0, 31 - l2]
                            row_one[i + np.uint64(30)] += moved * in_one[slot, t] * size * near[i, 30]
                    elif l2 == 1:
                        _spread(row_one, i, one, np.uint64(0), near, i, moved * in_one[slot, t])
                    else:
                        _spread(row_bulge, i, bulge, np.uint64(0), near, i, moved * in_bulge[slot, t])
            for k in range(9):
                j = q - 1 - SMALL_IN[k]
                moved = math.exp(lz[max(j, 0) + 1] - lz[q])
                for t in range(starts[PAIRED, max(j, 0)], starts[PAIRED, max(j, 0) + 1]):
                    i = np.int64(piece_p[PAIRED, t])
                    p = i - 1 - SMALL_OUT[k]
                    if p >= 0 and PAIR[s[p], s[q]] >= 0:
                        loop = loop_energy(
                            PAIR[s[p], s[q]],
                            PAIR[s[j], s[i]],
                            SMALL_OUT[k],
                            SMALL_IN[k],
                            s[p + 1],
                            s[q - 1],
                            s[i - 1],
                            s[j + 1],
                        )
                        row_whole[p + PAD] += piece_w[PAIRED, t] * moved * near[i, 32 + p - i] * _weight(loop)
            # hairpins
            i = first_waiting[q]
            while i >= 0:
                at[count] = i
                share[count] = math.exp(-hairpin_energy(s, i, q) / KT + lz[i] - lz[q])
                count += 1
                i = after[i]
            count = _keep_best(at, share, count, beam, scratch)
            for t in range(count):
                i = at[t]
                row_whole[i + PAD] += share[t]
                stamp[(i + PAD) >> 5] = q
                j = following[s[i], q]
                if j < n:
                    after[i] = first_waiting[j]
                    first_waiting[j] = i
            # multiloops
            now = math.exp(ground - lz[q])
            count = 0
            for block in range(1, (q + PAD) // 32 + 1):
                if active[block] == 0:
                    continue
                left = False
                for x in range(block * 32, min(block * 32 + 32, q + PAD)):
                    if opened[x] > 0.0:
                        if PAIR[s[x - PAD], s[q]] >= 0:
                            at[count], share[count] = x - PAD, opened[x]
                            opened[x] = 0.0
                            count += 1
                        elif s[x - PAD] > 0:
                            left = True
                        else:
                            opened[x] = 0.0
                if not left:
                    active[block] = 0
            count = _keep_best(at, share, count, beam, scratch)
            for t in range(count):
                p = np.int64(at[t])
                piece_p[OPEN, starts[OPEN, q] + t] = p
                opened[p + PAD] = share[t]
                active[(p + PAD) >> 5] = 1
                stamp[(p + PAD) >> 5] = q
                row_whole[p + PAD] += share[t] * now * _weight(closing_energy(s, p, q))
            starts[OPEN, q + 1] = starts[OPEN, q] + count
            # the column's pairs
            _terms(s, q, terms)
            count = 0
            for block in range((q + PAD) // 32 + 1):
                if stamp[block] != q:
                    continue
                for x in range(block * 32, block * 32 + 32):
                    p = x - PAD
                    if p >= 0 and p < q - SHORTEST:
                        o = s[p] * 5 + s[p + 1]
                        w = (
                            row_generic[x] * terms[0, o]
                            + row_one[x] * terms[1, o]
                            + row_bulge[x] * terms[2, o]
                            + row_whole[x] * terms[3, o]
                        )
                        if w > 0.0:
                            at[count], share[count] = p, w
                            count += 1
                    row_generic[x] = row_one[x] = row_bulge[x] = row_whole[x] = 0.0
            count = _keep_best(at, share, count, beam, scratch)
        # Z
        total = 1.0
        for t in range(count):
            total += share[t] * _weight(exterior_energy(s, np.int64(at[t]), q))
        lz[q + 1] = lz[q] + math.log(total)
        first, slot = starts[PAIRED, q], q & 31
        starts[PAIRED, q + 1] = first + count
        for t in range(count):
            i = np.int64(at[t])
            w = share[t] / total
            piece_p[PAIRED, first + t], piece_w[PAIRED, first + t] = i, w
            in_generic[slot, t] = in_one[slot, t] = in_bulge[slot, t] = 0.0
            if i > 0 and q < n - 1:
                a, b, c = _inner(s, i, q)
                in_generic[slot, t], in_one[slot, t], in_bulge[slot, t] = w * a, w * b, w * c
        if q == n - 1:
            break
        # M2
        found = 0
        for t in range(first, first + count):
            i = np.int64(piece_p[PAIRED, t])
            if i < 2:
                continue
            w = piece_w[PAIRED, t] * _weight(branch_energy(s, i, q))
            for u in range(starts[SOME, i - 1], starts[SOME, i]):
                p = piece_p[SOME, u]
                if dense[p] == 0.0:
                    at[found] = p
                    found += 1
                dense[p] += piece_w[SOME, u] * w
        for t in range(found):
            share[t] = dense[at[t]]
            dense[at[t]] = 0.0
        found = _keep_best(at, share, found, beam, scratch)
        starts[TWO, q + 1] = starts[TWO, q] + found
        if lz[q + 1] - ground > 200.0:  # the open multiloops follow
            for x in range(PAD, q + PAD):
                opened[x] *= math.exp(ground - lz[q + 1])
            ground = lz[q + 1]
        now = math.exp(lz[q + 1] - ground)
        for t in range(found):
            i = np.int64(at[t])
            piece_p[TWO, starts[TWO, q] + t], piece_w[TWO, starts[TWO, q] + t] = i, share[t]
            for x in range(2, 32):
                opened[i + x] += share[t] * now * near[i, x]
            active[(i + 2) >> 5] = 1
            active[(i + 31) >> 5] = 1
            dense[i] = share[t]
        # M
        for t in range(first, first + count):
            i = np.int64(piece_p[PAIRED, t])
            if i > 0:
                if dense[i] == 0.0:
                    at[found] = i
                    found += 1
                dense[i] += piece_w[PAIRED, t] * _weight(branch_energy(s, i, q))
        for u in range(starts[SOME, max(q - 1, 0)], starts[SOME, q]):
            i = piece_p[SOME, u]
            if dense[i] == 0.0:
                at[found] = i
                found += 1
            dense[i] += piece_w[SOME, u] / total
        for t in range(found):
            share[t] = dense[at[t]]
            dense[at[t]] = 0.0
        found = _keep_best(at, share, found, beam, scratch)
        starts[SOME, q + 1] = starts[SOME, q] + found
        for t in range(found):
            piece_p[SOME, starts[SOME, q] + t], piece_w[SOME, starts[SOME, q] + t] = at[t], share[t]
        # a hairpin may open here
        if s[q] > 0 and q + SHORTEST < n:
            j = following[s[q], q + SHORTEST]
            if j < n:
                after[q] = first_waiting[j]
                first_waiting[j] = q
    return Shares(starts, piece_p, piece_w), lz, near


@njit(cache=True, nogil=True)
def outside(s, shares, lz, near):  # type: ignore[no-untyped-def]
    """Backwards: the probability of each pair kept, in the order of ``shares``."""
    n = s.size
    starts, piece_p, piece_w = shares.starts, shares.p, shares.w
    e_generic, e_one, e_bulge = loop_rows()
    generic, one, bulge = _weights(e_generic), _weights(e_one), _weights(e_bulge)
    out_p = np.zeros(starts[PAIRED, n])
    out_two = np.zeros(starts[TWO, n])
    out_some = np.zeros(starts[SOME, n])
    out_c = np.zeros(n + 1)
    out_c[n] = 1.0
    wide = n + 2 * PAD
    row_generic, row_one = np.zeros(wide), np.zeros(wide)
    row_bulge, row_whole = np.zeros(wide), np.zeros(wide)
    opened = np.zeros(wide)  # what multiloops closed later give to p, divided by exp(lz[p] - ground)
    room = 0
    for q in range(n):
        room = max(room, starts[PAIRED, q + 1] - starts[PAIRED, q])
    in_generic, in_one, in_bulge = np.zeros((32, room)), np.zeros((32, room)), np.zeros((32, room))
    following = next_pairs(s)
    mark = np.full(
        wide, n, np.int32
    )  # the last column that kept p open; what lies behind one that did not is void
    ground = lz[n]
    dense = np.zeros(n + 1)
    terms = np.zeros((4, 25))
    for q in range(n - 1, -1, -1):
        step = math.exp(lz[q] - lz[q + 1])
        first, last = starts[PAIRED, q], starts[PAIRED, q + 1]
        # Z
        out_c[q] += out_c[q + 1] * step
        for t in range(first, last):
            i = np.int64(piece_p[PAIRED, t])
            w = _weight(exterior_energy(s, i, q))
            out_p[t] += out_c[q + 1] * w
            out_c[i] += out_c[q + 1] * piece_w[PAIRED, t] * w
        if q < n - 1:
            # M, to what it is made of
            for u in range(starts[SOME, q], starts[SOME, q + 1]):
                dense[piece_p[SOME, u]] = out_some[u]
            for t in range(first, last):
                i = np.int64(piece_p[PAIRED, t])
                if i > 0:
                    out_p[t] += dense[i] * _weight(branch_energy(s, i, q))
            for u in range(starts[TWO, q], starts[TWO, q + 1]):
                i = np.int64(piece_p[TWO, u])
                out_two[u] += dense[i]
                total = 0.0
                for x in range(max(2, PAD - i), 32):
                    if mark[i + x] == following[s[i + x - PAD], q]:
                        total += opened[i + x] * near[i, x]
                out_two[u] += total * math.exp(lz[q + 1] - ground)
            if q > 0:
                for u in range(starts[SOME, q - 1], starts[SOME, q]):
                    out_some[u] += dense[piece_p[SOME, u]] * step
            for u in range(starts[SOME, q], starts[SOME, q + 1]):
                dense[piece_p[SOME, u]] = 0.0
            # M2, to the last branch and those before
            for u in range(starts[TWO, q], starts[TWO, q + 1]):
                dense[piece_p[TWO, u]] = out_two[u]
            for t in range(first, last):
                i = np.int64(piece_p[PAIRED, t])
                if i < 2:
                    continue
                w = _weight(branch_energy(s, i, q))
                mine, total = piece_w[PAIRED, t] * w, 0.0
                for u in range(starts[SOME, i - 1], starts[SOME, i]):
                    o = dense[piece_p[SOME, u]]
                    total += o * piece_w[SOME, u]
                    out_some[u] += o * mine
                out_p[t] += total * w
            for u in range(starts[TWO, q], starts[TWO, q + 1]):
                dense[piece_p[TWO, u]] = 0.0
        for t in range(starts[OPEN, q], starts[OPEN, q + 1]):
            p = np.int64(piece_p[OPEN, t])
            if mark[p + PAD] != following[s[p], q]:
                opened[p + PAD] = 0.0
            mark[p + PAD] = q
        # what the pairs of the 31 columns before add as inner pairs
        for j in range(max(q - 31, 0), q if q == n - 1 else q - 30):
            for t in range(starts[PAIRED, j], starts[PAIRED, j + 1]):
                i, slot, k = np.int64(piece_p[PAIRED, t]), j & 31, t - starts[PAIRED, j]
                if i > 0:
                    in_generic[slot, k], in_one[slot, k], in_bulge[slot, k] = _inner(s, i, j)
        if first == last:
            continue
        # P, to the pairs and multiloops inside
        if ground - lz[q + 1] > 200.0:
            for x in range(PAD, wide):
                opened[x] *= math.exp(lz[q + 1] - ground)
            ground = lz[q + 1]
        now = math.exp(ground - lz[q + 1])
        _terms(s, q, terms)
        for t in range(first, last):
            p = np.int64(piece_p[PAIRED, t])
            o = s[p] * 5 + s[p + 1]
            x = p + PAD
            row_generic[x], row_one[x] = out_p[t] * terms[0, o], out_p[t] * terms[1, o]
            row_bulge[x], row_whole[x] = out_p[t] * terms[2, o], out_p[t]
            if mark[x] == q:
                opened[x] += out_p[t] * now * _weight(closing_energy(s, p, q))
        for l2 in range(min(31, q)):
            j = q - 1 - l2
            moved = math.exp(lz[j + 1] - lz[q + 1])
            for t in range(starts[PAIRED, j], starts[PAIRED, j + 1]):
                i = np.uint64(piece_p[PAIRED, t])
                if i == 0:
                    continue
                slot, k = j & 31, t - starts[PAIRED, j]
                a, b, c = in_generic[slot, k], in_one[slot, k], in_bulge[slot, k]
                if l2 >= 2:
                    given = _collect(row_generic, i, generic, np.uint64(l2), near, i) * a
                    size = math.exp(-BULGE[l2] / KT)
                    given += row_bulge[i + np.uint64(31)] * near[i, 31] * size * c
                    if 3 <= l2 <= 29:
                        given += row_one[i + np.uint64(30)] * near[i, 30] * one[0, 31 - l2] * b
                elif l2 == 1:
                    given = _collect(row_one, i, one, np.uint64(0), near, i) * b
                else:
                    given = _collect(row_bulge, i, bulge, np.uint64(0), near, i) * c
                out_p[t] += given * moved
        for k in range(9):
            j = q - 1 - SMALL_IN[k]
            if j < 0:
                continue
            moved = math.exp(lz[j + 1] - lz[q + 1])
            for t in range(starts[PAIRED, j], starts[PAIRED, j + 1]):
                i = np.int64(piece_p[PAIRED, t])
                p = i - 1 - SMALL_OUT[k]
                if p >= 0 and row_whole[p + PAD] > 0.0:
                    loop = loop_energy(
                        PAIR[s[p], s[q]],
                        PAIR[s[j], s[i]],
                        SMALL_OUT[k],
                        SMALL_IN[k],
                        s[p + 1],
                        s[q - 1],
                        s[i - 1],
                        s[j + 1],
                    )
                    out_p[t] += row_whole[p + PAD] * moved * near[i, 32 + p - i] * _weight(loop)
        for t in range(first, last):
            x = piece_p[PAIRED, t] + PAD
            row_generic[x] = row_one[x] = row_bulge[x] = row_whole[x] = 0.0
    for t in range(starts[PAIRED, n]):
        out_p[t] = min(1.0, out_p[t] * piece_w[PAIRED, t])
    return out_p
