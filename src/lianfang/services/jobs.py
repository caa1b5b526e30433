"""Long work: the ``job`` row is the truth, huey executes and is told the row's id only.

A job is claimed under a lease that its own progress renews; a worker that dies loses the lease and the sweeper
hands the job out again, so every kind of job has to be one that may be run again. Cancelling is asked for in
the row and taken up at the next report of progress.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from lianfang.foundation.errors import Conflict, LianfangError, UsageError
from lianfang.foundation.progress import Progress
from lianfang.services.installation import SYSTEM, Installation, Who

if TYPE_CHECKING:
    from lianfang.store import Row

LEASE = timedelta(seconds=60)
MOST_ATTEMPTS = 3
#: In a job's arguments: which of the account's several roles it was asked for in.
_ROLE = "acting_role"

Work = Callable[[Installation, Who, Mapping[str, Any], Progress], dict[str, Any]]


class Cancelled(LianfangError):
    """The job was asked to stop and did."""

    code = "cancelled"


def _send_order(
    inst: Installation, who: Who, arguments: Mapping[str, Any], progress: Progress
) -> dict[str, Any]:
    from lianfang.services import orders

    answer = orders.send(inst, who, str(arguments["order_id"]), progress=progress)
    return {"order_id": answer["order_id"], "candidates": answer["candidates"]}


def _daily(inst: Installation, who: Who, arguments: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
    from lianfang.services import daily

    report = daily.run(inst, who, date.fromisoformat(str(arguments["as_of"])), progress=progress)
    return {"as_of": report.as_of.isoformat(), "digest": report.digest}


def _deliver(
    inst: Installation, who: Who, arguments: Mapping[str, Any], progress: Progress
) -> dict[str, Any]:
    from lianfang.services.exchange import outbox

    return dict(outbox.deliver(inst, who, progress=progress))


def _purge(inst: Installation, who: Who, arguments: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
    from lianfang.services.exchange import ending

    return {"purged": len(ending.purge(inst, who))}


def _notify(inst: Installation, who: Who, arguments: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
    from lianfang.services.subjects import telling

    return dict(telling.deliver(inst, who, progress=progress))


#: Kinds of work. Each may be run again after a crash and ends the same.
KINDS: dict[str, Work] = {
    "order.send": _send_order,
    "daily": _daily,
    "exchange.deliver": _deliver,
    "exchange.purge": _purge,
    "subject.notify": _notify,
}


def submit(
    inst: Installation, who: Who, kind: str, arguments: Mapping[str, Any], *, key: str | None = None
) -> str:
    """Queue a job; the same idempotency key gives the job that is there, unless it failed or was cancelled."""
    import sqlalchemy as sa

    from lianfang.records import Job
    from lianfang.store import insert_new, table

    if kind not in KINDS:
        raise UsageError(f"There is no kind of job {kind!r}.", hint=f"Known: {', '.join(KINDS)}.")
    jobs = table(Job)
    with inst.store.begin() as connection:
        if key is not None:
            held = connection.execute(
                sa.select(jobs.c.job_id)
                .where(jobs.c.kind == kind, jobs.c.idempotency_key == key)
                .where(jobs.c.status.in_(["queued", "running", "done"]))
            ).first()
            if held:
                return str(held.job_id)
        job_id = f"j{secrets.token_hex(8)}"
        insert_new(
            connection,
            Job(
                job_id=job_id,
                kind=kind,
                arguments={**arguments, **({_ROLE: who.role} if len(who.roles) > 1 else {})},
                idempotency_key=key or job_id,
                status="queued",
                created_at=inst.now(),
                created_by=who.account,
            ),
        )
    return job_id


def get(inst: Installation, job_id: str) -> Row:
    """A job's row: status, stage, done, total, result, error."""
    from lianfang.records import Job
    from lianfang.store import one

    with inst.store.read() as connection:
        return one(connection, Job, job_id=job_id)


