"""Does the installation stand? Databases, key files, the root key and the way to it; looked at, never changed.

Nothing of anybody is read. What cannot be had is said with its reason, and the rest is looked at all the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from lianfang.foundation.errors import LianfangError
from lianfang.services.installation import Installation

if TYPE_CHECKING:
    from lianfang.guard.vault import Keyring

State = Literal["ok", "warning", "failed"]


@dataclass(frozen=True)
class Finding:
    """One thing looked at: its name in both languages, its state, facts, and sentences on what is amiss."""

    what: str
    zh: str
    en: str
    state: State
    facts: dict[str, Any] = field(default_factory=dict)
    says: tuple[str, ...] = ()


def examine(inst: Installation) -> list[Finding]:
    """Look at everything; a part that fails does not hide the others."""
    ring = _once(inst.open_keyring)
    checks: list[tuple[str, str, str, Callable[[], tuple[dict[str, Any], tuple[str, ...]]]]] = [
        ("database", "业务数据库", "operational database", lambda: _store(inst.store)),
        ("vault_database", "保险库数据库", "the vault's database", lambda: _store(inst.vault_store)),
        ("signing_key", "机构签名密钥", "the authority's signing key", lambda: _signer(inst)),
        ("root", "根密钥", "root key", lambda: _root(inst, ring())),
        ("keyring", "密钥环", "keyring", lambda: _keyring(inst, ring())),
    ]
    return [_looked(*check) for check in checks]


def _once(get: Callable[[], Keyring]) -> Callable[[], Keyring]:
    """Asked once whatever comes of it: a device counts wrong PINs."""
    held: list[Keyring | LianfangError] = []

    def again() -> Keyring:
        if not held:
            try:
                held.append(get())
            except LianfangError as error:
                held.append(error)
        if isinstance(held[0], LianfangError):
            raise held[0]
        return held[0]

    return again


def _looked(what: str, zh: str, en: str, look: Callable[[], Any]) -> Finding:
    from sqlalchemy.exc import SQLAlchemyError

    try:
        facts, says = look()
    except LianfangError as error:
        return Finding(what, zh, en, "failed", {"code": error.code}, (error.message, error.hint or ""))
    except (OSError, SQLAlchemyError) as error:
        return Finding(what, zh, en, "failed", {"code": type(error).__name__})
    return Finding(what, zh, en, "warning" if says else "ok", facts, says)


def _store(store: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
    from lianfang.store.migrate import current

    return {"kind": store.engine.dialect.name, "version": current(store)}, ()


def _signer(inst: Installation) -> tuple[dict[str, Any], tuple[str, ...]]:
    return {"name": inst.signer.name}, ()


def _root(inst: Installation, ring: Keyring) -> tuple[dict[str, Any], tuple[str, ...]]:
    health = ring.root().health()
    says = list(health.warnings)
    if health.facts["kind"] != inst.settings.root_key:
        says.append(_ELSEWHERE)
    return dict(health.facts), tuple(says)


def _keyring(inst: Installation, ring: Keyring) -> tuple[dict[str, Any], tuple[str, ...]]:
    events = ring.events()
    rotating = [one for one in events if len(ring.event(one).wraps) > 1]
    says = []
    if rotating:
        says.append(_ROTATING)
    if ring.moved() is not None:
        says.append(_UNRECORDED)
    facts = {"events": len(events), "rotating": rotating, "writes": inst.settings.cipher_suite}
    return facts, tuple(says)


_ELSEWHERE: str = (
    "The settings name another root key than the one in use. Move it: lianfang guard keys move-root"
)
_ROTATING: str = "A rotation of keys was begun and not finished. Go on with it: lianfang guard keys rotate"
_UNRECORDED: str = (
    "The root key was moved and the ledger does not know it yet. Run: lianfang guard keys move-root"
)
