"""``lianfang ledger verify`` from outside, without an installation."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import create_engine

from lianfang.cli.ledger import ledger as command
from lianfang.foundation.errors import BadInput, Refused
from lianfang.guard import ledger
from lianfang.guard.ledger import Item, Log, Signer, sign_note

NOW = datetime(2026, 1, 29, 8, 0, tzinfo=UTC)
KEY = Signer("ledger.example/cdc", Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
VKEY = str(KEY.verifier)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    engine = create_engine("sqlite://")
    ledger.metadata.create_all(engine)
    with engine.begin() as conn:
        log = Log.create(conn, KEY, authority="cdc", now=NOW)
        items = [
            Item("bulletin.published", NOW, "chen", "public_bulletin", f"b-{at}", {"n": at}, public=True)
            for at in range(9)
        ]
        ledger.record_many(conn, items)
        (tmp_path / "head").write_text(log.checkpoint(conn, now=NOW))
        (tmp_path / "b5.tlog-proof").write_text(log.proof(conn, 5).text())
        (tmp_path / "bare.tlog-proof").write_text(log.proof(conn, 5, with_entry=False).text())
        (tmp_path / "b5.entry").write_bytes(log.entry(conn, 5))
        (tmp_path / "b5.json").write_text(json.dumps(ledger.opening(conn, 5)))
    (tmp_path / "note").write_text(sign_note("the market is open\n", [KEY]))
    (tmp_path / "keys").write_text(f"# of the centre\n\n{VKEY}\n")
    return tmp_path


def _run(*args: object) -> tuple[str, BaseException | None]:
    done = CliRunner().invoke(command, ["verify", *map(str, args)])
    return done.output, done.exception


def test_valid_files(folder: Path) -> None:
    output, error = _run(folder / "b5.tlog-proof", folder / "head", folder / "note", "--key", folder / "keys")
    assert error is None and output.count("VALID 有效") == 3
    assert "entry 5 of 9 in ledger.example/cdc" in output and "ref: b-5" in output
    output, error = _run(
        folder / "bare.tlog-proof",
        "--key",
        VKEY,
        "--entry",
        folder / "b5.entry",
        "--opening",
        folder / "b5.json",
    )
    assert error is None and 'payload: {"n": 5}' in output
    output, error = _run(folder / "b5.tlog-proof", "--key", VKEY, "--json")
    verdict = json.loads(output)["files"][0]
    assert verdict["valid"] and verdict["index"] == 5 and verdict["entry"]["type"] == "bulletin.published"


def test_what_is_not_valid(folder: Path) -> None:
    proof = (folder / "b5.tlog-proof").read_text()
    other = str(Signer("ledger.example/cdc", Ed25519PrivateKey.from_private_bytes(bytes(32))).verifier)
    (folder / "changed").write_text(proof.replace("index 5", "index 4"))
    (folder / "junk").write_text("junk\n")
    (folder / "wrong.json").write_text(json.dumps({"salt": "00" * 32, "payload": {"n": 5}}))
    for args in (
        (folder / "changed", "--key", VKEY),
        (folder / "junk", "--key", VKEY),
        (folder / "b5.tlog-proof", "--key", other),
        (folder / "b5.tlog-proof", "--key", VKEY, "--origin", "ledger.example/else"),
        (folder / "b5.tlog-proof", "--key", VKEY, "--opening", folder / "wrong.json"),
        (folder / "b5.tlog-proof", "--key", VKEY, "--entry", folder / "junk"),
        (folder / "bare.tlog-proof", "--key", VKEY),
        (folder / "note", "--key", VKEY, "--origin", "ledger.example/cdc"),
    ):
        output, error = _run(*args)
        assert isinstance(error, Refused) and "NOT VALID" in output, args
    for args in ((folder / "none", "--key", VKEY), (folder / "head", "--key", folder / "junk")):
        assert isinstance(_run(*args)[1], BadInput)


def test_two_heads_of_one_size_are_a_split_view(folder: Path) -> None:
    text = ledger.verify_note((folder / "head").read_text(), [VKEY]).text
    lines = text.split("\n")
    lines[2] = "A" * 43 + "="
    (folder / "other").write_text(sign_note("\n".join(lines), [KEY]))
    output, error = _run(folder / "head", folder / "other", "--key", VKEY)
    assert isinstance(error, Refused) and "SPLIT VIEW" in output


def test_from_a_bare_shell_with_exit_codes_and_nothing_heavy(folder: Path) -> None:
    program = (
        "import sys; sys.argv[0] = 'lianfang'\n"
        "from lianfang.cli import main\n"
        "try:\n    main()\n"
        "finally:\n"
        "    heavy = {'sqlalchemy', 'polars', 'numpy', 'duckdb'} & set(sys.modules)\n"
        "    print('heavy:', sorted(heavy))\n"
    )
    proof = (folder / "b5.tlog-proof").read_bytes()
    for room in (["ledger"], ["guard", "ledger"]):
        for given, code in ((proof, 0), (proof.replace(b"index 5", b"index 6"), 4)):
            done = subprocess.run(
                [sys.executable, "-c", program, *room, "verify", "-", "--key", VKEY],
                input=given,
                capture_output=True,
                cwd=folder,
                env={"PYTHONPATH": str(Path(ledger.__file__).parents[3]), "PATH": ""},
                check=False,
            )
            assert done.returncode == code, done.stderr.decode()
            assert b"heavy: []" in done.stdout
