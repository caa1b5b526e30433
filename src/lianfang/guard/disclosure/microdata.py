"""Single records (microdata): how far each hides among others, and making them hide.

* k-anonymity: each combination of quasi-identifiers is shared by at least k records (Sweeney 2002).
* l-diversity: among those that share one there are l well-represented sensitive values; counted as distinct
  values, as the exponential of their entropy, or as recursive (c, l)-diversity (Machanavajjhala et al. 2007).
* t-closeness: the sensitive values of each such class lie within distance t of those of all records, by the earth
  mover's distance over equal, ordered or hierarchical values (Li, Li and Venkatasubramanian 2007).

:func:`protect` reaches them by generalising whole columns along hierarchies and suppressing a bounded share of
records (full-domain), or by cutting the records into boxes (Mondrian; LeFevre, DeWitt and Ramakrishnan 2006).
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lianfang.foundation.errors import BadInput, Refused

if TYPE_CHECKING:
    import polars as pl

MAX_ROWS = 2_000_000
MAX_QUASI = 12
MAX_NODES = 200_000
STAR = "*"

Codes = NDArray[np.int64]
Hierarchy = Mapping[str, Sequence[str]]  # value -> its generalisations, from fine to coarse


@dataclass(frozen=True)
class Rule:
    """What is asked of every class of records. ``ordered``: the sensitive values in order, for the distance.
    ``tree``: sensitive value -> its ancestors from near to far, all of the same number, for the distance."""

    k: int
    distinct: int = 1
    entropy: float = 1.0
    t: float | None = None
    ordered: Sequence[str] | None = None
    tree: Hierarchy | None = None

    def __post_init__(self) -> None:
        if (
            self.k < 1
            or self.distinct < 1
            or self.entropy < 1
            or (self.t is not None and not 0 <= self.t <= 1)
        ):
            raise BadInput("k and l are whole numbers from 1, t lies between 0 and 1.")


@dataclass(frozen=True)
class Measures:
    """k, l (distinct, entropy) and t of records as they are; ``alone``: records that share with nobody."""

    records: int
    classes: int
    k: int
    alone: int
    distinct: int | None = None
    entropy: float | None = None
    t: float | None = None


@dataclass(frozen=True)
class Protected:
    """Records that may be shown. ``levels``: the height of each column in its hierarchy (full-domain).
    ``loss``: mean certainty penalty, 0 nothing lost to 1 all; a suppressed record counts 1."""

    frame: pl.DataFrame
    levels: dict[str, int]
    suppressed: int
    loss: float
    measures: Measures


def _frame(raw: Any) -> pl.DataFrame:
    import narwhals as nw
    import polars as pl

    if isinstance(raw, list):
        made = pl.DataFrame(raw)
    else:
        try:
            made = nw.from_native(raw, eager_only=True).to_polars()
        except TypeError:
            raise BadInput("records: a frame or a list of rows is expected.") from None
    if made.height > MAX_ROWS:
        raise BadInput(f"more than {MAX_ROWS} records.")
    return made


def _columns(frame: pl.DataFrame, quasi: Sequence[str], sensitive: str | None) -> None:
    if not 1 <= len(quasi) <= MAX_QUASI or len(set(quasi)) != len(quasi):
        raise BadInput(f"1 to {MAX_QUASI} different quasi-identifiers are expected.")
    missing = [c for c in (*quasi, *([sensitive] if sensitive else [])) if c not in frame.columns]
    if missing or sensitive in quasi:
        raise BadInput(f"{len(missing)} of the named columns are not in the records, or one is named twice.")


def _values(frame: pl.DataFrame, column: str) -> list[str]:
    return ["" if v is None else str(v) for v in frame[column].to_list()]


def _coded(values: Sequence[str]) -> tuple[list[str], Codes]:
    names, codes = np.unique(np.asarray(values, dtype=object).astype(str), return_inverse=True)
    return [str(name) for name in names], codes.astype(np.int64)


def _joined(codes: Sequence[Codes]) -> Codes:
    """One code per combination, numbered from 0."""
    whole = codes[0]
    for part in codes[1:]:
        whole = whole * (int(part.max(initial=0)) + 1) + part
        if int(whole.max(initial=0)) > 4 * len(whole):  # keep numbers small
            whole = np.unique(whole, return_inverse=True)[1].astype(np.int64)
    return np.unique(whole, return_inverse=True)[1].astype(np.int64)


class Sensitive:
    """The sensitive column with the distance between its values."""

    def __init__(self, values: Sequence[str], rule: Rule) -> None:
        names, self.codes = _coded(values)
        if rule.ordered is not None:
            place = {str(name): i for i, name in enumerate(rule.ordered)}
            if not set(names) <= place.keys():
                raise BadInput("ordered: some sensitive values are not in the order given.")
            self.codes = np.asarray([place[name] for name in names])[self.codes]
            names = [str(name) for name in rule.ordered]
        self.size = len(names)
        self.order = rule.ordered is not None
        self.levels: list[Codes] = []
        if rule.tree is not None:
            lines = [rule.tree.get(name) for name in names]
            if any(not line for line in lines) or len({len(line or ()) for line in lines}) != 1:
                raise BadInput("tree: each sensitive value has the same number of ancestors.")
            self.levels = [
                _coded([str((line or ())[level]) for line in lines])[1]
                for level in range(len(lines[0] or ()))
            ]
        self.whole = np.bincount(self.codes, minlength=self.size) / max(len(self.codes), 1)

    def of(self, rows: NDArray[np.int64], *, alone: bool = False) -> Sensitive:
        """The column of some records, compared with all records or, ``alone``, with each other only."""
        part = copy.copy(self)
        part.codes = self.codes[rows]
        if alone:
            part.whole = np.bincount(part.codes, minlength=self.size) / max(len(rows), 1)
        return part

    def counts(self, classes: Codes) -> NDArray[np.float64]:
        """Class x value counts."""
        n = int(classes.max(initial=-1)) + 1
        flat = np.bincount(classes * self.size + self.codes, minlength=n * self.size)
        return flat.reshape(n, self.size).astype(float)

    def distance(self, counts: NDArray[np.float64]) -> NDArray[np.float64]:
        """Earth mover's distance of each class to all records."""
        apart = counts / counts.sum(axis=1, keepdims=True) - self.whole
        if self.order:
            far: NDArray[np.float64] = np.abs(np.cumsum(apart, axis=1)).sum(axis=1) / max(self.size - 1, 1)
            return far
        if self.levels:
            return self._along_tree(apart)
        half: NDArray[np.float64] = np.abs(apart).sum(axis=1) / 2
        return half

    def _along_tree(self, apart: NDArray[np.float64]) -> NDArray[np.float64]:
        """At each node what its children can't settle among themselves goes up (Li et al. 2007, section 4.4)."""
        height = len(self.levels)
        total = np.zeros(len(apart))
        below = apart
        owner = np.arange(self.size)
        for level, parents in enumerate(self.levels, start=1):
            n = int(parents.max()) + 1
            up = np.zeros(int(owner.max()) + 1, dtype=np.int64)
            up[owner] = parents  # node of the level below -> its parent
            sums = [np.zeros((len(apart), n)) for _ in range(2)]
            for child in range(below.shape[1]):
                sums[0][:, up[child]] += np.maximum(below[:, child], 0)
                sums[1][:, up[child]] += np.maximum(-below[:, child], 0)
            total += (level / height) * np.minimum(*sums).sum(axis=1)
            below = sums[0] - sums[1]
            owner = parents
        return total


