"""Real published files, imported by the ready mappings, against figures that others computed from them."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import importkit
from lianfang.records import CaseReport, DailyCount, MigrationFlow
from lianfang.services.importing import delivered, import_files, read_rows
from lianfang.services.installation import Installation
from lianfang.store import rows
from shared import shared_data


@pytest.fixture
def inst(tmp_path: Path) -> Iterator[Installation]:
    made = importkit.make(tmp_path / "home")
    yield made
    made.close()


def test_mers_line_list(inst: Installation) -> None:
    """162 cases; the epidemic curve by onset is that of the file counted plainly; known pairs keep their ids."""
    path = shared_data("tracing", "mers_korea_2015_linelist.csv")
    (report,) = import_files(inst, importkit.EPI, "mers-linelist", [path])
    assert (report.rows, report.accepted, report.rejected) == (162, 162, 0)
    with inst.store.read() as connection:
        held = rows(connection, CaseReport)
    with path.open(encoding="utf-8") as stream:
        plain = list(csv.DictReader(stream))
    assert Counter(str(r["date_onset"]) for r in held if r["date_onset"]) == Counter(
        r["dt_onset"] for r in plain if r["dt_onset"]
    )
    assert Counter(r["gender"] for r in held) == {"male": 99, "female": 63}
    assert Counter(r["outcome"] for r in held) == {"alive": 143, "deceased": 19}
    assert {r["card_no"]: r["age"] for r in held} == {r["id"]: int(r["age"]) for r in plain}
    cards = {r["card_no"] for r in held}
    with shared_data("tracing", "mers_korea_2015_true_pairs.csv").open(encoding="utf-8") as stream:
        pairs = [(r["from"], r["to"]) for r in csv.DictReader(stream)]
    assert len(pairs) == 98 and Counter(a for a, _ in pairs)["SK_14"] == 38
    assert {name for pair in pairs for name in pair} <= cards
    assert len({r["subject_id"] for r in held}) == 162  # without identifiers each row is a subject of its own


def test_ds4c_patients(inst: Installation) -> None:
    """3,788 patients with a unique id and 48 pairs with both onsets: serial interval 2.938 days (README)."""
    path = shared_data("tracing", "ds4c_patients.csv")
    (report,) = import_files(inst, importkit.EPI, "ds4c-patients", [path])
    assert report.rows == report.accepted + report.rejected
    assert report.reasons == {"missing": report.rejected} and report.rejected <= 5
    with inst.store.read() as connection:
        onset = {r["card_no"]: r["date_onset"] for r in rows(connection, CaseReport) if r["date_onset"]}
    with shared_data("tracing", "ds4c_true_pairs.csv").open(encoding="utf-8") as stream:
        gaps = [
            (onset[r["infectee"]] - onset[r["infector"]]).days
            for r in csv.DictReader(stream)
            if r["infectee"] in onset and r["infector"] in onset
        ]
    assert len(gaps) == 48
    assert np.mean(gaps) == pytest.approx(2.938, abs=0.00051) and np.median(gaps) == 2
    assert np.std(gaps, ddof=1) == pytest.approx(4.235, abs=0.0005)


def test_wuhans_outflow_against_later_cases(inst: Installation) -> None:
    """Every correlation of expected_outflow_correlation.csv, from rows that went through the import."""
    path = shared_data("mobility", "wuhan_outflow_296_cities_to_0212.csv.gz")
    for kind in ("wuhan-outflow-counts", "wuhan-outflow-flows"):
        (report,) = import_files(inst, importkit.EPI, kind, [path])
        assert (report.rows, report.rejected) == (5920, 0)
    end = date(2020, 2, 12)
    cases = delivered(inst, DailyCount, as_of=end)
    flows = delivered(inst, MigrationFlow, as_of=end).rename({"to_adcode": "adcode"})
    joined = cases.join(flows.select("adcode", "date", "value"), on=["adcode", "date"])
    assert len(joined) == 5920
    expected = pl.read_csv(shared_data("mobility", "expected_outflow_correlation.csv"), try_parse_dates=True)
    for row in expected.iter_rows(named=True):
        day = joined.filter(pl.col("date") == row["date"])
        assert len(day) == 296 and day["confirmed"].sum() == row["confirmed_total"]
        figures = {
            "pearson_outflow": pl.corr("value", "confirmed"),
            "spearman_outflow": pl.corr("value", "confirmed", method="spearman"),
            "pearson_population": pl.corr("population", "confirmed"),
        }
        for name, figure in figures.items():
            assert day.select(figure).item() == pytest.approx(row[name], abs=6e-5), (row["date"], name)
    assert flows.filter(pl.col("date") == end)["value"].sum() == 11_478_484


def test_baidu_index(inst: Installation) -> None:
    """scale(province, day) = percentage/100 x total(day), over all rows; Wuhan's index 10-23 January = 107.12."""
    provinces = shared_data("mobility", "baidu_human_mobility_from_wuhan.csv")
    total = shared_data("mobility", "baidu_migration_scale_from_wuhan.csv")
    import_files(inst, importkit.EPI, "baidu-migration", [provinces])
    import_files(inst, importkit.EPI, "baidu-migration-total", [total])
    held = delivered(inst, MigrationFlow, as_of=date(2020, 2, 5))
    whole = dict(held.filter(pl.col("to_adcode") == "100000").select("date", "value").iter_rows())
    assert sum(v for d, v in whole.items() if date(2020, 1, 10) <= d <= date(2020, 1, 23)) == pytest.approx(
        107.12, abs=0.005
    )
    parts = held.filter((pl.col("to_adcode") != "100000") & pl.col("date").is_in(list(whole)))
    with provinces.open(encoding="utf-8") as stream:
        listed = list(csv.DictReader(stream))
    assert len(parts) == len(listed) == 1096
    share = Counter((r["date"], r["percentage"]) for r in listed)
    got = Counter()
    for day, value in parts.select("date", "value").iter_rows():
        got[str(day), f"{100 * value / whole[day]:.2f}"] += 1
    assert got == Counter({(d, f"{float(p):.2f}"): n for (d, p), n in share.items()})


def test_chinese_counts_are_the_white_papers() -> None:
    """The mainland's totals of whitepaper_figures.csv follow from the imported national row."""
    path = shared_data("predict", "china2020", "daily_cumulative.csv.gz")
    day = [
        r for chunk in read_rows(path, kind="china-counts") for r in chunk if r["date"] == date(2020, 2, 11)
    ]
    whole = next(r for r in day if r["adcode"] == "100000")
    apart = [r for r in day if r["adcode"] in ("710000", "810000", "820000") and "/" not in r["place"]]
    with shared_data("predict", "china2020", "whitepaper_figures.csv").open(encoding="utf-8") as stream:
        paper = next(csv.DictReader(stream))
    for name in ("confirmed", "cured", "dead"):
        assert whole[name] - sum(r[name] for r in apart) == int(paper[name])
    assert whole["suspected"] == int(paper["suspected"])
