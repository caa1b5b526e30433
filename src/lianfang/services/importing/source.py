"""Opening what was delivered: plain or gzip, from a file or standard input; size and growth are bounded."""

from __future__ import annotations

import gzip
import io
import os
import re
import stat
import sys
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Literal

from lianfang.foundation.errors import BadInput
from lianfang.guard.redaction.exits import file_name
from lianfang.services.importing.limits import LIMITS, Limits

Form = Literal["text", "xlsx", "parquet"]
_GZIP = b"\x1f\x8b"
_ZIP = b"PK\x03\x04"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_PARQUET = b"PAR1"
_OTHER_ARCHIVES = {
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"7z\xbc\xaf\x27\x1c": "7z",
    b"Rar!": "rar",
    b"\x28\xb5\x2f\xfd": "zstd",
}


#: Bytes with which a program begins, whatever its name says: Linux, macOS, a script, a Windows shortcut.
_PROGRAMS = (
    b"\x7fELF",
    b"\xcf\xfa\xed\xfe",
    b"\xfe\xed\xfa",
    b"#!",
    b"\x4c\x00\x00\x00\x01\x14\x02\x00",
)
#: Endings of what a double click runs, and of office files that may carry macros.
_RUN = frozenset({
    "exe", "scr", "com", "pif", "cpl", "msi", "msp", "dll", "bat", "cmd", "ps1", "vbs", "vbe", "js", "jse",
    "wsf", "wsh", "hta", "jar", "lnk", "url", "reg", "sh", "py", "apk", "app", "dmg", "iso", "img", "docm",
    "dotm", "xlsm", "xlsb", "xltm", "xlam", "xla", "pptm", "potm", "ppam", "sldm",
})  # fmt: skip
#: Characters that make a name read otherwise than it is (right-to-left overrides, no width).
_TURNED = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")


def _innocent(name: str) -> None:
    """Refuse a name whose ending runs or carries macros, whatever ending stands before it (REQ-P-72)."""
    ending = name.lower().rstrip(". ").removesuffix(".gz").rstrip(". ").rpartition(".")[2].strip()
    if _TURNED.search(name):
        raise BadInput(
            f"{file_name(name)} has characters in its name that hide its ending.",
            hint="Have the file checked, then rename it.",
            code="unsafe_file",
        )
    if ending in _RUN:
        raise BadInput(
            f"{file_name(name)} ends in .{ending}, which a computer may run.",
            hint="Do not open it. Tables are .csv, .xlsx, .parquet, or one of them in .gz.",
            code="unsafe_file",
        )


