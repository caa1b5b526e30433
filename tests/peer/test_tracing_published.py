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


def test_infectors_of_mers_in_korea_2015():
    """Onsets alone (135 of 162 known), serial interval of Cowling et al. 2015 (mean 12.6 days, here sd 4).

    98 pairs were established by investigation. A guess among those whose onsets fit would give each true
    infector one chance in the number of candidates; the likelihood must give three times that, and the
    traveller who brought the disease must lead the expected numbers of infections.
    """
    known = pl.read_csv(shared_data("tracing", "mers_korea_2015_true_pairs.csv"))
    people = pl.read_csv(
        shared_data("tracing", "mers_korea_2015_linelist.csv"), null_values=["NA", ""], try_parse_dates=True
    )
    cases = people.select(
        pl.col("id").alias("case"), pl.col("dt_onset").alias("onset"),
        (pl.col("place_infect") == "Middle East").alias("imported"),
    )  # fmt: skip
    likely = tracing.who_infected_whom(cases, serial_interval=(12.6, 4.0))
    assert likely.group_by("case").agg(pl.col("probability").sum())["probability"].to_list() == pytest.approx(
        [1.0] * 162
    )
    named = likely.drop_nulls("candidate")
    chance = named.group_by("case").agg((1 / pl.len()).alias("chance"))
    true = known.join(named, left_on=["to", "from"], right_on=["case", "candidate"]).join(
        chance, left_on="to", right_on="case"
    )
    assert len(known) == len(true) == 98
    assert true["probability"].mean() > 3 * true["chance"].mean()
    expected = (
        named.group_by("candidate").agg(pl.col("probability").sum()).sort("probability", descending=True)
    )
    assert expected["candidate"][0] == "SK_1"

    # the contacts that the investigation knew for the two large clusters, the rest from onsets
    large = known.filter(pl.col("from").is_in(["SK_14", "SK_1"])).select("from", "to")
    told = tracing.who_infected_whom(cases, large, serial_interval=(12.6, 4.0))
    offspring = told.drop_nulls("candidate").group_by("candidate").agg(pl.col("probability").sum())
    first, second, third = offspring.sort("probability", descending=True).head(3).rows()
    assert {first[0], second[0]} == {"SK_1", "SK_14"} and second[1] > 3 * third[1]
    unaided = dict(expected.rows())
    assert second[1] > 2 * unaided["SK_14"]
