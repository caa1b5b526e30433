"""Identifiers that have a form: numbers with check digits, letters and digits.

Where a number has a check digit (:mod:`checks`) it counts only when that is right.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from ipaddress import ip_address

from lianfang.guard.redaction.ages import ages
from lianfang.guard.redaction.checks import hkid, luhn, resident_id, resident_id_15, taiwan_id
from lianfang.guard.redaction.cued import CUED
from lianfang.guard.redaction.disguised import disguised
from lianfang.guard.redaction.phones import phones
from lianfang.guard.redaction.tables import cells
from lianfang.guard.redaction.trips import trips

Span = tuple[str, int, int]


def _plain(text: str) -> str:
    return re.sub(r"[ \-./]", "", text)


_LONG = re.compile(r"(?<!\d)\d(?:[ \-]{0,2}\d){13,19}(?:[ \-]?[Xx])?(?![\dA-Za-z])")
_DATES = re.compile(r"(?:(?:19|20)\d{2}-\d{2}-\d{2}[ -]{0,2}){2}")
_GROUP = re.compile(r"\d+[Xx]?|[Xx]")
_GLUED = re.compile(r"(?:ID|No|IMEI|IMSI|MEID|ICCID|SN|card)$", re.I)
_IMEI_CUE = re.compile(r"(?:IMEI|设备|設備|串号|串號|终端|終端|device|handset)[^\d\n]{0,8}$", re.I)
_SIM_CUE = re.compile(r"(?:IMSI|MEID|ICCID|SIM)[^\d\n]{0,8}$", re.I)
_ID_CUE = re.compile(r"(?:身份|身分|证号|證號|证件|證件|旧证|ID|identity)[^\d\n]{0,10}$", re.I)


def _long_kind(number: str, before: str) -> str | None:
    """What a number of 14 to 20 digits is, judged by its check digit and the words before it."""
    if len(number) == 18 and resident_id(number):
        # the permanent residence card of a foreigner has the same form and begins with 9
        return "FPR_ID" if number[0] == "9" else "RESIDENT_ID"
    if number.endswith("X"):
        return None
    if _SIM_CUE.search(before) and len(number) in (14, 15, 19, 20):
        return "DEVICE_ID"
    if (
        len(number) == 15
        and number[:2] in ("34", "37")
        and luhn(number)
        and re.search("card|卡", before, re.I)
    ):
        return "BANK_CARD"
    if len(number) == 15:
        if _IMEI_CUE.search(before):
            return "DEVICE_ID" if luhn(number) else None
        if resident_id_15(number) and (_ID_CUE.search(before) or not luhn(number)):
            return "RESIDENT_ID"
        return "DEVICE_ID" if luhn(number) and number[:2] in ("35", "86", "99", "01") else None
    if len(number) in (19, 20) and number.startswith("8986"):
        return "DEVICE_ID"
    return "BANK_CARD" if 16 <= len(number) <= 19 and number[0] in "234569" and luhn(number) else None


def _long(text: str) -> Iterator[Span]:
    """Fourteen to twenty digits: resident ID, card, IMEI, SIM; other digits may stand beside them."""
    for found in _LONG.finditer(text):
        start, end = found.span()
        before = text[max(0, start - 16) : start]
        if before[-1:].isascii() and before[-1:].isalpha() and not _GLUED.search(before):
            continue
        kind = None if _DATES.match(found.group()) else _long_kind(_plain(found.group()).upper(), before)
        if kind:
            yield kind, start, end
            continue
        groups = [(start + g.start(), start + g.end()) for g in _GROUP.finditer(found.group())]
        for first, last in ((0, len(groups) - 1), (1, len(groups))) if len(groups) > 1 else ():
            low, high = groups[first][0], groups[last - 1][1]
            kind = _long_kind(_plain(text[low:high]).upper(), before if first == 0 else "")
            if kind:
                yield kind, low, high
                break


_GLUED_RUN = re.compile(
    r"(?<!\d)(?:\d{17}[\dXx]\d{17}[\dXx]|\d{17}[\dXx]1[3-9]\d{9}|1[3-9]\d{9}\d{17}[\dXx])(?!\d)"
)


# 卡号6222…551月17日: the month after the number may have one digit or two
_DATED = re.compile(r"(?<!\d)(?=(\d{16,19}?)(?:[1-9]|1[0-2])月\d{1,2}日)")


def _glued(text: str) -> Iterator[Span]:
    """A resident ID and a mobile number, or a card's number and a day, without anything between them."""
    for found in _DATED.finditer(text):
        for size in (1, 2):
            end = text.index("月", found.end(1)) - size
            if _long_kind(text[found.start() : end], "") == "BANK_CARD":
                yield "BANK_CARD", found.start(), end
                break
    for found in _GLUED_RUN.finditer(text):
        start = found.start()
        if found.end() - start == 36:
            for low in (start, start + 18):
                if resident_id(text[low : low + 18].upper()):
                    yield "RESIDENT_ID", low, low + 18
            continue
        for low, phone in ((start, start + 18), (start + 11, start)):
            if resident_id(text[low : low + 18].upper()):
                yield "RESIDENT_ID", low, low + 18
                yield "MOBILE", phone, phone + 11
                break


