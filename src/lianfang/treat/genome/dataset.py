"""What a genome is read against: a versioned folder of reference, coding sequences, oligos, clade rules, figures."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from lianfang.foundation.errors import BadInput
from lianfang.treat.genome.align import Index, index

HERE = Path(__file__).parent / "datasets"
MOST_FILE = 256 * 1024 * 1024
MOST_REFERENCE = 400_000


@dataclass(frozen=True)
class Coding:
    """A coding sequence: its name and its parts in the reference (start, end), from 0, half open, plus strand only."""

    name: str
    parts: tuple[tuple[int, int], ...]

    def __len__(self) -> int:
        return sum(end - start for start, end in self.parts)


@dataclass(frozen=True)
class Oligo:
    """A primer or probe of a published assay: ``site`` (start, end) in the reference, from 0, half open."""

    name: str
    institute: str
    target: str
    sequence: str
    strand: str
    site: tuple[int, int]


@dataclass(frozen=True)
class QcFigures:
    """Figures of Nextclade's quality rules: those of its SARS-CoV-2 dataset of 2025-04-01 or a dataset's own."""

    missing_typical: float = 300
    missing_span: float = 2700
    mixed_threshold: float = 10
    private_typical: float = 8
    private_cutoff: float = 24
    weight_reversion: float = 6
    weight_labelled: float = 4
    weight_unlabelled: float = 1
    cluster_window: int = 100
    cluster_more_than: int = 6
    cluster_weight: float = 50
    frame_shift_weight: float = 75
    stop_weight: float = 75
    ignored_frame_shifts: frozenset[tuple[str, int, int]] = frozenset()
    ignored_stops: frozenset[tuple[str, int]] = frozenset()


@dataclass(frozen=True)
class Dataset:
    """``labels``: substitutions ("241T") typical of a clade; ``rules``: clade -> {site from 0: base}."""

    name: str
    version: str
    reference: str
    coding: tuple[Coding, ...]
    oligos: tuple[Oligo, ...] = ()
    rules: dict[str, dict[int, str]] = field(default_factory=dict)
    qc: QcFigures = QcFigures()
    labels: dict[str, tuple[str, ...]] = field(default_factory=dict)
    lineages: Any = None  # a lineages.Table that came with the dataset
    folder: Path | None = None

    @cached_property
    def index(self) -> Index:
        return index(self.reference, [list(one.parts) for one in self.coding])

    @cached_property
    def proteins(self) -> dict[str, str]:
        """The reference's proteins by coding sequence."""
        from lianfang.treat.genome.proteins import translate

        return {one.name: translate(self.index.codes, one) for one in self.coding}


def read(path: Path) -> bytes:
    """A file of a dataset, bounded; BadInput when it is missing or too large."""
    try:
        if path.stat().st_size > MOST_FILE:
            raise BadInput(f"{path.name} is larger than {MOST_FILE // 1024**2} MiB.")
        return path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path.name} cannot be read: {error.strerror}.") from None


def table(raw: bytes, name: str, columns: Iterable[str]) -> list[dict[str, str]]:
    """Rows of a tab-separated file that has the columns."""
    try:
        rows = list(csv.DictReader(io.StringIO(raw.decode("utf-8-sig")), delimiter="\t"))
    except (UnicodeDecodeError, csv.Error):
        raise BadInput(f"{name} is no tab-separated text in UTF-8.") from None
    wanted = set(columns)
    if not rows or not wanted <= set(rows[0]):
        raise BadInput(f"{name} lacks rows or one of the columns {', '.join(sorted(wanted))}.")
    for at, row in enumerate(rows, start=2):
        if any(row[one] is None for one in wanted):
            raise BadInput(f"{name}: row {at} has too few columns.")
    return rows


def position(text: str, name: str, row: int, low: int, high: int) -> int:
    """A position of a table, or BadInput with its row."""
    if not text.strip().isdigit() or not low <= int(text) <= high:
        raise BadInput(f"{name}: row {row} holds a position that is no number from {low} to {high}.")
    return int(text)


