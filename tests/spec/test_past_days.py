"""A day that is asked again tells the same, whatever was opened, attached, linked or closed since."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from databases import new_postgres
from lianfang.foundation.clock import SetClock
from lianfang.records import Alert, CaseAttachment, CaseReport, Returnee, SubjectLinkPast
from lianfang.services import accounts, cases, closing, daily, events
from lianfang.services.installation import ROUTINE, SYSTEM, Installation, create
from lianfang.store import put_rows, rows, tally
from loop import MORNING, identifiers

FIRST = date(2026, 1, 29)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def inst(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Installation]:
    settings: dict[str, Any] = {"adcode": "429900", "demonstration": True, "authority_id": "linjiang-cdc"}
    if request.param == "postgresql":
        server = request.getfixturevalue("postgres_server")
        settings |= {name: new_postgres(server) for name in ("database_url", "vault_url")}
    with create(tmp_path / "home", settings=settings, clock=SetClock(MORNING)) as made:
        accounts.add_demonstration(made)
        yield made


def morning(inst: Installation, day: date, hour: int = 0) -> None:
    inst.clock = SetClock(datetime.combine(day, MORNING.timetz()) + timedelta(hours=hour))


def card(inst: Installation, person: int, day: date, *, reporter: str = "h1", **values: Any) -> None:
    """A hospital's card as the import leaves it; the same person's other card has another address."""
    who = identifiers(f"甄某{person}", person) | {"address": f"虚构路{reporter}{person}号"}
    with inst.vault_store.begin() as vault:
        subject = inst.vault.put_many(vault, ROUTINE, [who], kind="case_report")[0]
    row = {
        "case_id": cases.case_id(reporter, f"C{person}"),
        "card_no": f"C{person}",
        "reporter": reporter,
        "date_reporting": day,
        "date_onset": day - timedelta(days=2),
        "workplace": "城南市场",
        "unexplained": True,
        "classification": "suspect",
        "adcode": "429901",
        "subject_id": subject,
        **values,
    }
    with inst.store.begin() as connection:
        put_rows(connection, CaseReport, [row], keep=["event_id"])


def returnee(inst: Installation, person: int, day: date) -> None:
    with inst.vault_store.begin() as vault:
        one = identifiers(f"甄某{person}", person)
        subject = inst.vault.put_many(vault, ROUTINE, [one], kind="returnee")[0]
    with inst.store.begin() as connection:
        put_rows(connection, Returnee, [{"subject_id": subject, "registered_on": day}])


def deliver(inst: Installation, day: date, number: int) -> None:
    """New persons, second cards that join two subjects a day later, corrections, people who came back."""
    card(inst, number, day)
    card(inst, 50 + number, day, workplace="别处", classification="no_case" if number % 3 else "probable")
    if number:
        card(inst, number - 1, day, reporter="h2")  # links to yesterday's card
    if number >= 4:
        card(inst, number - 4, day, classification="confirmed", workplace="")  # a later version
    if number % 2:
        returnee(inst, number, day)


def test_every_earlier_day_tells_what_it_told_first(inst: Installation) -> None:
    days = [FIRST + timedelta(days=n) for n in range(10)]
    opened, closed = days[4], days[8]
    first: dict[date, dict[str, Any]] = {}
    event_id = ""
    staff = {role: accounts.person(inst, name) for name, _, role in accounts.DEMONSTRATION}
    for number, day in enumerate(days):
        morning(inst, day)
        deliver(inst, day, number)
        if day == closed:
            closing.close(inst, staff["manager"], event_id, "结束")
        if day == opened:
            epi = staff["epidemiologist"]
            with inst.store.read() as connection:
                alert = rows(connection, Alert, method="cluster", attribute="workplace", status="new")[-1]
            event_id = events.open_event(inst, epi, events.propose(inst, epi, alert["alert_id"]))
        first[day] = daily.run(inst, SYSTEM, day).steps
        assert daily.run(inst, SYSTEM, day).steps == first[day]
    assert event_id not in first[days[3]]["curves"] and event_id not in first[closed]["curves"]
    assert first[days[7]]["link"][event_id]["joined"] > 0 and first[days[3]]["link"][ROUTINE]["joined"] > 0
    assert first[opened]["attach"]["attached"][event_id] < first[days[7]]["attach"]["attached"][event_id]
    with inst.store.read() as connection:
        assert tally(connection, CaseAttachment, event_id=event_id) > 5
        assert tally(connection, SubjectLinkPast) > 0  # a person was renamed or joined on a later day
    morning(inst, days[-1] + timedelta(days=3), hour=5)
    orders = [days, days[::-1], *(random.Random(n).sample(days, len(days)) for n in range(3))]
    for day in itertools.chain.from_iterable(orders):
        assert daily.run(inst, SYSTEM, day).steps == first[day], day


def test_what_was_decided_on_a_day_counts_on_it_and_not_before(inst: Installation) -> None:
    """Opened after the day's cycle: the day asked again tells it, from then on the same; the day before never."""
    days = [FIRST + timedelta(days=n) for n in range(5)]
    for number, day in enumerate(days[:4]):
        morning(inst, day)
        deliver(inst, day, number)
        before = daily.run(inst, SYSTEM, day)
    yesterday = daily.run(inst, SYSTEM, days[2])
    epi = accounts.person(inst, "wang.yi")
    with inst.store.read() as connection:
        alert = rows(connection, Alert, method="cluster", attribute="workplace", status="new")[-1]
    event_id = events.open_event(inst, epi, events.propose(inst, epi, alert["alert_id"]))
    same_day = daily.run(inst, SYSTEM, days[3])
    assert event_id in same_day.steps["curves"] and event_id not in before.steps["curves"]
    morning(inst, days[4])
    daily.run(inst, SYSTEM, days[4])
    assert daily.run(inst, SYSTEM, days[3]).digest == same_day.digest
    assert daily.run(inst, SYSTEM, days[2]).digest == yesterday.digest
