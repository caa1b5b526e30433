"""Facts: named conditions on the context of a request.

A fact is a list of alternatives, each a conjunction of tests on context keys. A test on an absent key is
false,
so that silence never opens a door; the one exception is ``given: false``, which asks for the absence itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lianfang.guard.policy.vocabulary import CONTEXT, Note, context_value

Context = Mapping[str, Note]
_WORD = re.compile(r"[^\W_]+")
TESTS = frozenset({"is", "not", "min", "max", "given", "stated", "same_as", "words_any", "words_none"})


class BadPack(ValueError):
    """A pack that does not say what it must; the loader adds the pack's name."""


def words(value: Note) -> frozenset[str]:
    """The words of a machine word: ``all_subscribers`` -> all, subscribers."""
    return frozenset(_WORD.findall(value.lower())) if isinstance(value, str) else frozenset()


def _same(a: Note, b: Note) -> bool:
    return type(a) is type(b) and a == b


def _holds(test: str, wanted: Any, value: Note, context: Context) -> bool:
    """One test on a value that is present."""
    match test:
        case "is":
            return any(_same(value, option) for option in wanted)
        case "not":
            return not any(_same(value, option) for option in wanted)
        case "min":
            return not isinstance(value, str | bool) and value >= wanted
        case "max":
            return not isinstance(value, str | bool) and value <= wanted
        case "given":
            return bool(wanted)
        case "stated":
            return bool(value) is wanted and (not isinstance(value, str) or bool(value.strip()) is wanted)
        case "same_as":
            other = context.get(wanted)
            return isinstance(value, str) and other is not None and _same(value, other)
        case "words_any":
            return not words(value).isdisjoint(wanted)
        case _:
            return words(value).isdisjoint(wanted)


@dataclass(frozen=True, slots=True)
class Fact:
    """A named condition; ``alternatives``: any of them, each a tuple of (key, test, wanted), all of them."""

    name: str
    alternatives: tuple[tuple[tuple[str, str, Any], ...], ...]
    en: str
    zh: str

    @property
    def keys(self) -> frozenset[str]:
        """The context keys it looks at."""
        found = {key for tests in self.alternatives for key, _, _ in tests}
        found |= {wanted for tests in self.alternatives for _, test, wanted in tests if test == "same_as"}
        return frozenset(found)

    def compiled(self) -> Callable[[Context], bool]:
        """The same as :meth:`true`, as a function; facts that ask one flag are a single look-up."""
        if len(self.alternatives) == 1 and len(self.alternatives[0]) == 1:
            key, test, wanted = self.alternatives[0][0]
            if test == "is" and len(wanted) == 1 and isinstance(wanted[0], bool):
                flag = wanted[0]
                return lambda context: context.get(key) is flag
        return self.true

    def true(self, context: Context) -> bool:
        """Whether it holds in this context."""
        for tests in self.alternatives:
            for key, test, wanted in tests:
                value = context.get(key)
                if value is None:
                    if not (test == "given" and wanted is False):
                        break
                elif not _holds(test, wanted, value, context):
                    break
            else:
                return True
        return False


def _test(where: str, key: str, test: str, wanted: Any) -> tuple[str, str, Any]:
    if test not in TESTS:
        raise BadPack(f"{where}: unknown test {test}")
    if test in ("is", "not"):
        options = tuple(wanted) if isinstance(wanted, list) else (wanted,)
        for option in options:
            context_value(key, option)
        return key, test, options
    if test in ("words_any", "words_none"):
        if not isinstance(wanted, list) or not all(isinstance(word, str) and word for word in wanted):
            raise BadPack(f"{where}: {test} takes a list of words")
        return key, test, frozenset(wanted)
    checks: dict[str, Callable[[Any], bool]] = {
        "given": lambda value: isinstance(value, bool),
        "stated": lambda value: isinstance(value, bool),
        "same_as": lambda value: value in CONTEXT,
        "min": lambda value: isinstance(value, int) and not isinstance(value, bool),
        "max": lambda value: isinstance(value, int) and not isinstance(value, bool),
    }
    if not checks[test](wanted):
        raise BadPack(f"{where}: {test} has a wrong value")
    return key, test, wanted


def parse(name: str, raw: Any) -> Fact:
    """Read a fact from a pack: ``{en, zh, any: [{key: value | {test: wanted}}]}``."""
    where = f"fact {name}"
    if not isinstance(raw, dict) or set(raw) != {"en", "zh", "any"}:
        raise BadPack(f"{where}: en, zh and any expected")
    if not isinstance(raw["any"], list) or not raw["any"]:
        raise BadPack(f"{where}: any takes a list of alternatives")
    alternatives = []
    for alternative in raw["any"]:
        if not isinstance(alternative, dict) or not alternative:
            raise BadPack(f"{where}: an alternative is a mapping of context keys")
        tests = []
        for key, condition in alternative.items():
            if key not in CONTEXT:
                raise BadPack(f"{where}: unknown context key {key}")
            given = condition if isinstance(condition, dict) else {"is": condition}
            tests += [_test(where, key, test, wanted) for test, wanted in given.items()]
        alternatives.append(tuple(tests))
    return Fact(name, tuple(alternatives), str(raw["en"]), str(raw["zh"]))
