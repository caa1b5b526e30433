"""The node of a unit that reports: a folder with its own key and log, in which it commits to what it sends.

A hospital or laboratory commits to a file before it leaves the house; a district to what it received before it
passes it on. No names are kept here: of a row its commitment and salt alone.
"""

from __future__ import annotations

import base64
import json
import os
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from lianfang.foundation.clock import Clock, SystemClock
from lianfang.foundation.errors import BadInput, Conflict, NotFound, Refused
from lianfang.services.reports import receipt as receipts
from lianfang.services.reports.receipt import ENTRY, FORMAT, Link, Opening, Payload, Receipt, RowCommit

if TYPE_CHECKING:
    from lianfang.foundation.progress import Progress
    from lianfang.records import Record

BOOK = "lianfang-report-book/1"
MAX_BOOK = 256 << 20
MAX_ENTRIES = 1_000_000
_metadata = sa.MetaData()
#: What was committed to: the receipt as it was given out, so that it can be given out again.
_committed = sa.Table(
    "report_committed",
    _metadata,
    sa.Column("sha256", sa.String(64), primary_key=True),
    sa.Column("previous", sa.String(64), primary_key=True),
    sa.Column("log_index", sa.BigInteger, nullable=False),
    sa.Column("rows", sa.Text, nullable=False),
)


def init(folder: Path | str, name: str) -> dict[str, Any]:
    """Make a node: its key (0600 in a 0700 folder) and an empty log; returns ``origin`` and ``key``.

    ``name``: the log's origin, such as ``reports.example/hospital-3``.

    Raises:
        Conflict: the folder is a node already.
    """
    from lianfang.guard.files import make_folder
    from lianfang.guard.signing import create_keys

    base = Path(folder)
    if (base / "keys.json").exists():
        raise Conflict("This folder is a reporting node already.")
    make_folder(base)
    create_keys(base / "keys.json", name)
    with ReportNode(base) as node:
        return node.identity()


class ReportNode:
    """A reporting unit's folder, opened; use it in ``with``."""

    def __init__(self, folder: Path | str, *, clock: Clock | None = None) -> None:
        from lianfang.guard import ledger
        from lianfang.guard.signing import load_keys
        from lianfang.store import Store, sqlite_url

        self.folder = Path(folder)
        if not (self.folder / "keys.json").exists():
            raise NotFound(
                "This folder is no reporting node.", hint="lianfang report init FOLDER --name NAME"
            )
        self.keys = load_keys(self.folder / "keys.json")
        self.clock = clock or SystemClock()
        path = self.folder / "node.db"
        if not path.exists():
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        self.store = Store(sqlite_url(path))
        for metadata in (_metadata, ledger.metadata):
            metadata.create_all(self.store.engine)
        self.log = ledger.Log(self.keys)
        with self.store.begin() as connection:
            if not connection.execute(sa.text("SELECT 1 FROM ledger_log")).first():
                ledger.Log.create(connection, self.keys, authority=self.keys.name[:64], now=self.clock.now())

    def __enter__(self) -> ReportNode:
        return self

    def __exit__(self, *more: object) -> None:
        self.store.close()

    def __repr__(self) -> str:
        return f"<ReportNode {self.log.origin}>"

    def identity(self) -> dict[str, Any]:
        """What the centre needs to register this node: ``origin`` and ``key`` (a verifier key)."""
        from lianfang.guard import ledger

        return {"origin": self.log.origin, "key": str(ledger.Verifier.of(self.keys.public))}

    def commit(
        self,
        file: Path | str,
        *,
        kind: str = "",
        mapping: Path | None = None,
        previous: Receipt | None = None,
        write: bool = True,
        progress: Progress | None = None,
    ) -> Receipt:
        """Commit to a file of reports; writes ``FILE.receipt.json`` beside it and returns the receipt.

        ``previous``: the receipt with which the file came here, to pass it on. A file that was committed to
        already gives the same receipt again, with its first time.

        Raises:
            BadInput: the file cannot be read as reports of ``kind``. Refused: the receipt it came with is broken.
        """
        path = Path(file)
        chain = list(previous.links) if previous else []
        if previous is not None and any(one.status == "broken" for one in receipts.check(previous, {})):
            raise Refused("The receipt with which the file came is broken.", code="broken_chain")
        sha256 = receipts.file_digest(path)
        before = receipts.link_digest(chain[-1]) if chain else ""
        index = self._held(sha256, before)
        if index is None:
            index = self._append(sha256, before, *_read(path, kind, mapping, progress))
        rows, link = self._given(index)
        made = Receipt(format=FORMAT, rows=previous.rows if previous else rows, links=[*chain, link])
        if write:
            Path(f"{path}{receipts.SUFFIX}").write_text(made.text(), encoding="utf-8")
        return made

    def book(self) -> str:
        """Everything the node ever committed to, for whoever checks that nothing was left out: entries, no rows."""
        with self.store.begin() as connection:
            size = self.log.size(connection)
            note = self.log.checkpoint(connection, now=self.clock.now())
            entries = self.log.entries(connection, 0, size)
        document = {
            "format": BOOK,
            "key": self.identity()["key"],
            "checkpoint": note,
            "entries": [base64.b64encode(one).decode() for one in entries],
        }
        return json.dumps(document, ensure_ascii=False, indent=1, sort_keys=True) + "\n"

    def _append(self, sha256: str, before: str, kind: str, rows: list[RowCommit]) -> int:
        """Commit, sign the head, and keep what the receipt is made of; gives the entry's index."""
        from lianfang.guard import ledger

        payload = Payload(
            sha256=sha256,
            kind=kind,
            rows=len(rows),
            rows_root=receipts.rows_root([row.commit for row in rows]),
            previous=before,
        )
        now = self.clock.now()
        with self.store.begin() as connection:
            index = ledger.record(
                connection,
                type=ENTRY,
                time=now,
                actor="node",
                purpose="case_report",
                ref=f"{kind}/{sha256}",
                payload=payload.model_dump(),
                public=True,  # the book names the files by their digests: that is what it is for
                log=self.log,
            )
            self.log.checkpoint(connection, now=now)
            connection.execute(
                sa.insert(_committed).values(
                    sha256=sha256,
                    previous=before,
                    log_index=index,
                    rows=json.dumps([row.model_dump() for row in rows]),
                )
            )
        return index

    def _held(self, sha256: str, before: str) -> int | None:
        chosen = sa.select(_committed.c.log_index).where(
            _committed.c.sha256 == sha256, _committed.c.previous == before
        )
        with self.store.read() as connection:
            found: int | None = connection.execute(chosen).scalar()
        return found

    def _given(self, index: int) -> tuple[list[RowCommit], Link]:
        """Rows and link of an entry, as they go into receipts."""
        from lianfang.guard import ledger

        with self.store.read() as connection:
            rows = connection.execute(
                sa.select(_committed.c.rows).where(_committed.c.log_index == index)
            ).scalar_one()
            proof = self.log.proof(connection, index).text()
            opening = Opening.model_validate(ledger.opening(connection, index, log=self.log))
        link = Link(key=self.identity()["key"], proof=proof, opening=opening)
        return [RowCommit.model_validate(one) for one in json.loads(rows)], link