def show(inst: Installation, who: Who, job_id: str) -> Row:
    """As :func:`get`, for one's own job, or for whose rights reach the whole house."""
    from lianfang.services.gate import require

    require(who, "event.read")
    row = get(inst, job_id)
    _own(inst, who, row)
    return row


def _own(inst: Installation, who: Who, row: Row) -> None:
    from lianfang.services.gate import within

    if row["created_by"] != who.account:
        within(who, inst.settings.adcode)


def latest(inst: Installation, kind: str, key: str) -> Row | None:
    """The newest job of a kind and key, or None."""
    from lianfang.records import Job
    from lianfang.store import rows

    with inst.store.read() as connection:
        found = rows(connection, Job, kind=kind, idempotency_key=key, order_by=["created_at"])
    return found[-1] if found else None


def cancel(inst: Installation, who: Who, job_id: str) -> None:
    """Ask a job to stop: at once while it waits, at its next report of progress while it runs."""
    from lianfang.records import Job
    from lianfang.services.gate import require
    from lianfang.store import change, one

    require(who, "daily.run")
    with inst.store.begin() as connection:
        row = one(connection, Job, job_id=job_id)
        _own(inst, who, row)
        if row["status"] == "queued":
            change(connection, Job, row["id"], status="cancelled", finished_at=inst.now(), cancel_asked=True)
        elif row["status"] == "running":
            change(connection, Job, row["id"], cancel_asked=True)
        else:
            raise Conflict(f"This job is {row['status']} already.")


def waiting(inst: Installation) -> list[str]:
    """Jobs to hand out: queued ones, and running ones whose lease has run out."""
    import sqlalchemy as sa

    from lianfang.records import Job
    from lianfang.store import table

    jobs = table(Job)
    lost = sa.and_(jobs.c.status == "running", jobs.c.leased_until < inst.now())
    statement = sa.select(jobs.c.job_id).where(sa.or_(jobs.c.status == "queued", lost))
    with inst.store.read() as connection:
        return [str(row.job_id) for row in connection.execute(statement.order_by(jobs.c.created_at))]


def execute(inst: Installation, job_id: str) -> str:
    """Run one job to its end in this thread; returns its status. A job that another holds is left alone."""
    lease = secrets.token_hex(8)
    row = _claim(inst, job_id, lease)
    if row is None:
        return str(get(inst, job_id)["status"])

    def report(stage: str, done: int, total: int) -> None:
        if _renew(inst, job_id, lease, stage, done, total):
            raise Cancelled("The job was cancelled.")

    try:
        who = _who(inst, str(row["created_by"]), str(row["arguments"].get(_ROLE, "")))
        result = KINDS[str(row["kind"])](inst, who, row["arguments"], report)
    except Cancelled:
        return _finish(inst, job_id, lease, "cancelled")
    except LianfangError as error:
        return _finish(inst, job_id, lease, "failed", error=f"{error.code}: {error}")
    except Exception as error:  # the row must tell; the message may hold data, so only the kind is kept
        return _finish(inst, job_id, lease, "failed", error=f"fault: {type(error).__name__}")
    return _finish(inst, job_id, lease, "done", result=result)


def _who(inst: Installation, account: str, role: str) -> Who:
    from lianfang.services import accounts

    return SYSTEM if account in ("", SYSTEM.account) else accounts.person(inst, account, role)


def _claim(inst: Installation, job_id: str, lease: str) -> Row | None:
    from lianfang.records import Job
    from lianfang.store import change, one

    now = inst.now()
    with inst.store.begin() as connection:
        row = one(connection, Job, job_id=job_id)
        lost = row["status"] == "running" and row["leased_until"] is not None and row["leased_until"] < now
        if row["status"] != "queued" and not lost:
            return None
        if row["attempts"] >= MOST_ATTEMPTS:
            change(
                connection, Job, row["id"], status="failed", finished_at=now, error="fault: too many attempts"
            )
            return None
        change(
            connection,
            Job,
            row["id"],
            status="running",
            lease=lease,
            leased_until=now + LEASE,
            attempts=row["attempts"] + 1,
        )
    return row


