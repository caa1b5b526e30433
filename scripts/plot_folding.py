"""Draws what ``benchmarks/folding.py --points`` measured: CPU time and peak memory of folding against length.

    python benchmarks/folding.py NC_045512.2.fasta --peers VENV/bin/python --points benchmarks/folding.json
    python scripts/plot_folding.py benchmarks/folding.json docs/assets

writes ``folding-time.svg`` and ``folding-memory.svg``. The same figures give the same bytes.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from lianfang.foundation import svg

OURS, PAIRS, PEER, CUBIC = (
    "Lianfang",
    "Lianfang, pair probabilities",
    "LinearFold-V",
    "RNAfold (least energy)",
)


def drawings(points: list[dict]) -> dict[str, svg.Drawing]:
    """The two pictures by the names of their files; what was not measured at a length leaves a gap."""
    bases = [point["bases"] for point in points]

    def line(label: str, key: str) -> svg.Line:
        return svg.Line(label, [point.get(key) for point in points])

    size = {"width": 760, "height": 340}
    time = svg.line(
        bases,
        [line(OURS, "ours"), line(PAIRS, "pairs"), line(PEER, "peer"), line(CUBIC, "cubic")],
        title="CPU seconds by length of the sequence 折叠用时（CPU 秒）",
        desc="Prefixes of the SARS-CoV-2 genome, beam 100. Ours and LinearFold-V grow with the length, RNAfold with "
        "more than its square.",
        y_label="CPU s",
        **size,
    )
    memory = svg.line(
        bases,
        [line(OURS, "memory"), line(PEER, "peer_memory")],
        title="Peak memory of the process by length 内存峰值（MB）",
        desc="Prefixes of the SARS-CoV-2 genome, beam 100. Some 160 MB of ours are Python, NumPy and Numba.",
        y_label="MB",
        **size,
    )
    return {"folding-time.svg": time, "folding-memory.svg": memory}


def main() -> None:
    source, target = Path(sys.argv[1]), Path(sys.argv[2])
    for name, drawing in drawings(json.loads(source.read_text(encoding="utf-8"))).items():
        (target / name).write_text(drawing.file(), encoding="utf-8")
        print(target / name)


if __name__ == "__main__":
    main()
