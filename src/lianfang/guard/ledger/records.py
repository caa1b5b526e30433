"""What is logged: commitments in the tree, and beside it what they stand for.

An entry is canonical JSON ``{authority, by, commit, purpose, ref, time, type}``. ``commit`` is
``SHA-256(0x02 || salt || canonical payload)``; salt and payload are kept beside the log, sealed under the
key of the event or subject when one is named, so that erasing it leaves every proof valid and the entry
silent. ``by`` commits in the same way to ``{actor, event, subject, ref}`` and outlives the erasure: who acted
stays provable. Entries are public (their tiles are served to everybody), so ``ref`` stands in clear only in the
entry of a published fact, and is ``-`` in every other.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Connection, insert, select

from lianfang.foundation.canonical import moment, plain
from lianfang.foundation.errors import BadInput, NotFound, Refused
from lianfang.guard.ledger import tables
from lianfang.guard.ledger.commit import HIDDEN, SALT, by_payload, commitment
from lianfang.guard.ledger.log import Log
from lianfang.guard.signing import canonical

_TYPE = re.compile(r"[a-z][a-z0-9_.-]{0,63}\Z")
_PLAIN = re.compile(r"[\x21-\x7e]{1,64}\Z")


class Sealer(Protocol):
    """Seals under an event's or a subject's key (the vault does)."""

    def seal(
        self, conn: Connection, event_id: str, subject_id: str | None, row: str, data: bytes, /
    ) -> bytes: ...

    def unseal(
        self, conn: Connection, event_id: str, subject_id: str | None, row: str, sealed: bytes, /
    ) -> bytes: ...


@dataclass(frozen=True)
class Item:
    """One act to be logged; the fields are those of :func:`record`."""

    type: str
    time: datetime
    actor: str
    purpose: str
    ref: str
    payload: Mapping[str, Any] = field(repr=False)
    event: str | None = None
    subject: str | None = None
    public: bool = False


@dataclass(frozen=True)
class Entry:
    """One line of the trail. ``payload`` is None when it was erased or may not be opened here."""

    index: int
    type: str
    time: datetime
    actor: str
    purpose: str
    ref: str
    event: str | None
    subject: str | None
    payload: dict[str, Any] | None = field(repr=False)


def record(
    conn: Connection,
    *,
    type: str,
    time: datetime,
    actor: str,
    purpose: str,
    ref: str,
    payload: Mapping[str, Any],
    event: str | None = None,
    subject: str | None = None,
    public: bool = False,
    sealer: Sealer | None = None,
    log: Log | None = None,
) -> int:
    """Log one act in the caller's transaction; gives the entry's index.

    ``type``: what happened (``order.sent``, ``lock.approved``); ``actor``: an account's id or a component;
    ``purpose``: from the policy's vocabulary; ``ref``: the object's id. None of them may identify a person;
    what does goes into ``payload``, which is sealed under the event's key (the subject's, when one is
    named) by ``sealer``, the vault. ``public=True`` keeps a published fact in clear.
    """
    item = Item(type, time, actor, purpose, ref, payload, event, subject, public)
    return record_many(conn, [item], sealer=sealer, log=log)[0]


def record_many(
    conn: Connection, items: Sequence[Item], *, sealer: Sealer | None = None, log: Log | None = None
) -> list[int]:
    """Log many acts at once, in order; gives their indices."""
    into = log or Log.only(conn)
    authority = into.authority(conn)
    made = [_commit(item, authority, at) for at, item in enumerate(items)]
    indices = into.append(conn, [entry for entry, *_ in made])
    rows = []
    for index, item, (_, by_salt, body) in zip(indices, items, made, strict=True):
        sealed = item.event is not None and not item.public
        if sealed:
            if sealer is None:
                raise BadInput(
                    "An entry about an event is sealed under its key.",
                    hint="Give the vault as sealer, or say public=True for a published fact.",
                )
            body = sealer.seal(conn, item.event or "", item.subject, _row(into, index), body)
        rows.append(
            {
                "origin": into.origin,
                "idx": index,
                "type": item.type,
                "time": plain(item.time),
                "actor": item.actor,
                "purpose": item.purpose,
                "ref": item.ref,
                "event_id": item.event,
                "subject_id": item.subject,
                "by_salt": by_salt,
                "sealed": int(sealed),
                "body": body,
            }
        )
    if rows:
        conn.execute(insert(tables.record), rows)
    return list(indices)


def entries(
    conn: Connection,
    *,
    event: str | None = None,
    actor: str | None = None,
    subject: str | None = None,
    type: str | None = None,
    before: int | None = None,
    limit: int = 100,
    sealer: Sealer | None = None,
    log: Log | None = None,
) -> list[Entry]:
    """The trail, newest first: who did what, when, for what. For the page "who looked".

    ``type`` may end in ``.`` for a whole family (``reveal.``); ``before`` is the index to go on from.
    Payloads are opened only when a ``sealer`` is given.
    """
    into = log or Log.only(conn)
    table = tables.record
    query = select(table).where(table.c.origin == into.origin)
    for column, value in (("event_id", event), ("actor", actor), ("subject_id", subject)):
        if value is not None:
            query = query.where(table.c[column] == value)
    if type is not None:
        query = query.where(
            table.c.type.startswith(type, autoescape=True) if type.endswith(".") else table.c.type == type
        )
    if before is not None:
        query = query.where(table.c.idx < before)
    rows = conn.execute(query.order_by(table.c.idx.desc()).limit(max(1, min(limit, 10_000)))).mappings().all()
    found = []
    for row in rows:
        body = _body(conn, into, row, sealer) if sealer is not None or not row["sealed"] else None
        found.append(
            Entry(
                int(row["idx"]),
                row["type"],
                moment(row["time"]),
                row["actor"],
                row["purpose"],
                row["ref"],
                row["event_id"],
                row["subject_id"],
                json.loads(body[SALT:]) if body is not None else None,
            )
        )
    return found


def opening(
    conn: Connection, index: int, *, sealer: Sealer | None = None, log: Log | None = None
) -> dict[str, Any]:
    """Salt and payload of one entry, for whoever may check the commitment: ``{"salt", "payload"}``.

    NotFound when it was erased or may not be opened with this sealer.
    """
    into = log or Log.only(conn)
    table = tables.record
    row = (
        conn.execute(select(table).where(table.c.origin == into.origin, table.c.idx == index))
        .mappings()
        .first()
    )
    body = _body(conn, into, row, sealer) if row is not None else None
    if body is None:
        raise NotFound(f"What entry {index} stands for is erased, sealed, or was never kept here.")
    return {"salt": body[:SALT].hex(), "payload": json.loads(body[SALT:])}


def _commit(item: Item, authority: str, at: int) -> tuple[bytes, bytes, bytes]:
    """The entry's bytes, the salt of ``by``, and the body that is kept."""
    if not _TYPE.match(item.type):
        raise BadInput(f"Item {at}: a type is small letters, digits, dots, such as order.sent.")
    for name in ("actor", "purpose"):
        if not _PLAIN.match(getattr(item, name)):
            raise BadInput(f"Item {at}: {name} must be 1 to 64 printable ASCII characters without spaces.")
    if not isinstance(item.ref, str) or len(item.ref) > 200 or not item.ref.isprintable():
        raise BadInput(f"Item {at}: ref must be a printable text of at most 200 characters.")
    if item.subject is not None and item.event is None:
        raise BadInput(f"Item {at}: a subject belongs to an event; name it.")
    payload = canonical(dict(item.payload))
    noise = os.urandom(2 * SALT)
    salt, by_salt = noise[:SALT], noise[SALT:]
    who = by_payload(item.actor, item.event, item.subject, None if item.public else item.ref)
    entry = canonical(
        {
            "type": item.type,
            "time": plain(item.time),
            "authority": authority,
            "purpose": item.purpose,
            # entries are read by everybody: an object's name (an account, a sample) is for those who may
            "ref": item.ref if item.public else HIDDEN,
            "commit": hashlib.sha256(b"\x02" + salt + payload).hexdigest(),
            "by": commitment(by_salt, who).hex(),
        }
    )
    return entry, by_salt, salt + payload


def _row(log: Log, index: int) -> str:
    return f"ledger/{log.origin}/{index}"


def _body(conn: Connection, log: Log, row: Mapping[Any, Any], sealer: Sealer | None) -> bytes | None:
    if not row["sealed"]:
        return bytes(row["body"])
    if sealer is None:
        return None
    try:
        return sealer.unseal(
            conn, row["event_id"], row["subject_id"], _row(log, int(row["idx"])), bytes(row["body"])
        )
    except (NotFound, Refused):  # erased since
        return None
