"""The server and the accounts that sign in to it."""

from __future__ import annotations

import click

from lianfang.cli.common import acting, on_installation, opened, say


@click.command()
@click.option("--host", default=None, help="Address to listen on. 监听地址。")
@click.option("--port", type=int, default=None, help="Port to listen on. 端口。")
@click.option("--home", default=None, help="Folder of the installation. 安装目录。")
def serve(host: str | None, port: int | None, home: str | None) -> None:
    """Serve the pages and the API. 启动网页服务。"""
    import uvicorn

    from lianfang.api.app import create_app

    with opened(home) as inst:
        at, on = host or inst.settings.host, port or inst.settings.port
        click.echo(f"Lianfang 联防: http://{'localhost' if at == '127.0.0.1' else at}:{on}")
        uvicorn.run(create_app(inst), host=at, port=on, log_level="warning", server_header=False)


@click.group()
def account() -> None:
    """Accounts: add, list, one-time links. 账户：新增、列表、一次性链接。"""


@account.command("add")
@click.argument("name")
@click.option("--role", required=True, help="The account's role. 角色。")
@click.option("--display", default="", help="Shown name. 显示姓名。")
@click.option("--area", default="", help="Its area, GB/T 2260. 辖区代码。")
@click.option("--days", default=365, show_default=True, help="Days until the role ends. 有效天数。")
@on_installation
def account_add(
    name: str,
    role: str,
    display: str,
    area: str,
    days: int,
    home: str | None,
    account: str,
    clock: str,
    as_json: bool,
) -> None:
    """Add a named account and print its one-time link. 新增账户。"""
    from lianfang.services import accounts

    with opened(home, clock) as inst:
        who = acting(inst, account, ("administrator",)) if account else None
        accounts.add(inst, who, name, role=role, display=display, area=area, days=days)
        link = accounts.link(inst, name)
        address = f"{inst.settings.public_url}/enter?link={link}"
    say(as_json, {"account": name, "role": role, "link": address}, f"{name} ({role})\n{address}")


@account.command("link")
@click.argument("name")
@on_installation
def account_link(name: str, home: str | None, account: str, clock: str, as_json: bool) -> None:
    """Print a one-time sign-in link, valid for 15 minutes. 一次性登录链接。"""
    from lianfang.services import accounts

    with opened(home, clock) as inst:
        address = f"{inst.settings.public_url}/enter?link={accounts.link(inst, name)}"
    say(as_json, {"account": name, "link": address}, address)


@account.command("list")
@on_installation
def account_list(home: str | None, account: str, clock: str, as_json: bool) -> None:
    """Accounts with their roles. 账户列表。"""
    from lianfang.services import accounts

    with opened(home, clock) as inst:
        found = accounts.listing(inst)
    lines = [f"{row['account']:<16} {row['role']:<26} {row['area']:<8} {row['not_after']}" for row in found]
    say(as_json, found, "\n".join(lines) or "–")
