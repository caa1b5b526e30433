"""诊断: engines that help to diagnose. Rooms are imported on first use::

from lianfang.treat import casedef, folding, genome
"""

from __future__ import annotations

import importlib
from types import ModuleType

__all__ = ["casedef", "folding", "genome"]


def __getattr__(name: str) -> ModuleType:
    if name in __all__:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
