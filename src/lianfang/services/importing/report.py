"""What an import tells: counts, problems by row and column, never a value."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

#: Reason codes of a rejected row, in words; their Chinese is in the catalogue (foundation/words).
REASONS: dict[str, str] = {
    "columns": "the row has another number of columns than the header",
    "missing": "a required value is missing",
    "date_format": "not a date in a form that is accepted",
    "date_without_year": "a date without its year",
    "date_ambiguous": "day and month cannot be told apart",
    "date_range": "not a day of the calendar, or outside 1900 to 2100",
    "moment_format": "not a time in a form that is accepted",
    "number": "not a number",
    "number_lost_digits": "a number that a spreadsheet has rounded; its last digits are lost",
    "not_allowed": "not one of the values that the mapping knows",
    "out_of_range": "outside the allowed range",
    "too_long": "longer than allowed",
    "control_character": "holds a control character",
    "order": "the dates contradict each other",
    "invalid": "not valid for this field",
}


@dataclass(frozen=True)
class Problem:
    """One thing wrong with one row. ``row`` counts as a spreadsheet does: the header is row 1."""

    file: str
    row: int
    column: str
    reason: str

    def __str__(self) -> str:
        where = f", column {self.column}" if self.column else ""
        return f"{self.file}, row {self.row}{where}: {REASONS[self.reason]} ({self.reason})."


@dataclass(frozen=True)
class ImportReport:
    """Outcome of one file.

    ``status``: ``imported``, ``unchanged`` (these bytes were imported before), ``checked`` (dry run) or
    ``refused`` (``error`` says why; nothing was changed). ``problems`` holds the first of the rejected rows,
    ``reasons`` counts them all, ``notes`` counts what was accepted but worth knowing.
    """

    file: str
    record: str
    mapping: str
    status: str
    batch_id: str = ""
    encoding: str = ""
    rows: int = 0
    accepted: int = 0
    changed: int = 0
    rejected: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    notes: dict[str, int] = field(default_factory=dict)
    rejects: str = ""
    error: str = ""

    def to_json(self) -> dict[str, Any]:
        """As plain JSON."""
        from dataclasses import asdict

        return asdict(self)
