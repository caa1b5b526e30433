"""What the commands on an installation share: opening it, acting as an account, printing."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from lianfang.foundation.errors import Refused
    from lianfang.services.installation import Installation, Who

F = TypeVar("F", bound=Callable[..., Any])
_ROLE = "lianfang.role"
_WHO = "lianfang.who"


def _remember_role(context: click.Context, parameter: click.Parameter, value: str) -> str:
    context.meta[_ROLE] = value
    return value


def on_installation(command: F) -> F:
    """Options of a command on an installation: ``--home``, ``--as``, ``--role``, ``--clock``, ``--json``."""
    command = click.option(
        "--role",
        "acting_role",
        default="",
        expose_value=False,
        callback=_remember_role,
        help="Which of the account's roles acts; default: its first. 以哪一角色操作。",
    )(command)
    return on_accounts(command)


def on_accounts(command: F) -> F:
    """The same without ``--role``, for commands whose own ``--role`` is one to give."""
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


def taken(source: str, most: int) -> bytes:
    """The bytes of a file or, for ``-``, of standard input: one more than ``most`` at most, so that too many show.

    BadInput names a file that cannot be read, without its folder.
    """
    from lianfang.foundation.errors import BadInput

    try:
        if source == "-":
            return sys.stdin.buffer.read(most + 1)
        with Path(source).open("rb") as stream:
            return stream.read(most + 1)
    except OSError as error:
        raise BadInput(f"{Path(source).name} cannot be read: {error.strerror}.") from None


@contextmanager
def opened(home: str | None, clock: str = "") -> Iterator[Installation]:
    """The installation, closed at the end."""
    from lianfang.foundation.clock import SystemClock
    from lianfang.foundation.errors import Refused
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
    except Refused as error:
        _turned_away(inst, error)
        raise
    finally:
        inst.close()


def _turned_away(inst: Installation, error: Refused) -> None:
    """A refusal leaves its trace, under the account that acts here."""
    from lianfang.services import trail

    context = click.get_current_context(silent=True)
    who = context.meta.get(_WHO) if context else None
    if context is not None and who is not None:
        trail.refused(inst, who, context.command_path, error)


def acting(inst: Installation, account: str, roles: tuple[str, ...] = ()) -> Who:
    """The account that acts. Whoever may read the installation's keys may act for it, by name.

    The keys stand for both factors; the machine still has to be a registered terminal (REQ-P-49). Its acts are
    recorded with the operating system's account. Where the setting ``command_line`` names such accounts, each
    acts in its roles only. Without ``--as`` in a demonstration installation the first of its people with a
    fitting role acts.
    """
    from dataclasses import replace

    from lianfang.services import accounts, terminals
    from lianfang.services.installation import Signed, Who

    context = click.get_current_context(silent=True)
    role = str(context.meta.get(_ROLE, "")) if context else ""
    account = account or _default(inst, roles)
    if context is not None:
        context.meta[_WHO] = Who(account, "", "cdc")  # who is turned away before he has a role is told of too
    who = accounts.person(inst, account, role)
    if context is not None:
        context.meta[_WHO] = who
    signed = Signed(factors=2, fresh=True, terminal=terminals.machine(inst))
    who = replace(on_behalf(inst, who), signed=signed)
    if context is not None:
        context.meta[_WHO] = who
    return who


def on_behalf(inst: Installation, who: Who) -> Who:
    """``who``, named with this operating-system account in what is done; Refused where the setting says so.

    Also for the house's own machinery (the daily cycle, a first account), whose role is ``system``.
    """
    from dataclasses import replace

    from lianfang.foundation.errors import Refused

    whose, allowed = os_account(), inst.settings.command_line
    if allowed and who.role not in allowed.get(whose, ()):
        raise Refused(
            f"The operating-system account {whose} may not act as {who.role} on the command line.",
            hint="The setting command_line names who may.",
            code="command_line",
        )
    return replace(who, os_account=whose)


def os_account() -> str:
    """The operating system's account of this process: by its number, not by what the environment says."""
    import os
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a number without a name, as in a container
        return f"uid-{os.getuid()}"


def _default(inst: Installation, roles: tuple[str, ...]) -> str:
    from lianfang.foundation.errors import UsageError
    from lianfang.services import accounts

    if inst.settings.demonstration:
        for name, _, role in accounts.DEMONSTRATION:
            if not roles or role in roles:
                return name
    raise UsageError("Say which account acts: --as NAME.", hint="Accounts: lianfang account list.")


def say(as_json: bool, value: Any, text: str) -> None:
    """Print the result as JSON or in words."""
    if as_json:
        from lianfang.foundation.canonical import plain

        click.echo(json.dumps(plain(value), ensure_ascii=False, indent=1))
    else:
        click.echo(text)
