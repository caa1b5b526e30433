"""Security requirements 26 to 36: guessing, defaults, the second factor on every route, sessions, a recent proof."""

from __future__ import annotations

import ast
import re
import statistics
import time
from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import create_engine

from accountkit import BOSS, PASSWORD, Browser, make, move
from lianfang.api.pace import Pace
from lianfang.api.security import COOKIE
from lianfang.cli import cli
from lianfang.foundation.clock import SetClock
from lianfang.guard import accounts as guard
from lianfang.guard import ledger
from lianfang.guard.accounts import passwords, sessions
from lianfang.services import accounts, contacts
from lianfang.services.installation import Installation, Who, create
from loop import MORNING, NAMES
from routekit import ask, routes

SRC = Path(sessions.__file__).parents[2]
#: Nobody has to be signed in here.
OPEN = ("/signin", "/enter", "/language", "/public", "/api/v1/public", "/ledger", "/static", "/verify", "/r/")
#: What a session with one factor may do on its own account: see it, show the second factor, take rights away.
OWN = {
    "GET /account", "GET /api/v1/account", "GET /second", "POST /second", "POST /signout",
    "POST /api/v1/second", "POST /api/v1/second/passkey", "POST /api/v1/second/passkey/options",
    "POST /account/sessions/end", "POST /account/sessions/{session_id}/end",
    "POST /api/v1/account/sessions/end", "POST /api/v1/account/sessions/{session_id}/end",
    "POST /account/terminals/{terminal_id}/revoke", "POST /api/v1/terminals/{terminal_id}/revoke",
    "POST /account/role", "POST /api/v1/account/role",
    "POST /second/demonstration",  # answers in a demonstration installation only, which is refused by its own test
}  # fmt: skip


@pytest.fixture
def inst(tmp_path: Path) -> Iterator[Installation]:
    with make(tmp_path / "home") as made:
        yield made


@pytest.fixture
def waiting(inst: Installation, event_id: str, staff: dict[str, Who]) -> str:
    return contacts.lock(inst, staff["epidemiologist"], event_id, ["c0"], reason="x", worker="li.she")


