"""Journey A, signal to person, on both databases, with the holder's node as a process of its own."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

import journeykit
from lianfang import world
from lianfang.cli import demo
from lianfang.foundation.clock import SetClock
from lianfang.foundation.errors import Conflict, NotFound, Refused
from lianfang.records import Alert, CaseReport, Contact, DecisionEntry, Event, ObservationOrder, Reading
from lianfang.services import accounts, daily, events, integrity, visits
from lianfang.services import today as morning
from lianfang.services.installation import SYSTEM, Installation, open_installation
from lianfang.store import rows, tally


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def base(request: pytest.FixtureRequest, alarmed: Path, tmp_path: Path) -> Iterator[Path]:
    """A morning of the alarm: a copy of the prepared one, or one worked on PostgreSQL from the first day."""
    target = tmp_path / "base"
    if request.param == "sqlite":
        yield journeykit.stage(alarmed, target)
        return
    server, other = map(request.getfixturevalue, ("postgres_server", "alarmed_postgres"))
    # the same days on another database are the same days
    assert json.loads((other / "digests.json").read_text()) == json.loads(
        (alarmed / "digests.json").read_text()
    )
    yield journeykit.stage_postgres(other, target, server)


def test_from_the_hospitals_files_to_the_person_at_the_door(base: Path, played: Path) -> None:
    with demo.holder_process(base), open_installation(base / "centre") as inst:
        epi = accounts.person(inst, "wang.yi")
        assert [row for row in morning.today(inst, epi)["alerts"] if row["method"] == "cluster"]
        story = journeykit.play(inst, base, upto="lock")
        with inst.store.read() as connection:
            assert not [row for row in rows(connection, Contact) if row["subject_id"] or row["worker"]]
        journeykit.play(inst, base, upto="name")
        _exactly_the_locked_are_named(inst, story.event_id)
        journeykit.play(inst, base)
        assert journeykit.summary(inst) == json.loads((played / "summary.json").read_text())
        _every_crossing_is_logged(inst, story.event_id)
        _observation_ends(inst, story.event_id)
        assert integrity.check(inst)["valid"]


def _exactly_the_locked_are_named(inst: Installation, event_id: str) -> None:
    with inst.store.read() as connection:
        contacts = rows(connection, Contact, event_id=event_id)
    named = {row["contact_id"] for row in contacts if row["subject_id"]}
    locked = {row["contact_id"] for row in contacts if row["lock_id"]}
    assert named == locked and 0 < len(named) < len(contacts)
    assert journeykit.subjects(inst, {event_id})["event contact"] == len(named)
    worker = accounts.person(inst, "li.she")
    assert {row["contact_id"] for row in visits.tasks(inst, worker)} == named
    other = next(row for row in contacts if not row["subject_id"])
    for who in (worker, accounts.person(inst, "sun.shen")):
        with pytest.raises(Refused):
            visits.particulars(inst, who, other["contact_id"], terminal="t1")
    with pytest.raises(NotFound):
        visits.record_visit(inst, worker, other["contact_id"], reached=True)


def _every_crossing_is_logged(inst: Installation, event_id: str) -> None:
    """Each kind of act with as many entries as there were acts, each decision with its own."""
    from sqlalchemy import select

    from lianfang.guard.ledger.tables import record

    with inst.store.read() as connection:
        logged = Counter(connection.execute(select(record.c.type)).scalars())
        decisions = rows(connection, DecisionEntry)
        contacts = [row for row in rows(connection, Contact, event_id=event_id) if row["subject_id"]]
        readings = rows(connection, Reading)
    assert logged["decision"] == len(decisions) and len({row["log_index"] for row in decisions}) == len(
        decisions
    )
    assert all(row["permit"] for row in decisions if row["purpose"] != "reach_person")
    for once in ("event_open", "order_drawn", "risk_locked", "lock_approved", "contacts_named"):
        assert logged[once] == 1, once
    assert logged["identities_received"] == logged["bulletin.published"] == 1
    assert logged["identity_read"] == len(readings)
    assert {row["contact_id"] for row in readings} == {row["contact_id"] for row in contacts}
    permitted = [row for row in decisions if row["purpose"] == "reach_person" and row["permit"]]
    assert len(permitted) == len(readings)
    refused = [row for row in decisions if row["purpose"] == "reach_person" and not row["permit"]]
    assert refused, "the readings that were tried in vain are logged as well"
    visited = [
        row for row in decisions if row["phase"] == "collect" and row["purpose"] == "close_contact_tracing"
    ]
    assert len(visited) == len(contacts), "each visit asked"
    # the worker's list and a person's record are asked for with the token, a sample for the symptom alone
    used = [row for row in decisions if row["phase"] == "use" and row["actor"] == "grassroots_worker"]
    ordered = [row for row in used if row["data"] == ["symptom"]]
    assert len(ordered) == logged["sample_ordered"] > 0, "each sample asked"
    assert [row["rows"] for row in decisions if row["phase"] == "reidentify"] == [len(contacts)]
    assert logged["report_received"] and logged["sample_ordered"] == logged["result_reported"]


def _observation_ends(inst: Installation, event_id: str) -> None:
    """A case is under treatment, the others are released on their last day."""
    epi = accounts.person(inst, "wang.yi")
    with inst.store.read() as connection:
        watched = rows(connection, ObservationOrder, event_id=event_id)
        cases = rows(connection, Contact, event_id=event_id, status="case")
        found = {row["case_id"]: row for row in rows(connection, CaseReport, event_id=event_id)}
    assert {row["status"] for row in watched} == {"active", "case"} and cases
    assert all(found[row["case_id"]]["subject_id"] == row["subject_id"] for row in cases)
    inst.clock = SetClock(inst.now() + timedelta(days=15))
    for row in watched:
        if row["status"] == "active":
            visits.release(inst, epi, row["contact_id"])
        else:
            with pytest.raises(Conflict):
                visits.release(inst, epi, row["contact_id"])
    with inst.store.read() as connection:
        assert tally(connection, ObservationOrder, event_id=event_id, status="active") == 0


def test_a_false_alarm_is_dismissed_and_nothing_else_happens(alarmed: Path, tmp_path: Path) -> None:
    base = journeykit.stage(alarmed, tmp_path / "base")
    day = world.City.open(base / "city").alarm
    assert day is not None
    with open_installation(base / "centre", clock=SetClock(demo._morning(day))) as inst:
        epi = accounts.person(inst, "wang.yi")
        before = journeykit.summary(inst)
        for alert in morning.today(inst, epi)["alerts"]:
            events.dismiss_alert(inst, epi, alert["alert_id"], "仪器故障，复核为普通感冒")
            with pytest.raises(Conflict):
                events.propose(inst, epi, alert["alert_id"])
        assert morning.today(inst, epi)["alerts"] == []
        first = daily.run(inst, SYSTEM, day)
        assert daily.run(inst, SYSTEM, day).digest == first.digest
        assert morning.today(inst, epi)["alerts"] == []
        after = journeykit.summary(inst)
        assert {**after, "alerts": 0} == {**before, "alerts": 0}
        with inst.store.read() as connection:
            assert tally(connection, Event) == 0
            assert {row["reason"] for row in rows(connection, Alert, status="dismissed")} != {""}
        assert integrity.check(inst)["valid"]


def test_a_day_gives_what_it_gave_first_however_late_it_is_asked_again(alarmed: Path, tmp_path: Path) -> None:
    base = journeykit.stage(alarmed, tmp_path / "base")
    city = world.City.open(base / "city")
    digests = json.loads((alarmed / "digests.json").read_text())
    assert city.alarm is not None
    clock = SetClock(demo._morning(city.alarm))
    with open_installation(base / "centre", clock=clock) as inst:
        for ahead in range(1, 4):
            day = city.alarm + timedelta(days=ahead)
            clock.at = demo._morning(day)
            demo.deliver(inst, city, day)
            daily.run(inst, SYSTEM, day)
        for back in (0, 1, 3, 10):
            day = city.alarm - timedelta(days=back)
            assert _steps(daily.run(inst, SYSTEM, day)) == _steps_kept(alarmed, day)
            assert daily.run(inst, SYSTEM, day).digest == digests[day.isoformat()]


def _steps(report: daily.DayReport) -> dict[str, object]:
    return {name: outcome for name, outcome in report.steps.items() if name != "import"}


def _steps_kept(base: Path, day: date) -> dict[str, object]:
    from lianfang.records import DayResult

    with open_installation(base / "centre") as inst, inst.store.read() as connection:
        kept = rows(connection, DayResult, as_of=day)
    return {row["step"]: row["outcome"] for row in kept if row["step"] != "import"}
