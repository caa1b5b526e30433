"""What follows from a row itself: age from birth, health-care workers, the case's id, positions."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date
from functools import lru_cache
from typing import Any

Values = dict[str, Any]
#: A field and the reason code of what is wrong with it.
Fault = tuple[str, str] | None
EARTH_M = 6_371_008.8
_CARERS = ("医务", "医生", "医师", "护士", "护理", "health", "doctor", "physician", "nurse")
_ZONE_DEGREES = 6


def age_on(birth: date, day: date) -> int:
    """Completed years of life on a day."""
    return day.year - birth.year - ((day.month, day.day) < (birth.month, birth.day))


def position(lat: float, lon: float) -> tuple[int, int]:
    """Easting and northing in integer decimetres: sinusoidal projection about the middle of 6 degrees.

    Distances within a city agree with the great circle to a few per mille; across zones they mean nothing.
    """
    middle = math.floor(lon / _ZONE_DEGREES) * _ZONE_DEGREES + _ZONE_DEGREES / 2
    x = EARTH_M * math.radians(lon - middle) * math.cos(math.radians(lat))
    return round(x * 10), round(EARTH_M * math.radians(lat) * 10)


@lru_cache(maxsize=4096)
def cares(occupation: str) -> bool:
    """Whether the occupation is in health care."""
    return any(word in occupation.casefold() for word in _CARERS)


def _case_report(row: Values) -> Fault:
    from lianfang.services.cases import case_id

    birth, onset = row.get("birth_date"), row.get("date_onset")
    reported = row.get("date_reporting")
    if birth is not None:
        day = onset or reported
        if day is not None and birth > day:
            return "birth_date", "order"
        if "age" not in row and day is not None:
            row["age"] = age_on(birth, day)
    if (age := row.get("age")) is not None and not 0 <= age <= 130:
        return "age", "out_of_range"
    if onset is not None and (death := row.get("date_death")) is not None and death < onset:
        return "date_death", "order"
    if "hcw" not in row and (work := row.get("occupation")):
        row["hcw"] = cares(work)
    if "pneumonia_unexplained" in row.get("symptoms", ()):
        row["unexplained"] = True
    if row.get("date_death") is not None and not row.get("outcome"):
        row["outcome"] = "deceased"
    if "card_no" in row and "reporter" in row:
        row["case_id"] = case_id(row["reporter"], row["card_no"])
    return None


def _location_ping(row: Values) -> Fault:
    lat, lon = row.get("lat"), row.get("lon")
    if lat is None or lon is None:
        return None
    if not (-90 <= lat <= 90 and -180 <= lon <= 180):
        return "lat", "out_of_range"
    row["x_dm"], row["y_dm"] = position(lat, lon)
    return None


def _span(row: Values) -> Fault:
    start, end = row.get("start"), row.get("end")
    return ("end", "order") if start is not None and end is not None and end < start else None


RULES: dict[str, Callable[[Values], Fault]] = {
    "case_report": _case_report,
    "location_ping": _location_ping,
    "place_visit": _span,
    "trip_leg": _span,
    "lodging_stay": _span,
}
