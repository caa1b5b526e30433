"""What arrives at the centre's desk each day."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lianfang.foundation.progress import Progress, tracked
from lianfang.world import names
from lianfang.world.clinic import HEADER, KNOWN_AFTER, Card, table
from lianfang.world.epidemic import Outbreak
from lianfang.world.people import Town

RETURNEE = ["登记日期", "姓名", "证件号码", "联系电话", "现住址", "现住区划", "来自地区", "返回日期", "症状"]
GOODS = (
    ("N95口罩", "1860型", "只", 40),
    ("医用外科口罩", "平面型", "只", 220),
    ("医用防护服", "连体式", "套", 12),
    ("护目镜", "通用", "副", 6),
    ("核酸检测试剂", "单人份", "份", 30),
)


def write_csv(
    path: Path, header: Sequence[str], rows: Sequence[Sequence[Any]], encoding: str = "utf-8"
) -> None:
    """Lines end with a line feed; the bytes depend on the rows alone."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    path.write_bytes(text.getvalue().encode(encoding))


def write_xlsx(path: Path, header: Sequence[str], rows: Sequence[Sequence[Any]], day: date) -> None:
    """A workbook with one sheet; its dates are the day's, not those of the writing."""
    import xlsxwriter

    book = xlsxwriter.Workbook(str(path), {"strings_to_formulas": False, "strings_to_urls": False})
    book.set_properties({"title": "病例报告", "created": day_start(day)})
    sheet = book.add_worksheet("病例报告")
    for at, row in enumerate([header, *rows]):
        sheet.write_row(at, 0, [str(value) for value in row])
    book.close()


def day_start(day: date) -> Any:
    from datetime import datetime

    return datetime(day.year, day.month, day.day, 8)  # noqa: DTZ001 - workbooks know no time zones


def write_centre(
    folder: Path,
    town: Town,
    event: Outbreak,
    cards: list[Card],
    days: int,
    start: date,
    seed: int,
    progress: Progress | None,
) -> None:
    """Writes every day's folder."""
    rng = np.random.default_rng([seed, 31])
    by_day: dict[int, list[Card]] = {}
    for card in cards:
        by_day.setdefault(card.day, []).append(card)
    counts = _DailyCounts(town, event, days, start, rng)
    samples = _samples(town, event, cards, days, start, rng)
    stock = {
        (h, g): int(GOODS[g][3] * rng.integers(18, 45))
        for h in range(len(names.HOSPITALS))
        for g in range(len(GOODS))
    }
    for day in tracked(range(days), progress, "centre's inbox 中心收件", days):
        today = start + timedelta(days=day)
        desk = folder / today.isoformat()
        desk.mkdir(parents=True)
        for hospital, row in enumerate(names.HOSPITALS):
            rows = table([card for card in by_day.get(day, []) if card.hospital == hospital])
            if not rows:
                continue
            if hospital == names.XLSX_HOSPITAL:
                write_xlsx(desk / f"病例报告_{row[0]}.xlsx", HEADER, rows, today)
            else:
                encoding = "gb18030" if hospital == names.GB18030_HOSPITAL else "utf-8"
                write_csv(desk / f"病例报告_{row[0]}.csv", HEADER, rows, encoding)
        write_csv(
            desk / "发热门诊.csv",
            ["日期", "机构", "区划", "就诊人次", "发热人次", "流感样病例"],
            counts.clinics(day),
        )
        write_csv(desk / "搜索指数.csv", ["日期", "区划", "检索词", "次数"], counts.searches(day))
        write_csv(
            desk / "检测结果.csv",
            ["样本编号", "报告卡编号", "采样日期", "检测日期", "样本来源", "检测项目", "结果", "检测单位"],
            samples.get(day, []),
        )
        write_csv(
            desk / "返回人员.csv",
            RETURNEE,
            _returnees(town, event, day, today, rng),
        )
        load = len(by_day.get(day, []))
        write_csv(
            desk / "库存.csv",
            ["日期", "机构", "物资", "规格", "数量", "单位", "日消耗"],
            _stock(stock, today, load, rng),
        )
        write_csv(
            desk / "人口迁移.csv", ["日期", "迁出地", "迁入地", "人次"], _flows(town, event, day, today, rng)
        )


