"""Ages and dates of birth, in the ways people say and write them; means, bounds and groups are nobody's."""

from __future__ import annotations

import re
from collections.abc import Iterator

Span = tuple[str, int, int]

# HL7 v2, PID: the seventh field is the patient's date of birth
_PID_BORN = re.compile(r"^PID(?:\|[^|\n]*){6}\|((?:19|20)\d{6})(?=\||\d{4,6}\||$)", re.M)
_HAN_DATE = (
    r"[一二三四五六七八九〇零]{4}年(?:[一二三四五六七八九十]{1,3}|[正腊])月"
    r"(?:初?[一二三四五六七八九十]{1,3}日?)?"
)
_DATE = (
    rf"(?:{_HAN_DATE}|民[国國]\d{{1,3}}年\d{{1,2}}月(?:\d{{1,2}}日)?|(?:19|"
    rf"20)\d{{2}}[年\-/.] ?\d{{1,2}}[月\-/.] ?\d{{1,2}}日?|(?:19|20)\d{{2}}年\d{{1,2}}月)"
)
_DOB = (
    _PID_BORN,
    re.compile(rf"({_DATE})(?=\s*(?:出世|出?生(?!效|产|活)))"),
    re.compile(
        r"((?:(?:19|20)\d{2}|\d{2}|[一二三四五六七八九〇零]{2,4})年(?:[正腊]月|\d{1,2}月|"
        r"[一二三四五六七八九十]{1,2}月)(?:初?[一二三四五六七八九十]{1,3}|\d{1,2})?日?)"
        r"(?=\s*(?:生人|出世|出生(?!人口|率|缺陷)|生的))"
    ),
    re.compile(r"(?<!\d)(\d{2}年\d{1,2}月\d{1,2}日)(?=生(?![产效活育命意态存物日]))"),
    re.compile(r"生日(?:是|为|為|在)?\s*[::]?\s*(\d{1,2}月\d{1,2}日)"),
    re.compile(
        r"(?:\bDOB|\bd\.o\.b\.|\bborn(?: on)?|出生日期|生日)\s*[::]?\s*"
        r"(\d{1,2}[-. ][A-Z][a-z]{2}[-. ](?:19|20)\d{2}|\d{1,2}[.-]\d{1,2}[.-](?:19|20)\d{2})(?!\d)",
        re.I,
    ),
    re.compile(
        r"(民[国國][一二三四五六七八九十]{1,3}年[一二三四五六七八九十]{1,2}月[一二三四五六七八九十]{1,3}日)(?=\s*(?:出生|生))"
    ),
    re.compile(
        rf"(?:出生(?:日期|年月)|生日)[^。;\d\n]{{0,10}},?(?:应为|應為|改为|改為|更正为|更正為|实为|误植为|誤植為|误写为|写成)({_DATE}|\d{{2}}年\d{{1,2}}月\d{{1,2}}日)"
    ),
    re.compile(
        r"(?:birth ?da(?:te|y)|date of birth|出生日期|生日)[^\n\d]{0,60}(?<![\d./-])((?:19\d{2}|200\d)"
        r"(?:[-/.年])\d{1,2}(?:[-/.月])\d{1,2}日?)(?!\d)",
        re.I,
    ),
    re.compile(r"(?<!\d)((?:19|20)\d{2}[-./]\d{1,2})(?=(?:出生|生人|生的))"),
    re.compile(
        r"((?:(?:19|20)\d{2}|\d{2})年[正腊二三四五六七八九十]{1,2}月[初一二三四五六七八九十]{2,3})(?=\s*(?:生|出生))"
    ),
    re.compile(
        r"(?:birth ?date|date of birth)[^.\n\d]{0,40}\b(\d{1,2} (?:Jan|Feb|Mar|Apr|May|June?|"
        r"July?|Aug|Sept?|Oct|Nov|Dec)[a-z]{0,6} (?:19|20)\d{2})"
    ),
    re.compile(
        r"(?<=[男女][,;])((?:19\d{2}|20\d{2})(?:年\d{1,2}月\d{1,2}日|([-./])\d{1,2}\2\d{1,2}))(?=[,;。]|$)"
    ),
    re.compile(r"(?<!\d)(\d{2}/\d{1,2}/\d{1,2})(?=生(?![产效活]))"),
    re.compile(r"(?<![\w-])(\d{1,2}-(?:XI{0,2}|IX|IV|VI{0,3}|V|I{1,3})-(?:19\d{2}|200\d))(?!\d)"),
    # as airlines write it in a row: ,02MAR86,
    re.compile(r"(?<=[,/|; ])(\d{2}(?:JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC)[3-9]\d)(?=[,/|;]|$)"),
    # a day of long before between two marks of a row
    re.compile(r"(?<=[,;|\t ])(\d{1,2}([./-])\d{1,2}\2(?:19\d{2}))(?=[,;|\t ]|$)"),
    re.compile(r"(?<=[,;|\t])((?:19[0-8]\d)([-./])\d{1,2}\2\d{1,2})(?=[,;|\t]|$)"),
    re.compile(r"\bb\.\s?((?:19|20)\d{2}-\d{2}-\d{2}|\d{1,2} [A-Z][a-z]{2,8} (?:19|20)\d{2})(?!\d)"),
    re.compile(
        rf"(?:出生(?:日期|年月|于|於)?|生日|生于|生於|born(?: on)?|date of birth|DOB)\s*(?:是|"
        rf"为|為)?[::]?\s*({_DATE}|\d{{2}}年\d{{1,2}}月\d{{1,2}}日|(?:19|20)\d{{2}}[./\-]\d{{1,2}}(?![\d./\-])|\d{{1,2}}/\d{{1,2}}/(?:19|20)\d{{2}})",
        re.I,
    ),
    re.compile(
        r"(?:born(?: on| in)?|date of birth|DOB)\s*:?\s*((?:\d{1,2} )?[A-Z][a-z]{2,8}(?: \d{1,2},)? (?:19|20)\d{2})"
    ),
    re.compile(
        r"(?:出生(?:日期|年月)?|DOB)\s*[::]?\s*((?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01]))(?!\d)"
    ),
)
_YEARS = (
    r"(?:1[01]\d|\d{1,2}|\d \d|[廿卅][一二三四五六七八九]?|[一二三四五六七八九十两]{1,3}|"
    r"[壹贰叁肆伍陆柒捌玖拾]{1,3})"
)
_COUNTED = (
    r"(?:(?:twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)(?:[- ](?:one|two|three|"
    r"four|five|six|seven|eight|nine))?|"
    r"two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|(?:thir|four|fif|six|seven|eigh|nine)teen)"
)
_AGE = (
    re.compile(
        rf"(?<![\d.~至到—第≥≤<>])(?<!(?<!老)[大小])(?<![\d岁]-)(?:{_YEARS}[多余餘来]? ?(?:周岁|周歲|岁|歲)"
        rf"(?:半|零?{_YEARS}个?(?:月|個月))?|{_YEARS}个月大|{_YEARS}個月大|{_YEARS}月龄|{_YEARS}日龄)(?:上下|左右|出头)?(?!以|及以|或以|"
        rf"组|組|至|到|-(?=\d)|~|段|上下|者占)"
    ),
    re.compile(r"(?<=[子女儿兒娃童宝孙婴])\((\d{1,2}(?:个月|個月|岁半|天))\)"),
    re.compile(
        r"(?:最小的|小的|老[大二三]|宝宝|孩子|娃娃|女儿|儿子|婴儿|患儿)(?:才|刚|现|仅|只有|今年)?(\d{1,2}个[多半]?月)(?![前后内以来没未多余])"
    ),
    # said of oneself and one's own, without the word: 我妈59, 我36, 自述48, 今年93
    re.compile(
        r"(?:[我他她](?:爸|妈|爹|娘|老公|老婆|爱人|奶奶|爷爷|外婆|外公|姥姥|姥爷|儿子|女儿)?|老婆|老公|爱人|自述|年已|现年)(\d{2})(?=了?[,,。;、!]|了)|今年(\d{2})(?=[,。;!])"
    ),
    re.compile(r"(?:今年|年已|现年|自报)([二三四五六七八九]?十[一二三四五六七八九整]?)(?=[,,。;、!了])"),
    re.compile(r"(?<=[男女][,,;])\s?(\d{1,3}[yY]|\d{1,2}月\d{1,2}天|\d{1,2}个月)(?![A-Za-z\d])"),
    re.compile(r"(?:年龄|年齡)\s*[::]?\s*(\d{1,3}[Yy])(?![A-Za-z\d])"),
    re.compile(r"日龄(\d{1,3}(?:小时|小時|天))"),
    re.compile(r"月龄\s*[::]?\s*(\d{1,2}个月)"),
    re.compile(r"(?:年龄|年齡|年纪|虚岁|周岁)\s*[::]?\s*(\d{1,3})(?![\d.\-~至岁歲组段个])"),
    re.compile(r"(?<=[男女])\d{1,2}[Yy](?![A-Za-z\d])"),
    re.compile(r"(?<![上中下第])[二三四五六七八九]旬(?=老|患|男|女|的|夫|父|母|[,。、;)]|$)"),
    re.compile(r"[一二三四五六七八九]十有[一二三四五六七八九](?![一-鿿]?[个人名例])"),
    re.compile(r"(?:出生|生后)(?:才|仅|刚)?(\d{1,3}(?:天|小时)|[一二三四五六七八九十]{1,3}天)(?!内|以|后)"),
)
# English: what is looked for behind a word, by the word
_PLURAL = (
    "sons", "daughters", "children", "kids", "grandchildren", "grandsons", "boys", "girls", "twins",
    "siblings", "brothers", "sisters",
)  # fmt: skip
_KIN = (
    "female", "male", "woman", "man", "boy", "girl", "lady", "gentleman", "father", "mother", "dad", "mum",
    "mom", "gran", "granny", "grandmother", "grandfather", "wife", "husband", "son", "daughter", "widow",
    "widower",
)  # fmt: skip
_WHO = (
    "guide", "driver", "son", "daughter", "wife", "husband", "mother", "father", "child", "baby", "infant",
    "twin", "twins", "boy", "girl", "nurse", "teacher", "cook", "porter", "patient", "passenger", "student",
    "brother", "sister", "neighbour", "neighbor", "colleague", "friend", "guest", "tenant",
)  # fmt: skip
_RELATED = (
    "mother", "father", "son", "daughter", "grandmother", "grandfather", "grandson", "granddaughter",
    "stepson", "stepdaughter", "law", "wife", "husband", "sister", "brother", "aunt", "uncle", "cousin",
    "niece", "nephew", "baby", "twin",
)  # fmt: skip
_SOME = r"(?! (?:others|more|[a-z]+s)\b)"
_BEHIND: dict[str, list[re.Pattern[str]]] = {}
for _words, _pattern in (
    # (two sons,) 11 and 8 are two
    (_PLURAL, rf",? (?:aged )?(\d{{1,2}})(?=,? and \d{{1,2}}\b{_SOME})"),
    (_PLURAL, rf",? (?:aged )?\d{{1,2}},? and (\d{{1,2}})\b{_SOME}"),
    (_KIN, rf", (\d{{1,3}}|{_COUNTED})(?=[,;.)]| and\b)(?![.,]\d)"),
    (_WHO, r" \((\d{1,3}|\d{1,2} ?(?:mo|mos|months?|yrs?|years?)(?: \d{1,2} (?:months?|mos?))?)\)"),
    (_RELATED, r",? (\d{1,3})(?=[);])"),
    (
        ("turned", "turning", "turns"),
        rf" (\d{{1,3}}|one|{_COUNTED})(?=[,.;]| (?:last|this|on|in|yesterday|today|next|and)\b)(?! degrees)",
    ),
    (("he", "she"), r"(?:['’]s| is) (\d{1,3})(?=[,.;]| and\b)"),
    (("his", "her", "my", "their"), r" age (?:as|is|was) (\d{1,3}(?: years)?)\b"),
    (
        ("eldest", "oldest", "youngest"),
        r"(?: one)?(?: is)?,? (\d{1,3}(?: (?:yrs?|years|months|mo)\b)?)(?! (?:case|patient|of)\b)",
    ),
    (("woman", "man", "boy", "girl", "patient", "male", "female"), r" of (\d{1,3})\b(?! [a-z]+s\b)"),
    (
        ("age", "aged"),
        r"(?::| of)?\s*(\d{1,3})\b(?!\s*(?:-|–|to|and|or)\s*(?:\d|over|above|older|under))",
    ),
    (("m", "f"), r",? ?(\d{1,3})(?= ?y\b)"),
    (("m", "f"), r", ?(\d{1,3})(?=[,;.)])(?![.,]\d)"),
    (("m", "f"), r"/(\d{1,3})(?![\d/])"),
    (("m", "f", "male", "female"), r"(?<=\([MFmf]),? (\d{1,3})(?=[),;])"),
    (("male", "female"), r",? (\d{1,3})(?=[),;])"),
):
    for _word in _words:
        _BEHIND.setdefault(_word, []).append(re.compile(_pattern, re.I))
