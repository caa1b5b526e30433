"""Quality of a genome by Nextclade's rules (docs, "Quality control"): five scores, each 0 as typical and 100 as bad.

The overall score is the sum of their squares over 100; below 30 good, below 100 mediocre, else bad.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lianfang.treat.genome import _codes
from lianfang.treat.genome.changes import Changes, runs

if TYPE_CHECKING:
    from lianfang.treat.genome.align import Alignment
    from lianfang.treat.genome.dataset import QcFigures
    from lianfang.treat.genome.proteins import Proteins


@dataclass(frozen=True)
class Private:
    """What a genome has beyond the entry that it was placed on: positions from 0."""

    reversions: list[int]
    labelled: list[int]
    unlabelled: list[int]
    deletion_ranges: int

    @property
    def substitutions(self) -> list[int]:
        return sorted(self.reversions + self.labelled + self.unlabelled)


@dataclass(frozen=True)
class Qc:
    """Scores and their parts. ``private_total`` is the weighted count of private mutations."""

    overall_score: float
    status: str
    missing_total: int
    missing_score: float
    mixed_total: int
    mixed_score: float
    private_mutations: int
    private_total: float
    private_score: float
    snp_clusters: int
    snp_clusters_score: float
    frame_shifts: int
    frame_shifts_score: float
    stop_codons: int
    stop_codons_score: float


def private(
    changes: Changes,
    alignment: Alignment,
    entry: dict[int, int],
    reference: str,
    labels: dict[str, tuple[str, ...]],
) -> Private:
    """The private mutations against an entry {site: code, 0 a deletion}.

    ``labels``: substitutions ("241T") typical of a clade. A site changed in both to different bases counts; a site of
    the entry that the genome shows as the reference's is a reversion; an entry's deleted base that came back is none
    (as in Nextclade).
    """
    own, labelled, unlabelled = set[int](), list[int](), list[int]()
    for at, _, base in changes.substitutions:
        own.add(at)
        if entry.get(at) != _codes.LETTERS.index(base):
            (labelled if f"{at + 1}{base}" in labels else unlabelled).append(at)
    gone = [at for start, end in changes.deletions for at in range(start, end)]
    own.update(gone)
    new = [at for at in gone if entry.get(at) != 0]
    reversions = [
        at
        for at, code in entry.items()
        if code != 0
        and at not in own
        and int(alignment.codes[at]) in (1, 2, 4, 8)
        and reference[at] in "ACGT"
    ]
    import numpy as np

    return Private(sorted(reversions), labelled, unlabelled, len(runs(np.array(new, np.int64))))


def clusters(positions: list[int], window: int, more_than: int) -> int:
    """How many clusters: stretches in which every window of so many bases holds more than so many positions."""
    count, last, begin = 0, -1, 0
    for at, position in enumerate(positions):
        while positions[begin] < position - window:
            begin += 1
        if at - begin + 1 > more_than:
            count += 0 if last == at - 1 and last >= 0 else 1
            last = at
    return count


def judge(changes: Changes, proteins: Proteins, mine: Private, figures: QcFigures) -> Qc:
    """All five rules on one genome."""
    missing = sum(end - start for start, end in changes.missing)
    total = (
        figures.weight_reversion * len(mine.reversions)
        + figures.weight_labelled * len(mine.labelled)
        + figures.weight_unlabelled * len(mine.unlabelled)
        + mine.deletion_ranges
    )
    crowds = clusters(mine.substitutions, figures.cluster_window, figures.cluster_more_than)
    shifts = [one for one in proteins.frame_shifts if one not in figures.ignored_frame_shifts]
    stops = [one for one in proteins.stops if one not in figures.ignored_stops]
    scores = (
        max(0.0, (missing - figures.missing_typical) * 100 / figures.missing_span),
        100 * len(changes.mixed) / figures.mixed_threshold,
        max(0.0, total - figures.private_typical) * 100 / figures.private_cutoff,
        crowds * figures.cluster_weight,
        len(shifts) * figures.frame_shift_weight,
        len(stops) * figures.stop_weight,
    )
    overall = sum(score * score / 100 for score in scores)
    status = "good" if overall < 30 else "mediocre" if overall < 100 else "bad"
    return Qc(
        overall, status, missing, scores[0], len(changes.mixed), scores[1], len(mine.substitutions), total, scores[2],
        crowds, scores[3], len(shifts), scores[4], len(stops), scores[5],
    )  # fmt: skip
