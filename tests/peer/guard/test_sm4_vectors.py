"""SM4-GCM against the published vector of RFC 8998, appendix A.1, and against a cipher built from SM4 blocks alone."""

from __future__ import annotations

import os

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher as Primitive
from cryptography.hazmat.primitives.ciphers import algorithms, modes

from lianfang.guard.vault.crypto import AES_256_GCM, SM4_GCM, Cipher, Sm4Gcm

KEY = bytes.fromhex("0123456789ABCDEFFEDCBA9876543210")
NONCE = bytes.fromhex("00001234567800000000ABCD")
AAD = bytes.fromhex("FEEDFACEDEADBEEFFEEDFACEDEADBEEFABADDAD2")
PLAIN = bytes.fromhex("AA" * 8 + "BB" * 8 + "CC" * 8 + "DD" * 8 + "EE" * 8 + "FF" * 8 + "EE" * 8 + "AA" * 8)
SEALED = bytes.fromhex(
    "17F399F08C67D5EE19D0DC9969C4BB7D5FD46FD3756489069157B282BB200735"
    "D82710CA5C22F0CCFA7CBF93D496AC15A56834CBCF98C397B4024A2691233B8D"
)
TAG = bytes.fromhex("83DE3541E4C2B58177E065A9BF7B62EC")


def test_rfc_8998_a_1() -> None:
    cipher = Sm4Gcm(KEY)
    assert cipher.encrypt(NONCE, PLAIN, AAD) == SEALED + TAG
    assert cipher.decrypt(NONCE, SEALED + TAG, AAD) == PLAIN


@pytest.mark.parametrize("at", [0, 63, 64, 79])
def test_rfc_8998_a_1_changed_in_one_bit_is_refused(at: int) -> None:
    bad = bytearray(SEALED + TAG)
    bad[at] ^= 1
    for sealed, aad in ((bytes(bad), AAD), (SEALED + TAG, AAD[:-1]), (TAG[:15], AAD), (b"", AAD)):
        with pytest.raises(InvalidTag):
            Sm4Gcm(KEY).decrypt(NONCE, sealed, aad)


def _block(key: bytes, block: bytes) -> bytes:
    return Primitive(algorithms.SM4(key), modes.ECB()).encryptor().update(block)


def _times(x: int, y: int) -> int:
    """Product in GF(2^128) as NIST SP 800-38D section 6.3 has it."""
    z = 0
    for bit in range(127, -1, -1):
        if x >> bit & 1:
            z ^= y
        y = y >> 1 ^ (0xE1 << 120 if y & 1 else 0)
    return z


def _slow_gcm(key: bytes, nonce: bytes, data: bytes, aad: bytes) -> bytes:
    """GCM written out from SP 800-38D over single blocks: the oracle."""
    h = int.from_bytes(_block(key, bytes(16)), "big")

    def stream(number: int) -> bytes:
        return _block(key, nonce + number.to_bytes(4, "big"))

    sealed = b"".join(
        bytes(a ^ b for a, b in zip(data[at : at + 16], stream(2 + at // 16), strict=False))
        for at in range(0, len(data), 16)
    )
    y = 0
    for part in (aad, sealed):
        for at in range(0, len(part), 16):
            y = _times(y ^ int.from_bytes(part[at : at + 16].ljust(16, b"\0"), "big"), h)
    y = _times(y ^ (len(aad) * 8 << 64 | len(sealed) * 8), h)
    return sealed + bytes(a ^ b for a, b in zip(y.to_bytes(16, "big"), stream(1), strict=True))


@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 300])
def test_equal_to_gcm_written_out(size: int) -> None:
    key, nonce, data, aad = os.urandom(16), os.urandom(12), os.urandom(size), os.urandom(size // 3)
    assert Sm4Gcm(key).encrypt(nonce, data, aad) == _slow_gcm(key, nonce, data, aad)


def test_a_reader_opens_both_suites_and_the_writer_follows_the_choice() -> None:
    secret, nonce = os.urandom(32), os.urandom(12)
    made = {suite: Cipher(secret, suite).seal(nonce, b"value", b"place") for suite in (AES_256_GCM, SM4_GCM)}
    assert {suite: sealed[0] for suite, sealed in made.items()} == {1: 1, 2: 2}
    for reads in (AES_256_GCM, SM4_GCM):
        for sealed in made.values():
            assert Cipher(secret, reads).unseal(sealed, b"place") == b"value"
    assert made[1][13:] != made[2][13:]
