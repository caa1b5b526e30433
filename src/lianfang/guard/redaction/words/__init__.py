"""Word lists of the rules: one file each, words separated by blanks, ``#`` begins a comment."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files


@lru_cache(maxsize=16)
def load(name: str) -> frozenset[str]:
    """The words of a list."""
    text = files(__name__).joinpath(f"{name}.txt").read_text(encoding="utf-8")
    return frozenset(word for line in text.splitlines() if not line.startswith("#") for word in line.split())
