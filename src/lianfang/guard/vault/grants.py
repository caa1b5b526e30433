"""What a release of names must bring with it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from lianfang.foundation.errors import BadInput, Refused


@dataclass(frozen=True)
class Approval:
    """One person's yes: an account, the role in which it was given, and when (UTC)."""

    account: str
    role: str
    at: datetime


@dataclass(frozen=True)
class Grant:
    """Exactly these subjects, exactly these fields, to this reader, until then.

    It is made from a lock (one lock covers one index case's contact list) and its approvals.
    ``subjects`` and ``fields`` may be any iterable of str; they are kept as frozen sets.
    """

    event_id: str
    subjects: frozenset[str]
    fields: frozenset[str]
    reason: str
    approvals: tuple[Approval, ...]
    reader: str
    not_after: datetime

    def __init__(
        self,
        *,
        event_id: str,
        subjects: Iterable[str],
        fields: Iterable[str],
        reason: str,
        approvals: Iterable[Approval],
        reader: str,
        not_after: datetime,
    ) -> None:
        if isinstance(subjects, str) or isinstance(fields, str):
            raise BadInput("A grant names a set of subjects and a set of fields, not one string.")
        put = object.__setattr__
        put(self, "event_id", event_id)
        put(self, "subjects", frozenset(subjects))
        put(self, "fields", frozenset(fields))
        put(self, "reason", reason)
        put(self, "approvals", tuple(approvals))
        put(self, "reader", reader)
        put(self, "not_after", _utc(not_after))

    def problems(self, *, event_id: str, reader: str, now: datetime) -> tuple[str, ...]:
        """Why this grant does not open the vault for ``reader`` at ``now``; empty when it does."""
        moment = _utc(now)
        found = []
        if self.event_id != event_id:
            found.append("the grant is for another event")
        if not self.subjects:
            found.append("the grant names no subject")
        if not self.fields:
            found.append("the grant names no field")
        if not self.reason.strip():
            found.append("the grant gives no reason")
        if not reader or reader != self.reader:
            found.append("only the assigned reader may read under this grant")
        if moment > self.not_after:
            found.append("the grant has expired")
        given = [a for a in self.approvals if a.account and a.role and _utc(a.at) <= moment]
        if not any(a.account != b.account and a.role != b.role for a in given for b in given):
            found.append("two approvals by different people in different roles are needed")
        if any(a.account == self.reader for a in given):
            found.append("the reader may not approve his own grant")
        return tuple(found)

    def require(self, *, event_id: str, reader: str, now: datetime) -> None:
        """Refuse unless the grant opens the vault for this reader now."""
        found = self.problems(event_id=event_id, reader=reader, now=now)
        if found:
            raise Refused(
                "The vault does not release names: " + "; ".join(found) + ".",
                reasons=found,
                basis=("REQ-P-60", "REQ-P-64"),
                hint="Lock the risk object and have it approved by a second person in another role.",
                code="reveal_refused",
            )


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
