"""The log by HTTP (C2SP tlog-tiles, without login) and statements of other bodies (with their token)."""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from lianfang.api.app import create_app
from lianfang.foundation.errors import BadInput, Fault, NotSignedIn, Refused
from lianfang.guard import ledger
from lianfang.guard.ledger import (
    Log,
    merkle,
    statements,
    tiles,
    verify_checkpoint,
    verify_opening,
    verify_proof,
)
from lianfang.services import bulletin, integrity
from lianfang.services.installation import Installation, Who
from lianfang.services.ledger import heads, reading, sequencer, submitters
from lianfang.services.ledger.sequencer import Busy, Sequencer
from lianfang.store import Store, sqlite_url


@pytest.fixture
def token(inst: Installation, staff: dict[str, Who]) -> str:
    return submitters.add(inst, staff["manager"], "hospital-1")


@pytest.fixture
def client(inst: Installation) -> Iterator[TestClient]:
    with TestClient(create_app(inst), base_url="https://testserver") as opened:
        yield opened


def statement(inst: Installation, number: int = 0, **changed: Any) -> tuple[bytes, dict[str, Any]]:
    fields: dict[str, Any] = {
        "authority": "hospital-1", "type": "report.sent", "time": inst.now(), "actor": "node",
        "purpose": "case_report", "ref": f"r-{number}", "payload": {"cases": number},
    }  # fmt: skip
    return statements.make(**{**fields, **changed})


def send(client: TestClient, body: bytes, token: str) -> Any:
    return client.post("/ledger/append", content=body, headers={"Authorization": f"Bearer {token}"})


def test_a_statement_is_durable_when_it_is_answered(
    inst: Installation, client: TestClient, token: str
) -> None:
    line, opening = statement(inst, 7)
    answer = send(client, line, token)
    assert answer.status_code == 201 and answer.json()["count"] == 1
    index = answer.json()["first"]
    with inst.store.read() as connection:
        assert Log.only(connection).entry(connection, index) == line
    heads.sign(inst)
    proven = verify_proof(client.get(f"/ledger/proof/{index}.tlog-proof").text, [reading.key(inst)])
    assert verify_opening(proven.entry, opening) == {"cases": 7}
    many = b"\n".join(statement(inst, at)[0] for at in range(1_000)) + b"\n"
    assert send(client, many, token).json() == {"first": index + 1, "count": 1_000}
    assert integrity.check(inst)["valid"]


def test_a_stranger_reads_the_whole_log_and_recomputes_it(
    inst: Installation, client: TestClient, token: str
) -> None:
    for at in range(3):
        send(client, b"\n".join(statement(inst, at * 200 + one)[0] for one in range(200)), token)
    heads.sign(inst)
    note = client.get("/ledger/checkpoint")
    assert note.headers["content-type"] == "text/plain; charset=utf-8"
    assert note.headers["cache-control"] == "public, max-age=2"
    head, _ = verify_checkpoint(note.text, [client.get("/ledger/key").text.strip()])
    leaves = []
    for index, width in tiles.bundles(head.size):
        path = tiles.tile_path(index, width)
        got = client.get(f"/ledger/tile/entries/{path}")
        assert (
            got.headers["content-type"] == "application/octet-stream"
            and "immutable" in got.headers["cache-control"]
        )
        hashes = [merkle.leaf_hash(one) for one in tiles.split_bundle(got.content, width)]
        assert b"".join(hashes) == client.get(f"/ledger/tile/0/{path}").content
        leaves += hashes
    assert ledger.log.fold_root(leaves) == head.root
    assert client.get("/ledger/tile/1/000.p/2").content == merkle.fold(leaves[:256]) + merkle.fold(
        leaves[256:512]
    )
    said = client.get("/ledger/proof/inclusion", params={"index": 5, "size": 300}).json()
    path = [base64.b64decode(one) for one in said["path"]]
    assert ledger.verify_inclusion(5, 300, leaves[5], path, base64.b64decode(said["root"]))
    said = client.get("/ledger/proof/consistency", params={"first": 300}).json()
    path = [base64.b64decode(one) for one in said["path"]]
    assert ledger.verify_consistency(300, head.size, ledger.log.fold_root(leaves[:300]), head.root, path)


