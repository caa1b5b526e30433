"""Clusters straight from sequences: those that can be read, laid against one reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from lianfang.treat.genome import dataset as datasets
from lianfang.treat.genome.clusters import Cluster, clusters
from lianfang.treat.genome.report import lay


def of_records(
    records: Sequence[tuple[str, str]],
    *,
    dataset: str | datasets.Dataset = "sars-cov-2",
    threshold: int = 2,
    days: int | None = 14,
    dates: Mapping[str, date] | None = None,
) -> list[Cluster]:
    """Clusters of (name, sequence) pairs; what cannot be laid against the reference is in none."""
    import numpy as np

    against = dataset if isinstance(dataset, datasets.Dataset) else datasets.load(dataset)
    laid = [(name, lay(sequence, against)) for name, sequence in records]
    kept = [(name, one.codes) for name, one in laid if not isinstance(one, str)]
    if not kept:
        return []
    genomes = np.stack([codes for _, codes in kept])
    return clusters([name for name, _ in kept], genomes, threshold=threshold, days=days, dates=dates)
