"""``lianfang exchange``: other authorities, the general channel, selective messages, what persons ask."""

from __future__ import annotations

import json
from typing import BinaryIO

import click

from lianfang.cli import exchange_messages
from lianfang.cli.common import acting, on_installation, opened, say
from lianfang.cli.exchange_common import LATER, OFFICERS, SENDERS, told, went, words


@click.group()
def exchange() -> None:
    """Exchange between authorities. 机关间信息交换。

    The general channel must not carry contact-tracing data or any other personal data. Personal data go by
    selective message only. 普通渠道不得传输接触者追踪信息或任何个人信息。个人信息只可经选择性消息发送。
    """


def _warn(as_json: bool) -> None:
    from lianfang.services.exchange.common import WARNING_EN, WARNING_ZH

    click.echo(f"{WARNING_ZH}\n{WARNING_EN}", err=as_json)


# other authorities ----------------------------------------------------------------------------------------


@exchange.command()
@click.option("--renew", is_flag=True, help="Make a new certificate first. 先更换证书。")
@on_installation
def identity(renew: bool, home: str | None, account: str, clock: str, as_json: bool) -> None:
    """Print what other authorities have to know of us. 输出本机关身份文件。"""
    from lianfang.services.exchange import peers

    with opened(home, clock) as inst:
        if renew:
            peers.renew(inst, acting(inst, account, ("manager",)))
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
    from lianfang.services.exchange import peers

    with opened(home, clock) as inst:
        who = acting(inst, account, ("manager",))
        entry = peers.add(inst, who, identity_file.read(65_537), expected=fingerprint, replace=replace)
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
        found = peers.shown(inst, acting(inst, account, SENDERS))
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
        left = peers.remove(inst, acting(inst, account, ("manager",)), authority)
    text = f"{authority}: removed 已移除; undeliverable letters 无法送达的信件: {left}"
    say(as_json, {"authority": authority, "undeliverable": left}, text)


# general channel ------------------------------------------------------------------------------------------


@exchange.command()
@on_installation
def board(home: str | None, account: str, clock: str, as_json: bool) -> None:
    """The general channel and the alerts. 普通渠道与警报。"""
    from lianfang.services.exchange import channel

    with opened(home, clock) as inst:
        found = channel.board(inst, acting(inst, account, SENDERS))
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
@LATER
@on_installation
def post(
    title: str, text: BinaryIO, later: bool, home: str | None, account: str, clock: str, as_json: bool
) -> None:
    """Say something without personal data to every authority. 普通渠道发布（不含个人信息）。"""
    from lianfang.services.exchange import channel

    _warn(as_json)
    with opened(home, clock) as inst:
        post_id = channel.post(inst, acting(inst, account, SENDERS), title, words(text))
        counts = went(inst, later)
    say(as_json, {"post_id": post_id, "letters": counts}, f"{post_id}\n{told(counts)}")


@exchange.command()
@click.argument("title")
@click.option("--text", type=click.File("rb"), default=None, help="File of the text (- stdin). 内容文件。")
@click.option("--concerned", multiple=True, required=True, help="Authority concerned. 所涉机关。")
@click.option("--event", "event_id", default="", help="Event of this installation. 本地事件。")
@LATER
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
        who = acting(inst, account, SENDERS)
        made = channel.alert(inst, who, title, words(text), concerned=list(concerned), event_id=event_id)
        counts = went(inst, later)
    say(as_json, {"alert_id": made, "letters": counts}, f"{made}\n{told(counts)}")


@exchange.command()
@click.argument("alert_id")
@click.option("--concerned", multiple=True, required=True, help="Authority concerned as well. 新增所涉机关。")
@click.option("--reason", required=True, help="Why, naming nobody. 理由（不得含个人信息）。")
@LATER
@on_installation
def widen(
    alert_id: str,
    concerned: tuple[str, ...],
    reason: str,
    later: bool,
    home: str | None,
    account: str,
    clock: str,
    as_json: bool,
) -> None:
    """Let ALERT_ID concern further authorities; all are told who and why. 扩大警报所涉机关。"""
    from lianfang.services.exchange import widening

    with opened(home, clock) as inst:
        who = acting(inst, account, SENDERS)
        now = widening.widen(inst, who, alert_id, list(concerned), reason=reason)
        counts = went(inst, later)
    text = f"{alert_id}: concerned 所涉 {', '.join(now)}\n{told(counts)}"
    say(as_json, {"alert_id": alert_id, "concerned": now, "letters": counts}, text)


@exchange.command()
@on_installation
def undeliverable(home: str | None, account: str, clock: str, as_json: bool) -> None:
    """Letters whose recipient is trusted no more. 无法送达的信件。"""
    from lianfang.services.exchange import outbox

    with opened(home, clock) as inst:
        found = outbox.undeliverable(inst, acting(inst, account, SENDERS))
    lines = [f"{row['letter_id']}  {row['kind']:<10} {row['recipient']:<16} {row['ref']}" for row in found]
    say(as_json, found, "\n".join(lines) or "none 无")


@exchange.command()
@on_installation
def register(home: str | None, account: str, clock: str, as_json: bool) -> None:
    """Data sets with controllers and processor, and the duties. 数据集登记与职责。"""
    from lianfang.guard.exchange import DUTIES
    from lianfang.services.exchange import channel

    with opened(home, clock) as inst:
        found = channel.register(inst, acting(inst, account, OFFICERS))
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
        counts = outbox.deliver(inst, acting(inst, account, SENDERS), force=True)
    say(as_json, counts, told(counts))


@exchange.command()
@on_installation
def purge(home: str | None, account: str, clock: str, as_json: bool) -> None:
    """End the messages whose deadline has come. 清除到期消息。"""
    from lianfang.services.exchange import ending

    with opened(home, clock) as inst:
        made = ending.purge(inst, acting(inst, account, OFFICERS))
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


for _command in exchange_messages.COMMANDS:
    exchange.add_command(_command)
