"""Write what the redaction scan knows of words and of characters in names, from the dictionary of jieba.

jieba (https://pypi.org/project/jieba, version 0.42.1, MIT) counts 349,046 words of Chinese with their parts of
speech; its entries for persons show which characters given names are made of. Only counts are taken: of words,
and of single characters in names; no name of a person is written.

Run: ``python scripts/make_redaction_words.py path/to/jieba/dict.txt`` (after ``pip download jieba``).
"""

from __future__ import annotations

import argparse
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

WORDS = Path(__file__).resolve().parents[1] / "src" / "lianfang" / "guard" / "redaction" / "words"
PERSONS = ("nr", "nrfg", "nrt")
#: least count of a word of so many characters
LEAST = {1: 1, 2: 20, 3: 20, 4: 60}
# counted by jieba as persons, or not at all, and ordinary words nevertheless
ALSO = Path(__file__).with_name("redaction_words_also.txt")


def level(count: float) -> int:
    """Counts in steps of half a natural logarithm."""
    return max(0, round(2 * math.log(count)))


def han(word: str) -> bool:
    return all("\u4e00" <= c <= "\u9fff" for c in word)


def read(path: Path) -> list[tuple[str, int, str]]:
    rows = [line.split() for line in path.read_text(encoding="utf-8").splitlines()]
    return [(row[0], int(row[1]), row[2] if len(row) > 2 else "") for row in rows if han(row[0])]


def grouped(counts: Mapping[str, float]) -> list[str]:
    """Lines of ``level`` and words: pairs share their first character, as ``一定般些``; longer words stand alone."""
    lines = []
    levels: dict[int, list[str]] = defaultdict(list)
    for word, count in counts.items():
        levels[level(count)].append(word)
    for step in sorted(levels, reverse=True):
        pairs: dict[str, str] = defaultdict(str)
        for word in sorted(word for word in levels[step] if len(word) == 2):
            pairs[word[0]] += word[1]
        single = "".join(sorted(word for word in levels[step] if len(word) == 1))
        longer = sorted(word for word in levels[step] if len(word) > 2)
        for kind, items in (
            ("1", [single] if single else []),
            ("2", [a + b for a, b in pairs.items()]),
            ("3", longer),
        ):
            lines += packed(f"{step} {kind}", items)
    return lines


def packed(head: str, items: Iterable[str]) -> list[str]:
    """Items in lines of about two thousand characters."""
    lines, line = [], head
    for item in items:
        if len(line) + len(item) > 2000:
            lines.append(line)
            line = head
        line += " " + item
    return [*lines, line] if line != head else lines


def write(name: str, note: str, lines: list[str]) -> None:
    text = "\n".join(
        [f"# {note}", "# From the dictionary of jieba (MIT), by scripts/make_redaction_words.py.", *lines]
    )
    (WORDS / f"{name}.txt").write_text(text + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("dictionary", type=Path)
    rows = read(parser.parse_args().dictionary)
    words = {
        w: n for w, n, tag in rows if n >= LEAST.get(len(w), 10**9) and (tag not in PERSONS or len(w) == 1)
    }
    for line in ALSO.read_text(encoding="utf-8").splitlines():
        count, *also = line.split() if not line.startswith("#") else ("0",)
        for word in also:
            words[word] = max(words.get(word, 0), int(count))
    write("lexicon", "Common words by half logarithms of their counts. 常用词", grouped(words))

    surnames = {w for name in ("surnames", "surnames_rare") for w in _list(name)}
    heads: Counter[str] = Counter()
    given: list[Counter[str]] = [Counter(), Counter()]
    for word, _, tag in rows:
        if tag == "nr" and len(word) == 3 and word[0] in surnames:
            heads[word[0]] += 1
            given[0][word[1]] += 1
            given[1][word[2]] += 1
    lines = []
    for name, counts in (("surname", heads), ("first", given[0]), ("last", given[1])):
        levels: dict[int, str] = defaultdict(str)
        for c, n in sorted(counts.items()):
            levels[level(n)] += c
        for step in sorted(levels, reverse=True):
            lines.append(f"{name} {step} {levels[step]}")
    foreign = Counter(c for word, _, tag in rows if tag == "nrt" and len(word) >= 3 for c in word)
    levels = defaultdict(str)
    for c, n in sorted(foreign.items()):
        levels[level(n)] += c
    lines += [f"foreign {step} {levels[step]}" for step in sorted(levels, reverse=True)]
    write("name_characters", "How often characters stand in names, by half logarithms. 人名用字", lines)


def _list(name: str) -> list[str]:
    text = (WORDS / f"{name}.txt").read_text(encoding="utf-8")
    return [word for line in text.splitlines() if not line.startswith("#") for word in line.split()]


if __name__ == "__main__":
    main()
