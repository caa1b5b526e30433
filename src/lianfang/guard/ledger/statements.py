"""Statements that other bodies append to our log: the same canonical JSON as our own entries, and nothing else.

What is committed to stays with whoever made it; the log is given the commitment alone. A statement is one line::

    {"authority":"hospital-1","by":"<64 hex>","commit":"<64 hex>","purpose":"case_report","ref":"r-7",
     "time":"2026-01-29T08:00:00.000000Z","type":"report.sent"}
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from lianfang.foundation.canonical import plain
from lianfang.foundation.errors import BadInput, Refused
from lianfang.guard.ledger.commit import SALT, by_payload, commitment
from lianfang.guard.signing import canonical

#: The one spelling of a statement (RFC 8785: sorted keys, no spaces); its values hold nothing that JSON escapes.
_STATEMENT = re.compile(
    rb'\{"authority":"([a-z0-9-]{1,40})","by":"[0-9a-f]{64}","commit":"[0-9a-f]{64}",'
    rb'"purpose":"[a-z][a-z0-9_]{0,63}","ref":"([A-Za-z0-9._:/-]{1,64})",'
    rb'"time":"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z)",'
    rb'"type":"[a-z][a-z0-9_.-]{0,63}"\}\Z'
)
#: A telephone or ID number standing by itself, which may not become the name of an object.
_NUMBER = re.compile(rb"(?<![0-9A-Za-z])(?:1[0-9]{10}|[0-9]{15}|[0-9]{17}[0-9Xx])(?![0-9A-Za-z])")
MAX_STATEMENT = 600
MOST = 1_000


def make(
    *,
    authority: str,
    type: str,
    time: datetime,
    actor: str,
    purpose: str,
    ref: str,
    payload: Mapping[str, Any],
) -> tuple[bytes, dict[str, Any]]:
    """A statement to send, and the opening to keep: ``{"salt", "payload"}`` shows later what was committed to.

    ``ref`` becomes public and may not point to a person: a random id. BadInput when a value has another form.
    """
    noise = os.urandom(2 * SALT)
    salt, by_salt = noise[:SALT], noise[SALT:]
    line = canonical(
        {
            "authority": authority,
            "by": commitment(by_salt, by_payload(actor, None, None)).hex(),
            "commit": commitment(salt, dict(payload)).hex(),
            "purpose": purpose,
            "ref": ref,
            "time": plain(time),
            "type": type,
        }
    )
    check([line], authority)
    return line, {"salt": salt.hex(), "payload": dict(payload), "by_salt": by_salt.hex(), "actor": actor}


def check(lines: Sequence[bytes], authority: str) -> None:
    """Refuse lines that are no statements of this authority.

    Raises:
        BadInput: none, too many, or a line in another form. Refused: a statement in another's name.
    """
    if not 0 < len(lines) <= MOST:
        raise BadInput(f"Send 1 to {MOST} statements at a time, each on its own line.", code="statement")
    own = authority.encode()
    for number, line in enumerate(lines, 1):
        found = _STATEMENT.match(line)
        if not found or _NUMBER.search(found[2]) or not _moment(found[3]):
            raise BadInput(
                f"Line {number} is no statement.",
                hint="It is canonical JSON of authority, by, commit, purpose, ref, time, type; ref is a random id.",
                code="statement",
            )
        if found[1] != own:
            raise Refused(
                f"Line {number} speaks for another authority than the token.", code="other_authority"
            )


def _moment(text: bytes) -> bool:
    try:
        datetime.fromisoformat(text.decode())
    except ValueError:
        return False
    return True
