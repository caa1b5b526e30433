"""The explicit rule: so many unexplained cases in so many days that share something."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from lianfang.foundation.errors import BadInput

if TYPE_CHECKING:
    import polars as pl

ATTRIBUTES = ("workplace", "school", "place", "household")


def alarm(
    cases: Any,
    *,
    attributes: Sequence[str] = ATTRIBUTES,
    as_of: date,
    min_cases: int = 3,
    days: int = 14,
    recent: int = 28,
) -> pl.DataFrame:
    """Values shared by at least ``min_cases`` cases whose onsets lie within ``days`` days of each other.

    ``cases``: token, onset and the columns in ``attributes``; where there is a Boolean column
    ``unexplained``, only rows that are true count. Onsets after ``as_of`` are not read. A cluster whose
    newest onset is more than ``recent`` days before ``as_of`` is over and raises no alarm. For each value
    the fullest window is given, the latest of equals.

    The rule is that of China's surveillance of pneumonia of unknown cause (全国不明原因肺炎病例监测、排查和管理方案,
    Ministry of Health 2007: two or more epidemiologically linked cases within two weeks), by default with
    three instead of two because two in a household are common; ``min_cases=2`` gives the letter of it.

    Returns ``attribute, value, cases, first, last, tokens, reason, reason_zh``, the most cases first.
    """
    import polars as pl

    from lianfang.predict.clusters import _cases

    for name, number, least in (("min_cases", min_cases, 2), ("days", days, 1), ("recent", recent, 0)):
        if isinstance(number, bool) or int(number) != number or number < least:
            raise BadInput(f"{name} is {number}; it must be a whole number of at least {least}.")
    table = _cases.read(cases, attributes, as_of, extra=("unexplained",))
    if "unexplained" in table.columns:
        table = table.filter(pl.col("unexplained").cast(pl.Boolean, strict=False))
    found: list[tuple[Any, ...]] = []
    for attribute in [name for name in dict.fromkeys(attributes) if name not in ("lat", "lon")]:
        shared = table.drop_nulls(attribute)
        for (value,), group in shared.group_by(attribute, maintain_order=True):
            if group.height >= min_cases:
                found += _judge(attribute, str(value), group, as_of, min_cases, days, recent)
    schema = {
        "attribute": pl.String(),
        "value": pl.String(),
        "cases": pl.Int64(),
        "first": pl.Date(),
        "last": pl.Date(),
        "tokens": pl.List(pl.String),
        "reason": pl.String(),
        "reason_zh": pl.String(),
    }
    frame = pl.DataFrame(found, schema=schema, orient="row")
    return frame.sort(["cases", "last", "attribute", "value"], descending=[True, True, False, False])


def _judge(
    attribute: str, value: str, group: pl.DataFrame, as_of: date, min_cases: int, days: int, recent: int
) -> list[tuple[Any, ...]]:
    """No row or one: the fullest window of a value, if it is full and new enough. Onsets come sorted."""
    onsets = group["onset"].to_list()
    best, start = (0, 0), 0
    for end in range(len(onsets)):
        while (onsets[end] - onsets[start]).days >= days:
            start += 1
        if end + 1 - start >= best[1] - best[0] and (as_of - onsets[end]).days <= recent:
            best = (start, end + 1)
    count = best[1] - best[0]
    if count < min_cases:
        return []
    first, last = onsets[best[0]], onsets[best[1] - 1]
    tokens = sorted(group["token"].to_list()[best[0] : best[1]])
    span = (last - first).days + 1
    reason = (
        f"{count} unexplained cases in {span} days share {attribute} {value} (rule: {min_cases} in {days})"
    )
    reason_zh = f"{span} 天内 {count} 例不明原因病例同属 {value}（规则：{days} 天内 {min_cases} 例）"
    return [(attribute, value, count, first, last, tokens, reason, reason_zh)]
