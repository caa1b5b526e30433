"""Signed notes (C2SP signed-note) with Ed25519 keys, and cosignatures of witnesses (C2SP tlog-cosignature
v1)."""

from __future__ import annotations

import base64
import hashlib
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from lianfang.foundation.canonical import from_base64
from lianfang.foundation.errors import BadInput, Refused
from lianfang.guard.signing import PublicKeys, SecretKeys

ED25519 = 1
COSIGNATURE = 4
MAX_NOTE = 1_000_000
MAX_TIME = (1 << 63) - 1
MAX_SIGNATURES = 100


@dataclass(frozen=True)
class Verifier:
    """A public key by which notes are verified; its text form is the vkey ``name+id+base64``."""

    name: str
    key: bytes
    algorithm: int = ED25519

    def __post_init__(self) -> None:
        if not valid_name(self.name) or len(self.key) != 32 or self.algorithm not in (ED25519, COSIGNATURE):
            raise BadInput(
                "A note key needs a name without spaces and plus signs, and 32 bytes of Ed25519 key."
            )

    @classmethod
    def parse(cls, text: str) -> Verifier:
        """Read a vkey; BadInput when its parts do not belong together."""
        name, _, rest = text.strip().partition("+")
        ident, _, encoded = rest.partition("+")
        try:
            raw = from_base64(encoded)
            found = cls(name, raw[1:], raw[0])
            if ident != found.ident.hex():
                raise ValueError
        except (ValueError, IndexError, BadInput, UnicodeEncodeError):
            raise BadInput(
                "That is no verifier key.", hint="It reads name+8 hexadecimal digits+base64."
            ) from None
        return found

    @classmethod
    def of(cls, keys: PublicKeys) -> Verifier:
        """The verifier of a party's signing key."""
        return cls(keys.name, keys.signing)

    def __str__(self) -> str:
        raw = bytes([self.algorithm]) + self.key
        return f"{self.name}+{self.ident.hex()}+{base64.b64encode(raw).decode()}"

    @property
    def ident(self) -> bytes:
        """Key id: first four bytes of SHA-256(name || newline || algorithm || key)."""
        data = self.name.encode() + b"\n" + bytes([self.algorithm]) + self.key
        return hashlib.sha256(data).digest()[:4]

    @property
    def mark(self) -> tuple[str, bytes]:
        """Name and key id, by which a signature line names its key."""
        return self.name, self.ident

    def verify(self, text: str, signature: bytes) -> bool:
        """Did this key sign the note's text?"""
        message = text.encode()
        if self.algorithm == COSIGNATURE:
            if len(signature) != 72 or cosigned_at(signature) > MAX_TIME:
                return False
            message, signature = _cosigned(text, cosigned_at(signature)), signature[8:]
        try:
            Ed25519PublicKey.from_public_bytes(self.key).verify(signature, message)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True)
class Signer:
    """A key that signs notes under a name."""

    name: str
    key: Ed25519PrivateKey = field(repr=False)

    @classmethod
    def of(cls, keys: SecretKeys, name: str | None = None) -> Signer:
        """The signer of a party's keys; ``name`` is the log's origin when it differs from the party's
        name."""
        return cls(name or keys.name, keys.signing)

    @property
    def verifier(self) -> Verifier:
        """Its public half."""
        return Verifier(self.name, self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))

    @property
    def cosigner(self) -> Verifier:
        """Its public half as a witness's key, under which its cosignatures stand."""
        return Verifier(self.name, self.verifier.key, COSIGNATURE)

    def line(self, text: str) -> str:
        """The signature line over a note's text."""
        return _line(self.name, self.verifier.ident, self.key.sign(text.encode()))

    def cosign_line(self, text: str, timestamp: int) -> str:
        """A witness's line over a checkpoint, with the time (POSIX seconds) at which it was seen."""
        if not 0 < timestamp <= MAX_TIME:
            raise BadInput("A cosignature's time is seconds since 1970.")
        stamped = struct.pack(">Q", timestamp) + self.key.sign(_cosigned(text, timestamp))
        return _line(self.name, self.cosigner.ident, stamped)


