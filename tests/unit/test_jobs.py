"""Jobs: the row is the truth; leases, retries, cancelling, one run for one key."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from lianfang.foundation.clock import SetClock
from lianfang.foundation.errors import BadInput, Conflict, UsageError
from lianfang.foundation.progress import Progress
from lianfang.services import jobs
from lianfang.services.installation import SYSTEM, Installation, Who, create

CALLS: list[Mapping[str, Any]] = []


def _count(inst: Installation, who: Any, arguments: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
    CALLS.append(arguments)
    for step in range(3):
        progress("counting", step, 3)
        if arguments.get("fail") == "known":
            raise BadInput("The input was bad.")
        if arguments.get("fail") == "telling":
            raise BadInput("Row 3: no such phone, 15400001234.")
        if arguments.get("fail") == "unknown":
            raise RuntimeError("张三 13800000000")
        if arguments.get("cancel_at") == step:
            jobs.cancel(inst, SYSTEM, str(arguments["self"]))
    return {"counted": 3}


@pytest.fixture
def inst(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    monkeypatch.setitem(jobs.KINDS, "count", _count)
    CALLS.clear()
    from datetime import UTC, datetime

    made = create(tmp_path / "home", clock=SetClock(datetime(2026, 2, 1, tzinfo=UTC)))
    yield made
    made.close()


def test_a_job_runs_once_and_tells_its_result(inst: Installation) -> None:
    job = jobs.submit(inst, SYSTEM, "count", {}, key="k")
    assert jobs.submit(inst, SYSTEM, "count", {}, key="k") == job
    assert jobs.execute(inst, job) == "done" and jobs.execute(inst, job) == "done"
    row = jobs.get(inst, job)
    assert row["result"] == {"counted": 3} and row["stage"] == "counting" and len(CALLS) == 1
    assert jobs.waiting(inst) == [] and jobs.latest(inst, "count", "k")["job_id"] == job


def test_a_failure_is_told_without_data_and_may_be_tried_anew(inst: Installation) -> None:
    known = jobs.submit(inst, SYSTEM, "count", {"fail": "known"}, key="k")
    assert jobs.execute(inst, known) == "failed"
    assert "bad" in jobs.get(inst, known)["error"]
    telling = jobs.submit(inst, SYSTEM, "count", {"fail": "telling"}, key="t")
    assert jobs.execute(inst, telling) == "failed"
    assert jobs.get(inst, telling)["error"] == "bad_input: Row 3: no such phone, 〔已隐去〕."
    unknown = jobs.submit(inst, SYSTEM, "count", {"fail": "unknown"}, key="k")
    assert unknown != known and jobs.execute(inst, unknown) == "failed"
    assert jobs.get(inst, unknown)["error"] == "fault: RuntimeError"


def test_a_lost_lease_is_handed_out_again_but_not_for_ever(inst: Installation) -> None:
    job = jobs.submit(inst, SYSTEM, "count", {})
    for attempt in range(jobs.MOST_ATTEMPTS):
        assert jobs._claim(inst, job, f"dead-{attempt}") is not None  # a worker that dies here
        assert jobs.waiting(inst) == [] and jobs._claim(inst, job, "other") is None
        inst.clock.move(jobs.LEASE + timedelta(seconds=1))  # type: ignore[attr-defined]
        assert jobs.waiting(inst) == [job]
    assert jobs.execute(inst, job) == "failed" and CALLS == []


def test_a_worker_that_lost_its_lease_writes_nothing(inst: Installation) -> None:
    job = jobs.submit(inst, SYSTEM, "count", {})
    jobs._claim(inst, job, "slow")
    inst.clock.move(jobs.LEASE * 2)  # type: ignore[attr-defined]
    assert jobs.execute(inst, job) == "done"
    assert jobs._renew(inst, job, "slow", "late", 1, 1) is True
    assert jobs._finish(inst, job, "slow", "failed") == "done"


def test_cancelling_waits_for_the_next_report(inst: Installation) -> None:
    job = jobs.submit(inst, SYSTEM, "count", {})
    jobs.cancel(inst, SYSTEM, job)
    assert jobs.get(inst, job)["status"] == "cancelled" and jobs.execute(inst, job) == "cancelled"
    with pytest.raises(Conflict):
        jobs.cancel(inst, SYSTEM, job)
    running = jobs.submit(inst, SYSTEM, "count", {"cancel_at": 0, "self": ""})
    from lianfang.records import Job
    from lianfang.store import change, one

    with inst.store.begin() as connection:
        row = one(connection, Job, job_id=running)
        change(connection, Job, row["id"], arguments={"cancel_at": 0, "self": running})
    assert jobs.execute(inst, running) == "cancelled"


def test_an_unknown_kind_is_refused(inst: Installation) -> None:
    with pytest.raises(UsageError):
        jobs.submit(inst, SYSTEM, "rm -rf", {})


def test_the_desk_runs_what_is_submitted_and_what_was_left(inst: Installation) -> None:
    left = jobs.submit(inst, SYSTEM, "count", {})
    desk = jobs.Desk(inst)
    desk.start()
    try:
        fresh = desk.submit(SYSTEM, "count", {"n": 1})
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            if {jobs.get(inst, job)["status"] for job in (left, fresh)} == {"done"}:
                break
            time.sleep(0.05)
    finally:
        desk.stop()
    assert {jobs.get(inst, job)["status"] for job in (left, fresh)} == {"done"}
    raw = (inst.home / "queue.db").read_bytes()
    assert b"cbuiltins" not in raw  # nothing pickled


def test_a_job_of_an_account_without_a_role_fails(inst: Installation) -> None:
    gone = Who("gone.person", "manager", "cdc")
    job = jobs.submit(inst, gone, "count", {})
    assert jobs.execute(inst, job) == "failed"
    assert jobs.get(inst, job)["error"].startswith("not_found") and CALLS == []
    assert jobs.waiting(inst) == []
