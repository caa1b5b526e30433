"""Hostile and broken input ends in a message that names row and column, and never a value."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from lianfang.control import tracing
from lianfang.foundation.errors import BadInput, UsageError

START = datetime(2026, 1, 5, tzinfo=UTC)
PERIOD = {"start": START, "end": START + timedelta(days=1)}


def pings(**change) -> pl.DataFrame:
    columns = {"token": ["a", "b", "c"], "time": [START] * 3, "lat": [30.0] * 3, "lon": [114.0] * 3}
    return pl.DataFrame({**columns, **change})


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"lat": [30.0, float("nan"), 30.0]}, "row 2, column lat"),
        ({"lat": [30.0, 30.0, None]}, "row 3, column lat"),
        ({"lat": [90.0001, 30.0, 30.0]}, "row 1, column lat"),
        ({"lon": [0.0, 0.0, float("-inf")]}, "row 3, column lon"),
        ({"lon": [180.5, 181.0, 0.0]}, r"row 1, column lon: .* \(2 such rows"),
        ({"lat": ["x", "y", "z"]}, "column lat: coordinates must be numbers"),
        ({"time": [START, None, START]}, "row 2, column time"),
        ({"time": [START, START, datetime(1969, 12, 31, tzinfo=UTC)]}, "row 3, column time"),
        ({"time": [START, datetime(9999, 12, 31, tzinfo=UTC), START]}, "row 2, column time"),
        ({"time": [1, 2, 2**62]}, "row 3, column time"),
        ({"time": [1, 2, -(2**63)]}, "row 3, column time"),
        ({"time": [0.5, 1.5, 2.5]}, "column time: times must be"),
        ({"token": ["a", None, "c"]}, "row 2, column token"),
        ({"token": [0.1, 0.2, 0.3]}, "column token: tokens must be"),
    ],
)
def test_a_bad_ping_is_named(change, where):
    with pytest.raises(BadInput, match=where):
        tracing.contacts(pings(**change), ["a"], **PERIOD)


def test_rows_are_counted_over_all_frames():
    with pytest.raises(BadInput, match="row 5, column lat"):
        tracing.contacts([pings(), pings(lat=[30.0, 91.0, 30.0])], ["a"], **PERIOD)


def test_a_message_holds_no_value():
    secret = 91.23456
    with pytest.raises(BadInput) as caught:
        tracing.contacts(pings(lat=[30.0, secret, 30.0]), ["a"], **PERIOD)
    assert "91.2" not in str(caught.value)


@pytest.mark.parametrize(
    "call",
    [
        {"radius_m": -1}, {"radius_m": float("nan")}, {"radius_m": 1e9}, {"slot_seconds": 0},
        {"slot_seconds": 0.5}, {"slot_seconds": 10**9}, {"minutes": float("inf")}, {"minutes": -1}, {"order": 3},
        {"end": START}, {"start": "2026-01-05"},
    ],
)  # fmt: skip
def test_an_impossible_rule_is_refused(call):
    with pytest.raises(UsageError):
        tracing.contacts(pings(), ["a"], **{**PERIOD, **call})


def test_missing_columns_one_shot_iterators_and_mixed_tokens():
    with pytest.raises(BadInput, match="lack the columns lat, lon"):
        tracing.contacts(pings().drop("lat", "lon"), ["a"], **PERIOD)
    with pytest.raises(UsageError, match="only once"):
        tracing.contacts(iter([pings()]), ["a"], **PERIOD)
    with pytest.raises(BadInput, match="different kinds"):
        tracing.contacts(pings(), [1], **PERIOD)
    with pytest.raises(BadInput, match="mixes"):
        tracing.contacts(pings(), [1, "a"], **PERIOD)
    with pytest.raises(UsageError):
        tracing.contacts(pings(), "a", **PERIOD)
    with pytest.raises(BadInput):
        tracing.contacts(42, ["a"], **PERIOD)


def test_a_question_too_wide_is_refused():
    crowd = pl.DataFrame({
        "token": [f"t{k}" for k in range(300)], "time": [START] * 300, "lat": [30.0] * 300,
        "lon": [114.0] * 300,
    })  # fmt: skip
    with pytest.raises(BadInput, match="too wide") as caught:
        tracing.contacts(crowd, [f"t{k}" for k in range(20)], minutes=1, max_pairs=1000, **PERIOD)
    assert caught.value.code == "too_many_pairs"


def test_presences_that_end_before_they_start():
    rows = pl.DataFrame({
        "token": ["a", "b"], "place": ["P", "P"], "kind": ["venue"] * 2, "start": [START, START],
        "end": [START + timedelta(hours=1), START - timedelta(hours=1)],
    })  # fmt: skip
    with pytest.raises(BadInput, match="row 2, column end"):
        tracing.co_presence(rows, ["a"], **PERIOD)


def test_a_period_of_too_many_slots_is_refused():
    far = pings(
        token=["a"] * 3, time=[datetime(1970, 1, 2, tzinfo=UTC), START, datetime(2199, 1, 1, tzinfo=UTC)]
    )
    ages = {"start": datetime(1970, 1, 1, tzinfo=UTC), "end": datetime(2199, 12, 31, tzinfo=UTC)}
    with pytest.raises(BadInput, match="slots"):
        tracing.contacts(far, ["a"], slot_seconds=1, **ages)
    assert tracing.contacts(far, ["a"], **ages).is_empty()


def test_several_threads_may_ask_at_once():
    from concurrent.futures import ThreadPoolExecutor

    want = tracing.contacts(pings(), ["a"], minutes=10, **PERIOD)
    with ThreadPoolExecutor(4) as pool:
        got = list(pool.map(lambda _: tracing.contacts(pings(), ["a"], minutes=10, **PERIOD), range(12)))
    assert len(want) == 2 and all(one.equals(want) for one in got)


def test_values_of_the_wrong_kind_are_named_by_row_and_never_quoted():
    import pandas as pd

    secret = "4299-secret"
    asks = [
        lambda: tracing.rank(
            pl.DataFrame({"index": ["a"], "contact": ["b"], "score": [secret], "reason": [["stated"]]})
        ),
        lambda: tracing.who_infected_whom(
            pl.DataFrame({"case": ["a"], "onset": [START], "imported": [secret]})
        ),
        lambda: tracing.co_presence(
            pl.DataFrame({
                "token": ["a"], "place": ["P"], "kind": ["train"], "start": [START], "end": [START], "row": [secret],
            }),
            ["a"],
            **PERIOD,
        ),
        lambda: tracing.contacts(
            pd.DataFrame({"token": ["a", 2], "time": [START] * 2, "lat": [1.0, secret], "lon": [1.0, 1.0]}),
            ["a"],
            **PERIOD,
        ),
    ]  # fmt: skip
    for ask in asks:
        with pytest.raises(BadInput) as caught:
            ask()
        assert secret not in str(caught.value)
