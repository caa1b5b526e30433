"""Pictures of regions: every pair of a near one is an arc, a whole genome stays small, the letters are the bases."""

from __future__ import annotations

import random
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from lianfang.foundation.errors import BadInput
from lianfang.treat import folding
from lianfang.treat.folding import arcs
from lianfang.treat.folding import region as drawing
from lianfang.treat.folding.sequences import partners

SVG = "{http://www.w3.org/2000/svg}"


def drawn(fold: folding.Fold, start: int, end: int, **more):  # type: ignore[no-untyped-def]
    alone = np.full(len(fold.sequence), 0.5)
    made = drawing.region(fold, arcs.helices(fold.structure), start, end, alone=alone, **more)
    return ET.fromstring(made.file()), made


def arc_titles(root: ET.Element) -> set[str]:
    group = next(one for one in root.iter(f"{SVG}g") if one.get("clip-path"))
    return {one.text or "" for one in group.iter(f"{SVG}title")}


@pytest.mark.parametrize(("start", "end"), [(1, 120), (40, 90), (100, 399), (381, 400)])
def test_near_by_each_pair_with_a_base_in_the_region_is_an_arc(start: int, end: int) -> None:
    fold = folding.fold("".join(random.Random(5).choices("ACGU", k=400)))
    partner = partners(fold.structure)
    wanted = {
        f"{i + 1} : {j + 1}"
        for i, j in enumerate(partner.tolist())
        if j > i and (start <= i + 1 <= end or start <= j + 1 <= end)
    }
    root, _ = drawn(fold, start, end)
    assert arc_titles(root) == wanted


def test_a_genome_sized_picture_stays_small_and_counts_what_it_does_not_draw() -> None:
    structure = "((((((((....))))))))" * 1500
    fold = folding.Fold("GGGGGGGGAAAACCCCCCCC" * 1500, structure, -1.0)
    root, made = drawn(fold, 1, 30_000)
    assert len(made.file()) < 250_000
    assert arc_titles(root) == set()  # 20 bases are less than a dot
    assert "1,500 further helices" in made.desc
    assert any(one.get("class") == "lf-f3" for one in root.iter(f"{SVG}path"))
    nested = folding.Fold("G" * 9000 + "A" * 10 + "C" * 9000, "(" * 9000 + "." * 10 + ")" * 9000, -1.0)
    _, made = drawn(nested, 1, 18_010)
    assert "1 arcs" in made.desc


def test_the_widest_are_drawn_when_there_are_too_many() -> None:
    inner = "".join("(" * 2 + "." for _ in range(2000)) + "...." + "".join("." + ")" * 2 for _ in range(2000))
    fold = folding.Fold("A" * len(inner), inner, -1.0)
    root, made = drawn(fold, 1, len(inner))
    assert len(arc_titles(root)) == drawing.MOST_ARCS
    assert "800 further helices" in made.desc
    assert f"1-2 : {len(inner) - 1}-{len(inner)}" in arc_titles(root)


def test_letters_marks_and_words() -> None:
    fold = folding.fold("GGGGGAAAACCCCCAUAUAUAUGGGGCAAAGCCCC")
    marks = [("<b>&", 3, 9), ("far", 300, 320)]
    root, made = drawn(fold, 1, 35, marks=marks, lang="zh")
    letters = [one.text for one in root.iter(f"{SVG}text") if " " in (one.get("x") or "")]
    assert letters == [fold.sequence]
    assert any(one.text == "<b>& 3-9" for one in root.iter(f"{SVG}title"))
    assert "far" not in made.body and "<b>" not in made.body
    assert made.title == "二级结构：1–35"


def test_arcs_have_one_shape_and_the_widest_within_fits() -> None:
    fold = folding.fold("".join(random.Random(9).choices("ACGU", k=900)))
    for start, end in ((1, 900), (300, 420), (450, 459)):
        _, made = drawn(fold, start, end)
        sizes = [(float(a), float(b)) for a, b in re.findall(r"A([\d.]+) ([\d.]+) 0 0 1", made.body)]
        shapes = [tall / across for across, tall in sizes if across > 20]
        assert max(shapes, default=1) - min(shapes, default=1) < 0.02
        assert 'clip-path="url(#' in made.body
    _, made = drawn(fold, 1, 900)
    assert all(float(tall) <= drawing.AXIS for _, tall in re.findall(r"A([\d.]+) ([\d.]+) 0", made.body))


@pytest.mark.parametrize(("start", "end"), [(0, 50), (5, 4), (1, 36), (1, 5), (35, 35)])
def test_regions_that_are_none_are_refused(start: int, end: int) -> None:
    fold = folding.fold("GGGGGAAAACCCCCAUAUAUAUGGGGCAAAGCCCC")
    with pytest.raises(BadInput):
        drawn(fold, start, end)
    tiny = folding.fold("ACGU")
    assert "4 bases" in drawn(tiny, 1, 4)[1].desc
