"""What the commands on an installation share: opening it, acting as an account, printing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from lianfang.services.installation import Installation, Who

F = TypeVar("F", bound=Callable[..., Any])


def on_installation(command: F) -> F:
    """Options of a command on an installation: ``--home``, ``--as``, ``--clock``, ``--json``."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print JSON. 输出 JSON。"),
        click.option(
            "--clock", default="", help="Shift the clock, like +1y, in drills only. 演练时拨动时钟。"
        ),
        click.option(
            "--as", "account", default="", envvar="LIANFANG_ACCOUNT", help="Account that acts. 操作账户。"
        ),
        click.option("--home", default=None, help="Folder of the installation. 安装目录。"),
    ):
        command = option(command)
    return command


@contextmanager
def opened(home: str | None, clock: str = "") -> Iterator[Installation]:
    """The installation, closed at the end."""
    from lianfang.foundation.clock import SystemClock
    from lianfang.foundation.settings import home_folder, read_settings
    from lianfang.guard.redaction.exits import watch_logs
    from lianfang.services.installation import offset, open_installation

    watch_logs()
    shifted = None
    if clock:
        base = read_settings(home_folder(home)).clock
        shifted = SystemClock(offset(base) + offset(clock))
    inst = open_installation(home, clock=shifted)
    try:
        yield inst
    finally:
        inst.close()


def acting(inst: Installation, account: str, roles: tuple[str, ...] = ()) -> Who:
    """The account that acts. Whoever may read the installation's keys may act for it, by name.

    Without ``--as`` in a demonstration installation the first of its people with a fitting role acts.
    """
    from lianfang.foundation.errors import UsageError
    from lianfang.services import accounts

    if account:
        return accounts.person(inst, account)
    if inst.settings.demonstration:
        for name, _, role in accounts.DEMONSTRATION:
            if not roles or role in roles:
                return accounts.person(inst, name)
    raise UsageError("Say which account acts: --as NAME.", hint="Accounts: lianfang account list.")


def say(as_json: bool, value: Any, text: str) -> None:
    """Print the result as JSON or in words."""
    if as_json:
        from lianfang.foundation.canonical import plain

        click.echo(json.dumps(plain(value), ensure_ascii=False, indent=1))
    else:
        click.echo(text)
