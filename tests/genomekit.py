"""Genomes for tests: planted changes on the shipped reference, and a plain reading of the rules as oracle."""

from __future__ import annotations

import random

from lianfang.treat.genome import dataset

COMPLEMENT = str.maketrans("ACGTRYSWKMBDHVN", "TGCAYRSWMKVHDBN")


def reference() -> str:
    return dataset.load().reference


def reverse(text: str) -> str:
    return text.translate(COMPLEMENT)[::-1]


def with_changes(text: str, *changes: str) -> str:
    """``C241T``, ``21765-21770`` deleted, ``22204:GAG`` inserted, ``N:100-200``, ``R:500``; from 1, of the text."""
    letters = list(text)
    for one in changes:
        head, _, tail = one.partition(":")
        if head.isdigit() and tail:
            letters[int(head) - 1] += tail
        elif tail:
            low, _, high = tail.partition("-")
            for at in range(int(low), int(high or low) + 1):
                letters[at - 1] = head
        elif one[0].isdigit():
            low, _, high = one.partition("-")
            for at in range(int(low), int(high or low) + 1):
                letters[at - 1] = ""
        else:
            assert letters[int(one[1:-1]) - 1] == one[0], one
            letters[int(one[1:-1]) - 1] = one[-1]
    return "".join(letters)


def random_substitutions(text: str, count: int, seed: int, low: int = 200, high: int = 29_700) -> list[str]:
    """Substitutions at least 40 bases apart."""
    chosen = random.Random(seed)
    sites = sorted(chosen.sample(range(low, high, 40), count))
    return [f"{text[at - 1]}{at}{chosen.choice([b for b in 'ACGT' if b != text[at - 1]])}" for at in sites]


def plain_score(query: str, text: str, opening: list[int], free: tuple[bool, bool]) -> int:
    """The best score of an alignment by a plain recurrence over the whole square: match 3, N 2, else -1, gaps once.

    ``free``: whether a deletion (and, as the window is at both ends of the reference, an insertion) at the left and
    at the right end costs nothing.
    """
    n, m, never = len(query), len(text), -(10**9)
    best = [[never] * (n + 1) for _ in range(m + 1)]
    down = [[never] * (n + 1) for _ in range(m + 1)]
    right = [[never] * (n + 1) for _ in range(m + 1)]
    for i in range(m + 1):
        for j in range(n + 1):
            if i == 0 and j == 0:
                best[0][0] = 0
                continue
            if i == 0 or j == 0:
                best[i][j] = 0 if free[0] else -opening[0]
                continue
            pair = 2 if "N" in (query[j - 1], text[i - 1]) else 3 if query[j - 1] == text[i - 1] else -1
            down[i][j] = max(down[i - 1][j], best[i - 1][j] - (0 if j == n and free[1] else opening[i - 1]))
            right[i][j] = max(right[i][j - 1], best[i][j - 1] - (0 if i == m and free[1] else opening[i]))
            best[i][j] = max(best[i - 1][j - 1] + pair, down[i][j], right[i][j])
    return best[m][n]
