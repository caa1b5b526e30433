"""Who may do what with which personal data, and on which basis: rules as dated data, decisions a function."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lianfang.guard.policy.classes import Classification, classify
    from lianfang.guard.policy.decision import Decision
    from lianfang.guard.policy.engine import decide, explain
    from lianfang.guard.policy.pack import Pack, get, load, packs
    from lianfang.guard.policy.space import diff

_HOMES = {
    "Classification": "classes",
    "classify": "classes",
    "Decision": "decision",
    "decide": "engine",
    "explain": "engine",
    "diff": "space",
    "Pack": "pack",
    "get": "pack",
    "load": "pack",
    "packs": "pack",
}

__all__ = [
    "Classification",
    "Decision",
    "Pack",
    "classify",
    "decide",
    "diff",
    "explain",
    "get",
    "load",
    "packs",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(name)
