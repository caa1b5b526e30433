"""How long a message lives: the pack's days from posting (12 months in 2013, 14 days since 2022)."""

from __future__ import annotations

from datetime import datetime, timedelta

from lianfang.guard.policy.pack import get


def deadline(pack: str, posted_at: datetime) -> datetime:
    """The moment at which a message posted then is erased (REQ-P-44)."""
    return posted_at + timedelta(days=int(get(pack).retention["message_days"]))


def age_days(posted_at: datetime, now: datetime) -> int:
    """Whole days since posting, as the packs count them."""
    return max(0, (now - posted_at) // timedelta(days=1))
