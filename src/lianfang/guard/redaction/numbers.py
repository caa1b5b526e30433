"""Identifiers that have a form: numbers with check digits, letters and digits, dates of birth, ages, seats.

Check digits: resident ID GB 11643 (ISO 7064 MOD 11-2), bank cards and IMEI by Luhn (ISO/IEC 7812), Hong
Kong and Taiwan identity numbers by their weighted sums.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date

Span = tuple[str, int, int]

_PROVINCES = frozenset(
    [
        "11",
        "12",
        "13",
        "14",
        "15",
        "21",
        "22",
        "23",
        "31",
        "32",
        "33",
        "34",
        "35",
        "36",
        "37",
        "41",
        "42",
        "43",
        "44",
        "45",
        "46",
        "50",
        "51",
        "52",
        "53",
        "54",
        "61",
        "62",
        "63",
        "64",
        "65",
        "71",
        "81",
        "82",
        "83",
    ]
)
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_TAIWAN = dict(zip("ABCDEFGHJKLMNPQRSTUVXYWZIO", range(10, 36), strict=True))


def _plain(text: str) -> str:
    return re.sub(r"[ \-./]", "", text)


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


_LONG = re.compile(r"(?<![\dA-Za-z])\d(?:[ \-]{0,2}\d){13,19}(?:[ \-]?[Xx])?(?![\dA-Za-z])")
_IMEI_CUE = re.compile(r"(?:IMEI|IMSI|MEID|ICCID|设备|設備|串号|串號|终端|device|handset)[^\d\n]{0,8}$", re.I)
_ID_CUE = re.compile(r"(?:身份|身分|证号|證號|证件|證件|旧证|ID|identity)[^\d\n]{0,10}$", re.I)


def _long(text: str) -> Iterator[Span]:
    """Fourteen to twenty digits: resident ID, card, IMEI, SIM."""
    for found in _LONG.finditer(text):
        start, end = found.span()
        number = _plain(found.group()).upper()
        before = text[max(0, start - 16) : start]
        if len(number) == 18 and resident_id(number):
            yield "RESIDENT_ID", start, end
        elif number.endswith("X"):
            continue
        elif len(number) == 15 and _IMEI_CUE.search(before):
            yield "DEVICE_ID", start, end
        elif len(number) == 15 and resident_id_15(number) and (_ID_CUE.search(before) or not luhn(number)):
            yield "RESIDENT_ID", start, end
        elif (len(number) == 15 and luhn(number) and number[:2] in ("35", "86", "99", "01")) or (
            len(number) in (19, 20) and number.startswith("8986")
        ):
            yield "DEVICE_ID", start, end
        elif 16 <= len(number) <= 19 and number[0] in "234569" and luhn(number):
            yield "BANK_CARD", start, end


_S = r"[ \-.]{0,2}"
_MOBILE = re.compile(
    rf"(?<![\dA-Za-z.])(?:(?:\+|00)?{_S}86{_S}|\((?:\+|"
    rf"00)?86\){_S})?1[3-9]\d{_S}\d{_S}\d{_S}\d{_S}\d{_S}\d{_S}\d{_S}\d{_S}\d(?![\dA-Za-z])"
)
_ABROAD = re.compile(
    r"(?<![\dA-Za-z+])(?:\+|00)(?!86)[1-9]\d{0,2}(?:[ \-.]?\(?\d{1,4}\)?){2,5}(?![\dA-Za-z])"
)
_LANDLINE = re.compile(
    r"(?<![\d\-A-Za-z.])(?:\(0\d{2,3}\) ?|0\d{2,3}[ \-]?)[2-9]\d{2,3}[ \-]?\d{4}(?:(?:-|"
    r"转|轉|ext\.? ?)\d{1,5})?(?![\d\-])"
)
_LOCAL = re.compile(
    r"(?:电话|電話|座机|致电|tel\.?|phone)\s*(?:号码|是|为)?[::]?\s*([2-9]\d{6,7})(?!\d)", re.I
)


def _phones(text: str) -> Iterator[Span]:
    for found in _MOBILE.finditer(text):
        yield "MOBILE", found.start(), found.end()
    if "+" in text or "00" in text:
        for found in _ABROAD.finditer(text):
            if 8 <= sum(c.isdigit() for c in found.group()) <= 16:
                yield "MOBILE", found.start(), found.end()
    for found in _LANDLINE.finditer(text):
        yield "LANDLINE", found.start(), found.end()
    for found in _LOCAL.finditer(text):
        yield "LANDLINE", found.start(1), found.end(1)


_PLATE = re.compile(
    r"[京津沪滬渝冀豫云雲辽遼黑湘皖鲁魯新苏蘇浙赣贛鄂桂甘晋晉蒙陕陝吉闽閩贵貴粤粵青藏川宁寧琼瓊使领]"
    r"[A-Z][ ·•・.\-]?(?=[A-Z\d]{0,5}\d)[A-HJ-NP-Z\d]{4,6}[挂学警港澳使领]?(?![A-Za-z\d])"
)
_EMAIL = re.compile(
    r"(?<![A-Za-z0-9_.+%-])[A-Za-z0-9_.+%-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,6}[A-Za-z]{2,24}(?![A-Za-z0-9])"
)
_IPV4 = re.compile(r"(?<![\d.])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![\d.]*\d)")
_IPV6 = re.compile(r"(?<![\w:])(?:[\da-fA-F]{1,4}:){2,7}(?::?[\da-fA-F]{1,4}){1,6}(?![\w:])")
_MAC = re.compile(r"(?<![\w:-])(?:[\da-fA-F]{2}[:-]){5}[\da-fA-F]{2}(?![\w:-])")
_HKID = re.compile(r"(?<![A-Za-z\d])[A-Z]{1,2}\d{6} ?(?:\([\dA]\)|[\dA](?![A-Za-z\d]))")
_TWID = re.compile(r"(?<![A-Za-z\d])[A-Z][1289]\d{8}(?![A-Za-z\d])")
_PASS = re.compile(r"(?<![A-Za-z\d])(?:E[A-HJ-NP-Z]?|G|D|S|P|DE|SE|PE|MA|K|KJ)\d{7,8}(?![A-Za-z\d])")
_PASS_CUE = re.compile(
    r"(?:护照|護照|passport)(?:号码|號碼|号|號| no\.?| number)?[::]?\s*([A-Z]{0,3}\d{6,9})(?![A-Za-z\d])",
    re.I,
)
_HOME = re.compile(r"(?<![A-Za-z\d])[HM]\d{8}(?:\d{2})?(?![A-Za-z\d])")
_PERMIT = re.compile(
    r"(?:通行证|通行證|往来|往來|港澳|permit)[^\d\n,,。;]{0,10}?((?:[CLTW]|C[A-Z])\d{7,8})(?![A-Za-z\d])",
    re.I,
)
_TAIBAO = re.compile(r"(?:台胞证|臺胞證|台胞證|臺胞证|台湾居民)[^\d\n]{0,8}(\d{8}(?:\d{2})?)(?!\d)")
_FPR = re.compile(r"(?<![A-Za-z\d])[A-Z]{3}\d{12}(?![A-Za-z\d])")


def _lettered(text: str) -> Iterator[Span]:
    """Forms of letters and digits."""
    simple: tuple[tuple[str, re.Pattern[str], Callable[[str], bool] | None], ...] = (
        ("FPR_ID", _FPR, None),
        ("HKID", _HKID, hkid),
        ("TW_ID", _TWID, taiwan_id),
        ("HKMO_PERMIT", _HOME, None),
        ("PASSPORT", _PASS, None),
        ("PLATE", _PLATE, None),
        ("EMAIL", _EMAIL, None),
        ("IP_ADDR", _IPV4, None),
        ("IP_ADDR", _IPV6, None),
        ("DEVICE_ID", _MAC, None),
    )
    for kind, pattern, check in simple:
        for found in pattern.finditer(text):
            if check is None or check(found.group()):
                yield kind, found.start(), found.end()
    for kind, pattern in (("HKMO_PERMIT", _PERMIT), ("TW_PERMIT", _TAIBAO), ("PASSPORT", _PASS_CUE)):
        for found in pattern.finditer(text):
            yield kind, found.start(1), found.end(1)


_CUED = (
    (
        "STUDENT_NO",
        re.compile(
            r"(?:学号|學號|学籍号|學籍號|student (?:no\.?|id|number))\s*[::]?\s*([A-Za-z\d\-]{5,24})", re.I
        ),
    ),
    (
        "MEDICAL_NO",
        re.compile(
            r"(?:住院号|住院號|门诊号|門診號|病案号|病案號|病历号|病歷號|就诊卡号|就诊卡|医保号|"
            r"医保卡号|社保卡号|登记号|MRN)"
            r"\s*[::]?\s*([A-Za-z\d\-]{5,24})",
            re.I,
        ),
    ),
    ("QQ", re.compile(r"(?<![A-Za-z])QQ(?:号码|号|號)?\s*[::]?\s*(\d{5,11})(?!\d)", re.I)),
    (
        "WECHAT",
        re.compile(
            r"(?:微信|wechat|weixin|vx|wx)(?:号|號| id)?\s*[::]?\s*([A-Za-z][A-Za-z\d_\-]{5,"
            r"19})(?![A-Za-z\d])",
            re.I,
        ),
    ),
)

_DATE = r"(?:(?:19|20)\d{2}[年\-/.] ?\d{1,2}[月\-/.] ?\d{1,2}日?|(?:19|20)\d{2}年\d{1,2}月)"
_DOB = (
    re.compile(rf"({_DATE})(?=\s*(?:出?生(?!效|产|活)))"),
    re.compile(
        rf"(?:出生(?:日期|年月|于|於)?|生日|生于|生於|born(?: on)?|date of birth|DOB)\s*(?:是|"
        rf"为|為)?[::]?\s*({_DATE})",
        re.I,
    ),
    re.compile(r"(?:born(?: on)?|date of birth|DOB)\s*:?\s*(\d{1,2} [A-Z][a-z]{2,8} (?:19|20)\d{2})"),
)
_AGE = (
    re.compile(
        r"(?<![\d.\-~至到—第满])(?:1[01]\d|\d{1,2}|[一二三四五六七八九十]{1,3})(?: ?(?:周岁|"
        r"周歲|岁|歲)|个月大|月龄)(?!以|及以|组|組|至|到|-|~|段|上下)"
    ),
    re.compile(r"(?<!平均)(?<!中位)(?:年龄|年齡)\s*[::]?\s*(\d{1,3})(?![\d.\-~至岁歲组段])"),
    re.compile(r"(?<![\d\-])\d{1,3}[- ](?:year|month)s?[- ]old\b", re.I),
    re.compile(r"\b(?:aged?|age:)\s*(\d{1,3})\b(?!\s*(?:-|to|and|or)\s*(?:\d|over|above|older))", re.I),
)


def _circumstances(text: str) -> Iterator[Span]:
    for kind, pattern in _CUED:
        for found in pattern.finditer(text):
            if any(c.isdigit() for c in found.group(1)) or kind == "WECHAT":
                yield kind, found.start(1), found.end(1)
    for pattern in _DOB:
        for found in pattern.finditer(text):
            yield "DOB", found.start(1), found.end(1)
    for pattern in _AGE:
        for found in pattern.finditer(text):
            group = 1 if pattern.groups else 0
            yield "AGE", found.start(group), found.end(group)


_TRAIN = r"(?:[GDCZTKYLS]\d{1,4}|\d{4})"
_SEAT = r"(?:\d{1,3}[A-K]?(?:号|號|座)?(?:座|[上中下]铺|[上中下]鋪)?)"
_TRIP = (
    re.compile(
        rf"(?<![A-Za-z\d]){_TRAIN}(?:次|列车|次列车)?(?:列车|列車)?[,, ]?\d{{1,2}}(?:号|"
        rf"號)?车(?:厢|廂)?[,, ]?(?:座位|座)?{_SEAT}?"
    ),
    re.compile(
        r"(?<![A-Za-z\d])(?:[A-Z]{2}|[A-Z]\d|\d[A-Z])\d{3,4}(?:次)?(?:航班|班机)?[,, ]{0,"
        r"2}(?:座位号?|座号?|座席)[:: ]?\d{1,2}[A-K](?:座)?(?![A-Za-z\d])"
    ),
    re.compile(r"(?<![A-Za-z\d])\d{1,2}[A-K] on (?:flight|train|coach) [A-Z\d]{2,7}\b"),
    re.compile(
        r"\b(?:flight|train|coach) [A-Z\d]{2,7},? (?:car(?:riage)? \d{1,2},? )?(?:in )?seat \d{1,3}[A-K]?\b",
        re.I,
    ),
    re.compile(r"(?<![A-Za-z\d])\d{1,2}(?:号)?车(?:厢)?\d{1,3}(?:[A-F](?:座|号)?|号(?:座|[上中下]铺)?|座)"),
    re.compile(r"(?:大巴|客车|班车|巴士)[^,,。;\d]{0,8}\d{1,2}(?:号)?座(?:位)?"),
)


def _trips(text: str) -> Iterator[Span]:
    for pattern in _TRIP:
        for found in pattern.finditer(text):
            yield "TRIP", found.start(), found.end()


def structured(text: str, digits: str) -> Iterator[Span]:
    """All findings that need no names; ``digits`` is the view in which spelled numbers are digits."""
    yield from _long(digits)
    yield from _phones(digits)
    yield from _lettered(text)
    yield from _circumstances(text)
    yield from _trips(text)
