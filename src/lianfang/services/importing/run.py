"""The import itself: read, split, stage, finish."""

from __future__ import annotations

import csv
import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lianfang.foundation.errors import BadInput
from lianfang.foundation.progress import Progress, silent
from lianfang.guard.redaction.exits import file_name
from lianfang.records import Batch
from lianfang.services.importing.mapping import Mapping, choose, mappings, read_mapping
from lianfang.services.importing.report import ImportReport
from lianfang.services.importing.rows import REJECT_COLUMNS, Reading, Rejected, escaped
from lianfang.services.importing.source import Source, opened
from lianfang.services.importing.staging import Stage, finish, importing, reached
from lianfang.services.importing.tables import Table, read_table
from lianfang.services.reports.lines import RECEIPT, beside

if TYPE_CHECKING:
    import sqlalchemy as sa

    from lianfang.records import Record
    from lianfang.services.installation import Installation, Who

_SHOWN = 50
_TRACING = "close_contact_tracing"
#: Printed forms that stand outside the vault only as keyed ids.
_KEYED = ("vehicle", "hotel", "room")


@dataclass
class _Tally:
    rows: int = 0
    accepted: int = 0
    rejected: int = 0
    reasons: Counter[str] = field(default_factory=Counter)


def import_files(
    inst: Installation,
    who: Who,
    kind: str,
    paths: Sequence[Path | str],
    *,
    mapping: Mapping | Path | None = None,
    strict: bool = False,
    dry_run: bool = False,
    day: date | None = None,
    event_id: str | None = None,
    progress: Progress | None = None,
) -> list[ImportReport]:
    """Import files of one kind; each file whole or not at all, the same file again changes nothing.

    ``kind``: a ready mapping's name or a record type's; ``mapping``: a mapping (file) of one's own.
    ``strict`` refuses a file with a bad row, else bad rows go to a reject file. ``day``: when the files were
    delivered (default: not known, a historical table). ``event_id``: whose keys the identifiers come under
    (default: the standing event).

    Raises:
        BadInput: a file cannot be used; it and those after it were not imported, those before it were.
        Refused: the role or the policy does not allow it.
    """
    from lianfang.services.gate import require
    from lianfang.services.installation import ROUTINE

    require(who, "data.import")
    own = read_mapping(mapping) if isinstance(mapping, Path) else mapping
    one = _One(inst, who, own, kind, strict, dry_run, day, event_id or ROUTINE, progress or silent)
    reports = []
    for path in paths:
        reports.append(one.run(path))
        if reports[-1].status == "imported":
            _clear_mended(inst, path)
    return reports


def import_day(
    inst: Installation,
    who: Who,
    folder: Path,
    day: date,
    progress: Progress | None = None,
) -> list[ImportReport]:
    """Import one day's delivery: every file of the folder, each by the mapping that its name and header fit.

    Files of sequences are left to the step of genomes. A file that cannot be used is reported as ``refused`` and
    does not stop the others.
    """
    from lianfang.services import deliveries
    from lianfang.services.gate import require
    from lianfang.services.installation import ROUTINE

    require(who, "data.import")
    if not folder.is_dir():
        return []
    one = _One(inst, who, None, "", False, False, day, ROUTINE, progress or silent)
    reports = []
    files = [p for p in folder.iterdir() if p.is_file() and not p.name.startswith(".")]
    set_aside = {*deliveries.sequences(folder), *(p for p in files if p.name.endswith(RECEIPT))}
    for path in sorted(set(files) - set_aside):
        try:
            reports.append(one.run(path))
        except BadInput as error:
            reports.append(ImportReport(file_name(path.name), "", "", "refused", error=str(error)))
    return reports


