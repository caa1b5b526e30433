"""Every route of the application, and how to ask it with a body that its schema lets through."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from fastapi.routing import APIRoute, iter_route_contexts

from accountkit import Browser
from spec.guard.test_role_routes import body_of


def routes(app: Any) -> Iterator[tuple[str, APIRoute]]:
    """``METHOD /path`` and the route, whether or not a schema tells of it."""
    for one in iter_route_contexts(app.routes):
        if isinstance(one.original_route, APIRoute):
            for method in sorted(one.original_route.methods - {"HEAD"}):
                path = re.sub(r"\{(\w+):\w+\}", r"{\1}", one.path)  # as schema and table write it
                yield f"{method} {path}", one.original_route


def ask(one: Browser, route: str, values: Mapping[str, str], body: Any = None) -> Any:
    """The answer to ``METHOD /path``, its parts filled from ``values`` ("none" where there is none)."""
    method, _, path = route.partition(" ")
    document = one.client.app.openapi()  # type: ignore[attr-defined]
    said = document["paths"].get(path, {}).get(method.lower(), {})
    how, made = body_of(said, document)
    filled = re.sub(r"\{(\w+)[^}]*\}", lambda found: values.get(found[1], "none"), path)
    headers = {"x-lianfang-token": one.token, "accept-language": "en"}
    sent = {} if method == "GET" else {how: made if body is None else body}
    return one.client.request(method, filled, headers=headers, **sent)
