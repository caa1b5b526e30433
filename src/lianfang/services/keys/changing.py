"""Changing keys while the house works: rotation of the persons' data keys, and the root in another place.

Both can be stopped at any moment and started again. Each leaves its entries in the ledger: the intention before, the
outcome after; an outcome that was on disk before a stop is put on record by the next start, so it may stand there
twice and is never missing.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from lianfang.foundation.errors import NotFound
from lianfang.foundation.progress import Progress, silent
from lianfang.services.gate import record, require
from lianfang.services.installation import Installation, Who

#: Data keys in one transaction; imports wait while it lasts.
PART = 10_000
#: Seconds between the last of them and forgetting the old version: a process that began to read before and has not
#: looked at the keyring yet still finds it there.
SETTLE = 10.0


@dataclass(frozen=True)
class Rotated:
    """One event's rotation: from which version to which, and how many data keys were wrapped anew in this run."""

    event_id: str
    from_version: int
    to_version: int
    rewrapped: int


@dataclass(frozen=True)
class Moved:
    """The root's kind and place before and after; ``changed`` is false where it stood there already."""

    changed: bool
    before: dict[str, str]
    after: dict[str, str]


def rotate(
    inst: Installation,
    who: Who,
    events: Sequence[str] = (),
    *,
    part: int = PART,
    settle: float = SETTLE,
    progress: Progress | None = None,
) -> list[Rotated]:
    """Give these events (all, when none is named) a new wrapping key and wrap every data key under it.

    Reads and writes go on. No identifier is decrypted, no pseudonym changes. An event whose rotation was stopped
    goes on with it.

    Raises:
        NotFound: an event without keys. Refused: the role may not.
    """
    from lianfang.guard import files

    require(who, "keys.manage")
    known = inst.keyring.events()
    if strange := sorted(set(events) - set(known)):
        raise NotFound(f"The vault has no event {strange[0]}.", hint="See: lianfang guard keys list")
    place = inst.home / "scratch" / "rotation"
    files.make_folder(place)
    with files.locked(place):  # one at a time: a second one would begin anew what the first has just finished
        chosen = list(dict.fromkeys(events)) or known
        resumed = any(len(inst.keyring.event(event_id).wraps) > 1 for event_id in chosen)
        done = [_rotate(inst, who, event_id, part, progress or silent) for event_id in chosen]
        if resumed or any(one.rewrapped for one in done):
            time.sleep(settle)
        for one in done:
            with inst.vault_store.begin() as connection:
                inst.vault.retire(connection, one.event_id)
    return done


def _rotate(inst: Installation, who: Who, event_id: str, part: int, report: Progress) -> Rotated:
    vault, ring, store = inst.vault, inst.keyring, inst.vault_store
    before = ring.event(event_id)
    under_way = len(before.wraps) > 1
    old = min(before.wraps)
    with store.read() as connection:
        total = vault.waiting(connection, event_id)
    if not under_way:
        _record(inst, who, "key_rotation_begun", event_id, {"from_version": old, "data_keys": total})
    after, count = None, 0
    report("rotation", 0, total)
    while True:
        with store.begin() as connection:
            step = vault.rotate(connection, event_id, limit=part, after=after)
        after, count = step.after, count + step.rewrapped
        report("rotation", count, total)
        if step.done:  # rows that were moved meanwhile (the file was compacted) are looked for again
            with store.read() as connection:
                if not vault.waiting(connection, event_id):
                    break
            after = None
    done = Rotated(event_id, old, ring.event(event_id).active, count)
    _record(inst, who, "keys_rotated", event_id, asdict(done))
    return done


def move_root(inst: Installation, who: Who, *, renew: bool = False) -> Moved:
    """Put the keyring under the root that the settings name; where it is there already, nothing changes.

    The keyring gets a fresh key of its own on the way, so a copy of the old file and its root does not open what is
    added later. It does open what was in it: rotate the events too when such a copy may be in wrong hands.

    Args:
        renew: also when the root stands there already: a fresh secret, a new passphrase, the device's newest key.

    Raises:
        Fault: ``root_unavailable``, the old or new root cannot be had; ``root_unfit``, it does not do what it must.
    """
    require(who, "keys.manage")
    ring, wanted = inst.keyring, inst.root_access
    settled = _settle(inst, who)
    present = ring.where(inst.keys_folder)
    there = present["kind"] == wanted.kind and all(
        present.get(name, "") == said
        for name, said in (
            ("label", wanted.label),
            ("token", wanted.token),
            ("mount", wanted.mount),
            ("url", wanted.url),
            ("library", wanted.library),
            ("secret_file", str(wanted.secret_file or "")),
            ("ca_file", wanted.ca_file),
        )
        if name in present
    )
    if there and not renew:
        return settled or Moved(False, present, present)
    _record(inst, who, "root_move_begun", "-", {"from": present, "to": wanted.kind})
    ring.move_root(wanted, at=inst.now())
    return _settle(inst, who) or Moved(False, present, present)


def _settle(inst: Installation, who: Who) -> Moved | None:
    """Put a change of root that is on disk on record."""
    change = inst.keyring.moved()
    if change is None:
        return None
    _record(inst, who, "root_moved", "-", change)
    inst.keyring.settle_move()
    return Moved(True, change["from"], change["to"])


def _record(inst: Installation, who: Who, what: str, ref: str, payload: dict[str, Any]) -> None:
    with inst.store.begin() as connection:
        record(inst, connection, what, who=who, purpose="maintenance", ref=ref, payload=payload)
