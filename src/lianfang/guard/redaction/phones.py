"""Telephone numbers: of the mainland, Hong Kong, Macao, Taiwan and abroad, in the ways people write them."""

from __future__ import annotations

import re
from collections.abc import Iterator

Span = tuple[str, int, int]

_S = r"[ \-._·]{0,2}"
_MOBILE = re.compile(
    rf"(?:(?<=手机[12])|(?<=电话[12])|(?<![\dA-Za-z.])(?<!\d-))(?:(?:\+|00)?{_S}86{_S}|\((?:\+|"
    rf"00)?86\){_S})?(?:1[3-9]{_S}\d{_S}\d{_S}\d{_S}\d{_S}\d{_S}\d{_S}\d{_S}\d{_S}\d|"
    rf"1 [3-9](?: \d){{9}}(?! \d))(?![\dA-Za-z])"
)
_ABROAD = re.compile(
    r"(?:(?<![\dA-Za-z+])(?:\+|00)(?!86)[1-9]\d{0,2}|\((?:\+|00)(?!86)[1-9]\d{0,2}\))"
    r"(?:[ \-.]?(?:\(\d{1,4}\)|\d{1,4})){2,5}"
    r"(?: ?ext\.? ?\d{1,5})?(?![\dA-Za-z])"
)
# groups of three and four and four with a mark between that ends no number elsewhere, or with letters that a scan
# or a hiding hand puts for 0 and 1
_PARTED = re.compile(
    r"(?<![\dA-Za-z.,])1[3-9]\d\(\d{4}\)\d{4}(?!\d)|(?<![\dA-Za-z.])(?<!\d,)1[3-9]\d([,、/*~=|])\d{4}\1\d{4}(?!\d|[,、/*~=|]\d)"
)
_HK_MOBILE = re.compile(r"(?<=[\u4e00-\u9fff,。::(])(?<![号號碼码])[569]\d{3} \d{4}(?![\d-]| \d)")
_LOOKALIKE = re.compile(r"(?<![\dA-Za-z])[1lI][3-9][\doOlI]{9}(?![\dA-Za-z])")
# Taiwan by its form, Hong Kong and Macao by a word before it
_NEAR_MOBILE = re.compile(
    r"(?<![\d\-])09\d{2}[ \-]?\d{3}[ \-]?\d{3}(?![\d\-])|"
    r"(?:手机|手機|流動電話|手提|WhatsApp|mobile)(?:号码|號碼|号|號| no\.?)?\s*(?:是|为|為|is)?[::]?\s*"
    r"([4-9]\d{3}[ \-]?\d{4})(?![\d\-])|"
    r"(?:電話|tel\.?|phone|call|ring|致電|聯絡|联络)(?: (?:me|him|her|us) (?:on|at))?(?: no\.?| "
    r"number)?\s*(?:是|為|is)?[::]?\s*"
    r"([569]\d{3}[ \-]\d{4})(?![\d\-])|"
    r"(?:打|撥|拨|回撥|回拨|回电|回電|留下|留電|留电|改撥|pick(?:s|ed)? up|ring|dial)\s?([569]\d{3}[ \-]\d{4})"
    r"(?![\d\-针剂元人份例支个])|"
    # of Britain, of Africa and Australia as dialled there
    r"(?<![\d\-])(07\d{3} \d{3} ?\d{3})(?![\d\-])|"
    r"(?:phone|callback|call|ring|mobile,?|cell|tel\.?|number)(?: (?:him|her|me|us))?(?: (?:on|at|is))?[: ]\s?"
    r"(0[479]\d{2} \d{3} \d{3,4}|04\d{2} \d{2} \d{2} \d{2})(?![\d\-])",
    re.I,
)
_LANDLINE = re.compile(
    r"(?=[(+08])(?:"
    r"(?<![\d\-A-Za-z.])(?:(?:\+|00)?86[ \-])(?:10|2\d|[3-9]\d{2})[ \-][2-9]\d{2,3}[ \-]?\d{4}"
    r"(?: ?(?:ext\.?|转|轉|分机|分機|#) ?\d{1,5}|(?![\d\-]))|"
    r"(?<![\d\-A-Za-z.])0\d{2,3}-[2-9]\d{3} \d{3}-\d{1,5}(?!\d)|"
    r"(?<![\d\-A-Za-z.])0\d{2,3}-\d{3} \d{3} ?(?:分機|分机|#|转|轉) ?\d{1,5}|"
    r"(?<![\d\-A-Za-z.])\(0\d{2,3}\)[2-9]\d{3}\.\d{4}(?!\d)|"
    r"(?<![\d\-A-Za-z.])0[2-8]-[2-9]\d{3} \d{4}(?![\d\-])|"
    r"(?<![\d\-A-Za-z.])0[2-8]-[2-9]\d{5,7}(?![\d\-])|"
    r"(?<![\d\-A-Za-z.])\(0[2-8]\) ?[2-9]\d{3} \d{4}(?![\d\-])|"
    r"(?<![\d\-A-Za-z.])(?:\(0[2-8]\) ?|0[2-8]-)[2-9]\d{2,3}-\d{4}(?: ?# ?\d{1,5}|(?![\d\-]))|"
    r"(?<![\d\-A-Za-z.])\(0\d{2,3}\) ?[2-9]\d{3}-\d{3}(?![\d\-])|"
    r"(?<![\d\-A-Za-z.])(?:\(0\d{2,3}\) ?|0\d{2,3}[ \-]?)[2-9]\d{2,3}[ \-]?\d{4}(?:(?:-|"
    r"转|轉| ?ext\.? ?| ?# ?)\d{1,5})?(?![\d\-])|"
    r"(?<![\d\-A-Za-z.])(?<!\d )01\d{3} \d{6}(?!\d)|"
    r"(?<![\d\-A-Za-z.])(?<!\d )0[1-9] \d{3} \d{4}(?![\d\-])|"
    r"(?<![\d\-A-Za-z.])(?<!\d )0\d{2,3}[ \-](?:[2-9]\d{3} \d{3}|[2-9]\d{2} \d{4}|[2-9]\d \d{2} \d{2} \d{2})(?![\d\-])"
    r")"
)
_SPLIT = re.compile(r"前[三3]位\D{0,3}(1[3-9]\d\D{1,8}\d{4}\D{1,8}\d{4})(?!\d)")
# landlines of Hong Kong, Macao and Taiwan, and what costs the caller nothing
# and of countries whose mobiles begin otherwise: France, the Netherlands, Spain, Britain, Japan, Korea, Singapore
_FIXED = re.compile(
    r"\(?(?:\+|00)(?:852[ \-]?[23]|853[ \-]?28|886[ \-]?\(?[2-8]|33\)?[ \-]?(?:\(0\))?[1-5]|"
    r"31\)?[ \-]?(?:\(0\))?[1-57]|39\)?[ \-]?0|353\)?[ \-]?(?:\(0\))?[1-79]|60\)?[ \-]?[3-9]|"
    r"48\)?[ \-]?(?:1[2-8]|2[2-9]|3[2-4]|4[1-46-8]|5[2-4689]|6[1-38]|7[14-7]|8[1-79]|"
    r"9[145])[ \-]|"
    r"34\)?[ \-]?[89]|44\)?[ \-]?(?:\(0\))?[123]|81\)?[ \-]?[1-6]|82\)?[ \-]?[2-6]|"
    r"65\)?[ \-]?6|91\)?[ \-]?(?:11|22|33|44|80)[ \-])"
)
_FREE = re.compile(r"(?:\+|00)\d{1,3}[ \-]?\(?800[ \-]|(?:\+|00)800")
# lines that are there for everybody
_EVERYBODY = re.compile(
    r"(?:热线|熱線|专线|專線|总机|總機|客服|举报|舉報|投诉|咨询|諮詢|查询|查詢|hotline|helpline|enquir(?:y|ies))"
    r"(?:电话|電話|号码|號碼)?(?:[^,,。;\d\n]{0,6}|[::][^。;\n]{0,40})$",
    re.I,
)
_EXTENSION = re.compile(r"(?:(?:转|轉|ext\.?|#) ?|\d{7,8}-)\d{1,5}$")
_LOCAL = re.compile(
    r"(?:电话|電話|座机|座機|固话|办公室|辦公室|屋企|致电|致電|传真|傳真|总机|總機|直线|直線|直撥|回撥|回拨|回电|回電|tel\.?|phone|fax)\s*(?:至|号码|號碼|是|"
    r"为|為)?[::]?\s*([2-9]\d{2,3}[ \-]?\d{4}(?:(?:-|转|轉| ?ext\.? ?)\d{1,5})?)(?![\d\-])",
    re.I,
)


