"""Figures of published data: SocioPatterns' sensors, the chains of MERS in Korea 2015."""

from __future__ import annotations

import polars as pl
import pytest

from lianfang.control import tracing
from shared import shared_data


@pytest.mark.parametrize(
    ("name", "minutes", "pairs"),
    [
        ("contacts_hospital_lyon_2010", 0, 1139),
        ("contacts_hospital_lyon_2010", 5, 391),
        ("contacts_hospital_lyon_2010", 15, 186),
        ("contacts_primary_school_2009", 0, 8317),
        ("contacts_primary_school_2009", 5, 1938),
        ("contacts_primary_school_2009", 15, 691),
    ],
)
def test_sensor_pairs_of_a_hospital_and_a_school(name, minutes, pairs):
    records = pl.read_csv(shared_data("tracing", f"{name}.csv.gz"))
    assert len(tracing.proximity(records, min_minutes=minutes)) == pairs
