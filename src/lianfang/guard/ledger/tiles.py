"""The names and bytes of C2SP tlog-tiles: tile paths, entry bundles, and which tiles a tree of a size has."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from lianfang.foundation.errors import BadInput, NotFound

#: Hashes in a full tile, entries in a full bundle.
WIDTH = 256
MAX_ENTRY = 65_535
_MAX_INDEX = 1 << 55  # no tree of 2**63 entries has more tiles

_INDEX = re.compile(r"(?:x[0-9]{3}/){0,6}[0-9]{3}")
_TILE = re.compile(rf"({_INDEX.pattern})(?:\.p/([1-9][0-9]{{0,2}}))?\Z")


def tile_path(index: int, width: int = WIDTH) -> str:
    """The path element of a tile's index: 1234067 -> x001/x234/067, partial with .p/width."""
    parts = [f"{index % 1000:03d}"]
    while index := index // 1000:
        parts.append(f"x{index % 1000:03d}")
    return "/".join(reversed(parts)) + (f".p/{width}" if width != WIDTH else "")


def parse_tile_path(path: str) -> tuple[int, int]:
    """Index and width that ``path`` (``x001/234.p/7``) names; NotFound unless it is the one spelling of them."""
    found = _TILE.match(path)
    if found:
        index = int(found[1].replace("x", "").replace("/", ""))
        width = int(found[2]) if found[2] else WIDTH
        if index < _MAX_INDEX and width <= WIDTH and tile_path(index, width) == path:
            return index, width
    raise NotFound("That is no tile's path.", hint="It reads 007, x001/234 or 007.p/12.", code="tile_path")


def bundle_bytes(entries: Sequence[bytes]) -> bytes:
    """An entry bundle: each entry after its length in two bytes, big-endian."""
    return b"".join(len(one).to_bytes(2, "big") + one for one in entries)


def split_bundle(raw: bytes, width: int, *, or_more: bool = False) -> list[bytes]:
    """The ``width`` entries of a bundle; BadInput when it holds fewer, more (unless ``or_more``), or half an entry."""
    entries: list[bytes] = []
    at = 0
    while at + 2 <= len(raw) and len(entries) < width:
        end = at + 2 + int.from_bytes(raw[at : at + 2], "big")
        if end > len(raw):
            break
        entries.append(raw[at + 2 : end])
        at = end
    if len(entries) != width or (at != len(raw) and not or_more):
        raise BadInput(f"That is no bundle of {width} entries.", code="bundle")
    return entries


def bundles(size: int, start: int = 0) -> Iterator[tuple[int, int]]:
    """Index and width of each entry bundle (or tile of level 0) from entry ``start``'s on in a tree of ``size``."""
    for index in range(start // WIDTH, -(-size // WIDTH)):
        yield index, min(WIDTH, size - index * WIDTH)


def in_tree(size: int, level: int, index: int, width: int) -> bool:
    """Whether a tree of ``size`` entries has at least ``width`` hashes in this tile."""
    return 0 <= level < 64 and 0 < width <= WIDTH and index * WIDTH + width <= size >> (8 * level)
