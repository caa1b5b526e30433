"""Backups: encrypted, restored whole, refused when one byte differs, and never against an erasure."""

from __future__ import annotations

import contextlib
import hashlib
import json
import random
import shutil
import sqlite3
import subprocess
import sys
import tarfile
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest
import sqlalchemy as sa

import leaks
from databases import new_postgres
from lianfang.foundation.clock import SetClock
from lianfang.foundation.errors import BadInput, Conflict, LianfangError, Refused
from lianfang.guard.accounts import tables
from lianfang.records import Backup, CaseReport, ClinicCount, Contact
from lianfang.services import backup, closing, integrity, receipts
from lianfang.services.backup import snapshot
from lianfang.services.installation import SYSTEM, Installation, Who, open_installation
from lianfang.services.ledger import heads
from lianfang.store import one, rows, tally
from loop import DAY, MORNING, NAMES, identifiers

VALUES = [value for n, name in enumerate(NAMES) for value in identifiers(name, n).values()]


@pytest.fixture
def secret(tmp_path: Path) -> tuple[Path, str]:
    file = tmp_path / "offline" / "backup.key"
    return file, backup.new_identity(file)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "backups"
    made.mkdir()
    return made


def _file(folder: Path, row: dict[str, object]) -> Path:
    return folder / str(row["file"])


def _left(inst: Installation) -> list[Path]:
    return [path for path in (inst.home / "scratch" / "backup").iterdir() if path.name != ".lock"]


def _dump(path: Path) -> dict[str, list[tuple[object, ...]]]:
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        names = [name for name in snapshot.counts(path) if name not in CHANGED_BY_RESTORE]
        return {
            name: sorted(map(tuple, connection.execute(f"SELECT * FROM {name}")), key=repr) for name in names
        }


#: Tables that a restore or a backup itself writes to: ledger entries, ended sessions, the attempt that a test adds.
CHANGED_BY_RESTORE = {
    "account_attempt", "account_session", "backup",
    "ledger_checkpoint", "ledger_entry", "ledger_log", "ledger_record", "ledger_tile",
}  # fmt: skip


def test_the_secret_key_is_for_its_owner_and_never_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "k" / "key"
    public = backup.new_identity(file)
    assert public.startswith("age1") and public in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600 and file.parent.stat().st_mode & 0o777 == 0o700
    with pytest.raises(Conflict):
        backup.new_identity(file)


def test_no_planted_value_and_no_table_stands_in_the_archive(
    inst: Installation, event_id: str, folder: Path, secret: tuple[Path, str]
) -> None:
    made = backup.create(inst, SYSTEM, folder, to=[secret[1]])
    raw = _file(folder, made).read_bytes()
    assert (
        raw.startswith(b"age-encryption.org/v1")
        and leaks.search(folder, [*VALUES, "城南市场", "SQLite"]) == []
    )
    assert _file(folder, made).stat().st_mode & 0o777 == 0o600
    assert not _left(inst)


def test_restored_it_is_what_it_was(
    inst: Installation, event_id: str, folder: Path, secret: tuple[Path, str], tmp_path: Path
) -> None:
    day = pa.table({"date": [DAY], "clinic": ["h1"]})
    inst.lake.write(ClinicCount, "b1", day)
    (inst.home / heads.POLICY_FILE).write_text(receipts.policy_text(inst), encoding="utf-8")
    made = backup.create(inst, SYSTEM, folder, to=[secret[1]])
    home = tmp_path / "again"
    found = backup.restore(_file(folder, made), secret[0], home, keys_home=inst.home, clock=inst.clock)
    assert found.valid and not found.events_ended and found.subjects_removed == 0
    assert found.rows["operational"]["case_report"] == 3 and found.subjects == 3
    for name in ("lianfang.db", "vault/vault.db"):
        assert _dump(home / name) == _dump(inst.home / name)
    with open_installation(home, clock=SetClock(MORNING)) as again:
        assert heads.policy(again) == heads.policy(inst) is not None  # whom the log asks for signatures
        (there,), (here,) = again.lake.files(ClinicCount), inst.lake.files(ClinicCount)
        assert there.read_bytes() == here.read_bytes()
        assert integrity.check(again)["valid"]
        with again.store.read() as connection, again.vault_store.read() as vault:
            case = rows(connection, CaseReport, event_id=event_id)[0]
            assert again.vault.find(vault, event_id, "name", NAMES[0])
            assert case["subject_id"]
    assert leaks.search(home, VALUES) == []


