"""Time to each page on an installation with many rows, and of one morning's cycle.

    python benchmarks/pages.py [CASES] [--home FOLDER] [--daily]

CASES (1,000,000) case reports of as many persons, their identities in the vault and their links in the store;
10,000 of them (or all) are one event's, with 5,000 contacts; 100,000 entries of the log. ``--home`` keeps the
installation in a folder and uses it again; ``--daily`` runs the cycle of the day first and prints its steps.
Each page is opened once and then five times: printed is the median of the five.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent / "src"))

from fastapi.testclient import TestClient

from lianfang.api.app import create_app
from lianfang.foundation.clock import SetClock
from lianfang.guard import ledger
from lianfang.records import (
    Alert,
    Batch,
    CaseReport,
    Contact,
    DecisionEntry,
    FollowUp,
    HolderEntry,
    LabResult,
    ObservationOrder,
    Reading,
    RiskLock,
    Sample,
    SubjectLink,
)
from lianfang.services import accounts, cases, daily, events
from lianfang.services.installation import ROUTINE, Installation, create, open_installation
from lianfang.store import change, one, put, put_rows, rows, tally

NOW = datetime(2026, 1, 29, 0, 30, tzinfo=UTC)
DAY = date(2026, 1, 29)
EVENT, CONTACTS, NAMED, SAMPLES, ENTRIES, READINGS = 10_000, 5_000, 200, 500, 100_000, 2_000
CHUNK = 50_000
SYLLABLES = "甄邢临观甲乙丙丁戊己庚辛壬癸子丑寅卯辰巳午未申酉戌亥"


def identity(n: int) -> dict[str, str]:
    """An invented person: a name of three signs and a number of the invented range."""
    k = len(SYLLABLES)
    name = SYLLABLES[n % k] + SYLLABLES[n // k % k] + SYLLABLES[n // k // k % k]
    return {"name": name, "phone": f"154{n:08d}"}


def card(n: int, event_id: str, subject: str) -> dict[str, Any]:
    """A report card: a year of notifiable disease, and an event's of the last sixty days."""
    back = n % 60 if event_id else n % 365
    reported = DAY - timedelta(days=back)
    return {
        "case_id": cases.case_id(f"h{n % 50}", str(n)),
        "event_id": event_id,
        "card_no": str(n),
        "reporter": f"h{n % 50}",
        "date_reporting": reported,
        "date_onset": reported - timedelta(days=n % 7),
        "date_confirmed": reported if n % 3 == 0 else None,
        "classification": ("confirmed", "suspect", "probable")[n % 3],
        "severity": ("mild", "moderate", "severe")[n % 3],
        "symptoms": ["fever", "cough"],
        "gender": ("female", "male")[n % 2],
        "age": n % 90,
        "adcode": f"42990{n % 6 + 1}",
        "workplace": f"单位{n % 20_000}",
        "household": f"{n // 200:032x}",
        "unexplained": bool(event_id) or n % 500 == 0,
        "batch_id": f"b{back}",
        "subject_id": subject,
    }


