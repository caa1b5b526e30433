"""Pathogen genomes of samples."""

import sqlalchemy as sa
from alembic import op

from lianfang.store.schema import Moment, json_type

revision = "0015_genomes"
down_revision = "0014_gifts"


def upgrade() -> None:
    op.create_table(
        "genome",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("sample_no", sa.Text(), nullable=False, comment="sample number"),
        sa.Column("event_id", sa.Text(), nullable=False, comment="event"),
        sa.Column("case_id", sa.Text(), nullable=False, comment="case"),
        sa.Column("collected_on", sa.Date(), nullable=True, comment="collected on"),
        sa.Column("received_at", Moment(), nullable=False, comment="received at"),
        sa.Column("received_by", sa.Text(), nullable=False, comment="received by account"),
        sa.Column("status", sa.Text(), nullable=False, comment="status"),
        sa.Column("quality", sa.Text(), nullable=False, comment="quality"),
        sa.Column("quality_score", sa.Double(), nullable=True, comment="quality score"),
        sa.Column("clade", sa.Text(), nullable=False, comment="clade"),
        sa.Column("lineage", sa.Text(), nullable=False, comment="lineage"),
        sa.Column("substitutions", json_type(), nullable=False, comment="substitutions"),
        sa.Column("deletions", json_type(), nullable=False, comment="deletions"),
        sa.Column("insertions", json_type(), nullable=False, comment="insertions"),
        sa.Column("residues", json_type(), nullable=False, comment="amino-acid changes"),
        sa.Column("unseen", json_type(), nullable=False, comment="ranges not seen"),
        sa.Column("oligos", json_type(), nullable=False, comment="oligos that no longer fit"),
        sa.Column("dataset", sa.Text(), nullable=False, comment="dataset and version"),
        sa.Column("log_index", sa.BigInteger(), nullable=False, comment="index in the ledger"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_genome")),
        sqlite_strict=True,
    )
    with op.batch_alter_table("genome", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_genome_case_id"), ["case_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_genome_event_id"), ["event_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_genome_sample_no"), ["sample_no"], unique=False)
