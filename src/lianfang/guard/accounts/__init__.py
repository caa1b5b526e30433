"""Named accounts: who signs in, in which role, for which area, until when.

Every function takes an open connection and ``now``; the caller owns the transaction and the clock.
"""

from __future__ import annotations

from lianfang.guard.accounts.passwords import check_password, set_password
from lianfang.guard.accounts.people import Account, account, create, disable, enable, list_accounts
from lianfang.guard.accounts.rights import ROLES, Role, give_role, may, roles_of, take_role
from lianfang.guard.accounts.sessions import (
    REFRESH,
    Limits,
    Session,
    SignIn,
    bootstrap_link,
    end_session,
    end_sessions,
    list_sessions,
    look,
    make_link,
    session,
    sign_in,
    sign_in_by_link,
    sign_out,
    use_bootstrap,
)
from lianfang.guard.accounts.tables import metadata

__all__ = [
    "REFRESH",
    "ROLES",
    "Account",
    "Limits",
    "Role",
    "Session",
    "SignIn",
    "account",
    "bootstrap_link",
    "check_password",
    "create",
    "disable",
    "enable",
    "end_session",
    "end_sessions",
    "give_role",
    "list_accounts",
    "list_sessions",
    "look",
    "make_link",
    "may",
    "metadata",
    "roles_of",
    "session",
    "set_password",
    "sign_in",
    "sign_in_by_link",
    "sign_out",
    "take_role",
    "use_bootstrap",
]
