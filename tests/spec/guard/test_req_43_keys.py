"""Security requirement 43: the lifecycle and inventory of keys. Also 42 and 47 where roots are concerned.

`keys list` equals what a scan of the source and of the tables finds; rotation under load has no failed read.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

import keyscan
import lianfang
from lianfang.cli import cli
from lianfang.foundation.clock import SetClock
from lianfang.foundation.errors import Fault, LianfangError, NotFound, Refused
from lianfang.guard.ledger import tables as log
from lianfang.guard.vault import Keyring, Vault, sealing, tables
from lianfang.services import doctor, keys
from lianfang.services.installation import SYSTEM, Installation, Who, create, open_installation
from rootkit import PASSPHRASE, PIN, access, secret_file
from vaultkit import EVENT, NOW, grant, people

CHEN = Who("chen.jing", "epidemiologist", "cdc")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def inst(home: Path) -> Iterator[Installation]:
    with create(home, settings={"authority_id": "linjiang-cdc"}, clock=SetClock(NOW)) as made:
        yield made


def _put(inst: Installation, count: int, event_id: str = EVENT) -> list[str]:
    with inst.vault_store.begin() as conn:
        inst.vault.open_event(conn, event_id)
        return inst.vault.put_many(conn, event_id, people(count), kind="case_report")


def _logged(inst: Installation) -> list[str]:
    with inst.store.read() as connection:
        rows = connection.execute(sa.select(log.record.c.type).order_by(log.record.c.idx)).scalars()
        return [one for one in rows if "key" in one or "root" in one]


def _settings(home: Path, **values: str) -> None:
    """As an administrator writes them into the file."""
    file = home / "lianfang.toml"
    lines = [f"{name} = {json.dumps(value)}\n" for name, value in values.items()]
    file.write_text(file.read_text(encoding="utf-8") + "".join(lines), encoding="utf-8")


# the inventory --------------------------------------------------------------------------------------------------


def test_the_inventory_names_every_key_that_the_source_makes_and_no_other() -> None:
    declared = {place for kind in keys.KINDS for place in kind.code}
    found = keyscan.scan()
    assert found - declared == set(), "the source makes keys that the inventory does not name"
    assert declared - found == set(), "the inventory names keys that the source does not make any more"
    assert len({kind.name for kind in keys.KINDS}) == len(keys.KINDS)
    names = {kind.name for kind in keys.KINDS} | {""}
    assert all(kind.under in names and kind.kept and kind.changes for kind in keys.KINDS)


@pytest.mark.parametrize(
    "line",
    [
        "from cryptography.hazmat.primitives.ciphers.aead import AESGCM\nx = AESGCM(b'k' * 32)\n",
        "import os\nkey = os.urandom(32)\n",
        "def f(event):\n    return event.derive('shadow')\n",
        "import hmac\ndef f(k, m):\n    return hmac.digest(k, m, 'sha256')\n",
        "def f(ec):\n    return ec.generate_private_key(ec.SECP256R1())\n",
    ],
)
def test_a_key_that_somebody_adds_unsaid_is_found(line: str, tmp_path: Path) -> None:
    (tmp_path / "services").mkdir()
    (tmp_path / "services" / "shadow.py").write_text(line)
    assert {place.split(":")[0] for place in keyscan.scan(tmp_path)} == {"services.shadow"}


def test_the_list_is_what_tables_and_keyring_hold(inst: Installation) -> None:
    _put(inst, 30)
    _put(inst, 5, "other")
    found = keys.listing(inst, SYSTEM)
    with inst.vault_store.read() as conn:
        s = tables.subject.c
        held = conn.execute(
            sa.select(s.event_id, s.key_version, sa.func.count()).group_by(s.event_id, s.key_version)
        )
        counted = {(e, v): n for e, v, n in held}
        events = set(conn.execute(sa.select(tables.event.c.event_id)).scalars())
    listed = {(e["event_id"], h["version"]): h["data_keys"] for e in found.events for h in e["held"]}
    assert listed == counted == {(EVENT, 1): 30, ("other", 1): 5}
    assert {one["event_id"] for one in found.events} == events == set(inst.keyring.events())
    assert found.amiss == [] and found.root["kind"] == "file"
    on_disk = {
        p.relative_to(inst.home).as_posix() for d in ("keys", "vault/keys") for p in (inst.home / d).iterdir()
    }
    assert {one["file"] for one in found.files} == on_disk
    assert all(one["known"] and one["ours_alone"] for one in found.files)
    secret = json.loads((inst.keys_folder / "keyring.json").read_text())["root"]["secret"]
    assert secret not in repr(found)


def test_the_list_shows_what_does_not_fit(inst: Installation) -> None:
    _put(inst, 3)
    (inst.keys_folder / "keyring.json.old").write_text("x")
    with inst.vault_store.begin() as conn:
        conn.execute(sa.update(tables.subject).values(key_version=9))
        inst.vault.open_event(conn, "gone")
        conn.execute(sa.delete(tables.event).where(tables.event.c.event_id == "gone"))
    found = keys.listing(inst, SYSTEM)
    assert found.amiss == sorted(["gone", EVENT])
    (strange,) = [one for one in found.files if not one["known"]]
    assert strange["file"].endswith("keyring.json.old") and not strange["ours_alone"]


# rotation -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suite", ["aes-256-gcm", "sm4-gcm"])
def test_rotation_under_load_has_no_failed_read(
    home: Path, inst: Installation, suite: str, count: Callable[[int, int], int]
) -> None:
    """Readers of their own (another keyring object, their own snapshots) read and write all the time.

    Full count: 10^6 persons, whose figure stands in benchmarks/RESULTS.md.
    """
    ids: list[str] = []
    total = count(4_000, 1_000_000 if suite == "aes-256-gcm" else 100_000)
    for at in range(0, total, 20_000):
        with inst.vault_store.begin() as conn:
            inst.vault.open_event(conn, EVENT)
            ids += inst.vault.put_many(
                conn, EVENT, people(min(20_000, total - at), seed=at), kind="case_report"
            )
    _settings(home, cipher_suite=suite)
    stop, reads, failed = threading.Event(), [0, 0], []

    def read(number: int) -> None:
        with open_installation(home, clock=SetClock(NOW)) as mine:
            at = number
            while not stop.is_set():
                try:
                    with mine.vault_store.read() as conn:
                        part = [ids[(at * 7919 + k) % len(ids)] for k in range(20)]
                        shown = mine.vault.reveal(conn, EVENT, grant(part), reader="li")
                        time.sleep(0.002 * (at % 5))  # a snapshot that is older than the next batch
                        shown |= mine.vault.reveal(conn, EVENT, grant(part[:1]), reader="li")
                    assert set(shown) == set(part)
                    reads[number] += 1
                except Exception as error:
                    failed.append(error)
                    return
                at += 2

    threads = [threading.Thread(target=read, args=(n,)) for n in range(2)]
    for thread in threads:
        thread.start()
    with open_installation(home, clock=SetClock(NOW)) as admin:
        started = time.monotonic()
        (first,) = keys.rotate(admin, SYSTEM, [EVENT], part=max(500, total // 100), settle=0.3)
        took = time.monotonic() - started
        (second,) = keys.rotate(admin, SYSTEM, [EVENT], part=max(500, total // 100), settle=0.3)
        stop.set()
        for thread in threads:
            thread.join()
        print(
            f"{total:,} data keys: {took:.1f} s, {sum(reads):,} reads of 20 persons meanwhile, {len(failed)} failed"
        )
        assert not failed and min(reads) > 0
        assert (first.rewrapped, second.rewrapped, second.to_version) == (total, total, 3)
        held = next(one for one in keys.listing(admin, SYSTEM).events if one["event_id"] == EVENT)
        assert held["held"] == [{"version": 3, "suite": suite, "data_keys": total}] and not held["rotating"]
        assert _logged(admin) == ["key_rotation_begun", "keys_rotated"] * 2
        with admin.vault_store.read() as conn:  # fields in the old suite still open beside the new wrapping
            assert len(admin.vault.reveal(conn, EVENT, grant(ids[:50]), reader="li")) == 50


def test_a_reader_whose_snapshot_is_older_than_the_retirement_still_reads(inst: Installation) -> None:
    ids = _put(inst, 20)
    with open_installation(inst.home, clock=SetClock(NOW)) as reader, reader.vault_store.read() as conn:
        assert len(reader.keyring.events()) == 2
        conn.execute(
            sa.select(sa.func.count()).select_from(tables.subject)
        ).scalar_one()  # its snapshot begins
        keys.rotate(inst, SYSTEM, settle=0)
        assert len(reader.vault.reveal(conn, EVENT, grant(ids), reader="li")) == 20
    with open_installation(inst.home) as fresh:
        assert fresh.keyring.event(EVENT).past == {}


def test_rows_of_a_rotation_that_began_after_the_keys_were_taken_open_too(inst: Installation) -> None:
    _put(inst, 3)
    with open_installation(inst.home, clock=SetClock(NOW)) as reader:
        taken = reader.vault._event(EVENT)
        keys.rotate(inst, SYSTEM, [EVENT], settle=0)
        with reader.vault_store.read() as conn:
            for row in conn.execute(sa.select(tables.subject)).mappings():
                assert row["key_version"] == 2 and sealing.open_fields(sealing.data_key(taken, row), row)


KILLED = """
import sys, os, signal
from lianfang.foundation.clock import SetClock
from lianfang.services import keys
from lianfang.services.installation import SYSTEM, open_installation
from lianfang.services.keys import changing
from lianfang.guard.vault import Keyring
from vaultkit import NOW
home, step, n = sys.argv[1], sys.argv[2], int(sys.argv[3])
seen = [0]
def stop(stage, done, total):
    seen[0] += 1
    if seen[0] == n: os.kill(os.getpid(), signal.SIGKILL)
