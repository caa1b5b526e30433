"""``lianfang exchange``: other authorities, the general channel, selective messages, what persons ask."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from lianfang.cli.common import acting, on_installation, opened, say

if TYPE_CHECKING:
    from lianfang.services.installation import Installation

_SENDERS = ("epidemiologist", "manager")
_OFFICERS = ("data_protection_officer", "manager")
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


@click.group()
def exchange() -> None:
    """Exchange between authorities. 机关间信息交换。

    The general channel must not carry contact-tracing data or any other personal data. Personal data go by
    selective message only. 普通渠道不得传输接触者追踪信息或任何个人信息。个人信息只可经选择性消息发送。
    """


def _warn(as_json: bool) -> None:
    from lianfang.services.exchange.common import WARNING_EN, WARNING_ZH

    click.echo(f"{WARNING_ZH}\n{WARNING_EN}", err=as_json)


def _words(file: BinaryIO | None) -> str:
    """The words in a file: at most 100,000 bytes of UTF-8."""
    from lianfang.foundation.errors import BadInput

    if file is None:
        return ""
    try:
        return file.read(100_001)[:100_001].decode().strip()
    except UnicodeDecodeError:
        raise BadInput("The words are not UTF-8 text.") from None


def _list(file: BinaryIO) -> Any:
    from lianfang.guard.exchange.shapes import MAX_LETTER, read_json

    return read_json(file.read(MAX_LETTER + 1), "list of persons")


def _went(inst: Installation, later: bool) -> dict[str, int]:
    """Deliver at once what an act queued; what does not arrive is repeated by the server's desk."""
    from lianfang.services.exchange import outbox
    from lianfang.services.installation import SYSTEM

    return {"waiting": len(outbox.waiting(inst))} if later else outbox.deliver(inst, SYSTEM)


_LATER = click.option("--later", is_flag=True, help="Leave delivery to the server. 由服务器投递。")


def _told(counts: dict[str, int]) -> str:
    names = {"delivered": "delivered 已送达", "waiting": "waiting 待送", "refused": "refused 被拒"}
    return "letters 信件: " + ", ".join(f"{names[name]} {value}" for name, value in counts.items())


# other authorities ----------------------------------------------------------------------------------------


@exchange.command()
@click.option("--renew", is_flag=True, help="Make a new certificate first. 先更换证书。")
@on_installation
def identity(renew: bool, home: str | None, account: str, clock: str, as_json: bool) -> None:
    """Print what other authorities have to know of us. 输出本机关身份文件。"""
    from lianfang.services.exchange import peers, tls
    from lianfang.services.gate import require

    with opened(home, clock) as inst:
        if renew:
            require(acting(inst, account, ("manager",)), "exchange.peer")
            tls.renew(inst)
        document = peers.identity(inst)
    click.echo(json.dumps(document, ensure_ascii=False, indent=1))
    click.echo(f"fingerprint 指纹: {peers.fingerprint(document)}", err=True)


@exchange.group()
def peer() -> None:
    """Other authorities: add, list, remove. 其他机关：登记、列表、移除。"""


@peer.command("add")
@click.argument("identity_file", type=click.File("rb"))
@click.option("--fingerprint", default="", help="What the other read out. 对方告知的指纹。")
@click.option("--replace", is_flag=True, help="Take new keys of a known authority. 更换已登记的密钥。")
@on_installation
def peer_add(
    identity_file: BinaryIO,
    fingerprint: str,
    replace: bool,
    home: str | None,
    account: str,
    clock: str,
    as_json: bool,
) -> None:
    """Enter the authority of IDENTITY_FILE. 登记机关。"""
    from lianfang.foundation.errors import BadInput
    from lianfang.guard.exchange.shapes import read_json
    from lianfang.services.exchange import peers

    document = read_json(identity_file.read(65_537), "identity")
    if not isinstance(document, dict):
        raise BadInput("An identity is a JSON object.")
    with opened(home, clock) as inst:
        who = acting(inst, account, ("manager",))
        entry = peers.add(inst, who, document, expected=fingerprint, replace=replace)
    text = f"{entry['authority']} ({entry['kind']}) {entry['url']}\nfingerprint 指纹: {entry['mark']}"
    if not fingerprint:
        text += "\ncompare it with the other authority by telephone 请与对方电话核对"
    say(as_json, entry, text)


