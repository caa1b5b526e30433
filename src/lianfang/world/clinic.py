"""Case report cards: the outbreak's, and the ordinary pneumonias and influenza-like illness around them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import numpy as np

from lianfang.world import names
from lianfang.world.epidemic import Outbreak
from lianfang.world.people import Town

_FORM = (
    "报告卡编号 报告日期 报告单位 姓名 性别 出生日期 证件号码 联系电话 现住址 现住区划 "
    "职业 工作单位 学校 发病日期 就诊日期 入院日期 临床严重程度 病例分类 症状 暴露史 死亡日期"
)
HEADER = _FORM.split()
KNOWN_AFTER = 6  # days from the alarm until the agent is known and tests exist
UNEXPLAINED = "不明原因肺炎"


@dataclass(frozen=True)
class Card:
    """One version of a card: the row as delivered, its hospital and day, and whose it is."""

    day: int
    hospital: int
    person: int
    values: dict[str, str]
    outbreak: bool


def cards(town: Town, event: Outbreak, days: int, start: date, seed: int) -> list[Card]:
    """All cards of all days, updates included, in the order of their delivery."""
    rng = np.random.default_rng([seed, 21])
    known = event.alarm + KNOWN_AFTER if event.alarm >= 0 else days + 1
    found = _of_outbreak(town, event, days, start, known, rng) + _background(town, days, start, rng)
    numbered = _renumber(found, start)
    return sorted(numbered, key=lambda card: (card.day, card.hospital, card.values["报告卡编号"]))


def _renumber(found: list[Card], start: date) -> list[Card]:
    """Numbers cards through by hospital and day, so that a number says nothing of what the card is about."""
    first: dict[str, Card] = {}
    for card in sorted(found, key=lambda card: card.day):
        first.setdefault(card.values["报告卡编号"], card)
    given: dict[str, str] = {}
    serial: dict[tuple[int, int], int] = {}
    for draft, card in sorted(first.items(), key=lambda pair: pair[1].values["证件号码"][::-1] + pair[0]):
        at = (card.hospital, card.day)
        serial[at] = serial.get(at, 0) + 1
        given[draft] = _number(start, card.day, card.hospital, serial[at])
    return [
        replace(card, values=card.values | {"报告卡编号": given[card.values["报告卡编号"]]}) for card in found
    ]


def _iso(start: date, day: float) -> str:
    return (start + timedelta(days=int(np.floor(day)))).isoformat()


def _hospital(town: Town, person: int, rng: np.random.Generator) -> int:
    return int(town.district[person]) + 1 if rng.random() < 0.7 else 0


def _card(
    town: Town, person: int, number: str, hospital: int, day: int, start: date, **given: str
) -> dict[str, str]:
    birth = str(town.birth[person])
    places = town.places
    work, school = int(town.work_place[person]), int(town.school_place[person])
    row = dict.fromkeys(HEADER, "")
    row.update(
        {
            "报告卡编号": number,
            "报告日期": _iso(start, day),
            "报告单位": names.HOSPITALS[hospital][0],
            "姓名": str(town.name[person]),
            "性别": "男" if town.male[person] else "女",
            "出生日期": f"{birth[:4]}-{birth[4:6]}-{birth[6:]}",
            "证件号码": str(town.resident_id[person]),
            "联系电话": str(town.phone[person]),
            "现住址": str(town.address[person]),
            "现住区划": names.DISTRICTS[int(town.district[person])][0],
            "职业": names.OCCUPATIONS[int(town.occupation[person])],
            "工作单位": places.zh[work] if work >= 0 else "",
            "学校": places.zh[school] if school >= 0 else "",
        }
    )
    row.update(given)
    return row


def _number(start: date, day: int, hospital: int, serial: int) -> str:
    return f"LJ{hospital + 1:02d}{(start + timedelta(days=day)).strftime('%Y%m%d')}{serial:04d}"


def _exposure(town: Town, event: Outbreak, person: int, rng: np.random.Generator) -> str:
    """What the patient says; half of the time where the infection really was."""
    outcome = event.outcome
    said = []
    if town.hall[person] >= 0:
        said.append("城南市场从业人员")
    setting = int(outcome.setting[person])
    where = outcome.settings[setting] if setting >= 0 else ""
    words = {
        "market": "近两周到过城南市场",
        "household": "家中有发热病人",
        "work": "同事有发热",
        "venue": "近期聚餐",
    }
    if where in words and town.hall[person] < 0 and rng.random() < 0.6:
        said.append(words[where])
    return ";".join(said) or ("无明确接触史" if rng.random() < 0.7 else "")


def _of_outbreak(
    town: Town, event: Outbreak, days: int, start: date, known: int, rng: np.random.Generator
) -> list[Card]:
    """Pneumonias first as unexplained; once the agent is known, confirmed, and milder ones found."""
    outcome = event.outcome
    result: list[Card] = []
    infected = np.flatnonzero(np.isfinite(outcome.infected))
    for serial, person in enumerate(infected[np.argsort(outcome.infected[infected], kind="stable")].tolist()):
        draw = rng.random(8)
        onset, admitted = float(outcome.onset[person]), float(outcome.admitted[person])
        hospital = _hospital(town, person, rng)
        pneumonia = np.isfinite(admitted)
        if pneumonia:
            day, visit = int(event.reported[person]), onset + 0.5 * (admitted - onset)
        elif np.isfinite(onset):
            visit = onset + 1 + 3 * draw[0]
            day = int(np.floor(visit)) + 1 + int(draw[1] * 2)
            if day < known or draw[2] > 0.6:
                continue
        else:
            visit = float(outcome.infected[person]) + 5 + 4 * draw[0]
            day = int(np.floor(visit)) + 1
            if day < known + 2 or draw[2] > 0.25:
                continue
        if day >= days:
            continue
        severity = (
            ("普通型" if draw[3] < 0.6 else "重型" if draw[3] < 0.85 else "危重型") if pneumonia else "轻型"
        )
        complaint = ["发热", "咳嗽", "乏力", "呼吸困难"][: 2 + int(draw[4] * 3)]
        given = {
            "就诊日期": _iso(start, visit),
            "临床严重程度": severity,
            "暴露史": _exposure(town, event, person, rng),
        }
        if np.isfinite(onset):
            given["发病日期"] = _iso(start, onset)
        if pneumonia:
            given["入院日期"] = _iso(start, admitted)
            complaint.append(UNEXPLAINED if day < known else "肺炎")
        given["症状"] = ";".join(complaint) if np.isfinite(onset) else ""
        after = "确诊病例" if np.isfinite(onset) else "无症状感染者"
        given["病例分类"] = "疑似病例" if day < known else after
        number = f"outbreak {serial}"
        row = _card(town, person, number, hospital, day, start, **given)
        result.append(Card(day, hospital, person, row, True))
        update = max(day, known) + 1 + int(draw[5] * 3)
        if day < known and update < days:
            row = row | {"报告日期": _iso(start, update), "病例分类": after}
            result.append(Card(update, hospital, person, row, True))
        fatal = {"重型": 0.12, "危重型": 0.45}.get(severity, 0.0)
        dead = max(update, day) + 4 + int(draw[7] * 10)
        if draw[6] < fatal and dead < days:
            row = row | {"报告日期": _iso(start, dead), "死亡日期": _iso(start, dead - 1)}
            result.append(Card(dead, hospital, person, row | {"病例分类": after}, True))
    return result


def _background(town: Town, days: int, start: date, rng: np.random.Generator) -> list[Card]:
    """What hospitals report without any outbreak; one card in seventy is a pneumonia unexplained."""
    weight = np.where(town.age < 7, 3.0, np.where(town.age > 64, 3.0, 1.0)) * (town.hall < 0)
    share = np.cumsum(weight / weight.sum())
    serial = 0
    result: list[Card] = []
    for day in range(days):
        weekend = (start + timedelta(days=day)).weekday() >= 5
        for _ in range(int(rng.poisson(max(town.persons * 7e-5, 1.5) * (0.7 if weekend else 1.1)))):
            person = int(np.searchsorted(share, rng.random()))
            person = min(person, town.persons - 1)
            draw = rng.random(5)
            hospital = _hospital(town, person, rng)
            lung = draw[0] < 0.35
            unexplained = draw[0] < 0.014
            complaint = ["发热", "咳嗽"] + (["咽痛"] if not lung else [])
            complaint.append(UNEXPLAINED if unexplained else "肺炎" if lung else "流感样病例")
            visit = day - int(draw[1] * 2)
            onset = visit - 1 - int(draw[2] * 4)
            given = {
                "发病日期": _iso(start, onset),
                "就诊日期": _iso(start, visit),
                "入院日期": _iso(start, day) if lung else "",
                "临床严重程度": ("重型" if draw[3] < 0.1 else "普通型") if lung else "轻型",
                "病例分类": "疑似病例" if unexplained or draw[4] < 0.3 else "临床诊断病例",
                "症状": ";".join(complaint),
                "暴露史": "",
            }
            serial += 1
            number = f"other {serial}"
            row = _card(town, person, number, hospital, day, start, **given)
            result.append(Card(day, hospital, person, row, False))
            later = day + 3 + int(draw[3] * 5)
            if given["病例分类"] == "疑似病例" and later < days:
                update = row | {"报告日期": _iso(start, later), "病例分类": "排除"}
                result.append(Card(later, hospital, person, update, False))
    return result


def table(cards_of_day: list[Card]) -> list[list[Any]]:
    """Rows under ``HEADER``."""
    return [[card.values[column] for column in HEADER] for card in cards_of_day]
