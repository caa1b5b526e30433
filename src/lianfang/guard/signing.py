"""Signatures and sealed messages between authorities.

Signing is Ed25519 over canonical JSON (RFC 8785), sealing is HPKE (RFC 9180: X25519, HKDF-SHA256,
AES-256-GCM). Key files are for their owner alone (0600). Nothing here needs an installation.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from lianfang.foundation.canonical import from_base64
from lianfang.foundation.errors import BadInput, Fault, Refused
from lianfang.guard import files

__all__ = [
    "PublicKeys",
    "SecretKeys",
    "canonical",
    "create_keys",
    "load_keys",
    "seal",
    "sign",
    "unseal",
    "verify",
]

_FORMAT = "lianfang-keys/1"
_DOMAIN = b"lianfang/signed/1\x00"


def canonical(payload: Any) -> bytes:
    """The one JSON text of ``payload`` (RFC 8785): what is signed and what is committed to."""
    import rfc8785

    from lianfang.foundation.canonical import canonical as dumps

    try:
        return dumps(payload)
    except (rfc8785.CanonicalizationError, RecursionError, UnicodeEncodeError):
        raise BadInput(
            "The payload has no canonical JSON form.",
            hint="Keys are texts, numbers are finite and whole numbers stay within 2^53.",
        ) from None


@dataclass(frozen=True)
class PublicKeys:
    """What others need to know of a party: its name and two public keys (32 bytes each)."""

    name: str
    signing: bytes
    sealing: bytes

    def to_json(self) -> dict[str, str]:
        """As a small JSON object, for the register of authorities and holders."""
        return {"name": self.name, "ed25519": _b64(self.signing), "x25519": _b64(self.sealing)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> PublicKeys:
        """Read :meth:`to_json`; BadInput when it is anything else."""
        try:
            name = document["name"]
            keys = cls(name, from_base64(document["ed25519"]), from_base64(document["x25519"]))
        except (KeyError, TypeError, ValueError):
            raise BadInput("A party's public keys need name, ed25519 and x25519 (base64).") from None
        if not isinstance(name, str) or not 0 < len(name) <= 255 or len(keys.signing + keys.sealing) != 64:
            raise BadInput("A party's public keys need a name and two keys of 32 bytes.")
        return keys


@dataclass(frozen=True)
class SecretKeys:
    """A party's own keys. Their representation hides them."""

    name: str
    signing: Ed25519PrivateKey = field(repr=False)
    sealing: X25519PrivateKey = field(repr=False)

    @property
    def public(self) -> PublicKeys:
        """The public half."""
        raw = (Encoding.Raw, PublicFormat.Raw)
        return PublicKeys(
            self.name,
            self.signing.public_key().public_bytes(*raw),
            self.sealing.public_key().public_bytes(*raw),
        )


def create_keys(path: Path, name: str) -> SecretKeys:
    """Make a party's keys in a new file (0600 in a 0700 folder); an existing file is never overwritten."""
    if not 0 < len(name) <= 255 or "+" in name or any(c.isspace() or not c.isprintable() for c in name):
        raise BadInput("A party's name has 1 to 255 printable characters, no space and no plus sign.")
    keys = SecretKeys(name, Ed25519PrivateKey.generate(), X25519PrivateKey.generate())
    raw = (Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    document = {
        "format": _FORMAT,
        "name": name,
        "ed25519": _b64(keys.signing.private_bytes(*raw)),
        "x25519": _b64(keys.sealing.private_bytes(*raw)),
    }
    files.create(path, (json.dumps(document, indent=1) + "\n").encode())
    return keys


def load_keys(path: Path) -> SecretKeys:
    """Read a key file; refused when it or its folder is open to anyone but the owner."""
    raw = files.read(path, limit=65_536)
    try:
        document = json.loads(raw)
        if document["format"] != _FORMAT:
            raise ValueError
        return SecretKeys(
            str(document["name"]),
            Ed25519PrivateKey.from_private_bytes(from_base64(document["ed25519"])),
            X25519PrivateKey.from_private_bytes(from_base64(document["x25519"])),
        )
    except (ValueError, KeyError, TypeError):
        raise Fault(f"The key file {path} is damaged.", hint="Restore it from the key backup.") from None


def sign(keys: SecretKeys, payload: Mapping[str, Any]) -> dict[str, Any]:
    """``{"payload", "signer", "signature"}``.

    An Ed25519 signature over the signer's name and canonical payload.
    """
    message = _message(keys.name, payload)
    return {"payload": dict(payload), "signer": keys.name, "signature": _b64(keys.signing.sign(message))}


def verify(keys: PublicKeys, document: Mapping[str, Any]) -> dict[str, Any]:
    """The payload of a signed document, if ``keys`` signed it; Refused otherwise."""
    try:
        payload, signer = document["payload"], document["signer"]
        signature = from_base64(document["signature"])
        if not isinstance(payload, dict) or set(document) != {"payload", "signer", "signature"}:
            raise ValueError
    except (KeyError, TypeError, ValueError):
        raise BadInput("A signed document needs exactly payload, signer and signature.") from None
    try:
        if signer != keys.name:
            raise InvalidSignature
        Ed25519PublicKey.from_public_bytes(keys.signing).verify(signature, _message(keys.name, payload))
    except InvalidSignature:
        raise Refused(f"The signature is not that of {keys.name}.", code="bad_signature") from None
    return dict(payload)


def seal(recipient: PublicKeys | bytes, data: bytes, *, info: str, aad: bytes = b"") -> bytes:
    """Close ``data`` so that only the recipient can open it.

    ``info`` names the use (``order``, ``answer``), ``aad`` is what both sides know already (the order's
    id); RFC 9180 section 8.1 lets a single-shot message carry both in ``info``. The sender is not proved:
    sign inside.
    """
    key = recipient.sealing if isinstance(recipient, PublicKeys) else recipient
    try:
        public = X25519PublicKey.from_public_bytes(key)
    except ValueError:
        raise BadInput("A sealing key has 32 bytes.") from None
    sealed: bytes = _suite().encrypt(data, public, info=_info(info, aad))
    return sealed


def unseal(keys: SecretKeys, sealed: bytes, *, info: str, aad: bytes = b"") -> bytes:
    """Open what was sealed to us for this use; Refused when it is another's, changed, or for another use."""
    try:
        data: bytes = _suite().decrypt(sealed, keys.sealing, info=_info(info, aad))
    except (InvalidTag, ValueError):
        raise Refused(
            "The sealed message does not open with this key for this use.", code="sealed_for_another"
        ) from None
    return data


def _suite() -> Any:
    from cryptography.hazmat.primitives import hpke

    return hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)


def _info(info: str, aad: bytes) -> bytes:
    use = info.encode()
    return b"lianfang/sealed/1\x00" + len(use).to_bytes(4, "big") + use + aad


def _message(name: str, payload: Mapping[str, Any]) -> bytes:
    return _DOMAIN + name.encode() + b"\x00" + canonical(payload)


def _b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
