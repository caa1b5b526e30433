"""Restoring a backup into a new folder, and the drill that proves that it can be done.

A restore never brings back what has ended since: the erasure lists of the archive, of the keys and of any other
place where one was kept are joined, identities under a listed key are deleted again, and events whose keys were
destroyed have their rows and whereabouts ended again; sealed messages go too. Rights that were taken back since
(:mod:`lianfang.services.withdrawn`) stay taken back. Only then the folder bears its name.
"""

from __future__ import annotations

import re
import shutil
import tempfile
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lianfang.foundation.clock import SystemClock
from lianfang.foundation.errors import BadInput, Conflict, Fault, LianfangError
from lianfang.services import withdrawn
from lianfang.services.backup import archive, snapshot
from lianfang.services.backup.making import ERASED, KEY_FILES, workplace
from lianfang.services.gate import record, require
from lianfang.services.installation import Installation, Who, open_installation

if TYPE_CHECKING:
    from lianfang.foundation.clock import Clock
    from lianfang.foundation.progress import Progress

RESTORER = Who("restore", "system", "cdc", "restore")
_ERASED_LINE = re.compile(r"^[es]:[!-~]{1,80}\Z")
#: The lists that only grow, and what a line of each looks like.
_LISTS = {ERASED: _ERASED_LINE, withdrawn.WITHDRAWN: withdrawn.LINE}
_MAX_ERASED = 1 << 30


@dataclass(frozen=True)
class Restored:
    """What a restore found and did.

    ``rows``: rows restored by table; ``subjects_removed``: identities deleted again; ``events_ended``: events whose
    data were ended again; ``messages_ended``: sealed messages of the exchange that had ended; ``rights_withdrawn``:
    roles, factors, terminals, accounts and recovery codes that do not come back; ``entries``: length of the restored
    log, which goes on from there (who kept a later signed head sees that it is an older state); ``findings``: what
    the integrity check found.
    """

    backup_id: str
    made_at: str
    home: str
    rows: dict[str, dict[str, int]]
    subjects_removed: int
    events_ended: list[str]
    entries: int
    subjects: int
    valid: bool
    messages_ended: int = 0
    rights_withdrawn: int = 0
    findings: list[dict[str, Any]] = field(default_factory=list)


def restore(
    path: Path,
    identity: Path,
    into: Path,
    *,
    keys_home: Path | None = None,
    keys_archive: Path | None = None,
    erased: Sequence[Path] = (),
    database_url: str = "",
    vault_url: str = "",
    heads: Sequence[str] = (),
    clock: Clock | None = None,
    progress: Progress | None = None,
) -> Restored:
    """Restore the data archive ``path`` into the new folder ``into``.

    Args:
        identity: file with the age secret key that opens the archives.
        keys_home: home of the installation whose keys are used; else ``keys_archive``: a backup of keys.
        erased: further copies of the erasure list, wherever one was kept.
        database_url, vault_url: empty databases to restore into; empty: SQLite in the folder.
        heads: signed checkpoints of the log that others kept; they show whether it is an older state.

    Raises:
        BadInput: an archive is damaged, of another kind, or not of this authority. Conflict: ``into`` is not new.
        Refused: the key opens it not, or its manifest is signed by somebody else. Nothing is left behind.
    """
    if (keys_home is None) == (keys_archive is None):
        raise BadInput("Say where the keys are: those of an installation, or a backup of keys.")
    if into.exists() and any(into.iterdir()):
        raise Conflict(f"{into} is not empty.", hint="Name a new folder.")
    secret = archive.identity(identity)
    into.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=into.parent, prefix=f".{into.name}.") as made:
        draft = Path(made) / "home"
        draft.mkdir(mode=0o700)
        with archive.opened(path, secret) as reader:
            manifest, signed = reader.manifest, reader.signed
            if manifest.get("kind") != "data":
                raise BadInput("This is a backup of keys, not of data.")
            reader.extract(draft, progress=progress)
        _keys(draft, secret, keys_home, keys_archive, erased)
        _of_this_authority(draft, signed)
        _under_its_root(draft)
        _databases(draft, manifest, database_url, vault_url)
        found = _end_again(draft, manifest, heads, clock, progress, into)
        if into.exists():
            into.rmdir()
        draft.rename(into)
    return found


