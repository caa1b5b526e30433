"""How well common words, or a name, explain a stretch of Chinese: unigram costs by dynamic programming.

A name is seen where the sentence falls apart without it: "何秋棠" is three single characters to a dictionary,
"方可" a word. The best segmentation into common words is found forward and backward (Viterbi over word
unigrams, as in Zhang et al., "Chinese named entity recognition using role model", 2003), so that the cost of any
span between the best readings of both sides is one subtraction. A name's probability is that of its surname and
of each given character in its place. Counts are those of ``words/lexicon.txt`` and ``words/name_characters.txt``.
"""

from __future__ import annotations

import math
from functools import lru_cache
from importlib.resources import files

from lianfang.guard.redaction.words import load

LONGEST_WORD = 4
_TOTAL = math.log(6e7)
#: a character that the dictionary lacks
UNKNOWN = -1.0 - _TOTAL
_UNSEEN = -11.0
#: surnames by number of bearers (census of 2020); the first hundred bear 85 % of names
FREQUENT = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩邓冯曹彭曾肖田董潘袁蔡蒋余于杜叶程魏苏吕丁任卢姚沈钟姜崔谭陆"
    "范汪廖石金韦贾夏付方邹熊白孟秦邱侯江尹薛闫段雷龙黎史陶贺毛郝顾龚邵万覃武钱戴严莫孔向常"
)


def _lines(name: str) -> list[list[str]]:
    text = files("lianfang.guard.redaction.words").joinpath(f"{name}.txt").read_text(encoding="utf-8")
    return [line.split(" ") for line in text.splitlines() if line and not line.startswith("#")]


@lru_cache(maxsize=1)
def words() -> dict[str, float]:
    """Logarithm of each common word's probability."""
    found: dict[str, float] = {}
    for step, kind, *items in _lines("lexicon"):
        chance = int(step) / 2 - _TOTAL
        for item in items:
            if kind == "1":
                found.update(dict.fromkeys(item, chance))
            elif kind == "2":
                found.update((item[0] + second, chance) for second in item[1:])
            else:
                found[item] = chance
    ordinary = 10.6 / 2 - _TOTAL
    for word in load("common"):
        if word not in found and 2 <= len(word) <= LONGEST_WORD:
            found[word] = ordinary
    return found


@lru_cache(maxsize=1)
def _characters() -> dict[str, dict[str, float]]:
    counts: dict[str, dict[str, float]] = {"surname": {}, "first": {}, "last": {}, "foreign": {}}
    for name, step, items in _lines("name_characters"):
        counts[name].update(dict.fromkeys(items, math.exp(int(step) / 2)))
    tables = {}
    for name, table in counts.items():
        total = math.log(sum(table.values()))
        tables[name] = {c: math.log(n) - total for c, n in table.items()}
    # given names of today beside the dictionary's, whose persons are of all times
    today: dict[str, float] = {}
    for weight, line in zip((0.4, 0.27, 0.2, 0.13), _lines("given"), strict=True):
        today.update((c, weight / len(line)) for c in line if c not in today)
    for name in ("first", "last"):
        table = tables[name]
        for c in table.keys() | today.keys():
            told = math.exp(table[c]) if c in table else 0.0
            table[c] = math.log(0.5 * told + 0.5 * today.get(c, 0.0))
    ranks = {c: 1 / (i + 8) for i, c in enumerate(FREQUENT)}
    share = 0.85 / sum(ranks.values())
    surnames = tables["surname"]
    for c in load("surnames") | load("surnames_rare"):
        told = math.exp(surnames[c]) if c in surnames else 1e-5
        surnames[c] = math.log(0.5 * told + 0.5 * ranks.get(c, 0.0) * share + 1e-6)
    return tables


def is_surname(c: str) -> bool:
    """Whether a character is a surname, however rare."""
    return c in _characters()["surname"]


def name_chance(surname: str, given: str) -> float:
    """Logarithm of the probability of a name among names.

    Args:
        surname: one or two characters; one that is no surname counts as hardly possible.
        given: one character or more.
    """
    tables = _characters()
    first, last = tables["first"], tables["last"]
    chance = -6.0 if len(surname) == 2 else tables["surname"].get(surname, -14.0)
    if len(given) == 1:
        both = max(first.get(given, _UNSEEN), last.get(given, _UNSEEN))
        return chance + both - 1.6
    chance += first.get(given[0], _UNSEEN) - 0.25
    for c in given[1:]:
        chance += last.get(c, _UNSEEN)
    return chance


def foreign_chance(name: str) -> float:
    """Mean logarithm of the probability of its characters in names of other languages, per character."""
    table = _characters()["foreign"]
    return sum(table.get(c, -10.5) for c in name) / len(name)


def syllable(c: str) -> float | None:
    """Logarithm of the probability of a character in names of other languages; None where it stands in none."""
    return _characters()["foreign"].get(c)


def is_foreign(piece: str) -> bool:
    """Whether three characters may begin a name of another language as it is written in Chinese."""
    table = _characters()["foreign"]
    return len(piece) == 3 and all(c in table for c in piece) and sum(table[c] for c in piece) > -16.5


def costs(run: str) -> tuple[list[float], list[float]]:
    """Best readings of a run of Chinese characters in common words.

    Returns:
        ``before`` and ``after``, each of length ``len(run) + 1``: log-probability of the best reading of
        ``run[:i]`` and of ``run[i:]``.
    """
    known = words().get
    size = len(run)
    before = [0.0] * (size + 1)
    after = [0.0] * (size + 1)
    ending: list[list[tuple[int, float]]] = []
    for end in range(1, size + 1):
        here = [(end - 1, known(run[end - 1], UNKNOWN))]
        best = before[end - 1] + here[0][1]
        for start in range(max(0, end - LONGEST_WORD), end - 1):
            chance = known(run[start:end])
            if chance is not None:
                here.append((start, chance))
                if before[start] + chance > best:
                    best = before[start] + chance
        before[end] = best
        ending.append(here)
    after[:size] = [-math.inf] * size
    for end in range(size, 0, -1):
        rest = after[end]
        for start, chance in ending[end - 1]:
            if rest + chance > after[start]:
                after[start] = rest + chance
    return before, after
