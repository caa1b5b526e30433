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
from lianfang.guard.ledger.tiles import bundles, parse_tile_path, tile_path

NOW = datetime(2026, 1, 29, tzinfo=UTC)
KEY = Signer("ledger.example/a", Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
WITNESS = Signer("witness.example/w", Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33))))
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


def _bundles(log: Log, conn: Any, size: int) -> dict[str, str]:
    named = [(index, width, tile_path(index, width)) for index, width in bundles(size)]
    return {path: _b64(log.bundle(conn, index, width)) for index, width, path in named}


def _changed_tiles(
    tiles: dict[str, str], entries: list[bytes], rng: random.Random, count: int
) -> list[dict[str, Any]]:
    """Tiles with one bit, or their length, changed, each with an entry whose proof goes through it."""
    found, size = [], len(entries)
    for _ in range(count):
        name = rng.choice(list(tiles))
        level, path = name.split("/", 1)
        index = parse_tile_path(path)[0]
        raw = bytearray(base64.b64decode(tiles[name]))
        if rng.random() < 0.1:
            del raw[-32:]
        else:
            raw[rng.randrange(len(raw))] ^= 1 << rng.randrange(8)
        first = index * 256 ** (int(level) + 1)
        within = min(size, first + 256 ** (int(level) + 1))
        at = rng.randrange(first, within)
        found.append({"Name": name, "Data": _b64(bytes(raw)), "Index": at, "Entry": _b64(entries[at])})
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
                        "Note": head
                        + WITNESS.cosign_line(head.rsplit("\n\n", 1)[0] + "\n", rng.randrange(1, 2**40)),
                        "Index": index,
                        "Entry": _b64(entries[index]),
                        "Inclusion": [_b64(h) for h in log.prove_inclusion(conn, index)],
                        "OldSize": old,
                        "OldRoot": _b64(log.root(conn, old)),
                        "Consistency": [_b64(h) for h in log.prove_consistency(conn, old)],
                    }
                )
        tiles, packed = _tiles(log, conn, len(entries)), _bundles(log, conn, len(entries))
    document = {"VKey": str(KEY.verifier), "Cases": cases, "Head": head, "Tiles": tiles, "Bundles": packed}
    document["Witness"] = str(WITNESS.cosigner)
    document["Mutants"] = _changed_tiles(tiles, entries, rng, count(100, 1_000))
    said = judge(document)
    assert said["Tiles"] and said["Bundles"] and len(said["Cases"]) == len(cases) >= count(240, 1_000)
    assert all(one["Note"] and one["Inclusion"] and one["Consistency"] for one in said["Cases"])
    assert all(one["Cosigned"] for one in said["Cases"])
    assert len(said["Mutants"]) == count(100, 1_000) and not any(said["Mutants"])
    document["Mutants"] = [{**one, "Data": tiles[one["Name"]]} for one in document["Mutants"]]
    assert all(judge(document)["Mutants"])  # the same tiles unchanged are accepted
    bad = [_mutants(case, rng) for case in cases]
    said = judge({**document, "Cases": bad})
    assert not any(one["Inclusion"] or one["Consistency"] for one in said["Cases"])
    changed = [
        one["Note"]
        for one, case, was in zip(said["Cases"], bad, cases, strict=True)
        if case["Note"] != was["Note"]
    ]
    assert changed and not any(changed)
    assert not any(
        one["Cosigned"]
        for one, case, was in zip(said["Cases"], bad, cases, strict=True)
        if case["Note"] != was["Note"]
    )
    name = rng.choice(list(packed))
    raw = bytearray(base64.b64decode(packed[name]))
    raw[2 + rng.randrange(len(raw) - 2)] ^= 1
    assert not judge({**document, "Bundles": {**packed, name: _b64(bytes(raw))}})["Bundles"]
