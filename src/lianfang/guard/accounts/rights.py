"""Roles given to accounts: for an area, for a time, taken back with effect on the next request."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, insert, select, update

from lianfang.foundation.canonical import moment, plain
from lianfang.foundation.errors import BadInput, NotFound, Refused
from lianfang.guard.accounts import tables

#: Role -> its name in Chinese.
ROLES = {
    "epidemiologist": "流行病学调查员",
    "manager": "疫情管理人员",
    "community_worker": "基层工作人员",
    "clinician": "临床医生",
    "laboratory": "检验人员",
    "supply_officer": "物资管理员",
    "data_protection_officer": "个人信息保护负责人",
    "security_officer": "安全管理员",
    "auditor": "审计员",
    "administrator": "系统管理员",
    "holder": "数据持有单位",
}
#: Roles that one person may not hold together: who runs the system, who guards it and who checks it
#: (GB/T 22239 level 3), and who runs it reads no personal data.
_ALONE = {
    "administrator": frozenset(ROLES) - {"administrator"},
    "security_officer": frozenset({"administrator", "auditor"}),
    "auditor": frozenset(ROLES) - {"auditor"},
}
LONGEST = timedelta(days=366)
#: Roles that need no valid training (REQ-P-70): who adds the accounts reads no personal data, and a holder's
#: people are trained at the holder's.
UNTRAINED = frozenset({"administrator", "holder"})


@dataclass(frozen=True)
class Role:
    """A role held now. ``area`` is a division's code ("" is everywhere); it covers what lies within."""

    role_id: str
    role: str
    area: str
    not_after: datetime

    def covers(self, area: str) -> bool:
        """Does this role reach ``area`` (a GB/T 2260 code, 2 to 12 digits; "" is everywhere)?"""
        return area_within(area, self.area)


def area_within(inner: str, outer: str) -> bool:
    """Is division ``inner`` the division ``outer`` or a part of it? By their codes; "" is everywhere."""
    return inner.startswith(_stem(outer)) if inner else not outer


def _stem(area: str) -> str:
    """420100 covers 4201xx, 420000 covers 42xxxx; longer codes end in 000 per level."""
    if len(area) == 6:
        return area[:2] if area.endswith("0000") else area[:4] if area.endswith("00") else area
    stem = area
    while len(stem) > 6 and stem.endswith("000"):
        stem = stem[:-3]
    return stem


def training_counts(until: date | None, roles: Iterable[str], now: datetime) -> bool:
    """Is nothing blocked: the training counts on this day (UTC), or none of the roles needs one?"""
    return all(role in UNTRAINED for role in roles) or (until is not None and until >= now.date())


def give_role(
    conn: Connection,
    account_id: str,
    role: str,
    *,
    area: str = "",
    now: datetime,
    not_after: datetime,
    not_before: datetime | None = None,
    given_by: str | None,
) -> str:
    """Give a role until ``not_after`` (a year at most); gives its id.

    Refused: a role beside one that the same person may not hold with it, and a role given to oneself.
    """
    table = tables.role
    if role not in ROLES:
        raise BadInput(f"There is no role {role!r}.", hint=f"One of: {', '.join(ROLES)}.")
    if area and not (area.isascii() and area.isdigit() and len(area) in (6, 9, 12)):
        raise BadInput("An area is a division's code of 6, 9 or 12 digits, or nothing.")
    start = not_before or now
    if not start < not_after <= start + LONGEST:
        raise BadInput("A role ends after it begins, and within a year.", hint="It can be given again.")
    name = conn.execute(
        select(tables.account.c.name).where(tables.account.c.account_id == account_id)
    ).scalar()
    if name is None:
        raise NotFound("There is no such account.")
    if given_by in (account_id, name):
        raise Refused("Nobody gives a role to himself.", reasons=("separation of duties",))
    held = conn.execute(
        select(table.c.role).where(
            table.c.account_id == account_id,
            table.c.revoked_at.is_(None),
            table.c.not_after > plain(now),
        )
    ).scalars()
    for other in held:
        if other in _ALONE.get(role, ()) or role in _ALONE.get(other, ()):
            raise Refused(
                f"One person cannot be {role} and {other}.", reasons=("separation of duties",), basis=("M.2",)
            )
    role_id = secrets.token_hex(16)
    conn.execute(
        insert(table).values(
            role_id=role_id,
            account_id=account_id,
            role=role,
            area=area,
            not_before=plain(start),
            not_after=plain(not_after),
            given_by=given_by,
        )
    )
    return role_id


def take_role(conn: Connection, role_id: str, *, now: datetime, taken_by: str) -> None:
    """Take a role back. It no longer counts from the next request on."""
    table = tables.role
    done = conn.execute(
        update(table)
        .where(table.c.role_id == role_id, table.c.revoked_at.is_(None))
        .values(revoked_at=plain(now), revoked_by=taken_by)
    )
    if not done.rowcount:
        raise NotFound("There is no such role, or it was taken back before.")


def roles_of(conn: Connection, account_id: str, now: datetime) -> tuple[Role, ...]:
    """The roles the account holds at ``now``; those that need training only while it is valid."""
    table, at = tables.role, plain(now)
    rows = conn.execute(
        select(table, tables.account.c.trained_until)
        .join(tables.account)
        .where(
            table.c.account_id == account_id,
            tables.account.c.disabled_at.is_(None),
            table.c.revoked_at.is_(None),
            table.c.not_before <= at,
            table.c.not_after > at,
        )
        .order_by(table.c.role, table.c.area)
    )
    return tuple(
        Role(row.role_id, row.role, row.area, moment(row.not_after))
        for row in rows
        if training_counts(_day(row.trained_until), [row.role], now)
    )


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def given_roles(conn: Connection, account_id: str, now: datetime) -> tuple[Role, ...]:
    """The roles given for ``now`` or later, whether or not training or the account's state lets them be used."""
    table = tables.role
    rows = conn.execute(
        select(table)
        .where(table.c.account_id == account_id, table.c.revoked_at.is_(None), table.c.not_after > plain(now))
        .order_by(table.c.role, table.c.area)
    )
    return tuple(Role(row.role_id, row.role, row.area, moment(row.not_after)) for row in rows)


def given_to(conn: Connection, account_ids: Collection[str], now: datetime) -> dict[str, list[Role]]:
    """As :func:`given_roles` for several accounts: those that have a role, each with its roles."""
    table = tables.role
    rows = conn.execute(
        select(table)
        .where(table.c.revoked_at.is_(None), table.c.not_after > plain(now))
        .order_by(table.c.role, table.c.area)
    )
    wanted, found = set(account_ids), dict[str, list[Role]]()
    for row in rows:
        if row.account_id in wanted:
            found.setdefault(row.account_id, []).append(
                Role(row.role_id, row.role, row.area, moment(row.not_after))
            )
    return found


def may(conn: Connection, account_id: str, role: str, area: str, now: datetime) -> bool:
    """Does the account hold ``role`` for ``area`` at ``now``?"""
    return any(held.role == role and held.covers(area) for held in roles_of(conn, account_id, now))
