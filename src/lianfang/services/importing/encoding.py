"""Which encoding a text is in: told strictly from its bytes, or refused with the place of the doubt.

A text is UTF-8 when all of it is valid UTF-8, and GB18030 when all of it is valid GB18030, no line of it is
plainly UTF-8, and what comes out is Chinese as it is written (four fifths of it in GB/T 2312). Everything
else is refused. Valid UTF-8 with Chinese in it is practically never meant as GB18030, so one such line
beside lines that are not UTF-8 is a mixed file.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from lianfang.services.importing.source import Source

BLOCK = 1 << 20
_BOM = b"\xef\xbb\xbf"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_CHINESE = re.compile("[\u3000-\u303f\u3400-\u9fff\uff01-\uff5e]")
_HIGH = re.compile(rb"[\x80-\xff]")
_PLAIN_SHARE = 0.8


@dataclass(frozen=True)
class Text:
    """What the first pass over a text found."""

    encoding: str
    sha256: str


def blocks(source: Source, stream: IO[bytes]) -> Iterator[bytes]:
    """The stream in blocks of whole lines; a line beyond the bound is refused when the bound is reached."""
    carry = b""
    line = 1
    while data := stream.read(BLOCK):
        cut = data.rfind(b"\n")
        if cut < 0:
            carry += data
            if len(carry) > source.limits.line_bytes:
                raise source.bad(f"has a line longer than {source.limits.line_bytes} bytes (line {line})")
            continue
        block, carry = carry + data[: cut + 1], data[cut + 1 :]
        line += block.count(b"\n")
        yield block
    if carry:
        if len(carry) > source.limits.line_bytes:
            raise source.bad(f"has a line longer than {source.limits.line_bytes} bytes (line {line})")
        yield carry


def inspect(source: Source, wanted: str = "auto") -> Text:
    """Digest and encoding of a text, in one pass of bounded memory.

    Raises:
        BadInput: a NUL byte, UTF-16, bytes of no or of two encodings; names line and byte offset.
    """
    judge = _Judge(source, wanted)
    digest = hashlib.sha256()
    with source.stream() as stream:
        offset, line = 0, 1
        for block in blocks(source, stream):
            digest.update(block)
            if offset == 0 and block.startswith(_UTF16):
                raise source.bad("is UTF-16 text", "Save it as UTF-8.")
            if (at := block.find(b"\x00")) >= 0:
                where = line + block.count(b"\n", 0, at)
                raise source.bad(f"holds a NUL byte at byte {offset + at} (line {where})")
            judge.see(block, offset, line)
            offset += len(block)
            line += block.count(b"\n")
    return Text(judge.verdict(), digest.hexdigest())


class _Judge:
    """Collects the evidence for one encoding or the other."""

    def __init__(self, source: Source, wanted: str) -> None:
        self.source = source
        self.wanted = wanted
        self.bom = False
        self.utf8 = ""  # where a line is plainly UTF-8
        self.other = ""  # where a line is not UTF-8
        self.chinese = 0
        self.plain = 0

    def see(self, block: bytes, offset: int, line: int) -> None:
        if offset == 0 and block.startswith(_BOM):
            self.bom = True
            block, offset = block[3:], 3
        if not self.other and self.wanted != "gb18030":
            try:
                text = block.decode("utf-8")
            except UnicodeDecodeError:
                pass
            else:
                if not self.utf8 and _CHINESE.search(text):
                    self.utf8 = _place(block, text, offset, line)
                return
        for raw in block.splitlines(keepends=True):
            if _HIGH.search(raw):
                self._line(raw, offset, line)
            offset += len(raw)
            line += raw.endswith(b"\n")

    def _line(self, raw: bytes, offset: int, line: int) -> None:
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError as error:
            place = f"byte {offset + error.start} (line {line})"
            if self.wanted == "utf-8" or self.bom:
                raise self.source.bad(f"is not valid UTF-8 at {place}") from None
            self.other = self.other or place
        else:
            if self.wanted != "gb18030" and _CHINESE.search(text):
                self.utf8 = self.utf8 or f"byte {offset} (line {line})"
                if not self.other:
                    return
        if self.utf8 and self.other:
            raise self.source.bad(
                f"mixes encodings: UTF-8 at {self.utf8}, something else at {self.other}",
                "Save the whole file in one encoding, UTF-8 or GB18030.",
            )
        try:
            text = raw.decode("gb18030")
        except UnicodeDecodeError as error:
            raise self.source.bad(
                f"is neither valid UTF-8 nor valid GB18030 at byte {offset + error.start} (line {line})",
                "Save it as UTF-8.",
            ) from None
        high = [character for character in text if character > "\x7f"]
        self.chinese += len(high)
        self.plain += len("".join(high).encode("gb2312", "ignore")) // 2

    def verdict(self) -> str:
        if self.bom:
            return "utf-8-sig"
        if self.wanted == "gb18030":
            return "gb18030"
        if not self.other:
            return "utf-8"
        if self.plain < _PLAIN_SHARE * self.chinese:
            raise self.source.bad(
                f"is not UTF-8 (at {self.other}), and as GB18030 it does not read as Chinese",
                "Save it as UTF-8, or name its encoding in the mapping.",
            )
        return "gb18030"


def _place(block: bytes, text: str, offset: int, line: int) -> str:
    before = _CHINESE.split(text, maxsplit=1)[0]
    return f"byte {offset + len(before.encode())} (line {line + before.count(chr(10))})"