class _DailyCounts:
    """Fever clinics and searches: a weekly rhythm with noise, and the ill of the outbreak on top."""

    def __init__(self, town: Town, event: Outbreak, days: int, start: date, rng: np.random.Generator) -> None:
        self.town, self.event, self.start, self.rng = town, event, start, rng
        self.population = np.bincount(town.district, minlength=len(names.DISTRICTS))
        onset = event.outcome.onset
        ill = np.flatnonzero(np.isfinite(onset))
        self.visits = np.zeros((days + 40, len(names.DISTRICTS)))
        self.onsets = np.zeros((days + 40, len(names.DISTRICTS)))
        goes = rng.random(ill.size) < 0.55
        later = 1 + rng.integers(0, 3, size=ill.size)
        at = np.floor(onset[ill]).astype(int)
        np.add.at(self.onsets, (np.minimum(at, days + 39), town.district[ill]), 1.0)
        np.add.at(self.visits, (np.minimum(at + later, days + 39)[goes], town.district[ill[goes]]), 1.0)

    def clinics(self, day: int) -> list[list[Any]]:
        today = self.start + timedelta(days=day)
        rhythm = (1.25, 1.05, 1.0, 1.0, 1.05, 0.9, 0.8)[today.weekday()]
        sites = [(zh, d) for zh, _, d in names.HOSPITALS]
        sites += [
            (self.town.places.zh[at], self.town.places.district[at]) for at in self.town.places.of("clinic")
        ]
        rows: list[list[Any]] = []
        for zh, d in sites:
            number = sum(1 for _, other in sites if other == d)
            base = max(self.population[d] / 900 * rhythm / number, 1.2)
            extra = int(self.rng.binomial(int(self.visits[day, d]), 1.0 / number))
            all_visits = int(self.rng.poisson(base * self.rng.gamma(40, 1 / 40))) + extra
            fever = int(self.rng.binomial(all_visits - extra, 0.45)) + extra
            alike = int(self.rng.binomial(fever, 0.5))
            rows.append([today.isoformat(), zh, names.DISTRICTS[d][0], all_visits, fever, alike])
        return rows

    def searches(self, day: int) -> list[list[Any]]:
        today = self.start + timedelta(days=day)
        alarm = self.event.alarm
        stir = 0.0 if alarm < 0 or day <= alarm else 3.0 * (1 - np.exp(-(day - alarm) / 4.0))
        ill = self.onsets[max(day - 4, 0) : day + 1].sum(axis=0)
        rows: list[list[Any]] = []
        for d, district in enumerate(names.DISTRICTS):
            for at, term in enumerate(names.TERMS):
                base = self.population[d] * (0.004, 0.005, 0.0008, 0.0015, 0.002)[at]
                mean = (
                    base * (1 + stir * (0.4, 0.3, 0.6, 1.5, 3.0)[at]) + ill[d] * (1.2, 0.9, 0.5, 0.6, 0.2)[at]
                )
                mean *= 1.08 if today.weekday() == 0 else 1.0
                rows.append(
                    [
                        today.isoformat(),
                        district[0],
                        term,
                        int(self.rng.poisson(mean * self.rng.gamma(60, 1 / 60))),
                    ]
                )
        return rows


