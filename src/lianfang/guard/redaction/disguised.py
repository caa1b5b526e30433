"""Numbers that a bad scan, a hand or a trick has bent: letters for digits, marks between them, one digit a line.

What has a check digit is believed when it is right (a resident ID, a card, a Hong Kong identity number); what has none,
when its form is one that nothing else has (a letter and eight digits with the same mark between all of them).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

Span = tuple[str, int, int]

_LOOKS = str.maketrans({"O": "0", "o": "0", "l": "1", "I": "1", "Z": "2", "S": "5"})
_MARK = r"[ ·•./_—-]{0,2}"
_LONG = re.compile(
    rf"(?<![A-Za-z\d./_·-])[\dOolISZ](?:{_MARK}[\dOolISZ]){{14,18}}(?:{_MARK}[Xx])?(?![A-Za-z\d])"
)
_HKID = re.compile(r"(?<![A-Za-z\d])[A-Z]{1,2}[ -]?\d{3} ?\d{3}[ -]?(?:\([\dA]\)|(?<=-)[\dA](?![A-Za-z\d-]))")
# a letter or two and seven or eight digits, the same mark between all of them
_APART = re.compile(r"(?<![A-Za-z\d])[A-Z](?:([ -])[A-Z])?(?:(?(1)\1|[ -])\d){7,8}(?![A-Za-z\d]|[ -]\d)")
_PAIRS = re.compile(r"(?<![A-Za-z\d])[CHMW](?: \d{2}){4}(?![A-Za-z\d]|[ -]\d)")
_MOBILE = re.compile(
    r"(?<![\dA-Za-z])[1lI][3-9][\doOlI](?:[ -][\doOlIZ]{4}){2}(?![\dA-Za-z])|"
    r"(?<!\d)1[3-9]\d\n\d{4}\n\d{4}(?!\d)|(?<!\d)09\d{2}[,、]\d{3}[,、]\d{3}(?!\d)|"
    r"(?<!\d)0[ -]?9(?:[ -]?\d){8}(?!\d)"
)
_LANDLINE = re.compile(r"(?<!\d)0\d{2,3}[,、]\d{3,4}[,、]\d{4}(?!\d)")
_IP = re.compile(r"(?<![\d.])\d{1,3}(?:(?:\[\.\]|。)\d{1,3}){3}(?![\d.])")


def disguised(
    text: str,
    digits: str,
    resident_id: Callable[[str], bool],
    luhn: Callable[[str], bool],
    hkid: Callable[[str], bool],
) -> Iterator[Span]:
    """Findings in the normalised view and in the one whose spelled numbers are digits.

    Args:
        text: the normalised view.
        digits: the view with numbers that are spelled out as digits.
        resident_id, luhn, hkid: the checks of :mod:`numbers`.
    """
    for found in _LONG.finditer(text):
        plain = re.sub(r"[^\dA-Za-z]", "", found.group()).translate(_LOOKS).upper()
        bent = sum(c.isdigit() for c in found.group()) < len(plain) or not re.fullmatch(
            r"[\d -]+[Xx]?", found.group()
        )
        if not bent or sum(c.isdigit() for c in found.group()) < 8:
            continue
        if len(plain) == 18 and resident_id(plain):
            yield "RESIDENT_ID", found.start(), found.end()
        elif 16 <= len(plain) <= 19 and plain.isdigit() and plain[0] in "3456" and luhn(plain):
            yield "BANK_CARD", found.start(), found.end()
    for found in _HKID.finditer(text):
        if hkid(re.sub("[ -]", "", found.group())):
            yield "HKID", found.start(), found.end()
    for pattern in (_APART, _PAIRS):
        for found in pattern.finditer(text):
            kind = "HKMO_PERMIT" if found.group()[0] in "HMCW" else "PASSPORT"
            yield kind, found.start(), found.end()
    for kind, pattern in (("MOBILE", _MOBILE), ("LANDLINE", _LANDLINE)):
        for found in pattern.finditer(digits):
            if sum(c.isdigit() for c in found.group()) >= 6:
                yield kind, found.start(), found.end()
    for found in _IP.finditer(text):
        numbers = [int(n) for n in re.findall(r"\d+", found.group())]
        if max(numbers) <= 255 and min(numbers[:1]) > 0 and sum(n > 9 for n in numbers) > 1:
            yield "IP_ADDR", found.start(), found.end()
