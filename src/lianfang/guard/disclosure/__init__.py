"""What the public may know: a release candidate becomes a release, or a refusal that says what to mend."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lianfang.guard.disclosure.publish import bulletin
    from lianfang.guard.disclosure.release import Refusal, Release, Table, Withheld, summary

_HOMES = {
    "bulletin": "publish",
    "Refusal": "release",
    "Release": "release",
    "Table": "release",
    "Withheld": "release",
    "summary": "release",
}

__all__ = ["Refusal", "Release", "Table", "Withheld", "bulletin", "summary"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(name)
