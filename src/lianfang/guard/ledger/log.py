"""A log at rest: append, signed head, proofs, tiles. The caller owns the transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, delete, func, insert, or_, select, update

from lianfang.foundation.canonical import plain
from lianfang.foundation.errors import BadInput, Conflict, Fault, NotFound
from lianfang.guard.ledger import merkle, tables
from lianfang.guard.ledger.merkle import SIZE
from lianfang.guard.ledger.note import Signer, Verifier, sign_note, split_note, verify_note
from lianfang.guard.ledger.proof import Checkpoint, Proof, check_origin
from lianfang.guard.ledger.tiles import MAX_ENTRY, WIDTH, bundle_bytes
from lianfang.guard.signing import SecretKeys

_HEADS = 64  # among how many heads a proof's is chosen


class Log:
    """One authority's log. The object holds no state but its key; everything is read from the connection.

    Made from its origin, or from the authority's keys, by which it then signs its heads.
    """

    def __init__(self, origin: str | SecretKeys | Signer) -> None:
        self._signer = Signer.of(origin) if isinstance(origin, SecretKeys) else None
        if isinstance(origin, Signer):
            self._signer = origin
        self.origin = check_origin(origin if isinstance(origin, str) else origin.name)

    def __repr__(self) -> str:
        return f"<Log {self.origin}>"

    @classmethod
    def create(
        cls, conn: Connection, origin: str | SecretKeys | Signer, *, authority: str, now: datetime
    ) -> Log:
        """A new, empty log."""
        made = cls(origin)
        origin = made.origin
        if not 0 < len(authority) <= 64:
            raise BadInput("An authority's name has 1 to 64 characters.")
        if conn.execute(select(tables.log).where(tables.log.c.origin == origin)).first():
            raise Conflict(f"There is a log {origin} already.")
        conn.execute(
            insert(tables.log).values(
                origin=origin, authority=authority, size=0, root=merkle.EMPTY_ROOT, created_at=plain(now)
            )
        )
        return made

    @classmethod
    def only(cls, conn: Connection) -> Log:
        """The log of this installation, which has exactly one of its own."""
        origins = conn.execute(select(tables.log.c.origin).limit(2)).scalars().all()
        if len(origins) != 1:
            raise NotFound("The database has no log, or several.", hint="Make one, or name the one you mean.")
        return cls(origins[0])

    def authority(self, conn: Connection) -> str:
        """Whose log it is."""
        return str(self._row(conn).authority)

    def size(self, conn: Connection) -> int:
        """Number of entries."""
        return int(self._row(conn).size)

    def root(self, conn: Connection, size: int | None = None) -> bytes:
        """Root hash of the tree, now or when it had ``size`` entries."""
        row = self._row(conn)
        if size is None or size == row.size:
            return bytes(row.root)
        return merkle.range_hash(0, self._within(size, row.size), self._tiles(conn))

    def open_from(self, conn: Connection) -> int:
        """From which entry on the entries are shown to everybody."""
        table = tables.shown
        return int(conn.execute(select(table.c.open_from).where(table.c.origin == self.origin)).scalar() or 0)

    def append(self, conn: Connection, entries: Sequence[bytes]) -> range:
        """Add entries in order; gives their indices. They are in the log once the transaction commits."""
        if any(len(one) > MAX_ENTRY for one in entries):
            raise BadInput(f"A log entry has at most {MAX_ENTRY:,} bytes.")
        indices = self.extend(conn, [merkle.leaf_hash(one) for one in entries])
        if entries:
            rows = zip(indices, entries, strict=True)
            conn.execute(
                insert(tables.entry), [{"origin": self.origin, "idx": at, "data": one} for at, one in rows]
            )
        return indices

    def extend(self, conn: Connection, leaves: Sequence[bytes]) -> range:
        """Add leaf hashes whose entries are elsewhere, as a mirror of another's log does; gives their indices."""
        size = self._hold(conn)
        if not leaves:
            return range(size, size)
        root, changed, fresh = self._grow(conn, size, list(leaves))
        indices = range(size, size + len(leaves))
        if fresh:
            conn.execute(insert(tables.tile), fresh)
        table = tables.tile
        for tile in changed:
            here = (table.c.origin == self.origin, table.c.level == tile["level"], table.c.idx == tile["idx"])
            conn.execute(update(table).where(*here).values(hashes=tile["hashes"]))
        grown = update(tables.log).where(tables.log.c.origin == self.origin)
        conn.execute(grown.values(size=indices.stop, root=root))
        return indices

    def entry(self, conn: Connection, index: int) -> bytes:
        """The bytes of one entry."""
        table = tables.entry
        data = conn.execute(
            select(table.c.data).where(table.c.origin == self.origin, table.c.idx == index)
        ).scalar()
        if data is None:
            raise NotFound(f"The log has no entry {index}.")
        return bytes(data)

    def entries(self, conn: Connection, start: int, end: int) -> list[bytes]:
        """Entries ``start`` to ``end`` (exclusive), in order."""
        table = tables.entry
        rows = conn.execute(
            select(table.c.data)
            .where(table.c.origin == self.origin, table.c.idx >= start, table.c.idx < end)
            .order_by(table.c.idx)
        )
        return [bytes(data) for data in rows.scalars()]

    # heads and proofs -------------------------------------------------------------------------------------

    def checkpoint(
        self, conn: Connection, signers: Signer | Sequence[Signer] | None = None, *, now: datetime
    ) -> str:
        """The signed head of the log as it is now, kept. The first signer's name is the log's origin.

        By default the log's own key signs. Ed25519 signs alike each time, so the head of one size is one
        text.
        """
        own = [self._signer] if self._signer else []
        using = own if signers is None else [signers] if isinstance(signers, Signer) else list(signers)
        if not using or using[0].name != self.origin:
            raise BadInput(f"The first key that signs this log is named {self.origin}.")
        self._hold(conn)  # nobody else signs this size meanwhile
        row = self._row(conn)
        note = sign_note(Checkpoint(self.origin, int(row.size), bytes(row.root)).text(), using)
        table = tables.checkpoint
        here = (table.c.origin == self.origin, table.c.size == row.size)
        held = conn.execute(select(table.c.note).where(*here)).scalar()
        if held is None:
            conn.execute(insert(table).values(origin=self.origin, size=row.size, note=note, at=plain(now)))
        elif held != note:
            conn.execute(update(table).where(*here).values(note=note))
        return note

    def latest(self, conn: Connection) -> str:
        """The newest signed head that is kept, with what witnesses signed under it."""
        table = tables.checkpoint
        row = conn.execute(
            select(table.c.size, table.c.note)
            .where(table.c.origin == self.origin)
            .order_by(table.c.size.desc())
            .limit(1)
        ).first()
        if row is None:
            raise NotFound("The log has no signed checkpoint yet.")
        return str(row.note) + "".join(self._cosignatures(conn, [row.size]).get(row.size, []))

    def signed_size(self, conn: Connection) -> int:
        """How many entries the newest signed head covers; 0 when there is none."""
        table = tables.checkpoint
        size = conn.execute(select(func.max(table.c.size)).where(table.c.origin == self.origin)).scalar()
        return int(size or 0)

    def signed(self, conn: Connection, size: int) -> str:
        """The head of ``size`` as the log signed it, without cosignatures; NotFound when none was signed."""
        table = tables.checkpoint
        note = conn.execute(
            select(table.c.note).where(table.c.origin == self.origin, table.c.size == size)
        ).scalar()
        if note is None:
            raise NotFound("The log has no signed checkpoint yet.")
        return str(note)

    def cosigned_size(self, conn: Connection, witness: Verifier) -> int:
        """The size of the newest head that this witness signed; 0 when it signed none."""
        table = tables.cosignature
        where = (table.c.origin == self.origin, table.c.key == str(witness))
        return int(conn.execute(select(func.max(table.c.size)).where(*where)).scalar() or 0)

    def keep_cosignatures(self, conn: Connection, size: int, lines: str, keys: Iterable[Verifier]) -> int:
        """Keep what witnesses answered for the head of ``size``: those lines that these keys signed; how many.

        Lines of other keys are passed over (C2SP tlog-witness). Refused when one of these keys' lines does not
        hold, BadInput when the answer is no signature lines at all.
        """
        self._hold(conn)
        note = self.signed(conn, size)
        known = list(keys)
        signed = split_note(f"{note}{lines}")[1]
        held = verify_note(f"{note}{lines}", known).signed_by
        kept = tables.cosignature
        for verifier in held:
            line = next(f"{line}\n" for name, ident, _, line in signed if (name, ident) == verifier.mark)
            where = (kept.c.origin == self.origin, kept.c.size == size, kept.c.key == str(verifier))
            conn.execute(delete(kept).where(*where))
            conn.execute(insert(kept).values(origin=self.origin, size=size, key=str(verifier), line=line))
        return len(held)

    def _cosignatures(self, conn: Connection, sizes: Sequence[int]) -> dict[int, list[str]]:
        table = tables.cosignature
        rows = conn.execute(
            select(table.c.size, table.c.line)
            .where(table.c.origin == self.origin, table.c.size.in_(sizes))
            .order_by(table.c.key)
        )
        found: dict[int, list[str]] = {}
        for size, line in rows:
            found.setdefault(int(size), []).append(str(line))
        return found

    def _head_over(self, conn: Connection, index: int) -> str:
        """Of the newest heads that cover the entry, the one that most witnesses signed."""
        table = tables.checkpoint
        rows = conn.execute(
            select(table.c.size, table.c.note)
            .where(table.c.origin == self.origin, table.c.size > index)
            .order_by(table.c.size.desc())
            .limit(_HEADS)
        ).all()
        if not rows:
            self.latest(conn)
            raise Conflict(f"Entry {index} is not under a signed checkpoint yet.", hint="Sign one first.")
        lines = self._cosignatures(conn, [row.size for row in rows])
        best = max(rows, key=lambda row: (len(lines.get(row.size, ())), row.size))
        return str(best.note) + "".join(lines.get(best.size, ()))

    def prove_inclusion(self, conn: Connection, index: int, size: int | None = None) -> list[bytes]:
        """Inclusion proof of entry ``index`` in the tree of ``size`` entries (now, by default)."""
        now = self.size(conn)
        within = self._within(size, now) if size is not None else now
        if not 0 <= index < within:
            raise NotFound(f"The tree of {within} entries has no entry {index}.")
        return merkle.inclusion_path(index, within, self._tiles(conn))

    def prove_consistency(self, conn: Connection, first: int, second: int | None = None) -> list[bytes]:
        """Consistency proof between two sizes of the tree."""
        now = self.size(conn)
        later = self._within(second, now) if second is not None else now
        return merkle.consistency_path(self._within(first, later), later, self._tiles(conn))

    def proof(self, conn: Connection, index: int, *, with_entry: bool = True) -> Proof:
        """An offline proof (``.tlog-proof``) of entry ``index`` against a signed head that covers it: of the newest
        ones, that which most witnesses signed."""
        note = self._head_over(conn, index)
        head = Checkpoint.parse(note[: note.rfind("\n\n") + 1])
        path = tuple(self.prove_inclusion(conn, index, head.size))
        return Proof(index, path, note, self.entry(conn, index) if with_entry else None)

    # tiles ------------------------------------------------------------------------------------------------

    def tile(self, conn: Connection, level: int, index: int, width: int = WIDTH) -> bytes:
        """A tile of hashes as served at ``tile/<level>/<index>[.p/<width>]``; NotFound when it is not
        there."""
        raw = self._read_tile(conn, level, index)
        if not 0 < width <= WIDTH or raw is None or len(raw) < width * SIZE:
            raise NotFound("The log has no such tile.")
        return raw[: width * SIZE]

    def bundle(self, conn: Connection, index: int, width: int = WIDTH) -> bytes:
        """An entry bundle as served at ``tile/entries/<index>[.p/<width>]``."""
        found = self.entries(conn, index * WIDTH, index * WIDTH + width) if 0 < width <= WIDTH else []
        if len(found) != width:
            raise NotFound("The log has no such entry bundle.")
        return bundle_bytes(found)

    # inside -----------------------------------------------------------------------------------------------

    def _row(self, conn: Connection) -> Any:
        row = conn.execute(select(tables.log).where(tables.log.c.origin == self.origin)).first()
        if row is None:
            raise NotFound(f"There is no log {self.origin} here.")
        return row

    def _hold(self, conn: Connection) -> int:
        """Take the log's row: one writer at a time. Gives the size."""
        table = tables.log
        conn.execute(update(table).where(table.c.origin == self.origin).values(origin=self.origin))
        return self.size(conn)

    @staticmethod
    def _within(size: int, now: int) -> int:
        if not 0 <= size <= now:
            raise NotFound(f"The log has {now} entries; there was no tree of {size}.")
        return size

    def _grow(
        self, conn: Connection, size: int, leaves: list[bytes]
    ) -> tuple[bytes, list[dict[str, Any]], list[dict[str, Any]]]:
        """New root, tiles that grew, tiles that are new."""
        edge = self._edge(conn, size)
        changed: list[dict[str, Any]] = []
        fresh: list[dict[str, Any]] = []
        level, new, root = 0, leaves, None
        while new or size >> (8 * level):
            old = edge.get(level, [])
            hashes, at = old + new, (size >> (8 * level)) // WIDTH
            complete = []
            for cut in range(0, len(hashes) if new else 0, WIDTH):
                part = hashes[cut : cut + WIDTH]
                row = {"origin": self.origin, "level": level, "idx": at, "hashes": b"".join(part)}
                (changed if cut == 0 and old else fresh).append(row)
                at += 1
                if len(part) == WIDTH:
                    complete.append(merkle.fold(part))
            rest = hashes[len(hashes) - len(hashes) % WIDTH :]
            root = _peaks(rest, root)
            level, new = level + 1, complete
        if root is None:
            raise Fault("A tree without leaves cannot grow.")
        return root, changed, fresh

    def _edge(self, conn: Connection, size: int) -> dict[int, list[bytes]]:
        """The hashes of the rightmost, narrower tile of each level."""
        wanted = {}
        for level in range(8):
            width = (size >> (8 * level)) % WIDTH
            if width:
                wanted[level] = ((size >> (8 * level)) // WIDTH, width)
        if not wanted:
            return {}
        table = tables.tile
        rows = conn.execute(
            select(table.c.level, table.c.hashes).where(
                table.c.origin == self.origin,
                or_(*(and_(table.c.level == level, table.c.idx == at) for level, (at, _) in wanted.items())),
            )
        ).all()
        edge = {level: _hashes(bytes(raw)) for level, raw in rows}
        if {level: len(h) for level, h in edge.items()} != {level: w for level, (_, w) in wanted.items()}:
            raise Fault("The ledger's tiles do not fit its size.", hint="Run: lianfang ledger check")
        return edge

    def _read_tile(self, conn: Connection, level: int, index: int) -> bytes | None:
        table = tables.tile
        raw = conn.execute(
            select(table.c.hashes).where(
                table.c.origin == self.origin, table.c.level == level, table.c.idx == index
            )
        ).scalar()
        return None if raw is None else bytes(raw)

    def _tiles(self, conn: Connection) -> merkle.Subtree:
        held: dict[tuple[int, int], bytes] = {}

        def subtree(level: int, index: int) -> bytes:
            high, low = divmod(level, 8)
            first = index << low
            key = (high, first // WIDTH)
            if key not in held:
                held[key] = self._read_tile(conn, *key) or b""
            start = first % WIDTH * SIZE
            part = held[key][start : start + (SIZE << low)]
            if len(part) != SIZE << low:
                raise Fault("The ledger's tiles do not fit its size.", hint="Run: lianfang ledger check")
            return merkle.fold(_hashes(part))

        return subtree


def _hashes(raw: bytes) -> list[bytes]:
    return [raw[at : at + SIZE] for at in range(0, len(raw), SIZE)]


def _peaks(hashes: Sequence[bytes], right: bytes | None) -> bytes | None:
    """Root over ``hashes`` (fewer than 256 complete subtrees of one height) and what lies right of them."""
    end = len(hashes)
    for bit in (1, 2, 4, 8, 16, 32, 64, 128):
        if len(hashes) & bit:
            peak = merkle.fold(hashes[end - bit : end])
            right = peak if right is None else merkle.node_hash(peak, right)
            end -= bit
    return right


def fold_root(leaves: Iterable[bytes]) -> bytes:
    """Root over any number of leaf hashes, in one pass and little memory (for monitors and checks)."""
    stack: list[tuple[int, bytes]] = []
    for leaf in leaves:
        height, value = 0, leaf
        while stack and stack[-1][0] == height:
            value = merkle.node_hash(stack.pop()[1], value)
            height += 1
        stack.append((height, value))
    root = None
    for _, value in reversed(stack):
        root = value if root is None else merkle.node_hash(value, root)
    return merkle.EMPTY_ROOT if root is None else root
