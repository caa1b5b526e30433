"""Journey C, life to end: at the deadline the data go everywhere, and what was published still verifies."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

import journeykit
import leaks
from lianfang.cli import demo
from lianfang.foundation.clock import SetClock, day_bounds
from lianfang.foundation.errors import Conflict, LianfangError, NotFound, Refused
from lianfang.records import Contact, Event, RiskLock
from lianfang.services import accounts, bulletin, closing, events, integrity, tour, visits
from lianfang.services.installation import SYSTEM, Installation, open_installation
from lianfang.store import change, one, rows


@pytest.mark.parametrize("retention", [365, 14])
def test_an_event_lives_and_ends(played: Path, tmp_path: Path, retention: int) -> None:
    base = journeykit.stage(played, tmp_path / "base")
    people = journeykit.planted()
    values = journeykit.values(people)
    with demo.holder_process(base), open_installation(base / "centre") as inst:
        event_id = journeykit.event_of(inst)
        _retain(inst, event_id, retention)
        named, traced = journeykit.names_read(inst), len(journeykit.summary(inst)["contacts"])
        document, key = bulletin.document(inst, event_id, 1), bulletin.verifier_key(inst)
        _grants_expire(inst, event_id)
        backup = _backup(inst, tmp_path)
        _released_and_closed(inst, event_id)
        with pytest.raises(Conflict):
            closing.expire(inst, SYSTEM, event_id)
        until = events.get(inst, event_id)["retention_until"]
        inst.clock = SetClock(day_bounds(until, inst.settings.zone)[0])
        content = closing.expire(inst, SYSTEM, event_id)
        assert closing.expire(inst, SYSTEM, event_id) == content
        assert content["keys_destroyed"]["subjects"] > len(named)
        assert journeykit.HOLDER in content["holders"] and content["deleted_rows"]["contact"] == traced > len(
            named
        )
        assert bulletin.verify(document, key=key)["valid"] and bulletin.published(inst)
        assert bulletin.verify(bulletin.document(inst, event_id, 1), key=key)["valid"]
        assert integrity.check(inst)["valid"]
        left = journeykit.summary(inst)
        assert left["contacts"] == left["locks"] == left["visits"] == [] == left["answers"]
        assert not [kind for kind in left["subjects"] if kind.startswith("event")]
        for contact_id in named:
            with pytest.raises((NotFound, Refused)):
                visits.particulars(inst, accounts.person(inst, "li.she"), contact_id, terminal="t1")
    node = base / "city" / "holders" / journeykit.HOLDER / "node"
    texts = sorted({value for person in named.values() for value in person.values() if len(value) > 3})
    assert leaks.search(base / "centre", [*values, *texts]) == []
    assert leaks.search(node, [*values, *texts]) == []
    assert not [path for name in ("rejects", "refused") for path in (base / "centre" / name).rglob("*")]
    _the_backup_reveals_nothing(backup, base, event_id, [*values, *texts])


def _retain(inst: Installation, event_id: str, days: int) -> None:
    """Stands in for an event that was opened with this deadline."""
    with inst.store.begin() as connection:
        row = one(connection, Event, event_id=event_id)
        change(connection, Event, row["id"], retention_until=inst.today() + timedelta(days=days))


def _grants_expire(inst: Installation, event_id: str) -> None:
    """After the lock's last moment the worker who could read yesterday can no more."""
    before = inst.clock
    with inst.store.read() as connection:
        lock = rows(connection, RiskLock, event_id=event_id)[0]
        contact = rows(connection, Contact, lock_id=lock["lock_id"])[0]
    worker = accounts.person(inst, "li.she")
    assert visits.particulars(inst, worker, contact["contact_id"], terminal="t1")["name"]
    inst.clock = SetClock(lock["not_after"] + timedelta(seconds=1))
    with pytest.raises(Refused):
        visits.particulars(inst, worker, contact["contact_id"], terminal="t1")
    inst.clock = before


def _backup(inst: Installation, tmp_path: Path) -> Path:
    """The databases and the lake as a backup holds them: without the keys, which are kept apart."""
    with inst.store.read() as store, inst.vault_store.read() as vault:
        for connection in (store, vault):
            connection.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)")
    return Path(
        shutil.copytree(
            inst.home, tmp_path / "backup", ignore=shutil.ignore_patterns("keys", "rejects", "refused")
        )
    )


def _released_and_closed(inst: Installation, event_id: str) -> None:
    epi, manager = accounts.person(inst, "wang.yi"), accounts.person(inst, "zhou.zhuren")
    with pytest.raises(Conflict):
        closing.close(inst, manager, event_id, "太早")
    for row in tour._observed(inst, event_id):
        visits.release(inst, epi, row["contact_id"], reason="事件终止")
    closing.close(inst, manager, event_id, "28天无新发病例")


def _the_backup_reveals_nothing(backup: Path, base: Path, event_id: str, values: list[str]) -> None:
    """Restored beside the present keyring with its erasure list, nobody of the event can be read."""
    assert leaks.search(backup, values) == []
    shutil.copytree(base / "centre" / "keys", backup / "keys")
    shutil.copytree(base / "centre" / "vault" / "keys", backup / "vault" / "keys")
    with open_installation(backup) as inst:
        with inst.store.read() as connection:
            contacts = [row for row in rows(connection, Contact, event_id=event_id) if row["subject_id"]]
        assert contacts, "the backup was taken while they were named"
        for contact in contacts:
            with pytest.raises(LianfangError):
                visits.particulars(
                    inst, accounts.person(inst, "li.she"), contact["contact_id"], terminal="t1"
                )
        with inst.vault_store.begin() as vault:
            assert inst.vault.apply_erasures(vault) > len(contacts)
        assert not [kind for kind in journeykit.subjects(inst, {event_id}) if kind.startswith("event")]
