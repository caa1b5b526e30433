"""Energies equal to ViennaRNA's evaluation, folds to LinearFold-V's, on RNAs of known structure and the genome."""

from __future__ import annotations

import gzip
import json

import pytest

from lianfang.treat import folding
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
