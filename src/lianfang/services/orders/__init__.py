"""Orders to holders, from the centre's side: drawn up, sent, answered, revealed, purged."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lianfang.services.orders.drafting import draft as draft
    from lianfang.services.orders.drafting import show as show
    from lianfang.services.orders.ending import purge as purge
    from lianfang.services.orders.holders import register as register
    from lianfang.services.orders.naming import reveal as reveal
    from lianfang.services.orders.sending import send as send

_HOMES = {
    "draft": "drafting",
    "purge": "ending",
    "register": "holders",
    "reveal": "naming",
    "send": "sending",
    "show": "drafting",
}

__all__ = ["draft", "purge", "register", "reveal", "send", "show"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
