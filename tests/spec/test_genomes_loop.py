"""Genomes of an event's samples: received under a number and nothing else, set beside who met whom."""

from __future__ import annotations

import gzip
import json
from datetime import date, timedelta

import pytest
from click.testing import CliRunner

import genomekit
from genomeloop import BASE, FAR, REFERENCE, sequence, text
from lianfang.cli import cli
from lianfang.foundation.errors import BadInput, Conflict, NotFound, Refused
from lianfang.guard import ledger
from lianfang.records import Genome, LabResult
from lianfang.services import accounts, closing, genomes
from lianfang.services.installation import Installation, Who
from lianfang.store import put, rows
from loop import CONTACTS, NAMES

Staff = dict[str, Who]


def test_a_link_is_supported_or_refuted_and_a_primer_alarm_is_raised(
    inst: Installation, staff: Staff, event_id: str, linked: list[str]
) -> None:
    near, far = linked
    raw = text(
        S000000=sequence(*BASE), S000001=sequence(*BASE, "G28881A", "G28882A", "G28883C"),
        **{near: sequence(*BASE, "A2000G" if REFERENCE[1999] == "A" else f"{REFERENCE[1999]}2000A"),
           far: genomekit.reverse(sequence(*BASE, *FAR))},
    )  # fmt: skip
    done = genomes.receive(inst, staff["laboratory"], gzip.compress(raw))
    assert [one["status"] for one in done["received"]] == ["ok", "ok", "ok", "reversed"]
    assert done["events"] == [event_id]
    assert [(one["sample_no"], one["oligo"]) for one in done["alarms"] if "ChinaCDC" in one["oligo"]] == [
        ("S000001", "ChinaCDC_N_F 28881,28882,28883 doubtful")
    ]
    seen = genomes.view(inst, staff["epidemiologist"], event_id)
    assert len(seen["genomes"]) == 4
    links = {one["to_sample"]: one for one in seen["links"]}
    assert (links[near]["verdict"], links[near]["differences"], links[near]["days"]) == ("supported", 1, 3)
    assert (links[far]["verdict"], links[far]["differences"]) == ("refuted", 12)
    assert {one["from_sample"] for one in links.values()} == {"S000000"}
    assert [set(one["samples"]) for one in seen["clusters"]] == [{"S000000", near}]
    misfit = next(one for one in seen["misfits"] if one["oligo"] == "ChinaCDC_N_F")
    assert (misfit["genomes"], misfit["first"], misfit["verdict"]) == (1, "S000001", "doubtful")
    # The same finding in a second genome raises no second alarm.
    again = genomes.receive(
        inst, staff["laboratory"], text(S000002=sequence(*BASE, "G28881A", "G28882A", "G28883C"))
    )
    assert [one for one in again["alarms"] if "ChinaCDC" in one["oligo"]] == []
    assert next(one for one in genomes.view(inst, staff["manager"], event_id)["misfits"]
                if one["oligo"] == "ChinaCDC_N_F")["genomes"] == 2  # fmt: skip


