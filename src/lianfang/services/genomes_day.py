"""The genomes' step of the daily cycle: files of the inbox are read, and each open event's genomes are weighed."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from lianfang.foundation.errors import BadInput, Refused
from lianfang.services import deliveries, genomes
from lianfang.services.gate import ask
from lianfang.services.installation import SYSTEM, Installation

if TYPE_CHECKING:
    from pathlib import Path

    from lianfang.store import Row

#: Days from its delivery that a genome of no open event waits on the desk before it is deleted.
WAIT_DAYS = 14


def step(inst: Installation, as_of: date, running: Sequence[Row], *, past: bool) -> dict[str, Any]:
    """What the genomes of each open event say at the day's end, in counts; samples and cases are not in it.

    A link's case is not dated, so a day that was worked already keeps the outcome that it had then.
    """
    from lianfang.records import DayResult
    from lianfang.store import rows

    take(inst, as_of)
    if past:
        with inst.store.read() as connection:
            before = rows(connection, DayResult, as_of=as_of, step="genomes")
        if before:
            kept: dict[str, Any] = before[0]["outcome"]
            return kept
    return {str(event["event_id"]): weighed(inst, event, as_of) for event in running}


def take(inst: Installation, as_of: date) -> None:
    """Read the files of sequences in the inbox; each is taken whole, or put aside with the reason.

    Genomes of samples that are of no open event yet wait on the desk: the first cases fell ill before there was one.
    """
    for folder, day in deliveries.folders(inst, as_of):
        for path in deliveries.sequences(folder):
            said, waiting = "", set[str]()
            try:
                raw = _bytes(path)
                waiting = set(genomes.receive(inst, SYSTEM, raw)["left"])
            except (BadInput, Refused) as error:
                said = str(error)
            if waiting and day > as_of - timedelta(days=WAIT_DAYS):
                _keep(path, raw, waiting)
            else:
                deliveries.clear(inst, path, as_of, said)
        deliveries.leave(folder)


def _keep(path: Path, raw: bytes, waiting: set[str]) -> None:
    """Leave only these sequences in the file, for its owner only."""
    from lianfang.treat.folding.sequences import fasta

    pairs = [pair for pair in fasta(raw, genomes.MOST_BYTES) if pair[0] in waiting]
    text = "".join(f">{number}\n{sequence}\n" for number, sequence in pairs).encode("ascii")
    if path.suffix.lower() == ".gz":
        import gzip

        text = gzip.compress(text, mtime=0)
    if text != raw:
        # a hidden file is not taken while it is being written; the folder is the source's own
        part = path.with_name(f".{path.name}.part")
        part.unlink(missing_ok=True)
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
            stream.write(text)
        part.replace(path)


def _bytes(path: Path) -> bytes:
    if path.is_symlink():
        raise BadInput("A link is not read.")
    if path.stat().st_size > genomes.MOST_BYTES:
        raise BadInput(f"The file is larger than {genomes.MOST_BYTES // 2**20} MiB.")
    raw: bytes = path.read_bytes()
    return raw


def weighed(inst: Installation, event: Row, as_of: date) -> dict[str, Any]:
    """One event's genomes: ``genomes``, ``lineages``, ``clusters`` (sizes), ``links`` by verdict, ``misfits``."""
    zone = ZoneInfo(inst.settings.zone)
    until = datetime.combine(as_of + timedelta(days=1), datetime.min.time(), zone)
    event_id = str(event["event_id"])
    with inst.store.read() as connection:
        found, linked = genomes.last(connection, event_id, until)
    if not found:
        return {"genomes": 0}
    ask(
        inst, SYSTEM, phase="use", purpose="epidemiological_investigation",
        data=["pseudonym", "symptom", "diagnosis"], context={"deidentified": True}, event=event, ref=event_id,
        rows=len(found),
    )  # fmt: skip
    clusters, links = genomes.compared(inst, found, linked)
    return {
        "genomes": len(found),
        "lineages": dict(sorted(Counter(row["lineage"] or row["clade"] or "-" for row in found).items())),
        "clusters": [len(one["samples"]) for one in clusters],
        "links": dict(sorted(Counter(one["verdict"] for one in links).items())),
        "misfits": [
            {name: one[name] for name in ("oligo", "places", "verdict", "genomes")}
            for one in genomes.misfits(found)
        ],
    }
