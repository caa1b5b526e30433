"""Reads to a consensus: planted genomes come back; primers, depth, quality and mixtures are treated as told."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path

import pytest
from click.testing import CliRunner

import genomekit
from lianfang.cli import cli
from lianfang.foundation.errors import BadInput, Fault
from lianfang.treat import genome
from lianfang.treat.genome import reads

pytestmark = pytest.mark.skipif(
    not reads.available(), reason="the extra reads is not installed: it is built with a C compiler"
)
REFERENCE = genomekit.reference()
#: Planted: substitutions, a deletion of six, an insertion of three.
CHANGES = ("C241T", "C3037T", "C14408T", "A23403G", "21765-21770", "22204:GAG", "G28881A")


def fastq(named: list[tuple[str, str, str]]) -> str:
    return "".join(f"@{name}\n{bases}\n+\n{quality}\n" for name, bases, quality in named)


def shotgun(
    text: str, depth: float, seed: int = 1, *, length: int = 150, error: float = 0.002, quality: str = "F"
) -> list[tuple[str, str, str]]:
    """Reads of both strands at even chance over a text, with errors of low quality."""
    rng = random.Random(seed)
    made = []
    for number in range(int(depth * len(text) / length)):
        at = rng.randrange(-length // 2, len(text) - length // 2)
        piece = text[max(at, 0) : at + length]
        bases, scores = list(piece), [quality] * len(piece)
        for place in range(len(piece)):
            if rng.random() < error:
                bases[place], scores[place] = rng.choice("ACGT"), "'"
        read, score = "".join(bases), "".join(scores)
        if rng.random() < 0.5:
            read, score = genomekit.reverse(read), score[::-1]
        made.append((f"r{number}", read, score))
    return made


def scheme(length: int = 400, step: int = 320, primer: int = 25) -> list[tuple[int, int]]:
    """(start, end) of tiled amplicons, primers and all, over the reference."""
    return [(at, at + length) for at in range(30, len(REFERENCE) - length - 30, step)]


def bed(primer: int = 25) -> str:
    rows = []
    for number, (start, end) in enumerate(scheme(), start=1):
        rows.append(f"MN908947.3\t{start}\t{start + primer}\tx_{number}_LEFT\t{number % 2 + 1}\t+")
        rows.append(f"MN908947.3\t{end - primer}\t{end}\tx_{number}_RIGHT\t{number % 2 + 1}\t-")
    return "\n".join(rows) + "\n"


def amplicons(*changes: str, depth: int = 30, primer: int = 25) -> tuple[str, str]:
    """Paired reads of a tiled run of a genome whose substitutions are given: the primers' own bases stay."""
    text = genomekit.with_changes(REFERENCE, *changes)
    first, second = [], []
    for number, (start, end) in enumerate(scheme()):
        piece = (
            REFERENCE[start : start + primer]
            + text[start + primer : end - primer]
            + REFERENCE[end - primer : end]
        )
        for copy in range(depth):
            one, two = piece[:250], genomekit.reverse(piece)[:250]
            if copy % 2:
                one, two = two, one
            first.append((f"a{number}.{copy}/1", one, "F" * 250))
            second.append((f"a{number}.{copy}/2", two, "F" * 250))
    return fastq(first), fastq(second)


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_a_planted_genome_comes_back_whole(tmp_path: Path) -> None:
    text = genomekit.with_changes(REFERENCE, *CHANGES)
    path = tmp_path / "S000123.fastq.gz"
    path.write_bytes(gzip.compress(fastq(shotgun(text, 60)).encode()))
    made = reads.consensus([path])
    assert made.name == "S000123"
    assert (made.insertions, made.mixed, made.long) == (((22204, "GAG"),), (), False)
    assert made.covered > 0.998 and made.mapped == made.total
    inner = made.sequence.strip("N")
    assert inner in text and len(inner) > len(text) - 60
    report = genome.analyse([(made.name, made.sequence)])[0]
    assert report.deletions == ["21765-21770"] and report.insertions == ["22204:GAG"]
    assert report.substitutions == sorted(
        (one for one in CHANGES if one[0].isalpha()), key=lambda one: int(one[1:-1])
    )