@peer.command("list")
@on_installation
def peer_list(home: str | None, account: str, clock: str, as_json: bool) -> None:
    """The authorities in the register. 机关列表。"""
    from lianfang.services.exchange import peers

    with opened(home, clock) as inst:
        found = peers.listing(inst, active=False)
    lines = [
        f"{row['authority']:<16} {row['kind']:<22} {row['url']}{'' if row['active'] else ' (removed 已移除)'}"
        for row in found
    ]
    say(as_json, found, "\n".join(lines) or "–")


@peer.command("remove")
@click.argument("authority")
@on_installation
def peer_remove(authority: str, home: str | None, account: str, clock: str, as_json: bool) -> None:
    """Trust AUTHORITY no more. 移除机关。"""
    from lianfang.services.exchange import peers

    with opened(home, clock) as inst:
        peers.remove(inst, acting(inst, account, ("manager",)), authority)
    say(as_json, {"authority": authority}, f"{authority}: removed 已移除")


# general channel ------------------------------------------------------------------------------------------


@exchange.command()
@on_installation
def board(home: str | None, account: str, clock: str, as_json: bool) -> None:
    """The general channel and the alerts. 普通渠道与警报。"""
    from lianfang.services.exchange import channel

    with opened(home, clock) as inst:
        found = channel.board(inst, acting(inst, account, _SENDERS))
    _warn(as_json)
    lines = [
        f"alert 警报 {row['alert_id']} {row['issued_at']:%F %H:%MZ} {row['issuer']}: {row['title']} "
        f"(concerned 所涉: {', '.join(row['concerned'])})"
        for row in found["alerts"]
    ]
    lines += [
        f"post 通报 {row['posted_at']:%F %H:%MZ} {row['author']}: {row['title']}\n  {row['text']}"
        for row in found["posts"]
    ]
    say(as_json, found, "\n".join(lines) or "–")


@exchange.command()
@click.argument("title")
@click.option("--text", required=True, type=click.File("rb"), help="File of the text (- stdin). 内容文件。")
@_LATER
@on_installation
def post(
    title: str, text: BinaryIO, later: bool, home: str | None, account: str, clock: str, as_json: bool
) -> None:
    """Say something without personal data to every authority. 普通渠道发布（不含个人信息）。"""
    from lianfang.services.exchange import channel

    _warn(as_json)
    with opened(home, clock) as inst:
        post_id = channel.post(inst, acting(inst, account, _SENDERS), title, _words(text))
        counts = _went(inst, later)
    say(as_json, {"post_id": post_id, "letters": counts}, f"{post_id}\n{_told(counts)}")


@exchange.command()
@click.argument("title")
@click.option("--text", type=click.File("rb"), default=None, help="File of the text (- stdin). 内容文件。")
@click.option("--concerned", multiple=True, required=True, help="Authority concerned. 所涉机关。")
@click.option("--event", "event_id", default="", help="Event of this installation. 本地事件。")
@_LATER
@on_installation
def alert(
    title: str,
    text: BinaryIO | None,
    concerned: tuple[str, ...],
    event_id: str,
    later: bool,
    home: str | None,
    account: str,
    clock: str,
    as_json: bool,
) -> None:
    """Raise an alert: whom does the tracing concern? 发布警报，指明所涉机关。"""
    from lianfang.services.exchange import channel

    _warn(as_json)
    with opened(home, clock) as inst:
        who = acting(inst, account, _SENDERS)
        made = channel.alert(inst, who, title, _words(text), concerned=list(concerned), event_id=event_id)
        counts = _went(inst, later)
    say(as_json, {"alert_id": made, "letters": counts}, f"{made}\n{_told(counts)}")


# selective messages ---------------------------------------------------------------------------------------


@exchange.command()
@click.argument("alert_id")
@_PERSONS
@_TEXT
@click.option("--to", multiple=True, help="Authority; default: all concerned. 接收机关。")
@_LATER
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
        who = acting(inst, account, _SENDERS)
        made = messages.send(inst, who, alert_id, _list(persons), _words(text), to=list(to) or None)
        counts = _went(inst, later)
    say(as_json, {"message_id": made, "letters": counts}, f"{made}\n{_told(counts)}")


