"""Arc diagram of a structure: the sequence as a line, each helix as an arc over it."""

from __future__ import annotations

from lianfang.foundation.svg import Drawing
from lianfang.foundation.svg.drawing import PALETTE
from lianfang.treat.folding.engine import Fold
from lianfang.treat.folding.sequences import partners

WIDTH, HEIGHT, MARGIN = 1200.0, 420.0, 24.0


def helices(structure: str) -> list[tuple[int, int, int]]:
    """(first, last, pairs) of each run of stacked pairs, 0-based, in the order of their first base."""
    partner = partners(structure).tolist()
    found = []
    for i, j in enumerate(partner):
        if j > i and not (i > 0 and j + 1 < len(partner) and partner[i - 1] == j + 1):
            pairs = 1
            while partner[i + pairs] == j - pairs and i + pairs < j - pairs:
                pairs += 1
            found.append((i, j, pairs))
    return found


def arcs(fold: Fold, *, lang: str = "en") -> Drawing:
    """A helix is one band, as wide as it has pairs, so that 30,000 bases stay some thousand shapes."""
    n = len(fold.sequence)
    scale = (WIDTH - 2 * MARGIN) / max(n, 1)
    base_line = HEIGHT - 2 * MARGIN
    runs = helices(fold.structure)
    tallest = max((j - i + 1 for i, j, _ in runs), default=1) * scale / 2
    flat = min(1.0, (base_line - MARGIN) / max(tallest, 1e-9))  # arcs are lowered to fit, all by one factor
    shapes = []
    for i, j, pairs in runs:
        left, right = MARGIN + (i + pairs / 2) * scale, MARGIN + (j + 1 - pairs / 2) * scale
        across = (right - left) / 2
        shapes.append(
            f'<path class="lf-s0" fill="none" stroke="{PALETTE[0]}" stroke-opacity="0.7"'
            f' stroke-width="{max(pairs * scale, 0.3):.2f}"'
            f' d="M{left:.2f} {base_line:.1f}A{across:.2f} {across * flat:.2f} 0 0 1 {right:.2f} {base_line:.1f}">'
            f"<title>{i + 1}-{i + pairs} : {j + 2 - pairs}-{j + 1}</title></path>"
        )
    ticks = [
        f'<text class="lf-muted" x="{MARGIN + at * scale:.1f}" y="{base_line + 18:.1f}" font-size="12"'
        f' text-anchor="middle">{max(at, 1):,}</text>'
        for at in (0, n // 4, n // 2, 3 * n // 4, n)
    ]
    axis = f'<path class="lf-axis" stroke="#555555" d="M{MARGIN} {base_line:.1f}H{WIDTH - MARGIN}"/>'
    title = "二级结构弧线图" if lang == "zh" else "Arc diagram of the structure"
    desc = (
        f"{n:,} 个碱基，{len(runs):,} 个螺旋，{fold.energy:.2f} kcal/mol"
        if lang == "zh"
        else f"{n:,} bases, {len(runs):,} helices, {fold.energy:.2f} kcal/mol"
    )
    return Drawing("".join([axis, *shapes, *ticks]), WIDTH, HEIGHT, title, desc, lang)
