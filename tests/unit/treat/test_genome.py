"""Reading genomes: planted changes come back, each bad input has its own answer, and the alignment is the best one."""

from __future__ import annotations

import random
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import genomekit
from lianfang.foundation.errors import BadInput
from lianfang.treat import genome
from lianfang.treat.genome import _codes, _kernels, chains, clusters, dataset, lineages, qc, tables
from lianfang.treat.genome.align import index

REFERENCE = genomekit.reference()


def read(sequence: str, **options: object) -> genome.GenomeReport:
    return genome.analyse([("sample", sequence)], workers=1, **options)[0]  # type: ignore[arg-type]


def test_the_reference_itself_has_no_change() -> None:
    found = read(REFERENCE)
    assert (found.status, found.substitutions, found.deletions, found.insertions, found.aa_substitutions) == (
        "ok", [], [], [], [],
    )  # fmt: skip
    assert (found.clade, found.lineage, found.lineage_reason) == ("19A", None, "no_table")
    assert (found.alignment_start, found.alignment_end) == (1, len(REFERENCE))
    assert found.qc is not None and found.qc.overall_score == 0


def test_planted_changes_come_back_on_either_strand() -> None:
    planted = [
        "C241T", "A23403G", "C3037T", "C14408T", "21765-21770", "11288-11296", "22204:GAGCCAGAA", "N:5000-5200",
        "R:1000",
    ]  # fmt: skip
    text = genomekit.with_changes(REFERENCE, *planted)
    for sequence, status in (
        (text, "ok"),
        (genomekit.reverse(text), "reversed"),
        (text.lower().replace("t", "u"), "ok"),
    ):
        found = read(sequence)
        assert found.status == status
        assert found.substitutions == ["C241T", "C3037T", "C14408T", "A23403G"]
        assert found.deletions == ["11288-11296", "21765-21770"]
        assert found.insertions == ["22204:GAGCCAGAA"]
        assert (found.missing, found.mixed) == (["5000-5200"], ["R:1000"])
        assert found.aa_substitutions == ["ORF1b:P314L", "S:D614G"]
        assert found.aa_deletions == ["ORF1a:S3675-", "ORF1a:G3676-", "ORF1a:F3677-", "S:H69-", "S:V70-"]
        assert found.aa_insertions == ["S:214:EPE"]
        assert found.clade == "20A"


@pytest.mark.parametrize(
    ("sequence", "status"),
    [
        ("", "too_short"),
        ("ACGT" * 20, "too_short"),
        ("N" * 29_903, "no_bases"),
        ("ACGT" * 10 + "!" + "ACGT" * 100, "bad_letters"),
        ("ACGT" * 10 + "中" + "ACGT" * 100, "bad_letters"),
        ("A" * 400_001, "too_long"),
        ("".join(random.Random(3).choices("ACGT", k=29_000)), "wrong_organism"),
        ("A" * 5_000, "wrong_organism"),
    ],
)
def test_what_cannot_be_read_says_why(sequence: str, status: str) -> None:
    found = read(sequence)
    assert (found.status, found.read, found.clade, found.lineage, found.substitutions) == (
        status,
        False,
        None,
        None,
        [],
    )
    assert all(genome.REASONS[status])


def test_nothing_is_dropped_and_the_order_stays() -> None:
    names = [f"g{at}" for at in range(30)]
    sequences = [REFERENCE if at % 3 else "ACGT" for at in range(30)]
    found = genome.analyse(list(zip(names, sequences, strict=True)), workers=4)
    assert [one.name for one in found] == names
    assert [one.status for one in found] == ["ok" if at % 3 else "too_short" for at in range(30)]


def test_many_mixed_sites_are_flagged_and_scored() -> None:
    sites = [f"R:{at}" for at in range(1000, 21_000, 1000)]
    found = read(genomekit.with_changes(REFERENCE, *sites))
    assert (found.status, len(found.mixed)) == ("mixed", 20)
    assert found.qc is not None and (found.qc.mixed_score, found.qc.status) == (200.0, "bad")


def test_a_frame_shift_hides_the_residues_behind_it() -> None:
    found = read(genomekit.with_changes(REFERENCE, "28000-28000"))
    assert found.frame_shifts == ["ORF8:37-122"]
    assert [one for one in found.aa_substitutions if one.startswith("ORF8")] == []
    assert found.qc is not None and found.qc.frame_shifts_score == 75
    restored = read(genomekit.with_changes(REFERENCE, "27950", "28001:A"))
    assert restored.frame_shifts == ["ORF8:20-36"]