@exchange.command()
@on_installation
def inbox(home: str | None, account: str, clock: str, as_json: bool) -> None:
    """Selective messages at this authority, from outside. 选择性消息列表（不含内容）。"""
    from lianfang.services.exchange import messages

    with opened(home, clock) as inst:
        found = messages.listing(inst, acting(inst, account, _SENDERS))
    lines = [
        f"{row['message_id']} v{row['version']} {row['state']:<7} {row['author']} -> {', '.join(row['recipients'])}  "
        f"persons 人 {row['persons']}, erased by 删除期限 {row['deadline']:%F %H:%MZ}"
        for row in found
    ]
    say(as_json, found, "\n".join(lines) or "–")


@exchange.command()
@click.argument("message_id")
@on_installation
def show(message_id: str, home: str | None, account: str, clock: str, as_json: bool) -> None:
    """Who has MESSAGE_ID and what was done to it. 消息的持有者与操作记录（不含内容）。"""
    from lianfang.services.exchange import messages

    with opened(home, clock) as inst:
        found = messages.show(inst, acting(inst, account, _SENDERS), message_id)
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


@exchange.command()
@click.argument("message_id")
@on_installation
def read(message_id: str, home: str | None, account: str, clock: str, as_json: bool) -> None:
    """What MESSAGE_ID says; each reading is recorded. 阅读消息（留记录）。"""
    from lianfang.services.exchange import messages

    with opened(home, clock) as inst:
        content = messages.read(inst, acting(inst, account, _SENDERS), message_id)
    say(as_json, content, _content(content))


@exchange.command()
@click.argument("message_id")
@_PERSONS
@_TEXT
@_REASON
@_LATER
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
        who = acting(inst, account, _SENDERS)
        version = changes.correct(inst, who, message_id, _list(persons), _words(text), reason=reason)
        counts = _went(inst, later)
    told = {"message_id": message_id, "version": version, "letters": counts}
    say(as_json, told, f"{message_id} v{version}\n{_told(counts)}")


@exchange.command()
@click.argument("message_id")
@_REASON
@_LATER
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
        changes.delete(inst, acting(inst, account, ("manager", *_OFFICERS)), message_id, reason=reason)
        counts = _went(inst, later)
    say(
        as_json,
        {"message_id": message_id, "letters": counts},
        f"{message_id}: erased 已删除\n{_told(counts)}",
    )


@exchange.command("report-unlawful")
@click.argument("message_id")
@click.option("--reason", required=True, help="Why, without naming a person. 理由（不写个人信息）。")
@_LATER
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
        who = acting(inst, account, _OFFICERS)
        changes.report_unlawful(inst, who, message_id, reason=reason)
        counts = _went(inst, later)
    say(
        as_json,
        {"message_id": message_id, "letters": counts},
        f"{message_id}: blocked 已封锁\n{_told(counts)}",
    )


# requests of persons --------------------------------------------------------------------------------------


@exchange.command("subject-request")
@click.argument("message_id")
@click.argument("request", type=click.Choice(["access", "rectification", "erasure"]))
@_TEXT
@click.option(
    "--identity-verified", is_flag=True, help="The person's identity was verified. 已核验本人身份。"
)
@_LATER
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
        who = acting(inst, account, _OFFICERS)
        made = cases.subject_request(
            inst, who, message_id, request, _words(text), identity_verified=identity_verified
        )
        counts = _went(inst, later)
    say(as_json, {"case_id": made, "letters": counts}, f"{made}\n{_told(counts)}")


@exchange.command("requests")
@on_installation
def requests(home: str | None, account: str, clock: str, as_json: bool) -> None:
    """Requests of persons, and who has not answered. 当事人请求列表。"""
    from lianfang.services.exchange import cases

    with opened(home, clock) as inst:
        found = cases.listing(inst, acting(inst, account, _OFFICERS))
    lines = [
        f"{row['case_id']} {row['request']} {row['state']} message 消息 {row['message_id']}, "
        f"due 期限 {row['due_at']:%F}, missing 未答复: {', '.join(row['missing']) or '–'}"
        for row in found
    ]
    say(as_json, found, "\n".join(lines) or "–")


