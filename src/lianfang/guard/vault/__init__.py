"""The vault: the only place where a direct identifier is kept, and the only door through which one leaves.

Everything else in the house works on random subject ids and on keyed tokens. See docs/explanation/vault.md.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lianfang.guard.vault.crypto import SUITES as SUITES
    from lianfang.guard.vault.grants import Approval as Approval
    from lianfang.guard.vault.grants import Grant as Grant
    from lianfang.guard.vault.keyring import Keyring as Keyring
    from lianfang.guard.vault.normal import normalise as normalise
    from lianfang.guard.vault.normal import tokens as tokens
    from lianfang.guard.vault.own import CANARY as CANARY
    from lianfang.guard.vault.own import DONOR as DONOR
    from lianfang.guard.vault.own import Held as Held
    from lianfang.guard.vault.roots import Access as Access
    from lianfang.guard.vault.rotating import Rotation as Rotation
    from lianfang.guard.vault.scrubbing import scrub as scrub
    from lianfang.guard.vault.tables import metadata as metadata
    from lianfang.guard.vault.vault import Vault as Vault

_EXPORTS = {
    "Access": "roots",
    "Approval": "grants",
    "CANARY": "own",
    "DONOR": "own",
    "Grant": "grants",
    "Held": "own",
    "Keyring": "keyring",
    "Rotation": "rotating",
    "SUITES": "crypto",
    "Vault": "vault",
    "metadata": "tables",
    "normalise": "normal",
    "scrub": "scrubbing",
    "tokens": "normal",
}

__all__ = [
    "CANARY",
    "DONOR",
    "SUITES",
    "Access",
    "Approval",
    "Grant",
    "Held",
    "Keyring",
    "Rotation",
    "Vault",
    "metadata",
    "normalise",
    "scrub",
    "tokens",
]


def __getattr__(name: str) -> Any:
    if name in _EXPORTS:
        return getattr(importlib.import_module(f"{__name__}.{_EXPORTS[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
