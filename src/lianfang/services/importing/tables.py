"""A delivered file as a header and chunks of rows of text, whatever its form."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import IO, Any

from lianfang.services.importing.encoding import blocks, inspect
from lianfang.services.importing.source import Source

Cells = list[str]


@dataclass
class Chunk:
    """Rows as wide as the header, with their numbers; and those that are not."""

    numbers: list[int]
    rows: list[Cells]
    misshapen: list[tuple[int, Cells]] = field(default_factory=list)


@dataclass
class Table:
    """An opened table. ``chunks`` can be walked once. ``sha256`` is that of the unpacked bytes."""

    header: list[str]
    chunks: Iterator[Chunk]
    sha256: str
    encoding: str


def read_table(
    source: Source,
    *,
    encoding: str = "auto",
    delimiter: str = "auto",
    header_row: int = 1,
    sheet: str | int = 0,
) -> Table:
    """Open ``source`` in its own form; the content decides, not the name.

    Raises:
        BadInput: whatever makes the file unreadable, with the place.
    """
    if source.form == "xlsx":
        from lianfang.services.importing.sheets import sheet_rows

        rows: Iterator[Cells] = sheet_rows(source, sheet)
        return _table(source, rows, header_row, _digest(source), "xlsx")
    if source.form == "parquet":
        from lianfang.services.importing.columns import parquet_rows

        return _table(source, parquet_rows(source), 1, _digest(source), "parquet")
    text = inspect(source, encoding)
    rows = _text_rows(source, text.encoding, delimiter, header_row)
    return _table(source, rows, header_row, text.sha256, text.encoding)


def _table(source: Source, rows: Iterator[Cells], header_row: int, sha256: str, encoding: str) -> Table:
    for _ in range(header_row - 1):
        next(rows, None)
    header = [name.strip() for name in next(rows, [])]
    while header and not header[-1]:
        header.pop()  # spreadsheets leave empty columns behind
    if not header:
        raise source.bad("has no header", "The first row names the columns.")
    if len(header) > source.limits.columns:
        raise source.bad(f"has {len(header)} columns; at most {source.limits.columns} are read")
    if unnamed := [at + 1 for at, name in enumerate(header) if not name]:
        raise source.bad(f"has a column without a name (number {unnamed[0]})")
    seen: set[str] = set()
    for at, name in enumerate(header):
        if len(name) > 200:
            raise source.bad(f"has a column name longer than 200 characters (number {at + 1})")
        if name in seen:
            raise source.bad(f"names the column {name!r} twice")
        seen.add(name)
    return Table(header, _chunks(source, rows, len(header), header_row + 1), sha256, encoding)


def _chunks(source: Source, rows: Iterator[Cells], width: int, number: int) -> Iterator[Chunk]:
    while part := list(islice(rows, source.limits.chunk_rows)):
        numbers = list(range(number, number + len(part)))
        number += len(part)
        if set(map(len, part)) == {width}:
            yield Chunk(numbers, part)
            continue
        chunk = Chunk([], [])
        for at, row in zip(numbers, part, strict=True):
            row = _trimmed(row, width)
            if len(row) == width:
                chunk.numbers.append(at)
                chunk.rows.append(row)
            elif any(row):
                chunk.misshapen.append((at, row))
        yield chunk


def _trimmed(row: Cells, width: int) -> Cells:
    """Without empty cells beyond the header; a blank row comes out empty."""
    while len(row) > width and not row[-1]:
        row = row[:-1]
    return row if any(row) else []


def _text_rows(source: Source, encoding: str, delimiter: str, header_row: int) -> Iterator[Cells]:
    if delimiter == "auto":
        delimiter = _delimiter(source, encoding, header_row)
    with source.stream() as stream:
        reader = csv.reader(_lines(source, stream, encoding), delimiter=delimiter, strict=True)
        try:
            yield from reader
        except csv.Error as error:
            raise source.bad(
                f"is not a well-formed table at line {reader.line_num}: {_said(error)}"
            ) from None
    source.unchanged()


def _said(error: csv.Error) -> str:
    """The reader's complaint; its few texts hold no value of the file."""
    text = str(error)
    if "field larger" in text:
        return "a cell is longer than 131,072 characters (a quotation mark that is not closed?)"
    if "unexpected end" in text:
        return "a quotation mark is not closed"
    if "new-line" in text:
        return "a lone carriage return"
    return "text after a closing quotation mark"


def _lines(source: Source, stream: IO[bytes], encoding: str) -> Iterator[str]:
    codec = "utf-8" if encoding == "utf-8-sig" else encoding
    first = encoding == "utf-8-sig"
    for block in blocks(source, stream):
        if first:
            block, first = block[3:], False
        try:
            yield from io.StringIO(block.decode(codec), newline="\n")
        except UnicodeDecodeError:
            raise source.bad(f"is not {encoding} throughout", "Save it as UTF-8.") from None


def _delimiter(source: Source, encoding: str, header_row: int) -> str:
    """Tab, semicolon or comma: the one that the header holds most of; commas when it holds none."""
    with source.stream() as stream:
        header = next(islice(_lines(source, stream, encoding), header_row - 1, None), "")
    counts = {mark: header.count(mark) for mark in (",", "\t", ";")}
    return max(counts, key=lambda mark: counts[mark])


def _digest(source: Source) -> str:
    digest = hashlib.sha256()
    with source.stream() as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def cell_text(value: Any) -> str:
    """A typed cell of a workbook or Parquet file as text: days and times in ISO form, whole numbers whole."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        if value != value:
            return ""
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if hasattr(value, "isoformat"):
        text: str = value.isoformat()
        return text.removesuffix("T00:00:00")
    return str(value)


def texts(rows: Iterable[Iterable[Any]]) -> Iterator[Cells]:
    """Rows of typed cells as rows of text."""
    for row in rows:
        yield [cell_text(value) for value in row]
