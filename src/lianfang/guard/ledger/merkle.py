"""The Merkle tree of RFC 6962 section 2 (SHA-256), and the verification of RFC 9162 section 2.1. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

EMPTY_ROOT = hashlib.sha256(b"").digest()
SIZE = 32

#: Gives the hash of the complete subtree of ``2**level`` leaves number ``index``.
Subtree = Callable[[int, int], bytes]


def leaf_hash(entry: bytes) -> bytes:
    """Hash of one entry: SHA-256(0x00 || entry)."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node: SHA-256(0x01 || left || right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def fold(hashes: Sequence[bytes]) -> bytes:
    """Root over a power of two of hashes."""
    sha, level = hashlib.sha256, list(hashes)
    while len(level) > 1:
        level = [sha(b"\x01" + level[at] + level[at + 1]).digest() for at in range(0, len(level), 2)]
    return level[0]


def range_hash(start: int, end: int, subtree: Subtree) -> bytes:
    """MTH(D[start:end]) for a range that begins at a multiple of the power of two that covers it."""
    if start == end:
        return EMPTY_ROOT
    width = end - start
    if width & (width - 1) == 0:
        level = width.bit_length() - 1
        return subtree(level, start >> level)
    split = start + _split(width)
    return node_hash(range_hash(start, split, subtree), range_hash(split, end, subtree))


def inclusion_path(index: int, size: int, subtree: Subtree) -> list[bytes]:
    """PATH(index, D[0:size]) of RFC 6962 section 2.1.1, from the leaf's sibling up."""
    path, start, end = [], 0, size
    while end - start > 1:
        split = start + _split(end - start)
        if index < split:
            path.append(range_hash(split, end, subtree))
            end = split
        else:
            path.append(range_hash(start, split, subtree))
            start = split
    return path[::-1]


def consistency_path(first: int, second: int, subtree: Subtree) -> list[bytes]:
    """PROOF(first, D[0:second]) of RFC 6962 section 2.1.2; empty for ``first`` 0 or equal to ``second``."""
    if first in (0, second):
        return []
    path, start, end, whole = [], 0, second, True
    while first != end:
        split = start + _split(end - start)
        if first <= split:
            path.append(range_hash(split, end, subtree))
            end = split
        else:
            path.append(range_hash(start, split, subtree))
            start, whole = split, False
    if not whole:
        path.append(range_hash(start, end, subtree))
    return path[::-1]


def verify_inclusion(index: int, size: int, leaf: bytes, path: Sequence[bytes], root: bytes) -> bool:
    """Is ``leaf`` (a leaf hash) entry ``index`` of the tree with this size and root? RFC 9162 section
    2.1.3.2."""
    if not 0 <= index < size or len(root) != SIZE or any(len(h) != SIZE for h in (leaf, *path)):
        return False
    at, last, found = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            return False
        if at & 1 or at == last:
            found = node_hash(sibling, found)
            while not at & 1 and at:
                at >>= 1
                last >>= 1
        else:
            found = node_hash(found, sibling)
        at >>= 1
        last >>= 1
    return last == 0 and found == root


def verify_consistency(
    first: int, second: int, first_root: bytes, second_root: bytes, path: Sequence[bytes]
) -> bool:
    """Does the tree of size ``second`` only add to that of size ``first``? RFC 9162 section 2.1.4.2."""
    if not 0 <= first <= second or any(len(h) != SIZE for h in (first_root, second_root, *path)):
        return False
    if first == second:
        return not path and first_root == second_root
    if first == 0:
        return not path and first_root == EMPTY_ROOT
    whole = [first_root, *path] if first & (first - 1) == 0 else path
    return roots_of(first, second, whole) == (first_root, second_root)


def roots_of(first: int, second: int, path: Sequence[bytes]) -> tuple[bytes, bytes] | None:
    """The roots of the trees of size ``first`` and ``second`` that a consistency path leads to; None when to none.

    ``path`` begins with its own first hash also where RFC 6962 leaves it out, for ``first`` a power of two.
    """
    if not path or not 0 < first < second:
        return None
    at, last = first - 1, second - 1
    while at & 1:
        at >>= 1
        last >>= 1
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            return None
        if at & 1 or at == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while not at & 1 and at:
                at >>= 1
                last >>= 1
        else:
            new = node_hash(new, sibling)
        at >>= 1
        last >>= 1
    return (old, new) if last == 0 else None


def _split(width: int) -> int:
    """The largest power of two below ``width``."""
    return 1 << ((width - 1).bit_length() - 1)
