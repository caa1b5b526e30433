"""Second factors: one-time passwords by time (RFC 6238), recovery codes, and taking all of them away.

A seed is stored sealed, the newest step used is stored, so that no code counts twice; recovery codes have 120
random bits, are stored hashed and count once. Tries are limited as for passwords (OWASP ASVS 5.0 V6.5).
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlalchemy import Connection, delete, func, insert, select, update

from lianfang.foundation.canonical import moment, plain
from lianfang.foundation.errors import Conflict, NotFound
from lianfang.guard.accounts import attempts, tables
from lianfang.guard.accounts.attempts import DEFAULT, Limits

STEP = 30  # seconds
DIGITS = 6
DRIFT = 1  # steps before and after the present one that a wrong clock may be off by
RECOVERY_CODES = 10
_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # 32 signs, none like another
_CODE_LENGTH = 24  # 120 bits


class Sealer(Protocol):
    """Keeps a seed so that it opens in its own place only (the keyring does)."""

    def seal(self, data: bytes, *place: str) -> bytes:
        """The data, sealed."""

    def unseal(self, sealed: bytes, *place: str) -> bytes:
        """The data again."""


@dataclass(frozen=True)
class Passkey:
    """A passkey of an account; ``passkey_id`` is ours, the credential's own name stays inside."""

    passkey_id: str
    label: str
    made_at: datetime
    used_at: datetime | None


@dataclass(frozen=True)
class Factors:
    """The second factors that an account has enrolled."""

    totp: bool
    passkeys: tuple[Passkey, ...]
    recovery_left: int

    @property
    def enrolled(self) -> bool:
        """Is there a second factor? Recovery codes alone are none."""
        return self.totp or bool(self.passkeys)


@dataclass(frozen=True)
class Proof:
    """What a try came to: the factor shown, or None and why: ``wrong`` or ``slow_down``.

    It is a value and not an error, so that the caller commits the counted attempt.
    """

    factor: str | None
    reason: str = ""


def factors_of(conn: Connection, account_id: str) -> Factors:
    """What the account has enrolled."""
    one, key, spare = tables.totp, tables.passkey, tables.recovery
    totp = conn.execute(
        select(one.c.confirmed_at).where(one.c.account_id == account_id, one.c.confirmed_at.is_not(None))
    ).first()
    keys = conn.execute(select(key).where(key.c.account_id == account_id).order_by(key.c.made_at))
    left = conn.execute(
        select(func.count())
        .select_from(spare)
        .where(spare.c.account_id == account_id, spare.c.used_at.is_(None))
    ).scalar_one()
    found = tuple(
        Passkey(row.passkey_id, row.label, moment(row.made_at), moment(row.used_at) if row.used_at else None)
        for row in keys
    )
    return Factors(totp is not None, found, left)


def enrolled(conn: Connection, account_ids: Iterable[str]) -> set[str]:
    """Those of the accounts that have a second factor."""
    wanted = set(account_ids)
    held = set(
        conn.execute(
            select(tables.totp.c.account_id).where(tables.totp.c.confirmed_at.is_not(None))
        ).scalars()
    )
    return wanted & (held | set(conn.execute(select(tables.passkey.c.account_id)).scalars()))


def code_at(seed: str, step: int) -> str:
    """The six digits of a time step (``seed`` in base32)."""
    import pyotp

    return pyotp.TOTP(seed, digits=DIGITS, interval=STEP).generate_otp(step)


def begin_totp(conn: Connection, account_id: str, sealer: Sealer, *, now: datetime) -> str:
    """A new seed of 160 bits in base32, to be confirmed by a code; one already in use is not touched.

    Conflict when the account has one: it is removed first, with a recent proof.
    """
    import pyotp

    table = tables.totp
    if factors_of(conn, account_id).totp:
        raise Conflict("This account has one-time passwords already.", hint="Remove them first.")
    seed = pyotp.random_base32()
    conn.execute(delete(table).where(table.c.account_id == account_id))
    conn.execute(
        insert(table).values(
            account_id=account_id,
            sealed=sealer.seal(seed.encode(), table.name, "sealed", account_id),
            last_step=0,
            made_at=plain(now),
        )
    )
    return seed


def pending_totp(conn: Connection, account_id: str, sealer: Sealer) -> str:
    """The seed that waits for its first code, "" for none."""
    table = tables.totp
    row = conn.execute(select(table).where(table.c.account_id == account_id)).first()
    return _seed(row.sealed, account_id, sealer) if row is not None and row.confirmed_at is None else ""


