"""Security requirements 41 to 48: approved ciphers, bound ciphertexts, randomness, hashes, TLS, secrets, key files."""

from __future__ import annotations

import ast
import base64
import hmac
import json
import logging
import os
import re
import ssl
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import argon2
import click
import pytest
from sqlalchemy import Connection, Table, select, update

import exchangekit
from accountkit import PASSWORD, Browser, make
from leaks import search
from lianfang.cli import COMMANDS, cli
from lianfang.foundation.errors import Fault, Refused
from lianfang.guard import files
from lianfang.guard.accounts import passwords, tables
from lianfang.guard.ledger import tables as ledger_tables
from lianfang.guard.vault import crypto
from lianfang.guard.vault.tables import metadata as vault_tables
from lianfang.services import accounts, integrity
from lianfang.services.exchange import tls
from lianfang.services.installation import ROUTINE, Installation, open_installation
from loop import put_cases

SRC = Path(crypto.__file__).parents[2]


@pytest.fixture
def inst(tmp_path: Path) -> Iterator[Installation]:
    with make(tmp_path / "home") as made:
        yield made


def trees() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(SRC.rglob("*.py")):
        yield path.relative_to(SRC).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


#: What may be taken from ``cryptography``: AES-256-GCM, HKDF-SHA-256, Ed25519, X25519 with HPKE, P-256 for TLS.
APPROVED = {
    "AESGCM", "HKDFExpand", "SHA256", "Ed25519PrivateKey", "Ed25519PublicKey", "X25519PrivateKey",
    "X25519PublicKey", "hpke", "ec", "EllipticCurvePrivateKey", "x509", "Certificate", "GeneralName",
    "ExtendedKeyUsageOID", "NameOID", "Encoding", "NoEncryption", "PrivateFormat", "PublicFormat",
    "load_pem_private_key", "InvalidTag", "InvalidSignature",
}  # fmt: skip
#: SM4-GCM, the national profile's suite of the vault (GB/T 32907), with its own hash: there and nowhere else.
SM4_SUITE = ("guard/vault/crypto.py", {"Cipher", "modes", "SM4", "SM3"})
#: Other libraries of ciphers and hashes; argon2 and age (pyrage) are the two that are used.
OTHERS = {
    "Crypto",
    "Cryptodome",
    "nacl",
    "gmssl",
    "gmalg",
    "rsa",
    "ecdsa",
    "bcrypt",
    "passlib",
    "jwt",
    "blake3",
}


def test_sec_41_only_approved_ciphers_and_hashes_are_in_the_code() -> None:
    hashes, made, seen = set(), set(), set()
    for name, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Import | ast.ImportFrom):
                module = (getattr(node, "module", "") or "").split(".")[0]
                names = {alias.name for alias in node.names}
                roots = {module} if module else {one.split(".")[0] for one in names}
                assert not roots & OTHERS, (name, roots & OTHERS)
                if module == "cryptography":
                    seen |= names
                    allowed = APPROVED | (SM4_SUITE[1] if name == SM4_SUITE[0] else set())
                    assert names <= allowed, (name, names - allowed)
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                if node.value.id == "hashlib":
                    hashes.add(node.attr)
                if node.value.id in ("hmac", "ec", "hpke", "modes") and isinstance(node.ctx, ast.Load):
                    made.add(f"{node.value.id}.{node.attr}")
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("hmac.digest", "hmac.new"):
                digest = ast.unparse(node.args[2])
                assert digest in ("'sha256'", "hashlib.sha256"), (name, digest)
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "hashlib.file_digest":
                assert ast.unparse(node.args[1]) == "'sha256'", name
    assert hashes == {"sha256", "file_digest"} and "AESGCM" in seen
    assert {one for one in made if one.startswith("modes.")} == {"modes.GCM"}
    assert {one for one in made if one.startswith("ec.")} == {"ec.generate_private_key", "ec.SECP256R1"}
    assert {one for one in made if one.startswith("hmac.")} <= {
        "hmac.digest",
        "hmac.new",
        "hmac.compare_digest",
    }


#: Test cases 13 to 16 for AES-256 of McGrew and Viega, "The Galois/Counter Mode of Operation": key, nonce,
#: plaintext, associated data, ciphertext, tag.
_KEY = "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"
_TEXT = (
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
    "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
)
_SEALED = (
    "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
    "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
)
GCM = [
    ("00" * 32, "00" * 12, "", "", "", "530f8afbc74536b9a963b4f1c4cb738b"),
    ("00" * 32, "00" * 12, "00" * 16, "", "cea7403d4d606b6e074ec5d3baf39d18", "d0d1c8a799996bf0265b98b5d48ab919"),
    (_KEY, "cafebabefacedbaddecaf888", _TEXT + "1aafd255", "", _SEALED + "898015ad",
     "b094dac5d93471bdec1a502270e3cc6c"),
    (_KEY, "cafebabefacedbaddecaf888", _TEXT, "feedfacedeadbeeffeedfacedeadbeefabaddad2", _SEALED,
     "76fc6ece0f4e1768cddf8853bb2d551b"),
]  # fmt: skip


