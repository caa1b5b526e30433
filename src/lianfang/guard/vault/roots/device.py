"""A root key in a PKCS#11 device (a hardware security module, a token): an AES-256 key that never leaves it.

The wrapping is CKM_AES_GCM (PKCS#11 v2.40 section 2.12) with a random nonce and the place as associated data. The
device is asked for the length of one operation; nobody stays signed in to it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lianfang.foundation.errors import BadInput, Fault
from lianfang.guard.vault.crypto import NONCE
from lianfang.guard.vault.roots import Access, Health, secret_in

_ONE = threading.Lock()  # being signed in is the process's state in PKCS#11, not the session's


class DeviceRoot:
    """An AES key with this label on the token with that label."""

    kind = "pkcs11"

    def __init__(self, library: str, token: str, label: str, secret_file: Path | None) -> None:
        if not (library and token and label):
            raise BadInput(
                "A root key in a device needs its library, token and label.",
                hint="Settings root_library, root_token and root_label.",
            )
        self._library, self._token, self._label, self._file = library, token, label, secret_file

    def __repr__(self) -> str:
        return f"<Root key: {self.kind}, token {self._token}>"

    @classmethod
    def make(cls, access: Access, suite: int) -> DeviceRoot:
        """The key; made on the device, unreadable from outside, where there is none with the label."""
        root = cls(access.library, access.token, access.label, access.secret_file)
        with root._session(write=True) as session:
            import pkcs11
            from pkcs11 import Attribute

            if not list(session.get_objects(root._search())):
                session.generate_key(
                    pkcs11.KeyType.AES,
                    256,
                    label=root._label,
                    id=os.urandom(8),
                    store=True,
                    template={
                        Attribute.SENSITIVE: True,
                        Attribute.EXTRACTABLE: False,
                        Attribute.ENCRYPT: True,
                        Attribute.DECRYPT: True,
                        Attribute.WRAP: False,
                        Attribute.UNWRAP: False,
                        Attribute.SIGN: False,
                        Attribute.VERIFY: False,
                    },
                )
        return root

    @classmethod
    def find(cls, note: Mapping[str, Any], access: Access | None) -> DeviceRoot:
        way = (
            (str(note.get("library", "")), Path(note["secret_file"]) if note.get("secret_file") else None)
            if access is None
            else (access.library, access.secret_file)
        )
        root = cls(way[0], str(note.get("token", "")), str(note.get("label", "")), way[1])
        with root._key():
            return root  # found and let in: the way is right

    def wrap(self, secret: bytes, place: bytes) -> bytes:
        nonce = os.urandom(NONCE)
        with self._key() as key:
            return nonce + bytes(key.encrypt(secret, **_gcm(nonce, place)))

    def unwrap(self, wrapped: bytes, place: bytes) -> bytes:
        with self._key() as key:
            import pkcs11.exceptions as errors

            try:
                return bytes(key.decrypt(wrapped[NONCE:], **_gcm(wrapped[:NONCE], place)))
            except (errors.EncryptedDataInvalid, errors.EncryptedDataLenRange, errors.GeneralError):
                # what a device says when the tag does not fit; SoftHSM has no word of its own for it
                raise Fault(
                    "The key in the device does not open this keyring.",
                    hint="The keyring was changed, or the device holds another key under this label.",
                    code="keyring_damaged",
                ) from None

    def describe(self) -> dict[str, str]:
        return {
            "kind": self.kind,
            "library": self._library,
            "token": self._token,
            "label": self._label,
            "secret_file": str(self._file or ""),
        }

    def note(self) -> dict[str, Any]:
        return dict(self.describe())

    def health(self) -> Health:
        facts, warnings = self.describe(), []
        with self._key() as key:
            from pkcs11 import Attribute

            token = key.session.token
            facts["manufacturer"] = str(token.manufacturer_id)
            facts["model"] = str(token.model)
            serial = token.serial
            facts["serial"] = serial.decode("ascii", "replace") if isinstance(serial, bytes) else str(serial)
            if not key[Attribute.SENSITIVE] or key[Attribute.EXTRACTABLE]:
                warnings.append("The key in the device can be read out of it.")
            elif not key[Attribute.LOCAL]:
                warnings.append("The key was put into the device and not made there: copies of it may exist.")
        return Health(facts, tuple(warnings))

    def _search(self) -> dict[Any, Any]:
        import pkcs11
        from pkcs11 import Attribute

        return {
            Attribute.CLASS: pkcs11.ObjectClass.SECRET_KEY,
            Attribute.KEY_TYPE: pkcs11.KeyType.AES,
            Attribute.LABEL: self._label,
        }

    @contextmanager
    def _session(self, *, write: bool = False) -> Iterator[Any]:
        pin = secret_in(self._file, "the device's PIN")
        try:
            import pkcs11
            import pkcs11.exceptions as errors
        except ImportError:
            raise Fault(
                "The root key is in a PKCS#11 device, and the library for it is not installed.",
                hint="Install the extra: pip install 'lianfang[hsm]'",
                code="root_unavailable",
            ) from None
        with _ONE:
            try:
                token = pkcs11.lib(self._library).get_token(token_label=self._token)
                session = token.open(user_pin=pin, rw=write)
            except (errors.PinIncorrect, errors.PinInvalid, errors.PinLenRange, errors.PinLocked):
                raise Fault(
                    f"The device refuses the PIN for the token {self._token}.",
                    hint="Do not try again blindly: a device locks itself after a few wrong PINs.",
                    code="root_unavailable",
                ) from None
            except (errors.PKCS11Error, RuntimeError) as error:
                raise self._unreachable(error) from None
            try:
                yield session
            except errors.PKCS11Error as error:
                raise self._unreachable(error) from None
            finally:
                session.close()

    @contextmanager
    def _key(self) -> Iterator[Any]:
        with self._session() as session:
            found = list(session.get_objects(self._search()))
            if len(found) != 1:
                raise Fault(
                    f"The token {self._token} holds {len(found)} keys labelled {self._label}, not one.",
                    hint="The keyring needs the device, or a copy of its key, under which it was made.",
                    code="root_unavailable",
                )
            yield found[0]

    def _unreachable(self, error: Exception) -> Fault:
        return Fault(
            f"The device with the root key cannot be used: token {self._token}, label {self._label} "
            f"({type(error).__name__}).",
            hint="Is it attached, its library the one in root_library, its token not blocked?",
            code="root_unavailable",
        )


def _gcm(nonce: bytes, place: bytes) -> dict[str, Any]:
    import pkcs11

    return {"mechanism": pkcs11.Mechanism.AES_GCM, "mechanism_param": pkcs11.GCMParams(nonce, place)}
