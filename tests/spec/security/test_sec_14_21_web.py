"""Security requirements 14 to 21: cookies, headers, origins, content types and the bytes of HTTP itself."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import pytest
from starlette.routing import WebSocketRoute

from lianfang.api.pace import Pace
from lianfang.api.security import HEADERS
from lianfang.services import accounts, bulletin
from lianfang.services.exchange import serving
from lianfang.services.installation import Installation
from securitykit import TRACES, House, changed, contents, served, told

FOREIGN = (
    {"origin": "https://evil.example"},
    {"origin": "null"},
    {"origin": "https://testserver.evil.example"},
    {"origin": "http://testserver"},
    {"origin": "https://testserver:8443"},
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
)


def test_sec_14_every_cookie_is_bound_to_this_host_and_hidden_from_scripts(house: House) -> None:
    answers = [
        house.client.post("/enter", data={"link": accounts.link(house.inst, "wang.yi")}),
        house.client.post("/language", data={"lang": "en"}),
        house.post("/demonstration/person", account="li.she"),
        house.post("/signout"),
    ]
    house.client.cookies.clear()
    house.enter("manager")
    answers.append(house.json("/account/terminals", {"label": "tablet"}))
    cookies = [one for answer in answers for one in answer.headers.get_list("set-cookie")]
    assert len(cookies) >= 6 and len({cookie.partition("=")[0] for cookie in cookies}) == 3
    for cookie in cookies:
        parts = [part.strip().lower() for part in cookie.split(";")]
        assert cookie.startswith("__Host-"), cookie
        assert {"secure", "httponly", "samesite=lax", "path=/"} <= set(parts), cookie
        assert not any(part.startswith("domain") for part in parts), cookie


def _has_headers(answer: Any, where: str) -> None:
    for name, value in HEADERS.items():
        assert answer.headers.get(name) == value, (where, name)
    kept = ("public, ", "no-store") if " /ledger/" in where else ("no-store", "public, max-age=3600")
    assert answer.headers["cache-control"].startswith(kept), where


def test_sec_15_every_page_route_and_error_carries_the_headers(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.enter("manager")
    for method, path, said in house.routes():
        how, body = house.body(said)
        if path == "/signout":
            continue
        more = {how: body} if method != "GET" else {}
        _has_headers(house.client.request(method, house.fill(path), **more), f"{method} {path}")
    errors = {
        404: house.client.get("/nowhere"),
        405: house.client.put("/today"),
        413: house.client.post("/signin", content=b"x" * (2 << 20)),
        422: house.client.get("/public?x=%00"),
        200: house.client.get("/static/lianfang.css"),
    }
    monkeypatch.setattr(bulletin, "published", lambda *_: 1 / 0)
    errors[500] = house.client.get("/public")
    for status, answer in errors.items():
        assert answer.status_code == status
        _has_headers(answer, str(status))


def test_sec_15_the_headers_say_what_is_required() -> None:
    assert HEADERS["X-Content-Type-Options"] == "nosniff"
    assert HEADERS["Referrer-Policy"] in ("no-referrer", "same-origin")
    assert "frame-ancestors 'none'" in HEADERS["Content-Security-Policy"]
    assert HEADERS["X-Frame-Options"] == "DENY"
    age = HEADERS["Strict-Transport-Security"].partition("max-age=")[2]
    assert int(age.partition(";")[0]) >= 31_536_000


def test_sec_15_the_doors_for_other_authorities_are_kept_nowhere_and_not_sniffed(inst: Installation) -> None:
    from fastapi.testclient import TestClient

    client = TestClient(serving.create_app(inst), raise_server_exceptions=False)
    for answer in (client.post("/letters", json={}), client.get("/nowhere"), client.get("/letters")):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"


class Markup(HTMLParser):
    """What of a page a strict policy would block: scripts and styles written into it, handlers, foreign sources."""

    def __init__(self) -> None:
        super().__init__()
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        held = dict(attrs)
        if tag == "style" or (tag == "script" and "src" not in held):
            self.wrong.append(f"<{tag}> written into the page")
        for name, value in attrs:
            if name.startswith("on") or name == "style":
                self.wrong.append(f"{tag} {name}")
            if name in ("src", "href", "action", "formaction") and not _ours(value or ""):
                self.wrong.append(f"{tag} {name}={value}")


def _ours(value: str) -> bool:
    return value == "" or (value[0] in "/#?" and not value.startswith("//"))


def test_sec_16_the_policy_names_our_own_files_and_nothing_else() -> None:
    policy = {
        words[0]: set(words[1:])
        for words in (part.split() for part in HEADERS["Content-Security-Policy"].split(";"))
    }
    assert policy["default-src"] == {"'none'"}
    for name, sources in policy.items():
        allowed = {"'self'", "'none'"} | ({"data:"} if name == "img-src" else set())
        assert sources <= allowed, name
    assert {"script-src", "style-src", "form-action", "base-uri", "frame-ancestors"} <= set(policy)


@pytest.mark.parametrize("role", ["manager", "data_protection_officer", "community_worker", "administrator"])
def test_sec_16_no_page_holds_what_the_policy_would_block(house: House, role: str) -> None:
    house.enter(role)
    shown = 0
    for _, path, _ in house.routes("GET"):
        answer = house.client.get(house.fill(path))
        kept = "attachment" in answer.headers.get("content-disposition", "")  # a file for the disk is no page
        if answer.headers.get("content-type", "").startswith("text/html") and not kept:
            page = Markup()
            page.feed(answer.text)
            assert page.wrong == [], path
            shown += answer.status_code == 200
    assert shown >= 4


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "https://testserver.evil.example",
        "https://eviltestserver",
        "http://testserver",
        "https://testserver",
    ],
)
def test_sec_17_no_other_site_may_read_an_answer(house: House, origin: str) -> None:
    house.enter("manager")
    asked = {"origin": origin, "access-control-request-method": "POST"}
    for answer in (
        house.client.get("/api/v1/me", headers={"origin": origin}),
        house.client.get("/public", headers={"origin": origin}),
        house.client.options("/api/v1/me", headers=asked),
    ):
        assert not [name for name in answer.headers if name.startswith("access-control-")]
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"


def test_sec_18_no_write_from_another_site_or_without_the_token(house: House) -> None:
    token = house.enter("manager")
    before = contents(house.inst)
    for method, path, said in house.routes("POST", "PUT", "DELETE", "PATCH"):
        if path == "/ledger/append":
            continue  # machines', with a token of their own in a header that no form can send
        how, body = house.body(said)
        url = house.fill(path)
        house.app.state.pace = Pace()  # so many at once are slowed; that is requirement 13's
        for at, headers in enumerate(FOREIGN):
            if at > 1 and path not in ("/signin", "/enter", "/language", "/account/role"):
                continue  # what tells sites apart is one function; these four are different doors to it
            good = {**headers, "x-lianfang-token": token}
            answer = house.client.request(method, url, headers=good, **{how: body})
            assert answer.status_code == 403 and "cross_site" in answer.text, (method, path, headers)
        if path not in ("/signin", "/enter", "/language") and "/public/" not in path:
            for wrong in ({}, {"x-lianfang-token": "0" * 40}):
                answer = house.client.request(method, url, headers=wrong, **{how: body})
                assert answer.status_code in (403, 422), (method, path)
                assert answer.status_code == 422 or "form_token" in answer.text, (method, path)
    # nothing but that somebody was turned away
    assert changed(before, contents(house.inst)) <= TRACES


@pytest.mark.parametrize("role", ["manager", "data_protection_officer", "auditor"])
def test_sec_18_reading_changes_nothing_but_the_record_that_it_was_read(house: House, role: str) -> None:
    house.enter(role)
    before = contents(house.inst)
    for method in ("GET", "HEAD"):
        for _, path, _ in house.routes("GET"):
            house.client.request(method, house.fill(path))
    assert changed(before, contents(house.inst)) <= TRACES


def test_sec_19_every_answer_says_what_it_is(house: House) -> None:
    house.enter("data_protection_officer")
    kinds: dict[str, str] = {}
    for method, path, said in house.routes():
        how, body = house.body(said)
        if path == "/signout":
            continue
        more = {how: body} if method != "GET" else {}
        answer = house.client.request(
            method, house.fill(path, kind="csv"), headers={"x-lianfang-token": house.token}, **more
        )
        kind = answer.headers.get("content-type", "")
        if not answer.content:
            continue
        if path == "/ledger/key":
            assert kind == "text/plain; charset=utf-8", kind
        elif path.startswith("/api/") or path.endswith(("/proof", "/key")):
            assert kind == "application/json" or answer.status_code != 200, (method, path, kind)
        elif path.endswith((".csv", "{kind}")) and answer.status_code == 200:
            assert kind == "text/csv; charset=utf-8", path
        if kind.startswith(("text/html", "text/csv", "text/markdown", "text/plain")):
            assert "charset=utf-8" in kind, (method, path, kind)
        kinds[kind.partition(";")[0]] = path
        if kind.startswith("application/json"):
            answer.json()
        assert (kind.startswith("text/html")) == answer.text.lstrip().startswith("<!doctype"), path
    assert {"text/html", "application/json"} <= set(kinds)


#: Requests that two servers in a row might cut differently. Each would carry a second request inside.
INNER = b"GET /public/key HTTP/1.1\r\nHost: a\r\n\r\n"
SMUGGLED = {
    "two lengths": b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcd" + INNER,
    "a length with a sign": b"Content-Length: +4\r\n\r\nabcd" + INNER,
    "a length in hexadecimal": b"Content-Length: 0x4\r\n\r\nabcd" + INNER,
    "two lengths in one": b"Content-Length: 4, 5\r\n\r\nabcd" + INNER,
    "chunked twice": b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n" + INNER,
    "an encoding that is none": b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + INNER,
    "identity": b"Transfer-Encoding: identity\r\nContent-Length: 4\r\n\r\nabcd" + INNER,
    "a blank before the colon": b"Content-Length : 4\r\n\r\nabcd" + INNER,
    "a bare line feed in a value": b"X: 1\nContent-Length\x00: 4\r\n\r\nabcd" + INNER,
    "a chunk without a size": b"Transfer-Encoding: chunked\r\n\r\nzz\r\nabcd\r\n0\r\n\r\n" + INNER,
    "a chunk with a negative size": b"Transfer-Encoding: chunked\r\n\r\n-4\r\nabcd\r\n0\r\n\r\n" + INNER,
}


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Any:
    from lianfang.services.installation import create

    values = {"adcode": "429900", "authority_id": "linjiang-cdc"}
    with create(tmp_path_factory.mktemp("served") / "home", settings=values) as inst, served(inst) as at:
        yield at


def _answers(said: bytes) -> int:
    return said.count(b"HTTP/1.1 ")


@pytest.mark.parametrize("case", SMUGGLED)
def test_sec_20_a_request_that_may_be_cut_in_two_ways_is_refused(port: int, case: str) -> None:
    said = told(port, b"POST /signin HTTP/1.1\r\nHost: a\r\n" + SMUGGLED[case])
    assert b'"ed25519"' not in said, "the inner request was answered"
    assert said == b"" or said.startswith(b"HTTP/1.1 400"), said[:200]
    assert _answers(said) <= 1


def test_sec_20_length_and_chunks_together_are_read_as_chunks_and_the_line_is_closed_or_refused(
    port: int,
) -> None:
    both = b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    said = told(
        port, b"POST /signin HTTP/1.1\r\nHost: a\r\n" + both + b"SMUGGLED / HTTP/1.1\r\nHost: a\r\n\r\n"
    )
    assert not said.startswith(b"HTTP/1.1 2")
    assert said.count(b"HTTP/1.1 2") == 0 and _answers(said) <= 2


def test_sec_20_a_folded_header_is_no_header_of_its_own(port: int) -> None:
    said = told(port, b"POST /signin HTTP/1.1\r\nHost: a\r\nX: 1\r\n Content-Length: 4\r\n\r\nabcd" + INNER)
    assert b'"ed25519"' not in said and said.startswith(b"HTTP/1.1 4") and _answers(said) <= 2


def test_sec_20_heads_without_an_end_and_without_a_host_are_refused(port: int) -> None:
    endless = told(port, b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 200_000)
    assert endless.startswith(b"HTTP/1.1 4")
    assert told(port, b"GET / HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 400")
    assert told(port, b"\x16\x03\x01\x02\x00\x01\x00\x01").startswith(b"HTTP/1.1 400")


def test_sec_21_there_is_no_websocket(house: House, port: int) -> None:
    def below(routes: Any) -> list[Any]:
        return [one for route in routes for one in (route, *below(getattr(route, "routes", None) or ()))]

    assert not [one for one in below(house.app.routes) if isinstance(one, WebSocketRoute)]
    for path in ("/", "/today", "/ws", "/api/v1/me"):
        for origin in ("https://evil.example", "null", f"http://127.0.0.1:{port}"):
            asked = (
                f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                f"Origin: {origin}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            )
            said = told(port, asked.encode(), head=True)
            assert said.startswith(b"HTTP/1.1 "), path
            assert not said.startswith(b"HTTP/1.1 101"), path