def _samples(
    town: Town, event: Outbreak, cards: list[Card], days: int, start: date, rng: np.random.Generator
) -> dict[int, list[list[Any]]]:
    """Panels of known agents come back negative; from the sixth day on there is a test of the new one."""
    known = event.alarm + KNOWN_AFTER if event.alarm >= 0 else days + 1
    result: dict[int, list[list[Any]]] = {}
    serial = 0
    lab = "临江市疾控中心实验室"

    def add(card: str, taken: int, tested: int, source: str, test: str, answer: str) -> None:
        nonlocal serial
        if tested >= days:
            return
        serial += 1
        row = [f"S{serial:06d}", card, *[(start + timedelta(days=d)).isoformat() for d in (taken, tested)]]
        result.setdefault(tested, []).append([*row, source, test, answer, lab])

    seen: set[str] = set()
    for card in cards:
        number = card.values["报告卡编号"]
        pneumonia = "肺炎" in card.values["症状"]
        if number in seen or not (pneumonia or card.day >= known):
            continue
        seen.add(number)
        influenza = not card.outbreak and rng.random() < 0.25
        add(number, card.day, card.day + 1, "人", "呼吸道病原体核酸组合", "阳性" if influenza else "阴性")
        answer = (
            "阳性" if card.outbreak and rng.random() < 0.93 else "待定" if rng.random() < 0.02 else "阴性"
        )
        if card.outbreak or card.day >= known - 10:
            taken = max(card.day, known - 1)
            add(number, taken, taken + 1, "人", "新型病原体核酸", answer)
    if event.alarm >= 0:
        for round_ in range(3):
            taken = known - 1 + 2 * round_
            for site in range(14):
                positive = rng.random() < (0.35 if round_ == 0 else 0.12)
                source = "动物" if site >= 11 else "环境"
                add("", taken, taken + 1, source, "新型病原体核酸", "阳性" if positive else "阴性")
    return result


def _returnees(
    town: Town, event: Outbreak, day: int, today: date, rng: np.random.Generator
) -> list[list[Any]]:
    """Registered once the community counts returners: few before the alarm, more after."""
    rate = max(town.persons / 25_000, 0.5) * (4.0 if 0 <= event.alarm < day else 1.0)
    people = rng.integers(0, town.persons, size=int(rng.poisson(rate)))
    codes = [row[0] for row in names.NEIGHBOURS]
    rows: list[list[Any]] = []
    for person in np.unique(people).tolist():
        ill = rng.random() < 0.05
        back = today - timedelta(days=int(rng.integers(0, 3)))
        rows.append(
            [
                today.isoformat(),
                town.name[person],
                town.resident_id[person],
                town.phone[person],
                town.address[person],
                names.DISTRICTS[int(town.district[person])][0],
                codes[int(rng.integers(len(codes)))],
                back.isoformat(),
                "发热;咳嗽" if ill else "无",
            ]
        )
    return rows


def _stock(
    stock: dict[tuple[int, int], int], today: date, load: int, rng: np.random.Generator
) -> list[list[Any]]:
    rows: list[list[Any]] = []
    for hospital, row in enumerate(names.HOSPITALS):
        for good, (name, kind, unit, daily) in enumerate(GOODS):
            used = int(rng.poisson(daily * (1 + load / 25)))
            left = stock[hospital, good] - used
            if left < daily * 3 and rng.random() < 0.5:
                left += daily * 25
            stock[hospital, good] = max(left, 0)
            rows.append([today.isoformat(), row[0], name, kind, stock[hospital, good], unit, used])
    return rows


def _flows(town: Town, event: Outbreak, day: int, today: date, rng: np.random.Generator) -> list[list[Any]]:
    """Trips between the districts and to the neighbouring places; fewer once measures hold."""
    less = 0.4 if event.alarm >= 0 and day >= event.alarm + 8 else 1.0
    population: NDArray[np.int64] = np.bincount(town.district, minlength=len(names.DISTRICTS))
    codes = [row[0] for row in names.DISTRICTS]
    rows: list[list[Any]] = []
    for a, origin in enumerate(codes):
        for b, goal in enumerate(codes):
            if a != b:
                mean = 0.08 * population[a] * population[b] / population.sum()
                rows.append([today.isoformat(), origin, goal, int(rng.poisson(mean * less))])
    for code, _, _, share in names.NEIGHBOURS:
        mean = 0.01 * town.persons * share * less
        rows.append([today.isoformat(), names.ADCODE, code, int(rng.poisson(mean))])
        rows.append([today.isoformat(), code, names.ADCODE, int(rng.poisson(mean))])
    return rows
