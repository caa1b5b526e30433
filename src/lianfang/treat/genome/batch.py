"""Many genomes on all cores: threads, as the inner loops let go of the interpreter."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

from lianfang.foundation.errors import BadInput
from lianfang.foundation.progress import Progress, tracked
from lianfang.treat.genome import lineages
from lianfang.treat.genome.dataset import Dataset
from lianfang.treat.genome.report import GenomeReport, read_one


def run(
    pairs: list[tuple[str, str]],
    against: Dataset,
    table: lineages.Table | None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> list[GenomeReport]:
    """A report for each (name, sequence), in order."""
    if workers is not None and (isinstance(workers, bool) or not 1 <= workers <= 256):
        raise BadInput("Genomes at once are a whole number from 1 to 256.")
    many = min(workers or os.cpu_count() or 1, len(pairs))
    against.index, against.proteins, table and (table.nodes, table.labels)  # noqa: B018 (made before the threads ask)
    with ThreadPoolExecutor(many) as pool:
        found = pool.map(lambda pair: read_one(pair[0], pair[1], against, table)[0], pairs)
        return list(tracked(found, progress, "genomes", len(pairs)))
