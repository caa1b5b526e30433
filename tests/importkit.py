"""A small installation and the city's files, for the tests of import and quality."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from lianfang.foundation.clock import SetClock
from lianfang.services.installation import Installation, Who, create, open_installation

NOW = datetime(2026, 1, 29, 8, 0, tzinfo=UTC)
EPI = Who("li.epi", "epidemiologist", "cdc", "Li")
CARD = (
    "报告卡编号,报告日期,报告单位,姓名,性别,出生日期,证件号码,联系电话,现住址,现住区划,职业,工作单位,学校,"
    "发病日期,就诊日期,入院日期,临床严重程度,病例分类,症状,暴露史,死亡日期"
)


def make(folder: Path, **settings: str) -> Installation:
    """A new installation, its clock standing at :data:`NOW`."""
    return create(folder, settings={"adcode": "429900", **settings}, clock=SetClock(NOW))


def open_again(folder: Path) -> Installation:
    """The same installation, as another process would open it."""
    return open_installation(folder, clock=SetClock(NOW))


def card(number: int, **changes: str) -> list[str]:
    """A report card of an invented person, in the columns of :data:`CARD`."""
    cells = dict(
        zip(
            CARD.split(","),
            [
                f"K{number:06d}", "2026-01-20", "第一医院", f"王测{number}", "男女"[number % 2], "1970-03-11",
                f"42990119700311{number % 10000:04d}", f"154{number:08d}", f"临江市城南区{number // 3}号",
                "429901", "商人", "城南市场", "", "2026-01-12", "2026-01-14", "2026-01-15", "普通型",
                "疑似病例", "发热、咳嗽", "在城南市场工作", "",
            ],
            strict=True,
        )
    )  # fmt: skip
    return list({**cells, **changes}.values())


def write(path: Path, header: str, rows: Sequence[Sequence[str]], encoding: str = "utf-8") -> Path:
    """A CSV file."""
    import csv

    with path.open("w", encoding=encoding, newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header.split(","))
        writer.writerows(rows)
    return path
