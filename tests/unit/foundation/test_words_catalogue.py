"""Everything that the source may say to a person has its Chinese, and the catalogue holds nothing else."""

from __future__ import annotations

import errno
import importlib.util
import os
import re
from http import HTTPStatus
from pathlib import Path
from types import ModuleType

import pytest

from lianfang.foundation import words
from lianfang.foundation.words import catalogue

ROOT = Path(__file__).parents[3]
CHINESE = re.compile("[\u3400-\u9fff]")


def _script() -> ModuleType:
    import sys

    spec = importlib.util.spec_from_file_location("messages", ROOT / "scripts" / "messages.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["messages"] = module  # its dataclasses look themselves up there
    spec.loader.exec_module(module)
    return module


messages = _script()


@pytest.fixture(scope="module")
def found() -> list:
    return messages.sites(messages.read())


def test_every_message_of_the_source_has_its_chinese(found):
    wanted = messages.said(found)
    assert len(wanted) > 700  # the walk finds the source's messages at all
    known = catalogue.entries()
    missing = {text: where for text, where in wanted.items() if text not in known}
    assert not missing, f"run scripts/messages.py and fill in its lines: {missing}"


def test_the_catalogue_holds_nothing_that_the_source_does_not_say(found):
    wanted = messages.said(found)
    stale = [
        (name, text)
        for name, part in catalogue.files().items()
        if name not in messages.GIVEN
        for text in part
        if text not in wanted
    ]
    assert not stale


def test_words_in_a_hole_are_looked_up_in_their_turn(found):
    assert not messages.silent(found)


def test_no_text_stands_in_two_files():
    seen: dict[str, str] = {}
    for name, part in catalogue.files().items():
        for text in part:
            assert text not in seen, (text, name, seen[text])
            seen[text] = name


def test_the_chinese_uses_the_holes_of_the_english():
    for english, chinese in catalogue.entries().items():
        there = {hole for hole, _ in catalogue.holes(english)}
        used = {hole for hole, _ in catalogue.holes(chinese)}
        plural = re.search(r"item\{2\}|character\{1\}|byte\{1\}|digit\{1\}|place\{1\}", english)
        assert used <= there and (used == there or plural), english
        assert there == set(range(len(there))), english


def test_the_chinese_is_chinese_and_ends_as_the_english_does():
    for english, chinese in catalogue.entries().items():
        assert CHINESE.search(chinese) or "{0:said}" in chinese or english == "{0}: {1}: {2}.", english
        for mark in (";", ":", "?", "!"):  # half-width marks have no place between Chinese sentences
            assert f"{mark} " not in re.sub(r"：[a-z][\w ]*|：chmod .*", "", chinese), chinese
        assert not (english.endswith(".") and CHINESE.match(chinese[-1])), (english, chinese)


def test_every_code_is_said_in_both_languages():
    for code, (zh, en) in catalogue.codes().items():
        assert CHINESE.search(zh) and not CHINESE.search(en) and en, code


def test_each_message_finds_its_own_chinese(found):
    """A text made from each template, with values in its holes, comes out as that template's Chinese."""
    for english in messages.said(found):
        if "{0}" not in english:
            assert words.say(english, "zh") == catalogue.entries()[english]
            continue
        text = re.sub(r"\{(\d)\}", r"v\1", english)
        fixed = re.sub(r"\{\d(:said)?\}", "\0", catalogue.entries()[english]).split("\0")
        said = words.say(text, "zh")
        at = 0
        for piece in (part.strip() for part in fixed):
            at = said.find(piece, at)
            assert at >= 0, (english, said)


# what others say -------------------------------------------------------------------------------------------


def _theirs() -> set[str]:
    """The texts of pydantic, the operating system, HTTP and click, with numbered holes."""
    from pydantic_core._pydantic_core import list_all_errors

    def numbered(text: str) -> str:
        count = iter(range(10))
        return re.sub(r"\{[^}]*\}", lambda _: f"{{{next(count)}}}", text)

    texts = {numbered(one["message_template_python"]) for one in list_all_errors()}
    texts |= {os.strerror(number) for number in errno.errorcode}
    texts |= {status.phrase for status in HTTPStatus}
    return texts


def test_the_words_of_libraries_are_theirs():
    """Each entry is a text of pydantic, the system or HTTP, or one that click or a date's parser is seen to say."""
    import click

    source = "\n".join(path.read_text() for path in Path(click.__file__).parent.glob("*.py"))
    theirs = _theirs()
    dates = _date_words()
    for english in catalogue.files()["outside.toml"]:
        pieces = re.split(r"\{\d\}", english)
        in_click = all(p.strip(" .'") in source for p in pieces) or english.startswith(
            ("File ", "Path ", "Dir")
        )
        assert english in theirs or english in dates or in_click, english


def _date_words() -> set[str]:
    from datetime import date, datetime, time

    from pydantic import TypeAdapter, ValidationError

    said = set()
    for kind, given in (
        *((date, d) for d in ("2020-01", "2020-13-01", "2020-02-30", "x020-02-30", "2020-x2-30", "2020-02-x0",
                              "2020/02/30", "2020-02-03x")),
        *((datetime, f"2020-02-03T{t}") for t in ("25:00", "12:61", "x2:00", "12:x0")),
        *((time, t) for t in ("25:00", "12:61", "x2:00", "12:x0")),
    ):  # fmt: skip
        with pytest.raises(ValidationError) as caught:
            TypeAdapter(kind).validate_python(given)
        said.add(str(caught.value.errors()[0].get("ctx", {}).get("error", "")))
    return said


def test_pydantics_messages_that_a_person_can_cause_are_all_there():
    """All but those of a programmer's own doing: a model's attributes, call arguments, Python-only types."""
    own = re.compile(
        "Cannot check|Error extracting|default factory|tuple, list, dictionary|iterating|Counter|frozendict|deque"
        "|OrderedDict|mapping, error|hashable|callable|sentinel|Ellipsis|Arguments must|positional|keyword only"
        "|multiple values|strict URL|UUID version|raction|complex|Timezone offset"
    )
    theirs = {text for text in _theirs() if text[0].isupper() or text[0] == "{"}
    from pydantic_core._pydantic_core import list_all_errors

    wanted = {
        re.sub(r"\{[^}]*\}", "{}", one["message_template_python"])
        for one in list_all_errors()
        if not own.search(one["message_template_python"])
    }
    known = {re.sub(r"\{\d\}", "{}", text) for text in catalogue.entries()}
    assert theirs and len(wanted) > 70
    assert not wanted - known


def test_record_types_are_named_as_they_are_declared():
    from lianfang.records import REGISTRY

    for record in REGISTRY.values():
        named = catalogue.codes().get(record.about.en, (record.about.zh,))[0]
        assert words.say(f"There is no such {record.about.en}.", "zh") == f"没有该{named}。"


def test_roles_and_states_are_called_as_on_the_pages():
    from lianfang.api.words import LABELS

    for kind in ("role", "status", "classification"):
        for code, pair in LABELS[kind].items():
            if code in catalogue.codes():
                assert catalogue.codes()[code] == pair, code


def test_every_role_act_obligation_and_reason_has_words():
    from lianfang.guard.accounts.rights import ROLES
    from lianfang.guard.policy.vocabulary import OBLIGATIONS
    from lianfang.services.gate import ACTS

    assert not {*ROLES, *ACTS, *OBLIGATIONS} - set(catalogue.codes())
    for act in ACTS:
        assert CHINESE.search(words.reason(f"role:{act}", "zh"))
        assert not words.reason(f"role:{act}", "en").startswith("role:")
