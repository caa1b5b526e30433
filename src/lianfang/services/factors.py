"""One's own account: factors, sessions, terminals, training; showing a second factor; changing any of them.

Every change needs a factor shown within the last ten minutes and is in the ledger. A first second factor may be
enrolled with one factor shown, as no second one is there yet: by the administrator's link while there is no
password, by the password once there is, and by both together after the factors were reset.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lianfang.foundation.errors import NotSignedIn, Refused
from lianfang.services import withdrawn
from lianfang.services.accounts import noted
from lianfang.services.gate import fresh
from lianfang.services.installation import Installation, Who

if TYPE_CHECKING:
    from lianfang.guard.accounts import Session, SignIn
    from lianfang.guard.accounts.factors import Proof
    from lianfang.guard.accounts.passkeys import Site


def overview(inst: Installation, who: Who, session: Session) -> dict[str, Any]:
    """What the account's page shows: factors, whether one may be enrolled, sessions, terminals, roles, training."""
    from lianfang.guard import accounts
    from lianfang.guard.accounts import terminals

    now = inst.now()
    with inst.store.read() as connection:
        own = accounts.account(connection, session.account_id)
        held = accounts.factors_of(connection, session.account_id)
        pending = accounts.pending_totp(connection, session.account_id, inst.keyring)
        sessions = accounts.list_sessions(connection, session.account_id, now=now)
        devices = terminals.list_terminals(connection, session.account_id)
        given = accounts.given_roles(connection, session.account_id, now)
    missing = _hindered(own.has_password, own.reset, held.enrolled, session)
    return {
        "account": own.name,
        "display": own.display,
        "has_password": own.has_password,
        "trained_until": own.trained_until,
        "trained": accounts.training_counts(own.trained_until, [one.role for one in given], now),
        "level": session.level,
        "factors": list(session.factors),
        "fresh": session.fresh(now),
        "totp": held.totp,
        "pending": bool(pending) and not missing,
        "passkeys": [vars(one) for one in held.passkeys],
        "recovery_left": held.recovery_left,
        "enrolled": held.enrolled,
        "hindered": missing,
        "roles": [{"role": one.role, "area": one.area, "until": one.not_after} for one in given],
        "valid_roles": list(who.roles),
        "sessions": [
            {
                "session_id": one.session_id,
                "created_at": one.created_at,
                "seen_at": one.seen_at,
                "address": one.address,
                "agent": one.agent,
                "factors": list(one.factors),
                "own": one.session_id == session.session_id,
            }
            for one in sessions
        ],
        "terminals": [{**vars(one), "state": one.state} for one in devices],
        "this_terminal": who.signed is not None and who.signed.terminal,
    }


def _hindered(has_password: bool, reset: bool, enrolled: bool, session: Session) -> str:
    """What is missing before a factor may be enrolled in this session: "" when nothing is."""
    if session.level >= 2:
        return ""
    if enrolled:
        return "second"
    if has_password and "password" not in session.factors:
        return "password"
    if reset and "link" not in session.factors:
        return "link"
    return ""


def _may_enrol(inst: Installation, who: Who, session: Session) -> None:
    from lianfang.guard import accounts

    with inst.store.read() as connection:
        own = accounts.account(connection, session.account_id)
        enrolled = accounts.factors_of(connection, session.account_id).enrolled
    missing = _hindered(own.has_password, own.reset, enrolled, session)
    if missing:
        hint = "Give your password first."
        if missing == "second":
            hint = "Show the second factor that is enrolled."
        elif missing == "link":
            hint = "Open the one-time link that your administrator gives you, then give your password."
        raise Refused("A factor cannot be enrolled now.", hint=hint, code="second_factor")
    if session.level >= 2:
        fresh(who)


def site(inst: Installation) -> Site:
    """Whom passkeys of this installation are for: its public address."""
    from lianfang.guard.accounts.passkeys import Site

    return Site.of(inst.settings.public_url, inst.settings.authority_name_en)


def begin_totp(inst: Installation, who: Who, session: Session) -> dict[str, str]:
    """A new seed to type or scan: ``seed`` and ``uri``; it counts once :func:`confirm_totp` has seen a code."""
    from lianfang.guard import accounts

    _may_enrol(inst, who, session)
    with inst.store.begin() as connection:
        seed = accounts.begin_totp(connection, session.account_id, inst.keyring, now=inst.now())
        noted(inst, connection, "factor_begun", who, who.account, {"factor": "totp"})
    return _shown(inst, who, seed)


