"""The vault under damage: changed bytes, swapped cells, wide key files, stops half way."""

from __future__ import annotations

import contextlib
import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select, update

from lianfang.foundation.errors import Fault, LianfangError, Refused
from lianfang.guard import signing
from lianfang.guard.vault import SUITES, Keyring, Vault, tables
from vaultkit import EVENT, grant, people, sqlite, vault

S = tables.subject


@pytest.mark.parametrize("suite", SUITES.values(), ids=SUITES)
def test_every_changed_byte_is_found(tmp_path: Path, suite: int, count: Callable[[int, int], int]) -> None:
    v, rng, rows = vault(tmp_path / "keys", suite=suite), random.Random(5), people(1)
    with sqlite().begin() as conn:
        v.open_event(conn, EVENT)
        (subject,) = v.put_many(conn, EVENT, rows, kind="case_report")
        row = conn.execute(select(S)).mappings().one()
        everything = grant([subject], fields=list(rows[0]))
        for column in ("fields", "wrapped_key"):
            good = row[column]
            places = (
                range(len(good)) if len(good) < 100 else rng.sample(range(len(good)), count(150, len(good)))
            )
            for at in places:
                bad = bytearray(good)
                bad[at] ^= 1 << rng.randrange(8)
                conn.execute(update(S).values({column: bytes(bad)}))
                try:
                    shown = v.reveal(conn, EVENT, everything, reader="li")[subject]
                except LianfangError as error:
                    assert not any(value in str(error) for value in rows[0].values())
                else:  # a changed field's name can only hide the field, never change what is read
                    assert len(shown) < len(rows[0]) and all(rows[0][k] == x for k, x in shown.items())
            conn.execute(update(S).values({column: good}))
        for cut in range(0, len(row["fields"]), 7):
            conn.execute(update(S).values(fields=row["fields"][:cut]))
            with contextlib.suppress(Fault):
                assert len(v.reveal(conn, EVENT, everything, reader="li")[subject]) < len(rows[0])


@pytest.mark.parametrize("suite", SUITES.values(), ids=SUITES)
def test_a_swapped_ciphertext_is_refused(tmp_path: Path, suite: int) -> None:
    v = vault(tmp_path / "keys", suite=suite)
    with sqlite().begin() as conn:
        v.open_event(conn, EVENT)
        a, b = v.put_many(conn, EVENT, people(2), kind="case_report")
        rows = {r["subject_id"]: r for r in conn.execute(select(S)).mappings()}
        assert {row["wrapped_key"][0] for row in rows.values()} == {suite}
        other = bytes([3 - suite])  # the suite byte changed alone: another cipher, under another key
        swaps: list[dict[str, object]] = [
            {"fields": rows[b]["fields"]},
            {"wrapped_key": rows[b]["wrapped_key"]},
            {"fields": rows[b]["fields"], "wrapped_key": rows[b]["wrapped_key"]},
            {
                "fields": rows[a]["fields"]
                .replace(b"\x04name", b"\x04nome")
                .replace(b"\x05phone", b"\x04name")
            },
            {"key_version": 2},
            {"wrapped_key": other + rows[a]["wrapped_key"][1:]},
        ]
        for swap in swaps:
            conn.execute(update(S).where(S.c.subject_id == a).values(swap))
            with pytest.raises(Fault):
                v.reveal(conn, EVENT, grant([a]), reader="li")
            conn.execute(update(S).where(S.c.subject_id == a).values(dict(rows[a])))
        assert v.reveal(conn, EVENT, grant([a]), reader="li")


def test_another_keyring_reads_nothing(tmp_path: Path) -> None:
    v, stranger = vault(tmp_path / "keys"), vault(tmp_path / "others")
    with sqlite().begin() as conn:
        v.open_event(conn, EVENT)
        ids = v.put_many(conn, EVENT, people(1), kind="case_report")
        stranger.open_event(conn, EVENT)
        with pytest.raises(Fault):
            stranger.reveal(conn, EVENT, grant(ids), reader="li")
        assert stranger.pseudonym(EVENT, "p", ids[0]) != v.pseudonym(EVENT, "p", ids[0])


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o660, 0o644, 0o666, 0o620, 0o601])
def test_wide_key_file_is_refused(tmp_path: Path, mode: int) -> None:
    folder = tmp_path / "keys"
    vault(folder)
    keys = signing.create_keys(folder / "cdc.json", "cdc")
    assert (folder.stat().st_mode & 0o777, (folder / "keyring.json").stat().st_mode & 0o777) == (0o700, 0o600)
    (folder / "keyring.json").chmod(mode)
    (folder / "cdc.json").chmod(mode)
    with pytest.raises(Refused):
        Keyring.open(folder)
    with pytest.raises(Refused):
        signing.load_keys(folder / "cdc.json")
    (folder / "keyring.json").chmod(0o600)
    (folder / "cdc.json").chmod(0o600)
    folder.chmod(0o700 | (mode & 0o077))
    with pytest.raises(Refused):
        Keyring.open(folder)
    with pytest.raises(Refused):
        signing.load_keys(folder / "cdc.json")
    folder.chmod(0o700)
    assert Keyring.open(folder).authority == "linjiang-cdc"
    assert signing.load_keys(folder / "cdc.json").public == keys.public


