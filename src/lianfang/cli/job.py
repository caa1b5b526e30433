"""Jobs: what runs, what waits, and stopping one."""

from __future__ import annotations

import click

from lianfang.cli.common import acting, on_installation, opened, say


@click.group()
def job() -> None:
    """Long work: list, cancel, run what waits. 任务：列表、取消、补跑。"""


@job.command("list")
@on_installation
def job_list(home: str | None, account: str, clock: str, as_json: bool) -> None:
    """Jobs, the newest first. 任务列表。"""
    from lianfang.records import Job
    from lianfang.store import rows

    with opened(home, clock) as inst, inst.store.read() as connection:
        found = sorted(rows(connection, Job), key=lambda row: row["created_at"], reverse=True)[:100]
    lines = [
        f"{row['job_id']}  {row['kind']:<12} {row['status']:<9} {row['done']}/{row['total']} {row['stage']}"
        for row in found
    ]
    say(as_json, found, "\n".join(lines) or "–")


@job.command("cancel")
@click.argument("job_id")
@on_installation
def job_cancel(job_id: str, home: str | None, account: str, clock: str, as_json: bool) -> None:
    """Ask a job to stop. 取消任务。"""
    from lianfang.services import jobs

    with opened(home, clock) as inst:
        jobs.cancel(inst, acting(inst, account, ("epidemiologist", "manager")), job_id)
    say(as_json, {"job_id": job_id}, f"{job_id}: asked to stop")


@job.command("run")
@on_installation
def job_run(home: str | None, account: str, clock: str, as_json: bool) -> None:
    """Run what waits, here and now (without a server). 立即执行等待中的任务。"""
    from lianfang.services import jobs

    with opened(home, clock) as inst:
        found = {job_id: jobs.execute(inst, job_id) for job_id in jobs.waiting(inst)}
    say(as_json, found, "\n".join(f"{name}: {status}" for name, status in found.items()) or "–")
