"""Gifts from donor to ward: each step signed, each piece in one place, need beside what was given.

See docs/explanation/gifts.md; the steps of a gift with their entries in the ledger: :func:`steps`.
"""

from __future__ import annotations

import importlib
from typing import Any

_WHERE = {
    "add_body": "catalogue",
    "add_item": "catalogue",
    "allocate": "moving",
    "answer": "giving",
    "ask": "asking",
    "audit": "checking",
    "bodies": "catalogue",
    "cancel": "moving",
    "check_account": "register",
    "confirm": "money",
    "deliver": "moving",
    "dispatch": "moving",
    "dispose": "moving",
    "donor": "donors",
    "end_account": "register",
    "enter_account": "register",
    "export": "lists",
    "follow": "public",
    "give_back": "moving",
    "indices": "public",
    "import_list": "lists",
    "inspect": "inspecting",
    "items": "catalogue",
    "listing": "tracing",
    "lose": "moving",
    "needs": "asking",
    "new_code": "donors",
    "open_events": "tracing",
    "overview": "public",
    "pledge": "giving",
    "propose": "asking",
    "purchase": "money",
    "receive": "giving",
    "refund": "money",
    "registered": "register",
    "reverse": "correcting",
    "show": "tracing",
    "steps": "tracing",
    "store": "moving",
    "unwish": "donors",
    "use": "moving",
    "verify_account": "register",
    "wish": "donors",
    "withdraw": "giving",
    "withdraw_need": "asking",
}

__all__ = list(_WHERE)


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(importlib.import_module(f"{__name__}.{_WHERE[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
