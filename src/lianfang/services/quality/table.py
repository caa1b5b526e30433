"""Published counts as they were known on a day, with what each row is about."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from lianfang.records import DailyCount, QualityFinding

if TYPE_CHECKING:
    import polars as pl

    from lianfang.services.installation import Installation

COUNTRY = "100000"
#: A source that has been silent longer than this is no longer followed.
LIVE_DAYS = 14
CUMULATIVE = ("confirmed", "cured", "dead")
WORDS = {
    "confirmed": ("确诊", "confirmed"),
    "cured": ("治愈", "recovered"),
    "dead": ("死亡", "dead"),
}
_SPECIAL = {
    "100000": ("全国", "China"),
    "810000": ("香港", "Hong Kong"),
    "820000": ("澳门", "Macao"),
    "710000": ("台湾", "Taiwan"),
}


def published(inst: Installation, as_of: date) -> pl.DataFrame:
    """Daily counts known on ``as_of`` of sources that are still followed.

    ``role``: ``country``, ``province`` (its own row) or ``part`` (a city, a district) or
    ``remainder`` (what a province's table leaves without a place); ``province``: the adcode of the province.
    """
    import polars as pl

    from lianfang.services.importing import delivered

    rows = delivered(inst, DailyCount, as_of=as_of)
    live = (
        rows.group_by("source")
        .agg(pl.col("date").max().alias("latest"))
        .filter(pl.col("latest") >= as_of - timedelta(days=LIVE_DAYS))
    )
    code = pl.col("adcode")
    whole = code.str.ends_with("0000") & ~pl.col("place").str.contains("/", literal=True)
    return (
        rows.join(live, on="source", how="inner")
        .filter(code.str.contains(r"^\d{6}$"))
        .with_columns(
            pl.when(code == COUNTRY)
            .then(pl.lit("country"))
            .when(whole)
            .then(pl.lit("province"))
            .when(code.str.ends_with("0000"))
            .then(pl.lit("remainder"))
            .otherwise(pl.lit("part"))
            .alias("role"),
            (code.str.head(2) + "0000").alias("province"),
        )
        .sort("source", "date", "adcode", "place")
    )


def names(adcode: str, place: str = "") -> tuple[str, str]:
    """Chinese and English name of a place; the source's own where the table of divisions has none."""
    from lianfang.foundation import places
    from lianfang.foundation.errors import LianfangError

    if adcode in _SPECIAL:
        return _SPECIAL[adcode]
    try:
        unit = places.division(adcode)
    except LianfangError:
        return place or adcode, place or adcode
    return unit.name_zh, unit.name_en


def finding(
    as_of: date,
    check: str,
    subject: str,
    severity: str,
    zh: str,
    en: str,
    *,
    expected: float | None = None,
    found: float | None = None,
) -> QualityFinding:
    """A finding; ``subject`` is a series, place or file, never a person."""
    values: dict[str, Any] = {
        "as_of": as_of,
        "check": check,
        "subject_of": subject,
        "severity": severity,
        "message_zh": zh,
        "message_en": en,
        "expected": expected,
        "found": found,
    }
    return QualityFinding.model_validate(values)