def _renew(inst: Installation, job_id: str, lease: str, stage: str, done: int, total: int) -> bool:
    """Write progress and renew the lease; returns whether to stop (cancelled, or another worker took over)."""
    from lianfang.records import Job
    from lianfang.store import change, one

    with inst.store.begin() as connection:
        row = one(connection, Job, job_id=job_id)
        if row["lease"] != lease or row["cancel_asked"]:
            return True
        until = inst.now() + LEASE
        change(connection, Job, row["id"], stage=stage[:200], done=done, total=total, leased_until=until)
    return False


def _finish(
    inst: Installation,
    job_id: str,
    lease: str,
    status: str,
    *,
    result: Mapping[str, Any] | None = None,
    error: str = "",
) -> str:
    from lianfang.guard.redaction.exits import masked
    from lianfang.records import Job
    from lianfang.store import change, one

    with inst.store.begin() as connection:
        row = one(connection, Job, job_id=job_id)
        if row["lease"] != lease:
            return str(row["status"])
        change(
            connection,
            Job,
            row["id"],
            status=status,
            finished_at=inst.now(),
            leased_until=None,
            result=dict(result or {}),
            error=masked(error)[:500],
        )
    return status


def executor(inst: Installation) -> Any:
    """A huey over ``queue.db`` with the one task ``run(job_id)``; job ids only, serialised as JSON."""
    from huey import SqliteHuey
    from huey.serializer import Serializer

    class JsonIds(Serializer):  # type: ignore[misc]
        """Messages are JSON lists: the queue's file can hold nothing that runs."""

        def serialize(self, data: Any) -> bytes:
            import json

            return json.dumps(list(data), default=str).encode()

        def deserialize(self, data: bytes) -> Any:
            import json

            from huey.registry import Message

            return Message(*json.loads(data))

    huey = SqliteHuey("lianfang", filename=str(inst.home / "queue.db"), results=False, serializer=JsonIds())

    @huey.task(name="run")  # type: ignore[untyped-decorator]
    def run(job_id: str) -> None:
        execute(inst, str(job_id))

    huey.lianfang_run = run
    return huey


class Desk:
    """The worker threads of a server: starts with it, sweeps for lost work, stops with it."""

    def __init__(self, inst: Installation) -> None:
        self.inst = inst
        self.huey = executor(inst)
        self.consumer: Any = None
        self._handed: set[str] = set()

    def start(self) -> None:
        """Start one worker and hand out what waits."""
        from huey.consumer import Consumer

        class Quiet(Consumer):  # type: ignore[misc]
            def _set_signal_handlers(self) -> None:
                """The server handles signals."""

        self.consumer = Quiet(self.huey, workers=1, periodic=False, initial_delay=0.05, max_delay=0.5)
        self.consumer.start()
        self.sweep()

    def sweep(self) -> int:
        """Hand out waiting jobs; huey may be told one twice, the lease lets it run once.

        Letters to other authorities, messages past their deadline and notices of a correction or erasure
        become jobs here.
        """
        from lianfang.services.exchange import outbox
        from lianfang.services.subjects import telling

        outbox.wake(self.inst)
        telling.wake(self.inst)
        found = waiting(self.inst)
        for job_id in found:
            self.huey.lianfang_run(job_id)
        return len(found)

    def submit(self, who: Who, kind: str, arguments: Mapping[str, Any], *, key: str | None = None) -> str:
        """Queue a job and hand it out."""
        job_id = submit(self.inst, who, kind, arguments, key=key)
        self.huey.lianfang_run(job_id)
        return job_id

    def stop(self) -> None:
        """Stop after the job in hand."""
        if self.consumer is not None:
            self.consumer.stop(graceful=True)
            self.consumer = None
