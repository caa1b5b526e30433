"""What authorities may send each other, to whom, how long it lasts, and who owes what. Pure."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lianfang.guard.exchange.concern import check_content as check_content
    from lianfang.guard.exchange.concern import choose as choose
    from lianfang.guard.exchange.concern import kinds_in as kinds_in
    from lianfang.guard.exchange.concern import minimum as minimum
    from lianfang.guard.exchange.duties import DUTIES as DUTIES
    from lianfang.guard.exchange.duties import unowned as unowned
    from lianfang.guard.exchange.letters import acknowledged as acknowledged
    from lianfang.guard.exchange.letters import opened as opened
    from lianfang.guard.exchange.letters import sealed as sealed
    from lianfang.guard.exchange.term import age_days as age_days
    from lianfang.guard.exchange.term import deadline as deadline

_HOMES = {
    "DUTIES": "duties",
    "acknowledged": "letters",
    "age_days": "term",
    "check_content": "concern",
    "choose": "concern",
    "deadline": "term",
    "kinds_in": "concern",
    "minimum": "concern",
    "opened": "letters",
    "sealed": "letters",
    "unowned": "duties",
}

__all__ = [
    "DUTIES",
    "acknowledged",
    "age_days",
    "check_content",
    "choose",
    "deadline",
    "kinds_in",
    "minimum",
    "opened",
    "sealed",
    "unowned",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
