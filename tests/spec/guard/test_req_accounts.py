"""Requirements REQ-P-37, 70 and 71 as far as accounts answer for them, on a fresh installation."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import create_engine

from lianfang.foundation.errors import BadInput, NotSignedIn
from lianfang.guard import accounts

NOW = datetime(2026, 1, 29, 8, 0, tzinfo=UTC)
TRAINED = NOW.date() + timedelta(days=365)
GOOD = "seven herons over the river"


def test_req_p_37_personal_accounts_only_and_none_by_default() -> None:
    engine = create_engine("sqlite://")
    accounts.metadata.create_all(engine)
    with engine.begin() as conn:
        assert accounts.list_accounts(conn) == []
        for name, password in (("admin", "admin"), ("root", "root"), ("lianfang", "lianfang")):
            assert accounts.sign_in(conn, name, password, now=NOW).token is None
        for shared in ("admin", "nurse", "office", "staff2", "cdc"):
            with pytest.raises(BadInput):
                accounts.create(conn, name=shared, now=NOW)
        who = accounts.create(conn, name="chen.jing", now=NOW, trained_until=TRAINED)
        assert accounts.sign_in(conn, "chen.jing", "", now=NOW).token is None  # no password yet, so none fits
        accounts.set_password(conn, who, GOOD, now=NOW)
        token = accounts.sign_in(conn, "chen.jing", GOOD, now=NOW).token or ""
        assert accounts.session(conn, token, now=NOW).roles == ()  # and nobody may do anything by default


def test_req_p_70_weak_passwords_refused() -> None:
    for weak in ("123456", "password", "iloveyou", "Password12345678", "111111111111111"):
        with pytest.raises(BadInput):
            accounts.check_password(weak)


def test_req_p_71_rights_end_by_themselves_and_at_once() -> None:
    engine = create_engine("sqlite://")
    accounts.metadata.create_all(engine)
    with engine.begin() as conn:
        boss = accounts.create(conn, name="sun.li", now=NOW)
        who = accounts.create(conn, name="chen.jing", now=NOW, trained_until=TRAINED)
        link = accounts.make_link(conn, who, now=NOW)
        token = accounts.sign_in_by_link(conn, link, now=NOW).token or ""
        soon = NOW + timedelta(minutes=10)
        accounts.give_role(conn, who, "epidemiologist", now=NOW, not_after=soon, given_by=boss)
        taken = accounts.give_role(
            conn, who, "manager", now=NOW, not_after=soon + timedelta(1), given_by=boss
        )
        assert {r.role for r in accounts.session(conn, token, now=NOW).roles} == {"epidemiologist", "manager"}
        assert {r.role for r in accounts.session(conn, token, now=soon).roles} == {"manager"}
        accounts.take_role(conn, taken, now=soon, taken_by=boss)
        assert accounts.session(conn, token, now=soon).roles == ()
        accounts.disable(conn, who, soon)
        with pytest.raises(NotSignedIn):
            accounts.session(conn, token, now=soon)
