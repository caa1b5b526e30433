"""Complementary suppression beside pytauargus (Tau-Argus with HiGHS): same primaries, as few further cells."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from lianfang.guard.disclosure.cells import ALL, Audit, Cube, Key, suppress

pytauargus = pytest.importorskip("pytauargus", reason="pytauargus is a test dependency")

Case = tuple[str, str, str]


def cases(seed: int, number: int = 900, areas: int = 12) -> list[Case]:
    """Invented cases: area (skewed), age group (six), sex."""
    rng = np.random.default_rng(seed)
    share = 1 / np.arange(1, areas + 1) ** 0.8
    area = rng.choice(areas, number, p=share / share.sum())
    age = rng.choice(6, number, p=[0.05, 0.1, 0.25, 0.3, 0.2, 0.1])
    sex = rng.choice(2, number)
    return [(f"a{a:02}", f"g{b}", f"s{c}") for a, b, c in zip(area, age, sex, strict=True)]


def cube_of(rows: list[Case]) -> Cube:
    cells: dict[Key, int] = dict.fromkeys(
        itertools.product(*(sorted({row[i] for row in rows}) for i in range(3))), 0
    )
    for row in rows:
        cells[row] += 1
    cube = Cube.of(("area", "age", "sex"), cells)
    assert cube is not None
    return cube


def tau(rows: list[Case], method: str, folder: Path) -> tuple[set[Key], set[Key]]:
    """Primary and secondary cells of Tau-Argus, frequency rule 5."""
    data = {
        "area": [r[0] for r in rows], "age": [r[1] for r in rows], "sex": [r[2] for r in rows],
        "one": [1.0] * len(rows),
    }  # fmt: skip
    result = pytauargus.protect(
        data, ["area", "age", "sex"], response="one", safety_rules="FREQ(5,30)", suppress=method,
        workdir=str(folder),
    )  # fmt: skip
    found: dict[str, set[Key]] = {"U": set(), "M": set()}
    for row in result.tables[0].rows:
        key = tuple(ALL if row[d] == "Total" else row[d] for d in ("area", "age", "sex"))
        found.setdefault(row["status"], set()).add(key)
    return found["U"], found["M"]


def narrowest(cube: Cube, hidden: set[Key]) -> float:
    audit = Audit(cube)
    places = {cube.index[key] for key in hidden}
    return min(high - low for low, high in (audit.interval(place, places) for place in places))


def test_as_few_cells_as_tau_argus_and_each_of_them_protected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # its engine leaves logs where it runs
    rows = cases(1)
    cube = cube_of(rows)
    done = suppress(cube, minimum=5, exempt=lambda key: all(part == ALL for part in key))
    assert done is not None
    primary, further = done
    assert narrowest(cube, primary | further) >= 4
    for method in ("OPT(1)", "MOD(1)"):
        unsafe, secondary = tau(rows, method, tmp_path / method[:3])
        assert unsafe == primary
        assert len(primary | further) <= 1.1 * len(unsafe | secondary)
