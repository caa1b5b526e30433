"""Words in two languages. ``t("event.title", "zh")`` finds the key ``title`` of section ``event``.

Catalogues are TOML files in ``locales/zh/`` and ``locales/en/``; a file ``NAME.toml`` holds section ``NAME``, so that a
page's words lie in a file of its own. They are read on first use. Both languages have the same keys and the same
``{places}`` in each text: ``problems()`` tells where not, and a test asserts that it is empty.
"""

from __future__ import annotations

import string
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any

from lianfang.foundation.errors import Fault

__all__ = ["LANGUAGES", "keys", "language", "problems", "sections", "t"]

LANGUAGES = ("zh", "en")
_PACKAGE = "lianfang.foundation"


@cache
def sections(lang: str) -> tuple[str, ...]:
    """Names of the catalogue's sections (files) in one language."""
    folder = resources.files(_PACKAGE).joinpath("locales", lang)
    return tuple(sorted(f.name.removesuffix(".toml") for f in folder.iterdir() if f.name.endswith(".toml")))


@cache
def _section(lang: str, name: str) -> MappingProxyType[str, str]:
    file = resources.files(_PACKAGE).joinpath("locales", lang, f"{name}.toml")
    return MappingProxyType(dict(_flat(tomllib.loads(file.read_text(encoding="utf-8")))))


def _flat(table: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        elif isinstance(value, str):
            yield f"{prefix}{key}", value
        else:
            raise Fault(f"The catalogue entry {prefix}{key} is not a text.")


def t(key: str, lang: str = "zh", **places: object) -> str:
    """The text of ``section.key`` in ``lang``, its ``{places}`` filled.

    A :class:`Fault` names an absent key or place.
    """
    section, _, rest = key.partition(".")
    if lang not in LANGUAGES:
        raise Fault(f"No catalogue for the language {lang!r}; there are {', '.join(LANGUAGES)}.")
    text = _section(lang, section).get(rest) if section in sections(lang) else None
    if text is None:
        raise Fault(f"The {lang} catalogue has no text {key!r}.")
    if "{" not in text and "}" not in text:
        return text
    try:
        # Formatter.vformat would follow attributes; the texts are ours, the values need not be.
        return "".join(_filled(text, places))
    except KeyError as error:
        raise Fault(f"The text {key!r} needs the place {error.args[0]!r}.") from None


def _filled(text: str, places: dict[str, object]) -> Iterator[str]:
    for literal, name, form, _ in string.Formatter().parse(text):
        yield literal
        if name is not None:
            yield format(places[name], form or "")


def keys(lang: str) -> dict[str, frozenset[str]]:
    """Every key of a language with the names of its places."""
    return {
        f"{section}.{key}": frozenset(
            name for _, name, _, _ in string.Formatter().parse(text) if name is not None
        )
        for section in sections(lang)
        for key, text in _section(lang, section).items()
    }


def problems() -> list[str]:
    """Where the languages' catalogues differ, in words; empty when they agree."""
    base, other = (keys(lang) for lang in LANGUAGES)
    found = [f"{key}: in {LANGUAGES[0]} only" for key in sorted(base.keys() - other.keys())]
    found += [f"{key}: in {LANGUAGES[1]} only" for key in sorted(other.keys() - base.keys())]
    found += [
        f"{key}: the places differ" for key in sorted(base.keys() & other.keys()) if base[key] != other[key]
    ]
    for lang in LANGUAGES:
        found += [f"{key}: empty in {lang}" for key in keys(lang) if not t_raw(key, lang).strip()]
    return found


def t_raw(key: str, lang: str) -> str:
    """The text with its places unfilled."""
    section, _, rest = key.partition(".")
    return _section(lang, section)[rest]


def language(accept: str | None, default: str = "zh") -> str:
    """The language to answer in, from an ``Accept-Language`` header: the first of ours by weight, else ``default``."""
    best, weight = default, 0.0
    for part in (accept or "")[:200].split(","):
        tag, _, quality = part.strip().partition(";")
        short = tag.strip().lower().split("-")[0]
        try:
            given = float(quality.strip().removeprefix("q=")) if quality.strip() else 1.0
        except ValueError:
            continue
        if short in LANGUAGES and given > weight:
            best, weight = short, given
    return best
