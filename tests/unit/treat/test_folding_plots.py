"""The pictures in the docs are those of the figures in benchmarks/RESULTS.md."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from scriptkit import script

ROOT = Path(__file__).resolve().parents[3]


def test_the_committed_pictures_show_the_committed_figures() -> None:
    plots = script("folding_plots")
    text = (ROOT / "benchmarks" / "RESULTS.md").read_text(encoding="utf-8")
    assert len(plots.ROW.findall(text)) == 5
    drawings = plots.drawings(text)
    assert set(drawings) == {"folding-time.svg", "folding-memory.svg"}
    for name, drawing in drawings.items():
        kept = (ROOT / "docs" / "assets" / name).read_text(encoding="utf-8")
        assert drawing.file() == kept, f"{name}: run scripts/folding_plots.py"
        assert ET.fromstring(kept) is not None
    slower = text.replace("29,903  ours   ", "29,903  ours  1")
    assert slower != text
    assert plots.drawings(slower)["folding-time.svg"].file() != drawings["folding-time.svg"].file()
    with pytest.raises(SystemExit):
        plots.drawings("## Folding\n")
