"""Word lists of the rules: one file each, words separated by blanks, ``#`` begins a comment."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import cache
from importlib.resources import files


@cache
def load(name: str) -> frozenset[str]:
    """The words of a list."""
    text = files(__name__).joinpath(f"{name}.txt").read_text(encoding="utf-8")
    return frozenset(word for line in text.splitlines() if not line.startswith("#") for word in line.split())


_UNMARKED = str.maketrans(
    {"đ": "d", "ł": "l", "ı": "i", "ø": "o", "ß": "ss", "æ": "ae", "œ": "oe", "ð": "d", "þ": "th"}
)


def bare(word: str) -> str:
    """Small letters without marks (Trần: tran), as the lists have them."""
    parts = unicodedata.normalize("NFD", word.lower().translate(_UNMARKED))
    return "".join(c for c in parts if not unicodedata.combining(c))


def alternation(listed: Iterable[str]) -> str:
    """A pattern for any of many words, the longest first, sorted by their first character so that it is fast."""
    by_first: dict[str, list[str]] = {}
    for word in listed:
        by_first.setdefault(word[0], []).append(word[1:])
    groups = [
        f"{first}(?:" + "|".join(sorted(rests, key=lambda rest: (-len(rest), rest))) + ")"
        for first, rests in sorted(by_first.items())
    ]
    return f"(?:(?=[{''.join(sorted(by_first))}])(?:{'|'.join(groups)}))"