def before(cls, name):
    real = getattr(cls, name)
    def killed(*a, **k):
        os.kill(os.getpid(), signal.SIGKILL)
    setattr(cls, name, killed)
if step == "rotate":
    keys.rotate(open_installation(home, clock=SetClock(NOW)), SYSTEM, part=7, settle=0, progress=stop)
else:
    before(*{"write": (Keyring, "_write"), "record": (changing, "record"), "settle": (Keyring, "settle_move")}[step])
    if step == "record":  # the intention is on record, the outcome not
        real = changing._settle
        changing.record = lambda *a, **k: 0
        def settle(inst, who):
            if inst.keyring.moved() is not None: os.kill(os.getpid(), signal.SIGKILL)
        changing._settle = settle
    keys.move_root(open_installation(home, clock=SetClock(NOW)), SYSTEM)
"""


def _killed(home: Path, step: str, number: int = 1) -> None:
    paths = f"{Path(lianfang.__file__).parents[1]}:{Path(keyscan.__file__).parent}"
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(home), step, str(number)],
        env={"PYTHONPATH": paths},
        capture_output=True,
    )
    assert done.returncode == -9, done.stderr.decode()


def test_a_rotation_that_is_killed_anywhere_goes_on(
    inst: Installation, count: Callable[[int, int], int]
) -> None:
    # the n-th run is killed at its n-th part, and parts done stay done: six runs use up 21 parts of seven
    kills = count(3, 6)
    ids = _put(inst, rows := 7 * (kills * (kills + 1) // 2 + 2))
    for number in range(1, kills + 1):
        _killed(inst.home, "rotate", number)
        with inst.vault_store.read() as conn:
            assert len(inst.vault.reveal(conn, EVENT, grant(ids), reader="li")) == rows
    assert any(one.what == "keyring" and one.state == "warning" for one in doctor.examine(inst))
    done = keys.rotate(inst, SYSTEM, settle=0)
    assert {one.event_id for one in done} == {EVENT, "routine"}
    assert keys.listing(inst, SYSTEM).amiss == []
    assert all(not one["rotating"] for one in keys.listing(inst, SYSTEM).events)
    with inst.vault_store.read() as conn:
        assert inst.vault.check(conn) == (rows, rows, [])


# moving the root ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["passphrase", "pkcs11", "transit"])
def test_the_root_moves_out_and_back_while_others_read(
    kind: str, inst: Installation, home: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    way = access(kind, tmp_path / "s", request, label=f"move-{kind}")
    ids = _put(inst, 10)
    before = inst.keys_folder.joinpath("keyring.json").read_text()
    _settings(
        home, root_key=kind, root_label=way.label, root_secret_file=str(way.secret_file), root_library=way.library,
        root_token=way.token, root_url=way.url,
    )  # fmt: skip
    with open_installation(home, clock=SetClock(NOW)) as admin:
        (root,) = [one for one in doctor.examine(admin) if one.what == "root"]
        assert root.facts["kind"] == "file" and any("move-root" in text for text in root.says)
        moved = keys.move_root(admin, SYSTEM)
        assert (moved.changed, moved.before["kind"], moved.after["kind"]) == (True, "file", kind)
        assert keys.move_root(admin, SYSTEM).changed is False
        (root,) = [one for one in doctor.examine(admin) if one.what == "root"]
        assert (root.state, root.facts["kind"]) == ("ok", kind)
        assert keys.move_root(admin, SYSTEM, renew=True).changed is True
        assert _logged(admin) == ["root_move_begun", "root_moved"] * 2
    with (
        inst.vault_store.read() as conn
    ):  # the process that was running reads on, with the settings of before
        assert len(inst.vault.reveal(conn, EVENT, grant(ids), reader="li")) == 10
    text = inst.keys_folder.joinpath("keyring.json").read_text()
    assert json.loads(before)["root"]["secret"] not in text and PIN not in text and PASSPHRASE not in text
    (home / "lianfang.toml").write_text(
        (home / "lianfang.toml").read_text().replace(f'"{kind}"', '"file"', 1)
    )
    with open_installation(home, clock=SetClock(NOW)) as admin:
        assert keys.move_root(admin, SYSTEM).after["kind"] == "file"
    with inst.vault_store.read() as conn:
        assert inst.vault.check(conn) == (10, 10, [])


@pytest.mark.parametrize("step", ["write", "record", "settle"])
def test_a_move_that_is_killed_has_happened_or_not_and_finishes(
    step: str, inst: Installation, home: Path, tmp_path: Path
) -> None:
    ids = _put(inst, 3)
    file = secret_file(tmp_path / "s", PASSPHRASE)
    _settings(home, root_key="passphrase", root_secret_file=str(file))
    _killed(home, step)
    with open_installation(home, clock=SetClock(NOW)) as admin:
        there = Keyring.where(admin.keys_folder)["kind"]
        assert there == ("file" if step == "write" else "passphrase")
        with admin.vault_store.read() as conn:
            assert len(admin.vault.reveal(conn, EVENT, grant(ids), reader="li")) == 3
        assert keys.move_root(admin, SYSTEM).after["kind"] == "passphrase"
        assert _logged(admin)[-1] == "root_moved" and admin.keyring.moved() is None
        assert keys.move_root(admin, SYSTEM).changed is False


def test_a_root_that_cannot_be_had_changes_nothing(inst: Installation, home: Path, tmp_path: Path) -> None:
    before = inst.keys_folder.joinpath("keyring.json").read_bytes()
    file = secret_file(tmp_path / "s", "123456")
    for values in (
        {"root_key": "passphrase", "root_secret_file": str(file)},  # too short
        {
            "root_key": "transit",
            "root_url": "http://127.0.0.1:9",
            "root_secret_file": str(file),
        },  # nobody there
        {
            "root_key": "pkcs11",
            "root_library": "/nowhere.so",
            "root_token": "t",
            "root_secret_file": str(file),
        },
    ):
        kept = (home / "lianfang.toml").read_text()
        _settings(home, **values)
        with open_installation(home, clock=SetClock(NOW)) as admin, pytest.raises(LianfangError):
            keys.move_root(admin, SYSTEM)
        (home / "lianfang.toml").write_text(kept)
    assert inst.keys_folder.joinpath("keyring.json").read_bytes() == before


def test_doctor_says_what_is_missing_and_looks_at_the_rest(
    inst: Installation, home: Path, tmp_path: Path
) -> None:
    file = secret_file(tmp_path / "s", PASSPHRASE)
    _settings(home, root_key="passphrase", root_secret_file=str(file))
    with open_installation(home, clock=SetClock(NOW)) as admin:
        keys.move_root(admin, SYSTEM)
    file.unlink()
    with open_installation(home, clock=SetClock(NOW)) as admin:
        found = {one.what: one for one in doctor.examine(admin)}
        assert {what for what, one in found.items() if one.state == "failed"} == {"root", "keyring"}
        assert found["root"].facts["code"] == "root_unavailable"
        with pytest.raises(Fault) as failed:
            _ = admin.vault
        assert failed.value.code == "root_unavailable"
    said = CliRunner().invoke(cli, ["doctor", "--home", str(home), "--json"], standalone_mode=False)
    assert isinstance(said.exception, Fault) and json.loads(said.stdout)[3]["state"] == "failed"


@pytest.mark.parametrize("name", ["keys", "keys/authority.json", "vault/keys", "vault/keys/keyring.json"])
def test_the_server_does_not_start_with_a_wide_key_file(
    name: str, inst: Installation, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Requirement 48."""
    import uvicorn

    started: list[object] = []
    monkeypatch.setattr(uvicorn.Server, "run", lambda server: started.append(server))
    CliRunner().invoke(cli, ["serve", "--home", str(home)], catch_exceptions=False, standalone_mode=False)
    assert len(started) == 1
    path = home / name
    path.chmod(path.stat().st_mode | 0o044)
    said = CliRunner().invoke(cli, ["serve", "--home", str(home)], standalone_mode=False)
    assert isinstance(said.exception, Refused) and len(started) == 1


