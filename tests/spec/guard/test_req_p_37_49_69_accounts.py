"""REQ-P-37, 49, 69 and the security requirements 26 to 40 on a real installation's pages and routes."""

from __future__ import annotations

import json
import re
import statistics
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from accountkit import BOSS, PASSWORD, Browser, make, move
from lianfang.api.security import COOKIE
from lianfang.foundation.errors import Refused
from lianfang.guard import accounts as guard
from lianfang.guard import ledger
from lianfang.services import accounts, contacts, visits
from lianfang.services.installation import Installation, Who
from loop import CONTACTS, MORNING, NAMES
from softkey import SoftKey

#: What a session with one factor reaches: its own account, leaving, and what everybody reaches.
OWN = (
    "/account",
    "/second",
    "/signout",
    "/signin",
    "/enter",
    "/language",
    "/public",
    "/ledger/",
    "/r/",
    "/verify",
)
PERSONAL = [*NAMES, *CONTACTS, "1540000", "虚构路"]


@pytest.fixture
def inst(tmp_path: Path) -> Iterator[Installation]:
    with make(tmp_path / "home") as made:
        yield made


@pytest.fixture
def named(inst: Installation, event_id: str, staff: dict[str, Who]) -> str:
    lock = contacts.lock(inst, staff["epidemiologist"], event_id, ["c0", "c1"], reason="x", worker="li.she")
    contacts.approve(inst, staff["manager"], lock)
    contacts.name(inst, staff["epidemiologist"], lock)
    return event_id


@pytest.fixture
def waiting(inst: Installation, event_id: str, staff: dict[str, Who]) -> str:
    return contacts.lock(inst, staff["epidemiologist"], event_id, ["c0"], reason="x", worker="li.she")


def logged(inst: Installation, kind: str) -> list[str]:
    with inst.store.read() as connection:
        return [entry.ref for entry in ledger.entries(connection, type=kind)]


def test_req_p_37_and_69_one_factor_reaches_the_own_account_and_nothing_else(
    inst: Installation, named: str
) -> None:
    values = {"event_id": named, "contact_id": "c0", "alert_id": "alarm", "number": "1"}
    tried = 0
    for name, role in [(BOSS, "administrator"), *((n, r) for n, _, r in accounts.DEMONSTRATION)]:
        one = Browser(inst, name)
        assert one.sign_in().headers["location"] == "/second"
        for path, methods in one.client.app.openapi()["paths"].items():
            filled = re.sub(r"\{(\w+)\}", lambda found: values.get(found[1], "none"), path)
            if (
                path.removeprefix("/api/v1").startswith(OWN)
                or path == "/api/v1/terminals/{terminal_id}/revoke"
            ):
                continue
            for method in methods:
                tried += 1
                if method == "get":
                    answer = one.get(filled)
                    expected = 403 if path.startswith("/api/") else 303
                    assert answer.status_code == expected, (role, path, answer.status_code)
                    if expected == 303:
                        assert answer.headers["location"] == "/second", (role, path)
                else:
                    answer = (
                        one.json(filled.removeprefix("/api/v1"), method=method.upper())
                        if "/api/" in path
                        else one.post(filled)
                    )
                    assert answer.status_code in (403, 422), (role, path, answer.status_code)
                    if answer.status_code == 403:
                        assert "second_factor" in answer.text, (role, path)
                assert not [secret for secret in PERSONAL if secret in answer.text], (role, path)
    assert tried > 400


def test_req_p_69_a_service_asks_again_whatever_the_door_did(
    inst: Installation, named: str, staff: dict[str, Who]
) -> None:
    """The gate refuses one factor by itself, and the policy knows of it: no door has to be trusted."""
    from dataclasses import replace

    from lianfang.services import gate
    from lianfang.services.installation import Signed

    half = replace(staff["community_worker"], signed=Signed(factors=1, fresh=True, terminal=True))
    with pytest.raises(Refused) as refused:
        visits.particulars(inst, half, "c0", terminal="t1")
    assert refused.value.code == "second_factor"
    with pytest.raises(Refused, match="two factors"):
        gate.ask(
            inst,
            replace(staff["epidemiologist"], signed=Signed(1, True, True)),
            phase="read",
            purpose="epidemiological_investigation",
            data=["name"],
        )


