"""Chunks of text to validated rows of one record type, split into identifiers and the rest."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from lianfang.foundation.errors import BadInput
from lianfang.services.importing.complete import RULES
from lianfang.services.importing.mapping import FieldSpec, Mapping, Unpivot
from lianfang.services.importing.report import Problem
from lianfang.services.importing.tables import Cells, Chunk
from lianfang.services.importing.values import Memo, Wrong, converter, parse_date, parse_text

#: Columns that a reject file carries after those of the source.
REJECT_COLUMNS = ("_row", "_reason")
_LATER = "-"  # a token is made when the vault has given the subject
_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r", "\n")
_BLANKS = " \u00a0\u3000\ufeff\u200b"

_REASON_OF = {
    "missing": "missing",
    "string_type": "missing",
    "string_too_long": "too_long",
    "literal_error": "not_allowed",
    "greater_than_equal": "out_of_range",
    "less_than_equal": "out_of_range",
    "int_from_float": "number",
}


@dataclass
class Rejected:
    """A row that was not taken: its cells as delivered, for the reject file."""

    number: int
    cells: Cells
    column: str
    reason: str


@dataclass
class Accepted:
    """Rows of one chunk: ``identities[i]`` goes to the vault, ``values[i]`` outside it."""

    values: list[dict[str, Any]] = field(default_factory=list)
    identities: list[dict[str, str | None]] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)


class Reading:
    """One table read by one mapping."""

    def __init__(self, mapping: Mapping, header: list[str], file: str, zone: str) -> None:
        self.mapping = mapping
        self.file = file
        self.record = mapping.record_type
        self.mended = tuple(header[-2:]) == REJECT_COLUMNS
        self.header = header[:-2] if self.mended else header
        self.places = {name: at for at, name in enumerate(self.header)}
        self.notes: Counter[str] = Counter()
        self._zone = zone
        self._check_header()
        missing = frozenset(mapping.missing) | {""}
        self._fields = [
            (name, spec, Memo(converter(self.record.fields[name], spec, zone), missing))
            for name in mapping.fields
            if self._there(spec := mapping.spec(name))
        ]
        absent = {n: s.default for n in mapping.fields if not self._there(s := mapping.spec(n))}
        constants = {**mapping.constants, **absent}
        self._constants = {name: value for name, value in constants.items() if value is not None}
        self._identify = [
            (name, self.places[column], Memo(lambda text: parse_text(text, exact=True), missing))
            for name, column in mapping.identify.items()
        ]
        self._validate = self.record.__pydantic_validator__.validate_python
        self._rule = RULES.get(self.record.about.name)
        self._vault = self.record.vault_fields()
        self._days = self._wide_days()

    # the header -------------------------------------------------------------------------------------------

    def _there(self, spec: FieldSpec) -> bool:
        return any(column in self.places for column in spec.columns)

    def _check_header(self) -> None:
        absent = sorted(self.mapping.needed() - set(self.header))
        for name in self.mapping.fields:
            spec = self.mapping.spec(name)
            if spec.coalesce and not spec.optional and not self._there(spec):
                absent.append(" or ".join(spec.coalesce))
        if absent:
            raise BadInput(
                f"{self.file} lacks the column {', '.join(map(repr, absent[:5]))} "
                f"that the mapping {self.mapping.name} needs.",
                hint="Name another mapping with --mapping, or have the column delivered.",
            )
        if self.mapping.ignore == "all" or self.mapping.unpivot:
            return
        unknown = [c for c in self.header if c not in self.mapping.columns and c not in self.mapping.ignore]
        if unknown:
            raise BadInput(
                f"{self.file} has the column {unknown[0]!r} that the mapping "
                f"{self.mapping.name} does not know.",
                hint="Map it, or list it under `ignore`; nothing is dropped unsaid.",
            )

    def _wide_days(self) -> list[tuple[int, Any]]:
        wide = self.mapping.unpivot
        if wide is None:
            return []
        known = self.mapping.columns | (set(self.mapping.ignore) if self.mapping.ignore != "all" else set())
        days = []
        for at, name in enumerate(self.header):
            if name in known:
                continue
            day = parse_date(name, frozenset({wide.form}))
            if isinstance(day, Wrong):
                if self.mapping.ignore == "all":
                    continue
                raise BadInput(f"{self.file}: the column {name!r} is neither known nor a date.")
            days.append((at, day))
        if not days:
            raise BadInput(f"{self.file} has no column named by a date.")
        return days

    # rows -------------------------------------------------------------------------------------------------

    def take(self, chunk: Chunk) -> Accepted:
        """The rows of a chunk, each accepted or rejected with the first thing that is wrong with it."""
        out = Accepted()
        out.rejected = [Rejected(number, row, "", "columns") for number, row in chunk.misshapen]
        if not chunk.rows:
            return out
        rows = [_unescaped(row[:-2]) for row in chunk.rows] if self.mended else chunk.rows
        columns = list(zip(*rows, strict=True))
        wrong: dict[int, tuple[str, str]] = {}
        filled = [
            self._collect(self._column(spec, memo, columns), memo, spec.columns[0], wrong)
            for _, spec, memo in self._fields
        ]
        names = [name for name, *_ in self._fields]
        identities = [
            self._collect([memo[cell] for cell in columns[at]], memo, self.header[at], wrong)
            for _, at, memo in self._identify
        ]
        rows_of = zip(*filled, strict=True) if filled else ((),) * len(rows)
        wide = self.mapping.unpivot
        for at, cells in enumerate(rows_of):
            if at in wrong:
                out.rejected.append(Rejected(chunk.numbers[at], rows[at], *wrong[at]))
                continue
            values = {**self._constants, **{n: v for n, v in zip(names, cells, strict=True) if v is not None}}
            who = {n: column[at] for (n, *_), column in zip(self._identify, identities, strict=True)}
            if wide is not None:
                self._take_wide(out, wide, values, rows[at], chunk.numbers[at])
            else:
                self._take_one(out, values, who, rows[at], chunk.numbers[at])
        return out

    def _column(self, spec: FieldSpec, memo: Memo, columns: list[tuple[str, ...]]) -> list[Any]:
        found = [columns[self.places[name]] for name in spec.columns if name in self.places]
        if spec.join is not None:
            texts = [spec.by.join(filter(None, map(str.strip, cells))) for cells in zip(*found, strict=True)]
            values = [memo[text] for text in texts]
        elif spec.coalesce is not None:
            missing = memo.missing
            values = [
                memo[next((cell for cell in cells if cell.strip() not in missing), "")]
                for cells in zip(*found, strict=True)
            ]
        else:
            values = [memo[cell] for cell in found[0]]
        if spec.default is not None:
            values = [spec.default if value is None else value for value in values]
        return values

    @staticmethod
    def _collect(values: list[Any], memo: Memo, column: str, wrong: dict[int, tuple[str, str]]) -> list[Any]:
        if memo.wrong:
            for at, value in enumerate(values):
                if isinstance(value, Wrong):
                    wrong.setdefault(at, (column, value.reason))
        return values

    def _take_one(
        self, out: Accepted, values: dict[str, Any], who: dict[str, Any], cells: Cells, number: int
    ) -> None:
        if self._identify:
            values["token"] = _LATER
            if not any(who.values()):
                out.rejected.append(Rejected(number, cells, self.header[self._identify[0][1]], "missing"))
                return
        if "day" in self.record.fields and "day" not in values:
            moment = values.get("time") or values.get("start")
            if moment is not None:
                values["day"] = moment.astimezone(self._place).date()
        fault = self._rule(values) if self._rule else None
        if fault is None:
            try:
                model = self._validate(values)
            except ValidationError as error:
                fault = _fault(error)
        if fault is not None:
            out.rejected.append(Rejected(number, cells, self._column_of(fault[0]), fault[1]))
            return
        row = dict(model.__dict__)
        out.identities.append(who if self._identify else {name: row.pop(name) for name in self._vault})
        out.values.append(row)

    def _take_wide(
        self, out: Accepted, wide: Unpivot, values: dict[str, Any], cells: Cells, number: int
    ) -> None:
        info = self.record.fields[wide.value]
        memo = Memo(
            converter(info, FieldSpec(column="-"), self._zone), frozenset({"", *self.mapping.missing})
        )
        days: list[dict[str, Any]] = []
        for at, day in self._days:
            value = memo[cells[at]]
            if value is None:
                continue
            fault = None
            if isinstance(value, Wrong):
                fault = value.reason
            else:
                try:
                    model = self._validate({**values, wide.date: day, wide.value: value})
                except ValidationError as error:
                    fault = _fault(error)[1]
            if fault is not None:
                out.rejected.append(Rejected(number, cells, self.header[at], fault))
                return  # the whole row can be mended and imported again
            days.append(dict(model.__dict__))
        out.values.extend(days)
        out.identities.extend({} for _ in days)

    @property
    def _place(self) -> Any:
        from zoneinfo import ZoneInfo

        return ZoneInfo(self._zone)

    def _column_of(self, name: str) -> str:
        """The source's word for a field."""
        if name in self.mapping.fields:
            return self.mapping.spec(name).columns[0]
        return name

    def problem(self, rejected: Rejected) -> Problem:
        """What a rejected row tells: never a value of it."""
        return Problem(self.file, rejected.number, rejected.column, rejected.reason)


def _fault(error: ValidationError) -> tuple[str, str]:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    name = str(first["loc"][0]) if first["loc"] else ""
    return name, _REASON_OF.get(first["type"], "invalid")


def escaped(row: Cells) -> Cells:
    """Cells for a file that a spreadsheet will open: what would be a formula is quoted as text."""
    return [f"'{cell}" if _is_formula(cell) else cell for cell in row]


def _unescaped(row: Cells) -> Cells:
    return [cell[1:] if cell[:1] == "'" and _is_formula(cell[1:]) else cell for cell in row]


def _is_formula(cell: str) -> bool:
    """What a spreadsheet may take for a formula, also behind blanks and in full-width signs."""
    return cell.startswith(_FORMULA) or cell.lstrip(_BLANKS).startswith(_FORMULA)
