"""What is refused or wrong is said in the reader's language: pages, JSON, forms, the command line."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

import importkit
from lianfang.api.app import create_app
from lianfang.api.security import COOKIE, form_token
from lianfang.services import accounts
from lianfang.services.installation import Installation

LATIN_SENTENCE = re.compile(r"[a-z]+ [a-z]+ [a-z]+")


@pytest.fixture
def client(inst: Installation, event_id: str) -> Iterator[TestClient]:
    yield TestClient(create_app(inst), base_url="https://testserver", follow_redirects=False)


def enter(inst: Installation, client: TestClient, role: str) -> str:
    name = next(name for name, _, held in accounts.DEMONSTRATION if held == role)
    client.cookies.clear()
    assert client.post("/enter", data={"link": accounts.link(inst, name)}).status_code == 303
    return form_token(client.cookies[COOKIE])


def body(html: str) -> str:
    """The error's card as text, without its code."""
    card = html.partition('<section class="card narrow">')[2].partition("</section>")[0]
    return re.sub(r"<[^>]+>", " ", re.sub(r"<code>.*?</code>", "", card))


def test_an_error_page_in_both_languages(inst: Installation, client: TestClient, event_id: str) -> None:
    enter(inst, client, "laboratory")
    zh = client.get(f"/events/{event_id}", headers={"accept-language": "zh-CN,zh;q=0.9,en;q=0.8"})
    en = client.get(f"/events/{event_id}", headers={"accept-language": "en-GB"})
    assert (zh.status_code, en.status_code) == (403, 403)
    assert "检验人员无权执行此操作（查阅事件）。" in zh.text
    assert "请由具有相应角色的同事办理。" in zh.text
    assert "须由其他角色办理：查阅事件" in zh.text
    assert not LATIN_SENTENCE.search(body(zh.text)), body(zh.text)
    assert "The role laboratory may not do this (event.read)." in en.text
    assert "an act of another role: read an event" in en.text
    assert not re.search("[\u3400-\u9fff]", body(en.text)), body(en.text)
    assert zh.headers["content-language"] == "zh" and en.headers["content-language"] == "en"
    assert "<code>role</code>" in zh.text and "<code>role</code>" in en.text