@pytest.mark.parametrize("vector", GCM)
def test_sec_41_published_vectors_and_the_suite_byte(vector: tuple[str, ...]) -> None:
    key, nonce, text, place, sealed, tag = (bytes.fromhex(part) for part in vector)
    cipher = crypto.Cipher(key)
    made = cipher.seal(nonce, text, place)
    assert made == b"\x01" + nonce + sealed + tag
    assert cipher.unseal(made, place) == text
    for suite in (0, 3, 255):
        with pytest.raises(Fault, match="unknown form"):
            cipher.unseal(bytes([suite]) + made[1:], place)
    with pytest.raises(
        Fault, match="does not open"
    ):  # of SM4-GCM, whose vectors are tests/peer's: no other key's
        cipher.unseal(b"\x02" + made[1:], place)
    for at in range(1, len(made)):
        broken = bytearray(made)
        broken[at] ^= 1
        with pytest.raises(Fault):
            cipher.unseal(bytes(broken), place)


def test_sec_41_keys_for_each_use_are_hkdf_sha_256_of_256_bits() -> None:
    secret = bytes(range(32))
    one = hmac.digest(secret, b"lianfang/vault/1\x1froot\x1fcdc\x01", "sha256")  # RFC 5869, one block
    assert crypto.derive(secret, "root", "cdc") == one and len(one) == 32
    assert len({crypto.derive(secret, *names) for names in (("a", "b"), ("ab",), ("b", "a"))}) == 3


def _put(vault: Connection, subject: Table, rows: Any, others: Any, columns: list[str]) -> None:
    """Write the columns of ``others`` into the rows, one by one."""
    ids = [row["subject_id"] for row in rows]
    vault.execute(update(subject).where(subject.c.subject_id.in_(ids)).values(identity=None))  # it is unique
    for subject_id, row, other in zip(ids, rows, others, strict=True):
        values = {"identity": row["identity"], **{name: other[name] for name in columns}}
        vault.execute(update(subject).where(subject.c.subject_id == subject_id).values(values))


def test_sec_42_a_sealed_value_opens_in_its_own_place_only(inst: Installation) -> None:
    put_cases(inst)
    one, two = (Browser(inst, name).come() for name in ("sun.shen", "li.she"))
    assert integrity.check(inst)["valid"]
    totp = tables.totp
    with inst.store.begin() as connection:  # two people's seeds
        held = {row.account_id: row.sealed for row in connection.execute(select(totp))}
        ids = [
            connection.execute(
                select(tables.account.c.account_id).where(tables.account.c.name == who.name)
            ).scalar_one()
            for who in (one, two)
        ]
        for mine, other in (ids, ids[::-1]):
            connection.execute(update(totp).where(totp.c.account_id == mine).values(sealed=held[other]))
    again = Browser(inst, "li.she", one.seed)  # whoever swapped them knows a seed
    again.sign_in()
    answer = again.second()
    assert answer.status_code == 500 and "does not open in its place" in answer.text
    assert again.get("/my").headers["location"] == "/second"
    subject = vault_tables.tables["vault_subject"]
    person = [
        one_.name for one_ in subject.c if one_.name not in ("subject_id", "event_id", "kind", "created_at")
    ]
    for columns in (
        ["fields"],
        ["wrapped_key"],
        person,
    ):  # all of it: both rows are sound but for their place
        with inst.vault_store.begin() as vault:
            rows = vault.execute(select(subject).limit(2)).mappings().all()
            _put(vault, subject, rows, rows[::-1], columns)
        found = integrity.check(inst)["findings"]
        assert len([f for f in found if "does not open" in f["what"]]) == 2, columns
        with inst.vault_store.begin() as vault:
            _put(vault, subject, rows, rows, columns)
    assert integrity.check(inst)["valid"]
    record = ledger_tables.record
    with inst.store.begin() as connection:  # what two entries of the ledger stand for
        rows = connection.execute(select(record.c.idx, record.c.body).limit(2)).all()
        for (index, _), (_, body) in (rows, rows[::-1]):
            connection.execute(update(record).where(record.c.idx == index).values(body=body))
    assert {f["index"] for f in integrity.check(inst)["findings"]} == {index for index, _ in rows}


