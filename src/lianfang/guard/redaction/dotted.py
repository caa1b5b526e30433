"""Names with a dot (热合曼·吐尔逊, 让·皮埃尔): where they begin and end in a text without blanks.

A name reaches from its dot as far as the syllables that write down names of other languages explain the text
better than words do: the best reading of the stretch beside the dot in words and blocks of syllables, by dynamic
programming over the unigram costs of :mod:`lexicon`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from lianfang.guard.redaction import cues, lexicon
from lianfang.guard.redaction.address import place_stems
from lianfang.guard.redaction.words import alternation, load

Span = tuple[str, int, int]

_PARTS = load("minority") | load("families")
_MANY = frozenset(part for part in load("minority") if len(part) > 1)
_LONGEST_PART = max(map(len, _PARTS))
_BORROWED = load("borrowed")
_TOLD = cues.ROLES | load("labels")
_DOT = "·•‧・"
#: the longest part of a name that is looked for
REACH = 14
_CHAIN = re.compile(rf"[\u4e00-\u9fff]{{1,{REACH}}}(?:[{_DOT}][\u4e00-\u9fff]{{1,{REACH}}}){{1,8}}")
# what joins two names or says what they do, although names of other languages may hold it
_NEVER = frozenset("和与及跟同的在是了将被把从对向也都并已曾于等说称为这那其个")
_NUMERALS = re.compile("[一二三四五六七八九十〇零]+")
_THING = re.compile(
    "[县市区州镇乡村旗盟路街店奖杯堡]|餐厅|酒店|景区|说明|片|胶囊|大学|保险|公司|集团|运动|精神"
)
#: what a block of syllables costs beside its syllables
_BLOCK = -3.0
#: a character that no name of the table holds
_RARE = -10.2
#: one that writes down names of the Uyghur, Kazakh, Tibetan, Mongolian or Yi, however rare in the table
_USUAL = -6.5
#: each character of a part that many names are made of (阿布都, 买提)
_PART = -4.5
#: what stands between a name and a word for a person before it, or what is done by persons after it
_CUED = 1.5
#: mean of the syllables of a name, at least: "规范·管理·发展" has less
_LEAST = -8.5
#: what a word of one character costs beside its own: few stand next to a name
_LONE = -1.5


def _syllables(piece: str) -> float | None:
    """How well a piece is explained as a block of syllables; None where a character stands in no name."""
    best: list[float | None] = [_BLOCK]
    for end in range(1, len(piece) + 1):
        options = []
        c = piece[end - 1]
        last = best[end - 1]
        if last is not None and c not in _NEVER:
            chance = lexicon.syllable(c)
            options.append(
                last + max(_RARE if chance is None else chance, _USUAL if c in _BORROWED else _RARE)
            )
        for size in range(2, min(_LONGEST_PART, end) + 1):
            before = best[end - size]
            if before is not None and piece[end - size : end] in _PARTS:
                options.append(before + size * _PART)
        best.append(max(options, default=None))
    return best[-1]


def _readings(run: str) -> list[float]:
    """Cost of the best reading of ``run[:i]`` in words and blocks, for each ``i``."""
    known = lexicon.words().get
    best = [0.0] * (len(run) + 1)
    for end in range(1, len(run) + 1):
        options = [best[end - 1] + known(run[end - 1], lexicon.UNKNOWN) + _LONE]
        for start in range(end):
            # a part of a name is no word, although the dictionary has it (买买提)
            word = 1 < end - start <= lexicon.LONGEST_WORD and run[start:end] not in _PARTS
            chance = known(run[start:end]) if word else None
            block = _syllables(run[start:end])
            options += [best[start] + c for c in (chance, block) if c is not None]
        best[end] = max(options)
    return best


def _head(run: str) -> tuple[int, float]:
    """Where the name begins in what stands before its first dot, and what the whole reading costs."""
    before = _readings(run)
    cuts = [
        (before[i] + b + _CUED * any(run[max(0, i - n) : i] in _TOLD for n in (2, 3, 4)), i)
        for i in range(len(run))
        if (b := _syllables(run[i:])) is not None
    ]
    value, at = max(cuts, default=(before[-1], len(run)))
    return at, value


def _tail(run: str) -> tuple[int, float]:
    """Where the name ends in what follows its last dot, and what the whole reading costs."""
    # the rest is read from its own beginning: words run from left to right
    cuts = [
        (b + _readings(run[i:])[-1] + _CUED * (cues.speaks(run, i) or cues.word_after(run, i)), i)
        for i in range(1, len(run) + 1)
        if (b := _syllables(run[:i])) is not None
    ]
    value, at = max(cuts, default=(_readings(run)[-1], 0))
    return at, value


def _middle(run: str) -> tuple[int, int] | None:
    """Where one name ends and the next begins between two dots; None where all of it is one name's."""
    whole = _syllables(run)
    split = max(
        ((_tail(run[:cut])[1] + _head(run[cut:])[1], cut) for cut in range(1, len(run))), default=None
    )
    if split is None or (whole is not None and whole >= split[0]):
        return None
    cut = split[1]
    return _tail(run[:cut])[0], cut + _head(run[cut:])[0]


