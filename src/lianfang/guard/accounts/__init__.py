"""Named accounts: who signs in, in which role, for which area, until when, how surely known, on which terminal.

Every function takes an open connection and ``now``; the caller owns the transaction and the clock.
"""

from __future__ import annotations

from lianfang.guard.accounts.attempts import Limits
from lianfang.guard.accounts.factors import (
    Factors,
    Proof,
    begin_totp,
    check_code,
    confirm_totp,
    enrolled,
    factors_of,
    make_recovery_codes,
    mark_reset,
    pending_totp,
    remove_totp,
    reset,
)
from lianfang.guard.accounts.levels import FRESH, level
from lianfang.guard.accounts.passwords import check_password, set_password
from lianfang.guard.accounts.people import (
    Account,
    account,
    create,
    disable,
    enable,
    list_accounts,
    note_training,
)
from lianfang.guard.accounts.rights import ROLES, Role, give_role, given_roles, may, roles_of, take_role
from lianfang.guard.accounts.sessions import (
    REFRESH,
    Session,
    SignIn,
    act_as,
    bootstrap_link,
    check_own_password,
    end_session,
    end_sessions,
    list_sessions,
    look,
    make_link,
    prove_again,
    session,
    sign_in,
    sign_in_by_link,
    sign_out,
    step_up,
    use_bootstrap,
)
from lianfang.guard.accounts.tables import metadata

__all__ = [
    "FRESH",
    "REFRESH",
    "ROLES",
    "Account",
    "Factors",
    "Limits",
    "Proof",
    "Role",
    "Session",
    "SignIn",
    "account",
    "act_as",
    "begin_totp",
    "bootstrap_link",
    "check_code",
    "check_own_password",
    "check_password",
    "confirm_totp",
    "create",
    "disable",
    "enable",
    "end_session",
    "end_sessions",
    "enrolled",
    "factors_of",
    "give_role",
    "given_roles",
    "level",
    "list_accounts",
    "list_sessions",
    "look",
    "make_link",
    "make_recovery_codes",
    "mark_reset",
    "may",
    "metadata",
    "note_training",
    "pending_totp",
    "prove_again",
    "remove_totp",
    "reset",
    "roles_of",
    "session",
    "set_password",
    "sign_in",
    "sign_in_by_link",
    "sign_out",
    "step_up",
    "take_role",
    "use_bootstrap",
]
