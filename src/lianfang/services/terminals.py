"""Registered terminals (REQ-P-49): asked for on the device, approved by another person, revoked at once.

The policy refuses to collect or read personal data on a device that is not registered. The machine on which the
installation lives is a terminal too: its token is a file for the owner only, used by the command line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lianfang.foundation.errors import Conflict
from lianfang.services import withdrawn
from lianfang.services.accounts import HOUSE, noted
from lianfang.services.gate import fresh, proved, require
from lianfang.services.installation import Installation, Who

if TYPE_CHECKING:
    from pathlib import Path

    from lianfang.guard.accounts import Session

MACHINE = "installation"


def device() -> str:
    """A token for a device that has none yet: 256 random bits."""
    from lianfang.guard.accounts import terminals

    return terminals.new_token()


def listing(inst: Installation, who: Who) -> list[dict[str, Any]]:
    """All terminals, those that wait for approval first."""
    from lianfang.guard.accounts import terminals

    require(who, "terminal.approve")
    with inst.store.read() as connection:
        found = terminals.list_terminals(connection)
    return [{**vars(one), "state": one.state} for one in found]


def ask(inst: Installation, who: Who, session: Session, token: str, label: str) -> str:
    """Ask for this device to be registered for the account that is signed in; gives the terminal's id."""
    from lianfang.guard.accounts import terminals

    proved(who)
    with inst.store.begin() as connection:
        made = terminals.ask(connection, session.account_id, token, label=label, now=inst.now())
        noted(inst, connection, "terminal_asked", who, made, {"account": who.account})
    return made


def approve(inst: Installation, who: Who, terminal_id: str) -> None:
    """Register a device that was asked for; never one's own."""
    from lianfang.guard.accounts import terminals

    require(who, "terminal.approve")
    fresh(who)
    with inst.store.begin() as connection:
        terminals.approve(connection, terminal_id, by=who.account, now=inst.now())
        noted(inst, connection, "terminal_approved", who, terminal_id, {})


def revoke(inst: Installation, who: Who, terminal_id: str) -> None:
    """The device counts no more from the next request on: one's own, or anybody's by who approves them."""
    from lianfang.guard.accounts import terminals

    with inst.store.read() as connection:
        owner = terminals.owner(connection, terminal_id)
    if owner != who.account:
        require(who, "terminal.approve")
    with inst.store.begin() as connection:
        terminals.revoke(connection, terminal_id, by=who.account, now=inst.now())
        withdrawn.note(inst, "m", terminal_id)
        noted(inst, connection, "terminal_revoked", who, terminal_id, {})


def register_demonstration(inst: Installation, account_id: str, token: str) -> None:
    """The demonstration's device registers itself for the person acted as; the page says so."""
    from lianfang.guard.accounts import terminals

    if not inst.settings.demonstration:
        return
    with inst.store.begin() as connection:
        if terminals.registered(connection, account_id, token):
            return
        made = terminals.ask(connection, account_id, token, label="demonstration 演示", now=inst.now())
        terminals.approve(connection, made, by=MACHINE, now=inst.now())
        noted(inst, connection, "terminal_approved", HOUSE, made, {"demonstration": True})


def machine(inst: Installation) -> bool:
    """Is the machine on which the installation lives a registered terminal? A demonstration's registers itself."""
    from lianfang.guard.accounts import terminals

    token = _machine_token(inst)
    with inst.store.read() as connection:
        if terminals.registered(connection, None, token):
            return True
        waits = any(one.account == "" for one in terminals.list_terminals(connection))
    if inst.settings.demonstration and not waits:
        register_machine(inst, None)
        return True
    return False


def register_machine(inst: Installation, who: Who | None) -> str:
    """Ask for this machine to be registered; gives the terminal's id.

    ``who`` None: the installation's first hour, in which it is registered at once and the ledger says so.
    """
    from lianfang.guard.accounts import list_accounts, terminals

    file = _machine_file(inst)
    with inst.store.begin() as connection:
        first = who is None and (inst.settings.demonstration or not list_accounts(connection))
        if who is None and not first:
            raise Conflict("The installation has accounts.", hint="Say which account asks: --as NAME.")
        token = _machine_token(inst)
        if not token:
            token = terminals.new_token()
            _write(file, token)
        made = terminals.ask(connection, None, token, label=MACHINE, now=inst.now())
        noted(inst, connection, "terminal_asked", who or HOUSE, made, {"machine": True})
        if first:
            terminals.approve(connection, made, by=MACHINE, now=inst.now())
            noted(inst, connection, "terminal_approved", HOUSE, made, {"machine": True})
    return made


def _machine_file(inst: Installation) -> Path:
    return inst.home / "keys" / "terminal"


def _machine_token(inst: Installation) -> str:
    from lianfang.guard import files

    file = _machine_file(inst)
    return files.read(file, limit=200).decode() if file.exists() else ""


def _write(file: Path, token: str) -> None:
    from lianfang.guard import files

    files.create(file, token.encode())
