"""Fixtures that every kind of test uses.

``LIANFANG_DEEP=1`` runs what is worth running at full counts and nothing else: tests marked ``deep``, tests
that take ``count``, and the property tests (Hypothesis, four times the examples).
"""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, settings

os.environ["LC_ALL"] = "C.UTF-8"  # the command line speaks the locale's language; this one chooses none
DEEP = os.environ.get("LIANFANG_DEEP") == "1"

settings.register_profile("quick", deadline=None, max_examples=100, derandomize=True)
settings.register_profile(
    "deep", deadline=None, max_examples=400, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("deep" if DEEP else "quick")


def _deep(item: pytest.Item) -> bool:
    return (
        item.get_closest_marker("deep") is not None
        or "count" in getattr(item, "fixturenames", ())
        or "property" in item.path.parts
    )


# files with few and long tests begin first, so that no worker ends on one of them alone
_FIRST = ("faults", "journeys", "browser", "security", "spec", "peer", "property", "unit")


def _turn(item: pytest.Item) -> int:
    parts = item.path.parts
    return next((turn for turn, kind in enumerate(_FIRST) if kind in parts), len(_FIRST))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    items.sort(key=_turn)
    if DEEP:
        items[:] = [item for item in items if _deep(item)]
    else:
        items[:] = [item for item in items if item.get_closest_marker("deep") is None]


@pytest.fixture
def count() -> Callable[[int, int], int]:
    """``count(quick, deep)``: how often a slow loop runs here."""
    return lambda quick, deep: deep if DEEP else quick


pytest_plugins = [
    "city",
    "databases",
    "exchangekit",
    "genomeloop",
    "journeykit",
    "loop",
    "rootkit",
    "securitykit",
]
