"""Reads to a consensus beside minimap2, samtools and ivar: the same simulated tiled run, both consensuses, CPU seconds.

    PYTHONPATH=src:tests python benchmarks/reads.py

Needs minimap2, samtools and ivar on the PATH (Debian packages). The run is simulated: 93 amplicons of 400 bases,
primers of 25 whose own bases stay, 250-base mates, one base in 500 wrong at low quality,
five genomes with 30 substitutions and a deletion each.
"""

from __future__ import annotations

import random
import resource
import subprocess
import tempfile
from pathlib import Path

import genomekit
from lianfang.treat.genome import load, reads

PRIMER, LENGTH, STEP, MATE, DEPTH, ERROR = 25, 400, 320, 250, 500, 0.002


def amplicons(reference: str) -> list[tuple[int, int]]:
    return [(at, at + LENGTH) for at in range(30, len(reference) - LENGTH - 30, STEP)]


def noisy(rng: random.Random, text: str) -> tuple[str, str]:
    bases, scores = list(text), ["F"] * len(text)
    for _ in range(int(rng.gauss(ERROR * len(text), (ERROR * len(text)) ** 0.5) + 0.5)):
        at = rng.randrange(len(text))
        bases[at], scores[at] = rng.choice("ACGT"), "'"
    return "".join(bases), "".join(scores)


def simulate(folder: Path, seed: int) -> tuple[list[Path], str]:
    """Two FASTQ files and the genome that they came of; the deletion lies inside one amplicon."""
    rng = random.Random(seed)
    reference = load().reference
    changes = genomekit.random_substitutions(reference, 30, seed, 500, 28_000)
    taken = {int(one[1:-1]) for one in changes}
    gap = next(at for at in range(12_000, 20_000) if not taken & set(range(at - 30, at + 40)))
    truth = genomekit.with_changes(reference, *changes, f"{gap}-{gap + 5}")
    files = [folder / f"{seed}_1.fastq", folder / f"{seed}_2.fastq"]
    with files[0].open("w") as one, files[1].open("w") as two:
        for number, (start, end) in enumerate(amplicons(reference)):
            # a substitution under a primer is not in the primer's own copies
            inner = [change for change in changes if start + PRIMER < int(change[1:-1]) <= end - PRIMER]
            whole = start + PRIMER < gap and gap + 5 <= end - PRIMER
            text = genomekit.with_changes(reference, *inner, *([f"{gap}-{gap + 5}"] if whole else []))
            piece = text[start : end - 6 * whole]
            back = genomekit.reverse(piece)
            for copy in range(DEPTH):
                for stream, side in ((one, piece), (two, back)) if copy % 2 else ((one, back), (two, piece)):
                    bases, scores = noisy(rng, side[:MATE])
                    stream.write(f"@a{number}.{copy}\n{bases}\n+\n{scores}\n")
    return files, truth


def scheme(folder: Path, name: str) -> Path:
    rows = []
    for number, (start, end) in enumerate(amplicons(load().reference), start=1):
        rows.append(f"{name}\t{start}\t{start + PRIMER}\tx_{number}_LEFT\t60\t+")
        rows.append(f"{name}\t{end - PRIMER}\t{end}\tx_{number}_RIGHT\t60\t-")
    path = folder / "scheme.bed"
    path.write_text("\n".join(rows) + "\n")
    return path


def peer(folder: Path, files: list[Path], bed: Path, reference: Path) -> str:
    """ivar's consensus at depth 10, quality 20, share 0.75 (what is below is written as a mixed letter)."""
    steps = [
        f"minimap2 -t 1 -ax sr {reference} {files[0]} {files[1]} 2>/dev/null | samtools sort -o {folder}/m.bam -",
        f"samtools index {folder}/m.bam",
        f"ivar trim -e -q 0 -m 30 -b {bed} -i {folder}/m.bam -p {folder}/t > /dev/null 2>&1",
        f"samtools sort -o {folder}/s.bam {folder}/t.bam 2>/dev/null",
        f"samtools mpileup -aa -A -d 0 -Q 0 {folder}/s.bam 2>/dev/null"
        f" | ivar consensus -p {folder}/c -q 20 -t 0.75 -m 10 -n N > /dev/null 2>&1",
    ]
    for step in steps:
        subprocess.run(["bash", "-c", step], check=True)
    return "".join((folder / "c.fa").read_text().splitlines()[1:])


def cpu(who: int) -> float:
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


def agree(one: str, truth: str) -> bool:
    inner = one.strip("N")
    return inner in truth and len(inner) > len(truth) - 500


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        reference = folder / "ref.fa"
        reference.write_text(f">ref\n{load().reference}\n")
        bed = scheme(folder, "ref")
        warm, _ = simulate(folder, 99)
        reads.consensus(warm, primer_bed=bed)  # what is compiled, is compiled before the clock runs
        ours_right = theirs_right = same = total = 0
        spent = [0.0, 0.0]
        for seed in range(5):
            files, truth = simulate(folder, seed)
            before = cpu(resource.RUSAGE_SELF)
            made = reads.consensus(files, primer_bed=bed)
            spent[0] += cpu(resource.RUSAGE_SELF) - before
            before = cpu(resource.RUSAGE_CHILDREN)
            theirs = peer(folder, files, bed, reference)
            spent[1] += cpu(resource.RUSAGE_CHILDREN) - before
            ours_right += agree(made.sequence, truth)
            theirs_right += agree(theirs, truth)
            same += made.sequence.strip("N") == theirs.strip("N")
            total += made.total
    print(f"{total:,} reads, 5 samples: ours right {ours_right}, ivar right {theirs_right}, equal {same}")
    print(f"CPU s: ours {spent[0]:.1f} ({1e6 * spent[0] / total:.0f} us a read), peer {spent[1]:.1f}, "
          f"ratio {spent[0] / spent[1]:.2f}")  # fmt: skip


if __name__ == "__main__":
    main()
