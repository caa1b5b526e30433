"""The nearest-neighbour energies of Turner 2004 (Mathews et al. 2004, PNAS 101:7287), dangling ends on both sides.

Energies are integers in hundredths of a kcal/mol at 37 °C. Bases are N A C G U = 0..4, a pair's kind is
CG GC GU UG AU UA = 0..5, -1: cannot pair. Every function reads one loop; the recurrences in ``_kernels`` and the
evaluation of a given structure add loops up, so both use the same figures.
"""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numba import njit

FORBIDDEN = 10_000_000  # dearer than anything, and safe to add a few times in 32 bits
LONGEST = 30  # unpaired bases in an interior loop that the search considers; evaluation knows no such limit

# pair[first, second] -> kind
PAIR = np.full((5, 5), -1, dtype=np.int8)
for _kind, (_a, _b) in enumerate(((2, 3), (3, 2), (3, 4), (4, 3), (1, 4), (4, 1))):
    PAIR[_a, _b] = _kind


class Model(NamedTuple):
    """Tables of one energy model; arrays of int32 except where the kernel wants them smaller."""

    pair: Any
    stack: Any
    mismatch_hairpin: Any
    mismatch_internal: Any
    mismatch_internal_1n: Any
    mismatch_internal_23: Any
    mismatch_multi: Any
    mismatch_exterior: Any
    dangle5: Any
    dangle3: Any
    int11: Any
    int21: Any
    int22: Any
    hairpin: Any
    bulge: Any
    internal: Any
    closing: int
    branch: int
    asymmetry: int
    most_asymmetry: int
    end: int
    lxc: float
    special_codes: Any  # special hairpins as base-5 numbers, in order
    special_energies: Any


