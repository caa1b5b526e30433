"""The root key behind its one interface: file, passphrase, PKCS#11 device, key service."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

import lianfang
from lianfang.foundation.errors import BadInput, Fault, LianfangError, Refused
from lianfang.guard.vault import SUITES, Access, Keyring, Vault, roots
from lianfang.guard.vault.crypto import derive
from rootkit import PASSPHRASE, PIN, TOKEN, Stub, access, secret_file
from vaultkit import EVENT, NOW, grant, people, sqlite

EACH = pytest.mark.parametrize("kind", roots.KINDS)


@EACH
@pytest.mark.parametrize("suite", SUITES.values(), ids=SUITES)
def test_a_root_opens_what_it_wrapped_and_in_its_place_only(
    kind: str, suite: int, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    root = roots.make_root(access(kind, tmp_path / "s", request), suite)
    roots.prove(root)
    secret = os.urandom(32)
    wrapped = root.wrap(secret, b"here")
    assert secret not in wrapped and root.wrap(secret, b"here") != wrapped
    again = roots.open_root(json.loads(json.dumps(root.note())), Access())
    assert again.unwrap(wrapped, b"here") == secret
    for changed, place in (
        (wrapped, b"there"),
        (wrapped[:-1] + bytes([wrapped[-1] ^ 1]), b"here"),
        (b"", b"here"),
    ):
        with pytest.raises(Fault) as failed:
            again.unwrap(changed, place)
        assert failed.value.code == "keyring_damaged"
    assert again.health().facts["kind"] == kind
    told = f"{again!r} {again.describe()} {again.health()}"
    assert PIN not in told and PASSPHRASE not in told and "hvs." not in told


@EACH
def test_a_keyring_under_each_root_and_from_each_to_each(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    first = access(kind, tmp_path / "s", request)
    ring = Keyring.create(tmp_path / "keys", "linjiang-cdc", first)
    v, engine = Vault(ring), sqlite(tmp_path / "db.sqlite")
    with engine.begin() as conn:
        v.open_event(conn, EVENT)
        ids = v.put_many(conn, EVENT, people(5), kind="case_report")
    sealed, tokens = ring.seal(b"seed", "a", "b", "c"), v.pseudonyms(EVENT, "p", ids)
    reader = Vault(Keyring.open(tmp_path / "keys"))  # another process, which knows nothing of the settings
    text = (tmp_path / "keys" / "keyring.json").read_text()
    for number, other in enumerate(roots.KINDS):
        to = access(other, tmp_path / "t", request, label=f"root-{kind}-{number}")
        change = ring.move_root(to, at=NOW)
        assert (change["to"]["kind"], ring.root().describe()["kind"]) == (other, other)
        assert reader._ring.unseal(sealed, "a", "b", "c") == b"seed"
        with engine.begin() as conn:
            assert (
                len(reader.reveal(conn, EVENT, grant(ids, approvals=_now(), not_after=_later()), reader="li"))
                == 5
            )
            reader.open_event(conn, f"event-{number}")
        assert reader.pseudonyms(EVENT, "p", ids) == tokens
        assert ring.events() == reader._ring.events()
        now = (tmp_path / "keys" / "keyring.json").read_text()
        assert not set(_secrets(text)) & set(_secrets(now)), "everything is sealed anew"
        text = now
    assert ("secret" in json.loads(text)["root"]) is (roots.KINDS[-1] == "file")


def _secrets(text: str) -> list[str]:
    document = json.loads(text)
    return [document["key"], document["house"], *(one["sealed"] for one in document["events"].values())]


def _now() -> list[object]:
    from datetime import UTC, datetime, timedelta

    from lianfang.guard.vault import Approval

    past = datetime.now(UTC) - timedelta(minutes=5)
    return [Approval("chen", "epidemiologist", past), Approval("wu", "data_protection_officer", past)]


def _later() -> object:
    from datetime import UTC, datetime, timedelta

    return datetime.now(UTC) + timedelta(hours=1)


def test_a_keyring_of_the_earlier_form_is_read_and_becomes_the_present_one(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    root, token, wrap, key_id = os.urandom(32), os.urandom(32), os.urandom(32), "ab" * 16
    cipher, nonce = AESGCM(derive(root, "root", "linjiang-cdc")), os.urandom(12)
    secret = json.dumps({"token": token.hex(), "wraps": {"3": wrap.hex()}}).encode()
    sealed = nonce + cipher.encrypt(nonce, secret, f"event\0{EVENT}\0{key_id}\x003".encode())
    own = b"\x01" + nonce + AESGCM(derive(root, "own", "linjiang-cdc")).encrypt(nonce, b"seed", b"t\0c\0r")
    document = {
        "format": "lianfang-keyring/1",
        "authority": "linjiang-cdc",
        "root": base64.b64encode(root).decode(),
        "events": {EVENT: {"key_id": key_id, "active": 3, "sealed": base64.b64encode(sealed).decode()}},
    }
    folder.mkdir(mode=0o700)
    secret_file(folder, json.dumps(document), "keyring.json")
    assert Keyring.where(folder) == {"kind": "file"}
    ring = Keyring.open(folder)
    keys = ring.event(EVENT)
    assert (keys.token, keys.wraps, keys.key_id) == (token, {3: wrap}, key_id)
    assert ring.unseal(own, "t", "c", "r") == b"seed"
    assert json.loads((folder / "keyring.json").read_text())["format"] == "lianfang-keyring/2"
    assert Keyring.open(folder).event(EVENT) == keys


def test_the_old_file_and_its_root_do_not_open_what_came_after_a_move(tmp_path: Path) -> None:
    ring = Keyring.create(tmp_path / "keys", "linjiang-cdc")
    stolen = (tmp_path / "keys" / "keyring.json").read_text()
    ring.move_root(Access("passphrase", secret_file=secret_file(tmp_path / "s", PASSPHRASE)), at=NOW)
    ring.open_event("later")
    mixed = {**json.loads((tmp_path / "keys" / "keyring.json").read_text())}
    mixed |= {name: json.loads(stolen)[name] for name in ("root", "key", "house")}
    (tmp_path / "thief").mkdir(mode=0o700)
    secret_file(tmp_path / "thief", json.dumps(mixed), "keyring.json")
    with pytest.raises(Fault, match="do not open"):
        Keyring.open(tmp_path / "thief")


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o660, 0o644, 0o666, 0o620, 0o601])
def test_a_wide_secret_file_is_refused(mode: int, tmp_path: Path) -> None:
    file = secret_file(tmp_path / "s", PASSPHRASE)
    Keyring.create(tmp_path / "keys", "linjiang-cdc", Access("passphrase", secret_file=file))
    file.chmod(mode)
    with pytest.raises(Refused) as failed:
        Keyring.open(tmp_path / "keys")
    assert failed.value.code == "key_file_open_to_others"
    file.chmod(0o600)
    file.parent.chmod(0o700 | (mode & 0o077))
    with pytest.raises(Refused):
        Keyring.open(tmp_path / "keys")


def test_a_passphrase_that_is_wrong_short_gone_or_elsewhere(tmp_path: Path) -> None:
    file = secret_file(tmp_path / "s", PASSPHRASE)
    Keyring.create(tmp_path / "keys", "linjiang-cdc", Access("passphrase", secret_file=file))
    file.write_text("another passphrase altogether\n")
    with pytest.raises(Fault, match="passphrase does not open") as failed:
        Keyring.open(tmp_path / "keys")
    assert PASSPHRASE not in str(failed.value) and "altogether" not in str(failed.value)
    file.rename(tmp_path / "s" / "moved")
    with pytest.raises(LianfangError):
        Keyring.open(tmp_path / "keys")
    (tmp_path / "s" / "moved").write_text(PASSPHRASE + "\n")
    Keyring.open(tmp_path / "keys", Access("passphrase", secret_file=tmp_path / "s" / "moved"))
    for bad in ("", "short", "two\nlines of a passphrase", "\udcff"):
        (tmp_path / "s" / "moved").write_bytes(bad.encode("utf-8", "surrogateescape"))
        with pytest.raises(BadInput):
            Keyring.create(
                tmp_path / "never", "a", Access("passphrase", secret_file=tmp_path / "s" / "moved")
            )
    with pytest.raises(BadInput):
        Keyring.create(tmp_path / "never", "a", Access("passphrase"))
    assert not (tmp_path / "never" / "keyring.json").exists()


def test_argon2id_is_at_least_what_owasp_asks(tmp_path: Path) -> None:
    file = secret_file(tmp_path / "s", PASSPHRASE)
    Keyring.create(tmp_path / "keys", "linjiang-cdc", Access("passphrase", secret_file=file))
    note = json.loads((tmp_path / "keys" / "keyring.json").read_text())["root"]
    assert note["memory_kib"] >= 19_456 and note["passes"] >= 2
    assert "secret" not in note and PASSPHRASE not in json.dumps(note, ensure_ascii=False)
    note["memory_kib"] = 1 << 40  # a hostile keyring does not make us fill the memory
    with pytest.raises(Fault, match="note of its root key"):
        roots.open_root(note, Access())


def test_the_device_keeps_its_key_and_says_what_is_amiss(
    tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    way = access("pkcs11", tmp_path / "s", request, label="device-1")
    ring = Keyring.create(tmp_path / "keys", "linjiang-cdc", way)
    assert ring.root().health().warnings == ()
    facts = ring.root().health().facts
    assert facts["token"] == TOKEN and facts["serial"] and "SoftHSM" in facts["model"]
    assert "secret" not in json.loads((tmp_path / "keys" / "keyring.json").read_text())["root"]
    same = roots.make_root(way, 1)  # a second one of the label is not made
    same.unwrap(same.wrap(b"x" * 32, b"p"), b"p")
    (tmp_path / "s" / "pin").write_text("000000\n")
    from lianfang.guard.vault.roots import device

    tried, real = [], device.secret_in
    monkeypatch.setattr(device, "secret_in", lambda *a: tried.append(a) or real(*a))
    with pytest.raises(Fault, match="refuses the PIN") as failed:
        Keyring.open(tmp_path / "keys", way)
    assert len(tried) == 1, "a device counts wrong PINs"
    assert failed.value.code == "root_unavailable" and "000000" not in str(failed.value)
    (tmp_path / "s" / "pin").write_text(PIN + "\n")
    note = ring.root().note()
    for change in ({"label": "none"}, {"token": "none"}, {"library": "/nowhere.so"}):
        with pytest.raises(Fault) as failed:
            roots.open_root({**note, **change}, Access())
        assert failed.value.code == "root_unavailable", change
    assert roots.open_root({**note, "library": "/nowhere.so"}, way).describe()["library"] == way.library


def test_the_key_service_when_it_fails(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    way = access("transit", tmp_path / "s", request)
    stub: Stub = request.getfixturevalue("key_service")
    ring = Keyring.create(tmp_path / "keys", "linjiang-cdc", way)
    assert ring.root().health().warnings == ()
    assert not any("hvs." in line for line in stub.asked), "the token travels in a header"
    for mood in ("sealed", "elsewhere", "strange"):
        stub.mood = mood
        with pytest.raises(Fault) as failed:
            Keyring.open(tmp_path / "keys")
        assert failed.value.code == "root_unavailable" and "hvs." not in str(failed.value), mood
    stub.mood = "exportable"
    assert len(ring.root().health().warnings) == 2
    stub.mood = "placeless"
    with pytest.raises(Fault) as failed:
        Keyring.create(tmp_path / "never", "a", way)
    assert failed.value.code == "root_unfit" and not (tmp_path / "never").exists()
    stub.mood = ""
    stub.token = "hvs.another"
    with pytest.raises(Fault, match="refuses our token"):
        Keyring.open(tmp_path / "keys")
    stub.keys.clear()
    (tmp_path / "s" / "token").write_text("hvs.another\n")
    with pytest.raises(Fault, match="has no key"):
        Keyring.open(tmp_path / "keys")


@pytest.mark.parametrize(
    "url", ["", "http://keys.example:8200", "ftp://127.0.0.1", "https://u:p@keys.example", "https://", "keys"]
)
def test_a_key_service_is_reached_over_tls_alone(url: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput):
        roots.make_root(Access("transit", secret_file=secret_file(tmp_path / "s", "t"), url=url), 1)


def test_an_unknown_kind_and_a_damaged_note(tmp_path: Path) -> None:
    with pytest.raises(BadInput):
        Keyring.create(tmp_path / "keys", "a", Access("sealing-wax"))
    for note in (
        {},
        {"kind": "sealing-wax"},
        {"kind": "file"},
        {"kind": "file", "secret": "x", "suite": "rot13"},
    ):
        with pytest.raises(Fault):
            roots.open_root(note, Access())


def test_without_the_extra_it_says_which(tmp_path: Path) -> None:
    program = """
import sys
sys.modules["pkcs11"] = sys.modules["hvac"] = None
from pathlib import Path
from lianfang.guard.vault import Access, roots
for access in (Access("pkcs11", secret_file=Path(sys.argv[1]), library="/x.so", token="t"),
               Access("transit", secret_file=Path(sys.argv[1]), url="https://keys.example")):
    try:
        roots.make_root(access, 1)
    except Exception as error:
        print(type(error).__name__, error.hint)
"""
    file = secret_file(tmp_path / "s", "123456")
    said = subprocess.run(
        [sys.executable, "-c", program, str(file)],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(Path(lianfang.__file__).parents[1])},
    ).stdout.splitlines()
    assert [line.split("lianfang", 1)[1] for line in said] == ["[hsm]'", "[kms]'"]