# who may, and the commands --------------------------------------------------------------------------------------


def test_keys_are_changed_by_those_who_guard_the_house_alone(inst: Installation) -> None:
    for role in (
        "epidemiologist",
        "manager",
        "community_worker",
        "auditor",
        "data_protection_officer",
        "holder",
    ):
        who = Who("x", role, "cdc")
        for act in (lambda w=who: keys.rotate(inst, w, settle=0), lambda w=who: keys.move_root(inst, w)):
            with pytest.raises(Refused):
                act()
    for role in ("auditor", "data_protection_officer", "administrator", "security_officer"):
        assert keys.listing(inst, Who("x", role, "cdc")).events
    with pytest.raises(Refused):
        keys.listing(inst, CHEN)
    with pytest.raises(NotFound):
        keys.rotate(inst, SYSTEM, ["no-such-event"], settle=0)
    assert _logged(inst) == []


def test_the_commands(home: Path) -> None:
    from lianfang.services import accounts

    with create(home, settings={"demonstration": True}) as made:
        accounts.add_demonstration(made)

    def run(*words: str) -> str:
        done = CliRunner().invoke(
            cli, [*words, "--home", str(home)], catch_exceptions=False, standalone_mode=False
        )
        return done.stdout

    assert "root 根密钥: kind file" in run("guard", "keys", "list", "--kinds")
    listed = json.loads(run("guard", "keys", "list", "--json"))
    assert listed["events"][0]["event_id"] == "routine" and listed["amiss"] == []
    assert "version 1 -> 2" in run("guard", "keys", "rotate", "routine")
    assert json.loads(run("guard", "keys", "rotate", "--json"))[0]["to_version"] == 3
    assert "already there" in run("guard", "keys", "move-root")
    assert json.loads(run("guard", "keys", "move-root", "--renew", "--json"))["changed"] is True
    assert "root key 根密钥: kind file" in run("doctor")