def put_cards(inst: Installation, count: int, event_id: str) -> None:
    """The event's cards stand among the others, as they are delivered."""
    every = max(1, count // EVENT)
    for first in range(0, count, CHUNK):
        made = []
        numbers = range(first, min(first + CHUNK, count))
        for event in ("", event_id):
            part = [n for n in numbers if (n % every == 0) == bool(event)]
            with inst.vault_store.begin() as vault:
                people = [identity(n) for n in part]
                subjects = inst.vault.put_many(vault, event or ROUTINE, people, kind="case_report")
            made += [(n, card(n, event, subject)) for n, subject in zip(part, subjects, strict=True)]
        with inst.store.begin() as connection:
            cards = [row for _, row in sorted(made, key=lambda one: one[0])]
            put_rows(connection, CaseReport, cards)
            put_rows(connection, SubjectLink, [_link(row) for row in cards])


def _link(row: dict[str, Any]) -> dict[str, Any]:
    # a person alone is named after the one subject, as linking does
    from hashlib import sha256

    subject = row["subject_id"]
    person = sha256(f"person\x1f{subject}".encode()).hexdigest()[:24]
    event_id = row["event_id"] or ROUTINE
    return {
        "event_id": event_id,
        "subject_id": subject,
        "person_id": person,
        "rule": "alone",
        "linked_at": NOW,
    }


def contacts(event_id: str) -> Iterator[dict[str, Any]]:
    for n in range(CONTACTS):
        named = n < NAMED
        yield {
            "contact_id": f"c{n}",
            "event_id": event_id,
            "order_id": "o1",
            "token": f"{n:032x}",
            "rank": n + 1,
            "score": 1 - n / CONTACTS,
            "level": "high" if n < 1000 else "medium",
            "reasons": [],
            "index_tokens": [f"{n:032x}"],
            "last_exposure": DAY - timedelta(days=3),
            "status": "observed" if named else "candidate",
            "worker": "li.she" if named else "",
            "lock_id": "l1" if named else "",
            "subject_id": f"s{n}" if named else "",
            "updated_at": NOW,
        }


def lock(event_id: str) -> dict[str, Any]:
    """One lock of the riskiest, approved and named, so that there is a table to export."""
    return {
        "lock_id": "l1",
        "event_id": event_id,
        "order_id": "o1",
        "contact_ids": [f"c{n}" for n in range(NAMED)],
        "reason": "-",
        "locked_by": "wang.yi",
        "locked_role": "epidemiologist",
        "locked_at": NOW,
        "not_after": NOW + timedelta(days=21),
        "worker": "li.she",
        "status": "named",
    }


def fill(inst: Installation, count: int) -> str:
    """The rows that the module's text says; returns the event's id."""
    accounts.add_demonstration(inst)
    epi = accounts.person(inst, "wang.yi")
    with inst.store.begin() as connection:
        for name in ("alarm", "signal"):
            evidence = {"case_ids": [cases.case_id(f"h{n % 50}", str(n)) for n in range(20)]}
            alert = {"as_of": DAY, "method": "cluster", "attribute": "workplace", "observed": 20}
            evidence = evidence if name == "signal" else {}
            put(
                connection,
                Alert.model_validate({**alert, "alert_id": name, "value": name, "evidence": evidence}),
            )
        holder = {
            "holder": "operator",
            "kind": "telecom_operator",
            "name_zh": "运营商",
            "name_en": "Operator",
        }
        keys = {"url": "https://localhost", "sources": ["pings"], "sign_key": "-", "seal_key": "-"}
        put(connection, HolderEntry.model_validate({**holder, **keys}))
        days = [{"batch_id": f"b{n}", "day": DAY - timedelta(days=n), "sha256": str(n)} for n in range(365)]
        put_rows(
            connection, Batch, [{"kind": "case_report", "status": "done", "at": NOW, **row} for row in days]
        )
    event_id = events.open_event(inst, epi, events.propose(inst, epi, "alarm"))
    put_cards(inst, count, event_id)
    with inst.store.begin() as connection:
        put_rows(connection, Contact, list(contacts(event_id)))
        put_rows(connection, RiskLock, [lock(event_id)])
        tasks = [
            {"event_id": event_id, "contact_id": f"c{n}", "at": NOW, "by": "li.she"} for n in range(NAMED)
        ]
        for back in range(10):
            day = DAY - timedelta(days=back)
            visits = [{**row, "day": day, "medium": "visit", "reached": True} for row in tasks]
            put_rows(connection, FollowUp, visits[: 100 if back == 0 else NAMED])
        watch = {"event_id": event_id, "start": DAY, "until": DAY + timedelta(days=9), "status": "active"}
        watched = [{**watch, "contact_id": f"c{n}", "ordered_by": "li.she"} for n in range(NAMED)]
        put_rows(connection, ObservationOrder, watched)
        sample = {"event_id": event_id, "source": "human"}
        samples = [
            {
                **sample,
                "sample_no": f"S{n}",
                "contact_id": f"c{n}",
                "status": "ordered" if n % 5 else "tested",
            }
            for n in range(SAMPLES)
        ]
        put_rows(connection, Sample, samples)
        result = {"tested_on": DAY, "test": "rt-pcr", "result": "negative"}
        results = [{**sample, "sample_no": f"S{n}", **result} for n in range(0, SAMPLES, 5)]
        put_rows(connection, LabResult, results)
    put_log(inst, event_id)
    return event_id


def put_log(inst: Installation, event_id: str) -> None:
    """Decisions as the gate writes them, each with its entry in the signed log, and readings."""
    for _ in range(0, ENTRIES, 10_000):
        items = [
            ledger.Item(
                "decision", NOW, "wang.yi", "epidemiological_investigation", event_id, {"rows": n}, None
            )
            for n in range(10_000)
        ]
        with inst.store.begin() as connection:
            indices = ledger.record_many(connection, items)
            put_rows(connection, DecisionEntry, [_decision(index, event_id) for index in indices])
    with inst.store.begin() as connection:
        read = {"at": NOW, "account": "li.she", "event_id": event_id, "lock_id": "l1", "decision_id": "d1"}
        read["fields_read"] = ["phone"]
        put_rows(
            connection,
            Reading,
            [{**read, "reading_id": f"r{n}", "contact_id": f"c{n % NAMED}"} for n in range(READINGS)],
        )


def _decision(index: int, event_id: str) -> dict[str, Any]:
    return {
        "decision_id": f"d{index}",
        "at": NOW,
        "account": "wang.yi",
        "actor": "cdc",
        "phase": "use",
        "purpose": "epidemiological_investigation",
        "data": ["pseudonym"],
        "event_id": event_id if index % 2 else ROUTINE,
        "ref": event_id,
        "permit": index % 50 != 0,
        "basis": ["REQ-P-20"],
        "obligations": [],
        "reasons": [],
        "pack": "cn-2020",
        "log_index": index,
    }


def pages(event_id: str) -> dict[str, tuple[str, ...]]:
    """Account -> the pages that its role opens."""
    event = f"/events/{event_id}"
    return {
        "zhou.zhuren": (
            "/today",
            "/alerts/signal",
            event,
            f"{event}/curve.csv",
            f"{event}/contacts",
            f"{event}/contacts?page=50",
            f"{event}/contacts.csv",
            f"{event}/bulletin",
            "/act",
            "/log",
            f"/log?event={event_id}",
            "/public",
        ),
        "wang.yi": ("/today", event, f"{event}/contacts"),
        "li.she": ("/my", "/my/c7"),
        "zhao.jian": ("/laboratory",),
        "sun.shen": ("/today", event, "/log"),
    }


def measure(inst: Installation, event_id: str) -> None:
    client = TestClient(create_app(inst), base_url="https://testserver")
    for account, paths in pages(event_id).items():
        client.cookies.clear()
        client.post("/enter", data={"link": accounts.link(inst, account)})
        for path in paths:
            taken, cpu = [], []
            for _ in range(6):
                started, used = time.perf_counter(), time.process_time()
                answer = client.get(path)
                taken.append(1000 * (time.perf_counter() - started))
                cpu.append(1000 * (time.process_time() - used))
            shown = path.replace(event_id, "EVENT")
            print(
                f"{account:<12} {shown:<30} {answer.status_code}  {statistics.median(taken[1:]):7.0f} ms"
                f"  {statistics.median(cpu[1:]):7.0f} cpu-ms  first {taken[0]:7.0f} ms"
                f"  {len(answer.content):9,} bytes",
                flush=True,
            )


def morning(inst: Installation) -> None:
    """One run of the cycle, its steps timed one by one."""
    epi = accounts.person(inst, "wang.yi")
    last = [time.perf_counter(), time.process_time(), ""]

    def told(text: str, done: int, total: int) -> None:
        now, used = time.perf_counter(), time.process_time()
        if done:
            name = list(daily.STEPS)[done - 1]
            print(f"daily {name:<14} {now - last[0]:7.2f} s  {used - last[1]:7.2f} cpu-s", flush=True)
        last[:2] = [now, used]

    started, used = time.perf_counter(), time.process_time()
    daily.run(inst, epi, DAY, progress=told)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"daily whole          {time.perf_counter() - started:7.2f} s  {time.process_time() - used:7.2f} cpu-s"
        f"  peak {peak:,.0f} MB"
    )


