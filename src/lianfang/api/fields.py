"""What a route has a place for: a form, a query or a body with anything else is refused, not read past."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar, get_type_hints

from fastapi import Request
from fastapi import params as declared
from pydantic import BaseModel

from lianfang.foundation.errors import BadInput

#: What every form of ours carries beside its own fields.
TOKEN = "token"  # noqa: S105  # nosec B105 - the name of a field
Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])
_NUMBERED: set[Callable[..., Any]] = set()


def numbered(endpoint: Endpoint) -> Endpoint:
    """Mark a form whose inputs are also ``number.field``, as many as there are persons on it."""
    _NUMBERED.add(endpoint)
    return endpoint


@dataclass(frozen=True)
class Known:
    """Names that a route reads: of its query, of its form; and whether it takes a JSON body of a model's shape."""

    query: frozenset[str]
    form: frozenset[str]
    model: bool


@cache
def known(endpoint: Callable[..., Any]) -> Known:
    """What an endpoint's signature says that it reads."""
    hints = get_type_hints(endpoint, include_extras=True)
    query, form, model = set(), {TOKEN}, False
    for name in inspect.signature(endpoint).parameters:
        hint = hints[name]
        notes = getattr(hint, "__metadata__", ())
        plain = getattr(hint, "__origin__", hint) if notes else hint
        if any(isinstance(note, declared.Depends) for note in notes) or plain is Request:
            continue
        if any(isinstance(note, declared.Form) for note in notes):
            form.add(next((note.alias for note in notes if getattr(note, "alias", None)), name))
        elif isinstance(plain, type) and issubclass(plain, BaseModel):
            model = True
        else:
            query.add(next((note.alias for note in notes if getattr(note, "alias", None)), name))
    return Known(frozenset(query), frozenset(form), model)


def only_known_query(request: Request) -> None:
    """Refuse a query field that the route does not know (JSON routes; a page's address may carry a notice)."""
    if request.url.path.startswith("/api/"):
        _refuse(set(request.query_params) - known(request.scope["endpoint"]).query)


async def only_known(request: Request) -> None:
    """Refuse a form's unknown field, and any body where the route takes none.

    Raises:
        BadInput: says how many, as a name that nobody knows may itself be what must not be told.
    """
    endpoint = request.scope["endpoint"]
    reads = known(endpoint)
    if reads.model:
        return  # the model refuses what it does not know
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind in ("application/x-www-form-urlencoded", "multipart/form-data"):
        form = await request.form()
        unknown = set(form) - reads.form
        if endpoint in _NUMBERED:
            unknown = {name for name in unknown if not name.partition(".")[0].isdigit()}
        _refuse(unknown)
        if any("\x00" in value for value in form.values() if isinstance(value, str)):
            raise BadInput("A text holds a NUL character.")
        return
    raw = await request.body()
    if raw.strip():
        _refuse(_names(raw))


def _names(raw: bytes) -> set[str]:
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        raise BadInput("This route takes no body.") from None
    if value is not None and not isinstance(value, dict):
        raise BadInput("This route takes no body.")
    return set(value or ())


def _refuse(unknown: set[str]) -> None:
    if unknown:
        count = len(unknown)
        raise BadInput(
            f"The request has {count} fields that are not known here.",
            hint="An unknown field is refused, not read past: check its spelling.",
        )
