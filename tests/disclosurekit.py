"""Daily bulletins of a long outbreak, published one after the other through the real service.

The city is the demonstration city's people, movements, epidemic and report cards
(``lianfang.world``), run over more days than the demonstration has; no file is written. Every card counts for
one event, which is open from the first day on.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from lianfang.foundation.clock import SetClock
from lianfang.records import Bulletin, CaseReport, Division, Event
from lianfang.services import accounts, bulletin, cases
from lianfang.services.installation import Installation, create
from lianfang.store import put, put_rows, rows
from lianfang.world import clinic, movement, names, people
from lianfang.world.epidemic import outbreak

START = date(2026, 1, 5)
EVENT = "e20260105-000001"
CODES = {"男": "male", "女": "female"}


def city_cards(days: int, *, persons: int = 3_000, seed: int = 24) -> list[dict[str, Any]]:
    """The report cards of a city: day, district, sex, age, symptoms; in the order of days."""
    town = people.settle(persons, START, np.random.default_rng([seed, 1]))
    planned = movement.presences(town, days, np.random.default_rng([seed, 2]))
    event = outbreak(town, planned, days, seed, START)
    found = [
        {
            "day": card.day,
            "card_no": card.values["报告卡编号"],
            "adcode": card.values["现住区划"],
            "gender": CODES.get(card.values["性别"], "unknown"),
            "age": int(town.age[card.person]),
            "symptoms": [s for s in card.values["症状"].split(";") if s],
        }
        for card in clinic.cards(town, event, days, START, seed)
        if card.day < days
    ]
    return sorted(found, key=lambda card: (card["day"], card["card_no"]))


def centre(home: Path) -> Installation:
    """An installation with one open event."""
    settings = {"adcode": "429900", "demonstration": True, "authority_id": "linjiang-cdc"}
    inst = create(home, settings=settings, clock=SetClock(datetime(2026, 1, 5, 10, tzinfo=UTC)))
    accounts.add_demonstration(inst)
    event = Event.model_validate(
        {
            "event_id": EVENT, "title": "城南市场不明原因肺炎", "adcode": "429900", "disease": "unexplained",
            "case_definition": "1", "level": "III", "start_conditions": "-", "stop_conditions": "-",
            "legal_basis": [], "plan": {}, "retention_pack": "cn-seed-2020",
            "retention_until": START + timedelta(days=400), "status": "open",
        }
    )  # fmt: skip
    districts = [
        Division(adcode=code, level="county", name_zh=zh, name_en=en, parent="429900")
        for code, zh, en, *_ in names.DISTRICTS
    ]
    with inst.store.begin() as connection:
        put(connection, event, *districts)
    return inst


def report(inst: Installation, card: dict[str, Any], number: int) -> None:
    """One card of the day, confirmed."""
    day = START + timedelta(days=int(card["day"]))
    row = {
        "case_id": cases.case_id("h", card["card_no"]), "event_id": EVENT, "card_no": card["card_no"],
        "reporter": "h", "date_reporting": day, "date_confirmed": day, "classification": "confirmed",
        "gender": card["gender"], "age": card["age"], "adcode": card["adcode"],
        "symptoms": card["symptoms"], "subject_id": f"s{number:06d}",
    }  # fmt: skip
    with inst.store.begin() as connection:
        put_rows(connection, CaseReport, [row])


def publish_days(
    inst: Installation, cards: list[dict[str, Any]], first: int, count: int
) -> list[dict[str, Any]]:
    """Publish ``count`` daily bulletins from day ``first`` on; returns their contents as published."""
    manager = accounts.person(inst, "zhou.zhuren")
    waiting = list(enumerate(cards))
    for day in range(first, first + count):
        assert isinstance(inst.clock, SetClock)
        inst.clock.at = datetime(2026, 1, 5, 10, tzinfo=UTC) + timedelta(days=day)
        while waiting and waiting[0][1]["day"] <= day:
            number, card = waiting.pop(0)
            report(inst, card, number)
        bulletin.publish(inst, manager, EVENT)
    with inst.store.read() as connection:
        found = rows(connection, Bulletin, event_id=EVENT, order_by=["number"])
    return [{**row["content"], "reasons": row["withheld"]} for row in found]