@cache
def turner2004() -> Model:
    """The tables as ``scripts/make_turner2004.py`` wrote them."""
    with np.load(Path(__file__).with_name("turner2004.npz"), allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    codes = np.array([_code(str(loop)) for loop in arrays.pop("special_loops")], dtype=np.int64)
    order = np.argsort(codes)
    closing, branch, asymmetry, most, end = (int(x) for x in arrays.pop("scalars"))
    energies = arrays.pop("special_energies").astype(np.int32)[order]
    lxc = float(arrays.pop("lxc")[0])
    tables = {
        name: np.ascontiguousarray(array, dtype=np.int16 if name == "int22" else np.int32)
        for name, array in arrays.items()
    }
    return Model(
        pair=PAIR,
        closing=closing,
        branch=branch,
        asymmetry=asymmetry,
        most_asymmetry=most,
        end=end,
        lxc=lxc,
        special_codes=codes[order],
        special_energies=energies,
        **tables,
    )


def _code(loop: str) -> int:
    """A hairpin with its closing pair as a number in base 5."""
    number = 0
    for base in loop:
        number = number * 5 + "NACGU".index(base)
    return number


@njit(cache=True, nogil=True, inline="always")
def _long(table, lxc, size):  # type: ignore[no-untyped-def]
    """A loop's initiation; beyond 30 bases the logarithmic law of Jacobson and Stockmayer."""
    if size <= 30:
        return table[size]
    return table[30] + np.int32(lxc * math.log(size / 30.0))


@njit(cache=True, nogil=True)
def hairpin_energy(m, s, i, j):  # type: ignore[no-untyped-def]
    """Hairpin closed by i, j (0-based); a few loops of 3, 4 and 6 bases have measured energies of their own."""
    size = j - i - 1
    kind = m.pair[s[i], s[j]]
    if size < 3 or kind < 0:
        return np.int32(FORBIDDEN)
    if size == 3 or size == 4 or size == 6:
        code = np.int64(0)
        for k in range(i, j + 1):
            code = code * 5 + s[k]
        at = np.searchsorted(m.special_codes, code)
        if at < m.special_codes.size and m.special_codes[at] == code:
            return np.int32(m.special_energies[at])
    energy = _long(m.hairpin, m.lxc, size)
    if size == 3:
        return np.int32(energy + (m.end if kind > 1 else 0))
    return np.int32(energy + m.mismatch_hairpin[kind, s[i + 1], s[j - 1]])


@njit(cache=True, nogil=True)
def interior_energy(m, s, i, j, p, q):  # type: ignore[no-untyped-def]
    """Stack, bulge or interior loop closed by i, j outside and p, q inside (i < p < q < j)."""
    outer = m.pair[s[i], s[j]]
    inner = m.pair[s[q], s[p]]  # seen from inside the loop
    n1, n2 = p - i - 1, j - q - 1
    if n1 == 0 and n2 == 0:
        return np.int32(m.stack[outer, inner])
    if n1 == 0 or n2 == 0:
        size = n1 + n2
        energy = _long(m.bulge, m.lxc, size)
        if size == 1:
            return np.int32(energy + m.stack[outer, inner])
        return np.int32(energy + (m.end if outer > 1 else 0) + (m.end if inner > 1 else 0))
    si, sj, sp, sq = s[i + 1], s[j - 1], s[p - 1], s[q + 1]
    if n1 == 1 and n2 == 1:
        return np.int32(m.int11[outer, inner, si, sj])
    if n1 == 1 and n2 == 2:
        return np.int32(m.int21[outer, inner, si, sq, sj])
    if n1 == 2 and n2 == 1:
        return np.int32(m.int21[inner, outer, sq, si, sp])
    if n1 == 2 and n2 == 2:
        return np.int32(m.int22[outer, inner, si, sp, sq, sj])
    energy = _long(m.internal, m.lxc, n1 + n2) + min(m.most_asymmetry, m.asymmetry * abs(n1 - n2))
    if n1 == 1 or n2 == 1:
        return np.int32(energy + m.mismatch_internal_1n[outer, si, sj] + m.mismatch_internal_1n[inner, sq, sp])
    if n1 + n2 == 5:
        return np.int32(energy + m.mismatch_internal_23[outer, si, sj] + m.mismatch_internal_23[inner, sq, sp])
    return np.int32(energy + m.mismatch_internal[outer, si, sj] + m.mismatch_internal[inner, sq, sp])


@njit(cache=True, nogil=True, inline="always")
def branch_energy(m, s, i, j):  # type: ignore[no-untyped-def]
    """A stem i, j inside a multiloop, with its dangling neighbours i-1 and j+1, which there are."""
    kind = m.pair[s[i], s[j]]
    return np.int32(m.branch + m.mismatch_multi[kind, s[i - 1], s[j + 1]] + (m.end if kind > 1 else 0))


@njit(cache=True, nogil=True, inline="always")
def closing_energy(m, s, i, j):  # type: ignore[no-untyped-def]
    """The pair i, j that closes a multiloop, seen from inside it."""
    kind = m.pair[s[j], s[i]]
    end = m.end if kind > 1 else 0
    return np.int32(m.closing + m.branch + m.mismatch_multi[kind, s[j - 1], s[i + 1]] + end)


@njit(cache=True, nogil=True, inline="always")
def exterior_energy(m, s, i, j):  # type: ignore[no-untyped-def]
    """A stem i, j outside every loop; at the ends of the sequence a neighbour may lack."""
    kind = m.pair[s[i], s[j]]
    energy = m.end if kind > 1 else 0
    if i > 0 and j < s.size - 1:
        energy += m.mismatch_exterior[kind, s[i - 1], s[j + 1]]
    elif i > 0:
        energy += m.dangle5[kind, s[i - 1]]
    elif j < s.size - 1:
        energy += m.dangle3[kind, s[j + 1]]
    return np.int32(energy)


@njit(cache=True, nogil=True)
def structure_energy(m, s, partner):  # type: ignore[no-untyped-def]
    """Energy of a whole structure: ``partner[i]`` is the base paired with i, -1 for none. Pairs do not cross."""
    total = np.int64(0)
    k = 0
    while k < s.size:  # the exterior loop
        if partner[k] > k:
            total += exterior_energy(m, s, k, partner[k])
            k = partner[k]
        k += 1
    for i in range(s.size):
        j = partner[i]
        if j <= i:
            continue
        branches, first, stems = 0, -1, np.int64(0)
        k = i + 1
        while k < j:
            if partner[k] > k:
                branches += 1
                if branches == 1:
                    first = k
                stems += branch_energy(m, s, k, partner[k])
                k = partner[k]
            k += 1
        if branches == 0:
            total += hairpin_energy(m, s, i, j)
        elif branches == 1:
            total += interior_energy(m, s, i, j, first, partner[first])
        else:
            total += closing_energy(m, s, i, j) + stems
    return total
