"""REQ-P-40, 44: an alert's circle is widened by an act; a removed authority's letters end; sealed stays sealed."""

from __future__ import annotations

import base64
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from exchangekit import OTHER, PERSON, VALUES, carry, move, read, row, staff
from lianfang.api.app import create_app
from lianfang.api.security import COOKIE, form_token
from lianfang.foundation.errors import BadInput, LianfangError, NotFound, Refused
from lianfang.guard import ledger
from lianfang.records import ExchangeAlert, ExchangeAlertAct, ExchangeDelivery
from lianfang.services import accounts, backup, integrity
from lianfang.services.exchange import changes, channel, ending, messages, outbox, peers, widening
from lianfang.services.installation import SYSTEM, Installation, open_installation
from lianfang.store import rows

REASON = "另一名乘客在海滨市下车"


def _concerned(inst: Installation, alert_id: str) -> list[str]:
    with inst.store.read() as connection:
        return list(rows(connection, ExchangeAlert, alert_id=alert_id)[0]["concerned"])


def _letters(inst: Installation, **equal: Any) -> list[dict[str, Any]]:
    with inst.store.read() as connection:
        return rows(connection, ExchangeDelivery, **equal)


def test_req_p_40_a_wider_circle_is_an_act_with_a_reason_that_all_are_told_of(
    three: dict[str, Installation], alert_id: str, sent: str
) -> None:
    a, b, c = three["linjiang"], three["yuanshan"], three["haibin"]
    who = staff(a, "epidemiologist")
    with pytest.raises(Refused):
        messages.send(a, who, alert_id, [PERSON], to=["haibin"])
    assert widening.widen(a, who, alert_id, ["haibin"], reason=REASON) == ["haibin", "linjiang", "yuanshan"]
    assert carry(*three.values()) == {"delivered": 3, "waiting": 0, "refused": 0}
    for inst in three.values():
        assert _concerned(inst, alert_id) == ["haibin", "linjiang", "yuanshan"]
        (act,) = widening.acts(inst, staff(inst, "manager"), alert_id)
        assert (act["authority"], act["added"], act["reason"]) == ("linjiang", ["haibin"], REASON)
        (entry,) = [
            one for one in channel.register(inst, staff(inst, "manager")) if one["data_set"] == alert_id
        ]
        assert "haibin" in entry["joint_controllers"]
    (own,) = widening.acts(a, staff(a, "manager"), alert_id)
    assert own["by"] == who.account
    with a.store.read() as connection:
        (entry,) = ledger.entries(connection, type="exchange_alert_widened")
    assert entry.actor == who.account and entry.ref == alert_id
    # what was sent before is not theirs; what comes after is
    with pytest.raises(NotFound):
        read(c, sent)
    later = messages.send(a, who, alert_id, [OTHER])
    carry(*three.values())
    assert read(c, later)["persons"] == [OTHER] and read(b, later)["persons"] == [OTHER]


def test_req_p_40_the_circle_is_never_widened_silently_or_by_another(
    three: dict[str, Installation], alert_id: str
) -> None:
    a, b = three["linjiang"], three["yuanshan"]
    who = staff(a, "manager")
    for reason, error in (("", BadInput), ("x" * 201, BadInput), (f"请见{PERSON['mobile']}", Refused)):
        with pytest.raises(error):
            widening.widen(a, who, alert_id, ["haibin"], reason=reason)
    with pytest.raises(Refused):
        widening.widen(b, staff(b, "manager"), alert_id, ["haibin"], reason=REASON)
    with pytest.raises(Refused):
        widening.widen(a, who, alert_id, ["commission"], reason=REASON)
    for nobody in ([], ["yuanshan"], ["linjiang"]):
        with pytest.raises(BadInput):
            widening.widen(a, who, alert_id, nobody, reason=REASON)
    with pytest.raises(NotFound):
        widening.widen(a, who, alert_id, ["nowhere"], reason=REASON)
    with pytest.raises(NotFound):
        widening.widen(a, who, "a0", ["haibin"], reason=REASON)
    for role in ("community_worker", "data_protection_officer", "auditor"):
        with pytest.raises(Refused):
            widening.widen(a, staff(a, role), alert_id, ["haibin"], reason=REASON)
    assert _concerned(a, alert_id) == ["linjiang", "yuanshan"]
    with a.store.read() as connection:
        assert rows(connection, ExchangeAlertAct) == []


