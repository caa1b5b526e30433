"""Addresses finer than a residential compound, village or street.

The parser looks for a detail (house, building, unit, room, group number), then walks to the left over the
components that stand before it (road, compound, village, township, county, city, province), so that the
span holds the whole address; details that follow one another, with a compound's name between, are one
address. A detail without any named place before it points to nobody and is left alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from lianfang.guard.redaction.address_en import english
from lianfang.guard.redaction.words import load

Span = tuple[str, int, int]

MAX_LEFT = 60
_NUM = (
    r"(?:负[一二三\d](?=[层層楼樓])|第?[A-Za-z]?\d{1,5}[A-Za-z]?(?:[-之]\d{1,4})?|"
    r"第?[一二三四五六七八九十百零〇]{1,5}|[甲乙丙丁]\d{0,4}|"
    r"[东西南北東](?=楼|樓|栋|棟|座|户|戶|院|房|室|单元|單元)|[甲乙丙丁](?=单元|單元)|"
    r"[A-Z](?=座|栋|棟|幢|室|区|區|梯)|附\d{1,4})"
)
_UNIT = (
    r"(?:号楼|#楼|#(?=\d)|號樓|号院|號院|号房间?|号|號|栋|棟|幢|座|单元|單元|室|字楼|楼|樓|层|層|弄|支弄|村民小组|"
    r"小组|组|組|户|戶|门|門|房间|房(?!间隔|[东产屋租主])|铺|舖|排|宿舍|"
    r"邻(?![居里近])|队|隊|社(?![区區会])|舍|梯|寝(?!室))"
)
# what a room is called at the very end of an address
_LAST = (
    r"(?:(?<=号)[\u4e00-\u9fff]{2,6}[阁苑轩庭府居园楼厦寓]\d{3,4}室?(?![\d年月日人元])|(?<=[楼樓栋棟幢座元])[零〇一二三四五六七八九]{3,4}(?![一二三四五六七八九十百千零〇年月日号])|"
    r"[内內]?(?:平房|阁楼|閣樓|地下室)(?:[东西南北中]间)?|[ -]?(?<!\d)\d{1,5}(?:-\d{1,4}){0,2}[A-Z]?(?:室|"
    r"房间?)?(?![\d年月日时例人岁.%A-Za-z])|"
    r"之\d{1,3}(?!\d)|附\d{1,3}号?(?!\d)|(?<=[楼樓层層元号])[左右中东西]门(?![口牌面市])|"
    r"(?<=[楼樓层層])(?:[左右]手?|[A-Z](?![A-Za-z\d]))|[后後前]座|(?<=号)地[下铺](?![一二三四\d室])|"
    r"[东西南北中](?:户|[厢耳]房|屋|间)|后门(?:亭子间|阁楼)|亭子间)?"
)
_DETAIL = re.compile(rf"{_NUM} ?{_UNIT}(?:[ ,,-]?{_NUM} ?{_UNIT}){{0,6}}{_LAST}")
_BARE = re.compile(
    r"(?:(?<=[楼樓寓厦廈邸舍])\d{3,4}(?:[室房]|"
    r"(?![\d人元年米平层間间户床例.%])(?=[^\u4e00-\u9fff]|$))|(?<=[店馆])\d{3,4}(?:房间?|室|(?=[,。;、)\s]|$))|"
    r"(?<=[厦楼栋座幢])\d{1,2}-\d{1,2}(?=[,。;、)\s]|$)|"
    r"(?<![\d#])\d{1,3}#-?(?:\d{1,2}-)?\d{3,4}|[A-Z]?\d{1,3}-\d{1,3}-\d{1,4}|"
    r"[A-Z]?\d{1,3}-\d{3,4})(?![\d-])"
)
# what may stand at the end of a component to the left of the detail
_SUFFIX = (
    "自治区|自治區|自治州|自治县|自治旗|特别行政区|省|市|地区|地區|盟|州|区|區|县|縣|旗|"
    "镇|鎮|乡|鄉|街道|社区|社區|小区|小區|农场|林场|牧场|"
    "村委会|居委会|新村|村|邨|组|大道|大街|路|街|道|巷|弄|胡同|里|花园|花園|家园|家園|公寓|大厦|大廈|广场|"
    "廣場|苑|园|園|城|庄|莊|屯|邸|郡|"
    "湾|灣|庭|府|轩|軒|阁|閣|居|坊|墅|湖|山|桥|橋|宿舍|楼|寨|铺|岭|坪|塘|垸|岗|段|线|院|沟|坡|洼|坝|"
    "纪念堂|公馆|名都|雅居|国际|家属院|小学|酒店|宾馆|旅馆|旅店|旅社|招待所|民宿|客栈|围|舍|[一二三四五六七八九十]条|[一二三四五六七八九十\\d]{1,2}期"
)
_COMPONENT = re.compile(
    rf"[\u4e00-\u9fffA-Za-z\d·]{{1,12}}?(?:{_SUFFIX})"
    r"(?:[东西南北中一二三四五六七八九十]{0,2}(?:路|段|区|期)|[A-Z\d]{1,2}[区區])?$"
)
# a word for any place of a kind names none
_GENERIC = re.compile(
    r"(?:各|本|我|该|全|这|那|哪|每|某|小|老|城|市|厂|校|库|病|园|院|社|街|山|郊|地|县|农|封控|管控|居民|住宅|办公|"
    r"[东西南北]|生活|工业|开发|隔离)?"
    r"(?:小区|小區|社区|社區|园区|街道|公园|校园|家园|宿舍|公寓|大厦|广场|区|區|村|里|市|县|"
    r"省|州|道|路|街|院|楼|城|园|居)"
)
_NO_PLACE = re.compile(
    r"(?:号段|网段|时段|阶段|片段|代码|编码|条码|号码|知道|通道|轨道|频道|报道|渠道|味道|管道|隧道|呼吸道|马路|线路|道路|一路|网络|住院|"
    r"医院|醫院|出院|入院|学院|学校|法院|"
    r"距离|家里|屋里|群里|店里|厂里|心里|手里|哪里|这里|那里|村里|城里|市里|邻居|定居|隔离居|"
    r"上楼|下楼|同楼|整栋楼|本楼|该楼|新冠|"
    r"列车|航班|高速|高铁|地铁|公交)$"
)
# 如家酒店(汉口火车站店)
_BRANCH = re.compile(r"(?<=[店馆])\([^()]{2,12}\)$")
_LEFT = re.compile(r"[\u3400-\u9fffA-Za-z\d·()]+$")
# words that lead up to an address and do not belong to it; the short ones are parts of names as well
_LEAD = re.compile(
    r".*(?:(?<![\u4e00-\u9fff])居(?![住家民委])|现住址|現住址|现场|現場|地点|地點|来自|出诊|去其家|\d及(?=[\u4e00-\u9fff]{2})|去(?=[\u4e00-\u9fff]{2,}[村镇路])|寄(?![宿养存])|名单里|盯防|名字和|房号|房號|单位(?=[\u4e00-\u9fff]{1,8}[阁楼苑座])|家庭住址|住址|地址|现居住于|现居住在|居住于|居住在|居住地|居住|现居|"
    r"写(?!字楼)|送货至|送货|配送至|住所|现住|現住|家住|租住|暂住|常住|户籍地|户籍|籍贯|暂居|借住|独居|"
    r"租房|"
    r"反映|举报|得知|发现|去了|去过|搬去|目的地|出发地|门牌|定位|称(?!钩)|送(?!子)|接(?!驾)|由|报(?![国恩])|"
    r"[我你他咱]们|入住|实住|实际住|住在|住于|居於|住(?![宅户房院])|[位坐]于|位於|前往|返(?!回)|返回|回到|来到|送至|送到|寄到|寄至|"
    r"寄往|收货|收件|搬到|搬至|就在|[、]|是|"
    r"为(?!民)|於|从(?!化|江)|到(?!岸)|至(?!善|诚|德)|往|[在](?!水)|于(?![洪都家庄田]))"
)
_PUBLIC = re.compile(
    r"(?:医院|醫院|门诊|門診|卫生院|卫生室|车站|車站|机场|機場|地铁|地鐵|指挥部|疾控中心|政府|"
    r"窗口|仓库|库房|文件|热线|公告|通知|通告|"
    r"体育馆|體育館|学校|小学|中学|大学|法院|海关|影城|市场|食肆)(?!(?:[东西南北中前后]{0,2}[路街巷])|家属院|家屬院|[\u4e00-\u9fff]{0,3}宿舍|小区|"
    r"小區|[\u4e00-\u9fff]{0,2}店)[\u4e00-\u9fffA-Z]{0,4}$"
)
_FLOOR_ONLY = re.compile(r"(?:负?\d{1,2}|负?[一二三四五六七八九十]{1,2})[楼樓层層]")
_SHOPS = re.compile(
    r"(?:广场|廣場|商场|商場|超市|天地|万达|银泰|吾悦|大悦城|万象城|百货|[\u4e00-\u9fff]{2}城|(?:地下|负)|大楼|大樓|酒店|酒楼|酒樓|宾馆|大厦|大廈|中心)$"
)
_GATE = re.compile(r"[门門](?!口|牌|面|市|栋|洞|\d)")
_NOT = re.compile(
    r"(?:第?[一二三四五六七八九十\d]{1,4}(?:号|號)(?:口|梯|车厢|[\u4e00-\u9fff]?库|馆|监室|病房|候|厅|桌|包间|泊位|码头|冰柜|车间|厂房|病例|患者|确诊|线|線|文|令|公告|通告|"
    r"卡口|站台|展厅|通道|窗口|摊位|会议室|航站楼|"
    r"柜台|高炉|机组|楼层|楼长|住院)|\d{1,2}(?:号|號)(?=[上下]午|凌晨|晚|早|出|入|返|回|发|確|确|开|起|至|到)|"
    r"\d{1,4}(?:号|號)(?=[,。、;]\d+岁)|[A-Z]?\d{1,5}[床位]|[一二三四五六七八九十\d]{1,3}(?:组|組|队|隊|排|社)(?:队员|人员|长|列)|[东西南北]门)"
)
_AFTER_PUBLIC = re.compile(
    r"(?:诊室|候诊|检票|向(?=[之的])|以上|检验|门诊|摊|窗口|会议室|站台|检票|柜台|展厅|床)"
)
_GROUP = re.compile(
    r"(?<=村)(?!工作|宣传|防控|领导|巡逻|消杀|物资|后勤|流调|专班|应急|采样|保障|排查|两委|互助|帮扶|包保|核酸|网格|疫情|值守|党员|志愿|服务|劝导|[各本全第一二三四五六七八九十两几])[\u4e00-\u9fff]{1,3}组(?![长织员建成合])"
)
# between two details of one address: a compound's name, no word of a sentence
_BETWEEN = re.compile(r" ?(?:[\u4e00-\u9fffA-Z]{2,9})? ?")
_SENTENCE = re.compile(r"[的和与及在到至从了是有住对被因将已为、]|送|快递|邻|返|拨|致电|居民|患者")
_HAN = re.compile("[\u4e00-\u9fff]+")
# two who share a room (同居一室)
_SHARED = re.compile("(?:同居|同住|同处|共处|合住|共居)$")
# 收银台7号 is no house
_COUNTER = re.compile(
    "(?:扫楼|中心|老人|居民|家庭|农户|商户|住户|对象|群众|共|约|计|每日限|限|设|收银台|服务台|柜台|窗口|摊位|机位|工位|货架|卡座)$"
)
# where a body that serves the public sits is told to everybody
_SERVES = re.compile(
    "(?:医院|醫院|卫生院|衛生院|门诊部?|中心|采样点|检测点|接种点|指挥部|实验室|检验所|药店|药房|隔离酒店|派出所|居委会|村委会)的?"
    "(?:详细|办公|接收|送样|接诊)?(?:地址|地点|位置)?(?:[::(]|位[于於]|设在|是|为|在){0,2} ?$"
)
# the same a sentence away, for a house alone: after a service's telephone, or under a service's name
_OFFICE = re.compile(
    "(?:医院|卫生院|中心|采样点|检测点|接种点|指挥部|实验室|药店|药房|派出所|居委会|村委会|卫健委|疾控|政府|局|热线|电话|咨询)"
    "[^。;\n]{0,40}(?<!住)(?:地址|地点)[::] ?$"
)
# and the house of whom it is (青年路32号疾控中心)
_HOSTS = re.compile(
    "([\u4e00-\u9fff]{0,8}?)(?:医院|卫生院|疾控中心|服务中心|派出所|采样点|接种点|检测点|药店|药房|超市|菜市场|餐厅|饭店|酒家|银行|学校|小学|中学)"
)
_HOUSE = re.compile(rf"{_NUM} ?(?:号|號)")
# a form of numbers that only dwellings have (8#1-602) needs no usual word in the name before it
_ESTATE = re.compile(r"\d{1,3}#-?(?:\d{1,2}-)?\d{3,4}(?![\d-])")
_CLAUSE = re.compile(r"(?<![\u4e00-\u9fff])[\u4e00-\u9fff]{2,8}$")
# without a named place a dwelling is told by who reads it (家住3号楼2单元501): where the text says that one lives there
_LIVES = re.compile("(?:家住|我住|他住|她住|现住|租住|住在|住)$")
# and by its form alone: building and room, or building, entrance and flat (5栋1单元302, 14号602, C座1204, 6-2-401)
_ROOM = re.compile(
    r"(?<!月)[甲乙丙丁]?[A-Z\d]{1,3}(?:栋|棟|幢|座|号楼|號樓|号|#)(?:[一二三四五六七八\d]{1,2}(?:单元|單元|[门門]))?"
    r"(?:\d{3,4}(?:[室房号]|(?![\d人元年米平层間间户床例份个支盒箱只剂毫升车辆台公克次套件粒片管瓶桶袋吨斤.%:-]))|\d{1,2}[楼樓层層][A-Z\d]{1,4}[室房]?)"
)
_TRIPLE = re.compile(
    r"(?<![\dA-Za-z.:/-])[A-Z]?\d{1,2}-\d{1,2}-(?!(?:19|20)\d\d(?!\d))\d{3,4}(?![\dA-Za-z-])"
)
_AT_WORK = re.compile(
    "(?:医院|病区|病房|住院|门诊|办公|会议|教学|实验|行政|校区|公司|厂区|仓库|酒店|宾馆|批号|编号|货号|型号|文件|版本|规格|货架|条款|批次|第)[^,。;:]{0,6}$"
)
_DWELLING = re.compile(rf"{_NUM}{_UNIT}[ ,,-]?{_NUM}{_UNIT}.+|.*(?:楼|栋|幢|座|单元)\d{{3,4}}室?$")


@lru_cache(maxsize=1)
def division_names() -> frozenset[str]:
    """Short names of provinces and prefectures."""
    return load("divisions")


@lru_cache(maxsize=1)
def place_stems() -> frozenset[str]:
    """Names of provinces, prefectures and counties, with and without their suffix (余庆县, 余庆)."""
    from lianfang.foundation.places import all_divisions

    full = {one.name_zh for one in all_divisions()}
    stems = {re.sub("(?:自治县|自治州|自治旗|地区|[省市区县旗盟])$", "", name) for name in full}
    return frozenset(name for name in full | stems | division_names() if len(name) >= 2)


@lru_cache(maxsize=1)
def division_full() -> frozenset[str]:
    """Names of provinces, prefectures and counties as the division table has them, of three characters and more."""
    from lianfang.foundation.places import all_divisions

    return frozenset(one.name_zh for one in all_divisions() if len(one.name_zh) >= 3)


@lru_cache(maxsize=1)
def _division() -> re.Pattern[str]:
    names = sorted(division_names(), key=len, reverse=True)
    return re.compile("(?:" + "|".join(names) + ")(?=[\u4e00-\u9fff])")


def _start(text: str, detail: int, floor: bool) -> int | None:
    """Where the address that ends in the detail begins; None without a named place before it.

    ``floor``: the detail is a floor alone, which in a shopping centre or an office points to nobody.
    """
    detail -= text[detail - 1 : detail] == " "
    left = _LEFT.search(text, max(0, detail - MAX_LEFT), detail)
    if left is None:
        return None
    low = left.start()
    piece = text[low:detail]
    branch = _BRANCH.search(piece)
    if branch is not None:
        piece = piece[: branch.start()]
    lead = _LEAD.match(piece)
    # "古田四路" keeps its road even where a lead word ends inside a name (中山大道, 在水一方)
    led = False
    if lead is not None and lead.end() < len(piece):
        rest = piece[lead.end() :]
        led = _walk(rest, 0) is not None or _nameless(rest, 0, True) is not None
        if led:
            low += lead.end()
            piece = rest
    if _PUBLIC.search(piece) or (floor and _SHOPS.search(piece)):
        return None
    begin = _walk(piece, low)
    if begin is None:
        begin = _nameless(piece, low, led)
    # where the words before an address are known, what is left of them belongs to it
    elif led and begin - low <= 6 and not _SENTENCE.search(text[low:begin]):
        begin = low
    if begin is not None:
        division = _division().search(piece)
        if division is not None:
            begin = min(begin, low + division.start())
        begin = _trimmed(text, begin, detail)
    return begin


def _trimmed(text: str, begin: int, detail: int) -> int:
    """With the characters of a division's full name that were cut off, without one or two before it (通报中|通州区)."""
    for back in (1, 2):
        size = (
            next((n for n in range(3, 9) if text[begin - back : begin - back + n] in division_full()), 0)
            if begin >= back
            else 0
        )
        if size > back:
            return begin - back
    if _named(text, begin) or begin + 4 > detail or text[begin : begin + 2] in division_names():
        return begin
    return next((at for at in (begin + 1, begin + 2) if _named(text, at)), begin)


