"""Commitments on receipt: each new or changed case report gets a line and an entry of the ledger, in the
transaction that takes it; what its source committed to is compared."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lianfang.foundation.canonical import moment, plain
from lianfang.foundation.errors import BadInput
from lianfang.services.reports import receipt as receipts
from lianfang.services.reports.receipt import Checked, beside

if TYPE_CHECKING:
    import sqlalchemy as sa

    from lianfang.records import Record
    from lianfang.services.installation import Installation, Who

__all__ = ["RECEIPT", "TOLD", "Lines", "beside", "commit"]

RECEIPT = receipts.SUFFIX
#: Types of the entries: a case report's line; what the house itself changed of a case.
RECEIVED, REVISED = "report.line", "report.revised"
#: Daily counts: committed to as a whole, by the root over their rows.
COUNTED = ("clinic_count", "daily_count")
#: What of a case report the figures of a bulletin are drawn from.
TOLD = ("classification", "date_confirmed", "date_death", "adcode", "gender", "symptoms")


class Lines:
    """One batch's commitments; made inside the transaction that takes the batch."""

    def __init__(
        self,
        inst: Installation,
        connection: sa.Connection,
        record: type[Record],
        manifest: Mapping[str, Any],
        receipt: Path,
    ) -> None:
        self._inst, self._connection, self._record = inst, connection, record
        self._batch, self._sha256 = str(manifest["batch_id"]), str(manifest["file_sha256"])
        self._received = moment(str(manifest["received_at"]))
        self.counted = record.about.name in COUNTED
        self._cases = record.about.name == "case_report"
        self._links: list[Checked] = []
        self._source: Checked | None = None
        self._sent: dict[str, receipts.RowCommit] = {}
        self._states: dict[str, str] = {}
        self._commits: list[str] = []
        self._salt = os.urandom(32).hex() if self.counted else ""
        if receipt.exists():
            self._read(receipt.read_bytes())

    def take(self, rows: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]]) -> None:
        """Rows of the file that went to the store, and those of them that were new or changed."""
        self._compare((str(row["id"]), row) for row in rows)
        if self._cases and new:
            told = [(row, self._states.get(str(row["id"]), "none")) for row in new]
            at = self._source.committed_at if self._source else None
            commit(
                self._inst, self._connection, told, batch_id=self._batch, at=self._received, committed_at=at
            )

    def count(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Rows of daily counts, which go to the lake."""
        from lianfang.records import row_id

        self._compare((row_id(self._record, row), row) for row in rows)
        self._commits += [receipts.row_commit(self._salt, row) for row in rows]

    def told(self) -> dict[str, Any]:
        """What the file's own entry says besides: root over its counts, the chain that it came with."""
        found: dict[str, Any] = {}
        if self.counted:
            found |= {"rows_root": receipts.rows_root(self._commits), "rows_salt": self._salt}
        if self._links:
            found["chain"] = [
                plain(
                    {"origin": one.origin, "index": one.index, "at": one.committed_at, "status": one.status}
                )
                for one in self._links
            ]
        return found

    def finish(self) -> None:
        """Keep the chain, with how many rows came as they were committed to at the source."""
        from lianfang.records import ReportOrigin
        from lianfang.store import put

        states = list(self._states.values())
        for position, link in enumerate(self._links):
            first = position == 0
            put(
                self._connection,
                ReportOrigin(
                    file_sha256=self._sha256,
                    position=position,
                    origin=link.origin,
                    source_sha256=link.sha256,
                    status=link.status,
                    log_index=link.index,
                    committed_at=link.committed_at,
                    size=link.size,
                    root=link.root,
                    rows=len(self._sent) if first else 0,
                    same=states.count("same") if first else 0,
                    changed=states.count("changed") if first else 0,
                    omitted=len(self._sent.keys() - self._states.keys()) if first else 0,
                    received_at=self._received,
                ),
            )

    # inside -----------------------------------------------------------------------------------------------

    def _read(self, raw: bytes) -> None:
        """The receipt that came with the file. A bad one stops no report: it is told, and says nothing."""
        from lianfang.records import Reporter
        from lianfang.store import rows

        try:
            receipt = receipts.read(raw)
        except BadInput:
            self._links = [Checked("-", "broken", "0" * 64, problem="malformed")]
            return
        keys = {row["origin"]: row["key"] for row in rows(self._connection, Reporter, until=None)}
        self._links = receipts.check(receipt, keys)
        if self._links[0].status == "verified":
            self._source = self._links[0]
            self._sent = {one.id: one for one in receipt.rows}
        if receipt.file != self._sha256 and self._links[-1].status == "verified":
            # what is here is not what the last node passed on; its rows can be compared all the same
            self._links[-1] = replace(self._links[-1], status="broken", problem="other_file")

    def _compare(self, rows: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
        if not self._sent:
            return
        for identity, row in rows:
            sent = self._sent.get(identity)
            if sent is not None:
                same = receipts.row_commit(sent.salt, row) == sent.commit
                self._states[identity] = "same" if same else "changed"


def commit(
    inst: Installation,
    connection: sa.Connection,
    rows: Sequence[tuple[Mapping[str, Any], str]],
    *,
    batch_id: str,
    at: Any,
    committed_at: Any = None,
    who: Who | None = None,
) -> None:
    """Lines and entries of case reports, each with whether its source committed to the same.

    ``who``: set when the house itself revises a case; else the rows came in a delivery.
    """
    from lianfang.guard import ledger
    from lianfang.records import CaseReport, ReportLine, row_id
    from lianfang.services.installation import SYSTEM
    from lianfang.store import put_rows

    now = inst.now()
    made = [_line(CaseReport, row_id(CaseReport, row), row) for row, _ in rows]
    items = [
        ledger.Item(
            type=REVISED if who else RECEIVED,
            time=now,
            actor=(who or SYSTEM).account,
            purpose="case_report",
            ref=batch_id or "-",
            payload={"line": line_commitment(one)},
        )
        for one in made
    ]
    indices = ledger.record_many(connection, items)
    put_rows(
        connection,
        ReportLine,
        [
            {
                **one,
                "log_index": index,
                "batch_id": batch_id,
                "received_at": at,
                "committed": state,
                "committed_at": committed_at if state != "none" else None,
            }
            for index, one, (_, state) in zip(indices, made, rows, strict=True)
        ],
    )


def _line(record: type[Record], identity: str, row: Mapping[str, Any]) -> dict[str, Any]:
    stored = {info.name for info in record.stored_fields()}
    salt = os.urandom(32).hex()
    return {
        "row": identity,
        "case_id": row["case_id"],
        "reporter": row["reporter"],
        "date_reporting": row["date_reporting"],
        "told": plain({name: row[name] for name in TOLD}),
        "digest": receipts.row_commit(salt, {name: row[name] for name in stored if name in row}),
        "salt": salt,
    }


def line_commitment(line: Mapping[str, Any]) -> str:
    """What the ledger's entry says of a line."""
    from lianfang.guard.ledger.commit import commitment

    said = {name: line[name] for name in ("row", "case_id", "reporter", "date_reporting", "told", "digest")}
    return commitment(bytes.fromhex(line["salt"]), plain(said)).hex()