def test_an_authority_entered_after_the_alert_hears_of_it_by_the_widening(
    three: dict[str, Installation],
) -> None:
    a, c = three["linjiang"], three["haibin"]
    identity = peers.identity(c)
    peers.remove(a, staff(a, "manager"), "haibin")
    made = channel.alert(a, staff(a, "manager"), "列车同乘者追踪", "一切正常", concerned=["yuanshan"])
    carry(*three.values())
    with c.store.read() as connection:
        assert rows(connection, ExchangeAlert) == []
    peers.add(a, staff(a, "manager"), identity, expected=peers.fingerprint(identity), replace=True)
    widening.widen(a, staff(a, "manager"), made, ["haibin"], reason=REASON)
    carry(*three.values())
    assert _concerned(c, made) == ["haibin", "linjiang", "yuanshan"]


def test_letters_to_a_removed_authority_stop_waiting_and_are_told_as_undeliverable(
    three: dict[str, Installation], alert_id: str, sent: str
) -> None:
    a, b = three["linjiang"], three["yuanshan"]
    manager = staff(a, "manager")
    changes.correct(a, manager, sent, [OTHER], reason="inaccurate")
    assert peers.remove(a, manager, "yuanshan") == 1
    (letter,) = _letters(a, recipient="yuanshan", state="undeliverable")
    assert (letter["kind"], letter["body"]) == ("correction", None) and "removed" in letter["error"]
    assert outbox.waiting(a) == [] and outbox.deliver(a, SYSTEM, force=True)["waiting"] == 0
    # what comes later is told at once, here and where a person looks
    changes.delete(a, manager, sent, reason="unlawful")
    told = outbox.undeliverable(a, manager)
    assert [one["kind"] for one in told] == ["erasure", "correction"] and "body" not in told[0]
    states = [one["state"] for one in messages.show(a, manager, sent)["letters"]]
    assert states.count("undeliverable") == 2
    with a.store.read() as connection:
        (entry,) = ledger.entries(connection, type="exchange_peer_removed")
    assert entry.payload == {"undeliverable": [{"about": sent, "kind": "correction"}]}
    with pytest.raises(Refused):
        outbox.undeliverable(a, staff(a, "community_worker"))
    # purge and certificate stay right on both sides: each ends its copy by its own clock
    move(three, timedelta(days=20))  # past the pack's 14 days
    assert [one["message_id"] for one in ending.purge(a, manager)] == [sent]
    assert [one["message_id"] for one in ending.purge(b, staff(b, "manager"))] == [sent]
    for inst in (a, b):
        assert row(inst, sent)["state"] == "purged" and integrity.check(inst)["valid"]


