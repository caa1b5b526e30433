"""Alembic's environment: the connection comes from the caller, who owns the transaction."""

from alembic import context

from lianfang.store.migrating import configure

configure(context)