_COUNT = dict(
    zip(
        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"],
        "0123456789",
        strict=True,
    )
) | {"oh": "0", "nought": "0"}
_SAID = re.compile(
    r"\b(?:(?:double|triple)[ -])?(?:"
    + "|".join(_COUNT)
    + r")(?:,? (?:(?:double|triple)[ -])?(?:"
    + "|".join(_COUNT)
    + r")){6,16}\b",
    re.I,
)


# one, two, three, four: whoever counts says no number
_COUNTING = re.compile(
    r"(?:zero|one|two),? (?:one|two|three),? (?:two|three|four),? (?:three|four|five)\b", re.I
)


def _said(text: str) -> Iterator[Span]:
    """A number said in English words (one five eight, double zero four one, …), of eight digits and more."""
    for found in _SAID.finditer(text):
        size, times = 0, 1
        for word in re.findall("[a-z]+", found.group().lower()):
            times, size = (1, size + times) if word in _COUNT else (2 + (word == "triple"), size)
        if size >= 8 and not _COUNTING.match(found.group()):
            yield "MOBILE", found.start(), found.end()


def phones(text: str) -> Iterator[Span]:
    """Mobile and fixed numbers in a text whose spelled numbers are digits; lines for everybody are left alone."""
    for found in _MOBILE.finditer(text):
        yield "MOBILE", found.start(), found.end()
    yield from _said(text)
    if "+" in text or "00" in text:
        for found in _ABROAD.finditer(text):
            least = 11 if found.group().startswith("00") else 8
            if least <= sum(c.isdigit() for c in found.group()) <= 16 and not _FREE.match(found.group()):
                yield (
                    "LANDLINE" if _FIXED.match(found.group()) or "ext" in found.group() else "MOBILE",
                    found.start(),
                    found.end(),
                )
    # 家屬6651 2087: in a text of Hong Kong or Macao
    if re.search("[電話聯絡醫號樓屬個檢]", text):
        for found in _HK_MOBILE.finditer(text):
            yield "MOBILE", found.start(), found.end()
    for found in _SPLIT.finditer(text):
        yield "MOBILE", found.start(1), found.end(1)
    for found in _PARTED.finditer(text):
        yield "MOBILE", found.start(), found.end()
    for found in _LOOKALIKE.finditer(text):
        if 7 <= sum(c.isdigit() for c in found.group()) <= 10:
            yield "MOBILE", found.start(), found.end()
    for found in _NEAR_MOBILE.finditer(text):
        yield "MOBILE", found.start(found.lastindex or 0), found.end()
    for pattern, group in ((_LANDLINE, 0), (_LOCAL, 1)):
        for found in pattern.finditer(text):
            # whoever dials an extension asks for one person
            if _EXTENSION.search(found.group()) or not _EVERYBODY.search(
                text, max(0, found.start() - 48), found.start(group)
            ):
                # 電話63001845: a mobile of Hong Kong or Macao
                abroad = "話" in found.group() and re.fullmatch(r"[569]\d{3}[ \-]?\d{4}", found.group(group))
                yield "MOBILE" if group and abroad else "LANDLINE", found.start(group), found.end(group)
