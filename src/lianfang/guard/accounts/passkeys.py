"""Passkeys (WebAuthn level 2): enrolled and shown as a second factor, bound to this site's origin.

The challenge is stored with the session that asked for it, for five minutes, and is used up by the first answer
whatever comes of it. Signatures, origin and counter are verified by the ``webauthn`` package.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Connection, delete, insert, select, update

from lianfang.foundation.canonical import plain
from lianfang.foundation.errors import BadInput, Conflict, NotFound
from lianfang.guard.accounts import attempts, factors, tables
from lianfang.guard.accounts.attempts import DEFAULT, Limits
from lianfang.guard.accounts.factors import Proof

TIME = timedelta(minutes=5)
MOST = 10  # passkeys of one account
_CREDENTIAL = 16_000  # characters of an authenticator's answer


@dataclass(frozen=True)
class Site:
    """Whom a passkey is for: the host's name and the origin that the browser states."""

    host: str
    origin: str
    name: str

    @classmethod
    def of(cls, url: str, name: str) -> Site:
        """The site at a public address."""
        parts = urlsplit(url)
        return cls(parts.hostname or "localhost", f"{parts.scheme}://{parts.netloc}", name)


def registration(
    conn: Connection, session_id: str, account_id: str, site: Site, *, name: str, display: str, now: datetime
) -> str:
    """Options for ``navigator.credentials.create`` as JSON."""
    from webauthn import generate_registration_options, options_to_json
    from webauthn.helpers.structs import AuthenticatorSelectionCriteria, UserVerificationRequirement

    held = _credentials(conn, account_id)
    if len(held) >= MOST:
        raise Conflict(f"An account has {MOST} passkeys at most.", hint="Remove one first.")
    options = generate_registration_options(
        rp_id=site.host,
        rp_name=site.name,
        user_id=account_id.encode(),
        user_name=name,
        user_display_name=display,
        challenge=_challenge(conn, session_id, "register", now),
        exclude_credentials=held,
        authenticator_selection=AuthenticatorSelectionCriteria(
            user_verification=UserVerificationRequirement.PREFERRED
        ),
    )
    return options_to_json(options)


def register(
    conn: Connection,
    session_id: str,
    account_id: str,
    site: Site,
    credential: dict[str, Any],
    *,
    label: str,
    now: datetime,
) -> str:
    """Keep the passkey that the browser made; gives our id of it.

    Raises:
        BadInput: the answer does not verify, or no challenge waits for it.
    """
    from webauthn import verify_registration_response
    from webauthn.helpers import bytes_to_base64url
    from webauthn.helpers.exceptions import WebAuthnException

    if not label.strip() or len(label) > 60 or not label.isprintable():
        raise BadInput("A passkey's name has 1 to 60 printable characters.")
    challenge = _take(conn, session_id, "register", now)
    try:
        made = verify_registration_response(
            credential=_bounded(credential),
            expected_challenge=challenge,
            expected_rp_id=site.host,
            expected_origin=site.origin,
        )
    except (WebAuthnException, ValueError, TypeError, KeyError) as error:
        raise BadInput("The passkey's answer does not verify.", code="passkey") from error
    table = tables.passkey
    credential_id = bytes_to_base64url(made.credential_id)
    if conn.execute(select(table.c.passkey_id).where(table.c.credential == credential_id)).first():
        raise Conflict("This passkey is enrolled already.")
    passkey_id = secrets.token_hex(16)
    conn.execute(
        insert(table).values(
            passkey_id=passkey_id,
            credential=credential_id,
            account_id=account_id,
            public_key=bytes_to_base64url(made.credential_public_key),
            sign_count=made.sign_count,
            label=label.strip(),
            made_at=plain(now),
        )
    )
    factors.enrolled_now(conn, account_id)
    return passkey_id


def request(conn: Connection, session_id: str, account_id: str, site: Site, *, now: datetime) -> str:
    """Options for ``navigator.credentials.get`` as JSON; NotFound when the account has no passkey."""
    from webauthn import generate_authentication_options, options_to_json

    held = _credentials(conn, account_id)
    if not held:
        raise NotFound("This account has no passkey.")
    options = generate_authentication_options(
        rp_id=site.host, challenge=_challenge(conn, session_id, "prove", now), allow_credentials=held
    )
    return options_to_json(options)


