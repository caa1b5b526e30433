"""A genome read: what it is, what changed, how good it is, which assays it escapes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from lianfang.foundation.errors import BadInput
from lianfang.foundation.progress import Progress
from lianfang.treat.genome import _codes, lineages
from lianfang.treat.genome import dataset as datasets
from lianfang.treat.genome.align import Alignment, Unaligned, align
from lianfang.treat.genome.changes import changes, told
from lianfang.treat.genome.oligos import OligoMatch, match
from lianfang.treat.genome.proteins import proteins
from lianfang.treat.genome.qc import Qc, judge, private

if TYPE_CHECKING:
    import numpy as np

#: Fewer bases than these are not read as a genome (Nextclade: minLength).
LEAST_BASES = 100
MOST_BASES, MOST_RECORDS = 400_000, 100_000
#: Known bases below which nothing is said of a sequence but that it is all N.
LEAST_KNOWN = 50

#: Why a sequence was not read, or what to mind in one that was: zh, en.
REASONS = {
    "too_short": ("序列过短，未作分析。", "Too short to be read as a genome."),
    "no_bases": ("序列全为未知碱基（N），未作分析。", "All bases are unknown (N)."),
    "bad_letters": ("序列含非碱基字符，未作分析。", "It holds characters that are no bases."),
    "too_long": ("序列过长，未作分析。", "Longer than any genome read here."),
    "wrong_organism": (
        "与参考序列不匹配：可能是其他病原体，或污染。",
        "It does not match the reference: another organism, or contamination.",
    ),
    "too_different": (
        "与参考序列差异过大，无法比对。",
        "It differs too much from the reference to be aligned.",
    ),
    "reversed": ("序列为反向互补链，已转换后分析。", "It was the reverse strand, and was turned."),
    "mixed": (
        "混合位点过多：可能为混合感染或污染，分型须复核。",
        "Many mixed sites: a mixed infection or contamination; check the call.",
    ),
    "no_table": ("未安装谱系表，不作谱系判定。", "No lineage table is installed, so no lineage is named."),
    "low_coverage": (
        "可区分谱系的位点大多未测出，不作判定。",
        "Too little of the sites that tell lineages apart was sequenced.",
    ),
    "no_rule": ("没有一条分支规则成立，不作分支判定。", "No clade rule holds, so no clade is named."),
    "unclear": ("两个谱系同样接近，须复核。", "Two lineages are equally near; check the call."),
}
#: Mixed sites from which a genome is flagged as mixed: the count at which Nextclade's score is bad.
MIXED = 10


@dataclass(frozen=True)
class GenomeReport:
    """One genome. Positions in the texts count from 1. ``status``: ok, reversed, mixed, or why it was not read.

    ``clade``, ``lineage``: None with the word of REASONS in ``clade_reason``, ``lineage_reason``. ``recombinant``:
    clades (two or more) of which the private mutations carry typical ones, empty when none. ``missing``: ranges of N.
    """

    name: str
    status: str
    length: int
    dataset: str
    substitutions: list[str] = field(default_factory=list)
    deletions: list[str] = field(default_factory=list)
    insertions: list[str] = field(default_factory=list)
    aa_substitutions: list[str] = field(default_factory=list)
    aa_deletions: list[str] = field(default_factory=list)
    aa_insertions: list[str] = field(default_factory=list)
    frame_shifts: list[str] = field(default_factory=list)
    stop_codons: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    mixed: list[str] = field(default_factory=list)
    alignment_start: int = 0
    alignment_end: int = 0
    clade: str | None = None
    clade_reason: str = ""
    lineage: str | None = None
    lineage_reason: str = ""
    lineage_distance: int | None = None
    lineage_runner_up: str | None = None
    lineage_runner_up_distance: int | None = None
    recombinant: tuple[str, ...] = ()
    qc: Qc | None = None
    oligos: list[OligoMatch] = field(default_factory=list)

    @property
    def read(self) -> bool:
        """Whether the sequence could be laid against the reference."""
        return self.qc is not None


def analyse(
    records: str | Path | Iterable[tuple[str, str]],
    *,
    dataset: str | Path | datasets.Dataset = "sars-cov-2",
    lineage_table: str | Path | lineages.Table | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> list[GenomeReport]:
    """Read genomes: a FASTA file (gzip or not) or (name, sequence) pairs. One report each, in order; none is dropped.

    Parameters
    ----------
    records: path of a file, or pairs.
    dataset: the name of a shipped dataset, or a folder (ours or Nextclade's).
    lineage_table: a table of lineages; without one no lineage is named, and the clade comes from the clade rules.
    workers: genomes at once, all cores unless given.

    Raises
    ------
    BadInput
        for a file without a sequence, more than MOST_RECORDS, or a dataset that is not in order.
    """
    from lianfang.treat.genome import batch

    against = dataset if isinstance(dataset, datasets.Dataset) else datasets.load(str(dataset))
    table = lineages.read(lineage_table) if isinstance(lineage_table, str | Path) else lineage_table
    pairs = _pairs(records)
    return batch.run(pairs, against, table or against.lineages, workers, progress)


def _pairs(records: str | Path | Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    from lianfang.treat.folding.sequences import fasta

    if isinstance(records, str | Path):
        records = fasta(datasets.read(Path(records)))
    pairs = []
    for pair in records:
        pairs.append(pair)
        if len(pairs) > MOST_RECORDS:
            raise BadInput(f"More than {MOST_RECORDS:,} sequences at once.")
    if not pairs:
        raise BadInput("The file holds no sequence.", hint="Give FASTA: a line >name, then the bases.")
    return pairs


def lay(sequence: str, against: datasets.Dataset) -> Alignment | str:
    """A sequence laid against the reference, or the word of REASONS for why not."""

    text = "".join(sequence.split()).replace("-", "").replace(".", "")
    if len(text) > MOST_BASES:
        return "too_long"
    codes = _codes.encode(text)
    if (codes == 255).any():
        return "bad_letters"
    if len(codes) < LEAST_BASES:
        return "too_short"
    if int(_codes.plain(codes).sum()) < LEAST_KNOWN:
        return "no_bases"
    try:
        return align(codes, against.index)
    except Unaligned as why:
        return str(why)


def read_one(
    name: str, sequence: str, against: datasets.Dataset, table: lineages.Table | None
) -> tuple[GenomeReport, np.ndarray | None]:
    """The report of one genome and its aligned codes, None when it could not be read."""
    laid = lay(sequence, against)
    if isinstance(laid, str):
        return GenomeReport(name, laid, len(sequence), against.name), None
    found = changes(laid, against.index.codes)
    coded = proteins(laid, against)
    called = _call(laid, against, table)
    labels = against.labels or (table.labels if table else {})
    mine = private(found, laid, called.parent, against.reference, labels)
    status = "mixed" if len(found.mixed) >= MIXED else "reversed" if laid.reversed else "ok"
    report = GenomeReport(
        name, status, len(sequence), against.name,
        substitutions=[f"{before}{at + 1}{after}" for at, before, after in found.substitutions],
        deletions=[told(one) for one in found.deletions],
        insertions=[f"{at}:{bases}" for at, bases in found.insertions],
        aa_substitutions=coded.substitutions, aa_deletions=coded.deletions, aa_insertions=coded.insertions,
        frame_shifts=[f"{cds}:{told((first, last))}" for cds, first, last in coded.frame_shifts],
        stop_codons=[f"{cds}:{at + 1}" for cds, at in coded.stops],
        missing=[told(one) for one in found.missing], mixed=[f"{letter}:{at + 1}" for at, letter in found.mixed],
        alignment_start=laid.start + 1, alignment_end=laid.end,
        clade=called.clade, clade_reason=called.clade_reason, lineage=called.lineage,
        lineage_reason=called.lineage_reason, lineage_distance=called.distance, lineage_runner_up=called.runner_up,
        lineage_runner_up_distance=called.runner_up_distance,
        recombinant=_recombinant(mine.labelled, found.substitutions, labels),
        qc=judge(found, coded, mine, against.qc), oligos=match(laid, against),
    )  # fmt: skip
    return report, laid.codes


@dataclass(frozen=True)
class _Called:
    clade: str | None = None
    clade_reason: str = ""
    lineage: str | None = None
    lineage_reason: str = ""
    distance: int | None = None
    runner_up: str | None = None
    runner_up_distance: int | None = None
    parent: dict[int, int] = field(default_factory=dict)


def _call(laid: Alignment, against: datasets.Dataset, table: lineages.Table | None) -> _Called:
    """Clade and lineage, each with a reason where it is not named."""
    by_rule = lineages.clade_by_rules(laid, against.rules)
    if table is None:
        return _Called(by_rule, "" if by_rule else "no_rule", None, "no_table")
    placed = lineages.place(laid, against.index.codes, table)
    if placed is None:
        return _Called(None, "low_coverage", None, "low_coverage")
    tied = placed.distance == placed.runner_up_distance
    return _Called(
        placed.clade, "", placed.lineage, "unclear" if tied else "", placed.distance, placed.runner_up,
        placed.runner_up_distance, placed.parent,
    )  # fmt: skip


def _recombinant(
    labelled: list[int], substitutions: list[tuple[int, str, str]], labels: dict[str, tuple[str, ...]]
) -> tuple[str, ...]:
    """Clades of which the private mutations carry typical ones: two of one clade at least, as Nextclade flags them."""
    from collections import Counter

    there = {at: f"{at + 1}{after}" for at, _, after in substitutions}
    counts = Counter(clade for at in labelled for clade in labels.get(there.get(at, ""), ())[:1])
    return tuple(sorted(clade for clade, count in counts.items() if count >= 2))