def read_rows(
    path: Path | str, *, kind: str = "", mapping: Mapping | Path | None = None, zone: str = "Asia/Shanghai"
) -> Iterator[list[dict[str, Any]]]:
    """Validated rows of a file in chunks, identifiers and all: no installation, nothing is written."""
    own = read_mapping(mapping) if isinstance(mapping, Path) else mapping
    with opened(path) as source, _reading(source, own, kind, zone) as (reading, table):
        for chunk in table.chunks:
            taken = reading.take(chunk)
            for rejected in taken.rejected:
                raise BadInput(str(reading.problem(rejected)))
            for values, identity in zip(taken.values, taken.identities, strict=True):
                values.update(identity)
            yield taken.values


def taken_rows(
    path: Path | str, *, kind: str = "", mapping: Mapping | Path | None = None, zone: str = "Asia/Shanghai"
) -> Iterator[tuple[type[Record], list[dict[str, Any]]]]:
    """The rows of a file that an import would take, without their identifiers, in chunks with their record type.

    The first chunk is empty, so that a file without rows has a type too. Needs no installation.
    """
    own = read_mapping(mapping) if isinstance(mapping, Path) else mapping
    with opened(path) as source, _reading(source, own, kind, zone) as (reading, table):
        yield reading.record, []
        for chunk in table.chunks:
            yield reading.record, reading.take(chunk).values


@contextmanager
def _reading(source: Source, own: Mapping | None, kind: str, zone: str) -> Iterator[tuple[Reading, Table]]:
    """A table and how it is read. Without a mapping of one's own the header decides among the ready ones."""
    chosen = own or mappings().get(kind)
    if chosen is None:
        table = read_table(source)
        header = [name for name in table.header if name not in REJECT_COLUMNS]
        chosen = choose(kind, source.name, header) if kind else _by_name(source, header)
    else:
        table = read_table(
            source,
            encoding=chosen.encoding,
            delimiter=chosen.delimiter,
            header_row=chosen.header_row,
            sheet=chosen.sheet,
        )
    yield Reading(chosen, table.header, source.name, zone), table


def _by_name(source: Source, header: list[str]) -> Mapping:
    fitting = [mapping for mapping in mappings().values() if mapping.fits(source.name, header)]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        names = ", ".join(mapping.name for mapping in fitting)
        raise source.bad(f"fits several mappings ({names})", "Import it by name.")
    raise source.bad("fits no mapping by its name and header", "Import it with --mapping.")


