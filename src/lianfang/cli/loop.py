"""The loop's verbs: init, daily, today, event, act, publish, verify, close."""

from __future__ import annotations

from datetime import date
from typing import Any

import click

from lianfang.cli.common import acting, on_behalf, on_installation, opened, say

COMMAND = ("epidemiologist", "manager")


def _day(text: str | None, default: date) -> date:
    from lianfang.foundation.errors import UsageError

    if not text:
        return default
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"{text!r} is no date.", hint="Write it like 2020-02-11.") from error


@click.command()
@click.argument("folder", required=False)
@click.option("--authority", default="centre", help="Short name of the authority. 机构代号。")
@click.option("--name-zh", default="疾病预防控制中心", help="Its Chinese name. 机构中文名。")
@click.option("--name-en", default="Centre for Disease Control", help="Its English name. 机构英文名。")
@click.option("--adcode", default="000000", help="Its area, GB/T 2260. 辖区代码。")
def init(folder: str | None, authority: str, name_zh: str, name_en: str, adcode: str) -> None:
    """Make an installation in FOLDER. 新建安装。"""
    from lianfang.foundation.progress import terminal
    from lianfang.foundation.settings import home_folder
    from lianfang.services import terminals
    from lianfang.services.installation import create

    home = home_folder(folder)
    settings = {
        "authority_id": authority,
        "authority_name_zh": name_zh,
        "authority_name_en": name_en,
        "adcode": adcode,
    }
    with terminal() as progress:
        made = create(home, settings=settings, progress=progress)
    with made:
        terminals.register_machine(made, None)
    click.echo(f"Installation made in {home}; this machine is its first registered terminal 登记终端.")
    click.echo(f"Next: lianfang account add NAME --role administrator --home {home}")


@click.command()
@click.option("--as-of", "as_of", default=None, help="The day, YYYY-MM-DD; today when not given. 日期。")
@on_installation
def daily(as_of: str | None, home: str | None, account: str, clock: str, as_json: bool) -> None:
    """Run the daily cycle up to a day. 运行每日流程。"""
    from lianfang.foundation.progress import terminal
    from lianfang.services import daily as cycle
    from lianfang.services.installation import SYSTEM

    with opened(home, clock) as inst, terminal(not as_json) as progress:
        who = acting(inst, account, COMMAND) if account else on_behalf(inst, SYSTEM)
        report = cycle.run(inst, who, _day(as_of, inst.today()), progress=progress)
    lines = [f"{report.as_of}  {report.digest[:16]}"]
    lines += [f"  {name:<13} {_brief(outcome)}" for name, outcome in report.steps.items()]
    lines += [f"  data of {event_id} ended; its certificate is written" for event_id in report.ended]
    lines += [f"! data of {event_id} are due to end and wait for a holder" for event_id in report.waiting]
    found = {"as_of": report.as_of, "digest": report.digest, "steps": report.steps}
    say(as_json, {**found, "ended": report.ended, "waiting": report.waiting}, "\n".join(lines))


def _brief(outcome: dict[str, Any]) -> str:
    parts = [f"{key}={value}" for key, value in outcome.items() if isinstance(value, int | str)]
    parts += [f"{key}={len(value)}" for key, value in outcome.items() if isinstance(value, list | dict)]
    return " ".join(parts[:8])


@click.command()
@on_installation
def today(home: str | None, account: str, clock: str, as_json: bool) -> None:
    """What to judge, and what each event needs. 今日预警与待办。"""
    from lianfang.api import words
    from lianfang.services import today as morning

    with opened(home, clock) as inst:
        found = morning.today(inst, acting(inst, account, COMMAND))
        lang = inst.settings.language
    lines = [f"{found['as_of']}"]
    if found["incidents"] and found["incidents"]["overdue"]:
        kind = words.label("need", "incident", lang)
        lines.append(f"! {found['incidents']['overdue']:>4}  {kind}")
    for alert in found["alerts"]:
        value = words.label("series", alert["value"], lang)
        lines.append(f"! {alert['alert_id']}  {alert['method']}  {value}  {alert['observed']:g}")
    for event in found["events"]:
        lines.append(
            f"# {event['event_id']}  {event['title']}  {words.label('status', event['status'], lang)}"
        )
        lines += [
            f"    {need['count']:>4}  {words.label('need', need['kind'], lang)}" for need in event["needs"]
        ]
    say(as_json, found, "\n".join(lines))


