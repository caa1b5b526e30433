"""Genomes in the loop: samples of an event that has traced links."""

from __future__ import annotations

from datetime import date

import pytest

import genomekit
from lianfang.records import CaseReport, Contact, LabResult, Sample
from lianfang.services import visits
from lianfang.services.installation import Installation, Who
from lianfang.store import change, one, put, rows

REFERENCE = genomekit.reference()
BASE = ("C241T", "C3037T", "C14408T", "A23403G")
FAR = tuple(genomekit.random_substitutions(REFERENCE, 12, 5, 1000, 20_000))


def sequence(*more: str) -> str:
    return genomekit.with_changes(REFERENCE, *more)


def text(**samples: str) -> bytes:
    return "".join(f">{name}\n{one}\n" for name, one in samples.items()).encode()


@pytest.fixture
def linked(inst: Installation, staff: dict[str, Who], event_id: str) -> list[str]:
    """Three samples of cases by their cards, and c0, c1 who became cases after case 0; gives c0's and c1's samples."""
    with inst.store.begin() as connection:
        cards = {row["card_no"]: row["case_id"] for row in rows(connection, CaseReport, event_id=event_id)}
        for number in range(3):
            put(connection, LabResult(
                sample_no=f"S00000{number}", card_no=f"C{number}", tested_on=date(2026, 1, 27),
                collected_on=date(2026, 1, 26), test="x", result="positive",
            ))  # fmt: skip
    ordered = []
    for contact in ("c0", "c1"):
        with inst.store.begin() as connection:
            row = one(connection, Contact, contact_id=contact)
            change(connection, Contact, row["id"], status="named", worker="li.she", subject_id="x")
        ordered.append(visits.order_sample(inst, staff["epidemiologist"], contact))
        with inst.store.begin() as connection:
            row = one(connection, Contact, contact_id=contact)
            change(connection, Contact, row["id"], case_id=f"case-{contact}", index_tokens=[cards["C0"]])
            sample = one(connection, Sample, sample_no=ordered[-1])
            change(connection, Sample, sample["id"], collected_on=date(2026, 1, 29))
    return ordered