def test_a_premature_stop_is_told() -> None:
    found = read(genomekit.with_changes(REFERENCE, "C27972T"))
    assert (found.aa_substitutions, found.stop_codons) == (["ORF8:Q27*"], ["ORF8:27"])
    assert found.qc is not None and found.qc.stop_codons_score == 75


def test_ends_that_were_not_sequenced_are_no_deletions() -> None:
    found = read(REFERENCE[54:29_800])
    assert (found.alignment_start, found.alignment_end, found.deletions) == (55, 29_800, [])
    longer = read(REFERENCE + "A" * 30)
    assert longer.insertions == ["29903:" + "A" * 30] and longer.alignment_end == 29_903


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), count=st.integers(0, 60), cut=st.integers(0, 150))
def test_any_substitutions_come_back(seed: int, count: int, cut: int) -> None:
    planted = genomekit.random_substitutions(REFERENCE, count, seed)
    found = read(genomekit.with_changes(REFERENCE, *planted)[cut:])
    assert found.substitutions == planted
    assert (found.deletions, found.insertions) == ([], [])


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_an_indel_restores_the_genome(seed: int) -> None:
    """Whatever way a gap is placed, reference and changes have to give back the genome that was read."""
    chosen = random.Random(seed)
    at, length = chosen.randrange(400, 29_000), chosen.choice([1, 2, 3, 6, 9, 15, 27])
    planted = genomekit.random_substitutions(REFERENCE, 20, seed)
    planted = [one for one in planted if not at - 90 <= int(one[1:-1]) <= at + 90]
    extra = (
        f"{at}-{at + length - 1}"
        if chosen.random() < 0.5
        else f"{at}:{''.join(chosen.choices('ACGT', k=length))}"
    )
    text = genomekit.with_changes(REFERENCE, *planted, extra)
    found = read(text)
    rebuilt = genomekit.with_changes(REFERENCE, *found.substitutions, *found.deletions, *found.insertions)
    assert rebuilt == text


@settings(max_examples=60, deadline=None)
@given(
    text=st.text("ACGT", min_size=1, max_size=24), query=st.text("ACGTN", min_size=1, max_size=24),
    costs=st.lists(st.integers(6, 8), min_size=25, max_size=25), left=st.booleans(), right=st.booleans(),
)  # fmt: skip
def test_a_window_scores_as_the_plain_recurrence(
    text: str, query: str, costs: list[int], left: bool, right: bool
) -> None:
    opening = np.array(costs[: len(text) + 1], np.int64)
    low, high = np.zeros(len(text) + 1, np.int64), np.full(len(text) + 1, len(query), np.int64)
    free = (3 if left else 0) | (12 if right else 0)
    moves, score = _kernels.align_window(_codes.encode(query), _codes.encode(text), opening, low, high, free)
    assert score == genomekit.plain_score(query, text, costs, (left, right))
    assert (int((moves != 2).sum()), int((moves != 4).sum())) == (len(text), len(query))


def test_a_gap_that_starts_a_codon_is_preferred() -> None:
    """The published placement of Y144del: 21992-21994, although 21991-21993 gives the same genome."""
    assert read(genomekit.with_changes(REFERENCE, "21991-21993")).deletions == ["21992-21994"]


def test_the_index_holds_only_words_that_stand_once() -> None:
    made = index("ACGT" * 8 + REFERENCE[:500], [[(32, 62)]])
    text = "ACGT" * 8 + REFERENCE[:500]
    for word, place in zip(made.words.tolist(), made.places.tolist(), strict=True):
        letters = "".join("ACGT"[(word >> 2 * at) & 3] for at in reversed(range(_kernels.K)))
        assert text[place : place + _kernels.K] == letters and text.count(letters) == 1
    assert made.opening[31:36].tolist() == [6, 7, 8, 8, 7]


