"""Witnesses and submitters."""

import sqlalchemy as sa
from alembic import op

revision = "0013_witnesses_and_submitters"
down_revision = "0012_told_and_terminal"


def upgrade() -> None:
    op.create_table(
        "ledger_cosignature",
        sa.Column("origin", sa.String(length=255), nullable=False),
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("key", sa.String(length=400), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("origin", "size", "key", name=op.f("pk_ledger_cosignature")),
        sqlite_strict=True,
    )
    op.create_table(
        "ledger_submitter",
        sa.Column("authority", sa.String(length=64), nullable=False),
        sa.Column("token", sa.String(length=64), nullable=False),
        sa.Column("added_at", sa.String(length=27), nullable=False),
        sa.PrimaryKeyConstraint("authority", name=op.f("pk_ledger_submitter")),
        sa.UniqueConstraint("token", name=op.f("uq_ledger_submitter_token")),
        sqlite_strict=True,
    )
    op.create_table(
        "ledger_shown",
        sa.Column("origin", sa.String(length=255), nullable=False),
        sa.Column("open_from", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("origin", name=op.f("pk_ledger_shown")),
        sqlite_strict=True,
    )
    # entries made before this version name their objects in clear: they are not shown to everybody
    op.execute("INSERT INTO ledger_shown (origin, open_from) SELECT origin, size FROM ledger_log")
