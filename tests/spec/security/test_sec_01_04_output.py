"""Security requirements 1 to 4: nothing that was typed in becomes markup, an address, SQL or a command."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lianfang.api.pages.signin import safe_path
from securitykit import House

ROOT = Path(__file__).parents[3]
SRC = ROOT / "src" / "lianfang"

# 1: text stays text

PAYLOADS = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "' autofocus onfocus=alert(1) x='",
    "</textarea></title><iframe src=//evil.example>",
    "{{7*7}}{% raw %}<b>",
    "<a href=javascript:alert(1)>go</a>",
    "&lt;script&gt;",
)


class Tags(HTMLParser):
    """Elements and attributes that no page of ours has."""

    def __init__(self) -> None:
        super().__init__()
        self.wrong: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        held = dict(attrs)
        if tag in ("iframe", "b", "object", "embed") or (
            tag == "script" and held.get("src") != "/static/passkey.js"
        ):
            self.wrong.append(tag)
        self.wrong += [name for name in held if name.startswith("on")]
        self.wrong += [value for value in held.values() if "javascript:" in (value or "") and tag == "a"]

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def _read(page: str) -> Tags:
    found = Tags()
    found.feed(page)
    return found


@pytest.mark.parametrize("payload", PAYLOADS)
def test_sec_01_what_was_typed_is_shown_as_text(house: House, payload: str) -> None:
    event = house.event_id
    shown = 0
    house.enter("manager")
    answers = [
        house.post(f"/events/{event}/level", level="II", reason=payload),
        house.post("/exchange/posts", title=payload, text=payload),
        house.post("/incidents", what=payload, event=payload),
        house.post("/account/terminals", label=payload[:60]),
        house.post("/second", code=payload, back=payload),
        house.client.get("/second", params={"back": payload}),
        house.client.get("/enter", params={"link": payload}),
        house.client.get("/today", params={"done": payload}),
        house.client.get("/log", params={"event": payload}),
        house.client.get(f"/events/{payload.replace('/', '%2F')}"),
        house.client.post("/signin", data={"name": payload, "password": payload}),
        *(house.client.get(path) for path in (f"/events/{event}", "/exchange", "/account", "/incidents")),
    ]
    house.enter("data_protection_officer")
    answers += [
        house.client.get(path) for path in ("/incidents", "/log", "/terminals", "/exchange", "/today")
    ]
    for answer in answers:
        if answer.headers.get("content-type", "").startswith("text/html"):
            page = _read(answer.text)
            assert page.wrong == [], answer.url
            shown += payload in "".join(page.text)
    assert shown >= 2, "the payload was shown nowhere: nothing was tested"


def test_sec_01_the_templates_escape_and_hold_no_script() -> None:
    from lianfang.api.view import _environment

    assert _environment().autoescape is True
    marked = []
    for path in sorted((SRC / "api" / "templates").glob("*.html")):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"\|\s*safe\b|autoescape|\son[a-z]+=|\sstyle\s*=|javascript:|srcdoc", text), (
            path.name
        )
        if path.name == "verify_file.html":
            # the one file for the disk: its own policy lets nothing load or send, and names its one script's hash
            assert re.findall(r"<script[^>]*>.*?</script>", text) == ["<script>{{ code }}</script>"]
            (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', text)
            assert policy.split("; ") == [
                "default-src 'none'", "script-src '{{ code_hash }}'", "style-src '{{ style_hash }}'",
                "form-action 'none'", "base-uri 'none'",
            ]  # fmt: skip
            assert re.findall(r"\{\{ (\w+) \}\}", text) == [
                "code_hash",
                "style_hash",
                "style",
                "trust",
                "code",
            ]
            continue
        own = (
            r"<script(?! src=\"/static/passkey.js\" defer></script>"
            r"| src=\"/static/{{ name }}\" integrity=\"{{ integrity }}\" defer)"
        )
        assert re.findall(own, text) == [], path.name
        marked += re.findall(r"safe_svg\(([\w.]+)\)", text)
        assert not re.search(r"\s[a-z-]+=\{\{", text), f"{path.name}: an attribute without quotation marks"
    assert set(marked) == {
        "chart.svg",
        "qr",
        "receipt.svg",
    }  # what charts draw, whose texts their writer escapes


def test_sec_01_a_charts_own_texts_are_escaped() -> None:
    from datetime import date

    from lianfang.foundation import svg

    drawn = svg.bars(
        [date(2026, 1, 1)], [3], title=PAYLOADS[0], y_label=PAYLOADS[1], lang="en", width=300, height=200
    )
    assert "<script" not in str(drawn) and "<img" not in drawn.file() and "&lt;script" in drawn.file()


# 2: addresses


def _leads_away(path: str) -> bool:
    """As a browser reads it: it takes tabulators and line breaks out and backslashes for slashes."""
    read = re.sub(r"[\t\r\n]", "", path).strip(" \x00-\x1f").replace("\\", "/")
    made = urlsplit(urljoin("https://here.example/page", read))
    return (made.scheme, made.netloc) != ("https", "here.example")


AWAY = (
    *(
        "//evil.example",
        "/\\evil.example",
        "/\t/evil.example",
        "\\\\evil.example",
        "https://evil.example",
        "",
    ),
    *("/\n//evil", "javascript:alert(1)", "data:text/html,x", "/\r/evil.example", " //evil.example"),
)


@given(
    st.one_of(
        st.text(max_size=30), st.text(alphabet="/\\\t\r\n:.e@ ", max_size=10).map(lambda end: "/" + end)
    )
)
@example("/\t/evil.example")
@example("/\\evil.example")
def test_sec_02_the_way_back_never_leads_to_another_site(back: str) -> None:
    assert not _leads_away(safe_path(back))


@pytest.mark.parametrize("back", AWAY)
def test_sec_02_a_redirect_stays_here(house: House, back: str) -> None:
    assert safe_path(back) == "/today"
    answer = house.client.post("/language", data={"lang": "en", "back": back})
    assert answer.headers["location"] == "/today"
    assert safe_path("/events/e1?page=2") == "/events/e1?page=2"


# 3 and 4: SQL and commands


def _bandit(*tests: str) -> list[tuple[str, str]]:
    """(file, test) of each finding, those included that a comment excuses."""
    command = [
        sys.executable,
        "-m",
        "bandit",
        "-q",
        "-r",
        str(SRC),
        "-f",
        "json",
        "--ignore-nosec",
        "-t",
        ",".join(tests),
    ]
    said = json.loads(subprocess.run(command, capture_output=True, text=True, check=False).stdout)
    assert said["errors"] == [] and said["metrics"]["_totals"]["loc"] > 10_000
    return sorted(
        {(Path(one["filename"]).relative_to(SRC).as_posix(), one["test_id"]) for one in said["results"]}
    )


#: Where a statement is put together of more than bound values: of names of tables that are checked, never of input.
SQL_PLACES = {"lake/engine.py", "services/backup/snapshot.py"}


def test_sec_03_sql_is_put_together_only_where_it_was_looked_at() -> None:
    found = {file for file, _ in _bandit("B608")}
    assert found <= SQL_PLACES, sorted(found - SQL_PLACES)


QUOTES = (
    "'",
    "''--",
    '" OR "1"="1',
    "x'; DROP TABLE account; --",
    "%' OR 1=1 --",
    "\\",
    "1); --",
    "${7*7}",
    "甄'临",
)


@pytest.mark.parametrize("quote", QUOTES)
def test_sec_03_a_quotation_mark_in_any_filter_is_a_value(house: House, quote: str) -> None:
    from urllib.parse import quote as encoded

    from lianfang.api.pace import Pace

    house.enter("data_protection_officer")
    for _, path, said in house.routes("GET"):
        house.app.state.pace = Pace()
        names = [one["name"] for one in said.get("parameters", []) if one["in"] == "query"]
        urls = [(house.fill(path), {name: quote}) for name in names]
        if "{" in path:
            urls.append((re.sub(r"\{\w+\}", encoded(quote, safe=""), path), {}))
        for url, query in urls:
            assert house.client.get(url, params=query).status_code < 500, (url, query)
    assert house.client.get("/today").status_code == 200


#: Where another program is started, with which finding: our own interpreter, its arguments in a list.
STARTED = {("cli/demo.py", "B404"), ("cli/demo.py", "B603")}


def test_sec_04_no_shell_and_no_program_but_our_own() -> None:
    found = set(_bandit("B404", "B602", "B603", "B604", "B605", "B606", "B607"))
    assert found == STARTED
