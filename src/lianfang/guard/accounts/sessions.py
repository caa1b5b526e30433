"""Signing in and staying signed in: random reference tokens, stored hashed, revocable at once."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, insert, select, update

from lianfang.foundation.canonical import moment, plain
from lianfang.foundation.errors import BadInput, Conflict, NotFound, NotSignedIn
from lianfang.guard.accounts import attempts, levels, passwords, people, rights, tables
from lianfang.guard.accounts.attempts import DEFAULT, Limits
from lianfang.guard.accounts.rights import Role

#: A session's last moment is written down at most this often: reading a page is no write.
REFRESH = timedelta(minutes=1)


@dataclass(frozen=True)
class Session:
    """Somebody signed in: the account, how it was known, and the roles held at this moment."""

    session_id: str
    account_id: str
    name: str
    display: str
    factors: tuple[str, ...]
    roles: tuple[Role, ...]
    created_at: datetime
    seen_at: datetime
    address: str = ""
    agent: str = ""
    proved_at: datetime | None = None
    acting: str = ""

    @property
    def level(self) -> int:
        """How many factors of different kinds were shown: 0, 1 or 2."""
        return levels.level(self.factors)

    def fresh(self, now: datetime) -> bool:
        """Was a factor shown within the last ten minutes?"""
        return now - (self.proved_at or self.created_at) < levels.FRESH

    def has(self, role: str, area: str = "") -> bool:
        """Does the person hold ``role`` for ``area`` now?"""
        return any(held.role == role and (not area or held.covers(area)) for held in self.roles)


@dataclass(frozen=True)
class SignIn:
    """What came of it: ``token`` for the cookie, or None and why: ``wrong`` or ``slow_down``.

    It is a value and not an error, so that the caller commits the counted attempt.
    """

    token: str | None = field(repr=False)
    session_id: str | None = None
    reason: str = ""


def sign_in(
    conn: Connection,
    name: str,
    password: str,
    *,
    now: datetime,
    address: str = "",
    agent: str = "",
    limits: Limits = DEFAULT,
) -> SignIn:
    """Sign in by password. The answer and the time are alike for a wrong password and an unknown name."""
    who = attempts.whos("account", name, address)
    if attempts.too_many(conn, who, now, limits):
        return SignIn(None, reason="slow_down")
    row = conn.execute(select(tables.account).where(tables.account.c.name == name)).first()
    stored = row.password_hash if row is not None and row.disabled_at is None else None
    if not passwords.matches(stored, password) or row is None:
        attempts.failed(conn, who, now)
        return SignIn(None, reason="wrong")
    if passwords.hasher().check_needs_rehash(row.password_hash):
        conn.execute(
            update(tables.account)
            .where(tables.account.c.account_id == row.account_id)
            .values(password_hash=passwords.hash_password(password))
        )
    attempts.forget(conn, who[0])
    return _begin(conn, row.account_id, "password", now, address, agent)


def check_own_password(
    conn: Connection,
    account_id: str,
    password: str,
    *,
    now: datetime,
    address: str = "",
    limits: Limits = DEFAULT,
) -> str:
    """Is it the password of the one who is signed in? "" when it is, else why not: ``wrong``, ``slow_down``."""
    row = conn.execute(select(tables.account).where(tables.account.c.account_id == account_id)).one()
    who = attempts.whos("account", row.name, address)
    if attempts.too_many(conn, who, now, limits):
        return "slow_down"
    if not passwords.matches(row.password_hash, password):
        attempts.failed(conn, who, now)
        return "wrong"
    attempts.forget(conn, who[0])
    return ""


def make_link(conn: Connection, account_id: str, *, now: datetime, limits: Limits = DEFAULT) -> str:
    """A one-time token that signs this account in, good for 15 minutes."""
    people.account(conn, account_id)
    return _link(conn, "sign_in", account_id, now, limits)


def sign_in_by_link(
    conn: Connection,
    token: str,
    *,
    now: datetime,
    address: str = "",
    agent: str = "",
    demonstration: bool = False,
) -> SignIn:
    """Sign in by a one-time link; the second use, a late one and an unknown token are all ``wrong``.

    ``demonstration``: the people are invented and have no factors; the link counts as both.
    """
    who = attempts.whos("", "", address)[1:]
    if attempts.too_many(conn, who, now, DEFAULT):
        return SignIn(None, reason="slow_down")
    account_id = _use(conn, "sign_in", token, now)
    if account_id is not None and not people.account(conn, account_id).disabled:
        factor = levels.DEMONSTRATION if demonstration else "link"
        return _begin(conn, account_id, factor, now, address, agent)
    attempts.failed(conn, who, now)
    return SignIn(None, reason="wrong")


def bootstrap_link(conn: Connection, *, now: datetime, limits: Limits = DEFAULT) -> str:
    """A one-time token with which the first administrator's account is made. None is made by default.

    Conflict once there is an account; an older bootstrap token stops working.
    """
    if conn.execute(select(func.count()).select_from(tables.account)).scalar_one():
        raise Conflict("The installation has accounts already.", hint="An administrator gives new ones.")
    conn.execute(delete(tables.link).where(tables.link.c.use == "bootstrap"))
    return _link(conn, "bootstrap", None, now, limits)


def use_bootstrap(
    conn: Connection, token: str, *, name: str, password: str, display: str = "", now: datetime
) -> str:
    """Make the first administrator with the bootstrap token; gives the account's id."""
    passwords.check_password(password, name=name)
    if _use(conn, "bootstrap", token, now) is None or people.list_accounts(conn):
        raise NotSignedIn("This link was used, is too old, or never was one.", hint="Make a new one.")
    account_id = people.create(conn, name=name, display=display, now=now)
    passwords.set_password(conn, account_id, password, now=now)
    rights.give_role(
        conn, account_id, "administrator", now=now, not_after=now + rights.LONGEST, given_by=None
    )
    return account_id