_PLATE = re.compile(
    r"[京津沪滬渝冀豫云雲辽遼黑湘皖鲁魯新苏蘇浙赣贛鄂桂甘晋晉蒙陕陝吉闽閩贵貴粤粵青藏川宁寧琼瓊使领]"
    r"(?: ?[A-Z][ ·•・.\-]?(?=[A-Z ]{0,5}\d)[A-HJ-NP-Z\d](?: ?[A-HJ-NP-Z\d]){4,5}[挂学警港澳使领]?|"
    r" ?[A-Z][ ·•・.\-]?(?=[A-Z\d]{0,5}\d)[A-HJ-NP-Z\d]{4,6}[挂学警港澳使领]?|[a-z][ ·•・.\-]?\d{5}|"
    r" ?[A-Z](?: [A-HJ-NP-Z\d]){5,6})(?![A-Za-z\d])|使 ?\d{3}[ ·•・.]?\d{3}(?![\d人名元例个万])|"
    r"(?<![A-Za-z\d])[12]\d{5}[使领](?![\d用取\u4e00-\u9fff])|"
    r"(?<![A-Za-z])WJ[ ·•・.\-]?[京津沪冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼渝]"
    r"[ ·•・.\-]?\d{4}[\dA-Z](?![A-Za-z\d])"
)
_EMAIL = re.compile(
    r"(?<![A-Za-z0-9_.+%'-])[A-Za-z0-9_.+%'-]{1,64}(?:@| ?[(\[【](?:at|艾特|小老鼠)[)\]】] ?)"
    r"(?:[A-Za-z0-9-]{1,63}\.){1,6}[A-Za-z]{2,24}(?![A-Za-z0-9])|"
    # written so that no machine reads it, and domains in Chinese
    r"(?<![A-Za-z0-9_.+%-])[A-Za-z0-9_.+%-]{2,64}(?: at | AT |艾特| ?[(\[]at[)\]] ?)"
    r"[A-Za-z0-9-]{2,63} ?[(\[]dot[)\]] ?[a-z]{2,3}(?![A-Za-z0-9])|"
    r"(?<![A-Za-z0-9_.+%-])[A-Za-z0-9_.+%-]{2,64}(?: at | AT |艾特| ?[(\[]at[)\]] ?)"
    r"[A-Za-z0-9-]{2,63}(?:(?: dot | DOT |点| ?[(\[]dot[)\]] ?)[A-Za-z0-9-]{2,24}){0,3}"
    r"(?: dot | DOT |点| ?[(\[]dot[)\]] ?)(?:com|net|org|cn|edu|gov|info|hk|tw|mo)(?![A-Za-z0-9])|"
    r"(?:(?<![A-Za-z0-9_.+%-])[A-Za-z0-9_.+%-]{1,64}|[\u4e00-\u9fff]{2,8})@"
    r"[\u4e00-\u9fff]{1,20}\.(?:中国|中國|公司|网络|網絡|网址|在线|cn|com)"
)
_IPV4 = re.compile(r"(?<![\d.])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![\d.]*\d)")
# four numbers that count versions or sections
_NO_IP = re.compile(
    r"(?:firmware|version|固件|版本)[^,;。\n]{0,28}$|(?:版本|版|升级[到至]|更新[到至]|第|章节|条款|version|release|section|firmware|build|(?<![A-Za-z])v)\s*[::]?\s*$",
    re.I,
)
_NO_IP_AFTER = re.compile(r"\s*(?:升级|更新|->|版|节|章|条|款|號|号(?!机|主机))")
_IPV6 = re.compile(
    r"(?<![A-Za-z\d.])(?<![\da-fA-F:]:)(?:[\da-fA-F]{1,4}:{1,2}){2,7}[\da-fA-F]{0,4}(?![A-Za-z\d:])"
)
_MAC = re.compile(
    r"(?:(?<=MAC)|(?<=mac)|(?<![A-Za-z\d-]))(?<!\b[\da-fA-F]{2}:)(?:(?:[\da-fA-F]{2}[:-]){5}[\da-fA-F]{2}|"
    r"[\da-fA-F]{4}\.[\da-fA-F]{4}\.[\da-fA-F]{4})(?![A-Za-z\d:-]|\.[\da-fA-F])"
)
_HKID = re.compile(r"(?<![A-Za-z\d])[A-Z]{1,2}\d{6} ?(?:\([\dA]\)|[\dA](?![A-Za-z\d]))")
_HK_CUE = re.compile(r"HKID|香港|身份|身分|identity", re.I)
_TWID = re.compile(r"(?<![A-Za-z\d])[A-Z][1289]\d{8}(?![A-Za-z\d])")
_PASS = re.compile(
    r"(?<![A-Za-z\d字])(?<!批号)(?<!样本)(?:E[A-HJ-NP-Z]?|G|D|S|P|DE|SE|PE|MA|K|KJ)\d{7,8}(?![A-Za-z\d])"
)
_HOME = re.compile(r"(?<![A-Za-z\d字])(?<!批号)[HM]\d{8}(?:\d{2})?(?![A-Za-z\d])")
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
            if check is not None and not check(found.group()):
                continue
            # without brackets the form is a passport's as well
            if (
                kind == "HKID"
                and "(" not in found.group()
                and not _HK_CUE.search(text, max(0, found.start() - 16), found.start())
            ):
                continue
            if kind == "IP_ADDR" and _counts(text, found):
                continue
            yield kind, found.start(), found.end()


