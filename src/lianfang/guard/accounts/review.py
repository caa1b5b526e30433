"""What an inspection asks of the accounts: who has which rights, since when unused, known by how many factors."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, func, select

from lianfang.foundation.canonical import moment
from lianfang.guard.accounts import tables
from lianfang.guard.accounts.people import SHARED_NAMES


@dataclass(frozen=True)
class Right:
    """A role as it was given; ``taken`` says whether it was taken back before its end."""

    role: str
    area: str
    start: datetime
    end: datetime
    taken: bool


@dataclass(frozen=True)
class Seen:
    """One account. ``second``: a second factor is enrolled; None where the house has no tables of factors.

    ``shared``: the name is one that several people would share; ``last``: when a session was last used.
    """

    name: str
    disabled: bool
    shared: bool
    second: bool | None
    last: datetime | None
    rights: tuple[Right, ...]


def review(conn: Connection) -> list[Seen]:
    """Every account by name, with each right that was ever given to it."""
    people = conn.execute(select(tables.account).order_by(tables.account.c.name)).all()
    used = tables.session
    last = dict(
        conn.execute(select(used.c.account_id, func.max(used.c.seen_at)).group_by(used.c.account_id)).all()
    )
    rights: dict[str, list[Right]] = {}
    for row in conn.execute(select(tables.role).order_by(tables.role.c.role, tables.role.c.not_after)):
        given = Right(
            row.role, row.area, moment(row.not_before), moment(row.not_after), row.revoked_at is not None
        )
        rights.setdefault(row.account_id, []).append(given)
    enrolled = _enrolled(conn)
    return [
        Seen(
            name=row.name,
            disabled=row.disabled_at is not None,
            shared=row.name in SHARED_NAMES or row.name.rstrip("0123456789._-") in SHARED_NAMES,
            second=None if enrolled is None else row.account_id in enrolled,
            last=moment(last[row.account_id]) if row.account_id in last else None,
            rights=tuple(rights.get(row.account_id, ())),
        )
        for row in people
    ]


def _enrolled(conn: Connection) -> set[str] | None:
    """Ids of the accounts with a confirmed code generator or a passkey; None: no table tells it."""
    totp: Table | None = tables.metadata.tables.get("account_totp")
    passkey: Table | None = tables.metadata.tables.get("account_passkey")
    if totp is None and passkey is None:
        return None
    found: set[Any] = set()
    if totp is not None:
        found |= set(
            conn.execute(select(totp.c.account_id).where(totp.c.confirmed_at.is_not(None))).scalars()
        )
    if passkey is not None:
        found |= set(conn.execute(select(passkey.c.account_id)).scalars())
    return found
