"""Looking through files of any origin for known values, in bounded memory.

Text in UTF-8, UTF-16 or GB18030, and what zip and gzip archives hold (workbooks and documents are zips), three deep. A
packed PDF or picture is not seen into.
"""

from __future__ import annotations

import codecs
import gzip
import hashlib
import html
import re
import tempfile
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Protocol

from lianfang.foundation.errors import BadInput
from lianfang.foundation.text import log_safe

MOST_BYTES = 1 << 30
#: All that one archive unpacks to, its inner ones included.
MOST_UNPACKED = 1 << 30
MOST_MEMBERS = 10_000
DEPTH = 3
_BLOCK = 1 << 20
_OVERLAP = 200
_HEAD = 1 << 16
_BREAKS = re.compile(r"(?<=[0-9])[\s\-‐-―−.()_·\u200b-\u200d\ufeff]{1,3}(?=[0-9Xx])")
_HAN = re.compile("[\u3400-\u9fff]{2,}")
# looked ahead for, so that numbers which run into each other are all seen
_ID = re.compile(r"(?=(4299[0-9]{13}[0-9Xx]))")
_PHONE = re.compile(r"(?=(154[0-9]{8}))")
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_GZIP = b"\x1f\x8b"
_DAMAGE = (
    zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError,
)  # fmt: skip


class Readable(Protocol):
    """What gives bytes in portions."""

    def read(self, size: int = ..., /) -> bytes: ...


@dataclass
class Wanted:
    """Values of planted records: value -> canary, by kind; and canary -> event."""

    numbers: dict[str, tuple[str, str]] = field(default_factory=dict)
    names: dict[str, set[str]] = field(default_factory=dict)
    events: dict[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"<Wanted: {len(self.events)} planted records>"

    def add(self, canary: str, event_id: str, fields: Mapping[str, str]) -> None:
        """One planted record."""
        self.events[canary] = event_id
        self.numbers[fields["resident_id"].upper()] = (canary, "resident_id")
        self.numbers[fields["phone"]] = (canary, "mobile")
        self.names.setdefault(fields["name"], set()).add(canary)


@dataclass
class _Seen:
    """What stood in one file or one member of an archive."""

    numbers: dict[str, set[str]] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)


class _Budget:
    """What an archive may still unpack."""

    def __init__(self, where: str) -> None:
        self.where, self.bytes, self.members = where, MOST_UNPACKED, MOST_MEMBERS

    def take(self, size: int) -> None:
        self.bytes -= size
        if self.bytes < 0:
            raise BadInput(f"{self.where} unpacks to more than {MOST_UNPACKED} bytes.")

    def member(self) -> None:
        self.members -= 1
        if self.members < 0:
            raise BadInput(f"{self.where} has more than {MOST_MEMBERS} parts.")


def look(path: Path, wanted: Wanted) -> list[dict[str, Any]]:
    """The planted records seen in a file: ``canary``, ``event_id``, ``file``, ``sha256``, ``by``.

    Raises:
        BadInput: not a plain file, unreadable, or larger (also unpacked) than the bounds.
    """
    where = log_safe(path.name, limit=120)
    try:
        if not path.is_file():
            raise BadInput(f"{where} is no file.")
        if path.stat().st_size > MOST_BYTES:
            raise BadInput(f"{where} is larger than {MOST_BYTES} bytes.")
        seen = _Seen()
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
            stream.seek(0)
            _through(stream, wanted, seen, _Budget(where), DEPTH)
    except OSError as error:
        raise BadInput(f"{where} cannot be read: {error.strerror}.") from None
    return [
        {"canary": canary, "event_id": wanted.events[canary], "file": where, "sha256": digest, "by": by}
        for canary, by in _judged(seen, wanted)
    ]


def _judged(seen: _Seen, wanted: Wanted) -> Iterator[tuple[str, list[str]]]:
    """Who is shown by what was seen: a number shows him, names only where two stand together."""
    by_name = {canary for name in seen.names for canary in wanted.names[name]}
    named = by_name if len(seen.names) > 1 else by_name & set(seen.numbers)
    for canary in sorted(set(seen.numbers) | named):
        kinds = set(seen.numbers.get(canary, ())) | ({"name"} if canary in named else set())
        yield canary, sorted(kinds)


def _through(stream: IO[bytes], wanted: Wanted, seen: _Seen, budget: _Budget, depth: int) -> None:
    head = stream.read(4)
    stream.seek(0)
    packed = head.startswith(_GZIP) or head in _ZIP
    if not packed:
        _text(stream, wanted, seen)
        return
    if not depth:
        raise BadInput(f"{budget.where} has archives within archives, more than {DEPTH} deep.")
    try:
        for part in _parts(stream, budget, is_zip=head in _ZIP):
            with _unpacked(part, budget) as held:
                _through(held, wanted, seen, budget, depth - 1)
    except _DAMAGE:
        raise BadInput(f"{budget.where} is a damaged archive.") from None


def _parts(stream: IO[bytes], budget: _Budget, *, is_zip: bool) -> Iterator[Readable]:
    if not is_zip:
        budget.member()
        with gzip.GzipFile(fileobj=stream) as part:
            yield part
        return
    with zipfile.ZipFile(stream) as archive:
        for member in archive.infolist():
            budget.member()
            if member.is_dir():
                continue
            if member.flag_bits & 1:
                raise BadInput(f"{budget.where} is encrypted; it cannot be searched.")
            with archive.open(member) as opened:
                yield opened


@contextmanager
def _unpacked(part: Readable, budget: _Budget) -> Iterator[IO[bytes]]:
    """A member's bytes where they can be read twice: its size is what it unpacks to, whatever the archive says."""
    with tempfile.SpooledTemporaryFile(max_size=8 << 20) as held:
        while block := part.read(_BLOCK):
            budget.take(len(block))
            held.write(block)
        held.seek(0)
        yield held


def _encoding(head: bytes) -> str:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return "gb18030"
    return "utf-8"


def _text(stream: IO[bytes], wanted: Wanted, seen: _Seen) -> None:
    head = stream.read(_HEAD)
    decoder = codecs.getincrementaldecoder(_encoding(head))(errors="replace")
    carry = ""
    block = head
    while block:
        text = carry + decoder.decode(block)
        _block(text, wanted, seen)
        carry = text[-_OVERLAP:]
        block = stream.read(_BLOCK)


def _block(text: str, wanted: Wanted, seen: _Seen) -> None:
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    if "&" in text:
        text = html.unescape(text)
    sizes = {len(name) for name in wanted.names}
    for run in _HAN.findall(text):
        for size in sizes:
            parts = {run[at : at + size] for at in range(len(run) - size + 1)}
            seen.names |= parts & wanted.names.keys()
    for variant in {text, _BREAKS.sub("", text)}:
        for form in (_ID, _PHONE):
            for number in form.findall(variant):
                if (hit := wanted.numbers.get(number.upper())) is not None:
                    seen.numbers.setdefault(hit[0], set()).add(hit[1])
