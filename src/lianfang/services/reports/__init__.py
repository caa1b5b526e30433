"""Reports committed on receipt, at each level, and what a published figure rests on (不得隐瞒、缓报、谎报).

``node``: the log of a unit that reports; ``receipt``: what goes with a file; ``lines``: commitments on import;
``reconciling``: a bulletin against the reports. docs/how-to/reports.md.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lianfang.services.reports.node import ReportNode as ReportNode
    from lianfang.services.reports.node import init as init
    from lianfang.services.reports.reconciling import reconcile as reconcile
    from lianfang.services.reports.registry import register as register
    from lianfang.services.reports.registry import reporters as reporters
    from lianfang.services.reports.registry import withdraw as withdraw

_WHERE = {
    "ReportNode": "node",
    "init": "node",
    "reconcile": "reconciling",
    "register": "registry",
    "reporters": "registry",
    "withdraw": "registry",
}

__all__ = ["ReportNode", "init", "reconcile", "register", "reporters", "withdraw"]


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(importlib.import_module(f"{__name__}.{_WHERE[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
