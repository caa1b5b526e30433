"""Commitments: what an entry says of its payload without showing it. Needs no database."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

from lianfang.foundation.errors import BadInput, Refused
from lianfang.guard.signing import canonical

SALT = 32
#: Stands in an entry in place of the object's name, which is committed to in ``by``.
HIDDEN = "-"


def verify_opening(entry: bytes, given: Mapping[str, Any]) -> dict[str, Any]:
    """The payload, if it is what the entry commits to; Refused otherwise. Needs no database."""
    try:
        commit = bytes.fromhex(json.loads(entry)["commit"])
        salt, payload = bytes.fromhex(given["salt"]), given["payload"]
        if len(salt) != SALT or given["salt"] != salt.hex() or not isinstance(payload, dict):
            raise ValueError
    except (ValueError, KeyError, TypeError, RecursionError):
        raise BadInput(
            "An opening has a salt of 64 small hexadecimal digits and a payload, an entry a commit."
        ) from None
    if not hmac.compare_digest(commit, commitment(salt, payload)):
        raise Refused("The payload is not what the entry commits to.", code="bad_opening")
    return dict(payload)


def commitment(salt: bytes, payload: Any) -> bytes:
    """SHA-256(0x02 || salt || canonical JSON)."""
    return hashlib.sha256(b"\x02" + salt + canonical(payload)).digest()


def by_payload(
    actor: str, event: str | None, subject: str | None, ref: str | None = None
) -> dict[str, str | None]:
    """What ``by`` commits to: who acted, in which event, on whom and, where the entry hides it, on which object."""
    named = {"actor": actor, "event": event, "subject": subject}
    return named if ref is None else {**named, "ref": ref}
