"""Go's own signed notes and transparency log (golang.org/x/mod/sumdb) judge ours: all accepted, mutants refused."""

from __future__ import annotations

import base64
import json
import os
import random
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import create_engine

from lianfang.guard.ledger import Log, Signer, metadata
from lianfang.guard.ledger.tiles import tile_path

NOW = datetime(2026, 1, 29, tzinfo=UTC)
KEY = Signer("ledger.example/a", Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
GOPATH = Path("/usr/share/gocode")  # where Debian's golang-golang-x-mod-dev puts it


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Callable[[dict[str, Any]], dict[str, Any]]:
    go = shutil.which("go")
    if go is None or not (GOPATH / "src/golang.org/x/mod/sumdb/tlog").exists():
        pytest.skip("needs Go with golang.org/x/mod (Debian: golang-go, golang-golang-x-mod-dev)")
    folder = tmp_path_factory.mktemp("judge")
    source = Path(__file__).resolve().parents[2] / "interop" / "judge.go"
    env = {
        **os.environ,
        "GO111MODULE": "off",
        "GOPATH": str(GOPATH),
        "GOCACHE": str(folder / "cache"),
        "GOFLAGS": "",
    }
    subprocess.run([go, "build", "-o", str(folder / "judge"), str(source)], env=env, check=True, cwd=folder)

    def run(document: dict[str, Any]) -> dict[str, Any]:
        done = subprocess.run(
            [str(folder / "judge")], input=json.dumps(document).encode(), capture_output=True, check=True
        )
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    return run


def _b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _tiles(log: Log, conn: Any, size: int) -> dict[str, str]:
    found, level = {}, 0
    while size >> (8 * level):
        count = size >> (8 * level)
        for index in range(-(-count // 256)):
            width = min(256, count - 256 * index)
            found[f"{level}/{tile_path(index, width)}"] = _b64(log.tile(conn, level, index, width))
        level += 1
    return found


def _mutants(case: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    """The same case with one thing changed in each of its three parts."""
    bad = json.loads(json.dumps(case))
    note, at = case["Note"], rng.randrange(len(case["Note"].split("\n\n")[0]))
    bad["Note"] = note if rng.random() < 0.5 else note[:at] + chr(ord(note[at]) ^ 1) + note[at + 1 :]
    for part in ("Inclusion", "Consistency"):
        if bad[part]:
            which = rng.randrange(len(bad[part]))
            raw = bytearray(base64.b64decode(bad[part][which]))
            raw[rng.randrange(32)] ^= 1 << rng.randrange(8)
            bad[part][which] = _b64(bytes(raw))
        else:
            bad[part] = [_b64(bytes(32))]
    return bad


def test_go_accepts_ours_and_refuses_mutants(
    judge: Callable[[dict[str, Any]], dict[str, Any]], count: Callable[[int, int], int]
) -> None:
    rng = random.Random(9)
    engine = create_engine("sqlite://")
    metadata.create_all(engine)
    cases: list[dict[str, Any]] = []
    entries: list[bytes] = []
    with engine.begin() as conn:
        log = Log.create(conn, KEY, authority="a", now=NOW)
        for _ in range(count(60, 250)):
            new = [rng.randbytes(rng.randint(0, 60)) for _ in range(rng.choice([1, 1, 2, 7, 100, 256, 600]))]
            log.append(conn, new)
            entries += new
            head, size = log.checkpoint(conn, now=NOW), len(entries)
            for _ in range(4):
                index, old = rng.randrange(size), rng.randint(1, size)
                cases.append(
                    {
                        "Note": head,
                        "Index": index,
                        "Entry": _b64(entries[index]),
                        "Inclusion": [_b64(h) for h in log.prove_inclusion(conn, index)],
                        "OldSize": old,
                        "OldRoot": _b64(log.root(conn, old)),
                        "Consistency": [_b64(h) for h in log.prove_consistency(conn, old)],
                    }
                )
        tiles = _tiles(log, conn, len(entries))
    document = {"VKey": str(KEY.verifier), "Cases": cases, "Head": head, "Tiles": tiles}
    said = judge(document)
    assert said["Tiles"] and len(said["Cases"]) == len(cases) >= 240
    assert all(one["Note"] and one["Inclusion"] and one["Consistency"] for one in said["Cases"])
    bad = [_mutants(case, rng) for case in cases]
    said = judge({**document, "Cases": bad})
    assert not any(one["Inclusion"] or one["Consistency"] for one in said["Cases"])
    changed = [
        one["Note"]
        for one, case, was in zip(said["Cases"], bad, cases, strict=True)
        if case["Note"] != was["Note"]
    ]
    assert changed and not any(changed)
    name = rng.choice(list(tiles))
    raw = bytearray(base64.b64decode(tiles[name]))
    raw[rng.randrange(len(raw))] ^= 1
    assert not judge({**document, "Tiles": {**tiles, name: _b64(bytes(raw))}})["Tiles"]
