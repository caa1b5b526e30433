"""The administrator's acts on accounts: roles, training, sessions, disabling, resetting factors.

Each needs the administrator's role and a factor just shown, is never done to oneself, and is in the ledger. None
of them shows anybody's data: who adds the accounts reads no personal data.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from lianfang.foundation.errors import BadInput, NotFound, Refused
from lianfang.services import withdrawn
from lianfang.services.accounts import noted
from lianfang.services.gate import fresh, require
from lianfang.services.installation import Installation, Who

if TYPE_CHECKING:
    from sqlalchemy import Connection

LONGEST_TRAINING = timedelta(days=3 * 366)


PAGE = 50


def page(
    inst: Installation, who: Who, *, search: str = "", number: int = 1, size: int = PAGE
) -> dict[str, Any]:
    """A page of the accounts whose name or shown name holds ``search``, by name.

    Gives ``accounts`` (each with state, second factor or not, training, roles given, number of sessions that run),
    ``total``, ``number``, ``pages``, ``search``. A number past the end gives the last page.
    """
    from lianfang.guard import accounts

    require(who, "account.manage")
    if len(search) > 80:
        raise BadInput("A search has at most 80 characters.")
    now, wanted = inst.now(), search.strip()
    with inst.store.read() as connection:
        total = accounts.count_accounts(connection, wanted)
        pages = max(1, -(-total // size))
        at = min(max(1, number), pages)
        shown = accounts.list_accounts(connection, wanted, start=(at - 1) * size, limit=size)
        ids = [one.account_id for one in shown]
        safe = accounts.enrolled(connection, ids)
        roles = accounts.given_to(connection, ids, now)
        running = accounts.count_sessions(connection, ids, now=now)
    found = []
    for one in shown:
        given = roles.get(one.account_id, [])
        found.append(
            {
                "account": one.name,
                "display": one.display,
                "disabled": one.disabled,
                "has_password": one.has_password,
                "second_factor": one.account_id in safe,
                "reset": one.reset,
                "trained_until": one.trained_until,
                "trained": accounts.training_counts(one.trained_until, [r.role for r in given], now),
                "sessions": running.get(one.account_id, 0),
                "roles": [
                    {"role_id": r.role_id, "role": r.role, "area": r.area, "not_after": r.not_after}
                    for r in given
                ],
            }
        )
    return {"accounts": found, "total": total, "number": at, "pages": pages, "search": wanted}


def give_role(
    inst: Installation,
    who: Who,
    name: str,
    *,
    role: str,
    area: str = "",
    until: date | None = None,
    days: int = 0,
) -> str:
    """Give a role for an area, up to and with a day (``until``) or for ``days``; gives the role's id."""
    from lianfang.foundation.clock import day_bounds
    from lianfang.guard import accounts

    account_id = _subject(inst, who, name)
    now = inst.now()
    if bool(until) == bool(days):
        raise BadInput("Say until which day the role is given, or for how many days.")
    end = day_bounds(until, inst.settings.zone)[1] if until else now + timedelta(days=days)
    area = area or inst.settings.adcode
    with inst.store.begin() as connection:
        made = accounts.give_role(
            connection, account_id, role, area=area, now=now, not_after=end, given_by=who.account
        )
        noted(inst, connection, "role_given", who, name, {"role": role, "area": area, "until": end})
    return made


def take_role(inst: Installation, who: Who, name: str, role_id: str) -> None:
    """Take a role back; it counts no more from the next request on."""
    from lianfang.guard import accounts

    account_id = _subject(inst, who, name)
    with inst.store.begin() as connection:
        held = accounts.given_roles(connection, account_id, inst.now())
        one = next((role for role in held if role.role_id == role_id), None)
        if one is None:
            raise NotFound("This account holds no such role.")
        accounts.take_role(connection, role_id, now=inst.now(), taken_by=who.account)
        withdrawn.note(inst, "r", role_id)
        noted(inst, connection, "role_taken", who, name, {"role": one.role, "area": one.area})


def disable(inst: Installation, who: Who, name: str) -> None:
    """The account can no longer sign in; its sessions end with the next request."""
    from lianfang.guard import accounts

    account_id = _subject(inst, who, name)
    with inst.store.begin() as connection:
        accounts.disable(connection, account_id, inst.now())
        withdrawn.note(inst, "d", account_id, dated=True)
        noted(inst, connection, "account_disabled", who, name, {})


def enable(inst: Installation, who: Who, name: str) -> None:
    """The account may sign in again."""
    from lianfang.guard import accounts

    account_id = _subject(inst, who, name)
    with inst.store.begin() as connection:
        accounts.enable(connection, account_id)
        withdrawn.note(inst, "a", account_id, dated=True)
        noted(inst, connection, "account_enabled", who, name, {})


def end_sessions(inst: Installation, who: Who, name: str) -> int:
    """End all sessions of an account; gives how many ran."""
    from lianfang.guard import accounts

    account_id = _subject(inst, who, name)
    with inst.store.begin() as connection:
        ended = accounts.end_sessions(connection, account_id, now=inst.now())
        noted(inst, connection, "sessions_ended", who, name, {"sessions": ended})
    return ended


def note_training(inst: Installation, who: Who, name: str, until: date) -> None:
    """The person's training counts up to and with this day; after it the roles that need training stop."""
    from lianfang.guard import accounts

    account_id = _subject(inst, who, name)
    if until > inst.today() + LONGEST_TRAINING:
        raise BadInput("A training counts for three years at most.")
    with inst.store.begin() as connection:
        accounts.note_training(connection, account_id, until)
        noted(inst, connection, "training_noted", who, name, {"until": until})


def reset_factors(inst: Installation, who: Who, name: str) -> None:
    """Take a person's second factors away; enrolling anew takes the password and a new one-time link."""
    from lianfang.guard import accounts

    account_id = _subject(inst, who, name)
    with inst.store.begin() as connection:
        _with_password(connection, account_id)
        accounts.reset(connection, account_id, now=inst.now())
        withdrawn.note(inst, "f", account_id, dated=True)
        noted(inst, connection, "factors_reset", who, name, {})


def _with_password(connection: Connection, account_id: str) -> None:
    from lianfang.guard import accounts

    if not accounts.account(connection, account_id).has_password:
        raise Refused(
            "An account without a password cannot be reset: nobody could show that it is his.",
            hint="Disable it and make a new one.",
            code="no_password",
        )


def _subject(inst: Installation, who: Who, name: str) -> str:
    """The account acted on, of somebody else, by an administrator who has just shown a factor."""
    from lianfang.guard import accounts

    require(who, "account.manage")
    fresh(who)
    if name == who.account:
        raise Refused(
            "Nobody does this to his own account.", reasons=("separation of duties",), code="own_account"
        )
    with inst.store.read() as connection:
        return accounts.account(connection, name).account_id
