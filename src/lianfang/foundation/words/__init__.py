"""What is said to a person, in his language: messages, reasons and articles in Chinese or English.

The source says everything in English, where it happens. :func:`say` gives the Chinese of such a text from the
catalogue; a text that the catalogue does not hold stays as it is. Texts that carry both languages
(``code: English. 中文。``, as the policy's reasons do) are cut to the reader's.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lianfang.foundation.errors import LianfangError

#: A longer text is none of ours: it is left as it came.
MOST_CHARACTERS: Final = 20_000
#: English to Chinese of what names itself in both where it is declared: the record types.
NAMES: dict[str, str] = {}
_DEPTH = 4
_MOST_SENTENCES = 60
_CHINESE = re.compile("[\u3000-\u303f\u3400-\u9fff\uff01-\uff5e]")
_BORDER = re.compile("[\u3400-\u9fff][A-Za-z0-9'-]|[A-Za-z0-9'-][\u3400-\u9fff]")
_SENTENCE = re.compile("(?<=[.。!?]) ")
_CODED = re.compile("([a-z_]{1,40}): (.+)", re.DOTALL)
_CITATION = re.compile(r"(.*?)(?: \[([\w-]+ \d{4}-\d\d-\d\d)\])?", re.DOTALL)
_ARTICLES = re.compile(r"(?:art\.|arts) ([\d()–, -]+?)((?: and [\d()-]+)?)(?: and (\D+))?")
_STATUTE = re.compile(
    r"([\u3400-\u9fff]+) (?:([A-Z][A-Za-z -]*?) (?:\((\d{4})\)|(\d{4}-\d\d-\d\d))"
    r"|([A-Z][A-Za-z]*(?: (?!arts)[a-z]+)?))(?: (.*))?"
)
_NAMED_WITHOUT_MARKS = ("白皮书", "中央网信办通知")


def say(text: str, lang: str) -> str:
    """A message, hint or reason in the reader's language (``zh`` or ``en``).

    Never fails: what cannot be said otherwise is given back as it is.
    """
    if len(text) > MOST_CHARACTERS:
        return text
    return _chinese(text, _DEPTH) if lang == "zh" else _cut(text, "en")


def reason(text: str, lang: str) -> str:
    """One of an error's reasons: a code, a sentence or a text in both languages."""
    return code(text, lang) or say(text, lang)


def code(text: str, lang: str) -> str:
    """A code in words, empty when it is none of ours. A code such as ``role:event.open`` has two parts."""
    from lianfang.foundation.words.catalogue import codes

    at = 0 if lang == "zh" else 1
    if pair := codes().get(text):
        return pair[at]
    first, colon, rest = text.partition(":")
    if colon and rest in codes() and (pair := codes().get(first + colon)):
        return pair[at].format(codes()[rest][at])
    return ""


def article(text: str, lang: str) -> str:
    """An article that a decision rests on: the statute's name, number and pack in the reader's language."""
    found = _CITATION.fullmatch(text)
    if found is None or len(text) > 400:
        return text
    named = _STATUTE.fullmatch(found[1])
    unverified = "(unverified 未核实)"
    if named is None:
        said = found[1].replace(unverified, code(unverified, lang))
    else:
        chinese, dated, year, day, undated, place = named.groups()
        marked = (place or "").endswith(unverified)
        where = (place or "").removesuffix(unverified).strip()
        if lang == "zh":
            name = chinese if chinese in _NAMED_WITHOUT_MARKS else f"《{chinese}》"
            said = name + (f"（{year or day}）" if year or day else "") + _place(where)
        else:
            said = " ".join(filter(None, (dated or undated, f"({year})" if year else day, where)))
        if marked:
            said += ("" if lang == "zh" else " ") + code(unverified, lang)
    return f"{said} [{found[2]}]" if found[2] else said


def message(error: LianfangError, lang: str) -> str:
    """What an error says, with its hint."""
    both = [say(part, lang) for part in (error.message, error.hint) if part]
    return ("" if lang == "zh" else " ").join(both)


