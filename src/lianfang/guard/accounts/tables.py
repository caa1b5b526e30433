"""Tables of accounts. No password and no token is in them, only what they can be checked against."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, MetaData, String, Table, Text

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
    Column("factors", String(64), nullable=False),  # how the person was known: password, link, totp, passkey
    Column("address", String(64), nullable=False),
    Column("agent", String(120), nullable=False),
    Column("created_at", String(27), nullable=False),
    Column("seen_at", String(27), nullable=False),
    Column("ended_at", String(27)),
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