@click.group()
def event() -> None:
    """Open, list, dismiss, change level. 事件：启动、列表、排除、调级。"""


@event.command("list")
@on_installation
def event_list(home: str | None, account: str, clock: str, as_json: bool) -> None:
    """Events, the open ones first. 事件列表。"""
    from lianfang.services import events

    with opened(home, clock) as inst:
        found = events.listing(inst, acting(inst, account, COMMAND))
    text = "\n".join(
        f"{row['event_id']}  {row['status']:<9} {row['level']:<3} {row['title']}" for row in found
    )
    say(as_json, found, text or "–")


@event.command("open")
@click.argument("alert_id")
@click.option("--title", default=None, help="Another title. 名称。")
@click.option("--level", default=None, help="Another response level. 响应级别。")
@click.option("--retention-until", default=None, help="Another end of the data. 数据留存截止。")
@on_installation
def event_open(
    alert_id: str,
    title: str | None,
    level: str | None,
    retention_until: str | None,
    home: str | None,
    account: str,
    clock: str,
    as_json: bool,
) -> None:
    """Open an event for an alert, as proposed or changed. 依预警启动事件。"""
    from lianfang.services import events

    with opened(home, clock) as inst:
        who = acting(inst, account, COMMAND)
        fields = events.propose(inst, who, alert_id)
        fields["title"] = title or fields["title"]
        fields["level"] = level or fields["level"]
        fields["retention_until"] = _day(retention_until, fields["retention_until"])
        event_id = events.open_event(inst, who, fields)
    say(as_json, {"event_id": event_id}, event_id)


@event.command("dismiss")
@click.argument("alert_id")
@click.option("--reason", required=True, help="Why it is no event. 理由。")
@on_installation
def event_dismiss(
    alert_id: str, reason: str, home: str | None, account: str, clock: str, as_json: bool
) -> None:
    """Dismiss an alert. 排除预警。"""
    from lianfang.services import events

    with opened(home, clock) as inst:
        events.dismiss_alert(inst, acting(inst, account, COMMAND), alert_id, reason)
    say(as_json, {"dismissed": alert_id}, f"{alert_id} dismissed")


@event.command("level")
@click.argument("event_id")
@click.argument("level")
@click.option("--reason", required=True, help="Why. 理由。")
@on_installation
def event_level(
    event_id: str, level: str, reason: str, home: str | None, account: str, clock: str, as_json: bool
) -> None:
    """Change the response level. 调整响应级别。"""
    from lianfang.services import events

    with opened(home, clock) as inst:
        events.change_level(inst, acting(inst, account, ("manager",)), event_id, level, reason)
    say(as_json, {"event_id": event_id, "level": level}, f"{event_id}: {level}")


@event.command("definition")
@click.argument("event_id")
@click.argument("edition")
@click.option("--reason", required=True, help="Why. 理由。")
@on_installation
def event_definition(
    event_id: str, edition: str, reason: str, home: str | None, account: str, clock: str, as_json: bool
) -> None:
    """Count by another edition of the case definition. 更换病例定义版本。"""
    from lianfang.services import events

    with opened(home, clock) as inst:
        events.change_definition(inst, acting(inst, account, ("manager",)), event_id, edition, reason)
    say(as_json, {"event_id": event_id, "case_definition": edition}, f"{event_id}: {edition}")


@event.command("recount")
@click.argument("event_id")
@click.option("--edition", default="", help="Edition; the event's own unless given. 病例定义版本。")
@on_installation
def event_recount(
    event_id: str, edition: str, home: str | None, account: str, clock: str, as_json: bool
) -> None:
    """Count an event's cases by an edition of the case definition. 按某版病例定义重新统计。"""
    from lianfang.services import recount
    from lianfang.treat import casedef

    with opened(home, clock) as inst:
        found = recount.by_edition(
            inst, acting(inst, account, ("epidemiologist", "manager")), event_id, edition
        )
    lines = [f"{found['edition']}\t{found['cases']} cases 例"]
    for row in found["table"]:
        zh, en = casedef.CLASSES[row["edition"]]
        more = f"  still possible 可更严 {row['possible']}" if row["possible"] else ""
        lines.append(f"{row['card']} -> {zh} {en}\t{row['cases']}{more}")
    if found["missing"]:
        lines.append("would decide 待查 " + "  ".join(f"{name} {n}" for name, n in found["missing"].items()))
    say(as_json, found, "\n".join(lines))


