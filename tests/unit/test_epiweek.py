"""Epidemiological weeks against the standard library (ISO) and CDC's published calendar."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from lianfang.foundation import epiweek
from lianfang.foundation.errors import BadInput


def test_iso_weeks_equal_the_standard_library():
    for offset in range(0, 9000, 13):
        day = date(2003, 1, 1) + timedelta(days=offset)
        week = epiweek.of(day)
        assert (week.year, week.week) == day.isocalendar()[:2]
        assert week.start <= day <= week.end
        assert week.start.isoweekday() == 1


@pytest.mark.parametrize(
    ("day", "label"),
    # MMWR weeks: CDC's calendar, week 1 of 2020 ended 4 January 2020, 2014 and 2020 had 53 weeks
    [
        ((2020, 1, 4), "2020-W01"),
        ((2019, 12, 28), "2019-W52"),
        ((2015, 1, 3), "2014-W53"),
        ((2021, 1, 2), "2020-W53"),
    ],
)
def test_cdc_weeks(day, label):
    week = epiweek.of(date(*day), "cdc")
    assert str(week) == label
    assert week.end == date(*day)
    assert epiweek.parse(label, "cdc") == week


def test_between_and_adding():
    weeks = list(epiweek.between(date(2020, 12, 20), date(2021, 1, 12)))
    assert [str(week) for week in weeks] == ["2020-W51", "2020-W52", "2020-W53", "2021-W01", "2021-W02"]
    assert weeks[0] + 4 == weeks[-1]


@pytest.mark.parametrize(
    "text", ["2021-W53", "2020-W00", "2020", "20-W1", "２０２０-W01", "2020-W1" + "0" * 50]
)
def test_what_is_no_week(text):
    with pytest.raises(BadInput):
        epiweek.parse(text)


def test_an_unknown_system():
    with pytest.raises(BadInput, match="iso or cdc"):
        epiweek.of(date(2020, 1, 1), "mmwr")
