"""Requirements REQ-P-34, 50, 66 and 74 as far as ledger and vault answer for them, on an installation."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from click.testing import CliRunner

from lianfang.cli.ledger import ledger as command
from lianfang.foundation.errors import Refused
from lianfang.guard import ledger
from lianfang.services import integrity
from lianfang.services.installation import ROUTINE, Installation, create
from vaultkit import people


@pytest.fixture
def inst(tmp_path: Path) -> Installation:
    made = create(tmp_path / "home", settings={"adcode": "429900"})
    with made.vault_store.begin() as vault:
        ids = made.vault.put_many(vault, ROUTINE, people(20), kind="case_report")
        with made.store.begin() as conn:
            for subject in ids:
                ledger.record(
                    conn,
                    type="report.taken",
                    time=made.now(),
                    actor="system",
                    purpose="case_report",
                    ref=subject,
                    payload={"subject": subject},
                    event=ROUTINE,
                    subject=subject,
                    sealer=made.vault.sealer(vault),
                )
    with made.store.begin() as conn:
        ledger.Log(made.signer).checkpoint(conn, now=made.now())
    yield made
    made.close()


def test_req_p_50_identities_in_the_vault_only_and_one_changed_byte_is_found(inst: Installation) -> None:
    found = integrity.check(inst)
    assert found["valid"] and found["entries"] >= 20 and found["subjects"] == 20
    outside = (inst.home / "lianfang.db").read_bytes() + (inst.home / "lianfang.db-wal").read_bytes()
    assert not [v for row in people(20) for v in row.values() if v.encode() in outside]
    with inst.store.read() as conn:
        head = ledger.Log.only(conn).latest(conn)
    changes = (
        ("lianfang.db", "UPDATE ledger_record SET actor = 'sysTem' WHERE idx = 3"),
        ("lianfang.db", "UPDATE ledger_entry SET data = CAST(data || ' ' AS BLOB) WHERE idx = 4"),
        ("vault/vault.db", "UPDATE vault_subject SET ix_phone = zeroblob(16) WHERE rowid = 5"),
        ("vault/vault.db", "UPDATE vault_subject SET identity = zeroblob(16) WHERE rowid = 6"),
        ("vault/vault.db", "UPDATE vault_subject SET fields = zeroblob(length(fields)) WHERE rowid = 7"),
    )
    seen = 0
    for name, change in changes:
        with sqlite3.connect(inst.home / name) as raw:
            assert raw.execute(change).rowcount == 1
        now = integrity.check(inst, heads=[head])
        assert not now["valid"] and len(now["findings"]) > seen
        seen = len(now["findings"])
        assert not any(value in str(now) for row in people(20) for value in row.values())


def test_req_p_34_tampering_is_told_on_the_command_line(inst: Installation, tmp_path: Path) -> None:
    def run(*more: str) -> tuple[str, BaseException | None]:
        done = CliRunner().invoke(command, ["check", "--home", str(inst.home), *more])
        return done.output, done.exception

    output, error = run()
    assert error is None and "20 identities" in output and "完好" in output
    with inst.store.read() as conn:
        head = ledger.Log.only(conn).latest(conn)
    (tmp_path / "head").write_text(head)
    assert json.loads(run("--json", "--head", str(tmp_path / "head"))[0])["valid"]
    with sqlite3.connect(inst.home / "lianfang.db") as raw:
        raw.execute("UPDATE ledger_record SET purpose = 'marketing' WHERE idx = 7")
    output, error = run()
    assert isinstance(error, Refused) and "(entry 7)" in output


def test_req_p_66_after_a_subject_is_erased_all_else_still_checks(inst: Installation) -> None:
    with inst.vault_store.begin() as vault:
        (subject,) = inst.vault.find(vault, ROUTINE, "phone", people(1)[0]["phone"])
        inst.vault.destroy_subject(vault, ROUTINE, subject)
    found = integrity.check(inst)
    assert found["valid"] and found["subjects"] == 19


def test_req_p_74_what_is_published_can_be_checked_by_anybody(inst: Installation) -> None:
    with inst.store.begin() as conn:
        index = ledger.record(
            conn,
            type="bulletin.published",
            time=inst.now(),
            actor="zhou.zhuren",
            purpose="public_bulletin",
            ref="b-1",
            payload={"confirmed": 5},
            public=True,
        )
        log = ledger.Log(inst.signer)
        log.checkpoint(conn, now=inst.now())
        file, opening = log.proof(conn, index).text(), ledger.opening(conn, index)
    key = str(ledger.Verifier.of(inst.signer.public))
    proven = ledger.verify_proof(file, [key])  # nothing of the installation from here on
    assert ledger.verify_opening(proven.entry, opening) == {"confirmed": 5}
    with pytest.raises(Refused):
        ledger.verify_opening(proven.entry, {**opening, "payload": {"confirmed": 4}})