def test_only_the_last_are_compared(
    inst: Installation, staff: Staff, event_id: str, linked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(genomes, "COMPARED", 2)
    genomes.receive(inst, staff["laboratory"], text(S000000=sequence(*BASE)))
    inst.clock.move(timedelta(hours=1))  # type: ignore[attr-defined]
    genomes.receive(inst, staff["laboratory"], text(S000001=sequence(*BASE), S000002=sequence(*BASE)))
    seen = genomes.view(inst, staff["epidemiologist"], event_id)
    assert ([row["sample_no"] for row in seen["genomes"]], seen["total"]) == (["S000001", "S000002"], 3)
    assert seen["clusters"][0]["samples"] == ["S000001", "S000002"]


def test_nothing_of_a_person_travels_with_a_sequence(
    inst: Installation, staff: Staff, event_id: str, linked: list[str]
) -> None:
    for header in ("S000000 甄临一", "S000000|429901|2026-01-26", "甄临一", "", "S0 0", "S000000_x"):
        with pytest.raises(BadInput, match="just a sample's number"):
            genomes.receive(inst, staff["laboratory"], f">{header}\n{REFERENCE}\n".encode())
    genomes.receive(inst, staff["laboratory"], text(S000000=sequence(*BASE)))
    shown = json.dumps(genomes.view(inst, staff["laboratory"], event_id), default=str)
    with inst.store.read() as connection:
        held = json.dumps([dict(row) for row in rows(connection, Genome)], default=str)
        entry = next(one for one in ledger.entries(connection, type="genome_received"))
    for secret in (*NAMES, *CONTACTS, "1540000", "虚构路"):
        assert secret not in shown and secret not in held
    assert REFERENCE[5000:5060] not in held, "the sequence stays with the laboratory"
    assert (entry.ref, entry.event) == ("S000000", event_id)


def test_all_or_nothing(inst: Installation, staff: Staff, event_id: str, linked: list[str]) -> None:
    good = text(S000000=sequence(*BASE))
    for raw, match in (
        (b"", "no sequence"),
        (good + text(S999999=REFERENCE), "1 of 2 genomes"),
        (good + good, "twice"),
        (b"\x1f\x8bbroken", "unpacked"),
        (b">" + b"S" * 40 + b"\nACGT\n", "just a sample's number"),
    ):
        with pytest.raises(BadInput, match=match):
            genomes.receive(inst, staff["laboratory"], raw)
    with inst.store.read() as connection:
        assert rows(connection, Genome) == []
        assert ledger.entries(connection, type="genome_received") == []
    # What cannot be read is kept with its reason, and is in no cluster and no link.
    genomes.receive(inst, staff["laboratory"], text(S000000="ACGT", S000001="N" * 29_000))
    seen = genomes.view(inst, staff["epidemiologist"], event_id)
    assert {row["sample_no"]: row["status"] for row in seen["genomes"]} == {
        "S000000": "too_short", "S000001": "no_bases",
    }  # fmt: skip
    assert (seen["clusters"], seen["links"], seen["misfits"]) == ([], [], [])
    # A sample whose result came and whose case is of no event is told, and nothing of it is kept.
    with inst.store.begin() as connection:
        put(connection, LabResult(sample_no="S000009", card_no="elsewhere", tested_on=date(2026, 1, 27), test="x",
                                  result="positive"))  # fmt: skip
    both = genomes.receive(inst, staff["laboratory"], text(S000009=sequence(*BASE), S000001=sequence(*BASE)))
    assert ([one["sample_no"] for one in both["received"]], both["left"]) == (["S000001"], ["S000009"])
    with inst.store.read() as connection:
        assert {row["sample_no"] for row in rows(connection, Genome)} == {"S000000", "S000001"}
    # A better reading replaces it.
    genomes.receive(inst, staff["laboratory"], text(S000000=sequence(*BASE)))
    seen = genomes.view(inst, staff["epidemiologist"], event_id)
    assert [row["clade"] for row in seen["genomes"] if row["sample_no"] == "S000000"] == ["20A"]


def test_a_crash_in_the_middle_leaves_nothing(
    inst: Installation, staff: Staff, linked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def broken(*_: object, **__: object) -> list[str]:
        calls.append(1)
        if len(calls) == 2:
            raise RuntimeError("killed")
        return put(*_, **__)  # type: ignore[arg-type]

    monkeypatch.setattr("lianfang.store.put", broken)
    with pytest.raises(RuntimeError):
        genomes.receive(inst, staff["laboratory"], text(S000000=sequence(*BASE), S000001=sequence(*BASE)))
    with inst.store.read() as connection:
        assert rows(connection, Genome) == []
        assert ledger.entries(connection, type="genome_received") == []


def test_roles_areas_and_ends(inst: Installation, staff: Staff, event_id: str, linked: list[str]) -> None:
    raw = text(S000000=sequence(*BASE))
    for role, who in staff.items():
        if role != "laboratory":
            with pytest.raises(Refused):
                genomes.receive(inst, who, raw)
        if role not in ("laboratory", "epidemiologist", "manager", "clinician"):
            with pytest.raises(Refused):
                genomes.view(inst, who, event_id)
    far = Who("he.yi", "laboratory", "medical_institution", areas=("110000",))
    with pytest.raises(Refused, match="area"):
        genomes.receive(inst, far, raw)
    with pytest.raises(Refused, match="area"):
        genomes.view(inst, far, event_id)
    with pytest.raises(NotFound):
        genomes.view(inst, staff["epidemiologist"], "e20260101-none")
    genomes.receive(inst, staff["laboratory"], raw)
    closing.close(inst, staff["manager"], event_id, "ended")
    with pytest.raises(Conflict):
        genomes.view(inst, staff["epidemiologist"], event_id)
    late = genomes.receive(inst, staff["laboratory"], raw)
    assert (late["received"], late["left"]) == ([], ["S000000"]), "an event that has ended takes no more"


@pytest.mark.parametrize(
    ("differences", "days", "wanted"),
    # Poisson with 0.0655 a day over the days between and 14: means 0.92, 0.92, 0.92, 1.11, 1.11, 2.88, 2.88
    [(0, 0, "supported"), (3, 0, "supported"), (4, 0, "open"), (7, 3, "refuted"), (2, 3, "supported"),
     (6, 30, "supported"), (11, 30, "refuted")],
)  # fmt: skip
def test_what_differences_say(differences: int, days: int, wanted: str) -> None:
    from scipy.stats import poisson

    mean = genomes.RATE * (days + 14)
    plainly = (
        "refuted" if 1 - poisson.cdf(differences - 1, mean) < 0.001
        else "supported" if poisson.cdf(differences - 1, mean) < 0.95 else "open"
    )  # fmt: skip
    assert genomes.judged(differences, days) == plainly == wanted


def test_on_the_command_line(inst: Installation, event_id: str, linked: list[str]) -> None:
    common = ["--home", str(inst.home)]
    name = next(name for name, _, role in accounts.DEMONSTRATION if role == "laboratory")
    done = CliRunner().invoke(
        cli,
        ["genomes", "receive", "-", "--as", name, *common],
        input=text(S000000=sequence(*BASE), S000001="ACGT"),
    )
    assert done.exit_code == 0, (done.output, done.exception)
    assert "S000000\tok\t20A\t-\tgood" in done.stdout and "S000001\ttoo_short" in done.stdout
    seen = CliRunner().invoke(cli, ["genomes", "show", event_id, "--as", name, "--json", *common])
    assert len(json.loads(seen.stdout)["genomes"]) == 2
