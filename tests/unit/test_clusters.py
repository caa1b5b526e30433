"""Cluster rule and scan: against plain loops, a peer's distribution, and outbreaks that are and aren't
there."""

from __future__ import annotations

import random
from datetime import date, timedelta
from itertools import combinations

import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import betabinom

from lianfang.foundation.errors import BadInput, UsageError
from lianfang.predict.clusters import alarm, scan
from lianfang.predict.clusters.excess import exceedance

TODAY = date(2020, 1, 28)
SCHEMA = {"token": pl.String, "onset": pl.Date, "workplace": pl.String, "school": pl.String}


def line_list(rows) -> pl.DataFrame:
    return pl.DataFrame(
        [
            (f"c{i:04d}", TODAY - timedelta(days=ago), work, school)
            for i, (ago, work, school) in enumerate(rows)
        ],
        schema=SCHEMA,
        orient="row",
    )


def background(seed, cases=300, places=60, span=120):
    rng = random.Random(seed)
    return [(rng.randrange(span), f"w{rng.randrange(places)}", None) for _ in range(cases)]


def test_three_market_workers_within_six_days_raise_the_alarm():
    cases = line_list(
        [
            (6, "城南市场", None),
            (3, "城南市场", None),
            (1, "城南市场", None),
            (2, "w1", None),
            (4, "w2", None),
        ]
    )
    found = alarm(cases, attributes=["workplace", "school"], as_of=TODAY, days=7)
    assert found.height == 1
    row = found.row(0, named=True)
    assert (row["attribute"], row["value"], row["cases"]) == ("workplace", "城南市场", 3)
    assert row["tokens"] == ["c0000", "c0001", "c0002"]
    assert (row["first"], row["last"]) == (date(2020, 1, 22), date(2020, 1, 27))
    assert "3" in row["reason"]
    assert "城南市场" in row["reason_zh"]
    assert alarm(cases, attributes=["workplace"], as_of=TODAY, days=5).is_empty()
    assert alarm(cases, attributes=["workplace"], as_of=TODAY, min_cases=4).is_empty()


def test_only_unexplained_cases_count_and_nothing_later_is_read():
    cases = line_list([(3, "m", None), (2, "m", None), (1, "m", None)])
    assert alarm(cases, attributes=["workplace"], as_of=TODAY - timedelta(days=2)).is_empty()
    marked = cases.with_columns(unexplained=pl.Series([True, True, False]))
    assert alarm(marked, attributes=["workplace"], as_of=TODAY).is_empty()
    assert alarm(marked, attributes=["workplace"], as_of=TODAY, min_cases=2).height == 1


def test_an_old_cluster_and_a_case_told_twice_raise_no_alarm():
    old = line_list([(60, "m", None), (59, "m", None), (58, "m", None)])
    assert alarm(old, attributes=["workplace"], as_of=TODAY).is_empty()
    assert alarm(old, attributes=["workplace"], as_of=TODAY, recent=90).height == 1
    twice = line_list([(3, "m", None), (2, "m", None)])
    assert alarm(pl.concat([twice, twice]), attributes=["workplace"], as_of=TODAY).is_empty()


@given(
    st.lists(st.tuples(st.integers(0, 30), st.sampled_from(["a", "b", ""])), max_size=12), st.integers(1, 10)
)
@settings(deadline=None, max_examples=60)
def test_the_rule_equals_trying_every_group(rows, days):
    cases = line_list([(ago, work, None) for ago, work in rows])
    found = alarm(cases, attributes=["workplace"], as_of=TODAY, days=days, recent=100)
    for value in ("a", "b", ""):
        agos = [ago for ago, work in rows if work == value]
        fits = [g for n in range(3, len(agos) + 1) for g in combinations(agos, n) if max(g) - min(g) < days]
        wanted = max((len(g) for g in fits), default=0) if value else 0
        ours = found.filter(value=value)["cases"].to_list()
        assert ours == ([wanted] if wanted else [])


@pytest.mark.parametrize("n", [1, 5, 40, 400])
@pytest.mark.parametrize(("a", "b"), [(0.5, 20.0), (3.5, 80.5), (120.5, 900.0)])
def test_tail_equals_scipy(n, a, b):
    mass = betabinom.pmf(range(n + 1), n, a, b)
    for k in range(n + 1):
        peer = float(mass[k:].sum())  # not sf: 1 - cdf loses the small tails
        assert exceedance(k, n, a, b) == pytest.approx(peer, rel=1e-8)
    assert exceedance(n + 1, n, a, b) == 0


def test_a_planted_cluster_comes_first_with_its_cases():
    rows = [*background(1), *((ago, "城南市场", None) for ago in (1, 2, 4, 5))]
    found = scan(line_list(rows), attributes=["workplace", "school"], as_of=TODAY, reasons=True)
    first = found.row(0, named=True)
    assert (first["attribute"], first["value"], first["cases"]) == ("workplace", "城南市场", 4)
    assert first["p_value"] < 0.01
    assert first["tokens"] == ["c0300", "c0301", "c0302", "c0303"]
    assert first["earlier"] == 0
    assert "4 of" in first["reason"]
    assert found["p_value"].is_sorted()


