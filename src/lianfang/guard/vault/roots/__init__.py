"""The root key: one small interface, and behind it a file, a passphrase, a PKCS#11 device or a key service.

The root wraps a single secret, the keyring's own key; everything else in the keyring is sealed by that one. So a root
is asked once when a process starts and once when it changes, and may be slow, far away or rate-limited.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from lianfang.foundation.errors import BadInput, Fault, LianfangError

__all__ = ["KINDS", "Access", "Health", "RootKey", "make_root", "open_root", "prove", "secret_in"]

#: Kinds of root, as in the setting ``root_key``.
KINDS = ("file", "passphrase", "pkcs11", "transit")
_MOST_SECRET = 4_096


@dataclass(frozen=True)
class Health:
    """How a root stands: ``facts`` to show, none of them secret, and ``warnings`` in words; empty when sound."""

    facts: dict[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


class RootKey(Protocol):
    """A key that wraps and unwraps, and is never handed out.

    Every method may raise Fault with the code ``root_unavailable``: the device or service cannot be reached, or
    lets us in no more. What was wrapped elsewhere, or for another place, is a Fault ``keyring_damaged``.
    """

    @property
    def kind(self) -> str:
        """One of :data:`KINDS`."""

    def wrap(self, secret: bytes, place: bytes) -> bytes:
        """Close a secret of at most 64 bytes so that it opens with the same ``place`` only."""

    def unwrap(self, wrapped: bytes, place: bytes) -> bytes:
        """Open what :meth:`wrap` closed."""

    def describe(self) -> dict[str, str]:
        """What to show of it: kind, and where it is. Nothing secret."""

    def note(self) -> dict[str, Any]:
        """What the keyring keeps so that the root is found again; for a file this is the secret itself."""

    def health(self) -> Health:
        """Ask the root how it is."""


@dataclass(frozen=True)
class Access:
    """Which root is wanted and the way to it, as the settings say. A PIN, passphrase or token stays in its file."""

    kind: str = "file"
    label: str = "lianfang-root"
    secret_file: Path | None = None
    library: str = ""
    token: str = ""
    url: str = ""
    mount: str = "transit"
    ca_file: str = ""


def secret_in(path: Path | None, what: str) -> str:
    """The one line in a secret file, which only its owner may read (0600 in a 0700 folder)."""
    from lianfang.guard import files

    if path is None:
        raise BadInput(
            f"The root key needs a file with {what}.", hint="Name it in the setting root_secret_file."
        )
    try:
        text = files.read(path, limit=_MOST_SECRET).decode()
    except UnicodeDecodeError:
        raise BadInput(f"The file with {what} is not a line of text.") from None
    except Fault:
        raise Fault(
            f"There is no file with {what} at {path}.",
            hint="Attach the medium that holds it, or name another in the setting root_secret_file.",
            code="root_unavailable",
        ) from None
    lines = text.splitlines()
    if len(lines) != 1 or not lines[0].strip():
        raise BadInput(f"The file with {what} is not a line of text.")
    return lines[0].strip()


def make_root(access: Access, suite: int) -> RootKey:
    """A root of the wanted kind, made where it does not exist yet: a fresh secret, or a key in the device."""
    make, _ = _makers(access.kind)
    return make(access, suite)


def open_root(note: Mapping[str, Any], access: Access) -> RootKey:
    """The root that a keyring's note names. The note knows the way; ``access`` is tried where that fails.

    Raises:
        Fault: ``root_unavailable``, with the kind and place of the root that is needed.
    """
    kind = str(note.get("kind", ""))
    if kind not in KINDS:
        raise Fault(
            "The keyring names a kind of root key that this version does not know.", code="keyring_damaged"
        )
    _, find = _makers(kind)
    try:
        return find(note, None)
    except LianfangError as error:
        # a device counts wrong PINs: the same way is not gone twice
        if error.code == "keyring_damaged" or access.kind != kind or not _another_way(note, access):
            raise
        return find(note, access)


def _another_way(note: Mapping[str, Any], access: Access) -> bool:
    ways = (
        ("secret_file", str(access.secret_file or "")),
        ("library", access.library),
        ("url", access.url),
        ("ca_file", access.ca_file),
    )
    return any(said and said != note.get(name, "") for name, said in ways)


def prove(root: RootKey) -> None:
    """Show that a root opens what it wrapped, and refuses it in another place; before anything hangs on it."""
    secret = os.urandom(32)
    wrapped = root.wrap(secret, b"proof")
    if root.unwrap(wrapped, b"proof") != secret:
        raise Fault("The root key does not open what it has just wrapped.", code="root_unfit")
    try:
        root.unwrap(wrapped, b"elsewhere")
    except Fault as error:
        if error.code == "keyring_damaged":
            return
        raise
    raise Fault(
        "The root key does not bind a secret to its place.",
        hint="Use an AES-256-GCM key on a device or service that honours associated data.",
        code="root_unfit",
    )


Maker = Callable[[Access, int], RootKey]
Finder = Callable[[Mapping[str, Any], Access | None], RootKey]


def _makers(kind: str) -> tuple[Maker, Finder]:
    if kind in ("file", "passphrase"):
        from lianfang.guard.vault.roots import embedded

        if kind == "file":
            return embedded.FileRoot.make, embedded.FileRoot.find
        return embedded.PassphraseRoot.make, embedded.PassphraseRoot.find
    if kind == "pkcs11":
        from lianfang.guard.vault.roots.device import DeviceRoot

        return DeviceRoot.make, DeviceRoot.find
    if kind == "transit":
        from lianfang.guard.vault.roots.transit import TransitRoot

        return TransitRoot.make, TransitRoot.find
    raise BadInput(f"There is no kind of root key {kind!r}.", hint=f"One of: {', '.join(KINDS)}.")
