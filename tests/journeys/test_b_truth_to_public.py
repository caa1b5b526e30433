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
    _touched_copies_fail(text.encode(), key, count(97, 1))


def _touched_copies_fail(raw: bytes, key: str, stride: int) -> None:
    """A file has one spelling: another byte, one less or one more, at any place, is refused."""
    assert bulletin.verify(raw, key=key)["valid"] and bulletin.verify(raw)["valid"]
    rng = random.Random(7)
    for at in range(rng.randrange(stride), len(raw), stride):
        flipped = {raw[at] ^ 1 << bit for bit in (0, 5, rng.randrange(8))}
        # what JSON, base64, hexadecimal digits or a line's end might take for the same
        others = {*flipped, *rng.sample(b' \t\r\n0Aa+/=".', 3), rng.randrange(256)} - {raw[at]}
        copies = [raw[:at] + bytes([other]) + raw[at + 1 :] for other in sorted(others)]
        copies += [
            raw[:at] + raw[at + 1 :],
            raw[:at] + raw[at : at + 1] + raw[at:],
            raw[:at] + b" " + raw[at:],
        ]
        for copy in copies:
            with pytest.raises((BadInput, Refused)):
                bulletin.verify(copy, key=key)


def test_no_other_spelling_of_a_file_is_taken(inst: Installation) -> None:
    """The same meaning in other bytes: other space, order, escapes, numbers, base64, digits, a key of one's own."""
    key = bulletin.verifier_key(inst)
    text = bulletin.document(inst, journeykit.event_of(inst), 1)
    parts = json.loads(text)
    spare = parts["signed"]["signature"]
    assert spare.endswith("==")
    digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    other_bits = spare[:-3] + digits[digits.index(spare[-3]) + 1] + "=="
    salt = parts["opening"]["salt"]
    name, _, rest = key.partition("+")
    line = parts["proof"].rstrip("\n").rpartition("\n")[2]
    copies = [
        text + "\n",
        text.rstrip("\n"),
        " " + text,
        "\ufeff" + text,
        text.replace("\n", "\r\n"),
        json.dumps(parts, ensure_ascii=False, sort_keys=True),
        json.dumps(parts, indent=1, sort_keys=True) + "\n",
        json.dumps(dict(reversed(parts.items())), ensure_ascii=False, indent=1) + "\n",
        text.replace('"number": 1', '"number": 1.0', 1),
        text.replace('"number": 1', '"number": 1e0', 1),
        text.replace('"corrects": 0', '"corrects": -0', 1),
        text.replace(spare, other_bits),
        text.replace(salt, salt.upper()),
        text.replace(salt, f"{salt[:2]} {salt[2:]}"),
        text.replace(json.dumps(key), json.dumps(f"{name}+{rest.upper()}")),
        text.replace(line, f"{line}\\n{line}"),
        text.replace(line, f"{line}\\n— elsewhere.example {line.rpartition(' ')[2]}"),
        text.replace('"format"', '"format": "another", "format"', 1),
    ]
    for copy in copies:
        assert copy != text
        for given in (key, None):
            with pytest.raises((BadInput, Refused)):
                bulletin.verify(copy, key=given)
    assert bulletin.verify(text, key=f" {key}\n")["valid"]