def prove(
    conn: Connection,
    session_id: str,
    account_id: str,
    site: Site,
    credential: dict[str, Any],
    *,
    now: datetime,
    address: str = "",
    limits: Limits = DEFAULT,
) -> Proof:
    """Verify what the browser's authenticator answered; a wrong answer counts as a wrong code does."""
    who = attempts.whos("second", account_id, address)
    if attempts.too_many(conn, who, now, limits):
        return Proof(None, "slow_down")
    if not _verified(conn, session_id, account_id, site, credential, now):
        attempts.failed(conn, who, now)
        return Proof(None, "wrong")
    attempts.forget(conn, who[0])
    return Proof("passkey")


def remove(conn: Connection, account_id: str, passkey_id: str) -> None:
    """The passkey stops counting."""
    table = tables.passkey
    done = conn.execute(
        delete(table).where(table.c.passkey_id == passkey_id, table.c.account_id == account_id)
    )
    if not done.rowcount:
        raise NotFound("This account has no such passkey.")


def _verified(
    conn: Connection,
    session_id: str,
    account_id: str,
    site: Site,
    credential: dict[str, Any],
    now: datetime,
) -> bool:
    from webauthn import base64url_to_bytes, verify_authentication_response
    from webauthn.helpers.exceptions import WebAuthnException

    table = tables.passkey
    try:
        challenge = _take(conn, session_id, "prove", now)
        given = _bounded(credential)
    except BadInput:
        return False
    row = conn.execute(
        select(table).where(table.c.credential == str(given.get("id", "")), table.c.account_id == account_id)
    ).first()
    if row is None:
        return False
    try:
        seen = verify_authentication_response(
            credential=given,
            expected_challenge=challenge,
            expected_rp_id=site.host,
            expected_origin=site.origin,
            credential_public_key=base64url_to_bytes(row.public_key),
            credential_current_sign_count=row.sign_count,
        )
    except (WebAuthnException, ValueError, TypeError, KeyError):
        return False
    conn.execute(
        update(table)
        .where(table.c.passkey_id == row.passkey_id)
        .values(sign_count=seen.new_sign_count, used_at=plain(now))
    )
    return True


def _credentials(conn: Connection, account_id: str) -> list[Any]:
    from webauthn import base64url_to_bytes
    from webauthn.helpers.structs import PublicKeyCredentialDescriptor

    found = conn.execute(select(tables.passkey.c.credential).where(tables.passkey.c.account_id == account_id))
    return [PublicKeyCredentialDescriptor(id=base64url_to_bytes(one)) for one in found.scalars()]


def _challenge(conn: Connection, session_id: str, use: str, now: datetime) -> bytes:
    from webauthn.helpers import bytes_to_base64url

    table, made = tables.challenge, secrets.token_bytes(64)
    conn.execute(delete(table).where(table.c.not_after <= plain(now)))
    conn.execute(delete(table).where(table.c.session_id == session_id, table.c.use == use))
    conn.execute(
        insert(table).values(
            session_id=session_id, use=use, challenge=bytes_to_base64url(made), not_after=plain(now + TIME)
        )
    )
    return made


def _take(conn: Connection, session_id: str, use: str, now: datetime) -> bytes:
    from webauthn import base64url_to_bytes

    table = tables.challenge
    here = (table.c.session_id == session_id, table.c.use == use)
    found = conn.execute(select(table).where(*here)).first()
    conn.execute(delete(table).where(*here))
    if found is None or found.not_after <= plain(now):
        raise BadInput("No passkey was asked for, or too long ago.", hint="Try again.", code="passkey")
    return base64url_to_bytes(found.challenge)


def _bounded(credential: dict[str, Any]) -> dict[str, Any]:
    if len(str(credential)) > _CREDENTIAL:
        raise BadInput("The passkey's answer is too large.", code="passkey")
    return credential