def pending_totp(inst: Installation, who: Who, session: Session) -> dict[str, str]:
    """The seed that waits for its first code, shown again; empty when none does."""
    from lianfang.guard import accounts

    _may_enrol(inst, who, session)
    with inst.store.read() as connection:
        seed = accounts.pending_totp(connection, session.account_id, inst.keyring)
    return _shown(inst, who, seed) if seed else {}


def _shown(inst: Installation, who: Who, seed: str) -> dict[str, str]:
    import pyotp

    issuer = f"Lianfang {inst.settings.authority_id}"
    return {"seed": seed, "uri": pyotp.TOTP(seed).provisioning_uri(name=who.account, issuer_name=issuer)}


def confirm_totp(inst: Installation, who: Who, session: Session, token: str, code: str) -> str:
    """The first code of the seed; the factor counts from now on. Gives the session's new token."""
    from lianfang.guard import accounts

    _may_enrol(inst, who, session)
    with inst.store.begin() as connection:
        proof = accounts.confirm_totp(connection, session.account_id, code, inst.keyring, now=inst.now())
        raised = _risen(inst, connection, who, session, token, proof, "factor_added")
    return _token(proof, raised)


def remove_totp(inst: Installation, who: Who, session: Session) -> None:
    """One-time passwords stop counting; the last factor removed leaves the account as a reset one."""
    from lianfang.guard import accounts

    fresh(who)
    with inst.store.begin() as connection:
        accounts.remove_totp(connection, session.account_id)
        withdrawn.note(inst, "t", session.account_id, dated=True)
        _left(inst, connection, who, session, "totp")


def recovery_codes(inst: Installation, who: Who, session: Session) -> list[str]:
    """Ten new recovery codes, shown in this answer only; older ones stop counting."""
    from lianfang.guard import accounts

    fresh(who)
    with inst.store.begin() as connection:
        made = accounts.make_recovery_codes(connection, session.account_id, now=inst.now())
        noted(inst, connection, "recovery_codes_made", who, who.account, {"codes": len(made)})
    return made


def passkey_registration(inst: Installation, who: Who, session: Session) -> str:
    """Options (JSON) with which the browser makes a passkey."""
    from lianfang.guard.accounts import passkeys

    _may_enrol(inst, who, session)
    with inst.store.begin() as connection:
        return passkeys.registration(
            connection,
            session.session_id,
            session.account_id,
            site(inst),
            name=session.name,
            display=session.display,
            now=inst.now(),
        )


def register_passkey(
    inst: Installation, who: Who, session: Session, token: str, credential: dict[str, Any], label: str
) -> str:
    """Keep the passkey that the browser made. Gives the session's new token."""
    from lianfang.guard.accounts import passkeys
    from lianfang.guard.accounts.factors import Proof

    _may_enrol(inst, who, session)
    with inst.store.begin() as connection:
        passkeys.register(
            connection,
            session.session_id,
            session.account_id,
            site(inst),
            credential,
            label=label,
            now=inst.now(),
        )
        proof = Proof("passkey")
        raised = _risen(inst, connection, who, session, token, proof, "factor_added")
    return _token(proof, raised)


def remove_passkey(inst: Installation, who: Who, session: Session, passkey_id: str) -> None:
    """A passkey stops counting."""
    from lianfang.guard.accounts import passkeys

    fresh(who)
    with inst.store.begin() as connection:
        passkeys.remove(connection, session.account_id, passkey_id)
        withdrawn.note(inst, "p", passkey_id)
        _left(inst, connection, who, session, "passkey")


def passkey_request(inst: Installation, session: Session) -> str:
    """Options (JSON) with which the browser shows a passkey."""
    from lianfang.guard.accounts import passkeys

    with inst.store.begin() as connection:
        return passkeys.request(
            connection, session.session_id, session.account_id, site(inst), now=inst.now()
        )


def prove_by_passkey(
    inst: Installation,
    who: Who,
    session: Session,
    token: str,
    credential: dict[str, Any],
    *,
    address: str = "",
) -> str:
    """The second factor, or a recent proof, by passkey. Gives the session's token, new when its level rose."""
    from lianfang.guard.accounts import passkeys

    with inst.store.begin() as connection:
        proof = passkeys.prove(
            connection,
            session.session_id,
            session.account_id,
            site(inst),
            credential,
            now=inst.now(),
            address=address,
        )
        raised = _risen(inst, connection, who, session, token, proof, "factor_shown")
    return _token(proof, raised)


