"""Second factors, registered terminals, training and the role acted in."""

from datetime import date, timedelta

import sqlalchemy as sa
from alembic import op

revision = "0005_accounts"
down_revision = "0004_disclosure"


def upgrade() -> None:
    op.create_table(
        "account_challenge",
        sa.Column("session_id", sa.String(length=32), nullable=False),
        sa.Column("use", sa.String(length=16), nullable=False),
        sa.Column("challenge", sa.String(length=120), nullable=False),
        sa.Column("not_after", sa.String(length=27), nullable=False),
        sa.PrimaryKeyConstraint("session_id", "use", name=op.f("pk_account_challenge")),
        sqlite_strict=True,
    )
    op.create_table(
        "account_passkey",
        sa.Column("passkey_id", sa.String(length=32), nullable=False),
        sa.Column("credential", sa.Text(), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("public_key", sa.Text(), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        sa.Column("label", sa.String(length=60), nullable=False),
        sa.Column("made_at", sa.String(length=27), nullable=False),
        sa.Column("used_at", sa.String(length=27), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["account.account_id"],
        ),
        sa.PrimaryKeyConstraint("passkey_id", name=op.f("pk_account_passkey")),
        sa.UniqueConstraint("credential", name=op.f("uq_account_passkey_credential")),
        sqlite_strict=True,
    )
    with op.batch_alter_table("account_passkey", schema=None) as batch_op:
        batch_op.create_index("account_passkey_account", ["account_id"], unique=False)

    op.create_table(
        "account_recovery",
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("made_at", sa.String(length=27), nullable=False),
        sa.Column("used_at", sa.String(length=27), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["account.account_id"],
        ),
        sa.PrimaryKeyConstraint("code_hash", name=op.f("pk_account_recovery")),
        sqlite_strict=True,
    )
    with op.batch_alter_table("account_recovery", schema=None) as batch_op:
        batch_op.create_index("account_recovery_account", ["account_id"], unique=False)

    op.create_table(
        "account_terminal",
        sa.Column("terminal_id", sa.String(length=32), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=True),
        sa.Column("label", sa.String(length=60), nullable=False),
        sa.Column("asked_at", sa.String(length=27), nullable=False),
        sa.Column("approved_at", sa.String(length=27), nullable=True),
        sa.Column("approved_by", sa.String(length=32), nullable=True),
        sa.Column("revoked_at", sa.String(length=27), nullable=True),
        sa.Column("revoked_by", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["account.account_id"],
        ),
        sa.PrimaryKeyConstraint("terminal_id", name=op.f("pk_account_terminal")),
        sa.UniqueConstraint("token_hash", "account_id", name=op.f("uq_account_terminal_token_hash")),
        sqlite_strict=True,
    )
    with op.batch_alter_table("account_terminal", schema=None) as batch_op:
        batch_op.create_index("account_terminal_account", ["account_id"], unique=False)

    op.create_table(
        "account_totp",
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("last_step", sa.BigInteger(), nullable=False),
        sa.Column("made_at", sa.String(length=27), nullable=False),
        sa.Column("confirmed_at", sa.String(length=27), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["account.account_id"],
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_account_totp")),
        sqlite_strict=True,
    )
    with op.batch_alter_table("account", schema=None) as batch_op:
        batch_op.add_column(sa.Column("trained_until", sa.String(length=10), nullable=True))
        batch_op.add_column(sa.Column("reset_at", sa.String(length=27), nullable=True))

    with op.batch_alter_table("account_session", schema=None) as batch_op:
        batch_op.add_column(sa.Column("proved_at", sa.String(length=27), nullable=True))
        batch_op.add_column(sa.Column("acting", sa.String(length=32), nullable=True))

    _year_of_training()


def _year_of_training() -> None:
    """Accounts made before training was noted get a year from their making: it would block them at once."""
    account = sa.table(
        "account", sa.column("account_id"), sa.column("created_at"), sa.column("trained_until")
    )
    connection = op.get_bind()
    for row in connection.execute(sa.select(account.c.account_id, account.c.created_at)).all():
        until = date.fromisoformat(row.created_at[:10]) + timedelta(days=365)
        connection.execute(
            sa.update(account)
            .where(account.c.account_id == row.account_id)
            .values(trained_until=until.isoformat())
        )
