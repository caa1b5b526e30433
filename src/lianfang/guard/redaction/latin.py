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

# with the precomposed letters of Vietnamese, whose capitals and small letters alternate
_UP = "A-ZẠ-ỹĐƠƯÀ-ÖØ-ÞĀĂĄĆČĎĐĒĘĚĞĢĪİĶĹĻĽŁŃŅŇŌŐŘŚŞŠŢŤŪŮŰŹŻŽȘȚ"
_LOW = "a-zạ-ỹđơưăĩũß-öø-ÿāăąćčďđēęěğģīıķĺļľłńņňōőřśşšţťūůűźżžșț"
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
    rf"(?<![A-Za-zÀ-ɏ\d_@./'-])(?:{_WORD}|[{_UP}]\.)(?:(?: (?:bin|binti|bint|van|von|der|"
    rf"den|de|da|dos|di|del|la|al|el|ibn))*[ ]"
    rf"(?:{_WORD}|[{_UP}]\.(?=[ ]))){{1,5}}(?![A-Za-zÀ-ɏ\d_@]|-\w|\.\w)"
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
    r"(?:\b(?:patient|patients|pt|case|holder|name|named|called|mr|mrs|ms|miss|dr|prof|contact|contacts|"
    r"passenger|traveller|traveler|nurse|student|cardholder|driver|doctor|interviewer|"
    r"respondent|teacher|neighbour|neighbor|"
    r"by|from|to|with|is|was|am|man|woman|boy|girl|husband|wife|son|daughter|father|mother|brother|sister|partner|"
    r"colleague|friend|told|and|beside|near|met|matched|dear|hi|hello|regards|signed)\.?,?:? |"
    r"[(:,;|\"“] ?|[.!?] |\n|\d\. ?|^)$",
    re.I,
)
_STRONG_CUE = re.compile(
    r"\b(?:patient|pt|holder|named?|name is|i am|i'm|called|mr|mrs|ms|miss|dr|prof|passenger|"
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
    r"\b(?:contacts?|driver|doctor|student|teacher|neighbou?r|man|woman|boy|girl|partner|"
    r"friend|told|beside|met|called|identified as|"
    r"respondent|case \d{1,4}|case)[,:]? $",
    re.I,
)
_VERB = re.compile(
    r"(?:'s (?:son|daughter|wife|husband|mother|father|number|phone)| (?:tested|lives|"
    r"lived|says|said|wore|took|denies|denied|works|worked|died|who)\b|"
    r",? ?\((?:aged|male|female|\d)|, (?:aged|male|female|passport|HKID|DOB|MRN|\d{1,3}\b)|"
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
_LEADING = frozenset(
    [
        "patient",
        "pt",
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


# HL7 v2 writes a person as family^given^middle
_CARETS = re.compile(
    rf"(?<![\w^])[{_UP}][{_UP}{_LOW}'-]{{1,24}}\^[{_UP}][{_UP}{_LOW}'-]{{1,24}}(?:\^[{_UP}{_LOW}]{{0,20}})*(?![\w])"
)
_SMALL = re.compile(r"(?<![A-Za-z\d_@./'-])(?=([a-z]{2,12}) ([a-z'-]{2,14})(?![A-Za-z\d_@]|\.\w))")
_SMALL_CUE = re.compile(
    r"(?:\b(?:name is|named|called|name|i am|i'm|this is|patient|contact|passenger|holder|"
    r"nurse|driver|colleague|friend|roommate|"
    r"husband|wife|son|daughter|mother|father|brother|sister|dear|hi|hello|by|mr|mrs|ms|"
    r"dr)[:=,.]? ?|[\u4e00-\u9fff][:=]? ?|[=@] ?)$",
    re.I,
)
# words of English that are surnames in pinyin as well
_ENGLISH_TOO = load("english_surnames")


def _lower(text: str, weak: bool) -> Iterator[Span]:
    """Names without capitals: after a cue, or a surname and two syllables at least of pinyin."""
    end = 0
    for found in _SMALL.finditer(text):
        start = found.start()
        one, other = found.group(1), found.group(2).removesuffix("'s")
        if start < end:
            continue
        cue = _SMALL_CUE.search(text[max(0, start - 16) : start])
        chinese = one in _SURNAMES and _PINYIN.fullmatch(other) is not None
        long = chinese and weak and len(other) >= 5 and one not in _ENGLISH_TOO
        known = one in _GIVEN and one not in _ENGLISH_TOO
        # a syllable may be a word of English too (san); after a surname and a cue it is none
        stopped = ({one} if chinese else {one, other}) & (_STOP - _SURNAMES)
        if long or (cue and (chinese or known) and not stopped):
            end = start + len(one) + 1 + len(other)
            yield "PERSON", start, end


def _pinyin(surname: str, given: list[str]) -> bool:
    return surname.lower() in _SURNAMES and all(_PINYIN.fullmatch(g.lower()) for g in given)


def _capitals(text: str) -> Iterator[Span]:
    """LIU HANYAN, LI, XIAOMING, MENG Haoran: a surname in capitals and a name in pinyin."""
    for found in _CAPITALS.finditer(text):
        given = found["g"].replace("-", " ").split(" ")
        if any(g.lower() in _STOP for g in (found["s"], *given)) or len("".join(given)) < 3:
            continue
        cued = (
            found["s"].lower() in _SURNAMES
            and re.search(r"[a-z]", found["g"])
            and _STRONG_CUE.search(text[max(0, found.start() - 16) : found.start()])
        )
        if cued or _pinyin(found["s"], given):
            yield "PERSON", found.start(), found.end()


_FAMILY_FIRST = re.compile(
    r"(?:\b[Nn]ame:? |\b[Pp]t\.? |\b[Pp]atient |\b[Cc]ontact |\b[Cc]ase |\| ?)"
    rf"(?P<n>[{_UP}][{_UP}{_LOW}'-]{{1,15}}, (?P<g>[{_UP}][{_LOW}]{{1,14}}))"
    r"(?= ?\(|[,;|.]| \||$)",
    re.M,
)
# all in capitals as on a passport, between marks: the family name first
_PASSPORT = re.compile(
    r"(?:(?<=[,;:|/(。、\n])|(?<=[,;:|] )|^)(?P<s>[A-Z]{2,10}) [A-Z]{2,10}(?: [A-Z]{2,10})?(?=$|[,;:|/()。\n]| [|(])",
    re.M,
)


def _listed(text: str) -> Iterator[Span]:
    """Okafor, Chidi after a label; LEUNG WING SZE between marks."""
    for found in _FAMILY_FIRST.finditer(text):
        if not {w.lower() for w in found["n"].split(", ")} & (_STOP - _SURNAMES):
            yield "PERSON", found.start("n"), found.end("n")
    for found in _PASSPORT.finditer(text):
        if found["s"].lower() in _SURNAMES and not {w.lower() for w in found.group().split()[1:]} & _STOP:
            yield "PERSON", found.start(), found.end()


def latin(text: str, *, weak: bool) -> Iterator[Span]:
    """Names in Latin letters.

    Args:
        text: the normalised view.
        weak: a cue on one side is enough.
    """
    for pattern in (_SLASHED, _MIXED, _CARETS):
        for found in pattern.finditer(text):
            yield "PERSON", found.start(), found.end()
    yield from _capitals(text)
    yield from _lower(text, weak)
    yield from _listed(text)
    for found in _RUN.finditer(text):
        yield from _names(text, found.start(), re.sub("['’]s$", "", found.group()).split(" "), weak)


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
    # a month may be a given name, of whoever says so
    elif stops == [0] and parts[0] in _MONTHS and _STRONG_CUE.search(text[max(0, start - 16) : start]):
        pass
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
    known = (
        parts[0].lower() in _GIVEN
        or not _PARTICLES.isdisjoint(parts)
        or (parts[0].endswith(".") and not parts[-1].endswith("."))
    )
    pinyin = _pinyin(parts[0], parts[1:]) or (len(parts) == 2 and _pinyin(parts[1], parts[:1]))
    asian = len(parts) in (2, 3) and not _SURNAMES.isdisjoint((parts[0].lower(), parts[-1].lower()))
    strong = _STRONG_CUE.search(before)
    shaped = _SHAPED.search(parts[-1]) is not None
    if (
        known
        or pinyin
        or strong
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