@event.command("plan")
@click.argument("event_id")
@click.option(
    "--replace", "file", type=click.Path(dir_okay=False), help="Put this plan (YAML) in place. 更换预案。"
)
@click.option("--reason", default="", help="Why. 理由。")
@on_installation
def event_plan(
    event_id: str, file: str | None, reason: str, home: str | None, account: str, clock: str, as_json: bool
) -> None:
    """Show an event's plan: conditions with their facts, tasks. 应急预案：条件与任务。"""
    from pathlib import Path

    from lianfang.foundation.errors import BadInput
    from lianfang.services import plan

    with opened(home, clock) as inst:
        if file:
            who = acting(inst, account, ("manager",))
            try:
                raw = Path(file).read_bytes()
            except OSError as error:
                raise BadInput(f"{Path(file).name} cannot be read: {error.strerror}.") from None
            plan.replace(inst, who, event_id, plan.parse(raw), reason)
        found = plan.view(inst, acting(inst, account, COMMAND), event_id)
    lines = [
        f"level {found['level']}"
        + (f"; conditions of level {found['raise_to']} hold" * bool(found["raise_to"]))
    ]
    for one in found["stop"]:
        bound = f"at least {one['min']}" if one["min"] is not None else f"at most {one['max']}"
        value = "–" if one["value"] is None else one["value"]
        lines.append(f"stop: {one['fact']} {bound}: {value} {'holds' if one['holds'] else 'does not hold'}")
    for task in found["tasks"]:
        mark = "x" if task["done"] else "!" if task["overdue"] else " "
        lines.append(
            f"[{mark}] {task['task']:<20} {task['day']} {task['role']:<16} {task['en']} {task['zh']}"
        )
    say(as_json, found, "\n".join(lines))


@event.command("done")
@click.argument("event_id")
@click.argument("task")
@click.option("--note", default="", help="What was done. 备注。")
@on_installation
def event_done(
    event_id: str, task: str, note: str, home: str | None, account: str, clock: str, as_json: bool
) -> None:
    """Tick off a task of the plan. 完成预案任务。"""
    from lianfang.services import plan

    with opened(home, clock) as inst:
        plan.done(inst, acting(inst, account, ("manager",)), event_id, task, note)
    say(as_json, {"event_id": event_id, "task": task}, f"{task}: done")


@click.group()
def act() -> None:
    """Lock, approve, name. 锁定、审批、交办。"""


@act.command("contacts")
@click.argument("event_id")
@on_installation
def act_contacts(event_id: str, home: str | None, account: str, clock: str, as_json: bool) -> None:
    """Ranked contacts as tokens with reasons. 接触者排序。"""
    from lianfang.services import contacts

    with opened(home, clock) as inst:
        found = contacts.ranked(inst, acting(inst, account, COMMAND), event_id)
        words = contacts.reasons_in_words(found, inst.settings.language)
    lines = [
        f"{row['rank']:>4} {row['contact_id']} {row['level']:<6} {row['score']:.2f} {row['status']:<9} "
        + "; ".join(words[row["contact_id"]])
        for row in found
    ]
    say(as_json, found, "\n".join(lines) or "–")


@act.command("lock")
@click.argument("event_id")
@click.argument("contact_id", nargs=-1, required=True)
@click.option("--reason", required=True, help="Why they are at risk. 理由。")
@click.option("--worker", required=True, help="Account of the worker. 责任人账户。")
@on_installation
def act_lock(
    event_id: str,
    contact_id: tuple[str, ...],
    reason: str,
    worker: str,
    home: str | None,
    account: str,
    clock: str,
    as_json: bool,
) -> None:
    """Lock contacts at risk. 锁定风险对象。"""
    from lianfang.services import contacts

    with opened(home, clock) as inst:
        who = acting(inst, account, ("epidemiologist",))
        lock_id = contacts.lock(inst, who, event_id, contact_id, reason=reason, worker=worker)
    say(as_json, {"lock_id": lock_id}, lock_id)


@act.command("approve")
@click.argument("lock_id")
@click.option("--refuse", is_flag=True, help="Refuse instead. 拒绝。")
@click.option("--note", default="", help="A note. 说明。")
@on_installation
def act_approve(
    lock_id: str, refuse: bool, note: str, home: str | None, account: str, clock: str, as_json: bool
) -> None:
    """Give the second person's verdict on a lock. 第二人审批。"""
    from lianfang.services import contacts

    with opened(home, clock) as inst:
        who = acting(inst, account, ("data_protection_officer", "manager"))
        status = contacts.approve(inst, who, lock_id, verdict="refuse" if refuse else "approve", note=note)
    say(as_json, {"lock_id": lock_id, "status": status}, f"{lock_id}: {status}")


