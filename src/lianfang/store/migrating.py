"""What both lines of migrations share (called by their ``env.py``)."""

from __future__ import annotations

from typing import Any

from lianfang.store.schema import Moment


def configure(context: Any) -> None:
    """Run the migrations on the caller's connection."""
    attributes = context.config.attributes
    connection = attributes["connection"]
    context.configure(
        connection=connection,
        target_metadata=attributes.get("metadata"),
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=connection.dialect.name == "postgresql",
        render_item=_render,
    )
    context.run_migrations()


def _render(kind: str, item: Any, autogen: Any) -> str | bool:
    """Write our own types by name, so that a migration says the same on both databases."""
    if kind != "type":
        return False
    if isinstance(item, Moment):
        autogen.imports.add("from lianfang.store.schema import Moment")
        return "Moment()"
    if item.__class__.__name__ == "JSON":
        autogen.imports.add("from lianfang.store.schema import json_type")
        return "json_type()"
    return False
