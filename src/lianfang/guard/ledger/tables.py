"""Tables of the ledger: the tree as tiles, the entries, the signed heads, and what the commitments stand
for."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, String, Table, Text

metadata = MetaData()

log = Table(
    "ledger_log",
    metadata,
    Column("origin", String(255), primary_key=True),
    Column("authority", String(64), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("root", LargeBinary, nullable=False),
    Column("created_at", String(27), nullable=False),
)

entry = Table(
    "ledger_entry",
    metadata,
    Column("origin", String(255), primary_key=True),
    Column("idx", BigInteger, primary_key=True, autoincrement=False),
    Column("data", LargeBinary, nullable=False),
)

#: Tiles of C2SP tlog-tiles: 256 hashes wide, the rightmost of each level narrower.
tile = Table(
    "ledger_tile",
    metadata,
    Column("origin", String(255), primary_key=True),
    Column("level", Integer, primary_key=True, autoincrement=False),
    Column("idx", BigInteger, primary_key=True, autoincrement=False),
    Column("hashes", LargeBinary, nullable=False),
)

checkpoint = Table(
    "ledger_checkpoint",
    metadata,
    Column("origin", String(255), primary_key=True),
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("note", Text, nullable=False),
    Column("at", String(27), nullable=False),
)

#: Of logs that are older than public entries: from which entry on they are shown. Those before name objects in clear.
shown = Table(
    "ledger_shown",
    metadata,
    Column("origin", String(255), primary_key=True),
    Column("open_from", BigInteger, nullable=False),
)

#: What witnesses signed under a head: one line for each key.
cosignature = Table(
    "ledger_cosignature",
    metadata,
    Column("origin", String(255), primary_key=True),
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("key", String(400), primary_key=True),  # the witness's verifier key
    Column("line", Text, nullable=False),
)

#: Other bodies that may append statements of their own by HTTP, and the digest of the token each has.
submitter = Table(
    "ledger_submitter",
    metadata,
    Column("authority", String(64), primary_key=True),
    Column("token", String(64), nullable=False, unique=True),
    Column("added_at", String(27), nullable=False),
)

#: Beside an entry: who acted, and the salt and payload that its commitment stands for.
record = Table(
    "ledger_record",
    metadata,
    Column("origin", String(255), primary_key=True),
    Column("idx", BigInteger, primary_key=True, autoincrement=False),
    Column("type", String(64), nullable=False),
    Column("time", String(27), nullable=False),
    Column("actor", String(64), nullable=False),
    Column("purpose", String(64), nullable=False),
    Column("ref", String(200), nullable=False),
    Column("event_id", String(64)),
    Column("subject_id", String(32)),
    Column(
        "by_salt", LargeBinary, nullable=False
    ),  # opens the entry's "by": who acted, in which event, on whom
    Column("sealed", Integer, nullable=False),  # 1: the body is sealed under the event's or subject's key
    Column("body", LargeBinary, nullable=False),  # 32 bytes of salt, then the canonical payload
    Index("ledger_record_event", "event_id", "idx"),
    Index("ledger_record_actor", "actor", "idx"),
    Index("ledger_record_subject", "subject_id"),
)
