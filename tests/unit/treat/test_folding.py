"""Folding against every structure, against the cubic recurrences, and on bad input."""

from __future__ import annotations

import gzip
import random

import pytest

from folding_oracle import brackets, least_energy, structures
from lianfang.foundation.errors import BadInput
from lianfang.treat import folding
from lianfang.treat.folding.sequences import encode


def rna(n: int, seed: int) -> str:
    return "".join(random.Random(seed).choices("ACGU", k=n))


@pytest.mark.parametrize("seed", range(12))
def test_a_short_fold_is_the_least_of_all_structures(seed):
    sequence = rna(17, seed) if seed % 2 else "GGG" + rna(11, seed) + "CCC"
    least = min(folding.evaluate(sequence, brackets(len(sequence), pairs)) for pairs in structures(sequence))
    found = folding.fold(sequence)
    assert found.energy == pytest.approx(least)
    assert folding.evaluate(sequence, found.structure) == found.energy


@pytest.mark.parametrize("seed", range(6))
def test_with_a_beam_that_keeps_all_the_fold_is_exact(seed):
    """Multiloops, long bulges and all: equal to the cubic recurrences."""
    stem = "GGGCGAGCC" if seed % 2 else ""
    sequence = stem + rna(60, 100 + seed) + ("GGCUCGCCC" if stem else "")
    assert round(folding.fold(sequence, beam=1000).energy * 100) == least_energy(encode(sequence))


def test_a_multiloop_is_found():
    found = folding.fold("GGGCAGCGCGAAAGCGCAGCCGCGAAAGCGGCAGCGGCGAAAGCCGCAGCCC")
    assert found.structure.count("(((") >= 3
    assert round(found.energy * 100) == least_energy(encode(found.sequence))


def test_what_is_written_otherwise_is_the_same():
    assert folding.fold("ggggaaaa cccc\n") == folding.fold("GGGGAAAACCCC")
    assert folding.fold("GATTACA" * 4).sequence == "GAUUACA" * 4
    ambiguous = folding.fold("GGRGAAAACCCC")
    assert ambiguous.sequence[2] == "N"
    assert ambiguous.structure[2] == "."


@pytest.mark.parametrize("sequence", ["A", "AC", "ACGU", "NNNNNNNNNN", "A" * 200])
def test_what_cannot_pair_stays_open(sequence):
    found = folding.fold(sequence)
    assert (found.structure, found.energy) == ("." * len(sequence), 0.0)


@pytest.mark.parametrize("bad", ["", "  ", "ACGU-ACGU", "GATTACA1", "A" * 100_001, b"ACGU", None])
def test_what_is_no_sequence_is_refused(bad):
    with pytest.raises(BadInput):
        folding.fold(bad)


@pytest.mark.parametrize("beam", [0, -1, 2001, 1.5, True])
def test_what_is_no_beam_is_refused(beam):
    with pytest.raises(BadInput):
        folding.fold("GGGGAAAACCCC", beam=beam)


def test_too_much_memory_is_refused_before_it_is_taken():
    with pytest.raises(BadInput, match="memory"):
        folding.fold("ACGU" * 25_000, beam=2000)


def test_constraints_hold():
    free = folding.fold("GGGGAAAACCCC")
    assert free.structure == "((((....))))"
    assert folding.fold(free.sequence, constraint="xx..........").structure.startswith("..")
    wanted = "....(......)...................."
    sequence = "GGGGGAAAAAAUCCCCGGGGAAAACCCCAAAA"
    held = folding.fold(sequence, constraint=wanted)
    assert (held.structure[4], held.structure[11]) == ("(", ")")
    assert held.energy == folding.evaluate(sequence, held.structure)
    assert held.energy > folding.fold(sequence).energy


@pytest.mark.parametrize(
    "constraint", ["(((", "(..........(", "(.).........", "....?.......", ")..........."]
)
def test_a_constraint_that_cannot_hold_is_refused(constraint):
    with pytest.raises(BadInput):
        folding.fold("GGGGAAAACCCC", constraint=constraint)


@pytest.mark.parametrize(
    "structure", ["((((....)))", "((((....))).", "(..........)(", "((((.[..))))", "(((......)))."]
)
def test_a_structure_that_is_none_is_refused(structure):
    with pytest.raises(BadInput):
        folding.evaluate("GGGGAAAACCCC", structure)


def test_many_at_once_in_their_order():
    sequences = [(f"s{k}", rna(20 + 13 * (k % 5), k)) for k in range(12)]
    told = []
    found = folding.fold_many(sequences, workers=2, progress=lambda *step: told.append(step))
    assert [(one.name, one.sequence) for one in found] == sequences
    assert found == [folding.fold(sequence, name=name) for name, sequence in sequences]
    assert told[0] == ("folding", 0, 12)
    assert told[-1] == ("folding", 12, 12)
    assert folding.fold_many([]) == []
    with pytest.raises(BadInput, match="Sequence 2"):
        folding.fold_many(["ACGU", "AC!U"])


def test_fasta_packed_or_not():
    text = b">a first\nACGU\nacgt\n\n>b\nGGG\n"
    assert list(folding.fasta(text)) == [("a", "ACGUacgt"), ("b", "GGG")]
    assert list(folding.fasta(gzip.compress(text))) == list(folding.fasta(text))
    assert list(folding.fasta(gzip.compress(text[:10]) + gzip.compress(text[10:]))) == list(
        folding.fasta(text)
    )
    assert list(folding.fasta(b"ACGU\nGG")) == [("unnamed", "ACGUGG")]
    assert list(folding.fasta(b"")) == []
    for broken in (b"\x1f\x8bnot gzip", gzip.compress(text)[:-9]):
        with pytest.raises(BadInput):
            list(folding.fasta(broken))


def test_the_same_sequence_gives_the_same_fold():
    sequence = rna(400, 9)
    assert folding.fold(sequence) == folding.fold(sequence)
    assert folding.fold(sequence, beam=400).energy <= folding.fold(sequence, beam=5).energy