def test_age_itself_opens_it(
    inst: Installation, event_id: str, folder: Path, secret: tuple[Path, str], tmp_path: Path
) -> None:
    if shutil.which("age") is None:
        pytest.skip("needs Debian's package age")
    made = backup.create(inst, SYSTEM, folder, to=[secret[1]])
    plain, home = tmp_path / "plain.tar", tmp_path / "again"
    command = ["age", "--decrypt", "-i", str(secret[0]), "-o", str(plain), str(_file(folder, made))]
    subprocess.run(command, check=True, timeout=60)
    backup.restore(_file(folder, made), secret[0], home, keys_home=inst.home, clock=inst.clock)
    with tarfile.open(plain) as tar:
        manifest = json.loads(tar.extractfile("manifest.json").read())["payload"]  # type: ignore[union-attr]
        assert tar.getnames() == ["manifest.json", *(one["name"] for one in manifest["files"])]
        for one in manifest["files"]:
            body = tar.extractfile(one["name"]).read()  # type: ignore[union-attr]
            assert (len(body), hashlib.sha256(body).hexdigest()) == (one["size"], one["sha256"])


def test_one_flipped_bit_anywhere_is_refused_and_nothing_is_left(
    inst: Installation, event_id: str, folder: Path, secret: tuple[Path, str], tmp_path: Path
) -> None:
    archive = _file(folder, backup.create(inst, SYSTEM, folder, to=[secret[1]]))
    whole, dice = archive.read_bytes(), random.Random(3)
    places = [0, 30, len(whole) - 1, *(dice.randrange(len(whole)) for _ in range(12))]
    for at in places:
        changed = bytearray(whole)
        changed[at] ^= 1 << dice.randrange(8)
        archive.write_bytes(bytes(changed))
        with pytest.raises((BadInput, Refused)):
            backup.restore(archive, secret[0], tmp_path / "no", keys_home=inst.home)
        assert not (tmp_path / "no").exists() and not list(tmp_path.glob(".no.*"))
    for cut in (10, 200, len(whole) // 2, len(whole) - 1):
        archive.write_bytes(whole[:cut])
        with pytest.raises(BadInput):
            backup.restore(archive, secret[0], tmp_path / "no", keys_home=inst.home)
    archive.write_bytes(b"")
    with pytest.raises(BadInput):
        backup.restore(archive, secret[0], tmp_path / "no", keys_home=inst.home)


def test_another_key_another_authority_and_a_full_folder_are_refused(
    inst: Installation, event_id: str, folder: Path, secret: tuple[Path, str], tmp_path: Path
) -> None:
    from lianfang.guard.signing import create_keys
    from lianfang.guard.vault import Keyring

    archive = _file(folder, backup.create(inst, SYSTEM, folder, to=[secret[1]]))
    other = tmp_path / "other" / "key"
    backup.new_identity(other)
    with pytest.raises(Refused, match="opens none"):
        backup.restore(archive, other, tmp_path / "no", keys_home=inst.home)
    stranger = tmp_path / "stranger"
    create_keys(stranger / "keys" / "authority.json", "stranger")
    Keyring.create(stranger / "vault" / "keys", "stranger")
    with pytest.raises(Refused, match="signature"):
        backup.restore(archive, secret[0], tmp_path / "no", keys_home=stranger)
    with pytest.raises(BadInput, match="keys are"):
        backup.restore(archive, secret[0], tmp_path / "no")
    with pytest.raises(Conflict):
        backup.restore(archive, secret[0], folder, keys_home=inst.home)
    with pytest.raises(BadInput, match="recipient"):
        backup.create(inst, SYSTEM, folder, to=[])
    with pytest.raises(BadInput, match="recipient"):
        backup.create(inst, SYSTEM, folder, to=["age1nobody"])
    assert not (tmp_path / "no").exists()


def test_roles(inst: Installation, staff: dict[str, Who], folder: Path, secret: tuple[Path, str]) -> None:
    for role, who in staff.items():
        with pytest.raises(Refused):
            backup.create(inst, who, folder, to=[secret[1]])
        if role not in ("data_protection_officer", "auditor", "security_officer"):
            with pytest.raises(Refused):
                backup.listing(inst, who)
    assert list(folder.iterdir()) == []


def test_what_was_erased_after_the_backup_stays_erased(
    inst: Installation,
    staff: dict[str, Who],
    event_id: str,
    folder: Path,
    secret: tuple[Path, str],
    tmp_path: Path,
) -> None:
    """The event ends after the backup: restored beside the present keys its persons, rows and list are gone."""
    archive = _file(folder, backup.create(inst, SYSTEM, folder, to=[secret[1]]))
    old_keys = tmp_path / "old"
    shutil.copytree(inst.home / "keys", old_keys / "keys")
    shutil.copytree(inst.home / "vault" / "keys", old_keys / "vault" / "keys")
    closing.close(inst, staff["manager"], event_id, "28天无新发病例")
    inst.clock = SetClock(MORNING + timedelta(days=366))
    closing.expire(inst, SYSTEM, event_id)
    for keys, lists in ((inst.home, ()), (old_keys, (inst.home / "vault" / "keys" / "erased.txt",))):
        home = tmp_path / f"again-{len(lists)}"
        found = backup.restore(
            archive,
            secret[0],
            home,
            keys_home=keys,
            erased=lists,
            clock=SetClock(MORNING + timedelta(days=366)),
        )
        assert found.valid and found.events_ended == [event_id] and found.subjects_removed == 3
        with open_installation(home, clock=inst.clock) as again:
            with again.store.read() as connection:
                assert tally(connection, Contact) == 0
                assert tally(connection, CaseReport, event_id=event_id) == 0
            assert closing.expire(again, SYSTEM, event_id)["event_id"] == event_id
            with again.vault_store.read() as vault, pytest.raises(Refused):
                again.vault.find(vault, event_id, "name", NAMES[0])
        assert leaks.search(home, VALUES) == []
        with contextlib.closing(sqlite3.connect(home / "lianfang.db")) as left:
            assert not left.execute("SELECT 1 FROM contact").fetchall()


def test_from_a_backup_of_keys_too(
    inst: Installation, event_id: str, folder: Path, secret: tuple[Path, str], tmp_path: Path
) -> None:
    data = backup.create(inst, SYSTEM, folder, to=[secret[1]])
    keys = backup.create_keys_archive(inst, SYSTEM, folder, to=[secret[1]])
    assert keys["expires_on"] == inst.today() + timedelta(days=14)
    with pytest.raises(BadInput, match="14 days"):
        backup.create_keys_archive(inst, SYSTEM, folder, to=[secret[1]], kept_days=15)
    home = tmp_path / "again"
    with pytest.raises(BadInput, match="not of data"):
        backup.restore(_file(folder, keys), secret[0], home, keys_home=inst.home)
    with pytest.raises(BadInput, match="no backup of keys"):
        backup.restore(_file(folder, data), secret[0], home, keys_archive=_file(folder, data))
    found = backup.restore(
        _file(folder, data), secret[0], home, keys_archive=_file(folder, keys), clock=inst.clock
    )
    assert found.valid and (home / "vault" / "keys" / "keyring.json").stat().st_mode & 0o777 == 0o600
    raw = b"".join(path.read_bytes() for path in folder.iterdir())
    assert (inst.home / "vault" / "keys" / "keyring.json").read_bytes()[40:80] not in raw


def test_a_drill_leaves_nothing_and_is_kept(
    inst: Installation, event_id: str, folder: Path, secret: tuple[Path, str]
) -> None:
    made = backup.create(inst, SYSTEM, folder, to=[secret[1]])
    found = backup.drill(inst, SYSTEM, _file(folder, made), secret[0])
    assert found.valid and not _left(inst)
    row = backup.listing(inst, SYSTEM)[0]
    assert row["drill"] == "passed" and row["drilled_at"] == inst.now()
    assert integrity.check(inst)["valid"]


def test_prune_takes_what_is_due_and_nothing_else(
    inst: Installation, folder: Path, secret: tuple[Path, str]
) -> None:
    made = backup.create(inst, SYSTEM, folder, to=[secret[1]], kept_days=3)
    other = folder / "other.tar.age"
    other.write_bytes(b"x")
    assert backup.prune(inst, SYSTEM, folder) == []
    inst.clock = SetClock(MORNING + timedelta(days=3))
    assert backup.prune(inst, SYSTEM, folder) == [made["file"]] and list(folder.iterdir()) == [other]
    with inst.store.read() as connection:
        assert one(connection, Backup, backup_id=made["backup_id"])["removed_at"] is not None
    assert backup.prune(inst, SYSTEM, folder) == []


def test_a_killed_backup_leaves_no_archive(
    inst: Installation, event_id: str, folder: Path, secret: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from lianfang.services.backup import archive

    def stop(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(archive, "_sync", stop)
    monkeypatch.setattr(archive.os, "fsync", stop)
    with pytest.raises(OSError, match="space"):
        backup.create(inst, SYSTEM, folder, to=[secret[1]])
    assert list(folder.iterdir()) == [] and not _left(inst)
    assert backup.listing(inst, SYSTEM) == []


@pytest.mark.parametrize("at", ["take", "_lake", "_seal", "write", "insert_new"])
def test_killed_anywhere_the_next_one_is_whole(
    inst: Installation, event_id: str, folder: Path, secret: tuple[Path, str], tmp_path: Path, at: str
) -> None:
    code = f"""
import os, sys
from pathlib import Path
import lianfang.store as store
from lianfang.services import backup
from lianfang.services.backup import archive, making, snapshot
from lianfang.services.installation import SYSTEM, open_installation
for module in (snapshot, making, archive, store):
    if hasattr(module, {at!r}):
        whole = getattr(module, {at!r})
        def stop(*a, **k):
            whole(*a, **k)
            os.kill(os.getpid(), 9)
        setattr(module, {at!r}, stop)
with open_installation(sys.argv[1]) as inst:
    backup.create(inst, SYSTEM, Path(sys.argv[2]), to=[sys.argv[3]])
"""
    command = [sys.executable, "-c", code, str(inst.home), str(folder), secret[1]]
    done = subprocess.run(command, capture_output=True, timeout=120, check=False)
    assert done.returncode == -9, done.stderr[-2000:]
    inst.clock = SetClock(MORNING + timedelta(minutes=1))
    made = backup.create(inst, SYSTEM, folder, to=[secret[1]])
    assert not _left(inst)
    assert backup.restore(_file(folder, made), secret[0], tmp_path / "again", keys_home=inst.home).valid


@pytest.mark.postgres
def test_to_postgresql_and_back(
    inst: Installation,
    event_id: str,
    folder: Path,
    secret: tuple[Path, str],
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    """A backup from SQLite restored to PostgreSQL, backed up there, and restored to SQLite: the same rows."""
    server = request.getfixturevalue("postgres_server")
    urls = {"database_url": new_postgres(server), "vault_url": new_postgres(server)}
    first = backup.create(inst, SYSTEM, folder, to=[secret[1]])
    home = tmp_path / "pg"
    assert backup.restore(
        _file(folder, first), secret[0], home, keys_home=inst.home, clock=inst.clock, **urls
    ).valid
    with pytest.raises(LianfangError, match="not empty"):
        backup.restore(_file(folder, first), secret[0], tmp_path / "no", keys_home=inst.home, **urls)
    later = tmp_path / "later"
    later.mkdir()
    with open_installation(home, clock=SetClock(MORNING + timedelta(hours=1))) as moved:
        assert not moved.store.is_sqlite and integrity.check(moved)["valid"]
        second = backup.create(moved, SYSTEM, later, to=[secret[1]])
        backup.drill(moved, SYSTEM, _file(later, second), secret[0])
        with moved.store.begin() as connection:  # numbered keys go on after those that came along
            connection.execute(sa.insert(tables.attempt).values(who="x", at="2026-01-29T00:00:00.000000Z"))
    back = tmp_path / "back"
    found = backup.restore(_file(later, second), secret[0], back, keys_home=home, clock=inst.clock)
    assert found.valid
    for name in ("lianfang.db", "vault/vault.db"):
        mine, theirs = _dump(back / name), _dump(inst.home / name)
        assert set(mine) == set(theirs)
        for part in mine:
            assert _comparable(mine[part]) == _comparable(theirs[part]), part


def _comparable(found: list[tuple[object, ...]]) -> list[str]:
    def plain(value: object) -> object:
        if isinstance(value, str) and value[:1] in ("[", "{"):
            return json.dumps(json.loads(value), sort_keys=True)  # PostgreSQL keeps no order of keys
        return value

    return sorted(repr(tuple(plain(value) for value in row)) for row in found)
