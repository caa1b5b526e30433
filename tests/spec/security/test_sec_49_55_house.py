"""Security requirements 49, 50, 51 and 55: what the server tells of itself, addresses, what is kept, its parts."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import quote

import pytest

from lianfang import __version__
from lianfang.api.security import COOKIE
from lianfang.services.installation import create
from loop import CONTACTS, NAMES, identifiers
from scriptkit import script
from securitykit import House, served, told

ROOT = Path(__file__).parents[3]

# 49: nothing of itself

PROBES = (
    *(
        "/docs",
        "/redoc",
        "/openapi.json",
        "/api",
        "/api/docs",
        "/api/v1/docs",
        "/metrics",
        "/health",
        "/debug",
        "/server-status",
    ),
    *(
        "/.git/config",
        "/.env",
        "/admin",
        "/console",
        "/static/",
        "/api/v1/",
        "/actuator",
        "/trace",
        "/robots.txt",
    ),
)


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Any:
    values = {"adcode": "429900", "authority_id": "linjiang-cdc"}
    with create(tmp_path_factory.mktemp("served") / "home", settings=values) as inst, served(inst) as at:
        yield at


def _ask(port: int, line: str, *headers: str) -> bytes:
    more = "".join(f"{one}\r\n" for one in headers)
    return told(port, f"{line} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{more}\r\n".encode())


@pytest.mark.parametrize("path", PROBES)
def test_sec_49_the_served_house_has_no_documents_and_no_tools(port: int, path: str) -> None:
    assert _ask(port, f"GET {path}").startswith(b"HTTP/1.1 404")


def test_sec_49_the_description_of_the_routes_is_for_who_has_signed_in(port: int, house: House) -> None:
    assert _ask(port, "GET /api/v1/openapi.json").startswith(b"HTTP/1.1 401")
    assert house.client.get("/api/v1/openapi.json").status_code == 401
    house.enter("manager")
    assert "/api/v1/me" in house.client.get("/api/v1/openapi.json").json()["paths"]


@pytest.mark.parametrize("method", ["TRACE", "TRACK", "CONNECT", "DEBUG", "PROPFIND"])
def test_sec_49_no_method_but_those_of_the_routes(port: int, method: str) -> None:
    for path in ("/", "/signin", "/static/lianfang.css", "/api/v1/me"):
        said = _ask(port, f"{method} {path}", "X-Secret: heron")
        assert said.split(b" ")[1] in (b"400", b"404", b"405"), (method, path)
        assert b"heron" not in said


def test_sec_49_no_answer_names_the_software_or_its_version(port: int) -> None:
    for line in ("GET /signin", "GET /nowhere", "GET /api/v1/me", "GET /static/lianfang.css", "BAD"):
        said = _ask(port, line).lower()
        assert said and not re.search(rb"\r\n(server|x-powered-by|via)\s*:", said), line
        for word in (b"uvicorn", b"starlette", b"fastapi", b"python/", __version__.encode()):
            assert word not in said.replace(b"http/1.1", b""), (line, word)


def test_sec_49_a_fault_shows_nothing_of_the_inside(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    from lianfang.services import bulletin

    def broken(*_: object) -> None:
        raise RuntimeError("the key lies in /srv/keys/heron")

    assert house.app.debug is False
    monkeypatch.setattr(bulletin, "published", broken)
    said = house.client.get("/public")
    assert said.status_code == 500
    for word in ("heron", "Traceback", "RuntimeError", ".py", "/srv"):
        assert word not in said.text


# 50: nothing personal in an address

PERSONAL = re.compile(
    r"phone|mobile|(^|_)tel|resident|id_?number|id_?card|passport|(^|_)name$|address|birth|email|"
    r"password|secret|code$|token$|姓名|电话|身份证",
    re.I,
)
#: Names in addresses that look personal and are not: a staff account's sign-in name, a record type's name.
LOOKED_AT = {
    ("/accounts/{name}", "name"),
    ("/records/{name}", "name"),
    # a receipt's random letters, which name nobody: who has them follows the gift, and nothing else
    ("/public/gifts/{code}", "code"),
    ("/public/notices/{code}", "code"),
    ("/r/{code}", "code"),
}


def test_sec_50_no_address_has_a_place_for_a_person(house: House) -> None:
    for _, path, said in house.routes():
        for one in said.get("parameters", []):
            if not PERSONAL.search(one["name"]):
                continue
            plain = path.removeprefix("/api/v1")
            assert any(plain.startswith(known) and one["name"] == name for known, name in LOOKED_AT), (
                path,
                one["name"],
            )


def test_sec_50_no_form_sends_by_address_and_no_answer_leads_to_one(house: House) -> None:
    person = identifiers(CONTACTS[0], 100)
    values = [*person.values(), *NAMES]
    house.enter("data_protection_officer")
    for method, path, said in house.routes("POST"):
        how, body = house.body(said)
        if how != "data" or path in ("/signin", "/enter", "/signout", "/language", "/account/role"):
            continue
        typed = {name: person["name"] if isinstance(value, str) else value for name, value in body.items()}
        answer = house.client.request(
            method,
            house.fill(path),
            headers={"x-lianfang-token": house.token},
            data={**typed, "token": house.token},
        )
        where = answer.headers.get("location", "")
        for value in values:
            assert value not in where and quote(value) not in where, path
    for template in (ROOT / "src" / "lianfang" / "api" / "templates").glob("*.html"):
        for form in re.findall(r"<form[^>]*>", template.read_text(encoding="utf-8")):
            # a choice among states, of an edition, of positions in a sequence is nobody's; its address can be kept
            nobodys = (
                'action="/gifts"', 'action="/treat"', 'action="/treat/folding/', '/recount"',
            )  # fmt: skip
            assert 'method="post"' in form or any(one in form for one in nobodys), template.name


# 51: nothing is kept


def test_sec_51_whatever_is_not_our_own_file_is_stored_nowhere(house: House) -> None:
    for role in ("community_worker", "data_protection_officer"):
        house.enter(role)
        for method, path, said in house.routes():
            if path == "/signout":
                continue
            how, body = house.body(said)
            more = {how: body} if method != "GET" else {}
            answer = house.client.request(
                method, house.fill(path), headers={"x-lianfang-token": house.token}, **more
            )
            if path.startswith("/ledger/") and method == "GET":
                # everybody's, kept by whoever mirrors the log; and no session is looked at
                assert answer.headers["cache-control"].startswith(("public, ", "no-store")), path
                continue
            assert answer.headers["cache-control"] == "no-store", (method, path)
    assert house.client.get("/static/lianfang.css").headers["cache-control"] == "public, max-age=3600"
    assert house.client.get("/static/../today").headers["cache-control"] == "no-store"


def test_sec_51_signing_out_clears_what_the_browser_keeps(house: House) -> None:
    house.enter("community_worker")
    answer = house.post("/signout")
    assert answer.headers["clear-site-data"] == '"cache", "storage"'
    gone = [one for one in answer.headers.get_list("set-cookie") if one.startswith(f"{COOKIE}=")]
    assert gone and "Max-Age=0" in gone[0]
    assert house.client.get("/my").headers["location"] == "/signin"


def test_sec_51_no_script_of_ours_keeps_anything() -> None:
    for path in (ROOT / "src" / "lianfang" / "api" / "static").glob("*.js"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(
            r"localStorage|sessionStorage|indexedDB|document\.cookie|caches\b|serviceWorker", text
        )


# 55: what it is made of

sbom: ModuleType = script("sbom")


def _locks() -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "requirements").glob("*.lock")}


def _licences() -> dict[str, str]:
    found: dict[str, str] = sbom.read_licences(
        (ROOT / "requirements" / "licences.txt").read_text(encoding="utf-8")
    )
    return found


def test_sec_55_every_package_is_pinned_hashed_and_licensed() -> None:
    locks = _locks()
    assert {"runtime.lock", "dev.lock", "build.lock"} <= set(locks)
    assert sbom.findings(locks, _licences()) == []
    assert len(sbom.read_lock(locks["runtime.lock"])) > 50


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("evil>=1.0\n", "not an exact version"),
        ("evil==1.0\n", "evil has no hash"),
        ("evil @ https://evil.example/evil.whl\n", "not an exact version"),
        ("evil==1.0 \\\n    --hash=md5:abc\n", "not an exact version"),
        ("-e .\n", "not an exact version"),
        (f"evil==1.0 \\\n    --hash=sha256:{'0' * 64}\n", "evil 1.0 has no licence"),
    ],
)
def test_sec_55_a_package_that_is_not_is_found(line: str, said: str) -> None:
    locks = {"runtime.lock": _locks()["runtime.lock"] + line}
    assert [one for one in sbom.findings(locks, _licences()) if said in one]
    bad = {**_licences(), "evil==1.0": "AGPL-3.0-only"}
    hashed = {"runtime.lock": f"evil==1.0 \\\n    --hash=sha256:{'0' * 64}\n"}
    assert sbom.findings(hashed, bad) == ["evil: AGPL-3.0-only is not agreed to"]


def test_sec_55_the_bill_names_every_package_with_hashes_and_licence(tmp_path: Path) -> None:
    assert sbom.main(["--out", str(tmp_path / "bill.json")]) == 0
    first = (tmp_path / "bill.json").read_bytes()
    made = json.loads(first)
    assert (made["bomFormat"], made["specVersion"]) == ("CycloneDX", "1.6")
    listed = {(one["name"], one["version"]) for one in made["components"]}
    assert listed == {(one.name, one.version) for one in sbom.read_lock(_locks()["runtime.lock"])}
    for one in made["components"]:
        assert one["purl"].startswith("pkg:pypi/") and one["licenses"][0]["expression"] != "NOASSERTION"
        assert [held for held in one["properties"] if re.fullmatch(r"[0-9a-f]{64}", held["value"])]
    sbom.main(["--out", str(tmp_path / "again.json")])
    assert (tmp_path / "again.json").read_bytes() == first


def test_sec_55_nothing_is_installed_round_the_locks() -> None:
    text = (ROOT / "scripts" / "environment.sh").read_text(encoding="utf-8")
    assert "--require-hashes" in text
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    direct = {re.split(r"[><=\[ ]", one)[0].lower() for one in project["dependencies"]}
    assert direct <= {one.name for one in sbom.read_lock(_locks()["runtime.lock"])}
