"""The keyring: one entry for each event, in a folder that only its owner can enter, under a root key.

``keyring.json`` holds the keyring's own key, wrapped by the root, and sealed by that key each event's keys and the
house's. The root is a secret in the same file, or stands elsewhere (:mod:`lianfang.guard.vault.roots`). ``erased.txt``
lists the ids of keys that were destroyed; it only grows, and whatever a restored backup brings back under such an id
stays unreadable. An event whose entry is gone cannot be read by anyone, from any copy of the database.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lianfang.foundation.errors import Fault, NotFound, Refused
from lianfang.guard import files
from lianfang.guard.vault import entries, roots
from lianfang.guard.vault.crypto import AES_256_GCM, NONCE, Cipher, check_name
from lianfang.guard.vault.entries import EventKeys

#: What of a root may be shown.
PUBLIC = ("kind", "suite", "token", "label", "library", "url", "mount", "secret_file", "ca_file")
#: Retired versions of an event's key that a running process remembers for readers of an older snapshot.
_REMEMBERED = 2


def utc_text(moment: datetime) -> str:
    """UTC ISO text with microseconds and Z, the form in which every time is stored."""
    aware = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    return aware.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Keyring:
    """The keyring of one authority on this machine. Changes by other processes are seen at the next use."""

    def __init__(self, folder: Path, access: roots.Access | None = None, *, suite: int = AES_256_GCM) -> None:
        self.folder = folder
        self._access, self._suite = access or roots.Access(), suite
        self._path = folder / "keyring.json"
        self._erased_path = folder / "erased.txt"
        self._path_text, self._erased_text = str(self._path), str(self._erased_path)
        self._seen: tuple[int, ...] = ()
        self._erased_seen = -1
        self._erased: set[str] = set()
        self._events: dict[str, EventKeys] = {}
        self._own: tuple[str, Cipher] | None = None
        self._modernise()
        self._load()

    def __repr__(self) -> str:
        return f"<Keyring of {self.authority}>"

    @classmethod
    def create(
        cls, folder: Path, authority: str, access: roots.Access | None = None, *, suite: int = AES_256_GCM
    ) -> Keyring:
        """A new keyring for ``authority`` under the wanted root; an existing one is never overwritten."""
        check_name("The authority", authority)
        root = roots.make_root(access or roots.Access(), suite)
        roots.prove(root)
        document = entries.new_document(authority, root, os.urandom(32), {}, suite)
        files.create(folder / "keyring.json", entries.encode(document))
        return cls(folder, access, suite=suite)

    @classmethod
    def open(cls, folder: Path, access: roots.Access | None = None, *, suite: int = AES_256_GCM) -> Keyring:
        """The keyring in ``folder``; refused when the folder or file is open to anyone but its owner.

        ``access``: the way to the root, where the one that the keyring notes does not lead there. ``suite``: in
        which its entries are written.
        """
        return cls(folder, access, suite=suite)

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
                document["events"][event_id] = entries.close_entry(self._cipher(document), keys)
                self._write(document)
        return self.event(event_id)

    def seal(self, data: bytes, *place: str) -> bytes:
        """A secret of the house itself (a second factor's seed), under the house's own key.

        ``place``: table, column and row; moved anywhere else it does not open.
        """
        self._refresh()
        return self._house.seal(os.urandom(NONCE), data, _own_place(place))

    def unseal(self, sealed: bytes, *place: str) -> bytes:
        """What :meth:`seal` sealed in this place; a Fault that says nothing about it when it does not open."""
        self._refresh()
        return self._house.unseal(sealed, _own_place(place))

    def begin_rotation(self, event_id: str) -> EventKeys:
        """Add a new version of the event's wrapping key, unless a rotation is under way."""
        with self._changing() as document:
            keys = self.event(event_id)
            if len(keys.wraps) == 1:
                version = keys.active + 1
                wraps = {**keys.wraps, version: os.urandom(32)}
                fresh = EventKeys(event_id, keys.key_id, version, keys.token, wraps)
                document["events"][event_id] = entries.close_entry(self._cipher(document), fresh)
                self._write(document)
        return self.event(event_id)

    def finish_rotation(self, event_id: str) -> EventKeys:
        """Forget the older versions. Only when nothing is wrapped by them any more."""
        with self._changing() as document:
            keys = self.event(event_id)
            kept = {keys.active: keys.wraps[keys.active]}
            document["events"][event_id] = entries.close_entry(
                self._cipher(document), replace(keys, wraps=kept)
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

    # the root ---------------------------------------------------------------------------------------------

    def root(self) -> roots.RootKey:
        """The root that is in use, found and let in; Fault ``root_unavailable`` when it cannot be had."""
        document = self._read()
        root = roots.open_root(document["root"], self._access)
        root.unwrap(entries.raw(document["key"]), entries.root_place(document["authority"]))
        return root

    @classmethod
    def where(cls, folder: Path) -> dict[str, str]:
        """Kind and place of the root that the keyring in ``folder`` needs, without asking for it. Nothing secret."""
        document = _document(folder / "keyring.json")
        note = {"kind": "file"} if document["format"] == entries.EARLIER else document["root"]
        return {name: str(note[name]) for name in PUBLIC if note.get(name)}

    def move_root(self, to: roots.Access, *, at: datetime) -> dict[str, Any]:
        """Put the keyring under another root, with a fresh key of its own; gives what changed.

        One step on disk: whoever is stopped before it has the old root, after it the new. Other processes see
        it at their next use and go on reading. What changed stays noted (:meth:`moved`) until it is settled.
        """
        fresh = roots.make_root(to, self._suite)
        roots.prove(fresh)
        with self._changing() as document:
            change = {
                "at": utc_text(at),
                "from": self.where(self.folder),
                "to": {name: text for name, text in fresh.describe().items() if name in PUBLIC and text},
                "events": len(self._events),
            }
            house = entries.open_house(self._cipher(document), document)
            made = entries.new_document(self.authority, fresh, house, self._events, self._suite)
            self._write({**made, "moved": change})
        return change

    def moved(self) -> dict[str, Any] | None:
        """A change of root that nobody has put on record yet."""
        found = self._read().get("moved")
        return dict(found) if isinstance(found, dict) else None

    def settle_move(self) -> None:
        """The change of root is on record."""
        with self._changing() as document:
            if document.pop("moved", None) is not None:
                self._write(document)

    # files ------------------------------------------------------------------------------------------------

    def _refresh(self) -> None:
        try:
            mark, size = self._mark(), self._erased_size()
        except OSError:
            mark, size = (), -1
        if mark != self._seen or size != self._erased_seen:
            self._load()

    def _mark(self) -> tuple[int, ...]:
        status = os.stat(self._path_text)  # noqa: PTH116  # on every use: half the time of Path.stat
        return status.st_ino, status.st_mtime_ns, status.st_size

    def _erased_size(self) -> int:
        try:
            return os.stat(self._erased_text).st_size  # noqa: PTH116
        except FileNotFoundError:
            return 0

    def _modernise(self) -> None:
        """Bring a keyring of the earlier form to the present one, under the same root."""
        if self._read()["format"] == entries.FORMAT:
            return
        with files.locked(self.folder):
            document = self._read()
            if document["format"] == entries.EARLIER:
                secret, house, events = entries.earlier_secrets(document)
                from lianfang.guard.vault.roots.embedded import FileRoot

                root = FileRoot(secret, self._suite)
                self._write(
                    entries.new_document(str(document["authority"]), root, house, events, self._suite)
                )

    def _load(self) -> None:
        # looked at before it is read, and noted after all is in place: a change in between is seen at the next
        # use, and another thread does not take what is half loaded for the newest
        try:
            mark = self._mark()
        except OSError:
            mark = ()
        document = self._read()
        self.authority = str(document["authority"])
        cipher = self._cipher(document)
        self._house = Cipher(entries.open_house(cipher, document), self._suite)
        raw = files.read(self._erased_path, limit=1 << 30) if self._erased_path.exists() else b""
        erased, before = set(raw.decode().split()), self._events
        events = {
            name: _remembering(before.get(name), entries.open_entry(cipher, name, entry))
            for name, entry in document["events"].items()
            if f"e:{name}" not in erased
        }
        self._erased, self._events = erased, events
        self._seen, self._erased_seen = mark, len(raw)

    def _cipher(self, document: dict[str, Any]) -> Cipher:
        """The keyring's own key; the root is asked when it is another one than last time."""
        if self._own is None or self._own[0] != document["key"]:
            root = roots.open_root(document["root"], self._access)
            try:
                wrapped = entries.raw(document["key"])
            except ValueError:
                raise _damaged(self._path) from None
            own = root.unwrap(wrapped, entries.root_place(str(document["authority"])))
            self._own = (document["key"], Cipher(own, self._suite))
        return self._own[1]

    def _read(self) -> dict[str, Any]:
        return _document(self._path)

    def _write(self, document: dict[str, Any]) -> None:
        files.replace(self._path, entries.encode(document))

    def _changing(self) -> _Change:
        return _Change(self)


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


def _own_place(place: tuple[str, ...]) -> bytes:
    return "\x00".join(place).encode()


def _document(path: Path) -> dict[str, Any]:
    raw = files.read(path)
    try:
        return entries.decode(raw)
    except (ValueError, RecursionError):
        raise _damaged(path) from None


def _damaged(path: Path) -> Fault:
    return Fault(
        f"The keyring {path} is damaged or of another format.",
        hint="Restore it from the key backup.",
        code="keyring_damaged",
    )


def _remembering(before: EventKeys | None, now: EventKeys) -> EventKeys:
    """The keys as they are now, with the versions that this process has seen and that were retired since."""
    if before is None or before.key_id != now.key_id:
        return now
    seen = {**before.past, **before.wraps}
    past = {version: seen[version] for version in sorted(set(seen) - set(now.wraps))[-_REMEMBERED:]}
    same = past == before.past and (now.active, now.wraps) == (before.active, before.wraps)
    return before if same else replace(now, past=past)
