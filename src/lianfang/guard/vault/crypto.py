"""Sealed values of the vault: suite byte, nonce, ciphertext with its tag, associated data naming the value's place.

Two suites stand side by side, AES-256-GCM (NIST SP 800-38D) and SM4-GCM, the national profile (GB/T 32907-2016, in
GCM as RFC 8998 uses it). Whoever reads accepts both; which one is written is a setting.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Iterable, Iterator
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher as Primitive
from cryptography.hazmat.primitives.ciphers import modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import SM4
from cryptography.hazmat.primitives.hashes import SHA256, SM3
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from lianfang.foundation.errors import BadInput, Fault
from lianfang.guard.vault.tables import SCHEMA_VERSION

#: First byte of every ciphertext.
AES_256_GCM, SM4_GCM = 1, 2
#: Their names, as in the setting ``cipher_suite``.
SUITES = {"aes-256-gcm": AES_256_GCM, "sm4-gcm": SM4_GCM}
NONCE = 12
TAG = 16
_PACKED = b"\x01"


class Aead(Protocol):
    """Authenticated encryption under one key: the tag stands at the end of the ciphertext."""

    def encrypt(self, nonce: bytes, data: bytes, aad: bytes) -> bytes: ...

    def decrypt(self, nonce: bytes, data: bytes, aad: bytes) -> bytes: ...


class Sm4Gcm:
    """SM4-GCM under a key of 16 bytes, with a tag of 16 bytes; raises InvalidTag as AESGCM does."""

    __slots__ = ("_key",)

    def __init__(self, key: bytes) -> None:
        self._key = SM4(key)

    def encrypt(self, nonce: bytes, data: bytes, aad: bytes) -> bytes:
        made = Primitive(self._key, modes.GCM(nonce)).encryptor()
        made.authenticate_additional_data(aad)
        return made.update(data) + made.finalize() + made.tag

    def decrypt(self, nonce: bytes, data: bytes, aad: bytes) -> bytes:
        if len(data) < TAG:
            raise InvalidTag
        made = Primitive(self._key, modes.GCM(nonce, data[-TAG:])).decryptor()
        made.authenticate_additional_data(aad)
        return made.update(data[:-TAG]) + made.finalize()


def _sm4_key(secret: bytes) -> bytes:
    # a key of its own, so that no key is ever used by two ciphers; derived with the profile's own hash
    return HKDFExpand(SM3(), 16, b"lianfang/vault/2\x1fsm4-gcm").derive(secret)


class Cipher:
    """One secret of 32 bytes and the suites under it: it writes in one and opens what either wrote."""

    __slots__ = ("_aes", "_secret", "_sm4", "_write")

    def __init__(self, secret: bytes, suite: int = AES_256_GCM) -> None:
        self._secret, self._write = secret, suite
        self._aes: Aead | None = None
        self._sm4: Aead | None = None

    def __repr__(self) -> str:
        return "<Cipher>"

    def seal(self, nonce: bytes, data: bytes, aad: bytes) -> bytes:
        """Close ``data`` so that it opens with the same ``aad`` only. ``nonce``: 12 random bytes."""
        return bytes([self._write]) + nonce + self._of(self._write).encrypt(nonce, data, aad)

    def unseal(self, sealed: bytes, aad: bytes) -> bytes:
        """The value, or a Fault that says nothing about it."""
        if len(sealed) < 1 + NONCE + TAG or sealed[0] not in (AES_256_GCM, SM4_GCM):
            raise Fault(
                "A sealed value in the vault has an unknown form.",
                hint="The row was changed, or a newer version wrote it. Run: lianfang ledger check",
                code="vault_tampered",
            )
        try:
            return self._of(sealed[0]).decrypt(sealed[1 : 1 + NONCE], sealed[1 + NONCE :], aad)
        except InvalidTag:
            raise Fault(
                "A sealed value in the vault does not open in its place.",
                hint="The key is another one, or the row was changed or moved. Restore it from a backup.",
                code="vault_tampered",
            ) from None

    def _of(self, suite: int) -> Aead:
        if suite == AES_256_GCM:
            if self._aes is None:
                self._aes = AESGCM(self._secret)
            return self._aes
        if self._sm4 is None:
            self._sm4 = Sm4Gcm(_sm4_key(self._secret))
        return self._sm4


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
