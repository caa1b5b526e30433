"""Administrative divisions of China (GB/T 2260): province, prefecture, county, with Chinese and English names.

The table ships with the package (``data/divisions.csv``, written by ``scripts/build_divisions.py``): provinces and
prefectures as of 2020, counties as of about 2016. A fictional city is added with :func:`register`.
"""

from __future__ import annotations

import csv
import re
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Literal, cast

from lianfang.foundation.errors import BadInput, NotFound

__all__ = ["Division", "all_divisions", "children", "division", "find", "forget", "lineage", "register"]

Level = Literal["province", "prefecture", "county"]
LEVELS: tuple[Level, ...] = ("province", "prefecture", "county")

_ADCODE = re.compile(r"[0-9]{6}\Z")
_KINDS = [
    "维吾尔自治区",
    "壮族自治区",
    "回族自治区",
    "特别行政区",
    "自治区",
    "自治州",
    "自治县",
    "自治旗",
    "地区",
    "林区",
    "特区",
    "新区",
    "矿区",
    "省",
    "市",
    "区",
    "县",
    "州",
    "盟",
    "旗",
]
_PEOPLES = re.compile(
    r"(?:(?:蒙古|回|藏|维吾尔|苗|彝|壮|布依|朝鲜|满|侗|瑶|白|土家|哈尼|哈萨克|傣|黎|傈僳|佤|畲|拉祜|水|东乡|纳西|景颇"
    r"|柯尔克孜|土|达斡尔|仫佬|羌|布朗|撒拉|毛南|仡佬|锡伯|普米|怒|鄂温克|裕固|保安|独龙|鄂伦春|各)族|哈萨克|蒙古|柯尔克孜"
    r")+\Z"
)


@dataclass(frozen=True, slots=True)
class Division:
    """One unit of the table. ``lat`` and ``lon`` are degrees of a point inside it (for labels; to about 500 m),
    absent for most counties. ``parent`` is the adcode of the unit above, empty for a province."""

    adcode: str
    level: Level
    name_zh: str
    name_en: str
    parent: str = ""
    lat: float | None = None
    lon: float | None = None

    def name(self, language: str = "zh") -> str:
        """The name in ``zh`` or ``en``."""
        return self.name_en if language == "en" else self.name_zh


_lock = threading.Lock()
_registered: MappingProxyType[str, Division] = MappingProxyType({})


@cache
def _shipped() -> MappingProxyType[str, Division]:
    source = resources.files("lianfang.foundation").joinpath("data", "divisions.csv")
    with source.open(encoding="utf-8") as stream:
        rows = {
            row["adcode"]: Division(
                adcode=row["adcode"],
                level=cast(Level, row["level"]),
                name_zh=row["name_zh"],
                name_en=row["name_en"],
                parent=row["parent"],
                lat=float(row["lat"]) if row["lat"] else None,
                lon=float(row["lon"]) if row["lon"] else None,
            )
            for row in csv.DictReader(stream)
        }
    return MappingProxyType(rows)


@cache
def _shipped_stems() -> MappingProxyType[str, tuple[str, ...]]:
    return _index(_shipped().values())


@cache
def _shipped_children() -> MappingProxyType[str, tuple[str, ...]]:
    below: dict[str, list[str]] = {}
    for unit in _shipped().values():
        below.setdefault(unit.parent, []).append(unit.adcode)
    return MappingProxyType({parent: tuple(codes) for parent, codes in below.items()})


def _index(units: Iterable[Division]) -> MappingProxyType[str, tuple[str, ...]]:
    index: dict[str, list[str]] = {}
    for unit in units:
        for key in {_stem(unit.name_zh), unit.name_zh, unit.name_en.casefold()}:
            index.setdefault(key, []).append(unit.adcode)
    return MappingProxyType({key: tuple(codes) for key, codes in index.items()})


def _stem(name: str) -> str:
    """``name`` without the word for its kind: 湖北省 and 湖北 are one, 恩施土家族苗族自治州 and 恩施 too."""
    for kind in _KINDS:
        if name.endswith(kind) and len(name) - len(kind) >= 2:
            short = name[: -len(kind)]
            bare = _PEOPLES.sub("", short)
            return bare if len(bare) >= 2 else short
    return name


def _look_up(adcode: str) -> Division | None:
    return _registered.get(adcode) or _shipped().get(adcode)


