"""Fit the weights of names (``words/weights.txt``) on the development part of ``tests/redaction_corpus``.

Run: ``PYTHONPATH=src python scripts/fit_redaction.py [--check]`` (needs the ``ner`` extra). ``--check``
writes nothing and prints precision, recall and F1 by five-fold cross-validation over texts.
"""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from lianfang.guard.redaction import names, weigh
from lianfang.guard.redaction.address import addresses
from lianfang.guard.redaction.normal import View
from lianfang.guard.redaction.numbers import structured
from redactionkit import Text, corpus

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "src" / "lianfang" / "guard" / "redaction" / "words" / "weights.txt"


def table(texts: list[Text]) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[tuple[int, int]]]:
    """Features, whether a candidate is a marked name, its text's number, its place."""
    rows, marked, group, places = [], [], [], []
    for number, item in enumerate(texts):
        view = View(item.text)
        others = [*structured(view.text, view.digits()), *addresses(view.text)]
        marks = [edge for _, start, end in others for edge in (start, end)]
        text = view.simplified()
        used = {i for _, s, e in (*others, *names.plain(text, weak=True)) for i in range(s, e)}
        sure = {(s, e) for _, s, e in names.names(text, marks, weak=False)}
        ruled = sure | {(s, e) for _, s, e in names.names(text, marks, weak=True)}
        gold = {(s, e) for kind, s, e in item.spans if kind == "PERSON"}
        for start, end, values in weigh.candidates(text, marks, sure, ruled):
            if used.isdisjoint(range(start, end)):
                rows.append(values)
                marked.append((view.at(start), view.end(end)) in gold)
                group.append(number)
                places.append((start, end))
    return np.array(rows), np.array(marked, float), np.array(group), places


def fit(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Logistic regression with an L2 penalty of 1.0 on all weights but the first."""

    def loss(w: np.ndarray) -> tuple[float, np.ndarray]:
        z = x @ w
        free = np.r_[0.0, w[1:]]
        return float((np.logaddexp(0, z) - y * z).sum() + free @ free / 2), x.T @ (
            1 / (1 + np.exp(-z)) - y
        ) + free

    return minimize(loss, np.zeros(x.shape[1]), jac=True, method="L-BFGS-B").x


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    texts = [item for item in corpus() if not item.held_out]
    x, y, group, places = table(texts)
    if not options.check:
        lines = [f"{name} {weight:.4f}" for name, weight in zip(weigh.FEATURES, fit(x, y), strict=True)]
        note = "# Weights of the features in weigh.py, written by scripts/fit_redaction.py."
        TARGET.write_text("\n".join([note, *lines]) + "\n", encoding="utf-8")
        return
    z = np.zeros(len(y))
    fold = np.random.default_rng(1).integers(0, 5, len(texts))[group]
    for k in range(5):
        z[fold == k] = x[fold == k] @ fit(x[fold != k], y[fold != k])
    wanted = y.sum()
    for threshold in (0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.45, 0.5, 0.6):
        taken: dict[int, set[int]] = {}
        right = given = 0
        for i in np.argsort(-z):
            cells = set(range(*places[i]))
            if z[i] < math.log(threshold / (1 - threshold)) or cells & taken.setdefault(int(group[i]), set()):
                continue
            taken[int(group[i])] |= cells
            given, right = given + 1, right + y[i]
        p, r = right / given, right / wanted
        print(
            f"threshold {threshold:.2f}: P {p:.3f} R {r:.3f} F1 {2 * p * r / (p + r):.3f} "
            f"of {wanted:.0f} candidates that are names"
        )


if __name__ == "__main__":
    main()
