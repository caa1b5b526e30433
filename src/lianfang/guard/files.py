"""Secret files: made for the owner alone, refused when anyone else could read them, replaced in one step."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from lianfang.foundation.errors import Conflict, Fault, Refused


def make_folder(folder: Path) -> None:
    """The folder, for its owner only (0700). One that others can enter is refused."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    check_folder(folder)


def check_folder(folder: Path) -> None:
    """Refuse a folder that is missing, a link, another's, or open to group or others."""
    try:
        status = folder.lstat()
    except FileNotFoundError:
        raise Fault(
            f"There is no key folder at {folder}.", hint="Make an installation first.", code="no_keyring"
        ) from None
    _check(folder, status, stat.S_ISDIR(status.st_mode), "folder", "700")


def check_tree(folder: Path) -> None:
    """Refuse a folder of keys when it, or a file in it, could be read by anyone but its owner."""
    check_folder(folder)
    for path in sorted(folder.iterdir()):
        status = path.lstat()
        if stat.S_ISDIR(status.st_mode):
            check_tree(path)
        else:
            _check(path, status, stat.S_ISREG(status.st_mode), "file", "600")


def read(path: Path, limit: int = 64 << 20) -> bytes:
    """The file's bytes, if it is a plain file that only its owner can read (0600).

    Whoever replaces a file overwrites its old bytes (:func:`replace`): a file that was opened just before is read
    again under its name.
    """
    for _ in range(100):
        data, same = _read_once(path, limit)
        if same:
            return data
    raise Fault(f"The key file {path} is being replaced all the time.", hint="Try again.")


def _read_once(path: Path, limit: int) -> tuple[bytes, bool]:
    """The bytes, and whether the name still stands for the file they came from."""
    check_folder(path.parent)
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        raise Fault(
            f"There is no key file at {path}.", hint="Make an installation first.", code="no_keyring"
        ) from None
    except OSError as error:
        raise Refused(
            f"The key file {path} cannot be opened as a plain file ({error.strerror}).",
            code="key_file_open_to_others",
        ) from None
    with os.fdopen(handle, "rb") as file:
        status = os.fstat(handle)
        _check(path, status, stat.S_ISREG(status.st_mode), "file", "600")
        if status.st_size > limit:
            raise Fault(f"The key file {path} is too large to be one.")
        data = file.read(limit + 1)
        # the old file is open here, so that its number cannot have been given to the new one
        try:
            return data, os.path.samestat(status, path.lstat())
        except FileNotFoundError:
            return data, False


def _check(path: Path, status: os.stat_result, right_kind: bool, what: str, mode: str) -> None:
    if not right_kind:
        raise Refused(f"{path} is not a plain {what}.", code="key_file_open_to_others")
    if status.st_uid != os.geteuid():
        raise Refused(f"The key {what} {path} belongs to another account.", code="key_file_open_to_others")
    if stat.S_IMODE(status.st_mode) & 0o077:
        raise Refused(
            f"The key {what} {path} is open to others (mode {stat.S_IMODE(status.st_mode):04o}).",
            hint=f"Find out who could have read it, then: chmod {mode} {path}",
            code="key_file_open_to_others",
        )


def create(path: Path, data: bytes) -> None:
    """Write a new secret file; one that exists is never overwritten (O_EXCL), a torn one never left."""
    make_folder(path.parent)
    fresh = _temporary(path, data)
    try:
        os.link(fresh, path)  # like O_EXCL, but the name appears only with its whole content
    except FileExistsError:
        raise Conflict(f"{path} exists already.", hint="It is not overwritten.") from None
    finally:
        fresh.unlink()
    _sync_folder(path.parent)


def replace(path: Path, data: bytes) -> None:
    """Put new content in place of the old in one step, then overwrite the old bytes.

    Overwriting reaches the old blocks on file systems that write in place; on flash and copy-on-write storage
    it cannot be promised, which is why the folder belongs on an encrypted disk.
    """
    check_folder(path.parent)
    fresh = _temporary(path, data)
    old = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        size = os.fstat(old).st_size
        fresh.replace(path)
        _sync_folder(path.parent)
        os.pwrite(old, bytes(size), 0)
        os.fsync(old)
    finally:
        os.close(old)


def sweep(path: Path) -> None:
    """Remove what a writer that was killed left half way beside ``path``; only under :func:`locked`."""
    for stray in path.parent.glob(f".{path.name}.*.*"):
        handle = os.open(stray, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            os.pwrite(handle, bytes(os.fstat(handle).st_size), 0)
            os.fsync(handle)
        finally:
            os.close(handle)
        stray.unlink()


def append(path: Path, line: bytes) -> None:
    """Add to a list that only grows; on disk before this returns."""
    check_folder(path.parent)
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        os.write(handle, line)
        os.fsync(handle)
    finally:
        os.close(handle)
    _sync_folder(path.parent)


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """One writer at a time among all processes of this machine."""
    check_folder(folder)
    handle = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _temporary(path: Path, data: bytes) -> Path:
    fresh = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(6).hex()}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        fresh.unlink()
        raise
    return fresh


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
