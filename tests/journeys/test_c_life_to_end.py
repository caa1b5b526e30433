"""Journey C, life to end: a neighbour is told, a person asks, the correction reaches both copies; then the data end.

At the deadline they go everywhere, the neighbour's copy too, and what was published still verifies.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

import exchangekit
import journeykit
import leaks
from lianfang.cli import demo
from lianfang.foundation.clock import SetClock, day_bounds
from lianfang.foundation.errors import Conflict, LianfangError, NotFound, Refused
from lianfang.records import Contact, Event, ExchangeCertificate, ExchangeMessage, RiskLock
from lianfang.services import accounts, bulletin, closing, events, integrity, tour, visits
from lianfang.services.exchange import cases, changes, channel, ending, messages, outbox
from lianfang.services.installation import SYSTEM, Installation, open_installation
from lianfang.store import change, one, rows
from ports import free_port


@pytest.mark.parametrize("retention", [365, 14])
def test_an_event_lives_and_ends(played: Path, tmp_path: Path, retention: int) -> None:
    base = journeykit.stage(played, tmp_path / "base")
    people = journeykit.planted()
    values = journeykit.values(people)
    with (base / "centre" / "lianfang.toml").open("a", encoding="utf-8") as settings:
        settings.write(f'exchange_url = "https://127.0.0.1:{free_port()}"\n')
        settings.write('exchange_pack = "cn-seed-2020"\n')
    with (
        demo.holder_process(base),
        open_installation(base / "centre") as inst,
        _neighbour(inst, tmp_path / "yuanshan") as far,
    ):
        event_id = journeykit.event_of(inst)
        _retain(inst, event_id, retention)
        message_id, told = _told_and_corrected(inst, far, event_id)
        named, traced = journeykit.names_read(inst), len(journeykit.summary(inst)["contacts"])
        document, key = bulletin.document(inst, event_id, 1), bulletin.verifier_key(inst)
        _grants_expire(inst, event_id)
        backup = _backup(inst, tmp_path)
        far_backup = _backup(far, tmp_path / "far")
        _released_and_closed(inst, event_id)
        with pytest.raises(Conflict):
            closing.expire(inst, SYSTEM, event_id)
        until = events.get(inst, event_id)["retention_until"]
        inst.clock = SetClock(day_bounds(until, inst.settings.zone)[0])
        assert isinstance(far.clock, SetClock)
        far.clock.at = inst.now()
        content = closing.expire(inst, SYSTEM, event_id)
        _the_neighbour_has_nothing(inst, far, message_id, told)
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
    texts = sorted({value for person in named.values() for value in person.values() if len(value) > 3} | told)
    assert leaks.search(base / "centre", [*values, *texts]) == []
    assert leaks.search(node, [*values, *texts]) == []
    assert leaks.search(far.home, [*values, *texts]) == leaks.search(far_backup, [*values, *texts]) == []
    assert not [path for name in ("rejects", "refused") for path in (base / "centre" / name).rglob("*")]
    _the_backup_reveals_nothing(backup, base, event_id, [*values, *texts])


@contextmanager
def _neighbour(inst: Installation, folder: Path) -> Iterator[Installation]:
    """Another authority, its exchange and ours listening for each other."""
    far = exchangekit.authority(folder, "yuanshan", at=inst.now(), exchange_pack="cn-seed-2020")
    try:
        exchangekit.acquaint(inst, far)
        with exchangekit.listening(inst, far):
            yield far
    finally:
        far.close()


def _told_and_corrected(inst: Installation, far: Installation, event_id: str) -> tuple[str, set[str]]:
    """A selective message about who was named, a person's request at the neighbour, a correction in both copies."""
    named = next(iter(journeykit.names_read(inst).values()))
    person = {"name": named["name"], "mobile": named["phone"]}
    epi, manager = accounts.person(inst, "wang.yi"), accounts.person(inst, "zhou.zhuren")
    alert = channel.alert(
        inst, epi, "密切接触者赴远山", "一名密切接触者已赴贵市。", concerned=["yuanshan"], event_id=event_id
    )
    message_id = messages.send(inst, epi, alert, [person])
    assert exchangekit.carry(inst, far) == {"delivered": 2, "waiting": 0, "refused": 0}
    reader, officer = (
        exchangekit.staff(far, "epidemiologist"),
        exchangekit.staff(far, "data_protection_officer"),
    )
    assert messages.read(far, reader, message_id)["persons"] == [person]
    right, asked = "15400009911", "本人电话应为15400009911"
    case_id = cases.subject_request(far, officer, message_id, "rectification", asked, identity_verified=True)
    exchangekit.carry(inst, far)
    assert cases.read(inst, accounts.person(inst, "chen.ren"), case_id)["text"] == asked
    corrected = [{**person, "mobile": right}]
    changes.correct(inst, manager, message_id, corrected, reason="inaccurate")
    assert cases.answer(inst, accounts.person(inst, "chen.ren"), case_id, "corrected") == "open"
    assert exchangekit.carry(inst, far)["delivered"] == 2
    assert cases.answer(far, officer, case_id, "corrected") == "closed"
    exchangekit.carry(inst, far)
    for one_of, who in ((inst, epi), (far, reader)):
        assert messages.read(one_of, who, message_id)["persons"] == corrected
        assert {case["state"] for case in cases.listing(one_of, who)} == {"closed"}
    told = {*person.values(), right, asked}
    return message_id, {value for value in told if len(value) > 3}  # two characters occur anywhere by chance


def _the_neighbour_has_nothing(
    inst: Installation, far: Installation, message_id: str, told: set[str]
) -> None:
    """The event took the message with it, by letter; at its own deadline the neighbour certifies that as well."""
    assert outbox.deliver(inst, SYSTEM, force=True)["delivered"] == 1
    with far.store.read() as connection:
        row = one(connection, ExchangeMessage, message_id=message_id)
    assert row["state"] == "erased" and row["sealed"] is None
    assert isinstance(far.clock, SetClock)
    far.clock.at = row["deadline"] + timedelta(seconds=1)
    assert [made["message_id"] for made in ending.purge(far, SYSTEM)] == [message_id]
    for side in (inst, far):
        with side.store.read() as connection:
            certificate = one(connection, ExchangeCertificate, message_id=message_id)
        assert certificate["content"]["keys_destroyed"]
    assert integrity.check(far)["valid"]
    assert leaks.search(far.home, sorted(told)) == []


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
        locked = rows(connection, Contact, lock_id=lock["lock_id"])
        contact = next(row for row in locked if row["status"] != "case")  # a case is followed no more
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
