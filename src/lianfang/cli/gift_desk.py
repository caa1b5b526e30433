"""The rest of ``lianfang gifts`` on goods: donors' answers, what comes back or is lost, needs, items and bodies."""

from __future__ import annotations

from typing import Any

import click

from lianfang.cli.common import acting, on_installation, opened, say

_SUPPLY = ("supply_officer",)
_STAFF = ("supply_officer", "manager", "clinician", "laboratory")


def add_desk(group: click.Group) -> None:
    """Put these commands into the group."""
    for command in (answer, wish, back, lose, dispose, withdraw, need, needs, propose, items, bodies, body):
        group.add_command(command)


@click.command("answer")
@click.argument("gift_id")
@click.argument("body_id")
@click.option("--agrees/--refuses", required=True, help="What the donor answered. 同意或不同意。")
@click.option("--how", required=True, help="How he was asked, naming nobody. 征求方式。")
@on_installation
def answer(
    gift_id: str,
    body_id: str,
    agrees: bool,
    how: str,
    home: str | None,
    account: str,
    clock: str,
    as_json: bool,
) -> None:
    """May a directed gift go to another body? The donor's answer. 记录捐赠人答复。"""
    from lianfang.services import gifts as service

    with opened(home, clock) as inst:
        step = service.answer(inst, acting(inst, account, _SUPPLY), gift_id, body_id, agrees=agrees, how=how)
    say(as_json, {"step_id": step}, step)


@click.command("wish")
@click.argument("gift_id")
@click.option("--named/--unnamed", required=True, help="Does the donor want to be named? 是否署名。")
@on_installation
def wish(gift_id: str, named: bool, home: str | None, account: str, clock: str, as_json: bool) -> None:
    """Record whether the donor wants to be named in public. 记录署名意愿。"""
    from lianfang.services import gifts as service

    with opened(home, clock) as inst:
        service.wish(inst, acting(inst, account, _SUPPLY), gift_id, named)
    say(as_json, {"gift_id": gift_id, "show": named}, f"{gift_id}  {'named' if named else 'not named'}")


@click.command("back")
@click.argument("allocation_id")
@click.argument("quantity", type=int)
@click.option("--depot", required=True, help="Where it came back to. 退回仓库。")
@click.option("--reason", required=True, help="Why, naming nobody. 理由。")
@click.option("--in-transit", is_flag=True, help="It never arrived. 未送达即退回。")
@on_installation
def back(
    allocation_id: str,
    quantity: int,
    depot: str,
    reason: str,
    in_transit: bool,
    home: str | None,
    account: str,
    clock: str,
    as_json: bool,
) -> None:
    """Goods came back to a depot and are inspected again. 退回仓库。"""
    from lianfang.services import gifts as service

    source = "in_transit" if in_transit else "delivered"
    with opened(home, clock) as inst:
        who = acting(inst, account, _SUPPLY)
        step = service.give_back(
            inst, who, allocation_id, quantity, depot=depot, reason=reason, source=source
        )
    say(as_json, {"step_id": step}, step)


@click.command("lose")
@click.argument("gift_id")
@click.argument("state")
@click.argument("at")
@click.argument("quantity", type=int)
@click.option("--reason", required=True, help="damaged, stolen, missing ... 原因。")
@on_installation
def lose(
    gift_id: str,
    state: str,
    at: str,
    quantity: int,
    reason: str,
    home: str | None,
    account: str,
    clock: str,
    as_json: bool,
) -> None:
    """QUANTITY that was in STATE AT a depot, lot or allocation is gone. 登记损失。"""
    from lianfang.services import gifts as service

    with opened(home, clock) as inst:
        step = service.lose(inst, acting(inst, account, _SUPPLY), gift_id, state, at, quantity, reason=reason)
    say(as_json, {"step_id": step}, step)


@click.command("dispose")
@click.argument("gift_id")
@click.argument("state")
@click.argument("at")
@click.argument("quantity", type=int)
@click.option("--end", type=click.Choice(["returned", "destroyed"]), required=True, help="Its end. 去向。")
@click.option("--reason", required=True, help="Why, naming nobody. 理由。")
@on_installation
def dispose(
    gift_id: str,
    state: str,
    at: str,
    quantity: int,
    end: str,
    reason: str,
    home: str | None,
    account: str,
    clock: str,
    as_json: bool,
) -> None:
    """Goods that can't be used go back to the donor or are destroyed. 处置。"""
    from lianfang.services import gifts as service

    with opened(home, clock) as inst:
        who = acting(inst, account, _SUPPLY)
        step = service.dispose(inst, who, gift_id, state, at, quantity, end=end, reason=reason)
    say(as_json, {"step_id": step}, step)


