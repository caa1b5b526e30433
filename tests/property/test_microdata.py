"""Microdata against plain group-by references and a transport programme for the earth mover's distance."""

from __future__ import annotations

import math
import random
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.optimize import linprog

from lianfang.foundation.errors import BadInput, Refused
from lianfang.guard.disclosure.microdata import Rule, bands, measure, prefixes, protect

ILLNESSES = {
    "flu": ["airways", "breath", "all"], "pneumonia": ["airways", "breath", "all"],
    "embolism": ["vessels", "breath", "all"], "ulcer": ["stomach", "gut", "all"],
    "gastritis": ["stomach", "gut", "all"], "colitis": ["colon", "gut", "all"],
}  # fmt: skip
GRADES = ["mild", "moderate", "severe", "critical"]


def records(seed: int, number: int = 120) -> list[dict[str, str]]:
    rng = random.Random(seed)
    return [
        {
            "age": str(min(int(rng.expovariate(1 / 35)), 99)),
            "district": rng.choice(["429901", "429901", "429902", "429903", "420102"]),
            "sex": rng.choice(["m", "f"]),
            "illness": rng.choice(list(ILLNESSES)),
            "grade": rng.choices(GRADES, [6, 3, 2, 1])[0],
        }
        for _ in range(number)
    ]


QUASI = ["age", "district", "sex"]


def classes(rows: list[dict[str, str]], sensitive: str) -> list[list[str]]:
    found: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for row in rows:
        found[tuple(row[q] for q in QUASI)].append(row[sensitive])
    return list(found.values())


def transport(p: Counter[str], q: Counter[str], far: Callable[[str, str], float]) -> float:
    """Least cost of moving one distribution to the other, as a linear programme over all flows."""
    names = sorted(set(p) | set(q))
    n = len(names)
    cost = [far(a, b) for a in names for b in names]
    rows = np.zeros((2 * n, n * n))
    for i in range(n):
        rows[i, i * n : (i + 1) * n] = 1
        rows[n + i, i::n] = 1
    right = [p[a] / p.total() for a in names] + [q[a] / q.total() for a in names]
    return float(linprog(cost, A_eq=rows, b_eq=right, bounds=(0, None), method="highs").fun)


def along_tree(a: str, b: str) -> float:
    if a == b:
        return 0.0
    return next(i for i, (x, y) in enumerate(zip(ILLNESSES[a], ILLNESSES[b], strict=True), 1) if x == y) / 3


@pytest.mark.parametrize("kind", ["equal", "ordered", "tree"])
def test_measures_equal_the_plain_reference(kind: str, count: Callable[[int, int], int]) -> None:
    for seed in range(count(6, 40)):
        rows = records(seed, 40)
        sensitive = "grade" if kind == "ordered" else "illness"
        rule = Rule(
            1, ordered=GRADES if kind == "ordered" else None, tree=ILLNESSES if kind == "tree" else None
        )
        found = measure(rows, quasi=QUASI, sensitive=sensitive, rule=rule)
        groups = classes(rows, sensitive)
        assert found.k == min(map(len, groups)) and found.classes == len(groups)
        assert found.alone == sum(len(g) == 1 for g in groups)
        assert found.distinct == min(len(set(g)) for g in groups)
        shares = [[n / len(g) for n in Counter(g).values()] for g in groups]
        assert found.entropy == pytest.approx(min(math.exp(-sum(s * math.log(s) for s in g)) for g in shares))
        whole = Counter(row[sensitive] for row in rows)
        far: dict[str, Callable[[str, str], float]] = {
            "equal": lambda a, b: float(a != b),
            "ordered": lambda a, b: abs(GRADES.index(a) - GRADES.index(b)) / (len(GRADES) - 1),
            "tree": along_tree,
        }
        worst = max(transport(Counter(g), whole, far[kind]) for g in groups)
        assert found.t == pytest.approx(worst, abs=1e-7)


def hierarchies(rows: list[dict[str, str]]) -> dict[str, dict[str, list[str]]]:
    return {
        "age": bands([r["age"] for r in rows], [5, 10, 20]),
        "district": prefixes([r["district"] for r in rows], [4, 2]),
    }


@pytest.mark.parametrize("method", ["full_domain", "mondrian"])
@pytest.mark.parametrize("rule", [Rule(5), Rule(4, distinct=3), Rule(4, entropy=1.8), Rule(4, t=0.45)])
def test_what_comes_out_keeps_the_rule(method: str, rule: Rule, count: Callable[[int, int], int]) -> None:
    for seed in range(count(4, 25)):
        rows = records(seed)
        made = protect(
            rows, quasi=QUASI, rule=rule, hierarchies=hierarchies(rows), sensitive="illness",
            max_suppressed=0.1, method=method,
        )  # fmt: skip
        out: list[dict[str, Any]] = made.frame.to_dicts()
        groups = classes(out, "illness")
        assert min(map(len, groups)) >= rule.k
        assert min(len(set(g)) for g in groups) >= rule.distinct
        assert len(out) + made.suppressed == len(rows) and made.suppressed <= 0.1 * len(rows)
        assert 0 <= made.loss <= 1 and set(made.frame.columns) == {*QUASI, "illness"}
        if rule.t is not None:
            whole = Counter(row["illness"] for row in out)
            assert (
                max(transport(Counter(g), whole, lambda a, b: float(a != b)) for g in groups) <= rule.t + 1e-6
            )


def test_full_domain_finds_the_least_loss_of_all_levels() -> None:
    """Every combination of levels, one by one."""
    import itertools

    for seed in range(4):
        rows = records(seed, 60)
        levels = hierarchies(rows)
        made = protect(rows, quasi=QUASI, rule=Rule(4), hierarchies=levels, max_suppressed=0.1)
        lines = {q: {v: [v, *levels[q][v]] for v in levels[q]} for q in levels}
        lines["sex"] = {v: [v, "*"] for v in "mf"}
        best = 1.0
        for node in itertools.product(range(5), range(4), range(2)):
            shown = [tuple(lines[q][r[q]][n] for q, n in zip(QUASI, node, strict=True)) for r in rows]
            sizes = Counter(shown)
            out = sum(n for n in sizes.values() if n < 4)
            if out > 6:
                continue
            base = 0.0
            for q, level in zip(QUASI, node, strict=True):
                groups = Counter(line[level] for line in lines[q].values())
                base += sum(
                    (groups[lines[q][r[q]][level]] - 1) / max(len(lines[q]) - 1, 1) for r in rows
                ) / len(rows) / 3  # fmt: skip
            best = min(best, (base * (len(rows) - out) + out) / len(rows))
        assert made.loss == pytest.approx(best)


def test_what_cannot_be_reached_is_refused_and_what_is_wrong_is_bad_input() -> None:
    rows = records(1, 20)
    with pytest.raises(Refused):
        protect(rows, quasi=QUASI, rule=Rule(21), method="mondrian")
    with pytest.raises(Refused):
        protect(rows, quasi=QUASI, rule=Rule(21))
    with pytest.raises(BadInput):
        protect(rows, quasi=["age", "name"], rule=Rule(2))
    with pytest.raises(BadInput):
        protect(rows, quasi=QUASI, rule=Rule(2, distinct=2))
    with pytest.raises(BadInput, match="splits"):
        bad = {"sex": {"m": ["x", "a"], "f": ["x", "b"]}}
        protect(rows, quasi=["sex"], rule=Rule(2), hierarchies=bad)
    with pytest.raises(BadInput):
        bands(["1"], [5, 12])
