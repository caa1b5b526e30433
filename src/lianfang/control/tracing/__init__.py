"""Contact tracing 密切接触者追踪: who met whom, where, for how long, and in which order to act.

Engines over frames of tokens (never names or telephone numbers): positions (:func:`contacts`), places,
rooms and seats (:func:`co_presence`), proximity sensors (:func:`proximity`), likely infectors
(:func:`who_infected_whom`), and one list out of all of them (:func:`rank`, :func:`words`).
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lianfang.control.tracing.colocation import contacts as contacts
    from lianfang.control.tracing.presence import co_presence as co_presence
    from lianfang.control.tracing.ranking import rank as rank
    from lianfang.control.tracing.reasons import words as words
    from lianfang.control.tracing.sensor import proximity as proximity
    from lianfang.control.tracing.transmission import who_infected_whom as who_infected_whom

_WHERE = {
    "co_presence": "presence",
    "contacts": "colocation",
    "proximity": "sensor",
    "rank": "ranking",
    "who_infected_whom": "transmission",
    "words": "reasons",
}

__all__ = ["co_presence", "contacts", "proximity", "rank", "who_infected_whom", "words"]


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(importlib.import_module(f"{__name__}.{_WHERE[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
