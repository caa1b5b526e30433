"""A fictional city, 临江市, and its outbreak, written as the files that real sources would deliver.

Everything here is invented: names, places, ID numbers (region 4299xx, unassigned in GB/T 2260) and phone
numbers (154..., an unassigned range). ``answers`` is a simulator that stands in for visit and laboratory.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

_HOME = {"Answer": "truth", "City": "city", "answers": "truth", "build": "city"}

__all__ = ["Answer", "City", "answers", "build"]

if TYPE_CHECKING:
    from lianfang.world.city import City, build
    from lianfang.world.truth import Answer, answers


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(name)
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
