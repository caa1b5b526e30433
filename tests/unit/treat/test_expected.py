"""Structures from pair probabilities, against enumeration of every structure on short sequences."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from lianfang.cli import cli
from lianfang.foundation.errors import BadInput, UsageError
from lianfang.treat import folding
from lianfang.treat.folding import expected
from lianfang.treat.folding.sequences import partners

RNA = st.text("ACGU", min_size=1, max_size=16)


def structures(bases: int, pairs: set[tuple[int, int]]) -> list[frozenset[tuple[int, int]]]:
    """Every nested structure that takes its pairs from these."""
    if bases == 0:
        return [frozenset()]

    def inside(i: int, j: int) -> list[frozenset[tuple[int, int]]]:
        if i >= j:
            return [frozenset()]
        out = inside(i + 1, j)
        for k in range(i + 1, j):
            if (i, k) in pairs:
                out = out + [
                    left | right | {(i, k)} for left in inside(i + 1, k) for right in inside(k + 1, j)
                ]
        return out

    return inside(0, bases)


def probabilities(sequence: str) -> dict[tuple[int, int], float]:
    frame = folding.base_pairs(sequence, beam=500, least=0.0)
    return {(i - 1, j - 1): p for i, j, p in frame.iter_rows()}


@settings(max_examples=60, deadline=None)
@given(RNA, st.sampled_from([0.3, 1.0, 3.0]))
def test_mea_is_the_best_of_all_structures(sequence: str, gamma: float) -> None:
    known = probabilities(sequence)
    alone = [1 - sum(p for pair, p in known.items() if at in pair) for at in range(len(sequence))]

    def worth(pairs: frozenset[tuple[int, int]]) -> float:
        paired = {at for pair in pairs for at in pair}
        return sum(2 * gamma * known[pair] for pair in pairs) + sum(
            max(0.0, one) for at, one in enumerate(alone) if at not in paired
        )

    found = folding.mea(sequence, gamma=gamma, beam=500)
    partner = partners(found.structure)
    mine = frozenset((i, int(j)) for i, j in enumerate(partner) if j > i)
    assert mine <= set(known)
    assert worth(mine) == pytest.approx(max(map(worth, structures(len(sequence), set(known)))), abs=1e-4)
    assert found.energy == folding.evaluate(sequence, found.structure)


@settings(max_examples=60, deadline=None)
@given(st.text("ACGU", min_size=1, max_size=60))
def test_the_centroid_holds_exactly_the_likely_pairs(sequence: str) -> None:
    known = probabilities(sequence)
    partner = partners(folding.centroid(sequence, beam=500).structure)
    assert {(i, int(j)) for i, j in enumerate(partner) if j > i} == {
        pair for pair, p in known.items() if p > 0.5
    }


@settings(max_examples=60, deadline=None)
@given(st.text("ACGU", min_size=1, max_size=60), st.sampled_from([0.2, 0.3, 0.5]))
def test_threshknot_holds_each_others_best(sequence: str, theta: float) -> None:
    known = probabilities(sequence)
    best = [max((p for pair, p in known.items() if at in pair), default=0) for at in range(len(sequence))]
    wanted = {(i, j) for (i, j), p in known.items() if p >= theta and p == best[i] == best[j]}
    assert crossing_pairs(folding.threshknot(sequence, theta=theta, beam=500)) == wanted


def crossing_pairs(structure: str) -> set[tuple[int, int]]:
    out: set[tuple[int, int]] = set()
    for opening, closing in expected.LEVELS:
        waiting: list[int] = []
        for at, sign in enumerate(structure):
            if sign == opening:
                waiting.append(at)
            elif sign == closing:
                out.add((waiting.pop(), at))
        assert not waiting
    return out


@settings(max_examples=100, deadline=None)
@given(st.permutations(range(16)), st.integers(0, 6))
def test_any_pairs_can_be_written_in_brackets(order: list[int], count: int) -> None:
    pairs = [(min(order[2 * at : 2 * at + 2]), max(order[2 * at : 2 * at + 2])) for at in range(count)]
    assert crossing_pairs(expected.bracketed(16, pairs)) == set(pairs)


def test_bad_calls_are_refused() -> None:
    for call in (
        lambda: folding.mea("A" * 8_001),
        lambda: folding.mea("ACGU", gamma=0),
        lambda: folding.mea("ACGU", gamma=True),
        lambda: folding.threshknot("ACGU", theta=0),
        lambda: folding.threshknot("ACGU", theta=1.5),
        lambda: folding.centroid(""),
        lambda: folding.mea("AC!U"),
    ):
        with pytest.raises(BadInput):
            call()


def run(*args: str, text: str = ">a\nGGGGGAAACCCCC\n"):  # type: ignore[no-untyped-def]
    return CliRunner().invoke(cli, ["treat", *args], input=text)


def test_on_the_command_line() -> None:
    for kind in ("mea", "centroid"):
        assert run("fold", "-", "--structure", kind).stdout.splitlines()[2].startswith("(((((...)))))")
    assert run("fold", "-", "--structure", "threshknot").stdout.splitlines() == [
        ">a", "GGGGGAAACCCCC", "(((((...)))))",
    ]  # fmt: skip
    rows = [line.split("\t") for line in run("pairs", "-", "--least", "0.5").stdout.splitlines()]
    assert [(int(i), int(j)) for _, i, j, _ in rows] == [(1, 13), (2, 12), (3, 11), (4, 10), (5, 9)]
    open_first = run("accessible", "-", "--length", "3", "--top", "1").stdout.split("\t")
    assert open_first[:3] == ["a", "6", "8"]
    found = json.loads(
        run("accessible", "-", "--length", "3", "--top", "0", "--from", "2", "--to", "4", "--json").stdout
    )
    assert sorted(row["start"] for row in found["a"]) == [2, 3, 4]
    for args, error in (
        (("fold", "-", "--structure", "mea", "--constraint", "(...)"), UsageError),
        (("fold", "-", "--structure", "threshknot", "--format", "ct"), UsageError),
        (("pairs", "-", "--least", "2"), UsageError),
        (("accessible", "-", "--length", "99"), BadInput),
    ):
        assert isinstance(run(*args).exception, error), args
