"""The catalogues of both languages agree, and an absent key is loud."""

from __future__ import annotations

import pytest

from lianfang.foundation import i18n
from lianfang.foundation.errors import Fault


def test_both_languages_have_the_same_keys_and_places():
    assert i18n.problems() == []
    assert i18n.keys("zh")


def test_places_are_filled():
    assert i18n.t("common.count.persons", "zh", n=12) == "12 人"
    assert i18n.t("common.count.persons", "en", n="{n}") == "{n} persons"


@pytest.mark.parametrize(("key", "lang"), [("common.absent", "zh"), ("absent.key", "en"), ("common", "zh")])
def test_an_absent_key_is_a_fault(key, lang):
    with pytest.raises(Fault, match=key):
        i18n.t(key, lang)


def test_an_absent_place_or_language_is_a_fault():
    with pytest.raises(Fault, match="'n'"):
        i18n.t("common.count.persons", "zh")
    with pytest.raises(Fault, match="'fr'"):
        i18n.t("common.product", "fr")
    with pytest.raises(Fault):
        i18n.t("common.product", "../zh")


@pytest.mark.parametrize(
    ("header", "chosen"),
    [
        (None, "zh"),
        ("en-GB,en;q=0.9", "en"),
        ("fr;q=1,en;q=0.5,zh;q=0.8", "zh"),
        ("de", "zh"),
        ("en;q=x", "zh"),
        ("en;q=0", "zh"),
    ],
)
def test_language_of_a_browser(header, chosen):
    assert i18n.language(header) == chosen
