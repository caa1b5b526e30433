"""Texts in the reader's language: messages, reasons, articles, and the choice of the language."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

import lianfang.records  # noqa: F401 - its types name themselves
from lianfang.foundation import words
from lianfang.foundation.errors import BadInput, Refused
from lianfang.foundation.words.choice import terminal_language


@pytest.mark.parametrize(
    ("english", "chinese"),
    [
        ("There is no such event.", "没有该事件。"),
        ("There is no log abc/def here.", "此处没有账本 abc/def。"),
        ("a.json cannot be read: No such file or directory.", "无法读取 a.json：没有该文件或目录。"),
        ("standard input is empty.", "标准输入为空。"),
        ("Week 54 does not exist in 2020 (iso).", "2020 年没有第 54 周（iso）。"),
        ("The role clinician may not do this (event.open).", "临床医生无权执行此操作（启动事件）。"),
        ("There is no such order to a holder.", "没有该调取令。"),
        ("This lock is approved already.", "该锁定的状态已是“已批准”。"),
        (
            "名单.csv, row 3, column onset: not a number (number). "
            "名单.csv, row 4: a required value is missing (missing). And 3 more.",
            "名单.csv 第 3 行“onset”列：不是数字（number）。名单.csv 第 4 行：缺少必填项（missing）。另有 3 处。",
        ),
        (
            "The index, row 3, column token: the token is missing (5 such rows in this part).",
            "指示病例表，第 3 行“token”列：缺少令牌（本部分共 5 行）。",
        ),
        (
            "The vault does not release names: the grant names no subject; the grant has expired.",
            "保险库不予提供姓名：授权未列信息主体；授权已过期。",
        ),
        (
            "lianfang.toml: port: Input should be less than or equal to 65535.",
            "lianfang.toml：port：应不大于 65535。",
        ),
        ("lianfang.toml: zone: Value error, no such time zone.", "lianfang.toml：zone：没有该时区。"),
        (
            "The mapping m.yaml: There is no record type 'x'. Known: a, b.",
            "映射 m.yaml：没有记录类型 'x'。可用：a, b。",
        ),
        ("policy pack a.yaml: rule r1: unknown fact zz", "策略包 a.yaml：规则 r1：fact 中没有 zz"),
        ("holder_slow: The holder is still searching.", "holder_slow：持有者仍在检索。"),
        (
            "the policy refuses this: no_plan: mobile, missing: a plan. mobile：缺少预案。 never: not so. 不可。",
            "策略不允许：mobile：缺少预案。不可。",
        ),
        ("Nobody has ever said this.", "Nobody has ever said this."),
        ("", ""),
    ],
)
def test_a_text_in_chinese(english: str, chinese: str) -> None:
    assert words.say(english, "zh") == chinese


def test_a_text_in_both_languages_is_cut_to_the_readers():
    both = "never: names are not published. 姓名不得公开。"
    assert words.say(both, "en") == "never: names are not published."
    assert words.say(both, "zh") == "姓名不得公开。"
    assert (
        words.say(f"{both} {both}", "en") == "never: names are not published. never: names are not published."
    )
    assert words.say("名单.csv is empty.", "en") == "名单.csv is empty."
    assert words.say("姓名不得公开。", "en") == "姓名不得公开。"  # no other language to choose


@pytest.mark.parametrize(
    ("text", "zh", "en"),
    [
        (
            "传染病防治法 Infectious Diseases Law (2013) arts 12, 33 [cn-seed-2020 2020-02-09]",
            "《传染病防治法》（2013）第12、33条 [cn-seed-2020 2020-02-09]",
            "Infectious Diseases Law (2013) arts 12, 33 [cn-seed-2020 2020-02-09]",
        ),
        (
            "个人信息保护法 PIPL arts 28 and 34-35",
            "《个人信息保护法》第28、34-35条",
            "PIPL arts 28 and 34-35",
        ),
        ("白皮书 White paper 三(一)4(2)", "白皮书三(一)4(2)", "White paper 三(一)4(2)"),
        (
            "网络安全法 Cybersecurity Law (2017) consent (unverified 未核实)",
            "《网络安全法》（2017）征得同意（未核实）",
            "Cybersecurity Law (2017) consent (unverified)",
        ),
        ("REQ-P-64", "REQ-P-64", "REQ-P-64"),
    ],
)
def test_an_article(text: str, zh: str, en: str) -> None:
    assert (words.article(text, "zh"), words.article(text, "en")) == (zh, en)


def test_every_article_of_every_chinese_pack_is_said_whole_in_chinese():
    from lianfang.guard.policy.pack import packs

    for pack in packs():
        for source in pack.sources:
            said = words.article(pack.cite(source), "zh")
            if pack.jurisdiction == "cn":
                rest = said.replace("EWRS", "").rpartition(" [")[0]
                assert not any(c.isascii() and c.isalpha() for c in rest), said
            assert "unverified" not in said
            assert "未核实" not in words.article(pack.cite(source), "en")


def test_an_error_with_its_hint():
    error = BadInput("A lock needs a reason.", hint="Reload the page.")
    assert str(error) == "A lock needs a reason. Reload the page."
    assert words.message(error, "en") == str(error)
    assert words.message(error, "zh") == "锁定须说明理由。请刷新页面后重试。"
    refused = Refused("x", reasons=("area", "separation of duties"))
    assert [words.reason(one, "zh") for one in refused.reasons] == ["超出账户权限所及区域", "职责分离"]


def test_a_hostile_text_costs_little():
    hostile = [
        "{0}" * 5000,
        "a. " * 6000,
        "; ".join(["x, row 1"] * 2000),
        ": " * 9000,
        "。 " * 9000,
        "x" * 10**6,
    ]
    start = time.process_time()
    for text in hostile:
        for lang in ("zh", "en"):
            assert isinstance(words.say(text, lang), str)
            assert isinstance(words.reason(text, lang), str)
            assert isinstance(words.article(text, lang), str)
    assert time.process_time() - start < 2


@pytest.mark.parametrize(
    ("variables", "written", "wanted"),
    [
        ({}, "", "en"),
        ({}, 'language = "zh"\n', "zh"),
        ({}, 'language = "fr"\n', "en"),
        ({}, "language = [\n", "en"),
        ({"LANG": "C.UTF-8"}, 'language = "zh"\n', "zh"),
        ({"LANG": "zh_CN.UTF-8"}, "", "zh"),
        ({"LANG": "en_GB.UTF-8"}, 'language = "zh"\n', "en"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "de_DE"}, "", "en"),
        ({"LANG": "zh_CN.UTF-8", "LIANFANG_LANGUAGE": "en"}, "", "en"),
        ({"LIANFANG_LANGUAGE": "zh"}, "", "zh"),
    ],
)
def test_the_terminals_language(
    variables: dict[str, str], written: str, wanted: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LIANFANG_LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "lianfang.toml").write_text(written, encoding="utf-8")
    assert terminal_language(tmp_path) == wanted
