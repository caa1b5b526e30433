"""``lianfang gifts`` on money: confirmed, spent, given back; and the register of the real accounts."""

from __future__ import annotations

from typing import Any

import click

from lianfang.cli.common import acting, on_installation, opened, say

_SUPPLY = ("supply_officer",)


def add_money(group: click.Group) -> None:
    """Put these commands into the group."""
    for command in (confirm, buy, refund, accounts, account_new, account_verify, account_end, account_check):
        group.add_command(command)


@click.command("confirm")
@click.argument("gift_id")
@click.argument("account_id")
@click.argument("fen", type=int)
@on_installation
def confirm(
    gift_id: str, account_id: str, fen: int, home: str | None, account: str, clock: str, as_json: bool
) -> None:
    """A second person has seen the money on the account. 到账确认。"""
    from lianfang.services import gifts as service

    with opened(home, clock) as inst:
        step = service.confirm(inst, acting(inst, account, ("manager",)), gift_id, account_id, fen)
    say(as_json, {"step_id": step}, step)


@click.command("buy")
@click.argument("event_id")
@click.argument("item")
@click.argument("quantity", type=int)
@click.option("--from", "draws", multiple=True, required=True, help="GIFT_ID=FEN, repeated. 支付的捐款。")
@click.option("--account", "account_id", required=True, help="Account of the register. 账户。")
@click.option("--supplier", required=True, help="Supplier. 供应单位。")
@on_installation
def buy(
    event_id: str,
    item: str,
    quantity: int,
    draws: tuple[str, ...],
    account_id: str,
    supplier: str,
    home: str | None,
    account: str,
    clock: str,
    as_json: bool,
) -> None:
    """Gifts of money pay for QUANTITY of ITEM, which goes the way of a gift. 采购。"""
    from lianfang.foundation.errors import UsageError
    from lianfang.services import events
    from lianfang.services import gifts as service

    paid: dict[str, int] = {}
    for one in draws:
        gift_id, equals, fen = one.partition("=")
        if not (equals and fen.isascii() and fen.isdigit() and len(fen) <= 13) or gift_id in paid:
            raise UsageError("Say which gift pays how much, each once: --from GIFT_ID=FEN.")
        paid[gift_id] = int(fen)
    with opened(home, clock) as inst:
        made = service.purchase(
            inst,
            acting(inst, account, _SUPPLY),
            events.find(inst, event_id)["event_id"],
            paid,
            account_id=account_id,
            supplier=supplier,
            item=item,
            quantity=quantity,
        )
    say(as_json, made, f"{made['purchase_id']}  goods 物资 {made['gift_id']}")


@click.command("refund")
@click.argument("gift_id")
@click.argument("account_id")
@click.argument("fen", type=int)
@click.option("--reason", required=True, help="Why, naming nobody. 理由。")
@click.option("--unconfirmed", is_flag=True, help="It was never confirmed. 未确认即退。")
@on_installation
def refund(
    gift_id: str,
    account_id: str,
    fen: int,
    reason: str,
    unconfirmed: bool,
    home: str | None,
    account: str,
    clock: str,
    as_json: bool,
) -> None:
    """Money goes back to the donor. 退款。"""
    from lianfang.services import gifts as service

    source = "received" if unconfirmed else "stored"
    with opened(home, clock) as inst:
        who = acting(inst, account, ("manager",))
        step = service.refund(inst, who, gift_id, account_id, fen, reason=reason, source=source)
    say(as_json, {"step_id": step}, step)


@click.command("accounts")
@click.option("--all", "every", is_flag=True, help="Also what waits for verification. 含待核实。")
@on_installation
def accounts(every: bool, home: str | None, account: str, clock: str, as_json: bool) -> None:
    """The register of the real accounts and collection points. 账户登记。"""
    from lianfang.services import gifts as service

    with opened(home, clock) as inst:
        found = service.registered(inst, acting(inst, account, _SUPPLY) if every else None)
    lines = [
        f"{one['account_id']}  {one['state']:<8} {one['channel']:<9} {one['number']}  {one['name_zh']} {one['name_en']}"
        for one in found
    ]
    say(as_json, found, "\n".join(lines) or "–")


@click.command("account-new")
@click.argument("number")
@click.option("--zh", "name_zh", required=True, help="Name in Chinese. 户名（中文）。")
@click.option("--en", "name_en", required=True, help="Name in English. 户名（英文）。")
@click.option(
    "--channel",
    type=click.Choice(["bank", "post", "platform", "point"]),
    required=True,
    help="Channel. 渠道。",
)
@click.option("--bank", default="", help="Bank or platform. 开户行或平台。")
@click.option("--from", "valid_from", type=click.DateTime(["%Y-%m-%d"]), help="Valid from. 有效期自。")
@click.option("--to", "valid_to", type=click.DateTime(["%Y-%m-%d"]), help="Valid to. 有效期至。")
@on_installation
def account_new(
    number: str,
    name_zh: str,
    name_en: str,
    channel: str,
    bank: str,
    valid_from: Any,
    valid_to: Any,
    home: str | None,
    account: str,
    clock: str,
    as_json: bool,
) -> None:
    """Enter an account or point; another person verifies it. 登记账户。"""
    from lianfang.services import gifts as service

    with opened(home, clock) as inst:
        made = service.enter_account(
            inst,
            acting(inst, account, _SUPPLY),
            name_zh=name_zh,
            name_en=name_en,
            channel=channel,
            number=number,
            bank=bank,
            valid_from=valid_from.date() if valid_from else inst.today(),
            valid_to=valid_to.date() if valid_to else None,
        )
    say(as_json, {"account_id": made}, made)


@click.command("account-verify")
@click.argument("account_id")
@click.option("--evidence", required=True, help="Verified by what. 核实依据。")
@on_installation
def account_verify(
    account_id: str, evidence: str, home: str | None, account: str, clock: str, as_json: bool
) -> None:
    """Verify an entry as the second person; the public sees it. 核实账户。"""
    from lianfang.services import gifts as service

    with opened(home, clock) as inst:
        service.verify_account(inst, acting(inst, account, ("manager",)), account_id, evidence=evidence)
    say(as_json, {"account_id": account_id}, account_id)


@click.command("account-end")
@click.argument("account_id")
@click.option("--reason", required=True, help="Why, naming nobody. 理由。")
@on_installation
def account_end(
    account_id: str, reason: str, home: str | None, account: str, clock: str, as_json: bool
) -> None:
    """An account is no longer to be used. 停用账户。"""
    from lianfang.services import gifts as service

    with opened(home, clock) as inst:
        service.end_account(inst, acting(inst, account, ("manager",)), account_id, reason=reason)
    say(as_json, {"account_id": account_id}, account_id)


@click.command("account-check")
@click.argument("number")
@click.option("--name", default="", help="Name that goes with it. 户名。")
@on_installation
def account_check(number: str, name: str, home: str | None, account: str, clock: str, as_json: bool) -> None:
    """Is this the real account? Nothing of it is kept. 核对账户真伪。"""
    from lianfang.services import gifts as service

    with opened(home, clock) as inst:
        told = service.check_account(inst, number, name)
    entry = told["entry"]
    real = f"  register 登记: {entry['number']}  {entry['name_zh']} {entry['name_en']}" if entry else ""
    say(as_json, told, f"{told['verdict']} ({told['why']}){real}")
