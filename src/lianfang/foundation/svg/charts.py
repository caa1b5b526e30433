"""Line chart with bands, bars, and the epidemic curve."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from lianfang.foundation.errors import BadInput
from lianfang.foundation.svg import scale
from lianfang.foundation.svg.drawing import (
    DASHES,
    GRID,
    MUTED,
    PALETTE,
    Drawing,
    label,
    number,
    text_width,
    wrapped,
)

MOST_POINTS = 20_000
X = Sequence[date] | Sequence[float] | Sequence[str]


@dataclass(frozen=True)
class Line:
    """A series; None leaves a gap."""

    label: str
    values: Sequence[float | None]


@dataclass(frozen=True)
class Band:
    """An interval around a line, drawn under it in the colour of the line with the same place in the list."""

    label: str
    low: Sequence[float | None]
    high: Sequence[float | None]


@dataclass(frozen=True)
class _Frame:
    """The plotting area and its axes."""

    left: float
    right: float
    top: float
    bottom: float
    axis: scale.Across
    ticks: list[float]

    def x(self, i: int) -> float:
        return self.left + self.axis.places[i] * (self.right - self.left)

    def y(self, value: float) -> float:
        low, high = self.ticks[0], self.ticks[-1]
        return self.bottom - (value - low) / (high - low) * (self.bottom - self.top)


def line(
    x: X,
    lines: Sequence[Line],
    *,
    title: str,
    desc: str = "",
    y_label: str = "",
    bands: Sequence[Band] = (),
    reference: float | None = None,
    lang: str = "en",
    width: float = 420,
    height: float = 250,
    zero: bool = True,
) -> Drawing:
    """Lines over days, numbers or categories, each with an interval band if ``bands`` gives one.

    ``reference`` draws a level line (Rt = 1); ``zero`` begins the vertical axis at 0. Lines differ by dash
    as well as by colour. Raises :class:`BadInput` when a series is not as long as ``x``.
    """
    named = [(series.label, series.values) for series in lines]
    named += [pair for b in bands for pair in ((b.label, b.low), (b.label, b.high))]
    rows = [values for _, values in named]
    for name, values in named:
        _checked(name, values, len(x))
    seen = [v for values in rows for v in values if v is not None]
    seen += [reference] if reference is not None else []
    legend = [(f"lf-s{i % 6}", i, series.label, "line") for i, series in enumerate(lines) if series.label]
    legend += [(f"lf-f{i % 6}", i, band.label, "band") for i, band in enumerate(bands) if band.label]
    body, frame = _frame(x, seen, title, y_label, legend, lang, width, height, zero)
    for i, band in enumerate(bands):
        body.append(_band(frame, band, i))
    if reference is not None:
        y = number(frame.y(reference))
        body.append(
            f'<line x1="{number(frame.left)}" x2="{number(frame.right)}" y1="{y}" y2="{y}" class="lf-axis" '
            f'stroke="{MUTED}" stroke-dasharray="4 3"/>'
        )
    for i, series in enumerate(lines):
        body += _path(frame, series.values, i)
    return Drawing("".join(body), width, height, title, desc, lang)


def bars(
    x: X,
    values: Sequence[float | None],
    *,
    title: str,
    desc: str = "",
    y_label: str = "",
    lang: str = "en",
    width: float = 420,
    height: float = 250,
    marks: Mapping[int, str] | None = None,
) -> Drawing:
    """One bar for each x; ``marks``: as in ``curve``."""
    return curve(
        x,
        {"": values},
        title=title,
        desc=desc,
        y_label=y_label,
        lang=lang,
        width=width,
        height=height,
        marks=marks,
    )


def curve(
    x: X,
    categories: Mapping[str, Sequence[float | None]],
    *,
    title: str,
    desc: str = "",
    y_label: str = "",
    lang: str = "en",
    width: float = 420,
    height: float = 250,
    marks: Mapping[int, str] | None = None,
) -> Drawing:
    """The epidemic curve: cases a day or week, stacked by category in the order given (the first lowest).

    ``marks``: places on x (from 0) at whose left edge a dashed line stands, with a short word: something changed there.
    """
    for name, values in categories.items():
        _checked(name or title, values, len(x))
        if any(v is not None and v < 0 for v in values):
            raise BadInput(f"The bars {name or title!r} go below 0.", hint="Give counts of 0 or more.")
    columns = list(categories.values())
    totals = [math.fsum(c[i] or 0.0 for c in columns) for i in range(len(x))]
    legend = [(f"lf-f{i % 6}", i, name, "bar") for i, name in enumerate(categories) if name]
    body, frame = _frame(x, totals, title, y_label, legend, lang, width, height, True)
    slot = frame.axis.slot * (frame.right - frame.left)
    named = len(x) > 0 and isinstance(x[0], str)
    # over time the bars touch, as a histogram's do; over categories they stand apart
    thick = max(slot * (0.66 if named else 0.98 if slot > 6 else 0.92), 0.5)
    base = [0.0] * len(x)
    for i, values in enumerate(columns):
        parts = []
        for k, value in enumerate(values):
            if not value:
                continue
            y, foot = frame.y(base[k] + value), frame.y(base[k])
            base[k] += value
            left, right = number(frame.x(k) - thick / 2), number(thick)
            parts.append(f"M{left} {number(foot)}V{number(y)}h{right}V{number(foot)}z")
        fill = PALETTE[i % 6]
        body.append(f'<path class="lf-f{i % 6}" fill="{fill}" d="{"".join(parts)}"/>')
    body += _marked(marks or {}, frame, slot, len(x))
    return Drawing("".join(body), width, height, title, desc, lang)


def _marked(marks: Mapping[int, str], frame: _Frame, slot: float, places: int) -> list[str]:
    """Dashed lines across a chart, each with its word beside its head, on the side where there is room."""
    out = []
    for place, word in marks.items():
        if not 0 <= place < places:
            raise BadInput(f"The mark at place {place} lies outside of the axis.")
        at, word = frame.x(place) - slot / 2, word[:24]
        fits = at + 4 + text_width(word, 11) < frame.right
        out.append(
            f'<line x1="{number(at)}" x2="{number(at)}" y1="{number(frame.top)}" y2="{number(frame.bottom)}" '
            f'class="lf-axis" stroke="{MUTED}" stroke-dasharray="4 3"/>'
            + label(at + 4 if fits else at - 4, frame.top + 9, word, anchor="start" if fits else "end")
        )
    return out


def _checked(name: str, values: Sequence[float | None], wanted: int) -> None:
    if len(values) != wanted:
        raise BadInput(f"The series {name[:60]!r} has {len(values)} values for {wanted} places on the axis.")
    if wanted > MOST_POINTS:
        raise BadInput(f"A chart shows at most {MOST_POINTS} points.", hint="Sum up by week or month first.")
    if any(v is not None and not math.isfinite(v) for v in values):
        raise BadInput(f"The series {name[:60]!r} holds a value that is not finite.")


def _frame(
    x: X,
    seen: Sequence[float],
    title: str,
    y_label: str,
    legend: Sequence[tuple[str, int, str, str]],
    lang: str,
    width: float,
    height: float,
    zero: bool,
) -> tuple[list[str], _Frame]:
    """Title, legend, grid and axes, and the area that is left for the data."""
    body: list[str] = []
    y = 8.0
    for row in wrapped(title, width - 16, 13):
        y += 15
        body.append(label(8, y, row, kind="ink", size=13))
    y = _legend(body, legend, y + 6, width)
    if y_label:
        y += 14
        body.append(label(8, y, y_label))
    low = min([*seen, 0.0] if zero or not seen else seen)
    high = max([*seen, 0.0] if zero or not seen else seen)
    ticks = scale.round_ticks(low, high if high > low else low + 1)
    if all(float(v).is_integer() for v in [*seen, ticks[-1]]):
        ticks = [tick for tick in ticks if tick == int(tick)]  # counts: no half a case
    names = [scale.number_label(t) for t in ticks]
    left = 14 + max(text_width(name, 11) for name in names)
    most = max(2, int((width - left) // (62 if len(str(x[0] if len(x) else "")) > 5 else 44)))
    frame = _Frame(left, width - 10, y + 10, height - 24, scale.across(x, lang, most), ticks)
    if frame.bottom - frame.top < 30:
        raise BadInput(f"A chart {width:g} x {height:g} has no room for its labels.", hint="Make it higher.")
    for value, name in zip(ticks, names, strict=True):
        at = number(frame.y(value))
        kind, stroke = ("axis", MUTED) if value == 0 else ("grid", GRID)
        body.append(
            f'<line x1="{number(left)}" x2="{number(frame.right)}" y1="{at}" y2="{at}" class="lf-{kind}" '
            f'stroke="{stroke}"/>' + label(left - 6, frame.y(value) + 4, name, anchor="end")
        )
    for place, name in frame.axis.ticks:
        at_x = left + place * (frame.right - left)
        half = text_width(name, 11) / 2
        body.append(
            f'<line x1="{number(at_x)}" x2="{number(at_x)}" y1="{number(frame.bottom)}" '
            f'y2="{number(frame.bottom + 4)}" class="lf-axis" stroke="{MUTED}"/>'
        )
        inside = min(max(at_x, half + 2), width - half - 2)
        body.append(label(inside, frame.bottom + 17, name, anchor="middle"))
    return body, frame


def _legend(body: list[str], entries: Sequence[tuple[str, int, str, str]], y: float, width: float) -> float:
    """Keys in rows that fit the width; returns the height reached. One unnamed series needs none."""
    if not entries:
        return y
    x, y = 8.0, y + 12
    for kind, i, name, shape in entries:
        room = 26 + text_width(name, 11) + 10
        if x + room > width and x > 8:
            x, y = 8.0, y + 16
        colour = PALETTE[i % 6]
        if shape == "line":
            body.append(
                f'<line x1="{number(x)}" x2="{number(x + 20)}" y1="{number(y - 4)}" y2="{number(y - 4)}" '
                f'class="{kind}" stroke="{colour}" stroke-width="2.5" stroke-dasharray="{DASHES[i % 6]}"/>'
            )
        else:
            opacity = ' fill-opacity="0.22"' if shape == "band" else ""
            body.append(
                f'<rect x="{number(x)}" y="{number(y - 10)}" width="20" height="11" class="{kind}" '
                f'fill="{colour}"{opacity}/>'
            )
        body.append(label(x + 25, y, name))
        x += room
    return y + 4


def _runs(values: Sequence[float | None]) -> list[list[int]]:
    """Stretches of positions that hold a value."""
    runs: list[list[int]] = [[]]
    for i, value in enumerate(values):
        if value is None:
            runs.append([])
        else:
            runs[-1].append(i)
    return [run for run in runs if run]


def _path(frame: _Frame, values: Sequence[float | None], i: int) -> list[str]:
    colour, out = PALETTE[i % 6], []
    for run in _runs(values):
        points = " ".join(f"{number(frame.x(k))},{number(frame.y(float(values[k] or 0)))}" for k in run)
        if len(run) == 1:
            k = run[0]
            out.append(
                f'<circle cx="{number(frame.x(k))}" cy="{number(frame.y(float(values[k] or 0)))}" r="2.5" '
                f'class="lf-f{i % 6}" fill="{colour}"/>'
            )
            continue
        out.append(
            f'<polyline points="{points}" fill="none" class="lf-s{i % 6}" stroke="{colour}" '
            f'stroke-width="2.5" stroke-linejoin="round" stroke-dasharray="{DASHES[i % 6]}"/>'
        )
    return out


def _band(frame: _Frame, band: Band, i: int) -> str:
    both = [a if b is not None else None for a, b in zip(band.low, band.high, strict=True)]
    out = []
    for run in _runs(both):
        upper = [f"{number(frame.x(k))},{number(frame.y(float(band.high[k] or 0)))}" for k in run]
        lower = [f"{number(frame.x(k))},{number(frame.y(float(band.low[k] or 0)))}" for k in reversed(run)]
        out.append(
            f'<polygon points="{" ".join(upper + lower)}" class="lf-f{i % 6}" fill="{PALETTE[i % 6]}" '
            'fill-opacity="0.22"/>'
        )
    return "".join(out)


__all__ = ["Band", "Line", "bars", "curve", "line"]
