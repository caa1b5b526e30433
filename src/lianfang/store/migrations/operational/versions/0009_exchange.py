"""Exchange between authorities."""

import sqlalchemy as sa
from alembic import op

from lianfang.store.schema import Moment, json_type

revision = "0009_exchange"
down_revision = "0008_incidents"


def upgrade() -> None:
    op.create_table(
        "exchange_act",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False, comment="message id"),
        sa.Column("number", sa.BigInteger(), nullable=False, comment="number"),
        sa.Column("act", sa.Text(), nullable=False, comment="act"),
        sa.Column("authority", sa.Text(), nullable=False, comment="authority"),
        sa.Column("reason", sa.Text(), nullable=False, comment="reason"),
        sa.Column("version", sa.BigInteger(), nullable=False, comment="version"),
        sa.Column("at", Moment(), nullable=False, comment="time"),
        sa.Column("by", sa.Text(), nullable=False, comment="by account"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exchange_act")),
        sqlite_strict=True,
    )
    with op.batch_alter_table("exchange_act", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_exchange_act_message_id"), ["message_id"], unique=False)

    op.create_table(
        "exchange_alert",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("alert_id", sa.Text(), nullable=False, comment="alert id"),
        sa.Column("issuer", sa.Text(), nullable=False, comment="issuing authority"),
        sa.Column("title", sa.Text(), nullable=False, comment="title"),
        sa.Column("text", sa.Text(), nullable=False, comment="text"),
        sa.Column("concerned", json_type(), nullable=False, comment="authorities concerned by the tracing"),
        sa.Column("local_event", sa.Text(), nullable=False, comment="event of this installation"),
        sa.Column("issued_at", Moment(), nullable=False, comment="issued at"),
        sa.Column("issued_by", sa.Text(), nullable=False, comment="issued by account"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exchange_alert")),
        sqlite_strict=True,
    )
    with op.batch_alter_table("exchange_alert", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_exchange_alert_alert_id"), ["alert_id"], unique=False)

    op.create_table(
        "exchange_answer",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("case_id", sa.Text(), nullable=False, comment="request id"),
        sa.Column("authority", sa.Text(), nullable=False, comment="authority id"),
        sa.Column("outcome", sa.Text(), nullable=False, comment="outcome"),
        sa.Column("at", Moment(), nullable=False, comment="time"),
        sa.Column("by", sa.Text(), nullable=False, comment="by account"),
        sa.Column("sealed", sa.Text(), nullable=True, comment="what it says, sealed (base64)"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exchange_answer")),
        sqlite_strict=True,
    )
    with op.batch_alter_table("exchange_answer", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_exchange_answer_case_id"), ["case_id"], unique=False)

    op.create_table(
        "exchange_case",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("case_id", sa.Text(), nullable=False, comment="request id"),
        sa.Column("message_id", sa.Text(), nullable=False, comment="message id"),
        sa.Column("opened_by", sa.Text(), nullable=False, comment="authority asked by the person"),
        sa.Column("request", sa.Text(), nullable=False, comment="request"),
        sa.Column("concerned", json_type(), nullable=False, comment="authorities that must answer"),
        sa.Column("opened_at", Moment(), nullable=False, comment="opened at"),
        sa.Column("due_at", Moment(), nullable=False, comment="answers due at"),
        sa.Column("state", sa.Text(), nullable=False, comment="state"),
        sa.Column("closed_at", Moment(), nullable=True, comment="closed at"),
        sa.Column("key", sa.Text(), nullable=False, comment="name of its key in the vault"),
        sa.Column("sealed", sa.Text(), nullable=True, comment="what the person says, sealed (base64)"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exchange_case")),
        sqlite_strict=True,
    )
    with op.batch_alter_table("exchange_case", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_exchange_case_message_id"), ["message_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_exchange_case_state"), ["state"], unique=False)

    op.create_table(
        "exchange_certificate",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False, comment="message id"),
        sa.Column("issued_at", Moment(), nullable=False, comment="issued at"),
        sa.Column("content", json_type(), nullable=False, comment="content as signed"),
        sa.Column("signature", sa.Text(), nullable=False, comment="signed note"),
        sa.Column("log_index", sa.BigInteger(), nullable=False, comment="index in the ledger"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exchange_certificate")),
        sqlite_strict=True,
    )
    with op.batch_alter_table("exchange_certificate", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_exchange_certificate_message_id"), ["message_id"], unique=False)

    op.create_table(
        "exchange_data_set",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("data_set", sa.Text(), nullable=False, comment="data set"),
        sa.Column("title", sa.Text(), nullable=False, comment="title"),
        sa.Column("purpose", sa.Text(), nullable=False, comment="purpose"),
        sa.Column("controller", sa.Text(), nullable=False, comment="controller"),
        sa.Column("joint_controllers", json_type(), nullable=False, comment="joint controllers"),
        sa.Column("processor", sa.Text(), nullable=False, comment="processor"),
        sa.Column("pack", sa.Text(), nullable=False, comment="policy pack"),
        sa.Column(
            "retention_days",
            sa.BigInteger(),
            nullable=False,
            comment="days until it is erased; 0: no personal data",
        ),
        sa.Column("registered_at", Moment(), nullable=False, comment="registered at"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exchange_data_set")),
        sqlite_strict=True,
    )
    op.create_table(
        "exchange_delivery",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("letter_id", sa.Text(), nullable=False, comment="letter id (idempotency key)"),
        sa.Column("number", sa.BigInteger(), nullable=False, comment="order in which letters go"),
        sa.Column("kind", sa.Text(), nullable=False, comment="kind of letter"),
        sa.Column("recipient", sa.Text(), nullable=False, comment="receiving authority"),
        sa.Column("ref", sa.Text(), nullable=False, comment="what it is about (id)"),
        sa.Column("key", sa.Text(), nullable=False, comment="key under which its body waits"),
        sa.Column("body", sa.Text(), nullable=True, comment="its body; sealed where it is personal"),
        sa.Column("created_at", Moment(), nullable=False, comment="written at"),
        sa.Column("state", sa.Text(), nullable=False, comment="state"),
        sa.Column("attempts", sa.BigInteger(), nullable=False, comment="attempts"),
        sa.Column("next_at", Moment(), nullable=False, comment="next attempt at"),
        sa.Column("delivered_at", Moment(), nullable=True, comment="delivered at"),
        sa.Column("acknowledgement", json_type(), nullable=False, comment="signed acknowledgement"),
        sa.Column("error", sa.Text(), nullable=False, comment="why it waits or was refused"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exchange_delivery")),
        sqlite_strict=True,
    )
    with op.batch_alter_table("exchange_delivery", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_exchange_delivery_number"), ["number"], unique=False)
        batch_op.create_index(batch_op.f("ix_exchange_delivery_recipient"), ["recipient"], unique=False)
        batch_op.create_index(batch_op.f("ix_exchange_delivery_ref"), ["ref"], unique=False)
        batch_op.create_index(batch_op.f("ix_exchange_delivery_state"), ["state"], unique=False)

    op.create_table(
        "exchange_grant",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("grant_id", sa.Text(), nullable=False, comment="grant id"),
        sa.Column("message_id", sa.Text(), nullable=False, comment="message id"),
        sa.Column("grantor", sa.Text(), nullable=False, comment="authority that grants it"),
        sa.Column("peer", sa.Text(), nullable=False, comment="authority that may look"),
        sa.Column("justification", sa.Text(), nullable=False, comment="justification"),
        sa.Column("not_before", Moment(), nullable=False, comment="from"),
        sa.Column("not_after", Moment(), nullable=False, comment="until"),
        sa.Column("by", sa.Text(), nullable=False, comment="by account"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exchange_grant")),
        sqlite_strict=True,
    )
    with op.batch_alter_table("exchange_grant", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_exchange_grant_message_id"), ["message_id"], unique=False)

    op.create_table(
        "exchange_message",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False, comment="message id"),
        sa.Column("alert_id", sa.Text(), nullable=False, comment="alert id"),
        sa.Column("event_id", sa.Text(), nullable=False, comment="event of this installation"),
        sa.Column("author", sa.Text(), nullable=False, comment="authority that wrote it"),
        sa.Column("recipients", json_type(), nullable=False, comment="receiving authorities"),
        sa.Column("version", sa.BigInteger(), nullable=False, comment="version"),
        sa.Column("posted_at", Moment(), nullable=False, comment="posted at"),
        sa.Column("deadline", Moment(), nullable=False, comment="erased at the latest"),
        sa.Column("pack", sa.Text(), nullable=False, comment="policy pack of the term"),
        sa.Column("data", json_type(), nullable=False, comment="kinds of data in it"),
        sa.Column("persons", sa.BigInteger(), nullable=False, comment="persons in it"),
        sa.Column("state", sa.Text(), nullable=False, comment="state of this copy"),
        sa.Column("key", sa.Text(), nullable=False, comment="name of its key in the vault"),
        sa.Column("sealed", sa.Text(), nullable=True, comment="what it says, sealed under its key (base64)"),
        sa.Column("updated_at", Moment(), nullable=False, comment="updated at"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exchange_message")),
        sqlite_strict=True,
    )
    with op.batch_alter_table("exchange_message", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_exchange_message_alert_id"), ["alert_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_exchange_message_deadline"), ["deadline"], unique=False)
        batch_op.create_index(batch_op.f("ix_exchange_message_event_id"), ["event_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_exchange_message_message_id"), ["message_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_exchange_message_state"), ["state"], unique=False)

    op.create_table(
        "exchange_peer",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("authority", sa.Text(), nullable=False, comment="authority id"),
        sa.Column("kind", sa.Text(), nullable=False, comment="kind (actor of the policy)"),
        sa.Column("name_zh", sa.Text(), nullable=False, comment="name (zh)"),
        sa.Column("name_en", sa.Text(), nullable=False, comment="name (en)"),
        sa.Column("url", sa.Text(), nullable=False, comment="address of its exchange"),
        sa.Column("certificate", sa.Text(), nullable=False, comment="its TLS certificate (PEM)"),
        sa.Column("fingerprint", sa.Text(), nullable=False, comment="SHA-256 of the certificate"),
        sa.Column("sign_key", sa.Text(), nullable=False, comment="signing public key"),
        sa.Column("seal_key", sa.Text(), nullable=False, comment="sealing public key"),
        sa.Column("active", sa.Boolean(), nullable=False, comment="active"),
        sa.Column("added_at", Moment(), nullable=False, comment="added at"),
        sa.Column("added_by", sa.Text(), nullable=False, comment="added by account"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exchange_peer")),
        sqlite_strict=True,
    )
    with op.batch_alter_table("exchange_peer", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_exchange_peer_fingerprint"), ["fingerprint"], unique=False)

    op.create_table(
        "exchange_post",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("post_id", sa.Text(), nullable=False, comment="post id"),
        sa.Column("author", sa.Text(), nullable=False, comment="authority that wrote it"),
        sa.Column("title", sa.Text(), nullable=False, comment="title"),
        sa.Column("text", sa.Text(), nullable=False, comment="text"),
        sa.Column("posted_at", Moment(), nullable=False, comment="posted at"),
        sa.Column("posted_by", sa.Text(), nullable=False, comment="posted by account"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exchange_post")),
        sqlite_strict=True,
    )
    with op.batch_alter_table("exchange_post", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_exchange_post_posted_at"), ["posted_at"], unique=False)

    op.create_table(
        "exchange_receipt",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("letter_id", sa.Text(), nullable=False, comment="letter id"),
        sa.Column("sender", sa.Text(), nullable=False, comment="sending authority"),
        sa.Column("kind", sa.Text(), nullable=False, comment="kind of letter"),
        sa.Column("ref", sa.Text(), nullable=False, comment="what it is about (id)"),
        sa.Column("digest", sa.Text(), nullable=False, comment="SHA-256 of the signed letter"),
        sa.Column("received_at", Moment(), nullable=False, comment="received at"),
        sa.Column("acknowledgement", json_type(), nullable=False, comment="signed acknowledgement"),
        sa.Column("log_index", sa.BigInteger(), nullable=False, comment="index in the ledger"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exchange_receipt")),
        sqlite_strict=True,
    )