def _keys(
    draft: Path, secret: Any, home: Path | None, keys_archive: Path | None, erased: Sequence[Path]
) -> None:
    """Put the keys into place, and the joined erasure lists beside them."""
    from lianfang.guard import files

    lists = [(draft / name).read_bytes() for name in _LISTS if (draft / name).exists()]
    shutil.rmtree(draft / "vault" / "keys", ignore_errors=True)
    for folder in ("keys", "vault", "vault/keys", "rejects", "inbox", "lake"):
        files.make_folder(draft / folder)
    if keys_archive is not None:
        with tempfile.TemporaryDirectory(dir=draft.parent) as made:
            with archive.opened(keys_archive, secret) as reader:
                if reader.manifest.get("kind") != "keys" or not set(reader.files) <= set(KEY_FILES):
                    raise BadInput("This is no backup of keys.")
                reader.extract(Path(made))
            lists += _take(Path(made), draft)
    elif home is not None:
        lists += _take(home, draft)
    for path in erased:
        if path.stat().st_size > _MAX_ERASED:
            raise BadInput(f"{path} is too large for an erasure list.")
        lists.append(path.read_bytes())
    lines = sorted(set(_lines(lists)))
    for name, pattern in _LISTS.items():
        if mine := [line for line in lines if pattern.match(line)]:
            files.create(draft / name, "".join(f"{line}\n" for line in mine).encode())


def _take(source: Path, draft: Path) -> list[bytes]:
    from lianfang.guard import files

    for name in KEY_FILES:
        if name not in _LISTS:
            raw = (source / name).read_bytes() if (source / name).exists() else b""
            if not raw:
                raise BadInput("The keys of the authority are not complete there.")
            files.create(draft / name, raw)
    return [(source / name).read_bytes() for name in _LISTS if (source / name).exists()]


def _lines(lists: Iterable[bytes]) -> Iterable[str]:
    for raw in lists:
        for line in raw.decode("ascii", "replace").split():
            if not any(pattern.match(line) for pattern in _LISTS.values()):
                raise BadInput("An erasure list is damaged.", hint="Each line is e:EVENT or s:SUBJECT.")
            yield line


def _of_this_authority(draft: Path, signed: dict[str, Any]) -> None:
    from lianfang.guard.signing import load_keys, verify

    verify(load_keys(draft / "keys" / "authority.json").public, signed)


def _under_its_root(draft: Path) -> None:
    """Refuse before anything is filled when the keyring's root cannot be had on this machine."""
    from lianfang.foundation.settings import read_settings
    from lianfang.guard.vault import Keyring

    inst = Installation(draft, read_settings(draft), SystemClock())
    try:
        inst.open_keyring()
    except LianfangError as error:
        if error.code != "root_unavailable":
            raise
        place = ", ".join(f"{name} {said}" for name, said in Keyring.where(inst.keys_folder).items())
        raise Fault(
            f"The keyring stands under a root key that cannot be had here ({place}). {error.message}",
            hint="Attach it, or name the way to it in LIANFANG_ROOT_LIBRARY, _URL, _SECRET_FILE, and restore again.",
            code="root_unavailable",
        ) from None