class _One:
    """One call's particulars, applied to one file after the other."""

    def __init__(
        self,
        inst: Installation,
        who: Who,
        own: Mapping | None,
        kind: str,
        strict: bool,
        dry_run: bool,
        day: date | None,
        event_id: str,
        progress: Progress,
    ) -> None:
        self.inst, self.who, self.own, self.kind = inst, who, own, kind
        self.strict, self.dry_run, self.day = strict, dry_run, day
        self.event_id, self.progress = event_id, progress

    def run(self, path: Path | str) -> ImportReport:
        """One file."""
        zone = self.inst.settings.zone
        with opened(path) as source, _reading(source, self.own, self.kind, zone) as (reading, table):
            record = reading.record
            # equal bytes delivered on another day (a report of nothing, say) are another report
            text = f"{table.sha256}\x1f{reading.mapping.digest}\x1f{self.event_id}\x1f{self.day or ''}"
            digest = hashlib.sha256(text.encode()).hexdigest()
            blank = ImportReport(
                source.name,
                record.about.name,
                reading.mapping.name,
                "imported",
                batch_id=digest[:32],
                encoding=table.encoding,
            )
            if self.dry_run:
                return self._check(blank, reading, table)
            with importing(self.inst) as folder:
                if (before := self._before(record.about.name, digest)) is not None:
                    return replace(
                        blank, status="unchanged", rows=before["rows"], accepted=before["accepted"],
                        rejected=before["rejected"],
                    )  # fmt: skip
                return self._write(folder, blank, digest, reading, table, beside(path))

    def _before(self, kind: str, digest: str) -> dict[str, Any] | None:
        from lianfang.store import rows

        with self.inst.store.read() as connection:
            found = rows(connection, Batch, kind=kind, sha256=digest, status="done")
        return found[0] if found else None

    def _check(self, blank: ImportReport, reading: Reading, table: Table) -> ImportReport:
        tally = _Tally()
        shown: list[Rejected] = []
        for chunk in table.chunks:
            taken = reading.take(chunk)
            self._count(tally, len(taken.values), len(chunk.rows), taken.rejected)
            shown += taken.rejected[: _SHOWN - len(shown)]
            self.progress(blank.file, tally.rows, 0)
        return self._told(replace(blank, status="checked"), reading, tally, shown)

    def _write(
        self,
        folder: Path,
        blank: ImportReport,
        digest: str,
        reading: Reading,
        table: Table,
        receipt: bytes | None,
    ) -> ImportReport:
        record = reading.record
        private = record.has_subject() or bool(reading.mapping.identify)
        if private:
            self._ask(reading)
        stage = Stage(folder, blank.batch_id, record)
        if receipt is not None:
            stage.keep_receipt(receipt)
        tally, rejects = _Tally(), ""
        shown: list[Rejected] = []
        try:
            with ExitStack() as stack:
                vault = stack.enter_context(self.inst.vault_store.begin()) if private else None
                with _RejectFile(stage.rejects, reading) as bad:
                    for chunk in table.chunks:
                        taken = reading.take(chunk)
                        if taken.rejected and self.strict:
                            raise self._strict(reading, taken.rejected)
                        self._count(tally, len(taken.values), len(chunk.rows), taken.rejected)
                        shown += taken.rejected[: _SHOWN - len(shown)]
                        bad.write(taken.rejected)
                        if vault is not None and taken.values:
                            subjects = self._split(vault, reading, taken.values, taken.identities)
                            stage.expect(subjects)
                        stage.add(taken.values)
                        self.progress(blank.file, tally.rows, 0)
                if not tally.rows:
                    reading.notes["zero_report"] = 1  # a table without rows says that there was nothing
                if tally.rejected:
                    rejects = _reject_name(blank)
                sealed = stage.seal(
                    {
                        "batch_id": blank.batch_id,
                        "record": record.about.name,
                        "sha256": digest,
                        "file_sha256": table.sha256,
                        "day": self.day,
                        "rows": tally.rows,
                        "accepted": tally.accepted,
                        "rejected": tally.rejected,
                        "rejects": rejects,
                        "by": self.who.account,
                        "received_at": self.inst.now(),
                    }
                )
            reached("vault")
        except BaseException:
            stage.abandon()
            raise
        counts = finish(self.inst, sealed)
        told = self._told(blank, reading, tally, shown)
        where = str(self.inst.home / "rejects" / rejects) if rejects else ""
        return replace(told, changed=counts["changed"], rejects=where)

    def _split(
        self,
        vault: sa.Connection,
        reading: Reading,
        values: list[dict[str, Any]],
        identities: list[dict[str, str | None]],
    ) -> list[str]:
        """Identifiers into the vault; subject ids, tokens and keyed ids into the rows."""
        keeper, event, kind = self.inst.vault, self.event_id, reading.record.about.name
        if kind == "case_report":
            homes = keeper.match_tokens(
                event, "household", "address", [identity["address"] for identity in identities]
            )
            for row, home in zip(values, homes, strict=True):
                row["household"] = home or ""
        given = [{name: _as_text(value) for name, value in one.items()} for one in identities]
        subjects = keeper.put_many(vault, event, given, kind=kind)
        if reading.mapping.identify:
            for row, token in zip(values, keeper.pseudonyms(event, _TRACING, subjects), strict=True):
                row["token"] = token
            for name in _KEYED:
                if name in reading.record.fields:
                    keyed = keeper.match_tokens(event, "place", name, [row[name] for row in values])
                    for row, value in zip(values, keyed, strict=True):
                        row[name] = value or ""
        else:
            from lianfang.services.installation import ROUTINE

            for row, subject in zip(values, subjects, strict=True):
                row["subject_id"] = subject
                if event != ROUTINE and "event_id" in row:
                    row["event_id"] = event
        return subjects

    def _ask(self, reading: Reading) -> None:
        """The policy's leave to collect; recorded. Surveillance of notifiable disease is a standing event."""
        from lianfang.records import Event
        from lianfang.services.gate import ask
        from lianfang.services.installation import ROUTINE
        from lianfang.store import Row, one

        event: Row = {"event_id": ROUTINE, "status": "open"}
        if self.event_id != ROUTINE:
            with self.inst.store.read() as connection:
                event = one(connection, Event, event_id=self.event_id)

        record = reading.record
        kinds = {info.datum for info in record.fields.values() if info.datum}
        ask(
            self.inst,
            self.who,
            phase="collect",
            purpose=_PURPOSES.get(record.about.name, "close_contact_tracing"),
            data=sorted(kinds | {_KINDS.get(name, name) for name in reading.mapping.identify}),
            event=event,
        )

    @staticmethod
    def _count(tally: _Tally, accepted: int, rows: int, rejected: Iterable[Rejected]) -> None:
        bad = list(rejected)
        misshapen = sum(one.reason == "columns" for one in bad)
        tally.rows += rows + misshapen
        tally.accepted += accepted
        tally.rejected += len(bad)
        tally.reasons.update(one.reason for one in bad)

    @staticmethod
    def _strict(reading: Reading, rejected: list[Rejected]) -> BadInput:
        first = [str(reading.problem(one)) for one in rejected[:3]]
        more = f" And {len(rejected) - 3} more." if len(rejected) > 3 else ""
        return BadInput(" ".join(first) + more, hint="Nothing was changed (--strict).")

    @staticmethod
    def _told(blank: ImportReport, reading: Reading, tally: _Tally, shown: list[Rejected]) -> ImportReport:
        return replace(
            blank,
            rows=tally.rows,
            accepted=tally.accepted,
            rejected=tally.rejected,
            reasons=dict(sorted(tally.reasons.items())),
            problems=tuple(reading.problem(one) for one in shown),
            notes=dict(reading.notes),
        )