def _read(
    path: Path, kind: str, mapping: Path | None, progress: Progress | None
) -> tuple[str, list[RowCommit]]:
    """Record type and commitments of the rows that an import would take."""
    from lianfang.services.importing import taken_rows

    rows: list[RowCommit] = []
    name = kind
    for record, chunk in taken_rows(path, kind=kind, mapping=mapping):
        name = record.about.name
        rows += [_commit(record, row) for row in chunk]
        if progress is not None:
            progress(path.name, len(rows), 0)
    return name, rows


def _commit(record: type[Record], row: dict[str, Any]) -> RowCommit:
    from lianfang.records import row_id

    salt = os.urandom(32).hex()
    return RowCommit(id=row_id(record, row), salt=salt, commit=receipts.row_commit(salt, row))


def read_book(raw: bytes, keys: dict[str, str]) -> dict[str, Any]:
    """A node's book, recomputed: ``origin``, ``size``, ``roots`` (a function of the size), ``committed``.

    ``keys``: log -> registered verifier key. ``committed``: sha256, kind, at, index of each file, in order.

    Raises:
        BadInput: it is no book. Refused: of an unknown node, or its entries are not those that its head signs.
    """
    from lianfang.guard import ledger

    if len(raw) > MAX_BOOK:
        raise BadInput("The book is too large.")
    try:
        document = json.loads(raw)
        if set(document) != {"format", "key", "checkpoint", "entries"} or document["format"] != BOOK:
            raise ValueError
        if len(document["entries"]) > MAX_ENTRIES:
            raise ValueError
        entries = [base64.b64decode(one, validate=True) for one in document["entries"]]
        verifier = ledger.Verifier.parse(str(document["key"]))
        note = str(document["checkpoint"])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise BadInput(
            "That is no book of a reporting node.", hint="lianfang report book writes one."
        ) from None
    if keys.get(verifier.name) != str(verifier):
        raise Refused("The book is of a node that is not registered under this key.", code="unknown_signer")
    head, _ = ledger.verify_checkpoint(note, [verifier], origin=verifier.name)
    if head.size != len(entries) or receipts.root_of(entries) != head.root:
        raise Refused("The book's entries are not those that its head signs.", code="not_included")
    committed = []
    for index, raw_entry in enumerate(entries):
        entry = json.loads(raw_entry)
        if entry.get("type") == ENTRY:
            kind, _, sha256 = str(entry["ref"]).partition("/")
            committed.append({"index": index, "sha256": sha256, "kind": kind, "at": _moment(entry["time"])})
    return {"origin": verifier.name, "size": head.size, "entries": entries, "committed": committed}


def _moment(text: Any) -> datetime:
    from lianfang.foundation.canonical import moment

    return moment(str(text))


def extends(entries: list[bytes], size: int, root: str) -> bool:
    """Whether the log with these entries had this root when it had ``size`` of them."""
    return size <= len(entries) and receipts.root_of(entries[:size]).hex() == root


__all__ = ["BOOK", "ReportNode", "extends", "init", "read_book"]
