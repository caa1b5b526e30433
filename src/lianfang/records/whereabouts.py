"""Whereabouts and contacts of things observed: pings, visits, trips, stays, payments (lake)."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, ClassVar, Literal

from lianfang.records.declare import P0, P2, P4, About, Record

_TRACE = frozenset({"close_contact_tracing", "epidemiological_investigation"})

Token = Annotated[str, P4("标记", "token", kind="pseudonym", disclosure="never", indexed=True)]
Day = Annotated[date, P2("日期", "day", kind="trajectory")]


class LocationPing(Record):
    """A position of a device, in degrees and in projected integer decimetres (SQL does no trigonometry)."""

    about: ClassVar[About] = About(
        "location_ping",
        "位置点",
        "location ping",
        "lake",
        ("token", "time", "source"),
        _TRACE,
        retention="coarsen",
        partition="day",
        importable=True,
    )
    token: Token
    day: Day
    time: Annotated[datetime, P4("时间", "time (UTC)", kind="trajectory")]
    lat: Annotated[float, P4("纬度", "latitude (degrees)", kind="location")]
    lon: Annotated[float, P4("经度", "longitude (degrees)", kind="location")]
    x_dm: Annotated[int, P4("东距", "easting (decimetres)", kind="location")] = 0
    y_dm: Annotated[int, P4("北距", "northing (decimetres)", kind="location")] = 0
    accuracy_m: Annotated[int | None, P4("精度", "accuracy (metres)", kind="location")] = None
    source: Annotated[str, P2("来源", "source", kind="location")] = ""


class PlaceVisit(Record):
    """A stay at a known place (venue register, check-in)."""

    about: ClassVar[About] = About(
        "place_visit",
        "到访",
        "place visit",
        "lake",
        ("token", "place_id", "start"),
        _TRACE,
        retention="coarsen",
        partition="day",
        importable=True,
    )
    token: Token
    day: Day
    place_id: Annotated[str, P4("场所", "place (keyed)", kind="location")]
    place_kind: Annotated[str, P4("场所类别", "kind of place", kind="location")] = ""
    start: Annotated[datetime, P4("到达", "arrived (UTC)", kind="trajectory")]
    end: Annotated[datetime, P4("离开", "left (UTC)", kind="trajectory")]


class TripLeg(Record):
    """One leg of a journey; the vehicle is keyed, the seat two numbers, never its printed form."""

    about: ClassVar[About] = About(
        "trip_leg",
        "行程",
        "trip leg",
        "lake",
        ("token", "vehicle", "start"),
        _TRACE,
        retention="coarsen",
        partition="day",
        importable=True,
    )
    token: Token
    day: Day
    vehicle: Annotated[str, P4("车次", "vehicle (keyed)", kind="trajectory")]
    seat_row: Annotated[int | None, P4("排", "row", kind="trajectory")] = None
    seat_column: Annotated[int | None, P4("列", "column", kind="trajectory")] = None
    start: Annotated[datetime, P4("上车", "boarded (UTC)", kind="trajectory")]
    end: Annotated[datetime, P4("下车", "alighted (UTC)", kind="trajectory")]


class LodgingStay(Record):
    """A night's lodging; hotel and room are keyed, the floor a number."""

    about: ClassVar[About] = About(
        "lodging_stay",
        "住宿",
        "lodging stay",
        "lake",
        ("token", "hotel", "start"),
        _TRACE,
        retention="coarsen",
        partition="day",
        importable=True,
    )
    token: Token
    day: Day
    hotel: Annotated[str, P4("旅馆", "hotel (keyed)", kind="location")]
    room: Annotated[str, P4("房间", "room (keyed)", kind="location")] = ""
    floor: Annotated[int | None, P4("楼层", "floor", kind="location")] = None
    start: Annotated[datetime, P4("入住", "arrived (UTC)", kind="trajectory")]
    end: Annotated[datetime, P4("退房", "left (UTC)", kind="trajectory")]


class Payment(Record):
    """A payment at a place, without its amount (least data)."""

    about: ClassVar[About] = About(
        "payment",
        "支付",
        "payment",
        "lake",
        ("token", "place_id", "time"),
        _TRACE,
        retention="coarsen",
        partition="day",
        importable=True,
    )
    token: Token
    day: Day
    place_id: Annotated[str, P4("场所", "place (keyed)", kind="location")]
    time: Annotated[datetime, P4("时间", "time (UTC)", kind="trajectory")]
    channel: Annotated[Literal["card", "phone", "cash", "other"], P2("方式", "means", kind="location")] = (
        "other"
    )


class Proximity(Record):
    """A face-to-face contact of two sensors or phones in one interval."""

    about: ClassVar[About] = About(
        "proximity",
        "近距离接触",
        "proximity",
        "lake",
        ("time", "token", "other"),
        _TRACE,
        retention="coarsen",
        partition="day",
        importable=True,
    )
    token: Token
    other: Annotated[str, P4("对方标记", "token of the other", kind="pseudonym")]
    day: Day
    time: Annotated[datetime, P4("时间", "start of the interval (UTC)", kind="trajectory")]
    seconds: Annotated[int, P0("时长", "length of the interval (seconds)")] = 20
