"""Tables of the vault. Nothing in them can be read without the keyring."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, ForeignKey, Index, Integer, LargeBinary, MetaData, String, Table

metadata = MetaData()

#: Written into every associated data: a ciphertext of another layout is refused.
SCHEMA_VERSION = 1


class Bytes(LargeBinary):
    """Bytes handed to the driver as they are; the usual wrapping costs as much as the cipher."""

    def bind_processor(self, dialect: Any) -> None:
        return None


event = Table(
    "vault_event",
    metadata,
    Column("event_id", String(64), primary_key=True),
    Column("authority", String(64), nullable=False),
    Column("key_id", String(32), nullable=False),
    Column("opened_at", String(27), nullable=False),
    Column("destroyed_at", String(27)),
)

subject = Table(
    "vault_subject",
    metadata,
    Column("subject_id", String(32), primary_key=True),
    Column("event_id", String(64), ForeignKey("vault_event.event_id"), nullable=False),
    Column("kind", String(40), nullable=False),
    # null once the subject is erased; then every column below is null as well
    Column("wrapped_key", Bytes),
    Column("key_version", Integer),
    Column("fields", Bytes),
    # HMAC of the whole identifier set: the same set in one event is the same subject
    Column("identity", Bytes),
    # blind indexes
    Column("ix_resident_id", Bytes),
    Column("ix_phone", Bytes),
    Column("ix_name", Bytes),
    Column("created_at", String(27), nullable=False),
    Column("destroyed_at", String(27)),
    Index("vault_subject_identity", "event_id", "identity", unique=True),
    Index("vault_subject_ix_resident_id", "ix_resident_id"),
    Index("vault_subject_ix_phone", "ix_phone"),
    Index("vault_subject_ix_name", "ix_name"),
)

erasure = Table(
    "vault_erasure",
    metadata,
    Column("key_id", String(34), primary_key=True),
    Column("event_id", String(64), nullable=False),
    Column("at", String(27), nullable=False),
)
