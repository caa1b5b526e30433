"""DuckDB and Spark are each other's peer: every query of the lake gives the same rows on both."""

from __future__ import annotations

import ast
import random
import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import lianfang
from lianfang.foundation.errors import Fault
from lianfang.lake import DuckEngine, Engine, Lake, SparkEngine, queries, schema
from lianfang.records import Record

pytestmark = pytest.mark.spark

FIRST = date(2026, 1, 5)
AS_OF = FIRST + timedelta(days=20)
BASE = datetime(2026, 1, 5, tzinfo=UTC)
PARAMETERS = {
    "as_of": AS_OF,
    "since": FIRST + timedelta(days=3),
    "place": "420100",
    "until": BASE + timedelta(days=5),
}
TEXTS = [
    "武汉市",
    "临江市第一医院",
    "O'Brien",
    'a"b',
    "back\\slash",
    "%_",
    " ",
    "",
    "中文，标点。",
    "420100",
    None,
]
HOLDER = {"presences_lodging": "lodging", "presences_trips": "trips", "presences_visits": "visits"}


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkEngine]:
    pytest.importorskip("pyspark", reason="the extra spark is not installed")
    if shutil.which("java") is None:
        pytest.skip("there is no Java runtime")
    engine = SparkEngine(memory_mb=700)
    yield engine
    engine.close()


@pytest.fixture
def duck(tmp_path: Path) -> Iterator[DuckEngine]:
    engine = DuckEngine(folders=[tmp_path])
    yield engine
    engine.close()


def _cell(field: pa.Field, rng: random.Random) -> Any:
    if rng.random() < 0.15 and field.name not in ("date", "day"):
        return None
    if pa.types.is_date(field.type):
        return FIRST + timedelta(days=rng.randrange(30))
    if pa.types.is_integer(field.type):
        return rng.choice([0, 1, -1, rng.randrange(10**10), 2**53 + 1])
    if pa.types.is_floating(field.type):
        return rng.randrange(-64, 64) / 8  # sums of eighths do not depend on their order
    if pa.types.is_boolean(field.type):
        return rng.random() < 0.5
    if pa.types.is_timestamp(field.type):
        return BASE + timedelta(seconds=rng.randrange(20 * 86400), microseconds=rng.randrange(10**6))
    return rng.choice(TEXTS)


