"""Accounts of the installation: people and their roles, links, sessions; and who a session acts as."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

from lianfang.foundation.errors import BadInput, NotSignedIn, Refused
from lianfang.services.gate import ACTOR_OF_ROLE, fresh, record, require
from lianfang.services.installation import Installation, Signed, Who

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Connection

    from lianfang.guard.accounts import Session
    from lianfang.guard.accounts.rights import Role

#: Who acts before there is an account, and when a link is made by whoever holds the installation's keys.
HOUSE = Who("installation", "system", "cdc")

#: People of the demonstration: account, shown name, role. They exist in a demonstration installation only.
DEMONSTRATION = (
    ("wang.yi", "王医师（流调）", "epidemiologist"),
    ("zhou.zhuren", "周主任（管理）", "manager"),
    ("chen.ren", "陈专员（数据保护）", "data_protection_officer"),
    ("li.she", "李（社区）", "community_worker"),
    ("zhao.jian", "赵（检验）", "laboratory"),
    ("qian.wu", "钱（物资）", "supply_officer"),
    ("lin.yi", "林医生（临床）", "clinician"),
    ("sun.shen", "孙（审计）", "auditor"),
    ("qian.an", "钱（安全）", "security_officer"),
)


def person(inst: Installation, account: str, role: str = "") -> Who:
    """Whom an account stands for now: its first valid role, or ``role`` among those it holds.

    Raises:
        NotFound: no such account. Refused: it holds no valid role, or not that one.
    """
    from lianfang.guard import accounts

    with inst.store.read() as connection:
        found = accounts.account(connection, account)
        roles = accounts.roles_of(connection, found.account_id, inst.now())
    if found.disabled or not roles:
        raise _no_role()
    return _acting(found.name, found.display, roles, role)


def _acting(
    name: str, display: str, roles: Sequence[Role], wanted: str = "", signed: Signed | None = None
) -> Who:
    """In the role wanted, else the first, with the areas in which it is held: another role's are not its own."""
    held = tuple(dict.fromkeys(one.role for one in roles))
    if wanted and wanted not in held:
        raise Refused(f"This account does not hold the role {wanted}.", code="no_role")
    role = wanted or next(iter(held), "")
    areas = tuple(one.area for one in roles if one.role == role)
    return Who(name, role, ACTOR_OF_ROLE.get(role, "cdc"), display, areas, signed, held)


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
    trained_until: date | None = None,
    keys: Who = HOUSE,
) -> str:
    """A new named account with one role in one area; ``who`` None: the installation's first hour.

    ``keys``: who holds the installation's keys and acts in the place of an administrator, for the record.

    ``trained_until``: last day on which the person's training counts; without it no role that needs training
    works (the demonstration's invented people have a year).

    Raises:
        BadInput: the first account of an installation is no administrator. Refused: ``who`` is none.
    """
    from lianfang.guard import accounts

    if who is not None:
        require(who, "account.manage")
        fresh(who)
    area = area or inst.settings.adcode
    now = inst.now()
    if trained_until is None and inst.settings.demonstration:
        trained_until = inst.today() + timedelta(days=365)
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
        account_id = accounts.create(
            connection, name=name, display=display, now=now, trained_until=trained_until
        )
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
        payload = {"role": role, "area": area, "days": days, "trained_until": trained_until}
        noted(inst, connection, "account_made", who or keys, name, payload)
    return account_id


def noted(
    inst: Installation, connection: Connection, what: str, who: Who, ref: str, payload: dict[str, object]
) -> None:
    """An act on accounts goes into the ledger, in the caller's transaction."""
    record(inst, connection, what, who=who, purpose="maintenance", ref=ref, payload=payload)


def add_demonstration(inst: Installation) -> list[str]:
    """The demonstration's people, in a demonstration installation only; signed in by links, no passwords."""
    if not inst.settings.demonstration:
        raise Refused("This is no demonstration installation.", code="no_demonstration")
    for name, display, role in DEMONSTRATION:
        add(inst, None, name, role=role, display=display)
    return [name for name, _, _ in DEMONSTRATION]


def link(inst: Installation, account: str, who: Who | None = None, *, keys: Who = HOUSE) -> str:
    """A one-time sign-in token for an account (15 minutes), for its first sign-in or the demonstration.

    ``who`` None: whoever holds the installation's ``keys``. It is one factor, so it does not pass by a second one.
    """
    from lianfang.guard import accounts

    if who is not None:
        require(who, "account.manage")
        fresh(who)
    with inst.store.begin() as connection:
        found = accounts.account(connection, account)
        noted(inst, connection, "link_made", who or keys, found.name, {})
        return accounts.make_link(connection, found.account_id, now=inst.now())


