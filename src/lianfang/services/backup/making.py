"""Making backups: the data without the keys, and the keys by themselves with a shorter life.

Order of a snapshot: rows first, then the vault, then the lake. An import writes identities before rows and an end
destroys keys before rows, so whatever happens in between leaves what a crash leaves, which every start mends.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lianfang.foundation.errors import BadInput, Conflict
from lianfang.foundation.progress import Progress, silent
from lianfang.services.backup import archive, snapshot
from lianfang.services.gate import record, require
from lianfang.services.installation import Installation, Who
from lianfang.services.withdrawn import WITHDRAWN

if TYPE_CHECKING:
    from lianfang.store import Row

ERASED = "vault/keys/erased.txt"
KEY_FILES = ("keys/authority.json", "vault/keys/keyring.json", ERASED, WITHDRAWN)
#: Days that a backup of keys is kept at most: a key destroyed today must not live on in one for long.
KEYS_KEPT = 14
DATA_KEPT = 90


def new_identity(path: Path) -> str:
    """Make a secret key for backups in a new file (0600 in a 0700 folder); gives its public recipient.

    The file opens every backup made for it: keep it away from the machine whose backups it opens.
    """
    import pyrage

    from lianfang.guard import files

    made = pyrage.x25519.Identity.generate()
    public = str(made.to_public())
    files.create(path, f"# recipient: {public}\n{made}\n".encode())
    return public


def create(
    inst: Installation,
    who: Who,
    folder: Path,
    *,
    to: Sequence[str],
    kept_days: int = DATA_KEPT,
    progress: Progress | None = None,
) -> Row:
    """Write an encrypted backup of databases, lake and settings into ``folder``; gives its record.

    No key is in it: restored, it can be read only beside the keyring, whose erasure list decides what stays
    readable. The house goes on working meanwhile; imports wait for a moment.

    Args:
        to: public age recipients, one at least.
        kept_days: days after which :func:`prune` removes it.

    Raises:
        BadInput: no recipient, or no such folder. Refused: the role may not.
    """
    require(who, "data.backup")
    sealed_to = archive.recipients(to)
    _check(folder, kept_days)
    report = progress or silent
    with workplace(inst) as place:
        report("snapshot", 0, 3)
        rows = _snapshots(inst, place)
        report("snapshot", 3, 3)
        members = {
            "lianfang.db": place / "lianfang.db",
            "vault/vault.db": place / "vault.db",
            "lianfang.toml": inst.home / "lianfang.toml",
            ERASED: place / "erased.txt",
            **_witnesses(inst),
            **_lake(inst, place),
        }
        return _seal(inst, who, folder, "data", members, sealed_to, rows, kept_days, progress)


@contextmanager
def workplace(inst: Installation) -> Iterator[Path]:
    """An empty folder for one backup or drill at a time; what a killed one left there goes first."""
    from lianfang.guard import files

    folder = inst.home / "scratch" / "backup"
    files.make_folder(folder)
    with files.locked(folder):
        for left in folder.iterdir():
            if left.is_dir() and not left.is_symlink():
                shutil.rmtree(left)
        with tempfile.TemporaryDirectory(dir=folder) as made:
            yield Path(made)


def _snapshots(inst: Installation, place: Path) -> dict[str, dict[str, int]]:
    from lianfang.services.importing.staging import importing

    with importing(inst):
        rows = {
            "operational": snapshot.take(inst.store, "operational", place / "lianfang.db"),
            "vault": snapshot.take(inst.vault_store, "vault", place / "vault.db"),
        }
        erased = inst.home / ERASED
        (place / "erased.txt").write_bytes(erased.read_bytes() if erased.exists() else b"")
    return rows


def _witnesses(inst: Installation) -> dict[str, Path]:
    """Whom the log asks for signatures, where the installation says so."""
    from lianfang.services.ledger.heads import POLICY_FILE

    path = inst.home / POLICY_FILE
    return {POLICY_FILE: path} if path.is_file() else {}


def _lake(inst: Installation, place: Path) -> dict[str, Path]:
    """The lake's files, linked beside the snapshot: an end that removes one meanwhile does not break the tar."""
    root, members = inst.lake.root, {}
    for path in sorted(root.rglob("*.parquet")):
        name = f"lake/{path.relative_to(root).as_posix()}"
        beside = place / name
        beside.parent.mkdir(parents=True, exist_ok=True)
        try:
            beside.hardlink_to(path)
        except FileNotFoundError:
            continue  # removed since it was listed
        except OSError:
            shutil.copyfile(path, beside)  # another file system
        members[name] = beside
    return members


