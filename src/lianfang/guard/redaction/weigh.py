"""Names in Chinese characters, weighed: what words, name characters, context, rules and the tagger say together.

Every span of two to eight characters that begins with a surname, is made of parts of names of other languages,
that the tagger holds possible or that a rule found, gets a probability by logistic regression over the features
of :data:`FEATURES`; where the tagger is not there, over :data:`PLAIN` alone, with weights of their own. Weights
were fitted (L2) on the development texts of ``tests/redaction_corpus``; ``scripts/fit_redaction.py`` writes them
to ``words/weights.txt`` and ``words/weights_rules.txt``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from functools import lru_cache
from importlib.resources import files

from lianfang.guard.redaction import cues, lexicon, ner
from lianfang.guard.redaction.address import division_names, place_stems
from lianfang.guard.redaction.words import alternation, load

#: what is known without the tagger
PLAIN = (
    "bias", "one_one", "one_two", "two_any", "one_three", "none_two", "none_three", "none_four", "none_more",
    "lexical", "name", "ratio", "short_ratio", "word", "word_told", "given_word", "head_word",
    "cross_left", "cross_right", "next_word", "last_word", "word_common", "word_open",
    "label", "role", "verb", "title_after", "speaks", "word_after", "fact_after", "listed",
    "listed_word", "near_mark",
    "left_open", "right_open", "open_both", "told_open", "field", "told_speaks", "open_speaks", "whole",
    "division", "place", "not_given", "title", "place_end", "place_next", "borrowed", "composed", "foreign",
    "ruled_sure", "ruled",
)  # fmt: skip
#: what the tagger adds
FEATURES = (*PLAIN, "odds", "odds_rest", "other", "person", "location", "begin_edge", "end_edge", "beside")

_SINGLE = load("surnames")
_JAPANESE = load("surnames_japanese")
_DOUBLE = load("surnames_two") | _JAPANESE
_NOT_GIVEN = load("not_given")
_WORDS = load("common")
_NOBODY = load("nobody")
_UNLABELLED = load("nobody_unlabelled")
# what one comes from, runs or buys (爱尔兰籍, 鲁谷店), and a surname asked for (您贵姓)
_ENDS_NOBODY = re.compile("[\u4e00-\u9fff]{2,}[籍店剂稿菜阁楼鸟署]|者.+|.?贵姓|.[姓男女]")
# what is named after somebody, and lists of places (康宁、安贞、常青三个社区)
_AFTER_SOMEBODY = re.compile(
    "(?:夫人)?(?:纪念|基金会|医院|学校|学院|中学|小学|大学|中医馆|医馆|健康学院|故居|博物馆|图书馆|体育馆|专卖店|奖学金|"
    "大街|路(?=[、,。;至与]|沿线|段|$)|社区|小区|街道)|"
    "(?:、[\u4e00-\u9fff]{2,4}){0,6}(?:等)?(?:[两二三四五六七八九十\\d]+个?(?:社区|小区|街道|[地区县市镇村乡校院站])|一带)"
)
_OF_PLACE = re.compile("[一-鿿]{2,}[县市省]人")
# where one is, comes from or goes to, and what is said of a place
_TO_PLACE = frozenset("在从到回往去至返经由抵赴离飞自")
_SAID_OF_PLACE = re.compile(
    "那边|方面|打工|务工|来电|来的|返|口岸|站|两地|三地|一带|反馈|回信|[县市区]|的企业|的电话|等地|境内|当地"
)
_LEFT_OVER = re.compile(r"群里|[)\d]班")
# a brand that is a person's name before what it sells
_SOLD = re.compile("大?药房|凉茶|牛肉|奶茶|咖啡|面馆|火锅|超市|药业|食品|服饰|珠宝")
_TITLE = re.compile(
    "(?:老)?(?:先生|女士|小姐|太太|夫人|同学|同志|老师|医生|医师|护士|护士长|护理师|大爷|大妈|大姐|大哥|大叔|大婶|大娘|阿姨|叔叔|奶奶|爷爷|伯伯|婆婆|师傅|"
    "书记|主任|副主任|经理|教授|院长|局长|处长|科长|镇长|村长|市长|县长|区长|所长|队长|校长|站长|班长|部长|总|董|某|姐|哥|姨|叔|伯|婶|嫂|爷|奶|妈|爸|工|队|"
    "院士|主席|警官|律师|记者|司机|老板|氏|家|老|太|家属|副队|老汉|老太|某某|大夫|会计|厂长|连长|专员|团长|法官|教练|导演|村医|半仙|掌柜)"
)
# characters that write down names of other languages
_BORROWED = load("borrowed")
# of these, what stands in other words as often (当日新增)
_EVERYDAY = frozenset("当新日增外力海大里都平多更登加合明江和其达肉白音满花才让山木才青古图")
_NICKNAME = re.compile("[小老阿大]")
# a surname of very few that opens a clause of every order (须当日报告)
_MUST = "须"
_PLACE_END = frozenset(
    "路街巷弄道县市区镇乡村庄屯店厂站馆院族柜菜茶粮剂片丸病毒沟江河湖港州省堂寺塔墓堰寨群码药汤"
)
_PLACE_NEXT = re.compile(
    "(?:[东西南北中][路街]|[路街巷弄县市区镇乡村庄屯湾沟州省族码药汤糖液]|大道|医院|中学|小学|大学|学院|集团|公司|医疗|[杯奖酒牌氏]|门店|专卖|文学|精神|主义|广场|公园|大厦|"
    "大桥|[桥站店馆拳]|景区|机场|口岸|自然村|社区|小区|花园|手术|家湾|家村|家庄|家沟|家坡|体育馆|纪念馆|综合征|病毒|方程|曲线|模型|系数|检验|胡同)"
)
_PARTS = load("minority")
# a syllable that ends such names and stands in none alone
_COMPOSED = re.compile(f"{alternation(_PARTS)}+(?:[汗江惹莫则姆提措]|古丽)?")
# 第五 is a surname, 第五天 is none
_ORDINAL = re.compile("第五[天次例批个条章节届名轮期周年月日组号版]")
_VILLAGE = re.compile("[\u4e00-\u9fff]家?[村湾庄屯坳沟堡岗坪]|[\u4e00-\u9fff]家[河口桥岭坡嘴台店集畈]")
_HAN = re.compile(r"[\u3400-\u9fff]+")
LONGEST_NAME = 8
#: how much less likely, in log-odds, a longer reading may be that is taken at the block point
WIDEST_GAP = 1.5
#: a span whose words explain it so much better than a name is not looked at without a cue
_HOPELESS = -9.0


def _form(name: str) -> str | None:
    """Which shape a span has, by the surname it begins with."""
    if name[:2] in _DOUBLE and len(name) in (3, 4, 5 if name[:2] in _JAPANESE else 4):
        return "two_any"
    if lexicon.is_surname(name[0]) and len(name) <= 4:
        return {2: "one_one", 3: "one_two", 4: "one_three"}[len(name)]
    return None


def _foreign(name: str) -> bool:
    """Whether all characters write down names of other languages, two at least hardly anything else."""
    return all(c in _BORROWED for c in name) and sum(c not in _EVERYDAY for c in name) >= 2


def _told(text: str, low: int, high: int, cued: tuple[bool, bool, bool]) -> bool:
    """Whether the words around say that a person is spoken of."""
    label, role, _ = cued
    return label or role or cues.title_after(text, high) or cues.fact_after(text, high)


def _excluded(text: str, low: int, high: int, told: bool, label: bool) -> bool:
    """What is never labelled: 张某, 王医师, 小李, 汉族; a common word (夏雨) that nothing calls a person.

    ``label``: a word such as 姓名 stands before, or a rule is sure.
    """
    name = text[low:high]
    if "某" in name or text[high : high + 1] == "某" or name[-1] in "族籍" or name in _NOBODY:
        return True
    # 群里|程蓉, 五(3)班|祁悦然, 2单元|王阿姨: the character before the surname is another word's
    if _LEFT_OVER.fullmatch(text[max(0, low - 1) : low + 1]) and lexicon.is_surname(text[low + 1 : low + 2]):
        return True
    if name.startswith("单元") or _ORDINAL.match(text, low) or _SOLD.match(text, high):
        return True
    if not label and (
        name in _UNLABELLED or _ENDS_NOBODY.fullmatch(name) or _AFTER_SOMEBODY.match(text, high)
    ):
        return True
    opens, titled = cues.opens(text[max(0, low - 1) : low]), cues.title_after(text, high)
    if name[0] == _MUST and opens and not (label or titled):
        return True
    return _of_place(text, low, high, told, titled) or _a_word(text, low, high, told) or _a_title(name)


def _of_place(text: str, low: int, high: int, told: bool, titled: bool) -> bool:
    """Whether a span is a place, or a place and a piece of the next word."""
    name = text[low:high]
    # 从西宁, 过武汉: the way to a place
    if _OF_PLACE.fullmatch(name) or (name[0] in "从于过" and name[1:] in division_names()):
        return True
    # 衡阳东 is a station, 金门人 where one is from; 花莲林先生 has a surname and a title
    if len(name) == 3 and name[:2] in place_stems() and name[:2] not in _DOUBLE:
        addressed = titled and name[0] not in lexicon.FREQUENT and lexicon.is_surname(name[-1])
        if addressed or name[-1] in "人返" or (name[-1] in "东西南北" and not told):
            return True
    if name in place_stems():
        spoken_of = text[low - 1 : low] in _TO_PLACE or _SAID_OF_PLACE.match(text, high)
        if (
            len(name) > 2
            or (low and spoken_of and not told)
            or text[max(0, low - 2) : low] in division_names()
        ):
            return True
    if len(name) > 2 and name[-1] in "路街区县镇乡巷" and not told:
        return True
    return bool(_VILLAGE.fullmatch(text[low : high + 1]) or _VILLAGE.fullmatch(name))


def _a_word(text: str, low: int, high: int, told: bool) -> bool:
    """Whether a span is a common word that nothing beside it calls a person."""
    name = text[low:high]
    if name in _WORDS and not (told or cues.speaks(text, high) or cues.closes(text, high)):
        return True
    if name in _WORDS and name[0] not in _SINGLE and not told:
        return True
    rest = name[2 if name[:2] in _DOUBLE else 1 :]
    return (name in _WORDS or name in lexicon.words()) and any(c in _NOT_GIVEN for c in rest)


def _a_title(name: str) -> bool:
    """Whether a span is a surname alone, a nickname (小李), or a surname and a title (王医师)."""
    if name in _DOUBLE or (
        len(name) == 2 and name[0] not in _SINGLE and name[1] in _SINGLE and _NICKNAME.match(name)
    ):
        return True
    if (len(name) > 2 and name[-2:] in cues.ROLES) or name in cues.ROLES:
        return True
    rest = name[2 if name[:2] in _DOUBLE else 1 :]
    return bool(_TITLE.fullmatch(rest) or _TITLE.fullmatch(name))


#: what is known of a span, by name; what is not there is 0
Features = dict[str, float]


class _Reading:
    """One sentence while its spans are weighed."""

    __slots__ = ("at", "belief", "known", "near", "size", "sure", "text")

    def __init__(
        self, text: str, near: list[int], sure: set[tuple[int, int]], known: set[tuple[int, int]],
        at: int, belief: ner.Posterior | None, size: int,
    ) -> None:  # fmt: skip
        self.text, self.near, self.sure, self.known = text, near, sure, known
        self.at, self.belief, self.size = at, belief, size


def candidates(
    text: str, marks: list[int], sure: set[tuple[int, int]], ruled: set[tuple[int, int]], *, tagger: bool
) -> Iterator[tuple[int, int, Features]]:
    """Spans that may be names, with their features.

    Args:
        text: the view in simplified characters.
        marks: edges of other findings.
        sure: spans that the rules find at the mask point.
        ruled: spans that they find at the block point.
        tagger: read the sentences with the tagger; without it the values are those of :data:`PLAIN`.
    """
    near = sorted(marks)
    starts = {start for start, _ in ruled}
    sentences = ner.read(text) if tagger else ((at, None) for at in (0,))
    for at, belief in sentences:
        size = len(text) if belief is None else len(belief.begins)
        reading = _Reading(text, near, sure, ruled, at, belief, len(text.strip()))
        for run in _HAN.finditer(text, at, at + size):
            if run.end() - run.start() > 1:
                yield from _of_run(reading, run.start(), run.group(), starts)


def _of_run(reading: _Reading, base: int, run: str, starts: set[int]) -> Iterator[tuple[int, int, Features]]:
    """Candidates within one run of Chinese characters, which begins at ``base``."""
    before, after = lexicon.costs(run)
    total, belief, text = after[0], reading.belief, reading.text
    composed = {(m.start(), m.end()) for m in _COMPOSED.finditer(run) if m.end() - m.start() >= 2}
    heads = {start for start, _ in composed}
    for start in range(len(run) - 1):
        two = run[start : start + 2] in _DOUBLE
        surname = two or lexicon.is_surname(run[start])
        borrowed = run[start] in _BORROWED and run[start + 1] in _BORROWED
        abroad = lexicon.is_foreign(run[start : start + 3])
        low = base + start
        begins = 0.0 if belief is None else float(belief.begins[low - reading.at])
        # what fills the field after a label or a word for a person may be any two to four characters
        asked = not start and low > 0 and text[low - 1] in ":=\t>"
        if not (surname or borrowed or abroad or asked or start in heads or low in starts) and begins < 1e-3:
            continue
        cued = cues.before_name(text[max(0, low - 12) : low])
        asked = asked and (cued[0] or cued[1])
        for end in range(start + 2, min(start + LONGEST_NAME, len(run)) + 1):
            high = base + end
            name = run[start:end]
            known = (low, high) in reading.known
            built = (start, end) in composed
            shaped = surname and end - start <= (
                3 if not two and belief is None and start else 5 if run[start : start + 2] in _JAPANESE else 4
            )
            chance = 0.0
            if belief is not None:
                chance = begins if begins <= 1e-4 else belief.span(low - reading.at, high - reading.at)
            foreign = (borrowed and end - start <= 6 and _foreign(name)) or (
                abroad and end - start >= 3 and end - start <= 6 and lexicon.foreign_chance(name) > -6.0
            )
            field = asked and end - start <= 4 and cues.closes(text, high)
            if not (shaped or known or built or foreign or field or chance >= 2e-2):
                continue
            lexical = total - before[start] - after[end]
            cut = 2 if two else 1
            named = lexicon.name_chance(name[:cut], name[cut:]) if surname and end - start > cut else -30.0
            if not (known or field or built or foreign or chance >= 1e-3):
                hopeless = named - lexical < _HOPELESS
                if hopeless and not (cued[0] or cued[1]):
                    continue
            told = _told(text, low, high, cued)
            named_so = cued[0] or (low, high) in reading.sure
            if _excluded(text, low, high, told, named_so):
                continue
            yield low, high, _features(reading, low, high, cued, told, lexical, named, chance, built)


def _level(word: str) -> float:
    """How common a word is: 0 for none, about 1 for the commonest."""
    chance = lexicon.words().get(word)
    return 0.0 if chance is None else (chance + 18.0) / 12.0


def _ordinary(item: str) -> bool:
    """Whether an item of a list is a word or a place."""
    return item in lexicon.words() or item in place_stems()


def _features(
    reading: _Reading, low: int, high: int, cued: tuple[bool, bool, bool], told: bool,
    lexical: float, named: float, chance: float, built: bool,
) -> Features:  # fmt: skip
    from bisect import bisect_left

    text, near = reading.text, reading.near
    name = text[low:high]
    size = high - low
    form = _form(name)
    rest = name[2:] if form == "two_any" else name[1:]
    label, role, verb = cued
    opens, closes = cues.opens(text[max(0, low - 1) : low]), cues.closes(text, high)
    speaks = cues.speaks(text, high)
    spot = bisect_left(near, low - 12)
    beside = cues.neighbours(text, low, high)
    ratio = max(-15.0, min(15.0, named - lexical)) if form else 0.0
    word = max(_level(name), 0.5 * (name in _WORDS))
    known = (low, high) in reading.known
    sure = (low, high) in reading.sure
    values = {
        "bias": 1.0,
        form or {2: "none_two", 3: "none_three", 4: "none_four"}.get(size, "none_more"): 1.0,
        "lexical": lexical / 10 / size,
        "name": named / 10 if form else 0.0,
        "ratio": ratio / 5,
        "short_ratio": ratio / 5 if form == "one_one" else 0.0,
        "word": word,
        "word_told": word * told,
        "given_word": _level(rest) if len(rest) > 1 else 0.0,
        "head_word": _level(name[:2]) if size > 2 else 0.0,
        "cross_left": _level(text[low - 1 : low + 1]) if low else 0.0,
        "cross_right": _level(text[high - 1 : high + 1]) if high < len(text) else 0.0,
        "next_word": max(_level(text[high : high + 2]), _level(text[high : high + 3])),
        "last_word": max(_level(text[max(0, low - 2) : low]), _level(text[max(0, low - 3) : low])),
        "word_common": max(0.0, word - 0.6),
        "word_open": word if opens and closes and not told else 0.0,
        "label": label,
        "role": role,
        "verb": verb,
        "title_after": cues.title_after(text, high),
        "speaks": speaks,
        "word_after": cues.word_after(text, high),
        "fact_after": cues.fact_after(text, high),
        "listed": any(item[0] in _SINGLE and not _ordinary(item) for item in beside),
        "listed_word": any(_ordinary(item) for item in beside),
        "near_mark": spot < len(near) and near[spot] <= high + 12,
        "left_open": opens,
        "right_open": closes,
        "open_both": opens and closes,
        "told_open": (label or role) and closes,
        "field": (label or role) and closes and low > 0 and text[low - 1] in ":=\t>",
        "told_speaks": (label or role) and speaks,
        "open_speaks": opens and speaks,
        "whole": opens and closes and size == reading.size,
        "division": name in division_names(),
        "place": not told and name in place_stems(),
        "not_given": any(c in _NOT_GIVEN for c in rest),
        "title": bool(_TITLE.match(rest)),
        "place_end": name[-1] in _PLACE_END,
        "place_next": bool(_PLACE_NEXT.match(text, high)),
        "borrowed": not form and _foreign(name),
        "composed": 0.0 if not built else 0.5 if size == 2 else 1.0,
        "foreign": 0.0 if form else (lexicon.foreign_chance(name) + 7) / 3,
        "ruled_sure": sure,
        "ruled": known and not sure,
    }
    told_of = {name: float(value) for name, value in values.items() if value}
    if reading.belief is None:
        return told_of
    return told_of | _believed(reading.belief, text, reading.at, low, high, chance)


def _believed(
    belief: ner.Posterior, text: str, at: int, low: int, high: int, chance: float
) -> dict[str, float]:
    """What the tagger thinks of a span."""
    start, end = low - at, high - at
    chance = min(max(chance, 1e-5), 1 - 1e-5)
    return {
        "odds": math.log(chance / (1 - chance)),
        "odds_rest": math.log(max(1e-5, 1 - chance)),
        "other": math.log(min(max(belief.other(start, end), 1e-4), 0.999)),
        "person": float(belief.person[start:end].mean()),
        "location": float(belief.place[start:end].mean()),
        "begin_edge": float(belief.boundary[start]),
        "end_edge": float(belief.boundary[end]) if end < len(belief.boundary) else 1.0,
        "beside": _beside(text, start, end, at, belief),
    }


_JOIN = re.compile(r"[、,;/ ]|和|与|及|跟")


def _beside(text: str, start: int, end: int, at: int, belief: ner.Posterior) -> float:
    """How surely the tagger sees a name on the other side of a comma or an "and"."""
    best = 0.0
    if start > 1 and _JOIN.match(text[at + start - 1]):
        best = float(belief.person[start - 2])
    if end + 1 < len(belief.person) and _JOIN.match(text[at + end]):
        best = max(best, float(belief.person[end + 1]))
    return best


@lru_cache(maxsize=2)
def weights(tagger: bool) -> dict[str, float]:
    """One weight a feature, by its name."""
    name = "weights.txt" if tagger else "weights_rules.txt"
    lines = files("lianfang.guard.redaction.words").joinpath(name).read_text(encoding="utf-8")
    rows = (line.split() for line in lines.splitlines() if line and not line.startswith("#"))
    return {key: float(value) for key, value in rows}


def weighed(
    text: str, marks: list[int], sure: set[tuple[int, int]], ruled: set[tuple[int, int]],
    used: bytearray, threshold: float, *, tagger: bool, widen: bool = False,
) -> list[tuple[int, int]]:  # fmt: skip
    """The most probable spans without overlap, none below the threshold, none where ``used`` is set.

    ``widen``: where a longer reading of a span that was taken reaches the threshold too, that is taken instead:
    a release is refused for the whole of a name, not for most of it.
    """
    weight = weights(tagger)
    least = math.log(threshold / (1 - threshold))
    scored = []
    for start, end, values in candidates(text, marks, sure, ruled, tagger=tagger):
        z = sum([weight[name] * value for name, value in values.items()])
        if z >= least:
            scored.append((z, start, end))
    return settle(scored, used, widen=widen)


def settle(scored: list[tuple[float, int, int]], used: bytearray, *, widen: bool) -> list[tuple[int, int]]:
    """Of scored spans ``(log-odds, start, end)`` the best without overlap; ``widen`` as in :func:`weighed`."""
    taken: dict[tuple[int, int], float] = {}
    for z, start, end in sorted(scored, key=lambda one: (-one[0], one[1], one[2])):
        if not any(used[start:end]):
            used[start:end] = b"\1" * (end - start)
            taken[start, end] = z
    begins = {span[0]: span for span in taken}
    for z, start, end in scored if widen else ():
        near = [begins[i] for i in range(start, end) if i in begins]
        inside = [span for span in near if span[1] <= end and span != (start, end)]
        if (
            inside
            and max(taken[span] for span in inside) - z <= WIDEST_GAP
            and sum(used[start:end]) == sum(high - low for low, high in inside)
        ):
            used[start:end] = b"\1" * (end - start)
            for span in inside:
                del taken[span], begins[span[0]]
            taken[start, end], begins[start] = z, (start, end)
    return list(taken)
