"""Genomes of an event's samples: received from the laboratory, read at once, set beside who met whom.

A sequence comes under its sample's number and nothing else; what stays here is what was read from it. Genomes can
speak against a link and make one plausible, they never prove one: two people infected from one source look alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from lianfang.foundation.errors import BadInput, Conflict
from lianfang.services import events
from lianfang.services.gate import ask, reaches, record, require, within
from lianfang.services.installation import Installation, Who

if TYPE_CHECKING:
    from datetime import date, datetime

    import numpy as np
    import sqlalchemy as sa

    from lianfang.store import Row
    from lianfang.treat.genome import Dataset, GenomeReport

MOST_BYTES, MOST_GENOMES = 64 * 1024 * 1024, 2_000
#: A number as laboratories and this house give them: nothing in it may name anybody.
SAMPLE = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{2,31}")
#: Substitutions a genome gains in a day: 8e-4 a site and year (Duchene et al. 2020, Virus Evol 6:veaa061), 29,903
#: sites.
RATE = 8e-4 * 29_903 / 365
#: Of links with no more differences than those gained with this probability, genomes are said to support it.
LIKELY = 0.95
#: A link is said to be refuted when so many differences or more would arise with less than this probability.
UNLIKELY = 0.001
#: Bases that both must show before a pair is compared.
LEAST_SHARED = 15_000
#: Genomes that are set beside each other and listed, the last received: every pair of them is compared.
COMPARED = 300
#: Check's name of the finding that a primer or probe no longer fits, and days that it stands on the desk.
MISFIT, ALARM_DAYS = "primer_misfit", 14
#: Differences within which genomes are one cluster, and days.
CLUSTER, CLUSTER_DAYS = 2, 21


def receive(inst: Installation, who: Who, raw: bytes) -> dict[str, Any]:
    """Read the genomes of a FASTA file whose headers are sample numbers; all or nothing.

    Returns ``received`` (sample number, status, clade, lineage, quality, oligos), ``events`` that they belong to,
    ``alarms``: assays of which a primer or probe no longer fits a genome of an event for the first time, and ``left``:
    samples of no open event, of which nothing is kept.

    Raises:
        BadInput: no FASTA; a header that holds more than a sample's number; a number that no sample has, or that stands
            twice. Refused: wrong role or area.
    """
    from lianfang.records import Genome
    from lianfang.store import put
    from lianfang.treat import genome

    require(who, "genome.receive")
    pairs = _numbered(raw)
    with inst.store.read() as connection:
        samples = _samples(connection, [number for number, _ in pairs])
    unknown = [number for number, _ in pairs if number not in samples]
    if unknown:
        raise BadInput(
            f"{len(unknown)} of {len(pairs)} genomes are of no known sample, such as {unknown[0]}.",
            hint="The header is the sample's number; a sample is known once it was ordered here or its result came.",
        )
    left = [number for number, _ in pairs if not samples[number].event_id]
    pairs = [(number, sequence) for number, sequence in pairs if samples[number].event_id]
    places = [samples[number] for number, _ in pairs]
    if not pairs:
        return {"received": [], "events": [], "alarms": [], "left": left}
    touched = {
        event_id: events.get(inst, event_id) for event_id in dict.fromkeys(one.event_id for one in places)
    }
    for event_id, event in touched.items():
        within(who, event["adcode"])
        _ask(inst, who, event, sum(one.event_id == event_id for one in places))
    reports = genome.analyse(
        pairs, dataset=inst.settings.genome_dataset, lineage_table=inst.settings.lineage_table or None
    )
    against = genome.load(inst.settings.genome_dataset)
    now, new_alarms = inst.now(), []
    with inst.store.begin() as connection:
        known = _known(connection, [one.number for one in places])
        doubted = {event_id: _doubted(connection, event_id) for event_id in touched}
        for place, report in zip(places, reports, strict=True):
            row = _row(place, report, against)
            if _same(known.get(place.number), row):
                continue  # delivered again, or the end of a run that was killed
            new = [one for one in _unfit(report) if one not in doubted[place.event_id]]
            doubted[place.event_id].update(new)
            new_alarms += [
                {"event_id": place.event_id, "sample_no": place.number, "oligo": one} for one in new
            ]
            _tell(connection, inst.today(), place.event_id, new)
            payload = {"sample": place.number, "status": report.status, "new_misfits": new}
            index = record(
                inst, connection, "genome_received", who=who, purpose="epidemiological_investigation",
                ref=place.number, payload=payload, event=place.event_id,
            )  # fmt: skip
            row |= {"received_at": now, "received_by": who.account, "log_index": index}
            put(connection, Genome.model_validate(row))
    return {
        "received": [
            {
                "sample_no": one.name, "status": one.status, "clade": one.clade, "lineage": one.lineage,
                "quality": one.qc.status if one.qc else "", "oligos": _unfit(one),
            }
            for one in reports
        ],
        "events": sorted(touched),
        "alarms": new_alarms,
        "left": left,
    }  # fmt: skip


def _tell(connection: sa.Connection, day: date, event_id: str, new: Sequence[str]) -> None:
    """A finding of the day for each assay that a genome of the event escapes for the first time."""
    from lianfang.records import QualityFinding
    from lianfang.store import put

    for oligo, places, verdict in (one.split(" ") for one in new):
        if verdict != "doubtful":
            continue
        zh = f"引物/探针 {oligo} 与事件 {event_id} 的基因组不再匹配（位点 {places}），请实验室复核该检测。"
        en = (
            f"Primer or probe {oligo} no longer fits a genome of event {event_id} (at {places}): "
            "the laboratory should check the assay."
        )
        put(connection, QualityFinding(
            as_of=day, check=MISFIT, subject_of=f"{event_id} {oligo} {places}", severity="warning",
            message_zh=zh, message_en=en,
        ))  # fmt: skip


def alarms(inst: Installation, who: Who) -> list[Row]:
    """What :func:`receive` told of assays in the last fortnight, newest first; nothing of a sample is in it."""
    from lianfang.records import Event, QualityFinding
    from lianfang.store import rows, table

    require(who, "genome.read")
    since = inst.today() - timedelta(days=ALARM_DAYS)
    held = table(QualityFinding).c
    with inst.store.read() as connection:
        own = {
            row["event_id"] for row in rows(connection, Event, status="open") if reaches(who, row["adcode"])
        }
        told = rows(
            connection, QualityFinding, held.as_of >= since, check=MISFIT, order_by=[held.as_of.desc()]
        )
    return [row for row in told if row["subject_of"].partition(" ")[0] in own]


def _ask(inst: Installation, who: Who, event: Row, count: int) -> None:
    """A laboratory gives what it found to the centre, under the event."""
    ask(
        inst, who, phase="share", purpose="case_report", data=["diagnosis"],
        context={"own_patient": True, "recipient": "cdc", "subject": "close_contact"}, event=event,
        ref=str(event["event_id"]), rows=count, going=("kept_here", "this_house"),
    )  # fmt: skip


def _numbered(raw: bytes) -> list[tuple[str, str]]:
    """(sample number, sequence): a header with anything more is refused, so that no name travels with a sequence."""
    from lianfang.treat.folding.sequences import fasta, headers

    for at, header in enumerate(headers(raw, MOST_BYTES), start=1):
        if not SAMPLE.fullmatch(header):
            raise BadInput(
                f"The header of sequence {at} is not just a sample's number.",
                hint="Write >S000123 and nothing else: no name, no place, no date travels with a sequence.",
            )
    pairs = list(fasta(raw, MOST_BYTES))
    if not pairs:
        raise BadInput("The file holds no sequence.", hint="Give FASTA: a line >name, then the bases.")
    if len(pairs) > MOST_GENOMES:
        raise BadInput(f"More than {MOST_GENOMES:,} sequences at once.")
    if len({number for number, _ in pairs}) != len(pairs):
        raise BadInput("A sample's number stands twice in the file.")
    return pairs


@dataclass(frozen=True)
class _Sample:
    number: str
    event_id: str
    case_id: str
    collected_on: date | None


def _samples(connection: sa.Connection, numbers: Sequence[str]) -> dict[str, _Sample]:
    """The known samples among these numbers, ordered here or delivered; without an event where none is open."""
    from lianfang.records import Event
    from lianfang.store import rows

    running = {row["event_id"] for row in rows(connection, Event, status="open")}
    made: dict[str, _Sample] = {}
    for first in range(0, len(numbers), 500):
        part = list(numbers[first : first + 500])
        made |= _delivered(connection, part, running) | _ordered(connection, part, running)
    return made


def _ordered(connection: sa.Connection, part: Sequence[str], running: set[str]) -> dict[str, _Sample]:
    """Samples that this house ordered of contacts and cases."""
    from lianfang.records import Contact, Sample
    from lianfang.store import rows, table

    own = rows(connection, Sample, table(Sample).c.sample_no.in_(part))
    of = [row["contact_id"] for row in own]
    contacts = rows(connection, Contact, table(Contact).c.contact_id.in_(of))
    cases = {row["contact_id"]: row["case_id"] for row in contacts}
    return {
        row["sample_no"]: _Sample(
            row["sample_no"], row["event_id"] if row["event_id"] in running else "",
            row["case_id"] or cases.get(row["contact_id"], ""), row["collected_on"],
        )
        for row in own
    }  # fmt: skip


def _delivered(connection: sa.Connection, part: Sequence[str], running: set[str]) -> dict[str, _Sample]:
    """Samples whose results laboratories delivered, each by the number of a case's card."""
    from lianfang.records import CaseReport, LabResult
    from lianfang.store import rows, table

    results = rows(connection, LabResult, table(LabResult).c.sample_no.in_(part))
    cards = sorted({row["card_no"] for row in results if row["card_no"]})
    known = rows(connection, CaseReport, table(CaseReport).c.card_no.in_(cards))
    of_card = {row["card_no"]: row for row in known if row["event_id"] in running}
    made = {}
    for row in results:
        card = of_card.get(row["card_no"], {"event_id": "", "case_id": ""})
        made[row["sample_no"]] = _Sample(
            row["sample_no"], card["event_id"], card["case_id"], row["collected_on"]
        )
    return made


