"""HTTP to a holder's node: https or this machine, no redirects, timeouts, bounded answers."""

from __future__ import annotations

import base64
import binascii
import ipaddress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from lianfang.foundation.addresses import check_host, check_resolved
from lianfang.foundation.errors import BadInput, Conflict, Fault, LianfangError, NotFound, Refused
from lianfang.services.holder.documents import MAX_ANSWER, read_json

if TYPE_CHECKING:
    import httpx

#: base64 makes four characters of three bytes, and the rest of the body is small
_MOST = MAX_ANSWER * 4 // 3 + 65_536
_KINDS: dict[int, type[LianfangError]] = {404: NotFound, 409: Conflict, 413: BadInput, 422: BadInput}


def checked_url(url: str) -> str:
    """The node's address without a trailing slash; plain http is for this machine only."""
    try:
        parts = urlsplit(url)
        port_ok = parts.port is None or 0 < parts.port < 65_536
    except ValueError:
        raise BadInput("The holder's address is no URL.") from None
    if parts.username or parts.password or parts.query or parts.fragment or not parts.hostname or not port_ok:
        raise BadInput("The holder's address is https://HOST[:PORT], nothing more.")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname)):
        raise BadInput("A holder is reached by https; plain http is for this machine only.", code="no_tls")
    check_host(parts.hostname)
    return url.rstrip("/")


def is_loopback(host: str) -> bool:
    """Whether a host name means this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def call(url: str, path: str, body: bytes | None = None, *, seconds: float = 30) -> dict[str, Any]:
    """One request to a node: its JSON object.

    Raises:
        Refused, NotFound, Conflict, BadInput: what the node answered, in its words. Fault: unreachable, too
        slow, redirected, too large, not JSON.
    """
    import httpx

    address = checked_url(url) + path
    check_resolved(urlsplit(address).hostname or "")
    timeout = httpx.Timeout(seconds, connect=5.0)
    headers = {"content-type": "application/json", "accept": "application/json"}
    try:
        with (
            httpx.Client(timeout=timeout, follow_redirects=False, trust_env=False) as client,
            client.stream(
                "POST" if body is not None else "GET", address, content=body, headers=headers
            ) as got,
        ):
            raw = _bounded(got)
            status = got.status_code
    except httpx.HTTPError as error:
        raise Fault(
            f"The holder's node cannot be reached ({type(error).__name__}).",
            hint="Nothing was lost; try again when it is up.",
            code="holder_unreachable",
        ) from None
    if 200 <= status < 300:
        document = read_json(raw, "holder's answer")
        if not isinstance(document, dict):
            raise Fault("The holder's answer is no object.", code="holder_answer")
        return document
    raise _error(status, raw)


def _bounded(got: httpx.Response) -> bytes:
    parts: list[bytes] = []
    size = 0
    for part in got.iter_bytes():
        size += len(part)
        if size > _MOST:
            raise Fault("The holder's answer is too large.", code="holder_answer")
        parts.append(part)
    return b"".join(parts)


def _error(status: int, raw: bytes) -> LianfangError:
    told: dict[str, Any] = {}
    try:
        document = read_json(raw[:65_536], "holder's answer")
        if isinstance(document, dict) and isinstance(document.get("error"), dict):
            told = document["error"]
    except BadInput:
        told = {}
    message = _line(told.get("message")) or f"The holder's node answered {status}."
    code = _line(told.get("code"))[:40] or "holder_answer"
    if status == 403:
        reasons = tuple(_line(one) for one in _list(told.get("reasons")))
        basis = tuple(_line(one) for one in _list(told.get("basis")))
        return Refused(message, reasons=reasons, basis=basis, code=code)
    if 300 <= status < 400:
        return Fault("The holder's node redirects; that is not followed.", code="holder_answer")
    return _KINDS.get(status, Fault)(message, code=code)


def _line(value: Any) -> str:
    return "".join(c for c in value if c.isprintable())[:500] if isinstance(value, str) else ""


def _list(value: Any) -> list[Any]:
    return value[:20] if isinstance(value, list) else []


def sealed_in(document: dict[str, Any]) -> bytes:
    """The sealed part of a node's answer."""
    text = document.get("sealed")
    try:
        if not isinstance(text, str):
            raise ValueError
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Fault("The holder's answer holds nothing sealed.", code="holder_answer") from None
