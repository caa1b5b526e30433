"""Numbers that a bad scan, a hand or a trick has bent: letters for digits, marks between them, one digit a line.

What has a check digit is believed when it is right (a resident ID, a card, a Hong Kong identity number); what has
none, only behind a word that says what it is, or where it was spelled out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from lianfang.guard.redaction.checks import hkid, luhn, resident_id

Span = tuple[str, int, int]

_LOOKS = str.maketrans({"O": "0", "o": "0", "l": "1", "I": "1", "Z": "2", "S": "5"})
_MARK = r"[ ·•./_—-]{0,2}"
_LONG = re.compile(
    rf"(?<![A-Za-z\d./_·-])[\dOolISZ](?:{_MARK}[\dOolISZ]){{14,18}}(?:{_MARK}[Xx])?(?![A-Za-z\d])"
)
_HKID = re.compile(r"(?<![A-Za-z\d])[A-Z]{1,2}[ -]?\d{3} ?\d{3}[ -]?(?:\([\dA]\)|(?<=-)[\dA](?![A-Za-z\d-]))")
# a letter or two and seven or eight digits, the same mark between all of them, or pairs
_APART = re.compile(
    r"(?<![A-Za-z\d])(?:[A-Z](?: [A-Z])?(?: \d){7,8}|[A-Z](?:-[A-Z])?(?:-\d){7,8}|[CHMW](?: "
    r"\d{2}){4})(?![A-Za-z\d]|[ -]\d)"
)
_DOCUMENT = re.compile("护照|護照|证|證|passport|permit|ppt|全号|booklet", re.I)
_MOBILE = re.compile(r"(?<![\dA-Za-z])[1lI][3-9][\doOlI](?:[ -][\doOlIZ]{4}){2}(?![\dA-Za-z])")
_LINES = re.compile(r"(?<!\d)(?<!\d\n)1[3-9]\d\n\d{4}\n\d{4}(?!\d|\n\d)")
_CALL = re.compile("号码|電話|电话|手机|手機|mobile|phone|call", re.I)
_PAIRS = re.compile(r"(?<![\d-])09 \d{2} \d{2} \d{2} \d{2}(?! ?\d)")
# said in three groups
_SAID = (
    ("MOBILE", re.compile(r"(?<!\d)09\d{2}[,、]\d{3}[,、]\d{3}(?!\d)")),
    ("LANDLINE", re.compile(r"(?<!\d)0\d{2,3}[,、]\d{3,4}[,、]\d{4}(?!\d)")),
)
_IP = re.compile(r"(?<![\d.])\d{1,3}(?:(?:\[\.\]|。)\d{1,3}){3}(?![\d.])")


def disguised(text: str, digits: str) -> Iterator[Span]:
    """Findings in the normalised view and in the one whose spelled numbers are digits.

    Args:
        text: the normalised view.
        digits: the view with numbers that are spelled out as digits.
    """
    for found in _LONG.finditer(text):
        marks = set(re.sub(r"\w", "", found.group().replace("_", "·")))
        plain = re.sub(r"[^\dA-Za-z]", "", found.group()).translate(_LOOKS).upper()
        letters = len(plain) - sum(c.isdigit() for c in found.group()) - plain.endswith("X")
        # a row of decimals, of dates or of words is no number: one mark throughout, or letters in the place of digits
        if not (marks in ({"·"}, {"/"}, {"—"}) or (0 < letters < 11 and "." not in marks)):
            continue
        if len(plain) == 18 and resident_id(plain):
            yield "RESIDENT_ID", found.start(), found.end()
        elif 16 <= len(plain) <= 19 and plain.isdigit() and plain[0] in "3456" and luhn(plain):
            yield "BANK_CARD", found.start(), found.end()
    for found in _HKID.finditer(text):
        if hkid(re.sub("[ -]", "", found.group())):
            yield "HKID", found.start(), found.end()
    for found in _APART.finditer(text):
        if _DOCUMENT.search(text, max(0, found.start() - 24), found.start()):
            yield "HKMO_PERMIT" if found.group()[0] in "HMCW" else "PASSPORT", found.start(), found.end()
    for found in _MOBILE.finditer(text):
        if sum(c.isdigit() for c in found.group()) >= 6:
            yield "MOBILE", found.start(), found.end()
    for pattern in (_LINES, _PAIRS):
        for found in pattern.finditer(text):
            if pattern is _PAIRS or _CALL.search(text, max(0, found.start() - 30), found.start()):
                yield "MOBILE", found.start(), found.end()
    for kind, pattern in _SAID:
        for found in pattern.finditer(digits):
            # in figures such groups are a table's as often
            if found.group() != text[found.start() : found.end()]:
                yield kind, found.start(), found.end()
    for found in _IP.finditer(text):
        numbers = [int(n) for n in re.findall(r"\d+", found.group())]
        if max(numbers) <= 255 and min(numbers[:1]) > 0 and sum(n > 9 for n in numbers) > 1:
            yield "IP_ADDR", found.start(), found.end()
