"""How surely a person is known: by one factor, by two, and how long ago one was last shown.

After NIST SP 800-63B-4 (authenticator assurance levels) and OWASP ASVS 5.0 V6.3.3, V7.5.1.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

#: What one knows, or was handed once.
FIRST = frozenset({"password", "link"})
#: What one has.
SECOND = frozenset({"totp", "passkey", "recovery"})
#: The one-time link of a demonstration installation, whose people are invented; made nowhere else.
DEMONSTRATION = "demonstration"
#: How long a factor just shown counts as recent.
FRESH = timedelta(minutes=10)


def level(factors: Iterable[str]) -> int:
    """0, 1 or 2 factors of different kinds; two of one kind (password and link) are one."""
    held = set(factors)
    if DEMONSTRATION in held:
        return 2
    return bool(held & FIRST) + bool(held & SECOND)
