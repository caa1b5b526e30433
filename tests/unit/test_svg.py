"""Charts: valid XML, nothing a strict content policy would stop, values where they belong."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from datetime import date, timedelta
from itertools import pairwise

import pytest

from lianfang.foundation import svg
from lianfang.foundation.errors import BadInput
from lianfang.foundation.svg import scale

DAYS = [date(2020, 1, 20) + timedelta(days=i) for i in range(10)]
HOSTILE = '</title><script>alert(1)</script>" onload="x" \x00\x0b&<'
NS = "{http://www.w3.org/2000/svg}"


def drawings():
    values = [3.0, 5, 8, None, 9, 12, 20, 19, 11, 4]
    return [
        svg.line(
            DAYS,
            [svg.Line(HOSTILE, values), svg.Line("b", [1.0] * 10)],
            bands=[svg.Band("95 %", [None, *[1.0] * 9], [9.0] * 10)],
            title=HOSTILE,
            desc=HOSTILE,
            y_label=HOSTILE,
            reference=1,
            lang=HOSTILE,
        ),
        svg.bars(["湖北", HOSTILE], [10, 4], title="t"),
        svg.curve(DAYS, {"a": range(10), HOSTILE: [2] * 10}, title="流行曲线", lang="zh"),
        svg.line([1, 2, 3], [svg.Line("x", [0, 0, 0])], title="flat"),
    ]


@pytest.mark.parametrize("number", range(4))
def test_markup_is_xml_without_script_handler_or_style_attribute(number):
    drawing = drawings()[number]
    for text in (str(drawing), drawing.file(), str(svg.stack([drawing, drawing], title="two"))):
        root = ET.fromstring(text)
        for element in root.iter():
            assert element.tag.removeprefix(NS) != "script"
            assert not [name for name in element.attrib if name == "style" or name.startswith("on")]
        assert root.find(f"{NS}title") is not None
        assert root.find(f"{NS}desc") is not None
        assert root.attrib["role"] == "img"
        assert {root.find(f"{NS}title").get("id"), root.find(f"{NS}desc").get("id")} == set(
            root.attrib["aria-labelledby"].split()
        )
    assert "<style" not in str(drawing)


def test_hostile_text_comes_back_as_text():
    root = ET.fromstring(str(drawings()[0]))
    assert root.find(f"{NS}title").text == HOSTILE.replace("\x00", "").replace("\x0b", "")


def test_points_lie_where_the_axis_says():
    drawing = svg.line(DAYS, [svg.Line("x", [0.0, 50.0, 100.0] + [0.0] * 7)], title="t")
    points = re.search(r'points="([^"]+)"', str(drawing))[1].split()
    (x0, y0), (x1, y1), (x2, y2) = (tuple(map(float, p.split(","))) for p in points[:3])
    assert x1 - x0 == pytest.approx(x2 - x1, abs=0.02)
    assert y0 - y1 == pytest.approx(y1 - y2, abs=0.02)
    assert y0 > y2


def test_stacked_bars_add_up():
    drawing = svg.curve(DAYS, {"a": [1] * 10, "b": [3] * 10}, title="t")
    paths = re.findall(r'<path class="lf-f\d" fill="[^"]+" d="([^"]+)"', str(drawing))
    heights = []
    for path in paths:
        foot, top = re.match(r"M[\d.]+ ([\d.]+)V([\d.]+)h", path).groups()
        heights.append((float(foot), float(top)))
    (a_foot, a_top), (b_foot, b_top) = heights
    assert b_foot == a_top
    assert (b_foot - b_top) == pytest.approx(3 * (a_foot - a_top), abs=0.05)


def test_letters_stay_legible_on_a_telephone():
    """At 390 px, less a page's margins of 16 px, the smallest letter is still over 9 px high."""
    drawing = svg.curve(DAYS, {"a": range(10)}, title="t")
    smallest = min(float(size) for size in re.findall(r'font-size="([\d.]+)"', str(drawing)))
    assert smallest * (390 - 32) / drawing.width > 9


def test_every_class_has_a_dark_colour():
    used = set(re.findall(r'class="(lf-[\w]+)"', "".join(map(str, drawings())))) - {"lf-chart"}
    assert {name for name in used if f".{name}{{" not in svg.STYLESHEET} == set()


@pytest.mark.parametrize(
    ("low", "high"), [(0, 1), (0, 44653), (-3, 7), (0.2, 0.9), (0, 1e-6), (5, 5), (1e6, 1.00001e6)]
)
def test_ticks_cover_the_range_with_even_steps(low, high):
    ticks = scale.round_ticks(low, high)
    assert ticks[0] <= low + 1e-9
    assert ticks[-1] >= high - 1e-9
    steps = {round(b - a, 9) for a, b in pairwise(ticks)}
    assert len(steps) == 1
    assert 2 <= len(ticks) <= 8


@pytest.mark.parametrize(
    "call",
    [
        lambda: svg.line(DAYS, [svg.Line("x", [1.0])], title="t"),
        lambda: svg.line(DAYS, [svg.Line("x", [float("nan")] * 10)], title="t"),
        lambda: svg.curve(DAYS, {"x": [-1] * 10}, title="t"),
        lambda: svg.line([], [svg.Line("x", [])], title="t"),
        lambda: svg.line(DAYS, [svg.Line("x", [1.0] * 10)], title="t", height=60),
    ],
)
def test_refusals(call):
    with pytest.raises(BadInput):
        call()
