"""Did everything arrive that should have, and in time (不得缓报)?"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from lianfang.services.quality.table import finding

if TYPE_CHECKING:
    import polars as pl

    from lianfang.records import QualityFinding
    from lianfang.services.installation import Installation

#: Delivered on at least so many of the seven days before, a kind of file or a clinic is expected daily.
USUAL_DAYS = 4
#: A report is late when it was delivered more than so many days after its own date.
LATE_DAYS = 1
_WEEK = 7


def findings(inst: Installation, counts: pl.DataFrame, as_of: date) -> Iterator[QualityFinding]:
    """Findings about sources, files, clinics and case reports."""
    yield from _sources(counts, as_of)
    yield from _kinds(inst, as_of)
    yield from _clinics(inst, as_of)
    yield from _cards(inst, as_of)


def _sources(counts: pl.DataFrame, as_of: date) -> Iterator[QualityFinding]:
    """A followed source that has not reached the day."""
    for source, latest in counts.select("source", "latest").unique().sort("source").iter_rows():
        behind = (as_of - latest).days
        if behind > 0:
            yield finding(
                as_of,
                "late_source",
                source,
                "warning",
                f"来源 {source} 的数据只到 {latest}，晚 {behind} 天。",
                f"The source {source} reaches {latest} only, {behind} day(s) behind.",
                expected=0.0,
                found=float(behind),
            )


def _batches(inst: Installation, as_of: date) -> list[dict[str, Any]]:
    from lianfang.records import Batch
    from lianfang.store import rows, table

    held = table(Batch)
    with inst.store.read() as connection:
        return rows(connection, Batch, held.c.day <= as_of, status="done")


def _kinds(inst: Installation, as_of: date) -> Iterator[QualityFinding]:
    """Kinds of file that came nearly every day and did not come today; and rows that were rejected."""
    days: defaultdict[str, set[date]] = defaultdict(set)
    rejected: Counter[str] = Counter()
    for batch in _batches(inst, as_of):
        days[batch["kind"]].add(batch["day"])
        if batch["day"] == as_of:
            rejected[batch["kind"]] += batch["rejected"]
    week = {as_of - timedelta(days=n) for n in range(1, _WEEK + 1)}
    for kind in sorted(days):
        if as_of not in days[kind] and len(days[kind] & week) >= USUAL_DAYS:
            yield finding(
                as_of,
                "late_file",
                kind,
                "warning",
                f"{_title(kind)[0]}：当日文件尚未收到（前一周收到 {len(days[kind] & week)} 天）。",
                f"{_title(kind)[1]}: today's file has not come (it came on {len(days[kind] & week)} of the "
                "seven days before).",
                expected=1.0,
                found=0.0,
            )
        if rejected[kind]:
            yield finding(
                as_of,
                "rejected_rows",
                kind,
                "warning",
                f"{_title(kind)[0]}：{rejected[kind]:,} 行被拒收，待更正后重新导入。",
                f"{_title(kind)[1]}: {rejected[kind]:,} rows were rejected and wait to be mended.",
                expected=0.0,
                found=float(rejected[kind]),
            )


def _title(kind: str) -> tuple[str, str]:
    from lianfang.records import record_type

    about = record_type(kind).about
    return about.zh, about.en.capitalize()


def _clinics(inst: Installation, as_of: date) -> Iterator[QualityFinding]:
    """Clinics that reported nearly every day and did not today, when others did."""
    import polars as pl

    from lianfang.records import ClinicCount
    from lianfang.services.importing import delivered

    rows = delivered(inst, ClinicCount, as_of=as_of, since=as_of - timedelta(days=_WEEK))
    today = set(rows.filter(pl.col("date") == as_of)["clinic"].to_list())
    if not today:
        return  # the file as a whole is late
    usual = (
        rows.filter(pl.col("date") < as_of)
        .group_by("clinic")
        .agg(pl.col("date").n_unique().alias("days"))
        .filter(pl.col("days") >= USUAL_DAYS)
        .sort("clinic")
    )
    for clinic, days in usual.iter_rows():
        if clinic not in today:
            yield finding(
                as_of,
                "late_clinic",
                clinic,
                "warning",
                f"{clinic}当日未报发热门诊数据（前一周报 {days} 天）。",
                f"{clinic} has not reported its clinic today (it did on {days} of the seven days before).",
                expected=1.0,
                found=0.0,
            )


def _cards(inst: Installation, as_of: date) -> Iterator[QualityFinding]:
    """Case reports delivered today that bear an earlier date."""
    import sqlalchemy as sa

    from lianfang.records import Batch, CaseReport
    from lianfang.store import table

    cards, batches = table(CaseReport), table(Batch)
    limit = as_of - timedelta(days=LATE_DAYS)
    query = (
        sa.select(cards.c.reporter, sa.func.count(), sa.func.min(cards.c.date_reporting))
        .join(batches, batches.c.batch_id == cards.c.batch_id)
        .where(batches.c.day == as_of, cards.c.date_reporting < limit)
        .group_by(cards.c.reporter)
        .order_by(cards.c.reporter)
    )
    with inst.store.read() as connection:
        late = connection.execute(query).all()
    for reporter, number, earliest in late:
        yield finding(
            as_of,
            "late_reports",
            reporter,
            "warning",
            f"{reporter}：{number} 张报告卡迟到（最早报告日期 {earliest}）。",
            f"{reporter}: {number} case reports came late (the earliest is dated {earliest}).",
            expected=0.0,
            found=float(number),
        )
