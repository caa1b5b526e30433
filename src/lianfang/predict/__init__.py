"""预测: what is going on and what comes next.

Engines on counts and line lists. None of them reads storage; each takes any dataframe or sequence and
returns a Polars frame. Rooms are imported on first use::

    from lianfang.predict import reproduction, detection, clusters
"""

from __future__ import annotations

import importlib
from types import ModuleType

__all__ = ["clusters", "detection", "reproduction"]


def __getattr__(name: str) -> ModuleType:
    if name in __all__:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
