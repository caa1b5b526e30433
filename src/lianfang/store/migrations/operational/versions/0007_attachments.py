"""Since when a case is under its event, and which person a subject was until when: past days asked again."""

import sqlalchemy as sa
from alembic import op

revision = "0007_attachments"
down_revision = "0006_case_indexes"


def upgrade() -> None:
    op.create_table(
        "case_attachment",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("case_id", sa.Text(), nullable=False, comment="case"),
        sa.Column("date_reporting", sa.Date(), nullable=False, comment="date of report"),
        sa.Column("event_id", sa.Text(), nullable=False, comment="event"),
        sa.Column("day", sa.Date(), nullable=False, comment="day of the attachment"),
        sa.Column("subject_before", sa.Text(), nullable=False, comment="subject before"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_attachment")),
        sqlite_strict=True,
    )
    with op.batch_alter_table("case_attachment", schema=None) as batch_op:
        for name in ("case_id", "event_id", "day", "subject_before"):
            batch_op.create_index(batch_op.f(f"ix_case_attachment_{name}"), [name], unique=False)

    op.create_table(
        "subject_link_past",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False, comment="event"),
        sa.Column("person_id", sa.Text(), nullable=False, comment="person id"),
        sa.Column("until", sa.Date(), nullable=False, comment="day from which it is another"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subject_link_past")),
        sqlite_strict=True,
    )
    with op.batch_alter_table("subject_link_past", schema=None) as batch_op:
        for name in ("subject_id", "event_id", "until"):
            batch_op.create_index(batch_op.f(f"ix_subject_link_past_{name}"), [name], unique=False)