def _databases(draft: Path, manifest: dict[str, Any], database_url: str, vault_url: str) -> None:
    """Settings without the old databases' addresses; rows as many as were put in; other databases filled."""
    from lianfang.foundation.settings import FILE_NAME, write_settings
    from lianfang.store import Store

    settings = tomllib.loads((draft / FILE_NAME).read_text(encoding="utf-8"))
    settings.pop("database_url", None)
    settings.pop("vault_url", None)
    said: dict[str, dict[str, int]] = manifest.get("rows", {})
    targets: tuple[tuple[snapshot.Line, Path, str, str], ...] = (
        ("operational", draft / "lianfang.db", "database_url", database_url),
        ("vault", draft / "vault" / "vault.db", "vault_url", vault_url),
    )
    for line, path, name, url in targets:
        if not path.exists() or snapshot.counts(path) != said.get(line):
            raise BadInput(f"The {line} database in the backup does not hold the rows that were put in.")
        if url:
            store = Store(url)
            try:
                snapshot.put_back(path, line, store)
            finally:
                store.close()
            path.unlink()
            settings[name] = url
    write_settings(draft, settings)


def _end_again(
    draft: Path,
    manifest: dict[str, Any],
    heads: Sequence[str],
    clock: Clock | None,
    progress: Progress | None,
    into: Path,
) -> Restored:
    from lianfang.services import closing, integrity
    from lianfang.services.exchange import ending

    with open_installation(draft, clock=clock) as inst:
        with inst.vault_store.begin() as vault:
            gone = inst.vault.apply_erasures(vault)
        keys = _erased_events(inst)
        ended = [event_id for event_id in keys if closing.end_restored(inst, event_id)]
        messages = ending.end_restored(inst, keys)
        found = integrity.check(inst, heads=heads, progress=progress)
        with inst.store.begin() as connection:
            _end_sessions(inst, connection)
            rights = withdrawn.apply(inst, connection)
            record(
                inst,
                connection,
                "restored",
                who=RESTORER,
                purpose="maintenance",
                ref=str(manifest["backup_id"]),
                payload={
                    "made_at": manifest["made_at"],
                    "subjects_removed": gone,
                    "events_ended": ended,
                    "messages_ended": messages,
                    "rights_withdrawn": rights,
                },
            )
        inst.store.vacuum()
        inst.vault_store.vacuum()
    return Restored(
        backup_id=str(manifest["backup_id"]),
        made_at=str(manifest["made_at"]),
        home=str(into),
        rows=manifest["rows"],
        subjects_removed=gone,
        events_ended=ended,
        entries=found["entries"],
        subjects=found["subjects"],
        valid=found["valid"],
        messages_ended=messages,
        rights_withdrawn=rights,
        findings=found["findings"],
    )


def _erased_events(inst: Installation) -> list[str]:
    from lianfang.guard import files

    path = inst.home / ERASED
    if not path.exists():
        return []
    lines = files.read(path, limit=_MAX_ERASED).decode().split()
    return sorted({line[2:] for line in lines if line.startswith("e:")})


def _end_sessions(inst: Installation, connection: Any) -> None:
    """Whoever was signed in when the backup was made is not any more."""
    import sqlalchemy as sa

    from lianfang.guard.accounts import tables

    connection.execute(sa.delete(tables.session))


def drill(
    inst: Installation, who: Who, path: Path, identity: Path, *, progress: Progress | None = None
) -> Restored:
    """Restore an archive into a scratch folder beside the present keys, check it, and remove it again.

    The outcome is kept with the backup's record and entered in the ledger.
    """
    from lianfang.records import Backup
    from lianfang.store import change, rows

    require(who, "data.backup")
    with workplace(inst) as place:
        found = restore(
            path,
            identity,
            place / "restored",
            keys_home=inst.home,
            clock=inst.clock,
            progress=progress,
        )
    outcome = "passed" if found.valid else "failed"
    with inst.store.begin() as connection:
        for row in rows(connection, Backup, backup_id=found.backup_id):
            change(connection, Backup, row["id"], drilled_at=inst.now(), drill=outcome)
        payload = {name: value for name, value in asdict(found).items() if name not in ("home", "findings")}
        payload |= {"outcome": outcome, "findings": len(found.findings)}
        record(
            inst,
            connection,
            "restore_drill",
            who=who,
            purpose="maintenance",
            ref=found.backup_id,
            payload=payload,
        )
    return found
