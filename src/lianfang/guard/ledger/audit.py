"""The whole log read again: every entry, tile, head and record, against each other and against heads held
elsewhere."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from lianfang.foundation.errors import LianfangError
from lianfang.foundation.progress import Progress, silent
from lianfang.guard.ledger import merkle, tables
from lianfang.guard.ledger.commit import HIDDEN, by_payload, commitment
from lianfang.guard.ledger.log import Log
from lianfang.guard.ledger.note import COSIGNATURE, Verifier, split_note, verify_note
from lianfang.guard.ledger.proof import Checkpoint, verify_checkpoint
from lianfang.guard.ledger.records import Sealer, _body
from lianfang.guard.ledger.tiles import WIDTH
from lianfang.guard.signing import canonical

_STEP = 64 * WIDTH


@dataclass(frozen=True)
class Finding:
    """Something that is not as it was logged. ``index`` is the entry's, where it is about one."""

    what: str
    index: int | None = None


def check(
    conn: Connection,
    log: Log | None = None,
    *,
    verifiers: Iterable[Verifier | str] = (),
    heads: Iterable[str] = (),
    sealer: Sealer | None = None,
    progress: Progress | None = None,
) -> list[Finding]:
    """Recompute the log and compare; empty when all is as it was signed.

    ``verifiers``: the log's keys, to check signatures as well; ``heads``: checkpoints of this log that were
    kept elsewhere (a witness's, an older backup's), which show a rollback or a rewritten past; ``sealer``:
    the vault, to check sealed payloads too (erased ones are silent, not findings).
    """
    one = log or Log.only(conn)
    found: list[Finding] = []
    levels = _entries(conn, one, found, progress or silent)
    count = len(levels[0])
    found += _tree(conn, one, levels)
    subtree = _subtree(levels)
    root = merkle.range_hash(0, count, subtree)
    if one.size(conn) != count or one.root(conn) != root:
        found.append(Finding("the log's size or root is not that of its entries"))
    table = tables.checkpoint
    kept = conn.execute(select(table.c.size, table.c.note).where(table.c.origin == one.origin)).all()
    keys = list(verifiers)
    for size, note in kept:
        found += _head(one, note, keys, count, subtree, "a kept checkpoint", int(size))
    for note in heads:
        found += _head(one, note, keys, count, subtree, "a checkpoint held elsewhere", None)
    found += _cosignatures(conn, one, {int(size): str(note) for size, note in kept})
    found += _records(conn, one, count, sealer)
    found += _strays(conn)
    return found


def _strays(conn: Connection) -> Iterator[Finding]:
    logs = select(tables.log.c.origin)
    for table in (tables.entry, tables.tile, tables.checkpoint, tables.cosignature, tables.record):
        if conn.execute(select(table.c.origin).where(table.c.origin.not_in(logs)).limit(1)).first():
            yield Finding(f"{table.name} has rows of a log that does not exist")


def _entries(conn: Connection, log: Log, found: list[Finding], progress: Progress) -> list[list[bytes]]:
    """All leaf hashes, and the hashes of the tiles' levels above them."""
    leaves: list[bytes] = []
    total = log.size(conn)
    table = tables.entry
    rows = conn.execution_options(yield_per=_STEP).execute(
        select(table.c.idx, table.c.data).where(table.c.origin == log.origin).order_by(table.c.idx)
    )
    for index, data in rows:
        if index != len(leaves):
            found.append(Finding("entries are missing before this one", int(index)))
            break
        leaves.append(merkle.leaf_hash(bytes(data)))
        if len(leaves) % _STEP == 0:
            progress("entries", len(leaves), total)
    progress("entries", len(leaves), total)
    levels = [leaves]
    while len(levels[-1]) >= WIDTH:
        below = levels[-1]
        levels.append(
            [merkle.fold(below[at : at + WIDTH]) for at in range(0, len(below) - len(below) % WIDTH, WIDTH)]
        )
    return levels


