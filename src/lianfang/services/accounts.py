"""Accounts of the installation: people, roles, links, sessions; and who a session acts as."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from lianfang.foundation.errors import BadInput, NotSignedIn, Refused
from lianfang.services.gate import ACTOR_OF_ROLE, record, require
from lianfang.services.installation import Installation, Who

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lianfang.guard.accounts import Session
    from lianfang.guard.accounts.rights import Role

#: People of the demonstration: account, shown name, role. They exist in a demonstration installation only.
DEMONSTRATION = (
    ("wang.yi", "王医师（流调）", "epidemiologist"),
    ("zhou.zhuren", "周主任（管理）", "manager"),
    ("chen.ren", "陈专员（数据保护）", "data_protection_officer"),
    ("li.she", "李（社区）", "community_worker"),
    ("zhao.jian", "赵（检验）", "laboratory"),
    ("sun.shen", "孙（审计）", "auditor"),
)


def person(inst: Installation, account: str) -> Who:
    """Whom an account stands for now: its first valid role; :class:`NotFound` without such an account."""
    from lianfang.guard import accounts

    with inst.store.read() as connection:
        found = accounts.account(connection, account)
        roles = accounts.roles_of(connection, found.account_id, inst.now())
    if found.disabled or not roles:
        raise Refused("This account has no valid role.", code="no_role")
    return _acting(found.name, found.display, roles)


def _acting(name: str, display: str, roles: Sequence[Role]) -> Who:
    """The first of the roles, with the areas in which it is held; another role's areas are not its own."""
    role = roles[0].role
    areas = tuple(held.area for held in roles if held.role == role)
    return Who(name, role, ACTOR_OF_ROLE.get(role, "cdc"), display, areas)


def add(
    inst: Installation,
    who: Who | None,
    name: str,
    *,
    role: str,
    display: str = "",
    password: str = "",
    area: str = "",
    days: int = 365,
) -> str:
    """A new named account with one role in one area; ``who`` None: the installation's first hour.

    Raises:
        BadInput: the first account of an installation is no administrator. Refused: ``who`` is none.
    """
    from lianfang.guard import accounts

    if who is not None:
        require(who, "account.manage")
    area = area or inst.settings.adcode
    now = inst.now()
    with inst.store.begin() as connection:
        if who is None and not inst.settings.demonstration:
            if accounts.list_accounts(connection):
                raise Refused(
                    "The installation has accounts; an administrator adds new ones.", code="not_first"
                )
            if role != "administrator":
                raise BadInput(
                    "The first account must be an administrator, who adds the others.",
                    hint="Give it --role administrator.",
                )
        account_id = accounts.create(connection, name=name, display=display, now=now)
        if password:
            accounts.set_password(connection, account_id, password, now=now)
        accounts.give_role(
            connection,
            account_id,
            role,
            area=area,
            now=now,
            not_after=now + timedelta(days=days),
            given_by=who.account if who else None,
        )
        actor = who or Who("installation", "system", "cdc")
        payload = {"role": role, "area": area, "days": days}
        record(inst, connection, "account_made", who=actor, purpose="maintenance", ref=name, payload=payload)
    return account_id


def add_demonstration(inst: Installation) -> list[str]:
    """The demonstration's people, in a demonstration installation only; signed in by links, no passwords."""
    if not inst.settings.demonstration:
        raise Refused("This is no demonstration installation.", code="no_demonstration")
    for name, display, role in DEMONSTRATION:
        add(inst, None, name, role=role, display=display)
    return [name for name, _, _ in DEMONSTRATION]


def link(inst: Installation, account: str) -> str:
    """A one-time sign-in token for an account (15 minutes), for its first sign-in or the demonstration."""
    from lianfang.guard import accounts

    with inst.store.begin() as connection:
        found = accounts.account(connection, account)
        actor = Who("installation", "system", "cdc")
        record(inst, connection, "link_made", who=actor, purpose="maintenance", ref=found.name, payload={})
        return accounts.make_link(connection, found.account_id, now=inst.now())


def sign_in(inst: Installation, name: str, password: str, *, address: str = "", agent: str = "") -> str:
    """Session token for a name and password; one answer for every reason of refusal."""
    from lianfang.guard import accounts

    with inst.store.begin() as connection:
        result = accounts.sign_in(connection, name, password, now=inst.now(), address=address, agent=agent)
    if result.token is None:
        raise NotSignedIn(
            "Name or password is wrong, or there were too many attempts.", hint="Wait a little and try again."
        )
    return result.token


def sign_in_by_link(inst: Installation, token: str, *, address: str = "", agent: str = "") -> str:
    """Session token for a one-time link."""
    from lianfang.guard import accounts

    with inst.store.begin() as connection:
        result = accounts.sign_in_by_link(connection, token, now=inst.now(), address=address, agent=agent)
    if result.token is None:
        raise NotSignedIn("This link was used, is too old, or never was one.", hint="Ask for a new one.")
    return result.token


def session(inst: Installation, token: str) -> tuple[Who, Session]:
    """Who acts under a session token; rights are read anew each time.

    A request reads: a write, which waits for the disk, comes once a minute, when the session was last seen.
    """
    from lianfang.guard import accounts

    now = inst.now()
    with inst.store.read() as connection:
        found = accounts.look(connection, token, now=now)
    if now - found.seen_at >= accounts.REFRESH:
        with inst.store.begin() as connection:
            found = accounts.session(connection, token, now=now)
    if not found.roles:
        raise Refused("This account has no valid role.", code="no_role")
    return _acting(found.name, found.display, found.roles), found


def sign_out(inst: Installation, token: str) -> None:
    """End a session."""
    from lianfang.guard import accounts

    with inst.store.begin() as connection:
        accounts.sign_out(connection, token, now=inst.now())


def listing(inst: Installation) -> list[dict[str, object]]:
    """Accounts with each role they hold now."""
    from lianfang.guard import accounts

    found: list[dict[str, object]] = []
    with inst.store.read() as connection:
        for one in accounts.list_accounts(connection):
            for held in accounts.roles_of(connection, one.account_id, inst.now()):
                found.append(
                    {
                        "account": one.name,
                        "display": one.display,
                        "role": held.role,
                        "area": held.area,
                        "not_after": held.not_after,
                    }
                )
    return found
