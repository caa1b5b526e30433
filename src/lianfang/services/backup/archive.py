"""An archive: a tar of plain files with a manifest before them, encrypted with age to one or more recipients.

The form is age's own (age-encryption.org/v1): where this program is gone, ``age -d -i KEY ARCHIVE | tar x`` opens
it. The manifest comes first and names each file's size and SHA-256, so that a restore checks while it reads and
writes nothing that was not announced.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import tarfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import IO, Any

from lianfang.foundation.canonical import canonical
from lianfang.foundation.errors import BadInput, Fault, Refused
from lianfang.foundation.progress import Progress, silent

MANIFEST = "manifest.json"
FORMAT = "lianfang-backup/1"
#: Most bytes of a manifest, files and bytes of an archive: an archive from elsewhere is hostile until it is read.
MAX_MANIFEST = 64 << 20
MAX_FILES = 2_000_000
MAX_BYTES = 4 << 40
_NAME = re.compile(r"^[A-Za-z0-9=._-]{1,120}(/[A-Za-z0-9=._-]{1,120}){0,7}\Z")
_PART = 1 << 20


def recipients(texts: Sequence[str]) -> list[Any]:
    """Recipients of an archive from their text (``age1...``); at least one.

    Raises:
        BadInput: none, or a text that is no age recipient.
    """
    import pyrage

    if not texts:
        raise BadInput(
            "A backup needs at least one recipient.", hint="Make a key with: lianfang backup identity FILE"
        )
    found = []
    for text in texts:
        try:
            found.append(pyrage.x25519.Recipient.from_str(text.strip()))
        except pyrage.RecipientError:
            raise BadInput("A recipient is no age public key (age1...).") from None
    return found


def identity(path: Path) -> Any:
    """The secret key in ``path`` (one line ``AGE-SECRET-KEY-1...``), a file for its owner only."""
    import pyrage

    from lianfang.guard import files

    raw = files.read(path, limit=65_536).decode("ascii", "replace")
    lines = [line.strip() for line in raw.splitlines() if line.strip() and not line.startswith("#")]
    try:
        if len(lines) != 1:
            raise pyrage.IdentityError
        return pyrage.x25519.Identity.from_str(lines[0])
    except pyrage.IdentityError:
        raise BadInput(f"{path} holds no age secret key.") from None


def digest(path: Path) -> str:
    """SHA-256 of a file, read in parts."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write(
    target: Path,
    members: Mapping[str, Path],
    signed_manifest: Mapping[str, Any],
    to: Sequence[Any],
    *,
    progress: Progress | None = None,
) -> None:
    """Write an archive in one step: it bears its name only when all of it is on the disk (0600).

    ``members``: name in the archive -> file. Plain bytes go through memory only, never to the disk.
    """
    report = progress or silent
    draft = target.with_name(f".{target.name}.part")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(handle, "wb") as stream:
            with _encrypting(stream, to) as plain, tarfile.open(mode="w|", fileobj=plain) as tar:
                text = canonical(dict(signed_manifest))
                _add(tar, MANIFEST, len(text), io.BytesIO(text))
                for number, (name, path) in enumerate(members.items()):
                    with path.open("rb") as source:
                        _add(tar, name, path.stat().st_size, source)
                    report("backup", number + 1, len(members))
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(target)
        _sync(target.parent)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def _add(tar: tarfile.TarFile, name: str, size: int, source: IO[bytes]) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o600
    tar.addfile(info, source)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _encrypting(target: IO[bytes], to: Sequence[Any]) -> Iterator[IO[bytes]]:
    """A stream whose bytes arrive encrypted in ``target``."""
    import pyrage

    with _other_end(lambda source: pyrage.encrypt_io(source, target, list(to)), write=True) as stream:
        yield stream


@contextmanager
def _other_end(work: Any, *, write: bool) -> Iterator[IO[bytes]]:
    """A pipe whose other end ``work`` handles in a thread of its own; its failure is raised here."""
    read_end, write_end = os.pipe()
    mine, theirs = (write_end, read_end) if write else (read_end, write_end)
    failed: list[BaseException] = []

    def run() -> None:
        try:
            with os.fdopen(theirs, "rb" if write else "wb", closefd=True) as stream:
                work(stream)
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run, name="age", daemon=True)
    thread.start()
    try:
        with os.fdopen(mine, "wb" if write else "rb") as stream:
            yield stream
    except BaseException as error:
        thread.join(timeout=60)
        if failed and not isinstance(failed[0], BrokenPipeError):
            raise failed[0] from error
        raise
    thread.join()
    if failed and not isinstance(failed[0], BrokenPipeError):
        raise failed[0]


