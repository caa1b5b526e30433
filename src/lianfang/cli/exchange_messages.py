"""``lianfang exchange`` on selective messages: send, read, correct, delete; requests of persons; co-ordination."""

from __future__ import annotations

from typing import Any, BinaryIO

import click

from lianfang.cli.common import acting, on_installation, opened, say
from lianfang.cli.exchange_common import LATER, OFFICERS, SENDERS, told, went, words

_REASON = click.option(
    "--reason",
    required=True,
    type=click.Choice(["inaccurate", "outdated", "unnecessary", "unlawful"]),
    help="Why. 理由。",
)
_PERSONS = click.option(
    "--persons", required=True, type=click.File("rb"), help="JSON list of persons (- stdin). 人员（JSON）。"
)
_TEXT = click.option(
    "--text", type=click.File("rb"), default=None, help="File of the words (- stdin). 文字内容文件。"
)


def _list(file: BinaryIO) -> Any:
    from lianfang.guard.exchange.shapes import MAX_LETTER, read_json

    return read_json(file.read(MAX_LETTER + 1), "list of persons")


# selective messages ---------------------------------------------------------------------------------------


@click.command()
@click.argument("alert_id")
@_PERSONS
@_TEXT
@click.option("--to", multiple=True, help="Authority; default: all concerned. 接收机关。")
@LATER
@on_installation
def send(
    alert_id: str,
    persons: BinaryIO,
    text: BinaryIO | None,
    to: tuple[str, ...],
    later: bool,
    home: str | None,
    account: str,
    clock: str,
    as_json: bool,
) -> None:
    """Send a selective message under ALERT_ID. 发送选择性消息。"""
    from lianfang.services.exchange import messages

    with opened(home, clock) as inst:
        who = acting(inst, account, SENDERS)
        made = messages.send(inst, who, alert_id, _list(persons), words(text), to=list(to) or None)
        counts = went(inst, later)
    say(as_json, {"message_id": made, "letters": counts}, f"{made}\n{told(counts)}")


@click.command()
@on_installation
def inbox(home: str | None, account: str, clock: str, as_json: bool) -> None:
    """Selective messages at this authority, from outside. 选择性消息列表（不含内容）。"""
    from lianfang.services.exchange import messages

    with opened(home, clock) as inst:
        found = messages.listing(inst, acting(inst, account, SENDERS))
    lines = [
        f"{row['message_id']} v{row['version']} {row['state']:<7} {row['author']} -> {', '.join(row['recipients'])}  "
        f"persons 人 {row['persons']}, erased by 删除期限 {row['deadline']:%F %H:%MZ}"
        for row in found
    ]
    say(as_json, found, "\n".join(lines) or "–")


@click.command()
@click.argument("message_id")
@on_installation
def show(message_id: str, home: str | None, account: str, clock: str, as_json: bool) -> None:
    """Who has MESSAGE_ID and what was done to it. 消息的持有者与操作记录（不含内容）。"""
    from lianfang.services.exchange import messages

    with opened(home, clock) as inst:
        found = messages.show(inst, acting(inst, account, SENDERS), message_id)
    row = found["message"]
    lines = [
        f"{message_id} v{row['version']} {row['state']} {row['author']} -> {', '.join(row['recipients'])}"
    ]
    lines += [
        f"  {a['at']:%F %H:%MZ} {a['act']:<9} {a['authority']} {a['reason']}".rstrip() for a in found["acts"]
    ]
    lines += [
        f"  letter 信件 {b['kind']} -> {b['recipient']}: {b['state']} {b['error']}".rstrip()
        for b in found["letters"]
    ]
    if found["certificate"]:
        lines.append(f"  certificate 证书: {found['certificate']['issued_at']:%F %H:%M:%SZ}")
    say(as_json, found, "\n".join(lines))