#: Where numbers may be drawn again from a seed: the invented city, simulations, directions of a solver.
SEEDED = ("world/", "predict/simulation/", "predict/reproduction/", "guard/disclosure/inference.py")


def test_sec_44_what_guards_is_drawn_from_the_system() -> None:
    """No seeded generator outside the simulated world; what is drawn for tokens and keys is the system's."""
    drawn = set()
    for name, tree in trees():
        for node in ast.walk(tree):
            said = ast.unparse(node) if isinstance(node, ast.Attribute | ast.Import | ast.ImportFrom) else ""
            if said in ("os.urandom",) or said.startswith("secrets."):
                drawn.add(name)
            seeded = re.fullmatch(r"(np|numpy)\.random(\..*)?|import random( as .*)?", said) or re.match(
                r"from (random|numpy\.random) import|random\.", said
            )
            weak = re.fullmatch(r"uuid\.uuid[135]", said)
            assert not weak, (name, said)
            assert not seeded or name.startswith(SEEDED), (name, said)
    assert {"guard/accounts/sessions.py", "guard/vault/keyring.py", "guard/ledger/records.py"} <= drawn


def test_sec_44_tokens_never_repeat_and_are_long(inst: Installation) -> None:
    links = {accounts.link(inst, "li.she") for _ in range(200)}
    assert len(links) == 200 and all(len(base64.urlsafe_b64decode(link + "=")) == 32 for link in links)
    bits = [byte for link in links for byte in base64.urlsafe_b64decode(link + "=")]
    assert len(set(bits)) == 256 and 115 < sum(bits) / len(bits) < 140


def parameters(inst: Installation, name: str) -> argon2.Parameters:
    with inst.store.read() as connection:
        column = tables.account.c.password_hash
        stored = connection.execute(select(column).where(tables.account.c.name == name)).scalar_one()
    return argon2.extract_parameters(stored)


def test_sec_45_hashes_are_argon2id_of_owasps_size_and_older_ones_are_renewed(inst: Installation) -> None:
    held = parameters(inst, "li.she")
    assert held.type is argon2.Type.ID and held.hash_len >= 32 and held.salt_len >= 16
    assert held.memory_cost >= 19 * 1024 and held.time_cost >= 2 and held.parallelism >= 1
    old = argon2.PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1)
    table = tables.account
    with inst.store.begin() as connection:
        weak = {"password_hash": old.hash(PASSWORD)}
        connection.execute(update(table).where(table.c.name == "li.she").values(weak))
    one = Browser(inst, "li.she")
    assert one.sign_in("not the password at all").status_code == 401
    assert parameters(inst, "li.she").memory_cost == 8192  # by a right one only
    assert one.sign_in().status_code == 303
    assert parameters(inst, "li.she") == held
    assert one.sign_in().status_code == 303 and passwords.matches(None, "x") is False


def test_sec_46_both_ends_speak_tls_1_2_at_least_and_check_the_other(tmp_path: Path) -> None:
    with exchangekit.authority(tmp_path / "a", "linjiang") as inst:
        pem = tls.certificate(inst)
        server, client = tls.server_context(inst, [pem]), tls.client_context(inst, pem)
        for one in (server, client):
            assert one.minimum_version >= ssl.TLSVersion.TLSv1_2
            assert one.verify_mode is ssl.CERT_REQUIRED
            assert [found["subject"] for found in one.get_ca_certs()] or one.cert_store_stats()["x509"] == 1
        assert client.check_hostname and server.options & ssl.OP_NO_TICKET
        key = tls.paths(inst)[1]
        key.chmod(0o640)
        with pytest.raises(Refused, match="open to others"):
            tls.server_context(inst, [pem])


def test_sec_46_no_connection_is_made_unchecked() -> None:
    for name, tree in trees():
        for node in ast.walk(tree):
            said = ast.unparse(node) if isinstance(node, ast.Call | ast.Attribute) else ""
            assert not re.search(r"verify\s*=\s*False|CERT_NONE|_create_unverified_context", said), name
            assert "check_hostname" not in said, name


