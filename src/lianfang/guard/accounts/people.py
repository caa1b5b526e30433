"""Accounts: each belongs to one named person."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, Connection, Row, func, insert, or_, select, true, update

from lianfang.foundation.canonical import plain
from lianfang.foundation.errors import BadInput, Conflict, NotFound
from lianfang.guard.accounts import tables

_NAME = re.compile(r"[a-z][a-z0-9._-]{1,31}\Z")
#: Names that several people would share, or that invite guessing (REQ-P-37).
SHARED_NAMES = frozenset(
    {
        *("admin", "administrator", "root", "system", "service", "operator", "default", "support", "info"),
        *("test", "tester", "demo", "guest", "anonymous", "public", "everyone", "all", "share", "shared"),
        *("user", "users", "staff", "team", "office", "duty", "worker", "workers", "nurse", "doctor"),
        *("hospital", "clinic", "cdc", "lab", "laboratory"),
    }
)


@dataclass(frozen=True)
class Account:
    """One person's account."""

    account_id: str
    name: str
    display: str
    has_password: bool
    disabled: bool
    trained_until: date | None = None
    reset: bool = False


def create(
    conn: Connection, *, name: str, display: str = "", now: datetime, trained_until: date | None = None
) -> str:
    """A new account without password or role; gives its id.

    ``trained_until``: last day on which the person's training counts (none noted: no role that needs it works).
    ``name``: 2 to 32 small letters, digits, ``.``, ``_``, ``-``; a name that people would share is refused.
    """
    if not _NAME.match(name):
        raise BadInput("An account's name has 2 to 32 small letters, digits, dots, lines; a letter first.")
    if name in SHARED_NAMES or name.rstrip("0123456789._-") in SHARED_NAMES:
        raise BadInput(f"{name!r} is no person's name.", hint="Accounts are personal: name its one holder.")
    if len(display) > 80 or not (display or name).isprintable():
        raise BadInput("The shown name has at most 80 printable characters.")
    if conn.execute(select(tables.account.c.name).where(tables.account.c.name == name)).first():
        raise Conflict(f"There is an account {name} already.")
    account_id = secrets.token_hex(16)
    conn.execute(
        insert(tables.account).values(
            account_id=account_id,
            name=name,
            display=display or name,
            created_at=plain(now),
            trained_until=trained_until.isoformat() if trained_until else None,
        )
    )
    return account_id


def account(conn: Connection, who: str) -> Account:
    """The account with this id or name."""
    table = tables.account
    row = conn.execute(select(table).where((table.c.account_id == who) | (table.c.name == who))).first()
    if row is None:
        raise NotFound("There is no such account.")
    return _account(row)


def list_accounts(
    conn: Connection, search: str = "", *, start: int = 0, limit: int | None = None
) -> list[Account]:
    """Accounts by name: all, or those whose name or shown name holds ``search``, from ``start`` on."""
    statement = select(tables.account).where(_holding(search)).order_by(tables.account.c.name).offset(start)
    return [_account(row) for row in conn.execute(statement.limit(limit) if limit is not None else statement)]


def count_accounts(conn: Connection, search: str = "") -> int:
    """How many accounts :func:`list_accounts` would give in all."""
    counted = select(func.count()).select_from(tables.account).where(_holding(search))
    return int(conn.execute(counted).scalar_one())


def _holding(search: str) -> ColumnElement[bool]:
    """Small and capital letters alike; the signs of a pattern are letters here."""
    if not search:
        return true()
    table, wanted = tables.account.c, search.lower()
    return or_(
        func.lower(table.name).contains(wanted, autoescape=True),
        func.lower(table.display).contains(wanted, autoescape=True),
    )


def disable(conn: Connection, account_id: str, now: datetime) -> None:
    """The account can no longer sign in; its sessions end with the next request."""
    _set_disabled(conn, account_id, plain(now))
    conn.execute(
        update(tables.session)
        .where(tables.session.c.account_id == account_id, tables.session.c.ended_at.is_(None))
        .values(ended_at=plain(now))
    )


def enable(conn: Connection, account_id: str) -> None:
    """The account may sign in again; sessions that ended stay ended."""
    _set_disabled(conn, account_id, None)


def note_training(conn: Connection, account_id: str, until: date | None) -> None:
    """The training counts up to and with this day; None: it does not count any more (REQ-P-70)."""
    table = tables.account
    done = conn.execute(
        update(table)
        .where(table.c.account_id == account_id)
        .values(trained_until=until.isoformat() if until else None)
    )
    if not done.rowcount:
        raise NotFound("There is no such account.")


def _set_disabled(conn: Connection, account_id: str, at: str | None) -> None:
    table = tables.account
    done = conn.execute(update(table).where(table.c.account_id == account_id).values(disabled_at=at))
    if not done.rowcount:
        raise NotFound("There is no such account.")


def _account(row: Row[tuple[object, ...]]) -> Account:
    return Account(
        row.account_id,
        row.name,
        row.display,
        row.password_hash is not None,
        bool(row.disabled_at),
        date.fromisoformat(row.trained_until) if row.trained_until else None,
        bool(row.reset_at),
    )
