"""Elements, text and the drawing itself."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

# Okabe & Ito's palette (safe for the colour-blind), darkened where text or thin lines need contrast on white
PALETTE = ("#0067a5", "#c1440e", "#007a5a", "#8a4f7d", "#8a6d00", "#1f1f1f")
DARK_PALETTE = ("#6bb8f0", "#f0925a", "#4cc9a0", "#d9a0cc", "#e5c94a", "#e8e8e8")
DASHES = ("", "6 3", "2 2", "8 3 2 3", "1 3", "10 4")
INK, MUTED, GRID, PAPER = "#1b1b1b", "#555555", "#d9d9d9", "#ffffff"
FONT = "system-ui, 'Noto Sans CJK SC', 'PingFang SC', 'Microsoft YaHei', sans-serif"


def _rules(scope: str) -> str:
    """Dark colours of every class below ``scope``."""
    rules = [
        f"{scope} .lf-paper{{fill:#15181c}}",
        f"{scope} .lf-ink{{fill:#eceff2}}",
        f"{scope} .lf-muted{{fill:#b4bcc4}}",
        f"{scope} .lf-grid{{stroke:#3a4148}}",
        f"{scope} .lf-axis{{stroke:#b4bcc4}}",
    ]
    for i, colour in enumerate(DARK_PALETTE):
        rules.append(f"{scope} .lf-s{i}{{stroke:{colour}}}")
        rules.append(f"{scope} .lf-f{i}{{fill:{colour}}}")
    return "".join(rules)


STYLESHEET = (
    "svg.lf-chart{width:100%;max-width:40rem;height:auto}"
    "@media (prefers-color-scheme:dark){"
    + _rules(":root:not(.light) svg.lf-chart")
    + "}"
    + _rules(":root.dark svg.lf-chart")
)


@dataclass(frozen=True)
class Drawing:
    """A finished chart: markup of its inside, size in user units, and the words for those who can't see
    it."""

    body: str
    width: float
    height: float
    title: str
    desc: str
    lang: str = "en"

    def __str__(self) -> str:
        return self._markup("")

    def __html__(self) -> str:
        """Markup that templates may put in without escaping: every text in it is escaped already."""
        return str(self)

    def _repr_html_(self) -> str:
        return str(self)

    def file(self) -> str:
        """A document of its own, with its dark colours inside."""
        dark = "@media (prefers-color-scheme:dark){" + _rules("svg.lf-chart") + "}"
        return '<?xml version="1.0" encoding="UTF-8"?>\n' + self._markup(f"<style>{dark}</style>") + "\n"

    def _markup(self, head: str) -> str:
        key = hashlib.sha256(f"{self.title}\n{self.body}".encode()).hexdigest()[:10]
        size = f"{number(self.width)} {number(self.height)}"
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="lf-chart" viewBox="0 0 {size}" '
            f'role="img" aria-labelledby="t{key} d{key}" lang="{clean(self.lang)}" '
            f'font-family="{escape(FONT)}" font-size="12">'
            f'<title id="t{key}">{clean(self.title)}</title><desc id="d{key}">{clean(self.desc)}</desc>'
            f'{head}<rect class="lf-paper" width="100%" height="100%" fill="{PAPER}"/>{self.body}</svg>'
        )


def stack(drawings: Sequence[Drawing], *, title: str, desc: str = "") -> Drawing:
    """``drawings`` below each other as one picture."""
    y, parts = 0.0, []
    for drawing in drawings:
        parts.append(f'<g transform="translate(0 {number(y)})">{drawing.body}</g>')
        y += drawing.height
    words = desc or " ".join(drawing.desc for drawing in drawings)
    lang = drawings[0].lang if drawings else "en"
    return Drawing("".join(parts), max((d.width for d in drawings), default=1), max(y, 1), title, words, lang)


def clean(text: object) -> str:
    """Text escaped for markup, without characters that XML forbids."""
    kept = "".join(
        c for c in str(text)[:2000] if c >= " " and unicodedata.category(c) not in ("Cs", "Cn", "Cc")
    )
    return escape(kept, quote=True)


def number(value: float) -> str:
    """A coordinate with at most two decimals."""
    return f"{value:.2f}".rstrip("0").rstrip(".") if value % 1 else f"{value:.0f}"


def text_width(text: str, size: float = 12.0) -> float:
    """Estimated width: Chinese characters are square, Latin ones a little over half."""
    return sum(size if unicodedata.east_asian_width(c) in "WF" else size * 0.56 for c in text)


def label(
    x: float, y: float, text: str, *, anchor: str = "start", kind: str = "muted", size: float = 11
) -> str:
    """A text element; ``kind`` is ink (strong) or muted."""
    fill = INK if kind == "ink" else MUTED
    weight = ' font-weight="600"' if kind == "ink" else ""
    return (
        f'<text x="{number(x)}" y="{number(y)}" text-anchor="{anchor}" class="lf-{kind}" fill="{fill}" '
        f'font-size="{number(size)}"{weight}>{clean(text)}</text>'
    )


def wrapped(text: str, width: float, size: float) -> list[str]:
    """``text`` in lines no wider than ``width``; breaks at spaces, in Chinese anywhere."""
    lines, current = [""], 0.0
    pieces: list[str] = []
    for word in text.split(" "):
        wide = any(unicodedata.east_asian_width(c) in "WF" for c in word)
        pieces += [*word, " "] if wide else [word + " "]
    for piece in pieces:
        advance = text_width(piece, size)
        if current + advance > width and lines[-1]:
            lines.append("")
            current = 0.0
        lines[-1] += piece
        current += advance
    return [line.strip() for line in lines][:4]
