"""What makes words of Latin letters a name: lists of names and of English, syllables of romanisations."""

from __future__ import annotations

import re
from functools import cache

from lianfang.guard.redaction.words import bare, load

GIVEN = load("given_latin")
SURNAMES = load("surnames_latin")
PLACES = load("places_latin")
# words of English that are surnames in pinyin as well
ENGLISH_TOO = load("english_surnames")
ROMAN_SURNAMES = SURNAMES - ENGLISH_TOO
# with the precomposed letters of Vietnamese, whose capitals and small letters alternate
UP = "A-ZẠ-ỹĐƠƯÀ-ÖØ-ÞĀĂĄĆČĎĐĒĘĚĞĢĪİĶĹĻĽŁŃŅŇŌŐŘŚŞŠŢŤŪŮŰŹŻŽȘȚ"
LOW = "a-zạ-ỹđơưăĩũß-öø-ÿāăąćčďđēęěğģīıķĺļľłńņňōőřśşšţťūůűźżžșț"
_SYLLABLE = (
    r"(?:(?:[bpmfdtnlgkhjqxrzcsyw]|[zcs]h)?(?:a|o|e|ai|ei|ao|ou|ang|an|eng|en|ong|iang|iao|ian|ia|ie|iong|iu|ing|in|i|"
    r"uang|uai|uan|ua|uo|ui|un|ue|u|v|ve|er))"
)
# syllables of Cantonese, Hokkien, Korean and Vietnamese as passports write them
ROMAN = re.compile(
    r"(?:(?:b|c|ch|d|f|g|gh|h|hw|hy|j|k|kh|kw|l|m|my|n|ng|nh|p|ph|qu|r|s|sh|ss|t|th|tr|ts|v|w|x|y)?"
    r"(?:a|ae|ah|ai|ak|al|am|an|anh|ang|ao|ap|at|au|ay|e|ee|ei|ek|en|eng|eo|eon|eong|eu|eul|eun|eung|ey|i|ia|ien|ieu|ik|im|"
    r"in|inh|ing|ip|iu|o|oan|oi|ok|on|ong|oo|oon|op|ou|ow|oy|u|ua|uan|ue|ui|uk|ul|um|un|ung|uong|ut|uy|uyen|y|ye|yen|yeon|"
    r"yeong|yo|yong|you|yu|yuk|yun|yung)|sze|tsz|ng)"
)
PINYIN = re.compile(rf"(?:{_SYLLABLE}['-]?){{1,3}}")
# words of English that many are christened with, taken for a name before one of no English
_VIRTUES = frozenset(
    ("blessing", "charity", "comfort", "constance", "faith", "gift", "hope", "innocent", "joy", "mercy")
)
PARTICLES = frozenset((
    "bin", "binti", "bint", "van", "von", "der", "den", "de", "da", "dos", "di", "del", "la", "al", "el",
    "ibn",
))  # fmt: skip


@cache
def english() -> tuple[frozenset[str], frozenset[str]]:
    """Words of English, and words that English writes with a capital only; read when first asked for."""
    return load("english_words"), load("english_proper")


def common(word: str) -> bool:
    return bare(word) in english()[0] and bare(word) not in SURNAMES


def foreign(parts: list[str]) -> bool:
    """Words that make a name without a cue: one at least stands in no list of English, and none is a common word.

    The first may be one that is a given name as well (Grace Uwase).
    """
    small, proper = english()
    bared = [bare(piece) for part in parts for piece in re.split("['’-]", part.strip("."))]
    unknown = sum(len(word) > 2 and word not in small and word not in proper for word in bared)
    common = [word for word in bared[1:] if len(word) > 2 and word in small and word not in SURNAMES]
    first = bared[0] not in small or any(bared[0] in known for known in (GIVEN, SURNAMES, _VIRTUES))
    return unknown > 0 and first and not common and not {"-".join(bared), bared[0]} & PLACES


@cache
def world() -> tuple[frozenset[str], frozenset[str]]:
    """Given names and surnames of many countries."""
    return load("given_world") | GIVEN, load("surnames_world") | SURNAMES


def worldly(parts: list[str]) -> bool:
    """A given name of some country and a surname, one of them no word of English (Esperanza Ruiz, Joan Summers)."""
    given, family = world()
    small = english()[0]
    bared = [bare(part.strip(".")) for part in parts]
    words = [word in small for word in bared]
    return (
        bared[0] in given
        and (bared[-1] in family or not words[-1])
        and not (words[0] and words[-1])
        and (bared[-1] in family or bared[0] not in load("not_alone"))
    )


def christened(word: str, weak: bool) -> bool:
    """Whether a word is a given name of some country, or at the block point no word of English at all."""
    name = bare(word)
    return name in GIVEN or (
        weak and (name in world()[0] or not (name in english()[0] or name in english()[1]))
    )


def pinyin(surname: str, given: list[str]) -> bool:
    return surname.lower() in SURNAMES and all(PINYIN.fullmatch(g.lower()) for g in given)