def test_secrets_stay_out_of_settings_arguments_and_logs(
    inst: Installation, home: Path, tmp_path: Path
) -> None:
    """Requirement 47: the passphrase is in its own file and nowhere else under the home."""
    file = secret_file(tmp_path / "s", PASSPHRASE)
    _settings(home, root_key="passphrase", root_secret_file=str(file))
    with open_installation(home, clock=SetClock(NOW)) as admin:
        keys.move_root(admin, SYSTEM)
    assert PASSPHRASE not in " ".join(p.read_text() for p in Path("/proc/self").glob("cmdline"))
    needle = PASSPHRASE.encode()
    assert not [p for p in home.rglob("*") if p.is_file() and needle in p.read_bytes()]


def test_an_installation_may_begin_under_any_root_and_in_any_suite(tmp_path: Path) -> None:
    file = secret_file(tmp_path / "s", PASSPHRASE)
    settings = {"root_key": "passphrase", "root_secret_file": str(file), "cipher_suite": "sm4-gcm"}
    with create(tmp_path / "home", settings=settings, clock=SetClock(NOW)) as made:
        ids = _put(made, 2)
        with made.vault_store.read() as conn:
            assert {one.suite for one in made.vault.wrapped(conn)} == {2}
            assert (
                isinstance(made.vault, Vault)
                and len(made.vault.reveal(conn, EVENT, grant(ids), reader="li")) == 2
            )
    shutil.rmtree(tmp_path / "s")
    with (
        open_installation(tmp_path / "home") as again,
        pytest.raises(Fault, match="no file with the passphrase"),
    ):
        _ = again.keyring
