"""Do the series behave: no drop of what can only grow, no jump, no missing day, no silent change of meaning?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING

from lianfang.services.quality.table import CUMULATIVE, WORDS, finding, names

if TYPE_CHECKING:
    import polars as pl

    from lianfang.records import QualityFinding

#: A jump: new cases of a day at least this many, and this many times the median of the week before.
JUMP_CASES = 50
JUMP_TIMES = 5.0
_WEEK = 7


@dataclass(frozen=True)
class Break:
    """A known change of what is counted."""

    day: date
    adcodes: tuple[str, ...]
    zh: str
    en: str


#: Changes that the National Health Commission and Wuhan announced themselves.
BREAKS = (
    Break(
        date(2020, 2, 12),
        ("420000", "100000"),
        "湖北省自当日起将临床诊断病例计入确诊（当日新增14,840例，其中临床诊断13,332例），前后不可直接比较",
        "from this day Hubei counts clinically diagnosed cases as confirmed (13,332 of the day's 14,840 new "
        "cases); before and after are not comparable",
    ),
    Break(
        date(2020, 4, 17),
        ("420100", "420000", "100000"),
        "武汉市订正累计数：确诊增加325例，死亡增加1,290例",
        "Wuhan corrected its totals: 325 confirmed and 1,290 dead were added",
    ),
)


def findings(counts: pl.DataFrame, as_of: date) -> Iterator[QualityFinding]:
    """Findings about each source's series."""
    import polars as pl

    for (source,), rows in counts.group_by("source", maintain_order=True):
        latest = rows["latest"][0]
        yield from _drops(rows, latest, as_of, str(source))
        whole = rows.filter(pl.col("role").is_in(["country", "province"]))
        yield from _jumps(whole, latest, as_of, str(source))
        yield from _missing(rows, latest, as_of, str(source))
        yield from _breaks(rows, latest, as_of, str(source))


def _drops(rows: pl.DataFrame, latest: date, as_of: date, source: str) -> Iterator[QualityFinding]:
    """A cumulative figure below the one before it: each on the latest day, those of the past as one finding."""
    import polars as pl

    for field in CUMULATIVE:
        steps = (
            rows.filter(pl.col(field).is_not_null() & (pl.col("role") != "remainder"))
            .sort("adcode", "place", "date")
            .with_columns(pl.col(field).shift(1).over("adcode", "place").alias("former"))
            .filter(pl.col(field) < pl.col("former"))
            .select("date", "adcode", "place", field, "former")
            .sort("date", "adcode", "place")
        )
        zh, en = WORDS[field]
        past = steps.filter(pl.col("date") < latest)
        if len(past):
            day, adcode, place, after, before = past.row(-1)
            name_zh, name_en = names(adcode, place)
            yield finding(
                as_of,
                "drops_before",
                f"{source}/{field}",
                "info",
                f"累计{zh}此前有 {len(past)} 次下降；最近一次：{name_zh} {day}，由 {before:,} 降至 {after:,}。",
                f"Cumulative {en} fell {len(past)} times before; last: {name_en} on {day}, {before:,} to {after:,}.",
                found=float(len(past)),
            )
        for _, adcode, place, after, before in steps.filter(pl.col("date") == latest).iter_rows():
            name_zh, name_en = names(adcode, place)
            yield finding(
                as_of,
                "drop",
                f"{source}/{field}/{adcode}/{place}",
                "warning",
                f"{name_zh}累计{zh}由 {before:,} 降至 {after:,}（{latest}）。",
                f"{name_en}: cumulative {en} fell from {before:,} to {after:,} ({latest}).",
                expected=float(before),
                found=float(after),
            )


def _jumps(rows: pl.DataFrame, latest: date, as_of: date, source: str) -> Iterator[QualityFinding]:
    """New cases of the latest day against the week before it."""
    import polars as pl

    recent = rows.filter(
        (pl.col("date") >= latest - timedelta(days=_WEEK + 1)) & pl.col("confirmed").is_not_null()
    )
    for (adcode, place), one in recent.group_by("adcode", "place", maintain_order=True):
        one = one.sort("date")
        days, values = one["date"].to_list(), one["confirmed"].to_list()
        if len(values) < 5 or days[-1] != latest or days[-2] != latest - timedelta(days=1):
            continue
        new = [b - a for a, b in pairwise(values)]
        usual = median(new[:-1])
        if new[-1] < JUMP_CASES or new[-1] < JUMP_TIMES * max(usual, 1.0):
            continue
        name_zh, name_en = names(str(adcode), str(place))
        yield finding(
            as_of,
            "jump",
            f"{source}/confirmed/{adcode}",
            "warning",
            f"{name_zh}新增确诊 {new[-1]:,}（{latest}），前一周中位数 {usual:,.0f}：请核实是否改变了统计口径。",
            f"{name_en}: {new[-1]:,} new confirmed on {latest}, the week's median was {usual:,.0f}: has the "
            "definition changed?",
            expected=float(usual),
            found=float(new[-1]),
        )


def _missing(rows: pl.DataFrame, latest: date, as_of: date, source: str) -> Iterator[QualityFinding]:
    """Days without a row, in the series of countries and provinces and in the source as a whole."""
    import polars as pl

    _, missing = _gaps(rows["date"])
    if missing:
        yield _gap_finding(as_of, source, source, source, source, missing)
    for (adcode, place), one in rows.filter(pl.col("role").is_in(["country", "province"])).group_by(
        "adcode", "place", maintain_order=True
    ):
        last, gaps = _gaps(one["date"])
        gaps = [day for day in gaps if day not in missing]
        if last < latest:
            gaps += [last + timedelta(days=n) for n in range(1, (latest - last).days + 1)]
        if gaps:
            name_zh, name_en = names(str(adcode), str(place))
            yield _gap_finding(as_of, source, f"{source}/{adcode}", name_zh, name_en, gaps)


def _gaps(dates: pl.Series) -> tuple[date, list[date]]:
    present = set(dates.to_list())
    first, last = min(present), max(present)
    every = (first + timedelta(days=n) for n in range((last - first).days + 1))
    return last, [day for day in every if day not in present]


def _gap_finding(
    as_of: date, source: str, subject: str, zh: str, en: str, days: list[date]
) -> QualityFinding:
    shown = ", ".join(day.isoformat() for day in days[-5:])
    more = len(days) - 5
    return finding(
        as_of,
        "missing_days",
        subject,
        "warning" if days[-1] >= as_of - timedelta(days=_WEEK) else "info",
        f"{zh}缺少 {len(days)} 天的数据：{'……' if more > 0 else ''}{shown}。",
        f"{en} lacks {len(days)} day(s): {'... ' if more > 0 else ''}{shown}.",
        expected=0.0,
        found=float(len(days)),
    )


def _breaks(rows: pl.DataFrame, latest: date, as_of: date, source: str) -> Iterator[QualityFinding]:
    """Known changes of definition inside a series."""
    import polars as pl

    for one in BREAKS:
        if one.day > latest:
            continue
        for adcode in one.adcodes:
            series = rows.filter((pl.col("adcode") == adcode) & (pl.col("date") < one.day))
            if series.is_empty():
                continue
            name_zh, name_en = names(adcode, adcode)
            yield finding(
                as_of,
                "definition_break",
                f"{source}/{adcode}/{one.day}",
                "warning",
                f"{name_zh} {one.day}：{one.zh}。",
                f"{name_en}, {one.day}: {one.en}.",
            )