def test_a_place_under_a_primer_is_told_by_the_other_amplicon_only(tmp_path: Path) -> None:
    start = scheme()[10][0]
    site = next(at for at in range(start + 5, start + 20) if REFERENCE[at] == "A")
    change = f"A{site + 1}G"
    one, two = amplicons(change)
    files = [write(tmp_path / "a_1.fastq", one), write(tmp_path / "a_2.fastq", two)]
    with_scheme = reads.consensus(files, primer_bed=write(tmp_path / "p.bed", bed()))
    without = reads.consensus(files)
    # the primer's own base makes the place look mixed; cut away, the other amplicon's base stands alone
    assert [at for at, _ in without.mixed] == [site + 1]
    assert with_scheme.mixed == () and with_scheme.sequence[site] == "G"
    assert with_scheme.trimmed == with_scheme.mapped == with_scheme.total
    # mates that overlap count once
    assert (with_scheme.name, without.name) == ("a", "a")
    middle = scheme()[10][0] + 200
    assert with_scheme.depth[middle] == 30
    assert with_scheme.depth[: scheme()[0][0] + 25].sum() == 0


def test_a_mixture_is_told_by_its_shares_and_a_shallow_place_is_n(tmp_path: Path) -> None:
    other = genomekit.with_changes(REFERENCE, "C3037T", "C14408T")
    named = shotgun(REFERENCE, 60, 2) + [(f"o{name}", b, q) for name, b, q in shotgun(other, 40, 3)]
    made = reads.consensus([write(tmp_path / "m.fastq", fastq(named))])
    assert [at for at, _ in made.mixed] == [3037, 14408]
    assert made.sequence[3036] == made.sequence[14407] == "Y"
    for _, shares in made.mixed:
        assert 0.25 < shares[3] < 0.55 and shares[1] == pytest.approx(1 - shares[3], abs=0.02)
    hole = [one for one in shotgun(REFERENCE, 60, 4) if REFERENCE.find(one[1]) not in range(9_800, 10_300)]
    forward = [one for one in hole if genomekit.reverse(one[1]) not in REFERENCE[9_800:10_300]]
    made = reads.consensus([write(tmp_path / "h.fastq", fastq(forward))])
    longest = max(made.shallow, key=lambda span: span[1] - span[0])
    assert 9_800 < longest[0] < longest[1] < 10_320
    assert set(made.sequence[longest[0] - 1 : longest[1]]) == {"N"}
    deep = reads.consensus([tmp_path / "h.fastq"], min_depth=1_000)
    assert set(deep.sequence) == {"N"} and deep.covered == 0


def test_bases_of_low_quality_are_not_seen(tmp_path: Path) -> None:
    path = write(tmp_path / "q.fastq", fastq(shotgun(REFERENCE, 30, 5, error=0, quality="+")))
    assert reads.consensus([path]).covered == 0
    assert reads.consensus([path], min_quality=10).covered > 0.99


def test_characters_below_the_scale_are_not_the_best_quality(tmp_path: Path) -> None:
    named = [(name, bases, "\x1f" * len(bases)) for name, bases, _ in shotgun(REFERENCE, 30, 8, error=0)]
    assert reads.consensus([write(tmp_path / "n.fastq", fastq(named))]).covered == 0


def test_long_reads_are_taken_for_long(tmp_path: Path) -> None:
    text = genomekit.with_changes(REFERENCE, *CHANGES)
    path = write(tmp_path / "l.fastq", fastq(shotgun(text, 60, 6, length=2_000, error=0.03)))
    made = reads.consensus([path])
    assert made.long and made.sequence.strip("N") in text


def test_another_organism_gives_no_genome(tmp_path: Path) -> None:
    rng = random.Random(9)
    other = "".join(rng.choice("ACGT") for _ in range(20_000))
    path = write(tmp_path / "human.fastq", fastq(shotgun(other, 20, 7)))
    made = reads.consensus([path])
    assert made.mapped == 0 and set(made.sequence) == {"N"}
    done = CliRunner().invoke(cli, ["treat", "reads", str(path)])
    assert done.exit_code == 0 and "Most reads are not of this virus" in done.stderr + done.stdout
    assert genome.analyse([("x", made.sequence)])[0].status == "no_bases"


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("e.fastq", "", "no reads"),
        ("f.fastq", ">x\nACGT\n", "no FASTQ"),
        ("b.fastq", "@r\nACGT\n+\nFF\n", "no FASTQ"),
        ("t.fastq", "@r\nACGT\n+\n", "no FASTQ"),
        ("g.fastq.gz", "not gzip", "cannot be read"),
    ],
)
def test_what_is_no_fastq_is_refused(tmp_path: Path, name: str, text: str, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        reads.consensus([write(tmp_path / name, text)])


def test_a_file_that_ends_in_the_middle_and_pairs_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    whole = gzip.compress(fastq(shotgun(REFERENCE, 5)).encode())
    cut = tmp_path / "cut.fastq.gz"
    cut.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadInput, match="cannot be read"):
        reads.consensus([cut])
    one = write(tmp_path / "1.fastq", fastq([("a", "ACGT", "FFFF"), ("b", "ACGT", "FFFF")]))
    two = write(tmp_path / "2.fastq", fastq([("a", "ACGT", "FFFF")]))
    with pytest.raises(BadInput, match="differ in length: one ends after read 1"):
        reads.consensus([one, two])
    with pytest.raises(BadInput, match="no mates"):
        reads.consensus([one, write(tmp_path / "3.fastq", fastq([("x", "ACGT", "FFFF")]))])
    with pytest.raises(BadInput, match="one and the same"):
        reads.consensus([one, one])
    with pytest.raises(BadInput, match="one FASTQ file, or the two"):
        reads.consensus([])
    with pytest.raises(BadInput, match=r"no file none\.fastq"):
        reads.consensus([tmp_path / "none.fastq"])


