"""Agent-based epidemics: who infects whom, where and when, under tests, isolation, tracing and masks.

``run(Scenario(...))`` is deterministic by its seed. See ``scenario.py`` for what can be said, ``_kernels.py``
for the method.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

_HOME = {
    "Disease": "scenario",
    "Layer": "scenario",
    "Masks": "scenario",
    "Outcome": "outcome",
    "Population": "scenario",
    "Scenario": "scenario",
    "Testing": "scenario",
    "Tracing": "scenario",
    "Visits": "scenario",
    "run": "engine",
}

__all__ = [
    "Disease",
    "Layer",
    "Masks",
    "Outcome",
    "Population",
    "Scenario",
    "Testing",
    "Tracing",
    "Visits",
    "run",
]

if TYPE_CHECKING:
    from lianfang.predict.simulation.engine import run
    from lianfang.predict.simulation.outcome import Outcome
    from lianfang.predict.simulation.scenario import (
        Disease,
        Layer,
        Masks,
        Population,
        Scenario,
        Testing,
        Tracing,
        Visits,
    )


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(name)
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
