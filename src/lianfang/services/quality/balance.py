"""Do the figures of one day add up: parts to their whole, outcomes to the cases?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import TYPE_CHECKING

from lianfang.services.quality.table import CUMULATIVE, WORDS, finding, names

if TYPE_CHECKING:
    import polars as pl

    from lianfang.records import QualityFinding

#: Counted in the country's row by some sources and not by others.
_REGIONS = ("810000", "820000", "710000")


def findings(counts: pl.DataFrame, as_of: date) -> Iterator[QualityFinding]:
    """Findings about the latest day of each source."""
    import polars as pl

    for (source,), rows in counts.group_by("source", maintain_order=True):
        latest = rows["latest"][0]
        day = rows.filter(pl.col("date") == latest)
        before = rows.filter(pl.col("date") == latest - timedelta(days=1))
        for field in CUMULATIVE:
            yield from _country(day, as_of, str(source), field)
            yield from _provinces(day, before, as_of, str(source), field)
        yield from _outcomes(day, as_of, str(source))


def _country(day: pl.DataFrame, as_of: date, source: str, field: str) -> Iterator[QualityFinding]:
    """The country's row against the provinces'. Whether it counts the regions is seen from which sum is nearer."""
    import polars as pl

    whole = day.filter(pl.col("role") == "country")[field].drop_nulls()
    provinces = day.filter((pl.col("role") == "province") & pl.col(field).is_not_null())
    if len(whole) != 1 or provinces.is_empty():
        return
    total = int(whole[0])
    figures = dict(provinces.select("adcode", field).iter_rows())
    regions = {code: figures[code] for code in _REGIONS if figures.get(code)}
    apart = sum(regions.values())
    inland = sum(value for code, value in figures.items() if code not in _REGIONS)
    zh, en = WORDS[field]
    counted = abs(total - inland - apart) < abs(total - inland)
    mainland = total - apart if counted else total
    if regions and counted:
        listed = [(names(code), value) for code, value in regions.items()]
        yield finding(
            as_of,
            "scope_country",
            f"{source}/{field}",
            "info",
            f"全国{zh} {total:,} 含" + "、".join(f"{name[0]} {value:,}" for name, value in listed)
            + f"；扣除后内地为 {mainland:,}。",
            f"The national row ({en} {total:,}) counts "
            + ", ".join(f"{name[1]} {value:,}" for name, value in listed)
            + f"; without them the mainland has {mainland:,}.",
            expected=float(total),
            found=float(mainland),
        )  # fmt: skip
    if inland != mainland:
        gap = inland - mainland
        more_zh, more_en = ("多", "more") if gap > 0 else ("少", "fewer")
        yield finding(
            as_of,
            "balance_country",
            f"{source}/{field}",
            "warning",
            f"各省{zh}合计 {inland:,}，比内地总数 {mainland:,} {more_zh} {abs(gap):,}。",
            f"The provinces' rows sum to {inland:,} {en}, {abs(gap):,} {more_en} than the mainland's "
            f"{mainland:,}.",
            expected=float(mainland),
            found=float(inland),
        )


def _provinces(
    day: pl.DataFrame, before: pl.DataFrame, as_of: date, source: str, field: str
) -> Iterator[QualityFinding]:
    """Each province's row against its parts, which a source lists without overlap."""
    import polars as pl

    parts = day.filter(pl.col("role").is_in(["part", "remainder"]) & pl.col(field).is_not_null())
    if parts.is_empty():
        return
    sums = parts.group_by("province").agg(pl.col(field).sum().alias("sum"))
    own = day.filter((pl.col("role") == "province") & pl.col(field).is_not_null())
    former = before.filter(pl.col("role") == "province").select("province", pl.col(field).alias("former"))
    table = (
        own.select("province", "place", pl.col(field).alias("own"))
        .join(sums, on="province")
        .join(former, on="province", how="left")
        .filter(pl.col("own") != pl.col("sum"))
        .sort("province")
    )
    zh, en = WORDS[field]
    for province, place, whole, part, yesterday in table.iter_rows():
        name_zh, name_en = names(province, place)
        less_zh, less_en = ("少", "fewer") if part < whole else ("多", "more")
        stale = yesterday is not None and part == yesterday and part != whole
        yield finding(
            as_of,
            "balance_province",
            f"{source}/{field}/{province}",
            "warning",
            f"{name_zh}各地{zh}合计 {part:,}，比全省（区、市）{whole:,} {less_zh} {abs(part - whole):,}。"
            + ("与其前一日总数相同：各地数字晚一日。" if stale else ""),
            f"{name_en}'s cities sum to {part:,} {en}, {abs(part - whole):,} {less_en} than its own row "
            f"({whole:,})." + (" That is its total of the day before: the cities are a day late." if stale else ""),
            expected=float(whole),
            found=float(part),
        )  # fmt: skip


def _outcomes(day: pl.DataFrame, as_of: date, source: str) -> Iterator[QualityFinding]:
    """Recovered + dead + present = confirmed; never more outcomes than cases."""
    import polars as pl

    day = day.filter(pl.col("role") != "remainder")
    ended = pl.col("cured") + pl.col("dead")
    too_many = day.filter(ended > pl.col("confirmed"))
    unequal = day.filter(ended + pl.col("current") != pl.col("confirmed"))
    for adcode, place, confirmed, cured, dead in too_many.select(
        "adcode", "place", "confirmed", "cured", "dead"
    ).iter_rows():
        name_zh, name_en = names(adcode, place)
        yield finding(
            as_of,
            "outcomes_exceed_cases",
            f"{source}/{adcode}/{place}",
            "error",
            f"{name_zh}：治愈 {cured:,} 加死亡 {dead:,} 超过确诊 {confirmed:,}。",
            f"{name_en}: recovered {cured:,} and dead {dead:,} are more than the confirmed {confirmed:,}.",
            expected=float(confirmed),
            found=float(cured + dead),
        )
    for adcode, place, confirmed, cured, dead, current in unequal.select(
        "adcode", "place", "confirmed", "cured", "dead", "current"
    ).iter_rows():
        name_zh, name_en = names(adcode, place)
        total = cured + dead + current
        yield finding(
            as_of,
            "balance_outcomes",
            f"{source}/{adcode}/{place}",
            "error",
            f"{name_zh}：治愈 {cured:,} + 死亡 {dead:,} + 现有 {current:,} = {total:,}，不等于确诊 {confirmed:,}。",
            f"{name_en}: recovered {cured:,} + dead {dead:,} + present {current:,} = {total:,}, "
            f"not the confirmed {confirmed:,}.",
            expected=float(confirmed),
            found=float(total),
        )
