"""HTTP to others' logs and witnesses: https or this machine, no redirects, timeouts, bounded answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from lianfang.foundation.addresses import check_host, check_resolved
from lianfang.foundation.errors import BadInput, Fault
from lianfang.services.orders.wire import is_loopback

if TYPE_CHECKING:
    import httpx

#: A full bundle of the largest entries.
MOST = 256 * (65_535 + 2)
SECONDS = 15.0


def address(url: str) -> str:
    """A log's or witness's address without a trailing slash; plain http is for this machine only."""
    try:
        parts = urlsplit(url)
        sound = parts.port is None or 0 < parts.port < 65_536
    except ValueError:
        parts, sound = urlsplit(""), False
    if not sound or not parts.hostname or parts.username or parts.password or parts.query or parts.fragment:
        raise BadInput("The address is https://HOST[:PORT][/PATH], nothing more.")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname)):
        raise BadInput("Others are reached by https; plain http is for this machine only.", code="no_tls")
    check_host(parts.hostname)
    return url.rstrip("/")


@dataclass(frozen=True)
class Got:
    """What was answered."""

    status: int
    body: bytes
    media: str


class Outside:
    """A connection to one address, kept open between requests."""

    def __init__(self, url: str, *, client: httpx.Client | None = None) -> None:
        self.url = address(url)
        self._client = client

    def get(self, path: str, *, most: int = MOST) -> Got:
        """Read ``path`` below the address."""
        return self._ask("GET", path, None, most)

    def post(self, path: str, body: bytes, *, most: int = 65_536) -> Got:
        """Send ``body`` to ``path`` below the address."""
        return self._ask("POST", path, body, most)

    def close(self) -> None:
        """Let the connection go."""
        if self._client is not None:
            self._client.close()

    def _ask(self, method: str, path: str, body: bytes | None, most: int) -> Got:
        import httpx

        if self._client is None:
            check_resolved(str(urlsplit(self.url).hostname))
            timeout = httpx.Timeout(SECONDS, connect=5.0)
            self._client = httpx.Client(timeout=timeout, follow_redirects=False, trust_env=False)
        parts, size = [], 0
        try:
            with self._client.stream(method, f"{self.url}/{path}", content=body) as got:
                for part in got.iter_bytes():
                    size += len(part)
                    if size > most:
                        raise Fault("The answer is too large.", code="unreachable")
                    parts.append(part)
        except httpx.HTTPError as error:
            raise Fault(f"It cannot be reached ({type(error).__name__}).", code="unreachable") from None
        return Got(got.status_code, b"".join(parts), got.headers.get("content-type", ""))