def prove(
    inst: Installation,
    who: Who,
    session: Session,
    token: str,
    *,
    code: str = "",
    password: str = "",
    address: str = "",
) -> str:
    """The second factor (a code of six digits, a recovery code), or a recent proof by it or by the password.

    Gives the session's token, a new one when another factor was shown. One answer for every reason of refusal.
    """
    from lianfang.guard import accounts
    from lianfang.guard.accounts.factors import Proof

    now = inst.now()
    with inst.store.begin() as connection:
        if code:
            proof = accounts.check_code(
                connection, session.account_id, code, inst.keyring, now=now, address=address
            )
        else:
            wrong = accounts.check_own_password(
                connection, session.account_id, password, now=now, address=address
            )
            proof = Proof(None, wrong) if wrong else Proof("password")
        raised = _risen(inst, connection, who, session, token, proof, "factor_shown")
    return _token(proof, raised)


def confirm_demonstration(inst: Installation, who: Who, session: Session) -> None:
    """The demonstration's people have no factors: a labelled button makes their session recent again."""
    from lianfang.guard import accounts

    if not inst.settings.demonstration or "demonstration" not in session.factors:
        raise Refused("This is no demonstration installation.", code="no_demonstration")
    with inst.store.begin() as connection:
        accounts.prove_again(connection, session.session_id, now=inst.now())
        noted(inst, connection, "factor_shown", who, who.account, {"factor": "demonstration"})


def set_password(inst: Installation, who: Who, session: Session, password: str) -> None:
    """A new password; every session ends, so the person signs in anew.

    With two factors just shown, or by the one-time link while the account has neither password nor factor.
    """
    from lianfang.guard import accounts

    with inst.store.read() as connection:
        own = accounts.account(connection, session.account_id)
        enrolled = accounts.factors_of(connection, session.account_id).enrolled
    if own.has_password or enrolled:
        fresh(who)
    with inst.store.begin() as connection:
        accounts.set_password(connection, session.account_id, password, now=inst.now())
        noted(inst, connection, "password_changed", who, who.account, {})


def end_session(inst: Installation, who: Who, session: Session, session_id: str) -> None:
    """End one of one's own sessions."""
    from lianfang.guard import accounts

    with inst.store.begin() as connection:
        accounts.end_session(connection, session.account_id, session_id, now=inst.now())
        noted(inst, connection, "session_ended", who, who.account, {"sessions": 1})


def end_other_sessions(inst: Installation, who: Who, session: Session) -> int:
    """End all of one's own sessions but this one; gives how many ran."""
    from lianfang.guard import accounts

    with inst.store.begin() as connection:
        ended = accounts.end_sessions(connection, session.account_id, now=inst.now(), but=session.session_id)
        noted(inst, connection, "session_ended", who, who.account, {"sessions": ended})
    return ended


def _risen(
    inst: Installation, connection: Any, who: Who, session: Session, token: str, proof: Proof, what: str
) -> SignIn | None:
    """Note what a try came to; a factor that the session had not shown gives it a new token."""
    from lianfang.guard import accounts

    if proof.factor is None:
        if proof.reason != "slow_down":
            noted(inst, connection, "factor_refused", who, who.account, {})
        return None
    noted(inst, connection, what, who, who.account, {"factor": proof.factor})
    if proof.factor in session.factors:
        accounts.prove_again(connection, session.session_id, now=inst.now())
        return accounts.SignIn(token, session.session_id)
    return accounts.step_up(connection, token, proof.factor, now=inst.now())


def _token(proof: Proof, raised: SignIn | None) -> str:
    """The token, or one answer for every reason of refusal (after the counted try is committed)."""
    if raised is None or raised.token is None:
        raise NotSignedIn(
            "That is not right, was used before, or there were too many attempts.",
            hint="Wait for the next code and try again.",
            code="factor",
        )
    return raised.token


def _left(inst: Installation, connection: Any, who: Who, session: Session, factor: str) -> None:
    from lianfang.guard import accounts

    noted(inst, connection, "factor_removed", who, who.account, {"factor": factor})
    if not accounts.factors_of(connection, session.account_id).enrolled:
        accounts.mark_reset(connection, session.account_id, now=inst.now())
