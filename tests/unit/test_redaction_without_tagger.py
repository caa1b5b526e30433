"""A new installation has no tagger: what people write at work must pass there too, and names must not."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from lianfang.guard import redaction
from lianfang.guard.redaction import ner
from lianfang.services import tour


@pytest.fixture(params=[False, True], ids=["rules", "as installed"])
def tagger(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    if not request.param:
        monkeypatch.setattr(ner, "available", lambda: False)
    return bool(request.param)


def _sentences() -> list[str]:
    """What people give as their reasons on the demonstration's tour."""
    tree = ast.parse(Path(tour.__file__).read_text(encoding="utf-8"))
    given = [node.value for node in ast.walk(tree) if isinstance(node, ast.keyword) and node.arg == "reason"]
    return [node.value for node in given if isinstance(node, ast.Constant) and isinstance(node.value, str)]


def test_the_reasons_of_the_demonstration_name_nobody(tagger: bool) -> None:
    said = _sentences()
    assert len(said) >= 2
    assert {text: found for text in said if (found := redaction.find(text, point="block"))} == {}


@pytest.mark.parametrize(
    "text", ["密切接触者，须当日联系", "密切接触者须立即报告", "须于当日完成采样", "同住两日以上，须集中观察"]
)
def test_what_must_be_done_is_nobody(tagger: bool, text: str) -> None:
    assert redaction.find(text, point="block") == []


@pytest.mark.parametrize(
    ("text", "name"), [("姓名：须建国", "须建国"), ("联系人：须建国", "须建国"), ("患者应晓峰，男", "应晓峰")]
)
def test_bearers_of_the_surname_are_found(tagger: bool, text: str, name: str) -> None:
    assert name in [text[one.start : one.end] for one in redaction.find(text, point="block")]
