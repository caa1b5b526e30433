"""One view of a text for all detectors: full width and invisible characters undone, offsets kept."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from lianfang.guard.redaction.words import load

# invisible characters that are put between digits to hide a number
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufe00-\ufe0f\ufeff]"
)
_SPACED = re.compile(
    "(?<![\u3400-\u9fff\\d])[\u3400-\u9fff\\d](?: [\u3400-\u9fff\\d]){2,}(?![\u3400-\u9fff\\d])"
)
_RUN = re.compile(r"\s{5,}")
_SPACES = "\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\uff0d\ufe63"
_NUMERALS = {
    **dict.fromkeys("〇零○洞", "0"), **dict.fromkeys("一壹幺", "1"), **dict.fromkeys("二贰貳两兩", "2"),
    **dict.fromkeys("三叁參", "3"), **dict.fromkeys("四肆", "4"), **dict.fromkeys("五伍", "5"),
    **dict.fromkeys("六陆陸", "6"), **dict.fromkeys("七柒拐", "7"), **dict.fromkeys("八捌", "8"),
    **dict.fromkeys("九玖", "9"),
}  # fmt: skip
_SPELLED = re.compile(
    "(?:(?<!\\d)[1-9]\\d{0,9}[ \\-]?)?["
    + "".join(_NUMERALS)
    + "](?:[ \\-]?["
    + "".join(_NUMERALS)
    + "\\d]){6,24}[Xx]?"
)
# in three groups, as one says a mobile number
_N = "[" + "".join(_NUMERALS) + "]"
_GROUPED = re.compile(f"(?<!{_N}){_N}{{3,4}}[,、]{_N}{{3,4}}[,、]{_N}{{3,4}}(?!{_N})")


@lru_cache(maxsize=1)
def _table() -> dict[int, str]:
    table = {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
    table |= {ord(space): " " for space in _SPACES} | {ord(dash): "-" for dash in _DASHES}
    # circled, superscript and mathematical digits and letters that stand for one plain character
    for low, high in ((0x2460, 0x2469), (0x2070, 0x208A), (0x1D400, 0x1D800), (0x00B2, 0x00BA)):
        for code in range(low, high):
            plain = unicodedata.normalize("NFKC", chr(code))
            if len(plain) == 1 and plain.isascii() and plain.isalnum():
                table[code] = plain
    return table


@lru_cache(maxsize=1)
def _simple() -> dict[int, str]:
    return {ord(pair[0]): pair[1] for name in ("traditional_more", "traditional") for pair in load(name)}


def _spelled(found: re.Match[str]) -> str:
    """A run of numerals as digits; a numeral alone before plain digits (武二154…) is another word's."""
    run = found.group()
    if run[0] in _NUMERALS and not any(c in _NUMERALS for c in run[1:]):
        return run
    return "".join(_NUMERALS.get(c, c) for c in run)


class View:
    """``text`` is what detectors read; ``at(i)`` is where its i-th character stands in the original."""

    __slots__ = ("_offsets", "text")

    def __init__(self, original: str) -> None:
        self._offsets: list[int] | None = None
        plain = original.translate(_table())
        drop = {i for found in _INVISIBLE.finditer(plain) for i in range(*found.span())}
        # a long run of blanks says no more than a short one, and patterns that allow several would try every cut
        for found in _RUN.finditer(plain):
            drop.update(range(found.start() + 4, found.end()))
        for found in _SPACED.finditer(plain):
            # a scan's "张 三 丰"; columns of a table have words of several characters
            if sum(c > "\u2fff" for c in found.group()) >= 2:
                drop.update(i for i in range(*found.span()) if plain[i] == " ")
        if drop:
            kept = [i for i in range(len(plain)) if i not in drop]
            self._offsets = [*kept, len(plain)]
            plain = "".join(plain[i] for i in kept)
        self.text = plain

    def at(self, index: int) -> int:
        return index if self._offsets is None else self._offsets[index]

    def end(self, index: int) -> int:
        """Where a span that ends before ``index`` ends in the original."""
        return self.at(index - 1) + 1

    def digits(self) -> str:
        """The view with numbers that are spelled out as digits; the same length."""
        if not any(c in self.text for c in "零〇一二三四五六七八九壹贰貳幺"):
            return self.text
        return _GROUPED.sub(_spelled, _SPELLED.sub(_spelled, self.text))

    def simplified(self) -> str:
        """The view in simplified characters; the same length."""
        return self.text.translate(_simple())
