"""Energies equal to ViennaRNA's evaluation, folds to LinearFold-V's, on RNAs of known structure and the genome."""

from __future__ import annotations

import gzip
import json

import pytest

from lianfang.treat import folding
from lianfang.treat.folding.sequences import partners
from shared import shared_data


@pytest.fixture(scope="module")
def known():
    with gzip.open(shared_data("genomics", "rna_known_structures.json.gz"), "rt", encoding="utf-8") as stream:
        return json.load(stream)


@pytest.mark.parametrize("program", ["linearfold_v_b100", "viennarna_2_8_0_mfe"])
def test_the_energy_of_their_structures_is_the_energy_they_give(known, program):
    assert len(known) == 60
    for rna in known:
        energy = folding.evaluate(rna["seq"], rna[program]["structure"])
        assert energy == pytest.approx(rna[program]["energy"], abs=0.006), rna["name"]


def test_never_above_linearfold_at_the_same_beam(known):
    for rna in known:
        found = folding.fold(rna["seq"], beam=100)
        assert found.energy <= rna["linearfold_v_b100"]["energy"] + 0.01, rna["name"]
        assert found.energy >= rna["viennarna_2_8_0_mfe"]["energy"] - 0.01, rna["name"]
        assert folding.evaluate(rna["seq"], found.structure) == found.energy


def test_the_whole_genome():
    """LinearFold-V reaches -8476.20 at the same beam (printed in single precision)."""
    name, sequence = next(folding.fasta(shared_data("genomics", "NC_045512.2.fasta").read_bytes()))
    found = folding.fold(sequence, name=name)
    assert len(found.structure) == 29_903
    assert found.energy <= -8476.20
    assert folding.evaluate(sequence, found.structure) == found.energy


def test_what_is_likelier_than_not_comes_nearest_to_known_structures(known):
    """Macro F1 over families, exact pairs: LinearFold-V and ViennaRNA 0.525; the mark for ours is 0.538."""
    scores = {"centroid": {}, "mfe": {}}
    for rna in known:
        true = {(a - 1, b - 1) for a, b in rna["pairs"]}
        found = {
            "centroid": folding.centroid(rna["seq"]).structure,
            "mfe": rna["viennarna_2_8_0_mfe"]["structure"],
        }
        for kind, structure in found.items():
            mine = {(i, int(j)) for i, j in enumerate(partners(structure)) if j > i}
            score = 2 * len(mine & true) / max(1, len(mine) + len(true))
            scores[kind].setdefault(rna["family"], []).append(score)
    macro = {kind: sum(sum(one) / len(one) for one in by.values()) / len(by) for kind, by in scores.items()}
    assert macro["mfe"] == pytest.approx(0.525, abs=0.001)
    assert macro["centroid"] >= 0.538
