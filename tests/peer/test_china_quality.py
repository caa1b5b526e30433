"""The real counts of China at the white paper's date: what their own figures say about each other."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest

import importkit
from lianfang.records import DailyCount, QualityFinding
from lianfang.services import quality
from lianfang.services.importing import delivered, import_files
from lianfang.services.installation import Installation
from lianfang.store import rows
from shared import shared_data

DAY = date(2020, 2, 11)


@pytest.fixture(scope="module")
def inst(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    path = shared_data("predict", "china2020", "daily_cumulative.csv.gz")
    made = importkit.make(tmp_path_factory.mktemp("china") / "home")
    (report,) = import_files(made, importkit.EPI, "china-counts", [path])
    assert (report.rows, report.rejected) == (8600, 0)
    yield made
    made.close()


@pytest.fixture(scope="module")
def found(inst: Installation) -> dict[tuple[str, str], QualityFinding]:
    return {(one.check, one.subject_of): one for one in quality.check(inst, DAY)}


def test_the_national_row_counts_the_regions(found: dict[tuple[str, str], QualityFinding]) -> None:
    one = found["scope_country", "china-counts/confirmed"]
    assert (one.expected, one.found) == (44730, 44653)
    assert "Hong Kong 49, Macao 10, Taiwan 18" in one.message_en and "44,653" in one.message_en
    assert "香港 49、澳门 10、台湾 18" in one.message_zh
    dead = found["scope_country", "china-counts/dead"]
    assert (dead.expected, dead.found) == (1114, 1113)
    assert found["scope_country", "china-counts/cured"].found == 4740


def test_the_provinces_sum_to_two_fewer(found: dict[tuple[str, str], QualityFinding]) -> None:
    one = found["balance_country", "china-counts/confirmed"]
    assert (one.severity, one.expected, one.found) == ("warning", 44653, 44651)
    assert "44,651" in one.message_zh and "2 fewer" in one.message_en


def test_hubeis_cities_sum_to_less_than_hubei(found: dict[tuple[str, str], QualityFinding]) -> None:
    one = found["balance_province", "china-counts/confirmed/420000"]
    assert (one.expected, one.found) == (33366, 31728)
    assert "a day late" in one.message_en and "晚一日" in one.message_zh


def test_the_figures_are_those_of_a_plain_sum(found: dict[tuple[str, str], QualityFinding]) -> None:
    """Every province's finding against sums made by the csv module alone; none is missing, none too many."""
    import csv
    import gzip
    from collections import Counter

    path = shared_data("predict", "china2020", "daily_cumulative.csv.gz")
    own, parts = {}, Counter()
    with gzip.open(path, "rt", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            if row["date"] != DAY.isoformat() or not row["provinceCode"]:
                continue
            if row["city"]:
                parts[row["provinceCode"]] += int(row["confirmed"])
            else:
                own[row["provinceCode"]] = int(row["confirmed"])
    wanted = {code: (own[code], parts[code]) for code in parts if parts[code] != own[code]}
    prefix = "china-counts/confirmed/"
    got = {
        subject.removeprefix(prefix): (one.expected, one.found)
        for (check, subject), one in found.items()
        if check == "balance_province" and subject.startswith(prefix)
    }
    assert got == wanted and "420000" in got


def test_findings_are_kept_and_replaced(inst: Installation) -> None:
    first = quality.check(inst, DAY)
    again = quality.check(inst, DAY)
    assert first == again
    with inst.store.read() as connection:
        assert len(rows(connection, QualityFinding, as_of=DAY)) == len(first) == len({
            (one.check, one.subject_of) for one in first
        })  # fmt: skip


def test_nothing_later_is_read(inst: Installation) -> None:
    early = date(2020, 1, 25)
    assert delivered(inst, DailyCount, as_of=early)["date"].max() == early
    text = " ".join(one.message_en for one in quality.check(inst, early))
    assert "44,730" not in text and "2020-02" not in text
