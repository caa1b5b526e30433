"""The daily cycle on China's published counts of 2020, as known on 11 February."""

from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import accumulate, pairwise
from pathlib import Path

import pytest

from lianfang.foundation.clock import SetClock
from lianfang.predict import reproduction
from lianfang.services import daily, importing, replay
from lianfang.services.installation import SYSTEM, create
from shared import shared_data

DAY = date(2020, 2, 11)


def test_the_country_of_11_february(tmp_path: Path) -> None:
    inst = create(tmp_path / "home", clock=SetClock(datetime(2020, 2, 12, tzinfo=UTC)))
    file = shared_data("predict", "china2020", "daily_cumulative.csv.gz")
    importing.import_files(inst, SYSTEM, "china-counts", [file])
    report = daily.run(inst, SYSTEM, DAY)
    told = report.steps["counts"]["china-counts"]
    # the white paper's total of the day, with Hong Kong 49, Macao 10 and Taiwan 18
    assert told["until"] == "2020-02-11" and told["confirmed"] == 44653 + 49 + 10 + 18
    # over the same week the replay's Rt rests on the commission's own counts of the mainland
    assert told["mean"] == pytest.approx(replay.china_2020().daily["rt"][-1], rel=0.03)
    assert daily.run(inst, SYSTEM, DAY).digest == report.digest
    inst.close()


def test_the_last_estimate_is_the_engines_and_later_days_are_not_read(tmp_path: Path) -> None:
    inst = create(tmp_path / "home", clock=SetClock(datetime(2020, 2, 12, tzinfo=UTC)))
    counts = [5, 9, 14, 25, 41, 60, 100, 150, 190, 185, 300, 420]
    lines = ["date,province,provinceCode,city,cityCode,confirmed,suspected,cured,dead"]
    lines += [f"2020-01-{20 + n},,,,,{count},0,0,0" for n, count in enumerate(counts)]
    file = tmp_path / "daily_cumulative.csv"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    importing.import_files(inst, SYSTEM, "china-counts", [file])
    told = daily.run(inst, SYSTEM, date(2020, 1, 30)).steps["counts"]["china-counts"]
    highest = list(accumulate(counts[:11], max))  # a correction downwards makes no case twice
    new = [after - before for before, after in pairwise(highest)]
    wanted = reproduction.estimate(new, serial_interval=daily.SERIAL_INTERVAL).tail(1).to_dicts()[0]
    assert (told["confirmed"], told["new"]) == (300, 110)
    assert told["mean"] == pytest.approx(wanted["mean"], abs=1e-4)
    inst.close()
