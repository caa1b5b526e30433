"""Addresses in Latin letters: a chain of parts with commas between, at least one finer than a street.

English writes from fine to coarse: dwelling, house, lane, road, estate, district, town. The parser takes the parts
of a clause one after another and keeps the longest run of dwellings, houses, streets and places that holds a detail
and a name. Where a body that serves the public is one of the parts, its address is told to everybody and left alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from lianfang.guard.redaction.words import load

Span = tuple[str, int, int]

_W = r"[A-Z][^\W\d_]{0,20}(?:['’][^\W\d_]{1,12})?"
_DWELLING = (
    r"(?:Flat|Room|Rm|Unit|Apt\.?|Apartment|Block|Blk|Building|Bldg|House|Floor|Suite|Tower|Dormitory|Dorm|Bed|Villa|"
    r"Entrance|Stairwell|Studio|Door|Phase)"
)
_DETAIL = re.compile(
    rf"(?:(?:{_DWELLING}|flat|room|rm|unit|apt|block|building|tower) ?(?:No\. ?)?#?"
    r"(?:[A-Z]?\d[\w/-]{0,5}|[A-Z])(?![\w])|"
    r"\d{3,4}(?=, (?:Tower|Block|Building|Bldg)\b)|#\d{1,3}-\d{1,4}(?!\d)|(?:Group|Lane|Alley|"
    r"Gate) (?:No\. ?)?\d{1,4}(?!\d)|"
    r"(?:No\.? ?|#)\d{1,5}(?:-\d{1,4})?[A-Z]?(?![\w.])|"
    r"\d{1,3}[A-Z]?/F(?!\w)|\d{1,3}F(?:-\d{1,3})?(?![\w-])|Sec\. ?\d{1,2}(?!\d)|"
    r"\d{1,3}(?:st|nd|rd|th) (?:[Ff]loor|Fl\.?)(?!\w)|(?:[Ff]loor|Level) \d{1,3}(?!\d))"
)
_KIND = (
    r"(?:Street|St\.?|Road|Rd\.?|Avenue|Ave\.?|Lane|Ln\.?|Drive|Dr\.?|Boulevard|Blvd\.?|Court|Ct\.?|Close|Crescent|"
    r"Terrace|Way|Square|Place|Path|Gardens?|Cottages?|Mews|Row|Hill|Grove|Park|View|Rise|Vale|Quay|Walk|Link|Parade|Wharf|Green|Hutong|Alley|Highway)"
)
_STREET = re.compile(
    rf"(?:\d{{1,4}}/)?\d{{1,5}}(?:-\d{{1,5}})?[A-Za-z]?,? (?:(?:{_W}|[NSEW]\.) ){{1,4}}{_KIND}"
    rf"(?: \d{{1,2}}(?= #))?(?: (?:North|South|East|West|N|S|E|W)(?![\w]))?"
    r"(?![\w])|"
    rf"\d{{1,5}} (?:Rue|Via|Calle|Jalan) (?:{_W} ?){{1,3}}(?<! )|"
    rf"(?:Jr\.?|Jirón|Calle|Rua|Rue|Via|Jalan|Jln\.?|Av\.|Avenida) (?:{_W} ){{1,3}}\d{{1,4}}(?![\w])"
)
_HOUSE_OF = re.compile(r"(?:Building|Bldg|Tower|Block|Blk|House|Villa|No\.? ?\d{1,4}) ", re.I)
_FLAT_OF = re.compile(
    r"(?:Room|Rm|Unit|Apt\.?|Apartment|Flat) ?#?[A-Z]?\d{1,4}[A-Z]?$|\d{1,2}F-\d{1,3}$", re.I
)
_POSTCODE = r"(?: (?:[A-Z]{1,2}\d{1,2}[A-Z]?(?: \d[A-Z]{2})?(?![\w])|[A-Z]{2,3} \d{4,5}|\d{5,6}))?"
_PLACE = re.compile(
    rf"{_W}(?:(?: (?:of|and))? (?:{_W}|[NSEW]\.)){{0,4}}(?: [A-Z](?![\w]))?"
    rf"(?:(?<=Rd)\.|(?<=St)\.|(?<=Ave)\.|(?<=Dist)\.)?"
    rf"(?:(?<=Avenue|Street) \d{{1,3}}|(?<=House|Tower|Block) \d{{1,3}})?{_POSTCODE}(?![\w-])"
)
_ONLY_POSTCODE = re.compile(r"(?:[A-Z]{2} \d{5}|[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2}|\d{5,6})(?![\w-])")
_CODED = re.compile(r" (?:[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2}|[A-Z]{2} \d{5})$")
_ENDS = re.compile(
    r"(?:Cottages?|Farm|Lodge|Barn|Road|Street|Avenue|Lane|Drive|Boulevard|Court|Close|Crescent|Terrace|Square|Hutong|Estate|Gardens?|Mansions?|"
    r"House|Villas?|Heights|Towers?|Residences?|Apartments?|Hall|Hotel|Inn|Hostel|Dormitory|Building|Centre|Center|"
    r"District|Dist\.?|Rd\.?|St\.|Ave\.?|Avenue \d+|Street \d+|"
    r"County|Town|Township|Village|City|Province|Subdistrict|Prefecture|Community|Plaza|Mansion|Compound|Bay|"
    r"Wan|Tong|Kok|Mun|Long|Po|Shan|Tin|Chau|Chung|Wai|Tau|Tsuen|Hom|Point|Kwan O|Kong|Kowloon|Territories)"
    rf"{_POSTCODE}$"
)
# streets and dwellings of these are nobody's home
_PUBLIC = re.compile(
    r"\b(?:Hospital|Clinic|Health|University|College|School|Ministry|Office|Commission|Bureau|Department|Airport|"
    r"Station|Library|Museum|Laboratory|Lab|Court(?= of)|Police|Embassy|Market|Mall|Pharmacy|Church|Temple|"
    r"CDC|Committee|Authority|Ward|Terminal|Gate|Exit)\b"
)
# a body's name and a comma before its address
_OWNER = re.compile(_PUBLIC.pattern + r"[^,;.\n]{0,24}, $")
_LINK = re.compile(r",? (?=#?[A-Za-z\d])|, ?")
# a clause ends where no part of an address follows
_STOPS = re.compile(
    r"(?:, (?=[a-z+\d]|[A-Z]{2} \d{5}|[A-Z]{1,2}\d)|"
    r"[.;)\]|\n]|:| - |$| (?:on|in|at|from|and|to|with|since|for|was|is|were|where|until|between|by)\b)"
)

# another place after a comma, and then the clause ends (Building 9, Kunlun Jiayuan, Golmud but)
_ANOTHER = re.compile(rf", {_W}(?:[.;,)]| [a-z]|$)")


@lru_cache(maxsize=1)
def _given() -> frozenset[str]:
    return load("given_latin") | load("surnames_latin") | (load("given_world") - load("not_alone"))


def _part(text: str, at: int) -> tuple[str, int] | None:
    """The part of an address that begins here: its kind (detail, street, place, code) and its end."""
    for kind, pattern in (
        ("detail", _DETAIL),
        ("street", _STREET),
        ("code", _ONLY_POSTCODE),
        ("place", _PLACE),
    ):
        found = pattern.match(text, at)
        if found:
            return kind, found.end()
    return None


def _chain(text: str, at: int) -> list[tuple[str, int, int]]:
    """Parts that follow one another from here."""
    parts: list[tuple[str, int, int]] = []
    while len(parts) < 10:
        part = _part(text, at)
        if part is None:
            break
        kind, end = part
        if kind == "place" and not _belongs(text, at, end, bool(parts)):
            break
        parts.append((kind, at, end))
        # a bare detail may be followed by the next without a comma, a place may not
        link = _LINK.match(text, end)
        if link is None or ("," not in link.group() and kind == "place"):
            break
        at = link.end()
    return parts


def _belongs(text: str, at: int, end: int, inside: bool) -> bool:
    """Whether capitalised words are a place of the chain and not the next person of the sentence."""
    words = text[at:end]
    if _PUBLIC.search(words) or _ENDS.search(words) or (inside and _CODED.search(words)):
        return True
    if not inside:
        return False
    first = words.split(" ")[0].lower()
    ends = _STOPS.match(text, end) is not None or _ANOTHER.match(text, end) is not None
    return ends and (" " not in words or first not in _given())


_BEGIN = re.compile(
    r"(?<![\w#@/.-])(?<!\d:)(?:#?\d|[A-Z]|(?:flat|room|rm|unit|apt|block|building|tower) ?#?[A-Z]?\d)"
)


def english(text: str) -> Iterator[Span]:
    """Addresses in Latin letters with a house, dwelling, building or group."""
    after = 0
    for found in _BEGIN.finditer(text):
        if found.start() < after:
            continue
        span = _address(text, _chain(text, found.start()))
        if span is not None:
            after = span[1]
            yield "ADDRESS", *span


def _address(text: str, parts: list[tuple[str, int, int]]) -> tuple[int, int] | None:
    """The span of a chain that points to a dwelling, None for any other."""
    while parts and parts[0][0] == "code":
        parts = parts[1:]
    if (
        not parts
        or _PUBLIC.search(text, parts[0][1], parts[-1][2])
        or _OWNER.search(text[max(0, parts[0][1] - 60) : parts[0][1]])
    ):
        return None
    streets = any(kind == "street" for kind, _, _ in parts)
    details = any(kind == "detail" for kind, _, _ in parts)
    places = any(kind == "place" for kind, _, _ in parts)
    # "18 Lake Road" is a house; a room needs a name beside it, in the same breath
    if streets or (details and places):
        return parts[0][1], parts[-1][2]
    # Building 8, Unit 2, Room 601; Tower 3, Apt 1804: a house and a flat in it
    told = text[parts[0][1] : parts[-1][2]]
    if len(parts) > 1 and _HOUSE_OF.match(told) and _FLAT_OF.search(told):
        return parts[0][1], parts[-1][2]
    return None
