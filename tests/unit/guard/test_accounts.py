"""Accounts from outside: made, signed in, timed out, taken back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, create_engine, select, text

from lianfang.foundation.errors import BadInput, Conflict, LianfangError, NotFound, NotSignedIn, Refused
from lianfang.guard import accounts
from lianfang.guard.accounts import passwords, tables

NOW = datetime(2026, 1, 29, 8, 0, tzinfo=UTC)
TRAINED = NOW.date() + timedelta(days=365)
GOOD = "seven herons over the river"
MINUTE = timedelta(minutes=1)


@pytest.fixture
def conn() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    accounts.metadata.create_all(engine)
    with engine.begin() as connection:
        yield connection


@pytest.fixture
def chen(conn: Connection) -> str:
    who = accounts.create(conn, name="chen.jing", display="陈静", now=NOW, trained_until=TRAINED)
    accounts.set_password(conn, who, GOOD, now=NOW)
    return who


def _token(conn: Connection, now: datetime = NOW) -> str:
    token = accounts.sign_in(conn, "chen.jing", GOOD, now=now, address="10.0.0.7").token
    assert token is not None
    return token


def test_sign_in_and_out(conn: Connection, chen: str) -> None:
    token = _token(conn)
    who = accounts.session(conn, token, now=NOW)
    assert (who.account_id, who.display, who.factors) == (chen, "陈静", ("password",))
    other = _token(conn)
    assert other != token
    accounts.sign_out(conn, token, now=NOW)
    with pytest.raises(NotSignedIn):
        accounts.session(conn, token, now=NOW)
    assert accounts.session(conn, other, now=NOW)
    for wrong in ("", "x", other[:-1], other + "A"):
        with pytest.raises(NotSignedIn):
            accounts.session(conn, wrong, now=NOW)


def _seen(conn: Connection) -> str:
    return str(conn.execute(select(tables.session.c.seen_at)).scalar_one())


def test_looking_writes_nothing_and_refuses_the_same(conn: Connection, chen: str) -> None:
    token = _token(conn)
    seen = _seen(conn)
    late = NOW + 29 * MINUTE
    assert accounts.look(conn, token, now=late).account_id == chen
    assert _seen(conn) == seen  # looking is no use of it: the idle limit still runs from the beginning
    with pytest.raises(NotSignedIn) as looked:
        accounts.look(conn, token, now=NOW + 30 * MINUTE)
    assert accounts.look(conn, token, now=late)  # nor is the session ended by a look
    with pytest.raises(NotSignedIn) as ended:
        accounts.session(conn, token, now=NOW + 30 * MINUTE)
    assert (str(looked.value), looked.value.code) == (str(ended.value), ended.value.code)
    with pytest.raises(NotSignedIn):
        accounts.look(conn, token, now=late)
    with pytest.raises(NotSignedIn):
        accounts.look(conn, "x", now=NOW)


def test_last_moment_is_written_once_a_minute(conn: Connection, chen: str) -> None:
    token = _token(conn)
    first = _seen(conn)
    accounts.session(conn, token, now=NOW + accounts.REFRESH - timedelta(seconds=1))
    assert _seen(conn) == first
    accounts.session(conn, token, now=NOW + accounts.REFRESH)
    assert _seen(conn) > first


def test_idle_and_absolute_limits(conn: Connection, chen: str) -> None:
    token = _token(conn)
    assert accounts.session(conn, token, now=NOW + 29 * MINUTE)
    assert accounts.session(conn, token, now=NOW + 58 * MINUTE)
    with pytest.raises(NotSignedIn):
        accounts.session(conn, token, now=NOW + 88 * MINUTE)
    with pytest.raises(NotSignedIn):  # and going back in time does not wake it
        accounts.session(conn, token, now=NOW + 60 * MINUTE)
    token, at = _token(conn), NOW
    while at < NOW + timedelta(hours=12) - 20 * MINUTE:
        at += 20 * MINUTE
        assert accounts.session(conn, token, now=at) or at
    with pytest.raises(NotSignedIn):
        accounts.session(conn, token, now=NOW + timedelta(hours=12))


def test_own_sessions_listed_and_ended(conn: Connection, chen: str) -> None:
    first, second = _token(conn), _token(conn, NOW + MINUTE)
    listed = accounts.list_sessions(conn, chen, now=NOW + MINUTE)
    assert [s.created_at for s in listed] == [NOW + MINUTE, NOW] and listed[0].address == "10.0.0.7"
    accounts.end_session(conn, chen, listed[1].session_id, now=NOW + MINUTE)
    with pytest.raises(NotSignedIn):
        accounts.session(conn, first, now=NOW + MINUTE)
    stranger = accounts.create(conn, name="wu.min", now=NOW)
    with pytest.raises(NotFound):
        accounts.end_session(conn, stranger, listed[0].session_id, now=NOW)
    assert accounts.session(conn, second, now=NOW + MINUTE)
    assert accounts.end_sessions(conn, chen, now=NOW + MINUTE) == 1
    assert accounts.list_sessions(conn, chen, now=NOW + MINUTE) == []


def test_a_new_password_or_disabling_ends_sessions(conn: Connection, chen: str) -> None:
    token = _token(conn)
    accounts.set_password(conn, chen, GOOD + " again", now=NOW)
    with pytest.raises(NotSignedIn):
        accounts.session(conn, token, now=NOW)
    assert accounts.sign_in(conn, "chen.jing", GOOD, now=NOW).reason == "wrong"
    token = accounts.sign_in(conn, "chen.jing", GOOD + " again", now=NOW).token or ""
    accounts.disable(conn, chen, NOW)
    with pytest.raises(NotSignedIn):
        accounts.session(conn, token, now=NOW)
    assert accounts.sign_in(conn, "chen.jing", GOOD + " again", now=NOW).reason == "wrong"
    accounts.enable(conn, chen)
    with pytest.raises(NotSignedIn):
        accounts.session(conn, token, now=NOW)


def test_nothing_stored_signs_anybody_in(conn: Connection, chen: str) -> None:
    token, link = _token(conn), accounts.make_link(conn, chen, now=NOW)
    stored = " ".join(
        str(value)
        for table in accounts.metadata.sorted_tables
        for row in conn.execute(select(table))
        for value in row
    )
    assert token not in stored and link not in stored and GOOD not in stored
    hashed = conn.execute(select(tables.account.c.password_hash)).scalar_one()
    assert hashed.startswith("$argon2id$") and "m=19456,t=2,p=1" in hashed
    assert token not in repr(accounts.sign_in(conn, "chen.jing", GOOD, now=NOW))


def test_weak_hashes_are_renewed_at_sign_in(conn: Connection, chen: str) -> None:
    import argon2

    old = argon2.PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(GOOD)
    conn.execute(text("UPDATE account SET password_hash = :old"), {"old": old})
    assert _token(conn)
    assert "m=19456,t=2,p=1" in conn.execute(select(tables.account.c.password_hash)).scalar_one()


def test_guessing_is_slowed_by_account_and_by_address(
    conn: Connection, chen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[str | None] = []
    real = passwords.matches
    monkeypatch.setattr(passwords, "matches", lambda stored, given: tried.append(stored) or False)
    answers = [accounts.sign_in(conn, "chen.jing", f"guess {i}", now=NOW, address="a") for i in range(1000)]
    assert len(tried) == 5 and answers[-1].reason == "slow_down"
    for i in range(1000):
        accounts.sign_in(conn, f"name{i}", "guess", now=NOW, address="a")
    assert len(tried) == 30
    monkeypatch.setattr(passwords, "matches", real)
    assert accounts.sign_in(conn, "chen.jing", GOOD, now=NOW, address="b").reason == "slow_down"
    assert accounts.sign_in(conn, "chen.jing", GOOD, now=NOW + 16 * MINUTE, address="b").token


def test_unknown_and_wrong_look_alike(conn: Connection, chen: str, monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[str] = []
    real = passwords.hasher().verify.__func__  # type: ignore[attr-defined]

    def verify(self: object, stored: str, given: str) -> bool:
        checked.append(stored.rsplit("$", 2)[0])
        return bool(real(self, stored, given))

    monkeypatch.setattr(type(passwords.hasher()), "verify", verify)
    answers = [
        accounts.sign_in(conn, name, "wrong wrong wrong", now=NOW, address=name)
        for name in ("chen.jing", "nobody", "", "chen.jing' OR 1=1 --")
    ]
    assert len(set(answers)) == 1 and answers[0].reason == "wrong"
    assert len(checked) == 4 and len(set(checked)) == 1  # one argon2 of the same cost for each


def test_one_time_links(conn: Connection, chen: str) -> None:
    link = accounts.make_link(conn, chen, now=NOW)
    made = accounts.sign_in_by_link(conn, link, now=NOW + 14 * MINUTE)
    assert accounts.session(conn, made.token or "", now=NOW + 14 * MINUTE).factors == ("link",)
    assert accounts.sign_in_by_link(conn, link, now=NOW + 14 * MINUTE).reason == "wrong"
    late = accounts.make_link(conn, chen, now=NOW)
    assert accounts.sign_in_by_link(conn, late, now=NOW + 15 * MINUTE).reason == "wrong"
    blocked = accounts.make_link(conn, chen, now=NOW)
    accounts.disable(conn, chen, NOW)
    assert accounts.sign_in_by_link(conn, blocked, now=NOW).reason == "wrong"
    for _ in range(40):
        last = accounts.sign_in_by_link(conn, "guess", now=NOW, address="z")
    assert last.reason == "slow_down"


def test_bootstrap_once_on_an_empty_installation(conn: Connection) -> None:
    assert accounts.list_accounts(conn) == []
    old = accounts.bootstrap_link(conn, now=NOW)
    link = accounts.bootstrap_link(conn, now=NOW)
    args = {"name": "sun.li", "password": GOOD}
    with pytest.raises(NotSignedIn):
        accounts.use_bootstrap(conn, old, now=NOW, **args)
    with pytest.raises(NotSignedIn):
        accounts.use_bootstrap(conn, link, now=NOW + 15 * MINUTE, **args)
    with pytest.raises(BadInput):  # a weak password does not use the link up
        accounts.use_bootstrap(conn, link, now=NOW, name="sun.li", password="short")
    who = accounts.use_bootstrap(conn, link, now=NOW, **args)
    assert accounts.may(conn, who, "administrator", "429901", NOW)
    with pytest.raises(NotSignedIn):
        accounts.use_bootstrap(conn, link, now=NOW, name="zhao", password=GOOD)
    with pytest.raises(Conflict):
        accounts.bootstrap_link(conn, now=NOW)
    assert accounts.sign_in_by_link(conn, link, now=NOW).reason == "wrong"


def test_roles_by_area_and_time_taken_back_at_once(conn: Connection, chen: str) -> None:
    boss = accounts.create(conn, name="sun.li", now=NOW)
    role_id = accounts.give_role(
        conn, chen, "epidemiologist", area="429900", now=NOW, not_after=NOW + 60 * MINUTE, given_by=boss
    )
    token = _token(conn)
    assert accounts.session(conn, token, now=NOW).has("epidemiologist", "429901")
    assert not accounts.session(conn, token, now=NOW).has("epidemiologist", "420100")
    assert not accounts.may(conn, chen, "epidemiologist", "", NOW)
    assert not accounts.may(conn, chen, "epidemiologist", "429901", NOW + 60 * MINUTE)
    accounts.take_role(conn, role_id, now=NOW, taken_by=boss)
    assert not accounts.session(conn, token, now=NOW).has("epidemiologist")
    with pytest.raises(NotFound):
        accounts.take_role(conn, role_id, now=NOW, taken_by=boss)


@pytest.mark.parametrize(
    ("outer", "inside", "outside"),
    [
        ("420000", ["420000", "420100", "429901"], ["430000", ""]),
        ("429900", ["429901", "429900"], ["429800", "420000"]),
        ("429901", ["429901", "429901002", "429901002003"], ["429902", "429900"]),
        ("429901002000", ["429901002003"], ["429901003001", "429901"]),
        ("", ["429901", ""], []),
    ],
)
def test_areas(outer: str, inside: list[str], outside: list[str]) -> None:
    role = accounts.Role("r", "manager", outer, NOW)
    assert all(role.covers(area) for area in inside) and not any(role.covers(area) for area in outside)


def test_separation_of_duties(conn: Connection, chen: str) -> None:
    def give(role: str, by: str | None = "x", **more: object) -> str:
        args = {"now": NOW, "not_after": NOW + 60 * MINUTE, "given_by": by, **more}
        return accounts.give_role(conn, chen, role, **args)  # type: ignore[arg-type]

    held = give("epidemiologist")
    for other in ("administrator", "auditor"):
        with pytest.raises(Refused):
            give(other)
    give("manager")
    for own in (chen, "chen.jing"):
        with pytest.raises(Refused):
            give("laboratory", by=own)
    for bad in ({"role": "god"}, {"role": "manager", "area": "42"}):
        with pytest.raises(BadInput):
            give(bad.pop("role"), **bad)
    with pytest.raises(BadInput):
        give("manager", not_after=NOW + timedelta(days=400))
    with pytest.raises(BadInput):
        give("manager", not_after=NOW)
    with pytest.raises(NotFound):
        accounts.give_role(conn, "0", "manager", now=NOW, not_after=NOW + MINUTE, given_by="x")
    assert held


@pytest.mark.parametrize(
    "password",
    [
        "short",
        "a" * 40,
        "password12345678",
        "Password!!!!!!!!!!!!",
        "qwertyuiopqwertyuiop",
        "dragondragondragon",
        "abcdefghijklmnopq",
        "1234567890123456",
        "chen.jing2026!!!",
        "lianfanglianfang1",
        "x" * 300,
        "１２３４５６７８９０１２３４５６",
    ],
)
def test_weak_passwords(password: str) -> None:
    with pytest.raises(BadInput) as caught:
        accounts.check_password(password, name="chen.jing")
    assert password not in str(caught.value)


@pytest.mark.parametrize(
    "password", [GOOD, "落霞与孤鹜齐飞秋水共长天一色也", "aB3$" * 3 + "tulip and rice" * 4]
)
def test_long_and_chinese_passwords(conn: Connection, chen: str, password: str) -> None:
    accounts.set_password(conn, chen, password, now=NOW)
    assert accounts.sign_in(conn, "chen.jing", password, now=NOW).token
    assert accounts.sign_in(conn, "chen.jing", password[:-1], now=NOW).reason == "wrong"


def test_every_common_password_is_refused_at_any_minimum() -> None:
    for word in passwords.common_passwords():
        with pytest.raises(LianfangError):
            accounts.check_password(word, minimum=1)
    assert len(passwords.common_passwords()) == 3000


@pytest.mark.parametrize(
    "name", ["admin", "root", "test1", "nurse-2", "cdc", "A", "a b", "王芳", "x" * 40, "9ab"]
)
def test_names_that_are_no_persons(conn: Connection, name: str) -> None:
    with pytest.raises(BadInput):
        accounts.create(conn, name=name, now=NOW)