def work(home: Path, count: int, with_daily: bool) -> None:
    settings = {"adcode": "429900", "demonstration": True, "authority_id": "linjiang-cdc"}
    if (home / "lianfang.db").exists():
        started = time.perf_counter()
        inst = open_installation(home, clock=SetClock(NOW))
        with inst.store.read() as connection:
            event_id = str(one(connection, Alert, alert_id="alarm")["event_id"])
        print(f"opened in {time.perf_counter() - started:.1f} s")
    else:
        started, used = time.perf_counter(), time.process_time()
        inst = create(home, settings=settings, clock=SetClock(NOW))
        event_id = fill(inst, count)
        print(f"filled in {time.perf_counter() - started:.0f} s, {time.process_time() - used:.0f} cpu-s")
    with inst:
        with inst.store.read() as connection:
            held = tally(connection, CaseReport)
            own = tally(connection, CaseReport, event_id=event_id)
            listed = tally(connection, Contact, event_id=event_id)
            logged = tally(connection, DecisionEntry)
        size = (home / "lianfang.db").stat().st_size / 2**20
        print(
            f"{held:,} case reports, {own:,} of them the event's; {listed:,} contacts; {logged:,} entries of the"
            f" log; {size:,.0f} MB",
            flush=True,
        )
        if with_daily:
            morning(inst)
            with inst.store.begin() as connection:  # the page of the signal shows one that nobody decided
                for row in rows(connection, Alert, alert_id="signal"):
                    change(connection, Alert, row["id"], status="new")
        measure(inst, event_id)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="?", type=int, default=1_000_000)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--daily", action="store_true")
    given = parser.parse_args()
    if given.home:
        work(given.home, given.cases, given.daily)
        return
    with tempfile.TemporaryDirectory() as folder:
        work(Path(folder) / "home", given.cases, given.daily)


if __name__ == "__main__":
    main()
