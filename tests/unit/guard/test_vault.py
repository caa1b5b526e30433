"""The vault from outside: in, tokens, find, out, amend, rotate."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path

import polars as pl
import pytest
from sqlalchemy import select, update

from lianfang.foundation.errors import BadInput, Conflict, Fault, NotFound, Refused
from lianfang.guard.vault import Keyring, Vault, normalise, tables, tokens
from vaultkit import EVENT, grant, people, sqlite, vault


def test_same_identifiers_same_subject_and_order_kept(tmp_path: Path) -> None:
    v, rows = vault(tmp_path / "keys"), people(50)
    with sqlite().begin() as conn:
        v.open_event(conn, EVENT)
        first = v.put_many(conn, EVENT, rows, kind="case_report")
        respelt = {
            "name": rows[3]["name"][0] + " " + rows[3]["name"][1:],
            "phone": "＋86 " + rows[3]["phone"],
            "resident_id": rows[3]["resident_id"].lower(),
            "address": rows[3]["address"],
            "email": "",
        }
        again = v.put_many(conn, EVENT, [rows[7], respelt, rows[7]], kind="returnee")
        assert again == [first[7], first[3], first[7]]
        assert len(set(first)) == 50
        assert conn.execute(select(tables.subject)).all().__len__() == 50
        other = {k: v for k, v in rows[3].items() if k != "address"}
        assert v.put_many(conn, EVENT, [other], kind="x")[0] not in first


def test_rows_without_identifiers_are_never_merged(tmp_path: Path) -> None:
    v = vault(tmp_path / "keys")
    with sqlite().begin() as conn:
        v.open_event(conn, EVENT)
        ids = v.put_many(conn, EVENT, [{}, {"name": " "}, {"phone": None}, {}], kind="case_report")
        assert len(set(ids)) == 4
        assert v.linkage_features(conn, EVENT, ids)["name"].null_count() == 4


def test_pseudonyms_are_hmac_and_differ_by_purpose_and_event(tmp_path: Path) -> None:
    v, rows = vault(tmp_path / "keys"), people(20)
    with sqlite().begin() as conn:
        v.open_event(conn, EVENT)
        v.open_event(conn, "other")
        ids = v.put_many(conn, EVENT, rows, kind="case_report")
        one = v.pseudonyms(EVENT, "linkage_analysis", ids)
        assert one == [v.pseudonym(EVENT, "linkage_analysis", s) for s in ids]
        key = v._pseudonym_key(EVENT, "linkage_analysis").encode()
        assert one[0] == hmac.new(key, ids[0].encode(), hashlib.sha256).hexdigest()[:32]
        assert not set(one) & set(v.pseudonyms(EVENT, "situation_monitoring", ids))
        assert not set(one) & set(v.pseudonyms("other", "linkage_analysis", ids))
        series = v.pseudonyms(EVENT, "linkage_analysis", pl.Series("who", [*ids[:2], None]))
        assert series.to_list() == [*one[:2], None] and series.name == "who"


def test_match_tokens_meet_only_under_one_order(tmp_path: Path) -> None:
    v = vault(tmp_path / "keys")
    with sqlite().begin() as conn:
        v.open_event(conn, EVENT)
        ours = v.match_tokens(EVENT, "order-1", "phone", ["+86 154 0000 0001", "15400000002", None, " "])
        theirs = tokens(v.match_key(EVENT, "order-1"), "phone", ["１５４００００００01"])
        assert theirs[0] == ours[0] and ours[2:] == [None, None]
        assert tokens(v.match_key(EVENT, "order-2"), "phone", ["15400000001"]) != theirs
        assert tokens(v.match_key(EVENT, "order-1"), "name", ["15400000001"]) != theirs
        ids = v.put_many(conn, EVENT, [{"phone": "15400000001"}, {"name": "王芳"}], kind="case_report")
        assert v.match_subjects(conn, EVENT, "order-1", "phone", ids) == {ours[0]: ids[0]}
    with pytest.raises(BadInput):
        tokens("ab", "phone", ["1"])


@pytest.mark.parametrize(
    ("kind", "given", "expected"),
    [
        ("resident_id", " 42990119800101001x ", "42990119800101001X"),
        ("resident_id", "４２９９０１ 19800101 001X", "42990119800101001X"),
        ("phone", "+86-154-0000-0001", "15400000001"),
        ("phone", "008615400000001", "15400000001"),
        ("phone", "8615400000001", "15400000001"),
        ("phone", "86154000", "86154000"),
        ("name", " 欧阳 娜娜 ", "欧阳娜娜"),
        ("name", "阿卜杜•热合曼", "阿卜杜·热合曼"),
        ("name", "John  SMITH", "john smith"),
        ("address", "城南区  ３号", "城南区 3号"),
    ],
)
def test_normalise(kind: str, given: str, expected: str) -> None:
    assert normalise(kind, given) == expected
    assert normalise(kind, expected) == expected


def test_old_resident_id_is_raised_to_18_digits() -> None:
    # the worked example of GB 11643-1999: 15 digits become 18 with check digit
    assert normalise("resident_id", "340524800101001") == "34052419800101001X"


def test_linkage_features_show_equality_only(tmp_path: Path) -> None:
    v = vault(tmp_path / "keys")
    with sqlite().begin() as conn:
        v.open_event(conn, EVENT)
        ids = v.put_many(
            conn,
            EVENT,
            [
                {"name": "王芳", "phone": "15400000001"},
                {"name": "王 芳"},
                {"name": "李芳", "phone": "15400000001"},
            ],
            kind="case_report",
        )
        table = {row["subject"]: row for row in v.linkage_features(conn, EVENT, ids).iter_rows(named=True)}
        a, b, c = (table[s] for s in ids)
        assert a["name"] == b["name"] != c["name"] and a["phone"] == c["phone"] and b["phone"] is None
        stored = {bytes(x) for x in conn.execute(select(tables.subject.c.ix_name)).scalars()}
        assert bytes.fromhex(a["name"]) not in stored


def test_find_by_blind_index(tmp_path: Path) -> None:
    v, rows = vault(tmp_path / "keys"), people(30)
    with sqlite().begin() as conn:
        v.open_event(conn, EVENT)
        ids = v.put_many(conn, EVENT, rows, kind="case_report")
        assert v.find(conn, EVENT, "phone", "+86 " + rows[4]["phone"]) == [ids[4]]
        assert ids[5] in v.find(conn, EVENT, "name", rows[5]["name"])
        assert v.find(conn, EVENT, "phone", "15499999999") == [] == v.find(conn, EVENT, "phone", "-")
        with pytest.raises(BadInput):
            v.find(conn, EVENT, "sex", "女")


def test_amend_replaces_and_removes(tmp_path: Path) -> None:
    v, rows = vault(tmp_path / "keys"), people(2)
    with sqlite().begin() as conn:
        v.open_event(conn, EVENT)
        ids = v.put_many(conn, EVENT, rows, kind="case_report")
        v.amend(conn, EVENT, ids[0], {"phone": "15488888888", "address": ""})
        fields = ["name", "phone", "address"]
        shown = v.reveal(conn, EVENT, grant([ids[0]], fields=fields), reader="li")[ids[0]]
        assert shown == {"name": rows[0]["name"], "phone": "15488888888"}
        assert v.find(conn, EVENT, "phone", rows[0]["phone"]) == []
        assert v.find(conn, EVENT, "phone", "15488888888") == [ids[0]]
        with pytest.raises(Conflict):
            v.amend(conn, EVENT, ids[0], {**rows[1]})


def test_unknown_event_and_bad_rows(tmp_path: Path) -> None:
    v = vault(tmp_path / "keys")
    with sqlite().begin() as conn:
        with pytest.raises(NotFound):
            v.put_many(conn, EVENT, [{"name": "王芳"}], kind="case_report")
        v.open_event(conn, EVENT)
        v.open_event(conn, EVENT)
        for bad in ({"Name": "x"}, {"name": "x" * 5000}, {"name": "王\x00芳"}, {"name": "\ud800"}):
            with pytest.raises(BadInput) as caught:
                v.put_many(conn, EVENT, [{}, bad], kind="case_report")
            assert "Row 1" in str(caught.value) and "王" not in str(caught.value)
        for bad_id in ("", "a b", "x" * 65, "临江"):
            with pytest.raises(BadInput):
                v.open_event(conn, bad_id)


def test_rotation_resumes_and_old_key_goes_last(tmp_path: Path) -> None:
    v, rows, engine = vault(tmp_path / "keys"), people(60), sqlite(tmp_path / "db.sqlite")
    with engine.begin() as conn:
        v.open_event(conn, EVENT)
        ids = v.put_many(conn, EVENT, rows, kind="case_report")
    tokens_before = v.pseudonyms(EVENT, "p", ids)
    with engine.begin() as conn:
        part = v.rotate(conn, EVENT, limit=25)
        assert (part.rewrapped, part.done, v.waiting(conn, EVENT)) == (25, False, 35)
        with pytest.raises(Conflict):
            v.retire(conn, EVENT)
    with engine.begin() as conn, pytest.raises(Conflict):
        v.retire(conn, EVENT)
    fresh = Vault(Keyring.open(tmp_path / "keys"), v._clock)  # another process goes on
    with engine.begin() as conn:  # reads go on half way, and new subjects take the new key
        assert len(v.reveal(conn, EVENT, grant(ids), reader="li")) == 60
        fresh.put_many(conn, EVENT, people(70, seed=2)[60:], kind="case_report")
        assert fresh.rotate(conn, EVENT, limit=1000).done
        assert fresh.waiting(conn, EVENT) == 0
    with engine.begin() as conn:
        fresh.retire(conn, EVENT)
        shown = v.reveal(conn, EVENT, grant(ids), reader="li")
        assert [shown[s]["name"] for s in ids] == [row["name"] for row in rows]
    assert v.pseudonyms(EVENT, "p", ids) == tokens_before
    assert len(v._ring.event(EVENT).wraps) == 1


def test_aside_data_follow_event_and_subject(tmp_path: Path) -> None:
    v, rows = vault(tmp_path / "keys"), people(2)
    with sqlite().begin() as conn:
        v.open_event(conn, EVENT)
        a, b = v.put_many(conn, EVENT, rows, kind="case_report")
        sealed = v.seal(conn, EVENT, a, "7", b"payload")
        assert v.unseal(conn, EVENT, a, "7", sealed) == b"payload"
        for subject, row in ((b, "7"), (None, "7"), (a, "8")):
            with pytest.raises(Fault):
                v.unseal(conn, EVENT, subject, row, sealed)
        v.destroy_subject(conn, EVENT, a)
        with pytest.raises(NotFound):
            v.unseal(conn, EVENT, a, "7", sealed)


def test_nothing_secret_in_any_repr(tmp_path: Path) -> None:
    v = vault(tmp_path / "keys")
    with sqlite().begin() as conn:
        v.open_event(conn, EVENT)
        keys = v._ring.event(EVENT)
        text = repr([v, v._ring, keys, v._event(EVENT)])
        for secret in (keys.token, keys.wraps[1]):
            assert secret.hex() not in text and repr(secret) not in text


def test_restore_does_not_bring_back_the_erased(tmp_path: Path) -> None:
    v, engine = vault(tmp_path / "keys"), sqlite(tmp_path / "db.sqlite")
    with engine.begin() as conn:
        v.open_event(conn, EVENT)
        ids = v.put_many(conn, EVENT, people(5), kind="case_report")
        backup = (
            conn.execute(select(tables.subject).where(tables.subject.c.subject_id == ids[0])).mappings().one()
        )
        kept = dict(backup)
    with engine.begin() as conn:
        facts = v.destroy_subject(conn, EVENT, ids[0])
        assert facts["subjects"] == 1 and facts["destroyed_at"].startswith("2026-01-29T08:00")
    with engine.begin() as conn:  # the row comes back as a backup would bring it
        conn.execute(update(tables.subject).where(tables.subject.c.subject_id == ids[0]).values(kept))
        assert v.reveal(conn, EVENT, grant(ids), reader="li").keys() == set(ids[1:])
        assert v.apply_erasures(conn) == 1
        assert v.apply_erasures(conn) == 0
        row = (
            conn.execute(select(tables.subject).where(tables.subject.c.subject_id == ids[0])).mappings().one()
        )
        assert row["wrapped_key"] is None and row["fields"] is None and row["ix_name"] is None


def test_an_erasure_cut_off_before_its_commit_is_finished(tmp_path: Path) -> None:
    """The list says erased, the row still holds its sealed fields: three ways that empty it."""
    v, engine, who = vault(tmp_path / "keys"), sqlite(tmp_path / "db.sqlite"), people(4)
    held = select(tables.subject.c.subject_id).where(tables.subject.c.wrapped_key.is_not(None))
    with engine.begin() as conn:
        v.open_event(conn, EVENT)
        ids = v.put_many(conn, EVENT, who, kind="case_report")
    for subject in ids[:3]:
        with pytest.raises(RuntimeError), engine.begin() as conn:
            v.destroy_subject(conn, EVENT, subject)
            raise RuntimeError("killed")
    with engine.begin() as conn:
        assert set(conn.execute(held).scalars()) == set(ids)
        assert v.destroy_subject(conn, EVENT, ids[0])["subjects"] == 1
        with pytest.raises(NotFound):
            v.destroy_subject(conn, EVENT, ids[0])
        again = v.put_many(
            conn, EVENT, [who[1]], kind="case_report"
        )  # reported anew: a subject that can be read
        assert again != [ids[1]] and v.reveal(conn, EVENT, grant(again), reader="li")[again[0]]["name"]
        assert v.apply_erasures(conn) == 1
        assert set(conn.execute(held).scalars()) == {again[0], ids[3]}
    listed = (tmp_path / "keys" / "erased.txt").read_text().split()
    assert len(listed) == len(set(listed)) == 3


def test_event_destroyed_for_good(tmp_path: Path) -> None:
    v, engine = vault(tmp_path / "keys"), sqlite(tmp_path / "db.sqlite")
    other_process = Vault(Keyring.open(tmp_path / "keys"), v._clock)
    with engine.begin() as conn:
        v.open_event(conn, EVENT)
        ids = v.put_many(conn, EVENT, people(5), kind="case_report")
        assert other_process.reveal(conn, EVENT, grant(ids), reader="li")
        facts = v.destroy_event(conn, EVENT)
        assert facts["subjects"] == 5 and facts["data_keys"] == 5
        assert v.destroy_event(conn, EVENT)["destroyed_at"] == facts["destroyed_at"]
        for act in (
            lambda w: w.reveal(conn, EVENT, grant(ids), reader="li"),
            lambda w: w.pseudonym(EVENT, "p", ids[0]),
            lambda w: w.open_event(conn, EVENT),
            lambda w: w.match_key(EVENT, "o"),
        ):
            for w in (v, other_process):
                with pytest.raises(Refused):
                    act(w)


def test_subjects_move_to_another_event_without_leaving_the_vault(tmp_path: Path) -> None:
    v, rows = vault(tmp_path / "keys"), people(6)
    with sqlite().begin() as conn:
        v.open_event(conn, "routine")
        v.open_event(conn, EVENT)
        old = v.put_many(conn, "routine", rows, kind="case_report")
        known = v.put_many(conn, EVENT, rows[:1], kind="returnee")[0]
        moved = v.copy_subjects(conn, "routine", EVENT, [*old[:4], "0" * 32])
        assert list(moved) and set(moved) == set(old[:4]) and moved[old[0]] == known
        assert v.copy_subjects(conn, "routine", EVENT, old[:4]) == moved
        shown = v.reveal(conn, EVENT, grant(list(moved.values())), reader="li")
        assert [shown[moved[s]]["name"] for s in old[:4]] == [r["name"] for r in rows[:4]]
        for subject in old[:4]:
            v.destroy_subject(conn, "routine", subject)
        assert v.copy_subjects(conn, "routine", EVENT, old[:4]) == {}
        assert v.reveal(conn, EVENT, grant(list(moved.values())), reader="li") == shown
