"""``lianfang guard subject | incident | canary``: a person's own requests, incidents, planted records.

Who a person is comes from standard input or a file that only its owner reads, never from an argument.
"""

from __future__ import annotations

import json
import os
import stat
import sys
from pathlib import Path
from typing import Any

import click

from lianfang.cli.common import acting, on_installation, opened, say

_MOST = 20_000
_DPO = ("data_protection_officer",)
_OFFICERS = ("data_protection_officer", "security_officer")
_KEYS = {
    "report": {"identity", "identity_verified"},
    "correct": {"identity", "identity_verified", "changes", "ground", "reason"},
    "erase": {"identity", "identity_verified", "ground", "reason", "event_id"},
}


def _request(file: str, what: str) -> dict[str, Any]:
    """The request in JSON; what is wrong with it is said without its content."""
    from lianfang.foundation.errors import BadInput

    raw = sys.stdin.buffer.read(_MOST + 1) if file == "-" else _private(Path(file))
    if len(raw) > _MOST:
        raise BadInput(f"The request is larger than {_MOST} bytes.")
    try:
        given = json.loads(raw)
    except (ValueError, RecursionError):
        raise BadInput("The request is no JSON.") from None
    if not isinstance(given, dict) or not set(given) <= _KEYS[what] or "identity" not in given:
        raise BadInput(f"The request has the parts {', '.join(sorted(_KEYS[what]))} and no others.")
    return given


