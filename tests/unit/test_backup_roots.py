"""Backups of an installation by its root key: what they say of it, restoring with it and without."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lianfang.foundation.clock import SetClock
from lianfang.foundation.errors import Fault
from lianfang.services import backup, keys
from lianfang.services.backup import archive
from lianfang.services.installation import SYSTEM, create, open_installation
from rootkit import PASSPHRASE, PIN, access
from vaultkit import EVENT, NOW, grant, people

EACH = pytest.mark.parametrize("kind", ["file", "passphrase", "pkcs11", "transit"])


def _made(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> tuple[list[str], Path, Path, Path]:
    """Ids of persons, the archives of data and keys, the file that opens them; the house itself is gone."""
    way = access(kind, tmp_path / "s", request, label=f"backup-{kind}")
    settings = {
        "authority_id": "linjiang-cdc", "root_key": kind, "root_label": way.label,
        "root_secret_file": str(way.secret_file or ""), "root_library": way.library, "root_token": way.token,
        "root_url": way.url,
    }  # fmt: skip
    folder, secret = tmp_path / "backups", tmp_path / "safe" / "backup.key"
    folder.mkdir()
    public = backup.new_identity(secret)
    with create(tmp_path / "home", settings=settings, clock=SetClock(NOW)) as inst:
        with inst.vault_store.begin() as conn:
            inst.vault.open_event(conn, EVENT)
            ids = inst.vault.put_many(conn, EVENT, people(3), kind="case_report")
        data = backup.create(inst, SYSTEM, folder, to=[public])
        held = backup.create_keys_archive(inst, SYSTEM, folder, to=[public])
        drilled = backup.drill(inst, SYSTEM, folder / data["file"], secret)
        assert drilled.valid and drilled.subjects == 3
    (tmp_path / "home").rename(tmp_path / "lost")
    return ids, folder / data["file"], folder / held["file"], secret


@EACH
def test_restored_with_its_root_it_reads(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    ids, data, held, secret = _made(kind, tmp_path, request)
    for file in (data, held):
        with archive.opened(file, archive.identity(secret)) as reader:
            assert reader.manifest["root"]["kind"] == kind
            text = json.dumps(reader.manifest, ensure_ascii=False)
            assert PIN not in text and PASSPHRASE not in text
            plain = tmp_path / f"plain-{reader.manifest['kind']}"
            plain.mkdir()
            reader.extract(plain)
    ring = json.loads((tmp_path / "plain-keys" / "vault" / "keys" / "keyring.json").read_text())
    assert ("secret" in ring["root"]) is (kind == "file")
    found = backup.restore(data, secret, tmp_path / "again", keys_archive=held, clock=SetClock(NOW))
    assert found.valid and found.subjects == 3
    with open_installation(tmp_path / "again", clock=SetClock(NOW)) as inst, inst.vault_store.read() as conn:
        assert len(inst.vault.reveal(conn, EVENT, grant(ids), reader="li")) == 3
        assert keys.listing(inst, SYSTEM).root["kind"] == kind


@pytest.mark.parametrize("kind", ["passphrase", "pkcs11", "transit"])
def test_without_its_root_nothing_is_restored_and_it_says_which(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids, data, held, secret = _made(kind, tmp_path, request)
    file = next((tmp_path / "s").iterdir())
    file.rename(tmp_path / "s" / "elsewhere")
    target = tmp_path / "again"
    with pytest.raises(Fault) as failed:
        backup.restore(data, secret, target, keys_archive=held, clock=SetClock(NOW))
    assert failed.value.code == "root_unavailable" and kind in failed.value.message
    assert failed.value.hint and "LIANFANG_ROOT" in failed.value.hint
    assert not target.exists() and not list(tmp_path.glob(".again.*"))
    # on the new machine the way is another one: named in the environment it is taken
    monkeypatch.setenv("LIANFANG_ROOT_SECRET_FILE", str(tmp_path / "s" / "elsewhere"))
    assert backup.restore(data, secret, target, keys_archive=held, clock=SetClock(NOW)).valid
    with open_installation(target, clock=SetClock(NOW)) as inst, inst.vault_store.read() as conn:
        assert len(inst.vault.reveal(conn, EVENT, grant(ids), reader="li")) == 3