def test_a_refusal_of_the_policy_in_both_languages(
    inst: Installation, client: TestClient, event_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real policy's reasons and articles, met by an act that it does not permit."""
    from lianfang.services import situation
    from lianfang.services.accounts import person
    from lianfang.services.gate import ask

    def refused(*args: object, **more: object) -> None:
        manager = next(name for name, _, held in accounts.DEMONSTRATION if held == "manager")
        ask(inst, person(inst, manager), phase="disclose", purpose="public_bulletin", data=["name"])

    monkeypatch.setattr(situation, "view", refused)
    enter(inst, client, "manager")
    zh = client.get(f"/events/{event_id}", headers={"accept-language": "zh"})
    en = client.get(f"/events/{event_id}", headers={"accept-language": "en"})
    assert (zh.status_code, en.status_code) == (403, 403)
    assert "策略不允许：" in zh.text and "<h2>理由</h2>" in zh.text
    assert not LATIN_SENTENCE.search(re.sub(r"\[[^\]]*\]", "", body(zh.text))), body(zh.text)
    assert "the policy refuses this: " in en.text
    assert not re.search("[\u3400-\u9fff]", body(en.text)), body(en.text)


def test_json_says_the_language_asked_for_and_english_always(
    inst: Installation, client: TestClient, event_id: str
) -> None:
    enter(inst, client, "laboratory")
    said = {
        lang: client.get(f"/api/v1/events/{event_id}", headers={"accept-language": lang}).json()["error"]
        for lang in ("zh", "en", "fr", "fr, zh;q=0.4, en;q=0.2", "zh;q=0, en;q=0.1", "zh;q=x")
    }
    english = "The role laboratory may not do this (event.read)."
    assert all(one["message_en"] == english and one["code"] == "role" for one in said.values())
    assert said["zh"]["message"] == "检验人员无权执行此操作（查阅事件）。"
    assert said["fr, zh;q=0.4, en;q=0.2"]["message"] == said["zh"]["message"]
    assert {said[lang]["message"] for lang in ("en", "fr", "zh;q=0, en;q=0.1", "zh;q=x")} == {english}
    client.post("/language", data={"lang": "zh", "back": "/today"})
    assert client.get(f"/api/v1/events/{event_id}").json()["error"]["message"] == said["zh"]["message"]


def test_a_forms_fields_are_said_in_both_languages(
    inst: Installation, client: TestClient, event_id: str
) -> None:
    token = enter(inst, client, "manager")
    url = f"/api/v1/events/{event_id}/level"
    wrong = {"level": 5, "extra": "154"}
    answers = {
        lang: client.post(
            url, json=wrong, headers={"x-lianfang-token": token, "accept-language": lang}
        ).json()["error"]
        for lang in ("zh", "en")
    }
    assert answers["zh"]["fields"] == [
        {"field": "extra", "message": "不允许有多余内容"},
        {"field": "level", "message": "应为文本"},
        {"field": "reason", "message": "缺少必填项"},
    ]
    assert answers["en"]["fields"][2] == {"field": "reason", "message": "Field required"}
    assert answers["zh"]["message"] == "请求中的字段缺失或有误：extra, level, reason。"
    page = client.post(f"/events/{event_id}/level", data={"token": token}, headers={"accept-language": "zh"})
    assert page.status_code == 422
    assert "请求中的字段缺失或有误" in page.text and "缺少必填项" in page.text


def test_a_service_says_what_is_wrong_with_a_form(
    inst: Installation, client: TestClient, event_id: str
) -> None:
    token = enter(inst, client, "manager")
    given = {"token": token, "level": "II", "reason": " "}
    for lang, wanted in (("zh", "调整级别须说明理由。"), ("en", "A change of level needs a reason.")):
        answer = client.post(f"/events/{event_id}/level", data=given, headers={"accept-language": lang})
        assert answer.status_code == 422 and wanted in answer.text


def test_a_page_that_is_not_there(client: TestClient) -> None:
    assert "没有该页面。" in client.get("/nowhere", headers={"accept-language": "zh"}).text
    assert "Not Found" in client.get("/nowhere", headers={"accept-language": "en"}).text


def run(language: str, *arguments: str, home: Path) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-c", "from lianfang.cli import main; main()", *arguments],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(sys.path),
            "LIANFANG_LANGUAGE": language,
            "LIANFANG_HOME": str(home),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stderr


def test_the_command_line_in_both_languages(tmp_path: Path) -> None:
    code, zh = run("zh", "today", home=tmp_path)
    assert code == 3 and zh == f"lianfang: {tmp_path} 中没有安装。请用 `lianfang init` 新建。\n"
    code, en = run("en", "today", home=tmp_path)
    assert (
        code == 3
        and en == f"lianfang: There is no installation in {tmp_path}. Make one with `lianfang init`.\n"
    )
    code, zh = run("zh", "nope", home=tmp_path)
    assert code == 2 and "错误：没有命令 'nope'。" in zh and "用法：" in zh
    code, en = run("en", "nope", home=tmp_path)
    assert code == 2 and "Error: No such command 'nope'." in en
    denied = ["guard", "policy", "decide", "--actor", "cdc", "--phase", "disclose"]
    denied += ["--purpose", "public_bulletin", "--data", "name"]
    code, zh = run("zh", *denied, home=tmp_path)
    assert code == 4 and zh.startswith("lianfang: 策略不允许：") and not LATIN_SENTENCE.search(zh), zh
    code, en = run("en", *denied, home=tmp_path)
    assert code == 4 and not re.search("[\u3400-\u9fff]", en), en


def test_rejected_rows_of_an_import_in_both_languages(tmp_path: Path) -> None:
    from lianfang.cli.importing import _words
    from lianfang.services.importing import import_files

    inst = importkit.make(tmp_path / "home")
    rows = [
        importkit.card(1),
        importkit.card(2, 发病日期="01/02/2020"),
        importkit.card(3, 现住区划="", 报告日期=""),
    ]
    file = importkit.write(tmp_path / "名单.csv", importkit.CARD, rows)
    (report,) = import_files(inst, importkit.EPI, "case_report", [file])
    inst.close()
    assert report.rejected == 2
    zh, en = _words(report, "zh"), _words(report, "en")
    assert "名单.csv 第 3 行“发病日期”列：日与月无法区分（date_ambiguous）。" in zh
    assert "名单.csv, row 3, column 发病日期: day and month cannot be told apart (date_ambiguous)." in en
    assert "（missing）" in zh and "缺少必填项" in zh and "a required value is missing" in en
