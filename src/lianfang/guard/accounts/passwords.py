"""Passwords: argon2id; long, any characters, no rules of composition, common ones refused.

After NIST SP 800-63B-4 section 3.1.1 and OWASP ASVS 5.0 V6.2: 15 characters or more while it is the only
factor, at least 64 allowed, common passwords and words of the context refused.
"""

from __future__ import annotations

import functools
import itertools
import unicodedata
from datetime import datetime
from importlib.resources import files
from typing import TYPE_CHECKING

from sqlalchemy import Connection, select, update

from lianfang.foundation.canonical import plain
from lianfang.foundation.errors import BadInput, NotFound
from lianfang.guard.accounts import tables

if TYPE_CHECKING:
    from argon2 import PasswordHasher

MIN_LENGTH = 15
MAX_LENGTH = 256
#: Words that everybody here would think of; with what they leave, a password has to be one still.
_CONTEXT = (
    *("lianfang", "联防联控", "联防", "疾控中心", "疾控", "卫健委", "疫情", "防疫", "防控", "新冠"),
    *("epidemic", "outbreak", "pandemic", "disease", "control", "centre", "center", "covid", "health"),
    *("password", "welcome", "admin"),
)
_PADDING = "0123456789 !@#$%^&*()-_=+.,?~"


def check_password(password: str, *, name: str = "", minimum: int = MIN_LENGTH) -> None:
    """BadInput when the password is too short, too long, common, or made of the account's name."""
    text = unicodedata.normalize("NFKC", password)
    if not minimum <= len(text) <= MAX_LENGTH:
        raise BadInput(
            f"A password has {minimum} to {MAX_LENGTH} characters.", hint="A sentence of your own is best."
        )
    core = text.casefold()
    stripped = core.strip(_PADDING)
    unit = _unit(core)
    weak = {core, stripped, unit, unit.strip(_PADDING), _unit(stripped)}
    context = [word for word in (name.casefold(), *_CONTEXT) if word]
    left = functools.reduce(lambda rest, word: rest.replace(word, ""), context, core).strip(_PADDING)
    common = weak & common_passwords() or {stripped, _unit(stripped)} & _cores()
    if common or len(set(core)) < 5 or (left != core and len(left) < 6) or _is_run(core):
        raise BadInput(
            "That password is one of the first that would be tried.",
            hint="Common passwords, repetitions, runs and your own name are refused.",
        )


@functools.cache
def common_passwords() -> frozenset[str]:
    """The list that is shipped with the package."""
    text = (files("lianfang.guard.accounts") / "common_passwords.txt").read_text(encoding="utf-8")
    return frozenset(line for line in text.splitlines() if line and not line.startswith("#"))


@functools.cache
def _cores() -> frozenset[str]:
    """The list's words without the digits and signs around them, where enough is left to know them by."""
    return frozenset(core for word in common_passwords() if len(core := word.strip(_PADDING)) >= 4)


@functools.cache
def hasher() -> PasswordHasher:
    """argon2id with OWASP's minimum: 19 MiB, 2 passes, 1 lane."""
    import argon2

    return argon2.PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1, type=argon2.Type.ID)


def hash_password(password: str) -> str:
    return hasher().hash(unicodedata.normalize("NFKC", password))


def matches(stored: str | None, password: str) -> bool:
    """Does the password match? As slow for an account without one (nothing to tell them apart by)."""
    import argon2

    given = unicodedata.normalize("NFKC", password[: 4 * MAX_LENGTH])
    try:
        hasher().verify(stored or _decoy(), given)
    except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
        return False
    return stored is not None


def set_password(
    conn: Connection, account_id: str, password: str, *, now: datetime, minimum: int = MIN_LENGTH
) -> None:
    """Give the account a new password; every session it had ends."""
    table = tables.account
    name = conn.execute(select(table.c.name).where(table.c.account_id == account_id)).scalar()
    if name is None:
        raise NotFound("There is no such account.")
    check_password(password, name=name, minimum=minimum)
    conn.execute(
        update(table)
        .where(table.c.account_id == account_id)
        .values(password_hash=hash_password(password), password_at=plain(now))
    )
    conn.execute(
        update(tables.session)
        .where(tables.session.c.account_id == account_id, tables.session.c.ended_at.is_(None))
        .values(ended_at=plain(now))
    )


@functools.cache
def _decoy() -> str:
    import secrets

    return hash_password(secrets.token_urlsafe(24))


def _unit(text: str) -> str:
    """The shortest part of which ``text`` is a repetition."""
    at = (text + text).find(text, 1)
    return text[:at] if 0 < at < len(text) else text


def _is_run(text: str) -> bool:
    steps = {ord(b) - ord(a) for a, b in itertools.pairwise(text)}
    return len(steps) == 1 or text in "01234567890123456789012345678901234567890"
