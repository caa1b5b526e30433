"""Charts of the pages: whole numbers on the axis of counts, every day in the table, dark colours on the page."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from lianfang import api
from lianfang.api import charts
from lianfang.foundation.svg import STYLESHEET


@pytest.mark.parametrize("highest", [1, 2, 3, 4, 7, 9, 10, 13, 250, 2503])
def test_an_axis_of_counts_has_whole_numbers(highest: int) -> None:
    chart = charts.curve({"2026-01-01": highest, "2026-01-03": 1}, date(2026, 1, 5), "en")
    assert chart is not None
    ticks = [
        float(text.replace(",", ""))
        for text in re.findall(r'text-anchor="end"[^>]*>([^<]+)<', str(chart["svg"]))
    ]
    assert len(ticks) >= 2 and ticks[0] == 0 and max(ticks) >= highest
    assert all(tick == int(tick) for tick in ticks)


def test_the_table_holds_every_day() -> None:
    chart = charts.curve({"2026-01-01": 2, "2026-01-03": 1}, date(2026, 1, 4), "zh")
    assert chart is not None
    assert charts.table(chart["days"], "zh") == (
        "发病日期,病例\r\n2026-01-01,2\r\n2026-01-02,0\r\n2026-01-03,1\r\n2026-01-04,0\r\n"
    )
    assert charts.curve({}, date(2026, 1, 4), "zh") is None


def test_the_pages_style_holds_the_charts_rules() -> None:
    css = (Path(str(api.__file__)).parent / "static" / "lianfang.css").read_text(encoding="utf-8")
    assert STYLESHEET in css
