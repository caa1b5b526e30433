"""Cells of text to typed values: dates, times, numbers, choices. A cell that is wrong becomes a reason code.

Every converter remembers what it has met: the columns of line lists repeat themselves, so most cells cost one
look-up.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from lianfang.records import FieldInfo
from lianfang.services.importing import symptoms
from lianfang.services.importing.mapping import FieldSpec

_MEMORY = 20_000  # distinct cells remembered in a column

_YMD = re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})(?:[T ]\d{1,2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)?")
_CHINESE = re.compile(r"(\d{4})年(\d{1,2})月(\d{1,2})[日号]")
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})")
_SERIAL = re.compile(r"(\d{5})(?:\.0+)?")
_NO_YEAR = re.compile(r"\d{1,2}月\d{1,2}[日号]|\d{1,2}[-/.]\d{1,2}")
_TWO_ENDS = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})")
_SHORT = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{2})")
_SERIAL_ZERO = date(1899, 12, 30)  # of the 1900 system, whose 29 February 1900 never was
_SERIAL_SPAN = range(18_264, 73_051)  # 1950 to 2099
_INTEGER = re.compile(r"[+-]?\d{1,18}(?:\.0+)?")
_REAL = re.compile(r"[+-]?(?:\d{1,18}(?:\.\d{0,20})?|\.\d{1,20})(?:[eE][+-]?\d{1,3})?")
_ROUNDED = re.compile(r"\d(?:\.\d+)?[eE]\+?\d{1,3}|\d{16,17}(?:\.0+)")
_ZEROES = re.compile(r"\d{15}000")  # an ID number with the 15 digits that a spreadsheet keeps
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_TRUE = frozenset({"是", "有", "true", "yes", "y", "1"})
_FALSE = frozenset({"否", "无", "false", "no", "n", "0"})
_DECADE = re.compile(r"(\d{1,3})s")
#: Text fields whose digits matter: a number that a spreadsheet has rounded is refused in them.
EXACT = frozenset({"resident_id", "phone", "card_no", "sample_no", "device"})


class Wrong:
    """A cell that cannot be used, and why. It holds no value."""

    __slots__ = ("reason",)

    def __init__(self, reason: str) -> None:
        self.reason = reason

    def __repr__(self) -> str:
        return f"Wrong({self.reason!r})"


Convert = Callable[[str], Any]


class Memo(dict[str, Any]):
    """A converter that remembers; ``wrong`` says whether any cell so far was."""

    def __init__(self, convert: Convert, missing: frozenset[str]) -> None:
        super().__init__()
        self.convert = convert
        self.missing = missing
        self.wrong = False

    def __missing__(self, cell: str) -> Any:
        text = cell.strip()
        value = None if text in self.missing else self.convert(text)
        if isinstance(value, Wrong):
            self.wrong = True
        if len(self) >= _MEMORY:
            self.clear()
        self[cell] = value
        return value


def converter(info: FieldInfo, spec: FieldSpec, zone: str) -> Convert:
    """The converter of a field: its value map first, then what its shape asks for."""
    plain = _special(spec) or _by_shape(info, spec, zone)
    if not spec.values:
        return plain

    def mapped(text: str) -> Any:
        if text in spec.values:
            return spec.values[text]
        if spec.other == "null":
            return None
        found = plain(text)
        if spec.other == "keep" or info.choices:
            return found
        return Wrong("not_allowed")

    return mapped


def _special(spec: FieldSpec) -> Convert | None:
    parsers: dict[str, Convert] = {
        "symptoms": symptoms.codes,
        "decade": _decade,
        "seat_column": _seat_column,
    }
    return parsers[spec.parse] if spec.parse else None


def _by_shape(info: FieldInfo, spec: FieldSpec, zone: str) -> Convert:
    if info.shape == "date":
        forms = frozenset(spec.dates)
        return lambda text: parse_date(text, forms)
    if info.shape == "moment":
        place = UTC if spec.zone == "UTC" else ZoneInfo(zone)
        return lambda text: parse_moment(text, place)
    if info.shape == "integer":
        return lambda text: parse_integer(text, spec.factor)
    if info.shape == "real":
        return lambda text: parse_real(text, spec.factor)
    if info.shape == "boolean":
        return parse_boolean
    if info.choices:
        allowed = frozenset(info.choices)
        return lambda text: text if text in allowed else Wrong("not_allowed")
    if info.shape == "json":
        return lambda text: [part.strip() for part in text.split(",")]
    exact = info.name in EXACT
    return lambda text: parse_text(text, exact=exact)


def parse_text(text: str, *, exact: bool = False) -> str | Wrong:
    """Text without control characters; where every digit counts, not a number that was rounded."""
    if _CONTROL.search(text):
        return Wrong("control_character")
    if exact and (_ROUNDED.fullmatch(text) or (_ZEROES.fullmatch(text) and not _checks(text))):
        return Wrong("number_lost_digits")
    return text


def _checks(number: str) -> bool:
    """Whether the check digit of an ID number is right (GB 11643: ISO 7064 MOD 11-2)."""
    total = sum(int(digit) * pow(2, 17 - at, 11) for at, digit in enumerate(number[:17]))
    return "10X98765432"[total % 11] == number[17]


def parse_date(text: str, forms: frozenset[str] = frozenset({"ymd", "serial"})) -> date | Wrong:
    """A day: 2020-01-20, 2020/1/20, 2020.1.20, 20200120, 2020年1月20日, a spreadsheet's serial number 43850.

    Forms that can be read in two ways are refused unless the mapping says which is meant (``dmy``, ``mdy``,
    ``mdy2`` for two-digit years of this century); a date without its year always is.
    """
    plain = text if text.isascii() else unicodedata.normalize("NFKC", text).replace(" ", "")
    if "ymd" in forms:
        for pattern, year, month, day in ((_YMD, 1, 3, 4), (_COMPACT, 1, 2, 3), (_CHINESE, 1, 2, 3)):
            if found := pattern.fullmatch(plain):
                return _day(int(found[year]), int(found[month]), int(found[day]))
    if "serial" in forms and (found := _SERIAL.fullmatch(plain)):
        number = int(found[1])
        if number not in _SERIAL_SPAN:
            return Wrong("date_range")
        return _SERIAL_ZERO + timedelta(days=number)
    if found := _TWO_ENDS.fullmatch(plain):
        if "dmy" in forms:
            return _day(int(found[3]), int(found[2]), int(found[1]))
        if "mdy" in forms:
            return _day(int(found[3]), int(found[1]), int(found[2]))
        return Wrong("date_ambiguous")
    if found := _SHORT.fullmatch(plain):
        if "mdy2" in forms:
            return _day(2000 + int(found[3]), int(found[1]), int(found[2]))
        return Wrong("date_ambiguous")
    if _NO_YEAR.fullmatch(plain):
        return Wrong("date_without_year")
    return Wrong("date_format")


def _day(year: int, month: int, day: int) -> date | Wrong:
    if not 1900 <= year <= 2100:
        return Wrong("date_range")
    try:
        return date(year, month, day)
    except ValueError:
        return Wrong("date_range")


def parse_moment(text: str, zone: Any) -> datetime | Wrong:
    """A time in ISO form (or with slashes); without an offset it is in ``zone``. In UTC."""
    plain = text.replace("/", "-").replace("Z", "+00:00")
    try:
        found = datetime.fromisoformat(plain)
    except ValueError:
        return Wrong("moment_format")
    if len(plain) <= 10:
        return Wrong("moment_format")  # a day is not a moment
    aware = found if found.tzinfo else found.replace(tzinfo=zone)
    if not 1900 <= aware.year <= 2100:
        return Wrong("date_range")
    return aware.astimezone(UTC)


def _digits(text: str) -> str:
    return text if text.isascii() else unicodedata.normalize("NFKC", text)


def parse_integer(text: str, factor: float | None = None) -> int | Wrong:
    """A whole number, half or full width; ``factor`` turns it into the field's unit."""
    plain = _digits(text)
    if factor is not None:
        scaled = parse_real(plain, factor)
        return scaled if isinstance(scaled, Wrong) else round(scaled)
    if not _INTEGER.fullmatch(plain):
        return Wrong("number")
    return int(plain.partition(".")[0])


def parse_real(text: str, factor: float | None = None) -> float | Wrong:
    """A decimal number with a point; ``factor`` turns it into the field's unit."""
    plain = _digits(text)
    if not _REAL.fullmatch(plain):
        return Wrong("number")
    value = float(plain) * (factor or 1.0)
    return value if math.isfinite(value) else Wrong("out_of_range")


def parse_boolean(text: str) -> bool | Wrong:
    """是, 有, yes, true, 1 and their opposites."""
    plain = _digits(text).casefold()
    return True if plain in _TRUE else False if plain in _FALSE else Wrong("not_allowed")


def _decade(text: str) -> int | Wrong:
    """An age class such as 50s by its middle year (55)."""
    found = _DECADE.fullmatch(text)
    return int(found[1]) + 5 if found else Wrong("number")


def _seat_column(text: str) -> int | Wrong:
    """A seat's letter as a number (A = 1), or the number itself."""
    if len(text) == 1 and "A" <= text.upper() <= "Z":
        return ord(text.upper()) - 64
    return parse_integer(text)
