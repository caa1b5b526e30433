"""Security requirement 37: deny by default. Which role gets past the gate of which route, for every route there is.

``role_routes.json`` is the table: a route that is not in it fails, and so does a role that gets further, or less far,
than the table says. After a change that is meant, write it anew and read the difference:

    LIANFANG_WRITE=1 python -m pytest tests/spec/guard/test_role_routes.py
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from lianfang.api.app import create_app
from lianfang.api.security import COOKIE, form_token
from lianfang.guard.accounts.rights import ROLES
from lianfang.services import accounts
from lianfang.services.installation import Installation

TABLE = Path(__file__).with_name("role_routes.json")
#: What a role may not do says one of these; everything else (done, not found, bad body) was let past the gate.
BARRED = ("role", "second_factor", "not_signed_in")
HOLDERS = {role: name for name, _, role in accounts.DEMONSTRATION}


@pytest.fixture
def people(inst: Installation, event_id: str) -> dict[str, str]:
    """Role -> the account that holds it alone."""
    held = dict(HOLDERS)
    for at, role in enumerate(sorted(set(ROLES) - set(held))):
        held[role] = f"person.p{chr(97 + at)}"
        accounts.add(inst, None, held[role], role=role)
    accounts.add(inst, None, "acted.upon", role="clinician")  # whom the administrator's acts are done to
    return held


@pytest.fixture
def client(inst: Installation) -> Iterator[TestClient]:
    yield TestClient(create_app(inst), base_url="https://testserver", follow_redirects=False)


def routes(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, said in methods.items():
            yield method.upper(), path, said


def example(schema: dict[str, Any], document: dict[str, Any]) -> Any:
    """A value that the schema lets through."""
    if "$ref" in schema:
        return example(document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]], document)
    if "anyOf" in schema:
        return example(schema["anyOf"][0], document)
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type")
    if kind == "object":
        required = schema.get("required", [])
        return {name: example(schema["properties"][name], document) for name in required}
    if kind == "array" and "$ref" in schema.get("items", {}):
        return [example(schema["items"], document)]
    simple = {"array": ["c0"], "boolean": False, "integer": 1, "number": 1}
    if kind in simple:
        return simple[kind]
    return "2026-06-30" if schema.get("format") == "date" else "x"


def body_of(said: dict[str, Any], document: dict[str, Any]) -> tuple[str, Any]:
    for kind, one in said.get("requestBody", {}).get("content", {}).items():
        return ("json" if "json" in kind else "data"), example(one["schema"], document)
    return "data", {}


def barred(answer: Any) -> bool:
    """Whether the gate turned it away, by the code that the error names."""
    if answer.status_code == 303:
        return str(answer.headers["location"]) in ("/signin", "/second")
    if answer.status_code not in (401, 403):
        return False
    found = re.search(r'<code>(\w+)</code>|"code":"(\w+)"', answer.text)
    return bool(found) and (found[1] or found[2]) in BARRED  # type: ignore[index]


def observed(
    inst: Installation, client: TestClient, people: dict[str, str], event_id: str
) -> dict[str, list[str]]:
    """Route -> the roles that get past its gate."""
    document = client.app.openapi()  # type: ignore[attr-defined]
    values = {"event_id": event_id, "contact_id": "c0", "alert_id": "alarm", "number": "1", "kind": "csv"}
    values |= {"name": "acted.upon", "job_id": "none"}
    found: dict[str, list[str]] = {}

    def sign_in(role: str) -> None:
        client.cookies.clear()
        client.post("/enter", data={"link": accounts.link(inst, people[role])})

    for role in sorted(people):
        inst.clock.move(timedelta(minutes=16))  # type: ignore[attr-defined]  # refused codes count by address
        sign_in(role)
        for method, path, said in routes(document):
            filled = re.sub(r"\{(\w+)\}", lambda one: values.get(one[1], "none"), path)
            if path in ("/enter", "/signin"):
                continue  # nobody is signed in there
            how, body = body_of(said, document)
            for _ in range(2):  # a route may have ended the session before
                if COOKIE not in client.cookies:
                    sign_in(role)
                token = form_token(client.cookies[COOKIE])
                if how == "data" and method != "GET":
                    body = {**body, "token": token}
                more = {how: body} if method != "GET" else {}
                answer = client.request(method, filled, headers={"x-lianfang-token": token}, **more)
                if answer.status_code != 401 and answer.headers.get("location") != "/signin":
                    break
                if path == "/signout":
                    break
                client.cookies.clear()
            if not barred(answer) or path == "/signout":
                found.setdefault(f"{method} {path}", []).append(role)
            else:
                found.setdefault(f"{method} {path}", [])
    return found


def test_every_route_lets_past_exactly_the_roles_of_the_table(
    inst: Installation, client: TestClient, people: dict[str, str], event_id: str
) -> None:
    seen = observed(inst, client, people, event_id)
    if os.environ.get("LIANFANG_WRITE") == "1":
        TABLE.write_text(
            json.dumps(seen, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8"
        )
    table = json.loads(TABLE.read_text(encoding="utf-8"))
    assert sorted(set(seen) - set(table)) == [], "routes without an entry in role_routes.json"
    assert sorted(set(table) - set(seen)) == [], "entries of routes that are gone"
    different = {route: (roles, table[route]) for route, roles in seen.items() if roles != table[route]}
    assert different == {}


#: What must hold whatever the table says: these routes are these roles' alone.
ALONE = {
    "POST /my/{contact_id}/particulars": {"community_worker"},
    "POST /api/v1/my/tasks/{contact_id}/particulars": {"community_worker"},
    "POST /locks/{lock_id}/verdict": {"manager", "data_protection_officer"},
    "POST /events/{event_id}/lock": {"epidemiologist"},
    "POST /events/{event_id}/bulletin": {"manager"},
    "POST /laboratory/{sample_no}": {"laboratory"},
    "GET /accounts": {"administrator"},
    "POST /accounts": {"administrator"},
    "POST /accounts/{name}/roles": {"administrator"},
    "POST /accounts/{name}/reset": {"administrator"},
    "GET /log": {"data_protection_officer", "security_officer", "auditor", "manager"},
    "POST /terminals/{terminal_id}/approve": {"administrator", "data_protection_officer"},
    "POST /ledger/append": set(),  # another body's token, nobody's session
}


@pytest.mark.parametrize("route", ALONE)
def test_the_table_gives_the_acts_that_matter_to_their_roles_alone(route: str) -> None:
    assert set(json.loads(TABLE.read_text(encoding="utf-8"))[route]) == ALONE[route]


#: What an auditor may post: give back his own terminal, try a bulletin, which changes nothing, have a report signed.
CHECKS = (
    "/terminals/{terminal_id}/revoke",
    "/events/{event_id}/attack",
    "/events/{event_id}/bulletins/{number}/reports",
    "/inspect",
)


def test_the_administrator_and_the_auditor_share_no_act_with_others_but_their_own_account() -> None:
    table = json.loads(TABLE.read_text(encoding="utf-8"))
    own = ("/account/", "/second", "/signout", "/language", "/public", "/ledger/", "/demonstration/person")
    own += ("/r/{code}", "/verify")  # published
    house = ("/accounts", "/terminals", "/records", "/me", "/account")
    for route, roles in table.items():
        method, _, full = route.partition(" ")
        path = full.removeprefix("/api/v1")
        if path == "/incidents/new" or (path == "/incidents" and method == "POST"):
            continue  # whoever works here may say that something went wrong
        if "administrator" in roles and not path.startswith(own):
            assert path.startswith(house) or path == "/", route
        if "auditor" in roles and method == "POST" and not path.startswith(own):
            assert path in CHECKS, route
