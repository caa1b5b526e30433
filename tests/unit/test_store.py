"""The store on both databases: the same tests, SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import pytest
import sqlalchemy as sa

from lianfang.foundation.errors import Conflict, Fault, NotFound
from lianfang.records import Alert, CaseReport, Job, StockItem
from lianfang.store import (
    Store,
    change,
    insert_new,
    metadata,
    one,
    put,
    put_rows,
    rows,
    sqlite_url,
    table,
    tally,
)

NOW = datetime(2026, 1, 30, 8, 0, tzinfo=UTC)


def job(**values: object) -> Job:
    base = {"job_id": "j1", "kind": "daily", "arguments": {"day": "2026-01-30"}, "idempotency_key": "k"}
    return Job.model_validate({**base, "status": "queued", "created_at": NOW, **values})


def test_what_is_put_is_read_back(store: Store) -> None:
    with store.begin() as connection:
        put(
            connection,
            job(result={"名": [1, None]}, leased_until=NOW.astimezone(timezone(timedelta(hours=8)))),
        )
    with store.read() as connection:
        row = one(connection, Job, job_id="j1")
    assert row["arguments"] == {"day": "2026-01-30"} and row["result"] == {"名": [1, None]}
    assert row["created_at"] == NOW and row["leased_until"] == NOW and row["cancel_asked"] is False


def test_the_same_key_is_written_over_and_another_is_added(store: Store) -> None:
    item = {"date": date(2026, 1, 2), "facility": "市第一医院", "item": "N95", "quantity": 5}
    with store.begin() as connection:
        put_rows(connection, StockItem, [item, {**item, "quantity": 6}, {**item, "item": "防护服"}])
        put_rows(connection, StockItem, [{**item, "quantity": 7}])
        assert tally(connection, StockItem) == 2
        assert one(connection, StockItem, item="N95")["quantity"] == 7


def test_a_thousand_rows_go_in_at_once(store: Store) -> None:
    many = [
        {"date": date(2026, 1, 2), "facility": f"f{n}", "item": "N95", "quantity": n} for n in range(1234)
    ]
    with store.begin() as connection:
        assert len(set(put_rows(connection, StockItem, many))) == 1234
        assert tally(connection, StockItem, table(StockItem).c.quantity > 1000) == 233


def test_a_failed_transaction_leaves_nothing(store: Store) -> None:
    with pytest.raises(RuntimeError), store.begin() as connection:
        put(connection, job())
        raise RuntimeError
    with store.read() as connection:
        assert tally(connection, Job) == 0


def test_identifiers_and_unknown_columns_cannot_be_written(store: Store) -> None:
    card = {
        "case_id": "c",
        "card_no": "1",
        "reporter": "h",
        "date_reporting": date(2026, 1, 2),
        "subject_id": "s",
    }
    with store.begin() as connection:
        put_rows(connection, CaseReport, [card])
        for extra in ("name", "nickname"):
            with pytest.raises(Fault, match=extra):
                put_rows(connection, CaseReport, [{**card, extra: "x"}])
    columns = {column["name"] for column in sa.inspect(store.engine).get_columns("case_report")}
    assert not columns & set(CaseReport.vault_fields()) and "subject_id" in columns


def test_a_record_about_a_person_needs_its_subject(store: Store) -> None:
    card = CaseReport(case_id="c", card_no="1", reporter="h", date_reporting=date(2026, 1, 2))
    with store.begin() as connection, pytest.raises(Fault, match="subject"):
        put(connection, card)


def test_insert_new_refuses_what_exists_and_change_what_is_part_of_the_key(store: Store) -> None:
    alert = Alert(alert_id="a", as_of=date(2026, 1, 2), method="m", attribute="x", value="v", observed=4)
    with store.begin() as connection:
        identity = insert_new(connection, alert)
        with pytest.raises(Conflict):
            insert_new(connection, alert)
        change(connection, Alert, identity, status="dismissed", reason="流感")
        assert rows(connection, Alert, status="dismissed")[0]["reason"] == "流感"
        with pytest.raises(Fault, match="key"):
            change(connection, Alert, identity, method="other")
        with pytest.raises(NotFound):
            change(connection, Alert, "nobody", status="new")


def test_a_time_without_zone_is_refused(store: Store) -> None:
    with pytest.raises(sa.exc.StatementError), store.begin() as connection:
        connection.execute(table(Job).insert().values(id="x", job_id="x", created_at=datetime(2026, 1, 1)))


def test_sqlite_is_strict_and_durable(tmp_path: Path) -> None:
    store = Store(sqlite_url(tmp_path / "store.db"))
    metadata.create_all(store.engine)
    with store.begin() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        text = [
            row[0] for row in connection.exec_driver_sql("SELECT sql FROM sqlite_master WHERE type = 'table'")
        ]
        assert len(text) >= len(metadata.tables) and all(sql.rstrip().endswith("STRICT") for sql in text)
        put(connection, job())
        with pytest.raises(sa.exc.IntegrityError):
            connection.exec_driver_sql("UPDATE job SET done = 'many'")


def test_a_failed_statement_does_not_quote_its_values(store: Store) -> None:
    with pytest.raises(sa.exc.DBAPIError) as caught, store.read() as connection:
        connection.execute(sa.text("SELECT * FROM nowhere WHERE a = :a"), {"a": "甄临一"})
    assert "甄临一" not in str(caught.value)
