"""Genomes that may belong to one chain: single linkage on the number of differing bases, and days apart.

The distance between two genomes counts the sites at which both show a plain base and the bases differ; N, mixed bases
and gaps tell nothing. A cluster is a single-linkage component of pairs within ``threshold`` differences and, where
both have a date, ``days`` apart at most (as outbreak tools do, e.g. Stimson et al. 2019, Mol Biol Evol 36:587).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from lianfang.foundation.errors import BadInput
from lianfang.treat.genome import _codes

if TYPE_CHECKING:
    import numpy as np

MOST_GENOMES = 20_000
#: Sites that both genomes of a pair must show, as a share of the shorter, before their distance means anything.
LEAST_SHARED = 0.5


@dataclass(frozen=True)
class Cluster:
    """``names`` by date, then name; ``widest_link`` the most differences of a linked pair; first and last date."""

    number: int
    names: tuple[str, ...]
    widest_link: int
    first: date | None
    last: date | None


def distances(genomes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Differences and sites that both show, [n, n] int32, of aligned codes [n, L]."""
    import numpy as np

    plain = _codes.plain(genomes)
    # Sites at which all that is shown is one base cannot differ: only the rest is compared.
    seen = np.where(plain, genomes, 0)
    varies = np.bitwise_count(np.bitwise_or.reduce(seen, axis=0)) > 1
    part = seen[:, varies]
    differs = np.zeros((len(genomes), len(genomes)), np.int32)
    known = (part > 0).astype(np.float32)
    same = np.zeros_like(differs, np.float32)
    for base in (1, 2, 4, 8):
        mine = (part == base).astype(np.float32)
        same += mine @ mine.T
    differs[:] = np.rint(known @ known.T - same).astype(np.int32)
    every = plain.astype(np.float32)
    return differs, np.rint(every @ every.T).astype(np.int32)


def clusters(
    names: Sequence[str],
    genomes: np.ndarray,
    *,
    threshold: int = 2,
    days: int | None = 14,
    dates: Mapping[str, date] | None = None,
) -> list[Cluster]:
    """Clusters of two genomes or more, largest first; see the module.

    ``genomes``: aligned codes [n, L], the rows in the order of ``names``, each name once.
    """
    import numpy as np
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    if len(names) > MOST_GENOMES:
        raise BadInput(f"More than {MOST_GENOMES:,} genomes at once.")
    if len(set(names)) != len(names):
        raise BadInput("A name stands twice: clusters need a name of its own for each genome.")
    if threshold < 0 or (days is not None and days < 0):
        raise BadInput("The threshold and the days are whole numbers from 0 on.")
    if len(names) < 2:
        return []
    known = dates or {}
    differs, shared = distances(genomes)
    own = shared.diagonal()
    near = (differs <= threshold) & (shared >= LEAST_SHARED * np.minimum(own[:, None], own[None, :]))
    if days is not None:
        day = np.array([known[name].toordinal() if name in known else -1 for name in names])
        dated = (day[:, None] >= 0) & (day[None, :] >= 0)
        near &= ~dated | (np.abs(day[:, None] - day[None, :]) <= days)
    count, label = connected_components(csr_array(near), directed=False)
    made = []
    for one in range(count):
        rows = np.flatnonzero(label == one)
        if len(rows) < 2:
            continue
        inside = np.where(near[np.ix_(rows, rows)], differs[np.ix_(rows, rows)], -1)
        found = sorted(known[names[row]] for row in rows.tolist() if names[row] in known)
        ordered = sorted(rows.tolist(), key=lambda row: (known.get(names[row], date.max), names[row]))
        made.append(
            (
                tuple(names[row] for row in ordered),
                int(inside.max()),
                found[0] if found else None,
                found[-1] if found else None,
            )
        )
    made.sort(key=lambda one: (-len(one[0]), one[0]))
    return [Cluster(at, *one) for at, one in enumerate(made, start=1)]
