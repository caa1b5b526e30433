"""Bodies that may append statements of their own: a hospital's node, a district, a warehouse. Each has one token."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from typing import Any

from lianfang.foundation.canonical import plain
from lianfang.foundation.errors import BadInput, Conflict, NotFound, NotSignedIn
from lianfang.services.gate import record, require
from lianfang.services.installation import Installation, Who

_AUTHORITY = re.compile(r"[a-z0-9-]{1,40}\Z")
#: How long (seconds) a token that was found is believed: after it, a revoked one is refused.
BELIEVED = 1.0


def add(inst: Installation, who: Who, authority: str) -> str:
    """Let a body append; its token, which is shown this once and kept as a digest only.

    Raises:
        Refused: the role may not. BadInput: the name. Conflict: it has a token, or the name is ours.
    """
    import sqlalchemy as sa

    from lianfang.guard.ledger import tables

    require(who, "ledger.submitter")
    if not _AUTHORITY.match(authority):
        raise BadInput("A body's name has 1 to 40 small letters, digits and hyphens.")
    if authority == inst.settings.authority_id:
        raise Conflict("That is our own name.")
    token = secrets.token_urlsafe(32)
    table = tables.submitter
    with inst.store.begin() as connection:
        if connection.execute(sa.select(table).where(table.c.authority == authority)).first():
            raise Conflict("This body has a token.", hint="Remove it first.")
        row = {"authority": authority, "token": _digest(token), "added_at": plain(inst.now())}
        connection.execute(sa.insert(table).values(**row))
        _log_change(inst, connection, who, "submitter_added", authority)
    return token


def remove(inst: Installation, who: Who, authority: str) -> None:
    """Take a body's token away; what it appended stays. NotFound when it has none."""
    import sqlalchemy as sa

    from lianfang.guard.ledger import tables

    require(who, "ledger.submitter")
    table = tables.submitter
    with inst.store.begin() as connection:
        if connection.execute(sa.delete(table).where(table.c.authority == authority)).rowcount != 1:
            raise NotFound("There is no such body.")
        _log_change(inst, connection, who, "submitter_removed", authority)


def listing(inst: Installation, who: Who) -> list[dict[str, Any]]:
    """Who may append, since when."""
    import sqlalchemy as sa

    from lianfang.guard.ledger import tables

    require(who, "ledger.submitter")
    table = tables.submitter
    with inst.store.read() as connection:
        rows = connection.execute(sa.select(table.c.authority, table.c.added_at).order_by(table.c.authority))
        return [{"authority": row.authority, "added_at": row.added_at} for row in rows]


class Tokens:
    """Whose token it is; what was found is believed for a second, what was not found is asked for anew."""

    def __init__(self, inst: Installation) -> None:
        self._inst = inst
        self._known: dict[str, str] = {}
        self._until = 0.0

    def believed(self, header: str) -> str:
        """The body whose ``Authorization: Bearer ...`` this is, as far as it was found within the last second."""
        digest = self._digest_of(header)
        if not digest or time.monotonic() > self._until:
            return ""
        return next((name for held, name in self._known.items() if hmac.compare_digest(held, digest)), "")

    def authority(self, header: str) -> str:
        """As :meth:`believed`, but asked of the database; NotSignedIn when it is nobody's."""
        digest = self._digest_of(header)
        if digest:
            self._known, self._until = self._read(), time.monotonic() + BELIEVED
            if found := self.believed(header):
                return found
        raise NotSignedIn(
            "Statements are taken with a body's own token.", hint="Send it as: Authorization: Bearer TOKEN"
        )

    @staticmethod
    def _digest_of(header: str) -> str:
        kind, _, token = header.partition(" ")
        return _digest(token) if kind.lower() == "bearer" and 20 <= len(token) <= 100 else ""

    def _read(self) -> dict[str, str]:
        import sqlalchemy as sa

        from lianfang.guard.ledger import tables

        with self._inst.store.read() as connection:
            rows = connection.execute(sa.select(tables.submitter.c.token, tables.submitter.c.authority))
            return {str(token): str(authority) for token, authority in rows}


def _log_change(inst: Installation, connection: Any, who: Who, what: str, authority: str) -> None:
    payload = {"authority": authority}
    record(inst, connection, what, who=who, purpose="maintenance", ref=authority, payload=payload)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
