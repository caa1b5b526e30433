"""What must hold of co-location whatever the pings are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import tracing_oracle as oracle
from lianfang.control import tracing

START = datetime(2026, 1, 5, tzinfo=UTC)
END = START + timedelta(hours=3)
T0 = int(START.timestamp())

# steps of about 11 m north and, at 30 N, 9.6 m east, around several centres; times fall on slot borders often
step = st.integers(-8, 8)
centre = st.sampled_from(
    [(0.0, 0.0), (30.0, 114.9), (-33.0, 179.99995), (60.0, -180.0), (89.9999, 0.0), (-90.0, 5.0)]
)
second = st.one_of(st.integers(0, 3 * 3600 - 1), st.sampled_from([0, 599, 600, 601, 1199, 1200, 10799]))
ping = st.tuples(st.sampled_from("abcde"), second, step, step)


def build(centre, pings) -> pl.DataFrame:
    lat0, lon0 = centre
    rows = [
        (
            token,
            START + timedelta(seconds=s),
            float(np.clip(lat0 + dy * 1e-4, -90, 90)),
            wrap(lon0 + dx * 1e-4),
        )
        for token, s, dy, dx in pings
    ]
    schema = {"token": pl.String, "time": pl.Datetime("us", "UTC"), "lat": pl.Float64, "lon": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def wrap(lon: float) -> float:
    return (lon + 180) % 360 - 180


def ask(frame, **more):
    return tracing.contacts(frame, ["a", "b"], start=START, end=END, minutes=10, **more)


def answer(frame):
    return {
        (i, c): (s, round(m, 6))
        for i, c, s, m in frame.select("index", "contact", "slots", "min_distance_m").rows()
    }


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    centre, st.lists(ping, max_size=60), st.sampled_from([0.0, 5.0, 11.0, 50.0, 90.0, 25_000.0, 100_000.0])
)
@example((0.0, 0.0), [], 50.0)
@example((-33.0, 179.99995), [("a", 0, 0, 0), ("c", 599, 0, 1)], 50.0)
def test_equal_to_the_plain_reference(centre, pings, radius):
    frame = build(centre, pings)
    rows = [(a, int(b.timestamp()), c, d) for a, b, c, d in frame.rows()]
    want = oracle.pairs(
        rows, {"a": (0, 1e12), "b": (0, 1e12)}, start=T0, end=T0 + 3 * 3600, radius_m=radius, minutes=10
    )
    got = answer(ask(frame, radius_m=radius))
    assert {k: v[0] for k, v in got.items()} == {k: len(v[0]) for k, v in want.items()}
    for key, (_, metres) in got.items():
        assert metres == pytest.approx(want[key][1], abs=2e-6)


@settings(max_examples=40, deadline=None)
@given(centre, st.lists(ping, min_size=2, max_size=40), st.randoms(use_true_random=False))
def test_order_repetition_and_parts_do_not_matter(centre, pings, random):
    want = answer(ask(build(centre, pings), radius_m=60.0))
    shuffled = pings + pings[: len(pings) // 2]
    random.shuffle(shuffled)
    cut = random.randrange(len(shuffled))
    parts = [build(centre, shuffled[:cut]), build(centre, shuffled[cut:])]
    assert answer(ask(parts, radius_m=60.0)) == want


@settings(max_examples=40, deadline=None)
@given(centre, st.lists(ping, max_size=40))
def test_a_larger_radius_or_another_view_loses_nobody(centre, pings):
    frame = build(centre, pings)
    small, large = answer(ask(frame, radius_m=20.0)), answer(ask(frame, radius_m=60.0))
    assert all(key in large and large[key][0] >= slots for key, (slots, _) in small.items())
    # meeting is mutual between two index persons
    assert all(large[j, i] == met for (i, j), met in large.items() if j in "ab")


@settings(max_examples=60, deadline=None)
@given(
    st.floats(-89, 89), st.floats(-180, 180), st.floats(0, 360), st.floats(1, 20_000), st.floats(-1e-7, 1e-7)
)
def test_the_border_of_the_radius_is_where_haversine_says(lat, lon, bearing, radius, off):
    """A point put at the radius to within a tenth of a micrometre falls on the side that haversine gives."""
    angle, b = radius * (1 + off) / oracle.R, np.radians(bearing)
    p = np.radians(lat)
    lat2 = np.arcsin(np.sin(p) * np.cos(angle) + np.cos(p) * np.sin(angle) * np.cos(b))
    dl = np.arctan2(np.sin(b) * np.sin(angle) * np.cos(p), np.cos(angle) - np.sin(p) * np.sin(lat2))
    rows = [("a", START, lat, lon), ("c", START, float(np.degrees(lat2)), wrap(lon + float(np.degrees(dl))))]
    frame = pl.DataFrame(rows, schema=["token", "time", "lat", "lon"], orient="row")
    d = float(oracle.haversine(lat, lon, rows[1][2], rows[1][3]))
    if abs(d - radius) < 1e-9 * radius + 1e-8:
        return  # closer than two orders of the same sum agree
    got = tracing.contacts(frame, ["a"], start=START, end=END, radius_m=radius, minutes=1)
    assert len(got) == (1 if d <= radius else 0)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(1, 12), st.integers(0, 40)), min_size=1, max_size=12, unique_by=lambda c: c[0]
    ),
    st.lists(st.floats(0, 1).map(lambda weight: round(weight, 6)), min_size=1, max_size=30),  # no denormals
)
def test_infectors_equal_the_formula_written_as_loops(cases, w):
    w = [0.0, *w, 0.5]
    frame = pl.DataFrame(cases, schema=["case", "day"], orient="row").with_columns(
        onset=pl.date(2026, 1, 1).dt.offset_by(pl.format("{}d", "day"))
    )
    got = {(c, k): p for c, k, p in tracing.who_infected_whom(frame, serial_interval=w).rows()}
    for case, day in cases:
        terms = {k: w[day - d] for k, d in cases if k != case and 0 <= day - d < len(w) and w[day - d] > 0}
        want = {(case, k): v / sum(terms.values()) for k, v in terms.items()} or {(case, None): 1.0}
        assert {key: p for key, p in got.items() if key[0] == case} == pytest.approx(want)
