"""Who was at the same place at the same time, against every pair of presences looked at one by one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lianfang.control import tracing

START = datetime(2026, 1, 5, tzinfo=UTC)

# minutes about the period's borders and those of the stretches that the engine cuts it into (6 h, or a 64th)
minute = st.one_of(st.integers(-2_000, 12_000), st.sampled_from([0, 359, 360, 361, 720, 900, 10_080]))
length = st.one_of(st.integers(0, 600), st.sampled_from([360, 720, 12_000, 300_000]))
stay = st.tuples(st.sampled_from("abcdef"), st.sampled_from("MN"), minute, length)


def together(spans: set[tuple[int, int]]) -> int:
    """Minutes that are in one of the spans at least."""
    total, end = 0, min(lo for lo, _ in spans)
    for lo, hi in sorted(spans):
        total += max(hi - max(lo, end), 0)
        end = max(end, hi)
    return total


def plain(stays, windows, until):
    """Index, contact, place -> minutes, number of meetings, first and last minute."""
    met: dict[tuple[str, str, str], set[tuple[int, int]]] = {}
    for mine, place, begin, long in stays:
        if mine not in windows:
            continue
        low, high = max(windows[mine][0], 0), min(windows[mine][1], until)
        for other, there, start, lasts in stays:
            lo, hi = max(begin, start, low), min(begin + long, start + lasts, high)
            if other != mine and there == place and lo < hi:
                met.setdefault((mine, other, place), set()).add((lo, hi))
    return {
        key: (together(spans), len(spans), min(spans)[0], max(hi for _, hi in spans))
        for key, spans in met.items()
    }


@settings(max_examples=200, deadline=None)
@given(
    stays=st.lists(stay, min_size=2, max_size=24),
    window=st.tuples(st.integers(-600, 6_000), st.integers(3_600, 13_000)),
    until=st.sampled_from([300, 10_080, 60 * 24 * 40]),
)
@example(stays=[("a", "M", -2_000, 300_000), ("c", "M", 180, 300_000)], window=(0, 13_000), until=57_600)
@example(stays=[("a", "M", 300, 120), ("c", "M", 300, 120), ("c", "M", 360, 60)], window=(0, 600), until=300)
@example(stays=[("a", "M", 300, 120), ("c", "M", 360, 1)], window=(0, 600), until=10_080)
def test_meetings_are_those_of_every_pair_looked_at(stays, window, until) -> None:
    def moments(values) -> pl.Series:
        return pl.Series([START + timedelta(minutes=v) for v in values], dtype=pl.Datetime("us", "UTC"))

    frame = pl.DataFrame({
        "token": [row[0] for row in stays],
        "place": [row[1] for row in stays],
        "kind": ["venue"] * len(stays),
        "start": moments(row[2] for row in stays),
        "end": moments(row[2] + row[3] for row in stays),
    })  # fmt: skip
    windows = {"a": window, "b": (0, until)}
    index = pl.DataFrame({
        "token": list(windows),
        "infectious_from": moments(low for low, _ in windows.values()),
        "infectious_to": moments(high for _, high in windows.values()),
    })  # fmt: skip
    found = tracing.co_presence(frame, index, start=START, end=START + timedelta(minutes=until))
    got = {
        (row["index"], row["contact"], row["place"]): (
            round(row["minutes"]),
            row["meetings"],
            *((row[name] - START) // timedelta(minutes=1) for name in ("first", "last")),
        )
        for row in found.iter_rows(named=True)
    }
    assert got == plain(stays, windows, until)