def look(conn: Connection, token: str, *, now: datetime, limits: Limits = DEFAULT) -> Session:
    """As :func:`session` and writes nothing, so a reading connection will do.

    Whoever looks calls :func:`session` in a transaction once :data:`REFRESH` has gone by since ``seen_at``.
    """
    return _look(conn, token, now, limits)[0]


def session(conn: Connection, token: str, *, now: datetime, limits: Limits = DEFAULT) -> Session:
    """Who sends this token. NotSignedIn when it is unknown, ended, idle for too long or too old.

    Roles are read anew on every call: a right taken away is gone with the next request.
    """
    table = tables.session
    try:
        found, stale = _look(conn, token, now, limits)
    except _TimedOut as error:
        _end(conn, table.c.session_id == error.session_id, now)
        raise
    if stale:
        conn.execute(update(table).where(table.c.session_id == found.session_id).values(seen_at=plain(now)))
    return found


class _TimedOut(NotSignedIn):
    """Idle for too long or too old: the session is still to be ended."""

    def __init__(self, session_id: str) -> None:
        known = _signed_out()
        super().__init__(known.message, hint=known.hint)
        self.session_id = session_id


def _look(conn: Connection, token: str, now: datetime, limits: Limits) -> tuple[Session, bool]:
    """The session, and whether its last moment is to be written."""
    table = tables.session
    row = conn.execute(
        select(table, tables.account.c.name, tables.account.c.display, tables.account.c.disabled_at)
        .join(tables.account)
        .where(table.c.token_hash == _digest(token))
    ).first()
    if row is None or row.ended_at is not None or row.disabled_at is not None:
        raise _signed_out()
    created, seen = moment(row.created_at), moment(row.seen_at)
    if now - created >= limits.absolute or now - seen >= limits.idle or now < created - timedelta(minutes=5):
        raise _TimedOut(row.session_id)
    found = Session(
        row.session_id,
        row.account_id,
        row.name,
        row.display,
        tuple(row.factors.split()),
        rights.roles_of(conn, row.account_id, now),
        created,
        seen,
        row.address,
        row.agent,
        moment(row.proved_at) if row.proved_at else None,
        row.acting or "",
    )
    return found, now - seen >= REFRESH


def count_sessions(
    conn: Connection, account_ids: Collection[str], *, now: datetime, limits: Limits = DEFAULT
) -> dict[str, int]:
    """How many sessions of each of the accounts still run; without those that have none."""
    table = tables.session
    rows = conn.execute(
        select(table.c.account_id, func.count().label("n"))
        .where(
            table.c.ended_at.is_(None),
            table.c.created_at > plain(now - limits.absolute),
            table.c.seen_at > plain(now - limits.idle),
        )
        .group_by(table.c.account_id)
    )
    wanted = set(account_ids)
    return {str(row.account_id): int(row.n) for row in rows if row.account_id in wanted}