def reference_of(raw: bytes, name: str) -> str:
    """The one sequence of a FASTA file, of plain bases."""
    from lianfang.treat.folding.sequences import fasta

    found = [sequence.upper().replace("U", "T") for _, sequence in fasta(raw)]
    if len(found) != 1 or set(found[0]) - set("ACGTN") or not 1000 <= len(found[0]) <= MOST_REFERENCE:
        raise BadInput(
            f"{name} has to hold one sequence of A, C, G, T (N) with 1,000 to {MOST_REFERENCE:,} bases."
        )
    return found[0]


@lru_cache(maxsize=4)
def load(source: str = "sars-cov-2") -> Dataset:
    """The dataset of this name that the package carries, or the one in a folder: ours or one of Nextclade's.

    BadInput when there is none or it is not in order; a file that was changed since it was made is refused.
    """
    inside = HERE / source
    if source.replace("-", "").isalnum() and (inside / "dataset.json").is_file():
        return _own(inside)
    folder = Path(source)
    if (folder / "dataset.json").is_file():
        return _own(folder)
    if (folder / "pathogen.json").is_file():
        from lianfang.treat.genome.nextclade import load as of_nextclade

        return of_nextclade(folder)
    raise BadInput(
        "There is no such dataset.",
        hint=f"Shipped: {', '.join(sorted(one.name for one in HERE.iterdir()))}; or a folder with dataset.json or "
        "pathogen.json (Nextclade's).",
    )


def _own(folder: Path) -> Dataset:
    about = json.loads(read(folder / "dataset.json"))
    raw = {name: read(folder / name) for name in about["sha256"]}
    for name, wanted in about["sha256"].items():
        if hashlib.sha256(raw[name]).hexdigest() != wanted:
            raise BadInput(
                f"{name} of the dataset {about['name']} is not the file that the dataset was made with."
            )
    reference = reference_of(raw["reference.fasta"], "reference.fasta")
    length = len(reference)
    coding = tuple(
        Coding(
            row["gene"],
            (
                (
                    position(row["start"], "genes.tsv", at, 1, length) - 1,
                    position(row["end"], "genes.tsv", at, 1, length),
                ),
            ),
        )
        for at, row in enumerate(table(raw["genes.tsv"], "genes.tsv", ("gene", "start", "end")), start=2)
    )
    return Dataset(
        about["name"], about["version"], reference, coding,
        oligos=oligos(raw["oligos.tsv"], "oligos.tsv", length) if "oligos.tsv" in raw else (),
        rules=_rules(raw["clades.tsv"], length) if "clades.tsv" in raw else {}, folder=folder,
    )  # fmt: skip


def oligos(raw: bytes, name: str, length: int) -> tuple[Oligo, ...]:
    """A table of oligos: institute, target, oligo, sequence_5to3, strand (+, -), start, end (from 1, inclusive)."""
    columns = ("institute", "target", "oligo", "sequence_5to3", "strand", "start", "end")
    made = []
    for at, row in enumerate(table(raw, name, columns), start=2):
        start, end = (position(row[one], name, at, 1, length) for one in ("start", "end"))
        sequence = row["sequence_5to3"].strip().upper()
        if (
            set(sequence) - set("ACGTURYSWKMBDHVN")
            or len(sequence) != end - start + 1
            or row["strand"] not in "+-"
        ):
            raise BadInput(f"{name}: row {at} is no oligo: bases, strand + or -, and as long as its site.")
        made.append(
            Oligo(row["oligo"], row["institute"], row["target"], sequence, row["strand"], (start - 1, end))
        )
    return tuple(made)


def _rules(raw: bytes, length: int) -> dict[str, dict[int, str]]:
    rules: dict[str, dict[int, str]] = {}
    for at, row in enumerate(table(raw, "clades.tsv", ("clade", "gene", "site", "alt")), start=2):
        if row["gene"] == "nuc":
            rules.setdefault(row["clade"], {})[position(row["site"], "clades.tsv", at, 1, length) - 1] = row[
                "alt"
            ]
    return rules
