"""Addresses finer than a residential compound, village or street.

The parser looks for a detail (house, building, unit, room, group number), then walks to the left over the
components that stand before it (road, compound, village, township, county, city, province), so that the
span holds the whole address. A detail without any named place before it points to nobody and is left alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from lianfang.guard.redaction.words import load

Span = tuple[str, int, int]

MAX_LEFT = 60
_NUM = (
    r"(?:[A-Za-z]?\d{1,5}[A-Za-z]?(?:[-之]\d{1,4})?|[一二三四五六七八九十百]{1,5}|[甲乙丙丁东西南北東]|[A-Z])"
)
_UNIT = (
    r"(?:号楼|號樓|号院|號院|号|號|栋|棟|幢|座|单元|單元|室|楼|樓|层|層|弄|组|組|户|戶|门|門|房|铺|舖|排|队)"
)
_DETAIL = re.compile(
    rf"{_NUM}{_UNIT}(?:[ ,,-]?(?:{_NUM}{_UNIT}|附{_NUM}号)){{0,6}}(?:[ -]?\d{{1,5}}(?![\d年月日例人岁.%]))?"
)
_BARE = re.compile(r"\d{1,3}-\d{1,3}-\d{3,4}(?![\d-])")
# what may stand at the end of a component to the left of the detail
_SUFFIX = (
    "自治区|自治區|自治州|自治县|自治旗|特别行政区|省|市|地区|地區|盟|州|区|區|县|縣|旗|"
"镇|鎮|乡|鄉|街道|社区|社區|小区|小區|"
    "新村|村|组|大道|大街|路|街|道|巷|弄|胡同|里|花园|花園|家园|家園|公寓|大厦|大廈|广场|"
"廣場|苑|园|園|城|庄|莊|屯|"
    "湾|灣|庭|府|轩|軒|阁|閣|居|坊|墅|郡|邸|湖|山|桥|橋|宿舍|楼|寨|铺|岭|坪|塘|垸|岗|段|"
"线|公馆|名都|雅居|国际|家属院|小学"
)  # fmt: skip
_COMPONENT = re.compile(
    rf"[\u4e00-\u9fffA-Za-z\d·]{{1,"
    rf"12}}?(?:{_SUFFIX})(?:[东西南北中一二三四五六七八九十]{{0,2}}(?:路|段|区|期))?$"
)
_LEFT = re.compile(r"[\u3400-\u9fffA-Za-z\d·()]+$")
# words that lead up to an address and do not belong to it
_LEAD = re.compile(
    r".*(?:现住址|現住址|家庭住址|住址|地址|现居住于|现居住在|居住于|居住在|居住|现住|"
    r"現住|家住|租住|暂住|常住|户籍|住在|住于|住|"
    r"位于|位於|前往|返回|回到|来到|送至|送到|寄到|寄至|寄往|收货|搬到|搬至|就在|[、]|是|"
    r"为|於|从|到|至|往|在|于)"
)
_PUBLIC = re.compile(
    r"(?:医院|醫院|门诊|門診|卫生院|车站|机场|地铁|指挥部|疾控中心|政府|窗口|文件|热线|公告|通知|通告)$"
)
_GATE = re.compile(r"[门門](?!口|牌)")
_NOT = re.compile(
    r"^(?:[一二三四五六七八九十\d]{1,4}(?:号|號)(?:病例|患者|确诊|线|文|令|公告|通告|"
    r"楼层)|\d{1,2}(?:号|號)(?=[上下]午|凌晨|晚|出|入|返|回|发|確|确))"
)
_ENGLISH = re.compile(
    r"(?<![\w-])(?:(?:Flat|Room|Unit|Apt\.?|Apartment|Block|Building|House|Floor|Suite) "
    r"?#?[A-Z\d][\w-]{0,4},? ){0,3}"
    r"(?:No\. ?)?\d{1,5}[A-Za-z]?,? (?:[A-Z][\w']{0,20} ){1,4}"
    r"(?:Street|St\.?|Road|Rd\.?|Avenue|Ave\.?|Lane|Ln\.?|Drive|Dr\.?|Boulevard|Blvd\.?|"
    r"Court|Close|Crescent|Terrace|Way|Square|Place|Path)(?![\w])"
    r"(?:,? (?:Flat|Room|Unit|Apt\.?|Apartment|Block|Building|Floor|Suite|Tower) ?#?[A-Z\d][\w-]{0,4}){0,4}"
)


@lru_cache(maxsize=1)
def division_names() -> frozenset[str]:
    """Short names of provinces and prefectures."""
    return load("divisions")


@lru_cache(maxsize=1)
def _division() -> re.Pattern[str]:
    names = sorted(division_names(), key=len, reverse=True)
    return re.compile("(?:" + "|".join(names) + ")(?=[\u4e00-\u9fff])")


def _start(text: str, detail: int) -> int | None:
    """Where the address that ends in the detail begins; None without a named place before it."""
    left = _LEFT.search(text, max(0, detail - MAX_LEFT), detail)
    if left is None:
        return None
    low = left.start()
    piece = text[low:detail]
    lead = _LEAD.match(piece)
    # "古田四路" keeps its road even where a lead word ends inside a name (中山大道, 在水一方)
    if lead is not None and lead.end() < len(piece) and _COMPONENT.search(piece[lead.end() :]):
        low += lead.end()
        piece = text[low:detail]
    if _PUBLIC.search(piece):
        return None
    division = _division().search(piece)
    if division is not None and _COMPONENT.search(piece):
        return low + division.start()
    return _walk(piece, low)


def _walk(piece: str, low: int) -> int | None:
    """Component by component to the left from the end of the piece."""
    end = len(piece)
    begin = None
    for _ in range(8):
        window = piece[max(0, end - 13) : end]
        # the longest component that ends where the last one began
        found = next(_COMPONENT.finditer(window), None)
        if found is None or found.end() != len(window):
            break
        begin = end - len(window) + found.start()
        end = begin
        if end <= 0:
            break
    return None if begin is None else low + begin


def addresses(text: str) -> Iterator[Span]:
    """Addresses with a house, building, unit, room or group number."""
    for found in _DETAIL.finditer(text):
        # a gate (8号门) is a public place
        if _NOT.match(text, found.start()) or _GATE.match(text, found.end()):
            continue
        begin = _start(text, found.start())
        if begin is not None:
            yield "ADDRESS", begin, found.end()
    for found in _BARE.finditer(text):
        begin = _start(text, found.start())
        if begin is not None:
            yield "ADDRESS", begin, found.end()
    if re.search(r"[A-Za-z]{2}", text):
        for found in _ENGLISH.finditer(text):
            yield "ADDRESS", found.start(), found.end()