def listed(texts: Iterable[str], lang: str) -> str:
    """Codes in words, one after the other."""
    return ("、" if lang == "zh" else ", ").join(code(text, lang) or text for text in texts)


def _chinese(text: str, depth: int) -> str:
    """The Chinese of a text: an entry, a text in both languages, or sentence by sentence."""
    whole = _entry(text, depth)
    if whole is not None:
        return whole
    if (both := _cut(text, "zh")) != text:
        return both
    for mark, joint in (("; ", "；"), (" ", "")):
        parts = _SENTENCE.split(text) if mark == " " else text.split(mark)
        if 1 < len(parts) <= _MOST_SENTENCES and depth:
            said = _runs(parts, mark, joint, depth - 1)
            if said is not None:
                return said
    if depth and (found := _CODED.fullmatch(text)):  # an error kept as "code: message"
        said = _chinese(found[2], depth - 1)
        return text if said == found[2] else f"{found[1]}：{said}"
    return text


def _entry(text: str, depth: int) -> str | None:
    """The catalogue's Chinese of a text, by the template that fits with the most fixed words."""
    from lianfang.foundation.words.catalogue import entries, templates

    if (plain := entries().get(text) or NAMES.get(text)) is not None:
        return plain
    if not depth:
        return None
    for template in templates():
        held = template.match(text)
        if held is not None:
            return _spaced(
                part if isinstance(part, str) else _held(held[part[0]], part[1], depth - 1)
                for part in template.chinese
            )
    return None


def _held(text: str, words: bool, depth: int) -> str:
    return (code(text, "zh") or _chinese(text, depth)) if words else text


def _spaced(parts: Iterable[str]) -> str:
    """Parts set side by side: a space between Chinese and Latin letters, none between Chinese and Chinese."""
    out = ""
    for part in filter(None, parts):
        if _CHINESE.match(part.lstrip()) and _CHINESE.search(out.rstrip()[-1:]):
            out, part = out.rstrip(), part.lstrip()
        elif _BORDER.fullmatch(out[-1:] + part[:1]):
            out += " "
        out += part
    return out


def _runs(parts: list[str], mark: str, joint: str, depth: int) -> str | None:
    """Texts that were put together: each run of parts that says something; None when no part does."""
    out: list[str] = []
    at, known = 0, False
    while at < len(parts):
        for end in range(min(len(parts), at + 6), at, -1):
            piece = mark.join(parts[at:end])
            said = _entry(piece, depth) or _pair(piece, "zh")
            if said is not None:
                out.append(said)
                at, known = end, True
                break
        else:
            out.append(parts[at] + ("" if joint else " "))
            at += 1
    return joint.join(out).strip() if known else None


def _cut(text: str, lang: str) -> str:
    """A text in which sentences stand in both languages, in one of them; any other text as it is."""
    if "。" not in text:
        return text
    parts = re.split("(?<=。) ", text)
    if len(parts) > _MOST_SENTENCES:
        return text
    said = [_pair(part, lang) for part in parts]
    if all(one is None for one in said):
        return text
    joint = "" if lang == "zh" else " "
    return joint.join(part if one is None else one for part, one in zip(parts, said, strict=True))


def _pair(text: str, lang: str) -> str | None:
    """One language of ``English. 中文。``; None when the text is not of this form."""
    first = _CHINESE.search(text)
    if first is None or not text.endswith("。"):
        return None
    border = text.rfind(". ", 0, first.start())
    if border < 0:
        return None
    return text[border + 2 :] if lang == "zh" else text[: border + 1]


def _place(where: str) -> str:
    """``art. 12(2)`` as 第12(2)条."""
    if not where:
        return ""
    found = _ARTICLES.fullmatch(where)
    if found is None:
        return code(where, "zh") or where
    numbers = (found[1] + found[2].replace(" and ", "、")).replace(", ", "、")
    more = f"及{code(found[3], 'zh') or found[3]}" if found[3] else ""
    return f"第{numbers}条{more}"
