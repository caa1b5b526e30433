"""What the policy answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from lianfang.foundation.errors import Refused


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer to one request.

    Attributes:
        permit: whether the act may happen.
        outcome: ``"permit"`` or ``"deny"``.
        basis: the articles it rests on, each with the pack and its date.
        fields: each field asked for and its treatment: show, mask, generalise, token or drop.
        obligations: what the one who acts has to do with it.
        reasons: why, each ``code: English. 中文。``; of a denial every reason found.
        ttl: seconds for which a permit holds (0 for a denial).
        pack, pack_hash: the law that was applied; both belong in the log.
        rules: identifiers of the rules that decided.
    """

    permit: bool
    outcome: str
    basis: tuple[str, ...]
    fields: dict[str, str]
    obligations: frozenset[str]
    reasons: tuple[str, ...]
    ttl: int
    pack: str
    pack_hash: str
    rules: tuple[str, ...] = field(default=())

    def __bool__(self) -> bool:
        return self.permit

    def withheld(self, duties: Sequence[str]) -> Decision:
        """The denial that a permit becomes while nobody discharges these of its obligations."""
        owed = ", ".join(duties)
        return replace(
            self,
            permit=False,
            outcome="deny",
            fields=dict.fromkeys(self.fields, "drop"),
            reasons=(f"obligation: nobody discharges {owed}. 义务无人履行：{owed}。",),
            ttl=0,
        )

    def to_dict(self) -> dict[str, Any]:
        """The same as plain JSON values."""
        return {
            "permit": self.permit,
            "outcome": self.outcome,
            "basis": list(self.basis),
            "fields": dict(self.fields),
            "obligations": sorted(self.obligations),
            "reasons": list(self.reasons),
            "ttl": self.ttl,
            "pack": self.pack,
            "pack_hash": self.pack_hash,
            "rules": list(self.rules),
        }

    def enforce(self) -> Decision:
        """Return this decision if it permits.

        Raises:
            Refused: it does not; the error carries reasons and basis.
        """
        if self.permit:
            return self
        raise Refused(
            "the policy refuses this: " + " ".join(self.reasons), reasons=self.reasons, basis=self.basis
        )
