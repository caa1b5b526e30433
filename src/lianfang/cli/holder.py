"""``lianfang holder``: a holder's node, and the centre's register of holders."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from lianfang.cli.common import on_installation

_JSON = click.option("--json", "as_json", is_flag=True, help="Answer as JSON. 以 JSON 输出。")


def _say(value: Any) -> None:
    from lianfang.foundation.canonical import plain

    click.echo(json.dumps(plain(value), ensure_ascii=False, indent=2))


@click.group("holder")
def holder() -> None:
    """A holder's node: data stay at home, signed orders are answered. 数据持有方节点：数据不出门，依令作答。"""


@holder.command("init")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--name", default="", help="Short name, when there is no holder.json. 持有方代号。")
@click.option("--kind", default="telecom_operator", help="Kind of holder in the policy. 主体类别。")
@click.option("--name-zh", default="", help="Name in Chinese. 中文名。")
@click.option("--name-en", default="", help="Name in English. 英文名。")
@click.option("--row-cap", type=int, default=2000, help="Most rows one order may get. 返回上限。")
@click.option("--period-days", type=int, default=31, help="Longest period of an order. 最长期间。")
@click.option("--clock", default="", help="Shift the clock in drills, like -3d. 演练时拨动时钟。")
@_JSON
def init(
    folder: Path,
    name: str,
    kind: str,
    name_zh: str,
    name_en: str,
    row_cap: int,
    period_days: int,
    clock: str,
    as_json: bool,
) -> None:
    """Make a node of FOLDER: own keys, limits, ledger. 建立节点。"""
    from lianfang.services.holder import init as make

    made = make(
        folder,
        name=name,
        kind=kind,
        name_zh=name_zh,
        name_en=name_en,
        row_cap=row_cap,
        period_days=period_days,
        clock=clock,
    )
    if as_json:
        _say(made)
        return
    click.echo(f"node of {made['holder']} ({', '.join(made['sources'])}) 节点已建立")
    click.echo(f"fingerprint 指纹: {made['fingerprint']}")


@holder.command("trust")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("identity", type=click.File("rb"))
@_JSON
def trust(folder: Path, identity: Any, as_json: bool) -> None:
    """Answer the orders of a centre: IDENTITY is its file (- for standard input). 信任该中心的调取令。"""
    from lianfang.foundation.errors import BadInput
    from lianfang.services.holder import trust as accept
    from lianfang.services.holder.documents import read_json
    from lianfang.services.holder.folder import fingerprint

    document = read_json(identity.read(1 << 20), "identity")
    if not isinstance(document, dict):
        raise BadInput("An identity is a JSON object.")
    keys = accept(folder, document)
    told = {"centre": keys.name, "fingerprint": fingerprint(keys)}
    if as_json:
        _say(told)
        return
    click.echo(f"orders of {keys.name} are answered from now on 已信任")
    click.echo(f"fingerprint 指纹: {told['fingerprint']}")


@holder.command("serve")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--host", default="127.0.0.1", help="Address to listen on. 监听地址。")
@click.option("--port", type=int, default=8100, help="Port to listen on; 0 takes a free one. 端口。")
@click.option("--certificate", type=click.Path(exists=True, dir_okay=False), help="TLS certificate. 证书。")
@click.option("--key", type=click.Path(exists=True, dir_okay=False), help="Its private key. 私钥。")
@click.option("--clock", default="", help="Shift the clock in drills, like -3d. 演练时拨动时钟。")
def serve(folder: Path, host: str, port: int, certificate: str | None, key: str | None, clock: str) -> None:
    """Serve the node of FOLDER until it is stopped. 启动节点。"""
    from lianfang.services.holder.serving import serve as run

    run(folder, host=host, port=port, certificate=certificate, key=key, clock=clock, say=click.echo)


@holder.command("orders")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@_JSON
def orders(folder: Path, as_json: bool) -> None:
    """What was asked of this holder and what it answered. 收到的调取令及答复。"""
    from lianfang.foundation import words
    from lianfang.foundation.words.choice import terminal_language
    from lianfang.services.holder import HolderNode

    node = HolderNode(folder)
    try:
        found = node.orders()
    finally:
        node.close()
    if as_json:
        _say(found)
        return
    lang = terminal_language()
    for row in found:
        account = row["account"] or {}
        click.echo(
            f"{row['received_at'][:16]}Z {row['order_id']} {row['centre']} {row['event_id']} {row['state']}"
        )
        if account:
            click.echo(
                f"  searched 检索 {account['rows_searched']:,} rows, matched 匹配 {account['index_matched']} of "
                f"{account['index_given']}, answered 返回 {account['returned']}, "
                f"withheld 未返回 {sum(account['withheld'].values())}, named 重标识 {row['reveals']}"
            )
        for reason in row["reasons"]:
            click.echo(f"  {words.reason(reason, lang)}")
    if not found:
        click.echo("no order yet 尚无调取令")


@holder.command("register")
@click.argument("url")
@click.option("--fingerprint", default="", help="What the holder read out. 对方告知的指纹。")
@click.option("--replace", is_flag=True, help="Take new keys of a known holder. 更换已登记的公钥。")
@on_installation
def register(
    url: str, fingerprint: str, replace: bool, home: str | None, account: str, clock: str, as_json: bool
) -> None:
    """Enter the holder at URL in the centre's register. 登记数据持有方。"""
    from lianfang.cli.common import acting, opened
    from lianfang.services import orders as service

    with opened(home, clock) as inst:
        who = acting(inst, account, ("epidemiologist", "manager"))
        found = service.register(inst, who, url, fingerprint=fingerprint, replace=replace)
    if as_json:
        _say(found)
        return
    click.echo(f"{found['holder']} {found['name_zh']} registered 已登记: {found['url']}")
    click.echo(f"fingerprint 指纹: {found['fingerprint']}")
    if not fingerprint:
        click.echo("compare it with the holder by telephone 请与持有方电话核对")
