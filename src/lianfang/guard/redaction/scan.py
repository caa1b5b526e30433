"""Finding and masking what points to a person in free text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from lianfang.foundation.errors import BadInput
from lianfang.guard.redaction import ner
from lianfang.guard.redaction.address import addresses
from lianfang.guard.redaction.names import persons
from lianfang.guard.redaction.normal import View
from lianfang.guard.redaction.numbers import structured

MAX_TEXT = 2_000_000

# which of two overlapping findings stays: the earlier in this list
_ORDER = (
    "RESIDENT_ID", "EMAIL", "FPR_ID", "HKID", "TW_ID", "HKMO_PERMIT", "TW_PERMIT", "PASSPORT", "STUDENT_NO",
    "MEDICAL_NO", "QQ", "WECHAT", "BANK_CARD", "DEVICE_ID", "IP_ADDR", "TRIP", "PLATE", "DOB", "MOBILE",
    "LANDLINE", "ADDRESS", "AGE", "PERSON",
)  # fmt: skip
KINDS = _ORDER
_RANK = {kind: i for i, kind in enumerate(_ORDER)}

MASKS = {
    "PERSON": "某人", "AGE": "〔年龄〕", "DOB": "〔出生日期〕", "ADDRESS": "〔住址〕", "TRIP": "〔座位〕",
}  # fmt: skip


_BORN_NEXT = re.compile(
    r",? ?(?<=[, (])(\d{1,2} (?:Jan|Feb|Mar|Apr|May|June?|July?|Aug|Sept?|Oct|Nov|"
    r"Dec)[a-z]{0,6} (?:19\d{2}|200\d|20[12]\d(?=, (?:fe)?male)))(?!\d)|"
    r" ?[,|( ] ?((?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])|"
    # with marks it is a day of the outbreak as often, but for a year of long before
    r"(?:19\d{2}|200\d)(?:(?:\.\d{1,2}){2}|(?:/\d{1,2}){2}|(?:-\d{1,2}){2}))(?!\d)"
)
_PASS_NEXT = re.compile(r", ([A-Z]{2}\d{7})(?=[,;)])")
_AGE_NEXT = re.compile(
    r"(?:, is |[,, ]{0,2})(\d{1,2}个月(?!前|后|内|以|来)|\d{1,3}Y\b|(?<=is )\d{2}(?=[,;]| and\b)|"
    r"(?<=,)[二三四五六七八九]?十[一二三四五六七八九]?(?=,)|(?<=,)[八九]\d(?=,)|\d{1,3} ?(?:y|yrs?|years|months|"
    r"mos?|weeks)\b(?! (?:ago|of|old|later|in|since|after|before)))|\s?(?:\(([1-9]\d)(?:\)|"
    r", ?[MF]\))|, ?([1-9]\d)(?=[,;]|\. |\.$)|\| ?[MF男女] ?\| ?([1-9]?\d)(?= ?\|))"
)


@dataclass(frozen=True, slots=True)
class Finding:
    """A span that points to a person: ``start`` and ``end`` are code points of the original text."""

    kind: str
    start: int
    end: int

    def __repr__(self) -> str:
        # never the text itself: a finding may reach a log
        return f"Finding({self.kind}, {self.start}, {self.end})"


def _settle(spans: Iterable[tuple[str, int, int]]) -> list[tuple[str, int, int]]:
    """Spans without overlap: the more certain kind first, then the longer."""
    ranked = sorted(set(spans), key=lambda s: (_RANK[s[0]], s[1] - s[2], s[1]))
    taken = bytearray(max((end for _, _, end in ranked), default=0))
    kept = []
    for span in ranked:
        _, start, end = span
        if not any(taken[start:end]):
            taken[start:end] = b"\1" * (end - start)
            kept.append(span)
    return kept


def _ages(text: str, spans: Iterable[tuple[str, int, int]]) -> Iterator[tuple[str, int, int]]:
    """What stands behind a name: an age, in figures or words, months and weeks; a date of birth; a passport."""
    for kind, _, end in spans:
        if kind != "PERSON":
            continue
        born = _BORN_NEXT.match(text, end)
        if born:
            yield "DOB", born.start(born.lastindex or 0), born.end(born.lastindex or 0)
        passport = _PASS_NEXT.match(text, end)
        if passport:
            yield "PASSPORT", passport.start(1), passport.end(1)
        found = _AGE_NEXT.match(text, end)
        if found:
            yield "AGE", found.start(found.lastindex or 0), found.end(found.lastindex or 0)


def find(
    text: str, *, names: bool = True, point: str = "block", tagger: bool = True, weighing: bool = True
) -> list[Finding]:
    """Find what points to a person, in Chinese (both scripts) and English.

    Kinds: PERSON, AGE, DOB, ADDRESS (finer than compound or village), TRIP (train, flight, coach with seat),
    RESIDENT_ID, MOBILE, LANDLINE, BANK_CARD, EMAIL, PLATE, PASSPORT, HKMO_PERMIT, TW_PERMIT, FPR_ID, HKID,
    TW_ID, DEVICE_ID, IP_ADDR, STUDENT_NO, MEDICAL_NO, QQ, WECHAT. Numbers with a check digit count only
    when it is right; full width, spaces, invisible characters and numbers spelled out in characters are
    seen through. Names are found by surname, cue and position, and with the ``[ner]`` extra by a tagger's
    reading of the sentence as well; :func:`capabilities` says what is not seen without it.

    Args:
        text: at most 2,000,000 characters.
        names: look for names of persons too.
        point: ``"block"`` (recall first: refuse a release) or ``"mask"`` (precision first: replace in place).
        tagger: let the tagger read it, where installed; a table's cell or a log line is no sentence to read.
        weighing: weigh names by their words; False: by surname, cue and position alone, for what is known to
            name a place, which is often made as a name is (金桂园).

    Returns:
        Findings without overlap, by position. Their ``repr`` hides the text.

    Raises:
        BadInput: not a string, too long, or an unknown operating point.
    """
    if not isinstance(text, str) or len(text) > MAX_TEXT:
        raise BadInput(f"text: a string of at most {MAX_TEXT} characters expected.")
    if point not in ("block", "mask"):
        raise BadInput("point: block or mask expected.")
    view = View(text)
    spans = list(structured(view.text, view.digits()))
    spans += addresses(view.simplified())
    if names:
        marks = [edge for _, start, end in spans for edge in (start, end)]
        spans += persons(view, marks, spans, point, tagger=tagger, weighing=weighing)
        spans += list(_ages(view.text, spans))
    found = [Finding(kind, view.at(start), view.end(end)) for kind, start, end in _settle(spans)]
    return sorted(found, key=lambda f: f.start)


def capabilities() -> dict[str, Any]:
    """What this installation's scan can and cannot see.

    Returns:
        ``{"tagger": bool, "unseen": [{"en", "zh"}, ...]}``: whether names are weighed with the ``[ner]``
        extra, and what stays unseen.
    """
    unseen = [
        {
            "en": "a Chinese given name alone, a nickname, initials, a description that points to one person",
            "zh": "单独的中文名、绰号、缩写，以及足以指向某人的描述",
        }
    ]
    if not ner.available():
        unseen.insert(
            0,
            {
                "en": "one name in twenty to one in five: words as names, other languages; lianfang[ner] sees more",
                "zh": "二十分之一至五分之一的姓名：以词为名者、外语姓名；安装 lianfang[ner] 后可多发现一些",
            },
        )
    return {"tagger": ner.available(), "unseen": unseen}


def replace(text: str, findings: Sequence[Finding]) -> str:
    """The text with each finding replaced by a mark that says its kind and nothing more."""
    parts = []
    at = 0
    for finding in sorted(findings, key=lambda f: f.start):
        parts += [text[at : finding.start], MASKS.get(finding.kind, "〔已隐去〕")]
        at = max(at, finding.end)
    return "".join([*parts, text[at:]])


def mask(text: str) -> str:
    """The text with everything replaced that points to a person (operating point ``mask``).

    Raises:
        BadInput: as :func:`find`.
    """
    return replace(text, find(text, point="mask"))