def _private(path: Path) -> bytes:
    """A file that its owner alone can read; a link, or one that others can read, is refused."""
    from lianfang.foundation.errors import BadInput, Refused

    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as stream:
            status = os.fstat(stream.fileno())
            if not stat.S_ISREG(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o077:
                raise Refused(
                    f"The file {path.name} must be yours and readable by you alone.",
                    hint="Give it mode 0600, or use standard input.",
                    code="open_file",
                )
            return stream.read(_MOST + 1)
    except OSError as error:
        raise BadInput(f"{path.name} cannot be read: {error.strerror}.") from None


def _file(command: Any) -> Any:
    return click.option(
        "--file",
        "file",
        required=True,
        help="JSON with identity (a file of mode 0600, or - for standard input). 请求文件。",
    )(command)


@click.group("subject")
def subject() -> None:
    """What a person may ask about himself: report, correction, erasure. 本人查阅、更正、删除。"""


@subject.command("report")
@_file
@on_installation
def report(file: str, home: str | None, account: str, clock: str, as_json: bool) -> None:
    """All that is held and was decided about a person, with his remedies. 查阅答复。

    The request: {"identity": {"resident_id": ..., "name": ..., "phone": ...}, "identity_verified": true}.
    """
    from lianfang.api.subject_tables import text
    from lianfang.foundation.words.choice import terminal_language
    from lianfang.services import subjects

    given = _request(file, "report")
    with opened(home, clock) as inst:
        found = subjects.report(
            inst,
            acting(inst, account, _DPO),
            subjects.identity(given["identity"]),
            identity_verified=given.get("identity_verified") is True,
        )
        zone = inst.settings.zone
    say(as_json, found, "" if as_json else text(found, terminal_language(), zone))


@subject.command("correct")
@_file
@on_installation
def correct(file: str, home: str | None, account: str, clock: str, as_json: bool) -> None:
    """Correct a person's identifiers. 更正身份信息。

    Further parts of the request: "changes": {"address": ...}, "reason", "ground" (inaccurate, outdated,
    unnecessary, unlawful; the last two take fields away).
    """
    from lianfang.services import subjects

    given = _request(file, "correct")
    with opened(home, clock) as inst:
        done = subjects.correct(
            inst,
            acting(inst, account, _DPO),
            subjects.identity(given["identity"]),
            given.get("changes", {}),
            reason=given.get("reason", ""),
            ground=given.get("ground", "inaccurate"),
            identity_verified=given.get("identity_verified") is True,
        )
    fields = ", ".join(done["fields"])
    say(as_json, done, f"{done['request_id']}: {done['corrected']} corrected 已更正 ({fields}){_told(done)}")


@subject.command("erase")
@_file
@on_installation
def erase(file: str, home: str | None, account: str, clock: str, as_json: bool) -> None:
    """Erase a person's identifiers where the policy permits. 删除身份信息。

    Further parts of the request: "ground" (inaccurate, outdated, unnecessary, unlawful), "reason",
    "event_id".
    """
    from lianfang.services import subjects

    given = _request(file, "erase")
    with opened(home, clock) as inst:
        done = subjects.erase(
            inst,
            acting(inst, account, _DPO),
            subjects.identity(given["identity"]),
            ground=given.get("ground", ""),
            reason=given.get("reason", ""),
            identity_verified=given.get("identity_verified") is True,
            event_id=given.get("event_id", ""),
        )
    say(as_json, done, f"{done['request_id']}: {done['erased']} erased 已删除{_told(done)}")


def _told(done: dict[str, Any]) -> str:
    names = ", ".join(done["recipients"])
    return f"\nnotices go to 通知接收方: {names}" if names else ""


@subject.command("requests")
@click.argument("request_id", default="")
@on_installation
def requests(request_id: str, home: str | None, account: str, clock: str, as_json: bool) -> None:
    """Corrections and erasures: who was told of each, who has answered what. 更正删除请求与答复。"""
    from lianfang.api.words import label
    from lianfang.foundation.words.choice import terminal_language
    from lianfang.services import subjects

    with opened(home, clock) as inst:
        who = acting(inst, account, _DPO)
        found = [subjects.show(inst, who, request_id)] if request_id else subjects.listing(inst, who)
    lang = terminal_language()
    lines = []
    for one in found:
        what, why = label("request", one["request"], lang), label("ground", one["ground"], lang)
        lines.append(f"{one['request_id']}  {one['at']:%Y-%m-%dT%H:%MZ}  {what} ({why})  {one['by']}")
        for notice in one["notices"]:
            said = label("outcome", notice["outcome"], lang) if notice["outcome"] else notice["error"]
            late = "  late 逾期" if notice["late"] else ""
            state = label("status", notice["state"], lang)
            lines.append(f"  {notice['recipient']:<16} {notice['ref']}  {state}  {said}{late}".rstrip())
    say(as_json, found, "\n".join(lines) or "none 无")


@subject.command("notify")
@on_installation
def notify(home: str | None, account: str, clock: str, as_json: bool) -> None:
    """Tell the recipients that wait, now. 立即通知接收方。"""
    from lianfang.services import subjects

    with opened(home, clock) as inst:
        done = subjects.deliver(inst, acting(inst, account, _DPO), force=True)
    text = f"told 已告知 {done['told']}, answered 已答复 {done['answered']}, waiting 待送 {done['waiting']}"
    say(as_json, done, text)


@subject.command("notices")
@on_installation
def notices(home: str | None, account: str, clock: str, as_json: bool) -> None:
    """Notices that wait for your own answer. 待您答复的通知。"""
    from lianfang.api.words import label
    from lianfang.foundation.words.choice import terminal_language
    from lianfang.services import subjects

    with opened(home, clock) as inst:
        found = subjects.mine(inst, acting(inst, account, ("community_worker",)))
    lang = terminal_language()
    lines = [
        f"{one['notice_id']}  {one['ref']}  {label('request', one['request'], lang)}"
        f" ({label('ground', one['ground'], lang)})"
        for one in found
    ]
    say(as_json, found, "\n".join(lines) or "none 无")


@subject.command("answer")
@click.argument("notice_id")
@click.argument("outcome", type=click.Choice(["corrected", "erased", "nothing_held"]))
@on_installation
def answer(notice_id: str, outcome: str, home: str | None, account: str, clock: str, as_json: bool) -> None:
    """Say what became of your own copies. 答复通知。"""
    from lianfang.services import subjects

    with opened(home, clock) as inst:
        subjects.answer(inst, acting(inst, account, ("community_worker",)), notice_id, outcome)
    say(as_json, {"notice_id": notice_id, "outcome": outcome}, f"{notice_id} {outcome}")


@click.group("incident")
def incident() -> None:
    """Something went wrong with personal data. 个人信息安全事件。"""


def _known(command: Any) -> Any:
    for option in reversed(
        [
            click.option(
                "--kind", "kinds", multiple=True, help="Kind of data, as the policy names it. 信息种类。"
            ),
            click.option("--cause", default="", help="Its cause. 原因。"),
            click.option("--harm", default="", help="The harm it may do. 可能的危害。"),
            click.option("--persons", type=int, default=None, help="How many persons. 涉及人数。"),
        ]
    ):
        command = option(command)
    return command


@incident.command("report")
@click.option("--what", required=True, help="What happened, naming nobody. 经过（不得含个人信息）。")
@click.option("--event", "event_id", default="", help="Event whose data are concerned. 事件。")
@_known
@on_installation
def incident_report(
    what: str, event_id: str, kinds: tuple[str, ...], cause: str, harm: str, persons: int | None,
    home: str | None, account: str, clock: str, as_json: bool,
) -> None:  # fmt: skip
    """Report that something went wrong; the clocks run from now. 报告。"""
    from lianfang.services import incidents

    with opened(home, clock) as inst:
        made = incidents.report(
            inst,
            acting(inst, account),
            what=what,
            kinds=kinds,
            event_id=event_id,
            cause=cause,
            harm=harm,
            persons=persons,
        )
    say(as_json, {"incident_id": made}, made)


@incident.command("list")
@on_installation
def incident_list(home: str | None, account: str, clock: str, as_json: bool) -> None:
    """Incidents with their clocks, the open ones first. 列表与时限。"""
    from lianfang.foundation.words.choice import terminal_language
    from lianfang.services import incidents

    with opened(home, clock) as inst:
        found = incidents.listing(inst, acting(inst, account, _OFFICERS))
    lang = terminal_language()
    lines = []
    for row in found:
        lines.append(
            f"{row['incident_id']}  {row['status']:<7} {row['reported_at']:%Y-%m-%dT%H:%MZ}  {row['what']}"
        )
        for one in row["clocks"]:
            mark = "!" if one["overdue"] else "x" if one["stopped_at"] else " "
            unverified = "" if one["verified"] else " (unverified 未核实)"
            lines.append(
                f"  [{mark}] {one['due_at']:%Y-%m-%dT%H:%MZ}  {one['zh' if lang == 'zh' else 'en']}{unverified}"
            )
    say(as_json, found, "\n".join(lines) or "–")


@incident.command("step")
@click.argument("incident_id")
@click.option(
    "--do",
    "kind",
    required=True,
    help="note, contained, notified_authority, notified_persons, no_notice. 步骤。",
)
@click.option("--note", default="", help="What was done, naming nobody. 说明。")
@_known
@on_installation
def incident_step(
    incident_id: str, kind: str, note: str, kinds: tuple[str, ...], cause: str, harm: str, persons: int | None,
    home: str | None, account: str, clock: str, as_json: bool,
) -> None:  # fmt: skip
    """Note a step about an incident, and what is known by now. 记录步骤。"""
    from lianfang.services import incidents

    with opened(home, clock) as inst:
        number = incidents.step(
            inst,
            acting(inst, account, _OFFICERS),
            incident_id,
            kind=kind,
            note=note,
            cause=cause,
            harm=harm,
            persons=persons,
            kinds=kinds,
        )
    say(as_json, {"number": number}, f"{incident_id}: {number} {kind}")


@incident.command("close")
@click.argument("incident_id")
@click.option("--remedy", required=True, help="What was done about it. 补救措施。")
@click.option("--contact", required=True, help="Office that answers questions. 联系部门。")
@on_installation
def incident_close(
    incident_id: str, remedy: str, contact: str, home: str | None, account: str, clock: str, as_json: bool
) -> None:
    """Close an incident with its remedy. 结束。"""
    from lianfang.services import incidents

    with opened(home, clock) as inst:
        incidents.close(inst, acting(inst, account, _OFFICERS), incident_id, remedy=remedy, contact=contact)
    say(as_json, {"closed": incident_id}, f"{incident_id} closed 已结束")


@click.group("canary")
def canary() -> None:
    """Invented records that show a leak when they are seen outside. 植入记录。"""


@canary.command("plant")
@click.argument("event_id")
@click.option("--count", type=int, default=5, show_default=True, help="How many the event shall have. 数量。")
@on_installation
def plant(event_id: str, count: int, home: str | None, account: str, clock: str, as_json: bool) -> None:
    """Bring EVENT_ID's planted records to a number. 植入。"""
    from lianfang.services import canaries

    with opened(home, clock) as inst:
        done = canaries.plant(inst, acting(inst, account, _OFFICERS), event_id, count=count)
    say(as_json, done, f"{done['planted']} planted 已植入, {done['held']} held 共有")


@canary.command("search")
@click.argument("paths", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path))
@on_installation
def search(paths: tuple[Path, ...], home: str | None, account: str, clock: str, as_json: bool) -> None:
    """Look for planted records in FILE... (text, CSV, workbook, zip); a find opens an incident. 检索。"""
    from lianfang.services import canaries

    with opened(home, clock) as inst:
        found = canaries.search(inst, acting(inst, account, _OFFICERS), paths)
    lines = [f"{one['canary']}  {one['file']}  {', '.join(one['by'])}" for one in found["found"]]
    lines.append(
        f"{found['files']} files, {found['canaries']} planted records, {len(found['found'])} found 处发现"
    )
    if found["incident_id"]:
        lines.append(f"incident 安全事件 {found['incident_id']}")
    say(as_json, found, "\n".join(lines))
