"""A stretch of a folded sequence as a picture: its arcs as far as they can be told apart, open bases, binding sites.

30,000 bases on 1,150 dots are 26 a dot. What is drawn depends on how near one looks: where a base has three dots or
more, each pair is an arc; else each helix is a band; helices too narrow to be seen, and those beyond the MOST_ARCS
widest, are counted in a strip below the axis. So a picture stays small whatever the sequence is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lianfang.foundation.errors import BadInput
from lianfang.foundation.svg import Drawing
from lianfang.foundation.svg.drawing import PALETTE, clean, label, number
from lianfang.treat.folding.engine import Fold

if TYPE_CHECKING:
    import numpy as np

WIDTH, MARGIN, TOP, AXIS = 1200.0, 30.0, 14.0, 340.0
STRIP, TRACK, LANE = (
    AXIS + 24.0,
    AXIS + 44.0,
    AXIS + 122.0,
)  # where the strip, the open bases and the sites begin
HEIGHT = LANE + 44.0
SHORTEST = 10  # bases of a region
MOST_ARCS = 1_200
LEAST_DOTS = 3.0  # an arc narrower than this goes into the strip
NEAR = 3.0  # dots a base from which each pair has an arc of its own
LETTERS = 8.0  # dots a base from which the letters stand under the axis
BINS = 400
Helix = tuple[int, int, int]
#: A site to mark: what it is called, first and last base, from 1.
Mark = tuple[str, int, int]
_WORDS = {
    "title": ("二级结构：{a}–{b}", "Secondary structure, {a}-{b}"),
    "desc": (
        "{n} 个碱基；弧线 {m} 条，其余 {k} 个螺旋计入轴下色条",
        "{n} bases; {m} arcs, {k} further helices are counted in the strip below the axis",
    ),
    "strip": ("其余配对", "further pairs"),
    "open": ("不配对概率", "unpaired"),
    "sites": ("引物与探针", "oligos"),
}


def region(
    fold: Fold,
    helices: Sequence[Helix],
    start: int,
    end: int,
    *,
    alone: np.ndarray,
    marks: Sequence[Mark] = (),
    lang: str = "en",
) -> Drawing:
    """Bases ``start`` .. ``end`` (from 1) of a fold.

    Args:
        fold: without crossing pairs.
        helices: its helices, as ``arcs.helices`` gives them.
        start, end: the region, at least SHORTEST bases of it or the whole sequence.
        alone: the probability of each base to be unpaired.
        marks: sites, such as those of primers and probes.
        lang: zh or en.

    Raises:
        BadInput: a region that the sequence does not have.
    """
    bases = len(fold.sequence)
    if not 1 <= start <= end <= bases or end - start + 1 < min(SHORTEST, bases):
        raise BadInput(f"A region has {SHORTEST} bases or more, from 1 to {bases:,}.")
    scale = (WIDTH - 2 * MARGIN) / (end - start + 1)
    drawn, left_over = _chosen(helices, start - 1, end, scale)
    words = {key: pair[0 if lang == "zh" else 1] for key, pair in _WORDS.items()}
    parts = [
        _arcs(drawn, start - 1, end, scale),
        _axis(start, end, scale),
        _strip(left_over, start - 1, end, scale, words["strip"]),
        _track(alone[start - 1 : end], words["open"]),
        _lane(marks, start, end, scale, words["sites"]),
    ]
    if scale >= LETTERS:
        parts.append(_letters(fold, start, end, scale))
    desc = words["desc"].format(n=f"{end - start + 1:,}", m=f"{len(drawn):,}", k=f"{len(left_over):,}")
    return Drawing("".join(parts), WIDTH, HEIGHT, words["title"].format(a=start, b=end), desc, lang)


def _chosen(helices: Sequence[Helix], first: int, end: int, scale: float) -> tuple[list[Helix], list[Helix]]:
    """(helices to draw, helices to count) of those with an arm in the region; pairs are helices of one when near."""
    here = [
        (i, j, pairs)
        for i, j, pairs in helices
        if (i < end and i + pairs > first) or (j >= first and j - pairs + 1 < end)
    ]
    if scale >= NEAR:
        here = [(i + k, j - k, 1) for i, j, pairs in here for k in range(pairs)]
        here = [one for one in here if first <= one[0] < end or first <= one[1] < end]
    wide = sorted(
        (one for one in here if (one[1] - one[0]) * scale >= LEAST_DOTS), key=lambda one: one[0] - one[1]
    )
    drawn = wide[:MOST_ARCS]
    kept = set(drawn)
    return drawn, [one for one in here if one not in kept]


def _arcs(drawn: Sequence[Helix], first: int, end: int, scale: float) -> str:
    """Half ellipses of one shape, so nested pairs do not seem to cross; the widest within fits, others are cut."""
    inside = [j - i + 1 for i, j, _ in drawn if i >= first and j < end]
    tallest = max(inside, default=end - first) * scale / 2
    flat = min(1.0, (AXIS - TOP) / max(tallest, 1e-9))
    made = []
    for i, j, pairs in drawn:
        left = MARGIN + (i - first + pairs / 2) * scale
        right = MARGIN + (j - first + 1 - pairs / 2) * scale
        across = (right - left) / 2
        width = max(pairs * scale, 0.4) if scale < NEAR else 1.4
        arms = f"{i + 1}-{i + pairs} : {j + 2 - pairs}-{j + 1}" if pairs > 1 else f"{i + 1} : {j + 1}"
        made.append(
            f'<path d="M{left:.1f} {AXIS:.0f}A{across:.1f} {across * flat:.1f} 0 0 1 {right:.1f} {AXIS:.0f}"'
            f' stroke-width="{number(width)}"><title>{arms}</title></path>'
        )
    # the clip is named by the region: two pictures on one page keep theirs apart
    name = f"r{first}-{end}"
    return (
        f'<clipPath id="{name}"><rect x="{number(MARGIN)}" y="0" width="{number(WIDTH - 2 * MARGIN)}"'
        f' height="{number(AXIS)}"/></clipPath><g clip-path="url(#{name})" class="lf-s0" fill="none"'
        f' stroke="{PALETTE[0]}" stroke-opacity="0.7">{"".join(made)}</g>'
    )


def _axis(start: int, end: int, scale: float) -> str:
    """The line and round positions on it."""
    steps = (digit * 10**power for power in range(7) for digit in (1, 2, 5))
    step = next(one for one in steps if (end - start + 1) / one <= 12)
    made = [f'<path class="lf-axis" stroke="#555555" d="M{MARGIN:.0f} {AXIS:.0f}H{WIDTH - MARGIN:.0f}"/>']
    for at in range((start + step - 1) // step * step, end + 1, step):
        x = MARGIN + (at - start + 0.5) * scale
        made.append(f'<path class="lf-axis" stroke="#555555" d="M{x:.1f} {AXIS:.0f}v5"/>')
        made.append(label(x, AXIS + 18, f"{at:,}", anchor="middle"))
    return "".join(made)


def _strip(left_over: Sequence[Helix], first: int, end: int, scale: float, word: str) -> str:
    """The share of bases in pairs that are not drawn, as bars of ten dots at most."""
    if not left_over:
        return ""
    import numpy as np

    paired = np.zeros(end - first)
    for i, j, pairs in left_over:
        for low, high in ((i, i + pairs), (j - pairs + 1, j + 1)):
            paired[max(low - first, 0) : max(high - first, 0)] = 1.0
    x, share = _binned(paired)
    wide = (WIDTH - 2 * MARGIN) / len(share)
    bars = "".join(
        f"M{at:.1f} {STRIP + 12:.1f}v{-10 * one:.1f}h{wide:.1f}v{10 * one:.1f}z"
        for at, one in zip(x, share, strict=True)
        if one > 0
    )
    return f'<path class="lf-f3" fill="{PALETTE[3]}" d="{bars}"><title>{word}</title></path>'


def _track(alone: np.ndarray, word: str) -> str:
    """The mean probability to be unpaired, from 0 to 1, in steps."""
    x, mean = _binned(alone)
    low = TRACK + 60
    wide = (WIDTH - 2 * MARGIN) / len(mean)
    steps = "".join(f"V{low - 56 * one:.1f}h{wide:.2f}" for one in mean)
    return (
        f'<path class="lf-grid" stroke="#d9d9d9" d="M{MARGIN:.0f} {low - 56:.0f}H{WIDTH - MARGIN:.0f}"/>'
        f'<path class="lf-f2" fill="{PALETTE[2]}" fill-opacity="0.75" d="M{x[0]:.1f} {low:.0f}{steps}V{low:.0f}z"/>'
        + label(MARGIN, TRACK + 1, f"{word} 0–1")
    )


def _binned(values: np.ndarray) -> tuple[list[float], list[float]]:
    """(left edge, mean) of BINS equal parts, or of each value when there are fewer."""
    import numpy as np

    count = min(BINS, values.size)
    edges = np.linspace(0, values.size, count + 1).astype(int)
    sums = np.concatenate([[0.0], np.cumsum(values)])
    mean = (sums[edges[1:]] - sums[edges[:-1]]) / np.diff(edges)
    wide = (WIDTH - 2 * MARGIN) / count
    return [MARGIN + k * wide for k in range(count)], mean.clip(0, 1).tolist()


def _lane(marks: Sequence[Mark], start: int, end: int, scale: float, word: str) -> str:
    """Sites as bars with their names, as far as they find room beside each other."""
    made, free = [], [MARGIN, MARGIN]
    for name, low, high in sorted(marks, key=lambda one: one[1]):
        if high < start or low > end:
            continue
        left = MARGIN + max(low - start, 0) * scale
        wide = max((min(high, end) - max(low, start) + 1) * scale, 2.0)
        made.append(
            f'<rect class="lf-f1" fill="{PALETTE[1]}" x="{left:.1f}" y="{LANE:.0f}" width="{wide:.1f}" height="8">'
            f"<title>{clean(name)} {low}-{high}</title></rect>"
        )
        row = 0 if free[0] <= left else 1
        if free[row] <= left and left + 6.5 * len(name) < WIDTH:
            made.append(label(left, LANE + 20 + 14 * row, name, size=10))
            free[row] = left + 6.5 * len(name) + 6
    return "".join(made) + (label(MARGIN, LANE - 4, word, size=10) if made else "")


def _letters(fold: Fold, start: int, end: int, scale: float) -> str:
    """Base by base, below the numbers."""
    places = " ".join(f"{MARGIN + (k + 0.5) * scale:.1f}" for k in range(end - start + 1))
    text = fold.sequence[start - 1 : end]
    return (
        f'<text class="lf-ink" x="{places}" y="{STRIP + 10:.0f}" font-size="11" text-anchor="middle"'
        f' fill="#1b1b1b">{text}</text>'
    )
