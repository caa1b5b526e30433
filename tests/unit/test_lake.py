"""The lake's files and its engine: whole or absent, declared or refused, bounded, closed to the outside."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lianfang.foundation.errors import BadInput, Fault
from lianfang.lake import DuckEngine, Lake, files, schema
from lianfang.lake.engine import common
from lianfang.records import REGISTRY, CaseReport, ClinicCount, DailyCount, LocationPing

D1, D2, D3 = date(2026, 1, 5), date(2026, 1, 6), date(2026, 1, 7)


def clinics(*rows: tuple[date | None, str, int]) -> pa.Table:
    days, names, visits = zip(*rows, strict=True)
    return pa.table(
        {"date": pa.array(days, pa.date32()), "clinic": pa.array(names), "visits": pa.array(visits)}
    )


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


@pytest.fixture
def engine(lake: Lake, tmp_path: Path) -> Iterator[DuckEngine]:
    made = DuckEngine(folders=[lake.root], scratch=tmp_path / "scratch")
    yield made
    made.close()


def everything(lake: Lake) -> list[str]:
    return sorted(str(p.relative_to(lake.root)) for p in lake.root.rglob("*") if p.is_file())


# files ----------------------------------------------------------------------------------------------------


def test_a_batch_is_split_by_day_in_its_own_order(lake: Lake) -> None:
    rows = [(D2, "一院", 1), (D1, "二院", 2), (D2, "三院", 3), (D1, "一院", 4)]
    paths = lake.write(ClinicCount, "b1", clinics(*rows))
    assert everything(lake) == [
        "clinic_count/day=2026-01-05/b1.parquet",
        "clinic_count/day=2026-01-06/b1.parquet",
    ]
    read = [pq.ParquetFile(path).read() for path in paths]
    assert [table["clinic"].to_pylist() for table in read] == [["二院", "一院"], ["一院", "三院"]]
    assert all(table.schema.equals(schema(ClinicCount)) for table in read)
    assert read[0]["fever"].to_pylist() == [None, None]  # declared and not given


def test_the_same_batch_replaces_itself(lake: Lake) -> None:
    lake.write(ClinicCount, "b1", clinics((D1, "一院", 1), (D2, "一院", 2)))
    lake.write(ClinicCount, "b2", clinics((D1, "二院", 7)))
    lake.write(ClinicCount, "b1", clinics((D2, "一院", 5), (D3, "一院", 6)))
    assert [p.parent.name + "/" + p.stem for p in lake.files(ClinicCount)] == [
        "day=2026-01-05/b2",
        "day=2026-01-06/b1",
        "day=2026-01-07/b1",
    ]
    assert pq.ParquetFile(lake.files(ClinicCount, since=D2, until=D2)[0]).read()["visits"].to_pylist() == [5]


def test_a_failure_while_writing_leaves_what_was_there(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    lake.write(ClinicCount, "b1", clinics((D1, "一院", 1)))
    before = {path: (lake.root / path).read_bytes() for path in everything(lake)}
    whole = pq.write_table

    def half(table: pa.Table, stream: object, **more: object) -> None:
        whole(table, stream, **more)
        raise OSError("disk full")

    monkeypatch.setattr(pq, "write_table", half)
    with pytest.raises(OSError, match="disk full"):
        lake.write(ClinicCount, "b1", clinics((D1, "一院", 2), (D2, "一院", 2)))
    assert {path: (lake.root / path).read_bytes() for path in everything(lake)} == before


def _killed(root: Path, at: int) -> None:
    """Writes three days and is killed before the ``at``-th file gets its name."""
    reached = 0
    place = Path.replace

    def counted(self: Path, target: Path) -> Path:
        nonlocal reached
        reached += 1
        if reached == at:
            os.kill(os.getpid(), signal.SIGKILL)
        return place(self, target)

    Path.replace = counted  # type: ignore[method-assign]
    Lake(root).write(ClinicCount, "b1", clinics((D1, "一院", 2), (D2, "一院", 2), (D3, "一院", 2)))


@pytest.mark.parametrize("at", [1, 2, 3])
def test_killed_while_writing(lake: Lake, engine: DuckEngine, at: int) -> None:
    child = multiprocessing.get_context("fork").Process(target=_killed, args=(lake.root, at))
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    assert lake.days(ClinicCount) == [D1, D2, D3][: at - 1]  # a draft is no day
    lake.open(engine, ClinicCount)
    assert engine.sql("SELECT COUNT(*) AS n FROM clinic_count")["n"].to_pylist() == [at - 1]
    lake.write(ClinicCount, "b1", clinics((D1, "一院", 2), (D2, "一院", 2), (D3, "一院", 2)))
    assert [path.rpartition(".")[2] for path in everything(lake)] == ["parquet"] * 3


def test_what_is_refused_is_not_written(lake: Lake) -> None:
    good = clinics((D1, "一院", 1))
    with pytest.raises(Fault, match="name, phone"):
        lake.write(ClinicCount, "b1", good.append_column("phone", [["x"]]).append_column("name", [["x"]]))
    with pytest.raises(Fault, match="does not live in the lake"):
        lake.write(CaseReport, "b1", good)
    with pytest.raises(BadInput, match="1 rows of clinic_count have no day"):
        lake.write(ClinicCount, "b1", clinics((D1, "一院", 1), (None, "二院", 1)))
    for wrong in ("", "../b1", "B1", "b1.parquet", "b 1", "b/1", "b1\n", "b" * 65, "批次"):
        with pytest.raises(BadInput, match="batch's id"):
            lake.write(ClinicCount, wrong, good)
        with pytest.raises(BadInput, match="batch's id"):
            lake.remove_batch(ClinicCount, wrong)
    assert not lake.root.exists()


def test_no_schema_of_the_lake_has_room_for_an_identifier() -> None:
    for record in REGISTRY.values():
        if record.about.home == "lake":
            private = {info.name for info in record.fields.values()} - {
                info.name for info in record.stored_fields()
            }
            assert not private & set(schema(record).names)
            assert record.about.partition in schema(record).names


def test_days_and_spans(lake: Lake) -> None:
    for number, day in enumerate((D3, D1, D2)):
        lake.write(ClinicCount, f"b{number}", clinics((day, "一院", number)))
    assert lake.days(ClinicCount) == [D1, D2, D3]
    spans = {
        (None, None): [D1, D2, D3],
        (D2, None): [D2, D3],
        (None, D2): [D1, D2],
        (D2, D2): [D2],
        (D3, D1): [],
    }
    for (since, until), days in spans.items():
        found = lake.files(ClinicCount, since=since, until=until)
        assert [path.parent.name for path in found] == [f"day={day}" for day in days]
    assert lake.remove_batch(ClinicCount, "b1") == 1 and lake.days(ClinicCount) == [D2, D3]
    assert lake.remove_days(ClinicCount, until=D2) == 1 and lake.days(ClinicCount) == [D3]
    assert lake.days(DailyCount) == [] and lake.files(DailyCount) == []
    assert lake.remove_batch(DailyCount, "b1") == 0


def test_nothing_later_is_opened(lake: Lake, engine: DuckEngine) -> None:
    lake.write(ClinicCount, "b1", clinics((D1, "一院", 1), (D2, "一院", 2), (D3, "一院", 4)))
    later = lake.files(ClinicCount, since=D3)[0]
    later.write_bytes(b"no parquet at all")
    lake.open(engine, ClinicCount, until=D2)
    assert engine.sql("SELECT SUM(visits) AS n FROM clinic_count")["n"].to_pylist() == [3]
    lake.open(engine, ClinicCount, since=D2, until=D2, name="second")
    assert engine.sql("SELECT visits FROM second")["visits"].to_pylist() == [2]
    with pytest.raises(Exception, match=r"parquet|Parquet"):
        lake.open(engine, ClinicCount)
        engine.sql("SELECT SUM(visits) AS n FROM clinic_count")


@pytest.mark.parametrize("record", [ClinicCount, DailyCount, LocationPing])
def test_a_record_type_without_files_is_an_empty_table(lake: Lake, engine: DuckEngine, record: type) -> None:
    lake.open(engine, record)
    found = engine.sql(f"SELECT * FROM {record.about.name}")
    assert (found.num_rows, found.column_names) == (0, schema(record).names)


# engine ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["", "1a", "A", "a-b", "a b", "a;b", 'a"', "a'--", "病例", "a" * 62, "x; DROP TABLE y", "a\n"]
)
def test_names_that_cannot_stand_in_sql(engine: DuckEngine, name: str) -> None:
    with pytest.raises(BadInput, match="cannot be a table's name"):
        engine.register(name, clinics((D1, "一院", 1)))


def test_parameters_are_values(engine: DuckEngine) -> None:
    engine.register("t", clinics((D1, "一院", 1), (D2, "x' OR '1'='1", 2)))
    query = "SELECT visits FROM t WHERE clinic = :who"
    assert engine.sql(query, {"who": "x' OR '1'='1"})["visits"].to_pylist() == [2]
    for attempt in ("' OR 1=1 --", "一院'; DROP TABLE t; --", ":who", "$who"):
        assert engine.sql(query, {"who": attempt}).num_rows == 0
    assert engine.sql("SELECT visits FROM t WHERE date = :day", {"day": D1, "more": 1})[
        "visits"
    ].to_pylist() == [1]
    assert engine.sql("SELECT '12:30' AS t, CAST(:n AS INTEGER) AS n", {"n": None}).to_pylist() == [
        {"t": "12:30", "n": None}
    ]
    with pytest.raises(Fault, match="lacks its parameter who"):
        engine.sql(query, {"whom": "x"})


def test_a_naive_moment_is_utc(engine: DuckEngine) -> None:
    moment = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
    engine.register("t", pa.table({"time": pa.array([moment], pa.timestamp("us", "UTC"))}))
    for given in (moment, moment.replace(tzinfo=None)):
        assert engine.sql("SELECT time FROM t WHERE time = :at", {"at": given})["time"].to_pylist() == [
            moment
        ]


@pytest.mark.parametrize(
    "order",
    [
        "SELECT 1 AS a; SELECT 2 AS a",
        "CREATE TABLE t (a INTEGER)",
        "COPY (SELECT 1) TO '{lake}/out.csv'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "ATTACH '{lake}/other.db'",
        "SET memory_limit = '64GB'",
        "SET enable_external_access = true",
        "PRAGMA database_list",
        "",
    ],
)
def test_only_a_query_is_run(lake: Lake, engine: DuckEngine, order: str) -> None:
    lake.write(ClinicCount, "b1", clinics((D1, "一院", 1)))
    with pytest.raises(Fault, match="one query at a time"):
        engine.sql(order.format(lake=lake.root))
    assert everything(lake) == ["clinic_count/day=2026-01-05/b1.parquet"]


def test_files_outside_the_lake_are_out_of_reach(lake: Lake, engine: DuckEngine, tmp_path: Path) -> None:
    lake.write(ClinicCount, "b1", clinics((D1, "一院", 1)))
    inside = lake.files(ClinicCount)[0]
    outside = tmp_path / "vault" / "secret.parquet"
    outside.parent.mkdir()
    outside.write_bytes(inside.read_bytes())
    assert engine.sql(f"SELECT visits FROM read_parquet('{inside}')").num_rows == 1
    for way in (
        f"read_parquet('{outside}')",
        f"'{outside}'",
        f"read_parquet('{lake.root}/../vault/secret.parquet')",
        "read_csv('/etc/passwd')",
        "read_text('/etc/hostname')",
        "glob('/etc/*')",
        "read_parquet('https://example.org/x.parquet')",
    ):
        with pytest.raises(Exception, match=r"disabled by configuration|httpfs"):
            engine.sql(f"SELECT * FROM {way}")
    with pytest.raises(Exception, match="disabled by configuration"):
        engine.register("t", [outside])
    closed = DuckEngine()
    with pytest.raises(Exception, match="disabled by configuration"):
        closed.register("t", [inside])
    closed.close()


def test_variables_of_the_program_are_no_tables(engine: DuckEngine) -> None:
    secret = clinics((D1, "一院", 1))
    assert secret.num_rows == 1
    with pytest.raises(Exception, match="does not exist"):
        engine.sql("SELECT * FROM secret")


def test_memory_is_bounded(tmp_path: Path) -> None:
    query = "SELECT COUNT(*) AS n FROM (SELECT DISTINCT hash(range) AS h FROM range(3000000))"
    small = DuckEngine(memory_mb=20, threads=1)
    with pytest.raises(Exception, match=r"Out of Memory|out of memory|failed to (pin|allocate)"):
        small.sql(query)
    small.close()
    spilling = DuckEngine(memory_mb=64, threads=1, scratch=tmp_path / "scratch")
    assert spilling.sql(query)["n"].to_pylist() == [3_000_000]
    spilling.close()


def test_answers_have_the_lakes_types(engine: DuckEngine) -> None:
    engine.register(
        "t", pa.table({"n": pa.array([1, 2], pa.int64()), "x": pa.array([0.5, 1.5], pa.float32())})
    )
    found = engine.sql("SELECT SUM(n) AS n, COUNT(*) AS c, SUM(x) AS x, AVG(n) AS a, 1.5 AS d FROM t")
    assert found.schema.types == [pa.int64(), pa.int64(), pa.float64(), pa.float64(), pa.float64()]
    assert found.to_pylist() == [{"n": 3, "c": 2, "x": 2.0, "a": 1.5, "d": 1.5}]
    engine.register("big", pa.table({"n": pa.array([2**62, 2**62, 2**62], pa.int64())}))
    with pytest.raises(Fault, match="64 bits"):
        engine.sql("SELECT SUM(n) AS n FROM big")
    assert common(pa.table({"t": pa.array(["中"], pa.large_string())})).schema.types == [pa.string()]


def test_nulls_come_first(engine: DuckEngine) -> None:
    engine.register("t", pa.table({"n": pa.array([2, None, 1])}))
    assert engine.sql("SELECT n FROM t ORDER BY n")["n"].to_pylist() == [None, 1, 2]
    assert engine.sql("SELECT n FROM t ORDER BY n DESC")["n"].to_pylist() == [2, 1, None]


def test_every_step_of_a_write_is_by_rename(lake: Lake) -> None:
    """No reader's pattern matches a draft."""
    path = lake._path(ClinicCount, D1, "b1")
    files._write_whole(path, clinics((D1, "一院", 1)).select(["date"]))
    path.with_suffix(".part").write_bytes(b"half")
    assert lake.files(ClinicCount) == [path]
