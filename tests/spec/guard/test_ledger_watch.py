"""Witness and monitor as they are run: folders, HTTP, the command line; and a log that asks its witnesses."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner
from fastapi.testclient import TestClient

from lianfang.api.app import create_app
from lianfang.api.witness import create_witness
from lianfang.cli.ledger import ledger as command
from lianfang.foundation.clock import SetClock
from lianfang.foundation.errors import BadInput, Conflict, Fault, LianfangError, NotFound, Refused
from lianfang.guard import ledger
from lianfang.guard.ledger import Log, Quorum, Signer, Verifier, verify_proof, witness
from lianfang.guard.ledger.quorum import Party
from lianfang.services.installation import Installation, Who
from lianfang.services.ledger import heads, outside, reading, watching
from lianfang.services.ledger.outside import Got, Outside
from lianfang.services.ledger.watching import Watch
from loop import MORNING

LOG_URL = "https://cdc.example/ledger"


class Net:
    """Addresses and the applications that answer there."""

    def __init__(self) -> None:
        self.served: dict[str, Any] = {}
        self.asked: list[str] = []

    def serve(self, url: str, app: Any, below: str = "") -> None:
        self.served[url] = (TestClient(app, base_url="https://testserver"), below)

    def __call__(self, url: str) -> Outside:
        net = self

        class Line(Outside):
            def _ask(self, method: str, path: str, body: bytes | None, most: int) -> Got:
                net.asked.append(f"{method} {self.url}/{path}")
                if self.url not in net.served:
                    raise Fault("It cannot be reached (ConnectError).", code="unreachable")
                client, below = net.served[self.url]
                got = client.request(method, f"{below}/{path}", content=body)
                return Got(got.status_code, got.content, got.headers.get("content-type", ""))

        return Line(url)


@pytest.fixture
def net(inst: Installation) -> Net:
    made = Net()
    made.serve(LOG_URL, create_app(inst), "/ledger")
    return made


@pytest.fixture
def watcher(tmp_path: Path, inst: Installation, net: Net) -> Iterator[Callable[[str], Watch]]:
    opened: list[Watch] = []

    def make(name: str) -> Watch:
        watch = watching.create(tmp_path / name, f"{name}.example")
        watch.watch(reading.key(inst), LOG_URL, now=MORNING)
        net.serve(f"https://{name}.example", create_witness(watch, SetClock(MORNING)))
        opened.append(watch)
        return watch

    yield make
    for watch in opened:
        watch.close()


def policy(inst: Installation, watches: list[Watch], need: str = "all") -> Quorum:
    parties = [(w.signer.name.split(".")[0], w.signer.cosigner, f"https://{w.signer.name}") for w in watches]
    lines = [f"log {reading.key(inst)}", *(f"witness {name} {key} {url}" for name, key, url in parties)]
    names = " ".join(name for name, *_ in parties)
    text = "\n".join([*lines, f"group g {need} {names}", "quorum g", ""])
    (inst.home / heads.POLICY_FILE).write_text(text)
    return Quorum.parse(text)


def grow(inst: Installation, count: int = 3) -> None:
    with inst.store.begin() as connection:
        Log.only(connection).append(connection, [b"x%d" % at for at in range(count)])


def test_a_log_asks_its_witnesses_and_the_proof_carries_them(
    inst: Installation, net: Net, watcher: Callable[[str], Watch]
) -> None:
    one, two = watcher("one"), watcher("two")
    quorum = policy(inst, [one, two])
    said = heads.keep(inst, reach=net)
    assert said["witnesses"] == {"one": "cosigned", "two": "cosigned"} and said["quorum"] is True
    grow(inst)
    assert heads.keep(inst, reach=net)["quorum"]
    asked = len(net.asked)
    assert (
        heads.keep(inst, reach=net)["quorum"] and len(net.asked) == asked
    )  # nothing new: nobody is asked again
    proven = verify_proof(reading.proof(inst, 2), [], quorum=quorum)
    assert len(proven.signed_by) == 3
    # a witness is down: the head stands with the other's word
    del net.served["https://two.example"]
    grow(inst)
    said = heads.keep(inst, reach=net)
    assert said["witnesses"]["one"] == "cosigned" and "cannot be reached" in said["witnesses"]["two"]
    assert said["quorum"] is False
    # and up again, far behind
    net.serve("https://two.example", create_witness(two, SetClock(MORNING)))
    assert heads.keep(inst, reach=net)["quorum"]
    with inst.store.begin() as connection:  # we lost the memory of what they signed: they say it (409)
        connection.execute(ledger.tables.cosignature.delete())
    grow(inst)
    assert heads.keep(inst, reach=net)["quorum"]


def test_a_log_that_was_rolled_back_is_refused_and_told(
    inst: Installation, net: Net, watcher: Callable[[str], Watch], tmp_path: Path
) -> None:
    one = watcher("one")
    policy(inst, [one])
    grow(inst)
    heads.keep(inst, reach=net)
    with inst.store.begin() as connection:  # as a restored backup and other entries would
        log = Log(inst.signer)
        for table in (ledger.tables.log, ledger.tables.entry, ledger.tables.tile, ledger.tables.checkpoint):
            connection.execute(table.delete())
        connection.execute(ledger.tables.cosignature.delete())
        Log.create(connection, log.origin, authority="linjiang-cdc", now=MORNING)
        log.append(connection, [b"other %d" % at for at in range(40)])
    said = heads.keep(inst, reach=net)
    assert "does not add to" in said["witnesses"]["one"] and said["quorum"] is False


def test_policies_that_do_not_fit(inst: Installation, net: Net) -> None:
    assert heads.keep(inst, reach=net) == {"size": heads.sign(inst), "witnesses": {}, "quorum": None}
    file = inst.home / heads.POLICY_FILE
    file.write_text("quorum\n")
    with pytest.raises(BadInput):
        heads.keep(inst, reach=net)
    other = Verifier("other.example", bytes(32))
    file.write_text(f"log {other}\nquorum none\n")
    with pytest.raises(BadInput, match="other logs"):
        heads.keep(inst, reach=net)
    file.write_text(
        Quorum((), {"w": Party(Verifier("w.example", bytes(32), 4), "http://w.example")}, {}, "w").text()
    )
    assert "https" in heads.keep(inst, reach=net)["witnesses"]["w"]


@pytest.mark.parametrize(
    "answer", [b"", b"\xff", b"no\n", "— w.example AAAA\n".encode(), b"5\n", b"x" * 70_000]
)
def test_a_witness_that_answers_nonsense(
    inst: Installation, net: Net, watcher: Callable[[str], Watch], answer: bytes
) -> None:
    from starlette.responses import Response

    policy(inst, [watcher("one")])

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await Response(answer, 409 if answer == b"5\n" else 200)(scope, receive, send)

    net.serve("https://one.example", app)
    grow(inst)
    said = heads.keep(inst, reach=net)
    assert said["witnesses"]["one"] != "cosigned" and said["quorum"] is False


def test_a_monitor_reads_the_installation_and_compares_with_its_peers(
    inst: Installation, net: Net, watcher: Callable[[str], Watch], staff: dict[str, Who]
) -> None:
    one, two = watcher("one"), watcher("two")
    policy(inst, [two])
    grow(inst, 300)
    heads.keep(inst, reach=net)
    for _ in range(2):
        assert one.round(now=MORNING, peers=["https://two.example", "https://gone.example"], reach=net) == []
    grow(inst, 300)
    heads.keep(inst, reach=net)
    assert one.round(now=MORNING, peers=[], full=False, reach=net) == []
    shown = net("https://one.example").get(f"{witness.origin_hash(inst.signer.name)}/checkpoint")
    assert shown.body.decode() == reading.checkpoint(inst)  # what it recomputed
    # the peer is shown another past of the same size
    with inst.store.read() as connection:
        size = Log.only(connection).size(connection)
    fork = ledger.sign_note(
        ledger.Checkpoint(inst.signer.name, size, bytes(32)).text(), [Signer.of(inst.signer)]
    )
    with two.store.begin() as connection:
        connection.execute(witness.head.update().values(note=fork))
    ((path, found),) = one.round(now=MORNING, peers=["https://two.example"], reach=net)
    assert found.kind == "split_view" and path.parent == one.folder / "evidence"
    assert one.round(now=MORNING, peers=["https://two.example"], reach=net) == []  # said once
    key = one.folder / "log.key"
    key.write_text(reading.key(inst))
    done = CliRunner().invoke(command, ["verify", str(path), "--key", str(key)])
    assert done.exit_code == 0 and "PROVES 证明: split_view" in done.output, done.output
    done = CliRunner().invoke(command, ["verify", str(path), "--key", str(one.signer.verifier)])
    assert "NOT VALID" in done.output


def test_an_entry_changed_in_the_database_is_seen_from_outside(
    inst: Installation, net: Net, watcher: Callable[[str], Watch]
) -> None:
    one = watcher("one")
    grow(inst, 20)
    heads.sign(inst)
    assert one.round(now=MORNING, peers=[], reach=net) == []
    with inst.store.begin() as connection:
        connection.execute(
            ledger.tables.entry.update().where(ledger.tables.entry.c.idx == 9).values(data=b"else")
        )
    ((path, found),) = one.round(now=MORNING, peers=[], reach=net)
    assert found.kind == "other_entries" and found.seen["index"] == 9 and path.exists()


def test_a_log_that_has_done_away_with_narrow_tiles(
    inst: Installation, net: Net, watcher: Callable[[str], Watch]
) -> None:
    """A log that grew since its head was read may have full tiles only (C2SP tlog-tiles)."""
    one = watcher("one")
    grow(inst, 200)
    heads.sign(inst)
    note = reading.checkpoint(inst)
    grow(inst, 300)
    heads.sign(inst)
    answering = net.__call__

    def reach(url: str) -> Outside:
        line = answering(url)
        ask = line._ask

        def narrow(method: str, path: str, body: bytes | None, most: int) -> Got:
            if path == "checkpoint":
                return Got(200, note.encode(), "text/plain")
            return Got(404, b"", "") if ".p/" in path else ask(method, path, body, most)

        line._ask = narrow  # type: ignore[method-assign]
        return line

    assert one.round(now=MORNING, peers=[], reach=reach) == []
    with one.mirror.read() as connection:
        assert Log(inst.signer.name).latest(connection) == note


def test_the_witness_by_http(inst: Installation, net: Net, watcher: Callable[[str], Watch]) -> None:
    one = watcher("one")
    line = net("https://one.example")
    assert line.get("key").body.decode().strip() == str(one.signer.cosigner)
    assert line.post("add-checkpoint", b"nonsense").status == 400
    assert line.post("add-checkpoint", b"x" * 70_000).status == 413
    assert line.get("add-checkpoint").status == 405
    hashed = witness.origin_hash(inst.signer.name)
    for path in (f"{hashed}/checkpoint", f"{'0' * 64}/checkpoint", "nothing/checkpoint"):
        assert line.get(path).status == 404
    heads.sign(inst)
    with inst.store.read() as connection:
        note = Log.only(connection).latest(connection)
    got = line.post("add-checkpoint", witness.Request(0, (), note).body())
    assert got.status == 200 and got.body.decode().startswith("— one.example ")
    got = line.post("add-checkpoint", witness.Request(0, (), note).body())
    assert (got.status, got.media) == (409, "text/x.tlog.size") and got.body.strip().isdigit()


def run(*args: object) -> tuple[int, str, BaseException | None]:
    done = CliRunner().invoke(command, [str(one) for one in args])
    return done.exit_code, done.output, done.exception


def test_by_the_command_line(
    inst: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, net: Net
) -> None:
    folder = tmp_path / "w"
    code, said, _ = run("witness", "init", folder, "--name", "witness.example/h")
    assert code == 0 and Verifier.parse(said).algorithm == 4
    assert isinstance(run("witness", "init", folder, "--name", "witness.example/h")[2], Conflict)
    assert isinstance(run("witness", "add", tmp_path / "none", reading.key(inst))[2], NotFound)
    assert isinstance(run("witness", "add", folder, "x+y+z")[2], BadInput)
    assert isinstance(
        run("witness", "add", folder, reading.key(inst), "--url", "http://x.example")[2], BadInput
    )
    assert run("witness", "add", folder, reading.key(inst), "--url", LOG_URL)[1].strip() == inst.signer.name
    heads.sign(inst)
    monkeypatch.setattr(watching, "Outside", net)
    code, said, _ = run("monitor", folder, "--once")
    assert code == 0 and "nothing found" in said
    with inst.store.begin() as connection:
        connection.execute(ledger.tables.entry.delete().where(ledger.tables.entry.c.idx == 1))
    _, said, error = run("monitor", folder, "--once", "--json")
    assert isinstance(error, Refused) and json.loads(said)["found"][0]["kind"] == "withheld"


def test_prove_cosign_submitter_by_the_command_line(inst: Installation, tmp_path: Path) -> None:
    out = tmp_path / "e.tlog-proof"
    assert run("prove", 1, "--out", out, "--home", inst.home)[0] == 0
    file = tmp_path / "p"
    file.write_text(f"log {reading.key(inst)}\nquorum none\n")
    code, said, _ = run("verify", out, "--policy", file)
    assert code == 0 and "entry 1 of" in said
    w = Signer("w.example", inst.signer.signing)
    file.write_text(f"log {reading.key(inst)}\nwitness w {w.cosigner}\nquorum w\n")
    assert "Too few witnesses" in run("verify", out, "--policy", file)[1]
    assert isinstance(run("verify", out)[2], LianfangError)
    assert "entries" in run("cosign", "--home", inst.home)[1]
    assert isinstance(run("prove", 10_000, "--home", inst.home)[2], Conflict)
    token = run("submitter", "add", "hospital-1", "--home", inst.home)[1].strip()
    assert len(token) == 43 and "hospital-1" in run("submitter", "list", "--home", inst.home)[1]
    assert run("submitter", "remove", "hospital-1", "--home", inst.home)[0] == 0


@pytest.mark.parametrize(
    "bad",
    [
        "http://x.example",
        "ftp://x",
        "https://",
        "https://u:p@x",
        "https://x?y",
        "https://x#y",
        "https://x:0",
        "",
    ],
)
def test_addresses_that_are_not_asked(bad: str) -> None:
    with pytest.raises(BadInput):
        outside.address(bad)


def test_answers_are_bounded_and_redirects_not_followed() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/big":
            return httpx.Response(200, content=b"x" * 100)
        if request.url.path == "/down":
            raise httpx.ConnectError("no")
        return httpx.Response(302, headers={"location": "https://169.254.169.254/"})

    line = Outside("https://x.example", client=httpx.Client(transport=httpx.MockTransport(answer)))
    assert line.get("moved").status == 302
    for path in ("big", "down"):
        with pytest.raises(Fault):
            line.get(path, most=10)
    line.close()
