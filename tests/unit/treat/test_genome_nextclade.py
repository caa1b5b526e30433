"""A dataset folder as Nextclade 3 has it: read, and refused with the file's name where it is not in order."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import genomekit
from lianfang.foundation.errors import BadInput
from lianfang.treat import genome
from lianfang.treat.genome import dataset

REFERENCE = genomekit.reference()


def folder(tmp_path: Path, **changed: Any) -> Path:
    made = tmp_path / "dataset"
    made.mkdir()
    (made / "reference.fasta").write_text(f">MN908947\n{REFERENCE}\n", "ascii")
    genes = [f"MN908947\t.\tCDS\t{one.parts[0][0] + 1}\t{one.parts[0][1]}\t.\t+\t0\tID=cds-{one.name};Name={one.name}"
             for one in dataset.load().coding]  # fmt: skip
    (made / "genome_annotation.gff3").write_text("\n".join(["##gff-version 3", *genes]) + "\n", "utf-8")
    pathogen = {
        "files": {
            "reference": "reference.fasta",
            "genomeAnnotation": "genome_annotation.gff3",
            "treeJson": "tree.json",
        },
        "attributes": {"name": "test"},
        "version": {"tag": "2026-01-01"},
        "qc": {
            "privateMutations": {
                "enabled": True,
                "typical": 1,
                "cutoff": 10,
                "weightLabeledSubstitutions": 4,
            },
            "frameShifts": {
                "ignoredFrameShifts": [{"cdsName": "ORF8", "codonRange": {"begin": 36, "end": 122}}]
            },
            "stopCodons": {"ignoredStopCodons": [{"cdsName": "ORF8", "codon": 26}]},
        },
        "mutLabels": {"nucMutLabelMap": {"23063T": ["20I", "20H"], "5388A": ["20I"]}},
    } | changed.pop("pathogen", {})
    (made / "pathogen.json").write_text(json.dumps(pathogen), "utf-8")
    root = {"clade_membership": {"value": "19A"}, "Nextclade_pango": {"value": "B"}}
    tree = {"tree": {"name": "root", "node_attrs": root, "children": [{
                "name": "B.1", "branch_attrs": {"mutations": {"nuc": ["C241T", "C3037T", "C14408T", "A23403G"]}},
                "node_attrs": {"clade_membership": {"value": "20A"}, "Nextclade_pango": {"value": "B.1"}},
                "children": [{
                    "name": "x", "branch_attrs": {"mutations": {"nuc": ["T241C", "A23063T", "G28881A"]}},
                    "node_attrs": {"clade_membership": {"value": "20I"}, "Nextclade_pango": {"value": "B.1.1.7"}},
                }],
            }]}}  # fmt: skip
    (made / "tree.json").write_text(json.dumps(changed.pop("tree", tree)), "utf-8")
    for name, text in changed.items():
        (made / name.replace("_json", ".json").replace("_gff3", ".gff3")).write_text(text, "utf-8")
    return made


def test_its_tree_names_clade_and_lineage_and_its_figures_score(tmp_path: Path) -> None:
    made = genome.load(str(folder(tmp_path)))
    assert (made.name, made.version, len(made.coding)) == ("test", "2026-01-01", 12)
    changes = ("C241T", "C3037T", "C14408T", "A23403G", "C5388A", "A23063T", "A2000G", "C27972T")
    changes = tuple(one for one in changes if REFERENCE[int(one[1:-1]) - 1] == one[0])
    found = genome.analyse([("one", genomekit.with_changes(REFERENCE, *changes))], dataset=made)[0]
    assert (found.clade, found.lineage) == ("20A", "B.1")
    assert found.qc is not None
    unlabelled = len(changes) - 6
    assert found.qc.private_total == 8 + unlabelled
    assert found.qc.private_score == pytest.approx((8 + unlabelled - 1) * 10)
    assert (found.stop_codons, found.qc.stop_codons) == (["ORF8:27"], 0)
    # The tree takes 241 back to the reference's base below B.1: the entry has no change there.
    below = genome.analyse(
        [("two", genomekit.with_changes(REFERENCE, "C3037T", "C14408T", "A23403G", "A23063T", "G28881A"))],
        dataset=made,
    )[0]
    assert (below.clade, below.lineage, below.lineage_distance) == ("20I", "B.1.1.7", 0)


@pytest.mark.parametrize(
    ("changed", "names"),
    [
        ({"pathogen_json": "{"}, "pathogen.json"),
        ({"pathogen_json": "[]"}, "pathogen.json"),
        ({"tree_json": '{"tree": {"node_attrs": 3}}'}, "tree"),
        ({"tree_json": '{"tree": {"branch_attrs": {"mutations": {"nuc": ["C24x"]}}}}'}, "tree"),
        ({"tree_json": '{"tree": {"branch_attrs": {"mutations": {"nuc": ["C99999999T"]}}}}'}, "tree"),
        ({"genome_annotation_gff3": "x\t.\tCDS\t1\t30\t.\t-\t0\tID=a\n"}, "minus"),
        ({"genome_annotation_gff3": "x\t.\tCDS\t1\t31\t.\t+\t0\tID=a\n"}, "multiple"),
        ({"genome_annotation_gff3": "x\t.\tCDS\t1\t999999\t.\t+\t0\tID=a\n"}, "annotation"),
        ({"reference.fasta": ">a\nACGT\n"}, "reference"),
        ({"pathogen": {"files": {"reference": "../../secret.fasta"}}}, "outside"),
        ({"pathogen": {"qc": {"privateMutations": {"cutoff": 0}}}}, "threshold"),
        ({"pathogen": {"qc": {"privateMutations": {"cutoff": "many"}}}}, "privateMutations.cutoff"),
        ({"pathogen": {"qc": {"stopCodons": {"ignoredStopCodons": [{"codon": 1}]}}}}, "ignore"),
    ],
)
def test_what_is_not_in_order_is_named(tmp_path: Path, changed: dict[str, Any], names: str) -> None:
    with pytest.raises(BadInput, match=names):
        genome.load(str(folder(tmp_path, **changed)))
