"""REQ-P-66, 71 (and 37, 53, 54, 60, 64): an inspection finds what is planted, names nobody, and is sealed."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from lianfang.cli import cli
from lianfang.foundation.errors import BadInput, LianfangError, Refused
from lianfang.records import (
    Approval,
    Backup,
    Certificate,
    Contact,
    Event,
    HolderOrder,
    Job,
    Reading,
)
from lianfang.services import accounts, bulletin, closing, contacts, inspection, visits
from lianfang.services.installation import Installation, Who, create
from lianfang.store import change, one, put, rows, table
from loop import CONTACTS, NAMES


def codes(report: dict[str, Any]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for line in report["findings"]:
        found.setdefault(line["code"], set()).add(line["where"])
    return found


@pytest.fixture
def auditor(staff: dict[str, Who]) -> Who:
    return staff["auditor"]


@pytest.fixture
def worked(inst: Installation, event_id: str, staff: dict[str, Who]) -> str:
    """An event in which two contacts were locked, approved and named, and one of them read."""
    lock = contacts.lock(inst, staff["epidemiologist"], event_id, ["c0", "c1"], reason="x", worker="li.she")
    contacts.approve(inst, staff["data_protection_officer"], lock)
    contacts.name(inst, staff["epidemiologist"], lock)
    visits.particulars(inst, staff["community_worker"], "c0", terminal="t")
    return lock


def test_only_who_supervises_may_have_it(inst: Installation, staff: dict[str, Who]) -> None:
    for role, who in staff.items():
        if role in ("auditor", "data_protection_officer", "security_officer"):
            assert inspection.report(inst, who)["role"] == role
        else:
            for made in (inspection.report, inspection.document):
                with pytest.raises(Refused):
                    made(inst, who)
    part = Who("elsewhere", "auditor", "cdc", areas=("429901",))
    with pytest.raises(Refused, match="reach"):
        inspection.report(inst, part)
    for days in (0, 367, -1):
        with pytest.raises(BadInput, match="366"):
            inspection.report(inst, staff["auditor"], days=days)


def test_an_empty_installation_lacks_backups_and_little_else(tmp_path: Path) -> None:
    with create(tmp_path / "home", settings={"policy_pack": "cn-current"}) as made:
        report = inspection.report(made, Who("nobody", "auditor", "cdc"))
        found = set(codes(report))
    assert {"no_data_backup", "no_key_backup", "no_drill", "no_officer"} <= found
    assert report["totals"]["error"] == 0 and report["ledger"]["valid"]
    assert report["accounts"]["accounts"] == 0 and report["decisions"]["count"] == 0


def test_a_worked_event_is_told_without_anybodys_particulars(
    inst: Installation, event_id: str, worked: str, auditor: Who
) -> None:
    text, report = inspection.document(inst, auditor)
    for secret in (*NAMES, *CONTACTS, "1540000", "虚构路", "城南市场", "甄", "邢"):
        assert secret not in text
    with inst.store.read() as connection:
        for row in rows(connection, Contact):
            assert row["token"] not in text and f'"{row["contact_id"]}"' not in text
    assert report["readings"]["readings"] == 1 and report["readings"]["without_lock"] == 0
    assert report["readings"]["listed"] == [{"reader": "li.she", "readings": 1}]
    assert report["locks"]["by_state"] == {"named": 1}
    assert any(line["phase"] == "reidentify" and line["permitted"] for line in report["decisions"]["listed"])
    assert not {"reading_without_lock", "lock_without_two"} & set(codes(report))


def test_refusals_are_counted(inst: Installation, event_id: str, staff: dict[str, Who]) -> None:
    before = inspection.report(inst, staff["auditor"])["decisions"]["refused"]
    with pytest.raises(Refused):
        visits.particulars(inst, staff["community_worker"], "c5", terminal="t")
    assert inspection.report(inst, staff["auditor"])["decisions"]["refused"] == before + 1


def test_req_p_60_64_readings_and_locks_are_judged_again(
    inst: Installation, event_id: str, worked: str, auditor: Who
) -> None:
    """A reading planted past its lock, one without a lock, and a lock with one approval only."""
    base = {"at": inst.now(), "event_id": event_id, "fields_read": ["name"], "decision_id": "d1"}
    planted = [
        {"reading_id": "r1", "account": "li.she", "contact_id": "c5", "lock_id": worked},
        {"reading_id": "r2", "account": "li.she", "contact_id": "c0", "lock_id": ""},
        {"reading_id": "r3", "account": "wang.yi", "contact_id": "c0", "lock_id": worked},
    ]
    with inst.store.begin() as connection:
        put(connection, *(Reading.model_validate({**base, **more}) for more in planted))
    report = inspection.report(inst, auditor)
    assert codes(report)["reading_without_lock"] == {"li.she", "wang.yi"}
    assert report["readings"]["without_lock"] == 3
    assert "lock_without_two" not in codes(report)
    with inst.store.begin() as connection:
        approvals = table(Approval)
        connection.execute(sa.delete(approvals).where(approvals.c.account == "chen.ren"))
    report = inspection.report(inst, auditor)
    assert codes(report)["lock_without_two"] == {worked}
    assert report["readings"]["without_lock"] == 4  # the honest one, too, has lost its second approval


def test_req_p_54_data_that_are_due_and_a_certificate_that_was_changed(
    inst: Installation, event_id: str, staff: dict[str, Who]
) -> None:
    closing.close(inst, staff["manager"], event_id, "ended")
    auditor = staff["auditor"]
    assert "event_due" not in codes(inspection.report(inst, auditor))
    inst.clock.move(timedelta(days=400))  # type: ignore[attr-defined]
    auditor = Who(auditor.account, "auditor", "cdc")
    assert codes(inspection.report(inst, auditor))["event_due"] == {event_id}
    closing.expire(inst, Who("system", "system", "cdc"), event_id)
    report = inspection.report(inst, auditor)
    assert not {"event_due", "key_left", "certificate_bad"} & set(codes(report))
    assert report["events"]["certificates"]["listed"][0]["signature_holds"]
    with inst.store.begin() as connection:
        row = one(connection, Certificate, event_id=event_id)
        change(connection, Certificate, row["id"], content={**row["content"], "kept": {}})
    assert codes(inspection.report(inst, auditor))["certificate_bad"] == {event_id}


def test_work_that_is_late_or_failed(inst: Installation, event_id: str, auditor: Who) -> None:
    order = {
        "order_id": "o-late", "event_id": event_id, "holder": "h", "issued_at": inst.now(), "issued_by": "wang.yi",
        "responsible": "wang.yi", "basis": [], "sources": [], "period_start": inst.now(), "period_end": inst.now(),
        "rule": {}, "row_cap": 1, "expires_at": inst.now() - timedelta(hours=1), "index_count": 0, "index_cases": [],
        "document": "", "status": "sent",
    }  # fmt: skip
    job = {
        "job_id": "j1", "kind": "daily", "arguments": {}, "idempotency_key": "k", "status": "failed",
        "created_at": inst.now(), "error": f"fault: {NAMES[0]}",
    }  # fmt: skip
    with inst.store.begin() as connection:
        put(connection, HolderOrder.model_validate(order), Job.model_validate(job))
        event = one(connection, Event, event_id=event_id)
        change(connection, Event, event["id"], title=f"{NAMES[1]} 15400000001")
    inst.clock.move(timedelta(days=3))  # type: ignore[attr-defined]
    report = inspection.report(inst, auditor)
    found = codes(report)
    assert found["order_overdue"] == {"o-late"} and found["job_failed"] == {"daily"}
    assert found["task_overdue"] == {event_id} and report["tasks"]["overdue"] >= 1
    assert NAMES[0] not in json.dumps(report, ensure_ascii=False)
    assert NAMES[1] not in json.dumps(report, ensure_ascii=False)


def test_req_p_71_rights_that_end_ended_or_are_not_used(inst: Installation, auditor: Who) -> None:
    accounts.add(inst, None, "qian.jin", role="epidemiologist", days=10)
    found = codes(inspection.report(inst, auditor))
    assert found["role_ends"] == {"qian.jin"} and "role_unused" not in found
    inst.clock.move(timedelta(days=40))  # type: ignore[attr-defined]
    accounts.sign_in_by_link(inst, accounts.link(inst, "wang.yi"))
    found = codes(inspection.report(inst, Who("sun.shen", "auditor", "cdc")))
    assert found["role_ended"] == {"qian.jin"}
    assert "li.she" in found["role_unused"] and "wang.yi" not in found["role_unused"]


def test_req_p_37_a_shared_account_is_found(inst: Installation, auditor: Who) -> None:
    from lianfang.guard.accounts.tables import account

    with inst.store.begin() as connection:
        connection.execute(sa.update(account).where(account.c.name == "li.she").values(name="nurse2"))
    assert codes(inspection.report(inst, auditor))["shared_name"] == {"nurse2"}


def test_req_p_66_backups_and_drills(inst: Installation, auditor: Who) -> None:
    def made(kind: str, **more: Any) -> Backup:
        base = {"backup_id": f"b-{kind}", "kind": kind, "made_at": inst.now(), "file": "x", "sha256": "0",
                "size": 1, "files": 1, "expires_on": inst.today()}  # fmt: skip
        return Backup.model_validate({**base, **more})

    with inst.store.begin() as connection:
        put(connection, made("data", drilled_at=inst.now(), drill="passed"), made("keys"))
    found = codes(inspection.report(inst, auditor))
    assert not {"no_data_backup", "no_key_backup", "no_drill", "drill_failed"} & set(found)
    inst.clock.move(timedelta(days=8))  # type: ignore[attr-defined]
    with inst.store.begin() as connection:
        put(connection, made("data", backup_id="b2", drilled_at=inst.now(), drill="failed"))
    found = codes(inspection.report(inst, auditor))
    assert "no_key_backup" in found and "no_data_backup" not in found and "no_drill" not in found
    assert found["drill_failed"] == {"b2"}


def test_open_files_and_what_lies_about(inst: Installation, auditor: Who) -> None:
    clean = codes(inspection.report(inst, auditor))
    assert not {"home_open", "key_open", "leftover", "not_readable"} & set(clean)
    old = (inst.now() - timedelta(days=9)).timestamp()
    (inst.home / "inbox" / "甄临一.xlsx").write_text("x")
    os.utime(inst.home / "inbox" / "甄临一.xlsx", (old, old))
    (inst.home / "rejects" / "new.csv").write_text("x")
    (inst.home / "inbox").chmod(0o777)
    report = inspection.report(inst, auditor)
    assert codes(report)["leftover"] == {"inbox"} and report["leftovers"]["rejects"]["older"] == 0
    assert codes(report)["home_open"] == {"inbox"}
    assert "甄临一" not in json.dumps(report, ensure_ascii=False)
    (inst.home / "keys" / "authority.json").chmod(0o640)
    with Installation(inst.home, inst.settings, inst.clock) as again:
        report = inspection.report(again, auditor)
        assert codes(report)["key_open"] == {"keys/authority.json"}
        assert "not_readable" in codes(report)
        with pytest.raises(Refused, match="open to others"):
            inspection.document(again, auditor)


@pytest.fixture
def listening() -> Iterator[int]:
    with socket.socket() as door:
        door.bind(("0.0.0.0", 0))
        door.listen()
        yield door.getsockname()[1]


def test_req_p_71_a_port_beyond_loopback_is_found(inst: Installation, auditor: Who, listening: int) -> None:
    with socket.socket() as inner:
        inner.bind(("127.0.0.1", 0))
        inner.listen()
        report = inspection.report(inst, auditor)
        assert str(listening) in codes(report)["listening"]
        assert str(inner.getsockname()[1]) not in codes(report)["listening"]
        listed = {line["port"] for line in report["listeners"]["installation"]}
        assert {listening, inner.getsockname()[1]} <= listed
    meant = inst.settings.model_copy(update={"host": "0.0.0.0", "port": listening})
    with Installation(inst.home, meant, inst.clock) as told:
        assert "listening" not in codes(inspection.report(told, auditor))


def test_a_changed_ledger_is_found(inst: Installation, event_id: str, auditor: Who) -> None:
    from lianfang.guard.ledger.tables import entry

    with inst.store.begin() as connection:
        data = connection.execute(sa.select(entry.c.data).where(entry.c.idx == 3)).scalar_one()
        changed = bytes(data[:-3]) + bytes([data[-3] ^ 1]) + bytes(data[-2:])
        connection.execute(sa.update(entry).where(entry.c.idx == 3).values(data=changed))
    report = inspection.report(inst, auditor)
    assert codes(report)["ledger_changed"] == {"ledger"} and not report["ledger"]["valid"]
    assert report["findings"][0]["code"] == "ledger_changed"  # the gravest first


def test_the_signed_file_verifies_alone_and_no_byte_of_it_can_change(
    inst: Installation, worked: str, auditor: Who, count: Any
) -> None:
    text, content = inspection.document(inst, auditor)
    key = bulletin.verifier_key(inst)
    found = inspection.verify(text, key=key)
    assert found["valid"] and found["report"] == content and found["log_index"] == found["log_size"] - 1
    step = max(1, len(text) // count(300, 6000))
    places = {*range(0, len(text), step), *range(len(text) - 200, len(text))}
    for at in sorted(places):
        other = text[:at] + chr(ord(text[at]) ^ 1) + text[at + 1 :]
        with pytest.raises((BadInput, Refused)):
            inspection.verify(other, key=key)
    for other in (text + "\n", " " + text, text[:-1], "", "[]", "null", "{" * 5000, "x" * 9_000_000):
        with pytest.raises((BadInput, Refused)):
            inspection.verify(other, key=key)
    for wrong in ("", "x+1+y", key[:-4] + "AAA="):
        with pytest.raises(LianfangError):
            inspection.verify(text, key=wrong)


def test_another_authoritys_key_and_another_signed_document_are_refused(
    inst: Installation, auditor: Who, tmp_path: Path
) -> None:
    text, _ = inspection.document(inst, auditor)
    with create(tmp_path / "other") as other, pytest.raises(Refused):
        inspection.verify(text, key=bulletin.verifier_key(other))
    from lianfang.guard.signing import canonical, sign

    signed = canonical(sign(inst.signer, {"report": {"format": "x"}, "proof": "", "opening": {}})).decode()
    with pytest.raises(LianfangError):
        inspection.verify(signed, key=bulletin.verifier_key(inst))


def test_that_it_was_made_is_recorded(inst: Installation, auditor: Who) -> None:
    from lianfang.guard import ledger

    inspection.report(inst, auditor)
    inspection.document(inst, auditor, days=7)
    with inst.store.read() as connection:
        made = ledger.entries(connection, actor="sun.shen")
    assert [one.type for one in made[:2]] == ["inspection_made", "inspection_read"]
    assert made[0].payload is not None and made[0].payload["days"] == 7


def test_the_command_writes_verifies_and_is_strict(inst: Installation, tmp_path: Path) -> None:
    home, out, key = str(inst.home), tmp_path / "report.json", bulletin.verifier_key(inst)

    def run(*words: str) -> Any:
        return CliRunner().invoke(cli, ["guard", "inspect", *words], standalone_mode=False)

    done = run("--home", home, "--out", str(out))
    assert done.exit_code == 0, done.output
    assert "No restore drill" in done.output
    assert isinstance(run("--home", home, "--out", str(out)).exception, BadInput)  # it is not overwritten
    assert isinstance(run("--home", home, "--strict").exception, Refused)
    assert isinstance(run("--home", home, "--as", "wang.yi").exception, Refused)
    assert json.loads(run("--home", home, "--json").stdout)["format"] == "lianfang-inspection/1"
    good = run("verify", str(out), "--key", key)
    assert good.exit_code == 0 and "VALID" in good.output
    (tmp_path / "key.txt").write_text(key + "\n")
    assert run("verify", str(out), "--key", str(tmp_path / "key.txt")).exit_code == 0
    out.write_bytes(out.read_bytes().replace(b'"error":0', b'"error":1', 1))
    assert isinstance(run("verify", str(out), "--key", key).exception, Refused)


def test_req_p_66_many_identities_are_sampled_anew_each_time_and_the_sample_is_said(
    inst: Installation, event_id: str, staff: dict[str, Who], monkeypatch: pytest.MonkeyPatch
) -> None:
    from lianfang.services.inspection import making

    whole = inspection.report(inst, staff["auditor"])["ledger"]
    assert whole["opened"] == whole["subjects"] >= 3
    monkeypatch.setattr(making, "SAMPLE", 1)
    part = inspection.report(inst, staff["auditor"])["ledger"]
    assert (part["opened"], part["subjects"]) == (1, whole["subjects"])
    with inst.vault_store.read() as vault:
        drawn = [frozenset(_drawn(inst, vault)) for _ in range(40)]
    assert len(set(drawn)) > 1


def _drawn(inst: Installation, vault: Any) -> list[str]:
    seen: list[str] = []
    sound = inst.vault._sound
    inst.vault._sound = lambda row: bool(seen.append(row["subject_id"])) or sound(row)  # type: ignore[method-assign]
    try:
        inst.vault.check(vault, most=1)
    finally:
        inst.vault._sound = sound  # type: ignore[method-assign]
    return seen
