"""Reading the annotated texts of ``tests/redaction_corpus`` and scoring a finder on them."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

FOLDER = Path(__file__).with_name("redaction_corpus")
_MARK = re.compile(r"〔([A-Z_]+):([^〕]+)〕")

Span = tuple[str, int, int]


@dataclass(frozen=True)
class Text:
    """An annotated text: where it came from, its spans (kind, start, end), whether it is held out."""

    group: str
    text: str
    spans: frozenset[Span]
    held_out: bool


def parse(marked: str) -> tuple[str, frozenset[Span]]:
    """The plain text of a marked one and its spans."""
    text, spans, at = "", set(), 0
    for found in _MARK.finditer(marked):
        text += marked[at : found.start()]
        spans.add((found.group(1), len(text), len(text) + len(found.group(2))))
        text += found.group(2)
        at = found.end()
    return text + marked[at:], frozenset(spans)


def corpus() -> list[Text]:
    """The texts with a development part. A line is held out when the first byte of its SHA-256 is below 102."""
    return [
        Text(group, *parse(line), hashlib.sha256(raw.encode()).digest()[0] < 102)
        for group, raw, line in _lines(FOLDER)
    ]


def fresh() -> list[Text]:
    """Texts that were written for measuring alone, before the rules of their day were: all held out."""
    return [Text(group, *parse(line), True) for group, _, line in _lines(FOLDER / "fresh")]


def outside() -> list[Text]:
    """Texts by writers who knew the labels and neither the rules nor the other texts; nobody has read them.

    ``c`` is hard on purpose; the others (``g``, ``m``, ``w``, ``z``) were asked for what an ordinary week brings.
    """
    return [Text(group, *parse(line), True) for group, _, line in _lines(FOLDER / "outside")]


def study() -> list[Text]:
    """Texts that were written to learn from: all of them development texts."""
    return [Text(group, *parse(line), False) for group, _, line in _lines(FOLDER / "study")]


def _lines(folder: Path) -> Iterator[tuple[str, str, str]]:
    """Each line's file, the line as written, and with its line ends and tabs."""
    for path in sorted(folder.glob("*.txt")):
        for raw in path.read_text(encoding="utf-8").splitlines():
            yield path.stem, raw, raw.replace("\\n", "\n").replace("\\t", "\t")


@dataclass
class Score:
    """Counts by kind, and what leaked or was blocked without need."""

    right: Counter[str] = field(default_factory=Counter)
    wanted: Counter[str] = field(default_factory=Counter)
    given: Counter[str] = field(default_factory=Counter)
    touched: Counter[str] = field(default_factory=Counter)
    apt: Counter[str] = field(default_factory=Counter)
    leaked: Counter[str] = field(default_factory=Counter)
    clean: int = 0
    blocked: int = 0

    def exact(self, kinds: Iterable[str]) -> tuple[float, float, float]:
        """Precision, recall, F1 of exact spans with the right kind."""
        return self._rates(kinds, self.right, self.right)

    def overlap(self, kinds: Iterable[str]) -> tuple[float, float, float]:
        """The same where one shared character with a span of the same kind is enough."""
        return self._rates(kinds, self.apt, self.touched)

    def _rates(
        self, kinds: Iterable[str], good: Counter[str], met: Counter[str]
    ) -> tuple[float, float, float]:
        kinds = list(kinds)
        given, wanted = sum(self.given[k] for k in kinds), sum(self.wanted[k] for k in kinds)
        p = sum(good[k] for k in kinds) / given if given else 1.0
        r = sum(met[k] for k in kinds) / wanted if wanted else 1.0
        return p, r, 2 * p * r / (p + r) if p + r else 0.0

    @property
    def leak_rate(self) -> float:
        """Share of the marked spans with any character outside every finding."""
        return sum(self.leaked.values()) / max(1, sum(self.wanted.values()))

    @property
    def false_block_rate(self) -> float:
        """Share of the texts without a mark in which something was found."""
        return self.blocked / max(1, self.clean)


def score(texts: Iterable[Text], finder: Callable[[str], Iterable[Span]]) -> Score:
    """Score a finder, text by text."""
    total = Score()
    for item in texts:
        found = set(finder(item.text))
        covered = {i for _, start, end in found for i in range(start, end)}
        if not item.spans:
            total.clean += 1
            total.blocked += bool(found)
        for kind, start, end in item.spans:
            total.wanted[kind] += 1
            total.right[kind] += (kind, start, end) in found
            total.touched[kind] += any(k == kind and s < end and start < e for k, s, e in found)
            total.leaked[kind] += not covered.issuperset(range(start, end))
        for kind, start, end in found:
            total.given[kind] += 1
            total.apt[kind] += any(k == kind and s < end and start < e for k, s, e in item.spans)
    return total
