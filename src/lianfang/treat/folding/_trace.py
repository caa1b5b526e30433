"""The way back through the kept pieces of a fold: no trace is stored, what made an energy is found again."""

# mypy: disable-error-code="assignment, call-overload"
# (Numba tells signed from unsigned and 32 from 64 bits by itself; a loop variable may be both)
from __future__ import annotations

import numpy as np
from numba import njit

from lianfang.treat.folding._energy import (
    branch_energy,
    closing_energy,
    exterior_energy,
    hairpin_energy,
    interior_energy,
)
from lianfang.treat.folding._kernels import BONUS, FAR


@njit(cache=True, nogil=True)
def _energy_of(beams, kind, p, q):  # type: ignore[no-untyped-def]
    """The kept energy of the piece p..q, FAR when it was not kept."""
    starts, piece_p, piece_e = beams.starts, beams.p, beams.e
    for t in range(starts[kind, q], starts[kind, q + 1]):
        if piece_p[kind, t] == p:
            return piece_e[kind, t]
    return FAR


@njit(cache=True, nogil=True)
def trace(s, only, beams, best):  # type: ignore[no-untyped-def]
    """The way back: the partner of each base (-1: none), by finding again what made each energy; -2 first: lost."""
    starts, piece_p, piece_e = beams.starts, beams.p, beams.e
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
            if best[q + 1] == best[i] + piece_e[0, t] + exterior_energy(s, i, q):
                todo[top, 0], todo[top, 1], todo[top, 2] = 0, i, q
                top += 1
                q = i - 1
                break
    while top > 0:
        top -= 1
        kind, p, q = todo[top, 0], todo[top, 1], todo[top, 2]
        e = _energy_of(beams, kind, p, q)
        found = False
        if kind == 0:
            partner[p], partner[q] = q, p
            if only[p] == q:
                e += BONUS
            if hairpin_energy(s, p, q) == e:
                continue
            for l2 in range(min(31, q - p - 1)):
                j = q - 1 - l2
                for t in range(starts[0, j], starts[0, j + 1]):
                    i = np.int64(piece_p[0, t])
                    if p < i <= p + 31 - l2 and piece_e[0, t] + interior_energy(s, p, q, i, j) == e:
                        todo[top, 0], todo[top, 1], todo[top, 2] = 0, i, j
                        found = True
                        break
                if found:
                    break
            j = q - 1
            e -= closing_energy(s, p, q)
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
                rest = e - piece_e[0, t] - branch_energy(s, i, q)
                if _energy_of(beams, 2, p, i - 1) == rest:
                    todo[top, 0], todo[top, 1], todo[top, 2] = 0, i, q
                    top += 1
                    todo[top, 0], todo[top, 1], todo[top, 2] = 2, p, i - 1
                    found = True
                    break
        elif _energy_of(beams, 2, p, q - 1) == e:
            todo[top, 0], todo[top, 1], todo[top, 2] = 2, p, q - 1
            found = True
        elif _energy_of(beams, 1, p, q) == e:
            todo[top, 0], todo[top, 1], todo[top, 2] = 1, p, q
            found = True
        elif _energy_of(beams, 0, p, q) + branch_energy(s, p, q) == e:
            todo[top, 0], todo[top, 1], todo[top, 2] = 0, p, q
            found = True
        if not found:
            partner[0] = -2
            return partner
        top += 1
    return partner
