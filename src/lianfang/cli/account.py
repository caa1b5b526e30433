"""``lianfang account``: the administrator's acts, one-time links, and the registered terminals."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import click

from lianfang.cli.common import acting, on_accounts, on_behalf, on_installation, opened, say

if TYPE_CHECKING:
    from lianfang.services.installation import Installation, Who

_DAY = click.DateTime(["%Y-%m-%d"])


@click.group()
def account() -> None:
    """Accounts: roles, training, links, terminals. 账户：角色、培训、链接、终端。"""


def _administrator(inst: Installation, name: str) -> Who:
    return acting(inst, name, ("administrator",))


def _whose(inst: Installation, name: str) -> tuple[Who | None, Who]:
    """The administrator who acts, or None for whoever holds the installation's keys, whom the second one names."""
    from lianfang.services.accounts import HOUSE

    if name:
        who = _administrator(inst, name)
        return who, who
    return None, on_behalf(inst, HOUSE)


@account.command("add")
@click.argument("name")
@click.option("--role", required=True, help="The account's role. 角色。")
@click.option("--display", default="", help="Shown name. 显示姓名。")
@click.option("--area", default="", help="Its area, GB/T 2260. 辖区代码。")
@click.option("--days", default=365, show_default=True, help="Days until the role ends. 有效天数。")
@click.option(
    "--trained-until", type=_DAY, help="Last day on which the person's training counts. 培训有效至。"
)
@on_accounts
def account_add(
    name: str,
    role: str,
    display: str,
    area: str,
    days: int,
    trained_until: date | None,
    home: str | None,
    account: str,
    clock: str,
    as_json: bool,
) -> None:
    """Add a named account and print its one-time link. 新增账户。"""
    from lianfang.services import accounts

    with opened(home, clock) as inst:
        who, keys = _whose(inst, account)
        accounts.add(
            inst,
            who,
            name,
            role=role,
            display=display,
            area=area,
            days=days,
            trained_until=_day(trained_until),
            keys=keys,
        )
        link = accounts.link(inst, name, who, keys=keys)
        address = f"{inst.settings.public_url}/enter?link={link}"
    say(as_json, {"account": name, "role": role, "link": address}, f"{name} ({role})\n{address}")


def _day(given: date | None) -> date | None:
    """click gives a moment; a day is meant."""
    return date(given.year, given.month, given.day) if given else None


@account.command("link")
@click.argument("name")
@on_installation
def account_link(name: str, home: str | None, account: str, clock: str, as_json: bool) -> None:
    """Print a one-time sign-in link, valid for 15 minutes. 一次性登录链接。"""
    from lianfang.services import accounts

    with opened(home, clock) as inst:
        who, keys = _whose(inst, account)
        address = f"{inst.settings.public_url}/enter?link={accounts.link(inst, name, who, keys=keys)}"
    say(as_json, {"account": name, "link": address}, address)


@account.command("list")
@on_installation
def account_list(home: str | None, account: str, clock: str, as_json: bool) -> None:
    """Accounts with the roles that are valid now. 账户列表。"""
    from lianfang.services import accounts

    with opened(home, clock) as inst:
        found = accounts.listing(inst)
    lines = [
        f"{row['account']:<16} {row['role']:<26} {row['area']:<8} {row['not_after']:%F}  {row['role_id']}"
        for row in found
    ]
    say(as_json, found, "\n".join(lines) or "–")


@account.command("state")
@click.option("--search", default="", help="Accounts whose name or shown name holds this. 按名查找。")
@on_installation
def account_state(search: str, home: str | None, account: str, clock: str, as_json: bool) -> None:
    """Every account's factors, training, roles and sessions, for the administrator. 账户状态。"""
    from lianfang.services import staff

    with opened(home, clock) as inst:
        found = staff.page(inst, _administrator(inst, account), search=search, size=100_000)["accounts"]
    lines = [
        f"{row['account']:<16} {'disabled' if row['disabled'] else 'active':<8} "
        f"{'two factors' if row['second_factor'] else 'no second factor':<16} "
        f"trained until 培训至 {row['trained_until'] or '–'}  "
        f"{', '.join(one['role'] for one in row['roles']) or '–'}"
        for row in found
    ]
    say(as_json, found, "\n".join(lines))


@account.command("give")
@click.argument("name")
@click.option("--role", required=True, help="The role to give. 角色。")
@click.option("--area", default="", help="Its area, GB/T 2260. 辖区代码。")
@click.option("--until", type=_DAY, required=True, help="Last day of the role. 角色至。")
@on_accounts
def account_give(
    name: str,
    role: str,
    area: str,
    until: date,
    home: str | None,
    account: str,
    clock: str,
    as_json: bool,
) -> None:
    """Give an account a role for an area and a time. 授予角色。"""
    from lianfang.services import staff

    with opened(home, clock) as inst:
        who = _administrator(inst, account)
        role_id = staff.give_role(inst, who, name, role=role, area=area, until=_day(until))
    say(as_json, {"role_id": role_id}, f"{name}: {role} {role_id}")


