"""Roots without a device: a secret in the keyring file itself, or one derived from a passphrase."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lianfang.foundation.errors import BadInput, Fault
from lianfang.guard.vault.crypto import NONCE, SUITES, Cipher
from lianfang.guard.vault.roots import Access, Health, secret_in

#: argon2id as OWASP's Password Storage Cheat Sheet has it at least (19 MiB, 2 passes); ours is the stronger
#: choice of RFC 9106 section 4 for little memory: 64 MiB, 3 passes, 4 lanes, about 0.1 s.
PASSES, MEMORY_KIB, LANES = 3, 65_536, 4
SHORTEST = 15


class _Local:
    """What both have in common: the wrapping is done here."""

    kind = ""

    def __init__(self, secret: bytes, suite: int) -> None:
        self._cipher = Cipher(secret, suite)
        self._suite = suite

    def __repr__(self) -> str:
        return f"<Root key: {self.kind}>"

    def wrap(self, secret: bytes, place: bytes) -> bytes:
        return self._cipher.seal(os.urandom(NONCE), secret, b"root\x00" + place)

    def unwrap(self, wrapped: bytes, place: bytes) -> bytes:
        try:
            return self._cipher.unseal(wrapped, b"root\x00" + place)
        except Fault:
            raise Fault(
                "The root key does not open this keyring.",
                hint="The file was changed, or its root is another one. Restore it from the key backup.",
                code="keyring_damaged",
            ) from None

    def describe(self) -> dict[str, str]:
        return {"kind": self.kind, "suite": _suite_name(self._suite)}


class FileRoot(_Local):
    """The secret stands in ``keyring.json``: whoever reads the file has everything."""

    kind = "file"

    def __init__(self, secret: bytes, suite: int) -> None:
        super().__init__(secret, suite)
        self._secret = secret

    @classmethod
    def make(cls, access: Access, suite: int) -> FileRoot:
        return cls(os.urandom(32), suite)

    @classmethod
    def find(cls, note: Mapping[str, Any], access: Access | None) -> FileRoot:
        try:
            secret = base64.b64decode(note["secret"], validate=True)
            if len(secret) != 32:
                raise ValueError
            return cls(secret, SUITES[note["suite"]])
        except (KeyError, ValueError, TypeError):
            raise _damaged() from None

    def note(self) -> dict[str, Any]:
        return {**self.describe(), "secret": base64.b64encode(self._secret).decode()}

    def health(self) -> Health:
        return Health(
            self.describe(),
            (
                "The root key stands in the keyring's own file: whoever can read the file can read every name.",
            ),
        )


class PassphraseRoot(_Local):
    """The secret is derived by argon2id from a passphrase that lies in another file, on another medium."""

    kind = "passphrase"

    def __init__(
        self, passphrase: str, salt: bytes, cost: tuple[int, int, int], suite: int, file: Path
    ) -> None:
        from argon2.low_level import Type, hash_secret_raw

        passes, memory, lanes = cost
        secret: bytes = hash_secret_raw(
            passphrase.encode(), salt, passes, memory, lanes, hash_len=32, type=Type.ID
        )
        super().__init__(secret, suite)
        self._salt, self._cost, self._file = salt, cost, file

    @classmethod
    def make(cls, access: Access, suite: int) -> PassphraseRoot:
        passphrase = secret_in(access.secret_file, "the passphrase")
        if len(passphrase) < SHORTEST:
            raise BadInput(f"A passphrase for the root key has {SHORTEST} characters or more.")
        file = access.secret_file or Path()
        return cls(passphrase, os.urandom(16), (PASSES, MEMORY_KIB, LANES), suite, file)

    @classmethod
    def find(cls, note: Mapping[str, Any], access: Access | None) -> PassphraseRoot:
        try:
            salt = base64.b64decode(note["salt"], validate=True)
            cost = (int(note["passes"]), int(note["memory_kib"]), int(note["lanes"]))
            suite = SUITES[note["suite"]]
            # a keyring from elsewhere does not make us fill the memory
            if not (
                len(salt) == 16 and 1 <= cost[0] <= 64 and 8 <= cost[1] <= 4 << 20 and 1 <= cost[2] <= 64
            ):
                raise ValueError
            file = access.secret_file if access else Path(note["secret_file"])
        except (KeyError, ValueError, TypeError):
            raise _damaged() from None
        return cls(secret_in(file, "the passphrase"), salt, cost, suite, file or Path())

    def unwrap(self, wrapped: bytes, place: bytes) -> bytes:
        try:
            return super().unwrap(wrapped, place)
        except Fault:
            raise Fault(
                "The passphrase does not open this keyring.",
                hint="It is another one, or the file was changed. Nothing is lost by trying again.",
                code="keyring_damaged",
            ) from None

    def describe(self) -> dict[str, str]:
        return {**super().describe(), "secret_file": str(self._file)}

    def note(self) -> dict[str, Any]:
        passes, memory, lanes = self._cost
        return {
            **self.describe(),
            "salt": base64.b64encode(self._salt).decode(),
            "passes": passes,
            "memory_kib": memory,
            "lanes": lanes,
        }

    def health(self) -> Health:
        return Health(self.describe())


def _suite_name(suite: int) -> str:
    return next(name for name, number in SUITES.items() if number == suite)


def _damaged() -> Fault:
    return Fault("The keyring's note of its root key is damaged.", code="keyring_damaged")
