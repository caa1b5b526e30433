"""The white paper's figure 3 (requirement S-35) replayed from shipped facts, without an installation."""

from __future__ import annotations

import csv
import json
import math
import re
import xml.etree.ElementTree as ET
from datetime import date

import polars as pl
import pytest
from click.testing import CliRunner

from lianfang.cli import cli
from lianfang.predict import reproduction
from lianfang.services import replay
from shared import shared_data


@pytest.fixture(scope="module")
def china():
    return replay.china_2020()


def test_the_papers_figures_on_11_february_stand_in_the_table(china):
    published = next(csv.DictReader(shared_data("predict", "china2020", "whitepaper_figures.csv").open()))
    end = china.table.row(-1, named=True)
    assert end["date"] == date(2020, 2, 11)
    assert end["current"] == int(published["active"])
    for name in ("confirmed", "cured", "severe", "dead", "suspected", "contacts_traced", "contacts_observed"):
        assert end[name] == int(published[name]), name


def test_an_independent_collection_of_the_bulletins_agrees_within_its_known_differences(china):
    """canghailan/Wuhan-2019-nCoV counts Hong Kong, Macao and Taiwan too: 77 confirmed and one dead on the
    last day."""
    other = pl.read_csv(
        shared_data("predict", "china2020", "daily_cumulative.csv.gz"), infer_schema_length=None
    ).filter(pl.col("province").is_null() & pl.col("city").is_null())
    if "country" in other.columns:
        other = other.filter(country="中国")
    both = china.table.with_columns(day=pl.col("date").cast(pl.String)).join(
        other, left_on="day", right_on="date", suffix="_other"
    )
    assert both.height == 23
    last = both.row(-1, named=True)
    assert last["confirmed_other"] - last["confirmed"] == 49 + 10 + 18
    assert last["dead_other"] - last["dead"] == 1
    gap = (both["confirmed_other"] - both["confirmed"]).abs() / both["confirmed"]
    assert gap.median() < 0.01


def test_balances_hold_and_would_not_hold_for_wrong_figures(china):
    assert {check.name: check.holds for check in china.checks} == dict.fromkeys(
        ("balance", "days", "cumulative", "dead", "severe", "contacts"), True
    )
    assert "44653 - 4740 - 1113 = 38800" in china.checks[0].detail
    wrong = china.table.with_columns(
        cured=pl.col("cured") + 1,
        confirmed=pl.when(pl.col("date") == date(2020, 2, 1)).then(1).otherwise("confirmed"),
        severe=pl.lit(50_000),
        contacts_observed=pl.lit(500_000),
    ).filter(pl.col("date") != date(2020, 1, 25))
    assert not any(check.holds for check in replay._checks(wrong))


def test_growth_and_rt_are_those_of_the_engine_on_the_daily_increments(china):
    counts = china.table["confirmed"].diff().drop_nulls()
    assert counts.sum() == 44653 - 291
    for si, name in ((china.serial_interval, "rt"), (china.shorter, "rt_short")):
        rt = reproduction.estimate(counts, serial_interval=(si.mean, si.sd))
        assert china.daily[name].to_list()[-rt.height :] == rt["mean"].to_list()
    last = china.daily.row(-1, named=True)
    assert last["rt_low"] < last["rt"] < last["rt_high"]
    assert last["growth"] * last["doubling_time"] == pytest.approx(math.log(2))
    assert china.shares["dead"] == pytest.approx(1113 / 44653)
    assert china.shares["recovered"] == pytest.approx(4740 / 44653)


def test_nothing_later_than_11_february_is_read(china):
    assert china.table["date"].max() == china.daily["date"].max() == date(2020, 2, 11)
    assert china.table["confirmed"].diff().max() < 5000  # the break of 12 February would be 15,152


@pytest.mark.parametrize(("lang", "word"), [("en", "Balance checks"), ("zh", "平衡校验")])
def test_command_prints_tables(lang, word):
    done = CliRunner().invoke(cli, ["replay", "china-2020", "--lang", lang])
    assert done.exit_code == 0, done.output
    assert word in done.output
    assert "44,653" in done.output
    assert "44653 - 4740 - 1113 = 38800" in done.output


def test_command_writes_json_figures_and_tables(tmp_path):
    done = CliRunner().invoke(
        cli, ["replay", "china-2020", "--json", "--out", str(tmp_path / "o"), "--lang", "zh"]
    )
    assert done.exit_code == 0, done.output
    answer = json.loads(done.output)
    assert answer["bulletins"][-1]["confirmed"] == 44653
    assert answer["written"] == ["figure3.svg", "rt.svg", "bulletins.csv", "daily.csv"]
    text = (tmp_path / "o" / "figure3.svg").read_text(encoding="utf-8")
    root = ET.fromstring(text)
    assert root.find("{http://www.w3.org/2000/svg}title").text.startswith("图 3")
    lines = re.findall(r'<polyline points="([^"]+)"', text)
    assert [len(points.split()) for points in lines] == [23, 23]
    assert pl.read_csv(tmp_path / "o" / "bulletins.csv")["confirmed"].to_list()[-1] == 44653


def test_out_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "taken").write_text("x")
    done = CliRunner().invoke(cli, ["replay", "china-2020", "--out", str(tmp_path / "taken" / "below")])
    assert done.exit_code != 0
    assert "written" in str(done.exception)


def test_another_serial_interval_is_said_to_be_the_callers():
    done = CliRunner().invoke(cli, ["replay", "china-2020", "--json", "--serial-interval", "4.7", "2.9"])
    answer = json.loads(done.output)
    assert answer["serial_interval"]["source"] == "given by the caller"
    assert all(row["rt"] == row["rt_short"] for row in answer["daily"])
