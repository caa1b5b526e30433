"""Counting failed tries: by the account that was tried and by the address that tried, in a window of time."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, insert, select

from lianfang.foundation.canonical import plain
from lianfang.guard.accounts import tables


@dataclass(frozen=True)
class Limits:
    """Times and counts; the defaults hold unless an installation sets stricter ones."""

    idle: timedelta = timedelta(minutes=30)
    absolute: timedelta = timedelta(hours=12)
    link: timedelta = timedelta(minutes=15)
    window: timedelta = timedelta(minutes=15)
    per_account: int = 5
    per_address: int = 30


DEFAULT = Limits()


def whos(kind: str, name: str, address: str) -> list[str]:
    """Under whom a try is counted: ``kind`` (account, second) with a digest of the name, and the address."""
    digest = hashlib.sha256(name.encode(errors="replace")).hexdigest()[:32]
    return [f"{kind}:{digest}", f"address:{printable(address)[:60]}"]


def printable(text: str) -> str:
    """What a device or a proxy says of itself, without what would break a line or steer a terminal."""
    return "".join(c for c in text if c.isprintable())


def too_many(conn: Connection, who: list[str], now: datetime, limits: Limits) -> bool:
    """Has one of them failed as often as it may within the window? Tries older than a day are forgotten."""
    table = tables.attempt
    conn.execute(delete(table).where(table.c.at <= plain(now - timedelta(days=1))))
    since = plain(now - limits.window)
    for one in who:
        most = limits.per_address if one.startswith("address:") else limits.per_account
        tried = conn.execute(
            select(func.count()).select_from(table).where(table.c.who == one, table.c.at > since)
        ).scalar_one()
        if tried >= most:
            return True
    return False


def failed(conn: Connection, who: list[str], now: datetime) -> None:
    """Count one failed try."""
    conn.execute(insert(tables.attempt), [{"who": one, "at": plain(now)} for one in who])


def forget(conn: Connection, one: str) -> None:
    """After success the account's count begins anew; the address keeps its own."""
    conn.execute(delete(tables.attempt).where(tables.attempt.c.who == one))