def list_sessions(
    conn: Connection, account_id: str, *, now: datetime, limits: Limits = DEFAULT
) -> list[Session]:
    """The account's own sessions that still run, newest first."""
    table = tables.session
    who = people.account(conn, account_id)
    rows = conn.execute(
        select(table)
        .where(
            table.c.account_id == account_id,
            table.c.ended_at.is_(None),
            table.c.created_at > plain(now - limits.absolute),
            table.c.seen_at > plain(now - limits.idle),
        )
        .order_by(table.c.created_at.desc(), table.c.session_id)
    )
    return [
        Session(
            row.session_id,
            account_id,
            who.name,
            who.display,
            tuple(row.factors.split()),
            (),
            moment(row.created_at),
            moment(row.seen_at),
            row.address,
            row.agent,
        )
        for row in rows
    ]


def step_up(conn: Connection, token: str, factor: str, *, now: datetime) -> SignIn:
    """Another factor was shown: a new token takes the place of the old one, which ends (no fixation).

    The time since the first sign-in goes on counting.
    """
    table = tables.session
    row = conn.execute(
        select(table).where(table.c.token_hash == _digest(token), table.c.ended_at.is_(None))
    ).first()
    if row is None:
        raise _signed_out()
    _end(conn, table.c.session_id == row.session_id, now)
    held = list(dict.fromkeys([*row.factors.split(), factor]))
    made = _begin(conn, row.account_id, " ".join(held), now, row.address, row.agent)
    conn.execute(
        update(table)
        .where(table.c.session_id == made.session_id)
        .values(created_at=row.created_at, proved_at=plain(now), acting=row.acting)
    )
    return made


def prove_again(conn: Connection, session_id: str, *, now: datetime) -> None:
    """A factor of the session was shown once more: it is recent again."""
    table = tables.session
    conn.execute(update(table).where(table.c.session_id == session_id).values(proved_at=plain(now)))


def act_as(conn: Connection, session_id: str, role: str) -> None:
    """Which of the own roles the session acts in from now on."""
    table = tables.session
    conn.execute(update(table).where(table.c.session_id == session_id).values(acting=role))


def sign_out(conn: Connection, token: str, *, now: datetime) -> None:
    """End the session of this token; one that is not known changes nothing."""
    _end(conn, tables.session.c.token_hash == _digest(token), now)


def end_session(conn: Connection, account_id: str, session_id: str, *, now: datetime) -> None:
    """End one of the account's own sessions."""
    table = tables.session
    if not _end(conn, (table.c.session_id == session_id) & (table.c.account_id == account_id), now):
        raise NotFound("There is no such session of this account.")


def end_sessions(conn: Connection, account_id: str, *, now: datetime, but: str = "") -> int:
    """End all sessions of an account (``but`` the one of this id); gives how many ran."""
    table = tables.session
    return _end(conn, (table.c.account_id == account_id) & (table.c.session_id != but), now)


def _begin(
    conn: Connection, account_id: str, factors: str, now: datetime, address: str, agent: str
) -> SignIn:
    token, session_id = secrets.token_urlsafe(32), secrets.token_hex(16)
    conn.execute(
        insert(tables.session).values(
            token_hash=_digest(token),
            session_id=session_id,
            account_id=account_id,
            factors=factors,
            address=attempts.printable(address)[:64],
            agent=attempts.printable(agent)[:120],
            created_at=plain(now),
            seen_at=plain(now),
        )
    )
    return SignIn(token, session_id)


def _end(conn: Connection, which: object, now: datetime) -> int:
    table = tables.session
    done = conn.execute(
        update(table).where(which, table.c.ended_at.is_(None)).values(ended_at=plain(now))  # type: ignore[arg-type]
    )
    return int(done.rowcount)


def _link(conn: Connection, use: str, account_id: str | None, now: datetime, limits: Limits) -> str:
    token = secrets.token_urlsafe(32)
    conn.execute(
        insert(tables.link).values(
            token_hash=_digest(token), use=use, account_id=account_id, not_after=plain(now + limits.link)
        )
    )
    return token


def _use(conn: Connection, use: str, token: str, now: datetime) -> str | None:
    """Mark the link used; its account ("" for none), or None when it is not good any more."""
    table, at = tables.link, plain(now)
    good = (table.c.token_hash == _digest(token), table.c.use == use)
    done = conn.execute(
        update(table).where(*good, table.c.used_at.is_(None), table.c.not_after > at).values(used_at=at)
    )
    if done.rowcount != 1:
        return None
    return conn.execute(select(table.c.account_id).where(*good)).scalar() or ""


def _digest(token: str) -> str:
    if not isinstance(token, str) or len(token) > 200:
        raise BadInput("That is no session token.")
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()


def _signed_out() -> NotSignedIn:
    return NotSignedIn("You are not signed in, or the session has ended.", hint="Sign in again.")