def _unfit(report: GenomeReport) -> list[str]:
    """Oligos that do not fit any more, with the places: ``ChinaCDC_N_F 28881,28882,28883 doubtful``."""
    return [
        f"{one.oligo} {','.join(map(str, one.new)) or 'ins'} {one.verdict}"
        for one in report.oligos
        if one.verdict in ("doubtful", "weak")
    ]


def _doubted(connection: sa.Connection, event_id: str) -> set[str]:
    from lianfang.records import Genome
    from lianfang.store import rows

    return {one for row in rows(connection, Genome, event_id=event_id) for one in row["oligos"]}


def _known(connection: sa.Connection, numbers: Sequence[str]) -> dict[str, Row]:
    from lianfang.records import Genome
    from lianfang.store import rows, table

    found: dict[str, Row] = {}
    for first in range(0, len(numbers), 500):
        part = table(Genome).c.sample_no.in_(numbers[first : first + 500])
        found |= {row["sample_no"]: row for row in rows(connection, Genome, part)}
    return found


def _same(before: Row | None, now: dict[str, Any]) -> bool:
    return before is not None and all(before[name] == value for name, value in now.items())


def _row(place: _Sample, report: GenomeReport, against: Dataset) -> dict[str, Any]:
    hidden = list(report.missing) + [one.partition(":")[2] for one in report.mixed]
    if report.alignment_start > 1:
        hidden.append(f"1-{report.alignment_start - 1}")
    if report.read and report.alignment_end < len(against.reference):
        hidden.append(f"{report.alignment_end + 1}-{len(against.reference)}")
    return {
        "sample_no": place.number, "event_id": place.event_id, "case_id": place.case_id,
        "collected_on": place.collected_on, "status": report.status,
        "quality": report.qc.status if report.qc else "",
        "quality_score": report.qc.overall_score if report.qc else None,
        "clade": report.clade or "", "lineage": report.lineage or "", "substitutions": report.substitutions,
        "deletions": report.deletions, "insertions": report.insertions,
        "residues": report.aa_substitutions + report.aa_deletions + report.aa_insertions, "unseen": hidden,
        "oligos": _unfit(report), "dataset": f"{against.name} {against.version}",
    }  # fmt: skip


