"""Plain references for the folding engine: every structure of a short sequence, and the cubic recurrences."""

from __future__ import annotations

import math
from functools import cache
from itertools import product

KT = 1.98717 * 310.15 / 1000  # kcal/mol


def structures(sequence: str):
    """Every structure without crossing pairs, as lists of pairs; for some 20 bases."""
    can = {"CG", "GC", "GU", "UG", "AU", "UA"}

    @cache
    def between(i: int, j: int) -> tuple[tuple[tuple[int, int], ...], ...]:
        if j - i < 4:
            return ((),)
        found = list(between(i + 1, j))
        for k in range(i + 4, j + 1):
            if sequence[i] + sequence[k] in can:
                pairs = product(between(i + 1, k - 1), between(k + 1, j))
                found += [((i, k), *inside, *after) for inside, after in pairs]
        return tuple(found)

    return between(0, len(sequence) - 1)


def brackets(length: int, pairs) -> str:
    signs = ["."] * length
    for i, j in pairs:
        signs[i], signs[j] = "(", ")"
    return "".join(signs)


def least_energy(s) -> int:
    """The least energy over all structures by the cubic recurrences, as a book writes them; interior loops to 30."""
    from lianfang.treat.folding import _energy as E

    n, far = len(s), 10**9

    @cache
    def paired(i: int, j: int) -> int:
        if E.PAIR[s[i], s[j]] < 0 or j - i < 4:
            return far
        best = int(E.hairpin_energy(s, i, j))
        for p in range(i + 1, min(i + 32, j - 4)):
            for q in range(max(p + 4, j - 31 + (p - i - 1)), j):
                if paired(p, q) < far:
                    best = min(best, paired(p, q) + int(E.interior_energy(s, i, j, p, q)))
        for k in range(i + 2, j):
            inside = some(i + 1, k - 1) + some(k, j - 1)
            if inside < far:
                best = min(best, inside + int(E.closing_energy(s, i, j)))
        return best

    @cache
    def some(i: int, j: int) -> int:
        if j - i < 4:
            return far
        best = min(some(i + 1, j), some(i, j - 1))
        if paired(i, j) < far:
            best = min(best, paired(i, j) + int(E.branch_energy(s, i, j)))
        for k in range(i + 5, j - 3):
            best = min(best, some(i, k - 1) + some(k, j))
        return min(best, far)

    def outside() -> int:
        best = [0] * (n + 1)
        for q in range(n):
            best[q + 1] = best[q]
            for i in range(q - 3):
                if paired(i, q) < far:
                    best[q + 1] = min(best[q + 1], best[i] + paired(i, q) + int(E.exterior_energy(s, i, q)))
        return best[n]

    return outside()


def ensemble(sequence: str, energy) -> tuple[float, dict[tuple[int, int], float]]:
    """(partition function, probability of each pair) by adding up every structure; ``energy(brackets)`` in kcal/mol."""
    total, mass = 0.0, dict[tuple[int, int], float]()
    for pairs in structures(sequence):
        weight = math.exp(-energy(brackets(len(sequence), pairs)) / KT)
        total += weight
        for pair in pairs:
            mass[pair] = mass.get(pair, 0.0) + weight
    return total, {pair: weight / total for pair, weight in mass.items()}