def test_a_removal_in_the_middle_of_a_delivery_counts_what_arrived(
    three: dict[str, Installation], alert_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    a = three["linjiang"]
    messages.send(a, staff(a, "epidemiologist"), alert_id, [PERSON])
    whole = outbox.call

    def then_removed(*given: Any, **named: Any) -> dict[str, Any]:
        answer = whole(*given, **named)
        peers.remove(a, staff(a, "manager"), "yuanshan")
        return answer

    monkeypatch.setattr(outbox, "call", then_removed)
    assert outbox.deliver(a, SYSTEM)["delivered"] == 1
    (letter,) = _letters(a, kind="message")
    assert letter["state"] == "delivered"


# sealed in the operational database, under a key of the vault


def test_req_p_44_after_the_purge_no_sealed_byte_opens_and_a_backup_opens_none_either(
    three: dict[str, Installation], sent: str, tmp_path: Path
) -> None:
    a = three["linjiang"]
    held = row(a, sent)
    sealed = str(held["sealed"])
    on_sqlite = not a.settings.database_url
    if on_sqlite:  # it does stand there before: the search can find it
        assert sealed.encode() in _bytes(a.home)
    secret = tmp_path / "secrets" / "backup.key"
    recipient = backup.new_identity(secret)
    administrator = _administrator(a)
    (tmp_path / "backups").mkdir()
    made = backup.create(a, administrator, tmp_path / "backups", to=[recipient])
    copy = shutil.copytree(a.home, tmp_path / "copy") if on_sqlite else None
    move(three, timedelta(days=20))  # past the pack's 14 days
    ending.purge(a, staff(a, "manager"))
    with pytest.raises((Refused, NotFound)), a.vault_store.read() as vault:
        a.vault.unseal(vault, held["key"], None, sent, base64.b64decode(sealed))
    if on_sqlite:
        a.store.close()
        assert sealed.encode() not in _bytes(a.home)
    restored_home = tmp_path / "restored"
    backup.restore(
        tmp_path / "backups" / made["file"], secret, restored_home, keys_home=a.home, clock=a.clock
    )
    with open_installation(restored_home, clock=a.clock) as restored:
        assert integrity.check(restored)["valid"]
        with restored.vault_store.read() as vault, pytest.raises((Refused, NotFound)):
            restored.vault.unseal(vault, held["key"], None, sent, base64.b64decode(sealed))
        with pytest.raises(LianfangError):
            messages.read(restored, staff(restored, "epidemiologist"), sent)
        back = row(restored, sent)
        assert (back["state"], back["sealed"], back["key"]) == ("erased", None, "")
        # its end is certified again, by its own deadline
        assert [one["message_id"] for one in ending.purge(restored, staff(restored, "manager"))] == [sent]
    raw = _bytes(restored_home)
    assert sealed.encode() not in raw and base64.b64decode(sealed) not in raw
    assert not [value for value in VALUES if value.encode() in raw]
    if copy is not None:  # a plain copy of the folder, with the erasure list that its keys have had since
        shutil.copy(a.home / "vault" / "keys" / "erased.txt", copy / "vault" / "keys")
        with open_installation(copy, clock=three["yuanshan"].clock) as old, pytest.raises(LianfangError):
            messages.read(old, staff(old, "epidemiologist"), sent)


def _bytes(home: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(home.rglob("*")) if path.is_file())


def _administrator(inst: Installation) -> Any:
    accounts.add(inst, None, "admin.one", role="administrator")
    return accounts.person(inst, "admin.one")


# doors


def test_the_page_and_the_routes_widen_and_tell(three: dict[str, Installation], alert_id: str) -> None:
    a = three["linjiang"]
    with TestClient(create_app(a), base_url="https://testserver", follow_redirects=False) as client:
        client.post("/enter", data={"link": accounts.link(a, "zhou.zhuren")})
        token = form_token(client.cookies[COOKIE])
        page = client.get(f"/exchange/alerts/{alert_id}").text
        assert f"/exchange/alerts/{alert_id}/widen" in page
        form = {"token": token, "concerned": "haibin", "reason": REASON}
        assert client.post(f"/exchange/alerts/{alert_id}/widen", data=form).status_code == 303
        assert REASON in client.get(f"/exchange/alerts/{alert_id}").text
        (act,) = client.get(f"/api/v1/exchange/alerts/{alert_id}/acts").json()
        assert act["added"] == ["haibin"]
        again = client.post(
            f"/api/v1/exchange/alerts/{alert_id}/widen",
            json={"concerned": ["haibin"], "reason": REASON},
            headers={"x-lianfang-token": token},
        )
        assert again.status_code == 422
        peers.remove(a, staff(a, "manager"), "haibin")
        assert "haibin" in client.get("/exchange").text
        left = client.get("/api/v1/exchange/undeliverable").json()
        assert all(one["recipient"] == "haibin" for one in left)
