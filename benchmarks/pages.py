"""Time to a page on an installation with many rows: ``python benchmarks/pages.py [ROWS]`` (100,000 case reports)."""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from fastapi.testclient import TestClient

from lianfang.api.app import create_app
from lianfang.foundation.clock import SetClock
from lianfang.records import Alert, CaseReport, Contact
from lianfang.services import accounts, events
from lianfang.services.installation import Installation, create
from lianfang.store import put, put_rows

NOW = datetime(2026, 1, 29, 0, 30, tzinfo=UTC)
DAY = date(2026, 1, 29)
CONTACTS = 500


def fill(inst: Installation, count: int) -> str:
    """Case reports of a year, of which a tenth is the event's, and an order's worth of contacts."""
    accounts.add_demonstration(inst)
    epi = accounts.person(inst, "wang.yi")
    with inst.store.begin() as connection:
        put(
            connection,
            Alert(
                alert_id="alarm", as_of=DAY, method="cluster", attribute="workplace", value="x", observed=3
            ),
        )
    event_id = events.open_event(inst, epi, events.propose(inst, epi, "alarm"))
    cases = (
        {
            "case_id": f"{n:024x}",
            "event_id": event_id if n % 10 == 0 else "",
            "card_no": str(n),
            "reporter": "h1",
            "date_reporting": DAY - timedelta(days=n % 365),
            "date_onset": DAY - timedelta(days=n % 365 + 3),
            "classification": "suspect",
            "symptoms": ["fever"],
            "gender": "female",
            "age": n % 90,
            "adcode": "429901",
            "subject_id": f"{n:032x}",
        }
        for n in range(count)
    )
    contacts = [
        {
            "contact_id": f"c{n}",
            "event_id": event_id,
            "order_id": "o1",
            "token": f"{n:032x}",
            "rank": n + 1,
            "score": 1 - n / CONTACTS,
            "level": "high" if n < 20 else "medium",
            "reasons": [],
            "index_tokens": [],
            "last_exposure": DAY,
            "status": "candidate",
            "updated_at": NOW,
        }
        for n in range(CONTACTS)
    ]
    with inst.store.begin() as connection:
        put_rows(connection, CaseReport, list(cases))
        put_rows(connection, Contact, contacts)
    return event_id


def main(count: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        settings = {"adcode": "429900", "demonstration": True, "authority_id": "linjiang-cdc"}
        with create(Path(folder) / "home", settings=settings, clock=SetClock(NOW)) as inst:
            event_id = fill(inst, count)
            client = TestClient(create_app(inst), base_url="https://testserver")
            client.post("/enter", data={"link": accounts.link(inst, "zhou.zhuren")})
            print(f"{count:,} case reports, {count // 10:,} of them the event's; {CONTACTS} contacts")
            for path in ("/today", f"/events/{event_id}", f"/events/{event_id}/contacts", "/log", "/public"):
                taken = []
                for _ in range(5):
                    started = time.perf_counter()
                    answer = client.get(path)
                    taken.append(1000 * (time.perf_counter() - started))
                shown = path.replace(event_id, "EVENT")
                print(
                    f"{shown:<26} {answer.status_code}  {statistics.median(taken):7.0f} ms"
                    f"  {len(answer.content):9,} bytes"
                )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