def test_every_planted_oligo_mismatch_is_found() -> None:
    """At each base of each oligo's site, one genome with that base changed to something it does not pair with."""
    against = dataset.load()
    missed, near_wrong = [], []
    for oligo in against.oligos:
        start, end = oligo.site
        for at in range(start, end):
            letter = oligo.sequence if oligo.strand == "+" else genomekit.reverse(oligo.sequence)
            wanted = _codes.encode(letter)[at - start]
            base = next(one for one in "ACGT" if not _codes.encode(one)[0] & wanted and one != REFERENCE[at])
            alone = REFERENCE[:at] + base + REFERENCE[at + 1 :]
            found = next(one for one in read(alone).oligos if one.oligo == oligo.name)
            if at + 1 not in found.mismatches:
                missed.append((oligo.name, at + 1))
            near = at >= end - 5 if oligo.strand == "+" else at < start + 5
            if (found.near_3 > 0) != (near and at + 1 not in found.expected):
                near_wrong.append((oligo.name, at + 1))
    assert (missed, near_wrong) == ([], [])


def test_known_truths_of_the_oligos() -> None:
    """Charité's RdRp_R has a mismatch with the reference itself; GGG to AAC breaks the China CDC's N forward."""
    plain = {one.oligo: one for one in read(REFERENCE).oligos}
    assert len(plain) == 36
    assert {name for name, one in plain.items() if one.mismatches} == {"Charité_RdRp_R"}
    assert {one.verdict for one in plain.values()} == {"fits"}
    changed = read(genomekit.with_changes(REFERENCE, "G28881A", "G28882A", "G28883C"))
    broken = next(one for one in changed.oligos if one.oligo == "ChinaCDC_N_F")
    assert (broken.new, broken.verdict, broken.near_3) == ((28_881, 28_882, 28_883), "doubtful", 0)
    hidden = read(genomekit.with_changes(REFERENCE, "N:28881-28890"))
    assert next(one for one in hidden.oligos if one.oligo == "ChinaCDC_N_F").verdict == "unseen"


def test_clusters_by_differences_and_days() -> None:
    base = genomekit.random_substitutions(REFERENCE, 30, 1)
    chain = [genomekit.with_changes(REFERENCE, *base[:count]) for count in (10, 11, 13)]
    far = genomekit.with_changes(REFERENCE, *base[:20])
    hidden = genomekit.with_changes(chain[0], "N:200-15000")
    named = [
        ("a", chain[0]),
        ("b", chain[1]),
        ("c", chain[2]),
        ("far", far),
        ("hidden", hidden),
        ("broken", "ACGT"),
    ]
    found = chains.of_records(named, threshold=2)
    assert [(set(one.names), one.widest_link) for one in found] == [({"a", "b", "c", "hidden"}, 2)]
    days = {"a": date(2020, 2, 1), "b": date(2020, 2, 3), "c": date(2020, 3, 1), "hidden": date(2020, 2, 1)}
    dated = chains.of_records(named, threshold=2, days=14, dates=days)
    assert [(one.names, one.first, one.last) for one in dated] == [
        (("a", "hidden", "b"), date(2020, 2, 1), date(2020, 2, 3))
    ]
    with pytest.raises(BadInput):
        chains.of_records([("a", chain[0]), ("a", chain[1])])


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text("ACGTNR-", min_size=12, max_size=12), min_size=2, max_size=8))
def test_distances_count_as_a_plain_loop(rows: list[str]) -> None:
    differs, shared = clusters.distances(np.stack([_codes.encode(one.replace("-", "N")) for one in rows]))
    for i, one in enumerate(rows):
        for j, other in enumerate(rows):
            both = [(a, b) for a, b in zip(one, other, strict=True) if a in "ACGT" and b in "ACGT"]
            assert (differs[i, j], shared[i, j]) == (sum(a != b for a, b in both), len(both))


@settings(max_examples=60, deadline=None)
@given(st.sets(st.integers(0, 400), max_size=40), st.integers(5, 60), st.integers(1, 6))
def test_snp_clusters_as_a_plain_window(sites: set[int], window: int, more_than: int) -> None:
    """A cluster is a run of positions, each the end of a window with more than so many."""
    ordered = sorted(sites)
    ends = [sum(one - window <= other <= one for other in ordered) > more_than for one in ordered]
    runs = sum(now and not before for now, before in zip(ends, [False, *ends], strict=False))
    assert qc.clusters(ordered, window, more_than) == runs