def _tree(conn: Connection, log: Log, levels: list[list[bytes]]) -> Iterator[Finding]:
    table = tables.tile
    seen = 0
    rows = conn.execute(
        select(table.c.level, table.c.idx, table.c.hashes).where(table.c.origin == log.origin)
    )
    for level, index, raw in rows:
        hashes = levels[level][index * WIDTH : (index + 1) * WIDTH] if 0 <= level < len(levels) else []
        if not hashes or b"".join(hashes) != bytes(raw):
            yield Finding(
                f"tile {level}/{index} is not that of the entries", index * WIDTH if level == 0 else None
            )
        seen += 1
    if seen != sum(-(-len(hashes) // WIDTH) for hashes in levels):
        yield Finding("tiles are missing")


def _subtree(levels: list[list[bytes]]) -> merkle.Subtree:
    def subtree(level: int, index: int) -> bytes:
        high, low = divmod(level, 8)
        return merkle.fold(levels[high][index << low : (index + 1) << low])

    return subtree


def _head(
    log: Log,
    note: str,
    keys: list[Verifier | str],
    count: int,
    subtree: merkle.Subtree,
    what: str,
    size: int | None,
) -> Iterator[Finding]:
    try:
        if keys:
            head, _ = verify_checkpoint(note, keys, origin=log.origin)
        else:
            head = Checkpoint.parse(split_note(note)[0])
    except LianfangError as error:
        yield Finding(f"{what} does not hold: {error.message}")
        return
    if head.origin != log.origin or (size is not None and head.size != size):
        yield Finding(f"{what} is of another log or size")
    elif head.size > count:
        yield Finding(f"{what} signs {head.size} entries, the log has {count}: it was rolled back")
    elif merkle.range_hash(0, head.size, subtree) != head.root:
        yield Finding(f"{what} of size {head.size} signs another past than the entries give")


def _cosignatures(conn: Connection, log: Log, notes: Mapping[int, str]) -> Iterator[Finding]:
    table = tables.cosignature
    for row in conn.execute(select(table).where(table.c.origin == log.origin)):
        try:
            note = notes[int(row.size)]
            held = verify_note(note + row.line, [row.key]).signed_by
            lines = len(split_note(note + row.line)[1]) - len(split_note(note)[1])
            sound = lines == len(held) == 1 and held[0].algorithm == COSIGNATURE
        except (KeyError, LianfangError):
            sound = False
        if not sound:
            yield Finding(f"a cosignature under the head of size {row.size} does not hold")


def _records(conn: Connection, log: Log, count: int, sealer: Sealer | None) -> Iterator[Finding]:
    record, entry = tables.record, tables.entry
    rows = conn.execute(
        select(record, entry.c.data)
        .outerjoin(entry, (entry.c.origin == record.c.origin) & (entry.c.idx == record.c.idx))
        .where(record.c.origin == log.origin)
        .order_by(record.c.idx)
    ).mappings()
    logged = set()
    authority = log.authority(conn)
    for row in rows:
        index = int(row["idx"])
        logged.add(index)
        if row["data"] is None:
            yield Finding("a record has no entry in the log", index)
            continue
        problem = _record(conn, log, row, sealer, authority)
        if problem:
            yield Finding(problem, index)
    table = tables.entry
    ours = canonical({"authority": authority})[:-1] + b","  # other bodies' statements have no record here
    for index, data in conn.execute(select(table.c.idx, table.c.data).where(table.c.origin == log.origin)):
        if int(index) not in logged and bytes(data).startswith(ours):
            yield Finding("the record of this entry is missing", int(index))


def _record(conn: Connection, log: Log, row: Mapping[Any, Any], sealer: Sealer | None, authority: str) -> str:
    try:
        said = json.loads(bytes(row["data"]))
        commit = bytes.fromhex(said["commit"])
        same = all(said[name] == row[name] for name in ("type", "time", "purpose"))
        if not same or said["ref"] not in (HIDDEN, row["ref"]):
            return "the record says another type, time, purpose or object than the log"
        if said["authority"] != authority or row["sealed"] not in (0, 1):
            return "the record or its log names another authority, or another kind of sealing"
        named = (row["actor"], row["event_id"], row["subject_id"])
        shown = by_payload(*named)  # entries of published facts, and those from before refs were hidden
        either = [by_payload(*named, row["ref"])] if said["ref"] == HIDDEN else [shown]
        if row["ref"] == HIDDEN:
            either.append(shown)
        if all(commitment(bytes(row["by_salt"]), who).hex() != said["by"] for who in either):
            return "the record names another actor, event or subject than the log"
        body = _body(conn, log, row, sealer)
        if body is not None and hashlib.sha256(b"\x02" + body).digest() != commit:
            return "the record's payload is not what the log commits to"
    except LianfangError:
        return "the record's payload does not open"
    except (ValueError, KeyError, TypeError, RecursionError):
        return "the entry or its record cannot be read"
    return ""
