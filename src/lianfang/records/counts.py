"""Numbers about places, not persons: daily counts, searches, clinics, migration, stock."""

from __future__ import annotations

from datetime import date
from typing import Annotated, ClassVar

from pydantic import Field

from lianfang.records.declare import P0, P1, About, Record

_WATCH = frozenset({"situation_monitoring", "public_bulletin"})
Adcode = Annotated[str, P0("区划", "division (GB/T 2260)", kind="region_index", tag="location")]
Count = Annotated[int, Field(ge=0, le=10**10)]


class DailyCount(Record):
    """Cumulative counts of a place on a day, as an authority published them."""

    about: ClassVar[About] = About(
        "daily_count",
        "每日统计",
        "daily count",
        "lake",
        ("source", "date", "adcode", "place"),
        _WATCH,
        retention="keep",
        partition="date",
        importable=True,
    )
    date: Annotated[date, P0("日期", "date", tag="date_reporting")]
    adcode: Adcode = ""
    place: Annotated[str, P0("地区", "place as named by the source")] = ""
    source: Annotated[str, P0("来源", "source")] = ""
    confirmed: Annotated[Count | None, P1("累计确诊", "confirmed, cumulative")] = None
    suspected: Annotated[Count | None, P1("疑似", "suspected")] = None
    dead: Annotated[Count | None, P1("累计死亡", "dead, cumulative")] = None
    cured: Annotated[Count | None, P1("累计治愈", "recovered, cumulative")] = None
    current: Annotated[Count | None, P1("现有确诊", "confirmed, present")] = None
    severe: Annotated[Count | None, P1("重症", "severe, present")] = None
    population: Annotated[Count | None, P0("人口", "population")] = None


class SearchCount(Record):
    """How often a term was searched for in a place on a day."""

    about: ClassVar[About] = About(
        "search_count",
        "搜索指数",
        "search-term count",
        "lake",
        ("date", "adcode", "term"),
        _WATCH,
        retention="keep",
        partition="date",
        importable=True,
    )
    date: Annotated[date, P0("日期", "date")]
    adcode: Adcode = ""
    term: Annotated[str, P0("检索词", "term")]
    count: Annotated[Count, P1("次数", "count")]


class ClinicCount(Record):
    """A clinic's consultations of a day."""

    about: ClassVar[About] = About(
        "clinic_count",
        "门诊统计",
        "clinic count",
        "lake",
        ("date", "clinic"),
        _WATCH,
        retention="keep",
        partition="date",
        importable=True,
    )
    date: Annotated[date, P0("日期", "date")]
    clinic: Annotated[str, P0("机构", "clinic")]
    adcode: Adcode = ""
    visits: Annotated[Count, P1("就诊人次", "consultations")]
    fever: Annotated[Count, P1("发热人次", "with fever")] = 0
    ili: Annotated[Count, P1("流感样病例", "influenza-like illness")] = 0


class MigrationFlow(Record):
    """People who moved from one division to another on a day (count or index)."""

    about: ClassVar[About] = About(
        "migration_flow",
        "人口迁移",
        "migration flow",
        "lake",
        ("source", "date", "from_adcode", "to_adcode"),
        _WATCH | {"outflow_statistics"},
        retention="keep",
        partition="date",
        importable=True,
    )
    date: Annotated[date, P0("日期", "date")]
    from_adcode: Annotated[str, P0("迁出地", "from division", kind="region_index")]
    to_adcode: Annotated[str, P0("迁入地", "to division", kind="region_index")]
    source: Annotated[str, P0("来源", "source")] = ""
    value: Annotated[float, P1("人次或指数", "persons or index", kind="od_matrix_aggregated")]
    unit: Annotated[str, P0("单位", "unit")] = "persons"


class StockItem(Record):
    """What a facility has of an item on a day."""

    about: ClassVar[About] = About(
        "stock_item",
        "库存",
        "stock item",
        "store",
        ("date", "facility", "item", "standard"),
        frozenset({"situation_monitoring"}),
        retention="keep",
        importable=True,
    )
    date: Annotated[date, P0("日期", "date", indexed=True)]
    facility: Annotated[str, P0("机构", "facility")]
    item: Annotated[str, P0("物资", "item")]
    standard: Annotated[str, P0("规格", "standard")] = ""
    quantity: Annotated[Count, P1("数量", "quantity")]
    unit: Annotated[str, P0("单位", "unit")] = ""
    daily_use: Annotated[float, P1("日消耗", "use a day")] = 0.0
    batch_id: Annotated[str, P0("批次", "import batch")] = ""
