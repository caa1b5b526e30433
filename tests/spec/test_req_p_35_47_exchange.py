"""The exchange between authorities, requirement by requirement: REQ-P-35, 36, 38 to 47, 51, 52.

Two competent authorities and the Commission, each an installation of its own; letters go through real sockets
with mutual TLS.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import exchangekit
import leaks
from exchangekit import OTHER, PERSON, RIGHT, WORDS, carry, staff
from lianfang.foundation.clock import SetClock
from lianfang.foundation.errors import BadInput, Conflict, LianfangError, NotFound, Refused
from lianfang.guard import exchange as rules
from lianfang.records import (
    DecisionEntry,
    ExchangeAct,
    ExchangeDelivery,
    ExchangeMessage,
    ExchangePost,
    ExchangeReceipt,
)
from lianfang.services import integrity
from lianfang.services.exchange import cases, changes, channel, coordinating, ending, messages, outbox, peers
from lianfang.services.installation import SYSTEM, Installation, open_installation
from lianfang.store import one, rows, tally

VALUES = sorted({*PERSON.values(), *OTHER.values(), *RIGHT.values(), WORDS} - {OTHER["seat"]})


@pytest.fixture
def three(tmp_path: Path) -> Iterator[dict[str, Installation]]:
    made = {
        "linjiang": exchangekit.authority(tmp_path / "linjiang", "linjiang"),
        "yuanshan": exchangekit.authority(tmp_path / "yuanshan", "yuanshan"),
        "haibin": exchangekit.authority(tmp_path / "haibin", "haibin"),
        "commission": exchangekit.authority(tmp_path / "commission", "commission", kind="eu_commission"),
    }
    exchangekit.acquaint(*made.values())
    with exchangekit.listening(*made.values()):
        yield made
    for inst in made.values():
        inst.close()


@pytest.fixture
def alert_id(three: dict[str, Installation]) -> str:
    """Concerns two of the three authorities; all have the alert."""
    a = three["linjiang"]
    made = channel.alert(
        a,
        staff(a, "epidemiologist"),
        "列车同乘者追踪",
        "临江市报告5例不明原因肺炎。",
        concerned=["yuanshan"],
    )
    assert carry(*three.values()) == {"delivered": 3, "waiting": 0, "refused": 0}
    return made


@pytest.fixture
def sent(three: dict[str, Installation], alert_id: str) -> str:
    a = three["linjiang"]
    made = messages.send(a, staff(a, "epidemiologist"), alert_id, [PERSON, OTHER], WORDS)
    assert carry(*three.values())["delivered"] == 1
    return made


def row(inst: Installation, message_id: str) -> dict[str, Any]:
    with inst.store.read() as connection:
        return one(connection, ExchangeMessage, message_id=message_id)


def read(inst: Installation, message_id: str) -> dict[str, Any]:
    return messages.read(inst, staff(inst, "epidemiologist"), message_id)


def move(three: dict[str, Installation], by: timedelta) -> None:
    for inst in three.values():
        assert isinstance(inst.clock, SetClock)
        inst.clock.move(by)


# REQ-P-35 -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "extra", [{"resident_id": "429901199001010011"}, {"age": "52"}, {"location": "x"}, {"employer": "x"}]
)
def test_req_p_35_a_field_beyond_the_tracing_minimum_is_refused_and_named(
    three: dict[str, Installation], alert_id: str, extra: dict[str, str]
) -> None:
    a = three["linjiang"]
    with pytest.raises(Refused) as refused:
        messages.send(a, staff(a, "epidemiologist"), alert_id, [{**PERSON, **extra}])
    assert next(iter(extra)) in str(refused.value) and "REQ-P-35" in refused.value.basis
    with a.store.read() as connection:
        assert tally(connection, ExchangeMessage) == 0
        assert tally(connection, ExchangeDelivery, kind="message") == 0


def test_req_p_35_also_inside_a_permitted_field_and_in_the_words(
    three: dict[str, Installation], alert_id: str
) -> None:
    a, who = three["linjiang"], staff(three["linjiang"], "epidemiologist")
    number = "110101199003070038"  # its check digit is right; the region is another's, the day invented
    hidden = f"某处，身份证{number}"
    for persons, words in ([[{**PERSON, "address": hidden}], ""], [[PERSON], hidden], [[PERSON], "患者52岁"]):
        with pytest.raises(Refused) as refused:
            messages.send(a, who, alert_id, persons, words)
        assert refused.value.code == "beyond_tracing" and number not in str(refused.value)
    with pytest.raises(Refused) as refused:  # a person's name in the place of a field's is not repeated
        messages.send(a, who, alert_id, [{PERSON["name"]: "x"}])
    assert PERSON["name"] not in str(refused.value)
    for persons in (
        [],
        [{}],
        [{"name": ""}],
        [{"name": 5}],
        [{"mobile": "call me"}],
        [{"confirm_date": "soon"}],
    ):
        with pytest.raises(BadInput):
            messages.send(a, who, alert_id, persons)
    assert leaks.search(a.home, [number]) == []


def test_req_p_35_the_minimum_is_the_packs() -> None:
    for pack in ("eu-1082", "eu-2371", "cn-seed-2020"):
        assert {"name", "mobile", "seat", "symptom"} <= rules.minimum(pack)
        assert not {"resident_id", "age", "location", "device_id"} & rules.minimum(pack)


# REQ-P-36 -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["community_worker", "laboratory", "auditor"])
def test_req_p_36_other_roles_neither_send_nor_read(
    three: dict[str, Installation], alert_id: str, sent: str, role: str
) -> None:
    a = three["linjiang"]
    who = staff(a, role)
    for act in (
        lambda: messages.read(a, who, sent),
        lambda: messages.send(a, who, alert_id, [PERSON]),
        lambda: changes.correct(a, who, sent, [PERSON], reason="inaccurate"),
        lambda: changes.delete(a, who, sent, reason="inaccurate"),
        lambda: changes.report_unlawful(a, who, sent, reason="x"),
        lambda: channel.post(a, who, "x", "y"),
        lambda: cases.subject_request(a, who, sent, "access", "", identity_verified=True),
        lambda: coordinating.coordinate(a, who, sent, peer="commission", justification="x", hours=1),
        lambda: peers.remove(a, who, "yuanshan"),
        lambda: ending.purge(a, who),
    ):
        with pytest.raises(Refused) as refused:
            act()
        assert refused.value.code == "role"


def test_req_p_36_an_authority_that_is_not_entered_is_not_heard(
    three: dict[str, Installation], tmp_path: Path
) -> None:
    a, b = three["linjiang"], three["yuanshan"]
    peers.remove(b, staff(b, "manager"), "linjiang")
    channel.post(a, staff(a, "manager"), "通报", "一切正常")
    counts = carry(*three.values())
    assert counts["refused"] == 1 and counts["delivered"] == 2
    with b.store.read() as connection:
        assert tally(connection, ExchangePost) == 0


# REQ-P-38, 39 ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        f"请联系{PERSON['name']}，电话{PERSON['mobile']}",
        "Please call Mr John Smith, +86 154 0000 7788",
        "住址：临江市虚构路8号3单元909室",
        "患者52岁",
        "列车G7421次07车12A座",
    ],
)
def test_req_p_38_a_general_message_with_personal_data_is_stored_nowhere(
    three: dict[str, Installation], text: str
) -> None:
    a = three["linjiang"]
    who = staff(a, "epidemiologist")
    for act in (
        lambda: channel.post(a, who, "协查", text),
        lambda: channel.post(a, who, text, "协查"),
        lambda: channel.alert(a, who, "协查", text, concerned=["yuanshan"]),
    ):
        with pytest.raises(Refused) as refused:
            act()
        assert refused.value.code == "general_channel" and refused.value.basis
        assert text not in str(refused.value) and PERSON["name"] not in str(refused.value)
    assert leaks.search(a.home, [text, PERSON["name"], PERSON["mobile"]]) == []
    with a.store.read() as connection:
        assert tally(connection, ExchangePost) == tally(connection, ExchangeDelivery) == 0
        denied = rows(connection, DecisionEntry, permit=False)
    assert len(denied) == 3 and all("general_channel_barred" in one["reasons"][0] for one in denied)


def test_req_p_38_a_clean_general_message_reaches_every_authority(three: dict[str, Installation]) -> None:
    a = three["linjiang"]
    post_id = channel.post(a, staff(a, "manager"), "口岸监测", "请加强口岸监测，对来自疫区的旅客测温。")
    assert carry(*three.values()) == {"delivered": 3, "waiting": 0, "refused": 0}
    for inst in three.values():
        board = channel.board(inst, staff(inst, "epidemiologist"))
        assert [one["post_id"] for one in board["posts"]] == [post_id]
        assert integrity.check(inst)["valid"]


def test_req_p_38_the_recipient_looks_too(three: dict[str, Installation], monkeypatch: Any) -> None:
    """A peer whose own check failed does not get a name into our store."""
    a, b = three["linjiang"], three["yuanshan"]
    with monkeypatch.context() as broken:
        broken.setattr(channel, "general", lambda *_, **__: None)
        channel.post(a, staff(a, "manager"), "协查", f"请联系{PERSON['name']}，电话{PERSON['mobile']}")
    assert carry(a)["refused"] == 3
    assert leaks.search(b.home, [PERSON["name"], PERSON["mobile"]]) == []


# REQ-P-40, 41 ---------------------------------------------------------------------------------------------


def test_req_p_40_only_authorities_concerned_by_the_alert_receive(
    three: dict[str, Installation], alert_id: str, sent: str
) -> None:
    a = three["linjiang"]
    who = staff(a, "epidemiologist")
    assert read(three["yuanshan"], sent) == {"persons": [PERSON, OTHER], "text": WORDS}
    for name in ("haibin", "commission"):
        with pytest.raises(NotFound):
            read(three[name], sent)
        with pytest.raises(Refused) as refused:
            messages.send(a, who, alert_id, [PERSON], to=["yuanshan", name])
        assert "REQ-P-40" in refused.value.basis or refused.value.reasons
        with pytest.raises(Refused):
            outsider = three[name]
            messages.send(outsider, staff(outsider, "epidemiologist"), alert_id, [PERSON])
        assert leaks.search(three[name].home, VALUES) == []
    with pytest.raises(Refused):
        channel.alert(a, who, "通报", "一切正常", concerned=["commission"])
    with pytest.raises(NotFound):
        messages.send(a, who, "a00", [PERSON])


def test_req_p_40_a_recipient_takes_nothing_that_is_not_for_it(
    three: dict[str, Installation], alert_id: str, monkeypatch: Any
) -> None:
    a, who = three["linjiang"], staff(three["linjiang"], "epidemiologist")
    with monkeypatch.context() as broken:
        broken.setattr(rules, "choose", lambda *_: ["haibin"], raising=False)
        messages.send(a, who, alert_id, [PERSON])
    assert carry(a)["refused"] == 1
    assert leaks.search(three["haibin"].home, VALUES) == []


def test_req_p_41_access_for_coordination_is_justified_recorded_and_ends(
    three: dict[str, Installation], sent: str
) -> None:
    a, c = three["linjiang"], three["commission"]
    manager = staff(a, "manager")
    for wrong in (
        {"peer": "commission", "justification": " ", "hours": 2},
        {"peer": "commission", "justification": "跨境列车涉及三地", "hours": 0},
        {"peer": "commission", "justification": "跨境列车涉及三地", "hours": 73},
        {"peer": "haibin", "justification": "跨境列车涉及三地", "hours": 2},
        {"peer": "commission", "justification": f"因{PERSON['mobile']}", "hours": 2},
    ):
        with pytest.raises(LianfangError):
            coordinating.coordinate(a, manager, sent, **wrong)  # type: ignore[arg-type]
    grant = coordinating.coordinate(
        a, manager, sent, peer="commission", justification="跨境列车涉及三地", hours=2
    )
    carry(a)
    who = staff(c, "epidemiologist")
    assert coordinating.look(c, who, grant) == {"persons": [PERSON, OTHER], "text": WORDS}
    with a.store.read() as connection:
        seen = rows(connection, DecisionEntry, actor="eu_commission", permit=True)
    assert len(seen) == 1 and "log_justification" in seen[0]["obligations"]
    assert seen[0]["account"] == "commission/wang.yi"
    assert leaks.search(c.home, VALUES) == []  # shown, not kept
    with pytest.raises(NotFound):
        coordinating.look(c, who, "g00")
    with pytest.raises(Refused):
        coordinating.look(a, staff(a, "epidemiologist"), grant)
    move(three, timedelta(hours=2))
    with pytest.raises(Refused) as refused:
        coordinating.look(c, who, grant)
    assert refused.value.code == "not_granted"


# REQ-P-42 -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", ["inaccurate", "outdated", "unnecessary", "unlawful"])
def test_req_p_42_a_correction_reaches_both_copies_and_the_old_words_are_gone(
    three: dict[str, Installation], sent: str, reason: str
) -> None:
    a, b = three["linjiang"], three["yuanshan"]
    taking = reason in ("unnecessary", "unlawful")
    new = [{"name": PERSON["name"]}] if taking else [RIGHT, OTHER]
    old = [row(inst, sent)["key"] for inst in (a, b)]
    backup = shutil.copytree(b.home, b.home.parent / "backup")
    assert changes.correct(a, staff(a, "manager"), sent, new, reason=reason) == 2
    assert read(b, sent)["persons"] == [PERSON, OTHER]  # not yet there
    assert carry(*three.values())["delivered"] == 1
    for inst, key in zip((a, b), old, strict=True):
        assert read(inst, sent) == {"persons": new, "text": ""}
        with pytest.raises(Refused):
            inst.vault.match_key(key, "x")
    shutil.copy(b.home / "vault" / "keys" / "erased.txt", backup / "vault" / "keys")
    with open_installation(backup, clock=b.clock) as restored, pytest.raises(Refused):
        read(restored, sent)
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
    channel.alert(a, staff(a, "manager"), "通报", "一切正常", concerned=["yuanshan"])
    assert channel.register(a, staff(a, "manager"))[-1]["processor"] == "ecdc"
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


# REQ-P-51, 52 and the edges of the letters ----------------------------------------------------------------


def test_req_p_52_what_waits_and_what_travels_opens_for_its_recipient_only(
    three: dict[str, Installation], alert_id: str
) -> None:
    from lianfang.guard.exchange.shapes import Letter

    a, b, c = three["linjiang"], three["yuanshan"], three["haibin"]
    made = messages.send(a, staff(a, "manager"), alert_id, [PERSON])
    assert leaks.search(a.home, VALUES) == []  # it waits sealed
    letter = Letter.model_validate(
        {
            "letter_id": "l1",
            "kind": "post",
            "sender": "linjiang",
            "recipient": "yuanshan",
            "at": a.now(),
            "body": {"name": PERSON["name"]},
        }
    )
    raw = rules.sealed(a.signer, b.signer.public, letter, "letter")
    assert PERSON["name"].encode() not in raw
    assert rules.opened(b.signer, a.signer.public, raw, Letter, "letter") == letter
    document = json.loads(raw)
    for keys, sender, changed, use in (
        (c.signer, a.signer.public, raw, "letter"),
        (b.signer, c.signer.public, raw, "letter"),
        (b.signer, a.signer.public, raw, "look"),
        (
            b.signer,
            a.signer.public,
            json.dumps({**document, "sealed": document["sealed"][:-8] + "AAAAAAA="}),
            "letter",
        ),
        (c.signer, a.signer.public, json.dumps({**document, "recipient": "haibin"}), "letter"),
    ):
        with pytest.raises((Refused, BadInput)):
            rules.opened(keys, sender, changed.encode() if isinstance(changed, str) else changed, Letter, use)
    assert row(a, made)["state"] == "held"


def test_a_letter_is_taken_once_and_only_from_the_one_who_shows_its_certificate(
    three: dict[str, Installation],
) -> None:
    from lianfang.guard.exchange.shapes import Letter, plain
    from lianfang.services.exchange.receiving import receive

    a, b, c = three["linjiang"], three["yuanshan"], three["haibin"]
    marks = {row["authority"]: row["fingerprint"] for row in peers.listing(b)}

    def letter(sender: Installation, **body: Any) -> bytes:
        values = {"post_id": "p1", "author": sender.signer.name, "title": "通报", "text": "一切正常"}
        note = {
            "letter_id": "l1",
            "kind": "post",
            "sender": sender.signer.name,
            "recipient": "yuanshan",
            "at": b.now(),
            "body": {**values, "posted_at": b.now().isoformat(), **body},
        }
        made = Letter.model_validate(note)
        assert plain(made)
        return rules.sealed(sender.signer, b.signer.public, made, "letter")

    raw = letter(a)
    with pytest.raises(Refused):
        receive(b, raw, marks["haibin"])  # another's connection
    with pytest.raises(Refused):
        receive(b, raw, "0" * 64)
    first = receive(b, raw, marks["linjiang"])
    assert receive(b, letter(a), marks["linjiang"]) == first  # sealed anew, the same letter
    with pytest.raises(Conflict):
        receive(b, letter(a, text="另一封"), marks["linjiang"])
    with pytest.raises(Conflict):
        receive(b, letter(c), marks["haibin"])
    with pytest.raises((Refused, BadInput)):
        receive(b, letter(a, letter="x"), marks["linjiang"])
    with b.store.read() as connection:
        assert tally(connection, ExchangePost) == 1


@pytest.mark.parametrize("answer", [b"", b"[]", b"{}", b"\xff", b'{"sender": 5}', b"[" * 30_000])
def test_hostile_bytes_are_refused_in_words(three: dict[str, Installation], answer: bytes) -> None:
    from lianfang.services.exchange.receiving import receive

    b = three["yuanshan"]
    mark = peers.listing(b)[0]["fingerprint"]
    with pytest.raises((BadInput, Refused)):
        receive(b, answer, mark)


def test_an_identity_is_compared_and_never_swapped_silently(
    three: dict[str, Installation], tmp_path: Path
) -> None:
    a = three["linjiang"]
    manager = staff(a, "manager")
    false = exchangekit.authority(tmp_path / "false", "yuanshan")
    document = peers.identity(false)
    with pytest.raises(Conflict):
        peers.add(a, manager, document)
    with pytest.raises(Refused):
        peers.add(
            a, manager, document, expected=peers.fingerprint(peers.identity(three["yuanshan"])), replace=True
        )
    for wrong in (
        {"url": "http://127.0.0.1:1"},
        {"certificate": "x"},
        {"kind": "cdc"},
        {"authority": "other"},
        {"extra": 1},
        peers.identity(a),
    ):
        with pytest.raises(BadInput):
            peers.add(a, manager, {**document, **wrong}, replace=True)
    false.close()


def test_letters_keep_their_order_and_wait_longer_each_time(
    three: dict[str, Installation], alert_id: str, tmp_path: Path
) -> None:
    a = three["linjiang"]
    gone = exchangekit.authority(tmp_path / "gone", "gone")
    peers.add(a, staff(a, "manager"), peers.identity(gone))
    for at in range(3):
        channel.post(a, staff(a, "manager"), f"通报{at}", "一切正常")
    assert outbox.deliver(a, SYSTEM) == {"delivered": 9, "waiting": 3, "refused": 0}
    first = outbox.waiting(a)
    assert [one["attempts"] for one in first] == [1, 0, 0] and "peer_unreachable" in first[0]["error"]
    waits = []
    for _ in range(9):
        a.clock.at = outbox.waiting(a)[0]["next_at"]  # type: ignore[attr-defined]
        before = a.now()
        outbox.deliver(a, SYSTEM)
        waits.append((outbox.waiting(a)[0]["next_at"] - before).total_seconds())
    assert waits == [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]
    peers.add(gone, staff(gone, "manager"), peers.identity(a))
    with exchangekit.listening(gone):
        assert carry(a)["delivered"] == 3
    with gone.store.read() as connection:
        taken = rows(connection, ExchangeReceipt, order_by=["log_index"])
        titles = {one["post_id"]: one["title"] for one in rows(connection, ExchangePost)}
    assert [titles[one["ref"]] for one in taken] == ["通报0", "通报1", "通报2"]
    gone.close()
