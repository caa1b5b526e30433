"""The pictures in the docs are those of the figures that are committed beside the benchmark."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

from scriptkit import script

ROOT = Path(__file__).resolve().parents[3]


def test_the_committed_pictures_show_the_committed_figures() -> None:
    plots = script("plot_folding")
    points = json.loads((ROOT / "benchmarks" / "folding.json").read_text(encoding="utf-8"))
    assert [point["bases"] for point in points] == [1000, 2000, 4000, 10_000, 29_903]
    drawings = plots.drawings(points)
    assert set(drawings) == {"folding-time.svg", "folding-memory.svg"}
    for name, drawing in drawings.items():
        kept = (ROOT / "docs" / "assets" / name).read_text(encoding="utf-8")
        assert drawing.file() == kept, f"{name}: run scripts/plot_folding.py"
        assert ET.fromstring(kept) is not None
    slower = [point | {"ours": point["ours"] * 2} for point in points]
    assert plots.drawings(slower)["folding-time.svg"].file() != drawings["folding-time.svg"].file()
