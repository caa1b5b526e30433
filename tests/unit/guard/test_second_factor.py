"""Second factors from outside: one-time passwords, recovery codes, passkeys, terminals, levels of a session."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine, select

from lianfang.foundation.errors import BadInput, Conflict, Fault, NotFound, NotSignedIn, Refused
from lianfang.guard import accounts
from lianfang.guard.accounts import factors, passkeys, tables, terminals
from lianfang.guard.accounts.passkeys import Site
from lianfang.guard.vault import Keyring
from softkey import SoftKey

NOW = datetime(2026, 1, 29, 8, 0, tzinfo=UTC)
GOOD = "seven herons over the river"
SITE = Site.of("https://linjiang.example:8443", "Linjiang CDC")


@pytest.fixture
def conn() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    accounts.metadata.create_all(engine)
    with engine.begin() as connection:
        yield connection


@pytest.fixture
def ring(tmp_path: Path) -> Keyring:
    return Keyring.create(tmp_path / "keys", "linjiang-cdc")


@pytest.fixture
def chen(conn: Connection) -> str:
    who = accounts.create(conn, name="chen.jing", display="陈静", now=NOW)
    accounts.set_password(conn, who, GOOD, now=NOW)
    return who


def at(moment: datetime) -> int:
    return int(moment.timestamp()) // factors.STEP


def enrol(conn: Connection, who: str, ring: Keyring, now: datetime = NOW) -> str:
    seed = accounts.begin_totp(conn, who, ring, now=now)
    assert accounts.confirm_totp(conn, who, factors.code_at(seed, at(now)), ring, now=now).factor == "totp"
    return seed


@pytest.mark.parametrize(
    ("seconds", "code"),  # RFC 6238, appendix B, SHA-1; the last six of its eight digits
    [
        (59, "94287082"),
        (1111111109, "07081804"),
        (1111111111, "14050471"),
        (1234567890, "89005924"),
        (2000000000, "69279037"),
        (20000000000, "65353130"),
    ],
)
def test_the_vectors_of_rfc_6238(seconds: int, code: str) -> None:
    seed = base64.b32encode(b"12345678901234567890").decode()
    assert factors.code_at(seed, seconds // 30) == code[-6:]


def test_a_code_counts_once_and_within_one_step(conn: Connection, chen: str, ring: Keyring) -> None:
    seed = enrol(conn, chen, ring)
    assert accounts.check_code(conn, chen, factors.code_at(seed, at(NOW)), ring, now=NOW).reason == "wrong"
    later = NOW + timedelta(seconds=30)
    code = factors.code_at(seed, at(later))
    spaced = f" {code[:3]} {code[3:]} ".translate(str.maketrans("0123456789", "０１２３４５６７８９"))
    assert accounts.check_code(conn, chen, spaced, ring, now=later).factor == "totp"
    assert accounts.check_code(conn, chen, code, ring, now=later).reason == "wrong"
    far = later + timedelta(minutes=20)
    for off, good in ((-2, False), (2, False), (-1, True), (1, True)):
        given = factors.code_at(seed, at(far) + off)
        assert (accounts.check_code(conn, chen, given, ring, now=far).factor == "totp") is good, off
    # a step that was passed over is gone: an older code does not come back after a newer one
    assert accounts.check_code(conn, chen, factors.code_at(seed, at(far)), ring, now=far).factor is None


def test_a_seed_counts_only_after_its_first_code_and_is_stored_sealed(
    conn: Connection, chen: str, ring: Keyring, tmp_path: Path
) -> None:
    seed = accounts.begin_totp(conn, chen, ring, now=NOW)
    assert len(base64.b32decode(seed)) == 20  # 160 bits (RFC 4226, section 4)
    assert accounts.pending_totp(conn, chen, ring) == seed
    assert not accounts.factors_of(conn, chen).enrolled
    assert accounts.check_code(conn, chen, factors.code_at(seed, at(NOW)), ring, now=NOW).factor is None
    sealed = conn.execute(select(tables.totp.c.sealed)).scalar_one()
    assert seed.encode() not in sealed and base64.b32decode(seed) not in sealed
    other = accounts.create(conn, name="wu.min", now=NOW)
    conn.execute(tables.totp.update().values(account_id=other))  # moved to another's row it does not open
    with pytest.raises(Fault):
        accounts.pending_totp(conn, other, ring)
    conn.execute(tables.totp.update().values(account_id=chen))
    with pytest.raises(Fault):
        accounts.pending_totp(conn, chen, Keyring.create(tmp_path / "others", "linjiang-cdc"))


def test_a_seed_in_use_is_not_replaced(conn: Connection, chen: str, ring: Keyring) -> None:
    enrol(conn, chen, ring)
    with pytest.raises(Conflict):
        accounts.begin_totp(conn, chen, ring, now=NOW)
    accounts.remove_totp(conn, chen)
    with pytest.raises(NotFound):
        accounts.remove_totp(conn, chen)


def test_recovery_codes_are_random_hashed_and_count_once(conn: Connection, chen: str, ring: Keyring) -> None:
    enrol(conn, chen, ring)
    codes = accounts.make_recovery_codes(conn, chen, now=NOW)
    assert len(set(codes)) == 10 == accounts.factors_of(conn, chen).recovery_left
    alphabet = set("".join(codes)) - {"-"}
    assert len(codes[0].replace("-", "")) * 5 >= 64 and len(alphabet) > 25  # 24 signs of 32: 120 bits
    stored = {str(row) for row in conn.execute(select(tables.recovery))}
    assert not any(code in row or code.replace("-", "") in row for code in codes for row in stored)
    assert (
        accounts.check_code(conn, chen, codes[0].lower().replace("-", " "), ring, now=NOW).factor
        == "recovery"
    )
    assert accounts.check_code(conn, chen, codes[0], ring, now=NOW).reason == "wrong"
    other = accounts.create(conn, name="wu.min", now=NOW)
    assert accounts.check_code(conn, other, codes[1], ring, now=NOW).factor is None
    fresh = accounts.make_recovery_codes(conn, chen, now=NOW)
    assert accounts.check_code(conn, chen, codes[1], ring, now=NOW).factor is None
    assert accounts.check_code(conn, chen, fresh[1], ring, now=NOW).factor == "recovery"


def test_tries_are_limited_as_for_passwords(conn: Connection, chen: str, ring: Keyring) -> None:
    seed = enrol(conn, chen, ring)
    later = NOW + timedelta(minutes=1)
    good = factors.code_at(seed, at(later))
    wrong = [f"{n:06d}" for n in range(1000) if f"{n:06d}" not in {good}]
    said = [
        accounts.check_code(conn, chen, code, ring, now=later, address=f"a{code}").reason for code in wrong
    ]
    assert said.count("wrong") == 5 and said.count("slow_down") == len(wrong) - 5
    assert accounts.check_code(conn, chen, good, ring, now=later).reason == "slow_down"
    after = later + timedelta(minutes=16)
    assert accounts.check_code(conn, chen, factors.code_at(seed, at(after)), ring, now=after).factor == "totp"


def test_one_address_is_limited_over_all_accounts(conn: Connection, ring: Keyring) -> None:
    said = []
    for n in range(40):
        who = accounts.create(conn, name=f"person.p{n}", now=NOW)
        said.append(accounts.check_code(conn, who, "000000", ring, now=NOW, address="10.0.0.9").reason)
    assert said.count("wrong") == 30 and said.count("slow_down") == 10


def test_a_step_up_makes_a_new_token_and_the_old_one_dies(conn: Connection, chen: str) -> None:
    first = accounts.sign_in(conn, "chen.jing", GOOD, now=NOW).token or ""
    assert accounts.session(conn, first, now=NOW).level == 1
    later = NOW + timedelta(minutes=5)
    second = accounts.step_up(conn, first, "totp", now=later).token or ""
    assert second != first
    with pytest.raises(NotSignedIn):
        accounts.session(conn, first, now=later)
    risen = accounts.session(conn, second, now=later)
    assert (risen.level, risen.factors, risen.created_at) == (2, ("password", "totp"), NOW)
    assert risen.fresh(later + timedelta(minutes=9)) and not risen.fresh(later + timedelta(minutes=10))
    with pytest.raises(NotSignedIn):
        accounts.step_up(conn, first, "totp", now=later)  # an ended session does not rise


def test_two_factors_are_two_kinds() -> None:
    assert [accounts.level(held) for held in ([], ["password"], ["link"], ["password", "link"])] == [
        0,
        1,
        1,
        1,
    ]
    assert [accounts.level(held) for held in (["totp"], ["totp", "passkey", "recovery"])] == [1, 1]
    for second in ("totp", "passkey", "recovery"):
        assert accounts.level(["password", second]) == 2 == accounts.level(["link", second])


def _session(conn: Connection) -> str:
    return accounts.sign_in(conn, "chen.jing", GOOD, now=NOW).session_id or ""


def _enrolled_key(conn: Connection, who: str, session_id: str) -> SoftKey:
    key = SoftKey(SITE.origin, SITE.host)
    options = passkeys.registration(conn, session_id, who, SITE, name="chen.jing", display="陈静", now=NOW)
    passkeys.register(conn, session_id, who, SITE, key.create(json.loads(options)), label="钥匙", now=NOW)
    return key


def _asked(conn: Connection, who: str, session_id: str) -> dict[str, object]:
    return dict(json.loads(passkeys.request(conn, session_id, who, SITE, now=NOW)))


def test_a_passkey_is_enrolled_and_shown(conn: Connection, chen: str) -> None:
    here = _session(conn)
    key = _enrolled_key(conn, chen, here)
    held = accounts.factors_of(conn, chen)
    assert held.enrolled and [one.label for one in held.passkeys] == ["钥匙"]
    for _ in range(2):
        answer = key.get(_asked(conn, chen, here))
        assert passkeys.prove(conn, here, chen, SITE, answer, now=NOW).factor == "passkey"
    with pytest.raises(Conflict):  # the same credential again
        options = passkeys.registration(conn, here, chen, SITE, name="x", display="x", now=NOW)
        passkeys.register(conn, here, chen, SITE, key.create(json.loads(options)), label="again", now=NOW)
    passkeys.remove(conn, chen, held.passkeys[0].passkey_id)
    assert not accounts.factors_of(conn, chen).enrolled
    with pytest.raises(NotFound):
        passkeys.request(conn, here, chen, SITE, now=NOW)


def test_a_passkey_answers_once_here_now_and_for_its_own_account(conn: Connection, chen: str) -> None:
    here, there = _session(conn), _session(conn)
    key = _enrolled_key(conn, chen, here)
    other = accounts.create(conn, name="wu.min", now=NOW)
    accounts.set_password(conn, other, GOOD + " too", now=NOW)

    def refused(session_id: str, who: str, answer: dict[str, object], now: datetime = NOW) -> bool:
        conn.execute(tables.attempt.delete())  # the limit has its own test
        return passkeys.prove(conn, session_id, who, SITE, answer, now=now).reason == "wrong"

    answer = key.get(_asked(conn, chen, here))
    assert refused(there, chen, answer)  # another session's challenge
    assert not refused(here, chen, answer)
    assert refused(here, chen, answer)  # the same answer again
    assert refused(here, chen, key.get(_asked(conn, chen, here)), NOW + timedelta(minutes=6))  # too late
    assert refused(here, other, key.get(_asked(conn, chen, here)))  # somebody else's account
    phished = SoftKey("https://linjiang.example.evil", SITE.host)
    phished.key, phished.credential_id, phished.counter = key.key, key.credential_id, 50
    assert refused(here, chen, phished.get(_asked(conn, chen, here)))  # another site's origin
    stranger = SoftKey(SITE.origin, SITE.host)
    stranger.credential_id = key.credential_id
    assert refused(here, chen, stranger.get(_asked(conn, chen, here)))  # another key's signature
    key.counter = 0  # a copy of the key, which is behind the original
    assert refused(here, chen, key.get(_asked(conn, chen, here)))
    for broken in ({}, {"id": 5}, {"id": "x", "response": {}}, {"id": "x" * 20_000}):
        assert refused(here, chen, broken)


@pytest.mark.parametrize("label", ["", "   ", "x" * 61, "two\nlines"])
def test_a_passkeys_name_is_short_and_printable(conn: Connection, chen: str, label: str) -> None:
    here = _session(conn)
    options = passkeys.registration(conn, here, chen, SITE, name="x", display="x", now=NOW)
    made = SoftKey(SITE.origin, SITE.host).create(json.loads(options))
    with pytest.raises(BadInput):
        passkeys.register(conn, here, chen, SITE, made, label=label, now=NOW)


def test_a_made_up_registration_is_refused(conn: Connection, chen: str) -> None:
    here = _session(conn)
    made = SoftKey(SITE.origin, SITE.host).create({"challenge": "bm9ib2R5IGFza2Vk"})
    with pytest.raises(BadInput):  # nothing was asked for
        passkeys.register(conn, here, chen, SITE, made, label="x", now=NOW)
    passkeys.registration(conn, here, chen, SITE, name="x", display="x", now=NOW)
    with pytest.raises(BadInput):  # another challenge
        passkeys.register(conn, here, chen, SITE, made, label="x", now=NOW)


def test_a_reset_takes_all_factors_and_sessions(conn: Connection, chen: str, ring: Keyring) -> None:
    enrol(conn, chen, ring)
    accounts.make_recovery_codes(conn, chen, now=NOW)
    here = accounts.sign_in(conn, "chen.jing", GOOD, now=NOW)
    _enrolled_key(conn, chen, here.session_id or "")
    accounts.reset(conn, chen, now=NOW)
    held = accounts.factors_of(conn, chen)
    assert (held.totp, held.passkeys, held.recovery_left) == (False, (), 0)
    assert accounts.account(conn, "chen.jing").reset
    with pytest.raises(NotSignedIn):
        accounts.session(conn, here.token or "", now=NOW)
    assert accounts.sign_in(conn, "chen.jing", GOOD, now=NOW).token  # the password stays
    enrol(conn, chen, ring)
    assert not accounts.account(conn, "chen.jing").reset


def test_terminals_count_once_approved_by_another_until_revoked(conn: Connection, chen: str) -> None:
    other = accounts.create(conn, name="wu.min", now=NOW)
    token = terminals.new_token()
    made = terminals.ask(conn, chen, token, label="工作手机", now=NOW)
    assert not terminals.registered(conn, chen, token)
    with pytest.raises(Conflict):
        terminals.ask(conn, chen, token, label="工作手机", now=NOW)
    with pytest.raises(Refused):
        terminals.approve(conn, made, by="chen.jing", now=NOW)
    terminals.approve(conn, made, by="wu.min", now=NOW)
    assert terminals.registered(conn, chen, token)
    assert not terminals.registered(conn, other, token)  # for this person only
    assert not terminals.registered(conn, None, token) and not terminals.registered(conn, chen, "")
    assert not terminals.registered(conn, chen, terminals.new_token())
    assert token not in str(conn.execute(select(tables.terminal)).all())
    terminals.revoke(conn, made, by="wu.min", now=NOW)
    assert not terminals.registered(conn, chen, token)
    for act in (terminals.approve, terminals.revoke):
        with pytest.raises(Conflict):
            act(conn, made, by="wu.min", now=NOW)
    again = terminals.ask(
        conn, chen, token, label="工作手机", now=NOW
    )  # the same device comes again as a new one
    assert again != made and not terminals.registered(conn, chen, token)
    assert [one.state for one in terminals.list_terminals(conn, chen)] == ["asked", "revoked"]


def test_the_shown_codes_are_in_groups(conn: Connection, chen: str) -> None:
    for code in accounts.make_recovery_codes(conn, chen, now=NOW):
        assert re.fullmatch(r"([A-HJ-NP-Z2-9]{4}-){5}[A-HJ-NP-Z2-9]{4}", code)