def _content(content: dict[str, Any]) -> str:
    lines = ["  ".join(f"{name}: {value}" for name, value in one.items()) for one in content["persons"]]
    return "\n".join([*lines, *([content["text"]] if content["text"] else [])])


@click.command()
@click.argument("message_id")
@on_installation
def read(message_id: str, home: str | None, account: str, clock: str, as_json: bool) -> None:
    """What MESSAGE_ID says; each reading is recorded. 阅读消息（留记录）。"""
    from lianfang.services.exchange import messages

    with opened(home, clock) as inst:
        content = messages.read(inst, acting(inst, account, SENDERS), message_id)
    say(as_json, content, _content(content))


@click.command()
@click.argument("message_id")
@_PERSONS
@_TEXT
@_REASON
@LATER
@on_installation
def correct(
    message_id: str,
    persons: BinaryIO,
    text: BinaryIO | None,
    reason: str,
    later: bool,
    home: str | None,
    account: str,
    clock: str,
    as_json: bool,
) -> None:
    """Replace what MESSAGE_ID says, in every copy. 更正消息（及于各副本）。"""
    from lianfang.services.exchange import changes

    with opened(home, clock) as inst:
        who = acting(inst, account, SENDERS)
        version = changes.correct(inst, who, message_id, _list(persons), words(text), reason=reason)
        counts = went(inst, later)
    made = {"message_id": message_id, "version": version, "letters": counts}
    say(as_json, made, f"{message_id} v{version}\n{told(counts)}")


@click.command()
@click.argument("message_id")
@_REASON
@LATER
@on_installation
def delete(
    message_id: str,
    reason: str,
    later: bool,
    home: str | None,
    account: str,
    clock: str,
    as_json: bool,
) -> None:
    """Erase MESSAGE_ID in every copy. 删除消息（及于各副本）。"""
    from lianfang.services.exchange import changes

    with opened(home, clock) as inst:
        changes.delete(inst, acting(inst, account, ("manager", *OFFICERS)), message_id, reason=reason)
        counts = went(inst, later)
    say(
        as_json,
        {"message_id": message_id, "letters": counts},
        f"{message_id}: erased 已删除\n{told(counts)}",
    )


@click.command("report-unlawful")
@click.argument("message_id")
@click.option("--reason", required=True, help="Why, without naming a person. 理由（不写个人信息）。")
@LATER
@on_installation
def report_unlawful(
    message_id: str,
    reason: str,
    later: bool,
    home: str | None,
    account: str,
    clock: str,
    as_json: bool,
) -> None:
    """Block MESSAGE_ID and tell all that have it. 通报违法处理并封锁。"""
    from lianfang.services.exchange import changes

    with opened(home, clock) as inst:
        who = acting(inst, account, OFFICERS)
        changes.report_unlawful(inst, who, message_id, reason=reason)
        counts = went(inst, later)
    say(
        as_json,
        {"message_id": message_id, "letters": counts},
        f"{message_id}: blocked 已封锁\n{told(counts)}",
    )


# requests of persons --------------------------------------------------------------------------------------


@click.command("subject-request")
@click.argument("message_id")
@click.argument("request", type=click.Choice(["access", "rectification", "erasure"]))
@_TEXT
@click.option(
    "--identity-verified", is_flag=True, help="The person's identity was verified. 已核验本人身份。"
)
@LATER
@on_installation
def subject_request(
    message_id: str,
    request: str,
    text: BinaryIO | None,
    identity_verified: bool,
    later: bool,
    home: str | None,
    account: str,
    clock: str,
    as_json: bool,
) -> None:
    """Open a case for a person; all that have the message answer. 受理当事人请求。"""
    from lianfang.services.exchange import cases

    with opened(home, clock) as inst:
        who = acting(inst, account, OFFICERS)
        made = cases.subject_request(
            inst, who, message_id, request, words(text), identity_verified=identity_verified
        )
        counts = went(inst, later)
    say(as_json, {"case_id": made, "letters": counts}, f"{made}\n{told(counts)}")