_NUMBERS = frozenset((
    "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen",
    "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty", "thirty", "forty",
    "fifty", "sixty", "seventy", "eighty", "ninety",
))  # fmt: skip
_SPELLED = re.compile(rf"{_COUNTED}[- ](?:years?|months?|weeks?)[- ]old\b", re.I)
# and from a number on
_FROM = (
    re.compile(r"\d{1,3}[- ](?:year|month|week|day|yr)s?[- ]old\b", re.I),
    re.compile(r"(?<!\.)\d{1,3}[ -]?(?:(?:y/o|yo|yrs)\b|y\.o\.)", re.I),
    re.compile(r"\d{1,3} years of age\b(?! (?:and|or) (?:over|above|older))"),
    re.compile(r"(?<!/)(\d{1,3})/[MF](?![A-Za-z/\d])"),
    re.compile(r"(?<!\.)(\d{1,2}y ?\d{1,2}m)(?![A-Za-z\d])"),
    re.compile(r"(?<=[a-z], )(\d{2})(?=, of )"),
    re.compile(r"(?:(?<=, )|(?<=[.:] )|^)\d{1,2}[MF](?=[,;.])", re.M),
    re.compile(r"(?<=\()\d{1,3} (?:years|months)(?=[,;)])"),
)
_TOKEN = re.compile(r"(?<![A-Za-z])[A-Za-z]+(?![A-Za-z])|(?<![\d-])\d{1,3}(?!\d)")
_BARE_AGE = re.compile(r"(?<=[男女][,/|、-])\d{1,3}(?=[,/|、)-])|(?<=[男女][ \t])\d{1,3}(?=[ \t])")
# an age of nobody in particular: a mean, a bound, a group
_NO_AGE = re.compile(
    r"(?:平均|年均|中位|均值|最大|最小|最高|最低|以上|大于|小于|超过|不足|低于|高于|(?<!刚)(?<!已)[满滿]|介于|不到)"
    r"(?:的)?(?:年龄|年齡|数|值)?(?:为|為|是|约|在)?\s*[::]?$|年龄(?:中位数|均值)(?:为|是)?$"
    r"|(?:under|over|above|below|than|least|between|median|mean|average)(?: age)?(?: (?:age|was|is|of))*\s*$",
    re.I,
)
# 1岁半、2岁、4岁、6岁: whoever counts so far speaks of groups
_COUNTS = re.compile(r"(?:\d{1,2}[岁歲]半?、){2,}\d{1,2}[岁歲]")


