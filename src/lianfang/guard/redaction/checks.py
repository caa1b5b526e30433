"""Check digits of numbers that point to a person.

Resident ID: GB 11643 (ISO 7064 MOD 11-2); bank cards and IMEI: Luhn (ISO/IEC 7812-1, annex B); Hong Kong and Taiwan
identity numbers: their weighted sums.
"""

from __future__ import annotations

import re
from datetime import date

_PROVINCES = frozenset(
    str(code)
    for first, last in ((11, 15), (21, 23), (31, 37), (41, 46), (50, 54), (61, 65), (71, 71), (81, 83))
    for code in range(first, last + 1)
)
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_TAIWAN = dict(zip("ABCDEFGHJKLMNPQRSTUVXYWZIO", range(10, 36), strict=True))


def luhn(digits: str) -> bool:
    """Luhn check (ISO/IEC 7812-1, annex B)."""
    total = 0
    for i, c in enumerate(reversed(digits)):
        n = ord(c) - 48
        if i % 2:
            n = n * 2 - 9 if n > 4 else n * 2
        total += n
    return total % 10 == 0


def _born(year: int, month: int, day: int) -> bool:
    try:
        return date(1870, 1, 1) <= date(year, month, day) <= date(2100, 1, 1)
    except ValueError:
        return False


def resident_id(number: str) -> bool:
    """18 characters with region, date and check digit of GB 11643."""
    if len(number) != 18 or not (number[:17].isascii() and number[:17].isdigit()):
        return False
    if number[:2] not in _PROVINCES and number[0] != "9":
        return False
    if not _born(int(number[6:10]), int(number[10:12]), int(number[12:14])):
        return False
    total = sum(int(c) * w for c, w in zip(number, _WEIGHTS, strict=False))
    return "10X98765432"[total % 11] == number[17].upper()


def resident_id_15(number: str) -> bool:
    """The old form: region, two-digit year, month, day, sequence; it has no check digit."""
    return number[:2] in _PROVINCES and _born(1900 + int(number[6:8]), int(number[8:10]), int(number[10:12]))


def hkid(text: str) -> bool:
    """Hong Kong identity number: weights 9..2, modulo 11."""
    plain = re.sub(r"[() ]", "", text).upper()
    head = plain[:-1].rjust(8)
    values = [36 if c == " " else ord(c) - 55 if c.isalpha() else int(c) for c in head]
    total = sum(v * w for v, w in zip(values, range(9, 1, -1), strict=True))
    last = 10 if plain[-1] == "A" else int(plain[-1]) if plain[-1].isdigit() else -1
    return (total + last) % 11 == 0


def taiwan_id(text: str) -> bool:
    """Taiwan identity or resident number: weighted sum modulo 10."""
    first = _TAIWAN[text[0].upper()]
    values = [first // 10, first % 10, *map(int, text[1:])]
    return sum(v * w for v, w in zip(values, (1, 9, 8, 7, 6, 5, 4, 3, 2, 1, 1), strict=True)) % 10 == 0
