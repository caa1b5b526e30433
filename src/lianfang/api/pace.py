"""How often one may ask: token buckets in the server's memory, one for each asker and kind of request.

What costs much (an inspection, an attack on the bulletins, a person's report) is slowed soon, the rest late. Wrong
passwords and codes are counted elsewhere (``guard/accounts/attempts``), in the database, and stay counted.
"""

from __future__ import annotations

import hashlib
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fastapi import Depends, Request

from lianfang.foundation.errors import TooMany


@dataclass(frozen=True)
class Rate:
    """``burst`` requests at once, then ``per_second``."""

    burst: int
    per_second: float


RATES = {
    "any": Rate(400, 40.0),  # of one session
    "costly": Rate(30, 0.5),  # of one session
    "sign in": Rate(60, 1.0),  # from one address: each costs a password hash
    "public": Rate(200, 20.0),  # from one address: proofs are checked anew for each reader
}
#: Askers that are remembered; those beyond push out the ones that were quiet longest.
MOST = 50_000


class Pace:
    """The buckets. ``clock``: seconds that only grow."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: dict[tuple[str, str], tuple[float, float]] = {}

    def take(self, kind: str, asker: str) -> None:
        """Count one request.

        Raises:
            TooMany: the bucket is empty; ``seconds`` says how long until it is not.
        """
        rate = RATES[kind]
        key = (kind, asker)
        with self._lock:
            now = self._clock()
            left, at = self._buckets.pop(key, (float(rate.burst), now))
            left = min(float(rate.burst), left + (now - at) * rate.per_second)
            self._buckets[key] = (left - 1 if left >= 1 else left, now)
            while len(self._buckets) > MOST:
                del self._buckets[next(iter(self._buckets))]
        if left < 1:
            seconds = math.ceil((1 - left) / rate.per_second)
            raise TooMany("Too many requests.", hint=f"Try again in {seconds} seconds.", seconds=seconds)


def asker(request: Request, cookie: str) -> str:
    """Who asks: the session, by a digest of its cookie, else the address."""
    if token := request.cookies.get(cookie, ""):
        return "session:" + hashlib.sha256(token.encode()).hexdigest()[:32]
    return address(request)


def address(request: Request) -> str:
    """The address that a request comes from."""
    return f"address:{request.client.host if request.client else ''}"


def paced(kind: str, cookie: str = "") -> Any:
    """A route's dependency: so often and no more, for one session (named by its cookie) or one address."""

    def check(request: Request) -> None:
        who = asker(request, cookie) if cookie else address(request)
        request.app.state.pace.take(kind, who)

    return Depends(check)
