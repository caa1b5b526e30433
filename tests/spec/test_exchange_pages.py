"""The exchange's page, JSON and command line: REQ-P-38 and 39 at the doors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from fastapi.testclient import TestClient

import exchangekit
import leaks
from exchangekit import PERSON, RIGHT, WORDS
from lianfang.api.app import create_app
from lianfang.api.security import COOKIE, form_token
from lianfang.cli import cli
from lianfang.services import accounts
from lianfang.services.exchange.common import WARNING_EN, WARNING_ZH
from lianfang.services.installation import Installation


@pytest.fixture
def two(tmp_path: Path) -> Iterator[tuple[Installation, Installation]]:
    # the command line goes by the machine's clock, so the others have to as well
    now = datetime.now(UTC)
    a, b = (exchangekit.authority(tmp_path / name, name, at=now) for name in ("linjiang", "yuanshan"))
    exchangekit.acquaint(a, b)
    yield a, b
    a.close()
    b.close()


def client(inst: Installation, name: str) -> tuple[TestClient, str]:
    made = TestClient(create_app(inst), base_url="https://testserver", follow_redirects=False)
    assert made.post("/enter", data={"link": accounts.link(inst, name)}).status_code == 303
    return made, form_token(made.cookies[COOKIE])


@pytest.mark.parametrize(("lang", "warning"), [("zh", WARNING_ZH), ("en", WARNING_EN)])
def test_req_p_38_the_warning_stands_first_on_the_page(
    two: tuple[Installation, Installation], lang: str, warning: str
) -> None:
    door, _ = client(two[0], "wang.yi")
    text = door.get("/exchange", headers={"accept-language": lang}).text
    main = text.split('<main id="main">', 1)[1]
    assert main.lstrip().startswith('<div class="warning"') and warning in main
    assert main.index(warning) < main.index('id="general"') < main.index('id="selective"')
    assert main.count(warning) == 2  # and once more at the form


def test_req_p_38_the_warning_stands_on_the_command_line(two: tuple[Installation, Installation]) -> None:
    home = str(two[0].home)
    shown = CliRunner().invoke(cli, ["exchange", "board", "--home", home])
    assert shown.exit_code == 0 and WARNING_ZH in shown.output and WARNING_EN in shown.output
    assert "普通渠道不得传输" in CliRunner().invoke(cli, ["exchange", "--help"]).output
    posted = CliRunner().invoke(
        cli, ["exchange", "post", "通报", "--text", "-", "--later", "--home", home], input="一切正常"
    )
    assert posted.exit_code == 0 and WARNING_EN in posted.output
    refused = CliRunner().invoke(
        cli, ["exchange", "post", "通报", "--text", "-", "--home", home], input=f"请联系{PERSON['name']}"
    )
    assert refused.exit_code != 0 and "carries no personal data" in str(refused.exception)
    assert PERSON["name"] not in refused.output + str(refused.exception)


def test_req_p_39_only_the_selective_channel_takes_personal_fields(
    two: tuple[Installation, Installation],
) -> None:
    a, _ = two
    door, token = client(a, "wang.yi")
    headers = {"x-lianfang-token": token}
    api = "/api/v1/exchange"
    assert door.get(api).json()["warning"]["en"] == WARNING_EN
    for field in ("name", "mobile", "persons", "home_address", "resident_id"):
        body = {"title": "通报", "text": "一切正常", field: PERSON["name"]}
        for path in ("posts", "alerts"):
            more = {"concerned": ["yuanshan"]} if path == "alerts" else {}
            answer = door.post(f"{api}/{path}", json={**body, **more}, headers=headers)
            assert answer.status_code == 422 and PERSON["name"] not in answer.text
    for text in (f"请联系{PERSON['name']}，电话{PERSON['mobile']}", PERSON["home_address"]):
        answer = door.post(f"{api}/posts", json={"title": "通报", "text": text}, headers=headers)
        assert answer.status_code == 403 and answer.json()["error"]["code"] == "general_channel"
        page = door.post("/exchange/posts", data={"title": "通报", "text": text, "token": token})
        assert page.status_code == 403
        for said in (answer.text, page.text):
            assert PERSON["name"] not in said and PERSON["mobile"] not in said and text not in said
    assert leaks.search(a.home, [PERSON["name"], PERSON["mobile"], PERSON["home_address"]]) == []
    alert = door.post(
        f"{api}/alerts", json={"title": "通报", "concerned": ["yuanshan"]}, headers=headers
    ).json()["alert_id"]
    answer = door.post(
        f"{api}/alerts/{alert}/messages", json={"persons": [PERSON], "text": WORDS}, headers=headers
    )
    message = answer.json()["message_id"]
    assert PERSON["name"] not in door.get(f"{api}/messages").text + door.get(f"{api}/messages/{message}").text
    read = door.post(f"{api}/messages/{message}/read", headers=headers)
    assert read.json() == {"persons": [PERSON], "text": WORDS} and "no-store" in read.headers["cache-control"]
    extra = {"persons": [{**PERSON, "resident_id": "x"}]}
    beyond = door.post(f"{api}/alerts/{alert}/messages", json=extra, headers=headers)
    assert beyond.status_code == 403 and "resident_id" in beyond.text


def test_a_message_through_the_pages(two: tuple[Installation, Installation]) -> None:
    a, b = two
    door, token = client(a, "wang.yi")
    assert (
        door.post(
            "/exchange/alerts", data={"token": token, "title": "同乘追踪", "concerned": ["yuanshan"]}
        ).headers["location"]
        == "/exchange?done=alerted"
    )
    alert = door.get("/api/v1/exchange").json()["alerts"][0]["alert_id"]
    form = {"token": token, "text": WORDS, **{f"0.{name}": value for name, value in PERSON.items()}}
    sent = door.post(f"/exchange/alerts/{alert}/messages", data=form)
    assert sent.status_code == 303, sent.text
    path = sent.headers["location"].split("?")[0]
    assert PERSON["name"] not in door.get(path).text
    opened = door.post(f"{path}/read", data={"token": token}).text
    assert PERSON["name"] in opened and 'name="0.mobile"' in opened
    changed = {
        "token": token,
        "reason": "inaccurate",
        **{f"0.{name}": value for name, value in RIGHT.items()},
    }
    assert door.post(f"{path}/correct", data=changed).status_code == 303
    assert RIGHT["mobile"] in door.post(f"{path}/read", data={"token": token}).text
    for wrong in ({"x.name": "y"}, {"99.name": "y"}, {"0.resident_id": "y"}):
        assert door.post(
            f"/exchange/alerts/{alert}/messages", data={"token": token, **wrong}
        ).status_code in (403, 422)
    with exchangekit.listening(a, b):
        exchangekit.carry(a, b)
    far, other = client(b, "chen.ren")
    asked = {"token": other, "kind": "rectification", "text": WORDS}
    assert far.post(f"{path}/requests", data=asked).status_code == 403  # not verified
    case = far.post(f"{path}/requests", data={**asked, "identity_verified": "true"}).headers["location"]
    case = case.split("?")[0]
    assert WORDS not in far.get(case).text
    shown = far.post(f"{case}/read", data={"token": other}).text
    assert WORDS in shown, shown[shown.index("<main") :]
    assert far.post(f"{case}/answer", data={"token": other, "outcome": "corrected"}).status_code == 303
    said = far.post(f"{path}/report-unlawful", data={"token": other, "reason": "非追踪所必需"})
    assert said.status_code == 303 and "已封锁" in far.get(path, headers={"accept-language": "zh"}).text
    for lang in ("zh", "en"):
        for page in ("/exchange", path, case, f"/exchange/alerts/{alert}"):
            assert far.get(page, headers={"accept-language": lang}).status_code == 200


def test_the_command_line_sends_reads_and_prints_json(
    two: tuple[Installation, Installation], tmp_path: Path
) -> None:
    a, b = two
    persons = tmp_path / "persons.json"
    persons.write_text(json.dumps([PERSON], ensure_ascii=False), encoding="utf-8")
    home = ["--home", str(a.home), "--json"]

    def run(*words: str, at: list[str] = home, fed: str | None = None) -> dict[str, str]:
        done = CliRunner().invoke(cli, ["exchange", *words, *at], input=fed)
        assert done.exit_code == 0, done.output + str(done.exception)
        return dict(json.loads(done.stdout))

    with exchangekit.listening(a, b):
        alert = run("alert", "同乘追踪", "--concerned", "yuanshan")["alert_id"]
        sent = run("send", alert, "--persons", str(persons), "--text", "-", fed=WORDS)
        assert sent["letters"] == {"delivered": 1, "waiting": 0, "refused": 0}
        far = ["--home", str(b.home), "--json"]
        assert run("read", sent["message_id"], at=far) == {"persons": [PERSON], "text": WORDS}
        persons.write_text(json.dumps([RIGHT], ensure_ascii=False), encoding="utf-8")
        run("correct", sent["message_id"], "--persons", str(persons), "--reason", "inaccurate")
        assert run("read", sent["message_id"], at=far)["persons"] == [RIGHT]
        run("delete", sent["message_id"], "--reason", "unnecessary")
    gone = CliRunner().invoke(cli, ["exchange", "read", sent["message_id"], *far])
    assert gone.exit_code != 0 and "erased" in str(gone.exception)
