"""The nearest-neighbour energies of Turner 2004 (Mathews et al. 2004, PNAS 101:7287), dangling ends on both sides.

Energies are integers in hundredths of a kcal/mol at 37 °C. Bases are N A C G U = 0..4, a pair's kind is
CG GC GU UG AU UA = 0..5, -1: cannot pair. Every function reads one loop; the recurrences in ``_kernels`` and the
evaluation of a given structure add loops up, so both use the same figures.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numba import njit

FORBIDDEN = 10_000_000  # dearer than anything, and safe to add a few times in 32 bits
LONGEST = 30  # unpaired bases in an interior loop that the search considers; evaluation knows no such limit

# pair[first, second] -> kind
PAIR = np.full((5, 5), -1, dtype=np.int8)
for _kind, (_a, _b) in enumerate(((2, 3), (3, 2), (3, 4), (4, 3), (1, 4), (4, 1))):
    PAIR[_a, _b] = _kind


def _code(loop: str) -> int:
    """A hairpin with its closing pair as a number in base 5."""
    number = 0
    for base in loop:
        number = number * 5 + "NACGU".index(base)
    return number


# The tables are constants of the compiled code: an array that is passed about is counted at every call, which took
# half of the time. ``scripts/make_turner2004.py`` writes them and says where they come from.
with np.load(Path(__file__).with_name("turner2004.npz"), allow_pickle=False) as _stored:
    _tables = {name: np.ascontiguousarray(_stored[name]) for name in _stored.files}


def _integers(name: str) -> Any:
    return _tables[name].astype(np.int32)


STACK = _integers("stack")
MISMATCH_HAIRPIN = _integers("mismatch_hairpin")
MISMATCH_INTERNAL = _integers("mismatch_internal")
MISMATCH_INTERNAL_1N = _integers("mismatch_internal_1n")
MISMATCH_INTERNAL_23 = _integers("mismatch_internal_23")
MISMATCH_MULTI = _integers("mismatch_multi")
MISMATCH_EXTERIOR = _integers("mismatch_exterior")
DANGLE5 = _integers("dangle5")
DANGLE3 = _integers("dangle3")
INT11 = _integers("int11")
INT21 = _integers("int21")
INT22 = _tables["int22"]
HAIRPIN = _integers("hairpin")
BULGE = _integers("bulge")
INTERNAL = _integers("internal")
CLOSING, BRANCH, ASYMMETRY, MOST_ASYMMETRY, END = (int(x) for x in _tables["scalars"])
LXC = float(_tables["lxc"][0])
_order = np.argsort([_code(str(loop)) for loop in _tables["special_loops"]])
SPECIAL = np.array([_code(str(loop)) for loop in _tables["special_loops"]], dtype=np.int64)[_order]
SPECIAL_ENERGY = _integers("special_energies")[_order]


@njit(cache=True, nogil=True, inline="always")
def _long(table, size):  # type: ignore[no-untyped-def]
    """A loop's initiation; beyond 30 bases the logarithmic law of Jacobson and Stockmayer."""
    if size <= 30:
        return table[size]
    return table[30] + np.int32(LXC * math.log(size / 30.0))


@njit(cache=True, nogil=True)
def hairpin_energy(s, i, j):  # type: ignore[no-untyped-def]
    """Hairpin closed by i, j (0-based); a few loops of 3, 4 and 6 bases have measured energies of their own."""
    size = j - i - 1
    kind = PAIR[s[i], s[j]]
    if size < 3 or kind < 0:
        return np.int32(FORBIDDEN)
    if size == 3 or size == 4 or size == 6:
        code = np.int64(0)
        for k in range(i, j + 1):
            code = code * 5 + s[k]
        at = np.searchsorted(SPECIAL, code)
        if at < SPECIAL.size and SPECIAL[at] == code:
            return np.int32(SPECIAL_ENERGY[at])
    energy = _long(HAIRPIN, size)
    if size == 3:
        return np.int32(energy + (END if kind > 1 else 0))
    return np.int32(energy + MISMATCH_HAIRPIN[kind, s[i + 1], s[j - 1]])