@click.command("requests")
@on_installation
def requests(home: str | None, account: str, clock: str, as_json: bool) -> None:
    """Requests of persons, and who has not answered. 当事人请求列表。"""
    from lianfang.services.exchange import cases

    with opened(home, clock) as inst:
        found = cases.listing(inst, acting(inst, account, OFFICERS))
    lines = [
        f"{row['case_id']} {row['request']} {row['state']} message 消息 {row['message_id']}, "
        f"due 期限 {row['due_at']:%F}, missing 未答复: {', '.join(row['missing']) or '–'}"
        for row in found
    ]
    say(as_json, found, "\n".join(lines) or "–")


@click.command("request")
@click.argument("case_id")
@on_installation
def request_(case_id: str, home: str | None, account: str, clock: str, as_json: bool) -> None:
    """What a person asked and what was answered; recorded. 阅读请求与答复（留记录）。"""
    from lianfang.services.exchange import cases

    with opened(home, clock) as inst:
        found = cases.read(inst, acting(inst, account, OFFICERS), case_id)
    lines = [f"{found['request']}: {found['text']}"]
    lines += [f"  {one['authority']}: {one['outcome']} {one['text']}" for one in found["answers"]]
    say(as_json, found, "\n".join(lines))


@click.command()
@click.argument("case_id")
@click.argument("outcome", type=click.Choice(["disclosed", "corrected", "erased", "nothing_held", "refused"]))
@_TEXT
@LATER
@on_installation
def answer(
    case_id: str,
    outcome: str,
    text: BinaryIO | None,
    later: bool,
    home: str | None,
    account: str,
    clock: str,
    as_json: bool,
) -> None:
    """This authority's answer to a request. 答复当事人请求。"""
    from lianfang.services.exchange import cases

    with opened(home, clock) as inst:
        state = cases.answer(inst, acting(inst, account, OFFICERS), case_id, outcome, words(text))
        counts = went(inst, later)
    say(
        as_json,
        {"case_id": case_id, "state": state, "letters": counts},
        f"{case_id}: {state}\n{told(counts)}",
    )


# co-ordination --------------------------------------------------------------------------------------------


@click.command()
@click.argument("message_id")
@click.option("--peer", "authority", required=True, help="The co-ordinating body. 协调机关。")
@click.option("--justification", required=True, help="Why its access is needed. 协调必要之理由。")
@click.option("--hours", type=int, default=24, show_default=True, help="Hours until it ends. 有效小时数。")
@LATER
@on_installation
def coordinate(
    message_id: str,
    authority: str,
    justification: str,
    hours: int,
    later: bool,
    home: str | None,
    account: str,
    clock: str,
    as_json: bool,
) -> None:
    """Let a co-ordinating body look at MESSAGE_ID for hours. 限时协调访问。"""
    from lianfang.services.exchange import coordinating

    with opened(home, clock) as inst:
        made = coordinating.coordinate(
            inst,
            acting(inst, account, ("manager",)),
            message_id,
            peer=authority,
            justification=justification,
            hours=hours,
        )
        counts = went(inst, later)
    say(as_json, {"grant_id": made, "letters": counts}, f"{made}\n{told(counts)}")


@click.command()
@click.argument("grant_id")
@on_installation
def look(grant_id: str, home: str | None, account: str, clock: str, as_json: bool) -> None:
    """Look at a message under a grant; nothing is kept here. 凭授权查看（不留存）。"""
    from lianfang.services.exchange import coordinating

    with opened(home, clock) as inst:
        content = coordinating.look(inst, acting(inst, account, SENDERS), grant_id)
    say(as_json, content, _content(content))


COMMANDS = (
    send,
    inbox,
    show,
    read,
    correct,
    delete,
    report_unlawful,
    subject_request,
    requests,
    request_,
    answer,
    coordinate,
    look,
)
