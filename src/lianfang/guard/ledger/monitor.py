"""A monitor of others' logs: it reads everything, recomputes the tree, and compares with what others were shown.

It keeps a mirror of every hash. The mirror only ever stands at a head that the log signed and whose tree was
recomputed, so that whatever the log signs later can be held against it.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Integer,
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

from lianfang.foundation.canonical import plain
from lianfang.foundation.errors import BadInput, LianfangError, NotFound, Refused
from lianfang.guard.ledger import evidence, merkle, tables, tiles
from lianfang.guard.ledger.evidence import Evidence
from lianfang.guard.ledger.log import Log, fold_root
from lianfang.guard.ledger.merkle import SIZE
from lianfang.guard.ledger.note import Verifier
from lianfang.guard.ledger.proof import Checkpoint, verify_checkpoint

metadata = MetaData()
#: Heads that others were shown and that lie beyond what we were shown; ``looks``: how often we looked since.
ahead = Table(
    "seen_ahead",
    metadata,
    Column("origin", String(255), primary_key=True),
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("root", LargeBinary, primary_key=True),
    Column("note", Text, nullable=False),
    Column("looks", Integer, nullable=False),
)
_MOST_AHEAD = 1_000
_MOST_NAMED = 20  # changed entries that an evidence file names


class Source(Protocol):
    """Where a log is read. What cannot be read raises a LianfangError."""

    def checkpoint(self) -> str:
        """Its newest signed head."""

    def hashes(self, index: int, width: int, /) -> bytes:
        """The tile of level 0."""

    def entries(self, index: int, width: int, /) -> list[bytes] | None:
        """The entry bundle; None when the log does not show these entries to everybody."""


class Monitor:
    """Watches one log, in the mirror's database. The caller owns the transactions."""

    def __init__(self, origin: str, keys: Sequence[Verifier]) -> None:
        self.log = Log(origin)
        self.keys = list(keys)

    @property
    def origin(self) -> str:
        """The log's origin."""
        return self.log.origin

    def look(self, conn: Connection, source: Source, *, now: datetime, full: bool = True) -> list[Evidence]:
        """Read the head and what is new; with ``full``, everything again. Gives what is wrong."""
        if not conn.execute(select(tables.log).where(tables.log.c.origin == self.origin)).first():
            Log.create(conn, self.origin, authority="mirror", now=now)
        note = ""
        try:
            note = source.checkpoint()
            head, _ = verify_checkpoint(note, self.keys, origin=self.origin)
        except LianfangError as error:
            # what bears no signature of the log's is no word of the log's
            kind = "unsigned" if note else "withheld"
            return [
                self._saw(kind, (), now, {"why": str(error), "shown": note[:2000]}),
                *self._overdue(conn, now),
            ]
        found = self._hold_against(conn, head, note, now)
        if not found and head.size >= self.log.size(conn):
            try:
                found = self._grow(conn, source, head, note, now)
                if full and not found:
                    found = self._reread(conn, source, now)
            except LianfangError as error:
                found = [self._saw("withheld", (note,), now, {"why": str(error)})]
        return [*found, *self._overdue(conn, now)]

    def compare(self, conn: Connection, note: str, *, now: datetime) -> list[Evidence]:
        """Hold a head that somebody else was shown against ours. One that the log did not sign accuses nobody."""
        try:
            head, _ = verify_checkpoint(note, self.keys, origin=self.origin)
        except LianfangError:
            return []
        if head.size <= self.log.size(conn):
            return self._hold_against(conn, head, note, now, shown_to_us=False)
        here = (ahead.c.origin == self.origin, ahead.c.size == head.size, ahead.c.root == head.root)
        held = conn.execute(select(ahead.c.size).where(ahead.c.origin == self.origin)).scalars().all()
        if len(held) < _MOST_AHEAD and not conn.execute(select(ahead.c.size).where(*here)).first():
            values = {"origin": self.origin, "size": head.size, "root": head.root, "note": note, "looks": 0}
            conn.execute(insert(ahead).values(**values))
        return []

    def head(self, conn: Connection) -> str:
        """The newest signed head whose tree we recomputed."""
        return self.log.latest(conn)

    # ------------------------------------------------------------------------------------------------------

    def _hold_against(
        self, conn: Connection, head: Checkpoint, note: str, now: datetime, *, shown_to_us: bool = True
    ) -> list[Evidence]:
        """Does a head of at most our size fit into our mirror? An older one that fits is a rollback, if shown to us."""
        have = self.log.size(conn)
        if head.size > have:
            return []
        if head.root != (began := self.log.root(conn, head.size)):
            if have == 0:
                return [self._saw("other_entries", (note,), now, {"why": "an empty tree has another root"})]
            path = self.log.prove_consistency(conn, head.size, have)
            whole = evidence.whole_path(head.size, began, path) if head.size < have else []
            return [evidence.two_heads(self.head(conn), note, whole, keys=self.keys, found_at=now)]
        if head.size < have and shown_to_us:
            return [
                self._saw("rolled_back", (self.head(conn), note), now, {"before": have, "now": head.size})
            ]
        return []

    def _grow(
        self, conn: Connection, source: Source, head: Checkpoint, note: str, now: datetime
    ) -> list[Evidence]:
        """Read what is new; the mirror moves to the new head only if all fits."""
        have = self.log.size(conn)
        if head.size == have:
            return []
        undo = conn.begin_nested()
        try:
            wrong = self._take(conn, source, head.size)
            if not wrong and self.log.root(conn) == head.root:
                values = {"origin": self.origin, "size": head.size, "note": note, "at": plain(now)}
                conn.execute(insert(tables.checkpoint).values(**values))
                undo.commit()
                return []
        finally:  # also when the line went down half way: the mirror stands at a signed head or does not move
            if undo.is_active:
                undo.rollback()
        return [self._blame(conn, source, head, note, wrong, now)]

    def _take(self, conn: Connection, source: Source, size: int) -> list[int]:
        """Add the log's new hashes and entries up to ``size`` to the mirror; which do not fit together."""
        wrong: list[int] = []
        have = self.log.size(conn)
        for index, width in tiles.bundles(size, have):
            hashes, entries, bad = _read(source, index, width)
            wrong += bad
            start = index * tiles.WIDTH
            known = max(0, have - start)
            if known and b"".join(hashes[:known]) != self.log.tile(conn, 0, index, known):
                wrong.append(start)
            first = self.log.extend(conn, hashes[known:]).start
            if entries is not None:
                rows = [
                    {"origin": self.origin, "idx": first + at, "data": e}
                    for at, e in enumerate(entries[known:])
                ]
                conn.execute(insert(tables.entry), rows)
        return wrong

    def _blame(
        self, conn: Connection, source: Source, head: Checkpoint, note: str, wrong: list[int], now: datetime
    ) -> Evidence:
        """What is new does not fit: did the log sign another past, or show other entries than it signed?"""
        leaves = [one for index, width in tiles.bundles(head.size) for one in _hashes(source, index, width)]
        have = self.log.size(conn)
        if fold_root(leaves) == head.root and have and fold_root(leaves[:have]) != self.log.root(conn):

            def subtree(level: int, index: int) -> bytes:
                return merkle.fold(leaves[index << level : (index + 1) << level])

            path = merkle.consistency_path(have, head.size, subtree)
            whole = evidence.whole_path(have, fold_root(leaves[:have]), path)
            changed = {"changed": self._changed(conn, leaves[:have])}
            return evidence.two_heads(
                self.head(conn), note, whole, keys=self.keys, found_at=now, seen=changed
            )
        seen = {"why": "what is served is not what the head signs", "indices": wrong[:_MOST_NAMED]}
        return self._saw("other_entries", (note,), now, seen)

    def _reread(self, conn: Connection, source: Source, now: datetime) -> list[Evidence]:
        """Everything again: are the same entries served as were signed?"""
        size, wrong = self.log.size(conn), []
        served: dict[int, bytes] = {}
        for index, width in tiles.bundles(size):
            hashes, entries, bad = _read(source, index, width)
            held = self.log.tile(conn, 0, index, width)
            for at, one in enumerate(hashes):
                place = index * tiles.WIDTH + at
                if one != held[at * SIZE : (at + 1) * SIZE] or place in bad:
                    wrong.append(place)
                    if entries is not None:
                        served.setdefault(place, entries[at])
        if not wrong:
            return []
        first = wrong[0]
        seen = {
            "why": "other entries are served than were signed",
            "indices": wrong[:_MOST_NAMED],
            "index": first,
            "inclusion": [_b64(one) for one in self.log.prove_inclusion(conn, first)],
            "leaf": _b64(self.log.tile(conn, 0, first // tiles.WIDTH, first % tiles.WIDTH + 1)[-SIZE:]),
            "served": _b64(served.get(first, b"")),
        }
        return [self._saw("other_entries", (self.head(conn),), now, seen)]

    def _overdue(self, conn: Connection, now: datetime) -> list[Evidence]:
        """Heads that others were shown: do they fit now, or does the log still keep them from us?"""
        found = []
        have = self.log.size(conn)
        rows = conn.execute(select(ahead).where(ahead.c.origin == self.origin).order_by(ahead.c.size)).all()
        for row in rows:
            here = (ahead.c.origin == self.origin, ahead.c.size == row.size, ahead.c.root == row.root)
            if row.size <= have:
                head, _ = verify_checkpoint(row.note, self.keys, origin=self.origin)
                found += self._hold_against(conn, head, row.note, now, shown_to_us=False)
                conn.execute(delete(ahead).where(*here))
                continue
            if row.looks >= 1:
                seen = {
                    "why": "the log showed others more than it shows us",
                    "ours": have,
                    "theirs": row.size,
                }
                found.append(self._saw("withheld", (row.note,), now, seen))
            conn.execute(update(ahead).where(*here).values(looks=row.looks + 1))
        return found

    def _changed(self, conn: Connection, leaves: Sequence[bytes]) -> list[dict[str, Any]]:
        """Which entries are not what they were, with what we hold of them."""
        changed: list[dict[str, Any]] = []
        for index, width in tiles.bundles(len(leaves)):
            held = self.log.tile(conn, 0, index, width)
            for at in range(width):
                place = index * tiles.WIDTH + at
                if held[at * SIZE : (at + 1) * SIZE] != leaves[place] and len(changed) < _MOST_NAMED:
                    kept = self.log.entries(conn, place, place + 1)
                    changed.append({"index": place, "was": _b64(kept[0]) if kept else ""})
        return changed

    def _saw(self, kind: str, notes: tuple[str, ...], now: datetime, seen: dict[str, Any]) -> Evidence:
        return Evidence(kind, self.origin, notes, str(plain(now)), tuple(map(str, self.keys)), (), seen)


def _hashes(source: Source, index: int, width: int) -> list[bytes]:
    raw = source.hashes(index, width)
    if len(raw) != width * SIZE:
        raise BadInput("The log's tile has another length than its name says.", code="tile")
    return [raw[at : at + SIZE] for at in range(0, len(raw), SIZE)]


def _read(source: Source, index: int, width: int) -> tuple[list[bytes], list[bytes] | None, list[int]]:
    """A bundle's hashes, its entries if they are shown, and which entries do not have their hash."""
    hashes = _hashes(source, index, width)
    try:
        entries = source.entries(index, width)
    except NotFound:
        raise
    except BadInput:  # a bundle of another number of entries
        return hashes, None, [index * tiles.WIDTH]
    except Refused:
        entries = None
    if entries is None:
        return hashes, None, []
    pairs = zip(hashes, entries, strict=True)
    bad = [
        index * tiles.WIDTH + at for at, (one, entry) in enumerate(pairs) if merkle.leaf_hash(entry) != one
    ]
    return hashes, entries, bad


def _b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
