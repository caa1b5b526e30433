"""The attack suite: what somebody who reads every release, and has data of his own, can find out.

A part of the product, since a protection that nobody attacks is a belief: ``lianfang guard attack``.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lianfang.guard.attack.averaging import Averaged, averaging
    from lianfang.guard.attack.linkage import Linked, linkage
    from lianfang.guard.attack.reading import read_register, read_release
    from lianfang.guard.attack.tables import CellFound, Report, attack

_HOMES = {
    "Averaged": "averaging",
    "averaging": "averaging",
    "CellFound": "tables",
    "Linked": "linkage",
    "linkage": "linkage",
    "Report": "tables",
    "attack": "tables",
    "read_register": "reading",
    "read_release": "reading",
}

__all__ = [
    "Averaged",
    "CellFound",
    "Linked",
    "Report",
    "attack",
    "averaging",
    "linkage",
    "read_register",
    "read_release",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(name)