def generated(record: type[Record], seed: int, rows: int = 400) -> pa.Table:
    """Rows of the record type with nulls and Chinese text, a fifth of them twice."""
    rng = random.Random(seed)
    wanted = schema(record)
    made = [{field.name: _cell(field, rng) for field in wanted} for _ in range(rows)]
    return pa.Table.from_pylist(made + made[: rows // 5], schema=wanted)


def holder_table(source: str, seed: int) -> pa.Table:
    """A holder's table as the city delivers it."""
    rng = random.Random(seed)
    moment = pa.timestamp("ms", tz="UTC")
    fields: dict[str, list[pa.Field]] = {
        "lodging": [
            pa.field("hotel", pa.string()),
            pa.field("room", pa.string()),
            pa.field("floor", pa.int16()),
        ],
        "trips": [
            pa.field("vehicle", pa.string()),
            pa.field("date", pa.date32()),
            pa.field("row", pa.int16()),
            pa.field("column", pa.int16()),
        ],
        "visits": [pa.field("place_id", pa.string())],
    }
    wanted = pa.schema(
        [
            pa.field("subscriber", pa.int32()),
            *fields[source],
            pa.field("start", moment),
            pa.field("end", moment),
        ]
    )
    made = []
    for _ in range(300):
        start = BASE + timedelta(minutes=rng.randrange(9 * 1440))
        row: dict[str, Any] = {
            "subscriber": rng.randrange(60),
            "start": start,
            "end": start + timedelta(minutes=rng.randrange(600)),
        }
        for field in fields[source]:
            small = pa.types.is_integer(field.type)
            row[field.name] = rng.choice([None, *range(9)]) if small else _cell(field, rng)
        made.append(row)
    return pa.Table.from_pylist(made + made[:50], schema=wanted)


def _sorted(table: pa.Table) -> list[str]:
    return sorted(repr(row) for row in table.to_pylist())


def same(duck: Engine, spark: Engine, query: str, parameters: dict[str, Any]) -> pa.Table:
    """The answer, when both engines give it: rows, columns and types."""
    ours, theirs = duck.sql(query, parameters), spark.sql(query, parameters)
    assert ours.schema.equals(theirs.schema), f"{ours.schema}\n{theirs.schema}"
    assert _sorted(ours) == _sorted(theirs)
    return ours


def test_every_query_has_its_tables() -> None:
    assert set(queries.QUERIES) == set(queries.TABLES) | set(HOLDER)
    assert {HOLDER[name] for name in HOLDER} == set(queries.PRESENCES)


@pytest.mark.parametrize("name", sorted(queries.TABLES))
def test_same_rows_from_the_lakes_tables(
    name: str, duck: DuckEngine, spark: SparkEngine, tmp_path: Path
) -> None:
    record = queries.TABLES[name]
    lake = Lake(tmp_path / "lake")
    for batch in range(2):
        lake.write(record, f"b{batch}", generated(record, seed=batch))
    for engine in (duck, spark):
        lake.open(engine, record, until=AS_OF)
    found = same(duck, spark, queries.QUERIES[name], PARAMETERS)
    assert found.num_rows > 3
    whole = same(duck, spark, f"SELECT * FROM {record.about.name}", {})
    assert whole.column_names == schema(record).names  # folders by day add no column
    for engine in (duck, spark):  # and of nothing, nothing
        Lake(tmp_path / "empty").open(engine, record)
    assert same(duck, spark, queries.QUERIES[name], PARAMETERS).num_rows == 0


@pytest.mark.parametrize("name", sorted(HOLDER))
def test_same_rows_from_a_holders_tables(
    name: str, duck: DuckEngine, spark: SparkEngine, tmp_path: Path
) -> None:
    path = tmp_path / "part.parquet"
    pq.write_table(holder_table(HOLDER[name], seed=5), path)
    index = pa.table({"token": pa.array([1, 2, 3, None, 2], pa.int64())})
    for engine in (duck, spark):
        engine.register(HOLDER[name], [path])
        engine.register("index_cases", index)
    found = same(duck, spark, queries.QUERIES[name], PARAMETERS)
    assert found.num_rows > 3
    assert found.schema.field("start").type == pa.timestamp("us", tz="UTC")


def test_parameters_order_and_types_alike(duck: DuckEngine, spark: SparkEngine) -> None:
    rows = pa.table(
        {
            "n": pa.array([3, None, 1, 2], pa.int64()),
            "x": pa.array([0.5, 1.25, None, 2.0], pa.float64()),
            "text": pa.array(["一", "back\\slash", "x' OR '1'='1", None]),
            "time": pa.array([BASE, None, BASE + timedelta(hours=8), BASE], pa.timestamp("us", "UTC")),
        }
    )
    for engine in (duck, spark):
        engine.register("t", rows)
    sums = same(
        duck, spark, "SELECT SUM(n) AS n, COUNT(*) AS c, AVG(n) AS a, SUM(x) AS x, 1.5 AS d FROM t", {}
    )
    assert sums.to_pylist() == [{"n": 6, "c": 4, "a": 2.0, "x": 3.75, "d": 1.5}]
    attempts = {"x' OR '1'='1": 1, "back\\slash": 1, "一": 1, "\\' OR 1=1 --": 0, ":n": 0, "no": 0}
    for text, rows_found in attempts.items():
        found = same(duck, spark, "SELECT n FROM t WHERE text = :text", {"text": text})
        assert found.num_rows == rows_found
    for moment in (BASE, BASE.replace(tzinfo=None), BASE.astimezone(tz=None)):
        assert same(duck, spark, "SELECT n FROM t WHERE time = :at", {"at": moment}).num_rows == 2
    for order in ("n", "n DESC", "text", "text DESC"):
        query = f"SELECT n, text FROM t ORDER BY {order}"
        assert duck.sql(query).to_pylist() == spark.sql(query).to_pylist()
    for engine in (duck, spark):
        with pytest.raises(Fault, match="lacks its parameter text"):
            engine.sql("SELECT n FROM t WHERE text = :text", {})


def test_every_query_that_is_asked_stands_in_the_registry() -> None:
    """``engine.sql`` is given a name of ``queries``, never a text of its own."""
    texts = set(queries.QUERIES.values())
    known = {name for name, value in vars(queries).items() if isinstance(value, str) and value in texts}
    known |= {"PRESENCES"}
    asked = 0
    for path in sorted(Path(lianfang.__file__).parent.rglob("*.py")):
        if path.parent.name == "lake":
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        assigned = {
            target.id: node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for node in ast.walk(tree):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            if node.func.attr != "sql" or not node.args:
                continue
            given = node.args[0]
            if isinstance(given, ast.Name):
                given = assigned.get(given.id, given)
            if isinstance(given, ast.Subscript):
                given = given.value
            asked += 1
            assert (
                isinstance(given, ast.Attribute)
                and isinstance(given.value, ast.Name)
                and given.value.id == "queries"
                and given.attr in known
            ), f"{path.name}:{node.lineno} asks the lake what lake/queries.py does not list"
    assert asked >= 3
