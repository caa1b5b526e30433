"""What the gate hands out: a decision that permits, and through it the treated values, for as long as it holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, overload

from lianfang.foundation.errors import Refused

if TYPE_CHECKING:
    import polars as pl

    from lianfang.guard.policy import Decision
    from lianfang.records import Record
    from lianfang.services.installation import Installation


class Given(dict[str, Any]):
    """A row as a permit gave it: a field that did not leave is not there, and a page that looks for it finds None."""

    def __missing__(self, name: str) -> None:
        return None


@dataclass(frozen=True)
class Granted:
    """A permit of the gate: ``decision_id`` is its record's; past ``until`` (UTC) it gives nothing."""

    inst: Installation = field(repr=False)
    decision_id: str
    decision: Decision
    purpose: str
    event_id: str
    account: str
    until: datetime

    def live(self) -> None:
        """Refuse once the decision's time is over."""
        if self.inst.now() > self.until:
            raise Refused(
                "The permit has expired.",
                reasons=("permit_expired",),
                hint="Ask again: open the page anew.",
                code="permit_expired",
            )

    @overload
    def project(
        self, rows: pl.DataFrame, of: type[Record] | Mapping[str, str], **derived: str
    ) -> pl.DataFrame: ...
    @overload
    def project(
        self, rows: Mapping[str, Any], of: type[Record] | Mapping[str, str], **derived: str
    ) -> dict[str, Any]: ...
    @overload
    def project(
        self, rows: Iterable[Mapping[str, Any]], of: type[Record] | Mapping[str, str], **derived: str
    ) -> list[dict[str, Any]]: ...
    def project(self, rows: Any, of: type[Record] | Mapping[str, str], **derived: str) -> Any:
        """What may leave of the rows: each field shown, masked, made coarser, a token, or absent.

        ``of``: their record type, whose declaration says what each field is and for which purposes it serves
        (REQ-P-32); or field -> the policy's word, for what is no record. ``derived``: fields besides those of the
        record, with the policy's word; empty where it is about nobody. Other fields do not leave.

        Raises:
            Refused: the decision's time is over, or nothing of the record serves its purpose.
        """
        from lianfang.guard.policy import treat

        self.live()
        if isinstance(of, Mapping):
            declared = dict(of)
        else:
            declared = of.serving(self.purpose)
            if any(info.datum for info in of.fields.values()) and not any(declared.values()):
                raise Refused(
                    f"Nothing of {of.about.name} was collected for the purpose {self.purpose}.",
                    reasons=("purpose_binding",),
                    basis=("REQ-P-32",),
                    code="purpose",
                )
            if of.has_subject():
                declared["subject_id"] = "pseudonym"
        made = treat.project(self.decision, rows, {**declared, **derived}, tokens=self._tokens)
        if isinstance(made, list):
            return [Given(row) for row in made]
        return Given(made) if isinstance(made, dict) else made

    def marked(self, rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """The rows, each with the ``watermark`` of the event, of whom it was given to, and when."""
        self.live()
        mark = f"{self.event_id} {self.account} {self.inst.now():%Y-%m-%dT%H:%M:%SZ}"
        return [{**row, "watermark": mark} for row in rows]

    def _tokens(self, values: Sequence[str]) -> list[str]:
        """Tokens of the decision's purpose in its event: two purposes cannot be joined by them."""
        return self.inst.vault.pseudonyms(self.event_id, self.purpose, list(values))