def test_sec_26_a_thousand_guesses_are_hardly_looked_at_and_tell_nothing(
    inst: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[bool] = []
    real = passwords.matches

    def counted(stored: str | None, password: str) -> bool:
        looked.append(stored is not None)
        return real(stored, password)

    monkeypatch.setattr(passwords, "matches", counted)
    one = Browser(inst, "li.she")
    names = ["li.she", "nobody.here"] * 400 + [f"nobody.n{n}" for n in range(200)]
    answers: dict[int, set[Any]] = {}
    seconds = count(0)  # one guess a second, which the address may: what is left is the accounts' own doing
    one.client.app.state.pace = Pace(lambda: float(next(seconds)))  # type: ignore[attr-defined]
    for n, name in enumerate(names):
        answer = one.client.post("/signin", data={"name": name, "password": f"wrong guess {n}"})
        seen = (answer.text, tuple(sorted(answer.headers)))
        answers.setdefault(answer.status_code, set()).add(seen)
    assert set(answers) == {401} and len(answers[401]) == 1
    assert looked.count(True) == 5  # of four hundred guesses at an account that exists
    assert len(looked) <= 30  # of a thousand from one address
    assert one.sign_in().status_code == 401  # the right one too waits its quarter of an hour
    move(inst, minutes=15, seconds=1)
    assert one.sign_in().status_code == 303


def test_sec_26_from_many_addresses_one_account_is_tried_five_times(inst: Installation) -> None:
    for n in range(60):
        with pytest.raises(Exception, match="too many attempts"):
            accounts.sign_in(inst, "li.she", f"wrong guess {n}", address=f"192.0.2.{n}")
    with inst.store.read() as connection:
        kept = ledger.entries(connection, type="sign_in_refused")
    assert [entry.ref for entry in kept] == ["li.she"] * 5


def test_sec_26_unknown_disabled_and_wrong_take_the_same_time() -> None:
    engine = create_engine("sqlite://")
    guard.metadata.create_all(engine)
    kinds = ("known", "unknown", "disabled", "bare")
    took: dict[str, list[float]] = {kind: [] for kind in kinds}
    with engine.begin() as conn:
        for n in range(11):
            for kind in ("known", "disabled", "bare"):
                who = guard.create(conn, name=f"{kind}.p{n}", now=MORNING)
                if kind != "bare":
                    guard.set_password(conn, who, PASSWORD, now=MORNING)
                if kind == "disabled":
                    guard.disable(conn, who, MORNING)
        guard.sign_in(conn, "warm.up", "x", now=MORNING)
        for n in range(11):
            for kind in kinds:
                began = time.process_time()
                assert guard.sign_in(conn, f"{kind}.p{n}", "wrong wrong wrong", now=MORNING).token is None
                took[kind].append(time.process_time() - began)
    for kind in kinds[1:]:
        apart = statistics.median(a - b for a, b in zip(took["known"], took[kind], strict=True))
        assert abs(apart) < 0.005, (kind, apart)


DEFAULTS = [
    (name, word)
    for name in ("admin", "root", "administrator", "lianfang", "test")
    for word in ("", "admin", "password", "123456", "lianfang")
]


def test_sec_27_a_new_installation_has_no_account_and_its_first_link_lasts_a_quarter_of_an_hour(
    tmp_path: Path,
) -> None:
    with create(tmp_path / "home", settings={"adcode": "429900"}, clock=SetClock(MORNING)) as inst:
        assert accounts.listing(inst) == []
        with inst.store.read() as connection:
            assert guard.list_accounts(connection) == []
        one = Browser(inst, "x")
        for name, word in DEFAULTS:
            assert one.client.post("/signin", data={"name": name, "password": word}).status_code in (401, 422)
        home = str(inst.home)
        wrong = CliRunner().invoke(
            cli, ["account", "add", "wang.yi", "--role", "epidemiologist", "--home", home]
        )
        assert wrong.exception is not None and "administrator" in str(wrong.exception)
        assert accounts.listing(inst) == []
        accounts.add(inst, None, BOSS, role="administrator")
        for spent, status in ((timedelta(minutes=14, seconds=59), 303), (timedelta(minutes=15), 401)):
            link = accounts.link(inst, BOSS)
            inst.clock.move(spent)  # type: ignore[attr-defined]
            tries = [Browser(inst, BOSS).client.post("/enter", data={"link": link}) for _ in range(2)]
            assert [answer.status_code for answer in tries] == [status, 401]
        with pytest.raises(Exception, match="an administrator adds new ones"):
            accounts.add(inst, None, "second.one", role="administrator")


def half(inst: Installation, name: str, seed: str, first: str) -> Browser:
    """A session with one factor of an account that has a second one."""
    one = Browser(inst, name, seed)
    if first == "password":
        assert one.sign_in().status_code == 303
    else:
        entered = one.client.post("/enter", data={"link": accounts.link(inst, name)})
        assert entered.status_code == 303
    return one


@pytest.mark.parametrize("first", ["password", "link"])
@pytest.mark.parametrize("name", ["zhou.zhuren", "chen.ren"])
def test_sec_28_no_protected_route_answers_with_one_factor(
    inst: Installation, waiting: str, event_id: str, name: str, first: str
) -> None:
    one = half(inst, name, Browser(inst, name).come().seed, first)
    values = {"event_id": event_id, "contact_id": "c0", "alert_id": "alarm", "lock_id": waiting}
    values |= {"kind": "csv", "name": "li.she"}
    tried = 0
    for route, _ in routes(one.client.app):
        method, _, path = route.partition(" ")
        if path.startswith(OPEN) or route in OWN:
            continue
        answer = ask(one, route, values)
        tried += 1
        if answer.status_code == 303:
            assert (method, answer.headers["location"]) == ("GET", "/second"), route
        else:
            assert answer.status_code == 403 and "second_factor" in answer.text, (route, answer.status_code)
        assert COOKIE in one.client.cookies, route
    assert tried > 150


def test_sec_28_nobody_signed_in_reaches_only_the_open_routes(inst: Installation, event_id: str) -> None:
    one = Browser(inst, "nobody")
    for route, _ in routes(one.client.app):
        if route.partition(" ")[2].startswith(OPEN):
            continue
        answer = ask(one, route, {"event_id": event_id, "kind": "csv"})
        seen = (answer.status_code, answer.headers.get("location"))
        assert seen in ((401, None), (303, "/signin")), (route, seen)


def test_sec_31_there_is_no_openid_connect_so_nothing_of_it_can_be_forged(inst: Installation) -> None:
    """No identity provider is trusted: no library of it is imported, no route takes its answer."""
    imported = {
        (alias.name if isinstance(node, ast.Import) else node.module or "").split(".")[0]
        for path in SRC.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert "fastapi" in imported
    assert imported & {"authlib", "joserfc", "jose", "jwt", "oauthlib", "requests_oauthlib"} == set()
    paths = [route.partition(" ")[2] for route, _ in routes(Browser(inst, "x").client.app)]
    assert [path for path in paths if re.search(r"oidc|oauth|callback|sso|saml", path)] == []
    with inst.store.read() as connection:
        assert not any("issuer" in table.name for table in guard.metadata.sorted_tables)
        assert guard.list_accounts(connection)


def test_sec_35_nobody_ends_the_running_session_of_another(inst: Installation) -> None:
    one, other = Browser(inst, "sun.shen").come(), Browser(inst, "li.she").come()
    (running,) = one.client.get("/api/v1/account").json()["sessions"]
    assert other.post(f"/account/sessions/{running['session_id']}/end").status_code == 404
    assert other.json(f"/account/sessions/{running['session_id']}/end").status_code == 404
    assert other.json("/account/sessions/end").json() == {"ended": 0}
    assert one.get("/log").status_code == 200
    assert one.post(f"/account/sessions/{running['session_id']}/end").status_code == 303
    assert one.get("/log").headers["location"] == "/signin"


#: Changes of factors, exports, naming, and answers that show who somebody is: each needs a factor shown just now.
FRESH = {
    "POST /account/totp", "POST /account/totp/remove", "POST /account/recovery", "POST /account/password",
    "POST /account/passkeys/{passkey_id}/remove", "POST /api/v1/account/passkeys/options",
    "POST /api/v1/account/passkeys", "POST /api/v1/account/passkeys/{passkey_id}/remove",
    "POST /api/v1/account/totp", "POST /api/v1/account/totp/remove", "POST /api/v1/account/recovery",
    "POST /api/v1/account/password", "POST /account/totp/confirm", "POST /api/v1/account/totp/confirm",
    "GET /events/{event_id}/contacts.csv",
    "POST /locks/{lock_id}/verdict", "POST /api/v1/locks/{lock_id}/verdict",
    "POST /locks/{lock_id}/name", "POST /api/v1/locks/{lock_id}/name",
    "POST /subjects/report", "POST /api/v1/subjects/report",
    "POST /subjects/correct", "POST /api/v1/subjects/correct",
    "POST /subjects/erase", "POST /api/v1/subjects/erase",
    "POST /accounts", "POST /accounts/{name}/link", "POST /accounts/{name}/roles",
    "POST /accounts/{name}/roles/{role_id}/take", "POST /accounts/{name}/disable",
    "POST /accounts/{name}/enable", "POST /accounts/{name}/sessions/end", "POST /accounts/{name}/training",
    "POST /accounts/{name}/reset", "POST /api/v1/accounts", "POST /api/v1/accounts/{name}/link",
    "POST /api/v1/accounts/{name}/roles", "POST /api/v1/accounts/{name}/roles/{role_id}/take",
    "POST /api/v1/accounts/{name}/disable", "POST /api/v1/accounts/{name}/enable",
    "POST /api/v1/accounts/{name}/sessions/end", "POST /api/v1/accounts/{name}/training",
    "POST /api/v1/accounts/{name}/reset",
    "POST /terminals/{terminal_id}/approve", "POST /api/v1/terminals/{terminal_id}/approve",
}  # fmt: skip


def _person(route: str, token: str) -> dict[str, Any] | None:
    """A whole request of a person, which the schema's own example is not."""
    if not route.startswith("POST") or not re.search("/subjects/(report|correct|erase)$", route):
        return None
    act = route.rsplit("/", 1)[1]
    who = {"name": NAMES[0], "phone": "15400000000"}
    why = {} if act == "report" else {"reason": "x", "ground": "inaccurate"}
    if "/api/" in route:
        more = {"report": {}, "correct": {"changes": {"name": "x"}}, "erase": {}}[act]
        return {"identity": who, "identity_verified": True, **why, **more}
    change = {"field": "name", "value": "x"} if act == "correct" else {}
    return {**who, **why, **change, "verified": "yes", "token": token}


def test_sec_36_just_now_is_ten_minutes(inst: Installation, event_id: str) -> None:
    one = Browser(inst, "zhou.zhuren").come()
    move(inst, minutes=9, seconds=59)
    assert ask(one, "POST /account/recovery", {}).status_code == 200
    move(inst, seconds=1)
    answer = ask(one, "POST /account/recovery", {})
    assert (answer.status_code, "reauthenticate" in answer.text) == (403, True)


def test_sec_36_each_act_that_matters_needs_a_factor_shown_just_now(
    inst: Installation, waiting: str, event_id: str
) -> None:
    browsers = {name: Browser(inst, name).come() for name in (BOSS, "chen.ren", "wang.yi", "zhou.zhuren")}
    terminal = browsers["wang.yi"].json("/account/terminals", label="工作站").json()["terminal_id"]
    values = {"event_id": event_id, "lock_id": waiting, "name": "li.she", "terminal_id": terminal}
    move(inst, minutes=10)
    old: dict[str, list[str]] = {}
    for name, one in browsers.items():
        for route, _ in routes(one.client.app):
            path = route.partition(" ")[2]
            if route in OWN or path.startswith(OPEN) or path == "/signout":
                continue
            answer = ask(one, route, values, _person(route, one.token))
            if answer.status_code == 403 and "reauthenticate" in answer.text:
                old.setdefault(route, []).append(name)
    assert FRESH - set(old) == set()
    assert one.second(password=PASSWORD).status_code == 303  # shown again, the same act is done
    assert ask(one, "POST /account/recovery", values).status_code == 200
