"""Registered terminals: on which devices a person may collect and read personal data (REQ-P-49).

A device holds a random token, stored hashed. It counts once somebody else has approved it, and until it is revoked.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Row, func, insert, select, update

from lianfang.foundation.canonical import moment, plain
from lianfang.foundation.errors import BadInput, Conflict, NotFound, Refused
from lianfang.guard.accounts import tables

MOST = 20  # terminals that one account may have asked for and not given back


@dataclass(frozen=True)
class Terminal:
    """A device of an account; ``account`` is its name, "" for the installation's own machine."""

    terminal_id: str
    account: str
    label: str
    asked_at: datetime
    approved_at: datetime | None
    approved_by: str
    revoked_at: datetime | None

    @property
    def state(self) -> str:
        """``asked``, ``registered`` or ``revoked``."""
        return "revoked" if self.revoked_at else "registered" if self.approved_at else "asked"


def new_token() -> str:
    """A device's token: 256 random bits."""
    return secrets.token_urlsafe(32)


def ask(conn: Connection, account_id: str | None, token: str, *, label: str, now: datetime) -> str:
    """Ask for a device to be registered; gives the terminal's id. The installation's machine has no account.

    Conflict when the device is registered or asked for already.
    """
    table = tables.terminal
    if not label.strip() or len(label) > 60 or not label.isprintable():
        raise BadInput("A terminal's name has 1 to 60 printable characters.")
    if len(token) < 32:
        raise BadInput("This device holds no token.")
    own = table.c.account_id == account_id
    if conn.execute(
        select(table.c.terminal_id).where(
            own, table.c.token_hash == _digest(token), table.c.revoked_at.is_(None)
        )
    ).first():
        raise Conflict("This terminal is registered or asked for already.")
    open_ones = conn.execute(
        select(func.count()).select_from(table).where(own, table.c.revoked_at.is_(None))
    ).scalar_one()
    if open_ones >= MOST:
        raise Conflict(f"An account has {MOST} terminals at most.", hint="Revoke one first.")
    # a device that was revoked comes again as another one: its old row keeps what was
    conn.execute(
        update(table)
        .where(own, table.c.token_hash == _digest(token))
        .values(token_hash=_digest(secrets.token_hex(32)))
    )
    terminal_id = secrets.token_hex(16)
    conn.execute(
        insert(table).values(
            terminal_id=terminal_id,
            token_hash=_digest(token),
            account_id=account_id,
            label=label.strip(),
            asked_at=plain(now),
        )
    )
    return terminal_id


def approve(conn: Connection, terminal_id: str, *, by: str, now: datetime) -> None:
    """Register the device that was asked for. Nobody approves his own."""
    table = tables.terminal
    row = _row(conn, terminal_id)
    if row.name is not None and by == row.name:
        raise Refused(
            "Nobody approves his own terminal.", reasons=("separation of duties",), code="own_terminal"
        )
    done = conn.execute(
        update(table)
        .where(
            table.c.terminal_id == terminal_id, table.c.approved_at.is_(None), table.c.revoked_at.is_(None)
        )
        .values(approved_at=plain(now), approved_by=by)
    )
    if not done.rowcount:
        raise Conflict("This terminal was judged already.")


def revoke(conn: Connection, terminal_id: str, *, by: str, now: datetime) -> None:
    """The device counts no more, from the next request on."""
    table = tables.terminal
    _row(conn, terminal_id)
    done = conn.execute(
        update(table)
        .where(table.c.terminal_id == terminal_id, table.c.revoked_at.is_(None))
        .values(revoked_at=plain(now), revoked_by=by)
    )
    if not done.rowcount:
        raise Conflict("This terminal was revoked already.")


def owner(conn: Connection, terminal_id: str) -> str:
    """Name of the account whose terminal it is, "" for the installation's machine."""
    return _row(conn, terminal_id).name or ""


def registered(conn: Connection, account_id: str | None, token: str) -> bool:
    """Is the device that holds this token registered for the account?"""
    table = tables.terminal
    if not token or len(token) > 200:
        return False
    found = conn.execute(
        select(table.c.terminal_id).where(
            table.c.token_hash == _digest(token),
            table.c.account_id == account_id,
            table.c.approved_at.is_not(None),
            table.c.revoked_at.is_(None),
        )
    ).first()
    return found is not None


def list_terminals(conn: Connection, account_id: str | None = None) -> list[Terminal]:
    """Terminals of one account, or all; those that wait first, then the newest."""
    table = tables.terminal
    statement = select(table, tables.account.c.name).outerjoin(tables.account)
    if account_id is not None:
        statement = statement.where(table.c.account_id == account_id)
    found = [_terminal(row) for row in conn.execute(statement.order_by(table.c.asked_at.desc()))]
    order = {"asked": 0, "registered": 1, "revoked": 2}
    return sorted(found, key=lambda one: order[one.state])


def _row(conn: Connection, terminal_id: str) -> Row[tuple[object, ...]]:
    table = tables.terminal
    row = conn.execute(
        select(table, tables.account.c.name)
        .outerjoin(tables.account)
        .where(table.c.terminal_id == terminal_id)
    ).first()
    if row is None:
        raise NotFound("There is no such terminal.")
    return row


def _terminal(row: Row[tuple[object, ...]]) -> Terminal:
    return Terminal(
        row.terminal_id,
        row.name or "",
        row.label,
        moment(row.asked_at),
        moment(row.approved_at) if row.approved_at else None,
        row.approved_by or "",
        moment(row.revoked_at) if row.revoked_at else None,
    )


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()
