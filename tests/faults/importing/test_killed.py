"""An import killed (SIGKILL) at each of its steps leaves nothing, or is finished by the next run; never half."""

from __future__ import annotations

import signal
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

import importkit
from importkit import CARD, card, write
from lianfang.records import Batch, CaseReport, ClinicCount, ReceivedReport
from lianfang.services.importing import delivered, import_files, recover
from lianfang.services.installation import Installation
from lianfang.store import rows, tally

STEPS = ["staged", "sealed", "vault", "lake", "before_commit", "stored"]
#: Steps after which the vault has the identities, so that the next run must finish the batch.
LATE = {"vault", "lake", "before_commit", "stored"}

CHILD = """
import os, signal, sys
sys.path[:0] = {path!r}
import importkit
from pathlib import Path
from lianfang.services.importing import import_files, run, staging

def stop(step):
    if step == {step!r}:
        os.kill(os.getpid(), signal.SIGKILL)

staging.reached = run.reached = stop
inst = importkit.open_again(Path({home!r}))
import_files(inst, importkit.EPI, {kind!r}, [Path({file!r})])
print("not killed")
"""


def kill(home: Path, file: Path, kind: str, step: str) -> int:
    """Import in a process of its own that is killed at ``step``; gives its exit status."""
    code = CHILD.format(path=sys.path, step=step, home=str(home), file=str(file), kind=kind)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode


def subjects(inst: Installation) -> int:
    from sqlalchemy import func, select

    from lianfang.guard.vault.tables import subject

    with inst.vault_store.read() as connection:
        return connection.execute(select(func.count()).select_from(subject)).scalar_one()


@pytest.mark.parametrize("step", [s for s in STEPS if s != "lake"])
def test_a_killed_import_of_cards(tmp_path: Path, step: str) -> None:
    home = tmp_path / "home"
    importkit.make(home).close()
    path = write(tmp_path / "a.csv", CARD, [*(card(n) for n in range(1, 40)), card(50, 报告日期="?")])
    assert kill(home, path, "case_report", step) == -signal.SIGKILL
    inst = importkit.open_again(home)
    with inst.store.read() as connection:
        seen = tally(connection, CaseReport)
    assert seen == (39 if step == "stored" else 0)  # before anything else runs: all or nothing
    assert subjects(inst) == (39 if step in LATE else 0)
    recover(inst)
    with inst.store.read() as connection:
        after = tally(connection, CaseReport)
        assert tally(connection, Batch, status="done") == tally(connection, ReceivedReport) == (after > 0)
    assert after == (39 if step in LATE else 0)
    assert [p.name for p in (inst.home / "staging").iterdir()] == [".lock"]
    report = import_files(inst, importkit.EPI, "case_report", [path])[0]
    assert report.status == ("unchanged" if step in LATE else "imported")
    with inst.store.read() as connection:
        found = rows(connection, CaseReport)
        assert tally(connection, Batch) == tally(connection, ReceivedReport) == 1
    assert len(found) == subjects(inst) == 39 and len(list((home / "rejects").iterdir())) == 1
    with inst.vault_store.read() as connection:
        one = next(row for row in found if row["card_no"] == "K000007")
        assert inst.vault.find(connection, "routine", "name", "王测7") == [one["subject_id"]]
    inst.close()


@pytest.mark.parametrize("step", STEPS)
def test_a_killed_import_to_the_lake(tmp_path: Path, step: str) -> None:
    home = tmp_path / "home"
    importkit.make(home).close()
    lines = [[f"2026-01-{d:02d}", "一院", "429901", "9", "3", "1"] for d in range(10, 20)]
    path = write(tmp_path / "发热门诊.csv", "日期,机构,区划,就诊人次,发热人次,流感样病例", lines)
    assert kill(home, path, "clinic_count", step) == -signal.SIGKILL
    inst = importkit.open_again(home)
    seen = delivered(inst, ClinicCount, as_of=date(2026, 2, 1))
    assert len(seen) == (10 if step == "stored" else 0)
    recover(inst)
    assert len(delivered(inst, ClinicCount, as_of=date(2026, 2, 1))) == (0 if step == "staged" else 10)
    import_files(inst, importkit.EPI, "clinic_count", [path])
    assert len(delivered(inst, ClinicCount, as_of=date(2026, 2, 1))) == 10
    assert len(inst.lake.files(ClinicCount)) == 10
    inst.close()


def test_a_staging_folder_holds_no_identifier(tmp_path: Path) -> None:
    home = tmp_path / "home"
    importkit.make(home).close()
    path = write(tmp_path / "a.csv", CARD, [card(n) for n in range(1, 40)])
    kill(home, path, "case_report", "sealed")
    staged = [p for p in (home / "staging").rglob("*") if p.is_file()]
    assert any(p.suffix == ".parquet" for p in staged)
    import polars as pl

    for file in staged:
        text = file.read_bytes()
        if file.suffix == ".parquet":
            text = str(pl.read_parquet(file).rows()).encode()
        for word in ("王测7", "429901197003110007", "15400000007", "城南区2号", "在城南市场工作"):
            assert word.encode() not in text
