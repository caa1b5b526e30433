"""The catalogue: English templates and their Chinese, kept as data, and the search for the one that fits.

``zh/*.toml`` holds ``"English" = "中文"``; a hole ``{0}`` stands for a value, and ``{0:said}`` in the Chinese
for words that are looked up in their turn. ``codes.toml`` holds codes in both languages. Read at the first
text that is wanted in Chinese, never before.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent
_HOLE = re.compile(r"\{(\d)(?::(said))?\}")


@dataclass(frozen=True)
class Template:
    """An English text around its holes, and the Chinese: texts and ``(hole, whether it holds words)``."""

    pieces: tuple[str, ...]
    weight: int
    chinese: tuple[str | tuple[int, bool], ...]

    def match(self, text: str) -> tuple[str, ...] | None:
        """What the holes hold in ``text``, or None. In time linear in the text: no pattern is tried twice."""
        first, *between, last = self.pieces
        if not text.startswith(first) or not text.endswith(last):
            return None
        end = len(text) - len(last)
        at = len(first)
        held = []
        for piece in between:
            found = text.find(piece, at, end)
            if found < 0:
                return None
            held.append(text[at:found])
            at = found + len(piece)
        if at > end:
            return None
        held.append(text[at:end])
        return tuple(held) if all(map(self._fits, range(len(held)), held)) else None

    def _fits(self, hole: int, held: str) -> bool:
        """Whether a hole may hold this: sentences stand only in a hole for words, first or last in the text;
        a value that ends the text holds no message of its own (``rule {0}`` is not ``rule x: what is wrong``).
        """
        last = hole == len(self.pieces) - 2 and not self.pieces[-1]
        words = (hole, True) in self.chinese
        if ". " in held or "。" in held:
            return words and (last or (hole == 0 and not self.pieces[0]))
        return words or not last or ": " not in held


def holes(text: str) -> list[tuple[int, bool]]:
    """The holes of a template: number, and whether it holds words."""
    return [(int(found[1]), found[2] is not None) for found in _HOLE.finditer(text)]


def files() -> dict[str, dict[str, str]]:
    """English to Chinese, by the file that holds them."""
    return {
        path.name: tomllib.loads(path.read_text(encoding="utf-8"))
        for path in sorted((HERE / "zh").glob("*.toml"))
    }


@cache
def entries() -> dict[str, str]:
    """English to Chinese, all files together."""
    return {english: chinese for part in files().values() for english, chinese in part.items()}


@cache
def codes() -> dict[str, tuple[str, str]]:
    """Code to (Chinese, English)."""
    read = tomllib.loads((HERE / "codes.toml").read_text(encoding="utf-8"))
    return {code: (zh, en) for code, (zh, en) in read.items()}


@cache
def templates() -> tuple[Template, ...]:
    """The entries with holes, in the order in which they are tried.

    Those that begin with fixed text come first (a message that quotes another begins in its own words), then
    those with the most fixed text.
    """
    made = [_template(english, chinese) for english, chinese in entries().items() if "{0}" in english]
    return tuple(sorted(made, key=lambda one: (not one.pieces[0], -one.weight)))


def _template(english: str, chinese: str) -> Template:
    pieces = tuple(_HOLE.split(english)[::3])
    parts: list[str | tuple[int, bool]] = []
    at = 0
    for found in _HOLE.finditer(chinese):
        parts += [chinese[at : found.start()], (int(found[1]), found[2] is not None)]
        at = found.end()
    return Template(pieces, sum(map(len, pieces)), (*parts, chinese[at:]))