def _named(text: str, at: int) -> bool:
    return any(text[at : at + size] in division_full() for size in range(3, 9))


def _nameless(piece: str, low: int, led: bool) -> int | None:
    """Before the detail stands a compound's name that ends in no usual word (悦海新天地7号楼)."""
    for size in range(2, min(9, len(piece))):
        if _SENTENCE.search(piece[-size:]):
            return None
        begin = _walk(piece[:-size], low)
        if begin is not None:
            return begin
    if (
        led
        and 2 <= len(piece) <= 8
        and _HAN.fullmatch(piece)
        and not _SENTENCE.search(piece)
        and not _GENERIC.fullmatch(piece)
    ):
        return low
    return None


def _walk(piece: str, low: int) -> int | None:
    """Component by component to the left from the end of the piece."""
    end = len(piece)
    begin = None
    for _ in range(8):
        window = piece[max(0, end - 13) : end]
        # the longest component that ends where the last one began
        found = next(_COMPONENT.finditer(window), None)
        if found is None or found.end() != len(window) or _NO_PLACE.search(found.group()):
            break
        if begin is None and _GENERIC.fullmatch(found.group()):
            break
        begin = end - len(window) + found.start()
        end = begin
        if end <= 0:
            break
        # the window began in the middle of a component (屏东|县万丹乡…): its last character is read with it
        end += piece[begin] in "省市县區区镇乡村" and len(window) == 13
    return None if begin is None else low + begin


