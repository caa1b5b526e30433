"""A centre with an open event, and a holder's folder of invented subscribers who met by a known plan."""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import vaultkit
from lianfang.foundation.clock import SetClock
from lianfang.services import holder
from lianfang.services.installation import Installation, Who

NOW = datetime(2026, 1, 29, 4, 0, tzinfo=UTC)
TODAY = date(2026, 1, 29)
EPI = Who("wang.yi", "epidemiologist", "cdc", "王医师")
MANAGER = Who("zhou.zhuren", "manager", "cdc", "周主任")
DPO = Who("chen.ren", "data_protection_officer", "cdc", "陈专员")
BASIS = ["Law on Prevention and Treatment of Infectious Diseases (2013) art. 12"]
EVENT = "e20260129-000001"
SOURCES = ("pings", "lodging", "trips", "visits")

#: Subscriber numbers by the part they play; index cases are 0, 1, 2.
INDEX = (0, 1, 2)
NEAR, ROOM, SEAT, MARKET = (10, 11, 12), (20,), (30,), (40, 41)
BYSTANDERS = range(50, 200)
MET = {*NEAR, *ROOM, *SEAT, *MARKET}


def people(count: int = 200) -> list[dict[str, str]]:
    return vaultkit.people(count, seed=24)


def write_folder(base: Path, persons: list[dict[str, str]], *, days: int = 7) -> Path:
    """A holder's data: everybody pings far from everybody, but for the plan's meetings."""
    import polars as pl

    base.mkdir(parents=True)
    about = {
        "id": "linjiang",
        "name": {"zh": "临江通信（虚构）", "en": "Linjiang Telecom (fictional)"},
        "kind": "telecom_operator",
        "sources": list(SOURCES),
        "fictional": True,
    }
    (base / "holder.json").write_text(json.dumps(about, ensure_ascii=False), encoding="utf-8")
    pl.DataFrame(
        {
            "subscriber": pl.Series(range(len(persons)), dtype=pl.Int32),
            "name": [one["name"] for one in persons],
            "resident_id": [one["resident_id"] for one in persons],
            "phone": [one["phone"] for one in persons],
            "adcode": ["429901"] * len(persons),
        }
    ).write_parquet(base / "subscribers.parquet")
    moment = pl.Datetime("ms", "UTC")
    for back in range(days, 0, -1):
        day = TODAY - timedelta(days=back)
        rows = list(_day(day, len(persons)))
        folder = base / "pings" / f"date={day}"
        folder.mkdir(parents=True)
        pl.DataFrame(rows, schema=["subscriber", "time", "lat", "lon"], orient="row").with_columns(
            pl.col("subscriber").cast(pl.Int32), pl.col("time").cast(moment)
        ).sort("subscriber", "time").write_parquet(folder / "part.parquet")
    at = datetime(2026, 1, 27, 2, 0, tzinfo=UTC)
    span = {"start": [at, at, at], "end": [at + timedelta(hours=9)] * 3}
    _table(base / "lodging", {"subscriber": [1, ROOM[0], 60], "hotel": ["h1", "h1", "h2"],
           "room": ["801", "801", "801"], "floor": [8, 8, 8], **span})  # fmt: skip
    _table(base / "trips", {"subscriber": [1, SEAT[0], 61], "vehicle": ["G1", "G1", "G2"],
           "date": [at.date()] * 3, "row": [4, 5, 4], "column": [1, 1, 1], **span})  # fmt: skip
    _table(base / "visits", {"subscriber": [2, *MARKET], "place_id": ["m1"] * 3, **span})
    return base


def _table(folder: Path, columns: dict[str, list[Any]]) -> None:
    import polars as pl

    folder.mkdir()
    pl.DataFrame(columns).write_parquet(folder / "part.parquet")


def _day(day: date, count: int) -> Iterator[tuple[int, datetime, float, float]]:
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    for number in range(count):
        for hour in range(0, 24, 2):
            lat, lon = 30.0 + number * 0.01, 114.9
            if number in NEAR and hour == 6:
                lat = 30.0  # beside index case 0 for half an hour
            for minute in (0, 10, 20):
                yield number, start + timedelta(hours=hour, minutes=minute), lat + minute * 1e-7, lon


