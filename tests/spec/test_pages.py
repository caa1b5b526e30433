"""The pages and routes: who gets in, what a write must carry, what never appears, in both languages."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from fastapi.testclient import TestClient

from lianfang.api.app import create_app
from lianfang.api.security import COOKIE, HEADERS, form_token
from lianfang.services import accounts, bulletin, contacts
from lianfang.services.installation import Installation, Who
from loop import CONTACTS, NAMES, identifiers

OPEN = {
    "/signin",
    "/enter",
    "/public",
    "/public/{event_id}/{number}",
    "/public/{event_id}/{number}/proof",
} | {
    "/public/key",
    "/r/{code}",
    "/r/{code}/proof",
    "/r/{code}/slip",
    "/verify",
    "/verify/lianfang-verify.html",
    "/public/notices/{code}",
    "/language",
    "/public/gifts",
    "/public/gifts/{code}",
    "/public/gifts/{code}/unname",
    "/public/accounts",
    "/api/v1/public/gifts",
    "/api/v1/public/gifts/{code}",
    "/api/v1/public/items",
    "/api/v1/public/accounts",
}
ROLES = [role for _, _, role in accounts.DEMONSTRATION]


@pytest.fixture
def app_client(inst: Installation, event_id: str, staff: dict[str, Who]) -> Iterator[TestClient]:
    lock = contacts.lock(inst, staff["epidemiologist"], event_id, ["c0", "c1"], reason="x", worker="li.she")
    contacts.approve(inst, staff["manager"], lock)
    contacts.name(inst, staff["epidemiologist"], lock)
    bulletin.publish(inst, staff["manager"], event_id)
    # no context manager: the job desk is not needed here
    yield TestClient(create_app(inst), base_url="https://testserver", follow_redirects=False)


@pytest.fixture
def sign_in(inst: Installation, app_client: TestClient) -> Callable[[str], str]:
    def enter(role: str) -> str:
        name = next(name for name, _, held in accounts.DEMONSTRATION if held == role)
        app_client.cookies.clear()
        answer = app_client.post("/enter", data={"link": accounts.link(inst, name)})
        assert answer.status_code == 303
        return form_token(app_client.cookies[COOKIE])

    return enter


def fill(path: str, event_id: str) -> str:
    values = {"event_id": event_id, "number": "1", "contact_id": "c0", "alert_id": "alarm"}
    return re.sub(r"\{(\w+)\}", lambda match: values.get(match.group(1), "none"), path)


def paths(client: TestClient) -> list[tuple[str, str]]:
    document = client.app.openapi()["paths"]
    return [(method.upper(), path) for path, methods in document.items() for method in methods]


def test_nothing_answers_without_a_session_but_the_public_pages(
    app_client: TestClient, event_id: str
) -> None:
    found = paths(app_client)
    assert len(found) > 50
    for method, path in found:
        answer = app_client.request(method, fill(path, event_id))
        if path in OPEN:
            # a code that is none is not found, whoever asks
            unknown = (404,) if "{code}" in path else ()
            assert answer.status_code in (200, 303, 401, 422, *unknown), (method, path)
        elif method == "GET" and path.startswith(
            "/ledger/"
        ):  # everybody's: tests/spec/guard/test_ledger_http.py
            assert answer.status_code in (200, 404, 422), (method, path)
        elif method == "GET" and not path.startswith("/api/"):
            assert answer.status_code == 303 and answer.headers["location"] == "/signin", path
        else:
            assert answer.status_code in (401, 422), (method, path, answer.status_code)


def test_every_answer_carries_the_headers(app_client: TestClient, event_id: str) -> None:
    for path in ("/signin", "/public", "/nowhere", "/api/v1/today", "/static/lianfang.css", "/today"):
        answer = app_client.get(path)
        for name, value in HEADERS.items():
            assert answer.headers[name] == value, path
    assert "no-store" in app_client.get("/today").headers["cache-control"]
    assert "unsafe" not in HEADERS["Content-Security-Policy"]


@pytest.mark.parametrize("role", ROLES)
def test_every_page_renders_or_refuses_in_both_languages(
    app_client: TestClient, sign_in: Callable[[str], str], event_id: str, role: str
) -> None:
    sign_in(role)
    shown = 0
    for method, path in paths(app_client):
        if method != "GET" or path in ("/signin", "/enter", "/") or "orders" in path:
            continue
        if path.startswith("/ledger/"):  # no pages
            continue
        for lang in ("zh", "en"):
            answer = app_client.get(fill(path, event_id), headers={"accept-language": lang})
            assert answer.status_code in (200, 403, 404, 409), (path, answer.status_code, answer.text[:300])
            if answer.status_code == 200:
                shown += 1
                for secret in [*NAMES, *CONTACTS, "1540000", "虚构路"]:
                    assert secret not in answer.text, path
    assert shown >= 6


def test_a_write_needs_the_forms_token_and_our_own_origin(
    app_client: TestClient, sign_in: Callable[[str], str], event_id: str
) -> None:
    token = sign_in("manager")
    url = f"/events/{event_id}/level"
    body = {"level": "II", "reason": "扩散"}
    assert app_client.post(url, data=body).status_code == 403
    assert app_client.post(url, data={**body, "token": "0" * 40}).status_code == 403
    for headers in (
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "https://testserver.evil.example"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ):
        assert app_client.post(url, data={**body, "token": token}, headers=headers).status_code == 403, (
            headers
        )
    good = app_client.post(url, data={**body, "token": token}, headers={"origin": "https://testserver"})
    assert good.status_code == 303 and good.headers["location"].endswith("done=level")
    assert app_client.get(url).status_code == 405


def test_json_writes_take_the_token_in_a_header_and_no_unknown_field(
    app_client: TestClient, sign_in: Callable[[str], str], event_id: str
) -> None:
    token = sign_in("manager")
    assert app_client.get("/api/v1/me").json()["token"] == token
    url, body = f"/api/v1/events/{event_id}/level", {"level": "II", "reason": "扩散"}
    assert app_client.post(url, json=body).status_code == 403
    headers = {"x-lianfang-token": token}
    assert app_client.post(url, json={**body, "extra": 1}, headers=headers).status_code == 422
    assert app_client.post(url, json=body, headers=headers).status_code == 204
    again = app_client.post(url, json=body, headers=headers)
    assert again.status_code == 409 and again.json()["error"]["code"] == "conflict"


def test_particulars_appear_once_for_the_assigned_worker_only(
    app_client: TestClient, sign_in: Callable[[str], str], event_id: str
) -> None:
    token = sign_in("community_worker")
    answer = app_client.post("/my/c0/particulars", data={"token": token})
    person = identifiers(CONTACTS[0], 100)
    assert answer.status_code == 200 and "no-store" in answer.headers["cache-control"]
    for value in person.values():
        assert value in answer.text
    for name in CONTACTS[1:]:
        assert name not in answer.text
    assert person["name"] not in app_client.get("/my/c0").text
    assert app_client.post("/my/c5/particulars", data={"token": token}).status_code in (403, 404)
    token = sign_in("epidemiologist")
    assert app_client.post("/my/c0/particulars", data={"token": token}).status_code == 403


def test_a_visit_from_the_phone_page(
    app_client: TestClient, sign_in: Callable[[str], str], event_id: str
) -> None:
    token = sign_in("community_worker")
    data = {
        "token": token,
        "outcome": "reached",
        "temperature": "38.1",
        "symptom": ["cough"],
        "medium": "visit",
    }
    answer = app_client.post("/my/c0/visit", data=data)
    assert answer.status_code == 303 and answer.headers["location"].endswith("done=advised")
    assert app_client.post("/my/c0/visit", data={**data, "temperature": "hot"}).status_code == 422
    assert app_client.post("/my/c0/visit", data={**data, "outcome": "gone"}).status_code == 422
    assert "38.1" in app_client.get("/my/c0").text


def test_the_session_cookie_is_bound_and_dies(app_client: TestClient, sign_in: Callable[[str], str]) -> None:
    token = sign_in("manager")
    held = app_client.cookies[COOKIE]
    raw = app_client.post("/demonstration/person", data={"token": token, "account": "li.she"}).headers[
        "set-cookie"
    ]
    assert (
        raw.startswith("__Host-") and "Secure" in raw and "HttpOnly" in raw and "samesite=lax" in raw.lower()
    )
    app_client.cookies.clear()
    app_client.cookies.set(COOKIE, held)
    assert app_client.get("/today").status_code == 303  # the old session ended with the change of person


def test_hostile_input_is_shown_as_text_and_large_bodies_are_refused(
    app_client: TestClient, sign_in: Callable[[str], str], event_id: str
) -> None:
    token = sign_in("manager")
    attack = "<script>alert(1)</script>{{7*7}}"
    app_client.post(f"/events/{event_id}/level", data={"level": "II", "reason": attack, "token": token})
    page = app_client.get(f"/events/{event_id}").text
    assert "<script>alert" not in page and "&lt;script&gt;" in page and "{{7*7}}" in page
    assert app_client.post("/signin", content=b"x" * (2 << 20)).status_code == 413
    assert app_client.get("/events/%00%ff").status_code in (404, 422)
    assert app_client.get("/log?before=abc").status_code in (403, 422)
    back = app_client.post("/language", data={"lang": "en", "back": "//evil.example"})
    assert back.headers["location"] == "/today"


def test_unknown_people_and_wrong_passwords_look_the_same(app_client: TestClient) -> None:
    one = app_client.post("/signin", data={"name": "wang.yi", "password": "wrong horse battery"})
    other = app_client.post("/signin", data={"name": "nobody", "password": "wrong horse battery"})
    assert one.status_code == other.status_code == 401 and one.text == other.text
    assert app_client.post("/enter", data={"link": "x" * 43}).status_code == 401


def test_only_who_may_send_an_order_gets_a_job(
    inst: Installation, app_client: TestClient, sign_in: Callable[[str], str]
) -> None:
    from lianfang.records import Job
    from lianfang.store import tally

    token = sign_in("laboratory")
    answer = app_client.post("/orders/o1/send", data={"token": token})
    assert answer.status_code == 403
    with inst.store.read() as connection:
        assert tally(connection, Job) == 0


def test_the_bulletins_page_proves_itself(app_client: TestClient, event_id: str) -> None:
    page = app_client.get(f"/public/{event_id}/1")
    assert page.status_code == 200 and "✓" in page.text and "<svg" in page.text
    file = app_client.get(f"/public/{event_id}/1/proof")
    assert bulletin.verify(file.text)["number"] == 1
    assert app_client.get(f"/public/{event_id}/9").status_code == 404
    assert app_client.get("/public/key").json()["ed25519"]


def test_what_an_attacker_could_learn_is_a_page_and_json(
    app_client: TestClient, event_id: str, sign_in: Callable[[str], str]
) -> None:
    token = sign_in("manager")
    page = app_client.post(
        f"/events/{event_id}/attack", data={"token": token}, headers={"accept-language": "en"}
    )
    assert page.status_code == 200 and "Nobody and nothing is recovered" in page.text
    answer = app_client.post(f"/api/v1/events/{event_id}/attack", headers={"x-lianfang-token": token})
    found = answer.json()
    assert (found["recovered"], found["releases"], found["draft"]) == (0, 1, False)
    assert "/attack" in app_client.get(f"/events/{event_id}").text
    assert app_client.post(f"/events/{event_id}/attack").status_code == 403  # without the form's token
    token = sign_in("community_worker")
    assert app_client.post(f"/events/{event_id}/attack", data={"token": token}).status_code == 403