class Source:
    """A delivered file, open. ``name`` is for messages; :meth:`stream` starts again from the beginning."""

    def __init__(self, name: str, file: IO[bytes], size: int, limits: Limits) -> None:
        _innocent(name)
        # a name is told in reports, errors and the batch's row: it may carry a person's
        self.name = file_name(name)
        self.size = size
        self.limits = limits
        self._file = file
        self._state = self._mark()
        head = self._head(file)
        self.packed = head.startswith(_GZIP)
        if self.packed:
            with self.stream() as inner:
                head = inner.read(16)
        self.form: Form = self._form(head)

    def _head(self, file: IO[bytes]) -> bytes:
        file.seek(0)
        return file.read(16)

    def _form(self, head: bytes) -> Form:
        # a table's first column may be called MZ: a Windows program has zero bytes right behind it
        if head.startswith(_PROGRAMS) or (head.startswith(b"MZ") and b"\0" in head):
            raise self.bad("is a program and not a table", "Have it checked; deliver the table itself.")
        if head.startswith(_ZIP):
            if self.packed and not self.name.lower().endswith(".xlsx.gz"):
                raise self.bad("holds a zip archive inside gzip", "Deliver one file, packed once.")
            return "xlsx"
        if head.startswith(_PARQUET):
            return "parquet"
        if head.startswith(_GZIP):
            raise self.bad("is packed twice", "Deliver one file, packed once.")
        if head.startswith(_OLE):
            raise self.bad(
                "is an old .xls workbook or an encrypted one",
                "Save it as .xlsx without a password, or as CSV.",
            )
        for magic, what in _OTHER_ARCHIVES.items():
            if head.startswith(magic):
                raise self.bad(f"is packed with {what}", "Only gzip is read.")
        return "text"

    def bad(self, what: str, hint: str | None = None) -> BadInput:
        """The error that names this file."""
        return BadInput(f"{self.name} {what}.", hint=hint)

    @contextmanager
    def stream(self) -> Iterator[IO[bytes]]:
        """The unpacked bytes from the beginning; reading past a bound raises :class:`BadInput`."""
        self._file.seek(0)
        try:
            if not self.packed:
                yield self._file
                return
            with gzip.GzipFile(fileobj=self._file, mode="rb") as inner:
                bounded = _Bounded(inner, self)
                yield io.BufferedReader(bounded, 1 << 18)  # type: ignore[type-var]
        except (EOFError, zlib.error, gzip.BadGzipFile):
            raise self.bad("is damaged or cut short (gzip)", "Have it delivered again.") from None

    @contextmanager
    def unpacked(self) -> Iterator[IO[bytes]]:
        """A seekable file of the unpacked bytes; a nameless temporary one when the source is gzip."""
        if not self.packed:
            self._file.seek(0)
            yield self._file
            return
        with tempfile.TemporaryFile() as plain, self.stream() as inner:
            size = 0
            while block := inner.read(1 << 20):
                size += len(block)
                if size > self.limits.packed_bytes:
                    raise self.bad(f"unpacks to more than {self.limits.packed_bytes} bytes")
                plain.write(block)
            plain.seek(0)
            yield plain

    def _mark(self) -> tuple[int, int]:
        status = os.fstat(self._file.fileno())
        return status.st_size, status.st_mtime_ns

    def unchanged(self) -> None:
        """Refuse a file that was written to while it was read."""
        if self._mark() != self._state:
            raise self.bad("changed while it was read", "Import it when it is complete.")


class _Bounded(io.RawIOBase):
    """Counts what comes out of gzip, and stops a bomb."""

    def __init__(self, inner: gzip.GzipFile, source: Source) -> None:
        self.inner = inner
        self.source = source
        self.total = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        data = self.inner.read(min(len(buffer), 1 << 18))
        buffer[: len(data)] = data
        self.total += len(data)
        limits = self.source.limits
        grown = self.total > limits.ratio_from and self.total > limits.ratio * max(self.source.size, 1)
        if grown or self.total > limits.file_bytes:
            raise self.source.bad("grows beyond all measure when it is unpacked", "Deliver it unpacked.")
        return len(data)


@contextmanager
def opened(path: Path | str, limits: Limits = LIMITS) -> Iterator[Source]:
    """Open a delivered file, or standard input for ``-`` (kept in a nameless temporary file)."""
    if str(path) == "-":
        with tempfile.TemporaryFile() as kept:
            size = 0
            while block := sys.stdin.buffer.read(1 << 20):
                size += len(block)
                if size > limits.file_bytes:
                    raise BadInput(f"Standard input is longer than {limits.file_bytes} bytes.")
                kept.write(block)
            kept.flush()
            yield Source("standard input", kept, size, limits)
        return
    file = Path(path)
    try:
        handle = os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise BadInput(f"{file_name(file.name)} cannot be read: {error.strerror}.") from None
    status = os.fstat(handle)
    if not stat.S_ISREG(status.st_mode):
        os.close(handle)
        raise BadInput(f"{file_name(file.name)} is not a plain file.")
    with os.fdopen(handle, "rb") as stream:
        if status.st_size == 0:
            raise BadInput(f"{file_name(file.name)} is empty.")
        if status.st_size > limits.file_bytes:
            raise BadInput(f"{file_name(file.name)} is larger than {limits.file_bytes} bytes.")
        yield Source(file.name, stream, status.st_size, limits)
