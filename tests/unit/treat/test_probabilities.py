"""Pair probabilities against the sum over every structure, and on genome-sized input."""

from __future__ import annotations

import math
import random

import pytest

from folding_oracle import KT, ensemble
from lianfang.foundation.errors import BadInput
from lianfang.treat import folding


@pytest.mark.parametrize("seed", range(8))
def test_equal_to_the_sum_over_every_structure(seed):
    sequence = "GGG" + "".join(random.Random(seed).choices("ACGU", k=11)) + "CCC"
    total, pairs = ensemble(sequence, lambda structure: folding.evaluate(sequence, structure))
    found = {(i - 1, j - 1): p for i, j, p in folding.base_pairs(sequence, least=0.0).iter_rows()}
    assert folding.ensemble_energy(sequence) == pytest.approx(-KT * math.log(total), abs=1e-9)
    for pair, probability in pairs.items():
        assert found[pair] == pytest.approx(probability, abs=1e-9)


def test_nothing_overflows_and_no_base_is_more_than_paired():
    sequence = "".join(random.Random(3).choices("ACGU", weights=[3, 2, 2, 3], k=8000))
    frame = folding.base_pairs(sequence, beam=30)
    paired = [0.0] * 8001
    for i, j, probability in frame.iter_rows():
        paired[i] += probability
        paired[j] += probability
    assert max(paired) <= 1.0 + 1e-6
    assert math.isfinite(folding.ensemble_energy(sequence, beam=30))


def test_the_ensemble_is_below_the_fold():
    sequence = "".join(random.Random(1).choices("ACGU", k=150))
    assert folding.ensemble_energy(sequence, beam=300) < folding.fold(sequence, beam=300).energy


def test_open_sites_are_the_loops():
    track = folding.accessible("GGGGGGGAAAAAAAACCCCCCC", length=6)
    best = track.sort("unpaired").row(-1, named=True)
    assert (best["start"], best["end"]) in {(8, 13), (9, 14), (10, 15)}
    assert best["unpaired"] > 0.95
    assert track.height == 17
    assert folding.accessible("AAAA", length=4).row(0) == (1, 4, 1.0, 1.0)
    for length in (0, 23, 1.5):
        with pytest.raises(BadInput):
            folding.accessible("GGGGGGGAAAAAAAACCCCCCC", length=length)


def test_what_cannot_pair_has_no_pairs():
    assert folding.base_pairs("NNNNNNNNNN").is_empty()
    assert folding.ensemble_energy("A") == 0.0
    with pytest.raises(BadInput):
        folding.base_pairs("")