def node_folder(base: Path, persons: list[dict[str, str]], **limits: Any) -> Path:
    """The folder as a node."""
    holder.init(write_folder(base, persons), **limits)
    return base


def shift(now: datetime) -> str:
    """A clock offset that makes this moment the present."""
    minutes = int((now - datetime.now(UTC)).total_seconds() // 60)
    days, rest = divmod(abs(minutes), 1440)
    return f"{'-' if minutes < 0 else '+'}{days}d{rest // 60}h{rest % 60}m"


def installation(home: Path, clock: SetClock | None = None, *, real_clock: bool = False) -> Installation:
    """The centre; ``real_clock``: its clock runs, from the settings, so that other processes share it."""
    from lianfang.services import accounts
    from lianfang.services.installation import create

    settings = {"authority_id": "linjiang-cdc", "adcode": "429900", "demonstration": True}
    if real_clock:
        made = create(home, settings={**settings, "clock": shift(NOW)})
        accounts.add_demonstration(made)
        return made
    return create(home, settings=settings, clock=clock or SetClock(NOW))


def open_event(inst: Installation, persons: list[dict[str, str]], *, onset: date = date(2026, 1, 25)) -> str:
    """An open event whose cases are the plan's index persons, by ID number, telephone, or both."""
    from lianfang.records import CaseReport, Event
    from lianfang.store import put, put_rows

    with inst.vault_store.begin() as vault:
        inst.vault.open_event(vault, EVENT)
        known = [
            {"name": persons[0]["name"], "resident_id": persons[0]["resident_id"]},
            {"name": persons[1]["name"], "phone": f"+86 {persons[1]['phone']}"},
            persons[2],
        ]
        subjects = inst.vault.put_many(vault, EVENT, known, kind="case_report")
    event = Event.model_validate(
        {
            "event_id": EVENT,
            "title": "城南市场聚集性不明原因肺炎",
            "adcode": "429900",
            "disease": "pneumonia of unknown cause",
            "case_definition": "interim",
            "level": "III",
            "start_conditions": "-",
            "stop_conditions": "-",
            "legal_basis": BASIS,
            "plan": {},
            "retention_pack": "cn-seed-2020",
            "retention_until": date(2027, 1, 29),
            "status": "open",
            "opened_at": NOW - timedelta(hours=2),
            "opened_by": EPI.account,
        }
    )
    rows = [
        {
            "case_id": f"case{number}",
            "event_id": EVENT,
            "card_no": f"K{number}",
            "reporter": "市一院",
            "date_reporting": date(2026, 1, 28),
            "date_onset": onset,
            "classification": ("confirmed", "probable", "suspect")[number],
            "subject_id": subject,
        }
        for number, subject in enumerate(subjects)
    ]
    with inst.store.begin() as connection:
        put(connection, event)
        put_rows(connection, CaseReport, rows)
    return EVENT


def locked(
    inst: Installation,
    contacts: list[dict[str, Any]],
    *,
    lock_id: str = "l20260129-00000001",
    approvals: Any = None,
    event_id: str = EVENT,
) -> dict[str, Any]:
    """A lock over these contacts, approved by two people in two roles."""
    from lianfang.records import Approval, Contact, RiskLock
    from lianfang.store import change, put

    order_id = contacts[0]["order_id"]
    values = {
        "lock_id": lock_id,
        "event_id": event_id,
        "order_id": order_id,
        "contact_ids": sorted(row["contact_id"] for row in contacts),
        "reason": "high risk 高风险",
        "locked_by": EPI.account,
        "locked_role": EPI.role,
        "locked_at": inst.now(),
        "not_after": inst.now() + timedelta(days=21),
        "worker": "li.she",
        "status": "approved",
    }
    with inst.store.begin() as connection:
        put(connection, RiskLock.model_validate(values))
        for who in approvals if approvals is not None else (EPI, DPO):
            told = {"account": who.account, "role": who.role, "verdict": "approve", "at": inst.now()}
            put(connection, Approval.model_validate({"lock_id": lock_id, "event_id": event_id, **told}))
        for row in contacts:
            change(connection, Contact, row["id"], lock_id=lock_id, status="locked")
    return values


@dataclass
class Serving:
    """A running ``lianfang holder serve`` process."""

    process: subprocess.Popen[str]
    url: str

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(20)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(20)


@contextlib.contextmanager
def serving(
    folder: Path, *, now: datetime | None = NOW, port: int = 0, timeout: float = 60
) -> Iterator[Serving]:
    """The node as a real second process on a free port."""
    command = [sys.executable, "-m", "lianfang", "holder", "serve", str(folder), "--port", str(port)]
    if now is not None:
        command += ["--clock", shift(now)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"}
    )
    made = Serving(process, "")
    try:
        made.url = _address(process, timeout)
        yield made
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(20)
        assert process.stdout is not None
        process.stdout.close()


def _address(process: subprocess.Popen[str], timeout: float) -> str:
    assert process.stdout is not None
    until = time.monotonic() + timeout
    while time.monotonic() < until:
        ready, _, _ = select.select([process.stdout], [], [], 0.2)
        line = process.stdout.readline() if ready else ""
        if found := re.search(r"https?://\S+", line):
            return found[0]
        if process.poll() is not None:
            break
    raise AssertionError("the node did not start")


# one side alone: messages made by hand -------------------------------------------------------------------


def keys(folder: Path, name: str = "linjiang-cdc") -> Any:
    """A centre's keys, without an installation."""
    from lianfang.guard.signing import create_keys

    return create_keys(folder / f"{name}.json", name)


def note(centre: Any, index: list[Any], match_key: str, **changes: Any) -> dict[str, Any]:
    """The payload of an order that a node answers, with changes."""
    from lianfang.services.holder import documents

    start = datetime(2026, 1, 23, tzinfo=UTC)
    made = documents.OrderNote.model_validate(
        {
            "order_id": "o20260129-0000000000000001",
            "event_id": EVENT,
            "centre": centre.name,
            "holder": "linjiang",
            "issued_at": NOW,
            "issued_by": EPI.account,
            "responsible": EPI.account,
            "expires_at": NOW + timedelta(hours=24),
            "basis": BASIS,
            "sources": list(SOURCES),
            "period": {"start": start, "end": NOW},
            "rule": {},
            "row_cap": 500,
            "index_count": len(index),
            "index_sha256": documents.commitment(match_key, index),
        }
    )
    return {**documents.payload(made), **changes}


def index_cases(persons: list[dict[str, str]], match_key: str, numbers: tuple[int, ...] = INDEX) -> list[Any]:
    from lianfang.guard.vault import tokens
    from lianfang.services.holder.documents import IndexCase

    start = datetime(2026, 1, 23, tzinfo=UTC)
    return [
        IndexCase(
            number=at,
            resident_id=tokens(match_key, "resident_id", [persons[one]["resident_id"]])[0],
            phone=tokens(match_key, "phone", [persons[one]["phone"]])[0],
            start=start,
            end=NOW,
        )
        for at, one in enumerate(numbers)
    ]


MATCH_KEY = "ab" * 32


def message(use: str, to: Any, body: dict[str, Any]) -> bytes:
    """Any body sealed to a node, as a hostile or careless sender might make it."""
    import base64

    from lianfang.guard.signing import seal

    sealed = seal(to, json.dumps(body).encode(), info=f"holder/{use}", aad=to.name.encode())
    return json.dumps({"to": to.name, "sealed": base64.b64encode(sealed).decode()}).encode()


def order_message(centre: Any, to: Any, persons: list[dict[str, str]], **changes: Any) -> bytes:
    """A whole order with changes to its note; ``index`` and ``match_key`` replace what goes beside it."""
    from lianfang.guard.signing import sign
    from lianfang.services.holder import documents

    index = index_cases(persons, MATCH_KEY)
    beside = {
        "match_key": changes.pop("match_key", MATCH_KEY),
        "index": changes.pop("index", [documents.payload(case) for case in index]),
    }
    signed = sign(centre, note(centre, index, MATCH_KEY, **changes))
    return message("order", to, {"note": signed, **beside})


def wait(node: Any, order_id: str, seconds: float = 60) -> dict[str, Any]:
    """The order's state once the node has done with it."""
    until = time.monotonic() + seconds
    while (state := node.status(order_id))["state"] in ("received", "searching"):
        assert time.monotonic() < until, "the search did not end"
        time.sleep(0.02)
    return state