def test_security_30_first_enrolment_second_sign_in_and_the_codes(inst: Installation) -> None:
    one = Browser(inst, "li.she")
    one.sign_in()
    codes = one.enrol()
    assert len(codes) == 10
    assert one.get("/my").status_code == 200
    assert codes[0] not in one.get("/account").text  # shown once
    again = Browser(inst, "li.she", one.seed)
    again.sign_in()
    assert again.second(code="000000").status_code == 401
    assert again.get("/my").status_code == 303
    good = again.code()
    assert again.second(code=good).headers["location"] == "/my"
    third = Browser(inst, "li.she", one.seed)
    third.sign_in()
    assert third.second(code=good).status_code == 401  # the same code again (security 29)
    assert third.second(code=codes[3]).headers["location"] == "/my"
    fourth = Browser(inst, "li.she", one.seed)
    fourth.sign_in()
    assert fourth.second(code=codes[3]).status_code == 401
    assert {"signed_in", "factor_added", "factor_shown", "factor_refused", "recovery_codes_made"} <= {
        kind
        for kind in ("signed_in", "factor_added", "factor_shown", "factor_refused", "recovery_codes_made")
        if "li.she" in logged(inst, kind)
    }
    assert one.seed.encode() not in (inst.home / "lianfang.db").read_bytes()


def test_req_p_69_a_passkey_is_the_second_factor(inst: Installation) -> None:
    one = Browser(inst, "zhou.zhuren")
    one.sign_in()
    key = SoftKey("https://testserver", "testserver")
    options = one.json("/account/passkeys/options").json()
    assert options["rp"]["id"] == "testserver" and options["user"]["name"] == "zhou.zhuren"
    made = one.json("/account/passkeys", credential=key.create(options), label="安全密钥")
    assert made.status_code == 200 and made.json()["next"] == "/today"
    assert one.get("/today").status_code == 200
    again = Browser(inst, "zhou.zhuren")
    again.sign_in()
    assert again.get("/today").status_code == 303
    answer = key.get(again.json("/second/passkey/options").json())
    stolen = again.client.cookies[COOKIE]
    assert again.json("/second/passkey", credential=answer).status_code == 200
    assert again.client.cookies[COOKIE] != stolen and again.get("/today").status_code == 200
    # the passkey goes with a recent proof only, and the page then asks for one
    listed = again.client.get("/api/v1/account").json()["passkeys"]
    move(inst, minutes=11)
    path = f"/account/passkeys/{listed[0]['passkey_id']}/remove"
    assert again.post(path).status_code == 403
    answer = key.get(again.json("/second/passkey/options").json())
    assert again.json("/second/passkey", credential=answer).status_code == 200
    assert again.post(path).status_code == 303
    assert again.client.get("/api/v1/account").json()["enrolled"] is False


def test_security_30_a_reset_takes_password_and_link_together(inst: Installation) -> None:
    boss, one = Browser(inst, BOSS).come(), Browser(inst, "li.she").come()
    assert boss.post("/accounts/li.she/reset").status_code == 303
    assert one.get("/my").status_code == 303  # its sessions ended
    thief = Browser(inst, "li.she")  # knows the password
    thief.sign_in()
    assert thief.get("/account").status_code == 200
    assert thief.post("/account/totp").status_code == 403
    assert thief.json("/account/passkeys/options").status_code == 403
    made = boss.post("/accounts/li.she/link").text
    link = re.search(r"link=([\w-]+)", made).group(1)  # type: ignore[union-attr]
    insider = Browser(inst, "li.she")  # has the link: the administrator himself
    insider.client.post("/enter", data={"link": link})
    assert insider.post("/account/totp").status_code == 403
    assert insider.post("/account/password", password=PASSWORD + "!", again=PASSWORD + "!").status_code == 403
    assert insider.second(password=PASSWORD).status_code == 303  # and now it is she
    assert len(insider.enrol()) == 10
    assert insider.get("/my").status_code == 200
    assert logged(inst, "factors_reset") == ["li.she"] and logged(inst, "link_made") == ["li.she"]