@act.command("name")
@click.argument("lock_id")
@on_installation
def act_name(lock_id: str, home: str | None, account: str, clock: str, as_json: bool) -> None:
    """Have exactly the locked contacts named to the worker. 交办责任人。"""
    from lianfang.services import contacts

    with opened(home, clock) as inst:
        named = contacts.name(inst, acting(inst, account, COMMAND), lock_id)
    say(as_json, {"lock_id": lock_id, "named": named}, f"{named} named; all others remain unreadable")


@click.command()
@click.argument("event_id")
@click.option(
    "--corrects", type=int, default=None, help="Number of the bulletin that this corrects. 更正期号。"
)
@click.option("--dry-run", is_flag=True, help="Show it and what is withheld. 只预览。")
@click.option("--out", type=click.Path(), default=None, help="Write the signed file here. 签名文件。")
@on_installation
def publish(
    event_id: str,
    corrects: int | None,
    dry_run: bool,
    out: str | None,
    home: str | None,
    account: str,
    clock: str,
    as_json: bool,
) -> None:
    """Sign, log and publish today's bulletin. 发布通报。"""
    from pathlib import Path

    from lianfang.foundation.words import reason
    from lianfang.services import bulletin

    with opened(home, clock) as inst:
        who = acting(inst, account, ("manager",))
        lang = inst.settings.language
        if dry_run:
            made = bulletin.draft(inst, who, event_id)
            refusal = "\n".join(reason(one, lang) for one in made["refusal"])
            text = made["content"]["texts"][lang] if made["content"] else refusal
            say(as_json, made, f"{text}\nwithheld: {bulletin.summary(made['withheld'], lang)}")
            return
        row = bulletin.publish(inst, who, event_id, corrects=corrects)
        if out:
            Path(out).write_text(bulletin.document(inst, event_id, row["number"]), encoding="utf-8")
    withheld = bulletin.summary(row["withheld"], lang)
    say(
        as_json,
        {"number": row["number"], "log_index": row["log_index"], "withheld": row["withheld"]},
        f"bulletin {row['number']} published, log entry {row['log_index']}; withheld: {withheld}",
    )


@click.command()
@click.argument("file", type=click.File("rb"))
@click.option("--key", default=None, help="The authority's verifier key, from a source you trust. 机构公钥。")
@click.option("--json", "as_json", is_flag=True, help="Print JSON. 输出 JSON。")
def verify(file: Any, key: str | None, as_json: bool) -> None:
    """Verify a bulletin's file offline, with nothing else. 离线核验通报文件。"""
    from lianfang.services import bulletin

    found = bulletin.verify(file.read(bulletin.MAX_FILE + 1), key=key)
    trust = "" if found["trusted"] else "  (by the key in the file itself: compare it with the authority's)"
    text = (
        f"VALID  {found['authority']} no. {found['number']}  log entry {found['log_index']} "
        f"of {found['log_size']}\nkey {found['key']}{trust}"
    )
    say(as_json, found, text)


@click.command()
@click.argument("event_id")
@click.option("--reason", default="", help="Why the event ends. 终止理由。")
@on_installation
def close(event_id: str, reason: str, home: str | None, account: str, clock: str, as_json: bool) -> None:
    """Close an event; at its deadline end the data. 终止事件，到期销毁数据。"""
    from lianfang.services import closing, events
    from lianfang.services.installation import SYSTEM

    with opened(home) as inst:  # a person closes now; only the deadline lies ahead
        found = events.find(inst, event_id)
        event_id = found["event_id"]
        if found["status"] == "open":
            closing.close(inst, acting(inst, account, ("manager",)), event_id, reason)
            found = events.get(inst, event_id)
    with opened(home, clock) as inst:
        if found["retention_until"] > inst.today():
            text = f"{event_id} is closed; its data end on {found['retention_until']}"
            say(as_json, {"event_id": event_id, "retention_until": found["retention_until"]}, text)
            return
        content = closing.expire(inst, on_behalf(inst, SYSTEM), event_id)
    gone = sum(content["deleted_rows"].values())
    say(as_json, content, f"{event_id}: keys destroyed, {gone} rows deleted, certificate issued")
