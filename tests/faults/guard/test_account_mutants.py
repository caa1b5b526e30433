"""Each guard of accounts is broken in turn, and the test that holds it has to fail: a test that cannot is none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, select, update

from accountkit import make
from lianfang.guard import accounts
from lianfang.guard.accounts import attempts, factors, passkeys, rights, sessions, tables, terminals
from lianfang.guard.vault import Keyring, keyring
from lianfang.services import factors as own
from lianfang.services import gate
from spec.guard import test_req_p_37_49_69_accounts as web
from spec.guard import test_req_p_70_71_rights as rights_web
from unit.guard import test_second_factor as unit


class House:
    """What the unit tests take as fixtures."""

    def __init__(self, folder: Path) -> None:
        engine = create_engine("sqlite://")
        accounts.metadata.create_all(engine)
        self.folder = folder
        self.conn = engine.connect()
        self.ring = Keyring.create(folder / "keys", "linjiang-cdc")
        self.chen = accounts.create(self.conn, name="chen.jing", now=unit.NOW)
        accounts.set_password(self.conn, self.chen, unit.GOOD, now=unit.NOW)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.conn.close()


def _replay(conn: Any, who: str, code: str, sealer: Any, now: Any, *, confirmed: bool) -> bool:
    row = conn.execute(select(tables.totp).where(tables.totp.c.account_id == who)).one()
    seed = sealer.unseal(row.sealed, "account_totp", "sealed", who).decode()
    present = int(now.timestamp()) // factors.STEP
    return code in [factors.code_at(seed, present + step) for step in (-1, 0, 1)]


def _spent(conn: Any, who: str, code: str, now: Any) -> bool:
    table = tables.recovery
    return bool(
        conn.execute(
            update(table).where(table.c.code_hash == factors._digest(code)).values(used_at="x")
        ).rowcount
    )


def _kept(conn: Any, session_id: str, use: str, now: Any) -> bytes:
    from webauthn import base64url_to_bytes

    table = tables.challenge
    found = conn.execute(select(table.c.challenge).where(table.c.use == use).limit(1)).scalar()
    return base64url_to_bytes(found or "")


def _anybodys(conn: Any, account_id: str | None, token: str) -> bool:
    table = tables.terminal
    return (
        conn.execute(
            select(table.c.terminal_id).where(table.c.approved_at.is_not(None), table.c.revoked_at.is_(None))
        ).first()
        is not None
    )


UNIT: dict[str, tuple[Any, str, Any, Callable[[House], None]]] = {
    "a code counts again": (
        factors, "_use_step", _replay,
        lambda h: unit.test_a_code_counts_once_and_within_one_step(h.conn, h.chen, h.ring),
    ),
    "a clock may be far off": (
        factors, "DRIFT", 3,
        lambda h: unit.test_a_code_counts_once_and_within_one_step(h.conn, h.chen, h.ring),
    ),
    "a recovery code counts again": (
        factors, "_use_recovery", _spent,
        lambda h: unit.test_recovery_codes_are_random_hashed_and_count_once(h.conn, h.chen, h.ring),
    ),
    "recovery codes are stored as they are": (
        factors, "_digest", lambda code: code,
        lambda h: unit.test_recovery_codes_are_random_hashed_and_count_once(h.conn, h.chen, h.ring),
    ),
    "tries are not limited": (
        attempts, "too_many", lambda *_: False,
        lambda h: unit.test_tries_are_limited_as_for_passwords(h.conn, h.chen, h.ring),
    ),
    "a seed opens in another's row": (
        keyring, "_own_place", lambda place: b"",
        lambda h: unit.test_a_seed_counts_only_after_its_first_code_and_is_stored_sealed(
            h.conn, h.chen, h.ring, h.folder
        ),
    ),
    "the old token lives on": (
        sessions, "_end", lambda *_: 1,
        lambda h: unit.test_a_step_up_makes_a_new_token_and_the_old_one_dies(h.conn, h.chen),
    ),
    "two of one kind are two": (
        accounts, "level", len,
        lambda h: unit.test_two_factors_are_two_kinds(),
    ),
    "a passkey's challenge is not used up": (
        passkeys, "_take", _kept,
        lambda h: unit.test_a_passkey_answers_once_here_now_and_for_its_own_account(h.conn, h.chen),
    ),
    "a terminal is anybody's": (
        terminals, "registered", _anybodys,
        lambda h: unit.test_terminals_count_once_approved_by_another_until_revoked(h.conn, h.chen),
    ),
    "a reset leaves the factors": (
        accounts, "reset", lambda *_, **__: None,
        lambda h: unit.test_a_reset_takes_all_factors_and_sessions(h.conn, h.chen, h.ring),
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", UNIT)
def test_a_broken_guard_fails_its_test(house: House, monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    where, name, broken, check = UNIT[fault]
    check(House(house.folder / "sound"))  # sound, it passes
    monkeypatch.setattr(where, name, broken)
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        check(House(house.folder / "broken"))


WEB: dict[str, tuple[Any, str, Any, Callable[[Any], None]]] = {
    "training is not asked for": (
        rights, "UNTRAINED", frozenset(rights.ROLES),
        rights_web.test_req_p_70_training_that_has_ended_blocks_the_role,
    ),
    "a reset is enrolled by the password alone": (
        own, "_hindered", lambda *_: "",
        web.test_security_30_a_reset_takes_password_and_link_together,
    ),
    "a new account's rights need no recent proof": (
        gate, "ACTS", {**gate.ACTS, "account.manage": frozenset(rights.ROLES)},
        web.test_security_40_the_administrator_reads_nothing_personal_and_does_nothing_to_himself,
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", WEB)
def test_a_broken_guard_of_the_pages_fails_its_test(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    where, name, broken, check = WEB[fault]
    monkeypatch.setattr(where, name, broken)
    with make(tmp_path / "home") as inst, pytest.raises((AssertionError, pytest.fail.Exception)):
        check(inst, *(["none"] if fault.startswith("a new") else []))  # type: ignore[call-arg]
