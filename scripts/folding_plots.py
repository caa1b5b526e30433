"""Draws time and memory of folding against length, from the figures printed in benchmarks/RESULTS.md.

python scripts/folding_plots.py          # writes docs/assets/folding-time.svg and folding-memory.svg
"""

from __future__ import annotations

import re
from pathlib import Path

from lianfang.foundation import svg

ROOT = Path(__file__).resolve().parents[1]
ROW = re.compile(
    r"^ *([\d,]+) +ours +([\d.]+) s +-[\d.]+ +(\d+) MB +pairs ([\d.]+) times that"
    r".*?LinearFold-V +([\d.]+) s +-[\d.]+ +(\d+) MB",
    re.MULTILINE,
)
VIENNA = re.compile(r"^ *([\d,]+) +ours.*\n +RNAfold MFE ([\d.]+) s", re.MULTILINE)


def drawings(text: str) -> dict[str, svg.Drawing]:
    """The two pictures of a table of figures, by the names of their files; what was not measured leaves a gap."""
    text = text[text.index("## Folding") :]
    rows = [[float(one.replace(",", "")) for one in match] for match in ROW.findall(text)]
    exact = {float(length.replace(",", "")): float(seconds) for length, seconds in VIENNA.findall(text)}
    if len(rows) < 3:
        raise SystemExit("The figures of benchmarks/folding.py are not in RESULTS.md as it prints them.")
    lengths = [row[0] for row in rows]
    time = svg.line(
        lengths,
        [
            svg.Line("Lianfang", [row[1] for row in rows]),
            svg.Line("Lianfang, pair probabilities", [row[1] * row[3] for row in rows]),
            svg.Line("LinearFold-V", [row[4] for row in rows]),
            svg.Line("RNAfold MFE", [exact.get(length) for length in lengths]),
        ],
        title="CPU seconds by bases, beam 100 折叠用时（CPU 秒）", y_label="s", width=760, height=340,
    )  # fmt: skip
    memory = svg.line(
        lengths,
        [svg.Line("Lianfang", [row[2] for row in rows]), svg.Line("LinearFold-V", [row[5] for row in rows])],
        title="Peak memory of the process by bases, beam 100 内存峰值", y_label="MB", width=760, height=340,
    )  # fmt: skip
    return {"folding-time.svg": time, "folding-memory.svg": memory}


def main() -> None:
    found = drawings((ROOT / "benchmarks" / "RESULTS.md").read_text("utf-8"))
    for name, drawing in found.items():
        (ROOT / "docs" / "assets" / name).write_text(drawing.file(), encoding="utf-8")


if __name__ == "__main__":
    main()
