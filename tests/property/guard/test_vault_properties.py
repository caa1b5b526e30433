"""Properties of the vault: one spelling, what goes in comes out, tokens are HMAC."""

from __future__ import annotations

import hashlib
import hmac
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lianfang.foundation.errors import Fault
from lianfang.guard.vault import crypto, normalise, tokens
from vaultkit import EVENT, grant, sqlite, vault

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
NAMES = st.sampled_from(["name", "phone", "resident_id", "address", "work_unit", "passport", "remark"])


@given(kind=NAMES, value=TEXT)
def test_normalising_twice_is_normalising_once(kind: str, value: str) -> None:
    once = normalise(kind, value)
    assert normalise(kind, once) == once


@given(number=st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True), data=st.data())
def test_a_phone_has_one_spelling(number: str, data: st.DataObject) -> None:
    written = data.draw(st.sampled_from(["", "+86", "0086", "86", "+86-", "（+86）", " 86 "])) + number
    at = data.draw(st.integers(len(written) - 10, len(written)))
    written = (
        written[:at] + data.draw(st.sampled_from(["", " ", "-", "\u3000", ".", "\u200b"])) + written[at:]
    )
    if data.draw(st.booleans()):
        written = "".join(chr(ord(c) + 0xFEE0) if c.isdigit() else c for c in written)
    assert normalise("phone", written) == number


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(st.dictionaries(NAMES, TEXT, max_size=7), min_size=1, max_size=12))
def test_what_goes_in_comes_out_and_equal_sets_meet(rows: list[dict[str, str]]) -> None:
    with tempfile.TemporaryDirectory() as folder, sqlite().begin() as conn:
        v = vault(Path(folder) / "keys")
        v.open_event(conn, EVENT)
        ids = v.put_many(conn, EVENT, rows, kind="case_report")
        fields = ["name", "phone", "resident_id", "address", "work_unit", "passport", "remark"]
        shown = v.reveal(conn, EVENT, grant(ids, fields=fields), reader="li")
        spelt = [{k: s for k, x in row.items() if (s := normalise(k, x))} for row in rows]
        for subject, wanted in zip(ids, spelt, strict=True):
            assert {k: normalise(k, x) for k, x in shown[subject].items()} == wanted
        for i, a in enumerate(spelt):
            for j, b in enumerate(spelt):
                assert (ids[i] == ids[j]) == (i == j or (a == b and bool(a)))
        assert v.check(conn) == (len(set(ids)), len(set(ids)), [])
        assert v.check(conn, most=1)[:2] == (len(set(ids)), min(1, len(set(ids))))


@given(values=st.lists(st.none() | TEXT, max_size=20), key=st.binary(min_size=32, max_size=32))
def test_match_tokens_are_hmac_of_the_one_spelling(values: list[str | None], key: bytes) -> None:
    for value, token in zip(values, tokens(key.hex(), "phone", values), strict=True):
        spelt = normalise("phone", value or "")
        message = f"1\x1fphone\x1f{spelt}".encode()
        assert token == (hmac.new(key, message, hashlib.sha256).hexdigest()[:32] if spelt else None)


@given(
    items=st.lists(
        st.tuples(st.from_regex(r"[a-z_]{1,40}", fullmatch=True), st.binary(max_size=300)), max_size=8
    )
)
def test_packing(items: list[tuple[str, bytes]]) -> None:
    packed = crypto.pack(items)
    assert list(crypto.unpack(packed)) == items
    for cut in range(1, min(len(packed), 40)):
        try:
            assert len(list(crypto.unpack(packed[:-cut]))) < len(items)
        except Fault:
            continue
    with pytest.raises(Fault):
        list(crypto.unpack(b"\x02" + packed[1:]))