def test_only_what_a_signed_head_covers_is_shown(inst: Installation, client: TestClient, token: str) -> None:
    heads.sign(inst)
    covered = int(client.get("/ledger/checkpoint").text.split("\n")[1])
    with inst.store.begin() as connection:
        Log.only(connection).append(connection, [b"not signed yet"])
    for path in (
        f"tile/0/000.p/{covered + 1}", f"tile/entries/000.p/{covered + 1}", "tile/0/000", "tile/1/000.p/1",
        "tile/64/000.p/1", f"proof/inclusion?index={covered}", f"proof/inclusion?index=0&size={covered + 1}",
        f"proof/consistency?first=0&second={covered + 1}", f"proof/consistency?first={covered + 1}", "nothing",
    ):  # fmt: skip
        assert client.get(f"/ledger/{path}").status_code in (404, 422), path
    assert client.get(f"/ledger/proof/{covered}.tlog-proof").status_code == 409
    for bad in ("tile/x/000", "tile/00/000.p/1", "tile/-1/000", "tile/0/0", "tile/0/000.p/0", "tile/entries/1/2/3",
                "proof/inclusion?index=-1", "proof/inclusion?index=x", f"proof/inclusion?index={1 << 63}",
                "proof/x.tlog-proof"):  # fmt: skip
        assert client.get(f"/ledger/{bad}").status_code in (404, 422), bad


def test_no_entry_names_an_account_or_an_object(
    inst: Installation, client: TestClient, staff: dict[str, Who]
) -> None:
    """What is served to everybody holds no account's name, no sample's, no subject's: only published facts' names."""
    heads.sign(inst)
    size = int(client.get("/ledger/checkpoint").text.split("\n")[1])
    shown = client.get(f"/ledger/tile/entries/000.p/{size}").content
    assert size > 5 and b"account_made" in shown
    assert not [one.account for one in staff.values() if one.account.encode() in shown]
    with inst.store.read() as connection:
        kept = ledger.entries(connection, type="account_made")
        assert {one.ref for one in kept} >= {one.account for one in staff.values()}  # the house itself knows
    assert bulletin.published(inst) == []


def test_entries_from_before_are_not_shown(inst: Installation, client: TestClient) -> None:
    heads.sign(inst)
    size = int(client.get("/ledger/checkpoint").text.split("\n")[1])
    with inst.store.begin() as connection:
        connection.execute(ledger.tables.shown.insert().values(origin=inst.signer.name, open_from=size))
    assert client.get(f"/ledger/tile/entries/000.p/{size}").json()["error"]["code"] == "not_public"
    assert client.get(f"/ledger/tile/0/000.p/{size}").status_code == 200
    assert "extra" not in client.get("/ledger/proof/0.tlog-proof").text


def test_whose_statements_are_taken(
    inst: Installation, client: TestClient, token: str, staff: dict[str, Who], monkeypatch: pytest.MonkeyPatch
) -> None:
    line = statement(inst)[0]
    for header in (
        "",
        "Bearer",
        f"Basic {token}",
        f"Bearer {token}x",
        f"Bearer {'x' * 43}",
        "Bearer " + "x" * 5000,
    ):
        got = client.post("/ledger/append", content=line, headers={"Authorization": header})
        assert got.status_code == 401 and got.json()["error"]["code"] == "not_signed_in", header
    other = statement(inst, authority="hospital-2")[0]
    assert send(client, line + b"\n" + other, token).status_code == 403
    ours = line.replace(b"hospital-1", inst.settings.authority_id.encode())
    assert send(client, ours, token).status_code == 403
    assert send(client, line, token).status_code == 201
    submitters.remove(inst, staff["manager"], "hospital-1")
    monkeypatch.setattr(submitters, "BELIEVED", 0.0)
    time.sleep(1.05)
    assert send(client, line, token).status_code == 401
    assert [one["authority"] for one in submitters.listing(inst, staff["manager"])] == []


@pytest.mark.parametrize(
    "bad",
    [
        b"", b"\n", b"{}", b"null", b"\xff", b"[1]", b'{"name":"Li"}', b"{" * 10_000,
        "LINE ", "LINE\r", " LINE", "LINE\n\nLINE", "LINE\nx",
        ("r-0", "r 0"), ("r-0", "15400001111"), ("r-0", "r/15400001111"), ("r-0", "42990019900101123X"),
        ("r-0", "r-0\\u0041"), ("r-0", "x" * 65), ("r-0", "王"), ("report.sent", "Report"), ("case_report", ""),
        ("T08", "T25"), (".000000Z", "Z"), ('"ref"', '"Ref"'), ('{"authority"', '{"a":1,"authority"'),
        ("hospital-1", "Hospital"),
    ],
)  # fmt: skip
def test_what_is_no_statement(inst: Installation, bad: Any) -> None:
    good = statement(inst, time=datetime(2026, 1, 29, 8, tzinfo=UTC))[0].decode()
    statements.check([good.encode()], "hospital-1")
    if isinstance(bad, tuple):
        body = good.replace(*bad).encode()
        assert body != good.encode()
    else:
        body = bad.replace("LINE", good).encode() if isinstance(bad, str) else bad
    with pytest.raises((BadInput, Refused)):
        statements.check(body.split(b"\n"), "hospital-1")


