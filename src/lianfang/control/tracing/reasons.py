"""Reasons: short machine codes that travel with the evidence, and their words in Chinese and English.

A code is a name and whole-number details, ``co_location?minutes=120&metres=3``. It holds no token, no place
and no time of day, so it may stand wherever the score stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

from lianfang.foundation.errors import BadInput, UsageError

# code -> (family, Chinese, English); one family is one kind of observation, see ranking
CODES: dict[str, tuple[str, str, str]] = {
    "co_location": (
        "position",
        "定位记录显示同一时段相距最近{metres}米, 累计{minutes}分钟",
        "positions as close as {metres} m, {minutes} minutes together",
    ),
    "second_order": ("modifier", "次密接: 与密切接触者接触", "contact of a contact"),
    "same_place": ("place", "同一场所停留重叠{minutes}分钟", "same place for {minutes} minutes"),
    "same_household": ("room", "同住, 重叠{minutes}分钟", "same household for {minutes} minutes"),
    "same_room": ("room", "同一旅馆房间, 重叠{minutes}分钟", "same hotel room for {minutes} minutes"),
    "same_floor": ("room", "同一旅馆同一楼层, 重叠{minutes}分钟", "same hotel floor for {minutes} minutes"),
    "same_hotel": ("room", "同一旅馆, 重叠{minutes}分钟", "same hotel for {minutes} minutes"),
    "same_row": ("seat", "同一车厢同排, 同乘{minutes}分钟", "same row of seats for {minutes} minutes"),
    "near_row": (
        "seat",
        "同一车厢前后相隔{rows}排, 同乘{minutes}分钟",
        "seats within {rows} rows for {minutes} minutes",
    ),
    "same_carriage": ("seat", "同一车厢, 同乘{minutes}分钟", "same carriage for {minutes} minutes"),
    "same_vehicle": ("seat", "同一车次, 同乘{minutes}分钟", "same vehicle for {minutes} minutes"),
    "proximity": ("sensor", "近距离传感记录累计{minutes}分钟", "sensors face to face for {minutes} minutes"),
    "serial_interval": (
        "chain",
        "按代间距推断为传染来源的可能性{percent}%",
        "{percent} % likely as the infector by serial interval",
    ),
    "several_index": ("modifier", "与{cases}名指示病例有接触", "met {cases} index persons"),
    "stated": ("stated", "流行病学调查中陈述的接触", "contact stated in the investigation"),
}

_CODE = re.compile(r"^([a-z_]{1,32})(?:\?((?:[a-z]{1,16}=[0-9]{1,12})(?:&[a-z]{1,16}=[0-9]{1,12}){0,7}))?$")


def parse(code: str) -> tuple[str, dict[str, str]]:
    """Name and details of a code; BadInput when it is none of ours."""
    match = _CODE.fullmatch(code) if isinstance(code, str) else None
    if match is None or match[1] not in CODES:
        raise BadInput("An unknown reason code.", hint=f"Known: {', '.join(CODES)}.")
    details = dict(pair.split("=", 1) for pair in match[2].split("&")) if match[2] else {}
    return match[1], details


def family(code: str) -> str:
    """The kind of observation behind a code: position, place, room, seat, sensor, chain, stated, modifier."""
    return CODES[parse(code)[0]][0]


def words(reasons: str | Iterable[str], lang: Literal["zh", "en"] = "zh") -> list[str]:
    """Reason codes in words. 理由代码的中英文说法。

    Args:
        reasons: codes as in the column ``reason`` or ``reasons``; one code may stand alone.
        lang: "zh" or "en".

    Raises:
        BadInput: a code is unknown or lacks a detail. UsageError: another language.
    """
    if lang not in ("zh", "en"):
        raise UsageError("lang must be zh or en.")
    out = []
    for code in [reasons] if isinstance(reasons, str) else reasons:
        name, details = parse(code)
        try:
            out.append(CODES[name][1 if lang == "zh" else 2].format(**details))
        except KeyError:
            raise BadInput(f"The reason code {name} lacks one of its details.") from None
    return out