def test_figures_equal_a_plain_count():
    rows = background(5, cases=400, places=12)
    found = scan(line_list(rows), attributes=["workplace"], as_of=TODAY, windows=[7], reasons=True)
    before = [work for ago, work, _ in rows if ago >= 7]
    recent = [work for ago, work, _ in rows if ago < 7]
    kinds = set(before) | set(recent)
    for row in found.iter_rows(named=True):
        a = before.count(row["value"]) + 0.5
        b = len(before) + 0.5 * len(kinds) - a
        assert row["cases"] == recent.count(row["value"])
        assert row["expected"] == pytest.approx(len(recent) * a / (a + b))
        single = float(betabinom.sf(row["cases"] - 1, len(recent), a, b))
        assert row["p_value"] == pytest.approx(min(1, single * len(kinds)), rel=1e-6)
    excess = {v for v in kinds if recent.count(v) >= 2}
    excess = {
        v
        for v in excess
        if recent.count(v) > len(recent) * (before.count(v) + 0.5) / (len(before) + 0.5 * len(kinds))
    }
    assert set(found["value"]) == excess


def test_a_rise_of_everything_is_no_cluster_and_chance_rarely_is(count):
    runs = count(40, 400)
    alarms = 0
    for seed in range(runs):
        rows = background(seed)
        if seed % 2:  # three times as many cases everywhere in the last week
            rng = random.Random(-seed)
            rows += [(rng.randrange(7), f"w{rng.randrange(60)}", None) for _ in range(60)]
        found = scan(line_list(rows), attributes=["workplace"], as_of=TODAY)
        alarms += bool(found.height and found["p_value"][0] < 0.05)
    # at most 5 % by construction; the bound lies three standard errors above that
    assert alarms <= 0.05 * runs + 3 * (runs * 0.05 * 0.95) ** 0.5


def test_an_area_is_found_by_its_coordinates():
    rng = random.Random(3)
    rows = [
        (
            f"b{i}",
            TODAY - timedelta(days=rng.randrange(100)),
            30 + rng.random() / 10,
            114.9 + rng.random() / 10,
        )
        for i in range(200)
    ]
    rows += [(f"k{i}", TODAY - timedelta(days=i), 30.0551 + i / 2000, 114.9551) for i in range(6)]
    cases = pl.DataFrame(rows, schema=["token", "onset", "lat", "lon"], orient="row")
    first = scan(cases, attributes=["lat", "lon"], as_of=TODAY).row(0, named=True)
    assert first["attribute"] == "lat,lon"
    assert {"k0", "k1", "k2"} <= set(first["tokens"])
    assert first["value"].startswith("30.05")
    assert first["p_value"] < 0.01


def test_frames_of_other_libraries_and_text_dates():
    rows = background(2)
    polars = line_list(rows)
    wanted = scan(polars, attributes=["workplace"], as_of=TODAY)
    pandas = pd.DataFrame(polars.to_dict(as_series=False))
    assert scan(pandas, attributes=["workplace"], as_of=TODAY).equals(wanted)
    text = polars.with_columns(pl.col("onset").cast(pl.String))
    assert scan(text.to_arrow(), attributes=["workplace"], as_of=TODAY).equals(wanted)
    assert wanted.columns == ["attribute", "value", "cases", "expected", "p_value", "first", "last", "tokens"]


def test_an_empty_list_gives_an_empty_frame():
    assert scan(line_list([]), attributes=["workplace"], as_of=TODAY).is_empty()
    assert alarm(line_list([]), attributes=["workplace"], as_of=TODAY).is_empty()


@pytest.mark.parametrize(
    ("change", "kwargs", "error", "words"),
    [
        (lambda f: f.drop("onset"), {}, BadInput, "'onset'"),
        (lambda f: f, {"attributes": ["nothing"]}, BadInput, "'nothing'"),
        (lambda f: f, {"attributes": "workplace"}, UsageError, "list"),
        (lambda f: f, {"attributes": ["lat"]}, UsageError, "go together"),
        (lambda f: f, {"windows": [0]}, BadInput, "windows"),
        (lambda f: f.with_columns(onset=pl.lit("28/01/2020")), {}, BadInput, "Row 1, column onset"),
        (lambda f: f.with_columns(onset=pl.lit(5)), {}, BadInput, "not dates"),
        (lambda f: [1, 2], {}, BadInput, "dataframe"),
    ],
)
def test_refusals(change, kwargs, error, words):
    call = {"attributes": ["workplace"], "as_of": TODAY, **kwargs}
    with pytest.raises(error, match=words):
        scan(change(line_list(background(1, cases=5))), **call)
