"""The exchange between authorities: REQ-P-42 to 47; letters go through real sockets with mutual TLS."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import exchangekit
import leaks
from exchangekit import OTHER, PERSON, RIGHT, VALUES, WORDS, carry, read, row, staff
from lianfang.foundation.clock import SetClock
from lianfang.foundation.errors import BadInput, Conflict, LianfangError, Refused
from lianfang.guard import exchange as rules
from lianfang.records import (
    ExchangeAct,
)
from lianfang.services import integrity
from lianfang.services.exchange import cases, changes, channel, ending, messages, outbox, peers
from lianfang.services.exchange.common import unseal
from lianfang.services.installation import SYSTEM, Installation, open_installation
from lianfang.store import rows

# REQ-P-42 -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", ["inaccurate", "outdated", "unnecessary", "unlawful"])
def test_req_p_42_a_correction_reaches_both_copies_and_the_old_words_are_gone(
    three: dict[str, Installation], sent: str, reason: str
) -> None:
    a, b = three["linjiang"], three["yuanshan"]
    taking = reason in ("unnecessary", "unlawful")
    new = [{"name": PERSON["name"]}] if taking else [RIGHT, OTHER]
    kept = row(b, sent)  # as a backup of b keeps it: the sealed words under their key
    old = [row(a, sent)["key"], kept["key"]]
    backup = shutil.copytree(b.home, b.home.parent / "backup")
    assert changes.correct(a, staff(a, "manager"), sent, new, reason=reason) == 2
    assert read(b, sent)["persons"] == [PERSON, OTHER]  # not yet there
    assert carry(*three.values())["delivered"] == 1
    for inst, key in zip((a, b), old, strict=True):
        assert read(inst, sent) == {"persons": new, "text": ""}
        with pytest.raises(Refused):
            inst.vault.match_key(key, "x")
    sealed = kept["key"], kept["message_id"], str(kept["sealed"])
    with open_installation(backup, clock=b.clock) as restored:
        assert PERSON["name"].encode() in unseal(restored, *sealed)
    shutil.copy(b.home / "vault" / "keys" / "erased.txt", backup / "vault" / "keys")
    with open_installation(backup, clock=b.clock) as restored, pytest.raises(Refused):
        unseal(restored, *sealed)
    acts = [(one["act"], one["authority"]) for one in messages.show(b, staff(b, "manager"), sent)["acts"]]
    assert acts == [("received", "linjiang"), ("corrected", "linjiang")]


def test_req_p_42_nothing_is_added_in_the_name_of_taking_away(
    three: dict[str, Installation], sent: str
) -> None:
    a = three["linjiang"]
    for new in ([{**PERSON, "symptom": "发热"}], [PERSON, OTHER, RIGHT]):
        with pytest.raises(BadInput):
            changes.correct(a, staff(a, "manager"), sent, new, reason="unnecessary")
    with pytest.raises(BadInput):
        changes.correct(a, staff(a, "manager"), sent, [RIGHT], reason="because")


@pytest.mark.parametrize("reason", ["inaccurate", "outdated", "unnecessary", "unlawful"])
def test_req_p_42_a_deletion_reaches_both_copies(
    three: dict[str, Installation], sent: str, reason: str
) -> None:
    a, b = three["linjiang"], three["yuanshan"]
    with pytest.raises(Refused) as refused:
        changes.delete(b, staff(b, "manager"), sent, reason=reason)
    assert refused.value.code == "not_author"
    changes.delete(a, staff(a, "manager"), sent, reason=reason)
    assert carry(*three.values())["delivered"] == 1
    for inst in (a, b):
        with pytest.raises(Conflict):
            read(inst, sent)
        assert row(inst, sent)["sealed"] is None
        assert leaks.search(inst.home, VALUES) == []
    with pytest.raises(Conflict):
        changes.delete(a, staff(a, "manager"), sent, reason=reason)


def test_req_p_42_what_never_left_is_overtaken_by_its_correction_or_erasure(
    three: dict[str, Installation], alert_id: str
) -> None:
    a, b = three["linjiang"], three["yuanshan"]
    who = staff(a, "manager")
    corrected = messages.send(a, who, alert_id, [PERSON])
    erased = messages.send(a, who, alert_id, [OTHER])
    changes.correct(a, who, corrected, [RIGHT], reason="inaccurate")
    changes.delete(a, who, erased, reason="inaccurate")
    assert carry(a) == {"delivered": 2, "waiting": 0, "refused": 0}
    assert read(b, corrected)["persons"] == [RIGHT]
    with pytest.raises(Conflict):
        read(b, erased)


# REQ-P-43 -------------------------------------------------------------------------------------------------


def test_req_p_43_a_request_is_a_case_for_all_concerned_and_closes_with_the_last_answer(
    three: dict[str, Installation], sent: str
) -> None:
    a, b = three["linjiang"], three["yuanshan"]
    officer = staff(b, "data_protection_officer")
    asked = "本人电话应为15400009911"
    with pytest.raises(Refused):
        cases.subject_request(b, officer, sent, "rectification", asked)
    case_id = cases.subject_request(b, officer, sent, "rectification", asked, identity_verified=True)
    carry(b)
    other = staff(a, "data_protection_officer")
    (seen,) = cases.listing(a, other)
    assert (seen["case_id"], seen["opened_by"], seen["state"]) == (case_id, "yuanshan", "open")
    assert seen["missing"] == ["linjiang", "yuanshan"]
    assert cases.read(a, other, case_id)["text"] == asked
    assert leaks.search(a.home, [asked, "15400009911"]) == leaks.search(b.home, [asked]) == []
    assert cases.answer(b, officer, case_id, "corrected", "已转请更正") == "open"
    carry(b)
    assert cases.listing(a, other)[0]["missing"] == ["linjiang"]
    changes.correct(a, staff(a, "manager"), sent, [RIGHT, OTHER], WORDS, reason="inaccurate")
    assert cases.answer(a, other, case_id, "corrected") == "closed"
    carry(a)
    for inst, who in ((a, other), (b, officer)):
        (closed,) = cases.listing(inst, who)
        assert closed["state"] == "closed" and closed["missing"] == [] and closed["closed_at"]
        assert read(inst, sent)["persons"] == [RIGHT, OTHER]
        said = {one["authority"]: one["text"] for one in cases.read(inst, who, case_id)["answers"]}
        assert said == {"yuanshan": "已转请更正", "linjiang": ""}
    with pytest.raises(Conflict):
        cases.answer(a, other, case_id, "corrected")
    with pytest.raises(BadInput):
        cases.answer(a, other, case_id, "refused")


def test_req_p_43_an_unanswered_case_is_late_after_a_month(
    three: dict[str, Installation], tmp_path: Path
) -> None:
    a = exchangekit.authority(tmp_path / "a", "a-cdc", exchange_pack="cn-seed-2020")
    b = exchangekit.authority(tmp_path / "b", "b-cdc", exchange_pack="cn-seed-2020")
    exchangekit.acquaint(a, b)
    alert = channel.alert(a, staff(a, "manager"), "通报", "一切正常", concerned=["b-cdc"])
    made = messages.send(a, staff(a, "manager"), alert, [PERSON])
    officer = staff(a, "data_protection_officer")
    cases.subject_request(a, officer, made, "access", "", identity_verified=True)
    assert not cases.listing(a, officer)[0]["late"]
    a.clock.move(timedelta(days=30, seconds=1))  # type: ignore[attr-defined]
    assert cases.listing(a, officer)[0]["late"]
    a.close(), b.close()


# REQ-P-44 -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pack", "days", "start"),
    [
        ("eu-2371", 14, datetime(2026, 1, 29, 1, tzinfo=UTC)),
        ("eu-1082", 365, datetime(2020, 1, 29, 1, tzinfo=UTC)),
        ("cn-seed-2020", 365, datetime(2026, 1, 29, 1, tzinfo=UTC)),
    ],
)
def test_req_p_44_at_the_deadline_the_content_is_nowhere_and_the_certificate_stays(
    tmp_path: Path, pack: str, days: int, start: datetime
) -> None:
    a, b = (
        exchangekit.authority(tmp_path / name, name, at=start, exchange_pack=pack)
        for name in ("a-cdc", "b-cdc")
    )
    exchangekit.acquaint(a, b)
    with exchangekit.listening(a, b):
        alert = channel.alert(a, staff(a, "manager"), "通报", "一切正常", concerned=["b-cdc"])
        made = messages.send(a, staff(a, "manager"), alert, [PERSON, OTHER], WORDS)
        carry(a, b)
        officer = staff(b, "data_protection_officer")
        case_id = cases.subject_request(b, officer, made, "access", WORDS, identity_verified=True)
        carry(a, b)
        held = row(b, made)
        people = {
            i.signer.name: (staff(i, "epidemiologist"), staff(i, "manager"), staff(i, "auditor"))
            for i in (a, b)
        }
        assert held["deadline"] == start + timedelta(days=days)
        backup = Path(shutil.copytree(b.home, tmp_path / "backup"))
        for inst in (a, b):
            reader, manager, auditor = people[inst.signer.name]
            inst.clock.at = held["deadline"] - timedelta(seconds=1)  # type: ignore[attr-defined]
            assert ending.purge(inst, SYSTEM) == [] and messages.read(inst, reader, made)["text"] == WORDS
            inst.clock.at = held["deadline"] + timedelta(seconds=1)  # type: ignore[attr-defined]
            with pytest.raises(Refused):  # unreadable at once, whoever purges when
                messages.read(inst, reader, made)
            if inst is b:
                outbox.wake(inst)  # as the server does by itself
                from lianfang.services import jobs

                assert [jobs.execute(inst, job) for job in jobs.waiting(inst)] == ["done"]
            else:
                assert len(ending.purge(inst, SYSTEM)) == 1
            with pytest.raises(Conflict):
                messages.read(inst, reader, made)
            with pytest.raises(Conflict):
                cases.read(inst, manager, case_id)
            assert leaks.search(inst.home, VALUES) == []
            (certificate,) = ending.certificates(inst, auditor)
            assert certificate["content"]["message_id"] == made
            assert len(certificate["content"]["keys_destroyed"]) == 2  # the message's and its request's
            signed = json.loads(certificate["signature"])
            from lianfang.guard.signing import verify

            assert verify(inst.signer.public, signed) == certificate["content"]
            assert integrity.check(inst)["valid"]
            assert ending.purge(inst, SYSTEM) == []
    # the backup, restored beside the keyring of today, and even with its keys of then
    shutil.copytree(b.home / "vault" / "keys", backup / "vault" / "keys", dirs_exist_ok=True)
    with open_installation(backup, clock=SetClock(start)) as restored, pytest.raises(LianfangError):
        read(restored, made)
    assert leaks.search(backup, VALUES) == []
    a.close(), b.close()


def test_req_p_44_the_shorter_of_two_terms_holds(tmp_path: Path) -> None:
    a = exchangekit.authority(tmp_path / "a", "a-cdc", exchange_pack="cn-seed-2020")
    b = exchangekit.authority(tmp_path / "b", "b-cdc", exchange_pack="eu-2371")
    exchangekit.acquaint(a, b)
    with exchangekit.listening(a, b):
        alert = channel.alert(a, staff(a, "manager"), "通报", "一切正常", concerned=["b-cdc"])
        made = messages.send(a, staff(a, "manager"), alert, [PERSON])
        carry(a)
    assert row(a, made)["deadline"] - row(b, made)["deadline"] == timedelta(days=351)
    b.clock.move(timedelta(days=14))  # type: ignore[attr-defined]
    assert len(ending.purge(b, SYSTEM)) == 1
    a.close(), b.close()


# REQ-P-45, 46 ---------------------------------------------------------------------------------------------


def test_req_p_45_every_data_set_has_controller_joint_controllers_and_processor(
    three: dict[str, Installation], sent: str, tmp_path: Path
) -> None:
    for inst in three.values():
        register = channel.register(inst, staff(inst, "data_protection_officer"))
        assert len(register) == 2
        for one_set in register:
            assert one_set["controller"] and one_set["joint_controllers"] and one_set["processor"]
    shared = channel.register(three["yuanshan"], staff(three["yuanshan"], "auditor"))[1]
    assert (shared["controller"], shared["joint_controllers"]) == ("linjiang", ["commission", "yuanshan"])
    ecdc = exchangekit.authority(tmp_path / "ecdc", "ecdc", kind="ecdc")
    a = three["linjiang"]
    peers.add(a, staff(a, "manager"), peers.identity(ecdc))
    made = channel.alert(a, staff(a, "manager"), "通报", "一切正常", concerned=["yuanshan"])
    (entered,) = [one for one in channel.register(a, staff(a, "manager")) if one["data_set"] == made]
    assert entered["processor"] == "ecdc"
    ecdc.close()


def test_req_p_46_each_duty_has_an_owner_and_an_act_that_discharges_it() -> None:
    import importlib
    from dataclasses import replace

    assert rules.unowned() == []
    for duty in rules.DUTIES:
        module, _, function = duty.by.partition(":")
        assert callable(getattr(importlib.import_module(module), function)), duty.duty
    assert {one.owner for one in rules.DUTIES} == {"author", "authority", "commission", "processor"}
    assert rules.unowned([replace(rules.DUTIES[0], owner="")]) == ["inform"]  # the lint can fail


# REQ-P-47 -------------------------------------------------------------------------------------------------


def test_req_p_47_a_report_of_unlawful_processing_blocks_and_tells_all_in_one_transaction(
    three: dict[str, Installation], sent: str, monkeypatch: Any
) -> None:
    a, b = three["linjiang"], three["yuanshan"]
    who = staff(b, "data_protection_officer")
    with monkeypatch.context() as broken:  # nothing of it, or all of it
        broken.setattr(changes, "record", _fails)
        with pytest.raises(RuntimeError):
            changes.report_unlawful(b, who, sent, reason="非追踪所必需")
    assert row(b, sent)["state"] == "held" and outbox.waiting(b) == []
    with pytest.raises(Refused):
        changes.report_unlawful(b, who, sent, reason=f"{PERSON['mobile']}非追踪所必需")
    changes.report_unlawful(b, who, sent, reason="非追踪所必需")
    with pytest.raises(Conflict):
        read(b, sent)
    carry(b)
    with pytest.raises(Conflict) as blocked:
        read(a, sent)
    assert "unlawful" in str(blocked.value)
    with a.store.read() as connection:
        (act,) = rows(connection, ExchangeAct, message_id=sent, act="unlawful")
    assert (act["authority"], act["reason"]) == ("yuanshan", "非追踪所必需")
    changes.correct(a, staff(a, "manager"), sent, [{"name": PERSON["name"]}], reason="unlawful")
    carry(a)
    assert read(b, sent)["persons"] == [{"name": PERSON["name"]}]  # the correction lifts the block


def _fails(*_: Any, **__: Any) -> int:
    raise RuntimeError