def test_security_30_a_link_does_not_pass_by_the_second_factor(inst: Installation) -> None:
    one = Browser(inst, "li.she").come()
    other = Browser(inst, "li.she", one.seed)
    answer = other.client.post("/enter", data={"link": accounts.link(inst, "li.she")})
    assert answer.headers["location"] == "/second"
    assert other.get("/my").status_code == 303 and other.post("/account/totp").status_code == 403
    assert other.second().headers["location"] == "/my"
    new = PASSWORD + " at dawn"  # a forgotten password: link and second factor, then a new one
    assert other.post("/account/password", password=new, again=new).status_code == 303
    assert other.get("/my").status_code == 303  # and every session ended
    assert one.get("/my").status_code == 303
    assert one.sign_in(PASSWORD).status_code == 401 and one.sign_in(new).status_code == 303


def test_security_32_the_token_is_new_at_each_step_and_dead_at_the_end(inst: Installation) -> None:
    planted = "A" * 43
    one = Browser(inst, "sun.shen")
    one.client.cookies.set(COOKIE, planted, domain="testserver.local", path="/")
    one.client.post("/signin", data={"name": "sun.shen", "password": PASSWORD})
    tokens = [one.client.cookies[COOKIE]]
    one.enrol()
    tokens.append(one.client.cookies[COOKIE])
    assert len({planted, *tokens}) == 3 and all(len(token) >= 43 for token in tokens)  # 256 bits
    stale = Browser(inst, "sun.shen")
    for dead in (planted, tokens[0]):
        stale.client.cookies.set(COOKIE, dead)
        assert stale.get("/account").headers["location"] == "/signin"
    assert one.get("/log").status_code == 200
    assert one.post("/signout").status_code == 303
    stale.client.cookies.set(COOKIE, tokens[1])
    assert stale.get("/log").headers["location"] == "/signin"
    assert stale.client.get("/api/v1/log").status_code == 401


def test_security_33_idle_and_absolute_limits(inst: Installation) -> None:
    one = Browser(inst, "sun.shen").come()
    move(inst, minutes=29)
    assert one.get("/log").status_code == 200
    move(inst, minutes=30)
    assert one.get("/log").headers["location"] == "/signin"
    one.come()
    for _ in range(36):
        move(inst, minutes=19.5)
        answer = one.get("/log")
    assert answer.status_code == 200
    move(inst, minutes=19.5)
    assert one.get("/log").headers["location"] == "/signin"  # 12 hours, however busy


def test_req_p_49_an_unregistered_terminal_neither_reads_nor_collects(inst: Installation, named: str) -> None:
    worker, officer = Browser(inst, "li.she").come(), Browser(inst, "chen.ren").come()
    refused = worker.post("/my/c0/particulars")
    assert refused.status_code == 403 and "designated_terminal_only" in refused.text
    assert not [secret for secret in PERSONAL if secret in refused.text]
    terminal = worker.register(officer)
    shown = worker.post("/my/c0/particulars")
    assert shown.status_code == 200 and CONTACTS[0] in shown.text
    visit = {"outcome": "reached", "temperature": "36.6", "medium": "visit"}
    assert worker.post("/my/c0/visit", **visit).status_code == 303
    elsewhere = Browser(inst, "li.she", worker.seed).come()  # the same person on another device
    assert elsewhere.post("/my/c0/particulars").status_code == 403
    assert officer.post(f"/terminals/{terminal}/revoke").status_code == 303
    assert worker.post("/my/c0/particulars").status_code == 403
    assert logged(inst, "terminal_approved") == [terminal] == logged(inst, "terminal_revoked")


def test_req_p_49_nobody_approves_his_own_terminal(inst: Installation) -> None:
    officer, boss = Browser(inst, "chen.ren").come(), Browser(inst, BOSS).come()
    made = officer.json("/account/terminals", label="台式机").json()["terminal_id"]
    assert officer.post(f"/terminals/{made}/approve").status_code == 403
    assert boss.post(f"/terminals/{made}/approve").status_code == 303
    worker = Browser(inst, "li.she").come()
    other = worker.json("/account/terminals", label="手机").json()["terminal_id"]
    assert worker.post(f"/terminals/{other}/approve").status_code == 403
    assert worker.json(f"/terminals/{made}/revoke").status_code == 403  # nor revokes another's
    assert worker.post(f"/account/terminals/{other}/revoke").status_code == 303


