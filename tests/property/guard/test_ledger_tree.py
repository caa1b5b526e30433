"""The stored tree against RFC 6962 section 2.1 written down plainly, at random sizes and batches."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine

from lianfang.guard.ledger import Log, check, leaf_hash, metadata, verify_consistency, verify_inclusion
from lianfang.guard.ledger.log import fold_root

NOW = datetime(2026, 1, 29, tzinfo=UTC)


def mth(entries: list[bytes]) -> bytes:
    """RFC 6962 section 2.1, word for word."""
    n = len(entries)
    if n == 0:
        return hashlib.sha256(b"").digest()
    if n == 1:
        return hashlib.sha256(b"\x00" + entries[0]).digest()
    k = 1
    while k * 2 < n:
        k *= 2
    return hashlib.sha256(b"\x01" + mth(entries[:k]) + mth(entries[k:])).digest()


def path(m: int, entries: list[bytes]) -> list[bytes]:
    n = len(entries)
    if n == 1:
        return []
    k = 1
    while k * 2 < n:
        k *= 2
    if m < k:
        return [*path(m, entries[:k]), mth(entries[k:])]
    return [*path(m - k, entries[k:]), mth(entries[:k])]


def subproof(m: int, entries: list[bytes], whole: bool) -> list[bytes]:
    n = len(entries)
    if m == n:
        return [] if whole else [mth(entries)]
    k = 1
    while k * 2 < n:
        k *= 2
    if m <= k:
        return [*subproof(m, entries[:k], whole), mth(entries[k:])]
    return [*subproof(m - k, entries[k:], False), mth(entries[:k])]


@settings(max_examples=25, deadline=None)
@given(
    batches=st.lists(st.integers(0, 300), min_size=1, max_size=8),
    seed=st.integers(0, 2**32),
)
def test_stored_tree_equals_the_plain_one(batches: list[int], seed: int) -> None:
    rng = random.Random(seed)
    engine = create_engine("sqlite://")
    metadata.create_all(engine)
    entries: list[bytes] = []
    with engine.begin() as conn:
        log = Log.create(conn, "ledger.example/a", authority="a", now=NOW)
        for batch in batches:
            new = [rng.randbytes(rng.randint(0, 40)) for _ in range(batch)]
            assert log.append(conn, new) == range(len(entries), len(entries) + batch)
            entries += new
            assert log.root(conn) == mth(entries) == fold_root(map(leaf_hash, entries))
        assert check(conn, log) == []
        n = len(entries)
        for _ in range(6):
            size = rng.randint(0, n)
            assert log.root(conn, size) == mth(entries[:size])
            first = rng.randint(0, size)
            proof = log.prove_consistency(conn, first, size)
            assert proof == (subproof(first, entries[:size], True) if first else [])
            assert verify_consistency(first, size, mth(entries[:first]), mth(entries[:size]), proof)
            if size:
                index = rng.randrange(size)
                way = log.prove_inclusion(conn, index, size)
                assert way == path(index, entries[:size])
                assert verify_inclusion(index, size, leaf_hash(entries[index]), way, mth(entries[:size]))


def test_three_levels_of_tiles(count: Callable[[int, int], int]) -> None:
    """70,000 entries make 273 full tiles and one of 112, one full and one of 17, one of 1 (C2SP
    tlog-tiles)."""
    engine = create_engine("sqlite://")
    metadata.create_all(engine)
    entries = [b"%d" % i for i in range(70_000)]
    with engine.begin() as conn:
        log = Log.create(conn, "ledger.example/a", authority="a", now=NOW)
        at = 0
        for step in (1, 254, 1, 1, 65_279, 1, 4_463):
            log.append(conn, entries[at : at + step])
            at += step
        assert at == 70_000 and log.size(conn) == at
        assert len(log.tile(conn, 0, 272)) == 8192 and len(log.tile(conn, 0, 273, 112)) == 112 * 32
        assert len(log.tile(conn, 1, 0)) == 8192 and len(log.tile(conn, 1, 1, 17)) == 17 * 32
        assert len(log.tile(conn, 2, 0, 1)) == 32
        bundle = log.bundle(conn, 273, 112)
        assert bundle.startswith(b"\x00\x0569888\x00\x0569889")
        root = fold_root(map(leaf_hash, entries))
        assert log.root(conn) == root
        rng = random.Random(1)
        for index in [
            0,
            255,
            256,
            65_535,
            65_536,
            69_999,
            *(rng.randrange(at) for _ in range(count(20, 2000))),
        ]:
            assert verify_inclusion(
                index, at, leaf_hash(entries[index]), log.prove_inclusion(conn, index), root
            )
            old = fold_root(map(leaf_hash, entries[:index])) if index < 2000 else log.root(conn, index)
            assert verify_consistency(index, at, old, root, log.prove_consistency(conn, index))
