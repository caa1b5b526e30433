"""Disclosure: suppression beside Tau-Argus, 200 daily bulletins under attack, microdata, exact noise.

Run: ``PYTHONPATH=src:tests python benchmarks/disclosure.py [--days 200]`` (times are processor time)
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import polars as pl

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "peer"))

from disclosurekit import centre, city_cards, publish_days
from lianfang.guard import attack
from lianfang.guard.disclosure import protect as protecting
from lianfang.guard.disclosure.cells import ALL, suppress
from lianfang.guard.disclosure.microdata import Rule, bands, protect
from lianfang.guard.disclosure.noise import noisy


def cpu() -> float:
    return time.process_time()


def suppression() -> None:
    try:
        from test_disclosure_tauargus import cases, cube_of, narrowest, tau
    except BaseException as error:  # pytest.importorskip skips with its own exception
        print(f"pytauargus is not installed: no comparison ({type(error).__name__})")
        return
    print(
        "900 cases, 12 areas x 6 ages x 2 sexes, 273 cells; primary + further cells withheld, narrowest interval"
    )
    for seed in (1, 2, 3):
        rows = cases(seed)
        cube = cube_of(rows)
        start = cpu()
        done = suppress(cube, minimum=5, exempt=lambda key: all(part == ALL for part in key))
        spent = cpu() - start
        assert done is not None
        hidden = done[0] | done[1]
        print(f"  lianfang  {len(done[0])} + {len(done[1])}  {narrowest(cube, hidden):.0f}  {spent:.2f} s")
        for method in ("OPT(1)", "MOD(1)"):
            with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
                start = cpu()
                primary, further = tau(rows, method, Path(folder) / "run")
                spent = cpu() - start
            ratio = len(hidden) / len(primary | further)
            print(
                f"  {method:<8}  {len(primary)} + {len(further)}  {narrowest(cube, primary | further):.0f}  "
                f"{spent:.2f} s  ours/theirs {ratio:.3f}"
            )


@contextlib.contextmanager
def installation() -> Iterator[Any]:
    with tempfile.TemporaryDirectory() as folder:
        inst = centre(Path(folder) / "home")
        try:
            yield inst
        finally:
            inst.close()


def releases(days: int, seed: int) -> None:
    cards = city_cards(10 + days, seed=seed)
    for name, check in (("checked together", True), ("each alone", False)):
        with installation() as inst:
            start = cpu()
            if check:
                made = publish_days(inst, cards, 10, days)
            else:
                with patch.object(protecting._Case, "holds", lambda *_: True):
                    made = publish_days(inst, cards, 10, days)
            published = cpu() - start
        tables = [t for r in made for t in r["tables"] if t["name"] == "by_district"]
        rows = [row["count"] for t in tables if t["dimensions"] for row in t["rows"]]
        start = cpu()
        report = attack.attack(made)
        print(
            f"  city {seed}, {days} bulletins, {name}: {len(report.certain)} cells and "
            f"{len(report.differences)} differences recovered of {rows.count(None)} withheld; "
            f"{len(rows) - rows.count(None)} of {len(rows)} district counts told, "
            f"{sum(not t['dimensions'] for t in tables)} days in total only; "
            f"{published / days:.2f} s a bulletin, attack {cpu() - start:.1f} s"
        )


def microdata() -> None:
    rng = np.random.default_rng(1)
    sizes = {"age": 72, "work": 7, "education": 16, "marital": 7, "race": 5, "sex": 2}

    def skewed(m: int) -> np.ndarray[Any, Any]:
        share = 1 / np.arange(1, m + 1) ** 1.1
        return rng.choice(m, 30_162, p=share / share.sum())

    frame = pl.DataFrame({name: skewed(m) for name, m in sizes.items()})
    levels = {
        name: bands([str(i) for i in range(sizes[name])], widths)
        for name, widths in {
            "age": [5, 10, 20, 40], "education": [2, 4, 8], "work": [2, 4], "marital": [2, 4], "race": [2],
        }.items()
    }  # fmt: skip
    for method in ("full_domain", "mondrian"):
        start = cpu()
        made = protect(frame, quasi=list(sizes), rule=Rule(5), hierarchies=levels, method=method)
        print(
            f"  30,162 x 6, k=5, {method}: {cpu() - start:.2f} s, left out {made.suppressed / 30_162:.2%}, "
            f"loss {made.loss:.3f}, {made.measures.classes} classes"
        )


def noise() -> None:
    cells = {str(i): 9 for i in range(10_000)}
    start = cpu()
    made = noisy(cells, Fraction(44, 100))
    spent = cpu() - start
    error = sum(abs(value - 9) for value in made.values()) / len(made)
    start = cpu()
    rng = np.random.default_rng(0)
    p = 1 - np.exp(-0.44)
    rng.geometric(p, 10_000) - rng.geometric(p, 10_000)
    print(
        f"  10,000 cells, epsilon 0.44: exact {spent:.2f} s, mean error {error:.2f}; "
        f"numpy, not exact, {cpu() - start:.4f} s"
    )


if __name__ == "__main__":
    options = argparse.ArgumentParser()
    options.add_argument("--days", type=int, default=200)
    days = options.parse_args().days
    suppression()
    microdata()
    noise()
    releases(days, 24)
    releases(min(days, 60), 25)
    releases(min(days, 60), 7)