def test_security_36_a_recent_proof_before_approval_naming_export_and_changes(
    inst: Installation, waiting: str, event_id: str
) -> None:
    manager, epi = Browser(inst, "zhou.zhuren").come(), Browser(inst, "wang.yi").come()
    officer = Browser(inst, "chen.ren").come()
    manager.register(officer)
    epi.register(officer)
    move(inst, minutes=11)
    assert manager.get("/today").status_code == 200  # the session goes on
    verdict = {"verdict": "approve", "note": "ok"}
    refused = manager.post(f"/locks/{waiting}/verdict", **verdict)
    assert (
        refused.status_code == 403 and "reauthenticate" in refused.text and 'action="/second"' in refused.text
    )
    held = manager.client.cookies[COOKIE]
    assert manager.second(password="not the password at all").status_code == 401
    assert manager.post(f"/locks/{waiting}/verdict", **verdict).status_code == 403
    assert manager.second(password=PASSWORD, back="/act").headers["location"] == "/act"
    assert manager.client.cookies[COOKIE] == held  # nothing rose: other tabs' forms still work
    assert manager.post(f"/locks/{waiting}/verdict", **verdict).status_code == 303
    for path, read in ((f"/locks/{waiting}/name", False), (f"/events/{event_id}/contacts.csv", True)):
        answer = epi.get(path) if read else epi.post(path)
        assert answer.status_code == 403 and "reauthenticate" in answer.text, path
    assert epi.second().status_code == 303
    assert epi.post(f"/locks/{waiting}/name").status_code == 303
    assert epi.get(f"/events/{event_id}/contacts.csv").status_code == 200
    move(inst, minutes=11)
    for path in ("/account/totp/remove", "/account/recovery", "/account/password"):
        fields = {"password": PASSWORD + " x", "again": PASSWORD + " x"} if "password" in path else {}
        assert epi.post(path, **fields).status_code == 403, path


@pytest.mark.parametrize(
    "back", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:0"]
)
def test_security_36_the_way_back_stays_on_this_site(inst: Installation, back: str) -> None:
    one = Browser(inst, "sun.shen").come()
    assert one.second(password=PASSWORD, back=back).headers["location"] == "/today"


def test_security_26_brute_force_is_slowed_whatever_the_address(inst: Installation) -> None:
    one = Browser(inst, "li.she").come()
    half = Browser(inst, "li.she", one.seed)
    half.sign_in()
    before = len(logged(inst, "factor_refused"))
    for n in range(40):
        assert half.second(code=f"{n:06d}").status_code == 401
    assert len(logged(inst, "factor_refused")) - before == 5  # the others were not even looked at
    assert half.second().status_code == 401  # nor is the right one, for a quarter of an hour
    move(inst, minutes=16)
    assert half.second().status_code == 303


def test_security_26_one_answer_for_every_wrong_sign_in(inst: Installation) -> None:
    accounts.add(inst, accounts.person(inst, BOSS), "no.password", role="auditor")
    boss = Browser(inst, BOSS).come()
    boss.post("/accounts/sun.shen/disable")
    bodies = {
        Browser(inst, name).sign_in(password).text
        for name, password in (
            ("li.she", "wrong wrong wrong wrong"),
            ("nobody.here", PASSWORD),
            ("sun.shen", PASSWORD),  # disabled
            ("no.password", "x"),
            *[("zhao.jian", f"wrong {n}") for n in range(7)],  # slowed down from the sixth on
        )
    }
    assert len(bodies) == 1
    assert len(logged(inst, "sign_in_refused")) == 9  # five of the seven, and the four others


def test_security_26_unknown_names_take_as_long_as_wrong_passwords() -> None:
    engine = create_engine("sqlite://")
    guard.metadata.create_all(engine)
    took: dict[str, list[float]] = {"known": [], "unknown": []}
    with engine.begin() as conn:
        for n in range(9):
            who = guard.create(conn, name=f"person.p{n}", now=MORNING)
            guard.set_password(conn, who, PASSWORD, now=MORNING)
        guard.sign_in(conn, "warm.up", "x", now=MORNING)
        for n in range(9):
            for kind, name in (("known", f"person.p{n}"), ("unknown", f"nobody.p{n}")):
                began = time.process_time()
                assert guard.sign_in(conn, name, "wrong wrong wrong", now=MORNING).reason == "wrong"
                took[kind].append(time.process_time() - began)
    known, unknown = statistics.median(took["known"]), statistics.median(took["unknown"])
    assert abs(known - unknown) < max(0.005, 0.25 * known), took