def confirm_totp(
    conn: Connection, account_id: str, code: str, sealer: Sealer, *, now: datetime, limits: Limits = DEFAULT
) -> Proof:
    """The first code, by which the person shows that the seed arrived; from then on the factor counts."""
    table = tables.totp
    who = attempts.whos("second", account_id, "")[:1]
    if attempts.too_many(conn, who, now, limits):
        return Proof(None, "slow_down")
    if not _use_step(conn, account_id, _tidy(code), sealer, now, confirmed=False):
        attempts.failed(conn, who, now)
        return Proof(None, "wrong")
    conn.execute(update(table).where(table.c.account_id == account_id).values(confirmed_at=plain(now)))
    enrolled_now(conn, account_id)
    return Proof("totp")


def enrolled_now(conn: Connection, account_id: str) -> None:
    """A second factor has come: the account's reset, if there was one, is over."""
    conn.execute(
        update(tables.account).where(tables.account.c.account_id == account_id).values(reset_at=None)
    )


def remove_totp(conn: Connection, account_id: str) -> None:
    """The account's one-time passwords stop counting."""
    if not conn.execute(delete(tables.totp).where(tables.totp.c.account_id == account_id)).rowcount:
        raise NotFound("This account has no one-time passwords.")


def check_code(
    conn: Connection,
    account_id: str,
    code: str,
    sealer: Sealer,
    *,
    now: datetime,
    address: str = "",
    limits: Limits = DEFAULT,
) -> Proof:
    """Six digits of the present time step, or a recovery code; each counts once."""
    who = attempts.whos("second", account_id, address)
    if attempts.too_many(conn, who, now, limits):
        return Proof(None, "slow_down")
    given = _tidy(code)
    if len(given) == DIGITS:
        good = "totp" if _use_step(conn, account_id, given, sealer, now, confirmed=True) else None
    else:
        good = "recovery" if _use_recovery(conn, account_id, given, now) else None
    if good is None:
        attempts.failed(conn, who, now)
        return Proof(None, "wrong")
    attempts.forget(conn, who[0])
    return Proof(good)


def make_recovery_codes(conn: Connection, account_id: str, *, now: datetime) -> list[str]:
    """Ten new codes, shown once; those made before stop counting."""
    table = tables.recovery
    codes = ["".join(secrets.choice(_ALPHABET) for _ in range(_CODE_LENGTH)) for _ in range(RECOVERY_CODES)]
    conn.execute(delete(table).where(table.c.account_id == account_id))
    conn.execute(
        insert(table),
        [{"code_hash": _digest(code), "account_id": account_id, "made_at": plain(now)} for code in codes],
    )
    return ["-".join(code[at : at + 4] for at in range(0, _CODE_LENGTH, 4)) for code in codes]


def reset(conn: Connection, account_id: str, *, now: datetime) -> None:
    """Take all second factors away and end the sessions.

    The password stays, and until a factor is enrolled anew it takes both the password and a one-time link to do
    so: neither who resets nor who knows the password gets in alone.
    """
    for table in (tables.totp, tables.recovery, tables.passkey):
        conn.execute(delete(table).where(table.c.account_id == account_id))
    mark_reset(conn, account_id, now=now)
    conn.execute(
        update(tables.session)
        .where(tables.session.c.account_id == account_id, tables.session.c.ended_at.is_(None))
        .values(ended_at=plain(now))
    )


def mark_reset(conn: Connection, account_id: str, *, now: datetime) -> None:
    """No second factor is left: the next one takes the password and a one-time link."""
    table = tables.account
    conn.execute(update(table).where(table.c.account_id == account_id).values(reset_at=plain(now)))


def _use_step(
    conn: Connection, account_id: str, code: str, sealer: Sealer, now: datetime, *, confirmed: bool
) -> bool:
    """Is it the code of a step not used yet? The step is then used."""
    table = tables.totp
    row = conn.execute(select(table).where(table.c.account_id == account_id)).first()
    if row is None or (row.confirmed_at is not None) is not confirmed:
        return False
    seed = _seed(row.sealed, account_id, sealer)
    present = int(now.timestamp()) // STEP
    for step in range(present - DRIFT, present + DRIFT + 1):
        if hmac.compare_digest(code_at(seed, step).encode(), code.encode()):
            done = conn.execute(
                update(table)
                .where(table.c.account_id == account_id, table.c.last_step < step)
                .values(last_step=step)
            )
            return done.rowcount == 1
    return False


def _use_recovery(conn: Connection, account_id: str, code: str, now: datetime) -> bool:
    table = tables.recovery
    done = conn.execute(
        update(table)
        .where(
            table.c.code_hash == _digest(code), table.c.account_id == account_id, table.c.used_at.is_(None)
        )
        .values(used_at=plain(now))
    )
    return done.rowcount == 1


def _seed(sealed: bytes, account_id: str, sealer: Sealer) -> str:
    return sealer.unseal(sealed, tables.totp.name, "sealed", account_id).decode()


def _tidy(code: str) -> str:
    """The code as it was meant: full width, spaces, lines and small letters do not matter."""
    return "".join(c for c in unicodedata.normalize("NFKC", code[:80]).upper() if c.isalnum())


def _digest(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()
