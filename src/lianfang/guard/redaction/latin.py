"""Names in Latin letters: given names, Chinese names in pinyin, and cue words around capitalised words."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lianfang.guard.redaction import lexicon
from lianfang.guard.redaction.given import alone
from lianfang.guard.redaction.latin_listed import listed
from lianfang.guard.redaction.roman import (
    ENGLISH_TOO,
    GIVEN,
    LOW,
    PARTICLES,
    PINYIN,
    PLACES,
    ROMAN,
    ROMAN_SURNAMES,
    SURNAMES,
    UP,
    christened,
    common,
    foreign,
    pinyin,
    world,
    worldly,
)  # fmt: skip
from lianfang.guard.redaction.words import bare, load

Span = tuple[str, int, int]

_SINGLE = "".join(sorted(load("surnames")))
_STOP = load("english")
_PAX = re.compile(r" (?:MR|MS|MRS|MISS|MSTR|CHD|INF|DR)(?![A-Za-z/])")
_SLASHED = re.compile(
    r"(?<![A-Za-z/])[A-Z]{2,20}/[A-Z]{2,24}(?: (?!(?:MR|MS|MRS|MISS|MSTR|CHD|INF|DR)\b)[A-Z]{2,20})?(?![A-Za-z/])"
)
_MIXED = re.compile(
    rf"(?<![A-Za-z])[A-Z][a-z]{{1,14}} ?[{_SINGLE}](?=[^\u4e00-\u9fff]|的|已|乘|于|在|被|住|和|与|是|说|也|$)"
)
# the same before any other word, where the first is a given name (Peggy 鄭查詢)
_MIXED_ANY = re.compile(rf"(?<![A-Za-z])(?P<g>[A-Z][a-z]{{1,14}}) [{_SINGLE}](?![\u4e00-\u9fff][,。、;)\s])")
_WORD = (
    rf"(?:[{UP}]['’][{UP}][{LOW}]{{1,14}}(?:-[{UP}][{LOW}]{{1,14}})?|(?:Mc|Mac|De|[Aa]l-|"
    rf"[Ee]l-)?[{UP}][{LOW}]{{1,14}}(?:[-'][{UP}]?[{LOW}]{{1,14}})?)"
)
_RUN = re.compile(
    rf"(?<![A-Za-zÀ-ɏẠ-ỹ\d_@./'°-])(?:{_WORD}|[{UP}]\.)(?:(?: (?:bin|binti|bint|van|von|der|"
    rf"den|de|da|dos|di|del|la|al|el|ibn))*[ ]"
    rf"(?:{_WORD}|[{UP}]\.(?=[ ]))){{1,5}}(?![A-Za-zÀ-ɏẠ-ỹ\d_@]|-\w|\.\w)"
)
_CAPITALS = re.compile(
    r"(?<![\w@./-])(?P<s>[A-Z]{2,9})(?:, ?|"
    r" )(?P<g>[A-Z][a-z]{1,11}(?:[ -][A-Z]?[a-z]{1,6})?|"
    r"[A-Z]{2,12}(?:[ -][A-Z]{2,6})?)(?![\w@/-])"
)
_CUE = re.compile(
    r"(?:\b(?:patient|patients|pt|case|caller|holder|name|named|called|mr|mrs|ms|miss|dr|prof|contact|contacts|"
    r"passenger|traveller|traveler|nurse|student|cardholder|driver|doctor|interviewer|"
    r"respondent|teacher|neighbour|neighbor|"
    r"by|cc|from|to|with|is|was|am|man|woman|boy|girl|husband|wife|son|daughter|father|mother|brother|sister|partner|"
    r"colleague|friend|told|and|beside|near|met|matched|dear|hi|hello|regards|signed)\.?,?:? |"
    r"[(:,;|\"“] ?|[.!?] |\n|\d\. ?|^)$",
    re.I,
)
_STRONG_CUE = re.compile(
    r"\b(?:patient|pt|holder|named?|name is|in the name of|i am|i'm|called|mr|mrs|ms|miss|dr|prof|passenger|"
    r"traveller|traveler|nurse|cardholder|husband|wife|"
    r"son|daughter|father|mother|brother|sister|colleague|dear|interviewer|respondent)\.?,?:? $",
    re.I,
)
_AFTER = re.compile(
    r"(?:'s)?(?: (?:is|was|has|had|who|tested|lives|lived|travelled|traveled|arrived|"
    r"reported|says|said|shared|wore|took|sat|asked|"
    r"visited|flew|died|and|with|from|will|developed|denies|denied|boarded|called|works|"
    r"worked|went|came)\b|,? ?\(?(?:\d|aged|male|female|passport|phone|born|who)|"
    r"[,.;)(:\"”!?|]| \||$|\n| <)"
)
_ROLE = re.compile(
    r"\b(?:contacts?|cc|caller|driver|doctor|student|teacher|neighbou?r|man|woman|boy|girl|partner|"
    r"friend|told|beside|met|called|identified as|"
    r"respondent|case \d{1,4}|case)[,:]? $",
    re.I,
)
_VERB = re.compile(
    r"(?:'s (?:son|daughter|wife|husband|mother|father|number|phone)| (?:tested|lives|"
    r"lived|says|said|wore|took|denies|denied|works|worked|died|who)\b|"
    r",? ?\((?:aged|male|female|\d)|, (?:of \d|aged|male|female|passport|HKID|DOB|MRN|\d{1,3}\b)|"
    r" ?\| ?(?:[MF]|male|female|\d{1,3})\b)"
)
_DOES = re.compile(
    r",? (?:who |and (?:his|her|their) )?(?:left|flew|went|came|took|sat|met|felt|had no|"
    r"has no|is ill|is a|was a|got|shared|boarded|"
    r"declined|refused|coughed|called|visited|arrived|returned|stayed|slept|drove|attended|tested|recovered|died)\b"
)
_SHAPED = re.compile(
    r"(?:ov|ova|ev|eva|ski|ska|sky|enko|escu|sson|[^a]sen|stein|berg|mann|[^n]ez|elli|etti|"
    r"ucci|opoulos|idis|ian|moto|mura|shima|yama|kawa|tani|rahman|ullah|uddin|bek|jan|gul)$|^(?:Mc|O['’])[A-Z]"
)
_LEADING = frozenset((
    "patient", "pt", "mr", "mrs", "ms", "dr", "miss", "prof", "professor", "holder", "case", "nurse", "dear",
    "from", "to", "passenger", "traveller", "traveler", "driver", "taxi", "contact", "report", "call",
    "student", "doctor", "teacher", "hi", "hello", "by", "with", "and", "attn", "interviewer", "respondent",
    "name", "ask", "tell", "meet", "cc", "bcc", "subject", "officer", "inspector",
))  # fmt: skip


# HL7 v2 writes a person as family^given^middle
_CARETS = re.compile(
    rf"(?<![\w^])[{UP}][{UP}{LOW}'-]{{1,24}}\^[{UP}][{UP}{LOW}'-]{{1,24}}(?:\^[{UP}{LOW}]{{0,20}})*(?![\w])"
)
_SMALL = re.compile(r"(?<![A-Za-z\d_@./'-])(?=([a-z]{2,12}) ([a-z'-]{2,14})(?![A-Za-z\d_@]|\.\w))")
_SMALL_CUE = re.compile(
    r"(?:\b(?:name is|named|called|name|i am|i'm|this is|patient|contact|passenger|holder|"
    r"nurse|driver|colleague|friend|roommate|"
    r"husband|wife|son|daughter|mother|father|brother|sister|dear|hi|hello|by|mr|mrs|ms|"
    r"dr)[:=,.]? ?|[\u4e00-\u9fff][:=]? ?|[=@] ?)$",
    re.I,
)


def _lower(text: str, weak: bool) -> Iterator[Span]:
    """Names without capitals: after a cue, or a surname and two syllables at least of pinyin."""
    end = 0
    for found in _SMALL.finditer(text):
        start = found.start()
        one, other = found.group(1), found.group(2).removesuffix("'s")
        if start < end:
            continue
        cue = _SMALL_CUE.search(text[max(0, start - 16) : start])
        chinese = one in SURNAMES and PINYIN.fullmatch(other) is not None
        long = chinese and weak and len(other) >= 5 and one not in ENGLISH_TOO
        known = one in GIVEN and one not in ENGLISH_TOO
        # a syllable may be a word of English too (san); after a surname and a cue it is none
        stopped = ({one} if chinese else {one, other}) & (_STOP - SURNAMES)
        if long or (cue and (chinese or known) and not stopped):
            end = start + len(one) + 1 + len(other)
            yield "PERSON", start, end


def _capitals(text: str) -> Iterator[Span]:
    """LIU HANYAN, LI, XIAOMING, CHAN Tai Man, XIAOMING WANG: a surname in capitals and a name of its language."""
    for found in _CAPITALS.finditer(text):
        surname, given = found["s"].lower(), found["g"].replace("-", " ").split(" ")
        end = found.end()
        # "ZHANG Wei and …"
        if len(given) == 2 and given[1].islower() and given[1] in _STOP:
            end -= len(given.pop()) + 1
        roman = surname in ROMAN_SURNAMES and all(ROMAN.fullmatch(g.lower()) for g in given)
        # a syllable may be a word of English (Tai Man): behind a surname that is none, and another syllable
        words = given[:1] if roman else given
        if any(g.lower() in _STOP for g in (surname, *words)) or len("".join(given)) < 3:
            continue
        cued = (
            surname in SURNAMES
            and re.search(r"[a-z]", found["g"])
            and _STRONG_CUE.search(text[max(0, found.start() - 16) : found.start()])
        )
        turned = len(given) == 1 and len(surname) >= 5 and pinyin(given[0], [surname])
        if cued or roman or turned or pinyin(surname, given):
            yield "PERSON", found.start(), end


# a given name alone, of a relative
_SINGLE_GIVEN = re.compile(
    r"\b(?:son|daughter|wife|husband|mother|father|brother|sister|named|called|baby) (?P<g>[A-Z][a-z]{2,12})"
    r"(?=$|[,.;:)!?\n]| (?:is|was|has|had|tested|and)\b)"
)
_NEXT = re.compile(r", |; | and |, and | & ")


def _korean(parts: list[str]) -> bool:
    """A surname before a given name of two syllables with a hyphen (Park Ji-hoon)."""
    return len(parts) == 2 and parts[0].lower() in SURNAMES and _HYPHENED.fullmatch(parts[1]) is not None


_HYPHENED = re.compile(r"[A-Z][a-z]{1,5}-[A-Za-z][a-z]{1,5}")


def latin(text: str, *, weak: bool) -> Iterator[Span]:
    """Names in Latin letters.

    Args:
        text: the normalised view.
        weak: a cue on one side is enough.
    """
    for found in _MIXED_ANY.finditer(text) if weak else ():
        word = text[found.end() - 1 : found.end() + 1] in lexicon.words()
        if bare(found["g"]) in world()[0] and bare(found["g"]) not in load("not_alone") and not word:
            yield "PERSON", found.start(), found.end()
    for pattern in (_SLASHED, _MIXED, _CARETS):
        for found in pattern.finditer(text):
            # with the title behind it, where more is better than less
            title = _PAX.match(text, found.end()) if weak and pattern is _SLASHED else None
            yield "PERSON", found.start(), title.end() if title else found.end()
    yield from _capitals(text)
    yield from _lower(text, weak)
    yield from listed(text, weak)
    for found in _SINGLE_GIVEN.finditer(text):
        if found["g"].lower() in GIVEN and found["g"].lower() not in _STOP:
            yield "PERSON", found.start("g"), found.end("g")
    if weak:
        yield from alone(text)
    last = -9
    for found in _RUN.finditer(text):
        parts = re.sub("['’]s$", "", found.group()).split(" ")
        named = list(_names(text, found.start(), parts, weak))
        # after a person and a comma stands the next one (Tom Baker, Jill Baker and two children)
        follows = last >= 0 and _NEXT.fullmatch(text, last, found.start()) is not None
        if weak and follows and not named and len(parts) in (2, 3) and not _STOP & {bare(p) for p in parts}:
            named = [("PERSON", found.start(), found.start() + len(" ".join(parts)))]
        last = named[-1][2] if named else -9
        yield from named


def _names(text: str, start: int, parts: list[str], weak: bool) -> Iterator[Span]:
    """What of a run of capitalised words is a name; a word that stands in no name ends the run."""
    while parts and (parts[0].lower().strip(".") in _LEADING or parts[0] in PARTICLES):
        start += len(parts.pop(0)) + 1
    if "-".join(parts).lower() in PLACES:
        return
    # "Seafarer Jomar Dela Cruz", "Guest Vivian Cheung": a word of English, and then the name
    if weak and len(parts) > 2 and bare(parts[0]) not in GIVEN and common(parts[0]) and foreign(parts[1:]):
        start += len(parts.pop(0)) + 1
    # (Nguyen) Thuy Linh Line 联络: the messenger, behind a name
    if len(parts) > 2 and parts[-1] in ("Line", "WeChat", "Whatsapp", "Signal"):
        parts.pop()
    # Tam Ka Man, whose last syllable is a word of English
    family = weak and len(parts) == 3 and parts[0].lower() in ROMAN_SURNAMES
    if family and all(ROMAN.fullmatch(part.lower()) for part in parts[1:]):
        yield "PERSON", start, start + len(" ".join(parts))
        return
    # "Zhang Wei Hospital" is a hospital: what ends in a stop word is nobody
    stops = [
        i for i, part in enumerate(parts) if part.lower().strip(".") in _STOP and len(part.strip(".")) > 1
    ]
    if stops and stops[0] == 0 and len(parts) > 2 and len(stops) == 1 and parts[1].lower() in GIVEN:
        start += len(parts.pop(0)) + 1
    # a month may be a given name, of whoever says so
    elif stops == [0] and parts[0] in _MONTHS and _STRONG_CUE.search(text[max(0, start - 16) : start]):
        pass
    # a surname may be such a word (Helen Park, Anne Hill): only after a given name, at the end
    elif (
        stops
        and not _korean(parts)
        and not (stops == [1] and len(parts) == 2 and christened(parts[0], weak) and parts[1] in _DOUBTFUL)
    ):
        return
    if "-".join(parts).lower() in PLACES:
        return
    if len(parts) < 2 or all(len(part.strip(".")) == 1 for part in parts):
        return
    end = start + len(" ".join(parts))
    before = text[max(0, start - 16) : start]
    cue, after = _CUE.search(before), _AFTER.match(text[end : end + 16])
    known = (
        parts[0].lower() in GIVEN
        or not PARTICLES.isdisjoint(parts)
        or (parts[0].endswith(".") and not parts[-1].endswith(".") and not (weak and common(parts[-1])))
    )
    chinese = pinyin(parts[0], parts[1:]) or (len(parts) == 2 and pinyin(parts[1], parts[:1]))
    asian = len(parts) in (2, 3) and not SURNAMES.isdisjoint((bare(parts[0]), bare(parts[-1])))
    strong = _STRONG_CUE.search(before)
    shaped = _SHAPED.search(parts[-1]) is not None
    if (
        known
        or chinese
        or strong
        or (weak and len(parts) <= 4 and (foreign(parts) or worldly(parts)))
        or ((asian or shaped) and (weak or cue or after))
        or (
            weak
            and 2 <= len(parts) <= 3
            and cue
            and (text.startswith("'s ", end) or _DOES.match(text[end : end + 24]))
        )
        or (
            len(parts) == 2
            and cue
            and after
            and (weak or (_ROLE.search(before) and after))
            and (_ROLE.search(before) or _VERB.match(text[end : end + 16]))
        )
    ):
        yield "PERSON", start, end


_MONTHS = frozenset(("April", "May", "June", "August"))
_DOUBTFUL = frozenset((
    "Park", "Hill", "Lane", "Young", "White", "Green", "Day", "Wood", "Field", "Law", "Best", "Long", "West",
    "Bridge", "Bush", "Brook", "Stone", "King",
))  # fmt: skip