def division(adcode: str) -> Division:
    """The unit with this six-digit code; :class:`NotFound` when there is none."""
    if not isinstance(adcode, str) or not _ADCODE.match(adcode):
        raise BadInput("An administrative division is a code of six digits (GB/T 2260).")
    unit = _look_up(adcode)
    if unit is None:
        raise NotFound(
            f"No administrative division has the code {adcode}.", hint="See docs/reference/places.md."
        )
    return unit


def all_divisions(level: Level | None = None) -> list[Division]:
    """Every unit, or every unit of one level, by code."""
    units = {**_shipped(), **_registered}
    return [units[code] for code in sorted(units) if level is None or units[code].level == level]


def children(adcode: str = "") -> list[Division]:
    """The units directly below one, by code; without a code, the provinces."""
    if adcode:
        division(adcode)
    codes = set(_shipped_children().get(adcode, ()))
    codes |= {unit.adcode for unit in _registered.values() if unit.parent == adcode}
    return [unit for code in sorted(codes) if (unit := division(code)).parent == adcode]


def lineage(adcode: str) -> list[Division]:
    """The unit and those above it, the province first."""
    units = [division(adcode)]
    while units[0].parent:
        units.insert(0, division(units[0].parent))
    return units


def find(name: str, *, within: str | None = None) -> list[Division]:
    """The units that bear ``name``, the higher level first, then by code; an empty list when none does.

    Tolerates an absent word for the kind (湖北 for 湖北省), an English name in any case, and a six-digit code.
    An exact name goes before a shortened one: 吉林省 is the province alone, 吉林 the province and the city.
    ``within``: only units under (or equal to) this code.
    """
    wanted = name.strip()[:60]
    if not wanted:
        return []
    if within is not None:
        division(within)
    if _ADCODE.match(wanted):
        unit = _look_up(wanted)
        found = [unit] if unit else []
    else:
        found = _named(wanted) or _named(wanted.casefold())
        if not found and (stem := _stem(wanted)) != wanted:
            found = _named(stem)
    if within is not None:
        found = [unit for unit in found if any(above.adcode == within for above in lineage(unit.adcode))]
    return sorted(found, key=lambda unit: (LEVELS.index(unit.level), unit.adcode))


def _named(key: str) -> list[Division]:
    codes = [*_shipped_stems().get(key, ()), *_index(_registered.values()).get(key, ())]
    return [
        unit for code in dict.fromkeys(codes) if (unit := _look_up(code)) is not None and _bears(unit, key)
    ]


def _bears(unit: Division, key: str) -> bool:
    """A registered unit may have renamed a shipped one; the index of the shipped ones then still has the old name."""
    return key in (unit.name_zh, _stem(unit.name_zh), unit.name_en.casefold())


def register(divisions: Iterable[Division]) -> None:
    """Add (or replace) units in this process, for a fictional city or a newer edition of the standard.

    All or nothing: :class:`BadInput` names the first unit that is wrong. A unit's parent is shipped, already
    registered, or among those given.
    """
    global _registered
    with _lock:
        units = dict(_registered)
        given = list(divisions)
        units.update((unit.adcode, unit) for unit in given)
        for unit in given:
            _check(unit, units)
        _registered = MappingProxyType(units)


def _check(unit: Division, units: dict[str, Division]) -> None:
    if not _ADCODE.match(unit.adcode):
        raise BadInput("A registered division needs a code of six digits.")
    if unit.level not in LEVELS or not unit.name_zh.strip() or not unit.name_en.strip():
        raise BadInput(f"Division {unit.adcode} needs a level ({', '.join(LEVELS)}) and both names.")
    if (unit.lat is None) != (unit.lon is None) or (
        unit.lat is not None
        and unit.lon is not None
        and not (-90 <= unit.lat <= 90 and -180 <= unit.lon <= 180)
    ):
        raise BadInput(f"Division {unit.adcode} needs a latitude and a longitude in degrees, or neither.")
    if (unit.level == "province") != (unit.parent == ""):
        raise BadInput(f"Division {unit.adcode}: a province has no parent, every other unit has one.")
    if unit.parent:
        above = units.get(unit.parent) or _shipped().get(unit.parent)
        if above is None or LEVELS.index(above.level) >= LEVELS.index(unit.level):
            raise BadInput(f"Division {unit.adcode}: its parent is not a known unit of a higher level.")


def forget(adcodes: Iterable[str] | None = None) -> None:
    """Take registered units away again, all of them when none are named; shipped units stay."""
    global _registered
    with _lock:
        gone = set(_registered if adcodes is None else adcodes)
        _registered = MappingProxyType({code: unit for code, unit in _registered.items() if code not in gone})