@pytest.mark.parametrize(
    "wrong",
    [{"min_depth": 0}, {"min_depth": True}, {"min_share": 0.6}, {"min_share": 0}, {"min_quality": 99}],
)
def test_figures_out_of_range_are_refused(tmp_path: Path, wrong: dict[str, float]) -> None:
    with pytest.raises(BadInput):
        reads.consensus([write(tmp_path / "r.fastq", "@r\nACGT\n+\nFFFF\n")], **wrong)  # type: ignore[arg-type]


def test_huge_reads_are_refused_before_they_are_mapped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reads, "LONGEST", 100)
    with pytest.raises(BadInput, match="longer than 100"):
        reads.consensus([write(tmp_path / "r.fastq", fastq([("r", "A" * 101, "F" * 101)]))])
    monkeypatch.setattr(reads, "MOST_BASES", 30)
    with pytest.raises(BadInput, match="the file than 30"):
        reads.consensus([write(tmp_path / "s.fastq", fastq([("r", "A" * 20, "F" * 20)] * 2))])


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("x\t1\t2", "row 1: BED has"),
        ("x\ta\t2\ty_LEFT", "row 1: BED has"),
        ("x\t5\t5\ty_LEFT", "no place"),
        ("x\t1\t99999\ty_LEFT", "no place"),
        ("x\t1\t20\ty", "neither a strand"),
        ("# nothing", "no primer"),
    ],
)
def test_a_wrong_scheme_names_its_row(row: str, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        reads.primers(f"{row}\n".encode(), "p.bed", 29_903)


def test_a_scheme_without_strands_is_read_by_its_names() -> None:
    found = reads.primers(b"track x\nr\t10\t30\tn_1_LEFT\nr\t300\t320\tn_1_RIGHT_alt\n", "p.bed", 29_903)
    assert [(one.start, one.end, one.forward) for one in found] == [(10, 30, True), (300, 320, False)]


def test_without_the_extra_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reads, "available", lambda: False)
    with pytest.raises(Fault, match=r"pip install 'lianfang\[reads\]'"):
        reads.consensus([write(tmp_path / "r.fastq", "@r\nACGT\n+\nFFFF\n")])


def test_the_command_writes_consensus_and_depths_and_reads_the_genome(tmp_path: Path) -> None:
    one, two = amplicons("C3037T", "C14408T", "A23403G")
    files = [str(write(tmp_path / "a_1.fastq", one)), str(write(tmp_path / "a_2.fastq", two))]
    scheme_file = str(write(tmp_path / "p.bed", bed()))
    common = ["treat", "reads", *files, "--primers", scheme_file, "--name", "S000123"]
    done = CliRunner().invoke(
        cli, [*common, "--fasta", str(tmp_path / "c.fa"), "--depths", str(tmp_path / "d.csv")]
    )
    assert done.exit_code == 0, done.output
    assert "C3037T C14408T A23403G" in done.output and "covered" in done.output
    again = CliRunner().invoke(cli, ["treat", "genome", str(tmp_path / "c.fa"), "--json"])
    assert json.loads(again.stdout)[0]["substitutions"] == ["C3037T", "C14408T", "A23403G"]
    lines = (tmp_path / "d.csv").read_text().splitlines()
    assert lines[0] == "position,depth" and len(lines) == 29_904
    told = json.loads(CliRunner().invoke(cli, [*common, "--json"]).stdout)
    assert (told["reads"], told["mapped"], told["mixed"]) == (len(one.splitlines()) // 2, told["reads"], [])
    assert told["report"]["qc"]["status"] == "good"