def place_name(text: str) -> bool:
    """Whether a short text ends as names of places do (城南小区, 望江里)."""
    return len(text) <= 20 and _COMPONENT.fullmatch(text) is not None


_GAPPED = re.compile(r"\d (?:号楼|号院|号|栋|幢|座|单元|室|楼|层)")
_GAP = re.compile(r"(?<=[\u4e00-\u9fff\d]) (?=[\u4e00-\u9fff\d])")


def addresses(text: str) -> Iterator[Span]:
    """Addresses with a house, building, unit, room or group number; ``text`` in simplified characters.

    Where blanks stand between numbers and their units, the text is read without blanks as well.
    """
    yield from _addresses(text)
    after = 0
    for found in _GAPPED.finditer(text):
        if found.start() < after:
            continue
        low, high = text.rfind("\n", 0, found.start()) + 1, text.find("\n", found.end())
        after = high if high >= 0 else len(text)
        gaps = {gap.start() for gap in _GAP.finditer(text, low, after)}
        kept = [at for at in range(low, after) if at not in gaps]
        for kind, start, end in _addresses("".join(text[at] for at in kept)):
            yield kind, kept[start], kept[end - 1] + 1


def _addresses(text: str) -> Iterator[Span]:
    last: tuple[int, int] | None = None
    for found in _details(text):
        start, end = found
        if last is not None and start >= last[1]:
            gap = text[last[1] : start]
            if len(gap) <= 11 and _BETWEEN.fullmatch(gap) and not _SENTENCE.search(gap):
                last = last[0], end
                continue
        if last is not None and start < last[1]:
            continue
        begin = _start(text, start, _FLOOR_ONLY.fullmatch(text, start, end) is not None)
        if begin is None and _LIVES.search(text[max(0, start - 2) : start]):
            begin = start if _DWELLING.fullmatch(text, start, end) else None
        if begin is None and any(
            m and m.end() == end for m in (_ROOM.match(text, start), _TRIPLE.match(text, start))
        ):
            begin = None if _AT_WORK.search(text[max(0, start - 12) : start]) else start
        if begin is None and _ESTATE.match(text, start):
            begin = next((m.start() for m in [_CLAUSE.search(text, max(0, start - 12), start)] if m), None)
        if begin is None or _SERVES.search(text[max(0, begin - 14) : begin]):
            continue
        if _HOUSE.fullmatch(text, start, end) and _public_house(text, begin, end):
            continue
        if last is not None:
            yield "ADDRESS", *last
            begin = max(begin, last[1])
        last = begin, end
    if last is not None:
        yield "ADDRESS", *last
    if re.search(r"[A-Za-z]{2}", text):
        yield from english(text)


def _public_house(text: str, begin: int, end: int) -> bool:
    """Whether a house without a dwelling is told to be a public body's, before it or behind."""
    host = _HOSTS.match(text, end)
    if host is not None and not re.search("[的与及在到至从了是有住对被因将已为、]", host.group(1)):
        return True
    return _OFFICE.search(text[max(0, begin - 60) : begin]) is not None


def _details(text: str) -> list[tuple[int, int]]:
    """Details by position; public places (a gate, a stall, a notice's number) left out."""
    spans = [
        found.span()
        for found in _DETAIL.finditer(text)
        if not (
            _NOT.match(text, found.start())
            or _GATE.match(text, found.end())
            or _AFTER_PUBLIC.match(text, found.end())
            or _SHARED.search(text[max(0, found.start() - 2) : found.start()])
            or _COUNTER.search(text[max(0, found.start() - 4) : found.start()])
        )
    ]
    # a village's group by its name (李家湾村上湾组)
    spans += [found.span() for found in _GROUP.finditer(text)]
    return sorted([*spans, *(found.span() for found in _BARE.finditer(text))])
