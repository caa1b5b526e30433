"""EARS against a plain loop, and what detect refuses."""

from __future__ import annotations

import statistics

import pytest
from scipy.stats import norm

from lianfang.foundation.errors import BadInput, UsageError
from lianfang.predict.detection import METHODS, detect

COUNTS = [4, 6, 3, 5, 8, 2, 4, 5, 7, 3, 9, 14, 22, 6, 5, 4, 5, 3, 6, 5]


def plain(t, gap, alpha):
    """Bound at the 1-based step t, or None."""
    if t - gap - 7 < 1:
        return None
    base = COUNTS[t - gap - 8 : t - gap - 1]
    return statistics.mean(base) + norm.ppf(1 - alpha) * statistics.stdev(base)


@pytest.mark.parametrize(("method", "gap"), [("ears_c1", 0), ("ears_c2", 2)])
def test_bounds_equal_a_plain_loop(method, gap):
    frame = detect(COUNTS, method=method, alpha=0.01, points=range(1, len(COUNTS) + 1))
    for row in frame.iter_rows(named=True):
        wanted = plain(row["t"], gap, 0.01)
        if wanted is None:
            assert row["bound"] is None
            assert row["alarm"] is False
        else:
            assert row["bound"] == pytest.approx(wanted)
            assert row["alarm"] == (row["observed"] > wanted)
    assert frame["alarm"].any()


def test_c3_as_published_reacts_to_the_present_count():
    calm = [4, 6, 3, 5, 8, 2, 4, 5, 7, 3, 5, 4, 6]
    quiet = detect([*calm, 5], method="ears_c3", definition="published", points=[14])
    loud = detect([*calm, 60], method="ears_c3", definition="published", points=[14])
    assert (quiet["alarm"][0], loud["alarm"][0]) == (False, True)
    assert quiet["bound"][0] == loud["bound"][0]


def test_default_points_are_the_last_26_and_missing_counts_decline():
    frame = detect([5, 4] * 20, method="ears_c1")
    assert frame["t"].to_list() == list(range(15, 41))
    gap = detect([5, 4, None, 3, 5, 6, 4, 5, 4, 40], method="ears_c1", points=[10])
    assert gap.row(0, named=True) == {
        "t": 10,
        "observed": 40.0,
        "expected": None,
        "bound": None,
        "alarm": False,
    }


def test_an_unbuilt_method_names_the_built_ones():
    for name in ("farrington_flexible", "rki", "nonsense"):
        with pytest.raises(UsageError) as told:
            detect(COUNTS, method=name)
        assert all(method in str(told.value) for method in METHODS)


@pytest.mark.parametrize(
    ("kwargs", "error", "words"),
    [
        ({"points": [0]}, BadInput, "step 0"),
        ({"points": [21]}, BadInput, "step 21"),
        ({"points": [1.5]}, BadInput, "whole"),
        ({"alpha": 0.9}, BadInput, "alpha"),
        ({"baseline": 2}, BadInput, "baseline"),
        ({"gamma": 2}, UsageError, "no control 'gamma'"),
    ],
)
def test_refusals(kwargs, error, words):
    with pytest.raises(error, match=words):
        detect(COUNTS, method="ears_c1", **kwargs)
