"""The exchange between authorities: REQ-P-35, 36, 38 to 41, 52; letters go through real sockets with mutual TLS."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import exchangekit
import leaks
from exchangekit import OTHER, PERSON, VALUES, WORDS, carry, move, read, row, staff
from lianfang.foundation.errors import BadInput, Conflict, LianfangError, NotFound, Refused
from lianfang.guard import exchange as rules
from lianfang.records import (
    DecisionEntry,
    ExchangeDelivery,
    ExchangeMessage,
    ExchangePost,
    ExchangeReceipt,
)
from lianfang.services import integrity
from lianfang.services.exchange import cases, changes, channel, coordinating, ending, messages, outbox, peers
from lianfang.services.installation import SYSTEM, Installation
from lianfang.store import rows, tally

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
