"""A witness of others' logs (C2SP tlog-witness): it signs a head only when that adds to the last one it signed."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    delete,
    insert,
    select,
    update,
)

from lianfang.foundation.canonical import from_base64, plain
from lianfang.foundation.errors import BadInput, NotFound, Refused
from lianfang.guard.ledger import evidence
from lianfang.guard.ledger.merkle import EMPTY_ROOT, SIZE, verify_consistency
from lianfang.guard.ledger.note import ED25519, Signer, Verifier, split_note, verify_note
from lianfang.guard.ledger.proof import Checkpoint

metadata = MetaData()
#: Logs that are watched: their keys (several while a key is rotated) and where they are read.
watched = Table(
    "watched_log",
    metadata,
    Column("origin", String(255), primary_key=True),
    Column("key", String(400), primary_key=True),
    Column("url", Text, nullable=False),
    Column("added_at", String(27), nullable=False),
)
#: The last head that was cosigned, of each log; without a note as long as none was.
head = Table(
    "witness_head",
    metadata,
    Column("origin", String(255), primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("root", LargeBinary, nullable=False),
    Column("note", Text, nullable=False),  # with the cosignature
    Column("at", String(27), nullable=False),
)

MAX_BODY = 65_536
MAX_PATH = 63
SIZE_TYPE = "text/x.tlog.size"
_OLD = re.compile(r"old (0|[1-9][0-9]{0,18})\Z")


@dataclass(frozen=True)
class Request:
    """What a log asks: sign this checkpoint, which adds to the tree of ``old`` entries as ``path`` shows."""

    old: int
    path: tuple[bytes, ...]
    note: str

    def body(self) -> bytes:
        """The request's body."""
        hashes = "".join(f"{base64.b64encode(one).decode()}\n" for one in self.path)
        return f"old {self.old}\n{hashes}\n{self.note}".encode()

    @classmethod
    def parse(cls, body: bytes) -> Request:
        """Read a request's body; BadInput when it is none."""
        try:
            text = body.decode() if len(body) <= MAX_BODY else ""
        except UnicodeDecodeError:
            text = ""
        top, blank, note = text.partition("\n\n")
        lines = top.split("\n")
        old = _OLD.match(lines[0])
        if not blank or not old or len(lines) > MAX_PATH + 1:
            raise BadInput("That is no request to cosign a checkpoint.", code="malformed_request")
        try:
            path = tuple(from_base64(line) for line in lines[1:])
        except ValueError:
            path = (b"",)
        if any(len(one) != SIZE for one in path):
            raise BadInput("That is no request to cosign a checkpoint.", code="malformed_request")
        return cls(int(old[1]), path, note)


@dataclass(frozen=True)
class Answer:
    """An HTTP answer. ``found``: the evidence when the log was caught signing two pasts."""

    status: int
    body: str
    media: str = "text/plain; charset=utf-8"
    found: evidence.Evidence | None = None


class Witness:
    """A witness with its key. The caller owns the transaction, which must take the write lock at its start."""

    def __init__(self, signer: Signer) -> None:
        self.signer = signer

    def add_checkpoint(self, conn: Connection, body: bytes, *, now: datetime) -> Answer:
        """Answer ``POST add-checkpoint``; the new head is stored in this transaction, before its signature is given.

        Send the answer only once the transaction has committed. 400: no request; 404: unknown log; 403: not
        signed by the log; 409 with the size that is right; 422: it does not add to what was signed before.
        """
        try:
            asked = Request.parse(body)
            text = split_note(asked.note)[0]
            new = Checkpoint.parse(text)
        except BadInput as error:
            return _no(400, str(error))
        keys = keys_of(conn, new.origin)
        if not keys:
            return _no(404, "This witness does not know the log.")
        try:
            verify_note(asked.note, keys)
        except (Refused, BadInput):
            return _no(403, "The checkpoint is not signed by its log.")
        if asked.old > new.size:
            return _no(400, "The old size is larger than the checkpoint's.")
        row = conn.execute(select(head).where(head.c.origin == new.origin).with_for_update()).one()
        held, root = int(row.size), bytes(row.root)
        if asked.old != held:
            return Answer(409, f"{held}\n", SIZE_TYPE)
        if not _adds(asked, new, root):
            return Answer(
                422,
                "The checkpoint does not add to the one that was cosigned before.\n",
                found=_evidence(asked, new, row.note, keys, now),
            )
        line = self.signer.cosign_line(text, int(_utc(now).timestamp()))
        # compare and store: if another writer was first, nothing is signed
        same = (head.c.origin == new.origin, head.c.size == held, head.c.root == root)
        values = {"size": new.size, "root": new.root, "note": asked.note + line, "at": plain(now)}
        if conn.execute(update(head).where(*same).values(**values)).rowcount != 1:
            return Answer(409, f"{held}\n", SIZE_TYPE)
        return Answer(200, line)


