"""Finding and masking what points to a person in free text: by rules, and with a tagger where installed."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lianfang.guard.redaction.scan import KINDS, Finding, capabilities, find, mask, replace

__all__ = ["KINDS", "Finding", "capabilities", "find", "mask", "replace"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(importlib.import_module(f"{__name__}.scan"), name)
    raise AttributeError(name)
