"""Sealed values of the vault.

Suite byte, nonce, AES-256-GCM, and associated data that name the value's place.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Iterable, Iterator

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from lianfang.foundation.errors import BadInput, Fault
from lianfang.guard.vault.tables import SCHEMA_VERSION

#: First byte of every ciphertext. 2 is kept for SM4-GCM (the national profile).
AES_256_GCM = 1
_SUITE = bytes([AES_256_GCM])
NONCE = 12
_PACKED = b"\x01"


def derive(secret: bytes, *names: str) -> bytes:
    """A 256-bit key for the use that ``names`` say (HKDF-Expand, RFC 5869; ``secret`` is uniform already)."""
    info = "lianfang/vault/1\x1f" + "\x1f".join(names)
    return HKDFExpand(SHA256(), 32, info.encode()).derive(secret)


@functools.lru_cache(maxsize=4096)
def _frame(table: str, column: str, version: int) -> tuple[bytes, bytes]:
    return f"{table}\x00{column}\x00".encode(), f"\x00{version}".encode()


def place(table: str, column: str, row: str, version: int = SCHEMA_VERSION) -> bytes:
    """Associated data of one value. Moved to another column, row or table it does not open."""
    before, after = _frame(table, column, version)
    return before + row.encode() + after


def seal(cipher: AESGCM, nonce: bytes, data: bytes, aad: bytes) -> bytes:
    return _SUITE + nonce + cipher.encrypt(nonce, data, aad)


def unseal(cipher: AESGCM, sealed: bytes, aad: bytes) -> bytes:
    """The value, or a Fault that says nothing about it."""
    if len(sealed) < 1 + NONCE + 16 or sealed[0] != AES_256_GCM:
        raise Fault(
            "A sealed value in the vault has an unknown form.",
            hint="The row was changed, or a newer version wrote it. Run: lianfang ledger check",
            code="vault_tampered",
        )
    try:
        return cipher.decrypt(sealed[1 : 1 + NONCE], sealed[1 + NONCE :], aad)
    except InvalidTag:
        raise Fault(
            "A sealed value in the vault does not open in its place.",
            hint="The key is another one, or the row was changed or moved. Restore it from a backup.",
            code="vault_tampered",
        ) from None


def pack(items: Iterable[tuple[str, bytes]]) -> bytes:
    """Several sealed fields in one column: name length, name, length, ciphertext."""
    parts = [_PACKED]
    for name, sealed in items:
        raw = name.encode()
        parts += (len(raw).to_bytes(1, "big"), raw, len(sealed).to_bytes(4, "big"), sealed)
    return b"".join(parts)


def unpack(packed: bytes) -> Iterator[tuple[str, bytes]]:
    if not packed or packed[:1] != _PACKED:
        raise Fault("A subject's fields in the vault have an unknown form.", code="vault_tampered")
    at, end = 1, len(packed)
    try:
        while at < end:
            size = packed[at]
            name = packed[at + 1 : at + 1 + size].decode()
            at += 1 + size
            (length,) = struct.unpack_from(">I", packed, at)
            at += 4
            if at + length > end:
                raise ValueError
            yield name, packed[at : at + length]
            at += length
    except (struct.error, ValueError, IndexError):
        raise Fault("A subject's fields in the vault are cut short.", code="vault_tampered") from None


def check_name(what: str, name: str, limit: int = 64) -> str:
    """Ids and purposes that go into keys and associated data: short, printable ASCII, no spaces."""
    if not 0 < len(name) <= limit or not all("!" <= c <= "~" for c in name):
        raise BadInput(f"{what} must be 1 to {limit} printable ASCII characters without spaces.")
    return name
