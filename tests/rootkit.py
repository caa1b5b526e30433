"""Roots to test under: a SoftHSM token, and a stub of a key service.

The stub speaks the few calls of HashiCorp Vault's Transit API that the house makes. It is a stub: no Vault server
can be had where these tests run. SoftHSM is a real PKCS#11 library without the hardware.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from lianfang.guard.vault import Access

LIBRARIES = ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so")
PIN, TOKEN = "271828", "lianfang-test"
PASSPHRASE = "临江的桥下有三条船和一盏灯 0471"


def secret_file(folder: Path, text: str, name: str = "secret") -> Path:
    """A file as the house wants it: 0600 in a 0700 folder."""
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / name
    path.write_text(text + "\n", encoding="utf-8")
    path.chmod(0o600)
    return path


@pytest.fixture(scope="session")
def softhsm(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The library, with a token made for this process; its place cannot change while the process lives."""
    pytest.importorskip("pkcs11", reason="needs python-pkcs11 (the extra hsm)")
    library = next((path for path in LIBRARIES if Path(path).exists()), None)
    tool = shutil.which("softhsm2-util")
    if library is None or tool is None:
        pytest.skip("needs SoftHSM (Debian: apt-get install softhsm2)")
    folder = tmp_path_factory.mktemp("softhsm")
    (folder / "tokens").mkdir()
    config = folder / "softhsm2.conf"
    config.write_text(f"directories.tokendir = {folder / 'tokens'}\nobjectstore.backend = file\n")
    os.environ["SOFTHSM2_CONF"] = str(config)
    subprocess.run(
        [tool, "--init-token", "--free", "--label", TOKEN, "--pin", PIN, "--so-pin", "161803"],
        check=True, capture_output=True,
    )  # fmt: skip
    return library


class Stub(ThreadingHTTPServer):
    """A key service in memory. ``mood``: how it misbehaves."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.keys: dict[str, AESGCM] = {}
        self.token, self.mood = "hvs.stub-token", ""
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Stub

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        self._answer({})

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self._answer(json.loads(raw) if raw else {})

    def do_PUT(self) -> None:
        self.do_POST()

    def _answer(self, body: dict[str, Any]) -> None:
        stub = self.server
        stub.asked.append(f"{self.command} {self.path}")
        if stub.mood == "sealed":
            return self._say(503, {"errors": ["Vault is sealed"]})
        if stub.mood == "elsewhere":
            self.send_response(307)
            self.send_header("Location", "http://192.0.2.1/v1/transit")
            self.send_header("Content-Length", "0")
            return self.end_headers()
        if stub.mood == "strange":
            return self._say(200, {"data": {"ciphertext": 7, "plaintext": None}})
        if self.headers.get("X-Vault-Token") != stub.token:
            return self._say(403, {"errors": ["permission denied"]})
        _, _, mount, what, name = self.path.split("/", 4)
        if mount != "transit":
            return self._say(404, {"errors": []})
        if what == "keys" and self.command in ("POST", "PUT"):
            stub.keys.setdefault(name, AESGCM(AESGCM.generate_key(256)))
            return self._say(204, None)
        key = stub.keys.get(name)
        if key is None:
            return self._say(404 if what == "keys" else 400, {"errors": ["encryption key not found"]})
        if what == "keys":
            exportable = stub.mood == "exportable"
            found = {"type": "aes256-gcm96", "latest_version": 1, "exportable": exportable}
            return self._say(200, {"data": {**found, "deletion_allowed": exportable}})
        aad = base64.b64decode(body.get("associated_data") or "")
        if stub.mood == "placeless":
            aad = b""
        if what == "encrypt":
            nonce = os.urandom(12)
            sealed = nonce + key.encrypt(nonce, base64.b64decode(body["plaintext"]), aad)
            return self._say(200, {"data": {"ciphertext": "vault:v1:" + base64.b64encode(sealed).decode()}})
        try:  # text that is no base64 is a bad ciphertext too, as in the service itself
            sealed = base64.b64decode(body["ciphertext"].removeprefix("vault:v1:"), validate=True)
            opened = key.decrypt(sealed[:12], sealed[12:], aad)
        except (InvalidTag, ValueError):
            return self._say(
                400, {"errors": ["invalid ciphertext, or cipher: message authentication failed"]}
            )
        return self._say(200, {"data": {"plaintext": base64.b64encode(opened).decode()}})

    def _say(self, status: int, document: Any) -> None:
        raw = b"" if document is None else json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)


@pytest.fixture
def key_service() -> Iterator[Stub]:
    """A stub of the Transit API on loopback."""
    pytest.importorskip("hvac", reason="needs hvac (the extra kms)")
    stub = Stub()
    thread = threading.Thread(target=stub.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield stub
    stub.shutdown()
    stub.server_close()


def access(kind: str, folder: Path, request: pytest.FixtureRequest, label: str = "lianfang-root") -> Access:
    """The way to a root of this kind; its secret file lies in ``folder``."""
    if kind == "passphrase":
        return Access("passphrase", label, secret_file(folder, PASSPHRASE))
    if kind == "pkcs11":
        library = request.getfixturevalue("softhsm")
        return Access("pkcs11", label, secret_file(folder, PIN, "pin"), library, TOKEN)
    if kind == "transit":
        stub = request.getfixturevalue("key_service")
        return Access("transit", label, secret_file(folder, stub.token, "token"), url=stub.url)
    return Access()
