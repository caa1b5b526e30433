"""Names in Latin letters by their place in a list, a form, a ticket, the name of a file or a row."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lianfang.guard.redaction.roman import (
    GIVEN,
    LOW,
    PARTICLES,
    ROMAN,
    ROMAN_SURNAMES,
    SURNAMES,
    UP,
    common,
    foreign,
    worldly,
)
from lianfang.guard.redaction.words import bare, load

Span = tuple[str, int, int]

_STOP = load("english")
_FAMILY_FIRST = re.compile(
    r"(?:\b[Nn]ame:? |\b[Pp]t\.? |\b[Pp]atient |\b[Cc]ontact |\b[Cc]ase |\| ?)"
    rf"(?P<n>[{UP}][{UP}{LOW}'-]{{1,15}}, (?P<g>[{UP}][{LOW}]{{1,14}}))"
    r"(?= ?\(|[,;|.]| \||$)",
    re.M,
)
# the fields of a form, and a family name in capitals before a known given name
_FIELDS = re.compile(
    rf"\b(?:[Ss]urname|[Ff]amily [Nn]ame|[Gg]iven [Nn]ames?|[Ff]irst [Nn]ame|[Ll]ast [Nn]ame):\s?"
    rf"(?P<n>[{UP}][{UP}{LOW}'-]{{1,24}})"
)
_FAMILY_CAPS = re.compile(
    r"(?<![A-Za-z])(?P<n>[A-Z]{2,12}(?: [A-Z]{2,12})?, (?P<g>[A-Z][a-z]{2,12})(?: [A-Z][a-z]{2,12})?)"
)
# all in capitals as on a passport, between marks: the family name first
_PASSPORT = re.compile(
    r"(?:(?<=[,;:|/(。、\n])|(?<=[,;:|] )|^)(?P<s>[A-Z]{2,10}) [A-Z]{2,10}(?: [A-Z]{2,10})?(?=$|[,;:|/()。\n]| [|(])",
    re.M,
)


# in the name of a file: Sample_Ivanova_Ekaterina_2020-04-17.pdf
_FILED = re.compile(
    rf"(?<=_)(?P<s>[{UP}][{LOW}]{{2,14}})_(?P<g>[{UP}][{LOW}]{{2,14}})(?=[_.-](?:\w|[.-]){{0,80}}\.\w{{2,5}}\b)"
)
# a field of a row: | Oyelaran, Folasade |
_ROW = re.compile(rf"(?<=[:|;] )(?P<s>[{UP}][{LOW}]{{2,14}}), (?P<g>[{UP}][{LOW}]{{2,14}})(?= ?[|;])")

# and the family name first, as a list or a ticket has it: Halvorsen, Ingrid — berth 12; Rossi/Giulia
_TURNED = re.compile(
    rf"(?:(?<=[:;|(] )|(?<=— )|^)(?P<s>[{UP}][{LOW}]{{2,14}})(?:, |/)"
    rf"(?P<g>[{UP}][{LOW}]{{2,14}})(?= ?[—|;,.(]| - |$)",
    re.M,
)


# all in capitals in a Chinese text: 入境旅客KIM MINJUN,
_AMID = re.compile(
    r"(?:(?<=[\u4e00-\u9fff、,。:;(])|(?<=[\u4e00-\u9fff,:;] ))"
    r"(?P<n>[A-Z]{2,14},?(?: [A-Z]{2,14}){1,3})(?= ?[\u4e00-\u9fff、,。:;()]|$)"
)


def listed(text: str, weak: bool) -> Iterator[Span]:
    """Okafor, Chidi after a label; LEUNG WING SZE between marks; a name in the name of a file or a field of a row."""
    for found in _AMID.finditer(text) if weak else ():
        parts = [part for part in found["n"].replace(",", "").split(" ") if part.lower() not in PARTICLES]
        told = len(parts) > 1 and min(map(len, parts)) > 2
        family = parts[0].lower() in ROMAN_SURNAMES and all(ROMAN.fullmatch(one.lower()) for one in parts[1:])
        if (family and len(parts) == 3) or (
            told and (foreign(parts) or worldly(parts) or worldly([*parts[1:], parts[0]]))
        ):
            yield "PERSON", found.start(), found.end()
    for pattern in (_FILED, _ROW, _TURNED) if weak else ():
        for found in pattern.finditer(text):
            one, other = found["s"], found["g"]
            if (
                (pattern is not _TURNED and foreign([one, other]))
                or (not common(one) and not common(other) and bare(one) in GIVEN)
                or worldly([other, one])
            ):
                yield "PERSON", found.start(), found.end()
    for found in _FAMILY_FIRST.finditer(text):
        if not {w.lower() for w in found["n"].split(", ")} & (_STOP - SURNAMES):
            yield "PERSON", found.start("n"), found.end("n")
    for pattern in (_FIELDS, _FAMILY_CAPS):
        for found in pattern.finditer(text):
            if pattern is _FIELDS or found["g"].lower() in GIVEN:
                yield "PERSON", found.start("n"), found.end("n")
    for found in _PASSPORT.finditer(text):
        if found["s"].lower() in SURNAMES and not {w.lower() for w in found.group().split()[1:]} & _STOP:
            yield "PERSON", found.start(), found.end()
