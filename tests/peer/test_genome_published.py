"""Genomes against what others found in them: Nextclade v3's published rows, a tree's tips, MAFFT and minimap2."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import genomekit
from lianfang.treat import genome
from lianfang.treat.genome import lineages
from shared import shared_data

REFERENCE = genomekit.reference()


def table() -> lineages.Table:
    return lineages.read(shared_data("genomics", "lineage_table_2024-02-16.tsv.gz"))


def expected(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(shared_data("genomics", name).read_text("utf-8"))
    return found


def told(text: str) -> list[str]:
    return [one for one in text.split(",") if one]


def test_nextclades_published_rows_are_met_exactly() -> None:
    """Nucleotides, residues, indels, span, clade, lineage and both QC scores of ten GenBank genomes."""
    path = shared_data("genomics", "genbank_sc2_nextclade3.tsv")
    rows = {row["accession"]: row for row in csv.DictReader(path.open(encoding="utf-8"), delimiter="\t")}
    reports = genome.analyse(shared_data("genomics", "genbank_sc2.fasta.gz"), lineage_table=table())
    assert {one.name for one in reports} == set(rows)
    for one in reports:
        row = rows[one.name]
        assert one.substitutions == told(row["substitutions"]), one.name
        assert one.deletions == told(row["deletions"]), one.name
        assert one.insertions == told(row["insertions"]), one.name
        assert sorted(one.aa_substitutions) == sorted(told(row["aaSubstitutions"])), one.name
        assert sorted(one.aa_deletions) == sorted(told(row["aaDeletions"])), one.name
        assert one.aa_insertions == told(row["aaInsertions"] or ""), one.name
        assert (one.alignment_start, one.alignment_end) == (
            int(row["alignmentStart"]),
            int(row["alignmentEnd"]),
        )
        assert (one.clade, one.lineage) == (row["clade"], row["pango"]), one.name
        assert one.qc is not None
        assert one.qc.overall_score == pytest.approx(float(row["qc_overallScore"]), abs=1e-4), one.name
        assert one.qc.private_score == pytest.approx(float(row["qc_privateMutations_score"]), abs=1e-4), (
            one.name
        )


def test_the_clade_rules_alone_name_the_same_clades() -> None:
    path = shared_data("genomics", "genbank_sc2_nextclade3.tsv")
    rows = {row["accession"]: row for row in csv.DictReader(path.open(encoding="utf-8"), delimiter="\t")}
    for one in genome.analyse(shared_data("genomics", "genbank_sc2.fasta.gz")):
        assert one.clade == rows[one.name]["clade"], one.name


def test_the_tips_of_a_reference_tree() -> None:
    """82 genomes of 41 clades: all nucleotide and amino-acid changes, clade and lineage."""
    rows = {row["name"]: row for row in expected("lineage_consensus_expected.json")}
    reports = genome.analyse(shared_data("genomics", "lineage_consensus.fasta.gz"), lineage_table=table())
    assert len(reports) == len(rows) == 82
    for one in reports:
        row = rows[one.name]
        assert sorted(one.substitutions) == sorted(row["substitutions"]), one.name
        assert sorted(one.deletions) == sorted(row["deletions"]), one.name
        assert set(one.aa_substitutions) == set(row["aa_substitutions"]), one.name
        assert set(one.aa_deletions) == set(row["aa_deletions"]), one.name
        assert (one.clade, one.lineage) == (row["clade"], row["pango"]), one.name


def leftmost(one: str) -> str:
    """A deletion as far left as the same genome allows."""
    low, _, high = one.partition("-")
    start, end = int(low) - 1, int(high or low)
    while start > 0 and REFERENCE[start - 1] == REFERENCE[end - 1]:
        start, end = start - 1, end - 1
    return f"{start + 1}-{end}"


def test_noisy_genomes_on_both_strands() -> None:
    rows = {row["id"]: row for row in expected("noisy_queries_truth.json")}
    reports = genome.analyse(shared_data("genomics", "noisy_queries.fasta.gz"), lineage_table=table())
    assert len(reports) == len(rows) == 40
    for one in reports:
        row = rows[one.name]
        assert (one.status == "reversed") == row["reverse_complemented"], one.name
        assert sorted(one.substitutions) == sorted(row["substitutions"]), one.name
        assert one.mixed == row["nonACGTN"], one.name
        assert one.qc is not None and one.qc.missing_total == row["total_N"], one.name
        assert (one.clade, one.lineage) == (row["clade"], row["pango"]), one.name
        assert bool(one.frame_shifts) >= bool(row["planted_frameshift_deletion"]), one.name
        # A deletion that the planted N hides is none that a reader of the sequence can see.
        hidden = {at for low, high in _ranges(one.missing) for at in range(low, high + 1)}
        seen = [gap for gap in row["deletions"] if not hidden & set(range(*_span(gap)))]
        assert {leftmost(gap) for gap in one.deletions} == {leftmost(gap) for gap in seen}, one.name


def _span(told_range: str) -> tuple[int, int]:
    low, _, high = told_range.partition("-")
    return int(low), int(high or low) + 1


def _ranges(many: list[str]) -> list[tuple[int, int]]:
    return [(_span(one)[0], _span(one)[1] - 1) for one in many]


def test_real_genomes_as_mafft_and_minimap2_agree() -> None:
    """20 open genomes. Where a run of N cut minimap2's alignment short, what they agree on has to be among ours."""
    rows = {row["name"].split()[0]: row for row in expected("real_open_sc2_mafft_minimap2.json")}
    reports = genome.analyse(shared_data("genomics", "real_open_sc2.fasta.gz"))
    assert len(reports) == len(rows) == 20
    whole = 0
    for one in reports:
        row = rows[one.name]
        mine = [change for change in one.substitutions if 101 <= int(change[1:-1]) <= 29_800]
        gaps = {leftmost(gap) for gap in one.deletions if _span(gap)[0] >= 101 and _span(gap)[1] <= 29_801}
        theirs = {leftmost(gap) for gap in row["deletions"]}
        if row["n_count"] < 600:
            whole += 1
            assert mine == row["substitutions_101_29800"], one.name
            assert gaps == theirs, one.name
            assert one.insertions == row["insertions_minimap2"], one.name
        else:
            assert set(row["substitutions_101_29800"]) <= set(mine), one.name
            assert theirs <= gaps, one.name
    assert whole == 16


