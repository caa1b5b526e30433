"""Workbooks (.xlsx): looked through as zip and XML first, so that a bomb is seen before it is opened."""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO, Any

from lianfang.services.importing.source import Source
from lianfang.services.importing.tables import Cells, texts

_CELL = re.compile(rb'<c[^>]{0,200}?\sr="([A-Z]{1,4})(\d{1,8})"')
_ROW = re.compile(rb'<row[^>]{0,200}?\sr="(\d{1,8})"')
#: As an XML parser may read them: in UTF-8 and in both orders of UTF-16.
_FORMS = ("utf-8", "utf-16-le", "utf-16-be")
_DOCTYPE = tuple(mark.encode(form) for mark in ("<!DOCTYPE", "<!ENTITY") for form in _FORMS)
_MEMBERS = 10_000


#: Parts of a workbook that can act: macros, old macro sheets, controls, embedded objects (REQ-P-72).
_ACTIVE = re.compile(r"vbaproject|vbadata|macrosheets/|activex/|embeddings/|\.(?:exe|dll|bin\.exe|js|vbs)$")


def sheet_rows(source: Source, sheet: str | int = 0) -> Iterator[Cells]:
    """Rows of one sheet as text; what a formula last gave counts, the formula is never run."""
    with source.unpacked() as stream:
        _look_through(source, stream)
        stream.seek(0)
        yield from texts(_read(source, stream, sheet))
    source.unchanged()


def _look_through(source: Source, stream: IO[bytes]) -> None:
    """Refuse what would grow too large: members, sizes as they really unpack, far-off cells, entities."""
    try:
        with zipfile.ZipFile(stream) as archive:
            members = archive.infolist()
            if len(members) > _MEMBERS:
                raise source.bad(f"is a workbook of {len(members)} parts")
            if any(member.flag_bits & 1 for member in members):
                raise source.bad("is an encrypted workbook", "Save it without a password.")
            if not any(member.filename == "xl/workbook.xml" for member in members):
                raise source.bad("is a zip archive, not a workbook", "Deliver the files one by one.")
            if any(_ACTIVE.search(member.filename.lower()) for member in members):
                raise source.bad(
                    "holds macros or embedded programs", "Save it as .xlsx without macros, or as CSV."
                )
            total = 0
            for member in members:
                total = _member(source, archive, member, total)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, ValueError):
        raise source.bad("is damaged or cut short (workbook)", "Have it delivered again.") from None


def _member(source: Source, archive: zipfile.ZipFile, member: zipfile.ZipInfo, total: int) -> int:
    is_sheet = member.filename.startswith("xl/worksheets/")
    row = column = 0
    tail = b""
    with archive.open(member) as part:
        while block := part.read(1 << 20):
            total += len(block)
            if total > source.limits.sheet_bytes:
                raise source.bad("grows beyond all measure when it is unpacked", "Save it as CSV.")
            seen = tail + block
            if any(mark in seen for mark in _DOCTYPE):
                raise source.bad("defines XML entities, which a workbook has no use for")
            if is_sheet:
                for letters, digits in _CELL.findall(seen):
                    column = max(column, _column(letters))
                    row = max(row, int(digits))
                row = max([row, *map(int, _ROW.findall(seen))])
                if row * max(column, 1) > source.limits.sheet_cells:
                    raise source.bad(
                        f"has cells as far as row {row}, column {column}; that is too large a sheet",
                        "Delete the far cells, or save it as CSV.",
                    )
            tail = block[-256:]
    return total


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def _read(source: Source, stream: IO[bytes], sheet: str | int) -> Iterator[list[Any]]:
    """By calamine; what calamine cannot read, by openpyxl's reader that streams."""
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        book = CalamineWorkbook.from_filelike(stream)
        if isinstance(sheet, str) and sheet not in book.sheet_names:
            raise source.bad(f"has no sheet {sheet!r}")
        found = book.get_sheet_by_name(sheet) if isinstance(sheet, str) else book.get_sheet_by_index(sheet)
        rows = found.to_python(skip_empty_area=False)
    except (CalamineError, OSError, ValueError, IndexError):
        stream.seek(0)
        yield from _slowly(source, stream, sheet)
        return
    yield from rows


def _slowly(source: Source, stream: IO[bytes], sheet: str | int) -> Iterator[list[Any]]:
    from openpyxl import load_workbook

    try:
        book = load_workbook(stream, read_only=True, data_only=True)
        found = book[sheet] if isinstance(sheet, str) else book.worksheets[sheet]
        for row in found.iter_rows(values_only=True):
            yield list(row)
    except Exception:  # whatever openpyxl's parsers raise: the file is unreadable by both readers
        raise source.bad("is not a readable workbook", "Save it again as .xlsx, or as CSV.") from None
