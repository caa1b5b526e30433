"""Quality findings on series made for them: drops, jumps, breaks, gaps, lateness; and their silence."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

import importkit
from importkit import CARD, EPI, card, write
from lianfang.services import quality
from lianfang.services.importing import import_day, import_files
from lianfang.services.installation import Installation

HEADER = "date,province,provinceCode,city,cityCode,confirmed,suspected,cured,dead"
START = date(2020, 2, 1)


@pytest.fixture
def inst(tmp_path: Path) -> Iterator[Installation]:
    made = importkit.make(tmp_path / "home")
    yield made
    made.close()


def series(
    inst: Installation, folder: Path, hubei: list[int | None], guangdong: list[int], **extra: int
) -> None:
    """Two provinces and the country, day by day."""
    lines = []
    for n, (h, g) in enumerate(zip(hubei, guangdong, strict=True)):
        day = (START + timedelta(days=n)).isoformat()
        if h is not None:
            lines.append([day, "湖北省", "420000", "", "", str(h), "", str(extra.get("cured", 0)), "0"])
        lines.append([day, "广东省", "440000", "", "", str(g), "", "0", "0"])
        lines.append([day, "", "", "", "", str((h or 0) + g + extra.get("gap", 0)), "", "0", "0"])
    import_files(inst, EPI, "china-counts", [write(folder / "c.csv", HEADER, lines)])


def checks(inst: Installation, day: date) -> dict[str, list[str]]:
    out: dict[str, list[str]] = {}
    for one in quality.check(inst, day):
        out.setdefault(one.check, []).append(one.subject_of)
        assert one.message_zh and one.message_en and one.as_of == day
    return out


def test_a_clean_series_has_no_finding(inst: Installation, tmp_path: Path) -> None:
    series(inst, tmp_path, [100, 120, 140, 160, 180, 200], [10, 12, 14, 16, 18, 20])
    assert checks(inst, START + timedelta(days=5)) == {}


def test_a_sum_that_fails_is_said(inst: Installation, tmp_path: Path) -> None:
    series(inst, tmp_path, [100, 120], [10, 12], gap=3)
    found = quality.check(inst, START + timedelta(days=1))
    one = next(f for f in found if f.check == "balance_country")
    assert (one.expected, one.found) == (135, 132) and "3 fewer" in one.message_en


def test_a_drop_is_said_on_its_day_and_counted_later(inst: Installation, tmp_path: Path) -> None:
    series(inst, tmp_path, [100, 120, 110, 130], [10, 12, 14, 16])
    on_the_day = checks(inst, START + timedelta(days=2))
    assert "china-counts/confirmed/420000/湖北省" in on_the_day["drop"]
    later = checks(inst, START + timedelta(days=3))
    assert "drop" not in later and later["drops_before"] == ["china-counts/confirmed"]
    assert "drop" not in checks(inst, START + timedelta(days=1))


def test_a_change_of_definition_and_its_jump(inst: Installation, tmp_path: Path) -> None:
    hubei = [1000 + 100 * n for n in range(11)] + [2000 + 1500]
    series(inst, tmp_path, hubei, [10] * 12)
    day = date(2020, 2, 12)
    found = checks(inst, day)
    assert found["definition_break"] == [
        "china-counts/420000/2020-02-12",
        "china-counts/100000/2020-02-12",
    ]
    assert "china-counts/confirmed/420000" in found["jump"]
    before = checks(inst, day - timedelta(days=1))
    assert "definition_break" not in before and "jump" not in before


def test_missing_days_and_a_silent_source(inst: Installation, tmp_path: Path) -> None:
    series(inst, tmp_path, [100, None, None, 160], [10, 12, 14, 16])
    found = checks(inst, START + timedelta(days=5))
    assert found["missing_days"] == ["china-counts/420000"] and found["late_source"] == ["china-counts"]
    assert "late_source" not in checks(inst, START + timedelta(days=30))  # no longer followed


def test_more_outcomes_than_cases(inst: Installation, tmp_path: Path) -> None:
    series(inst, tmp_path, [5, 6], [1, 1], cured=7)
    assert checks(inst, START + timedelta(days=1))["outcomes_exceed_cases"] == ["china-counts/420000/湖北省"]


def test_what_came_daily_and_did_not_come(inst: Installation, tmp_path: Path) -> None:
    for n in range(7):
        day = date(2026, 1, 10) + timedelta(days=n)
        folder = tmp_path / day.isoformat()
        folder.mkdir()
        clinics = ["一院", "二院"] if n < 5 else ["一院"]
        lines = [[day.isoformat(), clinic, "429901", "9", "3", "1"] for clinic in clinics]
        write(folder / "发热门诊.csv", "日期,机构,区划,就诊人次,发热人次,流感样病例", lines)
        write(folder / "搜索指数.csv", "日期,区划,检索词,次数", [[day.isoformat(), "429901", "发热", "5"]])
        if n == 6:
            (folder / "搜索指数.csv").unlink()
        late = card(
            n + 1, 报告日期=(day - timedelta(days=4 if n == 3 else 0)).isoformat(), 出生日期="1970-01-01"
        )
        write(folder / "病例报告_一院.csv", CARD, [late])
        assert {r.status for r in import_day(inst, EPI, folder, day)} == {"imported"}
        found = checks(inst, day)
        assert ("late_reports" in found) == (n == 3)
        assert found.get("late_clinic", []) == (["二院"] if n >= 5 else [])
        assert found.get("late_file", []) == (["search_count"] if n == 6 else [])
