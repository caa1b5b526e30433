"""The keyring: the root key and one entry for each event, in a folder that only its owner can enter.

``keyring.json`` holds the root and, wrapped by it, each event's keys. ``erased.txt`` lists the ids of keys
that were destroyed; it only grows, and whatever a restored backup brings back under such an id stays
unreadable. An event whose entry is gone cannot be read by anyone, from any copy of the database.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from lianfang.foundation.errors import Fault, NotFound, Refused
from lianfang.guard import files
from lianfang.guard.vault.crypto import NONCE, check_name, derive, seal, unseal

FORMAT = "lianfang-keyring/1"


def utc_text(moment: datetime) -> str:
    """UTC ISO text with microseconds and Z, the form in which every time is stored."""
    aware = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    return aware.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@dataclass(frozen=True)
class EventKeys:
    """One event's keys. ``token`` never changes while the event lives.

    ``wraps`` are the versions that rotate.
    """

    event_id: str
    key_id: str
    active: int
    token: bytes = field(repr=False)
    wraps: dict[int, bytes] = field(repr=False)


class Keyring:
    """The keyring of one authority on this machine. Changes by other processes are seen at the next use."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._path = folder / "keyring.json"
        self._erased_path = folder / "erased.txt"
        self._path_text, self._erased_text = str(self._path), str(self._erased_path)
        self._seen: tuple[int, ...] = ()
        self._erased_seen = -1
        self._erased: set[str] = set()
        self._load()

    def __repr__(self) -> str:
        return f"<Keyring of {self.authority}>"

    @classmethod
    def create(cls, folder: Path, authority: str) -> Keyring:
        """A new keyring for ``authority``; an existing one is never overwritten."""
        check_name("The authority", authority)
        document = {
            "format": FORMAT,
            "authority": authority,
            "root": base64.b64encode(os.urandom(32)).decode(),
            "events": {},
        }
        files.create(folder / "keyring.json", _encode(document))
        return cls(folder)

    @classmethod
    def open(cls, folder: Path) -> Keyring:
        """The keyring in ``folder``; refused when the folder or file is open to anyone but its owner."""
        return cls(folder)

    def events(self) -> list[str]:
        """Ids of the events whose keys exist."""
        self._refresh()
        return sorted(self._events)

    def event(self, event_id: str) -> EventKeys:
        """The keys of an open event."""
        self._refresh()
        keys = self._events.get(event_id)
        if keys is None:
            if f"e:{event_id}" in self._erased:
                raise Refused(f"The keys of event {event_id} were destroyed.", code="event_destroyed")
            raise NotFound(f"The vault has no event {event_id}.", hint="Open the event first.")
        return keys

    def is_erased(self, key_id: str) -> bool:
        """Is this key on the erasure list?"""
        self._refresh()
        return key_id in self._erased

    def erased_among(self, subject_ids: Iterable[str]) -> set[str]:
        """Which of the subjects are on the erasure list."""
        self._refresh()
        return {subject for subject in subject_ids if f"s:{subject}" in self._erased}

    def erased_subjects(self) -> list[str]:
        """Every subject on the erasure list."""
        self._refresh()
        return sorted(key[2:] for key in self._erased if key.startswith("s:"))

    def open_event(self, event_id: str) -> EventKeys:
        """Make the event's keys, or give those it has. An event once destroyed never opens again."""
        check_name("An event id", event_id)
        with self._changing() as document:
            if f"e:{event_id}" in self._erased:
                raise Refused(f"The keys of event {event_id} were destroyed.", code="event_destroyed")
            if event_id not in document["events"]:
                keys = EventKeys(event_id, os.urandom(16).hex(), 1, os.urandom(32), {1: os.urandom(32)})
                document["events"][event_id] = self._wrap(keys)
                self._write(document)
        return self.event(event_id)

    def seal(self, data: bytes, *place: str) -> bytes:
        """A secret of the house itself (a second factor's seed), under a key derived from the root.

        ``place``: table, column and row; moved anywhere else it does not open.
        """
        self._refresh()
        return seal(self._own, os.urandom(NONCE), data, "\x00".join(place).encode())

    def unseal(self, sealed: bytes, *place: str) -> bytes:
        """What :meth:`seal` sealed in this place; a Fault that says nothing about it when it does not open."""
        self._refresh()
        return unseal(self._own, sealed, "\x00".join(place).encode())

    def begin_rotation(self, event_id: str) -> EventKeys:
        """Add a new version of the event's wrapping key, unless a rotation is under way."""
        with self._changing() as document:
            keys = self.event(event_id)
            if len(keys.wraps) == 1:
                version = keys.active + 1
                wraps = {**keys.wraps, version: os.urandom(32)}
                fresh = EventKeys(event_id, keys.key_id, version, keys.token, wraps)
                document["events"][event_id] = self._wrap(fresh)
                self._write(document)
        return self.event(event_id)

    def finish_rotation(self, event_id: str) -> EventKeys:
        """Forget the older versions. Only when nothing is wrapped by them any more."""
        with self._changing() as document:
            keys = self.event(event_id)
            kept = {keys.active: keys.wraps[keys.active]}
            document["events"][event_id] = self._wrap(
                EventKeys(event_id, keys.key_id, keys.active, keys.token, kept)
            )
            self._write(document)
        return self.event(event_id)

    def erase(self, key_ids: list[str]) -> None:
        """Put key ids on the erasure list, on disk before this returns."""
        if key_ids:
            with files.locked(self.folder):
                files.append(self._erased_path, "".join(f"{k}\n" for k in key_ids).encode())
            self._refresh()

    def erase_event(self, event_id: str) -> None:
        """Destroy the event's keys. Said first on the list, so that a crash in between can only finish it."""
        self.erase([f"e:{event_id}"])
        with self._changing() as document:
            if document["events"].pop(event_id, None) is not None:
                self._write(document)

    # files ------------------------------------------------------------------------------------------------

    def _refresh(self) -> None:
        try:
            status = os.stat(self._path_text)  # noqa: PTH116  # on every use: half the time of Path.stat
            mark: tuple[int, ...] = (status.st_ino, status.st_mtime_ns, status.st_size)
            size = self._erased_size()
        except OSError:
            mark, size = (), -1
        if mark != self._seen or size != self._erased_seen:
            self._load()

    def _erased_size(self) -> int:
        try:
            return os.stat(self._erased_text).st_size  # noqa: PTH116
        except FileNotFoundError:
            return 0

    def _load(self) -> None:
        document = self._read()
        self.authority = str(document["authority"])
        root = base64.b64decode(document["root"])
        self._root = AESGCM(derive(root, "root", self.authority))
        self._own = AESGCM(derive(root, "own", self.authority))
        status = self._path.stat()
        self._seen = (status.st_ino, status.st_mtime_ns, status.st_size)
        if self._erased_path.exists():
            raw = files.read(self._erased_path, limit=1 << 30)
            self._erased = set(raw.decode().split())
            self._erased_seen = len(raw)
        else:
            self._erased, self._erased_seen = set(), 0
        self._events = {
            name: self._unwrap(name, entry)
            for name, entry in document["events"].items()
            if f"e:{name}" not in self._erased
        }

    def _read(self) -> dict[str, Any]:
        raw = files.read(self._path)
        try:
            document = json.loads(raw)
            if document["format"] != FORMAT or len(base64.b64decode(document["root"], validate=True)) != 32:
                raise ValueError
            return dict(document)
        except (ValueError, KeyError, TypeError):
            raise Fault(
                f"The keyring {self._path} is damaged or of another format.",
                hint="Restore it from the key backup.",
                code="keyring_damaged",
            ) from None

    def _write(self, document: dict[str, Any]) -> None:
        files.replace(self._path, _encode(document))

    def _changing(self) -> _Change:
        return _Change(self)

    def _wrap(self, keys: EventKeys) -> dict[str, Any]:
        secret = json.dumps(
            {"token": keys.token.hex(), "wraps": {str(v): k.hex() for v, k in keys.wraps.items()}}
        ).encode()
        nonce = os.urandom(NONCE)
        place = f"event\x00{keys.event_id}\x00{keys.key_id}\x00{keys.active}".encode()
        sealed = base64.b64encode(nonce + self._root.encrypt(nonce, secret, place)).decode()
        return {"key_id": keys.key_id, "active": keys.active, "sealed": sealed}

    def _unwrap(self, event_id: str, entry: dict[str, Any]) -> EventKeys:
        try:
            key_id, active = str(entry["key_id"]), int(entry["active"])
            sealed = base64.b64decode(entry["sealed"], validate=True)
            place = f"event\x00{event_id}\x00{key_id}\x00{active}".encode()
            secret = json.loads(self._root.decrypt(sealed[:NONCE], sealed[NONCE:], place))
            wraps = {int(v): bytes.fromhex(k) for v, k in secret["wraps"].items()}
            return EventKeys(event_id, key_id, active, bytes.fromhex(secret["token"]), wraps)
        except (InvalidTag, ValueError, KeyError, TypeError):
            raise Fault(
                f"The keys of event {event_id} in the keyring do not open.",
                hint="The file was changed, or its root is another one. Restore it from the key backup.",
                code="keyring_damaged",
            ) from None


class _Change:
    """Holds the folder's lock around read, change, write."""

    def __init__(self, ring: Keyring) -> None:
        self._ring = ring
        self._lock = files.locked(ring.folder)

    def __enter__(self) -> dict[str, Any]:
        self._lock.__enter__()
        try:
            files.sweep(self._ring._path)
            self._ring._load()
            return self._ring._read()
        except BaseException:
            self._lock.__exit__(None, None, None)
            raise

    def __exit__(self, *stop: Any) -> None:
        self._lock.__exit__(None, None, None)
        if stop[0] is None:
            self._ring._load()


def _encode(document: dict[str, Any]) -> bytes:
    return (json.dumps(document, indent=1, sort_keys=True) + "\n").encode()
