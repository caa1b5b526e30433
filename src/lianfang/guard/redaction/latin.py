"""Names in Latin letters: given names, Chinese names in pinyin, and cue words around capitalised words."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lianfang.guard.redaction.words import load

Span = tuple[str, int, int]

_SINGLE = "".join(sorted(load("surnames")))
_STOP = load("english")
_GIVEN = load("given_latin")
_SURNAMES = load("surnames_latin")

_UP = "A-ZÀ-ÖØ-Þ"
_LOW = "a-zß-öø-ÿ"
_SLASHED = re.compile(
    r"(?<![A-Za-z/])[A-Z]{2,20}/[A-Z]{2,24}(?: [A-Z]{2,20})?(?: (?:MR|MS|MRS|MISS|MSTR|CHD))?(?![A-Za-z/])"
)
_MIXED = re.compile(
    rf"(?<![A-Za-z])[A-Z][a-z]{{1,14}} ?[{_SINGLE}](?=[^\u4e00-\u9fff]|的|已|乘|于|在|被|住|和|与|是|说|也|$)"
)
_WORD = (
    rf"(?:[{_UP}]['’][{_UP}][{_LOW}]{{1,14}}|(?:Mc|Mac|De|Al-|"
    rf"El-)?[{_UP}][{_LOW}]{{1,14}}(?:[-'][{_UP}]?[{_LOW}]{{1,14}})?)"
)
_RUN = re.compile(
    rf"(?<![A-Za-zÀ-ÿ\d_@./'-])(?:{_WORD}|[{_UP}]\.)(?:(?: (?:bin|binti|bint|van|von|der|"
    rf"den|de|da|dos|di|del|la|al|el|ibn))*[ ]"
    rf"(?:{_WORD}|[{_UP}]\.(?=[ ]))){{1,5}}(?![A-Za-zÀ-ÿ\d_@]|-\w|\.\w)"
)
_CAPITALS = re.compile(
    r"(?<![\w@./-])(?P<s>[A-Z]{2,9})(?:, ?|"
    r" )(?P<g>[A-Z][a-z]{1,11}(?:[ -][A-Z]?[a-z]{1,6})?|"
    r"[A-Z]{2,12}(?: [A-Z]{2,6})?)(?![\w@/-])"
)
_SYLLABLE = (
    r"(?:(?:[bpmfdtnlgkhjqxrzcsyw]|[zcs]h)?(?:a|o|e|ai|ei|ao|ou|ang|an|eng|en|ong|iang|iao|ian|ia|ie|iong|iu|ing|in|i|"
    r"uang|uai|uan|ua|uo|ui|un|ue|u|v|ve|er))"
)
_PINYIN = re.compile(rf"(?:{_SYLLABLE}['-]?){{1,3}}")
_CUE = re.compile(
    r"(?:\b(?:patient|patients|case|holder|name|named|called|mr|mrs|ms|miss|dr|prof|contact|contacts|"
    r"passenger|traveller|traveler|nurse|student|cardholder|driver|doctor|interviewer|respondent|teacher|neighbour|neighbor|"
    r"by|from|to|with|is|was|am|man|woman|boy|girl|husband|wife|son|daughter|father|mother|brother|sister|partner|"
    r"colleague|friend|told|and|beside|near|met|dear|hi|hello|regards|signed)\.?,?:? |[(:,;\"“] ?|[.!?] |\n|\d\. ?|^)$",
    re.I,
)
_STRONG_CUE = re.compile(
    r"\b(?:patient|holder|named?|name is|called|mr|mrs|ms|miss|dr|prof|passenger|"
    r"traveller|traveler|nurse|cardholder|husband|wife|"
    r"son|daughter|father|mother|brother|sister|colleague|dear|interviewer|respondent)\.?,?:? $",
    re.I,
)
_AFTER = re.compile(
    r"(?:'s)?(?: (?:is|was|has|had|who|tested|lives|lived|travelled|traveled|arrived|"
    r"reported|says|said|shared|wore|took|sat|asked|"
    r"visited|flew|died|and|with|from|will|developed|denies|denied|boarded|called|works|"
    r"worked|went|came)\b|,? ?\(?(?:\d|aged|male|female|passport|phone|born|who)|"
    r"[,.;)(:\"”!?]|$|\n| <)"
)
_ROLE = re.compile(
    r"\b(?:contacts?|driver|doctor|student|teacher|neighbou?r|man|woman|boy|girl|partner|"
    r"friend|told|beside|met|called|identified as|"
    r"respondent|case \d{1,4}|case)[,:]? $",
    re.I,
)
_VERB = re.compile(
    r"(?:'s (?:son|daughter|wife|husband|mother|father|number|phone)| (?:tested|lives|"
    r"lived|says|said|wore|took|denies|denied|works|worked|died|who)\b|"
    r",? ?\((?:aged|male|female|\d)|, (?:aged|male|female|\d{1,3}\b))"
)
_SHAPED = re.compile(
    r"(?:ov|ova|ev|eva|ski|ska|sky|enko|escu|sson|[^a]sen|stein|berg|mann|[^n]ez|elli|etti|ucci|opoulos|idis|ian|moto|mura|shima|yama|kawa|tani)$|^(?:Mc|O['’])[A-Z]"
)
_LEADING = frozenset(
    [
        "patient",
        "mr",
        "mrs",
        "ms",
        "dr",
        "miss",
        "prof",
        "professor",
        "holder",
        "case",
        "nurse",
        "dear",
        "from",
        "to",
        "passenger",
        "traveller",
        "traveler",
        "driver",
        "taxi",
        "contact",
        "report",
        "call",
        "student",
        "doctor",
        "teacher",
        "hi",
        "hello",
        "by",
        "with",
        "and",
        "interviewer",
        "respondent",
        "name",
        "ask",
        "tell",
        "meet",
        "cc",
        "bcc",
        "subject",
        "officer",
        "inspector",
    ]
)
_PARTICLES = frozenset(
    [
        "bin",
        "binti",
        "bint",
        "van",
        "von",
        "der",
        "den",
        "de",
        "da",
        "dos",
        "di",
        "del",
        "la",
        "al",
        "el",
        "ibn",
    ]
)


def _pinyin(surname: str, given: list[str]) -> bool:
    return surname.lower() in _SURNAMES and all(_PINYIN.fullmatch(g.lower()) for g in given)


def _capitals(text: str) -> Iterator[Span]:
    """LIU HANYAN, LI, XIAOMING, MENG Haoran: a surname in capitals and a name in pinyin."""
    for found in _CAPITALS.finditer(text):
        given = found["g"].replace("-", " ").split(" ")
        if any(g.lower() in _STOP for g in (found["s"], *given)) or len("".join(given)) < 3:
            continue
        if _pinyin(found["s"], given):
            yield "PERSON", found.start(), found.end()


def latin(text: str, *, weak: bool) -> Iterator[Span]:
    """Names in Latin letters.

    Args:
        text: the normalised view.
        weak: a cue on one side is enough.
    """
    for pattern in (_SLASHED, _MIXED):
        for found in pattern.finditer(text):
            yield "PERSON", found.start(), found.end()
    yield from _capitals(text)
    for found in _RUN.finditer(text):
        yield from _names(text, found.start(), found.group().split(" "), weak)


def _names(text: str, start: int, parts: list[str], weak: bool) -> Iterator[Span]:
    """What of a run of capitalised words is a name; a word that stands in no name ends the run."""
    while parts and (parts[0].lower().strip(".") in _LEADING or parts[0] in _PARTICLES):
        start += len(parts.pop(0)) + 1
    # "Zhang Wei Hospital" is a hospital: what ends in a stop word is nobody
    stops = [
        i for i, part in enumerate(parts) if part.lower().strip(".") in _STOP and len(part.strip(".")) > 1
    ]
    if stops and stops[0] == 0 and len(parts) > 2 and len(stops) == 1 and parts[1].lower() in _GIVEN:
        start += len(parts.pop(0)) + 1
    # a surname may be such a word (Helen Park, Anne Hill): only after a given name, at the end
    elif stops and not (
        stops == [1] and len(parts) == 2 and parts[0].lower() in _GIVEN and parts[1] in _DOUBTFUL
    ):
        return
    if len(parts) < 2 or all(len(part.strip(".")) == 1 for part in parts):
        return
    end = start + len(" ".join(parts))
    before = text[max(0, start - 16) : start]
    cue, after = _CUE.search(before), _AFTER.match(text[end : end + 16])
    known = parts[0].lower() in _GIVEN or (parts[0].endswith(".") and not parts[-1].endswith("."))
    pinyin = _pinyin(parts[0], parts[1:]) or (len(parts) == 2 and _pinyin(parts[1], parts[:1]))
    asian = parts[0].lower() in _SURNAMES and len(parts) in (2, 3)
    strong = _STRONG_CUE.search(before)
    shaped = _SHAPED.search(parts[-1]) is not None
    if (
        known
        or pinyin
        or strong
        or ((asian or shaped) and (weak or cue or after))
        or (
            len(parts) == 2
            and cue
            and after
            and (weak or (_ROLE.search(before) and after))
            and (_ROLE.search(before) or _VERB.match(text[end : end + 16]))
        )
    ):
        yield "PERSON", start, end


_DOUBTFUL = frozenset(
    [
        "Park",
        "Hill",
        "Lane",
        "Young",
        "White",
        "Green",
        "Church",
        "Day",
        "Wood",
        "Field",
        "Law",
        "Best",
        "Long",
        "West",
        "Bridge",
        "Bush",
        "Brook",
        "Stone",
        "King",
    ]
)
