"""Signatures and sealed messages."""

from __future__ import annotations

from pathlib import Path

import pytest

from lianfang.foundation.errors import BadInput, Conflict, Refused
from lianfang.guard import signing


def test_signature_covers_every_part(tmp_path: Path) -> None:
    keys = signing.create_keys(tmp_path / "keys" / "cdc.json", "linjiang-cdc")
    other = signing.create_keys(tmp_path / "keys" / "other.json", "other-cdc")
    document = signing.sign(keys, {"event": "linjiang", "cap": 100})
    assert signing.verify(keys.public, document) == {"event": "linjiang", "cap": 100}
    reordered = {**document, "payload": {"cap": 100, "event": "linjiang"}}
    assert signing.verify(keys.public, reordered)
    for bad in (
        {**document, "payload": {"event": "linjiang", "cap": 101}},
        {**document, "signer": "other-cdc"},
        {**document, "signature": document["signature"][:-6] + "AAAA=="},
    ):
        with pytest.raises(Refused):
            signing.verify(keys.public, bad)
    with pytest.raises(Refused):
        signing.verify(other.public, document)
    for broken in (
        {},
        {**document, "extra": 1},
        {**document, "signature": "%%"},
        {**document, "payload": []},
    ):
        with pytest.raises(BadInput):
            signing.verify(keys.public, broken)
    with pytest.raises(BadInput):
        signing.sign(keys, {"x": float("nan")})


def test_sealed_for_one_recipient_one_use_one_order(tmp_path: Path) -> None:
    holder = signing.create_keys(tmp_path / "k" / "holder.json", "linjiang")
    thief = signing.create_keys(tmp_path / "k" / "thief.json", "thief")
    sealed = signing.seal(holder.public, b"who", info="order", aad=b"order-1")
    assert signing.unseal(holder, sealed, info="order", aad=b"order-1") == b"who"
    assert signing.seal(holder.public, b"who", info="order", aad=b"order-1") != sealed
    for keys, info, aad, data in (
        (thief, "order", b"order-1", sealed),
        (holder, "answer", b"order-1", sealed),
        (holder, "order", b"order-2", sealed),
        (holder, "order", b"order-1", sealed[:-1] + bytes([sealed[-1] ^ 1])),
        (holder, "order", b"order-1", b"short"),
    ):
        with pytest.raises(Refused):
            signing.unseal(keys, data, info=info, aad=aad)


def test_keys_survive_their_file_and_are_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "k" / "cdc.json"
    keys = signing.create_keys(path, "linjiang-cdc")
    assert signing.load_keys(path).public == keys.public
    assert signing.PublicKeys.from_json(keys.public.to_json()) == keys.public
    with pytest.raises(Conflict):
        signing.create_keys(path, "linjiang-cdc")
    assert signing.load_keys(path).public == keys.public
    assert "private" not in repr(keys).lower()
    for bad in ({}, {"name": "x", "ed25519": "AA==", "x25519": "AA=="}):
        with pytest.raises(BadInput):
            signing.PublicKeys.from_json(bad)
