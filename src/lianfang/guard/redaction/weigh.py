"""Names in Chinese characters, weighed: what the tagger believes together with what the rules know.

Every span of two to four characters that begins with a surname, that the tagger holds possible, or that a
rule found, gets a probability by logistic regression over the features of :data:`FEATURES`. Weights were
fitted (L2, 1.0) on the development part of ``tests/redaction_corpus``; ``scripts/fit_redaction.py`` writes
them to ``words/weights.txt``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from functools import lru_cache
from importlib.resources import files

from lianfang.guard.redaction import ner
from lianfang.guard.redaction.address import division_names
from lianfang.guard.redaction.words import load

FEATURES = (
    "bias", "odds", "odds_rest", "other", "person", "begin_edge", "end_edge", "one_one", "one_two",
    "two_any", "one_three", "none_two", "none_three", "none_four", "none_more", "strong_cue",
    "weak_cue", "left_open", "right_open", "right_word", "right_fact", "near_mark", "word", "division",
    "not_given", "title", "place_end", "place_next", "borrowed", "frequent", "rare", "ruled_sure",
    "ruled", "beside", "place", "open_both", "cue_open",
)  # fmt: skip

_SINGLE = load("surnames")
_DOUBLE = load("surnames_two")
_NOT_GIVEN = load("not_given")
_WORDS = load("common")
# the hundred most frequent surnames, by their order in the census of 2020
_FREQUENT = frozenset(
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩邓冯曹彭曾肖田董潘袁蔡蒋余于杜叶程魏苏吕丁任卢姚沈钟姜崔谭陆"
    "范汪廖石金韦贾夏付方邹熊白孟秦邱侯江尹薛闫段雷龙黎史陶贺毛郝顾龚邵万覃武钱戴严莫孔向常"
)
# surnames that are far more often another word
_RARE = frozenset(
    "和有是从向对到时都能经后有别区单印国年山平广应强当成执方於明更有水油满爱益相石红索经能解计许说车边连通道那金长门间阳阴陆院面项须风首高麦都时可安干家容居师常年有支文方时易全公关共利包区印危双"
)
_TITLE = re.compile(
    "(?:老)?(?:先生|女士|小姐|太太|夫人|同学|同志|老师|医生|医师|护士|护士长|护理师|大爷|大妈|大姐|大哥|大叔|大婶|大娘|阿姨|叔叔|奶奶|爷爷|伯伯|婆婆|师傅|"
    "书记|主任|副主任|经理|教授|院长|局长|处长|科长|镇长|村长|市长|县长|区长|所长|队长|校长|站长|班长|部长|总|董|某|姐|哥|姨|叔|伯|婶|嫂|爷|奶|妈|爸|工|队|"
    "院士|主席|警官|律师|记者|司机|老板|氏|家|老|家属|副队|老汉|老太|某某|大夫|会计|厂长|连长|专员)"
)
# characters that write down names of other languages
_BORROWED = load("borrowed")
# of these, what stands in other words as often (当日新增)
_EVERYDAY = frozenset("当新日增外力海大里都平多更登加合明江和其达肉白音满花才让山木才青古图")
_NICKNAME = re.compile("[小老阿大]")
_PLACE_END = frozenset("路街巷弄道县市区镇乡村庄屯店厂站馆院族柜菜茶粮剂片丸病毒沟江河湖港州省堂寺塔墓堰寨")
_PLACE_NEXT = re.compile(
    "(?:[路街巷弄县市区镇乡村庄屯湾沟州省族]|大道|医院|中学|小学|大学|学院|集团|公司|医疗|[杯奖酒牌氏]|门店|专卖|文学|精神|主义|广场|公园|大厦|"
    "大桥|[桥站店馆拳]|景区|机场|口岸|自然村|社区|小区|花园|手术)"
)
_STRONG = re.compile(
    r"(?:姓 ?名|名字|真名|当事人|联系人|联络人|收货人|收件人|收件|收货|寄件人|持有人|"
    r"持卡人|持证人|户主|车主|监护人|法人|法人代表|负责人|责任人|机主|"
    r"我叫|名叫|叫做|名为|叫|我是|本人|登记|旅客|乘客|申请人|投诉人|举报人|死者|化名|原名|曾用名|name|其父|其母|其妻|其夫|其子|其女|其姐|"
    r"父亲|母亲|妻子|丈夫|儿子|女儿|爷爷|奶奶|室友|同事|邻居|朋友|户名|签收|登记人|记录人|核对人|司机|驾驶员|职工|民警|网格员)(?:系|是|为|叫|名叫|名)?[\"']?\s*[:=]?\s*[\"'“]?$",
    re.I,
)
_WEAK = re.compile(
    r"(?:患者|病人|患儿|孕妇|病例\d{0,4}|确诊者|感染者|密接|密切接触者|次密接|个案|接触者|学生|居民|村民|业主|住户|市民|网民|康复者|厂长|老板|支书|前台|值班医生|责任医师|责任护士|主任医师|队员|值班|周[一二三四五六日]|妹妹|姐姐|弟弟|哥哥|老公|老婆|爱人|妈妈|爸爸|家长|人员|员工|医生|护士|医师|志愿者|"
    r"成员|老师|教师|导游|家属|对象|专家|通知|问询|询问|访谈|回访|致电|联系|转告|感谢|谢谢|请|由|给|让|对|为|与|和|跟|及|据|被|是|把|听|有|到|因|经|因为|[、\d.])\s*[:]?\s*[“\"'(]?$"
)
_RIGHT_WORD = re.compile(
    r"家属|的|已|确诊|疑似|被|于|在|到|从|和|与|及|等|出生|系|因|曾|住|乘|驾|来|返|持|一家|是|为|有|未|无|之|核酸|说|称|表示|反映|回忆|认为|昨|今|"
    r"先生|女士|小姐|同学|同志|老师|医生|护士|主任|院长|医师|也|都|还|就|又|给|带|把|将|负责|拒绝|抱|家|两|三|您好|你好|去|向|体温|收|捐|退|正在|隐瞒|似"
)
_RIGHT_FACT = re.compile(
    r"[\s,;|、(]*(?:[男女](?:$|[,。;|\s)])|\d{1,3}岁|(?:19|20)\d{2}|1[3-9]\d{5}|\d{15}|身份|电话|手机|家长|[\u4e00-\u9fff]{1,3}[市县省区族]|\(?[男女])"
)
_CALLED = re.compile(
    "说|称|你好|您好|先生|女士|同学|老师|医生|护士|的(?:妈妈|爸爸|父母|丈夫|妻子|电话|手机|密接)|[、,;\\s]"
)
_OPEN_LEFT = re.compile(r"[\s,，。、;；:：!?()“”\"'<>|\[\]【】\d.)#@①-⑳-]")
_HAN = re.compile(r"[\u3400-\u9fff]+")
_JOIN = re.compile(r"[、,;/ ]|和|与|及|跟")
LONGEST_NAME = 8


def _form(name: str) -> str | None:
    """Which shape a span has, by the surname it begins with."""
    if name[:2] in _DOUBLE and len(name) in (3, 4):
        return "two_any"
    if name[0] in _SINGLE and len(name) <= 4:
        return {2: "one_one", 3: "one_two", 4: "one_three"}[len(name)]
    return None


def candidates(
    text: str, marks: list[int], sure: set[tuple[int, int]], ruled: set[tuple[int, int]]
) -> Iterator[tuple[int, int, list[float]]]:
    """Spans that may be names, with their features.

    Args:
        text: the view in simplified characters.
        marks: edges of other findings.
        sure: spans that the rules find at the mask point.
        ruled: spans that they find at the block point.
    """
    near = sorted(marks)
    starts = {start for start, _ in ruled}
    for at, belief in ner.read(text):
        size = len(belief.begins)
        piece = text[at : at + size]
        for run in _HAN.finditer(piece):
            for start in range(run.start(), run.end() - 1):
                begins = float(belief.begins[start])
                surname = piece[start] in _SINGLE or piece[start : start + 2] in _DOUBLE
                borrowed = piece[start] in _BORROWED and piece[start + 1] in _BORROWED
                if not (surname or borrowed) and begins < 1e-3 and (at + start) not in starts:
                    continue
                before = text[max(0, at + start - 10) : at + start]
                placed = (surname or borrowed) and (
                    _opens(before) or bool(_STRONG.search(before) or _WEAK.search(before))
                )
                for end in range(start + 2, min(start + LONGEST_NAME, run.end()) + 1):
                    low, high = at + start, at + end
                    if _excluded(text, low, high):
                        continue
                    known = (low, high) in ruled
                    chance = belief.span(start, end) if begins > 1e-4 else begins
                    foreign = borrowed and _foreign(piece[start:end])
                    if end - start > 4 and chance < 2e-2 and not (known or foreign):
                        continue
                    if not (surname or foreign or known) and chance < 2e-2:
                        continue
                    if known or chance >= (1e-3 if surname else 2e-2) or (placed and _closes(text, high)):
                        yield (
                            low,
                            high,
                            _features(text, start, end, at, belief, chance, near, (low, high) in sure, known),
                        )


def _foreign(name: str) -> bool:
    """Whether all characters write down names of other languages, two at least hardly anything else."""
    return all(c in _BORROWED for c in name) and sum(c not in _EVERYDAY for c in name) >= 2


def _spoken_of(text: str, low: int) -> bool:
    before = text[max(0, low - 10) : low]
    return bool(_STRONG.search(before) or _WEAK.search(before))


def _excluded(text: str, low: int, high: int) -> bool:
    """What is never labelled: 张某, 王医师, 小李, 汉族; a common word (夏雨) that nothing calls a person."""
    name = text[low:high]
    if name in _WORDS and not (
        _spoken_of(text, low) or _RIGHT_FACT.match(text, high) or _CALLED.match(text, high)
    ):
        return True
    surname = 2 if name[:2] in _DOUBLE else 1
    if "某" in name or text[high : high + 1] == "某" or name[-1] == "族":
        return True
    if name in _DOUBLE or (
        len(name) == 2 and name[0] not in _SINGLE and name[1] in _SINGLE and _NICKNAME.match(name)
    ):
        return True
    rest = name[surname:]
    return bool(_TITLE.fullmatch(rest) or _TITLE.fullmatch(name))


def _opens(before: str) -> bool:
    return not before or bool(_OPEN_LEFT.match(before[-1]) or _JOIN.match(before[-1]))


def _closes(text: str, at: int) -> bool:
    return at >= len(text) or bool(_OPEN_LEFT.match(text[at]) or _RIGHT_WORD.match(text, at))


def _features(
    text: str, start: int, end: int, at: int, belief: ner.Posterior,
    chance: float, near: list[int], sure: bool, known: bool,
) -> list[float]:  # fmt: skip
    from bisect import bisect_left

    low, high = at + start, at + end
    name = text[low:high]
    form = _form(name) or {2: "none_two", 3: "none_three", 4: "none_four"}.get(end - start, "none_more")
    before = text[max(0, low - 10) : low]
    strong = bool(_STRONG.search(before))
    chance = min(max(chance, 1e-5), 1 - 1e-5)
    rest = name[2:] if form == "two_any" else name[1:]
    spot = bisect_left(near, low - 12)
    surname = 2 if form == "two_any" else 1
    weak = not strong and bool(_WEAK.search(before))
    opens, closes = _opens(before), high >= len(text) or bool(_OPEN_LEFT.match(text[high]))
    values = {
        "bias": 1.0,
        "odds": math.log(chance / (1 - chance)),
        "odds_rest": math.log(max(1e-5, 1 - chance)),
        "other": math.log(min(max(belief.other(start, end), 1e-4), 0.999)),
        "person": float(belief.person[start:end].mean()),
        "place": float(belief.place[start:end].mean()),
        "begin_edge": float(belief.boundary[start]),
        "end_edge": float(belief.boundary[end]) if end < len(belief.boundary) else 1.0,
        form: 1.0,
        "strong_cue": strong,
        "weak_cue": weak,
        "left_open": opens,
        "right_open": closes,
        "open_both": opens and closes,
        "cue_open": (strong or weak) and closes,
        "beside": _beside(text, start, end, at, belief),
        "right_word": bool(_RIGHT_WORD.match(text, high)),
        "right_fact": bool(_RIGHT_FACT.match(text, high)),
        "near_mark": spot < len(near) and near[spot] <= high + 12,
        "word": name in _WORDS,
        "division": name in division_names(),
        "not_given": any(c in _NOT_GIVEN for c in rest),
        "title": bool(_TITLE.match(name, surname)),
        "place_end": name[-1] in _PLACE_END,
        "place_next": bool(_PLACE_NEXT.match(text, high)),
        "borrowed": not _form(name) and _foreign(name),
        "frequent": name[0] in _FREQUENT,
        "rare": name[0] in _RARE,
        "ruled_sure": sure,
        "ruled": known and not sure,
    }
    return [float(values.get(feature, 0.0)) for feature in FEATURES]


def _beside(text: str, start: int, end: int, at: int, belief: ner.Posterior) -> float:
    """How surely the tagger sees a name on the other side of a comma or an "and"."""
    best = 0.0
    if start > 1 and _JOIN.match(text[at + start - 1]):
        best = float(belief.person[start - 2])
    if end + 1 < len(belief.person) and _JOIN.match(text[at + end]):
        best = max(best, float(belief.person[end + 1]))
    return best


@lru_cache(maxsize=1)
def weights() -> tuple[float, ...]:
    """One weight a feature."""
    lines = files("lianfang.guard.redaction.words").joinpath("weights.txt").read_text(encoding="utf-8")
    found = dict(line.split() for line in lines.splitlines() if line and not line.startswith("#"))
    return tuple(float(found[feature]) for feature in FEATURES)


def weighed(
    text: str, marks: list[int], sure: set[tuple[int, int]], ruled: set[tuple[int, int]],
    used: bytearray, threshold: float,
) -> list[tuple[int, int]]:  # fmt: skip
    """The most probable spans without overlap, none below the threshold, none where ``used`` is set."""
    w = weights()
    scored = []
    for start, end, values in candidates(text, marks, sure, ruled):
        z = sum(a * b for a, b in zip(w, values, strict=True))
        if z >= math.log(threshold / (1 - threshold)):
            scored.append((-z, start, end))
    taken: list[tuple[int, int]] = []
    for _, start, end in sorted(scored):
        if not any(used[start:end]):
            used[start:end] = b"\1" * (end - start)
            taken.append((start, end))
    return taken
