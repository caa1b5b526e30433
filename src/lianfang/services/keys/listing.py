"""What keys there are: kinds, events, data keys by version and suite, files. No key is read out."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from typing import Any

from lianfang.services.gate import require
from lianfang.services.installation import Installation, Who
from lianfang.services.keys.inventory import KINDS, KeyKind

#: Files that may lie in a folder of keys.
KNOWN = (
    "keyring.json",
    "erased.txt",
    ".lock",
    "authority.json",
    "terminal",
    "exchange-cert.pem",
    "exchange-key.pem",
)


@dataclass(frozen=True)
class KeyList:
    """The inventory.

    ``root``: kind and place of the root. ``events``: id, key id, version, whether a rotation is under way, and how
    many data keys stand under which version and suite. ``files``: name, mode and whether it is known here.
    ``amiss``: event ids for which tables and keyring differ.
    """

    root: dict[str, str]
    kinds: tuple[KeyKind, ...]
    events: list[dict[str, Any]]
    files: list[dict[str, Any]]
    amiss: list[str]


def listing(inst: Installation, who: Who) -> KeyList:
    """The keys of the installation, as the keyring, the tables and the folders have them."""
    from lianfang.guard.vault import SUITES, Keyring

    require(who, "keys.read")
    ring, vault = inst.keyring, inst.vault
    with inst.vault_store.read() as connection:
        standing = set(vault.live_events(connection))
        wrapped = vault.wrapped(connection)
    names = {number: name for name, number in SUITES.items()}
    events = []
    for event_id in ring.events():
        keys = ring.event(event_id)
        held = [
            {"version": one.version, "suite": names.get(one.suite, "?"), "data_keys": one.count}
            for one in wrapped
            if one.event_id == event_id
        ]
        events.append(
            {
                "event_id": event_id,
                "key_id": keys.key_id,
                "version": keys.active,
                "rotating": len(keys.wraps) > 1,
                "held": held,
            }
        )
    open_ids = {str(one["event_id"]) for one in events}
    lost = {
        one.event_id for one in wrapped
        if one.event_id not in open_ids or one.version not in ring.event(one.event_id).wraps
    }  # fmt: skip
    return KeyList(
        root=Keyring.where(inst.keys_folder),
        kinds=KINDS,
        events=events,
        files=_files(inst),
        amiss=sorted((open_ids ^ standing) | lost),
    )


def _files(inst: Installation) -> list[dict[str, Any]]:
    found = []
    for folder in (inst.home / "keys", inst.keys_folder):
        for path in sorted(folder.iterdir()):
            status = path.lstat()
            found.append(
                {
                    "file": path.relative_to(inst.home).as_posix(),
                    "mode": f"{stat.S_IMODE(status.st_mode):04o}",
                    "ours_alone": status.st_uid == os.geteuid() and not stat.S_IMODE(status.st_mode) & 0o077,
                    "known": path.name in KNOWN,
                }
            )
    return found
