"""Text as people in the field write it: one form to compare, a map back to what they wrote, safe cells and logs."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Normalised", "log_safe", "normalise", "spreadsheet_frame", "spreadsheet_safe"]

# Digits as written on forms and cheques. 〇 and 零 both mean nought; 幺 and 两 are spoken one and two.
_DIGITS = {
    **dict(zip("〇一二三四五六七八九", "0123456789", strict=True)),
    **dict(zip("零壹贰叁肆伍陆柒捌玖", "0123456789", strict=True)),
    **dict(zip("貳參陸", "236", strict=True)),
    "幺": "1",
}
_INVISIBLE = frozenset(
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200c\u200d\u200e\u200f\u2060\u2061\u2062\u2063\u2064\ufeff"
)
_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_DASHES = frozenset("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d")
_DIGIT_RUN = re.compile(f"[{''.join(_DIGITS)}0-9]{{2,}}")
# What Excel, LibreOffice and WPS take as the start of a formula, also behind blanks and in full width.
_FORMULA = frozenset("=+-@＝＋－＠\t\r\n")
_NUMBER = re.compile(r"[+-]?[0-9]{1,15}(?:\.[0-9]{1,15})?(?:[eE][+-]?[0-9]{1,3})?\Z")


@dataclass(frozen=True, slots=True)
class Normalised:
    """``text`` is the normal form; ``offsets[i]`` the index in the source of what became ``text[i]``, and one more
    entry at the end, the source's length. So ``source[offsets[i]:offsets[j]]`` is what became ``text[i:j]``."""

    text: str
    offsets: tuple[int, ...]

    def source_span(self, start: int, end: int) -> tuple[int, int]:
        """Where in the source the characters ``start`` to ``end`` (exclusive) of the normal form came from."""
        if not 0 <= start <= end <= len(self.text):
            raise IndexError("span outside the text")
        if start == end:
            return self.offsets[start], self.offsets[start]
        last = self.offsets[end - 1]
        # Several normal characters may come from one (㎏ -> kg): then the end is after that one.
        position = end
        while position < len(self.offsets) - 1 and self.offsets[position] == last:
            position += 1
        return self.offsets[start], self.offsets[position]


def normalise(source: str, *, digits: bool = True, fold_case: bool = False) -> Normalised:
    """The normal form of ``source`` with a map back.

    Full width becomes half width (NFKC, character by character with the marks that follow it), every kind of blank
    one space, runs of blanks one blank, dashes ``-``; invisible and direction-changing characters go. ``digits``:
    runs of two or more digits of which some are Chinese become 0-9 (一五四零 -> 1540), a single 三 stays, since it is
    a word more often than a digit. ``fold_case``: lower case as well, for comparing. Applying it twice changes nothing.
    """
    characters: list[str] = []
    offsets: list[int] = []
    for start, cluster in _clusters(source):
        for character in _one(cluster, fold_case):
            if character == " " and (not characters or characters[-1] == " "):
                continue
            characters.append(character)
            offsets.append(start)
    if characters and characters[-1] == " ":
        characters.pop()
        offsets.pop()
    text = "".join(characters)
    if digits:
        text = _DIGIT_RUN.sub(lambda run: "".join(_DIGITS.get(c, c) for c in run[0]), text)
    return Normalised(text, (*offsets, len(source)))


def _clusters(source: str) -> list[tuple[int, str]]:
    """A character with the combining marks (and Hangul jamo) that NFKC may join to it, and where it begins."""
    clusters: list[tuple[int, str]] = []
    position = 0
    while position < len(source):
        end = position + 1
        while end < len(source) and end - position < 32 and _joins(source[end]):
            end += 1
        clusters.append((position, source[position:end]))
        position = end
    return clusters


def _joins(character: str) -> bool:
    code = ord(character)
    return (
        unicodedata.combining(character) != 0
        or 0x1160 <= code <= 0x11FF
        or character in _INVISIBLE
        or character in _BIDI
        or code in (0xFF9E, 0xFF9F)  # half-width voice marks
        or unicodedata.category(character) in ("Mn", "Mc")
        or _control(character)
    )


def _control(character: str) -> bool:
    return unicodedata.category(character) == "Cc" and not character.isspace()


def _one(cluster: str, fold_case: bool) -> str:
    kept = "".join(c for c in cluster if c not in _INVISIBLE and c not in _BIDI and not _control(c))
    form = unicodedata.normalize("NFKC", kept)
    if fold_case:
        form = unicodedata.normalize("NFKC", form.casefold())
    return "".join(_plain(c) for c in form)


def _plain(character: str) -> str:
    if character.isspace() or unicodedata.category(character) == "Zs":
        return " "
    if character in _DASHES:
        return "-"
    if character in _INVISIBLE or character in _BIDI or unicodedata.category(character) == "Cc":
        return ""
    return character


def spreadsheet_safe(value: object) -> object:
    """``value`` as a cell that no spreadsheet takes for a formula; numbers and what is not text stay as they are.

    A text that begins (also behind blanks) with ``= + - @``, a tabulator or a line break gets an apostrophe in
    front, as OWASP's note on CSV injection advises; a plain number such as ``-3.5`` stays. NUL and other control
    characters go, except tabulators and line breaks inside the text.
    """
    if not isinstance(value, str):
        return value
    text = "".join(c for c in value if c in "\t\n\r" or unicodedata.category(c) != "Cc")
    if not text or _NUMBER.match(text):
        return text
    start = text.lstrip(" \u00a0\u3000\ufeff\u200b")
    if text[0] in _FORMULA or (start and start[0] in _FORMULA):
        return "'" + text
    return text


def log_safe(text: str, *, limit: int = 500) -> str:
    """``text`` as one line of a log: no control, invisible or direction-changing character, at most ``limit`` long.

    Line breaks and tabulators become a space, so that no input can forge a second line; lone surrogates become ``?``.
    """
    characters = []
    for character in text[: limit * 4]:
        category = unicodedata.category(character)
        if character in "\n\r\t\v\f\x85\u2028\u2029":
            characters.append(" ")
        elif category == "Cs":
            characters.append("?")
        elif category not in ("Cc", "Cf"):
            characters.append(character)
    line = "".join(characters)
    return line if len(line) <= limit else line[: limit - 1] + "…"


def spreadsheet_frame(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with every text, those of its header too, as :func:`spreadsheet_safe` gives it."""
    import polars as pl

    texts = [
        name for name, kind in frame.schema.items() if kind == pl.String or kind in (pl.Categorical, pl.Enum)
    ]
    made = frame.with_columns(
        pl.Series(name, [spreadsheet_safe(value) for value in frame[name].to_list()], dtype=pl.String)
        for name in texts
    )
    return made.rename({name: str(spreadsheet_safe(name)) for name in made.columns})