def test_key_file_that_is_a_link_or_missing_or_damaged(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    vault(folder)
    path = folder / "keyring.json"
    good = path.read_bytes()
    path.rename(tmp_path / "real.json")
    with pytest.raises(Fault):
        Keyring.open(folder)
    path.symlink_to(tmp_path / "real.json")
    with pytest.raises(Refused):
        Keyring.open(folder)
    path.unlink()
    for damage in (b"", b"{}", good[:-40], b"[1]", good.replace(b"keyring/2", b"keyring/9")):
        path.write_bytes(damage)
        path.chmod(0o600)
        with pytest.raises(Fault):
            Keyring.open(folder)


def test_changed_entry_of_the_keyring_is_refused(tmp_path: Path) -> None:
    v = vault(tmp_path / "keys")
    with sqlite().begin() as conn:
        v.open_event(conn, EVENT)
        v.open_event(conn, "other")
    path = tmp_path / "keys" / "keyring.json"
    text = path.read_text()
    path.write_text(
        text.replace('"other"', '"swap"').replace(f'"{EVENT}"', '"other"').replace('"swap"', f'"{EVENT}"')
    )
    with pytest.raises(Fault):
        Keyring.open(tmp_path / "keys")


def test_rolled_back_opening_and_put_leave_nothing(tmp_path: Path) -> None:
    v, engine = vault(tmp_path / "keys"), sqlite(tmp_path / "db.sqlite")
    with pytest.raises(RuntimeError), engine.begin() as conn:
        v.open_event(conn, EVENT)
        v.put_many(conn, EVENT, people(3), kind="case_report")
        raise RuntimeError
    with engine.begin() as conn:
        v.open_event(conn, EVENT)
        assert conn.execute(select(S)).all() == []
        assert len(v.put_many(conn, EVENT, people(3), kind="case_report")) == 3


def test_stop_between_key_and_rows_of_a_destruction(tmp_path: Path) -> None:
    v, engine = vault(tmp_path / "keys"), sqlite(tmp_path / "db.sqlite")
    with engine.begin() as conn:
        v.open_event(conn, EVENT)
        ids = v.put_many(conn, EVENT, people(3), kind="case_report")
    with pytest.raises(RuntimeError), engine.begin() as conn:
        v.destroy_event(conn, EVENT)
        raise RuntimeError  # the rows come back, the key does not
    again = Vault(Keyring.open(tmp_path / "keys"), v._clock)
    with engine.begin() as conn:
        assert len(conn.execute(select(S)).all()) == 3
        with pytest.raises(Refused):
            again.reveal(conn, EVENT, grant(ids), reader="li")
        assert again.destroy_event(conn, EVENT)["subjects"] == 3
        assert conn.execute(select(S)).all() == []


def test_stop_between_the_erasure_list_and_the_keyring(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    v, engine = vault(tmp_path / "keys"), sqlite(tmp_path / "db.sqlite")
    with engine.begin() as conn:
        v.open_event(conn, EVENT)
    monkeypatch.setattr(Keyring, "_write", lambda *_: (_ for _ in ()).throw(RuntimeError))
    with pytest.raises(RuntimeError), engine.begin() as conn:
        v.destroy_event(conn, EVENT)
    monkeypatch.undo()
    assert EVENT in (tmp_path / "keys" / "keyring.json").read_text()
    again = Vault(Keyring.open(tmp_path / "keys"), v._clock)
    with pytest.raises(Refused):
        again.pseudonym(EVENT, "p", "x")
    with engine.begin() as conn:
        again.destroy_event(conn, EVENT)
    assert f'"{EVENT}"' not in (tmp_path / "keys" / "keyring.json").read_text()


def test_no_torn_keyring_when_the_disk_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    v = vault(tmp_path / "keys")
    with sqlite().begin() as conn:
        v.open_event(conn, EVENT)
        before = (tmp_path / "keys" / "keyring.json").read_bytes()

        def full(_handle: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(OSError):
            v.open_event(conn, "other")
        monkeypatch.undo()
        assert (tmp_path / "keys" / "keyring.json").read_bytes() == before
        assert sorted(p.name for p in (tmp_path / "keys").iterdir()) == [".lock", "keyring.json"]
        v.open_event(conn, "other")


def test_what_a_killed_writer_left_is_removed(tmp_path: Path) -> None:
    v = vault(tmp_path / "keys")
    with sqlite().begin() as conn:
        v.open_event(conn, EVENT)
        stray = tmp_path / "keys" / ".keyring.json.4711.0123456789ab"
        stray.write_bytes((tmp_path / "keys" / "keyring.json").read_bytes())
        held = stray.open("rb")  # what an inode that is still open would show
        v.destroy_event(conn, EVENT)
        assert not stray.exists() and set(held.read()) == {0}
        held.close()
