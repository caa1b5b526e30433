"""Observations at rest: Parquet by day, asked through DuckDB or Spark. Exported lazily."""

from __future__ import annotations

from typing import Any

__all__ = ["DuckEngine", "Engine", "Lake", "SparkEngine", "schema"]

_HOMES = {
    "DuckEngine": "engine",
    "Engine": "engine",
    "Lake": "files",
    "SparkEngine": "spark",
    "schema": "files",
}


def __getattr__(name: str) -> Any:
    import importlib

    if name not in _HOMES:
        raise AttributeError(name)
    return getattr(importlib.import_module(f"lianfang.lake.{_HOMES[name]}"), name)
