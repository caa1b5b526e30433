"""Requirements REQ-P-49, 52, 60, 63 and 64 as far as the vault answers for them."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from lianfang.foundation.errors import Refused
from lianfang.guard import signing
from lianfang.guard.vault import Approval, scrub
from vaultkit import EVENT, NOW, grant, people, sqlite, vault

WHO = [Approval("chen", "epidemiologist", NOW), Approval("wu", "data_protection_officer", NOW)]


def _planted(rows: list[dict[str, str]]) -> list[bytes]:
    return [
        value.encode(code)
        for row in rows
        for field, value in row.items()
        for code in ("utf-8", "gb18030", "utf-16-le", "utf-16-be")
        if field != "name" or len(value) > 2
    ]


def test_req_p_49_no_planted_value_in_any_byte_at_rest(tmp_path: Path) -> None:
    rows = people(100)
    engine = sqlite(tmp_path / "db.sqlite")
    v = vault(tmp_path / "keys")
    with engine.begin() as conn:
        v.open_event(conn, EVENT)
        v.put_many(conn, EVENT, rows, kind="case_report")

    def stored() -> bytes:
        return b"\0".join(p.read_bytes() for p in sorted(tmp_path.rglob("*")) if p.is_file())

    needles = _planted(rows)
    whole = stored()
    assert len(whole) > 50_000 and not [n for n in needles if n in whole]
    (tmp_path / "leak.txt").write_bytes(b"..." + needles[0])  # the search itself can find one
    assert [n for n in needles if n in stored()] == [needles[0]]


def test_req_p_54_after_the_end_nothing_sealed_is_left_either(tmp_path: Path) -> None:
    engine, v = sqlite(tmp_path / "db.sqlite"), vault(tmp_path / "keys")
    with engine.begin() as conn:
        v.open_event(conn, EVENT)
        ids = v.put_many(conn, EVENT, people(200), kind="case_report")
    key = json.loads((tmp_path / "keys" / "keyring.json").read_text())["events"][EVENT]["sealed"]
    with engine.begin() as conn:
        certificate = v.destroy_event(conn, EVENT)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        scrub(conn)
    engine.dispose()
    whole = b"\0".join(p.read_bytes() for p in sorted(tmp_path.rglob("*")) if p.is_file())
    assert certificate["subjects"] == 200 and key.encode() not in whole
    assert not [s for s in ids if s.encode() in whole]


def test_req_p_52_sealed_for_the_recipient_alone(tmp_path: Path) -> None:
    holder = signing.create_keys(tmp_path / "a" / "holder.json", "holder")
    other = signing.create_keys(tmp_path / "b" / "other.json", "other")
    sealed = signing.seal(holder.public, "王芳".encode(), info="answer", aad=b"o1")
    assert "王芳".encode() not in sealed
    with pytest.raises(Refused):
        signing.unseal(other, sealed, info="answer", aad=b"o1")


def test_req_p_63_projects_get_different_tokens_and_features_hold_no_identifier(tmp_path: Path) -> None:
    v, rows = vault(tmp_path / "keys"), people(40)
    with sqlite().begin() as conn:
        v.open_event(conn, EVENT)
        v.open_event(conn, "second")
        ids = v.put_many(conn, EVENT, rows, kind="case_report")
        ids2 = v.put_many(conn, "second", rows, kind="case_report")
        assert not set(ids) & set(ids2)
        a, b = (v.linkage_features(conn, e, s) for e, s in ((EVENT, ids), ("second", ids2)))
        tokens = [v.pseudonyms(e, p, ids) for e in (EVENT, "second") for p in ("p1", "p2")]
        assert len({t for part in tokens for t in part}) == 160
        text = a.write_csv() + b.write_csv()
        assert not any(value in text for row in rows for value in row.values())
        assert not set(a["phone"]) & set(b["phone"])


@pytest.mark.parametrize(
    "change",
    [
        {"approvals": []},
        {"approvals": WHO[:1]},
        {"approvals": [WHO[0], Approval("chen", "data_protection_officer", NOW)]},  # one person, two roles
        {"approvals": [WHO[0], Approval("wu", "epidemiologist", NOW)]},  # one role, two people
        {"approvals": [*WHO, Approval("li", "community_worker", NOW)]},  # the reader approves himself
        {"approvals": [WHO[0], Approval("wu", "data_protection_officer", NOW + timedelta(hours=1))]},
        {"event_id": "second"},
        {"subjects": []},
        {"fields": []},
        {"reason": " "},
        {"reader": "zhao"},
        {"reader": ""},
        {"not_after": NOW - timedelta(seconds=1)},
    ],
)
def test_req_p_64_everything_but_a_whole_grant_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    v = vault(tmp_path / "keys")
    with sqlite().begin() as conn:
        v.open_event(conn, EVENT)
        v.open_event(conn, "second")
        ids = v.put_many(conn, EVENT, people(3), kind="case_report")
        assert v.reveal(conn, EVENT, grant(ids[:2]), reader="li")
        with pytest.raises(Refused) as caught:
            v.reveal(
                conn,
                EVENT,
                grant(ids[:2], **change) if "subjects" not in change else grant([], approvals=WHO),
                reader="li",
            )
        assert caught.value.reasons


def test_req_p_64_exactly_the_locked_subjects_and_fields(tmp_path: Path) -> None:
    v, rows = vault(tmp_path / "keys"), people(20)
    with sqlite().begin() as conn:
        v.open_event(conn, EVENT)
        v.open_event(conn, "second")
        ids = v.put_many(conn, EVENT, rows, kind="case_report")
        strangers = v.put_many(conn, "second", rows, kind="case_report")
        shown = v.reveal(conn, EVENT, grant(ids[3:9]), reader="li")
        assert shown == {
            s: {"name": r["name"], "phone": r["phone"]} for s, r in zip(ids[3:9], rows[3:9], strict=True)
        }
        for wrong in ([ids[0], strangers[0]], [ids[0], "0" * 32]):
            with pytest.raises(Refused):
                v.reveal(conn, EVENT, grant(wrong), reader="li")


def test_req_p_60_a_second_reader_is_refused(tmp_path: Path) -> None:
    v = vault(tmp_path / "keys")
    with sqlite().begin() as conn:
        v.open_event(conn, EVENT)
        ids = v.put_many(conn, EVENT, people(2), kind="case_report")
        assert v.reveal(conn, EVENT, grant(ids), reader="li")
        for other in ("zhao", "", "chen", "LI"):
            with pytest.raises(Refused):
                v.reveal(conn, EVENT, grant(ids), reader=other)
        with pytest.raises(Refused):
            v.reveal(conn, EVENT, grant(ids), reader="li", now=NOW + timedelta(days=2))