@account.command("take")
@click.argument("name")
@click.argument("role_id")
@on_installation
def account_take(name: str, role_id: str, home: str | None, account: str, clock: str, as_json: bool) -> None:
    """Take a role back (ROLE_ID: see list), with effect on the next request. 收回角色。"""
    from lianfang.services import staff

    with opened(home, clock) as inst:
        staff.take_role(inst, _administrator(inst, account), name, role_id)
    say(as_json, {"taken": role_id}, f"{name}: {role_id} taken back 已收回")


@account.command("disable")
@click.argument("name")
@on_installation
def account_disable(name: str, home: str | None, account: str, clock: str, as_json: bool) -> None:
    """Disable an account; its sessions end with the next request. 停用账户。"""
    from lianfang.services import staff

    with opened(home, clock) as inst:
        staff.disable(inst, _administrator(inst, account), name)
    say(as_json, {"disabled": name}, f"{name} disabled 已停用")


@account.command("enable")
@click.argument("name")
@on_installation
def account_enable(name: str, home: str | None, account: str, clock: str, as_json: bool) -> None:
    """Enable an account again. 恢复账户。"""
    from lianfang.services import staff

    with opened(home, clock) as inst:
        staff.enable(inst, _administrator(inst, account), name)
    say(as_json, {"enabled": name}, f"{name} enabled 已恢复")


@account.command("end-sessions")
@click.argument("name")
@on_installation
def account_end_sessions(name: str, home: str | None, account: str, clock: str, as_json: bool) -> None:
    """End all sessions of an account. 结束其所有会话。"""
    from lianfang.services import staff

    with opened(home, clock) as inst:
        ended = staff.end_sessions(inst, _administrator(inst, account), name)
    say(as_json, {"ended": ended}, f"{name}: {ended} sessions ended 会话已结束")


@account.command("training")
@click.argument("name")
@click.argument("until", type=_DAY)
@on_installation
def account_training(
    name: str, until: date, home: str | None, account: str, clock: str, as_json: bool
) -> None:
    """Note the last day on which a person's training counts. 登记培训期限。"""
    from lianfang.services import staff

    day = date(until.year, until.month, until.day)
    with opened(home, clock) as inst:
        staff.note_training(inst, _administrator(inst, account), name, day)
    say(as_json, {"account": name, "trained_until": day}, f"{name}: trained until 培训有效至 {day}")


@account.command("reset")
@click.argument("name")
@on_installation
def account_reset(name: str, home: str | None, account: str, clock: str, as_json: bool) -> None:
    """Take away a person's second factors. 清除第二因素。

    Enrolling anew takes the person's password and a new one-time link.
    """
    from lianfang.services import accounts, staff

    with opened(home, clock) as inst:
        who = _administrator(inst, account)
        staff.reset_factors(inst, who, name)
        address = f"{inst.settings.public_url}/enter?link={accounts.link(inst, name, who)}"
    say(as_json, {"account": name, "link": address}, f"{name}: factors reset 第二因素已清除\n{address}")


@account.group("terminal")
def terminal() -> None:
    """Registered terminals: list, register this machine, approve, revoke. 登记终端。"""


@terminal.command("list")
@on_installation
def terminal_list(home: str | None, account: str, clock: str, as_json: bool) -> None:
    """Terminals, those that wait for approval first. 终端列表。"""
    from lianfang.services import terminals

    with opened(home, clock) as inst:
        found = terminals.listing(inst, _administrator(inst, account))
    lines = [
        f"{row['terminal_id']}  {row['state']:<10} {row['account'] or '(machine)':<16} {row['label']}"
        for row in found
    ]
    say(as_json, found, "\n".join(lines) or "–")


@terminal.command("register")
@on_installation
def terminal_register(home: str | None, account: str, clock: str, as_json: bool) -> None:
    """Ask for this machine to be registered; another person approves it. 申请登记本机。"""
    from lianfang.services import terminals

    with opened(home, clock) as inst:
        made = terminals.register_machine(inst, acting(inst, account))
    say(as_json, {"terminal_id": made}, f"{made}: asked for 已申请, waits for approval 待批准")


@terminal.command("approve")
@click.argument("terminal_id")
@on_installation
def terminal_approve(terminal_id: str, home: str | None, account: str, clock: str, as_json: bool) -> None:
    """Register a terminal that was asked for. 批准终端。"""
    from lianfang.services import terminals

    with opened(home, clock) as inst:
        terminals.approve(inst, _administrator(inst, account), terminal_id)
    say(as_json, {"approved": terminal_id}, f"{terminal_id} registered 已登记")


@terminal.command("revoke")
@click.argument("terminal_id")
@on_installation
def terminal_revoke(terminal_id: str, home: str | None, account: str, clock: str, as_json: bool) -> None:
    """Revoke a terminal, with effect on the next request. 撤销终端。"""
    from lianfang.services import terminals

    with opened(home, clock) as inst:
        terminals.revoke(inst, _administrator(inst, account), terminal_id)
    say(as_json, {"revoked": terminal_id}, f"{terminal_id} revoked 已撤销")
