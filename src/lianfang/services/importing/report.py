"""What an import tells: counts, problems by row and column, never a value."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

#: Reason codes of a rejected row, English and Chinese.
REASONS: dict[str, tuple[str, str]] = {
    "columns": ("the row has another number of columns than the header", "列数与表头不符"),
    "missing": ("a required value is missing", "缺少必填项"),
    "date_format": ("not a date in a form that is accepted", "日期格式不被接受"),
    "date_without_year": ("a date without its year", "日期缺少年份"),
    "date_ambiguous": ("day and month cannot be told apart", "日与月无法区分"),
    "date_range": ("not a day of the calendar, or outside 1900 to 2100", "日期不存在或超出1900至2100年"),
    "moment_format": ("not a time in a form that is accepted", "时间格式不被接受"),
    "number": ("not a number", "不是数字"),
    "number_lost_digits": (
        "a number that a spreadsheet has rounded; its last digits are lost",
        "数字被电子表格四舍五入，末位已丢失",
    ),
    "not_allowed": ("not one of the values that the mapping knows", "取值不在对照表中"),
    "out_of_range": ("outside the allowed range", "超出允许范围"),
    "too_long": ("longer than allowed", "超过允许长度"),
    "control_character": ("holds a control character", "含有控制字符"),
    "order": ("the dates contradict each other", "日期先后矛盾"),
    "invalid": ("not valid for this field", "不符合该字段的要求"),
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
        return f"{self.file}, row {self.row}{where}: {REASONS[self.reason][0]} ({self.reason})."


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