def test_a_lineage_newer_than_the_table_is_called_its_ancestor(count: Callable[[int, int], int]) -> None:
    """Lineages, each left out with all that descends from it: the nearest known name, and with it in the table.

    Descent is by name, and by carrying every change of the one left out (an alias such as Q.1 is below B.1.1.7).
    """
    import random

    whole = table()
    sets = [frozenset(whole.changes(at).items()) for at in range(len(whole.names))]
    place = {name: at for at, name in enumerate(whole.names)}
    chosen = random.Random(41)
    named = [one for one in whole.names if "." in one and one.rsplit(".", 1)[0] in place]
    inside = ancestors = 0
    picked = chosen.sample(named, count(40, 300))
    for name in picked:
        own = sets[place[name]]
        sequence = _sequence(dict(own), chosen)
        inside += _call(sequence, whole) == name
        kept = [
            at
            for at, one in enumerate(sets)
            if not own <= one and not f"{whole.names[at]}.".startswith(f"{name}.")
        ]
        ancestors += _call(sequence, _subset(whole, kept)) == name.rsplit(".", 1)[0]
    assert inside >= 0.97 * len(picked)  # some lineages of the table have one and the same set of changes
    assert ancestors >= 0.82 * len(picked), ancestors  # 0.87 of 300; the mark is 34 of 40


def _sequence(changes: dict[int, int], chosen: Any) -> str:
    """The reference with the changes, and up to five more by chance."""
    from lianfang.treat.genome import _codes

    letters = list(REFERENCE)
    for _ in range(chosen.randint(0, 5)):
        at = chosen.randrange(300, 29_600)
        if at not in changes:
            letters[at] = chosen.choice([base for base in "ACGT" if base != REFERENCE[at]])
    for at, code in changes.items():
        letters[at] = _codes.LETTERS[code].replace("-", "")
    return "".join(letters)


def _call(sequence: str, known: lineages.Table) -> str | None:
    return genome.analyse([("sample", sequence)], lineage_table=known, workers=1)[0].lineage


def _subset(whole: lineages.Table, kept: list[int]) -> lineages.Table:
    parts = [slice(int(whole.starts[at]), int(whole.starts[at + 1])) for at in kept]
    starts = np.concatenate(([0], np.cumsum([part.stop - part.start for part in parts])))
    return lineages.Table(
        tuple(whole.names[at] for at in kept), tuple(whole.clades[at] for at in kept), starts,
        np.concatenate([whole.sites[part] for part in parts]), np.concatenate([whole.bases[part] for part in parts]),
        "subset", whole=True,
    )  # fmt: skip


def test_a_recombinant_is_flagged() -> None:
    """XBB's neighbours by clade of the two parents of a made recombinant: half Alpha, half Delta."""
    rows = {row["clade"]: row for row in expected("lineage_consensus_expected.json")}
    with gzip.open(shared_data("genomics", "lineage_consensus.fasta.gz"), "rt") as stream:
        text = stream.read()
    sequences = {
        part.split("\n", 1)[0].split()[0]: "".join(part.split("\n")[1:]) for part in text.split(">")[1:]
    }
    alpha, delta = sequences[rows["20I"]["name"]], sequences[rows["21J"]["name"]]
    found = genome.analyse([("made", alpha[:15_000] + delta[15_000:])], lineage_table=table())[0]
    assert found.recombinant, found.lineage
    plain = genome.analyse([("alpha", alpha), ("delta", delta)], lineage_table=table())
    assert [one.recombinant for one in plain] == [(), ()]