@click.command("withdraw")
@click.argument("gift_id")
@click.argument("quantity", type=int)
@click.option("--reason", required=True, help="Why, naming nobody. 理由。")
@on_installation
def withdraw(
    gift_id: str, quantity: int, reason: str, home: str | None, account: str, clock: str, as_json: bool
) -> None:
    """What was promised does not come. 取消认捐。"""
    from lianfang.services import gifts as service

    with opened(home, clock) as inst:
        step = service.withdraw(inst, acting(inst, account, _SUPPLY), gift_id, quantity, reason=reason)
    say(as_json, {"step_id": step}, step)


@click.command("need")
@click.argument("event_id")
@click.argument("body_id")
@click.argument("item")
@click.argument("quantity", type=int)
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), required=True, help="Needed until. 截至。")
@click.option("--stock", default=0, help="Stock on hand. 现有库存。")
@click.option("--daily-use", default=0, help="Use a day. 日消耗。")
@on_installation
def need(
    event_id: str,
    body_id: str,
    item: str,
    quantity: int,
    until: Any,
    stock: int,
    daily_use: int,
    home: str | None,
    account: str,
    clock: str,
    as_json: bool,
) -> None:
    """A body asks for goods. 申请物资。"""
    from lianfang.services import events
    from lianfang.services import gifts as service

    with opened(home, clock) as inst:
        made = service.ask(
            inst,
            acting(inst, account, ("clinician",)),
            events.find(inst, event_id)["event_id"],
            body_id,
            item,
            quantity,
            until=until.date(),
            stock=stock,
            daily_use=daily_use,
        )
    say(as_json, {"need_id": made}, made)


@click.command("needs")
@on_installation
def needs(home: str | None, account: str, clock: str, as_json: bool) -> None:
    """Needs beside what was given, the most urgent first. 需求与已给。"""
    from lianfang.services import gifts as service

    with opened(home, clock) as inst:
        found = service.needs(inst, acting(inst, account, _STAFF))
    lines = [
        f"{one['need_id']}  {one['body_id']}  {one['item_id']}  needs {one['quantity']}  given {one['given']}  "
        f"missing {one['missing']}  days of stock {'-' if one['days'] is None else one['days']}"
        for one in found
    ]
    say(as_json, found, "\n".join(lines) or "–")


@click.command("propose")
@click.option("--item", default="", help="Of one item only. 仅某一物资。")
@on_installation
def propose(item: str, home: str | None, account: str, clock: str, as_json: bool) -> None:
    """What could be allocated now, by need; a person decides. 分配建议。"""
    from lianfang.services import gifts as service

    with opened(home, clock) as inst:
        found = service.propose(inst, acting(inst, account, ("manager",)), item)
    lines = [
        f"{one['quantity']} of lot {one['lot_id']} ({one['item_id']}) -> {one['body_id']} for {one['need_id']}: "
        f"{one['rule']}, days of stock {'-' if one['days'] is None else one['days']}, lacks {one['missing']}, "
        f"{one['pool']} there for {one['asked']}"
        for one in found
    ]
    say(as_json, found, "\n".join(lines) or "–")


@click.command("items")
@on_installation
def items(home: str | None, account: str, clock: str, as_json: bool) -> None:
    """The catalogue: each item with the standard it must bear. 物资目录。"""
    from lianfang.services import gifts as service

    with opened(home, clock) as inst:
        found = service.items(inst)
    lines = [f"{one['item_id']:<20} {one['standard']:<22} {one['name_zh']} {one['name_en']}" for one in found]
    say(as_json, found, "\n".join(lines))


@click.command("bodies")
@on_installation
def bodies(home: str | None, account: str, clock: str, as_json: bool) -> None:
    """Depots, hospitals and others. 单位。"""
    from lianfang.services import gifts as service

    with opened(home, clock) as inst:
        found = service.bodies(inst)
    lines = [f"{one['body_id']:<20} {one['kind']:<10} {one['name_zh']} {one['name_en']}" for one in found]
    say(as_json, found, "\n".join(lines) or "–")


@click.command("body")
@click.argument("body_id")
@click.option(
    "--kind",
    type=click.Choice(["depot", "hospital", "community", "other"]),
    required=True,
    help="Kind. 类别。",
)
@click.option("--zh", "name_zh", required=True, help="Name in Chinese. 中文名。")
@click.option("--en", "name_en", required=True, help="Name in English. 英文名。")
@on_installation
def body(
    body_id: str,
    kind: str,
    name_zh: str,
    name_en: str,
    home: str | None,
    account: str,
    clock: str,
    as_json: bool,
) -> None:
    """Enter a depot, a hospital or another body. 登记单位。"""
    from lianfang.services import gifts as service

    with opened(home, clock) as inst:
        who = acting(inst, account, _SUPPLY)
        service.add_body(inst, who, body_id, kind=kind, name_zh=name_zh, name_en=name_en)
    say(as_json, {"body_id": body_id}, body_id)