@exchange.command("request")
@click.argument("case_id")
@on_installation
def request_(case_id: str, home: str | None, account: str, clock: str, as_json: bool) -> None:
    """What a person asked and what was answered; recorded. 阅读请求与答复（留记录）。"""
    from lianfang.services.exchange import cases

    with opened(home, clock) as inst:
        found = cases.read(inst, acting(inst, account, _OFFICERS), case_id)
    lines = [f"{found['request']}: {found['text']}"]
    lines += [f"  {one['authority']}: {one['outcome']} {one['text']}" for one in found["answers"]]
    say(as_json, found, "\n".join(lines))


@exchange.command()
@click.argument("case_id")
@click.argument("outcome", type=click.Choice(["disclosed", "corrected", "erased", "nothing_held", "refused"]))
@_TEXT
@_LATER
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
        state = cases.answer(inst, acting(inst, account, _OFFICERS), case_id, outcome, _words(text))
        counts = _went(inst, later)
    say(
        as_json,
        {"case_id": case_id, "state": state, "letters": counts},
        f"{case_id}: {state}\n{_told(counts)}",
    )


# co-ordination --------------------------------------------------------------------------------------------


@exchange.command()
@click.argument("message_id")
@click.option("--peer", "authority", required=True, help="The co-ordinating body. 协调机关。")
@click.option("--justification", required=True, help="Why its access is needed. 协调必要之理由。")
@click.option("--hours", type=int, default=24, show_default=True, help="Hours until it ends. 有效小时数。")
@_LATER
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
        counts = _went(inst, later)
    say(as_json, {"grant_id": made, "letters": counts}, f"{made}\n{_told(counts)}")


@exchange.command()
@click.argument("grant_id")
@on_installation
def look(grant_id: str, home: str | None, account: str, clock: str, as_json: bool) -> None:
    """Look at a message under a grant; nothing is kept here. 凭授权查看（不留存）。"""
    from lianfang.services.exchange import coordinating

    with opened(home, clock) as inst:
        content = coordinating.look(inst, acting(inst, account, _SENDERS), grant_id)
    say(as_json, content, _content(content))


@exchange.command()
@on_installation
def register(home: str | None, account: str, clock: str, as_json: bool) -> None:
    """Data sets with controllers and processor, and the duties. 数据集登记与职责。"""
    from lianfang.guard.exchange import DUTIES
    from lianfang.services.exchange import channel

    with opened(home, clock) as inst:
        found = channel.register(inst, acting(inst, account, _OFFICERS))
    lines = [
        f"{row['data_set']} {row['title']}: controller 控制者 {row['controller']}, joint 共同控制者 "
        f"{', '.join(row['joint_controllers'])}, processor 处理者 {row['processor']}, days 天 {row['retention_days']}"
        for row in found
    ]
    lines += [f"  {one.requirement} {one.owner}: {one.zh} {one.en}" for one in DUTIES]
    say(as_json, found, "\n".join(lines))


# machinery ------------------------------------------------------------------------------------------------


@exchange.command()
@on_installation
def deliver(home: str | None, account: str, clock: str, as_json: bool) -> None:
    """Deliver now what waits. 立即投递。"""
    from lianfang.services.exchange import outbox

    with opened(home, clock) as inst:
        counts = outbox.deliver(inst, acting(inst, account, _SENDERS), force=True)
    say(as_json, counts, _told(counts))


@exchange.command()
@on_installation
def purge(home: str | None, account: str, clock: str, as_json: bool) -> None:
    """End the messages whose deadline has come. 清除到期消息。"""
    from lianfang.services.exchange import ending

    with opened(home, clock) as inst:
        made = ending.purge(inst, acting(inst, account, _OFFICERS))
    lines = [
        f"{one['message_id']}: purged 已清除, keys destroyed 销毁密钥 {len(one['keys_destroyed'])}"
        for one in made
    ]
    say(as_json, made, "\n".join(lines) or "nothing is due 无到期消息")


@exchange.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on. 监听地址。")
@click.option("--port", type=int, default=None, help="Port; default: that of exchange_url. 端口。")
@click.option("--clock", default="", help="Shift the clock in drills, like -3d. 演练时拨动时钟。")
@click.option("--home", default=None, help="Folder of the installation. 安装目录。")
def serve(host: str, port: int | None, clock: str, home: str | None) -> None:
    """Serve the exchange to other authorities. 启动机关间交换服务。"""
    from lianfang.services.exchange.serving import serve as run

    with opened(home, clock) as inst:
        run(inst, host=host, port=port, say=click.echo)