def network(address: str) -> str:
    """Where a sign-in came from, as the ledger keeps it for good: the network (/24, /48), not the device."""
    import ipaddress

    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return "-"
    return str(ipaddress.ip_network((found, 24 if found.version == 4 else 48), strict=False))


def sign_in(inst: Installation, name: str, password: str, *, address: str = "", agent: str = "") -> str:
    """Session token for a name and password; one answer for every reason of refusal."""
    from lianfang.foundation.errors import NotFound
    from lianfang.guard import accounts

    with inst.store.begin() as connection:
        result = accounts.sign_in(connection, name, password, now=inst.now(), address=address, agent=agent)
        if (
            result.reason != "slow_down"
        ):  # what is not even tried is no entry: nobody fills the ledger by trying
            try:
                known = accounts.account(connection, name).name
            except NotFound:
                known = "-"
            what = "signed_in" if result.token else "sign_in_refused"
            noted(inst, connection, what, HOUSE, known, {"factor": "password", "from": network(address)})
    if result.token is None:
        raise NotSignedIn(
            "Name or password is wrong, or there were too many attempts.", hint="Wait a little and try again."
        )
    return result.token


def sign_in_by_link(inst: Installation, token: str, *, address: str = "", agent: str = "") -> str:
    """Session token for a one-time link: one factor, but in a demonstration installation both."""
    from lianfang.guard import accounts

    with inst.store.begin() as connection:
        result = accounts.sign_in_by_link(
            connection,
            token,
            now=inst.now(),
            address=address,
            agent=agent,
            demonstration=inst.settings.demonstration,
        )
        if result.token is not None:
            name = accounts.session(connection, result.token, now=inst.now()).name
            told: dict[str, object] = {"factor": "link", "from": network(address)}
            noted(inst, connection, "signed_in", HOUSE, name, told)
    if result.token is None:
        raise NotSignedIn("This link was used, is too old, or never was one.", hint="Ask for a new one.")
    return result.token


def known(inst: Installation, token: str, device: str = "") -> tuple[Who, Session]:
    """Who sends a session token, from the device that holds this terminal's token; rights are read anew each time.

    The role is "" when no role is valid now: such a person reaches the own account only. A request reads: a
    write, which waits for the disk, comes once a minute, when the session was last seen.
    """
    from lianfang.guard import accounts
    from lianfang.guard.accounts import terminals

    now = inst.now()
    with inst.store.read() as connection:
        found = accounts.look(connection, token, now=now)
        terminal = terminals.registered(connection, found.account_id, device)
    if now - found.seen_at >= accounts.REFRESH:
        with inst.store.begin() as connection:
            found = accounts.session(connection, token, now=now)
    held = {one.role for one in found.roles}
    wanted = found.acting if found.acting in held else ""
    signed = Signed(found.level, found.fresh(now), terminal)
    who = _acting(found.name, found.display, found.roles, wanted, signed)
    if who.role in inst.settings.hardware_key_roles and not _keyed(found.factors):
        who = replace(who, signed=replace(signed, lacks_key=True))
    return who, found


def _keyed(factors: Iterable[str]) -> bool:
    """Was a passkey shown? The demonstration's people are invented and have none."""
    from lianfang.guard.accounts import levels

    return bool({"passkey", levels.DEMONSTRATION} & set(factors))


def session(inst: Installation, token: str, device: str = "") -> tuple[Who, Session]:
    """As :func:`known`, for who may act: refused without a valid role."""
    who, found = known(inst, token, device)
    has_role(who)
    return who, found


def has_role(who: Who) -> None:
    """Refuse who holds no valid role now."""
    if not who.role:
        raise _no_role()


def _no_role() -> Refused:
    return Refused(
        "This account has no valid role.",
        hint="A role ends by itself, and training that has ended blocks it: ask your administrator.",
        code="no_role",
    )


def act_as(inst: Installation, who: Who, session: Session, role: str) -> None:
    """From now on the session acts in another of the account's own roles."""
    from lianfang.guard import accounts

    if role not in who.roles:
        raise Refused("This account does not hold that role.", code="no_role")
    with inst.store.begin() as connection:
        accounts.act_as(connection, session.session_id, role)
        noted(inst, connection, "role_chosen", who, who.account, {"role": role})


def sign_out(inst: Installation, token: str) -> None:
    """End a session."""
    from lianfang.guard import accounts

    with inst.store.begin() as connection:
        name = accounts.session(connection, token, now=inst.now()).name
        accounts.sign_out(connection, token, now=inst.now())
        noted(inst, connection, "signed_out", HOUSE, name, {})


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
                        "role_id": held.role_id,
                    }
                )
    return found
