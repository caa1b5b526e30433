"""What a decision lets leave: every field shown, masked, made coarser, turned into a token, or absent.

Pure: rows in, rows out. A field of which nobody said what it is, a datum that was not asked for, and a value that
cannot be treated as decided do not leave.

Masks keep the few characters by which an owner knows his own (a surname, the ends of a number) and a fixed number
of stars, so that no length is told. Coarser values are those of GB/T 37964 (generalisation): an age becomes ten
years, a date its ISO week, a moment of a trajectory its day, a position the tenth of a degree, an address the
district, a code of a division its prefecture.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, overload

if TYPE_CHECKING:
    import polars as pl

    from lianfang.guard.policy.decision import Decision

Treatment = Callable[[Any], Any]
#: Texts (a row's id, say) -> the tokens that stand for them, in the same order.
Tokens = Callable[[Sequence[str]], Sequence[str]]

#: A number below this is an age, one from it on a year of birth.
_AGES = 150
_GRID_DM = 100_000  # a projected position in decimetres: ten kilometres
_DIVISION = re.compile(r"\d{6}(?:\d{6})?", re.ASCII)
_AREA = re.compile(
    r"(?P<province>[\u4e00-\u9fff]{2,8}?(?:省|自治区|特别行政区))?"
    r"(?P<city>[\u4e00-\u9fff]{1,8}?(?:市|自治州|地区|盟)(?![路街道巷村]))?"
    r"(?P<district>[\u4e00-\u9fff]{1,6}?(?:(?<![小社园校郊])区|县|旗)(?![路街道巷村]))?"
)
_MOVED = frozenset(
    {"trajectory", "trajectory_generalised", "travel_history", "location", "train_seat", "seat"}
)
_PLACES = frozenset({"home_address", "address", "building_unit", "rough_residential_area", "region_index"})
_NUMBERS = frozenset({"mobile", "phone", "resident_id", "device_id", "student_no"})
_DATED = frozenset({"symptom", "diagnosis", "confirm_date"})


@overload
def project(
    decision: Decision, rows: pl.DataFrame, declared: Mapping[str, str], *, tokens: Tokens | None = ...
) -> pl.DataFrame: ...
@overload
def project(
    decision: Decision, rows: Mapping[str, Any], declared: Mapping[str, str], *, tokens: Tokens | None = ...
) -> dict[str, Any]: ...
@overload
def project(
    decision: Decision,
    rows: Iterable[Mapping[str, Any]],
    declared: Mapping[str, str],
    *,
    tokens: Tokens | None = ...,
) -> list[dict[str, Any]]: ...
def project(
    decision: Decision, rows: Any, declared: Mapping[str, str], *, tokens: Tokens | None = None
) -> Any:
    """What may leave of ``rows`` under ``decision``.

    Args:
        decision: of a denial nothing leaves: no rows, no fields.
        rows: a Polars frame, one mapping, or mappings. Values are text, numbers, dates, moments, or lists of them.
        declared: field -> the policy's word for it; empty for what is about nobody, which is shown. A field that
            is not named here is dropped, whatever it holds.
        tokens: makes the tokens of the treatment ``token``; without it such fields are dropped.

    Returns:
        The same kind of thing, with the fields that may leave and their treated values. A value that the treatment
        does not know how to treat is None.
    """
    treatments = {name: treatment(decision, datum) for name, datum in declared.items()}
    if tokens is None:
        treatments = {name: "drop" if how == "token" else how for name, how in treatments.items()}
    if isinstance(rows, Mapping):
        found = _rows([rows], treatments, declared, tokens)
        return found[0] if found and decision.permit else {}
    if hasattr(rows, "get_columns"):
        return _frame(rows, treatments, declared, tokens, decision.permit)
    return _rows(list(rows), treatments, declared, tokens) if decision.permit else []


def treatment(decision: Decision, datum: str) -> str:
    """How a decision treats a datum: what was not asked for is dropped, what is about nobody is shown."""
    if not decision.permit:
        return "drop"
    return decision.fields.get(datum, "drop") if datum else "show"


def value(how: str, datum: str, raw: Any) -> Any:
    """One value masked or made coarser; lists one by one. None where that cannot be done."""
    if raw is None:
        return None
    if isinstance(raw, list | tuple):
        return [value(how, datum, one) for one in raw]
    if how == "mask":
        return _mask(datum, raw)
    return _coarser(datum, raw) if how == "generalise" else None


def _rows(
    rows: Sequence[Mapping[str, Any]],
    treatments: Mapping[str, str],
    declared: Mapping[str, str],
    tokens: Tokens | None,
) -> list[dict[str, Any]]:
    plan = [(name, how) for name, how in treatments.items() if how != "drop"]
    if all(how == "show" for _, how in plan):
        shown = [name for name, _ in plan]
        return [{name: row[name] for name in shown if name in row} for row in rows]
    known = {
        name: _token_of((row.get(name) for row in rows), tokens)
        for name, how in plan
        if how == "token" and tokens is not None
    }
    made: dict[str, Treatment] = {}
    for name, how in plan:
        if how == "token":
            made[name] = _replacing(known[name])
        elif how != "show":
            made[name] = _treating(how, declared[name])
    return [
        {name: made[name](row[name]) if name in made else row[name] for name, _ in plan if name in row}
        for row in rows
    ]


def _frame(
    frame: pl.DataFrame,
    treatments: Mapping[str, str],
    declared: Mapping[str, str],
    tokens: Tokens | None,
    permit: bool,
) -> pl.DataFrame:
    import polars as pl

    if not permit:
        return pl.DataFrame()
    columns = []
    for column in frame.get_columns():
        how = treatments.get(column.name, "drop")
        if how == "show":
            columns.append(column)
        elif how == "token" and tokens is not None:
            known = _token_of(column.unique().to_list(), tokens)
            columns.append(_replaced(column, _replacing(known)))
        elif how in ("mask", "generalise"):
            columns.append(_replaced(column, _treating(how, declared[column.name])))
    return pl.DataFrame(columns)


def _replaced(column: pl.Series, treat: Treatment) -> pl.Series:
    """A column value by value, each different value once."""
    import polars as pl

    if column.dtype.is_nested():
        return pl.Series(column.name, [treat(one) for one in column.to_list()])
    different = column.unique()
    treated = pl.Series(column.name, [treat(one) for one in different.to_list()], strict=False)
    known = pl.DataFrame({"raw": different, "treated": treated})
    return (
        column.to_frame("raw").join(known, on="raw", how="left", nulls_equal=True, maintain_order="left")
    )["treated"].rename(column.name)


def _treating(how: str, datum: str) -> Treatment:
    return lambda raw: value(how, datum, raw)


def _replacing(known: Mapping[str, str]) -> Treatment:
    def replace(raw: Any) -> Any:
        if isinstance(raw, list | tuple):
            return [replace(one) for one in raw]
        return known.get(raw) if isinstance(raw, str) else None

    return replace


def _token_of(values: Iterable[Any], tokens: Tokens) -> dict[str, str]:
    """Text -> its token, asked for all at once; what is no text has none."""
    flat = {
        one
        for raw in values
        for one in (raw if isinstance(raw, list | tuple) else (raw,))
        if isinstance(one, str) and one
    }
    wanted = sorted(flat)
    return dict(zip(wanted, tokens(wanted), strict=True)) if wanted else {}


def _mask(datum: str, raw: Any) -> str | None:
    if not isinstance(raw, str):
        return None
    text = raw.strip()
    if not text:
        return ""
    if datum == "name":
        return f"{text[0]}**"
    if datum in ("mobile", "phone"):
        digits = "".join(one for one in text if one.isdigit())[-11:]
        return f"{digits[:3]}****{digits[-4:]}" if len(digits) == 11 else f"****{digits[-2:]}"
    if datum in _NUMBERS:
        return f"{text[0]}****************{text[-1]}" if len(text) >= 6 else "****"
    if datum in _PLACES | {"location"}:
        area = _area(text)
        return f"{area}****" if area else "****"
    return "****"


def _coarser(datum: str, raw: Any) -> Any:
    if datum == "age":
        return _years(raw)
    if datum in _DATED:
        return f"{raw:%G-W%V}" if isinstance(raw, date) else None
    if datum in _PLACES:
        return _area(raw) if isinstance(raw, str) else None
    if datum in _MOVED:
        return _whereabouts(raw)
    return None


def _years(raw: Any) -> str | None:
    """The ten years of an age (``30-39``) or of a birth (``1980-1989``)."""
    number = raw.year if isinstance(raw, date) else raw
    if isinstance(number, bool) or not isinstance(number, int) or number < 0:
        return None
    if 100 <= number < _AGES:
        return "100+"
    first = number // 10 * 10
    return f"{first}-{first + 9}"


def _whereabouts(raw: Any) -> Any:
    """The day of a moment, the tenth of a degree of a position, the area of a place named in words."""
    if isinstance(raw, datetime):
        return raw.date()
    if isinstance(raw, date):
        return raw
    if isinstance(raw, float):
        return math.floor(raw * 10) / 10 if math.isfinite(raw) else None
    if isinstance(raw, int) and not isinstance(raw, bool):
        return raw // _GRID_DM * _GRID_DM
    return _area(raw) if isinstance(raw, str) else None


def _area(text: str) -> str | None:
    """The prefecture of a division's code, or the district that an address begins with; None when it names none."""
    if _DIVISION.fullmatch(text):
        return f"{text[:4]}00"
    found = _AREA.match(text.strip())
    return (found[0] or None) if found else None