_KINDS = {"phone": "mobile", "address": "home_address", "device": "device_id"}
_PURPOSES = {
    "case_report": "case_report",
    "returnee": "returnee_registration",
}


def _as_text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else str(value)


class _RejectFile:
    """Rows that were not taken, in the source's own columns: mend them and import the file again."""

    def __init__(self, path: Path, reading: Reading) -> None:
        self.path, self.reading = path, reading
        self.stream: Any = None

    def __enter__(self) -> _RejectFile:
        return self

    def write(self, rejected: list[Rejected]) -> None:
        """Append; the file is made, for its owner only, when there is something to write."""
        if not rejected:
            return
        if self.stream is None:
            handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            self.stream = os.fdopen(handle, "w", encoding="utf-8-sig", newline="")
            csv.writer(self.stream).writerow([*escaped(self.reading.header), *REJECT_COLUMNS])
        width = len(self.reading.header)
        csv.writer(self.stream).writerows(
            [*escaped((one.cells + [""] * width)[: max(width, len(one.cells))]), str(one.number), one.reason]
            for one in rejected
        )

    def __exit__(self, *more: object) -> None:
        if self.stream is not None:
            self.stream.flush()
            os.fsync(self.stream.fileno())
            self.stream.close()


def _clear_mended(inst: Installation, path: Path | str) -> None:
    """A reject file that was imported is done with: each of its rows was taken, or is in a new reject file."""
    file = Path(path).absolute()
    if file.parent == inst.home / "rejects":
        file.unlink(missing_ok=True)


def _reject_name(report: ImportReport) -> str:
    """By batch and kind: a delivered file's own name may hold a person's, and stays out of the disk's."""
    return f"{report.batch_id[:12]}_{report.record}.csv"
