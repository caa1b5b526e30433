"""Bounds of what is read: a hostile file costs a message, not the machine."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """``*_bytes`` are bytes after decompression. ``ratio``: most that compressed data may grow."""

    line_bytes: int = 1 << 20
    columns: int = 2_000
    file_bytes: int = 8 << 30
    packed_bytes: int = 1 << 30  # a compressed Parquet or workbook, which is unpacked to be read
    sheet_bytes: int = 512 << 20
    sheet_cells: int = 8_000_000
    row_group_bytes: int = 1 << 30
    ratio: int = 200
    ratio_from: int = 32 << 20
    chunk_rows: int = 20_000


LIMITS = Limits()
