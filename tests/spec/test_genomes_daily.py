"""The genomes' step of the daily cycle: what lies on the desk is read, weighed, told to the laboratory, and gone."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from genomeloop import BASE, FAR, sequence, text
from lianfang.guard import ledger
from lianfang.records import CaseReport, DayResult, Genome, LabResult, QualityFinding
from lianfang.services import closing, daily, genomes, genomes_day
from lianfang.services.installation import SYSTEM, Installation, Who
from lianfang.store import change, put, rows, table
from loop import CONTACTS, DAY, NAMES

Staff = dict[str, Who]


def desk(inst: Installation, raw: bytes, name: str = "genomes.fasta", day: Any = DAY) -> Path:
    folder = inst.inbox / day.isoformat()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(raw)
    return folder


def kept(inst: Installation) -> list[str]:
    with inst.store.read() as connection:
        return sorted(row["sample_no"] for row in rows(connection, Genome))


def findings(inst: Installation, check: str) -> list[Any]:
    with inst.store.read() as connection:
        return rows(connection, QualityFinding, check=check)


def test_the_day_reads_the_desk_and_counts_without_naming(
    inst: Installation, event_id: str, linked: list[str]
) -> None:
    near, far = linked
    folder = desk(inst, text(
        S000000=sequence(*BASE), S000001=sequence(*BASE, "G28881A", "G28882A", "G28883C"),
        **{near: sequence(*BASE), far: sequence(*BASE, *FAR)},
    ))  # fmt: skip
    day = inst.today()
    first = daily.run(inst, SYSTEM, day)
    told = first.steps["genomes"][event_id]
    assert told["genomes"] == 4 and not folder.exists()
    assert told["links"] == {"refuted": 1, "supported": 1} and told["clusters"] == [2]
    assert told["lineages"] == {"20A": 3, "20B": 1}
    assert {"oligo": "ChinaCDC_N_F", "places": "28881,28882,28883", "verdict": "doubtful", "genomes": 1} in (
        told["misfits"]
    )
    shown = json.dumps(first.steps["genomes"])
    for secret in (*NAMES, *CONTACTS, "S00000", near, "case-"):
        assert secret not in shown
    # the same day again: the same outcome, nothing read twice
    with inst.store.read() as connection:
        before = len(ledger.entries(connection, type="genome_received"))
    desk(inst, text(S000000=sequence(*BASE)))
    assert daily.run(inst, SYSTEM, day).steps == first.steps
    with inst.store.read() as connection:
        assert len(ledger.entries(connection, type="genome_received")) == before == 4


def test_a_day_of_the_past_keeps_its_outcome(inst: Installation, event_id: str, linked: list[str]) -> None:
    day = inst.today()
    desk(inst, text(S000000=sequence(*BASE)))
    first = daily.run(inst, SYSTEM, day).steps["genomes"]
    inst.clock.move(timedelta(days=1))  # type: ignore[attr-defined]
    desk(inst, text(S000001=sequence(*BASE)))
    assert daily.run(inst, SYSTEM, inst.today()).steps["genomes"][event_id]["genomes"] == 2
    assert daily.run(inst, SYSTEM, day).steps["genomes"] == first == {event_id: first[event_id]}
    assert first[event_id]["genomes"] == 1
    # a past day that was never worked counts what had come by its end
    with inst.store.begin() as connection:
        held = table(DayResult)
        connection.execute(sa.delete(held).where(held.c.as_of == day, held.c.step == "genomes"))
    assert daily.run(inst, SYSTEM, day).steps["genomes"][event_id]["genomes"] == 1


def test_the_laboratory_is_told_of_an_assay_that_no_longer_fits(
    inst: Installation, staff: Staff, event_id: str, linked: list[str]
) -> None:
    desk(inst, text(S000001=sequence(*BASE, "G28881A", "G28882A", "G28883C")))
    day = inst.today()
    daily.run(inst, SYSTEM, day)
    daily.run(inst, SYSTEM, day)
    told = genomes.alarms(inst, staff["laboratory"])
    assert [row["subject_of"] for row in told] == [f"{event_id} ChinaCDC_N_F 28881,28882,28883"]
    assert "no longer fits" in told[0]["message_en"] and "不再匹配" in told[0]["message_zh"]
    far = Who("he.yi", "laboratory", "medical_institution", areas=("110000",))
    assert genomes.alarms(inst, far) == []
    with pytest.raises(Exception, match=r"genome\.read"):
        genomes.alarms(inst, staff["community_worker"])
    inst.clock.move(timedelta(days=genomes.ALARM_DAYS + 1))  # type: ignore[attr-defined]
    assert genomes.alarms(inst, staff["laboratory"]) == []


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b">S000000 \xe7\x94\x84\xe4\xb8\xb4\xe4\xb8\x80\nACGT\n", "just a sample's number"),
        (b">S999999\nACGT\n", "of no known sample"),
        (b"\x1f\x8bbroken", "unpacked"),
        (b"", "no sequence"),
    ],
)
def test_a_file_that_cannot_be_used_is_put_aside_with_the_reason(
    inst: Installation, event_id: str, linked: list[str], raw: bytes, why: str
) -> None:
    folder = desk(inst, raw)
    desk(inst, text(S000000=sequence(*BASE)), "others.fa")
    daily.run(inst, SYSTEM, inst.today())
    assert kept(inst) == ["S000000"] and not folder.exists()
    aside = inst.home / "refused" / DAY.isoformat() / "genomes.fasta"
    assert aside.read_bytes() == raw and aside.stat().st_mode & 0o777 == 0o600
    found = findings(inst, "refused_file")
    assert [row["severity"] for row in found] == ["error"] and why in found[0]["message_en"]
    assert "甄临一" not in json.dumps(found, default=str, ensure_ascii=False)


def test_too_large_a_file_and_a_link_are_not_read(
    inst: Installation, event_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(genomes, "MOST_BYTES", 1 << 20)
    desk(inst, b"x" * ((1 << 20) + 1))
    outside = inst.home.parent / "outside.fasta"
    outside.write_bytes(text(S000000=sequence(*BASE)))
    (inst.inbox / DAY.isoformat() / "link.fasta").symlink_to(outside)
    daily.run(inst, SYSTEM, inst.today())
    told = " ".join(row["message_en"] for row in findings(inst, "refused_file"))
    assert "larger than 1 MiB" in told and "A link is not read" in told
    assert outside.exists() and kept(inst) == [] and not (inst.inbox / DAY.isoformat()).exists()


@pytest.mark.parametrize("packed", [False, True])
def test_a_genome_waits_for_its_event_and_not_for_ever(
    inst: Installation, staff: Staff, event_id: str, linked: list[str], packed: bool
) -> None:
    pack: Callable[[bytes], bytes] = gzip.compress if packed else bytes
    name = "g.fasta.gz" if packed else "g.fasta"
    with inst.store.begin() as connection:
        put(
            connection,
            LabResult(sample_no="S000009", card_no="later", tested_on=DAY, test="x", result="positive"),
        )
        put(
            connection,
            LabResult(sample_no="S000008", card_no="never", tested_on=DAY, test="x", result="positive"),
        )
    folder = desk(inst, pack(text(
        S000000=sequence(*BASE), S000009=sequence(*BASE, *FAR), S000008=sequence(*BASE)
    )), name)  # fmt: skip
    genomes_day.take(inst, inst.today())
    assert kept(inst) == ["S000000"]
    waiting = folder / name
    raw = gzip.decompress(waiting.read_bytes()) if packed else waiting.read_bytes()
    assert sorted(raw.split()[::2]) == [b">S000008", b">S000009"] and waiting.stat().st_mode & 0o777 == 0o600
    before = waiting.stat().st_mtime_ns
    genomes_day.take(inst, inst.today())
    assert waiting.stat().st_mtime_ns == before, "what waits is not written again"
    with inst.store.begin() as connection:
        card = rows(connection, CaseReport, event_id=event_id)[0]
        change(connection, CaseReport, card["id"], card_no="later")
    genomes_day.take(inst, inst.today())
    assert kept(inst) == ["S000000", "S000009"]
    assert b"S000009" not in (gzip.decompress(waiting.read_bytes()) if packed else waiting.read_bytes())
    genomes_day.take(inst, DAY + timedelta(days=genomes_day.WAIT_DAYS))
    assert not folder.exists() and findings(inst, "refused_file") == []


def test_a_run_that_was_killed_is_ended_by_the_next(
    inst: Installation, event_id: str, linked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = desk(inst, text(S000000=sequence(*BASE)))

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("lianfang.services.deliveries.clear", killed)
        daily.run(inst, SYSTEM, inst.today())
    assert kept(inst) == ["S000000"] and (folder / "genomes.fasta").exists()
    daily.run(inst, SYSTEM, inst.today())
    assert not folder.exists()
    with inst.store.read() as connection:
        assert len(ledger.entries(connection, type="genome_received")) == 1


def test_an_event_that_ended_is_weighed_no_more(
    inst: Installation, staff: Staff, event_id: str, linked: list[str]
) -> None:
    desk(inst, text(S000000=sequence(*BASE)))
    daily.run(inst, SYSTEM, inst.today())
    closing.close(inst, staff["manager"], event_id, "ended")
    inst.clock.move(timedelta(days=1))  # type: ignore[attr-defined]
    assert daily.run(inst, SYSTEM, inst.today()).steps["genomes"] == {}
