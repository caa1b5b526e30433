"""Writes the SARS-CoV-2 dataset that the package carries, from its public sources.

    python scripts/genome_dataset.py --reference NC_045512.2.fasta --genes gene_map.tsv --oligos pcr_oligos.tsv \
        --clades clades.tsv

Sources and their terms:

- the reference genome: NCBI RefSeq NC_045512.2 (Wu et al. 2020, Nature 579:265), no copyright claimed by the
database;
- the coding sequences: the coordinates of its annotation, ORF1a and ORF1b apart, ORF9b included;
- the oligos: the in-house assays that the WHO published in January 2020 (China CDC, Charité, HKU, US CDC, Institut
  Pasteur), as collected in nextstrain/nextclade (MIT), with columns institute, target, oligo, sequence_5to3, strand,
  start, end;
- the clade rules: ``defaults/clades.tsv`` of nextstrain/ncov (MIT) at commit 025fbf8468c2, the clades to 21M of
December
  2021: later ones are told by a lineage table or a Nextclade dataset that the laboratory installs.

The lineage table is not among them: Pango designations are CC BY-NC.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
from pathlib import Path

TARGET = Path(__file__).resolve().parents[1] / "src/lianfang/treat/genome/datasets/sars-cov-2"
MD5 = "105c82802b67521950854a851fc6eefd"


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        kept = [line for line in stream if line.strip()]
    return list(csv.DictReader(kept, delimiter="\t"))


def write(path: Path, columns: list[str], table: list[dict[str, str]]) -> None:
    lines = ["\t".join(columns), *("\t".join(row[one] for one in columns) for row in table)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in ("reference", "genes", "oligos", "clades"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    given = parser.parse_args()
    TARGET.mkdir(parents=True, exist_ok=True)
    text = given.reference.read_text(encoding="ascii")
    sequence = "".join(line.strip() for line in text.splitlines() if not line.startswith(">")).upper()
    if hashlib.md5(sequence.encode("ascii"), usedforsecurity=False).hexdigest() != MD5:
        raise SystemExit("This is not NC_045512.2.")
    folded = "\n".join(sequence[at : at + 70] for at in range(0, len(sequence), 70))
    (TARGET / "reference.fasta").write_text(f">NC_045512.2\n{folded}\n", encoding="ascii")
    genes = sorted(rows(given.genes), key=lambda row: int(row["start"]))
    write(TARGET / "genes.tsv", ["gene", "start", "end"], genes)
    columns = ["institute", "target", "oligo", "sequence_5to3", "strand", "start", "end"]
    write(TARGET / "oligos.tsv", columns, rows(given.oligos))
    write(TARGET / "clades.tsv", ["clade", "gene", "site", "alt"], rows(given.clades))
    about = {
        "name": "sars-cov-2",
        "title": {"zh": "新型冠状病毒（SARS-CoV-2）", "en": "SARS-CoV-2"},
        "version": "2021-12-22",
        "reference": "NC_045512.2",
        "clades_to": "21M (Omicron)",
        "sources": {
            "reference.fasta": "NCBI RefSeq NC_045512.2; no copyright claimed",
            "genes.tsv": "annotation of NC_045512.2, NCBI",
            "oligos.tsv": "in-house assays published by the WHO, 2020; collected in nextstrain/nextclade (MIT)",
            "clades.tsv": "nextstrain/ncov defaults/clades.tsv, commit 025fbf8468c2 (MIT)",
        },
        "sha256": {
            name: hashlib.sha256((TARGET / name).read_bytes()).hexdigest()
            for name in ("reference.fasta", "genes.tsv", "oligos.tsv", "clades.tsv")
        },
    }
    (TARGET / "dataset.json").write_text(
        json.dumps(about, ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
    )


if __name__ == "__main__":
    main()
