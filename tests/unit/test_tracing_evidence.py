"""Places, rooms, seats, sensors, infectors and the list made of them: small cases worked by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from lianfang.control import tracing
from lianfang.foundation.errors import BadInput, UsageError

DAY = datetime(2026, 1, 5, tzinfo=UTC)
PERIOD = {"start": DAY, "end": DAY + timedelta(days=7)}


def stay(token, place, kind, begin, end, **more):
    return {
        "token": token, "place": place, "kind": kind, "start": DAY + timedelta(hours=begin),
        "end": DAY + timedelta(hours=end), "room": None, "floor": None, "row": None, "column": None, **more,
    }  # fmt: skip


def frame(*rows):
    text, number = pl.String, pl.Int64
    return pl.DataFrame(rows, schema_overrides={"room": text, "floor": number, "row": number, "column": text})


def test_circles_of_a_hotel_and_a_train():
    got = tracing.co_presence(
        frame(
            stay("case", "H", "lodging", 20, 32, room="301", floor=3),
            stay("room", "H", "lodging", 22, 30, room="301", floor=3),
            stay("floor", "H", "lodging", 22, 30, room="305", floor=3),
            stay("hotel", "H", "lodging", 22, 30, room="501", floor=5),
            stay("blank", "H", "lodging", 22, 30, room=""),
            stay("after", "H", "lodging", 32, 40, room="301", floor=3),
            stay("case", "G101", "train", 50, 54, row=7, column="A"),
            stay("beside", "G101", "train", 50, 52, row=7, column="B"),
            stay("behind", "G101", "train", 50, 54, row=9, column="A"),
            stay("far", "G101", "train", 50, 54, row=10, column="A"),
            stay("case", "M", "market", 60, 61),
            stay("shopper", "M", "market", 60.5, 62),
        ),
        ["case"],
        **PERIOD,
    )
    assert {c: r[0] for c, r in got.select("contact", "reason").rows()} == {
        "room": "same_room?minutes=480",
        "floor": "same_floor?minutes=480",
        "hotel": "same_hotel?minutes=480",
        "blank": "same_hotel?minutes=480",
        "beside": "same_row?minutes=120",
        "behind": "near_row?rows=2&minutes=240",
        "far": "same_carriage?minutes=240",
        "shopper": "same_place?minutes=30",
    }
    scores = dict(got.select("contact", "score").rows())
    assert scores["room"] > scores["behind"] > scores["far"] > scores["floor"] > scores["hotel"]


def test_overlapping_records_of_a_pair_count_once_and_the_window_cuts():
    presences = frame(
        stay("a", "M", "market", 0, 4),
        stay("a", "M", "market", 2, 6),
        stay("b", "M", "market", 1, 5),
        stay("b", "M", "market", 1, 5),
        stay("b", "M", "market", 8, 9),
    )
    assert tracing.co_presence(presences, ["a"], **PERIOD)["minutes"].to_list() == [240.0]
    index = pl.DataFrame({"token": ["a"], "infectious_from": [DAY + timedelta(hours=3)]})
    got = tracing.co_presence(presences, index, **PERIOD)
    assert got["minutes"].to_list() == [120.0]
    assert got["first"].to_list() == [DAY + timedelta(hours=3)]
    other = tracing.co_presence(presences, ["a"], start=DAY, end=DAY + timedelta(hours=2))
    assert other["minutes"].to_list() == [60.0]


def test_portions_of_the_join_do_not_change_the_answer(monkeypatch):
    from lianfang.control.tracing import presence

    rows = [stay(f"t{k}", f"P{k % 3}", "venue", k % 11, k % 11 + 1 + k % 4) for k in range(120)]
    want = tracing.co_presence(frame(*rows), ["t0", "t1", "t2", "t50"], **PERIOD)
    monkeypatch.setattr(presence, "JOIN_ROWS", 7)
    assert tracing.co_presence(frame(*rows), ["t0", "t1", "t2", "t50"], **PERIOD).equals(want)
    assert len(want) > 40


def test_a_carriage_column_tells_carriages_apart():
    rows = frame(
        stay("case", "G1", "train", 0, 2, row=3), stay("x", "G1", "train", 0, 2, row=3),
        stay("y", "G1", "train", 0, 2, row=3),
    ).with_columns(pl.Series("carriage", ["1", "1", "2"]))  # fmt: skip
    got = tracing.co_presence(rows, ["case"], **PERIOD)
    assert dict(got.select("contact", pl.col("reason").list.first()).rows()) == {
        "x": "same_row?minutes=120",
        "y": "same_vehicle?minutes=120",
    }


def test_proximity_ignores_direction_and_repeats():
    records = pl.DataFrame({"t": [20, 20, 40, 60, 20], "i": [1, 2, 2, 1, 3], "j": [2, 1, 1, 2, 1]})
    got = tracing.proximity(records, min_minutes=1)
    assert got.select("i", "j", "minutes", "records").rows() == [(1, 2, 1.0, 3)]
    assert len(tracing.proximity(records, min_minutes=0)) == 2
    with pytest.raises(BadInput, match="row 2, column j"):
        tracing.proximity(pl.DataFrame({"t": [1, 2], "i": [1, 2], "j": [2, 2]}), min_minutes=0)


def test_infectors_by_the_formula():
    cases = pl.DataFrame({"case": ["a", "b", "c"], "onset": [date(2026, 1, d) for d in (1, 3, 5)]})
    got = tracing.who_infected_whom(cases, serial_interval=[0, 0.1, 0.5, 0.1, 0.3])
    assert got.rows() == [
        ("a", None, 1.0), ("b", "a", 1.0), ("c", "b", pytest.approx(0.5 / 0.8)),
        ("c", "a", pytest.approx(0.3 / 0.8)),
    ]  # fmt: skip
    met = pl.DataFrame({"i": ["a"], "j": ["c"], "weight": [1.0]})
    got = tracing.who_infected_whom(cases, met, serial_interval=[0, 0.1, 0.5, 0.1, 0.3], background=0.1)
    assert dict(got.filter(pl.col("case") == "c").select("candidate", "probability").rows()) == {
        "a": pytest.approx(0.3 / 0.35),
        "b": pytest.approx(0.05 / 0.35),
    }


def test_imported_cases_and_missing_onsets_have_no_infector():
    cases = pl.DataFrame(
        {
            "case": [1, 2, 3],
            "onset": [date(2026, 1, 1), date(2026, 1, 4), None],
            "imported": [False, True, False],
        }
    )
    got = tracing.who_infected_whom(cases)
    assert got.rows() == [(1, None, 1.0), (2, None, 1.0), (3, None, 1.0)]
    with pytest.raises(BadInput, match="row 1, column case: the case stands more than once"):
        tracing.who_infected_whom(pl.DataFrame({"case": [1, 1], "onset": [date(2026, 1, 1)] * 2}))


def evidence(*rows):
    return pl.DataFrame(rows, schema=["index", "contact", "score", "reason"], orient="row").with_columns(
        pl.concat_list("reason")
    )


def test_rank_joins_kinds_and_takes_the_stronger_view_of_one_meeting():
    got = tracing.rank(
        [
            evidence(
                ("A", "x", 0.5, "same_place?minutes=30"), ("A", "x", 0.4, "co_location?minutes=30&metres=5")
            ),
            evidence(("A", "x", 0.8, "same_room?minutes=480"), ("A", "y", 0.4, "same_place?minutes=20")),
            evidence(("B", "y", 0.4, "same_place?minutes=20"), ("B", "A", 0.9, "same_room?minutes=480")),
        ]
    )
    assert got["candidate"].to_list() == ["x", "y"]  # A is asked about, not listed
    assert got["score"].to_list() == pytest.approx([1 - 0.2 * 0.55, 1 - 0.64 * 0.64])
    assert got["level"].to_list() == ["high", "medium"]
    assert got["reasons"].to_list() == [
        ["same_room?minutes=480", "same_place?minutes=30"],
        ["same_place?minutes=20", "several_index?cases=2"],
    ]


def test_rank_takes_every_engine():
    sensors = tracing.proximity(
        pl.DataFrame({"t": list(range(20, 2020, 20)), "i": ["a"] * 100, "j": ["s"] * 100}), min_minutes=15
    )
    rooms = tracing.co_presence(
        frame(stay("a", "H", "hotel", 0, 8, room="1"), stay("r", "H", "hotel", 0, 8, room="1")),
        ["a"],
        **PERIOD,
    )
    likely = tracing.who_infected_whom(
        pl.DataFrame({"case": ["a", "z"], "onset": [date(2026, 1, 6), date(2026, 1, 2)]})
    )
    got = tracing.rank([sensors, rooms, likely], index=["a"])
    assert set(got["candidate"]) == {"s", "r", "z"}
    for reasons in got["reasons"]:
        assert len(tracing.words(reasons, "zh")) == len(tracing.words(reasons, "en")) == 1
    assert tracing.rank([]).is_empty() and tracing.rank(rooms[:0]).columns == got.columns


def test_words_in_both_languages():
    assert tracing.words(["near_row?rows=2&minutes=90"], "en") == ["seats within 2 rows for 90 minutes"]
    assert tracing.words("same_room?minutes=480", "zh") == ["同一旅馆房间, 重叠480分钟"]
    for wrong in ("nonsense", "same_room", "same_room?minutes=1&minutes", "same_room?minutes={x}"):
        with pytest.raises(BadInput):
            tracing.words([wrong], "en")
    with pytest.raises(UsageError):
        tracing.words([], "fr")  # type: ignore[arg-type]


def test_rank_refuses_scores_that_are_none():
    for score in (1.2, -0.1, float("nan"), None):
        with pytest.raises(BadInput, match="row 1, column score"):
            tracing.rank(evidence(("A", "x", score, "same_place?minutes=30")))
    with pytest.raises(BadInput, match="first reason names no observation"):
        tracing.rank(evidence(("A", "x", 0.5, "second_order")))
    with pytest.raises(UsageError):
        tracing.rank([], weights={"guess": 1.0})