def ages(text: str) -> Iterator[Span]:
    """Ages and dates of birth; ``text`` is the normalised view."""
    for found in _BARE_AGE.finditer(text):
        yield "AGE", found.start(), found.end()
    for pattern in _DOB:
        for found in pattern.finditer(text):
            yield "DOB", found.start(1), found.end(1)
    grouped = bytearray(len(text))
    for found in _COUNTS.finditer(text):
        grouped[found.start() : found.end()] = b"\1" * (found.end() - found.start())
    for found in _matches(text):
        if grouped[found.start()]:
            continue
        if not _NO_AGE.search(text, max(0, found.start() - 24), found.start()):
            group = found.lastindex or 0
            years = found.group(group)
            if not years.isdecimal() or int(years) <= 115:
                yield "AGE", found.start(group), found.end(group)


def _matches(text: str) -> Iterator[re.Match[str]]:
    for pattern in _AGE:
        yield from pattern.finditer(text)
    for token in _TOKEN.finditer(text) if re.search("[A-Za-z]", text) else ():
        yield from _english(text, *token.span())


def _english(text: str, start: int, end: int) -> Iterator[re.Match[str]]:
    """Ages behind a word, or from a number on."""
    if text[start].isdigit():
        tries = [pattern.match(text, start) for pattern in _FROM]
    else:
        word = text[start:end].lower()
        # 5 m, 10: metres; law alone is no kin
        if (len(word) == 1 and word == text[start]) or (word == "law" and text[start - 3 : start] != "in-"):
            return
        tries = [pattern.match(text, end) for pattern in _BEHIND.get(word, ())]
        if word in _NUMBERS:
            tries.append(_SPELLED.match(text, start))
    yield from filter(None, tries)