def test_security_35_own_sessions_are_listed_and_ended(inst: Installation) -> None:
    one = Browser(inst, "sun.shen").come()
    two, three = (Browser(inst, "sun.shen", one.seed).come() for _ in range(2))
    listed = one.client.get("/api/v1/account").json()["sessions"]
    assert len(listed) == 3 and sum(row["own"] for row in listed) == 1
    third = next(row for row in listed if not row["own"])
    assert one.post(f"/account/sessions/{third['session_id']}/end").status_code == 303
    ended = [browser.get("/log").status_code == 303 for browser in (two, three)]
    assert sorted(ended) == [False, True]
    assert one.json("/account/sessions/end").json() == {"ended": 1}
    assert [browser.get("/log").status_code for browser in (one, two, three)] == [200, 303, 303]
    other = Browser(inst, "li.she").come()
    assert other.post(f"/account/sessions/{listed[0]['session_id']}/end").status_code == 404


def test_security_40_the_administrator_reads_nothing_personal_and_does_nothing_to_himself(
    inst: Installation, named: str
) -> None:
    boss = Browser(inst, BOSS).come()
    for path in (
        "/today",
        f"/events/{named}",
        f"/events/{named}/contacts",
        "/my/c0",
        "/log",
        "/act",
        "/laboratory",
    ):
        assert boss.get(path).status_code == 403, path
    assert boss.post("/my/c0/particulars").status_code == 403
    until = (inst.today() + timedelta(days=9)).isoformat()
    for path, fields in (
        (f"/accounts/{BOSS}/roles", {"role": "manager", "until": until}),
        (f"/accounts/{BOSS}/training", {"until": until}),
        (f"/accounts/{BOSS}/disable", {}),
        (f"/accounts/{BOSS}/reset", {}),
        ("/accounts/sun.shen/roles", {"role": "administrator", "until": until}),  # the auditor's
        ("/accounts/sun.shen/roles", {"role": "manager", "until": until}),
    ):
        assert boss.post(path, **fields).status_code == 403, path
    move(inst, minutes=11)
    assert boss.post("/accounts/li.she/disable").status_code == 403  # and shows again that it is he
    assert Browser(inst, "zhou.zhuren").come().post("/accounts/li.she/disable").status_code == 403


def test_security_40_a_new_account_comes_by_its_link_to_both_factors(inst: Installation) -> None:
    boss = Browser(inst, BOSS).come()
    until = (inst.today() + timedelta(days=90)).isoformat()
    page = boss.post(
        "/accounts", name="new.face", role="clinician", display="新人", until=until, trained_until=until
    )
    link = re.search(r"link=([\w-]+)", page.text).group(1)  # type: ignore[union-attr]
    one = Browser(inst, "new.face")
    assert one.client.post("/enter", data={"link": link}).headers["location"] == "/second"
    assert one.get("/second").headers["location"] == "/account"
    assert (
        one.post("/account/password", password="password12345678", again="password12345678").status_code
        == 422
    )
    assert one.post("/account/password", password=PASSWORD, again=PASSWORD).status_code == 303
    assert one.come().get("/account").status_code == 200
    assert json.loads(one.client.get("/api/v1/me").text)["role"] == "clinician"


def test_req_p_37_the_link_is_both_factors_in_a_demonstration_only(
    inst: Installation, tmp_path: Path
) -> None:
    one = Browser(inst, "li.she")
    one.client.post("/enter", data={"link": accounts.link(inst, "li.she")})
    assert one.client.get("/api/v1/account").json()["level"] == 1
    assert one.post("/second/demonstration").status_code == 403
    shown = make(tmp_path / "demonstration", demonstration=True)
    with shown:
        player = Browser(shown, "li.she")
        page = player.client.get("/enter?link=x", headers={"accept-language": "en"}).text
        assert "stands for password and second factor" in page
        player.client.post("/enter", data={"link": accounts.link(shown, "li.she")})
        own = player.client.get("/api/v1/account").json()
        assert (own["level"], own["this_terminal"]) == (2, True)
        assert "registered itself" in player.get("/my").text
        move(shown, minutes=11)
        assert player.post("/account/recovery").status_code == 403
        assert player.post("/second/demonstration").status_code == 303
        assert player.post("/account/recovery").status_code == 200
