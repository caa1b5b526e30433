"""Fixtures that every kind of test uses."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

DEEP = os.environ.get("LIANFANG_DEEP") == "1"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if DEEP:
        return
    items[:] = [item for item in items if item.get_closest_marker("deep") is None]


@pytest.fixture
def count() -> Callable[[int, int], int]:
    """``count(quick, deep)``: how often a slow loop runs here."""
    return lambda quick, deep: deep if DEEP else quick


pytest_plugins = ["databases"]