def _entropy(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    share = counts / counts.sum(axis=1, keepdims=True)
    logs = np.log(share, out=np.zeros_like(share), where=share > 0)
    return np.asarray(np.exp(-(share * logs).sum(axis=1)))


def recursive(counts: Sequence[int], c: float, l: int) -> bool:  # noqa: E741
    """Recursive (c, l)-diversity of one class: its commonest value occurs less than c times the sum of the
    l-th commonest and all rarer ones."""
    ordered = sorted((n for n in counts if n > 0), reverse=True)
    return bool(ordered) and ordered[0] < c * sum(ordered[l - 1 :])


def measure(
    records: Any, *, quasi: Sequence[str], sensitive: str | None = None, rule: Rule | None = None
) -> Measures:
    """k, l and t of records as they are.

    Args:
        records: any frame, or a list of rows.
        quasi: names of the quasi-identifiers.
        sensitive: name of the sensitive column, for l and t.
        rule: gives the order or tree of the sensitive values.

    Raises:
        BadInput: a column is missing.
    """
    frame = _frame(records)
    _columns(frame, quasi, sensitive)
    if not frame.height:
        return Measures(0, 0, 0, 0)
    classes = _joined([_coded(_values(frame, column))[1] for column in quasi])
    values = Sensitive(_values(frame, sensitive), rule or Rule(1)) if sensitive else None
    return _measure(classes, values)


def _measure(classes: Codes, values: Sensitive | None) -> Measures:
    sizes = np.bincount(classes)
    plain = Measures(len(classes), len(sizes), int(sizes.min()), int((sizes == 1).sum()))
    if values is None:
        return plain
    counts = values.counts(classes)
    return Measures(
        plain.records, plain.classes, plain.k, plain.alone,
        distinct=int((counts > 0).sum(axis=1).min()),
        entropy=float(_entropy(counts).min()),
        t=float(values.distance(counts).max()),
    )  # fmt: skip


def satisfies(found: Measures, rule: Rule) -> bool:
    """Whether records with these measures keep the rule."""
    return (
        found.k >= rule.k
        and (found.distinct is None or found.distinct >= rule.distinct)
        and (found.entropy is None or found.entropy >= rule.entropy - 1e-9)
        and (found.t is None or rule.t is None or found.t <= rule.t + 1e-9)
    )


def failing(classes: Codes, values: Sensitive | None, rule: Rule) -> NDArray[np.bool_]:
    """Which classes (numbered from 0) break the rule."""
    bad = np.bincount(classes) < rule.k
    if values is not None and (rule.distinct > 1 or rule.entropy > 1 or rule.t is not None):
        counts = values.counts(classes)
        bad |= (counts > 0).sum(axis=1) < rule.distinct
        if rule.entropy > 1:
            bad |= _entropy(counts) < rule.entropy - 1e-9
        if rule.t is not None:
            bad |= values.distance(counts) > rule.t + 1e-9
    return np.asarray(bad)


def prefixes(values: Sequence[str], lengths: Sequence[int]) -> dict[str, list[str]]:
    """A hierarchy for codes: the first digits, then nothing (``429901`` -> ``4299**``, ``*``)."""
    return {v: [*(v[:n] + STAR * (len(v) - n) for n in lengths), STAR] for v in {str(v) for v in values}}


def bands(values: Sequence[str], widths: Sequence[int]) -> dict[str, list[str]]:
    """A hierarchy for whole numbers: bands of growing width, then nothing (``34`` -> ``30-34``, ``30-39``, ``*``).

    Widths are multiples of each other, so that bands nest. Raises :class:`BadInput` otherwise.
    """
    if any(b % a for a, b in itertools.pairwise(widths)) or min(widths, default=1) < 1:
        raise BadInput("widths: each is a multiple of the one before.")
    made: dict[str, list[str]] = {}
    for value in {str(v) for v in values}:
        try:
            number = int(value)
        except ValueError:
            made[value] = [STAR] * (len(widths) + 1)
            continue
        lows = [number - number % width for width in widths]
        made[value] = [*(f"{low}-{low + w - 1}" for low, w in zip(lows, widths, strict=True)), STAR]
    return made


class Column:
    """One quasi-identifier at every level of its hierarchy: codes of the records, names, certainty penalty."""

    def __init__(self, name: str, values: Sequence[str], hierarchy: Hierarchy | None) -> None:
        names, codes = _coded(values)
        lines = [[n, *((hierarchy or {}).get(n) or ([STAR] if hierarchy is None else []))] for n in names]
        if len({len(line) for line in lines}) > 1:
            raise BadInput(f"hierarchy of {name}: each value has the same number of generalisations.")
        self.codes: list[Codes] = []
        self.names: list[list[str]] = []
        self.loss: list[float] = []
        before: Codes | None = None
        for level in range(len(lines[0]) if lines else 1):
            groups, of = _coded([str(line[level]) for line in lines])
            if before is not None and len({(int(a), int(b)) for a, b in zip(before, of, strict=True)}) != len(
                set(before.tolist())
            ):
                raise BadInput(f"hierarchy of {name}: level {level} splits what level {level - 1} joins.")
            before = of
            self.codes.append(of[codes])
            self.names.append(groups)
            size = np.bincount(of)[of]
            self.loss.append(
                float(((size - 1) / max(len(names) - 1, 1))[codes].mean()) if len(codes) else 0.0
            )


def protect(
    records: Any,
    *,
    quasi: Sequence[str],
    rule: Rule,
    hierarchies: Mapping[str, Hierarchy] | None = None,
    sensitive: str | None = None,
    max_suppressed: float = 0.02,
    method: str = "full_domain",
) -> Protected:
    """Make records satisfy the rule with little loss.

    Args:
        records: any frame or list of rows.
        quasi: quasi-identifiers; the columns that are neither these nor ``sensitive`` are left out.
        rule: what is asked of every class.
        hierarchies: column -> value -> generalisations from fine to coarse. A column without one is shown or not.
            Not used by ``mondrian``.
        sensitive: the sensitive column, needed for l and t.
        max_suppressed: largest share of records left out (full_domain).
        method: ``full_domain`` or ``mondrian``.

    Raises:
        BadInput: columns, hierarchies or method. Refused: the rule cannot be reached.
    """
    import polars as pl

    from lianfang.guard.disclosure import generalise

    frame = _frame(records)
    _columns(frame, quasi, sensitive)
    if sensitive is None and (rule.distinct > 1 or rule.entropy > 1 or rule.t is not None):
        raise BadInput("l and t need the sensitive column.")
    if method not in ("full_domain", "mondrian") or not 0 <= max_suppressed < 1:
        raise BadInput("method is full_domain or mondrian; a share of records lies between 0 and 1.")
    if not frame.height:
        raise BadInput("there are no records.")
    values = Sensitive(_values(frame, sensitive), rule) if sensitive else None
    texts = {name: _values(frame, name) for name in quasi}
    if method == "mondrian":
        shown, loss = generalise.boxes(texts, values, rule)
        keep, levels = np.ones(frame.height, dtype=bool), dict[str, int]()
    else:
        columns = [Column(name, texts[name], (hierarchies or {}).get(name)) for name in quasi]
        keep, chosen, loss = generalise.full_domain(columns, values, rule, max_suppressed)
        levels = dict(zip(quasi, chosen, strict=True))
        shown = {
            name: [column.names[level][code] for code in column.codes[level]]
            for name, column, level in zip(quasi, columns, chosen, strict=True)
        }
    data: dict[str, Any] = {name: pl.Series(name, shown[name], dtype=pl.Utf8) for name in quasi}
    if sensitive:
        data[sensitive] = frame[sensitive]
    # order must not tell who is who
    made = pl.DataFrame(data).filter(pl.Series(keep)).sort(list(data), maintain_order=False)
    if not made.height:
        raise Refused("No record may be shown under this rule.", reasons=("microdata",), code="microdata")
    # the last look, at what would leave
    measures = measure(made, quasi=quasi, sensitive=sensitive, rule=rule)
    if not satisfies(measures, rule):
        raise Refused(
            "The records do not satisfy the rule after all.", reasons=("microdata",), code="microdata"
        )
    return Protected(made, levels, int((~keep).sum()), loss, measures)
