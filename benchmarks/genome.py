"""Reading genomes against MAFFT and mappy (minimap2) in one run: CPU ms a genome, memory, and a thousand of them.

    python benchmarks/genome.py --data DIR [--mappy DIR]

DIR holds ``NC_045512.2.fasta``, ``real_open_sc2.fasta.gz``, ``noisy_queries.fasta.gz`` and the lineage table. MAFFT
is the Debian package (``mafft --6merpair --keeplength --addfragments``), mappy PyPI's 2.31 (``pip install --target
DIR mappy``). Ours is everything: alignment, changes, proteins, quality, clade, lineage, oligos. The peers only align.
CPU is user plus system time of a process of its own; compiled code is in the cache, as it is after the first call.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

OURS = """
import json, resource, sys, time
from lianfang.treat import genome
from lianfang.treat.genome import lineages
table = lineages.read(sys.argv[2])
table.nodes, table.labels
warm = genome.analyse(sys.argv[1], lineage_table=table)
def cpu():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
many = [(f"{one.name}-{at}", sequence) for at in range(int(sys.argv[3]))
        for one, (_, sequence) in zip(warm, genome.report._pairs(sys.argv[1]))]
begin, wall = cpu(), time.perf_counter()
found = genome.analyse(many, lineage_table=table, workers=int(sys.argv[4]))
print(json.dumps({"genomes": len(found), "cpu": cpu() - begin, "wall": time.perf_counter() - wall,
                  "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}))
"""

MAPPY = """
import gzip, json, sys, time
sys.path.insert(0, sys.argv[3])
import mappy
text = gzip.open(sys.argv[2], "rt").read()
sequences = ["".join(part.split("\\n")[1:]) for part in text.split(">")[1:]] * int(sys.argv[4])
aligner = mappy.Aligner(sys.argv[1], preset="asm20")
begin = time.process_time()
hits = sum(len(list(aligner.map(sequence, cs=True))) for sequence in sequences)
print(json.dumps({"genomes": len(sequences), "cpu": time.process_time() - begin, "hits": hits}))
"""


def child(code: str, *args: str) -> dict[str, float]:
    done = subprocess.run([sys.executable, "-c", code, *args], capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def mafft(reference: Path, sequences: Path) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "queries.fasta"
        plain.write_bytes(gzip.decompress(sequences.read_bytes()))
        count = plain.read_text("ascii").count(">")
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        command = ["mafft", "--quiet", "--6merpair", "--keeplength", "--thread", "1"]
        subprocess.run(
            [*command, "--addfragments", str(plain), str(reference)], capture_output=True, check=True
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {"genomes": count, "cpu": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--mappy", type=Path)
    given = parser.parse_args()
    reference, table = given.data / "NC_045512.2.fasta", next(given.data.glob("lineage_table_*.tsv.gz"))
    os.environ["OMP_NUM_THREADS"] = "1"
    for name in ("real_open_sc2.fasta.gz", "noisy_queries.fasta.gz"):
        source = given.data / name
        mine = child(OURS, str(source), str(table), "5", "1")
        print(
            f"{name}: ours {1000 * mine['cpu'] / mine['genomes']:.2f} ms CPU a genome, {mine['memory']:.0f} MB"
        )
        if shutil.which("mafft"):
            peer = mafft(reference, source)
            each = peer["cpu"] / peer["genomes"]
            print(f"  MAFFT {1000 * each:.1f} ms; ours / MAFFT {mine['cpu'] / mine['genomes'] / each:.2f}")
        if given.mappy:
            peer = child(MAPPY, str(reference), str(source), str(given.mappy), "5")
            each = peer["cpu"] / peer["genomes"]
            print(f"  mappy {1000 * each:.1f} ms; ours / mappy {mine['cpu'] / mine['genomes'] / each:.2f}")
    many = child(OURS, str(given.data / "real_open_sc2.fasta.gz"), str(table), "50", "2")
    spent = f"{many['wall']:.1f} s wall, {many['cpu']:.1f} s CPU, {many['memory']:.0f} MB"
    print(f"{many['genomes']:.0f} genomes on 2 cores: {spent}")


if __name__ == "__main__":
    main()
