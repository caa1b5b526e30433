"""What stands in ``keyring.json``: its form, the earlier form and how it becomes the present one, an event's entry."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from lianfang.foundation.errors import Fault, LianfangError
from lianfang.guard.vault.crypto import NONCE, Cipher, derive
from lianfang.guard.vault.roots import RootKey

FORMAT = "lianfang-keyring/2"
#: The form before roots could stand elsewhere: the root in the file, and entries sealed by it directly.
EARLIER = "lianfang-keyring/1"


@dataclass(frozen=True)
class EventKeys:
    """One event's keys. ``token`` never changes while the event lives.

    ``wraps`` are the versions that rotate. ``past`` are versions that this process has seen and that were retired
    since: a reader whose snapshot is older than the retirement still finds rows under them.
    """

    event_id: str
    key_id: str
    active: int
    token: bytes = field(repr=False)
    wraps: dict[int, bytes] = field(repr=False)
    past: dict[int, bytes] = field(repr=False, default_factory=dict)


def encode(document: Mapping[str, Any]) -> bytes:
    """The file's text."""
    return (json.dumps(document, indent=1, sort_keys=True) + "\n").encode()


def decode(raw: bytes) -> dict[str, Any]:
    """The document in the file, in either form.

    Raises:
        ValueError: it is damaged or of another form.
    """
    document = json.loads(raw)
    if not isinstance(document, dict) or not isinstance(document.get("events"), dict):
        raise ValueError
    if not isinstance(document.get("authority"), str):
        raise ValueError
    if document.get("format") == EARLIER:
        if len(base64.b64decode(str(document.get("root")), validate=True)) != 32:
            raise ValueError
    elif (
        document.get("format") != FORMAT
        or not isinstance(document.get("root"), dict)
        or not all(isinstance(document.get(name), str) for name in ("key", "house"))
    ):
        raise ValueError
    return document


def root_place(authority: str) -> bytes:
    """Where the keyring's own key belongs."""
    return f"keyring\x00{authority}".encode()


def new_document(
    authority: str, root: RootKey, house: bytes, events: Mapping[str, EventKeys], suite: int
) -> dict[str, Any]:
    """A keyring under this root with a fresh key of its own: all that is in it is sealed anew."""
    own = os.urandom(32)
    cipher = Cipher(own, suite)
    return {
        "format": FORMAT,
        "authority": authority,
        "root": root.note(),
        "key": _text(root.wrap(own, root_place(authority))),
        "house": _text(cipher.seal(os.urandom(NONCE), house, b"house")),
        "events": {name: close_entry(cipher, keys) for name, keys in events.items()},
    }


def close_entry(cipher: Cipher, keys: EventKeys) -> dict[str, Any]:
    """An event's entry, which opens under its own id, key id and version only."""
    secret = json.dumps(
        {"token": keys.token.hex(), "wraps": {str(v): k.hex() for v, k in keys.wraps.items()}}
    ).encode()
    sealed = cipher.seal(os.urandom(NONCE), secret, _place(keys.event_id, keys.key_id, keys.active))
    return {"key_id": keys.key_id, "active": keys.active, "sealed": _text(sealed)}


def open_entry(cipher: Cipher, event_id: str, entry: Mapping[str, Any]) -> EventKeys:
    """The keys in an event's entry."""
    try:
        key_id, active = str(entry["key_id"]), int(entry["active"])
        secret = cipher.unseal(raw(entry["sealed"]), _place(event_id, key_id, active))
        return _event_keys(event_id, key_id, active, secret)
    except (LianfangError, ValueError, KeyError, TypeError):
        raise _closed(event_id) from None


def open_house(cipher: Cipher, document: Mapping[str, Any]) -> bytes:
    """The key for the house's own secrets."""
    try:
        return cipher.unseal(raw(document["house"]), b"house")
    except (LianfangError, ValueError):
        raise Fault(
            "The house's own key in the keyring does not open.",
            hint="The file was changed, or its root is another one. Restore it from the key backup.",
            code="keyring_damaged",
        ) from None


def raw(text: str) -> bytes:
    """The bytes of a text in the keyring; ValueError where it is none."""
    return base64.b64decode(text, validate=True)


def earlier_secrets(document: Mapping[str, Any]) -> tuple[bytes, bytes, dict[str, EventKeys]]:
    """The root, the house's key and the events of a keyring in the earlier form."""
    authority, root = str(document["authority"]), raw(document["root"])
    cipher = AESGCM(derive(root, "root", authority))
    events = {}
    for event_id, entry in document["events"].items():
        try:
            key_id, active, sealed = str(entry["key_id"]), int(entry["active"]), raw(entry["sealed"])
            secret = cipher.decrypt(sealed[:NONCE], sealed[NONCE:], _place(event_id, key_id, active))
            events[event_id] = _event_keys(event_id, key_id, active, secret)
        except (InvalidTag, ValueError, KeyError, TypeError):
            raise _closed(event_id) from None
    return root, derive(root, "own", authority), events


def _place(event_id: str, key_id: str, active: int) -> bytes:
    return f"event\x00{event_id}\x00{key_id}\x00{active}".encode()


def _event_keys(event_id: str, key_id: str, active: int, secret: bytes) -> EventKeys:
    said = json.loads(secret)
    wraps = {int(version): bytes.fromhex(key) for version, key in said["wraps"].items()}
    return EventKeys(event_id, key_id, active, bytes.fromhex(said["token"]), wraps)


def _text(sealed: bytes) -> str:
    return base64.b64encode(sealed).decode()


def _closed(event_id: str) -> Fault:
    return Fault(
        f"The keys of event {event_id} in the keyring do not open.",
        hint="The file was changed, or its root is another one. Restore it from the key backup.",
        code="keyring_damaged",
    )
