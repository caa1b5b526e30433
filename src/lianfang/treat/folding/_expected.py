"""The table of maximum expected accuracy (Do et al. 2006). Positions count from 0."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def most_accurate(starts, first, probability, alone, gamma):  # type: ignore[no-untyped-def]
    """The partner of each base, -1 for none.

    ``first[starts[j]:starts[j + 1]]`` are the bases that j can pair with, i < j, with their ``probability``;
    ``alone`` [n].

    ``best[i, j]`` is the most that bases i .. j - 1 can give: j - 1 alone, or paired with some k >= i. Rows run
    upwards, as a pair (k, j) needs what lies before it, from i, and what it holds.
    """
    n = len(alone)
    best = np.zeros((n + 1, n + 1), np.float32)
    for i in range(n - 1, -1, -1):
        for j in range(i, n):
            most = best[i, j] + alone[j]
            for at in range(starts[j], starts[j + 1]):
                k = first[at]
                if k >= i:
                    with_pair = best[i, k] + best[k + 1, j] + 2 * gamma * probability[at]
                    if with_pair > most:
                        most = with_pair
            best[i, j + 1] = most
    partner = np.full(n, -1, np.int32)
    waiting = [(0, n)]
    while len(waiting) > 0:
        i, end = waiting.pop()
        while end > i:
            j = end - 1
            chosen, most = -1, best[i, j] + alone[j]
            for at in range(starts[j], starts[j + 1]):
                k = first[at]
                if k >= i:
                    with_pair = best[i, k] + best[k + 1, j] + 2 * gamma * probability[at]
                    if with_pair > most:
                        chosen, most = k, with_pair
            if chosen < 0:
                end = j
                continue
            partner[chosen], partner[j] = j, chosen
            waiting.append((chosen + 1, j))
            end = chosen
    return partner