def view(inst: Installation, who: Who, event_id: str) -> dict[str, Any]:
    """An event's last genomes: ``genomes``, ``clusters``, ``links`` with what the genomes say, ``misfits`` by oligo.

    ``total`` counts all of them; at most COMPARED are read, so that the page stays quick.

    Raises:
        NotFound: no such event. Refused: wrong role or area. Conflict: the event has ended.
    """
    from lianfang.records import Genome
    from lianfang.store import tally

    require(who, "genome.read")
    event = events.get(inst, event_id)
    within(who, event["adcode"])
    if event["status"] != "open":
        raise Conflict("The event is closed: single samples are shown no more.")
    with inst.store.read() as connection:
        found, linked = last(connection, event_id)
        total = tally(connection, Genome, event_id=event_id)
    granted = ask(
        inst, who, phase="use", purpose="epidemiological_investigation", data=["pseudonym", "symptom", "diagnosis"],
        context={"deidentified": True}, event=event, ref=event_id, rows=len(found),
    )  # fmt: skip
    clusters, links = compared(inst, found, linked)
    shown = granted.project(found, Genome)
    return {
        "event": {"event_id": event_id, "title": event["title"]},
        "genomes": shown,
        "total": total,
        "clusters": clusters,
        "links": links,
        "misfits": misfits(found),
    }


