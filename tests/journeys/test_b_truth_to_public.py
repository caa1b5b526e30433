"""Journey B, truth to the public: committed on receipt, published, verified by anyone, corrected in the open."""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import journeykit
from lianfang import world
from lianfang.foundation.errors import BadInput, Conflict, Refused
from lianfang.guard import ledger
from lianfang.records import Bulletin, ReceivedReport
from lianfang.services import accounts, bulletin, integrity
from lianfang.services.installation import Installation, open_installation
from lianfang.store import rows

Count = Callable[[int, int], int]


@pytest.fixture
def base(played: Path, tmp_path: Path) -> Path:
    return journeykit.stage(played, tmp_path / "base")


@pytest.fixture
def inst(base: Path) -> Iterator[Installation]:
    with open_installation(base / "centre") as opened:
        yield opened


def test_every_delivered_file_was_committed_on_receipt(base: Path, inst: Installation) -> None:
    city = world.City.open(base / "city")
    delivered = {
        hashlib.sha256(path.read_bytes()).hexdigest(): day  # the same bytes again are no new report
        for day in reversed(journeykit.days(city))
        for path in city.inbox(day).iterdir()
    }
    assert len(delivered) > 150
    with inst.store.read() as connection:
        held = {row["sha256"]: row for row in rows(connection, ReceivedReport)}
        assert delivered.keys() == held.keys()
        log = ledger.Log.only(connection)
        for sha256, day in delivered.items():
            row = held[sha256]
            assert row["day"] == day == row["received_at"].date()
            proof = log.proof(connection, row["log_index"]).text()
            proven = ledger.verify_proof(proof, [ledger.Verifier.parse(bulletin.verifier_key(inst))])
            told = ledger.verify_opening(proven.entry, ledger.opening(connection, row["log_index"]))
            assert (told["sha256"], told["rows"]) == (sha256, row["rows"])


def _anyone(file: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """``lianfang verify`` where there is no installation."""
    home = file.parent / "elsewhere"
    home.mkdir(exist_ok=True)
    environment = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    command = [sys.executable, "-m", "lianfang", "verify", str(file), *more]
    return subprocess.run(
        command, cwd=home, env={**environment, "HOME": str(home)}, capture_output=True, text=True, check=False
    )


def test_anyone_verifies_a_correction_is_a_new_entry_and_copies_that_were_touched_fail(
    inst: Installation, tmp_path: Path, count: Count
) -> None:
    event_id, manager = journeykit.event_of(inst), accounts.person(inst, "zhou.zhuren")
    key = bulletin.verifier_key(inst)
    first = tmp_path / "first.json"
    first.write_text(bulletin.document(inst, event_id, 1), encoding="utf-8")
    said = _anyone(first, "--key", key, "--json")
    assert said.returncode == 0 and json.loads(said.stdout)["valid"] and json.loads(said.stdout)["trusted"]
    assert not list((tmp_path / "elsewhere").iterdir())

    with pytest.raises(Conflict):
        bulletin.publish(inst, manager, event_id)
    with pytest.raises(BadInput):
        bulletin.publish(inst, manager, event_id, corrects=7)
    row = bulletin.publish(inst, manager, event_id, corrects=1)
    second = tmp_path / "second.json"
    second.write_text(bulletin.document(inst, event_id, 2), encoding="utf-8")
    assert json.loads(second.read_text())["signed"]["payload"]["corrects"] == 1
    assert _anyone(second, "--key", key).returncode == 0
    assert _anyone(first, "--key", key).returncode == 0, "the old one stays what it was"
    with inst.store.read() as connection:
        published = rows(connection, Bulletin, order_by=["number"])
    assert [one["corrects"] for one in published] == [None, 1]
    assert published[0]["log_index"] < published[1]["log_index"] == row["log_index"]
    assert integrity.check(inst)["valid"]

    text = first.read_text(encoding="utf-8")
    wrong = first.with_name("wrong.json")
    wrong.write_text(re.sub(r'"count": (\d+)', r'"count": 1\1', text, count=1), encoding="utf-8")
    assert wrong.read_text(encoding="utf-8") != text
    assert _anyone(wrong, "--key", key).returncode == 4
    _touched_copies_fail(text.encode(), key, count(300, 300))


def _touched_copies_fail(raw: bytes, key: str, positions: int) -> None:
    """One byte another: refused, or it says the very same thing (space between the parts, an unused field)."""
    whole, meant = json.loads(raw), bulletin.verify(raw.decode(), key=key)
    rng = random.Random(7)
    refused = 0
    for at in sorted(rng.sample(range(len(raw)), min(positions, len(raw)))):
        touched = bytearray(raw)
        touched[at] ^= 1 << rng.randrange(8)
        try:
            found = bulletin.verify(touched.decode(), key=key)
        except (BadInput, Refused, UnicodeDecodeError):
            refused += 1
            continue
        again = json.loads(touched)
        changed = {name for name in {*whole, *again} if whole.get(name) != again.get(name)}
        # the file's own copy of the key is not used when the citizen brings one
        assert found == meant and changed <= {"key"}, (at, changed)
    assert refused > positions // 2
