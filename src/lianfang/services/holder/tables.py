"""A node's own tables: orders, the tokens it issued, what it revealed, what it purged, what it was told."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, String, Table, Text

metadata = MetaData()

#: ``message``: the order as it came, sealed to this node; ``answer``: sealed to the centre. Both go at the
#: purge; the line with its digest stays. The order's token key is never kept: its tokens are.
order = Table(
    "holder_order",
    metadata,
    Column("order_id", String(64), primary_key=True),
    Column("event_id", String(64), nullable=False),
    Column("centre", String(64), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("received_at", String(27), nullable=False),
    Column("state", String(20), nullable=False),
    Column("note", Text),
    Column("message", LargeBinary),
    Column("answer", LargeBinary),
    Column("account", Text),
    Column("reasons", Text),
    Column("stage", String(60), nullable=False),
    Column("done", Integer, nullable=False),
    Column("total", Integer, nullable=False),
    Index("holder_order_event", "event_id"),
)

contact = Table(
    "holder_contact",
    metadata,
    Column("order_id", String(64), primary_key=True),
    Column("token", String(32), primary_key=True),
    Column("subscriber", BigInteger, nullable=False),
)

reveal = Table(
    "holder_reveal",
    metadata,
    Column("lock_id", String(64), primary_key=True),
    Column("order_id", String(64), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("answer", LargeBinary, nullable=False),
    Column("at", String(27), nullable=False),
)

purge = Table(
    "holder_purge",
    metadata,
    Column("centre", String(64), primary_key=True),
    Column("event_id", String(64), primary_key=True),
    Column("receipt", Text, nullable=False),
    Column("scrubbed", Integer, nullable=False),
)

#: Notices of a correction or erasure, each answered once.
notice = Table(
    "holder_notice",
    metadata,
    Column("notice_id", String(64), primary_key=True),
    Column("centre", String(64), primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("receipt", Text, nullable=False),
)

#: Keys of the ledger's sealed payloads; the purge deletes them.
key = Table(
    "holder_key",
    metadata,
    Column("event_id", String(64), primary_key=True),
    Column("key", LargeBinary, nullable=False),
)