class Reader:
    """An archive opened for reading: its manifest at once, then its files in order, each checked."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar
        first = tar.next()
        if first is None or first.name != MANIFEST or not first.isreg() or first.size > MAX_MANIFEST:
            raise BadInput("This is no backup of ours: it has no manifest.")
        body = tar.extractfile(first)
        try:
            self.signed: dict[str, Any] = json.loads(body.read() if body else b"")
            self.manifest: dict[str, Any] = self.signed["payload"]
            self.files: dict[str, dict[str, Any]] = {one["name"]: one for one in self.manifest["files"]}
            if self.manifest["format"] != FORMAT or len(self.files) > MAX_FILES:
                raise ValueError
            total = sum(int(one["size"]) for one in self.files.values())
            if total > MAX_BYTES or any(int(one["size"]) < 0 for one in self.files.values()):
                raise ValueError
        except (ValueError, KeyError, TypeError, RecursionError):
            raise BadInput("The backup's manifest is damaged or of another format.") from None
        for name in self.files:
            if not _NAME.match(name) or ".." in PurePosixPath(name).parts:
                raise BadInput("The backup's manifest names a file that no backup of ours has.")

    def extract(self, folder: Path, *, progress: Progress | None = None) -> None:
        """Write every file below ``folder``; each has the size and digest that the manifest says.

        Raises:
            BadInput: a file that was not announced, announced twice, missing, or different.
        """
        report, left = progress or silent, dict(self.files)
        while (info := self._tar.next()) is not None:
            said = left.pop(info.name, None)
            if said is None or not info.isreg() or info.size != said["size"]:
                raise BadInput("The backup holds a file that its manifest does not announce.")
            source = self._tar.extractfile(info)
            target = folder.joinpath(*PurePosixPath(info.name).parts)
            for parent in reversed(target.relative_to(folder).parents[:-1]):
                (folder / parent).mkdir(mode=0o700, exist_ok=True)
            if source is None or _copy(source, target) != said["sha256"]:
                raise BadInput(f"The file {info.name} in the backup is not the one that was put in.")
            report("restore", len(self.files) - len(left), len(self.files))
        if left:
            raise BadInput(f"The backup is cut short: {len(left)} files are missing.")


def _copy(source: IO[bytes], target: Path) -> str:
    found = hashlib.sha256()
    handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as stream:
        while part := source.read(_PART):
            found.update(part)
            stream.write(part)
        stream.flush()
        os.fsync(stream.fileno())
    return found.hexdigest()


@contextmanager
def opened(archive: Path, key: Any) -> Iterator[Reader]:
    """An archive opened with a secret key.

    Raises:
        BadInput: it cannot be read, is damaged, or is no archive. Refused: the key is not one of its recipients'.
    """
    import pyrage

    try:
        source = archive.open("rb")
    except OSError as error:
        raise BadInput(f"{archive.name} cannot be read: {error.strerror}.") from None
    with source:
        try:
            with _other_end(lambda sink: pyrage.decrypt_io(source, sink, [key]), write=False) as plain:
                with tarfile.open(mode="r|", fileobj=plain) as tar:
                    yield Reader(tar)
                with suppress(OSError):
                    while plain.read(_PART):  # the padding: age authenticates to the last byte
                        pass
        except pyrage.DecryptError as error:
            if "matching keys" in str(error).lower() or "no matching" in str(error).lower():
                raise Refused("This key opens none of the backup's locks.", code="not_a_recipient") from None
            raise BadInput("The backup is damaged: it does not decrypt.") from None
        except (tarfile.TarError, EOFError):
            raise BadInput("The backup is damaged, or no backup at all.") from None
        except OSError as error:
            if error.errno is None:  # the decrypting side's word for bytes that were changed or cut off
                raise BadInput("The backup is damaged: it does not decrypt.") from None
            raise Fault(f"The backup could not be read or written ({error.strerror}).") from None