def last(
    connection: sa.Connection, event_id: str, until: datetime | None = None
) -> tuple[list[Row], list[Row]]:
    """An event's last genomes, at most COMPARED, and its contacts who became cases; received before ``until``."""
    from lianfang.records import Contact, Genome
    from lianfang.store import rows, table

    held = table(Genome).c
    early = [] if until is None else [held.received_at < until]
    newest = [held.received_at.desc(), held.sample_no.desc()]
    found = rows(connection, Genome, *early, event_id=event_id, order_by=newest, limit=COMPARED)
    found.sort(key=lambda row: (row["collected_on"] or row["received_at"].date(), row["sample_no"]))
    return found, rows(connection, Contact, table(Contact).c.case_id != "", event_id=event_id)


def compared(
    inst: Installation, found: Sequence[Row], linked: Sequence[Row]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Clusters of near genomes, and what genomes say of the traced links; refuted ones first."""
    read = [row for row in found if row["quality"]]
    differs, shared = _distances(read, inst.settings.genome_dataset)
    at = {row["case_id"]: place for place, row in enumerate(read) if row["case_id"]}
    links = [
        link
        for contact in linked
        for index in contact["index_tokens"]
        if (link := _link(index, contact, at, read, differs, shared))
    ]
    links.sort(key=lambda one: (one["verdict"] != "refuted", one["from_sample"], one["to_sample"]))
    return _clusters(read, differs, shared), links


def _distances(read: Sequence[Row], against: str) -> tuple[np.ndarray, np.ndarray]:
    """Differing substitutions, and bases that both show, of each pair; a deleted or hidden base tells nothing."""
    import numpy as np

    from lianfang.treat.genome import _codes, dataset
    from lianfang.treat.genome.clusters import distances

    if not read:
        return np.zeros((0, 0), np.int32), np.zeros((0, 0), np.int32)
    reference = dataset.load(against).index.codes
    rows = np.tile(reference, (len(read), 1))
    for place, row in enumerate(read):
        for one in row["substitutions"]:
            rows[place, int(one[1:-1]) - 1] = _codes.LETTERS.index(one[-1])
        for one in [*row["unseen"], *row["deletions"]]:
            low, _, high = one.partition("-")
            rows[place, int(low) - 1 : int(high or low)] = _codes.ANY
    return distances(rows)


def _link(
    index: str, contact: Row, at: dict[str, int], read: Sequence[Row], differs: np.ndarray, shared: np.ndarray
) -> dict[str, Any] | None:
    """What two genomes say of a traced link; None where one of them is not there."""
    first, second = at.get(index), at.get(contact["case_id"])
    if first is None or second is None or first == second:
        return None
    days = _days(read[first], read[second])
    count = int(differs[first, second])
    verdict = judged(count, days) if int(shared[first, second]) >= LEAST_SHARED else "unseen"
    return {
        "from_sample": read[first]["sample_no"],
        "to_sample": read[second]["sample_no"],
        "differences": count,
        "days": days,
        "verdict": verdict,
    }


def _days(one: Row, other: Row) -> int:
    """Days between two samples, 14 where a day is not known."""
    if one["collected_on"] is None or other["collected_on"] is None:
        return 14
    apart: int = abs((one["collected_on"] - other["collected_on"]).days)
    return apart


def judged(differences: int, days: int) -> str:
    """``supported``, ``open`` or ``refuted``: whether so many differences fit one having infected the other.

    Both lineages go on from the transmission, which may lie a generation (14 days at most) before the first sample:
    with ``days`` between the samples the differences are taken as Poisson with RATE * (days + 14).
    """
    from scipy.stats import poisson

    mean = RATE * (days + 14)
    if poisson.sf(differences - 1, mean) < UNLIKELY:
        return "refuted"
    return "supported" if differences <= poisson.ppf(LIKELY, mean) else "open"


def _clusters(read: Sequence[Row], differs: np.ndarray, shared: np.ndarray) -> list[dict[str, Any]]:
    """Genomes near each other in bases and days, as single linkage joins them; largest first."""
    import numpy as np
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    if len(read) < 2:
        return []
    days = np.array([[_days(one, other) for other in read] for one in read])
    near = (differs <= CLUSTER) & (days <= CLUSTER_DAYS) & (shared >= LEAST_SHARED)
    count, label = connected_components(csr_array(near), directed=False)
    made = [[read[at] for at in np.flatnonzero(label == one).tolist()] for one in range(count)]
    kept = sorted((one for one in made if len(one) > 1), key=lambda one: (-len(one), one[0]["sample_no"]))
    return [
        {"number": number, "samples": [row["sample_no"] for row in one], "lineages": _said(one)}
        for number, one in enumerate(kept, start=1)
    ]


def _said(members: Iterable[Row]) -> list[str]:
    return sorted({row["lineage"] or row["clade"] for row in members} - {""})


def misfits(found: Sequence[Row]) -> list[dict[str, Any]]:
    """Oligos that no longer fit: how many genomes, and the first of them."""
    made: dict[str, dict[str, Any]] = {}
    for row in found:
        for one in row["oligos"]:
            name, places, verdict = one.split(" ")
            seen = made.setdefault(one, {"oligo": name, "places": places, "verdict": verdict, "genomes": 0})
            seen["genomes"] += 1
            seen.setdefault("first", row["sample_no"])
    return sorted(
        made.values(), key=lambda one: (one["verdict"] != "doubtful", -one["genomes"], one["oligo"])
    )