def test_a_lineage_table(tmp_path: object) -> None:
    from pathlib import Path

    folder = Path(str(tmp_path))
    rows = [
        ("B", "19A", "", ""), ("B.1", "20A", "C241T,C3037T,C14408T,A23403G", ""),
        ("B.1.1", "20B", "C241T,C3037T,C14408T,A23403G,G28881A,G28882A,G28883C", ""),
        ("B.1.1.7", "20I", "C241T,C3037T,C14408T,A23403G,G28881A,G28882A,G28883C,A23063T", "21765-21770"),
    ]  # fmt: skip
    lines = ["name\tclade\tpango\tsubstitutions\tdeletions"]
    lines += [f"{name}\t{clade}\t{name}\t{subs},\t{dels}" for name, clade, subs, dels in rows]
    (folder / "table.tsv").write_text("\n".join(lines) + "\n", "utf-8")
    table = lineages.read(folder / "table.tsv")
    alpha = genomekit.with_changes(
        REFERENCE,
        "C241T",
        "C3037T",
        "C14408T",
        "A23403G",
        "G28881A",
        "G28882A",
        "G28883C",
        "A23063T",
        "21765-21770",
    )
    found = read(alpha, lineage_table=table)
    assert (found.clade, found.lineage, found.lineage_distance, found.lineage_runner_up) == (
        "20I",
        "B.1.1.7",
        0,
        "B.1.1",
    )
    hidden = read(genomekit.with_changes(REFERENCE, "N:1-23500"), lineage_table=table)
    assert (hidden.lineage, hidden.clade, hidden.lineage_reason) == (None, None, "low_coverage")
    ancestor = read(
        genomekit.with_changes(REFERENCE, "C241T", "C3037T", "C14408T", "A23403G"), lineage_table=table
    )
    assert ancestor.lineage == "B.1"
    (folder / "bad.tsv").write_text(
        "name\tclade\tpango\tsubstitutions\tdeletions\nA\t19A\tA\tC24 1T\t\n", "utf-8"
    )
    with pytest.raises(BadInput, match="row 2"):
        lineages.read(folder / "bad.tsv")
    (folder / "none.tsv").write_text("name\tclade\n", "utf-8")
    with pytest.raises(BadInput, match="lacks"):
        lineages.read(folder / "none.tsv")
    (folder / "broken.tsv.gz").write_bytes(b"\x1f\x8bnot")
    with pytest.raises(BadInput, match="unpacked"):
        lineages.read(folder / "broken.tsv.gz")


def test_the_table_has_nextclades_columns_and_no_formulas() -> None:
    reports = genome.analyse([("=cmd|x", genomekit.with_changes(REFERENCE, "C241T")), ("short", "ACGT")])
    header, first, second = tables.tsv(reports).splitlines()
    columns = header.split("\t")
    assert columns[:3] == ["seqName", "clade", "Nextclade_pango"]
    made = dict(zip(columns, first.split("\t"), strict=True))
    assert (made["seqName"], made["substitutions"], made["totalSubstitutions"]) == ("'=cmd|x", "C241T", "1")
    assert dict(zip(columns, second.split("\t"), strict=True))["errors"] == "too_short"


def test_bad_calls_are_refused(tmp_path: object) -> None:
    for call in (
        lambda: genome.analyse([]),
        lambda: genome.analyse([("a", REFERENCE)], dataset="nowhere"),
        lambda: genome.analyse([("a", REFERENCE)], dataset="../../etc"),
        lambda: genome.analyse([("a", REFERENCE)], workers=0),
        lambda: genome.analyse("no such file.fasta"),
        lambda: clusters.clusters(["a", "b"], np.zeros((2, 5), np.uint8), threshold=-1),
    ):
        with pytest.raises(BadInput):
            call()
    assert clusters.clusters(["a"], np.ones((1, 5), np.uint8), days=int(timedelta(7).days)) == []


def test_a_changed_file_of_the_dataset_is_refused(tmp_path: object) -> None:
    import shutil
    from pathlib import Path

    folder = Path(str(tmp_path)) / "own"
    shutil.copytree(dataset.HERE / "sars-cov-2", folder)
    assert genome.load(str(folder)).reference == REFERENCE
    dataset.load.cache_clear()
    genes = folder / "genes.tsv"
    genes.write_text(genes.read_text("utf-8").replace("25384", "25381"), "utf-8")
    with pytest.raises(BadInput, match=r"genes\.tsv"):
        genome.load(str(folder))
