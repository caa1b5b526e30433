"""Vault, accounts and ledger on SQLite as the house sets it (WAL, FULL, STRICT) and on PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from lianfang.guard import accounts, ledger
from lianfang.guard import vault as vaults
from lianfang.guard.accounts import factors
from lianfang.guard.ledger import Item, Log
from lianfang.guard.vault import scrub
from lianfang.store import Store
from vaultkit import EVENT, NOW, grant, people, vault

TRAINED = NOW.date() + timedelta(days=365)
GOOD = "seven herons over the river"


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    opened = Store(database_url)
    joined = sa.MetaData()
    for part in (vaults.metadata, accounts.metadata, ledger.metadata):
        for table in part.tables.values():
            table.to_metadata(joined).dialect_options["sqlite"]["strict"] = True
    joined.create_all(opened.engine)
    yield opened
    opened.close()


def test_vault_whole_life(store: Store, tmp_path: Path) -> None:
    v, rows = vault(tmp_path / "keys"), people(1200)
    with store.begin() as conn:
        v.open_event(conn, EVENT)
        ids = v.put_many(conn, EVENT, rows, kind="case_report")
        assert v.put_many(conn, EVENT, rows[::-1], kind="case_report") == ids[::-1]
        v.amend(conn, EVENT, ids[5], {"phone": "15488888888"})
        v.destroy_subject(conn, EVENT, ids[6])
    after, done = None, False
    while not done:
        with store.begin() as conn:
            part = v.rotate(conn, EVENT, limit=500, after=after)
        after, done = part.after, part.done
    with store.begin() as conn:
        v.retire(conn, EVENT)
    with store.read() as conn:
        shown = v.reveal(conn, EVENT, grant(ids), reader="li")
        assert len(shown) == 1199 and shown[ids[5]]["phone"] == "15488888888"
        assert v.find(conn, EVENT, "phone", rows[7]["phone"]) == [ids[7]]
        assert v.linkage_features(conn, EVENT, ids).height == 1199
    with store.begin() as conn:
        assert v.destroy_event(conn, EVENT)["data_keys"] == 1199
    with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT", lianfang_reads=True) as conn:
        scrub(conn)


def test_two_writers_give_one_person_one_subject(store: Store, tmp_path: Path) -> None:
    v, rows = vault(tmp_path / "keys"), people(300)
    with store.begin() as conn:
        v.open_event(conn, EVENT)
    found: list[list[str]] = []
    failed: list[BaseException] = []

    def put() -> None:
        try:
            with store.begin() as conn:
                found.append(v.put_many(conn, EVENT, rows, kind="case_report"))
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=put) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed and len(found) == 4 and all(one == found[0] for one in found)


def test_accounts_whole_life(store: Store) -> None:
    with store.begin() as conn:
        link = accounts.bootstrap_link(conn, now=NOW)
    with store.begin() as conn:
        boss = accounts.use_bootstrap(conn, link, name="sun.li", password=GOOD, now=NOW)
        who = accounts.create(conn, name="chen.jing", now=NOW, trained_until=TRAINED)
        token = accounts.sign_in_by_link(conn, accounts.make_link(conn, who, now=NOW), now=NOW).token or ""
        accounts.give_role(conn, who, "epidemiologist", now=NOW, not_after=NOW + timedelta(1), given_by=boss)
    with store.begin() as conn:
        assert accounts.session(conn, token, now=NOW).has("epidemiologist", "429901")
        assert accounts.sign_in(conn, "chen.jing", "wrong wrong wrong", now=NOW).reason == "wrong"
        accounts.disable(conn, who, NOW)
        assert accounts.list_sessions(conn, who, now=NOW) == []


def test_a_link_is_used_once_by_many_at_a_time(store: Store) -> None:
    with store.begin() as conn:
        who = accounts.create(conn, name="chen.jing", now=NOW, trained_until=TRAINED)
        link = accounts.make_link(conn, who, now=NOW)
    tokens: list[str | None] = []

    def use() -> None:
        with store.begin() as conn:
            tokens.append(accounts.sign_in_by_link(conn, link, now=NOW).token)

    threads = [threading.Thread(target=use) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(tokens) == 6 and sum(token is not None for token in tokens) == 1


def test_a_code_is_used_once_by_many_at_a_time(store: Store, tmp_path: Path) -> None:
    ring = vaults.Keyring.create(tmp_path / "keys", "linjiang-cdc")
    with store.begin() as conn:
        who = accounts.create(conn, name="chen.jing", now=NOW)
        seed = accounts.begin_totp(conn, who, ring, now=NOW)
        first = factors.code_at(seed, int(NOW.timestamp()) // 30)
        assert accounts.confirm_totp(conn, who, first, ring, now=NOW).factor
        spare = accounts.make_recovery_codes(conn, who, now=NOW)[0]
    later = NOW + timedelta(seconds=30)
    for code in (factors.code_at(seed, int(later.timestamp()) // 30), spare):
        said: list[str | None] = []

        def use(code: str = code, said: list[str | None] = said) -> None:
            with store.begin() as conn:
                said.append(accounts.check_code(conn, who, code, ring, now=later).factor)

        threads = [threading.Thread(target=use) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(said) == 4 and sum(one is not None for one in said) == 1
        with store.begin() as conn:
            conn.execute(accounts.metadata.tables["account_attempt"].delete())


def test_ledger_written_by_several_at_a_time_is_one_log(store: Store, tmp_path: Path) -> None:
    with store.begin() as conn:
        Log.create(conn, "ledger.example/a", authority="a", now=NOW)
    indices: list[int] = []
    failed: list[BaseException] = []

    def write(who: int) -> None:
        try:
            for at in range(8):
                items = [Item("a.b", NOW, "li", "p", f"{who}-{at}", {"n": at}, public=True)] * 40
                with store.begin() as conn:
                    indices.extend(ledger.record_many(conn, items))
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=write, args=(who,)) for who in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed and sorted(indices) == list(range(960))
    with store.begin() as conn:
        assert ledger.check(conn) == []
        assert [e.index for e in ledger.entries(conn, limit=2)] == [959, 958]
