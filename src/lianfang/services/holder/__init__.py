"""A holder's node (按需调取): it keeps its data at home and answers signed orders, one question at a time.

Bulk push does not exist here: there is no route by which a table could leave.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lianfang.services.holder.app import create_app as create_app
    from lianfang.services.holder.folder import init as init
    from lianfang.services.holder.folder import trust as trust
    from lianfang.services.holder.node import HolderNode as HolderNode

_HOMES = {"HolderNode": "node", "create_app": "app", "init": "folder", "trust": "folder"}

__all__ = ["HolderNode", "create_app", "init", "trust"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
