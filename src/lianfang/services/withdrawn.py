"""Rights that were taken back, in a list beside the keys: a restore of an older state does not bring them back.

``vault/keys/withdrawn.txt`` only grows. Its lines hold ids and moments, no names: a role taken (``r:ROLE``), an
account disabled or enabled (``d:``, ``a:ACCOUNT@MOMENT``), a passkey removed (``p:PASSKEY``), one-time passwords or
all factors taken away (``t:``, ``f:ACCOUNT@MOMENT``), a terminal revoked (``m:TERMINAL``). A line is on disk before
its act is committed: a crash in between withdraws too much at a restore, never too little.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

from lianfang.services.installation import Installation

if TYPE_CHECKING:
    from sqlalchemy import Connection

WITHDRAWN = "vault/keys/withdrawn.txt"
LINE = re.compile(r"^[rdaptfm]:[0-9A-Za-z@:.+_-]{1,80}\Z")
Kind = Literal["r", "d", "a", "p", "t", "f", "m"]
_MOST = 1 << 30


def note(inst: Installation, kind: Kind, of: str, *, dated: bool = False) -> None:
    """Add a line; ``dated``: with the present moment, as the same id may be given the right anew."""
    from lianfang.foundation.canonical import plain
    from lianfang.guard import files

    line = f"{kind}:{of}@{plain(inst.now())}" if dated else f"{kind}:{of}"
    files.append(inst.home / WITHDRAWN, f"{line}\n".encode())


def apply(inst: Installation, connection: Connection) -> int:
    """Withdraw in a restored state what the list says, and every recovery code; how many rights went.

    Which of the recovery codes were used since is known to nobody, so none counts: their owners make new ones.
    """
    import sqlalchemy as sa

    from lianfang.foundation.canonical import plain
    from lianfang.guard.accounts import tables

    gone = connection.execute(sa.delete(tables.recovery)).rowcount
    now = plain(inst.now())
    last: dict[str, tuple[str, str]] = {}
    for kind, of, at in _entries(inst):
        if kind == "r":
            role = tables.role
            which = sa.and_(role.c.role_id == of, role.c.revoked_at.is_(None))
            gone += connection.execute(
                sa.update(role).where(which).values(revoked_at=now, revoked_by="restore")
            ).rowcount
        elif kind == "m":
            terminal = tables.terminal
            which = sa.and_(terminal.c.terminal_id == of, terminal.c.revoked_at.is_(None))
            gone += connection.execute(
                sa.update(terminal).where(which).values(revoked_at=now, revoked_by="restore")
            ).rowcount
        elif kind == "p":
            gone += connection.execute(
                sa.delete(tables.passkey).where(tables.passkey.c.passkey_id == of)
            ).rowcount
        elif kind in ("t", "f"):
            for table in (tables.totp, tables.passkey) if kind == "f" else (tables.totp,):
                older = sa.and_(table.c.account_id == of, table.c.made_at <= at)
                gone += connection.execute(sa.delete(table).where(older)).rowcount
        else:
            last[of] = max(last.get(of, ("", "")), (at, kind))
    for account_id, (at, kind) in last.items():
        if (
            kind == "d"
        ):  # an account that was enabled since stays as the backup has it: an administrator decides
            account = tables.account
            which = sa.and_(account.c.account_id == account_id, account.c.disabled_at.is_(None))
            gone += connection.execute(sa.update(account).where(which).values(disabled_at=at)).rowcount
    return gone


def _entries(inst: Installation) -> list[tuple[str, str, str]]:
    """Kind, id and moment of each line."""
    from lianfang.guard import files

    path = inst.home / WITHDRAWN
    lines = files.read(path, limit=_MOST).decode("ascii", "replace").split() if path.exists() else []
    found = []
    for line in lines:
        of, _, at = line[2:].partition("@")
        found.append((line[0], of, at))
    return found