def create_keys_archive(
    inst: Installation, who: Who, folder: Path, *, to: Sequence[str], kept_days: int = KEYS_KEPT
) -> Row:
    """Write an encrypted backup of the keys alone into ``folder``; gives its record.

    Two weeks is the longest that it is kept: an event's key that was destroyed would live on in it.
    """
    require(who, "data.backup")
    sealed_to = archive.recipients(to)
    _check(folder, kept_days)
    if kept_days > KEYS_KEPT:
        raise BadInput(f"A backup of keys is kept {KEYS_KEPT} days at most.")
    members = {name: inst.home / name for name in KEY_FILES if (inst.home / name).exists()}
    return _seal(inst, who, folder, "keys", members, sealed_to, {}, kept_days, None)


def _check(folder: Path, kept_days: int) -> None:
    if not folder.is_dir():
        raise BadInput(f"There is no folder {folder}.")
    if not 1 <= kept_days <= 3650:
        raise BadInput("A backup is kept 1 to 3650 days.")


def _seal(
    inst: Installation,
    who: Who,
    folder: Path,
    kind: str,
    members: dict[str, Path],
    to: Sequence[Any],
    rows: dict[str, dict[str, int]],
    kept_days: int,
    progress: Progress | None,
) -> Row:
    from lianfang.foundation.canonical import plain
    from lianfang.guard.signing import sign
    from lianfang.guard.vault import Keyring
    from lianfang.records import Backup
    from lianfang.store import insert_new, one
    from lianfang.store.migrate import current

    now = inst.now()
    backup_id = f"b{now:%Y%m%d%H%M%S}-{kind}"
    target = folder / f"{inst.settings.authority_id}-{now:%Y%m%dT%H%M%SZ}-{kind}.tar.age"
    if target.exists():
        raise Conflict(f"{target.name} exists already.")
    files = [
        {"name": name, "size": path.stat().st_size, "sha256": archive.digest(path)}
        for name, path in members.items()
    ]
    manifest = plain(
        {
            "format": archive.FORMAT,
            "backup_id": backup_id,
            "kind": kind,
            "authority": inst.settings.authority_id,
            "made_at": now,
            "rows": rows,
            "schema": {"operational": current(inst.store), "vault": current(inst.vault_store)},
            # which root a restored keyring asks for, so that it is known before the bad day
            "root": Keyring.where(inst.keys_folder),
            "files": files,
        }
    )
    archive.write(target, members, sign(inst.signer, manifest), to, progress=progress)
    made = Backup(
        backup_id=backup_id,
        kind="keys" if kind == "keys" else "data",
        made_at=now,
        made_by=who.account,
        file=target.name,
        sha256=archive.digest(target),
        size=target.stat().st_size,
        files=len(files),
        recipients=[str(one) for one in to],
        expires_on=inst.today() + timedelta(days=kept_days),
    )
    with inst.store.begin() as connection:
        insert_new(connection, made)
        payload = made.model_dump(mode="json", exclude={"recipients"})
        record(
            inst, connection, "backup_made", who=who, purpose="maintenance", ref=backup_id, payload=payload
        )
        return one(connection, Backup, backup_id=backup_id)


def listing(inst: Installation, who: Who) -> list[Row]:
    """Backups made, the newest first, with the outcome of their last drill."""
    from lianfang.records import Backup
    from lianfang.store import rows

    require(who, "data.backup.read")
    with inst.store.read() as connection:
        return rows(connection, Backup, order_by=["made_at"])[::-1]


def prune(inst: Installation, who: Who, folder: Path) -> list[str]:
    """Remove the archives in ``folder`` whose time has come; gives their names. Others' files stay."""
    from lianfang.records import Backup
    from lianfang.store import change, rows

    require(who, "data.backup")
    gone = []
    with inst.store.read() as connection:
        due = [one for one in rows(connection, Backup, removed_at=None) if one["expires_on"] <= inst.today()]
    for one in due:
        path = folder / one["file"]
        if path.is_symlink() or not path.is_file() or archive.digest(path) != one["sha256"]:
            continue
        path.unlink()
        with inst.store.begin() as connection:
            change(connection, Backup, one["id"], removed_at=inst.now())
            record(
                inst,
                connection,
                "backup_removed",
                who=who,
                purpose="maintenance",
                ref=one["backup_id"],
                payload={"file": one["file"]},
            )
        gone.append(str(one["file"]))
    return gone