def _counts(text: str, found: re.Match[str]) -> bool:
    """Whether four numbers count a version or a section, or it is no address of a device (0.0.0.0, a time)."""
    try:
        address = ip_address(found.group())
    except ValueError:
        return True
    return (
        found.group().startswith("0.")
        or address.is_loopback
        or address.is_unspecified
        or address.is_multicast
        or str(address).startswith("255.")
        or _NO_IP.search(text, max(0, found.start() - 40), found.start()) is not None
        or _NO_IP_AFTER.match(text, found.end()) is not None
    )


_HEADS = {
    **dict.fromkeys(("年龄", "年齡", "age"), "AGE"),
    **dict.fromkeys(("住院号", "病案号", "病历号", "门诊号", "就诊卡号", "mrn"), "MEDICAL_NO"),
    **dict.fromkeys(("学号", "考号", "准考证号", "學號"), "STUDENT_NO"),
    **dict.fromkeys(("出生日期", "出生年月", "生日", "dob", "date of birth"), "DOB"),
}
_CELLS = {
    "AGE": re.compile(r"\d{1,3}"),
    "MEDICAL_NO": re.compile(r"[A-Za-z\d-]{5,24}"),
    "STUDENT_NO": re.compile(r"[A-Za-z\d-]{5,24}"),
    "DOB": re.compile(r"(?:19|20)\d{2}(?:[./-]?\d{1,2}){1,2}"),
}


def _circumstances(text: str, digits: str) -> Iterator[Span]:
    yield from cells(text, _HEADS, _CELLS)
    for kind, pattern in CUED:
        for found in pattern.finditer(digits):
            if any(c.isdigit() for c in found.group(1)) or kind == "WECHAT":
                yield kind, found.start(1), found.end(1)
    yield from ages(text)


def structured(text: str, digits: str) -> Iterator[Span]:
    """All findings that need no names; ``digits`` is the view in which spelled numbers are digits.

    A resident ID with the right check digit goes before what the words in front of a number say, and that
    before what its form alone would suggest.
    """
    taken = bytearray(len(text))
    ranked = (
        [*(span for span in _long(digits) if span[0] in ("RESIDENT_ID", "FPR_ID")), *_glued(digits)],
        list(_circumstances(text, digits)),
        [*_long(digits), *phones(digits), *_lettered(text)],
        list(disguised(text, digits)),
    )
    for spans in ranked:
        for span in spans:
            if not any(taken[span[1] : span[2]]):
                yield span
        for _, start, end in spans:
            taken[start:end] = b"\1" * (end - start)
    yield from trips(text)
