"""A root key in a key service that speaks HashiCorp Vault's Transit API (Vault, OpenBao): it never leaves the service.

``POST /v1/MOUNT/encrypt/KEY`` with the place as associated data; ``aes256-gcm96`` is the type of key that is made.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from lianfang.foundation.errors import BadInput, Fault
from lianfang.guard.vault.roots import Access, Health, secret_in

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Seconds that the service has for an answer.
PATIENCE = 10
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class TransitRoot:
    """The key of this name under that mount of the service."""

    kind = "transit"

    def __init__(self, url: str, mount: str, label: str, secret_file: Path | None, ca_file: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("https", "http") or not parts.hostname or parts.username or parts.query:
            raise BadInput(
                "The key service has an address such as https://keys.example:8200.",
                hint="Setting root_url, without a user name.",
            )
        if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
            raise BadInput(
                "A key service beyond this machine is reached over TLS only.", hint="Setting root_url."
            )
        if not (mount and label) or any(c in "/?#%" or not "!" <= c <= "~" for c in label + mount):
            raise BadInput("The key service's mount and the key's label are plain names.")
        self._url, self._mount, self._label = url, mount, label
        self._file, self._ca = secret_file, ca_file

    def __repr__(self) -> str:
        return f"<Root key: {self.kind}>"

    @classmethod
    def make(cls, access: Access, suite: int) -> TransitRoot:
        """The key; made in the service, not exportable, where there is none of this name."""
        root = cls(access.url, access.mount, access.label, access.secret_file, access.ca_file)
        with root._service() as transit:
            import hvac.exceptions

            try:
                transit.read_key(name=root._label, mount_point=root._mount)
            except hvac.exceptions.InvalidPath:
                transit.create_key(name=root._label, key_type="aes256-gcm96", mount_point=root._mount)
        return root

    @classmethod
    def find(cls, note: Mapping[str, Any], access: Access | None) -> TransitRoot:
        if access is None:
            file = Path(note["secret_file"]) if note.get("secret_file") else None
            way = str(note.get("url", "")), file, str(note.get("ca_file", ""))
        else:
            way = access.url, access.secret_file, access.ca_file
        root = cls(way[0], str(note.get("mount", "")), str(note.get("label", "")), way[1], way[2])
        with root._service() as transit:
            transit.read_key(name=root._label, mount_point=root._mount)
        return root

    def wrap(self, secret: bytes, place: bytes) -> bytes:
        with self._service() as transit:
            answer = transit.encrypt_data(
                name=self._label, plaintext=_b64(secret), associated_data=_b64(place), mount_point=self._mount
            )
            return _text(answer, "ciphertext").encode()

    def unwrap(self, wrapped: bytes, place: bytes) -> bytes:
        with self._service() as transit:
            import hvac.exceptions

            try:
                answer = transit.decrypt_data(
                    name=self._label,
                    ciphertext=wrapped.decode("ascii", "replace"),
                    associated_data=_b64(place),
                    mount_point=self._mount,
                )
            except hvac.exceptions.InvalidRequest:  # 400: how the service says that the tag does not fit
                raise Fault(
                    "The key in the service does not open this keyring.",
                    hint="The keyring was changed, or the service holds another key under this name.",
                    code="keyring_damaged",
                ) from None
            try:
                return base64.b64decode(_text(answer, "plaintext"), validate=True)
            except ValueError:
                raise _strange() from None

    def describe(self) -> dict[str, str]:
        return {
            "kind": self.kind,
            "url": self._url,
            "mount": self._mount,
            "label": self._label,
            "secret_file": str(self._file or ""),
            "ca_file": self._ca,
        }

    def note(self) -> dict[str, Any]:
        return dict(self.describe())

    def health(self) -> Health:
        with self._service() as transit:
            answer = transit.read_key(name=self._label, mount_point=self._mount)
        found = answer.get("data") if isinstance(answer, dict) else None
        if not isinstance(found, dict):
            raise _strange()
        warnings = []
        if found.get("exportable") or found.get("allow_plaintext_backup"):
            warnings.append("The key service may hand the root key out: it is exportable.")
        if found.get("deletion_allowed"):
            warnings.append("The key service may delete the root key, and with it every name.")
        facts = {
            **self.describe(),
            "type": str(found.get("type")),
            "version": str(found.get("latest_version")),
        }
        return Health(facts, tuple(warnings))

    @contextmanager
    def _service(self) -> Iterator[Any]:
        token = secret_in(self._file, "the key service's token")
        try:
            import hvac
            import hvac.exceptions as errors
            import requests
        except ImportError:
            raise Fault(
                "The root key is in a key service, and the library for it is not installed.",
                hint="Install the extra: pip install 'lianfang[kms]'",
                code="root_unavailable",
            ) from None
        # no redirects: the token goes to the address that was named and to no other
        client = hvac.Client(
            url=self._url,
            token=token,
            verify=self._ca or True,
            timeout=PATIENCE,
            allow_redirects=False,
            strict_http=True,
        )
        client.session.trust_env = False  # nor through a proxy that the environment names
        try:
            yield client.secrets.transit
        except (errors.Forbidden, errors.Unauthorized):
            raise Fault(
                f"The key service refuses our token for the key {self._label}.",
                hint="Renew the token in root_secret_file; its policy needs encrypt, decrypt and read on this key.",
                code="root_unavailable",
            ) from None
        except errors.InvalidPath:
            raise Fault(
                f"The key service at {self._url} has no key {self._label} under {self._mount}.",
                hint="The keyring needs the service, or a copy of its key, under which it was made.",
                code="root_unavailable",
            ) from None
        except (errors.VaultError, requests.RequestException, OSError, ValueError) as error:
            raise Fault(
                f"The key service at {self._url} cannot be used ({type(error).__name__}).",
                hint="Is it running and unsealed, and root_url and root_ca_file right?",
                code="root_unavailable",
            ) from None
        finally:
            client.adapter.close()


def _b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _text(answer: Any, name: str) -> str:
    found = answer.get("data", {}).get(name) if isinstance(answer, dict) else None
    if not isinstance(found, str):
        raise _strange()
    return found


def _strange() -> Fault:
    return Fault(
        "The key service answered something that is no answer of the Transit API.",
        hint="Is root_url the address of the service itself?",
        code="root_unavailable",
    )
