"""``lianfang order``: orders to holders from the centre's side."""

from __future__ import annotations

import json

import click

from lianfang.cli.common import acting, on_installation, opened, say

_ROLES = ("epidemiologist", "manager")


@click.group("order")
def order() -> None:
    """Orders to holders: draw up, send, look. 调取令：起草、发送、查看。"""


@order.command("identity")
@click.option("--home", default=None, help="Folder of the installation. 安装目录。")
def identity(home: str | None) -> None:
    """Print the centre's public keys, for `lianfang holder trust`. 输出本中心公钥。"""
    with opened(home) as inst:
        click.echo(json.dumps(inst.signer.public.to_json(), ensure_ascii=False, indent=1))


@order.command("draft")
@click.argument("event_id")
@click.option("--holder", required=True, help="Holder in the register. 持有方。")
@click.option("--source", "sources", multiple=True, help="Source; default: all the holder has. 数据源。")
@click.option("--row-cap", type=int, default=500, help="Most rows wanted. 返回上限。")
@click.option("--radius", type=float, default=50.0, help="Metres. 半径（米）。")
@click.option("--minutes", type=float, default=20.0, help="Least time together. 最短时长（分钟）。")
@on_installation
def draft(
    event_id: str,
    holder: str,
    sources: tuple[str, ...],
    row_cap: int,
    radius: float,
    minutes: float,
    home: str | None,
    account: str,
    clock: str,
    as_json: bool,
) -> None:
    """Draw up an order about the cases of EVENT_ID. 起草调取令。"""
    from lianfang.services import orders

    with opened(home, clock) as inst:
        who = acting(inst, account, _ROLES)
        row = orders.draft(
            inst,
            who,
            event_id,
            holder=holder,
            sources=list(sources) or None,
            row_cap=row_cap,
            rule={"radius_m": radius, "minutes": minutes},
        )
    row.pop("index_cases")
    if as_json:
        say(True, row, "")
        return
    click.echo(
        f"{row['order_id']}: {row['index_count']} index cases 指示病例, expires 失效 {row['expires_at']:%F %H:%MZ}"
    )
    click.echo(row["document"])


@order.command("send")
@click.argument("order_id")
@on_installation
def send(order_id: str, home: str | None, account: str, clock: str, as_json: bool) -> None:
    """Send an order and wait for the holder's answer. 发送调取令并等待答复。"""
    from lianfang.foundation.progress import terminal
    from lianfang.services import orders

    with opened(home, clock) as inst, terminal(not as_json) as progress:
        who = acting(inst, account, _ROLES)
        answer = orders.send(inst, who, order_id, progress=progress)
    if as_json:
        say(True, answer, "")
        return
    click.echo(
        f"The holder searched 持有方检索 {answer['rows_searched']:,} rows at home and returned 返回 "
        f"{answer['candidates']} tokens; withheld 未返回 {answer['withheld']}; names seen 见到的姓名: 0"
    )


@order.command("show")
@click.argument("order_id")
@on_installation
def show(order_id: str, home: str | None, account: str, clock: str, as_json: bool) -> None:
    """Show an order as it is sent, and its answer. 查看调取令及答复。"""
    from lianfang.foundation import words
    from lianfang.foundation.words.choice import terminal_language
    from lianfang.services import orders

    with opened(home, clock) as inst:
        who = acting(inst, account, _ROLES)
        found = orders.show(inst, who, order_id)
    if as_json:
        say(True, found, "")
        return
    click.echo(f"{order_id}: {found['order']['status']}")
    click.echo(found["order"]["document"])
    if found["answer"]:
        refusal = words.say(found["answer"]["refusal"], terminal_language(home))
        click.echo(found["answer"]["document"] or refusal)
