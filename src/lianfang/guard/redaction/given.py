"""A given name alone in Latin letters (ask Kwabena, 找Ewa帮忙): by lists of names of many countries.

Whoever is named so among colleagues is known to those who read it. Names that are a place's or a word's as often
(Victoria, Grace) are left alone here; beside a surname :mod:`latin` finds them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from lianfang.guard.redaction.roman import UP
from lianfang.guard.redaction.words import bare, load

Span = tuple[str, int, int]

_LETTER = r"A-Za-zÀ-ɏẠ-ỹ"
_WORD = re.compile(
    rf"(?<![{_LETTER}\d_@./'’&#+=-])(?=[{UP}])[{_LETTER}]{{3,15}}(?![{_LETTER}\d_@&=]|[-/]\w|\.\w|['’](?!s\b))"
)
_BEFORE = re.compile(r"([\w.'’-]+) $")
_GREETS = re.compile(r"(?<![A-Za-z])(?:Hi|Hello|Hey|Dear|Thanks|Cheers),? $")
_ENDED = re.compile(r"(?:[.!?,] |\n|[-–] ?)$")
_NEXT = re.compile(rf"(?:['’]s)? (?=[{UP}][a-zß-öø-ÿ])")
#: words of address and of calling before a name, which a sentence may begin with
_CALLS = load("calls")
#: after these a word that no English list knows is a name
_NAMED = re.compile(
    r"\b(?:called|named|name(?:'s| is)|ask|asked|tell|told|hi|hello|hey|dear|thanks|spoke "
    r"(?:to|with)|surname(?: only| is)?,?|"
    r"verbally to|given to|handed to|handover (?:to|from)|signed by|goes by|given(?: name)?|cc|"
    r"(?:night |duty |ward |shift )?(?:manager|tenant|driver|guest|porter|cleaner|"
    r"receptionist|interpreter|translator|colleague|neighbou?r|helper|"
    r"maid|cook|guard|cashier|vendor|volunteer|resident|roommate|housemate|landlord|boss)|"
    r"nurse|sister|brother|wife|husband|son|daughter|aunt|uncle|cousin) $",
    re.I,
)
#: and before these, which say who it is
_IS = re.compile(
    r", (?:the|a|an|his|her|my|our|their|aged) (?:(?:only|eldest|youngest|older|younger|elder|"
    r"first|night|ward) )?(?:(?:grand|step)?"
    r"(?:daughter|son|mother|father|child)|sister|brother|wife|husband|aunt|uncle|cousin|nephew|niece|neighbou?r|driver|nurse|"
    r"colleague|friend|\d)|, \d{1,2},| from the [A-Z][a-z]+ (?:team|office|desk|unit)|"
    r"(?:['’]s)? (?:says|said|told|asked|texted|rang|phoned)\b"
    r"| will (?:meet|call|send|bring|join|take|highlight|collect|cover|check|ring|phone|drive|be (?:late|off|in))\b"
    r"| (?:wants|asked|told|said|rang|forgot|brought|offered|agreed|refused)\b"
)
_DOES = re.compile(
    r" (?:wants|wanted|has|had|is|was|will|would|said|says|asked|asks|told|needs|needed|"
    r"called|rang|left|took|came|went|sent|lives|works|can|could|"
    r"please|and I|forgot|brought|gave|got)\b"
)


@cache
def _lists() -> tuple[frozenset[str], frozenset[str], frozenset[str], frozenset[str]]:
    """Given names that are no words; those that are surnames as well; words; what has a capital only."""
    small = load("english_words")
    proper = load("english_proper")
    # Wilson, Jackson: whom a street, a method, a make is named after
    families = (load("surnames_latin") | load("surnames_world")) & proper
    known = (load("given_world") | load("given_latin")) - load("not_alone") - load("english") - small
    return known - families, known & families, small, proper | load("english") | load("not_alone")


def alone(text: str) -> Iterator[Span]:
    """Given names that stand alone.

    Args:
        text: the normalised view.
    """
    size = len(text.rstrip())
    for found in _WORD.finditer(text):
        word = found.group()
        if not word[1:].islower():
            continue
        before = text[max(0, found.start() - 24) : found.start()]
        prior = _BEFORE.search(before)
        called = prior is not None and prior.group(1).lower() in _CALLS
        if prior and not called and prior.group(1)[-1] not in ".:":
            # St Mary, the Jane, in Adelaide: a part of another name, or a place
            lead = prior.group(1)
            if lead[0].isupper() or lead in ("the", "a", "an", "in", "at"):
                continue
        if _NEXT.match(text, found.end()) or (
            len(word) == 3 and not called and not _DOES.match(text, found.end())
        ):
            continue
        signed = found.end() == size and _ENDED.search(before) is not None
        if _named(bare(word), called, signed, text, found.start(), found.end()):
            yield "PERSON", found.start(), found.end()


def _named(name: str, called: bool, signed: bool, text: str, start: int, end: int) -> bool:
    """Whether a word is a given name here: by the lists, or by what stands around a word that no list knows."""
    names, both, small, proper = _lists()
    if name in names:
        return True
    # Hi Marten, and no word for several
    if text.startswith(",", end) and _GREETS.search(text, max(0, start - 10), start) and name not in small:
        return name not in load("everybody")
    told = _NAMED.search(text, max(0, start - 24), start) is not None
    if name in both:
        return told or called or _DOES.match(text, end) is not None
    unknown = len(name) > 3 and name not in small and name not in proper
    return unknown and (told or signed or _IS.match(text, end) is not None)
