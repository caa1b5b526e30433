"""Canonical JSON (RFC 8785) and digests of it: what is signed, logged and compared."""

from __future__ import annotations

import base64
import binascii
import hashlib
from datetime import UTC, date, datetime
from typing import Any


def plain(value: Any) -> Any:
    """``value`` in JSON's types: moments as UTC ISO text, days as ISO dates, sets and tuples as lists."""
    if isinstance(value, datetime):
        moment = value if value.tzinfo else value.replace(tzinfo=UTC)
        return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, set | frozenset):
        return sorted(plain(item) for item in value)
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def canonical(value: Any) -> bytes:
    """Canonical JSON of ``value``."""
    import rfc8785

    return rfc8785.dumps(plain(value))


def digest(value: Any) -> str:
    """SHA-256 of the canonical JSON, in hex."""
    return hashlib.sha256(canonical(value)).hexdigest()


def moment(text: str) -> datetime:
    """The moment that :func:`plain` wrote."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC)


def from_base64(text: str) -> bytes:
    """The bytes whose one base64 spelling (RFC 4648, padded, no spare bits) ``text`` is; ValueError otherwise."""
    try:
        raw = base64.b64decode(text, validate=True)
    except binascii.Error:
        raise ValueError("not base64") from None
    if base64.b64encode(raw).decode() != text:  # spare bits that are not zero spell the same bytes again
        raise ValueError("not the one spelling of these bytes")
    return raw
