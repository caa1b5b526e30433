"""The staff whom work can be given to."""

from __future__ import annotations

from lianfang.services.gate import ACTOR_OF_ROLE
from lianfang.services.installation import Installation, Who


def workers(inst: Installation, role: str = "community_worker") -> list[Who]:
    """Accounts that hold the role now."""
    from lianfang.guard import accounts

    now = inst.now()
    found = []
    with inst.store.read() as connection:
        for account in accounts.list_accounts(connection):
            held = [] if account.disabled else accounts.roles_of(connection, account.account_id, now)
            areas = tuple(one.area for one in held if one.role == role)
            if areas:
                found.append(Who(account.name, role, ACTOR_OF_ROLE[role], account.display, areas))
    return found
