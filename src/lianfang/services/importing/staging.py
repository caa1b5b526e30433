"""All or nothing: rows wait in a staging folder until the vault has their identities, then appear at once.

The steps of a file and what a kill after each leaves:

1. rows without identifiers are written to ``staging/<batch>.part`` while the vault's transaction is open
   (a kill: the vault undoes it, the next run removes the folder);
2. the folder is sealed: its manifest is written and it is renamed to ``staging/<batch>`` (as above: the
   vault does not know its subjects, the next run removes it);
3. the vault commits (a kill: the next run finishes the batch);
4. lake files are written, which no reader counts before their batch is done; then one transaction of the
   store takes the rows, the batch, the receipt and its ledger entry (the next run finishes it);
5. the staging folder is removed (the next run removes it).
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lianfang.foundation.canonical import moment, plain
from lianfang.records import Batch, ReceivedReport, Record, record_type, row_id
from lianfang.services.reports.lines import Lines

if TYPE_CHECKING:
    import pyarrow as pa
    import sqlalchemy as sa

    from lianfang.services.installation import Installation

_SLAB = 20_000
_LAKE_SLAB = 1_000_000
_DRAFT = ".part"


def reached(step: str) -> None:
    """A step is done. Does nothing; fault tests stop the process here."""


@contextmanager
def importing(inst: Installation) -> Iterator[Path]:
    """The staging folder, for one importer at a time; what an earlier run left is settled first."""
    from lianfang.guard import files

    folder = inst.home / "staging"
    files.make_folder(folder)
    with files.locked(folder):
        _settle(inst, folder)
        yield folder


def recover(inst: Installation) -> None:
    """Finish or remove what a killed import left behind. Every import does this first."""
    with importing(inst):
        pass


def _settle(inst: Installation, folder: Path) -> None:
    for stage in sorted(path for path in folder.iterdir() if path.is_dir()):
        if stage.suffix == _DRAFT or not _identities_there(inst, stage):
            shutil.rmtree(stage)
        else:
            finish(inst, stage)


def _identities_there(inst: Installation, stage: Path) -> bool:
    """Whether the vault committed: it knows every subject of the batch."""
    import sqlalchemy as sa

    from lianfang.guard.vault.tables import subject

    with inst.vault_store.read() as connection:
        for path in sorted(stage.glob("*.ids")):
            wanted = path.read_text(encoding="ascii").split()
            for first in range(0, len(wanted), 500):
                part = wanted[first : first + 500]
                held = sa.select(sa.func.count()).where(subject.c.subject_id.in_(part))
                if connection.execute(held).scalar_one() != len(part):
                    return False
    return True


class Stage:
    """A batch being written."""

    def __init__(self, folder: Path, batch_id: str, record: type[Record]) -> None:
        self.final = folder / batch_id
        self.draft = folder / f"{batch_id}{_DRAFT}"
        self.record = record
        self.parts = 0
        if self.draft.exists():
            shutil.rmtree(self.draft)
        self.draft.mkdir(mode=0o700)

    @property
    def rejects(self) -> Path:
        """Where its reject file is drafted."""
        return self.draft / "rejects.csv"

    def add(self, rows: list[dict[str, Any]]) -> None:
        """Write rows, which hold no identifier."""
        import pyarrow.parquet as pq

        if rows:
            self.parts += 1
            pq.write_table(
                _arrow(self.record, rows), self.draft / f"{self.parts:06d}.parquet", compression="lz4"
            )

    def expect(self, subjects: Iterable[str]) -> None:
        """Subjects of the rows added next, which the vault must know before the batch counts."""
        ids = "\n".join(dict.fromkeys(subjects))
        (self.draft / f"{self.parts + 1:06d}.ids").write_text(ids, encoding="ascii")

    def keep_receipt(self, raw: bytes) -> None:
        """What came with the file to say who committed to it before."""
        (self.draft / "receipt.json").write_bytes(raw)

    def seal(self, manifest: dict[str, Any]) -> Path:
        """Write the manifest and give the folder its final name."""
        from lianfang.guard import files

        reached("staged")
        files.create(self.draft / "manifest.json", json.dumps(plain(manifest)).encode())
        self.draft.rename(self.final)
        reached("sealed")
        return self.final

    def abandon(self) -> None:
        """Remove it."""
        for folder in (self.draft, self.final):
            shutil.rmtree(folder, ignore_errors=True)


def read_manifest(stage: Path) -> dict[str, Any]:
    """What :meth:`Stage.seal` wrote."""
    found: dict[str, Any] = json.loads((stage / "manifest.json").read_text(encoding="utf-8"))
    return found


def _arrow(record: type[Record], rows: list[dict[str, Any]]) -> pa.Table:
    import pyarrow as pa

    from lianfang.lake import schema

    kinds = {info.name: info.shape for info in record.stored_fields()}
    columns = []
    wanted = schema(record)
    for field in wanted:
        cells = [row[field.name] for row in rows]
        if kinds.get(field.name) == "json":
            cells = [json.dumps(cell, ensure_ascii=False) for cell in cells]
        columns.append(pa.array(cells, type=field.type))
    return pa.table(columns, schema=wanted)


def _parts(stage: Path) -> list[Path]:
    return sorted(stage.glob("[0-9]*.parquet"))


def finish(inst: Installation, stage: Path) -> dict[str, int]:
    """Make a sealed batch visible; gives ``changed``. Done twice it does nothing."""
    from lianfang.store import tally

    manifest = read_manifest(stage)
    record = record_type(manifest["record"])
    counts = {"changed": 0}
    with inst.store.read() as connection:
        done = tally(connection, Batch, batch_id=manifest["batch_id"], status="done")
    if not done:
        if record.about.home == "lake":
            _to_lake(inst, record, manifest["batch_id"], stage)
            reached("lake")
        _keep_rejects(inst, stage, manifest)
        with inst.store.begin() as connection:
            lines = Lines(inst, connection, record, manifest, stage / "receipt.json")
            if record.about.home == "store":
                counts["changed"] = _to_store(connection, record, manifest["batch_id"], stage, lines)
            else:
                counts["changed"] = manifest["accepted"]
                if lines.counted:
                    for path in _parts(stage):
                        lines.count(_plain_rows(record, path))
            _book(inst, connection, manifest, counts["changed"], lines)
            reached("before_commit")
        reached("stored")
    shutil.rmtree(stage)
    return counts


def _to_lake(inst: Installation, record: type[Record], batch_id: str, stage: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    number, waiting, rows = 0, [], 0
    for path in _parts(stage):
        part = pq.read_table(path)
        waiting.append(part)
        rows += part.num_rows
        if rows >= _LAKE_SLAB:
            number += 1
            inst.lake.write(record, f"{batch_id}-{number:04d}", pa.concat_tables(waiting))
            waiting, rows = [], 0
    if waiting:
        inst.lake.write(record, f"{batch_id}-{number + 1:04d}", pa.concat_tables(waiting))


def _to_store(
    connection: sa.Connection, record: type[Record], batch_id: str, stage: Path, lines: Lines
) -> int:
    from lianfang.store import put_rows, tally

    fresh = tally(connection, record) == 0
    changed = 0
    for path in _parts(stage):
        rows = _rows(record, path, batch_id)
        new = rows if fresh else list(_changed(connection, record, rows))
        # a case that was put under an event stays there when its card is sent again
        put_rows(connection, record, new, keep=["event_id"] if "event_id" in record.fields else [])
        lines.take(rows, new)
        changed += len(new)
    return changed


def _rows(record: type[Record], path: Path, batch_id: str) -> list[dict[str, Any]]:
    """Rows of a part, one for each key (the last), with their batch."""
    unique: dict[str, dict[str, Any]] = {}
    for row in _plain_rows(record, path):
        row["batch_id"] = batch_id
        unique[row_id(record, row)] = row
    return [{**row, "id": identity} for identity, row in unique.items()]


def _plain_rows(record: type[Record], path: Path) -> list[dict[str, Any]]:
    import pyarrow.parquet as pq

    json_columns = [info.name for info in record.stored_fields() if info.shape == "json"]
    found: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    for row in found:
        for name in json_columns:
            row[name] = json.loads(row[name])
    return found


def _changed(
    connection: sa.Connection, record: type[Record], rows: list[dict[str, Any]]
) -> Iterable[dict[str, Any]]:
    """Rows that are new or differ from what is held."""
    import sqlalchemy as sa

    from lianfang.store import table

    target = table(record)
    for first in range(0, len(rows), 500):
        part = rows[first : first + 500]
        held = {
            row["id"]: dict(row)
            for row in connection.execute(
                sa.select(target).where(target.c.id.in_([row["id"] for row in part]))
            ).mappings()
        }
        for row in part:
            before = held.get(row["id"])
            if before is None or any(row[k] != before[k] for k in row if k != "batch_id"):
                yield row


def _book(
    inst: Installation, connection: sa.Connection, manifest: dict[str, Any], changed: int, lines: Lines
) -> None:
    """The batch, and once for each file its receipt with an entry in the ledger."""
    import sqlalchemy as sa

    from lianfang.services.gate import record
    from lianfang.services.installation import SYSTEM
    from lianfang.store import put, table, tally

    held = table(Batch)
    latest = connection.execute(sa.select(sa.func.max(held.c.at))).scalar()
    at = inst.now() if latest is None else max(inst.now(), latest + timedelta(microseconds=1))
    day = date.fromisoformat(manifest["day"]) if manifest["day"] else None
    put(
        connection,
        Batch(
            batch_id=manifest["batch_id"],
            kind=manifest["record"],
            sha256=manifest["sha256"],
            day=day,
            rows=manifest["rows"],
            accepted=manifest["accepted"],
            changed=changed,
            rejected=manifest["rejected"],
            status="done",
            at=at,
            by=manifest["by"],
        ),
    )
    lines.finish()
    if tally(connection, ReceivedReport, sha256=manifest["file_sha256"]):
        return
    received = moment(manifest["received_at"])
    receipt = {
        "sha256": manifest["file_sha256"],
        "kind": manifest["record"],
        "rows": manifest["rows"],
        "day": manifest["day"] or inst.today().isoformat(),
        "received_at": plain(received),
    }
    index = record(
        inst,
        connection,
        "report_received",
        who=SYSTEM,
        purpose="situation_monitoring",
        ref=manifest["batch_id"],
        payload={**receipt, **lines.told()},
    )
    put(connection, ReceivedReport.model_validate({**receipt, "received_at": received, "log_index": index}))


def _keep_rejects(inst: Installation, stage: Path, manifest: dict[str, Any]) -> None:
    """The reject file holds identifiers: readable by its owner only, in a folder of its own."""
    draft = stage / "rejects.csv"
    if draft.exists():
        folder = inst.home / "rejects"
        folder.mkdir(mode=0o700, exist_ok=True)
        draft.replace(folder / manifest["rejects"])