@njit(cache=True, nogil=True)
def loop_energy(outer, inner, n1, n2, si, sj, sp, sq):  # type: ignore[no-untyped-def]
    """Stack, bulge or interior loop: kinds of the outer pair and, seen from inside, of the inner; unpaired bases on
    either side; the bases next to the outer pair (si, sj) and to the inner (sp before it, sq after)."""
    if n1 == 0 and n2 == 0:
        return np.int32(STACK[outer, inner])
    if n1 == 0 or n2 == 0:
        energy = _long(BULGE, n1 + n2)
        if n1 + n2 == 1:
            return np.int32(energy + STACK[outer, inner])
        return np.int32(energy + (END if outer > 1 else 0) + (END if inner > 1 else 0))
    if n1 == 1 and n2 == 1:
        return np.int32(INT11[outer, inner, si, sj])
    if n1 == 1 and n2 == 2:
        return np.int32(INT21[outer, inner, si, sq, sj])
    if n1 == 2 and n2 == 1:
        return np.int32(INT21[inner, outer, sq, si, sp])
    if n1 == 2 and n2 == 2:
        return np.int32(INT22[outer, inner, si, sp, sq, sj])
    energy = _long(INTERNAL, n1 + n2) + min(MOST_ASYMMETRY, ASYMMETRY * abs(n1 - n2))
    if n1 == 1 or n2 == 1:
        return np.int32(energy + MISMATCH_INTERNAL_1N[outer, si, sj] + MISMATCH_INTERNAL_1N[inner, sq, sp])
    if n1 + n2 == 5:
        return np.int32(energy + MISMATCH_INTERNAL_23[outer, si, sj] + MISMATCH_INTERNAL_23[inner, sq, sp])
    return np.int32(energy + MISMATCH_INTERNAL[outer, si, sj] + MISMATCH_INTERNAL[inner, sq, sp])


@njit(cache=True, nogil=True)
def interior_energy(s, i, j, p, q):  # type: ignore[no-untyped-def]
    """The loop closed by i, j outside and p, q inside (i < p < q < j)."""
    outer, inner = PAIR[s[i], s[j]], PAIR[s[q], s[p]]
    return loop_energy(outer, inner, p - i - 1, j - q - 1, s[i + 1], s[j - 1], s[p - 1], s[q + 1])


@njit(cache=True, nogil=True, inline="always")
def branch_energy(s, i, j):  # type: ignore[no-untyped-def]
    """A stem i, j inside a multiloop, with its dangling neighbours i-1 and j+1, which there are."""
    kind = PAIR[s[i], s[j]]
    return np.int32(BRANCH + MISMATCH_MULTI[kind, s[i - 1], s[j + 1]] + (END if kind > 1 else 0))


@njit(cache=True, nogil=True, inline="always")
def closing_energy(s, i, j):  # type: ignore[no-untyped-def]
    """The pair i, j that closes a multiloop, seen from inside it."""
    kind = PAIR[s[j], s[i]]
    return np.int32(CLOSING + BRANCH + MISMATCH_MULTI[kind, s[j - 1], s[i + 1]] + (END if kind > 1 else 0))


@njit(cache=True, nogil=True, inline="always")
def exterior_energy(s, i, j):  # type: ignore[no-untyped-def]
    """A stem i, j outside every loop; at the ends of the sequence a neighbour may lack."""
    kind = PAIR[s[i], s[j]]
    energy = END if kind > 1 else 0
    if i > 0 and j < s.size - 1:
        energy += MISMATCH_EXTERIOR[kind, s[i - 1], s[j + 1]]
    elif i > 0:
        energy += DANGLE5[kind, s[i - 1]]
    elif j < s.size - 1:
        energy += DANGLE3[kind, s[j + 1]]
    return np.int32(energy)


@njit(cache=True, nogil=True)
def structure_energy(s, partner):  # type: ignore[no-untyped-def]
    """Energy of a whole structure: ``partner[i]`` is the base paired with i, -1 for none. Pairs do not cross."""
    total = np.int64(0)
    k = 0
    while k < s.size:  # the exterior loop
        if partner[k] > k:
            total += exterior_energy(s, k, partner[k])
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
                stems += branch_energy(s, k, partner[k])
                k = partner[k]
            k += 1
        if branches == 0:
            total += hairpin_energy(s, i, j)
        elif branches == 1:
            total += interior_energy(s, i, j, first, partner[first])
        else:
            total += closing_energy(s, i, j) + stems
    return total
