"""Tables of accounts. No password, code or token is in them, only what they can be checked against.

The one secret that has to be read again, a one-time password's seed, is sealed under the keyring.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData()

account = Table(
    "account",
    metadata,
    Column("account_id", String(32), primary_key=True),
    Column("name", String(32), nullable=False, unique=True),
    Column("display", String(80), nullable=False),
    Column("password_hash", Text),
    Column("password_at", String(27)),
    Column("created_at", String(27), nullable=False),
    Column("disabled_at", String(27)),
    Column("trained_until", String(10)),  # last day on which the training counts; null: none is noted
    Column("reset_at", String(27)),  # its second factors were taken away and none has been enrolled since
)

role = Table(
    "account_role",
    metadata,
    Column("role_id", String(32), primary_key=True),
    Column("account_id", String(32), ForeignKey("account.account_id"), nullable=False),
    Column("role", String(32), nullable=False),
    Column("area", String(12), nullable=False),  # a division's code, "" = everywhere
    Column("not_before", String(27), nullable=False),
    Column("not_after", String(27), nullable=False),
    Column("given_by", String(32)),  # null: by the bootstrap link
    Column("revoked_at", String(27)),
    Column("revoked_by", String(32)),
    Index("account_role_account", "account_id"),
)

session = Table(
    "account_session",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("session_id", String(32), nullable=False, unique=True),
    Column("account_id", String(32), ForeignKey("account.account_id"), nullable=False),
    Column("factors", String(64), nullable=False),  # how the person was known (levels.py)
    Column("address", String(64), nullable=False),
    Column("agent", String(120), nullable=False),
    Column("created_at", String(27), nullable=False),
    Column("seen_at", String(27), nullable=False),
    Column("ended_at", String(27)),
    Column("proved_at", String(27)),  # when a factor was last shown; null: when the session began
    Column("acting", String(32)),  # which of the own roles was chosen; null: the first
    Index("account_session_account", "account_id"),
)

link = Table(
    "account_link",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("use", String(16), nullable=False),  # bootstrap, sign_in
    Column("account_id", String(32), ForeignKey("account.account_id")),
    Column("not_after", String(27), nullable=False),
    Column("used_at", String(27)),
)

attempt = Table(
    "account_attempt",
    metadata,
    Column("attempt_id", Integer, primary_key=True, autoincrement=True),
    Column("who", String(70), nullable=False),  # account:<digest of the name> or address:<address>
    Column("at", String(27), nullable=False),
    Index("account_attempt_who", "who", "at"),
)

totp = Table(
    "account_totp",
    metadata,
    Column("account_id", String(32), ForeignKey("account.account_id"), primary_key=True),
    Column("sealed", LargeBinary, nullable=False),  # the seed, under the keyring
    Column("last_step", BigInteger, nullable=False),  # the newest time step that was used: none twice
    Column("made_at", String(27), nullable=False),
    Column("confirmed_at", String(27)),  # null while it is being enrolled
)

recovery = Table(
    "account_recovery",
    metadata,
    Column("code_hash", String(64), primary_key=True),
    Column("account_id", String(32), ForeignKey("account.account_id"), nullable=False),
    Column("made_at", String(27), nullable=False),
    Column("used_at", String(27)),
    Index("account_recovery_account", "account_id"),
)

passkey = Table(
    "account_passkey",
    metadata,
    Column("passkey_id", String(32), primary_key=True),
    Column("credential", Text, nullable=False, unique=True),  # base64url, as the authenticator names it
    Column("account_id", String(32), ForeignKey("account.account_id"), nullable=False),
    Column("public_key", Text, nullable=False),  # COSE, base64url
    Column("sign_count", BigInteger, nullable=False),
    Column("label", String(60), nullable=False),
    Column("made_at", String(27), nullable=False),
    Column("used_at", String(27)),
    Index("account_passkey_account", "account_id"),
)

challenge = Table(
    "account_challenge",
    metadata,
    Column("session_id", String(32), primary_key=True),
    Column("use", String(16), primary_key=True),  # register, prove
    Column("challenge", String(120), nullable=False),
    Column("not_after", String(27), nullable=False),
)

terminal = Table(
    "account_terminal",
    metadata,
    Column("terminal_id", String(32), primary_key=True),
    Column("token_hash", String(64), nullable=False),
    Column("account_id", String(32), ForeignKey("account.account_id")),  # null: the installation's machine
    Column("label", String(60), nullable=False),
    Column("asked_at", String(27), nullable=False),
    Column("approved_at", String(27)),
    Column("approved_by", String(32)),
    Column("revoked_at", String(27)),
    Column("revoked_by", String(32)),
    UniqueConstraint("token_hash", "account_id"),
    Index("account_terminal_account", "account_id"),
)