def _chains(text: str) -> Iterator[tuple[int, int, list[str]]]:
    """Start, end and parts of each name: what stands between dots may end one name and begin the next."""
    for found in _CHAIN.finditer(text):
        parts = re.split(f"[{_DOT}]", found.group())
        at = found.start()
        begin = at
        own = [parts[0]]
        for part in parts[1:-1]:
            at += len(own[-1]) + 1
            borders = _middle(part)
            if borders is None:
                own.append(part)
                continue
            yield begin, at + borders[0], [*own, part[: borders[0]]]
            begin = at + borders[1]
            own = [part[borders[1] :]]
            at = begin
        yield begin, found.end(), [*own, parts[-1]]


def dotted(text: str) -> Iterator[Span]:
    """Names with a dot in Chinese characters.

    Args:
        text: the normalised view in simplified characters.
    """
    for start, end, parts in _chains(text):
        head, tail = parts[0], parts[-1]
        if not head or not tail or any(_NUMERALS.fullmatch(part) for part in parts):
            continue
        first, last = _head(head)[0], _tail(tail)[0]
        foreign = first < len(head) and last > 0
        # a family's name before the dot may be anything (爱新觉罗·启航) where it stands alone
        if first == len(head) and len(head) <= 5 and _alone(text, start):
            first = 0
        if not last and len(tail) <= 3 and first < len(head):
            last = len(tail)
        low, high = start + first, end - len(tail) + last
        titled = text[max(0, low - 1) : low] == "《" and text[high : high + 1] == "》"
        place = any(
            tail[:n] in place_stems() and tail[n - 1] in "县市区州旗盟" for n in (3, 4, 5) if n <= len(tail)
        )
        if first == len(head) or not last or titled or place or _THING.match(text, high):
            continue
        name = re.sub(f"[{_DOT}]", "", text[low:high])
        likely = foreign and (_mean(name) > _LEAST or (last == 1 and lexicon.is_surname(tail[0])))
        if likely or any(part in _PARTS for part in parts):
            yield "PERSON", low, high


def _mean(name: str) -> float:
    value = _syllables(name)
    return -99.0 if value is None else (value - _BLOCK) / len(name)


def _alone(text: str, at: int) -> bool:
    return at == 0 or not "\u4e00" <= text[at - 1] <= "\u9fff"


_COMPOSED = re.compile(alternation(_MANY) + "{2,}")


def composed(text: str) -> Iterator[Span]:
    """Names without a dot that are made of two parts and more (才让卓玛, 斯琴图雅)."""
    for found in _COMPOSED.finditer(text):
        name = found.group()
        place = any(name.startswith(stem) for stem in (name[:2], name[:3]) if stem in place_stems())
        if len(name) >= 4 and not place and not _THING.match(text, found.end()):
            yield "PERSON", found.start(), found.end()
