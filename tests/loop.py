"""A small installation with an open event, three cases and eight contacts, without a holder's node.

The holder's side is stood in for at one place only, ``orders.reveal`` and ``orders.purge``; its own tests and the
journeys use the real node.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from lianfang.foundation.clock import SetClock
from lianfang.records import Alert, CaseReport, Contact
from lianfang.services import accounts, cases, events, orders
from lianfang.services.installation import ROUTINE, Installation, Who, create
from lianfang.store import put, put_rows

MORNING = datetime(2026, 1, 29, 0, 30, tzinfo=UTC)
DAY = date(2026, 1, 29)
NAMES = ["甄临一", "甄临二", "甄临三"]
CONTACTS = [f"邢观{n}" for n in "甲乙丙丁戊己庚辛"]


def identifiers(name: str, number: int) -> dict[str, str]:
    return {
        "name": name,
        "phone": f"1540000{number:04d}",
        "address": f"临江市城南区虚构路{number}号2单元301室",
    }


def put_cases(inst: Installation) -> list[str]:
    with inst.vault_store.begin() as vault:
        rows = [identifiers(name, n) for n, name in enumerate(NAMES)]
        subjects = inst.vault.put_many(vault, ROUTINE, rows, kind="case_report")
    made = []
    with inst.store.begin() as connection:
        for number, subject in enumerate(subjects):
            card = f"C{number}"
            made.append(cases.case_id("h1", card))
            row = {
                "case_id": made[-1],
                "card_no": card,
                "reporter": "h1",
                "date_reporting": date(2026, 1, 26 + number),
                "date_onset": date(2026, 1, 22 + number),
                "workplace": "城南市场",
                "unexplained": True,
                "classification": "suspect",
                "symptoms": ["fever", "pneumonia_unexplained"],
                "gender": "female",
                "age": 40 + number,
                "adcode": "429901",
                "subject_id": subject,
            }
            put_rows(connection, CaseReport, [row])
        put(
            connection,
            Alert(
                alert_id="alarm",
                as_of=DAY,
                method="cluster",
                attribute="workplace",
                value="城南市场",
                observed=3,
                evidence={"case_ids": made, "first": "2026-01-22", "last": "2026-01-24"},
            ),
        )
    return made


def put_contacts(inst: Installation, event_id: str) -> list[str]:
    rows = [
        {
            "contact_id": f"c{number}",
            "event_id": event_id,
            "order_id": "o1",
            "token": f"{number:032x}",
            "rank": number + 1,
            "score": 0.95 - number / 10,
            "level": "high" if number < 3 else "medium",
            "reasons": [],
            "index_tokens": ["i1"],
            "last_exposure": date(2026, 1, 25),
            "status": "candidate",
            "updated_at": inst.now(),
        }
        for number in range(len(CONTACTS))
    ]
    with inst.store.begin() as connection:
        put_rows(connection, Contact, rows)
    return [str(row["contact_id"]) for row in rows]


@pytest.fixture
def inst(tmp_path: Path) -> Iterator[Installation]:
    settings = {"adcode": "429900", "demonstration": True, "authority_id": "linjiang-cdc"}
    made = create(tmp_path / "home", settings=settings, clock=SetClock(MORNING))
    accounts.add_demonstration(made)
    yield made
    made.close()


@pytest.fixture
def staff(inst: Installation) -> dict[str, Who]:
    return {role: accounts.person(inst, name) for name, _, role in accounts.DEMONSTRATION}


@pytest.fixture
def event_id(inst: Installation, staff: dict[str, Who], monkeypatch: pytest.MonkeyPatch) -> str:
    put_cases(inst)
    epi = staff["epidemiologist"]
    opened = events.open_event(inst, epi, events.propose(inst, epi, "alarm"))
    put_contacts(inst, opened)

    def reveal(at: Installation, who: Who, lock: dict[str, object]) -> dict[str, str]:
        wanted = [str(one) for one in lock["contact_ids"]]  # type: ignore[union-attr]
        rows = [identifiers(CONTACTS[int(one[1:])], 100 + int(one[1:])) for one in wanted]
        with at.vault_store.begin() as vault:
            subjects = at.vault.put_many(vault, str(lock["event_id"]), rows, kind="contact")
        return dict(zip(wanted, subjects, strict=True))

    monkeypatch.setattr(orders, "reveal", reveal)
    monkeypatch.setattr(orders, "purge", lambda *_: {"holders": 0})
    return opened