def test_sec_47_no_secret_is_in_a_log_an_error_an_answer_or_a_file(
    inst: Installation, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(logging.DEBUG)
    link = accounts.link(inst, "chen.ren")
    one = Browser(inst, "li.she")
    one.sign_in()
    codes = one.enrol()
    tokens = [value for _, value in one.client.cookies.items()]
    officer = Browser(inst, "chen.ren", "")
    entered = officer.client.post("/enter", data={"link": link})
    assert entered.status_code == 303
    device = one.json("/account/terminals", label="手机")
    tokens += [value for _, value in one.client.cookies.items()]
    root = json.loads((inst.home / "vault" / "keys" / "keyring.json").read_text())["root"]["secret"]
    authority = (inst.home / "keys" / "authority.json").read_text()
    private = re.findall(r'"([\w+/=-]{40,})"', authority)
    assert private and device.status_code == 201
    wrong = "a wrong guess " * 30
    answers = [
        one.get("/account"), one.get("/second"),
        one.client.post("/signin", data={"name": "li.she", "password": wrong}),  # longer than a field may be
        one.client.post("/signin", data={"name": PASSWORD, "password": PASSWORD}),
        one.second(code=codes[0][:-1] + "A"), one.second(password=wrong[:90]),
        one.json("/second", code={"x": one.seed}), one.json("/account/password", password=[PASSWORD]),
        officer.client.post("/enter", data={"link": link}), officer.client.get("/enter?link=" + "x" * 300),
    ]  # fmt: skip
    public = json.loads(authority).get("public", {})
    secrets_ = [
        PASSWORD,
        one.seed,
        link,
        root,
        *codes,
        *tokens,
        *(k for k in private if k not in str(public)),
    ]
    secrets_ += [bytes(base64.b64decode(root)).hex(), wrong[:60]]
    for answer in answers:
        told = answer.text.replace(one.token, "")
        assert not [secret for secret in secrets_ if secret in told], answer.request.url.path
    logging.getLogger("lianfang").warning("done")
    assert "done" in caplog.text and not [secret for secret in secrets_ if secret in caplog.text]
    inst.close()
    assert search(inst.home, secrets_, allow=["keys", "vault/keys"]) == []


#: Options that take a public key, by which others verify.
PUBLIC = {
    "verify", "ledger verify", "guard ledger verify", "guard inspect verify", "ledger witness add",
    "guard ledger witness add", "report register", "receipt verify",
}  # fmt: skip


def test_sec_47_no_command_takes_a_secret_that_the_process_list_would_show() -> None:
    """Of every command: what is called a secret is a file to read it from, and no process is started with one."""
    context = click.Context(cli)
    found, taken = [], 0

    def walk(command: click.Command, path: str) -> None:
        nonlocal taken
        for parameter in command.params:
            taken += 1
            names = " ".join([parameter.name or "", *parameter.opts])
            secret = re.search(r"password|passphrase|secret|seed_|private|pin\b|identity|key\b", names)
            if path.removeprefix("lianfang ") in PUBLIC and {"--key", "key"} & {*parameter.opts}:
                continue
            if secret and not isinstance(parameter.type, click.Path | click.File | click.types.BoolParamType):
                found.append(f"{path} {names}")
        if isinstance(command, click.Group):
            for name in command.list_commands(context):
                inner = command.get_command(context, name)
                assert inner is not None
                walk(inner, f"{path} {name}")

    walk(cli, "lianfang")
    assert taken > 200 and set(COMMANDS) <= set(cli.list_commands(context))
    assert found == []
    started = {
        name: ast.unparse(node)
        for name, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in ("subprocess.Popen", "subprocess.run", "os.system", "os.execv")
    }
    assert not [said for said in started.values() if re.search(r"password|secret|token|seed", said)], started


#: Modes in which somebody but the owner may do something with a file or folder.
MODES = [0o640, 0o620, 0o610, 0o604, 0o602, 0o601, 0o660, 0o666, 0o644, 0o777]


def test_sec_48_a_key_that_others_could_read_stops_the_start(inst: Installation) -> None:
    inst.keyring.open_event(ROUTINE)
    inst.close()
    held = [inst.home / "keys", inst.home / "vault", inst.home / "vault" / "keys"]
    held += [path for folder in (held[0], held[2]) for path in folder.iterdir()]
    assert {"keyring.json", "authority.json"} <= {path.name for path in held}
    for path in held:
        own = path.stat().st_mode & 0o777
        assert own == (0o700 if path.is_dir() else 0o600), path
        for mode in MODES:
            path.chmod(mode | (0o700 if path.is_dir() else 0))
            with pytest.raises(Refused) as refused:
                open_installation(inst.home)
            assert refused.value.code == "key_file_open_to_others" and "chmod" in str(refused.value.hint)
            path.chmod(own)
    open_installation(inst.home).close()
    stray = inst.home / "keys" / "copy.json"
    stray.symlink_to("/etc/hostname")
    with pytest.raises(Refused, match="not a plain file"):
        open_installation(inst.home)


def test_sec_48_a_key_of_another_account_is_refused(
    inst: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = inst.home / "keys" / "authority.json"
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(Refused, match="belongs to another account"):
        files.read(path)
    with pytest.raises(Refused, match="belongs to another account"):
        open_installation(inst.home)
    assert sha256(path.read_bytes()).digest()  # it is there, for its owner