@dataclass(frozen=True)
class Note:
    """A note whose signatures hold: its text and the keys that signed it."""

    text: str
    signed_by: tuple[Verifier, ...]


def sign_note(text: str, signers: Sequence[Signer]) -> str:
    """The note with one signature line for each signer. ``text`` ends in a newline."""
    if not text.endswith("\n") or not _plain(text) or not signers:
        raise BadInput("A note's text ends in a newline, has no control characters, and needs a signer.")
    return text + "\n" + "".join(signer.line(text) for signer in signers)


def split_note(note: str) -> tuple[str, list[tuple[str, bytes, bytes, str]]]:
    """A note's text and its signatures (name, key id, signature, line), unverified."""
    if len(note) > MAX_NOTE or not _plain(note) or not note.endswith("\n"):
        raise _malformed("it is too long, holds control characters, or does not end in a newline")
    at = note.rfind("\n\n")
    if at < 0:
        raise _malformed("the blank line before the signatures is missing")
    text, lines = note[: at + 1], note[at + 2 :].split("\n")[:-1]
    if not lines or len(lines) > MAX_SIGNATURES:
        raise _malformed(f"it needs 1 to {MAX_SIGNATURES} signatures")
    found = []
    for line in lines:
        parts = line.split(" ")
        if len(parts) != 3 or parts[0] != "—" or not valid_name(parts[1]):
            raise _malformed("a signature line does not read: dash, name, base64")
        try:
            raw = from_base64(parts[2])
        except ValueError:
            raise _malformed("a signature is not base64") from None
        if len(raw) < 5:
            raise _malformed("a signature is too short")
        found.append((parts[1], raw[:4], raw[4:], line))
    return text, found


def verify_note(note: str, verifiers: Iterable[Verifier | str]) -> Note:
    """The note, if at least one of these keys signed it and none of them signed it wrongly.

    Signatures by other keys are ignored. BadInput for what is no note, Refused for a signature that does
    not hold.
    """
    known = {(v.name, v.ident): v for v in map(_verifier, verifiers)}
    text, signatures = split_note(note)
    good: dict[Verifier, None] = {}
    for name, ident, signature, _ in signatures:
        verifier = known.get((name, ident))
        if verifier is None or verifier in good:
            continue
        if not verifier.verify(text, signature):
            raise Refused(
                f"The signature of {name} does not fit the text.",
                hint="The note was changed after it was signed.",
                code="bad_signature",
            )
        good[verifier] = None
    if not good:
        raise Refused(
            "None of the given keys signed this note.",
            hint="Take the log's key from a source that you trust, not from the note.",
            code="unknown_signer",
        )
    return Note(text, tuple(good))


def cosigned_at(signature: bytes) -> int:
    """The time (POSIX seconds) that a cosignature's bytes begin with."""
    return int(struct.unpack(">Q", signature[:8])[0])


def valid_name(name: str) -> bool:
    """Key names are not empty and hold no space and no plus sign."""
    return bool(name) and "+" not in name and not any(c.isspace() for c in name) and _plain(name)


def _verifier(given: Verifier | str) -> Verifier:
    return given if isinstance(given, Verifier) else Verifier.parse(given)


def _line(name: str, ident: bytes, signature: bytes) -> str:
    return f"— {name} {base64.b64encode(ident + signature).decode()}\n"


def _cosigned(text: str, timestamp: int) -> bytes:
    return f"cosignature/v1\ntime {timestamp}\n{text}".encode()


def _plain(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return not any(c < " " and c != "\n" for c in text)


def _malformed(why: str) -> BadInput:
    return BadInput(f"That is no signed note: {why}.", code="malformed_note")