def test_too_many_and_too_large(client: TestClient, inst: Installation, token: str) -> None:
    line = statement(inst)[0]
    assert send(client, b"\n".join([line] * 1_001), token).status_code == 422
    assert send(client, line * 5_000, token).status_code == 413
    with pytest.raises(BadInput):
        statement(inst, ref="15400001111")


def test_who_may_let_a_body_append(inst: Installation, staff: dict[str, Who], token: str) -> None:
    from lianfang.foundation.errors import Conflict, NotFound

    for role in set(staff) - {"manager"}:
        with pytest.raises(Refused, match="may not"):
            submitters.add(inst, staff[role], "hospital-9")
    for name, error in (
        ("hospital-1", Conflict),
        (inst.settings.authority_id, Conflict),
        ("Hospital 1", BadInput),
    ):
        with pytest.raises(error):
            submitters.add(inst, staff["manager"], name)
    with pytest.raises(NotFound):
        submitters.remove(inst, staff["manager"], "hospital-9")
    assert [one["authority"] for one in submitters.listing(inst, staff["manager"])] == ["hospital-1"]
    raw = (inst.home / "lianfang.db").read_bytes() + (inst.home / "lianfang.db-wal").read_bytes()
    assert token.encode() not in raw
    tokens = submitters.Tokens(inst)
    assert tokens.believed(f"Bearer {token}") == "" and tokens.authority(f"Bearer {token}") == "hospital-1"
    with pytest.raises(NotSignedIn):
        tokens.authority("Bearer " + "y" * 43)


def made(inst: Installation) -> Sequencer:
    one = sequencer.sequencer(inst)
    one.start()
    return one


def test_many_senders_are_committed_together_in_their_order(inst: Installation) -> None:
    one = made(inst)
    found: dict[int, bytes] = {}

    def sender(name: int) -> None:
        for at in range(20):
            entry = f"{name}:{at}".encode()
            found[one.append([entry])] = entry

    threads = [threading.Thread(target=sender, args=(at,)) for at in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    one.close()
    assert len(found) == 320 and one.commits < 320
    with inst.store.read() as connection:
        log = Log.only(connection)
        assert all(log.entry(connection, index) == entry for index, entry in found.items())
    with pytest.raises(Fault):
        one.append([b"late"])


def test_what_fails_is_told_and_nothing_is_taken(inst: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    one = made(inst)
    with inst.store.read() as connection:
        before = Log.only(connection).size(connection)
    with pytest.raises(BadInput):
        one.append([b"x" * 70_000])

    def broken(*args: object, **more: object) -> None:
        raise RuntimeError("SELECT secret FROM somewhere")

    with monkeypatch.context() as patched:
        patched.setattr(Log, "checkpoint", broken)
        with pytest.raises(Fault, match="could not be written") as told:
            one.append([b"entry"])
        assert "secret" not in str(told.value)
    assert one.append([b"entry"]) == before
    one.put([b"from one who is gone"], lambda first, error: 1 / 0)
    assert one.append([b"entry"]) == before + 2
    monkeypatch.setattr(sequencer, "ROOM", 2)
    with pytest.raises(Busy):
        one.append([b"a", b"b", b"c"])
    one.close()


def test_the_house_writes_while_statements_pour_in(inst: Installation) -> None:
    """One database, one write lock: the sequencer leaves the house its turn between two commits."""
    one, stop = made(inst), threading.Event()

    def pour() -> None:
        while not stop.is_set():
            one.append([b"x" * 200] * 50)

    threads = [threading.Thread(target=pour) for _ in range(8)]
    for thread in threads:
        thread.start()
    waited = []
    for _ in range(15):
        began = time.monotonic()
        with inst.store.begin() as connection:
            Log.only(connection).append(connection, [b"an act of the house"])
        waited.append(time.monotonic() - began)
    stop.set()
    for thread in threads:
        thread.join()
    one.close()
    assert max(waited) < 10, waited  # the lock is given up on after 15 s
    assert integrity.check(inst)["valid"]


def test_an_older_log_keeps_its_old_entries_to_itself(tmp_path: Path) -> None:
    """The migration: entries from before name accounts in clear, so they stay unshown; new ones are shown."""
    from alembic import command

    from lianfang.store.migrate import configuration, upgrade

    store = Store(sqlite_url(tmp_path / "old.db"))
    with store.begin() as connection:
        command.upgrade(configuration("operational", connection), "0010_paper_forms")
        Log.create(connection, "cdc", authority="cdc", now=datetime(2026, 1, 29, tzinfo=UTC))
        Log("cdc").append(connection, [b"names wu.min"] * 3)
    upgrade(store, "operational")
    with store.begin() as connection:
        assert Log("cdc").open_from(connection) == 3
        Log.create(connection, "new", authority="new", now=datetime(2026, 1, 29, tzinfo=UTC))
        assert Log("new").open_from(connection) == 0
    store.close()
