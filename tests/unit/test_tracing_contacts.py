"""Co-location on cases small enough to check by eye, and against the plain reference."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

import tracing_oracle as oracle
from lianfang.control import tracing

START = datetime(2026, 1, 5, tzinfo=UTC)
END = START + timedelta(days=2)


def crowd(
    seed: int, people: int = 60, pings: int = 10_000, *, lat=30.0, lon=114.9, spread=0.004
) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "token": [f"t{k:03d}" for k in rng.integers(0, people, pings)],
            "time": [START + timedelta(seconds=int(s)) for s in rng.integers(0, 2 * 86400, pings)],
            "lat": np.clip(lat + rng.normal(0, spread, pings), -90, 90),
            "lon": (lon + rng.normal(0, spread, pings) + 180) % 360 - 180,
        }
    )


def rows(frame: pl.DataFrame):
    return [
        (a, int(b.timestamp()), c, d) for a, b, c, d in frame.select("token", "time", "lat", "lon").rows()
    ]


def answer(frame: pl.DataFrame):
    return {
        (i, c): (s, d) for i, c, s, d in frame.select("index", "contact", "slots", "min_distance_m").rows()
    }


@pytest.mark.parametrize(
    ("lat", "lon"), [(30.0, 114.9), (-33.0, -70.0), (68.0, 179.9995), (0.0, 0.0), (89.99, 10.0)]
)
@pytest.mark.parametrize("radius", [0.0, 1.0, 50.0, 400.0])
def test_equals_the_plain_reference(lat, lon, radius):
    pings = crowd(int(radius) + 1, pings=1500, lat=lat, lon=lon)
    index = ["t000", "t001", "t007"]
    got = answer(tracing.contacts(pings, index, start=START, end=END, radius_m=radius, minutes=10))
    want = oracle.pairs(
        rows(pings), dict.fromkeys(index, (0, 1e12)), start=START.timestamp(), end=END.timestamp(),
        radius_m=radius, minutes=10,
    )  # fmt: skip
    assert {k: v[0] for k, v in got.items()} == {k: len(v[0]) for k, v in want.items()}
    for key, (_, metres) in got.items():
        assert metres == pytest.approx(want[key][1], abs=1e-6)
    if radius == 400.0:
        assert len(want) > 3


def test_windows_of_the_index_bound_both_pings():
    pings = crowd(5)
    index = pl.DataFrame(
        {
            "token": ["t000", "t001"],
            "infectious_from": [START + timedelta(hours=20, minutes=3), None],
            "infectious_to": [None, START + timedelta(hours=9)],
        }
    )
    got = answer(tracing.contacts(pings, index, start=START, end=END, radius_m=200, minutes=10))
    windows = {
        "t000": ((START + timedelta(hours=20, minutes=3)).timestamp(), 1e12),
        "t001": (0, (START + timedelta(hours=9)).timestamp()),
    }
    want = oracle.pairs(
        rows(pings), windows, start=START.timestamp(), end=END.timestamp(), radius_m=200, minutes=10
    )
    assert {k: v[0] for k, v in got.items()} == {k: len(v[0]) for k, v in want.items()}
    assert want


def test_second_order_respects_time():
    pings = crowd(9, people=150, pings=2500)
    got = tracing.contacts(pings, ["t000"], start=START, end=END, radius_m=250, minutes=10, order=2)
    low, high = START.timestamp(), END.timestamp()
    first = oracle.pairs(rows(pings), {"t000": (0, 1e12)}, start=low, end=high, radius_m=250, minutes=10)
    seeds = {c: ((min(slots) + 1) * 600, 1e12) for (_, c), (slots, _) in first.items()}
    second = oracle.pairs(rows(pings), seeds, start=low, end=high, radius_m=250, minutes=10)
    want = {k: len(v[0]) for k, v in second.items() if k[1] != "t000" and k[1] not in seeds}
    ring2 = got.filter(pl.col("order") == 2)
    assert {(v, c): s for v, c, s in ring2.select("via", "contact", "slots").rows()} == want
    assert set(ring2["index"]) == {"t000"} and len(want) > 5
    assert set(got.filter(pl.col("order") == 1)["contact"]) == set(seeds)


def test_a_meeting_before_exposure_is_not_second_order():
    def ping(token, hour, lat):
        return [(token, START + timedelta(hours=hour, minutes=10 * k), lat, 114.0) for k in range(3)]

    early = ping("b", 1, 30.1) + ping("c", 1, 30.1) + ping("a", 5, 30.2) + ping("b", 5, 30.2)
    late = ping("b", 8, 30.3) + ping("d", 8, 30.3)
    pings = pl.DataFrame(early + late, schema=["token", "time", "lat", "lon"], orient="row")
    got = tracing.contacts(pings, ["a"], start=START, end=END, order=2)
    assert got.select("index", "via", "contact", "order").rows() == [("a", None, "b", 1), ("a", "b", "d", 2)]


@pytest.mark.parametrize("form", ["pandas", "arrow", "lazy", "list", "callable", "numbers", "categorical"])
def test_any_frame_gives_the_same_answer(form):
    pings = crowd(3, pings=3000)
    args = {"start": START, "end": END, "radius_m": 150.0, "minutes": 10}
    want = tracing.contacts(pings, ["t000", "t001"], **args)
    assert len(want) > 5
    index: object = ["t000", "t001"]
    given = {
        "pandas": lambda: pings.to_pandas(),
        "arrow": lambda: pings.to_arrow(),
        "lazy": lambda: pings.lazy(),
        "list": lambda: [pings[2000:], pings[:2000].to_pandas()],
        "callable": lambda: lambda: iter([pings[:700], pa.table(pings[700:].to_arrow())]),
        "numbers": lambda: pings.with_columns(pl.col("token").str.slice(1).cast(pl.Int32)),
        "categorical": lambda: pings.with_columns(pl.col("token").cast(pl.Categorical)),
    }[form]()
    if form == "numbers":
        index = [0, 1]
        want = want.with_columns(pl.col("index", "contact", "via").str.slice(1).cast(pl.Int64))
    assert tracing.contacts(given, index, **args).equals(want)


def test_many_slots_and_small_pieces_give_the_same_answer(monkeypatch):
    from lianfang.control.tracing import _scan

    pings = crowd(4, pings=4000)
    args = {"start": START, "end": END, "radius_m": 300.0, "minutes": 1, "slot_seconds": 60}
    want = tracing.contacts(pings, ["t000", "t001"], **args)
    monkeypatch.setattr(_scan, "BLOCK", 37)
    monkeypatch.setattr(_scan, "PIECE", 501)
    assert tracing.contacts(pings, ["t000", "t001"], **args).equals(want)
    assert len(want) > 20


def test_an_empty_input_gives_an_empty_answer_with_all_columns():
    none = crowd(1)[:0]
    columns = [
        "index", "contact", "order", "minutes", "slots", "min_distance_m", "first", "last", "score",
        "reason", "via",
    ]  # fmt: skip
    for pings, index in ((none, ["t000"]), (crowd(1), []), (crowd(1), ["nobody"]), ([], ["t000"])):
        got = tracing.contacts(pings, index, start=START, end=END, order=2)
        assert got.is_empty() and got.columns == columns