def _adds(asked: Request, new: Checkpoint, root: bytes) -> bool:
    if new.size == 0 and new.root != EMPTY_ROOT:
        return False
    return verify_consistency(asked.old, new.size, root, new.root, asked.path)


def _evidence(
    asked: Request, new: Checkpoint, before: str, keys: Sequence[Verifier], now: datetime
) -> evidence.Evidence | None:
    """Two heads that the log signed and that do not fit: proof, if the request's path shows it; else nothing.

    A path that leads nowhere may be anybody's mistake: the checkpoint is public, the path is not signed.
    """
    if not before:
        return None
    held = Checkpoint.parse(split_note(before)[0])
    if held.size == new.size:
        return evidence.two_heads(before, asked.note, keys=keys, found_at=now) if held != new else None
    path = evidence.whole_path(asked.old, held.root, asked.path)
    try:
        made = evidence.two_heads(before, asked.note, path, keys=keys, found_at=now)
        made.verify(keys)
    except (BadInput, Refused):
        return None
    return made


def watch(conn: Connection, verifier: Verifier, *, url: str = "", now: datetime) -> None:
    """Watch a log from now on, or under one more key."""
    if verifier.algorithm != ED25519:
        raise BadInput("That is a witness's key; a log is watched by the log's key.")
    here = (watched.c.origin == verifier.name, watched.c.key == str(verifier))
    conn.execute(delete(watched).where(*here))
    conn.execute(
        insert(watched).values(origin=verifier.name, key=str(verifier), url=url, added_at=plain(now))
    )
    if conn.execute(select(head.c.size).where(head.c.origin == verifier.name)).first() is None:
        nothing = {"size": 0, "root": EMPTY_ROOT, "note": "", "at": plain(now)}
        conn.execute(insert(head).values(origin=verifier.name, **nothing))


def keys_of(conn: Connection, origin: str) -> list[Verifier]:
    """The keys of a log that is watched; none when it is not."""
    keys = conn.execute(select(watched.c.key).where(watched.c.origin == origin).order_by(watched.c.key))
    return [Verifier.parse(key) for key in keys.scalars()]


def logs(conn: Connection) -> list[tuple[str, str]]:
    """Origin and address of every log that is watched."""
    rows = conn.execute(select(watched.c.origin, watched.c.url).order_by(watched.c.origin, watched.c.url))
    return list({origin: (str(origin), str(url)) for origin, url in rows}.values())


def origin_hash(origin: str) -> str:
    """Under which name a witness shows a log's head: SHA-256 of the origin, in hex."""
    return hashlib.sha256(origin.encode()).hexdigest()


def latest(conn: Connection, hashed: str) -> str:
    """The last head that was cosigned of the log with this origin hash; NotFound when there is none."""
    for origin, note in conn.execute(select(head.c.origin, head.c.note)):
        if note and origin_hash(origin) == hashed:
            return str(note)
    raise NotFound("This witness has cosigned no checkpoint of that log.")


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _no(status: int, why: str) -> Answer:
    return Answer(status, f"{why}\n")
