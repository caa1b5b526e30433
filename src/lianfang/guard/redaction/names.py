"""Names of persons by rule: surnames, cue words, position, columns; :mod:`weigh` decides with what they find."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence

from lianfang.guard.redaction import ner
from lianfang.guard.redaction.address import division_names
from lianfang.guard.redaction.dotted import composed, dotted
from lianfang.guard.redaction.latin import latin
from lianfang.guard.redaction.normal import View
from lianfang.guard.redaction.tables import cells
from lianfang.guard.redaction.words import load

Span = tuple[str, int, int]

# least probability of a name at the two operating points, with the tagger and without
THRESHOLDS = {("block", True): 0.12, ("mask", True): 0.33, ("block", False): 0.19, ("mask", False): 0.5}

_SINGLE = "".join(sorted(load("surnames")))
# characters that do not stand in a given name, so that "于昨日" and "高热" are no persons
_NOT_GIVEN = load("not_given")
_ALSO_GIVEN = frozenset("万安")
_RARE = load("surnames_rare")
_WORDS = load("common")
_TITLES = (
    "先生|女士|小姐|同学|同志|老师|老師|医生|醫生|护士|護士|大爷|大妈|阿姨|叔叔|师傅|师傅|书记|主任|经理|某"
)
_AFTER = (
    r"(?=$|[\s,,。、;::!!??()()“”\"'《》<>/|\d\[\]【】—\-\n]|男|女|身份[证證]|"
    r"[电電][话話]|手机|手機|联系|聯繫|护照|護照|证件|您好|你好"
    r"|先生|女士|小姐|同学|同學|同志|老师|老師|医生|醫生|家属|家屬|家长|家長|家住|的|已|"
    r"确诊|確診|疑似|被|于|於|在|到|从|和|与|及|等|出生|系|因|曾|住|乘|驾|來|来|返|持|"
    r"一家|是|为|有|未|无|之|核酸)"
)
_STRONG = re.compile(
    r"(?:姓\s*名|户名|名字|真名|患者姓名|当事人|當事人|联系人|聯繫人|聯絡人|收货人|收件人|"
    r"寄件人|持有人|持卡人|持证人|户主|戶主|车主|車主|监护人|监護人|监护人|法人|责任人|"
    r"机主|"
    r"机主姓名|我叫|名叫|本人叫|叫做|名为|我是|本人|登记|登記|旅客|乘客|申请人|投诉人|"
    r"举报人|死者|逝者|化名|原名|曾用名|name|其父|其母|其妻|其夫|其子|其女|父亲|母亲|妻子|"
    r"丈夫|儿子|女儿|爷爷|奶奶|室友|"
    r"同事|邻居|朋友)(?:系|是|为|叫|名叫|名)?\s*[::是为]?\s*",
    re.I,
)
_WEAK = re.compile(
    r"(?:患者|病人|病例\d{0,4}|确诊者|確診者|确诊病例|疑似病例|密接|密切接触者|密切接觸者|"
    r"次密接|个案|個案|感染者|无症状感染者|接触者|接觸者|学生|學生|"
    r"司机|司機|居民|村民|业主|住户|返乡人员|返汉人员|员工|职工|医生|护士|隔离人员|用户|"
    r"居民代表|成员|通知|问询|询问|访谈|回访|致电|联系|转告|请|由|给|让|对|"
    r"证号|有人发|[、])\s*[::]?\s*[“\"]?"
)
_BORROWED = load("borrowed")
_DOUBLES = load("surnames_two")
_SURNAMES = frozenset(_SINGLE)
_RIGHT = re.compile(_AFTER)
_HARD = re.compile(r"$|[\s,,。、;::!!??()()“”\"'|\d]|[男女][,,\s]|身份|电话|手机")
_HAN = re.compile(r"[\u4e00-\u9fff]{1,4}")
_SURNAME_TOLD = re.compile(
    r"(?:(?<![贵百同老尊])|(?<=免贵))姓([\u4e00-\u9fff]{1,2})(?=[,。、;:)\]\s!?\u201d]|叫|名|$)"
)
_FIELD = re.compile(
    r"(?:(?<=[,,;;|\t\n。::\]】)) ])|(?:^))([\u4e00-\u9fff]{2,4})(?=[,,;;|\t\n(( ]|您好|你好|[男女][,,]|$)",
    re.M,
)
_FACT = re.compile(
    r"[\s,,;;|]*(?:[男女][,,。;|\s)]|\d{1,3}(?:岁|歲)|(?:19|20)\d{2}|1[3-9]\d{5}|\d{15}|"
    r"身份|身分|[电電][话話]|手机|家[长長]|[\u4e00-\u9fff]{2,4}[市县省区]人|\(?[男女])"
)

_SURE = re.compile(r"[男女]|岁|歲|人$")


def _name_at(text: str, start: int, *, place: bool = False) -> int | None:
    """End of a Chinese name that begins here: surname and one or two characters, a right boundary after it.

    ``place``: accept a name that is a city's or a common word as well (安康, 宁静), where a fact about a
    person follows it.
    """
    run = _HAN.match(text, start)
    if run is None:
        return None
    piece = run.group()
    surname = 2 if piece[:2] in _DOUBLES else 1 if piece[0] in _SURNAMES else 0
    if not surname:
        return None
    for given in (2, 1):
        end = start + surname + given
        if end > start + len(piece):
            continue
        name = text[start:end]
        rest = name[surname:]
        if "某" in rest or (
            not place and (name in _WORDS or (name[:2] in _WORDS and not _HARD.match(text, end)))
        ):
            continue
        if any(c in _NOT_GIVEN and c not in _ALSO_GIVEN for c in rest):
            continue
        if (name in division_names() and not place) or re.match(_TITLES, rest):
            continue
        if _RIGHT.match(text, end):
            return end
    return None


def _cued(text: str, *, weak: bool) -> Iterator[Span]:
    for found in _STRONG.finditer(text):
        end = _name_at(text, found.end())
        if end is None:
            # after "姓名：" any two or three characters are a name, whatever their surname
            field = re.compile(r"[\u4e00-\u9fff]{2,4}(?=[\s,,。;、((\n]|$)").match(text, found.end())
            explicit = re.search(
                r"(?:姓\s*名|我叫|名叫|收货人|收件人|联系人|户主|户名|持卡人|机主)\s*[::]?\s*$", found.group()
            )
            if (
                field
                and explicit
                and not any(c in "某是何" for c in field.group())
                and field.group() not in _WORDS - {"阳光", "平安"}
            ):
                end = field.end()
        if end is not None:
            yield "PERSON", found.end(), end
    if weak:
        for found in _WEAK.finditer(text):
            end = _name_at(text, found.end())
            if end is not None:
                yield "PERSON", found.end(), end


_HEADS = dict.fromkeys(load("name_columns"), "PERSON")
_CELL = {"PERSON": re.compile(r"(?!.*[某无空未])[\u4e00-\u9fff·]{2,8}")}


def _fields(text: str, marks: list[int]) -> Iterator[Span]:
    """A whole field that is shaped like a name and stands beside a fact about a person."""
    ordered = sorted(marks)
    for found in _FIELD.finditer(text):
        start, end = found.span(1)
        fact = _FACT.match(text, end)
        if _name_at(text, start, place=bool(fact and _SURE.search(fact.group()))) != end:
            continue
        nearest = bisect_left(ordered, end - 40)
        near = nearest < len(ordered) and ordered[nearest] <= end + 40
        if near or fact or text.startswith(("您好", "你好"), end):
            yield "PERSON", start, end


def _followed(text: str) -> Iterator[Span]:
    """A name at the beginning of a clause whose right neighbour says that it is a person."""
    for found in re.finditer(
        r"(?:(?<=[,,。;;::“\"】\])])|^)(?=[\u4e00-\u9fff]{2,4}(?:家属|家屬|确诊|確診|您好|"
        r"先生|女士|同学|同學|的(?:身份|电话|航班|手机|轨迹)|已(?:确诊|出院|联系|联繫|转运)|"
        r"核酸|驾驶|(?:于|在)?\d{1,2}月))",
        text,
        re.M,
    ):
        end = _name_at(text, found.end())
        if end is not None:
            yield "PERSON", found.end(), end


def _told(text: str) -> Iterator[Span]:
    """A surname alone, where the text says that it is one (姓许)."""
    for found in _SURNAME_TOLD.finditer(text):
        if found.group(1) in _SURNAMES or found.group(1) in _DOUBLES or found.group(1) in _RARE:
            yield "PERSON", found.start(1), found.end(1)


def names(text: str, marks: list[int], *, weak: bool) -> Iterator[Span]:
    """Names in Chinese characters by rule.

    Args:
        text: the normalised view in simplified characters.
        marks: ends and starts of other findings: a name-shaped field beside them is a name.
        weak: also after cues that are followed by other things as often (患者, 请): recall before precision.
    """
    yield from _cued(text, weak=weak)
    yield from cells(text, _HEADS, _CELL)
    yield from _fields(text, marks)
    yield from _followed(text)


def plain(text: str, *, weak: bool) -> Iterator[Span]:
    """Names whose form alone tells: with a dot, in Latin letters, a surname that is said to be one."""
    if re.search(r"[\u4e00-\u9fff]", text):
        yield from _told(text)
        yield from dotted(text)
        yield from composed(text)
    if re.search(r"[A-Za-zÀ-Þ][A-Za-zà-ÿ.]", text):
        yield from latin(text, weak=weak)


def persons(
    view: View,
    marks: list[int],
    others: Sequence[Span],
    point: str,
    *,
    tagger: bool = True,
    weighing: bool = True,
) -> list[Span]:
    """Names of persons: by rule, by weight of their words, and by the tagger's where the extra is installed.

    Args:
        view: the normalised text.
        marks: edges of the other findings.
        others: the other findings.
        point: ``"block"`` or ``"mask"``.
        tagger: ask the tagger, where it is installed.
        weighing: weigh the words; without it rules alone find names.
    """
    text = view.simplified()
    weak = point == "block"
    found = list(plain(text, weak=weak))
    if not re.search(r"[\u4e00-\u9fff]{2}", text):
        return found
    ruled = {(start, end) for _, start, end in names(text, marks, weak=weak)}
    if not weighing:
        return [*found, *(("PERSON", *span) for span in ruled)]
    from lianfang.guard.redaction import weigh

    read = tagger and ner.available()
    sure = {(start, end) for _, start, end in names(text, marks, weak=False)} if weak else ruled
    used = bytearray(len(text))
    for _, start, end in (*found, *others):
        used[start:end] = b"\1" * (end - start)
    least = THRESHOLDS[point, read]
    spans = weigh.weighed(text, marks, sure, ruled, used, least, tagger=read, widen=weak)
    return [*found, *(("PERSON", *span) for span in spans)]
