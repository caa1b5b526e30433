"""Two ways to make records alike: whole columns coarser (full-domain), or boxes of records (Mondrian)."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lianfang.foundation.errors import BadInput, Refused

if TYPE_CHECKING:
    from lianfang.guard.disclosure.microdata import Codes, Column, Rule, Sensitive

Node = tuple[int, ...]


def full_domain(
    columns: Sequence[Column], values: Sensitive | None, rule: Rule, max_suppressed: float
) -> tuple[NDArray[np.bool_], Node, float]:
    """The levels with the least loss at which at most this share of records has to be left out.

    A node of the lattice can be no better than its pairs of columns allow: where two columns alone leave too many
    records in small classes, no node above those two levels has to be looked at (Incognito's subset property,
    LeFevre, DeWitt and Ramakrishnan 2005). The rest is visited by loss, until nothing better can come.

    Returns which records stay, the levels, and the loss (a record left out counts 1).
    """
    from lianfang.guard.disclosure.microdata import MAX_NODES

    heights = [range(len(column.codes)) for column in columns]
    count = int(np.prod([len(h) for h in heights]))
    if count > MAX_NODES:
        raise BadInput(f"the hierarchies make {count} combinations; at most {MAX_NODES} are searched.")
    n = len(columns[0].codes[0])
    allowed = int(max_suppressed * n)
    alone = _hopeless(columns, rule.k, allowed)
    nodes = sorted(
        (
            (
                sum(column.loss[level] for column, level in zip(columns, node, strict=True)) / len(columns),
                node,
            )
            for node in itertools.product(*heights)
            if not any(
                (i, node[i], j, node[j]) in alone for i, j in itertools.combinations(range(len(node)), 2)
            )
        ),
    )
    best: tuple[float, Node, NDArray[np.bool_]] | None = None
    failed: list[Node] = []
    for base, node in nodes:
        if best is not None and base >= best[0]:
            break
        # with whole columns a finer node has no larger classes than a coarser one that failed by size alone
        if any(all(a <= b for a, b in zip(node, other, strict=True)) for other in failed):
            continue
        keep = _evaluate(columns, node, values, rule)
        out = int((~keep).sum())
        if out > allowed:
            if values is None:
                failed.append(node)
            continue
        loss = (base * (n - out) + out) / n
        if best is None or loss < best[0]:
            best = loss, node, keep
    if best is None:
        raise Refused(
            "The rule cannot be reached with these hierarchies.", reasons=("microdata",),
            hint="Coarser levels, a smaller k, or more records left out.", code="microdata",
        )  # fmt: skip
    return best[2], best[1], best[0]


def _evaluate(
    columns: Sequence[Column], node: Node, values: Sensitive | None, rule: Rule
) -> NDArray[np.bool_]:
    """Which records lie in a class that satisfies the rule at this node, also once the others are gone."""
    from lianfang.guard.disclosure.microdata import _joined, failing

    classes = _joined([column.codes[level] for column, level in zip(columns, node, strict=True)])
    keep = ~failing(classes, values, rule)[classes]
    while values is not None and rule.t is not None and keep.any():
        # leaving records out moves the whole, and with it every distance
        rows = np.flatnonzero(keep)
        kept = np.unique(classes[rows], return_inverse=True)[1].astype(np.int64)
        bad = failing(kept, values.of(rows, alone=True), rule)[kept]
        if not bad.any():
            break
        keep[rows[bad]] = False
    return keep


def _hopeless(columns: Sequence[Column], k: int, allowed: int) -> set[tuple[int, int, int, int]]:
    """(column, level, column, level) that alone leave too many records in classes smaller than k."""
    from lianfang.guard.disclosure.microdata import _joined

    found = set()
    for (i, one), (j, two) in itertools.combinations(enumerate(columns), 2):
        for a, b in itertools.product(range(len(one.codes)), range(len(two.codes))):
            sizes = np.bincount(_joined([one.codes[a], two.codes[b]]))
            if int(sizes[sizes < k].sum()) > allowed:
                found.add((i, a, j, b))
    return found


def boxes(
    texts: dict[str, list[str]], values: Sensitive | None, rule: Rule
) -> tuple[dict[str, list[str]], float]:
    """Mondrian with strict cuts: a box is cut at the median of its widest column while both halves keep the rule.

    Numbers are ordered as numbers, other values by their text. Returns the shown values by column, and the loss.
    """
    from lianfang.guard.disclosure.microdata import failing

    names = list(texts)
    orders = [_order(texts[name]) for name in names]
    codes = np.column_stack([code for _, code in orders])
    spans = np.maximum([len(order) - 1 for order, _ in orders], 1)
    n = len(codes)
    shown: dict[str, list[str]] = {name: [""] * n for name in names}
    loss = 0.0

    def fits(rows: NDArray[np.int64]) -> bool:
        if len(rows) < rule.k:
            return False
        if values is None:
            return True
        return not failing(np.zeros(len(rows), dtype=np.int64), values.of(rows), rule).any()

    if not fits(np.arange(n)):
        raise Refused(
            "All records together do not satisfy the rule.", reasons=("microdata",), code="microdata"
        )
    waiting = [np.arange(n)]
    while waiting:
        rows = waiting.pop()
        low, high = codes[rows].min(axis=0), codes[rows].max(axis=0)
        cut = None
        for axis in np.argsort(-(high - low) / spans, kind="stable") if len(rows) >= 2 * rule.k else ():
            if low[axis] == high[axis]:
                break
            inside = codes[rows, axis]
            middle = np.partition(inside, (len(inside) - 1) // 2)[(len(inside) - 1) // 2]
            at = inside <= (middle if middle < high[axis] else middle - 1)
            left, right = rows[at], rows[~at]
            if fits(left) and fits(right):
                cut = left, right
                break
        if cut is not None:
            waiting += cut
            continue
        loss += len(rows) * float(((high - low) / spans).mean())
        for axis, name in enumerate(names):
            order = orders[axis][0]
            first, last = order[low[axis]], order[high[axis]]
            text = first if first == last else f"{first} .. {last}"
            for row in rows.tolist():
                shown[name][row] = text
    return shown, loss / n


def _order(values: list[str]) -> tuple[list[str], Codes]:
    """The different values in their order, and each record's place in it."""
    different = sorted(set(values), key=lambda v: (0, float(v), v) if _number(v) else (1, 0.0, v))
    place = {value: i for i, value in enumerate(different)}
    return different, np.asarray([place[value] for value in values], dtype=np.int64)


def _number(text: str) -> bool:
    try:
        return abs(float(text)) < float("inf")
    except ValueError:
        return False
