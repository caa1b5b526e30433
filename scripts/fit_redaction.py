"""Fit the weights of names (``words/weights.txt``, ``weights_rules.txt``) on the development texts.

Run: ``PYTHONPATH=src python scripts/fit_redaction.py [--check]`` (needs the ``ner`` extra). ``--check``
writes nothing and prints, with the tagger and without, how the candidates fare in five-fold cross-validation
over texts: precision, recall and F1 of exact spans, leaks, and clean texts blocked.
"""

from __future__ import annotations

import argparse
import math
import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from lianfang.guard.redaction import names, weigh
from lianfang.guard.redaction.address import addresses
from lianfang.guard.redaction.normal import View
from lianfang.guard.redaction.numbers import structured
from redactionkit import Text, corpus, study

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "src" / "lianfang" / "guard" / "redaction" / "words"
PENALTY = 3.0


@dataclass
class Table:
    """Candidates of all texts: features, whether marked, the text's number, the place; what there is to find."""

    rows: list[list[float]] = field(default_factory=list)
    marked: list[bool] = field(default_factory=list)
    group: list[int] = field(default_factory=list)
    places: list[tuple[int, int]] = field(default_factory=list)
    wanted: list[set[tuple[int, int]]] = field(default_factory=list)
    clean: list[bool] = field(default_factory=list)


def table(texts: list[Text], tagger: bool) -> Table:
    """Candidates that no other finding covers."""
    made = Table()
    for number, item in enumerate(texts):
        view = View(item.text)
        others = [*structured(view.text, view.digits()), *addresses(view.simplified())]
        marks = [edge for _, start, end in others for edge in (start, end)]
        text = view.simplified()
        used = {i for _, s, e in (*others, *names.plain(text, weak=True)) for i in range(s, e)}
        sure = {(s, e) for _, s, e in names.names(text, marks, weak=False)}
        ruled = sure | {(s, e) for _, s, e in names.names(text, marks, weak=True)}
        gold = {(s, e) for kind, s, e in item.spans if kind == "PERSON"}
        made.clean.append(not item.spans)
        reached = set()
        for start, end, values in weigh.candidates(text, marks, sure, ruled, tagger=tagger):
            if used.isdisjoint(range(start, end)):
                place = (view.at(start), view.end(end))
                made.rows.append(
                    [values.get(name, 0.0) for name in (weigh.FEATURES if tagger else weigh.PLAIN)]
                )
                made.marked.append(place in gold)
                made.group.append(number)
                made.places.append(place)
                reached.add(place)
        covered = {view.at(i) for i in used}
        made.wanted.append({g for g in gold if not covered.issuperset(range(*g))})
    return made


def fit(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Logistic regression with an L2 penalty on all weights but the first."""

    def loss(w: np.ndarray) -> tuple[float, np.ndarray]:
        z = x @ w
        free = np.r_[0.0, w[1:]]
        return float((np.logaddexp(0, z) - y * z).sum() + PENALTY * (free @ free) / 2), x.T @ (
            1 / (1 + np.exp(-z)) - y
        ) + PENALTY * free

    return minimize(loss, np.zeros(x.shape[1]), jac=True, method="L-BFGS-B", options={"maxiter": 2000}).x


def settle(made: Table, z: np.ndarray, least: float, widen: bool) -> dict[int, list[tuple[int, int]]]:
    """What :func:`weigh.settle` takes of each text."""
    scored: dict[int, list[tuple[float, int, int]]] = {}
    for number, (low, high), score in zip(made.group, made.places, z, strict=True):
        if score >= least:
            scored.setdefault(number, []).append((float(score), low, high))
    return {number: weigh.settle(spans, bytearray(10_000), widen=widen) for number, spans in scored.items()}


def check(made: Table, texts: int) -> None:
    x, y = np.array(made.rows), np.array(made.marked, float)
    group = np.array(made.group)
    z = np.zeros(len(y))
    fold = np.random.default_rng(1).integers(0, 5, texts)[group]
    for k in range(5):
        z[fold == k] = x[fold == k] @ fit(x[fold != k], y[fold != k])
    wanted = sum(map(len, made.wanted))
    print(f"{len(y)} candidates, {y.sum():.0f} of {wanted} names among them, {sum(made.clean)} clean texts")
    for threshold in (0.03, 0.05, 0.08, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6):
        taken = settle(made, z, math.log(threshold / (1 - threshold)), threshold <= 0.25)
        given = sum(map(len, taken.values()))
        right = leaked = 0
        for number, gold in enumerate(made.wanted):
            found = set(taken.get(number, ()))
            cover = {i for span in found for i in range(*span)}
            right += len(gold & found)
            leaked += sum(not cover.issuperset(range(*g)) for g in gold)
        blocked = sum(made.clean[number] for number, spans in taken.items() if spans)
        p, r = right / max(1, given), right / wanted
        print(
            f"threshold {threshold:.2f}: P {p:.3f} R {r:.3f} F1 {2 * p * r / (p + r):.3f} "
            f"leaked {leaked / wanted:.3f} blocked {blocked / sum(made.clean):.3f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    texts = [*(item for item in corpus() if not item.held_out), *study()]
    for tagger, features, name in (
        (True, weigh.FEATURES, "weights.txt"),
        (False, weigh.PLAIN, "weights_rules.txt"),
    ):
        made = table(texts, tagger)
        if options.check:
            print("with the tagger" if tagger else "rules alone")
            check(made, len(texts))
            continue
        found = fit(np.array(made.rows), np.array(made.marked, float))
        note = "# Weights of the features in weigh.py, written by scripts/fit_redaction.py."
        lines = [f"{feature} {weight:.4f}" for feature, weight in zip(features, found, strict=True)]
        (TARGET / name).write_text("\n".join([note, *lines]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
